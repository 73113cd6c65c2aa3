// Package leads keeps the list of leads, people with a score, in step with the
// facts, and evaluates a lead for any instant. A workspace has up to five
// scoring models side by side, and a list by each.
//
// What is stored of a lead is its head, one by each model.
//
// A head says where a person stands in the list: in steps (store.Step), as of
// the person's newest fact, or of a later day on which step or engagement
// changed without one. That day is found when the head is written, and the
// head is due then, or sooner, if it was. So the heads depend on the facts and
// the instant alone, whoever scored when, once what is due by then was scored;
// but for when they are due.
//
// What is shown of a lead is evaluated when it is looked at, from compact
// records within the model's horizon (package view/history). Only where a rule
// asks for texts, a score reads the facts themselves, as far back as it asks.
package leads

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rapport/internal/cache"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/person"
	"rapport/internal/profile"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/company"
	"rapport/internal/view/history"
)

// ModelID is the id of the scoring model that every workspace has.
const ModelID = store.DefaultModel

// topReasons is how many reasons a list shows of a lead.
const topReasons = 3

// modelsHeld bounds how many models are held in memory.
const modelsHeld = 1000

// Leads scores the persons of workspaces.
type Leads struct {
	// Named, where set, is told what accounts are called that are not called
	// what their person's head said, before the head says so.
	Named func(ctx context.Context, w string, list []Named) error

	store   *store.Store
	history *history.History
	company company.View
	models  *cache.Cache[scoring.Model] // by workspace, model and version: published ones never change
	by      string                      // the model by which leads are looked at
	quiet   bool                        // nobody is listed among the people of a company: whoever asked does that
}

// Named is what the newest that an account did says it is called.
type Named struct{ Account, Name, Handle string }

// New returns Leads over a store.
func New(s *store.Store) *Leads {
	return &Leads{store: s, history: history.New(s), company: company.New(s), by: ModelID, models: &cache.Cache[scoring.Model]{Now: time.Now, Random: rand.Float64, Most: modelsHeld,
		Load: func(ctx context.Context, name string) (scoring.Model, error) {
			parts := strings.Split(name, "#")
			d, err := s.Document(ctx, parts[0], store.ModelKind(parts[1]), parts[2])
			if err != nil {
				return scoring.Model{}, err
			}
			return scoring.ParseModel(d.Body)
		}}}
}

// By returns what looks at leads by another model than the default one. Scores
// are by all models all the same.
func (l *Leads) By(model string) *Leads {
	other := *l
	other.by = model
	return &other
}

// Model returns the active version of the model by which l looks at leads.
func (l *Leads) Model(ctx context.Context, w string) (scoring.Model, error) {
	m, _, err := l.model(ctx, w, l.by)
	return m, err
}

// model is the active version of a model, and what that was published as. Of a
// model that is not in use the error, of kind NotFound, names those that are.
func (l *Leads) model(ctx context.Context, w, id string) (scoring.Model, string, error) {
	active, err := l.active(ctx, w)
	if err != nil {
		return scoring.Model{}, "", err
	}
	version, ok := active[id]
	if !ok {
		return scoring.Model{}, "", fault.New(fault.NotFound, "no scoring model in use is called %q: there are %s", id, strings.Join(idsOf(active), ", "))
	}
	m, err := l.published(ctx, w, id, version)
	return m, version, err
}

// active is which version of each model is in use.
func (l *Leads) active(ctx context.Context, w string) (map[string]string, error) {
	active, err := l.store.ActiveModels(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("scoring models of %s: %w", w, err)
	}
	return active, nil
}

// idsOf are the ids of models, the default one first.
func idsOf(active map[string]string) []string {
	ids := []string{ModelID}
	for _, id := range slices.Sorted(maps.Keys(active)) {
		if id != ModelID {
			ids = append(ids, id)
		}
	}
	return ids
}

func (l *Leads) published(ctx context.Context, w, id, version string) (scoring.Model, error) {
	m, err := l.models.Get(ctx, w+"#"+id+"#"+version, cache.Forever)
	if err != nil {
		return m, fmt.Errorf("scoring model %s, version %s, of %s: %w", id, version, w, err)
	}
	return m, nil
}

// atOnce is how many persons are worked on at once: they wait for the table,
// not for the processor.
const atOnce = 16

// Score computes the stored heads of the persons of accounts again, by all
// models that are in use, as of now, and the histories that they rest on. It
// returns an error or nil for each: whose company can't be told is not scored,
// the others are. If a model was published or retired
// meanwhile, it does so again: whoever publishes finds those alone who had a
// lead by then, and whoever retires one may have passed a lead by.
func (l *Leads) Score(ctx context.Context, w string, now time.Time, stale ...view.Stale) []error {
	var decided []string
	for _, s := range stale {
		if s.Decided {
			decided = append(decided, s.Account)
		}
	}
	failed := map[string]error{}
	for i, err := range l.company.KeepEach(ctx, w, decided...) {
		if err != nil {
			failed[decided[i]] = err
		}
	}
	rest := slices.DeleteFunc(slices.Clone(stale), func(s view.Stale) bool { return failed[s.Account] != nil })
	scored := l.scoreAll(ctx, w, now, rest)
	errs := make([]error, len(stale))
	for i, s := range stale {
		if errs[i] = failed[s.Account]; errs[i] == nil {
			errs[i], scored = scored[0], scored[1:]
		}
	}
	return errs
}

// scoreAll scores until it was by the models that are in use at its end.
func (l *Leads) scoreAll(ctx context.Context, w string, now time.Time, stale []view.Stale) []error {
	for range maxModels {
		errs, persons, by := l.scoreOnce(ctx, w, now, stale)
		if by == nil {
			return errs
		}
		active, err := l.store.ActiveModels(ctx, w)
		if err == nil && maps.Equal(active, by) {
			return errs
		}
		if err == nil {
			err = l.dropRetired(ctx, w, persons, by, active)
		}
		if err != nil {
			return slices.Repeat([]error{err}, len(stale))
		}
	}
	return slices.Repeat([]error{fault.New(fault.Transient, "scoring models are being published faster than leads are scored")}, len(stale))
}

