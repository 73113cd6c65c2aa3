package leads_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/erasure"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/person"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// fans counts likes, of which the default model of these tests knows nothing.
const fans = `{"id":"fans","horizon_days":500,"engagement":["1","4","9"],"call_from":"4","rules":[
	{"id":"likes","kind":"activity","label":{"one":"like","many":"likes"},"when":{"types":["react"]},"points":"2","decay":{"half_life_days":10}}]}`

func like(who string, n int) social.Activity {
	a := question(who, n)
	a.Type, a.Object.ID, a.Intent, a.Text = social.React, fmt.Sprint("liked", n), "", ""
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, fmt.Sprint(who, "l", n), a.Occurred)
	return a
}

// publish publishes a document, and scores by it as the queue would.
func (c *community) publish(document string) store.Document {
	c.Helper()
	d, err := c.l.Publish(c.Context(), w, []byte(document), now(), c.rescore)
	if err != nil {
		c.Fatal(err)
	}
	return d
}

func (c *community) rescore(by leads.Rescoring) error {
	out, err := c.l.Rescore(c.Context(), w, by, now, time.Time{})
	if err == nil && (out.Phase != leads.RescoringDone || out.Failed > 0) {
		err = fmt.Errorf("it came to %+v", out)
	}
	return err
}

// list is who stands where by a model, each with points and version.
func (c *community) list(model string) []string {
	c.Helper()
	page, _, _, err := c.l.By(model).Page(c.Context(), w, "", 10, now())
	if err != nil {
		c.Fatal(err)
	}
	var out []string
	for _, e := range page {
		stored, err := c.s.Lead(c.Context(), w, e.Person, model)
		if err != nil || stored.ModelVer != e.ModelVer {
			c.Errorf("%s by %s: stored %q, shown %q, %v", e.Name, model, stored.ModelVer, e.ModelVer, err)
		}
		out = append(out, fmt.Sprintf("%s %.1f %s", e.Name, float64(e.Micro)/1e6, e.ModelVer))
	}
	return out
}

func (c *community) ranks(what string, got []string, want ...string) {
	c.Helper()
	if d := cmp.Diff(want, got); d != "" {
		c.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// heads are the stored heads by a model.
func (c *community) headsBy(model string) (out []string) {
	for k := range c.table.Dump(c.T) {
		if strings.HasSuffix(k, " | L#"+model) {
			out = append(out, k)
		}
	}
	return out
}

func TestModelsSideBySide(t *testing.T) {
	c := newCommunity(t, question("a", 3), question("a", 2), question("b", 3), like("b", 20), like("b", 10), like("b", 0), like("c", 1))
	c.publish(fans)
	c.ranks("by the default model", c.list("default"), "A 10.0 default@1", "B 5.0 default@1", "C 0.0 default@1")
	c.ranks("by the other", c.list("fans"), "B 3.5 fans@1", "C 1.9 fans@1", "A 0.0 fans@1")
	c.announced() // nobody did anything

	// What comes is scored by both, and each announces what crosses its lines.
	c.came(like("b", 1), question("d", 1))
	c.ranks("by the default model", c.list("default"), "A 10.0 default@1", "B 5.0 default@1", "D 5.0 default@1", "C 0.0 default@1")
	c.ranks("by the other", c.list("fans"), "B 5.4 fans@1", "C 1.9 fans@1", "D 0.0 fans@1", "A 0.0 fans@1")
	for _, a := range c.announced(leads.KindToCall, leads.KindRose) {
		if a.Kind == leads.KindToCall && (a.Evidence["model"] != "fans@1" || !strings.HasPrefix(a.Text, "By the scoring model fans a lead has ") || a.Person != social.PersonID(accountOf("b"))) {
			t.Errorf("announced: %+v", a)
		}
	}

	// Versions are counted by model.
	if d := c.publish(strings.Replace(fans, `"points":"2"`, `"points":"3"`, 1)); d.Version != "2" {
		t.Errorf("published as version %s", d.Version)
	}
	c.ranks("by its second version", c.list("fans"), "B 8.0 fans@2", "C 2.8 fans@2", "D 0.0 fans@2", "A 0.0 fans@2")
	c.ranks("by the default model", c.list("default"), "A 10.0 default@1", "B 5.0 default@1", "D 5.0 default@1", "C 0.0 default@1")

	// Merged and taken apart, all models follow.
	if people := c.must(same("a", "b")); len(people) != 1 {
		t.Errorf("merged into %d", len(people))
	}
	c.ranks("merged", c.list("fans"), "B 8.0 fans@2", "C 2.8 fans@2", "D 0.0 fans@2")
	if n := len(c.headsBy("fans")); n != 3 {
		t.Errorf("%d heads of 3 people", n)
	}
	c.must(undo("decision-1", "a", "b"))
	c.ranks("taken apart", c.list("fans"), "B 8.0 fans@2", "C 2.8 fans@2", "D 0.0 fans@2", "A 0.0 fans@2")

	// Retired, it leaves its documents, and the list of the other as it was.
	if err := c.l.By("fans").Retire(t.Context(), w, c.rescore); err != nil {
		t.Fatal(err)
	}
	if left := c.headsBy("fans"); len(left) > 0 {
		t.Errorf("heads by a retired model: %q", left)
	}
	if _, err := c.l.By("fans").CallFrom(t.Context(), w); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "there are default") {
		t.Errorf("by a retired model: %v", err)
	}
	if list, err := c.s.Versions(t.Context(), w, store.ModelKind("fans"), "", 10); err != nil || len(list) != 2 {
		t.Errorf("its versions: %+v, %v", list, err)
	}
	c.ranks("by the default model", c.list("default"), "A 10.0 default@1", "B 5.0 default@1", "D 5.0 default@1", "C 0.0 default@1")
	for _, id := range []string{"default", "nothing"} {
		if err := c.l.By(id).Retire(t.Context(), w, c.rescore); err == nil {
			t.Errorf("%s was retired", id)
		}
	}
	if _, err := c.l.By("fans").Activate(t.Context(), w, "1", now(), c.rescore); err != nil {
		t.Fatal(err)
	}
	c.ranks("in use again", c.list("fans"), "B 5.4 fans@1", "C 1.9 fans@1", "D 0.0 fans@1", "A 0.0 fans@1")
	drill.Show(t, "2 models: lists of their own, announcements of their own, versions of their own, merged, taken apart, retired, in use again")
}

func TestASixthModelIsRefused(t *testing.T) {
	c := newCommunity(t)
	for i := range store.MaxModels - 1 {
		c.publish(strings.Replace(fans, "fans", fmt.Sprint("fans-", i), 1))
	}
	sixth := strings.Replace(fans, "fans", "too-many", 1)
	_, err := c.l.Publish(t.Context(), w, []byte(sixth), now(), c.rescore)
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "at most 5") || !strings.Contains(err.Error(), "default, fans-0, ") {
		t.Errorf("a sixth: %v", err)
	}
	// Whoever saw four when they asked.
	err = c.s.PublishModel(t.Context(), w, "too-many", store.Document{Version: "1", Published: now(), Body: []byte(sixth)})
	if !errors.Is(err, store.ErrFull) {
		t.Errorf("a sixth at the same time: %v", err)
	}
	if err := c.l.By("fans-2").Retire(t.Context(), w, c.rescore); err != nil {
		t.Fatal(err)
	}
	c.publish(sixth)
	c.publish(strings.Replace(fans, "fans", "fans-0", 1)) // in use already
	for _, id := range []string{"Fans", "x", "a_b", "9lives", strings.Repeat("x", 32), "a/b"} {
		if _, err := c.l.Publish(t.Context(), w, []byte(strings.Replace(fans, "fans", id, 1)), now(), c.rescore); !fault.Is(err, fault.Invalid) {
			t.Errorf("a model called %q: %v", id, err)
		}
	}
}

