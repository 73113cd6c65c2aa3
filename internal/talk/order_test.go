package talk_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/talk"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

var update = flag.Bool("update", false, "write testdata/order.golden: read what it wrote")

// reader is the version of the reader that read a text: training it anew changes no state here.
var reader = regexp.MustCompile(`Reader:r\d+-[0-9a-f]+`)

// orders returns every order of as.
func orders(as []social.Activity) [][]social.Activity {
	if len(as) == 0 {
		return [][]social.Activity{nil}
	}
	var out [][]social.Activity
	for i, a := range as {
		for _, rest := range orders(slices.Delete(slices.Clone(as), i, i+1)) {
			out = append(out, append([]social.Activity{a}, rest...))
		}
	}
	return out
}

// A question that is edited, a reply that is deleted, and what was said to the
// reply: in each of their 120 orders the views are the bytes of
// testdata/order.golden, where a reader sees that the edit and the deletion count.
func TestEveryOrderOfEditsAndDeletions(t *testing.T) {
	question, reply, thanks := said("ann", "1", "", 0, social.Inbound), said("brand", "2", "1", 30, social.Outbound), said("ann", "3", "2", 60, social.Inbound)
	edit, deletion := amended("ann", "1", "edited", 10, social.Edit), amended("brand", "2", "", 90, social.Delete)
	edit.Sentiment, edit.Intent = "negative", "complaint"
	all := orders([]social.Activity{question, edit, reply, deletion, thanks})

	s, table := storetest.NewTable(t)
	workspace := func(i int) string { return fmt.Sprintf("order%03d", i) }
	for _, err := range parallel.Each(t.Context(), len(all), 4, func(i int) error {
		f := talk.New(s, func(context.Context, string, []view.Stale) error { return nil })
		for _, a := range all[i] {
			if _, err := s.PutActivity(t.Context(), workspace(i), a); err != nil {
				return err
			}
			if err := byday.New(s, nil).Store(t.Context(), workspace(i), []social.Activity{a}); err != nil {
				return err
			}
			if err := f.View(t.Context(), workspace(i), store.RefOf(a)); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}

	stored := map[string][]string{}
	for k, v := range views(table.Dump(t)) {
		ws, key, _ := strings.Cut(k, "#")
		pk, sk, _ := strings.Cut(key, " | ")
		if byday.New(s, nil).Owns(pk, sk) || pk == "D" { // cut as they came, and hints where to look: what they say is compared
			continue
		}
		stored[ws] = append(stored[ws], reader.ReplaceAllString(strings.ReplaceAll(key+" "+v, ws+"#", "W#"), "Reader:r")+"\n")
	}
	state := func(i int) string {
		t.Helper()
		says, err := byday.New(s, nil).Says(t.Context(), workspace(i))
		if err != nil {
			t.Fatal(err)
		}
		lines := stored[workspace(i)]
		for _, k := range slices.Sorted(maps.Keys(says)) {
			lines = append(lines, "by day: "+k+" "+says[k]+"\n")
		}
		slices.Sort(lines)
		return strings.Join(lines, "")
	}
	golden := filepath.Join("testdata", "order.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(state(0)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	different := 0
	for i, order := range all {
		if got := state(i); got != string(want) {
			if different++; different == 1 {
				var names []string
				for _, a := range order {
					names = append(names, string(a.Type)+" "+a.Object.ID)
				}
				t.Errorf("in the order %s (-golden +got):\n%s", strings.Join(names, ", "), cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")))
			}
		}
	}
	if different > 0 {
		t.Errorf("%d of %d orders differ from the golden state", different, len(all))
	}
	drill.Show(t, "%d orders of five with an edit and a deletion: %d lines of state, each byte as in the golden file", len(all), strings.Count(string(want), "\n"))
}
