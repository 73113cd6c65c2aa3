// Package platform says what an adapter of a social platform is: what checks a
// platform's requests and turns its events into activities. There is one
// package per platform below this one; package all lists them, and package
// platformtest is the suite that each one runs.
package platform

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/social"
)

// Request is one HTTP request from a platform, its raw bytes kept. A delivery
// that Rapport fetched itself (package poll) has the method GET, the URL that
// was fetched, and the answer's headers and body.
type Request struct {
	Method string
	URL    string // the public URL that was called, with its query
	Header http.Header
	Query  string // raw, without "?"
	Path   string // what follows the app's id in the hook's path; may be a secret: never kept
	Body   []byte
}

// Polled reports whether Rapport fetched r itself.
func (r Request) Polled() bool { return r.Method == http.MethodGet }

// Secrets are what an app's deliveries are signed with: the current secret
// first, then previous ones that are still accepted. Empty ones verify nothing.
type Secrets struct {
	Keys        []string
	VerifyToken string // what a handshake must bring, where the platform has one
	Token       string // what the platform's API asks for, where Rapport calls it: to renew a subscription, to poll
	TokenHost   string // the host that Token is for, and the only one that may see it
}

// Options is what an app allows beyond the platform's current scheme.
type Options struct {
	Legacy bool            // accept the platform's legacy signature
	Config json.RawMessage // the app's own document, where the platform has one
}

// Answer is what a request is answered with, byte for byte.
type Answer struct {
	Status      int
	ContentType string // "": no Content-Type header
	Body        []byte
}

// Event is one thing a delivery tells. Exactly one of Activity, Ignored,
// Parked, Erase and Revoked is set. Act, Ignore and Park make the usual ones.
type Event struct {
	Kind   string   // the platform's name for it, as the adapter's Kinds list it; of an unknown one what the platform calls it
	Scopes []string // platform-side scopes by which it is routed: to each source that watches any of them

	Activity *social.Activity   // what someone did
	Alias    string             // another id of the activity's actor, under which the platform names the same account elsewhere; empty: none is known
	Ignored  string             // known not to tell what someone did: why
	Parked   string             // not understood: why; it is kept, listed and can be replayed
	Erase    *social.AccountRef // the platform demands that this account be forgotten; an empty ID: everything of its scope
	Revoked  string             // the grant behind the scopes has ended: why
}

// Becomes says what became of the event, in the words of Kind.
func (e Event) Becomes() string {
	switch {
	case e.Activity != nil:
		return string(e.Activity.Type)
	case e.Erase != nil:
		return Erased
	case e.Revoked != "":
		return Revoked
	case e.Ignored != "":
		return Ignored
	}
	return Parked
}

// What an event can become beside an activity of some type.
const (
	Ignored = "ignored"
	Parked  = "parked"
	Erased  = "erased"
	Revoked = "revoked"
)

// Kind is a row of the table of event types: what one of the platform's
// becomes. A type that can become several things has several rows. Types that
// are in no row are ignored.
type Kind struct {
	Name    string // as in Event.Kind
	Becomes string // a social.Type, or Ignored, Parked, Erased, Revoked
	Note    string // when, or why; may be empty
}

// WithIgnored adds a row for each event type that is known and ignored, which
// are given with the reason, and puts all rows in the order of names.
func WithIgnored(kinds []Kind, ignored map[string]string) []Kind {
	for name, why := range ignored {
		kinds = append(kinds, Kind{Name: name, Becomes: Ignored, Note: why})
	}
	slices.SortFunc(kinds, func(a, b Kind) int { return strings.Compare(a.Name+" "+a.Becomes, b.Name+" "+b.Becomes) })
	return kinds
}

// Adapter is what Rapport knows about one platform. All methods are pure.
type Adapter interface {
	Platform() social.Platform

	// Kinds lists the event types that are known. The suite holds that the
	// adapter's fixtures show each row, and nothing beside the rows.
	Kinds() []Kind

	// CheckConfig refuses an app's document that can't work, saying which field and why.
	CheckConfig(config json.RawMessage) error

	// Handshake answers a request by which the platform tests the URL. It
	// returns nil, nil where r is none, and an error of kind Unauthenticated
	// where it is one that must be refused. Where the platform signs its
	// handshakes, it verifies them.
	Handshake(r Request, s Secrets, o Options, now time.Time) (*Answer, error)

	// Verify returns nil only if r was signed with one of s.Keys at an
	// instant the platform's replay window allows. Its errors are of kind
	// Unauthenticated and name no secret.
	Verify(r Request, s Secrets, o Options, now time.Time) error

	// Normalise says what a verified delivery tells. An error means that the
	// delivery as a whole can't be understood; it is parked. Neither events
	// nor an error is a fault of the adapter.
	Normalise(r Request, o Options) ([]Event, error)

	// Named lists every account that a delivery names by its id, or only by
	// what it is called: in what is ignored, too, and in what can't be
	// understood as far as it can be read. Erasure goes by it.
	Named(r Request, o Options) []Named
}

// Signer is an adapter that can also do what the platform does: for `rapport
// send`, for source checks, and for tests.
type Signer interface {
	// Sign sets the headers (or the path) that make r verify with key. id is
	// the delivery's id, where the scheme has one.
	Sign(r *Request, key, id string, o Options, now time.Time) error

	// Sample is an unsigned delivery of the usual kind: one activity by
	// someone outside, with the given id and at the given instant, in scope.
	Sample(scope, id string, now time.Time) Request
}

