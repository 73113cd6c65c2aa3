package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Lead is a person with a score.
type Lead struct {
	Person       string     `json:"person"`
	Score        string     `json:"score" example:"27.25" doc:"Points, exact"`
	MicroPoints  int64      `json:"micro_points" doc:"The same in millionths of a point"`
	Grade        string     `json:"grade" example:"?1" doc:"Fit (A to D, or ?) and engagement (1 to 4)"`
	Engagement   int        `json:"engagement" minimum:"1" maximum:"4" doc:"1 is the most engaged"`
	Fit          string     `json:"fit" example:"unknown"`
	AsOf         time.Time  `json:"as_of" doc:"The instant the score holds for"`
	NextChangeAt *time.Time `json:"next_change_at,omitempty" doc:"When to look again if nothing new happens: until then engagement and what counts stay, and only decay goes on"`
	Model        string     `json:"model" example:"default@1" doc:"Id and version of the scoring model"`
	Reasons      []string   `json:"reasons" doc:"The strongest first"`
	Name         string     `json:"name,omitempty"`
	Handle       string     `json:"handle,omitempty"`
	Platform     string     `json:"platform" doc:"Of the newest activity"`
	URL          string     `json:"url,omitempty" doc:"Of the newest message of the person; absent where none has a link"`
	LastSeen     time.Time  `json:"last_seen" doc:"When the person did something last"`

	ToCall        bool           `json:"to_call" doc:"Somebody should call: the score is at or above call_from of the model, and nothing stands against it (held)"`
	Held          string         `json:"held,omitempty" enum:"no_interest,customer,no_customer,not_a_lead,snoozed,complaint" doc:"Why nobody should, although the score is high enough: none of the rules that call_needs of the model names gave points (no_interest), the status, an outcome (won or renewed, and not churned since: customer; by a model for customers, whoever is not: no_customer), a snooze, or a complaint that is open and service's first (not by a model for customers)"`
	Status        string         `json:"status" enum:"new,contacted,qualified,not_a_lead,customer" doc:"How far you are; new: nobody said anything else"`
	Owner         string         `json:"owner,omitempty" doc:"The member who works with the person; absent: nobody in particular"`
	SnoozedUntil  *time.Time     `json:"snoozed_until,omitempty" doc:"Not to be called until then"`
	Department    string         `json:"department,omitempty" doc:"To whom the person was handed over"`
	DecidedAt     *time.Time     `json:"decided_at,omitempty" doc:"When somebody decided or noted something about the lead last, or recorded an outcome"`
	LastContact   *time.Time     `json:"last_contact,omitempty" doc:"When you said something to the person last, within the model's horizon; automatic replies are none"`
	Company       *LeadCompany   `json:"company,omitempty" doc:"Where the person works, as far as it is known: by the domain of an e-mail at work, else as it was told"`
	OpenComplaint *OpenComplaint `json:"open_complaint,omitempty" doc:"Of one whose score is high enough to call: a conversation that waits for an answer, since the person has a problem, complains or is about to leave"`
	Words         []LeadWords    `json:"words,omitempty" doc:"In get-lead and with words=true: what the person said behind the strongest reasons, as it stands now; at most 3 messages"`
	Reach         *LeadReach     `json:"reach,omitempty" doc:"In get-lead and with words=true: where to answer the person"`
}

// OpenComplaint is a conversation in which somebody discontent waits.
type OpenComplaint struct {
	Thread string    `json:"thread" doc:"The conversation: get-conversation shows it"`
	Intent string    `json:"intent" enum:"problem,complaint,churn"`
	Since  time.Time `json:"since" doc:"Since when the person waits"`
}

// LeadWords is a message behind a reason.
type LeadWords struct {
	Key      string    `json:"key" doc:"Of its activity"`
	Message  string    `json:"message" doc:"Its id"`
	Rule     string    `json:"rule" doc:"The rule of the scoring model that it counts for"`
	Text     string    `json:"text" doc:"What it says by now, on one line, cut at 280 characters"`
	Platform string    `json:"platform"`
	URL      string    `json:"url,omitempty"`
	Occurred time.Time `json:"occurred"`
}

