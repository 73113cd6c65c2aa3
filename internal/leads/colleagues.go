package leads

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"rapport/internal/fault"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Where a model has a rule about colleagues, each person whose company is known
// is listed there, with the days on which they did something that counts
// (store.Colleague). The head says where, and is written before: so whoever
// takes a head away finds the person's place in the list. When other days are
// listed, those colleagues are scored again who may get other points by that;
// until they are, the place is open, so that an attempt that dies is made up for.

// people is who is listed at a company, seen by one of them.
type people struct {
	company string // its id
	mine    store.Colleague
	others  []store.Colleague
	more    bool // there are others
}

// peopleOf reads who is listed at a company; "": nobody.
func (l *Leads) peopleOf(ctx context.Context, w, company, person string) (people, error) {
	var once companies
	p, err := once.othersOf(ctx, l.store, w, company, person)
	if err == nil && p.more && p.mine.Version == 0 {
		p.mine, err = l.store.ColleagueOf(ctx, w, company, person)
	}
	return p, err
}

// companies are who is listed at the companies of a workspace, each read once:
// for as long as one request takes.
type companies struct {
	sync.Mutex
	read map[string]*listed
	held int // people
}

// listed is who is listed at a company.
type listed struct {
	sync.Mutex
	done bool
	list []store.Colleague
	more bool
}

// maxHeld bounds how many people are held of all companies.
const maxHeld = 20_000

// othersOf is who is listed at a company, seen by one of them; "": nobody. The
// place of who is not among the first 500 is not looked for.
func (c *companies) othersOf(ctx context.Context, s *store.Store, w, company, person string) (people, error) {
	p := people{company: company, mine: store.Colleague{Person: person}}
	if company == "" {
		return p, nil
	}
	at, err := c.of(ctx, s, w, company)
	if err != nil {
		return p, err
	}
	p.more = at.more
	for _, c := range at.list {
		if c.Person == person {
			p.mine = c
		} else {
			p.others = append(p.others, c)
		}
	}
	return p, nil
}

func (c *companies) of(ctx context.Context, s *store.Store, w, company string) (*listed, error) {
	c.Lock()
	if c.read == nil || c.held > maxHeld {
		c.read, c.held = map[string]*listed{}, 0
	}
	at := c.read[company]
	if at == nil {
		at = &listed{}
		c.read[company] = at
	}
	c.Unlock()
	at.Lock()
	defer at.Unlock()
	if at.done {
		return at, nil
	}
	var err error
	if at.list, at.more, err = s.PeopleOf(ctx, w, company); err != nil {
		return at, err
	}
	at.done = true
	c.Lock()
	c.held += len(at.list)
	c.Unlock()
	return at, nil
}

// firm is what a score knows of the company of a person of whom k is known.
func (p people) firm(k store.Known) *scoring.Company {
	c := &scoring.Company{More: p.more}
	if k.Company != "" {
		c.Name = cmp.Or(k.CompanyName, k.Company)
	}
	for _, o := range p.others {
		c.Others = append(c.Others, o.Days)
	}
	return c
}

// worksAt is the company at which the person is to be listed; "": none.
func (p *past) worksAt() string {
	if slices.ContainsFunc(p.models, func(m scoring.Model) bool { return m.CompanyDays() > 0 }) {
		return p.head.Known.Company
	}
	return ""
}

// publishedSince reports whether a model that asks for colleagues was published
// since a person was scored. What the person is listed with may be of before
// an earlier one was taken out of use.
func publishedSince(models []scoring.Model, old []store.Lead) bool {
	for i, m := range models {
		if m.CompanyDays() > 0 && old[i].ModelVer != m.ID+"@"+strconv.Itoa(m.Version) {
			return true
		}
	}
	return false
}

// counts reports whether what somebody did counts for their colleagues: what
// only changes other activities, or closes a thread, does not. What was deleted
// afterwards was done all the same.
func counts(t social.Type) bool {
	return t != social.Edit && t != social.Delete && t != social.Unreact && !t.Closing()
}

// days are those on which the person did something that counts. What was listed
// of the time before the horizon stands, but where whole says that all is to be
// looked at.
func (p *past) days(ctx context.Context, listed store.Colleague, whole bool, newest time.Time) ([]int, error) {
	days := maps.Clone(p.acted)
	if days == nil {
		days = map[int]bool{}
	}
	if whole || listed.Version == 0 {
		if err := p.readRecords(ctx, "", store.EndOfHistory); err != nil {
			return nil, err
		}
		clear(days)
	} else {
		first := newest
		for _, m := range p.models {
			if since := m.Since(newest); since.Before(first) {
				first = since
			}
		}
		for _, d := range listed.Days {
			if d <= scoring.DayOf(first) {
				days[d] = true
			}
		}
	}
	for _, r := range p.records {
		if r.Direction == social.Inbound && !r.Automatic && counts(r.Type) && slices.ContainsFunc(p.accounts, r.By) {
			days[scoring.DayOf(r.Time())] = true
		}
	}
	return slices.Sorted(maps.Keys(days)), nil
}

