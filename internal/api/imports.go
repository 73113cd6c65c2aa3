package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/contacts"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/limit"
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
	Result  string       `json:"result" enum:"imported,known,unknown_person,refused" doc:"imported: something of it was new, or would be. known: all of it was there. unknown_person: an outcome of it is of somebody of whom nothing is known, and was left out; what else it says was stored. refused: errors says why, and nothing of it was stored"`
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
			"Activities count towards the month's limit: where not all of a request fit, it is answered 429, and nothing of it was stored. " +
			"Who was forgotten is not imported again, nor what they did until then.",
		MaxBodyBytes: maxImportBody, DefaultStatus: http.StatusOK}, s.importRows)
}

// importing is a row on its way.
type importing struct {
	row      contacts.Row
	answer   *ImportedRow
	account  string            // of the contact; ""
	fresh    bool              // it is not known
	told     []profile.Fact    // of it, those that are new
	facts    []social.Activity // those that are new
	again    []social.Activity // those that are there as a platform told them: noted in what is there when they are stored
	outcomes []*importedOutcome
	unknown  bool // an outcome was left out, since nothing is known of its person
}

type importedOutcome struct {
	store.Outcome
	of     store.Person
	who    string // with whom, as the row says it
	absent bool   // nothing is known of its account, unless a row brings it
	known  bool   // it is there
	failed error  // why it could not be stored
}

func (i *importing) refuse(format string, args ...any) {
	i.answer.Result, i.answer.Stored = "refused", 0
	i.answer.Errors = append(i.answer.Errors, FieldError{Location: fmt.Sprintf("body.rows[%d]", i.answer.Row-1), Detail: fmt.Sprintf(format, args...)})
}

func (i *importing) ok() bool { return i.answer.Result != "refused" }

func (i *importing) tell(format string, args ...any) {
	i.answer.Told = append(i.answer.Told, fmt.Sprintf(format, args...))
}

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
	source := profile.Source(cmp.Or(in.Body.Source, string(profile.Import)))
	told := &ingest.Told{}
	errs := parallel.Each(ctx, len(rows), 16, func(n int) error {
		if !rows[n].ok() {
			return nil
		}
		return s.lookImport(ctx, w, rows[n], source, told, now)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sameOutcomes(rows)
	// From here on no row is refused for what stands in it: what one brings, another can trust.
	comes := map[string]social.AccountRef{}
	for _, i := range rows {
		if !i.ok() {
			continue
		}
		if i.account != "" {
			comes[i.account] = i.row.Contact.Ref()
		}
		for _, a := range i.facts {
			comes[a.Account().AccountID()] = a.Account()
		}
	}
	fresh := 0 // activities
	for _, i := range rows {
		if i.ok() {
			i.settle(comes)
			fresh += len(i.facts)
		}
	}
	if !in.Body.DryRun {
		if fresh > 0 {
			// Counted here and not when they are stored: who was told that they are imported need not look again.
			if err := s.Store.Ask(ctx, w, limit.Activities, fresh, termsOf(ctx).Limits.Most(limit.Activities), s.Now()); err != nil {
				return nil, err
			}
		}
		if err := s.storeImport(ctx, w, rows, comes, now); err != nil {
			return nil, err
		}
	}
	return &Out[ImportedRows]{out}, s.namePersons(ctx, w, rows)
}

// settle leaves out the outcomes of those of whom nothing is known and whom no
// row brings, and says what is new of the row.
func (i *importing) settle(comes map[string]social.AccountRef) {
	i.outcomes = slices.DeleteFunc(i.outcomes, func(o *importedOutcome) bool {
		if _, ok := comes[o.Account]; ok || !o.absent {
			return false
		}
		i.leaveOut(o.who)
		return true
	})
	i.answer.Stored = len(i.told) + len(i.facts)
	if i.fresh {
		i.answer.Stored++
	}
	for _, o := range i.outcomes {
		if !o.known {
			i.answer.Stored++
		}
	}
	i.conclude()
}

func (i *importing) leaveOut(who string) {
	i.unknown = true
	i.tell("an outcome is left out, since nothing is known of %s: import a contact or activities first, then this again", social.Excerpt(who, 60))
}

func (i *importing) conclude() {
	switch {
	case i.unknown:
		i.answer.Result = "unknown_person"
	case i.answer.Stored > 0:
		i.answer.Result = "imported"
	default:
		i.answer.Result = "known"
	}
}

// sameOutcomes refuses rows of which an outcome has the id of another one
// before it. The same outcome is one, however often it stands there.
func sameOutcomes(rows []*importing) {
	seen := map[string]*importedOutcome{}
	for _, i := range rows {
		if !i.ok() {
			continue
		}
		own := map[string]*importedOutcome{}
		var again []*importedOutcome
		for _, o := range i.outcomes {
			first, there := seen[o.ID]
			if !there {
				first, there = own[o.ID]
			}
			switch {
			case !there:
				own[o.ID] = o
			case !sameOutcome(first.Outcome, o.Outcome) || first.of.ID != o.of.ID:
				i.refuse("another outcome of the request has the id %s: give each its own", o.ID)
			default:
				again = append(again, o)
			}
		}
		if i.ok() {
			for _, o := range again {
				o.known = true
			}
			maps.Copy(seen, own)
		}
	}
}

func sameOutcome(a, b store.Outcome) bool {
	return a.Kind == b.Kind && a.At.Equal(b.At) && a.Value == b.Value && a.Currency == b.Currency
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
			if fact.Known = now; fact.Undated {
				fact.Occurred = now
			}
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
		out = append(out, social.AccountOf(personOf(o)))
	}
	return out
}

