package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/evaluation"
	"rapport/internal/learn"
	"rapport/internal/sheet"
)

type learnCommand struct {
	Target    string  `required:"" placeholder:"COLUMN" help:"The column of the outcome."`
	Positive  string  `required:"" placeholder:"VALUE" help:"What it says where the outcome is the one to look for; everything else is the other."`
	TestShare float64 `default:"0.3" help:"The share of the rows that nothing is learned from, and that the card is judged by (${default})."`
	Seed      uint64  `default:"1" help:"Of the draw of rows (${default}): the same rows and seed give the same lines."`
	Group     string  `placeholder:"COLUMN" help:"Rows that say the same in this column (a person who comes again) are never both learned from and judged by. Nothing is learned from the column itself."`
	File      string  `arg:"" placeholder:"FILE.csv" help:"A CSV file with a header."`
}

// Help is printed by rapport learn --help.
func (learnCommand) Help() string {
	return `Learns from rows whose outcome is known how much each column says, and prints a scorecard: a JSON line {"type":"row"} per level of each attribute, with its points, the share of rows that have it and a sentence; {"type":"note"} for columns that are left out or have to be looked at; and {"type":"figures"} with how good the card is on the rows it was not learned from: auc, accuracy, brier, log_loss, precision and lift among the highest 1, 5 and 10 %, each with _low and _high (95 %, bootstrap), and the calibration. "unrounded" has the same of the model before its points were rounded.

Whoever's points add up to 0 has even odds; 20 points double the odds.

Columns of numbers are cut into ranges whose points rise or fall with the number, unless the rows clearly contradict that. Values that are missing (empty, ?, NA ...) are a level of their own; rare words share one. Leave out columns that were known only after the outcome: the card can't know.

Rows and columns are separated as in a spreadsheet's CSV (, ; tab |), in UTF-8, UTF-16 or Windows-1252 (Latin-1). A row that can't be used is told and skipped. A table of up to 50 million cells is learned from, which may take some 1.5 GB of memory; 40,000 rows of 12 columns take 50 MB.

Examples:
  rapport learn --target churn --positive yes customers.csv
  rapport learn --target outcome --positive won --test-share 0.25 --seed 7 --group person leads.csv`
}

type rowLine struct {
	Type      string  `json:"type"` // row
	Attribute string  `json:"attribute"`
	Level     string  `json:"level"`
	Points    int     `json:"points"`
	Share     float64 `json:"share"`    // of the rows learned from
	Positive  float64 `json:"positive"` // share of positives among them
	Rows      int     `json:"rows"`
	Sentence  string  `json:"sentence"`
}

type noteLine struct {
	Type      string `json:"type"` // note
	Attribute string `json:"attribute"`
	LeftOut   bool   `json:"left_out"`
	Sentence  string `json:"sentence"`
}

type judged struct {
	AUC             float64       `json:"auc"`
	AUCLow          float64       `json:"auc_low"`
	AUCHigh         float64       `json:"auc_high"`
	Accuracy        float64       `json:"accuracy"`
	AccuracyLow     float64       `json:"accuracy_low"`
	AccuracyHigh    float64       `json:"accuracy_high"`
	AccuracyAlways  float64       `json:"accuracy_always"` // of always saying the more frequent outcome
	Brier           float64       `json:"brier"`
	BrierLow        float64       `json:"brier_low"`
	BrierHigh       float64       `json:"brier_high"`
	LogLoss         float64       `json:"log_loss"`
	LogLossLow      float64       `json:"log_loss_low"`
	LogLossHigh     float64       `json:"log_loss_high"`
	Precision1      float64       `json:"precision_top_1"`
	Precision1Low   float64       `json:"precision_top_1_low"`
	Precision1High  float64       `json:"precision_top_1_high"`
	Precision5      float64       `json:"precision_top_5"`
	Precision5Low   float64       `json:"precision_top_5_low"`
	Precision5High  float64       `json:"precision_top_5_high"`
	Precision10     float64       `json:"precision_top_10"`
	Precision10Low  float64       `json:"precision_top_10_low"`
	Precision10High float64       `json:"precision_top_10_high"`
	Lift1           float64       `json:"lift_top_1"`
	Lift1Low        float64       `json:"lift_top_1_low"`
	Lift1High       float64       `json:"lift_top_1_high"`
	Lift5           float64       `json:"lift_top_5"`
	Lift5Low        float64       `json:"lift_top_5_low"`
	Lift5High       float64       `json:"lift_top_5_high"`
	Lift10          float64       `json:"lift_top_10"`
	Lift10Low       float64       `json:"lift_top_10_low"`
	Lift10High      float64       `json:"lift_top_10_high"`
	Calibration     []calibration `json:"calibration"`
}

