package main

import (
	"encoding/json"
	"strings"

	"rapport/internal/app"
)

type redriveCommand struct {
	stackFlag
	Queue  string `arg:"" help:"The queue whose dead letters are moved back: deliveries, scoring, feedback, erase …"`
	Match  string `placeholder:"TEXT" help:"Only messages that hold this text."`
	Limit  int    `default:"0" help:"At most so many (all)."`
	DryRun bool   `help:"Show them, and move nothing."`
}

// Help is printed by rapport redrive --help.
func (redriveCommand) Help() string {
	return `Moves messages from a dead-letter queue back to its queue, where they are worked on again: a message is deleted from the one only when the other has it. A line for each says what it is. Doing a message twice changes nothing.

Examples:
  rapport redrive deliveries --dry-run
  rapport redrive deliveries --match app_4kd2 --limit 100`
}

// letter is a line about one message; the body is shown as far as it is short.
type letter struct {
	Moved bool   `json:"moved"`
	Bytes int    `json:"bytes"`
	ID    string `json:"id,omitempty"`
	App   string `json:"app,omitempty"`
	Body  string `json:"body,omitempty"`
}

// maxShown bounds the body that is shown, in bytes.
const maxShown = 300

// Run moves the messages.
func (c *redriveCommand) Run(s *streams) error {
	o, err := app.NewOperator(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	moved, stayed, err := o.Redrive(s.ctx, c.Queue, c.Limit, func(body string) (bool, error) {
		if !strings.Contains(body, c.Match) {
			return false, nil
		}
		var d struct{ ID, App string }
		l := letter{Moved: !c.DryRun, Bytes: len(body)}
		if json.Unmarshal([]byte(body), &d) == nil && d.ID != "" {
			l.ID, l.App = d.ID, d.App
		} else {
			l.Body = strings.ToValidUTF8(body[:min(len(body), maxShown)], "")
		}
		return l.Moved, s.out.Encode(l)
	})
	if err != nil {
		return err
	}
	s.say("%d moved, %d stayed", moved, stayed)
	return nil
}
