package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/limit"
	"rapport/internal/pattern"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// ModelPreset is a scoring model to start from.
type ModelPreset struct {
	Name  string          `json:"name"`
	Title string          `json:"title"`
	About string          `json:"about" doc:"What it is for, and what it needs"`
	Model json.RawMessage `json:"model" doc:"The document of rules"`
}

// Rules is a document of rules as it was sent: scoring reads it, and says what
// is wrong with it.
type Rules struct{ json.RawMessage }

// Schema is what huma asks of a type that is not described by its fields.
func (Rules) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// NewModel is a scoring model to be published.
type NewModel struct {
	Model Rules `json:"model" doc:"The document of rules, as get-model gives it: its id says which model it is a version of, or adds one, and its version is set when it is published. docs/scoring.md says how rules are written"`
}

// InModel is the part of a request that names a scoring model.
type InModel struct {
	Model string `query:"model" default:"default" pattern:"^[a-z][a-z0-9-]{1,30}$" maxLength:"31" doc:"The id of the scoring model: list-models names those in use"`
}

// InCompared is the part of a request that names the scoring model that another
// is compared with.
type InCompared struct {
	Model string `query:"model" pattern:"^[a-z][a-z0-9-]{1,30}$" maxLength:"31" doc:"The id of the scoring model in use to compare with. Without it, the one that the document's id names, if it is in use, and else the default one; another than that one is refused"`
}

// ModelInUse is a scoring model that people are scored by.
type ModelInUse struct {
	ID        string `json:"id" example:"default"`
	Title     string `json:"title,omitempty"`
	Version   string `json:"version" doc:"The version that is in use"`
	CallFrom  string `json:"call_from,omitempty" example:"15" doc:"From how many points somebody should call; absent: its document can't be read any more, publish another version"`
	Leads     *int   `json:"leads,omitempty" doc:"With totals=true: people with a score by it; at most 10000 are counted"`
	LeadsMore bool   `json:"leads_more,omitempty" doc:"There are more than leads"`
}

// ModelPage is the scoring models in use, and a page of the versions of one.
type ModelPage struct {
	Page[Version]
	Models []ModelInUse `json:"models" doc:"Those in use, the default one first"`
}

type listModelsIn struct {
	InWorkspace
	InModel
	Paged
	Totals bool `query:"totals" doc:"Also how many leads there are by each model in use"`
}

type listModelsOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body ModelPage
}

type ofModelIn struct {
	InWorkspace
	InModel
}

// NewTrial says which scoring model to try, and on whom.
type NewTrial struct {
	Model  Rules    `json:"model" doc:"The document of rules, as for publish-model; nothing of it is stored"`
	People []string `json:"people" minItems:"1" maxItems:"20" uniqueItems:"true" doc:"Ids of persons, as leads have them"`
	AsOf   string   `json:"as_of,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Evaluate as of this instant; without it, as of now"`
}

// ModelTrial is what a scoring model says of people, beside the active one.
type ModelTrial struct {
	AsOf   time.Time     `json:"as_of" doc:"The instant that all of them were evaluated for"`
	People []PersonTrial `json:"people" doc:"In the order in which they were named"`
	Nobody []string      `json:"nobody" doc:"Of the ids that were named: those of no lead, or of one who had done nothing by then"`
}

// PersonTrial is a person by two scoring models.
type PersonTrial struct {
	Person string     `json:"person"`
	Tried  ScoredLead `json:"tried" doc:"By the model that is tried"`
	Active ScoredLead `json:"active" doc:"By the model in use"`
}

// ScoredLead is a score and what it is the sum of.
type ScoredLead struct {
	Model         string      `json:"model" example:"default@1" doc:"Id and version of the scoring model; of one that is tried the version that it would get"`
	Score         string      `json:"score" example:"27.25" doc:"Points, exact"`
	MicroPoints   int64       `json:"micro_points" doc:"The same in millionths of a point"`
	Grade         string      `json:"grade" example:"?1" doc:"Fit (A to D, or ?) and engagement (1 to 4)"`
	Engagement    int         `json:"engagement" minimum:"1" maximum:"4" doc:"1 is the most engaged"`
	Call          bool        `json:"call" doc:"Whether somebody should call: the score reaches call_from of the model"`
	Contributions []RuleGiven `json:"contributions" doc:"They add up to the score, exactly"`
}

