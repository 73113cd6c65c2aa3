// Package discourse receives the webhooks of Discourse forums: posts, likes,
// votes, accepted solutions, sign-ups and groups. The body is signed, the headers are
// not: what happened and at which forum stands in headers alone, so a body is
// read only as what its own one key says it is, see Normalise.
// https://meta.discourse.org/t/configure-webhooks-that-trigger-on-discourse-events/49045,
// https://github.com/discourse/discourse/blob/main/app/jobs/regular/emit_web_hook_event.rb
package discourse

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	signatureHeader = "X-Discourse-Event-Signature"
	eventHeader     = "X-Discourse-Event"
	typeHeader      = "X-Discourse-Event-Type"
	instanceHeader  = "X-Discourse-Instance"
)

const name social.Platform = "discourse"

var scheme = platform.HeaderMAC{Header: signatureHeader, Prefix: "sha256=", MAC: platform.MAC{Algorithm: "sha256", Encoding: "hex"}, Absent: "the webhook has no secret at the forum"}

// Adapter is the discourse platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// told are the events that tell what somebody did, with the key their body stands under.
var told = map[string]string{
	"post_created": "post", "post_edited": "post", "post_destroyed": "post", "post_liked": "like",
	"accepted_solution": "solved", "unaccepted_solution": "solved", "user_created": "user", "user_destroyed": "user",
	"user_added_to_group": "group_user", "user_removed_from_group": "group_user",
	"topic_upvote": "topic_voting", "topic_unvote": "topic_voting",
	"topic_closed_status_updated": "topic", "topic_autoclosed_status_updated": "topic",
}

// ignored are the known events that tell of nobody's doing, with the reason.
var ignored = []struct{ key, kind, why string }{
	{"ping", "ping", "Discourse tests the URL"},
	{"topic", "topic_created", "a topic's first post comes as post_created"},
	{"topic", "topic_edited", "it comes without the first post's words; where these are edited, too, post_edited has the new title"},
	{"topic", "topic_destroyed", "the first post comes as post_destroyed"},
	{"topic", "topic_recovered", "what was deleted stays deleted"},
	{"topic", "topic_archived_status_updated", "the state of a topic says nothing"},
	{"topic", "topic_visible_status_updated", "the state of a topic says nothing"},
	{"topic", "topic_pinned_status_updated", "the state of a topic says nothing"},
	{"topic", "topic_pinned_globally_status_updated", "the state of a topic says nothing"},
	{"post", "post_recovered", "what was deleted stays deleted"},
	{"user", "user_approved", "the sign-up came as user_created"},
	{"user", "user_confirmed_email", "the sign-up came as user_created"},
	{"user", "user_updated", "it says neither what changed nor when"},
	{"user", "user_logged_in", "it says no time"},
	{"user", "user_logged_out", "nobody does anything by it"},
	{"user_promoted", "user_promoted", "the forum raises the trust level"},
	{"user_badge", "user_badge_granted", "the forum gives the badge"},
	{"user_badge", "user_badge_revoked", "the forum takes the badge"},
	{"group", "group_created", "how the forum is set up says nothing"},
	{"group", "group_updated", "how the forum is set up says nothing"},
	{"group", "group_destroyed", "how the forum is set up says nothing"},
	{"category", "category_created", "how the forum is set up says nothing"},
	{"category", "category_updated", "how the forum is set up says nothing"},
	{"category", "category_destroyed", "how the forum is set up says nothing"},
	{"tag", "tag_created", "how the forum is set up says nothing"},
	{"tag", "tag_updated", "how the forum is set up says nothing"},
	{"tag", "tag_destroyed", "how the forum is set up says nothing"},
	{"reviewable", "reviewable_created", "moderation is the forum's own affair"},
	{"reviewable", "reviewable_updated", "moderation is the forum's own affair"},
	{"reviewable", "reviewable_transitioned_to", "moderation is the forum's own affair"},
	{"reviewable", "reviewable_score_updated", "moderation is the forum's own affair"},
	{"calendar_event", "calendar_event_created", "the post it stands in comes by itself"},
	{"calendar_event", "calendar_event_updated", "the post it stands in comes by itself"},
	{"notification", "notification_created", "what it is about comes as an event of its own"},
}

