package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Conversation is one asker in one thread with the business.
type Conversation struct {
	Thread       string     `json:"thread"`
	Person       string     `json:"person" doc:"Who asks"`
	State        string     `json:"state" enum:"waiting,answered,closed" doc:"closed: nobody waits, and the thread was closed on its platform, a member said that it is done or needs no answer, or it is silent for a week"`
	Started      time.Time  `json:"started" doc:"The asker's first message"`
	Last         time.Time  `json:"last" doc:"The newest message of either side"`
	LastKey      string     `json:"last_key" doc:"The asker's newest message"`
	WaitingSince *time.Time `json:"waiting_since,omitempty" doc:"The first message that needs an answer since the newest reply by a human, closing, decision or thanks"`
	Waiting      *Message   `json:"waiting,omitempty" doc:"That message"`
	Need         *Need      `json:"need,omitempty" doc:"Of who waits, in get-conversation and with order=need: how much an answer is needed"`
	Assigned     string     `json:"assigned,omitempty" doc:"The member who is to answer; absent: nobody in particular"`
	SnoozedUntil *time.Time `json:"snoozed_until,omitempty" doc:"Until then it is not listed, unless the person writes again"`
	SettledAt    *time.Time `json:"settled_at,omitempty" doc:"A member said then that what was said until then is done, or needs no answer"`
	ClosedAt     *time.Time `json:"closed_at,omitempty" doc:"The thread was closed then on its platform"`
	HelpedBy     string     `json:"helped_by,omitempty" doc:"The customer who helped: whom the person thanked, or whose answer was accepted"`
}

// Exchange is a reply of the business's and the message that it is to.
type Exchange struct {
	Asked     time.Time `json:"asked"`
	Answered  time.Time `json:"answered"`
	Seconds   float64   `json:"seconds"`
	Message   string    `json:"message" doc:"The id of the message that was replied to"`
	Reply     string    `json:"reply" doc:"The id of the reply's activity"`
	Automatic bool      `json:"automatic,omitempty" doc:"No human wrote the reply: it ends no wait"`
}

// Spoken is one message of a conversation, as it stands now.
type Spoken struct {
	Message    string    `json:"message" doc:"Its id in the workspace; in_reply_to and answers name messages by it"`
	Activity   string    `json:"activity" doc:"The id of its activity; answered_by names replies by it"`
	Key        string    `json:"key,omitempty" doc:"The activity's key, as list-activities gives it; absent where it was erased right now"`
	Side       string    `json:"side" enum:"asker,business" doc:"Who said it"`
	Name       string    `json:"name,omitempty" doc:"As the platform shows it"`
	Handle     string    `json:"handle,omitempty" doc:"As the platform shows it"`
	Automatic  bool      `json:"automatic,omitempty" doc:"No human wrote it"`
	Text       string    `json:"text,omitempty" doc:"What it says by now: of an edited one its newest words, of a deleted one none"`
	Deleted    bool      `json:"deleted,omitempty" doc:"It was deleted"`
	Edited     bool      `json:"edited,omitempty" doc:"It was edited"`
	Occurred   time.Time `json:"occurred"`
	URL        string    `json:"url,omitempty"`
	Intent     string    `json:"intent,omitempty"`
	Sentiment  string    `json:"sentiment,omitempty"`
	Language   string    `json:"language,omitempty"`
	Severity   int       `json:"severity,omitempty" minimum:"0" maximum:"3" doc:"Of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed"`
	Corrected  bool      `json:"corrected,omitempty" doc:"Somebody corrected how it is read: get-reading says who, and what the reader had said"`
	Waits      bool      `json:"waits,omitempty" doc:"It is the message that waits"`
	InReplyTo  string    `json:"in_reply_to,omitempty" doc:"The message that it names"`
	Answers    string    `json:"answers,omitempty" doc:"Of the business: the asker's message that it answers"`
	AnsweredBy []string  `json:"answered_by,omitempty" doc:"Of the asker: the activities that answer it, the oldest first; of the first 1000 replies after the page's first message"`
}

