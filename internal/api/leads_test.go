package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"

	"rapport/internal/rebuild"
)

// buys is what somebody says who is about to buy; the n-th message of theirs.
func buys(who, text string, n int, ago time.Duration) social.Activity {
	a := asks(who, text, social.IntentPurchase, 0, ago)
	a.Object.ID, a.URL = fmt.Sprintf("p-%s-%d", who, n), fmt.Sprintf("https://forum.example/%s/%d", who, n)
	return a
}

func (x *world) leadsOf(query string) api.LeadPage {
	x.t.Helper()
	var p api.LeadPage
	x.get("ann", inAcme+"/leads"+query, &p)
	return p
}

func (x *world) leadOf(a social.Activity) (l api.LeadLedger) {
	x.t.Helper()
	x.get("ann", inAcme+"/leads/"+personOf(a), &l)
	return l
}

func handles(p api.LeadPage) (out []string) {
	for _, l := range p.Items {
		out = append(out, l.Handle)
	}
	slices.Sort(out)
	return out
}

// lively tells of a buyer, a buyer with an open complaint, and one who only likes things.
func lively(x *world) (told []social.Activity) {
	like := post("lol", "l1", "", time.Hour)
	like.Type, like.URL = social.React, "https://forum.example/our-own-page"
	complaint := asks("cyd", "Nothing works any more!", social.IntentComplaint, 2, 5*time.Hour)
	buyer := []social.Activity{buys("bea", "We need 40 seats by May.", 1, 9*time.Hour), answers("r1", "p-bea-1", "Gladly", 8*time.Hour), buys("bea", "What does it cost?", 2, 7*time.Hour), buys("bea", "Can we pay by invoice?", 3, 6*time.Hour)}
	likes := buyer[0]
	likes.Type, likes.Object.ID, likes.Text, likes.Reading, likes.URL, likes.Occurred = social.React, "", "", social.Reading{}, "https://forum.example/our-own-page", t0.Add(-time.Minute)
	likes.Object.ID = "our-post"
	told = append(buyer, buys("cyd", "I want to buy more.", 1, 9*time.Hour), buys("cyd", "And how?", 2, 8*time.Hour), buys("cyd", "Please tell.", 3, 7*time.Hour), complaint, like, likes)
	return x.tell("acme", told...)
}

func TestWhoIsToBeCalled(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	told := lively(x)
	bea, cyd, lol := told[0], told[4], told[8]
	p := x.leadsOf("?totals=true")
	if p.CallFrom != "15" || len(p.Items) != 3 {
		t.Fatalf("from %s points on: %+v", p.CallFrom, p)
	}
	if got := handles(x.leadsOf("?to_call=true")); diff.Diff([]string{"bea"}, got) != "" {
		t.Errorf("to call: %q; want the buyer without a complaint", got)
	}
	if d := diff.Diff(&api.LeadTotals{Leads: 3, ToCall: 1}, p.Totals); d != "" {
		t.Error(d)
	}
	b, c := x.leadOf(bea), x.leadOf(cyd)
	if !b.ToCall || b.Held != "" || b.OpenComplaint != nil || b.LastContact == nil || !b.LastContact.Equal(told[1].Occurred) {
		t.Errorf("the buyer: %+v", b.Lead)
	}
	// The person's own messages, each once; never the page that a reaction was to.
	if len(b.Words) != 3 || !slices.ContainsFunc(b.Words, func(w api.LeadWords) bool { return w.Text == "We need 40 seats by May." }) {
		t.Errorf("words: %+v", b.Words)
	}
	if want := told[3].URL; b.Reach == nil || b.Reach.URL != want || b.URL != want || b.Reach.Handle != "bea" || b.Reach.Thread == "" {
		t.Errorf("reached at %+v, and %q; want %q", b.Reach, b.URL, want)
	}
	x.get("ann", inAcme+"/conversations/"+b.Reach.Thread+"/"+b.Person, nil)
	if c.ToCall || c.Held != "complaint" || c.OpenComplaint == nil || c.OpenComplaint.Intent != "complaint" {
		t.Errorf("who waits with a complaint: %+v", c.Lead)
	}
	if l := x.leadOf(lol); l.ToCall || l.Held != "" || l.URL != "" || l.Reach.URL != "" {
		t.Errorf("who only liked something: %+v", l.Lead)
	}

	// Once it is answered, nothing stands against a call; before, it did.
	then := x.now
	x.now = x.now.Add(time.Minute)
	reply := answers("r9", "p-cyd", "Fixed, sorry", 0)
	reply.Occurred = x.now
	x.tell("acme", reply)
	if c := x.leadOf(cyd); !c.ToCall || c.OpenComplaint != nil {
		t.Errorf("answered: %+v", c.Lead)
	}
	if p := x.leadsOf("?as_of=" + then.Format(time.RFC3339)); len(p.Items) != 3 || p.Items[slices.IndexFunc(p.Items, func(l api.Lead) bool { return l.Handle == "cyd" })].Held != "complaint" {
		t.Errorf("as of before: %+v", p.Items)
	}

	// Words as they stand: edited ones are new, deleted ones gone.
	edit, gone := told[3], told[0]
	edit.Type, edit.Text, edit.Occurred = social.Edit, "Can we pay by card?", x.now.Add(time.Second)
	gone.Type, gone.Text, gone.Occurred = social.Delete, "", x.now.Add(2*time.Second)
	x.tell("acme", edit, gone)
	x.now = x.now.Add(time.Minute)
	for _, l := range []api.Lead{x.leadOf(bea).Lead, x.leadsOf("?words=true&text=BEA").Items[0]} {
		var words []string
		for _, w := range l.Words {
			words = append(words, w.Text)
		}
		slices.Sort(words)
		if d := diff.Diff([]string{"Can we pay by card?", "What does it cost?"}, words); d != "" {
			t.Error(d)
		}
	}
}

