package meta

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// The two callbacks of an app's settings are posted as a form with one
// signed_request and are alike, so that the URL has to tell them apart: it is
// registered with ?callback=deletion or ?callback=deauthorize.
// https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
const (
	deletion    = "deletion"
	deauthorize = "deauthorize"
)

var callbackKinds = []platform.Kind{
	{Name: "data_deletion", Becomes: platform.Erased, Note: "at the URL with ?callback=deletion"},
	{Name: "deauthorize", Becomes: platform.Revoked, Note: "at the URL with ?callback=deauthorize"},
}

var hmacSHA256 = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// signedRequest returns the signed request of a callback's body, and whether
// it is one.
func signedRequest(body []byte) (string, bool) {
	if len(body) == 0 || body[0] == '{' || body[0] == '[' {
		return "", false
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["signed_request"]) != 1 {
		return "", false
	}
	return form.Get("signed_request"), true
}

// signedPayload is what a signed request says.
type signedPayload struct {
	Algorithm string      `json:"algorithm"`
	UserID    platform.ID `json:"user_id"`
}

// verifySigned checks base64url(HMAC-SHA256(payload)).payload, where payload
// is itself base64url of JSON; no other algorithm holds.
// https://developers.facebook.com/docs/facebook-login/guides/advanced/existing-system#parsingsr
func verifySigned(signed string, s platform.Secrets) error {
	sig, payload, _ := strings.Cut(signed, ".")
	sum, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	if err != nil || strings.ContainsAny(sig, "\r\n") || !hmacSHA256.Matches(s.Keys, hex.EncodeToString(sum), []byte(payload)) {
		return platform.Refuse("the signature of signed_request does not match")
	}
	p, err := readSigned(signed)
	if err != nil || !strings.EqualFold(p.Algorithm, "HMAC-SHA256") {
		return platform.Refuse("signed_request is not signed by HMAC-SHA256")
	}
	return nil
}

// readSigned reads the payload of a signed request whose signature was checked.
func readSigned(signed string) (signedPayload, error) {
	var p signedPayload
	_, payload, _ := strings.Cut(signed, ".")
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	if err != nil {
		return p, fmt.Errorf("the payload of signed_request is no base64url: %w", err)
	}
	if err := platform.Decode(raw, &p); err != nil {
		return p, fmt.Errorf("the payload of signed_request: %w", err)
	}
	return p, nil
}

// callback reads what one of the two callbacks demands. The user's id is
// that of a user of the app, on the whole platform.
func callback(signed, query string) ([]platform.Event, error) {
	p, err := readSigned(signed)
	if err != nil {
		return nil, err
	}
	if p.UserID == "" {
		return nil, errors.New("a signed_request without its user_id")
	}
	// Neither says which pages it is about: it is about the app's sources, all of them.
	switch q, _ := url.ParseQuery(query); q.Get("callback") {
	case deletion:
		return []platform.Event{{Kind: "data_deletion", Erase: &social.AccountRef{Platform: name, ID: string(p.UserID)}}}, nil
	case deauthorize:
		return []platform.Event{{Kind: "deauthorize",
			Revoked: "somebody removed the app at Meta: nothing arrives any more of what that person had connected, until it is connected again"}}, nil
	}
	return nil, errors.New("a signed_request at a URL without ?callback=deletion or ?callback=deauthorize: register the callback with its query")
}

// Acknowledge answers a demand to delete data with the JSON that Meta asks
// for: the URL where its state can be looked up, which is the hook's own, and
// the code it has there, which is the delivery's id.
func (Adapter) Acknowledge(r platform.Request, _ platform.Options, id string) platform.Answer {
	_, ok := signedRequest(r.Body)
	if q, err := url.ParseQuery(r.Query); !ok || err != nil || q.Get("callback") != deletion {
		return platform.Answer{Status: http.StatusOK}
	}
	hook, _, _ := strings.Cut(r.URL, "?")
	body, err := json.Marshal(struct {
		URL  string `json:"url"`
		Code string `json:"confirmation_code"`
	}{hook + "?deletion=" + url.QueryEscape(id), id})
	if err != nil { // two strings
		panic(err)
	}
	return platform.Answer{Status: http.StatusOK, ContentType: "application/json", Body: body}
}

var code = pattern.New(`^[A-Za-z0-9_-]{1,80}$`)

// deletionPage is what a person reads who looks up a demand to delete data.
// It does not say whether there was one with the code, since nothing may be
// looked up for whoever asks.
func deletionPage(c string, s platform.Secrets) (*platform.Answer, error) {
	if first(s.Keys...) == "" || !code.MatchString(c) {
		return nil, platform.Refuse("a look at a demand to delete data that this app can't have confirmed")
	}
	return &platform.Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(
		"A request to delete data that was confirmed with the code " + c + " was verified and is carried out without further ado: " +
			"what is held about that account is erased. Whoever runs this app can look up the request by this code.\n")}, nil
}
