package mastodon

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// status is the Status entity, as far as it is read.
// https://docs.joinmastodon.org/entities/Status/
type status struct {
	ID         platform.ID   `json:"id"`
	URI        platform.Text `json:"uri"`
	URL        platform.Text `json:"url"`
	Created    platform.Text `json:"created_at"`
	Edited     platform.Text `json:"edited_at"`
	InReplyTo  platform.ID   `json:"in_reply_to_id"`
	Visibility platform.Text `json:"visibility"`
	Spoiler    platform.Text `json:"spoiler_text"`
	Content    platform.Text `json:"content"`
	Account    account       `json:"account"`
	Mentions   mentions      `json:"mentions"`
	Tags       []struct {
		Name platform.Text `json:"name"`
	} `json:"tags"`
	Reblog *struct {
		ID  platform.ID   `json:"id"`
		URL platform.Text `json:"url"`
		URI platform.Text `json:"uri"`
	} `json:"reblog"`
	// Quote is a Quote or a ShallowQuote. It is there from the beginning;
	// what is quoted is named once its author has agreed.
	Quote *struct {
		ID     platform.ID `json:"quoted_status_id"`
		Status *struct {
			ID platform.ID `json:"id"`
		} `json:"quoted_status"`
	} `json:"quote"`
}

// account is the Account entity, as far as it is read.
type account struct {
	ID   platform.ID   `json:"id"`
	Acct platform.Text `json:"acct"`
	Name platform.Text `json:"display_name"`
	URL  platform.Text `json:"url"`
	URI  platform.Text `json:"uri"`
	Bot  platform.Flag `json:"bot"`
}

// mentions are the accounts that a status mentions; nobody where it is no list.
type mentions []struct {
	ID platform.ID `json:"id"`
}

// UnmarshalJSON reads a list.
func (m *mentions) UnmarshalJSON(b []byte) error {
	type plain mentions
	var v plain
	if json.Unmarshal(b, &v) == nil {
		*m = mentions(v)
	}
	return nil
}

// hostOf is the first of the addresses' hosts, in lower case, "" if none has one.
func hostOf(addresses ...platform.Text) string {
	for _, s := range addresses {
		if u, err := url.Parse(string(s)); err == nil && isHost(u.Host) {
			return strings.ToLower(u.Host)
		}
	}
	return ""
}

// link is the first of the addresses that a person can open.
func link(addresses ...platform.Text) string {
	for _, s := range addresses {
		if u, err := url.Parse(string(s)); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			return string(s)
		}
	}
	return ""
}

// webhookStatus reads a status of an instance's own account: others' are not sent.
func webhookStatus(event string, raw json.RawMessage) []platform.Event {
	var s status
	if err := platform.Decode(raw, &s); err != nil {
		return []platform.Event{platform.Park(event, fmt.Errorf("the status: %w", err))}
	}
	host := hostOf(s.URI, s.URL)
	if host == "" {
		return []platform.Event{platform.Park(event, errors.New("a status whose address names no instance"))}
	}
	var scopes []string
	for _, t := range s.Tags {
		if sc := "#" + strings.ToLower(string(t.Name)) + "@" + host; t.Name != "" && !slices.Contains(scopes, sc) && len(scopes) < maxTags {
			scopes = append(scopes, sc)
		}
	}
	scopes = append(scopes, host)
	if strings.Contains(string(s.Account.Acct), "@") {
		return []platform.Event{platform.Park(event, errors.New("a status by an account of another instance: it does not say which instance sends it"), scopes...)}
	}
	if event == "status.created" {
		return []platform.Event{s.utterance(event, host, scopes)}
	}
	return []platform.Event{s.edit(event, host, scopes)}
}

// maxTags bounds the hashtags by which a status is routed.
const maxTags = 100

// hidden says why a status is not a public word, "" if it is one.
func (s status) hidden() string {
	if s.Visibility == "private" || s.Visibility == "direct" {
		return "a status for followers or the people mentioned only"
	}
	return ""
}

// said is what all activities of a status share.
func (s status) said(host string) (social.Activity, error) {
	a := social.Activity{
		Platform: name, Scope: host, Object: social.Object{ID: string(s.ID), Type: "status"}, InReplyTo: string(s.InReplyTo),
		Actor: social.Actor{ID: string(s.Account.ID), Scope: host, Handle: string(s.Account.Acct), Name: string(s.Account.Name)},
		Text:  platform.PlainText(s.content()), URL: link(s.URL, s.URI), Direction: social.Inbound, Automatic: bool(s.Account.Bot),
	}
	for _, m := range s.Mentions {
		platform.Address(&a, string(m.ID))
	}
	if w := strings.TrimSpace(string(s.Spoiler)); w != "" {
		a.Text = strings.TrimSpace(w + "\n" + a.Text)
	}
	if s.ID == "" || s.Account.ID == "" {
		return a, errors.New("a status without its id or account")
	}
	return a, nil
}

