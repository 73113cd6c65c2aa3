// Package quality reads the public sets the text models are measured on, and
// holds the measures: normalised mutual information, F1 and their intervals.
// The sets are not part of the project; what reads them says when they are
// absent.
package quality

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rapport/internal/social"
)

// Rated is a text with the mean of 20 people's ratings of it, -4 to 4.
type Rated struct {
	Set    string // the file it is from, such as "tweets"
	Rating float64
	Text   string
}

// Labelled is a text with the label that people gave it.
type Labelled struct{ Text, Label string }

// ReadVADER reads the four ground-truth sets of VADER (MIT).
func ReadVADER(folder string) ([]Rated, error) {
	var out []Rated
	for _, set := range []string{"tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets"} {
		f, err := os.Open(filepath.Join(folder, set+"_GroundTruth.txt"))
		if err != nil {
			return nil, fmt.Errorf("open ground truth: %w", err)
		}
		defer f.Close()
		sc := bufio.NewScanner(f)
		for sc.Scan() {
			p := strings.SplitN(sc.Text(), "\t", 3)
			if len(p) != 3 {
				continue
			}
			rating, err := strconv.ParseFloat(p[1], 64)
			if err != nil {
				return nil, fmt.Errorf("rating of %s %q: %w", set, p[0], err)
			}
			out = append(out, Rated{Set: set, Rating: rating, Text: strings.ToValidUTF8(p[2], "")})
		}
		if err := sc.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", set, err)
		}
	}
	return out, nil
}

// Seed is the seed of everything random in measuring and of the split.
const Seed = 20261121

// HeldOut reports whether a text of VADER's sets is for measuring only: about
// a fifth of them, by a hash of its letters and digits and the seed, so that
// two copies of one text stand on the same side.
func HeldOut(text string) bool {
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(text))
	sum := sha256.Sum256([]byte(strconv.Itoa(Seed) + letters))
	return sum[0] < 51
}

// ReadBanking reads a split of Banking77 (CC BY 4.0): "test" or "train".
func ReadBanking(folder, split string) ([]Labelled, error) {
	return readTable(filepath.Join(folder, split+".csv"), ',', 0, 1)
}

// ReadCommunity reads what is said in a made support community, by language: ten
// themes in each. It was written for this project, and is for measuring alone.
func ReadCommunity(folder string) (map[string][]Labelled, error) {
	out := map[string][]Labelled{}
	err := eachLanguage(folder, "themes_", 2, func(language string, x []string) {
		out[language] = append(out[language], Labelled{Text: x[1], Label: x[0]})
	})
	return out, err
}

// eachLanguage calls each with the columns of every line but the first of
// folder's files of the seven languages, whose names begin with prefix.
func eachLanguage(folder, prefix string, columns int, each func(language string, x []string)) error {
	for _, language := range []string{"de", "en", "es", "fr", "it", "nl", "pt"} {
		path := filepath.Join(folder, prefix+language+".tsv")
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("open labelled texts: %w", err)
		}
		for i, line := range strings.Split(strings.TrimRight(string(b), "\n"), "\n") {
			x := strings.Split(line, "\t")
			if len(x) != columns {
				return fmt.Errorf("%s:%d: %d columns, want %d", path, i+1, len(x), columns)
			}
			if i > 0 {
				each(language, x)
			}
		}
	}
	return nil
}

// ReadAppReviews reads the labelled app reviews of Panichella et al. 2015.
func ReadAppReviews(folder string) ([]Labelled, error) {
	return readTable(filepath.Join(folder, "panichella_1390.tsv"), '\t', 1, 2)
}

func readTable(path string, comma rune, text, label int) ([]Labelled, error) {
	table, err := rows(path, comma)
	if err != nil {
		return nil, err
	}
	var out []Labelled
	for _, row := range table {
		out = append(out, Labelled{Text: row[text], Label: row[label]})
	}
	return out, nil
}

// ReadCLINC reads a split of CLINC150 (CC BY 3.0), such as "test" or "oos_test".
func ReadCLINC(folder, split string) ([]Labelled, error) {
	b, err := os.ReadFile(filepath.Join(folder, "data_full.json"))
	if err != nil {
		return nil, fmt.Errorf("open labelled texts: %w", err)
	}
	var all map[string][][2]string
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("read CLINC150: %w", err)
	}
	var out []Labelled
	for _, row := range all[split] {
		out = append(out, Labelled{Text: row[0], Label: row[1]})
	}
	return out, nil
}

// ReadUMSAB reads the validation splits of the unified multilingual sentiment
// analysis benchmark (Barbieri et al. 2022, "XLM-T"): tweets by language, as
// the files are named, with the sentiment that people gave them.
func ReadUMSAB(folder string) (map[string][]Labelled, error) {
	out := map[string][]Labelled{}
	files, err := filepath.Glob(filepath.Join(folder, "*.tsv"))
	if err == nil && len(files) == 0 {
		_, err = os.Stat(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("open tweets: %w", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("open tweets: %w", err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".tsv")
		for line := range strings.Lines(string(b)) {
			label, text, ok := strings.Cut(strings.TrimRight(line, "\n"), "\t")
			if i, err := strconv.Atoi(label); ok && err == nil && i >= 0 && i < len(social.Sentiments) {
				out[name] = append(out[name], Labelled{Text: text, Label: social.Sentiments[i]})
			}
		}
	}
	return out, nil
}

// Support is a customer's tweet to a business, of which somebody who read it
// with the message before said whether it is owed an answer, and what it says.
type Support struct {
	Text      string
	After     bool // the message before is the business's
	Owed      bool
	Sentiment string // one of social.Sentiments
}

// ReadSupport reads labels, lines of a tweet's id, 1 where it is owed an
// answer, and its sentiment, and the tweets from a folder with the sample of "Customer Support on Twitter".
func ReadSupport(labels, folder string) ([]Support, error) {
	tweets, err := rows(filepath.Join(folder, "sample.csv"), ',')
	if err != nil {
		return nil, err
	}
	byID := map[string][]string{}
	for _, t := range tweets {
		byID[t[0]] = t
	}
	owed, err := rows(labels, '\t')
	if err != nil {
		return nil, err
	}
	var out []Support
	for _, l := range owed {
		t := byID[l[0]]
		if t == nil {
			return nil, fmt.Errorf("%s: no tweet %s in %s", labels, l[0], folder)
		}
		before := byID[t[6]]
		out = append(out, Support{Text: t[4], After: before != nil && before[2] == "False", Owed: l[1] == "1", Sentiment: l[2]})
	}
	return out, nil
}

// ReadAnswers reads messages to businesses in their own channels, by language,
// and whether an answer is owed. They were written for this project, labelled
// twice, and are for measuring alone.
func ReadAnswers(folder string) (map[string][]Support, error) {
	out := map[string][]Support{}
	err := eachLanguage(folder, "answers_", 3, func(language string, x []string) {
		out[language] = append(out[language], Support{Text: x[1], After: strings.HasPrefix(x[0], "team:"), Owed: x[2] == "1"})
	})
	return out, err
}

// rows are those of a table after its first.
func rows(path string, comma rune) ([][]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open labelled texts: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = comma
	r.LazyQuotes = true
	all, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return all[1:], nil
}