const leftOut = "private messages, whispers, hidden posts, and posts of the forum itself"

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	kinds := []platform.Kind{
		{Name: "post_created", Becomes: string(social.Post), Note: "the first post of a topic, with its title"},
		{Name: "post_created", Becomes: string(social.Reply), Note: "every other post"},
		{Name: "post_created", Becomes: platform.Ignored, Note: leftOut},
		{Name: "post_edited", Becomes: string(social.Edit)},
		{Name: "post_edited", Becomes: platform.Ignored, Note: leftOut + ", and posts that their author withdraws"},
		{Name: "post_destroyed", Becomes: string(social.Delete), Note: "by its author, or by somebody unknown"},
		{Name: "post_destroyed", Becomes: platform.Ignored, Note: "private messages, whispers, and posts of the forum itself"},
		{Name: "post_liked", Becomes: string(social.React), Note: "without a time; there is no event for a like taken back"},
		{Name: "post_liked", Becomes: platform.Ignored, Note: leftOut},
		{Name: "accepted_solution", Becomes: string(social.Accept), Note: "the answer, by somebody unknown, without a time"},
		{Name: "accepted_solution", Becomes: platform.Ignored, Note: leftOut},
		{Name: "unaccepted_solution", Becomes: string(social.Reopen), Note: "the topic, by somebody unknown, without a time"},
		{Name: "unaccepted_solution", Becomes: platform.Ignored, Note: leftOut},
		{Name: "topic_closed_status_updated", Becomes: string(social.Close), Note: "by the staff, without a time"},
		{Name: "topic_closed_status_updated", Becomes: string(social.Reopen), Note: "by the staff, without a time"},
		{Name: "topic_closed_status_updated", Becomes: platform.Ignored, Note: "a private message"},
		{Name: "topic_autoclosed_status_updated", Becomes: string(social.Close), Note: "by the forum itself, without a time"},
		{Name: "topic_upvote", Becomes: string(social.React), Note: "to the topic's first post, without a time"},
		{Name: "topic_unvote", Becomes: string(social.Unreact), Note: "to the topic's first post, without a time"},
		{Name: "user_created", Becomes: string(social.SignUp)},
		{Name: "user_created", Becomes: platform.Ignored, Note: "accounts of the forum itself, and those it makes for who writes by e-mail"},
		{Name: "user_destroyed", Becomes: platform.Erased},
		{Name: "user_added_to_group", Becomes: string(social.Join)},
		{Name: "user_added_to_group", Becomes: platform.Ignored, Note: "groups that the forum fills by itself"},
		{Name: "user_removed_from_group", Becomes: string(social.Leave), Note: "without a time"},
		{Name: "user_removed_from_group", Becomes: platform.Ignored, Note: "groups that the forum fills by itself"},
	}
	for _, i := range ignored {
		kinds = append(kinds, platform.Kind{Name: i.kind, Becomes: platform.Ignored, Note: i.why})
	}
	return kinds
}

// CheckConfig refuses any document: Discourse needs none.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckKey refuses a secret that Discourse would not take: it wants 12 bytes.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if len(key) < 12 {
		return errors.New("the webhook's secret must have 12 characters or more, as Discourse asks")
	}
	return nil
}

// CheckScope refuses what is no forum, nor a category of one.
func (Adapter) CheckScope(scope string) error {
	host, category, has := strings.Cut(scope, "/c/")
	if in, ok := parseInstance("https://" + host); !ok || in.scope != host || strings.Contains(host, "//") || !strings.ContainsAny(host, ".:") {
		return errors.New("the scope must be the forum's address in lower case, without https://, for example forum.example.com")
	}
	if has && !digits(category) {
		return errors.New("a category is given by its number, for example forum.example.com/c/7")
	}
	return nil
}

// Handshake answers nothing: the ping is a signed delivery like others.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of the raw body under the webhook's secret.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	return scheme.Verify(r, s)
}

// Sign signs r as Discourse does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	return scheme.Sign(r, key)
}

