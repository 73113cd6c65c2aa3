package leads

import (
	"context"
	"errors"
	"slices"
	"time"

	"rapport/internal/community"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Standing is how a person stands in a workspace's community.
type Standing struct {
	Person     string
	AsOf       time.Time
	Engagement scoring.Score // the zero one: the person is no lead
	Lead       bool
	Listed     int64 // micro-points, as the list of leads stands: what the community's are compared with
	community.Seen
	Influence, Outreach, Relationship community.Reading
	Community                         store.Community // to compare with
}

// Bounds of what a standing looks at, of a person, newest first.
const (
	standingFacts    = 40  // own activities, and what was said to the person
	standingMessages = 20  // own messages whose replies are read, and messages replied to
	standingThreads  = 10  // in which they stand
	standingAskers   = 20  // people of one thread
	standingReplies  = 20  // messages of each of them
	standingAccounts = 400 // of a community, read at once: those with the lowest ids, which are hashes
	standingPages    = 10  // of these
	standingPeople   = 200 // of their owners, who are leads
)

// Standing computes how a person stands, beside how the community did at the
// beginning of the day (UTC), or of the day before while that of today is being
// made: see Stood. Whoever finds that nobody has asked for that yet has ask do
// so. A person of whom nothing is known is an error of kind NotFound.
func (l *Leads) Standing(ctx context.Context, w, id string, now time.Time, ask func() error) (Standing, error) {
	who, err := l.Person(ctx, w, id)
	if err != nil {
		return Standing{}, err
	}
	out := Standing{Person: who.ID, AsOf: now}
	seen, known, err := l.seen(ctx, w, who, now)
	if err != nil {
		return out, err
	}
	e, err := l.Evaluate(ctx, w, who.ID, now)
	switch {
	case err == nil:
		out.Engagement, out.Lead = e.Score, true
		head, err := l.store.Lead(ctx, w, who.ID, ModelID)
		if err != nil {
			return out, err
		}
		out.Listed = head.Micro
	case !fault.Is(err, fault.NotFound):
		return out, err
	case !known:
		return out, fault.New(fault.NotFound, "no such person, or one who did nothing in %d days and is no lead", community.Days)
	}
	out.Seen, out.Influence, out.Outreach, out.Relationship = seen, community.Influence(seen), community.Outreach(seen), community.Relationship(seen, now)
	for _, day := range []time.Time{now, now.AddDate(0, 0, -1)} {
		out.Community, err = l.store.Community(ctx, w, day.UTC().Format(time.DateOnly))
		if !fault.Is(err, fault.NotFound) {
			return out, err
		}
		if day.Equal(now) {
			first, err := l.store.AskCommunity(ctx, w, now, askedAgain)
			if err != nil {
				return out, err
			}
			if first {
				if err := ask(); err != nil {
					return out, err
				}
			}
		}
	}
	return out, nil
}

// askedAgain is after how long somebody else asks for how the community stands,
// where it has not been made.
const askedAgain = 10 * time.Minute

// Stood computes how some 200 people of a workspace stood at the beginning of
// the day, and keeps it for two days. It takes seconds.
func (l *Leads) Stood(ctx context.Context, w string, now time.Time) (store.Community, error) {
	day := now.UTC().Truncate(24 * time.Hour)
	c, err := l.store.Community(ctx, w, day.Format(time.DateOnly))
	if !fault.Is(err, fault.NotFound) {
		return c, err
	}
	c.Day = day.Format(time.DateOnly)
	// Those who are leads: who acted, and is not the business.
	var people []store.Person
	var heads []store.Lead
	for page, after := 0, ""; page < standingPages && len(people) < standingPeople; page++ {
		accounts, err := l.store.Accounts(ctx, w, after, standingAccounts)
		if err != nil {
			return c, err
		}
		owners, err := l.store.PersonsOf(ctx, w, accounts)
		if err != nil {
			return c, err
		}
		ids := make([]string, len(owners))
		for i, p := range owners {
			ids[i] = p.ID
		}
		scored, err := l.store.LeadsOf(ctx, w, ModelID, ids)
		if err != nil {
			return c, err
		}
		for i, h := range scored {
			known := slices.ContainsFunc(people, func(p store.Person) bool { return p.ID == h.Person })
			if h.Version > 0 && !known && len(people) < standingPeople {
				people, heads = append(people, owners[i]), append(heads, h)
			}
		}
		if len(accounts) < standingAccounts {
			break
		}
		after = accounts[len(accounts)-1]
	}
	found := make([]community.Seen, len(people))
	errs := parallel.Each(ctx, len(people), atOnce, func(i int) (err error) {
		found[i], _, err = l.seen(ctx, w, people[i], day)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	for i, s := range found {
		c.Engagement = append(c.Engagement, heads[i].Micro)
		c.Influence = append(c.Influence, int64(community.Influence(s).Milli))
		c.Outreach = append(c.Outreach, int64(community.Outreach(s).Milli))
		c.Relationship = append(c.Relationship, int64(community.Relationship(s, day).Milli))
	}
	for _, values := range [][]int64{c.Engagement, c.Influence, c.Outreach, c.Relationship} {
		slices.Sort(values)
	}
	return c, l.store.PutCommunity(ctx, w, c, day.AddDate(0, 0, 2))
}

// seen reads what the readings of a person rest on, and reports whether there
// is anything. It costs two queries an account, a read for each of 20 messages,
// at most 21 queries for each of 10 threads in which these stand, and a read for each of
// 20 messages that the person replied to.
func (l *Leads) seen(ctx context.Context, w string, who store.Person, now time.Time) (s community.Seen, known bool, err error) {
	from := now.AddDate(0, 0, -community.Days)
	var own []social.Activity
	for _, a := range who.Accounts {
		list, err := l.store.OwnFrom(ctx, w, a, from, now, true, standingFacts)
		if err != nil {
			return s, false, err
		}
		own = append(own, list...)
		said, err := l.store.ReceivedFrom(ctx, w, a, from, now, standingFacts)
		if err != nil {
			return s, false, err
		}
		for _, r := range said {
			if r.Type.Utterance() && r.Direction == social.Outbound && !r.Automatic {
				s.Ours = append(s.Ours, r.Occurred)
			}
		}
	}
	own = slices.DeleteFunc(own, func(a social.Activity) bool {
		return a.Direction != social.Inbound || a.Automatic || a.Type.Closing() || a.Type == social.Edit || a.Type == social.Delete || a.Type == social.Unreact
	})
	slices.SortStableFunc(own, func(a, b social.Activity) int { return b.Occurred.Compare(a.Occurred) })
	slices.SortFunc(s.Ours, func(a, b time.Time) int { return b.Compare(a) })
	s.Cut = len(own) > standingFacts || len(s.Ours) > standingFacts
	own, s.Ours = own[:min(len(own), standingFacts)], s.Ours[:min(len(s.Ours), standingFacts)]

	// Who replied, by account, and to whom the person did.
	var received, given []community.Act
	messages, replies := []social.Activity{}, []social.Activity{}
	for _, a := range own {
		if a.Type.Utterance() && len(messages) < standingMessages {
			messages = append(messages, a)
		}
		if a.Type.Utterance() && a.InReplyTo != "" && len(replies) < standingMessages {
			replies = append(replies, a)
		} else {
			s.Theirs = append(s.Theirs, a.Occurred)
		}
	}
	mine := map[string]bool{}
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = store.MessageID(m.Platform, m.Scope, m.Object.ID)
		mine[ids[i]] = true
	}
	threads, err := l.threadsOf(ctx, w, ids)
	if err != nil {
		return s, false, err
	}
	s.Cut = s.Cut || len(threads) > standingThreads
	threads = threads[:min(len(threads), standingThreads)]
	parts := make([][]community.Act, len(threads))
	errs := parallel.Each(ctx, len(threads), atOnce, func(i int) error {
		list, err := l.store.SaidIn(ctx, w, threads[i], standingAskers, standingReplies)
		for _, n := range list {
			if mine[n.InReplyTo] && n.Direction == social.Inbound && !n.Automatic && !n.Deleted && !n.Occurred.After(now) {
				parts[i] = append(parts[i], community.Act{Other: n.Account, At: n.Occurred})
			}
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return s, false, err
	}
	for _, p := range parts {
		received = append(received, p...)
	}
	to := make([]community.Act, len(replies))
	errs = parallel.Each(ctx, len(replies), atOnce, func(i int) error {
		a := replies[i]
		p, err := l.store.Place(ctx, w, store.MessageID(a.Platform, a.Scope, a.InReplyTo))
		if err == nil && p.Direction == social.Inbound {
			to[i] = community.Act{Other: p.Account, At: a.Occurred}
		} else if err == nil {
			to[i] = community.Act{At: a.Occurred} // to the business
		}
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return s, false, err
	}
	for _, a := range to {
		switch {
		case a.Other != "":
			given = append(given, a)
		case !a.At.IsZero():
			s.Theirs = append(s.Theirs, a.At)
		}
	}
	if s.Received, err = l.byPerson(ctx, w, who.ID, received); err != nil {
		return s, false, err
	}
	s.Given, err = l.byPerson(ctx, w, who.ID, given)
	slices.SortFunc(s.Theirs, func(a, b time.Time) int { return b.Compare(a) })
	return s, len(own)+len(s.Ours) > 0, err
}

// threadsOf lists the threads of messages, each once, in the order of the messages.
func (l *Leads) threadsOf(ctx context.Context, w string, messages []string) ([]string, error) {
	at := make([]string, len(messages))
	errs := parallel.Each(ctx, len(messages), atOnce, func(i int) error {
		p, err := l.store.Place(ctx, w, messages[i])
		if at[i] = p.Thread; fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	var out []string
	for _, t := range at {
		if t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, errors.Join(errs...)
}

// byPerson names persons in place of accounts, and leaves out what was said to oneself.
func (l *Leads) byPerson(ctx context.Context, w, self string, acts []community.Act) ([]community.Act, error) {
	accounts := make([]string, len(acts))
	for i, a := range acts {
		accounts[i] = a.Other
	}
	slices.Sort(accounts)
	accounts = slices.Compact(accounts)
	ids, err := l.store.PersonIDs(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for i, a := range accounts {
		of[a] = ids[i]
	}
	var out []community.Act
	for _, a := range acts {
		if id := of[a.Other]; id != self {
			out = append(out, community.Act{Other: id, At: a.At})
		}
	}
	return out, nil
}
