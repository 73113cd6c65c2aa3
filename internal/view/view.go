// Package view says what a view is: something that is computed from facts and
// stored only to be read fast. Package all lists them; erasure and
// rebuilding walk that list, so that they can miss none. What keeps a view up to
// date as facts come is named by who does it: ingest, package talk, package leads.
//
// A view is a pure function of the facts. Keep and Forget may be called in any
// order, repeated, concurrently, and die at any write: once each fact has been
// kept after it was stored, and each gone fact forgotten after it went, the
// items are the same bytes, but for the attribute Version, which counts writes.
// Package viewtest holds each view to that.
package view

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rapport/internal/social"
	"rapport/internal/store"
)

// Fact is an activity and where it is stored.
type Fact struct {
	Ref store.FactRef
	social.Activity
}

// FactOf returns the fact that an activity is stored as.
func FactOf(a social.Activity) Fact { return Fact{store.RefOf(a), a} }

// View is one view of a workspace's facts.
type View interface {
	// Name is the view's name: one word, as docs and rebuild's output have it.
	Name() string

	// Owns reports whether the item of a key, without the workspace in front
	// of PK ("A#acc_…"), is the view's. Each key has one owner, or is a fact's.
	Owns(pk, sk string) bool

	// Keep brings all that facts have a part in up to date. Some may have been
	// kept before, and some may be gone by now.
	Keep(ctx context.Context, workspace string, facts []Fact) error

	// Forget takes away what was made of facts that are being erased, which
	// are still there or no longer, and brings what others' facts have a part
	// in up to date without them. It returns how many items it took away. It
	// is called once more after the facts went, since somebody may have kept
	// them meanwhile.
	Forget(ctx context.Context, workspace string, gone []Fact) (int, error)
}

// ByArrival is a view some of whose attributes say how an item came about, not
// what it says: where a message was first thought to belong, say. They may
// depend on the order in which facts came, and are not compared.
type ByArrival interface {
	// Arrival returns the names of such attributes of the item of a key.
	Arrival(pk, sk string) []string
}

// Canonical is a view whose items may be cut differently, according to what
// came together: what they say, by keys of its own, is compared instead.
type Canonical interface {
	// Says returns what the view says of a workspace, as text by key.
	Says(ctx context.Context, workspace string) (map[string]string, error)
}

// ByAccount is a view that is made of what stands with accounts beside what
// was done. An account that did nothing has a part in it, too.
type ByAccount interface {
	View

	// KeepAccounts brings all that accounts have a part in up to date.
	KeepAccounts(ctx context.Context, workspace string, accounts ...string) error
}

// KeepAccounts has those of a list of views that are by account brought up to date.
func KeepAccounts(ctx context.Context, views []View, workspace string, accounts ...string) error {
	for _, v := range views {
		if b, ok := v.(ByAccount); ok {
			if err := b.KeepAccounts(ctx, workspace, accounts...); err != nil {
				return fmt.Errorf("view %s: %w", v.Name(), err)
			}
		}
	}
	return nil
}

// Arrival returns the attributes of an item that a list of views leaves out of comparisons.
func Arrival(views []View, pk, sk string) []string {
	for _, v := range views {
		if a, ok := v.(ByArrival); ok && v.Owns(pk, sk) {
			return a.Arrival(pk, sk)
		}
	}
	return nil
}

// Stale names an account whose person has to be scored again, and when the
// facts occurred that came or went.
type Stale struct {
	Account string    `json:"account"`
	Since   time.Time `json:"since,omitzero"`   // the earliest of them; zero: of all time
	Until   time.Time `json:"until,omitzero"`   // the latest of them; zero: until the end
	Undated bool      `json:"undated,omitzero"` // some of them have no time of their own
	Live    bool      `json:"live,omitzero"`    // it just came, or time passed: if the score crosses a line by it, that is announced
	Decided bool      `json:"decided,omitzero"` // something was decided about the lead, or told of the person
}

// StaleBy names the account of a fact that came or went.
func StaleBy(a social.Activity) Stale {
	return Stale{Account: a.Account().AccountID(), Since: a.Occurred, Until: a.Occurred, Undated: a.Undated}
}

// And is what covers both s and o, which are of one account.
func (s Stale) And(o Stale) Stale {
	out := Stale{Account: s.Account, Undated: s.Undated || o.Undated, Decided: s.Decided || o.Decided, Live: s.Live || o.Live}
	if !s.Since.IsZero() && !o.Since.IsZero() {
		out.Since = s.Since
		if o.Since.Before(s.Since) {
			out.Since = o.Since
		}
	}
	if !s.Until.IsZero() && !o.Until.IsZero() {
		out.Until = s.Until
		if o.Until.After(s.Until) {
			out.Until = o.Until
		}
	}
	return out
}

// Merge returns one Stale for each account, in order.
func Merge(list []Stale) []Stale {
	of := map[string]Stale{}
	for _, s := range list {
		if o, ok := of[s.Account]; ok {
			s = s.And(o)
		}
		of[s.Account] = s
	}
	return slices.SortedFunc(maps.Values(of), func(a, b Stale) int { return cmp.Compare(a.Account, b.Account) })
}
