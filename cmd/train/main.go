// Command train makes the reader's two models, internal/reading/model/heads.bin,
// and names their version in internal/reading/version.go:
//
//	go run ./cmd/train -vader ../shared/data/vader
//
// It reads VADER's ground-truth sets (four files of id, mean rating of 20
// people from -4 to 4, text) and models/intents.tsv (intent, sentiment, text,
// written for this project). A fifth of each set is held out by a hash of the
// text and the seed; cmd/quality measures on that fifth. An intent counts by
// the root of the number of its sentences: problems are what people write most,
// and the rarer ones are to be heard too. Everything runs in one thread from
// fixed starting values, so the same inputs give the same bytes on the same
// kind of processor. With -check it only prints how well the models do in
// cross-validation on what they train on.
package main

import (
	"bufio"
	"crypto/sha256"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	"rapport/internal/quality"
	"rapport/internal/reading"
)

func main() {
	vader := flag.String("vader", "../shared/data/vader", "folder of VADER's ground-truth sets")
	intents := flag.String("intents", "models/intents.tsv", "sentences with intent and sentiment")
	out := flag.String("out", "internal/reading", "folder of package reading")
	folds := flag.Int("check", 0, "write nothing, print the F1 of cross-validation with so many folds")
	flag.Parse()
	if err := run(*vader, *intents, *out, *folds); err != nil {
		log.Fatal(err)
	}
}

// example is a text's features with the wished-for probability of each class
// and its weight.
type example struct {
	f      reading.Features
	target []float64
	weight float64
	label  int
	tweet  bool
}

func run(vader, intents, out string, folds int) error {
	r := reading.New()
	sentences, err := readIntents(intents)
	if err != nil {
		return err
	}
	count := make([]float64, len(reading.Intents))
	for _, s := range sentences {
		count[s.intent]++
	}
	var sentiment, intent []example
	for _, s := range sentences {
		f := r.Features(s.text)
		sentiment = append(sentiment, example{f: f, target: oneHot(3, s.sentiment), label: s.sentiment, weight: 1})
		intent = append(intent, example{f: f, target: oneHot(len(reading.Intents), s.intent), label: s.intent, weight: 1 / math.Sqrt(count[s.intent])})
	}
	rated, err := quality.ReadVADER(vader)
	if err != nil {
		return err
	}
	for _, x := range rated {
		if quality.HeldOut(x.Text) {
			continue
		}
		sentiment = append(sentiment, example{f: r.Features(x.Text), target: soft(x.Rating),
			label: position(reading.Sentiments, quality.Tone(x.Rating)), weight: setWeight[x.Set], tweet: x.Set == "tweets"})
	}
	if folds > 0 {
		check("sentiment of tweets", sentiment, reading.Sentiments, sentimentPenalty, folds, func(x example) bool { return x.tweet })
		check("intent", intent, reading.Intents, intentPenalty, folds, func(example) bool { return true })
		return nil
	}
	log.Printf("sentiment: %d texts, intent: %d", len(sentiment), len(intent))
	heads := reading.AppendHead(nil, shift(train(sentiment, 3, sentimentPenalty), neutralPrior))
	heads = reading.AppendHead(heads, cool(train(intent, len(reading.Intents), intentPenalty), intent, intentPenalty))
	if err := os.WriteFile(filepath.Join(out, "model", "heads.bin"), heads, 0o644); err != nil {
		return fmt.Errorf("write the models: %w", err)
	}
	return writeVersion(out)
}

// Chosen by check on the training texts alone: the penalties, and how much a
// text of each set counts (what Rapport reads is nearest to tweets).
const (
	sentimentPenalty = 2e-4
	intentPenalty    = 2e-3
	steps            = 60
	// neutralPrior is added to the score of neutral. The rated texts were
	// collected for their opinions; what people write to and of a business holds
	// more that is neutral. In cross-validation on tweets it adds two points of
	// macro-F1.
	neutralPrior = 0.6
)

var setWeight = map[string]float64{"tweets": 1, "amazonReviewSnippets": 0.7, "movieReviewSnippets": 0.15, "nytEditorialSnippets": 0.4}

// check prints the macro-F1 of cross-validation over the examples that count.
func check(name string, xs []example, labels []string, penalty float64, folds int, counts func(example) bool) {
	var want, got []string
	for fold := range folds {
		var in, out []example
		for i, x := range xs {
			switch {
			case i%folds != fold:
				in = append(in, x)
			case counts(x):
				out = append(out, x)
			}
		}
		h := train(in, len(labels), penalty)
		if len(labels) == len(reading.Sentiments) {
			h = shift(h, neutralPrior)
		}
		for _, x := range out {
			best, scores := 0, h.Scores(x.f)
			for c := range scores {
				if scores[c] > scores[best] {
					best = c
				}
			}
			want, got = append(want, labels[x.label]), append(got, labels[best])
		}
	}
	fmt.Printf("%s: macro-F1 %.4f, %d folds, n=%d\n", name, quality.MacroF1(want, got, labels), folds, len(want))
	for _, l := range labels {
		fmt.Printf("  %s %.3f\n", l, quality.F1(want, got, l))
	}
}