type calibration struct {
	Said  float64 `json:"said"`  // mean chance that the model gave
	Share float64 `json:"share"` // of positives
	Low   float64 `json:"share_low"`
	High  float64 `json:"share_high"`
	Rows  int     `json:"rows"`
}

type figuresLine struct {
	Type string `json:"type"` // figures
	judged
	PSI            float64 `json:"psi"` // of the points, rows learned from against rows judged by
	TestRows       int     `json:"test_rows"`
	TestPositives  int     `json:"test_positives"`
	TrainRows      int     `json:"train_rows"`
	TrainPositives int     `json:"train_positives"`
	SkippedRows    int     `json:"skipped_rows"`
	Attributes     int     `json:"attributes"`
	HeldBack       float64 `json:"held_back"` // the strength of the penalty
	DoubleOdds     int     `json:"double_odds"`
	Seed           uint64  `json:"seed"`
	Sentence       string  `json:"sentence"`
	Unrounded      judged  `json:"unrounded"`
}

// Run learns from a file and prints what came of it.
func (c *learnCommand) Run(s *streams) error {
	if !(c.TestShare > 0 && c.TestShare < 1) {
		return misused("--test-share %g is no share between 0 and 1, such as 0.3", c.TestShare)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	t, target, skipped, err := c.read(f, s.say)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	group := -1
	if c.Group != "" {
		if group, err = columnOf(t.Names, "group", c.Group); err != nil {
			return err
		}
		if group == target {
			return misused("--group and --target are the same column")
		}
	}
	positive, err := c.outcomes(t, target)
	if err != nil {
		return err
	}
	train, test := t.Split(positive, group, c.TestShare, c.Seed)
	s.say("%d rows to learn from, %d to judge by", len(train), len(test))
	card, err := learn.Learn(t, train, positive, learn.Options{Target: target, Group: group, Seed: c.Seed, Progress: s.say})
	if err != nil {
		return fmt.Errorf("learn from %d rows: %w (a smaller --test-share leaves more to learn from)", len(train), err)
	}
	points, unrounded := scored(t, card, test, positive, group)
	if missing := evaluation.Missing(points); missing != "" {
		return fmt.Errorf("judge by %d rows: %s (a larger --test-share leaves more to judge by)", len(test), missing)
	}
	s.say("drawing the rows again %d times for the intervals", evaluation.Draws)
	figures, err := evaluation.Of(points, c.Seed)
	if err != nil {
		return err
	}
	before, err := evaluation.Of(unrounded, c.Seed)
	if err != nil {
		return err
	}
	return c.print(s, t, card, train, test, figures, before, skipped)
}

// toldRows is how many rows that can't be used are told one by one.
const toldRows = 5

// read reads the file. A row that can't be used is told and skipped.
func (c *learnCommand) read(f io.ReadSeeker, say func(string, ...any)) (t *learn.Table, target, skipped int, err error) {
	r, old, err := sheet.OpenOld(f)
	if err != nil {
		return nil, 0, 0, err
	}
	if old {
		say("the file is no UTF-8: it is read as Windows-1252 (Latin-1)")
	}
	r.FieldsPerRecord = -1 // counted here, so that the others can be used
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, 0, 0, errors.New("it is empty: a header and rows are needed")
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("read the header: %w", err)
	}
	names, err := named(header)
	if err != nil {
		return nil, 0, 0, err
	}
	if target, err = columnOf(names, "target", c.Target); err != nil {
		return nil, 0, 0, err
	}
	say("%d columns, separated by %q", len(names), r.Comma)
	t = learn.NewTable(names)
	r.ReuseRecord = true
	skip := func(line int, why string) {
		if skipped++; skipped <= toldRows {
			say("line %d is skipped: %s", line, why)
		}
	}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if p, ok := errors.AsType[*csv.ParseError](err); ok {
			skip(p.StartLine, p.Err.Error()+"; double the quotes within a quoted field")
			continue
		}
		if err != nil {
			return nil, 0, 0, fmt.Errorf("read the rows: %w", err)
		}
		line, _ := r.FieldPos(0)
		switch {
		case len(row) != len(names):
			skip(line, fmt.Sprintf("it has %d fields and the header %d", len(row), len(names)))
		case strings.TrimSpace(row[target]) == "":
			skip(line, fmt.Sprintf("its outcome (%s) is not known", names[target]))
		default:
			if err := t.Add(row); err != nil {
				return nil, 0, 0, fmt.Errorf("line %d: %w", line, err)
			}
			if t.Len()%100_000 == 0 {
				say("%d rows read", t.Len())
			}
		}
	}
	if skipped > 0 {
		say("%d rows are skipped, %d can be used", skipped, t.Len())
	}
	if t.Len() == 0 {
		return nil, 0, 0, errors.New("it has no row that can be used: does each have as many fields as the header, and an outcome?")
	}
	return t, target, skipped, nil
}

