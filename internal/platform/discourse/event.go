package discourse

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// post is what WebHookPostSerializer writes, as far as it is read.
// https://github.com/discourse/discourse/blob/main/app/serializers/web_hook_post_serializer.rb
type post struct {
	ID         platform.ID   `json:"id"`
	TopicID    platform.ID   `json:"topic_id"`
	Number     platform.ID   `json:"post_number"`
	ReplyTo    platform.ID   `json:"reply_to_post_number"`
	Kind       platform.ID   `json:"post_type"`
	Archetype  platform.Text `json:"topic_archetype"`
	Title      platform.Text `json:"topic_title"`
	Slug       platform.Text `json:"topic_slug"`
	URL        platform.Text `json:"post_url"`
	CategoryID platform.ID   `json:"category_id"`
	Raw        platform.Text `json:"raw"`
	Cooked     platform.Text `json:"cooked"`
	Created    platform.Text `json:"created_at"`
	Updated    platform.Text `json:"updated_at"`
	Deleted    platform.Text `json:"deleted_at"`
	Version    platform.ID   `json:"version"`
	Hidden     bool          `json:"hidden"`
	Withdrawn  bool          `json:"user_deleted"`
	UserID     platform.ID   `json:"user_id"`
	Username   platform.Text `json:"username"`
	Name       platform.Text `json:"name"`
	Staff      bool          `json:"staff"`
	Admin      bool          `json:"admin"`
	Moderator  bool          `json:"moderator"`
	Mentioned  mentioned     `json:"mentioned_users"` // of some versions
}

// mentioned are the accounts that a post mentions; nobody where it is no list.
type mentioned []struct {
	ID platform.ID `json:"id"`
}

// UnmarshalJSON reads a list.
func (m *mentioned) UnmarshalJSON(b []byte) error {
	type plain mentioned
	var v plain
	if json.Unmarshal(b, &v) == nil {
		*m = mentioned(v)
	}
	return nil
}

// What post_type says. 2 is a post that the staff marks as its own: a post like others.
// https://github.com/discourse/discourse/blob/main/app/models/post.rb
const (
	smallAction = "3"
	whisper     = "4"
)

// scopes lists by what an event of the forum is routed, the category first.
func (in instance) scopes(category platform.ID) []string {
	if digits(string(category)) {
		return []string{in.scope + "/c/" + string(category), in.scope}
	}
	return []string{in.scope}
}

// object is how posts are named: by topic and number, since replies name
// their parent by its number alone.
func object(topic, number platform.ID) string { return string(topic) + "/" + string(number) }

// unspoken says why a post is nobody's public word, "" where it is.
func (p post) unspoken(event string) string {
	switch {
	case p.Archetype == "private_message":
		return "a private message"
	case p.Kind == whisper:
		return "a whisper among the staff"
	case p.Kind == smallAction:
		return "a note that the forum writes by itself"
	case strings.HasPrefix(string(p.UserID), "-"):
		return "a post of the forum itself"
	case p.Hidden && event != "post_destroyed":
		return "a hidden post"
	}
	return ""
}

func (p post) direction() social.Direction {
	if p.Staff || p.Admin || p.Moderator {
		return social.Outbound
	}
	return social.Inbound
}

// link is where the post can be read.
func (in instance) link(p post) (string, error) {
	s := string(p.URL)
	if strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") {
		return in.origin + s, nil
	}
	if u, err := url.Parse(s); err == nil && u.Host != "" {
		if !strings.EqualFold(u.Scheme+"://"+u.Host, in.origin) {
			return "", fmt.Errorf("the post is at %.80q, but %s names %s: the header is not signed and must fit the body", u.Host, instanceHeader, in.scope)
		}
		return s, nil
	}
	return in.base + "/t/" + url.PathEscape(cmp.Or(string(p.Slug), "-")) + "/" + url.PathEscape(string(p.TopicID)) + "/" + url.PathEscape(string(p.Number)), nil
}

var quote = pattern.New(`(?i)\[quote(?:=[^\]\n]*)?\]|\[/quote\]`)

