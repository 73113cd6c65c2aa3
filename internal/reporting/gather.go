package reporting

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/day"
	"rapport/internal/discover"
	"rapport/internal/fault"
	"rapport/internal/issue"
	"rapport/internal/leads"
	"rapport/internal/report"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/themed"
)

const (
	topIssues  = 50
	topLeads   = 25
	topWaiting = 25
	topQuotes  = 3
)

// Gather computes a report's data for [from, to), compared with [before, from):
// leads as of its end, and who waits since before its end.
func (r *Reporting) Gather(ctx context.Context, ws store.Workspace, id string, before, from, to time.Time) (report.Data, error) {
	d := report.Data{ReportID: id, Workspace: report.Workspace{ID: ws.ID, Name: ws.Name}, AsOf: to,
		Period: report.Period{From: from, To: to, TimeZone: ws.TimeZone}}
	set, err := discover.Active(ctx, r.Store, ws.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return d, err
	}
	d.ThemeSetVersion = set.Version
	sources, err := r.Store.Sources(ctx, ws.ID)
	if err != nil {
		return d, err
	}
	names, only := named(sources), onlyOnes(sources)
	ch := channels{names: names}
	sum, err := themed.Count(ctx, r.Store, ws.ID, themed.Period{Before: before, From: from, To: to, Set: set, Assigner: theme.NewAssigner(set), Each: ch.add}, len(set.Themes))
	if err != nil {
		return d, err
	}
	if since := sum.Since; since.After(before) {
		// A report says what its whole period came to, or it is not made.
		return d, fault.New(fault.Transient, "there was no time to read what was done before %s", since.Format(time.RFC3339))
	}
	d.Period.Compared = ch.compared
	d.Totals.Activities = ch.activities
	d.Channels, d.Totals.People = ch.list(), len(ch.people)
	d.Totals.FeedbackMessages, d.Totals.FeedbackPeople, d.Totals.Issues, d.Totals.IssuePeople = sum.Messages, sum.People, len(sum.Issues), sum.IssuePeople
	for _, u := range sum.Unread {
		d.Totals.Unread = append(d.Totals.Unread, report.Unread(u))
	}
	sum.Issues, sum.Ended = sum.Issues[:min(topIssues, len(sum.Issues))], sum.Ended[:min(topIssues, len(sum.Ended))]
	if err := themed.Quotes(ctx, r.Store, ws.ID, sum.Issues); err != nil {
		return d, err
	}
	for _, is := range sum.Issues {
		d.Issues = append(d.Issues, issueOf(is, sum.People, names))
	}
	for _, is := range sum.Ended {
		d.Ended = append(d.Ended, issueOf(is, sum.People, names))
	}
	d.Ratings = ch.ratings()

	top, all, err := r.Leads.Top(ctx, ws.ID, to, leads.MaxEvaluated)
	if err != nil {
		return d, err
	}
	callFrom, err := r.Leads.CallFrom(ctx, ws.ID)
	if err != nil {
		return d, err
	}
	d.CallFrom = scoring.Decimal(callFrom)
	d.Totals.LeadsMore = !all && len(top) > 0 && top[len(top)-1].Micro >= callFrom
	var calls []leads.Evaluated
	for _, l := range top {
		d.ModelVersion = l.ModelVer
		switch {
		case l.Held == leads.HeldComplaint:
			d.Totals.LeadsComplaint++
		case l.ToCall:
			calls = append(calls, l)
		}
	}
	d.Totals.Leads = len(calls)
	calls = calls[:min(topLeads, len(calls))]
	if err := r.Leads.Tell(ctx, ws.ID, calls); err != nil {
		return d, err
	}
	for _, l := range calls {
		var words []report.Quote
		for _, q := range l.Told.Words {
			words = append(words, report.Quote{Key: q.Key, Message: q.Message, Text: q.Text, Author: l.Handle, Platform: q.Platform, Source: names(social.Platform(q.Platform), q.Scope).name, URL: q.URL, Occurred: q.Occurred})
		}
		d.Leads = append(d.Leads, report.Lead{PersonID: l.Person, Name: l.Name, Handle: l.Handle, Platform: l.Platform, Source: only[l.Platform], Points: scoring.Decimal(l.Micro),
			Grade: grade(l.Fit), Engagement: l.Engagement, AsOf: l.AsOf, Reasons: l.Reasons, URL: l.URL, LastSeen: l.LastSeen,
			Accounts: l.Accounts, LastContact: l.Answered, Words: words})
	}

	if d.Response, err = r.responses(ctx, ws.ID, from, to); err != nil {
		return d, err
	}
	if d.ResponsePrevious, err = r.responses(ctx, ws.ID, before, from); err != nil {
		return d, err
	}
	known := map[string]conversation.Lead{}
	for _, l := range top {
		if fit := cmp.Or(grade(l.Fit), "?"); l.Micro > 0 {
			known[l.Person] = conversation.Lead{Grade: fit + strconv.Itoa(l.Engagement), Fit: grade(l.Fit), Engagement: l.Engagement}
		}
	}
	usual, err := r.Store.UsualAnswers(ctx, ws.ID, to)
	if err != nil {
		return d, err
	}
	d.Waiting, d.Totals.Waiting, d.Totals.WaitingMore, err = r.needs(ctx, ws.ID, to, usual, known, names)
	return d, err
}

