package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"rapport/internal/app/operator"
	"rapport/internal/fault"
)

type redriveCommand struct {
	stackFlag
	Queue  string `arg:"" help:"The queue whose dead letters are moved back: deliveries, scoring, feedback, erase, bulk or mail."`
	Match  string `placeholder:"TEXT" help:"Only messages that hold this text; a delivery's own body is in base64."`
	Limit  int    `default:"0" help:"At most so many (all)."`
	DryRun bool   `help:"Show them, and move nothing."`
}

// Help is printed by rapport redrive --help.
func (redriveCommand) Help() string {
	return `Moves messages from a dead-letter queue back to its queue, where they are worked on again: a message is deleted from the one only when the other has it. What SES told of mail came by no queue: the function mail is called with it again. A line for each says what it is. Doing a message twice changes nothing.

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

// letterOf says what a message is: a delivery by its id and app, anything else by its beginning.
func letterOf(body string) letter {
	l := letter{Bytes: len(body)}
	var d struct{ ID, App string }
	if json.Unmarshal([]byte(body), &d) == nil && d.ID != "" {
		l.ID, l.App = d.ID, d.App
	} else {
		l.Body = strings.ToValidUTF8(body[:min(len(body), maxShown)], "")
	}
	return l
}

// Run moves the messages. A message's line is written when it is known what
// became of it: when the next one is looked at, or at the end.
func (c *redriveCommand) Run(s *streams) error {
	if c.Limit < 0 {
		return misused("--limit %d is negative", c.Limit)
	}
	o, err := operator.New(s.ctx, c.Stack)
	if err != nil {
		return err
	}
	var last *letter
	taken := 0
	moved, stayed, err := o.Redrive(s.ctx, c.Queue, c.Limit, func(body string) (bool, error) {
		if last != nil {
			if err := s.out.Encode(last); err != nil {
				return false, err
			}
			last = nil
		}
		if !strings.Contains(body, c.Match) || c.Limit > 0 && taken >= c.Limit {
			return false, nil
		}
		taken++
		l := letterOf(body)
		l.Moved = !c.DryRun
		last = &l
		return l.Moved, nil
	})
	if last != nil {
		last.Moved = !c.DryRun && moved == taken
		if encoded := s.out.Encode(last); err == nil {
			err = encoded
		}
	}
	if fault.Is(err, fault.Invalid) {
		return misuse{err}
	}
	if err != nil {
		return fmt.Errorf("after %d were moved: %w", moved, err)
	}
	s.say("%d moved; %d looked at and left", moved, stayed)
	return nil
}
