package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/contacts"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/limit"
	"rapport/internal/profile"
	"rapport/internal/social"
)

// imported sends rows, and says what became of each: its result, how many facts were new, and why not.
func (x *world) imported(body map[string]any) (out []string) {
	x.t.Helper()
	var got api.ImportedRows
	x.call("ann", "POST", inAcme+"/imports/rows", body).want(x.t, http.StatusOK, &got)
	for _, r := range got.Rows {
		said := fmt.Sprint(r.Result, " ", r.Stored)
		for _, e := range r.Errors {
			said += " " + e.Detail
		}
		out = append(out, said)
	}
	return out
}

func TestImport(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	joined := social.Activity{Platform: "discord", Scope: "", Type: social.Join, Actor: social.Actor{ID: "7", Handle: "ana"}, Occurred: t0.Add(-time.Hour + 400*time.Millisecond), Known: t0, Direction: social.Inbound}
	joined.Key = social.ActivityKey("discord", "", social.Join, "by webhook", joined.Occurred)
	if err := x.store.PutAccount(t.Context(), "acme", joined); err != nil {
		t.Fatal(err)
	}
	if _, err := x.store.PutActivity(t.Context(), "acme", joined); err != nil {
		t.Fatal(err)
	}
	at := func(ago time.Duration) string { return t0.Add(-ago).Format(time.RFC3339) }
	ana := map[string]any{"contact": map[string]any{"name": "Ana Lindqvist", "emails": []string{"Ana@Contoso.com", "ana@lindqvist.se"}, "company": "Contoso", "attributes": map[string]any{"seats": 5, "vip": true}},
		"outcomes": []any{map[string]any{"kind": "won", "at": at(48 * time.Hour), "value": "10", "currency": "EUR"}}}
	rows := map[string]any{"rows": []any{ana,
		map[string]any{"activities": []any{map[string]any{"platform": "discord", "type": "join", "actor": map[string]any{"id": "7"}, "occurred": at(time.Hour), "precision": "second"}}},
		map[string]any{"activities": []any{
			map[string]any{"platform": "discord", "type": "join", "actor": map[string]any{"id": "7"}, "occurred": at(2 * time.Hour)},
			map[string]any{"platform": "discord", "type": "leave", "actor": map[string]any{"id": "7"}, "occurred": at(2 * time.Hour)}}},
		map[string]any{"outcomes": []any{map[string]any{"kind": "lost", "at": at(time.Hour), "email": "nobody-knows@contoso.com"}}},
		map[string]any{"outcomes": []any{map[string]any{"kind": "lost", "at": at(time.Hour), "platform": "discord", "account": "7"}}},
		map[string]any{"contact": map[string]any{"name": "nobody"}},
		map[string]any{"contact": map[string]any{"id": "1", "platform": "discrod"}},
		map[string]any{"contacts": 1},
	}}
	want := []string{"imported 8", "known 0", "imported 2", "unknown_person 0", "imported 1"}
	rest := []string{"says who it is", "there is no platform", "can't be read"}
	check := func(what string, got, want []string) {
		t.Helper()
		if d := diff.Diff(want, got[:len(want)]); d != "" {
			t.Errorf("%s: %s", what, d)
		}
		for i, why := range rest {
			if r := got[len(want)+i]; !strings.HasPrefix(r, "refused 0") || !strings.Contains(r, why) {
				t.Errorf("%s: %s, want %q", what, r, why)
			}
		}
	}
	empty := x.dump()
	rows["dry_run"] = true
	check("a dry run", x.imported(rows), want)
	if d := diff.Diff(empty, x.dump()); d != "" || len(x.queued) > 0 {
		t.Errorf("a dry run stored %s, and queued %d", d, len(x.queued))
	}
	delete(rows, "dry_run")
	check("the first time", x.imported(rows), want)
	// With the two that are new goes the one that is there by webhook, which notes it.
	if len(x.queued) != 1 || strings.Count(string(x.queued[0].Request.Body), "\n") != 3 || !strings.Contains(string(x.queued[0].Request.Body), `"precision":"second"`) || x.queued[0].For != "acme" || !x.queued[0].Replay {
		t.Errorf("queued %+v", x.queued)
	}
	once := x.dump()
	x.now = x.now.Add(time.Hour)
	check("again", x.imported(rows), []string{"known 0", "known 0", "imported 2", "unknown_person 0", "known 0"}) // activities are stored by who reads the queue
	if d := diff.Diff(once, x.dump()); d != "" {
		t.Errorf("the second time stored %s", d)
	}

	account := social.AccountRef{Platform: "standard", Scope: "import", ID: "ana@contoso.com"}.AccountID()
	of, err := x.store.AttributesOf(t.Context(), "acme", account)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, f := range of[0].Facts {
		told = append(told, fmt.Sprint(f.Name, " ", f.Kind, " ", f.Value, " ", f.Source))
	}
	if len(told) != 6 {
		t.Errorf("told %q", told)
	}

	// One webhook's event is one row's: a second row of the same time, whose event has another id, is new.
	twice := func(id string) any {
		a := map[string]any{"platform": "discord", "type": "join", "actor": map[string]any{"id": "7"}, "occurred": at(time.Hour), "precision": "second"}
		a["key"] = social.ActivityKey("discord", "", social.Join, id, t0.Add(-time.Hour))
		return map[string]any{"activities": []any{a}}
	}
	if got := x.imported(map[string]any{"dry_run": true, "rows": []any{twice("1"), twice("2")}}); !slices.Contains(got, "known 0") || !slices.Contains(got, "imported 1") {
		t.Errorf("two rows of one second beside one event: %q", got)
	}

	// What changed is new, and nothing else of it.
	ana["contact"].(map[string]any)["company"] = "Northwind"
	if got := x.imported(map[string]any{"rows": []any{ana}}); got[0] != "imported 1" {
		t.Errorf("a new company: %q", got)
	}
	x.call("joe", "POST", inAcme+"/imports/rows", map[string]any{"rows": []any{ana}}).want(t, http.StatusNotFound, nil)
}

