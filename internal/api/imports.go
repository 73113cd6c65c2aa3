package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/contacts"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
)

// ImportRow is a row of a list as it was sent: what is wrong with it is said in the answer.
type ImportRow struct{ json.RawMessage }

// Schema is what huma asks of a type that is not described by its fields.
func (ImportRow) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// NewImport is a part of a list.
type NewImport struct {
	Source string      `json:"source,omitempty" enum:"import,crm" default:"import" doc:"Where what is known of contacts is from: a CRM's word counts more than a file's"`
	DryRun bool        `json:"dry_run,omitempty" doc:"Only say what would become of each row"`
	Rows   []ImportRow `json:"rows" minItems:"1" maxItems:"100" doc:"Each with contact, activities or outcomes, as docs/import.md describes them"`
}

// ImportedRow is what became of a row.
type ImportedRow struct {
	Row     int          `json:"row" minimum:"1" doc:"Its place in the request, from 1"`
	Result  string       `json:"result" enum:"imported,known,unknown_person,refused" doc:"imported: something of it was new, or would be. known: all of it was there. unknown_person: an outcome of somebody of whom nothing is known. refused: errors says why, and nothing of it was stored"`
	Account string       `json:"account,omitempty" doc:"Of the contact"`
	Person  string       `json:"person,omitempty" doc:"Whose account it is"`
	Stored  int          `json:"stored,omitempty" doc:"How many facts were new, or would be"`
	Told    []string     `json:"told,omitempty" doc:"What was left out or decided, for somebody to look at"`
	Errors  []FieldError `json:"errors,omitempty" doc:"Of what was refused: what is wrong"`
}

// ImportedRows is what became of a part of a list, row by row.
type ImportedRows struct {
	Rows []ImportedRow `json:"rows" doc:"In the order of the request"`
}

type importIn struct {
	InWorkspace
	Body NewImport
}

const (
	maxImportBody = 1 << 20   // bytes
	maxImportPart = 150 << 10 // bytes of activities that are queued together
)

func (s *service) imports(api huma.API) {
	members(s, api, social.Analyst, huma.Operation{OperationID: "import-rows", Method: http.MethodPost, Path: "/imports/rows", Tags: []string{"activities"}, Summary: "Import contacts, activities and outcomes, up to 100 rows at a time",
		Description: "The answer says row by row what became of each; one that is wrong stops no other. What is there already is not stored again, so that rows can be sent again. " +
			"A contact is an account; without a platform's id it is one of the platform standard, in the scope import, named by its e-mail or phone. What is known of it is stored as attributes. " +
			"Activities are stored a moment later; nothing of an import is announced, and reports that were made before it stay as they are until they are made again. " +
			"Who was forgotten is not imported again.",
		MaxBodyBytes: maxImportBody, DefaultStatus: http.StatusOK}, s.importRows)
}

// importing is a row on its way.
type importing struct {
	row     contacts.Row
	answer  *ImportedRow
	account string         // of the contact; ""
	told    []profile.Fact // of it, those that are new
	facts   []social.Activity
	made    []store.Outcome
	of      []store.Person // of the outcomes
}

func (i *importing) refuse(format string, args ...any) {
	i.answer.Result, i.answer.Errors = "refused", append(i.answer.Errors, FieldError{Location: fmt.Sprintf("body.rows[%d]", i.answer.Row-1), Detail: fmt.Sprintf(format, args...)})
}

func (i *importing) ok() bool { return i.answer.Result == "" }

