package feed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/rss"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// document is a feed of any format.
type document struct {
	link, title, author string
	items               []item
}

// item is one of a feed's, as the feed has it.
type item struct {
	kind               string // "rss item", "atom entry", "json item", "atom deleted-entry"
	id, link           string
	title, text        string // plain text
	html               string // the text, where the feed has it as HTML
	author             string // a name, else an address
	published, updated time.Time
	replyTo            string // the id of what it replies to
	verb               string // what was done, if a feed of activities says so
	stars              string // of five, of a customer's review in Apple's feeds of an app's reviews
	problem            error  // what keeps it from being read
}

func parseXML(body []byte) (document, error) {
	body, err := clean(body)
	if err != nil {
		return document{}, err
	}
	p := gofeed.NewParser()
	p.KeepOriginalFeed = true
	f, err := p.Parse(bytes.NewReader(body))
	if err != nil {
		return document{}, fmt.Errorf("no feed: %w", err)
	}
	doc := document{link: f.Link, title: platform.PlainText(f.Title), author: person(f.Authors)}
	kind := "rss item"
	var gone []ext.Extension
	var credited []*rss.Item
	switch original := f.OriginalFeed().(type) {
	case *atom.Feed:
		kind, gone = "atom entry", original.Extensions["at"]["deleted-entry"]
	case *rss.Feed:
		credited = original.Items
	}
	for i, x := range f.Items {
		it := item{kind: kind, id: strings.TrimSpace(x.GUID), link: strings.TrimSpace(x.Link), title: platform.PlainText(x.Title), author: person(x.Authors),
			verb: verb(x.Extensions)}
		it.published, it.problem = itemTime(x.Published, x.PublishedParsed)
		if it.problem == nil {
			it.updated, it.problem = itemTime(x.Updated, x.UpdatedParsed)
		}
		if it.link == "" && len(x.Links) > 0 {
			it.link = strings.TrimSpace(x.Links[0])
		}
		if i < len(credited) {
			if it.author == "" {
				it.author = credit(credited[i])
			}
			if g := credited[i].GUID; it.link == "" && g != nil && !strings.EqualFold(g.IsPermalink, "false") && host(it.id) != "" {
				it.link = it.id // as the specification has it
			}
		}
		if r := x.Extensions["thr"]["in-reply-to"]; len(r) > 0 {
			it.replyTo = strings.TrimSpace(r[0].Attrs["ref"])
		}
		if r := x.Extensions["im"]["rating"]; len(r) > 0 && kind == "atom entry" {
			it.stars = strings.TrimSpace(r[0].Value)
		}
		it.html = cmp.Or(x.Content, x.Description)
		doc.items = append(doc.items, it)
	}
	for _, g := range gone {
		it := item{kind: "atom deleted-entry", id: strings.TrimSpace(g.Attrs["ref"])}
		it.updated, it.problem = platform.Time(g.Attrs["when"])
		doc.items = append(doc.items, it)
	}
	return doc, nil
}

// parseJSON reads each item for itself, so that a malformed one keeps no
// other from being read.
func parseJSON(body []byte) (document, error) {
	type author struct{ Name, URL platform.Text }
	var f struct {
		Version platform.Text     `json:"version"`
		Title   platform.Text     `json:"title"`
		Home    platform.Text     `json:"home_page_url"`
		Authors []author          `json:"authors"`
		Author  *author           `json:"author"` // of version 1
		Items   []json.RawMessage `json:"items"`
	}
	if err := platform.Decode(body, &f); err != nil {
		return document{}, err
	}
	if !strings.Contains(string(f.Version), "jsonfeed.org/version/") {
		return document{}, errors.New("no feed: its version is not that of a JSON Feed")
	}
	who := func(list []author, one *author) string {
		if one != nil {
			list = append(list, *one)
		}
		for _, a := range list {
			if a.Name != "" {
				return string(a.Name)
			}
			if a.URL != "" {
				return string(a.URL)
			}
		}
		return ""
	}
	doc := document{link: string(f.Home), title: string(f.Title), author: who(f.Authors, f.Author)}
	for _, raw := range f.Items {
		var x struct {
			ID        platform.ID   `json:"id"`
			URL       platform.Text `json:"url"`
			Title     platform.Text `json:"title"`
			HTML      platform.Text `json:"content_html"`
			Text      platform.Text `json:"content_text"`
			Summary   platform.Text `json:"summary"`
			Published platform.Text `json:"date_published"`
			Modified  platform.Text `json:"date_modified"`
			Authors   []author      `json:"authors"`
			Author    *author       `json:"author"`
		}
		it := item{kind: "json item"}
		if it.problem = json.Unmarshal(raw, &x); it.problem == nil {
			it.id, it.link, it.title, it.author = strings.TrimSpace(string(x.ID)), strings.TrimSpace(string(x.URL)), string(x.Title), who(x.Authors, x.Author)
			if it.text = string(x.Text); it.text == "" {
				it.html = string(x.HTML)
			}
			if it.text == "" && platform.PlainText(it.html) == "" {
				it.text, it.html = string(x.Summary), ""
			}
			if x.Published != "" {
				it.published, it.problem = platform.Time(string(x.Published))
			}
			if x.Modified != "" && it.problem == nil {
				it.updated, it.problem = platform.Time(string(x.Modified))
			}
		}
		doc.items = append(doc.items, it)
	}
	return doc, nil
}

