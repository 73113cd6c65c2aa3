package telegram

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// emoji is one reaction: an emoji, a custom one, or one that was paid for.
type emoji struct {
	Type   string      `json:"type"`
	Emoji  string      `json:"emoji"`
	Custom platform.ID `json:"custom_emoji_id"`
}

// reaction reads a change of somebody's reactions to a message: one React for
// each that is new, and Unreact once none is left, since it takes back all.
// https://core.telegram.org/bots/api#messagereactionupdated
func reaction(kind string, raw json.RawMessage, bot string) []platform.Event {
	var v struct {
		message
		User  *user   `json:"user"`
		Actor *chat   `json:"actor_chat"`
		Old   []emoji `json:"old_reaction"`
		New   []emoji `json:"new_reaction"`
	}
	err := platform.Decode(raw, &v)
	to := v.Chat.scopes()
	if err == nil && (v.Chat.ID == "" || v.id() == "") {
		err = errors.New("a reaction without its chat or message")
	}
	at, timeErr := platform.Unix(string(v.Date), time.Second)
	if err == nil {
		err = timeErr
	}
	if err != nil {
		return []platform.Event{platform.Park(kind, err, to...)}
	}
	v.From, v.Sender = v.User, v.Actor
	a := v.activity(social.React, bot)
	a.Text, a.Occurred = "", at
	var events []platform.Event
	add := func(t social.Type, named string, which ...string) {
		a.Type, a.Reaction = t, named
		a.Key = social.ActivityKey(name, a.Scope, t, social.Key(append([]string{a.Actor.ID, a.Object.ID}, which...)...), at)
		events = append(events, platform.Act(kind, a, nil, to...))
	}
	for i, e := range v.New {
		if !slices.Contains(v.Old, e) && !slices.Contains(v.New[:i], e) {
			add(social.React, cmp.Or(e.Emoji, string(e.Custom), e.Type), e.Type, e.Emoji, string(e.Custom))
		}
	}
	if len(v.New) == 0 && len(v.Old) > 0 {
		add(social.Unreact, "")
	}
	if len(events) == 0 {
		events = append(events, platform.Ignore(kind, why(kind), to...))
	}
	return events
}

type status struct {
	Status string `json:"status"`
	Member bool   `json:"is_member"` // of a restricted one
	User   user   `json:"user"`
}

// in reports whether someone of this status is in the chat.
func (s status) in() bool {
	switch s.Status {
	case "creator", "administrator", "member":
		return true
	}
	return s.Status == "restricted" && s.Member
}

// change is a change of somebody's membership.
// https://core.telegram.org/bots/api#chatmemberupdated
type change struct {
	Chat chat          `json:"chat"`
	From user          `json:"from"`
	Date platform.Text `json:"date"`
	Old  status        `json:"old_chat_member"`
	New  status        `json:"new_chat_member"`
}

func (c *change) read(raw json.RawMessage) (at time.Time, err error) {
	if err = platform.Decode(raw, c); err != nil {
		return at, err
	}
	switch {
	case c.Chat.ID == "":
		return at, errors.New("a change of members without its chat")
	case c.New.Status == "":
		return at, errors.New("a change of members without its status")
	}
	return platform.Unix(string(c.Date), time.Second)
}

// member reads who came into a chat or left it.
func member(kind string, raw json.RawMessage) platform.Event {
	var c change
	at, err := c.read(raw)
	if err == nil && c.Old.in() == c.New.in() {
		return platform.Ignore(kind, why(kind), c.Chat.scopes()...)
	}
	return membership(kind, c.Chat, c.New.User, c.New.in(), at, err, c.Chat.scopes())
}

// membership is that somebody came or left. It comes as chat_member and as a
// service line, and is the same activity by either.
func membership(kind string, c chat, u user, came bool, at time.Time, err error, to []string) platform.Event {
	if err == nil && u.Bot {
		return platform.Ignore(kind, why(kind), to...)
	}
	types := map[bool]social.Type{true: social.Join, false: social.Leave}
	if c.Type == "channel" {
		types = map[bool]social.Type{true: social.Follow, false: social.Unfollow}
	}
	a := social.Activity{Platform: name, Scope: string(c.ID), Type: types[came], Actor: u.actor(), Object: social.Object{ID: string(c.ID), Type: c.Type},
		Occurred: at, Direction: social.Inbound}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, a.Actor.ID, at)
	return platform.Act(kind, a, err, to...)
}

