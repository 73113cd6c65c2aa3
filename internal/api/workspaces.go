package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/report"
	"rapport/internal/scoring"
	"rapport/internal/store"
)

// Workspace is one customer of Rapport.
type Workspace struct {
	ID       string    `json:"id" example:"acme"`
	Name     string    `json:"name" example:"Acme Inc."`
	TimeZone string    `json:"time_zone" example:"Europe/Berlin" doc:"IANA name; reports are due in it"`
	Created  time.Time `json:"created"`
}

func workspace(w store.Workspace) Workspace { return Workspace(w) }

// NewWorkspace is what a workspace is created from.
type NewWorkspace struct {
	ID         string   `json:"id" pattern:"^[a-z0-9-]{3,40}$" maxLength:"40" example:"acme" doc:"Its id in URLs; it stays"`
	Name       string   `json:"name" minLength:"1" maxLength:"200" example:"Acme Inc."`
	TimeZone   string   `json:"time_zone" minLength:"1" maxLength:"64" example:"Europe/Berlin" doc:"IANA name"`
	Recipients []string `json:"recipients,omitempty" maxItems:"50" example:"[\"ada@example.com\"]" doc:"Mail addresses that get the weekly report"`
}

type createWorkspaceIn struct{ Body NewWorkspace }

// weekly is the report that every workspace has from the start.
const weekly = "weekly"

func (s *service) workspaces(api huma.API) {
	open(api, huma.Operation{OperationID: "list-workspaces", Method: http.MethodGet, Path: "/v1/workspaces", Tags: []string{"workspaces"}, Summary: "List the workspaces you are a member of"},
		func(ctx context.Context, caller string, _ *struct{}) (*Out[List[Workspace]], error) {
			ids, err := s.Store.Workspaces(ctx, caller)
			if err != nil {
				return nil, err
			}
			out := &Out[List[Workspace]]{List[Workspace]{Items: []Workspace{}}}
			for _, id := range ids {
				w, err := s.Store.Workspace(ctx, id)
				if err != nil {
					return nil, fmt.Errorf("workspace %s: %w", id, err)
				}
				out.Body.Items = append(out.Body.Items, workspace(w))
			}
			return out, nil
		})
	create := huma.Operation{OperationID: "create-workspace", Method: http.MethodPost, Path: "/v1/workspaces", Tags: []string{"workspaces"}, Summary: "Create a workspace",
		Description:   "You become its first member. It starts with the default scoring model and a weekly report, due on Mondays at 08:00 in its time zone.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}
	created := once(s, &create, s.createWorkspace)
	open(api, create, created)
	members(s, api, huma.Operation{OperationID: "get-workspace", Method: http.MethodGet, Path: "", Tags: []string{"workspaces"}, Summary: "Get a workspace"},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[Workspace], error) {
			ws, err := s.Store.Workspace(ctx, w)
			if err != nil {
				return nil, err
			}
			return &Out[Workspace]{workspace(ws)}, nil
		})
}

// createWorkspace creates the workspace, then what it starts with, the weekly
// report last: while that is missing, its creator can ask again.
func (s *service) createWorkspace(ctx context.Context, caller string, in *createWorkspaceIn) (*CreatedOut[Workspace], error) {
	b := in.Body
	if err := plain("body.name", b.Name); err != nil {
		return nil, err
	}
	schedule, err := report.NewWeekly(time.Monday, 8, 0, b.TimeZone)
	if err != nil {
		return nil, invalid("body.time_zone", "is no IANA time zone")
	}
	if err := addresses("body.recipients", b.Recipients); err != nil {
		return nil, err
	}
	now := s.begun(ctx)
	w := store.Workspace{ID: b.ID, Name: b.Name, TimeZone: b.TimeZone, Created: now}
	switch err := s.Store.CreateWorkspace(ctx, w, caller); {
	case fault.Is(err, fault.Conflict):
		taken := fault.New(fault.Conflict, "the workspace id is taken")
		if s.member(ctx, caller, b.ID) != nil {
			return nil, taken
		}
		if w, err = s.Store.Workspace(ctx, b.ID); err != nil {
			return nil, err
		}
		if _, err := s.Store.Report(ctx, b.ID, weekly); err == nil && again(ctx) && w.Created.Equal(now) {
			break // an attempt of the same request made it
		} else if !fault.Is(err, fault.NotFound) {
			return nil, taken
		}
		if schedule, err = report.NewWeekly(time.Monday, 8, 0, w.TimeZone); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	m := scoring.DefaultModel()
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Publish(ctx, w.ID, store.Models, store.Document{Version: strconv.Itoa(m.Version), Published: w.Created, Body: body}); err != nil {
		return nil, err
	}
	if err := s.Store.PutTick(ctx, w.ID); err != nil {
		return nil, err
	}
	r := store.Report{ID: weekly, Name: "Weekly report", Weekday: int(time.Monday), Hour: 8, Recipients: b.Recipients, Created: now}
	if err := s.Store.PutReport(ctx, w.ID, r, schedule.Next(now)); err != nil {
		return nil, err
	}
	return &CreatedOut[Workspace]{Location: "/v1/workspaces/" + w.ID, Body: workspace(w)}, nil
}

// plain refuses text that is not one line of visible characters.
func plain(location, text string) error {
	visible := false
	for _, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
			return invalid(location, "holds a control character or a line end")
		}
		visible = visible || unicode.IsGraphic(r) && !unicode.IsSpace(r)
	}
	if !visible {
		return invalid(location, "is blank")
	}
	return nil
}

// addresses refuses what is not a list of different mail addresses.
func addresses(location string, list []string) error {
	seen := map[string]bool{}
	for i, a := range list {
		here := fmt.Sprintf("%s[%d]", location, i)
		if mail.CheckAddress(a) != nil {
			return invalid(here, "is not a single plain mail address (local@domain)")
		}
		if seen[a] {
			return invalid(here, "stands twice")
		}
		seen[a] = true
	}
	return nil
}