// person names the first author: by name, since all formats have it, so that
// one author is the same in a site's feeds of whatever format.
func person(list []*gofeed.Person) string {
	for _, p := range list {
		if p == nil {
			continue
		}
		name := strings.TrimSpace(p.Name)
		if name == "" {
			name = strings.TrimSpace(p.Email)
		}
		if a, err := mail.ParseAddress(name); err == nil && a.Name != "" {
			name = a.Name
		}
		if name != "" {
			return name
		}
	}
	return ""
}

// credit is whom an RSS item names as its author where the parser finds no
// name: it looks for names of letters before addresses, and drops what is
// neither, like the "@sam Sam Rivers" of Discourse's feeds.
func credit(x *rss.Item) string {
	named := []string{x.Author}
	if dc := x.DublinCoreExt; dc != nil {
		named = append(append(named, dc.Author...), dc.Creator...)
	}
	if x.ITunesExt != nil {
		named = append(named, x.ITunesExt.Author)
	}
	for _, n := range named {
		if n = strings.Join(strings.Fields(n), " "); n != "" {
			return n
		}
	}
	return ""
}

// verb is what an entry of a feed of activities (https://activitystrea.ms/specs/atom/1.0/) says was done.
func verb(e ext.Extensions) string {
	for _, byName := range e {
		for _, v := range byName["verb"] {
			s := strings.TrimSpace(v.Value)
			return s[strings.LastIndexByte(s, '/')+1:]
		}
	}
	return ""
}

// events are what an item tells: that it was published, and that it was changed.
func (it item) events(doc document, home, scope string) []platform.Event {
	it.link = absolute(it.link, doc.link, scope)
	if it.html != "" {
		it.text = platform.PlainText(it.answering(it.html))
	}
	id, site := it.identity(home)
	author := it.author
	if author == "" {
		author = doc.author
	}
	switch {
	case it.problem != nil:
		return []platform.Event{platform.Park(it.kind, it.problem, scope)}
	case it.kind == "atom deleted-entry":
		return []platform.Event{platform.Act(it.kind, social.Activity{
			Key: social.ActivityKey(name, "", social.Delete, id, it.updated), Platform: name, Type: social.Delete, Actor: social.Actor{ID: social.Unknown},
			Object: social.Object{ID: id}, Occurred: it.updated, Direction: social.Inbound}, nil, scope)}
	case it.verb != "" && it.verb != "post":
		return []platform.Event{platform.Ignore(it.kind+" "+it.verb, "it is not known to say something of its own", scope)}
	case it.published.IsZero():
		it.published = it.updated
	}
	if it.published.IsZero() {
		return []platform.Event{platform.Park(it.kind, errors.New("it has no date that can be read"), scope)}
	}
	actor := social.Actor{ID: author, Scope: site, Name: author}
	switch {
	case author == "": // nobody but the site itself
		actor.ID, actor.Name = site, doc.title
	case platform.NamesNobody(author):
		actor.ID = social.Unknown
	}
	a := social.Activity{Platform: name, Type: social.Post, Actor: actor, Object: social.Object{ID: id, Type: "article"}, Text: it.words(), Occurred: it.published, Direction: social.Inbound}
	if host(it.link) != "" {
		a.URL = canonical(it.link)
	}
	if a.Rating = platform.Rated(it.stars, 1, 5, social.Stars, ""); a.Rating != nil {
		a.Type, a.Object.Type = social.Review, "review"
	}
	if a.InReplyTo = it.parent(); a.InReplyTo != "" {
		a.Type, a.Object.Type = social.Reply, "comment"
		if it.text != "" { // the title only names the author or the post
			a.Text = it.text
		}
	}
	// An item has its id for good, and its date may be corrected.
	a.Key = social.ActivityKey(name, "", a.Type, id, time.Time{})
	out := []platform.Event{platform.Act(it.kind, a, nil, scope)}
	// A date of RSS has no fractions of a second, and an update may have: one
	// in the same second is the publication itself, as in Medium's feeds.
	if it.updated.Truncate(time.Second).After(it.published) {
		a.Type, a.Occurred, a.InReplyTo = social.Edit, it.updated, ""
		a.Key = social.ActivityKey(name, "", social.Edit, id, it.updated)
		out = append(out, platform.Act(it.kind+" updated", a, nil, scope))
	}
	return out
}

