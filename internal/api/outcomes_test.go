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
	"rapport/internal/rebuild"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

// came records how it came out with a person.
func (x *world) came(person, id, kind string, ago time.Duration) reply {
	return x.call("ann", "POST", inAcme+"/people/"+person+"/outcomes", map[string]any{"id": id, "kind": kind, "at": x.now.Add(-ago).Format(time.RFC3339Nano)})
}

func TestWhoWonIsHeldAsACustomer(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	told := lively(x)
	bea, lol := told[0], told[8]
	held := func() [2]string {
		list := x.leadsOf("").Items
		for _, l := range list {
			if l.Handle == "bea" {
				return [2]string{x.leadOf(bea).Held, l.Held}
			}
		}
		return [2]string{"", "not listed"}
	}
	before := x.now
	step := func(want string) {
		t.Helper()
		if got := held(); got != [2]string{want, want} {
			t.Errorf("held %q, want %q", got, want)
		}
		x.now = x.now.Add(time.Hour)
	}
	step("")
	x.came(personOf(bea), "deal-1", "lost", 0).want(t, http.StatusCreated, nil)
	step("")
	x.came(personOf(bea), "deal-2", "won", 0).want(t, http.StatusCreated, nil)
	step("customer")
	won := x.now
	x.came(personOf(bea), "sub-1", "churned", 0).want(t, http.StatusCreated, nil)
	step("")
	x.came(personOf(bea), "sub-2", "renewed", 0).want(t, http.StatusCreated, nil)
	step("customer")
	x.call("ann", "DELETE", inAcme+"/outcomes/sub-2", nil).want(t, http.StatusOK, nil)
	step("")
	for at, want := range map[time.Time]string{before: "", won.Add(-time.Minute): "customer"} {
		if p := x.leadsOf("?text=bea&as_of=" + at.Format(time.RFC3339)); len(p.Items) != 1 || p.Items[0].Held != want {
			t.Errorf("as of %v: %+v; want held %q", at, p.Items, want)
		}
	}

	// Shown with the lead, what happened last first; what was taken back says so.
	var kinds []string
	for _, o := range x.leadOf(bea).Outcomes {
		kinds = append(kinds, o.Kind+map[bool]string{true: " back"}[o.WithdrawnAt != nil && o.WithdrawnBy != ""])
	}
	if d := diff.Diff([]string{"renewed back", "churned", "won", "lost"}, kinds); d != "" {
		t.Error(d)
	}

	// As of an instant: what had happened and was recorded by then, as it stood then.
	x.came(personOf(bea), "late-1", "won", x.now.Sub(before)).want(t, http.StatusCreated, nil)
	for at, want := range map[time.Time]string{before: "", won.Add(-time.Minute): "won lost", x.now.Add(-time.Minute - time.Hour): "renewed churned won lost"} {
		var then api.LeadLedger
		x.get("ann", inAcme+"/leads/"+personOf(bea)+"?as_of="+at.Format(time.RFC3339), &then)
		var got []string
		for _, o := range then.Outcomes {
			got = append(got, o.Kind+map[bool]string{true: " back"}[o.WithdrawnAt != nil])
		}
		if strings.Join(got, " ") != want || (then.Held == "customer") != (want != "") {
			t.Errorf("as of %v: held %q, %q; want %q", at, then.Held, got, want)
		}
	}

	// Merged persons have those of all accounts; taken apart each has its own.
	x.came(personOf(lol), "deal-3", "won", 0).want(t, http.StatusCreated, nil)
	var merged personBody
	x.call("ann", "POST", inAcme+"/people/"+personOf(bea)+"/decisions", map[string]any{"kind": "same", "id": "merge-0001", "with": personOf(lol)}).want(t, http.StatusCreated, &merged)
	id := merged.People[0].Person
	if l := x.leadOf(bea); len(l.Outcomes) != 6 || l.Person != id || l.Held != "customer" || l.Outcomes[0].Person != id {
		t.Errorf("merged: %+v %+v", l.Lead, l.Outcomes)
	}
	x.came(id, "deal-1", "lost", x.now.Sub(before.Add(time.Hour))).want(t, http.StatusCreated, nil) // the same, by the other id
	x.came(id, "both-1", "lost", 0).want(t, http.StatusCreated, nil)
	rebuilt := &rebuild.Rebuild{Store: x.store, Now: x.deps.Now, Views: func(s *store.Store) []view.View { return all.Views(s, x.deps.Now) }}
	state, err := rebuilt.Run(t.Context(), rebuild.State{Workspace: "acme"}, time.Time{}, func(rebuild.State) {})
	if f := state.Views["lead"]; err != nil || f == nil || f.Same == 0 || f.Missing+f.Extra+f.Differs > 0 {
		t.Errorf("rebuilt: %+v, %q, %v", f, state.Differ, err)
	}
	partOf, err := x.store.PersonsPartOf(t.Context(), "acme", bea.Account().AccountID())
	if err != nil {
		t.Fatal(err)
	}
	x.call("ann", "POST", inAcme+"/people/"+id+"/decisions", map[string]any{"kind": "undo", "id": "undo-0001", "decision": "merge-0001"}).want(t, http.StatusCreated, nil)
	of := x.leadOf(lol).Outcomes
	if len(of)+len(x.leadOf(bea).Outcomes) != 7 || !slices.ContainsFunc(of, func(o api.Outcome) bool { return o.ID == "deal-3" }) {
		t.Errorf("apart: %+v", of)
	}

	// An erasure takes away those of the account, and of whom it was one with; none is left of them, not even its id.
	if n, err := x.store.ForgetOutcomes(t.Context(), "acme", bea.Account().AccountID(), partOf); err != nil || n != 6 {
		t.Errorf("%d outcomes forgotten, %v; want 6", n, err)
	}
	for k, v := range x.dump() {
		for _, id := range []string{"deal-1", "deal-2", "sub-1", "sub-2", "late-1", "both-1"} {
			if strings.Contains(k+v, id) {
				t.Errorf("left: %s %s", k, v)
			}
		}
	}
	if l := x.leadOf(lol); len(l.Outcomes) != 1 {
		t.Errorf("left of the other: %+v", l.Outcomes)
	}
}