func TestLeadDecisions(t *testing.T) {
	x := newWorld(t)
	x.views()
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	told := lively(x)
	bea := told[0]
	path := inAcme + "/leads/" + personOf(bea) + "/decisions"
	n := 0
	send := func(path string, body map[string]any) reply {
		if n++; body["id"] == nil {
			body["id"] = fmt.Sprintf("decision-%d", n)
		}
		x.now = x.now.Add(time.Minute)
		return x.call("ann", "POST", path, body)
	}
	decide := func(body map[string]any) (out api.DecidedLead) {
		t.Helper()
		send(path, body).want(t, http.StatusCreated, &out)
		return out
	}
	listed := func(query string) bool { return slices.Contains(handles(x.leadsOf(query)), "bea") }
	me := store.MemberID("ann")
	before := x.now

	if l := decide(map[string]any{"kind": "owned", "owner": me}).Lead; l.Owner != me || !l.ToCall || !listed("?owner="+me) || listed("?owner=none") {
		t.Errorf("owned: %+v", l)
	}
	if l := decide(map[string]any{"kind": "owned"}).Lead; l.Owner != "" || !listed("?owner=none") {
		t.Errorf("nobody's: %+v", l)
	}
	if l := decide(map[string]any{"kind": "status", "status": "contacted"}).Lead; l.Status != "contacted" || !l.ToCall || !listed("?status=contacted,qualified") || listed("?status=new") {
		t.Errorf("contacted: %+v", l)
	}
	if l := decide(map[string]any{"kind": "handed_over", "department": "onboarding"}).Lead; l.Department != "onboarding" || !listed("?department=onboarding") || listed("?department=sales") {
		t.Errorf("handed over: %+v", l)
	}
	until := x.now.Add(10 * time.Hour)
	if l := decide(map[string]any{"kind": "snoozed", "until": until.Format(time.RFC3339)}).Lead; l.ToCall || l.Held != "snoozed" || l.SnoozedUntil == nil || listed("?to_call=true") {
		t.Errorf("snoozed: %+v", l)
	}
	was := x.now
	if x.now = until.Add(time.Second); !listed("?to_call=true") {
		t.Error("its time has passed, and nobody is to call")
	}
	x.now = was
	for _, status := range []string{"customer", "not_a_lead"} {
		if l := decide(map[string]any{"kind": "status", "status": status}).Lead; l.ToCall || l.Held != status {
			t.Errorf("%s: %+v", status, l)
		}
	}
	decide(map[string]any{"kind": "snoozed"})
	if l := decide(map[string]any{"kind": "status", "status": "new"}).Lead; !l.ToCall || l.SnoozedUntil != nil || l.Status != "new" {
		t.Errorf("anew: %+v", l)
	}
	if l := x.leadsOf("?text=bea&as_of=" + was.Format(time.RFC3339)).Items[0]; l.Held != "snoozed" || l.Status != "contacted" {
		t.Errorf("as of when it was snoozed: %+v", l)
	}
	if l := x.leadsOf("?text=bea&as_of=" + before.Format(time.RFC3339)).Items[0]; l.Held != "" || l.Status != "new" {
		t.Errorf("as of before: %+v", l)
	}

	note := map[string]any{"id": "note-0001", "kind": "noted", "text": "Has a budget until May"}
	first := decide(note)
	if second := decide(note); !second.Decision.At.Equal(first.Decision.At) || first.Decision.By != me {
		t.Errorf("sent again: %+v, first %+v", second.Decision, first.Decision)
	}
	note["text"] = "Something else"
	send(path, note).problem(t, http.StatusConflict)

	history := func(person string) (kinds []string) {
		cursor := ""
		for range 10 {
			var l api.LeadLedger
			x.get("ann", inAcme+"/leads/"+person+"?limit=3"+cursor, &l)
			for _, d := range l.Decisions.Items {
				kinds = append(kinds, d.Kind)
			}
			if cursor = "&cursor=" + l.Decisions.NextCursor; l.Decisions.NextCursor == "" {
				break
			}
		}
		return kinds
	}
	if d := diff.Diff([]string{"noted", "status", "snoozed", "status", "status", "snoozed", "handed_over", "status", "owned", "owned"}, history(personOf(bea))); d != "" {
		t.Error(d)
	}

	for at, body := range map[string]map[string]any{
		"body.owner":      {"kind": "owned", "owner": "mem_nobody"},
		"body.status":     {"kind": "status"},
		"body.text":       {"kind": "noted"},
		"body.until":      {"kind": "snoozed", "until": t0.Format(time.RFC3339)},
		"body.department": {"kind": "noted", "text": "x", "department": "sales"},
		"body.kind":       {"kind": "forgotten"},
	} {
		send(path, body).at(t, at)
	}
	send(inAcme+"/leads/per_nobody/decisions", map[string]any{"kind": "noted", "text": "x"}).problem(t, http.StatusNotFound)
	x.call("bob", "POST", path, map[string]any{"id": "decision-x", "kind": "noted", "text": "x"}).problem(t, http.StatusNotFound)

	// Merged, the newest of both holds; sent again for the merged person, a decision is the same; apart, each has its own.
	lol := told[8]
	send(inAcme+"/leads/"+personOf(lol)+"/decisions", map[string]any{"id": "lol-00001", "kind": "status", "status": "customer"}).want(t, http.StatusCreated, nil)
	var merged personBody
	send(inAcme+"/people/"+personOf(bea)+"/decisions", map[string]any{"kind": "same", "id": "merge-0001", "with": personOf(lol)}).want(t, http.StatusCreated, &merged)
	id := merged.People[0].Person
	for _, p := range []string{id, personOf(bea), personOf(lol)} {
		var l api.LeadLedger
		if x.get("ann", inAcme+"/leads/"+p, &l); l.Status != "customer" || l.Person != id {
			t.Errorf("merged: %+v", l.Lead)
		}
		send(inAcme+"/leads/"+p+"/decisions", map[string]any{"id": "lol-00001", "kind": "status", "status": "customer"}).want(t, http.StatusCreated, nil)
	}
	send(inAcme+"/leads/"+id+"/decisions", map[string]any{"id": "both-0001", "kind": "noted", "text": "said of both"}).want(t, http.StatusCreated, nil)
	if n := len(history(id)); n != 12 {
		t.Errorf("%d decisions about the merged person, want 12", n)
	}

	// Views made again are the same, with what was decided.
	rebuilt := &rebuild.Rebuild{Store: x.store, Now: x.deps.Now, Views: func(s *store.Store) []view.View { return all.Views(s, x.deps.Now) }}
	state, err := rebuilt.Run(t.Context(), rebuild.State{Workspace: "acme"}, time.Time{}, func(rebuild.State) {})
	if f := state.Views["lead"]; err != nil || f == nil || f.Same == 0 || f.Missing+f.Extra+f.Differs > 0 {
		t.Errorf("rebuilt: %+v, %q, %v", f, state.Differ, err)
	}

	send(inAcme+"/people/"+id+"/decisions", map[string]any{"kind": "undo", "id": "undo-0001", "decision": "merge-0001"}).want(t, http.StatusCreated, nil)
	if b, l := x.leadOf(bea), x.leadOf(lol); b.Status != "new" || l.Status != "customer" {
		t.Errorf("apart: %q and %q", b.Status, l.Status)
	}

	// An erasure takes away what was decided about the account, and about who it was one with.
	partOf, err := x.store.PersonsPartOf(t.Context(), "acme", bea.Account().AccountID())
	if err != nil || len(partOf) != 1 {
		t.Fatalf("%+v, %v", partOf, err)
	}
	if n, err := x.store.ForgetLeadDecisions(t.Context(), "acme", bea.Account().AccountID(), partOf); err != nil || n != 11 {
		t.Errorf("%d decisions forgotten, %v; want 11", n, err)
	}
	if left := history(personOf(lol)); len(left) != 1 {
		t.Errorf("left of the other: %q", left)
	}
	for k, v := range x.table.Dump(t) {
		if strings.Contains(v, "said of both") || strings.Contains(v, "budget until May") {
			t.Errorf("left: %s %s", k, v)
		}
	}
}

