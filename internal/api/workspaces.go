package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/langid"
	"rapport/internal/mail"
	"rapport/internal/report"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Workspace is one customer of Rapport.
type Workspace struct {
	ID        string    `json:"id" example:"acme"`
	Name      string    `json:"name" example:"Acme Inc."`
	TimeZone  string    `json:"time_zone" example:"Europe/Berlin" doc:"IANA name; reports are due in it"`
	Languages []string  `json:"languages" example:"[\"de\",\"en\"]" doc:"ISO 639-1 codes of the languages that your people are expected to write in; empty: any"`
	Created   time.Time `json:"created"`
	Role      string    `json:"role" enum:"viewer,agent,analyst,owner" doc:"Yours in it"`
	Member    string    `json:"member,omitempty" doc:"You in it, by which you can leave it (delete-member); absent for a machine key"`
}

// workspace is a workspace as the caller sees it.
func workspace(w store.Workspace, role social.Role, c Caller) Workspace {
	out := Workspace{ID: w.ID, Name: w.Name, TimeZone: w.TimeZone, Languages: append([]string{}, w.Languages...), Created: w.Created, Role: string(role)}
	if !c.machine() {
		out.Member = store.MemberID(c.Subject)
	}
	return out
}

// NewName is a name to give.
type NewName struct {
	Name string `json:"name" minLength:"1" maxLength:"200" example:"Acme Inc." doc:"The name from now on"`
}

// ExpectedLanguages are the languages that people are expected to write in.
type ExpectedLanguages struct {
	Languages []string `json:"languages" maxItems:"20" uniqueItems:"true" pattern:"^[a-z]{2}$" example:"[\"de\",\"en\"]" doc:"ISO 639-1 codes; empty: any"`
}

type expectIn struct {
	InWorkspace
	Body ExpectedLanguages
}

type renameIn struct {
	InWorkspace
	IfMatch
	Body NewName
}

type deleteWorkspaceIn struct {
	InWorkspace
	Name string `query:"name" maxLength:"200" required:"true" doc:"The workspace's name, so that none is deleted by mistake"`
}

// NewWorkspace is what a workspace is created from.
type NewWorkspace struct {
	ID         string   `json:"id" pattern:"^[a-z0-9-]{3,40}$" maxLength:"40" example:"acme" doc:"Its id in URLs; it stays"`
	Name       string   `json:"name" minLength:"1" maxLength:"200" example:"Acme Inc."`
	TimeZone   string   `json:"time_zone" minLength:"1" maxLength:"64" example:"Europe/Berlin" doc:"IANA name"`
	Recipients []string `json:"recipients,omitempty" maxItems:"50" example:"[\"ada@example.com\"]" doc:"Mail addresses that get the weekly report, once they have confirmed"`
}

type createWorkspaceIn struct{ Body NewWorkspace }

// weekly is the report that every workspace has from the start.
const weekly = "weekly"

