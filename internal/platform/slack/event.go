package slack

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

// envelope is what an event comes in.
// https://docs.slack.dev/apis/events-api#callback-field
type envelope struct {
	Type           string          `json:"type"`
	Team           platform.ID     `json:"team_id"`
	Context        platform.ID     `json:"context_team_id"` // through which workspace the app got it; that of a shared channel's guest may stand in team_id
	App            platform.ID     `json:"api_app_id"`
	Time           platform.Text   `json:"event_time"` // seconds
	Event          json.RawMessage `json:"event"`
	Authorizations []struct {
		Enterprise platform.ID `json:"enterprise_id"`
		Team       platform.ID `json:"team_id"`
		User       platform.ID `json:"user_id"`
		Bot        bool        `json:"is_bot"`
		Whole      bool        `json:"is_enterprise_install"`
	} `json:"authorizations"`
}

// where is the workspace through which the app got the event.
func (e envelope) where() where {
	w := where{team: string(e.Context)}
	for _, a := range e.Authorizations {
		if w.team == "" {
			w.team = string(a.Team)
		}
		if a.Whole {
			w.enterprise = string(a.Enterprise)
		}
	}
	if w.team == "" {
		w.team = string(e.Team)
	}
	return w
}

// own reports whether a user is the app's own bot.
func (e envelope) own(user string) bool {
	for _, a := range e.Authorizations {
		if a.Bot && user != "" && string(a.User) == user {
			return true
		}
	}
	return false
}

func (e envelope) direction(user string) social.Direction {
	if e.own(user) {
		return social.Outbound
	}
	return social.Inbound
}

// at is when an event happened: its own ts, or else when Slack dispatched it,
// which stays the same from attempt to attempt.
func (e envelope) at(ts platform.Text) (time.Time, error) {
	if ts != "" {
		return timeOfTS(string(ts))
	}
	if e.Time == "" {
		return time.Time{}, errors.New("nothing says when it was: neither event_ts in the event nor event_time in the envelope")
	}
	return platform.Unix(string(e.Time), time.Second)
}

// callback reads a body of the Events API.
func callback(body []byte) ([]platform.Event, error) {
	var e envelope
	if err := platform.Decode(body, &e); err != nil {
		return nil, err
	}
	w := e.where()
	switch e.Type {
	case "event_callback":
	case "":
		return nil, errors.New("no type")
	default:
		return []platform.Event{platform.Ignore(e.Type, why(e.Type), w.scopes()...)}, nil
	}
	var inner struct {
		Type    string `json:"type"`
		Subtype string `json:"subtype"`
	}
	if len(e.Event) == 0 {
		return nil, errors.New("event_callback without an event")
	}
	if err := platform.Decode(e.Event, &inner); err != nil {
		return []platform.Event{platform.Park("event_callback", err, w.scopes()...)}, nil
	}
	switch inner.Type {
	case "message", "app_mention":
		return []platform.Event{message(e, w)}, nil
	case "reaction_added", "reaction_removed":
		return []platform.Event{reaction(e, w, inner.Type)}, nil
	case "member_joined_channel", "member_left_channel":
		return []platform.Event{member(e, w, inner.Type)}, nil
	case "channel_left", "group_left", "channel_deleted", "group_deleted", "channel_id_changed":
		return []platform.Event{lost(e, w, inner.Type)}, nil
	case "team_join", "user_change", "user_profile_changed":
		return []platform.Event{account(e, w, inner.Type)}, nil
	case "app_home_opened", "assistant_thread_started":
		return []platform.Event{visit(e, w, inner.Type)}, nil
	case "app_uninstalled", "tokens_revoked", "team_access_revoked":
		return withdrawn(e, w, inner.Type), nil
	case "":
		return []platform.Event{platform.Park("event_callback", errors.New("an event without a type"), w.scopes()...)}, nil
	}
	return []platform.Event{platform.Ignore(inner.Type, why(inner.Type), w.scopes()...)}, nil
}

// channels are the scopes of w that name its channel.
func channels(w where) []string {
	all := w.scopes()
	return all[:len(all)/2]
}

