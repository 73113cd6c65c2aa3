package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/reading"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

type scoreCommand struct {
	Model   string   `placeholder:"FILE" help:"The scoring model, JSON; without it the one a new workspace starts with."`
	AsOf    string   `placeholder:"TIME" help:"The instant to score as of, RFC 3339; without it, for each person that of the newest activity."`
	KnownBy string   `placeholder:"TIME" help:"Leave out what became known later than this, RFC 3339."`
	Files   []string `arg:"" optional:"" name:"file" help:"Files of activities; none, or -, is standard input."`
}

// Help is printed by rapport score --help.
func (scoreCommand) Help() string {
	return `Reads activities, as normalise prints and the API exports them, and prints for each person, in order of the id, {"person","micro_points","points","grade","engagement","as_of","contributions"}. The points are the sum of the contributions, exactly. An activity without a person belongs to its actor's account; lines with "ignored" or "parked" are passed over. A text that comes without language, sentiment and intent is read first, as the service does.

Examples:
  rapport score --as-of 2026-11-22T00:00:00Z activities.jsonl
  rapport normalise --platform meta *.json | rapport score --model model.json --as-of 2026-11-22T00:00:00Z`
}

type scoreLine struct {
	Person        string             `json:"person"`
	Micro         int64              `json:"micro_points"`
	Points        string             `json:"points"`
	Grade         string             `json:"grade"`
	Engagement    int                `json:"engagement"`
	Model         string             `json:"model"`
	AsOf          string             `json:"as_of"`
	Contributions []contributionLine `json:"contributions"`
}

type contributionLine struct {
	Rule     string   `json:"rule"`
	Micro    int64    `json:"micro_points"`
	Reason   string   `json:"reason"`
	Evidence []string `json:"evidence"`
}

// Run scores the people of the activities.
func (c *scoreCommand) Run(s *streams) error {
	asOf, err := flagTime("as-of", c.AsOf)
	if err != nil {
		return err
	}
	knownBy, err := flagTime("known-by", c.KnownBy)
	if err != nil {
		return err
	}
	model := scoring.DefaultModel()
	if c.Model != "" {
		b, err := os.ReadFile(c.Model)
		if err != nil {
			return fmt.Errorf("read the model: %w", err)
		}
		if model, err = scoring.ParseModel(b); err != nil {
			return fmt.Errorf("model %s: %w", c.Model, err)
		}
	}
	lines, err := c.activities(s, knownBy)
	if err != nil {
		return err
	}
	facts, err := scoring.Group(lines)
	if err != nil {
		return err
	}
	// Nobody is scored under what stands for an actor that is not named.
	for _, l := range lines {
		if l.Actor.ID == social.Unknown {
			ref := social.AccountRef{Platform: social.Platform(l.Platform), Scope: l.Actor.Scope, ID: l.Actor.ID}
			delete(facts, social.PersonID(ref.AccountID()))
		}
	}
	for _, person := range slices.Sorted(maps.Keys(facts)) {
		at, ok := scoredAsOf(facts[person], asOf)
		if !ok {
			continue
		}
		score, err := scoring.Evaluate(model, facts[person], at)
		if err != nil {
			return fmt.Errorf("score %s: %w", person, err)
		}
		if err := s.out.Encode(lineOf(person, score)); err != nil {
			return err
		}
	}
	return nil
}

// activities reads the lines that were known by an instant; the zero instant
// is any. A line without a time of receipt counts as known.
func (c *scoreCommand) activities(s *streams, knownBy time.Time) ([]social.Line, error) {
	reader := sync.OnceValues(reading.New)
	var lines []social.Line
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		in, done, err := open(file, s.in)
		if err != nil {
			return nil, fmt.Errorf("read the activities: %w", err)
		}
		err = eachLine(in, func(n int, line []byte) error {
			if isSet(line) {
				return nil
			}
			l, a, err := social.ParseLine(line)
			if err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
			if !knownBy.IsZero() && a.Known.After(knownBy) {
				return nil
			}
			if l.Language == "" && l.Sentiment == "" && l.Intent == "" && strings.TrimSpace(l.Text) != "" {
				r, err := reader()
				if err != nil {
					return err
				}
				a.Reading = r.Read(l.Text).Kept()
			}
			a = a.Judged()
			l.Language, l.Sentiment, l.Words, l.Negative, l.Intent = a.Language, a.Sentiment, a.Words, a.Negative, a.Intent
			l.Severity, l.NeedsAnswer, l.AnswerAfter = a.Severity, a.NeedsAnswer, a.NeedsAnswerAfter
			// An export of everybody names the business as the person of its
			// replies, one of a single person the one replied to: both go to
			// the latter.
			if a.Direction == social.Outbound && a.Type.Utterance() && l.Person == social.PersonID(a.Account().AccountID()) {
				l.Person = ""
			}
			lines = append(lines, l)
			return nil
		})
		if err = errors.Join(err, done()); err != nil {
			return nil, fmt.Errorf("activities of %s: %w", file, err)
		}
	}
	return lines, nil
}

// scoredAsOf is the instant to score a person's facts as of: asOf, or where
// that is zero the newest fact's. ok is false for one who had done nothing by then.
func scoredAsOf(facts []social.Activity, asOf time.Time) (at time.Time, ok bool) {
	at = asOf
	for _, a := range facts {
		if asOf.IsZero() && a.Occurred.After(at) {
			at = a.Occurred
		}
		ok = ok || a.Direction == social.Inbound && !a.Automatic && !a.Type.Closing() && (asOf.IsZero() || !a.Occurred.After(asOf))
	}
	return at, ok
}

func lineOf(person string, s scoring.Score) scoreLine {
	l := scoreLine{Person: person, Micro: s.Micro, Points: scoring.Decimal(s.Micro), Grade: s.Grade, Engagement: s.Engagement,
		Model: s.Model, AsOf: social.Stamp(s.AsOf), Contributions: []contributionLine{}}
	for _, c := range s.Contributions {
		evidence := c.Evidence
		if evidence == nil {
			evidence = []string{}
		}
		l.Contributions = append(l.Contributions, contributionLine{c.Rule, c.Micro, c.Reason, evidence})
	}
	return l
}
