package linkedin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// actions is the type of the batches that tell what members do.
const actions = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"

const (
	byNobody  = "LinkedIn does not say who liked it"
	leadByID  = "it gives a lead's id only: what the person filled in must be read through the Lead Sync API"
	unnamedBy = "LinkedIn does not say by whom"
)

// Kinds lists the event types: the actions of organisations' posts, and the
// Lead Sync events that come through the same webhook.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "COMMENT", Becomes: string(social.Reply)},
		{Name: "ADMIN_COMMENT", Becomes: string(social.Reply), Note: "the organisation's own"},
		{Name: "COMMENT_EDIT", Becomes: string(social.Edit)},
		{Name: "COMMENT_DELETE", Becomes: string(social.Delete), Note: unnamedBy},
		{Name: "LIKE", Becomes: string(social.React), Note: "where it names the member"},
		{Name: "LIKE", Becomes: platform.Ignored, Note: byNobody},
		{Name: "SHARE", Becomes: string(social.Quote), Note: "with words of the member's own"},
		{Name: "SHARE", Becomes: string(social.Repost), Note: "without"},
		{Name: "SHARE_MENTION", Becomes: string(social.Mention)},
		{Name: "LEAD_ACTION CREATED", Becomes: platform.Ignored, Note: leadByID},
		{Name: "LEAD_ACTION DELETED", Becomes: platform.Ignored, Note: leadByID},
	}
}

type notification struct {
	Action     string      `json:"action"`
	SourcePost string      `json:"sourcePost"`
	Source     thing       `json:"decoratedSourcePost"`
	Generated  string      `json:"generatedActivity"`
	Modified   platform.ID `json:"lastModifiedAt"` // milliseconds
	Decorated  struct {
		Comment thing `json:"comment"`
		Share   thing `json:"share"`
	} `json:"decoratedGeneratedActivity"`
}

// thing is a post or a comment, as far as a notification tells of it.
type thing struct {
	Entity  string `json:"entity"` // its URN
	Owner   string `json:"owner"`  // its author's URN
	Object  string `json:"object"` // of a comment: the URN of what it is on
	Text    words  `json:"text"`
	Message words  `json:"message"` // what some comments have instead of text
}

func (t thing) words() string {
	if t.Text != "" {
		return string(t.Text)
	}
	return string(t.Message)
}

// words are a text, or an object that has it in its field text.
type words string

// UnmarshalJSON reads either shape.
func (w *words) UnmarshalJSON(b []byte) error {
	var v struct {
		Text string `json:"text"`
	}
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
		*w = words(v.Text)
		return nil
	}
	return json.Unmarshal(b, (*string)(w))
}

// canonical is the one form of a URN. LinkedIn leaves out the inner urn:li: in
// some places, and calls organisations companies in others.
func canonical(urn string) string {
	urn = strings.TrimSpace(urn)
	if urn == "" {
		return ""
	}
	if !strings.HasPrefix(urn, "urn:li:") {
		urn = "urn:li:" + urn
	}
	if id, ok := strings.CutPrefix(urn, "urn:li:company:"); ok {
		return "urn:li:organization:" + id
	}
	inner, ok := strings.CutPrefix(urn, "urn:li:comment:(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return urn
	}
	inner = strings.TrimSuffix(inner, ")")
	i := strings.LastIndexByte(inner, ',')
	if i < 0 {
		return urn
	}
	return "urn:li:comment:(" + canonical(inner[:i]) + "," + inner[i+1:] + ")"
}

// liked reads the URN of a like or reaction: by whom, and of what.
func liked(urn string) (by, object string) {
	for _, kind := range []string{"urn:li:like:(", "urn:li:reaction:("} {
		inner, ok := strings.CutPrefix(urn, kind)
		if !ok || !strings.HasSuffix(inner, ")") {
			continue
		}
		by, object, ok = strings.Cut(strings.TrimSuffix(inner, ")"), ",")
		by = canonical(by)
		if ok && (strings.HasPrefix(by, "urn:li:person:") || strings.HasPrefix(by, "urn:li:organization:")) {
			return by, canonical(object)
		}
	}
	return "", ""
}

// organisation is the URN of the organisation that a notification is for,
// even if the rest of it can't be read; "" if it names none.
func organisation(raw json.RawMessage) string {
	var v struct {
		Organisation string `json:"organizationalEntity"`
	}
	if platform.Decode(raw, &v) != nil {
		return ""
	}
	return canonical(v.Organisation)
}

