// Package hackernews reads stories and comments of Hacker News, which Rapport
// fetches from its search (https://hn.algolia.com/api). Scopes are
// "search:words", "user:name" and "item:id", a story with its comments.
package hackernews

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// Adapter is the platform Hacker News.
type Adapter struct{ platform.Fetched }

const name social.Platform = "hackernews"

const (
	search = "https://hn.algolia.com/api/v1/search_by_date"
	page   = 100 // hits asked for at once

	// late is for how long the search may find something after it was
	// written, in seconds: so much is asked for again. What was told already
	// is told again, with the same keys.
	late = 15 * 60
)

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists what the search finds.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "story", Becomes: string(social.Post), Note: "Ask HN and Show HN too"},
		{Name: "poll", Becomes: string(social.Post)},
		{Name: "comment", Becomes: string(social.Reply)},
		{Name: "pollopt", Becomes: platform.Ignored, Note: "a choice of a poll, made with it"},
		{Name: "job", Becomes: platform.Ignored, Note: "an advertisement, which nobody can answer"},
		{Name: "search", Becomes: platform.Ignored, Note: "nothing was found"},
	}
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var (
	userName = pattern.New(`^[A-Za-z0-9_-]{2,15}$`)
	itemID   = pattern.New(`^[1-9][0-9]{0,17}$`)
)

// CheckScope wants one of the three forms.
func (Adapter) CheckScope(scope string) error {
	kind, of, _ := strings.Cut(scope, ":")
	switch {
	case kind == "search" && of != "" && of == strings.TrimSpace(of) && len(of) <= 200:
		return nil
	case kind == "user" && userName.MatchString(of):
		return nil
	case kind == "item" && itemID.MatchString(of):
		return nil
	}
	return errors.New("the scope is search: and words (at most 200 characters), user: and a name, or item: and the number of a story, for example search:larkspoon")
}

// Every is how long to wait between two requests for one scope.
func (Adapter) Every() time.Duration { return 5 * time.Minute }

// cursor is where a scope is, in seconds since 1970.
type cursor struct {
	since int64 // everything up to then was told; 0 at first
	top   int64 // the newest of the pages being read, which since becomes
	until int64 // the next page ends here; 0: the newest page
}

func readCursor(s string) cursor {
	var c cursor
	fmt.Sscanf(s, "%d %d %d", &c.since, &c.top, &c.until)
	return c
}

func (c cursor) String() string { return fmt.Sprintf("%d %d %d", c.since, c.top, c.until) }

// Poll asks for what is newer than the cursor, the newest first. Pages are
// cut by time, not by number, since a page's number changes with each new
// story, and since the search shows the first thousand hits only.
func (a Adapter) Poll(scope, at string, _ platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	if err := a.CheckScope(scope); err != nil {
		return platform.Fetch{}, err
	}
	q := url.Values{"hitsPerPage": {strconv.Itoa(page)}, "tags": {"(story,comment,poll)"}}
	switch kind, of, _ := strings.Cut(scope, ":"); kind {
	case "search":
		q.Set("query", of)
	case "user":
		q.Set("tags", q.Get("tags")+",author_"+of)
	case "item":
		q.Set("tags", q.Get("tags")+",story_"+of)
	}
	c := readCursor(at)
	var filters []string
	if c.since > 0 {
		filters = append(filters, fmt.Sprintf("created_at_i>%d", c.since-late))
	}
	if c.until > 0 {
		filters = append(filters, fmt.Sprintf("created_at_i<=%d", c.until))
	}
	if len(filters) > 0 {
		q.Set("numericFilters", strings.Join(filters, ","))
	}
	return platform.Fetch{Method: http.MethodGet, URL: search + "?" + q.Encode(), Header: http.Header{"Accept": {"application/json"}}}, nil
}

// scopeOf reads back from the URL what Poll made it for.
func scopeOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	q := u.Query()
	if q.Get("query") != "" {
		return "search:" + q.Get("query")
	}
	tags := q.Get("tags")
	for prefix, kind := range map[string]string{",author_": "user:", ",story_": "item:"} {
		if _, of, ok := strings.Cut(tags, prefix); ok {
			return kind + of
		}
	}
	return ""
}

type answer struct {
	Hits []json.RawMessage `json:"hits"`
}

func read(body []byte) (answer, error) {
	var a answer
	if err := platform.Decode(body, &a); err != nil {
		return a, err
	}
	if a.Hits == nil {
		return a, errors.New("an answer without hits")
	}
	return a, nil
}

