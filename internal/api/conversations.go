package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/stats"
	"rapport/internal/store"
)

// Conversation is one asker in one thread with the business.
type Conversation struct {
	Thread       string     `json:"thread"`
	Person       string     `json:"person" doc:"Who asks"`
	State        string     `json:"state" enum:"waiting,answered,closed" doc:"closed: answered, and silent for a week"`
	Started      time.Time  `json:"started" doc:"The asker's first message"`
	Last         time.Time  `json:"last" doc:"The newest message of either side"`
	Messages     int        `json:"messages" doc:"Of the asker's"`
	Replies      int        `json:"replies" doc:"Of the business's, to them"`
	LastKey      string     `json:"last_key" doc:"The asker's newest message"`
	WaitingSince *time.Time `json:"waiting_since,omitempty" doc:"The first message since the newest reply that has none"`
	Waiting      *Message   `json:"waiting,omitempty" doc:"That message"`
}

// ResponseTime is one figure of how fast answers came, in seconds.
type ResponseTime struct {
	N             int      `json:"n" doc:"Observations"`
	Needed        int      `json:"needed" doc:"How many the interval takes"`
	Enough        bool     `json:"enough" doc:"Whether there are enough; if not, there are no numbers"`
	MedianSeconds *float64 `json:"median_seconds,omitempty"`
	Low           *float64 `json:"low,omitempty" doc:"Of the exact 95 % interval of the median, in seconds"`
	High          *float64 `json:"high,omitempty" doc:"Of the exact 95 % interval of the median, in seconds"`
}

// ResponseTimes are the three figures, which answer three different questions.
type ResponseTimes struct {
	From            time.Time    `json:"from"`
	To              time.Time    `json:"to"`
	PerPair         ResponseTime `json:"per_pair" doc:"Each reply, from the message it replies to"`
	PerMessage      ResponseTime `json:"per_message" doc:"Each answered message, to its first reply"`
	PerConversation ResponseTime `json:"per_conversation" doc:"Each asker in a thread, from the first message to the first reply"`
}

type listConversationsIn struct {
	InWorkspace
	Period
	Paged
	State string `query:"state" enum:"waiting,all" default:"waiting" doc:"waiting: who waits, the longest first, whenever it was. all: newest message in the period, newest first"`
}

type responseTimesIn struct {
	InWorkspace
	Period
}

// level is the confidence of every interval.
const level = 0.95

func (s *service) conversations(api huma.API) {
	members(s, api, huma.Operation{OperationID: "list-conversations", Method: http.MethodGet, Path: "/conversations", Tags: []string{"feedback"}, Summary: "List conversations"}, s.listConversations)
	members(s, api, huma.Operation{OperationID: "get-response-times", Method: http.MethodGet, Path: "/response-times", Tags: []string{"feedback"}, Summary: "Get how fast answers came",
		Description: "Medians of all replies given in the period, however long it is. What is not answered has no time: see the conversations that wait."},
		func(ctx context.Context, w string, in *responseTimesIn) (*Out[ResponseTimes], error) {
			from, to, err := in.bounds(s.Now(), 0)
			if err != nil {
				return nil, err
			}
			// A reply of the period may be followed by others after it.
			heads, err := s.Store.Conversations(ctx, w, from, endOfTime)
			if err != nil {
				return nil, err
			}
			list := make([]conversation.Conversation, len(heads))
			for i, h := range heads {
				list[i] = h.Conversation
			}
			f := conversation.Measure(list, from, to)
			return &Out[ResponseTimes]{ResponseTimes{from, to, responseTime(f.PerPair), responseTime(f.PerMessage), responseTime(f.PerConversation)}}, nil
		})
}

var endOfTime = time.Date(2999, 12, 31, 23, 59, 59, 0, time.UTC)

func responseTime(seconds []float64) ResponseTime {
	out := ResponseTime{N: len(seconds), Needed: stats.QuantileNeeds(0.5, level)}
	low, high, ok := stats.MedianInterval(seconds, level)
	if !ok {
		return out
	}
	median, _ := stats.Median(seconds)
	out.Enough, out.MedianSeconds, out.Low, out.High = true, &median, &low, &high
	return out
}

func (s *service) listConversations(ctx context.Context, w string, in *listConversationsIn) (*PageOut[Conversation], error) {
	from, to, err := in.bounds(s.Now(), 0)
	if err != nil {
		return nil, err
	}
	if in.State == "waiting" && (in.From != "" || in.To != "") {
		return nil, invalid("query.state", "waiting takes no from or to: whoever waits is listed")
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	var heads []store.Head
	rank := func(h store.Head) string { return social.Stamp(h.WaitingSince) + h.Thread + h.Asker }
	if in.State == "waiting" {
		heads, err = s.Store.Waiting(ctx, w)
	} else {
		rank = func(h store.Head) string { return falling(h.Last) + h.Thread + h.Asker }
		heads, err = s.Store.Conversations(ctx, w, from, to)
		heads = slices.DeleteFunc(heads, func(h store.Head) bool { return !h.Last.Before(to) })
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(heads, func(a, b store.Head) int { return cmp.Compare(rank(a), rank(b)) })
	heads, last := pageAfter(heads, rank, after, in.Limit)
	out := &PageOut[Conversation]{Body: Page[Conversation]{Items: make([]Conversation, len(heads))}}
	errs := parallel.Each(ctx, len(heads), 8, func(i int) (err error) {
		out.Body.Items[i], err = s.conversation(ctx, w, heads[i])
		return err
	})
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	n, err := fitting(out.Body.Items)
	if err != nil {
		return nil, err
	}
	if n < len(heads) {
		out.Body.Items, last = out.Body.Items[:n], rank(heads[n-1])
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

// falling is a text that sorts the newest instant first.
func falling(t time.Time) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '9' - (r - '0')
		}
		return r
	}, social.Stamp(t))
}

func (s *service) conversation(ctx context.Context, w string, h store.Head) (Conversation, error) {
	c := Conversation{Thread: h.Thread, Person: social.PersonID(h.Asker), State: string(h.At(s.Now())), Started: h.Started, Last: h.Last,
		Messages: h.Messages, Replies: len(h.Exchanges), LastKey: h.LastKey, WaitingSince: some(h.WaitingSince)}
	if h.WaitingSince.IsZero() {
		return c, nil
	}
	i, err := s.Store.ItemAt(ctx, w, h.Asker, h.WaitingKey, h.WaitingSince)
	if fault.Is(err, fault.NotFound) {
		return c, nil // erased meanwhile
	}
	if err != nil {
		return c, err
	}
	m := message(i)
	c.Waiting = &m
	return c, nil
}
