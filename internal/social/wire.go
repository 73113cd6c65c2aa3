package social

import (
	"encoding/json"
	"fmt"
	"time"
)

// Line is the exchange form of an activity: what `rapport normalise` prints,
// `rapport score` reads and the API exports. It is the only wire form that
// lives beside the words, since three edges share it.
type Line struct {
	Key          string    `json:"key" doc:"Made of immutable parts of the event"`
	Platform     string    `json:"platform"`
	Scope        string    `json:"scope" doc:"The platform-side page, team, channel or forum"`
	Type         string    `json:"type"`
	Actor        LineActor `json:"actor"`
	Object       LineObj   `json:"object"`
	InReplyTo    string    `json:"in_reply_to,omitempty"`
	Conversation string    `json:"conversation,omitempty"`
	Text         string    `json:"text,omitempty"`
	URL          string    `json:"url,omitempty"`
	Occurred     string    `json:"occurred,omitempty" format:"date-time" doc:"Absent only where the platform does not say when and it has not been received"`
	Undated      bool      `json:"undated,omitempty" doc:"The platform does not say when it was done: occurred is known"`
	Precision    string    `json:"precision,omitempty" enum:"minute,second,millisecond" doc:"Of what a list told: how exactly occurred is known. The same event, told by its platform within that time, is this activity"`
	Direction    string    `json:"direction" enum:"inbound,outbound"`
	Person       string    `json:"person,omitempty" doc:"Set by the API"`
	Deleted      bool      `json:"deleted,omitempty" doc:"Set by the API: the message was deleted by now, and what it said is left out"`
	Edited       bool      `json:"edited,omitempty" doc:"Set by the API: the message was edited after this. A message says what its newest edit says; an edit that is not the newest says nothing"`
	Known        string    `json:"known,omitempty" format:"date-time" doc:"When Rapport first received it"`
	Flat         bool      `json:"flat,omitempty" doc:"The platform's threads are flat: in_reply_to names at most where the thread began"`
	Addressed    []string  `json:"addressed,omitempty" doc:"Ids of the accounts that the text addresses"`
	Automatic    bool      `json:"automatic,omitempty" doc:"No human did it: a bot, an automatic reply, a machine that answers"`
	Reaction     string    `json:"reaction,omitempty" doc:"Of a reaction: which, as the platform names it"`
	Rating       *LineMark `json:"rating,omitempty"`
	Language     string    `json:"language,omitempty"`
	Sentiment    string    `json:"sentiment,omitempty"`
	Words        string    `json:"words,omitempty"`
	Negative     float64   `json:"negative,omitempty" minimum:"0" maximum:"1" doc:"The probability that the text is negative"`
	Intent       string    `json:"intent,omitempty"`
	Severity     int       `json:"severity,omitempty" minimum:"0" maximum:"3" doc:"Of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed"`
	NeedsAnswer  float64   `json:"needs_answer,omitempty" minimum:"0" maximum:"1" doc:"The probability that the text needs an answer, as somebody's first message"`
	AnswerAfter  float64   `json:"needs_answer_after,omitempty" minimum:"0" maximum:"1" doc:"The same, where it follows what the business said"`
	Message      string    `json:"message,omitempty" doc:"Set by the API: the id of the message that it is, or edits"`
	Corrected    *LineRead `json:"corrected,omitempty" doc:"Set by the API: the reading above is somebody's correction"`
}

// LineRead says who corrected a reading, and what the reader had said.
type LineRead struct {
	At          time.Time `json:"at" doc:"When it was corrected"`
	By          string    `json:"by" doc:"The id of the member, or of the machine key, who did"`
	Reader      string    `json:"reader" doc:"The version of the reader"`
	Language    string    `json:"language,omitempty" doc:"What the reader said, as what follows"`
	Sentiment   string    `json:"sentiment,omitempty"`
	Intent      string    `json:"intent,omitempty"`
	Severity    int       `json:"severity,omitempty" minimum:"0" maximum:"3"`
	NeedsAnswer float64   `json:"needs_answer,omitempty" minimum:"0" maximum:"1"`
	AnswerAfter float64   `json:"needs_answer_after,omitempty" minimum:"0" maximum:"1"`
}