// content is the status's HTML. What a server puts into that of a quote for
// those who know no quotes, a link to what is quoted in an element of the
// class quote-inline, is nobody's words
// (https://docs.joinmastodon.org/client/quotes/#displaying-quote-posts).
func (s status) content() string {
	if s.Quote == nil {
		return string(s.Content)
	}
	var kept strings.Builder
	left, depth := "", 0 // the element that is left out, and how many of its name are open in it
	for z := html.NewTokenizer(strings.NewReader(string(s.Content))); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		raw := string(z.Raw()) // before Token, which changes what it was read from
		tag := z.Token()
		switch {
		case depth > 0 && kind == html.StartTagToken && tag.Data == left:
			depth++
		case depth > 0 && kind == html.EndTagToken && tag.Data == left:
			depth--
		case depth > 0:
		case kind == html.StartTagToken && slices.ContainsFunc(tag.Attr, isFallback):
			left, depth = tag.Data, 1
		default:
			kept.WriteString(raw)
		}
	}
	if depth > 0 { // it has no end: rather too much than nothing
		return string(s.Content)
	}
	return kept.String()
}

func isFallback(a html.Attribute) bool {
	return a.Key == "class" && slices.Contains(strings.Fields(a.Val), "quote-inline")
}

// utterance is the status as it was posted, or the boost that it is.
func (s status) utterance(kind, host string, scopes []string) platform.Event {
	if why := s.hidden(); why != "" {
		return platform.Ignore(kind, why, scopes...)
	}
	a, err := s.said(host)
	switch {
	case s.Reblog != nil:
		a.Type, a.Text, a.Addressed, a.InReplyTo = social.Repost, "", nil, ""
		a.Object.ID, a.URL = string(s.Reblog.ID), link(s.Reblog.URL, s.Reblog.URI, s.URL)
		if s.Reblog.ID == "" && err == nil {
			err = errors.New("a boost without what is boosted")
		}
	case s.InReplyTo != "":
		a.Type = social.Reply
	case s.Quote != nil:
		a.Type, a.InReplyTo = social.Quote, string(s.Quote.ID)
		if s.Quote.Status != nil {
			a.InReplyTo = cmp.Or(string(s.Quote.Status.ID), a.InReplyTo)
		}
	default:
		a.Type = social.Post
	}
	if err == nil {
		a.Occurred, err = platform.Time(string(s.Created))
	}
	a.Key = social.ActivityKey(name, host, a.Type, string(s.ID), a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}

// edit is the status as it was edited last.
func (s status) edit(kind, host string, scopes []string) platform.Event {
	if why := s.hidden(); why != "" {
		return platform.Ignore(kind, why, scopes...)
	}
	if s.Edited == "" || s.Reblog != nil {
		return platform.Ignore(kind, "nobody edited its words", scopes...)
	}
	a, err := s.said(host)
	a.Type = social.Edit
	if err == nil {
		a.Occurred, err = platform.Time(string(s.Edited))
	}
	a.Key = social.ActivityKey(name, host, a.Type, string(s.ID), a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}

// webhookAccount reads an Admin::Account. Its e-mail and IP addresses are not read.
// https://docs.joinmastodon.org/entities/Admin_Account/
func webhookAccount(event string, created platform.Text, raw json.RawMessage) platform.Event {
	var o struct {
		ID       platform.ID   `json:"id"`
		Username platform.Text `json:"username"`
		Domain   platform.Text `json:"domain"`
		Created  platform.Text `json:"created_at"`
		Account  account       `json:"account"`

		Suspended  bool `json:"suspended"`
		Silenced   bool `json:"silenced"`
		Disabled   bool `json:"disabled"`
		Sensitized bool `json:"sensitized"`
	}
	if err := platform.Decode(raw, &o); err != nil {
		return platform.Park(event, fmt.Errorf("the account: %w", err))
	}
	host := hostOf(o.Account.URI, o.Account.URL)
	if host == "" {
		return platform.Park(event, errors.New("an account whose address names no instance"))
	}
	var err error
	switch {
	case o.Domain != "":
		err = errors.New("an account of another instance: it does not say which instance sends it")
	case o.ID == "":
		err = errors.New("an account without its id")
	}
	a := social.Activity{
		Platform: name, Scope: host, Type: social.SignUp, Object: social.Object{ID: host, Type: "instance"}, URL: link(o.Account.URL), Direction: social.Inbound,
		// Of a sign-up only what can't change later: it is told twice.
		Actor: social.Actor{ID: string(o.ID), Scope: host, Handle: string(o.Username)},
	}
	at := o.Created
	if event == "account.updated" {
		if err == nil && (o.Suspended || o.Silenced || o.Disabled || o.Sensitized) {
			return platform.Ignore(event, "an account that moderators have limited: it may be their doing", host)
		}
		// The account has no time of its change; the event has, and it is in every copy of the delivery.
		a.Type, at = social.ProfileChange, created
		a.Object, a.Actor.Name = social.Object{ID: "account/" + string(o.ID), Type: "account"}, string(o.Account.Name)
	}
	if err == nil {
		a.Occurred, err = platform.Time(string(at))
	}
	a.Key = social.ActivityKey(name, host, a.Type, string(o.ID), a.Occurred)
	return platform.Act(event, a, err, host)
}
