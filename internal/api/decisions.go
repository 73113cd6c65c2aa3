package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Decision is what somebody of the business decided about a conversation.
type Decision struct {
	ID    string     `json:"id" doc:"Made by whoever sent it"`
	At    time.Time  `json:"at" doc:"When it was decided"`
	By    string     `json:"by" doc:"The id of the member, or of the machine key, who decided it"`
	Kind  string     `json:"kind" enum:"done,not_needed,reopened,assigned,snoozed,noted" doc:"done: what was said until then is dealt with. not_needed: it needs no answer. reopened: neither. assigned: a member answers. snoozed: not listed until an instant. noted: something to be known"`
	To    string     `json:"to,omitempty" doc:"Of assigned: the member; absent: nobody in particular any more"`
	Until *time.Time `json:"until,omitempty" doc:"Of snoozed: until when"`
	Text  string     `json:"text,omitempty" doc:"The note; of the others, why"`
}

// NewDecision is what is to be decided.
type NewDecision struct {
	ID    string `json:"id" pattern:"^[A-Za-z0-9_-]{8,64}$" maxLength:"64" doc:"Made up by you, say a UUID: the same decision under the same id is made once, whenever it is sent again"`
	Kind  string `json:"kind" enum:"done,not_needed,reopened,assigned,snoozed,noted" doc:"What is decided"`
	To    string `json:"to,omitempty" pattern:"^(mem_[A-Za-z0-9_-]{1,60})?$" maxLength:"64" doc:"Of assigned: the id of a member; left out: nobody in particular any more"`
	Until string `json:"until,omitempty" format:"date-time" pattern:"^(199[0-9]|2[0-9]{3})-" maxLength:"64" doc:"Of snoozed: until when, at most a year from now"`
	Text  string `json:"text,omitempty" maxLength:"2000" doc:"Of noted: the note. Of the others: why, if somebody should know"`
}

// DecidedConversation is a decision, and how the conversation stands with it.
type DecidedConversation struct {
	Decision     Decision     `json:"decision"`
	Conversation Conversation `json:"conversation" doc:"As it stands now"`
}

// InConversation is the part of a request that names a conversation.
type InConversation struct {
	InWorkspace
	Thread string `path:"thread" pattern:"^(thr|msg)_[a-z0-9]{1,60}$" maxLength:"64"`
	Person string `path:"person" pattern:"^per_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"Who asks"`
}

type newDecisionIn struct {
	InConversation
	Body NewDecision
}

// longestSnooze bounds a snooze: what is put off for longer is not needed.
const longestSnooze = 366 * 24 * time.Hour

func (s *service) decisions(api huma.API) {
	members(s, api, social.Agent, huma.Operation{OperationID: "decide-conversation", Method: http.MethodPost, Path: "/conversations/{thread}/{person}/decisions", Tags: []string{"feedback"}, Summary: "Decide about a conversation",
		Description: "Say that it is done or needs no answer, assign it, note something, snooze it, or reopen it. What is decided is kept, with who and when, and shown with the conversation; it is not changed: decide again. " +
			"done and not_needed end the wait for what was said until now: what is said later waits again, and reopened undoes them and a snooze. " +
			"A snoozed conversation comes back by itself, when the time has passed or when the person asks something again.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound, http.StatusConflict}}, s.decide)
}

func (s *service) decide(ctx context.Context, w string, in *newDecisionIn) (*Out[DecidedConversation], error) {
	d, err := s.decisionOf(ctx, w, in.Body)
	if err != nil {
		return nil, err
	}
	h, err := s.headBy(ctx, w, in.InConversation)
	if err != nil {
		return nil, err
	}
	if d, err = s.Store.PutDecision(ctx, w, h.Thread, h.Asker, d); err != nil {
		return nil, err
	}
	thread, err := s.Store.Restand(ctx, w, h.Thread, h.Asker)
	if err != nil {
		return nil, err
	}
	if d.Kind == conversation.Done || d.Kind == conversation.NotNeeded { // a complaint that held back a call may have ended
		now := social.Instant(s.Now())
		if err := s.Score(ctx, ingest.Score{Workspace: w, Accounts: []view.Stale{{Account: h.Asker, Since: now, Until: now, Live: true}}}); err != nil {
			return nil, err
		}
	}
	if h, err = s.headOf(ctx, w, thread, h.Asker); err != nil {
		return nil, err
	}
	out := &Out[DecidedConversation]{DecidedConversation{Decision: decision(d)}}
	list, err := s.shown(ctx, w, []store.Head{h})
	if err == nil {
		out.Body.Conversation = list[0]
	}
	return out, err
}

// decisionOf reads what is to be decided.
func (s *service) decisionOf(ctx context.Context, w string, b NewDecision) (conversation.Decision, error) {
	caller := callerOf(ctx)
	d := conversation.Decision{ID: b.ID, At: s.begun(ctx), By: caller.by(), Kind: conversation.Kind(b.Kind), To: b.To, Text: b.Text}
	var err error
	if d.Until, err = requestTime("body.until", b.Until); err != nil {
		return d, err
	}
	switch {
	case d.Kind == conversation.Snoozed && d.Until.IsZero():
		return d, invalid("body.until", "is missing: say until when it is snoozed")
	case d.Kind != conversation.Snoozed && !d.Until.IsZero():
		return d, invalid("body.until", "goes with snoozed only")
	case d.Kind == conversation.Snoozed && !d.Until.After(d.At):
		return d, invalid("body.until", "has passed: give a later instant, or say reopened to list it again")
	case d.Until.After(d.At.Add(longestSnooze)):
		return d, invalid("body.until", "is more than a year from now: say not_needed if nobody will answer")
	case d.Kind != conversation.Assigned && d.To != "":
		return d, invalid("body.to", "goes with assigned only")
	case d.Kind == conversation.Noted && d.Text == "":
		return d, invalid("body.text", "is missing: it is the note")
	case d.To == "":
		return d, nil
	}
	return d, s.isMember(ctx, w, "body.to", d.To)
}

func decision(d conversation.Decision) Decision {
	return Decision{ID: d.ID, At: d.At, By: d.By, Kind: string(d.Kind), To: d.To, Until: some(d.Until), Text: d.Text}
}

// headBy returns the head of the conversation that a request names. Of a
// person of several accounts it is that of the account that the id was made
// of, or else of the one who said something last in the thread.
func (s *service) headBy(ctx context.Context, w string, in InConversation) (store.Head, error) {
	if !social.Several(in.Person) {
		h, err := s.headOf(ctx, w, in.Thread, social.AccountOf(in.Person))
		if !fault.Is(err, fault.NotFound) {
			return h, err
		}
	}
	p, err := s.Leads.Person(ctx, w, in.Person)
	if err != nil {
		return store.Head{}, err
	}
	newest, err := store.Head{}, fault.New(fault.NotFound, "no such conversation")
	for _, account := range p.Accounts {
		h, missing := s.headOf(ctx, w, in.Thread, account)
		switch {
		case fault.Is(missing, fault.NotFound):
		case missing != nil:
			return h, missing
		case newest.Thread == "" || h.Last.After(newest.Last):
			newest, err = h, nil
		}
	}
	return newest, err
}

// headOf returns the head of a conversation that stands.
func (s *service) headOf(ctx context.Context, w, thread, asker string) (store.Head, error) {
	h, err := s.Store.Head(ctx, w, thread, asker)
	if err == nil && h.Last.IsZero() {
		err = fault.New(fault.NotFound, "nothing of it stands any more")
	}
	return h, err
}
