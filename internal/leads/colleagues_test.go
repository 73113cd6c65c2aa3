package leads_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/drill"
	"rapport/internal/erasure"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/profile"
	"rapport/internal/rebuild"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// team gives points for questions, and for colleagues.
const team = `{"id":"team","horizon_days":60,"engagement":["5","8","30"],"call_from":"8","rules":[
	{"id":"questions","kind":"activity","label":{"one":"question","many":"questions"},"when":{"expr":"intent == 'question'"},"points":"5","cap":"5"},
	{"id":"colleagues","kind":"company","recent_days":30,"at_least":1,"points":"4"}]}`

// works has somebody work for a company from now on; "": for none.
func (c *community) works(who, company string) {
	c.Helper()
	c.n++
	if _, errs := c.s.PutAttributes(c.Context(), w, profile.Of{Account: accountOf(who), Facts: []profile.Fact{
		{ID: fmt.Sprintf("company-%04d", c.n), Name: profile.Company, Kind: profile.Text, Value: company, Source: profile.CRM, At: now().Add(time.Duration(c.n)*time.Millisecond).AddDate(-1, 0, 0), Known: now(), By: "key_a"}}}); errs[0] != nil {
		c.Fatal(errs[0])
	}
	c.score(view.Stale{Account: accountOf(who), Since: now(), Until: now(), Decided: true})
}

// by is what a lead has by the team's model at an instant, and what the colleagues' line says.
func (c *community) by(who string, asOf time.Time) (points, line string) {
	c.Helper()
	e, err := c.l.By("team").Evaluate(c.Context(), w, social.PersonID(accountOf(who)), asOf)
	if err != nil {
		c.Fatal(err)
	}
	for _, x := range e.Score.Contributions {
		if x.Rule == "colleagues" {
			line = x.Reason
		}
	}
	return scoring.Decimal(e.Micro), line
}

func (c *community) stored(who string) store.Lead {
	c.Helper()
	h, err := c.s.Lead(c.Context(), w, social.PersonID(accountOf(who)), "team")
	if err != nil {
		c.Fatal(err)
	}
	return h
}

// rebuilt looks that leads and colleagues are what the facts give.
func (c *community) rebuilt(what string) {
	c.Helper()
	r := &rebuild.Rebuild{Store: c.s, Now: now, Views: func(s *store.Store) []view.View { return all.Views(s, now) }}
	s, err := r.Run(c.Context(), rebuild.State{Workspace: w}, time.Time{}, func(rebuild.State) {})
	if err != nil {
		c.Fatal(err)
	}
	f := s.Views["lead"]
	if f == nil || f.Same == 0 || f.Missing+f.Extra+f.Differs+f.Due > 0 {
		c.Fatalf("%s: rebuilt, %+v differ: %q", what, f, s.Differ)
	}
}

// places are the people listed at companies.
func (c *community) places() (out []string) {
	for k := range c.table.Dump(c.T) {
		if strings.HasPrefix(k, w+"#CP#") {
			out = append(out, k)
		}
	}
	return out
}

const day = 24 * time.Hour

