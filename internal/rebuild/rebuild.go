// Package rebuild makes the views of a workspace again from its facts, beside
// those that are in use, and compares the two item by item: what differs is
// reported, or mended. It works in steps, each of which says where the next
// begins, so that it can stop anywhere and go on.
package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Rebuild rebuilds views.
type Rebuild struct {
	Store *store.Store
	Views func(*store.Store) []view.View // the list, over a store
	Now   func() time.Time
}

// Phase is what a step works on.
type Phase string

// The phases, in their order.
const (
	Clear   Phase = "clear"   // what an earlier rebuild left goes
	Build   Phase = "build"   // views are made of facts, account by account
	Compare Phase = "compare" // partition by partition
	Again   Phase = "again"   // where something is to be mended: views are made once more, with the facts that came meanwhile
	Mend    Phase = "mend"    // what differed before and still does is replaced
	Drop    Phase = "drop"    // what was built goes
	Done    Phase = "done"
)

// State is a rebuild between two steps. The zero value but for Workspace is the beginning.
type State struct {
	Workspace string `json:"workspace"`
	Account   string `json:"account,omitempty"` // of this account alone
	Mend      bool   `json:"mend,omitempty"`

	Phase Phase  `json:"phase,omitempty"`
	After string `json:"after,omitempty"` // the last account or partition that is done
	Place string `json:"place,omitempty"` // in the phase build: the last fact that is done of the account that follows After

	Accounts   int                      `json:"accounts"`
	Facts      int                      `json:"facts"`
	Items      int                      `json:"items"` // of views, compared
	Views      map[string]*Found        `json:"views"` // by view
	Mended     int                      `json:"mended"`
	Conflicts  int                      `json:"conflicts,omitempty"` // written while they were compared, and left to the next rebuild
	Differ     []string                 `json:"differ,omitempty"`    // the first of the items that are not what the facts give, as "view: what key"
	remembered map[store.Partition]bool // partitions that are noted
}

// Found is how many items of a view were compared, and how many were not what the facts give.
type Found struct {
	Same    int `json:"same"`
	Missing int `json:"missing,omitempty"`
	Extra   int `json:"extra,omitempty"`
	Differs int `json:"differs,omitempty"`
	Due     int `json:"due,omitempty"` // leads that are to be scored again by now: they may be behind the facts
}

// due is said of a lead that is another, and says itself that it is to be scored again by now.
const due = "due"

const (
	perStep    = 100    // facts, accounts or partitions at once
	maxDiffer  = 100    // items that are named
	maxNoted   = 50_000 // partitions remembered in memory as noted
	accountsAt = 25     // accounts listed at once
)

// Step does a part of the work and returns the state after it. It can be
// repeated, also after it died anywhere.
func (r *Rebuild) Step(ctx context.Context, s State) (State, error) {
	if s.Views == nil {
		s.Views = map[string]*Found{}
	}
	var err error
	switch s.Phase {
	case "":
		s.Phase = Clear
	case Clear:
		s, err = r.drop(ctx, s, Build)
	case Build:
		s, err = r.build(ctx, s, Compare)
	case Again:
		s, err = r.build(ctx, s, Mend)
	case Compare, Mend:
		s, err = r.compare(ctx, s)
	case Drop:
		s, err = r.drop(ctx, s, Done)
	}
	if err != nil {
		return s, fmt.Errorf("rebuild %s, %s after %q: %w", s.Workspace, s.Phase, s.After, err)
	}
	return s, nil
}

// Run makes steps until all is done or until the instant stop, and tells progress of each.
func (r *Rebuild) Run(ctx context.Context, s State, stop time.Time, progress func(State)) (State, error) {
	for s.Phase != Done && (stop.IsZero() || r.Now().Before(stop)) {
		next, err := r.Step(ctx, s)
		if err != nil {
			return s, err
		}
		s = next
		progress(s)
	}
	return s, nil
}

// noting returns the views over a store that notes what it writes.
func (r *Rebuild) noting(s *State) []view.View {
	if s.remembered == nil || len(s.remembered) > maxNoted {
		s.remembered = map[store.Partition]bool{}
	}
	var mu sync.Mutex
	return r.Views(r.Store.Noting(store.Rebuilt(s.Workspace), func(ctx context.Context, p store.Partition) error {
		mu.Lock()
		known := s.remembered[p]
		mu.Unlock()
		if known {
			return nil
		}
		if err := r.Store.NotePartition(ctx, s.Workspace, p); err != nil {
			return err
		}
		mu.Lock()
		s.remembered[p] = true
		mu.Unlock()
		return nil
	}))
}

