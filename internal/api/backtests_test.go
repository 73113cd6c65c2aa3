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
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/leads/leadstest"
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
	delete(m, "call_needs")
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
			if err := leadstest.Rescore(t.Context(), x.deps.Leads, "acme", a.Account().AccountID()); err != nil {
				t.Fatal(err)
			}
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

	// While it goes on, whoever reads the table can't tell whose the scores are; afterwards nobody can.
	x.now = x.now.Add(time.Minute)
	var going api.Backtest
	x.call("ann", "POST", inAcme+"/backtests", map[string]any{"model": counting("question"), "positive": []string{"won"}}).want(t, http.StatusCreated, &going)
	salt := func() string {
		stored, err := x.store.Backtest(t.Context(), "acme", going.ID)
		if err != nil {
			t.Fatal(err)
		}
		var state leads.BacktestState
		if err := json.Unmarshal(stored.State, &state); err != nil {
			t.Fatal(err)
		}
		return state.Salt
	}
	if len(salt()) < 20 {
		t.Errorf("salt %q", salt())
	}
	// Nothing happens for hours: its message is among the dead letters. It says so; a result comes all the same.
	began := x.now
	for after, failed := range map[time.Duration]string{6*time.Hour - time.Second: "", 6 * time.Hour: "no progress since " + began.UTC().Format(time.RFC3339) + ": it was given up. Start it again (create-backtest)"} {
		x.now = began.Add(after)
		var b api.Backtest
		if x.get("ann", inAcme+"/backtests/"+going.ID, &b); b.Failed != failed || b.Ended != (failed != "") {
			t.Errorf("%s after its last step: ended %v, %q", after, b.Ended, b.Failed)
		}
	}
	x.now = began
	// It fails for good: it has ended, with a reason and without a result.
	if err := x.store.PutCases(t.Context(), "acme", going.ID, 0, []int{}, x.now); err != nil {
		t.Fatal(err)
	}
	for _, why := range []string{"the scoring model has 1 problem", "another"} { // a message that comes twice
		if err := x.deps.Leads.FailBacktest(t.Context(), "acme", going.ID, fault.New(fault.Invalid, "%s", why)); err != nil {
			t.Fatal(err)
		}
	}
	if x.get("ann", inAcme+"/backtests/"+going.ID, &going); !going.Ended || going.Failed != "the scoring model has 1 problem" || going.Result != nil {
		t.Errorf("failed: %+v", going)
	}
	if done, err := x.deps.Leads.Backtest(t.Context(), "acme", going.ID, x.deps.Now, time.Time{}); err != nil || !done {
		t.Errorf("after it failed: %v, %v", done, err)
	}
	for _, id := range []string{b.ID, going.ID} {
		if going.ID = id; salt() != "" {
			t.Errorf("%s keeps its salt", id)
		}
	}
	for k := range x.dump() {
		if strings.Contains(k, "#V | S#") {
			t.Errorf("left: %s", k)
		}
	}

	// Against which model in use: that of the document's id.
	fans := counting("question")
	fans["id"] = "fans"
	against := func(query string, document map[string]any) string {
		t.Helper()
		x.now = x.now.Add(time.Minute)
		var b api.Backtest
		x.call("ann", "POST", inAcme+"/backtests"+query, map[string]any{"model": document, "positive": []string{"won"}}).want(t, http.StatusCreated, &b)
		var trial api.ModelTrial
		x.call("ann", "POST", inAcme+"/model-trials"+query, map[string]any{"model": document, "people": []string{rows[0].(map[string]any)["person"].(string)}}).want(t, http.StatusOK, &trial)
		if len(trial.People) != 1 || trial.People[0].Active.Model != b.Model+"@"+b.Active {
			t.Errorf("tried beside %+v, and backtested against %s@%s", trial.People, b.Model, b.Active)
		}
		return b.Model
	}
	if m := against("", fans); m != "default" {
		t.Errorf("a new model is compared with %s", m)
	}
	x.call("ann", "POST", inAcme+"/models", map[string]any{"model": fans}).want(t, http.StatusCreated, nil)
	changed := counting("praise")
	changed["id"] = "fans"
	other := counting("praise")
	other["id"] = "others"
	for _, c := range []struct {
		query    string
		document map[string]any
		want     string
	}{{"", changed, "fans"}, {"?model=fans", changed, "fans"}, {"", counting("question"), "default"}, {"?model=fans", other, "fans"}, {"", other, "default"}} {
		if m := against(c.query, c.document); m != c.want {
			t.Errorf("%s of %v is compared with %s, want %s", c.query, c.document["id"], m, c.want)
		}
	}
	x.call("ann", "POST", inAcme+"/backtests?model=default", map[string]any{"model": changed, "positive": []string{"won"}}).at(t, "query.model")
	x.call("ann", "POST", inAcme+"/model-trials?model=default", map[string]any{"model": changed, "people": []string{rows[0].(map[string]any)["person"].(string)}}).at(t, "query.model")
}
