package evaluation

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/stats"
)

// Outcome is how it came out with a person.
type Outcome struct {
	Person string
	Won    bool
	At     time.Time
	Value  float64 // of what was won; 0: not known
}

// Comparison is one model's scores against another's on the same outcomes.
type Comparison struct {
	Outcomes   int
	Better     int    // 1: the candidate is; -1: the current one is; 0: not distinguishable, or not enough data
	Difference Figure // of the AUC, candidate less current
	Verdict    string
}

// Backtest is what a current and a candidate model are worth on the outcomes so far.
type Backtest struct {
	Missing            string // in words; then there is nothing but a verdict
	Current, Candidate Figures
	Comparison         Comparison
	CurrentCallFrom    CallFrom
	CandidateCallFrom  CallFrom
	ValueAtTop         [2]float64 // the share of the value won that the highest 10 % of the current and the candidate model's scores hold; NaN where no value is known
	Drift              float64    // population stability index of the candidate's scores, earlier half of the outcomes against later; NaN where all came at once
}

// Run compares the scores that a current and a candidate model gave as of
// before each outcome, and finds from which score on to call, so that at least the share aim of those who are called is won.
func Run(of []Outcome, current, candidate []float64, aim float64, seed uint64) (Backtest, error) {
	if len(current) != len(of) || len(candidate) != len(of) {
		return Backtest{}, fmt.Errorf("there are %d outcomes, %d scores of the current and %d of the candidate model: give one each", len(of), len(current), len(candidate))
	}
	for i := range of {
		if math.IsNaN(current[i]) || math.IsNaN(candidate[i]) {
			return Backtest{}, fmt.Errorf("the score of %q is no number: leave the outcome out of both, and say so", of[i].Person)
		}
	}
	if !(aim > 0 && aim < 1) {
		return Backtest{}, fmt.Errorf("the aim %g is no share between 0 and 1", aim)
	}
	a, b := casesOf(of, current), casesOf(of, candidate)
	out := Backtest{Missing: Missing(a), Comparison: Compare(a, b),
		CurrentCallFrom: CallFromOf(of, current, aim), CandidateCallFrom: CallFromOf(of, candidate, aim)}
	if out.Missing != "" {
		return out, nil
	}
	var err error
	if out.Current, err = Of(a, seed); err != nil {
		return out, err
	}
	if out.Candidate = out.Current; !slices.Equal(current, candidate) {
		if out.Candidate, err = Of(b, seed); err != nil {
			return out, err
		}
	}
	out.ValueAtTop = [2]float64{valueAtTop(of, current), valueAtTop(of, candidate)}
	out.Drift = drift(of, candidate)
	return out, nil
}

func casesOf(of []Outcome, score []float64) []Case {
	units := map[string]int{}
	cases := make([]Case, len(of))
	for i, o := range of {
		u, ok := units[o.Person]
		if !ok {
			u = len(units)
			units[o.Person] = u
		}
		cases[i] = Case{Positive: o.Won, Score: score[i], Chance: math.NaN(), Unit: u}
	}
	return cases
}

// Compare says whether b's scores order the same cases better than a's do.
func Compare(a, b []Case) Comparison {
	c := Comparison{Outcomes: len(a)}
	if c.Verdict = Missing(a); c.Verdict != "" {
		return c
	}
	positive, unit := make([]bool, len(a)), make([]int, len(a))
	sa, sb := make([]float64, len(a)), make([]float64, len(a))
	for i := range a {
		positive[i], unit[i], sa[i], sb[i] = a[i].Positive, a[i].Unit, a[i].Score, b[i].Score
	}
	was, _ := stats.AUC(positive, sa)
	is, _ := stats.AUC(positive, sb)
	d, lo, hi, ok := stats.AUCDifference(positive, sa, sb, unit, level)
	if !ok {
		c.Verdict = "not enough data: a score is no number"
		return c
	}
	c.Difference = Figure{d, lo, hi}
	if lo == 0 && hi == 0 {
		c.Verdict = fmt.Sprintf("not distinguishable: both order %s alike, AUC %s", outcomes(len(a)), short(is, 2))
		return c
	}
	digits := 2
	switch {
	case lo > 0:
		c.Better = 1
		digits = digitsFor(lo)
	case hi < 0:
		c.Better = -1
		digits = digitsFor(-hi)
	}
	word := map[int]string{1: "better", 0: "not distinguishable", -1: "worse"}[c.Better]
	c.Verdict = fmt.Sprintf("%s: AUC %s against %s, difference %s [%s, %s] on %s", word, short(is, digits), short(was, digits), short(d, digits), short(lo, digits), short(hi, digits), outcomes(len(a)))
	return c
}

// digitsFor is how many digits show that x is not 0: 2 to 4.
func digitsFor(x float64) int {
	for digits := 2; digits < 4; digits++ {
		if x >= 0.5*math.Pow10(-digits) {
			return digits
		}
	}
	return 4
}

