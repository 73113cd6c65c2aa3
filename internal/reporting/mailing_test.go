package reporting_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/store"
)

// to gives the weekly report recipients.
func (o *office) to(t *testing.T, recipients ...string) {
	t.Helper()
	if err := o.store.PutReport(t.Context(), w, store.Report{ID: "weekly", Name: "Weekly", Weekday: 1, Hour: 8, Recipients: recipients, Created: due}, due); err != nil {
		t.Fatal(err)
	}
}

func (o *office) recipient(t *testing.T, address string) store.Recipient {
	t.Helper()
	r, err := o.store.Recipient(t.Context(), w, o.Key.Hash(address))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reports returns to whom reports went, questions to whom mails that ask.
func (o *office) reports() []string   { return o.went(true) }
func (o *office) questions() []string { return o.went(false) }

func (o *office) went(reports bool) (to []string) {
	for _, m := range o.mails {
		if strings.HasPrefix(m.Subject, "Rapport: report for") == reports {
			to = append(to, m.To...)
		}
	}
	return to
}

func TestOnlyWhoConfirmedGetsReports(t *testing.T) {
	o := newOffice(t)
	o.to(t, "boss@example.com", "new@example.com", "gone@example.com", "bounced@example.com", "angry@example.com")
	for _, a := range []string{"gone@example.com", "bounced@example.com", "angry@example.com"} {
		o.confirmed(t, w, a)
	}
	gone := o.recipient(t, "gone@example.com")
	gone.Unsubscribed = due
	if err := o.store.PutRecipient(t.Context(), &gone); err != nil {
		t.Fatal(err)
	}
	for a, why := range map[string]string{"bounced@example.com": store.StoppedBounce, "Angry@Example.com": store.StoppedComplaint} {
		if err := o.store.StopMail(t.Context(), o.Key.Hash(a), why, due); err != nil {
			t.Fatal(err)
		}
	}
	run, err := o.Run(t.Context(), w, "weekly", due, true)
	if err != nil || run.State != store.RunDone || run.Mailed != 1 || !slices.Equal(o.reports(), []string{"boss@example.com"}) {
		t.Fatalf("run %+v, mails to %q, %v", run, o.reports(), err)
	}
	for range 3 {
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.questions(); !slices.Equal(got, []string{"new@example.com"}) {
		t.Errorf("asked to confirm: %q; want the new one, once", got)
	}
}

func TestEachReportEndsWithAWayOut(t *testing.T) {
	o := newOffice(t)
	o.to(t, "boss@example.com", "two@example.com")
	o.confirmed(t, w, "two@example.com")
	if _, err := o.Run(t.Context(), w, "weekly", due, true); err != nil || len(o.mails) != 2 {
		t.Fatalf("%d mails, %v", len(o.mails), err)
	}
	for i, m := range o.mails {
		l, err := o.Key.Open("unsubscribe", m.Unsubscribe[strings.LastIndex(m.Unsubscribe, "/")+1:], due.AddDate(10, 0, 0))
		if err != nil || l.Workspace != w || l.Address != o.Key.Hash(m.To[0]) || !strings.HasPrefix(m.Unsubscribe, "https://api.example.com/mail/unsubscribe/") {
			t.Errorf("%s of %v: %+v, %v", m.Unsubscribe, m.To, l, err)
		}
		if len(m.To) != 1 || !strings.Contains(m.HTML, `<a href="`+m.Unsubscribe+`"`) || !strings.HasSuffix(strings.TrimSpace(m.Text), m.Unsubscribe) || !strings.HasSuffix(strings.TrimSpace(m.HTML), "</html>") {
			t.Errorf("mail %d to %v has no link in its foot", i, m.To)
		}
		if _, err := m.Bytes(due); err != nil {
			t.Error(err)
		}
	}
	if o.mails[0].ID == o.mails[1].ID {
		t.Error("two mails have one id")
	}
}

func TestASubjectCantLie(t *testing.T) {
	for name, want := range map[string]string{
		"Your invoice is overdue: pay at evil.example":              `Rapport: report for workspace "Your invoice is overdue: pay at evil.example", `,
		"x\", from your bank\u202e \u2066and\u2028Bcc: b@c.example": `Rapport: report for workspace "x , from your bank and Bcc: b@c.example", `,
		strings.Repeat("Pay now! ", 22):                             `Rapport: report for workspace "Pay now! Pay now! Pay now! Pay now! Pay now! Pay now! Pay n…", `,
	} {
		o := newOffice(t)
		const id = "liar"
		if err := o.store.CreateWorkspace(t.Context(), store.Workspace{ID: id, Name: name, TimeZone: "Europe/Berlin", Created: due}, "eve"); err != nil {
			t.Fatal(err)
		}
		if err := o.store.PutReport(t.Context(), id, store.Report{ID: "weekly", Name: name, Weekday: 1, Hour: 8, Recipients: []string{"boss@example.com", "new@example.com"}, Created: due}, due); err != nil {
			t.Fatal(err)
		}
		doc, err := o.store.Active(t.Context(), w, store.Models)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.store.Publish(t.Context(), id, store.Models, doc); err != nil {
			t.Fatal(err)
		}
		o.confirmed(t, id, "boss@example.com")
		if _, err := o.Run(t.Context(), id, "weekly", due, true); err != nil {
			t.Fatal(err)
		}
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range o.mails {
			if _, err := m.Bytes(due); err != nil {
				t.Error(err)
			}
			if m.From != "rapport@example.com" || !strings.HasPrefix(m.Subject, "Rapport: ") {
				t.Errorf("from %s: %q", m.From, m.Subject)
			}
			switch {
			case m.To[0] == "new@example.com": // who has asked for nothing sees no link but ours
				found++
				for _, body := range []string{m.Text, m.HTML, m.Subject} {
					if strings.Contains(body, "evil.example") || strings.Contains(body, "c.example") || strings.ContainsAny(body, "\u202e\u2066\u2028") {
						t.Errorf("asked with %q", body)
					}
				}
				if !strings.Contains(m.Text, "https://api.example.com/mail/confirm/liar.weekly.") || !strings.Contains(m.Text, `workspace "`) || !strings.Contains(m.Text, `report "`) {
					t.Errorf("asked with %s", m.Text)
				}
			case strings.HasPrefix(m.Subject, want):
				found++
			}
		}
		if found != 2 {
			t.Errorf("%d of 2 mails found in %+v", found, o.mails)
		}
	}
}

func TestByHandNobodyIsMailedUnlessSaid(t *testing.T) {
	o := newOffice(t)
	run, err := o.Run(t.Context(), w, "weekly", due, false)
	if err != nil || run.State != store.RunDone || run.Mailed != 0 || len(o.mails) != 0 || len(o.files) != 4 {
		t.Fatalf("run %+v, %d mails, %v", run, len(o.mails), err)
	}
	// Whoever looked at it early keeps nobody from the mail that is due.
	if err := o.Tick(t.Context()); err != nil || len(o.reports()) != 1 || o.state(t, due) != store.RunDone {
		t.Fatalf("%d mails, run %s, %v", len(o.reports()), o.state(t, due), err)
	}
	if _, err := o.Run(t.Context(), w, "weekly", due, true); !fault.Is(err, fault.Conflict) || len(o.reports()) != 1 {
		t.Errorf("mailed again: %d mails, %v", len(o.reports()), err)
	}
	old := due.AddDate(-1, 0, 0).Truncate(24 * time.Hour)
	for old.Weekday() != time.Monday {
		old = old.AddDate(0, 0, 1)
	}
	old = old.Add(7 * time.Hour)
	if run, err := o.Run(t.Context(), w, "weekly", old, true); err != nil || run.Mailed != 1 || len(o.reports()) != 2 {
		t.Errorf("said: run %+v, %d mails, %v", run, len(o.reports()), err)
	}
}

func TestSomeRecipientsAtATime(t *testing.T) {
	o := newOffice(t)
	to := []string{"boss@example.com"}
	for i := range 4 {
		a := fmt.Sprintf("r%d@example.com", i)
		to = append(to, a)
		o.confirmed(t, w, a)
	}
	o.to(t, to...)
	o.failsFor = map[string]error{"r1@example.com": fault.Wrap(fault.RateLimited, errors.New("too fast"), ""), "r0@example.com": fault.Wrap(fault.Invalid, errors.New("no"), "")}
	if err := o.Tick(t.Context()); err == nil || o.state(t, due) != store.RunRendered {
		t.Fatalf("run %s, %v", o.state(t, due), err)
	}
	o.failsFor, o.now = map[string]error{"r2@example.com": fmt.Errorf("%w: time out", mail.ErrUnknown)}, o.now.Add(5*time.Minute)
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	run, err := o.store.Run(t.Context(), w, "weekly", due)
	if err != nil || run.State != store.RunSending || run.Problem != "unknown whether sent" || run.Mailed != 3 {
		t.Errorf("run %+v, %v", run, err)
	}
	o.now = o.now.Add(24 * time.Hour)
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	// r1 was refused for now, and tried twice.
	if want := []string{"boss@example.com", "r0@example.com", "r1@example.com", "r1@example.com", "r2@example.com", "r3@example.com"}; !slices.Equal(o.reports(), want) {
		t.Errorf("mails to %q, want %q", o.reports(), want)
	}
}

func TestAskedOnceAndNotAgain(t *testing.T) {
	o := newOffice(t)
	o.to(t, "new@example.com")
	ask := func() {
		t.Helper()
		if err := o.store.AskRecipient(t.Context(), w, "weekly", o.Key.Hash("new@example.com"), o.now); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	o.fails = fault.Wrap(fault.Transient, errors.New("no connection"), "")
	if err := o.Tick(t.Context()); err == nil {
		t.Error("the tick does not say that nobody could be asked")
	}
	o.fails, o.now = fmt.Errorf("%w: time out", mail.ErrUnknown), o.now.Add(5*time.Minute)
	for range 3 {
		ask()
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.now = o.now.Add(24 * time.Hour)
	}
	if n := len(o.questions()); n != 2 { // one that surely did not go, and one that may have
		t.Errorf("%d tries, want 2", n)
	}
	if at := o.recipient(t, "new@example.com").Begun; at.IsZero() {
		t.Error("that the question was begun is not noted")
	}
	// Somebody who is no recipient any more when their turn comes hears nothing.
	if err := o.store.AskRecipient(t.Context(), w, "weekly", o.Key.Hash("typo@example.com"), o.now); err != nil {
		t.Fatal(err)
	}
	if err := o.Tick(t.Context()); err != nil || len(o.questions()) != 2 {
		t.Errorf("%d tries, %v", len(o.questions()), err)
	}
	if _, err := o.store.Recipient(t.Context(), w, o.Key.Hash("typo@example.com")); !fault.Is(err, fault.NotFound) {
		t.Errorf("who was never asked is remembered: %v", err)
	}
}

func TestTicksAtOnceAskOnce(t *testing.T) {
	o := newOffice(t)
	o.to(t, "new@example.com")
	if err := o.store.AskRecipient(t.Context(), w, "weekly", o.Key.Hash("new@example.com"), o.now); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() { o.Tick(t.Context()) }) // those who lose the report's claim say so
	}
	wg.Wait()
	if n := len(o.questions()); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

func TestAnAddressIsAskedThreeTimesADay(t *testing.T) {
	o := newOffice(t)
	for i := range 5 {
		id := fmt.Sprintf("space-%d", i)
		if err := o.store.CreateWorkspace(t.Context(), store.Workspace{ID: id, Name: id, TimeZone: "UTC", Created: due}, "eve"); err != nil {
			t.Fatal(err)
		}
		if err := o.store.PutReport(t.Context(), id, store.Report{ID: "weekly", Name: "W", Weekday: 1, Hour: 8, Recipients: []string{"victim@example.com"}, Created: due}, due.AddDate(1, 0, 0)); err != nil {
			t.Fatal(err)
		}
		if err := o.store.AskRecipient(t.Context(), id, "weekly", o.Key.Hash("victim@example.com"), o.now); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.now = o.now.Add(5 * time.Minute)
	}
	if n := len(o.questions()); n != 3 {
		t.Errorf("asked %d times by five workspaces on a day, want 3", n)
	}
	o.now = o.now.Add(24 * time.Hour)
	if err := o.Tick(t.Context()); err != nil || len(o.questions()) != 5 {
		t.Errorf("asked %d times by the next day, %v; want 5", len(o.questions()), err)
	}
}

func TestWhoUnsubscribedIsAHash(t *testing.T) {
	o := newOffice(t)
	o.to(t, "boss@example.com", "two@example.com")
	r := o.recipient(t, "boss@example.com")
	r.Unsubscribed, r.Due = o.now, o.now
	if err := o.store.PutRecipient(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	rep, err := o.store.Report(t.Context(), w, "weekly")
	if err != nil || !slices.Equal(rep.Recipients, []string{"two@example.com"}) || !slices.Equal(rep.Left, []string{o.Key.Hash("boss@example.com")}) {
		t.Errorf("report %+v, %v", rep, err)
	}
	if due, err := o.store.RecipientsDue(t.Context(), o.now.AddDate(1, 0, 0), 10); err != nil || len(due) != 0 {
		t.Errorf("still to do: %+v, %v", due, err)
	}
}

func TestWithoutAPublicAddressNothingIsMailed(t *testing.T) {
	o := newOffice(t)
	o.PublicURL = ""
	run, err := o.Run(t.Context(), w, "weekly", due, true)
	if err != nil || run.State != store.RunUnmailed || len(o.mails) != 0 || !strings.Contains(run.Problem, "public address") {
		t.Errorf("run %+v, %d mails, %v", run, len(o.mails), err)
	}
}
