package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// width is where the lines of the plain text wrap, in runes.
const width = 72

// Text returns d as plain text in UTF-8, the alternative to HTML for mail
// readers that show none: the same words in the same order, in lines of at
// most 72 runes except for addresses and words that are longer.
func Text(d Data) ([]byte, error) {
	d, err := settle(d)
	if err != nil {
		return nil, err
	}
	v, err := newView(d)
	if err != nil {
		return nil, fmt.Errorf("report %q: %w", d.ReportID, err)
	}
	var b strings.Builder
	say := func(indent, s string) {
		if s != "" {
			wrap(&b, indent, s)
		}
	}
	heading := func(s string) { fmt.Fprintf(&b, "\n%s\n%s\n\n", s, strings.Repeat("-", utf8.RuneCountInString(s))) }
	gap := func() { b.WriteByte('\n') }

	say("", v.Workspace+", weekly report, "+v.Days)
	gap()
	say("", v.Headline)

	heading("Issues people raised")
	for _, x := range v.Issues {
		say("", fmt.Sprintf("%d. %s", x.Rank, x.Label))
		say("   ", bracketed(x.People, x.Before))
		say("   ", x.Share)
		say("   ", x.Mood)
		say("   ", x.Owner)
		for _, q := range x.Quotes {
			say("   > ", "“"+q.Text+"”")
			say("   > ", q.By)
			say("   > ", q.URL)
		}
		gap()
	}
	say("", v.IssuesNote)
	say("", v.UnreadNote)

	heading("Leads to call, and why")
	for _, x := range v.Leads {
		say("", fmt.Sprintf("%s  %s, %s", x.Grade, x.Name, x.Where))
		say("    ", x.Score)
		for _, r := range x.Reasons {
			say("    - ", r)
		}
		say("    - ", x.More)
		say("    ", x.Seen)
		say("    ", x.URL)
		gap()
	}
	say("", v.LeadsNote)

	heading("How fast we answered")
	for _, x := range v.Response {
		say("", fmt.Sprintf("Time per %s (%s; %s)", strings.ToLower(x.Name), x.Explained, x.Counted))
		say("  ", "half within: "+orElse(x.Missing, bracketed(x.Median, x.Range)))
		say("  ", "nine of ten within: "+orElse(x.SlowMissing, bracketed(x.Slow, x.SlowRange)))
	}

	heading("Who waits for an answer")
	for _, x := range v.Waiting {
		say("", fmt.Sprintf("%s: %s", x.Waits, x.Asker))
		say("   ", fmt.Sprintf("%s, since %s", x.Where, x.Since))
		if x.Text != "" {
			say("   > ", "“"+x.Text+"”")
		}
		say("   ", x.URL)
		gap()
	}
	say("", v.WaitingNote)

	heading("Activity by channel")
	for _, x := range v.Channels {
		say("", strings.TrimSpace(x.Name+" "+x.Scope))
		say("   ", fmt.Sprintf("%s in, %s out, %s; %s", x.Inbound, x.Outbound, x.People+nb+"active", x.Composed))
		say("   ", x.Before)
	}
	say("", v.ChannelsNote)

	heading("How this was computed")
	for _, n := range v.Notes {
		say("", n)
	}
	return []byte(strings.ReplaceAll(b.String(), nb, " ")), nil
}

func bracketed(s, more string) string {
	if more == "" {
		return s
	}
	return s + " (" + more + ")"
}

// wrap writes s in lines that begin with indent; a dash in it is a bullet and
// stands on the first line only.
func wrap(b *strings.Builder, indent, s string) {
	line := indent
	indent = strings.ReplaceAll(indent, "-", " ")
	for i, word := range strings.Split(s, " ") {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent + word
		default:
			line += " " + word
		}
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
