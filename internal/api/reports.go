package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/report"
	"rapport/internal/social"
	"rapport/internal/store"
)

// ReportSettings is what a member may change of a report.
type ReportSettings struct {
	Name       string   `json:"name" minLength:"1" maxLength:"200" example:"Weekly report"`
	Weekday    string   `json:"weekday" enum:"sunday,monday,tuesday,wednesday,thursday,friday,saturday" example:"monday"`
	Time       string   `json:"time" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" maxLength:"5" example:"08:00" doc:"Of day, in the workspace's time zone"`
	Recipients []string `json:"recipients" maxItems:"50" doc:"Mail addresses, each of which is asked once by mail to confirm, and gets no report before it has; none: it is only kept here"`
}

// Recipient is a mail address as it stands in a workspace.
type Recipient struct {
	Address string `json:"address,omitempty" example:"ada@example.com" doc:"Absent of one that unsubscribed since: it is not kept"`
	State   string `json:"state" enum:"pending,confirmed,unsubscribed,bounced" doc:"pending: it has not confirmed, and gets nothing. confirmed: it gets the reports. unsubscribed: it refused, unsubscribed or called a mail spam, and gets nothing. bounced: there is no such mailbox, and it gets nothing"`
}

// Report is a report that comes every week.
type Report struct {
	ID string `json:"id"`
	ReportSettings
	States   []Recipient `json:"recipient_states" doc:"Who gets it, and who does not (yet)"`
	TimeZone string      `json:"time_zone" doc:"The workspace's"`
	NextDue  time.Time   `json:"next_due"`
	Created  time.Time   `json:"created"`
}

// Run is one due instant of a report.
type Run struct {
	ID      string      `json:"id" example:"20260105T070000Z" doc:"Its due instant, for URLs"`
	Report  string      `json:"report"`
	Due     time.Time   `json:"due"`
	State   string      `json:"state" enum:"claimed,rendered,sending,done,missed,unmailed" doc:"claimed: being made. rendered: made, the mail is not begun. sending: the mail was begun; if it stays so, nobody knows whether it was sent. done: made, and mailed to whoever is to have it. missed: an outage, and a later run was made instead. unmailed: made; the mail was refused"`
	From    *time.Time  `json:"from,omitempty" doc:"Of its period"`
	To      *time.Time  `json:"to,omitempty" doc:"Of its period, excluded"`
	Mailed  int         `json:"mailed" doc:"Recipients"`
	Problem string      `json:"problem,omitempty" doc:"What went wrong with the mail"`
	Files   *Files      `json:"files,omitempty" doc:"Paths of its forms, once made"`
	Remade  *time.Time  `json:"remade,omitempty" doc:"When it was made anew, if it was"`
	Changes []RunChange `json:"changes,omitempty" doc:"What of its numbers is another since it was first made"`
}

// RunChange is a number of a run that changed.
type RunChange struct {
	Name string `json:"name" example:"people active" doc:"What it counts"`
	Was  int    `json:"was" example:"318" doc:"When the run was first made"`
	Is   int    `json:"is" example:"321" doc:"Now"`
}

// RunHow is how a run is to be made.
type RunHow struct {
	Mail  bool // mailed too
	Again bool // anew: it was made before
}

// Files are the forms of a run.
type Files struct {
	HTML string `json:"html"`
	CSV  string `json:"csv"`
	JSON string `json:"json"`
	Text string `json:"txt"`
}

// NewRun asks for a run.
type NewRun struct {
	Due   string `json:"due,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"An instant at which the schedule is due, not after now; by default the latest one"`
	Mail  bool   `json:"mail,omitempty" doc:"Mail it too, to the recipients who confirmed and have not got it yet; by default it is only kept here"`
	Again bool   `json:"again,omitempty" doc:"Make a run anew that was made before, of the facts as they are by now, without mail. The run and its report say which numbers changed since it was first made"`
}

// InReport is the part of a request that names a report.
type InReport struct {
	InWorkspace
	Report string `path:"report" pattern:"^[a-z0-9-]{1,40}$" maxLength:"40" example:"weekly"`
}

type putReportIn struct {
	InReport
	IfMatch
	Body ReportSettings
}

type putReportOut struct {
	Status   int
	Location string `header:"Location" doc:"Where it is; where it was created only"`
	Body     Report
}

type listRunsIn struct {
	InReport
	Paged
}

