package api

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"rapport/internal/community"
	"rapport/internal/scoring"
)

// Standing is how a person stands among the people of a workspace.
type Standing struct {
	Person    string            `json:"person"`
	AsOf      time.Time         `json:"as_of"`
	Compared  Compared          `json:"compared"`
	Readings  []StandingReading `json:"readings" doc:"engagement, influence, outreach and relationship, in this order. Engagement is the score by the default model"`
	Truncated bool              `json:"truncated" doc:"There is more than was looked at: 40 activities and 40 answers of 90 days, the replies to 20 messages in 10 threads, and 20 replies"`
}

// Compared are the people that a person is compared with.
type Compared struct {
	Day    string `json:"day,omitempty" format:"date" doc:"As of whose beginning, in UTC: today, or yesterday while that of today is being computed; absent: neither is there yet"`
	People int    `json:"people" minimum:"0" doc:"Leads of the workspace, at most 200, chosen by the hash of their ids"`
}

// StandingReading is one reading of a person.
type StandingReading struct {
	Reading    string         `json:"reading" enum:"engagement,influence,outreach,relationship"`
	Value      string         `json:"value" doc:"In points. Of engagement: the score"`
	Percentile *Percentile    `json:"percentile,omitempty" doc:"Absent where missing says why"`
	Missing    string         `json:"missing,omitempty" doc:"Why there is no percentile"`
	Ledger     []StandingLine `json:"ledger" doc:"What the value is the sum of, the greatest first, at most 50"`
	Others     int            `json:"others" minimum:"0" doc:"How many further lines there are"`
}

// Percentile is where a value stands among others.
type Percentile struct {
	Share float64 `json:"share" minimum:"0" maximum:"1" doc:"Of the people compared: who stand lower, and half of those who stand the same"`
	From  float64 `json:"from" minimum:"0" maximum:"1" doc:"The interval of 95 % for it"`
	To    float64 `json:"to" minimum:"0" maximum:"1"`
}

// StandingLine is a part of a reading.
type StandingLine struct {
	Points string `json:"points"`
	Reason string `json:"reason" doc:"In words"`
	Rule   string `json:"rule,omitempty" doc:"Of engagement: the rule of the scoring model"`
	Person string `json:"person,omitempty" doc:"Of influence and outreach: with whom"`
}

// mostLines is how many lines of a reading are shown.
const mostLines = 50

func (s *service) getStanding(ctx context.Context, w string, in *InPerson) (*Out[Standing], error) {
	x, err := s.Leads.Standing(ctx, w, in.Person, s.Now(), func() error { return s.Compare(ctx, w) })
	if err != nil {
		return nil, err
	}
	out := Standing{Person: x.Person, AsOf: x.AsOf, Compared: Compared{x.Community.Day, len(x.Community.Engagement)}, Truncated: x.Cut}
	engagement := StandingReading{Reading: "engagement", Value: scoring.Decimal(x.Engagement.Micro), Ledger: []StandingLine{}}
	for _, c := range x.Engagement.Contributions {
		engagement.Ledger = append(engagement.Ledger, StandingLine{Points: scoring.Decimal(c.Micro), Reason: c.Reason, Rule: c.Rule})
	}
	if x.Lead {
		engagement.compare(x.Listed, x.Community.Engagement)
	} else {
		engagement.Missing = "no lead: nothing that the scoring model counts is known"
	}
	out.Readings = []StandingReading{engagement, reading("influence", x.Influence, x.Community.Influence), reading("outreach", x.Outreach, x.Community.Outreach), reading("relationship", x.Relationship, x.Community.Relationship)}
	if x.Community.Day == "" {
		for i := range out.Readings {
			out.Readings[i].Missing = "how your people stand is being computed: ask again in a minute"
		}
	}
	return &Out[Standing]{out}, nil
}

func reading(name string, r community.Reading, of []int64) StandingReading {
	out := StandingReading{Reading: name, Value: thousandths(r.Milli), Ledger: []StandingLine{}, Others: max(0, len(r.Lines)-mostLines)}
	for _, l := range r.Lines[:min(len(r.Lines), mostLines)] {
		out.Ledger = append(out.Ledger, StandingLine{Points: thousandths(l.Milli), Reason: l.Reason, Person: l.Other})
	}
	out.compare(int64(r.Milli), of)
	return out
}

func (r *StandingReading) compare(value int64, of []int64) {
	share, from, to, ok := community.Percentile(value, of)
	if !ok {
		r.Missing = fmt.Sprintf("not enough data: %d people, of at least %d", len(of), community.Enough)
		return
	}
	r.Percentile = &Percentile{share, from, to}
}

func thousandths(n int) string { return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) }
