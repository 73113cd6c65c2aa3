package byday_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/day"
	"rapport/internal/fault"
	"rapport/internal/lambdatest"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/theme"
	"rapport/internal/themed"
	"rapport/internal/view"
	"rapport/internal/view/byday"
)

const w = "acme"

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

var late = []string{"my parcel is late again", "the parcel is two days late", "where is my parcel, it is late", "parcel late, nobody says why", "late parcel for the third time", "is my parcel late or lost?"}
var crash = []string{"the app crashes when I log in", "app crashes on start", "your app crashes after the update", "crashes, crashes, the app just crashes", "why does the app crash every time", "app crash on my phone"}

func activity(actor, id, text string, minute int) social.Activity {
	a := social.Activity{Platform: "standard", Scope: "forum", Type: social.Post, Actor: social.Actor{ID: actor}, Object: social.Object{ID: id}, Text: text,
		Occurred: t0.Add(time.Duration(minute) * time.Minute), Known: t0.Add(240 * time.Hour), Direction: social.Inbound, Reading: social.Reading{Language: "en", Sentiment: "negative", Intent: "problem"}}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, a.Occurred)
	return a
}

func amendment(actor, id, text string, minute int, typ social.Type) social.Activity {
	a := activity(actor, id, text, minute)
	a.Type = typ
	a.Key = social.ActivityKey(a.Platform, a.Scope, typ, id, a.Occurred)
	return a
}

// like is a reaction that its platform does not date.
func like(actor, id string, minute int) social.Activity {
	a := activity(actor, id, "", minute)
	a.Type, a.Undated, a.Known, a.Sentiment, a.Intent, a.Language = social.React, true, a.Occurred, "", "", ""
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id, time.Time{})
	return a
}