// lost reads that a channel sends nothing more: the app is out of it, it is
// deleted, or it has another id since it is shared or made public. Only
// sources of this very channel have lost something.
// https://docs.slack.dev/reference/events/channel_id_changed
func lost(e envelope, w where, kind string) platform.Event {
	var v struct {
		Channel platform.ID `json:"channel"`
		Old     platform.ID `json:"old_channel_id"`
		New     platform.ID `json:"new_channel_id"`
	}
	err := platform.Decode(e.Event, &v)
	w.channel = string(cmp.Or(v.Old, v.Channel))
	if err == nil {
		err = w.check(true)
	}
	why := "the app is no longer in the channel: invite it again (/invite @app)"
	switch kind {
	case "channel_deleted", "group_deleted":
		why = "the channel was deleted"
	case "channel_id_changed":
		why = fmt.Sprintf("the channel's id is now %.40q: change the source's scope to that", v.New)
		if err == nil && v.New == "" {
			err = errors.New("without the channel's new id")
		}
	}
	if err != nil {
		return platform.Park(kind, err, w.scopes()...)
	}
	return platform.Event{Kind: kind, Scopes: channels(w), Revoked: why}
}

// edited says when a message was edited. Slack also writes it empty, of
// messages that nobody edited.
type edited struct {
	TS platform.Text `json:"ts"`
}

func (s said) editedAt() platform.Text {
	if s.Edited == nil {
		return ""
	}
	return s.Edited.TS
}

// said is a message as Slack describes one, also within a change of it.
// https://docs.slack.dev/reference/events/message
type said struct {
	Subtype  string        `json:"subtype"`
	Channel  platform.ID   `json:"channel"`
	User     platform.ID   `json:"user"`
	Bot      platform.ID   `json:"bot_id"`
	App      platform.ID   `json:"app_id"`
	Username string        `json:"username"` // of a bot's message
	Text     platform.Text `json:"text"`
	TS       platform.Text `json:"ts"`
	Thread   platform.Text `json:"thread_ts"`
	Edited   *edited       `json:"edited"`
	Profile  *struct {
		App platform.ID `json:"app_id"`
	} `json:"bot_profile"`
	Author profile `json:"user_profile"` // of somebody of another workspace, in a message and in an app_mention alike
	beside
}

// profile is what messages say of their author, if anything.
// https://github.com/slackapi/bolt-js/pull/2160
type profile struct {
	Handle platform.Text `json:"name"`
	Name   platform.Text `json:"real_name"`
}

// UnmarshalJSON reads it where it is an object; a message is read without it, too.
func (p *profile) UnmarshalJSON(b []byte) error {
	type plain profile
	var v plain
	if json.Unmarshal(b, &v) == nil {
		*p = profile(v)
	}
	return nil
}

// actor is who said it: a bot without a user by its own id.
func (s said) actor(w where) social.Actor {
	if s.User != "" {
		return social.Actor{ID: string(s.User), Scope: w.within(), Handle: string(s.Author.Handle), Name: string(s.Author.Name)}
	}
	return social.Actor{ID: string(s.Bot), Scope: w.within(), Name: s.Username}
}

// slackbot is the account by which Slack itself answers.
const slackbot = "USLACKBOT"

// automatic reports whether no human wrote it: an app or Slackbot did.
func (s said) automatic() bool { return s.byApp() || s.User == slackbot }

// direction is outbound for what the app itself says.
func (s said) direction(e envelope) social.Direction {
	if e.App != "" && (s.App == e.App || s.Profile != nil && s.Profile.App == e.App) {
		return social.Outbound
	}
	return e.direction(string(s.User))
}

