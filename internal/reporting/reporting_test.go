package reporting_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/consent"
	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/leads/leadstest"
	"rapport/internal/mail"
	"rapport/internal/report"
	"rapport/internal/reporting"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

const w = "acme"

// Berlin: Monday 2 November 2026, 08:00, after the clocks went back on 25 October.
var due = time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC)

// office is a Reporting over a real table, and what it put and sent.
type office struct {
	*reporting.Reporting
	store    *store.Store
	mu       sync.Mutex
	files    map[string]string
	said     map[string]view.Fact // what fact kept, by the object's id
	mails    []mail.Message
	fails    error
	failsFor map[string]error // by recipient
	now      time.Time
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s := storetest.New(t)
	o := &office{store: s, files: map[string]string{}, said: map[string]view.Fact{}, now: due.Add(time.Minute)}
	o.Reporting = reporting.New(reporting.Deps{Store: s, Leads: leads.New(s), MailFrom: "rapport@example.com", Key: testKey(t), PublicURL: "https://api.example.com",
		Put: func(_ context.Context, key, _ string, body []byte) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.files[key] = string(body)
			return nil
		},
		Send: func(_ context.Context, m mail.Message, _ time.Time) (string, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.mails = append(o.mails, m)
			return "id", cmp.Or(o.failsFor[m.To[0]], o.fails)
		},
		Ask: func(ctx context.Context, dues []store.Due) error {
			var errs []error
			for _, d := range dues {
				errs = append(errs, o.Due(ctx, d))
			}
			return errors.Join(errs...)
		},
		Now: func() time.Time { return o.now }})
	if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: "Acme", TimeZone: "Europe/Berlin", Created: due}, "ann"); err != nil {
		t.Fatal(err)
	}
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: due, Body: model}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutReport(t.Context(), w, store.Report{ID: "weekly", Name: "Weekly", Weekday: 1, Hour: 8, Recipients: []string{"boss@example.com"}, Created: due}, due); err != nil {
		t.Fatal(err)
	}
	o.confirmed(t, w, "boss@example.com")
	return o
}

