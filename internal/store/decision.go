package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Decisions are facts: they stand in the conversation's partition beside what
// the view keeps there, also while views are built again, and move up with it
// where its thread gets a new root.

// decisionItem is a decision. Those of a group stand in the order of time:
// the newest is the one that holds.
type decisionItem struct {
	PK, SK string
	Schema int
	ID, At string
	By     string
	Kind   string
	To     string `dynamodbav:",omitempty"`
	Until  string `dynamodbav:",omitempty"`
	Text   string `dynamodbav:",omitempty"`
	Of     string `dynamodbav:",omitempty"` // of a decision about a lead: the person
}

// Groups of decisions, of which the newest holds.
const (
	groupEnds     = "e" // done, not needed, reopened
	groupAssigned = "a"
	groupSnoozed  = "s"
	groupNoted    = "n"
)

var groups = []string{groupEnds, groupAssigned, groupSnoozed, groupNoted}

func groupOf(k conversation.Kind) string {
	switch k {
	case conversation.Assigned:
		return groupAssigned
	case conversation.Snoozed:
		return groupSnoozed
	case conversation.Noted:
		return groupNoted
	}
	return groupEnds
}

func (it decisionItem) decision() (conversation.Decision, error) {
	d := conversation.Decision{ID: it.ID, By: it.By, Kind: conversation.Kind(it.Kind), To: it.To, Text: it.Text}
	var err error
	if d.At, err = social.ParseStamp(it.At); err == nil && it.Until != "" {
		d.Until, err = social.ParseStamp(it.Until)
	}
	return d, err
}

// decidedItem says where the decision of an id stands, so that it is one, how
// often ever it is sent.
type decidedItem struct {
	PK, SK string
	Schema int
	Where  string // sort key
}

// PutDecision stores a decision about a conversation, with the audit line that
// the context brings, and returns it. One of the same id that says the same is
// returned as it is; one that says something else is an error of kind Conflict.
func (s *Store) PutDecision(ctx context.Context, w, thread, asker string, d conversation.Decision) (conversation.Decision, error) {
	pk := partPK(w, thread, asker)
	it := decisionItem{PK: pk, SK: decisionSK(groupOf(d.Kind), d.At, d.ID), Schema: 1, ID: d.ID, At: social.Stamp(d.At), By: d.By, Kind: string(d.Kind), To: d.To, Text: d.Text}
	if !d.Until.IsZero() {
		it.Until = social.Stamp(d.Until)
	}
	// None without a conversation: an erasure that took that would not find it.
	was, err := s.putDecided(ctx, it, headKey(w, thread, asker), "the conversation is being written: send the decision again")
	if err != nil {
		return d, err
	}
	return was.decision()
}

// putDecided stores a decision, with the audit line that the context brings,
// if something stands that it is about; gone is what to say where that doesn't.
// It returns the decision, or that which has its id already and says the same.
func (s *Store) putDecided(ctx context.Context, it decisionItem, stands key, gone string) (decisionItem, error) {
	put, err := s.putting(it, "")
	if err != nil {
		return it, err
	}
	mark, err := s.putting(decidedItem{PK: it.PK, SK: decidedSK(it.ID), Schema: 1, Where: it.SK}, "attribute_not_exists(PK)")
	if err != nil {
		return it, err
	}
	about := types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &s.table, Key: stands.av(), ConditionExpression: aws.String("attribute_exists(PK)")}}
	if err = s.change(ctx, "decision", put, mark, about); !fault.Is(err, fault.Conflict) {
		return it, err
	}
	var there decidedItem
	if err := s.get(ctx, key{it.PK, decidedSK(it.ID)}, &there); err != nil {
		if fault.Is(err, fault.NotFound) {
			return it, fault.New(fault.Transient, "%s", gone)
		}
		return it, err
	}
	return s.decided(ctx, key{it.PK, there.Where}, it)
}

