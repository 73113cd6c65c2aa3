// Package zendesk receives the webhooks that Zendesk's event subscriptions
// send: comments and messages of tickets, ratings, users, and what is said in
// the help centre.
// https://developer.zendesk.com/api-reference/webhooks/event-types/webhook-event-types/
package zendesk

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name        = social.Platform("zendesk")
	header      = "X-Zendesk-Webhook-Signature"
	stampHeader = "X-Zendesk-Webhook-Signature-Timestamp"

	// tolerance is ours: Zendesk signs the time of the attempt and names no window.
	tolerance = 5 * time.Minute
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "base64"}

// Adapter is the zendesk platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// ignored are the event types that are known to tell nothing that somebody
// outside did, or nothing that another type does not tell better.
var ignored = map[string]string{
	"ticket.created":                   "its first comment comes as ticket.comment_added, or its messages as messaging_ticket.message_added",
	"ticket.agent_assignment_changed":  "how the team works",
	"ticket.comment_made_private":      "it was said all the same",
	"ticket.soft_deleted":              "Zendesk does not name the comments that go with it",
	"ticket.permanently_deleted":       "Zendesk does not name the comments that go with it: erase the requester, if that is meant",
	"ticket.csat_requested":            "a question of the business's",
	"user.active_changed":              "hidden, not deleted",
	"user.merged":                      "two users are one: merge the persons in Rapport",
	"article.published":                "an article of the business's",
	"article.unpublished":              "an article of the business's",
	"article.author_changed":           "an article of the business's",
	"article.comment_published":        "approved: article.comment_created told it",
	"community_post.published":         "approved: community_post.created told it",
	"community_post.comment_published": "approved: community_post.comment_created told it",
}

// Kinds lists the event types, without "zen:event-type:".
func (Adapter) Kinds() []platform.Kind {
	kinds := []platform.Kind{
		{Name: "ticket.comment_added", Becomes: string(social.Message), Note: "outbound if by staff"},
		{Name: "ticket.comment_added", Becomes: platform.Ignored, Note: "an internal note, or a transcript"},
		{Name: "ticket.comment_redacted", Becomes: string(social.Edit), Note: "if Zendesk sends what is left"},
		{Name: "ticket.comment_redacted", Becomes: string(social.Delete), Note: "if not"},
		{Name: "ticket.csat_received", Becomes: string(social.Review)},
		{Name: "ticket.status_changed", Becomes: string(social.Close), Note: "solved or closed: by the requester, or outbound"},
		{Name: "ticket.status_changed", Becomes: string(social.Reopen), Note: "solved before, and no longer: by the requester, or outbound"},
		{Name: "ticket.status_changed", Becomes: platform.Ignored, Note: "between other states: how the team works"},
		{Name: "messaging_ticket.message_added", Becomes: string(social.Message), Note: "outbound if by an agent, a trigger or a bot"},
		{Name: "user.created", Becomes: string(social.SignUp)},
		{Name: "user.created", Becomes: platform.Ignored, Note: "an agent or admin"},
		{Name: "user.name_changed", Becomes: string(social.ProfileChange)},
		{Name: "user.identity_created", Becomes: string(social.ProfileChange)},
		{Name: "user.identity_changed", Becomes: string(social.ProfileChange)},
		{Name: "user.deleted", Becomes: platform.Erased},
		{Name: "article.subscription_created", Becomes: string(social.Follow)},
		{Name: "article.vote_created", Becomes: string(social.React)},
		{Name: "article.vote_changed", Becomes: string(social.React)},
		{Name: "article.vote_removed", Becomes: string(social.Unreact)},
		{Name: "article.vote_removed", Becomes: platform.Ignored, Note: "if it does not say whose vote it was"},
		{Name: "article.comment_created", Becomes: string(social.Reply)},
		{Name: "article.comment_changed", Becomes: string(social.Edit)},
		{Name: "article.comment_changed", Becomes: platform.Ignored, Note: "without its new text"},
		{Name: "article.comment_unpublished", Becomes: string(social.Delete)},
		{Name: "community_post.created", Becomes: string(social.Post)},
		{Name: "community_post.changed", Becomes: string(social.Edit)},
		{Name: "community_post.changed", Becomes: platform.Ignored, Note: "without its new text"},
		{Name: "community_post.comment_changed", Becomes: platform.Ignored, Note: "without its new text"},
		{Name: "community_post.unpublished", Becomes: string(social.Delete)},
		{Name: "community_post.subscription_created", Becomes: string(social.Follow)},
		{Name: "community_post.vote_created", Becomes: string(social.React)},
		{Name: "community_post.vote_changed", Becomes: string(social.React)},
		{Name: "community_post.vote_removed", Becomes: string(social.Unreact)},
		{Name: "community_post.vote_removed", Becomes: platform.Ignored, Note: "if it does not say whose vote it was"},
		{Name: "community_post.comment_created", Becomes: string(social.Reply)},
		{Name: "community_post.comment_changed", Becomes: string(social.Edit)},
		{Name: "community_post.comment_unpublished", Becomes: string(social.Delete)},
		{Name: "community_post.comment_vote_created", Becomes: string(social.React)},
		{Name: "community_post.comment_vote_changed", Becomes: string(social.React)},
	}
	return platform.WithIgnored(kinds, ignored)
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var accountID = pattern.New(`^[0-9]{1,20}$`)

// CheckScope refuses what is no account id.
func (Adapter) CheckScope(scope string) error {
	if !accountID.MatchString(scope) {
		return errors.New("the scope is the account's id, a number: account_id in each event, not the subdomain")
	}
	return nil
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of the timestamp and the raw body, nothing between
// them (https://developer.zendesk.com/documentation/webhooks/verifying/).
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
	got, stamp := r.Header.Get(header), r.Header.Get(stampHeader)
	if got == "" || stamp == "" {
		return platform.Refuse("no %s or no %s header", header, stampHeader)
	}
	at, err := platform.Time(stamp)
	if err != nil {
		return platform.Refuse("%s: %v", stampHeader, err)
	}
	if err := platform.Within(at, now, tolerance); err != nil {
		return err
	}
	if !mac.Matches(s.Keys, got, []byte(stamp), r.Body) {
		return platform.Refuse("the signature in %s does not match", header)
	}
	return nil
}

// Sign signs r as Zendesk does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	if key == "" {
		return errors.New("the signing secret is empty")
	}
	stamp := now.UTC().Format(time.RFC3339)
	r.Header.Set(stampHeader, stamp)
	r.Header.Set(header, mac.Sum(key, []byte(stamp), r.Body))
	return nil
}