// InRun is the part of a request that names a run.
type InRun struct {
	InReport
	Due string `path:"due" pattern:"^(199[0-9]|2[0-9]{3})-?(0[1-9]|1[0-2])-?(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):?[0-5][0-9]:?[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$" maxLength:"40" example:"20260105T070000Z" doc:"The run's id, or its due instant (RFC 3339)"`
}

type runFileIn struct {
	InRun
	Form string `path:"form" enum:"html,csv,json,txt"`
}

type runFileOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

type newRunIn struct {
	InReport
	Body *NewRun
}

// forms are the content types of a run's files.
var forms = map[string]string{"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8", "json": "application/json", "txt": "text/plain; charset=utf-8"}

// formExamples show the beginnings of a run's files.
var formExamples = map[string]string{"html": "<!doctype html><title>Weekly report</title>", "csv": "totals\nactivities,people\n120,41\n\nissues\nlabel,people\nLate parcels,19\n", "txt": "Weekly report of Acme Inc.\n"}

// pagePolicy lets a report's page show itself and do nothing else.
const pagePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

const runID = "20060102T150405Z"

func (s *service) reports(api huma.API) {
	tags := []string{"reports"}
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-reports", Method: http.MethodGet, Path: "/reports", Tags: tags, Summary: "List reports"},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Report]], error) {
			list, err := s.Store.Reports(ctx, w)
			if err != nil {
				return nil, err
			}
			ws, err := s.Store.Workspace(ctx, w)
			if err != nil {
				return nil, err
			}
			out := &Out[List[Report]]{List[Report]{Items: []Report{}}}
			for _, r := range list {
				x, err := s.report(ctx, ws, r)
				if err != nil {
					return nil, err
				}
				out.Body.Items = append(out.Body.Items, x)
			}
			return out, nil
		})
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-report", Method: http.MethodGet, Path: "/reports/{report}", Tags: tags, Summary: "Get a report"},
		func(ctx context.Context, w string, in *InReport) (*Out[Report], error) {
			ws, r, err := s.reportOf(ctx, w, in.Report)
			if err != nil {
				return nil, err
			}
			x, err := s.report(ctx, ws, r)
			return &Out[Report]{x}, err
		})
	members(s, api, social.Analyst, huma.Operation{OperationID: "put-report", Method: http.MethodPut, Path: "/reports/{report}", Tags: tags, Summary: "Create or change a report",
		Description: "The settings given replace those there were. A recipient who is new to the workspace is asked by mail to confirm, within minutes, or on a later day where the workspace has asked many; once.", Errors: []int{http.StatusPreconditionFailed},
		Responses: map[string]*huma.Response{"201": {Headers: map[string]*huma.Param{"Location": {Description: "Where it is", Schema: &huma.Schema{Type: "string"}}},
			Content: map[string]*huma.MediaType{"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Report](), true, "")}}}}}, s.putReport)
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-report", Method: http.MethodDelete, Path: "/reports/{report}", Tags: tags, Summary: "Delete a report",
		Description: "It is due no more. The runs that were made stay, and can be read by their ids, until the workspace goes.", DefaultStatus: http.StatusNoContent}, s.deleteReport)
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-runs", Method: http.MethodGet, Path: "/reports/{report}/runs", Tags: tags, Summary: "List a report's runs, the newest first"}, s.listRuns)
	members(s, api, social.Analyst, huma.Operation{OperationID: "create-run", Method: http.MethodPost, Path: "/reports/{report}/runs", Tags: tags, Summary: "Ask for a run",
		Description: "It is made in a moment, and mailed to nobody unless you say so. A run that was made stays as it is, but one that was not to be mailed can be mailed later, and any can be made anew after late facts.", DefaultStatus: http.StatusAccepted}, s.createRun)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-run", Method: http.MethodGet, Path: "/reports/{report}/runs/{due}", Tags: tags, Summary: "Get a run"},
		func(ctx context.Context, w string, in *InRun) (*Out[Run], error) {
			r, err := s.runOf(ctx, w, *in)
			if err != nil {
				return nil, err
			}
			return &Out[Run]{run(w, r)}, nil
		})
	content := map[string]*huma.MediaType{}
	for form, kind := range forms {
		kind, _, _ = strings.Cut(kind, ";")
		content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: "string"}, Example: formExamples[form]}
	}
	content["application/json"] = &huma.MediaType{Schema: &huma.Schema{Type: "object", AdditionalProperties: true}}
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-run-file", Method: http.MethodGet, Path: "/reports/{report}/runs/{due}/{form}", Tags: tags, Summary: "Get a run as HTML, CSV, JSON or text",
		Description: "As it was made, but for the words of messages that were edited or deleted since: it has those that they have now, and quotes no deleted one.",
		Responses:   map[string]*huma.Response{"200": {Description: "The report", Content: content}}}, s.runFile)
}

