package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
	"rapport/internal/store"
)

type termsKey struct{}

// termsOf are the workspace's terms, in a request that changes something.
func termsOf(ctx context.Context) store.Terms {
	t, _ := ctx.Value(termsKey{}).(store.Terms)
	return t
}

// xWhileStopped marks in the contract what may be changed while the workspace
// is stopped. What is deleted may be always: it costs nothing.
const xWhileStopped = "x-while-stopped"

func whileStopped() map[string]any { return map[string]any{xWhileStopped: true} }

// stopped refuses a change of a workspace that is stopped, unless it may be made all the same.
func stopped(op huma.Operation, t store.Terms) error {
	if t.Stopped.IsZero() || op.Method == http.MethodDelete || op.Extensions[xWhileStopped] == true {
		return nil
	}
	if t.StoppedBy == store.Operator {
		return fault.New(fault.Conflict, "the operator stopped the workspace: it can be read, and nothing is lost that comes; ask the operator to start it")
	}
	return fault.New(fault.Conflict, "the workspace is stopped: it can be read, and nothing is lost that comes; an owner starts it (put-workspace-stopped)")
}

// room refuses one more of what a limit counts that stands.
func (s *service) room(ctx context.Context, name limit.Name, used int) error {
	return limit.Refuse(name, used, termsOf(ctx).Limits.Most(name), s.Now())
}

// ask counts one more of what is asked for, or refuses it.
func (s *service) ask(ctx context.Context, w string, name limit.Name) error {
	return s.Store.Ask(ctx, w, name, 1, termsOf(ctx).Limits.Most(name), s.Now())
}

// roomForSource refuses a source that a limit has no room for. Two that are
// connected at once may both take the last place: that costs nobody anything.
func (s *service) roomForSource(ctx context.Context, w string, adapter platform.Adapter, b NewSource) error {
	list, err := s.Store.Sources(ctx, w)
	if err != nil {
		return err
	}
	if err := s.room(ctx, limit.Sources, len(list)); err != nil {
		return err
	}
	if p, ok := adapter.(platform.Poller); ok && p.Polls(b.Scope) {
		if err := s.room(ctx, limit.Polled, polledOf(list)); err != nil {
			return err
		}
	}
	if b.App != "" {
		return nil
	}
	apps, err := s.Store.AppsOf(ctx, w)
	if err != nil {
		return err
	}
	return s.room(ctx, limit.Apps, len(apps))
}

func polledOf(list []store.Source) (n int) {
	for _, x := range list {
		adapter, err := all.Find(x.Platform)
		if p, ok := adapter.(platform.Poller); err == nil && ok && p.Polls(x.Scope) {
			n++
		}
	}
	return n
}

// liveKeys lists the machine keys that hold.
func (s *service) liveKeys(ctx context.Context, w string) ([]store.MachineKey, error) {
	list, err := s.Store.Keys(ctx, w)
	return slices.DeleteFunc(list, func(k store.MachineKey) bool { return !s.Now().Before(k.Expires) }), err
}

// LimitUsed is a limit of the workspace and what is used of it.
type LimitUsed struct {
	Name    string     `json:"name" example:"sources" doc:"As docs/limits.md lists it"`
	What    string     `json:"what" doc:"What is counted"`
	Per     string     `json:"per,omitempty" enum:"hour,day,month" doc:"The window, of UTC, in which it is counted; absent: what is there at the same time"`
	Most    int        `json:"most" doc:"The limit"`
	Used    *int       `json:"used,omitempty" doc:"What is used of it now; absent where nothing is counted"`
	Renewed *time.Time `json:"renewed,omitempty" doc:"When the window ends, and all of it can be used again"`
	Default bool       `json:"default" doc:"False: the operator set it for this workspace"`
}

// Usage is what a workspace used in a month, and what of its limits is used now.
type Usage struct {
	Month       string      `json:"month" example:"2026-11" doc:"UTC"`
	Activities  int         `json:"activities" doc:"Activities that happened in the month and stand, by the view by day. The limit counts by receipt instead"`
	More        bool        `json:"more" doc:"There are more: counting ends at 3,000,000"`
	StoredBytes int64       `json:"stored_bytes" doc:"What the month's activities take in the table, estimated: their number times the mean size of 50 of them, drawn evenly. Archive, views and indexes are not in it"`
	Dollars     float64     `json:"dollars" doc:"What they cost the operator, estimated: the price that docs/cost.md measured for the reference mix in 500 workspaces, and that of a quiet workspace. It is no bill"`
	Stopped     *time.Time  `json:"stopped,omitempty" doc:"Since when the workspace is stopped"`
	StoppedBy   string      `json:"stopped_by,omitempty" doc:"The owner who stopped it, or operator"`
	Limits      []LimitUsed `json:"limits" doc:"Each limit of the workspace, as it is now"`
}

