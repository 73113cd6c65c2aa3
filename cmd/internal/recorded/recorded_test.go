package recorded_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rapport/cmd/internal/recorded"
	"rapport/internal/platform"
)

// folder writes files, by name, and returns where.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadTakesWhatStandsBesideTheBody(t *testing.T) {
	dir := folder(t, map[string]string{
		"alone.json":          "{}",
		"lines.json":          "{}",
		"lines.headers":       ":method: GET\n:url: https://h.example/hooks/a?unit=u\n:path: p/q\n\nX-A: one\nx-a: two\r\n",
		"object.jsonc":        "{/* here */}",
		"object.headers.json": `{"x-a":"one"}`,
	})
	read := func(name string) platform.Request {
		t.Helper()
		r, err := recorded.Read(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := read("alone.json"); r.Method != "POST" || r.URL != "" || len(r.Header) != 0 || string(r.Body) != "{}" {
		t.Errorf("alone: %+v", r)
	}
	if r := read("lines.json"); r.Method != "GET" || r.URL != "https://h.example/hooks/a?unit=u" || r.Query != "unit=u" || r.Path != "p/q" || strings.Join(r.Header["X-A"], ",") != "one,two" {
		t.Errorf("lines: %+v", r)
	}
	if r := read("object.jsonc"); r.Header.Get("X-A") != "one" || string(r.Body) != "{}" {
		t.Errorf("object: %+v, %q", r, r.Body)
	}
}

func TestReadSaysWhichFileIsWrong(t *testing.T) {
	dir := folder(t, map[string]string{"a.json": "{}", "a.headers": "X-A", "b.json": "{}", "b.headers.json": "[]", "c.json": "{}", "c.headers": ":status: 200", "d.json": "{}", "d.headers": ": x"})
	for name, want := range map[string]string{"a.json": "a.headers", "b.json": "b.headers.json", "c.json": ":method, :url and :path", "d.json": "not of the form", "none.json": "none.json"} {
		if _, err := recorded.Read(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

func TestWhatIsGivenLaterStandsInsteadOfWhatWasThere(t *testing.T) {
	dir := folder(t, map[string]string{"a.json": "{}", "a.headers": "X-A: file\nX-B: file"})
	r, err := recorded.Read(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := recorded.Headers(&r, "x-a: flag", "x-a: again"); err != nil {
		t.Fatal(err)
	}
	if strings.Join(r.Header["X-A"], ",") != "flag,again" || r.Header.Get("X-B") != "file" {
		t.Errorf("got %v", r.Header)
	}
}

func TestIsHeaders(t *testing.T) {
	for file, want := range map[string]bool{"a.headers": true, "x/a.headers.json": true, "a.json": false, "headers.json": false, "headers": false} {
		if got := recorded.IsHeaders(file); got != want {
			t.Errorf("%s: got %t", file, got)
		}
	}
}

func TestStripComments(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1}`:                    `{"a":1}`,
		"{//x\n\"a\":1}//":           "{\n\"a\":1}",
		`{"u":"http://x/*y*/\"//z"}`: `{"u":"http://x/*y*/\"//z"}`,
		`/* a * / */{}/**/`:          `{}`,
		`1/2`:                        `1/2`,
		`"cut short`:                 `"cut short`,
		`"cut \`:                     `"cut \`,
		`/*`:                         ``,
		`/`:                          `/`,
	} {
		if got := string(recorded.StripComments([]byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
