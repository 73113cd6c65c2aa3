package erasure_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	"fmt"

	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/archive"
	"rapport/internal/erasure"
	"rapport/internal/fault"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/reading/readtest"
	"rapport/internal/talk"

	"rapport/internal/report"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/theme"
	"rapport/internal/view"
	"rapport/internal/view/all"
	"rapport/internal/view/byday"
)

const (
	w   = "acme"
	ann = "U-ann-4711"
)

var (
	received = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	demanded = received.Add(time.Hour)
	key      = []byte("the key of the tombstones of a test")
)

const mapping = `{"mapping":{"scope":{"path":"/room"},"type":{"path":"/type","default":"post"},"id":{"path":"/id"},"object_id":{"path":"/of"},
	"actor_id":{"path":"/by"},"actor_name":{"path":"/name"},"actor_handle":{"path":"/nick"},"text":{"path":"/text"},"occurred":{"path":"/at"},"in_reply_to":{"path":"/parent"},
	"conversation":{"path":"/thread"},"direction":{"path":"/staff","present":"outbound","default":"inbound"},"addressed":{"path":"/to"}}}`

// world is a workspace with a table and a bucket of its own.
type world struct {
	t      *testing.T
	store  *store.Store
	table  storetest.Table
	bucket *archive.Bucket
	s3     *s3.Client
	in     *ingest.Ingest
	views  []ingest.View
	scores []ingest.Score
	cfg    aws.Config

	mu    sync.Mutex
	now   []ingest.Erase // queued to go on
	later []ingest.Erase // queued for the second pass
}

func newWorld(t *testing.T) *world {
	t.Helper()
	x := &world{t: t}
	x.store, x.table = storetest.NewTable(t)
	var err error
	if x.cfg, err = config.LoadDefaultConfig(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.s3 = s3.NewFromConfig(x.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := x.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &x.table.Name}); err != nil {
		t.Fatal(err)
	}
	x.bucket = archive.New(x.cfg, x.table.Name)
	t.Cleanup(func() {
		x.bucket.List(context.Background(), "", "", func(k string) error { return x.bucket.Delete(context.Background(), k) })
		x.s3.DeleteBucket(context.Background(), &s3.DeleteBucketInput{Bucket: &x.table.Name})
	})
	x.in = ingest.New(ingest.Deps{Store: x.store, Archive: x.bucket, Read: readtest.Read(t),
		QueueScore: func(_ context.Context, m []ingest.Score) error { x.scores = append(x.scores, m...); return nil },
		QueueView:  func(_ context.Context, m []ingest.View) error { x.views = append(x.views, m...); return nil },
		QueueErase: func(context.Context, []ingest.Erase) error { return nil },
		Erased:     erasure.Erased(x.store, key), Now: func() time.Time { return received }})
	app := store.App{ID: "app1", Owner: w, Platform: "standard", Config: json.RawMessage(mapping)}
	for i, room := range []string{"forum-one", "forum-two"} {
		src := store.Source{ID: "src_" + room, Workspace: w, App: "app1", Platform: "standard", Scope: room, Created: received}
		if err := x.store.CreateSource(t.Context(), app, i == 0, src); err != nil {
			t.Fatal(err)
		}
	}
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.Publish(t.Context(), w, store.Models, store.Document{Version: "1", Published: received, Body: model}); err != nil {
		t.Fatal(err)
	}
	return x
}

// event is one item of a delivery.
type event struct {
	Room   string `json:"room,omitempty"`
	Type   string `json:"type,omitempty"`
	ID     string `json:"id"`
	Of     string `json:"of,omitempty"`
	By     string `json:"by,omitempty"`
	Name   string `json:"name,omitempty"`
	Nick   string `json:"nick,omitempty"`
	Text   string `json:"text,omitempty"`
	At     string `json:"at"`
	Parent string `json:"parent,omitempty"`
	Thread string `json:"thread,omitempty"`
	Staff  string `json:"staff,omitempty"`

	To []string `json:"to,omitempty"`
}

func said(by, id, parent string, minute int) event {
	e := event{Room: "forum-one", ID: id, By: by, Name: "Name of " + by, Nick: "nick-" + by, Text: "text-" + id + " by " + by + ": where is my parcel?", Parent: parent,
		At: received.Add(time.Duration(minute-600) * time.Minute).Format(time.RFC3339)}
	if strings.HasPrefix(by, "staff") {
		e.Staff, e.Text = "yes", "text-"+id+" by "+by+": we are looking into it."
	}
	if parent != "" {
		e.Type = "reply"
	}
	return e
}

func private(by, id string, minute int) event {
	e := said(by, id, "", minute)
	e.Type, e.Thread = "message", "dialogue-9"
	return e
}

func amended(by, id, of, typ, text string, minute int) event {
	e := said(by, id, "", minute)
	e.Type, e.Of, e.Text = typ, of, text
	return e
}

func (x *world) message(at time.Time, es ...event) ingest.Message {
	body, err := json.Marshal(es)
	if err != nil {
		x.t.Fatal(err)
	}
	return x.raw(at, string(body))
}

