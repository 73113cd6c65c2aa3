package reporting

import (
	"cmp"
	"context"
	"slices"
	"time"

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
	topIssues  = 10
	topLeads   = 10
	topWaiting = 10
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
	ch := channels{}
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
	sum.Issues = sum.Issues[:min(topIssues, len(sum.Issues))]
	if err := themed.Quotes(ctx, r.Store, ws.ID, sum.Issues); err != nil {
		return d, err
	}
	for _, is := range sum.Issues {
		d.Issues = append(d.Issues, Issue(is, sum.People))
	}

	top, all, err := r.Leads.Top(ctx, ws.ID, to, leads.MaxEvaluated)
	if err != nil {
		return d, err
	}
	d.Totals.LeadsMore = !all && len(top) > 0 && top[len(top)-1].Micro > 0
	for _, l := range top {
		if l.Micro <= 0 {
			continue
		}
		if d.Totals.Leads++; d.Totals.Leads > topLeads {
			continue
		}
		d.ModelVersion = l.ModelVer
		fit := l.Fit
		if fit == scoring.Unknown {
			fit = ""
		}
		d.Leads = append(d.Leads, report.Lead{PersonID: l.Person, Name: l.Name, Handle: l.Handle, Platform: l.Platform, Points: scoring.Decimal(l.Micro),
			Grade: fit, Engagement: l.Engagement, AsOf: l.AsOf, Reasons: l.Reasons, URL: l.URL, LastSeen: l.LastSeen})
	}

	f, err := r.Store.Responses(ctx, ws.ID, from, to)
	if err != nil {
		return d, err
	}
	d.Response = report.Response{PerPair: report.DelayOf(f.PerPair), PerMessage: report.DelayOf(f.PerMessage), PerConversation: report.DelayOf(f.PerConversation)}

	var waiting []store.Head
	if waiting, d.Totals.Waiting, d.Totals.WaitingMore, err = r.waitingAt(ctx, ws.ID, to); err != nil {
		return d, err
	}
	for _, h := range waiting {
		row, err := r.waiting(ctx, ws.ID, h, to)
		if err != nil {
			return d, err
		}
		d.Waiting = append(d.Waiting, row)
	}
	return d, nil
}

// Issue is an issue in the report's form; people is how many gave feedback.
func Issue(is issue.Issue, people int) report.Issue {
	out := report.Issue{ThemeID: is.Theme, Label: is.Label, People: is.People, PeoplePrevious: is.PeopleBefore, Messages: is.Messages,
		Share:     report.Share(is.People, people),
		Sentiment: report.Sentiment{Negative: is.Negative, Neutral: is.Neutral, Positive: is.Positive}}
	for _, q := range is.Quotes[:min(topQuotes, len(is.Quotes))] {
		out.Quotes = append(out.Quotes, report.Quote{Key: q.Key, Message: q.Message, Text: q.Text, Author: q.Author, Platform: q.Platform, URL: q.URL, Occurred: q.Occurred})
	}
	return out
}

const (
	countedWaiting = 1000 // conversations in which somebody waits; more are not counted
	lookedAtSince  = 500  // conversations that went on since the instant; more are not looked at
	pageOfSince    = 100
)

// waitingAt returns the conversations in which somebody waited longest at an
// instant, and how many there were, or that there were more. Whoever waits now
// since before it waited then; where something was said since, what stood then
// is computed from what had been said by then.
func (r *Reporting) waitingAt(ctx context.Context, w string, at time.Time) (longest []store.Head, count int, more bool, err error) {
	if count, err = r.Store.CountWaiting(ctx, w, at, countedWaiting+1); err != nil {
		return nil, 0, false, err
	}
	still := func(h store.Head) bool { return !h.WaitingSince.IsZero() && h.WaitingSince.Before(at) }
	if longest, _, err = r.Store.Waiting(ctx, w, "", topWaiting); err != nil {
		return nil, 0, false, err
	}
	longest = slices.DeleteFunc(longest, func(h store.Head) bool { return !still(h) })
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
				longest = append(longest, then)
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
	slices.SortFunc(longest, func(a, b store.Head) int { return cmp.Compare(a.WaitingPlace(), b.WaitingPlace()) })
	return longest[:min(topWaiting, len(longest))], min(count, countedWaiting), more || count > countedWaiting, nil
}

func (r *Reporting) waiting(ctx context.Context, w string, h store.Head, asOf time.Time) (report.Waiting, error) {
	row := report.Waiting{Since: h.WaitingSince, WaitingSeconds: int64(asOf.Sub(h.WaitingSince).Seconds())}
	a, err := r.Store.Activity(ctx, w, h.Waiting)
	if fault.Is(err, fault.NotFound) {
		return row, nil // erased right now
	}
	if err != nil {
		return row, err
	}
	item, err := r.Store.Item(ctx, w, store.RefOf(a))
	if fault.Is(err, fault.NotFound) {
		return row, nil // erased meanwhile
	}
	if err != nil {
		return row, err
	}
	row.Message = store.MessageID(a.Platform, a.Scope, a.Object.ID)
	row.Asker, row.Platform, row.URL, row.Text = social.Shown(cmp.Or(a.Actor.Handle, a.Actor.Name)), string(a.Platform), a.URL, item.Text
	return row, nil
}

// channels counts activities by platform and scope, and the people outside over all.
type channels struct {
	byID       map[channelID]*channel
	people     map[day.ID]struct{}
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

// add counts an activity of the period, or of the one before.
func (c *channels) add(t day.Tuple, before bool) {
	if before {
		c.compared = true
	} else {
		c.activities++
	}
	if t.Nobody || before && t.Direction != social.Inbound {
		return // whoever that was is nobody to count
	}
	if c.byID == nil {
		c.byID, c.people = map[channelID]*channel{}, map[day.ID]struct{}{}
	}
	id := channelID{t.Platform, t.Scope}
	x := c.byID[id]
	if x == nil {
		x = &channel{report.Channel{Platform: string(t.Platform), Scope: t.Scope}, map[day.ID]struct{}{}}
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
	case t.Type.Utterance() && !t.Deleted:
		x.Messages++
	}
	c.people[t.Account], x.people[t.Account] = struct{}{}, struct{}{}
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
