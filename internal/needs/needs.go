// Package needs says what a test needs from outside itself. Where that is
// missing the test is skipped with a reason; in `make test`, which starts
// engines and stacks, a missing one is a failure. Data beside the repository
// is never demanded.
package needs

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// all is the value of RAPPORT_TEST with which nothing may be missing.
const all = "all"

// Engine returns where a service of AWS is emulated, such as DYNAMODB: at
// AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL, on this machine.
func Engine(t testing.TB, service string) string {
	t.Helper()
	endpoint := os.Getenv("AWS_ENDPOINT_URL_" + service)
	if endpoint == "" {
		endpoint = os.Getenv("AWS_ENDPOINT_URL")
	}
	if endpoint == "" {
		missing(t, "no engine of "+service+": run make test, or set AWS_ENDPOINT_URL")
	}
	if u, err := url.Parse(endpoint); err != nil || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		t.Fatalf("refusing to test at %s: AWS_ENDPOINT_URL is not on this machine", endpoint)
	}
	return endpoint
}

// Stack returns the file that describes the deployed stack.
func Stack(t testing.TB) string {
	t.Helper()
	file := os.Getenv("RAPPORT_STACK")
	if file == "" {
		missing(t, "no deployed stack: run make test, or set RAPPORT_STACK to a stack.json and AWS_* to its cloud")
	}
	return file
}

// Tool returns where a program is that local/tools.sh installs.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not on the PATH: run make test, or add what local/tools.sh prints and /bin")
	}
	return path
}

// Weights returns the encoder's weights, which local/weights.py fetches.
func Weights(t testing.TB) []byte {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(cmp.Or(os.Getenv("XDG_CACHE_HOME"), filepath.Join(home, ".cache")), "rapport", "e5-small-q4.bin"))
	if err != nil {
		missing(t, "no weights of the encoder: run local/weights.py")
	}
	return b
}

// Shared returns the path of a file or folder of ../shared, beside the
// repository, which holds data that is not part of the project. Where the
// folder is there, a path that is not is a mistake of the test.
func Shared(t testing.TB, path string) string {
	t.Helper()
	folder := shared(t)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		t.Skip("../shared/" + path + " is not part of the project, and not here")
	}
	file := filepath.Join(folder, filepath.FromSlash(path))
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// SharedFiles returns the files of ../shared that a pattern of filepath.Glob names, of which there is one or more.
func SharedFiles(t testing.TB, pattern string) []string {
	t.Helper()
	folder, _, _ := strings.Cut(pattern, "/")
	files, err := filepath.Glob(filepath.Join(filepath.Dir(Shared(t, folder)), filepath.FromSlash(pattern)))
	if err != nil || len(files) == 0 {
		t.Fatalf("no ../shared/%s, %v", pattern, err)
	}
	return files
}

// shared is the folder beside that of go.mod.
func shared(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// missing skips the test, or fails it where nothing may be missing.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("RAPPORT_TEST") == all {
		t.Fatal(what + "; it may not be missing with RAPPORT_TEST=" + all)
	}
	t.Skip(what)
}
