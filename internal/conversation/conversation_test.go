package conversation_test

import (
	"testing"
	"time"

	"rapport/internal/conversation"
)

func TestStates(t *testing.T) {
	asked, week := time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC), 7*24*time.Hour
	replied := asked.Add(10 * time.Minute)
	waiting := conversation.Standing{Started: asked, Last: asked, WaitingSince: asked}
	answered := conversation.Standing{Started: asked, Last: replied}
	for _, tt := range []struct {
		s    conversation.Standing
		at   time.Time
		want conversation.State
	}{
		{waiting, asked.Add(time.Minute), conversation.Waiting}, {waiting, asked.Add(10 * week), conversation.Waiting},
		{answered, replied.Add(time.Minute), conversation.Answered}, {answered, replied.Add(week - time.Second), conversation.Answered}, {answered, replied.Add(week), conversation.Closed},
	} {
		if got := tt.s.At(tt.at); got != tt.want {
			t.Errorf("at %s: %s, want %s", tt.at, got, tt.want)
		}
	}
}
