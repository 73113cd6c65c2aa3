package x

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// user is an account in any of its shapes: bare or wrapped in data, with v2's
// names or v1.1's.
type user struct{ id, handle, name string }

// UnmarshalJSON reads either shape.
func (u *user) UnmarshalJSON(b []byte) error {
	type bare struct {
		ID         platform.ID   `json:"id"`
		IDStr      platform.ID   `json:"id_str"` // v1.1, where id may be rounded
		Username   platform.Text `json:"username"`
		ScreenName platform.Text `json:"screen_name"` // v1.1
		Name       platform.Text `json:"name"`
	}
	type account struct {
		bare
		Data *bare `json:"data"`
	}
	var w account
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.Data != nil {
		w.bare = *w.Data
	}
	u.id, u.handle, u.name = first(w.IDStr, w.ID), string(w.Username), string(w.Name)
	if u.handle == "" {
		u.handle = string(w.ScreenName)
	}
	return nil
}

func first(ids ...platform.ID) string {
	for _, id := range ids {
		if id != "" {
			return string(id)
		}
	}
	return ""
}

// accounts reads a list of users, or a map of them by id. They only add names:
// one that can't be read is passed over.
func accounts(raw json.RawMessage) map[string]user {
	var list []json.RawMessage
	if platform.Decode(raw, &list) != nil {
		var byID map[string]json.RawMessage
		if platform.Decode(raw, &byID) != nil {
			return nil
		}
		for _, v := range byID {
			list = append(list, v)
		}
	}
	out := map[string]user{}
	for _, v := range list {
		var u user
		if platform.Decode(v, &u) == nil && u.id != "" {
			out[u.id] = u
		}
	}
	return out
}

// actor is the account with an id, with its names where they are known.
func actor(id string, known map[string]user) social.Actor {
	u := known[id]
	return social.Actor{ID: id, Handle: u.handle, Name: u.name}
}

// post is a post as either product tells it.
type post struct {
	id, author                  string
	version                     string // of an edited post: the id that its first version has, which is another
	at                          time.Time
	text                        string
	repliedTo, quoted, reposted string // ids
	mentions                    bool
	addressed                   []string // ids
}

type entities struct {
	Mentions     []json.RawMessage `json:"mentions"`      // v2
	UserMentions []json.RawMessage `json:"user_mentions"` // v1.1
}

func (e entities) mentions() bool { return len(e.Mentions)+len(e.UserMentions) > 0 }

// ids are those of the accounts mentioned, where X says them.
func (e entities) ids() (out []string) {
	for _, raw := range append(e.Mentions, e.UserMentions...) {
		var u user
		if platform.Decode(raw, &u) == nil && u.id != "" {
			out = append(out, u.id)
		}
	}
	return out
}

// plain undoes the three escapes that X puts into texts.
var plain = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// created is a post's instant, in whole seconds, in which both products give
// it: so it is one instant however the post comes. A post that is given
// without one was made when its id was.
func created(at, id string, layout string) (time.Time, error) {
	if at == "" {
		t, err := snowflake(id)
		return t.Truncate(time.Second), err
	}
	t, err := platform.Time(at, layout)
	return t.Truncate(time.Second), err
}

// epoch is when X's ids begin, in milliseconds since 1970.
const epoch = 1288834974657

// snowflake is when X made an id: its upper bits are the milliseconds since
// epoch. Smaller ones are from before, when X just counted.
// https://docs.x.com/resources/fundamentals/x-ids
func snowflake(id string) (time.Time, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1<<35 {
		return time.Time{}, fmt.Errorf("no time is given, and the id %.40q holds none", id)
	}
	return social.Instant(time.UnixMilli(n>>22 + epoch)), nil
}

// postV2 reads a post of XAA.
func postV2(raw json.RawMessage) (post, error) {
	type tweet struct {
		ID         platform.ID   `json:"id"`
		AuthorID   platform.ID   `json:"author_id"`
		CreatedAt  string        `json:"created_at"`
		Text       string        `json:"text"`
		Entities   entities      `json:"entities"`
		History    []platform.ID `json:"edit_history_tweet_ids"` // the first version first
		InReplyTo  platform.ID   `json:"in_reply_to_tweet_id"`
		Referenced []struct {
			Type string      `json:"type"`
			ID   platform.ID `json:"id"`
		} `json:"referenced_tweets"`
		Long struct { // of a post over 280 characters the whole
			Text     string   `json:"text"`
			Entities entities `json:"entities"`
		} `json:"note_tweet"`
	}
	var v tweet
	if err := platform.Decode(raw, &v); err != nil {
		return post{}, err
	}
	at, err := created(v.CreatedAt, string(v.ID), time.RFC3339Nano)
	p := post{id: string(v.ID), author: string(v.AuthorID), at: at, text: plain.Replace(v.Text), repliedTo: string(v.InReplyTo),
		mentions: v.Entities.mentions() || v.Long.Entities.mentions(), addressed: append(v.Entities.ids(), v.Long.Entities.ids()...)}
	if v.Long.Text != "" {
		p.text = plain.Replace(v.Long.Text)
	}
	if len(v.History) > 0 {
		p.version = string(v.History[0])
	}
	for _, ref := range v.Referenced {
		switch ref.Type {
		case "replied_to":
			p.repliedTo = string(ref.ID)
		case "quoted":
			p.quoted = string(ref.ID)
		case "retweeted":
			p.reposted = string(ref.ID)
		}
	}
	return p, err
}

