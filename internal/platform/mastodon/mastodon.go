// Package mastodon receives what happens on Mastodon in two ways: by the
// webhooks of an instance, which only its administrators can set up, and by
// asking an instance for what is posted under a hashtag, which anybody can.
// The same status is the same activity in both.
// https://docs.joinmastodon.org/admin/webhooks/,
// https://docs.joinmastodon.org/methods/timelines/#tag
package mastodon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// header is WebSub's old name with SHA-256 in it:
// https://github.com/mastodon/mastodon/blob/main/app/workers/webhooks/delivery_worker.rb
const header = "X-Hub-Signature"

const name social.Platform = "mastodon"

var scheme = platform.HeaderMAC{Header: header, Prefix: "sha256=", MAC: platform.MAC{Algorithm: "sha256", Encoding: "hex"}}

// Adapter is the mastodon platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// timeline is the kind of what is fetched.
const timeline = "timeline.tag"

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	var kinds []platform.Kind
	for _, k := range []string{"status.created", timeline} {
		kinds = append(kinds,
			platform.Kind{Name: k, Becomes: string(social.Post)},
			platform.Kind{Name: k, Becomes: string(social.Reply)},
			platform.Kind{Name: k, Becomes: string(social.Quote)},
			platform.Kind{Name: k, Becomes: string(social.Repost), Note: "a boost"},
		)
	}
	return append(kinds,
		platform.Kind{Name: "status.created", Becomes: platform.Ignored, Note: "for followers or the people mentioned only"},
		platform.Kind{Name: timeline, Becomes: string(social.Edit), Note: "a status that was edited before it was fetched"},
		platform.Kind{Name: timeline, Becomes: platform.Ignored, Note: "nothing new, or not public"},
		platform.Kind{Name: "status.updated", Becomes: string(social.Edit)},
		platform.Kind{Name: "status.updated", Becomes: platform.Ignored, Note: "not of the words, or not public"},
		platform.Kind{Name: "account.created", Becomes: string(social.SignUp)},
		platform.Kind{Name: "account.approved", Becomes: string(social.SignUp), Note: "the same one as by account.created"},
		platform.Kind{Name: "account.updated", Becomes: string(social.ProfileChange)},
		platform.Kind{Name: "account.updated", Becomes: platform.Ignored, Note: "of an account that moderators have limited: it may be their doing"},
		platform.Kind{Name: "report.created", Becomes: platform.Ignored, Note: "who complains of whom is for the moderators only"},
		platform.Kind{Name: "report.updated", Becomes: platform.Ignored, Note: "who complains of whom is for the moderators only"},
	)
}

// CheckConfig refuses any document: Mastodon needs none.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckScope refuses what is neither an instance nor a hashtag at one.
func (Adapter) CheckScope(scope string) error {
	tag, host, err := parseScope(scope)
	if err != nil {
		return err
	}
	if tag != strings.ToLower(tag) || host != strings.ToLower(host) {
		return errors.New("the scope must be in lower case")
	}
	return nil
}

// parseScope reads "instance" and "#tag@instance". The instance is a public
// host name without a port, since Rapport fetches from it.
func parseScope(scope string) (tag, host string, err error) {
	host = scope
	if rest, ok := strings.CutPrefix(scope, "#"); ok {
		tag, host, ok = strings.Cut(rest, "@")
		if !ok || tag == "" || strings.ContainsAny(tag, "#@/?%. \t\r\n\x00") {
			return "", "", errors.New("a hashtag is given with the instance to ask, for example #golang@mastodon.example")
		}
	}
	if !isHost(host) {
		return "", "", errors.New("the scope must be the instance's host name without https://, for example mastodon.example, or a hashtag at one, for example #golang@mastodon.example")
	}
	return tag, host, nil
}

// isHost reports whether s is a host name of letters (international ones as
// xn--), with a dot, that is no IP address.
func isHost(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range l {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return len(labels) > 1 && len(s) <= 253 && (last[0] < '0' || last[0] > '9')
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of the raw body under the webhook's signing secret.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	return scheme.Verify(r, s)
}

// Sign signs r as Mastodon does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	return scheme.Sign(r, key)
}

// Sample is a webhook's status; for the scope of a hashtag one under it.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	tag, host, err := parseScope(scope)
	if err != nil {
		host = scope
	}
	tags := []map[string]string{}
	if tag != "" {
		tags = append(tags, map[string]string{"name": tag})
	}
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	link := "https://" + host + "/@sam/" + id
	body, _ := json.Marshal(map[string]any{"event": "status.created", "created_at": at, "object": map[string]any{
		"id": id, "created_at": at, "visibility": "public", "content": "<p>Does it work with my old version?</p>", "tags": tags,
		"uri": "https://" + host + "/users/sam/statuses/" + id, "url": link,
		"account": map[string]any{"id": "41", "username": "sam", "acct": "sam", "display_name": "Sam Sample"},
	}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Normalise reads a webhook's event, or the statuses of a fetched timeline.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	if r.Polled() {
		return fetched(r)
	}
	var d struct {
		Event   platform.Text   `json:"event"`
		Created platform.Text   `json:"created_at"`
		Object  json.RawMessage `json:"object"`
	}
	if err := platform.Decode(r.Body, &d); err != nil {
		return nil, fmt.Errorf("%w; a webhook with a template of its own can't be read: empty the template", err)
	}
	event := string(d.Event)
	switch event {
	case "":
		return nil, errors.New("no event; a webhook with a template of its own can't be read: empty the template")
	case "status.created", "status.updated":
		return webhookStatus(event, d.Object), nil
	case "account.created", "account.approved", "account.updated":
		return []platform.Event{webhookAccount(event, d.Created, d.Object)}, nil
	case "report.created", "report.updated":
		return []platform.Event{platform.Ignore(event, "who complains of whom is for the moderators only")}, nil
	}
	return []platform.Event{platform.Ignore(event, "it is not known to tell what someone did")}, nil
}
