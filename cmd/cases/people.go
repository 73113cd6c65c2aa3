package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// events is a step that posts the case's events.
var events = []func(*trial) error{func(t *trial) error {
	var in struct{ Events []json.RawMessage }
	if err := t.document(&in); err != nil {
		return err
	}
	return t.postEvents(in.Events)
}}

// document reads the case's JSON file.
func (t *trial) document(into any) error {
	b, err := os.ReadFile(t.file(".json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// conversed tries what the views say of the events of November 2026.
func conversed(right func(talk) bool) check {
	return check{steps: events, look: func(t *trial) (verdict, error) {
		x, err := t.talked("2026-11-01", "2026-11-28")
		return verdict{x.String(), right(x)}, err
	}}
}

// answered is right where nobody waits and the answers took so many seconds.
func answered(conversations int, seconds ...float64) func(talk) bool {
	return func(x talk) bool {
		return len(x.waits) == 0 && x.conversations == conversations && slices.Equal(x.seconds, seconds)
	}
}

// texts reads the case's lines of texts.
func (t *trial) texts() (list []struct{ ID, Text string }, in string, err error) {
	b, err := os.ReadFile(t.file(".jsonl"))
	if err != nil {
		return nil, "", err
	}
	list, err = lines[struct{ ID, Text string }](string(b))
	return list, string(b), err
}

// understood tries what the reader says of each text, by its number.
func understood(right func(int, reading) bool) check {
	return check{look: func(t *trial) (verdict, error) {
		texts, in, err := t.texts()
		if err != nil {
			return verdict{}, err
		}
		list, err := t.read(in)
		ok := len(list) == len(texts)
		for i, r := range list {
			ok = ok && right(i, r)
		}
		return verdict{labels(list), ok}, err
	}}
}

// asked tries texts on the stack, each as the first message of somebody: all
// of them must wait, and the reader may not take them for any of those intents.
func asked(never ...string) check {
	return check{
		steps: []func(*trial) error{func(t *trial) error {
			texts, _, err := t.texts()
			if err != nil {
				return err
			}
			var list []any
			for i, x := range texts {
				list = append(list, map[string]any{"board": map[string]string{"id": "b"}, "kind": "message.sent", "event_id": "e" + x.ID, "text": x.Text, "thread": "t" + x.ID,
					"member": map[string]string{"id": "w" + x.ID, "role": "member"}, "subject": map[string]string{"id": "m" + x.ID}, "at": fmt.Sprintf("2026-11-10T09:%02d:00Z", i)})
			}
			return t.postEvents(list)
		}},
		look: func(t *trial) (verdict, error) {
			texts, _, err := t.texts()
			if err != nil {
				return verdict{}, err
			}
			list, _, err := t.activities()
			if err != nil {
				return verdict{}, err
			}
			var intents []string
			for _, a := range list {
				intents = append(intents, a.Intent)
			}
			x, err := t.talked("2026-11-01", "2026-11-28")
			var leads struct {
				Items []struct {
					Micro int64 `json:"micro_points"`
				}
			}
			err = errors.Join(err, t.get("/leads?limit=100", &leads))
			lowered := 0
			for _, l := range leads.Items {
				if l.Micro < 0 {
					lowered++
				}
			}
			right := len(x.waits) == len(texts) && lowered == 0 && !slices.ContainsFunc(intents, func(i string) bool { return slices.Contains(never, i) })
			return verdict{fmt.Sprintf("%d of %d wait, intents %v, %d of %d leads below 0", len(x.waits), len(texts), intents, lowered, len(leads.Items)), right}, err
		},
	}
}

// without tries that a rule contributes nothing to the score of any of the activities.
func without(rule string) check {
	return check{look: func(t *trial) (verdict, error) {
		in, err := os.ReadFile(t.file(".jsonl"))
		if err != nil {
			return verdict{}, err
		}
		scores, err := t.score(string(in), "2026-11-03T09:00:00Z")
		var of []int64
		for _, s := range scores {
			of = append(of, s.by(rule))
		}
		return verdict{fmt.Sprintf("micro-points of the rule %s: %v", rule, of), len(of) == 3 && !slices.ContainsFunc(of, func(n int64) bool { return n != 0 })}, err
	}}
}

func markedLines(t *trial) (verdict, error) {
	in, err := os.ReadFile(t.file(".jsonl"))
	if err != nil {
		return verdict{}, err
	}
	out, _, read, err := t.rapport(string(in), "read")
	if err != nil {
		return verdict{}, err
	}
	_, _, themes, err := t.rapport(string(in), "themes")
	return verdict{fmt.Sprintf("read ends with %d and %d lines, themes with %d", read, strings.Count(out, "\n"), themes), read == 0 && themes == 0 && strings.Count(out, "\n") == 1}, err
}

// sent sends the case's CSV to a server of its own, and returns what arrived.
func sent(t *trial) (bodies []map[string]string, told string, code int, err error) {
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if json.NewDecoder(r.Body).Decode(&body) == nil {
			mu.Lock()
			bodies = append(bodies, body)
			mu.Unlock()
		}
	}))
	defer server.Close()
	keys := filepath.Join(t.scrap, "secret")
	if err := os.WriteFile(keys, []byte(standard), 0o600); err != nil {
		return nil, "", 0, err
	}
	_, told, code, err = t.rapport("", "send", "--platform", "standard", "--secret-file", keys, "--url", server.URL+"/hooks/app_x", "--id-column", "id", t.file(".csv"))
	return bodies, told, code, err
}