// ConversationDetail is a conversation whole.
type ConversationDetail struct {
	Conversation Conversation   `json:"conversation"`
	Messages     Page[Spoken]   `json:"messages" doc:"What asker and business said to each other, oldest first; the next page with messages_cursor"`
	Decisions    Page[Decision] `json:"decisions" doc:"What members decided, newest first; the next page with decisions_cursor"`
	Exchanges    Page[Exchange] `json:"exchanges" doc:"Newest first; the next page with cursor"`
}

type conversationIn struct {
	InConversation
	Paged
	MessagesCursor  string `query:"messages_cursor" maxLength:"1000" pattern:"^[A-Za-z0-9_-]+$" doc:"next_cursor of the messages of the page before"`
	DecisionsCursor string `query:"decisions_cursor" maxLength:"1000" pattern:"^[A-Za-z0-9_-]+$" doc:"next_cursor of the decisions of the page before"`
}

type conversationOut struct {
	Link string `header:"Link" doc:"The next page of exchanges, rel=next"`
	Body ConversationDetail
}

type listConversationsIn struct {
	InWorkspace
	Period
	Paged
	Waits
	State string `query:"state" enum:"waiting,all" default:"waiting" doc:"waiting: who waits, the longest first, whenever it was. all: newest message in the period, the newest hour first"`
}

type listConversationsOut struct {
	Link string `header:"Link" doc:"The next page, rel=next"`
	Body ConversationPage
}

type responseTimesIn struct {
	InWorkspace
	Period
}

// level is the confidence of every interval.
const level = 0.95

func (s *service) conversations(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-conversations", Method: http.MethodGet, Path: "/conversations", Tags: []string{"feedback"}, Summary: "List conversations",
		Description: "Who waits, who needs an answer most first, of the 2000 that began to wait last; docs/waiting.md says how need is told. Snoozed ones are left out unless asked for. With order=oldest, or state=all, " +
			"a page may hold fewer than asked for, or none, while there is a next one: for each page at most 2000 are looked at."}, s.listConversations)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-conversation", Method: http.MethodGet, Path: "/conversations/{thread}/{person}", Tags: []string{"feedback"}, Summary: "Get a conversation: messages, decisions and exchanges"}, s.getConversation)
	s.decisions(api)
	s.responses(api)
}