// RuleGiven is what one rule gave.
type RuleGiven struct {
	Rule        string `json:"rule"`
	Points      string `json:"points" example:"4.5"`
	MicroPoints int64  `json:"micro_points"`
	Reason      string `json:"reason" doc:"A sentence with the numbers in it"`
}

// ModelComparison is what a scoring model has otherwise than another.
type ModelComparison struct {
	From    string        `json:"from" doc:"The version that it is compared with"`
	To      string        `json:"to" doc:"The version that has it otherwise"`
	Changes []ModelChange `json:"changes" doc:"First what is the model's own, then rule by rule; empty: both say the same"`
}

// ModelChange is one difference between two scoring models.
type ModelChange struct {
	Rule   string          `json:"rule,omitempty" doc:"The id of the rule; absent: it is the model's own"`
	What   string          `json:"what" enum:"added,removed,changed"`
	Field  string          `json:"field,omitempty" doc:"Of what was changed: the field, as the document names it; order: the order of the rules that both have"`
	Before json.RawMessage `json:"before,omitempty" doc:"As from has it; absent: it has none"`
	After  json.RawMessage `json:"after,omitempty" doc:"As to has it; absent: it has none"`
}

// ModelProgress is how far leads are scored by the active model.
type ModelProgress struct {
	Model   string     `json:"model" example:"default" doc:"The id of the scoring model"`
	Version string     `json:"version" doc:"Of the scoring model in use"`
	Done    int        `json:"done" doc:"Accounts whose persons are scored by it"`
	Of      int        `json:"of" doc:"Accounts there are; 0 until they are counted"`
	Failed  int        `json:"failed" doc:"People whose score could not be computed: their leads stay as they were"`
	Ended   bool       `json:"ended" doc:"Whether the list of leads stands in the order of this model"`
	At      *time.Time `json:"at,omitempty" doc:"When this was so; absent: no model was published since the workspace was made"`
}

type publishModelIn struct {
	InWorkspace
	Body NewModel
}

type tryModelIn struct {
	InWorkspace
	InCompared
	Body NewTrial
}

type compareModelsIn struct {
	InWorkspace
	InModel
	Version string `path:"version" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64"`
	Against string `query:"against" example:"1" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64" doc:"The version to compare with; without it, the one in use"`
}

