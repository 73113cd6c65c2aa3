package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/refit"
	"rapport/internal/refitting"
	"rapport/internal/social"
	"rapport/internal/store"
)

// ReaderInUse is what a workspace's texts are read by.
type ReaderInUse struct {
	Reader   string     `json:"reader" example:"r5-085ce6ec86+a1b2c3d4" doc:"The version that each activity keeps that comes from a minute after since on: of the reader as it comes, and after a + the id of its adjustments to the workspace's corrections, where there are some"`
	Since    *time.Time `json:"since,omitempty" doc:"When the adjustments were put in use; absent: the reader is in use as it comes"`
	Outdated bool       `json:"outdated" doc:"The adjustments were made for another version of the reader than there is now. They don't count: ask for a new refit"`
	Refit    *Refit     `json:"refit,omitempty" doc:"The refit that the adjustments are of; absent: the reader is in use as it comes"`
	Newest   *Refit     `json:"newest,omitempty" doc:"The newest refit; absent: there was none"`
}

// Refit is one fitting of the reader to a workspace's corrections.
type Refit struct {
	ID     string       `json:"id" example:"rft_20261102093000000_mzxw6ytboi" doc:"In the order of time"`
	Begun  time.Time    `json:"begun" doc:"Corrections that were made later are not looked at"`
	By     string       `json:"by" doc:"The id of the member, or of the machine key, who asked for it"`
	Looked int          `json:"looked" example:"240" doc:"How many labels were read so far"`
	Of     int          `json:"of" example:"240" doc:"How many there are; the newest 2000 at most"`
	Ended  bool         `json:"ended" doc:"Whether it goes on no more: there is a result, or it failed"`
	Failed string       `json:"failed,omitempty" doc:"Why there will be no result; absent: it did not fail"`
	Result *RefitResult `json:"result,omitempty" doc:"What came of it; absent until it has ended. It never changes"`
}

// RefitResult is what came of a refit.
type RefitResult struct {
	Reader      string      `json:"reader" example:"r5-085ce6ec86+a1b2c3d4" doc:"The version of the reader with these adjustments; without a + where no head is adjusted"`
	Drawn       int         `json:"drawn" example:"240" doc:"How many labels of drawn messages were looked at, and could be used"`
	Picked      int         `json:"picked" example:"31" doc:"How many messages were picked. Nothing is fitted to them: people pick what is read wrong, so that they say nothing of how frequent what is"`
	Unread      int         `json:"unread" example:"4" doc:"How many labels more are of texts that the models don't read"`
	Gone        int         `json:"gone" example:"2" doc:"How many labels more are of texts that were edited since, or are gone"`
	Corrections string      `json:"corrections" example:"5e0b9d3c1a7f42688d1e90aa3c54b7f2" doc:"A hash of the ids of the corrections that it is fitted to: those that stood when it was begun"`
	Heads       []RefitHead `json:"heads" doc:"What came of each"`
}

// RefitHead is what came of a refit for one of the things that the reader says.
type RefitHead struct {
	Head          string        `json:"head" enum:"sentiment,intent,severity,needs_answer" doc:"What of a reading it is. needs_answer is of somebody's first message"`
	Labels        int           `json:"labels" example:"236" doc:"How many labels of drawn messages say it"`
	Adjusted      bool          `json:"adjusted" doc:"Whether it is read with an adjustment: it is better with it. Else it stays as it comes"`
	Why           string        `json:"why" example:"not enough data: 37 drawn labels, 100 are needed" doc:"Why it is adjusted, or is not, in words"`
	LogLossBefore *float64      `json:"log_loss_before,omitempty" example:"0.71" doc:"The mean of -ln of the probability that the reader as it comes gives what was said; 0 is perfect. Absent: there are not enough labels"`
	LogLossAfter  *float64      `json:"log_loss_after,omitempty" example:"0.62" doc:"The same with an adjustment, of each text by one that was fitted to the others (cross-validation in ten parts)"`
	Difference    *Interval     `json:"difference,omitempty" doc:"Of the log loss, after less before: it is adjusted where the whole interval is below 0"`
	RightBefore   *Interval     `json:"right_before,omitempty" doc:"The share of texts that the reader as it comes reads as was said"`
	RightAfter    *Interval     `json:"right_after,omitempty" doc:"The same with an adjustment, of each text by one that was fitted to the others"`
	Slope         *float64      `json:"slope,omitempty" minimum:"0.5" maximum:"2" example:"0.9" doc:"Of the adjustment: what the logarithms of the probabilities are multiplied by; below 1 the reader is less sure than it comes"`
	Offsets       []RefitOffset `json:"offsets,omitempty" doc:"Of the adjustment: what is then added to them"`
}

