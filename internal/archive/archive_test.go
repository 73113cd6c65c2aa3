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
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/platform"
)

func delivery(body string, at time.Time) platform.Delivery {
	return platform.Delivery{App: "app", Received: at, Request: platform.Request{Method: "POST", URL: "https://x/hooks/app", Body: []byte(body),
		Header: http.Header{"X-Hub-Signature-256": {"sha256=00"}, "Authorization": {"Basic c2VjcmV0"}}}}
}

func TestTheSameBatchIsTheSameObject(t *testing.T) {
	at := time.Date(2026, 11, 2, 23, 59, 0, 0, time.UTC)
	ds := []platform.Delivery{delivery(`{"a":1}`, at), delivery("\xff\x00", at.Add(2*time.Minute)), delivery(`{"b":2}`, at)}
	key, body, err := pack("acme", ds)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(ds)
	key2, body2, err := pack("acme", ds)
	if err != nil || key != key2 || !bytes.Equal(body, body2) {
		t.Errorf("in another order: %s and %s, %v", key, key2, err)
	}
	if other, _, _ := pack("acme", ds[:2]); other == key {
		t.Error("another batch has the same key")
	}
	if want := "archive/acme/2026-11-02/"; key[:len(want)] != want {
		t.Errorf("key %s, want the day of the oldest", key)
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
		var d platform.Delivery
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		found[string(d.Request.Body)] = d.Request.Header.Get("X-Hub-Signature-256") != ""
	}
	for _, d := range ds {
		if !found[string(d.Request.Body)] {
			t.Errorf("the archive does not hold %q with its signature", d.Request.Body)
		}
	}
}

// newBucket is a bucket of the test's own.
func newBucket(t *testing.T) *Bucket {
	t.Helper()
	if os.Getenv("AWS_ENDPOINT_URL") == "" && os.Getenv("AWS_ENDPOINT_URL_S3") == "" {
		t.Skip("no S3 engine: set AWS_ENDPOINT_URL, or run make test")
	}
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
	key, err := b.PutDeliveries(t.Context(), "acme", ds)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.Deliveries(t.Context(), key)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d deliveries, %v", len(got), err)
	}
	have := map[string]platform.Delivery{}
	for _, d := range got {
		have[d.ID()] = d
	}
	for _, d := range ds {
		if h, ok := have[d.ID()]; !ok || string(h.Request.Body) != string(d.Request.Body) || !h.Received.Equal(at) || h.App != "app" {
			t.Errorf("%.20q is not there as it was", d.Request.Body)
		}
	}
	if _, err := b.Deliveries(t.Context(), "archive/acme/2026-11-02/none.jsonl.gz"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an object that is not there: %v", err)
	}
	if err := b.Put(t.Context(), "archive/acme/2026-11-02/broken.jsonl.gz", "application/gzip", []byte("no gzip")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Deliveries(t.Context(), "archive/acme/2026-11-02/broken.jsonl.gz"); err == nil {
		t.Error("what is no archive is read as one")
	}

	// Two at once take out what each is after: neither brings back what the other took.
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range errs {
		both.Go(func() {
			_, errs[i] = b.TakeOut(t.Context(), key, func(d platform.Delivery) (bool, error) { return d.ID() == got[i+1].ID(), nil })
		})
	}
	both.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	left, err := b.Deliveries(t.Context(), key)
	if err != nil || len(left) != 1 || left[0].ID() != got[0].ID() {
		t.Errorf("with fewer: %d are left, %v", len(left), err)
	}
	for range 2 { // the second time there is nothing to take away
		if _, err := b.TakeOut(t.Context(), key, func(platform.Delivery) (bool, error) { return true, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Get(t.Context(), key); !fault.Is(err, fault.NotFound) {
		t.Errorf("with none: %v", err)
	}
}

// A batch of a redriven queue holds many days; each of its deliveries is found
// by the day it was received, and that alone.
func TestAnObjectHoldsOneDay(t *testing.T) {
	b := newBucket(t)
	day := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	ds := []platform.Delivery{delivery("old", day.Add(-9*24*time.Hour)), delivery("last of the day before", day.Add(-time.Millisecond)), delivery("first", day),
		delivery("last", day.Add(24*time.Hour-time.Millisecond)), delivery("day after", day.Add(24*time.Hour))}
	for range 2 { // the same batch again is the same objects
		if _, err := b.PutDeliveries(t.Context(), "acme", ds); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.PutDeliveries(t.Context(), "acme-2", ds); err != nil {
		t.Fatal(err)
	}
	bodies := func(from, to time.Time) (out []string) {
		for _, k := range keys(t, func(f func(string) error) error { return b.Archived(t.Context(), "acme", from, to, f) }) {
			got, err := b.Deliveries(t.Context(), k)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range got {
				out = append(out, string(d.Request.Body))
			}
		}
		slices.Sort(out)
		return out
	}
	for _, c := range []struct {
		from, to time.Duration
		want     []string
	}{
		{0, 0, []string{"first", "last"}},
		{23 * time.Hour, 23 * time.Hour, []string{"first", "last"}},
		{0, 24 * time.Hour, []string{"day after", "first", "last"}},
		{-time.Second, 0, []string{"first", "last", "last of the day before"}},
		{48 * time.Hour, 480 * time.Hour, nil},
		{-480 * time.Hour, -48 * time.Hour, []string{"old"}},
		{-9000 * time.Hour, 9000 * time.Hour, []string{"day after", "first", "last", "last of the day before", "old"}},
	} {
		if d := cmp.Diff(c.want, bodies(day.Add(c.from), day.Add(c.to))); d != "" {
			t.Errorf("from %s to %s (-want +got)\n%s", c.from, c.to, d)
		}
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
