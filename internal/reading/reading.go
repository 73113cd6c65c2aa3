// Package reading says what a text says: its language, its sentiment and
// intent, how severe what it tells is, and whether it needs an answer. A
// reading is a pure function of the text and of the reader's Version.
//
// Package langid tells the language. Package encoder turns the text into a
// vector, in which meaning stands whatever the language; of that, linear models
// tell the probabilities. The encoder's last layers and the linear models are
// the project's own; see model/MODEL.md for what they were made from and how
// good they are, and models/reader for how they are made.
package reading

import (
	"cmp"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"rapport/internal/encoder"
	"rapport/internal/plain"
	"rapport/internal/refit"
	"rapport/internal/social"
)

// Version names the reader as it comes.
const Version = social.ReaderVersion

//go:embed model/layers.bin
var layersFile []byte

//go:embed model/heads.bin
var headsFile []byte

// Reading is what a text says. All probabilities are from 0 to 1, and
// multiples of 1/4096; of what is unread they are zero.
type Reading struct {
	Language  string // one of langid.Languages, or und where the text shows none
	Sentiment Sentiment
	Intent    Intent
	Severity  int // of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed
	// The probabilities that the text needs an answer: as the first message of
	// somebody, and as one that follows what the business said.
	NeedsAnswer, NeedsAnswerAfter float64
}

// Sentiment is a label and the probability of each; the three sum to 1.
type Sentiment struct {
	Label                       string
	Negative, Neutral, Positive float64
}

// Intent is the most probable of social.Intents with its probability.
type Intent struct {
	Label string
	P     float64
}

// VersionBy is Version with the id of the adjustments by which texts are read:
// those of d, where they were made for this Version. d may be nil.
func VersionBy(d *refit.Document) string {
	if !adjusts(d) {
		return Version
	}
	return d.Version()
}

// adjusts reports whether d adjusts this reader. One that was made for another
// Version says nothing of it, nor does one out of its bounds.
func adjusts(d *refit.Document) bool {
	if d == nil || d.Reader != Version {
		return false
	}
	for h, a := range d.Heads {
		if !a.Fits(classes[h]) {
			return false
		}
	}
	return true
}

// classes is how many classes each head has that can be adjusted.
var classes = map[refit.Head]int{refit.Sentiment: outputs[sentiment], refit.Intent: outputs[intent], refit.Severity: outputs[severity], refit.NeedsAnswer: 2}

// Kept is what an activity keeps of a reading of the reader as it comes.
func (r Reading) Kept() social.Reading {
	return social.Reading{Reader: Version, Language: r.Language, Sentiment: r.Sentiment.Label, Negative: hundredths(r.Sentiment.Negative), Intent: r.Intent.Label, Severity: r.Severity,
		NeedsAnswer: hundredths(r.NeedsAnswer), NeedsAnswerAfter: hundredths(r.NeedsAnswerAfter)}
}

// KeptBy is what an activity keeps of text, read as by ReadBy.
func (r *Reader) KeptBy(d *refit.Document, text string, expected ...string) social.Reading {
	k := r.ReadBy(d, text, expected...).Kept()
	k.Reader = VersionBy(d)
	return k
}

// hundredths rounds a probability to two decimals.
func hundredths(p float64) float64 { return float64(int(p*100+0.5)) / 100 }

// Reader reads texts. It is safe for concurrent use.
type Reader struct {
	encoder *encoder.Encoder
	heads   [heads]head
	recent  *recent
}

// Open returns the reader over the encoder's weights, the bytes of
// e5-small-q4.bin, which must stay as they are.
func Open(weights []byte) (*Reader, error) {
	e, err := encoder.Open(weights, layersFile)
	if err != nil {
		return nil, err
	}
	h, err := openHeads(headsFile)
	if err != nil {
		return nil, err
	}
	return &Reader{encoder: e, heads: h}, nil
}

