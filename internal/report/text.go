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
	for _, x := range v.Headlines {
		say("", x)
	}
	say("", v.Remade)

	heading("Who needs an answer")
	for _, x := range v.Waiting {
		say("", x.Asker)
		say("   ", x.Reason)
		if x.Text != "" {
			say("   > ", "“"+x.Text+"”")
		}
		say("   ", fmt.Sprintf("%s, since %s", x.Where, x.Since))
		say("   ", x.URL)
		gap()
	}
	say("", v.WaitingNote)

	heading("Who to call")
	for _, x := range v.Leads {
		say("", fmt.Sprintf("%s  %s", x.Grade, x.Name))
		for _, r := range x.Reasons {
			say("    - ", r)
		}
		say("    - ", x.More)
		if q := x.Quote; q != nil {
			say("    > ", "“"+q.Text+"” ("+q.By+")")
		}
		say("    ", x.Where+", "+x.Score)
		say("    ", x.URL)
		gap()
	}
	say("", v.LeadsNote)

	heading("Which issues grew and shrank")
	for _, x := range v.Moved {
		say("", strings.TrimSpace(x.Sign+" "+x.Label))
		say("   ", bracketed(x.People, x.Before))
		say("   ", x.Owner)
		if q := x.Quote; q != nil {
			say("   > ", "“"+q.Text+"”")
			say("   > ", q.By)
			say("   > ", q.URL)
		}
		gap()
	}
	say("", v.MovedNote)

	heading("How fast we answered")
	for _, x := range v.Response {
		say("", fmt.Sprintf("%s (%s)", x.Name, x.Explained))
		half := orElse(x.Missing, bracketed(x.Median, x.Range))
		if x.Slow != "" {
			half += ", " + x.Slow
		}
		say("  ", "half within: "+half)
		if then := orElse(x.BeforeMissing, x.Before); then != "" {
			if x.Change != "" {
				then += ": " + x.Change
			}
			say("  ", "the week before: "+then)
		}
	}
	for _, x := range v.Ratings {
		say("", x)
	}

	heading("What could not be read")
	say("", v.Unread)

	heading("All issues")
	for _, x := range v.Issues {
		say("", fmt.Sprintf("%s: %s", x.Label, bracketed(x.People, x.Before)))
		say("   ", "of those who gave feedback: "+x.Share)
		say("   ", x.Mood)
		say("   ", x.Owner)
	}
	say("", v.IssuesNote)

	heading("Activity by channel")
	for _, x := range v.Channels {
		in := x.Inbound + nb + "in"
		if x.Before != "" {
			in += " (before: " + x.Before + ")"
		}
		say("", x.Name)
		say("   ", fmt.Sprintf("%s, %s out, %s; %s", in, x.Outbound, x.People+nb+"active", x.Composed))
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
