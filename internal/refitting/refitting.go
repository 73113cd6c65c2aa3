// Package refitting fits the reader to a workspace's corrections: it reads the
// corrected texts again, fits what package refit can, and puts what is better
// in use. It is work of some minutes, done in steps.
package refitting

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/refit"
	"rapport/internal/social"
	"rapport/internal/store"
)

const (
	MostCorrections = 5000 // the newest that are looked at
	MostLabels      = 2000 // the newest that the reader is fitted to
	labelsAStep     = 100  // four seconds of reading
)

// Label is what somebody said last of a message that was drawn, and as what
// the reader had read it then.
type Label struct {
	social.Corrected
	ID          string // of the correction
	At          time.Time
	Of          string // TextID of the text
	Fact        store.FactRef
	Read        social.Reading
	Probability float64
}

// Labels are those of the messages that corrections, newest first, are of, and
// how many messages were picked. That one was drawn stays true when somebody
// corrects it once more, as long as its text is the same.
func Labels(list []store.Correction) (out []Label, picked int) {
	newest, counted := map[string]store.Correction{}, map[string]bool{}
	for _, c := range list {
		top, ok := newest[c.Activity]
		if !ok {
			newest[c.Activity], top = c, c
		}
		if top.Withdrawn || counted[c.Activity] || !c.Drawn || c.Of != top.Of {
			continue
		}
		counted[c.Activity] = true
		out = append(out, Label{top.Corrected, top.ID, top.At, top.Of, top.Fact, c.Read, c.Probability})
	}
	for activity, c := range newest {
		if !c.Withdrawn && !counted[activity] {
			picked++
		}
	}
	return out, picked
}

// State is how far a refit is. The zero value is the beginning.
type State struct {
	After  string `json:"after,omitempty"` // the place of the last label that was read: see place
	Steps  int    `json:"steps"`
	Looked int    `json:"looked"` // labels
	Of     int    `json:"of"`     // labels there are, as of the last step
	Unread int    `json:"unread"` // labels of texts that the models don't read
	Gone   int    `json:"gone"`   // labels whose text was edited, or is gone
}

// Result is what came of a refit. It holds no text, and names nobody.
type Result struct {
	Reader      string                       `json:"reader"`      // the version that was fitted
	Corrections string                       `json:"corrections"` // a hash of the ids of the labels; the corrections are those up to when it was begun
	Drawn       int                          `json:"drawn"`       // labels
	Picked      int                          `json:"picked"`      // messages that were picked: nothing is fitted to them
	Unread      int                          `json:"unread"`
	Gone        int                          `json:"gone"`
	Heads       map[refit.Head]refit.Verdict `json:"heads"`
	Document    *refit.Document              `json:"document,omitempty"` // nil: no head is better
	Ended       time.Time                    `json:"ended"`
}

// read is a label with what the reader makes of its text, as a step keeps it.
type read struct {
	ID     string             `json:"i"`
	Weight float64            `json:"w"`
	Fold   int                `json:"f"`
	Said   map[refit.Head]int `json:"s"` // the class
	P      refit.Chances      `json:"p"`
}

// Refitting fits the reader.
type Refitting struct {
	Store   *store.Store
	Chances func(text string, expected ...string) (c refit.Chances, ok bool) // of the reader: see reading.Chances
}

// Begin stores that a workspace's reader is to be fitted to the corrections up
// to now. While another refit of it goes on its error is of kind Conflict.
func Begin(ctx context.Context, s *store.Store, w, id, by string, now time.Time) (store.Refit, error) {
	b, err := json.Marshal(State{})
	if err != nil {
		return store.Refit{}, err
	}
	r := store.Refit{ID: id, Begun: now, By: by, State: b}
	if err := s.BeginRefit(ctx, w, r); err != nil {
		return r, err
	}
	return s.Refit(ctx, w, id)
}

// Go goes on with a refit until it has ended, or it is time to stop (zero:
// never), and reports whether it has ended. It does one step at least, also
// where the time to stop has passed: else one that always comes beside other
// work would never end. A step that is done again is the
// same step; of two who go on at the same time one has an error of kind Conflict.
func (x *Refitting) Go(ctx context.Context, w, id string, clock func() time.Time, stop time.Time) (bool, error) {
	r, err := x.Store.Refit(ctx, w, id)
	if err != nil {
		return false, err
	}
	var state State
	if err := json.Unmarshal(r.State, &state); err != nil {
		return false, fault.Wrap(fault.Internal, err, "")
	}
	if !r.Ended() {
		terms, err := x.Store.Terms(ctx, w)
		if err != nil {
			return false, err
		}
		list, _, err := x.Store.Corrections(ctx, w, "", MostCorrections)
		if err != nil {
			return false, err
		}
		list = slices.DeleteFunc(list, func(c store.Correction) bool { return c.At.After(r.Begun) })
		labels, picked := Labels(list)
		slices.SortFunc(labels, func(a, b Label) int { return cmp.Compare(place(b), place(a)) })
		labels = labels[:min(len(labels), MostLabels)]
		for stepped := false; ; stepped = true {
			rest := slices.DeleteFunc(slices.Clone(labels), func(l Label) bool { return state.After != "" && place(l) >= state.After })
			if len(rest) == 0 {
				break
			}
			if stepped && !stop.IsZero() && !clock().Before(stop) {
				return false, nil
			}
			rest = rest[:min(len(rest), labelsAStep)]
			cases, err := x.read(ctx, w, rest, terms.Languages, &state)
			if err != nil {
				return false, err
			}
			if err := x.Store.PutCases(ctx, w, id, state.Steps, cases, clock()); err != nil {
				return false, err
			}
			state.After, state.Steps, state.Looked, state.Of = place(rest[len(rest)-1]), state.Steps+1, state.Looked+len(rest), len(labels)
			if r.State, err = json.Marshal(state); err != nil {
				return false, err
			}
			if err := x.Store.PutRefit(ctx, w, &r); err != nil {
				return false, err
			}
		}
		result, err := x.judged(ctx, w, id)
		if err != nil {
			return false, err
		}
		result.Picked, result.Unread, result.Gone, result.Ended = picked, state.Unread, state.Gone, social.Instant(clock())
		if r.Result, err = json.Marshal(result); err != nil {
			return false, err
		}
		if err := x.Store.PutRefit(ctx, w, &r); err != nil {
			return false, err
		}
	}
	var result Result
	if r.Result != nil {
		if err := json.Unmarshal(r.Result, &result); err != nil {
			return false, fault.Wrap(fault.Internal, err, "")
		}
	}
	// Also where it had ended: who wrote the result may have died before this.
	if err := x.Store.EndRefit(ctx, w, id, result.Document, r.Failed != "", clock()); err != nil {
		return false, err
	}
	return true, x.Store.DropCases(ctx, w, id)
}

