package report

import (
	"fmt"
	"strings"
	"time"

	"rapport/internal/langid"
	"rapport/internal/stats"
)

// How much of the lists a mail shows; the rest is in the CSV and JSON. With
// these the HTML stays below the 102 KB at which Gmail cuts a message off.
const (
	showIssues   = 10
	showQuotes   = 2
	showLeads    = 10
	showReasons  = 4
	showWaiting  = 10
	showChannels = 15
)

// view is what a reader sees, in words: the one value behind HTML and Text.
// Its texts are clean, its links http or https or empty.
type view struct {
	Workspace string
	Days      string
	Zone      string
	Headline  string
	Tiles     []tile
	Issues    []issueView
	Leads     []leadView
	Response  []delayView
	Waiting   []waitingView
	Channels  []channelView
	// What to say below a list that was cut, or in place of an empty one; may be empty.
	IssuesNote, UnreadNote, LeadsNote, WaitingNote, ChannelsNote string
	Notes                                                        []string // how it was computed
}

type tile struct{ Value, Label string }

type issueView struct {
	Rank     int
	Label    string
	People   string
	Before   string
	Share    string
	Bar      int // people, in percent of the first issue's
	Negative int // sentiment in percent; the three sum to 100, or to 0 without any
	Neutral  int
	Positive int
	Mood     string
	Owner    string
	Quotes   []quoteView
}

type quoteView struct{ Text, By, URL string }

type leadView struct {
	Name    string
	Where   string
	Grade   string
	Score   string
	Reasons []string
	More    string
	Seen    string
	URL     string
}

type delayView struct {
	Name, Explained      string
	Median, Range, Slow  string
	SlowRange, Missing   string // Missing is set instead of Median, SlowMissing instead of Slow
	SlowMissing, Counted string
}

type waitingView struct{ Asker, Where, Waits, Since, Text, URL string }

type channelView struct {
	Name, Scope                string
	Inbound, Before            string
	Outbound, People, Composed string
	Bar                        int // inbound, in percent of the busiest channel's
}

// newView puts settled data into words.
func newView(d Data) (view, error) {
	loc, err := zoneOf(d.Period.TimeZone)
	if err != nil {
		return view{}, err
	}
	t := d.Totals
	v := view{
		Workspace: short(d.Workspace.Name, 80),
		Days:      days(d.Period.From, d.Period.To, loc),
		Zone:      d.Period.TimeZone,
		Headline:  headline(d),
		Tiles: []tile{
			{count(t.People), noun(t.People, "person active", "people active")},
			{count(t.FeedbackMessages), noun(t.FeedbackMessages, "feedback message", "feedback messages")},
			{t.leads(), noun(t.Leads, "shows interest", "show interest")},
			{t.waiting(), noun(t.Waiting, "waits for an answer", "wait for an answer")},
		},
		IssuesNote:   issuesNote(d),
		UnreadNote:   unreadNote(d.Totals.Unread),
		LeadsNote:    rest(t.Leads, min(len(d.Leads), showLeads), "lead", "leads", "Nobody's points are above zero."),
		WaitingNote:  waitingNote(d),
		ChannelsNote: rest(len(d.Channels), min(len(d.Channels), showChannels), "channel", "channels", "No channel had any activity."),
		Notes:        notes(d, loc),
	}
	if v.Workspace == "" {
		v.Workspace = short(d.Workspace.ID, 80)
	}
	for i, x := range d.Issues[:min(len(d.Issues), showIssues)] {
		v.Issues = append(v.Issues, newIssueView(i+1, x, d, loc))
	}
	for _, x := range d.Leads[:min(len(d.Leads), showLeads)] {
		v.Leads = append(v.Leads, newLeadView(x, d.AsOf, loc))
	}
	v.Response = []delayView{
		newDelayView("Reply", "each message to the reply to it", "pair", "pairs", d.Response.PerPair),
		newDelayView("Message", "each answered message to its first reply", "message", "messages", d.Response.PerMessage),
		newDelayView("Conversation", "its beginning to the first reply", "conversation", "conversations", d.Response.PerConversation),
	}
	for _, x := range d.Waiting[:min(len(d.Waiting), showWaiting)] {
		v.Waiting = append(v.Waiting, waitingView{
			Asker: orElse(short(x.Asker, 60), "someone"), Where: platform(x.Platform), Waits: duration(float64(x.WaitingSeconds)),
			Since: clock(x.Since, d.AsOf, loc), Text: short(x.Text, 200), URL: link(x.URL),
		})
	}
	busiest := 0
	for _, x := range d.Channels {
		busiest = max(busiest, x.Inbound)
	}
	for _, x := range d.Channels[:min(len(d.Channels), showChannels)] {
		c := channelView{Name: platform(x.Platform), Scope: short(x.Scope, 60), Inbound: count(x.Inbound), Outbound: count(x.Outbound), People: count(x.People),
			Composed: many(x.Messages, "message", "messages") + ", " + many(x.Reactions, "reaction", "reactions"), Bar: ratio(x.Inbound, busiest)}
		if d.Period.Compared {
			c.Before = count(x.InboundPrevious) + nb + "in the week before"
		}
		v.Channels = append(v.Channels, c)
	}
	return v, nil
}

