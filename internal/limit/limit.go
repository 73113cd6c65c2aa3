// Package limit holds how much one workspace, one subject of tokens and one app
// may have and ask for, so that nobody takes from others or from the operator
// without end. All limits stand in the table below, with their defaults; an
// operator can give one workspace another number (see docs/limits.md, which a
// test compares with this table).
package limit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
)

// Name names a limit: in the operator's command, in the API and in answers.
type Name string

// The limits there are.
const (
	Workspaces   Name = "workspaces"
	Memberships  Name = "memberships"
	Members      Name = "members"
	Invitations  Name = "invitations"
	Keys         Name = "keys"
	Sources      Name = "sources"
	Polled       Name = "polled_sources"
	Apps         Name = "apps"
	Reports      Name = "reports"
	Runs         Name = "runs"
	Replays      Name = "replays"
	Discoveries  Name = "discoveries"
	Erasures     Name = "erasures"
	Publications Name = "publications"
	Drafts       Name = "model_drafts"
	Backtests    Name = "backtests"
	Refits       Name = "refits"
	Checks       Name = "source_checks"
	Mails        Name = "mails"
	PollMinutes  Name = "poll_minutes"
	Deliveries   Name = "deliveries"
	Activities   Name = "activities"
)

// Window is the time in which a limit counts what was asked for.
type Window string

// The windows there are, all of UTC. Standing is of what is there at the same time.
const (
	Standing Window = ""
	Minute   Window = "minute"
	Hour     Window = "hour"
	Day      Window = "day"
	Month    Window = "month"
)

// Limit is one limit.
type Limit struct {
	Name Name
	What string // that is counted
	Of   string // whose it is: "subject", "workspace" or "app"
	Per  Window
	Most int    // the default
	Top  int    // what an operator may set at most, which the code is made for; 0: it can't be set
	Do   string // what helps whoever has reached it
}

const askOperator = "ask the operator for more (rapport limits)"

// table is every limit, in the order in which they are listed.
var table = []Limit{
	{Workspaces, "workspaces that a person is the owner of", "subject", Standing, 20, 0, "delete one, or make somebody else its owner and leave it"},
	{Memberships, "workspaces that a person is a member of", "subject", Standing, 200, 0, "leave one (delete-member, with your own id)"},
	{Members, "members", "workspace", Standing, 200, 1_000, "remove members who left, or " + askOperator},
	{Invitations, "open invitations", "workspace", Standing, 100, 1_000, "take some back, or wait until they expire"},
	{Keys, "machine keys", "workspace", Standing, 50, 1_000, "revoke keys that no program uses, or " + askOperator},
	{Sources, "sources", "workspace", Standing, 100, 10_000, "disconnect sources that nobody needs, or " + askOperator},
	{Polled, "sources that Rapport fetches", "workspace", Standing, 50, 1_000, "disconnect some of those that are fetched, or " + askOperator},
	{Apps, "apps that the workspace made", "workspace", Standing, 100, 10_000, "delete apps without sources, or connect further scopes to an app that is there (app), or " + askOperator},
	{Reports, "reports", "workspace", Standing, 50, 1_000, "delete reports that nobody reads, or " + askOperator},
	{Runs, "runs of reports that are asked for", "workspace", Hour, 20, 1_000, "the next hour has room again, and what is due by its schedule comes all the same"},
	{Replays, "replays, dry runs among them", "workspace", Hour, 60, 10_000, "the next hour has room again; the operator's rapport replay has no such bound"},
	{Discoveries, "discoveries of themes that are asked for", "workspace", Day, 12, 1_000, "the next day has room again, and themes are found each week all the same"},
	{Publications, "scoring models that are published or gone back to", "workspace", Day, 20, 1_000, "the next day has room again; try a model on people before (try-model)"},
	{Drafts, "drafts of scoring models", "workspace", Standing, 20, 100, "delete drafts that nobody works on (delete-model-draft)"},
	{Backtests, "backtests of scoring models", "workspace", Day, 20, 1_000, "the next day has room again; rapport backtest, on an export, has no such bound"},
	{Refits, "refits of the reader", "workspace", Day, 10, 100, "the next day has room again: what a few more corrections change is little"},
	{Erasures, "erasures that are asked for; those that platforms demand are not counted", "workspace", Hour, 500, 100_000, "the next hour has room again; the operator's rapport erase has no such bound"},
	{Checks, "source checks", "workspace", Hour, 30, 1_000, "the next hour has room again"},
	{Mails, "mails, each recipient counts", "workspace", Day, 200, 100_000, "take recipients off the reports, or " + askOperator + "; the report is stored, and is in the list of runs"},
	{PollMinutes, "minutes that are at least between two requests for a source, where its platform does not want more", "workspace", Standing, 5, 1_440, "nothing: sources are fetched less often"},
	{Deliveries, "deliveries that one instance of intake takes", "app", Minute, 1_200, 0, "send again after the time that Retry-After says"},
	{Activities, "activities that are new, by the month of their receipt", "workspace", Month, 1_000_000, 1_000_000_000, "what is over it is parked, and nothing is lost: " + askOperator + ", then replay what was parked for this reason"},
}