func (s *service) importRows(ctx context.Context, w string, in *importIn) (*Out[ImportedRows], error) {
	out := ImportedRows{Rows: make([]ImportedRow, len(in.Body.Rows))}
	now := social.Instant(s.begun(ctx))
	rows := make([]*importing, len(out.Rows))
	for i, raw := range in.Body.Rows {
		out.Rows[i] = ImportedRow{Row: i + 1}
		rows[i] = &importing{answer: &out.Rows[i]}
		rows[i].read(raw.RawMessage, now)
	}
	if err := s.withoutErased(ctx, w, rows); err != nil {
		return nil, err
	}
	// One after the other where a row needs what one before it stored.
	known := map[string]bool{} // accounts that rows before bring
	for _, i := range rows {
		if i.account != "" && i.ok() {
			known[i.account] = true
		}
	}
	source := profile.Source(cmp.Or(in.Body.Source, string(profile.Import)))
	errs := parallel.Each(ctx, len(rows), 16, func(n int) error {
		if !rows[n].ok() {
			return nil
		}
		return s.lookImport(ctx, w, rows[n], source, known, now)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if !in.Body.DryRun {
		if err := s.storeImport(ctx, w, rows, now); err != nil {
			return nil, err
		}
	}
	return &Out[ImportedRows]{out}, s.namePersons(ctx, w, rows)
}

// read reads a row as it was sent.
func (i *importing) read(raw []byte, now time.Time) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var row contacts.Row
	if err := d.Decode(&row); err != nil {
		i.refuse("it can't be read as contact, activities and outcomes: %s", strings.TrimPrefix(err.Error(), "json: "))
		return
	}
	row, told, err := contacts.Checked(row, now)
	i.row, i.answer.Told = row, told
	if err != nil {
		i.refuse("%s", err)
		return
	}
	if row.Contact != nil {
		i.account = row.Contact.Ref().AccountID()
		i.onPlatform(row.Contact.Platform)
	}
	for _, a := range row.Activities {
		i.onPlatform(a.Platform)
		fact, err := a.Fact()
		if err == nil {
			fact.Known = now
			err = ingest.CheckImported(fact)
		}
		if err != nil {
			i.refuse("%s", err)
			return
		}
		i.facts = append(i.facts, fact)
	}
}

// onPlatform refuses a platform that there is not.
func (i *importing) onPlatform(name string) {
	if _, err := all.Find(social.Platform(name)); err != nil {
		i.refuse("there is no platform %.40q: docs/platforms lists them, and standard is any other", name)
	}
}

// accounts are those that a row tells of.
func (i *importing) accounts() (out []string) {
	if i.account != "" {
		out = append(out, i.account)
	}
	for _, a := range i.facts {
		out = append(out, a.Account().AccountID())
	}
	for _, o := range i.row.Outcomes {
		if o.Person == "" {
			out = append(out, o.Ref().AccountID())
		}
	}
	return out
}

// withoutErased refuses rows of accounts that were forgotten.
func (s *service) withoutErased(ctx context.Context, w string, rows []*importing) error {
	var asked []string
	for _, i := range rows {
		asked = append(asked, i.accounts()...)
	}
	slices.Sort(asked)
	erased, err := s.Erased(ctx, w, slices.Compact(asked))
	if err != nil {
		return err
	}
	for _, i := range rows {
		for _, a := range i.accounts() {
			if at, ok := erased[a]; ok && i.ok() {
				i.refuse("the account was forgotten on %s, as its person wished: take the row out of the list", at.Format(time.DateOnly))
			}
		}
	}
	return nil
}

// lookImport finds out what of a row is new.
func (s *service) lookImport(ctx context.Context, w string, i *importing, source profile.Source, comes map[string]bool, now time.Time) error {
	if i.account != "" {
		if err := s.lookContact(ctx, w, i, source, now); err != nil {
			return err
		}
	}
	var fresh []social.Activity
	for n, a := range i.facts {
		there, err := s.twin(ctx, w, a, i.row.Activities[n].Within())
		if err != nil {
			return err
		}
		if !there {
			fresh = append(fresh, a)
		}
	}
	i.facts = fresh
	for _, o := range i.row.Outcomes {
		if err := s.lookOutcome(ctx, w, i, o, comes); err != nil {
			return err
		}
	}
	if i.answer.Stored += len(i.facts); !i.ok() {
		return nil
	}
	if i.answer.Result = "known"; i.answer.Stored > 0 {
		i.answer.Result = "imported"
	}
	return nil
}

// toldAgain is for how long what a source told is not told again by it: a list
// that says two things of one contact would else tell both anew each time it is imported.
const toldAgain = 24 * time.Hour

// lookContact finds out what of a contact is new: what its source does not say already.
func (s *service) lookContact(ctx context.Context, w string, i *importing, source profile.Source, now time.Time) error {
	_, err := s.Store.Account(ctx, w, i.account)
	if fault.Is(err, fault.NotFound) {
		i.answer.Stored++
	} else if err != nil {
		return err
	}
	of, err := s.Store.AttributesOf(ctx, w, i.account)
	if err != nil {
		return err
	}
	said := map[string]profile.Fact{} // by this source, the newest of each name
	lately := map[[2]string]bool{}    // names and values
	for _, f := range of[0].Facts {
		if f.Source != source {
			continue
		}
		if o, ok := said[f.Name]; !ok || f.At.After(o.At) || f.At.Equal(o.At) && f.ID > o.ID {
			said[f.Name] = f
		}
		if now.Sub(f.Known) < toldAgain {
			lately[[2]string{f.Name, f.Value}] = true
		}
	}
	by := callerOf(ctx).Key.ID
	if caller := callerOf(ctx); !caller.machine() {
		by = store.MemberID(caller.Subject)
	}
	for _, t := range i.row.Contact.Tells() {
		was := said[t.Name]
		f, err := profile.Read(profile.Fact{ID: social.HashID("imp", social.Key(i.account, string(source), t.Name, t.Value, was.ID)), Name: t.Name, Kind: t.Kind, Value: t.Value,
			Source: source, At: now, Known: now, By: by})
		if wrong := (profile.Wrong{}); errors.As(err, &wrong) {
			i.answer.Told = append(i.answer.Told, fmt.Sprintf("%s is left out: its %s", t.Name, wrong))
			continue
		}
		if err != nil {
			return err
		}
		if (was.Value != f.Value || was.Kind != f.Kind) && !lately[[2]string{f.Name, f.Value}] {
			i.told = append(i.told, f)
		}
	}
	if len(of[0].Facts)+len(i.told) > store.MaxAttributes || len(i.told) > store.MaxTold {
		i.refuse("its contact has too many attributes: %d were told before, and of one account at most %d are kept, %d at once", len(of[0].Facts), store.MaxAttributes, store.MaxTold)
	}
	i.answer.Stored += len(i.told)
	return nil
}

// maxTwins bounds how many activities of an account within a minute are looked at.
const maxTwins = 100

// twin reports whether an activity is there already: itself, or the same event
// by a webhook, whose clock tells more.
func (s *service) twin(ctx context.Context, w string, a social.Activity, within time.Duration) (bool, error) {
	_, err := s.Store.Activity(ctx, w, store.RefOf(a))
	if err == nil || !fault.Is(err, fault.NotFound) {
		return err == nil, err
	}
	if a.Undated {
		return false, nil
	}
	near, err := s.Store.OwnFrom(ctx, w, a.Account().AccountID(), a.Occurred, a.Occurred.Add(within-time.Millisecond), false, maxTwins)
	for _, b := range near {
		if b.Type == a.Type && b.Scope == a.Scope && (a.Object.ID == "" || a.Object.ID == b.Object.ID) {
			return true, err
		}
	}
	return false, err
}

// lookOutcome finds out with whom it came out so.
func (s *service) lookOutcome(ctx context.Context, w string, i *importing, o contacts.Outcome, comes map[string]bool) error {
	made, wrong := s.outcomeOf(ctx, NewOutcome{ID: o.ID, Kind: o.Kind, At: o.At, Value: o.Value, Currency: o.Currency})
	for _, x := range wrong {
		i.refuse("the outcome's %s %s", x.Location, x.Detail)
	}
	if len(wrong) > 0 {
		return nil
	}
	person := o.Person
	if person == "" {
		account := o.Ref().AccountID()
		person = social.PersonID(account)
		if !comes[account] {
			if _, err := s.Store.Account(ctx, w, account); fault.Is(err, fault.NotFound) {
				i.answer.Result = "unknown_person"
				i.answer.Told = append(i.answer.Told, fmt.Sprintf("nothing is known of %s: import contacts or activities first", social.Excerpt(cmp.Or(o.Email, o.Account), 60)))
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	of, err := s.Leads.Person(ctx, w, person)
	if fault.Is(err, fault.NotFound) {
		i.answer.Result = "unknown_person"
		return nil
	}
	if err != nil {
		return err
	}
	made.Account = leads.AccountFor(person, of)
	was, err := s.Store.Outcome(ctx, w, made.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		i.made, i.of = append(i.made, made), append(i.of, of)
		i.answer.Stored++
	case err != nil:
		return err
	case was.Kind != made.Kind || !was.At.Equal(made.At) || was.Value != made.Value || was.Currency != made.Currency:
		i.refuse("another outcome has the id %s: give each its own", made.ID)
	}
	return nil
}

// storeImport stores what is new: contacts first, since outcomes need them.
func (s *service) storeImport(ctx context.Context, w string, rows []*importing, now time.Time) error {
	ctx = store.WithLine(ctx, nil) // the request's line is written by itself: it is about many
	errs := parallel.Each(ctx, len(rows), 16, func(n int) error {
		i := rows[n]
		if i.account == "" || i.answer.Result != "imported" {
			return nil
		}
		ref := i.row.Contact.Ref()
		err := s.Store.PutAccount(ctx, w, social.Activity{Platform: ref.Platform, Actor: social.Actor{ID: ref.ID, Scope: ref.Scope}})
		if err != nil || len(i.told) == 0 {
			return err
		}
		_, failed := s.Store.PutAttributes(ctx, w, profile.Of{Account: i.account, Facts: i.told})
		return errors.Join(failed...)
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var decided, told []string
	var body []byte
	flush := func() error {
		if len(body) == 0 {
			return nil
		}
		d := ingest.Imported(w, platform.Delivery{Received: now, Request: platform.Request{Method: http.MethodPost, Body: body}})
		body = nil
		return s.Import(ctx, d)
	}
	for _, i := range rows {
		if i.answer.Result != "imported" {
			continue
		}
		if len(i.told) > 0 {
			decided, told = append(decided, i.account), append(told, i.account)
		}
		for n, o := range i.made {
			was, _, err := s.Store.PutOutcome(ctx, w, i.of[n], o)
			if err != nil {
				return err
			}
			decided = append(decided, was.Account)
		}
		for _, a := range i.facts {
			line, err := json.Marshal(a.ToLine())
			if err != nil {
				return err
			}
			if len(body)+len(line) > maxImportPart {
				if err := flush(); err != nil {
					return err
				}
			}
			body = append(append(body, line...), '\n')
		}
	}
	if err := errors.Join(flush(), s.decidedAbout(ctx, w, decided...)); err != nil {
		return err
	}
	// Whom they are one person with is looked for once all is stored.
	for part := range slices.Chunk(told, matchedAtOnce) {
		if err := s.Score(ctx, ingest.Score{Workspace: w, Match: part}); err != nil {
			return err
		}
	}
	return nil
}

// matchedAtOnce is how many contacts one message has compared with others.
const matchedAtOnce = 10

// namePersons says whose the contacts' accounts are.
func (s *service) namePersons(ctx context.Context, w string, rows []*importing) error {
	var of []*importing
	var accounts []string
	for _, i := range rows {
		if i.account != "" && i.answer.Result != "refused" {
			of, accounts = append(of, i), append(accounts, i.account)
		}
	}
	if len(of) == 0 {
		return nil
	}
	ids, err := s.Store.PersonIDs(ctx, w, accounts)
	if err != nil {
		return err
	}
	for n, i := range of {
		i.answer.Account, i.answer.Person = i.account, ids[n]
	}
	return nil
}