// waiting writes how many conversations wait.
func (t Totals) waiting() string {
	if t.WaitingMore {
		return "more than" + nb + count(t.Waiting)
	}
	return count(t.Waiting)
}

func (t Totals) leads() string {
	if t.LeadsMore {
		return "at least" + nb + count(t.Leads)
	}
	return count(t.Leads)
}

// issuesNote says how many issues are not shown, or why there are none.
func issuesNote(d Data) string {
	if d.ThemeSetVersion == "" {
		return "Themes are found once there is enough feedback; until then issues can't be told."
	}
	return rest(d.Totals.Issues, min(len(d.Issues), showIssues), "issue", "issues", "No issues were raised.")
}

func waitingNote(d Data) string {
	shown := min(len(d.Waiting), showWaiting)
	if d.Totals.WaitingMore {
		return "More than" + nb + count(d.Totals.Waiting-shown) + " more conversations are not shown here."
	}
	return rest(d.Totals.Waiting, shown, "conversation", "conversations", "Nobody waits for an answer.")
}

// headline is the report in one sentence.
func headline(d Data) string {
	t := d.Totals
	if t.Activities == 0 && t.Waiting == 0 {
		return "Nothing was received in this period. If that is unexpected, check that the sources are connected."
	}
	issues := "Nobody raised an issue"
	if d.ThemeSetVersion == "" {
		issues = "There is not enough feedback yet to tell issues"
	}
	if t.Issues > 0 {
		issues = many(t.IssuePeople, "person", "people") + " raised " + many(t.Issues, "issue", "issues")
	}
	waiting := "nobody waits for an answer"
	if t.Waiting > 0 {
		waiting = t.waiting() + nb + noun(t.Waiting, "conversation waits", "conversations wait") + " for an answer"
	}
	leads := "nobody shows interest"
	if t.Leads > 0 {
		leads = t.leads() + nb + noun(t.Leads, "person shows interest", "people show interest")
	}
	return issues + "; " + waiting + "; " + leads + "."
}

func newIssueView(rank int, x Issue, d Data, loc *time.Location) issueView {
	v := issueView{Rank: rank, Label: orElse(short(x.Label, 100), "unnamed theme"), People: many(x.People, "person", "people"),
		Bar: ratio(x.People, d.Issues[0].People)}
	if x.Messages != x.People {
		v.People += ", " + many(x.Messages, "message", "messages")
	}
	if d.Period.Compared {
		v.Before = before(x.People, x.PeoplePrevious)
	}
	if x.Share.Enough {
		v.Share = fmt.Sprintf("%s of those who gave feedback (%s to %s)", percent(x.Share.Value), percent(x.Share.Low), percent(x.Share.High))
	} else {
		v.Share = "Share of those who gave feedback: " + missing(x.Share, "person", "people")
	}
	s := x.Sentiment
	if sum := s.Negative + s.Neutral + s.Positive; sum > 0 {
		v.Negative, v.Positive = ratio(s.Negative, sum), ratio(s.Positive, sum)
		v.Neutral = max(0, 100-v.Negative-v.Positive)
		v.Mood = fmt.Sprintf("%s negative, %s neutral, %s positive", count(s.Negative), count(s.Neutral), count(s.Positive))
	}
	var who []string
	for _, s := range []string{x.Department, x.Owner, x.Status} {
		if s = short(s, 60); s != "" {
			who = append(who, s)
		}
	}
	v.Owner = strings.Join(who, " · ")
	for _, q := range x.Quotes[:min(len(x.Quotes), showQuotes)] {
		v.Quotes = append(v.Quotes, quoteView{Text: short(q.Text, 240),
			By: orElse(short(q.Author, 60), "someone") + ", " + platform(q.Platform) + ", " + clock(q.Occurred, d.AsOf, loc), URL: link(q.URL)})
	}
	return v
}

