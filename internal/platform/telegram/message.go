package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// content are a message's fields that hold what somebody said.
var content = []string{"text", "caption", "animation", "audio", "checklist", "contact", "dice", "document", "game", "giveaway", "invoice", "live_photo",
	"location", "paid_media", "photo", "poll", "rich_message", "sticker", "story", "venue", "video", "video_note", "voice"}

// silent are the fields of a message by which Telegram itself says what
// happened in a chat, and nobody says anything.
// https://core.telegram.org/bots/api#message
var silent = []string{"new_chat_photo", "delete_chat_photo", "group_chat_created", "supergroup_chat_created", "channel_chat_created", "message_auto_delete_timer_changed",
	"migrate_from_chat_id", "users_shared", "user_shared", "chat_shared", "gift", "unique_gift", "gift_upgrade_sent", "connected_website", "write_access_allowed", "passport_data",
	"proximity_alert_triggered", "boost_added", "chat_background_set", "checklist_tasks_done", "checklist_tasks_added", "direct_message_price_changed", "paid_message_price_changed",
	"chat_owner_left", "chat_owner_changed", "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden",
	"giveaway_created", "giveaway_completed", "giveaway_winners", "suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined", "suggested_post_paid",
	"suggested_post_refunded", "video_chat_scheduled", "video_chat_started", "video_chat_ended", "video_chat_participants_invited", "voice_chat_scheduled", "voice_chat_started",
	"voice_chat_ended", "voice_chat_participants_invited", "managed_bot_created", "poll_option_added", "poll_option_deleted"}

// service are a message's fields that make it a line of Telegram's own.
var service = []string{"new_chat_members", "left_chat_member", "migrate_to_chat_id", "successful_payment", "refunded_payment", "web_app_data",
	"pinned_message", "new_chat_title", "forum_topic_created"}

// messageID is what tells a message of a chat from the others. One that only
// its sender and the bot see is numbered apart, is 0 otherwise, and its number
// goes to another message once it is gone: its date belongs to it.
// https://core.telegram.org/bots/api#message
type messageID struct {
	Number    platform.ID   `json:"message_id"`
	Ephemeral platform.ID   `json:"ephemeral_message_id"`
	Date      platform.Text `json:"date"`
}

func (m messageID) id() string {
	if m.Ephemeral != "" {
		return social.Key("ephemeral", string(m.Ephemeral), string(m.Date))
	}
	return string(m.Number)
}

// message is one, also within an update about something else.
// https://core.telegram.org/bots/api#message
type message struct {
	messageID
	Thread  platform.ID   `json:"message_thread_id"`
	Topic   bool          `json:"is_topic_message"` // Thread is a topic of a forum
	From    *user         `json:"from"`
	Sender  *chat         `json:"sender_chat"` // a channel, or the group itself, speaks
	Edited  platform.Text `json:"edit_date"`
	Chat    chat          `json:"chat"`
	Text    string        `json:"text"`
	Rich    any           `json:"rich_message"` // instead of Text
	Caption string        `json:"caption"`
	Poll    *struct {
		Question string `json:"question"`
	} `json:"poll"`
	Venue *struct {
		Title   string `json:"title"`
		Address string `json:"address"`
	} `json:"venue"`
	Checklist *struct {
		Title string `json:"title"`
		Tasks []struct {
			Text string `json:"text"`
		} `json:"tasks"`
	} `json:"checklist"`
	ReplyTo *struct {
		messageID
		Topic json.RawMessage `json:"forum_topic_created"`
	} `json:"reply_to_message"`
	External json.RawMessage `json:"external_reply"` // what is replied to is elsewhere
	Origin   *struct {
		Chat    *chat       `json:"chat"`
		Message platform.ID `json:"message_id"`
	} `json:"forward_origin"`
	ForwardDate    platform.Text `json:"forward_date"` // before Bot API 7.0, with the two below
	ForwardChat    *chat         `json:"forward_from_chat"`
	ForwardMessage platform.ID   `json:"forward_from_message_id"`
	Automatic      bool          `json:"is_automatic_forward"` // of a channel's post into its own discussion group
	Connection     platform.ID   `json:"business_connection_id"`
	DirectTopic    *struct {
		ID platform.ID `json:"topic_id"`
	} `json:"direct_messages_topic"`
	Bot      *user             `json:"sender_business_bot"` // speaks for a business account
	Offline  platform.Flag     `json:"is_from_offline"`     // a greeting, an absence, something scheduled
	Entities entities          `json:"entities"`
	Captions entities          `json:"caption_entities"`
	Members  []json.RawMessage `json:"new_chat_members"`
	Left     *user             `json:"left_chat_member"`
	Migrate  platform.ID       `json:"migrate_to_chat_id"`
	Payment  *struct {
		Charge platform.ID `json:"telegram_payment_charge_id"`
	} `json:"successful_payment"`
}

