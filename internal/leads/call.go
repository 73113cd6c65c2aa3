package leads

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/profile"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Call is whether somebody should call a lead, and what stands against it.
type Call struct {
	ToCall    bool
	Held      Held       // why nobody should, although the score is one of a lead to call
	Complaint *Complaint // that is open; looked for where the score is one of a lead to call
	Answered  time.Time  // when the business said something to the person last, within the model's horizon; zero: not
	Told      Told       // of one lead, or where it was asked for
}

// Held is why nobody should call somebody whose score is one of a lead to call.
type Held string

// What holds a call back, the first of these that is so.
const (
	HeldNoInterest Held = "no_interest" // none of the rules that the model's call_needs names gave points
	HeldCustomer   Held = "customer"
	HeldNoCustomer Held = "no_customer" // by a model that is for customers
	HeldNotALead   Held = "not_a_lead"
	HeldSnoozed    Held = "snoozed"
	HeldComplaint  Held = "complaint" // service answers that first; by a model that is for customers it is what to call about
)

// Complaint is a conversation that waits, since somebody has a problem, complains or is about to leave.
type Complaint struct {
	Thread string
	Intent string
	Since  time.Time
	ref    store.FactRef
}

// Told is what a seller reads before a call.
type Told struct {
	Words []Said // of the person, behind the strongest reasons
	Reach Reach
}

// Said is a message of the person, as it stands.
type Said struct {
	Key      string
	Message  string
	Rule     string // the reason that it is behind
	Text     string
	Platform string
	Scope    string
	URL      string
	Occurred time.Time
}

// Reach is where the person can be answered: at the newest message that stands.
type Reach struct {
	Platform, Handle, Name string
	URL                    string // of that message; may be empty
	Thread                 string // the conversation that it is in; may be empty
	Email                  string // as it was told; may be empty
}

const (
	maxSaid       = 3   // messages that are shown of a lead
	maxComplaints = 5   // messages that say what may be an open complaint: so many of the newest are looked at
	maxReach      = 5   // of the person's newest messages: so many are looked at for one that stands
	maxShown      = 280 // characters that are shown of a message
)

// complains are the intents of an open complaint.
var complains = []string{social.IntentProblem, social.IntentComplaint, social.IntentChurn}

// callFrom is from how many micro-points somebody should call.
func callFrom(m scoring.Model) int64 { return int64(cmp.Or(m.CallFrom, m.Engagement[1])) }

// CallFrom is from how many micro-points somebody should call, by a workspace's active model (By).
func (l *Leads) CallFrom(ctx context.Context, w string) (int64, error) {
	m, err := l.Model(ctx, w)
	return callFrom(m), err
}

// forever is after every instant that is kept.
var forever = time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)

// judge says whether somebody should call a lead as of an instant.
func (p *past) judge(ctx context.Context, e *Evaluated, asOf time.Time) error {
	for _, r := range p.records {
		if at := r.Time(); r.Direction == social.Outbound && r.Type.Utterance() && !r.Automatic && !at.After(asOf) && at.After(e.Answered) {
			e.Answered = at
		}
	}
	if e.Decided.After(asOf) {
		k, err := p.leads.store.WorkingWith(ctx, p.w, p.accounts, asOf)
		if err != nil {
			return err
		}
		e.Working = k
	}
	if e.Micro < p.model.CallsFrom() {
		return nil
	}
	if !p.model.Calls(e.Score) {
		e.Held = HeldNoInterest
		return nil
	}
	var err error
	if e.Complaint, err = p.complaint(ctx, asOf); err != nil {
		return err
	}
	forThem := suits(p.model, e.Lead)
	switch {
	case !forThem && isCustomer(e.Lead):
		e.Held = HeldCustomer
	case !forThem:
		e.Held = HeldNoCustomer
	case e.Status == store.StatusNotALead:
		e.Held = HeldNotALead
	case e.Snoozed.After(asOf):
		e.Held = HeldSnoozed
	case e.Complaint != nil && p.model.CallsWhom != scoring.Customers:
		e.Held = HeldComplaint
	}
	e.ToCall = e.Held == ""
	return nil
}

