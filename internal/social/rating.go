package social

import (
	"errors"
	"fmt"
	"math"
)

// check reports what keeps r from being a rating.
func (r Rating) check() error {
	for _, x := range []float64{r.Value, r.Worst, r.Best} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return errors.New("a rating that is no number")
		}
	}
	switch r.Kind {
	case NPS, CSAT, CES, Stars, Thumb, Score:
	default:
		return fmt.Errorf("a rating of the unknown kind %.40q", string(r.Kind))
	}
	if r.Worst == r.Best {
		return fmt.Errorf("a rating on a scale from %g to %g", r.Worst, r.Best)
	}
	if r.Value < min(r.Worst, r.Best) || r.Value > max(r.Worst, r.Best) {
		return fmt.Errorf("a rating of %g on a scale from %g to %g", r.Value, r.Worst, r.Best)
	}
	return nil
}

// Sentiment is what a rating says by itself.
//
//	kind    negative        neutral          positive
//	nps     0 to 6          7 and 8          9 and 10      detractors, passives, promoters: Reichheld, The One Number You Need to Grow, Harvard Business Review 12/2003
//	thumb   nearer to down                   nearer to up
//	others  lower two       middle fifth     upper two     of the scale between its ends: of five stars 1 and 2, 3, 4 and 5
//	        fifths                           fifths
//
// That four and five of five are content, and one and two are not, is how
// customer satisfaction is counted (the "top two boxes": the American Customer
// Satisfaction Index and most help desks), how reviews are labelled
// (Pang and Lee, Seeing Stars, 2005), and, on a scale of seven, how effort is
// (Dixon, Toman and DeLisi, The Effortless Experience, 2013: 5 to 7 agree).
// A net promoter score on another scale than 0 to 10 is stretched to that.
func (r Rating) Sentiment() string {
	good := (r.Value - r.Worst) / (r.Best - r.Worst) // 0 to 1
	low, high := 0.4, 0.6
	switch r.Kind {
	case NPS:
		low, high = 0.65, 0.85 // between 6 and 7, and 8 and 9
	case Thumb:
		low, high = 0.5, 0.5
	}
	const hair = 1e-9 // divisions are not exact, and the ends of the middle belong to it
	switch {
	case good < low-hair:
		return SentimentNegative
	case good > high+hair:
		return SentimentPositive
	}
	return SentimentNeutral
}

// Judged is a, read, with the sentiment of its rating, which decides, or of
// its reaction. What the words say is kept where it is something else.
func (a Activity) Judged() Activity {
	says := ""
	switch {
	case a.Rating != nil:
		says = a.Rating.Sentiment()
	case a.Type == React && Valence(a.Reaction) > 0:
		says = SentimentPositive
	case a.Type == React && Valence(a.Reaction) < 0:
		says = SentimentNegative
	}
	if says != "" && says != a.Sentiment {
		a.Words, a.Sentiment = a.Sentiment, says
	}
	return a
}

// Silenced is a without what it said.
func (a Activity) Silenced() Activity {
	a.Text, a.Addressed, a.Rating, a.Reading, a.Read = "", nil, nil, Reading{}, nil
	return a
}

// Saying is a with the words of an edit of it. A rating stands, unless the
// edit gives another; a correction, if it was made of these words.
func (a Activity) Saying(edit Activity) Activity {
	a.Text, a.Addressed, a.Reading, a.Read = edit.Text, edit.Addressed, edit.Reading, nil
	if edit.Rating != nil {
		a.Rating = edit.Rating
	}
	return a.Judged().AsCorrected()
}
