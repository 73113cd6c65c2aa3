package api

import (
	"encoding/base64"
	"testing"
)

// A cursor gives back its place to its own list and key, and to no other; with any one bit changed it is none.
func FuzzCursor(f *testing.F) {
	f.Add("/v1/workspaces/acme/leads?", "00000000000000000001#per_x", "/v1/workspaces/other/leads?", uint(3))
	f.Add("/v1/workspaces/acme/activities?", "acc_x F#2026", "/v1/workspaces/acme/activities?acc_x F#", uint(200))
	f.Add("a", "b", "ab", uint(0))
	key, other := []byte("the key of a test, 32 bytes or so"), []byte("another key of a test, 32 or so")
	f.Fuzz(func(t *testing.T, list, place, foreign string, bit uint) {
		if place == "" {
			return
		}
		c := sealCursor(key, list, place)
		if got, ok := openCursor(key, list, c); !ok || got != place {
			t.Fatalf("got %q, %v, want %q", got, ok, place)
		}
		if _, ok := openCursor(key, foreign, c); ok && foreign != list {
			t.Errorf("good for %q, made for %q", foreign, list)
		}
		if _, ok := openCursor(other, list, c); ok {
			t.Error("good under another key")
		}
		b, err := base64.RawURLEncoding.DecodeString(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(place) > 1 { // the border between list and place moved
			moved := base64.RawURLEncoding.EncodeToString(append(append([]byte{}, b[:1+cursorMAC]...), place[1:]...))
			if _, ok := openCursor(key, list+place[:1], moved); ok {
				t.Error("good for a longer list and a shorter place")
			}
		}
		b[bit/8%uint(len(b))] ^= 1 << (bit % 8)
		if _, ok := openCursor(key, list, base64.RawURLEncoding.EncodeToString(b)); ok {
			t.Errorf("good with bit %d changed", bit)
		}
	})
}
