package social

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// maxPart bounds one part of a key in bytes; a longer part stands as its hash.
const maxPart = 128

// Key joins parts, at least one, with "|". Each part is escaped, so that two different lists
// of parts never give the same key: bytes outside [A-Za-z0-9._:@/+=,-] become
// %XX, and a part over 128 bytes becomes "~" and its SHA-256 ("~" itself is
// escaped, so no part can pose as a hash).
func Key(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteByte('|')
		}
		if len(p) > maxPart {
			sum := sha256.Sum256([]byte(p))
			b.WriteByte('~')
			b.WriteString(hex.EncodeToString(sum[:]))
			continue
		}
		for j := 0; j < len(p); j++ {
			if c := p[j]; plain(c) {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._:@/+=,-", c) >= 0
}

// ActivityKey is the key of an activity: platform, platform-side scope, type,
// the platform's id, and the event's own time or, where it has none, the zero
// time, which stands as "-". Time of receipt and Rapport's own ids are not in
// it, so the same event has the same key however often and through whatever
// source it comes.
func ActivityKey(p Platform, scope string, t Type, id string, occurred time.Time) string {
	at := "-"
	if !occurred.IsZero() {
		at = Stamp(occurred)
	}
	return Key(string(p), scope, string(t), id, at)
}

// Stamp writes an instant with a fixed width, so that text order is time order.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// ParseStamp reads what Stamp wrote.
func ParseStamp(s string) (time.Time, error) { return time.Parse("2006-01-02T15:04:05.000Z", s) }

// AccountRef names one identity on one platform. Scope is empty where the
// platform's account ids are global.
type AccountRef struct {
	Platform Platform
	Scope    string
	ID       string
}

// AccountID is the account's id within its workspace.
func (r AccountRef) AccountID() string {
	return HashID("acc", Key(string(r.Platform), r.Scope, r.ID))
}

// PersonID is the id of the person an account is on its own. That of a person
// of several accounts is made of them all (identity.PersonID).
func PersonID(accountID string) string { return "per_" + strings.TrimPrefix(accountID, "acc_") }

// AccountOf is the account that a person id was made from.
func AccountOf(personID string) string { return "acc_" + strings.TrimPrefix(personID, "per_") }

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// HashID returns prefix, "_" and 160 bits of SHA-256 of key, in [a-z2-7].
func HashID(prefix, key string) string {
	sum := sha256.Sum256([]byte(key))
	return prefix + "_" + lower32.EncodeToString(sum[:20])
}

// Hash is the hash in an id that HashID made; false for any other id.
func Hash(id string) (h [20]byte, ok bool) {
	_, text, found := strings.Cut(id, "_")
	if !found || len(text) != lower32.EncodedLen(len(h)) {
		return h, false
	}
	b, err := lower32.DecodeString(text)
	if err != nil {
		return h, false
	}
	copy(h[:], b)
	return h, true
}

// OfHash is the id that HashID made with a prefix and a hash.
func OfHash(prefix string, h [20]byte) string { return prefix + "_" + lower32.EncodeToString(h[:]) }