// join lists a person at a company with days.
func (l *Leads) join(ctx context.Context, w string, models []scoring.Model, at people, days []int, live bool, now time.Time) error {
	mine := at.mine
	if mine.Version > 0 && !mine.Open && slices.Equal(mine.Days, days) {
		return nil
	}
	is, err := l.list(ctx, w, models, at, days, live, now)
	if err != nil || !is.Open {
		return err
	}
	is.Open = false
	_, err = l.store.PutColleague(ctx, w, at.company, is)
	return err
}

// leave takes a person off a company; one of version 0 is not there.
func (l *Leads) leave(ctx context.Context, w string, models []scoring.Model, was people, live bool, now time.Time) error {
	if was.mine.Version == 0 || l.quiet {
		return nil
	}
	is, err := l.list(ctx, w, models, was, nil, live, now)
	if err != nil {
		return err
	}
	return l.store.DeleteColleague(ctx, w, was.company, is)
}

// Unlist takes one who goes, or is no person any more, off the people of a
// company; the lead stays, and goes after.
func (l *Leads) Unlist(ctx context.Context, w, person string, now time.Time) error {
	head, err := l.store.Lead(ctx, w, person, ModelID)
	if fault.Is(err, fault.NotFound) || err == nil && head.ListedAt == "" {
		return nil
	}
	if err != nil {
		return err
	}
	active, err := l.active(ctx, w)
	if err != nil {
		return err
	}
	var models []scoring.Model
	for _, id := range idsOf(active) {
		m, err := l.published(ctx, w, id, active[id])
		if err != nil {
			return err
		}
		models = append(models, m)
	}
	return store.Again(ctx, func() error {
		was, err := l.peopleOf(ctx, w, head.ListedAt, person)
		if err != nil {
			return err
		}
		return l.leave(ctx, w, models, was, false, now)
	})
}

// list writes the days of a person of a company, and scores those colleagues
// again who may get other points by that, and the person where others came
// meanwhile. It returns the person as listed.
func (l *Leads) list(ctx context.Context, w string, models []scoring.Model, at people, days []int, live bool, now time.Time) (store.Colleague, error) {
	mine, today := at.mine, scoring.DayOf(now)
	all := mine.Open // somebody wrote other days, and died
	is := mine
	is.Days, is.Open = days, all || slices.ContainsFunc(models, func(m scoring.Model) bool { return m.Counts(mine.Days, days, today) })
	is, err := l.store.PutColleague(ctx, w, at.company, is)
	if err != nil {
		return is, err
	}
	if mine.Version == 0 {
		// Before a place was there, whoever takes the head away may have looked for it.
		head, err := l.store.Lead(ctx, w, mine.Person, ModelID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return is, err
		}
		if head.ListedAt != at.company {
			return is, errors.Join(l.store.DeleteColleague(ctx, w, at.company, is), fault.New(fault.Conflict, "the lead went meanwhile"))
		}
	}
	if !is.Open {
		return is, nil
	}
	// Whoever came since at was read may not have seen these days.
	fresh, err := l.peopleOf(ctx, w, at.company, mine.Person)
	if err != nil {
		return is, err
	}
	moved, open := make([]bool, len(fresh.others)), make([]bool, len(fresh.others))
	for i, o := range fresh.others {
		open[i] = o.Open
	}
	for _, m := range models {
		for i, moves := range m.Moves(fresh.firm(store.Known{}), open, mine.Days, days, today) {
			moved[i] = moved[i] || moves
		}
	}
	var again []string
	for i, o := range fresh.others {
		if all || moved[i] {
			again = append(again, o.Person)
		}
	}
	if !slices.EqualFunc(at.others, fresh.others, func(a, b store.Colleague) bool { return a.Person == b.Person && slices.Equal(a.Days, b.Days) }) {
		again = append(again, mine.Person)
	}
	return is, l.scoreQuietly(ctx, w, again, live, now)
}

// scoreQuietly scores persons again, and lists nobody.
func (l *Leads) scoreQuietly(ctx context.Context, w string, ids []string, live bool, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	persons, err := l.store.PersonsByID(ctx, w, ids)
	if err != nil {
		return err
	}
	var stale []view.Stale
	for _, p := range persons {
		if len(p.Accounts) > 0 {
			stale = append(stale, view.Stale{Account: p.Accounts[0], Since: now, Until: now, Live: live})
		}
	}
	quiet := *l
	quiet.quiet = true
	var errs []error
	for i, err := range quiet.scoreAll(ctx, w, now, stale) {
		if err != nil && !fault.Retryable(err) { // it must not cost this person's score
			slog.ErrorContext(ctx, "colleague not scored", "workspace", w, "account", stale[i].Account, "error", err.Error())
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