// Next goes back in time page by page until what the cursor knows, and then
// goes on from the newest. The first time there is one page only.
func (Adapter) Next(r platform.Request, at string) (string, bool, error) {
	a, err := read(r.Body)
	if err != nil {
		return at, false, err
	}
	c := readCursor(at)
	oldest := int64(0)
	for _, raw := range a.Hits {
		var h struct {
			Created json.Number `json:"created_at_i"`
		}
		if json.Unmarshal(raw, &h) != nil {
			continue
		}
		if t, err := h.Created.Int64(); err == nil && t > 0 {
			c.top = max(c.top, t)
			if oldest == 0 || t < oldest {
				oldest = t
			}
		}
	}
	if c.since > 0 && len(a.Hits) >= page && oldest > 0 {
		if c.until > 0 && oldest >= c.until { // a whole page of one second
			oldest--
		}
		c.until = oldest
		return c.String(), true, nil
	}
	return cursor{since: max(c.since, c.top)}.String(), false, nil
}

// Sample is a story that a search found.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	f, err := Adapter{}.Poll(scope, "", platform.Secrets{}, platform.Options{})
	if err != nil {
		f.URL = search
	}
	body, _ := json.Marshal(map[string]any{"hits": []any{map[string]any{"objectID": id, "author": "ann", "title": "Does it work?", "created_at_i": now.Unix(), "_tags": []string{"story", "author_ann", "story_" + id}}}})
	return platform.Request{Method: http.MethodGet, URL: f.URL, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// hit is a story or a comment as the search has it.
type hit struct {
	ID      platform.ID   `json:"objectID"`
	Author  platform.ID   `json:"author"`
	Title   platform.Text `json:"title"`
	Story   platform.Text `json:"story_text"`
	Comment platform.Text `json:"comment_text"`
	StoryID platform.ID   `json:"story_id"`
	Parent  platform.ID   `json:"parent_id"`
	Created json.Number   `json:"created_at_i"`
	Tags    []string      `json:"_tags"` // the first one is the type
}

// Normalise tells of each hit. It is routed by the scope that was asked for,
// whatever else it would fit: who watches that asks for it too.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	a, err := read(r.Body)
	if err != nil {
		return nil, err
	}
	scope := scopeOf(r.URL)
	if scope == "" {
		return nil, errors.New("the URL is not one that Rapport asks")
	}
	var out []platform.Event
	for _, raw := range a.Hits {
		var h hit
		if err := json.Unmarshal(raw, &h); err != nil || len(h.Tags) == 0 || h.Tags[0] == "" {
			if err == nil {
				err = errors.New("a hit without its type")
			}
			out = append(out, platform.Park("search", err, scope))
			continue
		}
		out = append(out, h.event(scope))
	}
	if len(out) == 0 {
		out = append(out, platform.Ignore("search", "nothing was found", scope))
	}
	return out, nil
}

func (h hit) event(scope string) platform.Event {
	kind := h.Tags[0]
	a := social.Activity{Platform: name, Type: social.Post, Actor: social.Actor{ID: string(h.Author), Handle: string(h.Author)},
		Object: social.Object{ID: string(h.ID), Type: kind}, Conversation: string(h.ID), Direction: social.Inbound,
		URL: "https://news.ycombinator.com/item?id=" + url.QueryEscape(string(h.ID))}
	switch kind {
	case "story", "poll":
		a.Text = strings.TrimSpace(string(h.Title) + "\n" + platform.PlainText(string(h.Story)))
	case "comment":
		a.Type, a.InReplyTo, a.Conversation, a.Text = social.Reply, string(h.Parent), string(h.StoryID), platform.PlainText(string(h.Comment))
	case "pollopt":
		return platform.Ignore(kind, "a choice of a poll is made with it", scope)
	case "job":
		return platform.Ignore(kind, "an advertisement is nobody's opinion", scope)
	default:
		return platform.Ignore(kind, "it is not known to tell what someone did", scope)
	}
	if a.Actor.ID == "" { // the account is no more
		a.Actor.ID = social.Unknown
	}
	at, err := platform.Unix(h.Created.String(), time.Second)
	a.Occurred = at
	a.Key = social.ActivityKey(name, "", a.Type, string(h.ID), at)
	return platform.Act(kind, a, err, scope)
}