func otherEncoding(t *trial) (verdict, error) {
	bodies, told, code, err := sent(t)
	if err != nil {
		return verdict{}, err
	}
	in, err := os.ReadFile(t.file(".csv"))
	if err != nil {
		return verdict{}, err
	}
	_, themesTold, themes, err := t.rapport(string(in), "themes", "--csv")
	whole := len(bodies) == 1 && bodies[0]["text"] == "Schloß klemmt"
	refused := len(bodies) == 0 && code != 0 && strings.Contains(told, "UTF-8")
	return verdict{fmt.Sprintf("send: %d, arrived %v, %s; themes: %d, %s", code, bodies, told, themes, themesTold),
		(whole || refused) && (themes == 0 || strings.Contains(themesTold, "UTF-8"))}, err
}

func semicolons(t *trial) (verdict, error) {
	bodies, told, code, err := sent(t)
	return verdict{fmt.Sprintf("%d, arrived %v, %s", code, bodies, told), code == 0 && len(bodies) == 1 &&
		maps.Equal(bodies[0], map[string]string{"id": "3", "author": "ada", "date": "02.11.2026 09:00", "text": "The lock is stuck"})}, err
}

// weekly asks for the runs of a weekly report and waits until they are made.
func weekly(t *trial, dues ...string) error {
	settings := map[string]any{"name": "Weekly", "weekday": "monday", "time": "08:00", "recipients": []string{}}
	if err := t.call("PUT", t.base+"/reports/weekly", settings, nil); err != nil {
		return err
	}
	for _, due := range dues {
		if err := t.call("POST", t.base+"/reports/weekly/runs", map[string]string{"due": due}, nil); err != nil {
			return err
		}
		if err := t.until(func() (bool, error) {
			status, _, err := t.send("GET", t.base+"/reports/weekly/runs/"+due+"/json", nil)
			return status == http.StatusOK, err
		}); err != nil {
			return err
		}
	}
	return nil
}

// report is as much of a report's document as the cases look at.
type report struct {
	Period   struct{ Compared bool }
	Totals   struct{ Activities, People int }
	Channels []struct {
		Inbound, People, Messages, Reactions int
		Previous                             int `json:"inbound_previous"`
	}
}

func (t *trial) report(due string) (r report, err error) {
	err = t.get("/reports/weekly/runs/"+due+"/json", &r)
	return r, err
}

func (r report) inbound() (now, before int) {
	for _, c := range r.Channels {
		now, before = now+c.Inbound, before+c.Previous
	}
	return now, before
}

func clockChange(t *trial) (verdict, error) {
	var in struct{ Runs []string }
	if err := t.document(&in); err != nil {
		return verdict{}, err
	}
	if err := weekly(t, in.Runs...); err != nil {
		return verdict{}, err
	}
	var said []string
	right := len(in.Runs) == 4
	for i := 0; i+1 < len(in.Runs); i += 2 { // the week before the change, and that of it
		before, err := t.report(in.Runs[i])
		if err != nil {
			return verdict{}, err
		}
		after, err := t.report(in.Runs[i+1])
		if err != nil {
			return verdict{}, err
		}
		own, _ := before.inbound()
		_, previous := after.inbound()
		said = append(said, fmt.Sprintf("%s: inbound_previous %d, the week's own %d, compared %v", in.Runs[i+1], previous, own, after.Period.Compared))
		right = right && previous == own && previous == []int{2, 1}[i/2] && after.Period.Compared
	}
	return verdict{strings.Join(said, "; "), right}, nil
}