// unquoted is a text without what it quotes of others; one whose quotes don't
// end stays as it is.
func unquoted(s string) string {
	var b strings.Builder
	depth, from := 0, 0
	for _, at := range quote.FindAllStringIndex(s, -1) {
		if depth == 0 {
			b.WriteString(s[from:at[0]])
		}
		if s[at[0]+1] != '/' {
			depth++
		} else if depth > 0 {
			depth--
		}
		from = at[1]
	}
	if depth > 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// text is what the author says: Markdown as it was typed, without quotes of
// others; the first post begins with its title.
func (p post) text() string {
	t := strings.TrimSpace(unquoted(string(p.Raw)))
	if p.Raw == "" {
		t = platform.PlainText(string(p.Cooked))
	}
	if p.Number == "1" && p.Title != "" {
		t = strings.TrimSpace(string(p.Title) + "\n\n" + t)
	}
	return t
}

func (in instance) post(event string, p post) platform.Event {
	scopes := in.scopes(p.CategoryID)
	if why := p.unspoken(event); why != "" {
		return platform.Ignore(event, why, scopes...)
	}
	if event == "post_edited" && p.Withdrawn {
		return platform.Ignore(event, "its author withdraws it, which comes as post_destroyed", scopes...)
	}
	link, err := in.link(p)
	if err == nil && (p.ID == "" || p.TopicID == "" || p.Number == "") {
		err = errors.New("a post without its id, topic or number")
	}
	if p.UserID == "" { // the account is no more
		p.UserID, p.Username, p.Name = social.Unknown, "", ""
	}
	a := social.Activity{
		Platform: name, Scope: in.scope, Object: social.Object{ID: object(p.TopicID, p.Number), Type: "post"}, Conversation: string(p.TopicID), URL: link,
		Actor: social.Actor{ID: string(p.UserID), Scope: in.scope, Handle: string(p.Username), Name: string(p.Name)}, Direction: p.direction(),
	}
	unknown := social.Actor{ID: social.Unknown, Scope: in.scope}
	if event != "post_destroyed" && event != "accepted_solution" && event != "unaccepted_solution" && p.Number != "1" {
		a.InReplyTo = object(p.TopicID, cmp.Or(p.ReplyTo, "1"))
		a.Flat = p.ReplyTo == "" // to the topic as a whole
	}
	if event == "post_created" || event == "post_edited" {
		for _, m := range p.Mentioned {
			platform.Address(&a, string(m.ID))
		}
	}
	id := string(p.ID)
	keyed := time.Time{}
	switch event {
	case "post_created":
		a.Type, a.Text = social.Reply, p.text()
		if p.Number == "1" {
			a.Type = social.Post
		}
		a.Occurred, err = when(err, p.Created)
		keyed = a.Occurred
	case "post_edited":
		a.Type, a.Text = social.Edit, p.text()
		a.Occurred, err = when(err, cmp.Or(p.Updated, p.Created))
		id, keyed = social.Key(id, string(p.Version)), a.Occurred
	case "post_destroyed":
		a.Type = social.Delete
		if !p.Withdrawn {
			a.Actor, a.Direction = unknown, social.Inbound
		}
		a.Occurred, err = when(err, cmp.Or(p.Deleted, p.Updated, p.Created)) // the post's own; the key has none
	case "accepted_solution", "unaccepted_solution":
		a.Type, a.InReplyTo = social.Accept, object(p.TopicID, "1")
		if event == "unaccepted_solution" { // the topic, which has no solution any more
			a.Type, a.InReplyTo, a.Object = social.Reopen, "", social.Object{ID: string(p.TopicID), Type: "topic"}
		}
		a.Actor, a.Direction, a.Undated = unknown, social.Inbound, true
		id = social.Key("solution", id)
	}
	a.Key = social.ActivityKey(name, in.scope, a.Type, id, keyed)
	return platform.Act(event, a, err, scopes...)
}

// when reads a time, unless something was wrong before.
func when(err error, s platform.Text) (time.Time, error) {
	if err != nil {
		return time.Time{}, err
	}
	return platform.Time(string(s))
}

// state reads that a topic was closed or opened again: by the staff or, after
// a time that was set, by the forum itself. It says neither who nor when; what
// tells one closing from the next is how many posts the topic had.
func (in instance) state(event string, raw json.RawMessage) platform.Event {
	var t struct {
		ID        platform.ID   `json:"id"`
		Slug      platform.Text `json:"slug"`
		Category  platform.ID   `json:"category_id"`
		Archetype platform.Text `json:"archetype"`
		Posts     platform.ID   `json:"posts_count"`
		Highest   platform.ID   `json:"highest_post_number"`
		Closed    *bool         `json:"closed"`
	}
	if err := platform.Decode(raw, &t); err != nil {
		return platform.Park(event, err, in.scope)
	}
	scopes := in.scopes(t.Category)
	if t.Archetype == "private_message" {
		return platform.Ignore(event, "a private message", scopes...)
	}
	if t.ID == "" || t.Closed == nil {
		return platform.Park(event, errors.New("a topic without its id, or without whether it is closed"), scopes...)
	}
	a := social.Activity{
		Platform: name, Scope: in.scope, Type: social.Close, Actor: social.Actor{ID: social.Unknown, Scope: in.scope}, Undated: true, Direction: social.Outbound,
		Object: social.Object{ID: string(t.ID), Type: "topic"}, Conversation: string(t.ID), Automatic: event == "topic_autoclosed_status_updated",
		URL: in.base + "/t/" + url.PathEscape(cmp.Or(string(t.Slug), "-")) + "/" + url.PathEscape(string(t.ID)),
	}
	if !*t.Closed {
		a.Type = social.Reopen
	}
	a.Key = social.ActivityKey(name, in.scope, a.Type, social.Key("topic", string(t.ID), string(cmp.Or(t.Highest, t.Posts))), time.Time{})
	return platform.Act(event, a, nil, scopes...)
}

type who struct {
	ID        platform.ID   `json:"id"`
	Username  platform.Text `json:"username"`
	Name      platform.Text `json:"name"`
	Created   platform.Text `json:"created_at"`
	Admin     bool          `json:"admin"`
	Moderator bool          `json:"moderator"`
	Staged    bool          `json:"staged"` // made for who writes by e-mail and has not signed up
}

func (in instance) actor(w who) social.Actor {
	return social.Actor{ID: string(w.ID), Scope: in.scope, Handle: string(w.Username), Name: string(w.Name)}
}

// like reads who liked which post. It says no time.
func (in instance) like(event string, raw json.RawMessage) platform.Event {
	var l struct {
		Post post `json:"post"`
		User who  `json:"user"`
	}
	if err := platform.Decode(raw, &l); err != nil {
		return platform.Park(event, err, in.scope)
	}
	p, scopes := l.Post, in.scopes(l.Post.CategoryID)
	if why := p.unspoken(event); why != "" {
		return platform.Ignore(event, "of "+why, scopes...)
	}
	link, err := in.link(p)
	if err == nil && (p.ID == "" || p.TopicID == "" || p.Number == "" || l.User.ID == "") {
		err = errors.New("a like without its post or who likes it")
	}
	return platform.Act(event, social.Activity{
		Key:      social.ActivityKey(name, in.scope, social.React, social.Key("like", string(p.ID), string(l.User.ID)), time.Time{}),
		Platform: name, Scope: in.scope, Type: social.React, Actor: in.actor(l.User), URL: link,
		Object: social.Object{ID: object(p.TopicID, p.Number), Type: "post"}, Conversation: string(p.TopicID), Undated: true, Direction: social.Inbound, Reaction: "like",
	}, err, scopes...)
}

// vote reads who votes for a topic, or takes the vote back. It says neither a
// time nor the category, and of the voter the number alone.
// https://github.com/discourse/discourse/blob/main/plugins/discourse-topic-voting
func (in instance) vote(event string, raw json.RawMessage) platform.Event {
	var v struct {
		TopicID platform.ID   `json:"topic_id"`
		Slug    platform.Text `json:"topic_slug"`
		UserID  platform.ID   `json:"voter_id"`
	}
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park(event, err, in.scope)
	}
	var err error
	if v.TopicID == "" || v.UserID == "" {
		err = errors.New("a vote without its topic or who votes")
	}
	a := social.Activity{
		Platform: name, Scope: in.scope, Type: social.React, Actor: social.Actor{ID: string(v.UserID), Scope: in.scope},
		Object: social.Object{ID: object(v.TopicID, "1"), Type: "post"}, Conversation: string(v.TopicID), Undated: true, Direction: social.Inbound, Reaction: "vote",
		URL: in.base + "/t/" + url.PathEscape(cmp.Or(string(v.Slug), "-")) + "/" + url.PathEscape(string(v.TopicID)),
	}
	if event == "topic_unvote" {
		a.Type = social.Unreact
	}
	a.Key = social.ActivityKey(name, in.scope, a.Type, social.Key("vote", string(v.TopicID), string(v.UserID)), time.Time{})
	return platform.Act(event, a, err, in.scope)
}