// message reads a message or what became of one. A message that names the
// app comes twice, also as app_mention: both are read alike, from nothing
// that only one of them has.
func message(e envelope, w where) platform.Event {
	var v struct {
		said
		Type     string          `json:"type"`
		EventTS  platform.Text   `json:"event_ts"`
		Message  *said           `json:"message"`
		Previous json.RawMessage `json:"previous_message"`
		Deleted  platform.Text   `json:"deleted_ts"`
	}
	err := platform.Decode(e.Event, &v)
	// An empty list stands for none, where a whole thread was deleted.
	// https://github.com/slackapi/java-slack-sdk/issues/784
	var was *said
	if err == nil && len(v.Previous) > 0 && v.Previous[0] == '{' {
		err = platform.Decode(v.Previous, &was)
	}
	kind := v.Type
	if kind == "" {
		kind = "message"
	}
	w.channel = string(v.Channel)
	if err == nil {
		err = w.check(true)
	}
	if err != nil {
		return platform.Park(kind, err, w.scopes()...)
	}
	switch {
	case slices.Contains(silent, v.Subtype):
		return platform.Ignore(kind+" "+v.Subtype, why(kind+" "+v.Subtype), w.scopes()...)
	case v.Subtype != "message_changed" && v.Subtype != "message_deleted":
		// Also of a subtype that is not known: that somebody writes is never passed over.
		if ts := v.editedAt(); ts != "" {
			return edit(kind, e, w, v.said, ts)
		}
		return utterance(kind, e, w, v.said)
	case v.Subtype == "message_changed":
		kind += " " + v.Subtype
		switch {
		case v.Message == nil:
			return platform.Park(kind, errors.New("a change without its message"), w.scopes()...)
		case v.Message.Subtype == "tombstone":
			return gone(kind, w, v.Message.TS, v.TS)
		case was != nil && v.Message.editedAt() != "" && was.editedAt() == v.Message.editedAt(),
			was != nil && v.Message.editedAt() == "" && was.words() == v.Message.words():
			return platform.Ignore(kind, "the text is the same", w.scopes()...)
		}
		return edit(kind, e, w, *v.Message, cmp.Or(v.Message.editedAt(), v.TS))
	}
	return gone(kind+" "+v.Subtype, w, v.Deleted, v.TS)
}

// utterance is a message as it was first sent. Its id is its ts, which is
// unique in the channel; a thread's id is the ts of its first message. Slack's
// channel ids are the same in every workspace that shares the channel.
func utterance(kind string, e envelope, w where, s said) platform.Event {
	at, err := timeOfTS(string(s.TS))
	a := social.Activity{Platform: name, Scope: w.channel, Type: social.Post, Actor: s.actor(w), Object: social.Object{ID: string(s.TS), Type: "message"},
		Conversation: string(s.TS), Text: s.words(), URL: w.link(), Occurred: at, Direction: s.direction(e), Flat: true, Automatic: s.automatic()}
	platform.Address(&a, s.addressed()...)
	if s.Thread != "" {
		a.Conversation = string(s.Thread)
	}
	if s.Thread != "" && s.Thread != s.TS {
		a.Type, a.InReplyTo = social.Reply, string(s.Thread)
	}
	if private(w.channel) {
		a.Type, a.Conversation = social.Message, w.channel
	}
	a.Key = social.ActivityKey(name, w.channel, a.Type, a.Object.ID, at)
	return platform.Act(kind, a, err, w.scopes()...)
}

// edit is a new text for a message, at the ts of the edit.
func edit(kind string, e envelope, w where, s said, ts platform.Text) platform.Event {
	at, err := timeOfTS(string(ts))
	a := social.Activity{Platform: name, Scope: w.channel, Type: social.Edit, Actor: s.actor(w), Object: social.Object{ID: string(s.TS), Type: "message"},
		Text: s.words(), URL: w.link(), Occurred: at, Direction: s.direction(e), Automatic: s.automatic()}
	platform.Address(&a, s.addressed()...)
	a.Key = social.ActivityKey(name, w.channel, a.Type, social.Key(a.Object.ID, string(ts)), at)
	return platform.Act(kind, a, err, w.scopes()...)
}

// gone is a message's deletion. Slack does not say whose doing it was.
func gone(kind string, w where, of, ts platform.Text) platform.Event {
	at, err := timeOfTS(string(ts))
	a := social.Activity{Platform: name, Scope: w.channel, Type: social.Delete, Actor: social.Actor{ID: social.Unknown, Scope: w.channel},
		Object: social.Object{ID: string(of), Type: "message"}, Occurred: at, Direction: social.Inbound}
	a.Key = social.ActivityKey(name, w.channel, a.Type, a.Object.ID, at)
	return platform.Act(kind, a, err, w.scopes()...)
}

