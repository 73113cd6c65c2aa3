package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/contacts"
	"rapport/internal/erasure"
	"rapport/internal/rebuild"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// told is one attribute in a request, and its source.
func attribute(id, name, value, source string) map[string]any {
	return map[string]any{"id": id, "name": name, "value": value, "source": source}
}

func (x *world) tellOf(person string, list ...map[string]any) reply {
	return x.call("ann", "POST", inAcme+"/people/"+person+"/attributes", map[string]any{"attributes": list})
}

func (x *world) person(id string) (p api.Person) {
	x.t.Helper()
	x.get("ann", inAcme+"/people/"+id, &p)
	return p
}

func valuesOf(p api.Person) (out []string) {
	for _, a := range p.Attributes {
		out = append(out, a.Name+"="+a.Value+" "+a.Source)
	}
	return out
}

// publishFit publishes a model that also says how well somebody fits.
func (x *world) publishFit() {
	x.t.Helper()
	m, err := scoring.ParseModel([]byte(`{"id": "default", "version": 1, "horizon_days": 365, "engagement": ["5", "15", "40"],
		"rules": [{"id": "asks", "kind": "activity", "label": {"one": "message", "many": "messages"}, "when": {"types": ["post"]}, "points": "5"}],
		"fit": {"at_least": 1, "grades": ["5", "10", "20"], "rules": [
			{"id": "decides", "label": "decides on tools", "expr": "lower(title) contains 'head'", "points": "15"},
			{"id": "known", "label": "works for a company we know", "expr": "domain in ['contoso.com']", "points": "5"}]}}`))
	if err != nil {
		x.t.Fatal(err)
	}
	x.call("ann", "POST", inAcme+"/models", map[string]any{"model": m}).want(x.t, http.StatusCreated, nil)
}

