package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/evaluation"
	"rapport/internal/leads"
	"rapport/internal/limit"
	"rapport/internal/outcomes"
	"rapport/internal/social"
	"rapport/internal/store"
)

// NewBacktest says which scoring model to try on the outcomes of the past.
type NewBacktest struct {
	Model       *Rules   `json:"model,omitempty" doc:"The document of rules, as for publish-model; it is published by nobody. It or version"`
	Version     string   `json:"version,omitempty" pattern:"^([A-Za-z0-9_-]{1,64})?$" maxLength:"64" example:"2" doc:"A version that was published, in place of a model"`
	Positive    []string `json:"positive" minItems:"1" maxItems:"3" uniqueItems:"true" enum:"won,lost,hired,not_hired,renewed,churned" doc:"The outcomes to be foreseen. What else can come out is their contrary: lost of won, not_hired of hired, renewed of churned; other outcomes say nothing about it"`
	BeforeHours int      `json:"before_hours,omitempty" minimum:"1" maximum:"8760" default:"24" doc:"People are scored as of so many hours before the outcome, so that nothing counts that came with it"`
	Facts       string   `json:"facts,omitempty" enum:"known,occurred" default:"known" doc:"known: what Rapport knew by then counts. occurred: also what had occurred by then and came later, say with an import of the past"`
	Aim         float64  `json:"aim,omitempty" minimum:"0.01" maximum:"0.99" default:"0.5" doc:"For the suggested call_from: at least this share of those called is to come out as positive says"`
}

// Backtest is a scoring model tried on the outcomes of the past.
type Backtest struct {
	ID          string          `json:"id" doc:"In the order of time"`
	Begun       time.Time       `json:"begun" doc:"Outcomes recorded later are not looked at"`
	By          string          `json:"by" doc:"The id of the member, or of the machine key, who asked for it"`
	Model       string          `json:"model" doc:"The id of the model in use that it is compared with, of which version is one"`
	Version     string          `json:"version,omitempty" doc:"The version that is tried; absent: a document"`
	Active      string          `json:"active" doc:"The version in use when it was begun, which the other is compared with"`
	Positive    []string        `json:"positive" doc:"The outcomes to be foreseen"`
	BeforeHours int             `json:"before_hours" doc:"People were scored as of so many hours before the outcome"`
	Facts       string          `json:"facts" enum:"known,occurred" doc:"Which facts counted"`
	Aim         float64         `json:"aim" minimum:"0" maximum:"1" doc:"The share that the suggested call_from is for"`
	Looked      int             `json:"looked" doc:"How many outcomes were looked at"`
	Of          int             `json:"of" doc:"How many there are to look at; the newest 5000 at most"`
	Ended       bool            `json:"ended" doc:"Whether to wait no longer: there is a result, or it failed"`
	Failed      string          `json:"failed,omitempty" doc:"Why there is no result; absent: it did not fail. Also where there was no progress for 6 hours, with what to do; should your operator have the work taken up again, there is a result yet"`
	Result      *BacktestResult `json:"result,omitempty"`
}

// BacktestResult is what came of a backtest.
type BacktestResult struct {
	Verdict    string        `json:"verdict" doc:"Whether the tried model orders people better than the one in use, in words"`
	Better     string        `json:"better" enum:"tried,active,neither" doc:"Which model is better; neither: they can't be told apart, or there are not enough outcomes"`
	Difference *Interval     `json:"difference,omitempty" doc:"Of the AUC, tried less active"`
	Outcomes   int           `json:"outcomes" doc:"By how many the models are judged"`
	Positives  int           `json:"positives" doc:"How many of them came out as positive says"`
	People     int           `json:"people" doc:"Whose they are"`
	First      *time.Time    `json:"first,omitempty" doc:"When the first of them happened"`
	Last       *time.Time    `json:"last,omitempty" doc:"When the last of them happened"`
	LeftOut    []LeftOut     `json:"left_out" doc:"Outcomes that the models are not judged by"`
	Older      bool          `json:"older" doc:"There are older outcomes than the newest 5000, which were not looked at"`
	Tried      *ModelFigures `json:"tried,omitempty" doc:"Of the model that was tried; absent where there are not enough outcomes"`
	ActiveNow  *ModelFigures `json:"active,omitempty" doc:"Of the model that was in use"`
	Drift      *float64      `json:"drift,omitempty" doc:"How far the tried model's scores of the later half of the outcomes lie elsewhere than those of the earlier (population stability index): above 0.1 look, above 0.25 it may no longer hold"`
	Currency   string        `json:"currency,omitempty" doc:"Of the values that value_at_top is of: that of most outcomes"`
	CallFrom   BacktestCall  `json:"call_from" doc:"From how many points on to call, by the tried model"`
	CallActive BacktestCall  `json:"call_from_active" doc:"The same by the model that was in use"`
}