// LeadReach is where somebody can be answered.
type LeadReach struct {
	Platform string `json:"platform" doc:"Of the person's newest message that still stands, else of the newest activity"`
	Handle   string `json:"handle,omitempty"`
	Name     string `json:"name,omitempty"`
	URL      string `json:"url,omitempty" doc:"Of that message, never a page of yours"`
	Thread   string `json:"thread,omitempty" doc:"The conversation that it is in"`
	Email    string `json:"email,omitempty" doc:"The e-mail address, where one was told"`
}

// LeadCompany is a company, where a lead names one.
type LeadCompany struct {
	Company string `json:"company" doc:"Its id: get-company shows it"`
	Name    string `json:"name" doc:"As it was told, cut at 64 bytes; else the domain"`
}

// FitReason is what one rule about attributes gave.
type FitReason struct {
	Rule        string            `json:"rule" doc:"The id of the rule in the model's fit"`
	Points      string            `json:"points" example:"20" doc:"Points of fit; they are no part of the score"`
	MicroPoints int64             `json:"micro_points"`
	Known       bool              `json:"known" doc:"Whether all attributes that the rule asks for are known"`
	Holds       bool              `json:"holds" doc:"Whether its expression holds"`
	Reason      string            `json:"reason" doc:"A sentence with what is known, by whom it was told, and since when"`
	Attributes  []PersonAttribute `json:"attributes" doc:"What it rests on"`
}

// Contribution is what one rule of the scoring model gave.
type Contribution struct {
	Rule        string   `json:"rule"`
	Points      string   `json:"points" example:"4.5"`
	MicroPoints int64    `json:"micro_points"`
	Reason      string   `json:"reason" doc:"A sentence with the numbers in it"`
	Evidence    []string `json:"evidence" doc:"Keys of the activities it rests on"`
}

// LeadDecision is what somebody decided about a lead.
type LeadDecision struct {
	ID         string     `json:"id" doc:"Made by whoever sent it"`
	At         time.Time  `json:"at" doc:"When it was decided"`
	By         string     `json:"by" doc:"The id of the member, or of the machine key, who decided it"`
	Kind       string     `json:"kind" enum:"status,owned,snoozed,handed_over,noted" doc:"status: how far you are. owned: a member works with the person. snoozed: not to be called until an instant. handed_over: a department goes on. noted: something to be known"`
	Status     string     `json:"status,omitempty" enum:"new,contacted,qualified,not_a_lead,customer" doc:"Of status"`
	Owner      string     `json:"owner,omitempty" doc:"Of owned: the member; absent: nobody in particular any more"`
	Until      *time.Time `json:"until,omitempty" doc:"Of snoozed: until when; absent: it ends"`
	Department string     `json:"department,omitempty" doc:"Of handed_over: to whom; absent: to nobody any more"`
	Text       string     `json:"text,omitempty" doc:"The note; of the others, why"`
}

// LeadLedger is a lead with everything its score is the sum of.
type LeadLedger struct {
	Lead
	Contributions []Contribution     `json:"contributions" doc:"They add up to the score, exactly"`
	FitPoints     string             `json:"fit_points,omitempty" doc:"What fit_reasons add up to, exactly; the model says from how many on fit is C, B and A"`
	FitReasons    []FitReason        `json:"fit_reasons,omitempty" doc:"In the order of the model's rules of fit; absent where it has none"`
	Decisions     Page[LeadDecision] `json:"decisions" doc:"What members decided, newest first, with as_of too until now; the next page with cursor"`
	Outcomes      []Outcome          `json:"outcomes" maxItems:"20" doc:"How it came out with the person, what happened last first; at most 20. With as_of those that had happened and were recorded by then, by which held is judged, too"`
}

// LeadPage is one page of leads.
type LeadPage struct {
	Page[Lead]
	AsOf     *time.Time  `json:"as_of,omitempty" doc:"The instant that all of them were evaluated for"`
	CallFrom string      `json:"call_from" example:"15" doc:"From how many points somebody should call, by the scoring model"`
	Totals   *LeadTotals `json:"totals,omitempty" doc:"With totals=true: of all leads, whatever the filter"`
	Complete *bool       `json:"complete,omitempty" doc:"With as_of: whether the page is of all leads, so that none stands above it but on pages before; false: of 300 at a time, those first that stand highest today"`
}

