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
//
// Facts without a time of their own are in no block: store.Undated reads them.
package history

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// History is the view.
type History struct{ store *store.Store }

// New returns the view over a store.
func New(s *store.Store) *History { return &History{s} }

// Name is the view's name.
func (*History) Name() string { return "history" }

// Owns reports whether an item is a block.
func (*History) Owns(pk, sk string) bool {
	return strings.HasPrefix(pk, "A#") && strings.HasPrefix(sk, "B#")
}

// Read returns the records of what happened to an account in (after, to], and
// perhaps some of a little before; a record may come twice. It reads the blocks
// of that time, and the facts after the last of them, which are eight on average.
func (h *History) Read(ctx context.Context, w, account string, after, to store.Mark) ([]scoring.Record, error) {
	blocks, err := h.store.Blocks(ctx, w, account, after, to)
	if err != nil {
		return nil, err
	}
	out, err := records(account, blocks)
	if err != nil {
		return nil, err
	}
	err = h.store.EachFact(ctx, w, account, end(blocks, after), to, func(a social.Activity) error {
		out = append(out, scoring.RecordOf(a))
		return nil
	})
	return out, err
}

func records(account string, blocks []store.Block) ([]scoring.Record, error) {
	var out []scoring.Record
	for _, b := range blocks {
		rs, err := scoring.Unpack(b.Data)
		if err != nil {
			return nil, fmt.Errorf("history of %s: block %s: %w", account, b.End, err)
		}
		out = append(out, rs...)
	}
	return out, nil
}

// end is where the last of blocks ends.
func end(blocks []store.Block, otherwise store.Mark) store.Mark {
	if len(blocks) == 0 {
		return otherwise
	}
	return blocks[len(blocks)-1].End
}

// Touched is the time in which facts came or went: (From, Until].
type Touched struct{ From, Until store.Mark }

// Everything is all of the time of an account.
var Everything = Touched{Until: store.EndOfHistory}

// Nothing is no time: no facts came or went.
var Nothing = Touched{From: store.EndOfHistory, Until: store.EndOfHistory}

// TouchedBy is the time that a message names.
func TouchedBy(s view.Stale) Touched {
	t := Everything
	if !s.Since.IsZero() {
		t.From = store.MarkAt(s.Since)
	}
	if !s.Until.IsZero() {
		t.Until = store.MarkAfter(s.Until)
	}
	return t
}

// Update is Read until the end, of an account some of whose facts came or
// went: it makes the blocks again in which those lie or lay, and closes the
// blocks that are full. Blocks that are as they should be are not written.
//
// raw is called with each fact that was read for that, in the order of time:
// at least all those in the touched time. gone is how many blocks went.
//
// An error of kind Conflict means that somebody else wrote or took a block
// meanwhile: then all is to be done again.
func (h *History) Update(ctx context.Context, w, account string, after store.Mark, t Touched, raw func(social.Activity)) (rs []scoring.Record, gone int, err error) {
	blocks, err := h.store.Blocks(ctx, w, account, after, store.EndOfHistory)
	if err != nil {
		return nil, 0, err
	}
	m := maker{h: h, w: w, account: account, after: after, raw: raw}
	if t == Nothing {
		if rs, err = records(account, blocks); err != nil {
			return nil, 0, err
		}
		m.idle = true
		err = h.store.EachFact(ctx, w, account, end(blocks, after), store.EndOfHistory, m.add(ctx))
		return append(rs, m.records...), 0, err
	}

	// The blocks in which the touched time lies: those that end after lo and until hi.
	before := slices.IndexFunc(blocks, func(b store.Block) bool { return b.End > t.From })
	if before < 0 {
		before = len(blocks)
	}
	lo := end(blocks[:before], "")
	if lo == "" && t.From != "" {
		if len(blocks) == 0 && t.From >= after {
			// Most people did little, and no block of theirs was ever closed.
			var facts []social.Activity
			closes := false
			err := h.store.EachFact(ctx, w, account, after, store.EndOfHistory, func(a social.Activity) error {
				facts = append(facts, a)
				closes = closes || store.Sealing(a)
				return nil
			})
			if err != nil {
				return nil, 0, err
			}
			if !closes {
				for _, a := range facts {
					raw(a)
					rs = append(rs, scoring.RecordOf(a))
				}
				return rs, 0, nil
			}
		}
		if lo, err = h.store.BlockBefore(ctx, w, account, min(t.From, after)+"\x00"); err != nil {
			return nil, 0, err
		}
	}
	hi, to := lo, max(t.Until, lo+"\x00")
	for hi != store.EndOfHistory && (hi < to || m.closing != hi) {
		from := hi
		if hi, err = h.blockFrom(ctx, w, account, blocks, after, to); err != nil {
			return nil, 0, err
		}
		if err := m.stood(ctx, blocks, from, hi); err != nil {
			return nil, 0, err
		}
		if err := h.store.EachFact(ctx, w, account, from, hi, m.add(ctx)); err != nil {
			return nil, 0, err
		}
		if m.closing != hi { // the fact that closed it is gone: it is one with the next
			to = hi + "\x00"
		}
	}
	if gone, err = m.finish(ctx, lo); err != nil {
		return nil, gone, err
	}

	rs = m.records
	for _, part := range [][]store.Block{until(blocks, lo), since(blocks, hi)} {
		more, err := records(account, part)
		if err != nil {
			return nil, gone, err
		}
		rs = append(rs, more...)
	}
	if hi == store.EndOfHistory {
		return rs, gone, nil
	}
	open := maker{idle: true, after: after, raw: raw}
	err = h.store.EachFact(ctx, w, account, max(after, hi, end(blocks, "")), store.EndOfHistory, open.add(ctx))
	return append(rs, open.records...), gone, err
}

