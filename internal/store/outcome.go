package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/outcomes"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// How it came out with a person is a fact. Like what is decided about a lead it
// stands with an account of the person, among the decisions.

// Outcome is how it came out with a person.
type Outcome struct {
	ID          string // made by whoever recorded it; one in the workspace
	Person      string // of whom it was recorded, as the person was then
	Account     string // of the person: it follows this one
	Kind        outcomes.Kind
	At          time.Time // when it happened
	Value       string    // a decimal number; "": not known
	Currency    string    // of the value (ISO 4217)
	Recorded    time.Time
	By          string    // the id of a member or of a machine key
	Withdrawn   time.Time // when it was taken back: it counts no more; zero: it was not
	WithdrawnBy string
}

type outcomeItem struct {
	PK, SK      string
	G1PK        string `dynamodbav:",omitempty"`
	G1SK        string `dynamodbav:",omitempty"`
	Schema      int
	ID          string
	Of          string // the person
	Kind        string
	Happened    string
	Value       string `dynamodbav:",omitempty"`
	Currency    string `dynamodbav:",omitempty"`
	At          string // when it was recorded
	By          string
	Withdrawn   string `dynamodbav:",omitempty"`
	WithdrawnBy string `dynamodbav:",omitempty"`
}

func (it outcomeItem) outcome() (Outcome, error) {
	o := Outcome{ID: it.ID, Person: it.Of, Account: lastPart(it.PK), Kind: outcomes.Kind(it.Kind), Value: it.Value, Currency: it.Currency, By: it.By, WithdrawnBy: it.WithdrawnBy}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&o.At, it.Happened}, {&o.Recorded, it.At}, {&o.Withdrawn, it.Withdrawn}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return o, err
		}
		*x.to = t
	}
	return o, nil
}

// PutOutcome stores an outcome with an account of a person, with the audit line
// that the context brings. again says that it was there already: of the same id,
// with any of the person's accounts, and saying the same; else that is an error
// of kind Conflict. A person of whom nothing is known is one of kind NotFound.
func (s *Store) PutOutcome(ctx context.Context, w string, of Person, o Outcome) (was Outcome, again bool, err error) {
	it := outcomeItem{PK: accountPK(w, o.Account), SK: outcomeSK(o), G1PK: outcomesG1(w, o.ID), G1SK: outcomePlace(o), Schema: 1,
		ID: o.ID, Of: of.ID, Kind: string(o.Kind), Happened: social.Stamp(o.At), Value: o.Value, Currency: o.Currency, At: social.Stamp(o.Recorded), By: o.By}
	put, err := s.putting(it, "")
	if err != nil {
		return o, false, err
	}
	mark, err := s.putting(outcomeMark{PK: outcomePK(w, o.ID), SK: "@", Schema: 1, Account: o.Account, Where: it.SK}, "attribute_not_exists(PK)")
	if err != nil {
		return o, false, err
	}
	// None with an account that is gone: an erasure that took that would not find it.
	about := types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &s.table, Key: key{it.PK, "@"}.av(), ConditionExpression: aws.String("attribute_exists(PK)")}}
	if err = s.change(ctx, "outcome", put, mark, about); !fault.Is(err, fault.Conflict) {
		o.Person = of.ID
		return o, false, err
	}
	was, err = s.Outcome(ctx, w, o.ID)
	if fault.Is(err, fault.NotFound) {
		return o, false, fault.New(fault.NotFound, "no such person")
	}
	if err != nil {
		return o, false, err
	}
	if !slices.Contains(of.Accounts, was.Account) || was.Kind != o.Kind || !was.At.Equal(o.At) || was.Value != o.Value || was.Currency != o.Currency {
		return o, false, fault.New(fault.Conflict, "another outcome has this id: give each its own")
	}
	return was, true, nil
}

// outcomeMark says where the outcome of an id stands, so that it is one, how
// often ever it is sent.
type outcomeMark struct {
	PK, SK  string
	Schema  int
	Account string
	Where   string // sort key
}

// Outcome returns the outcome of an id.
func (s *Store) Outcome(ctx context.Context, w, id string) (Outcome, error) {
	var mark outcomeMark
	if err := s.get(ctx, key{outcomePK(w, id), "@"}, &mark); err != nil {
		return Outcome{}, err
	}
	var it outcomeItem
	if err := s.get(ctx, key{accountPK(w, mark.Account), mark.Where}, &it); err != nil {
		return Outcome{}, err
	}
	return it.outcome()
}