// isCustomer reports whether somebody said that a lead is a customer, or an outcome did.
func isCustomer(h store.Lead) bool { return h.Status == store.StatusCustomer || h.Customer }

// suits reports whether a lead is one of those whom a model is for: of customers, or of all others.
func suits(m scoring.Model, h store.Lead) bool {
	return isCustomer(h) == (m.CallsWhom == scoring.Customers)
}

// saidBy returns the person's newest records that pass, until an instant, at most limit.
func (p *past) saidBy(until time.Time, limit int, pass func(scoring.Record) bool) []scoring.Record {
	var out []scoring.Record
	seen := map[uint64]bool{}
	records := slices.Clone(p.records)
	for _, a := range p.undated {
		records = append(records, scoring.RecordOf(a))
	}
	slices.SortFunc(records, func(a, b scoring.Record) int { return cmp.Or(-cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	for _, r := range records {
		if len(out) < limit && !seen[r.ID] && r.Direction == social.Inbound && !r.Automatic && !r.Time().After(until) && slices.ContainsFunc(p.accounts, r.By) && pass(r) {
			seen[r.ID] = true
			out = append(out, r)
		}
	}
	return out
}

// facts returns the facts of the person's records, in their order; one that is gone is the zero Activity.
func (p *past) facts(ctx context.Context, records []scoring.Record) ([]social.Activity, error) {
	out := make([]social.Activity, len(records))
	errs := parallel.Each(ctx, len(records), atOnce, func(i int) error {
		r := records[i]
		is := func(a social.Activity) bool { return scoring.RecordOf(a).ID == r.ID }
		if k := slices.IndexFunc(p.undated, is); k >= 0 {
			out[i] = p.undated[k]
			return nil
		}
		account := p.accounts[slices.IndexFunc(p.accounts, r.By)]
		found, err := p.leads.store.FactsAt(ctx, p.w, account, r.Time())
		if k := slices.IndexFunc(found, is); k >= 0 {
			out[i] = found[k]
		}
		return err
	})
	return out, errors.Join(errs...)
}

// standing returns facts as they stand by now: of what was deleted, no words.
func (p *past) standing(ctx context.Context, as []social.Activity) ([]social.Activity, error) {
	now, err := p.leads.store.AmendedOf(ctx, p.w, as)
	if err != nil {
		return nil, err
	}
	out := make([]social.Activity, len(as))
	for i, a := range as {
		if out[i] = a; a.Key != "" {
			out[i] = now[i].Shown(a)
		}
	}
	return out, nil
}

// complaint returns a conversation that waits as of an instant since the person
// has a problem, complains or is about to leave; nil if there is none. It looks
// at the conversations of the newest messages that say so.
func (p *past) complaint(ctx context.Context, asOf time.Time) (*Complaint, error) {
	records := p.saidBy(asOf, maxComplaints, func(r scoring.Record) bool {
		return (r.Type.Utterance() || r.Type == social.Edit) && slices.Contains(complains, r.Intent)
	})
	facts, err := p.facts(ctx, records)
	if err != nil {
		return nil, err
	}
	looked := map[string]bool{}
	for _, a := range facts {
		if a.Key == "" {
			continue
		}
		h, err := p.conversation(ctx, a)
		// What was said or decided after the instant may have changed it.
		if err == nil && (h.Last.After(asOf) || h.Some) {
			h, err = p.leads.store.Stand(ctx, p.w, h.Thread, h.Asker, asOf.Add(time.Millisecond))
		}
		if fault.Is(err, fault.NotFound) || err == nil && looked[h.Thread+h.Asker] {
			continue
		}
		if err != nil {
			return nil, err
		}
		looked[h.Thread+h.Asker] = true
		if !h.WaitingSince.IsZero() && slices.Contains(complains, h.Asked.Intent) {
			return &Complaint{h.Thread, h.Asked.Intent, h.WaitingSince, h.Waiting}, nil
		}
	}
	return nil, nil
}

// conversation is the conversation that a message of the person is in; an
// error of kind NotFound if there is none.
func (p *past) conversation(ctx context.Context, a social.Activity) (store.Head, error) {
	s := p.leads.store
	place, err := s.Place(ctx, p.w, store.MessageID(a.Platform, a.Scope, a.Object.ID))
	if err != nil {
		return store.Head{}, err
	}
	root, err := s.Root(ctx, p.w, place.Thread)
	if err != nil {
		return store.Head{}, err
	}
	return s.Head(ctx, p.w, root, a.Account().AccountID())
}

// tell returns what a seller reads before a call: at most maxSaid messages and
// how to reach the person.
func (p *past) tell(ctx context.Context, e Evaluated) (Told, error) {
	by := map[string]scoring.Record{}
	said := func(r scoring.Record) bool { return r.Type.Utterance() }
	for _, r := range p.saidBy(e.AsOf, len(p.records)+len(p.undated), said) {
		by[r.Ref()] = r
	}
	// The newest behind each reason, the strongest reason first; then the next newest.
	var reasons [][]scoring.Record
	var rules []string
	for _, c := range e.Score.Contributions {
		var rs []scoring.Record
		for _, ref := range c.Evidence {
			if r, ok := by[ref]; ok && c.Micro > 0 {
				rs = append(rs, r)
			}
		}
		slices.SortFunc(rs, func(a, b scoring.Record) int { return cmp.Or(-cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
		reasons, rules = append(reasons, rs), append(rules, c.Rule)
	}
	var picked []scoring.Record
	var behind []string
	for n := 0; n < maxSaid && len(picked) < maxSaid; n++ {
		for i, rs := range reasons {
			for len(reasons[i]) > 0 && slices.ContainsFunc(picked, func(r scoring.Record) bool { return r.ID == reasons[i][0].ID }) {
				reasons[i] = reasons[i][1:]
			}
			if rs = reasons[i]; len(rs) > 0 && len(picked) < maxSaid {
				picked, behind = append(picked, rs[0]), append(behind, rules[i])
			}
		}
	}
	newest := p.saidBy(e.AsOf, maxReach, said)
	facts, err := p.facts(ctx, slices.Concat(picked, newest))
	if err != nil {
		return Told{}, err
	}
	now, err := p.standing(ctx, facts)
	if err != nil {
		return Told{}, err
	}
	t := Told{Reach: Reach{Platform: e.Platform, Handle: e.Handle, Name: e.Name}}
	for i, a := range now[:len(picked)] {
		if text := social.Excerpt(a.Text, maxShown); text != "" {
			t.Words = append(t.Words, Said{Key: a.Key, Message: store.MessageID(a.Platform, a.Scope, a.Object.ID), Rule: behind[i], Text: text, Platform: string(a.Platform), Scope: a.Scope, URL: a.URL, Occurred: a.Occurred})
		}
	}
	for _, a := range now[len(picked):] {
		if a.Key == "" || a.Text == "" {
			continue
		}
		h, err := p.conversation(ctx, a)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return Told{}, err
		}
		t.Reach = Reach{Platform: string(a.Platform), Handle: social.Shown(a.Actor.Handle), Name: social.Shown(a.Actor.Name), URL: a.URL, Thread: h.Thread}
		break
	}
	of, err := p.readAttributes(ctx)
	if err != nil {
		return Told{}, err
	}
	for _, h := range profile.Holding(of, e.AsOf) {
		if h.Name == profile.Email {
			t.Reach.Email = h.Value
		}
	}
	return t, nil
}

// Tell adds to evaluated leads what a seller reads before a call: it reads at
// most eight messages of each, and the conversation of one.
func (l *Leads) Tell(ctx context.Context, w string, list []Evaluated) error {
	m, err := l.Model(ctx, w)
	if err != nil {
		return err
	}
	errs := parallel.Each(ctx, len(list), atOnce, func(i int) error {
		e := &list[i]
		p := &past{leads: l, w: w, accounts: e.Accounts, model: m, head: e.Lead}
		if err := p.readRecords(ctx, store.MarkAt(m.Since(e.AsOf)), store.MarkAfter(e.AsOf)); err != nil {
			return err
		}
		if e.Undated {
			if err := p.readUndated(ctx); err != nil {
				return err
			}
		}
		e.Told, err = p.tell(ctx, *e)
		return err
	})
	return errors.Join(errs...)
}

// Wanted is which leads a list asks for.
type Wanted struct {
	Head func(store.Lead) bool // asked before one is evaluated
	Lead func(Evaluated) bool
}

// List returns leads as of now that are wanted, in the order of the stored
// list, after a place in it, at most limit; those of the page in the order of
// their scores. It looks at no more than MaxEvaluated of the stored list: then
// next is where to go on, though the page may hold fewer than limit.
func (l *Leads) List(ctx context.Context, w string, want Wanted, after string, limit int, now time.Time) (page []Evaluated, next string, err error) {
	m, err := l.Model(ctx, w)
	if err != nil {
		return nil, "", err
	}
	for looked, n := 0, limit; looked < MaxEvaluated && len(page) < limit; n = max(limit, leastLooked) {
		heads, more, err := l.store.Leads(ctx, w, l.by, after, n)
		if err != nil {
			return nil, "", err
		}
		looked += n
		heads = slices.DeleteFunc(heads, func(h store.Lead) bool { return !want.Head(h) })
		found, _, err := l.evaluateAll(ctx, w, m, heads, now)
		if err != nil {
			return nil, "", err
		}
		found = slices.DeleteFunc(found, func(e Evaluated) bool { return !want.Lead(e) })
		if n := limit - len(page); len(found) > n {
			found = found[:n]
			last := slices.IndexFunc(heads, func(h store.Lead) bool { return h.Person == found[n-1].Person })
			more = heads[last].Place()
		}
		page, after, next = append(page, found...), more, more
		if more == "" {
			break
		}
	}
	byScore(page)
	return page, next, nil
}

// ListAt returns leads as of an instant that are wanted, MaxEvaluated of the
// stored list at a time, each such part in the order of the scores; after a
// place, at most limit. complete says whether the part is the whole list.
func (l *Leads) ListAt(ctx context.Context, w string, want Wanted, after string, limit int, asOf time.Time) (page []Evaluated, next string, complete bool, err error) {
	part, rest, within := strings.Cut(after, " ") // the place of the part, and the last of the page before
	found, more, failed, err := l.Page(ctx, w, part, MaxEvaluated, asOf)
	if err != nil {
		return nil, "", false, err
	}
	if within {
		figure, person, _ := strings.Cut(rest, " ")
		micro, err := strconv.ParseInt(figure, 10, 64)
		if err != nil {
			return nil, "", false, fault.Wrap(fault.Internal, err, "")
		}
		found = slices.DeleteFunc(found, func(e Evaluated) bool {
			return cmp.Or(-cmp.Compare(e.Micro, micro), cmp.Compare(e.Person, person)) <= 0
		})
	}
	found = slices.DeleteFunc(found, func(e Evaluated) bool { return !want.at(e) })
	if next = more; len(found) > limit {
		found = found[:limit]
		next = part + " " + strconv.FormatInt(found[limit-1].Micro, 10) + " " + found[limit-1].Person
	}
	return found, next, part == "" && more == "" && failed == 0, nil
}

// at reports whether a lead as of an instant is wanted: its head is of today.
func (want Wanted) at(e Evaluated) bool {
	head := e.Lead
	head.SeenOn, head.AsOf = e.Platform, e.LastSeen
	return want.Head(head) && want.Lead(e)
}

// leastLooked is how many leads are looked at at once after the first, however
// few are asked for: a filter may let none of them through.
const leastLooked = 50

// Calls counts those to call as of now, who are among the leads that stand
// highest in the stored list, MaxEvaluated at most; more says that there may be
// others.
func (l *Leads) Calls(ctx context.Context, w string, now time.Time) (calls int, more bool, err error) {
	m, err := l.Model(ctx, w)
	if err != nil {
		return 0, false, err
	}
	heads, next, err := l.store.Leads(ctx, w, l.by, "", MaxEvaluated)
	if err != nil {
		return 0, false, err
	}
	least := store.Step(callFrom(m))
	more = next != "" && (len(heads) == 0 || store.Step(heads[len(heads)-1].Micro) >= least)
	heads = slices.DeleteFunc(heads, func(h store.Lead) bool { return store.Step(h.Micro) < least })
	found, failed, err := l.evaluateAll(ctx, w, m, heads, now)
	for _, e := range found {
		if e.ToCall {
			calls++
		}
	}
	return calls, more || failed > 0, err
}