// reaction reads an emoji put to a message or taken from it.
// https://docs.slack.dev/reference/events/reaction_added
func reaction(e envelope, w where, kind string) platform.Event {
	var v struct {
		User     platform.ID   `json:"user"`
		Reaction string        `json:"reaction"`
		EventTS  platform.Text `json:"event_ts"`
		Item     struct {
			Type    string        `json:"type"`
			Channel platform.ID   `json:"channel"`
			TS      platform.Text `json:"ts"`
		} `json:"item"`
	}
	err := platform.Decode(e.Event, &v)
	w.channel = string(v.Item.Channel)
	if err == nil && v.Item.Type != "message" && v.Item.Type != "" {
		return platform.Ignore(kind, fmt.Sprintf("the reaction is to a %.20s, not to a message", v.Item.Type), w.scopes()...)
	}
	if err == nil {
		err = w.check(true)
	}
	if err == nil && v.User == "" {
		err = errors.New("a reaction by nobody")
	}
	at, tsErr := e.at(v.EventTS)
	if err == nil {
		err = tsErr
	}
	a := social.Activity{Platform: name, Scope: w.channel, Type: social.React, Actor: social.Actor{ID: string(v.User), Scope: w.within()},
		Object: social.Object{ID: string(v.Item.TS), Type: "message"}, URL: w.link(), Occurred: at, Direction: e.direction(string(v.User)), Reaction: v.Reaction}
	if kind == "reaction_removed" {
		a.Type = social.Unreact
	}
	a.Key = social.ActivityKey(name, w.channel, a.Type, social.Key(a.Actor.ID, a.Object.ID, v.Reaction), at)
	return platform.Act(kind, a, err, w.scopes()...)
}

// member reads who came into a channel or left it.
// https://docs.slack.dev/reference/events/member_joined_channel
func member(e envelope, w where, kind string) platform.Event {
	var v struct {
		User    platform.ID   `json:"user"`
		Channel platform.ID   `json:"channel"`
		EventTS platform.Text `json:"event_ts"`
	}
	err := platform.Decode(e.Event, &v)
	w.channel = string(v.Channel)
	if err == nil {
		err = w.check(true)
	}
	at, tsErr := e.at(v.EventTS)
	if err == nil {
		err = tsErr
	}
	a := social.Activity{Platform: name, Scope: w.channel, Type: social.Join, Actor: social.Actor{ID: string(v.User), Scope: w.within()},
		Object: social.Object{ID: w.channel, Type: "channel"}, URL: w.link(), Occurred: at, Direction: e.direction(string(v.User))}
	if kind == "member_left_channel" {
		a.Type = social.Leave
	}
	a.Key = social.ActivityKey(name, w.channel, a.Type, a.Actor.ID, at)
	return platform.Act(kind, a, err, w.scopes()...)
}

// account reads a member's account: new in the workspace, changed, deactivated.
// https://docs.slack.dev/reference/objects/user-object
func account(e envelope, w where, kind string) platform.Event {
	var v struct {
		EventTS platform.Text `json:"event_ts"`
		User    struct {
			ID      platform.ID   `json:"id"`
			Name    string        `json:"name"`
			Deleted bool          `json:"deleted"`
			Bot     bool          `json:"is_bot"`
			Updated platform.Text `json:"updated"` // seconds
			Profile struct {
				RealName string `json:"real_name"`
			} `json:"profile"`
		} `json:"user"`
	}
	err := platform.Decode(e.Event, &v)
	if err == nil {
		err = w.check(false)
	}
	if err != nil {
		return platform.Park(kind, err, w.scopes()...)
	}
	u := v.User
	if u.Bot {
		return platform.Ignore(kind, "a bot's account", w.scopes()...)
	}
	// The account is the account's own object, so that what Slack says of it
	// by two events of one change is one activity.
	a := social.Activity{Platform: name, Scope: w.within(), Type: social.ProfileChange, Actor: social.Actor{ID: string(u.ID), Scope: w.within(), Handle: u.Name, Name: u.Profile.RealName},
		Object: social.Object{ID: string(u.ID), Type: "account"}, Direction: e.direction(string(u.ID))}
	switch {
	case kind == "team_join":
		a.Type, a.Object = social.Join, social.Object{ID: w.within(), Type: "workspace"}
		a.Occurred, err = e.at(v.EventTS)
	case u.Deleted:
		a.Type, a.Object = social.Leave, social.Object{ID: w.within(), Type: "workspace"}
		fallthrough
	default:
		if a.Occurred, err = platform.Unix(string(u.Updated), time.Second); u.Updated == "" {
			a.Occurred, err = e.at(v.EventTS)
		}
	}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, a.Actor.ID, a.Occurred)
	return platform.Act(kind, a, err, w.scopes()...)
}