func (s *service) models(api huma.API) {
	const refused = "A document that can't be evaluated is refused as a whole, with every problem and its place in it."
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-model-presets", Method: http.MethodGet, Path: "/models/presets", Tags: []string{"models"}, Summary: "List scoring models to start from",
		Description: "Documents for publish-model and try-model; the first is what a new workspace starts with."},
		func(ctx context.Context, w string, in *struct{ InWorkspace }) (*Out[List[ModelPreset]], error) {
			out := &Out[List[ModelPreset]]{List[ModelPreset]{Items: []ModelPreset{}}}
			for _, p := range scoring.Presets() {
				b, err := json.Marshal(p.Model)
				if err != nil {
					return nil, err
				}
				out.Body.Items = append(out.Body.Items, ModelPreset{p.Name, p.Model.Title, p.About, b})
			}
			return out, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-model-progress", Method: http.MethodGet, Path: "/models/progress", Tags: []string{"models"}, Summary: "Get how far leads are scored by the model in use",
		Description: "After a model was published, the list of leads comes to stand in its order bit by bit. What is shown of a lead is by the new model at once."}, s.modelProgress)
	members(s, api, social.Viewer, huma.Operation{OperationID: "compare-models", Method: http.MethodGet, Path: "/models/{version}/changes", Tags: []string{"models"}, Summary: "Compare two scoring models",
		Description: "Which rules and settings a version has otherwise than another."},
		func(ctx context.Context, w string, in *compareModelsIn) (*Out[ModelComparison], error) {
			changes, from, err := s.Leads.By(in.Model).Compare(ctx, w, in.Against, in.Version)
			if err != nil {
				return nil, err
			}
			out := ModelComparison{From: from, To: in.Version, Changes: []ModelChange{}}
			for _, c := range changes {
				out.Changes = append(out.Changes, ModelChange(c))
			}
			return &Out[ModelComparison]{out}, nil
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "try-model", Method: http.MethodPost, Path: "/model-trials", Tags: []string{"models"}, Summary: "Try a scoring model on people",
		Description: "Scores the people by the model, and by the version in use, side by side: of the model that its id names, or of the default one, where it names a new one and the query none. Nothing of it is stored. " + refused, DefaultStatus: http.StatusOK}, s.tryModel)
	members(s, api, social.Analyst, huma.Operation{OperationID: "publish-model", Method: http.MethodPost, Path: "/models", Tags: []string{"models"}, Summary: "Publish a scoring model",
		Description: "It is in use from now on, as the next version of the model that its id names; one that says what the version in use says stays that version. With an id of its own it is in use beside the others: a workspace has up to 5. " +
			"All leads are scored by it: get-model-progress says how far. " + refused, DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}},
		func(ctx context.Context, w string, in *publishModelIn) (*CreatedOut[Model], error) {
			return s.publish(ctx, w, func(queue func(leads.Rescoring) error) (store.Document, error) {
				return s.Leads.Publish(ctx, w, in.Body.Model.RawMessage, social.Instant(s.Now()), queue)
			})
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "activate-model", Method: http.MethodPost, Path: "/models/{version}/activations", Tags: []string{"models"}, Summary: "Go back to a scoring model",
		Description: "A version that was published before is the one in use again, also of a model that was retired, and all leads are scored by it: get-model-progress says how far.", DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}},
		func(ctx context.Context, w string, in *modelVersionIn) (*CreatedOut[Model], error) {
			return s.publish(ctx, w, func(queue func(leads.Rescoring) error) (store.Document, error) {
				return s.Leads.By(in.Model).Activate(ctx, w, in.Version, social.Instant(s.Now()), queue)
			})
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "retire-model", Method: http.MethodDelete, Path: "/models", Tags: []string{"models"}, Summary: "Put a scoring model out of use",
		Description: "Nobody is scored by it any more, and the leads by it are taken away. Its versions stay listed, and activate-model puts one in use again. The default model can't be retired.", DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, in *ofModelIn) (*struct{}, error) {
			if in.Model == leads.ModelID {
				return nil, invalid("query.model", "is the model that every workspace has: publish another version of it")
			}
			return nil, s.Leads.By(in.Model).Retire(ctx, w, func(by leads.Rescoring) error { return s.Rescore(ctx, w, by) })
		})
}

// publish answers with what was published.
func (s *service) publish(ctx context.Context, w string, use func(queue func(leads.Rescoring) error) (store.Document, error)) (*CreatedOut[Model], error) {
	if err := s.ask(ctx, w, limit.Publications); err != nil {
		return nil, err
	}
	model := ""
	d, err := use(func(by leads.Rescoring) error {
		model = by.Model
		return s.Rescore(ctx, w, by)
	})
	if err != nil {
		return nil, modelProblem(err)
	}
	location := "/v1/workspaces/" + w + "/models/" + d.Version
	if model != leads.ModelID {
		location += "?model=" + model
	}
	return &CreatedOut[Model]{Location: location, Body: Model{Version{d.Version, d.Published, true}, d.Body}}, nil
}

func (s *service) modelProgress(ctx context.Context, w string, in *ofModelIn) (*Out[ModelProgress], error) {
	active, err := s.Leads.By(in.Model).Version(ctx, w)
	if err != nil {
		return nil, err
	}
	x, err := s.Store.Scored(ctx, w, in.Model)
	if err != nil {
		return nil, err
	}
	switch x.Version {
	case active:
		return &Out[ModelProgress]{ModelProgress{in.Model, active, x.Done, x.Of, x.Failed, x.Ended, some(x.At)}}, nil
	case "": // the workspace has the model that it began with
		return &Out[ModelProgress]{ModelProgress{Model: in.Model, Version: active, Ended: true}}, nil
	}
	return &Out[ModelProgress]{ModelProgress{Model: in.Model, Version: active, At: some(x.At)}}, nil // it is being published
}

// activeModels are the versions in use, none where none was published.
func (s *service) activeModels(ctx context.Context, w string) (map[string]string, error) {
	active, err := s.Store.ActiveModels(ctx, w)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return active, err
}