// dropRetired takes away leads by models that were in use when they were
// written and are not any more.
func (l *Leads) dropRetired(ctx context.Context, w string, persons []string, was, is map[string]string) error {
	var errs []error
	for id := range was {
		if _, ok := is[id]; !ok {
			errs = append(errs, parallel.Each(ctx, len(persons), atOnce, func(i int) error { return l.store.DropLead(ctx, w, persons[i], id) })...)
		}
	}
	return errors.Join(errs...)
}

// DropRetired takes away what leads the persons of accounts have by models
// that are not in use any more, where Rescore has not come to them.
func (l *Leads) DropRetired(ctx context.Context, w string, accounts []string) error {
	active, err := l.active(ctx, w)
	if err != nil {
		return err
	}
	persons, err := l.store.PersonsOf(ctx, w, accounts)
	if err != nil {
		return err
	}
	errs := parallel.Each(ctx, len(persons), atOnce, func(i int) error {
		models, err := l.store.LeadModels(ctx, w, persons[i].ID)
		for _, id := range models {
			if _, ok := active[id]; !ok {
				err = errors.Join(err, l.store.DropLead(ctx, w, persons[i].ID, id))
			}
		}
		return err
	})
	return errors.Join(errs...)
}

// maxModels bounds how often leads are scored while models are published.
const maxModels = 5

// scoreOnce scores by the models that are in use when it begins. It says whom,
// and by which; nil if it came to nothing.
func (l *Leads) scoreOnce(ctx context.Context, w string, now time.Time, stale []view.Stale) (errs []error, persons []string, by map[string]string) {
	none := func(err error) ([]error, []string, map[string]string) {
		return slices.Repeat([]error{err}, len(stale)), nil, nil
	}
	// Whose the accounts are is read first, then the heads, then facts: whatever
	// changes after its reading has somebody score again, and moves the head's
	// version or takes the head away. Which models there are is asked again at
	// the end (Score).
	accounts := make([]string, len(stale))
	for i, s := range stale {
		accounts[i] = s.Account
	}
	owners, err := l.store.PersonsOf(ctx, w, accounts)
	if err != nil {
		return none(err)
	}
	var who []subject
	at := map[string]int{}
	for i, p := range owners {
		k, ok := at[p.ID]
		if !ok {
			k = len(who)
			at[p.ID] = k
			who = append(who, subject{p, map[string]view.Stale{}})
			persons = append(persons, p.ID)
		}
		who[k].stale[stale[i].Account] = stale[i]
	}
	if by, err = l.active(ctx, w); err != nil {
		return none(err)
	}
	ids := idsOf(by)
	models := make([]scoring.Model, len(ids))
	for i, id := range ids {
		if models[i], err = l.published(ctx, w, id, by[id]); err != nil {
			return none(err)
		}
	}
	heads, err := l.store.LeadsBy(ctx, w, ids, persons)
	if err != nil {
		return none(err)
	}
	done := parallel.Each(ctx, len(who), atOnce, func(i int) error {
		first, x := true, who[i]
		return store.Again(ctx, func() error {
			old := make([]store.Lead, len(ids))
			for k := range ids {
				old[k] = heads[k*len(who)+i]
			}
			if !first {
				if here, err := l.stands(ctx, w, x.Person); err != nil || !here {
					return err // whoever regroups accounts scores them
				}
				again, err := l.store.LeadsBy(ctx, w, ids, persons[i:i+1])
				if err != nil {
					return err
				}
				old = again
			}
			first = false
			err := l.score(ctx, w, models, old, x, now)
			if errors.Is(err, errGone) {
				x.stale = nil // what the head knows may be of facts that went
			}
			return err
		})
	})
	errs = make([]error, len(stale))
	for i, p := range owners {
		errs[i] = done[at[p.ID]]
	}
	return errs, persons, by
}

// subject is a person to be scored, and of which accounts facts came or went:
// of all, and at any time, if there is nothing there.
type subject struct {
	store.Person
	stale map[string]view.Stale
}

// since is the earliest of the facts that came or went; zero: it is of all time.
func (x subject) since() time.Time {
	var since time.Time
	for _, s := range x.stale {
		if s.Since.IsZero() {
			return time.Time{}
		}
		if since.IsZero() || s.Since.Before(since) {
			since = s.Since
		}
	}
	return since
}

func (x subject) decided() bool {
	for _, s := range x.stale {
		if s.Decided {
			return true
		}
	}
	return false
}

func (x subject) live() bool {
	for _, s := range x.stale {
		if s.Live {
			return true
		}
	}
	return false
}

func (x subject) undated() bool {
	for _, s := range x.stale {
		if s.Undated {
			return true
		}
	}
	return false
}

// stands reports whether a person's accounts are still its own, and all.
func (l *Leads) stands(ctx context.Context, w string, p store.Person) (bool, error) {
	ids, err := l.store.PersonIDs(ctx, w, p.Accounts)
	return !slices.ContainsFunc(ids, func(id string) bool { return id != p.ID }), err
}

// errGone says that a fact of which a head was made was erased meanwhile.
var errGone = errors.New("a fact of a new lead is gone")