func (s *service) schedule(ws store.Workspace, r store.Report) (report.Weekly, error) {
	return report.NewWeekly(time.Weekday(r.Weekday), r.Hour, r.Minute, ws.TimeZone)
}

// states returns how the addresses of a report stand, in their order, and then
// those that left it.
func (s *service) states(ctx context.Context, w string, r store.Report) ([]Recipient, error) {
	out := []Recipient{}
	if len(r.Recipients) > 0 {
		known, err := s.mailings(ctx, w, r.Recipients)
		if err != nil {
			return nil, err
		}
		for i, m := range known {
			out = append(out, Recipient{r.Recipients[i], stateOf(m)})
		}
	}
	for range r.Left {
		out = append(out, Recipient{State: "unsubscribed"})
	}
	return out, nil
}

func stateOf(m store.Mailing) string {
	switch {
	case m.Stopped == store.StoppedBounce:
		return "bounced"
	case m.Stopped != "" || !m.Unsubscribed.IsZero():
		return "unsubscribed"
	case m.Wanted():
		return "confirmed"
	}
	return "pending"
}

func (s *service) mailings(ctx context.Context, w string, list []string) ([]store.Mailing, error) {
	k, err := s.MailKey(ctx)
	if err != nil {
		return nil, err
	}
	hashes := make([]string, len(list))
	for i, a := range list {
		hashes[i] = k.Hash(a)
	}
	return s.Store.Mailings(ctx, w, hashes)
}

// admit parts recipients into those to keep and the hashes of those who
// unsubscribed, whose addresses are not kept; fresh are the hashes of those to
// keep whom nobody has asked yet.
func (s *service) admit(ctx context.Context, w string, list []string) (kept, left, fresh []string, err error) {
	if len(list) == 0 {
		return list, nil, nil, nil
	}
	known, err := s.mailings(ctx, w, list)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, m := range known {
		switch {
		case !m.Unsubscribed.IsZero():
			left = append(left, m.Address)
			continue
		case m.Asked.IsZero():
			fresh = append(fresh, m.Address)
		}
		kept = append(kept, list[i])
	}
	return kept, left, fresh, nil
}

func (s *service) report(ctx context.Context, ws store.Workspace, r store.Report) (Report, error) {
	states, err := s.states(ctx, ws.ID, r)
	if err != nil {
		return Report{}, err
	}
	schedule, err := s.schedule(ws, r)
	if err != nil {
		return Report{}, fmt.Errorf("schedule of report %s of %s: %w", r.ID, ws.ID, fault.Wrap(fault.Internal, err, ""))
	}
	return Report{ID: r.ID, ReportSettings: ReportSettings{Name: r.Name, Weekday: strings.ToLower(time.Weekday(r.Weekday).String()),
		Time: fmt.Sprintf("%02d:%02d", r.Hour, r.Minute), Recipients: append([]string{}, r.Recipients...)},
		States: states, TimeZone: ws.TimeZone, NextDue: schedule.Next(s.Now()), Created: r.Created}, nil
}

func (s *service) reportOf(ctx context.Context, w, id string) (store.Workspace, store.Report, error) {
	r, err := s.Store.Report(ctx, w, id)
	if err != nil {
		return store.Workspace{}, r, err
	}
	ws, err := s.Store.Workspace(ctx, w)
	return ws, r, err
}

