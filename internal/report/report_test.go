package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestWorkspaceWithoutANameIsSaidByItsID(t *testing.T) {
	for name, want := range map[string]string{"": "ws_1", "Nordlicht Bikes": "Nordlicht Bikes"} {
		d := week()
		d.Workspace.Name = name
		text, err := report.Text(d)
		if err != nil || !strings.HasPrefix(string(text), want+", weekly report, ") {
			t.Errorf("%q: got %.80q, %v; want it of %s", name, text, err, want)
		}
	}
}

// week is a report of an ordinary week in Berlin.
func week() report.Data {
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.UTC) }
	seconds := func(n int, f func(i int) float64) []float64 {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = f(i)
		}
		return xs
	}
	return report.Data{
		ReportID:  "rep_2026w47",
		Workspace: report.Workspace{ID: "ws_1", Name: "Nordlicht Bikes"},
		Period:    report.Period{From: at(15, 23, 0), To: at(22, 23, 0), TimeZone: "Europe/Berlin", Compared: true},
		AsOf:      at(23, 7, 0), ThemeSetVersion: "12", ModelVersion: "4", CallFrom: "15",
		Totals: report.Totals{Activities: 1204, People: 318, FeedbackMessages: 96, FeedbackPeople: 58, Issues: 4, IssuePeople: 41, Leads: 14, LeadsComplaint: 1, Waiting: 3,
			Unread: []report.Unread{{Language: "de", Messages: 8}, {Language: "nl", Messages: 1}}},
		Issues: []report.Issue{
			{ThemeID: "th_a", Label: "Delivery later than promised", People: 19, PeoplePrevious: 6, Messages: 27, Share: report.Share(19, 58),
				Sentiment: report.Sentiment{Negative: 22, Neutral: 4, Positive: 1}, Department: "Service", Owner: "Ana Lindqvist", Status: "in progress",
				Quotes: []report.Quote{
					{Key: "k1", Text: "Third week of waiting for my order, and the tracking page still says “in two days”. Could somebody please look into it?", Author: "marta.k", Platform: "meta", Source: "Our page", URL: "https://www.facebook.com/nordlicht/posts/1001", Occurred: at(17, 13, 5)},
					{Key: "k2", Text: "Great bike, but it came 12 days late.", Author: "joris", Platform: "mastodon", URL: "https://mastodon.example/@joris/2002", Occurred: at(20, 8, 41)},
				}},
			{ThemeID: "th_b", Label: "Battery range in winter", People: 14, PeoplePrevious: 11, Messages: 14, Share: report.Share(14, 58),
				Sentiment: report.Sentiment{Negative: 6, Neutral: 7, Positive: 1}, Department: "Product", Status: "open",
				Quotes: []report.Quote{{Key: "k3", Text: "At -5 °C I get 38 km instead of 70. Is that normal?", Author: "bergfahrer", Platform: "discourse", URL: "https://forum.example/t/77/3", Occurred: at(18, 19, 20)}}},
			{ThemeID: "th_c", Label: "Wish for a child seat mount", People: 9, PeoplePrevious: 10, Messages: 11, Share: report.Share(9, 58), Sentiment: report.Sentiment{Neutral: 5, Positive: 6}},
			{ThemeID: "th_d", Label: "App logs out by itself", People: 1, PeoplePrevious: 0, Messages: 1, Share: report.Share(1, 9), Sentiment: report.Sentiment{Negative: 1}, Department: "Product"},
		},
		Leads: []report.Lead{
			{PersonID: "per_1", Accounts: []string{"acc_1"}, Name: "Henrike Vogt", Handle: "hvogt", Platform: "linkedin", Source: "Our company", Points: "82.501953", Grade: "A", Engagement: 1, AsOf: at(23, 7, 0), LastSeen: at(22, 16, 12),
				URL: "https://www.linkedin.com/in/hvogt", Reasons: []string{"Asked about fleet leasing twice in 7 days, 40.347917 points after decay (half-life 14 days)", "Answered our reply, and was answered again (depth 4): 27.5 points.", "Head of Mobility at a company with 3 other active people: 15 points."},
				LastContact: at(20, 9, 15), Words: []report.Quote{{Key: "k7", Message: "msg_7", Text: "We would need 40 cargo bikes by spring. Do you lease them to companies?", Author: "hvogt", Platform: "linkedin", URL: "https://www.linkedin.com/feed/update/7", Occurred: at(19, 10, 2)}}},
			{PersonID: "per_2", Accounts: []string{"acc_2"}, Words: []report.Quote{}, Handle: "cargo_kurier", Platform: "x", Points: "61", Engagement: 2, AsOf: at(23, 7, 0), LastSeen: at(21, 9, 30),
				Reasons: []string{"Suddenly active: 9 activities in 7 days against 1.2 a week before (p = 0.00001): 36 points.", "Visited the price page from a tracked link: 25 points."}},
		},
		Response: report.Response{
			PerPair:         report.DelayOf(seconds(64, func(i int) float64 { return 60 * float64(3+i*i/4) })),
			PerMessage:      report.DelayOf(seconds(22, func(i int) float64 { return 60 * float64(8+11*i) })),
			PerConversation: report.DelayOf(seconds(4, func(i int) float64 { return 600 * float64(i+1) })),
		},
		ResponsePrevious: report.Response{
			PerPair:         report.DelayOf(seconds(58, func(i int) float64 { return 60 * float64(2+i*i/4) })),
			PerMessage:      report.DelayOf(seconds(19, func(i int) float64 { return 3600 * float64(12+i) })),
			PerConversation: report.DelayOf(seconds(3, func(i int) float64 { return 600 * float64(i+1) })),
		},
		Ended:   []report.Issue{{ThemeID: "th_e", Label: "Shop closed on Saturday", People: 0, PeoplePrevious: 8}},
		Ratings: []report.Rating{{Kind: "nps", Estimate: report.Estimate{N: 140, Needed: 30, Enough: true, Value: 32, Low: 23, High: 41}}, {Kind: "csat", Estimate: report.Share(3, 4)}},
		Waiting: []report.Waiting{
			{Asker: "pedalheldin", Platform: "meta", Source: "Our page", Reason: "Asks a question, and waits for 3 d 16 h, longer than usual there.", Since: at(19, 15, 2), WaitingSeconds: 3*86400 + 15*3600 + 58*60, Text: "Does the warranty cover the motor if I change the chain ring myself?", URL: "https://www.facebook.com/nordlicht/posts/1009"},
			{Asker: "tomasz_w", Platform: "discourse", Since: at(21, 22, 40), WaitingSeconds: 32*3600 + 20*60, Text: "Which spare key number do I need for the 2024 lock?", URL: "https://forum.example/t/81/1"},
			{Asker: "Ilse", Platform: "whatsapp", Since: at(23, 6, 48), WaitingSeconds: 12 * 60, Text: "Is the shop in Kiel open on Monday?"},
		},
		Channels: []report.Channel{
			{Platform: "meta", Scope: "1094", Name: "Our page", Inbound: 640, InboundPrevious: 522, Outbound: 71, People: 201, Messages: 118, Reactions: 522},
			{Platform: "discourse", Scope: "forum.example", Inbound: 310, InboundPrevious: 301, Outbound: 42, People: 88, Messages: 203, Reactions: 107},
			{Platform: "linkedin", Scope: "nordlicht", Inbound: 121, InboundPrevious: 240, Outbound: 20, People: 64, Messages: 19, Reactions: 102},
		},
	}
}