// own reads what became of the bot itself: in a private chat the person
// blocked it or took that back; elsewhere it was added or taken out.
func own(kind string, raw json.RawMessage) platform.Event {
	var c change
	at, err := c.read(raw)
	to := c.Chat.scopes()
	switch {
	case err != nil:
		return platform.Park(kind, err, to...)
	case c.Old.in() == c.New.in():
		return platform.Ignore(kind, why(kind), to...)
	case c.Chat.Type == "private":
		a := social.Activity{Platform: name, Scope: string(c.New.User.ID), Type: social.Follow, Actor: c.From.actor(), Object: social.Object{ID: string(c.New.User.ID), Type: "bot"},
			Occurred: at, Direction: social.Inbound}
		if !c.New.in() {
			a.Type = social.Unfollow
		}
		a.Key = social.ActivityKey(name, a.Scope, a.Type, a.Actor.ID, at)
		return platform.Act(kind, a, nil, to...)
	case c.New.in():
		return platform.Ignore(kind, why(kind), to...)
	}
	return platform.Event{Kind: kind, Scopes: to, Revoked: fmt.Sprintf("the bot was taken out of the %.20s: add it again", c.Chat.Type)}
}

// click reads what a person did with the bot's buttons, results, polls, paid
// media and subscriptions. Telegram dates none of them. A subscription has no
// id of its own either, and can be cancelled again after it was resumed: it is
// the update's id, the same however often it is sent, that tells these apart.
func click(kind string, raw json.RawMessage, update platform.ID, bot string) platform.Event {
	var v struct {
		ID      platform.ID     `json:"id"`
		From    *user           `json:"from"`
		User    *user           `json:"user"`
		Voter   *chat           `json:"voter_chat"`
		Message *message        `json:"message"`
		Inline  platform.ID     `json:"inline_message_id"`
		Result  platform.ID     `json:"result_id"`
		Query   string          `json:"query"`
		Poll    platform.ID     `json:"poll_id"`
		Options []platform.Text `json:"option_ids"`
		Payload platform.ID     `json:"paid_media_payload"`
		Invoice platform.ID     `json:"invoice_payload"`
		State   string          `json:"state"` // of a subscription: canceled, active again, failed
	}
	err := platform.Decode(raw, &v)
	to := []string{itself}
	a := social.Activity{Platform: name, Type: social.Click, Undated: true, Direction: social.Inbound}
	switch {
	case v.Voter != nil:
		a.Actor = v.Voter.actor()
	case v.From != nil:
		a.Actor = v.From.actor()
	case v.User != nil:
		a.Actor = v.User.actor()
	}
	id := []string{kind}
	switch kind {
	case "callback_query":
		id = append(id, string(v.ID))
		a.Object = social.Object{ID: string(v.Inline), Type: "inline_message"}
		if v.Message != nil && v.Message.Chat.ID != "" {
			a.Scope, a.Object = v.Message.Chat.box(string(v.Message.Connection), bot), social.Object{ID: v.Message.id(), Type: "message"}
			a.URL = v.Message.Chat.link(v.Message.id())
			to = appended(v.Message.scopes(), itself)
		}
	case "chosen_inline_result":
		id = append(id, a.Actor.ID, string(v.Result), v.Query, string(v.Inline))
		a.Object = social.Object{ID: string(v.Result), Type: "inline_result"}
	case "poll_answer":
		if err == nil && len(v.Options) == 0 {
			return platform.Ignore(kind, why(kind), to...)
		}
		id = append(id, a.Actor.ID, string(v.Poll))
		for _, o := range v.Options {
			id = append(id, string(o))
		}
		a.Object = social.Object{ID: string(v.Poll), Type: "poll"}
	case "purchased_paid_media":
		a.Type, a.Object = social.Purchase, social.Object{ID: string(v.Payload), Type: "paid_media"}
		id = append(id, a.Actor.ID, string(v.Payload))
	case "subscription":
		t, ok := map[string]social.Type{"canceled": social.Leave, "active": social.SignUp}[v.State]
		if err == nil && !ok {
			return platform.Ignore(kind, why(kind), to...)
		}
		a.Type, a.Object = t, social.Object{ID: string(v.Invoice), Type: "subscription"}
		id = append(id, a.Actor.ID, string(v.Invoice), string(update))
	}
	if err == nil && kind == "callback_query" && v.ID == "" {
		err = errors.New("a callback_query without its id")
	}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(id...), time.Time{})
	return platform.Act(kind, a, err, to...)
}
