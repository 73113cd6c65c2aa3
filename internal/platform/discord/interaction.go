package discord

import (
	"encoding/json"
	"errors"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// option is an argument of a command, or a group of them.
type option struct {
	Name    string          `json:"name"`
	Type    json.Number     `json:"type"` // 3: words
	Value   json.RawMessage `json:"value"`
	Options []option        `json:"options"`
}

// field is a part of a form: a row, a label, a text input.
type field struct {
	Type       json.Number     `json:"type"` // 4: a text input
	Value      json.RawMessage `json:"value"`
	Component  *field          `json:"component"`
	Components []field         `json:"components"`
}

// interaction reads what a person did with the app's commands, buttons and
// forms. Its id says when. kind is "" where it came to the URL.
// https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-object
func interaction(body []byte, kind string) platform.Event {
	var v struct {
		ID      platform.ID `json:"id"`
		App     platform.ID `json:"application_id"`
		Type    json.Number `json:"type"`
		Guild   platform.ID `json:"guild_id"`
		Channel platform.ID `json:"channel_id"`
		User    *user       `json:"user"`
		Member  *struct {
			User user `json:"user"`
		} `json:"member"`
		Message *struct {
			ID platform.ID `json:"id"`
		} `json:"message"`
		Data struct {
			Name       string      `json:"name"`
			CustomID   string      `json:"custom_id"`
			Target     platform.ID `json:"target_id"`
			Type       json.Number `json:"type"` // of a command: 3 is on a message
			Options    []option    `json:"options"`
			Components []field     `json:"components"`
		} `json:"data"`
	}
	err := platform.Decode(body, &v)
	if kind == "" {
		kind = map[json.Number]string{"2": "command", "3": "component", "4": "autocomplete", "5": "modal"}[v.Type]
	}
	if kind == "" {
		kind = "interaction"
	}
	to := scopes(string(v.Channel), string(v.Guild), string(v.App))
	if err == nil && v.Type != "2" && v.Type != "3" && v.Type != "5" {
		return platform.Ignore(kind, why(kind), to...)
	}
	if err == nil && len(to) == 0 {
		err = errors.New("without its channel, server or application")
	}
	a := social.Activity{Platform: name, Type: social.Click, Object: social.Object{ID: string(v.ID), Type: "interaction"}, Direction: social.Inbound}
	switch {
	case v.Member != nil && v.Member.User.ID != "":
		a.Actor = v.Member.User.actor()
	case v.User != nil:
		a.Actor = v.User.actor()
	}
	var words []string
	switch v.Type {
	case "2":
		words = spoken(v.Data.Options)
		a.Text = "/" + v.Data.Name
		if v.Data.Type == "3" && v.Data.Target != "" {
			a.Object, a.Text = social.Object{ID: string(v.Data.Target), Type: "message"}, v.Data.Name
		}
	case "3":
		if v.Message != nil && v.Message.ID != "" {
			a.Object = social.Object{ID: string(v.Message.ID), Type: "message"}
		}
	case "5":
		words = typed(v.Data.Components)
	}
	if len(words) > 0 {
		a.Type, a.Text, a.Object = social.Message, strings.Join(words, "\n"), social.Object{ID: string(v.ID), Type: "interaction"}
	}
	if err == nil {
		a.Occurred, err = made(string(v.ID))
	}
	a.Key = social.ActivityKey(name, "", a.Type, string(v.ID), a.Occurred)
	return platform.Act(kind, a, err, to...)
}

// text is the words of a JSON string, "" of anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return strings.TrimSpace(s)
}

// spoken are the words among a command's arguments, in their order.
func spoken(options []option) []string {
	var out []string
	for _, o := range options {
		if s := text(o.Value); o.Type == "3" && s != "" {
			out = append(out, plain(s, nil))
		}
		out = append(out, spoken(o.Options)...)
	}
	return out
}

// typed are the words in a form's inputs, in their order.
func typed(fields []field) []string {
	var out []string
	for _, f := range fields {
		if s := text(f.Value); f.Type == "4" && s != "" {
			out = append(out, plain(s, nil))
		}
		if f.Component != nil {
			out = append(out, typed([]field{*f.Component})...)
		}
		out = append(out, typed(f.Components)...)
	}
	return out
}