// hostile is a report whose every text is an attack, as many as are shown.
func hostile() report.Data {
	d := week()
	evil := "=cmd|'/c calc'!A0\u202etxt.exe<script>alert(1)</script><img src=x onerror=alert(2)>\"' onload='x' {{.}} \x00\x1b[31m\r\nBcc: all@example.com\t" +
		strings.Repeat("\u0301", 50) + strings.Repeat("W", 400) + "\xff\U000e0041\u2066"
	d.Remade, d.Changes = d.AsOf, []report.Change{{Name: evil, Was: 1, Is: 2}}
	d.Ratings = []report.Rating{{Kind: evil, Estimate: report.Share(3, 30)}}
	d.ReportID, d.Workspace.Name, d.ThemeSetVersion, d.ModelVersion = evil, evil, evil, evil
	d.Totals.Issues, d.Totals.Leads, d.Totals.Waiting = 40, 40, 40
	quote := report.Quote{Key: evil, Text: evil, Author: evil, Platform: evil, URL: "javascript:alert(1)", Occurred: d.AsOf}
	issue := report.Issue{ThemeID: evil, Label: evil, People: 3, Share: report.Share(3, 3), Sentiment: report.Sentiment{Negative: 1, Neutral: 1, Positive: 1},
		Department: evil, Owner: evil, Status: evil, Quotes: []report.Quote{quote, quote, quote}}
	lead := report.Lead{PersonID: evil, Name: evil, Handle: evil, Platform: evil, Points: evil, Grade: evil, Engagement: 1, AsOf: d.AsOf, LastSeen: d.AsOf, URL: "data:text/html,<script>alert(1)</script>"}
	for range 9 {
		lead.Reasons = append(lead.Reasons, evil)
	}
	d.Issues, d.Ended, d.Leads, d.Waiting, d.Channels = nil, nil, nil, nil, nil
	for i := range 40 {
		issue.ThemeID = evil + fmt.Sprint(i)
		d.Issues = append(d.Issues, issue)
		d.Leads = append(d.Leads, lead)
		d.Waiting = append(d.Waiting, report.Waiting{Asker: evil, Platform: evil, Source: evil, Reason: evil, Since: d.AsOf, Text: evil, URL: "https://good.example@evil.example/"})
		d.Channels = append(d.Channels, report.Channel{Platform: evil, Scope: evil, Name: evil, Inbound: 5})
	}
	return d
}

