// Package erasure forgets accounts: because their platform demands it, or
// somebody asks for it. What they did goes, and all that was made of it; what
// stays is a tombstone that tells nobody who it was and keeps it from coming
// back, and a receipt. That they edited or deleted others' messages stays, too,
// without who it was.
package erasure

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Archive is what erasure needs of the bucket.
type Archive interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix, after string, f func(key string) error) error
	EditLines(ctx context.Context, key string, edit func(lines []platform.Kept) ([]platform.Kept, error)) (bool, error)
	DeleteIf(ctx context.Context, key string, goes func(body []byte) (bool, error)) (bool, error)
}

// Erasure forgets accounts.
type Erasure struct {
	Store   *store.Store
	Archive Archive
	Views   []view.View // made of single facts (Views)
	Whole   []view.View // made of all that somebody did (Whole)
	Key     []byte      // of the tombstones; whoever has it can ask whether somebody was erased
	Now     func() time.Time
	Queue   func(ctx context.Context, m ingest.Erase, after time.Duration) error // hands a message out again
	Enough  func() bool                                                          // whether this attempt has done enough; nil: when its time is nearly over
}

// Tombstone is what an account leaves behind: the hex HMAC-SHA256 of its id
// under the key, cut to 128 bits.
func Tombstone(key []byte, account string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("tombstone|" + account))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Erased returns the function by which ingest asks as of when accounts were
// erased: what they did until then stays away. What somebody does afterwards,
// say when an app is installed again, is new.
func Erased(s *store.Store, key []byte) func(context.Context, string, []string) (map[string]time.Time, error) {
	return func(ctx context.Context, w string, accounts []string) (map[string]time.Time, error) {
		tombs, of := make([]string, len(accounts)), map[string]string{}
		for i, a := range accounts {
			tombs[i] = Tombstone(key, a)
			of[tombs[i]] = a
		}
		found, err := s.Tombstoned(ctx, w, tombs)
		out := map[string]time.Time{}
		for t, at := range found {
			out[of[t]] = at
		}
		return out, err
	}
}

// SecondPass is how long after the first an erasure is done again: as long
// as any function may run, so that whatever was being written when the
// tombstone was set is found.
const SecondPass = 15 * time.Minute

// reserve is the time that is left for the part that is being done, and for
// handing out the message that goes on.
const reserve = 60 * time.Second

// perPart bounds how many facts are taken away at once.
const perPart = 100

func (e *Erasure) enough(ctx context.Context) bool {
	if e.Enough != nil {
		return e.Enough()
	}
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < reserve
}

// demand is what is to be forgotten in one workspace: what accounts did until
// an instant.
type demand struct {
	message   ingest.Erase
	workspace string
	tomb      string            // under which stands what has still to be looked for
	ref       social.AccountRef // an empty ID: everyone of its scope
	accounts  []store.Account
	at        time.Time

	told []string // what the accounts are called by what was told of them

	// Of the facts that went, once they are looked for.
	whose map[string]bool // ids of the accounts
	gone  map[string]bool // ids of the activities
	spoke map[spoken]bool // what was said, as reports list it that name nobody's id
	cut   *cutter
}

type spoken struct {
	platform social.Platform
	at       time.Time
}

// part is a part of an erasure. It goes on after what an earlier attempt came
// to, and returns what it came to itself, and whether it is done.
type part struct {
	name string
	do   func(ctx context.Context, x *demand, after string) (string, bool, error)
}

