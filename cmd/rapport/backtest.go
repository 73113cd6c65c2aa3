package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rapport/internal/evaluation"
	"rapport/internal/fault"
	"rapport/internal/outcomes"
	"rapport/internal/reading"
	"rapport/internal/scoring"
	"rapport/internal/sheet"
	"rapport/internal/social"
)

type backtestCommand struct {
	Model    string        `required:"" placeholder:"FILE" help:"The scoring model to try, JSON."`
	Against  string        `placeholder:"FILE" help:"Another model, to compare it with."`
	Facts    string        `required:"" placeholder:"FILE" help:"Activities, as normalise prints and the API exports them; - is standard input."`
	Outcomes string        `required:"" placeholder:"FILE" help:"How it came out with people: CSV with a header, or JSON lines."`
	Positive []string      `placeholder:"WORD,…" default:"won,hired" help:"The outcomes to be foreseen (${default})."`
	Before   time.Duration `default:"24h" help:"People are scored as of so long before the outcome (${default}), so that nothing counts that came with it."`
	Occurred bool          `help:"Let facts count from when they occurred, also those that were known later."`
	Aim      float64       `default:"0.5" help:"For call_from: at least this share of those called is to come out well (${default})."`
	Seed     uint64        `default:"1" help:"Of the draws for the intervals (${default}): the same files and seed give the same lines."`

	currency string // of the values that count
}

// Help is printed by rapport backtest --help.
func (backtestCommand) Help() string {
	return `Would the model have known? Everybody whose outcome is known is scored as of before it, from what was known by then. Prints {"type":"figures"} with auc, and precision and lift among the highest 1, 5 and 10 %, each with _low and _high (95 %, bootstrap, a person's outcomes together), the calibration, drift, and call_from with its verdict; with --against the same of that model in "against", and the verdict on both in words. {"type":"left_out"} says how many outcomes are not among those, and why; {"type":"unknown_person"} names those of whom there is no activity.

Outcomes have person (its id, as the activities name it, or as rapport score prints it), outcome (or kind) and at (or date: RFC 3339; a date alone is its beginning in UTC), and may have value and currency. The contrary of won is lost, of hired not_hired, of churned renewed: others of these say nothing about the question. Any other word that is not looked for counts as the contrary. People without an outcome are left out: how it would have come out with them nobody knows.

An activity counts from its "known" on, or where that is missing from when it occurred. Facts may stand in any order: they are sorted on disk, beside the temporary files. In memory are the outcomes, and 50 bytes for each message of somebody with one.

Examples:
  rapport backtest --model new.json --against old.json --facts activities.jsonl --outcomes deals.csv
  rapport backtest --model churn.json --facts activities.jsonl --outcomes customers.jsonl --positive churned --before 720h`
}

type outcomeRow struct {
	Person   string
	Word     string
	At       time.Time
	Value    float64
	Currency string
}

type leftOutLine struct {
	Type     string `json:"type"` // left_out
	Why      string `json:"why"`
	Outcomes int    `json:"outcomes"`
	Sentence string `json:"sentence"`
}

type unknownLine struct {
	Type    string `json:"type"` // unknown_person
	Person  string `json:"person"`
	Outcome string `json:"outcome"`
	At      string `json:"at"`
}

