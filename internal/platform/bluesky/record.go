package bluesky

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	postCollection    = "app.bsky.feed.post"
	likeCollection    = "app.bsky.feed.like"
	repostCollection  = "app.bsky.feed.repost"
	followCollection  = "app.bsky.graph.follow"
	profileCollection = "app.bsky.actor.profile"

	mentionFeature = "app.bsky.richtext.facet#mention"
)

// address is a record's at:// URI, by which objects are named: unique in the whole network.
func address(did, collection, rkey string) string {
	return "at://" + did + "/" + collection + "/" + rkey
}

// place takes an at:// URI apart. Those that name an account by its handle
// are refused: a handle changes.
func place(uri string) (did, collection, rkey string, err error) {
	p := strings.Split(uri, "/")
	if len(p) != 5 || p[0] != "at:" || p[1] != "" || !didForm.MatchString(p[2]) || !nsidForm.MatchString(p[3]) || !rkeyForm.MatchString(p[4]) {
		return "", "", "", fmt.Errorf("%.100q is not of the form at://did/collection/key", uri)
	}
	return p[2], p[3], p[4], nil
}

func profile(did string) string { return "https://bsky.app/profile/" + did }

// page is where a person can look at a record; "" where there is no page.
func page(did, collection, rkey string) string {
	if collection != postCollection {
		return ""
	}
	return profile(did) + "/post/" + rkey
}

// ref is a com.atproto.repo.strongRef.
type ref struct {
	URI string `json:"uri"`
}

// record holds what is read of the records of all collections.
type record struct {
	Text        string          `json:"text"`
	CreatedAt   platform.Text   `json:"createdAt"`
	Reply       json.RawMessage `json:"reply"`
	Embed       json.RawMessage `json:"embed"`
	Facets      json.RawMessage `json:"facets"`
	Subject     json.RawMessage `json:"subject"`
	DisplayName string          `json:"displayName"`
	Description string          `json:"description"`
}

// committed is what a change of a record tells.
func committed(did string, c commit) platform.Event {
	kind := c.Collection + " " + c.Operation
	park := func(err error) platform.Event { return platform.Park(kind, err, did) }
	switch {
	case !nsidForm.MatchString(c.Collection) || c.Operation == "":
		return platform.Park("commit", fmt.Errorf("a commit to %.60q without its collection or operation", c.Collection), did)
	case !rkeyForm.MatchString(c.Rkey):
		return park(fmt.Errorf("%.60q is no record key", c.Rkey))
	}
	rev, ok := timeOfTID(c.Rev)
	if !ok {
		return park(fmt.Errorf("rev %.40q is no TID", c.Rev))
	}
	uri := address(did, c.Collection, c.Rkey)
	base := social.Activity{Platform: name, Actor: social.Actor{ID: did}, Occurred: rev, Direction: social.Inbound}

	switch kind {
	case likeCollection + " update", repostCollection + " update", followCollection + " update":
		return platform.Ignore(kind, "what was liked, reposted or followed is known since it was", did)
	case likeCollection + " delete", repostCollection + " delete", followCollection + " delete":
		return platform.Ignore(kind, "it was taken back, but the event does not say what was liked, reposted or followed", did)
	case profileCollection + " delete":
		return platform.Ignore(kind, "the profile is empty now", did)
	case postCollection + " delete":
		base.Type, base.Object, base.URL = social.Delete, social.Object{ID: uri, Type: "post"}, page(did, c.Collection, c.Rkey)
		base.Key = social.ActivityKey(name, "", base.Type, uri, rev)
		return platform.Act(kind, base, nil, did)
	case postCollection + " create", postCollection + " update", likeCollection + " create", repostCollection + " create", followCollection + " create",
		profileCollection + " create", profileCollection + " update":
	default:
		return platform.Ignore(kind, "it is not known to tell what someone did", did)
	}

	var r record
	if err := platform.Decode(c.Record, &r); err != nil {
		return park(fmt.Errorf("the record: %w", err))
	}
	switch kind {
	case postCollection + " create":
		return post(did, c.Rkey, r, rev)
	case postCollection + " update":
		_, scopes, err := postOf(did, c.Rkey, r)
		base.Type, base.Object, base.Text, base.URL = social.Edit, social.Object{ID: uri, Type: "post"}, r.Text, page(did, c.Collection, c.Rkey)
		platform.Address(&base, mentions(r.Facets)...)
		base.Key = social.ActivityKey(name, "", base.Type, social.Key(uri, c.Rev), rev)
		return platform.Act(kind, base, err, scopes...)
	case profileCollection + " create", profileCollection + " update":
		base.Type, base.Object, base.Text, base.URL = social.ProfileChange, social.Object{ID: did, Type: "profile"}, r.Description, profile(did)
		base.Actor.Name = r.DisplayName
		base.Key = social.ActivityKey(name, "", base.Type, social.Key(uri, c.Rev), rev)
		return platform.Act(kind, base, nil, did)
	}

	base.Occurred = occurred(r.CreatedAt, c.Rkey, rev)
	if c.Collection == followCollection {
		var whom string
		if err := platform.Decode(r.Subject, &whom); err != nil || !didForm.MatchString(whom) {
			return park(fmt.Errorf("a follow of %.60q, which is no DID", r.Subject))
		}
		base.Type, base.Object, base.URL = social.Follow, social.Object{ID: whom, Type: "profile"}, profile(did)
		base.Key = social.ActivityKey(name, "", base.Type, uri, base.Occurred)
		return platform.Act(kind, base, nil, scopesOf(did, whom)...)
	}
	var of ref
	if err := platform.Decode(r.Subject, &of); err != nil {
		return park(fmt.Errorf("the subject: %w", err))
	}
	whose, collection, rkey, err := place(of.URI)
	if err != nil {
		return park(fmt.Errorf("the subject: %w", err))
	}
	base.Type, base.Reaction = social.React, "like"
	if c.Collection == repostCollection {
		base.Type, base.Reaction = social.Repost, ""
	}
	base.Object, base.URL = social.Object{ID: of.URI, Type: collection[strings.LastIndexByte(collection, '.')+1:]}, page(whose, collection, rkey)
	base.Key = social.ActivityKey(name, "", base.Type, uri, base.Occurred)
	return platform.Act(kind, base, nil, scopesOf(did, whose)...)
}