// until and since are the blocks that end until a mark, and those that end later.
func until(blocks []store.Block, m store.Mark) []store.Block {
	return blocks[:len(blocks)-len(since(blocks, m))]
}

func since(blocks []store.Block, m store.Mark) []store.Block {
	i := slices.IndexFunc(blocks, func(b store.Block) bool { return b.End > m })
	if i < 0 {
		return nil
	}
	return blocks[i:]
}

// blockFrom is the end of the first block that ends at a mark or later; blocks
// are all those that end at after or later.
func (h *History) blockFrom(ctx context.Context, w, account string, blocks []store.Block, after, m store.Mark) (store.Mark, error) {
	if m < after {
		return h.store.BlockFrom(ctx, w, account, m)
	}
	if i := slices.IndexFunc(blocks, func(b store.Block) bool { return b.End >= m }); i >= 0 {
		return blocks[i].End, nil
	}
	return store.EndOfHistory, nil
}

// maker makes blocks of the facts that it is given in order.
type maker struct {
	h          *History
	w, account string
	after      store.Mark
	raw        func(social.Activity)
	idle       bool // no blocks are made

	records []scoring.Record           // of what happened after after
	was     map[store.Mark]store.Block // what stood in the place of those that are made
	open    []scoring.Record
	closing store.Mark // the mark of a fact that closes the open block, once it came
	closer  social.Activity
	full    []store.Block // to be written
	facts   int           // in them
	fresh   []social.Activity
}

// stood notes the blocks that stand in (from, to]. They are read before the
// facts are, as whatever is written on condition of their versions must be.
func (m *maker) stood(ctx context.Context, blocks []store.Block, from, to store.Mark) error {
	if m.was == nil {
		m.was = map[store.Mark]store.Block{}
	}
	if from < m.after {
		var err error
		if blocks, err = m.h.store.Blocks(ctx, m.w, m.account, from, to); err != nil {
			return err
		}
	}
	for _, b := range blocks {
		if b.End > from && b.End <= to {
			m.was[b.End] = b
		}
	}
	return nil
}

// written is how many facts are read before their blocks are written.
const written = 2000

func (m *maker) add(ctx context.Context) func(social.Activity) error {
	return func(a social.Activity) error {
		m.raw(a)
		mark, r := store.MarkOf(a), scoring.RecordOf(a)
		r.Rest = nil
		if mark > m.after {
			m.records = append(m.records, r)
		}
		if m.idle {
			return nil
		}
		if m.closing != "" && mark > m.closing {
			if m.close(); m.facts > written {
				if err := m.write(ctx); err != nil {
					return err
				}
			}
		}
		m.open = append(m.open, r)
		m.facts++
		if store.Sealing(a) {
			m.closing, m.closer = mark, a
		}
		return nil
	}
}

