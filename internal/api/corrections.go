package api

import (
	"cmp"
	"context"
	"encoding/base32"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/conversation"
	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/langid"
	"rapport/internal/refitting"
	"rapport/internal/social"
	"rapport/internal/stats"
	"rapport/internal/store"
	"rapport/internal/view"
)

// Read is what is known of what a text says.
type Read struct {
	Language    string  `json:"language,omitempty"`
	Sentiment   string  `json:"sentiment,omitempty"`
	Intent      string  `json:"intent,omitempty"`
	Severity    int     `json:"severity" minimum:"0" maximum:"3" doc:"Of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed"`
	NeedsAnswer float64 `json:"needs_answer" minimum:"0" maximum:"1" doc:"The probability that it needs an answer, as somebody's first message"`
	AnswerAfter float64 `json:"needs_answer_after" minimum:"0" maximum:"1" doc:"The same, where it follows what the business said"`
}

// Says is what somebody says that a text says; what is left out stands as the reader read it.
type Says struct {
	Language    string `json:"language,omitempty" pattern:"^[a-z]{2,3}$" maxLength:"3" doc:"Its language (ISO 639-1)"`
	Sentiment   string `json:"sentiment,omitempty" enum:"negative,neutral,positive" doc:"How it sounds"`
	Intent      string `json:"intent,omitempty" enum:"problem,complaint,wish,question,praise,recommendation,purchase,churn,closing,chatter,spam" doc:"What it is for"`
	Severity    *int   `json:"severity,omitempty" minimum:"0" maximum:"3" doc:"Of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed. Left out, it is 0 where the intent that is said is neither"`
	NeedsAnswer *bool  `json:"needs_answer,omitempty" doc:"Whether it needs an answer where it stands"`
}

// Chosen says how it came that this message was looked at.
type Chosen struct {
	Chosen      string  `json:"chosen" enum:"picked,drawn" doc:"picked: somebody came across it. drawn: by draw-messages, or by chance in another way. It can't be said later, and how right the reader is can only be told from what was drawn"`
	Probability float64 `json:"probability,omitempty" minimum:"0" maximum:"1" doc:"Of drawn: the probability with which it was drawn"`
}

// NewCorrection is what a message says, and how it was chosen.
type NewCorrection struct {
	Says
	Chosen
}

// Correction is what somebody of the business said that a message says.
type Correction struct {
	ID        string    `json:"id"`
	Message   string    `json:"message" doc:"The id of the message"`
	At        time.Time `json:"at" doc:"When it was said"`
	By        string    `json:"by" doc:"The id of the member, or of the machine key, who said it"`
	Withdrawn bool      `json:"withdrawn,omitempty" doc:"It takes back the one before, and says nothing"`
	Says
	Chosen
	Read   Read   `json:"read" doc:"What the reader had said"`
	Reader string `json:"reader" doc:"The version of the reader"`
}

// MessageReading is how a message is read.
type MessageReading struct {
	Message   string       `json:"message"`
	Text      string       `json:"text" doc:"What it says by now"`
	Reading   Read         `json:"reading" doc:"What counts everywhere: the reader's reading with the correction that holds"`
	Read      Read         `json:"read" doc:"What the reader said"`
	Reader    string       `json:"reader" doc:"The version of the reader"`
	Corrected bool         `json:"corrected" doc:"The newest correction holds: it was not taken back, and the text is still the one that it was made of"`
	History   []Correction `json:"history" doc:"What was corrected, newest first; at most 50"`
}

// DrawnMessage is a message that was drawn. How it was read is left out, so that
// nobody is led by it.
type DrawnMessage struct {
	Message     string    `json:"message"`
	Person      string    `json:"person"`
	Platform    string    `json:"platform"`
	Scope       string    `json:"scope,omitempty"`
	Occurred    time.Time `json:"occurred"`
	URL         string    `json:"url,omitempty"`
	Text        string    `json:"text" doc:"What it says by now; of a long one the beginning"`
	InReplyTo   string    `json:"in_reply_to,omitempty" doc:"The message that it names"`
	Probability float64   `json:"probability" minimum:"0" maximum:"1" doc:"With which it was drawn: pass it with the correction"`
}

