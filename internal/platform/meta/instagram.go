package meta

import (
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// instagramKinds are the rows of Instagram beside its messages.
// https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram
var instagramKinds = []platform.Kind{
	{Name: "instagram comments", Becomes: string(social.Reply)},
	{Name: "instagram live_comments", Becomes: string(social.Reply)},
	{Name: "instagram mentions", Becomes: platform.Ignored, Note: mentionNote},
	{Name: "instagram story_insights", Becomes: platform.Ignored, Note: "counts of an expired story, of nobody in particular"},
}

const mentionNote = "it names neither who nor what was said: that must be read through the Graph API"

type commentValue struct {
	ID        platform.ID   `json:"id"`
	CommentID platform.ID   `json:"comment_id"` // by the examples of Meta's page, in its place
	Text      platform.Text `json:"text"`
	From      *struct {
		ID       platform.ID   `json:"id"`
		Username platform.Text `json:"username"`
		Self     platform.ID   `json:"self_ig_scoped_id"` // only where the account itself comments
	} `json:"from"`
	Media struct {
		ID platform.ID `json:"id"`
	} `json:"media"`
	ParentID  platform.ID   `json:"parent_id"`
	Timestamp platform.Text `json:"timestamp"`
}

// instagramChange reads a change of an Instagram account. A comment has no
// time of its own: it has that of the notification.
func instagramChange(account string, sent platform.Text, field string, raw json.RawMessage) platform.Event {
	kind := "instagram " + field
	switch field {
	case "comments", "live_comments":
	case "mentions":
		return platform.Ignore(kind, mentionNote, account)
	case "story_insights":
		return platform.Ignore(kind, "counts of a story, of nobody in particular", account)
	default:
		return platform.Ignore(kind, "it is not known to tell what someone did", account)
	}
	park := func(err error) platform.Event {
		return platform.Park(kind, fmt.Errorf("%s: %w", kind, err), account)
	}
	if len(raw) == 0 {
		return park(errors.New("a change without a value"))
	}
	var v commentValue
	if err := platform.Decode(raw, &v); err != nil {
		return park(err)
	}
	v.ID = platform.ID(first(v.ID, v.CommentID))
	occurred, stamp, err := when(v.Timestamp, sent)
	switch {
	case err != nil:
		return park(err)
	case v.From == nil || v.From.ID == "":
		return park(errors.New("without its author"))
	case v.ID == "":
		return park(errors.New("a comment without its id"))
	}
	a := social.Activity{Key: social.ActivityKey(name, account, social.Reply, string(v.ID), stamp), Platform: name, Scope: account, Type: social.Reply,
		Actor:  social.Actor{Scope: account, ID: string(v.From.ID), Handle: string(v.From.Username)},
		Object: social.Object{ID: string(v.ID), Type: "comment"}, InReplyTo: first(v.ParentID, v.Media.ID), Conversation: string(v.Media.ID),
		Text: string(v.Text), Occurred: occurred, Direction: social.Inbound}
	if a.Actor.ID == account || v.From.Self != "" {
		a.Actor.ID, a.Direction = account, social.Outbound
	}
	return platform.Act(kind, a, nil, account)
}
