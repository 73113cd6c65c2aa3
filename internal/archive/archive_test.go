package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/needs"
	"rapport/internal/parallel"
	"rapport/internal/platform"
)

func delivery(body string, at time.Time) platform.Delivery {
	return platform.Delivery{App: "app", Received: at, Request: platform.Request{Method: "POST", URL: "https://x/hooks/app", Body: []byte(body),
		Header: http.Header{"X-Hub-Signature-256": {"sha256=00"}, "Authorization": {"Basic c2VjcmV0"}}}}
}

func kept(ds []platform.Delivery, workspaces ...string) (out []platform.Kept) {
	for _, d := range ds {
		out = append(out, platform.Kept{Workspaces: workspaces, Delivery: d})
	}
	return out
}

func TestTheSameBatchIsTheSameObject(t *testing.T) {
	b := newBucket(t)
	at := time.Date(2026, 11, 2, 23, 59, 0, 0, time.UTC)
	ds := []platform.Delivery{delivery(`{"a":1}`, at), delivery("\xff\x00", at), delivery(`{"b":2}`, at)}
	places, err := b.PutBatch(t.Context(), kept(ds, "acme", "other"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := b.Get(t.Context(), ObjectKey(places[0]))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(ds)
	again, err := b.PutBatch(t.Context(), kept(ds, "acme", "other"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(again)
	body2, err := b.Get(t.Context(), ObjectKey(again[0]))
	if err != nil || !cmp.Equal(places, again) || !bytes.Equal(body, body2) {
		t.Errorf("in another order: %s and %s, %v", places, again, err)
	}
	if less, err := b.PutBatch(t.Context(), kept(ds[:2], "acme", "other")); err != nil || ObjectKey(less[0]) == ObjectKey(places[0]) {
		t.Errorf("another batch is the same object: %v", err)
	}
	if one, err := b.PutBatch(t.Context(), kept(ds, "acme")); err != nil || ObjectKey(one[0]) == ObjectKey(places[0]) {
		t.Errorf("another's batch is the same object: %v", err)
	}
	if want := "archive/2026-11-02/"; !strings.HasPrefix(ObjectKey(places[0]), want) {
		t.Errorf("place %s, want the day of receipt", places[0])
	}

	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		if bytes.Contains(lines.Bytes(), []byte("c2VjcmV0")) {
			t.Errorf("a secret header is archived: %s", lines.Bytes())
		}
		var d platform.Kept
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		found[string(d.Request.Body)] = d.Request.Header.Get("X-Hub-Signature-256") != "" && slices.Equal(d.Workspaces, []string{"acme", "other"})
	}
	for _, d := range ds {
		if !found[string(d.Request.Body)] {
			t.Errorf("the archive does not hold %q with its signature and workspaces", d.Request.Body)
		}
	}
}

// newBucket is a bucket of the test's own.
func newBucket(t *testing.T) *Bucket {
	t.Helper()
	needs.Engine(t, "S3")
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := New(cfg, "test-"+strings.ToLower(rand.Text()))
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.name}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.List(context.Background(), "", "", func(k string) error { return b.Delete(context.Background(), k) })
		b.client.DeleteBucket(context.Background(), &s3.DeleteBucketInput{Bucket: &b.name})
	})
	return b
}

