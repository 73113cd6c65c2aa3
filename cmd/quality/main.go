// Command quality prints how good the text models are, and how well accounts
// are grouped into persons, one figure a line:
// name, value and unit, then the interval and what it rests on. It reads
// public labelled sets that are not part of the project, and says which are
// absent:
//
//	go run ./cmd/quality -data ../shared/data
//
// The interval of an F1 is a 95 % bootstrap interval over texts or persons, that
// of a clustering the least and the greatest over five seeds, that of a refit
// where 95 % of the draws of labels lie.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"rapport/internal/quality"
	"rapport/internal/reading"
)

const runs = 5

func main() {
	data := flag.String("data", "../shared/data", "folder of the labelled sets")
	only := flag.String("only", "", "measure on the set of this name alone")
	flag.Parse()
	if err := run(*data, *only); err != nil {
		log.Fatal(err)
	}
}

func run(data, only string) error {
	r, err := reading.New()
	if err != nil {
		return err
	}
	fmt.Printf("# reader %s, seed %d, %s/%s\n", reading.Version, quality.Seed, runtime.GOOS, runtime.GOARCH)
	for _, part := range []struct {
		name    string
		measure func(folder string) ([]quality.Figure, error)
	}{
		{"banking77", func(folder string) ([]quality.Figure, error) {
			texts, err := quality.ReadBanking(folder, "test")
			if err != nil {
				return nil, err
			}
			return quality.Themes("banking77", texts, 77, runs)
		}},
		{"clinc150", func(folder string) ([]quality.Figure, error) {
			texts, err := quality.ReadCLINC(folder, "test")
			if err != nil {
				return nil, err
			}
			return quality.Themes("clinc150", texts, 150, runs)
		}},
		{"community", func(string) ([]quality.Figure, error) {
			said, err := quality.ReadCommunity(filepath.FromSlash("internal/quality/testdata"))
			if err != nil {
				return nil, err
			}
			var all []quality.Labelled
			languages := slices.Sorted(maps.Keys(said))
			for _, language := range languages {
				all = append(all, said[language]...)
			}
			said["mixed"] = all
			said["en_and_de"] = append(slices.Clone(said["en"]), said["de"]...)
			var out []quality.Figure
			for _, language := range append(languages, "en_and_de", "mixed") {
				ten, err := quality.Themes("community_"+language, said[language], 10, runs)
				if err != nil {
					return nil, err
				}
				free, err := quality.Themes("community_"+language+"_free", said[language], 0, runs) // the texts decide how many
				if err != nil {
					return nil, err
				}
				out = append(append(out, ten...), free...)
			}
			return out, nil
		}},
		{"vader", func(folder string) ([]quality.Figure, error) {
			rated, err := quality.ReadVADER(folder)
			if err != nil {
				return nil, err
			}
			var out []quality.Figure
			for _, set := range []string{"tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets"} {
				out = append(out, quality.Sentiment(r, rated, set)...)
			}
			return append(out, speed(r, rated)...), nil
		}},
		{"umsab", func(folder string) ([]quality.Figure, error) {
			tweets, err := quality.ReadUMSAB(folder)
			if err != nil {
				return nil, err
			}
			var out []quality.Figure
			for _, language := range slices.Sorted(maps.Keys(tweets)) {
				out = append(out, quality.Tweets(r, language, tweets[language])...)
				refitted, err := refits(r, "tweets_"+language, tweets[language])
				if err != nil {
					return nil, err
				}
				out = append(out, refitted...)
			}
			return out, nil
		}},
		{"twcs", func(folder string) ([]quality.Figure, error) {
			of, err := quality.ReadSupport(filepath.FromSlash("internal/quality/testdata/needs_answer.tsv"), folder)
			if err != nil {
				return nil, err
			}
			labelled := make([]quality.Labelled, len(of))
			for i, x := range of {
				labelled[i] = quality.Labelled{Text: x.Text, Label: x.Sentiment}
			}
			refitted, err := refits(r, "support", labelled)
			return append(quality.NeedsAnswer(r, "needs_answer", of), refitted...), err
		}},
		{"answers", func(string) ([]quality.Figure, error) {
			said, err := quality.ReadAnswers(filepath.FromSlash("internal/quality/testdata"))
			if err != nil {
				return nil, err
			}
			var out []quality.Figure
			var all []quality.Support
			for _, language := range slices.Sorted(maps.Keys(said)) {
				all = append(all, said[language]...)
				out = append(out, quality.NeedsAnswer(r, "needs_answer_"+language, said[language])...)
			}
			return append(out, quality.NeedsAnswer(r, "needs_answer_seven", all)...), nil
		}},
		{"app_reviews", func(folder string) ([]quality.Figure, error) {
			reviews, err := quality.ReadAppReviews(folder)
			if err != nil {
				return nil, err
			}
			return quality.Intents(r, reviews), nil
		}},
		{"febrl", func(folder string) ([]quality.Figure, error) {
			var out []quality.Figure
			for _, set := range []struct {
				name  string
				files []string
			}{{"febrl_4", []string{"dataset4a.csv", "dataset4b.csv"}}, {"febrl_3", []string{"dataset3.csv"}}} {
				known, err := quality.ReadFebrl(folder, set.files...)
				if err != nil {
					return nil, err
				}
				out = append(out, quality.People(set.name, known)...)
			}
			return out, nil
		}},
		{"people", func(string) ([]quality.Figure, error) {
			out, err := quality.Names(filepath.FromSlash("internal/quality/testdata/names.tsv"))
			if err != nil {
				return nil, err
			}
			out = append(out, quality.People("made_rows", quality.Rows(quality.Seed, 1000))...)
			return append(out, quality.People("made_community", quality.Community(quality.Seed, 3000))...), nil
		}},
	} {
		if only != "" && part.name != only {
			continue
		}
		figures, err := part.measure(filepath.Join(data, part.name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			fmt.Printf("# %s is absent from %s: not measured\n", part.name, data)
			continue
		case err != nil:
			return err
		}
		for _, f := range figures {
			fmt.Printf("%s %.4g %s", f.Name, f.Value, f.Unit)
			if !math.IsNaN(f.Low) {
				fmt.Printf(" [%.4g, %.4g]", f.Low, f.High)
			}
			fmt.Printf(" n=%d\n", f.N)
		}
	}
	return nil
}

// refits are the figures of refits to 100 and to 200 labels.
func refits(r *reading.Reader, name string, texts []quality.Labelled) ([]quality.Figure, error) {
	told := quality.SentimentsTold(r, texts)
	var out []quality.Figure
	for _, n := range []int{100, 200} {
		figures, err := quality.Refits(name, told, n)
		if err != nil {
			return nil, err
		}
		out = append(out, figures...)
	}
	return out, nil
}

// speed times Read over the first hundred tweets, in one thread.
func speed(r *reading.Reader, rated []quality.Rated) []quality.Figure {
	n := 0
	start := time.Now()
	for _, x := range rated {
		if x.Set != "tweets" || n == 100 {
			continue
		}
		r.Read(x.Text)
		n++
	}
	if n == 0 {
		return nil
	}
	return []quality.Figure{{Name: "read_time", Value: float64(time.Since(start).Milliseconds()) / float64(n), Low: math.NaN(), High: math.NaN(), Unit: "ms/text", N: n}}
}
