package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// message is one of a server's channel, a direct conversation or a lobby.
// https://docs.discord.com/developers/resources/message
type message struct {
	ID        platform.ID   `json:"id"`
	Type      json.Number   `json:"type"`
	Channel   platform.ID   `json:"channel_id"`
	Kind      json.Number   `json:"channel_type"`
	Guild     platform.ID   `json:"guild_id"`
	Lobby     platform.ID   `json:"lobby_id"`
	Author    *user         `json:"author"`
	Content   *string       `json:"content"`
	Edited    platform.Text `json:"edited_timestamp"`
	Mentions  []user        `json:"mentions"`
	Flags     json.Number   `json:"flags"`
	Reference *struct {
		Type    json.Number `json:"type"` // 0 or absent: a reply or the like, 1: forwarded
		Message platform.ID `json:"message_id"`
	} `json:"message_reference"`
	Poll struct {
		Question struct {
			Text string `json:"text"`
		} `json:"question"`
	} `json:"poll"`
	Webhook    platform.ID `json:"webhook_id"`
	Embeds     any         `json:"embeds"`
	Components any         `json:"components"`
	Snapshots  any         `json:"message_snapshots"` // of what is forwarded
	Role       *struct {
		Listing platform.ID `json:"role_subscription_listing_id"`
		Tier    string      `json:"tier_name"`
		Renewal bool        `json:"is_renewal"`
	} `json:"role_subscription_data"`
	Bought struct {
		Product struct {
			Listing platform.ID `json:"listing_id"`
			Name    string      `json:"product_name"`
		} `json:"guild_product_purchase"`
	} `json:"purchase_notification"`
}

// paid are the types of message by which Discord itself tells that somebody
// pays: boosts, a role's subscription, a product of the server's shop.
var paid = []json.Number{"8", "9", "10", "11", "25", "44"}

// ownLine reports whether m is of a type by which Discord itself tells what
// happened in a conversation or a server. A type that is not known is
// somebody's message.
// https://docs.discord.com/developers/resources/message#message-object-message-types
func (m message) ownLine() bool {
	n, err := m.Type.Int64()
	return err == nil && n >= 1 && n <= 46 && n != 19 && n != 20 && n != 23 // replies, commands
}

const (
	sameNote     = "the text is the same: a link's preview, a pin"
	passedOnNote = "the words are another's: forwarded, or from a channel that this one follows"
)

// passedOn reports whether the words are another's: m is forwarded, or comes
// from a channel that this one follows.
// https://docs.discord.com/developers/resources/message#message-object-message-flags
func (m message) passedOn() bool {
	const crosspost = 1 << 1
	flags, _ := m.Flags.Int64()
	return m.Reference != nil && (m.Reference.Type == "1" || flags&crosspost != 0)
}

func (m message) scopes(more ...string) []string {
	s := scopes(append([]string{string(m.Lobby), string(m.Channel), string(m.Guild)}, more...)...)
	if m.direct() {
		s = append(s, private)
	}
	return s
}

// direct reports whether m is of a conversation outside servers and lobbies.
func (m message) direct() bool { return m.Guild == "" && m.Lobby == "" }

// activity is what all activities on m have. A message's id is unique on the
// whole of Discord and says when the message was sent.
func (m message) activity(t social.Type) social.Activity {
	a := social.Activity{Platform: name, Type: t, Actor: social.Actor{ID: social.Unknown}, Object: social.Object{ID: string(m.ID), Type: "message"}, Direction: social.Inbound}
	if m.Lobby == "" {
		a.URL = link(string(m.Guild), string(m.Channel), string(m.ID))
	}
	if m.Author != nil && m.Author.ID != "" {
		a.Actor = m.Author.actor()
	}
	a.Automatic = m.Author != nil && m.Author.Bot || m.Webhook != ""
	return a
}

// address notes whom m mentions.
func (m message) address(a *social.Activity) {
	for _, u := range m.Mentions {
		platform.Address(a, string(u.ID))
	}
}

