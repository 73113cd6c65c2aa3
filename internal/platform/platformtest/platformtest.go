// Package platformtest is the suite that every platform's adapter runs: what
// must hold of each, so that adding a platform is a folder, a line and the
// platform's own facts.
//
// An adapter's testdata holds fixtures. NAME.json (or .xml, .txt) is a body;
// NAME.headers, where there is one, has "Name: value" lines of its headers,
// and ":method", ":url" and ":path" for those of the request; NAME.want says what it
// becomes, a JSON line for each event. `go test -update` writes the .want
// files: read what it wrote. A fixture called unknown must hold an event of a
// type that the adapter does not know.
package platformtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/social"
)

var update = flag.Bool("update", false, "write what fixtures become to their .want files")

// Adapter is what the suite needs of an adapter.
type Adapter interface {
	platform.Adapter
	platform.Signer
}

// Suite says what is particular to one adapter.
type Suite struct {
	Adapter       Adapter
	Secret        string          // what verifies
	SignKey       string          // what signs, where it is not the same
	Other         string          // another's SignKey
	Config        json.RawMessage // of the app, where the platform has one
	Window        time.Duration   // how far from now a signature holds, either way; 0: always
	SignedHeaders []string        // headers beside those that Sign sets which the signature covers; they are set before signing
	TokenOnly     bool            // the platform sends a secret instead of signing: the body is not covered
	Handshakes    []Handshake
	Dir           string // of the fixtures; by default testdata
}

// Handshake is a request by which the platform tests the URL.
type Handshake struct {
	Name    string
	Request platform.Request
	Secrets platform.Secrets
	Want    *platform.Answer // nil: it is none, a delivery
	Refused bool
}

// now is when the suite's deliveries are signed.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func (s Suite) options() platform.Options { return platform.Options{Config: s.Config} }

func (s Suite) signKey() string {
	if s.SignKey != "" {
		return s.SignKey
	}
	return s.Secret
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if s.Dir == "" {
		s.Dir = "testdata"
	}
	fixtures := load(t, s.Dir)
	if s.Other == "" {
		t.Fatal("the suite has no Other: another's secret must be refused")
	}
	t.Run("fixtures", func(t *testing.T) { s.fixtures(t, fixtures) })
	t.Run("signature", func(t *testing.T) { s.signature(t, fixtures) })
	t.Run("handshakes", func(t *testing.T) { s.handshakes(t) })
	t.Run("bodies", func(t *testing.T) { s.bodies(t, fixtures) })
	t.Run("numbers", func(t *testing.T) { s.numbers(t, fixtures) })
	t.Run("keys", func(t *testing.T) { s.keys(t, fixtures) })
	t.Run("sample", func(t *testing.T) { s.sample(t) })
	t.Run("split", func(t *testing.T) { s.split(t, fixtures) })
}

// fixture is one request with what it becomes.
type fixture struct {
	name    string
	request platform.Request
	want    string // file
}

func load(t testing.TB, dir string) []fixture {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []fixture
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || ext != ".json" && ext != ".xml" && ext != ".txt" {
			continue
		}
		name := strings.TrimSuffix(e.Name(), ext)
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		r := platform.Request{Method: http.MethodPost, URL: "https://example.com/hooks/app", Header: http.Header{}, Body: bytes.TrimSuffix(body, []byte("\n"))}
		if h, err := os.ReadFile(filepath.Join(dir, name+".headers")); err == nil {
			for line := range strings.Lines(string(h)) {
				if strings.TrimSpace(line) == "" {
					continue
				}
				k, v, ok := strings.Cut(strings.TrimPrefix(line, ":"), ":")
				v = strings.TrimSpace(v)
				switch {
				case !ok:
					t.Fatalf("%s.headers: %q is not of the form Name: value", name, line)
				case line[0] == ':' && k == "method":
					r.Method = v
				case line[0] == ':' && k == "url":
					r.URL = v
					_, r.Query, _ = strings.Cut(v, "?")
				case line[0] == ':' && k == "path":
					r.Path = v
				default:
					r.Header.Add(k, v)
				}
			}
		}
		out = append(out, fixture{name, r, filepath.Join(dir, name+".want")})
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no fixtures", dir)
	}
	return out
}

