// Package github receives the webhooks of GitHub: of repositories, of
// organisations, of GitHub Apps and of sponsored accounts. The same event
// through any of them is the same activity.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
package github

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	signatureHeader = "X-Hub-Signature-256"
	legacyHeader    = "X-Hub-Signature" // SHA-1
	eventHeader     = "X-GitHub-Event"
)

const name social.Platform = "github"

var (
	scheme = platform.HeaderMAC{Header: signatureHeader, Prefix: "sha256=", MAC: platform.MAC{Algorithm: "sha256", Encoding: "hex"}, Absent: "the webhook has no secret at GitHub"}
	legacy = platform.HeaderMAC{Header: legacyHeader, Prefix: "sha1=", MAC: platform.MAC{Algorithm: "sha1", Encoding: "hex"}}
)

// Adapter is the github platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// CheckConfig refuses any document: GitHub needs none.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckScope refuses what is neither a repository nor an account.
func (Adapter) CheckScope(scope string) error {
	if id, ok := strings.CutPrefix(scope, "id:"); ok {
		if id == "" || len(id) > 20 || strings.Trim(id, "0123456789") != "" {
			return errors.New("a repository's number is given as id:123456789")
		}
		return nil
	}
	owner, repo, has := strings.Cut(scope, "/")
	word := func(s, more string) bool {
		for _, c := range s {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_"+more, c) {
				return false
			}
		}
		return s != "" && len(s) <= 100
	}
	if !word(owner, "") || has && !word(repo, ".") {
		return errors.New(`the scope must be a repository like acme/widgets, a repository's number like id:123456789, an account like acme, or "marketplace" for purchases of your listing`)
	}
	return nil
}

// Handshake answers nothing: the ping is a signed delivery like others.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of the raw body, whatever its content type, under
// the webhook's secret. The legacy SHA-1 header, which GitHub still sends
// beside it, counts only where the app allows it and the new one is absent.
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
func (Adapter) Verify(r platform.Request, s platform.Secrets, o platform.Options, _ time.Time) error {
	if r.Header.Get(signatureHeader) != "" || r.Header.Get(legacyHeader) == "" {
		return scheme.Verify(r, s)
	}
	if err := legacy.Verify(r, s); err != nil {
		return err
	}
	if !o.Legacy {
		return platform.Refuse("only the legacy signature in %s: it holds, but the app does not allow it", legacyHeader)
	}
	return nil
}

// Sign signs r as GitHub does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	return scheme.Sign(r, key)
}

// Sample is an issue opened by someone outside. In an account's scope it is
// in a repository called sample.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	full, number := scope, "101"
	if n, ok := strings.CutPrefix(scope, "id:"); ok {
		full, number = "acme/sample", n
	} else if !strings.Contains(scope, "/") {
		full = scope + "/sample"
	}
	owner, repo, _ := strings.Cut(full, "/")
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	sender := map[string]any{"login": "sam-sample", "id": 4100, "type": "User", "html_url": "https://github.com/sam-sample"}
	body, _ := json.Marshal(map[string]any{
		"action": "opened",
		"issue": map[string]any{"id": platform.ID(id), "number": platform.ID(id), "title": "The export stops at 90 %", "body": "It worked last week.",
			"html_url": "https://github.com/" + full + "/issues/" + id, "user": sender, "author_association": "NONE", "created_at": at, "updated_at": at},
		"repository": map[string]any{"id": platform.ID(number), "name": repo, "full_name": full, "html_url": "https://github.com/" + full,
			"owner": map[string]any{"login": owner, "id": 7}},
		"sender": sender,
	})
	return platform.Request{Method: http.MethodPost, Body: body, Header: http.Header{"Content-Type": {"application/json"}, http.CanonicalHeaderKey(eventHeader): {"issues"}}}
}

// document is the JSON of a delivery, which a form has in its field payload.
func document(r platform.Request) ([]byte, error) {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/x-www-form-urlencoded" {
		return r.Body, nil
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil || form.Get("payload") == "" {
		return nil, errors.New("a form without a payload")
	}
	return []byte(form.Get("payload")), nil
}

// Normalise reads the one event of a delivery.
//
// The header that names the event is not signed. Who holds one genuine
// delivery could send its body again under another name: a deleted comment as
// a deleted repository. So the objects in the body must be those of the
// event. What happened to them (the action) stands in the body.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	doc, err := document(r)
	if err != nil {
		return nil, err
	}
	var keys map[string]json.RawMessage
	if err := platform.Decode(doc, &keys); err != nil {
		return nil, err
	}
	event := r.Header.Get(eventHeader)
	if event == "" {
		return nil, fmt.Errorf("no %s header", eventHeader)
	}
	var h head
	if err := platform.Decode(doc, &h); err != nil {
		// Of where it is, what is readable, so that the right workspace sees it.
		var part struct {
			Repository repository `json:"repository"`
		}
		_ = platform.Decode(doc, &part)
		return []platform.Event{platform.Park(event, err, part.Repository.scopes()...)}, nil
	}
	kind := event
	if h.Action != "" {
		kind += " " + string(h.Action)
	}
	if w := misfit(event, kind, keys); w != "" {
		return []platform.Event{platform.Park(kind, fmt.Errorf("%s is %.40q, but the body %s: the header is not signed and must fit the body", eventHeader, event, w), h.scopes()...)}, nil
	}
	if why, ok := ignored[kind]; ok {
		return []platform.Event{platform.Ignore(kind, why, h.scopes()...)}, nil
	}
	if acts[kind] == "" && !ends[kind] {
		return []platform.Event{platform.Ignore(kind, "it is not known to tell what someone did", h.scopes()...)}, nil
	}
	var d delivery
	if err := platform.Decode(doc, &d); err != nil {
		return []platform.Event{platform.Park(kind, err, h.scopes()...)}, nil
	}
	if ends[kind] {
		return []platform.Event{d.ended(event, kind)}, nil
	}
	return []platform.Event{d.event(event, kind)}, nil
}