func (r *Rebuild) build(ctx context.Context, s State, then Phase) (State, error) {
	var accounts []string
	if s.Account != "" {
		if s.After != s.Account {
			accounts = []string{s.Account}
		}
	} else {
		var err error
		if accounts, err = r.Store.Accounts(ctx, s.Workspace, s.After, accountsAt); err != nil {
			return s, err
		}
		if s.Place == "" {
			if next, some, err := r.small(ctx, s, accounts); some || err != nil {
				return next, err
			}
		}
	}
	if len(accounts) == 0 {
		s.Phase, s.After, s.Place = then, "", ""
		return s, nil
	}
	views := r.noting(&s)
	done, places, err := r.Store.OwnFacts(ctx, s.Workspace, accounts[0], s.Place, perStep)
	if err != nil {
		return s, err
	}
	facts := make([]view.Fact, len(done))
	for i, a := range done {
		facts[i] = view.FactOf(a)
	}
	if s.Account != "" && s.Place == "" {
		// What others did to this account's messages has a part in its views.
		others, err := r.received(ctx, s.Workspace, s.Account)
		if err != nil {
			return s, err
		}
		facts = append(facts, others...)
	}
	if err := keep(ctx, views, store.Rebuilt(s.Workspace), facts, accounts[0]); err != nil {
		return s, err
	}
	s.Facts += len(done)
	if len(done) < perStep {
		s.After, s.Place = accounts[0], ""
		s.Accounts++
		return s, nil
	}
	s.Place = places[len(places)-1]
	return s, nil
}

// small keeps the facts of the first of accounts together, as far as each has
// few. some is false if the very first has many.
func (r *Rebuild) small(ctx context.Context, s State, accounts []string) (next State, some bool, err error) {
	did := make([][]social.Activity, len(accounts))
	err = errors.Join(parallel.Each(ctx, len(accounts), 8, func(i int) (err error) {
		did[i], _, err = r.Store.OwnFacts(ctx, s.Workspace, accounts[i], "", perStep)
		return err
	})...)
	if err != nil {
		return s, false, err
	}
	var facts []view.Fact
	first := s.Accounts
	for i, as := range did {
		if len(as) == perStep || len(facts) >= perStep {
			break
		}
		for _, a := range as {
			facts = append(facts, view.FactOf(a))
		}
		s.After, some = accounts[i], true
		s.Accounts++
	}
	s.Facts += len(facts)
	return s, some, keep(ctx, r.noting(&s), store.Rebuilt(s.Workspace), facts, accounts[:s.Accounts-first]...)
}

