package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"rapport/internal/social"
)

// backtested are the people of a backtest, each with ten facts and an outcome.
const backtested = 100_000

// backtests measures `rapport backtest` of a million facts on one core: the
// processor's seconds, and the memory at its highest.
func backtests(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "rapport-backtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tool, facts, came, model := filepath.Join(dir, "rapport"), filepath.Join(dir, "facts.jsonl"), filepath.Join(dir, "outcomes.csv"), filepath.Join(dir, "model.json")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", tool, "./cmd/rapport")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build rapport: %w: %s", err, out)
	}
	if err := pastOf(backtested, facts, came); err != nil {
		return err
	}
	// The model that a new workspace starts with, on what has been read already.
	if err := copyFile("internal/scoring/presets/community.json", model); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, tool, "backtest", "--model", model, "--facts", facts, "--outcomes", came)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("backtest: %w: %s", err, out)
	}
	p := c.ProcessState
	line("backtest_cpu_seconds_per_million_facts", (p.UserTime() + p.SystemTime()).Seconds(), "s")
	line("backtest_mb", float64(p.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB")
	return nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o600)
}

// pastOf writes facts of people, ten of each in no order of people, and how it came out with each.
func pastOf(people int, facts, came string) error {
	f, err := os.Create(facts)
	if err != nil {
		return err
	}
	defer f.Close()
	o, err := os.Create(came)
	if err != nil {
		return err
	}
	defer o.Close()
	r, to, outcomes := rand.New(rand.NewPCG(seed, seed)), bufio.NewWriter(f), bufio.NewWriter(o)
	fmt.Fprintln(outcomes, "person,outcome,at")
	ended := received.AddDate(0, 0, 60)
	for i := range people * 10 {
		at := social.Stamp(received.Add(time.Duration(i) * time.Second))
		by, id := fmt.Sprint("person-", i%people), fmt.Sprint("m", i)
		l := social.Line{Key: id, Platform: "standard", Scope: "forum", Type: string(social.Post), Actor: social.LineActor{ID: by}, Object: social.LineObj{ID: id}, Text: "How much is the larger plan?",
			Occurred: at, Known: at, Direction: string(social.Inbound), Person: "per_" + by, Language: "en", Sentiment: "neutral", Intent: []string{social.IntentQuestion, social.IntentChatter}[r.IntN(2)]}
		b, err := json.Marshal(l)
		if err != nil {
			return err
		}
		to.Write(append(b, '\n'))
	}
	for i := range people {
		fmt.Fprintf(outcomes, "per_person-%d,%s,%s\n", i, []string{"won", "lost"}[r.IntN(2)], social.Stamp(ended))
	}
	if err := to.Flush(); err != nil {
		return err
	}
	return outcomes.Flush()
}
