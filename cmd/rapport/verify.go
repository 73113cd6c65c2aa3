package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

type verifyCommand struct {
	Platform   string   `placeholder:"NAME" help:"The platform that signed, as docs/platforms names it."`
	SecretFile string   `placeholder:"FILE" help:"The app's secrets, one a line, the current one first; for a handshake also its verify token."`
	Method     string   `default:"POST" help:"The request's method (${default})."`
	URL        string   `name:"url" placeholder:"URL" help:"The public URL that was called, with its query."`
	Header     []string `sep:"none" placeholder:"'NAME: VALUE'" help:"A header of the request; can be given several times."`
	Config     string   `placeholder:"FILE" help:"The app's document, JSON, where the platform has one."`
	Legacy     bool     `help:"Allow the platform's legacy signature."`
	At         string   `placeholder:"TIME" help:"The instant to verify at, RFC 3339 (now)."`
	Vectors    string   `placeholder:"FILE" help:"Check the vectors of this file instead of one delivery."`
}

// Help is printed by rapport verify --help.
func (verifyCommand) Help() string {
	return `The body is read from standard input, byte for byte. Prints {"id","valid","reason"} and exits with 1 if the signature does not hold. A handshake prints its answer, too.

--vectors takes {"vectors":[{"id","platform","method","url","headers","body","secret","config","legacy","usable","at","kind","expected","valid"}]} and prints one line for each usable vector of a platform that Rapport knows: "agrees" says whether the outcome is as the file says, and whether each change of a byte of the body, or of a header that the signature needs, is refused. A platform that sends a token with an unsigned body has no vector that agrees. A legacy vector must hold where the app allows it, and be refused where not. Exits with 1 if any does not agree.

Examples:
  rapport verify --platform meta --secret-file secret --header 'X-Hub-Signature-256: sha256=757107ea…' < body.json
  rapport verify --platform standard --secret-file secret --header 'webhook-id: msg_1' --header 'webhook-timestamp: 1614265330' --header 'webhook-signature: v1,g0hM9S…' --at 2021-02-25T15:02:10Z < body.json
  rapport verify --vectors vectors.json`
}

type verified struct {
	ID       string          `json:"id"`
	Platform social.Platform `json:"platform"`
	Kind     string          `json:"kind"` // delivery or handshake
	Valid    bool            `json:"valid"`
	Reason   string          `json:"reason"`
	Legacy   bool            `json:"legacy,omitempty"` // held only because legacy was allowed
	Answer   string          `json:"answer,omitempty"` // to a handshake
	Agrees   *bool           `json:"agrees,omitempty"` // with what the file of vectors says
	Broken   int             `json:"broken,omitempty"` // in how many ways a byte was changed
	Held     int             `json:"held,omitempty"`   // how many of them held all the same: none may
}

// check answers a handshake or verifies a delivery.
func check(a platform.Adapter, r platform.Request, s platform.Secrets, o platform.Options, at time.Time) verified {
	v := verified{Platform: a.Platform(), Kind: "delivery"}
	answer, err := a.Handshake(r, s, o, at)
	switch {
	case err != nil:
		v.Kind, v.Reason = "handshake", err.Error()
		return v
	case answer != nil:
		v.Kind, v.Valid, v.Reason, v.Answer = "handshake", true, "the handshake is answered", string(answer.Body)
		return v
	}
	err = a.Verify(r, s, o, at)
	if err == nil {
		v.Valid, v.Reason = true, "the signature holds"
		if o.Legacy {
			strict := o
			strict.Legacy = false
			if a.Verify(r, s, strict, at) != nil {
				v.Legacy, v.Reason = true, "the legacy signature holds"
			}
		}
		return v
	}
	v.Reason = err.Error()
	return v
}

// Run verifies one delivery, or vectors.
func (c *verifyCommand) Run(s *streams) error {
	if c.Vectors != "" {
		return c.vectors(s)
	}
	if c.Platform == "" || c.SecretFile == "" {
		return misused("verify needs --platform and --secret-file, or --vectors")
	}
	adapter, err := findAdapter(c.Platform)
	if err != nil {
		return err
	}
	at, err := flagTime("at", c.At)
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = s.now()
	}
	r := platform.Request{Method: c.Method, Header: http.Header{}}
	setURL(&r, c.URL)
	if err := setHeaders(&r, c.Header); err != nil {
		return err
	}
	keys, err := readKeys(c.SecretFile)
	if err != nil {
		return err
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if r.Body, err = io.ReadAll(s.in); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	v := check(adapter, r, secrets(keys), platform.Options{Legacy: c.Legacy, Config: config}, at)
	v.ID = social.HashID("dlv", social.Key(c.Platform, c.Method, string(r.Body)))
	if err := s.out.Encode(v); err != nil {
		return err
	}
	if !v.Valid {
		return errRefused
	}
	return nil
}

// secrets are keys, the first of which also serves as the verify token.
func secrets(keys []string) platform.Secrets {
	s := platform.Secrets{Keys: keys}
	if len(keys) > 0 {
		s.VerifyToken = keys[0]
	}
	return s
}

// vector is a published signature or handshake with what must come of it.
type vector struct {
	ID       string            `json:"id"`
	Platform social.Platform   `json:"platform"`
	Method   string            `json:"method"`
	URL      string            `json:"url"`
	Headers  map[string]string `json:"headers"` // "query" stands for the URL's query
	Body     *string           `json:"body"`
	Secret   *string           `json:"secret"`
	Config   json.RawMessage   `json:"config"`
	Kind     string            `json:"kind"`
	Legacy   bool              `json:"legacy"`
	Usable   bool              `json:"usable"`
	At       string            `json:"at"`
	Expected string            `json:"expected"`
	Valid    bool              `json:"valid"`
}