// ordered is how well scores put people in order.
type ordered struct {
	Model           string      `json:"model,omitempty"`
	AUC             *float64    `json:"auc,omitempty"` // absent: there are not enough outcomes
	AUCLow          *float64    `json:"auc_low,omitempty"`
	AUCHigh         *float64    `json:"auc_high,omitempty"`
	Precision1      *float64    `json:"precision_top_1,omitempty"`
	Precision1Low   *float64    `json:"precision_top_1_low,omitempty"`
	Precision1High  *float64    `json:"precision_top_1_high,omitempty"`
	Precision5      *float64    `json:"precision_top_5,omitempty"`
	Precision5Low   *float64    `json:"precision_top_5_low,omitempty"`
	Precision5High  *float64    `json:"precision_top_5_high,omitempty"`
	Precision10     *float64    `json:"precision_top_10,omitempty"`
	Precision10Low  *float64    `json:"precision_top_10_low,omitempty"`
	Precision10High *float64    `json:"precision_top_10_high,omitempty"`
	Lift1           *float64    `json:"lift_top_1,omitempty"`
	Lift1Low        *float64    `json:"lift_top_1_low,omitempty"`
	Lift1High       *float64    `json:"lift_top_1_high,omitempty"`
	Lift5           *float64    `json:"lift_top_5,omitempty"`
	Lift5Low        *float64    `json:"lift_top_5_low,omitempty"`
	Lift5High       *float64    `json:"lift_top_5_high,omitempty"`
	Lift10          *float64    `json:"lift_top_10,omitempty"`
	Lift10Low       *float64    `json:"lift_top_10_low,omitempty"`
	Lift10High      *float64    `json:"lift_top_10_high,omitempty"`
	Calibration     []scoredBin `json:"calibration,omitempty"`
	ValueAtTop10    *float64    `json:"value_top_10,omitempty"` // share of the value; absent: no value is known
	CallFrom        *float64    `json:"call_from,omitempty"`    // absent: not enough outcomes
	CallVerdict     string      `json:"call_verdict"`
}

type scoredBin struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Share float64 `json:"share"` // of positives
	Low   float64 `json:"share_low"`
	High  float64 `json:"share_high"`
	Rows  int     `json:"outcomes"`
}

type backtestLine struct {
	Type string `json:"type"` // figures
	ordered
	Outcomes   int      `json:"outcomes"`
	Positives  int      `json:"positives"`
	People     int      `json:"people"`
	LeftOut    int      `json:"left_out"`
	Verdict    string   `json:"verdict,omitempty"`
	Difference *float64 `json:"auc_difference,omitempty"`
	DiffLow    *float64 `json:"auc_difference_low,omitempty"`
	DiffHigh   *float64 `json:"auc_difference_high,omitempty"`
	Drift      *float64 `json:"drift,omitempty"`
	Currency   string   `json:"currency,omitempty"`
	Before     string   `json:"before"`
	Facts      string   `json:"facts"` // known or occurred
	Seed       uint64   `json:"seed"`
	Against    *ordered `json:"against,omitempty"`
}

// Run tries the model.
func (c *backtestCommand) Run(s *streams) error {
	switch {
	case !(c.Aim > 0 && c.Aim < 1):
		return misused("--aim %g is no share between 0 and 1, such as 0.5", c.Aim)
	case c.Before < 0:
		return misused("--before %s is after the outcome: give the time before it, such as 24h", c.Before)
	}
	models := []scoring.Model{}
	for _, file := range []string{c.Model, c.Against} {
		if file == "" {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read the model: %w", err)
		}
		m, err := scoring.ParseModel(b)
		if err != nil {
			return fmt.Errorf("model %s: %w", file, err)
		}
		models = append(models, m)
	}
	rows, err := readOutcomes(c.Outcomes, s.say)
	if err != nil {
		return fmt.Errorf("outcomes of %s: %w", c.Outcomes, err)
	}
	left := map[string]int{}
	asked, err := c.asked(rows, left)
	if err != nil {
		return err
	}
	of, scores, err := c.scored(s, models, asked, left)
	if err != nil {
		return err
	}
	return c.print(s, models, of, scores, left)
}

// positive reports whether an outcome is one to look for; ok is false of one that says nothing about the question.
func (c *backtestCommand) positive(word string) (positive, ok bool) {
	if slices.Contains(c.Positive, word) {
		return true, true
	}
	if !outcomes.Kind(word).Valid() {
		return false, true
	}
	for _, p := range c.Positive {
		q, err := outcomes.Asking(outcomes.Kind(p))
		if err == nil && slices.Contains(q.Negative, outcomes.Kind(word)) {
			return false, true
		}
	}
	return false, false
}

// outcomeAsked is an outcome that a model is judged by, if the person is known.
type outcomeAsked struct {
	outcomeRow
	positive bool
}

