package leads

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"time"

	"rapport/internal/evaluation"
	"rapport/internal/fault"
	"rapport/internal/outcomes"
	"rapport/internal/parallel"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// BacktestAsked is what a backtest is to find out.
type BacktestAsked struct {
	Document json.RawMessage `json:"document,omitempty"` // the candidate; none: a published version
	Version  string          `json:"version,omitempty"`  // of the candidate
	Model    string          `json:"model"`              // the id of the model that it is compared with, of which Version is one, too
	Active   string          `json:"active"`             // the version that it is compared with
	Positive []outcomes.Kind `json:"positive"`
	Before   time.Duration   `json:"before"`   // the score is as of so long before the outcome
	Occurred bool            `json:"occurred"` // facts count from when they occurred, also where they were known later
	Aim      float64         `json:"aim"`      // the share of those called that is to come out well
	Until    time.Time       `json:"until"`    // outcomes recorded later are not looked at
}

// LeftOut is why an outcome is not among those that the models are judged by.
type LeftOut string

// The reasons.
const (
	LeftOther    LeftOut = "other_kind"   // it says nothing about the question
	LeftNothing  LeftOut = "no_activity"  // the person had done nothing by then
	LeftLater    LeftOut = "known_later"  // what the person had done by then was known later only
	LeftUnscored LeftOut = "not_scorable" // the score can't be computed
)

const (
	mostOutcomes  = 5000 // that a backtest looks at
	outcomesAStep = 100
	mostFacts     = 100_000 // of a person that a score takes
)

// BacktestState is how far a backtest is. The zero value is the beginning.
type BacktestState struct {
	After   string          `json:"after,omitempty"` // in the list of outcomes
	Looked  int             `json:"looked"`
	Of      int             `json:"of"` // at most mostOutcomes
	Steps   int             `json:"steps"`
	LeftOut map[LeftOut]int `json:"left_out,omitempty"`
	At      time.Time       `json:"at"`
	Salt    string          `json:"salt,omitempty"` // of the persons' names in the cases; none: it has ended
}

// BacktestResult is what came of a backtest.
type BacktestResult struct {
	evaluation.Backtest
	Outcomes  int             `json:"outcomes"` // that the models are judged by
	Positives int             `json:"positives"`
	People    int             `json:"people"`
	LeftOut   map[LeftOut]int `json:"left_out,omitempty"`
	Older     bool            `json:"older,omitempty"`    // there are older outcomes, which are not looked at
	Currency  string          `json:"currency,omitempty"` // of the values: that of most
	First     time.Time       `json:"first"`
	Last      time.Time       `json:"last"`
	Ended     time.Time       `json:"ended"`
}

// givenUpAfter is how long after its last step a backtest is given up: its
// message is handed out three times, each for an hour and a half (BulkQueue in
// template.yaml), and lies among the dead letters then.
const givenUpAfter = 6 * time.Hour

// Stalled says why nothing is to be expected of a backtest that has not ended,
// in words; "" where it is under way. It has a result all the same where the
// operator hands its message out again.
func (s BacktestState) Stalled(now time.Time) string {
	if now.Sub(s.At) < givenUpAfter {
		return ""
	}
	return "no progress since " + s.At.UTC().Format(time.RFC3339) + ": it was given up. Start it again (create-backtest)"
}

// tried is one outcome and the scores before it.
type tried struct {
	Unit      uint64 `json:"u"` // the person, by a name that nobody can tell without the salt
	Positive  bool   `json:"p,omitempty"`
	At        int64  `json:"t"`
	Value     string `json:"v,omitempty"`
	Currency  string `json:"c,omitempty"`
	Active    int64  `json:"a"`
	Candidate int64  `json:"b"`
}

// NewBacktest stores what is to be tried on the outcomes that there are. A
// document that can't be evaluated is an error with scoring.Problems.
func (l *Leads) NewBacktest(ctx context.Context, w, id, by string, a BacktestAsked, now time.Time) (store.Backtest, error) {
	b := store.Backtest{ID: id, Begun: now, By: by}
	if _, err := outcomes.Asking(a.Positive...); err != nil {
		return b, err
	}
	_, version, err := l.model(ctx, w, l.by)
	if err != nil {
		return b, err
	}
	a.Model, a.Active, a.Until = l.by, version, now
	if _, err := l.candidate(ctx, w, a); err != nil {
		return b, err
	}
	n, _, err := l.store.CountOutcomes(ctx, w, mostOutcomes)
	if err != nil {
		return b, err
	}
	state := BacktestState{At: now, Salt: rand.Text()}
	for _, k := range n {
		state.Of += k
	}
	if b.Asked, err = json.Marshal(a); err != nil {
		return b, err
	}
	if b.State, err = json.Marshal(state); err != nil {
		return b, err
	}
	return b, l.store.PutBacktest(ctx, w, &b)
}

