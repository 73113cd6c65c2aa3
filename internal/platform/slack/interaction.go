package slack

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// spoken makes a click a message where it came with words. Commands and forms
// tell no time of their own; the request's is signed, and Slack sends each of
// them once, so that it is the time they were sent at. A click without words
// stays undated.
func spoken(a social.Activity, words, signed string) (social.Activity, error) {
	a.Type, a.Undated = social.Click, true
	var err error
	if words != "" {
		a.Type, a.Undated, a.Text = social.Message, false, words
		a.Occurred, err = platform.Unix(signed, time.Second)
	}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, a.Object.ID, a.Occurred)
	return a, err
}

// command reads a slash command; its trigger_id is its own.
// https://docs.slack.dev/interactivity/implementing-slash-commands
func command(f url.Values, signed string) platform.Event {
	const kind = "command"
	w := where{team: f.Get("team_id"), channel: f.Get("channel_id")}
	if f.Get("is_enterprise_install") == "true" {
		w.enterprise = f.Get("enterprise_id")
	}
	err := w.check(true)
	if err == nil && f.Get("trigger_id") == "" {
		err = errors.New("a command without its trigger_id")
	}
	if err != nil {
		return platform.Park(kind, err, w.scopes()...)
	}
	a := social.Activity{Platform: name, Scope: w.channel, Actor: social.Actor{ID: f.Get("user_id"), Scope: w.within(), Handle: f.Get("user_name")},
		Object: social.Object{ID: f.Get("trigger_id"), Type: "command"}, URL: w.link(), Direction: social.Inbound}
	words := plain(strings.TrimSpace(f.Get("text")))
	if words == "" {
		a.Text = f.Get("command")
	}
	a, err = spoken(a, words, signed)
	return platform.Act(kind, a, err, w.scopes()...)
}

type id struct {
	ID platform.ID `json:"id"`
}

