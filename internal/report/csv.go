package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/sheet"
	"rapport/internal/social"
)

// CSV returns d as one file of a table for each section, for spreadsheets: a
// line with the section's name, a line with the names of its columns, a line
// for each row, and an empty line. Columns are called as the JSON's fields; an
// estimate is spread over n, needed, value, low and high. Texts are on one
// line, instants in UTC, and numbers have a decimal point; one that there is
// not enough data for is empty.
//
// Lines end in CRLF (RFC 4180), the text is UTF-8 and begins with a byte order
// mark, without which Excel reads it in the encoding of the machine. A text
// that a spreadsheet would take for a formula (it begins with =, +, -, @ or
// their full-width forms, spaces aside) is preceded by an apostrophe.
func CSV(d Data) ([]byte, error) {
	d, err := settle(d)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("\uFEFF")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := func(values ...any) {
		var cells []string
		for _, v := range values {
			if e, ok := v.(Estimate); ok {
				cells = append(cells, csvValue(e.N), csvValue(e.Needed))
				if e.Enough {
					cells = append(cells, csvValue(e.Value), csvValue(e.Low), csvValue(e.High))
				} else {
					cells = append(cells, "", "", "")
				}
				continue
			}
			cells = append(cells, sheet.Guarded(csvValue(v)))
		}
		// The error is sticky and read from w at the end.
		_ = w.Write(cells)
	}
	first := true
	table := func(section string, columns ...string) {
		if !first {
			w.Flush()
			b.WriteString("\r\n")
		}
		first = false
		line(section)
		var names []any
		for _, c := range columns {
			if name, ok := strings.CutSuffix(c, "*"); ok {
				names = append(names, name+"n", name+"needed", name+"value", name+"low", name+"high")
				continue
			}
			names = append(names, c)
		}
		line(names...)
	}

	table("report", "report_id", "workspace_id", "workspace_name", "from", "to", "time_zone", "compared", "as_of", "theme_set_version", "model_version", "remade", "call_from")
	line(d.ReportID, d.Workspace.ID, d.Workspace.Name, d.Period.From, d.Period.To, d.Period.TimeZone, d.Period.Compared, d.AsOf, d.ThemeSetVersion, d.ModelVersion, d.Remade, d.CallFrom)
	t := d.Totals
	table("totals", "activities", "people", "feedback_messages", "feedback_people", "issues", "issue_people", "leads", "leads_more", "waiting", "waiting_more", "leads_complaint")
	line(t.Activities, t.People, t.FeedbackMessages, t.FeedbackPeople, t.Issues, t.IssuePeople, t.Leads, t.LeadsMore, t.Waiting, t.WaitingMore, t.LeadsComplaint)
	table("changes", "name", "was", "is")
	for _, x := range d.Changes {
		line(x.Name, x.Was, x.Is)
	}
	table("waiting", "asker", "platform", "source", "reason", "since", "waiting_seconds", "text", "url")
	for _, x := range d.Waiting {
		line(x.Asker, x.Platform, x.Source, x.Reason, x.Since, x.WaitingSeconds, x.Text, x.URL)
	}
	table("leads", "person_id", "name", "handle", "platform", "source", "points", "grade", "engagement", "as_of", "last_seen", "url", "reasons", "last_contact", "words")
	for _, x := range d.Leads {
		var words []string
		for _, q := range x.Words {
			words = append(words, q.Text)
		}
		line(x.PersonID, x.Name, x.Handle, x.Platform, x.Source, x.Points, x.Grade, x.Engagement, x.AsOf, x.LastSeen, x.URL, strings.Join(x.Reasons, " | "), x.LastContact, strings.Join(words, " | "))
	}
	table("issues", "theme_id", "label", "people", "people_previous", "messages", "share.*", "sentiment.negative", "sentiment.neutral", "sentiment.positive", "department", "owner", "status")
	for _, x := range append(list(d.Issues), d.Ended...) {
		line(x.ThemeID, x.Label, x.People, x.PeoplePrevious, x.Messages, x.Share, x.Sentiment.Negative, x.Sentiment.Neutral, x.Sentiment.Positive, x.Department, x.Owner, x.Status)
	}
	table("quotes", "theme_id", "key", "text", "author", "platform", "source", "url", "occurred")
	for _, x := range d.Issues {
		for _, q := range x.Quotes {
			line(x.ThemeID, q.Key, q.Text, q.Author, q.Platform, q.Source, q.URL, q.Occurred)
		}
	}
	table("response", "figure", "period", "median_seconds.*", "p90_seconds.*")
	for _, p := range []struct {
		period string
		of     Response
	}{{"this", d.Response}, {"previous", d.ResponsePrevious}} {
		for _, x := range []struct {
			figure string
			delay  Delay
		}{{"per_message", p.of.PerMessage}, {"per_conversation", p.of.PerConversation}, {"per_pair", p.of.PerPair}} {
			line(x.figure, p.period, x.delay.Median, x.delay.P90)
		}
	}
	table("ratings", "kind", "*")
	for _, r := range d.Ratings {
		line(r.Kind, r.Estimate)
	}
	table("unread", "language", "messages")
	for _, x := range t.Unread {
		line(x.Language, x.Messages)
	}
	table("channels", "platform", "scope", "name", "inbound", "inbound_previous", "outbound", "people", "messages", "reactions")
	for _, x := range d.Channels {
		line(x.Platform, x.Scope, x.Name, x.Inbound, x.InboundPrevious, x.Outbound, x.People, x.Messages, x.Reactions)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("write report %q as CSV: %w", d.ReportID, err)
	}
	return b.Bytes(), nil
}

// csvValue writes a field's value; the zero time is empty.
func csvValue(v any) string {
	switch x := v.(type) {
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Format("2006-01-02T15:04:05.000Z")
	case string:
		return social.Shown(x)
	}
	return fmt.Sprint(v)
}