func TestAColleagueOfYesterday(t *testing.T) {
	c := newCommunity(t, question("a", 10), question("b", 50))
	c.works("a", "Contoso")
	c.works("b", "Contoso")
	if n := len(c.places()); n > 0 {
		t.Errorf("no model asks for colleagues, and %d are listed", n)
	}
	c.publish(team)
	c.announced()
	if p, line := c.by("a", now()); p != "5" || line != "" || len(c.places()) != 2 {
		t.Errorf("alone: %s, %q, listed: %q", p, line, c.places())
	}

	// b asks today: until the day is over, that is nothing to a.
	was := c.stored("a")
	c.came(question("b", 0))
	c.announced(leads.KindToCall) // b by the default model
	const line = "1 other at Contoso was active in the last 30 days, at least 1: 4 points"
	if p, got := c.by("a", now().Add(15*time.Hour)); p != "5" || got != "" {
		t.Errorf("on the same day: %s, %q", p, got)
	}
	if p, got := c.by("a", now().Add(16*time.Hour)); p != "9" || got != line {
		t.Errorf("on the next: %s, %q", p, got)
	}
	if p, _ := c.by("a", now().AddDate(0, 0, 31)); p != "5" {
		t.Errorf("after a month: %s", p)
	}
	if p, got := c.by("b", now()); p != "9" || got != line { // of a, ten days ago
		t.Errorf("b: %s, %q", p, got)
	}

	// The head follows when its next day begins, once, and that is announced.
	h := c.stored("a")
	if h.Micro != was.Micro || !h.Due.After(now().Add(16*time.Hour)) || h.Due.After(now().Add(40*time.Hour)) {
		t.Errorf("a has %d points and is due at %s", h.Micro, h.Due)
	}
	due, err := c.l.Due(t.Context(), h.Due, 100)
	if err != nil || len(due) != 1 || !slices.ContainsFunc(due[0].Stale, func(s view.Stale) bool { return s.Account == accountOf("a") }) {
		t.Fatalf("due: %+v, %v", due, err)
	}
	for _, err := range c.l.Score(t.Context(), w, h.Due, due[0].Stale...) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if h := c.stored("a"); h.Micro != 9e6 || !h.Calls {
		t.Errorf("a, once due: %+v", h)
	}
	told := 0
	list, _, err := c.s.Announcements(t.Context(), w, "", 100)
	for _, a := range list {
		if a.Kind == leads.KindToCall && a.Person == social.PersonID(accountOf("a")) {
			told++
		}
	}
	if err != nil || told != 1 {
		t.Errorf("announced: %+v, %v", list, err)
	}

	// More of b on that day moves nobody.
	was = c.stored("a")
	c.came(like("b", 0))
	if got := c.stored("a"); got.Version != was.Version {
		t.Errorf("b was active before, and a is written again: %+v", got)
	}
	drill.Show(t, "%s", line)
}

func TestLateErasedAndMovedColleagues(t *testing.T) {
	c := newCommunity(t, question("a", 10), question("b", 50))
	c.works("a", "Contoso")
	c.works("b", "Contoso")
	c.publish(team)
	c.rebuilt("published")
	want := func(what, points string) {
		t.Helper()
		shown, _ := c.by("a", now())
		if h := c.stored("a"); shown != points || scoring.Decimal(h.Micro) != points {
			t.Errorf("%s: %s is shown and %d stored, want %s", what, shown, h.Micro, points)
		}
		c.rebuilt(what)
	}
	c.tell(question("b", 15)) // of an import
	want("b was active two weeks ago, as is known now", "9")
	if p, _ := c.by("a", now().AddDate(0, 0, -10)); p != "9" {
		t.Errorf("as of then: %s", p)
	}
	c.works("b", "Fabrikam")
	want("b works elsewhere", "5")
	c.works("b", "Contoso")
	want("b works there again", "9")

	// b's other account is b.
	c.tell(question("d", 3))
	c.must(person.Decision{ID: "one-person", Verb: person.Same, One: []string{accountOf("d")}, Other: []string{accountOf("b")}})
	want("b and d are one", "9")
	c.must(undo("one-person", "b", "d"))
	want("b and d are two", "9")
	// a's other account is no colleague.
	c.must(person.Decision{ID: "with-a", Verb: person.Same, One: []string{accountOf("a")}, Other: []string{accountOf("b")}})
	if p, line := c.by("a", now()); p != "5" || line != "" {
		t.Errorf("alone with two accounts: %s, %q", p, line)
	}
	c.rebuilt("a and b are one")
	c.must(undo("with-a", "a", "b"))
	want("a and b are two", "9")

	if err := erasure.New(c.s, now).Account(t.Context(), w, accountOf("b"), erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	want("b is erased", "5")
	for k, v := range c.table.Dump(t) {
		if strings.Contains(k+v, social.PersonID(accountOf("b"))) {
			t.Errorf("left of b: %s: %.200s", k, v)
		}
	}
	// Nobody asks for colleagues any more: whoever is looked at is taken off the list.
	if err := c.l.By("team").Retire(t.Context(), w, c.rescore); err != nil {
		t.Fatal(err)
	}
	c.came(question("a", 1))
	if left := c.places(); len(left) > 0 {
		t.Errorf("listed: %q", left)
	}
}

// Whatever comes in whatever order, leads and colleagues are what the facts give.
func TestColleaguesAtRandom(t *testing.T) {
	const seeds, steps = 3, 12
	who := []string{"a", "b", "c", "d"}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 36))
		c := newCommunity(t)
		for i, x := range who {
			c.tell(question(x, 5+13*i))
			c.works(x, "Contoso")
		}
		c.publish(strings.Replace(team, `"at_least":1`, `"at_least":2`, 1))
		var did []string
		for n := range steps {
			x := who[r.IntN(len(who))]
			switch r.IntN(4) {
			case 0:
				company := []string{"Contoso", "Fabrikam", ""}[r.IntN(3)]
				did = append(did, x+" works for "+company)
				c.works(x, company)
			default:
				q := question(x, 1+r.IntN(90))
				q.Object.ID += fmt.Sprint("-", n)
				q.Key = social.ActivityKey(q.Platform, q.Scope, q.Type, q.Object.ID, q.Occurred)
				did = append(did, fmt.Sprintf("%s asks on %s", x, q.Occurred.Format(time.DateOnly)))
				c.came(q)
			}
			if n%4 == 3 {
				c.rebuilt(fmt.Sprintf("seed %d: %q", seed, did))
			}
		}
	}
}