// short writes .81 for 0.81, as figures between 0 and 1 are written.
func short(x float64, digits int) string {
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-") // no negative zero
	}
	s = strings.TrimPrefix(s, "0")
	if after, ok := strings.CutPrefix(s, "-0"); ok {
		s = "-" + after
	}
	return s
}

// CallFrom is the score from which on people are worth a call.
type CallFrom struct {
	OK        bool
	Score     float64
	People    int     // with this score or more, among those whose outcome is known
	Precision float64 // the share of them that was won
	Low       float64 // which is at least this
	Verdict   string
}

// thresholds is how many scores are tried. The more, the surer each has to be.
const thresholds = 20

// CallFromOf returns the lowest score from which on the share won is at least
// the aim, as sure as 97.5 %: its exact lower limit is, at a level raised for the
// many scores that are tried (Bonferroni). A person counts once, by their
// latest outcome.
func CallFromOf(of []Outcome, score []float64, aim float64) CallFrom {
	latest := map[string]int{}
	for i, o := range of {
		j, ok := latest[o.Person]
		// Of two outcomes at the same instant the better one counts, whichever comes first.
		if !ok || cmp.Or(o.At.Compare(of[j].At), cmp.Compare(count(o.Won), count(of[j].Won)), cmp.Compare(score[i], score[j])) > 0 {
			latest[o.Person] = i
		}
	}
	cases := make([]Case, 0, len(latest))
	for _, i := range latest {
		cases = append(cases, Case{Positive: of[i].Won, Score: score[i]})
	}
	slices.SortFunc(cases, func(a, b Case) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(count(a.Positive), count(b.Positive)))
	})
	if len(cases) < NeededOutcomes {
		return CallFrom{Verdict: fmt.Sprintf("not enough outcomes: those of %d people are known, %d are needed", len(cases), NeededOutcomes)}
	}
	var best CallFrom
	won, tried := 0, 0
	for i, c := range cases {
		won += count(c.Positive)
		last := i+1 == len(cases)
		if !last && (cases[i+1].Score == c.Score || (i+1)*thresholds/len(cases) <= tried) {
			continue
		}
		tried = (i + 1) * thresholds / len(cases)
		if low, ok := stats.ExactAbove(won, i+1, 1-(1-level)/2/thresholds); ok && low >= aim {
			best = CallFrom{true, c.Score, i + 1, float64(won) / float64(i+1), low, ""}
		}
	}
	if !best.OK {
		best.Verdict = fmt.Sprintf("not enough outcomes to say from which score on at least %s are won: %d of %d people were won, whatever their score", percent(aim), won, len(cases))
		return best
	}
	best.Verdict = fmt.Sprintf("call from %s: %d of the %d people at or above it were won (%s, at least %s)", strconv.FormatFloat(best.Score, 'f', -1, 64), int(math.Round(best.Precision*float64(best.People))), best.People, percent(best.Precision), percentDown(best.Low))
	return best
}

func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 0, 64) + " %" }

// percentDown rounds down, since it is said with "at least".
func percentDown(x float64) string { return strconv.FormatFloat(math.Floor(100*x), 'f', 0, 64) + " %" }

// valueAtTop is the share of the value won that the highest 10 % of the scores hold; those at the edge count in part.
func valueAtTop(of []Outcome, score []float64) float64 {
	order := make([]int, len(of))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(of[a].Value, of[b].Value), cmp.Compare(count(of[a].Won), count(of[b].Won)))
	})
	edge, seen, top, all := float64(topOf(len(of), 0.1)), 0.0, 0.0, 0.0
	for from := 0; from < len(order); {
		to, value := from, 0.0
		for ; to < len(order) && score[order[to]] == score[order[from]]; to++ {
			if of[order[to]].Won {
				value += of[order[to]].Value
			}
		}
		n := float64(to - from)
		top += value * min(1, max(0, edge-seen)/n)
		all, seen, from = all+value, seen+n, to
	}
	return top / all
}

// drift is how far the scores of the later half of the outcomes lie elsewhere than those of the earlier half; NaN
// where all came at once.
func drift(of []Outcome, score []float64) float64 {
	at := make([]float64, len(of))
	for i, o := range of {
		at[i] = float64(o.At.UnixMilli())
	}
	middle, _ := stats.Median(at)
	var edges []float64
	for q := 1; q < 5; q++ {
		e, _ := stats.Quantile(score, float64(q)/5)
		edges = append(edges, e)
	}
	edges = slices.Compact(edges)
	before, now := make([]int, len(edges)+1), make([]int, len(edges)+1)
	for i, s := range score {
		bin, _ := slices.BinarySearch(edges, s)
		if at[i] < middle {
			before[bin]++
		} else {
			now[bin]++
		}
	}
	psi, ok := stats.PSI(before, now)
	if !ok {
		return math.NaN()
	}
	return psi
}
