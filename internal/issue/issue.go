// Package issue says what people raise, and how many: themes counted over
// people, one voice each, never over posts. It counts tuples, a period of any
// length in memory that grows with its people alone. Pure.
package issue

import (
	"cmp"
	"slices"
	"time"

	"rapport/internal/day"
	"rapport/internal/social"
	"rapport/internal/theme"
)

// maxQuotes is how many messages an issue quotes, at most maxNear being kept:
// some may be gone by the time their texts are read.
const maxQuotes, maxNear = 3, 6

// said reports whether t is something that someone outside said, and that stands.
func said(t day.Tuple) bool {
	return t.Direction == social.Inbound && t.Type.Utterance() && !t.Deleted && t.Said && !t.Nobody && !t.Automatic
}

// Feedback reports whether t is an activity by someone outside that holds an
// opinion or need: something said that could be read, and is no spam, no
// chatter and no closing word.
func Feedback(t day.Tuple) bool {
	switch t.Intent {
	case social.IntentSpam, social.IntentChatter, social.IntentClosing, social.IntentUnread:
		return false
	}
	return said(t)
}

// asks reports whether feedback clearly asks for something to be done: a
// problem, a complaint, a wish, a question, a threat to leave, or a negative
// word. Whoever is about to buy asks for somebody else.
func asks(t day.Tuple) bool {
	switch t.Intent {
	case social.IntentProblem, social.IntentComplaint, social.IntentWish, social.IntentQuestion, social.IntentChurn:
		return true
	case social.IntentPurchase:
		return false
	}
	return t.Sentiment == social.SentimentNegative
}

// contented reports whether feedback is surely nothing but content: praise
// that may be meant as sarcasm is not.
func contented(t day.Tuple) bool {
	return (t.Intent == social.IntentPraise || t.Intent == social.IntentRecommendation || t.Sentiment == social.SentimentPositive) && !asks(t) && !t.Doubtful
}

// Assigned reports whether t is of those that are assigned to themes: feedback
// by somebody who is not just contented and not about to buy.
func Assigned(t day.Tuple) bool {
	return Feedback(t) && t.Intent != social.IntentPurchase && !contented(t)
}

// minAsking is the share of a theme's messages, those not assigned left out, that
// must clearly ask for something for the theme to be an issue. The rest may be
// put so plainly that the reader does not see the problem in them ("still no
// parcel"); among others that ask, they count.
const minAsking = 1.0 / 3

// The departments that issues are for.
const (
	Product = "product" // problems and wishes
	Service = "service" // complaints, questions, threats to leave
)

// Quote is one message that stands for others.
type Quote struct {
	Key, Message, Text, Author, Platform, Scope, URL string // Message is the message's id
	Occurred                                         time.Time
}

// Issue is a theme that people raised.
type Issue struct {
	Theme        string // its lasting id
	Label        string
	Keywords     []string
	People       int // who raised it, each once
	PeopleBefore int // the same for the period before
	Messages     int // by them
	Negative     int // messages by sentiment
	Neutral      int
	Positive     int
	Department   string      // who works on what is mostly asked for; empty: nobody in particular
	Near         []day.Tuple // those nearest to the theme, nearest first, each of another person
	Quotes       []Quote     // the texts of the first three of them that are still there
}

// Summary is what a period's feedback comes to under one theme set.
type Summary struct {
	Messages    int // of feedback
	People      int // who gave feedback, each once
	IssuePeople int // who raised any issue, each once
	Unassigned  int // messages that belong to no theme, though they would be assigned to one
	Unread      []Unread
	Issues      []Issue
	Ended       []Issue // issues of the period before that are none in this one, most people then first
}

// Unread is how many messages in a language could not be read; they are no part of any other count.
type Unread struct {
	Language string
	Messages int
}

// Counter counts a period's issues under a theme set, by people, most first,
// and compares each with the period before. A theme is an issue if a third of
// its messages clearly ask for something; then everyone counts who wrote in it
// and was neither just contented nor about to buy.
type Counter struct {
	Persons Of // who is one person with whom

	set      theme.Set
	at       map[string]int // a theme's place in the set
	sum      Summary
	people   map[day.ID]uint32 // of both periods, by number
	gave     map[uint32]struct{}
	unread   map[string]int // messages by language
	themes   []counted
	before   []asked // by theme, of the period before
	raised   map[pair]struct{}
	previous map[pair]struct{}
}

// pair is a theme's place and a person's number.
type pair struct{ theme, person uint32 }

type asked struct {
	messages, asking int
	intents          map[string]int // of those that ask
}

func (a *asked) add(t day.Tuple) {
	a.messages++
	if !asks(t) {
		return
	}
	if a.asking++; a.intents == nil {
		a.intents = map[string]int{}
	}
	a.intents[t.Intent]++
}

// department names who works on what is asked: most often a fault or a wish,
// or the service of people.
func (a asked) department() string {
	product := a.intents[social.IntentProblem] + a.intents[social.IntentWish]
	service := a.intents[social.IntentComplaint] + a.intents[social.IntentQuestion] + a.intents[social.IntentChurn]
	switch {
	case product > service:
		return Product
	case service > 0:
		return Service
	}
	return ""
}

// isIssue reports whether a third of a theme's messages clearly ask for something.
func (a asked) isIssue() bool {
	return a.messages > 0 && float64(a.asking) >= minAsking*float64(a.messages)
}

type counted struct {
	asked
	negative, neutral, positive int
	near                        []day.Tuple
}

