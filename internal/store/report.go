package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Report is a report that a workspace gets regularly.
type Report struct {
	ID         string
	Name       string
	Weekday    int // 0 Sunday to 6 Saturday
	Hour       int
	Minute     int
	Recipients []string
	Left       []string // hashes of addresses that were recipients and unsubscribed
	Created    time.Time
	Version    int64 // of the item as it was read; 0: none was
}

type reportItem struct {
	PK, SK                string
	ID, Name              string
	Weekday, Hour, Minute int
	Recipients, Left      []string `dynamodbav:",omitempty"`
	Created               string
	Version               int64
}

func (r Report) item(w string) reportItem {
	return reportItem{PK: workspacePK(w), SK: "R#" + r.ID, ID: r.ID, Name: r.Name, Weekday: r.Weekday, Hour: r.Hour, Minute: r.Minute,
		Recipients: r.Recipients, Left: r.Left, Created: social.Stamp(r.Created), Version: nextVersion(r.Version)}
}

// PutReport creates or replaces a report and files when it is due next.
func (s *Store) PutReport(ctx context.Context, w string, r Report, due time.Time) error {
	if err := s.put(ctx, r.item(w)); err != nil {
		return err
	}
	return s.FileDue(ctx, w, r.ID, due)
}

// ReplaceReport is PutReport on condition that the report is as it was read,
// by r.Version; else its error is of kind Conflict.
func (s *Store) ReplaceReport(ctx context.Context, w string, r Report, due time.Time) error {
	if err := s.putVersion(ctx, r.item(w), r.Version); err != nil {
		return err
	}
	return s.FileDue(ctx, w, r.ID, due)
}

// PutRecipients gives a report that was read other recipients. One that is
// gone, or was changed since, is an error of kind Conflict.
func (s *Store) PutRecipients(ctx context.Context, w string, r Report, recipients, left []string) error {
	r.Recipients, r.Left = recipients, left
	return s.putVersion(ctx, r.item(w), r.Version)
}

func (it reportItem) report() (Report, error) {
	t, err := social.ParseStamp(it.Created)
	return Report{ID: it.ID, Name: it.Name, Weekday: it.Weekday, Hour: it.Hour, Minute: it.Minute, Recipients: it.Recipients, Left: it.Left, Created: t, Version: it.Version}, err
}

// Report returns one report.
func (s *Store) Report(ctx context.Context, w, id string) (Report, error) {
	var it reportItem
	if err := s.get(ctx, key{workspacePK(w), "R#" + id}, &it); err != nil {
		return Report{}, fmt.Errorf("report %s: %w", id, err)
	}
	return it.report()
}

// DeleteReport takes a report away; one that is gone is an error of kind NotFound.
func (s *Store) DeleteReport(ctx context.Context, w, id string) error {
	return s.deleteThere(ctx, key{workspacePK(w), "R#" + id}, "report")
}

// Reports lists a workspace's reports by id.
func (s *Store) Reports(ctx context.Context, w string) ([]Report, error) {
	items, err := all[reportItem](ctx, s, query{pk: workspacePK(w), prefix: "R#", most: maxReports})
	if err != nil {
		return nil, err
	}
	out := make([]Report, len(items))
	for i, it := range items {
		if out[i], err = it.report(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Due is an instant at which a report is due.
type Due struct {
	Workspace string    `json:"workspace"`
	Report    string    `json:"report"`
	At        time.Time `json:"at"`
}

type dueItem struct {
	PK, SK, G3PK, G3SK string

	Schema            int
	Workspace, Report string
	At                string
}

// FileDue files when a report is due.
func (s *Store) FileDue(ctx context.Context, w, report string, at time.Time) error {
	return s.put(ctx, dueItem{PK: workspacePK(w), SK: dueSK(at, report), G3PK: dueG3(dueReport, w), G3SK: dueAt(at, w, report), Schema: 1, Workspace: w, Report: report, At: social.Stamp(at)})
}

// DropDue takes a filed instant off the list.
func (s *Store) DropDue(ctx context.Context, d Due) error {
	return s.delete(ctx, key{workspacePK(d.Workspace), dueSK(d.At, d.Report)})
}

// DueBy lists what is due by now, oldest first, at most limit.
func (s *Store) DueBy(ctx context.Context, now time.Time, limit int) ([]Due, error) {
	items, err := dueBy[dueItem](ctx, s, dueReport, now, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Due, len(items))
	for i, it := range items {
		t, err := social.ParseStamp(it.At)
		if err != nil {
			return nil, err
		}
		out[i] = Due{it.Workspace, it.Report, t}
	}
	return out, nil
}

// States of a run.
const (
	RunClaimed  = "claimed"  // somebody works on it, until the lease ends
	RunRendered = "rendered" // stored; the mail is not begun
	RunSending  = "sending"  // the mail was begun: if it stays so, nobody knows whether it was sent
	RunDone     = "done"     // stored, and mailed to whoever is to have it
	RunMissed   = "missed"   // an outage; a later run was made instead
	RunUnmailed = "unmailed" // stored; the mail was refused
)

// RunStates lists them all.
var RunStates = []string{RunClaimed, RunRendered, RunSending, RunDone, RunMissed, RunUnmailed}

// Run is one due instant of one report.
type Run struct {
	Report   string
	Due      time.Time
	State    string
	Lease    time.Time      // until when a claim holds
	AsOf     time.Time      // the newest fact it could cover: the end of its period
	From, To time.Time      // its period
	Object   string         // the key of its files, without the ending
	Problem  string         // what went wrong with the mail
	Mailed   int            // recipients
	Told     []string       // hashes of the addresses whose mail was begun: nobody sends to them again
	Kept     bool           // it was asked for by hand, to be kept only: it may still be mailed
	Numbers  map[string]int // that the report gave when it was first made
	Remade   time.Time      // when it was last made anew; zero: never
	Changes  []RunChange    // of those numbers by then
	Version  int64
}

// RunChange is a number of a report that is another since it was first made.
type RunChange struct {
	Name    string
	Was, Is int
}

type runItem struct {
	PK, SK   string
	Report   string
	Due      string
	State    string
	Lease    string
	From, To string         `dynamodbav:",omitempty"`
	Object   string         `dynamodbav:",omitempty"`
	Problem  string         `dynamodbav:",omitempty"`
	Mailed   int            `dynamodbav:",omitempty"`
	Told     []string       `dynamodbav:",omitempty"`
	Kept     bool           `dynamodbav:",omitempty"`
	Numbers  map[string]int `dynamodbav:",omitempty"`
	Remade   string         `dynamodbav:",omitempty"`
	Changes  []RunChange    `dynamodbav:",omitempty"`
	Version  int64
}

func (it runItem) run() (Run, error) {
	r := Run{Report: it.Report, State: it.State, Object: it.Object, Problem: it.Problem, Mailed: it.Mailed, Told: it.Told, Kept: it.Kept,
		Numbers: it.Numbers, Changes: it.Changes, Version: it.Version}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&r.Due, it.Due}, {&r.Lease, it.Lease}, {&r.From, it.From}, {&r.To, it.To}, {&r.Remade, it.Remade}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return r, err
		}
		*x.to = t
	}
	r.AsOf = r.To
	return r, nil
}