// decided returns the decision that has an id already; an error of kind
// Conflict if it says something else.
func (s *Store) decided(ctx context.Context, where key, it decisionItem) (old decisionItem, err error) {
	if err := s.get(ctx, where, &old); err != nil {
		return it, err
	}
	if old.Kind != it.Kind || old.To != it.To || old.Until != it.Until || old.Text != it.Text || old.By != it.By {
		return it, fault.New(fault.Conflict, "another decision has this id: give each its own")
	}
	return old, nil
}

// Restand computes a conversation's head again after a decision about it, and
// returns the thread that it stands in by now. Where the thread got a new root
// meanwhile, the conversation is moved there; where it was erased meanwhile,
// what was decided about it goes too, and the error is of kind NotFound.
func (s *Store) Restand(ctx context.Context, w, thread, asker string) (string, error) {
	for range maxRoots {
		gone := false
		err := Again(ctx, func() error {
			old, err := s.Head(ctx, w, thread, asker)
			if gone = fault.Is(err, fault.NotFound); gone {
				return nil // it was moved, or erased
			}
			if err != nil {
				return err
			}
			now, err := s.StandAfter(ctx, w, old, Change{Whole: true})
			if err != nil {
				return err
			}
			return s.PutHead(ctx, w, now, old)
		})
		if err != nil {
			return thread, err
		}
		root, err := s.Root(ctx, w, thread)
		if err != nil || root == thread && !gone {
			return thread, err
		}
		if root == thread {
			if _, err := s.takeDecisions(ctx, partPK(w, thread, asker)); err != nil {
				return thread, err
			}
			return thread, fault.New(fault.NotFound, "the conversation was erased meanwhile")
		}
		if err := s.PutAsker(ctx, w, root, asker); err != nil {
			return thread, err
		}
		if err := s.MovePart(ctx, w, thread, root, asker); err != nil {
			return thread, err
		}
		if err := s.DeleteAsker(ctx, w, thread, asker); err != nil {
			return thread, err
		}
		thread = root
	}
	return thread, fault.New(fault.Transient, "the thread gets new roots faster than it is read")
}

// maxRoots bounds how often Restand follows a thread up.
const maxRoots = 10

// Decisions returns decisions about a conversation, newest first, after a
// place, at most limit, and the place of the last ("": there are no more).
func (s *Store) Decisions(ctx context.Context, w, thread, asker, after string, limit int) ([]conversation.Decision, string, error) {
	parts := make([][]decisionItem, len(groups))
	errs := parallel.Each(ctx, len(groups), len(groups), func(i int) (err error) {
		q := query{pk: partPK(factsOf(w), thread, asker), prefix: decisionsOf(groups[i]), descending: true, limit: limit + 1}
		if after != "" {
			q.after = decisionsOf(groups[i]) + after
		}
		parts[i], err = all[decisionItem](ctx, s, q)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, "", err
	}
	items := slices.Concat(parts...)
	slices.SortFunc(items, func(a, b decisionItem) int { return cmp.Compare(b.place(), a.place()) })
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].place()
	}
	out := make([]conversation.Decision, len(items))
	for i, it := range items {
		var err error
		if out[i], err = it.decision(); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// decisions is what decisions about a conversation come to, of those made
// before an instant ("~": all), and whether there are any. It reads the newest of each group.
func (s *Store) decisions(ctx context.Context, w, thread, asker, to string) (d conversation.Decided, some bool, err error) {
	pk := partPK(factsOf(w), thread, asker)
	first, err := all[key](ctx, s, query{pk: pk, prefix: decisions, limit: 1})
	if err != nil || len(first) == 0 {
		return d, false, err
	}
	holding := []string{groupEnds, groupAssigned, groupSnoozed}
	parts := make([][]decisionItem, len(holding))
	errs := parallel.Each(ctx, len(holding), len(holding), func(i int) (err error) {
		of := decisionsOf(holding[i])
		parts[i], err = all[decisionItem](ctx, s, query{pk: pk, from: of, to: of + to, descending: true, limit: 1})
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return d, false, err
	}
	newest := slices.Concat(parts...)
	slices.SortFunc(newest, func(a, b decisionItem) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID)) })
	for _, it := range newest {
		n, err := it.decision()
		if err != nil {
			return d, false, err
		}
		d.And(n)
	}
	return d, true, nil
}

