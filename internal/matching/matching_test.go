package matching_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rapport/internal/erasure"
	"rapport/internal/leads"
	"rapport/internal/matching"
	"rapport/internal/person"
	"rapport/internal/profile"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	"rapport/internal/view/blocking"
)

const w = "acme"

func now() time.Time { return time.Date(2026, 10, 20, 8, 0, 0, 0, time.UTC) }

// community is a workspace in which names are matched as they come.
type community struct {
	*testing.T
	s     *store.Store
	table storetest.Table
	l     *leads.Leads
	m     *matching.Matching
	asked int // accounts that were looked at
	n     int
}

func newCommunity(t *testing.T) *community {
	t.Helper()
	s, table := storetest.NewTable(t)
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: now(), Body: model}); err != nil {
		t.Fatal(err)
	}
	l := leads.New(s)
	return &community{T: t, s: s, table: table, l: l, m: matching.New(s, l, now)}
}

// comes has somebody ask something, scores it as the function does, and
// matches whoever is called something new. It returns the account.
func (c *community) comes(platform social.Platform, id, handle, name string) string {
	c.Helper()
	c.n++
	a := social.Activity{Platform: platform, Type: social.Post, Actor: social.Actor{ID: id, Handle: handle, Name: name}, Object: social.Object{ID: fmt.Sprint("post", c.n)},
		Text: "How do I export my data?", Occurred: now().Add(time.Duration(c.n-10_000) * time.Minute), Direction: social.Inbound, Reading: social.Reading{Intent: social.IntentQuestion}}
	a.Known, a.Key = a.Occurred, social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	if err := c.s.PutAccount(c.Context(), w, a); err != nil {
		c.Fatal(err)
	}
	if _, err := c.s.PutActivity(c.Context(), w, a); err != nil {
		c.Fatal(err)
	}
	var changed []string
	c.l.Named = func(_ context.Context, w string, list []leads.Named) (err error) {
		changed, err = c.m.Changed(c.Context(), w, list)
		return err
	}
	for _, err := range c.l.Score(c.Context(), w, now(), view.StaleBy(a)) {
		if err != nil {
			c.Fatal(err)
		}
	}
	c.l.Named = nil
	c.asked += len(changed)
	if err := c.m.MatchAll(c.Context(), w, changed, false); err != nil {
		c.Fatal(err)
	}
	return a.Account().AccountID()
}

func (c *community) suggestions() []store.Suggestion {
	c.Helper()
	list, _, err := c.s.Suggestions(c.Context(), w, "", 100)
	if err != nil {
		c.Fatal(err)
	}
	return list
}

func (c *community) person(account string) store.Person {
	c.Helper()
	list, err := c.s.PersonsOf(c.Context(), w, []string{account})
	if err != nil {
		c.Fatal(err)
	}
	return list[0]
}

func (c *community) decide(d person.Decision, of ...string) {
	c.Helper()
	c.n++
	d.At, d.By = now().Add(time.Duration(c.n)*time.Second), "mem_ann"
	if _, err := c.l.Decide(c.Context(), w, d, of, now(), func([]string) error { return nil }); err != nil {
		c.Fatal(err)
	}
}

// again has names looked at once more, as after a delivery that came twice.
func (c *community) again(accounts ...string) {
	c.Helper()
	if err := c.m.MatchAll(c.Context(), w, accounts, true); err != nil {
		c.Fatal(err)
	}
}