var forms = []struct {
	name  string
	write func(report.Data) ([]byte, error)
}{{"report.json", report.Encode}, {"report.csv", report.CSV}, {"report.html", report.HTML}, {"report.txt", report.Text}}

func written(t *testing.T, write func(report.Data) ([]byte, error), d report.Data) string {
	t.Helper()
	b, err := write(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGolden(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			got := written(t, f.write, week())
			name := filepath.Join("testdata", f.name)
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (-want +got); if that is meant: go test ./internal/report -update\n%s", f.name, diff)
			}
		})
	}
}

// element is what the tests need of an HTML page: names, attributes, texts.
type element struct {
	name, href, class string
	text              string // with that of the elements inside
}

// parse reads HTML strictly, as XML: every tag closed, every attribute quoted.
func parse(t *testing.T, page string) []element {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(page))
	var all []element
	var open []int
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			e := element{name: x.Name.Local}
			for _, a := range x.Attr {
				switch name := strings.ToLower(a.Name.Local); {
				case name == "href":
					e.href = a.Value
				case name == "class":
					e.class = a.Value
				case strings.HasPrefix(name, "on") || name == "src" || name == "srcset" || name == "background":
					t.Errorf("<%s> has the attribute %s=%q", e.name, name, a.Value)
				case name == "style" && strings.Contains(strings.ToLower(a.Value), "url("):
					t.Errorf("<%s> loads %q", e.name, a.Value)
				}
			}
			open = append(open, len(all))
			all = append(all, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			for _, i := range open {
				all[i].text += string(x)
			}
		}
	}
}

func pick(all []element, name, class string) (texts []string) {
	for _, e := range all {
		if e.name == name && (class == "" || strings.Contains(" "+e.class+" ", " "+class+" ")) {
			texts = append(texts, strings.ReplaceAll(e.text, "\u00a0", " "))
		}
	}
	return texts
}