// All lists every limit.
func All() []Limit { return slices.Clone(table) }

// Of returns a limit. A name that is none is an error of kind Invalid that lists those there are.
func Of(name Name) (Limit, error) {
	var names []string
	for _, l := range table {
		if l.Name == name {
			return l, nil
		}
		names = append(names, string(l.Name))
	}
	return Limit{}, fault.New(fault.Invalid, "no limit %q; there are %s", name, strings.Join(names, ", "))
}

// Set is what an operator set for one workspace, by name; the rest has its default.
type Set map[Name]int

// Most is the number that holds for a workspace.
func (s Set) Most(name Name) int {
	if n, ok := s[name]; ok {
		return n
	}
	l, _ := Of(name)
	return l.Most
}

// Check refuses what can't be set.
func Check(name Name, n int) error {
	l, err := Of(name)
	switch {
	case err != nil:
		return err
	case l.Top == 0:
		return fault.New(fault.Invalid, "the limit %s is not a workspace's: it can't be set for one", name)
	case n < 0 || n > l.Top:
		return fault.New(fault.Invalid, "the limit %s can be 0 to %d", name, l.Top)
	}
	return nil
}

// Reached is the error of kind RateLimited that says which limit is reached,
// how much of it is used, and what to do; fault.After says until when, 0 where
// time alone does not help.
type Reached struct{ err error }

func (e *Reached) Error() string { return e.err.Error() }
func (e *Reached) Unwrap() error { return e.err }

// Refuse returns an error of kind RateLimited if one more than used is over most.
func Refuse(name Name, used, most int, now time.Time) error {
	if used < most {
		return nil
	}
	return Over(name, used, most, now)
}

// Over is the error of whoever wants more than a limit leaves.
func Over(name Name, used, most int, now time.Time) error {
	l, err := Of(name)
	if err != nil {
		return err
	}
	var after time.Duration
	if l.Per != Standing {
		after = l.Per.End(now).Sub(now)
	}
	return &Reached{fault.Limited(after, "%s: %s", l.sentence(used, most), l.Do)}
}

// sentence says how much is used of a limit.
func (l Limit) sentence(used, most int) string {
	if l.Per != Standing {
		return fmt.Sprintf("the limit %s is reached, %d of %d this %s (%s)", l.Name, used, most, l.Per, l.What)
	}
	return fmt.Sprintf("the limit %s is reached, %d of %d (%s)", l.Name, used, most, l.What)
}

// Reason is how a delivery is parked that is over a limit: the same for each
// of a month, so that they are found and replayed together.
func Reason(name Name, most int) string {
	return "over the month's limit of " + strconv.Itoa(most) + " " + string(name)
}

// Start is when the window began in which now lies; the zero time for Standing.
func (w Window) Start(now time.Time) time.Time {
	now = now.UTC()
	switch w {
	case Minute:
		return now.Truncate(time.Minute)
	case Hour:
		return now.Truncate(time.Hour)
	case Day:
		return now.Truncate(24 * time.Hour)
	case Month:
		return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}
}

// End is when the window ends in which now lies; the zero time for Standing.
func (w Window) End(now time.Time) time.Time {
	start := w.Start(now)
	switch w {
	case Minute:
		return start.Add(time.Minute)
	case Hour:
		return start.Add(time.Hour)
	case Day:
		return start.Add(24 * time.Hour)
	case Month:
		return start.AddDate(0, 1, 0)
	}
	return time.Time{}
}
