package erasure

import (
	"strings"
	"testing"
)

// Somebody is cut out of what others said where they are named or quoted, and
// nowhere else.
func TestCut(t *testing.T) {
	c := newCutter([]string{"355"}, []string{"pia", "Pia Neu", "pia@example.net", "a"}, []string{"It never arrived. Nobody answers me at all, ever & ever", "ok"})
	for body, want := range map[string]string{
		`{"user_id":355,"reads":355,"to":"pia"}`:                         `{"reads":355,"to":"","user_id":null}`,
		`{"a":"utopia","b":"Pia!","c":"@PIA","d":"papiano"}`:             `{"a":"utopia","b":"","c":"","d":"papiano"}`,
		`{"raw":"he said <p>IT NEVER  arrived</p>","x":"it never came"}`: `{"raw":"he said <p>IT NEVER  arrived</p>","x":"it never came"}`, // under 20 characters of a longer text
		`{"cooked":"<p>nobody answers\nme at all, ever &amp; ever</p>"}`: `{"cooked":""}`,
		`{"mail":"write to pia@example.net","ok":"ok"}`:                  `{"mail":"","ok":"ok"}`,
		"{\"by\":\"pia\"}\n{\"by\":\"leo\"}":                             "{\"by\":\"\"}\n{\"by\":\"leo\"}",
		`payload=%7B%22user%22%3A%7B%22id%22%3A355%7D%7D&text=hi`:        `payload=%7B%22user%22%3A%7B%22id%22%3Anull%7D%7D&text=hi`,
		`<feed><author>Pia Neu</author><title>Utopia</title></feed>`:     `<feed><author></author><title>Utopia</title></feed>`,
	} {
		got, changed, ok := c.body([]byte(body))
		if !ok || string(got) != want || changed != (body != want) {
			t.Errorf("%s\n got %s (changed %v, ok %v)\nwant %s", body, got, changed, ok, want)
		}
	}
	for text, want := range map[string]string{
		"Thanks, Pia: nobody answers me at all, ever & ever. Same here.": "Thanks, […]: […]. Same here.",
		"utopia is fine": "utopia is fine",
		"> nobody answers\n> me at all, ever & ever\nSo it is.": gap, // the lines stand otherwise: nothing can be told apart
		"": "",
	} {
		if got := c.text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if _, _, ok := c.body([]byte("no form at all")); ok {
		t.Error("what is in no form was taken apart")
	}
}

// Many words don't slow the look at a text: it is gone through once.
func TestManyWords(t *testing.T) {
	var words []string
	for i := range 20_000 {
		words = append(words, strings.Repeat(string(rune('a'+i%26)), 5)+" word number "+strings.Repeat("x", i%50)+strings.Repeat("y", i/50))
	}
	c := newCutter(nil, nil, words)
	if c.in(strings.Repeat("nothing of hers stands in this. ", 3000)) || !c.in("he wrote: "+words[777]) {
		t.Error("found what is not there, or not what is")
	}
}