// utterance is a message as it was first sent.
func (m message) utterance(kind string, t social.Type, to []string) platform.Event {
	a := m.activity(t)
	var err error
	if a.Occurred, err = made(string(m.ID)); err == nil && a.Actor.ID == social.Unknown {
		err = errors.New("a message without its author")
	}
	a.Text = m.says()
	m.address(&a)
	switch m.Kind {
	case "1", "3", "10", "11", "12": // direct conversations and threads
		a.Conversation = string(m.Channel)
	}
	if t == social.Message {
		a.Conversation = string(m.Channel)
	}
	if m.Reference != nil && m.Type == "19" {
		a.InReplyTo = string(m.Reference.Message)
	}
	a.Flat = a.Conversation != "" && a.InReplyTo == "" // said into a thread or chat, to no message of it
	if t == social.Post && a.InReplyTo != "" {
		a.Type = social.Reply
	}
	a.Key = social.ActivityKey(name, "", a.Type, string(m.ID), a.Occurred)
	if m.passedOn() && t == social.Post {
		// What is passed on is the object.
		a.Type, a.Text, a.Addressed, a.Flat, a.Object.ID = social.Repost, "", nil, false, string(m.Reference.Message)
		a.Key = social.ActivityKey(name, "", a.Type, string(m.ID), a.Occurred)
	}
	return platform.Act(kind, a, err, to...)
}

// purchase reads the line in which Discord tells a server that somebody pays:
// boosts it, subscribes to a role or buys a product of its shop.
// https://docs.discord.com/developers/resources/message#message-object-message-types
func (m message) purchase(kind string, to []string) platform.Event {
	a := m.activity(social.Purchase)
	switch m.Type {
	case "25":
		if m.Role == nil || m.Role.Listing == "" {
			return platform.Park(kind, errors.New("a role's subscription without what was bought"), to...)
		}
		if m.Role.Renewal {
			return platform.Ignore(kind, "the subscription goes on", to...)
		}
		a.Object, a.Text = social.Object{ID: string(m.Role.Listing), Type: "role"}, m.Role.Tier
	case "44":
		if m.Bought.Product.Listing == "" {
			return platform.Ignore(kind, "it does not say what was bought", to...)
		}
		a.Object, a.Text = social.Object{ID: string(m.Bought.Product.Listing), Type: "product"}, m.Bought.Product.Name
	default:
		a.Object = social.Object{ID: string(m.Guild), Type: "boost"}
	}
	var err error
	if a.Occurred, err = made(string(m.ID)); err == nil && a.Actor.ID == social.Unknown {
		err = errors.New("a purchase without who buys")
	}
	a.Key = social.ActivityKey(name, "", a.Type, string(m.ID), a.Occurred)
	return platform.Act(kind, a, err, to...)
}

// edit is a new text for m at the given instant, or where m says its own, at that.
func (m message) edit(kind string, at time.Time, err error, to []string) platform.Event {
	a := m.activity(social.Edit)
	if m.Edited != "" {
		at, err = timestamp(m.Edited)
	}
	a.Text, a.Occurred = m.says(), at
	m.address(&a)
	a.Key = social.ActivityKey(name, "", a.Type, string(m.ID), at)
	return platform.Act(kind, a, err, to...)
}

// gone is m's deletion, at the given instant. Discord does not say whose
// doing it was. A message is deleted once, so that the key needs no time.
func (m message) gone(kind string, at time.Time, err error, to []string) platform.Event {
	m.Author = nil
	a := m.activity(social.Delete)
	a.Occurred, a.URL = at, ""
	a.Key = social.ActivityKey(name, "", a.Type, string(m.ID), time.Time{})
	return platform.Act(kind, a, err, to...)
}

