// Package history is the view of what an account did, and of what was done to
// it, without texts: blocks of compact records, which a score reads instead of
// the facts. What happened after the last block is read from the facts.
//
// Where a block ends is told by the fact that ends it (store.Sealing), so that
// the blocks depend on nothing but the facts: whoever writes them, in whatever
// order the facts came. A fact that comes late changes the block that it lies
// in, and splits it if it is one that ends a block; one that is erased may join
// two. The union of the blocks misses nothing at any write between: a block is
// split by writing the new part first, and joined by taking the old part away
// last. A record that two blocks hold meanwhile counts once.
package history

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// History reads and keeps the history of accounts.
type History struct{ store *store.Store }

// New returns the view over a store.
func New(s *store.Store) *History { return &History{s} }

// Name is the view's name.
func (*History) Name() string { return "history" }

// Owns reports whether an item is a block.
func (*History) Owns(pk, sk string) bool {
	return strings.HasPrefix(pk, "A#") && strings.HasPrefix(sk, "B#")
}

// Read returns the records of what happened to an account in (after, to], in
// no order and some perhaps twice. It reads the blocks of that time, and the
// facts after the last of them: eight on average, by chance more.
func (h *History) Read(ctx context.Context, w, account string, after, to store.Mark) ([]scoring.Record, error) {
	blocks, err := h.store.Blocks(ctx, w, account, after, to)
	if err != nil {
		return nil, err
	}
	out, err := unpack(blocks)
	if err != nil {
		return nil, fmt.Errorf("history of %s: %w", account, err)
	}
	open := after
	if len(blocks) > 0 {
		open = blocks[len(blocks)-1].End
	}
	err = h.store.EachFact(ctx, w, account, open, to, func(a social.Activity) error {
		out = append(out, scoring.RecordOf(a))
		return nil
	})
	return out, err
}

func unpack(blocks []store.Block) ([]scoring.Record, error) {
	var out []scoring.Record
	for _, b := range blocks {
		rs, err := scoring.Unpack(b.Data)
		if err != nil {
			return nil, err
		}
		out = append(out, rs...)
	}
	return out, nil
}

// Touched is the time in which facts came or went, whose blocks are to be
// made again.
type Touched struct{ From, Until store.Mark }

// Everything is all of an account's time.
var Everything = Touched{Until: store.EndOfHistory}

// Nothing is no time: no facts came.
var Nothing = Touched{From: store.EndOfHistory + "~"}

// TouchedBy is the time that a message names.
func TouchedBy(s view.Stale) Touched {
	t := Touched{Until: store.EndOfHistory}
	if !s.Since.IsZero() {
		t.From = store.MarkAt(s.Since)
	}
	if !s.Until.IsZero() {
		t.Until = store.MarkAfter(s.Until)
	}
	return t
}

// Update is Read until the end of time, of an account some of whose facts came
// or went: it makes the blocks again that have a part in that, and closes those
// that are full. raw is called with every fact that it read for that, which are
// at least those touched, in order of time. Blocks that are as they should be
// are not written. An error of kind Conflict means that somebody else wrote one
// meanwhile: then all is to be done again.
func (h *History) Update(ctx context.Context, w, account string, after store.Mark, touched Touched, raw func(social.Activity)) ([]scoring.Record, error) {
	blocks, err := h.store.Blocks(ctx, w, account, after, store.EndOfHistory)
	if err != nil {
		return nil, err
	}
	if touched == Nothing {
		touched.From = "" // nothing is written, and only what is open is read
		return h.update(ctx, w, account, after, blocks, nil, span{lo: last(blocks, after), hi: store.EndOfHistory}, raw)
	}
	s, err := h.span(ctx, w, account, blocks, after, touched)
	if err != nil {
		return nil, err
	}
	was := blocks
	if s.lo < after { // blocks that are older than what is asked for
		if was, err = h.store.Blocks(ctx, w, account, s.lo+"\x01", s.hi); err != nil {
			return nil, err
		}
	}
	return h.update(ctx, w, account, after, blocks, was, s, raw)
}

// span is the part of a history that is read from facts: what happened in (lo, hi].
type span struct {
	lo, hi store.Mark
	tail   bool // what is open after the last block is read beside it
}

func last(blocks []store.Block, otherwise store.Mark) store.Mark {
	if len(blocks) == 0 {
		return otherwise
	}
	return blocks[len(blocks)-1].End
}

// span finds the blocks in which the touched time lies.
func (h *History) span(ctx context.Context, w, account string, blocks []store.Block, after store.Mark, touched Touched) (span, error) {
	s := span{hi: store.EndOfHistory}
	if touched.From == "" && touched.Until == store.EndOfHistory {
		return s, nil
	}
	var err error
	before := slices.IndexFunc(blocks, func(b store.Block) bool { return b.End >= touched.From }) - 1
	if before == -2 {
		before = len(blocks) - 1
	}
	if before >= 0 {
		s.lo = blocks[before].End
	} else if s.lo, err = h.store.BlockBefore(ctx, w, account, min(touched.From, max(after, "0"))); err != nil {
		return s, err
	}
	if touched.Until == store.EndOfHistory {
		return s, nil
	}
	switch i := slices.IndexFunc(blocks, func(b store.Block) bool { return b.End >= touched.Until }); {
	case touched.Until < after:
		if s.hi, err = h.store.BlockFrom(ctx, w, account, touched.Until); err != nil {
			return s, err
		}
	case i >= 0:
		s.hi = blocks[i].End
	}
	s.tail = s.hi != store.EndOfHistory
	return s, nil
}

// written is how many facts are read before their blocks are written.
const written = 2000