// Draw is messages drawn by chance.
type Draw struct {
	Seed  string         `json:"seed" example:"mzxw6ytboi" doc:"The same seed, period and count give the same messages, as long as nothing came, went or was edited"`
	Of    int            `json:"of" example:"1840" doc:"How many messages of the period there were to draw from"`
	Items []DrawnMessage `json:"items" doc:"In the order of chance: to take only the first of them is a draw, too, with less probability each"`
}

// Agreement says how often the reader was right.
type Agreement struct {
	Head   string   `json:"head" enum:"language,sentiment,intent,severity,needs_answer" doc:"What was compared"`
	Labels int      `json:"labels" example:"120" doc:"How many drawn messages somebody said it of, that were read by the version in use now"`
	Unread int      `json:"unread" example:"3" doc:"How many more there are that the reader could not read"`
	Share  *float64 `json:"share,omitempty" minimum:"0" maximum:"1" example:"0.87" doc:"In how many of the messages the reader says the same, each weighed by how improbable it was to be drawn; absent where there is not enough data"`
	Low    *float64 `json:"low,omitempty" minimum:"0" maximum:"1" example:"0.79" doc:"The lower end of the share's 95 % interval (Wilson's; of unequal weights, for as many messages as they are worth)"`
	High   *float64 `json:"high,omitempty" minimum:"0" maximum:"1" example:"0.92" doc:"The upper end"`
}

// Agreements is how right the reader was on what was drawn.
type Agreements struct {
	Drawn    int         `json:"drawn" example:"120" doc:"How many messages were drawn and corrected, or confirmed"`
	Others   int         `json:"of_other_versions" example:"12" doc:"How many of drawn had been read by another version of the reader than is in use now (get-reader): they are not compared"`
	Picked   int         `json:"picked" example:"14" doc:"How many were picked: they say nothing of how often the reader is right"`
	Complete bool        `json:"complete" doc:"All corrections were looked at; else the newest 5000"`
	Enough   int         `json:"enough" example:"30" doc:"From so many labels on a share is told"`
	Heads    []Agreement `json:"heads"`
}

// InMessage is the part of a request that names a message.
type InMessage struct {
	InWorkspace
	Message string `path:"message" pattern:"^msg_[a-z0-9]{1,60}$" maxLength:"64" doc:"The message's id, as get-conversation, list-activities and draw-messages give it"`
}

type putCorrectionIn struct {
	InMessage
	IfMatch
	Body NewCorrection
}

type deleteCorrectionIn struct {
	InMessage
	IfMatch
}

type listCorrectionsIn struct {
	InWorkspace
	Paged
}

type drawIn struct {
	InWorkspace
	Period
	Count int    `query:"count" minimum:"1" maximum:"100" default:"20" doc:"How many"`
	Seed  string `query:"seed" pattern:"^[A-Za-z0-9_-]{1,64}$" maxLength:"64" example:"mzxw6ytboi" doc:"Draws the same again; left out, one is made up"`
}

const (
	keptHistory   = 50                  // corrections of a message that are shown
	drawnFrom     = 31 * 24 * time.Hour // the longest period that is drawn from
	shownOfDrawn  = 10_000              // bytes
	agreementOver = 5_000               // corrections that are looked at
	enoughLabels  = 30
)

