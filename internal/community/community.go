// Package community says how a person stands among the people of a workspace:
// how much others take up what the person says (influence), how much the person
// takes up what others say (outreach), and how much person and business do
// toward each other (relationship). A fourth reading, engagement, is the score
// of package scoring.
//
// A reading is a sum of lines, each of which says what it rests on. Dialogue
// counts before output: what nobody took up adds nothing, and no single other
// person adds more than one point, so that a few who only answer each other
// weigh little beside many who answered once.
package community

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"rapport/internal/stats"
)

// Days is how many days a reading looks back.
const Days = 90

// Act is one reply.
type Act struct {
	Other string // the person who replied, or was replied to
	At    time.Time
}

// Seen is what readings of a person rest on, of the last Days.
type Seen struct {
	Received []Act       // replies of others to what the person said
	Given    []Act       // replies of the person to what others said
	Theirs   []time.Time // what the person did toward the business
	Ours     []time.Time // what the business said to the person
	Cut      bool        // there is more than was looked at
}

// Line is a part of a reading.
type Line struct {
	Other  string // the person it is about; "": nobody in particular
	Milli  int    // thousandths of a point
	Reason string
}

// Reading is a sum of lines, the greatest first.
type Reading struct {
	Milli int // thousandths of a point: the sum of the lines
	Lines []Line
}

// half is how much of a thing is worth half of all that it can be worth.
const half = 2

// worth is n/(n+half) of a point, in thousandths: the first counts most.
func worth(n int) int { return int(math.Round(1000 * float64(n) / float64(n+half))) }

// Influence is how much others take up what the person says. Each who replied
// is worth n/(n+2) points, n being the replies and two more for each that the
// person answered in turn: a dialogue counts three times.
func Influence(s Seen) Reading {
	given := count(s.Given)
	return sum(s.Received, func(other string, n int) (int, string) {
		rounds := min(n, given[other])
		if rounds == 0 {
			return n, fmt.Sprintf("replied %s", times(n))
		}
		return n + 2*rounds, fmt.Sprintf("replied %s, and was answered %s", times(n), times(rounds))
	})
}

// Outreach is how much the person takes up what others say: each whom the
// person replied to is worth n/(n+2) points, n being the replies.
func Outreach(s Seen) Reading {
	return sum(s.Given, func(_ string, n int) (int, string) { return n, fmt.Sprintf("was answered %s", times(n)) })
}

// Relationship is how much person and business do toward each other: twice the
// harmonic mean of what either did, each counted as n/(n+4) of ten points with n
// halving every 30 days. It is 0 where only one of them did something, since ties
// are strong by what goes both ways (Granovetter, "The Strength of Weak Ties",
// American Journal of Sociology 78(6), 1973). Its lines are half of it each.
func Relationship(s Seen, now time.Time) Reading {
	theirs, ours := recent(s.Theirs, now), recent(s.Ours, now)
	a, b := theirs/(theirs+4), ours/(ours+4)
	milli := 0
	if a > 0 && b > 0 {
		milli = int(math.Round(10_000 * 2 * a * b / (a + b)))
	}
	return Reading{milli, []Line{
		{Milli: milli - milli/2, Reason: fmt.Sprintf("the person did %s toward you in %d days", things(len(s.Theirs)), Days)},
		{Milli: milli / 2, Reason: fmt.Sprintf("you said %s to the person in %d days", things(len(s.Ours)), Days)},
	}}
}

func recent(at []time.Time, now time.Time) (n float64) {
	for _, t := range at {
		n += math.Exp2(-now.Sub(t).Hours() / (30 * 24))
	}
	return n
}

func count(acts []Act) map[string]int {
	n := map[string]int{}
	for _, a := range acts {
		n[a.Other]++
	}
	return n
}

func sum(acts []Act, line func(other string, n int) (worthOf int, reason string)) Reading {
	var r Reading
	for other, n := range count(acts) {
		of, reason := line(other, n)
		r.Lines = append(r.Lines, Line{other, worth(of), reason})
		r.Milli += worth(of)
	}
	slices.SortFunc(r.Lines, func(a, b Line) int { return cmp.Or(cmp.Compare(b.Milli, a.Milli), cmp.Compare(a.Other, b.Other)) })
	return r
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func things(n int) string {
	if n == 1 {
		return "1 thing"
	}
	return fmt.Sprintf("%d things", n)
}

// Enough is how many people a community must have for a percentile.
const Enough = 30

// Percentile says which share of a community's people stands lower, or as high
// with half of them, from 0 to 1, with Wilson's interval of 95 %. ok is false
// where there are fewer than Enough.
func Percentile(value int64, of []int64) (share, lo, hi float64, ok bool) {
	if len(of) < Enough {
		return 0, 0, 0, false
	}
	twice := 0
	for _, x := range of {
		switch {
		case x < value:
			twice += 2
		case x == value:
			twice++
		}
	}
	lo, hi, _ = stats.Wilson(twice/2, len(of), 0.95)
	return float64(twice) / 2 / float64(len(of)), lo, hi, true
}
