package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// mutant is one way to break the code: old stands once in the file, and new in
// its place. One of the tests of the drill must fail by it.
type mutant struct {
	what     string // is broken
	file     string
	old, new string
	drill    string
}

// mutants are the ways that are tried.
var mutants = []mutant{
	{"any signature of the right length holds", "internal/platform/signature.go", `hmac.Equal(sum, m.sum(k, parts))`, `len(sum) == len(m.sum(k, parts))`, "flipped, stale, unset, another's, rotated"},
	{"a secret that is not set verifies", "internal/platform/signature.go", `if k != "" && hmac.Equal`, `if hmac.Equal`, "flipped, stale, unset, another's, rotated"},
	{"in a rotation only the current secret holds", "internal/platform/signature.go", `for _, k := range keys {`, `for _, k := range keys[:min(1, len(keys))] {`, "flipped, stale, unset, another's, rotated"},
	{"what was signed long ago holds", "internal/platform/signature.go", `d > tolerance {`, `d > 100*tolerance {`, "flipped, stale, unset, another's, rotated"},
	{"what is refused is queued", "internal/intake/intake.go", `refused = adapter.Verify(req, keys, opts, d.Now())`, `_ = adapter.Verify(req, keys, opts, d.Now())`, "flipped, stale, unset, another's, rotated"},
	{"bodies over the bound are taken, cut", "internal/intake/intake.go", `o.bytes > MaxBody {`, `o.bytes > 2*MaxBody {`, "oversize"},
	{"the log repeats made-up ids", "internal/intake/intake.go", `o.app = "" // whoever made it up shall not fill the log with it`, ``, "log injection"},
	{"ids can forge keys", "internal/social/key.go", `"._:@/+=,-"`, `"._:@/+=,-|"`, "forged key characters"},
	{"apps of other workspaces are one's own", "internal/api/apps.go", `err == nil && a.Owner != w {`, `err == nil && a.Owner == "" {`, "another workspace's ids on every operation"},
	{"tokens do not expire", "internal/api/token.go", `SkipClientIDCheck: true,`, `SkipClientIDCheck: true, SkipExpiryCheck: true,`, "bad tokens"},
	{"tokens of any length are read", "internal/api/token.go", `if len(token) > maxToken {`, `if len(token) > 100*maxToken {`, "bad tokens"},
	{"each made-up key has the keys fetched", "internal/api/token.go", `refetchAfter = time.Minute`, `refetchAfter = 0 * time.Minute`, "unknown keys in a flood"},
	{"a name may stand twice", "internal/api/api.go", `if seen[name] {`, `if seen[name] && name == "" {`, "body bombs"},
	{"an answer names every fault", "internal/api/problem.go", `maxErrors = 20`, `maxErrors = 20_000`, "body bombs"},
	{"cells may be formulas", "internal/sheet/rows.go", `return "'" + s`, `return s`, "formulas"},
	{"a subject may hold line ends", "internal/mail/message.go", `m.Subject == "" || hasControl(m.Subject)`, `m.Subject == ""`, "header injection"},
	{"loopback is public", "internal/fetch/address.go", `"127.0.0.0/8"), "a loopback address"`, `"127.0.0.0/32"), "a loopback address"`, "SSRF: spellings"},
	{"redirects are not looked at", "internal/fetch/fetch.go", `return refuse("redirected to %.100q: %v", req.URL.Host, err)`, `return nil`, "SSRF: redirects"},
	{"what a name leads to is not looked at", "internal/fetch/fetch.go", `d.Control = judge`, `d.Control = nil`, "SSRF: rebinding"},
	{"another host is sent secret headers", "internal/fetch/fetch.go", `left := origin(req.URL) != origin(via[0].URL)`, `left := false`, "token carried to another host"},
	{"models have any number of conditions", "internal/scoring/model.go", `if conditions > maxConditions {`, `if conditions > 100*maxConditions {`, "expression bombs"},
	{"feeds nest without a bound", "internal/platform/feed/feed.go", `depth > maxDepth {`, `depth > 1_000_000*maxDepth {`, "XML bombs"},
	{"what is stored already is not queued", "internal/ingest/keep.go", `case err == nil:
				kept`, `case err == nil && !isNew[i]:
			case err == nil:
				kept`, "crash after send"},
	{"a throttled table is asked once", "internal/store/client.go", `const tries = 10`, `const tries = 1`, "throttled table"},
	{"the latest clock is believed", "internal/store/activity.go", `if there.Known <= it.Known {`, `if there.Known != "" {`, "clock skew"},
	{"a view is written over a newer one", "internal/store/store.go", `aws.String("Version = :v")`, `aws.String("Version >= :v OR Version < :v")`, "stale version"},
	{"a model published while a score is computed is not noticed", "internal/leads/leads.go", `if err == nil && maps.Equal(active, by) {`, `if err == nil && len(active) > 0 {`, "model published meanwhile"},
	{"deletions do not count", "internal/view/byday/byday.go", `it.Edits, it.Edited, it.Deleted)`, `it.Edits, it.Edited, false)`, "out of order, with edits and deletions"},
	{"what is redriven is lost", "internal/queue/queue.go", `give(ctx, aws.ToString(m.Body))`, `error(nil)`, "dead letters redriven"},
	{"what an outage missed is not listed", "internal/reporting/reporting.go", `run.State = store.RunMissed`, `run.State = store.RunDone`, "report down for weeks"},
	{"lists of any length are read", "internal/ingest/bounds.go", `if commas[n-1] >= maxEvents && c == ']' {`, `if commas[n-1] >= 1_000*maxEvents && c == ']' {`, "poison, in time and memory"},
	{"rebuilding mends nothing that is missing", "internal/rebuild/rebuild.go", `if c.What == store.Same {
			continue`, `if c.What != store.Differs {
			continue`, "restore from a backup, and rebuild"},
	{"tombstones keep nobody out who is there", "internal/erasure/again.go", `if len(facts) > 0 {`, `if len(facts) > perPart {`, "restore, and erase again"},
}

