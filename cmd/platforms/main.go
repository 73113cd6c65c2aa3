// Command platforms writes docs/platforms/README.md: which event types of
// which platform become which activity, from the adapters' own tables.
//
//	go run ./cmd/platforms
package main

import (
	"fmt"
	"os"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
)

const file = "docs/platforms/README.md"

func main() {
	if err := os.WriteFile(file, []byte(table()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "platforms:", err)
		os.Exit(1)
	}
}

const head = `# Platforms

Made by ` + "`go run ./cmd/platforms`" + ` from the adapters' tables, each row of which a fixture shows; don't edit it here. What to click at a platform is in its own page.

An event type becomes an *activity* of a type; or it is *ignored*, since it tells of nobody's doing (it is counted, and kept in the archive), *parked*, since something is missing that must be read elsewhere (listed with its reason, and can be replayed), *erased*, since the platform demands that somebody be forgotten, or *revoked*, since the grant behind the source has ended. Types that are in no row are ignored. Anything malformed is parked.

`

func table() string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("| platform | comes by | subscription | hook's path | secret |\n| --- | --- | --- | --- | --- |\n")
	for _, a := range all.Adapters() {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s | %s |\n", a.Platform(), a.Platform(), comesBy(a), lease(a), path(a), secret(a))
	}
	for _, a := range all.Adapters() {
		fmt.Fprintf(&b, "\n## %s\n\n| event type | becomes | |\n| --- | --- | --- |\n", a.Platform())
		for _, k := range a.Kinds() {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(k.Name), cell(k.Becomes), cell(k.Note))
		}
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }

func yes(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func comesBy(a platform.Adapter) string {
	p, polls := a.(platform.Poller)
	switch {
	case polls && p.Polls("*"):
		return "polling"
	case polls:
		return "webhook, polling"
	}
	return "webhook"
}

func lease(a platform.Adapter) string {
	l, ok := a.(platform.Leaser)
	if !ok {
		return "lasts"
	}
	x := l.Lease()
	if x.Renew {
		return fmt.Sprintf("%g h, renewed by Rapport", x.Every.Hours())
	}
	return fmt.Sprintf("tested every %g h, dead after %g h", x.Every.Hours(), x.Dead.Hours())
}

func path(a platform.Adapter) string {
	_, ok := a.(platform.Pather)
	return yes(ok, "ends in a secret", "–")
}

func secret(a platform.Adapter) string {
	if comesBy(a) == "polling" {
		return "–"
	}
	_, ok := a.(platform.KeyMaker)
	return yes(ok, "ours to choose", "the platform's")
}
