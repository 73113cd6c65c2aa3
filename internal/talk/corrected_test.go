package talk_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

// A question that is edited and whose first and second words are corrected, a
// reply to it, and what was said to the reply, whose reading is corrected twice:
// in each order, with each step done twice, the views are the same, and the same
// as those that are made at once of all that is known.
func TestEveryOrderOfCorrections(t *testing.T) {
	yes, no := true, false
	question, reply, thanks := said("ann", "1", "", 0, social.Inbound), said("brand", "2", "1", 30, social.Outbound), said("ann", "3", "2", 60, social.Inbound)
	edit := amended("ann", "1", "edited", 10, social.Edit)
	question.Intent, edit.Intent, thanks.Intent = social.IntentQuestion, social.IntentChatter, social.IntentProblem
	correction := func(of string, minute int, c social.Corrected) social.Correction {
		return social.Correction{ID: fmt.Sprint("cor_", minute), At: t0.Add(time.Duration(minute) * time.Minute), By: "mem_a", Of: social.TextID(of), Corrected: c}
	}
	s, table := storetest.NewTable(t)
	view := func(w string, a social.Activity) error {
		return talk.New(s, func(context.Context, string, []view.Stale) error { return nil }).View(t.Context(), w, store.RefOf(a))
	}
	put := func(a social.Activity) func(string) error {
		return func(w string) error {
			if _, err := s.PutActivity(t.Context(), w, a); err != nil {
				return err
			}
			if err := byday.New(s, nil).Store(t.Context(), w, []social.Activity{a}); err != nil {
				return err
			}
			return view(w, a)
		}
	}
	correct := func(a social.Activity, c social.Correction, viewed bool) func(string) error {
		return func(w string) error {
			now, err := s.Activity(t.Context(), w, store.RefOf(a))
			if err != nil {
				return err
			}
			if err := s.Correct(t.Context(), w, store.Standing(now, nil), c); err != nil || !viewed {
				return err
			}
			return view(w, a)
		}
	}
	type step struct {
		name string
		do   func(w string) error
	}
	steps := []step{
		{"edit", put(edit)},
		{"reply", put(reply)},
		{"its first words ask nothing", correct(question, correction(question.Text, 20, social.Corrected{Intent: social.IntentSpam, NeedsAnswer: &no}), true)},
		{"its second words ask something", correct(question, correction(edit.Text, 25, social.Corrected{Intent: social.IntentChurn, NeedsAnswer: &yes}), true)},
		{"the last is thanks", correct(thanks, correction(thanks.Text, 70, social.Corrected{Intent: social.IntentClosing, NeedsAnswer: &no}), true)},
		{"it is a complaint", correct(thanks, correction(thanks.Text, 71, social.Corrected{Intent: social.IntentComplaint, Sentiment: social.SentimentNegative}), true)},
	}
	var orders func([]step) [][]step
	orders = func(of []step) (out [][]step) {
		if len(of) == 0 {
			return [][]step{nil}
		}
		for i, x := range of {
			for _, rest := range orders(slices.Delete(slices.Clone(of), i, i+1)) {
				out = append(out, append([]step{x}, rest...))
			}
		}
		return out
	}
	var all [][]step
	for i, o := range orders(steps) {
		if i%72 == 5 { // 10 of 720
			all = append(all, o)
		}
	}
	workspace := func(i int) string { return fmt.Sprintf("order%03d", i) }
	for _, err := range parallel.Each(t.Context(), len(all), 4, func(i int) error {
		w := workspace(i)
		for _, a := range []social.Activity{question, thanks} {
			if err := put(a)(w); err != nil {
				return err
			}
		}
		for n, x := range all[i] {
			if err := x.do(w); err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			for _, again := range []step{all[i][n/2], {"", put(question)}} { // also what was redelivered
				if err := again.do(w); err != nil {
					return fmt.Errorf("%s again: %w", again.name, err)
				}
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	// At once: all facts and their corrections first, then the views.
	for _, a := range []social.Activity{question, thanks, edit, reply} {
		if _, err := s.PutActivity(t.Context(), "whole", a); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []func(string) error{correct(question, correction(edit.Text, 25, social.Corrected{Intent: social.IntentChurn, NeedsAnswer: &yes}), false),
		correct(question, correction(question.Text, 20, social.Corrected{Intent: social.IntentSpam, NeedsAnswer: &no}), false),
		correct(thanks, correction(thanks.Text, 70, social.Corrected{Intent: social.IntentClosing, NeedsAnswer: &no}), false),
		correct(thanks, correction(thanks.Text, 71, social.Corrected{Intent: social.IntentComplaint, Sentiment: social.SentimentNegative}), false)} {
		if err := c("whole"); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []social.Activity{edit, thanks, reply, question} {
		if err := put(a)("whole"); err != nil {
			t.Fatal(err)
		}
	}

	stored := map[string][]string{}
	for k, v := range views(table.Dump(t)) {
		ws, key, _ := strings.Cut(k, "#")
		pk, sk, _ := strings.Cut(key, " | ")
		if byday.New(s, nil).Owns(pk, sk) || pk == "D" {
			continue
		}
		stored[ws] = append(stored[ws], strings.ReplaceAll(key+" "+v, ws+"#", "W#"))
	}
	state := func(w string) []string {
		t.Helper()
		says, err := byday.New(s, nil).Says(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		lines := stored[w]
		for _, k := range slices.Sorted(maps.Keys(says)) {
			lines = append(lines, "by day: "+k+" "+says[k])
		}
		slices.Sort(lines)
		return lines
	}
	want := state("whole")
	different := 0
	for i, order := range all {
		if d := cmp.Diff(want, state(workspace(i))); d != "" {
			if different++; different == 1 {
				var names []string
				for _, x := range order {
					names = append(names, x.name)
				}
				t.Errorf("in the order %q (-at once +got):\n%s", names, d)
			}
		}
	}
	if different > 0 {
		t.Errorf("%d of %d orders differ", different, len(all))
	}
	// And they say what was corrected: the edit's words wait, as do the last, of which the reader's probability is none.
	heads, _, err := s.Waiting(t.Context(), "whole", "", 10)
	if err != nil || len(heads) != 1 || heads[0].Asked.Intent != social.IntentComplaint || heads[0].Waiting != store.RefOf(thanks) {
		t.Errorf("%+v, %v", heads, err)
	}
	i, err := s.Item(t.Context(), "whole", store.RefOf(question))
	if err != nil || i.Intent != social.IntentChurn || i.NeedsAnswer != 1 || i.Read.Intent != social.IntentChatter {
		t.Errorf("%+v, %v", i, err)
	}
	text := strings.Join(want, "\n")
	if !strings.Contains(text, "Intent:churn Said:true") || !strings.Contains(text, "Intent:complaint Said:true") || strings.Contains(text, "Intent:closing Said:true") {
		t.Errorf("the tuples of the day say otherwise:\n%s", text)
	}
}
