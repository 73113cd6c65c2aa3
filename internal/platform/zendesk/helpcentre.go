package zendesk

import (
	"encoding/json"
	"errors"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// said is what somebody said or did in the help centre: an event, or the
// comment in it. Which of the fields there are depends on type and version.
type said struct {
	ID        platform.ID `json:"id"`
	CommentID platform.ID `json:"comment_id"`
	AuthorID  platform.ID `json:"author_id"`
	UserID    platform.ID `json:"user_id"`
	VoterID   platform.ID `json:"voter_id"`
	Author    *struct {
		ID platform.ID `json:"id"`
	} `json:"author"`
	Title   text            `json:"title"`
	Body    text            `json:"body"`
	Current json.RawMessage `json:"current"` // after a change: the body, or an object like this one
	Value   json.RawMessage `json:"value"`   // of a vote: 1 or -1

	// What it is about, where the event is not that itself.
	Comment      *said `json:"comment"`
	Vote         *said `json:"vote"`
	Subscription *said `json:"subscription"`
}

// text is a text, or what it was and is.
type text string

// UnmarshalJSON reads a text, or the current one of {"current", "previous"}; other things are none.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	var change struct {
		Current string `json:"current"`
	}
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
	} else if json.Unmarshal(b, &change) == nil {
		*t = text(change.Current)
	}
	return nil
}

// who is the id of whoever did it.
func (s *said) who() platform.ID {
	if s == nil {
		return ""
	}
	for _, inner := range []*said{s.Comment, s.Vote, s.Subscription, s.now()} {
		if id := inner.who(); id != "" {
			return id
		}
	}
	if s.Author != nil && s.Author.ID != "" {
		return s.Author.ID
	}
	for _, id := range []platform.ID{s.AuthorID, s.VoterID, s.UserID} {
		if id != "" {
			return id
		}
	}
	return ""
}

// vote is which way a vote goes, "" if it does not say.
func (s *said) vote() string {
	if s == nil {
		return ""
	}
	value := string(s.Value)
	if value == "" {
		value = string(s.Current)
	}
	switch value {
	case "1", `"up"`:
		return "up"
	case "-1", `"down"`:
		return "down"
	}
	for _, inner := range []*said{s.Vote, s.Comment, s.now()} {
		if v := inner.vote(); v != "" {
			return v
		}
	}
	return ""
}

// now is what a change made of the thing, nil if the event says that otherwise.
func (s *said) now() *said {
	if len(s.Current) == 0 || s.Current[0] != '{' {
		return nil
	}
	var v said
	if platform.Decode(s.Current, &v) != nil {
		return nil
	}
	return &v
}

// words are title and body.
func (s *said) words() string {
	if s == nil {
		return ""
	}
	t := strings.TrimSpace(platform.PlainText(string(s.Title)) + "\n" + platform.PlainText(string(s.Body)))
	if t == "" {
		t = s.Comment.words()
	}
	if t == "" && len(s.Current) > 0 {
		var body string
		if json.Unmarshal(s.Current, &body) == nil {
			t = platform.PlainText(body)
		} else {
			t = s.now().words()
		}
	}
	return t
}

// helpCentre reads what people do with articles and community posts, and with
// the comments on them.
func (e envelope) helpCentre(domain, what string) (platform.Event, error) {
	on, comment := strings.CutPrefix(what, "comment_")
	types := map[string]social.Type{"created": social.Post, "changed": social.Edit, "unpublished": social.Delete,
		"subscription_created": social.Follow, "vote_created": social.React, "vote_changed": social.React, "vote_removed": social.Unreact}
	t, known := types[on]
	if !known || domain == "article" && !comment && t.Utterance() {
		return e.unknown(), nil
	}
	var v said
	if err := e.read(&v); err != nil {
		return platform.Event{}, err
	}
	page := e.Detail.ID
	if page == "" {
		page = e.Detail.PostID
	}
	if page == "" {
		return platform.Event{}, errors.New("without the id of the " + strings.ReplaceAll(domain, "_", " "))
	}
	a := social.Activity{Type: t, Object: social.Object{ID: domain + ":" + string(page), Type: domain}, Conversation: domain + ":" + string(page), Flat: t.Utterance()}
	if comment {
		id := v.CommentID
		if v.Comment != nil && id == "" {
			id = v.Comment.ID
		}
		if now := v.now(); now != nil && id == "" && t == social.Edit {
			id = now.ID
		}
		if id == "" && !strings.HasPrefix(on, "vote") { // there id is the vote's
			id = v.ID
		}
		if id == "" {
			return platform.Event{}, errors.New("a comment without its id")
		}
		a.Object = social.Object{ID: domain + "_comment:" + string(id), Type: "comment"}
		if t == social.Post {
			a.Type, a.InReplyTo = social.Reply, a.Conversation
		}
	}
	if a.Actor.ID = string(v.who()); a.Actor.ID == "" {
		a.Actor.ID = string(e.Detail.User)
	}
	if a.Type == social.Unreact && a.Actor.ID == "" {
		return platform.Ignore(e.kind, "it does not say whose vote is taken back", e.account), nil
	}
	id := a.Object.ID
	switch a.Type {
	case social.Post, social.Reply:
		a.Text = v.words()
	case social.Edit:
		if a.Text = v.words(); a.Text == "" {
			return platform.Ignore(e.kind, "without its new text", e.account), nil
		}
		id = social.Key(id, social.HashID("v", a.Text))
	case social.Delete:
		a.Actor.ID, a.Direction = social.Unknown, social.Outbound // unpublished by a moderator, whom Zendesk does not name
	case social.React, social.Unreact:
		a.Reaction = v.vote()
		id = social.Key(a.Actor.ID, id)
	default:
		id = social.Key(a.Actor.ID, id)
	}
	return e.act(a, id), nil
}