// user reads a new account, or one that is to be forgotten.
func (in instance) user(event string, raw json.RawMessage) platform.Event {
	var u who
	if err := platform.Decode(raw, &u); err != nil {
		return platform.Park(event, err, in.scope)
	}
	if u.ID == "" {
		return platform.Park(event, errors.New("an account without its id"), in.scope)
	}
	if event == "user_destroyed" {
		return platform.Event{Kind: event, Scopes: []string{in.scope}, Erase: &social.AccountRef{Platform: name, Scope: in.scope, ID: string(u.ID)}}
	}
	if strings.HasPrefix(string(u.ID), "-") {
		return platform.Ignore(event, "an account of the forum itself", in.scope)
	}
	if u.Staged {
		return platform.Ignore(event, "the forum makes the account for who writes by e-mail", in.scope)
	}
	at, err := platform.Time(string(u.Created))
	a := social.Activity{
		Key:      social.ActivityKey(name, in.scope, social.SignUp, string(u.ID), at),
		Platform: name, Scope: in.scope, Type: social.SignUp, Actor: in.actor(u), Object: social.Object{ID: in.scope, Type: "forum"}, Occurred: at, Direction: social.Inbound,
	}
	if u.Username != "" {
		a.URL = in.base + "/u/" + url.PathEscape(string(u.Username))
	}
	if u.Admin || u.Moderator {
		a.Direction = social.Outbound
	}
	return platform.Act(event, a, err, in.scope)
}

