package reporting_test

import (
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
