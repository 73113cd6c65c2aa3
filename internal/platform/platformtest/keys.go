package platformtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/social"
)

// keys tries to make two different events have one key, and one event two.
func (s Suite) keys(t *testing.T, list []fixture) {
	for _, f := range list {
		doc, ok := parse(f.request.Body)
		if !ok {
			continue
		}
		told := func(set map[string]any) (social.Activity, bool) {
			r := f.request
			r.Body = doc.with(set)
			k := s.tells(t, fmt.Sprintf("%s with %.100v", f.name, set), r)
			if len(k) != 1 {
				return social.Activity{}, false
			}
			return k[0], true
		}
		if _, ok := told(nil); !ok {
			continue
		}
		var texts, numbers []string // places that are parts of the key
		for _, at := range doc.leaves() {
			differ := func(x, y any) bool {
				a, okA := told(map[string]any{at: x})
				b, okB := told(map[string]any{at: y})
				if !okA || !okB || a.Key == b.Key {
					return false
				}
				mutable(t, f.name, at, a, b)
				return true
			}
			_, text := doc.at(at).(string)
			_, number := doc.at(at).(json.Number)
			if (text || number) && differ("a", "b") { // an id that is a number could be a text
				texts = append(texts, at)
			}
			if number && differ(json.Number("1001"), json.Number("1002")) {
				numbers = append(numbers, at)
			}
		}
		for _, at := range texts {
			seen := map[string]string{}
			long := strings.Repeat("x", 3000)
			for _, v := range []string{"a", "a|b", "a#b", "a%7Cb", "a\x00b", "a b", "a/b", "a:b", "~a", "%", "a\nb", "A", "ä", long + "1", long + "2"} {
				a, ok := told(map[string]any{at: v})
				if !ok || v == "a%7Cb" && !doc.json { // in XML ids may be URIs, where it is the same as a|b
					continue
				}
				if other, taken := seen[a.Key]; taken {
					t.Errorf("%s: %.20q and %.20q at %s give the same key %s", f.name, other, v, at, a.Key)
				}
				seen[a.Key] = v
			}
		}
		together := func(a, b string, one, two map[string]any) {
			t.Helper()
			x, okX := told(one)
			y, okY := told(two)
			if okX && okY && x.Key == y.Key {
				t.Errorf("%s: %s and %s run together: %v and %v both give %s", f.name, a, b, one, two, x.Key)
			}
		}
		for i, a := range texts {
			for _, b := range texts[i+1:] {
				for _, sep := range []string{"", "|", "#", "/", ":", "%7C", "\x00", "_", "-", ".", "@", " "} {
					together(a, b, map[string]any{a: "x" + sep + "y", b: "z"}, map[string]any{a: "x", b: "y" + sep + "z"})
					together(b, a, map[string]any{b: "x" + sep + "y", a: "z"}, map[string]any{b: "x", a: "y" + sep + "z"})
				}
			}
		}
		for i, a := range numbers {
			for _, b := range numbers[i+1:] {
				together(a, b, map[string]any{a: json.Number("12"), b: json.Number("3")}, map[string]any{a: json.Number("1"), b: json.Number("23")})
				together(b, a, map[string]any{b: json.Number("12"), a: json.Number("3")}, map[string]any{b: json.Number("1"), a: json.Number("23")})
			}
		}
	}
}

// mutable holds that a place whose change changed the key is not one that
// people can change later: a text, a name, a handle, a link. An edit and a
// changed profile are known by what they became, and a reaction by its emoji.
func mutable(t *testing.T, name, at string, a, b social.Activity) {
	t.Helper()
	if a.Scope != b.Scope || a.Actor.ID != b.Actor.ID || a.Object.ID != b.Object.ID || a.Type != b.Type || !a.Occurred.Equal(b.Occurred) {
		return
	}
	switch a.Type {
	case social.Edit, social.ProfileChange, social.React, social.Unreact:
		return
	}
	if a.Text != b.Text || a.Actor.Handle != b.Actor.Handle || a.Actor.Name != b.Actor.Name {
		t.Errorf("%s: the key depends on %s, which can be changed later: %s, %s", name, at, a.Key, b.Key)
	}
}