func TestSuggestedMergedUndone(t *testing.T) {
	c := newCommunity(t)
	a := c.comes("github", "1", "kabramyan", "Konstantin Abramyan")
	b := c.comes("slack", "U1", "kabramyan", "Konstantin Abramyan")
	c.comes("discourse", "9", "somebody", "Maria Lopez")
	list := c.suggestions()
	if len(list) != 1 || list[0].One != min(a, b) || list[0].Other != max(a, b) || list[0].Probability < 0.3 || !strings.Contains(strings.Join(list[0].Reasons, ";"), "both are called Konstantin Abramyan") {
		t.Fatalf("suggested: %+v", list)
	}
	if c.asked != 3 {
		t.Errorf("%d accounts were looked at, of 3", c.asked)
	}
	c.comes("github", "1", "kabramyan", "Konstantin Abramyan")
	if c.asked != 3 {
		t.Error("an account was looked at again that is called as before")
	}
	c.decide(person.Decision{ID: "merge", Verb: person.Same, One: []string{a}, Other: []string{b}})
	if p := c.person(a); len(p.Accounts) != 2 || len(c.suggestions()) != 0 {
		t.Errorf("merged: %+v, still suggested: %+v", p, c.suggestions())
	}
	c.decide(person.Decision{ID: "undo", Verb: person.Undo, Undoes: "merge"}, a)
	c.again(a, b)
	if p := c.person(a); len(p.Accounts) != 1 || len(c.suggestions()) != 0 {
		t.Errorf("undone: %+v, suggested again: %+v", p, c.suggestions())
	}
}

func TestMergedByEvidenceStaysUndone(t *testing.T) {
	c := newCommunity(t)
	a := c.comes("github", "1", "moonkitten", "Konstantin Abramyan")
	b := c.comes("slack", "U1", "moonkitten", "Konstantin Abramyan")
	c.again(a, b)
	p := c.person(a)
	decided, err := c.s.Links(t.Context(), w, a)
	if err != nil || len(p.Accounts) != 2 || len(decided) != 1 || decided[0].By != person.Rapport || !strings.Contains(decided[0].Why, "both have the handle moonkitten") {
		t.Fatalf("%+v by %+v, %v", p, decided, err)
	}
	c.decide(person.Decision{ID: "undo", Verb: person.Undo, Undoes: decided[0].ID}, a)
	c.again(a, b)
	c.comes("slack", "U1", "moonkitten", "K. Abramyan")
	c.comes("slack", "U1", "moonkitten", "Konstantin Abramyan")
	if p := c.person(a); len(p.Accounts) != 1 || len(c.suggestions()) != 0 {
		t.Errorf("undone: %+v, suggested: %+v", p, c.suggestions())
	}
}

// Who is apart is neither merged nor suggested, whoever comes first.
func TestApartIsRememberedBothWays(t *testing.T) {
	for _, first := range []bool{true, false} {
		c := newCommunity(t)
		a := c.comes("github", "1", "one", "Somebody Else")
		b := c.comes("slack", "U1", "two", "Another Human")
		d := person.Decision{ID: "apart", Verb: person.Apart, One: []string{a}, Other: []string{b}}
		if !first {
			d.One, d.Other = d.Other, d.One
		}
		c.decide(d)
		c.comes("github", "1", "moonkitten", "Konstantin Abramyan")
		c.comes("slack", "U1", "moonkitten", "Konstantin Abramyan")
		c.again(a, b)
		if p := c.person(a); len(p.Accounts) != 1 || len(c.suggestions()) != 0 {
			t.Errorf("decided apart, and then %+v, suggested %+v", p, c.suggestions())
		}
	}
}

// Of a person of several accounts two are taken out: they are not suggested again.
func TestTakenOutIsNotSuggestedAgain(t *testing.T) {
	c := newCommunity(t)
	var all []string
	for i, p := range []social.Platform{"github", "slack", "discourse", "discord", "reddit"} {
		all = append(all, c.comes(p, fmt.Sprint(i), "moonkitten", "Konstantin Abramyan"))
	}
	if p := c.person(all[0]); len(p.Accounts) != 5 {
		t.Fatalf("five accounts of one: %+v", p)
	}
	c.decide(person.Decision{ID: "out", Verb: person.Apart, One: all[3:], Other: all[:3]})
	c.again(all...)
	if p, q := c.person(all[0]), c.person(all[4]); len(p.Accounts) != 3 || len(q.Accounts) != 2 || len(c.suggestions()) != 0 {
		t.Errorf("%+v and %+v, suggested %+v", p, q, c.suggestions())
	}
}

