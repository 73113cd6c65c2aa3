// Package shopify receives Shopify's webhooks: customers and orders of a shop,
// and the demands of privacy law.
// https://shopify.dev/docs/apps/build/webhooks
//
// Shopify signs the body alone. Topic and shop come in headers that whoever
// holds a signed body can change, so what would destroy data must have a body
// of the topic's form, and what is about the shop takes it from the body. A
// deleted customer's shop stands in no body; their id is no other shop's.
package shopify

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = social.Platform("shopify")
	header = "X-Shopify-Hmac-Sha256"
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "base64"}

// get reads a header by its name of today, or without "X-", as newer
// deliveries have it.
func get(h http.Header, name string) string {
	if v := h.Get(name); v != "" {
		return v
	}
	return h.Get(strings.TrimPrefix(name, "X-"))
}

// Adapter is the shopify platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// ignored are the topics that are known to tell nothing that a customer did,
// or nothing that another topic does not tell better.
var ignored = map[string]string{
	"orders/updated":         "the purchase comes as orders/paid",
	"orders/fulfilled":       "how the shop works",
	"orders/cancelled":       "the purchase took place, or was never paid",
	"refunds/create":         "the purchase took place",
	"customers/update":       "also comes with each order, and does not say what changed",
	"customers/merge":        "two customers are one: merge the persons in Rapport",
	"customers/data_request": "the shop's owner must answer it: export the customer's data through the API",
	"checkouts/create":       "nothing was bought yet",
	"carts/create":           "nothing was bought yet",
	"shop/update":            "not a person",
}

// Kinds lists the event types: Shopify's topics.
func (Adapter) Kinds() []platform.Kind {
	kinds := []platform.Kind{
		{Name: "customers/create", Becomes: string(social.SignUp)},
		{Name: "customers/create", Becomes: platform.Ignored, Note: "a test"},
		{Name: "customers_email_marketing_consent/update", Becomes: string(social.Follow), Note: "to e-mail"},
		{Name: "customers_email_marketing_consent/update", Becomes: string(social.Unfollow), Note: "from e-mail"},
		{Name: "customers_email_marketing_consent/update", Becomes: platform.Ignored, Note: "nothing decided, or not yet"},
		{Name: "customers_marketing_consent/update", Becomes: string(social.Follow), Note: "to text messages"},
		{Name: "customers_marketing_consent/update", Becomes: string(social.Unfollow), Note: "from text messages"},
		{Name: "customers_marketing_consent/update", Becomes: platform.Ignored, Note: "nothing decided, or not yet"},
		{Name: "customers/delete", Becomes: platform.Erased},
		{Name: "customers/redact", Becomes: platform.Erased},
		{Name: "shop/redact", Becomes: platform.Erased, Note: "all of the shop's"},
		{Name: "orders/paid", Becomes: string(social.Purchase)},
		{Name: "orders/paid", Becomes: platform.Ignored, Note: "a test, or by somebody without account, e-mail address and telephone"},
		{Name: "orders/create", Becomes: string(social.Purchase), Note: "if it is paid; together with orders/paid it is one"},
		{Name: "orders/create", Becomes: platform.Ignored, Note: "not paid yet"},
		{Name: "app/uninstalled", Becomes: platform.Revoked},
	}
	return platform.WithIgnored(kinds, ignored)
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var domain = pattern.New(`^[a-z0-9][a-z0-9-]*\.myshopify\.com$`)

// CheckScope refuses what is no shop's own domain.
func (Adapter) CheckScope(scope string) error {
	if !domain.MatchString(scope) {
		return errors.New("the scope is the shop's own domain, in lower case: acme.myshopify.com, not the one that customers see")
	}
	return nil
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of the raw body under the app's client secret, in base64.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	got := get(r.Header, header)
	if got == "" {
		return platform.Refuse("no %s header", header)
	}
	if !mac.Matches(s.Keys, got, r.Body) {
		return platform.Refuse("the signature in %s does not match", header)
	}
	return nil
}

// Sign signs r as Shopify does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the client secret is empty")
	}
	r.Header.Set(header, mac.Sum(key, r.Body))
	return nil
}

// Sample is a new customer of a shop.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	body, _ := json.Marshal(map[string]any{"id": id, "first_name": "Ada", "last_name": "Byron", "created_at": now.UTC().Format(time.RFC3339Nano)})
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
	r.Header.Set("X-Shopify-Topic", "customers/create")
	r.Header.Set("X-Shopify-Shop-Domain", scope)
	return r
}