// RefitOffset is what is added to the logarithm of the probability of one class.
type RefitOffset struct {
	Class  string  `json:"class" example:"negative" doc:"As a reading says it: a sentiment, an intent, a severity, or yes and no"`
	Offset float64 `json:"offset" minimum:"-1.5" maximum:"1.5" example:"0.6" doc:"Above 0: it is said more often than by the reader as it comes"`
}

type refitIn struct {
	InWorkspace
	Refit string `path:"refit" pattern:"^rft_[A-Za-z0-9_]{1,60}$" maxLength:"64" doc:"The refit's id"`
}

type listRefitsIn struct {
	InWorkspace
	Paged
}

func (s *service) refits(api huma.API) {
	tags := []string{"corrections"}
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-reader", Method: http.MethodGet, Path: "/reader", Tags: tags, Summary: "Get what texts are read by",
		Description: "The reader as it comes, or with adjustments to the workspace's corrections: since when, and what they are worth."}, s.reader)
	members(s, api, social.Analyst, huma.Operation{OperationID: "reset-reader", Method: http.MethodDelete, Path: "/reader", Tags: tags, Summary: "Go back to the reader as it comes",
		Description: "From a minute later on, what comes is read without adjustments. What was read before keeps its reading. The refits stay listed; one that goes on is not put in use when it ends. Where the reader is in use as it comes, and no refit goes on, the answer is 404.", DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, _ *InWorkspace) (*struct{}, error) {
			return nil, s.Store.DropReader(ctx, w)
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "create-refit", Method: http.MethodPost, Path: "/reader/refits", Tags: tags, Summary: "Fit the reader to the workspace's corrections",
		Description: "The texts of the newest 2000 messages that were drawn and corrected, or confirmed, are read again, and how the reader weighs its classes is fitted to what people said. A head is adjusted only where at least 100 drawn labels say so, and it is better on texts that it was not fitted to; else it stays as it comes. " +
			"What came of it takes the place of what is in use, also where no head is better. It takes some minutes; one goes on at a time. What was read before keeps its reading.", DefaultStatus: http.StatusCreated}, s.createRefit)
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-refits", Method: http.MethodGet, Path: "/reader/refits", Tags: tags, Summary: "List refits, the newest first",
		Description: "With the results of those that have ended."},
		func(ctx context.Context, w string, in *listRefitsIn) (*PageOut[Refit], error) {
			after, err := s.place(ctx, in.Cursor)
			if err != nil {
				return nil, err
			}
			list, next, err := s.Store.Refits(ctx, w, after, in.Limit)
			if err != nil {
				return nil, err
			}
			out := &PageOut[Refit]{Body: Page[Refit]{Items: []Refit{}}}
			for _, r := range list {
				shown, err := refitOf(r, s.Now())
				if err != nil {
					return nil, err
				}
				out.Body.Items = append(out.Body.Items, shown)
			}
			out.Body.NextCursor, out.Link, err = s.next(ctx, next)
			return out, err
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-refit", Method: http.MethodGet, Path: "/reader/refits/{refit}", Tags: tags, Summary: "Get a refit",
		Description: "How far it is, and when it has ended what came of it."},
		func(ctx context.Context, w string, in *refitIn) (*Out[Refit], error) {
			r, err := s.Store.Refit(ctx, w, in.Refit)
			if err != nil {
				return nil, err
			}
			out, err := refitOf(r, s.Now())
			return &Out[Refit]{out}, err
		})
}

func (s *service) reader(ctx context.Context, w string, _ *InWorkspace) (*Out[ReaderInUse], error) {
	use, err := s.Store.ReaderOf(ctx, w)
	if err != nil {
		return nil, err
	}
	out := &Out[ReaderInUse]{ReaderInUse{Reader: versionOf(use)}}
	if use != nil {
		r, err := s.Store.Refit(ctx, w, use.Refit)
		if err != nil {
			return nil, err
		}
		shown, err := refitOf(r, s.Now())
		if err != nil {
			return nil, err
		}
		out.Body.Refit, out.Body.Since = &shown, &use.Since
		out.Body.Outdated = use.Document.Reader != social.ReaderVersion
	}
	list, _, err := s.Store.Refits(ctx, w, "", 1)
	if err != nil || len(list) == 0 {
		return out, err
	}
	newest, err := refitOf(list[0], s.Now())
	out.Body.Newest = &newest
	return out, err
}

