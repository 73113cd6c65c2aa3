package social_test

import (
	"testing"

	"rapport/internal/social"
)

func TestEachRoleMayWhatThoseBeforeItMay(t *testing.T) {
	for i, r := range social.Roles() {
		for j, need := range social.Roles() {
			if got, want := r.May(need), i >= j; got != want {
				t.Errorf("%s may what %s may: %v, want %v", r, need, got, want)
			}
		}
		if r.May("") || r.May("Owner") || social.Role("").May(r) || social.Role("root").May(r) {
			t.Errorf("%s beside what is no role", r)
		}
	}
}