// grade is how well somebody fits, A to D; empty where that is not known.
func grade(fit string) string {
	if fit == scoring.Unknown {
		return ""
	}
	return fit
}

// responses are the response times of what was answered in a period.
func (r *Reporting) responses(ctx context.Context, w string, from, to time.Time) (report.Response, error) {
	f, err := r.Store.Responses(ctx, w, from, to)
	return report.Response{PerPair: report.DelayOf(f.PerPair), PerMessage: report.DelayOf(f.PerMessage), PerConversation: report.DelayOf(f.PerConversation)}, err
}

// place is what a customer calls where something was done: a source of theirs.
type place struct{ scope, name string }

// named tells the source of a platform's scope: the one of that scope, else
// the platform's only one that takes whatever comes.
func named(sources []store.Source) func(p social.Platform, scope string) place {
	exact, any := map[channelID]place{}, map[social.Platform][]place{}
	for _, s := range sources {
		if s.Scope == anyScope {
			any[s.Platform] = append(any[s.Platform], place{s.Scope, s.Name})
			continue
		}
		exact[channelID{s.Platform, s.Scope}] = place{s.Scope, s.Name}
	}
	return func(p social.Platform, scope string) place {
		if x, ok := exact[channelID{p, scope}]; ok {
			return x
		}
		if len(any[p]) == 1 {
			return any[p][0]
		}
		return place{scope: scope}
	}
}

// onlyOnes are the names of the sources that are the only one of their platform, by platform.
func onlyOnes(sources []store.Source) map[string]string {
	out, n := map[string]string{}, map[string]int{}
	for _, s := range sources {
		p := string(s.Platform)
		if out[p] = s.Name; n[p] > 0 {
			out[p] = ""
		}
		n[p]++
	}
	return out
}

// anyScope is the scope of a source that takes whatever its app delivers.
const anyScope = "*"

// issueOf is an issue in the report's form; people is how many gave feedback.
func issueOf(is issue.Issue, people int, names func(social.Platform, string) place) report.Issue {
	out := report.Issue{ThemeID: is.Theme, Label: is.Label, People: is.People, PeoplePrevious: is.PeopleBefore, Messages: is.Messages, Department: is.Department,
		Share:     report.Share(is.People, people),
		Sentiment: report.Sentiment{Negative: is.Negative, Neutral: is.Neutral, Positive: is.Positive}}
	for _, q := range is.Quotes[:min(topQuotes, len(is.Quotes))] {
		out.Quotes = append(out.Quotes, report.Quote{Key: q.Key, Message: q.Message, Text: q.Text, Author: q.Author, Platform: q.Platform,
			Source: names(social.Platform(q.Platform), q.Scope).name, URL: q.URL, Occurred: q.Occurred})
	}
	return out
}