// put stores facts and what the view of threads notes of them.
func put(t *testing.T, s *store.Store, as ...social.Activity) []view.Fact {
	t.Helper()
	out := make([]view.Fact, len(as))
	errs := parallel.Each(t.Context(), len(as), 8, func(i int) error {
		a, f := as[i], view.FactOf(as[i])
		out[i] = f
		if _, err := s.PutActivity(t.Context(), w, a); err != nil {
			return err
		}
		msg := store.MessageID(a.Platform, a.Scope, a.Object.ID)
		var err error
		switch {
		case a.Type == social.Edit || a.Type == social.Delete:
			err = s.PutEdit(t.Context(), w, msg, a)
		case a.Type.Utterance():
			_, _, err = s.PutPlace(t.Context(), w, store.Place{NodeRef: store.NodeOf(a), Thread: msg})
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return out
}

func says(t *testing.T, s *store.Store) map[string]string {
	t.Helper()
	out, err := byday.New(s, nil).Says(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// history is made-up: messages, reactions, edits and deletions over three days.
func history() []social.Activity {
	var out []social.Activity
	for i := range 24 {
		m := activity(fmt.Sprint("p", i%7), fmt.Sprint("m", i), late[i%len(late)], 170*i)
		out = append(out, m, like(fmt.Sprint("p", i%5), fmt.Sprint("m", i), 170*i+9))
		switch i % 6 {
		case 1:
			out = append(out, amendment(m.Actor.ID, m.Object.ID, crash[i%len(crash)], 170*i+3, social.Edit), amendment("moderator", m.Object.ID, "toned down", 170*i+20, social.Edit))
		case 2:
			out = append(out, amendment("moderator", m.Object.ID, "", 170*i+30, social.Delete), amendment(m.Actor.ID, m.Object.ID, "too late", 170*i+31, social.Edit))
		}
	}
	return out
}

func TestTheSameHoweverItIsCut(t *testing.T) {
	as := history()
	s1 := storetest.New(t)
	for part := range slices.Chunk(put(t, s1, as...), 7) {
		if err := byday.New(s1, nil).Keep(t.Context(), w, part); err != nil {
			t.Fatal(err)
		}
	}
	want := says(t, s1)
	if len(want) != len(as) {
		t.Fatalf("%d tuples of %d activities", len(want), len(as))
	}
	deleted, edited := 0, 0
	for _, v := range want {
		if strings.Contains(v, "Deleted:true") {
			deleted++
		} else if strings.Contains(v, "Edits:2") {
			edited++
		}
	}
	if deleted != 4 || edited != 4 {
		t.Errorf("%d are deleted and %d edited, want 4 and 4", deleted, edited)
	}
	for seed := range uint64(2) {
		s := storetest.New(t)
		v := byday.New(s, nil)
		twice := append(append([]social.Activity{}, as...), as[:len(as)/2]...)
		r := rand.New(rand.NewPCG(seed, 1))
		r.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
		var wg sync.WaitGroup
		for len(twice) > 0 {
			n := min(len(twice), 1+r.IntN(30))
			facts := put(t, s, twice[:n]...)
			twice = twice[n:]
			wg.Go(func() {
				if err := v.Keep(t.Context(), w, facts); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if d := cmp.Diff(want, says(t, s)); d != "" {
			t.Errorf("seed %d (-one by one +cut and mixed):\n%s", seed, d)
		}
	}
}

func TestARepeatedBatchIsWrittenOnce(t *testing.T) {
	s, table := storetest.NewTable(t)
	v := byday.New(s, nil)
	var as []social.Activity
	for i := range 25 {
		as = append(as, activity("ann", fmt.Sprint(i), "x", i))
	}
	put(t, s, as...)
	if err := v.Store(t.Context(), w, as); err != nil {
		t.Fatal(err)
	}
	want := table.Dump(t)
	for range 3 {
		if err := v.Store(t.Context(), w, as); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, table.Dump(t)); d != "" {
		t.Error(d)
	}
	blocks := 0
	for k := range want {
		if strings.HasPrefix(k, w+"#D#") {
			blocks++
		}
	}
	if blocks != 1 {
		t.Errorf("%d blocks of one hour", blocks)
	}
}

// An undated fact that is received many times at once ends as one tuple,
// dated by the first receipt, whoever came when.
func TestAnUndatedFactHasOneTuple(t *testing.T) {
	for round := range 8 {
		s := storetest.New(t)
		var wg sync.WaitGroup
		for _, h := range rand.New(rand.NewPCG(uint64(round), 3)).Perm(8) {
			wg.Go(func() {
				a := like("ann", "1", h*20*60) // on several days
				if _, err := s.PutActivity(t.Context(), w, a); err != nil {
					t.Error(err)
				}
				v := byday.New(s, nil)
				if err := v.Store(t.Context(), w, []social.Activity{a}); err != nil {
					t.Error(err)
				}
				if h%3 == 0 { // its message comes again
					if err := v.Again(t.Context(), w, []social.Activity{a}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		got := says(t, s)
		want := social.Stamp(t0) + " " + like("ann", "1", 0).ID()
		if _, ok := got[want]; !ok || len(got) != 1 {
			t.Fatalf("round %d: %v; want one of %s", round, got, t0)
		}
	}
}

// Whoever is forgotten is in no tuple; what others did stays, and what was
// edited by one who goes stands as it does without that.
func TestForget(t *testing.T) {
	s, table := storetest.NewTable(t)
	v := byday.New(s, nil)
	as := history()
	facts := put(t, s, as...)
	if err := v.Keep(t.Context(), w, facts); err != nil {
		t.Fatal(err)
	}
	before := says(t, s)
	var gone, left []view.Fact
	for _, f := range facts {
		if f.Actor.ID == "p1" {
			gone = append(gone, f)
		} else {
			left = append(left, f)
		}
	}
	n, err := v.Forget(t.Context(), w, gone)
	if err != nil || n != len(gone) {
		t.Errorf("%d taken of %d, %v", n, len(gone), err)
	}
	account := gone[0].Account().AccountID()
	for _, f := range gone { // as an erasure does
		_, err := table.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table.Name, Key: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: w + "#A#" + f.Ref.Account}, "SK": &types.AttributeValueMemberS{Value: f.Ref.SK}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	after := says(t, s)
	for k, x := range before {
		if strings.HasPrefix(x, account) {
			delete(before, k)
		}
	}
	if d := cmp.Diff(before, after); d != "" {
		t.Errorf("(-others before +after):\n%s", d)
	}
	if n, err := v.Forget(t.Context(), w, gone); n != 0 || err != nil {
		t.Errorf("once more: %d, %v", n, err)
	}
	// A batch that comes again with what is left adds nothing, and one that was
	// cut otherwise puts back what it lacks.
	if err := v.Keep(t.Context(), w, left); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, says(t, s)); d != "" {
		t.Errorf("kept again (-want +got):\n%s", d)
	}
	if _, err := v.Forget(t.Context(), w, left); err != nil {
		t.Fatal(err)
	}
	for k := range table.Dump(t) {
		if strings.HasPrefix(k, w+"#D#") {
			t.Errorf("left: %s", k)
		}
	}
	// All of it is there again when it is kept again, block by block the same.
	if err := v.Keep(t.Context(), w, left); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, says(t, s)); d != "" {
		t.Errorf("after all was forgotten (-want +got):\n%s", d)
	}
}

// A batch that comes again after some of its tuples were taken away writes them again.
func TestWhatABlockLacksIsAdded(t *testing.T) {
	s := storetest.New(t)
	v := byday.New(s, nil)
	as := []social.Activity{activity("ann", "1", "x", 0), activity("bob", "2", "y", 1)}
	put(t, s, as...)
	for range 2 {
		if err := v.Store(t.Context(), w, as); err != nil {
			t.Fatal(err)
		}
		if got := says(t, s); len(got) != 2 {
			t.Fatalf("%d tuples", len(got))
		}
		if n, err := s.ForgetTuples(t.Context(), w, as[0]); n != 1 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
}

func publish(t *testing.T, s *store.Store) (theme.Set, *theme.Assigner) {
	t.Helper()
	var docs []theme.Doc
	for i, text := range append(append([]string{}, late...), crash...) {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("d", i), Person: fmt.Sprint("p", i), Text: text})
	}
	set, err := theme.Discover(docs, theme.Options{K: 2, Seed: 1})
	if err != nil || len(set.Themes) != 2 {
		t.Fatalf("%d themes, %v", len(set.Themes), err)
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), w, store.ThemeSets, store.Document{Version: set.Version, Published: t0, Body: body}); err != nil {
		t.Fatal(err)
	}
	return set, theme.NewAssigner(set)
}

// What is counted is the same whether messages were tagged when they came or
// are assigned by their texts as they are counted.
func TestTaggedOrNotTheNumbersAreTheSame(t *testing.T) {
	s1, s2 := storetest.New(t), storetest.New(t)
	set, a := publish(t, s1)
	publish(t, s2)
	as := history()
	for i := range as { // within an hour, and the period before
		if as[i].Text != "" && i%3 == 0 {
			as[i].Text = crash[i%len(crash)]
		}
	}
	f1, f2 := put(t, s1, as...), put(t, s2, as...)
	tags := themed.NewTags(s1, func() time.Time { return t0 })
	if err := byday.New(s1, tags).Keep(t.Context(), w, f1); err != nil {
		t.Fatal(err)
	}
	if err := byday.New(s2, nil).Keep(t.Context(), w, f2); err != nil {
		t.Fatal(err)
	}
	p := themed.Period{From: t0.Add(40 * time.Hour), To: t0.Add(80 * time.Hour), Set: set, Assigner: a}
	tagged, err := themed.Count(t.Context(), s1, w, p, 10)
	if err != nil {
		t.Fatal(err)
	}
	untagged, err := themed.Count(t.Context(), s2, w, p, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tagged.Issues {
		for k := range tagged.Issues[i].Near {
			if !tagged.Issues[i].Near[k].Tagged {
				t.Error("it was not tagged")
			}
		}
	}
	if d := cmp.Diff(tagged, untagged); d != "" || len(tagged.Issues) != 2 || !tagged.Complete || tagged.Issues[0].PeopleBefore == 0 {
		t.Errorf("(-tagged +not):\n%s\n%+v", d, tagged)
	}
	if err := themed.Quotes(t.Context(), s1, w, tagged.Issues); err != nil || len(tagged.Issues[0].Quotes) != 3 || tagged.Issues[0].Quotes[0].Text == "" {
		t.Errorf("quotes %+v, %v", tagged.Issues[0].Quotes, err)
	}
}

// Where time is short, the answer says how far it came.
func TestCountingStopsInTime(t *testing.T) {
	s := storetest.New(t)
	set, a := publish(t, s)
	if err := byday.New(s, nil).Keep(t.Context(), w, put(t, s, history()...)); err != nil {
		t.Fatal(err)
	}
	ctx := lambdatest.Left(t.Context(), 3*time.Second) // less than is kept for the rest
	to := t0.Add(100 * time.Hour)
	got, err := themed.Count(ctx, s, w, themed.Period{From: t0, To: to, Set: set, Assigner: a}, 10)
	if err != nil || got.Complete || !got.Since.Equal(to) || got.Messages != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A day that the table refuses to take more of gets more partitions, and is read whole.
func TestADayGrows(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.HTTPClient = &refusing{4}
	cfg.RetryMaxAttempts = 1
	busy := store.New(cfg, table.Name)
	v := byday.New(busy, nil)
	for i := range 12 {
		a := activity("ann", fmt.Sprint(i), "x", i)
		put(t, s, a)
		for try := 0; ; try++ { // a message that fails comes again
			err := v.Store(t.Context(), w, []social.Activity{a})
			if err == nil {
				break
			}
			if !fault.Is(err, fault.Transient) || try == 5 {
				t.Fatal(err)
			}
		}
	}
	if got := says(t, s); len(got) != 12 {
		t.Errorf("%d tuples, want 12", len(got))
	}
	parts := map[string]bool{}
	for k := range table.Dump(t) {
		if pk, _, _ := strings.Cut(k, " | "); strings.HasPrefix(pk, w+"#D#") {
			parts[pk] = true
		}
	}
	if len(parts) < 2 {
		t.Errorf("partitions: %v", parts)
	}
	// Who still writes to the first one only is read too, and taken away from there.
	late := activity("bob", "late", "x", 30)
	put(t, s, late)
	if err := s.PutTuples(t.Context(), w, day.Block{Tuples: []day.Tuple{mustTuple(t, late)}}); err != nil {
		t.Fatal(err)
	}
	if n, err := busy.ForgetTuples(t.Context(), w, late); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func mustTuple(t *testing.T, a social.Activity) day.Tuple {
	t.Helper()
	x, err := day.Of(a, 0, time.Time{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// refusing refuses the first few blocks for a day's first partition, as a table does where it is too busy.
type refusing struct{ n int }

func (r *refusing) Do(q *http.Request) (*http.Response, error) {
	if strings.HasSuffix(q.Header.Get("X-Amz-Target"), ".PutItem") && r.n > 0 {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return nil, err
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		var in struct{ Item map[string]map[string]any }
		if json.Unmarshal(body, &in) == nil && in.Item["Body"] != nil && in.Item["PK"]["S"] == w+"#D#2026-10-05#0" {
			r.n--
			return refusal(), nil
		}
	}
	return http.DefaultClient.Do(q)
}

func refusal() *http.Response {
	const body = `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"too busy"}`
	return &http.Response{StatusCode: 400, Status: "400 Bad Request", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Crc32": {fmt.Sprint(crc32.ChecksumIEEE([]byte(body)))}}, Body: io.NopCloser(strings.NewReader(body))}
}

var _ view.View = (*byday.View)(nil)