// entities are what is special in a text; nothing where it is no list.
// https://core.telegram.org/bots/api#messageentity
type entities []struct {
	Type string `json:"type"`
	User struct {
		ID platform.ID `json:"id"`
	} `json:"user"` // of a mention of somebody without a name in public
}

// UnmarshalJSON reads a list.
func (e *entities) UnmarshalJSON(b []byte) error {
	type plain entities
	var v plain
	if json.Unmarshal(b, &v) == nil {
		*e = entities(v)
	}
	return nil
}

func (m message) words() string {
	switch {
	case m.Text != "":
		return m.Text
	case m.Caption == "" && m.Poll != nil:
		return m.Poll.Question
	case m.Caption == "" && m.Venue != nil:
		return strings.Trim(m.Venue.Title+", "+m.Venue.Address, ", ")
	case m.Caption == "" && m.Checklist != nil:
		lines := []string{m.Checklist.Title}
		for _, t := range m.Checklist.Tasks {
			lines = append(lines, t.Text)
		}
		return strings.Join(lines, "\n")
	case m.Caption == "" && m.Rich != nil:
		return rich(m.Rich)
	}
	return m.Caption
}

// parts are the fields of a rich message's blocks and texts that hold words, in
// the order in which a person reads them.
var parts = []string{"summary", "text", "alternative_text", "expression", "blocks", "items", "cells", "caption", "credit"}

