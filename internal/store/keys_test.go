package store

import (
	"math"
	"strings"
	"testing"
	"time"

	"rapport/internal/social"
)

// FuzzKeysStayInTheirWorkspace: whatever a platform puts into its ids, a data
// key begins with its workspace and holds no part that could be another's.
func FuzzKeysStayInTheirWorkspace(f *testing.F) {
	f.Add("scope", "id", "object")
	f.Add("#A#", "acme#A#acc", "|\x00%")
	f.Add(strings.Repeat("x", 5000), "\xff\xfe", "H#")
	f.Fuzz(func(t *testing.T, scope, id, object string) {
		a := social.Activity{Platform: "standard", Scope: scope, Type: social.Post, Actor: social.Actor{ID: id}, Object: social.Object{ID: object},
			Occurred: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		a.Key = social.ActivityKey(a.Platform, scope, a.Type, object, a.Occurred)
		account, message := a.Account().AccountID(), MessageID(a.Platform, scope, object)
		for _, pk := range []string{accountPK("w1", account), threadPK("w1", message), threadPK("w1", ThreadID(a.Platform, scope, object)), dayPK("w1", a.Occurred, 0), personPK("w1", social.PersonID(account))} {
			if !strings.HasPrefix(pk, "w1#") || strings.Count(pk, "#") > 3 || len(pk) > 100 {
				t.Errorf("partition %q", pk)
			}
		}
		for _, sk := range []string{factSK(a), editSK(a), receivedSK(a), routeSK(scope)} {
			if len(sk) > 1024 || strings.ContainsAny(sk, "\x00\n") {
				t.Errorf("sort key %q", sk)
			}
		}
		if strings.Contains(strings.TrimPrefix(routeSK(scope), "R#"), "#") {
			t.Errorf("route %q: a scope could pose as another key", routeSK(scope))
		}
	})
}

// FuzzRank: text order of rank keys is falling order of steps, which rise with
// the scores, and a step holds no more than a quarter above its lowest score.
func FuzzRank(f *testing.F) {
	f.Add(int64(0), int64(-1))
	f.Add(int64(999_999), int64(1_000_000))
	f.Add(int64(-1_000_000), int64(-999_999))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, a, b int64) {
		if a > b {
			a, b = b, a
		}
		if Step(a) > Step(b) {
			t.Errorf("%d is on step %d, above %d on step %d", a, Step(a), b, Step(b))
		}
		if ka, kb := rankKey(Step(a), "p"), rankKey(Step(b), "p"); len(ka) != len(kb) || (Step(a) < Step(b)) != (kb < ka) {
			t.Errorf("%d gives %s, %d gives %s", a, ka, b, kb)
		}
		if a >= 1_000_000 && Step(a) == Step(b) && b-a > a/4 {
			t.Errorf("%d and %d share a step", a, b)
		}
		if a >= 0 && Step(a) < 0 || b < 0 && Step(b) >= 0 {
			t.Errorf("steps %d and %d of %d and %d", Step(a), Step(b), a, b)
		}
	})
}
