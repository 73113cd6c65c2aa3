// Package report is the weekly report: when it is due (Weekly), what it says
// (Data), and its four forms, all made of the same value: JSON (Encode), CSV,
// HTML for mail and browser, and plain text. The package is pure: it fetches
// nothing and knows no clock, and the same Data gives the same bytes.
package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/stats"
)

// Level is the confidence of every interval of a report.
const Level = 0.95

// shareNeeds is the number of people from which a share is shown: from 12 on
// its Wilson interval is never wider than 50 points.
const shareNeeds = 12

// Data is what a weekly report says. It is an output format, read by others
// than Rapport: fields are added, never renamed. Instants are UTC, durations
// seconds. Texts are as they were written by strangers: JSON carries them
// unchanged, the other forms make them safe to show.
type Data struct {
	ReportID        string    `json:"report_id"`
	Workspace       Workspace `json:"workspace"`
	Period          Period    `json:"period"`
	AsOf            time.Time `json:"as_of"` // the instant up to which facts were known
	ThemeSetVersion string    `json:"theme_set_version,omitempty"`
	ModelVersion    string    `json:"model_version,omitempty"` // of the scoring model
	Totals          Totals    `json:"totals"`
	Issues          []Issue   `json:"issues"`              // most people first
	CallFrom        string    `json:"call_from,omitempty"` // from how many points somebody should call, by that model
	Leads           []Lead    `json:"leads"`               // those to call, best first
	Response        Response  `json:"response"`            // how fast the business answered
	Waiting         []Waiting `json:"waiting"`             // who waits for an answer at AsOf, those who need it most first
	Channels        []Channel `json:"channels"`            // busiest first

	Ended            []Issue   `json:"ended"`             // issues of the period before that are none in this one
	ResponsePrevious Response  `json:"response_previous"` // of the period before
	Ratings          []Rating  `json:"ratings"`           // by kind
	Remade           time.Time `json:"remade,omitzero"`   // when it was made anew; zero: it is as it was first made
	Changes          []Change  `json:"changes"`           // of its numbers since it was first made
}

// Change is a number that is another since the report was first made: facts
// came late, or were taken away.
type Change struct {
	Name string `json:"name"` // in words, "people active"
	Was  int    `json:"was"`
	Is   int    `json:"is"`
}

// Numbers are those that a run remembers of a report, by name, in order.
func (d Data) Numbers() []Number {
	t := d.Totals
	return []Number{{"activities", t.Activities}, {"people active", t.People}, {"messages of feedback", t.FeedbackMessages}, {"people who gave feedback", t.FeedbackPeople},
		{"issues", t.Issues}, {"people who raised issues", t.IssuePeople}, {"people to call", t.Leads}, {"conversations that wait", t.Waiting},
		{"answered messages", d.Response.PerMessage.Median.N}}
}

// Number is one of a report's numbers.
type Number struct {
	Name  string
	Value int
}

// Since lists the numbers that are others than they were, by name; those that
// were not known then are left out.
func (d Data) Since(was map[string]int) []Change {
	out := []Change{}
	for _, n := range d.Numbers() {
		if before, ok := was[n.Name]; ok && before != n.Value {
			out = append(out, Change{n.Name, before, n.Value})
		}
	}
	return out
}

// Workspace says whose report it is.
type Workspace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Period is [From, To); TimeZone is the IANA zone whose days it is made of
// and in which times are shown. Compared says whether Rapport was already
// listening in the period before: if not, the previous counts mean nothing
// and are not shown.
type Period struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	TimeZone string    `json:"time_zone"`
	Compared bool      `json:"compared"`
}

// Totals counts the whole period, also what the lists leave out.
type Totals struct {
	Activities       int `json:"activities"`        // inbound and outbound; edits, deletions and what was taken back are none
	People           int `json:"people"`            // outside people who did any of that; an account is a person, and bots are none
	FeedbackMessages int `json:"feedback_messages"` // inbound messages with an opinion or need
	FeedbackPeople   int `json:"feedback_people"`   // who wrote them, each account counted once
	Issues           int `json:"issues"`            // themes raised by anyone
	IssuePeople      int `json:"issue_people"`      // who raised any of them, each account counted once
	Waiting          int `json:"waiting"`           // conversations without an answer at AsOf

	Unread []Unread `json:"unread"` // messages in languages that can't be read, most first; no other count of feedback holds them

	Leads     int  `json:"leads"`                // people to call: their points reach CallFrom, and nothing stands against it
	LeadsMore bool `json:"leads_more,omitempty"` // there may be more of them than Leads, which were not looked at

	LeadsComplaint int `json:"leads_complaint"` // people whose points reach CallFrom and whose complaint waits: service's first

	WaitingMore bool `json:"waiting_more,omitempty"` // there are more of them than Waiting, which were not counted
}

