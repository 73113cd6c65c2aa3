package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/parallel"
	"rapport/internal/social"
)

// What is decided about a lead is a fact: it stands with an account of the
// person, never with the person, so that it follows the account where persons
// are merged and taken apart. Of a person of several accounts the newest holds.

// LeadDecision is what somebody decided about a lead.
type LeadDecision struct {
	ID     string // made by whoever asks: the same again is the same decision
	At     time.Time
	By     string // the id of a member or of a machine key
	Person string // of whom it was decided, as the person was then
	Kind   LeadKind
	To     string    // the status, the owner or the department; "": none any more
	Until  time.Time // of a snooze; zero: it ends now
	Text   string    // of a note; of the others why, which may be empty
}

// LeadKind is what was decided.
type LeadKind string

// The kinds of decisions about a lead.
const (
	LeadStatus     LeadKind = "status"      // how far we are with the person
	LeadOwned      LeadKind = "owned"       // a member works with the person, or nobody in particular any more
	LeadSnoozed    LeadKind = "snoozed"     // not to be called until an instant
	LeadHandedOver LeadKind = "handed_over" // a department goes on with the person, or none any more
	LeadNoted      LeadKind = "noted"       // something to be known
)

// Statuses of a lead.
const (
	StatusNew       = "new" // nothing was decided
	StatusContacted = "contacted"
	StatusQualified = "qualified"
	StatusNotALead  = "not_a_lead"
	StatusCustomer  = "customer"
)

// Working is what decisions about a lead come to.
type Working struct {
	Status     string    // "": new
	Owner      string    // a member's id; "": nobody's
	Snoozed    time.Time // not to be called until then; zero: not snoozed
	Department string    // "": not handed over
	Customer   bool      // by how it came out last: won or renewed, and not churned since
	Decided    time.Time // when something was decided last, a note too, or an outcome recorded; zero: never
}

// And takes in a newer decision.
func (k *Working) And(d LeadDecision) {
	if d.At.After(k.Decided) {
		k.Decided = d.At
	}
	switch d.Kind {
	case LeadStatus:
		if k.Status = d.To; d.To == StatusNew {
			k.Status = ""
		}
	case LeadOwned:
		k.Owner = d.To
	case LeadSnoozed:
		k.Snoozed = d.Until
	case LeadHandedOver:
		k.Department = d.To
	}
}

// leadKinds are also the groups of which the newest holds.
var leadKinds = []LeadKind{LeadStatus, LeadOwned, LeadSnoozed, LeadHandedOver, LeadNoted}

func (it decisionItem) leadDecision() (LeadDecision, error) {
	d := LeadDecision{ID: it.ID, By: it.By, Person: it.Of, Kind: LeadKind(it.Kind), To: it.To, Text: it.Text}
	var err error
	if d.At, err = social.ParseStamp(it.At); err == nil && it.Until != "" {
		d.Until, err = social.ParseStamp(it.Until)
	}
	return d, err
}

// PutLeadDecision stores a decision about a lead with an account of the person,
// with the audit line that the context brings, and returns it. One of the same
// id that says the same, with any of the person's accounts, is returned as it
// is; one that says something else is an error of kind Conflict.
func (s *Store) PutLeadDecision(ctx context.Context, w, account string, of Person, d LeadDecision) (LeadDecision, error) {
	pk := func(account string) string { return accountPK(factsOf(w), account) }
	it := decisionItem{PK: pk(account), SK: decisionSK(string(d.Kind), d.At, d.ID), Schema: 1, ID: d.ID, At: social.Stamp(d.At), By: d.By, Kind: string(d.Kind), To: d.To, Text: d.Text, Of: of.ID}
	if !d.Until.IsZero() {
		it.Until = social.Stamp(d.Until)
	}
	// Sent first, it may have been stored with another of them.
	var keys []key
	for _, a := range of.Accounts {
		if a != account {
			keys = append(keys, key{pk(a), decidedSK(d.ID)})
		}
	}
	found, err := s.batchGet(ctx, keys)
	if err != nil {
		return d, err
	}
	for i, av := range found {
		if av == nil {
			continue
		}
		var there decidedItem
		if err := attributevalue.UnmarshalMap(av, &there); err != nil {
			return d, err
		}
		was, err := s.decided(ctx, key{keys[i].PK, there.Where}, it)
		if err != nil {
			return d, err
		}
		return was.leadDecision()
	}
	// None with an account that is gone: an erasure that took that would not find it.
	was, err := s.putDecided(ctx, it, key{it.PK, "@"}, "this account is not known: it may be erased right now")
	if err != nil {
		return d, err
	}
	return was.leadDecision()
}