func row(parts ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i < len(parts); i += 2 {
		out[parts[i].(string)] = parts[i+1]
	}
	return out
}

func rowsOf(rows ...any) map[string]any { return map[string]any{"rows": rows} }

func wonBy(account, id string, ago time.Duration, kind string) map[string]any {
	o := row("kind", kind, "at", t0.Add(-ago).Format(time.RFC3339), "platform", "discord", "account", account)
	if id != "" {
		o["id"] = id
	}
	return o
}

func joinedBy(account string, ago time.Duration) map[string]any {
	return row("platform", "discord", "type", "join", "actor", row("id", account), "occurred", t0.Add(-ago).Format(time.RFC3339))
}

func accountAt(id string) string {
	return social.AccountRef{Platform: "discord", ID: id}.AccountID()
}

func (x *world) wants(what string, body map[string]any, want ...string) {
	x.t.Helper()
	got := x.imported(body)
	for i, w := range want {
		if len(got) != len(want) || !strings.HasPrefix(got[i], w) {
			x.t.Errorf("%s: %q, want %q", what, got, want)
			return
		}
	}
}

// An import that fails after it stored something, sent again, has all of it
// scored and matched.
func TestImportThatIsTriedAgain(t *testing.T) {
	x := newWorld(t)
	var scored, matched []string
	fails := true
	x.deps.Score = func(_ context.Context, m ingest.Score) error {
		if fails {
			return fault.New(fault.Transient, "the queue is away")
		}
		for _, a := range m.Accounts {
			scored = append(scored, a.Account)
		}
		matched = append(matched, m.Match...)
		return nil
	}
	x.handler = api.Handler(x.deps)
	x.workspace("acme", "ann")
	body := rowsOf(row("contact", row("platform", "discord", "id", "1", "name", "Ana")), row("contact", row("platform", "discord", "id", "2", "name", "Bo"), "outcomes", []any{wonBy("3", "deal", time.Hour, "won")}),
		row("activities", []any{joinedBy("3", 2*time.Hour)}))
	x.call("ann", "POST", inAcme+"/imports/rows", body).want(t, http.StatusServiceUnavailable, nil)
	fails = false
	x.wants("again", body, "known 0", "known 0", "imported 1")
	slices.Sort(scored)
	want := []string{accountAt("1"), accountAt("2"), accountAt("3")}
	slices.Sort(want)
	if d := diff.Diff(want, scored); d != "" {
		t.Errorf("scored: %s", d)
	}
	want = []string{accountAt("1"), accountAt("2")}
	slices.Sort(want)
	slices.Sort(matched)
	if d := diff.Diff(want, matched); d != "" {
		t.Errorf("matched: %s", d)
	}
}

