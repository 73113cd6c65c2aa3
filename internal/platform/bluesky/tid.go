package bluesky

import (
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const tidDigits = "234567abcdefghijklmnopqrstuvwxyz"

// timeOfTID reads the instant in a TID: 13 digits of base 32, of which the
// first 53 bits are microseconds since 1970 and the last 10 name a clock
// (https://atproto.com/specs/tid).
func timeOfTID(tid string) (time.Time, bool) {
	if len(tid) != 13 {
		return time.Time{}, false
	}
	var n uint64
	for i := range len(tid) {
		d := strings.IndexByte(tidDigits, tid[i])
		if d < 0 || i == 0 && d > 15 {
			return time.Time{}, false
		}
		n = n<<5 | uint64(d)
	}
	t := time.UnixMicro(int64(n >> 10))
	if t.Year() < 1990 || t.Year() > 2999 {
		return time.Time{}, false
	}
	return social.Instant(t), true
}

// tid writes an instant as a TID of clock 0.
func tid(t time.Time) string {
	n := uint64(t.UnixMicro()) << 10
	b := make([]byte, 13)
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = tidDigits[n&31]
		n >>= 5
	}
	return string(b)
}

// Bounds of what a client says of its own time.
const (
	early = 24 * time.Hour   // a draft or a queue
	late  = 10 * time.Minute // a clock that is wrong
	ahead = 20 * time.Hour   // of limit; more than any time zone taken for UTC
)

// occurred is when a record was made. It depends on nothing but the record
// and its key, so that it is the same through whatever server and by whatever
// way the record comes: createdAt, where it is near the instant in the key,
// and else that. A key that holds no instant, or one far after the network
// had the record, counts as limit, when the network had it.
func occurred(createdAt platform.Text, rkey string, limit time.Time) time.Time {
	anchor, ok := timeOfTID(rkey)
	if !ok || anchor.After(limit.Add(ahead)) {
		anchor = limit
	}
	t, err := platform.Time(string(createdAt))
	if err != nil || t.Before(anchor.Add(-early)) || t.After(anchor.Add(late)) {
		return anchor
	}
	return t
}
