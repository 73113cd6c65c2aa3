package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

type who struct {
	ID   platform.ID `json:"id"`
	Name string      `json:"name"`
}

type pageValue struct {
	Item         string      `json:"item"`
	Verb         string      `json:"verb"`
	PostID       platform.ID `json:"post_id"`
	CommentID    platform.ID `json:"comment_id"`
	ParentID     platform.ID `json:"parent_id"`
	From         *who        `json:"from"`
	SenderID     platform.ID `json:"sender_id"` // before v2.11
	SenderName   string      `json:"sender_name"`
	ReactionType string      `json:"reaction_type"`
	Message      string      `json:"message"`
	CreatedTime  json.Number `json:"created_time"`
	Permalink    string      `json:"permalink_url"`
	Post         struct {
		Permalink string `json:"permalink_url"`
	} `json:"post"`

	ReviewerID     platform.ID `json:"reviewer_id"`
	ReviewerName   string      `json:"reviewer_name"`
	ReviewText     string      `json:"review_text"`
	Story          platform.ID `json:"open_graph_story_id"`
	Recommendation string      `json:"recommendation_type"`
}

// pageChange reads one change of a Page's subscription.
func pageChange(page string, c change) (*social.Activity, string, error) {
	switch c.Field {
	case "feed", "mention", "ratings":
	default:
		return nil, fmt.Sprintf("field %.40q tells nothing that someone did", c.Field), nil
	}
	if len(c.Value) == 0 {
		return nil, "", errors.New("a change without a value")
	}
	var v pageValue
	if err := platform.Decode(c.Value, &v); err != nil {
		return nil, "", err
	}
	if c.Field == "mention" && (v.From == nil || v.From.ID == "") {
		return nil, "", errors.New("without its author: it must be read through the Graph API")
	}
	occurred, err := seconds(v.CreatedTime)
	if err != nil {
		return nil, "", err
	}
	a := &social.Activity{Platform: "meta", Scope: page, Text: v.Message, URL: v.Permalink, Occurred: occurred, Direction: social.Inbound}
	if a.URL == "" {
		a.URL = v.Post.Permalink
	}
	switch {
	case c.Field == "ratings" && v.ReviewerID != "":
		a.Actor = social.Actor{Scope: page, ID: string(v.ReviewerID), Name: v.ReviewerName}
	case v.From != nil && v.From.ID != "":
		a.Actor = social.Actor{Scope: page, ID: string(v.From.ID), Name: v.From.Name}
	case v.SenderID != "":
		a.Actor = social.Actor{Scope: page, ID: string(v.SenderID), Name: v.SenderName}
	}
	if a.Actor.ID == page {
		a.Direction = social.Outbound
	}

	if c.Field == "ratings" {
		return rating(a, v)
	}
	comment, post := social.Reply, social.Post
	if c.Field == "mention" {
		comment, post = social.Mention, social.Mention
	}
	switch v.Item {
	case "comment":
		return utterance(a, v.Verb, comment, string(v.CommentID), string(v.PostID), parent(v), "comment")
	case "reaction", "like":
		target := v.CommentID
		kind := "comment"
		if target == "" {
			target, kind = v.PostID, "post"
		}
		a.Object = social.Object{ID: string(target), Type: kind}
		switch v.Verb {
		case "add", "edit", "edited":
			a.Type = social.React
		case "remove":
			a.Type = social.Unreact
		default:
			return nil, fmt.Sprintf("%s of a reaction is no act of a person's", v.Verb), nil
		}
		a.Text = ""
		// A reaction has no id: who, on what and which make one.
		a.Key = social.ActivityKey(a.Platform, page, a.Type, social.Key(a.Actor.ID, a.Object.ID, v.ReactionType), a.Occurred)
		return a, "", nil
	case "post", "status", "photo", "video", "album", "link", "share", "note", "event":
		return utterance(a, v.Verb, post, string(v.PostID), string(v.PostID), "", "post")
	}
	return nil, fmt.Sprintf("item %.40q tells nothing that someone did", v.Item), nil
}

// parent is what a comment replies to: a comment, or for a top comment the post.
func parent(v pageValue) string {
	if v.ParentID != "" {
		return string(v.ParentID)
	}
	return string(v.PostID)
}