// ConfigSampler is a Signer whose sample depends on the app's document.
type ConfigSampler interface {
	SampleFor(scope, id string, now time.Time, o Options) Request
}

// SampleOf is a's sample for an app.
func SampleOf(a Signer, scope, id string, now time.Time, o Options) Request {
	if c, ok := a.(ConfigSampler); ok {
		return c.SampleFor(scope, id, now, o)
	}
	return a.Sample(scope, id, now)
}

// Acknowledger is an adapter whose platform wants another answer to an
// accepted delivery than 200 and nothing.
type Acknowledger interface {
	// Acknowledge is the answer to r, which has been verified and queued as
	// the delivery with this id.
	Acknowledge(r Request, o Options, id string) Answer
}

// Splitter is an adapter whose deliveries can hold events of several scopes.
type Splitter interface {
	// Split returns deliveries of one scope each, which together tell what r
	// tells: so that each workspace keeps its own events only. What can't be
	// split comes back as it is; of what would grow too large by it, nothing
	// comes back.
	Split(r Request, o Options) []Request
}

// Pather is an adapter whose hook's path holds more than the app's id, since
// its platform signs nothing, or not with what could tell sources apart.
type Pather interface {
	// Path is what follows the app's id for a scope, without a leading "/".
	Path(scope, key string) string
}

// KeyChecker is an adapter that can tell a secret that can't work.
type KeyChecker interface {
	// CheckKey refuses such a secret, saying what it should be, and repeats nothing of it.
	CheckKey(key string, o Options) error
}

// KeyMaker is an adapter whose platform lets us choose the secret.
type KeyMaker interface {
	// MakeKey makes one of 32 random bytes.
	MakeKey(random []byte) string
}

// ScopeChecker is an adapter that can tell a scope that can't work.
type ScopeChecker interface {
	// CheckScope refuses such a scope, saying what it should be.
	CheckScope(scope string) error
}

// Lease says how a platform's subscription lives.
type Lease struct {
	Every time.Duration // how often the platform tests the URL by a handshake, or how long a subscription lasts
	Dead  time.Duration // without a handshake for so long, the platform has stopped delivering
	Renew bool          // Rapport renews it (Renewer); else the platform comes by itself
}

// Leaser is an adapter whose subscriptions end, unless somebody renews them.
type Leaser interface{ Lease() Lease }

// Advice is where an operator looks when a source is not well, in sentences;
// the platform's page in docs/platforms says more.
type Advice struct {
	Name  string // of the platform, for people
	Where string // the platform's settings: "your app at …, under …"
	Start string // what to do while nothing has come yet, if it is not to register the hook
	Again string // what makes it deliver again
	Fetch string // what to look at where Rapport fetches
}

// Adviser is an adapter that knows where to look.
type Adviser interface{ Advice() Advice }

// Fetch is an HTTP request that Rapport makes.
type Fetch struct {
	Method string
	URL    string
	Header http.Header
	Body   []byte
}

// Renewer is a Leaser whose subscriptions Rapport renews.
type Renewer interface {
	// Renewal is the request that renews the subscription for a scope. hook
	// is the source's full hook URL. A nil Fetch: there is nothing to ask,
	// for the reason given.
	Renewal(scope, hook string, s Secrets, o Options) (*Fetch, string)
}

// Poller is an adapter some of whose scopes are fetched, since the platform
// sends nothing.
type Poller interface {
	// Polls reports whether scope is one that is fetched.
	Polls(scope string) bool

	// Poll is the request to make for scope. cursor is what Next returned
	// last, "" at first. The caller adds conditional headers.
	Poll(scope, cursor string, s Secrets, o Options) (Fetch, error)

	// Next reads the answer to the request made with cursor: the cursor to go
	// on from (the same one, if nothing was new), and whether to ask again at
	// once, since there is more.
	Next(r Request, cursor string) (next string, more bool, err error)

	// Every is how long to wait between two requests for one scope.
	Every() time.Duration
}

// maxKind bounds the name of an event type that the adapter does not know, in bytes.
const maxKind = 80

func kindOf(s string) string {
	if len(s) > maxKind {
		s = strings.ToValidUTF8(s[:maxKind], "")
	}
	return s
}

// Link returns raw if it is an absolute http or https URL, else "": what a
// platform or a person put there may be a script, or no URL at all.
func Link(raw string) string {
	if u, err := url.Parse(raw); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return raw
}

// Act is the event of an activity; of one that can't be stored, or with err,
// it is the event of something not understood. A URL that nobody could open
// in a browser is left out, and so is a reply's parent that is the reply itself.
func Act(kind string, a social.Activity, err error, scopes ...string) Event {
	a.URL = Link(a.URL)
	if a.Type.Utterance() && a.InReplyTo == a.Object.ID {
		a.InReplyTo = ""
	}
	if err == nil {
		err = a.Validate()
	}
	if err != nil {
		return Park(kind, err, scopes...)
	}
	return Event{Kind: kindOf(kind), Scopes: scopes, Activity: &a}
}

// Ignore is the event of something that tells of nobody's doing.
func Ignore(kind, why string, scopes ...string) Event {
	return Event{Kind: kindOf(kind), Scopes: scopes, Ignored: why}
}

// Park is the event of something not understood.
func Park(kind string, err error, scopes ...string) Event {
	return Event{Kind: kindOf(kind), Scopes: scopes, Parked: err.Error()}
}