func TestPageSaysWhatMatters(t *testing.T) {
	all := parse(t, written(t, report.HTML, week()))
	if got, want := pick(all, "span", "line"), []string{"41 people raised 4 issues; “Delivery later than promised” grew most, from 6 to 19 people.",
		"3 conversations wait for an answer.", "There are 14 people to call."}; !cmp.Equal(got, want) {
		t.Errorf("headlines %q, want %q", got, want)
	}
	if got, want := pick(all, "h2", ""), []string{"Who needs an answer", "Who to call", "Which issues grew and shrank", "How fast we answered", "What could not be read"}; !cmp.Equal(got, want) {
		t.Errorf("sections %q, want %q", got, want)
	}
	if got, want := pick(all, "summary", ""), []string{"All issues", "Activity by channel", "How this was computed"}; !cmp.Equal(got, want) {
		t.Errorf("details %q, want %q", got, want)
	}
	body := strings.Join(pick(all, "body", ""), "")
	for _, want := range []string{
		"16 to 22 November 2026",
		"19 people, 27 messages (6 the week before: clearly more)",
		"0 people (8 the week before: clearly fewer)",
		"33 % (22 % to 46 %)",
		"14 people (11 the week before: no clear change)",
		"1 person (none the week before: no clear change)",
		"not enough data: 9 people, 12 needed",
		"22 negative, 4 neutral, 1 positive",
		"Service · Ana Lindqvist · in progress",
		"marta.k, Our page (Meta), Tue 17 Nov, 14:05", // 13:05 UTC in Berlin
		"hvogt, Our company (LinkedIn), 82.5 points, fit A, last seen Sun 22 Nov, 17:12",
		"Asked about fleet leasing twice in 7 days, 40.3 points",
		"61 points, last seen",
		"Answered our reply, and was answered again (depth 4): 27.5 points.",
		"and 1 reason more",
		"2 h 4 min (1 h 3 min to 3 h 4 min)",
		"21 h: clearly faster",
		"not enough data: 4 conversations, 6 needed",
		"Asks a question, and waits for 3 d 16 h, longer than usual there.",
		"Our page (Meta), since Thu 19 Nov, 16:02",
		"Waits for 12 min.",
		"Net promoter score: 32 (23 to 41; 140 answers)",
		"Satisfied: not enough data: 4 answers, 12 needed",
		"9 messages could not be read and are in no other number of feedback: German 8, Dutch 1.",
		"Mon 23 Nov 2026, 08:00 (Europe/Berlin)",
		"theme set 12, scoring model 4, report rep_2026w47",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	var links []string
	for _, e := range all {
		if e.href != "" {
			links = append(links, e.href)
		}
	}
	want := []string{"https://www.facebook.com/nordlicht/posts/1009", "https://forum.example/t/81/1", "https://www.linkedin.com/in/hvogt",
		"https://www.facebook.com/nordlicht/posts/1001", "https://forum.example/t/77/3"}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestTextSaysTheSameAsThePage(t *testing.T) {
	text := written(t, report.Text, week())
	flat := strings.Join(strings.Fields(strings.ReplaceAll(text, ">", "")), " ")
	for _, e := range parse(t, written(t, report.HTML, week())) {
		if e.name == "h1" || e.name == "li" || e.name == "summary" || strings.HasPrefix(e.class, "h2") || e.class == "p" && !strings.Contains(e.text, " · ") || e.class == "p muted" {
			text, _, _ := strings.Cut(e.text, " · ") // where a link begins
			want := strings.Join(strings.Fields(text), " ")
			if !strings.Contains(flat, want) {
				t.Errorf("the text does not say %q", want)
			}
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) > 72 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("a line of %d characters: %q", utf8.RuneCountInString(line), line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("trailing space: %q", line)
		}
	}
}

func TestPreviousWeekIsNotMentionedWithoutOne(t *testing.T) {
	d := week()
	d.Period.Compared = false
	for _, f := range forms[2:] {
		if s := strings.ReplaceAll(written(t, f.write, d), "\u00a0", " "); strings.Contains(s, "the week before") {
			t.Errorf("%s compares with a week that was not observed", f.name)
		}
	}
}

func TestHeadlineOfQuietWeeks(t *testing.T) {
	d := week()
	d.Issues, d.Ended, d.Leads, d.Waiting, d.Channels = nil, nil, nil, nil, nil
	d.Response = report.Response{PerPair: report.DelayOf(nil), PerMessage: report.DelayOf(nil), PerConversation: report.DelayOf(nil)}
	d.Totals = report.Totals{Activities: 12, People: 1}
	is := func(want string) {
		t.Helper()
		if got := pick(parse(t, written(t, report.HTML, d)), "h1", "")[0]; got != want {
			t.Errorf("headlines %q, want %q", got, want)
		}
	}
	is("Nobody raised an issue. Nobody waits for an answer. There is nobody to call.")
	if s := written(t, report.Text, d); !strings.Contains(s, "not enough data: 0 pairs, 6 needed") || !strings.Contains(s, "Every message could be read.") {
		t.Errorf("the text does not say that there are no response times, or that all was read:\n%s", s)
	}
	d.Totals = report.Totals{Activities: 1, People: 1, IssuePeople: 1, Issues: 1, Leads: 1, Waiting: 1}
	d.Leads = week().Leads[:1]
	is("1 person raised 1 issue. 1 conversation waits for an answer. There is 1 person to call.")
	d.Totals.Leads, d.Totals.LeadsMore = 300, true // the list is short, the number is not its length
	is("1 person raised 1 issue. 1 conversation waits for an answer. There are at least 300 people to call.")
	d.ThemeSetVersion, d.Totals.Issues, d.Totals.IssuePeople = "", 0, 0
	is("There is not enough feedback yet to tell issues. 1 conversation waits for an answer. There are at least 300 people to call.")
	d.Totals.FeedbackMessages, d.Totals.Unread = 60, []report.Unread{{Language: "pl", Messages: 60}}
	is("There is not enough feedback yet to tell issues; 60 messages could not be read. 1 conversation waits for an answer. There are at least 300 people to call.")
	d.Totals.FeedbackMessages = 600 // one in eleven is a matter for the section on it
	is("There is not enough feedback yet to tell issues. 1 conversation waits for an answer. There are at least 300 people to call.")
	d.Leads, d.Totals = nil, report.Totals{}
	is("Nothing was received in this period. If that is unexpected, check that the sources are connected.")
}

func TestIssuesThatGrewComeFirstThenThoseThatShrank(t *testing.T) {
	d := week()
	issue := func(id string, now, then int) report.Issue {
		return report.Issue{ThemeID: id, Label: id, People: now, PeoplePrevious: then}
	}
	d.Issues = []report.Issue{issue("big", 40, 39), issue("less", 20, 41), issue("new", 15, 0), issue("more", 14, 2), issue("other", 9, 9), issue("spread", 8, 0), issue("surge", 8, 0), issue("small", 1, 1)}
	d.Ended = []report.Issue{issue("over", 0, 9)}
	d.Totals.Issues, d.Totals.IssuePeople = len(d.Issues), 99
	names := func() (out []string) {
		for _, e := range parse(t, written(t, report.HTML, d)) {
			if e.name == "h3" && strings.Contains(" Big Less New More Other Spread Surge Small Over ", " "+e.text+" ") {
				out = append(out, e.text)
			}
		}
		return out
	}
	if got, want := names(), []string{"New", "More", "Spread", "Less", "Over"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	d.Period.Compared = false
	if got, want := names(), []string{"Big", "Less", "New", "More", "Other"}; !cmp.Equal(got, want) {
		t.Errorf("without a week before: got %q, want %q", got, want)
	}
	if s := written(t, report.Text, d); !strings.Contains(s, "There is no week before to compare with") {
		t.Error("it does not say that there is nothing to compare with")
	}
}

func TestARunMadeAnewSaysWhatChanged(t *testing.T) {
	d := week()
	was := map[string]int{}
	for _, n := range d.Numbers() {
		was[n.Name] = n.Value
	}
	if got := d.Since(was); len(got) != 0 {
		t.Errorf("of the same numbers %+v changed", got)
	}
	d.Totals.People, d.Totals.Waiting = 321, 4
	delete(was, "conversations that wait") // by a version that did not note it
	d.Changes, d.Remade = d.Since(was), d.AsOf.Add(26*time.Hour)
	if diff := cmp.Diff([]report.Change{{Name: "people active", Was: 318, Is: 321}}, d.Changes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text := strings.Join(strings.Fields(written(t, report.Text, d)), " ")
	if want := "Made anew on Tue 24 Nov 2026, 10:00, since facts came late or went: people active were 318, are 321."; !strings.Contains(text, want) {
		t.Errorf("the text does not say %q", want)
	}
	d.Changes = nil
	text = strings.Join(strings.Fields(written(t, report.Text, d)), " ")
	if want := "Made anew on Tue 24 Nov 2026, 10:00, with the same numbers as at first."; !strings.Contains(text, want) {
		t.Errorf("the text does not say %q", want)
	}
}

// Faster or slower is what intervals without a common time say.
func TestAnswersAreFasterOrSlowerWhereThatIsClear(t *testing.T) {
	delay := func(hours float64) report.Delay {
		xs := make([]float64, 20)
		for i := range xs {
			xs[i] = 3600 * (hours + float64(i)/10)
		}
		return report.DelayOf(xs)
	}
	for _, tt := range []struct {
		now, then float64
		want      string
	}{{1, 5, "clearly faster"}, {5, 1, "clearly slower"}, {1, 1.9, "no clear change"}, {1.9, 1, "no clear change"}} {
		d := week()
		d.Response.PerMessage, d.ResponsePrevious.PerMessage = delay(tt.now), delay(tt.then)
		text := written(t, report.Text, d)
		_, text, _ = strings.Cut(text, "Each message")
		text, _, _ = strings.Cut(text, "Each conversation")
		if !strings.Contains(text, tt.want) {
			t.Errorf("%v h against %v h: %q, want %q", tt.now, tt.then, text, tt.want)
		}
	}
}

func TestRatings(t *testing.T) {
	repeat := func(n int, at float64) (out []float64) {
		for range n {
			out = append(out, at)
		}
		return out
	}
	nps := append(append(repeat(70, 1), repeat(20, 0.8)...), append(repeat(20, 0.7), repeat(30, 0.6)...)...)
	r, _ := report.RatingOf("nps", nps) // 70 promote, 30 detract of 140
	if !r.Enough || math.Abs(r.Value-100*40.0/140) > 1e-9 || math.Abs(r.High-r.Low-2*13.1) > 1 {
		t.Errorf("net promoter score %+v, want 28.6 ± 13", r)
	}
	if r, _ := report.RatingOf("nps", nps[:29]); r.Enough || r.Needed != 30 {
		t.Errorf("of 29 answers %+v, want not enough", r)
	}
	r, _ = report.RatingOf("stars", append(repeat(10, 1), repeat(10, 0)...))
	if !r.Enough || r.Value != 3 || r.Low > 2.2 || r.High < 3.8 {
		t.Errorf("stars %+v, want 3 of half fives and half ones", r)
	}
	r, _ = report.RatingOf("csat", append(repeat(9, 0.75), repeat(11, 0.5)...))
	if diff := cmp.Diff(report.Share(9, 20), r.Estimate); diff != "" {
		t.Errorf("four and five of five are good (-want +got):\n%s", diff)
	}
	if r, ok := report.RatingOf("score", repeat(50, 1)); ok {
		t.Errorf("marks on other scales have no sum, got %+v", r)
	}
}

func TestHostileTextsStayTexts(t *testing.T) {
	page := written(t, report.HTML, hostile())
	all := parse(t, page) // also refuses handlers and loaded resources
	known := map[string]bool{}
	for _, e := range parse(t, written(t, report.HTML, week())) {
		known[e.name] = true
	}
	for _, e := range all {
		if e.href != "" {
			t.Errorf("a link to %q", e.href)
		}
		if !known[e.name] && e.name != "wbr" {
			t.Errorf("an element <%s> that the report does not have", e.name)
		}
	}
	for _, f := range forms[1:] {
		s := written(t, f.write, hostile())
		if !utf8.ValidString(s) {
			t.Errorf("%s is not UTF-8", f.name)
		}
		for _, bad := range []string{"\u202e", "\u2066", "\U000e0041", "\x00", "\x1b", strings.Repeat("\u0301", 5), "\nBcc:"} {
			if strings.Contains(s, bad) {
				t.Errorf("%s contains %q", f.name, bad)
			}
		}
	}
	// Every run of 21 letters holds a place to break at.
	if long := regexp.MustCompile(`W{21}`).FindStringIndex(page); long != nil {
		t.Errorf("a word without a break: %s", page[long[0]-40:long[1]])
	}
	drill.Show(t, "a report of hostile texts in %d fields: no element of theirs, no link, no control character in %d forms", strings.Count(page, "alert"), len(forms))
}

func TestPageStaysBelowTheSizeAtWhichMailIsCutOff(t *testing.T) {
	if n := len(written(t, report.HTML, hostile())); n > 102*1000 {
		t.Errorf("the fullest page has %d bytes, want at most 102,000", n)
	}
}

func TestListsThatAreCutSayHowManyAreLeft(t *testing.T) {
	s := strings.Join(strings.Fields(written(t, report.Text, hostile())), " ")
	for _, want := range []string{"20 more issues are not shown here.", "35 more people to call.", "35 others wait too.",
		"25 more channels are not shown here.", "and 7 reasons more", "35 more issues are in the list of all."} {
		if !strings.Contains(s, want) {
			t.Errorf("the text does not say %q", want)
		}
	}
}

func TestOnlyWebAddressesBecomeLinks(t *testing.T) {
	for _, tt := range []struct {
		url string
		ok  bool
	}{
		{"https://example.com/a?b=c&d=e#f", true},
		{"http://example.com", true},
		{"HTTPS://EXAMPLE.COM/", true},
		{"https://例え.example/ü", true},
		{"", false},
		{"javascript:alert(1)", false},
		{"JaVaScRiPt://example.com/%0aalert(1)", false},
		{" https://example.com", false},
		{"https://exa\tmple.com", false},
		{"data:text/html,x", false},
		{"ftp://example.com/", false},
		{"//example.com/", false},
		{"/path", false},
		{"https://", false},
		{"https:example.com", false},
		{"https://good.example@evil.example/", false},
		{"https://example.com/\u202egpj.exe", false},
		{"https://example.com/" + strings.Repeat("a", 2000), false},
	} {
		d := week()
		d.Waiting[0].URL, d.Leads[0].URL = tt.url, tt.url
		d.Issues[0].Quotes[0].URL = tt.url
		n := 0
		for _, e := range parse(t, written(t, report.HTML, d)) {
			if e.href != "" {
				n++
			}
		}
		if want := map[bool]int{true: 5, false: 2}[tt.ok]; n != want {
			t.Errorf("%q: %d links, want %d", tt.url, n, want)
		}
	}
}

func readCSV(t *testing.T, s string) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(s, "\ufeff")))
	r.FieldsPerRecord = -1 // a table for each section
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// tables reads the tables of a report's CSV: by section, column and row.
func tables(t *testing.T, s string) map[string]map[string][]string {
	t.Helper()
	out := map[string]map[string][]string{}
	for _, part := range strings.Split(strings.TrimPrefix(s, "\ufeff"), "\r\n\r\n") {
		rows := readCSV(t, part)
		columns := map[string][]string{}
		for i, name := range rows[1] {
			columns[name] = []string{}
			for _, r := range rows[2:] {
				if len(r) != len(rows[1]) {
					t.Fatalf("%s: a row of %d cells under %d columns", rows[0][0], len(r), len(rows[1]))
				}
				columns[name] = append(columns[name], r[i])
			}
		}
		out[rows[0][0]] = columns
	}
	return out
}

func TestCSVIsATableForEachSection(t *testing.T) {
	s := written(t, report.CSV, week())
	got := tables(t, s)
	for _, x := range []struct {
		section, column string
		want            []string
	}{
		{"totals", "people", []string{"318"}},
		{"report", "as_of", []string{"2026-11-23T07:00:00.000Z"}},
		{"issues", "label", []string{"Delivery later than promised", "Battery range in winter", "Wish for a child seat mount", "App logs out by itself", "Shop closed on Saturday"}},
		{"issues", "share.n", []string{"58", "58", "58", "9", "0"}},
		{"issues", "share.needed", []string{"12", "12", "12", "12", "0"}},
		{"quotes", "theme_id", []string{"th_a", "th_a", "th_b"}},
		{"leads", "points", []string{"82.501953", "61"}},
		{"response", "figure", []string{"per_message", "per_conversation", "per_pair", "per_message", "per_conversation", "per_pair"}},
		{"response", "median_seconds.n", []string{"22", "4", "64", "19", "3", "58"}},
		{"response", "p90_seconds.low", []string{"", "", "40740", "", "", "31860"}},
		{"waiting", "source", []string{"Our page", "", ""}},
		{"ratings", "value", []string{"32", ""}},
		{"unread", "language", []string{"de", "nl"}},
		{"channels", "inbound_previous", []string{"522", "301", "240"}},
		{"changes", "name", []string{}},
	} {
		if diff := cmp.Diff(x.want, got[x.section][x.column]); diff != "" {
			t.Errorf("%s of %s (-want +got):\n%s", x.column, x.section, diff)
		}
	}
	if !strings.HasPrefix(s, "\ufeff") || strings.Count(s, "\n") != strings.Count(s, "\r\n") || !strings.HasSuffix(s, "\r\n") {
		t.Error("the file begins without a byte order mark, or has lines that do not end in CRLF")
	}
}

func TestCSVHoldsNoFormulas(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"=1+1", "'=1+1"}, {"+1+1", "'+1+1"}, {"-1+1", "'-1+1"}, {"@SUM(A1)", "'@SUM(A1)"}, {"＝1+1", "'＝1+1"}, {"＠x", "'＠x"},
		{"\t=1", "'=1"}, {"\r=1", "'=1"}, {"\n=1", "'=1"}, {"  =1", "'=1"}, {"\u200b=1", "'=1"}, {"\u00a0=1", "'=1"},
		{"-3.5", "-3.5"}, {"-3.5.1", "'-3.5.1"}, {"a=1", "a=1"}, {"two\r\nlines, \"quoted\"", "two lines, \"quoted\""}, {"naïve 👩‍🚀", "naïve 👩‍🚀"},
	} {
		d := week()
		d.Issues[0].Label = tt.in
		if got := tables(t, written(t, report.CSV, d))["issues"]["label"][0]; got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
	cells := 0
	for _, r := range readCSV(t, written(t, report.CSV, hostile())) {
		for _, c := range r {
			cells++
			if c != "" && strings.ContainsAny(c[:1], "=+-@\t\r\n") {
				t.Errorf("a cell begins with %q", c[:1])
			}
		}
	}
	drill.Show(t, "%d cells of a hostile report, and spellings of formulas: none begins one", cells)
}

func TestJSONRoundTrip(t *testing.T) {
	b := []byte(written(t, report.Encode, week()))
	var got report.Data
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := week()
	want.Issues[2].Quotes, want.Issues[3].Quotes, want.Ended[0].Quotes, want.Changes = []report.Quote{}, []report.Quote{}, []report.Quote{}, []report.Change{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
	if bytes.Contains(b, []byte("null")) {
		t.Error("a list is null")
	}
	if err := json.Unmarshal([]byte(`{"n": 9, "enough": true}`), &report.Estimate{}); err == nil {
		t.Error("an estimate with enough data and no value was read")
	}
}

func TestNumberWithoutEnoughDataIsNotInTheJSON(t *testing.T) {
	d := week()
	d.Issues[0].Share = report.Estimate{N: 3, Needed: 12, Value: 0.123456, Low: 0.1, High: 0.2}
	for _, f := range forms {
		if s := written(t, f.write, d); strings.Contains(s, "0.123456") || strings.Contains(s, "12\u00a0% of") || strings.Contains(s, "12 % of") {
			t.Errorf("%s shows a share of 3 people", f.name)
		}
	}
}

// Instants of other zones and finer than a millisecond are the same facts.
func TestSameFactsGiveTheSameBytes(t *testing.T) {
	other := week()
	tokyo := time.FixedZone("", 9*3600)
	for _, p := range []*time.Time{&other.AsOf, &other.Period.From, &other.Period.To, &other.Waiting[0].Since, &other.Leads[1].LastSeen, &other.Leads[0].AsOf, &other.Issues[0].Quotes[1].Occurred} {
		*p = p.In(tokyo).Add(417 * time.Microsecond)
	}
	before := fmt.Sprintf("%+v", other)
	for _, f := range forms {
		want := written(t, f.write, week())
		for range 3 {
			if got := written(t, f.write, other); got != want {
				t.Errorf("%s differs:\n%s", f.name, cmp.Diff(want, got))
			}
		}
	}
	if after := fmt.Sprintf("%+v", other); after != before {
		t.Error("writing a report changed its data")
	}
}

func TestImpossibleDataIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*report.Data){
		"no zone":                           func(d *report.Data) { d.Period.TimeZone = "" },
		"unknown zone":                      func(d *report.Data) { d.Period.TimeZone = "Mars/Olympus" },
		"period without a beginning":        func(d *report.Data) { d.Period.From = time.Time{} },
		"period that ends before it begins": func(d *report.Data) { d.Period.To = d.Period.From },
		"no as_of":                          func(d *report.Data) { d.AsOf = time.Time{} },
		"negative count":                    func(d *report.Data) { d.Channels[1].Outbound = -1 },
		"negative wait":                     func(d *report.Data) { d.Waiting[1].WaitingSeconds = -1 },
		"fewer issues than listed":          func(d *report.Data) { d.Totals.Issues = 3 },
		"fewer leads than listed":           func(d *report.Data) { d.Totals.Leads = 1 },
		"fewer waiting than listed":         func(d *report.Data) { d.Totals.Waiting = 2 },
		"an issue of more people than any":  func(d *report.Data) { d.Totals.IssuePeople = 18 },
		"an estimate outside its interval":  func(d *report.Data) { d.Issues[0].Share.Low = 0.5 },
		"an estimate that is no number":     func(d *report.Data) { d.Response.PerPair.P90.Value = math.NaN() },
		"an endless estimate":               func(d *report.Data) { d.Response.PerMessage.Median.High = math.Inf(1) },
	} {
		for _, f := range forms {
			d := week()
			spoil(&d)
			if _, err := f.write(d); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s, %s: error %v, want one of kind invalid", name, f.name, err)
			}
		}
	}
}

func TestShareTakesTwelvePeople(t *testing.T) {
	if e := report.Share(3, 11); e.Enough || e.Needed != 12 || e.N != 11 {
		t.Errorf("Share(3, 11) = %+v", e)
	}
	for k := range 13 {
		if e := report.Share(k, 12); !e.Enough || e.High-e.Low > 0.5 {
			t.Errorf("Share(%d, 12) = %+v, want an interval of at most 0.5", k, e)
		}
	}
	if e := report.Share(13, 12); e.Enough {
		t.Errorf("Share(13, 12) = %+v", e)
	}
}

func TestDelayOf(t *testing.T) {
	var xs []float64
	for i := range 40 {
		xs = append(xs, float64(40-i))
	}
	got := report.DelayOf(xs)
	want := report.Delay{
		Median: report.Estimate{N: 40, Needed: 6, Enough: true, Value: 20.5, Low: 14, High: 27},
		P90:    report.Estimate{N: 40, Needed: 36, Enough: true, Value: 36.1, Low: 32, High: 40},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DelayOf (-want +got):\n%s", diff)
	}
}
