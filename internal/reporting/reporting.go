// Package reporting makes the runs of reports: claims what is due, gathers a
// period's data, stores the report's four forms and mails it, each once.
package reporting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rapport/internal/consent"
	"rapport/internal/emf"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/mail"
	"rapport/internal/report"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Deps is what reporting needs of the world.
type Deps struct {
	Store     *store.Store
	Leads     *leads.Leads
	Put       func(ctx context.Context, key, contentType string, body []byte) error
	Send      func(ctx context.Context, m mail.Message, date time.Time) (id string, err error)
	MailFrom  string      // "": nothing is mailed
	Key       consent.Key // of links in mails, and of addresses
	PublicURL string      // where these links lead; "": nothing is mailed, since nobody could unsubscribe
	Now       func() time.Time
	Ask       func(ctx context.Context, dues []store.Due) error // has Due called with each
}

// Reporting makes runs.
type Reporting struct{ Deps }

// New returns a Reporting.
func New(d Deps) *Reporting { return &Reporting{d} }

const (
	lease   = 10 * time.Minute // longer than the function may take
	resting = 15 * time.Minute // between two looks at whether a workspace goes on that was stopped
	maxDues = 500              // per tick; the next tick is minutes away
)

// Tick has made what is due, each report by itself, so that none waits for
// another. It stays due until it is made. Then it asks new recipients to confirm.
func (r *Reporting) Tick(ctx context.Context) error {
	dues, err := r.Store.DueBy(ctx, r.Now(), maxDues)
	if err == nil && len(dues) > 0 {
		err = r.Ask(ctx, dues)
	}
	return errors.Join(err, r.askAndForget(ctx))
}

// Due makes what is due. After an outage the latest missed period is run;
// those before it are noted as missed. One that somebody else works on is left
// to them: it is due until they are done.
func (r *Reporting) Due(ctx context.Context, d store.Due) error {
	if err := r.due(ctx, d); err != nil && !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("report %s of %s: %w", d.Report, d.Workspace, err)
	}
	return nil
}

func (r *Reporting) due(ctx context.Context, d store.Due) error {
	rep, weekly, _, err := r.report(ctx, d.Workspace, d.Report)
	if fault.Is(err, fault.NotFound) {
		return r.Store.DropDue(ctx, d)
	}
	if err != nil {
		return err
	}
	now := r.Now()
	latest := weekly.Latest(now)
	if err := r.Store.FileDue(ctx, d.Workspace, rep.ID, weekly.Next(latest)); err != nil {
		return err
	}
	if rests, err := r.Store.Rests(ctx, d.Workspace); err != nil {
		return err
	} else if rests { // once it goes on, the run can be asked for
		return r.Store.DropDue(ctx, d)
	}
	if d.At.Before(latest) {
		for _, missed := range append([]time.Time{d.At}, weekly.Missed(d.At, now)...) {
			run, err := r.Store.ClaimRun(ctx, d.Workspace, rep.ID, missed, now, 0)
			if fault.Is(err, fault.Conflict) {
				continue
			}
			if err != nil {
				return err
			}
			run.State = store.RunMissed
			run.From, run.To = weekly.Period(missed)
			if err := r.Store.PutRun(ctx, d.Workspace, &run); err != nil {
				return err
			}
		}
	} else {
		latest = d.At
	}
	if !weekly.Latest(latest).Equal(latest) {
		// The schedule changed after this was filed: what it is now due at is filed too.
		slog.WarnContext(ctx, "report no longer due", "workspace", d.Workspace, "report", rep.ID, "due", social.Stamp(latest))
		return r.Store.DropDue(ctx, d)
	}
	run, err := r.Run(ctx, d.Workspace, rep.ID, latest, true)
	if fault.Is(err, fault.Conflict) && run.State != store.RunClaimed && run.State != store.RunRendered {
		err = nil // it was made before
	}
	if err != nil {
		return err // it stays on the list: a claim that ended is taken over
	}
	return r.Store.DropDue(ctx, d)
}

func (r *Reporting) report(ctx context.Context, w, id string) (store.Report, report.Weekly, store.Workspace, error) {
	ws, err := r.Store.Workspace(ctx, w)
	if err != nil {
		return store.Report{}, report.Weekly{}, ws, err
	}
	rep, err := r.Store.Report(ctx, w, id)
	if err != nil {
		return rep, report.Weekly{}, ws, err
	}
	weekly, err := report.NewWeekly(time.Weekday(rep.Weekday), rep.Hour, rep.Minute, ws.TimeZone)
	return rep, weekly, ws, err
}