func TestAnOutcomeIsOneHoweverOftenSent(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	told := lively(x)
	bea, lol := personOf(told[0]), personOf(told[8])
	path := inAcme + "/people/" + bea + "/outcomes"
	deal := func(change ...string) map[string]any {
		m := map[string]any{"id": "deal-1", "kind": "won", "at": "2026-10-01T09:00:00+02:00", "value": "1999.90", "currency": "EUR"}
		for i := 0; i+1 < len(change); i += 2 {
			if m[change[i]] = change[i+1]; change[i+1] == "" {
				delete(m, change[i])
			}
		}
		return m
	}
	var o api.Outcome
	for _, body := range []map[string]any{deal(), deal("value", "1999.9"), deal("at", "2026-10-01T07:00:00Z")} {
		x.call("ann", "POST", path, body).want(t, http.StatusCreated, &o)
		if o.Value != "1999.9" || o.Currency != "EUR" || o.Person != bea || !o.At.Equal(time.Date(2026, 10, 1, 7, 0, 0, 0, time.UTC)) || o.By == "" || !o.RecordedAt.Equal(t0) {
			t.Errorf("%+v", o)
		}
	}
	for _, body := range []map[string]any{deal("kind", "lost"), deal("value", "2000"), deal("currency", "USD"), deal("at", "2026-10-02T07:00:00Z")} {
		x.call("ann", "POST", path, body).problem(t, http.StatusConflict)
	}
	x.call("ann", "POST", inAcme+"/people/"+lol+"/outcomes", deal()).problem(t, http.StatusConflict)
	x.call("ann", "POST", inAcme+"/people/per_nobody/outcomes", deal("id", "deal-9")).problem(t, http.StatusNotFound)
	x.call("ann", "DELETE", inAcme+"/outcomes/deal-9", nil).problem(t, http.StatusNotFound)
	for at, body := range map[string]map[string]any{
		"body.at":       deal("id", "x", "at", t0.Add(time.Hour).Format(time.RFC3339)),
		"body.kind":     deal("id", "x", "kind", "loved"),
		"body.value":    deal("id", "x", "value", ""),
		"body.currency": deal("id", "x", "currency", ""),
	} {
		x.call("ann", "POST", path, body).at(t, at)
	}
	if l := x.leadOf(told[0]); len(l.Outcomes) != 1 {
		t.Errorf("%+v", l.Outcomes)
	}
}