func (c *verifyCommand) vectors(s *streams) error {
	b, err := os.ReadFile(c.Vectors)
	if err != nil {
		return fmt.Errorf("read the vectors: %w", err)
	}
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	if err := json.Unmarshal(platform.WithoutBOM(b), &file); err != nil {
		return fmt.Errorf("read the vectors in %s: %w", c.Vectors, err)
	}
	checked, differ, unusable := 0, 0, 0
	unknown := map[string]bool{}
	for _, x := range file.Vectors {
		if !x.Usable || x.Secret == nil || x.Body == nil {
			unusable++
			continue
		}
		adapter, err := all.Find(x.Platform)
		if err != nil {
			unknown[string(x.Platform)] = true
			continue
		}
		v, err := x.check(adapter, s.now())
		if err != nil {
			return fmt.Errorf("vector %q: %w", x.ID, err)
		}
		checked++
		if !*v.Agrees {
			differ++
		}
		if err := s.out.Encode(v); err != nil {
			return err
		}
	}
	var names []string
	for n := range unknown {
		names = append(names, n)
	}
	sort.Strings(names)
	s.say("%d checked, %d differ; passed over: %d not usable, and those of unknown platforms: %v", checked, differ, unusable, names)
	if differ > 0 {
		return errRefused
	}
	return nil
}

// check verifies x at its own instant, or at now where it has none.
func (x vector) check(adapter platform.Adapter, now time.Time) (verified, error) {
	at := now
	if x.At != "" {
		t, err := time.Parse(time.RFC3339Nano, x.At)
		if err != nil {
			return verified{}, fmt.Errorf("at %q is no RFC 3339 time", x.At)
		}
		at = t
	}
	r := platform.Request{Method: x.Method, URL: x.URL, Header: http.Header{}, Body: []byte(*x.Body)}
	for k, v := range x.Headers {
		if k == "query" {
			r.Query = v
			if !strings.Contains(r.URL, "?") {
				r.URL += "?" + v
			}
			continue
		}
		r.Header.Set(k, v)
	}
	v := check(adapter, r, secrets([]string{*x.Secret}), platform.Options{Legacy: x.Legacy, Config: x.Config}, at)
	v.ID = x.ID
	agrees := v.Valid == x.Valid && (x.Kind == "handshake") == (v.Kind == "handshake")
	if x.Kind == "handshake" && x.Valid {
		agrees = agrees && strings.Contains(v.Answer, x.Expected)
	} else if x.Legacy && x.Valid {
		agrees = agrees && v.Legacy
	}
	if v.Valid && v.Kind == "delivery" {
		if v.Broken, v.Held = x.broken(adapter, r, at); v.Held > 0 {
			agrees = false
			v.Reason = fmt.Sprintf("%s, but so it does after %d of %d changes of one byte", v.Reason, v.Held, v.Broken)
		}
	}
	v.Agrees = &agrees
	return v, nil
}

// broken changes each byte of the body and of every header that the signature
// needs, one at a time, and counts how many changes it made and how many held.
func (x vector) broken(adapter platform.Adapter, r platform.Request, at time.Time) (changed, held int) {
	holds := func(r platform.Request) bool {
		return check(adapter, r, secrets([]string{*x.Secret}), platform.Options{Legacy: x.Legacy, Config: x.Config}, at).Valid
	}
	try := func(r platform.Request) {
		changed++
		if holds(r) {
			held++
		}
	}
	for i := range r.Body {
		b := r
		b.Body = bytes.Clone(r.Body)
		b.Body[i] ^= 1
		try(b)
	}
	for name := range r.Header {
		without := r
		without.Header = r.Header.Clone()
		without.Header.Del(name)
		if holds(without) {
			continue // not of the signature
		}
		value := r.Header.Get(name)
		from, to := 0, len(value)
		if at := strings.Index(value, x.Expected); x.Expected != "" && at >= 0 {
			from, to = at, at+len(x.Expected) // beside it may stand what is not looked at, such as an older scheme
		}
		others := map[int]bool{}
		if x.Platform == "standard" { // whose headers can list signatures: one by another secret decides nothing
			others = idle(value, func(changed string) bool {
				b := r
				b.Header = r.Header.Clone()
				b.Header.Set(name, changed)
				return holds(b)
			})
		}
		for i := from; i < to; i++ {
			if others[i] {
				continue
			}
			changed := []byte(value)
			changed[i] ^= 1
			b := r
			b.Header = r.Header.Clone()
			b.Header.Set(name, string(changed))
			try(b)
		}
	}
	return changed, held
}

// idle are the places of a list's pieces that could be anything, by what holds with others in their place.
func idle(list string, holds func(string) bool) map[int]bool {
	out, from := map[int]bool{}, 0
	for i := 0; i <= len(list); i++ {
		if i < len(list) && list[i] != ',' && list[i] != ' ' {
			continue
		}
		if prefix := strings.IndexByte(list[from:i], '=') + 1; prefix < i-from-2 { // it is no padding of base64
			from += prefix
		}
		if holds(list[:from] + strings.Repeat("-", i-from) + list[i:]) {
			for at := from; at <= i; at++ { // with the mark after it
				out[at] = true
			}
		}
		from = i + 1
	}
	return out
}
