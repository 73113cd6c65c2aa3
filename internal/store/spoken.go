package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"rapport/internal/conversation"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/stats"
)

// Spoken is one message of a conversation, of either side.
type Spoken struct {
	social.Activity // as it was written; zero: it was erased right now
	At              time.Time
	Place           string   // in the order of SpokenIn
	Message         string   // the message's id; "" of a reply that was erased right now
	ID              string   // the activity's id
	Reply           bool     // by the business
	Answers         string   // of a reply: the id of the asker's message that it is to; "": to none in particular
	AnsweredBy      []string // of the asker's: the ids of the replies to it, the oldest first
	Deleted         bool
}

// repliesAhead bounds how many replies are looked through for those to the messages of a page.
const repliesAhead = 1000

// SpokenIn returns what asker and business said to each other in a thread,
// oldest first, after a place, at most limit, and the place of the last ("":
// there is no more). Of the business it returns the replies to the asker, and
// in a private thread that the platform does not name, what it said there in reply to something.
func (s *Store) SpokenIn(ctx context.Context, w, thread, asker, after string, limit int) ([]Spoken, string, error) {
	part := partPK(w, thread, asker)
	lists := []struct{ pk, prefix string }{{part, "M#q#"}, {part, "M#x#"}, {part, "M#c#"}, {part, "M#d#"}, {part, "X#"}, {part, "XA#"}, {threadPK(w, thread), "PN#"}}
	type found struct {
		place string
		partItem
	}
	parts := make([][]found, len(lists))
	from := " "
	if after != "" {
		from = after + "!"
	}
	errs := parallel.Each(ctx, len(lists), len(lists), func(i int) error {
		l := lists[i]
		items, err := all[partItem](ctx, s, query{pk: l.pk, from: l.prefix + from, to: l.prefix + "~", limit: limit + 1})
		for _, it := range items {
			parts[i] = append(parts[i], found{strings.TrimPrefix(it.SK, l.prefix), it})
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, "", err
	}
	items := slices.Concat(parts...)
	slices.SortStableFunc(items, func(a, b found) int { return strings.Compare(a.place, b.place) })
	// What the business said in private and is a reply stands twice: as a reply first, since lists are in that order.
	items = slices.CompactFunc(items, func(a, b found) bool { return a.place == b.place })
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].place
	}
	// What asks since an edit stands twice, once under the time of the edit.
	items = slices.DeleteFunc(items, func(f found) bool { return f.Since != "" && f.Since == f.nodeItem.Occurred })
	if len(items) == 0 {
		return nil, next, nil
	}
	answers, err := s.answersAfter(ctx, part, items[0].place)
	if err != nil {
		return nil, "", err
	}
	out, keys := make([]Spoken, len(items)), make([]key, len(items))
	for i, it := range items {
		sp := &out[i]
		stamp, id, _ := strings.Cut(it.place, "#")
		sp.Place, sp.ID, sp.Message = it.place, id, it.nodeItem.Message
		if sp.At, err = social.ParseStamp(stamp); err != nil {
			return nil, "", err
		}
		switch {
		case strings.HasPrefix(it.SK, "X"):
			sp.Reply, sp.Answers, sp.Message = true, it.Message, ""
			keys[i] = key{accountPK(w, asker), "R#" + it.place}
			continue
		case strings.HasPrefix(it.SK, "P"):
			sp.Reply, sp.Answers = true, it.InReplyTo
		default:
			sp.Deleted, sp.AnsweredBy = strings.HasPrefix(it.SK, "M#d#"), answers[it.Message]
		}
		keys[i] = key{accountPK(factsOf(w), it.Account), it.Fact}
	}
	facts, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, "", err
	}
	for i, f := range facts {
		if f == nil {
			continue
		}
		var it activityItem
		if err := attributevalue.UnmarshalMap(f, &it); err != nil {
			return nil, "", err
		}
		if out[i].Activity, err = it.activity(); err != nil {
			return nil, "", err
		}
		out[i].Message, out[i].At = MessageID(out[i].Platform, out[i].Scope, out[i].Object.ID), out[i].Occurred
	}
	return out, next, nil
}

// answersAfter returns the replies given to messages from a place on, by message.
func (s *Store) answersAfter(ctx context.Context, part, place string) (map[string][]string, error) {
	items, err := all[exchangeItem](ctx, s, query{pk: part, from: "X#" + place, to: "X#~", limit: repliesAhead})
	out := map[string][]string{}
	for _, it := range items {
		out[it.Message] = append(out[it.Message], lastPart(it.SK))
	}
	return out, err
}

// WaitingNewest returns conversations in which somebody waits, those that
// began to wait last first, at most limit, and whether there are more.
func (s *Store) WaitingNewest(ctx context.Context, w string, limit int) ([]Head, bool, error) {
	list, next, err := s.listed(ctx, "G1", w+"#W", "", "", "", true, limit)
	return list, next != "", err
}

// usualDays and usualAnswers bound what UsualAnswers reads.
const (
	usualDays    = 28
	usualAnswers = 150 // of a partition of a day
)

// UsualAnswers returns how long a message usually waited for its first answer
// by a human in the four weeks before an instant: the median of each channel of
// which enough is known for a 95 % interval. Of busy days it reads a part.
func (s *Store) UsualAnswers(ctx context.Context, w string, at time.Time) (map[Channel]time.Duration, error) {
	found := map[Channel][]float64{}
	err := s.eachResponse(ctx, w, at.AddDate(0, 0, -usualDays), at, usualAnswers, func(r Response) {
		if !r.Whole && r.Human {
			found[r.Channel] = append(found[r.Channel], conversation.Took(r.Asked, r.Answered).Seconds())
		}
	})
	out := map[Channel]time.Duration{}
	for channel, seconds := range found {
		if median, ok := stats.Median(seconds); ok && len(seconds) >= stats.QuantileNeeds(0.5, 0.95) {
			out[channel] = time.Duration(median * float64(time.Second))
		}
	}
	return out, err
}
