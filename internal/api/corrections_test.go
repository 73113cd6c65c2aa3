package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/rebuild"
	"rapport/internal/refit"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/all"

	"context"
)

// works off at once what the API queues of corrections.
func (x *world) views() {
	score := func(ctx context.Context, w string, stale []view.Stale) error {
		for _, err := range leads.New(x.store).Score(ctx, w, x.now, stale...) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	x.deps.View = func(ctx context.Context, m ingest.View) error {
		return talk.New(x.store, score).View(ctx, m.Workspace, m.Facts...)
	}
	x.deps.Score = func(ctx context.Context, m ingest.Score) error { return score(ctx, m.Workspace, m.Accounts) }
	x.handler = api.Handler(x.deps)
}

func messageOf(a social.Activity) string { return store.MessageID(a.Platform, a.Scope, a.Object.ID) }

func TestCorrections(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	x.views()
	said := x.tell("acme", asks("kim", "Sure, great work as always", social.IntentPurchase, 0, 50*time.Hour), asks("lee", "Where is it?", social.IntentQuestion, 0, 20*time.Hour))
	at := inAcme + "/messages/" + messageOf(said[0])
	put := func(body map[string]any, headers ...string) (out api.MessageReading) {
		t.Helper()
		x.now = x.now.Add(time.Minute)
		x.call("ann", "PUT", at+"/correction", body, headers...).want(t, 200, &out)
		return out
	}
	waits := func() []string { return whoWaits(x.waiting("?order=oldest")) }
	points := func() string {
		t.Helper()
		var l api.LeadLedger
		x.get("ann", inAcme+"/leads/"+personOf(said[0]), &l)
		return l.Score
	}
	if got := waits(); !slices.Equal(got, []string{"kim", "lee"}) {
		t.Fatalf("%q", got)
	}
	before := points()
	got := put(map[string]any{"intent": "complaint", "severity": 2, "sentiment": "negative", "needs_answer": false, "chosen": "picked"})
	if !got.Corrected || got.Reading.Intent != "complaint" || got.Reading.Severity != 2 || got.Reading.Sentiment != "negative" || got.Reading.Language != "en" || got.Read.Intent != "purchase" || got.Read.NeedsAnswer != 0.9 ||
		len(got.History) != 1 || got.History[0].By != store.MemberID("ann") || got.History[0].Chosen.Chosen != "picked" || *got.History[0].NeedsAnswer {
		t.Errorf("%+v", got)
	}
	if got := waits(); !slices.Equal(got, []string{"lee"}) {
		t.Errorf("what needs no answer waits: %q", got)
	}
	if now := points(); now == before {
		t.Errorf("who does not want to buy has %s points, as before", now)
	}
	counts := func(intent string) int {
		t.Helper()
		x.now = x.now.Add(time.Second)
		var page struct{ Items []social.Line }
		x.get("ann", inAcme+"/activities?from="+social.Stamp(t0.Add(-100*time.Hour)), &page)
		n := 0
		for _, l := range page.Items {
			if l.Message == messageOf(said[0]) && l.Type == "post" && l.Intent == intent {
				if n++; l.Corrected != nil != (intent != "purchase") || l.Corrected != nil && l.Corrected.Intent != "purchase" {
					t.Errorf("%+v", l.Corrected)
				}
			}
		}
		return n
	}
	if counts("complaint") != 1 {
		t.Error("the export has the reader's intent")
	}
	var c api.ConversationDetail
	x.get("ann", inAcme+"/conversations/"+x.part(said[0]), &c)
	if m := c.Messages.Items[0]; m.Intent != "complaint" || !m.Corrected {
		t.Errorf("%+v", m)
	}
	// The same again is one; another replaces what is shown.
	if got := put(map[string]any{"intent": "complaint", "severity": 2, "sentiment": "negative", "needs_answer": false, "chosen": "picked"}); len(got.History) != 1 {
		t.Errorf("%d corrections", len(got.History))
	}
	got = put(map[string]any{"intent": "problem", "needs_answer": true, "chosen": "drawn", "probability": 0.25})
	if len(got.History) != 2 || got.History[0].Probability != 0.25 || got.Reading.Intent != "problem" || got.Reading.Sentiment != social.SentimentNeutral {
		t.Errorf("%+v", got)
	}
	if got := waits(); !slices.Equal(got, []string{"kim", "lee"}) {
		t.Errorf("what needs an answer does not wait: %q", got)
	}
	// What comes again changes nothing.
	x.tell("acme", asks("kim", "Sure, great work as always", social.IntentPurchase, 0, 50*time.Hour))
	if counts("problem") != 1 {
		t.Error("a redelivery has the reader's intent back")
	}
	if err := x.deps.View(t.Context(), ingest.View{Workspace: "acme", Facts: []store.FactRef{store.RefOf(said[0])}}); err != nil {
		t.Fatal(err)
	}
	rebuilt := &rebuild.Rebuild{Store: x.store, Now: x.deps.Now, Views: func(s *store.Store) []view.View { return all.Views(s, x.deps.Now) }}
	state, err := rebuilt.Run(t.Context(), rebuild.State{Workspace: "acme"}, time.Time{}, func(rebuild.State) {})
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range state.Views {
		if f.Missing+f.Extra+f.Differs > 0 {
			t.Errorf("rebuilt %s: %+v, %q", name, f, state.Differ)
		}
	}
	// An edit drops it, since it says something else; its own words can be corrected.
	edit := said[0]
	edit.Type, edit.Text, edit.Occurred, edit.Intent, edit.NeedsAnswer, edit.NeedsAnswerAfter = social.Edit, "Sure", t0.Add(-time.Hour), social.IntentChatter, 0.1, 0.1
	x.tell("acme", edit)
	x.get("ann", at+"/reading", &got)
	if got.Corrected || got.Reading.Intent != "chatter" || len(got.History) != 2 {
		t.Errorf("%+v", got)
	}
	if got := waits(); !slices.Equal(got, []string{"lee"}) {
		t.Errorf("%q", got)
	}
	tag := x.call("ann", "GET", at+"/reading", nil).header.Get("ETag")
	if got = put(map[string]any{"needs_answer": true, "chosen": "picked"}, "If-Match", tag); !got.Corrected || got.Reading.Intent != "chatter" {
		t.Errorf("%+v", got)
	}
	x.call("ann", "PUT", at+"/correction", map[string]any{"intent": "praise", "chosen": "picked"}, "If-Match", tag).problem(t, 412)
	if got := waits(); !slices.Equal(got, []string{"kim", "lee"}) {
		t.Errorf("%q", got)
	}
	// Taken back.
	x.call("ann", "DELETE", at+"/correction", nil).want(t, 200, &got)
	if got.Corrected || len(got.History) != 4 || !got.History[0].Withdrawn {
		t.Errorf("%+v", got)
	}
	if got := waits(); !slices.Equal(got, []string{"lee"}) {
		t.Errorf("%q", got)
	}
	var list struct{ Items []api.Correction }
	x.get("ann", inAcme+"/corrections", &list)
	if len(list.Items) != 4 || list.Items[3].Intent != "complaint" || list.Items[3].Read.Intent != "purchase" {
		t.Errorf("%+v", list.Items)
	}
	n := 0
	x.pages("ann", inAcme+"/corrections?limit=3", func(string) { n++ })
	if n != 2 {
		t.Errorf("%d pages", n)
	}

	for where, body := range map[string]map[string]any{"body": {"chosen": "picked"}, "body.probability": {"intent": "praise", "chosen": "drawn"}, "body.language": {"language": "xx", "chosen": "picked"},
		"body.intent": {"intent": "unread", "chosen": "picked"}} {
		x.call("ann", "PUT", at+"/correction", body).at(t, where)
	}
	x.call("ann", "PUT", at+"/correction", map[string]any{"intent": "praise", "chosen": "picked", "probability": 0.5}).at(t, "body.probability")
	x.call("bob", "PUT", at+"/correction", map[string]any{"intent": "praise", "chosen": "picked"}).problem(t, 404)
	x.call("bob", "GET", strings.Replace(at, "acme", "other", 1)+"/reading", nil).problem(t, 404)
	ours := x.tell("acme", answers("r-lee", "p-lee", "On its way", time.Hour))
	x.call("ann", "GET", inAcme+"/messages/"+messageOf(ours[0])+"/reading", nil).problem(t, 404)
	x.call("ann", "DELETE", inAcme+"/messages/"+messageOf(said[1])+"/correction", nil).problem(t, 404)

	// Erasing the fact takes its corrections along, and no other's.
	x.call("ann", "PUT", inAcme+"/messages/"+messageOf(said[1])+"/correction", map[string]any{"intent": "wish", "chosen": "picked"}).want(t, 200, nil)
	if n, err := x.store.ForgetCorrections(t.Context(), "acme", store.RefOf(said[0]).Account); n != 0 || err != nil {
		t.Errorf("%d corrections of facts that are there are gone, %v", n, err)
	}
	if _, err := x.store.DeleteFact(t.Context(), "acme", store.RefOf(said[0])); err != nil {
		t.Fatal(err)
	}
	if n, err := x.store.ForgetCorrections(t.Context(), "acme", store.RefOf(said[0]).Account); n != 4 || err != nil {
		t.Errorf("%d corrections went, %v", n, err)
	}
	x.get("ann", inAcme+"/corrections", &list)
	if len(list.Items) != 1 || list.Items[0].Intent != "wish" {
		t.Errorf("%+v", list.Items)
	}
	if err := x.store.Correct(t.Context(), "acme", store.Standing(said[0], nil), social.Correction{ID: "cor_late", At: x.now, By: "mem_a"}); err == nil {
		t.Error("what was erased is corrected")
	}
}

// part is where the conversation of a post stands, for a path.
func (x *world) part(a social.Activity) string {
	x.t.Helper()
	return messageOf(a) + "/" + personOf(a)
}

func TestDrawsAndAgreement(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.views()
	var posts []social.Activity
	for i := range 60 {
		posts = append(posts, asks(fmt.Sprint("u", i), "How?", social.IntentQuestion, 0, time.Duration(i+1)*time.Hour))
		posts[i].Reading.Reader = social.ReaderVersion
	}
	x.tell("acme", append(posts, answers("r", "p-u0", "So", time.Minute))...)
	draw := func(query string) (out api.Draw) {
		t.Helper()
		x.get("ann", inAcme+"/corrections/draw"+query, &out)
		return out
	}
	first := draw("?count=40&seed=one")
	if again := draw("?count=40&seed=one"); first.Of != 60 || len(first.Items) != 40 || fmt.Sprint(first) != fmt.Sprint(again) {
		t.Errorf("%d of %d; the same seed gave the same: %v", len(first.Items), first.Of, fmt.Sprint(first) == fmt.Sprint(again))
	}
	other := draw("?count=40")
	if other.Seed == "" || fmt.Sprint(other.Items) == fmt.Sprint(first.Items) {
		t.Error("another seed gave the same")
	}
	if few := draw("?count=7&seed=one"); fmt.Sprint(messages(few)) != fmt.Sprint(messages(first)[:7]) || few.Items[0].Probability != 7.0/60 {
		t.Errorf("%+v", few)
	}
	if all := draw("?count=100&seed=two"); len(all.Items) != 60 || all.Items[0].Probability != 1 {
		t.Errorf("%d, %+v", len(all.Items), all.Items[0])
	}
	// Each is drawn as often as every other: of 100 draws of 20 of 60 each is in 33, give or take.
	times := map[string]int{}
	for seed := range 100 {
		for _, m := range messages(draw(fmt.Sprintf("?count=20&seed=s%d", seed))) {
			times[m]++
		}
	}
	for m, n := range times {
		if n < 14 || n > 52 { // beyond four standard deviations
			t.Errorf("%s was drawn %d times of 100", m, n)
		}
	}
	x.call("ann", "GET", inAcme+"/corrections/draw?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", nil).at(t, "query.from")

	agreement := func() (out api.Agreements) {
		t.Helper()
		x.get("ann", inAcme+"/corrections/agreement", &out)
		return out
	}
	say := func(message string, body map[string]any) {
		t.Helper()
		x.now = x.now.Add(time.Second)
		x.call("ann", "PUT", inAcme+"/messages/"+message+"/correction", body).want(t, 200, nil)
	}
	drawn := func(intent string, p float64) map[string]any {
		return map[string]any{"intent": intent, "chosen": "drawn", "probability": p}
	}
	for i, m := range messages(first) {
		if i < 29 {
			say(m, drawn([]string{"question", "problem"}[i%4/3], 0.5)) // 7 of 29 were read wrong
		}
	}
	got := agreement()
	if h := got.Heads[2]; got.Drawn != 29 || h.Head != "intent" || h.Labels != 29 || h.Share != nil || !got.Complete {
		t.Errorf("%+v", got)
	}
	say(messages(first)[29], map[string]any{"intent": "problem", "chosen": "picked"}) // says nothing of how often
	if got = agreement(); got.Picked != 1 || got.Heads[2].Labels != 29 {
		t.Errorf("%+v", got)
	}
	say(messages(first)[30], drawn("question", 0.5))
	h := agreement().Heads[2]
	if h.Labels != 30 || h.Share == nil || *h.Share < 0.7666 || *h.Share > 0.7667 || *h.Low < 0.590 || *h.Low > 0.592 || *h.High < 0.881 || *h.High > 0.883 { // Wilson of 23 of 30
		t.Errorf("%+v %v %v %v", h, h.Share, h.Low, h.High)
	}
	// One that was drawn with a tenth of the probability weighs ten times as much.
	say(messages(first)[31], drawn("problem", 0.05))
	if h = agreement().Heads[2]; *h.Share < 0.574 || *h.Share > 0.576 || *h.High-*h.Low < 0.4 { // 23 of 40; worth 1600 of 130 = 12 messages
		t.Errorf("%v, from %v to %v", *h.Share, *h.Low, *h.High)
	}
	// What was drawn stays so when somebody looks again; what is taken back counts no more.
	say(messages(first)[31], map[string]any{"intent": "question", "chosen": "picked"})
	if h = agreement().Heads[2]; h.Labels != 31 || *h.Share < 0.824 || *h.Share > 0.826 { // 33 of 40
		t.Errorf("%+v %v", h, *h.Share)
	}
	x.call("ann", "DELETE", inAcme+"/messages/"+messages(first)[31]+"/correction", nil).want(t, 200, nil)
	if got = agreement(); got.Heads[2].Labels != 30 || got.Others != 0 {
		t.Errorf("%+v", got)
	}
	// What the reader as it comes had read says nothing of the one that is fitted, which is in use now.
	if err := x.store.BeginRefit(t.Context(), "acme", store.Refit{ID: "rft_1", Begun: x.now, By: "mem_a"}); err != nil {
		t.Fatal(err)
	}
	if err := x.store.EndRefit(t.Context(), "acme", "rft_1", &refit.Document{Reader: social.ReaderVersion}, false, x.now); err != nil {
		t.Fatal(err)
	}
	if got = agreement(); got.Heads[2].Labels != 0 || got.Heads[2].Share != nil || got.Drawn != 30 || got.Others != 30 {
		t.Errorf("%+v", got)
	}
}

func messages(d api.Draw) (out []string) {
	for _, i := range d.Items {
		out = append(out, i.Message)
	}
	return out
}