const (
	countedWaiting = 1000 // conversations in which somebody waits; more are not counted
	lookedAtSince  = 500  // conversations that went on since the instant; more are not looked at
	pageOfSince    = 100
)

// needs lists who needs an answer most at an instant, of whom waited longest,
// with the reason in words, and how many wait, or that there are more. Usual is
// how long answers take, by channel; leads are those of persons.
func (r *Reporting) needs(ctx context.Context, w string, at time.Time, usual map[store.Channel]time.Duration, leads map[string]conversation.Lead, names func(social.Platform, string) place) ([]report.Waiting, int, bool, error) {
	heads, count, more, err := r.waitingAt(ctx, w, at)
	if err != nil {
		return nil, 0, false, err
	}
	heads = slices.DeleteFunc(heads, func(h store.Head) bool { return h.Hidden(at) }) // put off by a member
	type asking struct {
		report.Waiting
		points int
	}
	var list []asking
	for part := range slices.Chunk(heads, pageOfSince) {
		refs := make([]store.FactRef, len(part))
		for i, h := range part {
			refs[i] = h.Waiting
		}
		found, err := r.Store.Activities(ctx, w, refs)
		if err != nil {
			return nil, 0, false, err
		}
		as := make([]social.Activity, len(part))
		for i, a := range found {
			if a != nil {
				as[i] = *a
			}
		}
		now, err := r.Store.AmendedOf(ctx, w, as)
		if err != nil {
			return nil, 0, false, err
		}
		askers := make([]string, len(part))
		for i, h := range part {
			askers[i] = h.Asker
		}
		persons, err := r.Store.PersonIDs(ctx, w, askers)
		if err != nil {
			return nil, 0, false, err
		}
		for i, h := range part {
			x := asking{Waiting: report.Waiting{Since: h.WaitingSince, WaitingSeconds: int64(at.Sub(h.WaitingSince).Seconds())}}
			if found[i] == nil { // erased meanwhile
				list = append(list, x)
				continue
			}
			a := now[i].Shown(as[i])
			need := conversation.NeedOf(conversation.Asking{Intent: a.Intent, NeedsAnswer: a.NeedsAnswer, Severity: a.Severity, Negative: a.Negative,
				Buyer: conversation.Buyer(a.Text), Waits: at.Sub(h.WaitingSince), Usual: usual[store.Channel{Platform: a.Platform, Scope: a.Scope}], Lead: leads[persons[i]]})
			x.Message, x.Asker, x.Platform, x.URL, x.Text = store.MessageID(a.Platform, a.Scope, a.Object.ID), social.Shown(cmp.Or(a.Actor.Handle, a.Actor.Name)), string(a.Platform), a.URL, a.Text
			x.Source, x.Reason, x.points = names(a.Platform, a.Scope).name, need.Reason, need.Points
			list = append(list, x)
		}
		slices.SortStableFunc(list, func(a, b asking) int { return cmp.Or(-cmp.Compare(a.points, b.points), a.Since.Compare(b.Since)) })
		list = list[:min(topWaiting, len(list))]
	}
	var rows []report.Waiting
	for _, x := range list {
		rows = append(rows, x.Waiting)
	}
	return rows, count, more, nil
}

