package shopify_test

import (
	"net/http"
	"os"
	"slices"
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

// bodies are what each topic sends: files of testdata, or what Shopify's
// documentation shows, in short, of those that have none.
var bodies = map[string][]string{
	"customers/create": {"customers_create", "customers_create_new_headers", "customers_create_without_time",
		`{"id":7000000000001,"created_at":null,"first_name":null,"last_name":null,"email":null,"phone":null,"state":"disabled","verified_email":false,"addresses":[],"tax_exemptions":[],"admin_graphql_api_id":"gid://shopify/Customer/7000000000001"}`},
	"customers/update": {"ignored_customers_update", `{"id":7000000000001,"created_at":"2026-03-04T00:06:07-05:00","first_name":"Ada","email_marketing_consent":{"state":"subscribed"},"sms_marketing_consent":null,"admin_graphql_api_id":"gid://shopify/Customer/7000000000001"}`,
		`{"id":7000000000001,"tax_exempt":false,"admin_graphql_api_id":"gid://shopify/Customer/7000000000001"}`},
	"customers/disable":                        {`{"id":7000000000001,"created_at":null,"first_name":"","last_name":"","state":"disabled","admin_graphql_api_id":"gid://shopify/Customer/7000000000001"}`},
	"customers/delete":                         {"customers_delete", "customers_delete_older", "customers_delete_newer"},
	"customers/merge":                          {"ignored_customers_merge"},
	"customers/data_request":                   {"customers_data_request"},
	"customers/redact":                         {"customers_redact"},
	"customers_email_marketing_consent/update": {"consent_to_email", "consent_to_email_open", "consent_to_email_withdrawn", "consent_to_email_without_time", "consent_to_email_of_nobody"},
	"customers_marketing_consent/update": {"consent_to_texts", "consent_to_texts_open", "consent_to_texts_withdrawn", `{"id":7000000000001,"phone":null,"sms_marketing_consent":null}`,
		`{"id":706405506930370084,"phone":null,"sms_marketing_consent":{"state":null,"opt_in_level":null,"consent_updated_at":null,"consent_collected_from":"other"}}`},
	"customer.tags_added":             {`{"customerId":"gid://shopify/Customer/7000000000001","tags":["a"],"occurredAt":"2026-03-04T00:06:07Z"}`},
	"customer_groups/delete":          {`{"id":7000000000001}`},
	"customer_payment_methods/revoke": {`{"admin_graphql_api_id":"gid://shopify/CustomerPaymentMethod/1","token":"1","customer_id":7000000000001,"admin_graphql_api_customer_id":"gid://shopify/Customer/7000000000001"}`},
	"orders/create":                   {"orders_create_paid", "orders_create_pending"},
	"orders/paid":                     {"orders_paid", "orders_paid_test", "orders_paid_at_the_till"},
	"orders/delete":                   {`{"id":7000000000001}`},
	"orders/cancelled":                {"ignored_orders_cancelled"},
	"refunds/create":                  {"ignored_refunds_create", `{"id":7000000000001,"order_id":820000000000001,"note":null,"admin_graphql_api_id":"gid://shopify/Refund/7000000000001"}`},
	"checkouts/create":                {"ignored_checkouts_create"},
	"carts/create":                    {"ignored_carts_create"},
	"products/create":                 {"unknown"},
	"products/delete":                 {`{"id":7000000000001}`},
	"draft_orders/delete":             {`{"id":7000000000001}`},
	"shop/update":                     {"ignored_shop_update"},
	"shop/redact":                     {"shop_redact"},
	"app/uninstalled":                 {"app_uninstalled"},
}

// The topic is not signed: under a false one, no body destroys anything that
// it does not itself demand to destroy.
func TestBodyOfAnotherTopicErasesNothing(t *testing.T) {
	for _, topic := range []string{"shop/redact", "customers/redact", "customers/delete", "app/uninstalled"} {
		for of, list := range bodies {
			for _, body := range list {
				raw := []byte(body)
				if body[0] != '{' {
					var err error
					if raw, err = os.ReadFile("testdata/" + body + ".json"); err != nil {
						t.Fatal(err)
					}
				}
				r := platform.Request{Header: http.Header{}, Body: raw}
				r.Header.Set("X-Shopify-Topic", topic)
				r.Header.Set("X-Shopify-Shop-Domain", "acme-hats.myshopify.com")
				events, err := adapter.Normalise(r, platform.Options{})
				if err != nil || len(events) != 1 && (of != topic || topic != "customers/redact") || (events[0].Parked == "") != (of == topic) {
					t.Errorf("%s, of %s, as %s: %+v, %v", body, of, topic, events, err)
				}
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

// bought is what becomes of a paid order with these fields.
func bought(t *testing.T, fields string) platform.Event {
	t.Helper()
	r := platform.Request{Header: http.Header{}, Body: []byte(`{"id":82,"created_at":"2026-03-04T06:06:07+01:00","financial_status":"paid",` + fields + `}`)}
	r.Header.Set("X-Shopify-Topic", "orders/paid")
	r.Header.Set("X-Shopify-Shop-Domain", "acme-hats.myshopify.com")
	events, err := adapter.Normalise(r, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", fields, events, err)
	}
	named := adapter.Named(r, platform.Options{})
	if a := events[0].Activity; a != nil && !slices.ContainsFunc(named, func(n platform.Named) bool { return n.Ref == a.Account() }) {
		t.Errorf("%s: %v is not among the named: %v", fields, a.Account(), named)
	}
	return events[0]
}

func TestAGuestIsKnownByAddressOrNumber(t *testing.T) {
	for fields, want := range map[string]string{
		`"customer":null,"email":" Lou@Mail.example ","phone":"+49 171 1"`:                             "email:lou@mail.example",
		`"customer":null,"email":"","contact_email":"lou@mail.example"`:                                "email:lou@mail.example",
		`"email":"lou@mail.example"`:                                                                   "email:lou@mail.example",
		`"customer":{"id":null,"email":"lou@mail.example"}`:                                            "email:lou@mail.example",
		`"customer":null,"email":null,"phone":"+49 (171) 23-45"`:                                       "phone:491712345",
		`"customer":null,"email":"none","billing_address":{"phone":"+49 171 2345","first_name":"Lou"}`: "phone:491712345",
		`"customer":{"id":7},"email":"lou@mail.example"`:                                               "7",
		`"customer":null,"email":null,"phone":"n/a"`:                                                   "",
		`"customer":null`: "",
	} {
		e := bought(t, fields)
		if want == "" {
			if e.Ignored == "" {
				t.Errorf("%s: %+v", fields, e)
			}
		} else if e.Activity == nil || e.Activity.Actor.ID != want || e.Activity.Actor.Scope != "acme-hats.myshopify.com" {
			t.Errorf("%s: %+v, want %s", fields, e.Activity, want)
		}
	}
}

// What the law asks to forget of a customer is also what they bought as a guest.
func TestWhoIsRedactedIsForgottenAsAGuest(t *testing.T) {
	r := platform.Request{Header: http.Header{}, Body: []byte(`{"shop_id":1,"shop_domain":"acme-hats.myshopify.com","customer":{"id":7,"email":"Lou@mail.example","phone":"+49 171 2345"},"orders_to_redact":[82]}`)}
	r.Header.Set("X-Shopify-Topic", "customers/redact")
	r.Header.Set("X-Shopify-Shop-Domain", "acme-hats.myshopify.com")
	events, err := adapter.Normalise(r, platform.Options{})
	var ids []string
	for _, e := range events {
		if e.Erase != nil && e.Erase.Scope == "acme-hats.myshopify.com" {
			ids = append(ids, e.Erase.ID)
		}
	}
	if want := []string{"7", "email:lou@mail.example", "phone:491712345"}; err != nil || !slices.Equal(ids, want) {
		t.Errorf("%v, %v; want %v", ids, err, want)
	}
}