// rich is what a person reads of a rich message: a line for each of its blocks.
// https://core.telegram.org/bots/api#richmessage
func rich(v any) string {
	var lines []string
	for _, l := range strings.Split(richPart(v, "\n"), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// richPart is the text of a piece of a rich message: a text as it is, a list's
// elements with between between them, and of an object its parts, which are
// lines of their own but for those of a running text.
func richPart(v any, between string) string {
	var out []string
	switch v := v.(type) {
	case string:
		return v
	case []any:
		for _, e := range v {
			out = append(out, richPart(e, between))
		}
		return strings.Join(out, between)
	case map[string]any:
		for _, p := range parts {
			within := "\n"
			switch p {
			case "summary", "text", "caption", "credit":
				within = ""
			case "cells":
				rows, _ := v[p].([]any)
				for _, r := range rows {
					out = append(out, richPart(r, " "))
				}
				continue
			}
			if s := richPart(v[p], within); s != "" {
				out = append(out, s)
			}
		}
	}
	return strings.Join(out, "\n")
}

// private reports whether m is for the business alone.
func (m message) private() bool {
	return m.Chat.Type == "private" || m.Chat.Direct || m.Connection != "" || m.Ephemeral != ""
}

// scopes are the topic's, then the chat's. A chat of a business account is
// not the bot's own chat with the same person.
func (m message) scopes() []string {
	if m.Connection != "" {
		return []string{business + "/" + string(m.Connection), business}
	}
	var out []string
	if m.Topic && m.Thread != "" && m.Chat.ID != "" {
		out = append(out, string(m.Chat.ID)+"/"+string(m.Thread))
	}
	return append(out, m.Chat.scopes()...)
}

// activity is what all activities on m have.
func (m message) activity(t social.Type, bot string) social.Activity {
	a := social.Activity{Platform: name, Scope: m.Chat.box(string(m.Connection), bot), Type: t, Object: social.Object{ID: m.id(), Type: "message"},
		Text: m.words(), URL: m.Chat.link(m.id()), Direction: social.Inbound}
	switch {
	case m.Sender != nil:
		a.Actor = m.Sender.actor()
	case m.From != nil:
		a.Actor = m.From.actor()
	case m.Chat.Type == "channel":
		a.Actor = m.Chat.actor()
	}
	a.Automatic = m.Bot != nil || bool(m.Offline) || m.Sender == nil && m.From != nil && m.From.Bot
	for _, e := range slices.Concat(m.Entities, m.Captions) {
		if e.Type == "text_mention" {
			platform.Address(&a, string(e.User.ID))
		}
	}
	switch {
	case a.Actor.ID == string(m.Chat.ID) && m.Chat.Type != "private", // an anonymous administrator, a channel
		m.Chat.Type == "channel", m.Automatic,
		m.Chat.Direct && m.Sender != nil && m.Sender.Type == "channel", // a channel answers who wrote to it
		m.Connection != "" && a.Actor.ID != string(m.Chat.ID),          // the business account itself
		bot != "" && a.Actor.ID == bot:
		a.Direction = social.Outbound
	}
	return a
}

// parse reads a message and checks that it can be named.
func parse(raw json.RawMessage) (message, map[string]json.RawMessage, error) {
	var m message
	var fields map[string]json.RawMessage
	err := platform.Decode(raw, &m)
	if err == nil {
		err = platform.Decode(raw, &fields)
	}
	switch {
	case err != nil:
	case m.Chat.ID == "":
		err = errors.New("a message without its chat")
	case m.id() == "":
		err = errors.New("a message without its id")
	}
	return m, fields, err
}

// said reads a new message, or a line of Telegram's own in its form.
func said(kind string, raw json.RawMessage, bot string) []platform.Event {
	m, fields, err := parse(raw)
	if kind == "business_message" && err == nil && m.Connection == "" {
		err = errors.New("a business_message without its connection")
	}
	to := m.scopes()
	if kind == "guest_message" {
		to = appended(to, itself)
	}
	if err != nil {
		return []platform.Event{platform.Park(kind, err, to...)}
	}
	at, err := platform.Unix(string(m.Date), time.Second)
	for _, f := range service {
		if _, ok := fields[f]; ok {
			return line(kind+" "+f, f, m, at, err, to, bot)
		}
	}
	has := func(f string) bool { _, ok := fields[f]; return ok }
	if !slices.ContainsFunc(content, has) && slices.ContainsFunc(silent, has) {
		return []platform.Event{platform.Ignore(kind, why("message"), to...)}
	}
	a := m.activity(social.Post, bot)
	a.Occurred = at
	forwarded := (m.Origin != nil || m.ForwardDate != "") && !m.Automatic
	switch {
	case m.private():
		a.Type, a.Conversation = social.Message, string(m.Chat.ID)
		if m.DirectTopic != nil {
			a.Conversation = social.Key(string(m.Chat.ID), string(m.DirectTopic.ID))
		}
		if m.Ephemeral != "" { // in a group, of which each member has a chat of their own with the bot
			a.Conversation = social.Key(string(m.Chat.ID), a.Actor.ID)
		}
		if kind == "guest_message" { // a chat of two others, who number their messages by themselves
			a.Scope = string(m.Chat.ID) + "/guest"
		}
	case forwarded:
		a.Type, a.Text, a.Addressed = social.Repost, "", nil // the words are another's
	case len(m.External) > 0 && string(m.External) != "null":
		a.Type = social.Quote
	case m.replies():
		a.Type = social.Reply
	}
	if a.Type != social.Repost && m.replies() {
		a.InReplyTo = m.ReplyTo.id()
	}
	if a.Conversation == "" && m.Chat.Type == "supergroup" && !m.Topic && a.Type != social.Repost {
		// A thread has the id of its first message.
		if a.Conversation = string(m.Thread); a.Conversation == "" && a.InReplyTo == "" {
			a.Conversation = m.id()
		}
	}
	id := m.id()
	if a.Type == social.Repost {
		if c, of := m.origin(); c != "" && of != "" { // what was forwarded is an object of its own channel
			id = social.Key(a.Scope, id)
			a.Scope, a.Object = c, social.Object{ID: of, Type: "message"}
		}
	}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, id, at)
	return []platform.Event{platform.Act(kind, a, err, to...)}
}

// replies reports whether m replies to a message of its chat. In a topic of a
// forum each message seems to reply to the line that opened it.
func (m message) replies() bool {
	return m.ReplyTo != nil && m.ReplyTo.id() != "" && !(m.Topic && len(m.ReplyTo.Topic) > 0)
}

// origin is the channel and message that m was forwarded from, if Telegram says so.
func (m message) origin() (channel, id string) {
	switch {
	case m.Origin != nil && m.Origin.Chat != nil:
		return string(m.Origin.Chat.ID), string(m.Origin.Message)
	case m.ForwardChat != nil:
		return string(m.ForwardChat.ID), string(m.ForwardMessage)
	}
	return "", ""
}

// line reads what Telegram itself says in a chat.
func line(kind, field string, m message, at time.Time, err error, to []string, bot string) []platform.Event {
	switch field {
	case "new_chat_members":
		if len(m.Members) == 0 {
			return []platform.Event{platform.Park(kind, errors.New("nobody joined"), to...)}
		}
		var events []platform.Event
		for _, raw := range m.Members {
			var u user
			if e := platform.Decode(raw, &u); e != nil {
				events = append(events, platform.Park(kind, e, to...))
				continue
			}
			events = append(events, membership(kind, m.Chat, u, true, at, err, to))
		}
		return events
	case "left_chat_member":
		if m.Left == nil {
			return []platform.Event{platform.Park(kind, errors.New("nobody left"), to...)}
		}
		return []platform.Event{membership(kind, m.Chat, *m.Left, false, at, err, to)}
	case "migrate_to_chat_id":
		return []platform.Event{{Kind: kind, Scopes: to, Revoked: fmt.Sprintf("the group has become a supergroup: connect the scope %.40s in place of %.40s", m.Migrate, m.Chat.ID)}}
	case "successful_payment":
		a := m.activity(social.Purchase, bot)
		a.Text, a.Occurred = "", at
		if m.Payment == nil || m.Payment.Charge == "" {
			return []platform.Event{platform.Park(kind, errors.New("a payment without its id"), to...)}
		}
		// A payment's id holds on the whole platform.
		a.Scope, a.Object = "", social.Object{ID: string(m.Payment.Charge), Type: "payment"}
		a.Key = social.ActivityKey(name, "", a.Type, a.Object.ID, at)
		return []platform.Event{platform.Act(kind, a, err, appended(to, itself)...)}
	case "web_app_data":
		a := m.activity(social.Click, bot)
		a.Occurred = at
		a.Key = social.ActivityKey(name, a.Scope, a.Type, a.Object.ID, at)
		return []platform.Event{platform.Act(kind, a, err, to...)}
	}
	return []platform.Event{platform.Ignore(kind, why("message "+field), to...)}
}

// edited reads a message's new text. Its date is in seconds, so that edits
// also differ by what they say.
func edited(kind string, raw json.RawMessage, bot string) platform.Event {
	m, fields, err := parse(raw)
	if err != nil {
		return platform.Park(kind, err, m.scopes()...)
	}
	if _, moved := fields["location"]; moved && m.words() == "" {
		return platform.Ignore(kind, why("edited_message"), m.scopes()...)
	}
	a := m.activity(social.Edit, bot)
	a.Occurred, err = platform.Unix(string(m.Edited), time.Second)
	a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(a.Object.ID, social.HashID("v", a.Text)[2:18]), a.Occurred)
	return platform.Act(kind, a, err, m.scopes()...)
}

// connection reads a business account's tie to the bot, or that it deleted messages.
func connection(kind string, raw json.RawMessage) platform.Event {
	var v struct {
		ID         platform.ID `json:"id"`
		Connection platform.ID `json:"business_connection_id"`
		Enabled    *bool       `json:"is_enabled"`
	}
	err := platform.Decode(raw, &v)
	if v.ID == "" {
		v.ID = v.Connection
	}
	if err == nil && v.ID == "" {
		err = errors.New("without its connection")
	}
	to := message{Connection: v.ID}.scopes()
	switch {
	case err != nil:
		return platform.Park(kind, err)
	case kind == "deleted_business_messages":
		return platform.Park(kind, errors.New("messages of a business account were deleted, but Telegram does not say when: delete them by hand"), to...)
	case v.Enabled != nil && !*v.Enabled:
		return platform.Event{Kind: kind, Scopes: to, Revoked: "the business account has disconnected the bot: connect it again (Settings, Telegram Business, Chatbots)"}
	}
	return platform.Ignore(kind, why(kind), to...)
}