func (x *world) raw(at time.Time, body string) ingest.Message {
	d := platform.Delivery{App: "app1", Received: at, Request: platform.Request{Method: http.MethodPost, URL: "https://x.example/hooks/app1", Header: http.Header{}, Body: []byte(body)}}
	b, err := json.Marshal(d)
	if err != nil {
		x.t.Fatal(err)
	}
	return ingest.Message{ID: d.ID() + social.Stamp(at), Body: b, Received: 1}
}

// ingest handles messages in batches of a size, and everything that follows from them.
func (x *world) ingest(size int, ms ...ingest.Message) {
	x.t.Helper()
	for part := range slices.Chunk(ms, size) {
		if failed := x.in.Batch(x.t.Context(), part); len(failed) > 0 {
			x.t.Fatalf("failed: %v", failed)
		}
	}
	x.settle()
}

// stale names accounts that are to be scored again from all facts.
func stale(accounts ...string) []view.Stale {
	var out []view.Stale
	for _, a := range accounts {
		out = append(out, view.Stale{Account: a})
	}
	return out
}

func (x *world) settle() {
	x.t.Helper()
	l := leads.New(x.store)
	f := talk.New(x.store, func(_ context.Context, w string, stale []view.Stale) error {
		x.scores = append(x.scores, ingest.Score{Workspace: w, Accounts: stale})
		return nil
	})
	for len(x.views)+len(x.scores) > 0 {
		views, scores := x.views, x.scores
		x.views, x.scores = nil, nil
		for _, v := range views {
			for _, ref := range v.Facts {
				if err := f.View(x.t.Context(), v.Workspace, ref); err != nil && !fault.Is(err, fault.NotFound) {
					x.t.Fatal(err)
				}
			}
		}
		for _, s := range scores {
			if err := errors.Join(l.Score(x.t.Context(), s.Workspace, time.Time{}, s.Accounts...)...); err != nil {
				x.t.Fatal(err)
			}
		}
	}
}

func account(id string) string {
	return social.AccountRef{Platform: "standard", Scope: "forum-one", ID: id}.AccountID()
}

// history is a workspace with some life in it, much of it of ann.
func history(x *world) []ingest.Message {
	reply := said("staff-1", "p2", "p1", 10)
	elsewhere := said(ann, "z1", "", 70)
	elsewhere.Room = "forum-two" // the same id in another room is somebody else
	return []ingest.Message{
		x.message(received, said(ann, "p1", "", 0), reply),
		x.message(received, said("bob-0001", "p3", "p1", 20)), // below ann's, above
		x.message(received, said(ann, "p4", "p3", 30)),        // ann's, which
		x.message(received, said("cyd-0001", "p5", "p4", 40)),
		x.message(received, said("staff-1", "p6", "p3", 50), said("staff-1", "p6b", "p5", 52)),
		x.message(received, private(ann, "m1", 100), private("staff-1", "m2", 101), private("staff-2", "m3", 102), amended("staff-1", "x1", "m2", "edit", "corrected for the one who asked", 103)),
		x.message(received, amended(ann, "x2", "p1", "edit", "edited by its author", 5), amended("mod-0001", "x3", "p4", "edit", "toned down by a moderator", 35)),
		x.message(received, amended("mod-0001", "x4", "p3", "delete", "", 60), amended(ann, "x5", "p5", "delete", "", 61)), // ann moderates, too
		x.message(received, amended(ann, "x6", "never", "delete", "", 62)),
		x.message(received, amended(ann, "r1", "p5", "react", "", 65), amended("bob-0001", "r2", "p1", "react", "", 66)),
		x.message(received, said("dan-0001", "q1", "", 67), said("staff-1", "q2", "q1", 68)),
		x.message(received, elsewhere),
		x.raw(received, `[{"id":"bad-1","by":"`+ann+`","room":"forum-one"}]`),
		x.raw(received, `[{"id":"bad-2","by":"bob-0001","room":"forum-one"}]`),
	}
}

