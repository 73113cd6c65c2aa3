package bluesky

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	// api is the server that answers searches without a login;
	// public.api.bsky.app refuses them (https://github.com/bluesky-social/atproto/issues/3583).
	api      = "https://api.bsky.app/xrpc/app.bsky.feed.searchPosts"
	perPage  = 100
	interval = 5 * time.Minute

	// overlap is how far each request goes back before what is known: posts
	// come into the index late, and not in the order of their times.
	overlap = 10 * time.Minute
)

// Polls reports whether scope is a search.
func (Adapter) Polls(scope string) bool { return strings.HasPrefix(scope, searchPrefix) }

// Every is how long to wait between two requests.
func (Adapter) Every() time.Duration { return interval }

// position is how far a search has been read. As text it is the instant of
// the newest post that was known when reading began and, while older ones are
// being read, also of the newest of all and of that to go on before, between
// spaces. Without a login the server takes no cursor
// (https://github.com/bluesky-social/bsky-docs/issues/296): time is the cursor.
type position struct{ since, newest, until string }

func (p position) String() string {
	if p.until == "" {
		return p.since
	}
	return p.since + " " + p.newest + " " + p.until
}

func positionOf(cursor string) position {
	f := strings.Split(cursor, " ")
	if len(f) != 3 {
		return position{since: cursor}
	}
	return position{f[0], f[1], f[2]}
}

// back is the instant from which posts are asked for; "" where nothing is known yet.
func (p position) back() string {
	t, err := social.ParseStamp(p.since)
	if err != nil {
		return ""
	}
	return social.Stamp(t.Add(-overlap))
}

// Poll asks for the newest posts that match, 100 at a time.
func (a Adapter) Poll(scope, cursor string, _ platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	query, ok := strings.CutPrefix(scope, searchPrefix)
	if !ok {
		return platform.Fetch{}, fmt.Errorf("the scope %.60q is not polled", scope)
	}
	p := positionOf(cursor)
	q := url.Values{"q": {query}, "sort": {"latest"}, "limit": {strconv.Itoa(perPage)}}
	if since := p.back(); since != "" {
		q.Set("since", since)
	}
	if p.until != "" {
		q.Set("until", p.until)
	}
	return platform.Fetch{Method: http.MethodGet, URL: api + "?" + q.Encode(), Header: http.Header{"Accept": {"application/json"}}}, nil
}

// Next reads how far the answer goes. Where there is more, the next request
// is for what is older than the oldest of this one, until what was known is
// reached; the first time, the newest hundred are all.
func (Adapter) Next(r platform.Request, cursor string) (string, bool, error) {
	a, err := answerOf(r.Body)
	if err != nil {
		return "", false, err
	}
	p := positionOf(cursor)
	p.newest = cmp.Or(p.newest, p.since)
	oldest := ""
	for _, raw := range a.Posts {
		var v view
		if platform.Decode(raw, &v) != nil {
			continue // parked when it is normalised
		}
		at, err := v.sortedAt()
		if err != nil {
			continue
		}
		stamp := social.Stamp(at)
		p.newest = max(p.newest, stamp)
		if oldest == "" || stamp < oldest {
			oldest = stamp
		}
	}
	if a.Cursor == "" || p.since == "" || oldest == "" || oldest <= p.back() {
		return p.newest, false, nil
	}
	// until leaves out its own instant, at which there may be others.
	until := oldest
	if t, err := social.ParseStamp(oldest); err == nil {
		until = social.Stamp(t.Add(time.Millisecond))
	}
	if p.until != "" && until >= p.until {
		if until = oldest; until >= p.until {
			return p.newest, false, nil // the server takes no until
		}
	}
	p.until = until
	return p.String(), true, nil
}

// answer is what searchPosts answers, or an error.
type answer struct {
	Cursor  string            `json:"cursor"` // not empty: there is more
	Posts   []json.RawMessage `json:"posts"`
	Error   string            `json:"error"`
	Message string            `json:"message"`
}

func answerOf(body []byte) (answer, error) {
	var a answer
	if err := platform.Decode(body, &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, fmt.Errorf("the search is answered with the error %.60s: %.200s", a.Error, a.Message)
	}
	if a.Posts == nil {
		return a, errors.New("an answer without posts")
	}
	return a, nil
}

// view is an app.bsky.feed.defs#postView.
type view struct {
	URI       string          `json:"uri"`
	Record    json.RawMessage `json:"record"`
	IndexedAt string          `json:"indexedAt"`
}

// sortedAt is the instant by which the server sorts: the earlier of createdAt and indexedAt.
func (v view) sortedAt() (time.Time, error) {
	indexed, err := platform.Time(v.IndexedAt)
	if err != nil {
		return indexed, fmt.Errorf("indexedAt: %w", err)
	}
	var r struct {
		CreatedAt platform.Text `json:"createdAt"`
	}
	if platform.Decode(v.Record, &r) == nil {
		if created, err := platform.Time(string(r.CreatedAt)); err == nil && created.Before(indexed) {
			return created, nil
		}
	}
	return indexed, nil
}

// found reads a search's answer. Each post is the one that the stream tells
// of, so the author's handle and name, which the stream does not have, are
// left out. It is routed to the search alone.
func found(r platform.Request) ([]platform.Event, error) {
	const kind = postCollection + " create"
	a, err := answerOf(r.Body)
	if err != nil {
		return nil, err
	}
	_, query, _ := strings.Cut(r.URL, "?")
	q, err := url.ParseQuery(query)
	if err != nil || q.Get("q") == "" {
		return nil, errors.New("the URL does not say what was searched for")
	}
	scope := searchPrefix + q.Get("q")
	var events []platform.Event
	for _, raw := range a.Posts {
		e, err := viewed(raw, scope)
		if err != nil {
			e = platform.Park(kind, err, scope)
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		events = append(events, platform.Ignore("searchPosts", "no posts", scope))
	}
	return events, nil
}

func viewed(raw json.RawMessage, scope string) (platform.Event, error) {
	var v view
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Event{}, fmt.Errorf("a post: %w", err)
	}
	did, collection, rkey, err := place(v.URI)
	if err != nil {
		return platform.Event{}, fmt.Errorf("a post: %w", err)
	}
	if collection != postCollection {
		return platform.Event{}, fmt.Errorf("a post of the collection %.60q", collection)
	}
	indexed, err := platform.Time(v.IndexedAt)
	if err != nil {
		return platform.Event{}, fmt.Errorf("indexedAt: %w", err)
	}
	var rec record
	if err := platform.Decode(v.Record, &rec); err != nil {
		return platform.Event{}, fmt.Errorf("the record: %w", err)
	}
	return post(did, rkey, rec, indexed, scope), nil
}