// told is an event as .want files have it.
type told struct {
	Kind     string             `json:"kind,omitempty"`
	Scopes   []string           `json:"scopes,omitempty"`
	Activity *social.Line       `json:"activity,omitempty"`
	Ignored  string             `json:"ignored,omitempty"`
	Parked   string             `json:"parked,omitempty"`
	Erase    *social.AccountRef `json:"erase,omitempty"`
	Revoked  string             `json:"revoked,omitempty"`
	Error    string             `json:"error,omitempty"` // of the delivery as a whole
}

func (s Suite) tell(r platform.Request) (string, []platform.Event) {
	events, err := s.Adapter.Normalise(r, s.options())
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err != nil {
		e.Encode(told{Error: err.Error()})
		return b.String(), nil
	}
	for _, x := range events {
		line := told{Kind: x.Kind, Scopes: x.Scopes, Ignored: x.Ignored, Parked: x.Parked, Erase: x.Erase, Revoked: x.Revoked}
		if x.Activity != nil {
			l := x.Activity.ToLine()
			line.Activity = &l
		}
		e.Encode(line)
	}
	return b.String(), events
}

func (s Suite) fixtures(t *testing.T, list []fixture) {
	kinds := map[string]bool{}
	names := map[string]bool{}
	for _, k := range s.Adapter.Kinds() {
		row := k.Name + " → " + k.Becomes
		if kinds[row] {
			t.Errorf("Kinds has %s twice", row)
		}
		kinds[row], names[k.Name] = true, true
		switch k.Becomes {
		case platform.Ignored, platform.Parked, platform.Erased, platform.Revoked:
		default:
			if !social.Type(k.Becomes).Valid() {
				t.Errorf("Kinds: %s is no type of activity, nor ignored, parked, erased or revoked", row)
			}
		}
	}
	shown := map[string]bool{}
	unknown := false
	for _, f := range list {
		got, events := s.tell(f.request)
		if *update {
			if err := os.WriteFile(f.want, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(f.want)
		if err != nil {
			t.Errorf("%s: %v (go test -update writes it)", f.name, err)
			continue
		}
		if diff := cmp.Diff(lines(string(want)), lines(got)); diff != "" {
			t.Errorf("%s becomes something else (-want +got):\n%s", f.name, diff)
		}
		if again, _ := s.tell(f.request); again != got {
			t.Errorf("%s: delivered again it becomes something else", f.name)
		}
		for _, e := range events {
			if err := check(s.Adapter, e); err != nil {
				t.Errorf("%s: %v", f.name, err)
			}
			row := e.Kind + " → " + e.Becomes()
			shown[row] = true
			switch {
			case kinds[row]:
			case !names[e.Kind] && e.Becomes() == platform.Ignored:
				unknown = true
			case e.Becomes() == platform.Parked:
				// Anything can be malformed.
			default:
				t.Errorf("%s: Kinds has no row %s", f.name, row)
			}
		}
	}
	for row := range kinds {
		if !shown[row] {
			t.Errorf("no fixture shows %s", row)
		}
	}
	if !unknown {
		t.Error("no fixture holds an event of a type that the adapter does not know (ignored, and in no row of Kinds)")
	}
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

// maxKey bounds an activity's key in bytes: what DynamoDB would take is more,
// but parts are at most 64+1 hex digits or 128 escaped bytes.
const maxKey = 2000

// check says what is wrong with an event whatever it came from.
func check(a platform.Adapter, e platform.Event) error {
	set := 0
	for _, is := range []bool{e.Activity != nil, e.Ignored != "", e.Parked != "", e.Erase != nil, e.Revoked != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("%d of activity, ignored, parked, erase and revoked are set: %+v", set, e)
	}
	if e.Kind == "" {
		return fmt.Errorf("an event without its kind: %+v", e)
	}
	if e.Activity == nil {
		return nil
	}
	act := *e.Activity
	switch {
	case act.Platform != a.Platform():
		return fmt.Errorf("an activity of the platform %q", act.Platform)
	case !strings.HasPrefix(act.Key, string(act.Platform)+"|"):
		return fmt.Errorf("the key %q does not begin with the platform", act.Key)
	case len(act.Key) > maxKey || strings.ContainsAny(act.Key, "# \x00\n"):
		return fmt.Errorf("the key %.100q… was not made by social.ActivityKey", act.Key)
	case len(e.Scopes) == 0 || slices.Contains(e.Scopes, ""):
		return fmt.Errorf("activity %s: nothing to route it by: scopes %q", act.Key, e.Scopes)
	case act.Undated != act.Occurred.IsZero():
		return fmt.Errorf("activity %s: undated is %v, occurred %v", act.Key, act.Undated, act.Occurred)
	case !act.Known.IsZero():
		return fmt.Errorf("activity %s: an adapter does not know when it is received", act.Key)
	}
	return act.Validate()
}

func (s Suite) signed(t testing.TB, r platform.Request, key string, at time.Time) platform.Request {
	t.Helper()
	r.Header = r.Header.Clone()
	for _, h := range s.SignedHeaders {
		if r.Header.Get(h) == "" {
			r.Header.Set(h, "v1")
		}
	}
	if err := s.Adapter.Sign(&r, key, "msg_1", s.options(), at); err != nil {
		t.Fatalf("sign: %v", err)
	}
	return r
}

func (s Suite) verify(r platform.Request, at time.Time, keys ...string) error {
	return s.Adapter.Verify(r, platform.Secrets{Keys: keys}, s.options(), at)
}

func (s Suite) signature(t *testing.T, list []fixture) {
	f := list[0]
	for _, x := range list { // a small one, since each byte is flipped, and one that platforms send
		if !x.request.Polled() && (f.request.Polled() || len(x.request.Body) < len(f.request.Body)) {
			f = x
		}
	}
	if f.request.Polled() {
		// Nothing but polls: whatever is posted is refused.
		r := f.request
		r.Method = http.MethodPost
		if s.verify(r, now, s.Secret) == nil {
			t.Error("a delivery holds on a platform that sends none")
		}
		return
	}
	plain := f.request
	plain.Header = f.request.Header.Clone()
	r := s.signed(t, f.request, s.signKey(), now)
	if err := s.verify(r, now, s.Secret); err != nil {
		t.Fatalf("what Sign signed is refused: %v", err)
	}
	if err := s.verify(r, now, "", s.Secret); err != nil {
		t.Errorf("signed with the previous secret: %v", err)
	}
	refuse := func(what string, r platform.Request, at time.Time, keys ...string) {
		t.Helper()
		err := s.verify(r, at, keys...)
		switch {
		case err == nil:
			t.Errorf("%s: it holds", what)
		case !fault.Is(err, fault.Unauthenticated):
			t.Errorf("%s: refused with the kind %s: %v", what, fault.KindOf(err), err)
		case strings.Contains(err.Error(), s.Secret):
			t.Errorf("%s: the error names the secret", what)
		}
	}
	refuse("without a signature", plain, now, s.Secret)
	refuse("no secret", r, now)
	refuse("an unset secret", r, now, "")
	refuse("signed with another's secret", s.signed(t, f.request, s.Other, now), now, s.Secret)
	unset := f.request
	unset.Header = f.request.Header.Clone()
	if err := s.Adapter.Sign(&unset, "", "msg_1", s.options(), now); err == nil {
		t.Error("Sign signs with an empty secret")
	}
	if !s.TokenOnly {
		for i := range r.Body {
			for _, bit := range []byte{0x01, 0x20} {
				broken := r
				broken.Body = bytes.Clone(r.Body)
				broken.Body[i] ^= bit
				refuse(fmt.Sprintf("byte %d of the body flipped", i), broken, now, s.Secret)
			}
		}
		longer := r
		longer.Body = append(bytes.Clone(r.Body), ' ')
		refuse("a body with a space after it", longer, now, s.Secret)
	}
	for name := range r.Header {
		if plain.Header.Get(name) == r.Header.Get(name) {
			continue // not of the signature
		}
		value := r.Header.Get(name)
		for i := range len(value) {
			for _, bit := range []byte{0x01, 0x20} {
				broken := r
				broken.Header = r.Header.Clone()
				b := []byte(value)
				b[i] ^= bit
				broken.Header.Set(name, string(b))
				refuse(fmt.Sprintf("byte %d of %s flipped: %q", i, name, b), broken, now, s.Secret)
			}
		}
		broken := r
		broken.Header = r.Header.Clone()
		broken.Header.Del(name)
		refuse("without "+name, broken, now, s.Secret)
	}
	for i := range len(r.Path) {
		if r.Path == plain.Path {
			break
		}
		b := []byte(r.Path)
		b[i] ^= 0x01
		broken := r
		broken.Path = string(b)
		refuse(fmt.Sprintf("byte %d of the path flipped", i), broken, now, s.Secret)
	}
	if s.Window > 0 {
		for _, off := range []time.Duration{-s.Window - time.Second, s.Window + time.Second, -24 * time.Hour, 24 * time.Hour} {
			refuse(fmt.Sprintf("signed %s from now", off), s.signed(t, f.request, s.signKey(), now.Add(off)), now, s.Secret)
		}
		for _, off := range []time.Duration{-s.Window + time.Second, s.Window - time.Second} {
			if err := s.verify(s.signed(t, f.request, s.signKey(), now.Add(off)), now, s.Secret); err != nil {
				t.Errorf("signed %s from now: %v", off, err)
			}
		}
	} else if err := s.verify(r, now.Add(365*24*time.Hour), s.Secret); err != nil {
		t.Errorf("delivered a year later: %v; give the suite its Window", err)
	}
}

func (s Suite) handshakes(t *testing.T) {
	for _, h := range s.Handshakes {
		if h.Request.Header == nil {
			h.Request.Header = http.Header{}
		}
		got, err := s.Adapter.Handshake(h.Request, h.Secrets, s.options(), now)
		if (err != nil) != h.Refused || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got the error %v", h.Name, err)
			continue
		}
		if diff := cmp.Diff(h.Want, got); diff != "" && !h.Refused {
			t.Errorf("%s is answered otherwise (-want +got):\n%s", h.Name, diff)
		}
		if h.Want == nil || h.Refused {
			continue
		}
		for _, keys := range [][]string{nil, {""}} {
			if a, err := s.Adapter.Handshake(h.Request, platform.Secrets{Keys: keys}, s.options(), now); a != nil && err == nil {
				t.Errorf("%s is answered without a secret", h.Name)
			}
		}
	}
	r := s.signed(t, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(`{"a":1}`)}, s.signKey(), now)
	if a, err := s.Adapter.Handshake(r, platform.Secrets{Keys: []string{s.Secret}, VerifyToken: "t"}, s.options(), now); a != nil || err != nil {
		t.Errorf("a delivery is taken for a handshake: %v, %v", a, err)
	}
}

// tells normalises r, checks each event, and returns the activities' keys.
func (s Suite) tells(t testing.TB, what string, r platform.Request) []string {
	t.Helper()
	events, err := s.Adapter.Normalise(r, s.options())
	if err == nil && len(events) == 0 {
		t.Errorf("%s: neither events nor an error: it would be dropped in silence", what)
	}
	var keys []string
	for _, e := range events {
		if err := check(s.Adapter, e); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if e.Activity != nil {
			keys = append(keys, e.Activity.Key)
		}
	}
	return keys
}

func (s Suite) bodies(t *testing.T, list []fixture) {
	deep := strings.Repeat(`{"a":[`, 50) + "1" + strings.Repeat("]}", 50)
	big := strings.Repeat("x", 4<<20)
	headers := map[string]http.Header{"": {}}
	for _, f := range list {
		headers[fmt.Sprint(f.request.Header)] = f.request.Header
	}
	for _, h := range headers {
		for name, body := range map[string]string{
			"nothing": "", "white space": " \n", "null": "null", "an empty object": "{}", "an empty list": "[]", "a text": `"x"`, "a number": "1",
			"no UTF-8": "\xff\xfe{\"a\":\"\xff\"}", "100 deep": deep, "4 MB": big, "4 MB of JSON": `{"a":"` + big[:4<<20-8] + `"}`,
			"4 MB of lists": "[" + strings.Repeat("[],", (4<<20)/3-2) + "[]]", "a million deep": strings.Repeat("[", 1<<20), "cut short": `{"a":`,
		} {
			s.tells(t, name, platform.Request{Method: http.MethodPost, URL: "https://example.com/hooks/app", Header: h, Body: []byte(body)})
		}
	}
	// Each fixture cut short, and with a field of its JSON missing, or of another kind.
	for _, f := range list {
		for i := 0; i < len(f.request.Body); i += 1 + len(f.request.Body)/200 {
			r := f.request
			r.Body = f.request.Body[:i]
			s.tells(t, fmt.Sprintf("%s cut at %d", f.name, i), r)
		}
		doc, err := decode(f.request.Body)
		if err != nil {
			continue
		}
		for _, at := range leaves(doc) {
			for _, v := range []any{nil, "", "x", json.Number("0"), json.Number("-1"), json.Number("1e400"), true, []any{}, map[string]any{}, json.Number("9223372036854775807"), "ä\u202e😀\x00"} {
				r := f.request
				r.Body = encode(replace(doc, at, v))
				s.tells(t, fmt.Sprintf("%s with %v at %v", f.name, v, at), r)
			}
		}
	}
}

// numbers puts 2^53+1 wherever a number stands: it must keep its digits.
func (s Suite) numbers(t *testing.T, list []fixture) {
	for _, f := range list {
		doc, err := decode(f.request.Body)
		if err != nil {
			continue
		}
		for _, at := range leaves(doc) {
			if _, ok := lookup(doc, at).(json.Number); !ok {
				continue
			}
			r := f.request
			r.Body = encode(replace(doc, at, json.Number("9007199254740993")))
			if got, _ := s.tell(r); strings.Contains(got, "9007199254740992") || strings.Contains(got, "9.007199254740992") {
				t.Errorf("%s: 9007199254740993 at %v loses a digit: %s", f.name, at, got)
			}
		}
	}
}

// keys tries to make two different events have one key.
func (s Suite) keys(t *testing.T, list []fixture) {
	for _, f := range list {
		doc, err := decode(f.request.Body)
		if err != nil {
			continue
		}
		key := func(set map[string]any) (string, bool) {
			d := doc
			for at, v := range set {
				d = replace(d, at, v)
			}
			r := f.request
			r.Body = encode(d)
			k := s.tells(t, fmt.Sprintf("%s with %v", f.name, set), r)
			if len(k) != 1 {
				return "", false
			}
			return k[0], true
		}
		var in []string // leaves that are texts and parts of the key
		for _, at := range leaves(doc) {
			if _, ok := lookup(doc, at).(string); !ok {
				continue
			}
			a, okA := key(map[string]any{at: "a"})
			b, okB := key(map[string]any{at: "b"})
			if okA && okB && a != b {
				in = append(in, at)
			}
		}
		for _, at := range in {
			seen := map[string]string{}
			long := strings.Repeat("x", 3000)
			for _, v := range []string{"a", "a|b", "a#b", "a%7Cb", "a\x00b", "a b", "a/b", "a:b", "~a", "%", "a\nb", "A", "ä", long + "1", long + "2"} {
				k, ok := key(map[string]any{at: v})
				if !ok {
					continue
				}
				if other, taken := seen[k]; taken {
					t.Errorf("%s: %.20q and %.20q at %s give the same key %s", f.name, other, v, at, k)
				}
				seen[k] = v
			}
		}
		for i, a := range in {
			for _, b := range in[i+1:] {
				for _, sep := range []string{"|", "#", "/", ":", "%7C", "\x00", "_", "-"} {
					one, ok1 := key(map[string]any{a: "x" + sep + "y", b: "z"})
					two, ok2 := key(map[string]any{a: "x", b: "y" + sep + "z"})
					if ok1 && ok2 && one == two {
						t.Errorf("%s: %s and %s run together at %q: both give %s", f.name, a, b, sep, one)
					}
				}
			}
		}
	}
}

func (s Suite) sample(t *testing.T) {
	scope := "scope-1"
	if c, ok := s.Adapter.(platform.ScopeChecker); ok && c.CheckScope(scope) != nil {
		return // the adapter's own test must show its sample
	}
	Sample(t, s, scope)
}

// Sample checks the adapter's sample in a scope: signed, it verifies, and it
// tells one inbound activity in that scope, whose key depends on the id.
func Sample(t *testing.T, s Suite, scope string) {
	t.Helper()
	keys := map[string]bool{}
	for _, id := range []string{"1001", "1002", "1002"} {
		r := s.Adapter.Sample(scope, id, now)
		if r.Header == nil {
			t.Fatal("the sample has no headers: they must be a map")
		}
		events, err := s.Adapter.Normalise(r, s.options())
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("the sample tells %+v, %v: it must be one activity", events, err)
		}
		e := events[0]
		if !slices.Contains(e.Scopes, scope) || e.Activity.Direction != social.Inbound {
			t.Errorf("the sample is in %v, %s; want %s, inbound", e.Scopes, e.Activity.Direction, scope)
		}
		if !e.Activity.Undated && !e.Activity.Occurred.Equal(now) {
			t.Errorf("the sample occurred at %s, want %s", e.Activity.Occurred, now)
		}
		keys[e.Activity.Key] = true
		if r.Polled() {
			continue
		}
		if err := s.Adapter.Sign(&r, s.signKey(), "msg_"+id, s.options(), now); err != nil {
			t.Fatal(err)
		}
		if err := s.verify(r, now, s.Secret); err != nil {
			t.Errorf("the signed sample: %v", err)
		}
	}
	if len(keys) != 2 {
		t.Errorf("samples with two ids have %d keys: %v", len(keys), keys)
	}
}

