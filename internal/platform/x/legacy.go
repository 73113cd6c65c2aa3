package x

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// beside are the fields of AAA's deliveries that hold no events. meta says
// that a delivery is replayed.
var beside = map[string]bool{"for_user_id": true, "user_has_blocked": true, "is_blocked_by": true, "users": true, "apps": true, "meta": true}

// aaa reads a delivery of the Account Activity API: every list of events in it.
func aaa(top map[string]json.RawMessage) ([]platform.Event, error) {
	var who platform.ID
	if raw, ok := top["for_user_id"]; ok {
		if err := platform.Decode(raw, &who); err != nil {
			return nil, fmt.Errorf("for_user_id: %w", err)
		}
	}
	watched := string(who)
	known := accounts(top["users"])
	var out []platform.Event
	for _, key := range slices.Sorted(maps.Keys(top)) {
		if beside[key] {
			continue
		}
		read := lists[key]
		switch {
		case key == "user_event":
			out = append(out, userEvent(top[key]))
			continue
		case read == nil:
			reason, _ := why(key)
			if key == "" {
				key = "unnamed"
			}
			out = append(out, ignore(key, watched, reason))
			continue
		}
		var list []json.RawMessage
		if err := platform.Decode(top[key], &list); err != nil {
			out = append(out, park(key, watched, err))
			continue
		}
		if len(list) == 0 {
			out = append(out, ignore(key+" none", watched, "an empty list"))
		}
		for _, raw := range list {
			out = append(out, read(key, watched, raw, known))
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no event of X's: neither data nor a list of events")
	}
	return out, nil
}

// lists are AAA's lists of events with who reads an element. What is undone
// comes in the list of what is done, or in one of its own: the type counts.
var lists = map[string]func(key, watched string, raw json.RawMessage, known map[string]user) platform.Event{
	"tweet_create_events":   created1,
	"tweet_delete_events":   deleted1,
	"favorite_events":       liked1,
	"direct_message_events": message,
	"follow_events":         related1,
	"unfollow_events":       related1,
	"block_events":          related1,
	"unblock_events":        related1,
	"mute_events":           related1,
	"unmute_events":         related1,
}

func created1(key, watched string, raw json.RawMessage, _ map[string]user) platform.Event {
	p, author, err := postV1(raw)
	return p.event(key, watched, social.Actor{ID: author.id, Handle: author.handle, Name: author.name}, err)
}

func deleted1(key, watched string, raw json.RawMessage, _ map[string]user) platform.Event {
	type deletionData struct {
		Status struct {
			ID   platform.ID `json:"id"`
			User platform.ID `json:"user_id"`
		} `json:"status"`
		Millis platform.Text `json:"timestamp_ms"`
	}
	var v deletionData
	if err := platform.Decode(raw, &v); err != nil {
		return park(key, watched, err)
	}
	at, err := platform.Unix(string(v.Millis), time.Millisecond)
	return deletion(key, watched, string(v.Status.ID), string(v.Status.User), at, err)
}

func liked1(key, watched string, raw json.RawMessage, _ map[string]user) platform.Event {
	type likeData struct {
		ID   platform.ID `json:"id"`
		User user        `json:"user"`
		Post struct {
			ID    platform.ID `json:"id"`
			IDStr platform.ID `json:"id_str"`
		} `json:"favorited_status"`
	}
	var v likeData
	if err := platform.Decode(raw, &v); err != nil {
		return park(key, watched, err)
	}
	by := social.Actor{ID: v.User.id, Handle: v.User.handle, Name: v.User.name}
	return like(key, watched, string(v.ID), first(v.Post.IDStr, v.Post.ID), by)
}

func related1(key, watched string, raw json.RawMessage, _ map[string]user) platform.Event {
	type relationData struct {
		Type    string        `json:"type"`
		Created platform.Text `json:"created_timestamp"` // milliseconds
		Source  user          `json:"source"`
		Target  user          `json:"target"`
	}
	var v relationData
	key = strings.TrimPrefix(key, "un")
	if err := platform.Decode(raw, &v); err != nil {
		return park(key, watched, err)
	}
	kind := key + " " + v.Type
	if kind != "follow_events follow" && kind != "follow_events unfollow" {
		reason, _ := why(kind)
		return ignore(kind, watched, reason)
	}
	at, err := platform.Unix(string(v.Created), time.Millisecond)
	return relation(kind, watched, social.Type(v.Type), v.Source, v.Target, at, err)
}

// userEvent is about an account and the app. It is for no account.
func userEvent(raw json.RawMessage) platform.Event {
	type userEventData struct {
		Revoke *struct {
			Source struct {
				User platform.ID `json:"user_id"`
			} `json:"source"`
		} `json:"revoke"`
	}
	var v userEventData
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park("user_event", err)
	}
	if v.Revoke == nil {
		reason, _ := why("user_event")
		return platform.Ignore("user_event", reason)
	}
	return revoked("user_event revoke", string(v.Revoke.Source.User))
}