// score writes the heads of a person that stood as in old, by each of the
// models. What they know of all facts is the same in each, and taken from the
// first, of the default model. That one is written last: who finds it as it was
// read finds the others of no later facts.
func (l *Leads) score(ctx context.Context, w string, models []scoring.Model, old []store.Lead, x subject, now time.Time) error {
	base := old[0]
	p := past{leads: l, w: w, accounts: x.Accounts, models: models}
	var was people // of the company at which the person is listed: read before the facts are
	if base.ListedAt != "" {
		var err error
		if was, err = l.peopleOf(ctx, w, base.ListedAt, x.ID); err != nil {
			return err
		}
	}
	since := x.since()
	if len(x.Accounts) > 1 && base.Version == 0 {
		since = time.Time{} // the head would know of this account alone
	}
	if !since.IsZero() {
		p.keep(base)
		p.after = p.begins(latest(base.Seen, since))
	}
	for _, account := range x.Accounts {
		t := history.Nothing
		if since.IsZero() {
			t = history.Everything
		} else if s, ok := x.stale[account]; ok {
			t = history.TouchedBy(s)
		}
		records, _, err := l.history.Update(ctx, w, account, p.after, t, p.learn)
		if err != nil {
			return err
		}
		p.records = append(p.records, records...)
	}
	// Facts without a time come with messages that say so, and then the head
	// knows of them.
	if p.head.Undated || since.IsZero() || x.undated() {
		if err := p.readUndated(ctx); err != nil {
			return err
		}
		p.head.Undated = len(p.undated) > 0
	}
	// What was decided about a lead, and told of the person, comes with messages that say so.
	if p.head.Working, p.head.Known = base.Working, base.Known; base.Version == 0 || since.IsZero() || x.decided() {
		k, err := l.store.WorkingWith(ctx, w, x.Accounts, forever)
		if err != nil {
			return err
		}
		p.head.Working = k
		if p.attributes, err = l.store.AttributesOf(ctx, w, x.Accounts...); err != nil {
			return err
		}
		p.head.Known = knownOf(p.attributes, forever)
	}
	acted := p.newest()
	newest := latest(acted, p.head.AttributesAt)
	if since := p.begins(newest); since < p.after { // the newest facts are gone
		if err := p.readRecords(ctx, since, store.EndOfHistory); err != nil {
			return err
		}
	}
	if p.head.Seen.IsZero() && !slices.ContainsFunc(p.undated, p.own) {
		if l.quiet {
			return nil // whoever took the facts away scores, too
		}
		if err := l.leave(ctx, w, models, was, x.live(), now); err != nil {
			return err
		}
		for _, h := range slices.Backward(old) {
			if h.Version == 0 {
				continue // nobody's account, or the business's
			}
			if err := l.store.DeleteLead(ctx, w, h); err != nil {
				return err
			}
		}
		return nil
	}
	at := was
	if company := p.worksAt(); company != was.company {
		if at = (people{}); company != "" {
			var err error
			if at, err = l.peopleOf(ctx, w, company, x.ID); err != nil {
				return err
			}
		}
	}
	p.firm = at.firm(p.head.Known)
	if p.head.ListedAt = at.company; l.quiet {
		p.head.ListedAt = base.ListedAt
	}
	if base.ListedAt != "" && p.head.ListedAt != base.ListedAt {
		if err := l.leave(ctx, w, models, was, x.live(), now); err != nil {
			return err
		}
	}
	heads := make([]store.Lead, len(models))
	var failed error
	for i, m := range models {
		var err error
		if heads[i], err = p.headBy(ctx, m, old[i], newest, now); err == nil {
			continue
		}
		if err = fmt.Errorf("scoring model %s: %w", m.ID, err); i == 0 || fault.Retryable(err) {
			return err
		}
		failed = err // the others' leads are not the worse for it
	}
	if list := p.renamed(base); l.Named != nil && len(list) > 0 {
		if err := l.Named(ctx, w, list); err != nil {
			return err
		}
	}
	isNew := false
	for i, h := range slices.Backward(heads) {
		if h.Person == "" {
			continue
		}
		live := x.live() && (old[i].Version > 0 || base.Version == 0) // else the model is new, and not the person
		news, err := p.news(ctx, models[i], old[i], &h, live, acted, newest, now)
		if err != nil {
			return err
		}
		if i > 0 && h == old[i] {
			continue
		}
		if err := l.store.PutLead(ctx, w, h, news); err != nil {
			return err
		}
		isNew = isNew || h.Version == 0
	}
	if at.company != "" && !l.quiet {
		days, err := p.days(ctx, at.mine, since.IsZero() || publishedSince(models, old), newest)
		if err != nil {
			return err
		}
		if err := l.join(ctx, w, models, at, days, x.live(), now); err != nil {
			return err
		}
	}
	if !isNew {
		return failed
	}
	// Before a head was there, an erasure may have looked for it, or whoever regroups the accounts.
	if p.witness.Key != "" {
		if _, err := l.store.Activity(ctx, w, store.RefOf(p.witness)); fault.Is(err, fault.NotFound) {
			if err := l.store.ForgetAnnouncements(ctx, w, x.ID); err != nil {
				return err
			}
			return fault.Wrap(fault.Conflict, errGone, "")
		} else if err != nil {
			return err
		}
	}
	here, err := l.stands(ctx, w, x.Person)
	if err != nil {
		return err
	}
	if !here {
		return l.drop(ctx, w, x.ID, now)
	}
	return failed
}

// drop takes away the leads of one who is no person any more, whom the colleagues then miss.
func (l *Leads) drop(ctx context.Context, w, person string, now time.Time) error {
	if err := l.Unlist(ctx, w, person, now); err != nil {
		return err
	}
	return l.store.DropLeads(ctx, w, person)
}

// headBy is the head by a model that stood as in old: as of the newest fact, or
// a later day until now (settle).
func (p *past) headBy(ctx context.Context, m scoring.Model, old store.Lead, newest, now time.Time) (store.Lead, error) {
	by := *p
	by.model, by.head.Person, by.head.Model, by.head.Version = m, old.Person, old.Model, old.Version
	score, err := by.scorer(ctx, newest, store.EndOfHistory)
	if err != nil {
		return store.Lead{}, err
	}
	p.attributes = by.attributes // read once for all models
	if err := by.settle(score, newest, now); err != nil {
		return store.Lead{}, err
	}
	if d := old.Due; d.After(now) && (by.head.Due.IsZero() || d.Before(by.head.Due)) {
		by.head.Due = d // sooner than need be, but to move a place in an index costs more than a score
	}
	return by.head, nil
}

