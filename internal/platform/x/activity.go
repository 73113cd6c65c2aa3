package x

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// posts are XAA's types whose payload is a post, with what it can be.
var posts = []struct {
	kind    string
	becomes []social.Type
}{
	{"post.create", []social.Type{social.Post, social.Mention, social.Reply, social.Quote, social.Repost, social.Edit}},
	{"post.mention.create", []social.Type{social.Mention, social.Reply, social.Quote, social.Edit}},
	{"post.reply.create", []social.Type{social.Reply, social.Quote}},
	{"post.quote.create", []social.Type{social.Quote}},
	{"post.repost.create", []social.Type{social.Repost}},
}

// profiles are the parts of a profile that profile.update.* tells of, and
// whether what they hold is text for people.
var profiles = []struct {
	part string
	text bool
}{
	{"bio", true}, {"screenname", true}, {"handle", true}, {"geo", true}, {"url", true},
	{"profile_picture", false}, {"banner_picture", false}, {"verified_badge", false}, {"affiliate_badge", false},
}

// silent are the types of both products that tell of nobody's doing, and why.
var silent = []struct{ kind, why string }{
	{"dm.read", "that a message was read says nothing"},
	{"dm.indicate_typing", "typing says nothing yet"},
	{"chat.read", "that a message was read says nothing"},
	{"chat.indicate_typing", "typing says nothing yet"},
	{"chat.conversation_join", "to be added to an encrypted chat says nothing"},
	{"mute.mute", "whom the account mutes is its own affair"},
	{"mute.unmute", "whom the account mutes is its own affair"},
	{"block.block", "whom the account blocks is its own affair"},
	{"block.unblock", "whom the account blocks is its own affair"},
	{"spaces.start", "that a live conversation began does not say who talks in it"},
	{"spaces.end", "that a live conversation ended does not say who talked in it"},
	{"news.new", "a headline written by X is nobody's post"},
	{"filtered_stream", "posts that match a filter's rules are for no account: subscribe to post.mention.create instead"},
	{"direct_message_indicate_typing_events", "typing says nothing yet"},
	{"direct_message_mark_read_events", "that a message was read says nothing"},
	{"block_events block", "whom the account blocks is its own affair"},
	{"block_events unblock", "whom the account blocks is its own affair"},
	{"mute_events mute", "whom the account mutes is its own affair"},
	{"mute_events unmute", "whom the account mutes is its own affair"},
	{"replay_job_status", "a replay that was asked for has ended: what it replayed came before"},
}

func why(kind string) (string, bool) {
	for _, s := range silent {
		if s.kind == kind {
			return s.why, true
		}
	}
	return "it is not known to tell what someone did", false
}

const (
	anonymous = "where X does not say who liked it"
	encrypted = "the text is encrypted: only the two of them can read it"
	undated   = "X says no time"
	untimed   = "undated: X does not always say a time"
)

// Kinds lists the event types: XAA's first, then AAA's.
func (Adapter) Kinds() []platform.Kind {
	var out []platform.Kind
	for _, p := range posts {
		for _, t := range p.becomes {
			out = append(out, platform.Kind{Name: p.kind, Becomes: string(t), Note: noteOf(t)})
		}
	}
	out = append(out,
		platform.Kind{Name: "post.delete", Becomes: string(social.Delete), Note: "X says no time: it is dated as the post"},
		platform.Kind{Name: "like.create", Becomes: string(social.React), Note: untimed},
		platform.Kind{Name: "like.create", Becomes: platform.Ignored, Note: anonymous},
		platform.Kind{Name: "follow.follow", Becomes: string(social.Follow), Note: undated},
		platform.Kind{Name: "follow.unfollow", Becomes: string(social.Unfollow), Note: undated},
		platform.Kind{Name: "dm.received", Becomes: string(social.Message)},
		platform.Kind{Name: "dm.sent", Becomes: string(social.Message)},
		platform.Kind{Name: "chat.received", Becomes: string(social.Message), Note: encrypted},
		platform.Kind{Name: "chat.sent", Becomes: string(social.Message), Note: encrypted},
	)
	for _, p := range profiles {
		out = append(out, platform.Kind{Name: "profile.update." + p.part, Becomes: string(social.ProfileChange), Note: undated})
	}
	out = append(out, platform.Kind{Name: "oauth.revoke", Becomes: platform.Revoked})
	for _, t := range []social.Type{social.Post, social.Mention, social.Reply, social.Quote, social.Repost, social.Edit} {
		out = append(out, platform.Kind{Name: "tweet_create_events", Becomes: string(t), Note: noteOf(t)})
	}
	out = append(out,
		platform.Kind{Name: "tweet_delete_events", Becomes: string(social.Delete)},
		platform.Kind{Name: "favorite_events", Becomes: string(social.React), Note: untimed},
		platform.Kind{Name: "follow_events follow", Becomes: string(social.Follow)},
		platform.Kind{Name: "follow_events unfollow", Becomes: string(social.Unfollow)},
		platform.Kind{Name: "direct_message_events", Becomes: string(social.Message)},
		platform.Kind{Name: "user_event revoke", Becomes: platform.Revoked},
	)
	for _, s := range silent {
		out = append(out, platform.Kind{Name: s.kind, Becomes: platform.Ignored, Note: s.why})
	}
	return out
}

