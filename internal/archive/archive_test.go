package archive

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

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
