package leads_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/erasure"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
)

// question is what somebody asks on the nth day before now.
func question(who string, n int) social.Activity {
	a := asked(fmt.Sprint(who, n), 0)
	a.Actor = social.Actor{ID: who, Name: strings.ToUpper(who)}
	a.Intent, a.Occurred = social.IntentQuestion, now().AddDate(0, 0, -n)
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	return a
}

func accountOf(who string) string { return question(who, 0).Account().AccountID() }

// three questions of 5 points each, at most 20, without decay.
const capped = `{"id":"default","version":1,"horizon_days":365,"engagement":["5","10","15"],"rules":[
	{"id":"questions","kind":"activity","label":{"one":"question","many":"questions"},"when":{"expr":"intent == 'question'"},"within_days":300,"points":"5","cap":"20"}]}`

type community struct {
	*testing.T
	s     *store.Store
	table storetest.Table
	l     *leads.Leads
	n     int
}

func newCommunity(t *testing.T, facts ...social.Activity) *community {
	t.Helper()
	s, table := storetest.NewTable(t)
	m, err := scoring.ParseModel([]byte(capped))
	if err != nil {
		t.Fatal(err)
	}
	publishModel(t, s, m)
	c := &community{t, s, table, leads.New(s), 0}
	c.tell(facts...)
	return c
}

func (c *community) tell(facts ...social.Activity) {
	c.Helper()
	put(c.T, c.s, facts...)
	var stale []view.Stale
	for _, f := range facts {
		if err := c.s.PutAccount(c.Context(), w, f); err != nil {
			c.Fatal(err)
		}
		stale = append(stale, view.StaleBy(f))
	}
	if err := errors.Join(c.l.Score(c.Context(), w, now(), view.Merge(stale)...)...); err != nil {
		c.Fatal(err)
	}
}

func (c *community) decide(d person.Decision) ([]store.Person, error) {
	c.n++
	d.At, d.By = now().Add(time.Duration(c.n)*time.Second), "mem_1"
	if d.ID == "" {
		d.ID = fmt.Sprintf("decision-%d", c.n)
	}
	of := d.One
	if d.Verb == person.Undo {
		d.One = nil
	}
	return c.l.Decide(c.Context(), w, d, of, now(), func([]string) error { return nil })
}

func (c *community) must(d person.Decision) []store.Person {
	c.Helper()
	out, err := c.decide(d)
	if err != nil {
		c.Fatal(err)
	}
	return out
}

func same(a, b string) person.Decision {
	return person.Decision{Verb: person.Same, One: []string{accountOf(a)}, Other: []string{accountOf(b)}}
}

func undo(id string, who ...string) person.Decision {
	d := person.Decision{Verb: person.Undo, Undoes: id}
	for _, a := range who {
		d.One = append(d.One, accountOf(a))
	}
	return d
}

// points are the leads of the list, by their accounts' names.
func (c *community) points() map[string]string {
	c.Helper()
	page, _, failed, err := c.l.Page(c.Context(), w, "", 100, now())
	if err != nil || failed > 0 {
		c.Fatal(failed, err)
	}
	out := map[string]string{}
	for _, e := range page {
		var names []string
		for _, a := range e.Accounts {
			for _, who := range []string{"a", "b", "c", "d", "e"} {
				if accountOf(who) == a {
					names = append(names, who)
				}
			}
		}
		slices.Sort(names)
		out[strings.Join(names, "+")] = scoring.Decimal(e.Micro)
	}
	return out
}