func (l *Leads) candidate(ctx context.Context, w string, a BacktestAsked) (scoring.Model, error) {
	if len(a.Document) == 0 {
		return l.published(ctx, w, a.Model, a.Version)
	}
	n, _ := strconv.Atoi(a.Active)
	return parse(a.Document, n+1)
}

// Backtest goes on with a backtest until it has ended, or it is time to stop
// (zero: never), and reports whether it has ended. A step that is done again is
// the same step; of two who go on at the same time one has an error of kind Conflict.
func (l *Leads) Backtest(ctx context.Context, w, id string, clock func() time.Time, stop time.Time) (bool, error) {
	b, err := l.store.Backtest(ctx, w, id)
	if err != nil {
		return false, err
	}
	var a BacktestAsked
	var state BacktestState
	if err := errors.Join(json.Unmarshal(b.Asked, &a), json.Unmarshal(b.State, &state)); err != nil {
		return false, fault.Wrap(fault.Internal, err, "")
	}
	if state.LeftOut == nil {
		state.LeftOut = map[LeftOut]int{}
	}
	question, err := outcomes.Asking(a.Positive...)
	if err != nil {
		return false, err
	}
	var models [2]scoring.Model
	if models[0], err = l.published(ctx, w, a.Model, a.Active); err != nil {
		return false, err
	}
	if models[1], err = l.candidate(ctx, w, a); err != nil {
		return false, err
	}
	for b.Result == nil && b.Failed == "" && (stop.IsZero() || clock().Before(stop)) {
		list, next, err := l.store.Outcomes(ctx, w, state.After, outcomesAStep)
		if err != nil {
			return false, err
		}
		looked := len(list)
		list = slices.DeleteFunc(list, func(o store.Outcome) bool { return o.Recorded.After(a.Until) })
		cases, err := l.tryOutcomes(ctx, w, models, question, a, list, &state)
		if err != nil {
			return false, err
		}
		if err := l.store.PutCases(ctx, w, id, state.Steps, cases, clock()); err != nil {
			return false, err
		}
		state.After, state.Steps, state.Looked, state.At = next, state.Steps+1, state.Looked+looked, social.Instant(clock())
		state.Of = max(state.Of, state.Looked)
		if next == "" || state.Looked >= mostOutcomes {
			result, err := l.judged(ctx, w, id, a, state)
			if err != nil {
				return false, err
			}
			if b.Result, err = json.Marshal(result); err != nil {
				return false, err
			}
			state.Salt = ""
		}
		if b.State, err = json.Marshal(state); err != nil {
			return false, err
		}
		if err := l.store.PutBacktest(ctx, w, &b); err != nil {
			return false, err
		}
	}
	if b.Result == nil && b.Failed == "" {
		return false, nil
	}
	return true, l.store.DropCases(ctx, w, id)
}

// FailBacktest notes of a backtest that there will be no result, since it would
// fail again as often as it is tried, and drops what it kept. One that has ended
// stays as it is.
func (l *Leads) FailBacktest(ctx context.Context, w, id string, why error) error {
	b, err := l.store.Backtest(ctx, w, id)
	if err != nil {
		return err
	}
	if b.Result == nil && b.Failed == "" {
		var state BacktestState
		if err := json.Unmarshal(b.State, &state); err != nil {
			return err
		}
		state.Salt = ""
		if b.State, err = json.Marshal(state); err != nil {
			return err
		}
		b.Failed = cmp.Or(fault.Message(why), "the models or the outcomes can't be read")
		if err := l.store.PutBacktest(ctx, w, &b); err != nil {
			return err
		}
	}
	return l.store.DropCases(ctx, w, id)
}

