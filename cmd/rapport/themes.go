package main

import (
	"encoding/json"
	"fmt"
	"os"

	"rapport/internal/platform"
	"rapport/internal/theme"
)

type themesCommand struct {
	K        int    `name:"k" help:"How many clusters to look for; 0 lets the texts decide."`
	Seed     uint64 `default:"1" help:"Of the search (${default}): the same texts and seed give the same themes."`
	CSV      bool   `name:"csv" help:"Read CSV with a header: a column text, and id and person if there are."`
	Previous string `placeholder:"FILE" help:"The set of themes whose ids are to last."`
	Set      string `placeholder:"FILE" xor:"set" help:"Find no themes: assign the texts to those of this set."`
	SetOut   string `placeholder:"FILE" xor:"set" help:"Write the set of themes to this file."`
}

// Help is printed by rapport themes --help.
func (themesCommand) Help() string {
	return `Reads all of standard input, {"id","text"} lines, finds what many people talk about and prints for each text {"id","theme","label","similarity"}; theme and label are empty for a text that is near no theme. "person" may say who wrote a text: a person has one voice, however many texts. Without an id the number of the text stands for it.

A CSV's other columns are passed over, so a labelled set such as text,category can be read as it is.

Examples:
  rapport themes --k 20 --set-out set.json < texts.jsonl
  rapport themes --csv --k 77 --seed 1 < test.csv
  rapport themes --set set.json < new.jsonl`
}

type themeLine struct {
	ID         platform.ID `json:"id"`
	Theme      string      `json:"theme"`
	Label      string      `json:"label"`
	Similarity float64     `json:"similarity"`
}

// Run finds themes, or takes those of a set, and assigns the texts to them.
func (c *themesCommand) Run(s *streams) error {
	if c.K < 0 {
		return misused("--k %d is negative", c.K)
	}
	if c.Set != "" && (c.Previous != "" || c.K != 0) {
		return misused("--set finds no themes: it goes without --k and --previous")
	}
	var docs []theme.Doc
	err := texts(s.in, c.CSV, func(t text) error {
		docs = append(docs, theme.Doc{ID: string(t.ID), Person: string(t.Person), Text: t.Text})
		return nil
	})
	if err != nil {
		return err
	}
	set, err := c.set(docs)
	if err != nil {
		return err
	}
	if c.SetOut != "" {
		b, err := json.Marshal(set)
		if err == nil {
			err = os.WriteFile(c.SetOut, append(b, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write the set of themes: %w", err)
		}
	}
	assigner, assigned := theme.NewAssigner(set), 0
	for _, d := range docs {
		a := assigner.Assign(d.Text)
		if a.OK {
			assigned++
		}
		if err := s.out.Encode(themeLine{platform.ID(d.ID), a.ThemeID, a.Label, a.Similarity}); err != nil {
			return err
		}
	}
	s.say("%d texts, %d themes, %d texts assigned", len(docs), len(set.Themes), assigned)
	return nil
}

func (c *themesCommand) set(docs []theme.Doc) (theme.Set, error) {
	if c.Set != "" {
		return readSet(c.Set)
	}
	o := theme.Options{K: c.K, Seed: c.Seed}
	if c.Previous != "" {
		previous, err := readSet(c.Previous)
		if err != nil {
			return theme.Set{}, err
		}
		o.Previous = &previous
	}
	return theme.Discover(docs, o)
}

func readSet(file string) (theme.Set, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return theme.Set{}, fmt.Errorf("read the set of themes: %w", err)
	}
	set, err := theme.Parse(b)
	if err != nil {
		return set, fmt.Errorf("%s: %w", file, err)
	}
	return set, nil
}
