package leads_test

import (
	"errors"
	"slices"
	"testing"

	"rapport/internal/erasure"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// came has facts scored as what a delivery brought.
func (c *community) came(facts ...social.Activity) {
	c.Helper()
	put(c.T, c.s, facts...)
	var all []view.Stale
	for _, f := range facts {
		if err := c.s.PutAccount(c.Context(), w, f); err != nil {
			c.Fatal(err)
		}
		s := view.StaleBy(f)
		s.Live = true
		all = append(all, s)
	}
	c.score(view.Merge(all)...)
}

func (c *community) score(s ...view.Stale) {
	c.Helper()
	if err := errors.Join(c.l.Score(c.Context(), w, now(), s...)...); err != nil {
		c.Fatal(err)
	}
}

// announced are the kinds of all announcements, in order of kind.
func (c *community) announced(want ...string) []store.Announcement {
	c.Helper()
	list, _, err := c.s.Announcements(c.Context(), w, "", 100)
	if err != nil {
		c.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Kind)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.Fatalf("announced %q, want %q", got, want)
	}
	return list
}

// A lead is to be called from 10 points on, two questions. What crosses that is
// announced once, whatever is done again.
func TestACrossingIsAnnouncedOnce(t *testing.T) {
	c := newCommunity(t)
	c.came(question("a", 3))
	c.announced(leads.KindRose) // from nothing to 5
	second := question("a", 2)
	c.came(second)
	c.announced(leads.KindRose, leads.KindToCall)
	for _, a := range c.announced(leads.KindRose, leads.KindToCall) {
		if a.Kind == leads.KindToCall && (a.Person != social.PersonID(accountOf("a")) || a.Text != "A lead has 10 points. From 10 on somebody should call." || a.Evidence["points"] != "10") {
			t.Errorf("announced: %+v", a)
		}
	}
	c.came(second) // delivered again
	if err := c.s.DropLeads(t.Context(), w, social.PersonID(accountOf("a"))); err != nil {
		t.Fatal(err)
	}
	c.score(view.Stale{Account: accountOf("a")}) // made anew
	c.announced(leads.KindRose, leads.KindToCall)

	taken := question("a", 1)
	taken.Type, taken.Object.ID, taken.Text = social.Delete, second.Object.ID, ""
	taken.Key = social.ActivityKey(taken.Platform, taken.Scope, taken.Type, taken.Object.ID, taken.Occurred)
	c.came(taken)
	c.announced(leads.KindRose, leads.KindToCall, leads.KindNotToCall)

	if err := erasure.New(c.s, now).Account(t.Context(), w, accountOf("a"), erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	c.announced()
}

func TestWhatIsNotAnnounced(t *testing.T) {
	c := newCommunity(t)
	c.came(question("a", 9), question("a", 8)) // over a week ago
	c.tell(question("b", 3), question("b", 2)) // not live: a rebuild, a new model
	c.tell(question("d", 3), question("e", 3))
	c.must(person.Decision{Verb: person.Same, One: []string{accountOf("d")}, Other: []string{accountOf("e")}}) // people decided it
	c.came(question("c", 3))
	c.announced(leads.KindRose)

	a := accountOf("c") // a customer asks once more
	if _, err := c.s.PutLeadDecision(t.Context(), w, a, store.Person{ID: social.PersonID(a), Accounts: []string{a}},
		store.LeadDecision{ID: "decision-of-c", At: now(), By: "mem_1", Kind: store.LeadStatus, To: store.StatusCustomer}); err != nil {
		t.Fatal(err)
	}
	more := question("c", 1)
	put(t, c.s, more)
	c.score(view.Stale{Account: a, Since: more.Occurred, Until: more.Occurred, Decided: true, Live: true})
	c.announced(leads.KindRose)
}