// Forget does what one message asks for. It can be done again, also after it
// failed anywhere: whatever has been done is not missed. Facts and what was
// made of them go first, then what quotes them, then the archive. When its
// time is nearly over it hands out a message that goes on.
func (e *Erasure) Forget(ctx context.Context, m ingest.Erase) (err error) {
	began, accounts, finished := time.Now(), 0, false
	defer func() {
		emf.Work(ctx, "erased", m.Workspace, began, err, "platform", m.Platform, "reason", m.Reason, "part", m.Part, "again", m.Again, "accounts", accounts, "finished", finished)
	}()
	x, err := e.demand(ctx, m)
	if err != nil {
		return err
	}
	accounts = len(x.accounts)
	parts := []part{{"facts", e.facts}, {"quotes", e.quotes}, {"archive", e.archive}, {"cut", e.cut}}
	from := max(0, slices.IndexFunc(parts, func(p part) bool { return p.name == m.Part }))
	for i, p := range parts[from:] {
		after := ""
		if i == 0 {
			after = m.After
		}
		if p.name != "facts" {
			if err := e.recall(ctx, x); err != nil {
				return fmt.Errorf("erase: %w", err)
			}
		}
		after, done, err := p.do(ctx, x, after)
		if err != nil {
			return fmt.Errorf("erase: %s: %w", p.name, err)
		}
		if !done {
			x.message.Part, x.message.After = p.name, after
			return e.Queue(ctx, x.message, 0)
		}
	}
	if err := e.tell(ctx, x, nil, true); err != nil {
		return err
	}
	finished = true
	if next := x.message; !next.Again || next.Found {
		next.Again, next.Found, next.Part, next.After = true, false, "", ""
		return e.Queue(ctx, next, SecondPass)
	}
	return e.lookNoMore(ctx, x)
}

func (e *Erasure) demand(ctx context.Context, m ingest.Erase) (*demand, error) {
	at, err := social.ParseStamp(m.At)
	if err != nil {
		return nil, err
	}
	p := social.Platform(m.Platform)
	x := &demand{message: m, workspace: m.Workspace, ref: social.AccountRef{Platform: p, Scope: m.Scope, ID: m.ID}, at: at}
	x.tomb = Tombstone(e.Key, x.ref.AccountID())
	if m.ID != "" {
		x.accounts = []store.Account{{ID: x.ref.AccountID(), AccountRef: x.ref}}
		return x, nil
	}
	list, err := e.Store.AccountsOf(ctx, m.Workspace, p, m.Scope)
	if err != nil {
		return nil, err
	}
	unknown := nobodyOf(x.ref)
	list = slices.DeleteFunc(list, func(a store.Account) bool { return a.AccountRef.ID == social.Unknown })
	slices.SortFunc(list, func(a, b store.Account) int { return strings.Compare(a.ID, b.ID) })
	// Whoever is not named goes last, since what the others did to messages that stay becomes that one's.
	x.accounts = append(list, store.Account{ID: unknown.AccountID(), AccountRef: unknown})
	return x, nil
}

// tell adds to the receipt what an attempt took away.
func (e *Erasure) tell(ctx context.Context, x *demand, removed map[string]int, done bool) error {
	return e.Store.AddReceipt(ctx, x.workspace, store.Receipt{ID: x.tomb, At: x.at, Platform: string(x.ref.Platform), Reason: x.message.Reason, Removed: removed, Done: done})
}

// facts takes away the facts and the views, account by account.
func (e *Erasure) facts(ctx context.Context, x *demand, _ string) (string, bool, error) {
	removed := map[string]int{}
	done, err := e.allFacts(ctx, x, removed)
	return "", done, errors.Join(err, e.tell(ctx, x, removed, false))
}

func (e *Erasure) allFacts(ctx context.Context, x *demand, removed map[string]int) (bool, error) {
	// The tombstones first: from now on nothing new is stored.
	for _, a := range x.accounts {
		if err := e.Store.PutTombstone(ctx, x.workspace, Tombstone(e.Key, a.ID), x.at); err != nil {
			return false, err
		}
	}
	if x.ref.ID == "" { // an account that is gone is in no list any more
		for part := range slices.Chunk(x.accounts, 1000) {
			s := store.Sought{ID: "accounts-" + part[0].ID}
			for _, a := range part {
				s.Accounts = append(s.Accounts, a.ID)
			}
			if err := e.Store.PutSought(ctx, x.workspace, x.looks(), s); err != nil {
				return false, err
			}
		}
	}
	for _, a := range x.accounts {
		if err := e.lookTold(ctx, x, a.ID); err != nil {
			return false, err
		}
	}
	// What an attempt that died had found of others.
	err := e.sought(ctx, x, func(s store.Sought) error {
		if len(s.Open) == 0 {
			return nil
		}
		var with []store.SourceOf
		for _, ref := range s.Open {
			f, err := e.Store.Fact(ctx, x.workspace, ref)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil {
				with = append(with, f)
			}
		}
		return e.take(ctx, x, s, nil, with, removed)
	})
	if err != nil {
		return false, err
	}
	for _, a := range x.accounts {
		for after := ""; ; {
			if e.enough(ctx) {
				return false, nil
			}
			facts, last, err := e.Store.FactsUntil(ctx, x.workspace, a.ID, x.at, after, perPart)
			if err != nil {
				return false, err
			}
			if len(facts) > 0 {
				x.message.Found = true
				if err := e.part(ctx, x, facts, removed); err != nil {
					return false, err
				}
			}
			if after = last; last == "" {
				break
			}
		}
		if err := e.close(ctx, x.workspace, a.ID, x.at, removed); err != nil {
			return false, err
		}
	}
	return true, nil
}