// What is wrong with one row stops no other, and no row trusts one that is refused.
func TestImportRowsStandAlone(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.wants("one id, two outcomes", rowsOf(
		row("activities", []any{joinedBy("1", time.Hour)}, "outcomes", []any{wonBy("1", "deal", time.Hour, "won")}),
		row("contact", row("platform", "discord", "id", "2"), "outcomes", []any{wonBy("1", "deal", time.Hour, "lost")}),
		row("outcomes", []any{wonBy("1", "deal", time.Hour, "won")}),
		row("outcomes", []any{wonBy("2", "other", time.Hour, "won")}),
		row("contact", row("platform", "discord", "id", "4"), "outcomes", []any{row("kind", "won", "at", t0.Add(-time.Hour).Format(time.RFC3339), "person", social.PersonID(accountAt("9")))}),
	), "imported 2", "refused 0 another outcome of the request has the id deal", "known 0", "unknown_person 0", "unknown_person 1")
	if _, err := x.store.Account(t.Context(), "acme", accountAt("2")); !fault.Is(err, fault.NotFound) {
		t.Errorf("of a row that was refused there is an account: %v", err)
	}
	if _, err := x.store.Account(t.Context(), "acme", accountAt("4")); err != nil {
		t.Errorf("a contact is gone with an outcome of somebody else: %v", err)
	}
	if o, err := x.store.Outcome(t.Context(), "acme", "deal"); err != nil || o.Kind != "won" {
		t.Errorf("%+v, %v", o, err)
	}
	x.wants("an id that is there", rowsOf(row("contact", row("platform", "discord", "id", "2"), "outcomes", []any{wonBy("1", "deal", time.Hour, "lost")}), row("outcomes", []any{wonBy("2", "", time.Hour, "won")})),
		"refused 0 another outcome has the id deal", "unknown_person 0")
}

// Over the month's limit, or stopped, nothing is taken that could not be kept.
func TestImportHasItsLimits(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	if err := x.store.SetLimit(t.Context(), "acme", limit.Activities, 3, false); err != nil {
		t.Fatal(err)
	}
	three := rowsOf(row("activities", []any{joinedBy("1", time.Hour), joinedBy("2", time.Hour)}), row("activities", []any{joinedBy("3", time.Hour)}))
	x.wants("as many as the limit", three, "imported 2", "imported 1")
	before := x.dump()
	r := x.call("ann", "POST", inAcme+"/imports/rows", rowsOf(row("contact", row("platform", "discord", "id", "5"), "activities", []any{joinedBy("5", time.Hour)})))
	if p := r.problem(t, http.StatusTooManyRequests); !strings.Contains(p.Detail, "3 of 3 this month") || !strings.Contains(p.Detail, "ask the operator") || r.header.Get("Retry-After") == "" {
		t.Errorf("%s", r.body)
	}
	if d := diff.Diff(before, x.dump()); d != "" || len(x.queued) != 1 {
		t.Errorf("refused, it stored %s, and %d are queued", d, len(x.queued))
	}
	x.wants("no activity", rowsOf(row("contact", row("platform", "discord", "id", "5"))), "imported 1")
	if err := x.store.StopWorkspace(t.Context(), "acme", "ann", t0); err != nil {
		t.Fatal(err)
	}
	r = x.call("ann", "POST", inAcme+"/imports/rows", rowsOf(row("contact", row("platform", "discord", "id", "6"))))
	if p := r.problem(t, http.StatusConflict); !strings.Contains(p.Detail, "an owner starts it") {
		t.Errorf("%s", r.body)
	}
}

