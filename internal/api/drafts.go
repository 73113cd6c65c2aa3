package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/limit"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Saved says which draft of a scoring model there is.
type Saved struct {
	Name string    `json:"name" example:"spring-campaign"`
	At   time.Time `json:"at" doc:"When it was saved last"`
	By   string    `json:"by" doc:"The id of the member or key that saved it"`
}

// ModelDraft is a scoring model that is being written.
type ModelDraft struct {
	Saved
	Model    json.RawMessage `json:"model" doc:"The document of rules, as it was saved"`
	Problems []FieldError    `json:"problems" doc:"Why it can't be published as it stands, each with its place, at most 100; empty: it can"`
}

// NewDraft is a draft to be saved.
type NewDraft struct {
	Model Rules `json:"model" doc:"The document of rules as far as it is written. What is wrong with it is told, and keeps it from being published, not from being saved"`
}

// InDraft is the part of a request that names a draft.
type InDraft struct {
	InWorkspace
	Draft string `path:"draft" pattern:"^[a-z0-9-]{1,40}$" maxLength:"40" example:"spring-campaign" doc:"The draft's name, which is yours to choose"`
}

type putDraftIn struct {
	InDraft
	IfMatch
	Body NewDraft
}

func (s *service) drafts(api huma.API) {
	tags := []string{"models"}
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-model-drafts", Method: http.MethodGet, Path: "/model-drafts", Tags: tags, Summary: "List drafts of scoring models",
		Description: "Nobody is scored by a draft."},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Saved]], error) {
			list, err := s.Store.Drafts(ctx, w)
			out := &Out[List[Saved]]{List[Saved]{Items: []Saved{}}}
			for _, d := range list {
				out.Body.Items = append(out.Body.Items, Saved{d.Name, d.At, d.By})
			}
			return out, err
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-model-draft", Method: http.MethodGet, Path: "/model-drafts/{draft}", Tags: tags, Summary: "Get a draft of a scoring model",
		Description: "With what keeps it from being published. Its document is what try-model, create-backtest and publish-model take."},
		func(ctx context.Context, w string, in *InDraft) (*Out[ModelDraft], error) {
			d, err := s.Store.Draft(ctx, w, in.Draft)
			if err != nil {
				return nil, err
			}
			out, err := draftOf(d)
			return &Out[ModelDraft]{out}, err
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "put-model-draft", Method: http.MethodPut, Path: "/model-drafts/{draft}", Tags: tags, Summary: "Save a draft of a scoring model",
		Description: "It replaces what was saved under that name, and changes no score. Publishing it is publish-model with its document.", Errors: []int{http.StatusPreconditionFailed}}, s.putDraft)
	members(s, api, social.Analyst, huma.Operation{OperationID: "delete-model-draft", Method: http.MethodDelete, Path: "/model-drafts/{draft}", Tags: tags, Summary: "Delete a draft of a scoring model",
		DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, in *InDraft) (*struct{}, error) {
			return nil, s.Store.DeleteDraft(ctx, w, in.Draft)
		})
}

func (s *service) putDraft(ctx context.Context, w string, in *putDraftIn) (*Out[ModelDraft], error) {
	d := store.Draft{Name: in.Draft, At: social.Instant(s.Now()), By: callerOf(ctx).by(), Body: in.Body.Model.RawMessage}
	write := func() error {
		old, err := s.Store.Draft(ctx, w, in.Draft)
		switch {
		case err == nil:
			d.Version = old.Version
			if in.given() {
				there, err := draftOf(old)
				if err != nil {
					return err
				}
				if err := in.holds(there); err != nil {
					return err
				}
			}
		case !fault.Is(err, fault.NotFound):
			return err
		case in.given():
			return errChanged
		default:
			d.Version = 0
			list, err := s.Store.Drafts(ctx, w)
			if err == nil {
				err = s.room(ctx, limit.Drafts, len(list))
			}
			if err != nil {
				return err
			}
		}
		return s.Store.PutDraft(ctx, w, d)
	}
	var err error
	if in.given() {
		err = changedIf(write())
	} else {
		err = store.Again(ctx, write)
	}
	if err != nil {
		return nil, err
	}
	out, err := draftOf(d)
	return &Out[ModelDraft]{out}, err
}

func draftOf(d store.Draft) (ModelDraft, error) {
	out := ModelDraft{Saved{d.Name, d.At, d.By}, d.Body, []FieldError{}}
	err := leads.Check(d.Body)
	if problems, ok := errors.AsType[scoring.Problems](err); ok {
		out.Problems, err = problemsAt("model", problems), nil
	}
	return out, err
}