// webhook reads a webhook event.
// https://docs.discord.com/developers/events/webhook-events#event-types
func webhook(v outer) ([]platform.Event, error) {
	var e struct {
		Type string          `json:"type"`
		Time platform.Text   `json:"timestamp"`
		Data json.RawMessage `json:"data"`
	}
	if err := platform.Decode(v.Event, &e); err != nil {
		return nil, err
	}
	if e.Type == "" {
		return nil, errors.New("an event without a type")
	}
	app := string(v.Application)
	at, timeErr := timestamp(e.Time)
	var m message
	data := func(into any) error {
		if len(e.Data) == 0 {
			return errors.New("an event without data")
		}
		return platform.Decode(e.Data, into)
	}
	one := func(x platform.Event) ([]platform.Event, error) { return []platform.Event{x}, nil }
	switch e.Type {
	case "APPLICATION_AUTHORIZED", "APPLICATION_DEAUTHORIZED":
		return one(grant(e.Type, app, at, timeErr, data))
	case "ENTITLEMENT_CREATE":
		return one(entitlement(e.Type, app, data))
	case "LOBBY_MESSAGE_CREATE", "LOBBY_MESSAGE_UPDATE", "LOBBY_MESSAGE_DELETE", "GAME_DIRECT_MESSAGE_CREATE", "GAME_DIRECT_MESSAGE_UPDATE", "GAME_DIRECT_MESSAGE_DELETE":
		err := data(&m)
		to := scopes(string(m.Lobby), string(m.Channel), app)
		if err == nil && m.ID == "" {
			err = errors.New("a message without its id")
		}
		if err == nil && len(to) == 0 {
			err = errors.New("without its lobby, channel or application")
		}
		if err != nil {
			return one(platform.Park(e.Type, err, to...))
		}
		switch e.Type {
		case "LOBBY_MESSAGE_CREATE":
			return one(m.utterance(e.Type, social.Post, to))
		case "GAME_DIRECT_MESSAGE_CREATE":
			return one(m.utterance(e.Type, social.Message, to))
		case "LOBBY_MESSAGE_UPDATE", "GAME_DIRECT_MESSAGE_UPDATE":
			return one(m.edit(e.Type, at, timeErr, to))
		}
		return one(m.gone(e.Type, at, timeErr, to))
	}
	return one(platform.Ignore(e.Type, why(e.Type), scopes(app)...))
}

// grant reads that a person gave the app access to an account or a server, or took it back.
func grant(kind, app string, at time.Time, err error, data func(any) error) platform.Event {
	var d struct {
		User  user `json:"user"`
		Guild *struct {
			ID platform.ID `json:"id"`
		} `json:"guild"`
	}
	if e := data(&d); e != nil {
		err = e
	}
	var to []string
	if d.Guild != nil {
		to = scopes(string(d.Guild.ID))
	}
	to = append(to, scopes(app)...)
	if err == nil && app == "" {
		err = errors.New("without its application")
	}
	if err == nil && d.User.ID == "" {
		err = errors.New("event.data.user names nobody: it has no id")
	}
	a := social.Activity{Platform: name, Type: social.SignUp, Actor: d.User.actor(), Object: social.Object{ID: app, Type: "application"}, Occurred: at, Direction: social.Inbound}
	if kind == "APPLICATION_DEAUTHORIZED" {
		a.Type = social.Leave
	}
	a.Key = social.ActivityKey(name, "", a.Type, social.Key(app, a.Actor.ID), at)
	return platform.Act(kind, a, err, to...)
}

// entitlement reads a purchase. It is dated by its id.
// https://docs.discord.com/developers/resources/entitlement
func entitlement(kind, app string, data func(any) error) platform.Event {
	var d struct {
		ID    platform.ID `json:"id"`
		App   platform.ID `json:"application_id"`
		SKU   platform.ID `json:"sku_id"`
		User  platform.ID `json:"user_id"`
		Guild platform.ID `json:"guild_id"`
		Type  json.Number `json:"type"`
	}
	err := data(&d)
	if app == "" {
		app = string(d.App)
	}
	to := scopes(string(d.Guild), app)
	if err == nil && d.Type != "1" && d.Type != "8" { // purchase, subscription to the app
		return platform.Ignore(kind, why(kind), to...)
	}
	at, madeErr := made(string(d.ID))
	if err == nil {
		err = madeErr
	}
	if err == nil && len(to) == 0 {
		err = errors.New("without its application")
	}
	if d.User == "" && d.Guild != "" { // a server has it, and nobody is named
		d.User = social.Unknown
	}
	a := social.Activity{Platform: name, Type: social.Purchase, Actor: social.Actor{ID: string(d.User)}, Object: social.Object{ID: string(d.SKU), Type: "sku"}, Occurred: at, Direction: social.Inbound}
	a.Key = social.ActivityKey(name, "", a.Type, string(d.ID), at)
	return platform.Act(kind, a, err, to...)
}

