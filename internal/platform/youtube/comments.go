package youtube

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	server = "www.googleapis.com"
	api    = "https://" + server + "/youtube/v3/commentThreads"
	every  = 10 * time.Minute // one page costs 1 of the 10,000 units that a key has a day

	ofChannel, ofVideo = "allThreadsRelatedToChannelId", "videoId" // the API's parameters
)

// Polls reports whether scope is comments.
func (Adapter) Polls(scope string) bool {
	return strings.HasPrefix(scope, commentsPrefix) || strings.HasPrefix(scope, videoPrefix)
}

// TokenHost is the API's server, whatever the scope.
func (Adapter) TokenHost(string) string { return server }

// Every is how long to wait between two requests.
func (Adapter) Every() time.Duration { return every }

// position is how far a scope has been read. As text it is the instant of the
// newest thread that was known when reading began, and while older pages are
// being read also the newest of all and the page to go on with, between spaces.
type position struct {
	since, newest, page string
}

func (p position) String() string {
	if p.page == "" {
		return p.since
	}
	return cmp.Or(p.since, "-") + " " + p.newest + " " + p.page
}

func positionOf(cursor string) position {
	f := strings.Split(cursor, " ")
	if len(f) != 3 {
		return position{since: cursor}
	}
	return position{strings.TrimPrefix(f[0], "-"), f[1], f[2]}
}

// Poll asks for the newest comment threads, 100 a page, with their newest
// replies. The key goes into a header, since URLs are kept.
func (Adapter) Poll(scope, cursor string, s platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	if s.Token == "" {
		return platform.Fetch{}, errors.New("the app has no token: comments need a key of the YouTube Data API")
	}
	q := url.Values{"part": {"snippet,replies"}, "order": {"time"}, "maxResults": {"100"}, "textFormat": {"plainText"}}
	if id, ok := strings.CutPrefix(scope, videoPrefix); ok {
		q.Set(ofVideo, id)
	} else if id, ok := strings.CutPrefix(scope, commentsPrefix); ok {
		q.Set(ofChannel, id)
	} else {
		return platform.Fetch{}, fmt.Errorf("the scope %.60q is not polled", scope)
	}
	if p := positionOf(cursor); p.page != "" {
		q.Set("pageToken", p.page)
	}
	return platform.Fetch{Method: http.MethodGet, URL: api + "?" + q.Encode(), Header: http.Header{"X-Goog-Api-Key": {s.Token}}}, nil
}

// Next reads how far the answer goes. Older pages are asked for until one
// reaches back to the newest thread of the last time; the first time, the
// newest page is all.
func (Adapter) Next(r platform.Request, cursor string) (string, bool, error) {
	a, err := answerOf(r.Body)
	if err != nil {
		return "", false, err
	}
	p := positionOf(cursor)
	p.newest = cmp.Or(p.newest, p.since)
	reached := p.since == ""
	for _, raw := range a.Items {
		var t thread
		var top comment
		if platform.Decode(raw, &t) != nil || platform.Decode(t.Snippet.TopLevelComment, &top) != nil {
			continue // parked when it is normalised
		}
		at, err := platform.Time(top.Snippet.PublishedAt)
		if err != nil {
			continue
		}
		stamp := social.Stamp(at)
		p.newest = max(p.newest, stamp)
		reached = reached || stamp <= p.since
	}
	if reached || a.NextPageToken == "" || strings.Contains(a.NextPageToken, " ") {
		return p.newest, false, nil
	}
	p.page = a.NextPageToken
	return p.String(), true, nil
}

// answer is a commentThreadListResponse, or an error.
type answer struct {
	NextPageToken string            `json:"nextPageToken"`
	Items         []json.RawMessage `json:"items"`
	Error         *struct {
		Code    json.Number `json:"code"`
		Message string      `json:"message"`
	} `json:"error"`
}

func answerOf(body []byte) (answer, error) {
	var a answer
	if err := platform.Decode(body, &a); err != nil {
		return a, err
	}
	if a.Error != nil {
		return a, fmt.Errorf("the API answers with the error %.10s: %.200s", a.Error.Code, a.Error.Message)
	}
	if a.Items == nil {
		return a, errors.New("an answer without items")
	}
	return a, nil
}

// thread is a commentThread; its id is that of its top comment.
type thread struct {
	ID      string `json:"id"`
	Snippet struct {
		ChannelID       string          `json:"channelId"`
		VideoID         string          `json:"videoId"`
		PostID          string          `json:"postId"`
		TopLevelComment json.RawMessage `json:"topLevelComment"`
	} `json:"snippet"`
	Replies struct {
		Comments []json.RawMessage `json:"comments"`
	} `json:"replies"`
}

type comment struct {
	ID      string `json:"id"`
	Snippet struct {
		AuthorDisplayName string `json:"authorDisplayName"`
		AuthorChannelID   struct {
			Value string `json:"value"`
		} `json:"authorChannelId"`
		TextOriginal string `json:"textOriginal"`
		TextDisplay  string `json:"textDisplay"`
		PublishedAt  string `json:"publishedAt"`
		UpdatedAt    string `json:"updatedAt"`
	} `json:"snippet"`
}