// called are the attributes that say what somebody is called: email_2 is
// another e-mail, email_opt_in is none, and its value is in everybody's texts.
var called = pattern.New(`^(name|handle|(email|phone)(_[0-9]{1,2})?)$`)

// lookTold notes what an account is called by what was told of it, before that
// goes: names, handles, e-mails and phones, those that hold no more among them.
func (e *Erasure) lookTold(ctx context.Context, x *demand, account string) error {
	names, err := e.Store.Told(ctx, x.workspace, account, called.MatchString)
	if err != nil || len(names) == 0 {
		return err
	}
	x.message.Found, x.told = true, append(x.told, names...)
	return e.look(ctx, x, store.Sought{ID: "told-" + account, Names: names})
}

// beside bounds how many of others' messages in a thread are looked through for quotes.
const beside = 200

// part takes away some facts of an account. What has to be looked for of them
// later is noted before.
func (e *Erasure) part(ctx context.Context, x *demand, facts []store.SourceOf, removed map[string]int) error {
	as := make([]social.Activity, len(facts))
	for i, f := range facts {
		as[i] = f.Activity
	}
	own := soughtOf(facts)
	for _, f := range facts {
		own.Names = append(own.Names, f.Actor.Handle, f.Actor.Name)
	}
	if err := e.look(ctx, x, own); err != nil {
		return err
	}
	// What quotes them stands in the same threads: it is found while they stand there.
	others, err := e.Store.Beside(ctx, x.workspace, as, beside)
	if err != nil {
		return err
	}
	c := newCutter([]string{x.ref.ID}, slices.Concat(own.Names, x.told), own.Words)
	for _, ref := range others {
		if err := e.cutFact(ctx, x, ref, c, true); err != nil {
			return err
		}
	}
	take := func(facts, with []store.SourceOf) error {
		s := soughtOf(with)
		for _, f := range with {
			s.Open = append(s.Open, store.RefOf(f.Activity))
		}
		if len(with) > 0 {
			if err := e.look(ctx, x, s); err != nil {
				return err
			}
		}
		return e.take(ctx, x, s, facts, with, removed)
	}
	with, err := e.others(ctx, x, facts, func(with []store.SourceOf) error { return take(nil, with) })
	if err != nil {
		return err
	}
	return take(facts, with)
}

// soughtOf is what has to be looked for of facts.
func soughtOf(facts []store.SourceOf) store.Sought {
	s := store.Sought{}
	h := sha256.New()
	for _, f := range facts {
		ref := store.RefOf(f.Activity)
		h.Write([]byte(ref.Account + ref.SK))
		s.Gone = append(s.Gone, f.ID())
		if f.Type.Utterance() {
			s.Said = append(s.Said, social.Stamp(f.Occurred))
		}
		if f.Text != "" {
			s.Words = append(s.Words, f.Text)
		}
		if f.Archive != "" {
			s.Places = append(s.Places, f.Archive)
		}
	}
	s.ID = hex.EncodeToString(h.Sum(nil)[:12])
	return s
}

// maxWords bounds the words that one part of what is sought holds, in bytes: it is an item of the table.
const maxWords = 200 << 10

// look notes what has to be looked for, in several parts where the words are many.
func (e *Erasure) look(ctx context.Context, x *demand, s store.Sought) error {
	slices.Sort(s.Names)
	s.Names = slices.DeleteFunc(slices.Compact(s.Names), func(n string) bool { return n == "" })
	slices.Sort(s.Places)
	s.Places = slices.Compact(s.Places)
	words, size := s.Words, 0
	s.Words = nil
	for i, t := range words {
		if size += len(t); size > maxWords && len(s.Words) > 0 {
			if err := e.Store.PutSought(ctx, x.workspace, x.looks(), store.Sought{ID: s.ID + fmt.Sprint("-", i), Words: s.Words}); err != nil {
				return err
			}
			s.Words, size = nil, len(t)
		}
		s.Words = append(s.Words, t)
	}
	return e.Store.PutSought(ctx, x.workspace, x.looks(), s)
}