// personOf is the id of the person an outcome is of, as it is named.
func personOf(o contacts.Outcome) string {
	return cmp.Or(o.Person, social.PersonID(o.Ref().AccountID()))
}

// withoutErased leaves out what was done until its account was forgotten, as
// ingest does, and refuses contacts of whom nothing is known since.
func (s *service) withoutErased(ctx context.Context, w string, rows []*importing) error {
	var asked []string
	for _, i := range rows {
		if i.ok() {
			asked = append(asked, i.accounts()...)
		}
	}
	slices.Sort(asked)
	asked = slices.Compact(asked)
	erased, err := s.Erased(ctx, w, asked)
	if err != nil || len(erased) == 0 {
		return err
	}
	back := map[string]bool{} // accounts that are known again
	for _, a := range asked {
		if _, ok := erased[a]; !ok {
			continue
		}
		_, err := s.Store.Account(ctx, w, a)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		back[a] = err == nil
	}
	for _, i := range rows {
		if i.ok() {
			i.withoutErased(erased, back)
		}
	}
	return nil
}

func (i *importing) withoutErased(erased map[string]time.Time, back map[string]bool) {
	var last time.Time // as of when those were forgotten of whom something is left out
	since := false     // the row tells something that the contact did since
	until := func(account string, at time.Time, undated bool) bool {
		gone, ok := erased[account]
		if ok && ingest.Forgotten(gone, at, undated) {
			last = gone
			return true
		}
		since = since || account == i.account
		return false
	}
	const leftOut = "%s of an account that was forgotten on %s is left out: it is of before"
	i.facts = slices.DeleteFunc(i.facts, func(a social.Activity) bool {
		gone := until(a.Account().AccountID(), a.Occurred, a.Undated)
		if gone {
			i.tell(leftOut, "an activity", last.Format(time.DateOnly))
		}
		return gone
	})
	i.row.Outcomes = slices.DeleteFunc(i.row.Outcomes, func(o contacts.Outcome) bool {
		at, err := time.Parse(time.RFC3339Nano, o.At)
		gone := err == nil && until(social.AccountOf(personOf(o)), at, false)
		if gone {
			i.tell(leftOut, "an outcome", last.Format(time.DateOnly))
		}
		return gone
	})
	gone, ok := erased[i.account]
	switch {
	case ok && !back[i.account] && !since:
		i.refuse("its account was forgotten on %s, and nothing is known of it since: take the row out of the list", gone.Format(time.DateOnly))
	case !last.IsZero() && i.account == "" && len(i.facts)+len(i.row.Outcomes) == 0:
		i.refuse("its account was forgotten on %s, and what it tells is of before: take the row out of the list", last.Format(time.DateOnly))
	}
}

// lookImport finds out what of a row is new, and whether it can be taken.
func (s *service) lookImport(ctx context.Context, w string, i *importing, source profile.Source, told *ingest.Told, now time.Time) error {
	if i.account != "" {
		if err := s.lookContact(ctx, w, i, source, now); err != nil {
			return err
		}
	}
	all := i.facts
	i.facts = nil
	for _, a := range all {
		_, err := s.Store.Activity(ctx, w, store.RefOf(a))
		if err == nil {
			continue
		}
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		twins, err := s.Store.Twins(ctx, w, a)
		switch {
		case err != nil:
			return err
		case len(twins) == 1 && twins[0].Taken:
		case told.Stands(a, twins):
			i.again = append(i.again, a)
		default:
			i.facts = append(i.facts, a)
		}
	}
	for _, o := range i.row.Outcomes {
		if err := s.lookOutcome(ctx, w, i, o); err != nil {
			return err
		}
	}
	return nil
}

