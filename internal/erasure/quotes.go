package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/report"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
)

// quotes takes an account out of what theme sets quote and deletes reports; it goes on
// after a report's file.
func (e *Erasure) quotes(ctx context.Context, x *demand, after string) (string, bool, error) {
	removed := map[string]int{}
	var err error
	if after == "" {
		if removed["quotes"], err = e.themes(ctx, x); err != nil {
			return "", false, err
		}
	}
	n, after, done, err := e.reports(ctx, x, after)
	removed["reports"] = n
	return after, done, errors.Join(err, e.tell(ctx, x, removed, false))
}

// themes takes what is quoted of an account out of every theme set.
func (e *Erasure) themes(ctx context.Context, x *demand) (int, error) {
	changed, after := 0, ""
	for len(x.gone) > 0 {
		list, err := e.Store.Versions(ctx, x.workspace, store.ThemeSets, after, 50)
		if err != nil || len(list) == 0 {
			return changed, err
		}
		for _, v := range list {
			after = v.Place
			did, err := e.Store.EditVersion(ctx, x.workspace, store.ThemeSets, v.Version, func(body []byte) ([]byte, error) {
				set, err := theme.Parse(body)
				if err != nil || !set.Unquote(x.gone) {
					return nil, err
				}
				return json.Marshal(set)
			})
			if err != nil {
				return changed, err
			}
			if did {
				changed++
			}
		}
	}
	return changed, nil
}

// reports deletes the files of the runs that name an account or quote it.
// The run stays, and says that its files are gone. It returns the file up to
// which it came, and whether that was all.
func (e *Erasure) reports(ctx context.Context, x *demand, after string) (removed int, last string, done bool, err error) {
	err = e.Archive.List(ctx, "reports/"+x.workspace+"/", after, func(key string) error {
		last = key
		run, is := strings.CutSuffix(key, ".json")
		if !is {
			return nil
		}
		// The JSON last: as long as it is there, the run is found again.
		gone, err := e.Archive.DeleteIf(ctx, key, func(body []byte) (bool, error) {
			var d report.Data
			if err := json.Unmarshal(body, &d); err != nil {
				return false, fmt.Errorf("read %s: %w", key, err)
			}
			if !x.names(d) {
				return false, nil
			}
			for _, ending := range []string{".html", ".txt", ".csv"} {
				if err := e.Archive.Delete(ctx, run+ending); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		if gone {
			removed++
		}
		if err == nil && e.enough(ctx) {
			return errEnough
		}
		return err
	})
	if errors.Is(err, errEnough) {
		return removed, last, false, nil
	}
	return removed, last, err == nil, err
}

// errEnough ends a walk early, since there is no time left.
var errEnough = errors.New("enough")

// names reports whether a report names one of the accounts, as a lead, with
// its words, or as one who waits.
func (x *demand) names(d report.Data) bool {
	persons := map[string]bool{}
	for a := range x.whose {
		persons[social.PersonID(a)] = true
	}
	whose := func(l report.Lead) bool {
		return persons[l.PersonID] || slices.ContainsFunc(l.Accounts, func(a string) bool { return x.whose[a] })
	}
	quoted := func(q report.Quote) bool { return x.gone[social.Activity{Key: q.Key}.ID()] }
	return slices.ContainsFunc(d.Leads, func(l report.Lead) bool {
		return whose(l) && !l.LastSeen.After(x.at) || slices.ContainsFunc(l.Words, quoted)
	}) ||
		slices.ContainsFunc(d.Issues, func(i report.Issue) bool {
			return slices.ContainsFunc(i.Quotes, quoted)
		}) ||
		slices.ContainsFunc(d.Waiting, func(r report.Waiting) bool {
			return x.spoke[spoken{social.Platform(r.Platform), social.Instant(r.Since)}]
		})
}
