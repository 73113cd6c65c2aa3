package reporting_test

import (
	"slices"
	"testing"
	"time"

	"rapport/internal/limit"
	"rapport/internal/store"
)

// What is due while a workspace is stopped is not made, and does not stay on
// the list before others; the next one is.
func TestAStoppedWorkspaceHasNoReports(t *testing.T) {
	o := newOffice(t)
	if err := o.store.StopWorkspace(t.Context(), w, store.Operator, o.now); err != nil {
		t.Fatal(err)
	}
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	dues, err := o.store.DueBy(t.Context(), due.Add(30*24*time.Hour), 10)
	if err != nil || len(dues) != 1 || !dues[0].At.After(o.now) || len(o.mails)+len(o.files) > 0 {
		t.Errorf("%d mails, %d files, due %v, %v", len(o.mails), len(o.files), dues, err)
	}
	if err := o.store.StartWorkspace(t.Context(), w, store.Operator); err != nil {
		t.Fatal(err)
	}
	if err := o.Tick(t.Context()); err != nil || len(o.files) > 0 {
		t.Errorf("started: %d files, %v; what was due is made only if somebody asks", len(o.files), err)
	}
	if r, err := o.Run(t.Context(), w, "weekly", due, true); err != nil || r.State != store.RunDone || len(o.files) != 4 {
		t.Errorf("asked for: %+v, %v, %d files", r, err, len(o.files))
	}
	o.now = due.Add(7*24*time.Hour + time.Minute)
	if err := o.Tick(t.Context()); err != nil || o.state(t, due.Add(7*24*time.Hour)) != store.RunDone {
		t.Errorf("the next one: %v", err)
	}
}

// Nobody is asked to confirm while a workspace is stopped, and who waits for it
// does not stay on the list before others; then they are, once. What somebody
// who unsubscribed left in its reports is taken away all the same.
func TestAStoppedWorkspaceAsksNobodyToConfirm(t *testing.T) {
	o := newOffice(t)
	o.to(t, "boss@example.com", "new@example.com", "gone@example.com")
	if _, err := o.Run(t.Context(), w, "weekly", due, true); err != nil { // notes that the new one is to be asked
		t.Fatal(err)
	}
	gone := o.recipient(t, "gone@example.com")
	gone.Unsubscribed, gone.Due = o.now, o.now
	if err := o.store.PutRecipient(t.Context(), &gone); err != nil {
		t.Fatal(err)
	}
	if err := o.store.StopWorkspace(t.Context(), w, store.Operator, o.now); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, err := o.store.RecipientsDue(t.Context(), o.now, 10); err != nil || len(list) != 0 {
			t.Errorf("still due: %+v, %v", list, err)
		}
		o.now = o.now.Add(15 * time.Minute)
	}
	if got := o.questions(); len(got) != 0 {
		t.Errorf("stopped: asked %q", got)
	}
	rep, err := o.store.Report(t.Context(), w, "weekly")
	if err != nil || slices.Contains(rep.Recipients, "gone@example.com") {
		t.Errorf("recipients %q, %v", rep.Recipients, err)
	}
	if err := o.store.StartWorkspace(t.Context(), w, store.Operator); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := o.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.questions(); !slices.Equal(got, []string{"new@example.com"}) {
		t.Errorf("started: asked %q", got)
	}
}

// A report over the day's mails is made and not mailed, and says why.
func TestMailsOverTheLimit(t *testing.T) {
	o := newOffice(t)
	if err := o.store.SetLimit(t.Context(), w, limit.Mails, 0, false); err != nil {
		t.Fatal(err)
	}
	if err := o.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := o.store.Run(t.Context(), w, "weekly", due)
	if err != nil || r.State != store.RunUnmailed || r.Problem == "" || len(o.mails) != 0 || len(o.files) != 4 {
		t.Errorf("%+v, %v; %d mails, %d files", r, err, len(o.mails), len(o.files))
	}
}