// LeftOut is how many outcomes the models are not judged by, and why.
type LeftOut struct {
	Why      string `json:"why" enum:"other_kind,no_activity,known_later,not_scorable" doc:"other_kind: it says nothing about what is to be foreseen. no_activity: the person had done nothing by then. known_later: what the person had done by then came to be known later (facts: occurred counts it). not_scorable: the score can't be computed"`
	Outcomes int    `json:"outcomes"`
}

// Interval is a figure and its 95 % interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low" doc:"Of the 95 % interval"`
	High  float64 `json:"high" doc:"Of the 95 % interval"`
}

// ModelFigures say how well a model's scores foresaw outcomes.
type ModelFigures struct {
	AUC         Interval         `json:"auc" doc:"The share of pairs, one positive and one not, in which the positive had the higher score"`
	Top         []TopFigures     `json:"top" doc:"Among the highest 1, 5 and 10 % of the scores"`
	Calibration []CalibrationBin `json:"calibration" doc:"From the lowest scores to the highest, in parts of about the same size"`
	ValueAtTop  *float64         `json:"value_at_top,omitempty" doc:"Which share of the value of the positives the highest 10 % of the scores hold; absent where no value is known"`
}

// TopFigures say how it is among the highest scores.
type TopFigures struct {
	Share     float64  `json:"share" doc:"Of all outcomes"`
	Outcomes  int      `json:"outcomes"`
	Precision Interval `json:"precision" doc:"The share of positives among them"`
	Lift      Interval `json:"lift" doc:"That share against the one among all"`
}

// CalibrationBin says how often it came out as positive says, of scores in a range.
type CalibrationBin struct {
	From     float64 `json:"from" doc:"The lowest score"`
	To       float64 `json:"to" doc:"The highest score"`
	Outcomes int     `json:"outcomes"`
	Share    float64 `json:"share" doc:"Of positives"`
	Low      float64 `json:"low" doc:"Of the 95 % interval"`
	High     float64 `json:"high" doc:"Of the 95 % interval"`
}

// BacktestCall is from which score on people are worth a call.
type BacktestCall struct {
	Points  *float64 `json:"points,omitempty" doc:"For call_from of the model; absent: there are not enough outcomes to say"`
	Verdict string   `json:"verdict" doc:"In words"`
}

type newBacktestIn struct {
	InWorkspace
	InCompared
	Body NewBacktest
}

type backtestIn struct {
	InWorkspace
	Backtest string `path:"backtest" pattern:"^bkt_[A-Za-z0-9_]{1,60}$" maxLength:"64" doc:"The backtest's id"`
}

type listBacktestsIn struct {
	InWorkspace
	Paged
}

type listBacktestsOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body Page[Backtest]
}

func (s *service) backtests(api huma.API) {
	members(s, api, social.Analyst, huma.Operation{OperationID: "create-backtest", Method: http.MethodPost, Path: "/backtests", Tags: []string{"models"}, Summary: "Try a scoring model on the outcomes of the past",
		Description: "Everybody whose outcome is known is scored as of before it, by the model and by the version in use: of the model that its id names, or of the default one, where it names a new one, or is a version, and the query names none; then it is known how it came out. It takes a while: get-backtest says how far it is, and what came of it. The newest 5000 outcomes are looked at. " +
			"People without an outcome are left out: how it would have come out with them nobody knows. Persons are as they are merged today. A document that can't be evaluated is refused as a whole, with every problem and its place in it.", DefaultStatus: http.StatusCreated}, s.createBacktest)
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-backtests", Method: http.MethodGet, Path: "/backtests", Tags: []string{"models"}, Summary: "List backtests, the newest first",
		Description: "With the results of those that have ended."}, s.listBacktests)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-backtest", Method: http.MethodGet, Path: "/backtests/{backtest}", Tags: []string{"models"}, Summary: "Get a backtest",
		Description: "How far it is, and when it has ended what came of it: figures of both models with their intervals, a verdict in words, from how many points on to call, and which outcomes were left out."},
		func(ctx context.Context, w string, in *backtestIn) (*Out[Backtest], error) {
			b, err := s.Store.Backtest(ctx, w, in.Backtest)
			if err != nil {
				return nil, err
			}
			out, err := backtest(b, s.Now())
			return &Out[Backtest]{out}, err
		})
}