// What stands for nobody, and a name alone, say nothing.
func TestNobodyIsSuggested(t *testing.T) {
	c := newCommunity(t)
	for i, nothing := range []string{"null", "undefined", "0", "None", "NaN", "N/A", "anonymous", "[object Object]", " "} {
		c.comes("github", fmt.Sprint("g", i), nothing, nothing)
		c.comes("slack", fmt.Sprint("s", i), nothing, nothing)
	}
	platforms := []social.Platform{"github", "slack", "discourse", "discord", "reddit"}
	for i, p := range platforms {
		c.comes(p, fmt.Sprint("alex", i), fmt.Sprint("h", i, "xq"), "Alex")
	}
	for i, p := range platforms[:2] {
		c.comes(p, fmt.Sprint("deleted", i), "", "Deleted User")
		c.comes(p, fmt.Sprint("ana", i), "", "Ana Lindqvist")
	}
	if list := c.suggestions(); len(list) != 0 {
		t.Errorf("suggested: %+v", list)
	}
	for k := range c.table.Dump(t) {
		if strings.Contains(k, " | K#") {
			t.Errorf("merged: %s", k)
		}
	}
}

// Two ids of one platform are a human's to judge.
func TestTwoOfOnePlatformAreNotMerged(t *testing.T) {
	c := newCommunity(t)
	a := c.comes("github", "1", "moonkitten", "Konstantin Abramyan")
	slack := c.comes("slack", "U1", "moonkitten", "Konstantin Abramyan")
	if c.person(a).ID != c.person(slack).ID {
		t.Fatalf("%+v and %+v", c.person(a), c.person(slack))
	}
	b := c.comes("github", "2", "moonkitten", "Konstantin Abramyan")
	if c.person(a).ID == c.person(b).ID {
		t.Errorf("two ids of one platform became %+v", c.person(a))
	}
	if list := c.suggestions(); len(list) == 0 {
		t.Error("nobody is asked")
	}
}

// Who is called otherwise by now is suggested by that.
func TestANewNameIsLookedAt(t *testing.T) {
	c := newCommunity(t)
	a := c.comes("github", "1", "kabramyan", "Konstantin Abramyan")
	c.comes("slack", "U1", "kabramyan", "Somebody Else")
	before := len(c.suggestions())
	b := c.comes("slack", "U1", "kabramyan", "Konstantin Abramyan")
	if list := c.suggestions(); before != 0 || len(list) != 1 || list[0].One != min(a, b) {
		t.Errorf("%d before, then %+v", before, list)
	}
	c.comes("slack", "U1", "other", "Maria Lopez")
	if list := c.suggestions(); len(list) != 0 {
		t.Errorf("suggested by a name of before: %+v", list)
	}
}

func TestNothingIsLeftOfWhoIsErased(t *testing.T) {
	c := newCommunity(t)
	a := c.comes("github", "1", "kabramyan", "Konstantin Abramyan")
	b := c.comes("slack", "U1", "kabramyan", "Konstantin Abramyan")
	if len(c.suggestions()) != 1 {
		t.Fatal("not suggested")
	}
	if err := erasure.New(c.s, now).Account(t.Context(), w, a, now(), map[string]int{}); err != nil {
		t.Fatal(err)
	}
	left := 0
	for k, v := range c.table.Dump(t) {
		if strings.Contains(k+v, a) {
			t.Errorf("left: %s %s", k, v)
		}
		if strings.Contains(k, "#BK#") && strings.Contains(k, b) {
			left++
		}
	}
	if left == 0 || len(c.suggestions()) != 0 {
		t.Errorf("of the other %d keys are left; suggested: %+v", left, c.suggestions())
	}
}

// seed is somebody of a large workspace: common given names, many family names.
func (c *community) seed(i int) {
	c.Helper()
	given := []string{"Hector", "Maria", "Bo", "Ida", "Yusuf", "Lin", "Omar", "Eva", "Jan", "Sofia"}[i%10]
	family := "F" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + "mi"
	a := social.Activity{Platform: "github", Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("seed", i), Handle: fmt.Sprint("u", i, family), Name: given + " " + family},
		Object: social.Object{ID: fmt.Sprint("seed", i)}, Occurred: now().AddDate(0, 0, -1), Known: now(), Direction: social.Inbound}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
	_, err := c.s.PutActivity(c.Context(), w, a)
	if err := errors.Join(err, c.s.PutAccount(c.Context(), w, a), blocking.New(c.s).Keep(c.Context(), w, []view.Fact{view.FactOf(a)})); err != nil {
		c.Fatal(err)
	}
}

