package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rapport/internal/langid"
	"rapport/internal/stats"
)

// How much of the lists the page shows, so that it is one or two screens; the
// rest is behind its details, in the CSV and in the JSON. The HTML stays below
// the 102 KB at which Gmail cuts a message off.
const (
	showWaiting  = 5
	showLeads    = 5
	showReasons  = 2
	showMoved    = 5  // issues, those that grew and shrank first,
	showGrew     = 3  // at most so many that grew
	showIssues   = 20 // in the details
	showChannels = 15
)

// view is what a reader sees, in words: the one value behind HTML and Text.
// Its texts are clean, its links http or https or empty.
type view struct {
	Workspace string
	Days      string
	Zone      string
	Remade    string   // when it was made anew and what that changed; may be empty
	Headlines []string // the report in three sentences
	Waiting   []waitingView
	Leads     []leadView
	Moved     []movedView
	Response  []delayView
	Ratings   []string
	Unread    string
	Issues    []issueView
	Channels  []channelView
	// What to say below a list that was cut, or in place of an empty one; may be empty.
	WaitingNote, LeadsNote, MovedNote, IssuesNote, ChannelsNote string
	Notes                                                       []string // how it was computed
}

type waitingView struct{ Asker, Where, Reason, Since, Text, URL string }

type leadView struct {
	Name    string
	Where   string
	Grade   string
	Score   string
	Reasons []string
	More    string
	Quote   *quoteView // what the person said
	URL     string
}

// movedView is an issue whose number of people changed, or is large.
type movedView struct {
	Sign, Move string // "▲" and "more", "▼" and "fewer", or empty
	Label      string
	People     string
	Before     string
	Owner      string
	Quote      *quoteView
}

type issueView struct {
	Label  string
	People string
	Before string
	Share  string
	Mood   string
	Owner  string
}

type quoteView struct{ Text, By, URL string }

type delayView struct {
	Name, Explained       string
	Median, Range         string
	Missing               string // is set instead of Median
	Before, BeforeMissing string // the period before; both empty where nothing was heard then
	Change                string
	Slow                  string
}

type channelView struct{ Name, Inbound, Before, Outbound, People, Composed string }

// newView puts settled data into words.
func newView(d Data) (view, error) {
	loc, err := zoneOf(d.Period.TimeZone)
	if err != nil {
		return view{}, err
	}
	t := d.Totals
	v := view{
		Workspace:    short(d.Workspace.Name, 80),
		Days:         days(d.Period.From, d.Period.To, loc),
		Zone:         d.Period.TimeZone,
		Remade:       remade(d, loc),
		Headlines:    headlines(d),
		Unread:       unread(t),
		WaitingNote:  waitingNote(d),
		LeadsNote:    leadsNote(d),
		IssuesNote:   issuesNote(d),
		ChannelsNote: more(len(d.Channels), min(len(d.Channels), showChannels), "channel", "channels", "No channel had any activity."),
		Notes:        notes(d, loc),
	}
	if v.Workspace == "" {
		v.Workspace = short(d.Workspace.ID, 80)
	}
	for _, x := range d.Waiting[:min(len(d.Waiting), showWaiting)] {
		v.Waiting = append(v.Waiting, waitingView{
			Asker: orElse(short(x.Asker, 60), "someone"), Where: where(x.Source, x.Platform), Reason: orElse(capital(short(x.Reason, 160)), "Waits for "+duration(float64(x.WaitingSeconds))+"."),
			Since: clock(x.Since, d.AsOf, loc), Text: short(x.Text, 120), URL: link(x.URL),
		})
	}
	for _, x := range d.Leads[:min(len(d.Leads), showLeads)] {
		v.Leads = append(v.Leads, newLeadView(x, d.AsOf, loc))
	}
	v.Moved, v.MovedNote = moved(d, loc)
	one, two := d.Response, d.ResponsePrevious
	for _, x := range []struct {
		name, explained, one, more string
		now, then                  Delay
	}{
		{"Each message", "that was answered, to its first reply", "message", "messages", one.PerMessage, two.PerMessage},
		{"Each conversation", "its beginning to the first reply", "conversation", "conversations", one.PerConversation, two.PerConversation},
		{"Each reply", "from the message it replies to", "pair", "pairs", one.PerPair, two.PerPair},
	} {
		v.Response = append(v.Response, newDelayView(x.name, x.explained, x.one, x.more, x.now, x.then, d.Period.Compared))
	}
	for _, r := range d.Ratings {
		v.Ratings = append(v.Ratings, rating(r))
	}
	for _, x := range d.Issues[:min(len(d.Issues), showIssues)] {
		v.Issues = append(v.Issues, newIssueView(x, d))
	}
	for _, x := range d.Channels[:min(len(d.Channels), showChannels)] {
		c := channelView{Name: channel(x), Inbound: count(x.Inbound), Outbound: count(x.Outbound), People: count(x.People),
			Composed: many(x.Messages, "message", "messages") + ", " + many(x.Reactions, "reaction", "reactions")}
		if d.Period.Compared {
			c.Before = count(x.InboundPrevious)
		}
		v.Channels = append(v.Channels, c)
	}
	return v, nil
}