func takenBack(t *trial) (verdict, error) {
	var in struct{ Runs []string }
	if err := t.document(&in); err != nil {
		return verdict{}, err
	}
	if err := weekly(t, in.Runs...); err != nil {
		return verdict{}, err
	}
	r, err := t.report(in.Runs[0])
	if err != nil || len(r.Channels) != 1 {
		return verdict{fmt.Sprintf("%+v", r), false}, err
	}
	c := r.Channels[0]
	return verdict{fmt.Sprintf("reactions %d, messages %d, activities %d, inbound %d, people %d", c.Reactions, c.Messages, r.Totals.Activities, c.Inbound, r.Totals.People),
		c.Reactions == 0 && c.Messages == 1 && r.Totals.Activities == 1 && c.Inbound == 1 && r.Totals.People == 1}, nil
}

// zoe posts an order of somebody with an ë in the name, in the week of the run.
func zoe(t *trial) error {
	return t.postEvents([]any{map[string]any{"board": map[string]string{"id": "b"}, "kind": "order.placed", "event_id": "e1", "at": "2026-11-18T09:00:00Z",
		"member": map[string]string{"id": "z1", "role": "member", "display_name": "Zoë"}, "subject": map[string]string{"id": "o1"}}})
}

func spreadsheet(t *trial) (verdict, error) {
	const due = "2026-11-23T08:00:00Z"
	if err := weekly(t, due); err != nil {
		return verdict{}, err
	}
	status, b, err := t.send("GET", t.base+"/reports/weekly/runs/"+due+"/csv", nil)
	if err != nil {
		return verdict{}, err
	}
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\uFEFF"))))
	rows.FieldsPerRecord = -1
	list, err := rows.ReadAll()
	named := slices.ContainsFunc(list, func(row []string) bool { return slices.Contains(row, "Zoë") })
	return verdict{fmt.Sprintf("%d, begins with %q, Zoë is a cell: %v", status, b[:min(4, len(b))], named), bytes.HasPrefix(b, []byte("\uFEFF")) && named}, err
}

func contented(t *trial) (verdict, error) {
	if err := t.call("POST", t.base+"/theme-sets", map[string]any{}, nil); err != nil {
		return verdict{}, err
	}
	const period = "?from=2026-11-09T00:00:00Z&to=2026-11-16T00:00:00Z"
	var issues struct {
		Untagged int
		Items    []struct {
			Theme, Label string
			People       int
			Quotes       []struct{ Text string }
		}
	}
	err := t.until(func() (bool, error) {
		status, b, err := t.send("GET", t.base+"/issues"+period+"&limit=50", nil)
		if err != nil || status != http.StatusOK { // there is no theme set yet
			return false, err
		}
		err = json.Unmarshal(b, &issues)
		return len(issues.Items) > 0 && issues.Untagged == 0, err
	})
	if err != nil {
		return verdict{}, err
	}
	_, who, err := t.activities()
	if err != nil {
		return verdict{}, err
	}
	raised, right, label := map[string]bool{}, true, ""
	for _, i := range issues.Items {
		label += fmt.Sprintf("%q by %d, ", i.Label, i.People)
		var one struct {
			Evidence struct {
				Items []struct{ Person, Text string }
			}
		}
		if err := t.get("/issues/"+i.Theme+period+"&limit=100", &one); err != nil {
			return verdict{}, err
		}
		for _, m := range one.Evidence.Items {
			raised[who[m.Person]] = true
		}
		for _, q := range i.Quotes {
			right = right && !slices.Contains([]string{"No problem with the battery so far", "There is nothing wrong with the battery", "The battery never dies", "I can not complain about the battery"}, q.Text)
		}
	}
	kinds := map[string]int{}
	for person := range raised {
		kinds[strings.TrimRight(person, "0123456789")]++
	}
	return verdict{fmt.Sprintf("%sby kind of person %v, no contented quote: %v", label, kinds, right), right && maps.Equal(kinds, map[string]int{"a": 12, "sar": 4})}, nil
}

