// Package fault gives errors a kind, such as not found, conflict or transient,
// for whoever has to decide what to do about one. The kind decides, in one table each, the
// HTTP status (Status) and whether a queued message is tried again or parked
// (Retryable).
package fault

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind says what sort of thing went wrong.
type Kind string

const (
	Invalid         Kind = "invalid"         // the input can never be accepted
	Unauthenticated Kind = "unauthenticated" // who is calling is not proven
	Forbidden       Kind = "forbidden"       // the caller is known and may not
	NotFound        Kind = "not_found"       // no such thing, or not for this caller
	Conflict        Kind = "conflict"        // somebody else wrote in between
	TooLarge        Kind = "too_large"       // over a stated size
	RateLimited     Kind = "rate_limited"    // come back later
	Transient       Kind = "transient"       // a dependency did not answer; the same call may pass later
	Internal        Kind = "internal"        // a fault of ours
)

// Error carries a kind, a message that a client may read, and the cause, which it may not.
type Error struct {
	Kind    Kind
	Message string // safe to show; may be empty
	Err     error  // the cause, for the log

	after time.Duration // of RateLimited: when to come back
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Message
	case e.Message == "":
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New returns an error of kind k whose message a client may read.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Limited returns an error of kind RateLimited: the same may pass after a while.
func Limited(after time.Duration, format string, args ...any) error {
	return &Error{Kind: RateLimited, Message: fmt.Sprintf(format, args...), after: after}
}

// After returns how long to wait after an error of kind RateLimited, and 0 if it does not say.
func After(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.after
	}
	return 0
}

// Wrap gives err the kind k. It returns nil for a nil err.
func Wrap(k Kind, err error, message string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Message: message, Err: err}
}

// KindOf returns the kind of the outermost *Error in err's chain, and Internal for any other error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Message returns the text of err that a client may read: the outermost
// message given on purpose, or "" for internal errors.
func Message(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal {
		return e.Message
	}
	return ""
}

var statuses = map[Kind]int{
	Invalid:         http.StatusUnprocessableEntity,
	Unauthenticated: http.StatusUnauthorized,
	Forbidden:       http.StatusForbidden,
	NotFound:        http.StatusNotFound,
	Conflict:        http.StatusConflict,
	TooLarge:        http.StatusRequestEntityTooLarge,
	RateLimited:     http.StatusTooManyRequests,
	Transient:       http.StatusServiceUnavailable,
	Internal:        http.StatusInternalServerError,
}

// Status returns the HTTP status for err.
func Status(err error) int { return statuses[KindOf(err)] }

// Retryable reports whether handling the same message again can succeed.
// What is not retryable is parked with its reason. Unclassified errors are
// tried again: the queue's own limit ends that.
func Retryable(err error) bool {
	switch KindOf(err) {
	case Invalid, Unauthenticated, Forbidden, NotFound, TooLarge:
		return false
	}
	return true
}
