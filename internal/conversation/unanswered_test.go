package conversation_test

import (
	"testing"
	"time"

	"rapport/internal/conversation"
)

func TestFirstWaits(t *testing.T) {
	t0 := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }
	never := time.Time{}
	for name, c := range map[string]struct {
		c              conversation.Standing
		first, settled time.Time
		took           time.Duration
		ended, counts  bool
	}{
		"answered":                           {conversation.Standing{Started: at(0)}, at(5), never, 5 * time.Minute, true, true},
		"waits":                              {conversation.Standing{Started: at(0), WaitingSince: at(3)}, never, never, 0, false, true},
		"closed":                             {conversation.Standing{Started: at(0), Ended: at(7)}, never, never, 7 * time.Minute, true, true},
		"settled before it was closed":       {conversation.Standing{Started: at(0), Ended: at(7)}, never, at(2), 2 * time.Minute, true, true},
		"said in what was closed long since": {conversation.Standing{Started: at(0), Ended: at(-9)}, never, never, 0, false, false},
		"helped by another, closed later":    {conversation.Standing{Started: at(0), Ended: at(7), HelpedBy: "acc_x"}, never, never, 0, false, false},
		"asked for nothing":                  {conversation.Standing{Started: at(0)}, never, never, 0, false, false},
		"said nothing":                       {conversation.Standing{}, never, never, 0, false, false},
	} {
		f, ok := conversation.FirstWaitOf(c.c, c.first, c.settled)
		if ok != c.counts || ok && (f.Took != c.took || f.Ended != c.ended) {
			t.Errorf("%s: %+v, %v", name, f, ok)
		}
	}
	waits := []conversation.FirstWait{{Asked: at(0), Took: 5 * time.Minute, Ended: true}, {Asked: at(0)}, {Asked: at(0), Took: 3 * time.Hour, Ended: true}, {Asked: at(170)}}
	if without, of := conversation.Unanswered(waits, time.Hour, at(180)); without != 2 || of != 3 {
		t.Errorf("%d of %d had no answer after an hour, want 2 of 3", without, of)
	}
}