func TestLeadFilters(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var told []social.Activity
	for i := range 7 {
		for j := range i/3 + 1 {
			told = append(told, buys(fmt.Sprint("u", i), "How much is it?", j, time.Duration(40-i)*time.Hour))
		}
	}
	x.tell("acme", told...)
	everybody := x.leadsOf("").Items
	for query, want := range map[string]func(api.Lead) bool{
		"min_score=20": func(l api.Lead) bool { return l.MicroPoints >= 20_000_000 },
		"grade=" + "%3F" + everybody[0].Grade[1:]: func(l api.Lead) bool { return l.Grade == everybody[0].Grade },
		"engagement=2":      func(l api.Lead) bool { return l.Engagement <= 2 },
		"text=U3":           func(l api.Lead) bool { return l.Handle == "u3" },
		"platform=standard": func(api.Lead) bool { return true },
		"platform=x":        func(api.Lead) bool { return false },
		"to_call=true":      func(l api.Lead) bool { return l.ToCall },
		"changed_since=" + t0.Add(-36*time.Hour-time.Minute).Format(time.RFC3339): func(l api.Lead) bool { return !l.LastSeen.Before(t0.Add(-36*time.Hour - time.Minute)) },
	} {
		var expected, got []string
		for _, l := range everybody {
			if want(l) {
				expected = append(expected, l.Handle)
			}
		}
		for _, l := range pagesOfLeads(x, "?limit=2&"+query) {
			got = append(got, l.Handle)
		}
		slices.Sort(expected)
		slices.Sort(got)
		if d := diff.Diff(expected, got); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
	// As of an instant, page by page to the end, in the order of that instant.
	whole := x.leadsOf("?as_of=" + t0.Format(time.RFC3339)).Items
	if got := pagesOfLeads(x, "?limit=3&as_of="+t0.Format(time.RFC3339)); diff.Diff(whole, got) != "" || len(got) != 7 {
		t.Errorf("in pages as of an instant: %s", diff.Diff(whole, got))
	}
	x.call("ann", "GET", inAcme+"/leads?min_score=much", nil).at(t, "query.min_score")
	x.call("ann", "GET", inAcme+"/leads?status=lost", nil).at(t, "query.status")
}

func pagesOfLeads(x *world, query string) (all []api.Lead) {
	x.t.Helper()
	cursor := ""
	for range 20 {
		p := x.leadsOf(query + cursor)
		if all = append(all, p.Items...); p.NextCursor == "" {
			return all
		}
		cursor = "&cursor=" + p.NextCursor
	}
	x.t.Fatalf("%s: no end", query)
	return nil
}