// objects are the keys of a body that say what it is about.
var objects = []string{"issue", "comment", "pull_request", "review", "thread", "discussion", "release", "forkee", "sponsorship", "marketplace_purchase", "member", "starred_at", "hook"}

// about are the objects that the body of a known event has, and the only ones.
// For what is in no row, like a push, nothing follows from its body.
var about = map[string]string{
	"issues": "issue", "issue_comment": "issue comment", "pull_request": "pull_request", "pull_request_review": "pull_request review",
	"pull_request_review_comment": "comment pull_request", "discussion": "discussion", "discussion_comment": "comment discussion",
	"commit_comment": "comment", "release": "release", "fork": "forkee", "sponsorship": "sponsorship", "marketplace_purchase": "marketplace_purchase", "member": "member", "star": "starred_at",
	"meta": "hook", "repository": "", "organization": "", "installation": "", "installation_repositories": "", "github_app_authorization": "",
}

// EventOf is the event that a body kept without its headers can be alone, ""
// where its objects don't say. It is for people who look at payloads: what a
// delivery is, its header says.
func EventOf(body []byte) string {
	var keys map[string]json.RawMessage
	if platform.Decode(body, &keys) != nil {
		return ""
	}
	if keys["zen"] != nil && keys["hook_id"] != nil {
		return "ping"
	}
	found := ""
	for event, want := range about {
		if want == "" || misfit(event, event, keys) != "" {
			continue
		}
		if keys["repository"] == nil && event != "sponsorship" && event != "marketplace_purchase" {
			continue // a team's member, say
		}
		if found != "" {
			return ""
		}
		found = event
	}
	return found
}

// misfit says how a body can't be that of the event, "" if it can.
func misfit(event, kind string, keys map[string]json.RawMessage) string {
	want, known := about[event]
	if !known {
		return ""
	}
	for _, o := range objects {
		_, has := keys[o]
		should := strings.Contains(" "+want+" ", " "+o+" ")
		switch {
		case has && !should:
			return "has the object " + o
		case should && !has:
			return "has no " + o
		}
	}
	if more, ok := plain[event]; ok && ends[kind] {
		for k := range keys {
			if !strings.Contains(" action sender organization enterprise "+more+" ", " "+k+" ") {
				return "has the object " + k
			}
		}
	}
	return ""
}

// plain are the keys that the end of a grant may have beside the common ones.
// Many deliveries have nothing but one object more: a deleted label must not
// pass for a deleted repository.
var plain = map[string]string{
	"repository": "repository changes installation", "organization": "changes installation", "github_app_authorization": "",
	"installation": "installation repositories requester", "installation_repositories": "installation repository_selection repositories_added repositories_removed requester",
}

// user is an account as it stands in deliveries.
type user struct {
	ID    platform.ID   `json:"id"`
	Login platform.Text `json:"login"`
	Name  platform.Text `json:"name"`
	URL   platform.Text `json:"html_url"`
	Type  platform.Text `json:"type"` // User, Bot, Organization, Mannequin
}

// automatic reports whether the account is an app's, not a human's.
func (u *user) automatic() bool {
	return u != nil && (u.Type == "Bot" || strings.HasSuffix(string(u.Login), "[bot]"))
}

type repository struct {
	ID    platform.ID   `json:"id"`
	Full  platform.Text `json:"full_name"`
	Name  platform.Text `json:"name"`
	URL   platform.Text `json:"html_url"`
	Owner *user         `json:"owner"`
}

// named lists a name as GitHub writes it and in lower case: GitHub takes either.
func named(s platform.Text) []string {
	if s == "" {
		return nil
	}
	if l := strings.ToLower(string(s)); l != string(s) {
		return []string{string(s), l}
	}
	return []string{string(s)}
}

// own lists the scopes that are the repository's alone: its name, and its
// number, which stays when it is renamed.
func (r repository) own() []string {
	s := named(r.Full)
	if r.ID != "" {
		s = append(s, "id:"+string(r.ID))
	}
	return s
}

// scopes lists by what an event of the repository is routed: its own scopes and its owner.
func (r repository) scopes() []string {
	s := r.own()
	if r.Owner != nil {
		s = append(s, named(r.Owner.Login)...)
	}
	return s
}

// host is where the address u is at home, "" on github.com: ids of GitHub
// Enterprise Server count for the server only.
func host(u platform.Text) string {
	p, err := url.Parse(string(u))
	if err != nil || strings.EqualFold(p.Host, "github.com") || strings.EqualFold(p.Host, "www.github.com") {
		return ""
	}
	return strings.ToLower(p.Host)
}

// actor is the account as the one who does something. The account ghost stands
// for all that were deleted, and so for nobody.
// https://docs.github.com/en/account-and-profile/concepts/personal-account-management
func (u user) actor() social.Actor {
	if u.Login == "ghost" {
		return social.Actor{ID: social.Unknown, Scope: host(u.URL)}
	}
	return social.Actor{ID: string(u.ID), Scope: host(u.URL), Handle: string(u.Login), Name: string(u.Name)}
}

// namespace is the scope of the repository's activities: its number.
func (r repository) namespace() string {
	if h := host(r.URL); h != "" {
		return h + "/" + string(r.ID)
	}
	return string(r.ID)
}

// MakeKey makes a secret: it is ours to choose.
func (Adapter) MakeKey(random []byte) string { return hex.EncodeToString(random) }