type customer struct {
	ID        platform.ID   `json:"id"`
	FirstName platform.Text `json:"first_name"`
	LastName  platform.Text `json:"last_name"`
	Created   platform.Text `json:"created_at"`
	contact
}

// contact is by what a shop reaches somebody. A guest, who has no account, is
// known by it: by the e-mail address or, without one, by the telephone number.
type contact struct {
	EMail platform.Text `json:"email"`
	Phone platform.Text `json:"phone"`
}

func (c contact) byMail() string {
	if mail := strings.ToLower(strings.TrimSpace(string(c.EMail))); strings.Contains(mail, "@") {
		return "email:" + mail
	}
	return ""
}

func (c contact) byPhone() string {
	if number := noDigit.ReplaceAllString(string(c.Phone), ""); len(number) >= 5 {
		return "phone:" + number
	}
	return ""
}

// noDigit is what people write between the digits of a telephone number.
var noDigit = pattern.New(`[^0-9]`)

func (c customer) actor(shop string) social.Actor {
	return social.Actor{ID: string(c.ID), Scope: shop, Name: strings.TrimSpace(string(c.FirstName) + " " + string(c.LastName))}
}

// Normalise reads the one event of a delivery.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var any map[string]json.RawMessage
	if err := platform.Decode(r.Body, &any); err != nil {
		return nil, err
	}
	topic, shop := get(r.Header, "X-Shopify-Topic"), strings.ToLower(get(r.Header, "X-Shopify-Shop-Domain"))
	if topic == "" || shop == "" {
		return nil, errors.New("no X-Shopify-Topic or no X-Shopify-Shop-Domain header")
	}
	// What the shop's staff sends with the button "Send test notification" tells of
	// nobody. The header is not signed: whoever sets it has an event ignored, no more.
	if get(r.Header, "X-Shopify-Test") == "true" {
		return []platform.Event{platform.Ignore(topic, "a test", shop)}, nil
	}
	if topic == "customers/redact" || topic == "shop/redact" {
		events, err := redact(topic, shop, r.Body)
		if err != nil {
			return []platform.Event{platform.Park(topic, err, shop)}, nil
		}
		return events, nil
	}
	return []platform.Event{read(topic, shop, r.Body)}, nil
}

func read(topic, shop string, body []byte) platform.Event {
	if why := ignored[topic]; why != "" {
		return platform.Ignore(topic, why, shop)
	}
	var e platform.Event
	var err error
	switch topic {
	case "customers/create":
		e, err = signUp(topic, shop, body)
	case "orders/paid", "orders/create":
		e, err = order(topic, shop, body)
	case "customers_email_marketing_consent/update", "customers_marketing_consent/update":
		e, err = consent(topic, shop, body)
	case "customers/delete":
		e, err = deleted(topic, shop, body)
	case "app/uninstalled":
		e, err = uninstalled(topic, shop, body)
	default:
		e = platform.Ignore(topic, "it is not known to tell what someone did", shop)
	}
	if err != nil {
		return platform.Park(topic, err, shop)
	}
	return e
}

func signUp(topic, shop string, body []byte) (platform.Event, error) {
	var c customer
	if err := platform.Decode(body, &c); err != nil {
		return platform.Event{}, err
	}
	at, err := platform.Time(string(c.Created))
	id := string(c.ID)
	return platform.Act(topic, social.Activity{
		Key: social.ActivityKey(name, shop, social.SignUp, id, at), Platform: name, Scope: shop, Type: social.SignUp, Actor: c.actor(shop),
		Object: social.Object{ID: id, Type: "customer"}, URL: admin(shop, "customers", id), Occurred: at, Direction: social.Inbound,
	}, err, shop), nil
}