// soft spreads a mean rating over the classes: the probability that a rating
// with a normal error of 0.5 is below -0.5, between, or above 0.5.
func soft(rating float64) []float64 {
	below := func(x float64) float64 { return 0.5 * math.Erfc((rating-x)/(0.5*math.Sqrt2)) }
	return []float64{below(-0.5), below(0.5) - below(-0.5), 1 - below(0.5)}
}

func oneHot(n, i int) []float64 {
	p := make([]float64, n)
	p[i] = 1
	return p
}

type sentence struct {
	intent, sentiment int
	text              string
}

func readIntents(path string) ([]sentence, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the sentences: %w", err)
	}
	defer f.Close()
	var out []sentence
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		p := strings.Split(sc.Text(), "\t")
		if len(p) != 3 {
			return nil, fmt.Errorf("%s:%d: %d columns", path, n, len(p))
		}
		s := sentence{intent: position(reading.Intents, p[0]), sentiment: position(reading.Sentiments, p[1]), text: p[2]}
		if s.intent < 0 || s.sentiment < 0 {
			return nil, fmt.Errorf("%s:%d: unknown label %q or %q", path, n, p[0], p[1])
		}
		out = append(out, s)
	}
	return out, sc.Err()
}

func position(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// train fits a head by L-BFGS: mean cross-entropy plus penalty times the
// squared weights.
func train(xs []example, classes int, penalty float64) reading.Head {
	dense, sparse := reading.DenseDim, reading.Buckets
	dim := classes * (1 + dense + sparse)
	total := 0.0
	for _, x := range xs {
		total += x.weight
	}
	// w is bias, then dense, then sparse, each feature's classes side by side.
	p := make([]float64, classes)
	loss := func(grad, w []float64) float64 {
		sum := 0.0
		for i := range grad {
			grad[i] = 0
		}
		for _, x := range xs {
			copy(p, w[:classes])
			for i, v := range x.f.Dense {
				row := w[classes*(1+i) : classes*(2+i)]
				for c := range p {
					p[c] += float64(v) * row[c]
				}
			}
			for i, b := range x.f.Bucket {
				at := classes * (1 + dense + int(b))
				row := w[at : at+classes]
				v := float64(x.f.Value[i])
				for c := range p {
					p[c] += v * row[c]
				}
			}
			top := p[0]
			for _, v := range p {
				top = max(top, v)
			}
			z := 0.0
			for c := range p {
				z += math.Exp(p[c] - top)
			}
			z = top + math.Log(z)
			for c := range p {
				sum -= x.weight * x.target[c] * (p[c] - z)
				p[c] = x.weight * (math.Exp(p[c]-z) - x.target[c]) / total
			}
			for c := range p {
				grad[c] += p[c]
			}
			for i, v := range x.f.Dense {
				row := grad[classes*(1+i) : classes*(2+i)]
				for c := range p {
					row[c] += float64(v) * p[c]
				}
			}
			for i, b := range x.f.Bucket {
				at := classes * (1 + dense + int(b))
				row := grad[at : at+classes]
				v := float64(x.f.Value[i])
				for c := range p {
					row[c] += v * p[c]
				}
			}
		}
		sum /= total
		for i := classes; i < len(w); i++ {
			sum += penalty * w[i] * w[i]
			grad[i] += 2 * penalty * w[i]
		}
		return sum
	}
	w, last := minimise(loss, dim, steps)
	log.Printf("%d classes: loss %.4f", classes, last)
	return quantise(w, classes, dense, sparse)
}

// shift adds to the score of a sentiment head's neutral class.
func shift(h reading.Head, by float32) reading.Head {
	h.Bias[1] += by
	return h
}

// cool divides a head's scores by the temperature that fits best in
// cross-validation (Guo et al. 2017, "On Calibration of Modern Neural
// Networks"): trained on few sentences it is too sure of itself.
func cool(h reading.Head, xs []example, penalty float64) reading.Head {
	const folds = 4
	var scores [][]float64
	var labels []int
	for fold := range folds {
		var in, out []example
		for i, x := range xs {
			if i%folds == fold {
				out = append(out, x)
			} else {
				in = append(in, x)
			}
		}
		part := train(in, h.Classes, penalty)
		for _, x := range out {
			scores, labels = append(scores, part.Scores(x.f)), append(labels, x.label)
		}
	}
	best, least := 1.0, math.Inf(1)
	for t := 0.5; t <= 5; t += 0.05 {
		loss := 0.0
		for i, s := range scores {
			sum := 0.0
			for _, v := range s {
				sum += math.Exp((v - s[labels[i]]) / t)
			}
			loss += math.Log(sum)
		}
		if loss < least {
			best, least = t, loss
		}
	}
	log.Printf("temperature %.2f, cross-validated loss %.3f", best, least/float64(len(scores)))
	for _, list := range [][]float32{h.Bias, h.Scale, h.Dense} {
		for i := range list {
			list[i] /= float32(best)
		}
	}
	return h
}

// minimise finds the minimum of a smooth convex function of dim variables,
// which writes its gradient, from zero, by L-BFGS with ten pairs and halving
// steps (Nocedal and Wright, Numerical Optimization, algorithm 7.4).
func minimise(f func(grad, w []float64) float64, dim, steps int) ([]float64, float64) {
	const memory = 10
	w, grad := make([]float64, dim), make([]float64, dim)
	next, nextGrad, dir := make([]float64, dim), make([]float64, dim), make([]float64, dim)
	var ss, ys [][]float64
	value := f(grad, w)
	for range steps {
		copy(dir, grad)
		a := make([]float64, len(ss))
		for i := len(ss) - 1; i >= 0; i-- {
			a[i] = dot(ss[i], dir) / dot(ss[i], ys[i])
			add(dir, -a[i], ys[i])
		}
		scale := 1.0
		if n := len(ss); n > 0 {
			scale = dot(ss[n-1], ys[n-1]) / dot(ys[n-1], ys[n-1])
		}
		for i := range dir {
			dir[i] *= scale
		}
		for i := range ss {
			add(dir, a[i]-dot(ys[i], dir)/dot(ss[i], ys[i]), ss[i])
		}
		slope := dot(grad, dir)
		step, lower := 1.0, 0.0
		for step > 1e-9 {
			copy(next, w)
			add(next, -step, dir)
			if lower = f(nextGrad, next); lower <= value-1e-4*step*slope {
				break
			}
			step /= 2
		}
		if step <= 1e-9 || value-lower < 1e-9 {
			return w, value
		}
		s, y := make([]float64, dim), make([]float64, dim)
		for i := range s {
			s[i], y[i] = next[i]-w[i], nextGrad[i]-grad[i]
		}
		if dot(s, y) > 0 {
			ss, ys = append(ss, s), append(ys, y)
			if len(ss) > memory {
				ss, ys = ss[1:], ys[1:]
			}
		}
		copy(w, next)
		copy(grad, nextGrad)
		value = lower
	}
	return w, value
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// add adds f times b to a.
func add(a []float64, f float64, b []float64) {
	for i := range a {
		a[i] += f * b[i]
	}
}

// quantise rounds the sparse weights to int8, with one scale per class.
func quantise(w []float64, classes, dense, sparse int) reading.Head {
	h := reading.Head{Classes: classes, Bias: make([]float32, classes), Dense: make([]float32, classes*dense), Scale: make([]float32, classes)}
	q := make([]byte, sparse*classes)
	for c := range classes {
		h.Bias[c] = float32(w[c])
		for i := range dense {
			h.Dense[c*dense+i] = float32(w[classes*(1+i)+c])
		}
		top := 1e-9
		for b := range sparse {
			top = max(top, math.Abs(w[classes*(1+dense+b)+c]))
		}
		h.Scale[c] = float32(top / 127)
		for b := range sparse {
			q[b*classes+c] = byte(int8(math.Round(w[classes*(1+dense+b)+c] / top * 127)))
		}
	}
	h.Sparse = string(q)
	return h
}

// writeVersion names the models by a hash over their files.
func writeVersion(out string) error {
	h := sha256.New()
	for _, name := range []string{"static_vc256.bin", "vocab.txt", "lexicon.txt", "heads.bin"} {
		b, err := os.ReadFile(filepath.Join(out, "model", name))
		if err != nil {
			return fmt.Errorf("hash the models: %w", err)
		}
		h.Write(b)
	}
	text := fmt.Sprintf("package reading\n\n// Version names the reader: the revision of its code, raised by hand when a\n// reading changes, and the first digits of a hash over the files of model/.\n// Written by cmd/train.\nconst Version = \"r1-%x\"\n", h.Sum(nil)[:5])
	return os.WriteFile(filepath.Join(out, "version.go"), []byte(text), 0o644)
}
