package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

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
	LastKey      string     `json:"last_key" doc:"The asker's newest message"`
	WaitingSince *time.Time `json:"waiting_since,omitempty" doc:"The first message since the newest reply that has none"`
	Waiting      *Message   `json:"waiting,omitempty" doc:"That message"`
}

// Exchange is a reply of the business's and the message that it is to.
type Exchange struct {
	Asked    time.Time `json:"asked"`
	Answered time.Time `json:"answered"`
	Seconds  float64   `json:"seconds"`
	Message  string    `json:"message" doc:"The id of the message that was replied to"`
	Reply    string    `json:"reply" doc:"The id of the reply's activity"`
}

// ConversationDetail is a conversation and its exchanges.
type ConversationDetail struct {
	Conversation Conversation   `json:"conversation"`
	Exchanges    Page[Exchange] `json:"exchanges" doc:"Newest first"`
}

type conversationIn struct {
	InWorkspace
	Paged
	Thread string `path:"thread" pattern:"^(thr|msg)_[a-z0-9]{1,60}$" maxLength:"64"`
	Person string `path:"person" pattern:"^per_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"Who asks"`
}

type conversationOut struct {
	Link string `header:"Link" doc:"The next page of exchanges, rel=next"`
	Body ConversationDetail
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
	State string `query:"state" enum:"waiting,all" default:"waiting" doc:"waiting: who waits, the longest first, whenever it was. all: newest message in the period, the newest hour first"`
}

type responseTimesIn struct {
	InWorkspace
	Period
}

// level is the confidence of every interval.
const level = 0.95

func (s *service) conversations(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-conversations", Method: http.MethodGet, Path: "/conversations", Tags: []string{"feedback"}, Summary: "List conversations",
		Description: "A page may hold fewer than asked for, or none, while there is a next one."}, s.listConversations)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-conversation", Method: http.MethodGet, Path: "/conversations/{thread}/{person}", Tags: []string{"feedback"}, Summary: "Get a conversation with its exchanges"}, s.getConversation)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-response-times", Method: http.MethodGet, Path: "/response-times", Tags: []string{"feedback"}, Summary: "Get how fast answers came",
		Description: "Medians of all replies given in the period, however long it is. What is not answered has no time: see the conversations that wait."},
		func(ctx context.Context, w string, in *responseTimesIn) (*Out[ResponseTimes], error) {
			from, to, err := in.bounds(s.Now(), 0)
			if err != nil {
				return nil, err
			}
			f, err := s.Store.Responses(ctx, w, from, to)
			if err != nil {
				return nil, err
			}
			return &Out[ResponseTimes]{ResponseTimes{from, to, responseTime(f.PerPair), responseTime(f.PerMessage), responseTime(f.PerConversation)}}, nil
		})
}

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
	var last string
	place := store.Head.Place
	if in.State == "waiting" {
		place = store.Head.WaitingPlace
		heads, last, err = s.Store.Waiting(ctx, w, after, in.Limit)
	} else {
		heads, last, err = s.Store.Conversations(ctx, w, from, to, after, in.Limit)
	}
	if err != nil {
		return nil, err
	}
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
		out.Body.Items, last = out.Body.Items[:n], place(heads[n-1])
	}
	out.Body.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

func (s *service) getConversation(ctx context.Context, w string, in *conversationIn) (*conversationOut, error) {
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	asker := social.AccountOf(in.Person)
	h, err := s.Store.Head(ctx, w, in.Thread, asker)
	if err == nil && h.Last.IsZero() {
		err = fault.New(fault.NotFound, "nothing of it stands any more")
	}
	if err != nil {
		return nil, err
	}
	out := &conversationOut{Body: ConversationDetail{Exchanges: Page[Exchange]{Items: []Exchange{}}}}
	if out.Body.Conversation, err = s.conversation(ctx, w, h); err != nil {
		return nil, err
	}
	list, last, err := s.Store.ExchangesOf(ctx, w, in.Thread, asker, after, in.Limit)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		out.Body.Exchanges.Items = append(out.Body.Exchanges.Items, Exchange{e.Asked, e.Answered, e.Answered.Sub(e.Asked).Seconds(), e.Message, e.Answer})
	}
	out.Body.Exchanges.NextCursor, out.Link, err = s.next(ctx, last)
	return out, err
}

func (s *service) conversation(ctx context.Context, w string, h store.Head) (Conversation, error) {
	c := Conversation{Thread: h.Thread, Person: social.PersonID(h.Asker), State: string(h.At(s.Now())), Started: h.Started, Last: h.Last,
		LastKey: h.LastKey, WaitingSince: some(h.WaitingSince)}
	if h.WaitingSince.IsZero() {
		return c, nil
	}
	i, err := s.said(ctx, w, h.Waiting)
	if err != nil || i.Key == "" {
		return c, err
	}
	m := message(i)
	c.Waiting = &m
	return c, nil
}

// said returns a message as it stands; one that is gone is the zero Item.
func (s *service) said(ctx context.Context, w string, ref store.FactRef) (store.Item, error) {
	i, err := s.Store.Item(ctx, w, ref)
	if fault.Is(err, fault.NotFound) {
		return store.Item{}, nil
	}
	return i, err
}