// runMutants tries the mutants whose drill holds one of the words, or all. The
// drills must pass as the code stands; then, by each mutant, one must fail.
func runMutants(w io.Writer, words []string) error {
	list := slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool {
		return len(words) > 0 && !slices.ContainsFunc(words, func(x string) bool { return strings.Contains(m.drill, x) })
	})
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var tried []drill
	for _, m := range list {
		d, ok := drillOf(m.drill)
		if !ok {
			return fmt.Errorf("%s: there is no drill %q", m.what, m.drill)
		}
		tried = append(tried, d)
	}
	found, told, err := goTest(testsOf(tried))
	if err != nil {
		return err
	}
	if err := found.failed(); err != nil {
		os.Stderr.Write(told)
		return fmt.Errorf("before anything is broken: %w", err)
	}

	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "mutant\tdrill\toutcome\tseconds\tfailed")
	var bad []string
	for i, m := range list {
		began := time.Now()
		outcome, by, err := m.try(root, dir, tried[i])
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		if outcome != "caught" {
			bad = append(bad, fmt.Sprintf("%s (%s)", m.what, outcome))
		}
		fmt.Fprintf(os.Stderr, "%d of %d: %s: %s\n", i+1, len(list), m.what, outcome)
		fmt.Fprintf(out, "%s\t%s\t%s\t%.0f\t%s\n", m.what, m.drill, outcome, time.Since(began).Seconds(), by)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d of %d mutants caught\n", len(list)-len(bad), len(list))
	if len(bad) > 0 {
		return errors.New("not caught: " + strings.Join(bad, ", "))
	}
	return nil
}

func drillOf(name string) (drill, bool) {
	i := slices.IndexFunc(drills, func(d drill) bool { return d.name == name && d.pending == "" })
	if i < 0 {
		return drill{}, false
	}
	return drills[i], true
}

// apply is a file's text with the mutation in it.
func (m mutant) apply(text string) (string, error) {
	if n := strings.Count(text, m.old); n != 1 {
		return "", fmt.Errorf("%s holds %q %d times, want once: say anew how to break it", m.file, m.old, n)
	}
	return strings.Replace(text, m.old, m.new, 1), nil
}

// try runs the drill's tests with the mutated file in the place of the other:
// https://pkg.go.dev/cmd/go, -overlay. The tests that build functions
// themselves have it by the environment.
func (m mutant) try(root, dir string, d drill) (outcome, by string, err error) {
	path := filepath.Join(root, m.file)
	text, err := os.ReadFile(path)
	if err != nil {
		return "", "", err
	}
	mutated, err := m.apply(string(text))
	if err != nil {
		return "", "", err
	}
	file, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{path: file}})
	if err != nil {
		return "", "", err
	}
	if err := errors.Join(os.WriteFile(file, []byte(mutated), 0o600), os.WriteFile(overlay, replace, 0o600)); err != nil {
		return "", "", err
	}
	found, told, err := goTest(d.tests, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	if err != nil {
		return "", "", err
	}
	ran := false
	for _, t := range d.tests {
		r := found[t]
		ran = ran || r != nil
		if r != nil && r.outcome == "fail" {
			return "caught", t.name, nil
		}
		if r != nil && r.outcome == "skip" {
			return "", "", errors.New(t.name + " was skipped")
		}
	}
	if !ran {
		os.Stderr.Write(told)
		return "", "", errors.New("no test ran: does it compile?")
	}
	return "survived", "", nil
}