func (s *service) workspaces(api huma.API) {
	open(api, huma.Operation{OperationID: "list-workspaces", Method: http.MethodGet, Path: "/v1/workspaces", Tags: []string{"workspaces"}, Summary: "List the workspaces you are a member of"},
		func(ctx context.Context, caller Caller, _ *struct{}) (*Out[List[Workspace]], error) {
			ids := []string{caller.Of}
			if !caller.machine() {
				var err error
				if ids, err = s.Store.Workspaces(ctx, caller.Subject); err != nil {
					return nil, err
				}
			}
			out := &Out[List[Workspace]]{List[Workspace]{Items: []Workspace{}}}
			for _, id := range ids {
				w, err := s.Store.Workspace(ctx, id)
				if fault.Is(err, fault.NotFound) {
					continue // it is being deleted
				}
				if err != nil {
					return nil, fmt.Errorf("workspace %s: %w", id, err)
				}
				role, err := s.role(ctx, caller, id)
				if fault.Is(err, fault.NotFound) {
					continue // removed meanwhile
				}
				if err != nil {
					return nil, err
				}
				out.Body.Items = append(out.Body.Items, workspace(w, role, caller))
			}
			return out, nil
		})
	create := huma.Operation{OperationID: "create-workspace", Method: http.MethodPost, Path: "/v1/workspaces", Tags: []string{"workspaces"}, Summary: "Create a workspace",
		Description:   "You become its owner. It starts with the default scoring model and a weekly report, due on Mondays at 08:00 in its time zone.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusConflict}}
	created := once(s, &create, s.createWorkspace)
	open(api, create, created)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-workspace", Method: http.MethodGet, Path: "", Tags: []string{"workspaces"}, Summary: "Get a workspace"},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[Workspace], error) {
			ws, err := s.Store.Workspace(ctx, w)
			if err != nil {
				return nil, err
			}
			role, err := s.role(ctx, callerOf(ctx), w)
			if err != nil {
				return nil, err
			}
			return &Out[Workspace]{workspace(ws, role, callerOf(ctx))}, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "put-workspace-name", Method: http.MethodPut, Path: "/name", Tags: []string{"workspaces"}, Summary: "Rename a workspace",
		Description: "Its id stays. If-Match takes the workspace's ETag.", Errors: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, w string, in *renameIn) (*Out[Workspace], error) {
			if err := plain("body.name", in.Body.Name); err != nil {
				return nil, err
			}
			role, err := s.role(ctx, callerOf(ctx), w)
			if err != nil {
				return nil, err
			}
			var only *string // as which it may be replaced
			if in.given() {
				there, err := s.Store.Workspace(ctx, w)
				if err != nil {
					return nil, err
				}
				if err := in.holds(workspace(there, role, callerOf(ctx))); err != nil {
					return nil, err
				}
				only = &there.Name
			}
			if err := s.Store.RenameWorkspace(ctx, w, in.Body.Name, only); err != nil {
				return nil, changedIf(err)
			}
			ws, err := s.Store.Workspace(ctx, w)
			return &Out[Workspace]{workspace(ws, role, callerOf(ctx))}, err
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "put-workspace-languages", Method: http.MethodPut, Path: "/languages", Tags: []string{"workspaces"}, Summary: "Say in which languages people write",
		Description: "A text under 40 bytes that seems to be in another language is then taken to be in the likeliest of these; a longer one stays in the language it is in. It holds for what comes from a minute later on."},
		func(ctx context.Context, w string, in *expectIn) (*Out[Workspace], error) {
			known := langid.Languages()
			for i, l := range in.Body.Languages {
				if !slices.Contains(known, l) {
					return nil, invalid(fmt.Sprintf("body.languages[%d]", i), "is none of the languages that are told apart: %s", strings.Join(known, ", "))
				}
			}
			if err := s.Store.SetLanguages(ctx, w, in.Body.Languages); err != nil {
				return nil, err
			}
			role, err := s.role(ctx, callerOf(ctx), w)
			if err != nil {
				return nil, err
			}
			ws, err := s.Store.Workspace(ctx, w)
			return &Out[Workspace]{workspace(ws, role, callerOf(ctx))}, err
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-workspace", Method: http.MethodDelete, Path: "", Tags: []string{"workspaces"}, Summary: "Delete a workspace and everything in it",
		Description:   "It can't be undone. To everybody it does not exist any more, at once; hooks of its sources answer as unknown within a minute. Its data, files and secrets are then taken away, which takes from half an hour to hours. Its id can't be used again. Apps of it that sources of other workspaces use stay for these.",
		DefaultStatus: http.StatusAccepted},
		func(ctx context.Context, w string, in *deleteWorkspaceIn) (*Out[Accepted], error) {
			ws, err := s.Store.Workspace(ctx, w)
			if err != nil {
				return nil, err
			}
			if in.Name != ws.Name {
				return nil, invalid("query.name", "is not the workspace's name")
			}
			// Asked for first: it waits a minute, and without the mark that comes now it does nothing.
			if err := s.Wipe(ctx, w); err != nil {
				return nil, err
			}
			if err := s.Store.DeleteWorkspace(ctx, w, s.Now()); err != nil {
				return nil, err
			}
			return &Out[Accepted]{Accepted{true}}, nil
		})
}

// createWorkspace creates the workspace, then what it starts with, the weekly
// report last: while that is missing, its creator can ask again.
func (s *service) createWorkspace(ctx context.Context, caller Caller, in *createWorkspaceIn) (*CreatedOut[Workspace], error) {
	b := in.Body
	if err := s.mayCreate(caller); err != nil {
		return nil, err
	}
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
	line, err := s.newLine(ctx, b.ID, "create-workspace")
	if err != nil {
		return nil, err
	}
	switch err := s.Store.CreateWorkspace(store.WithLine(ctx, line), w, caller.Subject); {
	case fault.Is(err, fault.Conflict):
		taken := fault.New(fault.Conflict, "the workspace id is taken")
		if s.may(ctx, caller, b.ID, social.Owner) != nil {
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
	kept, left, fresh, err := s.admit(ctx, w.ID, b.Recipients)
	if err != nil {
		return nil, err
	}
	r := store.Report{ID: weekly, Name: "Weekly report", Weekday: int(time.Monday), Hour: 8, Recipients: kept, Left: left, Created: now}
	if err := s.Store.PutReport(ctx, w.ID, r, schedule.Next(now)); err != nil {
		return nil, err
	}
	if err := s.askRecipients(ctx, w.ID, r.ID, fresh); err != nil {
		return nil, err
	}
	return &CreatedOut[Workspace]{Location: "/v1/workspaces/" + w.ID, Body: workspace(w, social.Owner, caller)}, nil
}

// plain refuses text that is not one line of visible characters, by the rule of social.Hidden.
func plain(location, text string) error {
	visible := false
	for _, r := range text {
		if social.Hidden(r) {
			return invalid(location, "holds a control character, a line end or a character that turns the direction of writing: leave it out")
		}
		visible = visible || unicode.IsGraphic(r) && !unicode.IsSpace(r)
	}
	if !visible {
		return invalid(location, "is blank")
	}
	return nil
}

// addresses refuses what is not a list of different mail addresses, however
// their letters are written.
func addresses(location string, list []string) error {
	seen := map[string]bool{}
	for i, a := range list {
		here := fmt.Sprintf("%s[%d]", location, i)
		if mail.CheckAddress(a) != nil {
			return invalid(here, "is not a single plain mail address (local@domain)")
		}
		if seen[strings.ToLower(a)] {
			return invalid(here, "stands twice")
		}
		seen[strings.ToLower(a)] = true
	}
	return nil
}