// A workspace whose models ask for no colleagues reads and writes nothing for them.
func TestWhoAsksForNoColleaguesPaysNothing(t *testing.T) {
	cost := func(prepare func(*community)) (n [2]float64) {
		c := newCommunity(t, question("a", 10), question("b", 12))
		prepare(c)
		q := question("a", 3)
		put(t, c.s, q)
		c.s.Consumed = func(read, write float64) { n[0] += read; n[1] += write }
		c.score(view.StaleBy(q))
		return n
	}
	nothing := cost(func(*community) {})
	known := cost(func(c *community) { c.works("a", "Contoso"); c.works("b", "Contoso") })
	asked := cost(func(c *community) { c.works("a", "Contoso"); c.works("b", "Contoso"); c.publish(team) })
	other := cost(func(c *community) {
		c.works("a", "Contoso")
		c.works("b", "Contoso")
		c.publish(strings.Replace(team, `,
	{"id":"colleagues","kind":"company","recent_days":30,"at_least":1,"points":"4"}`, "", 1))
	})
	if known != nothing || asked[0] <= other[0] {
		t.Errorf("read and written: %v where no company is known, %v where one is; by a model more %v, by one that asks for colleagues %v", nothing, known, other, asked)
	}
	drill.Show(t, "a new fact reads and writes %v by one model, %v by two, %v where one of them asks for colleagues", nothing, other, asked)
}

// By a model for customers they are called, and nobody else is.
func TestAModelForCustomers(t *testing.T) {
	c := newCommunity(t)
	c.publish(strings.Replace(capped, `"id":"default","version":1`, `"id":"churn","calls":"customers"`, 1))
	c.came(question("a", 3), question("b", 3))
	c.announced(leads.KindRose, leads.KindRose) // by the default model
	if _, err := c.s.PutLeadDecision(t.Context(), w, accountOf("a"), store.Person{ID: social.PersonID(accountOf("a")), Accounts: []string{accountOf("a")}},
		store.LeadDecision{ID: "decision-of-a", At: now().Add(-day), By: "mem_1", Kind: store.LeadStatus, To: store.StatusCustomer}); err != nil {
		t.Fatal(err)
	}
	c.score(view.Stale{Account: accountOf("a"), Since: now(), Until: now(), Decided: true})
	c.came(question("a", 2), question("b", 2))
	for _, tt := range []struct {
		model, who string
		held       leads.Held
	}{
		{"default", "a", leads.HeldCustomer}, {"default", "b", ""},
		{"churn", "a", ""}, {"churn", "b", leads.HeldNoCustomer},
	} {
		e, err := c.l.By(tt.model).Evaluate(t.Context(), w, social.PersonID(accountOf(tt.who)), now())
		if err != nil || e.Held != tt.held || e.ToCall != (tt.held == "") {
			t.Errorf("%s by %s: to call %v, held %q, %v", tt.who, tt.model, e.ToCall, e.Held, err)
		}
	}
	if n, _, err := c.l.By("churn").Calls(t.Context(), w, now()); err != nil || n != 1 {
		t.Errorf("%d to call, %v", n, err)
	}
	var calls []string
	for _, a := range c.announced(leads.KindRose, leads.KindRose, leads.KindToCall, leads.KindToCall) {
		if a.Kind == leads.KindToCall {
			calls = append(calls, a.Person+" "+a.Text)
		}
	}
	want := []string{social.PersonID(accountOf("b")) + " A lead has 10 points. From 10 on somebody should call.",
		social.PersonID(accountOf("a")) + " By the scoring model churn a customer has 10 points. From 10 on somebody should call."}
	slices.Sort(calls)
	slices.Sort(want)
	if !slices.Equal(calls, want) {
		t.Errorf("announced: %q", calls)
	}
}

