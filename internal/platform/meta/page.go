package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// posts are the items of a feed that are posts, by what they hold.
var posts = []string{"post", "status", "photo", "video", "share", "album", "link", "note", "event"}

var isPost = func() map[string]bool {
	m := map[string]bool{}
	for _, p := range posts {
		m[p] = true
	}
	return m
}()

// verbs are the older names of a verb, by which the present one stands.
var verbs = map[string]string{"edit": "edited", "delete": "remove"}

const (
	leadgenNote  = "it names nobody: who filled in the form must be read through the Graph API"
	hiddenNote   = "a moderator hides or shows it: what was said stays"
	ownPostNote  = "on a post of the page's own timeline: it comes in the feed, too"
	ratingNote   = "on a review; the same activity as in the feed, should it come there with open_graph_story_id"
	wordlessNote = "no text is in it: a picture or a setting was changed"
)

// pageKinds are the rows of Facebook Pages.
// https://developers.facebook.com/docs/graph-api/webhooks/reference/page
func pageKinds() []platform.Kind {
	var out []platform.Kind
	add := func(name string, becomes any, note string) {
		out = append(out, platform.Kind{Name: name, Becomes: fmt.Sprint(becomes), Note: note})
	}
	for _, item := range append([]string{"comment"}, posts...) {
		said := social.Post
		if item == "comment" {
			said = social.Reply
		}
		add("feed "+item+" add", said, "")
		add("feed "+item+" edited", social.Edit, "")
		add("feed "+item+" edited", platform.Ignored, wordlessNote)
		add("feed "+item+" remove", social.Delete, "")
	}
	for _, item := range []string{"comment", "post", "status", "photo", "video", "share"} {
		add("feed "+item+" hide", platform.Ignored, hiddenNote)
		add("feed "+item+" unhide", platform.Ignored, hiddenNote)
	}
	for _, item := range []string{"reaction", "like"} {
		add("feed "+item+" add", social.React, "")
		add("feed "+item+" remove", social.Unreact, "")
	}
	add("feed reaction edited", social.React, "another reaction than before")
	add("feed like add", social.Follow, "of the page itself")
	add("feed like remove", social.Unfollow, "of the page itself")
	for _, item := range []string{"comment", "post"} {
		add("mention "+item+" add", social.Mention, "")
		add("mention "+item+" add", platform.Ignored, ownPostNote)
		add("mention "+item+" edited", social.Edit, "")
		add("mention "+item+" edited", platform.Ignored, wordlessNote)
		add("mention "+item+" remove", social.Delete, "")
	}
	add("mention post add", platform.Parked, "where the app may not see the author, Meta leaves it out")
	add("ratings rating add", social.Recommend, "recommendation_type is POSITIVE")
	add("ratings rating add", social.Review, "")
	add("ratings rating edited", social.Edit, "")
	add("ratings rating edited", platform.Ignored, wordlessNote)
	add("ratings rating remove", social.Delete, "")
	add("ratings comment add", social.Reply, ratingNote)
	add("ratings comment edited", social.Edit, ratingNote)
	add("ratings comment edited", platform.Ignored, wordlessNote)
	add("ratings comment remove", social.Delete, ratingNote)
	for _, item := range []string{"reaction", "like"} {
		add("ratings "+item+" add", social.React, ratingNote)
		add("ratings "+item+" remove", social.Unreact, ratingNote)
	}
	add("leadgen", platform.Ignored, leadgenNote)
	return out
}

type pageValue struct {
	Item         string         `json:"item"`
	Verb         string         `json:"verb"`
	PostID       platform.ID    `json:"post_id"`
	CommentID    platform.ID    `json:"comment_id"`
	ParentID     platform.ID    `json:"parent_id"`
	From         *who           `json:"from"`
	SenderID     platform.ID    `json:"sender_id"` // before v2.11
	SenderName   platform.Text  `json:"sender_name"`
	UserID       platform.ID    `json:"user_id"` // of who likes the page
	ReactionType platform.Text  `json:"reaction_type"`
	Message      *platform.Text `json:"message"`
	CreatedTime  platform.Text  `json:"created_time"`
	Permalink    platform.Text  `json:"permalink_url"`
	Post         struct {
		Permalink platform.Text `json:"permalink_url"`
	} `json:"post"`

	ReviewerID     platform.ID    `json:"reviewer_id"`
	ReviewerName   platform.Text  `json:"reviewer_name"`
	ReviewText     *platform.Text `json:"review_text"`
	Story          platform.ID    `json:"open_graph_story_id"`
	Recommendation platform.Text  `json:"recommendation_type"`
	Stars          platform.Text  `json:"rating"` // of five, before recommendations
}

