// Package themed counts what was done by day by the themes it belongs to, and
// says which theme a text belongs to under the theme sets that are in use.
package themed

import (
	"context"
	"errors"
	"slices"
	"time"

	"rapport/internal/day"
	"rapport/internal/issue"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
)

// Period is what is counted, and how.
type Period struct {
	From, To time.Time // To exclusive
	Before   time.Time // when the period before began; zero: as long before From
	Set      theme.Set // zero: nothing belongs to a theme
	Assigner *theme.Assigner

	// Each, where it is set, is called with every activity of the period, and
	// of the one before; the newest hour first. A reaction that was taken back
	// by To is marked as deleted. person is the account that stands for the
	// person who acted.
	Each func(t day.Tuple, person day.ID, before bool)
}

// Counted is what a period and the one before came to.
type Counted struct {
	issue.Summary
	Complete bool      // everything was read, and every message is assigned
	Since    time.Time // what was done before this was not read
	Untagged int       // messages that are counted as of no theme, since there was no time to read them
}

const (
	// maxUntagged is how many texts are read and assigned to themes while
	// counting: of messages that were edited, or that came while a theme set
	// was being published. All others are tagged already.
	maxUntagged = 5000
	// reserve is the time that is kept for what is done with the counts.
	reserve = 4 * time.Second
)

var errLate = errors.New("there is no more time")

// Count counts a period, the newest hour first. If the time of ctx would not
// suffice, it stops, and the result says how far it came. What it reads is
// that of store.Days, and at most a unit for each of 5,000 texts.
func Count(ctx context.Context, s *store.Store, w string, p Period, limit int) (Counted, error) {
	if p.Before.IsZero() {
		p.Before = p.From.Add(p.From.Sub(p.To))
	}
	out := Counted{Complete: true, Since: p.Before}
	c := issue.NewCounter(p.Set)
	var err error
	if c.Persons, err = persons(ctx, s, w); err != nil {
		return out, err
	}
	left := maxUntagged
	end, limited := ctx.Deadline()
	from := p.From.UnixMilli()
	until := p.To
	var taken day.TakenBack
	err = s.Days(ctx, w, store.Span{From: out.Since, To: p.To, Set: p.Set.Version}, func(hour time.Time, ts []day.Tuple) error {
		if limited && time.Until(end) < reserve {
			return errLate
		}
		n, err := assign(ctx, s, w, p.Assigner, ts, &left)
		if err != nil {
			return err
		}
		out.Untagged += n
		taken.Mark(ts)
		for _, t := range ts {
			before := t.Occurred < from
			if before {
				c.AddBefore(t)
			} else {
				c.Add(t)
			}
			if p.Each != nil {
				p.Each(t, c.Persons.Person(t.Account), before)
			}
		}
		until = hour
		return nil
	})
	if errors.Is(err, errLate) {
		out.Complete, out.Since, err = false, until, nil
	}
	if err != nil {
		return out, err
	}
	out.Complete = out.Complete && out.Untagged == 0
	out.Summary = c.Summary(limit)
	return out, nil
}

// persons says which accounts of a workspace are one person's. It reads as much
// as there are accounts of persons of several.
func persons(ctx context.Context, s *store.Store, w string) (issue.Of, error) {
	stands := map[string]day.ID{}
	out := issue.Of{}
	err := s.Merged(ctx, w, func(account, person string) {
		a, ok := social.Hash(account)
		if !ok {
			return
		}
		if _, ok := stands[person]; !ok {
			stands[person] = a
		}
		out[a] = stands[person]
	})
	return out, err
}