// Prices of docs/cost.md, which a test compares.
const (
	dollarsPerMillion = 8.8
	dollarsQuiet      = 0.007
)

// Stopping says whether a workspace is stopped.
type Stopping struct {
	Stopped bool `json:"stopped" doc:"True: it stops; false: it goes on"`
}

type stoppingIn struct {
	InWorkspace
	Body Stopping
}

type usageIn struct {
	InWorkspace
	ParkedMonth
}

func (s *service) usage(api huma.API) {
	members(s, api, social.Owner, huma.Operation{OperationID: "get-usage", Method: http.MethodGet, Path: "/usage", Tags: []string{"workspaces"}, Summary: "Get what a month came to, and what is used of the limits",
		Description: "It reads the days of the month, 6 read units for each 1,000 activities: ask for it when somebody wants to see it."}, s.getUsage)
	members(s, api, social.Owner, huma.Operation{OperationID: "put-workspace-stopped", Method: http.MethodPut, Path: "/stopped", Tags: []string{"workspaces"}, Summary: "Stop a workspace, or let it go on",
		Extensions: whileStopped(), Errors: []int{http.StatusConflict},
		Description: "While it is stopped, hooks are accepted and what comes is parked with the reason \"the workspace is stopped\", within a minute; nothing is fetched, mailed, announced or computed anew, and what is there can be read but not changed. " +
			"After it was started, replay what was parked for that reason. A workspace that the operator stopped only the operator can start."},
		func(ctx context.Context, w string, in *stoppingIn) (*Out[Stopping], error) {
			var err error
			if in.Body.Stopped {
				err = s.Store.StopWorkspace(ctx, w, callerOf(ctx).who(), social.Instant(s.Now()))
			} else {
				err = s.Store.StartWorkspace(ctx, w, callerOf(ctx).who())
			}
			return &Out[Stopping]{in.Body}, err
		})
}

func (s *service) getUsage(ctx context.Context, w string, in *usageIn) (*Out[Usage], error) {
	month, err := s.monthOf(in.ParkedMonth)
	if err != nil {
		return nil, err
	}
	from := limit.Month.Start(month)
	t, err := s.Store.Terms(ctx, w)
	if err != nil {
		return nil, err
	}
	u := Usage{Month: from.Format("2006-01"), Stopped: some(t.Stopped), StoppedBy: t.StoppedBy}
	m, err := s.Store.Measure(ctx, w, from, limit.Month.End(month))
	if err != nil {
		return nil, err
	}
	u.Activities, u.More, u.StoredBytes = m.Activities, m.More, m.Bytes
	u.Dollars = dollarsQuiet + float64(m.Activities)*dollarsPerMillion/1e6
	standing, err := s.standing(ctx, w)
	if err != nil {
		return nil, err
	}
	for _, l := range limit.All() {
		if l.Of != "workspace" {
			continue
		}
		x := LimitUsed{Name: string(l.Name), What: l.What, Per: string(l.Per), Most: t.Limits.Most(l.Name)}
		_, set := t.Limits[l.Name]
		x.Default = !set
		if n, ok := standing[l.Name]; ok {
			x.Used = &n
		} else if l.Per != limit.Standing {
			n, err := s.Store.Asked(ctx, w, l.Name, s.Now())
			if err != nil {
				return nil, err
			}
			x.Used, x.Renewed = &n, some(l.Per.End(s.Now()))
		}
		u.Limits = append(u.Limits, x)
	}
	return &Out[Usage]{u}, nil
}

// standing counts what a workspace has of what its limits count.
func (s *service) standing(ctx context.Context, w string) (map[limit.Name]int, error) {
	out := map[limit.Name]int{}
	sources, err := s.Store.Sources(ctx, w)
	if err != nil {
		return nil, err
	}
	out[limit.Sources], out[limit.Polled] = len(sources), polledOf(sources)
	people, err := s.Store.Members(ctx, w)
	if err != nil {
		return nil, err
	}
	out[limit.Members] = len(people)
	open, err := s.Store.Invitations(ctx, w, s.Now())
	if err != nil {
		return nil, err
	}
	out[limit.Invitations] = len(open)
	keys, err := s.liveKeys(ctx, w)
	if err != nil {
		return nil, err
	}
	out[limit.Keys] = len(keys)
	apps, err := s.Store.AppsOf(ctx, w)
	if err != nil {
		return nil, err
	}
	out[limit.Apps] = len(apps)
	reports, err := s.Store.Reports(ctx, w)
	if err != nil {
		return nil, err
	}
	out[limit.Reports] = len(reports)
	drafts, err := s.Store.Drafts(ctx, w)
	out[limit.Drafts] = len(drafts)
	return out, err
}
