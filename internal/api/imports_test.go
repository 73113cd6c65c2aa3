package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"rapport/internal/api"
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
	if len(x.queued) != 1 || strings.Count(string(x.queued[0].Request.Body), "\n") != 2 || x.queued[0].For != "acme" || !x.queued[0].Replay {
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

	// What changed is new, and nothing else of it.
	ana["contact"].(map[string]any)["company"] = "Northwind"
	if got := x.imported(map[string]any{"rows": []any{ana}}); got[0] != "imported 1" {
		t.Errorf("a new company: %q", got)
	}
	x.forgotten = map[string]time.Time{account: t0}
	if got := x.imported(map[string]any{"rows": []any{ana}}); !strings.Contains(got[0], "refused 0 the account was forgotten") {
		t.Errorf("who was forgotten: %q", got)
	}
	x.call("joe", "POST", inAcme+"/imports/rows", map[string]any{"rows": []any{ana}}).want(t, http.StatusNotFound, nil)
}
