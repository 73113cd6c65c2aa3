// Package feed reads RSS, Atom and JSON feeds, which Rapport fetches: blogs,
// their comments, release notes, forums. A scope is a feed's URL.
//
// The formats are https://www.rssboard.org/rss-specification, RFC 4287 with
// RFC 4685 (replies) and RFC 6721 (deletions), and https://www.jsonfeed.org/version/1.1/.
package feed

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// Adapter is the platform of feeds.
type Adapter struct{ platform.Fetched }

const name social.Platform = "feed"

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists what a feed can hold.
func (Adapter) Kinds() []platform.Kind {
	const comment = "its id or link leads to a comment of WordPress"
	kinds := []platform.Kind{{Name: "feed", Becomes: platform.Ignored, Note: "a feed without items"}}
	for _, f := range []string{"rss item", "atom entry"} {
		kinds = append(kinds,
			platform.Kind{Name: f, Becomes: string(social.Post)},
			platform.Kind{Name: f, Becomes: string(social.Reply), Note: "it names what it replies to (thr:in-reply-to), or " + comment},
			platform.Kind{Name: f + " updated", Becomes: string(social.Edit), Note: "its date of change is later than its date of publication"})
	}
	return append(kinds,
		platform.Kind{Name: "atom entry", Becomes: string(social.Review), Note: "it has a rating (im:rating), as in Apple's feeds of the reviews of an app"},
		platform.Kind{Name: "json item", Becomes: string(social.Post)},
		platform.Kind{Name: "json item", Becomes: string(social.Reply), Note: comment},
		platform.Kind{Name: "json item updated", Becomes: string(social.Edit), Note: "date_modified is later than date_published"},
		platform.Kind{Name: "atom deleted-entry", Becomes: string(social.Delete)})
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckScope wants the URL of a feed. Whether its host may be called is
// judged when it is called.
func (Adapter) CheckScope(scope string) error {
	u, err := url.Parse(scope)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(scope, " \t\r\n"):
		return errors.New("the scope is the feed's URL, beginning with http:// or https://")
	case len(scope) > 1000:
		return errors.New("the feed's URL has over 1000 characters")
	case u.User != nil:
		return errors.New("the feed's URL must not hold a password: it is shown to everybody in the workspace")
	case u.Fragment != "":
		return errors.New("the feed's URL must not have a fragment (#…)")
	}
	return nil
}

// Every is how long to wait between two requests for one feed.
func (Adapter) Every() time.Duration { return 15 * time.Minute }

// Poll asks for the feed; what it holds is all there is.
func (Adapter) Poll(scope, _ string, _ platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	return platform.Fetch{Method: http.MethodGet, URL: scope, Header: http.Header{
		"Accept": {"application/feed+json, application/atom+xml, application/rss+xml, application/json;q=0.9, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"}}}, nil
}

// Next refuses what is no feed. There is nothing to go on from.
func (Adapter) Next(r platform.Request, cursor string) (string, bool, error) {
	_, err := parse(r)
	return cursor, false, err
}

// Sample is a JSON feed with one item.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	body, _ := json.Marshal(map[string]any{"version": "https://jsonfeed.org/version/1.1", "title": "Sample", "items": []any{map[string]any{
		"id": "urn:sample:" + id, "content_text": "Does it work?", "date_published": now.UTC().Format(time.RFC3339), "authors": []any{map[string]string{"name": "Ann"}}}}})
	return platform.Request{Method: http.MethodGet, URL: scope, Header: http.Header{"Content-Type": {"application/feed+json"}}, Body: body}
}

// maxDepth bounds how deep a feed's elements nest.
const maxDepth = 100

// clean takes the characters away that XML forbids, which feeds hold all the
// same, and refuses elements nested deeper than maxDepth, since the parser
// calls itself for each.
func clean(body []byte) ([]byte, error) {
	body = bytes.Map(func(r rune) rune { // https://www.w3.org/TR/xml/#charsets
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, body)
	d := xml.NewDecoder(bytes.NewReader(body))
	d.Strict = false // as the parser has it, so that it sees the same elements
	for depth := 0; ; {
		switch t, err := d.Token(); t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return nil, fmt.Errorf("no feed: elements nest deeper than %d", maxDepth)
			}
		case xml.EndElement:
			depth--
		default:
			if err != nil { // the parser meets it too
				return body, nil
			}
		}
	}
}

// parse reads a feed of any of the formats.
func parse(r platform.Request) (document, error) {
	body, err := platform.UTF8(r.Body, r.Header.Get("Content-Type"))
	if err != nil {
		return document{}, fmt.Errorf("no feed: %w", err)
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return document{}, io.ErrUnexpectedEOF
	case body[0] == '{':
		return parseJSON(body)
	}
	return parseXML(body)
}

// Normalise tells of each item. An item is routed by the URL that was
// fetched, which is the scope.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	doc, err := parse(r)
	if err != nil {
		return nil, err
	}
	home := host(r.URL)
	if h := host(doc.link); h != "" {
		home = h
	}
	var out []platform.Event
	for _, it := range doc.items {
		out = append(out, it.events(doc, home, r.URL)...)
	}
	if len(out) == 0 {
		out = append(out, platform.Ignore("feed", "the feed holds no items", r.URL))
	}
	return out, nil
}
