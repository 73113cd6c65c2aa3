package platform

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// WebhookTolerance is the replay window of Standard Webhooks' reference
// libraries, either way.
const WebhookTolerance = 5 * time.Minute

// WebhookKey decodes a secret of Standard Webhooks, with or without whsec_.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
func WebhookKey(secret string) ([]byte, error) {
	// Decoded here since the library's decoder passes over line breaks: a
	// secret of nothing else would be the empty key, which anyone can sign with.
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return nil, errors.New("it is no base64")
	}
	if len(raw) == 0 {
		return nil, errors.New("it is empty")
	}
	return raw, nil
}

// MakeWebhookKey makes a secret of Standard Webhooks of random bytes.
func MakeWebhookKey(random []byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(random)
}

// VerifyWebhook returns nil only if r was signed as Standard Webhooks says
// with any of the secrets that decode accepts.
func VerifyWebhook(r Request, secrets []string, decode func(string) ([]byte, error), now time.Time) error {
	h := http.Header{}
	for _, name := range []string{standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature} {
		v := r.Header.Get(name)
		if v == "" {
			return Refuse("webhook-id, webhook-timestamp and webhook-signature are required")
		}
		h.Set(name, v)
	}
	// The library signs the parsed number: accept only the text it would print.
	stamp := h.Get(standardwebhooks.HeaderWebhookTimestamp)
	sec, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || strconv.FormatInt(sec, 10) != stamp {
		return Refuse("webhook-timestamp is no number of seconds")
	}
	if strings.Contains(h.Get(standardwebhooks.HeaderWebhookID), ".") {
		return Refuse("webhook-id contains a dot, so what was signed is ambiguous")
	}
	if err := Within(time.Unix(sec, 0), now, WebhookTolerance); err != nil {
		return err
	}
	for _, s := range secrets {
		key, err := decode(s)
		if err != nil {
			continue
		}
		if w, err := standardwebhooks.NewWebhookRaw(key); err == nil && w.VerifyIgnoringTimestamp(r.Body, h) == nil {
			return nil
		}
	}
	if asymmetric(h.Get(standardwebhooks.HeaderWebhookSignature)) {
		return Refuse("webhook-signature holds the asymmetric form (v1a) alone, which is not supported: have the sender sign with a whsec_ secret (v1), too")
	}
	return Refuse("the signature in webhook-signature does not match")
}

// asymmetric reports whether a header holds signatures of the form v1a (ed25519) and none of the form v1.
func asymmetric(signatures string) bool {
	found := false
	for one := range strings.FieldsSeq(signatures) {
		version, _, _ := strings.Cut(one, ",")
		if version == "v1" {
			return false
		}
		found = found || version == "v1a"
	}
	return found
}

// SignWebhook signs r as Standard Webhooks says. id is the delivery's, which holds no dot.
func SignWebhook(r *Request, secret string, decode func(string) ([]byte, error), id string, now time.Time) error {
	key, err := decode(secret)
	if err != nil {
		return fmt.Errorf("the secret is no whsec_ secret: %w", err)
	}
	w, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return fmt.Errorf("the secret is no whsec_ secret: %w", err)
	}
	if id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("the id %q can't be signed: it is empty or contains a dot", id)
	}
	signature, err := w.Sign(id, now, r.Body)
	if err != nil {
		return err
	}
	r.Header.Set(standardwebhooks.HeaderWebhookID, id)
	r.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	return nil
}