func noteOf(t social.Type) string {
	switch t {
	case social.Mention:
		return "a post that mentions an account and replies to none"
	case social.Edit:
		return "a later version of a post"
	case social.Quote:
		return "also where it replies, too"
	}
	return ""
}

// envelope is XAA's only element.
type envelope struct {
	Type   string `json:"event_type"`
	Filter struct {
		User      platform.ID `json:"user_id"`
		Direction string      `json:"direction"` // inbound, outbound
	} `json:"filter"`
	Payload  json.RawMessage `json:"payload"`
	Includes included        `json:"includes"`
}

// included is what a payload names by id only. XAA may leave out any of it.
type included struct {
	Users  json.RawMessage `json:"users"`
	Tweets json.RawMessage `json:"tweets"`
}

// xaa reads a delivery of the X Activity API.
func xaa(top map[string]json.RawMessage) ([]platform.Event, error) {
	var e envelope
	if err := platform.Decode(top["data"], &e); err != nil {
		return nil, err
	}
	watched := string(e.Filter.User)
	if e.Type == "" {
		if _, ok := top["matching_rules"]; ok {
			reason, _ := why("filtered_stream")
			return []platform.Event{platform.Ignore("filtered_stream", reason)}, nil
		}
		return nil, errors.New("data without an event_type")
	}
	if e.Type == "dm.received" || e.Type == "dm.sent" {
		return messages(e.Type, watched, e.Payload), nil
	}
	return []platform.Event{one(e, watched)}, nil
}

// one reads every event that is told alone.
func one(e envelope, watched string) platform.Event {
	for _, p := range posts {
		if p.kind == e.Type {
			p, err := postV2(e.Payload)
			return p.event(e.Type, watched, actor(p.author, accounts(e.Includes.Users)), err)
		}
	}
	for _, p := range profiles {
		if "profile.update."+p.part == e.Type {
			return profile(e, watched, p.part, p.text)
		}
	}
	switch e.Type {
	case "post.delete":
		type deletionData struct {
			ID     platform.ID `json:"id"`
			Author platform.ID `json:"author_id"`
		}
		var v deletionData
		err := platform.Decode(e.Payload, &v)
		return deletion(e.Type, watched, string(v.ID), string(v.Author), time.Time{}, err)
	case "like.create":
		return liked(e, watched)
	case "follow.follow", "follow.unfollow":
		type followData struct {
			Source user `json:"source"`
			Target user `json:"target"`
		}
		var v followData
		err := platform.Decode(e.Payload, &v)
		return relation(e.Type, watched, social.Type(strings.TrimPrefix(e.Type, "follow.")), v.Source, v.Target, time.Time{}, err)
	case "chat.received", "chat.sent":
		return chat(e, watched)
	case "oauth.revoke":
		type revocationData struct {
			User platform.ID `json:"user_id"`
		}
		var v revocationData
		if err := platform.Decode(e.Payload, &v); err != nil {
			return park(e.Type, watched, err)
		}
		return revoked(e.Type, first(v.User, e.Filter.User))
	}
	reason, _ := why(e.Type)
	return ignore(e.Type, watched, reason)
}

// messages reads the list that a direct message comes in.
func messages(kind, watched string, raw json.RawMessage) []platform.Event {
	type messagesData struct {
		Events []json.RawMessage `json:"direct_message_events"`
		Users  json.RawMessage   `json:"users"`
	}
	var v messagesData
	if err := platform.Decode(raw, &v); err != nil {
		return []platform.Event{park(kind, watched, err)}
	}
	if len(v.Events) == 0 {
		return []platform.Event{park(kind, watched, errors.New("no message in it"))}
	}
	known := accounts(v.Users)
	var out []platform.Event
	for _, m := range v.Events {
		out = append(out, message(kind, watched, m, known))
	}
	return out
}