// Who has been silent for long is due when colleagues count, however soon they do no longer.
func TestColleaguesOfWhoIsSilent(t *testing.T) {
	c := newCommunity(t, question("a", 40), question("b", 50))
	c.works("a", "Contoso")
	c.works("b", "Contoso")
	c.publish(strings.Replace(team, `"recent_days":30`, `"recent_days":3`, 1))
	c.came(question("b", 0))
	if h := c.stored("a"); !h.Due.After(now().Add(16*time.Hour)) || h.Due.After(now().Add(40*time.Hour)) {
		t.Errorf("due at %s", h.Due)
	}
}

func TestTwoAccountsOfOnePersonAreOneColleague(t *testing.T) {
	c := newCommunity(t, question("a", 10), question("b", 5), question("d", 3))
	for _, who := range []string{"a", "b", "d"} {
		c.works(who, "Contoso")
	}
	c.publish(strings.Replace(team, `"at_least":1`, `"at_least":2`, 1))
	want := func(what, points string) {
		t.Helper()
		if h := c.stored("a"); scoring.Decimal(h.Micro) != points {
			t.Errorf("%s: %d, want %s", what, h.Micro, points)
		}
		c.rebuilt(what)
	}
	want("two", "9")
	c.must(person.Decision{ID: "one-person", Verb: person.Same, One: []string{accountOf("b")}, Other: []string{accountOf("d")}})
	want("one", "5")
	c.must(undo("one-person", "b", "d"))
	want("two again", "9")
}

// Who is found to be no person any more, when due, is missed by the colleagues at once.
func TestAColleagueWhoIsAnothersByNow(t *testing.T) {
	c := newCommunity(t, question("a", 10), question("b", 5), question("d", 40))
	c.works("a", "Contoso")
	c.works("b", "Contoso")
	c.publish(team)
	if h := c.stored("a"); scoring.Decimal(h.Micro) != "9" {
		t.Fatalf("the test is blind: %d", h.Micro)
	}
	// b is d's by what somebody decided, and whoever was to follow up on it died.
	decided := person.Decision{ID: "b-is-d", At: now(), Verb: person.Same, One: []string{accountOf("b")}, Other: []string{accountOf("d")}, By: "mem_1"}
	if err := c.s.PutLinks(t.Context(), w, store.Linked{Decision: decided, With: []string{accountOf("b"), accountOf("d")}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.s.Regroup(t.Context(), w, accountOf("b")); err != nil {
		t.Fatal(err)
	}
	if c.tick(c.stored("b").Due); len(c.places()) != 1 {
		t.Errorf("listed: %q", c.places())
	}
	if h := c.stored("a"); scoring.Decimal(h.Micro) != "5" {
		t.Errorf("a has %d points by who is gone", h.Micro)
	}
}

// Of a company, people are read once for all who are looked at.
func TestAPageReadsACompanyOnce(t *testing.T) {
	cost := func(model string) (read float64) {
		c := newCommunity(t)
		for i := range 5 {
			who := fmt.Sprint("p", i)
			c.tell(question(who, 10))
			c.works(who, "Contoso")
		}
		c.publish(model)
		var mu sync.Mutex
		c.s.Consumed = func(r, _ float64) { mu.Lock(); defer mu.Unlock(); read += r }
		page, _, failed, err := c.l.By("team").Page(t.Context(), w, "", 100, now())
		if err != nil || failed > 0 || len(page) != 5 {
			t.Fatalf("%d leads, %d failed, %v", len(page), failed, err)
		}
		for _, e := range page {
			if model == team && scoring.Decimal(e.Micro) != "9" {
				t.Errorf("%s has %d", e.Person, e.Micro)
			}
		}
		return read
	}
	alone := cost(strings.Replace(team, `,
	{"id":"colleagues","kind":"company","recent_days":30,"at_least":1,"points":"4"}`, "", 1))
	if with := cost(team); with > alone+2 { // one query, strongly consistent
		t.Errorf("a page reads %g units, and %g without the rule about colleagues", with, alone)
	}
}