// asked sorts the outcomes by person.
func (c *backtestCommand) asked(rows []outcomeRow, left map[string]int) (map[string][]outcomeAsked, error) {
	out, found := map[string][]outcomeAsked{}, map[string]bool{}
	positives := 0
	for _, r := range rows {
		found[r.Word] = true
		positive, ok := c.positive(r.Word)
		if !ok {
			left["other_kind"]++
			continue
		}
		if positive {
			positives++
		}
		out[r.Person] = append(out[r.Person], outcomeAsked{r, positive})
	}
	if positives == 0 {
		words := slices.Sorted(maps.Keys(found))
		return nil, misused("no outcome is %s: the file has %s; say with --positive which are to be foreseen", strings.Join(c.Positive, " or "), quoted(words[:min(10, len(words))]))
	}
	return out, nil
}

func quoted(words []string) string {
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = strconv.Quote(w)
	}
	return strings.Join(q, ", ")
}

// columns are what the columns of outcomes may be called.
var columns = map[string][]string{"person": {"person", "person_id"}, "outcome": {"outcome", "kind", "result"}, "at": {"at", "date", "happened", "occurred"}, "value": {"value", "amount"}, "currency": {"currency"}}

// readOutcomes reads a file of outcomes. A row that can't be used is told and skipped.
func readOutcomes(file string, say func(string, ...any)) ([]outcomeRow, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []outcomeRow
	skipped := 0
	add := func(line int, get func(column string) string) {
		r := outcomeRow{Person: get("person"), Word: strings.ToLower(get("outcome")), Currency: get("currency")}
		err := error(nil)
		switch at := get("at"); {
		case r.Person == "":
			err = errors.New("it has no person")
		case r.Word == "":
			err = errors.New("it has no outcome")
		case at == "":
			err = errors.New("it does not say when: at is missing")
		default:
			if r.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
				if r.At, err = time.Parse(time.DateOnly, at); err != nil {
					err = fmt.Errorf("at %q is no RFC 3339 time, such as 2026-11-22T00:00:00Z, and no date, such as 2026-11-22", at)
				}
			}
		}
		if v := get("value"); err == nil && v != "" {
			if r.Value, err = strconv.ParseFloat(v, 64); err != nil || math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
				err = fmt.Errorf("value %q is no decimal number", v)
			}
		}
		if err != nil {
			if skipped++; skipped <= toldRows {
				say("line %d of the outcomes is skipped: %v", line, err)
			}
			return
		}
		out = append(out, r)
	}
	first := make([]byte, 512)
	n, err := io.ReadFull(f, first)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(first[:n], []byte("\xef\xbb\xbf"))), []byte("{")) {
		err = eachLine(f, func(n int, line []byte) error {
			var m map[string]any
			d := json.NewDecoder(bytes.NewReader(line))
			d.UseNumber()
			if err := d.Decode(&m); err != nil {
				return fmt.Errorf("line %d: no JSON object: %w", n, err)
			}
			add(n, func(column string) string {
				for _, name := range columns[column] {
					if v, ok := m[name]; ok && v != nil {
						return strings.TrimSpace(fmt.Sprint(v))
					}
				}
				return ""
			})
			return nil
		})
	} else {
		err = eachRow(f, add, func() { skipped++ })
	}
	if err != nil {
		return nil, err
	}
	if skipped > 0 {
		say("%d outcomes are skipped", skipped)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no outcome in it that can be used")
	}
	return out, nil
}

// eachRow calls add with each row of a CSV file.
func eachRow(f io.ReadSeeker, add func(line int, get func(column string) string), skip func()) error {
	r, _, err := sheet.OpenOld(f)
	if err != nil {
		return err
	}
	r.FieldsPerRecord = -1
	header, err := r.Read()
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	at := map[string]int{}
	for column, names := range columns {
		at[column] = slices.IndexFunc(header, func(h string) bool { return slices.Contains(names, strings.ToLower(strings.TrimSpace(h))) })
	}
	for _, column := range []string{"person", "outcome", "at"} {
		if at[column] < 0 {
			return fmt.Errorf("no column is called %s: there are %s", strings.Join(columns[column], " or "), quoted(header[:min(10, len(header))]))
		}
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if _, ok := errors.AsType[*csv.ParseError](err); ok {
			skip()
			continue
		}
		if err != nil {
			return fmt.Errorf("read the rows: %w", err)
		}
		line, _ := r.FieldPos(0)
		add(line, func(column string) string {
			if i := at[column]; i >= 0 && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		})
	}
}

