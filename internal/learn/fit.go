package learn

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// design is rows as the model sees them: each has one level of each attribute.
type design struct {
	attributes []*Attribute
	first      []int   // by attribute: where the weights of its levels begin; 0 is the intercept
	size       int     // of the weights
	x          []int32 // by row and attribute: the level's weight
	y          []bool
}

// newDesign reads the rows. A level that the rows have but the model has not is
// weight 0's, which stands for the average: see at.
func newDesign(t *Table, attributes []*Attribute, rows []int, positive []bool) *design {
	d := &design{attributes: attributes, size: 1, y: make([]bool, len(rows)), x: make([]int32, len(rows)*len(attributes))}
	for k, a := range attributes {
		d.first = append(d.first, d.size)
		col := &t.columns[a.column]
		at := make([]int32, len(col.words)) // each different text is looked at once
		for code, w := range col.words {
			at[code] = -1
			if l := a.level(w); l >= 0 {
				at[code] = int32(d.size + l)
			}
		}
		for n, i := range rows {
			d.x[n*len(attributes)+k] = at[col.cells[i]]
		}
		d.size += len(a.Levels)
	}
	for n, i := range rows {
		d.y[n] = positive[i]
	}
	return d
}

// row is where the weights of a row stand; -1 for a level that the model does not have.
func (d *design) row(n int) []int32 {
	k := len(d.attributes)
	return d.x[n*k : (n+1)*k]
}

// logit is the log of the odds of a row.
func (d *design) logit(n int, w []float64) float64 {
	z := w[0]
	for _, j := range d.row(n) {
		if j >= 0 {
			z += w[j]
		}
	}
	return z
}

// The bins of a number are held to their neighbours, and weakly to the average, which is all that words
// are held to, with 1.
const (
	smooth = 0.3
	ridge  = 0.1
)

// penalty returns lambda/2 times: the sum of squares of the weights of words (Hoerl
// and Kennard 1970), and for the bins of a number the sum of squared differences of neighbours (Gertheiss and
// Tutz, "Penalized Regression with Ordinal Predictors", International Statistical Review 77, 2009),
// times the number of bins, so that a slope costs about the same in however many bins. It adds its slope to grad, if
// there is one, and its curvature to curve.
func (d *design) penalty(w []float64, lambda float64, grad, curve []float64) (sum float64) {
	add := func(c float64, j, i int) { // c/2 (w[j]-w[i])²; i < 0: c/2 w[j]²
		diff := w[j]
		if i >= 0 {
			diff -= w[i]
		}
		sum += c / 2 * diff * diff
		if grad != nil {
			grad[j] += c * diff
			if i >= 0 {
				grad[i] -= c * diff
			}
		}
		if curve != nil {
			curve[j] += c
			if i >= 0 {
				curve[i] += c
			}
		}
	}
	for k, a := range d.attributes {
		bins := 0
		if a.Shape != Words {
			bins = len(a.cuts) + 1
		}
		for l := range a.Levels {
			j := d.first[k] + l
			c := lambda
			if l < bins {
				c *= ridge
				if l > 0 {
					add(smooth*lambda*float64(bins), j, j-1)
				}
			}
			add(c, j, -1)
		}
	}
	return sum
}

// fit returns the weights with the least logistic loss on the rows for which
// use says so (nil: all), penalised by lambda, beginning at start.
func (d *design) fit(lambda float64, start []float64, use func(n int) bool) ([]float64, error) {
	var rows []int
	positives := 0
	for n, y := range d.y {
		if use == nil || use(n) {
			rows = append(rows, n)
			positives += class(y)
		}
	}
	// The search is over weights scaled by the curvature that they would have at the average, so
	// that frequent and rare levels are found alike fast.
	share := (float64(positives) + 0.5) / (float64(len(rows)) + 1)
	scale := make([]float64, d.size)
	for _, n := range rows {
		scale[0]++
		for _, j := range d.row(n) {
			if j >= 0 {
				scale[j]++
			}
		}
	}
	for j := range scale {
		scale[j] *= share * (1 - share)
	}
	d.penalty(make([]float64, d.size), lambda, nil, scale)
	for j := range scale {
		scale[j] = 1 / math.Sqrt(scale[j]+1e-9)
	}
	w := make([]float64, d.size)
	grad := make([]float64, d.size)
	last, loss := make([]float64, d.size), math.NaN()
	evaluate := func(v []float64) {
		if !math.IsNaN(loss) && equal(v, last) {
			return
		}
		copy(last, v)
		for j := range w {
			w[j], grad[j] = v[j]*scale[j], 0
		}
		loss = d.penalty(w, lambda, grad, nil)
		for _, n := range rows {
			z := d.logit(n, w)
			l, r := logLoss(z, d.y[n])
			loss += l
			grad[0] += r
			for _, j := range d.row(n) {
				if j >= 0 {
					grad[j] += r
				}
			}
		}
		for j := range grad {
			grad[j] *= scale[j]
		}
	}
	begin := make([]float64, d.size)
	for j := range begin {
		if start != nil {
			begin[j] = start[j] / scale[j]
		} else if j == 0 {
			begin[j] = math.Log(share/(1-share)) / scale[0]
		}
	}
	problem := optimize.Problem{
		Func: func(v []float64) float64 { evaluate(v); return loss },
		Grad: func(g, v []float64) { evaluate(v); copy(g, grad) },
	}
	// In these units half the squared gradient is about the loss that is left to gain.
	const enough = 1e-3
	res, err := optimize.Minimize(problem, begin, &optimize.Settings{GradientThreshold: enough, MajorIterations: 1000, Converger: optimize.NeverTerminate{}}, &optimize.LBFGS{})
	if res == nil {
		return nil, fmt.Errorf("fit the weights: %w", err)
	}
	evaluate(res.X)
	for _, g := range grad {
		// Where the last step can't be told from none, the search ends with an error: near the end that is well.
		if math.Abs(g) > 100*enough {
			return nil, fmt.Errorf("fit the weights: the search ended too early (%v, %v)", res.Status, err)
		}
	}
	out := make([]float64, d.size)
	for j := range out {
		out[j] = res.X[j] * scale[j]
	}
	return out, nil
}

func equal(a, b []float64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// logLoss returns the loss -ln P(y) at log odds z, and its slope.
func logLoss(z float64, y bool) (loss, slope float64) {
	if y {
		z = -z
	}
	e := math.Exp(-math.Abs(z)) // ln(1+e^z) without overflow
	loss = max(z, 0) + math.Log1p(e)
	slope = 1 / (1 + e)
	if z < 0 {
		slope = e / (1 + e)
	}
	if y {
		slope = -slope
	}
	return loss, slope
}
