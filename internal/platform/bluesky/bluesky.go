// Package bluesky receives events of Bluesky's network. Bluesky calls no
// hooks: `rapport jetstream` reads its event stream and posts the events,
// signed as Standard Webhooks says; and searches are polled.
//
// Sources: https://github.com/bluesky-social/jetstream,
// https://docs.bsky.app/docs/api/app-bsky-feed-search-posts,
// https://atproto.com/specs/record-key#record-key-type-tid,
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
package bluesky

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name         = social.Platform("bluesky")
	searchPrefix = "search:"
)

// Adapter is Bluesky.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types: a commit's collection and operation, an
// account's status, identity.
func (Adapter) Kinds() []platform.Kind {
	const silent = "the event does not say of what"
	return []platform.Kind{
		{Name: "app.bsky.feed.post create", Becomes: string(social.Post), Note: "also from a search"},
		{Name: "app.bsky.feed.post create", Becomes: string(social.Reply)},
		{Name: "app.bsky.feed.post create", Becomes: string(social.Quote), Note: "embeds a post, and is no reply"},
		{Name: "app.bsky.feed.post create", Becomes: string(social.Mention), Note: "mentions an account, and is neither reply nor quote"},
		{Name: "app.bsky.feed.post update", Becomes: string(social.Edit)},
		{Name: "app.bsky.feed.post delete", Becomes: string(social.Delete)},
		{Name: "app.bsky.feed.like create", Becomes: string(social.React)},
		{Name: "app.bsky.feed.like update", Becomes: platform.Ignored, Note: "the like is known since it was created"},
		{Name: "app.bsky.feed.like delete", Becomes: platform.Ignored, Note: silent},
		{Name: "app.bsky.feed.repost create", Becomes: string(social.Repost)},
		{Name: "app.bsky.feed.repost update", Becomes: platform.Ignored, Note: "the repost is known since it was created"},
		{Name: "app.bsky.feed.repost delete", Becomes: platform.Ignored, Note: silent},
		{Name: "app.bsky.graph.follow create", Becomes: string(social.Follow)},
		{Name: "app.bsky.graph.follow update", Becomes: platform.Ignored, Note: "the follow is known since it was created"},
		{Name: "app.bsky.graph.follow delete", Becomes: platform.Ignored, Note: silent},
		{Name: "app.bsky.actor.profile create", Becomes: string(social.ProfileChange)},
		{Name: "app.bsky.actor.profile update", Becomes: string(social.ProfileChange)},
		{Name: "app.bsky.actor.profile delete", Becomes: platform.Ignored, Note: "no profile is left to tell of"},
		{Name: "identity", Becomes: string(social.ProfileChange), Note: "the handle"},
		{Name: "identity", Becomes: platform.Ignored, Note: "without a handle"},
		{Name: "account active", Becomes: platform.Ignored, Note: "the account is there, or there again"},
		{Name: "account inactive", Becomes: platform.Ignored, Note: "for a reason not given"},
		{Name: "account deleted", Becomes: platform.Erased},
		{Name: "account takendown", Becomes: platform.Erased},
		{Name: "account suspended", Becomes: platform.Ignored, Note: "it may come back"},
		{Name: "account deactivated", Becomes: platform.Ignored, Note: "it may come back"},
		{Name: "account desynchronized", Becomes: platform.Ignored, Note: "of the network's machines"},
		{Name: "account throttled", Becomes: platform.Ignored, Note: "of the network's machines"},
		{Name: "searchPosts", Becomes: platform.Ignored, Note: "polled; no posts"},
	}
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckKey refuses a secret that `rapport jetstream` can't sign with.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if _, err := decode(key); err != nil {
		return fmt.Errorf("the secret must be whsec_ and base64 of 24 to 64 bytes, for example of openssl rand -base64 32: %w", err)
	}
	return nil
}