func (s *service) listConversations(ctx context.Context, w string, in *listConversationsIn) (*listConversationsOut, error) {
	from, to, err := in.bounds(s.Now(), 0)
	if err != nil {
		return nil, err
	}
	waiting := in.State == "waiting"
	if waiting && (in.From != "" || in.To != "") {
		return nil, invalid("query.state", "waiting takes no from or to: whoever waits is listed")
	}
	if !waiting && in.Waits != (Waits{Order: in.Order}) {
		return nil, invalid("query.state", "all takes no filter: filters are of who waits")
	}
	after, err := s.place(ctx, in.Cursor)
	if err != nil {
		return nil, err
	}
	if waiting && in.Order == "need" {
		return s.byNeed(ctx, w, in, after)
	}
	var heads []store.Head
	var last string
	place := store.Head.Place
	if waiting {
		place = store.Head.WaitingPlace
		heads, last, err = s.oldest(ctx, w, in, after)
	} else {
		heads, last, err = s.Store.Conversations(ctx, w, from, to, after, in.Limit)
	}
	if err != nil {
		return nil, err
	}
	out := &listConversationsOut{}
	if out.Body.Items, err = s.rows(ctx, w, heads); err != nil {
		return nil, err
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
	h, err := s.headBy(ctx, w, in.InConversation)
	if err != nil {
		return nil, err
	}
	out := &conversationOut{Body: ConversationDetail{Exchanges: Page[Exchange]{Items: []Exchange{}}}}
	list, err := s.shown(ctx, w, []store.Head{h})
	if err != nil {
		return nil, err
	}
	out.Body.Conversation = list[0]
	exchanges, last, err := s.Store.ExchangesOf(ctx, w, h.Thread, h.Asker, after, in.Limit)
	if err != nil {
		return nil, err
	}
	for _, e := range exchanges {
		out.Body.Exchanges.Items = append(out.Body.Exchanges.Items, Exchange{e.Asked, e.Answered, e.Answered.Sub(e.Asked).Seconds(), e.Message, e.Answer, e.Automatic})
	}
	if out.Body.Exchanges.NextCursor, out.Link, err = s.next(ctx, last); err != nil {
		return nil, err
	}
	if out.Body.Messages, err = s.spoken(ctx, w, h, in); err != nil {
		return nil, err
	}
	out.Body.Decisions, err = s.decided(ctx, w, h, in)
	return out, err
}

// decided is a page of what members decided about a conversation.
func (s *service) decided(ctx context.Context, w string, h store.Head, in *conversationIn) (Page[Decision], error) {
	out := Page[Decision]{Items: []Decision{}}
	after, err := s.placeIn(ctx, "decisions_cursor", in.DecisionsCursor)
	if err != nil {
		return out, err
	}
	list, last, err := s.Store.Decisions(ctx, w, h.Thread, h.Asker, after, in.Limit)
	if err != nil {
		return out, err
	}
	for _, d := range list {
		out.Items = append(out.Items, decision(d))
	}
	out.NextCursor, err = s.nextIn(ctx, "decisions_cursor", last)
	return out, err
}

// spoken is a page of what was said in a conversation.
func (s *service) spoken(ctx context.Context, w string, h store.Head, in *conversationIn) (Page[Spoken], error) {
	out := Page[Spoken]{Items: []Spoken{}}
	after, err := s.placeIn(ctx, "messages_cursor", in.MessagesCursor)
	if err != nil {
		return out, err
	}
	list, last, err := s.Store.SpokenIn(ctx, w, h.Thread, h.Asker, after, in.Limit)
	if err != nil {
		return out, err
	}
	as := make([]social.Activity, len(list))
	for i, m := range list {
		as[i] = m.Activity
	}
	now, err := s.Store.AmendedOf(ctx, w, as)
	if err != nil {
		return out, err
	}
	for i, m := range list {
		a := now[i].Shown(m.Activity)
		if m.Deleted {
			a.Text, a.Reading = "", social.Reading{}
		}
		x := Spoken{Activity: m.ID, Key: a.Key, Side: "asker", Name: a.Actor.Name, Handle: a.Actor.Handle, Automatic: a.Automatic, Text: a.Text, Deleted: m.Deleted || now[i].Deleted, Edited: now[i].Edit != nil,
			Occurred: m.At, URL: a.URL, Intent: a.Intent, Sentiment: a.Sentiment, Language: a.Language, Severity: a.Severity, Corrected: a.Read != nil, Message: m.Message, Waits: a.Key != "" && a.Key == h.WaitingKey,
			Answers: m.Answers, AnsweredBy: m.AnsweredBy}
		if m.Reply {
			x.Side = "business"
		}
		if a.InReplyTo != "" {
			x.InReplyTo = store.MessageID(a.Platform, a.Scope, a.InReplyTo)
		}
		out.Items = append(out.Items, x)
	}
	n, err := fitting(out.Items)
	if err != nil {
		return out, err
	}
	if n < len(list) {
		out.Items, last = out.Items[:n], list[n-1].Place
	}
	out.NextCursor, err = s.nextIn(ctx, "messages_cursor", last)
	return out, err
}

func (s *service) conversation(ctx context.Context, w string, h store.Head) (Conversation, error) {
	c := Conversation{Thread: h.Thread, State: string(h.At(s.Now())), Started: h.Started, Last: h.Last,
		LastKey: h.LastKey, WaitingSince: some(h.WaitingSince), Assigned: h.Assigned, SettledAt: some(h.Settled), ClosedAt: some(h.Ended)}
	if h.Hidden(s.Now()) {
		c.SnoozedUntil = some(h.Snoozed)
	}
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
