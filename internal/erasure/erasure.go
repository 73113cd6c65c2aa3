// Package erasure forgets accounts: because their platform demands it. What
// they did goes, and all that was made of it; what stays is a tombstone that
// tells nobody who it was and keeps it from coming back, and a receipt.
package erasure

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
)

// Archive is what erasure needs of the bucket.
type Archive interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, prefix, after string, f func(key string) error) error
	Archived(ctx context.Context, workspace string, from, to time.Time, f func(key string) error) error
	Deliveries(ctx context.Context, key string) ([]platform.Delivery, error)
	Replace(ctx context.Context, key string, ds []platform.Delivery) error
}

// Erasure forgets accounts.
type Erasure struct {
	Store   *store.Store
	Archive Archive
	Key     []byte // of the tombstones; whoever has it can ask whether somebody was erased
	Now     func() time.Time
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

// SecondPass is how long after the first an erasure is done again: longer
// than any function runs, so that whatever was being written when the
// tombstone was set is found.
const SecondPass = 15 * time.Minute

// Forget does what one message asks for. It can be done again.
func (e *Erasure) Forget(ctx context.Context, m ingest.Erase) error {
	at, err := social.ParseStamp(m.At)
	if err != nil {
		return err
	}
	p := social.Platform(m.Platform)
	accounts := []store.Account{}
	if m.ID != "" {
		ref := social.AccountRef{Platform: p, Scope: m.Scope, ID: m.ID}
		accounts = append(accounts, store.Account{ID: ref.AccountID(), AccountRef: ref})
	} else if accounts, err = e.Store.AccountsOf(ctx, m.Workspace, p, m.Scope); err != nil {
		return err
	}
	done := 0
	for _, a := range accounts {
		if err := e.forget(ctx, m.Workspace, a, m.Reason, at); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
		done++
	}
	slog.InfoContext(ctx, "erased", "workspace", m.Workspace, "platform", m.Platform, "accounts", done, "reason", m.Reason)
	return nil
}

func (e *Erasure) forget(ctx context.Context, w string, a store.Account, reason string, at time.Time) error {
	tomb := Tombstone(e.Key, a.ID)
	// The tombstone first: from now on nothing new is stored.
	if err := e.Store.PutTombstone(ctx, w, tomb, at); err != nil {
		return err
	}
	facts, err := e.Store.Facts(ctx, w, a.ID)
	if err != nil {
		return err
	}
	var first time.Time
	gone := map[string]bool{}
	for _, f := range facts {
		gone[f.ID()] = true
		if first.IsZero() || f.Known.Before(first) {
			first = f.Known
		}
	}
	// The facts last: as long as they are there, an attempt that died knows what to look for.
	removed := map[string]int{}
	if removed["quotes"], err = e.themes(ctx, w, gone); err != nil {
		return err
	}
	if removed["reports"], err = e.reports(ctx, w, a, gone); err != nil {
		return err
	}
	if removed["deliveries"], err = e.archive(ctx, w, a, first); err != nil {
		return err
	}
	if removed["parked"], err = e.parked(ctx, w, a); err != nil {
		return err
	}
	if removed["facts"], removed["views"], err = e.Store.ForgetAccount(ctx, w, a.ID); err != nil {
		return err
	}
	return e.Store.PutReceipt(ctx, w, store.Receipt{ID: tomb, At: at, Platform: string(a.Platform), Reason: reason, Removed: removed})
}

// themes takes the account's words out of the quotes of every theme set.
func (e *Erasure) themes(ctx context.Context, w string, gone map[string]bool) (int, error) {
	changed, after := 0, ""
	for {
		list, err := e.Store.Versions(ctx, w, store.ThemeSets, after, 50)
		if err != nil || len(list) == 0 {
			return changed, err
		}
		for _, v := range list {
			after = v.Place
			d, err := e.Store.Document(ctx, w, store.ThemeSets, v.Version)
			if err != nil {
				return changed, err
			}
			set, err := theme.Parse(d.Body)
			if err != nil {
				return changed, err
			}
			if !set.Unquote(gone) {
				continue
			}
			if d.Body, err = json.Marshal(set); err != nil {
				return changed, err
			}
			if err := e.Store.Republish(ctx, w, store.ThemeSets, d); err != nil {
				return changed, err
			}
			changed++
		}
	}
}

// reports deletes the files of the runs that name the account or quote it.
// The run stays, and says that its files are gone.
func (e *Erasure) reports(ctx context.Context, w string, a store.Account, gone map[string]bool) (int, error) {
	needles := [][]byte{[]byte(a.ID), []byte(social.PersonID(a.ID))}
	for id := range gone {
		needles = append(needles, []byte(id))
	}
	var runs []string
	err := e.Archive.List(ctx, "reports/"+w+"/", "", func(key string) error {
		run, is := strings.CutSuffix(key, ".json")
		if !is {
			return nil
		}
		b, err := e.Archive.Get(ctx, key)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(needles, func(n []byte) bool { return bytes.Contains(b, n) }) {
			runs = append(runs, run)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, run := range runs {
		// The JSON last: as long as it is there, the run is found again.
		for _, ending := range []string{".html", ".txt", ".csv", ".json"} {
			if err := e.Archive.Delete(ctx, run+ending); err != nil {
				return 0, err
			}
		}
	}
	return len(runs), nil
}

// archive takes the deliveries that tell of the account out of the archive. A
// delivery goes whole: what else it told stays as facts.
func (e *Erasure) archive(ctx context.Context, w string, a store.Account, first time.Time) (int, error) {
	now := e.Now()
	if first.IsZero() {
		first = now.Add(-archiveKept)
	}
	// A delivery may have been archived at an earlier attempt than the one that stored it.
	first = first.Add(-7 * 24 * time.Hour)
	apps := map[string]*store.App{}
	removed := 0
	err := e.Archive.Archived(ctx, w, first, now.Add(24*time.Hour), func(key string) error {
		ds, err := e.Archive.Deliveries(ctx, key)
		if err != nil {
			return err
		}
		kept := ds[:0:0]
		for _, d := range ds {
			app, ok := apps[d.App]
			if !ok {
				found, err := e.Store.App(ctx, d.App)
				if err != nil && !fault.Is(err, fault.NotFound) {
					return err
				}
				app = &found
				apps[d.App] = app
			}
			if !tells(d, *app, a) {
				kept = append(kept, d)
			}
		}
		if len(kept) == len(ds) {
			return nil
		}
		removed += len(ds) - len(kept)
		return e.Archive.Replace(ctx, key, kept)
	})
	return removed, err
}

// archiveKept is how long the archive keeps at most (template.yaml, ArchiveKeepDays).
const archiveKept = 730 * 24 * time.Hour

// shortID is the length below which a platform's id may stand in a body by chance.
const shortID = 6

// tells reports whether a delivery tells of the account: by what it becomes
// today, or by its bytes.
func tells(d platform.Delivery, app store.App, a store.Account) (yes bool) {
	if app.Platform != "" && app.Platform != a.Platform {
		return false
	}
	if len(a.AccountRef.ID) >= shortID && bytes.Contains(d.Request.Body, []byte(a.AccountRef.ID)) {
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
	for _, x := range events {
		if x.Activity != nil && x.Activity.Account().AccountID() == a.ID {
			return true
		}
	}
	return false
}

// parked takes away the parked deliveries whose bytes hold the account's id.
func (e *Erasure) parked(ctx context.Context, w string, a store.Account) (int, error) {
	if len(a.AccountRef.ID) < shortID {
		return 0, nil // they can't be understood, and a short id may stand in them by chance
	}
	removed := 0
	err := e.Archive.List(ctx, "parked/"+w+"/", "", func(key string) error {
		b, err := e.Archive.Get(ctx, key)
		if err != nil {
			return err
		}
		var d platform.Delivery
		if d.UnmarshalJSON(b) != nil || !bytes.Contains(d.Request.Body, []byte(a.AccountRef.ID)) {
			return nil
		}
		removed++
		return errors.Join(e.Archive.Delete(ctx, key), e.Store.DeleteParked(ctx, w, d.Received, d.ID()))
	})
	return removed, err
}