func (c *community) want(what string, want map[string]string) {
	c.Helper()
	if d := cmp.Diff(want, c.points()); d != "" {
		c.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// heads is what the table says of leads and persons, but for what was decided.
func (c *community) heads() map[string]string {
	out := dump(c.T, c.table)
	maps.DeleteFunc(out, func(k, _ string) bool {
		_, sk, _ := strings.Cut(k, " | ")
		return strings.HasPrefix(sk, "K#") || strings.HasPrefix(sk, "N#") || strings.Contains(k, "per_0") && sk == "@"
	})
	return out
}

// Of two with three questions each, five points a question and at most 20, the
// merged person has 20; undone, each has 15 again, to the byte.
func TestMergedAndUndone(t *testing.T) {
	var facts []social.Activity
	for n := 1; n <= 3; n++ {
		facts = append(facts, question("a", n), question("b", n))
	}
	c := newCommunity(t, facts...)
	before := c.heads()
	c.want("before", map[string]string{"a": "15", "b": "15"})

	d := same("a", "b")
	d.ID = "the-merger"
	people := c.must(d)
	if len(people) != 1 || len(people[0].Accounts) != 2 {
		t.Fatalf("merged: %v", people)
	}
	c.want("merged", map[string]string{"a+b": "20"})
	for _, who := range []string{"a", "b"} {
		e, err := c.l.Evaluate(t.Context(), w, social.PersonID(accountOf(who)), now())
		if err != nil || e.Person != people[0].ID || scoring.Decimal(e.Micro) != "20" {
			t.Errorf("the old id of %s leads to %s with %d, %v", who, e.Person, e.Micro, err)
		}
	}
	// The same decision again is found by its id, and carried out again; another under its id is refused.
	again, persons, ok, err := c.l.Decided(t.Context(), w, people[0].ID, d.ID, now(), func([]string) error { return nil })
	if err != nil || !ok || again.Verb != person.Same || len(persons) != 1 || persons[0].ID != people[0].ID {
		t.Errorf("sent again: %+v %v %v %v", again, persons, ok, err)
	}
	d.Other = []string{accountOf("c")}
	if _, err := c.decide(d); !fault.Is(err, fault.Conflict) {
		t.Errorf("another under the same id: %v", err)
	}

	c.must(undo("the-merger", "a", "b"))
	c.want("undone", map[string]string{"a": "15", "b": "15"})
	if d := cmp.Diff(before, c.heads()); d != "" {
		t.Errorf("merged and undone (-before +after):\n%s", d)
	}
	if _, err := c.l.Evaluate(t.Context(), w, people[0].ID, now()); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), social.PersonID(accountOf("b"))) {
		t.Errorf("the merged person's id: %v, which should name the parts", err)
	}
}

func TestChainsAndParts(t *testing.T) {
	var facts []social.Activity
	for _, who := range []string{"a", "b", "c", "d", "e"} {
		facts = append(facts, question(who, 1))
	}
	c := newCommunity(t, facts...)
	first := same("a", "b")
	first.ID = "first-of-two"
	c.must(first)
	c.must(same("b", "c"))
	c.want("a chain", map[string]string{"a+b+c": "15", "d": "5", "e": "5"})
	c.must(undo("first-of-two", "a"))
	c.want("its first link undone", map[string]string{"a": "5", "b+c": "10", "d": "5", "e": "5"})

	c.must(same("a", "b"))
	c.must(same("c", "d"))
	c.must(same("d", "e"))
	c.want("all five", map[string]string{"a+b+c+d+e": "20"})
	c.must(person.Decision{ID: "two-taken-out", Verb: person.Apart, One: []string{accountOf("b"), accountOf("d")}, Other: []string{accountOf("a"), accountOf("c"), accountOf("e")}})
	c.want("two taken out", map[string]string{"a+c+e": "15", "b+d": "10"})
	again := same("a", "d") // a newer decision comes before an older one
	again.ID = "after-all"
	c.must(again)
	c.want("merged after all", map[string]string{"a+b+c+d+e": "20"})
	c.must(undo("after-all", "a"))
	c.want("two taken out again", map[string]string{"a+c+e": "15", "b+d": "10"})
	c.must(undo("two-taken-out", "b"))
	c.want("back together", map[string]string{"a+b+c+d+e": "20"})

	c.tell(question("d", 30)) // counts at the person
	e, err := c.l.Evaluate(t.Context(), w, social.PersonID(accountOf("a")), now())
	if err != nil || len(e.Score.Contributions[0].Evidence) != 6 {
		t.Errorf("evidence of all accounts: %+v, %v", e.Score.Contributions, err)
	}
}

// Who was decided to be somebody else is not merged over a third.
func TestApartOverAThird(t *testing.T) {
	c := newCommunity(t, question("a", 1), question("b", 2), question("c", 3))
	c.must(same("a", "b"))
	c.must(person.Decision{ID: "not-the-same", Verb: person.Apart, One: []string{accountOf("b")}, Other: []string{accountOf("c")}})
	if _, err := c.decide(same("a", "c")); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "not-the-same") {
		t.Errorf("merging with whom a third of it is not: %v", err)
	}
	c.want("after it was refused", map[string]string{"a+b": "10", "c": "5"})
	c.must(undo("not-the-same", "b"))
	c.must(same("a", "c"))
	c.want("undone, then merged", map[string]string{"a+b+c": "15"})
}

