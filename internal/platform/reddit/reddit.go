// Package reddit reads posts and comments of Reddit, which Rapport fetches
// from its listings (https://www.reddit.com/dev/api/, github.com/reddit-archive/reddit/wiki/JSON).
// Scopes are "r/subreddit", "u/user" and "search:words".
package reddit

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

// Adapter is the platform Reddit.
type Adapter struct{ platform.Fetched }

const name social.Platform = "reddit"

const (
	server = "oauth.reddit.com" // of the API

	// userAgent is of the form that Reddit's API rules ask for; it slows down
	// or refuses the usual ones.
	userAgent = "server:rapport:v1.0 (reads public posts for those they speak of)"

	first = 25  // things on the first page, of which those that are old show what was edited since
	page  = 100 // things on each further one

	held = "a filter holds it back for the moderators, and its text is not shown"
)

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists what listings hold.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "t3", Becomes: string(social.Post)},
		{Name: "t3 crosspost", Becomes: string(social.Quote)},
		{Name: "t3 edited", Becomes: string(social.Edit)},
		{Name: "t3 deleted", Becomes: string(social.Delete), Note: "by its author, or removed by a moderator or by Reddit"},
		{Name: "t3 waiting", Becomes: platform.Ignored, Note: held},
		{Name: "t1", Becomes: string(social.Reply)},
		{Name: "t1 edited", Becomes: string(social.Edit)},
		{Name: "t1 deleted", Becomes: string(social.Delete), Note: "by its author, or removed by a moderator or by Reddit"},
		{Name: "t2", Becomes: platform.Ignored, Note: "an account"},
		{Name: "t5", Becomes: platform.Ignored, Note: "a subreddit"},
		{Name: "more", Becomes: platform.Ignored, Note: "a place where comments were left out"},
		{Name: "Listing", Becomes: platform.Ignored, Note: "nothing was found"},
	}
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var (
	subreddit = pattern.New(`^r/[A-Za-z0-9][A-Za-z0-9_]{1,20}$`)
	user      = pattern.New(`^u/[A-Za-z0-9_-]{3,20}$`)
)

// CheckScope wants one of the three forms.
func (Adapter) CheckScope(scope string) error {
	words, search := strings.CutPrefix(scope, "search:")
	if search && words != "" && words == strings.TrimSpace(words) && len(words) <= 200 || subreddit.MatchString(scope) || user.MatchString(scope) {
		return nil
	}
	return errors.New("the scope is r/ and a subreddit, u/ and a user, or search: and words (at most 200 characters), for example r/kettles")
}

// Every is how long to wait between two requests for one scope.
func (Adapter) Every() time.Duration { return 5 * time.Minute }

// cursor is where a scope is. A subreddit has two listings, which are read in
// turn; others have one, the first.
type cursor struct {
	comments bool      // the second listing is read next
	high     [2]string // of each: the newest that was told, in seconds since 1970; "" at first
	top      string    // the newest of the pages being read, which high becomes
	after    string    // the page after this thing is next; "": the first
}

func readCursor(s string) cursor {
	v, _ := url.ParseQuery(s)
	return cursor{v.Has("comments"), [2]string{v.Get("p"), v.Get("c")}, v.Get("top"), v.Get("after")}
}

func (c cursor) String() string {
	v := url.Values{}
	for k, x := range map[string]string{"p": c.high[0], "c": c.high[1], "top": c.top, "after": c.after} {
		if x != "" {
			v.Set(k, x)
		}
	}
	if c.comments {
		v.Set("comments", "1")
	}
	return v.Encode()
}

// TokenHost is the API's server, whatever the scope.
func (Adapter) TokenHost(string) string { return server }

// Poll asks for the newest of a listing: from oauth.reddit.com with the app's
// token, where it has one, and from the public pages else.
func (a Adapter) Poll(scope, at string, s platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	if err := a.CheckScope(scope); err != nil {
		return platform.Fetch{}, err
	}
	c := readCursor(at)
	q := url.Values{"raw_json": {"1"}, "limit": {strconv.Itoa(first)}}
	if c.after != "" {
		q.Set("limit", strconv.Itoa(page))
		q.Set("after", c.after)
	}
	var path string
	switch words, search := strings.CutPrefix(scope, "search:"); {
	case search:
		path = "/search"
		q.Set("q", words)
		q.Set("sort", "new")
		q.Set("type", "link")
	case strings.HasPrefix(scope, "u/"):
		path = "/user/" + scope[len("u/"):] + "/overview"
		q.Set("sort", "new")
	case c.comments:
		path = "/" + scope + "/comments"
	default:
		path = "/" + scope + "/new"
	}
	f := platform.Fetch{Method: http.MethodGet, URL: "https://www.reddit.com" + path + ".json?" + q.Encode(), Header: http.Header{"User-Agent": {userAgent}, "Accept": {"application/json"}}}
	if s.Token != "" {
		f.URL = "https://" + server + path + "?" + q.Encode()
		f.Header.Set("Authorization", "Bearer "+s.Token)
	}
	return f, nil
}