// split holds that the parts of a delivery tell what it tells, each in one scope.
func (s Suite) split(t *testing.T, list []fixture) {
	sp, ok := s.Adapter.(platform.Splitter)
	if !ok {
		return
	}
	several := false
	for _, f := range list {
		whole, events := s.tell(f.request)
		if len(events) == 0 {
			continue
		}
		var parts []string
		list := sp.Split(f.request, s.options())
		several = several || len(list) > 1
		for _, r := range list {
			part, of := s.tell(r)
			parts = append(parts, lines(part)...)
			for _, e := range of {
				if len(list) > 1 && !reflect.DeepEqual(e.Scopes, of[0].Scopes) {
					t.Errorf("%s: one part has the scopes %v and %v", f.name, e.Scopes, of[0].Scopes)
				}
			}
		}
		all := lines(whole)
		sort.Strings(all)
		sort.Strings(parts)
		if diff := cmp.Diff(all, parts); diff != "" {
			t.Errorf("%s: its parts tell something else (-whole +parts):\n%s", f.name, diff)
		}
	}
	if !several {
		t.Error("no fixture is split: give it one with several scopes")
	}
}

// Fuzz feeds bodies to the adapter, beginning with the fixtures, and checks
// what must hold of whatever comes out.
func Fuzz(f *testing.F, s Suite) {
	if s.Dir == "" {
		s.Dir = "testdata"
	}
	list := load(f, s.Dir)
	for i, x := range list {
		f.Add(x.request.Body, uint8(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, of uint8) {
		r := list[int(of)%len(list)].request
		r.Body = body
		keys := s.tells(t, "the body", r)
		if again := s.tells(t, "the body, again", r); !slices.Equal(keys, again) {
			t.Errorf("the second time it has other keys: %v, %v", keys, again)
		}
		if sp, ok := s.Adapter.(platform.Splitter); ok {
			var parts []string
			for _, p := range sp.Split(r, s.options()) {
				events, _ := s.Adapter.Normalise(p, s.options())
				for _, e := range events {
					if e.Activity != nil {
						parts = append(parts, e.Activity.Key)
					}
				}
			}
			slices.Sort(keys)
			slices.Sort(parts)
			if !slices.Equal(keys, parts) {
				t.Errorf("its parts have other keys: %v, %v", keys, parts)
			}
		}
		if a, err := s.Adapter.Handshake(r, platform.Secrets{Keys: []string{s.Secret}}, s.options(), now); err == nil && a == nil {
			if s.verify(r, now, s.Secret) == nil && !s.TokenOnly {
				t.Error("an unsigned body holds")
			}
		}
	})
}