// piles is in how many files the facts are sorted: each is read as a whole.
const piles = 128

// sorter sorts the facts of people with outcomes by person, on disk.
type sorter struct {
	want  map[string][]outcomeAsked
	files [piles]*os.File
	to    [piles]*bufio.Writer
	seed  maphash.Seed
	owner map[uint64]string // of a message: the person
	seen  int
}

// scored scores people as of before each of their outcomes, by each model.
func (c *backtestCommand) scored(s *streams, models []scoring.Model, want map[string][]outcomeAsked, left map[string]int) (of []evaluation.Outcome, scores [][]float64, err error) {
	dir, err := os.MkdirTemp("", "rapport-backtest-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	x := &sorter{want: want, seed: maphash.MakeSeed(), owner: map[uint64]string{}}
	for i := range x.files {
		if x.files[i], err = os.Create(filepath.Join(dir, strconv.Itoa(i))); err != nil {
			return nil, nil, err
		}
		defer x.files[i].Close()
		x.to[i] = bufio.NewWriterSize(x.files[i], 16<<10)
	}
	in, done, err := open(c.Facts, s.in)
	if err != nil {
		return nil, nil, fmt.Errorf("read the activities: %w", err)
	}
	err = x.sort(in, dir)
	if err = errors.Join(err, done()); err != nil {
		return nil, nil, fmt.Errorf("activities of %s: %w", c.Facts, err)
	}
	s.say("%d activities, sorted by person", x.seen)
	scores = make([][]float64, len(models))
	reader := sync.OnceValues(reading.New)
	currencies := map[string]int{}
	var units []string
	for i, f := range x.files {
		if err := x.to[i].Flush(); err != nil {
			return nil, nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, nil, err
		}
		facts, err := pile(f, reader)
		if err != nil {
			return nil, nil, err
		}
		for _, person := range slices.Sorted(maps.Keys(facts)) {
			for _, o := range want[person] {
				at := social.Instant(o.At.Add(-c.Before))
				known, why := c.knownBy(facts[person], at)
				given := make([]float64, len(models))
				for k, m := range models {
					if why != "" {
						break
					}
					score, err := scoring.Evaluate(m, known, at)
					if fault.Is(err, fault.Invalid) || fault.Is(err, fault.TooLarge) {
						s.say("%s can't be scored as of %s: %v", person, social.Stamp(at), err)
						why = "not_scorable"
						break
					}
					if err != nil {
						return nil, nil, err
					}
					given[k] = float64(score.Micro) / 1e6
				}
				if why != "" {
					left[why]++
					continue
				}
				of, units = append(of, evaluation.Outcome{Person: person, Won: o.positive, At: o.At, Value: o.Value}), append(units, o.Currency)
				for k := range models {
					scores[k] = append(scores[k], given[k])
				}
				if o.Value != 0 {
					currencies[o.Currency]++
				}
			}
			delete(want, person)
		}
	}
	for _, person := range slices.Sorted(maps.Keys(want)) {
		for _, o := range want[person] {
			left["unknown_person"]++
			if err := s.out.Encode(unknownLine{"unknown_person", person, o.Word, social.Stamp(o.At)}); err != nil {
				return nil, nil, err
			}
		}
	}
	// Values of several currencies don't add up: those of most outcomes count.
	most := ""
	for _, cur := range slices.Sorted(maps.Keys(currencies)) {
		if currencies[cur] > currencies[most] {
			most = cur
		}
	}
	for i := range of {
		if units[i] != most {
			of[i].Value = 0
		}
	}
	c.currency = most
	return of, scores, nil
}

// knownBy leaves the facts that count as of an instant; why says that there is nothing to score.
func (c *backtestCommand) knownBy(facts []social.Activity, at time.Time) (known []social.Activity, why string) {
	did, later := false, false
	for _, a := range facts {
		own := a.Direction == social.Inbound && !a.Automatic && !a.Type.Closing()
		switch {
		case a.Occurred.After(at):
		case !c.Occurred && a.Known.After(at):
			later = later || own
		default:
			known, did = append(known, a), did || own
		}
	}
	switch {
	case !did && later:
		return nil, "known_later"
	case !did:
		return nil, "no_activity"
	}
	return known, ""
}

func (x *sorter) object(p, scope, id string) uint64 {
	return maphash.String(x.seed, social.Key(p, scope, id))
}

// put writes a line to the pile of a person, if it is one with an outcome.
func (x *sorter) put(person string, line []byte) error {
	if _, ok := x.want[person]; !ok {
		return nil
	}
	h := fnv.New32a()
	h.Write([]byte(person)) // the same files give the same piles
	w := x.to[h.Sum32()%piles]
	w.WriteString(person)
	w.WriteByte('\t')
	w.Write(line)
	return w.WriteByte('\n')
}

// sort sorts the activities of in. What says itself whose it is goes to the
// pile at once; replies of the business, and edits and deletions that name
// nobody, when it is known whose the messages are.
func (x *sorter) sort(in io.Reader, dir string) error {
	later, err := os.Create(filepath.Join(dir, "later"))
	if err != nil {
		return err
	}
	defer later.Close()
	wait := bufio.NewWriterSize(later, 1<<16)
	err = eachLine(in, func(n int, line []byte) error {
		if isSet(line) {
			return nil
		}
		x.seen++
		l, a, err := social.ParseLine(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		person, changes := whose(l, a), a.Type == social.Edit || a.Type == social.Delete
		if person == "" && a.Direction == social.Inbound && !changes {
			person = social.PersonID(a.Account().AccountID())
		}
		if person == "" {
			wait.Write(line)
			return wait.WriteByte('\n')
		}
		if a.Actor.ID == social.Unknown && l.Person == "" {
			return nil
		}
		x.own(person, l, a)
		return x.put(person, line)
	})
	if err == nil {
		err = wait.Flush()
	}
	// First the replies, since edits and deletions may be of them.
	for _, changes := range []bool{false, true} {
		if err != nil {
			return err
		}
		if _, err = later.Seek(0, io.SeekStart); err != nil {
			return err
		}
		err = eachLine(later, func(_ int, line []byte) error {
			l, a, err := social.ParseLine(line)
			if err != nil || (a.Type == social.Edit || a.Type == social.Delete) != changes {
				return err
			}
			person := ""
			if changes {
				person = x.owner[x.object(l.Platform, l.Scope, l.Object.ID)]
			}
			if person == "" && a.Direction == social.Inbound {
				person = social.PersonID(a.Account().AccountID())
			}
			if person == "" && a.InReplyTo != "" {
				person = x.owner[x.object(l.Platform, l.Scope, a.InReplyTo)]
			}
			if person == "" {
				return nil
			}
			x.own(person, l, a)
			return x.put(person, line)
		})
	}
	return err
}

// own notes whose a message is, of somebody with an outcome.
func (x *sorter) own(person string, l social.Line, a social.Activity) {
	if _, ok := x.want[person]; !ok || !a.Type.Utterance() {
		return
	}
	k := x.object(l.Platform, l.Scope, l.Object.ID)
	if _, ok := x.owner[k]; !ok {
		x.owner[k] = person
	}
}

// whose is the person that a line names. An export of everybody names the
// business as the person of its replies: they belong to the one replied to.
func whose(l social.Line, a social.Activity) string {
	if a.Direction == social.Outbound && a.Type.Utterance() && l.Person == social.PersonID(a.Account().AccountID()) {
		return ""
	}
	return l.Person
}

// pile reads the facts of each person of a pile.
func pile(f io.Reader, reader func() (*reading.Reader, error)) (map[string][]social.Activity, error) {
	out := map[string][]social.Activity{}
	err := eachLine(f, func(_ int, line []byte) error {
		person, rest, _ := bytes.Cut(line, []byte("\t"))
		_, a, err := social.ParseLine(rest)
		if err != nil {
			return err
		}
		if err := readIfUnread(&a, reader); err != nil {
			return err
		}
		out[string(person)] = append(out[string(person)], a)
		return nil
	})
	return out, err
}

// readIfUnread reads a text that comes without a reading, as the service does.
func readIfUnread(a *social.Activity, reader func() (*reading.Reader, error)) error {
	if a.Language == "" && a.Sentiment == "" && a.Intent == "" && strings.TrimSpace(a.Text) != "" {
		r, err := reader()
		if err != nil {
			return err
		}
		a.Reading = r.Read(a.Text).Kept()
	}
	*a = a.Judged()
	return nil
}

var whyLeft = map[string]string{
	"other_kind":     "%d outcomes say nothing about what is to be foreseen",
	"unknown_person": "%d outcomes are of people of whom there is no activity",
	"no_activity":    "%d outcomes are of people who had done nothing by then",
	"known_later":    "%d outcomes are of people of whom all was known later only; --occurred counts it",
	"not_scorable":   "%d outcomes have no score",
}

func (c *backtestCommand) print(s *streams, models []scoring.Model, of []evaluation.Outcome, scores [][]float64, left map[string]int) error {
	out := backtestLine{Type: "figures", Outcomes: len(of), Before: c.Before.String(), Facts: "known", Seed: c.Seed, Currency: c.currency}
	if c.Occurred {
		out.Facts = "occurred"
	}
	people := map[string]bool{}
	for _, o := range of {
		people[o.Person] = true
		if o.Won {
			out.Positives++
		}
	}
	out.People = len(people)
	for _, why := range slices.Sorted(maps.Keys(left)) {
		out.LeftOut += left[why]
		if err := s.out.Encode(leftOutLine{"left_out", why, left[why], fmt.Sprintf(whyLeft[why], left[why])}); err != nil {
			return err
		}
	}
	s.say("%d outcomes of %d people, drawn again %d times for the intervals", len(of), len(people), evaluation.Draws)
	b, err := evaluation.Run(of, scores[len(scores)-1], scores[0], c.Aim, c.Seed)
	if err != nil {
		return err
	}
	out.ordered = orderedBy(models[0], b.Candidate, b.CandidateCallFrom, b.ValueAtTop[1], b.Missing == "")
	out.Verdict = b.Missing
	if b.Missing == "" {
		out.Drift = finite(b.Drift)
	}
	if len(models) > 1 {
		against := orderedBy(models[1], b.Current, b.CurrentCallFrom, b.ValueAtTop[0], b.Missing == "")
		out.Against, out.Verdict = &against, b.Comparison.Verdict
		if d := b.Comparison.Difference; b.Missing == "" {
			out.Difference, out.DiffLow, out.DiffHigh = &d.Value, &d.Low, &d.High
		}
	}
	return s.out.Encode(out)
}

// finite is a number that JSON has; nil of one that it has not.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func orderedBy(m scoring.Model, f evaluation.Figures, call evaluation.CallFrom, value float64, enough bool) ordered {
	o := ordered{Model: fmt.Sprintf("%s@%d", m.ID, m.Version), CallVerdict: call.Verdict}
	if call.OK {
		o.CallFrom = &call.Score
	}
	if !enough {
		return o
	}
	o.AUC, o.AUCLow, o.AUCHigh = &f.AUC.Value, &f.AUC.Low, &f.AUC.High
	p, l := f.Top, f.Top
	o.Precision1, o.Precision1Low, o.Precision1High = &p[0].Precision.Value, &p[0].Precision.Low, &p[0].Precision.High
	o.Precision5, o.Precision5Low, o.Precision5High = &p[1].Precision.Value, &p[1].Precision.Low, &p[1].Precision.High
	o.Precision10, o.Precision10Low, o.Precision10High = &p[2].Precision.Value, &p[2].Precision.Low, &p[2].Precision.High
	o.Lift1, o.Lift1Low, o.Lift1High = &l[0].Lift.Value, &l[0].Lift.Low, &l[0].Lift.High
	o.Lift5, o.Lift5Low, o.Lift5High = &l[1].Lift.Value, &l[1].Lift.Low, &l[1].Lift.High
	o.Lift10, o.Lift10Low, o.Lift10High = &l[2].Lift.Value, &l[2].Lift.Low, &l[2].Lift.High
	for _, b := range f.Calibration {
		o.Calibration = append(o.Calibration, scoredBin{b.Low, b.High, b.Share, b.ShareLow, b.ShareHigh, b.Cases})
	}
	o.ValueAtTop10 = finite(value)
	return o
}
