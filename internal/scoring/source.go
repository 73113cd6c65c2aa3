package scoring

import (
	"cmp"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Bounds of what Evaluate reads of one activity, in bytes.
const (
	maxText  = 1 << 20
	maxField = 8 << 10 // any other field
)

// conditionText is how much of a text conditions see, in bytes.
const conditionText = 8 << 10

// activities are facts as a source.
type activities []social.Activity

func (f activities) len() int { return len(f) }

func (f activities) check(i int) error {
	a := &f[i]
	if err := a.Validate(); err != nil {
		return fault.Wrap(fault.Invalid, err, "a fact is invalid")
	}
	if len(a.Text) > maxText || max(len(a.Key), len(a.Scope), len(a.Actor.ID), len(a.Actor.Handle), len(a.Actor.Name),
		len(a.Object.ID), len(a.Object.Type), len(a.InReplyTo), len(a.Conversation), len(a.URL)) > maxField {
		return fault.New(fault.TooLarge, "activity %q has a text over %d or another field over %d bytes", clip(a.Key), maxText, maxField)
	}
	return nil
}

func (f activities) at(i int) int64        { return f[i].Occurred.UnixMilli() }
func (f activities) typ(i int) social.Type { return f[i].Type }
func (f activities) inbound(i int) bool    { return f[i].Direction == social.Inbound }
func (f activities) automatic(i int) bool  { return f[i].Automatic }
func (f activities) id(i int) uint64       { return hashOf(f[i].Key) }
func (f activities) object(i int) uint64 {
	return objectHash(f[i].Platform, f[i].Scope, f[i].Object.ID)
}
func (f activities) inReplyTo(i int) uint64 {
	return objectHash(f[i].Platform, f[i].Scope, f[i].InReplyTo)
}
func (f activities) conversation(i int) uint64 {
	return objectHash(f[i].Platform, f[i].Scope, f[i].Conversation)
}
func (f activities) actor(i int) uint64 { return actorHash(f[i].Account()) }
func (f activities) name(i int) string  { return f[i].Key }

func (f activities) compare(i, j int) int {
	x, y := RecordOf(f[i]), RecordOf(f[j])
	return compareWhole(&x, &y)
}

func (f activities) shape(i, reading int) shape {
	a, e := &f[i], &f[reading]
	return shape{
		typ: a.Type, platform: a.Platform, scope: a.Scope, objectType: a.Object.Type,
		intent: e.Intent, sentiment: e.Sentiment, language: e.Language, reaction: a.Reaction, isReply: a.InReplyTo != "",
	}
}

func (f activities) subject(i int) string { return subjectOf(f[i].Text) }

func (f activities) rest(i, reading int) Rest {
	a := &f[i]
	return Rest{f[reading].Text, a.URL, a.Actor.Handle, a.Actor.Name}
}

// compact are records as a source.
type compact []Record

func (c compact) len() int { return len(c) }

func (c compact) check(i int) error {
	r := &c[i]
	if err := r.validate(); err != nil {
		return fault.Wrap(fault.Invalid, err, "a record is invalid")
	}
	if r.Rest != nil && (len(r.Rest.Text) > maxText || max(len(r.Rest.URL), len(r.Rest.Handle), len(r.Rest.Name)) > maxField) {
		return fault.New(fault.TooLarge, "record %s has a text over %d or another field over %d bytes", r.Ref(), maxText, maxField)
	}
	return nil
}

func (c compact) at(i int) int64            { return c[i].At }
func (c compact) typ(i int) social.Type     { return c[i].Type }
func (c compact) inbound(i int) bool        { return c[i].Direction == social.Inbound }
func (c compact) automatic(i int) bool      { return c[i].Automatic }
func (c compact) id(i int) uint64           { return c[i].ID }
func (c compact) object(i int) uint64       { return c[i].Object }
func (c compact) inReplyTo(i int) uint64    { return c[i].InReplyTo }
func (c compact) conversation(i int) uint64 { return c[i].Conversation }
func (c compact) actor(i int) uint64        { return c[i].Actor }
func (c compact) name(i int) string         { return c[i].Ref() }
func (c compact) compare(i, j int) int      { return compareWhole(&c[i], &c[j]) }

func (c compact) shape(i, reading int) shape {
	a, e := &c[i], &c[reading]
	return shape{
		typ: a.Type, platform: a.Platform, scope: a.Scope, objectType: a.ObjectType,
		intent: e.Intent, sentiment: e.Sentiment, language: e.Language, reaction: a.Reaction, isReply: a.InReplyTo != 0,
	}
}

func (c compact) subject(i int) string { return c[i].Subject }

func (c compact) rest(i, reading int) Rest {
	var r Rest
	if c[i].Rest != nil {
		r = *c[i].Rest
	}
	r.Text = ""
	if e := c[reading].Rest; e != nil {
		r.Text = e.Text
	}
	return r
}

// compareWhole orders records that share all but their texts by those.
func compareWhole(a, b *Record) int {
	if c := compareRecords(a, b); c != 0 {
		return c
	}
	var x, y Rest
	if a.Rest != nil {
		x = *a.Rest
	}
	if b.Rest != nil {
		y = *b.Rest
	}
	return cmp.Or(cmp.Compare(x.Text, y.Text), cmp.Compare(x.URL, y.URL), cmp.Compare(x.Handle, y.Handle), cmp.Compare(x.Name, y.Name))
}

// cut is the part of a text that conditions see.
func cut(text string) string {
	if len(text) > conditionText {
		return strings.ToValidUTF8(text[:conditionText], "")
	}
	return text
}