// Stand computes where a conversation stands, of the messages, exchanges and
// decisions that are kept of it, as of an instant (zero: all of them). Its Last
// is zero where the asker said nothing that stands. It reads the ends of
// lists, whatever the conversation's length.
func (s *Store) Stand(ctx context.Context, w, thread, asker string, asOf time.Time) (Head, error) {
	none := Head{Thread: thread, Asker: asker}
	h, err := s.stand(ctx, w, none, Change{Whole: true}, asOf)
	if err != nil {
		return h, err
	}
	return s.asked(ctx, w, h, none, Change{Whole: true})
}

// StandAfter is Stand, of all messages, for a conversation whose head was old
// before a change. What the change cannot have moved is taken from old: whoever
// moves that writes the head afterwards, so that old is not the newest any more.
func (s *Store) StandAfter(ctx context.Context, w string, old Head, c Change) (Head, error) {
	h, err := s.standAfter(ctx, w, old, c)
	if err != nil {
		return h, err
	}
	return s.asked(ctx, w, h, old, c)
}

// asked notes in a head what the message asks that waits. It is read where it
// may be another one than in old, or say something else.
func (s *Store) asked(ctx context.Context, w string, h, old Head, c Change) (Head, error) {
	said := !c.Said.From.IsZero() && !c.Said.From.After(h.WaitingSince)
	switch {
	case h.WaitingSince.IsZero():
		h.Asked = Asked{}
		return h, nil
	case !c.Whole && old.Version > 0 && !said && c.Answered.From.IsZero() && h.WaitingKey == old.WaitingKey && old.Asked != (Asked{}):
		h.Asked = old.Asked
		return h, nil
	}
	i, err := s.Item(ctx, w, h.Waiting)
	if fault.Is(err, fault.NotFound) {
		h.Asked = Asked{} // erased right now: whoever erases computes the head again
		return h, nil
	}
	if err == nil {
		h.Asked = askedOf(i, !h.First.IsZero() && h.First.Before(h.WaitingSince))
	}
	return h, err
}

// Hidden reports whether a conversation is kept off the list of who waits at
// an instant: it is snoozed, and whoever asks has written nothing since.
func (h Head) Hidden(now time.Time) bool { return h.Snoozed.After(now) && !h.Said.After(h.Since) }

// At returns the state of a conversation at an instant: closed also where
// somebody said that it is done, and nothing was said since.
func (h Head) At(now time.Time) conversation.State {
	if h.WaitingSince.IsZero() && !h.Settled.IsZero() && !h.Last.After(h.Settled) {
		return conversation.Closed
	}
	return h.Standing.At(now)
}

// Asked is what is kept in a head of the message that waits, so that who waits
// is ranked and filtered without reading each message. Words are not among it.
type Asked struct {
	Platform    social.Platform
	Scope       string
	Language    string
	Intent      string
	Severity    int
	NeedsAnswer float64
	Negative    float64
	Buyer       bool // see conversation.Buyer
	Edited      bool // its words are those of an edit
}

// askedOf is what a message asks as it stands; after says whether the business
// had spoken to the asker before.
func askedOf(i Item, after bool) Asked {
	a := Asked{Platform: i.Platform, Scope: i.Scope, Language: i.Language, Intent: i.Intent, Severity: i.Severity, NeedsAnswer: i.NeedsAnswer, Negative: i.Negative,
		Buyer: conversation.Buyer(i.Text), Edited: !i.Edited.IsZero()}
	if after && i.NeedsAnswerAfter > 0 {
		a.NeedsAnswer = i.NeedsAnswerAfter
	}
	return a
}

