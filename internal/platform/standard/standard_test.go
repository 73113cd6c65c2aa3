package standard_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/standard"
	"rapport/internal/social"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	other  = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

var (
	now     = time.Unix(1767225600, 0)
	adapter standard.Adapter
)

// suite is Standard Webhooks, with the forum's mapping; hmacSuite the forum's
// own signature.
var (
	suite     = platformtest.Suite{Adapter: adapter, Secret: secret, Other: other, Config: forum(false), Window: 5 * time.Minute}
	hmacSuite = platformtest.Suite{Adapter: adapter, Secret: "a passphrase", Other: "another's", Config: forum(true)}
)

func TestStandardWebhooks(t *testing.T) { platformtest.Run(t, suite) }

func TestConfiguredSignature(t *testing.T) { platformtest.Run(t, hmacSuite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// forum is the document of the fixtures, with or without its signature.
func forum(signature bool) json.RawMessage {
	b, err := os.ReadFile("testdata/config/forum.json")
	if err != nil {
		panic(err)
	}
	if signature {
		return b
	}
	var c standard.Config
	if err := json.Unmarshal(b, &c); err != nil {
		panic(err)
	}
	c.Signature = nil
	if b, err = json.Marshal(c); err != nil {
		panic(err)
	}
	return b
}

// The page that operators read shows a document that takes the sample.
func TestDocumentOfThePageTakesTheSample(t *testing.T) {
	page, err := os.ReadFile("../../../docs/platforms/standard.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```json\n")
	doc, _, ended := strings.Cut(rest, "```")
	if !ok || !ended {
		t.Fatal("the page shows no document")
	}
	if err := adapter.CheckConfig(json.RawMessage(doc)); err != nil {
		t.Fatal(err)
	}
	s := hmacSuite
	s.Config = json.RawMessage(doc)
	platformtest.Sample(t, s, "help")
}

func TestCheckKey(t *testing.T) {
	for name, c := range map[string]struct {
		key, want string
		config    json.RawMessage
	}{
		"whsec_":                           {secret, "", nil},
		"without its prefix":               {strings.TrimPrefix(secret, "whsec_"), "", nil},
		"empty":                            {"", "at least 24 bytes", nil},
		"a prefix alone":                   {"whsec_", "at least 24 bytes", nil},
		"too short":                        {"whsec_c2hvcnQ=", "at least 24 bytes", nil},
		"a passphrase":                     {"correct horse", "at least 24 bytes", nil},
		"a public key":                     {"whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "not supported", nil},
		"a private key":                    {"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "not supported", nil},
		"a passphrase, with a signature":   {"correct horse", "", forum(true)},
		"a blank, with a signature":        {" \t", "blank", forum(true)},
		"whatever, with a broken document": {secret, "config", json.RawMessage(`{`)},
	} {
		err := adapter.CheckKey(c.key, platform.Options{Config: c.config})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && len(c.key) > 8 && strings.Contains(err.Error(), c.key[6:]) {
			t.Errorf("%s: the error repeats the secret: %v", name, err)
		}
	}
}

func request(t *testing.T, body string, o platform.Options) platform.Request {
	t.Helper()
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}
	if err := adapter.Sign(&r, secret, "msg_1", o, now); err != nil {
		t.Fatal(err)
	}
	return r
}

func verify(r platform.Request, keys ...string) error {
	return adapter.Verify(r, platform.Secrets{Keys: keys}, platform.Options{}, now)
}

// The specification's vector, from its libraries' tests.
func TestPublishedVectorHolds(t *testing.T) {
	r := platform.Request{Body: []byte(`{"test": 2432232314}`), Header: http.Header{}}
	r.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	r.Header.Set("webhook-timestamp", "1614265330")
	r.Header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if err := adapter.Verify(r, platform.Secrets{Keys: []string{secret}}, platform.Options{}, time.Unix(1614265330, 0)); err != nil {
		t.Error(err)
	}
}

func TestDeliveriesThatHold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*platform.Request)
		keys   []string
	}{
		"as it is":                 {func(*platform.Request) {}, []string{secret}},
		"under the previous key":   {func(*platform.Request) {}, []string{other, secret}},
		"beside an unusable key":   {func(*platform.Request) {}, []string{"", "whsec_", "?", secret}},
		"a key without its prefix": {func(*platform.Request) {}, []string{strings.TrimPrefix(secret, "whsec_")}},
		"one of two signatures": {func(r *platform.Request) {
			r.Header.Set("webhook-signature", "v1,AAAA v1a,AAAA v2,x "+r.Header.Get("webhook-signature"))
		}, []string{secret}},
		"as svix names the headers": {func(r *platform.Request) {
			for _, n := range []string{"id", "timestamp", "signature"} {
				r.Header.Set("svix-"+n, r.Header.Get("webhook-"+n))
				r.Header.Del("webhook-" + n)
			}
		}, []string{secret}},
	} {
		r := request(t, `{}`, platform.Options{})
		c.change(&r)
		if err := verify(r, c.keys...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeliveriesThatAreRefused(t *testing.T) {
	emptyKey := func(r *platform.Request) { // what anyone can sign: an HMAC under no key
		m := platform.MAC{Algorithm: "sha256", Encoding: "base64"}
		r.Header.Set("webhook-signature", "v1,"+m.Sum("", []byte("msg_1."+r.Header.Get("webhook-timestamp")+"."), r.Body))
	}
	set := func(name, value string) func(*platform.Request) {
		return func(r *platform.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		change func(*platform.Request)
		keys   []string
		want   string
	}{
		"no secret":                       {func(*platform.Request) {}, nil, "does not match"},
		"an unset secret":                 {emptyKey, []string{""}, "does not match"},
		"a secret of its prefix alone":    {emptyKey, []string{"whsec_"}, "does not match"},
		"a secret of line breaks":         {emptyKey, []string{"whsec_\n"}, "does not match"},
		"another's secret":                {func(*platform.Request) {}, []string{other}, "does not match"},
		"no id":                           {set("webhook-id", ""), []string{secret}, "are required"},
		"no time":                         {set("webhook-timestamp", ""), []string{secret}, "are required"},
		"no signature":                    {set("webhook-signature", ""), []string{secret}, "are required"},
		"only the asymmetric form":        {set("webhook-signature", "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="), []string{secret}, "v1a"},
		"a wrong one beside that form":    {set("webhook-signature", "v1a,AAAA v1,AAAA"), []string{secret}, "does not match"},
		"another id":                      {set("webhook-id", "msg_2"), []string{secret}, "does not match"},
		"an id with a dot":                {set("webhook-id", "msg_1."+strconv.FormatInt(now.Unix(), 10)), []string{secret}, "contains a dot"},
		"a time a second off":             {set("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)), []string{secret}, "does not match"},
		"a time in words":                 {set("webhook-timestamp", "now"), []string{secret}, "no number of seconds"},
		"the same time, written with a +": {set("webhook-timestamp", "+"+strconv.FormatInt(now.Unix(), 10)), []string{secret}, "no number of seconds"},
		"the same time, with a zero":      {set("webhook-timestamp", "0"+strconv.FormatInt(now.Unix(), 10)), []string{secret}, "no number of seconds"},
		"signed too long ago":             {set("webhook-timestamp", strconv.FormatInt(now.Unix()-301, 10)), []string{secret}, "5m1s ago"},
		"signed too far ahead":            {set("webhook-timestamp", strconv.FormatInt(now.Unix()+301, 10)), []string{secret}, "5m1s in the future"},
		"another version": {func(r *platform.Request) {
			r.Header.Set("webhook-signature", strings.Replace(r.Header.Get("webhook-signature"), "v1,", "v2,", 1))
		}, []string{secret}, "does not match"},
		"no version": {func(r *platform.Request) {
			r.Header.Set("webhook-signature", strings.TrimPrefix(r.Header.Get("webhook-signature"), "v1,"))
		}, []string{secret}, "does not match"},
	} {
		r := request(t, `{}`, platform.Options{})
		c.change(&r)
		err := verify(r, c.keys...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
			continue
		}
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: kind %s", name, fault.KindOf(err))
		}
		for _, k := range c.keys {
			if k = strings.TrimPrefix(k, "whsec_"); len(k) > 1 && strings.Contains(err.Error(), k) {
				t.Errorf("%s: the error names the secret: %v", name, err)
			}
		}
	}
}

// The vector of convoy's verifier tests.
func TestConfiguredHMAC(t *testing.T) {
	const sum = "83306382f5361d35351d6de45998f23b52f40bcf96befe4e92f137c0f1bf4a7119388b238d8f9d502ac77e6f1a8849a4778272667ed88d530cac8050bd1fee2d"
	for name, c := range map[string]struct {
		config, header, got, key, want string
	}{
		"as published":         {`{"signature":{"header":"X-Convoy-Signature","algorithm":"sha512","encoding":"hex"}}`, "X-Convoy-Signature", sum, "Convoy", ""},
		"with its prefix":      {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex","prefix":"sha512="}}`, "X-Sig", "sha512=" + sum, "Convoy", ""},
		"without its prefix":   {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex","prefix":"sha512="}}`, "X-Sig", sum, "Convoy", "does not match"},
		"no header":            {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex"}}`, "X-Other", sum, "Convoy", "no X-Sig header"},
		"in upper case":        {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex","prefix":"sha512="}}`, "X-Sig", "sha512=" + strings.ToUpper(sum), "Convoy", ""},
		"the second of two":    {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex","prefix":"sha512="}}`, "X-Sig", "sha512=beef,sha512=" + sum, "Convoy", ""},
		"another's secret":     {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex"}}`, "X-Sig", sum, "convoy", "does not match"},
		"an unset secret":      {`{"signature":{"header":"X-Sig","algorithm":"sha512","encoding":"hex"}}`, "X-Sig", sum, "", "does not match"},
		"an unknown algorithm": {`{"signature":{"header":"X-Sig","algorithm":"md5","encoding":"hex"}}`, "X-Sig", sum, "Convoy", "md5"},
		"no algorithm":         {`{"signature":{"header":"X-Sig"}}`, "X-Sig", sum, "Convoy", "algorithm"},
		"a header of no name":  {`{"signature":{"algorithm":"sha512","encoding":"hex"}}`, "X-Sig", sum, "Convoy", "header"},
		"a broken document":    {`{"signature":1}`, "X-Sig", sum, "Convoy", "config"},
	} {
		r := platform.Request{Body: []byte("Test Payload Body"), Header: http.Header{}}
		r.Header.Set(c.header, c.got)
		err := adapter.Verify(r, platform.Secrets{Keys: []string{c.key}}, platform.Options{Config: json.RawMessage(c.config)}, now)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	hmacConfig := json.RawMessage(`{"signature":{"header":"X-Sig","algorithm":"sha256","encoding":"hex"}}`)
	for name, c := range map[string]struct {
		key, id string
		config  json.RawMessage
	}{
		"an empty secret":             {"", "msg_1", nil},
		"a secret of its prefix":      {"whsec_", "msg_1", nil},
		"a secret that is no base64":  {"whsec_?", "msg_1", nil},
		"no id":                       {secret, "", nil},
		"an id with a dot":            {secret, "a.b", nil},
		"an HMAC with an empty key":   {"", "", hmacConfig},
		"an HMAC of no known kind":    {secret, "", json.RawMessage(`{"signature":{"header":"X-Sig","algorithm":"md5","encoding":"hex"}}`)},
		"a document that is no JSON":  {secret, "msg_1", json.RawMessage(`{`)},
		"a document with other parts": {secret, "msg_1", json.RawMessage(`{"secret":"x"}`)},
	} {
		r := platform.Request{Header: http.Header{}}
		if err := adapter.Sign(&r, c.key, c.id, platform.Options{Config: c.config}, now); err == nil {
			t.Errorf("%s: signed as %v", name, r.Header)
		}
	}
}

func FuzzChangedDeliveryNeverVerifies(f *testing.F) {
	f.Add([]byte(`{"id":1}`), []byte(`{"id":2}`), "msg_1", int64(0), 0, byte(0))
	f.Add([]byte(`1767225600.{}`), []byte(`{}`), "msg_1", int64(0), 3, byte(1))
	f.Add([]byte(``), []byte(``), "msg_1", int64(1), 20, byte(0x20))
	f.Fuzz(func(t *testing.T, body, changed []byte, id string, off int64, at int, xor byte) {
		r := request(t, string(body), platform.Options{})
		sig := []byte(r.Header.Get("webhook-signature"))
		same := bytes.Equal(body, changed) && id == "msg_1" && off%300 == 0
		if at >= 0 && at < len(sig) {
			sig[at] ^= xor
			same = same && xor == 0
		}
		r.Body = changed
		r.Header.Set("webhook-signature", string(sig))
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix()+off%300, 10))
		if err := verify(r, secret); (err == nil) != same {
			t.Errorf("verify says %v, and what was signed is the same: %v", err, same)
		}
	})
}

// mapped returns a document whose mapping reads a flat item, with parts of it replaced.
func mapped(t *testing.T, change map[string]any) json.RawMessage {
	t.Helper()
	m := map[string]any{}
	for _, f := range []string{"scope", "type", "id", "actor_id", "occurred", "direction", "object_id", "text"} {
		m[f] = map[string]any{"path": "/" + f}
	}
	for k, v := range change {
		if v == nil {
			delete(m, k)
			continue
		}
		m[k] = v
	}
	b, err := json.Marshal(map[string]any{"mapping": m})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const flat = `{"scope":"s","type":"post","id":"1","actor_id":"a","occurred":"2026-01-01T00:00:00Z","direction":"inbound"}`

func TestPartsOfAnItem(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]any
		body   string
		want   string // of the key, or of the reason
	}{
		"flat":                      {nil, flat, "standard|s|post|1|2026-01-01T00:00:00.000Z"},
		"a list of items":           {nil, "[" + flat + "]", "standard|s|post|1|"},
		"a constant":                {map[string]any{"scope": map[string]any{"value": "c"}}, flat, "standard|c|post"},
		"presence":                  {map[string]any{"type": map[string]any{"path": "/id", "present": "reply"}}, flat, "standard|s|reply"},
		"absence":                   {map[string]any{"type": map[string]any{"path": "/no", "default": "message"}}, flat, "standard|s|message"},
		"a map's default":           {map[string]any{"type": map[string]any{"path": "/type", "map": map[string]string{"x": "reply"}, "default": "message"}}, flat, "standard|s|message"},
		"an unknown value":          {map[string]any{"type": map[string]any{"path": "/type", "map": map[string]string{"x": "reply"}}}, flat, "which the mapping does not know"},
		"a value mapped to nothing": {map[string]any{"type": map[string]any{"path": "/type", "map": map[string]string{"x": "reply", "post": ""}}}, flat, "ignored"},
		"a true":                    {map[string]any{"direction": map[string]any{"path": "/t", "map": map[string]string{"true": "inbound"}}}, strings.Replace(flat, "{", `{"t":true,`, 1), "standard|s|post"},
		"a place in a list":         {map[string]any{"id": map[string]any{"path": "/l/1"}}, strings.Replace(flat, "{", `{"l":["x","y"],`, 1), "standard|s|post|y|"},
		"beyond a list":             {map[string]any{"id": map[string]any{"path": "/l/2"}}, strings.Replace(flat, "{", `{"l":["x","y"],`, 1), "no id at /l/2"},
		"a place with a zero":       {map[string]any{"id": map[string]any{"path": "/l/01"}}, strings.Replace(flat, "{", `{"l":["x","y"],`, 1), "no id at /l/01"},
		"a place in a text":         {map[string]any{"id": map[string]any{"path": "/id/0"}}, flat, "no id at /id/0"},
		"escapes in a path":         {map[string]any{"id": map[string]any{"path": "/a~1b~01"}}, strings.Replace(flat, "{", `{"a/b~1":"e",`, 1), "standard|s|post|e|"},
		"no scope":                  {nil, strings.Replace(flat, `"scope":"s"`, `"scope":""`, 1), "no scope at /scope"},
		"no id":                     {nil, strings.Replace(flat, `"id":"1"`, `"id":""`, 1), "no id"},
		"an id that is a list":      {nil, strings.Replace(flat, `"id":"1"`, `"id":[1]`, 1), "holds an object or a list"},
		"no such type":              {nil, strings.Replace(flat, "post", "poke", 1), "unknown type"},
		"no direction":              {nil, strings.Replace(flat, "inbound", "", 1), "unknown direction"},
		"no time":                   {nil, strings.Replace(flat, "2026-01-01T00:00:00Z", "", 1), "does not have the layout"},
		"a time in an offset":       {nil, strings.Replace(flat, "00:00:00Z", "01:00:00.5+01:00", 1), "|2026-01-01T00:00:00.500Z"},
		"seconds":                   {map[string]any{"layout": "unix"}, strings.Replace(flat, `"2026-01-01T00:00:00Z"`, "1767225600", 1), "|2026-01-01T00:00:00.000Z"},
		"seconds in words":          {map[string]any{"layout": "unix"}, flat, "no whole number"},
		"seconds beyond all years":  {map[string]any{"layout": "unix"}, strings.Replace(flat, `"2026-01-01T00:00:00Z"`, "9223372036854775807", 1), "of the year"},
		"a layout":                  {map[string]any{"layout": "02.01.2006 15:04", "occurred": map[string]any{"path": "/occurred", "zone": "UTC"}}, strings.Replace(flat, "2026-01-01T00:00:00Z", "03.02.2026 04:05", 1), "|2026-02-03T04:05:00.000Z"},
		"forging with |":            {nil, strings.Replace(flat, `"id":"1"`, `"id":"1|2026"`, 1), "standard|s|post|1%7C2026|"},
		"forging with # and NUL":    {nil, strings.Replace(flat, `"id":"1"`, `"id":"w#A\u0000"`, 1), "standard|s|post|w%23A%00|"},
		"a long id":                 {nil, strings.Replace(flat, `"id":"1"`, `"id":"`+strings.Repeat("9", 5000)+`"`, 1), "standard|s|post|~"},
		"an id beyond 2^53":         {nil, strings.Replace(flat, `"id":"1"`, `"id":9007199254740993`, 1), "standard|s|post|9007199254740993|"},
		"an item that is a number":  {nil, `[1]`, "no id"},
	} {
		doc := mapped(t, c.change)
		if err := adapter.CheckConfig(doc); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		events, err := adapter.Normalise(platform.Request{Body: []byte(c.body)}, platform.Options{Config: doc})
		if err != nil || len(events) != 1 {
			t.Errorf("%s: %d events, %v", name, len(events), err)
			continue
		}
		got := events[0].Parked
		if events[0].Activity != nil {
			got = events[0].Activity.Key
		} else if events[0].Ignored != "" {
			got = "ignored"
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestBodiesThatAreParkedWhole(t *testing.T) {
	for name, c := range map[string]struct {
		config json.RawMessage
		body   string
		want   string
	}{
		"no JSON":     {mapped(t, nil), `x`, "no JSON"},
		"two bodies":  {mapped(t, nil), `{} {}`, "more than one value"},
		"too deep":    {mapped(t, nil), strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested deeper"},
		"no items":    {mapped(t, map[string]any{"items": "/items"}), `{}`, "no list at /items"},
		"no mapping":  {json.RawMessage(`{}`), `{}`, "config.mapping: required"},
		"no document": {nil, `{}`, "config.mapping: required"},
		"not a doc":   {json.RawMessage(`{"x":1}`), `{}`, "unknown field"},
	} {
		events, err := adapter.Normalise(platform.Request{Body: []byte(c.body)}, platform.Options{Config: c.config})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want %q", name, events, err, c.want)
		}
	}
}

func TestHugeListIsMappedWhole(t *testing.T) {
	body := "[" + strings.Repeat(flat+",", 20_000) + flat + "]"
	events, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{Config: mapped(t, nil)})
	if err != nil || len(events) != 20_001 {
		t.Fatalf("%d events, %v", len(events), err)
	}
}

func TestCheckConfigNamesTheField(t *testing.T) {
	path := func(p string) map[string]any { return map[string]any{"path": p} }
	for name, c := range map[string]struct {
		doc  json.RawMessage
		want []string
	}{
		"no document":         {nil, []string{"config.mapping: required"}},
		"null":                {json.RawMessage(`null`), []string{"config.mapping: required"}},
		"no JSON":             {json.RawMessage(`{`), []string{"config: "}},
		"two documents":       {json.RawMessage(`{} {}`), []string{"more than one value"}},
		"an unknown field":    {json.RawMessage(`{"maping":{}}`), []string{`unknown field "maping"`}},
		"an empty signature":  {json.RawMessage(`{"signature":{}}`), []string{"config.signature.header: required", "algorithm", "config.mapping: required"}},
		"an unknown encoding": {json.RawMessage(`{"signature":{"header":"H","algorithm":"sha1","encoding":"hexx"}}`), []string{`encoding "hexx"`}},
		"an empty mapping": {json.RawMessage(`{"mapping":{}}`), []string{"mapping.scope: required", "mapping.type: required", "mapping.id: required",
			"mapping.actor_id: required", "mapping.occurred: required", "mapping.direction: required"}},
		"a path without a slash":  {mapped(t, map[string]any{"text": path("text")}), []string{"mapping.text: path \"text\""}},
		"items without a slash":   {mapped(t, map[string]any{"items": "x"}), []string{"mapping.items"}},
		"a value and a path":      {mapped(t, map[string]any{"url": map[string]any{"path": "/u", "value": "v"}}), []string{"mapping.url: has both"}},
		"neither value nor path":  {mapped(t, map[string]any{"url": map[string]any{"default": "v"}}), []string{"mapping.url: needs"}},
		"an unknown type":         {mapped(t, map[string]any{"type": map[string]any{"path": "/t", "map": map[string]string{"a": "poke"}}}), []string{`"poke" is no type`}},
		"an unknown default type": {mapped(t, map[string]any{"type": map[string]any{"path": "/t", "default": "poke"}}), []string{`"poke" is no type`}},
		"an unknown direction":    {mapped(t, map[string]any{"direction": map[string]any{"value": "up"}}), []string{`"up" is neither`}},
		"an unknown presence":     {mapped(t, map[string]any{"direction": map[string]any{"path": "/x", "present": "up"}}), []string{`"up" is neither`}},
		"a layout without a year": {mapped(t, map[string]any{"layout": "15:04"}), []string{"mapping.layout"}},
		"a layout in words":       {mapped(t, map[string]any{"layout": "YYYY-MM-DD"}), []string{"mapping.layout"}},
		"a layout with a zone":    {mapped(t, map[string]any{"layout": time.RFC1123}), []string{"names are ambiguous"}},
		"a header with a space":   {json.RawMessage(`{"signature":{"header":"X Sig","algorithm":"sha1","encoding":"hex"}}`), []string{`"X Sig" is no name of a header`}},
		"a layout without zone":   {mapped(t, map[string]any{"layout": "2006-01-02 15:04:05"}), []string{"mapping.layout", `says no time zone: add one to the mapping, "occurred": {"path": …, "zone": "Europe/Berlin"}`, "docs/platforms/standard.md, Times"}},
		"a zone of no clock":      {mapped(t, map[string]any{"occurred": map[string]any{"path": "/at", "zone": "Europe/Berlyn"}}), []string{`mapping.occurred: the zone "Europe/Berlyn"`}},
		"a short zone":            {mapped(t, map[string]any{"occurred": map[string]any{"path": "/at", "zone": "CST"}}), []string{`the zone "CST" is neither`}},
		"a zone of seconds":       {mapped(t, map[string]any{"layout": "unix", "occurred": map[string]any{"path": "/at", "zone": "UTC"}}), []string{"does not need"}},
		"a zone of a text":        {mapped(t, map[string]any{"text": map[string]any{"path": "/t", "zone": "UTC"}}), []string{"mapping.text: has a zone"}},
		"an actor for all":        {mapped(t, map[string]any{"actor_id": map[string]any{"value": "Anonymous"}}), []string{"mapping.actor_id: \"Anonymous\" names nobody"}},
		"a constant id":           {mapped(t, map[string]any{"id": map[string]any{"value": "1"}}), []string{"mapping.id: is a constant"}},
		"a constant time":         {mapped(t, map[string]any{"occurred": map[string]any{"value": "2026-01-01T00:00:00Z"}}), []string{"mapping.occurred: is a constant"}},
		"a constant with a map":   {mapped(t, map[string]any{"url": map[string]any{"value": "v", "map": map[string]string{"a": "b"}}}), []string{"mapping.url: is a constant"}},
		"a map and presence":      {mapped(t, map[string]any{"url": map[string]any{"path": "/u", "map": map[string]string{"a": "b"}, "present": "c"}}), []string{"mapping.url: has both a map and present"}},
		"all mapped to nothing":   {mapped(t, map[string]any{"type": map[string]any{"path": "/t", "map": map[string]string{"a": ""}}}), []string{"mapping.type: maps everything to nothing"}},
		"an escape of no meaning": {mapped(t, map[string]any{"url": path("/a~2")}), []string{"mapping.url: path \"/a~2\""}},
	} {
		err := adapter.CheckConfig(c.doc)
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: got %v, want %q", name, err, w)
			}
		}
	}
	for _, layout := range []string{"", "unix", "unix_ms", time.RFC1123Z, time.RubyDate, "2006-01-02 15:04:05 -07", "2006-01-02T15:04Z07:00"} {
		if err := adapter.CheckConfig(mapped(t, map[string]any{"layout": layout})); err != nil {
			t.Errorf("layout %q: %v", layout, err)
		}
	}
}

// The sample of an app is read by its own mapping, whatever that is.
func TestSampleFitsTheMapping(t *testing.T) {
	for name, mapping := range map[string]string{
		"flat":  `{"scope":{"path":"/s"},"type":{"value":"post"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}`,
		"deep":  `{"items":"/data/list","scope":{"path":"/a~1b/0/s"},"type":{"path":"/k","map":{"x":"","y":"react","z":"message"}},"id":{"path":"/a~1b/0/id"},"actor_id":{"path":"/u/id"},"occurred":{"path":"/at"},"layout":"unix","direction":{"path":"/staff","map":{"true":"outbound","no":"inbound"}}}`,
		"short": `{"scope":{"value":"forum"},"type":{"path":"/k","default":"post"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"occurred":{"path":"/at"},"layout":"2006-01-02 15:04:05 -0700","direction":{"path":"/staff","present":"outbound","default":"inbound"}}`,
	} {
		o := platform.Options{Config: json.RawMessage(`{"mapping":` + mapping + `}`)}
		if err := adapter.CheckConfig(o.Config); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := platform.SampleOf(adapter, "forum", "1001", now, o)
		events, err := adapter.Normalise(r, o)
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%s: %s tells %+v, %v", name, r.Body, events, err)
		}
		a := events[0].Activity
		if a.Direction != social.Inbound || !a.Type.Utterance() || !a.Occurred.Equal(now) || a.Object.ID != "1001" || events[0].Scopes[0] != "forum" {
			t.Errorf("%s: %s tells %+v in %v", name, r.Body, a, events[0].Scopes)
		}
	}
}