// update reads the facts of a span, and makes its blocks again: was are those
// that stand there, or nil if nothing is to be written.
func (h *History) update(ctx context.Context, w, account string, after store.Mark, blocks, was []store.Block, s span, raw func(social.Activity)) ([]scoring.Record, error) {
	var out []scoring.Record
	for _, b := range blocks {
		if b.End <= s.lo || b.End > s.hi {
			rs, err := scoring.Unpack(b.Data)
			if err != nil {
				return nil, fmt.Errorf("history of %s: block %s: %w", account, b.End, err)
			}
			out = append(out, rs...)
		}
	}
	m := maker{h: h, w: w, account: account, was: map[store.Mark]store.Block{}, read: was != nil}
	for _, b := range was {
		if b.End > s.lo && b.End <= s.hi {
			m.was[b.End] = b
		}
	}
	read := func(a social.Activity) error {
		raw(a)
		r := scoring.RecordOf(a)
		if store.MarkOf(a) > after {
			out = append(out, r)
		}
		return m.add(ctx, a, r)
	}
	if err := h.store.EachFact(ctx, w, account, s.lo, s.hi, read); err != nil {
		return nil, err
	}
	if err := m.finish(ctx, s.lo); err != nil {
		return nil, err
	}
	if !s.tail {
		return out, nil
	}
	open := max(last(blocks, after), s.hi)
	err := h.store.EachFact(ctx, w, account, open, store.EndOfHistory, func(a social.Activity) error {
		raw(a)
		out = append(out, scoring.RecordOf(a))
		return nil
	})
	return out, err
}

// maker makes blocks of facts that it is given in order.
type maker struct {
	h          *History
	w, account string
	read       bool // false: blocks are not made
	was        map[store.Mark]store.Block

	open    []scoring.Record
	closing store.Mark // the mark of a fact that closes the open block, once it was seen
	witness social.Activity
	made    []store.Block // to be written
	facts   int
	fresh   []fresh // blocks that did not stand there before
}

type fresh struct {
	end  store.Mark
	fact social.Activity
}

func (m *maker) add(ctx context.Context, a social.Activity, r scoring.Record) error {
	if !m.read {
		return nil
	}
	mark := store.MarkOf(a)
	if m.closing != "" && mark > m.closing {
		m.close()
		if m.facts > written {
			if err := m.write(ctx); err != nil {
				return err
			}
		}
	}
	m.open = append(m.open, r)
	m.facts++
	if store.Sealing(a) {
		m.closing, m.witness = mark, a
	}
	return nil
}

func (m *maker) close() {
	b := store.Block{End: m.closing, Data: scoring.Pack(m.open)}
	old, stood := m.was[b.End]
	delete(m.was, b.End)
	if !stood {
		m.fresh = append(m.fresh, fresh{b.End, m.witness})
	}
	if b.Version = old.Version; !stood || !bytes.Equal(old.Data, b.Data) {
		m.made = append(m.made, b)
	}
	m.open, m.closing = nil, ""
}

// writers is how many blocks are written at once.
const writers = 8

func (m *maker) write(ctx context.Context) error {
	made := m.made
	m.made, m.facts = nil, 0
	return errors.Join(parallel.Each(ctx, len(made), writers, func(i int) error {
		return m.h.store.PutBlock(ctx, m.w, m.account, made[i])
	})...)
}

// finish writes what is left, and takes away the blocks whose last facts are
// gone, the newest first. Whoever wrote a new block looks whether the fact that
// ends it, and the block before, still stand: an erasure that took them away
// meanwhile has looked for later blocks before that one was there.
func (m *maker) finish(ctx context.Context, lo store.Mark) error {
	if m.closing != "" {
		m.close()
	}
	if err := m.write(ctx); err != nil {
		return err
	}
	if !m.read {
		return nil
	}
	gone := make([]store.Block, 0, len(m.was))
	for _, b := range m.was {
		gone = append(gone, b)
	}
	slices.SortFunc(gone, func(a, b store.Block) int { return -cmp.Compare(a.End, b.End) })
	for _, b := range gone {
		if err := m.h.store.DeleteBlock(ctx, m.w, m.account, b); err != nil {
			return err
		}
	}
	for i, f := range m.fresh {
		if i == 0 && lo != "" {
			end, err := m.h.store.BlockFrom(ctx, m.w, m.account, lo)
			if err != nil {
				return err
			}
			if end != lo {
				return fault.New(fault.Conflict, "the block before is gone")
			}
		}
		if _, err := m.h.store.Activity(ctx, m.w, store.RefOf(f.fact)); fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "the fact that ends the block is gone")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Keep brings the blocks up to date in which facts lie.
func (h *History) Keep(ctx context.Context, w string, facts []view.Fact) error {
	touched := map[string]view.Stale{}
	for _, f := range facts {
		if !f.Undated {
			id := f.Account().AccountID()
			touched[id] = view.Stale{Account: id, Since: f.Occurred, Until: f.Occurred}.With(touched[id])
		}
	}
	for _, s := range touched {
		if err := h.keep(ctx, w, s.Account, TouchedBy(s)); err != nil {
			return err
		}
	}
	return nil
}

func (h *History) keep(ctx context.Context, w, account string, t Touched) error {
	return store.Again(ctx, func() error {
		// What is read is what lies around the touched time: nothing after it is asked for.
		_, err := h.Update(ctx, w, account, store.EndOfHistory, t, func(social.Activity) {})
		return err
	})
}

// Forget makes the blocks again in which facts lie that are gone by now, or
// about to go. It returns how many blocks went.
func (h *History) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	return 0, h.Keep(ctx, w, gone)
}

// Since is the time before which nothing counts, for a score as of an instant
// by a model with a horizon of so many days.
func Since(asOf time.Time, days int) store.Mark {
	return store.MarkAt(asOf.Add(-time.Duration(days) * 24 * time.Hour))
}
