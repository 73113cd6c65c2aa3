package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// CSV returns d as one long table, a number or text a line, with the columns
//
//	section  report, totals, issue, quote, lead, reason, response, waiting or channel
//	row      1, 2 … within the section, or the figure's name in response
//	parent   for a quote the row of its issue, for a reason that of its lead; else empty
//	field    as in the JSON; an estimate is spread over n, needed, value, low and high
//	value    texts on one line; UTC instants; numbers with a decimal point
//
// Lines end in CRLF (RFC 4180), the text is UTF-8 and begins with a byte order
// mark, without which Excel reads it in the encoding of the machine.
// A number there is not enough data for is left out. A text that a
// spreadsheet would take for a formula (it begins with =, +, -, @ or their
// full-width forms, spaces aside) is preceded by an apostrophe.
func CSV(d Data) ([]byte, error) {
	d, err := settle(d)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("\uFEFF")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := func(section, row, parent, field, value string) {
		// The error is sticky and read from w at the end.
		_ = w.Write([]string{section, row, parent, field, cell(value)})
	}
	line("section", "row", "parent", "field", "value")
	// fields writes pairs of name and value; an empty value is left out.
	fields := func(section, row, parent string, pairs ...any) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if v := csvValue(pairs[i+1]); v != "" {
				line(section, row, parent, pairs[i].(string), v)
			}
		}
	}
	estimate := func(section, row, prefix string, e Estimate) {
		fields(section, row, "", prefix+".n", e.N, prefix+".needed", e.Needed)
		if e.Enough {
			fields(section, row, "", prefix+".value", e.Value, prefix+".low", e.Low, prefix+".high", e.High)
		}
	}

	fields("report", "1", "", "report_id", d.ReportID, "workspace_id", d.Workspace.ID, "workspace_name", d.Workspace.Name,
		"from", d.Period.From, "to", d.Period.To, "time_zone", d.Period.TimeZone, "compared", d.Period.Compared, "as_of", d.AsOf,
		"theme_set_version", d.ThemeSetVersion, "model_version", d.ModelVersion)
	t := d.Totals
	fields("totals", "1", "", "activities", t.Activities, "people", t.People, "feedback_messages", t.FeedbackMessages,
		"feedback_people", t.FeedbackPeople, "issues", t.Issues, "issue_people", t.IssuePeople, "leads", t.Leads, "waiting", t.Waiting)
	for i, x := range t.Unread {
		fields("unread", strconv.Itoa(i+1), "", "language", x.Language, "messages", x.Messages)
	}
	quotes := 0
	for i, x := range d.Issues {
		row := strconv.Itoa(i + 1)
		fields("issue", row, "", "theme_id", x.ThemeID, "label", x.Label, "people", x.People, "people_previous", x.PeoplePrevious, "messages", x.Messages)
		estimate("issue", row, "share", x.Share)
		fields("issue", row, "", "sentiment.negative", x.Sentiment.Negative, "sentiment.neutral", x.Sentiment.Neutral, "sentiment.positive", x.Sentiment.Positive,
			"department", x.Department, "owner", x.Owner, "status", x.Status)
		for _, q := range x.Quotes {
			quotes++
			fields("quote", strconv.Itoa(quotes), row, "key", q.Key, "text", q.Text, "author", q.Author, "platform", q.Platform, "url", q.URL, "occurred", q.Occurred)
		}
	}
	reasons := 0
	for i, x := range d.Leads {
		row := strconv.Itoa(i + 1)
		fields("lead", row, "", "person_id", x.PersonID, "name", x.Name, "handle", x.Handle, "platform", x.Platform, "points", x.Points,
			"grade", x.Grade, "engagement", x.Engagement, "as_of", x.AsOf, "url", x.URL, "last_seen", x.LastSeen)
		for _, r := range x.Reasons {
			reasons++
			fields("reason", strconv.Itoa(reasons), row, "text", r)
		}
	}
	for _, x := range []struct {
		name  string
		delay Delay
	}{{"per_pair", d.Response.PerPair}, {"per_message", d.Response.PerMessage}, {"per_conversation", d.Response.PerConversation}} {
		estimate("response", x.name, "median_seconds", x.delay.Median)
		estimate("response", x.name, "p90_seconds", x.delay.P90)
	}
	for i, x := range d.Waiting {
		fields("waiting", strconv.Itoa(i+1), "", "asker", x.Asker, "platform", x.Platform, "since", x.Since, "waiting_seconds", x.WaitingSeconds, "text", x.Text, "url", x.URL)
	}
	for i, x := range d.Channels {
		fields("channel", strconv.Itoa(i+1), "", "platform", x.Platform, "scope", x.Scope, "inbound", x.Inbound, "inbound_previous", x.InboundPrevious,
			"outbound", x.Outbound, "people", x.People, "messages", x.Messages, "reactions", x.Reactions)
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

var number = pattern.New(`^-?[0-9]+(\.[0-9]+)?$`)

// cell keeps a spreadsheet from taking a text for a formula. A decimal number
// stays as it is. White space, which could come before a formula or begin
// one, is gone since clean.
func cell(s string) string {
	if number.MatchString(s) || !strings.ContainsRune("=+-@＝＋－＠", firstRune(s)) {
		return s
	}
	return "'" + s
}

// firstRune returns the first rune of s, and -1, which no text contains, for
// an empty one.
func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return -1
}