// What is told of a person is kept and shown, by whom and since when; the most
// trusted source holds; fit, company and the lists of leads follow at once,
// through merging and taking apart, and views made again say the same.
func TestAttributesOfAPerson(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.publishFit()
	told := x.tell("acme", asks("ada", "Where is my invoice?", social.IntentQuestion, 0, 3*time.Hour), asks("bob", "How do I export my data?", social.IntentQuestion, 0, 2*time.Hour))
	ada, bob := personOf(told[0]), personOf(told[1])
	if l := x.leadOf(told[0]); l.Grade != "?4" && l.Grade != "?3" || l.Fit != scoring.Unknown || l.Company != nil || len(l.FitReasons) != 2 {
		t.Errorf("before anything is told: %s, %s, %+v", l.Grade, l.Fit, l.Company)
	}

	before := x.now
	x.now = x.now.Add(time.Hour)
	first := []map[string]any{attribute("title-0001", "title", "Head of IT", "form"), attribute("email-0001", "email", "Ada@Contoso.com", "crm"), attribute("size-00001", "seats", "40", "crm")}
	first[2]["kind"] = "number"
	var p api.Person
	x.tellOf(ada, first...).want(t, http.StatusCreated, &p)
	if got := valuesOf(p); !slices.Equal(got, []string{"email=ada@contoso.com crm", "seats=40 crm", "title=Head of IT form"}) || p.Company == nil || p.Company.Domain != "contoso.com" || p.Company.Source != "crm" {
		t.Errorf("told: %v, %+v", got, p.Company)
	}
	l := x.leadOf(told[0])
	if l.Fit != "A" || !strings.HasPrefix(l.Grade, "A") || l.FitPoints != "20" || l.Company == nil || l.Company.Company != p.Company.Company || l.Reach == nil || l.Reach.Email != "ada@contoso.com" {
		t.Errorf("the lead: %s, %s, %s, %+v, %+v", l.Fit, l.Grade, l.FitPoints, l.Company, l.Reach)
	}
	if r := l.FitReasons[0]; !r.Known || !r.Holds || !strings.HasPrefix(r.Reason, `decides on tools: yes, 15 points; title is "Head of IT" (form, since `) || len(r.Attributes) != 1 {
		t.Errorf("why: %+v", r)
	}
	if l.Score != x.leadOf(told[1]).Score {
		t.Error("attributes changed the score, not only the fit")
	}
	var was api.LeadLedger
	x.get("ann", inAcme+"/leads/"+ada+"?as_of="+social.Stamp(before), &was)
	if was.Fit != scoring.Unknown || was.Company != nil {
		t.Errorf("an hour before: %s, %+v", was.Fit, was.Company)
	}

	// Sent again it is the same; said otherwise under its id it is refused.
	x.tellOf(ada, first...).want(t, http.StatusCreated, &p)
	x.tellOf(ada, attribute("title-0001", "title", "CEO", "form")).want(t, http.StatusConflict, nil)
	for _, bad := range []struct {
		a  map[string]any
		at string
	}{
		{attribute("email-0002", "email", "null", "crm"), "body.attributes[0].value"},
		{attribute("email-0002", "email", "noreply@contoso.com", "crm"), "body.attributes[0].value"},
		{attribute("email-0002", "domain", "contoso.com", "crm"), "body.attributes[0].name"},
		{map[string]any{"id": "since-0001", "name": "title", "value": "CEO", "since": social.Stamp(x.now.Add(time.Hour))}, "body.attributes[0].since"},
	} {
		x.tellOf(ada, bad.a).at(t, bad.at)
	}
	x.tellOf("per_"+strings.Repeat("a", 32), attribute("title-0009", "title", "CEO", "crm")).want(t, http.StatusNotFound, nil)
	if got := valuesOf(x.person(ada)); len(got) != 3 {
		t.Errorf("what was refused left %v", got)
	}

	// A member's word counts more than the CRM's, and less than nothing once it is taken back.
	x.tellOf(bob, attribute("title-0002", "title", "Clerk", "crm"), attribute("firm-00001", "company", "Fabrikam GmbH", "import")).want(t, http.StatusCreated, nil)
	x.tellOf(bob, map[string]any{"id": "title-0003", "name": "title", "value": "Head of Sales"}).want(t, http.StatusCreated, &p)
	if got := valuesOf(p); !slices.Equal(got, []string{"company=Fabrikam GmbH import", "title=Head of Sales member"}) {
		t.Errorf("by a member: %v", got)
	}
	if l := x.leadOf(told[1]); l.Fit != "B" || l.Company == nil || l.Company.Name != "Fabrikam GmbH" {
		t.Errorf("fit %s, company %+v", l.Fit, l.Company)
	}
	x.now = x.now.Add(time.Minute)
	x.tellOf(bob, map[string]any{"id": "title-0004", "name": "title"}).want(t, http.StatusCreated, &p)
	if got := valuesOf(p); !slices.Contains(got, "title=Clerk crm") {
		t.Errorf("taken back: %v", got)
	}
	n := x.pages("ann", inAcme+"/people/"+bob+"/attributes?limit=3", func(string) {})
	if n != 2 {
		t.Errorf("the four that were told of bob stand on %d pages of 3, want 2", n)
	}

	// Lists.
	for query, want := range map[string][]string{"?fit=A,B": {"ada"}, "?fit=D": {"bob"}, "?fit=unknown": nil, "?company=" + l.Company.Company: {"ada"}, "?fit=D&company=" + l.Company.Company: nil} {
		if got := handles(x.leadsOf(query)); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", query, got, want)
		}
	}
	var page api.CompanyPage
	x.get("ann", inAcme+"/companies?totals=true", &page)
	if len(page.Items) != 2 || page.Items[0].Name != "contoso.com" || page.Items[0].People != 1 || page.Items[1].Name != "Fabrikam GmbH" || page.Totals == nil || page.Totals.Companies != 2 {
		t.Errorf("companies: %+v, %+v", page.Items, page.Totals)
	}
	x.get("ann", inAcme+"/companies?text=FABRI", &page)
	if len(page.Items) != 1 || page.Items[0].Name != "Fabrikam GmbH" {
		t.Errorf("by text: %+v", page.Items)
	}
	x.call("ann", "GET", inAcme+"/companies/com_"+strings.Repeat("a", 32), nil).want(t, http.StatusNotFound, nil)

	// Merged, a person has the attributes of all accounts, and comes once.
	look := func() string {
		return x.get("ann", inAcme+"/leads/"+ada, nil).body + x.get("ann", inAcme+"/leads/"+bob, nil).body + x.get("ann", inAcme+"/leads", nil).body + x.get("ann", inAcme+"/companies", nil).body
	}
	apart := look()
	x.tellOf(bob, attribute("email-0003", "email", "bob@contoso.com", "import")).want(t, http.StatusCreated, nil)
	x.tellOf(bob, attribute("email-0004", "email", "", "import")).want(t, http.StatusCreated, nil)
	if again := look(); apart != again {
		t.Errorf("before an e-mail was told and taken back:\n%s\nafter:\n%s", apart, again)
	}
	x.tellOf(bob, attribute("email-0005", "email", "bob@contoso.com", "form")).want(t, http.StatusCreated, nil)
	apart = look()
	x.call("ann", "POST", inAcme+"/people/"+ada+"/decisions", map[string]any{"id": "merge-0001", "kind": "same", "with": bob}).want(t, http.StatusCreated, nil)
	both := x.person(ada)
	if got := valuesOf(both); !slices.Equal(got, []string{"company=Fabrikam GmbH import", "email=ada@contoso.com crm", "seats=40 crm", "title=Clerk crm"}) || both.Company.Name != "Fabrikam GmbH" || both.Company.Domain != "contoso.com" {
		t.Errorf("merged: %v, %+v", got, both.Company)
	}
	x.tellOf(both.Person, attribute("title-0002", "title", "Clerk", "crm")).want(t, http.StatusCreated, nil) // stands with bob's account
	var people api.CompanyPeople
	x.get("ann", inAcme+"/companies/"+both.Company.Company, &people)
	if got := people.People.Items; len(got) != 1 || got[0].Person != both.Person || got[0].Score == "" || got[0].Email != "ada@contoso.com" || got[0].LastSeen == nil {
		t.Errorf("people: %+v", got)
	}
	x.get("ann", inAcme+"/companies", &page)
	if len(page.Items) != 1 || page.Items[0].People != 1 {
		t.Errorf("companies: %+v", page.Items)
	}
	rebuilt := &rebuild.Rebuild{Store: x.store, Now: x.deps.Now, Views: func(s *store.Store) []view.View { return all.Views(s, x.deps.Now) }}
	state, err := rebuilt.Run(t.Context(), rebuild.State{Workspace: "acme"}, time.Time{}, func(rebuild.State) {})
	for _, v := range []string{"lead", "company"} {
		if f := state.Views[v]; err != nil || f == nil || f.Same == 0 || f.Missing+f.Extra+f.Differs > 0 {
			t.Errorf("%s rebuilt: %+v, %q, %v", v, f, state.Differ, err)
		}
	}
	x.call("ann", "POST", inAcme+"/people/"+ada+"/decisions", map[string]any{"id": "undo-00001", "kind": "undo", "decision": "merge-0001"}).want(t, http.StatusCreated, nil)
	if again := look(); apart != again {
		t.Errorf("before a merger:\n%s\nafter it was undone:\n%s", apart, again)
	}

	listed := func() (out []string) {
		var page api.Page[contacts.Listed]
		x.get("ann", inAcme+"/contacts", &page)
		for _, l := range page.Items {
			out = append(out, l.Person+" "+l.Contact.ID+" "+l.Contact.Title)
		}
		slices.Sort(out)
		return out
	}
	want := []string{bob + " bob Clerk", ada + " ada Head of IT"}
	slices.Sort(want)
	if got := listed(); !slices.Equal(got, want) {
		t.Errorf("contacts: %q, want %q", got, want)
	}

	// Erased, nothing of it is left.
	removed := map[string]int{}
	if err := erasure.New(x.store, x.deps.Now).Account(t.Context(), "acme", told[0].Account().AccountID(), x.now, removed); err != nil || removed["attributes"] != 3 {
		t.Errorf("erased %v, %v; want 3 attributes", removed, err)
	}
	if got := listed(); !slices.Equal(got, []string{bob + " bob Clerk"}) {
		t.Errorf("contacts after one was erased: %q", got)
	}
	for k, v := range x.dump() {
		if strings.Contains(v, "Head of IT") || strings.Contains(v, "ada@contoso") || strings.HasPrefix(k, "acme#A#"+told[0].Account().AccountID()) {
			t.Errorf("left of who was erased: %s: %s", k, v)
		}
	}
}

