// Package leads keeps the stored heads of leads in step with the facts, and
// evaluates a lead for any instant.
package leads

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// ModelID is the id of the workspace's scoring model; there is one so far.
const ModelID = "default"

// topReasons is how many reasons a stored head repeats.
const topReasons = 3

// Leads scores the persons of workspaces.
type Leads struct {
	store  *store.Store
	mu     sync.Mutex
	models map[string]scoring.Model // by workspace and version: published ones never change
}

// New returns Leads over a store.
func New(s *store.Store) *Leads { return &Leads{store: s, models: map[string]scoring.Model{}} }

// Model returns a workspace's active model.
func (l *Leads) Model(ctx context.Context, w string) (scoring.Model, error) {
	version, err := l.store.ActiveVersion(ctx, w, store.Models)
	if err != nil {
		return scoring.Model{}, fmt.Errorf("scoring model of %s: %w", w, err)
	}
	id := w + "#" + version
	l.mu.Lock()
	m, ok := l.models[id]
	l.mu.Unlock()
	if ok {
		return m, nil
	}
	d, err := l.store.Document(ctx, w, store.Models, version)
	if err != nil {
		return scoring.Model{}, fmt.Errorf("scoring model %s of %s: %w", version, w, err)
	}
	if m, err = scoring.ParseModel(d.Body); err != nil {
		return scoring.Model{}, fmt.Errorf("scoring model %s of %s: %w", version, w, err)
	}
	l.mu.Lock()
	l.models[id] = m
	l.mu.Unlock()
	return m, nil
}

// Facts returns what is known about a person: what its accounts did and the
// replies they received.
func (l *Leads) Facts(ctx context.Context, w, person string) ([]social.Activity, error) {
	return l.store.Facts(ctx, w, social.AccountOf(person))
}

// Rescore computes the stored head of the person of an account, as of the
// person's newest fact. An account of the business has none.
func (l *Leads) Rescore(ctx context.Context, w, account string) error {
	m, err := l.Model(ctx, w)
	if err != nil {
		return err
	}
	person := social.PersonID(account)
	return store.Again(ctx, func() error {
		version, err := l.store.LeadVersion(ctx, w, person, ModelID)
		if err != nil {
			return err
		}
		facts, err := l.Facts(ctx, w, person)
		if err != nil {
			return err
		}
		e, ok, err := evaluate(m, person, facts, time.Time{})
		if err != nil || !ok {
			return err
		}
		e.Version = version
		return l.store.PutLead(ctx, w, e.Lead)
	})
}

// evaluate scores a person's facts as of an instant; the zero instant is that
// of the newest fact. ok is false where there is nothing to score by then.
func evaluate(m scoring.Model, person string, facts []social.Activity, asOf time.Time) (e Evaluated, ok bool, err error) {
	lead := store.Lead{Person: person, Model: ModelID, AsOf: asOf}
	var newest, linked, named social.Activity
	for _, a := range facts {
		if asOf.IsZero() && a.Occurred.After(lead.AsOf) {
			lead.AsOf = a.Occurred
		}
		own := a.Direction == social.Inbound && a.Actor.ID != social.Unknown && a.Account().AccountID() == social.AccountOf(person)
		if !own || !asOf.IsZero() && a.Occurred.After(asOf) {
			continue // a reply, somebody else's deletion, nobody's doing, or later
		}
		if later(a, newest) {
			newest = a
		}
		if (a.Actor.Name != "" || a.Actor.Handle != "") && later(a, named) {
			named = a
		}
		if a.URL != "" && later(a, linked) {
			linked = a
		}
	}
	if newest.Key == "" {
		return e, false, nil
	}
	score, err := scoring.Evaluate(m, facts, lead.AsOf)
	if err != nil {
		return e, false, err
	}
	lead.ModelVer, lead.Micro, lead.Engagement, lead.Grade, lead.Fit, lead.NextChange = score.Model, score.Micro, score.Engagement, score.Grade, score.Fit, score.NextChange
	for _, c := range score.Contributions[:min(topReasons, len(score.Contributions))] {
		lead.Reasons = append(lead.Reasons, c.Reason)
	}
	lead.Platform, lead.Name, lead.Handle, lead.URL = string(newest.Platform), named.Actor.Name, named.Actor.Handle, linked.URL
	return Evaluated{lead, score, newest.Occurred}, true, nil
}

func later(a, than social.Activity) bool {
	if c := a.Occurred.Compare(than.Occurred); c != 0 {
		return c > 0
	}
	return a.Key > than.Key
}

// Evaluated is a lead as of an instant, with its whole ledger.
type Evaluated struct {
	store.Lead
	Score    scoring.Score
	LastSeen time.Time // the person's newest activity by then
}

// Evaluate computes one lead as of an instant on the fly; the zero instant is
// that of the person's newest fact. A person without facts by then is an
// error of kind NotFound.
func (l *Leads) Evaluate(ctx context.Context, w, person string, asOf time.Time) (Evaluated, error) {
	m, err := l.Model(ctx, w)
	if err != nil {
		return Evaluated{}, err
	}
	return l.evaluate(ctx, m, w, person, asOf)
}

func (l *Leads) evaluate(ctx context.Context, m scoring.Model, w, person string, asOf time.Time) (Evaluated, error) {
	facts, err := l.Facts(ctx, w, person)
	if err != nil {
		return Evaluated{}, err
	}
	e, ok, err := evaluate(m, person, facts, asOf)
	if err != nil {
		return Evaluated{}, err
	}
	if !ok {
		return Evaluated{}, fault.New(fault.NotFound, "no such lead at that instant")
	}
	return e, nil
}

const (
	maxEvaluated = 1000 // leads that Top looks at
	evaluators   = 16   // of them at once
)

// Top evaluates leads as of an instant and returns the best, at most limit.
// It looks at the 1,000 leads with the highest stored scores; complete says
// whether those were all there are and all could be evaluated.
func (l *Leads) Top(ctx context.Context, w string, asOf time.Time, limit int) (top []Evaluated, complete bool, err error) {
	stored, _, err := l.store.Leads(ctx, w, ModelID, "", maxEvaluated)
	if err != nil {
		return nil, false, err
	}
	m, err := l.Model(ctx, w)
	if err != nil {
		return nil, false, err
	}
	skipped := false
	found := make([]Evaluated, len(stored))
	errs := parallel.Each(ctx, len(stored), evaluators, func(i int) (err error) {
		found[i], err = l.evaluate(ctx, m, w, stored[i].Person, asOf)
		return err
	})
	for i, err := range errs {
		switch {
		case err == nil:
			top = append(top, found[i])
		case fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge):
			// One person's facts that can't be scored must not cost the others theirs.
			slog.ErrorContext(ctx, "lead not evaluated", "workspace", w, "person", stored[i].Person, "error", err.Error())
			skipped = true
		case !fault.Is(err, fault.NotFound):
			return nil, false, err
		}
	}
	slices.SortFunc(top, func(a, b Evaluated) int {
		switch {
		case a.Micro != b.Micro && a.Micro > b.Micro:
			return -1
		case a.Micro != b.Micro:
			return 1
		}
		return strings.Compare(a.Person, b.Person)
	})
	return top[:min(limit, len(top))], len(stored) < maxEvaluated && !skipped, nil
}
