package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/social"
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