// automatic are the ids of the groups that every forum fills by itself:
// https://github.com/discourse/discourse/blob/main/app/models/group.rb
var automatic = map[platform.ID]bool{"0": true, "1": true, "2": true, "3": true, "4": true, "5": true,
	"10": true, "11": true, "12": true, "13": true, "14": true}

// group reads a membership. It has an id and a time of its beginning, none of its end.
func (in instance) group(event string, raw json.RawMessage) platform.Event {
	var m struct {
		ID      platform.ID   `json:"id"`
		GroupID platform.ID   `json:"group_id"`
		UserID  platform.ID   `json:"user_id"`
		Created platform.Text `json:"created_at"`
	}
	if err := platform.Decode(raw, &m); err != nil {
		return platform.Park(event, err, in.scope)
	}
	if automatic[m.GroupID] || strings.HasPrefix(string(m.UserID), "-") {
		return platform.Ignore(event, "the forum fills this group by itself", in.scope)
	}
	var err error
	if m.ID == "" || m.GroupID == "" || m.UserID == "" {
		err = errors.New("a membership without its id, group or member")
	}
	a := social.Activity{
		Platform: name, Scope: in.scope, Type: social.Join, Actor: social.Actor{ID: string(m.UserID), Scope: in.scope},
		Object: social.Object{ID: "group/" + string(m.GroupID), Type: "group"}, Direction: social.Inbound,
	}
	if event == "user_removed_from_group" {
		a.Type, a.Undated = social.Leave, true
	} else {
		a.Occurred, err = when(err, m.Created)
	}
	a.Key = social.ActivityKey(name, in.scope, a.Type, social.Key(string(m.ID), string(m.GroupID), string(m.UserID)), a.Occurred)
	return platform.Act(event, a, err, in.scope)
}