// profile is a change to a part of the watched account's profile.
func profile(e envelope, watched, part string, text bool) platform.Event {
	type changeData struct {
		Before json.RawMessage `json:"before"`
		After  json.RawMessage `json:"after"`
	}
	var v changeData
	err := platform.Decode(e.Payload, &v)
	if err == nil && len(v.Before)+len(v.After) == 0 {
		err = errors.New("a change with neither before nor after")
	}
	a := social.Activity{Platform: name, Type: social.ProfileChange, Actor: actor(watched, accounts(e.Includes.Users)),
		Object: social.Object{ID: watched, Type: "profile " + part}, Undated: true, Direction: direction(watched, watched)}
	if text && json.Unmarshal(v.After, &a.Text) == nil {
		a.Text = plain.Replace(a.Text)
	}
	// A change has neither id nor time: what was there, and what is, make one.
	a.Key = social.ActivityKey(name, "", a.Type, social.Key(watched, part, canonical(v.Before), canonical(v.After)), time.Time{})
	return act(e.Type, a, err, watched)
}

// canonical writes JSON in one way, whatever white space and order it came in.
func canonical(raw json.RawMessage) string {
	var v any
	if platform.Decode(raw, &v) != nil {
		return string(raw)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(b)
}

// chat is a message of the encrypted chat: who wrote to whom, and when.
func chat(e envelope, watched string) platform.Event {
	type chatData struct {
		ID           platform.ID   `json:"id"`
		Created      platform.Text `json:"created_at_msec"`
		Sender       platform.ID   `json:"sender_id"`
		Conversation platform.ID   `json:"conversation_id"`
	}
	var v chatData
	if err := platform.Decode(e.Payload, &v); err != nil {
		return park(e.Type, watched, err)
	}
	at, err := platform.Unix(string(v.Created), time.Millisecond)
	return act(e.Type, social.Activity{Key: social.ActivityKey(name, "", social.Message, string(v.ID), at), Platform: name, Type: social.Message,
		Actor: actor(string(v.Sender), accounts(e.Includes.Users)), Object: social.Object{ID: string(v.ID), Type: "message"},
		Conversation: string(v.Conversation), Occurred: at, Direction: direction(string(v.Sender), watched)}, err, watched)
}

// liked reads a like, whose payload does not name the liker. It is the watched
// account, unless the like is for it: then it is whoever else comes along and
// is not there as the post's author or as one that the post names.
func liked(e envelope, watched string) platform.Event {
	type likeData struct {
		ID      platform.ID `json:"id"`
		Post    platform.ID `json:"liked_tweet_id"`
		Author  platform.ID `json:"liked_tweet_author_id"`
		AuthorV platform.ID `json:"tweet_author_id"` // as seen in the wild
	}
	var v likeData
	if err := platform.Decode(e.Payload, &v); err != nil {
		return park(e.Type, watched, err)
	}
	known := accounts(e.Includes.Users)
	author := first(v.Author, v.AuthorV)
	by := watched
	if e.Filter.Direction == "inbound" || e.Filter.Direction == "" && (author == "" || author == watched) {
		by = ""
		named := namedIn(e.Includes.Tweets)
		for _, u := range known {
			switch {
			case u.id == author || u.id == watched || named[u.id] || named["@"+strings.ToLower(u.handle)]:
			case by != "":
				return ignore(e.Type, watched, fmt.Sprintf("a like of post %.40s: X does not say by whom", v.Post))
			default:
				by = u.id
			}
		}
		if by == "" {
			return ignore(e.Type, watched, fmt.Sprintf("a like of post %.40s: X does not say by whom", v.Post))
		}
	}
	return like(e.Type, watched, string(v.ID), string(v.Post), actor(by, known))
}

// namedIn is who the posts in a list are by, name or answer: ids, and handles
// in small letters after an @.
func namedIn(raw json.RawMessage) map[string]bool {
	var list []json.RawMessage
	if platform.Decode(raw, &list) != nil {
		return nil
	}
	out := map[string]bool{}
	for _, raw := range list {
		type tweet struct {
			Author   platform.ID `json:"author_id"`
			Answered platform.ID `json:"in_reply_to_user_id"`
			Entities struct {
				Mentions []user `json:"mentions"`
			} `json:"entities"`
		}
		var v tweet
		if platform.Decode(raw, &v) != nil {
			continue
		}
		out[string(v.Author)], out[string(v.Answered)] = true, true
		for _, m := range v.Entities.Mentions {
			out[m.id], out["@"+strings.ToLower(m.handle)] = true, true
		}
	}
	delete(out, "")
	delete(out, "@")
	return out
}
