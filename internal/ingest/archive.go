package ingest

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
)

// maxNamed bounds how many accounts of one delivery are noted as named in it.
// Where there are more, the delivery is noted once for all of them.
const maxNamed = 100

// Nobody is the account under which deliveries are noted that can't be read,
// or that name too many: whoever is erased is looked for in them, too.
func Nobody(p social.Platform) social.AccountRef {
	return social.AccountRef{Platform: p, ID: "*"}
}

// Called is the account under which deliveries are noted that name somebody
// by a handle or an e-mail address only.
func Called(p social.Platform, scope, name string) social.AccountRef {
	return social.AccountRef{Platform: p, Scope: scope, ID: "@" + strings.ToLower(strings.TrimPrefix(name, "@"))}
}

// named lists whom a delivery names.
func named(app store.App, d platform.Delivery) (out []platform.Named) {
	adapter, err := all.Find(app.Platform)
	if err != nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			out = nil // normalising it will say what is wrong
		}
	}()
	return adapter.Named(d.Request, platform.Options{Legacy: app.Legacy, Config: app.Config})
}

// keepers lists the workspaces that keep a delivery in their archive. One that
// tells of an erased account is kept nowhere, as erasure leaves none.
func (r *result) keepers() []string {
	if r.delivery.Replay || r.delivery.Check != "" {
		return nil // it is there already; a source check is nobody's doing
	}
	var out []string
	for w := range r.facts {
		if !r.withheld[w] {
			out = append(out, w)
		}
	}
	for w := range r.parked {
		if _, ok := r.facts[w]; !ok {
			out = append(out, w)
		}
	}
	if len(r.facts)+len(r.parked) == 0 && r.owner != "" { // all ignored: kept all the same
		out = append(out, r.owner)
	}
	slices.Sort(out)
	return out
}

// archive keeps the deliveries as they came, all in one object, notes for
// each workspace that it has something there, and gives each result its place.
// It returns an error for each that is not kept.
func (in *Ingest) archive(ctx context.Context, done []*result) []error {
	errs := make([]error, len(done))
	var kept []platform.Kept
	var of []int
	for i, r := range done {
		if ws := r.keepers(); len(ws) > 0 {
			kept, of = append(kept, platform.Kept{Workspaces: ws, Delivery: r.delivery}), append(of, i)
		} else {
			r.place = r.delivery.Line
		}
	}
	if len(kept) == 0 {
		return errs
	}
	places, err := in.Archive.PutBatch(ctx, kept)
	objects := map[string][]string{} // workspaces by object
	for n, i := range of {
		if errs[i] = err; err == nil {
			done[i].place = places[n]
			object, _, _ := strings.Cut(places[n], "#")
			objects[object] = append(objects[object], kept[n].Workspaces...)
		}
	}
	for _, object := range sortedKeys(objects) {
		ws := objects[object]
		slices.Sort(ws)
		if err := in.Store.PutArchived(ctx, slices.Compact(ws), object); err != nil {
			for n, i := range of {
				if strings.HasPrefix(places[n], object+"#") {
					errs[i] = err
				}
			}
		}
	}
	return errs
}

// noteNamed notes for a workspace who is named in a delivery at a place, but for
// accounts a fact of which says so, and for the workspace's own. What is parked
// has a place of its own.
func (in *Ingest) noteNamed(ctx context.Context, r *result, w, place string, told map[string]bool, unread bool) error {
	if place == "" {
		return nil
	}
	place, _, _ = strings.Cut(place, "#") // the object is read whole: once for all of its lines
	accounts := map[string]bool{}
	var p social.Platform
	for _, n := range r.named {
		p = n.Ref.Platform
		for _, ref := range refsOf(n) {
			id := ref.AccountID()
			if told[id] || accounts[id] {
				continue
			}
			own, err := in.own(ctx, w, ref)
			if err != nil {
				return err
			}
			if !own {
				accounts[id] = true
			}
		}
	}
	if len(accounts) > maxNamed {
		slog.WarnContext(ctx, "a delivery names many", "workspace", w, "accounts", len(accounts))
		accounts, unread = map[string]bool{}, true
	}
	if unread {
		if p == "" {
			p = r.platform
		}
		accounts[Nobody(p).AccountID()] = true
	}
	var places []store.Mention
	for _, id := range sortedKeys(accounts) {
		places = append(places, store.Mention{Account: id, Place: place})
	}
	return in.Store.PutNamed(ctx, w, places)
}

// refsOf lists the accounts under which somebody who is named is noted.
func refsOf(n platform.Named) []social.AccountRef {
	if n.Ref.ID != "" {
		return []social.AccountRef{n.Ref}
	}
	var out []social.AccountRef
	for _, name := range []string{n.Handle, n.Email} {
		if name != "" {
			out = append(out, Called(n.Ref.Platform, n.Ref.Scope, name))
		}
	}
	return out
}
