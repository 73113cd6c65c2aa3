package social

import "time"

// Correction is what somebody of the business says that a text says, in place
// of what the reader said of it. It is a fact; the newest of an activity holds,
// for the text that it was made of: once an edit says something else, it does not.
type Correction struct {
	ID          string
	At          time.Time
	By          string  // the id of a member, or of a machine key
	Of          string  // TextID of the text
	Withdrawn   bool    // it takes back the one before, and says nothing itself
	Drawn       bool    // the activity was drawn by chance; else somebody picked it
	Probability float64 // with which it was drawn; 0: it was picked
	Corrected
}

// Corrected is what a correction says; what is empty stands as it was read.
type Corrected struct {
	Language    string
	Sentiment   string
	Intent      string
	Severity    *int
	NeedsAnswer *bool
}

// TextID names a text by what it says.
func TextID(text string) string { return HashID("txt", text) }

// never is how probable it is that a text needs an answer that somebody said
// needs none: not 0, which stands for a reading without probabilities.
const never = 0.001

// over is r with what a correction says.
func (c Corrected) over(r Reading) Reading {
	if c.Language != "" {
		r.Language = c.Language
	}
	if c.Sentiment != "" {
		r.Sentiment, r.Words, r.Negative = c.Sentiment, "", 0
		if c.Sentiment == SentimentNegative {
			r.Negative = 1
		}
	}
	if c.Intent != "" {
		if r.Intent = c.Intent; c.Intent != IntentProblem && c.Intent != IntentComplaint {
			r.Severity = 0
		}
	}
	if c.Severity != nil {
		r.Severity = *c.Severity
	}
	if c.NeedsAnswer != nil {
		r.NeedsAnswer, r.NeedsAnswerAfter = never, never
		if *c.NeedsAnswer {
			r.NeedsAnswer, r.NeedsAnswerAfter = 1, 1
		}
	}
	return r
}

// AsCorrected is a, whose Reading is the reader's, with the reading that its
// correction makes of it, if that was made of a's text.
func (a Activity) AsCorrected() Activity {
	if c := a.Correction; c != nil && !c.Withdrawn && a.Text != "" && c.Of == TextID(a.Text) {
		read := a.Reading
		a.Reading, a.Read = c.over(read), &read
	}
	return a
}

// AsRead is a with the reader's reading.
func (a Activity) AsRead() Activity {
	if a.Read != nil {
		a.Reading, a.Read = *a.Read, nil
	}
	return a
}