// LeadDecisions returns what was decided about a lead, newest first, after a
// place, at most limit, and the place of the last ("": there are no more). It
// reads so many of each kind and account.
func (s *Store) LeadDecisions(ctx context.Context, w string, accounts []string, after string, limit int) ([]LeadDecision, string, error) {
	var qs []query
	for _, a := range accounts {
		for _, k := range leadKinds {
			q := query{pk: accountPK(factsOf(w), a), prefix: decisionsOf(string(k)), descending: true, limit: limit + 1}
			if after != "" {
				q.after = q.prefix + after
			}
			qs = append(qs, q)
		}
	}
	items, err := s.decidedIn(ctx, qs)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].place()
	}
	out := make([]LeadDecision, len(items))
	for i, it := range items {
		if out[i], err = it.leadDecision(); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// WorkingWith is what decisions about a lead come to, of those made until an
// instant. Where nothing was decided that is one small request for each account;
// else it reads the newest of each kind.
func (s *Store) WorkingWith(ctx context.Context, w string, accounts []string, until time.Time) (k Working, err error) {
	some := make([]bool, len(accounts))
	errs := parallel.Each(ctx, len(accounts), 16, func(i int) error {
		first, err := all[key](ctx, s, query{pk: accountPK(factsOf(w), accounts[i]), prefix: decisions, limit: 1})
		some[i] = len(first) > 0
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return k, err
	}
	var qs []query
	for i, a := range accounts {
		for _, kind := range leadKinds {
			if of := decisionsOf(string(kind)); some[i] {
				qs = append(qs, query{pk: accountPK(factsOf(w), a), from: of, to: of + social.Stamp(until) + "$", descending: true, limit: 1})
			}
		}
	}
	items, err := s.decidedIn(ctx, qs)
	if err != nil || len(qs) == 0 {
		return k, err
	}
	for _, it := range slices.Backward(items) {
		d, err := it.leadDecision()
		if err != nil {
			return k, err
		}
		k.And(d)
	}
	customer, recorded, err := s.customer(ctx, w, accounts, until)
	if k.Customer = customer; recorded.After(k.Decided) {
		k.Decided = recorded
	}
	return k, err
}

// decidedIn returns the decisions that queries find, newest first.
func (s *Store) decidedIn(ctx context.Context, qs []query) ([]decisionItem, error) {
	parts := make([][]decisionItem, len(qs))
	errs := parallel.Each(ctx, len(qs), 16, func(i int) (err error) {
		parts[i], err = all[decisionItem](ctx, s, qs[i])
		return err
	})
	items := slices.Concat(parts...)
	slices.SortFunc(items, func(a, b decisionItem) int { return cmp.Compare(b.place(), a.place()) })
	return items, errors.Join(errs...)
}

// place is where a decision stands among those of its group.
func (it decisionItem) place() string { return it.At + "#" + it.ID }

// ForgetLeadDecisions takes away what was decided about a lead and stands with
// an account that is being erased, and what stands with others but was decided
// about a person of several that it was part of: notes hold words about the
// person. It returns how many there were.
func (s *Store) ForgetLeadDecisions(ctx context.Context, w, account string, partOf []Person) (int, error) {
	removed, err := s.takeDecisions(ctx, accountPK(w, account))
	if err != nil {
		return removed, err
	}
	was, others := map[string]bool{}, []string{}
	for _, p := range partOf {
		was[p.ID], others = true, append(others, p.Accounts...)
	}
	for _, a := range unique(others) {
		items, err := all[decisionItem](ctx, s, query{pk: accountPK(w, a), prefix: decisions, most: maxForgotten})
		if err != nil {
			return removed, err
		}
		for _, it := range items {
			if !was[it.Of] {
				continue
			}
			if _, err := s.take(ctx, key{it.PK, decidedSK(it.ID)}); err != nil {
				return removed, err
			}
			there, err := s.take(ctx, key{it.PK, it.SK})
			if err != nil {
				return removed, err
			}
			if there {
				removed++
			}
		}
	}
	return removed, nil
}

// CountLeads counts the leads of a workspace, up to a limit.
func (s *Store) CountLeads(ctx context.Context, w, model string, limit int) (int, error) {
	pks := allShards(w + "#R#" + model)
	counts := make([]int, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) error {
		return s.scan(ctx, query{index: "G1", pk: pks[i], limit: limit, keysOnly: true}, func(map[string]types.AttributeValue) (bool, error) {
			counts[i]++
			return true, nil
		})
	})
	n := 0
	for _, c := range counts {
		n += c
	}
	return min(n, limit), errors.Join(errs...)
}
