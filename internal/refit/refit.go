// Package refit fits how the reader weighs the classes of what it says to what
// people of one business say that its texts say. It is pure: cases in, figures
// and an adjustment out.
//
// An adjustment is small on purpose: of each head a slope and an offset for
// each class, over the logarithms of the reader's probabilities ("bias-corrected
// temperature scaling": Alexandari, Kundaje and Shrikumar, "Maximum Likelihood
// with Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation",
// ICML 2020). That is what a few hundred labels can tell: which classes are
// more frequent here, and how sure the reader may be. What a word means here
// they can't.
package refit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"

	"rapport/internal/stats"
)

// Head is one of the things that the reader says of a text.
type Head string

// The heads that can be adjusted. NeedsAnswer is of somebody's first message;
// its classes are no and yes.
const (
	Sentiment   Head = "sentiment"
	Intent      Head = "intent"
	Severity    Head = "severity"
	NeedsAnswer Head = "needs_answer"
)

// Heads are all of them.
var Heads = []Head{Sentiment, Intent, Severity, NeedsAnswer}

// Chances are the probabilities of the classes of each head; a head that does
// not decide is left out.
type Chances map[Head][]float64

// Adjustment is how the classes of one head are weighed. Its numbers are
// multiples of 0.01, so that the last bits, in which processors may differ, are
// no part of it.
type Adjustment struct {
	Slope   float64   `json:"slope"`   // from 1/MostSlope to MostSlope; 1: as the reader comes
	Offsets []float64 `json:"offsets"` // by class, from -MostOffset to MostOffset; 0: as the reader comes
}

// The bounds of an adjustment: the odds of a class against another change by
// at most exp(2*MostOffset).
const (
	MostOffset = 1.5
	MostSlope  = 2
)

// Document is what a refit came to: the adjustments of those heads that are
// better with them, made for one version of the reader. It never changes.
type Document struct {
	Reader string              `json:"reader"`
	Heads  map[Head]Adjustment `json:"heads"`
}

// ID names a document by what it says: 8 hexadecimal digits. Two of the same
// numbers are the same.
func (d Document) ID() string {
	b, err := json.Marshal(d) // the keys of a map are sorted
	if err != nil {
		panic(err) // no number of it is NaN or infinite: round sees to that
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:4])
}

// Version names the reader with the adjustments of d.
func (d Document) Version() string { return d.Reader + "+" + d.ID() }

// least is the probability below which one is taken for it: its logarithm is finite.
const least = 1e-6

// Of returns the probabilities p, weighed.
func (a Adjustment) Of(p []float64) []float64 {
	out := make([]float64, len(p))
	a.into(out, p)
	return out
}

func (a Adjustment) into(out, p []float64) {
	most := math.Inf(-1)
	for k, x := range p {
		out[k] = a.Slope*math.Log(max(x, least)) + a.Offsets[k]
		most = max(most, out[k])
	}
	sum := 0.0
	for k := range out {
		out[k] = math.Exp(out[k] - most)
		sum += out[k]
	}
	for k := range out {
		out[k] /= sum
	}
}

// Fits reports whether the adjustment is one of a head of n classes, within the bounds.
func (a Adjustment) Fits(n int) bool {
	if len(a.Offsets) != n || !(a.Slope >= 1./MostSlope && a.Slope <= MostSlope) {
		return false
	}
	for _, b := range a.Offsets {
		if !(math.Abs(b) <= MostOffset) {
			return false
		}
	}
	return true
}

// Case is a text of which somebody said the class.
type Case struct {
	P      []float64 // what the reader gives each class
	Said   int       // the class
	Weight float64   // 1 over the probability with which it was drawn
	Fold   int       // from 0 to Folds-1; texts that are the same share one
}

// Folds is in how many parts the cases are cut: each is judged by what was
// fitted to the others.
const Folds = 10

// penalty is the strength by which offsets are held to 0 and the slope to 1: as
// if each came from a normal distribution with a standard deviation of 0.5. It
// was chosen before anything was measured.
const penalty = 4

// heaviest is how many times the median weight a case weighs at most: one that
// was drawn as by a miracle would decide alone.
const heaviest = 5

// weigh returns the weights of the cases, bounded, and scaled so that together
// they are as many as cases of equal weight that would say as much (Kish,
// "Survey Sampling", 1965).
func weigh(cases []Case) []float64 {
	w := make([]float64, len(cases))
	for i, c := range cases {
		w[i] = c.Weight
	}
	median, _ := stats.Median(w)
	sum, squares := 0.0, 0.0
	for i := range w {
		w[i] = min(w[i], heaviest*median)
		sum, squares = sum+w[i], squares+w[i]*w[i]
	}
	for i := range w {
		w[i] *= sum / squares
	}
	return w
}

// fit returns the adjustment that is likeliest by the cases for which use says
// so, held by penalty and within the bounds.
func fit(cases []Case, weights []float64, use func(i int) bool) (Adjustment, error) {
	classes := len(cases[0].P)
	var rows []int
	for i := range cases {
		if use(i) {
			rows = append(rows, i)
		}
	}
	// v is the offsets, then the slope less 1.
	q := make([]float64, classes)
	as := func(v []float64) Adjustment { return Adjustment{1 + v[classes], v[:classes]} }
	problem := optimize.Problem{
		Func: func(v []float64) float64 {
			loss := 0.0
			for _, x := range v {
				loss += penalty / 2. * x * x
			}
			a := as(v)
			for _, i := range rows {
				a.into(q, cases[i].P)
				loss -= weights[i] * math.Log(max(q[cases[i].Said], 1e-300))
			}
			return loss
		},
		Grad: func(g, v []float64) {
			for j, x := range v {
				g[j] = penalty * x
			}
			a := as(v)
			for _, i := range rows {
				a.into(q, cases[i].P)
				for k := range q {
					r := q[k]
					if k == cases[i].Said {
						r--
					}
					g[k] += weights[i] * r
					g[classes] += weights[i] * r * math.Log(max(cases[i].P[k], least))
				}
			}
		},
	}
	const enough = 1e-5
	res, err := optimize.Minimize(problem, make([]float64, classes+1), &optimize.Settings{GradientThreshold: enough, MajorIterations: 500, Converger: optimize.NeverTerminate{}}, &optimize.LBFGS{})
	if res == nil {
		return Adjustment{}, fmt.Errorf("fit an adjustment: %w", err)
	}
	g := make([]float64, classes+1)
	problem.Grad(g, res.X)
	for _, x := range g {
		// Where the last step can't be told from none, the search ends with an error: near the end that is well.
		if !(math.Abs(x) < 1e-2) {
			return Adjustment{}, fmt.Errorf("fit an adjustment: the search ended too early (%v, %v)", res.Status, err)
		}
	}
	out := Adjustment{Slope: round(min(max(1+res.X[classes], 1./MostSlope), MostSlope))}
	for _, b := range res.X[:classes] {
		out.Offsets = append(out.Offsets, round(min(max(b, -MostOffset), MostOffset)))
	}
	return out, nil
}

// round is x as a multiple of 0.01, and never -0.
func round(x float64) float64 { return math.Round(x*100)/100 + 0 }

// Fit returns the adjustment that all the cases, of one head and at least one, come to.
func Fit(cases []Case) (Adjustment, error) {
	return fit(cases, weigh(cases), func(int) bool { return true })
}