// ClaimRun claims a run for the length of a lease: one that is new, or one
// whose claimant's lease ended before its mail was begun. Anything else is an
// error of kind Conflict.
func (s *Store) ClaimRun(ctx context.Context, w, report string, due, now time.Time, lease time.Duration) (Run, error) {
	r := Run{Report: report, Due: due, State: RunClaimed, Lease: now.Add(lease)}
	_, err := s.putNew(ctx, r.item(w))
	if err == nil {
		r.Version = 1
		return r, nil
	}
	if !errors.Is(err, errExists) {
		return r, err
	}
	there, err := s.Run(ctx, w, report, due)
	if err != nil {
		return r, err
	}
	if there.State != RunClaimed && there.State != RunRendered || !there.Lease.Before(now) {
		return there, fault.New(fault.Conflict, "the run of %s is %s", social.Stamp(due), there.State)
	}
	there.Lease = now.Add(lease)
	if err := s.PutRun(ctx, w, &there); err != nil {
		return there, err
	}
	return there, nil
}

func (r Run) item(w string) runItem {
	it := runItem{PK: runPK(w, r.Report), SK: social.Stamp(r.Due), Report: r.Report, Due: social.Stamp(r.Due), State: r.State,
		Object: r.Object, Problem: r.Problem, Mailed: r.Mailed, Told: r.Told, Kept: r.Kept,
		Numbers: r.Numbers, Changes: r.Changes, Version: r.Version + 1}
	if !r.Remade.IsZero() {
		it.Remade = social.Stamp(r.Remade)
	}
	if !r.Lease.IsZero() {
		it.Lease = social.Stamp(r.Lease)
	}
	if !r.To.IsZero() {
		it.From, it.To = social.Stamp(r.From), social.Stamp(r.To)
	}
	return it
}

// PutRun writes a run whose Version is the one read before, and counts it up.
func (s *Store) PutRun(ctx context.Context, w string, r *Run) error {
	if err := s.putVersion(ctx, r.item(w), r.Version); err != nil {
		return err
	}
	r.Version++
	return nil
}

// Run returns one run.
func (s *Store) Run(ctx context.Context, w, report string, due time.Time) (Run, error) {
	var it runItem
	if err := s.get(ctx, key{runPK(w, report), social.Stamp(due)}, &it); err != nil {
		return Run{}, fmt.Errorf("run %s of %s: %w", social.Stamp(due), report, err)
	}
	return it.run()
}

// Runs lists a report's runs, newest first, before the given instant (""), at most limit.
func (s *Store) Runs(ctx context.Context, w, report, after string, limit int) ([]Run, string, error) {
	items, err := all[runItem](ctx, s, query{pk: runPK(w, report), after: after, descending: true, limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]Run, len(items))
	last := after
	for i, it := range items {
		if out[i], err = it.run(); err != nil {
			return nil, "", err
		}
		last = it.SK
	}
	return out, last, nil
}
