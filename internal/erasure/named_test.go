package erasure_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/parallel"
	"rapport/internal/platform"
	"rapport/internal/profile"
	"rapport/internal/social"
	"rapport/internal/store"
)

// forum is a source of Discourse.
func (x *world) forum() {
	x.t.Helper()
	app := store.App{ID: "app_forum", Owner: w, Platform: "discourse"}
	src := store.Source{ID: "src_forum", Workspace: w, App: app.ID, Platform: "discourse", Scope: "forum.example.com", Created: received}
	if err := x.store.CreateSource(x.t.Context(), app, true, src); err != nil {
		x.t.Fatal(err)
	}
}

// told is a delivery of the forum.
func (x *world) told(event, body string) ingest.Message {
	x.t.Helper()
	h := http.Header{}
	h.Set("X-Discourse-Instance", "https://forum.example.com")
	h.Set("X-Discourse-Event", event)
	d := platform.Delivery{App: "app_forum", Received: received, Request: platform.Request{Method: http.MethodPost, URL: "https://x.example/hooks/app_forum", Header: h, Body: []byte(body)}}
	b, err := json.Marshal(d)
	if err != nil {
		x.t.Fatal(err)
	}
	return ingest.Message{ID: d.ID() + event, Body: b, Received: 1}
}

func post(n, user int, username, name, raw, reply string) string {
	b, err := json.Marshal(map[string]any{"post": map[string]any{"id": 9000 + n, "topic_id": 6120, "post_number": n, "post_type": 1, "topic_archetype": "regular",
		"topic_title": "Export stops", "topic_slug": "export-stops", "category_id": 7, "raw": raw, "cooked": "<p>" + raw + "</p>", "created_at": "2026-11-01T11:00:00.00" + fmt.Sprint(n) + "Z",
		"updated_at": "2026-11-01T11:00:00.001Z", "version": 1, "user_id": user, "username": username, "name": name, "reply_to_post_number": 1,
		"reply_to_user": json.RawMessage(reply), "reads": 355}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

const (
	herWords = "It stops at ninety percent &amp; nobody answers me"
	her      = `{"user":{"id":355,"username":"pia","name":"Pia Neu","email":"pia@example.net","created_at":"2026-02-05T07:08:09.010Z","trust_level":0,"admin":false}}`
)

var forgetHer = ingest.Erase{Workspace: w, Platform: "discourse", Scope: "forum.example.com", ID: "355", Reason: "user_destroyed", At: social.Stamp(demanded)}

// herTraces are what may stay nowhere.
var herTraces = []string{`"id":355,`, `:355,"username"`, "pia@example.net", "Pia Neu", "pia", "ninety percent", social.AccountRef{Platform: "discourse", Scope: "forum.example.com", ID: "355"}.AccountID()}

// A short id that stands only in what is ignored, her name and words in what
// another member wrote: nothing of it stays, and what the others said does.
func TestNothingStaysOfWhoIsNamedInPassing(t *testing.T) {
	x := newWorld(t)
	x.forum()
	quoting := "[quote=\"pia, post:1, topic:6120\"]\n" + herWords + "\n[/quote]\n\nsame here"
	x.ingest(2,
		x.told("user_updated", her), x.told("user_logged_in", her),
		x.told("post_created", post(1, 355, "pia", "Pia Neu", herWords, "null")),
		x.told("post_created", post(2, 312, "ivo", "Ivo Alt", quoting, `{"username":"pia","name":"Pia Neu"}`)),
		x.told("post_created", post(3, 313, "uma", "Uma Utopia", "As @pia says: it stops at ninety percent &amp; nobody answers me. Mine does, too.", "null")),
		x.told("post_created", post(4, 314, "leo", "Leo", "It works for me in Utopia.", "null")),
		x.told("user_destroyed", her))
	before := x.everything()
	for _, n := range herTraces {
		if len(holding(before, n)) == 0 {
			t.Fatalf("the test is blind: nothing holds %q before", n)
		}
	}
	x.forget(forgetHer)
	after := x.everything()
	words := without(after, "nobody-is-called-this")
	for k, v := range words {
		words[k] = strings.NewReplacer("Utopia", "U.", "utopia", "u.").Replace(v)
	}
	if left := holding(words, herTraces...); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
	for _, n := range []string{"same here", "Mine does, too", "It works for me in Utopia", "Ivo Alt"} {
		if len(holding(after, n)) == 0 {
			t.Errorf("what others said is gone: %q", n)
		}
	}
	list, _, err := x.store.Receipts(t.Context(), w, "", 10)
	if err != nil || len(list) != 1 || !list[0].Done || list[0].Removed["deliveries"] != 4 || list[0].Removed["cut"] != 2 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Another forum's member of the same number is somebody else.
func TestTheSameNumberElsewhereStays(t *testing.T) {
	x := newWorld(t)
	x.forum()
	x.ingest(1, x.told("user_logged_in", her))
	m := forgetHer
	m.Scope = "other.example.com"
	before := x.everything()
	x.forget(m)
	for k, v := range before {
		if strings.HasPrefix(k, "archive/") && x.everything()[k] != v {
			t.Errorf("%s is changed", k)
		}
	}
}

// A delivery that two workspaces keep: what one cuts or takes out, the other keeps.
func TestAnothersCopyStays(t *testing.T) {
	x := newWorld(t)
	x.forum()
	src := store.Source{ID: "src_too", Workspace: "other", App: "app_forum", Platform: "discourse", Scope: "forum.example.com/c/7", Created: received}
	if err := x.store.CreateSource(t.Context(), store.App{ID: "app_forum"}, false, src); err != nil {
		t.Fatal(err)
	}
	model, err := x.store.Document(t.Context(), w, store.Models, "1")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.Publish(t.Context(), "other", store.Models, model); err != nil {
		t.Fatal(err)
	}
	x.ingest(2, x.told("post_created", post(1, 355, "pia", "Pia Neu", herWords, "null")),
		x.told("post_created", post(2, 312, "ivo", "Ivo Alt", "hello", `{"username":"pia","name":"Pia Neu"}`)))
	x.forget(forgetHer)
	mine, theirs := 0, 0
	err = x.bucket.List(t.Context(), "archive/", "", func(k string) error {
		for _, workspace := range []string{w, "other"} {
			ds, err := x.bucket.Deliveries(t.Context(), workspace, k)
			if err != nil {
				return err
			}
			for _, d := range ds {
				if workspace == "other" {
					theirs++
				} else if mine++; strings.Contains(string(d.Request.Body), "pia") || d.Was == "" {
					t.Errorf("mine: %s", d.Request.Body)
				}
			}
		}
		return nil
	})
	if err != nil || mine != 1 || theirs != 2 {
		t.Errorf("mine %d, theirs %d, %v", mine, theirs, err)
	}
}

// In parts of the smallest size, each of which may be killed, it ends where an
// undisturbed one ends.
func TestInParts(t *testing.T) {
	scope := demand
	scope.ID = ""
	for name, m := range map[string]ingest.Erase{"account": demand, "scope": scope} {
		t.Run(name, func(t *testing.T) {
			whole := settled(t)
			whole.forget(m)
			want := without(whole.everything(), w+"#T | ")

			x := settled(t)
			x.now = []ingest.Erase{m}
			parts := 0
			for len(x.now)+len(x.later) > 0 {
				if len(x.now) == 0 {
					x.now, x.later = x.later[:1], x.later[1:]
				}
				m := x.now[0]
				x.now = x.now[1:]
				e := x.erasure()
				var asked atomic.Int64
				e.Enough = func() bool { return asked.Add(1) > 1 }
				if err := e.Forget(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				if parts++; parts > 500 {
					t.Fatal("it does not end")
				}
			}
			if parts < 6 {
				t.Errorf("it was done in %d parts", parts)
			}
			if d := diff(want, without(x.everything(), w+"#T | ")); d != "" {
				t.Errorf("after %d parts (-whole +in parts)\n%s", parts, d)
			}
		})
	}
}

func diff(want, got map[string]string) string {
	went, came, other := changes(want, got)
	if len(went)+len(came)+len(other) == 0 {
		return ""
	}
	return fmt.Sprintf("gone %v\nnew %v\nother %v", went, came, other)
}

// Among many archived objects, the ones that name her are found without a look
// at the others; also after a kill. RAPPORT_ARCHIVED says how many there are.
func TestAmongManyArchivedObjects(t *testing.T) {
	n := 2000
	if s := os.Getenv("RAPPORT_ARCHIVED"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	x := newWorld(t)
	x.forum()
	// Others': written as ingest would, without the work of ingest.
	var line bytes.Buffer
	z := gzip.NewWriter(&line)
	other := platform.Kept{Workspaces: []string{w}, Delivery: platform.Delivery{App: "app_forum", Received: received, Request: platform.Request{Method: http.MethodPost,
		URL: "https://x.example/hooks/app_forum", Header: http.Header{"X-Discourse-Instance": {"https://forum.example.com"}, "X-Discourse-Event": {"user_logged_in"}},
		Body: []byte(`{"user":{"id":9,"username":"leo"}}`)}}}
	if err := json.NewEncoder(z).Encode(other); err != nil {
		t.Fatal(err)
	}
	z.Close()
	began := time.Now()
	for _, err := range parallel.Each(t.Context(), n, 32, func(i int) error {
		return x.bucket.Put(t.Context(), fmt.Sprintf("archive/2026-11-02/%032x.jsonl.gz", i), "application/gzip", line.Bytes())
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	// Hers: as many as a busy member's, each in an object of its own.
	hers := max(20, n/500)
	for i := range hers {
		body := strings.Replace(her, `"trust_level":0`, fmt.Sprintf(`"trust_level":%d`, i), 1)
		if failed := x.in.Batch(t.Context(), []ingest.Message{x.told("user_logged_in", body)}); len(failed) > 0 {
			t.Fatal(failed)
		}
	}
	x.settle()
	t.Logf("%d objects in %s", n+hers, time.Since(began))

	deaths := 0
	for requests := 10; ; requests += 40 { // killed, each time a little later
		if err := x.dying(requests).Forget(t.Context(), forgetHer); err == nil {
			break
		}
		deaths++
	}
	began = time.Now()
	x.rest()
	t.Logf("ended after %d deaths; the second pass took %s", deaths, time.Since(began))
	objects := 0
	err := x.bucket.List(t.Context(), "archive/", "", func(k string) error {
		objects++
		if strings.HasPrefix(k, "archive/2026-11-02/0000000000000000") {
			return nil // the others': they are what they were
		}
		b, err := x.bucket.Get(t.Context(), k)
		t.Errorf("left: %s %q %v", k, b, err)
		return err
	})
	if err != nil || objects != n {
		t.Errorf("%d objects are left, want %d: %v", objects, n, err)
	}
	if left := holding(x.table.Dump(t), herTraces...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What somebody is called by what was told of the person alone is sought in
// others' words, too; and a contact that did nothing can be forgotten.
func TestWhoIsKnownByAttributesAlone(t *testing.T) {
	x := newWorld(t)
	reply := said("bob-0001", "p2", "p1", 10)
	reply.Text = "Ring Wilma Winterstein, once wilma.old@mail.example, now w.winter@mail.example or +493012345678. Mine came, Premium as ever."
	x.ingest(1, x.message(received, said(ann, "p1", "", 0), reply))
	contact := social.AccountRef{Platform: "standard", Scope: "import", ID: "imported@mail.example"}
	if err := x.store.PutAccount(t.Context(), w, social.Activity{Platform: "standard", Scope: "import", Direction: social.Inbound, Actor: social.Actor{ID: contact.ID, Scope: contact.Scope}}); err != nil {
		t.Fatal(err)
	}
	var told []profile.Of
	for i, a := range []string{account(ann), contact.AccountID()} {
		o := profile.Of{Account: a}
		for n, v := range []string{"name=Wilma Winterstein", "email=wilma.old@mail.example", "email_2=w.winter@mail.example", "phone=+493012345678", "title=Captain", "name_of_plan=Premium"} {
			name, value, _ := strings.Cut(v, "=")
			o.Facts = append(o.Facts, profile.Fact{ID: fmt.Sprintf("told-%d-000%d", i, n), Name: name, Kind: profile.Text, Value: value, Source: profile.Import, At: received, Known: received, By: "key_a"})
		}
		told = append(told, o)
	}
	if _, errs := x.store.PutAttributes(t.Context(), w, told...); errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	// The account that did something, and then the contact that did nothing.
	x.forget(demand)
	x.forget(ingest.Erase{Workspace: w, Platform: string(contact.Platform), Scope: contact.Scope, ID: contact.ID, Reason: "asked for", At: social.Stamp(demanded)})
	after := x.everything()
	if left := holding(after, "Winterstein", "wilma.old", "w.winter", "+4930", "Captain", contact.AccountID(), contact.ID); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
	if len(holding(after, "Mine came, Premium as ever")) == 0 {
		t.Error("what bob said is gone, or cut by what is no name")
	}
	erased, err := erasure.Erased(x.store, key)(t.Context(), w, []string{contact.AccountID()})
	if err != nil || erased[contact.AccountID()].IsZero() { // by that an import leaves it out
		t.Errorf("the contact has no tombstone: %v, %v", erased, err)
	}
}