func keys(t *testing.T, list func(f func(string) error) error) (out []string) {
	t.Helper()
	if err := list(func(k string) error { out = append(out, k); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDeliveriesComeBack(t *testing.T) {
	b := newBucket(t)
	at := time.Date(2026, 11, 2, 23, 59, 0, 0, time.UTC)
	ds := []platform.Delivery{delivery(`{"a":1}`, at), delivery("\xff\x00", at), delivery(strings.Repeat("x", 1<<20), at)}
	places, err := b.PutBatch(t.Context(), append(kept(ds, "acme"), kept([]platform.Delivery{delivery("another's", at)}, "other")...))
	if err != nil {
		t.Fatal(err)
	}
	key := ObjectKey(places[0])
	got, err := b.Deliveries(t.Context(), "acme", key)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d deliveries, %v", len(got), err)
	}
	have := map[string]platform.Delivery{}
	for _, d := range got {
		have[d.ID()] = d
	}
	for i, d := range ds {
		if h, ok := have[d.ID()]; !ok || string(h.Request.Body) != string(d.Request.Body) || !h.Received.Equal(at) || h.App != "app" || h.Line != places[i] {
			t.Errorf("%.20q is not there as it was, at %s", d.Request.Body, places[i])
		}
	}
	if _, err := b.Lines(t.Context(), "archive/2026-11-02/none.jsonl.gz"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an object that is not there: %v", err)
	}
	if err := b.Put(t.Context(), "archive/2026-11-02/broken.jsonl.gz", "application/gzip", []byte("no gzip")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Lines(t.Context(), "archive/2026-11-02/broken.jsonl.gz"); err == nil {
		t.Error("what is no archive is read as one")
	}

	// Two at once take out what each is after: neither brings back what the other took.
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range errs {
		both.Go(func() {
			_, errs[i] = b.EditLines(t.Context(), key, takeOut(got[i+1].ID()))
		})
	}
	both.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	left, err := b.Deliveries(t.Context(), "acme", key)
	if err != nil || len(left) != 1 || left[0].ID() != got[0].ID() || left[0].Line != got[0].Line {
		t.Errorf("with fewer: %+v are left, %v", left, err)
	}
	for range 2 { // the second time there is nothing to take away
		for _, d := range append(ds, delivery("another's", at)) {
			if _, err := b.EditLines(t.Context(), key, takeOut(d.ID())); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := b.Get(t.Context(), key); !fault.Is(err, fault.NotFound) {
		t.Errorf("with none: %v", err)
	}
}

// takeOut is the edit that takes a delivery out.
func takeOut(id string) func([]platform.Kept) ([]platform.Kept, error) {
	return func(lines []platform.Kept) ([]platform.Kept, error) {
		for i, k := range lines {
			if len(k.Workspaces) > 0 && k.ID() == id {
				lines[i].Workspaces = nil
				return lines, nil
			}
		}
		return nil, nil
	}
}

// A batch of a redriven queue holds many days: an object of each.
func TestAnObjectHoldsOneDay(t *testing.T) {
	b := newBucket(t)
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	ds := []platform.Delivery{delivery("old", day.Add(-9*24*time.Hour)), delivery("last of the day before", day.Add(-time.Millisecond)), delivery("first", day),
		delivery("last", day.Add(24*time.Hour-time.Millisecond)), delivery("day after", day.Add(24*time.Hour))}
	places, err := b.PutBatch(t.Context(), kept(ds, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range ds {
		if !strings.HasPrefix(places[i], d.Received.Format(time.DateOnly)+"/") {
			t.Errorf("%s is at %s", d.Request.Body, places[i])
		}
		lines, err := b.Lines(t.Context(), ObjectKey(places[i]))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range lines {
			if k.Received.Format(time.DateOnly) != d.Received.Format(time.DateOnly) {
				t.Errorf("%s is with %s", k.Request.Body, d.Request.Body)
			}
		}
	}
	all := keys(t, func(f func(string) error) error { return b.List(t.Context(), "archive/", "", f) })
	if len(all) != 4 {
		t.Errorf("objects: %v", all)
	}
}

func TestListPages(t *testing.T) {
	b := newBucket(t)
	var want []string
	for i := range 1100 { // a page has 1,000
		want = append(want, fmt.Sprintf("parked/acme/%04d", i))
	}
	if err := errors.Join(parallel.Each(t.Context(), len(want), 16, func(i int) error { return b.Put(t.Context(), want[i], "text/plain", []byte("x")) })...); err != nil {
		t.Fatal(err)
	}
	if err := b.Put(t.Context(), "parked/acme-2/x", "text/plain", []byte("x")); err != nil {
		t.Fatal(err)
	}
	list := func(after string) []string {
		return keys(t, func(f func(string) error) error { return b.List(t.Context(), "parked/acme/", after, f) })
	}
	if d := cmp.Diff(want, list("")); d != "" {
		t.Errorf("%.300s", d)
	}
	if d := cmp.Diff(want[500:], list(want[499])); d != "" {
		t.Errorf("after the 500th: %.300s", d)
	}
	stop := errors.New("stop")
	n := 0
	if err := b.List(t.Context(), "parked/acme/", "", func(string) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("an error does not end it: %v after %d", err, n)
	}
	// What is deleted while it is listed makes it leave out nothing.
	if got := keys(t, func(f func(string) error) error {
		return b.List(t.Context(), "parked/acme/", "", func(k string) error { return errors.Join(b.Delete(t.Context(), k), f(k)) })
	}); !cmp.Equal(want, got) {
		t.Errorf("%d of %d while deleting", len(got), len(want))
	}
	if left := list(""); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}