func stale(t *trial) (verdict, error) {
	type list struct {
		Items []struct {
			Name  string
			Micro int64 `json:"micro_points"`
		}
	}
	var then, now list
	err := errors.Join(t.get("/leads?limit=10&as_of=2026-11-28T00:00:00Z", &then), t.get("/leads?limit=10", &now))
	right := len(then.Items) == 2 && then.Items[0].Name == "new" && math.Abs(float64(then.Items[0].Micro)-37_864_450) < 1e6 && math.Abs(float64(then.Items[1].Micro)-4_738_461) < 1e5 &&
		len(now.Items) == 2 && now.Items[0].Name == "new"
	return verdict{fmt.Sprintf("as of 28 November %v, now %v", then.Items, now.Items), right}, err
}

// step posts what the nth step of a case with steps says.
func step(n int) func(*trial) error {
	return func(t *trial) error {
		var in struct {
			Steps []struct {
				Events []json.RawMessage
				Own    []string `json:"put_own_accounts"`
			}
		}
		if err := t.document(&in); err != nil {
			return err
		}
		if len(in.Steps[n].Own) > 0 {
			return t.call("PUT", t.base+"/sources/"+t.first+"/own_accounts", map[string]any{"own_accounts": in.Steps[n].Own}, nil)
		}
		return t.postEvents(in.Steps[n].Events)
	}
}

func namedLate(t *trial) (v verdict, err error) {
	err = t.until(func() (bool, error) {
		x, err := t.talked("2026-11-01", "2026-11-28")
		if err != nil {
			return false, err
		}
		var leads struct{ Items []struct{ Person string } }
		if err := t.get("/leads?limit=100", &leads); err != nil {
			return false, err
		}
		_, who, err := t.activities()
		var names []string
		for _, l := range leads.Items {
			names = append(names, who[l.Person])
		}
		v = verdict{fmt.Sprintf("%v; leads %v", x, names), answered(1, 600)(x) && !slices.Contains(names, "agent2")}
		return v.right, err
	})
	return v, err
}

func nobodies(t *trial) (verdict, error) {
	var leads struct{ Items []struct{ Name string } }
	var parked struct{ Items []json.RawMessage }
	err := errors.Join(t.get("/leads?limit=100", &leads), t.get("/parked?limit=100", &parked))
	list, _, errs := t.activities()
	unnamed := 0
	for _, a := range list {
		if a.Actor.ID == "?" {
			unnamed++
		}
	}
	return verdict{fmt.Sprintf("leads %v, %d parked, %d activities, %d of them by the unknown actor", leads.Items, len(parked.Items), len(list), unnamed),
		len(leads.Items) == 0 && len(list) == unnamed && len(parked.Items)+unnamed > 0}, errors.Join(err, errs)
}

func pause(t *trial) (verdict, error) {
	var weeks map[string][]json.RawMessage
	if err := t.document(&weeks); err != nil {
		return verdict{}, err
	}
	theme := func(week string, more ...string) (string, error) { // that of the first text about the battery
		var in strings.Builder
		for _, x := range weeks[week] {
			var one bytes.Buffer
			if err := json.Compact(&one, x); err != nil {
				return "", err
			}
			fmt.Fprintln(&in, one.String())
		}
		out, err := t.must(in.String(), append([]string{"themes"}, more...)...)
		if err != nil {
			return "", err
		}
		texts, err := lines[struct{ ID, Theme, Label string }](out)
		for _, x := range texts {
			if strings.HasPrefix(x.ID, "A") && x.Theme != "" {
				return x.Theme, err
			}
		}
		return "", err
	}
	p1, p2 := filepath.Join(t.scrap, "p1"), filepath.Join(t.scrap, "p2")
	first, err := theme("week1", "--set-out", p1)
	if err != nil {
		return verdict{}, err
	}
	if _, err := theme("week2", "--previous", p1, "--set-out", p2); err != nil {
		return verdict{}, err
	}
	third, err := theme("week3", "--previous", p2)
	if err != nil {
		return verdict{}, err
	}
	direct, err := theme("week3", "--previous", p1)
	return verdict{fmt.Sprintf("week1 %s, week3 after week2 %s, week3 after week1 %s", first, third, direct), first != "" && third == first && direct == first}, err
}