// visit reads that a person opened the app's own page, or a thread with the
// app as an assistant.
// https://docs.slack.dev/reference/events/app_home_opened,
// https://docs.slack.dev/reference/events/assistant_thread_started
func visit(e envelope, w where, kind string) platform.Event {
	var v struct {
		User      platform.ID   `json:"user"`
		Channel   platform.ID   `json:"channel"`
		Tab       string        `json:"tab"`
		EventTS   platform.Text `json:"event_ts"`
		Assistant struct {
			User    platform.ID   `json:"user_id"`
			Channel platform.ID   `json:"channel_id"`
			Thread  platform.Text `json:"thread_ts"`
		} `json:"assistant_thread"`
	}
	err := platform.Decode(e.Event, &v)
	if kind == "assistant_thread_started" {
		v.User, v.Channel, v.Tab = v.Assistant.User, v.Assistant.Channel, string(v.Assistant.Thread)
	}
	w.channel = string(v.Channel)
	if err == nil {
		err = w.check(true)
	}
	at, tsErr := e.at(v.EventTS)
	if err == nil {
		err = tsErr
	}
	a := social.Activity{Platform: name, Scope: w.channel, Type: social.Visit, Actor: social.Actor{ID: string(v.User), Scope: w.within()},
		Object: social.Object{ID: w.channel, Type: "app_home"}, Occurred: at, Direction: e.direction(string(v.User))}
	a.Key = social.ActivityKey(name, w.channel, a.Type, social.Key(a.Actor.ID, v.Tab), at)
	return platform.Act(kind, a, err, w.scopes()...)
}

// withdrawn reads the end of a grant. Uninstalling an app also ends the right
// to keep what it read. https://slack.com/terms-of-service/api
func withdrawn(e envelope, w where, kind string) []platform.Event {
	var v struct {
		Teams  []platform.ID `json:"team_ids"`
		Tokens struct {
			User []platform.ID `json:"oauth"`
			Bot  []platform.ID `json:"bot"`
		} `json:"tokens"`
	}
	err := platform.Decode(e.Event, &v)
	if err == nil {
		err = w.check(false)
	}
	if err != nil {
		return []platform.Event{platform.Park(kind, err, w.scopes()...)}
	}
	revoked := platform.Event{Kind: kind, Scopes: w.scopes(), Revoked: "the app was uninstalled from the Slack workspace: install it again, if that was a mistake"}
	switch {
	case kind == "app_uninstalled":
		return []platform.Event{revoked, {Kind: kind, Scopes: w.scopes(), Erase: &social.AccountRef{Platform: name, Scope: w.within()}}}
	case kind == "team_access_revoked":
		revoked.Revoked = "the organisation took the workspace from the app: ask its administrator to add it again"
		if len(v.Teams) > 0 {
			revoked.Scopes = nil
			for _, t := range v.Teams {
				if t != "" {
					revoked.Scopes = append(revoked.Scopes, string(t))
				}
			}
		}
	case len(v.Tokens.Bot) == 0 && len(v.Tokens.User) > 0:
		return []platform.Event{platform.Ignore(kind, "members' own tokens were revoked, not the bot's", w.scopes()...)}
	default:
		revoked.Revoked = "the app's bot token was revoked: install the app to the workspace again"
	}
	return []platform.Event{revoked}
}