// LineReadOf says what the reader said of a corrected activity; nil of one that is not.
func LineReadOf(a Activity) *LineRead {
	if a.Read == nil {
		return nil
	}
	r := a.Read
	return &LineRead{At: a.Correction.At, By: a.Correction.By, Reader: r.Reader, Language: r.Language, Sentiment: r.Sentiment, Intent: r.Intent, Severity: r.Severity,
		NeedsAnswer: r.NeedsAnswer, AnswerAfter: r.NeedsAnswerAfter}
}

// LineMark is a rating.
type LineMark struct {
	Value    float64    `json:"value"`
	Worst    float64    `json:"worst" doc:"The worst mark of the scale, which may be the greater number"`
	Best     float64    `json:"best" doc:"The best mark of the scale"`
	Kind     RatingKind `json:"kind" enum:"nps,csat,ces,stars,thumb,score"`
	Question string     `json:"question,omitempty" doc:"As it was asked"`
}

// LineActor is who acted.
type LineActor struct {
	ID     string `json:"id"`
	Scope  string `json:"scope,omitempty" doc:"Within what the id is unique; absent: on the whole platform"`
	Handle string `json:"handle,omitempty"`
	Name   string `json:"name,omitempty"`
}

// LineObj is what was acted upon.
type LineObj struct {
	ID   string `json:"id"`
	Type string `json:"type,omitempty"`
}

// ToLine returns a's exchange form. The person is left empty.
func (a Activity) ToLine() Line {
	l := Line{Key: a.Key, Platform: string(a.Platform), Scope: a.Scope, Type: string(a.Type),
		Actor: LineActor(a.Actor), Object: LineObj(a.Object), InReplyTo: a.InReplyTo, Conversation: a.Conversation,
		Text: a.Text, URL: a.URL, Undated: a.Undated, Precision: string(a.Precision), Direction: string(a.Direction),
		Flat: a.Flat, Addressed: a.Addressed, Automatic: a.Automatic, Reaction: a.Reaction, Rating: (*LineMark)(a.Rating),
		Language: a.Language, Sentiment: a.Sentiment, Words: a.Words, Negative: a.Negative, Intent: a.Intent, Severity: a.Severity,
		NeedsAnswer: a.NeedsAnswer, AnswerAfter: a.NeedsAnswerAfter, Corrected: LineReadOf(a)}
	if !a.Occurred.IsZero() {
		l.Occurred = Stamp(a.Occurred)
	}
	if !a.Known.IsZero() {
		l.Known = Stamp(a.Known)
	}
	return l
}

// Activity returns what l says, or an error where it can't be an activity.
func (l Line) Activity() (Activity, error) {
	a := Activity{Key: l.Key, Platform: Platform(l.Platform), Scope: l.Scope, Type: Type(l.Type),
		Actor: Actor(l.Actor), Object: Object(l.Object), InReplyTo: l.InReplyTo, Conversation: l.Conversation,
		Text: l.Text, URL: l.URL, Undated: l.Undated, Precision: Precision(l.Precision), Direction: Direction(l.Direction),
		Flat: l.Flat, Addressed: l.Addressed, Automatic: l.Automatic, Reaction: l.Reaction, Rating: (*Rating)(l.Rating),
		Reading: Reading{Language: l.Language, Sentiment: l.Sentiment, Words: l.Words, Negative: l.Negative, Intent: l.Intent, Severity: l.Severity,
			NeedsAnswer: l.NeedsAnswer, NeedsAnswerAfter: l.AnswerAfter}}
	var t time.Time
	var err error
	if l.Occurred != "" || !l.Undated {
		if t, err = time.Parse(time.RFC3339Nano, l.Occurred); err != nil {
			return Activity{}, fmt.Errorf("activity %q: occurred %q is no RFC 3339 time", l.Key, l.Occurred)
		}
		a.Occurred = Instant(t)
	}
	if l.Known != "" {
		if t, err = time.Parse(time.RFC3339Nano, l.Known); err != nil {
			return Activity{}, fmt.Errorf("activity %q: known %q is no RFC 3339 time", l.Key, l.Known)
		}
		a.Known = Instant(t)
	}
	return a, a.Validate()
}

// ParseLine reads one activity from JSON.
func ParseLine(b []byte) (Line, Activity, error) {
	var l Line
	if err := json.Unmarshal(b, &l); err != nil {
		return l, Activity{}, fmt.Errorf("no activity: %w", err)
	}
	a, err := l.Activity()
	return l, a, err
}
