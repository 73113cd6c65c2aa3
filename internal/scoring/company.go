package scoring

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"
)

// Company is what a score may know of the company that a person works for.
type Company struct {
	Name   string // "": it is not known
	Others []Days // of each other person there
	More   bool   // there are more people than these
}

// Days are the days (UTC) on which somebody did something that counts, in
// order, each once, in days since 1970.
type Days []int

// DayOf is the day of an instant after 1970, in days since then.
func DayOf(t time.Time) int { return int(t.UnixMilli() / days(1)) }

// Among reports whether one of the days is one of the recent ones before a day.
func (d Days) Among(recent, day int) bool {
	i := sort.SearchInts(d, day-recent)
	return i < len(d) && d[i] < day
}

// CompanyDays is how many days before its own a score by m asks for what a
// person's colleagues did; 0: it does not.
func (m Model) CompanyDays() int {
	most := 0
	for _, r := range m.Rules {
		if r.Kind == CompanyRule {
			most = max(most, r.RecentDays)
		}
	}
	return most
}

// Turns are the days after an instant, in order, from which on a company rule
// gives its points or gives them no longer, as far as c knows.
func (m Model) Turns(c *Company, after time.Time) []int {
	if c == nil {
		return nil
	}
	turns := map[int]bool{}
	for _, r := range m.Rules {
		if r.Kind != CompanyRule {
			continue
		}
		steps := map[int]int{} // by day: how many more count than on the day before
		for _, o := range c.Others {
			for i, d := range o {
				if i == 0 || d > o[i-1]+r.RecentDays {
					steps[d+1]++
				}
				if i == len(o)-1 || o[i+1] > d+r.RecentDays {
					steps[d+1+r.RecentDays]--
				}
			}
		}
		n := 0
		for _, day := range slices.Sorted(maps.Keys(steps)) {
			was := n >= r.AtLeast
			if n += steps[day]; was != (n >= r.AtLeast) && day > DayOf(after) {
				turns[day] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(turns))
}

// Counts reports whether somebody's colleagues may get other points by m when
// that person did something on other days than was known: was and is are all
// of them. That they count for longer than was known is no matter: a score made
// before is looked at again when they would have ceased to (Turns).
func (m Model) Counts(was, is Days, today int) bool {
	return slices.ContainsFunc(m.Rules, func(r Rule) bool { return r.Kind == CompanyRule && len(r.differ(was, is, today)) > 0 })
}

// Moves is Counts of each of c's people. Of those who are open it is not sure
// that their days were known when the others were scored.
func (m Model) Moves(c *Company, open []bool, was, is Days, today int) []bool {
	moves := make([]bool, len(c.Others))
	for _, r := range m.Rules {
		if r.Kind != CompanyRule {
			continue
		}
		for _, day := range r.differ(was, is, today) {
			least, most := 0, 1 // without that person, and with them
			at := make([][2]int, len(c.Others))
			for i, o := range c.Others {
				if open[i] {
					at[i] = [2]int{0, 1}
				} else if o.Among(r.RecentDays, day) {
					at[i] = [2]int{1, 1}
				}
				least, most = least+at[i][0], most+at[i][1]
			}
			for i, a := range at {
				moves[i] = moves[i] || least-a[0] < r.AtLeast && r.AtLeast <= most-a[1]
			}
		}
	}
	return moves
}

// differ are the days on which somebody counted and does no longer, and those
// until tomorrow on which they count and did not.
func (r *Rule) differ(was, is Days, today int) []int {
	var out []int
	seen := map[int]bool{}
	for _, list := range [...]Days{was, is} {
		for _, d := range list {
			for day := d + 1; day <= d+r.RecentDays; day++ {
				counted, counts := was.Among(r.RecentDays, day), is.Among(r.RecentDays, day)
				if !seen[day] && counted != counts && (counted || day <= today+1) {
					out = append(out, day)
				}
				seen[day] = true
			}
		}
	}
	return out
}

// colleagues counts the others of the person's company who were active.
func (e *scene) colleagues(r *Rule) (tally, bool) {
	c := e.company
	switch {
	case c == nil:
		return tally{head: "not enough data: nobody looked at the person's colleagues"}, true
	case c.Name == "":
		return tally{head: "not enough data: the person's company is not known"}, true
	}
	n, today := 0, int(e.now/days(1))
	for _, o := range c.Others {
		if o.Among(r.RecentDays, today) {
			n++
		}
	}
	if n == 0 {
		return tally{}, false
	}
	others, were := count(n, "other", "others"), "were"
	if n == 1 {
		were = "was"
	}
	if c.More {
		others += " or more"
	}
	t := tally{head: fmt.Sprintf("%s at %s %s active in the last %s, at least %d", others, c.Name, were, lastDays(r.RecentDays), r.AtLeast)}
	if n < r.AtLeast {
		t.head += " needed"
		return t, true
	}
	t.once = int64(r.Points)
	return t, true
}