// threads holds that what belongs together is named alike: that some fixture
// shows the parent of a reply, what is edited, deleted, reacted to, accepted or
// closed, as something that was said, with the same scope and id; and that what belongs
// together is in one conversation, unless it begins one of its own.
func (s Suite) threads(t *testing.T, list []fixture) {
	type ref struct {
		scope, id string
	}
	said, threads := map[ref]social.Activity{}, map[ref]bool{}
	var all []social.Activity
	for _, f := range list {
		_, events := s.tell(f.request)
		for _, e := range events {
			if e.Activity == nil {
				continue
			}
			all = append(all, *e.Activity)
			if e.Activity.Type.Utterance() {
				if of, ok := said[ref{e.Activity.Scope, e.Activity.Object.ID}]; ok && of.Type != e.Activity.Type {
					t.Errorf("one thing is of two types: %s and %s", of.Key, e.Activity.Key)
				}
				said[ref{e.Activity.Scope, e.Activity.Object.ID}] = *e.Activity
				threads[ref{e.Activity.Scope, e.Activity.Conversation}] = true
			}
		}
	}
	lacks, met := map[string]string{}, map[string]bool{}
	for _, a := range all {
		see := func(what, id string) {
			if of, ok := said[ref{a.Scope, id}]; ok {
				met[what] = true
				if a.Conversation != "" && a.Conversation != a.Object.ID && a.Type != social.Quote && a.Conversation != of.Conversation {
					t.Errorf("%s is in the conversation %q, and %s is in %q", a.Key, a.Conversation, of.Key, of.Conversation)
				}
			} else {
				lacks[what] = fmt.Sprintf("%q in %q, of %s", id, a.Scope, a.Key)
			}
		}
		if a.InReplyTo != "" && a.Type.Utterance() {
			see("what a "+string(a.Type)+" replies to", a.InReplyTo)
		}
		switch a.Type {
		case social.Edit, social.Delete, social.React, social.Unreact, social.Accept:
			see("what a "+string(a.Type)+" is of", a.Object.ID)
		case social.Close, social.Reopen:
			what := "what a " + string(a.Type) + " is of"
			if a.Object.ID != a.Conversation {
				t.Errorf("%s is of %q, and in the conversation %q: what is closed is the thread", a.Key, a.Object.ID, a.Conversation)
			} else if threads[ref{a.Scope, a.Conversation}] {
				met[what] = true
			} else {
				lacks[what] = fmt.Sprintf("%q in %q, of %s", a.Conversation, a.Scope, a.Key)
			}
		}
		if a.Type == social.Accept {
			see("what an accepted answer answers", a.InReplyTo)
		}
	}
	for what, example := range lacks {
		if !met[what] && !s.Unshown[what] {
			t.Errorf("no fixture shows %s as something said: %s", what, example)
		}
	}
	for what := range s.Unshown {
		if _, is := lacks[what]; !is || met[what] {
			t.Errorf("the suite says that nothing shows %s, but it is not so", what)
		}
	}
}

// keyParts checks that a key is social.ActivityKey of the activity's own
// platform, scope and type, and of its time or none.
func keyParts(a social.Activity) error {
	parts := strings.Split(a.Key, "|")
	if len(parts) != 5 {
		return fmt.Errorf("the key %.100q has %d parts, not platform, scope, type, id and time", a.Key, len(parts))
	}
	if parts[0] != social.Key(string(a.Platform)) || parts[1] != social.Key(a.Scope) || parts[2] != social.Key(string(a.Type)) {
		return fmt.Errorf("the key %.200q is not of %s in %q, %s", a.Key, a.Platform, a.Scope, a.Type)
	}
	if parts[3] == "" {
		return fmt.Errorf("the key %.200q has no id", a.Key)
	}
	if parts[4] != "-" && parts[4] != social.Stamp(a.Occurred) {
		return fmt.Errorf("the key %.200q has another time than %s, when it occurred", a.Key, social.Stamp(a.Occurred))
	}
	return nil
}
