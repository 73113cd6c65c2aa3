package e2e

import (
	"fmt"
	"slices"
)

// told is what the demo's generator knows of a message (local/demo_data.py, messages).
type told struct {
	Kind         string // problem, wish, praise, chatter, closing …
	Owed         bool   // an answer, at the end of the month
	Conversation string // the thread and who asks, of its platform's
	Platform     string `json:"-"`
	Text         string `json:"-"`
}

// meant is what the generator knows of each message, by the keys of its
// activities: an edit has a key of its own.
func (c *client) meant(base string, messages map[string]map[string]told) map[string]told {
	c.t.Helper()
	out := map[string]told{}
	for platform, lines := range c.activities(base) {
		for _, l := range lines {
			if m, ok := messages[platform][l.Object.ID]; ok && slices.Contains([]string{"post", "reply", "message", "review", "recommend", "edit"}, l.Type) {
				m.Platform, m.Text = platform, l.Text
				out[l.Key] = m
			}
		}
	}
	return out
}

// waits compares the list of who waits with who is owed an answer: of the
// first 20 at least 19 are, of all at least 82 %, and at least 82 % of those
// who are owed one are listed. Reached are 20, 87 and 86 %; the aims are 19, 85
// and 90 %.
func (c *client) waits(base string, messages map[string]map[string]told, meant map[string]told) {
	c.t.Helper()
	owed := map[string]bool{}
	for platform, said := range messages {
		for _, m := range said {
			if m.Owed {
				owed[platform+" "+m.Conversation] = true
			}
		}
	}
	if len(owed) < 100 {
		c.t.Fatalf("by the truth only %d wait", len(owed))
	}
	var first struct {
		Items      []waiting `json:"items"`
		NextCursor string    `json:"next_cursor"`
	}
	listed := []waiting{}
	for path := base + "/conversations?state=waiting&limit=100"; path != ""; {
		first.Items, first.NextCursor = nil, ""
		c.get(path, &first)
		listed = append(listed, first.Items...)
		path = ""
		if first.NextCursor != "" {
			path = base + "/conversations?state=waiting&limit=100&cursor=" + first.NextCursor
		}
	}
	right, rightOf20, found := 0, 0, map[string]bool{}
	var wrong []string
	for i, w := range listed {
		m := meant[w.Waiting.Key] // what the generator does not know as a message needs no answer
		switch is := m.Platform + " " + m.Conversation; {
		case owed[is]:
			right++
			found[is] = true
			if i < 20 {
				rightOf20++
			}
		default:
			wrong = append(wrong, fmt.Sprintf("%d. %s: %q", i+1, m.Kind, w.Waiting.Text))
		}
	}
	texts := map[string][]string{}
	for _, m := range meant {
		is := m.Platform + " " + m.Conversation
		texts[is] = append(texts[is], m.Text)
	}
	var missing []string
	for platform, said := range messages {
		for _, m := range said {
			if is := platform + " " + m.Conversation; m.Owed && !found[is] {
				missing = append(missing, fmt.Sprintf("%s in %s: %q", m.Kind, is, texts[is]))
			}
		}
	}
	slices.Sort(missing)
	c.t.Logf("waiting: %d listed, of whom %d are owed an answer, %d of the first 20; %d of the %d who are owed one are listed; these are not:\n%s\nand these are missing:\n%s", len(listed), right, rightOf20, len(found), len(owed), lines(wrong), lines(missing))
	if rightOf20 < 19 || float64(right) < 0.82*float64(len(listed)) {
		c.t.Errorf("of %d who are said to wait %d are owed an answer, of the first 20 %d", len(listed), right, rightOf20)
	}
	if float64(len(found)) < 0.82*float64(len(owed)) {
		c.t.Errorf("of %d who are owed an answer %d are said to wait", len(owed), len(found))
	}
}

// waiting is the part of a conversation that says which message waits.
type waiting struct {
	Waiting struct{ Key, Text string } `json:"waiting"`
}

