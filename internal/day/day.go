// Package day is the compact form in which activities are kept by day: a
// tuple for each, without texts, names or the platform's ids, packed into
// blocks of one hour. Issues, reports and the discovery of themes count
// tuples, and read the few texts they need from the facts. Pure.
package day

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"rapport/internal/social"
)

// ID is the hash in the id of an account or activity.
type ID [20]byte

// Tuple is an activity as it stood when the tuple was written.
type Tuple struct {
	Account, Activity ID
	Occurred          int64 // milliseconds since 1970
	Undated           bool
	Type              social.Type
	Direction         social.Direction
	Platform          social.Platform
	Scope             string
	Language          string
	Sentiment         string
	Intent            string
	Said              bool   // it has a text
	Nobody            bool   // the platform does not say who it was
	Automatic         bool   // no human did it
	Doubtful          bool   // it may be negative, whatever its sentiment and intent say, see MaybeNegative
	Target            uint32 // of a reaction, and of what takes one back: a hash of the object; else 0
	Mark              Mark   // the rating that was given; zero: none
	Edits             int    // and deletions that are applied
	Edited            int64  // when the newest of them was made; milliseconds since 1970
	Deleted           bool

	Tag
	Tagged bool // whether it was assigned under the theme set that was asked for
}

// MaybeNegative is the probability of being negative from which on a text may
// be so, though the reader finds something else likelier: praise that is meant
// as sarcasm, above all.
const MaybeNegative = 0.25

// Mark is a rating without its question.
type Mark struct {
	Kind               social.RatingKind
	Value, Worst, Best float64
}

// Place is where the mark stands on its scale: 0 the worst, 1 the best.
func (m Mark) Place() float64 {
	if m.Best == m.Worst {
		return 0
	}
	return min(1, max(0, (m.Value-m.Worst)/(m.Best-m.Worst)))
}

// Tag is what a text was assigned to under one theme set.
type Tag struct {
	Theme string // empty: none
	Near  int16  // the similarity to it, in units of 1/4096
}

// Of is the tuple of an activity as it stands: edited so many times, last at
// an instant, or deleted.
func Of(a social.Activity, edits int, edited time.Time, deleted bool) (Tuple, error) {
	t := Tuple{Occurred: a.Occurred.UnixMilli(), Undated: a.Undated, Type: a.Type, Direction: a.Direction, Platform: a.Platform, Scope: a.Scope,
		Language: a.Language, Sentiment: a.Sentiment, Intent: a.Intent, Said: said(a.Text), Nobody: a.Actor.ID == social.Unknown, Edits: edits, Deleted: deleted,
		Automatic: a.Automatic, Doubtful: a.Negative >= MaybeNegative}
	if a.Type == social.React || a.Type == social.Unreact {
		t.Target = target(a)
	}
	// A mark that is no number, or of no kind, says nothing.
	if r := a.Rating; r != nil && r.Kind != "" && !strings.ContainsAny(string(r.Kind), " \n") && !math.IsNaN(r.Value+r.Worst+r.Best) {
		t.Mark = Mark{r.Kind, r.Value, r.Worst, r.Best}
	}
	if !edited.IsZero() {
		t.Edited = edited.UnixMilli()
	}
	var ok, too bool
	t.Account, ok = social.Hash(a.Account().AccountID())
	t.Activity, too = social.Hash(a.ID())
	if !ok || !too {
		return t, fmt.Errorf("activity %q: its ids are no hashes", a.Key)
	}
	return t, nil
}

// target is a hash of an activity's object, never 0. With the account beside
// it, it tells a few thousand objects apart.
func target(a social.Activity) uint32 {
	h := fnv.New32a()
	h.Write([]byte(social.Key(a.Scope, a.Object.ID)))
	return max(1, h.Sum32())
}

// Stands reports whether t is something of its own that somebody did and that
// was not taken back: no edit, no deletion, no word that a matter is closed.
func (t Tuple) Stands() bool {
	switch t.Type {
	case social.Edit, social.Delete, social.Unreact, social.Close, social.Reopen, social.Accept:
		return false
	}
	return !t.Deleted
}

// TakenBack finds reactions that were taken back, in hours that come the
// newest first. The zero value has seen none.
type TakenBack struct{ last map[reaction]int64 }

type reaction struct {
	account ID
	target  uint32
}

// Mark marks those of an hour's reactions as deleted that their account took
// back at the same instant or later. As in scores, that takes back all of an
// account's reactions to an object.
func (b *TakenBack) Mark(hour []Tuple) {
	for _, t := range hour {
		if t.Type != social.Unreact || t.Target == 0 {
			continue
		}
		if b.last == nil {
			b.last = map[reaction]int64{}
		}
		r := reaction{t.Account, t.Target}
		b.last[r] = max(b.last[r], t.Occurred)
	}
	for i, t := range hour {
		if last, ok := b.last[reaction{t.Account, t.Target}]; ok && t.Type == social.React && t.Target != 0 && t.Occurred <= last {
			hour[i].Deleted = true
		}
	}
}

// AccountID is the id of the account that acted.
func (t Tuple) AccountID() string { return social.OfHash("acc", t.Account) }

// ActivityID is the activity's id.
func (t Tuple) ActivityID() string { return social.OfHash("act", t.Activity) }

// At is when it was done.
func (t Tuple) At() time.Time { return time.UnixMilli(t.Occurred).UTC() }

// Hour is the hour, UTC, under which it stands.
func (t Tuple) Hour() time.Time { return t.At().Truncate(time.Hour) }

func order(a, b Tuple) int {
	return cmp.Or(cmp.Compare(a.Occurred, b.Occurred), slices.Compare(a.Activity[:], b.Activity[:]))
}

// newer sorts, of two tuples of one activity, the one that knows more first:
// a deletion wins, then the newest edit, then the one that is tagged.
func newer(a, b Tuple) int {
	return cmp.Or(-compare(a.Deleted, b.Deleted), -cmp.Compare(a.Edited, b.Edited), -cmp.Compare(a.Edits, b.Edits), -compare(a.Tagged, b.Tagged),
		cmp.Compare(a.Theme, b.Theme), cmp.Compare(a.Near, b.Near))
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Merge sorts the tuples of an hour by time and keeps one of each activity:
// batches that are cut differently, and edits, write several. It works in place.
func Merge(ts []Tuple) []Tuple {
	slices.SortFunc(ts, func(a, b Tuple) int { return cmp.Or(order(a, b), newer(a, b)) })
	var undated map[ID]bool
	out := ts[:0]
	for _, t := range ts {
		if n := len(out); n > 0 && out[n-1].Activity == t.Activity {
			continue
		}
		if t.Undated { // known at several instants: the earliest holds
			if undated[t.Activity] {
				continue
			}
			if undated == nil {
				undated = map[ID]bool{}
			}
			undated[t.Activity] = true
		}
		out = append(out, t)
	}
	return out
}
