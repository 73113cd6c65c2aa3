package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
)

// The packages measure their own growth and speed in tests and benchmarks: the
// bench runs those at full size and prints what they say.

// tested runs a test or benchmark of a package and returns what it prints.
func tested(ctx context.Context, env string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-timeout=30m"}, args...)...)
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go test %v: %w\n%s", args, err, out)
	}
	return string(out), nil
}

// numbers returns what the groups of a pattern match, as numbers.
func numbers(out, pattern string) ([]float64, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("nothing like %s in:\n%s", pattern, out)
	}
	var x []float64
	for _, s := range m[1:] {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, err
		}
		x = append(x, v)
	}
	return x, nil
}

// evaluateSpeed prints how long a score of 1,000 facts by 30 mixed rules takes.
func evaluateSpeed(ctx context.Context) error {
	out, err := tested(ctx, "X=", "-run", "^$", "-bench", "^BenchmarkEvaluate$/^mixed$/^1000$", "-benchtime", "2s", "./internal/scoring")
	if err != nil {
		return err
	}
	x, err := numbers(out, `([0-9.]+) fastest-ms`)
	if err != nil {
		return err
	}
	line("evaluate_1000x30_ms", x[0], "ms")
	return nil
}

// candidates prints whom a new account is compared with, on average and at most,
// in workspaces of a thousand to a million accounts.
func candidates(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "bench: candidates of a new account beside a million …")
	out, err := tested(ctx, "RAPPORT_GROWTH=1000000", "-v", "-run", "^TestCandidatesStayFew$", "./internal/identity")
	if err != nil {
		return err
	}
	for _, n := range []string{"1000", "10000", "100000", "1000000"} {
		x, err := numbers(out, `beside `+n+` accounts: ([0-9.]+) candidates on average, ([0-9.]+) at most, ([0-9.]+) entries read at most`)
		if err != nil {
			return err
		}
		line("candidates_beside_"+n+"_accounts", x[0], "accounts")
		line("candidates_most_beside_"+n+"_accounts", x[1], "accounts")
		line("candidate_entries_most_beside_"+n+"_accounts", x[2], "entries")
	}
	return nil
}

// growths prints how much more a message costs in a conversation of 2,000
// exchanges than in one of 1, and in a thread of 50,000 askers than of one, and
// a score of a person with 100,000 facts than of one with 200, as many of them
// within the model's horizon; and what pages cost of 1,000 and of 100,000, and
// the issues of 28 days with 1.8 million messages.
func growths(ctx context.Context) error {
	const message = `: a message ([0-9.]+) RRU ([0-9.]+) WRU, a reply ([0-9.]+) RRU ([0-9.]+) WRU`
	fmt.Fprintln(os.Stderr, "bench: a conversation of 2,000 exchanges, a thread of 50,000 askers …")
	out, err := tested(ctx, "GROWTH=50000", "-v", "-run", "^TestGrowth$", "./internal/view/conversation")
	if err != nil {
		return err
	}
	var one []float64
	for _, n := range []string{"1", "100", "2000"} {
		x, err := numbers(out, `: `+n+` exchanges`+message)
		if err != nil {
			return err
		}
		if one == nil {
			one = x
		}
		for i, name := range []string{"message_rru", "message_wru", "reply_rru", "reply_wru"} {
			line(name+"_at_"+n+"_exchanges", x[i], "units")
		}
		if n == "2000" {
			line("growth_conversation_wru", max(x[1]/one[1], x[3]/one[3]), "ratio")
			line("growth_conversation_rru", max(x[0]/one[0], x[2]/one[2]), "ratio")
		}
	}
	x, err := numbers(out, `: a new asker beside 50000`+message)
	if err != nil {
		return err
	}
	line("message_wru_beside_50000_askers", x[1], "units")
	line("message_rru_beside_50000_askers", x[0], "units")

	fmt.Fprintln(os.Stderr, "bench: a person with 100,000 facts …")
	if out, err = tested(ctx, "RAPPORT_GROWTH=100000", "-v", "-run", "^TestGrowthOfAScore$", "./internal/leads"); err != nil {
		return err
	}
	x, err = numbers(out, `a person with 200: ([0-9.]+) RRU, ([0-9.]+) WRU, \S+; with 100000: ([0-9.]+) RRU, ([0-9.]+) WRU`)
	if err != nil {
		return err
	}
	line("rescore_rru_at_200_facts", x[0], "RRU")
	line("rescore_rru_at_100000_facts", x[2], "RRU")
	line("growth_rescore_rru", x[2]/x[0], "ratio")
	line("growth_rescore_wru", x[3]/x[1], "ratio")

	fmt.Fprintln(os.Stderr, "bench: pages of 100,000 leads, conversations and activities …")
	if out, err = tested(ctx, "RAPPORT_GROWTH=100000", "-v", "-run", "^TestGrowthOfPages$", "./internal/api"); err != nil {
		return err
	}
	for _, list := range []string{"leads", "waiting", "conversations", "activities"} {
		x, err = numbers(out, `a page of `+list+`: ([0-9.]+) RRU of 1000, ([0-9.]+) of 100000`)
		if err != nil {
			return err
		}
		line("page_rru_"+list, x[1], "RRU")
		line("growth_page_rru_"+list, x[1]/x[0], "ratio")
	}

	fmt.Fprintln(os.Stderr, "bench: the issues of 28 days with 1.8 million messages …")
	if out, err = tested(ctx, "X=", "-run", "^$", "-bench", "^BenchmarkIssues$", "-benchtime", "1x", "./internal/view/byday"); err != nil {
		return err
	}
	x, err = numbers(out, `([0-9.]+) ns/op.* ([0-9.]+) MB-heap.* ([0-9.]+) RRU/op.* ([0-9.]+) cpu-s`)
	if err != nil {
		return err
	}
	line("issues_seconds", x[0]/1e9, "s")
	line("issues_heap_mb", x[1], "MB")
	line("issues_rru", x[2], "RRU")
	line("issues_cpu_seconds", x[3], "s")
	return nil
}