func TestOutcomesInABatch(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	told := lively(x)
	bea, lol := personOf(told[0]), personOf(told[8])
	row := func(id, person, kind, at string) map[string]any {
		return map[string]any{"id": id, "person": person, "kind": kind, "at": at}
	}
	batch := []any{
		row("d1", bea, "won", "2026-10-01T09:00:00Z"),
		row("d2", "per_nobody", "won", "2026-10-01T09:00:00Z"),
		row("d3", bea, "loved", "01.10.2026"),
		row("d1", bea, "won", "2026-10-01T09:00:00Z"),
		row("d1", lol, "won", "2026-10-01T09:00:00Z"),
		map[string]any{"id": 7, "person": bea},
		map[string]any{"id": "d7", "person": lol, "kind": "lost", "at": "2026-10-03T09:00:00Z", "colour": "red"},
		row("d8", lol, "lost", "2026-10-03T09:00:00Z"),
	}
	var out api.RecordedOutcomes
	for _, want := range []string{
		"recorded unknown_person refused:kind,at known refused:id refused: refused: recorded",
		"known unknown_person refused:kind,at known refused:id refused: refused: known",
	} {
		x.call("ann", "POST", inAcme+"/outcomes", map[string]any{"outcomes": batch}).want(t, http.StatusOK, &out)
		var got []string
		for i, r := range out.Rows {
			var at []string
			for _, e := range r.Errors {
				at = append(at, e.Location)
			}
			if len(at) > 0 {
				r.Result += ":" + strings.Join(at, ",")
			}
			if got = append(got, r.Result); r.Row != i+1 {
				t.Errorf("row %d is called %d", i+1, r.Row)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
		}
	}
	if out.Known != 3 || out.UnknownPerson != 1 || out.Refused != 4 || out.Recorded != 0 || out.Rows[1].Person != "per_nobody" {
		t.Errorf("%+v", out)
	}
	x.call("ann", "POST", inAcme+"/outcomes", map[string]any{"outcomes": []any{}}).at(t, "body.outcomes")

	for i := range 5 {
		x.came(lol, fmt.Sprint("more-", i), "lost", time.Duration(i)*time.Hour).want(t, http.StatusCreated, nil)
	}
	x.call("ann", "DELETE", inAcme+"/outcomes/more-0", nil).want(t, http.StatusOK, nil)
	var ids []string
	cursor := ""
	for range 10 {
		var p api.OutcomePage
		x.get("ann", inAcme+"/outcomes?limit=2&totals=true"+cursor, &p)
		if d := diff.Diff(&api.OutcomeTotals{Outcomes: 6, Kinds: []api.OutcomeNumber{{Kind: "won", Outcomes: 1}, {Kind: "lost", Outcomes: 5}}}, p.Totals); d != "" {
			t.Fatal(d)
		}
		for _, o := range p.Items {
			ids = append(ids, o.ID)
		}
		if cursor = "&cursor=" + p.NextCursor; p.NextCursor == "" {
			break
		}
	}
	if d := diff.Diff([]string{"more-1", "more-2", "more-3", "more-4", "d8", "d1"}, ids); d != "" {
		t.Error(d)
	}
}
