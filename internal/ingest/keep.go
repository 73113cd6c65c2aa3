package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/person"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// atOnce is how many facts of a delivery are stored at once.
const atOnce = 16

// keep stores the facts of one delivery and parks the rest.
func (in *Ingest) keep(ctx context.Context, r *result) error {
	told := map[string]map[string]bool{} // accounts a fact of which says where the delivery lies, by workspace
	for _, w := range sortedKeys(r.facts) {
		facts := r.facts[w]
		told[w] = map[string]bool{}
		accounts := map[string]social.Activity{}
		for _, a := range facts {
			accounts[a.Account().AccountID()] = a
		}
		ids := sortedKeys(accounts)
		spans := make([]store.ListSpan, len(ids))
		if err := errors.Join(parallel.Each(ctx, len(ids), atOnce, func(i int) (err error) {
			spans[i], err = in.Store.PutAccountOf(ctx, w, accounts[ids[i]])
			return err
		})...); err != nil {
			return err
		}
		if err := errors.Join(parallel.Each(ctx, len(facts), atOnce, func(i int) error { return in.firstDate(ctx, w, &facts[i]) })...); err != nil {
			return err
		}
		if err := in.once(ctx, r, w, ids, spans); err != nil {
			return err
		}
		isNew, first := make([]bool, len(facts)), make([]string, len(facts))
		errs := parallel.Each(ctx, len(facts), atOnce, func(i int) (err error) {
			facts[i], isNew[i], first[i], err = in.Store.PutFact(ctx, w, facts[i], r.place)
			return err
		})
		var kept []social.Activity
		for i, err := range errs {
			switch {
			case err == nil:
				kept = append(kept, facts[i])
				told[w][facts[i].Account().AccountID()] = told[w][facts[i].Account().AccountID()] || r.place != "" && sameObject(first[i], r.place)
				if isNew[i] {
					r.fresh[w]++
				}
			case fault.Retryable(err):
				return fmt.Errorf("store %s: %w", facts[i].Key, err)
			default:
				r.park(w, fmt.Sprintf("activity %s: %s", facts[i].Key, fault.Message(err)))
			}
		}
		r.facts[w] = kept
		if err := in.alias(ctx, r, w); err != nil {
			return err
		}
	}
	for _, w := range r.keepers() {
		unread := len(r.parked[w]) > 0 && len(r.named) == 0
		if err := in.noteNamed(ctx, r, w, r.place, told[w], unread); err != nil {
			return err
		}
	}
	if r.delivery.App == platform.Imports {
		return nil // no archive has it: who imported it has the list
	}
	if err := in.parkAll(ctx, r); err != nil {
		return err
	}
	if r.delivery.Check == "" {
		return in.tell(ctx, r)
	}
	return nil
}

// alias stores that accounts are one person's whom a delivery names by two ids
// of their platform, unless that is known, and has them grouped anew.
func (in *Ingest) alias(ctx context.Context, r *result, w string) error {
	if r.delivery.Check != "" {
		return nil
	}
	acted := map[string]social.Activity{}
	for _, a := range r.facts[w] {
		acted[a.Account().AccountID()] = a
	}
	for ref, id := range r.aliases[w] {
		account := ref.AccountID()
		other := social.AccountRef{Platform: ref.Platform, Scope: ref.Scope, ID: id}.AccountID()
		a, ok := acted[account]
		if !ok {
			continue // it was erased, or could not be stored
		}
		erased, err := in.Erased(ctx, w, []string{account, other})
		if err != nil {
			return err
		}
		if len(erased) > 0 {
			continue
		}
		d := person.Decision{ID: social.HashID("alias", social.Key(account, other)), At: person.ByEvidence, Verb: person.Same, One: []string{account}, Other: []string{other},
			By: person.Rapport, Why: "the platform names both as ids of one account"}
		known, err := in.Store.Links(ctx, w, account)
		if err != nil {
			return err
		}
		there := slices.ContainsFunc(known, func(o person.Decision) bool { return o.ID == d.ID })
		if !there {
			a.Actor = social.Actor{Scope: a.Actor.Scope, ID: id}
			err := in.Store.PutAccount(ctx, w, a)
			if err == nil {
				err = in.Store.PutLinks(ctx, w, store.Linked{Decision: d, With: []string{account, other}})
			}
			if err != nil && fault.Retryable(err) {
				return err
			}
			if err != nil {
				slog.ErrorContext(ctx, "two ids of an account not linked", "workspace", w, "account", account, "error", err.Error())
				continue
			}
		}
		if !there || r.again {
			r.regroup[w] = append(r.regroup[w], account)
		}
	}
	return nil
}

// firstDate gives a message whose key holds no time, since its platform
// corrects them, the instant under which it is kept, if it is there.
func (in *Ingest) firstDate(ctx context.Context, w string, a *social.Activity) error {
	if !a.Type.Utterance() || a.Key != social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, time.Time{}) {
		return nil
	}
	there, err := in.Store.Place(ctx, w, store.MessageID(a.Platform, a.Scope, a.Object.ID))
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case there.Key == a.Key:
		a.Occurred = there.Occurred
	}
	return nil
}

// sameObject reports whether two places are in one object of the archive.
func sameObject(a, b string) bool {
	a, _, _ = strings.Cut(a, "#")
	b, _, _ = strings.Cut(b, "#")
	return a == b
}

