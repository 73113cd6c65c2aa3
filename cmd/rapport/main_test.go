package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/platform/meta"
	"rapport/internal/platform/standard"
	"rapport/internal/platform/trustpilot"
	"rapport/internal/reading"
	"rapport/internal/reading/readtest"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

var now = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// ended is what a command came to.
type ended struct {
	code     int
	out, err string
}

func call(stdin string, args ...string) ended {
	var out, errs bytes.Buffer
	code := run(context.Background(), args, strings.NewReader(stdin), &out, &errs, func() time.Time { return now })
	return ended{code, out.String(), errs.String()}
}

// lines decodes JSON lines.
func lines[T any](t *testing.T, out string) []T {
	t.Helper()
	var all []T
	for l := range strings.Lines(out) {
		var x T
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			t.Fatalf("%q is no JSON line: %v", l, err)
		}
		all = append(all, x)
	}
	return all
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHelpNamesExamples(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"verify", "--help"}, {"normalise", "--help"}, {"read", "--help"}, {"themes", "--help"}, {"score", "--help"}, {"send", "--help"},
		{"replay", "--help"}, {"redrive", "--help"}, {"jetstream", "--help"}, {"learn", "--help"}} {
		got := call("", args...)
		if got.code != exitOK || !strings.Contains(got.out, "Examples:") || !strings.Contains(got.out, "Usage: rapport") || got.err != "" {
			t.Errorf("%v: code %d, %q, %q", args, got.code, got.out, got.err)
		}
	}
}

func TestMisuseSaysWhatIsWrong(t *testing.T) {
	secret := file(t, "secret", "s")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "expected one of"},
		{[]string{"sing"}, "unexpected argument sing"},
		{[]string{"read", "--colour"}, "unknown flag --colour"},
		{[]string{"verify"}, "--platform and --secret-file, or --vectors"},
		{[]string{"verify", "--platform", "meta"}, "--platform and --secret-file, or --vectors"},
		{[]string{"verify", "--platform", "myspace", "--secret-file", secret}, `no platform "myspace"; there are bluesky, discord, `},
		{[]string{"verify", "--platform", "meta", "--secret-file", secret, "--at", "noon"}, `--at "noon" is no RFC 3339 time`},
		{[]string{"verify", "--platform", "meta", "--secret-file", secret, "--header", "X-Sig"}, `--header "X-Sig" is not of the form`},
		{[]string{"normalise"}, "missing flags: --platform"},
		{[]string{"normalise", "--platform", "myspace"}, "no platform"},
		{[]string{"normalise", "--platform", "meta", "--header", ": x"}, "not of the form"},
		{[]string{"themes", "--k", "many"}, "--k"},
		{[]string{"themes", "--k=-1"}, "negative"},
		{[]string{"themes", "--set", "a", "--set-out", "b"}, "--set"},
		{[]string{"themes", "--set", "a", "--k", "2"}, "--set finds no themes"},
		{[]string{"score", "--as-of", "2026-01-01"}, "--as-of"},
		{[]string{"score", "--known-by", "x"}, "--known-by"},
		{[]string{"send", "--platform", "meta"}, "missing flags"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "localhost"}, "no http or https URL"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "ftp://h/"}, "no http or https URL"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://h/", "--rate", "0"}, "--rate"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://h/", "--rate", "NaN"}, "--rate"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://h/", "--concurrency", "0"}, "--concurrency"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://h/", "--attempts", "0"}, "--attempts"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://h/", "--expect-status", "99"}, "--expect-status"},
		{[]string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://h/", "--format", "xml"}, "--format"},
	} {
		got := call("", c.args...)
		if got.code != exitMisuse || !strings.Contains(got.err, c.want) || got.out != "" {
			t.Errorf("%v: code %d, %q, %q; want %q", c.args, got.code, got.out, got.err, c.want)
		}
	}
}