// A machine key says where it has an attribute from, and never that a member says so.
func TestAttributesByAKey(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	a := x.activity("acme", post("ada", "m1", "Hello", time.Hour))
	k := x.newKey("acme", "ann", social.Agent)
	send := func(source string) reply {
		return x.call(k.Token, "POST", inAcme+"/people/"+personOf(a)+"/attributes", map[string]any{"attributes": []map[string]any{{"id": "title-0001", "name": "title", "value": "CTO", "source": source}}})
	}
	send("").at(t, "body.attributes[0].source")
	send("member").at(t, "body.attributes[0].source")
	var p api.Person
	send("crm").want(t, http.StatusCreated, &p)
	if len(p.Attributes) != 1 || p.Attributes[0].By != k.ID {
		t.Errorf("%+v", p.Attributes)
	}
}

// A company's people come in pages, each person once; companies with many
// people count as one, in the order of their names.
func TestCompaniesInPages(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for i := range 34 {
		a := x.activity("acme", post(fmt.Sprint("p", i), fmt.Sprint("m", i), "Hello", time.Hour))
		firm := "big.com"
		if i >= 30 {
			firm = fmt.Sprintf("firm%d.com", i)
		}
		x.tellOf(personOf(a), attribute("email-0001", "email", fmt.Sprintf("p%d@%s", i, firm), "crm")).want(t, http.StatusCreated, nil)
	}
	var names []string
	n := x.pages("ann", inAcme+"/companies?limit=2", func(b string) {
		for _, part := range strings.Split(b, `"name":"`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			names = append(names, name)
		}
		if strings.Contains(b, "big.com") && !strings.Contains(b, `"people":30`) {
			t.Errorf("of 30 people: %s", b)
		}
	})
	if want := []string{"big.com", "firm30.com", "firm31.com", "firm32.com", "firm33.com"}; !slices.Equal(names, want) || n != 3 {
		t.Errorf("%d pages: %v, want %v", n, names, want)
	}
	var page api.CompanyPage
	x.get("ann", inAcme+"/companies?text=big", &page)
	people := map[string]int{}
	x.pages("ann", inAcme+"/companies/"+page.Items[0].Company.Company+"?limit=7", func(b string) {
		for _, part := range strings.Split(b, `"person":"`)[1:] {
			id, _, _ := strings.Cut(part, `"`)
			people[id]++
		}
	})
	if len(people) != 30 {
		t.Errorf("%d people, want 30: %v", len(people), people)
	}
}