// toldAgain is for how long what a source told is not told again by it: a list
// that says two things of one contact would else tell both anew each time it is imported.
const toldAgain = 24 * time.Hour

// lookContact finds out what of a contact is new: what its source does not say
// already, and does not hold by a source that is trusted as much or more.
func (s *service) lookContact(ctx context.Context, w string, i *importing, source profile.Source, now time.Time) error {
	ref, err := s.Store.Account(ctx, w, i.account)
	if i.fresh = fault.Is(err, fault.NotFound); err != nil && !i.fresh {
		return err
	}
	of, err := s.Store.AttributesOf(ctx, w, i.account)
	if err != nil {
		return err
	}
	holds := map[[2]string]bool{} // names and values that need not be told
	if !i.fresh {
		// What a less trusted source told is told by this one all the same: its word counts more.
		trusted := profile.Of{Account: i.account, Facts: slices.DeleteFunc(slices.Clone(of[0].Facts), func(f profile.Fact) bool {
			return slices.Index(profile.Sources, f.Source) > slices.Index(profile.Sources, source)
		})}
		c := contacts.Exported(ref, profile.Holding([]profile.Of{trusted}, now), social.Actor{})
		if source == profile.Import { // an export has the names that accounts show, where nobody told others
			if c, err = s.contactOf(ctx, w, store.Account{ID: i.account, AccountRef: ref}, trusted, now); err != nil {
				return err
			}
		}
		for _, t := range c.Tells() {
			holds[[2]string{t.Name, t.Value}] = true
		}
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
	by := callerOf(ctx).by()
	for _, t := range i.row.Contact.Tells() {
		was := said[t.Name]
		f, err := profile.Read(profile.Fact{ID: social.HashID("imp", social.Key(i.account, string(source), t.Name, t.Value, was.ID)), Name: t.Name, Kind: t.Kind, Value: t.Value,
			Source: source, At: now, Known: now, By: by})
		if wrong := (profile.Wrong{}); errors.As(err, &wrong) {
			i.tell("%s is left out: its %s", t.Name, wrong)
			continue
		}
		if err != nil {
			return err
		}
		if key := [2]string{f.Name, f.Value}; (was.Value != f.Value || was.Kind != f.Kind) && !lately[key] && !holds[key] {
			i.told = append(i.told, f)
		}
	}
	if len(of[0].Facts)+len(i.told) > store.MaxAttributes || len(i.told) > store.MaxTold {
		i.refuse("its contact has too many attributes: %d were told before, and of one account at most %d are kept, %d at once", len(of[0].Facts), store.MaxAttributes, store.MaxTold)
	}
	return nil
}

// lookOutcome finds out with whom it came out so, and whether that is known.
func (s *service) lookOutcome(ctx context.Context, w string, i *importing, o contacts.Outcome) error {
	made, wrong := s.outcomeOf(ctx, NewOutcome{ID: o.ID, Kind: o.Kind, At: o.At, Value: o.Value, Currency: o.Currency})
	for _, x := range wrong {
		i.refuse("the outcome's %s %s", x.Location, x.Detail)
	}
	if len(wrong) > 0 {
		return nil
	}
	person, who := personOf(o), cmp.Or(o.Person, o.Email, o.Account)
	of, err := s.Leads.Person(ctx, w, person)
	if fault.Is(err, fault.NotFound) {
		i.unknown = true
		i.tell("the outcome of %s is left out: %s", social.Excerpt(who, 60), fault.Message(err))
		return nil
	}
	if err != nil {
		return err
	}
	made.Account = leads.AccountFor(person, of)
	x := &importedOutcome{Outcome: made, of: of, who: who}
	i.outcomes = append(i.outcomes, x)
	was, err := s.Store.Outcome(ctx, w, made.ID)
	switch {
	case err == nil && !(sameOutcome(was, made) && slices.Contains(of.Accounts, was.Account)):
		i.refuse("another outcome has the id %s: give each its own", made.ID)
		return nil
	case err == nil:
		x.Outcome, x.known = was, true
		return nil
	case !fault.Is(err, fault.NotFound):
		return err
	}
	_, err = s.Store.Account(ctx, w, made.Account)
	if x.absent = fault.Is(err, fault.NotFound); x.absent {
		return nil
	}
	return err
}

// storeImport stores what is new: accounts first, since outcomes need them.
func (s *service) storeImport(ctx context.Context, w string, rows []*importing, comes map[string]social.AccountRef, now time.Time) error {
	ctx = store.WithLine(ctx, nil) // the request's line is written by itself: it is about many
	taken := slices.DeleteFunc(slices.Clone(rows), func(i *importing) bool { return !i.ok() })
	if err := s.storeContacts(ctx, w, taken, comes); err != nil {
		return err
	}
	if err := s.storeOutcomes(ctx, w, taken); err != nil {
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
	for _, i := range taken {
		// Of what is known, too: an attempt before this one may have stored it and come no further.
		if i.account != "" {
			decided, told = append(decided, i.account), append(told, i.account)
		}
		for _, o := range i.outcomes {
			if o.failed == nil {
				decided = append(decided, o.Account)
			}
		}
		for _, a := range slices.Concat(i.facts, i.again) {
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
	if err := errors.Join(flush(), s.decidedAbout(ctx, w, false, decided...)); err != nil {
		return err
	}
	// Whom they are one person with is looked for once all is stored.
	slices.Sort(told)
	for part := range slices.Chunk(slices.Compact(told), matchedAtOnce) {
		if err := s.Score(ctx, ingest.Score{Workspace: w, Match: part}); err != nil {
			return err
		}
	}
	return nil
}

// storeContacts stores the contacts that are new and what is told of them, and
// the accounts whose activities are still to come where an outcome needs them.
func (s *service) storeContacts(ctx context.Context, w string, rows []*importing, comes map[string]social.AccountRef) error {
	accounts := map[string]bool{}
	told := map[string][]profile.Fact{}
	for _, i := range rows {
		if i.fresh {
			accounts[i.account] = true
		}
		if len(i.told) > 0 {
			told[i.account] = append(told[i.account], i.told...)
		}
		for _, o := range i.outcomes {
			if o.absent {
				accounts[o.Account] = true
			}
		}
	}
	ids := slices.Sorted(maps.Keys(accounts))
	errs := parallel.Each(ctx, len(ids), 16, func(n int) error {
		ref := comes[ids[n]]
		return s.Store.PutAccount(ctx, w, social.Activity{Platform: ref.Platform, Actor: social.Actor{ID: ref.ID, Scope: ref.Scope}})
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	ids = slices.Sorted(maps.Keys(told))
	errs = parallel.Each(ctx, len(ids), 16, func(n int) error {
		for part := range slices.Chunk(told[ids[n]], store.MaxTold) { // several rows may tell of one
			_, failed := s.Store.PutAttributes(ctx, w, profile.Of{Account: ids[n], Facts: part})
			if err := errors.Join(failed...); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(errs...)
}

// storeOutcomes stores outcomes, those of one account one after the other,
// since each looks whether the account is still there. What can't be stored, as
// somebody else changed something meanwhile, is left out of its row.
func (s *service) storeOutcomes(ctx context.Context, w string, rows []*importing) error {
	of := map[string][]*importedOutcome{} // by account
	for _, i := range rows {
		for _, o := range i.outcomes {
			if !o.known {
				of[o.Account] = append(of[o.Account], o)
			}
		}
	}
	accounts := slices.Sorted(maps.Keys(of))
	errs := parallel.Each(ctx, len(accounts), 16, func(n int) error {
		for _, o := range of[accounts[n]] {
			var was store.Outcome
			was, _, o.failed = s.Store.PutOutcome(ctx, w, o.of, o.Outcome)
			if o.failed == nil {
				o.Outcome = was
			} else if !fault.Is(o.failed, fault.Conflict) && !fault.Is(o.failed, fault.NotFound) {
				return o.failed
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, i := range rows {
		for _, o := range i.outcomes {
			if o.failed == nil {
				continue
			}
			i.answer.Stored--
			if fault.Is(o.failed, fault.NotFound) {
				i.leaveOut(o.who)
			} else if i.answer.Stored == 0 {
				i.refuse("the outcome %s: %s", o.ID, fault.Message(o.failed))
				break
			} else {
				i.tell("the outcome %s is left out: %s", o.ID, fault.Message(o.failed))
			}
			i.conclude()
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
		if i.account != "" && i.ok() {
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
