// Package recipients is for those who get our mail: the pages that its links
// open, at which they confirm and unsubscribe, and what SES tells of mail that
// could not be delivered or was called spam.
package recipients

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/store"
)

// Deps is what the package needs of the world.
type Deps struct {
	Store *store.Store
	Key   consent.Key
	Now   func() time.Time
}

//go:embed page.html.tmpl
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// shown is what a page says.
type shown struct {
	Title, Text string
	Button      string // of a form that posts to the page's own address; "": none
}

// Handler serves /mail/confirm/{token} and /mail/unsubscribe/{token}. A GET
// shows a page with a button and changes nothing, since mail scanners follow
// links; a POST does what the link is for, without login, cookie or body (RFC
// 8058), and as often as it comes.
func Handler(d Deps) http.Handler {
	mux := http.NewServeMux()
	for does, f := range map[string]func(context.Context, consent.Link, bool) (shown, error){consent.Confirm: d.confirm, consent.Unsubscribe: d.unsubscribe} {
		mux.HandleFunc("/mail/"+does+"/{token}", func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, does, f) })
	}
	return mux
}

func (d Deps) serve(w http.ResponseWriter, r *http.Request, does string, f func(context.Context, consent.Link, bool) (shown, error)) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		write(w, http.StatusMethodNotAllowed, shown{Title: "This is not possible", Text: "Open the link of the mail in a browser."})
		return
	}
	l, err := d.Key.Open(does, r.PathValue("token"), d.Now())
	var s shown
	if err == nil {
		s, err = f(r.Context(), l, r.Method == http.MethodPost)
	}
	switch {
	case errors.Is(err, consent.ErrExpired):
		write(w, http.StatusGone, shown{Title: "This link has expired", Text: "It could be used for seven days. Nothing will be sent to you."})
	case fault.Is(err, fault.NotFound):
		write(w, http.StatusNotFound, shown{Title: "This link leads nowhere", Text: "It is not as it stood in the mail, or what it was for is gone. Copy it again, to its end."})
	case err != nil:
		slog.ErrorContext(r.Context(), "page of a mail", "does", does, "workspace", l.Workspace, "error", err.Error())
		w.Header().Set("Retry-After", "60")
		write(w, http.StatusServiceUnavailable, shown{Title: "This did not work", Text: "The fault is ours. Try again in a minute."})
	default:
		write(w, http.StatusOK, s)
	}
}

func write(w http.ResponseWriter, status int, s shown) {
	var b strings.Builder
	if err := page.Execute(&b, s); err != nil {
		panic(err) // text can always be written into it
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address is the proof
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(status)
	w.Write([]byte(b.String()))
}

// names returns how a workspace and a report are called; a report that is gone goes by its id.
func (d Deps) names(ctx context.Context, l consent.Link) (workspace, report string, err error) {
	ws, err := d.Store.Workspace(ctx, l.Workspace)
	if err != nil {
		return "", "", err
	}
	rep, err := d.Store.Report(ctx, l.Workspace, l.Report)
	if fault.Is(err, fault.NotFound) {
		rep.Name, err = l.Report, nil
	}
	return consent.Unlinked(ws.Name), consent.Unlinked(rep.Name), err
}

func (d Deps) confirm(ctx context.Context, l consent.Link, post bool) (shown, error) {
	workspace, report, err := d.names(ctx, l)
	if err != nil {
		return shown{}, err
	}
	r, err := d.change(ctx, l, func(r *store.Recipient) bool {
		if !post || !r.Unsubscribed.IsZero() || !r.Confirmed.IsZero() {
			return false
		}
		r.Confirmed = d.Now()
		return true
	})
	switch {
	case err != nil:
		return shown{}, err
	case !r.Unsubscribed.IsZero():
		return shown{Title: "You have unsubscribed", Text: "Nothing of the workspace " + workspace + " will be sent to you."}, nil
	case !r.Confirmed.IsZero():
		return shown{Title: "You have confirmed", Text: "The reports of the workspace " + workspace + " will be sent to you. Each ends with a link to unsubscribe."}, nil
	}
	return shown{Title: "Do you want these reports?", Text: fmt.Sprintf("Somebody wants to send you the report %s of the workspace %s.", report, workspace), Button: "Yes, I want it"}, nil
}

func (d Deps) unsubscribe(ctx context.Context, l consent.Link, post bool) (shown, error) {
	r, err := d.change(ctx, l, func(r *store.Recipient) bool {
		if !post || !r.Unsubscribed.IsZero() {
			return false
		}
		r.Unsubscribed, r.Due = d.Now(), d.Now() // its address is taken out of the reports
		return true
	})
	if err != nil {
		return shown{}, err
	}
	workspace, _, err := d.names(ctx, l)
	if fault.Is(err, fault.NotFound) {
		workspace, err = consent.Unlinked(l.Workspace), nil
	}
	if err != nil {
		return shown{}, err
	}
	if !r.Unsubscribed.IsZero() {
		return shown{Title: "You have unsubscribed", Text: "Nothing of the workspace " + workspace + " will be sent to you any more."}, nil
	}
	return shown{Title: "Unsubscribe?", Text: "No report of the workspace " + workspace + " will be sent to you any more, whoever asks for it. That is for good.", Button: "Unsubscribe"}, nil
}

// change writes what f changes of the recipient that a link is for, where f
// returns true, and returns it as it is then.
func (d Deps) change(ctx context.Context, l consent.Link, f func(*store.Recipient) bool) (r store.Recipient, err error) {
	err = store.Again(ctx, func() error {
		if r, err = d.Store.Recipient(ctx, l.Workspace, l.Address); err != nil || !f(&r) {
			return err
		}
		return d.Store.PutRecipient(ctx, &r)
	})
	return r, err
}