// threads reads the API's answer: each thread's top comment, and the replies
// that came with it. One that can't be understood is parked alone. Events are
// routed to the scope that was asked for, which the URL names.
func threads(r platform.Request) ([]platform.Event, error) {
	a, err := answerOf(r.Body)
	if err != nil {
		return nil, err
	}
	scope, plain, err := asked(r)
	if err != nil {
		return nil, err
	}
	var events []platform.Event
	for _, raw := range a.Items {
		var t thread
		if err := platform.Decode(raw, &t); err != nil {
			events = append(events, platform.Park("comment", fmt.Errorf("a thread: %w", err), scope))
			continue
		}
		for i, raw := range append([]json.RawMessage{t.Snippet.TopLevelComment}, t.Replies.Comments...) {
			var c comment
			if err := platform.Decode(raw, &c); err != nil {
				events = append(events, platform.Park("comment", fmt.Errorf("a comment: %w", err), scope))
				continue
			}
			top := ""
			if i > 0 {
				top = t.ID
			}
			events = append(events, said(t, c, top, plain, scope)...)
		}
	}
	if len(events) == 0 {
		events = append(events, platform.Ignore("commentThreads", "no comments", scope))
	}
	return events, nil
}

// asked says which scope an answer is of, and whether its textDisplay is plain text.
func asked(r platform.Request) (scope string, plain bool, err error) {
	_, query, _ := strings.Cut(r.URL, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", false, errors.New("the query that was asked can't be read")
	}
	plain = q.Get("textFormat") == "plainText"
	switch {
	case q.Get(ofVideo) != "":
		return videoPrefix + q.Get(ofVideo), plain, nil
	case q.Get(ofChannel) != "":
		return commentsPrefix + q.Get(ofChannel), plain, nil
	}
	return "", false, errors.New("neither a channel nor a video was asked for")
}

// said is what a comment tells: that it was written and, where it was updated
// since, that it was edited. top is the comment it replies to, "" for one at
// the top of its thread.
func said(t thread, c comment, top string, plain bool, scope string) []platform.Event {
	const kind = "comment"
	s := c.Snippet
	published, err := platform.Time(s.PublishedAt)
	for _, id := range []string{c.ID, cmp.Or(top, c.ID), cmp.Or(s.AuthorChannelID.Value, "-"), cmp.Or(t.Snippet.VideoID, "-"), cmp.Or(t.Snippet.PostID, "-")} {
		if err == nil && !idForm.MatchString(id) {
			err = fmt.Errorf("%.60q is no id", id)
		}
	}
	if err != nil {
		return []platform.Event{platform.Park(kind, fmt.Errorf("a comment: %w", err), scope)}
	}
	a := social.Activity{
		Platform: name, Type: social.Reply, Actor: social.Actor{ID: cmp.Or(s.AuthorChannelID.Value, social.Unknown)},
		Object: social.Object{ID: c.ID, Type: "comment"}, InReplyTo: cmp.Or(top, t.Snippet.VideoID, t.Snippet.PostID),
		Conversation: cmp.Or(top, c.ID), Text: s.TextOriginal, Occurred: published, Direction: social.Inbound,
		Flat: top != "", // whatever it answers, it names the comment at the top
	}
	if a.InReplyTo == "" {
		a.Type = social.Post
	}
	if handle, ok := strings.CutPrefix(s.AuthorDisplayName, "@"); ok {
		a.Actor.Handle = handle
	} else {
		a.Actor.Name = s.AuthorDisplayName
	}
	if s.AuthorChannelID.Value != "" && s.AuthorChannelID.Value == t.Snippet.ChannelID {
		a.Direction = social.Outbound // the channel itself
	}
	switch {
	case a.Text != "":
	case plain:
		a.Text = s.TextDisplay
	default:
		a.Text = platform.PlainText(s.TextDisplay)
	}
	switch {
	case t.Snippet.VideoID != "":
		a.URL = watch(t.Snippet.VideoID) + "&lc=" + url.QueryEscape(c.ID)
	case t.Snippet.PostID != "":
		a.URL = "https://www.youtube.com/post/" + url.PathEscape(t.Snippet.PostID) + "?lc=" + url.QueryEscape(c.ID)
	}
	a.Key = social.ActivityKey(name, "", a.Type, c.ID, published)
	events := []platform.Event{platform.Act(kind, a, nil, scope)}
	if updated, err := platform.Time(s.UpdatedAt); err == nil && updated.After(published) {
		a.Type, a.Occurred, a.Key = social.Edit, updated, social.ActivityKey(name, "", social.Edit, c.ID, updated)
		a.InReplyTo, a.Conversation, a.Flat = "", "", false
		events = append(events, platform.Act(kind, a, nil, scope))
	}
	return events
}
