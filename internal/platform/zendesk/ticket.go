package zendesk

import (
	"errors"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// comment is one of a ticket's comments, added or redacted.
func (e envelope) comment() (platform.Event, error) {
	var v struct {
		Comment struct {
			ID     platform.ID   `json:"id"`
			Body   platform.Text `json:"body"`
			HTML   platform.Text `json:"html_body"`
			Public bool          `json:"is_public"`
			Author struct {
				ID    platform.ID   `json:"id"`
				Name  platform.Text `json:"name"`
				Staff bool          `json:"is_staff"`
			} `json:"author"`
		} `json:"comment"`
	}
	if err := e.read(&v); err != nil {
		return platform.Event{}, err
	}
	c := v.Comment
	if c.ID == "" || e.Detail.ID == "" {
		return platform.Event{}, errors.New("a comment without its id or its ticket's")
	}
	text := strings.TrimSpace(string(c.Body))
	if text == "" {
		text = platform.PlainText(string(c.HTML))
	}
	a := social.Activity{Type: social.Message, Object: social.Object{ID: "comment:" + string(c.ID), Type: "comment"}, Conversation: "ticket:" + string(e.Detail.ID), Text: text}
	if e.kind == "ticket.comment_redacted" {
		a.Type, a.Direction = social.Edit, social.Outbound
		if text == "" {
			a.Type = social.Delete
		}
		if a.Actor.ID = string(e.Detail.Actor); a.Actor.ID == "" {
			a.Actor.ID = social.Unknown
		}
		return e.act(a, social.Key(a.Object.ID, social.HashID("v", text))), nil
	}
	if !c.Public {
		return platform.Ignore(e.kind, "not public: an internal note, or the transcript of a chat", e.account), nil
	}
	a.Actor = social.Actor{ID: string(c.Author.ID), Name: string(c.Author.Name)}
	if a.Actor.ID == "" { // the account is no more
		a.Actor = social.Actor{ID: social.Unknown}
	}
	if c.Author.Staff || c.Author.ID == "-1" { // Zendesk itself
		a.Direction = social.Outbound
	}
	return e.act(a, a.Object.ID), nil
}

// message is one of a conversation in messaging. Its people have ids of their
// own, that of their tickets' requesters are others.
func (e envelope) message() (platform.Event, error) {
	var v struct {
		Actor struct {
			ID   platform.ID   `json:"id"`
			Name platform.Text `json:"name"`
			Type platform.Text `json:"type"` // end_user, agent, trigger, system
		} `json:"actor"`
		Conversation platform.ID `json:"conversation_id"`
		Message      struct {
			ID   platform.ID   `json:"id"`
			Body platform.Text `json:"body"`
		} `json:"message"`
	}
	if err := e.read(&v); err != nil {
		return platform.Event{}, err
	}
	if v.Message.ID == "" || e.Detail.ID == "" {
		return platform.Event{}, errors.New("a message without its id or its ticket's")
	}
	a := social.Activity{Type: social.Message, Actor: social.Actor{ID: string(v.Actor.ID), Name: string(v.Actor.Name)},
		Object: social.Object{ID: "message:" + string(v.Message.ID), Type: "message"}, Conversation: "ticket:" + string(e.Detail.ID), Text: strings.TrimSpace(string(v.Message.Body))}
	if v.Actor.Type != "end_user" {
		a.Direction = social.Outbound
		if a.Actor.ID == "" {
			a.Actor.ID = social.Unknown
		}
	}
	return e.act(a, a.Object.ID), nil
}

// rating is a requester's judgement of how a ticket was handled: a word, or
// stars, and maybe a comment.
func (e envelope) rating() (platform.Event, error) {
	type score struct {
		Score   platform.Text `json:"score"`
		Rating  platform.Text `json:"rating"`
		Comment platform.Text `json:"comment"`
	}
	var v struct {
		score
		Inner   *score `json:"satisfaction_score"`
		Rating2 *score `json:"satisfaction_rating"`
	}
	if err := e.read(&v); err != nil {
		return platform.Event{}, err
	}
	s := v.score
	for _, x := range []*score{v.Inner, v.Rating2} {
		if x != nil {
			s = *x
		}
	}
	if s.Score == "" {
		s.Score = s.Rating
	}
	if s.Score == "" && s.Comment == "" || e.Detail.ID == "" {
		return platform.Event{}, errors.New("a rating without its score, or its ticket's id")
	}
	a := social.Activity{Type: social.Review, Actor: social.Actor{ID: string(e.Detail.Requester)}, Object: social.Object{ID: "rating:" + string(e.Detail.ID), Type: "rating"},
		Conversation: "ticket:" + string(e.Detail.ID), Text: strings.TrimSpace(strings.ToLower(string(s.Score)) + "\n" + string(s.Comment))}
	return e.act(a, a.Object.ID), nil
}

// user is what an end user did with their account.
func (e envelope) user() (platform.Event, error) {
	id := string(e.Detail.ID)
	if id == "" {
		return platform.Event{}, errors.New("a user without an id")
	}
	if e.kind == "user.deleted" {
		return platform.Event{Kind: e.kind, Scopes: []string{e.account}, Erase: &social.AccountRef{Platform: name, Scope: e.account, ID: id}}, nil
	}
	switch strings.ToLower(string(e.Detail.Role)) {
	case "agent", "admin":
		return platform.Ignore(e.kind, "an account of the business's", e.account), nil
	}
	a := social.Activity{Type: social.ProfileChange, Actor: social.Actor{ID: id, Name: string(e.Detail.Name)}, Object: social.Object{ID: "user:" + id, Type: "user"}}
	if e.kind == "user.created" {
		a.Type = social.SignUp
	}
	return e.act(a, id), nil
}