// named gives each column a name.
func named(header []string) ([]string, error) {
	var names []string
	for i, h := range header {
		h = strings.TrimSpace(h)
		if h == "" {
			h = "column " + strconv.Itoa(i+1)
		}
		if slices.Contains(names, h) {
			return nil, fmt.Errorf("two columns are named %q: rename one", h)
		}
		names = append(names, h)
	}
	return names, nil
}

func columnOf(names []string, flag, name string) (int, error) {
	i := slices.Index(names, strings.TrimSpace(name))
	if i < 0 {
		return 0, misused("--%s: there is no column %q; there are %s", flag, name, listed(names))
	}
	return i, nil
}

// listed names at most 40 of a list.
func listed(names []string) string {
	var quoted []string
	for i, n := range names {
		if i == 40 {
			quoted = append(quoted, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		quoted = append(quoted, strconv.Quote(n))
	}
	return strings.Join(quoted, ", ")
}

// outcomes tells by row whether the outcome is the one to look for.
func (c *learnCommand) outcomes(t *learn.Table, target int) ([]bool, error) {
	want := strings.TrimSpace(c.Positive)
	values := t.Values(target)
	var seen []string
	n := 0
	for _, v := range values {
		if v.Value == want {
			n = v.Rows
		}
		seen = append(seen, v.Value)
	}
	if n == 0 {
		return nil, misused("--positive: %q is never in the column %q; there are %s", c.Positive, c.Target, listed(seen))
	}
	if n == t.Len() {
		return nil, fmt.Errorf("all %d rows have the outcome %q: rows with another are needed to tell them apart", n, want)
	}
	return t.Is(target, want), nil
}

// scored are the rows as cases: by their points, and by the model before rounding.
func scored(t *learn.Table, card *learn.Card, rows []int, positive []bool, group int) (points, unrounded []evaluation.Case) {
	units := map[string]int{}
	for n, i := range rows {
		s := card.Score(t, i)
		if group >= 0 {
			g := t.Cell(i, group)
			if _, ok := units[g]; !ok {
				units[g] = n
			}
			n = units[g]
		}
		points = append(points, evaluation.Case{Positive: positive[i], Score: float64(s.Points), Chance: learn.Chance(float64(s.Points)), Unit: n})
		unrounded = append(unrounded, evaluation.Case{Positive: positive[i], Score: s.LogOdds, Chance: 1 / (1 + math.Exp(-s.LogOdds)), Unit: n})
	}
	return points, unrounded
}

func (c *learnCommand) print(s *streams, t *learn.Table, card *learn.Card, train, test []int, figures, before evaluation.Figures, skipped int) error {
	for _, r := range card.Rows(c.Positive) {
		if err := s.out.Encode(rowLine{"row", r.Attribute, r.Level, r.Points, rounded(r.Share), rounded(r.Positive), r.Rows, r.Sentence}); err != nil {
			return err
		}
	}
	notes := slices.Clone(card.Notes)
	psi := card.Drift(t, train, test)
	for k, a := range card.Attributes {
		if psi.Attributes[k] >= learn.Drifted {
			notes = append(notes, learn.Note{Attribute: a.Name, Text: fmt.Sprintf("its values are others among the rows learned from than among those judged by (population stability index %.2f, %.1f is much): are the rows drawn alike?", psi.Attributes[k], learn.Drifted)})
		}
	}
	for _, n := range notes {
		if err := s.out.Encode(noteLine{"note", n.Attribute, n.Left, n.Text}); err != nil {
			return err
		}
	}
	sentence := fmt.Sprintf("Of %d rows that nothing was learned from, %d are %q; in %.1f %% of pairs of one that is and one that is not, the one that is has more points (AUC %.3f [%.3f, %.3f])",
		figures.Cases, figures.Positives, c.Positive, 100*figures.AUC.Value, figures.AUC.Value, figures.AUC.Low, figures.AUC.High)
	return s.out.Encode(figuresLine{Type: "figures", judged: judgedOf(figures), PSI: rounded(psi.Points),
		TestRows: len(test), TestPositives: figures.Positives, TrainRows: card.Learned, TrainPositives: card.Positives, SkippedRows: skipped,
		Attributes: len(card.Attributes), HeldBack: card.Lambda, DoubleOdds: learn.DoubleOdds, Seed: c.Seed, Sentence: sentence, Unrounded: judgedOf(before)})
}

// rounded has four digits after the point, which is more than any interval here tells apart.
func rounded(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func judgedOf(f evaluation.Figures) judged {
	j := judged{AccuracyAlways: rounded(f.Always)}
	set := func(of evaluation.Figure, value, low, high *float64) {
		*value, *low, *high = rounded(of.Value), rounded(of.Low), rounded(of.High)
	}
	set(f.AUC, &j.AUC, &j.AUCLow, &j.AUCHigh)
	set(f.Accuracy, &j.Accuracy, &j.AccuracyLow, &j.AccuracyHigh)
	set(f.Brier, &j.Brier, &j.BrierLow, &j.BrierHigh)
	set(f.LogLoss, &j.LogLoss, &j.LogLossLow, &j.LogLossHigh)
	set(f.Top[0].Precision, &j.Precision1, &j.Precision1Low, &j.Precision1High)
	set(f.Top[1].Precision, &j.Precision5, &j.Precision5Low, &j.Precision5High)
	set(f.Top[2].Precision, &j.Precision10, &j.Precision10Low, &j.Precision10High)
	set(f.Top[0].Lift, &j.Lift1, &j.Lift1Low, &j.Lift1High)
	set(f.Top[1].Lift, &j.Lift5, &j.Lift5Low, &j.Lift5High)
	set(f.Top[2].Lift, &j.Lift10, &j.Lift10Low, &j.Lift10High)
	for _, b := range f.Calibration {
		j.Calibration = append(j.Calibration, calibration{rounded(b.Said), rounded(b.Share), rounded(b.ShareLow), rounded(b.ShareHigh), b.Cases})
	}
	return j
}
