package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/blocking"
)

type personBody struct {
	Person   string
	Accounts []struct{ Account, Platform, Handle, Name string }
	People   []personBody
}

// The same human on two platforms: merged, one lead, one asker, one voice;
// undone, everything is as before, to the byte.
func TestPeopleAreMergedAndTakenApart(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	told := x.tell("acme", asks("ada", "Where is my invoice?", social.IntentQuestion, 0, 3*time.Hour), asks("ada-l", "How do I export my data?", social.IntentQuestion, 0, 2*time.Hour))
	first, second := told[0], told[1]
	a, b := social.PersonID(first.Account().AccountID()), social.PersonID(second.Account().AccountID())
	pages := []string{"/leads", "/leads/" + a, "/leads/" + b, "/conversations", "/activities", "/people/" + a}
	look := func() (out string) {
		for _, p := range pages {
			out += p + " " + x.get("ann", inAcme+p, nil).body + "\n"
		}
		return out
	}
	before := look()

	var merged personBody
	body := `{"id":"merge-ada-0001","kind":"same","with":"` + b + `","text":"both sign as Ada Lovelace"}`
	x.call("ann", "POST", inAcme+"/people/"+a+"/decisions", body).want(t, http.StatusCreated, &merged)
	if len(merged.People) != 1 || len(merged.People[0].Accounts) != 2 {
		t.Fatalf("merged: %+v", merged)
	}
	id := merged.People[0].Person
	for _, p := range []string{a, b, id} {
		if got := x.get("ann", inAcme+"/leads/"+p, nil).body; !strings.Contains(got, id) {
			t.Errorf("the lead of %s: %s", p, got)
		}
		if got := x.get("ann", inAcme+"/people/"+p, nil).body; !strings.Contains(got, "merge-ada-0001") {
			t.Errorf("the person %s: %s", p, got)
		}
	}
	for _, p := range []string{"/leads", "/conversations", "/activities", "/activities?person=" + a} {
		got := x.get("ann", inAcme+p, nil).body
		if !strings.Contains(got, id) || strings.Contains(got, a) || strings.Contains(got, b) {
			t.Errorf("%s: %s", p, got)
		}
	}
	if got := x.get("ann", inAcme+"/activities?person="+id, nil).body; !strings.Contains(got, "invoice") || !strings.Contains(got, "export") {
		t.Errorf("what the person did: %s", got)
	}

	// Sent again under its id, it is made once.
	var again personBody
	x.call("ann", "POST", inAcme+"/people/"+a+"/decisions", body).want(t, http.StatusCreated, &again)
	x.call("ann", "POST", inAcme+"/people/"+id+"/decisions", body).want(t, http.StatusCreated, &again)
	if len(again.People) != 1 || again.People[0].Person != id {
		t.Errorf("sent again: %+v", again)
	}

	for _, bad := range []struct {
		body   string
		status int
	}{
		{`{"id":"merge-ada-0002","kind":"same","with":"` + b + `"}`, http.StatusUnprocessableEntity}, // is the same already
		{`{"id":"merge-ada-0003","kind":"same"}`, http.StatusUnprocessableEntity},
		{`{"id":"merge-ada-0004","kind":"undo"}`, http.StatusUnprocessableEntity},
		{`{"id":"merge-ada-0005","kind":"undo","decision":"merge-nobody"}`, http.StatusNotFound},
		{`{"id":"merge-ada-0006","kind":"same","with":"per_nobody"}`, http.StatusNotFound},
		{`{"id":"merge-ada-0007","kind":"apart","accounts":["acc_nobody"]}`, http.StatusUnprocessableEntity},
		{`{"id":"merge-ada-0001","kind":"apart","accounts":["` + merged.People[0].Accounts[0].Account + `"]}`, http.StatusConflict},
	} {
		x.call("ann", "POST", inAcme+"/people/"+id+"/decisions", bad.body).want(t, bad.status, nil)
	}

	var apart personBody
	x.call("ann", "POST", inAcme+"/people/"+id+"/decisions", `{"id":"undo-ada-0001","kind":"undo","decision":"merge-ada-0001"}`).want(t, http.StatusCreated, &apart)
	if len(apart.People) != 2 {
		t.Errorf("undone: %+v", apart)
	}
	x.call("ann", "POST", inAcme+"/people/"+id+"/decisions", `{"id":"undo-ada-0001","kind":"undo","decision":"merge-ada-0001"}`).want(t, http.StatusCreated, &apart)
	if len(apart.People) != 2 {
		t.Errorf("undone again: %+v", apart)
	}
	pages = pages[:len(pages)-1]
	if after := look(); !strings.HasPrefix(before, after) {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if got := x.call("ann", "GET", inAcme+"/leads/"+id, nil).body; !strings.Contains(got, a) || !strings.Contains(got, b) {
		t.Errorf("the merged person's id names %s", got)
	}
}

// What is suggested is shown with both persons, and gone once it is decided.
func TestSuggestionsAreListedAndDecided(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	first, second, third := asks("ada", "Where is my invoice?", social.IntentQuestion, 0, 3*time.Hour), asks("ada-l", "How do I export my data?", social.IntentQuestion, 0, 2*time.Hour), asks("ada-o", "Is it slow?", social.IntentQuestion, 0, time.Hour)
	first.Platform, second.Platform, third.Platform = "github", "slack", "discourse"
	told := x.tell("acme", first, second, third)
	keys := blocking.New(x.store)
	var accounts []string
	for _, a := range told {
		if err := keys.Keep(t.Context(), "acme", []view.Fact{view.FactOf(a)}); err != nil {
			t.Fatal(err)
		}
		accounts = append(accounts, a.Account().AccountID())
	}
	for i, p := range []float64{0.9, 0.4} {
		one, other := accounts[0], accounts[i+1]
		if err := x.store.PutSuggestion(t.Context(), "acme", store.Suggestion{One: min(one, other), Other: max(one, other), At: x.now, Probability: p, Reasons: []string{"both are called Ada"}}); err != nil {
			t.Fatal(err)
		}
	}
	var page struct {
		Items []struct {
			Probability float64
			Reasons     []string
			People      []personBody
		}
		NextCursor string `json:"next_cursor"`
	}
	list := func(query string) {
		t.Helper()
		page.Items, page.NextCursor = nil, ""
		x.get("ann", inAcme+"/people/suggestions"+query, &page)
	}
	list("?limit=1")
	if len(page.Items) != 1 || page.NextCursor == "" || page.Items[0].Probability != 0.9 || len(page.Items[0].People) != 2 || page.Items[0].People[0].Accounts[0].Handle == "" {
		t.Fatalf("the likeliest: %+v", page)
	}
	likeliest := page.Items[0]
	list("?limit=1&cursor=" + page.NextCursor)
	if len(page.Items) != 1 || page.NextCursor != "" || page.Items[0].Probability != 0.4 {
		t.Errorf("the next page: %+v", page)
	}
	x.call("ann", "POST", inAcme+"/people/"+likeliest.People[0].Person+"/decisions", `{"id":"apart-ada-0001","kind":"apart","with":"`+likeliest.People[1].Person+`"}`).want(t, http.StatusCreated, nil)
	list("")
	if len(page.Items) != 1 || page.Items[0].Probability != 0.4 {
		t.Errorf("after one was decided: %+v", page)
	}
}