// consent is what a customer decided about being written to, by e-mail or by
// text message, with the time of the decision.
// https://shopify.dev/docs/api/webhooks
func consent(topic, shop string, body []byte) (platform.Event, error) {
	type decision struct {
		State   platform.Text `json:"state"` // subscribed, unsubscribed; not_subscribed, pending, invalid, redacted
		Updated platform.Text `json:"consent_updated_at"`
	}
	var v struct {
		ID       platform.ID `json:"id"`
		Customer platform.ID `json:"customer_id"`
		EMail    *decision   `json:"email_marketing_consent"`
		SMS      *decision   `json:"sms_marketing_consent"`
	}
	if err := platform.Decode(body, &v); err != nil {
		return platform.Event{}, err
	}
	of, by, id := "email", v.EMail, string(v.Customer)
	if topic == "customers_marketing_consent/update" {
		of, by, id = "sms", v.SMS, string(v.ID)
	}
	if by == nil || id == "" {
		return platform.Event{}, errors.New("no consent, or no customer's id")
	}
	t, decided := map[platform.Text]social.Type{"subscribed": social.Follow, "unsubscribed": social.Unfollow}[by.State]
	if !decided {
		return platform.Ignore(topic, "the customer has decided nothing, or not yet", shop), nil
	}
	at, err := platform.Time(string(by.Updated))
	if err != nil {
		err = fmt.Errorf("consent_updated_at: %w", err)
	}
	return platform.Act(topic, social.Activity{
		Key: social.ActivityKey(name, shop, t, social.Key(id, of), at), Platform: name, Scope: shop, Type: t, Actor: social.Actor{ID: id, Scope: shop},
		Object: social.Object{ID: of, Type: "subscription"}, URL: admin(shop, "customers", id), Occurred: at, Direction: social.Inbound,
	}, err, shop), nil
}

// order is a purchase once it is paid: the same one under both topics, with
// the time at which it was placed.
func order(topic, shop string, body []byte) (platform.Event, error) {
	var o struct {
		ID       platform.ID   `json:"id"`
		Created  platform.Text `json:"created_at"`
		Status   platform.Text `json:"financial_status"`
		Test     bool          `json:"test"`
		Customer *customer     `json:"customer"`
		contact
		Contact platform.Text `json:"contact_email"`
		Billing struct {
			FirstName platform.Text `json:"first_name"`
			LastName  platform.Text `json:"last_name"`
			Phone     platform.Text `json:"phone"`
		} `json:"billing_address"`
	}
	if err := platform.Decode(body, &o); err != nil {
		return platform.Event{}, err
	}
	switch {
	case o.ID == "" || o.Status == "":
		return platform.Event{}, errors.New("no order: it has no id or no financial_status")
	case o.Test:
		return platform.Ignore(topic, "a test", shop), nil
	case topic == "orders/create" && o.Status != "paid":
		return platform.Ignore(topic, "not paid yet: orders/paid will tell", shop), nil
	}
	var by social.Actor
	if o.Customer != nil {
		by = o.Customer.actor(shop)
	}
	if by.ID == "" { // a guest
		of := []contact{{EMail: o.Contact}, o.contact, {Phone: o.Billing.Phone}}
		if o.Customer != nil {
			of = append([]contact{o.Customer.contact}, of...)
		}
		for _, c := range of {
			by.ID = cmp.Or(by.ID, c.byMail())
		}
		for _, c := range of {
			by.ID = cmp.Or(by.ID, c.byPhone())
		}
		by.Scope, by.Name = shop, cmp.Or(by.Name, strings.TrimSpace(string(o.Billing.FirstName)+" "+string(o.Billing.LastName)))
	}
	if by.ID == "" {
		return platform.Ignore(topic, "by nobody that Shopify names", shop), nil
	}
	at, err := platform.Time(string(o.Created))
	id := string(o.ID)
	return platform.Act(topic, social.Activity{
		Key: social.ActivityKey(name, shop, social.Purchase, id, at), Platform: name, Scope: shop, Type: social.Purchase, Actor: by,
		Object: social.Object{ID: id, Type: "order"}, URL: admin(shop, "orders", id), Occurred: at, Direction: social.Inbound,
	}, err, shop), nil
}

// deleted is that a customer is no more. Of one there is only the id, in both
// of its forms; what else the body lists, which differs by the version of the
// API, is empty. No other topic's body is so: who is still there has a name or a
// time, a consent has its state, and other things have another name than gid.
// https://shopify.dev/docs/api/admin-rest/latest/resources/webhook#event-topics-customers-delete
func deleted(topic, shop string, body []byte) (platform.Event, error) {
	var v struct {
		ID  platform.ID   `json:"id"`
		GID platform.Text `json:"admin_graphql_api_id"`
	}
	if err := platform.Decode(body, &v); err != nil {
		return platform.Event{}, err
	}
	switch {
	case v.ID == "":
		return platform.Event{}, errors.New("a customer without an id")
	case string(v.GID) != "gid://shopify/Customer/"+string(v.ID):
		return platform.Event{}, errors.New("no deletion of a customer: admin_graphql_api_id does not name the one of the id")
	}
	if err := nothingBut(body, "id", "admin_graphql_api_id"); err != nil {
		return platform.Event{}, fmt.Errorf("no deletion: %w", err)
	}
	return platform.Event{Kind: topic, Scopes: []string{shop}, Erase: &social.AccountRef{Platform: name, Scope: shop, ID: string(v.ID)}}, nil
}