// Sample is a topic's first post, by a member of the forum.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	host, category, _ := strings.Cut(scope, "/c/")
	if category == "" {
		category = "7"
	}
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	body, _ := json.Marshal(map[string]any{"post": map[string]any{
		"id": platform.ID(id), "topic_id": platform.ID(id), "post_number": 1, "post_type": 1, "topic_archetype": "regular",
		"topic_title": "How do I export my data?", "topic_slug": "how-do-i-export-my-data", "category_id": platform.ID(category),
		"raw": "I could not find it in the menu.", "created_at": at, "updated_at": at, "version": 1,
		"user_id": 41, "username": "sam", "name": "Sam Sample", "staff": false,
	}})
	return platform.Request{Method: http.MethodPost, Body: body, Header: http.Header{
		"Content-Type": {"application/json"}, http.CanonicalHeaderKey(instanceHeader): {"https://" + host},
		http.CanonicalHeaderKey(eventHeader): {"post_created"}, http.CanonicalHeaderKey(typeHeader): {"post"},
	}}
}

// instance is a forum.
type instance struct {
	origin string // scheme and host, for links
	base   string // the origin and the path of a forum in a folder
	scope  string // the address without the scheme
}

// parseInstance reads the forum's address.
func parseInstance(s string) (instance, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return instance{}, false
	}
	host := strings.ToLower(u.Host)
	for _, c := range host {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(".-:[]", c) {
			return instance{}, false
		}
	}
	if def := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; strings.HasSuffix(host, def) {
		host = strings.TrimSuffix(host, def)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	return instance{u.Scheme + "://" + host, u.Scheme + "://" + host + path, host + path}, host != ""
}

// Normalise reads the one event of a delivery.
//
// The headers that name the forum and the event are not signed. Who holds one
// genuine delivery could send its body again under other headers. So the key
// of the body must be that of the event, and an address in the body must be
// the forum's. What remains: a body can be passed off as another event of the
// same kind (a post just created as one just destroyed), or, where several
// forums share one secret, as another forum's. Each forum therefore gets an
// app and a secret of its own.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var body map[string]json.RawMessage
	if err := platform.Decode(r.Body, &body); err != nil {
		return nil, err
	}
	in, ok := parseInstance(r.Header.Get(instanceHeader))
	if !ok {
		return nil, fmt.Errorf("%s names no forum: %.80q", instanceHeader, r.Header.Get(instanceHeader))
	}
	event := cmp.Or(r.Header.Get(eventHeader), r.Header.Get(typeHeader)) // a ping may name its type alone
	if event == "" {
		return nil, fmt.Errorf("no %s header", eventHeader)
	}
	of := cmp.Or(keyOf(event), r.Header.Get(typeHeader))
	raw, ok := body[of]
	if !ok {
		return nil, fmt.Errorf("%s is %.40q, but the body has no %.40q: the headers are not signed and must fit the body", eventHeader, event, of)
	}
	for _, i := range ignored {
		if i.kind == event {
			return []platform.Event{platform.Ignore(event, i.why, in.scope)}, nil
		}
	}
	switch event {
	case "post_created", "post_edited", "post_destroyed", "accepted_solution", "unaccepted_solution":
		var p post
		if err := platform.Decode(raw, &p); err != nil {
			return []platform.Event{platform.Park(event, err, in.scope)}, nil
		}
		return []platform.Event{in.post(event, p)}, nil
	case "post_liked":
		return []platform.Event{in.like(event, raw)}, nil
	case "topic_upvote", "topic_unvote":
		return []platform.Event{in.vote(event, raw)}, nil
	case "topic_closed_status_updated", "topic_autoclosed_status_updated":
		return []platform.Event{in.state(event, raw)}, nil
	case "user_created", "user_destroyed":
		return []platform.Event{in.user(event, raw)}, nil
	case "user_added_to_group", "user_removed_from_group":
		return []platform.Event{in.group(event, raw)}, nil
	}
	return []platform.Event{platform.Ignore(event, "it is not known to tell what someone did", in.scope)}, nil
}

// keyOf is the key under which a known event's body stands, "" for an unknown one.
func keyOf(event string) string {
	for _, i := range ignored {
		if i.kind == event {
			return i.key
		}
	}
	return told[event]
}

func digits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// MakeKey makes a secret: it is ours to choose.
func (Adapter) MakeKey(random []byte) string { return hex.EncodeToString(random) }
