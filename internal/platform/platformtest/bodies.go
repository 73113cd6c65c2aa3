package platformtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// tells normalises r, checks each event, and returns the activities.
func (s Suite) tells(t testing.TB, what string, r platform.Request) []social.Activity {
	t.Helper()
	events, err := s.Adapter.Normalise(r, s.options())
	if err == nil && len(events) == 0 {
		t.Errorf("%s: neither events nor an error: it would be dropped in silence", what)
	}
	var out []social.Activity
	for _, e := range events {
		if err := check(s.Adapter, e); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if e.Activity != nil {
			out = append(out, *e.Activity)
		}
	}
	return out
}

func keysOf(list []social.Activity) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Key)
	}
	return out
}

// hostile is put wherever a value stands.
var hostile = []any{nil, "", "x", json.Number("0"), json.Number("-1"), json.Number("1e400"), json.Number("0.5"), true, []any{}, []any{nil}, map[string]any{}, map[string]any{"": nil},
	json.Number("9223372036854775807"), json.Number("1e9"), "ä\u202e😀\x00", "javascript:alert(1)", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"}

// maxMangled bounds how many mangled fixtures are tried; of more some, evenly.
const maxMangled = 12_000

// bodies feeds the adapter with what is no delivery of its platform's, or one
// that is cut short or has some value wrong.
func (s Suite) bodies(t *testing.T, list []fixture) {
	deep := strings.Repeat(`{"a":[`, 50) + "1" + strings.Repeat("]}", 50)
	big := strings.Repeat("x", 4<<20)
	headers := map[string]http.Header{"": {}}
	for _, f := range list {
		headers[fmt.Sprint(f.request.Header)] = f.request.Header
	}
	few := slices.Sorted(maps.Keys(headers))
	for i, k := range few {
		for name, body := range map[string]string{
			"nothing": "", "white space": " \n", "null": "null", "an empty object": "{}", "an empty list": "[]", "a list of null": "[null]", "a text": `"x"`, "a number": "1",
			"no UTF-8": "\xff\xfe{\"a\":\"\xff\"}", "a byte-order mark": "\xef\xbb\xbf{}", "100 deep": deep, "4 MB": big, "4 MB of JSON": `{"a":"` + big[:4<<20-8] + `"}`,
			"4 MB of lists": "[" + strings.Repeat("[],", (4<<20)/3-2) + "[]]", "a million deep": strings.Repeat("[", 1<<20), "cut short": `{"a":`, "two values": "{}{}",
			"an empty form": "payload=", "a form of no form": "payload=%zz&a", "an element": "<a/>", "a document type": `<!DOCTYPE a [<!ENTITY b "c">]><feed>&b;</feed>`, "a million elements": strings.Repeat("<a>", 1<<20),
		} {
			if len(body) > 1<<19 && i > 3 { // the large ones under some headers only
				continue
			}
			s.tells(t, name, platform.Request{Method: http.MethodPost, URL: "https://example.com/hooks/app", Header: headers[k], Body: []byte(body)})
		}
	}
	places := 0
	for _, f := range list {
		if doc, ok := parse(f.request.Body); ok {
			places += len(doc.leaves())
		}
	}
	step := places*len(hostile)/maxMangled + 1
	for step > 1 && (step%2 == 0 || step%3 == 0) { // so that each place and each value has its turn
		step++
	}
	n := 0
	for _, f := range list {
		for i := 0; i < len(f.request.Body); i += 1 + len(f.request.Body)/200 {
			r := f.request
			r.Body = f.request.Body[:i]
			s.tells(t, fmt.Sprintf("%s cut at %d", f.name, i), r)
		}
		doc, ok := parse(f.request.Body)
		if !ok {
			continue
		}
		_, whole := s.tell(f.request)
		for _, at := range doc.leaves() {
			for _, v := range hostile {
				if n++; n%step != 0 {
					continue
				}
				r := f.request
				r.Body = doc.with(map[string]any{at: v})
				what := fmt.Sprintf("%s with %v at %v", f.name, v, at)
				s.tells(t, what, r)
				s.forgetsNoMore(t, what, whole, r)
				if n/step%7 == 0 {
					s.parts(t, what, r, true)
				}
			}
		}
		for name := range f.request.Header {
			for _, v := range []string{"", "x", "\x00", strings.Repeat("x", 10_000)} {
				r := clone(f.request)
				r.Header.Set(name, v)
				s.tells(t, fmt.Sprintf("%s with %.20q as %s", f.name, v, name), r)
			}
			r := clone(f.request)
			r.Header.Del(name)
			s.tells(t, fmt.Sprintf("%s without %s", f.name, name), r)
		}
	}
}

// forgetsNoMore holds that a demand to forget one account can't become one to
// forget everybody because something in it is missing.
func (s Suite) forgetsNoMore(t *testing.T, what string, whole []platform.Event, r platform.Request) {
	t.Helper()
	for _, e := range whole {
		if e.Erase == nil || e.Erase.ID == "" {
			continue
		}
		events, _ := s.Adapter.Normalise(r, s.options())
		for _, x := range events {
			if x.Erase != nil && x.Erase.ID == "" {
				t.Errorf("%s: it demands to forget all of %q instead of one account", what, x.Erase.Scope)
			}
		}
		return
	}
}

// batches holds that an element of a batch that can't be read keeps back none of the others.
func (s Suite) batches(t *testing.T, list []fixture) {
	for _, f := range list {
		doc, ok := parse(f.request.Body)
		if !ok {
			continue
		}
		keys := keysOf(s.tells(t, f.name, f.request))
		if len(keys) == 0 {
			continue
		}
		for _, at := range doc.lists() {
			elements, ok := doc.at(at).([]any)
			if !ok {
				continue
			}
			with := func(more ...any) (platform.Request, []string) {
				r := f.request
				r.Body = doc.with(map[string]any{at: append(slices.Clone(elements), more...)})
				return r, keysOf(s.tells(t, fmt.Sprintf("%s with %v added to %s", f.name, more, at), r))
			}
			if _, twice := with(elements...); len(twice) <= len(keys) {
				continue // a list within one event
			}
			for _, v := range []any{nil, "x", json.Number("7"), true, []any{}, map[string]any{}, map[string]any{"a": []any{map[string]any{}}}} {
				_, got := with(v)
				for _, k := range keys {
					if !slices.Contains(got, k) {
						t.Errorf("%s: with %v added to %s, %s is lost", f.name, v, at, k)
					}
				}
				r := f.request
				r.Body = doc.with(map[string]any{at: append([]any{v}, elements...)})
				if got := keysOf(s.tells(t, f.name, r)); len(got) < len(keys) {
					t.Errorf("%s: with %v before %s, something is lost: %v", f.name, v, at, got)
				}
			}
		}
	}
}

// numbers puts numbers that floating point can't hold wherever a number
// stands: they must keep their digits.
func (s Suite) numbers(t *testing.T, list []fixture) {
	for _, f := range list {
		doc, ok := parse(f.request.Body)
		if !ok || !doc.json {
			continue
		}
		for _, at := range doc.leaves() {
			_, isNumber := doc.at(at).(json.Number)
			for exact, rounded := range map[string][]string{"9007199254740993": {"9007199254740992", "9.007199254740992"}, "18446744073709551617": {"18446744073709551616", "1.8446744073709552", "18446744073709551615"}} {
				var v any = exact
				if isNumber {
					v = json.Number(exact)
				}
				r := f.request
				r.Body = doc.with(map[string]any{at: v})
				got, _ := s.tell(r)
				for _, wrong := range rounded {
					if strings.Contains(got, wrong) {
						t.Errorf("%s: %s at %v loses a digit: %s", f.name, exact, at, got)
					}
				}
			}
		}
	}
}

// texts puts what people write wherever a text stands that an activity
// carries: it must arrive as it is; a half of a surrogate pair as U+FFFD.
func (s Suite) texts(t *testing.T, list []fixture) {
	const mark = "zQxMark"
	seen, said := 0, 0
	for _, f := range list {
		for _, a := range s.tells(t, f.name, f.request) {
			said += len(a.Text)
		}
		doc, ok := parse(f.request.Body)
		if !ok {
			continue
		}
		for _, at := range doc.leaves() {
			if _, ok := doc.at(at).(string); !ok {
				continue
			}
			of := func(body []byte) (texts []string) {
				r := f.request
				r.Body = body
				for _, a := range s.tells(t, fmt.Sprintf("%s with a text at %s", f.name, at), r) {
					texts = append(texts, a.Text)
				}
				return texts
			}
			carried := func(texts []string, what string) bool {
				return slices.ContainsFunc(texts, func(x string) bool { return strings.Contains(x, what) })
			}
			marked := of(doc.with(map[string]any{at: mark}))
			if !carried(marked, mark) {
				continue
			}
			seen++
			whole := slices.Contains(marked, mark) // else it is a part of a text, of which the white space may be changed
			for _, want := range []string{"𝔘𝔫𝔦 😀👩\u200d👩\u200d👧", "שלום \u202eעולם\u202c مرحبا", "e\u0301 é 한 \u1112\u1161\u11ab", "\u2028line\u2029", "日本語。中文", "100% \\ \"quoted\" 'n' $x {y} #z |w| a/b~1", "Zo\u00eb\u00a0\u2013 \ufb01"} {
				if !whole && strings.ContainsAny(want, "\u00a0\u2028") {
					continue
				}
				if got := of(doc.with(map[string]any{at: "a" + want + "b"})); !carried(got, "a"+want+"b") {
					t.Errorf("%s: %q at %s becomes %q", f.name, want, at, got)
				}
			}
			if !doc.json {
				continue
			}
			for wire, want := range map[string]string{`a\ud83d\ude00b`: "a😀b", `a\ud800b`: "a\ufffdb", `a\udc00\ud800b`: "a\ufffd\ufffdb", "a\xffb": "a\ufffdb"} {
				body := bytes.ReplaceAll(doc.with(map[string]any{at: mark}), []byte(mark), []byte(wire))
				if strings.Contains(at, "{}") && strings.HasPrefix(wire, `a\`) {
					continue // within a text it would be escaped once more
				}
				if got := of(body); !carried(got, want) {
					t.Errorf("%s: %q at %s becomes %q, want %q", f.name, wire, at, got, want)
				}
			}
		}
	}
	if seen == 0 && said > 0 {
		t.Error("no place of any fixture carries the text of its activity")
	}
}

// again holds that what is delivered again, at another time, over another
// subscription, written by another encoder, and through the queue, tells the
// very same.
func (s Suite) again(t *testing.T, list []fixture) {
	used := map[string]bool{}
	for _, f := range list {
		before := clone(f.request)
		want, _ := s.tell(f.request)
		same := func(what string, r platform.Request) {
			t.Helper()
			if got, _ := s.tell(r); got != want {
				t.Errorf("%s, %s, becomes something else:\n%s", f.name, what, cmp.Diff(lines(want), lines(got)))
			}
		}
		synctest.Test(t, func(t *testing.T) { // where the clock stands at another time
			same("at another time", f.request)
			time.Sleep(400*24*time.Hour + 7*time.Hour + 123*time.Millisecond)
			same("a year later", f.request)
		})
		if diff := cmp.Diff(before, f.request); diff != "" {
			t.Errorf("%s: normalising it changes the request:\n%s", f.name, diff)
		}
		if queued, err := requeue(f.request); err != nil {
			t.Errorf("%s: %v", f.name, err)
		} else {
			same("through the queue, which keeps no secrets", queued)
		}
		if !f.request.Polled() && !slices.Contains(s.DatedBySignature, f.name) {
			same("signed", s.signed(t, f.request, s.signKey(), now))
			same("signed an hour later", s.signed(t, f.request, s.signKey(), now.Add(time.Hour)))
		}
		doc, ok := parse(f.request.Body)
		if ok && doc.json && !doc.lines {
			r := f.request
			r.Body = shuffled(doc.root)
			if got, _ := s.tell(r); parkedFor.ReplaceAllString(got, "") != parkedFor.ReplaceAllString(want, "") {
				t.Errorf("%s, written by another encoder, becomes something else:\n%s", f.name, cmp.Diff(lines(want), lines(got)))
			}
		}
		for _, at := range s.Fleeting {
			r := clone(f.request)
			if strings.HasPrefix(at, "/") {
				if !ok {
					continue
				}
				switch v := doc.at(at).(type) {
				case string:
					r.Body = doc.with(map[string]any{at: v + "9"})
				case json.Number:
					r.Body = doc.with(map[string]any{at: json.Number("7" + v.String())})
				default:
					continue
				}
			} else if v := r.Header.Get(at); v == "" {
				continue
			} else {
				r.Header.Set(at, v+"9")
			}
			used[at] = true
			if a, b := s.activities(f.request), s.activities(r); !reflect.DeepEqual(a, b) {
				t.Errorf("%s, with another %s, becomes something else:\n%s", f.name, at, cmp.Diff(a, b))
			}
		}
	}
	for _, at := range s.Fleeting {
		if !used[at] {
			t.Errorf("no fixture has %s, which the suite calls fleeting", at)
		}
	}
}

// parkedFor is the reason why something was parked, which may quote what came.
var parkedFor = regexp.MustCompile(`"parked":"(\\.|[^"\\])*"`)

// activities are what r tells that people did, however it is routed.
func (s Suite) activities(r platform.Request) (out []social.Activity) {
	events, _ := s.Adapter.Normalise(r, s.options())
	for _, e := range events {
		if e.Activity != nil {
			a := *e.Activity
			a.Direction = "" // ingest knows the workspace's own accounts, and corrects it
			out = append(out, a)
		}
	}
	return out
}

// requeue takes r through the queue, as ingest gets it.
func requeue(r platform.Request) (platform.Request, error) {
	b, err := json.Marshal(platform.Delivery{App: "app_1", Received: now, Request: r})
	if err != nil {
		return r, err
	}
	var d platform.Delivery
	err = json.Unmarshal(b, &d)
	return d.Request, err
}

// split holds that the parts of a delivery tell what it tells, each in one scope.
func (s Suite) split(t *testing.T, list []fixture) {
	sp, ok := s.Adapter.(platform.Splitter)
	if !ok {
		return
	}
	several := false
	for _, f := range list {
		s.parts(t, f.name, f.request, false)
		several = several || len(sp.Split(f.request, s.options())) > 1
	}
	if !several {
		t.Error("no fixture is split: give it one with several scopes")
	}
}

// parts holds of one delivery what split says. Of a mangled one, whose parts
// may be written anew, only the activities must be the same.
func (s Suite) parts(t testing.TB, what string, r platform.Request, mangled bool) {
	t.Helper()
	sp, ok := s.Adapter.(platform.Splitter)
	if !ok {
		return
	}
	whole, events := s.tell(r)
	if len(events) == 0 {
		return
	}
	before := clone(r)
	list := sp.Split(r, s.options())
	if !bytes.Equal(before.Body, r.Body) || !reflect.DeepEqual(before.Header, r.Header) {
		t.Errorf("%s: splitting it changes the request", what)
	}
	var parts []string
	for _, part := range list {
		told, of := s.tell(part)
		parts = append(parts, lines(told)...)
		for _, e := range of {
			if len(list) > 1 && !reflect.DeepEqual(e.Scopes, of[0].Scopes) {
				t.Errorf("%s: one part has the scopes %v and %v", what, e.Scopes, of[0].Scopes)
			}
		}
	}
	all := lines(whole)
	if mangled {
		only := func(list []string) []string {
			return slices.DeleteFunc(list, func(x string) bool { return !strings.Contains(x, `"activity":`) })
		}
		all, parts = only(all), only(parts)
	}
	sort.Strings(all)
	sort.Strings(parts)
	if diff := cmp.Diff(all, parts); diff != "" {
		t.Errorf("%s: its parts tell something else (-whole +parts):\n%s", what, diff)
	}
}