// gateway reads an event that an operator's bot hands over: the Gateway's t
// and d, and in "at" when the bot got it, which Discord does not say of all.
// https://docs.discord.com/developers/events/gateway-events#receive-events
func gateway(v outer) ([]platform.Event, error) {
	var at time.Time
	atErr := fmt.Errorf(`%s tells no time: the bot must add when it got it as "at"`, v.T)
	if len(v.T) > 80 {
		atErr = errors.New("no time")
	}
	if v.At != "" {
		at, atErr = timestamp(v.At)
	}
	one := func(x platform.Event) ([]platform.Event, error) { return []platform.Event{x}, nil }
	data := func(into any) error {
		if len(v.D) == 0 {
			return errors.New("an event without d")
		}
		return platform.Decode(v.D, into)
	}
	switch v.T {
	case "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE":
		var m message
		err := data(&m)
		to := m.scopes()
		if err == nil && (m.ID == "" || m.Channel == "") {
			err = errors.New("a message without its id or channel")
		}
		switch {
		case err != nil:
			return one(platform.Park(v.T, err, to...))
		case v.T == "MESSAGE_DELETE":
			return one(m.gone(v.T, at, atErr, to))
		case v.T == "MESSAGE_UPDATE" && (m.Edited == "" || m.Content == nil):
			return one(platform.Ignore(v.T, sameNote, to...))
		case v.T == "MESSAGE_UPDATE" && m.passedOn() && !m.direct():
			// It was told as a repost of the source, and nothing was said by its own id.
			return one(platform.Ignore(v.T, passedOnNote, to...))
		case v.T == "MESSAGE_UPDATE":
			return one(m.edit(v.T, at, atErr, to))
		case slices.Contains(paid, m.Type) && m.Guild != "":
			return one(m.purchase(v.T, to))
		case m.ownLine():
			return one(platform.Ignore(v.T, why(v.T), to...))
		case m.direct():
			return one(m.utterance(v.T, social.Message, to))
		}
		return one(m.utterance(v.T, social.Post, to))
	case "MESSAGE_DELETE_BULK":
		var d struct {
			IDs     []json.RawMessage `json:"ids"`
			Channel platform.ID       `json:"channel_id"`
			Guild   platform.ID       `json:"guild_id"`
		}
		err := data(&d)
		if err == nil && (len(d.IDs) == 0 || d.Channel == "") {
			err = errors.New("no ids, or no channel")
		}
		if err != nil {
			return one(platform.Park(v.T, err, scopes(string(d.Channel), string(d.Guild))...))
		}
		var events []platform.Event
		for _, raw := range d.IDs {
			m := message{Channel: d.Channel, Guild: d.Guild}
			if err := platform.Decode(raw, &m.ID); err != nil {
				events = append(events, platform.Park(v.T, err, m.scopes()...))
				continue
			}
			events = append(events, m.gone(v.T, at, atErr, m.scopes()))
		}
		return events, nil
	case "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "MESSAGE_POLL_VOTE_ADD":
		return one(onMessage(v, at, atErr, data))
	case "GUILD_MEMBER_ADD", "GUILD_MEMBER_REMOVE":
		return one(membership(v, at, atErr, data))
	case "GUILD_DELETE":
		var d struct {
			ID   platform.ID `json:"id"`
			Away bool        `json:"unavailable"`
		}
		err := data(&d)
		switch {
		case err != nil || d.ID == "":
			return one(platform.Park(v.T, errors.Join(errors.New("no server"), err)))
		case d.Away:
			return one(platform.Ignore(v.T, why(v.T), string(d.ID)))
		}
		return one(platform.Event{Kind: v.T, Scopes: []string{string(d.ID)}, Revoked: "the bot was taken out of the Discord server: add it again"})
	case "ENTITLEMENT_CREATE":
		return one(entitlement(v.T, "", data))
	case "INTERACTION_CREATE":
		if len(v.D) == 0 {
			return one(platform.Park(v.T, errors.New("an event without d")))
		}
		return one(interaction(v.D, v.T))
	}
	return one(platform.Ignore(v.T, why(v.T)))
}