// scopeOf reads back from the URL what Poll made it for; of a subreddit also
// whether another listing follows this one.
func scopeOf(raw string) (scope string, more bool) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", false
	}
	part := strings.Split(strings.TrimSuffix(u.Path, ".json"), "/")
	switch {
	case len(part) == 2 && part[1] == "search" && u.Query().Get("q") != "":
		return "search:" + u.Query().Get("q"), false
	case len(part) == 4 && part[1] == "user" && part[3] == "overview":
		return "u/" + part[2], false
	case len(part) == 4 && part[1] == "r" && (part[3] == "new" || part[3] == "comments"):
		return "r/" + part[2], part[3] == "new"
	}
	return "", false
}

type listing struct {
	Kind string `json:"kind"`
	Data struct {
		After    platform.Text     `json:"after"`
		Children []json.RawMessage `json:"children"`
	} `json:"data"`
}

func read(body []byte) (listing, error) {
	var l listing
	if err := platform.Decode(body, &l); err != nil {
		return l, err
	}
	if l.Kind != "Listing" || l.Data.Children == nil {
		return l, errors.New("the answer is no listing")
	}
	return l, nil
}

// Next goes back page by page until what the cursor knows, then to the other
// listing, where there is one. The first time there is one page of each.
// Reddit's own "before" is not used: where the thing it names was deleted,
// it finds nothing, for ever.
func (Adapter) Next(r platform.Request, at string) (string, bool, error) {
	l, err := read(r.Body)
	if err != nil {
		return at, false, err
	}
	c := readCursor(at)
	high, i := int64(0), 0
	if c.comments {
		i = 1
	}
	high, _ = strconv.ParseInt(c.high[i], 10, 64)
	top, _ := strconv.ParseInt(c.top, 10, 64)
	reached := high == 0 || len(l.Data.Children) == 0
	for _, raw := range l.Data.Children {
		var x struct {
			Data struct {
				Created  json.Number `json:"created_utc"`
				Stickied bool        `json:"stickied"`
			} `json:"data"`
		}
		if json.Unmarshal(raw, &x) != nil {
			continue
		}
		t, err := seconds(x.Data.Created)
		if err != nil || x.Data.Stickied { // what is pinned is above all, however old
			continue
		}
		top = max(top, t.Unix())
		reached = reached || t.Unix() <= high
	}
	if after := string(l.Data.After); !reached && after != "" && after != c.after {
		c.after, c.top = after, strconv.FormatInt(top, 10)
		return c.String(), true, nil
	}
	if top = max(top, high); top > 0 {
		c.high[i] = strconv.FormatInt(top, 10)
	}
	c.after, c.top = "", ""
	_, more := scopeOf(r.URL)
	c.comments = more
	return c.String(), more, nil
}

// seconds reads created_utc and edited, which are numbers like 1772442600.0.
func seconds(n json.Number) (time.Time, error) {
	whole, fraction, _ := strings.Cut(n.String(), ".")
	if strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, fmt.Errorf("%.40q is no time", n)
	}
	return platform.Unix(whole, time.Second)
}