// An account is erased while its heads by a retired model still wait for the
// bulk work; and such a head, were it forgotten, goes when it is due.
func TestErasureReachesHeadsByARetiredModel(t *testing.T) {
	c := newCommunity(t, like("a", 3), like("b", 3), like("c", 3))
	c.must(person.Decision{Verb: person.Same, One: []string{accountOf("b")}, Other: []string{accountOf("c")}})
	c.publish(fans)
	if err := c.l.By("fans").Retire(t.Context(), w, func(leads.Rescoring) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if n := len(c.headsBy("fans")); n != 2 {
		t.Fatalf("%d heads wait", n)
	}
	if err := erasure.New(c.s, now).Account(t.Context(), w, accountOf("a"), erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	if left := c.headsBy("fans"); len(left) != 1 || strings.Contains(left[0], social.PersonID(accountOf("a"))) {
		t.Errorf("of the erased account: %q", left)
	}
	due, err := c.l.Due(t.Context(), now().AddDate(1, 0, 0), 100)
	if err != nil || len(due) != 1 || len(due[0].Stale) != 1 {
		t.Fatalf("due: %+v, %v", due, err)
	}
	if left := c.headsBy("fans"); len(left) != 0 {
		t.Errorf("after it was due: %q", left)
	}
}

func TestWhoIsDueByTwoModelsIsScoredOnce(t *testing.T) {
	c := newCommunity(t, like("a", 3))
	c.publish(fans)
	c.publish(strings.Replace(fans, "fans", "more-fans", 1))
	due, err := c.l.Due(t.Context(), now().AddDate(1, 0, 0), 100)
	if err != nil || len(due) != 1 || len(due[0].Stale) != 1 || !slices.Equal([]string{due[0].Stale[0].Account}, []string{accountOf("a")}) {
		t.Errorf("due: %+v, %v", due, err)
	}
}

// What a model more costs for a new fact: its head, read and written. The
// history is read and written once for all of them.
func TestWhatAnotherModelCosts(t *testing.T) {
	var r, wr [store.MaxModels + 1]float64
	for _, n := range []int{1, 2, store.MaxModels} {
		c := newCommunity(t)
		for i := range n - 1 {
			c.publish(strings.Replace(capped, `"default"`, fmt.Sprintf(`"same-%d"`, i), 1))
		}
		for i := range 60 {
			c.tell(question("a", 100-i))
		}
		const times = 16
		for i := range times {
			a := question("a", 40-i)
			put(t, c.s, a)
			c.s.Consumed = func(read, write float64) { r[n] += read / times; wr[n] += write / times }
			c.score(view.StaleBy(a))
			c.s.Consumed = nil
		}
	}
	drill.Show(t, "a new fact takes %.2f RRU and %.2f WRU by 1 model, %.2f and %.2f by 2, %.2f and %.2f by %d", r[1], wr[1], r[2], wr[2], r[store.MaxModels], wr[store.MaxModels], store.MaxModels)
	for _, n := range []int{2, store.MaxModels} {
		if more := (r[n] - r[1]) / float64(n-1); more > 1 {
			t.Errorf("a model more takes %.2f RRU", more)
		}
		if more := (wr[n] - wr[1]) / float64(n-1); more > 1.5 {
			t.Errorf("a model more takes %.2f WRU", more)
		}
	}
}
