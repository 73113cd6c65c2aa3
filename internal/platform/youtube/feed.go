package youtube

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// editAfter is how long after its publication an update of a video is an
// edit: the first notification itself is dated seconds to minutes later.
const editAfter = 5 * time.Minute

type author struct {
	Name string `xml:"name"`
	URI  string `xml:"uri"`
}

// channel is the id at the end of the author's address.
func (a author) channel() string {
	u, err := url.Parse(strings.TrimSpace(a.URI))
	if err != nil {
		return ""
	}
	id, ok := strings.CutPrefix(u.Path, "/channel/")
	if !ok || !idForm.MatchString(id) {
		return ""
	}
	return id
}

type entry struct {
	VideoID   string `xml:"videoId"`
	ChannelID string `xml:"channelId"`
	Title     string `xml:"title"`
	Author    author `xml:"author"`
	Published string `xml:"published"`
	Updated   string `xml:"updated"`
}

// tombstone is RFC 6721's at:deleted-entry.
type tombstone struct {
	Ref  string `xml:"ref,attr"`
	When string `xml:"when,attr"`
	By   author `xml:"by"`
}

// ofFeed are the elements of a feed that describe the feed itself.
var ofFeed = map[string]bool{"link": true, "title": true, "subtitle": true, "id": true, "updated": true, "published": true, "author": true,
	"contributor": true, "category": true, "generator": true, "icon": true, "logo": true, "rights": true, "channelId": true, "playlistId": true}

// maxDepth bounds how deep a feed may nest; YouTube's nest five deep.
const maxDepth = 32

// check refuses XML that is not well-formed, that nests too deep, or that
// declares anything: YouTube's has no document type, and others' may hold entities.
func check(body []byte) error {
	d := xml.NewDecoder(bytes.NewReader(body))
	depth, roots := 0, 0
	for {
		t, err := d.Token()
		if err == io.EOF {
			if roots != 1 {
				return fmt.Errorf("no feed: %d elements at the top", roots)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("no XML: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				if roots++; t.Name.Local != "feed" {
					return fmt.Errorf("no feed: the element at the top is %.40q", t.Name.Local)
				}
			}
			if depth++; depth > maxDepth {
				return fmt.Errorf("no usable XML: nested deeper than %d", maxDepth)
			}
		case xml.EndElement:
			depth--
		case xml.Directive:
			return errors.New("no usable XML: it declares a document type or entities")
		}
	}
}

// feed reads an Atom feed as YouTube's hub sends it: entries of videos, and
// tombstones. An entry that can't be understood is parked alone.
func feed(body []byte) ([]platform.Event, error) {
	if err := check(body); err != nil {
		return nil, err
	}
	var events []platform.Event
	d := xml.NewDecoder(bytes.NewReader(body))
	for depth := 0; ; {
		t, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("no XML: %w", err)
		}
		start, isStart := t.(xml.StartElement)
		if _, isEnd := t.(xml.EndElement); isEnd {
			depth--
		}
		if !isStart {
			continue
		}
		if depth++; depth == 1 {
			continue
		}
		depth-- // each of the cases reads the element to its end
		switch start.Name.Local {
		case "entry":
			var e entry
			if err := d.DecodeElement(&e, &start); err != nil {
				events = append(events, platform.Park("entry", fmt.Errorf("an entry: %w", err)))
				continue
			}
			events = append(events, video(e)...)
		case "deleted-entry":
			var e tombstone
			if err := d.DecodeElement(&e, &start); err != nil {
				events = append(events, platform.Park("deleted-entry", fmt.Errorf("a tombstone: %w", err)))
				continue
			}
			events = append(events, deleted(e))
		default:
			if !ofFeed[start.Name.Local] {
				events = append(events, platform.Ignore(start.Name.Local, "the element is not known to tell what someone did"))
			}
			if err := d.Skip(); err != nil {
				return nil, fmt.Errorf("no XML: %w", err)
			}
		}
	}
	if len(events) == 0 {
		events = append(events, platform.Ignore("feed", "a feed without entries"))
	}
	return events, nil
}

// video is what an entry tells: that the video was published and, where it
// was updated well after that, that it was edited. The hub does not say which
// of the two it notifies of, and the first notification that arrives may be
// an edit's; so each tells the post, with the same key, and the edit, whose
// key is the video and the instant of the update.
func video(e entry) []platform.Event {
	const kind = "entry"
	id, channel := strings.TrimSpace(e.VideoID), strings.TrimSpace(e.ChannelID)
	if channel == "" {
		channel = e.Author.channel()
	}
	switch {
	case !idForm.MatchString(channel):
		return []platform.Event{platform.Park(kind, fmt.Errorf("an entry of the channel %.40q", channel))}
	case !idForm.MatchString(id):
		return []platform.Event{platform.Park(kind, fmt.Errorf("an entry of the video %.40q", id), channel)}
	}
	published, err := platform.Time(strings.TrimSpace(e.Published))
	if err != nil {
		return []platform.Event{platform.Park(kind, fmt.Errorf("published: %w", err), channel)}
	}
	a := social.Activity{
		Key: social.ActivityKey(name, "", social.Post, id, published), Platform: name, Type: social.Post,
		Actor:  social.Actor{ID: channel, Name: strings.TrimSpace(e.Author.Name)},
		Object: social.Object{ID: id, Type: "video"}, Text: strings.TrimSpace(e.Title), URL: watch(id),
		Occurred: published, Direction: social.Inbound,
	}
	events := []platform.Event{platform.Act(kind, a, nil, channel)}
	if updated, err := platform.Time(strings.TrimSpace(e.Updated)); err == nil && updated.Sub(published) > editAfter {
		a.Type, a.Occurred, a.Key = social.Edit, updated, social.ActivityKey(name, "", social.Edit, id, updated)
		events = append(events, platform.Act(kind, a, nil, channel))
	}
	return events
}

// deleted is what a tombstone tells. It has no channel id: the address in
// at:by names the channel.
func deleted(e tombstone) platform.Event {
	const kind = "deleted-entry"
	channel := e.By.channel()
	if channel == "" {
		return platform.Park(kind, fmt.Errorf("a tombstone of %.60q that names no channel", e.Ref))
	}
	id, ok := strings.CutPrefix(e.Ref, "yt:video:")
	if !ok || !idForm.MatchString(id) {
		return platform.Park(kind, fmt.Errorf("a tombstone of %.60q, which is no video", e.Ref), channel)
	}
	when, err := platform.Time(e.When)
	return platform.Act(kind, social.Activity{
		Key: social.ActivityKey(name, "", social.Delete, id, when), Platform: name, Type: social.Delete,
		Actor:  social.Actor{ID: channel, Name: strings.TrimSpace(e.By.Name)},
		Object: social.Object{ID: id, Type: "video"}, URL: watch(id), Occurred: when, Direction: social.Inbound,
	}, err, channel)
}

func watch(video string) string {
	return "https://www.youtube.com/watch?v=" + url.QueryEscape(video)
}
