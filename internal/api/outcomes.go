package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/outcomes"
	"rapport/internal/parallel"
	"rapport/internal/pattern"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Outcome is how it came out with a person.
type Outcome struct {
	ID          string     `json:"id" doc:"Made by whoever recorded it"`
	Person      string     `json:"person" doc:"With whom: the id that the person had when it was recorded leads on to this one"`
	Kind        string     `json:"kind" enum:"won,lost,hired,not_hired,renewed,churned" doc:"won, lost: a deal. hired, not_hired: a job. renewed, churned: a customer stayed, or left"`
	At          time.Time  `json:"at" doc:"When it happened"`
	Value       string     `json:"value,omitempty" example:"1999.9" doc:"What it was worth, exact; absent: not known"`
	Currency    string     `json:"currency,omitempty" example:"EUR" doc:"Of the value (ISO 4217)"`
	RecordedAt  time.Time  `json:"recorded_at" doc:"When Rapport was told"`
	By          string     `json:"by" doc:"The id of the member, or of the machine key, who recorded it"`
	WithdrawnAt *time.Time `json:"withdrawn_at,omitempty" doc:"When it was taken back: it counts nowhere; absent: it was not"`
	WithdrawnBy string     `json:"withdrawn_by,omitempty" doc:"Who took it back"`

	With *OutcomeAccount `json:"with,omitempty" doc:"In a list with accounts=true: the account of the person that it is kept with"`
}

// OutcomeAccount is the account that an outcome is kept with.
type OutcomeAccount struct {
	Platform string `json:"platform"`
	Scope    string `json:"scope,omitempty" doc:"Within what the id is unique; absent: on the whole platform"`
	Account  string `json:"account" doc:"The account's id on its platform, or the contact's in the CRM"`
}

// NewOutcome is how it came out with a person.
type NewOutcome struct {
	ID       string `json:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64" doc:"Made up by you, one in the workspace, say the deal's number: the same outcome under the same id is recorded once, whenever it is sent again"`
	Kind     string `json:"kind" enum:"won,lost,hired,not_hired,renewed,churned" doc:"How it came out"`
	At       string `json:"at" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"When it happened, with its zone; not in the future"`
	Value    string `json:"value,omitempty" pattern:"^([0-9]{1,12}(\\.[0-9]{1,6})?)?$" maxLength:"20" example:"1999.90" doc:"What it was worth, a decimal number"`
	Currency string `json:"currency,omitempty" pattern:"^([A-Z]{3})?$" maxLength:"3" example:"EUR" doc:"Of the value (ISO 4217): it goes with one"`
}

// OutcomeOf is an outcome and with whom.
type OutcomeOf struct {
	NewOutcome
	Person string `json:"person" doc:"The id of the person"`
}

// OutcomeRow is an outcome of a batch as it was sent: what is wrong with it is said in the answer.
type OutcomeRow struct{ json.RawMessage }

// Schema is what huma asks of a type that is not described by its fields.
func (OutcomeRow) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// NewOutcomes is a batch of outcomes.
type NewOutcomes struct {
	Outcomes []OutcomeRow `json:"outcomes" minItems:"1" maxItems:"100" doc:"Each as for record-outcome, and with person, the id of the person"`
}

// RecordedRow is what became of one outcome of a batch.
type RecordedRow struct {
	Row    int          `json:"row" minimum:"1" doc:"Its place in the batch, from 1"`
	ID     string       `json:"id,omitempty" doc:"Of the outcome, as it was sent; absent where that can't be an id"`
	Person string       `json:"person,omitempty" doc:"As it was sent; absent where that can't be an id"`
	Result string       `json:"result" enum:"recorded,known,unknown_person,refused" doc:"known: it was recorded before. unknown_person: nothing is known of the person. refused: errors says why"`
	Errors []FieldError `json:"errors,omitempty" doc:"Of what was refused: what is wrong where"`
}

// RecordedOutcomes is what became of a batch, row by row.
type RecordedOutcomes struct {
	Recorded      int           `json:"recorded"`
	Known         int           `json:"known"`
	UnknownPerson int           `json:"unknown_person"`
	Refused       int           `json:"refused"`
	Rows          []RecordedRow `json:"rows" doc:"In the order of the batch"`
}

