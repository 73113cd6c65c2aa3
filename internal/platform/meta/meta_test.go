package meta_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/meta"
	"rapport/internal/social"
)

const (
	secret = "60efff025951cddde78c8d03de52cc90"
	page   = "1600000000000001"
)

var adapter meta.Adapter

func signed(t testing.TB, body []byte) platform.Request {
	t.Helper()
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
	if err := adapter.Sign(&r, secret, "", platform.Options{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	return r
}

func verify(r platform.Request, o platform.Options, keys ...string) error {
	return adapter.Verify(r, platform.Secrets{Keys: keys}, o, time.Time{})
}

// GitHub's published vector is of the same construction:
// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
func TestPublishedVectorHolds(t *testing.T) {
	r := platform.Request{Header: http.Header{}, Body: []byte("Hello, World!")}
	r.Header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	if err := verify(r, platform.Options{}, "It's a Secret to Everybody"); err != nil {
		t.Error(err)
	}
}

func TestSignatures(t *testing.T) {
	body := []byte(`{"object":"page","text":"\u00e4"}`)
	sha1 := func(key string) string {
		return "sha1=" + platform.MAC{Algorithm: "sha1", Encoding: "hex"}.Sum(key, body)
	}
	sha256 := func(key string) string {
		return "sha256=" + platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum(key, body)
	}
	for name, c := range map[string]struct {
		header, legacyHeader string
		legacy               bool
		keys                 []string
		want                 string
	}{
		"holds":                            {sha256(secret), "", false, []string{secret}, ""},
		"holds under the previous secret":  {sha256(secret), "", false, []string{"new", secret}, ""},
		"no header":                        {"", "", false, []string{secret}, "no X-Hub-Signature-256 header"},
		"no header, legacy allowed":        {"", "", true, []string{secret}, "no X-Hub-Signature-256 header"},
		"no secret":                        {sha256(""), "", false, nil, "does not match"},
		"an unset secret":                  {sha256(""), "", false, []string{""}, "does not match"},
		"another's secret":                 {sha256("other"), "", false, []string{secret}, "does not match"},
		"without its prefix":               {strings.TrimPrefix(sha256(secret), "sha256="), "", false, []string{secret}, "does not match"},
		"SHA-1 in the new header":          {sha1(secret), "", true, []string{secret}, "does not match"},
		"legacy, allowed":                  {"", sha1(secret), true, []string{secret}, ""},
		"legacy, not allowed":              {"", sha1(secret), false, []string{secret}, "it holds, but the app does not allow it"},
		"legacy of another's":              {"", sha1("other"), true, []string{secret}, "X-Hub-Signature does not match"},
		"legacy of an unset secret":        {"", sha1(""), true, []string{""}, "X-Hub-Signature does not match"},
		"legacy without its prefix":        {"", strings.TrimPrefix(sha1(secret), "sha1="), true, []string{secret}, "X-Hub-Signature does not match"},
		"a false new one beside legacy":    {sha256("other"), sha1(secret), true, []string{secret}, "X-Hub-Signature-256 does not match"},
		"a true new one beside bad legacy": {sha256(secret), "sha1=00", false, []string{secret}, ""},
	} {
		r := platform.Request{Header: http.Header{}, Body: body}
		if c.header != "" {
			r.Header.Set("X-Hub-Signature-256", c.header)
		}
		if c.legacyHeader != "" {
			r.Header.Set("X-Hub-Signature", c.legacyHeader)
		}
		err := verify(r, platform.Options{Legacy: c.legacy}, c.keys...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && (!fault.Is(err, fault.Unauthenticated) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: kind %s, %v", name, fault.KindOf(err), err)
		}
	}
}

func TestEachFlippedByteIsRefused(t *testing.T) {
	r := signed(t, []byte(`{"object":"page","entry":[{"id":"9007199254740993"}]}`))
	if err := verify(r, platform.Options{}, secret); err != nil {
		t.Fatal(err)
	}
	for i := range r.Body {
		broken := r
		broken.Body = bytes.Clone(r.Body)
		broken.Body[i] ^= 1
		if verify(broken, platform.Options{Legacy: true}, secret) == nil {
			t.Errorf("holds with byte %d of the body flipped", i)
		}
	}
	sig := r.Header.Get("X-Hub-Signature-256")
	for i := range sig {
		for _, bit := range []byte{1, 0x20} {
			changed := []byte(sig)
			changed[i] ^= bit
			broken := r
			broken.Header = http.Header{"X-Hub-Signature-256": {string(changed)}}
			if verify(broken, platform.Options{Legacy: true}, secret) == nil {
				t.Errorf("holds with the signature %q", changed)
			}
		}
	}
}

func TestSignNeedsASecret(t *testing.T) {
	r := platform.Request{Header: http.Header{}}
	if err := adapter.Sign(&r, "", "", platform.Options{}, time.Time{}); err == nil {
		t.Errorf("signed as %v", r.Header)
	}
}

func TestHandshake(t *testing.T) {
	for name, c := range map[string]struct {
		method, query, token string
		answer               string
		refused              bool
	}{
		"of the platform":  {"GET", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=t%26k", "t&k", "1158201444", false},
		"markup is echoed": {"GET", "hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=t", "t", "<b>", false},
		"another's token":  {"GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=x", "t", "", true},
		"an unset token":   {"GET", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=", "", "", true},
		"no token":         {"GET", "hub.mode=subscribe&hub.challenge=1", "t", "", true},
		"no challenge":     {"GET", "hub.mode=subscribe&hub.verify_token=t", "t", "", true},
		"another mode":     {"GET", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=t", "t", "", true},
		"a broken query":   {"GET", "hub.mode=%zz", "t", "", true},
		"a bare GET":       {"GET", "", "t", "", true},
		"a delivery":       {"POST", "hub.mode=subscribe&hub.challenge=1&hub.verify_token=t", "t", "", false},
	} {
		a, err := adapter.Handshake(platform.Request{Method: c.method, Query: c.query}, platform.Secrets{VerifyToken: c.token}, platform.Options{})
		if (err != nil) != c.refused || err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got error %v", name, err)
		}
		switch {
		case (a != nil) != (c.answer != ""):
			t.Errorf("%s: got answer %v", name, a)
		case a != nil && (string(a.Body) != c.answer || a.Status != 200 || a.ContentType != "text/plain; charset=utf-8"):
			t.Errorf("%s: got %d %s %q, want %q", name, a.Status, a.ContentType, a.Body, c.answer)
		}
	}
}

func TestThereIsNoDocument(t *testing.T) {
	for doc, ok := range map[string]bool{"": true, "null": true, "{}": true, `{"a":1}`: false, "x": false} {
		if err := adapter.CheckConfig(json.RawMessage(doc)); (err == nil) != ok {
			t.Errorf("%q: %v", doc, err)
		}
	}
}

func normalise(t *testing.T, file string) []platform.Event {
	t.Helper()
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	events, err := adapter.Normalise(platform.Request{Body: body}, platform.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func at(s int64) time.Time { return time.Unix(s, 0).UTC() }

func TestPage(t *testing.T) {
	post := page + "_900"
	act := func(a social.Activity) platform.Event {
		a.Platform, a.Scope = "meta", page
		if a.Direction == "" {
			a.Direction = social.Inbound
		}
		return platform.Event{Scope: page, Activity: &a}
	}
	ignored := func(s string) platform.Event { return platform.Event{Scope: page, Ignored: s} }
	parked := func(s string) platform.Event { return platform.Event{Scope: page, Parked: s} }
	want := []platform.Event{
		act(social.Activity{Key: "meta|" + page + "|reply|900_1|2026-01-01T00:00:01.000Z", Type: social.Reply, Actor: social.Actor{ID: "24000000000000001", Name: "Ada"},
			Object: social.Object{ID: "900_1", Type: "comment"}, InReplyTo: post, Conversation: post, Text: "Does it work offline? ä😀", URL: "https://www.facebook.com/900", Occurred: at(1767225601)}),
		act(social.Activity{Key: "meta|" + page + "|reply|900_2|2026-01-01T00:00:02.000Z", Type: social.Reply, Actor: social.Actor{ID: page, Name: "The Page"}, Direction: social.Outbound,
			Object: social.Object{ID: "900_2", Type: "comment"}, InReplyTo: "900_1", Conversation: post, Text: "It does.", URL: "https://www.facebook.com/900?comment_id=2", Occurred: at(1767225602)}),
		act(social.Activity{Key: "meta|" + page + "|edit|900_1/" + social.HashID("v", "Does it work offline, too?")[2:18] + "|2026-01-01T00:00:03.000Z", Type: social.Edit, Actor: social.Actor{ID: "24000000000000001"},
			Object: social.Object{ID: "900_1", Type: "comment"}, Conversation: post, Text: "Does it work offline, too?", Occurred: at(1767225603)}),
		act(social.Activity{Key: "meta|" + page + "|delete|900_3|2026-01-01T00:00:04.000Z", Type: social.Delete, Actor: social.Actor{ID: social.Unknown},
			Object: social.Object{ID: "900_3", Type: "comment"}, Conversation: post, Occurred: at(1767225604)}),
		ignored("hide is no act of a person's"),
		act(social.Activity{Key: "meta|" + page + "|react|24000000000000001%7C" + post + "%7Clike|2026-01-01T00:00:06.000Z", Type: social.React, Actor: social.Actor{ID: "24000000000000001", Name: "Ada"},
			Object: social.Object{ID: post, Type: "post"}, Occurred: at(1767225606)}),
		act(social.Activity{Key: "meta|" + page + "|react|9007199254740993%7C900_2%7C|2026-01-01T00:00:07.000Z", Type: social.React, Actor: social.Actor{ID: "9007199254740993", Name: "Bo"},
			Object: social.Object{ID: "900_2", Type: "comment"}, Occurred: at(1767225607)}),
		act(social.Activity{Key: "meta|" + page + "|unreact|24000000000000001%7C" + post + "%7Clike|2026-01-01T00:00:08.000Z", Type: social.Unreact, Actor: social.Actor{ID: "24000000000000001"},
			Object: social.Object{ID: post, Type: "post"}, Occurred: at(1767225608)}),
		ignored("unhide of a reaction is no act of a person's"),
		act(social.Activity{Key: "meta|" + page + "|post|" + page + "_901|2026-01-01T00:00:10.000Z", Type: social.Post, Actor: social.Actor{ID: page}, Direction: social.Outbound,
			Object: social.Object{ID: page + "_901", Type: "post"}, Conversation: page + "_901", Text: "Version 2 is out", Occurred: at(1767225610)}),
		ignored(`item "video_block" tells nothing that someone did`),
		act(social.Activity{Key: "meta|" + page + "|mention|77_1|2026-01-01T00:00:12.000Z", Type: social.Mention, Actor: social.Actor{ID: "24000000000000002", Name: "Cy"},
			Object: social.Object{ID: "77_1", Type: "comment"}, InReplyTo: "66_77", Conversation: "66_77", Text: "ask @The Page", Occurred: at(1767225612)}),
		act(social.Activity{Key: "meta|" + page + "|mention|66_78|2026-01-01T00:00:13.000Z", Type: social.Mention, Actor: social.Actor{ID: "24000000000000002"},
			Object: social.Object{ID: "66_78", Type: "post"}, Conversation: "66_78", Text: "thanks @The Page", Occurred: at(1767225613)}),
		parked("field mention: without its author: it must be read through the Graph API"),
		act(social.Activity{Key: "meta|" + page + "|recommend|904801129604590|2026-01-01T00:00:14.000Z", Type: social.Recommend, Actor: social.Actor{ID: "24000000000000003", Name: "Di"},
			Object: social.Object{ID: "904801129604590", Type: "review"}, Conversation: "904801129604590", Text: "Great", Occurred: at(1767225614)}),
		act(social.Activity{Key: "meta|" + page + "|review|904801129604591|2026-01-01T00:00:15.000Z", Type: social.Review, Actor: social.Actor{ID: "24000000000000004"},
			Object: social.Object{ID: "904801129604591", Type: "review"}, Conversation: "904801129604591", Text: "Meh", Occurred: at(1767225615)}),
		act(social.Activity{Key: "meta|" + page + "|edit|904801129604591/" + social.HashID("v", "Better")[2:18] + "|2026-01-01T00:00:16.000Z", Type: social.Edit, Actor: social.Actor{ID: "24000000000000004"},
			Object: social.Object{ID: "904801129604591", Type: "review"}, Conversation: "904801129604591", Text: "Better", Occurred: at(1767225616)}),
		ignored("a comment on a rating also comes in the feed"),
		ignored(`item "poll" of ratings tells nothing that someone did`),
		ignored(`field "leadgen" tells nothing that someone did`),
		parked("field feed: a change without a value"),
		parked("field feed: no JSON: json: cannot unmarshal array into Go value of type meta.pageValue"),
		parked(`field feed: no JSON: json: invalid number literal, trying to unmarshal "\"soon\"" into Number`),
		parked(`field feed: created_time "" is no time in seconds`),
		parked("field feed: a comment without its id"),
		parked(`field feed: activity "meta|` + page + `|reply|900_6|2026-01-01T00:00:19.000Z" without an actor`),
		parked(`field feed: activity "meta|` + page + `|react|%7C1_1%7Cwow|2026-01-01T00:00:19.000Z" without an actor`),
		parked(`field feed: activity "meta|` + page + `|react|5%7C%7Cwow|2026-01-01T00:00:19.000Z" of type react without an object`),
		parked(`field feed: activity "meta|` + page + `|post|1_2|1970-01-01T00:00:01.000Z" is of the year 1970`),
		{Scope: "1600000000000002", Ignored: "an entry without changes or messages"},
		{Parked: "an entry without a page id"},
		{Parked: `an entry: no JSON: "{}" is no id`},
		{Parked: "an entry: no JSON: json: cannot unmarshal string into Go value of type meta.entry"},
	}
	if diff := cmp.Diff(want, normalise(t, "testdata/page.json")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMessenger(t *testing.T) {
	message := func(mid string, ms int64, a social.Activity) platform.Event {
		a.Platform, a.Scope, a.Object = "meta", page, social.Object{ID: mid, Type: "message"}
		a.Occurred = time.UnixMilli(ms).UTC()
		if a.Type == "" {
			a.Type = social.Message
		}
		if a.Direction == "" {
			a.Direction = social.Inbound
		}
		a.Key = fmt.Sprintf("meta|%s|%s|%s|%s", page, a.Type, mid, social.Stamp(a.Occurred))
		return platform.Event{Scope: page, Activity: &a}
	}
	receipt := platform.Event{Scope: page, Ignored: "a messaging event without a message: a receipt, postback or opt-in"}
	parked := func(s string) platform.Event { return platform.Event{Scope: page, Parked: s} }
	someone := social.Actor{ID: "7000000000000001"}
	want := []platform.Event{
		message("m_AbC-1", 1767225600123, social.Activity{Actor: someone, InReplyTo: "m_0", Conversation: "dm:7000000000000001", Text: "Is anyone there?"}),
		message("m_AbC-2", 1767225601123, social.Activity{Actor: social.Actor{ID: page}, Direction: social.Outbound, Conversation: "dm:7000000000000001", Text: "We are."}),
		message("m_AbC-3", 1767225602123, social.Activity{Actor: social.Actor{ID: page}, Direction: social.Outbound, Conversation: "dm:7000000000000001", Text: "an echo the wrong way round"}),
		message("m_AbC-4", 1767225603123, social.Activity{Actor: social.Actor{ID: "9007199254740993"}, Conversation: "dm:9007199254740993"}),
		message("m_AbC-1", 1767225604123, social.Activity{Type: social.Delete, Actor: someone, Conversation: "dm:7000000000000001"}),
		receipt, receipt,
		parked(`messaging: timestamp "" is no time in milliseconds`),
		parked(`messaging: activity "meta|` + page + `|message||2026-01-01T00:00:07.123Z" of type message without an object`),
		parked(`messaging: activity "meta|` + page + `|message|m_AbC-6|2026-01-01T00:00:08.123Z" without an actor`),
		parked("messaging: no JSON: json: cannot unmarshal array into Go value of type meta.messaging"),
		message("m_AbC-7", 1767225609123, social.Activity{Actor: social.Actor{ID: "7000000000000002"}, Conversation: "dm:7000000000000002", Text: "to another app of the page"}),
	}
	if diff := cmp.Diff(want, normalise(t, "testdata/messenger.json")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestForgedIDsGiveOtherKeys(t *testing.T) {
	long := strings.Repeat("9", 500)
	seen := map[string]string{}
	for _, id := range []string{"1", "1|2026-01-01T00:00:00.000Z", "1#2", `1\u0000`, "1%7C2", long, long + "9", "~1"} {
		body := fmt.Sprintf(`{"object":"page","entry":[{"id":"p","changes":[{"field":"feed","value":{"item":"post","verb":"add","post_id":"%s","from":{"id":"5"},"created_time":1767225600}}]}]}`, id)
		events, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%s: %+v, %v", id, events, err)
		}
		key := events[0].Activity.Key
		if strings.ContainsAny(key, "#\x00") || strings.Count(key, "|") != 4 || len(key) > 150 {
			t.Errorf("the id %.40q has the key %q", id, key)
		}
		if other, ok := seen[key]; ok {
			t.Errorf("%q and %q have the key %q", id, other, key)
		}
		seen[key] = id
	}
}

func TestDeliveriesThatAreParkedWhole(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"no JSON":        {`x`, "no JSON"},
		"nothing":        {``, "no JSON"},
		"another object": {`{"object":"instagram","entry":[{"id":"1"}]}`, `object "instagram" is not a page`},
		"no entry":       {`{"object":"page"}`, "no entry"},
		"no entries":     {`{"object":"page","entry":[]}`, "no entry"},
		"a list":         {`[]`, "no JSON"},
		"too deep":       {`{"object":"page","entry":` + strings.Repeat("[", 100_000), "nested deeper"},
	} {
		events, err := adapter.Normalise(platform.Request{Body: []byte(c.body)}, platform.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want %q", name, events, err, c.want)
		}
	}
}

func TestHugeBatchIsReadWhole(t *testing.T) {
	const n = 10_000
	change := `{"field":"feed","value":{"item":"post","verb":"add","post_id":"1","message":"` + strings.Repeat("a", 300) + `","from":{"id":"5"},"created_time":1767225600}}`
	body := `{"object":"page","entry":[{"id":"p","changes":[` + strings.Repeat(change+",", n-1) + change + `]}]}`
	events, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != n {
		t.Errorf("%d events, %v; want %d", len(events), err, n)
	}
}

// TestPublicPayloads reads real payloads that are not part of the project.
func TestPublicPayloads(t *testing.T) {
	files, err := filepath.Glob("../../../../shared/payloads/meta_facebook_page/*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../../../shared/payloads/meta_messenger/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if files = append(files, more...); len(files) == 0 {
		t.Skip("no payloads in ../shared/payloads/meta_facebook_page and meta_messenger")
	}
	what := map[string]string{
		"feed-comment-add-211.json": "reply", "feed-comment-add-25.json": "reply", "feed-post-edit.json": "edit", "feed-reaction-add-comment.json": "react",
		"feed-reaction-remove.json": "unreact", "feed-share-add-25.json": "post", "feed-status-add-25.json": "post", "leadgen.json": "ignored",
		"mention-post-add.json": "parked", "ratings-rating-add-31.json": "recommend", "unknown-change-value.json": "ignored",
		"messaging-message-basic-echo.json": "message", "messaging-message-basic.json": "message", "messaging-message-isdeleted.json": "delete",
		"messaging-message-reply-1.json": "message", "messaging-postback-basic.json": "ignored", "messaging-read-basic.json": "ignored",
	}
	for _, f := range files {
		events := normalise(t, f)
		if len(events) != 1 {
			t.Errorf("%s: %d events", f, len(events))
			continue
		}
		got := "parked"
		if events[0].Activity != nil {
			got = string(events[0].Activity.Type)
		} else if events[0].Ignored != "" {
			got = "ignored"
		}
		if want, ok := what[filepath.Base(f)]; ok && got != want {
			t.Errorf("%s: got %s, want %s: %+v", f, got, want, events[0])
		}
	}
}

func FuzzChangedDeliveryNeverVerifies(f *testing.F) {
	f.Add([]byte(`{"object":"page"}`), []byte(`{"object":"page"}`), 0, byte(0), false)
	f.Add([]byte(`{"object":"page"}`), []byte(`{"object":"pagf"}`), 10, byte(0x20), true)
	f.Fuzz(func(t *testing.T, body, changed []byte, at int, xor byte, legacy bool) {
		r := signed(t, body)
		sig := []byte(r.Header.Get("X-Hub-Signature-256"))
		same := bytes.Equal(body, changed)
		if at >= 0 && at < len(sig) {
			sig[at] ^= xor
			same = same && xor == 0
		}
		r.Body = changed
		r.Header.Set("X-Hub-Signature-256", string(sig))
		if err := verify(r, platform.Options{Legacy: legacy}, secret); (err == nil) != same {
			t.Errorf("verify says %v, and what was signed is the same: %v", err, same)
		}
	})
}

func FuzzNormalise(f *testing.F) {
	// One event a seed: the fuzzer takes a minute to cut a large one down.
	for _, file := range []string{"testdata/page.json", "testdata/messenger.json"} {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var d struct {
			Entry []json.RawMessage
		}
		if err := json.Unmarshal(body, &d); err != nil {
			f.Fatal(err)
		}
		for _, raw := range d.Entry[1:] {
			f.Add(fmt.Appendf(nil, `{"object":"page","entry":[%s]}`, raw))
		}
		var first struct{ Changes, Messaging []json.RawMessage }
		if err := json.Unmarshal(d.Entry[0], &first); err != nil {
			f.Fatal(err)
		}
		for _, raw := range first.Changes {
			f.Add(fmt.Appendf(nil, `{"object":"page","entry":[{"id":"1","changes":[%s]}]}`, raw))
		}
		for _, raw := range first.Messaging {
			f.Add(fmt.Appendf(nil, `{"object":"page","entry":[{"id":"1","messaging":[%s]}]}`, raw))
		}
	}
	f.Add([]byte(`{"object":"page","entry":[{"id":"p","changes":[{"field":"feed","value":{"item":"post","verb":"add","post_id":"1","from":{"id":"5"},"created_time":9223372036854775807}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := adapter.Normalise(platform.Request{Body: body}, platform.Options{})
		again, errAgain := adapter.Normalise(platform.Request{Body: body}, platform.Options{})
		if !reflect.DeepEqual(events, again) || (err == nil) != (errAgain == nil) {
			t.Errorf("the second time it is different: %+v, %+v", events, again)
		}
		if err == nil && len(events) == 0 {
			t.Error("neither events nor an error: it would be dropped in silence")
		}
		for _, e := range events {
			set := 0
			for _, s := range []bool{e.Activity != nil, e.Ignored != "", e.Parked != ""} {
				if s {
					set++
				}
			}
			if set != 1 {
				t.Errorf("%d of activity, ignored and parked are set: %+v", set, e)
			}
			if a := e.Activity; a != nil {
				if err := a.Validate(); err != nil {
					t.Error(err)
				}
				if a.Platform != "meta" || a.Scope != e.Scope || a.Scope == "" || (a.Direction == social.Outbound) != (a.Actor.ID == a.Scope) {
					t.Errorf("%+v is of another platform, scope or direction", *a)
				}
			}
		}
	})
}
