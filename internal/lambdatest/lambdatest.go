// Package lambdatest runs a built function as Lambda does, through the Runtime
// API, for tests: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambdatest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Build builds the function of a name and returns the binary's path.
func Build(t testing.TB, name string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("go", "build", "-o", bin, "rapport/functions/"+name)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return bin
}

// Process is one running function.
type Process struct {
	cmd   *exec.Cmd
	calls chan []byte
	out   chan result
	died  chan struct{}
}

type result struct {
	body   []byte
	failed bool
}

// ErrDied is returned by Invoke when the process ended before it answered.
var ErrDied = errors.New("the function's process died")

// Start runs bin with the test's environment and env beside it.
func Start(t testing.TB, bin string, env ...string) *Process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{calls: make(chan []byte), out: make(chan result, 1), died: make(chan struct{})}
	mux := http.NewServeMux()
	n := 0
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case payload := <-p.calls:
			n++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", n))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:test")
			w.Write(payload)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		p.out <- result{body, r.PathValue("kind") == "error"}
	})
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	p.cmd = exec.Command(bin)
	p.cmd.Env = append(append(os.Environ(), env...), "AWS_LAMBDA_RUNTIME_API="+l.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME=test", "AWS_LAMBDA_LOG_LEVEL=WARN")
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.died) }()
	t.Cleanup(func() { p.Kill(); srv.Close() })
	return p
}

// Invoke hands the function one event and returns its answer; ErrDied if the process ended.
func (p *Process) Invoke(payload []byte) ([]byte, error) {
	select {
	case p.calls <- payload:
	case <-p.died:
		return nil, ErrDied
	}
	select {
	case r := <-p.out:
		if r.failed {
			return nil, fmt.Errorf("the function failed: %s", r.body)
		}
		return r.body, nil
	case <-p.died:
		return nil, ErrDied
	}
}

// Kill ends the process as a crash would: SIGKILL, and waits until it is gone.
func (p *Process) Kill() {
	p.cmd.Process.Kill()
	<-p.died
}

// Proxy passes requests on to target and calls before with the number of each
// (from 1), before it is passed on; what before returns false for is cut off.
func Proxy(t testing.TB, target string, before func(n int, r *http.Request) bool) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	pass := httputil.NewSingleHostReverseProxy(u)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !before(int(n.Add(1)), r) {
			panic(http.ErrAbortHandler)
		}
		pass.ServeHTTP(w, r)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "http://" + l.Addr().String()
}

// Deaf passes requests on to target, and cuts off the answers that cut says
// true for, after the request was carried out: n is the number of the request
// (from 1), counted by its body, so that the tries of one request count once;
// first says whether it is the first of them.
func Deaf(t testing.TB, target string, cut func(n int, first bool, r *http.Request) bool) string {
	t.Helper()
	var mu sync.Mutex
	numbers := map[string]int{}
	client := &http.Client{Transport: &http.Transport{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		mu.Lock()
		n, again := numbers[r.Header.Get("X-Amz-Target")+string(body)]
		if !again {
			n = len(numbers) + 1
			numbers[r.Header.Get("X-Amz-Target")+string(body)] = n
		}
		mu.Unlock()
		on, err := http.NewRequestWithContext(r.Context(), r.Method, target+r.URL.RequestURI(), bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		on.Header, on.Host = r.Header.Clone(), r.Host
		resp, err := client.Do(on)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil || cut(n, !again, r) {
			panic(http.ErrAbortHandler)
		}
		for k, v := range resp.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(resp.StatusCode)
		w.Write(answer)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close(); client.CloseIdleConnections() })
	return "http://" + l.Addr().String()
}

// Throttled passes requests on to target; those to DynamoDB that throttle says
// true for are answered as a throttled table answers, and not carried out. n
// counts the requests to DynamoDB, each try of one, from 1.
func Throttled(t testing.TB, target string, throttle func(n int) bool) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	pass := httputil.NewSingleHostReverseProxy(u)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_") && throttle(int(n.Add(1))) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Throughput exceeds the current capacity of your table or index."}`)
			return
		}
		pass.ServeHTTP(w, r)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return "http://" + l.Addr().String()
}
