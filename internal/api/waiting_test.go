package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/rebuild"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
	"rapport/internal/view/all"
)

const inAcme = "/v1/workspaces/acme"

// asks is a post of somebody's that needs an answer.
func asks(who, text, intent string, severity int, ago time.Duration) social.Activity {
	a := post(who, "p-"+who, text, ago)
	a.Reading = social.Reading{Intent: intent, Severity: severity, NeedsAnswer: 0.9, NeedsAnswerAfter: 0.9, Language: "en", Sentiment: social.SentimentNeutral}
	return a
}

// answers is a reply of the business's.
func answers(id, to, text string, ago time.Duration) social.Activity {
	a := post("brand", id, text, ago)
	a.Type, a.Direction, a.InReplyTo, a.Reading = social.Reply, social.Outbound, to, social.Reading{}
	return a
}

func (x *world) waiting(query string) api.ConversationPage {
	x.t.Helper()
	var p api.ConversationPage
	x.get("ann", inAcme+"/conversations"+query, &p)
	return p
}

func whoWaits(p api.ConversationPage) (out []string) {
	for _, c := range p.Items {
		out = append(out, c.Waiting.Author)
	}
	return out
}

func TestWhoWaitsByNeed(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	german := asks("dora", "Wo ist meine Rechnung?", social.IntentQuestion, 0, 10*time.Hour)
	german.Language, german.Scope = "de", "shop"
	said := x.tell("acme",
		asks("quin", "Which plan has an export?", social.IntentQuestion, 0, 200*time.Hour),
		asks("cora", "We cancel at the end of the month", social.IntentChurn, 2, 2*time.Hour),
		asks("bea", "Who do I talk to about a company account? 40 employees, budget is approved", social.IntentQuestion, 0, 3*time.Hour),
		asks("pete", "The export is broken", social.IntentProblem, 1, 30*time.Hour), german,
		asks("done", "And how do I log in?", social.IntentQuestion, 0, 20*time.Hour), answers("r-done", "p-done", "By mail", 19*time.Hour))
	// Before anything is known, and with what is usual: six answers in a quarter of an hour each.
	got := x.waiting("")
	if d := diff.Diff([]string{"bea", "cora", "pete", "quin", "dora"}, whoWaits(got)); d != "" {
		t.Error(d)
	}
	if got.Total == nil || *got.Total != 5 || *got.RankedOf != 5 || *got.More {
		t.Errorf("total %v of %v, more %v", got.Total, got.RankedOf, got.More)
	}
	if want := "threatens to leave; serious; waits 2 hours"; got.Items[1].Need == nil || !strings.HasPrefix(got.Items[1].Need.Reason, want) {
		t.Errorf("%+v, want %q", got.Items[1].Need, want)
	}
	for query, want := range map[string][]string{
		"?order=oldest":           {"quin", "pete", "dora", "bea", "cora"},
		"?intent=churn,problem":   {"cora", "pete"},
		"?language=DE":            {"dora"},
		"?platform=standard":      {"bea", "cora", "pete", "quin", "dora"},
		"?platform=x":             nil,
		"?scope=shop":             {"dora"},
		"?text=EXPORT":            {"pete", "quin"},
		"?words=export,rechnung":  {"pete", "quin", "dora"},
		"?words=port,plan":        {"quin"}, // whole words
		"?min_wait=30h":           {"pete", "quin"},
		"?min_wait=2d":            {"quin"},
		"?assigned=none&limit=2":  {"bea", "cora"},
		"?order=oldest&text=plan": {"quin"},
	} {
		if d := diff.Diff(want, whoWaits(x.waiting(query))); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
	// Page by page it is the same order, though time goes on.
	var paged []string
	x.pages("ann", inAcme+"/conversations?limit=2", func(b string) {
		x.now = x.now.Add(100 * time.Hour)
		var p api.ConversationPage
		if err := json.Unmarshal([]byte(b), &p); err != nil {
			t.Fatal(err)
		}
		paged = append(paged, whoWaits(p)...)
		if *p.Total != 5 {
			t.Errorf("total %d", *p.Total)
		}
	})
	if d := diff.Diff(whoWaits(got), paged); d != "" {
		t.Error(d)
	}
	x.now = t0
	// An edit that says something else ranks, and is found, as it stands.
	edit := said[0]
	edit.Type, edit.Text, edit.Intent, edit.Severity, edit.Occurred = social.Edit, "Forget plans, we leave", social.IntentChurn, 3, t0.Add(-time.Hour)
	x.tell("acme", edit)
	if got := whoWaits(x.waiting("?text=leave")); !slices.Equal(got, []string{"quin"}) {
		t.Errorf("by the edit's words: %q", got)
	}
	if got := whoWaits(x.waiting("?text=export")); !slices.Equal(got, []string{"pete"}) {
		t.Errorf("by the words before the edit: %q", got)
	}
	if got := whoWaits(x.waiting("?intent=churn")); !slices.Contains(got, "quin") {
		t.Errorf("by the edit's intent: %q", got)
	}
	x.call("ann", "GET", inAcme+"/conversations?state=all&text=a", nil).at(t, "query.state")
	x.call("ann", "GET", inAcme+"/conversations?min_wait=soon", nil).at(t, "query.min_wait")
}

// What is usual in a channel is the median of its answers, once there are enough of them.
func TestWhatIsUsual(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var all []social.Activity
	for i := range 6 {
		who := fmt.Sprint("u", i)
		all = append(all, asks(who, "How?", social.IntentQuestion, 0, time.Duration(30+i)*time.Hour), answers("r"+who, "p-"+who, "So", time.Duration(28+i)*time.Hour))
	}
	x.tell("acme", append(all, asks("eve", "And how?", social.IntentQuestion, 0, 72*time.Hour))...)
	if got, want := x.waiting("").Items[0].Need.Reason, "asks something; waits 3 days, usually 2 hours here"; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDecisions(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	said := x.tell("acme", asks("kim", "Is anybody there?", social.IntentQuestion, 0, 50*time.Hour))
	thread := x.waiting("").Items[0].Thread
	kim := inAcme + "/conversations/" + thread + "/" + personOf(said[0])
	n := 0
	send := func(body map[string]any) reply {
		if n++; body["id"] == nil {
			body["id"] = fmt.Sprintf("decision-%d", n)
		}
		x.now = x.now.Add(time.Minute)
		return x.call("ann", "POST", kim+"/decisions", body)
	}
	decide := func(body map[string]any) (out api.DecidedConversation) {
		t.Helper()
		send(body).want(t, 201, &out)
		return out
	}
	detail := func() (out api.ConversationDetail) {
		t.Helper()
		x.get("ann", kim, &out)
		return out
	}
	listed := func(query string) bool { return len(x.waiting(query).Items) == 1 }
	again := func(id, text string) {
		a := asks("kim", text, social.IntentQuestion, 0, 0)
		a.Type, a.Object.ID, a.InReplyTo, a.Occurred = social.Reply, id, "p-kim", x.now.Add(time.Minute)
		x.now = x.now.Add(2 * time.Minute)
		x.tell("acme", a)
	}

	me := store.MemberID("ann")
	if c := decide(map[string]any{"kind": "assigned", "to": me}).Conversation; c.Assigned != me || c.State != "waiting" || !listed("?assigned="+me) || listed("?assigned=none") {
		t.Errorf("assigned: %+v", c)
	}
	if c := decide(map[string]any{"kind": "assigned"}).Conversation; c.Assigned != "" || !listed("?assigned=none") {
		t.Errorf("assigned to nobody: %+v", c)
	}
	note := map[string]any{"id": "note-0001", "kind": "noted", "text": "A friend of the house"}
	first := decide(note)
	if second := decide(note); !second.Decision.At.Equal(first.Decision.At) || first.Decision.By != me {
		t.Errorf("sent again: %+v, first %+v", second.Decision, first.Decision)
	}
	note["text"] = "Something else"
	send(note).problem(t, 409)

	if c := decide(map[string]any{"kind": "done"}).Conversation; c.State != "closed" || c.SettledAt == nil || listed("") {
		t.Errorf("done: %+v", c)
	}
	if c := decide(map[string]any{"kind": "reopened"}).Conversation; c.State != "waiting" || !c.WaitingSince.Equal(said[0].Occurred) || !listed("") {
		t.Errorf("reopened: %+v", c)
	}
	decide(map[string]any{"kind": "not_needed", "text": "Found it"})
	if listed("") {
		t.Error("waits, though no answer is needed")
	}
	again("p-kim-2", "One more: how?")
	if c := detail().Conversation; c.State != "waiting" || c.Waiting.Text != "One more: how?" || !listed("") {
		t.Errorf("asked after it was settled: %+v", c)
	}

	until := x.now.Add(10 * time.Hour)
	decide(map[string]any{"kind": "snoozed", "until": until.Format(time.RFC3339Nano)})
	if listed("") || listed("?order=oldest") || !listed("?snoozed=true") || detail().Conversation.SnoozedUntil == nil {
		t.Error("a snoozed one is listed, or not with snoozed=true")
	}
	was := x.now
	if x.now = until; !listed("") {
		t.Error("its time has passed, and it is not back")
	}
	x.now = was
	again("p-kim-3", "It is urgent now")
	if !listed("") {
		t.Error("the person wrote again, and it is not back")
	}

	// All that was decided, newest first, in pages.
	var kinds []string
	cursor := ""
	for range 10 {
		var d api.ConversationDetail
		x.get("ann", kim+"?limit=3"+cursor, &d)
		for _, i := range d.Decisions.Items {
			kinds = append(kinds, i.Kind)
		}
		if cursor = "&decisions_cursor=" + d.Decisions.NextCursor; d.Decisions.NextCursor == "" {
			break
		}
	}
	if d := diff.Diff([]string{"snoozed", "not_needed", "reopened", "done", "noted", "assigned", "assigned"}, kinds); d != "" {
		t.Error(d)
	}
	for at, body := range map[string]map[string]any{
		"body.to":    {"kind": "assigned", "to": "mem_nobody"},
		"body.until": {"kind": "snoozed"},
		"body.text":  {"kind": "noted"},
		"body.kind":  {"kind": "forgotten"},
		"body.id":    {"kind": "done", "id": "x"},
	} {
		send(body).at(t, at)
	}
	send(map[string]any{"kind": "snoozed", "until": t0.Format(time.RFC3339)}).at(t, "body.until")
	send(map[string]any{"kind": "done", "to": me}).at(t, "body.to")
	x.call("ann", "POST", inAcme+"/conversations/"+thread+"/per_nobody/decisions", map[string]any{"id": "decision-x", "kind": "done"}).problem(t, 404)
	x.call("bob", "POST", kim+"/decisions", map[string]any{"id": "decision-x", "kind": "done"}).problem(t, 404)

	// Views made again from the facts are the same: decisions are facts, and no view takes them for its own.
	rebuilt := &rebuild.Rebuild{Store: x.store, Now: x.deps.Now, Views: func(s *store.Store) []view.View { return all.Views(s, x.deps.Now) }}
	state, err := rebuilt.Run(t.Context(), rebuild.State{Workspace: "acme"}, time.Time{}, func(rebuild.State) {})
	if f := state.Views["conversation"]; err != nil || f == nil || f.Same == 0 || f.Missing+f.Extra+f.Differs > 0 {
		t.Errorf("rebuilt: %+v, %q, %v", f, state.Differ, err)
	}
	// Erasing what was said takes away what was decided.
	if n, err := x.store.ForgetDecisions(t.Context(), "acme", said[0]); err != nil || n != 7 {
		t.Errorf("%d decisions forgotten, %v", n, err)
	}
	if d := detail().Decisions.Items; len(d) != 0 {
		t.Errorf("%+v", d)
	}
}

func TestConversationWhole(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	second := asks("lou", "And in June?", social.IntentQuestion, 0, 6*time.Hour)
	second.Object.ID, second.InReplyTo, second.Type = "p-lou-2", "r1", social.Reply
	gone := asks("lou", "forget this", social.IntentQuestion, 0, 5*time.Hour)
	gone.Object.ID, gone.InReplyTo, gone.Type = "p-lou-3", "p-lou", social.Reply
	said := x.tell("acme", asks("lou", "Do you open in May?", social.IntentQuestion, 0, 10*time.Hour), answers("r1", "p-lou", "We doo", 9*time.Hour), second, gone,
		answers("r2", "p-lou-2", "In June too", 4*time.Hour))
	edit := said[1]
	edit.Type, edit.Text, edit.Occurred = social.Edit, "We do", t0.Add(-8*time.Hour)
	deleted := said[3]
	deleted.Type, deleted.Text, deleted.Occurred = social.Delete, "", t0.Add(-3*time.Hour)
	x.tell("acme", edit, deleted)
	var list api.Page[api.Conversation]
	x.get("ann", inAcme+"/conversations?state=all", &list)
	if len(list.Items) != 1 {
		t.Fatalf("%+v", list)
	}
	path := inAcme + "/conversations/" + list.Items[0].Thread + "/" + personOf(said[0])
	for _, limit := range []int{1, 2, 50} {
		var got []string
		var all []api.Spoken
		cursor := ""
		for range 10 {
			var d api.ConversationDetail
			x.get("ann", fmt.Sprintf("%s?limit=%d%s", path, limit, cursor), &d)
			for _, m := range d.Messages.Items {
				got = append(got, fmt.Sprint(m.Side, " ", m.Handle, ": ", m.Text))
				all = append(all, m)
			}
			if cursor = "&messages_cursor=" + d.Messages.NextCursor; d.Messages.NextCursor == "" {
				break
			}
		}
		want := []string{"asker lou: Do you open in May?", "business brand: We do", "asker lou: And in June?", "asker lou: ", "business brand: In June too"}
		if d := diff.Diff(want, got); d != "" {
			t.Errorf("limit %d: %s", limit, d)
			continue
		}
		if m := all[1]; m.Answers != all[0].Message || !m.Edited || m.Key != said[1].Key || m.InReplyTo != all[0].Message {
			t.Errorf("the answer: %+v", m)
		}
		if m := all[0]; len(m.AnsweredBy) != 1 || m.AnsweredBy[0] != all[1].Activity {
			t.Errorf("the question: %+v", m)
		}
		if !all[3].Deleted || all[3].Intent != "" {
			t.Errorf("the deleted one: %+v", all[3])
		}
	}
}

// The figures are what a few lines say of the activities that the API exports.
func TestResponseFigures(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var told []social.Activity
	for i := range 40 {
		who := fmt.Sprintf("u%02d", i)
		a := asks(who, "How?", social.IntentQuestion, 0, time.Duration(20+5*i)*time.Hour)
		a.Language = []string{"en", "de", "es"}[i%3]
		if i%4 == 0 {
			a.Scope = "shop"
		}
		told = append(told, a)
		if i%5 == 0 {
			continue // nobody answers
		}
		r := answers("r-"+who, "p-"+who, "So", 0)
		r.Occurred, r.Scope = a.Occurred.Add(time.Duration(1+i*i%90)*time.Hour/2), a.Scope
		r.Automatic = i%7 == 0
		told = append(told, r)
		if i%3 == 0 { // a second answer, by a human
			second := answers("s-"+who, "p-"+who, "And so", 0)
			second.Occurred, second.Scope = r.Occurred.Add(3*time.Hour), a.Scope
			told = append(told, second)
		}
	}
	told = slices.DeleteFunc(told, func(a social.Activity) bool { return !a.Occurred.Before(t0) })
	x.tell("acme", told...)

	// The independent program.
	var lines []social.Line
	x.pages("ann", inAcme+"/activities?limit=500", func(b string) {
		var p api.Page[social.Line]
		if err := json.Unmarshal([]byte(b), &p); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, p.Items...)
	})
	at := func(l social.Line) time.Time { v, _ := time.Parse(time.RFC3339Nano, l.Occurred); return v }
	slices.SortFunc(lines, func(a, b social.Line) int { return cmp.Compare(a.Occurred, b.Occurred) })
	asked, first, human := map[string]social.Line{}, map[string]float64{}, map[string]float64{}
	pairs, hours := 0, map[string]int{}
	byScope, byLanguage := map[string][]float64{}, map[string][]float64{}
	berlin, _ := time.LoadLocation("Europe/Berlin")
	for _, l := range lines {
		id := l.Scope + l.Object.ID
		if l.Direction == "inbound" {
			asked[id] = l
			continue
		}
		q := asked[l.Scope+l.InReplyTo]
		seconds := at(l).Sub(at(q)).Seconds()
		if _, ok := first[q.Key]; !ok {
			first[q.Key] = seconds
		}
		if l.Automatic {
			continue
		}
		pairs++
		if _, ok := human[q.Key]; !ok {
			human[q.Key] = seconds
			byScope[q.Scope] = append(byScope[q.Scope], seconds)
			byLanguage[q.Language] = append(byLanguage[q.Language], seconds)
			hours[strings.ToLower(at(q).In(berlin).Format("Monday 15"))]++
		}
	}
	middle := func(m map[string]float64) float64 {
		var xs []float64
		for _, v := range m {
			xs = append(xs, v)
		}
		slices.Sort(xs)
		return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
	}

	var got api.ResponseTimes
	x.get("ann", inAcme+"/response-times", &got)
	for name, c := range map[string]struct {
		got  api.ResponseTime
		n    int
		want float64
	}{
		"per message": {got.PerMessage, len(human), middle(human)}, "per conversation": {got.PerConversation, len(human), middle(human)},
		"per message, anyone": {got.ByAnyone.PerMessage, len(first), middle(first)}, "per conversation, anyone": {got.ByAnyone.PerConversation, len(first), middle(first)},
	} {
		if c.got.N != c.n || c.got.MedianSeconds == nil || *c.got.MedianSeconds != c.want {
			t.Errorf("%s: %+v, want %d with median %v", name, c.got, c.n, c.want)
		}
	}
	if got.PerPair.N != pairs || len(human) == len(first) {
		t.Errorf("%d pairs, want %d", got.PerPair.N, pairs)
	}
	for _, c := range got.ByChannel {
		if c.PerMessage.N != len(byScope[c.Scope]) {
			t.Errorf("channel %s: %d, want %d", c.Scope, c.PerMessage.N, len(byScope[c.Scope]))
		}
	}
	for _, l := range got.ByLanguage {
		if l.PerMessage.N != len(byLanguage[l.Language]) {
			t.Errorf("language %s: %d, want %d", l.Language, l.PerMessage.N, len(byLanguage[l.Language]))
		}
	}
	if len(got.ByChannel) != 2 || len(got.ByLanguage) != 3 || len(got.ByHour) != len(hours) {
		t.Errorf("%d channels, %d languages, %d hours, want %d", len(got.ByChannel), len(got.ByLanguage), len(got.ByHour), len(hours))
	}
	for _, h := range got.ByHour {
		if n := hours[fmt.Sprintf("%s %02d", h.Weekday, h.Hour)]; h.PerMessage.N != n {
			t.Errorf("%s %d: %d, want %d", h.Weekday, h.Hour, h.PerMessage.N, n)
		}
	}
	unanswered := func(what string, list []api.Unanswered, is func(social.Line) bool) {
		t.Helper()
		if len(list) != 3 {
			t.Fatalf("%s: %+v", what, list)
		}
		for _, u := range list {
			without, of := 0, 0
			for _, q := range asked {
				if !is(q) || t0.Sub(at(q)).Hours() < float64(u.AfterHours) {
					continue
				}
				of++
				if s, ok := human[q.Key]; !ok || s > float64(u.AfterHours)*3600 {
					without++
				}
			}
			if u.Askers != of || u.Unanswered != without || u.Share.Enough != (of >= u.Share.Needed) || u.Share.Enough && *u.Share.Value != float64(without)/float64(of) || without == 0 {
				t.Errorf("%s, after %d hours: %+v, want %d of %d", what, u.AfterHours, u, without, of)
			}
		}
	}
	unanswered("all", got.Unanswered, func(social.Line) bool { return true })
	for _, c := range got.ByChannel {
		unanswered(c.Scope, c.Unanswered, func(q social.Line) bool { return q.Scope == c.Scope })
	}
	for _, l := range got.ByLanguage {
		unanswered(l.Language, l.Unanswered, func(q social.Line) bool { return q.Language == l.Language })
	}
}