// dated gives a the instant at which the operator's bot got the event, if it said so.
func dated(a *social.Activity, v outer, at time.Time, atErr error) error {
	if v.At == "" {
		a.Undated = true
		return nil
	}
	a.Occurred = at
	return atErr
}

// onMessage reads a reaction to a message or a vote in its poll.
func onMessage(v outer, at time.Time, atErr error, data func(any) error) platform.Event {
	var d struct {
		User    platform.ID `json:"user_id"`
		Channel platform.ID `json:"channel_id"`
		Message platform.ID `json:"message_id"`
		Guild   platform.ID `json:"guild_id"`
		Member  *struct {
			User user `json:"user"`
		} `json:"member"`
		Emoji struct {
			ID   platform.ID `json:"id"`
			Name string      `json:"name"`
		} `json:"emoji"`
		Answer platform.ID `json:"answer_id"`
	}
	err := data(&d)
	m := message{ID: d.Message, Channel: d.Channel, Guild: d.Guild, Author: &user{ID: d.User}}
	if d.Member != nil && d.Member.User.ID == d.User {
		m.Author = &d.Member.User
	}
	if err == nil && (d.User == "" || d.Message == "" || d.Channel == "") {
		err = errors.New("without its user, message or channel")
	}
	types := map[string]social.Type{"MESSAGE_REACTION_ADD": social.React, "MESSAGE_REACTION_REMOVE": social.Unreact, "MESSAGE_POLL_VOTE_ADD": social.Click}
	a := m.activity(types[v.T])
	which := string(d.Emoji.ID)
	if which == "" {
		which = d.Emoji.Name
	}
	if a.Type == social.Click {
		which = string(d.Answer)
	} else if a.Reaction = d.Emoji.Name; a.Reaction == "" { // an emoji of a server's that is no more
		a.Reaction = string(d.Emoji.ID)
	}
	if err == nil {
		err = dated(&a, v, at, atErr)
	}
	a.Key = social.ActivityKey(name, "", a.Type, social.Key(a.Actor.ID, a.Object.ID, which), a.Occurred)
	return platform.Act(v.T, a, err, m.scopes()...)
}

// membership reads who came into a server, dated by Discord, or left it.
func membership(v outer, at time.Time, atErr error, data func(any) error) platform.Event {
	var d struct {
		Guild  platform.ID   `json:"guild_id"`
		User   user          `json:"user"`
		Joined platform.Text `json:"joined_at"`
	}
	err := data(&d)
	if err == nil && d.Guild == "" {
		err = errors.New("without its server")
	}
	a := social.Activity{Platform: name, Type: social.Join, Actor: d.User.actor(), Object: social.Object{ID: string(d.Guild), Type: "server"}, Direction: social.Inbound}
	switch {
	case err != nil:
	case v.T == "GUILD_MEMBER_ADD":
		a.Occurred, err = timestamp(d.Joined)
	default:
		a.Type = social.Leave
		err = dated(&a, v, at, atErr)
	}
	a.Key = social.ActivityKey(name, "", a.Type, social.Key(string(d.Guild), a.Actor.ID), a.Occurred)
	return platform.Act(v.T, a, err, scopes(string(d.Guild))...)
}