// raised looks into the month's issues: of the messages in them at most one in
// eight asks for nothing to be mended. Reached is one in twelve, since a purchase's
// questions are read as questions; the aim is none.
func (c *client) raised(base string, meant map[string]told) {
	c.t.Helper()
	const month = "from=2026-10-04T22:00:00Z&to=2026-11-01T23:00:00Z"
	var issues struct {
		Items []struct{ Theme, Label string } `json:"items"`
	}
	c.get(base+"/issues?limit=100&"+month, &issues)
	if len(issues.Items) == 0 {
		c.t.Fatal("the month has no issues")
	}
	all, amiss := 0, []string{}
	for _, i := range issues.Items {
		held, others, cursor := 0, 0, ""
		for more := true; more; more = cursor != "" {
			path := base + "/issues/" + i.Theme + "?limit=100&" + month
			if cursor != "" {
				path += "&cursor=" + cursor
			}
			var page struct {
				Evidence struct {
					Items      []struct{ Key, Text string } `json:"items"`
					NextCursor string                       `json:"next_cursor"`
				} `json:"evidence"`
			}
			c.get(path, &page)
			for _, e := range page.Evidence.Items {
				held++
				if kind := meant[e.Key].Kind; slices.Contains([]string{"purchase", "chatter", "closing", "spam"}, kind) {
					others++
					amiss = append(amiss, fmt.Sprintf("%s: %s: %q", i.Label, kind, e.Text))
				}
			}
			cursor = page.Evidence.NextCursor
		}
		all += held
		if 2*others >= held {
			c.t.Logf("the issue %q is none: %d of its %d messages are a purchase, chatter, a closing or spam", i.Label, others, held)
		}
	}
	c.t.Logf("issues: %d with %d messages, of which %d are a purchase, chatter, a closing or spam:\n%s", len(issues.Items), all, len(amiss), lines(amiss))
	if float64(len(amiss)) > 0.12*float64(all) {
		c.t.Errorf("of %d messages in issues %d do not belong there", all, len(amiss))
	}
}

// calls looks at whom somebody should call: at least 90 % are evaluators by the
// generator's truth, or buy or ask to, and none did nothing but chat.
func (c *client) calls(base, end string, archetypes map[string]string, meant map[string]told) {
	c.t.Helper()
	type known struct {
		archetype     string
		buys, serious bool
		did           []string
	}
	people := map[string]*known{}
	for platform, list := range c.activities(base) {
		for _, l := range list {
			p := people[l.Person]
			if p == nil {
				p = &known{}
				people[l.Person] = p
			}
			if is, ok := archetypes[platform+" "+l.Actor.ID]; ok {
				p.archetype = is
			}
			kind := meant[l.Key].Kind
			p.buys = p.buys || l.Type == "purchase" || kind == "purchase"
			p.serious = p.serious || l.Text == "" || kind != "chatter" && kind != "closing"
			p.did = append(p.did, l.Type+" "+kind)
		}
	}
	var page struct {
		Items []struct {
			Person, Score string
			Words         []struct{ Text string }
		} `json:"items"`
	}
	c.get(base+"/leads?limit=100&words=true&to_call=true&as_of="+end, &page)
	if len(page.Items) < 10 {
		c.t.Fatalf("%d leads to call", len(page.Items))
	}
	right, chat, wrong := 0, 0, []string{}
	for _, l := range page.Items {
		p := people[l.Person]
		switch {
		case p == nil:
			c.t.Fatalf("%s did nothing", l.Person)
		case p.archetype == "evaluator" || p.buys:
			right++
		default:
			wrong = append(wrong, fmt.Sprintf("%s, %s points, %s: %v %q", l.Person, l.Score, p.archetype, p.did, l.Words))
		}
		if !p.serious {
			chat++
		}
	}
	c.t.Logf("to call: %d, of whom %d evaluate or buy and %d only chat; others:\n%s", len(page.Items), right, chat, lines(wrong))
	if float64(right) < 0.9*float64(len(page.Items)) || chat > 0 {
		c.t.Errorf("of %d leads to call %d evaluate or buy and %d only chat", len(page.Items), right, chat)
	}
}

// lines are at most 60 of some, one a line.
func lines(some []string) (out string) {
	for i, s := range some {
		if i == 60 {
			return out + fmt.Sprintf("  … and %d more", len(some)-i)
		}
		out += "  " + s + "\n"
	}
	return out
}
