package intake

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rapport/internal/platform"
)

// slot is the grain of notes.
const slot = 5 * time.Minute

// handshakeEvery is how often one app's handshakes are noted: platforms come
// hourly at most, tests of the URL by hand more often.
const handshakeEvery = time.Minute

// noter notes refusals and handshakes of apps that exist. It sends at the
// first refusal of a slot and then each time their number has grown tenfold,
// so that a flood of refused requests makes a handful of notes.
type noter struct {
	note     func(context.Context, platform.Note) error
	instance string

	mu      sync.Mutex
	refused map[string]*platform.Note
	shook   map[string]time.Time
}

func (n *noter) take(ctx context.Context, o outcome, at time.Time) {
	if !o.known || n.note == nil {
		return
	}
	var send *platform.Note
	n.mu.Lock()
	switch o.result {
	case "refused":
		if len(n.refused) > maxNoted {
			clear(n.refused)
		}
		if n.refused == nil {
			n.refused = map[string]*platform.Note{}
		}
		now := n.refused[o.app]
		if start := at.UTC().Truncate(slot); now == nil || !now.Slot.Equal(start) {
			now = &platform.Note{App: o.app, Instance: n.instance, Slot: start}
			n.refused[o.app] = now
		}
		now.Refused++
		now.Reason = o.reason
		if powerOfTen(now.Refused) {
			copied := *now
			send = &copied
		}
	case "handshake":
		if len(n.shook) > maxNoted {
			clear(n.shook)
		}
		if n.shook == nil {
			n.shook = map[string]time.Time{}
		}
		if last, ok := n.shook[o.app]; !ok || at.Sub(last) >= handshakeEvery {
			n.shook[o.app] = at
			send = &platform.Note{App: o.app, Instance: n.instance, Slot: at.UTC().Truncate(slot), Handshake: at.UTC()}
		}
	}
	n.mu.Unlock()
	if send == nil {
		return
	}
	if err := n.note(ctx, *send); err != nil {
		slog.WarnContext(ctx, "not noted", "app", o.app, "result", o.result, "error", err.Error())
	}
}

// maxNoted bounds how many apps are remembered.
const maxNoted = 10_000

func powerOfTen(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}
