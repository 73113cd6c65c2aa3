package leads_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	conversations "rapport/internal/conversation"
	"rapport/internal/erasure"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/conversation"
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
	ids := map[string]bool{}
	for _, a := range list {
		if ids[a.ID] {
			c.Errorf("two announcements are called %s", a.ID)
		}
		ids[a.ID] = true
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

// at scores an account at an instant as something that just happened.
func (c *community) at(now time.Time, s view.Stale) {
	c.Helper()
	s.Since, s.Until, s.Live = now, now, true
	if err := errors.Join(c.l.Score(c.Context(), w, now, s)...); err != nil {
		c.Fatal(err)
	}
}

// attribute scores an account at an instant as when something was told of it.
func (c *community) attribute(who string, at time.Time) {
	c.Helper()
	if err := errors.Join(c.l.Score(c.Context(), w, at, view.Stale{Account: accountOf(who), Since: at, Until: at, Decided: true})...); err != nil {
		c.Fatal(err)
	}
}

// decides has something decided about somebody, who is scored as decide-lead does.
func (c *community) decides(who string, at time.Time, d store.LeadDecision) {
	c.Helper()
	c.n++
	a := accountOf(who)
	d.ID, d.At, d.By = fmt.Sprintf("decision-%d", c.n), at, "mem_1"
	if _, err := c.s.PutLeadDecision(c.Context(), w, a, store.Person{ID: social.PersonID(a), Accounts: []string{a}}, d); err != nil {
		c.Fatal(err)
	}
	c.at(at, view.Stale{Account: a, Decided: true})
}

// tick scores who is due at an instant, and returns how many.
func (c *community) tick(now time.Time) int {
	c.Helper()
	due, err := c.l.Due(c.Context(), now, 100)
	if err != nil {
		c.Fatal(err)
	}
	n := 0
	for _, d := range due {
		n += len(d.Stale)
		if err := errors.Join(c.l.Score(c.Context(), d.Workspace, now, d.Stale...)...); err != nil {
			c.Fatal(err)
		}
	}
	return n
}

// What a snooze or a status holds back is announced when the hold ends, by
// itself or by a decision, once.
func TestACallThatWasHeldIsAnnouncedWhenNothingHoldsItAnyMore(t *testing.T) {
	c := newCommunity(t)
	at, rose, call := now(), leads.KindRose, leads.KindToCall
	c.came(question("a", 3))
	c.decides("a", at, store.LeadDecision{Kind: store.LeadSnoozed, Until: at.Add(30 * time.Hour)})
	c.came(question("a", 1))
	c.announced(rose)
	if n := c.tick(at.Add(29 * time.Hour)); n != 0 {
		t.Errorf("%d are due while the snooze lasts", n)
	}
	// Attributes that are told right after the end are no news, and hide none.
	for i := range 2 {
		c.attribute("a", at.Add(30*time.Hour+time.Duration(i)*time.Minute))
	}
	c.announced(rose)
	c.tick(at.Add(31 * time.Hour))
	c.announced(rose, call)
	for range 2 {
		c.tick(at.Add(31 * time.Hour))
		c.at(at.Add(32*time.Hour), view.Stale{Account: accountOf("a")})
	}
	c.announced(rose, call)
	c.decides("a", at.Add(33*time.Hour), store.LeadDecision{Kind: store.LeadSnoozed, Until: at.Add(40 * time.Hour)})
	c.announced(rose, call)
	c.tick(at.Add(40 * time.Hour)) // who was announced before comes back, too
	c.announced(rose, call, call)
	c.decides("a", at.Add(41*time.Hour), store.LeadDecision{Kind: store.LeadSnoozed, Until: at.Add(90 * time.Hour)})
	c.decides("a", at.Add(42*time.Hour), store.LeadDecision{Kind: store.LeadSnoozed}) // taken back
	c.announced(rose, call, call, call)

	c.came(question("b", 3))
	c.decides("b", at, store.LeadDecision{Kind: store.LeadStatus, To: store.StatusCustomer})
	c.came(question("b", 1))
	c.decides("b", at.Add(time.Minute), store.LeadDecision{Kind: store.LeadNoted, Text: "rang"})
	c.announced(rose, call, call, call, rose)
	for i := range 2 { // taken back twice: two calls, however old what the person did is
		c.decides("b", at.AddDate(0, 0, 9+2*i), store.LeadDecision{Kind: store.LeadStatus, To: store.StatusContacted})
		c.at(at.AddDate(0, 0, 9+2*i), view.Stale{Account: accountOf("b")})
		c.decides("b", at.AddDate(0, 0, 10+2*i), store.LeadDecision{Kind: store.LeadStatus, To: store.StatusNotALead})
	}
	c.announced(rose, call, call, call, rose, call, call)
}

// Whom an open complaint holds back is announced when it has ended, and not before.
func TestACallWaitsForAComplaint(t *testing.T) {
	c := newCommunity(t)
	at, rose, call := now(), leads.KindRose, leads.KindToCall
	complaint := func(who string, n int) social.Activity {
		q := question(who, n)
		q.Intent, q.Object.ID = social.IntentComplaint, "angry-"+who
		q.Key = social.ActivityKey(q.Platform, q.Scope, q.Type, q.Object.ID, q.Occurred)
		return q
	}
	angry := complaint("e", 4)
	c.came(angry)
	if err := conversation.New(c.s, func(context.Context, string, []view.Stale) error { return nil }).Keep(t.Context(), w, []view.Fact{view.FactOf(angry)}); err != nil {
		t.Fatal(err)
	}
	c.came(question("e", 3))
	c.came(question("e", 1))
	c.announced(rose)
	if e, err := c.l.Evaluate(t.Context(), w, social.PersonID(accountOf("e")), at); err != nil || e.Held != leads.HeldComplaint {
		t.Fatalf("the test is blind: held %q, %v", e.Held, err)
	}
	if n := c.tick(at.Add(23 * time.Hour)); n != 0 {
		t.Errorf("%d are due within a day of a complaint of 4 days", n)
	}
	if n := c.tick(at.Add(24 * time.Hour)); n != 1 {
		t.Errorf("%d are due after a day", n)
	}
	c.announced(rose)
	p, err := c.s.Place(t.Context(), w, store.MessageID(angry.Platform, angry.Scope, angry.Object.ID))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.s.PutDecision(t.Context(), w, p.Thread, accountOf("e"), conversations.Decision{ID: "done-0001", At: at.AddDate(0, 0, 9), By: "mem_1", Kind: conversations.Done}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.s.Restand(t.Context(), w, p.Thread, accountOf("e")); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // told after the time to look again, and before it is looked
		c.attribute("e", at.AddDate(0, 0, 10).Add(time.Duration(i-2)*time.Minute))
	}
	c.tick(at.AddDate(0, 0, 10))
	c.announced(rose, call)
	for range 2 {
		c.tick(at.AddDate(0, 0, 10))
		c.at(at.AddDate(0, 0, 11), view.Stale{Account: accountOf("e")})
	}
	c.announced(rose, call)

	// What was said just now is in no conversation yet: it is looked at after an hour, and wants no answer then.
	c.came(question("f", 3))
	c.came(complaint("f", 0), question("f", 1))
	c.announced(rose, call, rose)
	c.tick(at.Add(time.Hour))
	c.announced(rose, call, rose, call)

	// Who falls below the line while it waits was never announced as to call.
	c.came(question("g", 3))
	second := question("g", 1)
	c.came(complaint("g", 0), second)
	taken := question("g", 0)
	taken.Type, taken.Object.ID, taken.Text = social.Delete, second.Object.ID, ""
	taken.Key = social.ActivityKey(taken.Platform, taken.Scope, taken.Type, taken.Object.ID, taken.Occurred)
	c.came(taken)
	c.tick(at.Add(time.Hour))
	c.announced(rose, call, rose, call, rose, leads.KindFell)
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