// withhold leaves out the facts of erased accounts, and notes in which
// workspaces a delivery told of one. It asks once for a batch. What is erased
// from now on until the facts are stored is found by the erasure's second pass.
func (in *Ingest) withhold(ctx context.Context, results []*result) error {
	accounts := map[string][]string{}
	for _, r := range results {
		if r.delivery.Check != "" {
			continue // nobody's doing
		}
		for w, facts := range r.facts {
			for _, a := range facts {
				accounts[w] = append(accounts[w], a.Account().AccountID())
			}
		}
	}
	for _, w := range sortedKeys(accounts) {
		ids := accounts[w]
		slices.Sort(ids)
		erased, err := in.Erased(ctx, w, slices.Compact(ids))
		if err != nil {
			return fmt.Errorf("tombstones: %w", err)
		}
		if len(erased) == 0 {
			continue
		}
		for _, r := range results {
			facts, concerned := r.facts[w]
			if !concerned || r.delivery.Check != "" {
				continue // with facts, even none, it would go into the workspace's archive
			}
			left := notErased(facts, erased)
			r.withheld[w] = len(left) < len(facts)
			r.facts[w] = left
		}
	}
	return nil
}

// redelivered is for how long platforms send again what they could not deliver.
const redelivered = 7 * 24 * time.Hour

// notErased leaves out what accounts did until they were erased: it does not
// come back.
func notErased(facts []social.Activity, erased map[string]time.Time) []social.Activity {
	return slices.DeleteFunc(slices.Clone(facts), func(a social.Activity) bool {
		at, ok := erased[a.Account().AccountID()]
		return ok && Forgotten(at, a.Occurred, a.Undated)
	})
}

// Forgotten reports whether what an account did stays away that was erased as
// of an instant. Of what has no time of its own, that is what is received
// within the time of redeliveries.
func Forgotten(erased, occurred time.Time, undated bool) bool {
	if undated {
		erased = erased.Add(redelivered)
	}
	return !occurred.After(erased)
}

// listed are the reasons that are kept of a delivery: each once, the first
// maxReasons of them, and of each what fits maxReason bytes.
func listed(reasons []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range reasons {
		if len(r) > maxReason {
			r = strings.ToValidUTF8(r[:maxReason], "") + " …"
		}
		if !seen[r] && len(out) < maxReasons {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

// parkAll parks what could not be understood of a delivery: one object and one
// item for each workspace, however much it is.
func (in *Ingest) parkAll(ctx context.Context, r *result) error {
	var still []string // ids of what is parked, of a replay
	for _, w := range sortedKeys(r.parked) {
		kept := r.delivery
		kept.Replay, kept.For, kept.Line = false, "", ""
		body, err := json.Marshal(kept)
		if err != nil {
			return err
		}
		object, err := in.Archive.PutParked(ctx, w, r.delivery.ID(), body)
		if err != nil {
			return err
		}
		if r.delivery.Check == "" {
			if err := in.noteNamed(ctx, r, w, object, nil, len(r.named) == 0); err != nil {
				return err
			}
		}
		reasons := listed(r.parked[w])
		p := store.Parked{ID: social.HashID("prk", social.Key(append([]string{r.delivery.ID()}, reasons...)...)), App: r.delivery.App, Delivery: r.delivery.ID(),
			Received: r.delivery.Received, Reason: reasons[0], Others: reasons[1:], Events: len(r.parked[w]), Object: object}
		if err := in.Store.Park(ctx, w, p); err != nil {
			return err
		}
		still = append(still, p.ID)
	}
	if !r.delivery.Replay {
		return nil
	}
	// What was parked whole may be split by now: then its parts' reasons stand for it.
	for _, id := range slices.Compact([]string{r.delivery.ID(), r.queued}) {
		for _, w := range r.workspaces() {
			if err := in.Store.Unpark(ctx, w, r.delivery.Received, id, still, in.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// workspaces lists all that a result concerns, its app's owner too.
func (r *result) workspaces() []string {
	var out []string
	if r.owner != "" {
		out = append(out, r.owner)
	}
	out = append(out, sortedKeys(r.facts)...)
	out = append(out, sortedKeys(r.parked)...)
	for route := range r.heard {
		out = append(out, route.Workspace)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// slot is the grain in which sources are heard.
const slot = 5 * time.Minute

// maxHeard bounds how many sources are remembered as heard.
const maxHeard = 10_000

// tell notes what a delivery says of its sources: that they were heard, that
// a grant has ended, that somebody must be forgotten.
func (in *Ingest) tell(ctx context.Context, r *result) error {
	if !r.delivery.Replay {
		start := r.delivery.Received.Truncate(slot)
		for route := range r.heard {
			source := social.Key(route.Workspace, route.Source)
			if in.heard[source].Equal(start) {
				continue
			}
			if err := in.Store.PutHeard(ctx, route.Workspace, route.Source, r.delivery.Received); err != nil {
				return err
			}
			if len(in.heard) >= maxHeard {
				clear(in.heard)
			}
			in.heard[source] = start
		}
	}
	for _, x := range r.revoked {
		if err := in.Store.PutRevoked(ctx, x.route.Workspace, x.route.Source, r.delivery.Received, x.reason); err != nil {
			return err
		}
	}
	if len(r.erase) == 0 {
		return nil
	}
	return in.QueueErase(ctx, r.erase)
}
