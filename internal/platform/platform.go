// Package platform says what an adapter of a social platform is. There is one
// package per platform below this one; package all lists them.
package platform

import (
	"encoding/json"
	"net/http"
	"time"

	"rapport/internal/social"
)

// Request is one HTTP request from a platform, its raw bytes kept.
type Request struct {
	Method string
	URL    string // the public URL that the platform called, with its query
	Header http.Header
	Query  string // raw, without "?"
	Body   []byte
}

// Secrets are what an app's deliveries are signed with: the current secret
// first, then previous ones that are still accepted. Empty ones verify nothing.
type Secrets struct {
	Keys        []string
	VerifyToken string // what a handshake must bring, where the platform has one
}

// Options is what an app allows beyond the platform's current scheme.
type Options struct {
	Legacy bool            // accept the platform's legacy signature
	Config json.RawMessage // the app's own document; only "standard" has one
}

// Answer is what a handshake is answered with, byte for byte.
type Answer struct {
	Status      int
	ContentType string
	Body        []byte
}

// Event is one thing a delivery tells: an activity, or why it is none, or why
// it can't be understood. Exactly one of Activity, Ignored and Parked is set.
type Event struct {
	Scope    string           // platform-side scope by which the event is routed
	Activity *social.Activity //
	Ignored  string           // known not to tell what someone did
	Parked   string           // not understood: kept, listed and replayable
}

// Adapter is what Rapport knows about one platform. All methods are pure.
type Adapter interface {
	Platform() social.Platform

	// CheckConfig refuses an app's document that can't work, saying which field and why.
	CheckConfig(config json.RawMessage) error

	// Handshake answers a request by which the platform tests the URL. It
	// returns nil, nil where r is none, and an error of kind Unauthenticated
	// where it is one that must be refused.
	Handshake(r Request, s Secrets, o Options) (*Answer, error)

	// Verify returns nil only if r was signed with one of s.Keys at an
	// instant the platform's replay window allows. Its errors are of kind
	// Unauthenticated and name no secret.
	Verify(r Request, s Secrets, o Options, now time.Time) error

	// Normalise says what a verified delivery tells. An error means that the
	// delivery as a whole can't be understood; it is parked.
	Normalise(r Request, o Options) ([]Event, error)
}

// Signer is an adapter that can also sign, as the platform would: for
// `rapport send`, tests and the demo.
type Signer interface {
	// Sign sets the headers that make r verify with key. id is the delivery's id, where the scheme has one.
	Sign(r *Request, key, id string, o Options, now time.Time) error
}