func (s *service) corrections(api huma.API) {
	tags := []string{"feedback"}
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-reading", Method: http.MethodGet, Path: "/messages/{message}/reading", Tags: tags, Summary: "Get how a message is read",
		Description: "What the reader said, what somebody corrected, and what counts. What was said by an account of the business has none."},
		func(ctx context.Context, w string, in *InMessage) (*Out[MessageReading], error) {
			i, err := s.corrigible(ctx, w, in.Message)
			if err != nil {
				return nil, err
			}
			out, err := s.readingOf(ctx, w, i)
			return &Out[MessageReading]{out}, err
		})
	members(s, api, social.Agent, huma.Operation{OperationID: "put-correction", Method: http.MethodPut, Path: "/messages/{message}/correction", Tags: tags, Summary: "Correct how a message is read",
		Description: "Say what it says, or that it was read right. Who said so and when is kept, and so is each correction before; the newest counts in lists, issues, leads and reports, from a few seconds later on. " +
			"It is of the text as it stands: once that is edited, the reader's reading counts again. docs/corrections.md says what a correction moves. If-Match takes the ETag of get-reading.",
		Errors: []int{http.StatusPreconditionFailed}}, s.correct)
	members(s, api, social.Agent, huma.Operation{OperationID: "delete-correction", Method: http.MethodDelete, Path: "/messages/{message}/correction", Tags: tags, Summary: "Take a correction back",
		Description: "The reader's reading counts again. That it was corrected, and taken back, is kept. If-Match takes the ETag of get-reading.",
		Errors:      []int{http.StatusPreconditionFailed}}, s.withdraw)
	members(s, api, social.Viewer, huma.Operation{OperationID: "list-corrections", Method: http.MethodGet, Path: "/corrections", Tags: tags, Summary: "List corrections",
		Description: "Newest first, also those that a later one replaced or took back. One that was just made may be missing for a moment."},
		func(ctx context.Context, w string, in *listCorrectionsIn) (*PageOut[Correction], error) {
			after, err := s.place(ctx, in.Cursor)
			if err != nil {
				return nil, err
			}
			list, last, err := s.Store.Corrections(ctx, w, after, in.Limit)
			if err != nil {
				return nil, err
			}
			out := &PageOut[Correction]{Body: Page[Correction]{Items: []Correction{}}}
			for _, c := range list {
				out.Body.Items = append(out.Body.Items, correction(c))
			}
			out.Body.NextCursor, out.Link, err = s.next(ctx, placeIf(len(list) == in.Limit, last))
			return out, err
		})
	members(s, api, social.Agent, huma.Operation{OperationID: "draw-messages", Method: http.MethodGet, Path: "/corrections/draw", Tags: tags, Summary: "Draw messages to be read by somebody",
		Description: "At random, each with the same probability, of what people said in the period, by default of the last 28 days and at most of 31. Correct each of them, or confirm it, with that probability: how right the reader is can be told from these alone."}, s.draw)
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-agreement", Method: http.MethodGet, Path: "/corrections/agreement", Tags: tags, Summary: "How right the reader was",
		Description: "On messages that were drawn, and read by the version of the reader that is in use now: how often it said what somebody says they say."}, s.agreement)
}

// corrigible returns a message as it stands whose reading may be corrected.
func (s *service) corrigible(ctx context.Context, w, message string) (store.Item, error) {
	p, err := s.Store.Place(ctx, w, message)
	if err != nil {
		return store.Item{}, err
	}
	i, err := s.Store.Item(ctx, w, p.Ref)
	switch {
	case err != nil:
		return i, err
	case i.Direction != social.Inbound:
		return i, fault.New(fault.NotFound, "the message was written by an account of the business: only what others say is read")
	case i.Deleted:
		return i, fault.New(fault.NotFound, "the message was deleted: nothing of it is read any more")
	case strings.TrimSpace(i.Text) == "":
		return i, fault.New(fault.NotFound, "the message has no text that could be read")
	}
	return i, nil
}

func read(r social.Reading) Read {
	return Read{r.Language, r.Sentiment, r.Intent, r.Severity, r.NeedsAnswer, r.NeedsAnswerAfter}
}

func correction(c store.Correction) Correction {
	out := Correction{ID: c.ID, Message: c.Message, At: c.At, By: c.By, Withdrawn: c.Withdrawn, Says: Says(c.Corrected), Chosen: Chosen{"picked", c.Probability}, Read: read(c.Read), Reader: c.Read.Reader}
	if c.Drawn {
		out.Chosen.Chosen = "drawn"
	}
	return out
}

func (s *service) readingOf(ctx context.Context, w string, i store.Item) (MessageReading, error) {
	was := i.AsRead().Reading
	out := MessageReading{Message: store.MessageID(i.Platform, i.Scope, i.Object.ID), Text: i.Text, Reading: read(i.Reading), Read: read(was), Reader: was.Reader, Corrected: i.Activity.Read != nil, History: []Correction{}}
	list, err := s.Store.CorrectionsOf(ctx, w, i.Activity, keptHistory)
	for _, c := range list {
		out.History = append(out.History, correction(c))
	}
	return out, err
}