// putReport files the report's next due instant and then takes off the list
// what was filed by a schedule that holds no more.
func (s *service) putReport(ctx context.Context, w string, in *putReportIn) (*putReportOut, error) {
	b := in.Body
	if err := plain("body.name", b.Name); err != nil {
		return nil, err
	}
	if err := addresses("body.recipients", b.Recipients); err != nil {
		return nil, err
	}
	ws, err := s.Store.Workspace(ctx, w)
	if err != nil {
		return nil, err
	}
	now := social.Instant(s.Now())
	kept, left, fresh, err := s.admit(ctx, w, b.Recipients)
	if err != nil {
		return nil, err
	}
	r := store.Report{ID: in.Report, Name: b.Name, Recipients: kept, Left: left, Created: now}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), b.Weekday) {
			r.Weekday = int(d)
		}
	}
	if _, err := fmt.Sscanf(b.Time, "%d:%d", &r.Hour, &r.Minute); err != nil {
		return nil, invalid("body.time", "is no time of day")
	}
	schedule, err := s.schedule(ws, r)
	if err != nil {
		return nil, err
	}
	due := schedule.Next(now)
	old, err := s.Store.Report(ctx, w, in.Report)
	exists := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if exists {
		r.Created, r.Version = old.Created, old.Version
	} else {
		list, err := s.Store.Reports(ctx, w)
		if err == nil {
			err = s.room(ctx, limit.Reports, len(list))
		}
		if err != nil {
			return nil, err
		}
	}
	write := s.Store.PutReport
	if in.given() {
		if !exists {
			return nil, errChanged
		}
		there, err := s.report(ctx, ws, old)
		if err != nil {
			return nil, err
		}
		if err := in.holds(there); err != nil {
			return nil, err
		}
		write = s.Store.ReplaceReport
	}
	if err := write(ctx, w, r, due); err != nil {
		return nil, changedIf(err)
	}
	if err := s.askRecipients(ctx, w, r.ID, fresh); err != nil {
		return nil, err
	}
	if exists {
		before, err := s.schedule(ws, old)
		if err != nil {
			return nil, err
		}
		// Both what was to come and what is overdue until the tick comes, unless the new schedule has it too.
		for _, gone := range []time.Time{before.Latest(now), before.Next(now)} {
			if schedule.Latest(gone).Equal(gone) {
				continue
			}
			if err := s.Store.DropDue(ctx, store.Due{Workspace: w, Report: r.ID, At: gone}); err != nil {
				return nil, err
			}
		}
	}
	x, err := s.report(ctx, ws, r)
	out := &putReportOut{Status: http.StatusOK, Body: x}
	if !exists {
		out.Status, out.Location = http.StatusCreated, "/v1/workspaces/"+w+"/reports/"+r.ID
	}
	return out, err
}

