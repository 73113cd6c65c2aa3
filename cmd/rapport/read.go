package main

import (
	"fmt"
	"slices"
	"strings"

	"rapport/internal/langid"
	"rapport/internal/platform"
	"rapport/internal/reading"
)

type readCommand struct {
	CSV       bool     `name:"csv" help:"Read CSV with a header: a column text, and id if there is one."`
	Languages []string `placeholder:"de,en" help:"Languages that the texts are expected in (ISO 639-1): a text under 40 bytes is in one of these."`
}

// Help is printed by rapport read --help.
func (readCommand) Help() string {
	return `Reads {"id","text"} lines and prints for each {"id","language","sentiment":{"label","p"},"intent":{"label","p"},"reader"}: the very readings that the service makes. Without an id the number of the text stands for it.

Examples:
  echo '{"id":"1","text":"the app crashes again"}' | rapport read
  rapport read --csv < reviews.csv
  rapport read --languages de,en < tickets.jsonl`
}

type readLine struct {
	ID        platform.ID   `json:"id"`
	Language  string        `json:"language"`
	Sentiment readSentiment `json:"sentiment"`
	Intent    readIntent    `json:"intent"`
	Severity  int           `json:"severity"`
	// As the first message of somebody, and after what the business said.
	NeedsAnswer      float64 `json:"needs_answer"`
	NeedsAnswerAfter float64 `json:"needs_answer_after"`
	Reader           string  `json:"reader"`
}

type readSentiment struct {
	Label string            `json:"label"`
	P     readProbabilities `json:"p"`
}

type readProbabilities struct {
	Negative float64 `json:"negative"`
	Neutral  float64 `json:"neutral"`
	Positive float64 `json:"positive"`
}

type readIntent struct {
	Label string  `json:"label"`
	P     float64 `json:"p"`
}

// Run reads texts.
func (c *readCommand) Run(s *streams) error {
	known := langid.Languages()
	for _, l := range c.Languages {
		if !slices.Contains(known, l) {
			return fmt.Errorf("--languages: %q is none of the languages that are told apart: %s", l, strings.Join(known, ", "))
		}
	}
	reader, err := reading.New()
	if err != nil {
		return err
	}
	return texts(s.in, c.CSV, func(t text) error {
		r := reader.Read(t.Text, c.Languages...)
		return s.out.Encode(readLine{ID: t.ID, Language: r.Language, Reader: reading.Version,
			Sentiment: readSentiment{r.Sentiment.Label, readProbabilities{r.Sentiment.Negative, r.Sentiment.Neutral, r.Sentiment.Positive}},
			Intent:    readIntent(r.Intent), Severity: r.Severity, NeedsAnswer: r.NeedsAnswer, NeedsAnswerAfter: r.NeedsAnswerAfter})
	})
}
