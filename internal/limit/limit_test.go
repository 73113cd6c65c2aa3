package limit_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/limit"
)

// The table of docs/limits.md is the code's.
func TestDocumentedLimits(t *testing.T) {
	doc, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	var said, want []string
	for line := range strings.Lines(string(doc)) {
		if strings.HasPrefix(line, "| `") {
			said = append(said, strings.TrimSpace(line))
		}
	}
	for _, l := range limit.All() {
		per, top := "at the same time", "can't be set"
		if l.Per != limit.Standing {
			per = "a " + string(l.Per)
		}
		if l.Per == limit.Hour {
			per = "an hour"
		}
		if l.Top > 0 {
			top = fmt.Sprint(l.Top)
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %d | %s | %s |", l.Name, l.What, l.Of, per, l.Most, top, l.Do))
	}
	if d := cmp.Diff(want, said); d != "" {
		t.Errorf("docs/limits.md is not what the code says (-code +doc):\n%s", d)
	}
}

func TestRefuse(t *testing.T) {
	now := time.Date(2026, 11, 30, 23, 59, 30, 0, time.UTC)
	for _, c := range []struct {
		name  limit.Name
		after time.Duration
	}{{limit.Sources, 0}, {limit.Runs, 30 * time.Second}, {limit.Mails, 30 * time.Second}, {limit.Activities, 30 * time.Second}} {
		if err := limit.Refuse(c.name, 4, 5, now); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		err := limit.Refuse(c.name, 5, 5, now)
		r, ok := errors.AsType[*limit.Reached](err)
		if !ok || !fault.Is(err, fault.RateLimited) || fault.After(err) != c.after || !strings.Contains(fault.Message(err), string(c.name)+" is reached, 5 of 5") {
			t.Errorf("%s: %v, after %v", c.name, err, r)
		}
	}
}

// An operator can set no limit that the code is not made for.
func TestCheck(t *testing.T) {
	for _, l := range limit.All() {
		if l.Most < 1 || l.Top != 0 && l.Top < l.Most || l.Do == "" {
			t.Errorf("%+v", l)
		}
		if err := limit.Check(l.Name, l.Top); (err == nil) != (l.Top > 0) {
			t.Errorf("%s at its top: %v", l.Name, err)
		}
		for _, n := range []int{-1, l.Top + 1} {
			if err := limit.Check(l.Name, n); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s at %d: %v", l.Name, n, err)
			}
		}
	}
	if err := limit.Check("none", 1); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "sources") {
		t.Errorf("no limit: %v", err)
	}
}