// take takes facts away, the account's and those of others that go with them.
func (e *Erasure) take(ctx context.Context, x *demand, s store.Sought, facts, with []store.SourceOf, removed map[string]int) error {
	var unnamed []view.Fact
	for _, f := range facts {
		u, stays, err := e.Store.Unnamed(ctx, x.workspace, f.Activity)
		if err != nil {
			return err
		}
		if stays {
			if err := errors.Join(e.Store.PutAccount(ctx, x.workspace, u)); err != nil {
				return err
			}
			if _, err := e.Store.PutActivity(ctx, x.workspace, u); err != nil {
				return err
			}
			unnamed = append(unnamed, view.FactOf(u))
		}
	}
	var own, others []view.Fact
	for _, f := range facts {
		own = append(own, view.FactOf(f.Activity))
	}
	for _, f := range with {
		others = append(others, view.FactOf(f.Activity))
	}
	for _, f := range own { // while views say where it stands
		n, err := e.Store.ForgetDecisions(ctx, x.workspace, f.Activity)
		if err != nil {
			return err
		}
		if n > 0 {
			removed["decisions"] += n
		}
	}
	forget := func() error {
		n, err := e.forget(ctx, x.workspace, own, others)
		removed["views"] += n
		return err
	}
	if err := forget(); err != nil {
		return err
	}
	if err := e.keep(ctx, x.workspace, unnamed); err != nil {
		return err
	}
	for _, list := range [][]view.Fact{others, own} { // an account's own last: by them an attempt that died finds the part
		for i := range slices.Backward(list) {
			was, err := e.Store.DeleteFact(ctx, x.workspace, list[i].Ref)
			if err != nil {
				return err
			}
			if was != nil {
				removed["facts"]++
				list[i].Activity = *was // it may have come to the other side meanwhile, and been viewed there
			}
		}
	}
	// Views that were being written from the facts while they went: whoever
	// writes one looks at the fact afterwards, and finds it gone from here on.
	if err := forget(); err != nil {
		return err
	}
	if len(s.Open) == 0 {
		return nil
	}
	s.Open = nil
	return e.look(ctx, x, s)
}

// sought calls f with each part of what has to be looked for.
func (e *Erasure) sought(ctx context.Context, x *demand, f func(store.Sought) error) error {
	for after := ""; ; {
		list, err := e.Store.SoughtBy(ctx, x.workspace, x.looks(), after, 20)
		if err != nil {
			return err
		}
		for _, s := range list {
			after = s.ID
			if err := f(s); err != nil {
				return err
			}
		}
		if len(list) < 20 {
			return nil
		}
	}
}

// recall reads what has to be looked for.
func (e *Erasure) recall(ctx context.Context, x *demand) error {
	x.whose, x.gone, x.spoke = map[string]bool{}, map[string]bool{}, map[spoken]bool{}
	for _, a := range x.accounts {
		x.whose[a.ID] = true
	}
	var names, words []string
	err := e.sought(ctx, x, func(s store.Sought) error {
		for _, id := range s.Accounts {
			x.whose[id] = true
		}
		for _, id := range s.Gone {
			x.gone[id] = true
		}
		for _, said := range s.Said {
			at, err := social.ParseStamp(said)
			if err != nil {
				return err
			}
			x.spoke[spoken{x.ref.Platform, at}] = true
		}
		names, words = append(names, s.Names...), append(words, s.Words...)
		return nil
	})
	x.cut = newCutter([]string{x.ref.ID}, names, words)
	return err
}

// looks names what one demand looks for: two about one account have each their own.
func (x *demand) looks() string { return x.tomb + "@" + social.Stamp(x.at) }

// lookNoMore takes away what was noted to be looked for.
func (e *Erasure) lookNoMore(ctx context.Context, x *demand) error {
	return e.sought(ctx, x, func(s store.Sought) error { return e.Store.DeleteSought(ctx, x.workspace, x.looks(), s.ID) })
}