// LeadTotals counts the leads of a workspace.
type LeadTotals struct {
	Leads      int  `json:"leads" doc:"People with a score; at most 10000 are counted"`
	LeadsMore  bool `json:"leads_more" doc:"There are more than leads"`
	ToCall     int  `json:"to_call" doc:"Of the 300 that stand highest, those somebody should call"`
	ToCallMore bool `json:"to_call_more" doc:"There may be more than to_call"`
}

// AsOf is the part of a request that asks for the state at an instant.
type AsOf struct {
	AsOf string `query:"as_of" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Evaluate as of this instant; without it, as of now. Activities and attributes count from when they happened, also where they came to be known later (a backtest with facts=known takes what was known by then); what members decided, and outcomes, from when they were decided or recorded"`
}

// LeadFilter is the part of a request that says which leads are asked for.
type LeadFilter struct {
	Status       string `query:"status" pattern:"^(new|contacted|qualified|not_a_lead|customer)(,(new|contacted|qualified|not_a_lead|customer))*$" maxLength:"100" example:"new,contacted" doc:"Only these, with commas between"`
	Owner        string `query:"owner" pattern:"^(none|mem_[A-Za-z0-9_-]{1,60})$" maxLength:"64" doc:"Only those of this member; none: of nobody"`
	Department   string `query:"department" example:"service" pattern:"^[a-z][a-z0-9_-]{0,39}$" maxLength:"40" doc:"Only who was handed over to it"`
	Platform     string `query:"platform" maxLength:"40" doc:"Only who did the newest there"`
	Engagement   int    `query:"engagement" minimum:"1" maximum:"4" doc:"Only this engagement or a better one: 2 lists 1 and 2"`
	Fit          string `query:"fit" pattern:"^([A-D]|unknown)(,([A-D]|unknown))*$" maxLength:"20" example:"A,B" doc:"Only these, with commas between"`
	Company      string `query:"company" pattern:"^com_[a-z2-7]{1,60}$" maxLength:"64" doc:"Only who works for this one"`
	Grade        string `query:"grade" pattern:"^[A-D?][1-4]$" maxLength:"2" example:"?1" doc:"Only this grade"`
	MinScore     string `query:"min_score" pattern:"^-?[0-9]{1,9}([.][0-9]{1,6})?$" maxLength:"20" example:"15" doc:"Only from so many points on"`
	ToCall       bool   `query:"to_call" doc:"Only whom somebody should call"`
	Text         string `query:"text" maxLength:"100" doc:"Only whose name or handle holds this, whatever its case"`
	ChangedSince string `query:"changed_since" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Only who did something since, changed step or engagement since, or was decided about since"`
}

type listLeadsIn struct {
	InWorkspace
	InModel
	Paged
	AsOf
	LeadFilter
	Words  bool `query:"words" doc:"Also what the person said and how to reach them: at most eight messages of each lead are read for that"`
	Totals bool `query:"totals" doc:"Also how many leads there are, and how many to call; it costs as much as several pages"`
}

type listLeadsOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body LeadPage
}

type leadIn struct {
	InPerson
	InModel
	AsOf
	Paged
}

type leadOut struct {
	Link string `header:"Link" doc:"The next page of decisions, rel=next"`
	Body LeadLedger
}

// NewLeadDecision is what is to be decided about a lead.
type NewLeadDecision struct {
	ID         string `json:"id" pattern:"^[A-Za-z0-9_-]{8,64}$" maxLength:"64" doc:"Made up by you, say a UUID: the same decision under the same id is made once, whenever it is sent again"`
	Kind       string `json:"kind" enum:"status,owned,snoozed,handed_over,noted" doc:"What is decided"`
	Status     string `json:"status,omitempty" pattern:"^(new|contacted|qualified|not_a_lead|customer)?$" maxLength:"20" doc:"Of status: new, contacted, qualified, not_a_lead or customer"`
	Owner      string `json:"owner,omitempty" pattern:"^(mem_[A-Za-z0-9_-]{1,60})?$" maxLength:"64" doc:"Of owned: the id of a member; left out: nobody in particular any more"`
	Until      string `json:"until,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Of snoozed: until when, at most a year from now; left out: it ends"`
	Department string `json:"department,omitempty" pattern:"^([a-z][a-z0-9_-]{0,39})?$" maxLength:"40" example:"service" doc:"Of handed_over: a word for the department; left out: to nobody any more"`
	Text       string `json:"text,omitempty" maxLength:"2000" doc:"Of noted: the note. Of the others: why, if somebody should know"`
}