func (s *service) createBacktest(ctx context.Context, w string, in *newBacktestIn) (*CreatedOut[Backtest], error) {
	if (in.Body.Model == nil) == (in.Body.Version == "") {
		return nil, invalid("body.model", "is missing, or stands beside a version: one of both is tried")
	}
	a := leads.BacktestAsked{Version: in.Body.Version, Before: time.Duration(cmp.Or(in.Body.BeforeHours, 24)) * time.Hour, Occurred: in.Body.Facts == "occurred", Aim: cmp.Or(in.Body.Aim, 0.5)}
	if in.Body.Model != nil {
		a.Document = in.Body.Model.RawMessage
	}
	for _, k := range in.Body.Positive {
		a.Positive = append(a.Positive, outcomes.Kind(k))
	}
	if _, err := outcomes.Asking(a.Positive...); err != nil {
		return nil, invalid("body.positive", "%v", err)
	}
	against, err := s.against(ctx, w, a.Document, in.Model)
	if err != nil {
		return nil, err
	}
	if err := s.ask(ctx, w, limit.Backtests); err != nil {
		return nil, err
	}
	caller, now := callerOf(ctx), social.Instant(s.begun(ctx))
	by := caller.by()
	id, err := s.randomID(store.BacktestID(now))
	if err != nil {
		return nil, err
	}
	b, err := against.NewBacktest(ctx, w, id, by, a, now)
	if err != nil {
		return nil, modelProblem(err)
	}
	if err := s.Backtest(ctx, w, b.ID); err != nil {
		return nil, err
	}
	out, err := backtest(b, s.Now())
	return &CreatedOut[Backtest]{Location: "/v1/workspaces/" + w + "/backtests/" + b.ID, Body: out}, err
}

func (s *service) listBacktests(ctx context.Context, w string, in *listBacktestsIn) (*listBacktestsOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Store.Backtests(ctx, w, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listBacktestsOut{Body: Page[Backtest]{Items: []Backtest{}}}
	for _, b := range list {
		shown, err := backtest(b, s.Now())
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, shown)
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}

func backtest(b store.Backtest, now time.Time) (Backtest, error) {
	var a leads.BacktestAsked
	var state leads.BacktestState
	if err := errors.Join(json.Unmarshal(b.Asked, &a), json.Unmarshal(b.State, &state)); err != nil {
		return Backtest{}, err
	}
	out := Backtest{ID: b.ID, Begun: b.Begun, By: b.By, Model: cmp.Or(a.Model, leads.ModelID), Version: a.Version, Active: a.Active, Positive: []string{}, BeforeHours: int(a.Before / time.Hour), Facts: "known", Aim: a.Aim,
		Looked: state.Looked, Of: state.Of, Ended: b.Result != nil || b.Failed != "", Failed: b.Failed}
	if !out.Ended {
		out.Failed = state.Stalled(now)
		out.Ended = out.Failed != ""
	}
	if a.Occurred {
		out.Facts = "occurred"
	}
	for _, k := range a.Positive {
		out.Positive = append(out.Positive, string(k))
	}
	if b.Result == nil {
		return out, nil
	}
	var r leads.BacktestResult
	if err := json.Unmarshal(b.Result, &r); err != nil {
		return out, err
	}
	res := &BacktestResult{Verdict: r.Comparison.Verdict, Better: map[int]string{1: "tried", -1: "active"}[r.Comparison.Better], Outcomes: r.Outcomes, Positives: r.Positives, People: r.People,
		First: some(r.First), Last: some(r.Last), LeftOut: []LeftOut{}, Older: r.Older, Currency: r.Currency, CallFrom: backtestCall(r.CandidateCallFrom), CallActive: backtestCall(r.CurrentCallFrom)}
	res.Better = cmp.Or(res.Better, "neither")
	for why, n := range r.LeftOut {
		res.LeftOut = append(res.LeftOut, LeftOut{string(why), n})
	}
	slices.SortFunc(res.LeftOut, func(a, b LeftOut) int { return cmp.Or(cmp.Compare(b.Outcomes, a.Outcomes), cmp.Compare(a.Why, b.Why)) })
	if r.Missing == "" {
		d := interval(r.Comparison.Difference)
		res.Difference, res.Drift = &d, figure(r.Drift)
		res.Tried, res.ActiveNow = modelFigures(r.Candidate, r.ValueAtTop[1]), modelFigures(r.Current, r.ValueAtTop[0])
	}
	out.Result = res
	return out, nil
}

func interval(f evaluation.Figure) Interval { return Interval{f.Value, f.Low, f.High} }

// figure is a figure of a result; nil where there is none.
func figure(x float64) *float64 {
	if x == leads.Unknown {
		return nil
	}
	return &x
}

func backtestCall(c evaluation.CallFrom) BacktestCall {
	out := BacktestCall{Verdict: c.Verdict}
	if c.OK {
		out.Points = &c.Score
	}
	return out
}

func modelFigures(f evaluation.Figures, value float64) *ModelFigures {
	out := &ModelFigures{AUC: interval(f.AUC), Top: []TopFigures{}, Calibration: []CalibrationBin{}, ValueAtTop: figure(value)}
	for _, t := range f.Top {
		out.Top = append(out.Top, TopFigures{t.Share, t.Cases, interval(t.Precision), interval(t.Lift)})
	}
	for _, b := range f.Calibration {
		out.Calibration = append(out.Calibration, CalibrationBin{b.Low, b.High, b.Cases, b.Share, b.ShareLow, b.ShareHigh})
	}
	return out
}