func utterance(a *social.Activity, verb string, t social.Type, id, thread, parent, kind string) (*social.Activity, string, error) {
	a.Object = social.Object{ID: id, Type: kind}
	a.Conversation = thread
	switch verb {
	case "add":
		a.Type, a.InReplyTo = t, parent
	case "edit", "edited":
		a.Type = social.Edit
	case "remove", "delete":
		a.Type, a.Text = social.Delete, ""
		if a.Actor.ID == "" {
			a.Actor = social.Actor{ID: social.Unknown, Scope: a.Scope}
		}
	default:
		return nil, fmt.Sprintf("%s is no act of a person's", verb), nil
	}
	if id == "" {
		return nil, "", fmt.Errorf("a %s without its id", kind)
	}
	if a.Type == social.Edit {
		// Should created_time be that of the post, its edits differ by what they say.
		id += "/" + social.HashID("v", a.Text)[2:18]
	}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, a.Occurred)
	return a, "", nil
}

func rating(a *social.Activity, v pageValue) (*social.Activity, string, error) {
	if v.Item == "comment" || v.Item == "reaction" || v.Item == "like" {
		return nil, fmt.Sprintf("a %s on a rating also comes in the feed", v.Item), nil
	}
	if v.Item != "rating" && v.Item != "recommendation" {
		return nil, fmt.Sprintf("item %.40q of ratings tells nothing that someone did", v.Item), nil
	}
	a.Text = v.ReviewText
	t := social.Review
	if v.Recommendation == "POSITIVE" {
		t = social.Recommend
	}
	return utterance(a, v.Verb, t, string(v.Story), string(v.Story), "", "review")
}

func seconds(n json.Number) (time.Time, error) {
	s, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || s <= 0 {
		return time.Time{}, fmt.Errorf("created_time %.30q is no time in seconds", n.String())
	}
	return time.Unix(s, 0).UTC(), nil
}

type messaging struct {
	Sender    who         `json:"sender"`
	Recipient who         `json:"recipient"`
	Timestamp json.Number `json:"timestamp"`
	Message   *struct {
		Mid     string `json:"mid"`
		Text    string `json:"text"`
		Echo    bool   `json:"is_echo"`
		Deleted bool   `json:"is_deleted"`
		ReplyTo *struct {
			Mid string `json:"mid"`
		} `json:"reply_to"`
	} `json:"message"`
}

// message reads one Messenger event. The conversation is the one between the
// page and the person.
func message(page string, raw json.RawMessage) (*social.Activity, string, error) {
	var m messaging
	if err := platform.Decode(raw, &m); err != nil {
		return nil, "", err
	}
	if m.Message == nil {
		return nil, "a messaging event without a message: a receipt, postback or opt-in", nil
	}
	ms, err := strconv.ParseInt(m.Timestamp.String(), 10, 64)
	if err != nil || ms <= 0 {
		return nil, "", fmt.Errorf("timestamp %.30q is no time in milliseconds", m.Timestamp.String())
	}
	a := &social.Activity{Platform: "meta", Scope: page, Type: social.Message, Text: m.Message.Text, Occurred: time.UnixMilli(ms).UTC(),
		Actor: social.Actor{Scope: page, ID: string(m.Sender.ID), Name: m.Sender.Name}, Object: social.Object{ID: m.Message.Mid, Type: "message"}, Direction: social.Inbound}
	other := string(m.Sender.ID)
	if m.Message.Echo || other == page {
		a.Direction, a.Actor = social.Outbound, social.Actor{Scope: page, ID: page}
		if m.Recipient.ID != "" && string(m.Recipient.ID) != page {
			other = string(m.Recipient.ID)
		}
	}
	a.Conversation = "dm:" + other
	if m.Message.ReplyTo != nil {
		a.InReplyTo = m.Message.ReplyTo.Mid
	}
	if m.Message.Deleted {
		a.Type, a.Text = social.Delete, ""
	}
	a.Key = social.ActivityKey(a.Platform, page, a.Type, m.Message.Mid, a.Occurred)
	return a, "", nil
}