// versionOf is the version by which texts are read: what was fitted to another reader than there is now does not count.
func versionOf(use *store.InUse) string {
	if use == nil || use.Document.Reader != social.ReaderVersion {
		return social.ReaderVersion
	}
	return use.Document.Version()
}

func (s *service) createRefit(ctx context.Context, w string, _ *InWorkspace) (*CreatedOut[Refit], error) {
	caller, now := callerOf(ctx), social.Instant(s.begun(ctx))
	by := caller.by()
	// Asked first: a refit that is refused counts for nothing.
	if goes, err := s.Store.Refitting(ctx, w, now); err != nil {
		return nil, err
	} else if goes != "" {
		return nil, fault.New(fault.Conflict, "the refit %s goes on already", goes)
	}
	if err := s.ask(ctx, w, limit.Refits); err != nil {
		return nil, err
	}
	id, err := s.randomID(store.RefitID(now))
	if err != nil {
		return nil, err
	}
	r, err := refitting.Begin(ctx, s.Store, w, id, by, now)
	if err != nil {
		return nil, err
	}
	if err := s.Refit(ctx, w, r.ID); err != nil {
		// Nobody will carry it out: the next one need not wait for it.
		x := refitting.Refitting{Store: s.Store}
		return nil, errors.Join(err, x.Fail(ctx, w, r.ID, err, s.Now()))
	}
	out, err := refitOf(r, s.Now())
	return &CreatedOut[Refit]{Location: "/v1/workspaces/" + w + "/reader/refits/" + r.ID, Body: out}, err
}

func refitOf(r store.Refit, now time.Time) (Refit, error) {
	var state refitting.State
	if err := json.Unmarshal(r.State, &state); err != nil {
		return Refit{}, err
	}
	out := Refit{ID: r.ID, Begun: r.Begun, By: r.By, Looked: state.Looked, Of: state.Of, Ended: r.Ended(), Failed: r.Failed}
	if dead := r.Stalled(now); dead != "" {
		out.Failed, out.Ended = dead, true
	}
	if r.Result == nil {
		return out, nil
	}
	var res refitting.Result
	if err := json.Unmarshal(r.Result, &res); err != nil {
		return out, err
	}
	out.Result = &RefitResult{Reader: res.Reader, Drawn: res.Drawn, Picked: res.Picked, Unread: res.Unread, Gone: res.Gone, Corrections: res.Corrections, Heads: []RefitHead{}}
	if res.Document != nil {
		out.Result.Reader = res.Document.Version()
	}
	var problems []error
	for _, h := range refit.Heads {
		v := res.Heads[h]
		shown := RefitHead{Head: string(h), Labels: v.Labels, Why: v.Why, Adjusted: v.Adjustment != nil}
		if v.Before != nil {
			shown.LogLossBefore, shown.LogLossAfter = &v.Before.LogLoss, &v.After.LogLoss
			shown.RightBefore, shown.RightAfter, shown.Difference = fitted(v.Before.Right), fitted(v.After.Right), fitted(*v.Difference)
		}
		if a := v.Adjustment; a != nil {
			shown.Slope = &a.Slope
			names := classes[h]
			if len(names) != len(a.Offsets) {
				problems = append(problems, fault.New(fault.Internal, "%d offsets of %s", len(a.Offsets), h))
				continue
			}
			for k, b := range a.Offsets {
				shown.Offsets = append(shown.Offsets, RefitOffset{names[k], b})
			}
		}
		out.Result.Heads = append(out.Result.Heads, shown)
	}
	return out, errors.Join(problems...)
}

// classes are what the classes of each head are called.
var classes = map[refit.Head][]string{refit.Sentiment: social.Sentiments, refit.Intent: social.Intents, refit.Severity: {"0", "1", "2", "3"}, refit.NeedsAnswer: {"no", "yes"}}

func fitted(x refit.Interval) *Interval { return &Interval{x.Value, x.Low, x.High} }
