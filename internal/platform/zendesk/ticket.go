package zendesk

import (
	"errors"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// itself is the id under which Zendesk's own rules act.
const itself = "-1"

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
	a := social.Activity{Type: social.Message, Object: social.Object{ID: "comment:" + string(c.ID), Type: "comment"}, Conversation: "ticket:" + string(e.Detail.ID), Text: text, Flat: true}
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
	a.Automatic = c.Author.ID == itself
	if c.Author.Staff || a.Automatic {
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
		Object: social.Object{ID: "message:" + string(v.Message.ID), Type: "message"}, Conversation: "ticket:" + string(e.Detail.ID), Text: strings.TrimSpace(string(v.Message.Body)), Flat: true}
	a.Automatic = v.Actor.Type != "end_user" && v.Actor.Type != "agent" // a trigger, a bot, the system
	if v.Actor.Type != "end_user" {
		a.Direction = social.Outbound
		if a.Actor.ID == "" {
			a.Actor.ID = social.Unknown
		}
	}
	return e.act(a, a.Object.ID), nil
}

// status is that a ticket was solved or closed, or is open again. The states of
// the team's own work between are nobody's business.
// https://developer.zendesk.com/api-reference/webhooks/event-types/ticket-events/#status-changed
func (e envelope) status() (platform.Event, error) {
	var v struct {
		Current  platform.Text `json:"current"`
		Previous platform.Text `json:"previous"`
	}
	if err := e.read(&v); err != nil {
		return platform.Event{}, err
	}
	done := func(s platform.Text) bool {
		return strings.EqualFold(string(s), "solved") || strings.EqualFold(string(s), "closed")
	}
	a := social.Activity{Type: social.Close, Flat: true}
	switch {
	case v.Current == "" || done(v.Current) == done(v.Previous):
		return platform.Ignore(e.kind, "how the team works", e.account), nil
	case !done(v.Current):
		a.Type = social.Reopen
	}
	if e.Detail.ID == "" {
		return platform.Event{}, errors.New("a status without its ticket's id")
	}
	a.Object, a.Conversation = social.Object{ID: "ticket:" + string(e.Detail.ID), Type: "ticket"}, "ticket:"+string(e.Detail.ID)
	if a.Actor.ID = string(e.Detail.Actor); a.Actor.ID == "" {
		a.Actor.ID = social.Unknown
	}
	a.Automatic = a.Actor.ID == itself
	if a.Actor.ID != string(e.Detail.Requester) {
		a.Direction = social.Outbound
	}
	return e.act(a, a.Object.ID), nil
}

// mark is a word or a number as a rating.
// https://support.zendesk.com/hc/en-us/articles/4408886173338
func mark(score string) *social.Rating {
	switch word, _, _ := strings.Cut(strings.ToLower(score), "_"); strings.TrimSuffix(word, " with comment") {
	case "good":
		return platform.Rated("1", 0, 1, social.CSAT, "")
	case "bad":
		return platform.Rated("0", 0, 1, social.CSAT, "")
	}
	return platform.Rated(score, 1, 5, social.CSAT, "")
}

// rating is a requester's judgement of how a ticket was handled: a word, or
// a number of five, and maybe a comment.
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
		Conversation: "ticket:" + string(e.Detail.ID), Text: strings.TrimSpace(string(s.Comment)), Rating: mark(string(s.Score)), Flat: true}
	if a.Rating == nil && a.Text == "" {
		a.Reading = platform.UnreadWords
	}
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
