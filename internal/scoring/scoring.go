// Package scoring turns what a person did into a lead's score, by a published
// model, exactly and with reasons.
//
// Evaluate is a pure function of a model, one person's facts and an instant:
// the same three give the same bytes on every machine. A score is the sum of
// its contributions, in micro-points (int64; a point is 1,000,000 of them);
// no floating point is involved. Each contribution is a sentence with the
// numbers in it and the activities it rests on. EvaluateRecords does the same
// from records, the compact form of facts: RecordOf makes them, Pack and
// Unpack store them, and models that ask for no Texts need nothing else.
//
// # How to write rules
//
// A model is JSON; Schema describes it and ParseModel reads it. It has an id,
// a version, a horizon in days beyond which nothing counts, the three numbers
// of points from which engagement is 3, 2 and 1, and rules:
//
//	{"id": "questions", "kind": "activity",
//	 "label": {"one": "question", "many": "questions"},
//	 "when": {"types": ["post", "message"], "expr": "intent == 'question'"},
//	 "within_days": 14, "points": "5", "decay": {"half_life_days": 7}, "cap": "10"}
//
// Points are decimal strings (or numbers) with up to six decimals; negative
// points take away. There are five kinds:
//
//   - activity: points for each activity that matches. decay takes half of
//     them every half_life_days, all of them evenly over expires_days, or leaves
//     a factor of them each every_days, rounded toward zero each time. cap
//     bounds what the rule gives after decay; cap_per bounds what it gives for
//     activities within any so many days, before decay.
//   - dialogue: a round is a message of the person, answered by the business,
//     answered again by the person. The i-th round of a conversation weighs i,
//     at most 10, so depth counts. A weight of R in all gives
//     points · R / (R + half_at), so volume saturates: points is never reached.
//     Earlier rounds take the larger share, and each share decays from the
//     instant its round was closed.
//   - pattern: points, once, if at_least of the behaviours were seen within
//     within_days: each an activity, at_least so many of them, or that a rate
//     or company rule before gave its points.
//   - rate: points, once, if what the person did in the last recent_days is
//     more than their own baseline_days before suggest. With k activities in
//     the recent days and b in the baseline, and the same rate in both, k is
//     binomial with n = k+b and probability recent/(recent+baseline); p is the
//     chance of k or more (the exact conditional test of two Poisson rates,
//     Przyborowski and Wilenski 1940). The rule gives points if p is below
//     p_below. There is not enough data with fewer than at_least recent
//     activities, or if the person was first seen less than recent_days +
//     baseline_days ago; the reason then says what is missing.
//   - company: points, once, if at_least other people of the person's company
//     did something in the recent_days UTC days before the one of the instant.
//     Who they are and when they did something is passed in (Company): without
//     it, the reason says what is missing.
//
// when selects by types, by platforms and by an expression, all of which must
// hold. An expression (https://expr-lang.org) may use the fields type,
// platform, scope, text (its first 8 KiB), intent, sentiment, language, subject, reaction,
// valence of the reaction (-1, 0 or 1), url, object_type, handle and name of the actor, is_reply, hour (0 to 23) and
// weekday (1 is Monday), both in UTC; the operators and, or, not, ==, !=, <,
// <=, >, >=, in, contains, startsWith, endsWith, matches (with a constant
// regular expression) and ?:; and the functions len, lower, upper and trim.
// There are no loops, arithmetic or variables, so that its cost is bounded. A
// list may stand to the right of in only, and ?: chooses between values of one
// type: so whatever ParseModel accepts can't fail when it is applied.
//
// fit adds rules over attributes of the person, whose points are no part of
// the score but make the first sign of the grade, A to D:
//
//	"fit": {"at_least": 1, "grades": ["10", "20", "30"], "attributes": {"employees": "number"},
//	 "rules": [{"id": "decides", "label": "decides on tools", "expr": "lower(title) contains 'head'", "points": "20"},
//	           {"id": "size", "label": "50 people or more", "expr": "employees >= 50", "points": "10"}]}
//
// An expression names attributes, and may else use what a when may. A rule of
// which an attribute is not known gives nothing; fit is unknown unless at
// least at_least rules have all that they ask for.
//
// Rules of a group share the group's cap: each takes its part in the order of
// the model until the cap is used up.
package scoring

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Score is a person's score by one model as of one instant.
type Score struct {
	Model         string    // the model's id, "@" and its version
	AsOf          time.Time // UTC, milliseconds
	Micro         int64     // micro-points: the sum of the contributions
	Engagement    int       // 1 (most) to 4, by the model's thresholds
	Fit           string    // A (best) to D, by Model.WithFit; Unknown before it
	Grade         string    // fit and engagement, with "?" for unknown fit: "?1" (most engaged) to "?4"
	Contributions []Contribution
	FitMicro      int64     // micro-points of fit, which are no part of Micro
	FitLines      []FitLine // in the order of the model's rules

	// NextChange is when to evaluate again if no new facts come. Before it
	// engagement stays as it is, and so does what counts: the rules that
	// contribute and their evidence; only decay goes on. It is the first
	// instant after AsOf, in milliseconds, at which the engagement differs or
	// an activity leaves the window of a rule, or a conversation with rounds of
	// dialogue the horizon; or the next day (UTC), where a rule asks for the
	// colleagues of somebody whose company is known. It is never late. It can be
	// early where positive and negative points fade against each other close
	// to a threshold, and where an activity leaves a window without effect.
	// It is zero if nothing will ever change.
	NextChange time.Time
}

