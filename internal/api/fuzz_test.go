package api_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/fault"
	"rapport/internal/needs"
)

// TestFuzzed sends what Schemathesis makes of the description, right and
// wrong, to the API over HTTP, with all of its checks; local/schemathesis.toml
// says what is left out, and why. The seed is fixed, so that a failure comes
// again. RAPPORT_FUZZ=30 sends that many examples to each operation.
func TestFuzzed(t *testing.T) {
	tool := needs.Tool(t, "schemathesis")
	x := newWorld(t)
	x.workspace("acme", "ann")
	ann := x.activity("acme", post("7781", "90211", "What does the team plan cost?", time.Hour))
	var made api.CreatedSource
	x.call("ann", "POST", "/v1/workspaces/acme/sources", source(nil)).want(t, http.StatusCreated, &made)
	verify := x.deps.Verify
	x.deps.Verify = func(ctx context.Context, token string) (api.Caller, error) {
		if token != "ann" { // a made-up token is nobody's
			return api.Caller{}, fault.New(fault.Unauthenticated, "the access token does not hold")
		}
		return verify(ctx, token)
	}
	x.deps.RunReport = func(ctx context.Context, w, report string, due time.Time, _ api.RunHow) error { // begun at once, so that it is found where it is said to be
		_, err := x.store.ClaimRun(ctx, w, report, due, t0, time.Minute)
		return err
	}
	log := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	defer slog.SetDefault(log)
	one := make(chan struct{}, 1) // the world's fakes are for one at a time
	h := api.Handler(x.deps)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one <- struct{}{}
		defer func() { <-one }()
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	examples := os.Getenv("RAPPORT_FUZZ")
	if examples == "" {
		examples = "5"
	}
	local, err := filepath.Abs("../../local")
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), tool, "--config-file", filepath.Join(local, "schemathesis.toml"), "run", server.URL+"/v1/openapi.json", "--url", server.URL,
		"--header", "Authorization: Bearer ann", "--checks", "all", "--seed", "1", "--max-examples", examples, "--workers", "1", "--no-color")
	run.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=schemathesis_hooks", "PYTHONPATH="+local, "PYTHONDONTWRITEBYTECODE=1",
		"FUZZ_SOURCE="+made.ID, "FUZZ_APP="+made.App, "FUZZ_PERSON="+personOf(ann))
	run.Dir = t.TempDir() // it keeps what failed, and would try that first
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