// postClosings posts what platforms say of a question and of its end, from their test data.
func postClosings(t *trial) error {
	for _, c := range []struct {
		platform, scope string
		files           []string
	}{
		{"zendesk", "20260304", []string{"ticket_comment_added", "ticket_status_changed_solved"}},
		{"intercom", "ab12cd34", []string{"user_created", "conversation_admin_closed"}},
		{"github", "Acme/widgets", []string{"issues_opened", "issues_closed", "pull_request_opened", "pull_request_closed"}},
	} {
		var files []string
		for _, f := range c.files {
			files = append(files, filepath.Join("internal/platform", c.platform, "testdata", f+".json"))
		}
		if err := t.postFiles(c.platform, c.scope, nil, files...); err != nil {
			return err
		}
	}
	return nil
}

func closed(t *trial) (verdict, error) {
	x, err := t.talked("2026-02-01", "2026-03-10")
	return verdict{x.String(), len(x.waits) == 0 && x.conversations == 4}, err
}

var peopleChecks = map[string]check{
	"people/answer-dated-a-second-before": conversed(func(x talk) bool {
		return len(x.waits) == 0 && x.conversations == 1 && !slices.ContainsFunc(x.seconds, func(s float64) bool { return s != 0 })
	}),
	"people/bom":                 {look: markedLines},
	"people/closing-words-wait":  conversed(answered(5, 300, 300, 300, 300, 300)),
	"people/csv-opened-in-excel": {steps: []func(*trial) error{zoe}, look: spreadsheet},
	"people/edit-praise-to-question": conversed(func(x talk) bool {
		return len(x.waits) == 1 && x.waits[0].who == "g1" && slices.Contains([]string{"16:00", "16:01"}, x.waits[0].since.UTC().Format("15:04"))
	}),
	"people/emoji-only": understood(func(i int, r reading) bool {
		s := r.Sentiment.Label
		return i < 9 && (i == 4 && s != "negative" || i != 4 && s == []string{"positive", "negative", "negative", "negative", "", "positive", "positive", "negative", "negative"}[i])
	}),
	"people/flat-thread-second-round": conversed(func(x talk) bool { return answered(1, 300, 120)(x) && x.answered == 2 }),
	"people/helper-waits-for-answer":  conversed(func(x talk) bool { return len(x.waits) == 0 && x.conversations > 0 }),
	"people/html-negation": understood(func(i int, r reading) bool {
		return i < 3 && r.Sentiment.Label == "negative" && (i < 2 || r.Language == "en") || i == 3 && r.Sentiment.Label != "positive"
	}),
	"people/intercom-opened-by-team": {steps: posted("intercom", "ab12cd34", nil, ".jsonl"), look: func(t *trial) (verdict, error) {
		x, err := t.talked("2026-03-01", "2026-03-10")
		return verdict{x.String(), answered(1, 300)(x)}, err
	}},
	"people/issue-counts-the-contented": {steps: events, look: contented},
	"people/job-seeker-by-substring":    without("job_seeker"),
	"people/latin1":                     {look: otherEncoding},
	"people/negated-negative": understood(func(_ int, r reading) bool {
		return r.Sentiment.Label != "negative" && r.Intent.Label != "problem"
	}),
	"people/negated-positive":                  understood(func(_ int, r reading) bool { return r.Sentiment.Label != "positive" }),
	"people/no-intention-to-buy":               without("buying"),
	"people/not-recommended-gives-points":      without("recommendation"),
	"people/own-account-named-late":            {steps: []func(*trial) error{step(0), step(1)}, look: namedLate},
	"people/placeholder-ids":                   {steps: events, look: nobodies},
	"people/previous-week-at-dst":              {steps: events, look: clockChange},
	"people/private-answer-quotes-own-message": conversed(answered(1, 300, 600)),
	"people/request-hidden-by-praise":          asked("praise", "spam"),
	"people/request-taken-for-spam":            asked("spam"),
	"people/same-second-answer":                conversed(answered(1, 0)),
	"people/sarcastic-complaint-is-praise":     asked(),
	"people/semicolon":                         {look: semicolons},
	"people/stale-lead-first":                  {steps: events, look: stale},
	"people/taken-back-reaction-counted":       {steps: events, look: takenBack},
	"people/theme-identity-after-a-pause":      {look: pause},
	"people/thread-opened-by-business":         conversed(answered(1, 600)),
	"people/ticket-closed-ignored":             {steps: []func(*trial) error{postClosings}, look: closed},
}

// checks has one for every case, but for those whose .expected says nothing.
var checks = func() map[string]check {
	all := maps.Clone(intakeChecks)
	maps.Copy(all, peopleChecks)
	return all
}()