// Run makes one run, and mails it or only keeps it. A run that somebody else
// makes or made is an error of kind Conflict, with that run; one that was only
// kept is made again to be mailed. An instant at which the report is never
// due, or that is still to come, is one of kind Invalid.
func (r *Reporting) Run(ctx context.Context, w, id string, due time.Time, mailed bool) (run store.Run, err error) {
	began, issues, leads := time.Now(), 0, 0
	defer func() {
		emf.Work(ctx, "report", w, began, err, "report", id, "due", social.Stamp(due), "state", run.State, "issues", issues, "leads", leads, "mailed", run.Mailed)
	}()
	rep, weekly, ws, err := r.report(ctx, w, id)
	if err != nil {
		return store.Run{}, err
	}
	now := r.Now()
	if !weekly.Latest(due).Equal(due) {
		return store.Run{}, fault.New(fault.Invalid, "%s is never due at %s; the last time before was %s", id, social.Stamp(due), social.Stamp(weekly.Latest(due)))
	}
	if due.After(now) {
		return store.Run{}, fault.New(fault.Invalid, "%s is still to come", social.Stamp(due))
	}
	run, err = r.Store.ClaimRun(ctx, w, id, due, now, lease)
	if mailed && fault.Is(err, fault.Conflict) && run.State == store.RunDone && run.Kept {
		run.State, run.Kept, run.Lease = store.RunClaimed, false, now.Add(lease)
		err = r.Store.PutRun(ctx, w, &run)
	}
	if err != nil {
		return run, err
	}
	html, text, data, err := r.write(ctx, ws, weekly, &run, false)
	if err != nil {
		return run, err
	}
	issues, leads = len(data.Issues), len(data.Leads)
	run.State = store.RunRendered
	if !mailed {
		run.State, run.Kept = store.RunDone, true
	}
	if err := r.Store.PutRun(ctx, w, &run); err != nil {
		return run, err
	}
	if mailed {
		if err := r.mail(ctx, w, &run, rep, ws, html, text); err != nil {
			return run, err
		}
	}
	return run, nil
}

// Remake makes a run anew that was made before, of the facts as they are by
// now, and keeps it; nobody is mailed. The report and the run say which numbers
// are others than when it was first made. A run that is not made yet is an
// error of kind Conflict.
func (r *Reporting) Remake(ctx context.Context, w, id string, due time.Time) (run store.Run, err error) {
	began := time.Now()
	defer func() {
		emf.Work(ctx, "report again", w, began, err, "report", id, "due", social.Stamp(due), "changes", len(run.Changes))
	}()
	_, weekly, ws, err := r.report(ctx, w, id)
	if err != nil {
		return run, err
	}
	if run, err = r.Store.Run(ctx, w, id, due); err != nil {
		return run, err
	}
	if run.Object == "" || run.State == store.RunClaimed || run.State == store.RunRendered {
		return run, fault.New(fault.Conflict, "the run of %s is %s: it can be made anew once it is made", social.Stamp(due), run.State)
	}
	if _, _, _, err := r.write(ctx, ws, weekly, &run, true); err != nil {
		return run, err
	}
	return run, r.Store.PutRun(ctx, w, &run)
}

// write gathers what a run says, and keeps its files. The run notes the numbers
// of the first time; after that the report says which of them changed, and, if
// it is made anew on purpose, that none did.
func (r *Reporting) write(ctx context.Context, ws store.Workspace, weekly report.Weekly, run *store.Run, again bool) (html, text []byte, data report.Data, err error) {
	run.From, run.To = weekly.Period(run.Due)
	before, _ := weekly.Period(run.From)
	if data, err = r.Gather(ctx, ws, run.Report, before, run.From, run.To); err != nil {
		return nil, nil, data, err
	}
	if run.Numbers == nil {
		run.Numbers = map[string]int{}
		for _, n := range data.Numbers() {
			run.Numbers[n.Name] = n.Value
		}
	} else if changes := data.Since(run.Numbers); again || len(changes) > 0 {
		run.Remade, run.Changes = social.Instant(r.Now()), nil
		data.Remade, data.Changes = run.Remade, changes
		for _, c := range changes {
			run.Changes = append(run.Changes, store.RunChange(c))
		}
	}
	run.Object = fmt.Sprintf("reports/%s/%s/%s", ws.ID, run.Report, run.Due.UTC().Format("20060102T150405Z"))
	html, text, err = r.store(ctx, run.Object, data)
	return html, text, data, err
}

// store renders the four forms and keeps them.
func (r *Reporting) store(ctx context.Context, object string, data report.Data) (html, text []byte, err error) {
	files := map[string][]byte{}
	for _, f := range []struct{ ending, contentType string }{
		{"html", "text/html; charset=utf-8"}, {"txt", "text/plain; charset=utf-8"}, {"csv", "text/csv; charset=utf-8"}, {"json", "application/json"},
	} {
		if files[f.ending], err = report.Forms[f.ending](data); err != nil {
			return nil, nil, err
		}
		if err := r.Put(ctx, object+"."+f.ending, f.contentType, files[f.ending]); err != nil {
			return nil, nil, err
		}
	}
	return files["html"], files["txt"], nil
}
