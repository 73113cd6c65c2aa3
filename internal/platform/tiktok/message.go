package tiktok

import (
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// parties are who a direct message is from and to: handles, ids, and the
// identifier of the one who is not the account.
type parties struct {
	From       string      `json:"from"`
	To         string      `json:"to"`
	Identifier platform.ID `json:"unique_identifier"`
	FromUser   party       `json:"from_user"`
	ToUser     party       `json:"to_user"`
}

type party struct {
	ID platform.ID `json:"id"`
}

// person is the id of the one who is not the account: the identifier under
// which comments know them, else the one in the message.
func (p parties) person(of party) string {
	if p.Identifier != "" {
		return string(p.Identifier)
	}
	return string(of.ID)
}

type messageData struct {
	parties
	ID           platform.ID   `json:"message_id"`
	Conversation platform.ID   `json:"conversation_id"`
	At           platform.Text `json:"timestamp"` // milliseconds
	Type         string        `json:"type"`
	Text         words         `json:"text"`
	Replied      struct {
		ID platform.ID `json:"referenced_message_id"`
	} `json:"referenced_message_info"`
	Reactions []json.RawMessage `json:"reaction"`
	Automatic string            `json:"auto_message_type"`
}

// words are a text, or an object that has it in its field body.
type words string

// UnmarshalJSON reads either shape.
func (w *words) UnmarshalJSON(b []byte) error {
	var v struct {
		Body string `json:"body"`
	}
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		*w = words(v.Body)
		return nil
	}
	return json.Unmarshal(b, (*string)(w))
}

// message is a direct message, or reactions to one, which come in the place of
// one. Other things than text are messages without a text.
func message(s source, sent bool, raw json.RawMessage) []platform.Event {
	var v messageData
	if err := platform.Decode(raw, &v); err != nil {
		return []platform.Event{s.park(fmt.Errorf("content: %w", err))}
	}
	by, direction := social.Actor{ID: v.person(v.FromUser), Handle: v.From}, social.Inbound
	if sent {
		by.ID, direction = s.account, social.Outbound
	}
	if len(v.Reactions) > 0 || v.Type == "reaction" {
		return reactions(s.as("reaction"), v, by, direction)
	}
	at, err := s.unixTime(v.At)
	return []platform.Event{s.act(social.Activity{Key: social.ActivityKey(name, "", social.Message, string(v.ID), at), Platform: name, Type: social.Message, Actor: by,
		Object: social.Object{ID: string(v.ID), Type: "message"}, InReplyTo: string(v.Replied.ID), Conversation: string(v.Conversation), Text: string(v.Text),
		Occurred: at, Direction: direction, Automatic: v.Automatic != ""}, err)}
}

func reactions(s source, v messageData, by social.Actor, direction social.Direction) []platform.Event {
	if len(v.Reactions) == 0 {
		return []platform.Event{s.park(errors.New("a reaction that says nothing of itself"))}
	}
	type reactionData struct {
		Operation string        `json:"operation"` // ADD, REMOVE
		Emoji     string        `json:"emoji"`
		At        platform.Text `json:"timestamp"`
		Message   platform.ID   `json:"original_msg_id"`
	}
	var out []platform.Event
	for _, raw := range v.Reactions {
		var r reactionData
		if err := platform.Decode(raw, &r); err != nil {
			out = append(out, s.park(err))
			continue
		}
		if r.At == "" {
			r.At = v.At
		}
		t := social.React
		at, err := s.unixTime(r.At)
		switch r.Operation {
		case "ADD":
		case "REMOVE":
			t = social.Unreact
		default:
			err = fmt.Errorf("the operation %.20q is neither ADD nor REMOVE", r.Operation)
		}
		// A reaction has no id: who, on what and which make one.
		key := social.ActivityKey(name, "", t, social.Key(by.ID, string(r.Message), r.Emoji), at)
		out = append(out, s.act(social.Activity{Key: key, Platform: name, Type: t, Actor: by, Object: social.Object{ID: string(r.Message), Type: "message"},
			Conversation: string(v.Conversation), Occurred: at, Direction: direction, Reaction: r.Emoji}, err))
	}
	return out
}

// referral is someone opening the conversation through an ad or a link.
func referral(s source, raw json.RawMessage) platform.Event {
	type referralData struct {
		parties
		At       platform.Text `json:"timestamp"` // milliseconds
		Referral struct {
			Source string `json:"source"` // ad, short_link
			Ad     struct {
				ID  platform.ID `json:"ad_id"`
				URL string      `json:"embed_url"`
			} `json:"ad"`
			Link struct {
				Ref string `json:"ref"`
			} `json:"short_link"`
		} `json:"referral"`
	}
	var v referralData
	if err := platform.Decode(raw, &v); err != nil {
		return s.park(fmt.Errorf("content: %w", err))
	}
	at, err := s.unixTime(v.At)
	a := social.Activity{Platform: name, Type: social.Click, Actor: social.Actor{ID: v.person(v.FromUser), Handle: v.From},
		Object: social.Object{ID: v.Referral.Link.Ref, Type: "link"}, Occurred: at, Direction: social.Inbound}
	if v.Referral.Source == "ad" {
		a.Object = social.Object{ID: string(v.Referral.Ad.ID), Type: "ad"}
		if open(v.Referral.Ad.URL) {
			a.URL = v.Referral.Ad.URL
		}
	}
	a.Key = social.ActivityKey(name, "", a.Type, social.Key(a.Actor.ID, a.Object.Type, a.Object.ID), at)
	return s.act(a, err)
}