// Contribution is what one rule gave.
type Contribution struct {
	Rule     string   // the rule's id
	Micro    int64    // micro-points, negative if the rule takes away; 0 if the reason says why there are none
	Reason   string   // a sentence with the numbers in it
	Evidence []string // keys of the activities it rests on, sorted; the latest 20 if there are more
}

// Unknown is the fit of a person of whom too few attributes are known.
const Unknown = "unknown"

// maxEvidence bounds the evidence of a contribution.
const maxEvidence = 20

// Evaluate scores the facts of one person by m as of asOf. Facts after asOf
// are ignored. Contributions come by size, largest first, then by rule.
//
// The facts are the person's own activities (inbound) and the business's
// replies to them (outbound, recognised by InReplyTo naming the object of an
// own activity; other outbound facts are ignored), in any order, repeated or
// not, with edits, deletions and taken-back reactions as facts among them.
//
// What is older than the horizon counts for nothing, but that the person was
// known by then: the facts may begin at the model's Since, with one older
// activity of the person that was neither deleted nor taken back, if there is
// one. (An edit or deletion is dated after what it changes. One that claims
// to be older may count while it is passed.)
//
// It fails with fault.Invalid for a model not made by ParseModel, an asOf
// outside the years 1990 to 2999 and an invalid fact, and with fault.TooLarge
// for more than 100,000 facts within the horizon and for texts over 1 MiB. It
// never returns a part of a score.
//
// Colleagues are not looked at: a company rule says so, and gives nothing.
func Evaluate(m Model, facts []social.Activity, asOf time.Time) (Score, error) {
	return evaluate(m, activities(facts), nil, asOf)
}

// EvaluateRecords is Evaluate of the facts that records were made of. Evidence
// then holds records' Refs. Where m asks for Texts, the records must have their
// Rest; without it those conditions see empty texts.
func EvaluateRecords(m Model, records []Record, asOf time.Time) (Score, error) {
	return evaluate(m, compact(records), nil, asOf)
}

// EvaluateAmong is EvaluateRecords of who works for a company. nil: colleagues
// are not looked at. What c says of the day of asOf and later changes nothing.
func EvaluateAmong(m Model, records []Record, c *Company, asOf time.Time) (Score, error) {
	return evaluate(m, compact(records), c, asOf)
}

func evaluate(m Model, facts source, c *Company, asOf time.Time) (Score, error) {
	if m.plan == nil {
		return Score{}, fault.New(fault.Invalid, "the scoring model was not parsed")
	}
	asOf = social.Instant(asOf)
	if y := asOf.Year(); y < 1990 || y > 2999 {
		return Score{}, fault.New(fault.Invalid, "a score as of the year %d", y)
	}
	now := asOf.UnixMilli()
	h, err := settle(facts, now-days(m.HorizonDays), now, m.plan.dialogue)
	if err != nil {
		return Score{}, err
	}
	e := newScene(m.plan, facts, h, now)
	e.company = c
	tallies := e.tallyAll(&m)
	edge := h.edge
	if c != nil && c.Name != "" && m.CompanyDays() > 0 { // others may count from the next day on
		if tomorrow := int64(DayOf(asOf)+1) * days(1); edge == 0 || tomorrow < edge {
			edge = tomorrow
		}
	}

	s := Score{Model: fmt.Sprintf("%s@%d", m.ID, m.Version), AsOf: asOf, Fit: Unknown}
	for i, a := range amounts(&m, tallies, now) {
		t := &tallies[i]
		s.Micro += a.final
		s.Contributions = append(s.Contributions, Contribution{
			Rule: t.rule.ID, Micro: a.final, Reason: t.reason(&m, a), Evidence: t.evidence,
		})
	}
	slices.SortFunc(s.Contributions, func(a, b Contribution) int {
		return cmp.Or(-cmp.Compare(magnitude(a.Micro), magnitude(b.Micro)), cmp.Compare(a.Rule, b.Rule))
	})
	s.Engagement = m.engagement(s.Micro)
	s.Grade = fmt.Sprintf("?%d", s.Engagement)
	if next := nextChange(&m, tallies, edge, now, s.Engagement); next != 0 {
		s.NextChange = time.UnixMilli(next).UTC()
	}
	return s, nil
}

// engagement is 1 to 4 by the thresholds that micro reaches: 1 is the most, as
// in the field's usual grades, where A1 is the best lead.
func (m *Model) engagement(micro int64) int {
	n := 4
	for _, threshold := range m.Engagement {
		if micro >= int64(threshold) {
			n--
		}
	}
	return n
}