// settled is a world with history, a theme set that quotes ann and others, and
// reports that name her or not.
func settled(t *testing.T) *world {
	x := newWorld(t)
	ms := history(x)
	// A reply before what it replies to: its thread is linked later.
	x.ingest(1, ms[3], ms[2])
	x.ingest(3, ms...)
	accounts, err := x.store.Accounts(t.Context(), w, "", 100) // as score has them compared
	if err != nil {
		t.Fatal(err)
	}
	if err := view.KeepAccounts(t.Context(), all.Views(x.store, func() time.Time { return received }), w, accounts...); err != nil {
		t.Fatal(err)
	}

	var docs []theme.Doc
	of := map[string]social.Activity{}
	for _, who := range []string{"dan-0001", ann, "bob-0001"} {
		for _, f := range x.facts(account(who)) {
			if f.Type.Utterance() && of[who].Key == "" {
				of[who] = f
				docs = append(docs, theme.Doc{ID: f.ID(), Person: social.PersonID(account(who)), Text: f.Text, At: store.RefOf(f).String()})
			}
		}
	}
	set, err := theme.Discover(docs, theme.Options{K: 1})
	if err != nil || len(set.Themes) != 1 || len(set.Themes[0].Quotes) != 3 {
		t.Fatalf("themes: %+v, %v", set.Themes, err)
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.store.Publish(t.Context(), w, store.ThemeSets, store.Document{Version: set.Version, Published: received, Body: body}); err != nil {
		t.Fatal(err)
	}
	for name, who := range map[string]string{"ann": ann, "dan": "dan-0001"} {
		f := of[who]
		lead := report.Data{Leads: []report.Lead{{PersonID: social.PersonID(account(who)), Name: f.Actor.Name, LastSeen: f.Occurred}}}
		quote := report.Data{Issues: []report.Issue{{Label: "parcels", Quotes: []report.Quote{{Key: f.Key, Text: f.Text, Author: f.Actor.Handle, Occurred: f.Occurred}}}}}
		waits := report.Data{Waiting: []report.Waiting{{Asker: f.Actor.Handle, Platform: "standard", Since: f.Occurred, Text: f.Text}}}
		for kind, d := range map[string]report.Data{"lead": lead, "quote": quote, "waits": waits} {
			d.Totals.Issues, d.Totals.Leads, d.Totals.Waiting, d.ReportID, d.Workspace.ID, d.AsOf, d.Period = len(d.Issues), len(d.Leads), len(d.Waiting), kind, w, received, report.Period{From: received.Add(-7 * 24 * time.Hour), To: received, TimeZone: "UTC"}
			js, err := report.Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, ending := range []string{"json", "html", "txt", "csv"} {
				if err := x.bucket.Put(t.Context(), "reports/"+w+"/"+kind+"-"+name+"/20261102T070000Z."+ending, "text/plain", js); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return x
}

func (x *world) facts(account string) []social.Activity {
	x.t.Helper()
	facts, _, err := x.store.OwnFacts(x.t.Context(), w, account, "", 0)
	if err != nil {
		x.t.Fatal(err)
	}
	return facts
}

// byDay is what is kept by day, by the id of the activity.
func (x *world) byDay() map[string]string {
	x.t.Helper()
	says, err := byday.New(x.store, nil).Says(x.t.Context(), w)
	if err != nil {
		x.t.Fatal(err)
	}
	out := map[string]string{}
	for k, v := range says {
		_, id, _ := strings.Cut(k, " ")
		out[id] = v
	}
	return out
}

// everything is every item of the table and every object of the bucket, as
// text, by where it is; what is compressed is not.
func (x *world) everything() map[string]string {
	x.t.Helper()
	out := map[string]string{}
	for k, v := range x.table.Dump(x.t) {
		if strings.HasPrefix(k, w+"#G#"+store.ThemeSets+" | V#") {
			d, err := x.store.Document(x.t.Context(), w, store.ThemeSets, strings.TrimPrefix(k, w+"#G#"+store.ThemeSets+" | V#"))
			if err != nil {
				x.t.Fatal(err)
			}
			v = string(d.Body)
		}
		if !strings.HasPrefix(k, w+"#D") || strings.Contains(k, " | X#") { // responses
			out[k] = v
		}
	}
	for id, says := range x.byDay() { // tuples are packed, several in an item
		out[w+"#D#"+id] = says
	}
	err := x.bucket.List(x.t.Context(), "", "", func(k string) error {
		b, err := x.bucket.Get(x.t.Context(), k)
		if err != nil {
			return err
		}
		if strings.HasPrefix(k, "archive/") {
			lines, err := x.bucket.Lines(x.t.Context(), k)
			if err != nil {
				return err
			}
			b = nil
			for _, d := range lines {
				b = append(append(b, d.Request.Body...), '\n')
			}
		} else if d := (platform.Delivery{}); d.UnmarshalJSON(b) == nil {
			b = d.Request.Body
		}
		out[k] = string(b)
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return out
}

// holding lists what holds any of the needles, or is named by one.
func holding(all map[string]string, needles ...string) []string {
	var out []string
	for k, v := range all {
		for _, n := range needles {
			if strings.Contains(k, n) || strings.Contains(v, n) {
				out = append(out, fmt.Sprintf("%s holds %q: %.300s", k, n, v))
			}
		}
	}
	slices.Sort(out)
	return out
}

// traces are what may stay nowhere: ids, names and words of ann's, and what
// the business wrote to her in private.
var traces = []string{ann, account(ann), social.PersonID(account(ann)), "Name of " + ann, "nick-" + ann, "text-p1 ", "text-p4 ", "edited by its author", "toned down", "text-m1", "text-m2", "text-m3", "corrected for the one"}

func (x *world) enqueue(_ context.Context, m ingest.Erase, after time.Duration) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if after > 0 {
		x.later = append(x.later, m)
	} else {
		x.now = append(x.now, m)
	}
	return nil
}

func (x *world) erasure() *erasure.Erasure {
	e := erasure.New(x.store, func() time.Time { return demanded })
	e.Archive, e.Key, e.Queue = x.bucket, key, x.enqueue
	return e
}

var demand = ingest.Erase{Workspace: w, Platform: "standard", Scope: "forum-one", ID: ann, Reason: "user_deleted", At: social.Stamp(demanded)}

// once does the first pass of a demand.
func (x *world) once(m ingest.Erase) {
	x.t.Helper()
	x.now = append(x.now, m)
	for len(x.now) > 0 {
		m, x.now = x.now[0], x.now[1:]
		if err := x.erasure().Forget(x.t.Context(), m); err != nil {
			x.t.Fatal(err)
		}
	}
}

// rest does what was to be done later.
func (x *world) rest() {
	x.t.Helper()
	for len(x.later) > 0 {
		m := x.later[0]
		x.later = x.later[1:]
		if !m.Again {
			x.t.Errorf("queued as a first pass: %+v", m)
		}
		x.once(m)
	}
}

// forget does both passes.
func (x *world) forget(m ingest.Erase) {
	x.t.Helper()
	x.once(m)
	x.rest()
}

// elsewhere is ann's id in another room, which is another account.
var elsewhere = social.AccountRef{Platform: "standard", Scope: "forum-two", ID: ann}.AccountID()

func without(all map[string]string, parts ...string) map[string]string {
	out := map[string]string{}
	for k, v := range all {
		if !slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(k, p) || strings.Contains(v, p) }) {
			out[k] = v
		}
	}
	return out
}

func TestNothingOfAnAccountStays(t *testing.T) {
	x := settled(t)
	lead := store.Person{ID: social.PersonID(account(ann)), Accounts: []string{account(ann)}}
	if _, err := x.store.PutLeadDecision(t.Context(), w, account(ann), lead, store.LeadDecision{ID: "decision-1", At: received, By: "mem_1", Person: lead.ID, Kind: store.LeadNoted, Text: "said text-m1 on the phone"}); err != nil {
		t.Fatal(err)
	}
	before := x.everything()
	for _, n := range traces {
		if len(holding(before, n)) == 0 {
			t.Fatalf("the test is blind: nothing holds %q before", n)
		}
	}
	x.forget(demand)
	after := x.everything()
	// The account of the same id in another room is not meant; its delivery goes, for its bytes hold the id.
	if left := holding(without(after, elsewhere, social.PersonID(elsewhere), "forum-two"), traces...); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
}

// changes says what differs between two states: what went, came, and is another.
func changes(before, after map[string]string) (went, came, other []string) {
	for k, v := range before {
		if now, ok := after[k]; !ok {
			went = append(went, k)
		} else if now != v {
			other = append(other, k)
		}
	}
	for k := range after {
		if _, ok := before[k]; !ok {
			came = append(came, k)
		}
	}
	slices.Sort(went)
	slices.Sort(came)
	slices.Sort(other)
	return went, came, other
}

func messageID(id string) string { return store.MessageID("standard", "forum-one", id) }

// Whom others' texts address is noted by id: that goes, and they stay.
func TestNobodyAddressesWhoIsErased(t *testing.T) {
	x := newWorld(t)
	to := said("bob-0001", "p2", "p1", 10)
	to.To = []string{ann, "cyd-0001"}
	x.ingest(10, x.message(received, said(ann, "p1", "", 0)), x.message(received, to))
	addressed := func() []string {
		for _, f := range x.facts(account("bob-0001")) {
			return f.Addressed
		}
		return []string{"no fact"}
	}
	if got := addressed(); !slices.Equal(got, []string{ann, "cyd-0001"}) {
		t.Fatalf("before, %q are addressed", got)
	}
	x.forget(demand)
	if got := addressed(); !slices.Equal(got, []string{"cyd-0001"}) {
		t.Errorf("%q are addressed still", got)
	}
}

// What is others' stays as it is, byte for byte, but for whom a deletion by
// ann names and where she was quoted.
func TestOthersStayAsTheyAre(t *testing.T) {
	x := settled(t)
	before := x.everything()
	x.forget(demand)
	after := x.everything()
	went, came, other := changes(before, after)
	var mine []string // messages that are hers, or to her
	for _, id := range []string{"p1", "p4", "m1", "m2", "m3"} {
		mine = append(mine, messageID(id))
	}
	for _, k := range went {
		if strings.HasPrefix(k, w+"#K#") && strings.Contains(before[k], "Object:parked/") { // a reason goes with what was parked for it
			_, object, _ := strings.Cut(before[k], "Object:")
			object, _, _ = strings.Cut(object, " ")
			if strings.Contains(before[object], ann) {
				continue
			}
		}
		what := map[string]string{k: before[k]}
		if id, ok := strings.CutPrefix(k, w+"#D#"); ok { // it goes with its fact
			for fact, v := range before {
				if strings.HasPrefix(fact, w+"#A#") && strings.Contains(fact, " | F#") && strings.HasSuffix(fact, "#"+id) {
					what[fact] = v
				}
			}
		}
		if len(holding(what, append(traces, mine...)...)) == 0 {
			t.Errorf("gone, though nothing of hers: %s %.300s", k, before[k])
		}
	}
	unnamed := account(social.Unknown)
	tomb := erasure.Tombstone(key, account(ann))
	for _, k := range came {
		if !strings.HasPrefix(k, w+"#A#"+unnamed+" | ") && k != w+"#T#"+tomb+" | @" && k != w+"#T | "+social.Stamp(demanded)+"#"+tomb &&
			!(strings.HasPrefix(k, w+"#D#") && strings.HasPrefix(after[k], unnamed+" delete ")) {
			t.Errorf("new: %s %s", k, after[k])
		}
	}
	for _, k := range other {
		switch {
		case strings.HasPrefix(k, "archive/"), strings.HasPrefix(k, w+"#G#"+store.ThemeSets):
		case strings.HasPrefix(k, w+"#C#"+messageID("p5")+" | E#"), strings.HasPrefix(k, w+"#A#"+account("cyd-0001")+" | R#"), strings.HasPrefix(k, w+"#C#"+messageID("never")+" | E#"):
			if !strings.Contains(after[k], "ActorID:?") || !strings.Contains(after[k], "Type:delete") {
				t.Errorf("a deletion by her: %s %s", k, after[k])
			}
		case strings.HasPrefix(k, w+"#D#"):
			if !strings.HasPrefix(after[k], unnamed+" delete ") {
				t.Errorf("a deletion by her: %s %s", k, after[k])
			}
		case k == w+"#C#"+messageID("p4")+" | @": // others are below it
			if strings.Contains(after[k], "Account") || strings.Contains(after[k], "Fact") || !strings.Contains(after[k], " Thread:") {
				t.Errorf("the place of her message: %s", after[k])
			}
		default:
			t.Errorf("changed: %s\nwas %s\nis  %s", k, before[k], after[k])
		}
	}
	// What she deleted stays deleted, however often it is looked at.
	for _, f := range x.facts(account("cyd-0001")) {
		if f.Object.ID != "p5" {
			continue
		}
		x.views = append(x.views, ingest.View{Workspace: w, Facts: []store.FactRef{store.RefOf(f)}})
		x.settle()
		if i, err := x.store.Item(t.Context(), w, store.RefOf(f)); err != nil || !i.Deleted || i.Text != "" {
			t.Errorf("what she had deleted is back: %+v, %v", i, err)
		}
	}
}

// Views are made of facts: to make all of them again changes nothing.
func TestViewsMadeAgainAreTheSame(t *testing.T) {
	x := settled(t)
	x.forget(demand)
	want := x.everything()
	accounts, err := x.store.Accounts(t.Context(), w, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, order := range []string{"in order", "backwards"} { // threads are linked by what is viewed later
		for _, a := range accounts {
			for _, f := range x.facts(a) {
				x.views = append(x.views, ingest.View{Workspace: w, Facts: []store.FactRef{store.RefOf(f)}})
			}
			if a != account(social.Unknown) && slices.ContainsFunc(x.facts(a), func(f social.Activity) bool { return f.Direction == social.Inbound }) { // as ingest asks
				x.scores = append(x.scores, ingest.Score{Workspace: w, Accounts: stale(a)})
			}
		}
		if len(x.views) < 10 {
			t.Fatalf("only %d facts are left", len(x.views))
		}
		if order == "backwards" {
			slices.Reverse(x.views)
		}
		x.settle()
		if d := cmp.Diff(want, x.everything()); d != "" {
			t.Errorf("%s (-after the erasure +with all views made again)\n%s", order, d)
		}
	}
}

func TestTheSecondTimeChangesNothing(t *testing.T) {
	x := settled(t)
	x.forget(demand)
	want := x.everything()
	x.forget(demand)
	again := demand
	again.Again = true
	x.forget(again)
	if d := cmp.Diff(want, x.everything()); d != "" {
		t.Error(d)
	}
}

// A platform's demand means an account under more than one name at times, and
// several demands come at once: each is carried out at the first attempt, and
// what one took away the other doesn't bring back.
func TestAtOnce(t *testing.T) {
	bob := demand
	bob.ID = "bob-0001"
	one := settled(t)
	one.forget(demand)
	one.forget(bob)
	want := without(one.everything(), w+"#T | ")

	x := settled(t)
	demands := []ingest.Erase{demand, bob, demand}
	errs := make([]error, len(demands))
	var all sync.WaitGroup
	for i, m := range demands {
		all.Go(func() { errs[i] = x.erasure().Forget(t.Context(), m) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	receipts, _, err := x.store.Receipts(t.Context(), w, "", 10)
	if err != nil || len(receipts) != 2 {
		t.Fatalf("%+v, %v", receipts, err)
	}
	wanted, _, err := one.store.Receipts(t.Context(), w, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	// What both name goes with either: together they count it once.
	sums := [2]map[string]int{{}, {}}
	for i, list := range [][]store.Receipt{wanted, receipts} {
		for _, r := range list {
			if !r.Done {
				t.Errorf("not done: %+v", r)
			}
			for _, k := range []string{"quotes", "reports", "deliveries", "parked"} {
				sums[i][k] += r.Removed[k]
			}
		}
	}
	if d := cmp.Diff(sums[0], sums[1]); d != "" {
		t.Errorf("receipts (-one after the other +at once)\n%s", d)
	}
	for key, v := range x.everything() {
		if strings.HasPrefix(key, "archive/") || strings.HasPrefix(key, "parked/") || strings.HasPrefix(key, "reports/") || strings.HasPrefix(key, w+"#K#") {
			if want[key] != v {
				t.Errorf("%s is otherwise than one after the other", key)
			}
		}
	}
	for _, m := range demands { // the second pass
		x.forget(m)
	}
	if d := cmp.Diff(want, without(x.everything(), w+"#T | ")); d != "" {
		t.Errorf("(-one after the other +at once)\n%s", d)
	}
}

// What was being made of the account's words while it was forgotten, the second pass finds.
func TestQuotedMeanwhile(t *testing.T) {
	x := settled(t)
	late := map[string]string{} // a theme set and reports, as they are before
	for k, v := range x.everything() {
		if strings.HasPrefix(k, "reports/"+w+"/") && strings.Contains(k, "-ann/") {
			late[k] = v
		}
	}
	version, err := x.store.ActiveVersion(t.Context(), w, store.ThemeSets)
	if err != nil {
		t.Fatal(err)
	}
	set, err := x.store.Document(t.Context(), w, store.ThemeSets, version)
	if err != nil || len(late) == 0 {
		t.Fatal(err)
	}
	x.once(demand)
	want := x.everything()

	set.Version += "-late"
	if err := x.store.Publish(t.Context(), w, store.ThemeSets, set); err != nil {
		t.Fatal(err)
	}
	for k, v := range late {
		if err := x.bucket.Put(t.Context(), k, "text/plain", []byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	if left := holding(x.everything(), "text-p1 "); len(left) == 0 {
		t.Fatal("nothing came late")
	}
	x.rest()
	after := x.everything()
	for k := range late {
		if _, there := after[k]; there {
			t.Errorf("still there: %s", k)
		}
	}
	if left, before := holding(after, "text-p1 ", "text-p4 "), holding(want, "text-p1 ", "text-p4 "); len(left) != len(before) {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
}

func TestReceiptSaysWhatWent(t *testing.T) {
	x := settled(t)
	before := x.everything()
	x.forget(demand)
	list, _, err := x.store.Receipts(t.Context(), w, "", 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	r := list[0]
	if r.ID != erasure.Tombstone(key, account(ann)) || !r.At.Equal(demanded) || r.Reason != "user_deleted" || r.Platform != "standard" || !r.Done {
		t.Errorf("%+v", r)
	}
	went, _, other := changes(before, x.everything())
	counted := map[string]int{"quotes": 1, "reports": 3, "parked": 1}
	lines := func(all map[string]string) (n int) {
		for k, v := range all {
			if strings.HasPrefix(k, "archive/") {
				n += len(strings.FieldsFunc(v, func(r rune) bool { return r == '\n' }))
			}
		}
		return n
	}
	for _, k := range went {
		switch {
		case strings.Contains(k, " | Y#"): // where she was named
		case strings.HasPrefix(k, w+"#A#") && strings.Contains(k, " | F#"):
			counted["facts"]++
		case strings.HasPrefix(k, w+"#K#"), !strings.HasPrefix(k, w+"#"):
		default:
			counted["views"]++
		}
	}
	for _, k := range other { // her name in what she deleted, and her part of a place
		if strings.HasPrefix(k, w+"#") && !strings.HasPrefix(k, w+"#G#") {
			counted["views"]++
		}
	}
	counted["deliveries"] = lines(before) - lines(x.everything())
	if counted["deliveries"] != 9 { // the eight of history that tell of her, one of them twice
		t.Errorf("%d deliveries went", counted["deliveries"])
	}
	if d := cmp.Diff(counted, r.Removed); d != "" {
		t.Errorf("(-went +said)\n%s", d)
	}
}

// Neither a redelivery nor a replay brings it back.
func TestItDoesNotComeBack(t *testing.T) {
	x := settled(t)
	x.forget(demand)
	ms := history(x)
	x.ingest(4, ms...)
	// What can't be understood is parked again, and noted where it is, so that the next erasure finds it.
	if back := holding(without(x.everything(), elsewhere, social.PersonID(elsewhere), "forum-two", "#K#", "bad-1", " | Y#"), ann, account(ann), "Name of "+ann, "text-p1 ", "text-p4 ", "text-m1"); len(back) > 0 {
		t.Errorf("back by a redelivery:\n%s", strings.Join(back, "\n"))
	}
	for _, m := range ms {
		var d platform.Delivery
		if err := d.UnmarshalJSON(m.Body); err != nil {
			t.Fatal(err)
		}
		d.Replay = true
		o, err := x.in.Would(t.Context(), w, d, &ingest.Told{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(d.Request.Body), `"by":"`+ann+`"`) && !strings.Contains(string(d.Request.Body), "forum-two") && len(o.Parked) == 0 && o.Erased == 0 {
			t.Errorf("a dry run knows of nothing erased in %s: %+v", d.Request.Body, o)
		}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		x.ingest(1, ingest.Message{ID: "r", Body: b, Received: 1})
	}
	if len(x.facts(account(ann))) != 0 {
		t.Errorf("back by a replay: %+v", x.facts(account(ann)))
	}
}

// An uninstalled app: everyone of the scope goes, the business too, and nobody else.
func TestWholeScope(t *testing.T) {
	x := settled(t)
	before := x.everything()
	scope := demand
	scope.ID = ""
	x.forget(scope)
	after := x.everything()
	for k := range after {
		if strings.HasPrefix(k, w+"#A#") && !strings.HasPrefix(k, w+"#A#"+elsewhere) {
			t.Errorf("left: %s %.200s", k, after[k])
		}
	}
	words := []string{"text-", "Name of", "nick-", "forum-one", "toned down", "acc_"}
	if left := holding(without(after, elsewhere, social.PersonID(elsewhere), "src_forum-one", "APP#", "forum-two"), words...); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
	for k, v := range before {
		if strings.Contains(k, elsewhere) && after[k] != v {
			t.Errorf("of another scope, and changed: %s", k)
		}
	}
	list, _, err := x.store.Receipts(t.Context(), w, "", 10)
	if err != nil || len(list) != 1 || list[0].Removed["facts"] < 20 || list[0].Removed["reports"] != 6 || list[0].Removed["quotes"] != 1 || list[0].Removed["parked"] != 2 {
		t.Errorf("receipts: %+v, %v", list, err)
	}
	want := after
	scope.Again = true
	x.forget(scope)
	if d := cmp.Diff(want, x.everything()); d != "" {
		t.Error(d)
	}
	x.ingest(4, history(x)...)
	if back := holding(without(x.table.Dump(t), elsewhere, social.PersonID(elsewhere), "src_forum-one", "APP#", "#K#", " | Y#"), words...); len(back) > 0 {
		t.Errorf("back:\n%s", strings.Join(back, "\n"))
	}
}

// failing answers n requests and then refuses every one, as a function does that is over its time.
type failing struct {
	left atomic.Int64
	next http.RoundTripper
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.left.Add(-1) < 0 {
		return nil, errors.New("the process is gone")
	}
	return f.next.RoundTrip(r)
}

func (f *failing) Do(r *http.Request) (*http.Response, error) {
	return (&http.Client{Transport: f}).Do(r)
}

// dying is an erasure that can make n requests only.
func (x *world) dying(n int) *erasure.Erasure {
	f := &failing{next: http.DefaultTransport}
	f.left.Store(int64(n))
	cfg := x.cfg.Copy()
	cfg.HTTPClient = f
	cfg.RetryMaxAttempts = 1
	s := store.New(cfg, x.table.Name)
	e := erasure.New(s, func() time.Time { return demanded })
	e.Archive, e.Key, e.Queue = archive.New(cfg, x.table.Name), key, x.enqueue
	return e
}

// Wherever an attempt dies, the next one ends where an undisturbed one ends;
// only the receipt's counts are those of the attempts that told them.
func TestDeathAnywhere(t *testing.T) {
	scope := demand
	scope.ID = ""
	for name, m := range map[string]ingest.Erase{"account": demand, "scope": scope} {
		t.Run(name, func(t *testing.T) {
			undisturbed := settled(t)
			undisturbed.forget(m)
			want := without(undisturbed.everything(), w+"#T | ")

			// Dying again and again, each time a little further.
			x := settled(t)
			deaths := 0
			for n := 1; ; n += 29 + n/2 {
				err := x.dying(n).Forget(t.Context(), m)
				if err == nil {
					break
				}
				deaths++
			}
			if deaths < 5 {
				t.Fatalf("it died %d times only", deaths)
			}
			x.rest()
			if d := cmp.Diff(want, without(x.everything(), w+"#T | ")); d != "" {
				t.Errorf("after %d deaths (-undisturbed +died)\n%s", deaths, d)
			}

			// Dying once, far on.
			for n := 20; ; n += 220 + n/2 {
				x := settled(t)
				err := x.dying(n).Forget(t.Context(), m)
				x.forget(m)
				if d := cmp.Diff(want, without(x.everything(), w+"#T | ")); d != "" {
					t.Errorf("died at request %d (-undisturbed +died)\n%s", n, d)
				}
				if err == nil {
					break
				}
			}
		})
	}
}

// What was parked for several reasons goes with all of them, wherever an attempt dies.
func TestDeathWhileParkedOnesGo(t *testing.T) {
	for n := 1; ; n++ {
		x := newWorld(t)
		x.ingest(1, x.raw(received, `[{"id":"bad-1","by":"`+ann+`","room":"forum-one"},{"id":"bad-2","by":"`+ann+`","room":"forum-one","at":"noon"}]`))
		if parked, _, err := x.store.Parked(t.Context(), w, received, "", 10); err != nil || len(parked) != 1 || parked[0].Events != 2 {
			t.Fatalf("%+v, %v", parked, err)
		}
		died := x.dying(n).Forget(t.Context(), demand)
		x.forget(demand)
		if left := holding(x.everything(), ann, "noon", w+"#K#", "parked/"); len(left) > 0 {
			t.Errorf("after a death at request %d:\n%s", n, strings.Join(left, "\n"))
		}
		if died == nil {
			break
		}
	}
}

// What somebody does after the demand is new: it stays, whenever and however
// often the demand is done.
func TestWhatCameAfterwardsStays(t *testing.T) {
	x := settled(t)
	late := demanded.Add(10 * time.Minute)
	minute := 600 + 70
	after := []ingest.Message{
		x.message(late, said(ann, "n1", "", minute), said("staff-1", "n2", "n1", minute+1)),
		x.message(late, said(ann, "n3", "p5", minute+2)), // in a thread with what goes
		x.message(late, private(ann, "n4", minute+3), private("staff-1", "n5", minute+4)),
	}
	x.ingest(1, after...)
	x.forget(demand)
	check := func(when string) {
		t.Helper()
		all := x.everything()
		got := map[string]bool{}
		for _, f := range x.facts(account(ann)) {
			got[f.Object.ID] = true
			if _, ok := x.byDay()[f.ID()]; !ok {
				t.Errorf("%s: no tuple of %s", when, f.Key)
			}
		}
		if d := cmp.Diff(map[string]bool{"n1": true, "n3": true, "n4": true}, got); d != "" {
			t.Errorf("%s: facts (-want +got)\n%s", when, d)
		}
		if left := holding(without(all, elsewhere, social.PersonID(elsewhere), "forum-two"), "text-p1 ", "text-p4 ", "edited by its author", "toned down", "text-m1", "text-m2", "corrected for the one", "|post|p1|", "|reply|p4|", "|message|m1|"); len(left) > 0 {
			t.Errorf("%s: left of before:\n%s", when, strings.Join(left, "\n"))
		}
		for _, words := range []string{"text-n2", "text-n5"} {
			if !slices.ContainsFunc(x.facts(account("staff-1")), func(f social.Activity) bool { return strings.HasPrefix(f.Text, words) }) {
				t.Errorf("%s: the fact %q is gone", when, words)
			}
		}
		if l, err := x.store.Lead(t.Context(), w, social.PersonID(account(ann)), leads.ModelID); err != nil || l.Micro <= 0 {
			t.Errorf("%s: the lead: %+v, %v", when, l, err)
		}
		// The views are those of these facts.
		for _, f := range x.facts(account(ann)) {
			x.views = append(x.views, ingest.View{Workspace: w, Facts: []store.FactRef{store.RefOf(f)}})
		}
		x.scores = append(x.scores, ingest.Score{Workspace: w, Accounts: stale(account(ann))})
		x.settle()
		if d := cmp.Diff(all, x.everything()); d != "" {
			t.Errorf("%s: views made again differ\n%s", when, d)
		}
	}
	check("the first time")
	archived := holding(x.everything(), `"id":"n1"`)
	if len(archived) == 0 {
		t.Error("the delivery of what came afterwards is not in the archive")
	}
	again := demand
	again.Again = true
	x.forget(again)
	check("the second time")
}

// The business is people, too: who was answered by one that goes waits again.
func TestWhoeverAnsweredForTheBusiness(t *testing.T) {
	x := settled(t)
	m := demand
	m.ID = "staff-1"
	first, second := private("staff-1", "o1", 200), private("staff-2", "o2", 201) // to somebody who never answered
	first.Thread, second.Thread = "dialogue-10", "dialogue-10"
	x.ingest(2, x.message(received, first, second))
	waits := func(asker string) bool {
		t.Helper()
		list, _, err := x.store.Waiting(t.Context(), w, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list, func(h store.Head) bool { return h.Asker == account(asker) })
	}
	if waits("dan-0001") {
		t.Fatal("dan has an answer, and waits")
	}
	x.forget(m)
	if !waits("dan-0001") {
		t.Error("dan's answer was taken away, and he does not wait")
	}
	if left := holding(x.everything(), m.ID, account(m.ID), "text-q2", "text-p2 ", "text-m2", "corrected for"); len(left) > 0 {
		t.Errorf("left:\n%s", strings.Join(left, "\n"))
	}
	// The other one's stay.
	said := map[string]bool{}
	for _, f := range x.facts(account("staff-2")) {
		said[f.Object.ID] = true
	}
	if !said["m3"] || !said["o2"] || len(x.facts(account(ann))) == 0 {
		t.Errorf("what others said in private is gone: left are %v", said)
	}
}

// A demand is a delivery, too, and may hold the id in no form that can be searched for.
func TestTheDemandItselfGoes(t *testing.T) {
	x := newWorld(t)
	app := store.App{ID: "app_meta", Owner: w, Platform: "meta"}
	src := store.Source{ID: "src_meta", Workspace: w, App: app.ID, Platform: "meta", Scope: "100", Created: received}
	if err := x.store.CreateSource(t.Context(), app, true, src); err != nil {
		t.Fatal(err)
	}
	// {"user_id":"218471","algorithm":"HMAC-SHA256","issued_at":1790000000}: the id stands nowhere in the bytes.
	payload := base64.RawURLEncoding.EncodeToString([]byte(`{"user_id":"218471","algorithm":"HMAC-SHA256","issued_at":1790000000}`))
	d := platform.Delivery{App: app.ID, Received: received, Request: platform.Request{Method: http.MethodPost, URL: "https://x.example/hooks/app_meta?callback=deletion", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body: []byte("signed_request=c2ln." + payload)}}
	other := d
	other.Request.Body = []byte("signed_request=c2ln." + base64.RawURLEncoding.EncodeToString([]byte(`{"user_id":"999999","algorithm":"HMAC-SHA256","issued_at":1790000000}`)))
	var batch []ingest.Message
	for _, d := range []platform.Delivery{d, other} {
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, ingest.Message{ID: d.ID(), Body: b, Received: 1})
	}
	x.ingest(2, batch...)
	if all := x.everything(); len(holding(all, payload)) != 1 {
		t.Fatalf("the demand is not archived: %v", all)
	}
	x.forget(ingest.Erase{Workspace: w, Platform: "meta", ID: "218471", Reason: "data_deletion", At: social.Stamp(demanded)})
	left := 0
	for k := range x.everything() {
		if strings.HasPrefix(k, "archive/") {
			ds, err := x.bucket.Deliveries(t.Context(), w, k)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range ds {
				if left++; got.ID() != other.ID() {
					t.Errorf("the demand is archived: %s", got.Request.Body)
				}
			}
		}
	}
	if left != 1 {
		t.Errorf("%d deliveries are left, want somebody else's", left)
	}
}