// Whatever was decided in whatever order, the heads are those of a community
// to which what is left was decided at once; and undoing all gives the first state.
func TestDecisionsInAnyOrder(t *testing.T) {
	who := []string{"a", "b", "c", "d"}
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 11))
		var facts []social.Activity
		for range 12 {
			facts = append(facts, question(who[r.IntN(4)], 1+r.IntN(200)))
		}
		c := newCommunity(t, facts...)
		before := c.heads()
		var made []string
		for range 5 {
			x, y := r.IntN(4), r.IntN(4)
			switch {
			case x == y:
			case r.IntN(4) == 0 && len(made) > 0:
				c.must(undo(made[0], who...))
				made = made[1:]
			default:
				d := same(who[x], who[y])
				d.ID = fmt.Sprintf("same-%d-%d", seed, c.n)
				c.must(d)
				made = append(made, d.ID)
			}
			if r.IntN(2) == 0 {
				f := question(who[r.IntN(4)], 1+r.IntN(200))
				c.tell(f)
				fresh := newCommunity(t, append(slices.Clone(facts), f)...)
				facts, before = append(facts, f), fresh.heads()
			}
		}
		for _, id := range made {
			c.must(undo(id, who...))
		}
		if d := cmp.Diff(before, c.heads()); d != "" {
			t.Fatalf("seed %d, all undone (-never merged +now):\n%s", seed, d)
		}
	}
}

// Who is erased leaves nothing with those who were one person with it.
func TestErasedOfAPerson(t *testing.T) {
	c := newCommunity(t, question("a", 1), question("b", 2), question("c", 3))
	c.must(same("a", "b"))
	c.must(same("b", "c"))
	c.want("merged", map[string]string{"a+b+c": "15"})
	e := erasure.New(c.s, now)
	if err := e.Account(t.Context(), w, accountOf("b"), erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	c.want("b erased", map[string]string{"a": "5", "c": "5"})
	for k, v := range dump(t, c.table) {
		if strings.Contains(k+v, accountOf("b")) || strings.Contains(k, "per_0") {
			t.Errorf("left: %s: %.200s", k, v)
		}
	}
}

// What was decided about others stands after an erasure, and nothing of who
// was erased, also where the erasure was cut short and where accounts had been
// taken apart from it.
func TestErasedAfterDecisions(t *testing.T) {
	c := newCommunity(t, question("a", 1), question("b", 2), question("c", 3), question("d", 4))
	c.must(same("a", "b"))
	c.must(same("b", "c"))
	c.must(same("c", "d"))
	c.must(person.Decision{ID: "taken-apart", Verb: person.Apart, One: []string{accountOf("a"), accountOf("b")}, Other: []string{accountOf("c"), accountOf("d")}, Why: "a told us"})
	c.want("taken apart", map[string]string{"a+b": "10", "c+d": "10"})

	// An erasure that died after it had taken the account out of what was decided.
	if _, _, err := c.s.Detach(t.Context(), w, accountOf("a")); err != nil {
		t.Fatal(err)
	}
	e := erasure.New(c.s, now)
	removed := map[string]int{}
	if err := e.Account(t.Context(), w, accountOf("a"), erasure.Forever, removed); err != nil {
		t.Fatal(err)
	}
	c.want("a erased", map[string]string{"b": "5", "c+d": "10"})
	for _, who := range []string{"b", "c", "d"} {
		if _, _, err := c.l.Regroup(t.Context(), w, accountOf(who), now()); err != nil {
			t.Fatal(err)
		}
	}
	c.want("grouped anew", map[string]string{"b": "5", "c+d": "10"})
	for k, v := range dump(t, c.table) {
		if strings.Contains(k+v, accountOf("a")) || strings.Contains(v, "a told us") {
			t.Errorf("left: %s: %.300s", k, v)
		}
	}
	if _, err := c.l.Evaluate(t.Context(), w, social.PersonID(accountOf("b")), now()); err != nil {
		t.Errorf("b: %v", err)
	}
}