// Who was forgotten stays so, until they do something again.
func TestImportOfWhoWasForgotten(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	day := t0.Add(-48 * time.Hour)
	x.forgotten = map[string]time.Time{accountAt("1"): day, accountAt("2"): day}
	back := social.Activity{Platform: "discord", Actor: social.Actor{ID: "2"}}
	if err := x.store.PutAccount(t.Context(), "acme", back); err != nil {
		t.Fatal(err)
	}
	on := day.Format(time.DateOnly)
	x.wants("who was forgotten", rowsOf(
		row("contact", row("platform", "discord", "id", "1", "name", "Ana")),
		row("activities", []any{joinedBy("1", 72*time.Hour)}),
		row("contact", row("platform", "discord", "id", "2", "name", "Bo"), "activities", []any{joinedBy("2", 72*time.Hour)}),
		row("contact", row("platform", "discord", "id", "3"), "outcomes", []any{wonBy("1", "", 72*time.Hour, "won")}),
	), "refused 0 its account was forgotten on "+on, "refused 0 its account was forgotten on "+on, "imported 1", "imported 1")
	if len(x.queued) > 0 {
		t.Errorf("queued %v", x.queued)
	}
	x.wants("who came back", rowsOf(row("contact", row("platform", "discord", "id", "1", "name", "Ana"), "activities", []any{joinedBy("1", time.Hour), joinedBy("1", 72*time.Hour)})), "imported 3")
	if len(x.queued) != 1 || strings.Count(string(x.queued[0].Request.Body), "\n") != 1 {
		t.Errorf("queued %v", x.queued)
	}
}

// What a CRM calls somebody is told, also where it is what the account shows: the account may show
// another name tomorrow. What was exported, with the names that accounts show, tells nothing.
func TestANameThatIsOnlyShownIsTold(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	joined := social.Activity{Platform: "discord", Type: social.Join, Actor: social.Actor{ID: "7", Handle: "ana", Name: "Ana Lindqvist"}, Occurred: t0.Add(-time.Hour), Known: t0, Direction: social.Inbound}
	joined.Key = social.ActivityKey("discord", "", social.Join, "1", joined.Occurred)
	if err := x.store.PutAccount(t.Context(), "acme", joined); err != nil {
		t.Fatal(err)
	}
	if _, err := x.store.PutActivity(t.Context(), "acme", joined); err != nil {
		t.Fatal(err)
	}
	body := rowsOf(row("contact", row("platform", "discord", "id", "7", "name", "Ana Lindqvist")))
	x.wants("an export", body, "known 0")
	body["source"] = "crm"
	x.wants("a CRM", body, "imported 1")
	x.wants("a CRM again", body, "known 0")
}

// An account with more attributes than can be read stands in no other's way.
func TestExportOfAnAccountWithTooManyAttributes(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.wants("three", rowsOf(row("contact", row("platform", "discord", "id", "1", "title", "CTO")), row("contact", row("platform", "discord", "id", "2", "title", "CTO")), row("contact", row("platform", "discord", "id", "3", "title", "CTO"))),
		"imported 2", "imported 2", "imported 2")
	one := profile.Of{Account: accountAt("2"), Facts: []profile.Fact{{ID: "plan-0001", Name: "plan", Kind: profile.Text, Value: "gold", Source: profile.CRM, At: t0, Known: t0, By: "key_a"}}}
	if _, errs := x.store.PutAttributes(t.Context(), "acme", one); errs[0] != nil {
		t.Fatal(errs[0])
	}
	x.table.TellMany(t, accountAt("2"), 81)
	var page api.Page[contacts.Listed]
	x.get("ann", inAcme+"/contacts", &page)
	if len(page.Items) != 3 {
		t.Fatalf("%+v", page.Items)
	}
	for _, l := range page.Items {
		if many := l.Account == accountAt("2"); l.TooMany != many || (l.Contact.Title == "") != many || l.Contact.ID == "" {
			t.Errorf("%+v", l)
		}
	}
}
