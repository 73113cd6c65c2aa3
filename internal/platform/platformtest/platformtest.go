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
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

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
	Adapter          Adapter
	Secret           string          // what verifies
	SignKey          string          // what signs, where it is not the same
	Other            string          // another's SignKey
	Config           json.RawMessage // of the app, where the platform has one
	Scopes           []string        // one of each form that operators can give a source; by default scope-1
	Window           time.Duration   // how far from now a signature holds, either way; 0: always
	SignedHeaders    []string        // headers beside those that Sign sets which the signature covers; they are set before signing
	SignsURL         bool            // the signature covers the method and the URL
	TokenOnly        bool            // the platform sends a secret instead of signing: the body is not covered
	Fleeting         []string        // headers, and places of the body (JSON Pointers), that differ from attempt to attempt or between subscriptions to the same thing
	DatedBySignature []string        // fixtures of events that have no other time than the signature's
	Unshown          map[string]bool // what the fixtures can't show since the platform never sends it: "what a delete is of"; see threads
	ByEvents         bool            // Named reads events, since the bodies name nobody else
	Handshakes       []Handshake
	Dir              string // of the fixtures; by default testdata
}

// Handshake is a request by which the platform tests the URL.
type Handshake struct {
	Name    string
	Request platform.Request
	Secrets platform.Secrets
	Want    *platform.Answer // nil: it is none, a delivery
	Refused bool
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
	if len(s.Scopes) == 0 {
		s.Scopes = []string{"scope-1"}
	}
	for _, part := range []struct {
		name string
		test func(*testing.T, []fixture)
	}{
		{"fixtures", s.fixtures}, {"signature", s.signature}, {"bodies", s.bodies}, {"batches", s.batches}, {"numbers", s.numbers}, {"texts", s.texts},
		{"again", s.again}, {"keys", s.keys}, {"threads", s.threads}, {"split", s.split}, {"polls", s.polls}, {"named", s.named},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, fixtures) })
	}
	t.Run("secrets", s.secrets)
	t.Run("token", s.token)
	t.Run("handshakes", s.handshakes)
	t.Run("sample", s.samples)
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
		if json.Valid(f.request.Body) {
			marked := f.request
			marked.Body = append([]byte("\ufeff"), f.request.Body...)
			if with, _ := s.tell(marked); with != got {
				t.Errorf("%s becomes something else behind a byte order mark: %.300s", f.name, with)
			}
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
	for _, x := range append([]string{e.Kind, e.Ignored, e.Parked, e.Revoked}, e.Scopes...) {
		if !utf8.ValidString(x) {
			return fmt.Errorf("%.100q is no UTF-8", x)
		}
	}
	switch {
	case e.Kind == "":
		return fmt.Errorf("an event without its kind: %+v", e)
	case len(e.Kind) > 200 || len(e.Ignored) > 500 || len(e.Parked) > 2000 || len(e.Revoked) > 500:
		return fmt.Errorf("a kind or reason without end: %.300q", e.Kind+e.Ignored+e.Parked+e.Revoked)
	case e.Erase != nil && (e.Erase.Platform != a.Platform() || e.Erase.ID == "" && e.Erase.Scope == ""):
		return fmt.Errorf("a demand to forget %+v: it must be an account of the platform or all of one scope", *e.Erase)
	case e.Activity == nil:
		return nil
	}
	act := *e.Activity
	for _, x := range []string{act.Scope, act.Actor.ID, act.Actor.Scope, act.Actor.Handle, act.Actor.Name, act.Object.ID, act.Object.Type, act.InReplyTo, act.Conversation, act.Text, act.URL, act.Reaction, strings.Join(act.Addressed, "")} {
		if !utf8.ValidString(x) {
			return fmt.Errorf("activity %s: %.100q is no UTF-8", act.Key, x)
		}
	}
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
	case act.Reading != social.Reading{} && (act.Reading != platform.UnreadWords || act.Text != ""):
		return fmt.Errorf("activity %s: an adapter does not read texts, and says no more of them than that there are words unread", act.Key)
	case len(act.Addressed) > social.MaxAddressed || slices.Contains(act.Addressed, ""):
		return fmt.Errorf("activity %s addresses %d accounts, at most %d and each with its id", act.Key, len(act.Addressed), social.MaxAddressed)
	case act.URL != "" && !link(act.URL):
		return fmt.Errorf("activity %s: nobody can open the link %.100q", act.Key, act.URL)
	case act.InReplyTo != "" && act.InReplyTo == act.Object.ID && act.Type.Utterance():
		return fmt.Errorf("activity %s replies to itself", act.Key)
	}
	if err := keyParts(act); err != nil {
		return err
	}
	return act.Validate()
}

func link(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