// identity names the item among those of all feeds, and the site it is of.
// An id that is a URI is unique anywhere, so that the same item in two feeds
// is one; any other is unique on its page only, and an item without one is
// its page, or what it says and when.
func (it item) identity(home string) (id, site string) {
	link := canonical(it.link)
	if site = host(link); site == "" {
		site = host(it.id)
	}
	if site == "" {
		site = home
	}
	switch {
	case uri(it.id) || it.kind == "atom deleted-entry":
		return it.id, site
	case it.id != "" && link != "":
		return social.Key(link, it.id), site
	case it.id != "":
		return social.Key(site, it.id), site
	case link != "":
		return link, site
	}
	return social.Key(site, social.HashID("item", social.Key(it.author, it.title, it.text, social.Stamp(it.published)))), site
}

// uri reports whether an id is unique wherever it stands.
func uri(id string) bool {
	if host(id) != "" {
		return true
	}
	for _, scheme := range []string{"tag:", "urn:", "yt:"} {
		if len(id) > len(scheme) && strings.EqualFold(id[:len(scheme)], scheme) {
			return true
		}
	}
	return false
}

// host is the host of an http or https URL, in lower case; "" of anything else.
func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// absolute is a link as it is meant that leaves its site out: on that of the
// first of the pages that has one.
func absolute(link string, pages ...string) string {
	u, err := url.Parse(link)
	if err != nil || link == "" || u.IsAbs() {
		return link
	}
	for _, p := range pages {
		if host(p) == "" {
			continue
		}
		if base, err := url.Parse(p); err == nil {
			return base.ResolveReference(u).String()
		}
	}
	return link
}

// canonical is a link without the parameters that tell by which feed it was found.
func canonical(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.RawQuery == "" {
		return link
	}
	q := u.Query()
	for k := range q {
		if strings.HasPrefix(k, "utm_") {
			q.Del(k)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// parent is the id of what the item replies to. WordPress says it in the ids
// and links of comments: https://blog.example/?p=7#comment-12 is on the post
// with the id https://blog.example/?p=7.
func (it item) parent() string {
	return cmp.Or(it.replyTo, commented(it.id), commented(it.link))
}

var (
	// pageOfComments and pageByNumber are where WordPress shows the comments of a
	// post that has many, by the site's setting for links
	// (https://developer.wordpress.org/reference/functions/get_comment_link/).
	pageOfComments = pattern.New(`/comment-page-[0-9]+/?$`)
	pageByNumber   = pattern.New(`[?&]cpage=[0-9]+$`)

	// anchor is what WordPress calls a comment on its page and in its id
	// (https://developer.wordpress.org/reference/functions/get_comment_guid/).
	anchor = pattern.New(`^comment-[0-9]+$`)
)

// commented is the post that WordPress's id or link of a comment leads to; "" of anything else.
func commented(comment string) string {
	page, fragment, _ := strings.Cut(comment, "#")
	if !anchor.MatchString(fragment) || host(page) == "" {
		return ""
	}
	return pageByNumber.ReplaceAllString(pageOfComments.ReplaceAllString(page, "/"), "")
}

// answers is the line that WordPress writes before a comment that answers
// another, in the site's language, with a link to the other
// (https://developer.wordpress.org/reference/functions/get_comment_text/).
var answers = pattern.New(`^\s*(?:<p>)?[^<>]{0,80}<a href="([^"]{1,1000})"[^<>]*>[^<>]*</a>[^<>\n]{0,40}(?:</p>|\n)`)

// answering is a comment's text without that line, which becomes what the
// comment replies to. The item's link must be absolute.
func (it *item) answering(text string) string {
	m := answers.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	to := absolute(html.UnescapeString(m[1]), it.link)
	if commented(it.link) == "" || commented(it.link) != commented(to) {
		return text
	}
	_, other, _ := strings.Cut(to, "#")
	it.replyTo = cmp.Or(it.replyTo, cmp.Or(commented(it.id), commented(it.link))+"#"+other)
	return text[len(m[0]):]
}

// words are the title and the text, which is alone where the title only repeats its beginning.
func (it item) words() string {
	begin := strings.TrimRight(strings.TrimSuffix(it.title, "..."), "… ")
	switch {
	case it.text == "":
		return it.title
	case begin == "" || strings.HasPrefix(strings.Join(strings.Fields(it.text), " "), strings.Join(strings.Fields(begin), " ")):
		return it.text
	}
	return it.title + "\n" + it.text
}