// DecidedLead is a decision, and how the lead stands with it.
type DecidedLead struct {
	Decision LeadDecision `json:"decision"`
	Lead     Lead         `json:"lead" doc:"As it stands now"`
}

type decideLeadIn struct {
	InPerson
	Body NewLeadDecision
}

// maxCounted is how many leads are counted.
const maxCounted = 10_000

func (s *service) leads(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-leads", Method: http.MethodGet, Path: "/leads", Tags: []string{"leads"}, Summary: "List leads, the best first",
		Description: "Each page is evaluated as of now and in the order of the scores. From page to page the score falls in steps, each a quarter to a seventh of the one below: leads of one step may be in any order over several pages. " +
			"With a filter a page may hold fewer than asked for, or none, while there is a next one: for each page at most 300 leads are looked at. " +
			"With as_of the leads are evaluated at that instant and ordered by it, 300 at a time, those first that stand highest today; status, owner and snooze are those of that instant, too."}, s.listLeads)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-lead", Method: http.MethodGet, Path: "/leads/{person}", Tags: []string{"leads"}, Summary: "Get a lead with its ledger",
		Description: "Evaluated now, from the facts, by the scoring model; with the person's own words, how to reach them, what was decided, and how it came out. With as_of all but decisions is as of that instant."}, s.getLead)
	members(s, api, social.Agent, huma.Operation{OperationID: "decide-lead", Method: http.MethodPost, Path: "/leads/{person}/decisions", Tags: []string{"leads"}, Summary: "Decide about a lead",
		Description: "Say how far you are, who works with the person, that nobody should call until an instant, which department goes on, or note something. What is decided is kept, with who and when, and shown with the lead; it is not changed: decide again. " +
			"It is kept with an account of the person: of persons that are merged the newest decision holds, and taken apart each has its own again.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound, http.StatusConflict}}, s.decideLead)
}

func lead(l leads.Evaluated) Lead {
	out := Lead{Person: l.Person, Score: scoring.Decimal(l.Micro), MicroPoints: l.Micro, Grade: l.Grade, Engagement: l.Engagement, Fit: l.Fit,
		AsOf: l.AsOf, NextChangeAt: some(l.NextChange), Model: l.ModelVer, Reasons: append([]string{}, l.Reasons...),
		Name: l.Name, Handle: l.Handle, Platform: l.Platform, URL: l.URL, LastSeen: l.LastSeen,
		ToCall: l.ToCall, Held: string(l.Held), Status: cmp.Or(l.Status, store.StatusNew), Owner: l.Owner, Department: l.Department, DecidedAt: some(l.Decided), LastContact: some(l.Answered)}
	if l.Snoozed.After(l.AsOf) {
		out.SnoozedUntil = some(l.Snoozed)
	}
	if c := l.Complaint; c != nil {
		out.OpenComplaint = &OpenComplaint{c.Thread, c.Intent, c.Since}
	}
	for _, x := range l.Told.Words {
		out.Words = append(out.Words, LeadWords{x.Key, x.Message, x.Rule, x.Text, x.Platform, x.URL, x.Occurred})
	}
	if r := l.Told.Reach; r.Platform != "" {
		out.Reach = &LeadReach{r.Platform, r.Handle, r.Name, r.URL, r.Thread, r.Email}
	}
	if l.Company != "" {
		out.Company = &LeadCompany{l.Company, l.CompanyName}
	}
	return out
}

func leadDecision(d store.LeadDecision) LeadDecision {
	out := LeadDecision{ID: d.ID, At: d.At, By: d.By, Kind: string(d.Kind), Until: some(d.Until), Text: d.Text}
	switch d.Kind {
	case store.LeadStatus:
		out.Status = d.To
	case store.LeadOwned:
		out.Owner = d.To
	case store.LeadHandedOver:
		out.Department = d.To
	}
	return out
}

func (s *service) getLead(ctx context.Context, w string, in *leadIn) (*leadOut, error) {
	asOf, err := requestTime("query.as_of", in.AsOf.AsOf)
	if err != nil {
		return nil, err
	}
	if asOf.IsZero() {
		asOf = social.Instant(s.Now())
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	e, err := s.Leads.By(in.Model).Evaluate(ctx, w, in.Person, asOf)
	if err != nil {
		return nil, err
	}
	out := LeadLedger{Lead: lead(e), Contributions: []Contribution{}, Decisions: Page[LeadDecision]{Items: []LeadDecision{}}, Outcomes: []Outcome{}}
	for _, c := range e.Score.Contributions {
		out.Contributions = append(out.Contributions, Contribution{c.Rule, scoring.Decimal(c.Micro), c.Micro, c.Reason, append([]string{}, c.Evidence...)})
	}
	if lines := e.Score.FitLines; lines != nil {
		out.FitPoints = scoring.Decimal(e.Score.FitMicro)
		for _, f := range lines {
			out.FitReasons = append(out.FitReasons, FitReason{f.Rule, scoring.Decimal(f.Micro), f.Micro, f.Known, f.Holds, f.Reason, attributes(f.Attributes)})
		}
	}
	list, last, err := s.Store.LeadDecisions(ctx, w, e.Accounts, after, in.Limit)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		out.Decisions.Items = append(out.Decisions.Items, leadDecision(d))
	}
	came, err := s.Store.OutcomesOf(ctx, w, e.Accounts, asOf, shownOutcomes)
	if err != nil {
		return nil, err
	}
	for _, o := range came {
		out.Outcomes = append(out.Outcomes, shownOutcome(o, e.Person))
	}
	var link string
	out.Decisions.NextCursor, link, err = s.next(ctx, last)
	return &leadOut{link, out}, err
}

func (s *service) decideLead(ctx context.Context, w string, in *decideLeadIn) (*Out[DecidedLead], error) {
	d, err := s.leadDecisionOf(ctx, w, in.Body)
	if err != nil {
		return nil, err
	}
	p, err := s.Leads.Person(ctx, w, in.Person)
	if err != nil {
		return nil, err
	}
	if _, err := s.Store.Lead(ctx, w, p.ID, leads.ModelID); err != nil {
		return nil, err
	}
	d.Person = p.ID
	account := leads.AccountFor(in.Person, p)
	if d, err = s.Store.PutLeadDecision(ctx, w, account, p, d); err != nil {
		return nil, err
	}
	// Scored here, and again from the queue, should this be cut short.
	now := social.Instant(s.Now())
	stale := view.Stale{Account: account, Since: now, Until: now, Decided: true, Live: true}
	if err := s.Score(ctx, ingest.Score{Workspace: w, Accounts: []view.Stale{stale}}); err != nil {
		return nil, err
	}
	for _, err := range s.Leads.Score(ctx, w, now, stale) {
		if err != nil {
			return nil, err
		}
	}
	e, err := s.Leads.Evaluate(ctx, w, in.Person, social.Instant(s.Now()))
	if err != nil {
		return nil, err
	}
	return &Out[DecidedLead]{DecidedLead{leadDecision(d), lead(e)}}, nil
}

// leadDecisionOf reads what is to be decided about a lead.
func (s *service) leadDecisionOf(ctx context.Context, w string, b NewLeadDecision) (store.LeadDecision, error) {
	caller := callerOf(ctx)
	d := store.LeadDecision{ID: b.ID, At: social.Instant(s.begun(ctx)), By: caller.by(), Kind: store.LeadKind(b.Kind), To: cmp.Or(b.Status, b.Owner, b.Department), Text: b.Text}
	var err error
	if d.Until, err = requestTime("body.until", b.Until); err != nil {
		return d, err
	}
	switch {
	case d.Kind == store.LeadStatus && b.Status == "":
		return d, invalid("body.status", "is missing: say how far you are")
	case d.Kind != store.LeadStatus && b.Status != "":
		return d, invalid("body.status", "goes with status only")
	case d.Kind != store.LeadOwned && b.Owner != "":
		return d, invalid("body.owner", "goes with owned only")
	case d.Kind != store.LeadHandedOver && b.Department != "":
		return d, invalid("body.department", "goes with handed_over only")
	case d.Kind != store.LeadSnoozed && !d.Until.IsZero():
		return d, invalid("body.until", "goes with snoozed only")
	case !d.Until.IsZero() && !d.Until.After(d.At):
		return d, invalid("body.until", "has passed: give a later instant, or leave it out to end the snooze")
	case d.Until.After(d.At.Add(longestSnooze)):
		return d, invalid("body.until", "is more than a year from now: say not_a_lead if nobody will call")
	case d.Kind == store.LeadNoted && d.Text == "":
		return d, invalid("body.text", "is missing: it is the note")
	case b.Owner == "":
		return d, nil
	}
	return d, s.isMember(ctx, w, "body.owner", b.Owner)
}

// isMember refuses an id that is no member's.
func (s *service) isMember(ctx context.Context, w, where, id string) error {
	list, err := s.Store.Members(ctx, w)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(m store.Member) bool { return m.ID() == id }) {
		return invalid(where, "is no member of this workspace: list-members names them")
	}
	return nil
}