// WithdrawOutcome notes that an outcome was taken back, with the audit line
// that the context brings: it stands with the person, and counts no more. One
// that was taken back before stays as it is.
func (s *Store) WithdrawOutcome(ctx context.Context, w, id, by string, at time.Time) (Outcome, error) {
	o, err := s.Outcome(ctx, w, id)
	if err != nil || !o.Withdrawn.IsZero() {
		return o, err
	}
	o.Withdrawn, o.WithdrawnBy = at, by
	return o, s.update(ctx, "outcome", types.Update{Key: key{accountPK(w, o.Account), outcomeSK(o)}.av(),
		UpdateExpression: aws.String("SET Withdrawn = :at, WithdrawnBy = :by REMOVE G1PK, G1SK"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": str(social.Stamp(at)), ":by": str(by)}})
}

// OutcomesOf returns the outcomes of a person that had happened, and were known
// of, by an instant, as they stood then, those that happened last first, at most
// limit; those that were taken back are among them. It looks at the 100 of an
// account that happened last.
func (s *Store) OutcomesOf(ctx context.Context, w string, accounts []string, until time.Time, limit int) ([]Outcome, error) {
	parts := make([][]outcomeItem, len(accounts))
	errs := parallel.Each(ctx, len(accounts), 16, func(i int) (err error) {
		of := decisionsOf(groupOutcome)
		parts[i], err = all[outcomeItem](ctx, s, query{pk: accountPK(factsOf(w), accounts[i]), from: of, to: of + social.Stamp(until) + "$", descending: true, limit: newestOutcomes})
		return err
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	items := slices.Concat(parts...)
	slices.SortFunc(items, func(a, b outcomeItem) int { return cmp.Compare(b.SK, a.SK) })
	list, err := outcomesOf(items)
	list = slices.DeleteFunc(list, func(o Outcome) bool { return o.Recorded.After(until) })
	for i, o := range list {
		if o.Withdrawn.After(until) { // not yet
			list[i].Withdrawn, list[i].WithdrawnBy = time.Time{}, ""
		}
	}
	return list[:min(limit, len(list))], err
}

func outcomesOf(items []outcomeItem) ([]Outcome, error) {
	out := make([]Outcome, len(items))
	for i, it := range items {
		var err error
		if out[i], err = it.outcome(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Outcomes lists a workspace's outcomes that were not taken back, those that
// happened last first, after a place (""), at most limit, and the place of the
// last ("": there are no more). The index behind it lags a moment.
func (s *Store) Outcomes(ctx context.Context, w, after string, limit int) ([]Outcome, string, error) {
	pks := allShards(w + "#OC")
	parts := make([][]outcomeItem, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) (err error) {
		parts[i], err = all[outcomeItem](ctx, s, query{index: "G1", pk: pks[i], after: after, descending: true, limit: limit + 1})
		return err
	})
	for _, err := range errs {
		if err != nil {
			return nil, "", err
		}
	}
	items := slices.Concat(parts...)
	slices.SortFunc(items, func(a, b outcomeItem) int { return strings.Compare(b.G1SK, a.G1SK) })
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].G1SK
	}
	out, err := outcomesOf(items)
	return out, next, err
}

// CountOutcomes counts a workspace's outcomes of each kind, among those that
// happened last, at most about limit; more says that there are others.
func (s *Store) CountOutcomes(ctx context.Context, w string, limit int) (n map[outcomes.Kind]int, more bool, err error) {
	pks := allShards(w + "#OC")
	per := limit / len(pks)
	parts := make([][]string, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) error {
		return s.scan(ctx, query{index: "G1", pk: pks[i], descending: true, limit: per + 1, keysOnly: true}, func(it map[string]types.AttributeValue) (bool, error) {
			parts[i] = append(parts[i], text(it["G1SK"]))
			return true, nil
		})
	})
	n = map[outcomes.Kind]int{}
	for i, err := range errs {
		if err != nil {
			return nil, false, err
		}
		more = more || len(parts[i]) > per
		for _, place := range parts[i][:min(per, len(parts[i]))] {
			_, rest, _ := strings.Cut(place, "#")
			kind, _, _ := strings.Cut(rest, "#")
			n[outcomes.Kind(kind)]++
		}
	}
	return n, more, nil
}

// newestOutcomes is how many outcomes of an account are looked at for how it
// came out with the person.
const newestOutcomes = 100

// customer says whether a person is a customer by the outcomes that had
// happened, and were known of, by an instant, and when the last of them was
// recorded or taken back.
func (s *Store) customer(ctx context.Context, w string, accounts []string, until time.Time) (is bool, recorded time.Time, err error) {
	list, err := s.OutcomesOf(ctx, w, accounts, until, newestOutcomes)
	found := false
	for _, o := range list {
		for _, t := range []time.Time{o.Recorded, o.Withdrawn} {
			if t.After(recorded) {
				recorded = t
			}
		}
		if c, ok := o.Kind.Customer(); ok && o.Withdrawn.IsZero() && !found {
			is, found = c, true
		}
	}
	return is, recorded, err
}

// ForgetOutcomes takes away the outcomes that stand with an account that is
// being erased, and those that stand with others but are of a person of several
// that it was part of. It returns how many there were.
func (s *Store) ForgetOutcomes(ctx context.Context, w, account string, partOf []Person) (int, error) {
	was, accounts := map[string]bool{}, []string{account}
	for _, p := range partOf {
		was[p.ID], accounts = true, append(accounts, p.Accounts...)
	}
	removed := 0
	for _, a := range unique(accounts) {
		items, err := all[outcomeItem](ctx, s, query{pk: accountPK(w, a), prefix: decisionsOf(groupOutcome), most: maxForgotten})
		if err != nil {
			return removed, err
		}
		for _, it := range items {
			if a != account && !was[it.Of] {
				continue
			}
			if _, err := s.take(ctx, key{outcomePK(w, it.ID), "@"}); err != nil {
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