func (s *service) listModels(ctx context.Context, w string, in *listModelsIn) (*listModelsOut, error) {
	active, err := s.activeModels(ctx, w)
	if err != nil {
		return nil, err
	}
	out := &listModelsOut{Body: ModelPage{Models: []ModelInUse{}}}
	if out.Body.Page, out.Link, err = s.versions(ctx, w, store.ModelKind(in.Model), active[in.Model], in.Paged); err != nil {
		return nil, err
	}
	if len(active) == 0 {
		return out, nil
	}
	if len(out.Body.Items) == 0 && in.Cursor == "" { // none was ever called so
		if _, err := s.Leads.By(in.Model).Version(ctx, w); err != nil {
			return nil, err
		}
	}
	list, err := s.Leads.InUse(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		x := ModelInUse{ID: m.ID, Title: m.Title, Version: m.Version}
		if m.CallFrom != 0 {
			x.CallFrom = scoring.Decimal(m.CallFrom)
		}
		if in.Totals {
			n, err := s.Store.CountLeads(ctx, w, m.ID, maxCounted+1)
			if err != nil {
				return nil, err
			}
			x.LeadsMore = n > maxCounted
			n = min(n, maxCounted)
			x.Leads = &n
		}
		out.Body.Models = append(out.Body.Models, x)
	}
	return out, nil
}

// against looks at leads by the model that a document is to be compared with.
func (s *service) against(ctx context.Context, w string, document []byte, asked string) (*leads.Leads, error) {
	l, err := s.Leads.Against(ctx, w, document, asked)
	if fault.Is(err, fault.Invalid) {
		return nil, invalid("query.model", "%s", fault.Message(err))
	}
	return l, err
}

// personForm is the form of the id of a person.
var personForm = pattern.New(`^per_[A-Za-z0-9_-]{1,60}$`)

func (s *service) tryModel(ctx context.Context, w string, in *tryModelIn) (*Out[ModelTrial], error) {
	for i, id := range in.Body.People {
		if !personForm.MatchString(id) {
			return nil, invalid(fmt.Sprintf("body.people[%d]", i), "is no id of a person: list-leads has them")
		}
	}
	asOf, err := requestTime("body.as_of", in.Body.AsOf)
	if err != nil {
		return nil, err
	}
	if asOf.IsZero() {
		asOf = social.Instant(s.Now())
	}
	against, err := s.against(ctx, w, in.Body.Model.RawMessage, in.Model)
	if err != nil {
		return nil, err
	}
	trials, nobody, err := against.Try(ctx, w, in.Body.Model.RawMessage, in.Body.People, asOf)
	if err != nil {
		return nil, modelProblem(err)
	}
	out := ModelTrial{AsOf: asOf, People: []PersonTrial{}, Nobody: append([]string{}, nobody...)}
	for _, t := range trials {
		out.People = append(out.People, PersonTrial{t.Person, scoredLead(t.By, t.ByCalls), scoredLead(t.Active, t.ActiveCalls)})
	}
	return &Out[ModelTrial]{out}, nil
}

func scoredLead(x scoring.Score, calls bool) ScoredLead {
	out := ScoredLead{Model: x.Model, Score: scoring.Decimal(x.Micro), MicroPoints: x.Micro, Grade: x.Grade, Engagement: x.Engagement, Call: calls, Contributions: []RuleGiven{}}
	for _, c := range x.Contributions {
		out.Contributions = append(out.Contributions, RuleGiven{c.Rule, scoring.Decimal(c.Micro), c.Micro, c.Reason})
	}
	return out
}

// modelProblem is a 422 with each problem of a model's document at its place,
// at most as many as scoring lists, or err where it is about something else.
// The messages quote names of the document, shortened: its author is the caller.
func modelProblem(err error) error {
	problems, ok := errors.AsType[scoring.Problems](err)
	if !ok {
		return err
	}
	out := newProblem(http.StatusUnprocessableEntity, "the scoring model can't be evaluated as it stands")
	out.Errors = problemsAt("body.model", problems)
	return out
}

// problemsAt are the problems of a model's document that stands at a place.
func problemsAt(at string, problems scoring.Problems) []FieldError {
	out := make([]FieldError, len(problems))
	for i, p := range problems {
		out[i] = FieldError{short(at + strings.TrimPrefix(p.Path, "$")), short(p.Message)}
	}
	return out
}
