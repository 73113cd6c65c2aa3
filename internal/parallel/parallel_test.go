package parallel_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/parallel"
)

func TestEach(t *testing.T) {
	var running, most, calls atomic.Int32
	no := errors.New("no")
	errs := parallel.Each(t.Context(), 20, 3, func(i int) error {
		calls.Add(1)
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer running.Add(-1)
		time.Sleep(time.Millisecond)
		switch i {
		case 4:
			return no
		case 7:
			panic("out of order")
		}
		return nil
	})
	if calls.Load() != 20 || most.Load() > 3 {
		t.Errorf("%d calls, %d at once; want 20, at most 3", calls.Load(), most.Load())
	}
	for i, err := range errs {
		switch {
		case i == 4 && !errors.Is(err, no), i == 7 && (err == nil || !strings.Contains(err.Error(), "out of order")), i != 4 && i != 7 && err != nil:
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func TestEachBeginsNothingAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	errs := parallel.Each(ctx, 5, 1, func(i int) error {
		if i == 1 {
			cancel()
		}
		return nil
	})
	for i, err := range errs {
		if (i > 1) != errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}