func testKey(t *testing.T) consent.Key {
	t.Helper()
	k, err := consent.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// confirmed makes an address one that confirmed long ago.
func (o *office) confirmed(t *testing.T, w, address string) {
	t.Helper()
	r := store.Recipient{Workspace: w, Address: o.Key.Hash(address), Report: "weekly", Asked: due.AddDate(0, -1, 0), Begun: due.AddDate(0, -1, 0), Confirmed: due.AddDate(0, -1, 0)}
	if err := o.store.PutRecipient(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
}

func (o *office) state(t *testing.T, at time.Time) string {
	t.Helper()
	r, err := o.store.Run(t.Context(), w, "weekly", at)
	if err != nil {
		t.Fatal(err)
	}
	return r.State
}

func TestTickMakesWhatIsDueOnce(t *testing.T) {
	o := newOffice(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { o.Tick(t.Context()) }) // those who lose the claim say so; the run is made
	}
	wg.Wait()
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(o.mails) != 1 || len(o.files) != 4 || o.state(t, due) != store.RunDone {
		t.Fatalf("%d mails, %d files, run %s", len(o.mails), len(o.files), o.state(t, due))
	}
	if s := o.mails[0].Subject; s != `Rapport: report for workspace "Acme", 26 Oct to 1 Nov 2026` {
		t.Errorf("subject %q", s)
	}
	dues, err := o.store.DueBy(t.Context(), due.Add(30*24*time.Hour), 10)
	if err != nil || len(dues) != 1 || !dues[0].At.Equal(due.Add(7*24*time.Hour)) {
		t.Errorf("due next: %+v, %v", dues, err)
	}
	o.now = due.Add(24 * time.Hour)
	if err := o.Tick(t.Context()); err != nil || len(o.mails) != 1 {
		t.Errorf("a tick on Tuesday: %d mails, %v", len(o.mails), err)
	}
}

func TestAfterAnOutageTheLatestRunsAndTheOthersAreMissed(t *testing.T) {
	o := newOffice(t)
	o.now = due.Add(3*7*24*time.Hour + time.Hour)
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{store.RunMissed, store.RunMissed, store.RunMissed, store.RunDone} {
		if got := o.state(t, due.Add(time.Duration(i)*7*24*time.Hour)); got != want {
			t.Errorf("week %d is %s, want %s", i, got, want)
		}
	}
	if len(o.mails) != 1 {
		t.Errorf("%d mails, want 1", len(o.mails))
	}
	drill.Show(t, "down for three weeks: 3 runs listed as missed, the latest made, %d mail", len(o.mails))
}

func TestMailIsSentAtMostOnce(t *testing.T) {
	o := newOffice(t)
	o.fails = fmt.Errorf("%w: time out", mail.ErrUnknown)
	run, err := o.Run(t.Context(), w, "weekly", due, true)
	if err != nil || run.State != store.RunSending || run.Problem != "unknown whether sent" {
		t.Fatalf("run %+v, %v", run, err)
	}
	o.fails, o.now = nil, o.now.Add(24*time.Hour)
	if _, err := o.Run(t.Context(), w, "weekly", due, true); !fault.Is(err, fault.Conflict) {
		t.Errorf("again: %v, want a conflict", err)
	}
	if len(o.mails) != 1 {
		t.Errorf("%d mails were begun, want 1", len(o.mails))
	}

	o = newOffice(t)
	o.fails = fault.Wrap(fault.Invalid, errors.New("no such domain"), "")
	if run, err := o.Run(t.Context(), w, "weekly", due, true); err != nil || run.State != store.RunUnmailed || len(o.files) != 4 {
		t.Errorf("a refused mail: run %+v with %d files, %v", run, len(o.files), err)
	}
}

func TestNeverDueAndStillToCome(t *testing.T) {
	o := newOffice(t)
	for name, at := range map[string]time.Time{"a Tuesday": due.Add(24 * time.Hour), "next week": due.Add(7 * 24 * time.Hour)} {
		if _, err := o.Run(t.Context(), w, "weekly", at, true); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if _, err := o.Run(t.Context(), w, "daily", due, true); !fault.Is(err, fault.NotFound) {
		t.Errorf("a report that is not there: %v", err)
	}
}

func TestGatheredNumbers(t *testing.T) {
	o := newOffice(t)
	in := time.Date(2026, 10, 27, 9, 0, 0, 0, time.UTC)
	say := func(actor, id, parent, text, intent string, at time.Time, dir social.Direction) {
		t.Helper()
		a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: actor, Name: strings.ToUpper(actor)}, Object: social.Object{ID: id},
			InReplyTo: parent, Text: text, Reading: social.Reading{Language: "en", Sentiment: "neutral", Intent: intent}, Occurred: at, Known: at, Direction: dir}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, at)
		if _, err := o.store.PutActivity(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
		if err := byday.New(o.store, nil).Store(t.Context(), w, []social.Activity{a}); err != nil {
			t.Fatal(err)
		}
		l := leads.New(o.store)
		f := talk.New(o.store, func(ctx context.Context, w string, stale []view.Stale) error {
			return leadstest.Rescore(ctx, l, w, stale[0].Account)
		})
		if err := f.View(t.Context(), w, store.RefOf(a)); err != nil {
			t.Fatal(err)
		}
		if dir == social.Inbound {
			if err := leadstest.Rescore(t.Context(), l, w, a.Account().AccountID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	say("ann", "1", "", "What does the large plan cost?", "purchase", in, social.Inbound)
	say("us", "2", "1", "Forty a month.", "other", in.Add(30*time.Minute), social.Outbound)
	say("bob", "3", "", "Where is my parcel?", "problem", in.Add(time.Hour), social.Inbound)
	say("bob", "4", "", "Still no parcel, hello?", "problem", in.Add(26*time.Hour), social.Inbound)
	say("spy", "5", "", "Buy followers", "spam", in.Add(2*time.Hour), social.Inbound)
	say("cyd", "6", "", "Before the week", "question", in.Add(-40*time.Hour), social.Inbound)
	// Half an hour into the week before, which had 169 hours: the clocks went back at its end.
	say("dot", "8", "", "All good here", "praise", time.Date(2026, 10, 18, 22, 30, 0, 0, time.UTC), social.Inbound)
	say("dot", "9", "", "The Sunday before", "praise", time.Date(2026, 10, 18, 21, 30, 0, 0, time.UTC), social.Inbound)
	say("cyd", "7", "", "After the week", "question", due, social.Inbound)

	if _, err := o.Run(t.Context(), w, "weekly", due, true); err != nil {
		t.Fatal(err)
	}
	var d report.Data
	if err := json.Unmarshal([]byte(o.files["reports/acme/weekly/20261102T070000Z.json"]), &d); err != nil {
		t.Fatal(err)
	}
	from, to := time.Date(2026, 10, 25, 23, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC)
	if !d.Period.From.Equal(from) || !d.Period.To.Equal(to) || !d.AsOf.Equal(to) {
		t.Errorf("period %s to %s as of %s, want the local week %s to %s", d.Period.From, d.Period.To, d.AsOf, from, to)
	}
	if tot := d.Totals; tot.Activities != 5 || tot.People != 3 || tot.FeedbackMessages != 3 || tot.FeedbackPeople != 2 {
		t.Errorf("totals %+v; want 5 activities of 3 people, 3 messages of feedback of 2", tot)
	}
	if n := d.Response.PerPair.Median.N; n != 1 || d.Response.PerPair.Median.Enough {
		t.Errorf("one reply: n %d, enough %v; one is not enough", n, d.Response.PerPair.Median.Enough)
	}
	if d.Totals.Waiting != 3 || len(d.Waiting) != 3 || d.Waiting[0].Asker != "BOB" || d.Waiting[0].Reason != "has a problem; waits 5 days" || d.Waiting[2].Asker != "CYD" || d.Waiting[2].WaitingSeconds != int64(to.Sub(in.Add(-40*time.Hour)).Seconds()) {
		t.Errorf("%d wait: %+v; want bob's two problems, then cyd's question from before the week, no spam, not ann", d.Totals.Waiting, d.Waiting)
	}
	// Nobody's points reach those from which somebody should call: nobody is listed to fill the page.
	if d.Totals.Leads != 0 || d.Totals.LeadsMore || len(d.Leads) != 0 || d.CallFrom != "15" {
		t.Errorf("to call: %d, more %t, from %s points on: %+v", d.Totals.Leads, d.Totals.LeadsMore, d.CallFrom, d.Leads)
	}
	m := scoring.DefaultModel()
	m.CallNeeds = nil
	m.Version, m.CallFrom = 2, 1_000_000
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.store.Publish(t.Context(), w, store.Models, store.Document{Version: "2", Published: due.Add(time.Second), Body: body}); err != nil {
		t.Fatal(err)
	}
	if d, err = o.Gather(t.Context(), store.Workspace{ID: w, Name: "Acme", TimeZone: "Europe/Berlin"}, "weekly", d.Period.From.Add(-169*time.Hour), from, to); err != nil {
		t.Fatal(err)
	}
	if d.Totals.Leads != len(d.Leads) || d.Totals.LeadsMore || d.Totals.LeadsComplaint != 1 || slices.ContainsFunc(d.Leads, func(l report.Lead) bool { return l.Name == "BOB" }) {
		t.Errorf("%d to call, more %t, %d with a complaint; %+v; want bob, whose problems wait, counted apart", d.Totals.Leads, d.Totals.LeadsMore, d.Totals.LeadsComplaint, d.Leads)
	}
	if len(d.Leads) > 0 && (len(d.Leads[0].Words) != 1 || d.Leads[0].Words[0].Text != "What does the large plan cost?" || !d.Leads[0].LastContact.Equal(in.Add(30*time.Minute))) {
		t.Errorf("ann's words and the last contact: %+v", d.Leads[0])
	}
	if len(d.Leads) == 0 || d.Leads[0].Name != "ANN" || !d.Leads[0].AsOf.Equal(to) || len(d.Leads[0].Reasons) == 0 {
		t.Errorf("leads %+v; want ann first, with reasons, as of the end of the week", d.Leads)
	}
	if len(d.Channels) != 1 || d.Channels[0].Inbound != 4 || d.Channels[0].Outbound != 1 || d.Channels[0].InboundPrevious != 2 {
		t.Errorf("channels %+v", d.Channels)
	}
}

func TestScheduleChangedAfterItWasDue(t *testing.T) {
	o := newOffice(t)
	friday := store.Report{ID: "weekly", Name: "Weekly", Weekday: 5, Hour: 10, Created: due}
	next := time.Date(2026, 11, 6, 9, 0, 0, 0, time.UTC)
	if err := o.store.PutReport(t.Context(), w, friday, next); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Tick(t.Context()); err != nil {
			t.Fatalf("a tick after the change: %v", err)
		}
	}
	dues, err := o.store.DueBy(t.Context(), next, 10)
	if err != nil || len(dues) != 1 || !dues[0].At.Equal(next) {
		t.Errorf("due: %+v, %v; want Friday alone", dues, err)
	}
	o.now = next.Add(time.Minute)
	if err := o.Tick(t.Context()); err != nil || o.state(t, next) != store.RunDone {
		t.Errorf("on Friday: %s, %v", o.state(t, next), err)
	}
}

func TestRefusedForNowIsSentLater(t *testing.T) {
	o := newOffice(t)
	o.fails = fault.Wrap(fault.RateLimited, errors.New("too fast"), "")
	if err := o.Tick(t.Context()); err == nil || o.state(t, due) != store.RunRendered {
		t.Fatalf("run %s, %v", o.state(t, due), err)
	}
	o.fails, o.now = nil, o.now.Add(5*time.Minute)
	if err := o.Tick(t.Context()); err != nil || o.state(t, due) != store.RunDone || len(o.mails) != 2 {
		t.Errorf("run %s, %d tries, %v", o.state(t, due), len(o.mails), err)
	}
}

func TestLongNamesAreMailed(t *testing.T) {
	o := newOffice(t)
	long := strings.Repeat("w", 40)
	if err := o.store.CreateWorkspace(t.Context(), store.Workspace{ID: long, Name: "Long", TimeZone: "Europe/Berlin", Created: due}, "ann"); err != nil {
		t.Fatal(err)
	}
	model, _ := json.Marshal(scoring.DefaultModel())
	if err := o.store.Publish(t.Context(), long, store.Models, store.Document{Version: "1", Published: due, Body: model}); err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("r", 40)
	if err := o.store.PutReport(t.Context(), long, store.Report{ID: id, Name: "R", Weekday: 1, Hour: 8, Recipients: []string{"a@example.com"}, Created: due}, due); err != nil {
		t.Fatal(err)
	}
	o.confirmed(t, long, "a@example.com")
	if _, err := o.Run(t.Context(), long, id, due, true); err != nil || len(o.mails) != 1 {
		t.Fatalf("%d mails, %v", len(o.mails), err)
	}
	if _, err := o.mails[0].Bytes(due); err != nil {
		t.Errorf("the mail can't be sent: %v", err)
	}
}

func TestWaitingIsAsOfTheEndOfThePeriod(t *testing.T) {
	o := newOffice(t)
	to := time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC)
	say := func(actor, id, parent string, at time.Time, typ social.Type, dir social.Direction) {
		t.Helper()
		a := social.Activity{Platform: "standard", Scope: "forum", Type: typ, Actor: social.Actor{ID: actor, Name: actor}, Object: social.Object{ID: id}, InReplyTo: parent,
			Text: "Where is it?", Reading: social.Reading{Language: "en", Sentiment: "neutral", Intent: "question"}, Occurred: at, Known: at, Direction: dir}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, at)
		if _, err := o.store.PutActivity(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
		if err := byday.New(o.store, nil).Store(t.Context(), w, []social.Activity{a}); err != nil {
			t.Fatal(err)
		}
		f := talk.New(o.store, func(context.Context, string, []view.Stale) error { return nil })
		if err := f.View(t.Context(), w, store.RefOf(a)); err != nil {
			t.Fatal(err)
		}
	}
	say("ann", "1", "", to.Add(-5*time.Hour), social.Post, social.Inbound)
	say("us", "2", "1", to.Add(2*time.Hour), social.Reply, social.Outbound) // after the period
	say("bob", "3", "", to.Add(time.Hour), social.Post, social.Inbound)     // after the period
	say(social.Unknown, "3", "", to.Add(-time.Hour), social.Delete, social.Inbound)
	ws, err := o.store.Workspace(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	d, err := o.Gather(t.Context(), ws, "weekly", to.Add(-14*24*time.Hour), to.Add(-7*24*time.Hour), to)
	if err != nil {
		t.Fatal(err)
	}
	if d.Totals.Waiting != 1 || len(d.Waiting) != 1 || d.Waiting[0].Asker != "ann" || d.Waiting[0].WaitingSeconds != 5*3600 {
		t.Errorf("waiting %+v; want ann, who was answered only afterwards", d.Waiting)
	}
	if d.Totals.People != 1 || len(d.Channels) != 1 || d.Channels[0].Inbound != 1 {
		t.Errorf("%d people, channels %+v; whoever deleted is nobody to count", d.Totals.People, d.Channels)
	}
}

// TestDataThatCantBeRightStaysOnTheList: a report that fails for another reason
// than its schedule is not taken off the list, where nobody would miss it.
func TestDataThatCantBeRightStaysOnTheList(t *testing.T) {
	o := newOffice(t)
	if err := o.store.Publish(t.Context(), w, store.Models, store.Document{Version: "2", Published: due, Body: []byte(`{"id": 7}`)}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []time.Duration{0, 24 * time.Hour} {
		o.now = due.Add(time.Minute + a)
		if err := o.Tick(t.Context()); err == nil {
			t.Error("the tick does not say that the report can't be made")
		}
	}
	dues, err := o.store.DueBy(t.Context(), due, 10)
	if err != nil || len(dues) != 1 || !dues[0].At.Equal(due) {
		t.Errorf("due: %+v, %v; want it still there", dues, err)
	}
}

// fact keeps one activity: its fact, and its tuple with what edits make of it.
func (o *office) fact(t *testing.T, a social.Activity) {
	t.Helper()
	a.Platform, a.Scope = cmp.Or(a.Platform, "standard"), cmp.Or(a.Scope, "forum")
	a.Known, a.Direction = a.Occurred, cmp.Or(a.Direction, social.Inbound)
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Actor.ID+a.Object.ID, a.Occurred)
	if _, err := o.store.PutActivity(t.Context(), w, a); err != nil {
		t.Fatal(err)
	}
	if a.Type == social.Edit || a.Type == social.Delete {
		if err := o.store.PutEdit(t.Context(), w, store.MessageID(a.Platform, a.Scope, a.Object.ID), a); err != nil {
			t.Fatal(err)
		}
	}
	facts := []view.Fact{view.FactOf(a)}
	if a.Type.Utterance() {
		o.said[a.Object.ID] = facts[0]
	} else if m, ok := o.said[a.Object.ID]; ok {
		facts = append(facts, m) // as it stands with the edit
	}
	if err := byday.New(o.store, nil).Keep(t.Context(), w, facts); err != nil {
		t.Fatal(err)
	}
}

// data is what a run's JSON says.
func (o *office) data(t *testing.T) (d report.Data) {
	t.Helper()
	if err := json.Unmarshal([]byte(o.files["reports/acme/weekly/20261102T070000Z.json"]), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestWhatWasTakenBackIsNotCounted(t *testing.T) {
	o := newOffice(t)
	in := time.Date(2026, 10, 27, 10, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return in.Add(time.Duration(minutes) * time.Minute) }
	read := func(intent string) social.Reading {
		return social.Reading{Language: "en", Sentiment: "neutral", Intent: intent}
	}
	for _, a := range []social.Activity{
		{Type: social.React, Actor: social.Actor{ID: "ann"}, Object: social.Object{ID: "1"}, Occurred: at(0)},
		{Type: social.Unreact, Actor: social.Actor{ID: "ann"}, Object: social.Object{ID: "1"}, Occurred: at(180)}, // three hours later
		{Type: social.Post, Actor: social.Actor{ID: "bob"}, Object: social.Object{ID: "2"}, Occurred: at(1), Text: "gone", Reading: read("problem")},
		{Type: social.Delete, Actor: social.Actor{ID: "bob"}, Object: social.Object{ID: "2"}, Occurred: at(5)},
		{Type: social.Post, Actor: social.Actor{ID: "cyd"}, Object: social.Object{ID: "3"}, Occurred: at(2), Text: "where is it?", Reading: read("question")},
		{Type: social.Edit, Actor: social.Actor{ID: "cyd"}, Object: social.Object{ID: "3"}, Occurred: at(6), Text: "where is my parcel?", Reading: read("question")},
		{Type: social.Close, Actor: social.Actor{ID: "dan"}, Object: social.Object{ID: "3"}, Occurred: at(7)},
		{Type: social.Post, Actor: social.Actor{ID: "bot"}, Object: social.Object{ID: "4"}, Occurred: at(8), Text: "I am away", Automatic: true, Reading: read("other")},
	} {
		o.fact(t, a)
	}
	if _, err := o.Run(t.Context(), w, "weekly", due, false); err != nil {
		t.Fatal(err)
	}
	d := o.data(t)
	if tot := d.Totals; tot.Activities != 2 || tot.People != 1 || tot.FeedbackMessages != 1 || tot.FeedbackPeople != 1 {
		t.Errorf("totals %+v; want the question and the bot's message, one person, one message of feedback", tot)
	}
	if len(d.Channels) != 1 || d.Channels[0].Inbound != 2 || d.Channels[0].Reactions != 0 || d.Channels[0].Messages != 2 || d.Channels[0].People != 1 {
		t.Errorf("channels %+v", d.Channels)
	}
}

func TestSourcesAreCalledAsTheCustomerDoes(t *testing.T) {
	o := newOffice(t)
	in := time.Date(2026, 10, 27, 10, 0, 0, 0, time.UTC)
	for i, s := range []store.Source{{Platform: "standard", Scope: "forum", Name: "Our forum"}, {Platform: "slack", Scope: "*", Name: "Team chat"}, {Platform: "github", Scope: "*", Name: "One"}, {Platform: "github", Scope: "*", Name: "Two"}} {
		s.ID, s.App, s.Workspace, s.Created = fmt.Sprint("src_", i), fmt.Sprint("app_", i), w, due
		if err := o.store.CreateSource(t.Context(), store.App{ID: s.App, Owner: w, Platform: s.Platform}, true, s); err != nil {
			t.Fatal(err)
		}
	}
	for i, a := range []social.Activity{{Platform: "standard", Scope: "forum"}, {Platform: "slack", Scope: "T1/C1"}, {Platform: "slack", Scope: "T1/C2"}, {Platform: "github", Scope: "acme/x"}} {
		a.Type, a.Actor, a.Object, a.Occurred = social.React, social.Actor{ID: "ann"}, social.Object{ID: fmt.Sprint(i)}, in.Add(time.Duration(i)*time.Minute)
		o.fact(t, a)
	}
	if _, err := o.Run(t.Context(), w, "weekly", due, false); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range o.data(t).Channels {
		got = append(got, fmt.Sprintf("%s %s %q %d", c.Platform, c.Scope, c.Name, c.Inbound))
	}
	want := []string{`slack * "Team chat" 2`, `github acme/x "" 1`, `standard forum "Our forum" 1`}
	if !slices.Equal(got, want) {
		t.Errorf("channels %q, want %q", got, want)
	}
}

func TestRatingsAreSummedUp(t *testing.T) {
	o := newOffice(t)
	in := time.Date(2026, 10, 27, 10, 0, 0, 0, time.UTC)
	for i := range 40 {
		score := float64(10 - i%4) // a quarter each of 10, 9, 8 and 7
		o.fact(t, social.Activity{Type: social.Review, Actor: social.Actor{ID: fmt.Sprint("p", i)}, Object: social.Object{ID: fmt.Sprint(i)}, Occurred: in.Add(time.Duration(i) * time.Minute),
			Rating: &social.Rating{Value: score, Best: 10, Kind: social.NPS}})
	}
	// It was a 10 first.
	o.fact(t, social.Activity{Type: social.Edit, Actor: social.Actor{ID: "p0"}, Object: social.Object{ID: "0"}, Occurred: in.Add(time.Hour), Text: "no", Rating: &social.Rating{Value: 0, Best: 10, Kind: social.NPS},
		Reading: social.Reading{Language: "en", Sentiment: "negative", Intent: "problem"}})
	if _, err := o.Run(t.Context(), w, "weekly", due, false); err != nil {
		t.Fatal(err)
	}
	r := o.data(t).Ratings
	if len(r) != 1 || r[0].Kind != "nps" || r[0].N != 40 || math.Abs(r[0].Value-100*(19-1)/40.0) > 1e-9 {
		t.Errorf("ratings %+v; want a net promoter score of 45 from 40", r)
	}
}

func TestARunIsMadeAnewAfterLateFacts(t *testing.T) {
	o := newOffice(t)
	in := time.Date(2026, 10, 27, 10, 0, 0, 0, time.UTC)
	say := func(who string, minute int) {
		o.fact(t, social.Activity{Type: social.Post, Actor: social.Actor{ID: who}, Object: social.Object{ID: who}, Occurred: in.Add(time.Duration(minute) * time.Minute), Text: "late parcel",
			Reading: social.Reading{Language: "en", Sentiment: "negative", Intent: "problem"}})
	}
	say("ann", 0)
	if _, err := o.Remake(t.Context(), w, "weekly", due); !fault.Is(err, fault.NotFound) {
		t.Errorf("a run that never was: %v, want not found", err)
	}
	if _, err := o.Run(t.Context(), w, "weekly", due, true); err != nil {
		t.Fatal(err)
	}
	if d := o.data(t); !d.Remade.IsZero() || len(d.Changes) != 0 || len(o.mails) != 1 {
		t.Errorf("first made: remade %s, changes %+v, %d mails", d.Remade, d.Changes, len(o.mails))
	}
	o.now = o.now.Add(24 * time.Hour)
	if _, err := o.Remake(t.Context(), w, "weekly", due); err != nil {
		t.Fatal(err)
	}
	if d := o.data(t); !d.Remade.Equal(o.now) || len(d.Changes) != 0 || d.Totals.People != 1 {
		t.Errorf("of the same facts: remade %s, changes %+v", d.Remade, d.Changes)
	}
	say("bob", 1) // came late
	for range 2 { // what changed is told against the first time, however often it is made
		o.now = o.now.Add(time.Hour)
		run, err := o.Remake(t.Context(), w, "weekly", due)
		if err != nil {
			t.Fatal(err)
		}
		d := o.data(t)
		want := []report.Change{{Name: "activities", Was: 1, Is: 2}, {Name: "people active", Was: 1, Is: 2}, {Name: "messages of feedback", Was: 1, Is: 2}, {Name: "people who gave feedback", Was: 1, Is: 2}}
		if !slices.Equal(d.Changes, want) || d.Totals.People != 2 || len(run.Changes) != len(want) || run.State != store.RunDone || !run.Remade.Equal(o.now) {
			t.Errorf("changes %+v, want %+v; run %+v", d.Changes, want, run)
		}
	}
	if len(o.mails) != 1 || !strings.Contains(o.files["reports/acme/weekly/20261102T070000Z.txt"], "activities were 1, are 2") {
		t.Errorf("%d mails, want the first alone; text:\n%s", len(o.mails), o.files["reports/acme/weekly/20261102T070000Z.txt"])
	}
	kept, err := o.store.Run(t.Context(), w, "weekly", due)
	if err != nil || kept.Numbers["people active"] != 1 || len(kept.Changes) != 4 || !kept.Remade.Equal(o.now) {
		t.Errorf("kept: %+v, %v", kept, err)
	}
}

// Half of the messages are in languages that can't be read.
func TestHalfTheStreamUnread(t *testing.T) {
	o := newOffice(t)
	in := time.Date(2026, 10, 27, 10, 0, 0, 0, time.UTC)
	for i := range 10 {
		r := social.Reading{Language: "en", Sentiment: "negative", Intent: "problem"}
		if i%2 == 1 {
			r = social.Reading{Language: "pl", Sentiment: social.SentimentUnread, Intent: social.IntentUnread}
		}
		o.fact(t, social.Activity{Type: social.Post, Actor: social.Actor{ID: fmt.Sprint("p", i)}, Object: social.Object{ID: fmt.Sprint(i)}, Occurred: in.Add(time.Duration(i) * time.Minute), Text: "x", Reading: r})
	}
	if _, err := o.Run(t.Context(), w, "weekly", due, false); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(o.files["reports/acme/weekly/20261102T070000Z.txt"]), " ")
	for _, want := range []string{"There is not enough feedback yet to tell issues; 5 messages could not be read.", "5 messages could not be read and are in no other number of feedback: Polish 5."} {
		if !strings.Contains(text, want) {
			t.Errorf("the text does not say %q:\n%s", want, text)
		}
	}
	if d := o.data(t); d.Totals.FeedbackMessages != 5 || d.Totals.People != 10 {
		t.Errorf("totals %+v", d.Totals)
	}
}

// In São Paulo, midnight of 4 November 2018 was skipped: the week before began
// at the true midnight of its first day.
func TestPreviousWeekOverAClockChangeInSaoPaulo(t *testing.T) {
	o := newOffice(t)
	ws := store.Workspace{ID: w, Name: "Acme", TimeZone: "America/Sao_Paulo"}
	weekly, err := report.NewWeekly(time.Sunday, 8, 0, ws.TimeZone)
	if err != nil {
		t.Fatal(err)
	}
	from, to := weekly.Period(time.Date(2018, 11, 11, 12, 0, 0, 0, time.UTC))
	before, _ := weekly.Period(from)
	for i, at := range []time.Time{before.Add(-time.Minute), before, from.Add(-time.Minute), from, to.Add(-time.Minute), to} {
		o.fact(t, social.Activity{Type: social.React, Actor: social.Actor{ID: "ann"}, Object: social.Object{ID: fmt.Sprint(i)}, Occurred: at})
	}
	d, err := o.Gather(t.Context(), ws, "weekly", before, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if from.Format(time.RFC3339) != "2018-11-04T03:00:00Z" || before.Format(time.RFC3339) != "2018-10-28T03:00:00Z" || len(d.Channels) != 1 || d.Channels[0].Inbound != 2 || d.Channels[0].InboundPrevious != 2 {
		t.Errorf("from %s, before %s, channels %+v; want two in each week", from, before, d.Channels)
	}
}