func newLeadView(x Lead, asOf time.Time, loc *time.Location) leadView {
	v := leadView{Name: short(x.Name, 60), Where: platform(x.Platform), URL: link(x.URL),
		Grade: orElse(short(x.Grade, 1), "?") + count(x.Engagement)}
	if h := short(x.Handle, 60); v.Name == "" {
		v.Name = orElse(h, "someone")
	} else if h != "" && h != v.Name {
		v.Where = h + ", " + v.Where
	}
	fit := "fit unknown"
	if x.Grade != "" {
		fit = "fit " + short(x.Grade, 1)
	}
	v.Score = fmt.Sprintf("%s points, %s, engagement %d", short(x.Points, 20), fit, x.Engagement)
	for _, r := range x.Reasons[:min(len(x.Reasons), showReasons)] {
		v.Reasons = append(v.Reasons, short(r, 200))
	}
	if n := len(x.Reasons) - len(v.Reasons); n > 0 {
		v.More = "and " + many(n, "reason more", "reasons more")
	}
	if !x.LastSeen.IsZero() {
		v.Seen = "Last seen " + clock(x.LastSeen, asOf, loc) + ". "
	}
	v.Seen += "Score as of " + clock(x.AsOf, asOf, loc) + "."
	return v
}

func newDelayView(name, explained, one, more string, d Delay) delayView {
	v := delayView{Name: name, Explained: explained, Counted: many(d.Median.N, one, more)}
	interval := func(e Estimate) string { return duration(e.Low) + " to " + duration(e.High) }
	if d.Median.Enough {
		v.Median, v.Range = duration(d.Median.Value), interval(d.Median)
	} else {
		v.Missing = missing(d.Median, one, more)
	}
	if d.P90.Enough {
		v.Slow, v.SlowRange = duration(d.P90.Value), interval(d.P90)
	} else {
		v.SlowMissing = missing(d.P90, one, more)
	}
	return v
}

// before compares a count of people with that of the period before: an exact
// test at 5 %. It would be too sure of activities, which come in bursts.
func before(now, then int) string {
	change := "no clear change"
	if stats.CompareCounts(now, then) < 1-Level {
		change = "clearly fewer"
		if now > then {
			change = "clearly more"
		}
	}
	if then == 0 {
		return "none the week before: " + change
	}
	return count(then) + " the week before: " + change
}

// notes says how the report was computed.
func notes(d Data, loc *time.Location) []string {
	n := []string{
		fmt.Sprintf("Computed from what had happened by %s (%s).", clock(d.AsOf, time.Time{}, loc), loc),
		fmt.Sprintf("A person counts once, on however many platforms. Of %s by %s in this period, %s from %s held an opinion or a need.",
			many(d.Totals.Activities, "activity", "activities"), many(d.Totals.People, "person", "people"),
			many(d.Totals.FeedbackMessages, "message", "messages"), many(d.Totals.FeedbackPeople, "person", "people")),
		"Ranges in brackets are 95" + nb + "% intervals: Wilson's for shares, exact order statistics for times. “Clearly” more or fewer: an exact test of two Poisson counts of people at 5" + nb + "%.",
		"Response times cover what was answered; what was not is listed as waiting.",
		"Leads: points are a sum of the reasons given; the letter is fit (A best), the digit engagement (1 most).",
	}
	var versions []string
	if s := short(d.ThemeSetVersion, 60); s != "" {
		versions = append(versions, "theme set "+s)
	}
	if s := short(d.ModelVersion, 60); s != "" {
		versions = append(versions, "scoring model "+s)
	}
	versions = append(versions, "report "+short(d.ReportID, 80))
	return append(n, "Versions: "+strings.Join(versions, ", ")+".")
}

// unreadNote says what could not be read, or nothing.
func unreadNote(unread []Unread) string {
	sum := 0
	var parts []string
	for i, x := range unread {
		sum += x.Messages
		switch {
		case i < 4:
			parts = append(parts, langid.Name(short(x.Language, 20))+" "+count(x.Messages))
		case i == 4:
			parts = append(parts, "others")
		}
	}
	if sum == 0 {
		return ""
	}
	return fmt.Sprintf("%s more %s could not be read, by language: %s.", count(sum), noun(sum, "message", "messages"), strings.Join(parts, ", "))
}

// rest says how many of all things are not shown, or none where there are none.
func rest(all, shown int, one, more, none string) string {
	switch {
	case all == 0:
		return none
	case all > shown:
		return many(all-shown, "more "+one+" is", "more "+more+" are") + " not shown here."
	}
	return ""
}

// ratio returns part of whole in percent, rounded, 1 for what is little but
// not nothing, 0 where whole is 0, and never above 100.
func ratio(part, whole int) int {
	if part <= 0 || whole <= 0 {
		return 0
	}
	return min(100, max(1, (200*part+whole)/(2*whole)))
}

func noun(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