// OutcomePage is one page of outcomes.
type OutcomePage struct {
	Page[Outcome]
	Totals *OutcomeTotals `json:"totals,omitempty" doc:"With totals=true: of all, those that were taken back left out"`
}

// OutcomeTotals counts outcomes.
type OutcomeTotals struct {
	Outcomes int             `json:"outcomes" doc:"At most 10000 are counted, those that happened last"`
	More     bool            `json:"more" doc:"There are more than are counted"`
	Kinds    []OutcomeNumber `json:"kinds" doc:"The kinds that there are outcomes of"`
}

// OutcomeNumber is how many outcomes there are of a kind.
type OutcomeNumber struct {
	Kind     string `json:"kind" enum:"won,lost,hired,not_hired,renewed,churned"`
	Outcomes int    `json:"outcomes"`
}

type recordOutcomeIn struct {
	InPerson
	Body NewOutcome
}

type recordOutcomesIn struct {
	InWorkspace
	Body NewOutcomes
}

type outcomeIn struct {
	InWorkspace
	Outcome string `path:"outcome" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64" doc:"The outcome's id"`
}

type listOutcomesIn struct {
	InWorkspace
	Totals   bool `query:"totals" doc:"Count them, too"`
	Accounts bool `query:"accounts" doc:"Say of each with which account it is kept, as import-rows takes it"`
	Paged
}

type listOutcomesOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body OutcomePage
}

const (
	shownOutcomes    = 20 // of a lead
	scoredPerMessage = 20 // persons
)

func (s *service) outcomes(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-outcomes", Method: http.MethodGet, Path: "/outcomes", Tags: []string{"leads"}, Summary: "List outcomes, what happened last first",
		Description: "How it came out with people: what models are judged by. Those that were taken back are left out; a new one may take a moment to be in the list."}, s.listOutcomes)
	members(s, api, social.Agent, huma.Operation{OperationID: "record-outcome", Method: http.MethodPost, Path: "/people/{person}/outcomes", Tags: []string{"leads"}, Summary: "Record how it came out with a person",
		Description: "A deal won or lost, a job taken or not, a customer who stayed or left. It is kept with an account of the person, with who recorded it and when, and is not changed; withdraw-outcome takes it back. " +
			"Whoever won or renewed last, and did not churn since, is a customer, whom nobody is to call (held).",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound, http.StatusConflict}}, s.recordOutcome)
	members(s, api, social.Agent, huma.Operation{OperationID: "record-outcomes", Method: http.MethodPost, Path: "/outcomes", Tags: []string{"leads"}, Summary: "Record outcomes, up to 100 at a time",
		Description: "The answer says row by row what became of each: one that is wrong, or of somebody unknown, stops no other. Sent again they are known, and nothing is recorded twice.", DefaultStatus: http.StatusOK}, s.recordOutcomes)
	members(s, api, social.Agent, huma.Operation{OperationID: "withdraw-outcome", Method: http.MethodDelete, Path: "/outcomes/{outcome}", Tags: []string{"leads"}, Summary: "Take an outcome back",
		Description: "It counts nowhere any more, as if it had not happened. That it was recorded and taken back stays with the person, with who did it.", DefaultStatus: http.StatusOK, Errors: []int{http.StatusNotFound}}, s.withdrawOutcome)
}

func shownOutcome(o store.Outcome, person string) Outcome {
	return Outcome{ID: o.ID, Person: person, Kind: string(o.Kind), At: o.At, Value: o.Value, Currency: o.Currency, RecordedAt: o.Recorded, By: o.By, WithdrawnAt: some(o.Withdrawn), WithdrawnBy: o.WithdrawnBy}
}

