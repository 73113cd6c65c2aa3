package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

// counting is a model whose only rule counts questions.
func counting(intent string) map[string]any {
	var m map[string]any
	b, _ := json.Marshal(scoring.DefaultModel())
	json.Unmarshal(b, &m)
	m["rules"] = []any{map[string]any{"id": "said", "kind": "activity", "label": map[string]any{"one": "message", "many": "messages"}, "when": map[string]any{"expr": "intent == '" + intent + "'"}, "points": "10"}}
	delete(m, "groups")
	return m
}

// Forty people: those who asked were won afterwards, those who praised were lost. What they all did after the
// outcome, or is known only since, says the contrary.
func TestBacktestByTheAPI(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var rows []any
	for i := range 40 {
		said, other := "question", "praise"
		kind := "won"
		if i%2 == 1 {
			said, other, kind = other, said, "lost"
		}
		who := fmt.Sprint("p", i)
		came := t0.Add(-20 * 24 * time.Hour)
		put := func(n int, intent string, at, known time.Time) social.Activity {
			a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Direction: social.Inbound, Actor: social.Actor{ID: who}, Object: social.Object{ID: fmt.Sprint(who, "-", n)}, Text: "x",
				Reading: social.Reading{Intent: intent}, Occurred: at, Known: known}
			a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID, a.Occurred)
			if err := x.store.PutAccount(t.Context(), "acme", a); err != nil {
				t.Fatal(err)
			}
			if _, err := x.store.PutActivity(t.Context(), "acme", a); err != nil {
				t.Fatal(err)
			}
			return a
		}
		before := came.Add(-48 * time.Hour)
		a := put(0, said, before, before)
		for n := range 3 {
			put(10+n, other, came.Add(-time.Hour), came.Add(-time.Hour)) // within the day before: it came with the outcome
			put(20+n, other, before.Add(time.Duration(n)*time.Minute), t0)
		}
		rows = append(rows, map[string]any{"id": fmt.Sprint("deal-", i), "person": personOf(a), "kind": kind, "at": came.Format(time.RFC3339), "value": "10", "currency": "EUR"})
		if i == 0 {
			rows = append(rows, map[string]any{"id": "sub-1", "person": personOf(a), "kind": "renewed", "at": came.Format(time.RFC3339)},
				map[string]any{"id": "early", "person": personOf(a), "kind": "won", "at": before.Add(-72 * time.Hour).Format(time.RFC3339)})
		}
	}
	var recorded api.RecordedOutcomes
	x.call("ann", "POST", inAcme+"/outcomes", map[string]any{"outcomes": rows}).want(t, http.StatusOK, &recorded)
	if recorded.Recorded != 42 {
		t.Fatalf("%+v", recorded)
	}
	x.call("ann", "POST", inAcme+"/models", map[string]any{"model": counting("praise")}).want(t, http.StatusCreated, nil)

	try := func(change map[string]any) api.Backtest {
		t.Helper()
		body := map[string]any{"model": counting("question"), "positive": []string{"won"}}
		for k, v := range change {
			if body[k] = v; v == nil {
				delete(body, k)
			}
		}
		var b api.Backtest
		x.now = x.now.Add(time.Minute)
		r := x.call("ann", "POST", inAcme+"/backtests", body)
		r.want(t, http.StatusCreated, &b)
		if b.Ended || b.Of != 42 || r.header.Get("Location") != inAcme+"/backtests/"+b.ID || !slices.Contains(x.asked, "backtest acme") {
			t.Errorf("begun: %+v", b)
		}
		if done, err := x.deps.Leads.Backtest(t.Context(), "acme", b.ID, x.deps.Now, x.now); err != nil || done {
			t.Errorf("without time: %v, %v", done, err)
		}
		for range 2 { // a message that comes twice
			if done, err := x.deps.Leads.Backtest(t.Context(), "acme", b.ID, x.deps.Now, time.Time{}); err != nil || !done {
				t.Fatalf("%v, %v", done, err)
			}
		}
		x.get("ann", inAcme+"/backtests/"+b.ID, &b)
		if !b.Ended || b.Result == nil || b.Looked != 42 {
			t.Fatalf("%+v", b)
		}
		return b
	}
	b := try(nil)
	r := b.Result
	if r.Better != "tried" || !strings.HasPrefix(r.Verdict, "better: AUC 1") || r.Tried.AUC.Value != 1 || r.ActiveNow.AUC.Value != 0 || r.Outcomes != 40 || r.Positives != 20 || r.People != 40 || b.Active != "2" || r.Currency != "EUR" {
		t.Errorf("%+v", r)
	}
	if len(r.LeftOut) != 2 || r.LeftOut[0] != (api.LeftOut{Why: "no_activity", Outcomes: 1}) || r.LeftOut[1] != (api.LeftOut{Why: "other_kind", Outcomes: 1}) {
		t.Errorf("left out: %+v", r.LeftOut)
	}
	if r.CallFrom.Points == nil || *r.CallFrom.Points != 10 || r.CallActive.Points != nil || r.Tried.ValueAtTop == nil {
		t.Errorf("call from: %+v, %+v", r.CallFrom, r.CallActive)
	}
	// With what was known later all say both; with the hours before the outcome, too.
	if r := try(map[string]any{"facts": "occurred"}).Result; r.Tried.AUC.Value != 0 {
		t.Errorf("as occurred: %+v", r.Tried.AUC)
	}
	if r := try(map[string]any{"before_hours": 1}).Result; r.Tried.AUC.Value != 0 {
		t.Errorf("an hour before: %+v", r.Tried.AUC)
	}
	if r := try(map[string]any{"model": nil, "version": "2"}).Result; r.Better != "neither" || !strings.HasPrefix(r.Verdict, "not distinguishable: both") {
		t.Errorf("with itself: %+v", r)
	}
	if r := try(map[string]any{"positive": []string{"renewed"}}).Result; r.Tried != nil || r.Better != "neither" || r.Verdict != "not enough data: 1 outcome, 20 are needed" {
		t.Errorf("too few: %+v", r)
	}
	var list api.Page[api.Backtest]
	if x.get("ann", inAcme+"/backtests?limit=2", &list); len(list.Items) != 2 || list.NextCursor == "" || list.Items[1].ID > list.Items[0].ID {
		t.Errorf("%+v", list)
	}
	for k := range x.dump() {
		if strings.Contains(k, "#V | S#") {
			t.Errorf("left: %s", k)
		}
	}
	faulty := counting("question")
	faulty["rules"].([]any)[0].(map[string]any)["points"] = "many"
	x.call("ann", "POST", inAcme+"/backtests", map[string]any{"model": faulty, "positive": []string{"won"}}).at(t, "body.model.rules[0].points")
	for at, body := range map[string]map[string]any{
		"body.model":    {"positive": []string{"won"}},
		"body.positive": {"version": "1", "positive": []string{"won", "lost"}},
	} {
		x.call("ann", "POST", inAcme+"/backtests", body).at(t, at)
	}
	x.call("ann", "POST", inAcme+"/backtests", map[string]any{"version": "77", "positive": []string{"won"}}).problem(t, http.StatusNotFound)
}