func (s *service) correct(ctx context.Context, w string, in *putCorrectionIn) (*Out[MessageReading], error) {
	c := social.Correction{Drawn: in.Body.Chosen.Chosen == "drawn", Probability: in.Body.Probability, Corrected: social.Corrected(in.Body.Says)}
	switch {
	case c.Corrected == social.Corrected{}:
		return nil, invalid("body", "says nothing: say at least one of language, sentiment, intent, severity and needs_answer, as it was read if that is right")
	case c.Drawn && c.Probability == 0:
		return nil, invalid("body.probability", "is missing: say with which probability the message was drawn, as draw-messages told")
	case !c.Drawn && c.Probability != 0:
		return nil, invalid("body.probability", "goes with drawn only")
	case c.Language != "" && !slices.Contains(langid.Languages(), c.Language):
		return nil, invalid("body.language", "is none of the languages that are told apart: %s", strings.Join(langid.Languages(), ", "))
	}
	return s.say(ctx, w, in.InMessage, in.IfMatch, c)
}

func (s *service) withdraw(ctx context.Context, w string, in *deleteCorrectionIn) (*Out[MessageReading], error) {
	return s.say(ctx, w, in.InMessage, in.IfMatch, social.Correction{Withdrawn: true})
}

// say stores what somebody says of a message, unless it was the last thing
// that was said of it, and asks for its views to be computed again.
func (s *service) say(ctx context.Context, w string, in InMessage, only IfMatch, c social.Correction) (*Out[MessageReading], error) {
	i, err := s.corrigible(ctx, w, in.Message)
	if err != nil {
		return nil, err
	}
	if only.given() {
		there, err := s.readingOf(ctx, w, i)
		if err != nil {
			return nil, err
		}
		if err := only.holds(there); err != nil {
			return nil, err
		}
	}
	old := i.Correction
	if c.Withdrawn && old == nil {
		return nil, fault.New(fault.NotFound, "the message's reading was never corrected")
	}
	caller := callerOf(ctx)
	c.At, c.By, c.Of = social.Instant(s.Now()), caller.by(), social.TextID(i.Text)
	if old == nil || !same(*old, c) {
		if old != nil && !c.At.After(old.At) { // clocks differ: what is said now holds
			c.At = old.At.Add(time.Millisecond)
		}
		c.ID = social.HashID("cor", social.Key(i.ID(), social.Stamp(c.At), c.By))
		if err := s.Store.Correct(ctx, w, i, c); err != nil {
			return nil, err
		}
	}
	// Also where nothing was new: who asked before may have died in between.
	ref := store.RefOf(i.Activity)
	if err := s.View(ctx, ingest.View{Workspace: w, Facts: []store.FactRef{ref}}); err != nil {
		return nil, err
	}
	if err := s.Score(ctx, ingest.Score{Workspace: w, Accounts: []view.Stale{view.StaleBy(i.Activity)}}); err != nil {
		return nil, err
	}
	if i, err = s.Store.Item(ctx, w, ref); err != nil {
		return nil, err
	}
	out, err := s.readingOf(ctx, w, i)
	return &Out[MessageReading]{out}, err
}

// same reports whether two corrections say the same of the same text.
func same(a, b social.Correction) bool {
	if a.Withdrawn && b.Withdrawn {
		return true
	}
	return a.By == b.By && a.Of == b.Of && a.Withdrawn == b.Withdrawn && a.Drawn == b.Drawn && a.Probability == b.Probability &&
		a.Language == b.Language && a.Sentiment == b.Sentiment && a.Intent == b.Intent && equal(a.Severity, b.Severity) && equal(a.NeedsAnswer, b.NeedsAnswer)
}