// assign tags those of an hour's tuples that are not, by their texts, as long
// as some of left remain; it returns how many it left as they are.
func assign(ctx context.Context, s *store.Store, w string, a *theme.Assigner, ts []day.Tuple, left *int) (int, error) {
	var at []int
	var of []day.Tuple
	skipped := 0
	for i, t := range ts {
		switch {
		case t.Tagged || !issue.Assigned(t):
		case len(at) < *left:
			at, of = append(at, i), append(of, t)
		default:
			skipped++
		}
	}
	*left -= len(at)
	if a == nil {
		return skipped, nil
	}
	tags, err := TagsOf(ctx, s, w, a, of)
	if err != nil {
		return 0, err
	}
	for k, i := range at {
		ts[i].Tag, ts[i].Tagged = tags[k], true
	}
	return skipped, nil
}

// atOnce is how many texts are in memory: each may have 64 KB.
const atOnce = 100

// TagsOf reads the texts of tuples and assigns them to themes, those that are
// assigned at all.
func TagsOf(ctx context.Context, s *store.Store, w string, a *theme.Assigner, ts []day.Tuple) ([]day.Tag, error) {
	out := make([]day.Tag, len(ts))
	var at []int
	for i, t := range ts {
		if issue.Assigned(t) {
			at = append(at, i)
		}
	}
	for part := range slices.Chunk(at, atOnce) {
		of := make([]day.Tuple, len(part))
		for k, i := range part {
			of[k] = ts[i]
		}
		said, err := s.Said(ctx, w, of)
		if err != nil {
			return nil, err
		}
		for k, i := range part {
			if said[k] != nil {
				out[i] = TagOf(a, said[k].Text)
			}
		}
	}
	return out, nil
}

// Quotes reads the quotes of issues.
func Quotes(ctx context.Context, s *store.Store, w string, issues []issue.Issue) error {
	var near []day.Tuple
	for _, i := range issues {
		near = append(near, i.Near...)
	}
	said, err := s.Said(ctx, w, near)
	if err != nil {
		return err
	}
	for i := range issues {
		var quotes []*issue.Quote
		for _, it := range said[:len(issues[i].Near)] {
			if it == nil {
				quotes = append(quotes, nil)
				continue
			}
			q := QuoteOf(*it)
			quotes = append(quotes, &q)
		}
		said = said[len(issues[i].Near):]
		issues[i].Quote(quotes)
	}
	return nil
}

// QuoteSet fills in the quotes of a theme set's themes with what their
// messages say by now; those that are gone or deleted are dropped. It reads
// the messages a hundred in a request, and asks of each whether it was edited.
func QuoteSet(ctx context.Context, s *store.Store, w string, set *theme.Set) error {
	var refs []store.FactRef
	for _, t := range set.Themes {
		for _, q := range t.Quotes {
			if q.At != "" {
				refs = append(refs, store.ParseRef(q.At))
			}
		}
	}
	words := map[store.FactRef]string{}
	for part := range slices.Chunk(refs, atOnce) {
		found, err := s.Activities(ctx, w, part)
		if err != nil {
			return err
		}
		as := make([]social.Activity, len(part))
		for i, a := range found {
			if a != nil {
				as[i] = *a
			}
		}
		now, err := s.AmendedOf(ctx, w, as)
		if err != nil {
			return err
		}
		for i, a := range as {
			words[part[i]] = theme.Short(now[i].Shown(a).Text)
		}
	}
	for i := range set.Themes {
		var quotes []theme.Quote
		for _, q := range set.Themes[i].Quotes {
			if q.Text = words[store.ParseRef(q.At)]; q.Text != "" {
				quotes = append(quotes, q)
			}
		}
		set.Themes[i].Quotes = quotes
	}
	return nil
}

// QuoteOf is a message as it is quoted.
func QuoteOf(i store.Item) issue.Quote {
	author := i.Actor.Handle
	if author == "" {
		author = i.Actor.Name
	}
	return issue.Quote{Key: i.Key, Message: store.MessageID(i.Platform, i.Scope, i.Object.ID), Text: i.Text, Author: social.Shown(author), Platform: string(i.Platform), Scope: i.Scope, URL: i.URL, Occurred: i.Occurred}
}