// Remembering returns the reader, which then remembers what it computed of the
// last texts: one that is read once more, as by a workspace's adjustments, is
// not computed again.
func (r *Reader) Remembering() *Reader {
	return &Reader{r.encoder, r.heads, &recent{of: map[string][heads][]float64{}}}
}

// recent is what was computed of the last texts, at most mostRecent.
type recent struct {
	mu sync.Mutex
	of map[string][heads][]float64
}

// mostRecent texts are about those of a batch of deliveries, and at most some megabytes.
const mostRecent = 1000

// layer is where the weights lie in Lambda: template.yaml's ReaderLayer.
const layer = "/opt/e5-small-q4.bin"

// File is where the encoder's weights lie: READER_WEIGHTS, else the layer,
// else where local/weights.py puts them.
func File() (string, error) {
	if f := os.Getenv("READER_WEIGHTS"); f != "" {
		return f, nil
	}
	if _, err := os.Stat(layer); err == nil {
		return layer, nil
	}
	home, err := os.UserHomeDir() // not UserCacheDir, which is elsewhere on a Mac than where the tools of local/ put things
	return filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "rapport", "e5-small-q4.bin"), err
}

// New returns the reader over the weights that lie in File. Opening takes 0.1
// seconds and 170 MB.
func New() (*Reader, error) {
	file, err := File()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the reader's weights, which python3 local/weights.py fetches, can't be read: %w", err)
	}
	return Open(b)
}

// boilerplate is what stands in place of words where somebody answered a form in a
// chat: WhatsApp's Flows say it, in English everywhere.
const boilerplate = "Sent"

// Read says what text says. It reads at most plain.Most runes: of a long text
// its beginning, its end, and parts between. A text in a language that is not
// read is unread: only its language is told. What has no letters, as emoji, is
// read in any language. Emoji alone, and marks such as ★☆☆☆☆, 4/5 or "Are you satisfied? 2", are read by
// the tables of package social. The language of a short text is one of those
// expected, codes of langid.Languages; none given: any.
func (r *Reader) Read(text string, expected ...string) Reading {
	return r.ReadBy(nil, text, expected...)
}

// ReadBy is Read with the adjustments of d, if they are made for this reader.
func (r *Reader) ReadBy(d *refit.Document, text string, expected ...string) Reading {
	text = plain.Text(text)
	language, read := languageOf(text, expected)
	if !read {
		return Reading{Language: language, Sentiment: Sentiment{Label: social.SentimentUnread}, Intent: Intent{Label: social.IntentUnread}}
	}
	out := Reading{Language: language}
	if text == "" || text == boilerplate {
		out.Sentiment, out.Intent = Sentiment{Label: social.SentimentNeutral, Neutral: 1}, Intent{social.IntentChatter, 1}
		return out
	}
	if s, ok := mark(text); ok {
		m := marked(s)
		m.Language = language
		return m
	}
	p := r.probabilities(text)
	if adjusts(d) {
		p = adjusted(d, p)
	}
	s := p[sentiment]
	out.Sentiment = Sentiment{Negative: grid(s[0]), Positive: grid(s[2])}
	out.Sentiment.Neutral = 1 - out.Sentiment.Negative - out.Sentiment.Positive
	out.Sentiment.Label = social.Sentiments[argmax([]float64{out.Sentiment.Negative, out.Sentiment.Neutral, out.Sentiment.Positive})]
	best := argmax(p[intent])
	out.Intent = Intent{social.Intents[best], grid(p[intent][best])}
	out.Severity = argmax(p[severity])
	out.NeedsAnswer, out.NeedsAnswerAfter = grid(p[answer][0]), grid(p[answerAfter][0])
	if s, ok := signs(text); ok {
		out.Sentiment = certain(s)
		if s != social.SentimentNegative { // 👍 asks nothing
			out.NeedsAnswer, out.NeedsAnswerAfter = unlikely, unlikely
		}
	}
	return out
}

