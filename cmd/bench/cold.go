package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// coldRuns is how often each function is started. The functions take turns,
// so that what else the machine does meets them all alike.
const coldRuns = 21

// coldEnv is what the functions read at their start. Nobody is called but for
// the key of ingest and erase, which the measurement answers itself.
var coldEnv = []string{"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_LOG_FORMAT=JSON",
	"ISSUER=https://issuer.example", "JWKS_URL=https://issuer.example/keys", "CLIENT_ID=c", "SECRETS_PREFIX=/p/"}

func init() {
	coldEnv = append(coldEnv, "HOME="+os.Getenv("HOME")) // where ingest finds the reader's weights here; in AWS they are a layer
	for _, name := range []string{"TABLE", "BUCKET", "REPORT_FUNCTION", "DISCOVER_FUNCTION", "ERASURE_KEY_SECRET",
		"DELIVERIES_QUEUE_URL", "SCORING_QUEUE_URL", "FEEDBACK_QUEUE_URL", "ERASE_QUEUE_URL", "WATCH_QUEUE_URL", "POLL_QUEUE_URL", "REPORT_QUEUE_URL", "BULK_QUEUE_URL", "REPLAYS_QUEUE_URL", "IMPORTS_QUEUE_URL"} {
		coldEnv = append(coldEnv, name+"=x")
	}
}

// coldStarts measures how long each function takes from the start of its
// process until it asks for its first event, and prints how many times as
// long that is as a function that does nothing takes (medians). It builds
// them as they are deployed, but for this machine's processor.
func coldStarts(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "rapport-cold-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	sources, err := filepath.Glob("functions/*")
	if err != nil || len(sources) == 0 {
		return errors.Join(err, errors.New("no functions: run bench at the root of the module"))
	}
	sources = append(sources, "cmd/bench/bare")
	fmt.Fprintf(os.Stderr, "bench: building %d functions …\n", len(sources))
	took := map[string][]float64{} // milliseconds
	for _, s := range sources {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s", "-tags=lambda.norpc", "-o", filepath.Join(dir, filepath.Base(s)), "./"+s)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", s, err, out)
		}
	}
	for i := range coldRuns + 1 {
		for _, s := range sources {
			name := filepath.Base(s)
			ms, err := coldStart(ctx, filepath.Join(dir, name))
			if err != nil {
				return fmt.Errorf("start %s: %w", name, err)
			}
			if i > 0 { // the first one reads the file from the disk
				took[name] = append(took[name], ms)
			}
		}
	}
	bare := median(took["bare"])
	line("cold_ms_bare", bare, "ms")
	for _, s := range sources[:len(sources)-1] {
		name := filepath.Base(s)
		line("cold_ms_"+name, median(took[name]), "ms")
		line("cold_ratio_"+name, median(took[name])/bare, "times")
	}
	return nil
}

// coldStart starts a function beside a Runtime API of its own and returns
// after how many milliseconds it asks for its first event.
func coldStart(ctx context.Context, file string) (ms float64, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(_ http.ResponseWriter, r *http.Request) {
		asked <- time.Now()
		<-r.Context().Done() // there is no event
	})
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) { // Secrets Manager
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"SecretString":%q}`, strings.Repeat("k", 64))
	})
	server := &http.Server{Handler: mux}
	go server.Serve(ln)
	defer server.Close()

	cmd := exec.CommandContext(ctx, file)
	cmd.Env = append(slices.Clone(coldEnv), "AWS_LAMBDA_RUNTIME_API="+ln.Addr().String(), "AWS_ENDPOINT_URL=http://"+ln.Addr().String())
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case at := <-asked:
		ms = float64(at.Sub(start).Microseconds()) / 1000
		cmd.Process.Kill()
		<-ended
		return ms, nil
	case err := <-ended:
		return 0, fmt.Errorf("it ended before it asked for an event: %v", err)
	}
}

func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}