// postV1 reads a post of AAA, and its author.
func postV1(raw json.RawMessage) (post, user, error) {
	type ref struct {
		ID    platform.ID `json:"id"`
		IDStr platform.ID `json:"id_str"`
	}
	type status struct {
		ref
		CreatedAt string      `json:"created_at"`
		Text      string      `json:"text"`
		FullText  string      `json:"full_text"`
		User      user        `json:"user"`
		Entities  entities    `json:"entities"`
		ReplyTo   platform.ID `json:"in_reply_to_status_id_str"`
		ReplyToN  platform.ID `json:"in_reply_to_status_id"`
		Retweeted *ref        `json:"retweeted_status"`
		QuotedID  platform.ID `json:"quoted_status_id_str"`
		QuotedIDN platform.ID `json:"quoted_status_id"`
		Quoted    *ref        `json:"quoted_status"`
		Extended  struct {    // of a post over 280 characters the whole
			FullText string   `json:"full_text"`
			Entities entities `json:"entities"`
		} `json:"extended_tweet"`
		History struct {
			IDs []platform.ID `json:"edit_tweet_ids"` // the first version first
		} `json:"edit_history"`
	}
	var v status
	if err := platform.Decode(raw, &v); err != nil {
		return post{}, user{}, err
	}
	id := first(v.IDStr, v.ID)
	at, err := created(v.CreatedAt, id, time.RubyDate)
	p := post{id: id, author: v.User.id, at: at, text: plain.Replace(v.Text), repliedTo: first(v.ReplyTo, v.ReplyToN), quoted: first(v.QuotedID, v.QuotedIDN),
		mentions: v.Entities.mentions() || v.Extended.Entities.mentions(), addressed: append(v.Entities.ids(), v.Extended.Entities.ids()...)}
	for _, whole := range []string{v.FullText, v.Extended.FullText} {
		if whole != "" {
			p.text = plain.Replace(whole)
		}
	}
	if v.Quoted != nil && p.quoted == "" {
		p.quoted = first(v.Quoted.IDStr, v.Quoted.ID)
	}
	if v.Retweeted != nil {
		p.reposted = first(v.Retweeted.IDStr, v.Retweeted.ID)
	}
	if len(v.History.IDs) > 0 {
		p.version = string(v.History.IDs[0])
	}
	return p, v.User, err
}

// event is what someone did by p. Its type comes from the post alone, and
// neither the subscription nor its product shows in it: XAA's conversation_id
// is left out, since AAA has none. Direction is the watched account's view.
func (p post) event(kind, watched string, by social.Actor, err error) platform.Event {
	a := social.Activity{Platform: name, Type: social.Post, Actor: by, Object: social.Object{ID: p.id, Type: "post"}, InReplyTo: p.repliedTo,
		Text: p.text, URL: link(p.id), Occurred: p.at, Direction: direction(p.author, watched)}
	if p.reposted == "" {
		platform.Address(&a, p.addressed...)
	}
	switch {
	case p.reposted != "":
		// The words are the other's, who has said them already.
		a.Type, a.Object.ID, a.InReplyTo, a.Text, a.URL = social.Repost, p.reposted, "", "", link(p.reposted)
	case p.version != "" && p.version != p.id:
		a.Type, a.Object.ID, a.InReplyTo = social.Edit, p.version, ""
	case p.quoted != "":
		a.Type = social.Quote
		if a.InReplyTo == "" {
			a.InReplyTo = p.quoted
		}
	case p.repliedTo != "":
		a.Type = social.Reply
	case p.mentions:
		a.Type = social.Mention
	}
	if err == nil && p.id == "" {
		err = errors.New("a post without its id")
	}
	a.Key = social.ActivityKey(name, "", a.Type, p.id, p.at)
	return act(kind, a, err, watched)
}

// link leads to a post, whatever its author's handle is by now.
func link(id string) string {
	if !digits.MatchString(id) {
		return ""
	}
	return "https://x.com/i/web/status/" + id
}

func direction(actor, watched string) social.Direction {
	if actor != "" && actor == watched {
		return social.Outbound
	}
	return social.Inbound
}

