// Package stripe receives Stripe's webhooks: customers, payments and
// subscriptions.
// https://docs.stripe.com/webhooks
package stripe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = social.Platform("stripe")
	header = "Stripe-Signature"

	// tolerance is that of Stripe's libraries: https://docs.stripe.com/webhooks#verify-manually
	tolerance = 5 * time.Minute

	// own is the scope of an account's own events, which do not name it.
	own = "own"
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// Adapter is the stripe platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// ignored are the event types that are known to tell nothing that a customer
// did, or nothing that another type does not tell better. One payment makes
// several of them: only its charge counts.
var ignored = map[string]string{
	"checkout.session.completed":    "its payment comes as charge.succeeded",
	"invoice.paid":                  "its payment comes as charge.succeeded",
	"invoice.payment_succeeded":     "its payment comes as charge.succeeded",
	"payment_intent.succeeded":      "its payment comes as charge.succeeded",
	"charge.failed":                 "nothing was bought",
	"charge.refunded":               "the purchase took place",
	"charge.dispute.created":        "the purchase took place",
	"invoice.payment_failed":        "nothing was bought",
	"customer.subscription.updated": "plans, quantities and renewals; joining comes by status",
}

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	kinds := []platform.Kind{
		{Name: "customer.created", Becomes: string(social.SignUp)},
		{Name: "customer.updated", Becomes: string(social.ProfileChange), Note: "of name, address, e-mail or telephone"},
		{Name: "customer.updated", Becomes: platform.Ignored, Note: "of anything else"},
		{Name: "customer.deleted", Becomes: platform.Erased},
		{Name: "charge.succeeded", Becomes: string(social.Purchase), Note: "the one fact of a payment, however it was made"},
		{Name: "charge.succeeded", Becomes: platform.Ignored, Note: "authorised and not captured yet, or by nobody that Stripe names"},
		{Name: "charge.captured", Becomes: string(social.Purchase), Note: "of one that was authorised before"},
		{Name: "customer.subscription.created", Becomes: string(social.Join)},
		{Name: "customer.subscription.created", Becomes: platform.Ignored, Note: "its first payment is still due"},
		{Name: "customer.subscription.updated", Becomes: string(social.Join), Note: "when its first payment was made"},
		{Name: "customer.subscription.deleted", Becomes: string(social.Leave), Note: "with what the customer says of it"},
		{Name: "account.application.deauthorized", Becomes: platform.Revoked},
	}
	return platform.WithIgnored(kinds, ignored)
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckKey refuses what is no signing secret, for example an API key.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if !strings.HasPrefix(key, "whsec_") || len(key) < len("whsec_")+16 {
		return errors.New("the secret should be the endpoint's signing secret: whsec_ and more, not an API key")
	}
	return nil
}

var scopeForm = pattern.New(`^(own|acct_[A-Za-z0-9]+)(/test)?$`)

// CheckScope refuses what is neither an account nor own.
func (Adapter) CheckScope(scope string) error {
	if !scopeForm.MatchString(scope) {
		return errors.New(`the scope is "own", or a connected account's id (acct_…); for events of test mode with "/test" after it`)
	}
	return nil
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks HMAC-SHA256 of timestamp, "." and raw body under the whole
// signing secret. While a secret is rolled there are several signatures.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
	var stamp string
	var sums []string
	for _, e := range strings.Split(r.Header.Get(header), ",") {
		switch k, v, _ := strings.Cut(e, "="); k {
		case "t":
			if stamp != "" {
				return platform.Refuse("%s has two timestamps", header)
			}
			stamp = v
		case "v1":
			sums = append(sums, v)
		}
	}
	at, err := platform.Unix(stamp, time.Second)
	if err != nil || len(sums) == 0 {
		return platform.Refuse("no %s header of the form t=…,v1=…", header)
	}
	if err := platform.Within(at, now, tolerance); err != nil {
		return err
	}
	for _, sum := range sums {
		if mac.Matches(s.Keys, sum, []byte(stamp+"."), r.Body) {
			return nil
		}
	}
	return platform.Refuse("the signature in %s does not match", header)
}