// Unread is how many messages in a language could not be read.
type Unread struct {
	Language string `json:"language"` // ISO 639-1, or und
	Messages int    `json:"messages"`
}

// Issue is a theme that people raised in the period.
type Issue struct {
	ThemeID        string    `json:"theme_id"`
	Label          string    `json:"label"`
	People         int       `json:"people"` // one voice for each account
	PeoplePrevious int       `json:"people_previous"`
	Messages       int       `json:"messages"`
	Share          Estimate  `json:"share"` // of People among Totals.FeedbackPeople, see Share
	Sentiment      Sentiment `json:"sentiment"`
	Department     string    `json:"department,omitempty"`
	Owner          string    `json:"owner,omitempty"`
	Status         string    `json:"status,omitempty"`
	Quotes         []Quote   `json:"quotes"`
}

// Sentiment counts messages by what the reader made of them.
type Sentiment struct {
	Negative int `json:"negative"`
	Neutral  int `json:"neutral"`
	Positive int `json:"positive"`
}

// Quote is one message that stands for others.
type Quote struct {
	Key      string    `json:"key"`               // of the activity
	Message  string    `json:"message,omitempty"` // its id
	Text     string    `json:"text"`
	Author   string    `json:"author"` // handle, without @
	Platform string    `json:"platform"`
	Source   string    `json:"source,omitempty"` // as the customer named it
	URL      string    `json:"url,omitempty"`
	Occurred time.Time `json:"occurred"`
}

// Lead is a person to call.
type Lead struct {
	PersonID   string    `json:"person_id"`
	Name       string    `json:"name,omitempty"`
	Handle     string    `json:"handle,omitempty"` // without @
	Platform   string    `json:"platform"`
	Source     string    `json:"source,omitempty"` // as the customer named it, where the platform has one source
	Points     string    `json:"points"`           // decimal, exact
	Grade      string    `json:"grade"`            // fit: A to D, or empty for unknown
	Engagement int       `json:"engagement"`       // 1 (most) to 4
	AsOf       time.Time `json:"as_of"`            // the instant the score holds for
	Reasons    []string  `json:"reasons"`          // sentences, weightiest first
	URL        string    `json:"url,omitempty"`
	LastSeen   time.Time `json:"last_seen,omitzero"`

	Accounts    []string  `json:"accounts"`              // of the person
	LastContact time.Time `json:"last_contact,omitzero"` // when the business said something to the person last
	Words       []Quote   `json:"words"`                 // what the person said behind the reasons
}

// Response holds the three named figures for how fast the business answered
// in the period. Only what was answered has a time; what was not is in
// Waiting.
type Response struct {
	PerPair         Delay `json:"per_pair"`         // each message and the reply to it
	PerMessage      Delay `json:"per_message"`      // each answered message to its first reply
	PerConversation Delay `json:"per_conversation"` // each conversation's beginning to its first reply
}

// Delay describes a set of response times, in seconds.
type Delay struct {
	Median Estimate `json:"median_seconds"`
	P90    Estimate `json:"p90_seconds"` // nine of ten are at most this
}

// Waiting is someone without an answer.
type Waiting struct {
	Message        string    `json:"message,omitempty"` // the id of the one that waits
	Asker          string    `json:"asker"`             // handle or name, without @
	Platform       string    `json:"platform"`
	Source         string    `json:"source,omitempty"` // as the customer named it
	Reason         string    `json:"reason,omitempty"` // why they stand here, in words
	Since          time.Time `json:"since"`
	WaitingSeconds int64     `json:"waiting_seconds"` // at AsOf
	Text           string    `json:"text"`
	URL            string    `json:"url,omitempty"`
}