// waitingAt returns the conversations in which somebody waited at an
// instant, those who waited longest first, 1,000 at most, and how many there
// were, or that there were more. Whoever waits now
// since before it waited then; where something was said since, what stood then
// is computed from what had been said by then.
func (r *Reporting) waitingAt(ctx context.Context, w string, at time.Time) (waiting []store.Head, count int, more bool, err error) {
	if count, err = r.Store.CountWaiting(ctx, w, at, countedWaiting+1); err != nil {
		return nil, 0, false, err
	}
	still := func(h store.Head) bool { return !h.WaitingSince.IsZero() && h.WaitingSince.Before(at) }
	if waiting, _, err = r.Store.Waiting(ctx, w, "", countedWaiting); err != nil {
		return nil, 0, false, err
	}
	waiting = slices.DeleteFunc(waiting, func(h store.Head) bool { return !still(h) })
	place := ""
	for looked := 0; ; looked += pageOfSince {
		var page []store.Head
		if page, place, err = r.Store.Conversations(ctx, w, at, r.Now(), place, pageOfSince); err != nil {
			return nil, 0, false, err
		}
		for _, h := range page {
			if still(h) {
				continue // counted already
			}
			then, err := r.Store.Stand(ctx, w, h.Thread, h.Asker, at)
			if err != nil {
				return nil, 0, false, err
			}
			if still(then) {
				count++
				waiting = append(waiting, then)
			}
		}
		if place == "" {
			break
		}
		if looked+pageOfSince >= lookedAtSince {
			more = true
			break
		}
	}
	slices.SortFunc(waiting, func(a, b store.Head) int { return cmp.Compare(a.WaitingPlace(), b.WaitingPlace()) })
	return waiting[:min(countedWaiting, len(waiting))], min(count, countedWaiting), more || count > countedWaiting, nil
}

// channels counts what stands by source, the people outside over all, and marks.
type channels struct {
	names      func(social.Platform, string) place
	byID       map[channelID]*channel
	people     map[day.ID]struct{}
	marks      map[social.RatingKind][]float64
	activities int
	compared   bool // something was done in the period before
}

type channelID struct {
	platform social.Platform
	scope    string
}

type channel struct {
	report.Channel
	people map[day.ID]struct{}
}

// add counts an activity of the period, or of the one before. What was taken
// back counts nowhere, nor does taking it back, editing or closing it; a bot's
// doing is an activity, but no person's.
func (c *channels) add(t day.Tuple, person day.ID, before bool) {
	c.compared = c.compared || before
	if !t.Stands() {
		return
	}
	if !before {
		c.activities++
	}
	if t.Nobody || before && t.Direction != social.Inbound {
		return // whoever that was is nobody to count
	}
	if c.byID == nil {
		c.byID, c.people, c.marks = map[channelID]*channel{}, map[day.ID]struct{}{}, map[social.RatingKind][]float64{}
	}
	p := c.names(t.Platform, t.Scope)
	id := channelID{t.Platform, p.scope}
	x := c.byID[id]
	if x == nil {
		x = &channel{report.Channel{Platform: string(t.Platform), Scope: p.scope, Name: p.name}, map[day.ID]struct{}{}}
		c.byID[id] = x
	}
	switch {
	case before:
		x.InboundPrevious++
		return
	case t.Direction == social.Outbound:
		x.Outbound++
		return
	}
	x.Inbound++
	switch {
	case t.Type == social.React:
		x.Reactions++
	case t.Type.Utterance():
		x.Messages++
	}
	if t.Mark.Kind != "" {
		c.marks[t.Mark.Kind] = append(c.marks[t.Mark.Kind], t.Mark.Place())
	}
	if !t.Automatic {
		c.people[person], x.people[person] = struct{}{}, struct{}{}
	}
}

// ratings sums up the marks of each kind.
func (c *channels) ratings() []report.Rating {
	var out []report.Rating
	for _, kind := range []social.RatingKind{social.NPS, social.CSAT, social.CES, social.Stars, social.Thumb} {
		if places := c.marks[kind]; len(places) > 0 {
			if r, ok := report.RatingOf(string(kind), places); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

func (c *channels) list() []report.Channel {
	var out []report.Channel
	for _, x := range c.byID {
		x.People = len(x.people)
		out = append(out, x.Channel)
	}
	slices.SortFunc(out, func(a, b report.Channel) int {
		return cmp.Or(-cmp.Compare(a.Inbound, b.Inbound), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Scope, b.Scope))
	})
	return out
}