// payload is an interaction.
// https://docs.slack.dev/reference/interaction-payloads
type payload struct {
	Type       string `json:"type"`
	Team       *id    `json:"team"`
	Enterprise *id    `json:"enterprise"`
	Whole      bool   `json:"is_enterprise_install"`
	User       struct {
		ID       platform.ID `json:"id"`
		Username string      `json:"username"`
		Name     string      `json:"name"` // the same, where username is missing
		Team     platform.ID `json:"team_id"`
	} `json:"user"`
	Channel  *id           `json:"channel"`
	Trigger  platform.ID   `json:"trigger_id"`
	Callback string        `json:"callback_id"`
	ActionTS platform.Text `json:"action_ts"`
	Message  *struct {
		TS platform.Text `json:"ts"`
	} `json:"message"`
	MessageTS  platform.Text              `json:"message_ts"` // of an interactive_message
	Attachment platform.ID                `json:"attachment_id"`
	Submission map[string]json.RawMessage `json:"submission"` // of a dialog
	Container  struct {
		Channel platform.ID   `json:"channel_id"`
		TS      platform.Text `json:"message_ts"`
		View    platform.ID   `json:"view_id"`
	} `json:"container"`
	Actions []json.RawMessage `json:"actions"`
	View    struct {
		ID    platform.ID `json:"id"`
		State struct {
			Values map[string]map[string]json.RawMessage `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

func (p payload) where() where {
	var w where
	if p.Team != nil {
		w.team = string(p.Team.ID)
	}
	if w.team == "" {
		w.team = string(p.User.Team)
	}
	if p.Whole && p.Enterprise != nil {
		w.enterprise = string(p.Enterprise.ID)
	}
	if p.Channel != nil {
		w.channel = string(p.Channel.ID)
	}
	if w.channel == "" {
		w.channel = string(p.Container.Channel)
	}
	return w
}

// scope is within what the objects of p are unique.
func (p payload) scope(w where) string {
	if w.channel != "" {
		return w.channel
	}
	return w.within()
}

// object is what the person acted on: a message or a view.
func (p payload) object() social.Object {
	switch {
	case p.Message != nil && p.Message.TS != "":
		return social.Object{ID: string(p.Message.TS), Type: "message"}
	case p.Container.TS != "":
		return social.Object{ID: string(p.Container.TS), Type: "message"}
	case p.MessageTS != "":
		return social.Object{ID: string(p.MessageTS), Type: "message"}
	case p.View.ID != "":
		return social.Object{ID: string(p.View.ID), Type: "view"}
	case p.Container.View != "":
		return social.Object{ID: string(p.Container.View), Type: "view"}
	}
	return social.Object{}
}

// interaction reads what a person did with the app's buttons, menus and forms.
func interaction(body, signed string) ([]platform.Event, error) {
	var p payload
	if err := platform.Decode([]byte(body), &p); err != nil {
		return nil, err
	}
	w := p.where()
	if p.Type == "" {
		return nil, errors.New("an interaction without a type")
	}
	if err := w.check(false); err != nil {
		return []platform.Event{platform.Park(p.Type, err)}, nil
	}
	a := social.Activity{Platform: name, Scope: p.scope(w), Type: social.Click, Actor: social.Actor{ID: string(p.User.ID), Scope: w.within(), Handle: cmp.Or(p.User.Username, p.User.Name)},
		Object: p.object(), URL: w.link(), Direction: social.Inbound}
	switch p.Type {
	case "block_actions":
		if len(p.Actions) == 0 {
			return []platform.Event{platform.Park(p.Type, errors.New("no action"), w.scopes()...)}, nil
		}
		var events []platform.Event
		for _, raw := range p.Actions {
			events = append(events, action(p.Type, a, w, raw))
		}
		return events, nil
	case "shortcut", "message_action":
		var err error
		a.Occurred, err = timeOfTS(string(p.ActionTS))
		a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(a.Actor.ID, p.Callback, a.Object.ID, string(p.ActionTS)), a.Occurred)
		return []platform.Event{platform.Act(p.Type, a, err, w.scopes()...)}, nil
	case "interactive_message":
		var err error
		a.Occurred, err = timeOfTS(string(p.ActionTS))
		a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(a.Actor.ID, a.Object.ID, string(p.Attachment), p.Callback, string(p.ActionTS)), a.Occurred)
		return []platform.Event{platform.Act(p.Type, a, err, w.scopes()...)}, nil
	case "dialog_submission":
		return []platform.Event{dialog(p, a, w)}, nil
	case "view_submission":
		if p.View.ID == "" {
			return []platform.Event{platform.Park(p.Type, errors.New("a form without its id"), w.scopes()...)}, nil
		}
		a, err := spoken(a, p.words(), signed)
		return []platform.Event{platform.Act(p.Type, a, err, w.scopes()...)}, nil
	}
	return []platform.Event{platform.Ignore(p.Type, why(p.Type), w.scopes()...)}, nil
}

// action is one button or menu that was used.
func action(kind string, a social.Activity, w where, raw json.RawMessage) platform.Event {
	var v struct {
		Action platform.ID   `json:"action_id"`
		Block  platform.ID   `json:"block_id"`
		TS     platform.Text `json:"action_ts"`
	}
	err := platform.Decode(raw, &v)
	if err == nil {
		a.Occurred, err = timeOfTS(string(v.TS))
	}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(a.Actor.ID, a.Object.ID, string(v.Block), string(v.Action), string(v.TS)), a.Occurred)
	return platform.Act(kind, a, err, w.scopes()...)
}

// dialog reads a form of the old kind, which tells when it was sent. What was
// typed and what was chosen look alike in it.
// https://docs.slack.dev/legacy/legacy-dialogs
func dialog(p payload, a social.Activity, w where) platform.Event {
	var lines []string
	for _, f := range slices.Sorted(maps.Keys(p.Submission)) {
		var v string
		if json.Unmarshal(p.Submission[f], &v) == nil && strings.TrimSpace(v) != "" {
			lines = append(lines, strings.TrimSpace(v))
		}
	}
	if len(lines) > 0 {
		a.Type, a.Text = social.Message, strings.Join(lines, "\n")
	}
	a.Object = social.Object{ID: string(p.ActionTS), Type: "dialog"}
	var err error
	a.Occurred, err = timeOfTS(string(p.ActionTS))
	a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(a.Actor.ID, p.Callback, string(p.ActionTS)), a.Occurred)
	return platform.Act(p.Type, a, err, w.scopes()...)
}

// words are what was typed into a form's fields, a line each, by the fields' ids.
func (p payload) words() string {
	var blocks, lines []string
	for b := range p.View.State.Values {
		blocks = append(blocks, b)
	}
	slices.Sort(blocks)
	for _, b := range blocks {
		var fields []string
		for f := range p.View.State.Values[b] {
			fields = append(fields, f)
		}
		slices.Sort(fields)
		for _, f := range fields {
			var v struct {
				Type  string `json:"type"`
				Value string `json:"value"`
				Rich  any    `json:"rich_text_value"`
			}
			if json.Unmarshal(p.View.State.Values[b][f], &v) != nil {
				continue
			}
			said := ""
			switch v.Type {
			case "plain_text_input":
				said = v.Value
			case "rich_text_input":
				said = rich(v.Rich)
			}
			if said = strings.TrimSpace(said); said != "" {
				lines = append(lines, said)
			}
		}
	}
	return strings.Join(lines, "\n")
}