// close ends the open block.
func (m *maker) close() {
	b := store.Block{End: m.closing, Data: scoring.Pack(m.open)}
	old, stood := m.was[b.End]
	delete(m.was, b.End)
	if b.Version = old.Version; !stood {
		m.fresh = append(m.fresh, m.closer)
	}
	if !bytes.Equal(old.Data, b.Data) {
		m.full = append(m.full, b)
	}
	m.open, m.closing = nil, ""
}

// atOnce is how many blocks are written at once.
const atOnce = 8

func (m *maker) write(ctx context.Context) error {
	full := m.full
	m.full, m.facts = nil, 0
	return errors.Join(parallel.Each(ctx, len(full), atOnce, func(i int) error {
		return m.h.store.PutBlock(ctx, m.w, m.account, full[i])
	})...)
}

// finish writes what is left, and takes away the blocks whose last facts are
// gone, the newest first.
//
// Whoever wrote a new block looks whether the fact that ends it, and the block
// before it, still stand: an erasure that took them away meanwhile has perhaps
// looked for later blocks before this one was there.
func (m *maker) finish(ctx context.Context, lo store.Mark) (gone int, err error) {
	if m.closing != "" {
		m.close()
	}
	if err := m.write(ctx); err != nil {
		return 0, err
	}
	var old []store.Block
	for _, b := range m.was {
		old = append(old, b)
	}
	slices.SortFunc(old, func(a, b store.Block) int { return -cmp.Compare(a.End, b.End) })
	for _, b := range old {
		if err := m.h.store.DeleteBlock(ctx, m.w, m.account, b); err != nil {
			return gone, err
		}
		gone++
	}
	if len(m.fresh) == 0 {
		return gone, nil
	}
	if lo != "" {
		if end, err := m.h.store.BlockFrom(ctx, m.w, m.account, lo); err != nil {
			return gone, err
		} else if end != lo {
			return gone, fault.New(fault.Conflict, "the block before is gone")
		}
	}
	return gone, errors.Join(parallel.Each(ctx, len(m.fresh), atOnce, func(i int) error {
		_, err := m.h.store.Activity(ctx, m.w, store.RefOf(m.fresh[i]))
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.Conflict, "the fact that ends a block is gone")
		}
		return err
	})...)
}

// Keep brings the blocks up to date in which facts lie, of those who are
// scored: the business's own accounts, and whoever is not named, have none.
func (h *History) Keep(ctx context.Context, w string, facts []view.Fact) error {
	var scored []view.Fact
	for _, f := range facts {
		if f.Direction == social.Inbound && f.Actor.ID != social.Unknown {
			scored = append(scored, f)
		}
	}
	_, err := h.again(ctx, w, scored)
	return err
}

// Forget makes the blocks again in which facts lay. It returns how many went.
// Facts after an account's last block lay in none: of the business's
// accounts, which nobody scores, there may be none at all.
func (h *History) Forget(ctx context.Context, w string, gone []view.Fact) (int, error) {
	ends := map[string]store.Mark{} // the last block of each account
	var lay []view.Fact
	for _, f := range gone {
		account := f.Account().AccountID()
		if _, ok := ends[account]; !ok {
			last, err := h.store.BlockBefore(ctx, w, account, store.EndOfHistory)
			if err != nil {
				return 0, err
			}
			ends[account] = last
		}
		if store.MarkOf(f.Activity) <= ends[account] {
			lay = append(lay, f)
		}
	}
	return h.again(ctx, w, lay)
}

func (h *History) again(ctx context.Context, w string, facts []view.Fact) (gone int, err error) {
	var list []view.Stale
	for _, f := range facts {
		if !f.Undated {
			list = append(list, view.StaleBy(f.Activity))
		}
	}
	for _, s := range view.Merge(list) {
		err := store.Again(ctx, func() error {
			// Of later records none is asked for.
			_, n, err := h.Update(ctx, w, s.Account, store.EndOfHistory, TouchedBy(s), func(social.Activity) {})
			gone += n
			return err
		})
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}
