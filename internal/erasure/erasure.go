// Package erasure forgets accounts: because their platform demands it. What
// they did goes, and all that was made of it; what stays is a tombstone that
// tells nobody who it was and keeps it from coming back, and a receipt. That
// they edited or deleted others' messages stays, too, without who it was.
package erasure

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/feedback"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/report"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/view"
)

// Archive is what erasure needs of the bucket.
type Archive interface {
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix, after string, f func(key string) error) error
	Archived(ctx context.Context, workspace string, from, to time.Time, f func(key string) error) error
	TakeOut(ctx context.Context, key string, goes func(platform.Delivery) (bool, error)) (int, error)
	DeleteIf(ctx context.Context, key string, goes func(body []byte) (bool, error)) (bool, error)
}

// Erasure forgets accounts.
type Erasure struct {
	Store   *store.Store
	Archive Archive
	Key     []byte // of the tombstones; whoever has it can ask whether somebody was erased
	Now     func() time.Time
	Later   func(ctx context.Context, m ingest.Erase) error // hands a message out again after SecondPass
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

// perPass is how many erased activities a message of the second pass names: a
// quarter of a megabyte holds no more.
const perPass = 2500

// secondPass lists the messages of the second pass, at least one: it names what
// goes, by which it finds what was quoted meanwhile.
func secondPass(m ingest.Erase, gone []ingest.Gone) []ingest.Erase {
	m.Again = true
	out := []ingest.Erase{m}
	out[0].Gone = gone[:min(perPass, len(gone))]
	for part := range slices.Chunk(gone[len(out[0].Gone):], perPass) {
		m.Gone, m.Quotes = part, true
		out = append(out, m)
	}
	return out
}

// Forget does what one message asks for. It can be done again, also after it
// failed anywhere.
func (e *Erasure) Forget(ctx context.Context, m ingest.Erase) error {
	at, err := social.ParseStamp(m.At)
	if err != nil {
		return err
	}
	p := social.Platform(m.Platform)
	x := &demand{message: m, workspace: m.Workspace, ref: social.AccountRef{Platform: p, Scope: m.Scope, ID: m.ID}, at: at, gone: map[string]bool{}, spoke: map[spoken]bool{}}
	if m.ID != "" {
		x.accounts = []store.Account{{ID: x.ref.AccountID(), AccountRef: x.ref}}
	} else if x.accounts, err = e.accounts(ctx, m.Workspace, p, m.Scope); err != nil {
		return err
	}
	for _, g := range m.Gone {
		if err := x.note(g); err != nil {
			return err
		}
	}
	if err := e.forget(ctx, x); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	slog.InfoContext(ctx, "erased", "workspace", m.Workspace, "platform", m.Platform, "accounts", len(x.accounts), "reason", m.Reason)
	return nil
}

// accounts lists the accounts of a scope, and last whoever is not named, since
// what the others did to messages that stay becomes that one's.
func (e *Erasure) accounts(ctx context.Context, w string, p social.Platform, scope string) ([]store.Account, error) {
	list, err := e.Store.AccountsOf(ctx, w, p, scope)
	if err != nil {
		return nil, err
	}
	unknown := social.AccountRef{Platform: p, Scope: scope, ID: social.Unknown}
	list = slices.DeleteFunc(list, func(a store.Account) bool { return a.AccountRef.ID == social.Unknown })
	return append(list, store.Account{ID: unknown.AccountID(), AccountRef: unknown}), nil
}

// demand is what is to be forgotten in one workspace: what accounts did until
// an instant.
type demand struct {
	message   ingest.Erase
	workspace string
	ref       social.AccountRef // an empty ID: everyone of its scope
	accounts  []store.Account
	at        time.Time
	first     time.Time       // when the first of it was known; zero: nothing is there
	found     []ingest.Gone   // the activities that are there
	gone      map[string]bool // ids of the activities, those of the first pass, too
	spoke     map[spoken]bool // what was said, as reports list it that name nobody's id
}

type spoken struct {
	platform social.Platform
	at       time.Time
}

// note notes an activity that goes.
func (x *demand) note(g ingest.Gone) error {
	x.gone[g.ID] = true
	if g.Said == "" {
		return nil
	}
	at, err := social.ParseStamp(g.Said)
	x.spoke[spoken{x.ref.Platform, at}] = true
	return err
}

func (e *Erasure) forget(ctx context.Context, x *demand) error {
	// The tombstones first: from now on nothing new is stored.
	for _, a := range x.accounts {
		if err := e.Store.PutTombstone(ctx, x.workspace, Tombstone(e.Key, a.ID), x.at); err != nil {
			return err
		}
	}
	for _, a := range x.accounts {
		if err := e.look(ctx, x, a); err != nil {
			return err
		}
	}
	// The facts last: as long as they are there, an attempt that died knows what to look for.
	var err error
	removed := map[string]int{}
	receipt := store.Receipt{ID: Tombstone(e.Key, x.ref.AccountID()), At: x.at, Platform: string(x.ref.Platform), Reason: x.message.Reason, Removed: removed}
	if removed["quotes"], err = e.themes(ctx, x); err != nil {
		return err
	}
	if removed["reports"], err = e.reports(ctx, x); err != nil {
		return err
	}
	if x.message.Quotes {
		return e.Store.AddReceipt(ctx, x.workspace, receipt)
	}
	if removed["deliveries"], err = e.archive(ctx, x); err != nil {
		return err
	}
	if removed["parked"], err = e.parked(ctx, x); err != nil {
		return err
	}
	// Both while an attempt that dies would find what to do again.
	if err := e.Store.AddReceipt(ctx, x.workspace, receipt); err != nil {
		return err
	}
	began, follow := e.Now(), !x.message.Again || len(x.found) > 0 // a second pass may have overtaken a first one that died
	if follow {
		if err := e.follow(ctx, x); err != nil {
			return err
		}
	}
	clear(removed)
	for _, a := range x.accounts {
		facts, views, err := e.account(ctx, x, a)
		if err != nil {
			return err
		}
		removed["facts"] += facts
		removed["views"] += views
	}
	if follow && e.Now().Sub(began) > time.Minute { // something may have read the last of it just now
		if err := e.follow(ctx, x); err != nil {
			return err
		}
	}
	receipt.Done = true
	return e.Store.AddReceipt(ctx, x.workspace, receipt)
}

// follow queues the second pass.
func (e *Erasure) follow(ctx context.Context, x *demand) error {
	for _, m := range secondPass(x.message, x.found) {
		if err := e.Later(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// look notes what there is of one account.
func (e *Erasure) look(ctx context.Context, x *demand, a store.Account) error {
	facts, _, err := e.Store.OwnFacts(ctx, x.workspace, a.ID, "", 0)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if f.Occurred.After(x.at) {
			continue
		}
		g := ingest.Gone{ID: f.ID()}
		if f.Type.Utterance() {
			g.Said = social.Stamp(f.Occurred)
		}
		x.found = append(x.found, g)
		if err := x.note(g); err != nil {
			return err
		}
		if x.first.IsZero() || f.Known.Before(x.first) {
			x.first = f.Known
		}
	}
	return nil
}

// account takes away the facts of one account, and makes the views again of
// what it did afterwards.
func (e *Erasure) account(ctx context.Context, x *demand, a store.Account) (facts, views int, err error) {
	again := func(ctx context.Context, refs []store.FactRef) error { return e.again(ctx, x.workspace, refs) }
	if facts, views, err = e.Store.ForgetUntil(ctx, x.workspace, a.ID, x.at, again); err != nil {
		return facts, views, err
	}
	left, _, err := e.Store.OwnFacts(ctx, x.workspace, a.ID, "", 0)
	if err != nil {
		return facts, views, err
	}
	var refs []store.FactRef
	for _, f := range left {
		refs = append(refs, store.RefOf(f))
	}
	return facts, views, again(ctx, refs)
}

// again views facts, and scores their accounts.
func (e *Erasure) again(ctx context.Context, w string, refs []store.FactRef) error {
	l := leads.New(e.Store)
	score := func(ctx context.Context, w string, accounts []string) error {
		for _, a := range accounts {
			if err := l.Rescore(ctx, w, a); err != nil && !fault.Is(err, fault.NotFound) { // no model: no scores
				return err
			}
		}
		return nil
	}
	f := feedback.New(e.Store, func(ctx context.Context, w string, stale []view.Stale) error {
		return score(ctx, w, view.Accounts(stale))
	})
	if err := f.View(ctx, w, refs...); err != nil {
		return err
	}
	var accounts []string
	for _, ref := range refs {
		a, err := e.Store.Activity(ctx, w, ref)
		if fault.Is(err, fault.NotFound) {
			continue // erased meanwhile
		}
		if err != nil {
			return err
		}
		if a.Actor.ID != social.Unknown {
			accounts = append(accounts, ref.Account)
		}
	}
	slices.Sort(accounts)
	return score(ctx, w, slices.Compact(accounts))
}

// themes takes the words out of the quotes of every theme set.
func (e *Erasure) themes(ctx context.Context, x *demand) (int, error) {
	changed, after := 0, ""
	for len(x.gone) > 0 {
		list, err := e.Store.Versions(ctx, x.workspace, store.ThemeSets, after, 50)
		if err != nil || len(list) == 0 {
			return changed, err
		}
		for _, v := range list {
			after = v.Place
			did, err := e.Store.EditVersion(ctx, x.workspace, store.ThemeSets, v.Version, func(body []byte) ([]byte, error) {
				set, err := theme.Parse(body)
				if err != nil || !set.Unquote(x.gone) {
					return nil, err
				}
				return json.Marshal(set)
			})
			if err != nil {
				return changed, err
			}
			if did {
				changed++
			}
		}
	}
	return changed, nil
}

// reports deletes the files of the runs that name an account or quote it.
// The run stays, and says that its files are gone.
func (e *Erasure) reports(ctx context.Context, x *demand) (int, error) {
	removed := 0
	err := e.Archive.List(ctx, "reports/"+x.workspace+"/", "", func(key string) error {
		run, is := strings.CutSuffix(key, ".json")
		if !is {
			return nil
		}
		// The JSON last: as long as it is there, the run is found again.
		gone, err := e.Archive.DeleteIf(ctx, key, func(body []byte) (bool, error) {
			var d report.Data
			if err := json.Unmarshal(body, &d); err != nil {
				return false, fmt.Errorf("read %s: %w", key, err)
			}
			if !x.names(d) {
				return false, nil
			}
			for _, ending := range []string{".html", ".txt", ".csv"} {
				if err := e.Archive.Delete(ctx, run+ending); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		if gone {
			removed++
		}
		return err
	})
	return removed, err
}

// names reports whether a report names one of the accounts, as a lead, with
// its words, or as one who waits.
func (x *demand) names(d report.Data) bool {
	persons := map[string]bool{}
	for _, a := range x.accounts {
		persons[social.PersonID(a.ID)] = true
	}
	return slices.ContainsFunc(d.Leads, func(l report.Lead) bool { return persons[l.PersonID] && !l.LastSeen.After(x.at) }) ||
		slices.ContainsFunc(d.Issues, func(i report.Issue) bool {
			return slices.ContainsFunc(i.Quotes, func(q report.Quote) bool { return x.gone[social.Activity{Key: q.Key}.ID()] })
		}) ||
		slices.ContainsFunc(d.Waiting, func(r report.Waiting) bool {
			return x.spoke[spoken{social.Platform(r.Platform), social.Instant(r.Since)}]
		})
}

// archive takes the deliveries that tell of the accounts out of the archive. A
// delivery goes whole: what else it told stays as facts.
func (e *Erasure) archive(ctx context.Context, x *demand) (int, error) {
	now := e.Now()
	first := x.first
	switch {
	case !first.IsZero():
	case x.message.Again: // what was there is gone: only what was under way can have come
		first = now.Add(-queued)
	default:
		first = now.Add(-archiveKept)
	}
	// A delivery may have been archived at an earlier attempt than the one that stored it.
	first = first.Add(-7 * 24 * time.Hour)
	apps := map[string]*store.App{}
	removed := 0
	err := e.Archive.Archived(ctx, x.workspace, first, now.Add(24*time.Hour), func(key string) error {
		n, err := e.Archive.TakeOut(ctx, key, func(d platform.Delivery) (bool, error) {
			app, ok := apps[d.App]
			if !ok {
				found, err := e.Store.App(ctx, d.App)
				if err != nil && !fault.Is(err, fault.NotFound) {
					return false, err
				}
				app = &found
				apps[d.App] = app
			}
			return x.toldBy(d, *app), nil
		})
		removed += n
		return err
	})
	return removed, err
}

// archiveKept is how long the archive keeps at most (template.yaml, ArchiveKeepDays).
const archiveKept = 730 * 24 * time.Hour

// queued is how long a delivery may lie in queues, the dead letters' too.
const queued = 14 * 24 * time.Hour

// shortID is the length below which a platform's id may stand in a body by chance.
const shortID = 6

// within reports whether bytes received at an instant hold the id that is to
// be forgotten: the account's, or the scope's.
func (x *demand) within(body []byte, received time.Time) bool {
	id := cmp.Or(x.ref.ID, x.ref.Scope)
	return len(id) >= shortID && !received.After(x.at) && bytes.Contains(body, []byte(id))
}

// is reports whether an account is one of those.
func (x *demand) is(r social.AccountRef) bool {
	return r.Platform == x.ref.Platform && r.Scope == x.ref.Scope && (x.ref.ID == "" || r.ID == x.ref.ID)
}

// toldBy reports whether a delivery tells of what is to be forgotten: by what
// it becomes today, or by its bytes. The demand itself does.
func (x *demand) toldBy(d platform.Delivery, app store.App) (yes bool) {
	if app.Platform != "" && app.Platform != x.ref.Platform {
		return false
	}
	if x.within(d.Request.Body, d.Received) {
		return true
	}
	adapter, err := all.Find(app.Platform)
	if err != nil {
		return false
	}
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	events, _ := adapter.Normalise(d.Request, platform.Options{Legacy: app.Legacy, Config: app.Config})
	for _, v := range events {
		switch {
		case v.Erase != nil && v.Erase.Platform == x.ref.Platform && v.Erase.ID == x.ref.ID && (v.Erase.ID != "" || v.Erase.Scope == x.ref.Scope) && !d.Received.After(x.at):
			return true
		case v.Activity == nil || !x.is(v.Activity.Account()):
		case v.Activity.Undated && d.Received.After(x.at):
		case v.Activity.Undated || !v.Activity.Occurred.After(x.at):
			return true
		}
	}
	return false
}

// parked takes away the parked deliveries whose bytes hold the id.
func (e *Erasure) parked(ctx context.Context, x *demand) (int, error) {
	if len(cmp.Or(x.ref.ID, x.ref.Scope)) < shortID {
		return 0, nil // they can't be understood, and a short id may stand in them by chance
	}
	removed := 0
	err := e.Archive.List(ctx, "parked/"+x.workspace+"/", "", func(key string) error {
		// The object last: as long as it is there, its reasons are found again.
		gone, err := e.Archive.DeleteIf(ctx, key, func(body []byte) (bool, error) {
			var d platform.Delivery
			if d.UnmarshalJSON(body) != nil || !x.within(d.Request.Body, d.Received) {
				return false, nil
			}
			return true, e.Store.DeleteParked(ctx, x.workspace, d.Received, d.ID())
		})
		if gone {
			removed++
		}
		return err
	})
	return removed, err
}
