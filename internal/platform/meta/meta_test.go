package meta_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/platform/meta"
	"rapport/internal/platform/platformtest"
	"rapport/internal/social"
)

const (
	secret = "60efff025951cddde78c8d03de52cc90"
	page   = "1600000000000001"
)

var adapter meta.Adapter

func get(query string) platform.Request {
	return platform.Request{Method: http.MethodGet, URL: "https://example.com/hooks/app?" + query, Query: query}
}

func text(body string) *platform.Answer {
	return &platform.Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: []byte(body)}
}

var suite = platformtest.Suite{
	Adapter: adapter, Scopes: []string{page}, Secret: secret, Other: "another's app secret",
	Handshakes: []platformtest.Handshake{
		{Name: "of the platform", Request: get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=t%26k"), Secrets: platform.Secrets{VerifyToken: "t&k"}, Want: text("1158201444")},
		{Name: "markup is echoed", Request: get("hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=t"), Secrets: platform.Secrets{VerifyToken: "t"}, Want: text("<b>")},
		{Name: "at a callback's URL", Request: get("callback=deletion&hub.mode=subscribe&hub.challenge=1&hub.verify_token=t"), Secrets: platform.Secrets{VerifyToken: "t"}, Want: text("1")},
		{Name: "another's token", Request: get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=x"), Secrets: platform.Secrets{VerifyToken: "t"}, Refused: true},
		{Name: "an unset token", Request: get("hub.mode=subscribe&hub.challenge=1&hub.verify_token="), Refused: true},
		{Name: "no token", Request: get("hub.mode=subscribe&hub.challenge=1"), Secrets: platform.Secrets{VerifyToken: "t"}, Refused: true},
		{Name: "no challenge", Request: get("hub.mode=subscribe&hub.verify_token=t"), Secrets: platform.Secrets{VerifyToken: "t"}, Refused: true},
		{Name: "another mode", Request: get("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=t"), Secrets: platform.Secrets{VerifyToken: "t"}, Refused: true},
		{Name: "a broken query", Request: get("hub.mode=%zz"), Secrets: platform.Secrets{VerifyToken: "t"}, Refused: true},
		{Name: "a bare GET", Request: get(""), Secrets: platform.Secrets{VerifyToken: "t"}, Refused: true},
		{Name: "a look at a demand to delete data", Request: get("deletion=dlv_ab2"), Secrets: platform.Secrets{Keys: []string{secret}},
			Want: text("A request to delete data that was confirmed with the code dlv_ab2 was verified and is carried out without further ado: " +
				"what is held about that account is erased. Whoever runs this app can look up the request by this code.\n")},
		{Name: "a look with markup for a code", Request: get("deletion=%3Cscript%3E"), Secrets: platform.Secrets{Keys: []string{secret}}, Refused: true},
		{Name: "a look without a code", Request: get("deletion="), Secrets: platform.Secrets{Keys: []string{secret}}, Refused: true},
		{Name: "a delivery", Request: platform.Request{Method: http.MethodPost, Query: "hub.mode=subscribe&hub.challenge=1&hub.verify_token=t"}, Secrets: platform.Secrets{VerifyToken: "t"}},
	},
}

func TestSuite(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

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

// A delivery of 2016, when there was only SHA-1, as messenger4j's test has it:
// https://github.com/messenger4j/messenger4j (WebhookTest, shouldVerifyTheGivenSignature)
func TestPublishedLegacyVectorHoldsWhereAllowed(t *testing.T) {
	r := platform.Request{Header: http.Header{}, Body: []byte(`{"object":"page","entry":[{"id":"1717527131834678","time":1475942721780,"messaging":[{"sender":{"id":"1256217357730577"},` +
		`"recipient":{"id":"1717527131834678"},"timestamp":1475942721741,"message":{"mid":"mid.1475942721728:3b9e3646712f9bed52","seq":123,"text":"34wrr3wr"}}]}]}`)}
	r.Header.Set("X-Hub-Signature", "sha1=3daa41999293ff66c3eb313e04bcf77861bb0276")
	if err := verify(r, platform.Options{Legacy: true}, secret); err != nil {
		t.Error(err)
	}
	if err := verify(r, platform.Options{}, secret); err == nil || !strings.Contains(err.Error(), "it holds, but the app does not allow it") {
		t.Errorf("where it is not allowed: %v", err)
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

// Meta signs the escaped form. A body whose escapes were undone on the way
// holds by it; one without characters beyond ASCII, or otherwise changed, not.
func TestBodyWhoseEscapesWereUndoneHolds(t *testing.T) {
	sign := func(escaped string) http.Header {
		h := http.Header{}
		h.Set("X-Hub-Signature-256", "sha256="+platform.MAC{Algorithm: "sha256", Encoding: "hex"}.Sum(secret, []byte(escaped)))
		return h
	}
	for name, c := range map[string]struct {
		signed, came string
		holds        bool
	}{
		"as it was signed":            {`{"t":"\u00e4\u00f6\u00e5"}`, `{"t":"\u00e4\u00f6\u00e5"}`, true},
		"letters":                     {`{"t":"\u00e4\u00f6\u00e5"}`, `{"t":"äöå"}`, true},
		"beyond 16 bits":              {`{"t":"\ud83d\ude00"}`, `{"t":"😀"}`, true},
		"the delete character":        {`{"t":"\u007f"}`, "{\"t\":\"\x7f\"}", true},
		"signed raw":                  {`{"t":"ä"}`, `{"t":"ä"}`, true},
		"another letter":              {`{"t":"\u00e4"}`, `{"t":"ö"}`, false},
		"upper-case digits":           {`{"t":"\u00E4"}`, `{"t":"ä"}`, false},
		"no bytes beyond ASCII":       {`{"t":"\u0041"}`, `{"t":"A"}`, false},
		"no UTF-8":                    {`{"t":"\ufffd"}`, "{\"t\":\"\xff\"}", false},
		"escaped where it was not":    {`{"t":"ä"}`, `{"t":"\u00e4"}`, false},
		"a letter and another change": {`{"t":"\u00e4"}`, `{"u":"ä"}`, false},
	} {
		if err := verify(platform.Request{Header: sign(c.signed), Body: []byte(c.came)}, platform.Options{}, secret); (err == nil) != c.holds {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// signed is the body of a callback.
func signed(key, payload string) string {
	p := base64.RawURLEncoding.EncodeToString([]byte(payload))
	sum, err := base64.StdEncoding.DecodeString(platform.MAC{Algorithm: "sha256", Encoding: "base64"}.Sum(key, []byte(p)))
	if err != nil {
		panic(err)
	}
	return "signed_request=" + base64.RawURLEncoding.EncodeToString(sum) + "." + p
}

// Facebook's published example of a signed request, for the secret "secret":
// https://developers.facebook.com/docs/reference/login/signed-request
const published = "signed_request=vlXgu64BQGFSQrY0ZcJBZASMvYvTHu9GQ0YM9rjPSso.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsIjAiOiJwYXlsb2FkIn0"

func TestSignedRequests(t *testing.T) {
	const payload = `{"algorithm":"HMAC-SHA256","issued_at":1767225600,"user_id":"24000000000000042"}`
	good := signed(secret, payload)
	sig, rest, _ := strings.Cut(strings.TrimPrefix(good, "signed_request="), ".")
	for name, c := range map[string]struct {
		body string
		keys []string
		want string
	}{
		"holds":                           {good, []string{secret}, ""},
		"holds under the previous secret": {good, []string{"new", secret}, ""},
		"beside another field":            {"a=b&" + good, []string{secret}, ""},
		"the published one":               {published, []string{"secret"}, ""},
		"another's secret":                {signed("other", payload), []string{secret}, "does not match"},
		"no secret":                       {signed("", payload), nil, "does not match"},
		"an unset secret":                 {signed("", payload), []string{""}, "does not match"},
		"no signature":                    {"signed_request=." + rest, []string{secret}, "does not match"},
		"no payload":                      {"signed_request=" + sig, []string{secret}, "does not match"},
		"another payload":                 {"signed_request=" + sig + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(payload, "42", "43", 1))), []string{secret}, "does not match"},
		"a line break in the signature":   {"signed_request=" + url.QueryEscape(sig[:10]+"\n"+sig[10:]+"."+rest), []string{secret}, "does not match"},
		"a second text of the signature":  {"signed_request=" + sig[:42] + string(sig[42]+1) + "." + rest, []string{secret}, "does not match"},
		"another algorithm":               {signed(secret, `{"algorithm":"none","user_id":"1"}`), []string{secret}, "not signed by HMAC-SHA256"},
		"no algorithm":                    {signed(secret, `{"user_id":"1"}`), []string{secret}, "not signed by HMAC-SHA256"},
		"no JSON":                         {signed(secret, `x`), []string{secret}, "not signed by HMAC-SHA256"},
		"two of them":                     {good + "&" + good, []string{secret}, "no X-Hub-Signature-256 header"},
		"another field":                   {"a=b", []string{secret}, "no X-Hub-Signature-256 header"},
		"in JSON":                         {`{"a":"&` + good + `&"}`, []string{secret}, "no X-Hub-Signature-256 header"},
	} {
		err := verify(platform.Request{Header: http.Header{}, Body: []byte(c.body)}, platform.Options{}, c.keys...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && (!fault.Is(err, fault.Unauthenticated) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: kind %s, %v", name, fault.KindOf(err), err)
		}
	}
	for i := len("signed_request="); i < len(good); i++ {
		for _, bit := range []byte{1, 2, 4, 0x20} {
			b := []byte(good)
			b[i] ^= bit
			if verify(platform.Request{Header: http.Header{}, Body: b}, platform.Options{Legacy: true}, secret) == nil {
				t.Errorf("%s holds: byte %d was flipped", b, i)
			}
		}
	}
}

func TestDemandToDeleteDataIsAnsweredWithItsCode(t *testing.T) {
	for name, c := range map[string]struct {
		query, body string
		want        platform.Answer
	}{
		"a demand": {"callback=deletion", published, platform.Answer{Status: 200, ContentType: "application/json",
			Body: []byte(`{"url":"https://example.com/hooks/app?deletion=dlv_ab2","confirmation_code":"dlv_ab2"}`)}},
		"a withdrawn grant":     {"callback=deauthorize", published, platform.Answer{Status: 200}},
		"a URL without a query": {"", published, platform.Answer{Status: 200}},
		"a delivery":            {"callback=deletion", `{"object":"page"}`, platform.Answer{Status: 200}},
	} {
		r := platform.Request{Method: http.MethodPost, URL: "https://example.com/hooks/app?" + c.query, Query: c.query, Body: []byte(c.body)}
		if diff := cmp.Diff(c.want, adapter.Acknowledge(r, platform.Options{}, "dlv_ab2")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
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

func TestSecretsAndScopesThatCanNotWorkAreRefused(t *testing.T) {
	for key, ok := range map[string]bool{secret: true, "": false, "1717527131834678": false, "EAAGm0PX4ZCpsBA": false, "1717527131834678|abc": false, strings.ToUpper(secret): false, secret + "\n": false} {
		err := adapter.CheckKey(key, platform.Options{})
		if (err == nil) != ok {
			t.Errorf("the secret %q: %v", key, err)
		}
		if err != nil && key != "" && strings.Contains(err.Error(), strings.TrimSpace(key)) {
			t.Errorf("the secret %q is repeated: %v", key, err)
		}
	}
	for scope, ok := range map[string]bool{page: true, "7": true, "": false, "0": false, "larkspoon": false, "@larkspoon": false, "+49 30 1": false, "https://www.facebook.com/1": false, page + " ": false} {
		if err := adapter.CheckScope(scope); (err == nil) != ok {
			t.Errorf("the scope %q: %v", scope, err)
		}
	}
}

func normalise(t *testing.T, body string) []platform.Event {
	t.Helper()
	events, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return events
}

func activity(t *testing.T, body string) social.Activity {
	t.Helper()
	events := normalise(t, body)
	if len(events) != 1 || events[0].Activity == nil {
		t.Fatalf("%s: %+v", body, events)
	}
	return *events[0].Activity
}

// The same thing, told in two ways, is one activity.
func TestSameThingByAnotherWay(t *testing.T) {
	const (
		message   = `{"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1767225600123,"message":{"mid":"m1","text":"Hi"}}`
		postback  = `"sender":{"id":"7"},"recipient":{"id":"1"},"timestamp":1767225600123,"postback":{"title":"Prices"`
		comment   = `"field":"comments","value":{"id":"179","text":"Hi","from":{"id":"56","username":"ada"},"media":{"id":"180"}}`
		mention   = `{"field":"mention","value":{"item":"comment","verb":"add","comment_id":"77_1","post_id":"66_77","from":{"id":"66"},"created_time":1767225600,"message":"Hi"}}`
		review    = `{"field":"feed","value":{"item":"comment","verb":"add","comment_id":"77_2","post_id":"66_77","parent_id":"66_77","open_graph_story_id":77,"from":{"id":"5"},"created_time":1767225600,"message":"Thanks"}}`
		liked     = `{"field":"feed","value":{"item":"reaction","reaction_type":"love","verb":"add","post_id":"66_77","parent_id":"66_77","open_graph_story_id":77,"from":{"id":"5"},"created_time":1767225600}}`
		thread    = `"id":"18","username":"ada","text":"Hi","permalink":"https://www.threads.net/@ada/post/P","replied_to":{"id":"17"},"root_post":{"id":"16","owner_id":"25"},"timestamp":"2026-01-01T00:00:00+0000"`
		envelope  = `"app_id":"77","topic":"moderate","target_id":"%s","time":1767225600,"subscription_id":"%d","values":`
		instagram = `{"object":"instagram","entry":[{"id":"1",`
	)
	ratings := func(change string) string { return strings.Replace(change, `"feed"`, `"ratings"`, 1) }
	for name, c := range map[string]struct{ one, other string }{
		"Messenger: on standby":                {`{"object":"page","entry":[{"id":"1","messaging":[` + message + `]}]}`, `{"object":"page","entry":[{"id":"1","time":9,"standby":[` + message + `]}]}`},
		"Messenger: as a change":               {`{"object":"page","entry":[{"id":"1","messaging":[` + message + `]}]}`, `{"object":"page","entry":[{"id":"1","changes":[{"field":"messages","value":` + message + `}]}]}`},
		"Messenger: numbers for texts":         {`{"object":"page","entry":[{"id":"1","messaging":[` + message + `]}]}`, strings.NewReplacer(`"1"`, `1`, `"7"`, `7`, `1767225600123`, `"1767225600123"`).Replace(`{"object":"page","entry":[{"id":"1","messaging":[` + message + `]}]}`)},
		"Messenger: a postback on standby":     {`{"object":"page","entry":[{"id":"1","messaging":[{` + postback + `,"payload":"P"}}]}]}`, `{"object":"page","entry":[{"id":"1","standby":[{` + postback + `}}]}]}`},
		"Instagram: a comment without changes": {instagram + `"time":1767225600,"changes":[{` + comment + `}]}]}`, instagram + `"time":1767225600,` + comment + `}]}`},
		"Threads: a reply that is a mention":   {`{` + fmt.Sprintf(envelope, "17", 1) + `{"field":"replies","value":{` + thread + `}}}`, `{` + fmt.Sprintf(envelope, "25", 2) + `[{"field":"mentions","value":{"is_reply":true,"is_quote_post":false,` + thread + `}}]}`},
		"Pages: a comment on a review":         {`{"object":"page","entry":[{"id":"1","changes":[` + review + `]}]}`, `{"object":"page","entry":[{"id":"1","time":9,"changes":[` + ratings(review) + `]}]}`},
		"Pages: a reaction to a review":        {`{"object":"page","entry":[{"id":"1","changes":[` + liked + `]}]}`, `{"object":"page","entry":[{"id":"1","time":9,"changes":[` + ratings(liked) + `]}]}`},
		"Pages: an older name of the verb":     {`{"object":"page","entry":[{"id":"1","changes":[` + strings.Replace(mention, `"add"`, `"edit"`, 1) + `]}]}`, `{"object":"page","entry":[{"id":"1","changes":[` + strings.Replace(mention, `"add"`, `"edited"`, 1) + `]}]}`},
	} {
		if diff := cmp.Diff(activity(t, c.one), activity(t, c.other)); diff != "" {
			t.Errorf("%s (-one +other):\n%s", name, diff)
		}
	}
}

// A comment of Instagram's has no time but the notification's: another
// notification of it has the same key.
func TestTimeOfTheNotificationIsNotInTheKey(t *testing.T) {
	const body = `{"object":"instagram","entry":[{"id":"1","time":%d,"changes":[{"field":"comments","value":{"id":"179","text":"Hi","from":{"id":"56"},"media":{"id":"180"}}}]}]}`
	one, other := activity(t, fmt.Sprintf(body, 1767225600)), activity(t, fmt.Sprintf(body, 1767225700))
	if one.Key != other.Key || one.Occurred.Equal(other.Occurred) || one.Key != "meta|1|reply|179|-" {
		t.Errorf("%s at %s, %s at %s", one.Key, one.Occurred, other.Key, other.Occurred)
	}
}

// TestAnAnswerReachesItsReview: what is said on a review names it as the
// review names itself, although the review stands on its author's timeline.
func TestAnAnswerReachesItsReview(t *testing.T) {
	const (
		body    = `{"object":"page","entry":[{"id":"1","changes":[{"field":"%s","value":{%s,"created_time":1767225600}}]}]}`
		rating  = `"item":"rating","verb":"add","open_graph_story_id":77,"reviewer_id":5,"review_text":"Great"`
		comment = `"item":"comment","verb":"add","comment_id":"77_2","from":{"id":"1"},"message":"Thanks"`
		love    = `"item":"reaction","verb":"add","reaction_type":"love","from":{"id":"1"}`
		on      = `,"post_id":"66_77"`
		story   = `,"open_graph_story_id":77`
	)
	review := activity(t, fmt.Sprintf(body, "ratings", rating))
	for name, c := range map[string]struct{ field, value string }{
		"by the number of the post":        {"ratings", comment + on + `,"parent_id":"66_77"`},
		"by the number, without a parent":  {"ratings", comment + on},
		"by the story":                     {"ratings", comment + story},
		"by the story, beside the post":    {"ratings", comment + on + story + `,"parent_id":"66_77"`},
		"by the story, the parent a story": {"ratings", comment + story + `,"parent_id":"77"`},
		"by the story, the parent a post":  {"ratings", comment + story + `,"parent_id":"66_77"`},
		"in the feed":                      {"feed", comment + on + story + `,"parent_id":"66_77"`},
	} {
		a := activity(t, fmt.Sprintf(body, c.field, c.value))
		if a.Scope != review.Scope || a.InReplyTo != review.Object.ID || a.Conversation != review.Conversation || a.Key != "meta|1|reply|77_2|2026-01-01T00:00:00.000Z" || a.Direction != social.Outbound {
			t.Errorf("%s: %s in reply to %q of %q in %q; the review is %q of %q in %q", name, a.Key, a.InReplyTo, a.Conversation, a.Scope, review.Object.ID, review.Conversation, review.Scope)
		}
	}
	for name, value := range map[string]string{"a reaction, by the number": love + on, "a reaction, by the story": love + story} {
		if a := activity(t, fmt.Sprintf(body, "ratings", value)); a.Scope != review.Scope || a.Object != review.Object {
			t.Errorf("%s: to %+v in %q, want %+v in %q", name, a.Object, a.Scope, review.Object, review.Scope)
		}
	}
	below := activity(t, fmt.Sprintf(body, "ratings", strings.Replace(comment, "77_2", "77_3", 1)+on+`,"parent_id":"77_2"`))
	if below.InReplyTo != "77_2" || below.Conversation != review.Conversation || below.Scope != review.Scope {
		t.Errorf("a comment on the comment is in reply to %q of %q in %q", below.InReplyTo, below.Conversation, below.Scope)
	}
	// Of what is no review, or is not known to be one, the post stands for itself.
	for name, c := range map[string]struct{ value, scope, post string }{
		"the page's own post":                    {`,"post_id":"1_77"`, "1", "1_77"},
		"the page's own post, with a story":      {`,"post_id":"1_77"` + story, "1", "1_77"},
		"a post of another's, without its story": {on, "66", "66_77"},
	} {
		if a := activity(t, fmt.Sprintf(body, "feed", comment+c.value)); a.Scope != c.scope || a.InReplyTo != c.post || a.Conversation != c.post {
			t.Errorf("%s: in reply to %q of %q in %q", name, a.InReplyTo, a.Conversation, a.Scope)
		}
	}
}

func TestMentionInOneThreadIsOfOneScope(t *testing.T) {
	const body = `{"object":"page","entry":[{"id":"%s","changes":[{"field":"mention","value":{"item":"comment","verb":"add","comment_id":"77_1","post_id":"66_77","from":{"id":"5"},"created_time":1767225600,"message":"Hi"}}]}]}`
	one, other := activity(t, fmt.Sprintf(body, "1")), activity(t, fmt.Sprintf(body, "2"))
	if one.Key != other.Key || one.Scope != "66" || other.Scope != "66" {
		t.Errorf("%s in %s, %s in %s", one.Key, one.Scope, other.Key, other.Scope)
	}
}

func TestWhatsAppUserIsOneAccountWithAndWithoutTheNumber(t *testing.T) {
	const body = `{"object":"whatsapp_business_account","entry":[{"id":"4","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"3"},"contacts":[%s],"messages":[{%s,"id":"wamid.1","timestamp":"1767225600","type":"text","text":{"body":"Hi"}}]}}]}]}`
	for name, c := range map[string]struct {
		contact, from string
		want          social.Actor
	}{
		"by number":                        {`{"profile":{"name":"Cy"},"wa_id":"49170"}`, `"from":"49170"`, social.Actor{Scope: "whatsapp", ID: "49170", Name: "Cy"}},
		"by both, the id with the contact": {`{"profile":{"name":"Cy"},"wa_id":"49170","user_id":"DE.1"}`, `"from":"49170"`, social.Actor{Scope: "whatsapp", ID: "49170", Name: "Cy"}},
		"by both":                          {`{"profile":{"name":"Cy"},"wa_id":"49170","user_id":"DE.1"}`, `"from":"49170","from_user_id":"DE.1"`, social.Actor{Scope: "whatsapp", ID: "49170", Name: "Cy"}},
		"by id":                            {`{"profile":{"name":"Cy","username":"@cy"},"user_id":"DE.1"}`, `"from_user_id":"DE.1"`, social.Actor{Scope: "whatsapp", ID: "DE.1", Handle: "cy", Name: "Cy"}},
		"beside somebody else's contact":   {`{"profile":{"name":"Bo"},"wa_id":"49171","user_id":"DE.2"}`, `"from":"49170"`, social.Actor{Scope: "whatsapp", ID: "49170"}},
		"by a contact without ids":         {`{"profile":{"name":"Bo"}}`, `"from":"49170"`, social.Actor{Scope: "whatsapp", ID: "49170"}},
	} {
		if got := activity(t, fmt.Sprintf(body, c.contact, c.from)); got.Actor != c.want || got.Conversation != "dm:"+c.want.ID {
			t.Errorf("%s: got %+v in %s, want %+v", name, got.Actor, got.Conversation, c.want)
		}
	}
}

func TestWhatsAppNamesTheOtherIDOfAnAccount(t *testing.T) {
	const body = `{"object":"whatsapp_business_account","entry":[{"id":"4","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"3"},"contacts":[%s],"messages":[{%s,"id":"wamid.1","timestamp":"1767225600","type":"text","text":{"body":"Hi"}}]}}]}]}`
	for name, c := range map[string]struct{ contact, from, want string }{
		"both":          {`{"wa_id":"49170","user_id":"DE.1"}`, `"from":"49170","from_user_id":"DE.1"`, "DE.1"},
		"the number":    {`{"wa_id":"49170"}`, `"from":"49170"`, ""},
		"the id":        {`{"user_id":"DE.1"}`, `"from_user_id":"DE.1"`, ""},
		"somebody else": {`{"wa_id":"49171","user_id":"DE.2"}`, `"from":"49170"`, ""},
	} {
		if got := normalise(t, fmt.Sprintf(body, c.contact, c.from)); len(got) != 1 || got[0].Alias != c.want {
			t.Errorf("%s: got %+v, want the other id %q", name, got, c.want)
		}
	}
}

func TestDeliveriesThatAreParkedWhole(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"no JSON":              {`x`, "no JSON"},
		"nothing":              {``, "no JSON"},
		"no object":            {`{"entry":[{"id":"1"}]}`, "no object"},
		"an object of a kind":  {`{"object":{},"entry":[{"id":"1"}]}`, "object: no JSON"},
		"no entry":             {`{"object":"page"}`, "no entry"},
		"no entries":           {`{"object":"page","entry":[]}`, "no entry"},
		"entries in an object": {`{"object":"page","entry":{}}`, "entry: no list"},
		"a list":               {`[]`, "no JSON"},
		"too deep":             {`{"object":"page","entry":` + strings.Repeat("[", 100_000), "nested deeper"},
		"Threads, no values":   {`{"app_id":"1","values":[]}`, "no values"},
		"Threads, no app id":   {`{"app_id":{},"values":{}}`, "threads: no JSON"},
	} {
		events, err := adapter.Normalise(platform.Request{Body: []byte(c.body)}, platform.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want %q", name, events, err, c.want)
		}
		if got := adapter.Split(platform.Request{Body: []byte(c.body)}, platform.Options{}); len(got) != 1 || string(got[0].Body) != c.body {
			t.Errorf("%s is split: %v", name, got)
		}
	}
}

func TestSplit(t *testing.T) {
	var of [][]string
	for _, fixture := range []string{"two-pages", "whatsapp-malformed", "permissions", "threads"} {
		body, err := os.ReadFile(filepath.Join("testdata", fixture+".json"))
		if err != nil {
			t.Fatal(err)
		}
		r := platform.Request{Method: http.MethodPost, URL: "https://example.com/hooks/app", Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
		for _, p := range adapter.Split(r, platform.Options{}) {
			events, err := adapter.Normalise(p, platform.Options{})
			if err != nil || p.URL != r.URL || !reflect.DeepEqual(p.Header, r.Header) {
				t.Fatalf("%s: %+v, %v", fixture, p, err)
			}
			of = append(of, append([]string{fixture, fmt.Sprint(len(events))}, events[0].Scopes...))
		}
	}
	const user, waba, subscription, app = "24000000000000009", "410000000000001", "234567", "770000000000001"
	want := [][]string{
		{"two-pages", "1", page}, {"two-pages", "1", "1600000000000002"},
		{"whatsapp-malformed", "11", "310000000000001", waba}, {"whatsapp-malformed", "3", waba}, {"whatsapp-malformed", "1", "310000000000002", waba},
		{"permissions", "1", page, "1600000000000002"}, {"permissions", "1", "17841400000000001"}, {"permissions", "3", user},
		{"threads", "1", "18000000000000011", "25000000000000002", subscription, app}, {"threads", "8", "18000000000000011", subscription, app},
		{"threads", "2", "18000000000000011", "25000000000000001", subscription, app},
	}
	if diff := cmp.Diff(want, of); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What an entry holds beside its lists does not multiply.
	big := `{"object":"page","x":"` + strings.Repeat("x", 1<<20) + `","entry":[` + strings.Repeat(`{"id":"1"},{"id":"2"},`, 200) + `{"id":"3"}]}`
	size := 0
	for _, p := range adapter.Split(platform.Request{Body: []byte(big)}, platform.Options{}) {
		size += len(p.Body)
	}
	if size > len(big) {
		t.Errorf("%d bytes became %d", len(big), size)
	}
}

func TestHugeBatchIsReadWhole(t *testing.T) {
	const n = 10_000
	change := `{"field":"feed","value":{"item":"post","verb":"add","post_id":"1","message":"` + strings.Repeat("a", 300) + `","from":{"id":"5"},"created_time":1767225600}}`
	body := `{"object":"page","entry":[{"id":"p","changes":[` + strings.Repeat(change+",", n-1) + change + `]}]}`
	if events := normalise(t, body); len(events) != n {
		t.Errorf("%d events; want %d", len(events), n)
	}
}

// TestPublicPayloads reads real payloads that are not part of the project.
func TestPublicPayloads(t *testing.T) {
	files := needs.SharedFiles(t, "payloads/meta_*/*.json")
	what := map[string]string{
		"feed-comment-add-211.json": "reply", "feed-comment-add-25.json": "reply", "feed-post-edit.json": "edit", "feed-reaction-add-comment.json": "react",
		"feed-reaction-remove.json": "unreact", "feed-share-add-25.json": "post", "feed-status-add-25.json": "post", "leadgen.json": "ignored",
		"mention-post-add.json": "mention", "ratings-rating-add-31.json": "recommend", "unknown-change-value.json": "ignored",
		"messaging-message-basic-echo.json": "message", "messaging-message-basic.json": "message", "messaging-message-isdeleted.json": "delete",
		"messaging-message-reply-1.json": "message", "messaging-postback-basic.json": "click", "messaging-read-basic.json": "ignored",
		"dm_story_reply.json": "message", "messaging-attachment-unsupported.json": "message", "messaging-seen.json": "ignored",
		"wh-comments.json": "ignored", "wh-livecomments.json": "ignored", "wh-story_insights.json": "ignored", "replies.json": "reply",
		"pywa_edited_message_image.json": "edit", "pywa_message_reaction.json": "react", "pywa_message_referral.json": "message click", "pywa_message_reply.json": "message",
		"pywa_message_status_sent.json": "ignored", "pywa_outgoing_message_text.json": "message", "pywa_system_phone_number_change.json": "profile_change",
		"webhook-incoming-message-button.json": "message", "webhook-incoming-message-image.json": "message", "webhook-incoming-message-status-bsuid.json": "ignored",
		"webhook-incoming-message-system.json": "profile_change", "webhook-userIdUpdate.json": "profile_change",
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range normalise(t, string(body)) {
			got = append(got, e.Becomes())
			if want, ok := what[filepath.Base(f)]; ok && !strings.Contains(want, e.Becomes()) {
				t.Errorf("%s: %+v", f, e)
			}
		}
		if want, ok := what[filepath.Base(f)]; ok && strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", f, got, want)
		}
	}
}

func FuzzChangedDeliveryNeverVerifies(f *testing.F) {
	f.Add([]byte(`{"object":"page"}`), []byte(`{"object":"page"}`), 0, byte(0), false)
	f.Add([]byte(`{"object":"page"}`), []byte(`{"object":"pagf"}`), 10, byte(0x20), true)
	f.Fuzz(func(t *testing.T, body, changed []byte, at int, xor byte, legacy bool) {
		r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
		if err := adapter.Sign(&r, secret, "", platform.Options{}, time.Time{}); err != nil {
			t.Fatal(err)
		}
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