// wanted is what a filter asks for.
func (f LeadFilter) wanted() (leads.Wanted, error) {
	none := leads.Wanted{}
	least, err := int64(0), error(nil)
	if f.MinScore != "" {
		if least, err = scoring.ParseMicro(f.MinScore); err != nil {
			return none, invalid("query.min_score", "%v", err)
		}
	}
	since, err := requestTime("query.changed_since", f.ChangedSince)
	if err != nil {
		return none, err
	}
	statuses, fits, text := strings.Split(f.Status, ","), strings.Split(f.Fit, ","), strings.ToLower(f.Text)
	working := func(k store.Working) bool {
		return (f.Status == "" || slices.Contains(statuses, cmp.Or(k.Status, store.StatusNew))) &&
			(f.Owner == "" || f.Owner == k.Owner || f.Owner == "none" && k.Owner == "") &&
			(f.Department == "" || f.Department == k.Department)
	}
	return leads.Wanted{
		Head: func(h store.Lead) bool {
			return working(h.Working) && (f.Platform == "" || h.SeenOn == f.Platform) && (f.Company == "" || h.Company == f.Company) &&
				(text == "" || strings.Contains(strings.ToLower(h.Name), text) || strings.Contains(strings.ToLower(h.Handle), text)) &&
				(since.IsZero() || !h.AsOf.Before(since) || !h.Decided.Before(since))
		},
		Lead: func(e leads.Evaluated) bool {
			return (!f.ToCall || e.ToCall) && (f.Engagement == 0 || e.Engagement <= f.Engagement) && (f.Grade == "" || e.Grade == f.Grade) && (f.Fit == "" || slices.Contains(fits, e.Fit)) &&
				(f.MinScore == "" || e.Micro >= least) && working(e.Working) && (f.Platform == "" || e.Platform == f.Platform)
		},
	}, nil
}