func TestWhatCouldNotRun(t *testing.T) {
	secret, none := file(t, "secret", "s"), filepath.Join(t.TempDir(), "none")
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no such secret":               {"", []string{"verify", "--platform", "meta", "--secret-file", none}, "read the secret"},
		"no such document":             {"", []string{"verify", "--platform", "standard", "--secret-file", secret, "--config", none}, "read the app's document"},
		"no JSON document":             {"", []string{"verify", "--platform", "standard", "--secret-file", secret, "--config", secret}, "is no JSON"},
		"no such vectors":              {"", []string{"verify", "--vectors", none}, "read the vectors"},
		"vectors that are none":        {"", []string{"verify", "--vectors", file(t, "v", "[]")}, "read the vectors"},
		"a vector at no time":          {"", []string{"verify", "--vectors", file(t, "v", `{"vectors":[{"id":"x","platform":"meta","usable":true,"secret":"s","body":"b","at":"noon"}]}`)}, `vector "x": at "noon"`},
		"no such payload":              {"", []string{"normalise", "--platform", "meta", none}, "read the payload"},
		"a document without mapping":   {"{}", []string{"normalise", "--platform", "standard"}, "config.mapping: required"},
		"a text that is none":          {"{\"text\":\"a\"}\n\n{\"text\":1}", []string{"read"}, "line 3: no {\"id\",\"text\"}"},
		"an id that is a list":         {`{"id":[],"text":"a"}`, []string{"read"}, "line 1"},
		"CSV without text":             {"id,body\n", []string{"read", "--csv"}, "no column text"},
		"CSV without a header":         {"", []string{"themes", "--csv"}, "header"},
		"CSV with a row cut short":     {"id,text\n1\n", []string{"read", "--csv"}, "line 2"},
		"two texts of one id":          {"{\"id\":1,\"text\":\"a\"}\n{\"id\":1,\"text\":\"b\"}", []string{"themes"}, `two texts with the id "1"`},
		"no such set":                  {"", []string{"themes", "--set", none}, "read the set"},
		"a set that is none":           {"", []string{"themes", "--previous", secret}, "read a theme set"},
		"a set that can't be written":  {"", []string{"themes", "--set-out", filepath.Join(none, "x")}, "write the set"},
		"no such model":                {"", []string{"score", "--model", none}, "read the model"},
		"a model with a problem":       {"", []string{"score", "--model", file(t, "m", `{"id":"x"}`)}, "$.version"},
		"no such activities":           {"", []string{"score", none}, "read the activities"},
		"a line that is no activity":   {"\n{}", []string{"score"}, "line 2"},
		"no such payloads":             {"", []string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://127.0.0.1:1/", none}, "read the payloads"},
		"no such payloads to shuffle":  {"", []string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://127.0.0.1:1/", "--shuffle", "1", none}, "read the payloads"},
		"an empty secret":              {"", []string{"send", "--platform", "meta", "--secret-file", file(t, "e", "\n"), "--url", "http://127.0.0.1:1/"}, "holds no secret"},
		"a secret that can't sign":     {"{}", []string{"send", "--platform", "standard", "--secret-file", secret, "--url", "http://127.0.0.1:1/"}, "no whsec_ secret"},
		"a resume file that is none":   {"{}", []string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://127.0.0.1:1/", "--resume", secret + "/x"}, "accepted ids"},
		"a payload that is no JSON":    {"x", []string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://127.0.0.1:1/"}, "payloads of -: line 1"},
		"nobody who answers":           {"{}", []string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://127.0.0.1:1/", "--attempts", "1"}, "1 deliveries were given up"},
		"no such column in the CSV":    {"a\n1\n", []string{"send", "--platform", "meta", "--secret-file", secret, "--url", "http://127.0.0.1:1/", "--format", "csv", "--id-column", "b"}, `no column "b"`},
		"a score as of no usable year": {activity("a", social.Post, 1, "hi"), []string{"score", "--as-of", "1980-01-01T00:00:00Z", "--known-by", "2026-01-01T00:00:00Z"}, ""},
	} {
		got := call(c.stdin, c.args...)
		if c.want == "" { // nobody had done anything by then
			if got.code != exitOK || got.out != "" {
				t.Errorf("%s: code %d, %q, %q", name, got.code, got.out, got.err)
			}
			continue
		}
		if got.code != exitFailed || !strings.Contains(got.err, c.want) {
			t.Errorf("%s: code %d, %q; want %q", name, got.code, got.err, c.want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"read"}, strings.NewReader(`{"text":"a"}`), full{}, &errs, time.Now)
	if code != exitFailed || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("code %d, %q", code, errs.String())
	}
}

func TestVerify(t *testing.T) {
	body := `{"object":"page","text":"\u00e4"}` + "\n"
	secrets := file(t, "secrets", "new\r\nold one\n\n")
	r := platform.Request{Header: http.Header{}, Body: []byte(body)}
	if err := (meta.Adapter{}).Sign(&r, "old one", "", platform.Options{}, now); err != nil {
		t.Fatal(err)
	}
	signature := "X-Hub-Signature-256: " + r.Header.Get("X-Hub-Signature-256")
	legacy := "x-hub-signature: sha1=" + platform.MAC{Algorithm: "sha1", Encoding: "hex"}.Sum("new", []byte(body))
	for name, c := range map[string]struct {
		stdin  string
		args   []string
		valid  bool
		legacy bool
		reason string
	}{
		"holds under the previous secret": {body, []string{"--header", signature}, true, false, "the signature holds"},
		"holds, legacy allowed":           {body, []string{"--header", signature, "--legacy"}, true, false, "the signature holds"},
		"another body":                    {body + " ", []string{"--header", signature}, false, false, "does not match"},
		"no signature":                    {body, nil, false, false, "no X-Hub-Signature-256 header"},
		"legacy, not allowed":             {body, []string{"--header", legacy}, false, false, "the app does not allow it"},
		"legacy, allowed":                 {body, []string{"--header", legacy, "--legacy"}, true, true, "the legacy signature holds"},
		"a handshake":                     {"", []string{"--method", "GET", "--url", "https://h/?hub.mode=subscribe&hub.challenge=42&hub.verify_token=new"}, true, false, "the handshake is answered"},
		"a false handshake":               {"", []string{"--method", "GET", "--url", "https://h/?hub.mode=subscribe&hub.challenge=42&hub.verify_token=x"}, false, false, "hub.verify_token"},
	} {
		got := call(c.stdin, append([]string{"verify", "--platform", "meta", "--secret-file", secrets}, c.args...)...)
		v := lines[verified](t, got.out)
		if len(v) != 1 || v[0].Valid != c.valid || v[0].Legacy != c.legacy || !strings.Contains(v[0].Reason, c.reason) || !strings.HasPrefix(v[0].ID, "dlv_") {
			t.Errorf("%s: got %s", name, got.out)
		}
		if got.code != map[bool]int{true: exitOK, false: exitRefused}[c.valid] {
			t.Errorf("%s: code %d", name, got.code)
		}
		if (v[0].Answer == "42") != (name == "a handshake") {
			t.Errorf("%s: answered %q", name, v[0].Answer)
		}
	}
}

func TestVerifyAtAnInstant(t *testing.T) {
	secret := file(t, "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	args := []string{"verify", "--platform", "standard", "--secret-file", secret, "--header", "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek",
		"--header", "webhook-timestamp: 1614265330", "--header", "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
	if got := call(`{"test": 2432232314}`, append(args, "--at", "2021-02-25T16:02:10+01:00")...); got.code != exitOK {
		t.Errorf("at its time: code %d, %s%s", got.code, got.out, got.err)
	}
	if got := call(`{"test": 2432232314}`, args...); got.code != exitRefused || !strings.Contains(got.out, "ago, over the 5m0s allowed") {
		t.Errorf("now: code %d, %s%s", got.code, got.out, got.err)
	}
}

// vectors are of the shape of the published ones.
func vectors(t *testing.T, change string) string {
	t.Helper()
	v := []map[string]any{
		{"id": "holds", "platform": "meta", "kind": "delivery", "usable": true, "valid": true, "secret": "It's a Secret to Everybody", "body": "Hello, World!", "method": "POST",
			"headers": map[string]string{"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
		{"id": "false", "platform": "meta", "kind": "delivery", "usable": true, "valid": false, "secret": "another", "body": "Hello, World!", "method": "POST",
			"headers": map[string]string{"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
		{"id": "legacy", "platform": "meta", "kind": "delivery", "usable": true, "valid": true, "legacy": true, "secret": "s", "body": "b", "method": "POST",
			"headers": map[string]string{"X-Hub-Signature": "sha1=" + platform.MAC{Algorithm: "sha1", Encoding: "hex"}.Sum("s", []byte("b"))}},
		{"id": "handshake", "platform": "meta", "kind": "handshake", "usable": true, "valid": true, "secret": "t", "body": "", "method": "GET", "expected": "1158201444",
			"headers": map[string]string{"query": "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=t"}},
		{"id": "configured", "platform": "standard", "kind": "delivery", "usable": true, "valid": true, "secret": "Convoy", "body": "Test Payload Body", "method": "POST",
			"config":  map[string]any{"signature": map[string]string{"header": "X-Sig", "algorithm": "sha256", "encoding": "base64"}},
			"headers": map[string]string{"X-Sig": platform.MAC{Algorithm: "sha256", Encoding: "base64"}.Sum("Convoy", []byte("Test Payload Body"))}},
		{"id": "unusable", "platform": "meta", "kind": "delivery", "usable": false, "secret": "s", "body": "b"},
		{"id": "no secret", "platform": "meta", "kind": "delivery", "usable": true, "secret": nil, "body": "b"},
		{"id": "no body", "platform": "meta", "kind": "delivery", "usable": true, "secret": "s", "body": nil},
		{"id": "another platform", "platform": "myspace", "kind": "delivery", "usable": true, "valid": true, "secret": "s", "body": "b"},
	}
	switch change {
	case "a broken signature":
		v[0]["headers"] = map[string]string{"X-Hub-Signature-256": "sha256=00"}
	case "a true one called false":
		v[1]["secret"] = "It's a Secret to Everybody"
	case "legacy with the present scheme":
		v[2]["headers"] = map[string]string{"X-Hub-Signature-256": "sha256=" + platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum("s", []byte("b"))}
	case "another answer":
		v[3]["expected"] = "99"
	case "a delivery called a handshake":
		v[0]["kind"] = "handshake"
	}
	b, err := json.Marshal(map[string]any{"vectors": v})
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "vectors.json", string(b))
}

func TestVectorsThatAgree(t *testing.T) {
	got := call("", "verify", "--vectors", vectors(t, ""))
	if got.code != exitOK || !strings.Contains(got.err, "5 checked, 0 differ; passed over: 3 not usable, and those of unknown platforms: [myspace]") {
		t.Errorf("code %d, %s", got.code, got.err)
	}
	var ids []string
	for _, v := range lines[verified](t, got.out) {
		ids = append(ids, fmt.Sprint(v.ID, " ", v.Valid, " ", v.Legacy, " ", *v.Agrees, " ", v.Broken))
		if v.Held != 0 {
			t.Errorf("%s: %d changes of a byte held", v.ID, v.Held)
		}
	}
	// Broken: the bytes of the body and of the header that holds the signature.
	if want := []string{"holds true false true 84", "false false false true 0", "legacy true true true 46", "handshake true false true 0", "configured true false true 61"}; !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
}

// A list of signatures agrees, though those by other secrets can be changed.
func TestVectorsOfALastingAndAnEndingSecret(t *testing.T) {
	sum := func(key string) string {
		return platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum(key, []byte("{}"))
	}
	for _, header := range []string{"s=" + sum("old") + ",s=" + sum("new"), "s=" + sum("new") + " " + sum("old"), "s=" + strings.ToUpper(sum("new"))} {
		b, err := json.Marshal(map[string]any{"vectors": []any{map[string]any{"id": "v", "platform": "standard", "kind": "delivery", "usable": true, "valid": true, "method": "POST", "secret": "new", "body": "{}",
			"headers": map[string]string{"X-Sig": header}, "config": map[string]any{"signature": map[string]string{"header": "X-Sig", "algorithm": "sha256", "encoding": "hex", "prefix": "s="}}}}})
		if err != nil {
			t.Fatal(err)
		}
		got := call("", "verify", "--vectors", file(t, "v", string(b)))
		if v := lines[verified](t, got.out)[0]; got.code != exitOK || !*v.Agrees || v.Broken < 64 {
			t.Errorf("%s: code %d, %s", header, got.code, got.out)
		}
	}
}

func TestVectorsThatDiffer(t *testing.T) {
	for _, change := range []string{"a broken signature", "a true one called false", "legacy with the present scheme", "another answer", "a delivery called a handshake"} {
		if got := call("", "verify", "--vectors", vectors(t, change)); got.code != exitRefused || !strings.Contains(got.err, "5 checked, 1 differ") || !strings.Contains(got.out, `"agrees":false`) {
			t.Errorf("%s: code %d, %s%s", change, got.code, got.out, got.err)
		}
	}
}

// Nothing but its header speaks for a delivery of a platform that sends a
// token: every other byte can be changed.
func TestVectorsWhoseBytesCanBeChangedDiffer(t *testing.T) {
	v := `{"vectors":[{"id":"token","platform":"telegram","kind":"delivery","usable":true,"valid":true,"secret":"0123456789abcdef0123456789abcdef","body":"{\"update_id\":1}","method":"POST",
		"headers":{"X-Telegram-Bot-Api-Secret-Token":"0123456789abcdef0123456789abcdef"}}]}`
	got := call("", "verify", "--vectors", file(t, "v.json", v))
	out := lines[verified](t, got.out)
	if got.code != exitRefused || len(out) != 1 || *out[0].Agrees || !out[0].Valid || out[0].Broken != 15+32 || out[0].Held != 15 || !strings.Contains(out[0].Reason, "after 15 of 47 changes") {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestVectorsLookOnlyAtTheSignatureTheyName(t *testing.T) {
	mac := platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum("s", []byte("b"))
	for expected, broken := range map[string]int{"": 1 + 7 + 64, mac: 1 + 64} {
		b, err := json.Marshal(map[string]any{"vectors": []any{map[string]any{"id": "x", "platform": "meta", "kind": "delivery", "usable": true, "valid": true, "secret": "s", "body": "b", "method": "POST",
			"expected": expected, "headers": map[string]string{"X-Hub-Signature-256": "sha256=" + mac, "X-Other": "other"}}}})
		if err != nil {
			t.Fatal(err)
		}
		if out := lines[verified](t, call("", "verify", "--vectors", file(t, "v.json", string(b))).out); len(out) != 1 || !*out[0].Agrees || out[0].Broken != broken {
			t.Errorf("expected %q: got %+v, want %d changes", expected, out, broken)
		}
	}
}

// TestVectors: what an implementation that is not ours has signed holds, and nothing else. Each
// platform that signs has its vectors.
func TestVectors(t *testing.T) {
	got := call("", "verify", "--vectors", "testdata/vectors.json")
	if got.code != exitOK || !strings.Contains(got.err, " 0 differ; passed over: 0 ") {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	have := map[string]bool{}
	for _, v := range lines[verified](t, got.out) {
		name, _, _ := strings.Cut(v.ID, "-")
		have[name] = true
	}
	unsigned := []string{"telegram", "trustpilot"} // they send the secret itself
	for _, a := range all.Adapters() {
		_, signs := a.(platform.Signer)
		_, fetched := a.(platform.Poller)
		if name := string(a.Platform()); signs && !fetched && !have[name] && !slices.Contains(unsigned, name) {
			t.Errorf("%s has no vectors: write some in testdata/vectors.py", name)
		}
	}
}

func TestPublishedVectors(t *testing.T) {
	published := needs.Shared(t, "vectors.json")
	got := call("", "verify", "--vectors", published)
	if got.code != exitOK || !strings.Contains(got.err, " 0 differ") || len(lines[verified](t, got.out)) < 3 {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	for _, v := range lines[verified](t, got.out) {
		if v.Kind == "delivery" && v.Valid && v.Broken < 40 {
			t.Errorf("%s: only %d bytes were changed", v.ID, v.Broken)
		}
	}
}

const page = `{"object":"page","entry":[{"id":"p1","changes":[
	{"field":"feed","value":{"item":"comment","verb":"add","comment_id":"c1","post_id":"p1_1","from":{"id":9007199254740993,"name":"<Ada>"},"created_time":1767225600,"message":"How much is it?"}},
	{"field":"leadgen","value":{}},
	{"field":"feed"}]}]}`

func TestNormalise(t *testing.T) {
	commented := file(t, "b.jsonc", "// a page\n"+strings.Replace(page, `"entry"`, `/* "x */ "entry"`, 1)+" // the end")
	broken := file(t, "c.json", "x")
	for name, c := range map[string]struct {
		stdin string
		args  []string
		from  string
	}{
		"standard input":         {page, nil, "-"},
		"standard input, named":  {page, []string{"-"}, "-"},
		"a file":                 {"", []string{file(t, "a.json", page)}, "a.json"},
		"a file with comments":   {"", []string{commented}, "b.jsonc"},
		"several, one is broken": {"", []string{commented, broken}, "b.jsonc"},
	} {
		got := call(c.stdin, append([]string{"normalise", "--platform", "meta"}, c.args...)...)
		out := strings.Split(strings.TrimSpace(got.out), "\n")
		if got.code != exitOK || len(out) < 3 {
			t.Errorf("%s: code %d, %s%s", name, got.code, got.out, got.err)
			continue
		}
		if want := `{"key":"meta|p1|reply|c1|2026-01-01T00:00:00.000Z","platform":"meta","scope":"p1","type":"reply","actor":{"id":"9007199254740993","scope":"p1","name":"<Ada>"},"object":{"id":"c1","type":"comment"},"in_reply_to":"p1_1","conversation":"p1_1","text":"How much is it?","occurred":"2026-01-01T00:00:00.000Z","direction":"inbound"}`; out[0] != want {
			t.Errorf("%s: got %s, want %s", name, out[0], want)
		}
		if s := lines[set](t, out[1]+"\n"+out[2])[0]; !strings.HasSuffix(s.File, c.from) || s.Ignored == "" || s.Parked != "" {
			t.Errorf("%s: got %s", name, out[1])
		}
		if s := lines[set](t, out[2])[0]; s.Parked != "field feed: a change without a value" {
			t.Errorf("%s: got %s", name, out[2])
		}
		if len(out) > 3 && !strings.Contains(out[3], `c.json","parked":"no JSON`) {
			t.Errorf("%s: got %s", name, out[3])
		}
	}
}

func TestNormaliseByADocument(t *testing.T) {
	doc := file(t, "app.json", `{"mapping":{"scope":{"value":"s"},"type":{"value":"review"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`)
	got := call(`{"id":1,"by":2,"at":"2026-01-01T00:00:00Z"}`, "normalise", "--platform", "standard", "--config", doc)
	if got.code != exitOK || !strings.Contains(got.out, `"key":"standard|s|review|1|2026-01-01T00:00:00.000Z"`) {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestReadSaysWhatTheReaderSays(t *testing.T) {
	const text = "The app crashes again, this is terrible"
	want := readtest.Reader(t).Read(text)
	for name, c := range map[string]struct {
		stdin string
		args  []string
		ids   []string
	}{
		"lines":          {`{"id":"a","text":"` + text + "\"}\n\n" + `{"id":9007199254740993,"text":"` + text + "\",\"more\":1}\n" + `{"text":"` + text + `"}`, nil, []string{"a", "9007199254740993", "3"}},
		"a mark before":  {"\uFEFF{\"id\":\"a\",\"text\":\"" + text + "\"}\n", nil, []string{"a"}},
		"CSV":            {"\uFEFFtext,category\n\"" + text + "\",x\n\"" + text + "\",y\n", []string{"--csv"}, []string{"1", "2"}},
		"CSV with an id": {"id,text\nq,\"" + text + "\"\n,\"" + text + "\"\n", []string{"--csv"}, []string{"q", "2"}},
	} {
		got := call(c.stdin, append([]string{"read"}, c.args...)...)
		out := lines[readLine](t, got.out)
		if got.code != exitOK || len(out) != len(c.ids) {
			t.Errorf("%s: code %d, %s%s", name, got.code, got.out, got.err)
			continue
		}
		for i, l := range out {
			if string(l.ID) != c.ids[i] || l.Language != want.Language || l.Sentiment.Label != want.Sentiment.Label || l.Intent.Label != want.Intent.Label || l.Intent.P != want.Intent.P ||
				l.Sentiment.P != (readProbabilities{want.Sentiment.Negative, want.Sentiment.Neutral, want.Sentiment.Positive}) || l.Severity != want.Severity || l.NeedsAnswer != want.NeedsAnswer || l.NeedsAnswerAfter != want.NeedsAnswerAfter || l.Reader != reading.Version {
				t.Errorf("%s: got %+v, want id %s and %+v", name, l, c.ids[i], want)
			}
		}
	}
}

func TestThemesAreFoundAndLast(t *testing.T) {
	var in, csv strings.Builder
	csv.WriteString("text,category\n")
	about := []string{"the parcel delivery is late again, where is my parcel", "my card was declined at the shop, the card payment failed", "the app crashes when I open the camera screen"}
	for i := range 60 {
		fmt.Fprintf(&in, `{"id":"t%d","text":"%s number %d"}`+"\n", i, about[i%3], i)
		fmt.Fprintf(&csv, "\"%s number %d\",c%d\n", about[i%3], i, i%3)
	}
	stored := filepath.Join(t.TempDir(), "set.json")
	first := call(in.String(), "themes", "--k", "3", "--seed", "7", "--set-out", stored)
	out := lines[themeLine](t, first.out)
	if first.code != exitOK || len(out) != 60 || !strings.Contains(first.err, "60 texts, 3 themes, 60 texts assigned") {
		t.Fatalf("code %d, %d lines, %s", first.code, len(out), first.err)
	}
	for i, l := range out {
		if string(l.ID) != fmt.Sprintf("t%d", i) || l.Theme != out[i%3].Theme || l.Label == "" || l.Similarity <= 0 || l.Similarity > 1 {
			t.Errorf("line %d: got %+v, and the first of its kind %+v", i, l, out[i%3])
		}
	}
	if out[0].Theme == out[1].Theme || out[1].Theme == out[2].Theme {
		t.Errorf("got the themes %s, %s and %s", out[0].Theme, out[1].Theme, out[2].Theme)
	}
	if again := call(in.String(), "themes", "--k", "3", "--seed", "7"); again.out != first.out {
		t.Error("the same texts and seed give other lines")
	}
	if assigned := call(in.String(), "themes", "--set", stored); assigned.out != first.out {
		t.Errorf("the set that was written gives other lines: %s%s", assigned.out, assigned.err)
	}
	next := call(csv.String(), "themes", "--csv", "--k", "3", "--previous", stored)
	renewed := lines[themeLine](t, next.out)
	if next.code != exitOK || len(renewed) != 60 {
		t.Fatalf("CSV: code %d, %d lines, %s", next.code, len(renewed), next.err)
	}
	for i, l := range renewed {
		if string(l.ID) != fmt.Sprint(i+1) || l.Theme != out[i].Theme {
			t.Errorf("CSV line %d: got %+v, want the theme %s", i, l, out[i].Theme)
		}
	}
}

// activity is one line, so many hours into 2026.
func activity(person string, typ social.Type, hour int, text string) string {
	at := time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)
	a := social.Activity{Platform: "meta", Scope: "p", Type: typ, Actor: social.Actor{ID: person}, Object: social.Object{ID: fmt.Sprint(person, hour)}, Text: text, Occurred: at,
		Direction: social.Inbound, Known: at.Add(time.Hour), Key: social.ActivityKey("meta", "p", typ, fmt.Sprint(person, hour), at)}
	b, err := json.Marshal(a.ToLine())
	if err != nil {
		panic(err)
	}
	return string(b) + "\n"
}

func TestScoreEqualsTheEvaluation(t *testing.T) {
	in := activity("a", social.Message, 1, "How much does the team plan cost?") + activity("b", social.React, 2, "") + activity("a", social.Message, 3, "I want to buy it") +
		`{"file":"x","ignored":"a receipt"}` + "\n" + `{"file":"x","parked":"?"}` + "\n" + activity(social.Unknown, social.Delete, 4, "")
	got := call(in, "score", "--as-of", "2026-01-03T00:00:00Z")
	out := lines[scoreLine](t, got.out)
	if got.code != exitOK || len(out) != 2 || out[0].Person >= out[1].Person {
		t.Fatalf("code %d, %s%s", got.code, got.out, got.err)
	}
	// What the service stores: the facts with their readings.
	var facts []social.Activity
	for l := range strings.Lines(in) {
		if _, a, err := social.ParseLine([]byte(l)); err == nil && a.Actor.ID == "a" {
			a.Reading = readtest.Reader(t).Read(a.Text).Kept()
			facts = append(facts, a)
		}
	}
	want, err := scoring.Evaluate(scoring.DefaultModel(), facts, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	person := social.PersonID(facts[0].Account().AccountID())
	i := slices.IndexFunc(out, func(l scoreLine) bool { return l.Person == person })
	if i < 0 {
		t.Fatalf("nothing of %s in %s", person, got.out)
	}
	l := out[i]
	if l.Micro != want.Micro || l.Micro == 0 || l.Points != scoring.Decimal(want.Micro) || l.Grade != want.Grade || l.Engagement != want.Engagement || l.AsOf != "2026-01-03T00:00:00.000Z" || l.Model != want.Model {
		t.Errorf("got %+v, want %+v", l, want)
	}
	sum := int64(0)
	for j, c := range l.Contributions {
		sum += c.Micro
		if w := want.Contributions[j]; c.Rule != w.Rule || c.Micro != w.Micro || c.Reason != w.Reason || !slices.Equal(c.Evidence, w.Evidence) {
			t.Errorf("contribution %d: got %+v, want %+v", j, c, w)
		}
	}
	if sum != l.Micro || len(l.Contributions) != len(want.Contributions) {
		t.Errorf("the contributions sum to %d, the score is %d", sum, l.Micro)
	}
}

func TestScoreTakesExportedReadingsAsTheyAre(t *testing.T) {
	plain := activity("a", social.Message, 1, "How much does the team plan cost?")
	exported := strings.Replace(plain, `"direction"`, `"language":"en","sentiment":"neutral","intent":"spam","direction"`, 1)
	a, b := call(plain, "score"), call(exported, "score")
	if a.code != exitOK || b.code != exitOK || a.out == b.out {
		t.Errorf("codes %d and %d; both %s", a.code, b.code, a.out)
	}
}

// The API names the actor's person on each line of an export of everybody,
// and in an export of one person that person, also on the replies received.
func TestScoreOfBothKindsOfExportIsTheSame(t *testing.T) {
	ask := social.Activity{Platform: "meta", Scope: "p", Type: social.Message, Actor: social.Actor{ID: "a"}, Object: social.Object{ID: "m1"}, Conversation: "t",
		Text: "How much is it?", Occurred: now.Add(-5 * time.Hour), Direction: social.Inbound, Key: "1"}
	reply := ask
	reply.Actor.ID, reply.Object.ID, reply.InReplyTo, reply.Direction, reply.Key, reply.Occurred = "p", "m2", "m1", social.Outbound, "2", now.Add(-4*time.Hour)
	back := ask
	back.Object.ID, back.InReplyTo, back.Key, back.Occurred = "m3", "m2", "3", now.Add(-3*time.Hour)
	gone := social.Activity{Platform: "meta", Scope: "p", Type: social.Delete, Actor: social.Actor{ID: social.Unknown}, Object: social.Object{ID: "other"}, Occurred: now.Add(-time.Hour), Direction: social.Inbound, Key: "4"}
	export := func(person string, as ...social.Activity) string {
		var b strings.Builder
		for _, a := range as {
			l := a.ToLine()
			if l.Person = person; person == "" {
				l.Person = social.PersonID(a.Account().AccountID())
			}
			if err := json.NewEncoder(&b).Encode(l); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	one := call(export(social.PersonID(ask.Account().AccountID()), ask, reply, back), "score", "--as-of", "2026-01-02T00:00:00Z")
	everybody := call(export("", ask, reply, back, gone), "score", "--as-of", "2026-01-02T00:00:00Z")
	if one.code != exitOK || one.out != everybody.out || !strings.Contains(one.out, "dialogue") {
		t.Errorf("one: code %d, %s%s\neverybody: %s", one.code, one.out, one.err, everybody.out)
	}
}

func TestScoreAsOfAndKnownBy(t *testing.T) {
	in := activity("a", social.Message, 1, "one") + activity("a", social.Message, 10, "two") + activity("b", social.Message, 10, "three")
	points := func(args ...string) []string {
		t.Helper()
		got := call(in, append([]string{"score"}, args...)...)
		if got.code != exitOK {
			t.Fatalf("%v: code %d, %s", args, got.code, got.err)
		}
		var out []string
		for _, l := range lines[scoreLine](t, got.out) {
			out = append(out, l.Person+" "+l.AsOf+" "+l.Points)
		}
		return out
	}
	if got := points(); len(got) != 2 || !strings.Contains(got[0], " 2026-01-01T10:00:00.000Z ") {
		t.Errorf("as of the newest of each: got %q", got)
	}
	if got := points("--as-of", "2026-01-01T05:00:00Z"); len(got) != 1 {
		t.Errorf("as of 5 o'clock: got %q, want a alone", got)
	}
	// The message of 10 o'clock was known at 11.
	if got := points("--as-of", "2026-01-02T00:00:00Z", "--known-by", "2026-01-01T10:59:59Z"); len(got) != 1 {
		t.Errorf("known before 11: got %q, want a alone", got)
	}
	if early, late := points("--as-of", "2026-01-01T11:00:00Z", "--known-by", "2026-01-01T02:00:00Z"), points("--as-of", "2026-01-01T11:00:00Z", "--known-by", "2026-01-01T11:00:00Z"); len(early) != 1 || len(late) != 2 || slices.Contains(late, early[0]) {
		t.Errorf("known by 2: %q, known by 11: %q", early, late)
	}
}

func TestScoreByAModel(t *testing.T) {
	model := file(t, "model.json", `{"id":"mine","version":3,"horizon_days":30,"engagement":["1","2","3"],"rules":[{"id":"talk","kind":"activity","label":{"one":"message","many":"messages"},"when":{"types":["message"]},"within_days":30,"points":"0.5"}]}`)
	lines1, lines2 := file(t, "1.jsonl", activity("a", social.Message, 1, "one")), file(t, "2.jsonl", activity("a", social.Message, 2, "two"))
	got := call("", "score", "--model", model, "--as-of", "2026-01-02T00:00:00Z", lines1, lines2)
	if want := `"micro_points":1000000,"points":"1","grade":"?3","engagement":3,"model":"mine@3"`; got.code != exitOK || !strings.Contains(got.out, want) {
		t.Errorf("code %d, %s%s; want %s", got.code, got.out, got.err, want)
	}
}

func TestNormalisePipesIntoScore(t *testing.T) {
	got := call(call(page, "normalise", "--platform", "meta").out, "score")
	if out := lines[scoreLine](t, got.out); got.code != exitOK || len(out) != 1 || out[0].Micro <= 0 {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
}

// receive verifies each delivery as the service does, and answers as it does
// where answer is nil. It returns the receiver and what says which bodies came.
func receive(t *testing.T, a platform.Adapter, key, config string, answer func(body []byte, w http.ResponseWriter)) (*httptest.Server, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var bodies []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		bodies = append(bodies, string(b))
		mu.Unlock()
		if err := a.Verify(platform.Request{Header: r.Header, Body: b}, platform.Secrets{Keys: []string{key}}, platform.Options{Config: json.RawMessage(config)}, now); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		} else if answer != nil {
			answer(b, w)
		}
	}))
	t.Cleanup(s.Close)
	return s, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(bodies)
	}
}

type summary struct {
	Sent, Accepted, Refused, Failed, Skipped, Retries int
	ByStatus                                          map[string]int `json:"by_status"`
}

func TestSendSignsForEachPlatform(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	hmac := `{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"base64","prefix":"v="}}`
	for name, c := range map[string]struct {
		adapter          platform.Adapter
		platform, config string
	}{
		"meta":              {meta.Adapter{}, "meta", ""},
		"standard webhooks": {standard.Adapter{}, "standard", ""},
		"an HMAC":           {standard.Adapter{}, "standard", hmac},
	} {
		server, bodies := receive(t, c.adapter, secret, c.config, nil)
		args := []string{"send", "--platform", c.platform, "--secret-file", file(t, "secret", secret+"\nprevious\n"), "--url", server.URL, "--concurrency", "1"}
		if c.config != "" {
			args = append(args, "--config", file(t, "app.json", c.config))
		}
		in := `{"id":"a.1","body": {"n": 9007199254740993,  "t":"\u00e4<"} }` + "\n" + `{"b":1}`
		got := call(in, args...)
		if got.code != exitOK || lines[summary](t, got.out)[0].Accepted != 2 {
			t.Errorf("%s: code %d, %s%s", name, got.code, got.out, got.err)
		}
		if want := []string{`{"n": 9007199254740993,  "t":"\u00e4<"}`, `{"b":1}`}; !slices.Equal(bodies(), want) {
			t.Errorf("%s: got %q, want %q", name, bodies(), want)
		}
	}
}

func TestSendSetsHeaders(t *testing.T) {
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("X-GitHub-Event") + " " + r.Header.Get("Content-Type")
	}))
	defer server.Close()
	args := []string{"send", "--platform", "github", "--secret-file", file(t, "secret", "s"), "--url", server.URL, "--header", "X-GitHub-Event: issues", "--header", "content-type: application/vnd.x+json"}
	if got := call("{}", args...); got.code != exitOK {
		t.Fatalf("code %d, %s%s", got.code, got.out, got.err)
	}
	if got := <-seen; got != "issues application/vnd.x+json" {
		t.Errorf("got %q", got)
	}
	if got := call("{}", append(args, "--header", "colon")...); got.code != exitMisuse || !strings.Contains(got.err, "not of the form") {
		t.Errorf("code %d, %s", got.code, got.err)
	}
}

func TestVerifyByTheHooksPath(t *testing.T) {
	a, key := trustpilot.Adapter{}, "a secret of ours"
	hook := "https://h.example/hooks/app_1/" + strings.TrimPrefix(a.Path("46d6a890000064000500e0c3", key), "/")
	args := []string{"verify", "--platform", "trustpilot", "--secret-file", file(t, "secret", key), "--url"}
	if got := call("{}", append(args, hook)...); got.code != exitOK {
		t.Errorf("its own: code %d, %s%s", got.code, got.out, got.err)
	}
	if got := call("{}", append(args, strings.Replace(hook, "46d6", "46d7", 1))...); got.code != exitRefused {
		t.Errorf("another unit's: code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestSendRefused(t *testing.T) {
	server, _ := receive(t, meta.Adapter{}, "theirs", "", nil)
	args := []string{"send", "--platform", "meta", "--secret-file", file(t, "secret", "ours"), "--url", server.URL}
	got := call("{}\n{\"a\":1}\n", args...)
	if s := lines[summary](t, got.out)[0]; got.code != exitRefused || s.Refused != 2 || s.Sent != 2 || s.ByStatus["401"] != 2 || !strings.Contains(got.err, "the signature in X-Hub-Signature-256 does not match") {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	if got := call("{}\n", append(args, "--expect-status", "401")...); got.code != exitOK || lines[summary](t, got.out)[0].Accepted != 1 {
		t.Errorf("401 expected: code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestSendDoesNotFollowRedirects(t *testing.T) {
	server, bodies := receive(t, meta.Adapter{}, "s", "", func(_ []byte, w http.ResponseWriter) {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	got := call("{}", "send", "--platform", "meta", "--secret-file", file(t, "secret", "s"), "--url", server.URL)
	if got.code != exitRefused || len(bodies()) != 1 || lines[summary](t, got.out)[0].ByStatus["307"] != 1 {
		t.Errorf("code %d, %d posted, %s%s", got.code, len(bodies()), got.out, got.err)
	}
}

func TestSendCSVResumesAfterFailures(t *testing.T) {
	server, bodies := receive(t, meta.Adapter{}, "s", "", func(b []byte, w http.ResponseWriter) {
		if bytes.Contains(b, []byte(`"2"`)) {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	rows := file(t, "tweets.CSV", "tweet_id,text\n1,one\n2,two\n3,three\n")
	args := []string{"send", "--platform", "meta", "--secret-file", file(t, "secret", "s"), "--url", server.URL, "--id-column", "tweet_id", "--resume", filepath.Join(t.TempDir(), "done"),
		"--concurrency", "1", "--attempts", "1", "--rate", "1000/s", rows}
	got := call("", args...)
	if s := lines[summary](t, got.out)[0]; got.code != exitFailed || s.Accepted != 2 || s.Failed != 1 || !strings.Contains(got.err, "1 deliveries were given up") {
		t.Errorf("code %d, %s%s", got.code, got.out, got.err)
	}
	if want := []string{`{"tweet_id":"1","text":"one"}`, `{"tweet_id":"2","text":"two"}`, `{"tweet_id":"3","text":"three"}`}; !slices.Equal(bodies(), want) {
		t.Errorf("got %q, want %q", bodies(), want)
	}
	got = call("", args...)
	if s := lines[summary](t, got.out)[0]; s.Skipped != 2 || s.Failed != 1 || len(bodies()) != 4 {
		t.Errorf("again: code %d, %d posted, %s%s", got.code, len(bodies()), got.out, got.err)
	}
}

func TestSendShuffles(t *testing.T) {
	var in strings.Builder
	for i := range 30 {
		fmt.Fprintf(&in, "{\"n\":%d}\n", i)
	}
	order := func(seed string) []string {
		server, bodies := receive(t, meta.Adapter{}, "s", "", nil)
		got := call(in.String(), "send", "--platform", "meta", "--secret-file", file(t, "secret", "s"), "--url", server.URL, "--concurrency", "1", "--shuffle", seed)
		if got.code != exitOK {
			t.Fatalf("code %d, %s", got.code, got.err)
		}
		return bodies()
	}
	zero, again, one := order("0"), order("0"), order("1")
	if len(zero) != 30 || !slices.Equal(zero, again) || slices.Equal(zero, one) || zero[0] == `{"n":0}` && zero[1] == `{"n":1}` {
		t.Errorf("got %q, %q, %q", zero, again, one)
	}
}

func TestSendInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	server, _ := receive(t, meta.Adapter{}, "s", "", func([]byte, http.ResponseWriter) { stop() })
	var out, errs bytes.Buffer
	code := run(ctx, []string{"send", "--platform", "meta", "--secret-file", file(t, "secret", "s"), "--url", server.URL, "--concurrency", "1", "--rate", "20/s"},
		strings.NewReader(strings.Repeat("{}\n", 1000)), &out, &errs, time.Now)
	if s := lines[summary](t, out.String())[0]; code != exitFailed || s.Accepted == 0 || s.Accepted > 2 || !strings.Contains(errs.String(), "interrupted after") || !strings.Contains(out.String(), `"interrupted":true`) {
		t.Errorf("code %d, %s%s", code, out.String(), errs.String())
	}
}

func TestReadExpectsLanguages(t *testing.T) {
	const text = `{"id":"1","text":"zero complaints"}`
	for languages, want := range map[string]string{"": readtest.Reader(t).Read("zero complaints").Language, "de,en": "en", "nl": "nl"} {
		args := []string{"read"}
		if languages != "" {
			args = append(args, "--languages", languages)
		}
		got := call(text, args...)
		if out := lines[readLine](t, got.out); got.code != exitOK || len(out) != 1 || out[0].Language != want {
			t.Errorf("--languages %s: code %d, %s%s, want %s", languages, got.code, got.out, got.err, want)
		}
	}
	if got := call(text, "read", "--languages", "de,xx"); got.code == exitOK || !strings.Contains(got.err, `"xx" is none of the languages`) {
		t.Errorf("an unknown language: code %d, %s", got.code, got.err)
	}
}