// Sign signs r as Stripe does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	if key == "" {
		return errors.New("the signing secret is empty")
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set(header, "t="+stamp+",v1="+mac.Sum(key, []byte(stamp+"."), r.Body))
	return nil
}

// Sample is a new customer.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type m = map[string]any
	account, test := strings.CutSuffix(scope, "/test")
	e := m{"id": "evt_" + id, "object": "event", "type": "customer.created", "created": now.Unix(), "livemode": !test,
		"data": m{"object": m{"id": "cus_" + id, "object": "customer", "created": now.Unix(), "name": "Ada", "livemode": !test}}}
	if account != own {
		e["account"] = account
	}
	body, _ := json.Marshal(e)
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

type event struct {
	ID      platform.ID   `json:"id"`
	Type    string        `json:"type"`
	Account platform.ID   `json:"account"` // of a connected account's event
	Created platform.Text `json:"created"` // seconds
	Live    *bool         `json:"livemode"`
	Data    struct {
		Object   json.RawMessage            `json:"object"`
		Previous map[string]json.RawMessage `json:"previous_attributes"`
	} `json:"data"`
}

// object holds the fields of all objects that are read.
type object struct {
	ID       platform.ID     `json:"id"`
	Customer json.RawMessage `json:"customer"` // its id or, expanded, it
	Created  platform.Text   `json:"created"`
	Name     platform.Text   `json:"name"`
	Status   platform.Text   `json:"status"`
	Captured bool            `json:"captured"`
	Intent   json.RawMessage `json:"payment_intent"` // as customer
	Billing  struct {
		Name  platform.Text `json:"name"`
		Email platform.Text `json:"email"`
	} `json:"billing_details"`
	Receipt platform.Text `json:"receipt_email"`
	Ended   platform.Text `json:"ended_at"`
	Cancel  struct {
		Comment  platform.Text `json:"comment"`
		Feedback platform.Text `json:"feedback"` // too_expensive, missing_features …
	} `json:"cancellation_details"`
}

// idOf is the id of an object that stands as its id or, expanded, as itself; "" if there is none.
func idOf(raw json.RawMessage) string {
	var id platform.Text
	var expanded struct {
		ID platform.ID `json:"id"`
	}
	if json.Unmarshal(raw, &id) == nil {
		return string(id)
	}
	if json.Unmarshal(raw, &expanded) == nil {
		return string(expanded.ID)
	}
	return ""
}

// guest is who pays without being a customer: an e-mail address, "" without one.
func (o object) guest() string {
	for _, mail := range []platform.Text{o.Billing.Email, o.Receipt} {
		if mail := strings.ToLower(strings.TrimSpace(string(mail))); mail != "" {
			return "email:" + mail
		}
	}
	return ""
}

// thin are the types, read here, that a destination of thin events sends
// without their object: https://docs.stripe.com/event-destinations#thin-events
var thin = map[string]bool{"v1.customer.created": true, "v1.customer.updated": true, "v1.customer.deleted": true, "v1.charge.succeeded": true, "v1.charge.captured": true,
	"v1.customer.subscription.created": true, "v1.customer.subscription.updated": true, "v1.customer.subscription.deleted": true}

// Normalise reads the one event of a delivery.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var e event
	if err := platform.Decode(r.Body, &e); err != nil {
		return nil, err
	}
	if e.Type == "" {
		return nil, errors.New("no event: it has no type")
	}
	return []platform.Event{e.read()}, nil
}