func (s *service) listLeads(ctx context.Context, w string, in *listLeadsIn) (*listLeadsOut, error) {
	asOf, err := requestTime("query.as_of", in.AsOf.AsOf)
	if err != nil {
		return nil, err
	}
	want, err := in.wanted()
	if err != nil {
		return nil, err
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	by := s.Leads.By(in.Model)
	from, err := by.CallFrom(ctx, w)
	if err != nil {
		return nil, err
	}
	out := &listLeadsOut{Body: LeadPage{Page: Page[Lead]{Items: []Lead{}}, CallFrom: scoring.Decimal(from)}}
	now := social.Instant(s.Now())
	var list []leads.Evaluated
	var next string
	if asOf.IsZero() {
		out.Body.AsOf = &now
		list, next, err = by.List(ctx, w, want, after, in.Limit, now)
	} else {
		var complete bool
		out.Body.AsOf, out.Body.Complete = &asOf, &complete
		list, next, complete, err = by.ListAt(ctx, w, want, after, in.Limit, asOf)
	}
	if err != nil {
		return nil, err
	}
	if in.Words {
		if err := by.Tell(ctx, w, list); err != nil {
			return nil, err
		}
	}
	for _, l := range list {
		out.Body.Items = append(out.Body.Items, lead(l))
	}
	if in.Totals {
		if out.Body.Totals, err = s.leadTotals(ctx, w, in.Model, now); err != nil {
			return nil, err
		}
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, next)
	return out, err
}

func (s *service) leadTotals(ctx context.Context, w, model string, now time.Time) (*LeadTotals, error) {
	n, err := s.Store.CountLeads(ctx, w, model, maxCounted+1)
	if err != nil {
		return nil, err
	}
	t := &LeadTotals{Leads: min(n, maxCounted), LeadsMore: n > maxCounted}
	t.ToCall, t.ToCallMore, err = s.Leads.By(model).Calls(ctx, w, now)
	return t, err
}