// rating is whether the page is recommended or, of an old review, its stars.
func (v pageValue) rating() *social.Rating {
	switch strings.ToUpper(string(v.Recommendation)) {
	case "POSITIVE":
		return platform.ThumbUp("")
	case "NEGATIVE":
		return platform.ThumbDown("")
	}
	return platform.Rated(string(v.Stars), 1, 5, social.Stars, "")
}

// actor is who did it, as the page sees them.
func (v pageValue) actor(page string) social.Actor {
	switch {
	case v.ReviewerID != "":
		return social.Actor{Scope: page, ID: string(v.ReviewerID), Name: string(v.ReviewerName)}
	case v.From != nil && v.From.ID != "":
		return social.Actor{Scope: page, ID: string(v.From.ID), Name: string(v.From.Name)}
	case v.SenderID != "":
		return social.Actor{Scope: page, ID: string(v.SenderID), Name: string(v.SenderName)}
	}
	return social.Actor{Scope: page, ID: string(v.UserID)}
}

// timeline is whose post it is about: a post's id is that of its owner, "_"
// and a number. It is the same through whatever page something comes. What is
// on a review is of the page instead: see review.
func (v pageValue) timeline(page string) string {
	if owner, _, ok := strings.Cut(string(v.PostID), "_"); ok && owner != "" {
		return owner
	}
	return page
}

// review is the id of the review that a comment or reaction is on, which is
// the review's open_graph_story_id, as it names itself; empty where it is on
// none. The post_id of a review is that of its author, "_" and the same number,
// and the author's id is another there than in the review: so the review's
// scope is the page. In the feed only the story tells a review from another
// post that is not on the page's timeline.
func (v pageValue) review(page, field string) string {
	switch {
	case v.Item != "comment" && v.Item != "reaction" && v.Item != "like":
		return ""
	case field == "feed" && v.timeline(page) != page:
		return string(v.Story)
	case field != "ratings":
		return ""
	}
	number := v.PostID
	if _, n, ok := strings.Cut(string(v.PostID), "_"); ok {
		number = platform.ID(n)
	}
	return first(v.Story, number)
}