// NewCounter returns a Counter of tuples that are tagged under set.
func NewCounter(set theme.Set) *Counter {
	c := &Counter{set: set, at: map[string]int{}, people: map[day.ID]uint32{}, gave: map[uint32]struct{}{}, unread: map[string]int{}, themes: make([]counted, len(set.Themes)), before: make([]asked, len(set.Themes)),
		raised: map[pair]struct{}{}, previous: map[pair]struct{}{}}
	for i, t := range set.Themes {
		c.at[t.ID] = i
	}
	return c
}

// Of says which account stands for the person of an account: the same for all
// of a person's accounts. Those of which nothing is said stand for themselves.
type Of map[day.ID]day.ID

// Person is the account that stands for the person of an account.
func (o Of) Person(account day.ID) day.ID {
	if p, ok := o[account]; ok {
		return p
	}
	return account
}

// person is the number of the person an account belongs to.
func (c *Counter) person(account day.ID) uint32 {
	account = c.Persons.Person(account)
	n, ok := c.people[account]
	if !ok {
		n = uint32(len(c.people))
		c.people[account] = n
	}
	return n
}

// Add counts an activity of the period.
func (c *Counter) Add(t day.Tuple) {
	if said(t) && t.Intent == social.IntentUnread {
		c.unread[t.Language]++
	}
	if !Feedback(t) {
		return
	}
	c.sum.Messages++
	person := c.person(t.Account)
	c.gave[person] = struct{}{}
	if !Assigned(t) {
		return
	}
	i, ok := c.at[t.Theme]
	if !ok {
		c.sum.Unassigned++
		return
	}
	c.raised[pair{uint32(i), person}] = struct{}{}
	n := &c.themes[i]
	n.add(t)
	switch t.Sentiment {
	case social.SentimentNegative:
		n.negative++
	case social.SentimentPositive:
		n.positive++
	default:
		n.neutral++
	}
	n.near = c.nearest(n.near, t)
}

// nearest adds t to the nearest ones, each of another person. Whoever falls
// out does so for others who stay nearer, so that the result is that of all at once.
func (c *Counter) nearest(near []day.Tuple, t day.Tuple) []day.Tuple {
	nearer := func(a, b day.Tuple) int {
		return cmp.Or(-cmp.Compare(a.Near, b.Near), slices.Compare(a.Activity[:], b.Activity[:]))
	}
	if len(near) == maxNear && nearer(t, near[maxNear-1]) > 0 {
		return near
	}
	if i := slices.IndexFunc(near, func(o day.Tuple) bool { return c.Persons.Person(o.Account) == c.Persons.Person(t.Account) }); i >= 0 {
		if nearer(t, near[i]) > 0 {
			return near
		}
		near = slices.Delete(near, i, i+1)
	}
	i, _ := slices.BinarySearchFunc(near, t, nearer)
	near = slices.Insert(near, i, t)
	return near[:min(maxNear, len(near))]
}

// AddBefore counts an activity of the period before.
func (c *Counter) AddBefore(t day.Tuple) {
	if !Assigned(t) {
		return
	}
	if i, ok := c.at[t.Theme]; ok {
		c.previous[pair{uint32(i), c.person(t.Account)}] = struct{}{}
		c.before[i].add(t)
	}
}

// Summary returns what was counted, with at most limit issues.
func (c *Counter) Summary(limit int) Summary {
	s := c.sum
	s.People, s.Issues, s.Ended, s.Unread = len(c.gave), nil, nil, nil
	for language, n := range c.unread {
		s.Unread = append(s.Unread, Unread{language, n})
	}
	slices.SortFunc(s.Unread, func(x, y Unread) int {
		return cmp.Or(-cmp.Compare(x.Messages, y.Messages), cmp.Compare(x.Language, y.Language))
	})
	now, before := make([]int, len(c.themes)), make([]int, len(c.themes))
	raisers := map[uint32]struct{}{}
	for p := range c.raised {
		now[p.theme]++
		if c.themes[p.theme].isIssue() {
			raisers[p.person] = struct{}{}
		}
	}
	for p := range c.previous {
		before[p.theme]++
	}
	s.IssuePeople = len(raisers)
	for i, n := range c.themes {
		t := c.set.Themes[i]
		if !n.isIssue() {
			if c.before[i].isIssue() {
				s.Ended = append(s.Ended, Issue{Theme: t.ID, Label: t.Label, Keywords: t.Keywords, People: now[i], PeopleBefore: before[i], Messages: n.messages, Department: c.before[i].department()})
			}
			continue
		}
		s.Issues = append(s.Issues, Issue{Theme: t.ID, Label: t.Label, Keywords: t.Keywords, People: now[i], PeopleBefore: before[i],
			Messages: n.messages, Negative: n.negative, Neutral: n.neutral, Positive: n.positive, Department: n.department(), Near: n.near})
	}
	slices.SortFunc(s.Issues, func(x, y Issue) int {
		return cmp.Or(-cmp.Compare(x.People, y.People), -cmp.Compare(x.Messages, y.Messages), cmp.Compare(x.Theme, y.Theme))
	})
	s.Issues = s.Issues[:min(limit, len(s.Issues))]
	slices.SortFunc(s.Ended, func(x, y Issue) int {
		return cmp.Or(-cmp.Compare(x.PeopleBefore, y.PeopleBefore), cmp.Compare(x.Theme, y.Theme))
	})
	s.Ended = s.Ended[:min(limit, len(s.Ended))]
	return s
}

// Quote takes the quotes of an issue from what its nearest messages say now;
// nil stands for one that is gone.
func (i *Issue) Quote(said []*Quote) {
	i.Quotes = nil
	for _, q := range said {
		if q != nil && q.Text != "" && len(i.Quotes) < maxQuotes {
			i.Quotes = append(i.Quotes, *q)
		}
	}
}