// place is where a label stands in the order of time.
func place(l Label) string { return social.Stamp(l.At) + "#" + l.ID }

// read has the texts of labels read. What is gone, or says something else by now, is left out.
func (x *Refitting) read(ctx context.Context, w string, labels []Label, languages []string, state *State) ([]read, error) {
	out := []read{}
	for _, l := range labels {
		text, reply, err := x.textOf(ctx, w, l)
		if err != nil {
			return nil, err
		}
		if text == "" {
			state.Gone++
			continue
		}
		p, ok := x.Chances(text, languages...)
		if !ok {
			state.Unread++
			continue
		}
		c := read{l.ID, 1 / l.Probability, fold(l.Of), map[refit.Head]int{}, refit.Chances{}}
		for h, class := range said(l.Corrected) {
			// Whether one that replies needs an answer depends on what was said before, which the reader's other probability is of.
			if p[h] != nil && !(h == refit.NeedsAnswer && reply) {
				c.Said[h], c.P[h] = class, p[h]
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// textOf is the text that a label is of, "" if its message is gone or says
// something else by now, and whether it replies to another message.
func (x *Refitting) textOf(ctx context.Context, w string, l Label) (text string, reply bool, err error) {
	i, err := x.Store.Item(ctx, w, l.Fact)
	if fault.Is(err, fault.NotFound) {
		return "", false, nil
	}
	if err != nil || i.Deleted || social.TextID(i.Text) != l.Of {
		return "", false, err
	}
	return i.Text, i.InReplyTo != "", nil
}

// fold is the part that a text belongs to.
func fold(text string) int {
	h := fnv.New32a()
	io.WriteString(h, text)
	return int(h.Sum32() % refit.Folds)
}

// said are the classes that somebody said, by head.
func said(c social.Corrected) map[refit.Head]int {
	out := map[refit.Head]int{}
	if i := slices.Index(social.Sentiments, c.Sentiment); i >= 0 {
		out[refit.Sentiment] = i
	}
	if i := slices.Index(social.Intents, c.Intent); i >= 0 {
		out[refit.Intent] = i
	}
	if c.Severity != nil {
		out[refit.Severity] = *c.Severity
	}
	if c.NeedsAnswer != nil {
		out[refit.NeedsAnswer] = 0
		if *c.NeedsAnswer {
			out[refit.NeedsAnswer] = 1
		}
	}
	return out
}

// judged fits each head to what the steps kept.
func (x *Refitting) judged(ctx context.Context, w, id string) (Result, error) {
	out := Result{Reader: social.ReaderVersion, Heads: map[refit.Head]refit.Verdict{}}
	cases := map[refit.Head][]refit.Case{}
	names := sha256.New()
	err := x.Store.Cases(ctx, w, id, func(b []byte) error {
		var part []read
		if err := json.Unmarshal(b, &part); err != nil {
			return err
		}
		for _, c := range part {
			out.Drawn++
			io.WriteString(names, c.ID+"\n")
			for h, class := range c.Said {
				cases[h] = append(cases[h], refit.Case{P: c.P[h], Said: class, Weight: c.Weight, Fold: c.Fold})
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Corrections = hex.EncodeToString(names.Sum(nil)[:16])
	d := refit.Document{Reader: social.ReaderVersion, Heads: map[refit.Head]refit.Adjustment{}}
	for _, h := range refit.Heads {
		v, err := refit.Judge(cases[h])
		if err != nil { // the same cases would fail again
			return out, fault.Wrap(fault.Invalid, err, "the labels of "+string(h)+" can't be fitted to")
		}
		if out.Heads[h] = v; v.Adjustment != nil {
			d.Heads[h] = *v.Adjustment
		}
	}
	if len(d.Heads) > 0 {
		out.Document = &d
	}
	return out, nil
}

// Fail notes of a refit that there will be no result, since it would fail again
// as often as it is tried. What is in use stays; one that has ended stays as it is.
func (x *Refitting) Fail(ctx context.Context, w, id string, why error, now time.Time) error {
	r, err := x.Store.Refit(ctx, w, id)
	if err != nil {
		return err
	}
	if !r.Ended() {
		r.Failed = cmp.Or(fault.Message(why), "the corrections can't be read")
		if err := x.Store.PutRefit(ctx, w, &r); err != nil {
			return err
		}
	}
	if r.Failed == "" {
		return nil
	}
	return errors.Join(x.Store.EndRefit(ctx, w, id, nil, true, now), x.Store.DropCases(ctx, w, id))
}