// deleteReport takes the report away first: a tick that meets what is due
// between finds no report.
func (s *service) deleteReport(ctx context.Context, w string, in *InReport) (*struct{}, error) {
	ws, r, err := s.reportOf(ctx, w, in.Report)
	if err != nil {
		return nil, err
	}
	schedule, err := s.schedule(ws, r)
	if err != nil {
		return nil, err
	}
	if err := s.Store.DeleteReport(ctx, w, r.ID); err != nil {
		return nil, err
	}
	for _, at := range []time.Time{schedule.Latest(s.Now()), schedule.Next(s.Now())} {
		if err := s.Store.DropDue(ctx, store.Due{Workspace: w, Report: r.ID, At: at}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// askRecipients has addresses (hashes) asked to confirm. What is cut short here
// is made up for by the next call, and by the next run.
func (s *service) askRecipients(ctx context.Context, w, report string, fresh []string) error {
	for _, address := range fresh {
		if err := s.Store.AskRecipient(ctx, w, report, address, social.Instant(s.Now())); err != nil {
			return err
		}
	}
	return nil
}

// maxByHand is how many runs a workspace can ask to have mailed on a day.
const maxByHand = 10

func run(w string, r store.Run) Run {
	out := Run{ID: r.Due.UTC().Format(runID), Report: r.Report, Due: r.Due, State: r.State, From: some(r.From), To: some(r.To), Mailed: r.Mailed, Problem: r.Problem, Remade: some(r.Remade)}
	if r.Object != "" {
		base := runPath(w, r.Report, r.Due) + "/"
		out.Files = &Files{base + "html", base + "csv", base + "json", base + "txt"}
	}
	for _, c := range r.Changes {
		out.Changes = append(out.Changes, RunChange(c))
	}
	return out
}

func runPath(w, report string, due time.Time) string {
	return "/v1/workspaces/" + w + "/reports/" + report + "/runs/" + due.UTC().Format(runID)
}

func (s *service) listRuns(ctx context.Context, w string, in *listRunsIn) (*PageOut[Run], error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if _, err := s.Store.Report(ctx, w, in.Report); err != nil {
		return nil, err
	}
	list, last, err := s.Store.Runs(ctx, w, in.Report, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &PageOut[Run]{Body: Page[Run]{Items: []Run{}}}
	for _, r := range list {
		out.Body.Items = append(out.Body.Items, run(w, r))
	}
	if len(list) < in.Limit {
		return out, nil
	}
	rest, _, err := s.Store.Runs(ctx, w, in.Report, last, 1)
	if err != nil {
		return nil, err
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, placeIf(len(rest) > 0, last))
	return out, err
}

func (s *service) runOf(ctx context.Context, w string, in InRun) (store.Run, error) {
	due, err := time.Parse(runID, in.Due)
	if err != nil {
		if due, err = time.Parse(time.RFC3339Nano, in.Due); err != nil {
			return store.Run{}, fault.New(fault.NotFound, "no such run: its id is none")
		}
	}
	return s.Store.Run(ctx, w, in.Report, due)
}

func (s *service) runFile(ctx context.Context, w string, in *runFileIn) (*runFileOut, error) {
	r, err := s.runOf(ctx, w, in.InRun)
	if err != nil {
		return nil, err
	}
	if r.Object == "" {
		return nil, fault.New(fault.NotFound, "the run has no files: it is %s", r.State)
	}
	b, err := s.reworded(ctx, w, r.Object, in.Form)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%s-%s.%s", w, in.Report, r.Due.UTC().Format(time.DateOnly), in.Form)
	out := &runFileOut{ContentType: forms[in.Form], Disposition: `attachment; filename="` + name + `"`, Policy: "default-src 'none'; frame-ancestors 'none'", Body: b}
	if in.Form == "html" {
		out.Disposition, out.Policy = `inline; filename="`+name+`"`, pagePolicy
	}
	return out, nil
}

// reworded returns a file of a run as it was made; if messages in it were
// edited or deleted since, as it would have been made with what they say now.
func (s *service) reworded(ctx context.Context, w, object, form string) ([]byte, error) {
	file, err := s.Object(ctx, object+"."+form)
	if err != nil {
		return nil, err
	}
	b, err := s.Object(ctx, object+".json")
	if err != nil {
		return nil, err
	}
	var d report.Data
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("read %s.json: %w", object, err)
	}
	now, err := s.Store.Amended(ctx, w, d.Messages())
	if err != nil {
		return nil, err
	}
	d, changed := d.Reworded(func(message, text string) string { return now[message].Words(text) })
	if !changed {
		return file, nil
	}
	return report.Forms[form](d)
}

// createRun asks for a run that is due: one ahead of its time would be made
// from half a period and stand in the way of the real one.
func (s *service) createRun(ctx context.Context, w string, in *newRunIn) (*CreatedOut[Accepted], error) {
	ws, r, err := s.reportOf(ctx, w, in.Report)
	if err != nil {
		return nil, err
	}
	var due time.Time
	if in.Body != nil {
		if due, err = requestTime("body.due", in.Body.Due); err != nil {
			return nil, err
		}
	}
	schedule, err := s.schedule(ws, r)
	if err != nil {
		return nil, err
	}
	if due.IsZero() {
		due = schedule.Latest(s.Now())
	}
	if due.After(s.Now()) {
		return nil, invalid("body.due", "has not come yet")
	}
	if last := schedule.Latest(due); !last.Equal(due) {
		return nil, invalid("body.due", "is never due by the report's schedule; the last time before is %s", last.Format(time.RFC3339))
	}
	if err := s.ask(ctx, w, limit.Runs); err != nil {
		return nil, err
	}
	var how RunHow
	if in.Body != nil {
		how = RunHow{in.Body.Mail, in.Body.Again}
	}
	if how.Mail && how.Again {
		return nil, invalid("body.again", "goes without mail: mail the run, or make it anew")
	}
	if how.Again {
		old, err := s.Store.Run(ctx, w, in.Report, due)
		if err != nil {
			return nil, err
		}
		if old.Object == "" || old.State == store.RunClaimed || old.State == store.RunRendered {
			return nil, fault.New(fault.Conflict, "the run is %s: it can be made anew once it is made", old.State)
		}
	}
	if how.Mail {
		err := s.Store.TakeAllowance(ctx, store.SentByHand, w, s.Now(), maxByHand)
		if fault.Is(err, fault.RateLimited) {
			return nil, fault.New(fault.RateLimited, "the workspace has had %d runs mailed by hand today: ask again after midnight UTC, or without mail", maxByHand)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.RunReport(ctx, w, in.Report, due, how); err != nil {
		return nil, err
	}
	return &CreatedOut[Accepted]{Location: runPath(w, in.Report, due), Body: Accepted{true}}, nil
}
