package intake

import (
	"sync"
	"time"

	"rapport/internal/limit"
	"rapport/internal/social"
)

// sendsAgain are the platforms that send for a day or more what was answered
// 429 (docs/intake.md, "When Rapport is down"), and senders of one's own. The
// others would lose it, or switch the hook off.
var sendsAgain = map[social.Platform]bool{"standard": true, "stripe": true, "tiktok": true, "mastodon": true, "meta": true, "telegram": true}

// impatient is how many times the limit is taken of platforms that don't send
// again: no platform keeps such a pace, but somebody with the app's secret could.
const impatient = 10

// pace counts what apps send, in memory: a bucket for each app of as many
// deliveries as the limit of a minute, which fills up within a minute. Each
// instance of intake has its own.
type pace struct {
	now     func() time.Time
	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	left float64 // below zero: what an impatient platform took beyond it
	at   time.Time
}

func newPace(now func() time.Time) *pace { return &pace{now: now, buckets: map[string]bucket{}} }

// maxPaced bounds how many apps are counted.
const maxPaced = 10_000

// take takes one delivery of an app out of its bucket. Where there is none it
// returns how long to wait.
func (p *pace) take(app string, patient bool) time.Duration {
	most := float64(limit.Set{}.Most(limit.Deliveries))
	least := 0.0
	if !patient {
		least = -(impatient - 1) * most
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	b, ok := p.buckets[app]
	if !ok {
		b = bucket{most, now}
	}
	perSecond := most / 60
	b.left = min(most, b.left+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.left-1 < least {
		p.keep(app, b)
		return time.Duration((least + 1 - b.left) / perSecond * float64(time.Second))
	}
	b.left--
	p.keep(app, b)
	return 0
}

func (p *pace) keep(app string, b bucket) {
	if len(p.buckets) >= maxPaced {
		clear(p.buckets)
	}
	p.buckets[app] = b
}