// post is a post as it was created, whether it came by the stream or by a
// search. limit is when the network is known to have had it.
func post(did, rkey string, r record, limit time.Time, scopes ...string) platform.Event {
	const kind = postCollection + " create"
	a, about, err := postOf(did, rkey, r)
	if scopes == nil {
		scopes = about
	}
	a.Occurred = occurred(r.CreatedAt, rkey, limit)
	a.Key = social.ActivityKey(name, "", a.Type, a.Object.ID, a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}

// postOf is what a post's record says, without time and key, and whom it
// concerns: its author, whom it replies to and whose thread that is in, whom
// it quotes, whom it mentions.
func postOf(did, rkey string, r record) (social.Activity, []string, error) {
	uri := address(did, postCollection, rkey)
	a := social.Activity{Platform: name, Type: social.Post, Actor: social.Actor{ID: did}, Object: social.Object{ID: uri, Type: "post"},
		Conversation: uri, Text: r.Text, URL: page(did, postCollection, rkey), Direction: social.Inbound}
	about := []string{did}
	mentioned := mentions(r.Facets)
	if len(mentioned) > 0 {
		a.Type = social.Mention
		platform.Address(&a, mentioned...)
	}
	whose, quotes := quoted(r.Embed)
	if quotes != "" {
		a.Type, a.InReplyTo = social.Quote, quotes
	}
	if len(r.Reply) > 0 && string(r.Reply) != "null" {
		var reply struct {
			Parent ref `json:"parent"`
			Root   ref `json:"root"`
		}
		if err := platform.Decode(r.Reply, &reply); err != nil {
			return a, about, fmt.Errorf("the reply: %w", err)
		}
		for _, x := range []ref{reply.Parent, reply.Root} {
			did, _, _, err := place(x.URI)
			if err != nil {
				return a, about, fmt.Errorf("the reply: %w", err)
			}
			about = append(about, did)
		}
		a.Type, a.InReplyTo, a.Conversation = social.Reply, reply.Parent.URI, reply.Root.URI
	}
	if quotes != "" {
		about = append(about, whose)
	}
	return a, scopesOf(append(about, mentioned...)...), nil
}

// quoted is the post that an embed quotes, and whose it is; "" where it
// quotes none. An embed that can't be read is as none: the text stands.
func quoted(embed json.RawMessage) (whose, uri string) {
	var e struct {
		Record struct {
			URI    string `json:"uri"`    // app.bsky.embed.record
			Record ref    `json:"record"` // app.bsky.embed.recordWithMedia
		} `json:"record"`
	}
	if platform.Decode(embed, &e) != nil {
		return "", ""
	}
	uri = cmp.Or(e.Record.URI, e.Record.Record.URI)
	whose, collection, _, err := place(uri)
	if err != nil || collection != postCollection { // lists, feeds and starter packs are shown, not quoted
		return "", ""
	}
	return whose, uri
}

// maxMentions bounds whom a post is routed to for being mentioned; its 300
// characters have no room for more.
const maxMentions = 100

// mentions lists whom the facets of a text mention. Facets that can't be read are as none.
func mentions(facets json.RawMessage) []string {
	var list []struct {
		Features []struct {
			Type string `json:"$type"`
			DID  string `json:"did"`
		} `json:"features"`
	}
	if platform.Decode(facets, &list) != nil {
		return nil
	}
	var out []string
	for _, f := range list {
		for _, x := range f.Features {
			if x.Type == mentionFeature && didForm.MatchString(x.DID) && len(out) < maxMentions {
				out = append(out, x.DID)
			}
		}
	}
	return scopesOf(out...)
}

func scopesOf(dids ...string) []string {
	var out []string
	for _, d := range dids {
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}