var (
	outcomeIDForm = pattern.New(`^[A-Za-z0-9_-]{1,64}$`)
	amountForm    = pattern.New(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
	currencyForm  = pattern.New(`^[A-Z]{3}$`)
)

// outcomeOf reads an outcome, and lists what is wrong with it.
func (s *service) outcomeOf(ctx context.Context, b NewOutcome) (store.Outcome, []FieldError) {
	caller, now := callerOf(ctx), social.Instant(s.Now())
	o := store.Outcome{ID: b.ID, Kind: outcomes.Kind(b.Kind), Value: b.Value, Currency: b.Currency, Recorded: now, By: caller.by()}
	var wrong []FieldError
	is := func(field, detail string) { wrong = append(wrong, FieldError{field, detail}) }
	if !outcomeIDForm.MatchString(b.ID) {
		is("id", "is missing, or no id: 1 to 64 letters, digits, _ and -")
	}
	if !o.Kind.Valid() {
		is("kind", "is none: there are "+outcomes.Names())
	}
	at, err := time.Parse(time.RFC3339Nano, b.At)
	switch {
	case err != nil:
		is("at", "is missing, or no instant with its zone (RFC 3339), such as 2026-11-22T09:30:00+01:00")
	case at.Year() < 1990:
		is("at", "lies before the year 1990")
	case at.After(now):
		is("at", "lies in the future: record what happened")
	}
	o.At = social.Instant(at)
	switch {
	case b.Value == "" && b.Currency != "":
		is("value", "is missing: a currency goes with one")
	case b.Value != "" && !amountForm.MatchString(b.Value):
		is("value", "is no amount: up to 12 digits, and up to 6 after a point")
	case b.Value != "" && !currencyForm.MatchString(b.Currency):
		is("currency", "is missing, or no code of three capital letters: a value has one, say EUR")
	case b.Value != "":
		micro, err := scoring.ParseMicro(b.Value)
		if err != nil {
			is("value", "is no amount")
		}
		o.Value = scoring.Decimal(micro) // 10.50 and 10.5 are one
	}
	return o, wrong
}

// record stores an outcome with a person.
func (s *service) record(ctx context.Context, w, person string, o store.Outcome) (was store.Outcome, p store.Person, again bool, err error) {
	if p, err = s.Leads.Person(ctx, w, person); err != nil {
		return o, p, false, err
	}
	o.Account = leads.AccountFor(person, p)
	was, again, err = s.Store.PutOutcome(ctx, w, p, o)
	return was, p, again, err
}

// decidedAbout asks for people to be scored again about whom something was
// decided: live, where somebody did just now, and did not import it.
func (s *service) decidedAbout(ctx context.Context, w string, live bool, accounts ...string) error {
	now := social.Instant(s.Now())
	slices.Sort(accounts)
	for part := range slices.Chunk(slices.Compact(accounts), scoredPerMessage) {
		var stale []view.Stale
		for _, a := range part {
			stale = append(stale, view.Stale{Account: a, Since: now, Until: now, Decided: true, Live: live})
		}
		if err := s.Score(ctx, ingest.Score{Workspace: w, Accounts: stale}); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) recordOutcome(ctx context.Context, w string, in *recordOutcomeIn) (*Out[Outcome], error) {
	o, wrong := s.outcomeOf(ctx, in.Body)
	if len(wrong) > 0 {
		for i := range wrong {
			wrong[i].Location = "body." + wrong[i].Location
		}
		return nil, newProblem(http.StatusUnprocessableEntity, "the outcome can't be recorded as it stands", wrong...)
	}
	o, p, _, err := s.record(ctx, w, in.Person, o)
	if err != nil {
		return nil, err
	}
	return &Out[Outcome]{shownOutcome(o, p.ID)}, s.decidedNow(ctx, w, o.Account)
}

// decidedNow scores a person again about whom something was decided: here, and
// again from the queue, should this be cut short.
func (s *service) decidedNow(ctx context.Context, w, account string) error {
	if err := s.decidedAbout(ctx, w, true, account); err != nil {
		return err
	}
	now := social.Instant(s.Now())
	return errors.Join(s.Leads.Score(ctx, w, now, view.Stale{Account: account, Since: now, Until: now, Decided: true, Live: true})...)
}

func (s *service) recordOutcomes(ctx context.Context, w string, in *recordOutcomesIn) (*Out[RecordedOutcomes], error) {
	out := RecordedOutcomes{Rows: []RecordedRow{}}
	var accounts []string
	for i, raw := range in.Body.Outcomes {
		row, account, err := s.recordRow(ctx, w, raw.RawMessage)
		if err != nil {
			return nil, err
		}
		row.Row = i + 1
		if account != "" {
			accounts = append(accounts, account)
		}
		switch row.Result {
		case "recorded":
			out.Recorded++
		case "known":
			out.Known++
		case "unknown_person":
			out.UnknownPerson++
		default:
			out.Refused++
		}
		out.Rows = append(out.Rows, row)
	}
	return &Out[RecordedOutcomes]{out}, s.decidedAbout(ctx, w, false, accounts...)
}

// recordRow records one outcome of a batch, and says with which account. An
// error is of ours; what is wrong with the row stands in the row.
func (s *service) recordRow(ctx context.Context, w string, raw json.RawMessage) (RecordedRow, string, error) {
	var b OutcomeOf
	refused := func(errs ...FieldError) (RecordedRow, string, error) {
		row := RecordedRow{Result: "refused", Errors: errs}
		if outcomeIDForm.MatchString(b.ID) {
			row.ID = b.ID
		}
		if personForm.MatchString(b.Person) {
			row.Person = b.Person
		}
		return row, "", nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return refused(FieldError{"", "is no outcome: id, person, kind, at, value and currency are strings, and there are no others"})
	}
	o, wrong := s.outcomeOf(ctx, b.NewOutcome)
	if !personForm.MatchString(b.Person) {
		wrong = append(wrong, FieldError{"person", "is missing, or no id of a person: list-leads has them"})
	}
	if len(wrong) > 0 {
		return refused(wrong...)
	}
	row := RecordedRow{ID: b.ID, Person: b.Person, Result: "recorded"}
	o, _, again, err := s.record(ctx, w, b.Person, o)
	switch {
	case fault.Is(err, fault.NotFound):
		row.Result = "unknown_person"
		return row, "", nil
	case fault.Is(err, fault.Conflict):
		return refused(FieldError{"id", fault.Message(err)})
	case err != nil:
		return row, "", err
	case again:
		row.Result = "known"
	}
	return row, o.Account, nil
}

func (s *service) withdrawOutcome(ctx context.Context, w string, in *outcomeIn) (*Out[Outcome], error) {
	caller := callerOf(ctx)
	by := caller.by()
	o, err := s.Store.WithdrawOutcome(ctx, w, in.Outcome, by, social.Instant(s.Now()))
	if err != nil {
		return nil, err
	}
	list, err := s.shownOutcomes(ctx, w, []store.Outcome{o})
	if err != nil {
		return nil, err
	}
	return &Out[Outcome]{list[0]}, s.decidedNow(ctx, w, o.Account)
}

// shownOutcomes shows outcomes with whom their accounts belong to by now.
func (s *service) shownOutcomes(ctx context.Context, w string, list []store.Outcome) ([]Outcome, error) {
	accounts := make([]string, len(list))
	for i, o := range list {
		accounts[i] = o.Account
	}
	persons, err := s.Store.PersonIDs(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	out := make([]Outcome, len(list))
	for i, o := range list {
		out[i] = shownOutcome(o, persons[i])
	}
	return out, nil
}

// withAccounts says of outcomes with which accounts they are kept.
func (s *service) withAccounts(ctx context.Context, w string, list []store.Outcome, shown []Outcome) error {
	errs := parallel.Each(ctx, len(list), 16, func(i int) error {
		ref, err := s.Store.Account(ctx, w, list[i].Account)
		if fault.Is(err, fault.NotFound) { // it is being erased
			return nil
		}
		shown[i].With = &OutcomeAccount{string(ref.Platform), ref.Scope, ref.ID}
		return err
	})
	return errors.Join(errs...)
}

func (s *service) listOutcomes(ctx context.Context, w string, in *listOutcomesIn) (*listOutcomesOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Store.Outcomes(ctx, w, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listOutcomesOut{}
	if out.Body.Items, err = s.shownOutcomes(ctx, w, list); err != nil {
		return nil, err
	}
	if in.Accounts {
		if err := s.withAccounts(ctx, w, list, out.Body.Items); err != nil {
			return nil, err
		}
	}
	if in.Totals {
		n, more, err := s.Store.CountOutcomes(ctx, w, maxCounted)
		if err != nil {
			return nil, err
		}
		t := &OutcomeTotals{More: more, Kinds: []OutcomeNumber{}}
		for _, k := range outcomes.Kinds() {
			if n[k] > 0 {
				t.Outcomes += n[k]
				t.Kinds = append(t.Kinds, OutcomeNumber{string(k), n[k]})
			}
		}
		out.Body.Totals = t
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}