func (e event) read() platform.Event {
	// Test payments are kept apart: a live endpoint of Connect receives both.
	scope := string(e.Account)
	if scope == "" {
		scope = own
	}
	if e.Live != nil && !*e.Live {
		scope += "/test"
	}
	ignore := func(why string) platform.Event { return platform.Ignore(e.Type, why, scope) }
	park := func(format string, args ...any) platform.Event {
		return platform.Park(e.Type, fmt.Errorf(format, args...), scope)
	}
	switch e.Type {
	case "account.application.deauthorized":
		return platform.Event{Kind: e.Type, Scopes: []string{scope}, Revoked: "the connected account has disconnected your platform: ask its owner to connect it again"}
	case "customer.created", "customer.updated", "customer.deleted", "charge.succeeded", "charge.captured",
		"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted":
	default:
		if why := ignored[e.Type]; why != "" {
			return ignore(why)
		}
		if thin[e.Type] {
			return park("a thin event, which names its object and does not hold it: let the event destination send snapshots")
		}
		return ignore("it is not known to tell what someone did")
	}
	var o object
	if err := platform.Decode(e.Data.Object, &o); err != nil {
		return park("data.object: %w", err)
	}
	if o.ID == "" {
		return park("data.object has no id")
	}
	id := string(o.ID)
	// Ids of Stripe's objects are unique on Stripe.
	a := social.Activity{Platform: name, Actor: social.Actor{ID: idOf(o.Customer)}, Object: social.Object{ID: id}, Direction: social.Inbound}
	stamp, key := o.Created, id
	switch e.Type {
	case "customer.deleted":
		return platform.Event{Kind: e.Type, Scopes: []string{scope}, Erase: &social.AccountRef{Platform: name, ID: id}}
	case "customer.created":
		a.Type, a.Actor = social.SignUp, social.Actor{ID: id, Name: string(o.Name)}
	case "customer.updated":
		if !e.changed("name", "email", "phone", "address", "shipping") {
			return ignore("neither name nor address, e-mail or telephone changed")
		}
		a.Type, a.Actor = social.ProfileChange, social.Actor{ID: id, Name: string(o.Name)}
		stamp, key = e.Created, social.Key(id, string(e.ID)) // there can be two in a second
	case "charge.succeeded", "charge.captured":
		if !o.Captured {
			return ignore("authorised and not captured yet: charge.captured will tell")
		}
		if a.Actor.ID == "" {
			a.Actor.ID = o.guest()
		}
		if a.Actor.ID == "" {
			return ignore("by nobody that Stripe names")
		}
		a.Type, a.Actor.Name, a.Object.Type = social.Purchase, string(o.Billing.Name), "charge"
		if intent := idOf(o.Intent); intent != "" {
			id = intent
		}
		a.URL = dashboard(e, "payments", id)
	default: // of subscriptions
		a.Object.Type, a.URL = "subscription", dashboard(e, "subscriptions", id)
		switch {
		case e.Type == "customer.subscription.deleted":
			a.Type, a.Text = social.Leave, strings.TrimSpace(string(o.Cancel.Comment))
			if a.Text == "" {
				a.Text = strings.ReplaceAll(string(o.Cancel.Feedback), "_", " ")
			}
			if stamp = o.Ended; stamp == "" {
				stamp = e.Created
			}
		case e.Type == "customer.subscription.updated" && string(e.Data.Previous["status"]) != `"incomplete"`:
			return ignore(ignored[e.Type])
		case o.Status == "incomplete" || o.Status == "incomplete_expired":
			return ignore("its first payment is still due, or was never made")
		default:
			a.Type = social.Join // at the subscription's own time, so that it is one fact
		}
	}
	if a.Object.Type == "" {
		a.Object.Type, a.URL = "customer", dashboard(e, "customers", id)
	}
	at, err := platform.Unix(string(stamp), time.Second)
	a.Occurred = at
	a.Key = social.ActivityKey(name, "", a.Type, key, at)
	return platform.Act(e.Type, a, err, scope)
}

// changed reports whether an update was of any of the fields.
func (e event) changed(fields ...string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { _, ok := e.Data.Previous[f]; return ok })
}

// dashboard is where the account that a thing belongs to can look at it.
func dashboard(e event, what, id string) string {
	base := "https://dashboard.stripe.com/"
	if e.Live != nil && !*e.Live {
		base += "test/"
	}
	return base + what + "/" + url.PathEscape(id)
}