// tryOutcomes scores the people of outcomes as of before each, by both models.
func (l *Leads) tryOutcomes(ctx context.Context, w string, models [2]scoring.Model, q outcomes.Question, a BacktestAsked, list []store.Outcome, state *BacktestState) ([]tried, error) {
	accounts := make([]string, len(list))
	for i, o := range list {
		accounts[i] = o.Account
	}
	persons, err := l.store.PersonsOf(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	found, why := make([]tried, len(list)), make([]LeftOut, len(list))
	errs := parallel.Each(ctx, len(list), atOnce, func(i int) error {
		o := list[i]
		positive, ok := q.Of(o.Kind)
		if !ok {
			why[i] = LeftOther
			return nil
		}
		name := sha256.Sum256([]byte(state.Salt + persons[i].ID))
		found[i] = tried{Unit: binary.BigEndian.Uint64(name[:]), Positive: positive, At: o.At.UnixMilli(), Value: o.Value, Currency: o.Currency}
		scores, reason, err := l.scoresBefore(ctx, w, models, persons[i].Accounts, o.At.Add(-a.Before), !a.Occurred)
		found[i].Active, found[i].Candidate, why[i] = scores[0], scores[1], reason
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cases := []tried{}
	for i := range list {
		if why[i] != "" {
			state.LeftOut[why[i]]++
			continue
		}
		cases = append(cases, found[i])
	}
	return cases, nil
}

// olderFacts is how many facts from before the horizon tell whether somebody was known before it.
const olderFacts = 20

// scoresBefore scores a person as of an instant by several models, of the facts
// that were known by then, or else of those that had occurred. left is why there is no score.
func (l *Leads) scoresBefore(ctx context.Context, w string, models [2]scoring.Model, accounts []string, at time.Time, known bool) (scores [2]int64, left LeftOut, err error) {
	horizon := max(models[0].HorizonDays, models[1].HorizonDays)
	since := at.AddDate(0, 0, -horizon)
	texts := models[0].Texts() || models[1].Texts()
	var records []scoring.Record
	did, later := false, false
	own := past{leads: l, w: w, accounts: accounts}
	add := func(a social.Activity) error {
		if a.Occurred.After(at) {
			return nil
		}
		if known && a.Known.After(at) {
			later = later || own.own(a)
			return nil
		}
		did = did || own.own(a)
		r := scoring.RecordOf(a)
		if !texts {
			r.Rest = nil
		}
		if records = append(records, r); len(records) > mostFacts {
			return fault.New(fault.TooLarge, "over %d facts within the horizon", mostFacts)
		}
		return nil
	}
	for _, account := range accounts {
		older, err := l.store.OwnFrom(ctx, w, account, time.Time{}, since, true, olderFacts)
		if err != nil {
			return scores, "", err
		}
		undated, err := l.store.Undated(ctx, w, account)
		if err != nil {
			return scores, "", err
		}
		for _, a := range append(older, undated...) {
			if err := add(a); err != nil {
				return scores, "", err
			}
		}
		err = l.store.EachFact(ctx, w, account, store.MarkAfter(since), store.MarkAfter(at), add)
		if fault.Is(err, fault.TooLarge) {
			return scores, LeftUnscored, nil
		}
		if err != nil {
			return scores, "", err
		}
	}
	switch {
	case !did && later:
		return scores, LeftLater, nil
	case !did:
		return scores, LeftNothing, nil
	}
	for i, m := range models {
		s, err := scoring.EvaluateRecords(m, records, at)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
			slog.ErrorContext(ctx, "outcome not scored", "workspace", w, "error", err.Error())
			return scores, LeftUnscored, nil
		}
		if err != nil {
			return scores, "", err
		}
		scores[i] = s.Micro
	}
	return scores, "", nil
}

// judged says what the scores of all steps come to.
func (l *Leads) judged(ctx context.Context, w, id string, a BacktestAsked, state BacktestState) (BacktestResult, error) {
	out := BacktestResult{LeftOut: state.LeftOut, Older: state.After != "", Ended: state.At}
	var cases []tried
	err := l.store.Cases(ctx, w, id, func(b []byte) error {
		var part []tried
		err := json.Unmarshal(b, &part)
		cases = append(cases, part...)
		return err
	})
	if err != nil {
		return out, err
	}
	of := make([]evaluation.Outcome, len(cases))
	scores := [2][]float64{make([]float64, len(cases)), make([]float64, len(cases))}
	people, currencies := map[uint64]bool{}, map[string]int{}
	for _, c := range cases {
		if currencies[c.Currency]++; c.Currency != "" && (out.Currency == "" || cmp.Or(cmp.Compare(currencies[c.Currency], currencies[out.Currency]), cmp.Compare(out.Currency, c.Currency)) > 0) {
			out.Currency = c.Currency
		}
	}
	for i, c := range cases {
		at := time.UnixMilli(c.At).UTC()
		of[i] = evaluation.Outcome{Person: strconv.FormatUint(c.Unit, 36), Won: c.Positive, At: at}
		if c.Currency == out.Currency && c.Value != "" {
			if of[i].Value, err = strconv.ParseFloat(c.Value, 64); err != nil {
				return out, err
			}
		}
		scores[0][i], scores[1][i] = points(c.Active), points(c.Candidate)
		people[c.Unit] = true
		if c.Positive {
			out.Positives++
		}
		if out.First.IsZero() || at.Before(out.First) {
			out.First = at
		}
		if at.After(out.Last) {
			out.Last = at
		}
	}
	out.Outcomes, out.People = len(cases), len(people)
	out.Backtest, err = evaluation.Run(of, scores[0], scores[1], a.Aim, backtestSeed)
	for _, f := range []*float64{&out.Drift, &out.ValueAtTop[0], &out.ValueAtTop[1]} {
		if math.IsNaN(*f) {
			*f = Unknown
		}
	}
	for _, f := range []*evaluation.Figures{&out.Current, &out.Candidate} {
		for i := range f.Calibration {
			f.Calibration[i].Said = 0 // a score is no chance
		}
	}
	return out, err
}

// Unknown stands for a figure of a result that there is none of: JSON has no NaN.
const Unknown = -1

// backtestSeed makes the same outcomes and models give the same intervals.
const backtestSeed = 1

func points(micro int64) float64 { return float64(micro) / 1e6 }