// pageChange reads one change of the feed, the mentions or the ratings of a page.
func pageChange(page string, sent platform.Text, field string, raw json.RawMessage) platform.Event {
	var v pageValue
	err := errors.New("a change without a value")
	if len(raw) > 0 {
		if err = platform.Decode(raw, &v); err == nil && v.Item == "" {
			err = errors.New("a change without its item")
		}
	}
	if err != nil {
		return platform.Park(field, fmt.Errorf("field %s: %w", field, err), page)
	}
	verb := v.Verb
	if now, old := verbs[verb]; old {
		verb = now
	}
	kind := strings.TrimSpace(field + " " + v.Item + " " + verb)
	ignore := func(why string) platform.Event { return platform.Ignore(kind, why, page) }
	park := func(err error) platform.Event { return platform.Park(kind, fmt.Errorf("%s: %w", kind, err), page) }

	a := social.Activity{Platform: name, Scope: v.timeline(page), Actor: v.actor(page), Direction: social.Inbound,
		URL: first(v.Permalink, v.Post.Permalink)}
	if a.Actor.ID == page {
		a.Direction = social.Outbound
	}
	review := v.review(page, field)
	if review != "" {
		a.Scope = page
	}
	var said social.Type
	var id, parent string
	text := v.Message
	switch {
	case field == "ratings" && v.Item == "rating":
		said, id = social.Review, string(v.Story)
		if strings.EqualFold(string(v.Recommendation), "POSITIVE") {
			said = social.Recommend
		}
		a.Scope, a.Object.Type, a.Conversation = page, "review", id
		text = v.ReviewText
	case field == "mention" && strings.HasPrefix(string(v.PostID), page+"_"):
		return ignore(ownPostNote)
	case field == "ratings" && (v.Item == "reaction" || v.Item == "like") && review == "" && v.CommentID == "":
		return park(errors.New("without what it is to"))
	case field != "mention" && (v.Item == "reaction" || v.Item == "like"):
		return reaction(page, kind, verb, review, a, v)
	case v.Item == "comment":
		said, id, parent = social.Reply, string(v.CommentID), first(v.ParentID, v.PostID)
		a.Object.Type, a.Conversation = "comment", string(v.PostID)
		if review != "" {
			a.Conversation = review
			if parent == string(v.PostID) || strings.HasSuffix(parent, "_"+review) {
				parent = review
			}
		}
	case isPost[v.Item] && (field == "feed" || field == "mention" && v.Item == "post"):
		said, id = social.Post, string(v.PostID)
		a.Object.Type, a.Conversation = "post", id
	default:
		return ignore("it is not known to tell what someone did")
	}
	if field == "mention" {
		said = social.Mention
	}

	if text != nil {
		a.Text = string(*text)
	}
	occurred, stamp, err := when(v.CreatedTime, sent)
	a.Object.ID, a.Occurred = id, occurred
	switch verb {
	case "add":
		a.Type, a.InReplyTo = said, parent
		if said == social.Review || said == social.Recommend {
			a.Rating = v.rating()
		}
	case "edited":
		if text == nil {
			return ignore(wordlessNote)
		}
		// Should created_time be that of the post, its edits differ by what they say.
		a.Type, id = social.Edit, social.Key(id, version(a.Text))
		if said == social.Review || said == social.Recommend {
			a.Rating = v.rating()
		}
	case "remove":
		a.Type, a.Text = social.Delete, ""
		if a.Actor.ID == "" {
			a.Actor = social.Actor{ID: social.Unknown, Scope: a.Scope}
		}
	case "hide", "unhide":
		return ignore(hiddenNote)
	default:
		return ignore("it is not known to tell what someone did")
	}
	switch {
	case err != nil:
		return park(err)
	case a.Object.ID == "":
		return park(fmt.Errorf("a %s without its id", a.Object.Type))
	case a.Actor.ID == "":
		return park(errors.New("without its author, which Meta leaves out where the app lacks the permission pages_read_user_content or the feature Page Public Content Access"))
	}
	a.Key = social.ActivityKey(name, a.Scope, a.Type, id, stamp)
	return platform.Act(kind, a, nil, page)
}

// reaction reads a reaction to a post, a review or a comment, or a like of the
// page itself.
func reaction(page, kind, verb, review string, a social.Activity, v pageValue) platform.Event {
	a.Object = social.Object{ID: string(v.PostID), Type: "post"}
	if a.Type, a.Reaction = social.React, string(v.ReactionType); a.Reaction == "" && v.Item == "like" {
		a.Reaction = v.Item
	}
	taken := social.Unreact
	switch {
	case v.CommentID != "":
		a.Object = social.Object{ID: string(v.CommentID), Type: "comment"}
	case review != "":
		a.Object = social.Object{ID: review, Type: "review"}
	case v.PostID == "" && v.Item == "like":
		a.Object = social.Object{ID: page, Type: "page"}
		a.Type, taken, a.Reaction = social.Follow, social.Unfollow, ""
	}
	switch verb {
	case "add", "edited":
	case "remove":
		a.Type = taken
	default:
		return platform.Ignore(kind, "it is not known to tell what someone did", page)
	}
	var err error
	if a.Undated = v.CreatedTime == ""; !a.Undated {
		a.Occurred, err = metaTime(v.CreatedTime)
	}
	// It has no id: who, on what and which make one.
	a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(a.Actor.ID, a.Object.ID, string(v.ReactionType)), a.Occurred)
	return platform.Act(kind, a, err, page)
}