func sizes(t *testing.T) []int {
	most := 120
	if v := os.Getenv("RAPPORT_GROWTH"); v != "" {
		if _, err := fmt.Sscan(v, &most); err != nil {
			t.Fatal(err)
		}
	}
	if most <= 120 {
		return []int{40, most}
	}
	return []int{100, 1000, most}
}

// What a new account, and what one more activity costs does not depend on how
// many accounts there are. RAPPORT_GROWTH=10000 compares with so many.
func TestGrowthOfAMatch(t *testing.T) {
	c := newCommunity(t)
	cost := func(f func()) (read, write float64) {
		c.s.Consumed = func(r, w float64) { read, write = read+r, write+w }
		f()
		c.s.Consumed = nil
		return read, write
	}
	at := 0
	var reads, writes, more []float64
	for _, n := range sizes(t) {
		for ; at < n; at++ {
			c.seed(at)
		}
		fresh := fmt.Sprint("fresh", n)
		r, wr := cost(func() { c.comes("slack", fresh, "hgrimaldi"+fresh, "Hector Grimaldi") })
		again, _ := cost(func() { c.comes("slack", fresh, "hgrimaldi"+fresh, "Hector Grimaldi") })
		t.Logf("beside %d accounts: a new one is scored and matched for %.1f reads and %.1f writes, one more activity is scored for %.1f reads", n, r, wr, again)
		reads, writes, more = append(reads, r), append(writes, wr), append(more, again)
	}
	last := len(reads) - 1
	if reads[last] > reads[0]+25 || writes[last] > writes[0]+5 || more[last] > more[0]+1 {
		t.Errorf("reads %v, writes %v, of one more activity %v", reads, writes, more)
	}
}

// What the CRM tells of two accounts, the same e-mail, makes them one person;
// what somebody wrote in a form does not, and neither do erased accounts.
func TestWhatWasToldIsEvidence(t *testing.T) {
	for _, x := range []struct {
		source profile.Source
		one    bool
	}{{profile.CRM, true}, {profile.Import, true}, {profile.Form, false}} {
		c := newCommunity(t)
		a := c.comes("github", "1", "adal", "Ada Lovelace")
		b := c.comes("slack", "U1", "countess", "")
		for i, account := range []string{a, b} {
			f, err := profile.Read(profile.Fact{ID: fmt.Sprint("crm-email-", i), Name: profile.Email, Kind: profile.Text, Value: "ada@contoso.com", Source: x.source, At: now(), Known: now(), By: "key_crm"})
			if err != nil {
				t.Fatal(err)
			}
			if _, errs := c.s.PutAttributes(t.Context(), w, profile.Of{Account: account, Facts: []profile.Fact{f}}); errors.Join(errs...) != nil {
				t.Fatal(errs)
			}
			if err := c.m.MatchAll(t.Context(), w, []string{account}, false); err != nil {
				t.Fatal(err)
			}
		}
		if got := len(c.person(a).Accounts) == 2; got != x.one {
			t.Errorf("told by %s: one person %v, want %v; suggested %+v", x.source, got, x.one, c.suggestions())
		}
		asked := c.asked
		if c.comes("github", "1", "adal", "Ada Lovelace"); c.asked != asked {
			t.Errorf("told by %s: an account was looked at again that is called as before", x.source)
		}
		for _, account := range []string{a, b} {
			if err := erasure.New(c.s, now).Account(t.Context(), w, account, erasure.Forever, map[string]int{}); err != nil {
				t.Fatal(err)
			}
		}
		for k := range c.table.Dump(t) {
			if strings.Contains(k, "#BK#") || strings.HasSuffix(k, "BK") {
				t.Errorf("told by %s: left %s", x.source, k)
			}
		}
	}
}
