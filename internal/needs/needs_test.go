package needs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"rapport/internal/needs"
)

// became runs a test and says what became of it.
func became(t *testing.T, f func(t testing.TB)) (outcome string) {
	t.Helper()
	done := make(chan struct{})
	x := &test{TB: t, outcome: "pass"}
	go func() { defer close(done); f(x) }()
	<-done
	return x.outcome
}

// test is a test that skips and fails for itself alone.
type test struct {
	testing.TB
	outcome string
}

func (x *test) Skip(...any)           { x.outcome = "skip"; runtime.Goexit() }
func (x *test) Fatal(...any)          { x.outcome = "fail"; runtime.Goexit() }
func (x *test) Fatalf(string, ...any) { x.Fatal() }

func TestNothingThatMakeTestStartsMayBeMissing(t *testing.T) {
	for _, c := range []struct{ run, endpoint, sqs, stack, engine, deployed string }{
		{"", "", "", "", "skip", "skip"},
		{"all", "", "", "", "fail", "fail"},
		{"all", "http://localhost:1", "", "stack.json", "pass", "pass"},
		{"all", "", "http://127.0.0.1:1", "", "pass", "fail"},
		{"", "http://localhost:1", "https://sqs.us-east-1.amazonaws.com", "", "fail", "skip"},
		{"", "https://localhost.example", "", "", "fail", "skip"},
	} {
		t.Setenv("RAPPORT_TEST", c.run)
		t.Setenv("AWS_ENDPOINT_URL", c.endpoint)
		t.Setenv("AWS_ENDPOINT_URL_SQS", c.sqs)
		t.Setenv("RAPPORT_STACK", c.stack)
		if got := became(t, func(t testing.TB) { needs.Engine(t, "SQS") }); got != c.engine {
			t.Errorf("%+v: a test that needs SQS: %s", c, got)
		}
		if got := became(t, func(t testing.TB) { needs.Stack(t) }); got != c.deployed {
			t.Errorf("%+v: a test that needs the stack: %s", c, got)
		}
	}
}

func TestSharedDataMayBeMissingAsAWhole(t *testing.T) {
	t.Setenv("RAPPORT_TEST", "all")
	root := t.TempDir()
	dir := filepath.Join(root, "main", "internal", "x")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "main", "go.mod"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	check := func(when, file, files string) {
		t.Helper()
		if got := became(t, func(t testing.TB) { needs.Shared(t, "payloads/x.json") }); got != file {
			t.Errorf("%s: a test that needs a file: %s, want %s", when, got, file)
		}
		if got := became(t, func(t testing.TB) { needs.SharedFiles(t, "payloads/*.json") }); got != files {
			t.Errorf("%s: a test that needs some files: %s, want %s", when, got, files)
		}
	}
	check("without ../shared", "skip", "skip")
	if err := os.MkdirAll(filepath.Join(root, "shared", "payloads"), 0o755); err != nil {
		t.Fatal(err)
	}
	check("without the file", "fail", "fail")
	if err := os.WriteFile(filepath.Join(root, "shared", "payloads", "x.json"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	check("with the file", "pass", "pass")
}

// A test that skips by itself is green in `make test` without having run.
func TestOnlyThisPackageSkips(t *testing.T) {
	skips := regexp.MustCompile(`\b[tbf]\.Skip(f|Now)?\(`)
	root := filepath.Join("..", "..")
	found := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil || !skips.Match(text) {
			return err
		}
		found++
		switch name, err := filepath.Rel(root, file); filepath.ToSlash(name) {
		case "internal/needs/needs.go":
		case "internal/platform/platformtest/faults_test.go": // a test that another runs in a process of its own
		default:
			t.Errorf("%s skips a test: ask package needs for what it needs, %v", name, err)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d files skip tests, %v", found, err)
	}
}