// where names a place of a platform as the customer did.
func where(source, of string) string {
	source = short(source, 60)
	if source == "" || strings.EqualFold(source, platform(of)) {
		return platform(of)
	}
	return source + " (" + platform(of) + ")"
}

// channel names a channel as the customer did, else as the platform does.
func channel(x Channel) string {
	if x.Name != "" {
		return where(x.Name, x.Platform)
	}
	return strings.TrimSpace(platform(x.Platform) + " " + short(x.Scope, 60))
}

// remade says when a report was made anew and what of it changed.
func remade(d Data, loc *time.Location) string {
	if d.Remade.IsZero() {
		return ""
	}
	s := "Made anew on " + clock(d.Remade, time.Time{}, loc) + ", "
	if len(d.Changes) == 0 {
		return s + "with the same numbers as at first."
	}
	var parts []string
	for _, c := range d.Changes {
		parts = append(parts, fmt.Sprintf("%s were %s, are %s", short(c.Name, 60), count(c.Was), count(c.Is)))
	}
	return s + "since facts came late or went: " + strings.Join(parts, "; ") + "."
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

// untold says why no issues can be told.
const untold = "There is not enough feedback yet to tell issues"

// issuesNote says how many issues are not shown, or why there are none.
func issuesNote(d Data) string {
	if d.ThemeSetVersion == "" {
		return untold + ": themes are found once there is."
	}
	return more(d.Totals.Issues, min(len(d.Issues), showIssues), "issue", "issues", "Nobody raised an issue.")
}

// leadsNote says how many others are to be called, or from when somebody is,
// and who is service's before.
func leadsNote(d Data) string {
	note, left := "", d.Totals.Leads-min(len(d.Leads), showLeads)
	switch {
	case d.Totals.Leads == 0:
		note = "Nobody to call: that is from " + rounded(orElse(short(d.CallFrom, 20), "0")) + " points on, unless somebody is a customer, is no lead or was put off."
	case d.Totals.LeadsMore:
		note = "At least" + nb + many(left, "more person", "more people") + " to call."
	case left > 0:
		note = many(left, "more person", "more people") + " to call."
	}
	if n := d.Totals.LeadsComplaint; n > 0 {
		note += " " + many(n, "more person has an open complaint: service answers it", "more people have open complaints: service answers them") + " first."
	}
	return strings.TrimSpace(note)
}

func waitingNote(d Data) string {
	shown := min(len(d.Waiting), showWaiting)
	if d.Totals.WaitingMore {
		return "More than" + nb + count(d.Totals.Waiting-shown) + " others wait too."
	}
	return rest(d.Totals.Waiting, shown, "waits", "wait", "Nobody waits for an answer.")
}

// headlines are the report in three sentences: issues, who waits, whom to call.
func headlines(d Data) []string {
	t := d.Totals
	if t.Activities == 0 && t.Waiting == 0 {
		return []string{"Nothing was received in this period. If that is unexpected, check that the sources are connected."}
	}
	issues := "Nobody raised an issue"
	if d.ThemeSetVersion == "" {
		issues = untold
	}
	if t.Issues > 0 {
		issues = many(t.IssuePeople, "person", "people") + " raised " + many(t.Issues, "issue", "issues")
		if grew, _ := changed(d); len(grew) > 0 {
			x := grew[0]
			issues += fmt.Sprintf("; “%s” grew most, from %s to %s", label(x, 60), count(x.PeoplePrevious), many(x.People, "person", "people"))
		}
	}
	if n := unreadIn(t); 10*n >= n+t.FeedbackMessages && n > 0 {
		issues += fmt.Sprintf("; %s could not be read", many(n, "message", "messages"))
	}
	waiting := "Nobody waits for an answer."
	if t.Waiting > 0 {
		waiting = t.waiting() + nb + noun(t.Waiting, "conversation waits", "conversations wait") + " for an answer."
	}
	leads := "There is nobody to call."
	if t.Leads > 0 {
		leads = noun(t.Leads, "There is ", "There are ") + t.leads() + nb + noun(t.Leads, "person", "people") + " to call."
	}
	return []string{issues + ".", capital(waiting), capital(leads)}
}

// changed returns the issues whose people are clearly more, and clearly fewer,
// than in the period before, those that changed most first.
func changed(d Data) (grew, shrank []Issue) {
	if !d.Period.Compared {
		return nil, nil
	}
	for _, x := range append(list(d.Issues), d.Ended...) {
		switch {
		case stats.CompareCounts(x.People, x.PeoplePrevious) >= 1-Level:
		case x.People > x.PeoplePrevious:
			grew = append(grew, x)
		default:
			shrank = append(shrank, x)
		}
	}
	slices.SortStableFunc(grew, func(a, b Issue) int { return cmp.Compare(b.People-b.PeoplePrevious, a.People-a.PeoplePrevious) })
	slices.SortStableFunc(shrank, func(a, b Issue) int { return cmp.Compare(a.People-a.PeoplePrevious, b.People-b.PeoplePrevious) })
	return grew, shrank
}

// moved are the issues that grew, then those that shrank, then others of many
// people, and what is to be said of them.
func moved(d Data, loc *time.Location) (out []movedView, note string) {
	grew, shrank := changed(d)
	grew = grew[:min(showGrew, len(grew))]
	shrank = shrank[:min(showMoved-len(grew), len(shrank))]
	shown := map[string]bool{}
	add := func(sign, move string, x Issue) {
		shown[x.ThemeID] = true
		v := newIssueView(x, d)
		m := movedView{Sign: sign, Move: move, Label: v.Label, People: v.People, Before: v.Before, Owner: v.Owner}
		if len(x.Quotes) > 0 {
			q := x.Quotes[0]
			m.Quote = &quoteView{Text: short(q.Text, 140), By: orElse(short(q.Author, 60), "someone") + ", " + where(q.Source, q.Platform) + ", " + clock(q.Occurred, d.AsOf, loc), URL: link(q.URL)}
		}
		out = append(out, m)
	}
	for _, x := range grew {
		add("▲", "grew", x)
	}
	for _, x := range shrank {
		add("▼", "shrank", x)
	}
	for _, x := range d.Issues {
		if len(out) < showMoved && !shown[x.ThemeID] {
			add("", "", x)
		}
	}
	left := max(0, d.Totals.Issues-len(out))
	switch {
	case d.Totals.Issues == 0 && len(out) == 0:
		return out, issuesNote(d)
	case !d.Period.Compared:
		note = "There is no week before to compare with; these have the most people."
	case len(grew)+len(shrank) == 0:
		note = "No issue clearly grew or shrank; these have the most people."
	}
	if left > 0 {
		note = strings.TrimSpace(note + " " + many(left, "more issue is", "more issues are") + " in the list of all.")
	}
	return out, note
}

func newIssueView(x Issue, d Data) issueView {
	v := issueView{Label: label(x, 100), People: many(x.People, "person", "people")}
	if x.Messages != x.People {
		v.People += ", " + many(x.Messages, "message", "messages")
	}
	if d.Period.Compared {
		v.Before = before(x.People, x.PeoplePrevious)
	}
	if x.Share.Enough {
		v.Share = fmt.Sprintf("%s (%s to %s)", percent(x.Share.Value), percent(x.Share.Low), percent(x.Share.High))
	} else {
		v.Share = missing(x.Share, "person", "people")
	}
	if s := x.Sentiment; s.Negative+s.Neutral+s.Positive > 0 {
		v.Mood = fmt.Sprintf("%s negative, %s neutral, %s positive", count(s.Negative), count(s.Neutral), count(s.Positive))
	}
	var who []string
	for _, s := range []string{x.Department, x.Owner, x.Status} {
		if s = short(s, 60); s != "" {
			who = append(who, s)
		}
	}
	v.Owner = capital(strings.Join(who, " · "))
	return v
}

func newLeadView(x Lead, asOf time.Time, loc *time.Location) leadView {
	v := leadView{Name: short(x.Name, 60), Where: where(x.Source, x.Platform), URL: link(x.URL),
		Grade: orElse(short(x.Grade, 1), "?") + count(x.Engagement)}
	if h := short(x.Handle, 60); v.Name == "" {
		v.Name = orElse(h, "someone")
	} else if h != "" && h != v.Name {
		v.Where = h + ", " + v.Where
	}
	v.Score = rounded(short(x.Points, 20)) + " points"
	if x.Grade != "" {
		v.Score += ", fit " + short(x.Grade, 1)
	}
	if !x.LastSeen.IsZero() {
		v.Score += ", last seen " + clock(x.LastSeen, asOf, loc)
	}
	if !x.LastContact.IsZero() {
		v.Score += ", last contact " + clock(x.LastContact, asOf, loc)
	}
	if len(x.Words) > 0 {
		q := x.Words[0]
		v.Quote = &quoteView{Text: short(q.Text, 140), By: clock(q.Occurred, asOf, loc)}
	}
	for _, r := range x.Reasons[:min(len(x.Reasons), showReasons)] {
		v.Reasons = append(v.Reasons, short(decay.ReplaceAllString(rounded(r), ""), 110))
	}
	if n := len(x.Reasons) - len(v.Reasons); n > 0 {
		v.More = "and " + many(n, "reason more", "reasons more")
	}
	return v
}

// label is an issue's name.
func label(x Issue, n int) string { return orElse(capital(short(x.Label, n)), "Unnamed theme") }

// newDelayView compares response times with those of the period before:
// clearly, where their intervals have nothing in common.
func newDelayView(name, explained, one, more string, now, then Delay, compared bool) delayView {
	v := delayView{Name: name, Explained: explained + "; " + many(now.Median.N, one, more)}
	interval := func(e Estimate) string { return duration(e.Low) + " to " + duration(e.High) }
	if now.Median.Enough {
		v.Median, v.Range = duration(now.Median.Value), interval(now.Median)
	} else {
		v.Missing = missing(now.Median, one, more)
	}
	if now.P90.Enough {
		v.Slow = "nine of ten within " + duration(now.P90.Value)
	}
	switch {
	case !compared:
	case !then.Median.Enough:
		v.BeforeMissing = missing(then.Median, one, more)
	default:
		v.Before = duration(then.Median.Value)
		switch {
		case !now.Median.Enough:
		case now.Median.High < then.Median.Low:
			v.Change = "clearly faster"
		case now.Median.Low > then.Median.High:
			v.Change = "clearly slower"
		default:
			v.Change = "no clear change"
		}
	}
	return v
}

// ratingNames say what a rating is.
var ratingNames = map[string]string{"nps": "Net promoter score", "csat": "Satisfied", "ces": "Found it easy", "stars": "Stars, of 5", "thumb": "Thumbs up"}

// rating writes a rating with its interval: "Net promoter score 32 (23 to 41; 140 answers)".
func rating(r Rating) string {
	name := orElse(ratingNames[r.Kind], short(r.Kind, 20))
	if !r.Enough {
		return name + ": " + missing(r.Estimate, "answer", "answers")
	}
	write := percent
	switch r.Kind {
	case "nps":
		write = func(x float64) string { return strconv.Itoa(int(math.Round(x))) }
	case "stars":
		write = func(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
	}
	return fmt.Sprintf("%s: %s (%s to %s; %s)", name, write(r.Value), write(r.Low), write(r.High), many(r.N, "answer", "answers"))
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
		fmt.Sprintf("An account counts as one person: who writes on two platforms counts twice. Bots are no people; edits, deletions and what was taken back are no activities. Of %s by %s in this period, %s from %s held an opinion or a need.",
			many(d.Totals.Activities, "activity", "activities"), many(d.Totals.People, "person", "people"),
			many(d.Totals.FeedbackMessages, "message", "messages"), many(d.Totals.FeedbackPeople, "person", "people")),
		"Issues hold those who ask for something, and praise that may be meant otherwise; who is content or about to buy is not among them.",
		"Ranges in brackets are 95" + nb + "% intervals: Wilson's for shares, exact order statistics for times. “Clearly” more or fewer people: an exact test of two Poisson counts at 5" + nb + "%; faster or slower: the intervals have nothing in common.",
		"Response times cover what was answered; what was not waits.",
		"Leads: points are a sum of the reasons given, which weigh less the older they are; here they are rounded. People are to be called from " + rounded(orElse(short(d.CallFrom, 20), "0")) + " points on, but not customers, nor those who are no leads, were put off, or wait with a complaint. The letter is fit (A best, ? unknown), the digit engagement (1 most).",
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

// unreadIn counts the messages that could not be read.
func unreadIn(t Totals) int {
	sum := 0
	for _, x := range t.Unread {
		sum += x.Messages
	}
	return sum
}

// unread says what could not be read, by language.
func unread(t Totals) string {
	sum := unreadIn(t)
	if sum == 0 {
		return "Every message could be read."
	}
	var parts []string
	for i, x := range t.Unread {
		if i == 6 {
			parts = append(parts, "others")
			break
		}
		parts = append(parts, langid.Name(short(x.Language, 20))+" "+count(x.Messages))
	}
	return fmt.Sprintf("%s could not be read and %s in no other number of feedback: %s.", many(sum, "message", "messages"), noun(sum, "is", "are"), strings.Join(parts, ", "))
}

// rest says how many others there are than those shown: "12 others wait too."
func rest(all, shown int, one, more, none string) string {
	switch {
	case all == 0:
		return none
	case all == shown+1:
		return "1" + nb + "other " + one + " too."
	case all > shown:
		return count(all-shown) + nb + "others " + more + " too."
	}
	return ""
}

// more says how many of all things are not shown, or none where there are none.
func more(all, shown int, one, more, none string) string {
	switch {
	case all == 0:
		return none
	case all > shown:
		return many(all-shown, "more "+one+" is", "more "+more+" are") + " not shown here."
	}
	return ""
}

// capital writes the first letter of s large.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
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
