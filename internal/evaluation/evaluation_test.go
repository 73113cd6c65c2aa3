package evaluation_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/evaluation"
)

func near(a, b, eps float64) bool { return math.Abs(a-b) <= eps }

// drawn are cases of a model that says true chances.
func drawn(seed uint64, n int) []evaluation.Case {
	rng := rand.New(rand.NewPCG(seed, 0))
	var cases []evaluation.Case
	for i := range n {
		z := math.Round(8*(rng.NormFloat64()-1.5)) / 8
		p := 1 / (1 + math.Exp(-z))
		cases = append(cases, evaluation.Case{Positive: rng.Float64() < p, Score: z, Chance: p, Unit: i})
	}
	return cases
}

func figures(t *testing.T, cases []evaluation.Case, seed uint64) evaluation.Figures {
	t.Helper()
	f, err := evaluation.Of(cases, seed)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFiguresAreWhatTheirDefinitionsSay(t *testing.T) {
	cases := drawn(1, 400)
	f := figures(t, cases, 1)
	var pairs, wins, right, brier, loss, positives float64
	for _, a := range cases {
		y := 0.0
		if a.Positive {
			y = 1
		}
		positives += y
		if (a.Chance >= 0.5) == a.Positive {
			right++
		}
		brier += (a.Chance - y) * (a.Chance - y)
		loss -= y*math.Log(a.Chance) + (1-y)*math.Log(1-a.Chance)
		for _, b := range cases {
			if a.Positive && !b.Positive {
				pairs++
				if a.Score > b.Score {
					wins++
				} else if a.Score == b.Score {
					wins += 0.5
				}
			}
		}
	}
	n := float64(len(cases))
	for name, c := range map[string]struct {
		got  evaluation.Figure
		want float64
	}{
		"AUC": {f.AUC, wins / pairs}, "accuracy": {f.Accuracy, right / n}, "Brier": {f.Brier, brier / n}, "log loss": {f.LogLoss, loss / n},
		"lift": {f.Top[2].Lift, f.Top[2].Precision.Value * n / positives},
	} {
		if !near(c.got.Value, c.want, 1e-9) {
			t.Errorf("%s: %v, want %v", name, c.got.Value, c.want)
		}
		if !(c.got.Low < c.got.Value && c.got.Value < c.got.High) {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
	if want := max(positives, n-positives) / n; f.Always != want || float64(f.Positives) != positives || f.Cases != 400 {
		t.Errorf("always %v, want %v; %d of %d", f.Always, want, f.Positives, f.Cases)
	}
	sum := 0
	for i, b := range f.Calibration {
		sum += b.Cases
		if b.Said < b.ShareLow-0.1 || b.Said > b.ShareHigh+0.1 || i > 0 && b.Low <= f.Calibration[i-1].High {
			t.Errorf("the bin %+v of a model that says true chances", b)
		}
	}
	if sum != 400 || len(f.Calibration) < 8 || len(f.Calibration) > 11 {
		t.Errorf("%d cases in %d bins", sum, len(f.Calibration))
	}
}

// Of 10 cases at the edge of the highest tenth, of which 5 fit, half of what they hold counts.
func TestCasesAtTheEdgeCountInPart(t *testing.T) {
	var cases []evaluation.Case
	for i := range 100 {
		c := evaluation.Case{Score: 1, Chance: math.NaN(), Unit: i, Positive: i%10 == 9}
		if i < 5 {
			c.Score, c.Positive = 3, true
		} else if i < 15 {
			c.Score, c.Positive = 2, i < 9
		}
		cases = append(cases, c)
	}
	f := figures(t, cases, 1)
	if top := f.Top[2]; top.Cases != 10 || !near(top.Precision.Value, (5+4*0.5)/10, 1e-12) {
		t.Errorf("%+v", top)
	}
	if f.Chances {
		t.Error("a model that says no chances has an accuracy")
	}
}

func TestFiguresDoNotDependOnTheOrderOfTheCases(t *testing.T) {
	cases := drawn(5, 300)
	want := figures(t, cases, 7)
	mixed := append([]evaluation.Case(nil), cases...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	if got := figures(t, mixed, 7); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	if got := figures(t, cases, 8); got.AUC.Low == want.AUC.Low && got.AUC.High == want.AUC.High {
		t.Error("the seed does nothing")
	}
}

// The truth lies in 95 of 100 intervals; of 60, fewer than 51 would be far off chance.
func TestIntervalsHoldTheTruth(t *testing.T) {
	truth := figures(t, drawn(99, 30_000), 1).AUC.Value
	held := 0
	for seed := range uint64(60) {
		if f := figures(t, drawn(seed+1000, 150), seed); f.AUC.Low <= truth && truth <= f.AUC.High {
			held++
		}
	}
	if held < 51 {
		t.Errorf("%d of 60 intervals hold the AUC %v", held, truth)
	}
}

// People who come again make the interval wider, since they are drawn as one.
func TestCasesOfOnePersonAreDrawnTogether(t *testing.T) {
	cases := drawn(2, 200)
	alone := figures(t, cases, 1)
	var same, others []evaluation.Case
	for i := range 4 {
		for _, c := range cases {
			same = append(same, c)
			c.Unit += i * len(cases)
			others = append(others, c)
		}
	}
	width := func(f evaluation.Figures) float64 { return (f.AUC.High - f.AUC.Low) / (alone.AUC.High - alone.AUC.Low) }
	if w := width(figures(t, same, 1)); w < 0.9 || w > 1.1 {
		t.Errorf("four times the same people: %v of the width of once", w)
	}
	if w := width(figures(t, others, 1)); w < 0.4 || w > 0.6 {
		t.Errorf("four times as many people: %v of the width of once, want half", w)
	}
}

func TestTooFewOutcomesAreNoFigures(t *testing.T) {
	some := func(positives, negatives int) (cases []evaluation.Case) {
		for i := range positives + negatives {
			cases = append(cases, evaluation.Case{Positive: i < positives, Score: float64(i), Unit: i})
		}
		return cases
	}
	for _, c := range []struct {
		cases []evaluation.Case
		want  string
	}{
		{nil, "not enough data: 0 outcomes, 20 are needed"},
		{some(1, 0), "not enough data: 1 outcome, 20 are needed"},
		{some(4, 5), "not enough data: 9 outcomes, 20 are needed"},
		{some(4, 36), "not enough data: 4 of 40 outcomes are positive, 5 are needed"},
		{some(40, 0), "not enough data: 0 of 40 outcomes are negative, 5 are needed"},
		{some(5, 15), ""},
	} {
		if got := evaluation.Missing(c.cases); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if _, err := evaluation.Of(c.cases, 1); (err == nil) != (c.want == "") {
			t.Errorf("figures of %d cases: %v", len(c.cases), err)
		}
		if got := evaluation.Compare(c.cases, c.cases).Verdict; c.want != "" && got != c.want {
			t.Errorf("verdict %q, want %q", got, c.want)
		}
	}
}

// outcomes are of people whose chance to be won rises with their strength.
func outcomes(seed uint64, n int) (of []evaluation.Outcome, strength []float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		s := rng.NormFloat64()
		of = append(of, evaluation.Outcome{Person: fmt.Sprint("p", i), Won: rng.Float64() < 1/(1+math.Exp(1.5-2*s)), At: time.Unix(int64(i)*3600, 0), Value: 100})
		strength = append(strength, s)
	}
	return of, strength
}

func noisy(seed uint64, xs []float64, noise float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = x + noise*rng.NormFloat64()
	}
	return out
}

func TestTheVerdictSaysWhichModelOrdersBetter(t *testing.T) {
	run := func(n int, current, candidate float64) evaluation.Backtest {
		of, s := outcomes(11, n)
		b, err := evaluation.Run(of, noisy(1, s, current), noisy(2, s, candidate), 0.5, 1)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		n                  int
		current, candidate float64
		better             int
		begins             string
	}{
		{812, 3, 0.3, 1, "better: AUC ."},
		{812, 0.3, 3, -1, "worse: AUC ."},
		{41, 1, 0.9, 0, "not distinguishable: AUC ."},
		{9, 1, 0.3, 0, "not enough data: 9 outcomes, 20 are needed"},
	} {
		b := run(c.n, c.current, c.candidate)
		if got := b.Comparison; got.Better != c.better || !strings.HasPrefix(got.Verdict, c.begins) || got.Outcomes != c.n {
			t.Errorf("%+v, want %d, %q", got, c.better, c.begins)
		}
		if d := b.Comparison.Difference; c.n > 20 && (!strings.HasSuffix(b.Comparison.Verdict, fmt.Sprintf("on %d outcomes", c.n)) || !near(d.Value, b.Candidate.AUC.Value-b.Current.AUC.Value, 1e-12)) {
			t.Errorf("%q, %+v", b.Comparison.Verdict, d)
		}
		if (b.Missing == "") != (c.n >= 20) {
			t.Errorf("missing: %q", b.Missing)
		}
	}
	if b := run(300, 0, 0); b.Comparison.Better != 0 || !strings.HasPrefix(b.Comparison.Verdict, "not distinguishable: both order 300 outcomes alike, AUC .") {
		t.Errorf("the same scores: %q", b.Comparison.Verdict)
	}
}

// Where the models are equally good, at most about 5 of 100 verdicts say that one is better.
func TestEqualModelsAreSeldomTold(t *testing.T) {
	told := 0
	for seed := range uint64(100) {
		of, s := outcomes(seed, 100)
		b, err := evaluation.Run(of, noisy(seed, s, 1), noisy(seed+5000, s, 1), 0.5, 1)
		if err != nil {
			t.Fatal(err)
		}
		if b.Comparison.Better != 0 {
			told++
		}
	}
	if told > 12 {
		t.Errorf("%d of 100 verdicts", told)
	}
}

func TestCallFrom(t *testing.T) {
	of, s := outcomes(21, 2000)
	c := evaluation.CallFromOf(of, s, 0.5)
	if !c.OK || c.Low < 0.5 || c.Precision < c.Low {
		t.Fatalf("%+v", c)
	}
	won, people := 0, 0
	for i := range of {
		if s[i] >= c.Score {
			people++
			if of[i].Won {
				won++
			}
		}
	}
	if people != c.People || !near(c.Precision, float64(won)/float64(people), 1e-12) {
		t.Errorf("%+v, want %d of %d", c, won, people)
	}
	if want := fmt.Sprintf("%d of the %d people at or above it were won", won, people); !strings.Contains(c.Verdict, want) {
		t.Errorf("%q, want %q", c.Verdict, want)
	}
	if higher := evaluation.CallFromOf(of, s, 0.7); !higher.OK || higher.Score <= c.Score {
		t.Errorf("a higher aim: %+v after %+v", higher, c)
	}
	if c := evaluation.CallFromOf(of, s, 0.999); c.OK || !strings.HasPrefix(c.Verdict, "not enough outcomes to say from which score on") {
		t.Errorf("an aim out of reach: %+v", c)
	}
	if c := evaluation.CallFromOf(of[:9], s[:9], 0.1); c.OK || c.Verdict != "not enough outcomes: those of 9 people are known, 20 are needed" {
		t.Errorf("nine outcomes: %+v", c)
	}
}

// One person's many outcomes are one: the latest.
func TestAPersonCountsOnceForTheThreshold(t *testing.T) {
	var of []evaluation.Outcome
	var s []float64
	for i := range 40 {
		of, s = append(of, evaluation.Outcome{Person: "one", Won: true, At: time.Unix(int64(i), 0)}), append(s, 9)
	}
	if c := evaluation.CallFromOf(of, s, 0.5); c.OK || !strings.Contains(c.Verdict, "those of 1 people are known") {
		t.Errorf("%+v", c)
	}
}

// Where nothing tells won from lost and as many are won as is aimed at or fewer, a
// threshold is found by chance in at most 2.5 of 100 cases.
func TestCallFromIsSeldomChance(t *testing.T) {
	found := 0
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var of []evaluation.Outcome
		var s []float64
		for i := range 200 {
			of = append(of, evaluation.Outcome{Person: fmt.Sprint(i), Won: rng.Float64() < 0.3})
			s = append(s, rng.Float64())
		}
		if evaluation.CallFromOf(of, s, 0.3).OK {
			found++
		}
	}
	if found > 16 {
		t.Errorf("%d of 400", found)
	}
}

func TestBacktestRefusesWhatItCannotJudge(t *testing.T) {
	of, s := outcomes(1, 30)
	for name, c := range map[string]struct {
		current, candidate []float64
		aim                float64
		want               string
	}{
		"lengths":      {s, s[:3], 0.5, "there are 30 outcomes, 30 scores of the current and 3 of the candidate model: give one each"},
		"not a number": {s, append([]float64{math.NaN()}, s[1:]...), 0.5, `the score of "p0" is no number`},
		"aim":          {s, s, 1, "the aim 1 is no share between 0 and 1"},
	} {
		if _, err := evaluation.Run(of, c.current, c.candidate, c.aim, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBacktestSaysWhereTheValueIsAndWhatDrifts(t *testing.T) {
	of, s := outcomes(31, 400)
	steady := make([]float64, len(s))
	copy(steady, s)
	shifted := make([]float64, len(s))
	for i, x := range s {
		shifted[i] = x
		if i >= 200 {
			shifted[i] += 1.5
		}
		if of[i].Won && x < -0.5 {
			of[i].Value = 100_000 // all the value is where the scores are low
		}
	}
	b, err := evaluation.Run(of, shifted, steady, 0.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	if b.Drift > 0.1 || b.ValueAtTop[1] > 0.05 {
		t.Errorf("drift %v, value at the top %v", b.Drift, b.ValueAtTop)
	}
	if b, err = evaluation.Run(of, steady, shifted, 0.5, 1); err != nil || b.Drift < 0.25 {
		t.Errorf("shifted scores: drift %v, %v", b.Drift, err)
	}
}

func BenchmarkOf(b *testing.B) {
	cases := drawn(1, 100_000)
	for b.Loop() {
		if _, err := evaluation.Of(cases, 1); err != nil {
			b.Fatal(err)
		}
	}
}