// Chances are the probabilities that the heads give a text, as they come; ok is
// false for what is not read by them: see Read. Of emoji alone, which decide
// the sentiment and whether an answer is needed, those heads are left out.
func (r *Reader) Chances(text string, expected ...string) (c refit.Chances, ok bool) {
	text = plain.Text(text)
	if _, read := languageOf(text, expected); !read || text == "" {
		return nil, false
	}
	if _, ok := mark(text); ok {
		return nil, false
	}
	p := r.probabilities(text)
	c = refit.Chances{refit.Intent: p[intent], refit.Severity: p[severity]}
	if _, decided := signs(text); !decided {
		c[refit.Sentiment], c[refit.NeedsAnswer] = p[sentiment], []float64{1 - p[answer][0], p[answer][0]}
	}
	return c, true
}

// adjusted are the probabilities p, weighed by d. What is said of a message
// after one of the business stays: no label is of that.
func adjusted(d *refit.Document, p [heads][]float64) [heads][]float64 {
	for h, at := range map[refit.Head]int{refit.Sentiment: sentiment, refit.Intent: intent, refit.Severity: severity} {
		if a, ok := d.Heads[h]; ok {
			p[at] = a.Of(p[at])
		}
	}
	if a, ok := d.Heads[refit.NeedsAnswer]; ok {
		p[answer] = a.Of([]float64{1 - p[answer][0], p[answer][0]})[1:]
	}
	return p
}

// probabilities are those of each head; they are not to be changed. A text of
// several windows needs an answer if one of them does; what else it says is the
// mean of what they say.
func (r *Reader) probabilities(text string) (p [heads][]float64) {
	if r.recent != nil {
		r.recent.mu.Lock()
		known, ok := r.recent.of[text]
		r.recent.mu.Unlock()
		if ok {
			return known
		}
		defer func() {
			r.recent.mu.Lock()
			defer r.recent.mu.Unlock()
			if len(r.recent.of) >= mostRecent {
				clear(r.recent.of)
			}
			r.recent.of[text] = p
		}()
	}
	parts := windows(text)
	for i, part := range parts {
		v := r.encoder.Encode(part)
		for h := range p {
			q := r.heads[h].probabilities(v)
			if i == 0 {
				p[h] = make([]float64, len(q))
			}
			for k, x := range q {
				if h == answer || h == answerAfter {
					p[h][k] = max(p[h][k], x)
				} else {
					p[h][k] += x / float64(len(parts))
				}
			}
		}
	}
	feels := p[sentiment]
	if s, ok := signs(text); ok {
		feels = []float64{0, 0, 0}
		feels[slices.Index(social.Sentiments, s)] = 1
	}
	p[intent] = consistent(p[intent], feels)
	return p
}

// grid rounds a probability down to a multiple of 1/4096, so that the last
// bits, in which processors may differ, are no part of a reading.
func grid(p float64) float64 { return float64(int(p*4096)) / 4096 }

// without says which sentiment a text with an intent never has: in the
// sentences that the reader is trained on one in fifty at most. Praise that is
// negative is sarcasm, a recommendation that is negative advises against.
var without = map[string][]int{
	social.IntentComplaint:      {1, 2},
	social.IntentProblem:        {2},
	social.IntentQuestion:       {2},
	social.IntentPraise:         {0, 1},
	social.IntentRecommendation: {0},
	social.IntentPurchase:       {0},
	social.IntentClosing:        {0},
	social.IntentSpam:           {0},
}

// consistent weighs each intent's probability by that of the sentiments that a
// text with it may have: the two heads are trained apart, and only together
// they tell who recommends from who advises against.
func consistent(intents, sentiments []float64) []float64 {
	out, sum := make([]float64, len(intents)), 0.0
	for i, p := range intents {
		fits := 1.0
		for _, s := range without[social.Intents[i]] {
			fits -= sentiments[s]
		}
		out[i] = p * max(fits, 0)
		sum += out[i]
	}
	for i := range out {
		out[i] /= max(sum, 1e-9)
	}
	return out
}

// argmax returns the index of the largest; of equals the first.
func argmax(p []float64) int {
	best := 0
	for i := range p {
		if p[i] > p[best] {
			best = i
		}
	}
	return best
}
