package stripe_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/stripe"
)

var (
	adapter stripe.Adapter
	suite   = platformtest.Suite{Adapter: adapter, Scopes: []string{"own", "own/test", "acct_1Example0001", "acct_1Example0001/test"}, Fleeting: []string{"/pending_webhooks", "/api_version"}, Secret: "whsec_0123456789abcdef0123", Other: "whsec_another", Window: 5 * time.Minute}
)

func TestStripe(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The vector of async-stripe's tests:
// https://github.com/arlyon/async-stripe/blob/master/async-stripe-webhook/src/webhook.rs
func TestPublishedVector(t *testing.T) {
	const body = `{"account":"acct_123","api_version":"2017-05-25","created":1533204620,"data":{"object":{"amount":1000,"currency":"usd","customer":"cus_123","date":1533204620,"description":"Test Invoice Item","discountable":false,"id":"ii_123","invoice":"in_123","livemode":false,"metadata":{},"object":"invoiceitem","period":{"end":1533204620,"start":1533204620},"proration":false,"quantity":3,"quantity_decimal":"0"}},"id":"evt_123","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":"req_123","idempotency_key":"idempotency-key-123"},"type":"invoiceitem.created"}`
	const sum = "d7373bc68f4bd320b253cd7461f87af6e1cdf1b4d7db1614d8d1d746972d2d0a"
	at := time.Unix(1533204620, 0)
	for header, want := range map[string]string{
		"t=1533204620,v1=" + sum + ",v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef": "",
		"t=1533204620,v1=" + strings.Repeat("0", 64) + ",v1=" + sum:                                       "", // while the secret is rolled
		"t=1533204620,v1=" + sum + ",v1=" + strings.Repeat("0", 64):                                       "",
		"t=1533204620,v0=" + sum:                                  "of the form",
		"v1=" + sum:                                               "of the form",
		"t=1533204620,t=1533204621,v1=" + sum:                     "two timestamps",
		"t=1533204621,v1=" + sum:                                  "does not match",
		"t=1533204000,v1=" + sum:                                  "ago",
		"t=1533204620,v1=" + strings.ToUpper(sum):                 "does not match",
		"t=1533204620;v1=" + sum:                                  "of the form",
		"t=1533204620,v1=" + sum + ",t=1533204620,v1=" + sum[:63]: "two timestamps",
	} {
		r := platform.Request{Header: http.Header{}, Body: []byte(body)}
		r.Header.Set("Stripe-Signature", header)
		err := adapter.Verify(r, platform.Secrets{Keys: []string{"secret"}}, platform.Options{}, at)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", header, err, want)
		}
	}
}

func TestKeysAndScopesThatCantWork(t *testing.T) {
	for key, ok := range map[string]bool{"whsec_0123456789abcdef0123": true, "whsec_": false, "": false, "sk_live_0123456789abcdef0123": false} {
		if err := adapter.CheckKey(key, platform.Options{}); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
	for scope, ok := range map[string]bool{"own": true, "own/test": true, "acct_1A": true, "acct_1A/test": true, "": false, "acct_": false, "cus_1": false, "own/live": false} {
		if err := adapter.CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
}

// What came over an account's own endpoint and over its platform's is one fact.
func TestConnectTellsTheSame(t *testing.T) {
	const of = `"type":"charge.succeeded","livemode":true,"created":1772600767,"data":{"object":{"id":"ch_1","created":1772600710,"captured":true,"customer":"cus_1"}}}`
	var told []string
	for _, body := range []string{`{"id":"evt_1",` + of, `{"id":"evt_2","account":"acct_1",` + of} {
		events, err := adapter.Normalise(platform.Request{Body: []byte(body)}, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%+v, %v", events, err)
		}
		a := *events[0].Activity
		told = append(told, a.Key+" "+a.URL)
	}
	if told[0] != told[1] {
		t.Errorf("two facts: %q", told)
	}
}
