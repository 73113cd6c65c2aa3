package scoring_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/scoring"
	"rapport/internal/social"
)

const colleagues = `{"id": "colleagues", "kind": "company", "recent_days": 30, "at_least": 2, "points": "4"}`

// among is the score of who asked once, with others at Contoso who did something so many days before.
func among(t *testing.T, m scoring.Model, c *scoring.Company, at time.Time) scoring.Score {
	t.Helper()
	s, err := scoring.EvaluateAmong(m, []scoring.Record{scoring.RecordOf(fact("asked", social.Post, 0))}, c, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func before(days ...int) scoring.Days {
	var out scoring.Days
	for _, d := range days {
		out = append(out, scoring.DayOf(asOf)-d)
	}
	slices.Sort(out)
	return out
}

func TestColleagues(t *testing.T) {
	m := model(t, posts, colleagues)
	contoso := func(others ...scoring.Days) *scoring.Company {
		return &scoring.Company{Name: "Contoso", Others: others}
	}
	for _, tt := range []struct {
		name    string
		company *scoring.Company
		micro   int64
		reason  string // "": there is no line
	}{
		{"nobody looked", nil, 0, "not enough data: nobody looked at the person's colleagues: 0 points"},
		{"no company", &scoring.Company{Others: []scoring.Days{before(1), before(2)}}, 0, "not enough data: the person's company is not known: 0 points"},
		{"alone", contoso(), 0, ""},
		{"three", contoso(before(1), before(30), before(2, 3, 4, 40)), 4e6, "3 others at Contoso were active in the last 30 days, at least 2: 4 points"},
		{"one", contoso(before(1), before()), 0, "1 other at Contoso was active in the last 30 days, at least 2 needed: 0 points"},
		{"too long ago", contoso(before(31), before(100, 31)), 0, ""},
		{"on the day itself, and later", contoso(before(0), before(-1), before(1)), 0, "1 other at Contoso was active in the last 30 days, at least 2 needed: 0 points"},
		{"of many", &scoring.Company{Name: "Contoso", Others: []scoring.Days{before(1), before(2)}, More: true}, 4e6, "2 others or more at Contoso were active in the last 30 days, at least 2: 4 points"},
	} {
		s := among(t, m, tt.company, asOf)
		reason := ""
		for _, c := range s.Contributions {
			if c.Rule == "colleagues" {
				reason = c.Reason
			}
		}
		if s.Micro != 5e6+tt.micro || reason != tt.reason {
			t.Errorf("%s: %d, %q, want %d, %q", tt.name, s.Micro, reason, 5e6+tt.micro, tt.reason)
		}
		midnight := asOf.Truncate(24*time.Hour).AddDate(0, 0, 1)
		if known := tt.company != nil && tt.company.Name != ""; s.NextChange.Equal(midnight) != known {
			t.Errorf("%s: to be looked at again at %s", tt.name, s.NextChange)
		}
	}
	// The whole day has one score.
	c := contoso(before(1), before(30))
	for _, at := range []time.Time{asOf.Truncate(24 * time.Hour), asOf.Truncate(24 * time.Hour).Add(24*time.Hour - time.Millisecond)} {
		e, err := scoring.EvaluateAmong(m, nil, c, at)
		if err != nil || e.Micro != 4e6 {
			t.Errorf("at %s: %d, %v", at, e.Micro, err)
		}
	}
	if s := among(t, m, c, asOf.AddDate(0, 0, 1)); s.Micro != 5e6 {
		t.Errorf("on the day after: %d", s.Micro)
	}
}

// A model's rules about colleagues say the same, day by day, as their points do.
func TestTurnsAndMovesOfColleagues(t *testing.T) {
	m := model(t, colleagues, strings.NewReplacer("colleagues", "soon", `30`, `2`, `2, "points"`, `1, "points"`).Replace(colleagues))
	first := scoring.DayOf(asOf)
	r := rand.New(rand.NewPCG(1, 2))
	some := func() scoring.Days {
		days := map[int]bool{}
		for range r.IntN(4) {
			days[first+r.IntN(60)] = true
		}
		var out scoring.Days
		for d := range days {
			out = append(out, d)
		}
		slices.Sort(out)
		return out
	}
	worth := func(c *scoring.Company, day int) int64 {
		s, err := scoring.EvaluateAmong(m, nil, c, time.Unix(int64(day)*86400+3600, 0))
		if err != nil {
			t.Fatal(err)
		}
		return s.Micro
	}
	turned, moved, stayed := 0, 0, 0
	for range 200 {
		c := &scoring.Company{Name: "Contoso"}
		for range 1 + r.IntN(4) {
			c.Others = append(c.Others, some())
		}
		var want []int
		for day := first + 1; day < first+100; day++ {
			if worth(c, day) != worth(c, day-1) {
				want = append(want, day)
			}
		}
		got := m.Turns(c, time.Unix(int64(first)*86400+7, 0))
		for _, day := range want {
			if !slices.Contains(got, day) { // one may rise while another falls
				t.Fatalf("%v: turns %v, want %v", c.Others, got, want)
			}
		}
		turned += len(want)

		// One more person did something else than was known.
		was, is, today := some(), some(), first+r.IntN(60)
		moves := m.Moves(c, make([]bool, len(c.Others)), was, is, today)
		for i := range c.Others {
			others := func(mine scoring.Days) *scoring.Company {
				list := slices.Delete(slices.Clone(c.Others), i, i+1)
				return &scoring.Company{Name: "Contoso", Others: append(list, mine)}
			}
			differs := false
			for day := first; day <= today+1; day++ {
				differs = differs || worth(others(was), day) != worth(others(is), day)
			}
			if differs && !moves[i] {
				t.Fatalf("%v: %v after %v on day %d moves %d, who is not named", c.Others, is, was, today, i)
			}
			if moves[i] {
				moved++
				if !m.Counts(was, is, today) {
					t.Fatalf("%v after %v on day %d moves somebody and counts nothing", is, was, today)
				}
			} else {
				stayed++
			}
		}
	}
	if turned == 0 || moved == 0 || stayed == 0 {
		t.Errorf("%d turns, %d moved, %d stayed", turned, moved, stayed)
	}
}