const prefix = "zen:event-type"

// Sample is a requester's comment on a ticket.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type m = map[string]any
	body, _ := json.Marshal(m{"account_id": scope, "id": "sample-" + id, "type": prefix + ":ticket.comment_added", "subject": "zen:ticket:1",
		"time": now.UTC().Format(time.RFC3339Nano), "zendesk_event_version": "2022-11-06", "detail": m{"id": "1", "requester_id": "7", "subject": "A question"},
		"event": m{"comment": m{"id": id, "body": "Does it work?", "is_public": true, "author": m{"id": "7", "is_staff": false, "name": "Ada"}}}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// envelope is what all events have in common. What detail and event hold
// depends on the type; the fields here are those of all types that are read.
type envelope struct {
	Account platform.ID   `json:"account_id"`
	Type    string        `json:"type"`
	Time    platform.Text `json:"time"`
	Detail  struct {
		ID        platform.ID   `json:"id"`
		PostID    platform.ID   `json:"post_id"` // of community posts, in some versions
		Actor     platform.ID   `json:"actor_id"`
		Requester platform.ID   `json:"requester_id"`
		User      platform.ID   `json:"user_id"`
		Role      platform.Text `json:"role"`
		Name      platform.Text `json:"name"`
	} `json:"detail"`
	Event json.RawMessage `json:"event"`

	kind, account string
	at            time.Time
}

// Normalise reads the one event of a delivery.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var head struct {
		Account platform.ID   `json:"account_id"`
		Type    platform.Text `json:"type"`
	}
	if err := platform.Decode(r.Body, &head); err != nil {
		return nil, err
	}
	kind, ok := strings.CutPrefix(string(head.Type), prefix)
	if !ok || len(kind) < 2 || kind[0] != ':' && kind[0] != '/' || head.Account == "" {
		return nil, errors.New("no event of a subscription: webhooks of triggers and automations send what their author wrote; the platform standard can read that")
	}
	kind = kind[1:] // ":", in some types "/"
	account := string(head.Account)
	one := func(e platform.Event) ([]platform.Event, error) { return []platform.Event{e}, nil }
	if why := ignored[kind]; why != "" {
		return one(platform.Ignore(kind, why, account))
	}
	var e envelope
	err := platform.Decode(r.Body, &e)
	if err == nil {
		e.kind, e.account = kind, account
		e.at, err = platform.Time(string(e.Time))
	}
	if err != nil {
		return one(platform.Park(kind, err, account))
	}
	var event platform.Event
	switch kind {
	case "ticket.comment_added", "ticket.comment_redacted":
		event, err = e.comment()
	case "ticket.csat_received":
		event, err = e.rating()
	case "ticket.status_changed":
		event, err = e.status()
	case "messaging_ticket.message_added":
		event, err = e.message()
	case "user.created", "user.name_changed", "user.identity_created", "user.identity_changed", "user.deleted":
		event, err = e.user()
	default:
		if domain, what, ok := strings.Cut(kind, "."); ok && (domain == "article" || domain == "community_post") {
			event, err = e.helpCentre(domain, what)
		} else {
			event = e.unknown()
		}
	}
	if err != nil {
		return one(platform.Park(kind, err, account))
	}
	return one(event)
}

func (e envelope) unknown() platform.Event {
	return platform.Ignore(e.kind, "it is not known to tell what someone did", e.account)
}

// read reads what is particular to the type.
func (e envelope) read(v any) error {
	if len(e.Event) == 0 {
		return errors.New("no event in it")
	}
	if err := platform.Decode(e.Event, v); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	return nil
}

// act is the event of an activity whose parts are given; the rest is the
// envelope's. id is what identifies the activity beside its time.
func (e envelope) act(a social.Activity, id string) platform.Event {
	a.Platform, a.Scope, a.Actor.Scope, a.Occurred = name, e.account, e.account, e.at
	if a.Direction == "" {
		a.Direction = social.Inbound
	}
	a.Key = social.ActivityKey(name, e.account, a.Type, id, e.at)
	return platform.Act(e.kind, a, nil, e.account)
}
