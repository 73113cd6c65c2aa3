package tiktok

import (
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

// silent are the events that tell of nobody's doing, and why.
var silent = []struct{ kind, why string }{
	{"im_receive_msg_eu", "TikTok leaves out the sender and the text of messages from the EEA, Switzerland and the UK"},
	{"im_mark_read_msg", "that a message was read says nothing"},
	{"im_auto_message_config_update", "the account's automatic messages were changed"},
	{"im_auto_message_audit_update", "TikTok judged one of the account's automatic messages"},
	{"post.publish.failed", published},
	{"post.publish.complete", published},
	{"post.publish.inbox_delivered", published},
	{"post.publish.publicly_available", published},
	{"post.publish.no_longer_publicly_available", published},
	{"post.publish.no_longer_publicaly_available", published}, // as TikTok for Developers spells it
	{"video.upload.failed", published},
	{"video.publish.completed", published},
	{"portability.download.ready", "an export of the account's data is ready"},
	{"tiktok.ping", "the portal's test of the URL"},
}

const (
	published = "what became of an upload is not what someone did"
	unseen    = "who may see it changed: what was said stays said"
)

// hidings are what can be done to a comment that leaves it as it is.
var hidings = []string{"set_to_hidden", "set_to_friends_only", "set_to_public"}

// Kinds lists the event types of both products.
func (Adapter) Kinds() []platform.Kind {
	out := []platform.Kind{
		{Name: "comment.update insert", Becomes: string(social.Reply), Note: "to the video, or to a comment on it; often without its text"},
		{Name: "comment.update delete", Becomes: string(social.Delete), Note: "TikTok does not say by whom"},
	}
	for _, h := range hidings {
		out = append(out, platform.Kind{Name: "comment.update " + h, Becomes: platform.Ignored, Note: unseen})
	}
	out = append(out,
		platform.Kind{Name: "im_receive_high_intent_comment", Becomes: string(social.Reply), Note: "a comment with its text"},
		platform.Kind{Name: "brand.mention.event VIDEO_MENTION", Becomes: string(social.Mention), Note: "in the caption of a video"},
		platform.Kind{Name: "brand.mention.event VIDEO_MENTION", Becomes: string(social.Edit), Note: "the caption was changed"},
		platform.Kind{Name: "brand.mention.event VIDEO_MENTION", Becomes: platform.Ignored, Note: unseen},
		platform.Kind{Name: "brand.mention.event COMMENT", Becomes: string(social.Mention), Note: "in a comment, without its text"},
		platform.Kind{Name: "brand.mention.event COMMENT", Becomes: platform.Ignored, Note: "changes, of which TikTok does not say to what"},
		platform.Kind{Name: "im_receive_msg", Becomes: string(social.Message)},
		platform.Kind{Name: "im_send_msg", Becomes: string(social.Message), Note: "the account's own, also automatic ones"},
	)
	for _, e := range []string{"im_receive_msg reaction", "im_send_msg reaction"} {
		out = append(out, platform.Kind{Name: e, Becomes: string(social.React)}, platform.Kind{Name: e, Becomes: string(social.Unreact)})
	}
	out = append(out,
		platform.Kind{Name: "im_referral_msg", Becomes: string(social.Click), Note: "on an ad or a tiktok.me link that opens the conversation"},
		platform.Kind{Name: "authorization.removed", Becomes: platform.Revoked},
	)
	for _, s := range silent {
		out = append(out, platform.Kind{Name: s.kind, Becomes: platform.Ignored, Note: s.why})
	}
	return out
}

// source is where an event came from: its kind, the account's open id, and
// when TikTok says that it happened, for where its content says nothing nearer.
type source struct {
	kind, account string
	at            platform.Text
}

func (s source) as(kind string) source {
	s.kind = strings.TrimSpace(s.kind + " " + kind)
	return s
}

// unixTime reads a time in seconds or milliseconds, the event's where n is
// empty: TikTok gives either, and calls both Unix time. Seconds have twelve
// digits from the year 5138 on.
func (s source) unixTime(n platform.Text) (time.Time, error) {
	if n == "" {
		n = s.at
	}
	if len(n) > 11 {
		return platform.Unix(string(n), time.Millisecond)
	}
	return platform.Unix(string(n), time.Second)
}

func (s source) act(a social.Activity, err error) platform.Event {
	if s.account == "" {
		return s.park(errors.New("it does not say for which account it is"))
	}
	return platform.Act(s.kind, a, err, s.account)
}

func (s source) ignore(why string) platform.Event {
	if s.account == "" {
		return platform.Ignore(s.kind, why)
	}
	return platform.Ignore(s.kind, why, s.account)
}

func (s source) park(err error) platform.Event {
	if s.account == "" {
		return platform.Park(s.kind, err)
	}
	return platform.Park(s.kind, err, s.account)
}

// events reads an event, its content unpacked.
func events(e envelope) []platform.Event {
	s := source{e.Event, string(e.Account), e.Created}
	switch e.Event {
	case "comment.update":
		return []platform.Event{comment(s, e.Content)}
	case "brand.mention.event":
		return []platform.Event{mention(s, e.Content)}
	case "im_receive_high_intent_comment":
		return []platform.Event{highIntent(s, e.Content)}
	case "im_receive_msg", "im_send_msg":
		return message(s, e.Event == "im_send_msg", e.Content)
	case "im_referral_msg":
		return []platform.Event{referral(s, e.Content)}
	case "authorization.removed":
		return []platform.Event{removed(s, e.Content)}
	}
	for _, x := range silent {
		if x.kind == e.Event {
			return []platform.Event{s.ignore(x.why)}
		}
	}
	return []platform.Event{s.ignore("it is not known to tell what someone did")}
}

var digits = pattern.New(`^[0-9]{1,25}$`)

// link leads to a video, whosever it is. https://developers.tiktok.com/doc/embed-player
func link(video string) string {
	if !digits.MatchString(video) {
		return ""
	}
	return "https://www.tiktok.com/player/v1/" + video
}

// spoken is an utterance about a video. Ids are unique on the whole platform,
// and an account's unique_identifier is the same in every API.
func spoken(t social.Type, kind, id, by string, at time.Time) social.Activity {
	return social.Activity{Key: social.ActivityKey(name, "", t, id, at), Platform: name, Type: t, Actor: social.Actor{ID: by},
		Object: social.Object{ID: id, Type: kind}, Occurred: at, Direction: social.Inbound}
}

// comment is something done to a comment on one of the account's videos.
func comment(s source, raw json.RawMessage) platform.Event {
	type commentData struct {
		ID     platform.ID   `json:"comment_id"`
		Video  platform.ID   `json:"video_id"`
		Parent platform.ID   `json:"parent_comment_id"`
		Action string        `json:"comment_action"`
		By     platform.ID   `json:"unique_identifier"`
		At     platform.Text `json:"timestamp"`
		Text   string        `json:"text"` // in some deliveries
	}
	var v commentData
	if err := platform.Decode(raw, &v); err != nil {
		return s.park(fmt.Errorf("content: %w", err))
	}
	s = s.as(v.Action)
	at, err := s.unixTime(v.At)
	switch v.Action {
	case "insert":
		a := spoken(social.Reply, "comment", string(v.ID), string(v.By), at)
		a.InReplyTo, a.Conversation, a.Text, a.URL = string(v.Parent), string(v.Video), v.Text, link(string(v.Video))
		if a.InReplyTo == "" || a.InReplyTo == "0" {
			a.InReplyTo = string(v.Video)
		}
		if string(v.By) == s.account {
			a.Direction = social.Outbound
		}
		return s.act(a, err)
	case "delete":
		// The identifier is the author's; the account's owner may have deleted it.
		a := spoken(social.Delete, "comment", string(v.ID), social.Unknown, at)
		a.Conversation = string(v.Video)
		return s.act(a, err)
	}
	for _, h := range hidings {
		if h == v.Action {
			return s.ignore(unseen)
		}
	}
	return s.ignore("it is not known to tell what someone did to the comment")
}

// highIntent is a comment in which TikTok sees the wish to buy, and the one
// event that is sure to hold a comment's text.
func highIntent(s source, raw json.RawMessage) platform.Event {
	type commentData struct {
		parties
		ID    platform.ID   `json:"comment_id"`
		Video platform.ID   `json:"video_id"`
		Text  string        `json:"comment_text"`
		At    platform.Text `json:"timestamp"`
	}
	var v commentData
	if err := platform.Decode(raw, &v); err != nil {
		return s.park(fmt.Errorf("content: %w", err))
	}
	at, err := s.unixTime(v.At)
	a := spoken(social.Reply, "comment", string(v.ID), v.person(v.FromUser), at)
	a.Actor.Handle, a.Text, a.Conversation, a.InReplyTo, a.URL = v.From, v.Text, string(v.Video), string(v.Video), link(string(v.Video))
	return s.act(a, err)
}

// mention is the account's name in a video's caption or in a comment.
func mention(s source, raw json.RawMessage) platform.Event {
	type mentionData struct {
		Type    string        `json:"type_of_event"` // CREATE, EDIT, PRIVACY_CHANGE
		Where   string        `json:"mention_type"`
		Video   platform.ID   `json:"video_id"`
		Made    platform.Text `json:"video_create_time"`
		By      platform.ID   `json:"unique_identifier"`
		URL     string        `json:"share_url"`
		Caption string        `json:"video_caption"`
		Comment platform.ID   `json:"comment_id"` // "0" of a video
	}
	var v mentionData
	if err := platform.Decode(raw, &v); err != nil {
		return s.park(fmt.Errorf("content: %w", err))
	}
	where := strings.ReplaceAll(v.Where, " ", "_") // TikTok's page writes both
	s = s.as(where)
	at, err := s.unixTime("")
	var a social.Activity
	switch {
	case where == "COMMENT" && v.Type == "CREATE":
		a = spoken(social.Mention, "comment", string(v.Comment), string(v.By), at)
		a.InReplyTo, a.Conversation = string(v.Video), string(v.Video)
		if err == nil && v.Comment == "0" {
			err = errors.New("a comment without its id")
		}
	case where == "COMMENT":
		return s.ignore("a comment that names the account changed, TikTok does not say to what")
	case where == "VIDEO_MENTION" && v.Type == "CREATE":
		at, err = s.unixTime(v.Made)
		a = spoken(social.Mention, "video", string(v.Video), string(v.By), at)
		a.Text, a.Conversation = v.Caption, string(v.Video) // in which the comments on it are
	case where == "VIDEO_MENTION" && v.Type == "EDIT":
		a = spoken(social.Edit, "video", string(v.Video), string(v.By), at)
		a.Text = v.Caption
		// Edits of one second differ by what they say.
		a.Key = social.ActivityKey(name, "", a.Type, social.Key(a.Object.ID, a.Text), at)
	case where == "VIDEO_MENTION" && v.Type == "PRIVACY_CHANGE":
		return s.ignore(unseen)
	default:
		return s.ignore("it is not known to tell where someone named the account")
	}
	if a.URL = link(string(v.Video)); open(v.URL) {
		a.URL = v.URL
	}
	if a.Actor.ID == s.account {
		a.Direction = social.Outbound
	}
	return s.act(a, err)
}

// open reports whether a link is one that a person can be sent to.
func open(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// removed is the end of what the account let the app do.
func removed(s source, raw json.RawMessage) platform.Event {
	type removalData struct {
		Reason platform.Text `json:"reason"`
	}
	var v removalData
	if err := platform.Decode(raw, &v); err != nil {
		v.Reason = "" // the grant has ended for whatever reason
	}
	if s.account == "" {
		return s.park(errors.New("it does not say which account's grant ended"))
	}
	// https://developers.tiktok.com/doc/webhooks-events
	why := map[platform.Text]string{
		"1": "the account's owner disconnected the app in TikTok",
		"2": "the TikTok account was deleted",
		"3": "the account owner's age changed",
		"4": "the TikTok account was banned",
		"5": "the app's developer revoked the authorisation",
	}[v.Reason]
	if why == "" {
		why = "TikTok does not say why"
	}
	return platform.Event{Kind: s.kind, Scopes: []string{s.account}, Revoked: why + ": its owner must authorise the app again, else nothing more comes"}
}