// Channel counts the activities of one source in the period.
type Channel struct {
	Platform        string `json:"platform"`
	Scope           string `json:"scope"`
	Name            string `json:"name,omitempty"` // of the source, as the customer gave it
	Inbound         int    `json:"inbound"`
	InboundPrevious int    `json:"inbound_previous"`
	Outbound        int    `json:"outbound"`
	People          int    `json:"people"` // outside people, by their accounts
	Messages        int    `json:"messages"`
	Reactions       int    `json:"reactions"`
}

// Estimate is a number with its 95 % interval, from N observations. Where
// they are too few, Enough is false, the numbers mean nothing and are left
// out of the JSON, and Needed says how many observations it takes.
type Estimate struct {
	N      int
	Needed int
	Enough bool
	Value  float64
	Low    float64
	High   float64
}

// estimateJSON is the wire form of an Estimate.
type estimateJSON struct {
	N      int      `json:"n"`
	Needed int      `json:"needed"`
	Enough bool     `json:"enough"`
	Value  *float64 `json:"value,omitempty"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
}

// MarshalJSON writes the numbers only where there is enough data.
func (e Estimate) MarshalJSON() ([]byte, error) { return json.Marshal(e.wire()) }

func (e Estimate) wire() estimateJSON {
	w := estimateJSON{N: e.N, Needed: e.Needed, Enough: e.Enough}
	if e.Enough {
		w.Value, w.Low, w.High = &e.Value, &e.Low, &e.High
	}
	return w
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Estimate) UnmarshalJSON(b []byte) error {
	var w estimateJSON
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*e = Estimate{N: w.N, Needed: w.Needed, Enough: w.Enough}
	if w.Enough {
		if w.Value == nil || w.Low == nil || w.High == nil {
			return fmt.Errorf("estimate of %d observations without value, low or high", w.N)
		}
		e.Value, e.Low, e.High = *w.Value, *w.Low, *w.High
	}
	return nil
}

// Rating sums up the marks of one kind: the net promoter score, -100 to 100;
// of stars the mean, 1 to 5; of the others the share of good marks, 0 to 1.
type Rating struct {
	Kind string `json:"kind"` // nps, csat, ces, stars or thumb
	Estimate
}

// The least marks that a rating is shown of, by what it is.
const (
	npsNeeds  = 30
	meanNeeds = 10
)

// RatingOf sums up marks of one kind by their places on the scale, 0 the worst
// to 1 the best. A recommendation of 9 or 10 promotes, of 0 to 6 detracts; good
// are the upper two of five marks of satisfaction, the upper three of seven of
// ease, and a thumb that is up. Of marks on other scales there is no sum.
func RatingOf(kind string, places []float64) (Rating, bool) {
	n := float64(len(places))
	good := func(from float64) int {
		k := 0
		for _, p := range places {
			if p >= from-1e-9 {
				k++
			}
		}
		return k
	}
	// around is the interval of a mean whose marks vary so much, by the normal approximation.
	around := func(value, variance float64, needs int, low, high float64) Estimate {
		e := Estimate{N: len(places), Needed: needs}
		if len(places) < needs {
			return e
		}
		half := 1.96 * math.Sqrt(variance/n)
		e.Enough, e.Value, e.Low, e.High = true, value, max(low, value-half), min(high, value+half)
		return e
	}
	switch kind {
	case "nps":
		promote, detract := float64(good(0.9))/max(1, n), 1-float64(good(0.7))/max(1, n)
		net := promote - detract
		return Rating{kind, around(100*net, 1e4*(promote+detract-net*net), npsNeeds, -100, 100)}, true
	case "stars":
		var sum, squares float64
		for _, p := range places {
			sum += 1 + 4*p
			squares += (1 + 4*p) * (1 + 4*p)
		}
		mean := sum / max(1, n)
		return Rating{kind, around(mean, max(0, squares/max(1, n)-mean*mean)*n/max(1, n-1), meanNeeds, 1, 5)}, true
	case "csat":
		return Rating{kind, Share(good(0.75), len(places))}, true
	case "ces":
		return Rating{kind, Share(good(2.0/3), len(places))}, true
	case "thumb":
		return Rating{kind, Share(good(0.5), len(places))}, true
	}
	return Rating{}, false
}

// ratingJSON is the wire form of a Rating.
type ratingJSON struct {
	Kind string `json:"kind"`
	estimateJSON
}

// MarshalJSON writes the numbers only where there is enough data.
func (r Rating) MarshalJSON() ([]byte, error) { return json.Marshal(ratingJSON{r.Kind, r.wire()}) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Rating) UnmarshalJSON(b []byte) error {
	var k struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(b, &k); err != nil {
		return err
	}
	r.Kind = k.Kind
	return r.Estimate.UnmarshalJSON(b)
}

// Share estimates the share that k of n people are, with its Wilson
// interval. It takes 12 people.
func Share(k, n int) Estimate {
	e := Estimate{N: n, Needed: shareNeeds}
	if n < shareNeeds {
		return e
	}
	if lo, hi, ok := stats.Wilson(k, n, Level); ok {
		e.Enough, e.Value, e.Low, e.High = true, float64(k)/float64(n), lo, hi
	}
	return e
}

// DelayOf describes response times given in seconds, in any order, with exact
// order-statistic intervals. The median takes 6 of them, the 90th percentile
// 36.
func DelayOf(seconds []float64) Delay {
	quantile := func(q float64) Estimate {
		e := Estimate{N: len(seconds), Needed: stats.QuantileNeeds(q, Level)}
		if lo, hi, ok := stats.QuantileInterval(seconds, q, Level); ok {
			e.Enough, e.Low, e.High = true, lo, hi
			e.Value, _ = stats.Quantile(seconds, q)
		}
		return e
	}
	return Delay{Median: quantile(0.5), P90: quantile(0.9)}
}

// Messages lists the ids of the messages whose words a report has.
func (d Data) Messages() []string {
	var out []string
	for _, x := range d.Issues {
		for _, q := range x.Quotes {
			out = append(out, q.Message)
		}
	}
	for _, x := range d.Waiting {
		out = append(out, x.Message)
	}
	for _, x := range d.Leads {
		for _, q := range x.Words {
			out = append(out, q.Message)
		}
	}
	return slices.DeleteFunc(out, func(m string) bool { return m == "" })
}

// Reworded returns a report with the words that its messages have by now, which
// words tells ("": none any more), and whether that changed anything. A quote
// without words is left out; who waited is still listed, without theirs.
func (d Data) Reworded(words func(message, text string) string) (Data, bool) {
	changed := false
	now := func(message string, text *string) {
		if message == "" {
			return
		}
		if w := words(message, *text); w != *text {
			*text, changed = w, true
		}
	}
	d.Issues = list(d.Issues)
	for i := range d.Issues {
		quotes := list(d.Issues[i].Quotes)
		for j := range quotes {
			now(quotes[j].Message, &quotes[j].Text)
		}
		d.Issues[i].Quotes = slices.DeleteFunc(quotes, func(q Quote) bool { return q.Text == "" })
	}
	d.Leads = list(d.Leads)
	for i := range d.Leads {
		words := list(d.Leads[i].Words)
		for j := range words {
			now(words[j].Message, &words[j].Text)
		}
		d.Leads[i].Words = slices.DeleteFunc(words, func(q Quote) bool { return q.Text == "" })
	}
	d.Waiting = list(d.Waiting)
	for i := range d.Waiting {
		now(d.Waiting[i].Message, &d.Waiting[i].Text)
	}
	return d, changed
}

// Forms renders a report in each of its forms, by the ending of its file.
var Forms = map[string]func(Data) ([]byte, error){"html": HTML, "txt": Text, "csv": CSV, "json": Encode}

// Encode returns d as indented JSON that ends in a newline. Like the other
// forms it refuses data that can't be right with a fault of kind Invalid.
func Encode(d Data) ([]byte, error) {
	d, err := settle(d)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode report %q: %w", d.ReportID, err)
	}
	return append(b, '\n'), nil
}

// settle returns a copy of d with every instant in UTC and milliseconds and
// every list present, or a fault of kind Invalid for data that can't be right.
func settle(d Data) (Data, error) {
	invalid := func(format string, args ...any) (Data, error) {
		return Data{}, fault.New(fault.Invalid, "report %.64q: %s", d.ReportID, fmt.Sprintf(format, args...))
	}
	if _, err := zoneOf(d.Period.TimeZone); err != nil {
		return Data{}, fmt.Errorf("report %.64q: %w", d.ReportID, err)
	}
	if d.Period.From.IsZero() || !d.Period.From.Before(d.Period.To) {
		return invalid("the period %s to %s is empty", d.Period.From, d.Period.To)
	}
	if d.AsOf.IsZero() {
		return invalid("no as_of")
	}
	t := d.Totals
	counts := []int{t.Activities, t.People, t.FeedbackMessages, t.FeedbackPeople, t.Issues, t.IssuePeople, t.Leads, t.LeadsComplaint, t.Waiting}
	var estimates []Estimate
	for _, r := range []Response{d.Response, d.ResponsePrevious} {
		for _, x := range []Delay{r.PerPair, r.PerMessage, r.PerConversation} {
			estimates = append(estimates, x.Median, x.P90)
		}
	}
	if t.Issues < len(d.Issues) || t.Leads < len(d.Leads) || t.Waiting < len(d.Waiting) {
		return invalid("totals of %d issues, %d leads and %d waiting are below the %d, %d and %d listed", t.Issues, t.Leads, t.Waiting, len(d.Issues), len(d.Leads), len(d.Waiting))
	}

	instant := func(t *time.Time) { *t = t.UTC().Truncate(time.Millisecond) }
	instant(&d.Period.From)
	instant(&d.Period.To)
	instant(&d.AsOf)
	d.Totals.Unread = list(d.Totals.Unread)
	for _, x := range d.Totals.Unread {
		counts = append(counts, x.Messages)
	}
	d.Issues = list(d.Issues)
	for i := range d.Issues {
		x := &d.Issues[i]
		if x.People > t.IssuePeople {
			return invalid("issue %q of %d people among %d who raised any", x.ThemeID, x.People, t.IssuePeople)
		}
		counts = append(counts, x.People, x.PeoplePrevious, x.Messages, x.Sentiment.Negative, x.Sentiment.Neutral, x.Sentiment.Positive)
		estimates = append(estimates, x.Share)
		x.Quotes = list(x.Quotes)
		for j := range x.Quotes {
			instant(&x.Quotes[j].Occurred)
		}
	}
	d.Ended = list(d.Ended)
	for i := range d.Ended {
		x := &d.Ended[i]
		counts = append(counts, x.People, x.PeoplePrevious, x.Messages)
		x.Quotes = list(x.Quotes)
	}
	d.Ratings = list(d.Ratings)
	for _, r := range d.Ratings {
		if e := r.Estimate; e.Enough && !(-100 <= e.Low && e.Low <= e.Value && e.Value <= e.High && e.High <= 100) {
			return invalid("a rating is %g with the interval %g to %g", e.Value, e.Low, e.High)
		}
	}
	d.Changes = list(d.Changes)
	for _, x := range d.Changes {
		counts = append(counts, x.Was, x.Is)
	}
	instant(&d.Remade)
	d.Leads = list(d.Leads)
	for i := range d.Leads {
		x := &d.Leads[i]
		instant(&x.AsOf)
		instant(&x.LastSeen)
		instant(&x.LastContact)
		x.Reasons, x.Accounts, x.Words = list(x.Reasons), list(x.Accounts), list(x.Words)
		for j := range x.Words {
			instant(&x.Words[j].Occurred)
		}
	}
	d.Waiting = list(d.Waiting)
	for i := range d.Waiting {
		instant(&d.Waiting[i].Since)
		counts = append(counts, int(d.Waiting[i].WaitingSeconds))
	}
	d.Channels = list(d.Channels)
	for _, x := range d.Channels {
		counts = append(counts, x.Inbound, x.InboundPrevious, x.Outbound, x.People, x.Messages, x.Reactions)
	}
	if i := slices.IndexFunc(counts, func(n int) bool { return n < 0 }); i >= 0 {
		return invalid("a count is %d", counts[i])
	}
	for _, e := range estimates {
		// Written so that a NaN fails too.
		if e.Enough && !(0 <= e.Low && e.Low <= e.Value && e.Value <= e.High && e.High <= math.MaxInt32) {
			return invalid("an estimate is %g with the interval %g to %g", e.Value, e.Low, e.High)
		}
	}
	return d, nil
}

// list returns a copy of s that is not nil.
func list[T any](s []T) []T { return append([]T{}, s...) }
