package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
)

// FieldError says what is wrong with one part of the request. Values are
// never repeated.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"Where, for example body.recipients[0] or query.limit"`
	Detail   string `json:"detail" doc:"What is wrong there"`
}

// Problem is a problem document as RFC 9457 describes it; the type is always
// about:blank, so the title is the status in words.
type Problem struct {
	Title  string       `json:"title" doc:"The status in words"`
	Status int          `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status"`
	Detail string       `json:"detail,omitempty" doc:"What happened this time"`
	Errors []FieldError `json:"errors,omitempty" doc:"What is wrong with which part of the request"`
}

func (p *Problem) Error() string {
	parts := []string{p.Title}
	if p.Detail != "" {
		parts = append(parts, p.Detail)
	}
	for _, e := range p.Errors {
		parts = append(parts, e.Location+" "+e.Detail)
	}
	return strings.Join(parts, ": ")
}

// GetStatus is what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is what huma asks of a body that has a media type of its own.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(status int, detail string, errs ...FieldError) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Errors: errs}
}

func (p *Problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p)
}

// invalid is a 422 about one part of the request.
func invalid(location, format string, args ...any) error {
	return newProblem(http.StatusUnprocessableEntity, "the request can't be carried out as it stands", FieldError{location, fmt.Sprintf(format, args...)})
}

// problemOf turns any error into what the client sees of it. What is ours to
// fix is logged here, its only place, and not shown.
func problemOf(ctx context.Context, err error) error {
	if _, ok := errors.AsType[huma.HeadersError](err); ok {
		return err
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	status := fault.Status(err)
	if status == http.StatusTooManyRequests {
		return tooMany(fault.Message(err), fault.After(err))
	}
	if status < 500 {
		return newProblem(status, fault.Message(err))
	}
	slog.ErrorContext(ctx, "operation failed", "kind", string(fault.KindOf(err)), "error", err.Error())
	if status == http.StatusServiceUnavailable {
		return huma.ErrorWithHeaders(newProblem(status, "try again in a moment"), http.Header{"Retry-After": {"2"}})
	}
	return newProblem(status, "")
}

// An answer says no more than this of what is wrong, so that a request of many
// faults is not answered with more than it sent.
const (
	maxErrors = 20
	maxWords  = 200 // bytes of a location, and of a detail
)

func short(s string) string {
	if len(s) > maxWords {
		return strings.ToValidUTF8(s[:maxWords], "") + "…"
	}
	return s
}

// tooMany says that it is too much, and when to come back where that is known.
func tooMany(detail string, after time.Duration) error {
	if after <= 0 { // time alone does not help
		return newProblem(http.StatusTooManyRequests, detail)
	}
	seconds := int(math.Ceil(after.Seconds()))
	return huma.ErrorWithHeaders(newProblem(http.StatusTooManyRequests, detail), http.Header{"Retry-After": {strconv.Itoa(seconds)}})
}

// configure sets huma's settings that are global: its errors become Problems
// without values, lists are never null, names are case-sensitive.
var configure = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		p := newProblem(status, message)
		if status >= 500 {
			if err := errors.Join(errs...); err != nil {
				slog.Error("operation failed", "error", err.Error())
			}
			p.Detail = ""
			return p
		}
		for _, err := range errs[:min(len(errs), maxErrors)] {
			if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
				p.Errors = append(p.Errors, FieldError{short(d.Location), short(d.Message)})
			} else if err != nil {
				p.Errors = append(p.Errors, FieldError{Detail: short(err.Error())})
			}
		}
		return p
	}
})