// decidedPart is the part of a head's item that holds decisions and what is asked.
type decidedPart struct {
	Decided      bool    `dynamodbav:",omitempty"` // there are decisions
	Settled      string  `dynamodbav:",omitempty"`
	Assigned     string  `dynamodbav:",omitempty"`
	Snoozed      string  `dynamodbav:",omitempty"`
	SnoozedSince string  `dynamodbav:",omitempty"`
	Platform     string  `dynamodbav:",omitempty"` // of the message that waits, as what follows
	Scope        string  `dynamodbav:",omitempty"`
	Language     string  `dynamodbav:",omitempty"`
	Intent       string  `dynamodbav:",omitempty"`
	Severity     int     `dynamodbav:",omitempty"`
	NeedsAnswer  float64 `dynamodbav:",omitempty"`
	Negative     float64 `dynamodbav:",omitempty"`
	Buyer        bool    `dynamodbav:",omitempty"`
	Edited       bool    `dynamodbav:",omitempty"`
}

// maxScope bounds the scope that a head repeats, in bytes, so that it stays under 1 KB.
const maxScope = 200

func bounded(scope string) string { return strings.ToValidUTF8(scope[:min(len(scope), maxScope)], "") }

func decidedPartOf(h Head) decidedPart {
	a := h.Asked
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return social.Stamp(t)
	}
	return decidedPart{Decided: h.Some, Settled: stamp(h.Settled), Assigned: h.Assigned, Snoozed: stamp(h.Snoozed), SnoozedSince: stamp(h.Since),
		Platform: string(a.Platform), Scope: bounded(a.Scope), Language: a.Language, Intent: a.Intent, Severity: a.Severity,
		NeedsAnswer: a.NeedsAnswer, Negative: a.Negative, Buyer: a.Buyer, Edited: a.Edited}
}

func (p decidedPart) into(h *Head) error {
	h.Some, h.Assigned = p.Decided, p.Assigned
	h.Asked = Asked{Platform: social.Platform(p.Platform), Scope: p.Scope, Language: p.Language, Intent: p.Intent, Severity: p.Severity,
		NeedsAnswer: p.NeedsAnswer, Negative: p.Negative, Buyer: p.Buyer, Edited: p.Edited}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&h.Settled, p.Settled}, {&h.Snoozed, p.Snoozed}, {&h.Since, p.SnoozedSince}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return err
		}
		*x.to = t
	}
	return nil
}

// ForgetDecisions takes away what was decided about the conversation in which
// somebody said something that is being erased: notes hold words about the
// asker. It returns how many there were.
func (s *Store) ForgetDecisions(ctx context.Context, w string, a social.Activity) (int, error) {
	if !a.Type.Utterance() || a.Direction != social.Inbound {
		return 0, nil
	}
	n := NodeOf(a)
	place, err := s.Place(ctx, w, n.Message)
	thread := place.Thread
	if fault.Is(err, fault.NotFound) {
		thread, err = s.ThreadOf(ctx, w, a)
	}
	if err != nil {
		return 0, err
	}
	path, err := s.Path(ctx, w, thread)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, t := range path { // the lowest first: what is being moved is moved up
		n, err := s.takeDecisions(ctx, partPK(w, t, n.Account))
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (s *Store) takeDecisions(ctx context.Context, pk string) (int, error) {
	removed := 0
	for {
		items, err := all[key](ctx, s, query{pk: pk, from: decisions, to: "DI$", limit: pageOfMoves})
		if err != nil {
			return removed, err
		}
		for _, it := range items {
			there, err := s.take(ctx, it)
			if err != nil {
				return removed, err
			}
			if there && strings.HasPrefix(it.SK, decisions) {
				removed++
			}
		}
		if len(items) < pageOfMoves {
			return removed, nil
		}
	}
}
