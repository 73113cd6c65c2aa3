package leads_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/erasure"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/profile"
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

// What is told of a person now makes what it did long ago no news, also where
// that comes late.
func TestWhatIsToldMakesNoNewsOfOldActivities(t *testing.T) {
	c := newCommunity(t, question("a", 30))
	if _, errs := c.s.PutAttributes(t.Context(), w, profile.Of{Account: accountOf("a"), Facts: []profile.Fact{
		{ID: "title-0001", Name: "title", Kind: profile.Text, Value: "CTO", Source: profile.CRM, At: now(), Known: now(), By: "key_a"}}}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	c.score(view.Stale{Account: accountOf("a"), Since: now(), Until: now(), Decided: true})
	c.came(question("a", 29))
	if got := c.points(); got["a"] != "10" {
		t.Errorf("%v", got)
	}
	c.announced()
	c.came(question("a", 1))
	c.announced(leads.KindRose)
}

// An account whose attributes can't be read has its own error; the others are scored.
func TestOneAccountThatFailsKeepsNoOtherFromBeingScored(t *testing.T) {
	c := newCommunity(t)
	var stale []view.Stale
	for _, who := range []string{"a", "b", "c"} {
		q := question(who, 1)
		put(t, c.s, q)
		if err := c.s.PutAccount(t.Context(), w, q); err != nil {
			t.Fatal(err)
		}
		stale = append(stale, view.Stale{Account: accountOf(who), Decided: true})
	}
	f := profile.Fact{ID: "title-0001", Name: "title", Kind: profile.Text, Value: "CTO", Source: profile.CRM, At: now(), Known: now(), By: "key_a"}
	if _, errs := c.s.PutAttributes(t.Context(), w, profile.Of{Account: accountOf("b"), Facts: []profile.Fact{f}}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	for k := range c.table.Dump(t) {
		if pk, sk, _ := strings.Cut(k, " | "); strings.HasSuffix(sk, f.ID) {
			if _, err := c.table.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &c.table.Name,
				Key:                      map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk}},
				UpdateExpression:         aws.String("SET #a = :no"),
				ExpressionAttributeNames: map[string]string{"#a": "At"}, ExpressionAttributeValues: map[string]types.AttributeValue{":no": &types.AttributeValueMemberS{Value: "no instant"}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	errs := c.l.Score(t.Context(), w, now(), stale...)
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("%v", errs)
	}
	if got := c.points(); len(got) != 2 || got["a"] != "5" || got["c"] != "5" {
		t.Errorf("%v", got)
	}
}