// act is the event of an activity that the watched account is told of.
func act(kind string, a social.Activity, err error, watched string) platform.Event {
	if watched == "" {
		if err == nil {
			err = errors.New("it does not say which account it was sent for")
		}
		return platform.Park(kind, err)
	}
	return platform.Act(kind, a, err, watched)
}

// deletion is the event of a post taken away. XAA says no time: then it is the
// earliest there can be, the post's own.
func deletion(kind, watched, id, author string, at time.Time, err error) platform.Event {
	if at.IsZero() && err == nil {
		at, err = snowflake(id)
	}
	by := social.Actor{ID: author}
	if author == "" {
		by.ID = social.Unknown
	}
	return act(kind, social.Activity{Key: social.ActivityKey(name, "", social.Delete, id, at), Platform: name, Type: social.Delete, Actor: by,
		Object: social.Object{ID: id, Type: "post"}, Occurred: at, Direction: direction(author, watched)}, err, watched)
}

// message is one direct message of either product, which tell them alike.
func message(kind, watched string, raw json.RawMessage, known map[string]user) platform.Event {
	type messageData struct {
		Type    string        `json:"type"`
		ID      platform.ID   `json:"id"`
		Created platform.Text `json:"created_timestamp"` // milliseconds
		Create  struct {
			Target struct {
				Recipient platform.ID `json:"recipient_id"`
			} `json:"target"`
			Sender platform.ID `json:"sender_id"`
			Data   struct {
				Text string `json:"text"`
			} `json:"message_data"`
		} `json:"message_create"`
	}
	var m messageData
	if err := platform.Decode(raw, &m); err != nil {
		return park(kind, watched, fmt.Errorf("a message: %w", err))
	}
	if m.Type != "message_create" {
		return ignore(kind+" "+m.Type, watched, "it is not known to tell what someone wrote")
	}
	from, to := string(m.Create.Sender), string(m.Create.Target.Recipient)
	at, err := platform.Unix(string(m.Created), time.Millisecond)
	return act(kind, social.Activity{Key: social.ActivityKey(name, "", social.Message, string(m.ID), at), Platform: name, Type: social.Message,
		Actor: actor(from, known), Object: social.Object{ID: string(m.ID), Type: "message"}, Conversation: dialogue(from, to),
		Text: plain.Replace(m.Create.Data.Text), Occurred: at, Direction: direction(from, watched)}, err, watched)
}

// dialogue is the id that X gives the conversation of two accounts: the
// smaller id, "-", the greater one.
func dialogue(a, b string) string {
	if len(a) > len(b) || len(a) == len(b) && a > b {
		a, b = b, a
	}
	return a + "-" + b
}

// relation is the event of one account following another, or no longer. at is
// zero where X says no time.
func relation(kind, watched string, t social.Type, source, target user, at time.Time, err error) platform.Event {
	if err == nil && target.id == "" {
		err = errors.New("it does not say who was followed")
	}
	return act(kind, social.Activity{Key: social.ActivityKey(name, "", t, social.Key(source.id, target.id), at), Platform: name, Type: t,
		Actor: social.Actor{ID: source.id, Handle: source.handle, Name: source.name}, Object: social.Object{ID: target.id, Type: "account"},
		Occurred: at, Undated: at.IsZero(), Direction: direction(source.id, watched)}, err, watched)
}

// like is the event of a like. Its id is the same in both products, whoever is
// told of it. XAA gives its times "when available"
// (https://docs.x.com/x-api/activity/event-payloads), and AAA always: so that
// one like is one fact, no time of it is kept. X tells of no like taken back.
func like(kind, watched, id, object string, by social.Actor) platform.Event {
	if id == "" {
		id = social.Key(by.ID, object)
	}
	return act(kind, social.Activity{Key: social.ActivityKey(name, "", social.React, id, time.Time{}), Platform: name, Type: social.React, Actor: by,
		Object: social.Object{ID: object, Type: "post"}, Reaction: "like", URL: link(object), Undated: true, Direction: direction(by.ID, watched)}, nil, watched)
}

// revoked is the event of an account taking back what it let the app do.
func revoked(kind, account string) platform.Event {
	if account == "" {
		return platform.Park(kind, errors.New("it does not say which account withdrew its grant"))
	}
	return platform.Event{Kind: kind, Scopes: []string{account},
		Revoked: "the account has withdrawn the app's access at X: its owner must authorise the app again, and its subscriptions must be made again"}
}

func ignore(kind, watched, why string) platform.Event {
	if watched == "" {
		return platform.Ignore(kind, why)
	}
	return platform.Ignore(kind, why, watched)
}

func park(kind, watched string, err error) platform.Event {
	if watched == "" {
		return platform.Park(kind, err)
	}
	return platform.Park(kind, err, watched)
}
