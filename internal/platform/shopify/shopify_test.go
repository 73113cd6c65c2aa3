package shopify_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/platformtest"
	"rapport/internal/platform/shopify"
)

var (
	adapter shopify.Adapter
	suite   = platformtest.Suite{Adapter: adapter, Scopes: []string{"acme-hats.myshopify.com"}, Fleeting: []string{"X-Shopify-Webhook-Id", "X-Shopify-Event-Id", "X-Shopify-Triggered-At"}, Secret: "client-secret", Other: "another's"}
)

func TestShopify(t *testing.T) { platformtest.Run(t, suite) }

func FuzzNormalise(f *testing.F) { platformtest.Fuzz(f, suite) }

// The vector of go-shopify, whose body includes the quotation marks, under
// either name of the header:
// https://github.com/bold-commerce/go-shopify/blob/master/oauth_test.go
func TestPublishedVector(t *testing.T) {
	for _, header := range []string{"X-Shopify-Hmac-Sha256", "Shopify-Hmac-Sha256"} {
		r := platform.Request{Header: http.Header{}, Body: []byte(`"my secret message"`)}
		r.Header.Set(header, "hMTq0K2x7oyOjoBwGYeTj5oxfnaVYXzbanUG9aajpKI=")
		if err := adapter.Verify(r, platform.Secrets{Keys: []string{"hush"}}, platform.Options{}, time.Time{}); err != nil {
			t.Errorf("%s: %v", header, err)
		}
		r.Body = []byte("my secret message")
		if adapter.Verify(r, platform.Secrets{Keys: []string{"hush"}}, platform.Options{}, time.Time{}) == nil {
			t.Errorf("%s: another body holds", header)
		}
	}
}

// The topic is not signed: under a false one, no body destroys anything that
// it does not itself demand to destroy.
func TestBodyOfAnotherTopicErasesNothing(t *testing.T) {
	for topic, files := range map[string][]string{
		"shop/redact":      {"customers_create", "customers_delete", "orders_paid", "customers_redact", "customers_data_request", "app_uninstalled", "unknown"},
		"customers/redact": {"customers_create", "customers_delete", "orders_paid", "shop_redact", "customers_data_request", "app_uninstalled", "unknown"},
		"customers/delete": {"customers_create", "orders_paid", "customers_redact", "shop_redact", "customers_data_request"},
		"app/uninstalled":  {"customers_create", "customers_delete", "orders_paid", "customers_redact", "shop_redact", "unknown"},
	} {
		for _, file := range files {
			body, err := os.ReadFile("testdata/" + file + ".json")
			if err != nil {
				t.Fatal(err)
			}
			r := platform.Request{Header: http.Header{}, Body: body}
			r.Header.Set("X-Shopify-Topic", topic)
			r.Header.Set("X-Shopify-Shop-Domain", "acme-hats.myshopify.com")
			events, err := adapter.Normalise(r, platform.Options{})
			if err != nil || len(events) != 1 || events[0].Parked == "" {
				t.Errorf("%s as %s: %+v, %v", file, topic, events, err)
			}
		}
	}
}

// An order that comes under both topics is one purchase.
func TestOrderIsOnePurchase(t *testing.T) {
	body, err := os.ReadFile("testdata/orders_paid.json")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, topic := range []string{"orders/paid", "orders/create"} {
		r := platform.Request{Header: http.Header{}, Body: body}
		r.Header.Set("X-Shopify-Topic", topic)
		r.Header.Set("X-Shopify-Shop-Domain", "acme-hats.myshopify.com")
		events, err := adapter.Normalise(r, platform.Options{})
		if err != nil || len(events) != 1 || events[0].Activity == nil {
			t.Fatalf("%+v, %v", events, err)
		}
		keys = append(keys, events[0].Activity.Key)
	}
	if keys[0] != keys[1] {
		t.Errorf("two purchases: %q", keys)
	}
}

func TestScopeIsTheShopsOwnDomain(t *testing.T) {
	for scope, ok := range map[string]bool{"acme-hats.myshopify.com": true, "": false, "acme.example": false, "Acme.myshopify.com": false, "https://acme.myshopify.com": false, ".myshopify.com": false} {
		if err := adapter.CheckScope(scope); (err == nil) != ok {
			t.Errorf("%q: %v", scope, err)
		}
	}
}