// received lists the facts of others that the account's views hold copies of.
func (r *Rebuild) received(ctx context.Context, w, account string) ([]view.Fact, error) {
	all, err := r.Store.Facts(ctx, w, account)
	if err != nil {
		return nil, err
	}
	var out []view.Fact
	for _, a := range all {
		if a.Account().AccountID() == account {
			continue
		}
		f := view.FactOf(a)
		if f.Activity, err = r.Store.Activity(ctx, w, f.Ref); fault.Is(err, fault.NotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func keep(ctx context.Context, views []view.View, w string, facts []view.Fact, accounts ...string) error {
	for _, v := range views {
		if err := v.Keep(ctx, w, facts); err != nil {
			return fmt.Errorf("view %s: %w", v.Name(), err)
		}
	}
	return view.KeepAccounts(ctx, views, w, accounts...)
}

// owner returns the view that owns a key; nil: none does.
func owner(views []view.View, pk, sk string) view.View {
	i := slices.IndexFunc(views, func(v view.View) bool { return v.Owns(pk, sk) })
	if i < 0 {
		return nil
	}
	return views[i]
}

// compare compares some partitions. What comes while a rebuild runs is in the
// views that are in use and not in what was built. So where something is to be
// mended, what differs is remembered first; then all facts are kept once more,
// and what still differs, and was not written meanwhile, is replaced.
func (r *Rebuild) compare(ctx context.Context, s State) (State, error) {
	views := r.Views(r.Store)
	parts, err := r.Store.NotedPartitions(ctx, s.Workspace, store.Partition(s.After), accountsAt)
	if err != nil {
		return s, err
	}
	if len(parts) == 0 {
		if s.Mend && s.Phase == Compare && s.Different() > 0 {
			return State{Workspace: s.Workspace, Account: s.Account, Mend: true, Phase: Again, Views: map[string]*Found{}}, nil
		}
		s.Phase, s.After = Drop, ""
		return s, r.say(ctx, &s, views)
	}
	for _, p := range parts {
		if s.Account != "" && !about(p.Partition, s.Account) {
			continue // others have a part in it, whose facts were not kept
		}
		list, err := r.Store.Compare(ctx, s.Workspace, p.Partition, func(pk, sk string) bool { v := owner(views, pk, sk); return v != nil && !canonical(v) },
			func(pk, sk string) []string { return view.Arrival(views, pk, sk) })
		if err != nil {
			return s, err
		}
		for i, c := range list {
			if c.What == store.Differs && !s.Mend && c.Due(r.Now()) {
				list[i].What = due
			}
			s.count(owner(views, c.PK, c.SK).Name(), list[i].What, c.PK+" "+c.SK)
		}
		if !s.Mend {
			continue
		}
		differs := store.DigestOfDifferences(list)
		if s.Phase == Mend {
			err = r.mend(ctx, &s, list, differs == p.Differs)
		} else if differs != "" {
			err = r.Store.NoteDifferences(ctx, s.Workspace, p.Partition, differs)
		}
		if err != nil {
			return s, err
		}
	}
	s.After = string(parts[len(parts)-1].Partition)
	return s, nil
}

// mend replaces what differs in a partition, if it is what differed before.
func (r *Rebuild) mend(ctx context.Context, s *State, list []store.Compared, asBefore bool) error {
	for _, c := range list {
		if c.What == store.Same {
			continue
		}
		if !asBefore {
			s.Conflicts++
			continue
		}
		switch err := r.Store.Mend(ctx, s.Workspace, c); {
		case fault.Is(err, fault.Conflict):
			s.Conflicts++
		case err != nil:
			return err
		default:
			s.Mended++
		}
	}
	return nil
}

func canonical(v view.View) bool { _, ok := v.(view.Canonical); return ok }

// say compares what views say whose items may be cut differently, of a whole
// workspace. Such a view is mended by keeping the facts again, which is what
// compare's list names: what it says in excess goes only by hand.
func (r *Rebuild) say(ctx context.Context, s *State, views []view.View) error {
	if s.Account != "" {
		return nil
	}
	for _, v := range views {
		c, ok := v.(view.Canonical)
		if !ok {
			continue
		}
		live, err := c.Says(ctx, s.Workspace)
		if err != nil {
			return err
		}
		built, err := c.Says(ctx, store.Rebuilt(s.Workspace))
		if err != nil {
			return err
		}
		keys := map[string]bool{}
		for k := range live {
			keys[k] = true
		}
		for k := range built {
			keys[k] = true
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			what, is := store.Same, live[k]
			switch _, there := live[k]; {
			case !there:
				what = store.Missing
			case built[k] == "":
				what = store.Extra
			case is != built[k]:
				what = store.Differs
			}
			s.count(v.Name(), what, k)
		}
	}
	return nil
}

// count counts an item, and names it if it is not what the facts give.
func (s *State) count(name, what, key string) {
	s.Items++
	f := s.found(name)
	switch what {
	case store.Same:
		f.Same++
		return
	case due:
		f.Due++
		return
	case store.Missing:
		f.Missing++
	case store.Extra:
		f.Extra++
	default:
		f.Differs++
	}
	if len(s.Differ) < maxDiffer {
		s.Differ = append(s.Differ, fmt.Sprintf("%s: %s %s", name, what, key))
	}
}

func (s *State) found(name string) *Found {
	if s.Views[name] == nil {
		s.Views[name] = &Found{}
	}
	return s.Views[name]
}

// about reports whether a partition holds what is an account's alone: its
// history, what it received, its lead.
func about(p store.Partition, account string) bool {
	return p == store.Partition("A#"+account) || p == store.Partition("P#"+social.PersonID(account))
}

func (r *Rebuild) drop(ctx context.Context, s State, then Phase) (State, error) {
	parts, err := r.Store.NotedPartitions(ctx, s.Workspace, "", perStep)
	if err != nil {
		return s, err
	}
	for _, p := range parts {
		if err := r.Store.DropRebuilt(ctx, s.Workspace, p.Partition); err != nil {
			return s, err
		}
	}
	if len(parts) == 0 {
		s.Phase = then
	}
	return s, nil
}

// String is the state as JSON, by which it goes on.
func (s State) String() string {
	b, _ := json.Marshal(s)
	return string(b)
}

// Different is how many items were not what the facts give.
func (s State) Different() int {
	n := 0
	for _, f := range s.Views {
		n += f.Missing + f.Extra + f.Differs
	}
	return n
}