var (
	didForm  = form{pattern.New(`^did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]$`), 512} // https://atproto.com/specs/did, which allows 2048 bytes
	rkeyForm = form{pattern.New(`^[A-Za-z0-9._~:-]+$`), 512}                          // https://atproto.com/specs/record-key
	nsidForm = form{pattern.New(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+){2,}$`), 317}         // https://atproto.com/specs/nsid
)

// form is what an identifier looks like, and how many bytes it has at most.
type form struct {
	*pattern.Pattern
	most int
}

// MatchString reports whether s is of the form.
func (f form) MatchString(s string) bool { return len(s) <= f.most && f.Pattern.MatchString(s) }

// maxQuery bounds a search, in bytes.
const maxQuery = 500

// CheckScope refuses what is neither an account's DID nor a search.
func (Adapter) CheckScope(scope string) error {
	query, search := strings.CutPrefix(scope, searchPrefix)
	switch {
	case search && strings.TrimSpace(query) == query && query != "" && len(query) <= maxQuery:
	case search:
		return fmt.Errorf("search: must be followed by 1 to %d bytes to search for, without white space at the ends", maxQuery)
	case !didForm.MatchString(scope):
		return errors.New("the scope must be an account's DID (did:plc:…; not its handle) or search:<words>")
	}
	return nil
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks the Standard Webhooks signature over the raw body.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
	return platform.VerifyWebhook(r, s.Keys, decode, now)
}

// decode decodes a secret, of 24 to 64 bytes as the specification asks for.
func decode(secret string) ([]byte, error) {
	raw, err := platform.WebhookKey(secret)
	if err == nil && (len(raw) < 24 || len(raw) > 64) {
		return nil, fmt.Errorf("it has %d bytes", len(raw))
	}
	return raw, err
}

// Sign signs r as `rapport jetstream` does.
func (Adapter) Sign(r *platform.Request, key, id string, _ platform.Options, now time.Time) error {
	return platform.SignWebhook(r, key, decode, id, now)
}

// Normalise reads events of the stream, or a search's answer.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	if r.Polled() {
		return found(r)
	}
	lines, err := lines(r.Body)
	if err != nil {
		return nil, err
	}
	var events []platform.Event
	for _, l := range lines {
		events = append(events, event(l))
	}
	return events, nil
}

// Split groups the events by whom they are about. An answer to a search is
// of one scope as it is.
func (Adapter) Split(r platform.Request, _ platform.Options) []platform.Request {
	all, err := lines(r.Body)
	if r.Polled() || err != nil {
		return []platform.Request{r}
	}
	var order []string
	groups := map[string][]byte{}
	for i, l := range all {
		group := social.Key(append([]string{"of"}, event(l).Scopes...)...)
		var any json.RawMessage
		if platform.Decode(l, &any) != nil {
			group = social.Key("malformed", strconv.Itoa(i)) // alone, since two of them might make a whole
		}
		if groups[group] == nil {
			order = append(order, group)
		}
		groups[group] = append(append(groups[group], l...), '\n')
	}
	var out []platform.Request
	for _, g := range order {
		part := r
		part.Body = groups[g]
		out = append(out, part)
	}
	return out
}

// Sample is a post that mentions the account, or a search's answer with one post.
func (a Adapter) Sample(scope, id string, now time.Time) platform.Request {
	const author = "did:plc:rapportsampleaccount"
	key, at := "sample-"+id, social.Stamp(now)
	header := http.Header{"Content-Type": {"application/json"}}
	record := map[string]any{"$type": postCollection, "text": "Does it work?", "createdAt": at}
	if a.Polls(scope) {
		f, _ := a.Poll(scope, "", platform.Secrets{}, platform.Options{}) // fails only for scopes that are not polled
		body, _ := json.Marshal(map[string]any{"posts": []any{map[string]any{"uri": address(author, postCollection, key), "author": map[string]any{"did": author}, "record": record, "indexedAt": at}}})
		return platform.Request{Method: http.MethodGet, URL: f.URL, Query: f.URL[strings.Index(f.URL, "?")+1:], Header: header, Body: body}
	}
	record["facets"] = []any{map[string]any{"index": map[string]any{"byteStart": 0, "byteEnd": 4}, "features": []any{map[string]any{"$type": mentionFeature, "did": scope}}}}
	body, _ := json.Marshal(map[string]any{"did": author, "time_us": now.UnixMicro(), "kind": "commit",
		"commit": map[string]any{"rev": tid(now), "operation": "create", "collection": postCollection, "rkey": key, "record": record}})
	return platform.Request{Method: http.MethodPost, Header: header, Body: body}
}

// MakeKey makes a secret as Standard Webhooks has it: the consumer is ours.
func (Adapter) MakeKey(random []byte) string { return platform.MakeWebhookKey(random) }