// Sample is a post in a listing.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	f, err := Adapter{}.Poll(scope, "", platform.Secrets{}, platform.Options{})
	if err != nil {
		f.URL = "https://www.reddit.com/"
	}
	body, _ := json.Marshal(map[string]any{"kind": "Listing", "data": map[string]any{"after": nil, "children": []any{map[string]any{"kind": "t3", "data": map[string]any{
		"name": "t3_" + id, "author": "ann", "author_fullname": "t2_ann", "title": "Does it work?", "created_utc": now.Unix(), "edited": false, "permalink": "/r/sample/comments/" + id + "/"}}}}})
	return platform.Request{Method: http.MethodGet, URL: f.URL, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// thing is a post (t3) or a comment (t1).
type thing struct {
	Name      platform.ID     `json:"name"` // the fullname: t3_… or t1_…
	Author    platform.Text   `json:"author"`
	AuthorID  platform.ID     `json:"author_fullname"` // t2_…
	Title     platform.Text   `json:"title"`
	Selftext  platform.Text   `json:"selftext"`
	Body      platform.Text   `json:"body"`
	Parent    platform.ID     `json:"parent_id"`
	Link      platform.ID     `json:"link_id"`
	Crosspost platform.ID     `json:"crosspost_parent"`
	Removed   platform.Text   `json:"removed_by_category"` // of a post: by whom; null
	Permalink platform.Text   `json:"permalink"`
	Created   json.Number     `json:"created_utc"`
	Edited    json.RawMessage `json:"edited"` // false, or when; true of very old ones
}

// Normalise tells of each thing in the listing. It is routed by the scope
// that was asked for, whatever else it would fit: who watches that asks for
// it too.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	l, err := read(r.Body)
	if err != nil {
		return nil, err
	}
	scope, _ := scopeOf(r.URL)
	if scope == "" {
		return nil, errors.New("the URL is not one that Rapport asks")
	}
	var out []platform.Event
	for _, raw := range l.Data.Children {
		var c struct {
			Kind string          `json:"kind"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(raw, &c); err != nil || c.Kind == "" {
			out = append(out, platform.Park("Listing", errors.New("something without its kind"), scope))
			continue
		}
		out = append(out, events(c.Kind, c.Data, scope)...)
	}
	if len(out) == 0 {
		out = append(out, platform.Ignore("Listing", "nothing was found", scope))
	}
	return out, nil
}

// gone are what stands for a text or an author that was taken away: by the
// author, by a moderator, or by Reddit.
var gone = map[platform.Text]bool{"[deleted]": true, "[removed]": true, "[ Removed by Reddit ]": true, "[deleted by user]": true}

// takenDown is what stands for a text that Reddit took away for good, with its reason.
var takenDown = pattern.New(`^\[ Removed by [Rr]eddit (on account of|in response to) .*\]$`)

// waiting are those of removed_by_category that are no removal yet: a filter of
// the moderators' or Reddit's own spam filter ("reddit") holds the post back
// until a moderator has looked at it. All others are by somebody who took it
// away: deleted, author, moderator, anti_evil_ops, community_ops,
// content_takedown, copyright_takedown as of this writing. A post that is but a
// link has no text that would say so. What Reddit took away for good says so in
// its title or text, too, whatever its category is.
var waiting = map[platform.Text]bool{"automod_filtered": true, "reports": true, "reddit": true}

func events(kind string, raw json.RawMessage, scope string) []platform.Event {
	switch kind {
	case "t1", "t3":
	case "t2", "t5", "more":
		return []platform.Event{platform.Ignore(kind, "it says nothing itself", scope)}
	default:
		return []platform.Event{platform.Ignore(kind, "it is not known to tell what someone did", scope)}
	}
	park := func(err error) []platform.Event { return []platform.Event{platform.Park(kind, err, scope)} }
	var x thing
	if err := json.Unmarshal(raw, &x); err != nil {
		return park(err)
	}
	at, err := seconds(x.Created)
	switch {
	case err != nil:
		return park(err)
	case !strings.HasPrefix(string(x.Name), kind+"_"):
		return park(fmt.Errorf("the name %.40q is not one of %s_", x.Name, kind))
	}
	a := social.Activity{Platform: name, Type: social.Post, Actor: social.Actor{ID: string(x.AuthorID), Handle: string(x.Author)},
		Object: social.Object{ID: string(x.Name), Type: "post"}, Conversation: string(x.Name), Occurred: at, Direction: social.Inbound}
	a.Automatic = x.Author == "AutoModerator" // the moderators' robot in every subreddit
	if strings.HasPrefix(string(x.Permalink), "/") {
		a.URL = "https://www.reddit.com" + string(x.Permalink)
	}
	act := func(kind string) platform.Event {
		a.Key = social.ActivityKey(name, "", a.Type, string(x.Name), a.Occurred)
		return platform.Act(kind, a, nil, scope)
	}
	text, is := x.Selftext, "t3"
	if kind == "t1" {
		text, is = x.Body, "t1"
		a.Type, a.Object.Type, a.InReplyTo, a.Conversation = social.Reply, "comment", string(x.Parent), string(x.Link)
	}
	if text == "[removed]" && waiting[x.Removed] {
		return []platform.Event{platform.Ignore(is+" waiting", held, scope)}
	}
	if gone[text] || gone[x.Title] || takenDown.MatchString(string(text)) || x.Removed != "" && !waiting[x.Removed] {
		// Reddit does not say when. The instant of the post is the only one
		// that is the same however often it is asked: the text never stood.
		a.Type, a.Actor, a.InReplyTo, a.Automatic = social.Delete, social.Actor{ID: social.Unknown}, "", false
		return []platform.Event{act(is + " deleted")}
	}
	if x.AuthorID == "" {
		if !gone[x.Author] {
			return park(errors.New("it has no author_fullname"))
		}
		// The account was deleted. What was read before that has its author, and is kept with the author's things.
		a.Actor = social.Actor{ID: social.Unknown}
	}
	a.Text = strings.TrimSpace(string(x.Title) + "\n" + string(text))
	if kind == "t1" {
		a.Text = string(text)
	}
	if x.Crosspost != "" && kind == "t3" {
		a.Type, a.InReplyTo, is = social.Quote, string(x.Crosspost), "t3 crosspost"
	}
	out := []platform.Event{act(is)}
	var edited json.Number
	if json.Unmarshal(x.Edited, &edited) != nil || edited == "" { // a truth value
		return out
	}
	if a.Occurred, err = seconds(edited); err != nil {
		return append(out, platform.Park(kind+" edited", err, scope))
	}
	a.Type, a.InReplyTo = social.Edit, ""
	return append(out, act(kind+" edited"))
}