// nothingBut refuses a body that tells anything under another name than these:
// what is null, or an empty text, list or object tells nothing.
func nothingBut(body []byte, names ...string) error {
	var v map[string]any
	if err := platform.Decode(body, &v); err != nil {
		return err
	}
	for _, k := range slices.Sorted(maps.Keys(v)) {
		if slices.Contains(names, k) {
			continue
		}
		switch of := v[k].(type) {
		case nil:
			continue
		case string:
			if of == "" {
				continue
			}
		case []any:
			if len(of) == 0 {
				continue
			}
		case map[string]any:
			if len(of) == 0 {
				continue
			}
		}
		return fmt.Errorf("the body tells more than that, in %.40q", k)
	}
	return nil
}

// redact is a demand of privacy law, of a form that no other body has.
// https://shopify.dev/docs/apps/build/compliance/privacy-law-compliance
// Of a customer it also means what they bought as a guest.
func redact(topic, shop string, body []byte) ([]platform.Event, error) {
	var v struct {
		ShopID    platform.ID     `json:"shop_id"`
		Domain    platform.Text   `json:"shop_domain"`
		Customer  *customer       `json:"customer"`
		Orders    json.RawMessage `json:"orders_to_redact"`
		Request   json.RawMessage `json:"data_request"`
		Requested json.RawMessage `json:"orders_requested"`
	}
	if err := platform.Decode(body, &v); err != nil {
		return nil, err
	}
	if err := same(shop, string(v.Domain)); err != nil {
		return nil, err
	}
	switch {
	case v.ShopID == "" || v.Request != nil || v.Requested != nil:
		return nil, errors.New("no demand to redact: it has no shop_id, or is a request for data")
	case topic == "shop/redact" && (v.Customer != nil || v.Orders != nil):
		return nil, errors.New("it is about a customer, not about the shop")
	case topic == "shop/redact":
		if err := nothingBut(body, "shop_id", "shop_domain"); err != nil {
			return nil, fmt.Errorf("no demand to redact the shop: %w", err)
		}
	case v.Customer == nil || v.Customer.ID == "" && v.Customer.byMail() == "" && v.Customer.byPhone() == "":
		return nil, errors.New("a customer without id, e-mail address and telephone number: erase them by hand")
	case v.Orders == nil:
		return nil, errors.New("no demand to redact a customer: it has no orders_to_redact")
	}
	ids := []string{""} // all of the shop's
	if v.Customer != nil {
		ids = []string{string(v.Customer.ID), v.Customer.byMail(), v.Customer.byPhone()}
	}
	var events []platform.Event
	for _, id := range ids {
		if id != "" || v.Customer == nil {
			events = append(events, platform.Event{Kind: topic, Scopes: []string{shop}, Erase: &social.AccountRef{Platform: name, Scope: shop, ID: id}})
		}
	}
	return events, nil
}

// same refuses a header that names another shop than the signed body.
func same(header, body string) error {
	if strings.ToLower(body) != header {
		return fmt.Errorf("the header names the shop %.80q, the body %.80q", header, body)
	}
	return nil
}

func uninstalled(topic, shop string, body []byte) (platform.Event, error) {
	var v struct {
		Domain platform.Text `json:"myshopify_domain"`
	}
	if err := platform.Decode(body, &v); err != nil {
		return platform.Event{}, err
	}
	if err := same(shop, string(v.Domain)); err != nil {
		return platform.Event{}, err
	}
	return platform.Event{Kind: topic, Scopes: []string{shop}, Revoked: "the app was uninstalled from the shop: install it again, or close the source"}, nil
}

// admin is where the shop's staff can look at a thing; "" for a shop of no usual name.
func admin(shop, what, id string) string {
	if !domain.MatchString(shop) {
		return ""
	}
	return "https://admin.shopify.com/store/" + strings.TrimSuffix(shop, ".myshopify.com") + "/" + what + "/" + url.PathEscape(id)
}
