// Package standard receives any JSON webhook: signed as Standard Webhooks
// says (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
// or by an HMAC over the body that the app's document describes, and mapped
// to activities by that document.
package standard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// Config is the app's document.
type Config struct {
	Signature *Signature `json:"signature,omitempty"` // absent: Standard Webhooks
	Mapping   *Mapping   `json:"mapping,omitempty"`
}

// Signature describes an HMAC over the raw body.
type Signature struct {
	Header    string `json:"header"`
	Algorithm string `json:"algorithm"` // sha256, sha512, sha1
	Encoding  string `json:"encoding"`  // hex, base64
	Prefix    string `json:"prefix,omitempty"`
}

func (s Signature) mac() platform.MAC {
	return platform.MAC{Algorithm: s.Algorithm, Encoding: s.Encoding}
}

// Adapter is the standard platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return "standard" }

func parseConfig(raw json.RawMessage) (c Config, err error) {
	err = platform.Config(raw, &c)
	return c, err
}

// Kinds lists what an item can become: every type of activity, as the app's
// mapping says. An item that the mapping maps to nothing is ignored under the
// name that the sender gives its type.
func (Adapter) Kinds() []platform.Kind {
	var kinds []platform.Kind
	for _, t := range social.Types {
		kinds = append(kinds, platform.Kind{Name: "item", Becomes: string(t), Note: "by the app's mapping"})
	}
	return kinds
}

// headerName is what a header can be called (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2).
var headerName = pattern.New("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// CheckConfig refuses a document without a usable mapping or signature. All
// problems are reported together.
func (Adapter) CheckConfig(raw json.RawMessage) error {
	c, err := parseConfig(raw)
	if err != nil {
		return err
	}
	var errs []error
	if s := c.Signature; s != nil {
		if s.Header == "" {
			errs = append(errs, errors.New("config.signature.header: required"))
		} else if !headerName.MatchString(s.Header) {
			errs = append(errs, fmt.Errorf("config.signature.header: %q is no name of a header", s.Header))
		}
		if err := s.mac().Check(); err != nil {
			errs = append(errs, fmt.Errorf("config.signature: %w", err))
		}
	}
	if c.Mapping == nil {
		errs = append(errs, errors.New("config.mapping: required: it says where actor, time, id … are"))
	} else {
		errs = append(errs, c.Mapping.check()...)
	}
	return errors.Join(errs...)
}

// CheckKey refuses a secret that verifies nothing: one that is no whsec_
// secret or, where the app's document describes the signature, a blank one.
func (Adapter) CheckKey(key string, o platform.Options) error {
	c, err := parseConfig(o.Config)
	if err != nil {
		return err
	}
	if c.Signature != nil {
		if strings.TrimSpace(key) == "" {
			return errors.New("the secret is blank")
		}
		return nil
	}
	if strings.HasPrefix(key, "whpk_") || strings.HasPrefix(key, "whsk_") {
		return errors.New("that is a key of the asymmetric scheme (v1a), which is not supported: ask the sender for a whsec_ secret")
	}
	// The specification asks for 24 to 64 bytes.
	if b, err := platform.WebhookKey(key); err != nil || len(b) < 24 {
		return errors.New("it should be whsec_ and the base64 of at least 24 bytes, which Standard Webhooks asks for")
	}
	return nil
}

// Handshake answers nothing: the specification has none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify checks the signature over the raw body.
func (Adapter) Verify(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) error {
	c, err := parseConfig(o.Config)
	if err != nil {
		return err
	}
	if c.Signature != nil {
		if err := c.Signature.mac().Check(); err != nil {
			return platform.Refuse("config.signature: %v", err)
		}
		got := r.Header.Get(c.Signature.Header)
		if got == "" {
			return platform.Refuse("no %s header", c.Signature.Header)
		}
		if !c.Signature.mac().AnyMatches(s.Keys, got, c.Signature.Prefix, r.Body) {
			return platform.Refuse("the signature in %s does not match", c.Signature.Header)
		}
		return nil
	}
	r.Header = headers(r.Header)
	return platform.VerifyWebhook(r, s.Keys, platform.WebhookKey, now)
}

// headers returns the three headers under the names of the specification,
// also where they came as svix-*.
func headers(in http.Header) http.Header {
	out := http.Header{}
	for _, n := range []string{"id", "timestamp", "signature"} {
		v := in.Get("webhook-" + n)
		if v == "" {
			v = in.Get("svix-" + n)
		}
		if v != "" {
			out.Set("webhook-"+n, v)
		}
	}
	return out
}

// Sign signs r as the app's document says.
func (Adapter) Sign(r *platform.Request, key, id string, o platform.Options, now time.Time) error {
	c, err := parseConfig(o.Config)
	if err != nil {
		return err
	}
	if c.Signature != nil {
		if err := c.Signature.mac().Check(); err != nil {
			return err
		}
		if key == "" {
			return errors.New("the secret is empty")
		}
		r.Header.Set(c.Signature.Header, c.Signature.Prefix+c.Signature.mac().Sum(key, r.Body))
		return nil
	}
	return platform.SignWebhook(r, key, platform.WebhookKey, id, now)
}

// Sample is a topic in a forum, in the form that the mapping of the docs
// reads (docs/platforms/standard.md): another mapping needs a body of its own.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type m = map[string]any
	body, _ := json.Marshal(m{"events": []m{{"kind": "topic", "id": id, "board": m{"slug": scope}, "thread": "t-" + id, "by": m{"id": "u1", "nick": "ada"},
		"text": "Does it work?", "at": now.UnixMilli()}}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

// CheckScope takes any scope, also "*", that could be told of in a delivery:
// what a scope is is the app's to say.
func (Adapter) CheckScope(scope string) error {
	if strings.TrimSpace(scope) != scope || scope == "" || len(scope) > 500 || strings.ContainsFunc(scope, unicode.IsControl) {
		return errors.New("the scope must have 1 to 500 bytes, no space at its ends and no control characters")
	}
	return nil
}

// MakeKey makes a secret as Standard Webhooks has it; it serves as the key of
// a configured signature, too.
func (Adapter) MakeKey(random []byte) string { return platform.MakeWebhookKey(random) }