func equal[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

// chance is the place of an activity in the order that a seed gives.
func chance(seed string, t day.Tuple) uint64 {
	h := fnv.New64a()
	io.WriteString(h, seed)
	h.Write(t.Activity[:])
	// FNV alone leaves what differs in the last bytes close together (Steele, Lea and Flood, 2014: the mixing of SplitMix64).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *service) draw(ctx context.Context, w string, in *drawIn) (*Out[Draw], error) {
	from, to, err := in.bounds(s.Now(), drawnFrom)
	if err != nil {
		return nil, err
	}
	out := &Out[Draw]{Draw{Seed: in.Seed, Items: []DrawnMessage{}}}
	if out.Body.Seed == "" {
		b := make([]byte, 10)
		if _, err := io.ReadFull(s.Random, b); err != nil {
			return nil, err
		}
		out.Body.Seed = strings.ToLower(base32.StdEncoding.EncodeToString(b))
	}
	type drawn struct {
		day.Tuple
		at uint64
	}
	var kept []drawn // the first by chance, in order
	err = s.Store.Days(ctx, w, store.Span{From: from, To: to}, func(_ time.Time, ts []day.Tuple) error {
		for _, t := range ts {
			if !t.Said || !t.Stands() || !t.Type.Utterance() || t.Direction != social.Inbound || t.Automatic {
				continue
			}
			out.Body.Of++
			d := drawn{t, chance(out.Body.Seed, t)}
			i, _ := slices.BinarySearchFunc(kept, d, func(a, b drawn) int { return cmp.Compare(a.at, b.at) })
			if kept = slices.Insert(kept, i, d); len(kept) > in.Count {
				kept = kept[:in.Count]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	tuples := make([]day.Tuple, len(kept))
	for i, d := range kept {
		tuples[i] = d.Tuple
	}
	items, err := s.Store.Said(ctx, w, tuples)
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		if i == nil || i.Deleted {
			continue // it went just now
		}
		m := DrawnMessage{Message: store.MessageID(i.Platform, i.Scope, i.Object.ID), Person: i.Person, Platform: string(i.Platform), Scope: i.Scope, Occurred: i.Occurred, URL: i.URL,
			Text: strings.ToValidUTF8(i.Text[:min(len(i.Text), shownOfDrawn)], ""), Probability: float64(len(kept)) / float64(out.Body.Of)}
		if i.InReplyTo != "" {
			m.InReplyTo = store.MessageID(i.Platform, i.Scope, i.InReplyTo)
		}
		out.Body.Items = append(out.Body.Items, m)
	}
	return out, nil
}

// heads are what a reading tells: whether somebody said it, and whether the reader said the same.
var heads = []struct {
	name string
	of   func(l refitting.Label) (said, right bool)
}{
	{"language", func(l refitting.Label) (bool, bool) { return l.Language != "", l.Language == l.Read.Language }},
	{"sentiment", func(l refitting.Label) (bool, bool) { return l.Sentiment != "", l.Sentiment == l.Read.Sentiment }},
	{"intent", func(l refitting.Label) (bool, bool) { return l.Intent != "", l.Intent == l.Read.Intent }},
	{"severity", func(l refitting.Label) (bool, bool) {
		return l.Severity != nil, l.Severity != nil && *l.Severity == l.Read.Severity
	}},
	{"needs_answer", func(l refitting.Label) (bool, bool) {
		return l.NeedsAnswer != nil, l.NeedsAnswer != nil && *l.NeedsAnswer == conversation.WantsReply(l.Read, false)
	}},
}

func (s *service) agreement(ctx context.Context, w string, _ *InWorkspace) (*Out[Agreements], error) {
	list, _, err := s.Store.Corrections(ctx, w, "", agreementOver)
	if err != nil {
		return nil, err
	}
	use, err := s.Store.ReaderOf(ctx, w)
	if err != nil {
		return nil, err
	}
	of, picked := refitting.Labels(list)
	drawn, version := len(of), versionOf(use)
	of = slices.DeleteFunc(of, func(l refitting.Label) bool { return l.Read.Reader != version })
	out := Agreements{Drawn: drawn, Others: drawn - len(of), Picked: picked, Complete: len(list) < agreementOver, Enough: enoughLabels}
	for _, h := range heads {
		a := Agreement{Head: h.name}
		var right, sum, squares float64 // of weights
		for _, l := range of {
			said, same := h.of(l)
			switch {
			case !said:
				continue
			case l.Read.Intent == social.IntentUnread && h.name != "language":
				a.Unread++
				continue
			}
			a.Labels++
			weight := 1 / l.Probability
			sum, squares = sum+weight, squares+weight*weight
			if same {
				right += weight
			}
		}
		if a.Labels >= enoughLabels {
			share := right / sum
			// As many messages of equal weight would say as much (Kish, "Survey Sampling", 1965).
			n := int(sum*sum/squares + 0.5)
			if low, high, ok := stats.Wilson(int(share*float64(n)+0.5), n, level); ok {
				a.Share, a.Low, a.High = &share, &low, &high
			}
		}
		out.Heads = append(out.Heads, a)
	}
	return &Out[Agreements]{out}, nil
}
