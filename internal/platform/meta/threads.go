package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// threadsKinds are the rows of Threads.
// https://developers.facebook.com/docs/threads/webhooks
var threadsKinds = []platform.Kind{
	{Name: "threads replies", Becomes: string(social.Reply)},
	{Name: "threads mentions", Becomes: string(social.Mention)},
	{Name: "threads mentions", Becomes: string(social.Reply), Note: "a reply that mentions the user; told only where the app has threads_read_replies"},
	{Name: "threads mentions", Becomes: string(social.Quote), Note: "a quote that mentions the user"},
	{Name: "threads delete", Becomes: string(social.Delete)},
	{Name: "threads publish", Becomes: platform.Ignored, Note: publishNote},
}

const publishNote = "it tells neither what was published nor to what it replies"

// threads is within what the ids of its posts and its users' names are unique.
const threads = "threads"

// threadsFields are the fields of a delivery that say whose it is.
var threadsFields = []string{"app_id", "topic", "target_id", "time", "subscription_id", "has_uid_field"}

type threadsValue struct {
	ID        platform.ID   `json:"id"`
	Username  platform.Text `json:"username"`
	Text      platform.Text `json:"text"`
	Permalink platform.Text `json:"permalink"`
	Timestamp platform.Text `json:"timestamp"`
	Deleted   platform.Text `json:"deleted_at"`
	RepliedTo *struct {
		ID platform.ID `json:"id"`
	} `json:"replied_to"`
	Root *struct {
		ID    platform.ID `json:"id"`
		Owner platform.ID `json:"owner_id"`
	} `json:"root_post"`
	Owner *struct {
		ID    platform.ID `json:"id"`
		Owner platform.ID `json:"owner_id"`
	} `json:"owner"`
	IsQuote bool `json:"is_quote_post"`
}

// threadsElement is one change.
type threadsElement struct {
	Field string          `json:"field"`
	Value json.RawMessage `json:"value"`
}

// openThreads takes a delivery of Threads apart: its values are one object, or
// a list of them.
func openThreads(e *envelope) error {
	var target, subscription, app platform.ID
	if err := errors.Join(get(e.top, "target_id", &target), get(e.top, "subscription_id", &subscription), get(e.top, "app_id", &app)); err != nil {
		return fmt.Errorf("threads: %w", err)
	}
	values := []json.RawMessage{e.top["values"]}
	if e.top["values"][0] == '[' {
		if err := get(e.top, "values", &values); err != nil {
			return fmt.Errorf("threads: %w", err)
		}
		if len(values) == 0 {
			return errors.New("threads: no values")
		}
	}
	for _, raw := range values {
		e.parts = append(e.parts, part{raw: raw, events: []platform.Event{threadsChange(raw, target, subscription, app)}})
	}
	return nil
}

// threadsChange reads what happened to one post. Its author has no id but a
// username.
func threadsChange(raw json.RawMessage, ids ...platform.ID) platform.Event {
	var c threadsElement
	var v threadsValue
	err := platform.Decode(raw, &c)
	if err == nil && c.Field == "" {
		err = errors.New("a change without its field")
	}
	if err == nil && len(c.Value) == 0 {
		err = errors.New("a change without a value")
	}
	if err == nil {
		err = platform.Decode(c.Value, &v)
	}
	// Whose it is: target_id is the user mentioned or else the post, so that
	// the owner of the thread stands beside it; the app's id is the widest.
	if v.Root != nil {
		ids = slices.Insert(slices.Clone(ids), 1, v.Root.Owner)
	}
	if v.Owner != nil {
		ids = slices.Insert(slices.Clone(ids), 1, platform.ID(first(v.Owner.Owner, v.Owner.ID)))
	}
	var scopes []string
	for _, id := range ids {
		if id != "" && !slices.Contains(scopes, string(id)) {
			scopes = append(scopes, string(id))
		}
	}
	kind := strings.TrimSpace("threads " + c.Field)
	park := func(err error) platform.Event {
		return platform.Park(kind, fmt.Errorf("%s: %w", kind, err), scopes...)
	}
	if err != nil {
		return park(err)
	}
	a := social.Activity{Platform: name, Scope: threads, Actor: social.Actor{Scope: threads, ID: string(v.Username), Handle: string(v.Username)},
		Object: social.Object{ID: string(v.ID), Type: "post"}, Conversation: string(v.ID), Text: string(v.Text), URL: string(v.Permalink), Direction: social.Inbound}
	at := v.Timestamp
	switch c.Field {
	case "replies", "mentions":
		switch {
		case v.RepliedTo != nil && v.RepliedTo.ID != "":
			a.Type, a.InReplyTo = social.Reply, string(v.RepliedTo.ID)
		case c.Field == "replies":
			a.Type = social.Reply
		case v.IsQuote:
			a.Type = social.Quote
		default:
			a.Type = social.Mention
		}
		if v.Root != nil && v.Root.ID != "" {
			a.Conversation = string(v.Root.ID)
		}
	case "delete":
		// Only posts of the connected user are told.
		a.Type, a.Text, a.Direction, a.Conversation, at = social.Delete, "", social.Outbound, "", v.Deleted
		if a.Actor.ID == "" {
			a.Actor = social.Actor{ID: social.Unknown, Scope: threads}
		}
	case "publish":
		return platform.Ignore(kind, publishNote, scopes...)
	default:
		return platform.Ignore(kind, "it is not known to tell what someone did", scopes...)
	}
	switch {
	case len(scopes) == 0:
		return park(errors.New("nothing says whose it is"))
	case v.ID == "":
		return park(errors.New("a post without its id"))
	}
	if a.Occurred, err = metaTime(at); err != nil {
		return park(err)
	}
	a.Key = social.ActivityKey(name, threads, a.Type, string(v.ID), a.Occurred)
	return platform.Act(kind, a, nil, scopes...)
}