// Regroup makes whom an account belongs to again, after something was decided
// about it, and scores those who changed by that.
func (l *Leads) Regroup(ctx context.Context, w, account string, now time.Time) (before, after []store.Person, err error) {
	if before, after, err = l.store.Regroup(ctx, w, account); err != nil {
		return nil, nil, err
	}
	is := map[string]bool{}
	for _, p := range after {
		is[p.ID] = true
	}
	var stale []view.Stale
	for _, p := range after {
		for _, a := range p.Accounts {
			stale = append(stale, view.Stale{Account: a})
			if id := social.PersonID(a); !is[id] {
				before = append(before, store.Person{ID: id, Accounts: []string{a}})
			}
		}
		for _, a := range p.Accounts {
			known, err := l.store.PersonsKnown(ctx, w, a)
			if err != nil {
				return nil, nil, err
			}
			for _, id := range known {
				before = append(before, store.Person{ID: id})
			}
		}
	}
	if err := l.settle(ctx, w, after); err != nil {
		return nil, nil, err
	}
	gone := map[string]bool{}
	for _, p := range before {
		if !is[p.ID] && !gone[p.ID] {
			gone[p.ID] = true
			if err := l.drop(ctx, w, p.ID, now); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, err := range l.Score(ctx, w, now, view.Merge(stale)...) {
		if err != nil && !fault.Is(err, fault.NotFound) { // without a model there are no leads
			return nil, nil, err
		}
	}
	return before, after, nil
}

// settle takes away the suggestions about persons that somebody has decided.
func (l *Leads) settle(ctx context.Context, w string, persons []store.Person) error {
	for _, p := range persons {
		for _, a := range p.Accounts {
			list, err := l.store.SuggestionsOf(ctx, w, a)
			if err != nil {
				return err
			}
			for _, x := range list {
				tied, err := l.store.Tied(ctx, w, x.One, x.Other)
				if err != nil {
					return err
				}
				if !Settled(tied, x.One, x.Other) {
					continue
				}
				if err := l.store.DeleteSuggestion(ctx, w, x.One, x.Other); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Settled reports whether two accounts are one person's, or it was ever
// decided about their persons whether they are.
func Settled(t store.Tied, one, other string) bool {
	a, b := t.Owner(one), t.Owner(other)
	return a.ID == b.ID || person.EverDecided(t.Decided, a.Accounts, b.Accounts)
}

// RegroupAll is Regroup of several accounts, each person once. It returns the
// persons to whom they belong by it.
func (l *Leads) RegroupAll(ctx context.Context, w string, accounts []string, now time.Time) ([]store.Person, error) {
	var out []store.Person
	seen := map[string]bool{}
	for _, a := range accounts {
		if seen[a] {
			continue
		}
		_, after, err := l.Regroup(ctx, w, a, now)
		if err != nil {
			return nil, err
		}
		for _, p := range after {
			for _, a := range p.Accounts {
				seen[a] = true
			}
			if slices.ContainsFunc(p.Accounts, func(a string) bool { return slices.Contains(accounts, a) }) {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// past is what a score of a person rests on.
type past struct {
	leads    *Leads
	w        string
	accounts []string        // of the person
	models   []scoring.Model // by which it is scored
	model    scoring.Model   // of them that which is evaluated by
	head     store.Lead
	after    store.Mark       // records are read from here on
	records  []scoring.Record // of dated facts, and perhaps some twice
	undated  []social.Activity
	witness  social.Activity // the newest own fact that was read as such

	firm  *scoring.Company // nil: the models ask for no colleagues
	acted map[int]bool     // days of which facts were read as such, on which the person did something

	attributes []profile.Of      // nil: not read
	named      map[string]naming // by account: what the newest that was read says it is called
}

// knownOf is what a head repeats of the attributes that were told of a person, at an instant.
func knownOf(of []profile.Of, asOf time.Time) store.Known {
	firm := profile.FirmOf(of, asOf)
	return store.Known{AttributesAt: profile.Newest(of), Company: firm.ID, CompanyName: store.ShortName(firm.Name)}
}

// readAttributes returns what was told of the person; it asks only where something was.
func (p *past) readAttributes(ctx context.Context) ([]profile.Of, error) {
	if p.attributes != nil || p.head.AttributesAt.IsZero() {
		return p.attributes, nil
	}
	var err error
	p.attributes, err = p.leads.store.AttributesOf(ctx, p.w, p.accounts...)
	return p.attributes, err
}

// held are the attributes by which fit is told, as they hold at an instant.
func held(of []profile.Of, asOf time.Time) []profile.Held {
	list := profile.Holding(of, asOf)
	if f := profile.FirmOf(of, asOf); f.Domain != "" {
		list = append(list, profile.Held{Fact: profile.Fact{Name: profile.Domain, Kind: profile.Text, Value: f.Domain, Source: f.Source, At: f.Since}})
	}
	return list
}

type naming struct {
	by           store.Mark
	name, handle string
}

// own reports whether a is the person's doing, and engagement: not a reply, nor
// somebody else's deletion, nor nobody's, nor a machine's, nor a closing.
func (p *past) own(a social.Activity) bool {
	return a.Direction == social.Inbound && !a.Automatic && !a.Type.Closing() && a.Actor.ID != social.Unknown && slices.Contains(p.accounts, a.Account().AccountID())
}

// begins is where the horizon of the models begins as of an instant, the longest of them.
func (p *past) begins(asOf time.Time) store.Mark {
	first := p.models[0].Since(asOf)
	for _, m := range p.models[1:] {
		if since := m.Since(asOf); since.Before(first) {
			first = since
		}
	}
	return store.MarkAt(first)
}

// readRecords reads the records of the person's accounts in (after, to].
func (p *past) readRecords(ctx context.Context, after, to store.Mark) error {
	p.records = nil
	for _, account := range p.accounts {
		records, err := p.leads.history.Read(ctx, p.w, account, after, to)
		if err != nil {
			return err
		}
		p.records = append(p.records, records...)
	}
	return nil
}

// readUndated reads the facts of the person's accounts that have no time of their own.
func (p *past) readUndated(ctx context.Context) error {
	p.undated = nil
	for _, account := range p.accounts {
		list, err := p.leads.store.Undated(ctx, p.w, account)
		if err != nil {
			return err
		}
		p.undated = append(p.undated, list...)
	}
	return nil
}

// keep takes over what a head knows of all dated facts.
func (p *past) keep(old store.Lead) {
	h := &p.head
	h.First, h.Seen, h.SeenOn, h.Undated = old.First, old.Seen, old.SeenOn, old.Undated
	h.Name, h.Handle, h.NamedBy, h.URL, h.LinkedBy = old.Name, old.Handle, old.NamedBy, old.URL, old.LinkedBy
}

// learn adds to what the head knows of all dated facts. Facts come in any
// order, and again: the earliest and the latest of each are the same at last.
func (p *past) learn(a social.Activity) {
	if !p.own(a) {
		return
	}
	if counts(a.Type) {
		if p.acted == nil {
			p.acted = map[int]bool{}
		}
		p.acted[scoring.DayOf(a.Occurred)] = true
	}
	h, mark := &p.head, store.MarkOf(a)
	if a.Type != social.Edit && a.Type != social.Delete && a.Type != social.Unreact && (h.First.IsZero() || a.Occurred.Before(h.First)) {
		h.First = a.Occurred
	}
	if h.Seen.IsZero() || a.Occurred.After(h.Seen) || a.Occurred.Equal(h.Seen) && string(a.Platform) > h.SeenOn {
		h.Seen, h.SeenOn = a.Occurred, string(a.Platform)
	}
	if !a.Occurred.Before(p.witness.Occurred) {
		p.witness = a
	}
	if account := a.Account().AccountID(); (a.Actor.Name != "" || a.Actor.Handle != "") && mark >= p.named[account].by {
		if p.named == nil {
			p.named = map[string]naming{}
		}
		p.named[account] = naming{mark, a.Actor.Name, a.Actor.Handle}
	}
	if (a.Actor.Name != "" || a.Actor.Handle != "") && mark >= h.NamedBy {
		h.Name, h.Handle, h.NamedBy = shortShown(a.Actor.Name), shortShown(a.Actor.Handle), mark
	}
	// Other links lead to what it was done to, mostly the business's own pages.
	if a.Type.Utterance() && store.ShortURL(a.URL) && mark >= h.LinkedBy {
		h.URL, h.LinkedBy = a.URL, mark
	}
}

// renamed are the accounts that may be called something else than the head said.
func (p *past) renamed(old store.Lead) []Named {
	var out []Named
	for _, account := range slices.Sorted(maps.Keys(p.named)) {
		n := p.named[account]
		if old.Version > 0 && (len(p.accounts) == 1 && n.by < old.NamedBy || shortShown(n.name) == old.Name && shortShown(n.handle) == old.Handle) {
			continue
		}
		out = append(out, Named{account, n.name, n.handle})
	}
	return out
}

func shortShown(s string) string { return store.ShortName(social.Shown(s)) }

// newest is the instant of the newest fact.
func (p *past) newest() time.Time {
	t := p.head.Seen
	for _, r := range p.records {
		t = latest(t, r.Time())
	}
	for _, a := range p.undated {
		t = latest(t, a.Occurred)
	}
	return t
}

// scorer returns what evaluates the person as of an instant or later; of facts
// after to nothing is read.
func (p *past) scorer(ctx context.Context, from time.Time, to store.Mark) (func(asOf time.Time) (scoring.Score, error), error) {
	since := p.model.Since(from)
	known, err := p.knownBefore(ctx, from)
	if err != nil {
		return nil, err
	}
	// Stands for all that is older: that the person was known by then.
	older := social.Activity{Key: "-", Platform: "-", Type: social.Visit, Actor: social.Actor{ID: "-"}, Occurred: since, Direction: social.Inbound}
	// Rules about texts ask for facts, but only so far back.
	var records []scoring.Record
	texts := from.AddDate(0, 0, -p.model.TextDays())
	if p.model.Texts() {
		for _, account := range p.accounts {
			err := p.leads.store.EachFact(ctx, p.w, account, store.MarkAfter(texts), to, func(a social.Activity) error {
				records = append(records, scoring.RecordOf(a))
				return nil
			})
			if err != nil {
				return nil, err
			}
		}
	} else {
		texts = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	for _, r := range p.records {
		if at := r.Time(); at.After(since) && !at.After(texts) {
			records = append(records, r)
		}
	}
	for _, a := range p.undated {
		records = append(records, scoring.RecordOf(a))
	}
	if known {
		records = append(records, scoring.RecordOf(older))
	}
	var of []profile.Of
	if p.model.Fit != nil {
		if of, err = p.readAttributes(ctx); err != nil {
			return nil, err
		}
	}
	return func(asOf time.Time) (scoring.Score, error) {
		s, err := scoring.EvaluateAmong(p.model, records, p.firm, asOf)
		if err != nil {
			return s, err
		}
		return p.model.WithFit(s, held(of, asOf)), nil
	}, nil
}

// farBack is how many blocks knownBefore looks at.
const farBack = 100

// knownBefore reports whether the person did something before the model's
// horizon that still stands, where that matters for a score: only rules about a
// change of rate ask since when a person is known, and mostly what is within the
// horizon answers them. It looks back block by block, at what is some 800
// facts; who took all of that back counts as not known before.
func (p *past) knownBefore(ctx context.Context, from time.Time) (bool, error) {
	since, span := p.model.Since(from).UnixMilli(), 0
	for _, r := range p.model.Rules {
		if r.Kind == scoring.RateRule {
			span = max(span, r.RecentDays+r.BaseDays)
		}
	}
	if span == 0 || p.head.First.IsZero() || p.head.First.UnixMilli() > since {
		return false, nil
	}
	type reaction struct{ object, actor uint64 }
	deleted, takenBack := map[uint64]bool{}, map[reaction]int64{}
	note := func(rs []scoring.Record) {
		for _, r := range rs {
			switch {
			case r.At > from.UnixMilli():
			case r.Type == social.Delete:
				deleted[r.Object] = true
			case r.Type == social.Unreact:
				x := reaction{r.Object, r.Actor}
				takenBack[x] = max(takenBack[x], r.At)
			}
		}
	}
	stands := func(r scoring.Record) bool {
		switch {
		case r.Direction != social.Inbound || r.Automatic || r.Type.Closing() || r.Type == social.Edit || r.Type == social.Delete || r.Type == social.Unreact:
			return false
		case r.Type.Utterance():
			return !deleted[r.Object]
		case r.Type == social.React:
			until, ok := takenBack[reaction{r.Object, r.Actor}]
			return !ok || r.At > until
		}
		return true
	}
	note(p.records)
	for _, a := range p.undated {
		note([]scoring.Record{scoring.RecordOf(a)})
	}
	long := from.AddDate(0, 0, -span).UnixMilli()
	if slices.ContainsFunc(p.records, func(r scoring.Record) bool { return r.At > since && r.At <= long && stands(r) }) {
		return false, nil // known for long enough by that
	}
	if slices.ContainsFunc(p.records, func(r scoring.Record) bool { return r.At <= since && stands(r) }) {
		return true, nil
	}
	for _, account := range p.accounts {
		to := store.MarkAfter(time.UnixMilli(since))
		for n := 0; n < farBack && to != ""; n++ {
			end, err := p.leads.store.BlockBefore(ctx, p.w, account, to)
			if err != nil {
				return false, err
			}
			// The block, and, of what is newer, that which is in no block yet.
			older, err := p.leads.history.Read(ctx, p.w, account, end, to)
			if err != nil {
				return false, err
			}
			if note(older); slices.ContainsFunc(older, stands) {
				return true, nil
			}
			to = end
		}
	}
	return false, nil
}

// settle fills the head: as of the newest fact, and if that is past, as of the
// last day until now on which step or engagement changed, or a snooze ended.
func (p *past) settle(score func(time.Time) (scoring.Score, error), newest, now time.Time) error {
	at := newest
	for {
		s, err := score(at)
		if err != nil {
			return err
		}
		h := &p.head
		h.ModelVer, h.AsOf, h.Micro, h.Engagement, h.Grade, h.Fit, h.NextChange, h.Calls = s.Model, at, s.Micro, s.Engagement, s.Grade, s.Fit, s.NextChange, p.model.Calls(s)
		if h.Due, err = due(h.Person, p.model, p.firm, s, score); err != nil {
			return err
		}
		// When a snooze ends, the person is one to call again.
		if h.Calls && !decidedAgainst(p.model, *h) && h.Snoozed.After(at) && (h.Due.IsZero() || h.Snoozed.Before(h.Due)) {
			h.Due = h.Snoozed
		}
		if h.Due.IsZero() || h.Due.After(now) {
			return nil
		}
		at = h.Due
	}
}

// day is the grain in which leads are due. Each person's days begin at a time
// of their own, so that not all are due at once.
const day = 24 * time.Hour

// due finds the first day at which a score's step or engagement differs if no
// facts come; zero if none is found. It looks 1, 2, 4 … days ahead, until
// nothing that counts now can count, and at the days from which on colleagues
// count or no longer do; and then between the last two: what else rises and
// falls back within such a time is not seen.
func due(person string, m scoring.Model, c *scoring.Company, s scoring.Score, score func(time.Time) (scoring.Score, error)) (time.Time, error) {
	if s.NextChange.IsZero() && len(s.Contributions) == 0 {
		return time.Time{}, nil // nothing will ever change
	}
	hash := fnv.New32a()
	hash.Write([]byte(person))
	begins := time.Duration(hash.Sum32()%uint32(day/time.Minute)) * time.Minute
	start := s.AsOf.Add(-begins).Truncate(day).Add(begins) // the day that AsOf is in
	differs := func(days int) (bool, error) {
		then, err := score(start.Add(time.Duration(days) * day))
		return store.Step(then.Micro) != store.Step(s.Micro) || then.Engagement != s.Engagement, err
	}
	same, ahead := 0, []int{m.HorizonDays + 2}
	for n := 1; n < m.HorizonDays+2; n *= 2 {
		ahead = append(ahead, n)
	}
	for _, turn := range m.Turns(c, s.AsOf) {
		until := time.Unix(0, 0).Add(time.Duration(turn) * day).Sub(start)
		ahead = append(ahead, int((until+day-1)/day))
	}
	slices.Sort(ahead)
	for _, n := range slices.Compact(ahead) {
		other, err := differs(n)
		if err != nil {
			return time.Time{}, err
		}
		if other {
			for n-same > 1 {
				mid := (same + n) / 2
				if other, err = differs(mid); err != nil {
					return time.Time{}, err
				}
				if other {
					n = mid
				} else {
					same = mid
				}
			}
			return start.Add(time.Duration(n) * day), nil
		}
		same = n
	}
	return time.Time{}, nil
}

// DueBy is who of one workspace is to be scored again although nothing came.
type DueBy struct {
	Workspace string
	Stale     []view.Stale
}

// Due lists who is to be scored again by now, those due first first, at most
// about limit, by workspace.
func (l *Leads) Due(ctx context.Context, now time.Time, limit int) ([]DueBy, error) {
	list, err := l.store.DueLeads(ctx, now, limit)
	if err != nil {
		return nil, err
	}
	by, names, active := map[string][]string{}, []string{}, map[string]map[string]string{}
	for _, d := range list {
		if by[d.Workspace] == nil {
			names = append(names, d.Workspace)
		}
		by[d.Workspace] = append(by[d.Workspace], d.Person)
		if d.Model == ModelID {
			continue
		}
		if active[d.Workspace] == nil {
			if active[d.Workspace], err = l.active(ctx, d.Workspace); fault.Is(err, fault.NotFound) {
				active[d.Workspace], err = map[string]string{}, nil // the workspace is going
			}
			if err != nil {
				return nil, err
			}
		}
		if _, ok := active[d.Workspace][d.Model]; !ok { // nobody would score it
			if err := l.store.DropLead(ctx, d.Workspace, d.Person, d.Model); err != nil {
				return nil, err
			}
		}
	}
	out := make([]DueBy, len(names))
	for i, w := range names {
		out[i].Workspace = w
		slices.Sort(by[w]) // one who is due by several models is scored once
		persons, err := l.store.PersonsByID(ctx, w, slices.Compact(by[w]))
		if err != nil {
			return nil, err
		}
		var accounts []string
		for _, p := range persons {
			accounts = append(accounts, p.Accounts...)
		}
		ids, err := l.store.PersonIDs(ctx, w, accounts)
		if err != nil {
			return nil, err
		}
		for _, p := range persons {
			whose := ids[:len(p.Accounts)]
			ids = ids[len(p.Accounts):]
			if len(whose) == 0 || slices.ContainsFunc(whose, func(id string) bool { return id != p.ID }) {
				// Its accounts are others' now, who are scored as such.
				if err := l.drop(ctx, w, p.ID, now); err != nil {
					return nil, err
				}
				continue
			}
			out[i].Stale = append(out[i].Stale, view.Stale{Account: p.Accounts[0], Since: now, Until: now, Live: true})
		}
	}
	return out, nil
}

// Evaluated is a lead as of an instant, with its whole ledger.
type Evaluated struct {
	store.Lead
	Accounts []string // of the person
	Score    scoring.Score
	Reasons  []string  // the strongest, in words
	Platform string    // of the person's newest activity by then
	LastSeen time.Time // that activity's instant
	Call
}

// Evaluate computes one lead as of an instant on the fly, evidence and all; the
// zero instant is that of the person's newest fact. A person of whom no lead is
// kept, or who had done nothing by then, is an error of kind NotFound.
func (l *Leads) Evaluate(ctx context.Context, w, person string, asOf time.Time) (Evaluated, error) {
	who, err := l.Person(ctx, w, person)
	if err != nil {
		return Evaluated{}, err
	}
	m, err := l.Model(ctx, w)
	if err != nil {
		return Evaluated{}, err
	}
	head, err := l.store.Lead(ctx, w, who.ID, l.by)
	if err != nil {
		return Evaluated{}, err
	}
	p, e, err := l.evaluate(ctx, m, w, who, head, asOf, &companies{})
	if err != nil {
		return Evaluated{}, err
	}
	if e.Told, err = p.tell(ctx, e); err != nil {
		return Evaluated{}, err
	}
	return e, p.evidence(ctx, e.Score.Contributions)
}

// Person returns the person of an id, or the one that it became part of. Of one
// that was taken apart the error, of kind NotFound, names the parts.
func (l *Leads) Person(ctx context.Context, w, id string) (store.Person, error) {
	now, err := l.store.Successors(ctx, w, id)
	if err != nil {
		return store.Person{}, err
	}
	if len(now) > 1 {
		var ids []string
		for _, p := range now {
			ids = append(ids, p.ID)
		}
		return store.Person{}, fault.New(fault.NotFound, "this person was taken apart: ask for %s", strings.Join(ids, " or "))
	}
	return now[0], nil
}

// evaluate computes a lead of which the head is known; at is whom it reads of companies.
func (l *Leads) evaluate(ctx context.Context, m scoring.Model, w string, who store.Person, head store.Lead, asOf time.Time, at *companies) (*past, Evaluated, error) {
	p := &past{leads: l, w: w, accounts: who.Accounts, model: m, head: head}
	none := func(err error) (*past, Evaluated, error) { return nil, Evaluated{}, err }
	from, to := head.Seen, store.EndOfHistory
	if !asOf.IsZero() {
		from, to = asOf, store.MarkAfter(asOf)
	}
	if err := p.readRecords(ctx, store.MarkAt(m.Since(from)), to); err != nil {
		return none(err)
	}
	if head.Undated {
		if err := p.readUndated(ctx); err != nil {
			return none(err)
		}
	}
	if asOf.IsZero() {
		asOf = latest(p.newest(), head.AttributesAt)
	}
	e := Evaluated{Lead: head, Accounts: who.Accounts}
	if head.AttributesAt.After(asOf) {
		of, err := p.readAttributes(ctx)
		if err != nil {
			return none(err)
		}
		e.Known = knownOf(of, asOf)
	}
	if m.CompanyDays() > 0 {
		others, err := at.othersOf(ctx, l.store, w, e.Known.Company, who.ID)
		if err != nil {
			return none(err)
		}
		p.firm = others.firm(e.Known)
	}
	if err := p.last(ctx, &e, asOf); err != nil {
		return none(err)
	}
	score, err := p.scorer(ctx, asOf, to)
	if err != nil {
		return none(err)
	}
	if e.Score, err = score(asOf); err != nil {
		return none(err)
	}
	s := e.Score
	e.ModelVer, e.AsOf, e.Micro, e.Engagement, e.Grade, e.Fit, e.NextChange = s.Model, asOf, s.Micro, s.Engagement, s.Grade, s.Fit, s.NextChange
	for _, c := range s.Contributions[:min(topReasons, len(s.Contributions))] {
		e.Reasons = append(e.Reasons, c.Reason)
	}
	if err := p.judge(ctx, &e, asOf); err != nil {
		return none(err)
	}
	return p, e, nil
}

// last finds the person's newest activity by an instant. One who had done
// nothing by then is an error of kind NotFound.
func (p *past) last(ctx context.Context, e *Evaluated, asOf time.Time) error {
	seen := func(at time.Time, on social.Platform) {
		if !at.After(asOf) && (at.After(e.LastSeen) || at.Equal(e.LastSeen) && string(on) > e.Platform) {
			e.LastSeen, e.Platform = at, string(on)
		}
	}
	for _, r := range p.records {
		if r.Direction == social.Inbound && slices.ContainsFunc(p.accounts, r.By) {
			seen(r.Time(), r.Platform)
		}
	}
	for _, a := range p.undated {
		if p.own(a) {
			seen(a.Occurred, a.Platform)
		}
	}
	if seen(p.head.Seen, social.Platform(p.head.SeenOn)); !e.LastSeen.IsZero() {
		return nil
	}
	for _, account := range p.accounts {
		older, err := p.leads.store.OwnFrom(ctx, p.w, account, time.Time{}, asOf, true, 1)
		if err != nil {
			return err
		}
		if len(older) > 0 {
			seen(older[0].Occurred, older[0].Platform)
		}
	}
	if e.LastSeen.IsZero() {
		return fault.New(fault.NotFound, "no such lead at that instant")
	}
	return nil
}

// evidence puts the keys of activities in the place of the references that a
// score of records names them by. It reads those activities.
func (p *past) evidence(ctx context.Context, cs []scoring.Contribution) error {
	named := map[string]bool{}
	for _, c := range cs {
		for _, ref := range c.Evidence {
			named[ref] = true
		}
	}
	at := map[int64]bool{} // the instants of what is named
	for _, r := range p.records {
		if named[r.Ref()] {
			at[r.At] = true
		}
	}
	instants := slices.Sorted(maps.Keys(at))
	n := len(p.accounts)
	found := make([][]social.Activity, len(instants)*n+1)
	found[len(instants)*n] = p.undated
	errs := parallel.Each(ctx, len(instants)*n, atOnce, func(i int) (err error) {
		found[i], err = p.leads.store.FactsAt(ctx, p.w, p.accounts[i%n], time.UnixMilli(instants[i/n]).UTC())
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	keys := map[string]string{}
	for _, list := range found {
		for _, a := range list {
			keys[scoring.RecordOf(a).Ref()] = a.Key
		}
	}
	for i := range cs {
		var evidence []string
		for _, ref := range cs[i].Evidence {
			if key := keys[ref]; key != "" { // else it was erased meanwhile
				evidence = append(evidence, key)
			}
		}
		slices.Sort(evidence)
		cs[i].Evidence = evidence
	}
	return nil
}

// Page returns leads as of an instant, in the order of the stored list: by
// step, and within a step by person; after a place in that order ("" from the
// top), at most limit. Those of the page are in the order of their scores. next
// is the place of the last, "" if there are no more. One who had done nothing by
// then is left out, and so is one that cannot be scored: failed says how many.
func (l *Leads) Page(ctx context.Context, w, after string, limit int, asOf time.Time) (page []Evaluated, next string, failed int, err error) {
	m, err := l.Model(ctx, w)
	if err != nil {
		return nil, "", 0, err
	}
	heads, next, err := l.store.Leads(ctx, w, l.by, after, limit)
	if err != nil {
		return nil, "", 0, err
	}
	if page, failed, err = l.evaluateAll(ctx, w, m, heads, asOf); err != nil {
		return nil, "", 0, err
	}
	byScore(page)
	return page, next, failed, nil
}

// byScore puts leads in the order of their scores.
func byScore(list []Evaluated) {
	slices.SortFunc(list, func(a, b Evaluated) int {
		return cmp.Or(-cmp.Compare(a.Micro, b.Micro), cmp.Compare(a.Person, b.Person))
	})
}

// evaluateAll evaluates leads of which the heads are known, in their order.
func (l *Leads) evaluateAll(ctx context.Context, w string, m scoring.Model, heads []store.Lead, asOf time.Time) (out []Evaluated, failed int, err error) {
	ids := make([]string, len(heads))
	for i, h := range heads {
		ids[i] = h.Person
	}
	persons, err := l.store.PersonsByID(ctx, w, ids)
	if err != nil {
		return nil, 0, err
	}
	found, at := make([]Evaluated, len(heads)), &companies{}
	errs := parallel.Each(ctx, len(heads), atOnce, func(i int) (err error) {
		_, found[i], err = l.evaluate(ctx, m, w, persons[i], heads[i], asOf, at)
		return err
	})
	for i, err := range errs {
		switch {
		case err == nil:
			out = append(out, found[i])
		case fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge):
			// One person's facts that can't be scored must not cost the others theirs.
			slog.ErrorContext(ctx, "lead not evaluated", "workspace", w, "person", heads[i].Person, "error", err.Error())
			failed++
		case !fault.Is(err, fault.NotFound):
			return nil, 0, err
		}
	}
	return out, failed, nil
}

// MaxEvaluated is how many leads Top looks at.
const MaxEvaluated = 300

// Top evaluates leads as of an instant and returns the best, at most limit. It
// looks at those that stand highest in the stored list, MaxEvaluated at most;
// complete says whether those were all there are, and all could be evaluated.
func (l *Leads) Top(ctx context.Context, w string, asOf time.Time, limit int) (top []Evaluated, complete bool, err error) {
	top, next, failed, err := l.Page(ctx, w, "", MaxEvaluated, asOf)
	if err != nil {
		return nil, false, err
	}
	return top[:min(limit, len(top))], next == "" && failed == 0, nil
}