// event is what one notification tells. URNs are unique on the whole platform.
func event(raw json.RawMessage) platform.Event {
	org := organisation(raw)
	var to []string
	if org != "" {
		to = scopesOf(org)
	}
	var n notification
	if err := platform.Decode(raw, &n); err != nil {
		return platform.Park("notification", err, to...)
	}
	kind := n.Action
	if kind == "" {
		kind = "notification"
	}
	if org == "" {
		return platform.Park(kind, errors.New("a notification without its organisation"))
	}
	at, err := platform.Unix(string(n.Modified), time.Millisecond)
	post := canonical(n.SourcePost)
	if post == "" {
		post = canonical(n.Source.Entity)
	}
	a := social.Activity{Platform: name, Occurred: at, Direction: social.Inbound}

	switch n.Action {
	case "COMMENT", "ADMIN_COMMENT", "COMMENT_EDIT", "COMMENT_DELETE":
		c := n.Decorated.Comment
		id := canonical(c.Entity)
		if id == "" {
			id = canonical(n.Generated)
		}
		a.Type, a.Object, a.Conversation = social.Reply, social.Object{ID: id, Type: "comment"}, post
		a.Actor.ID, a.Text, a.URL = canonical(c.Owner), c.words(), link(post, id)
		switch n.Action {
		case "COMMENT_EDIT":
			a.Type = social.Edit
		case "COMMENT_DELETE":
			// The owner wrote it; an admin may have deleted it.
			a.Type, a.Text, a.URL, a.Actor.ID = social.Delete, "", "", social.Unknown
		default:
			a.InReplyTo = canonical(c.Object)
			if !strings.HasPrefix(a.InReplyTo, "urn:li:comment:") && post != "" {
				a.InReplyTo = post // under which the post's other events know it
			}
		}
	case "LIKE":
		by, object := liked(n.Generated)
		if by == "" {
			return platform.Ignore(kind, byNobody, to...)
		}
		if !strings.HasPrefix(object, "urn:li:comment:") && post != "" {
			object = post // under which the post's other events know it
		}
		a.Reaction = n.Action // LinkedIn does not say which it is
		a.Type, a.Actor.ID, a.Object, a.URL = social.React, by, social.Object{ID: object, Type: objectType(object)}, link(post, object)
	case "SHARE", "SHARE_MENTION":
		s := n.Decorated.Share
		id := canonical(n.Generated)
		if id == "" {
			id = canonical(s.Entity)
		}
		if n.Action == "SHARE_MENTION" && s.Owner == "" {
			// The post that mentions the organisation is the source itself.
			s = n.Source
			if id == "" {
				id = post
			}
		}
		a.Actor.ID, a.Text, a.Object, a.URL = canonical(s.Owner), s.words(), social.Object{ID: id, Type: "post"}, link(id, id)
		switch {
		case n.Action == "SHARE_MENTION":
			a.Type = social.Mention
		case strings.TrimSpace(a.Text) == "":
			if err == nil && (id == "" || post == "") {
				err = errors.New("a share without its id or that of what it shares")
			}
			a.Type, a.Text, a.Object.ID, a.URL = social.Repost, "", post, link(post, post)
			a.Key = social.ActivityKey(name, "", a.Type, id, at)
		default:
			a.Type, a.InReplyTo = social.Quote, post
		}
	default:
		if n.Decorated.Comment != (thing{}) || n.Decorated.Share != (thing{}) {
			return platform.Park(kind, errors.New("the action is not known, but it comes with a comment or a share: it must be read by hand until Rapport knows it"), to...)
		}
		return platform.Ignore(kind, "it is not known to tell what someone did", to...)
	}
	if n.Action == "ADMIN_COMMENT" || a.Actor.ID == org {
		a.Direction = social.Outbound
		if a.Actor.ID == "" { // an admin speaks for the organisation
			a.Actor.ID = org
		}
	}
	if err == nil && a.Actor.ID == "" {
		err = errors.New("LinkedIn does not say who did it: what was written, and by whom, must be read through its API")
		if n.Generated != "" {
			err = fmt.Errorf("%w, as %.100s", err, canonical(n.Generated))
		}
	}
	switch a.Type {
	case social.Repost:
	case social.React:
		a.Key = social.ActivityKey(name, "", a.Type, social.Key(a.Actor.ID, a.Object.ID), at)
	default:
		a.Key = social.ActivityKey(name, "", a.Type, a.Object.ID, at)
	}
	return platform.Act(kind, a, err, to...)
}

// scopesOf is how an operator may have named an organisation: by its URN, or
// by the number in it. A brand's number alone could be an organisation's.
func scopesOf(org string) []string {
	if number, ok := strings.CutPrefix(org, "urn:li:organization:"); ok && number != "" {
		return []string{org, number}
	}
	return []string{org}
}

func objectType(urn string) string {
	if strings.HasPrefix(urn, "urn:li:comment:") {
		return "comment"
	}
	return "post"
}

var (
	openPost    = pattern.New(`^urn:li:(activity|share|ugcPost):[0-9]+$`)
	openComment = pattern.New(`^urn:li:comment:\(urn:li:((activity|share|ugcPost):[0-9]+,[0-9]+)\)$`)
)

// link leads to a post, or to a comment on it.
func link(post, thing string) string {
	if !openPost.MatchString(post) {
		return ""
	}
	at := "https://www.linkedin.com/feed/update/" + post
	if m := openComment.FindStringSubmatch(thing); m != nil {
		at += "?commentUrn=" + url.QueryEscape("urn:li:comment:("+m[1]+")")
	}
	return at
}

// lead is a Lead Sync event. It tells that a form was filled in, not by whom.
func lead(body []byte) platform.Event {
	type leadData struct {
		Action string `json:"leadAction"`
		Owner  struct {
			Organisation string `json:"organization"`
		} `json:"owner"`
	}
	var v leadData
	if err := platform.Decode(body, &v); err != nil {
		return platform.Park("LEAD_ACTION", err)
	}
	kind := strings.TrimSpace("LEAD_ACTION " + v.Action)
	if org := canonical(v.Owner.Organisation); org != "" {
		return platform.Ignore(kind, leadByID, scopesOf(org)...)
	}
	return platform.Ignore(kind, leadByID)
}
