package recipients_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/recipients"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

const w = "acme"

var t0 = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

type mailbox struct {
	recipients.Deps
	now     time.Time
	handler http.Handler
}

// newMailbox is of ann@example.com, who was asked at t0.
func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	k, err := consent.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	m := &mailbox{now: t0.Add(time.Hour)}
	m.Deps = recipients.Deps{Store: storetest.New(t), Key: k, Now: func() time.Time { return m.now }}
	m.handler = recipients.Handler(m.Deps)
	if err := m.Store.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: "Acme <b>Inc.</b>", TimeZone: "UTC", Created: t0}, "eve"); err != nil {
		t.Fatal(err)
	}
	if err := m.Store.PutReport(t.Context(), w, store.Report{ID: "weekly", Name: "Weekly report", Weekday: 1, Hour: 8, Recipients: []string{"ann@example.com"}, Created: t0}, t0); err != nil {
		t.Fatal(err)
	}
	r := store.Recipient{Workspace: w, Address: k.Hash("ann@example.com"), Report: "weekly", Asked: t0, Begun: t0}
	if err := m.Store.PutRecipient(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mailbox) link(does string) string {
	l := consent.Link{Does: does, Workspace: w, Report: "weekly", Address: m.Key.Hash("ann@example.com")}
	if does == consent.Confirm {
		l.Until = t0.Add(consent.Lasts)
	}
	return "/mail/" + does + "/" + m.Key.Token(l)
}

func (m *mailbox) open(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://api.example.com"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	out := httptest.NewRecorder()
	m.handler.ServeHTTP(out, r)
	return out
}

func (m *mailbox) known(t *testing.T) store.Mailing {
	t.Helper()
	list, err := m.Store.Mailings(t.Context(), w, []string{m.Key.Hash("ann@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func TestOnlyAPostConfirms(t *testing.T) {
	m := newMailbox(t)
	for _, method := range []string{"GET", "HEAD"} { // as a mail scanner does
		if r := m.open(method, m.link("confirm"), ""); r.Code != 200 || !m.known(t).Confirmed.IsZero() {
			t.Errorf("%s: %d, confirmed %v", method, r.Code, m.known(t).Confirmed)
		}
	}
	page := m.open("GET", m.link("confirm"), "")
	if b := page.Body.String(); !strings.Contains(b, `<form method="post">`) || !strings.Contains(b, "Weekly report") || !strings.Contains(b, "Acme") || strings.Contains(b, "<b>") {
		t.Errorf("page %s", b)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Set-Cookie": ""} {
		if got := page.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := page.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'") || !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("policy %q", got)
	}
	for range 2 {
		if r := m.open("POST", m.link("confirm"), "List-Unsubscribe=One-Click"); r.Code != 200 || !m.known(t).Wanted() || !m.known(t).Confirmed.Equal(t0.Add(time.Hour)) {
			t.Errorf("%d, known %+v", r.Code, m.known(t))
		}
		m.now = m.now.Add(time.Hour)
	}
	if r := m.open("DELETE", m.link("confirm"), ""); r.Code != 405 || r.Header().Get("Allow") == "" {
		t.Errorf("DELETE: %d", r.Code)
	}
}

func TestALinkToConfirmEndsAfterSevenDays(t *testing.T) {
	m := newMailbox(t)
	m.now = t0.Add(7 * 24 * time.Hour)
	for _, method := range []string{"GET", "POST"} {
		if r := m.open(method, m.link("confirm"), ""); r.Code != 410 || m.known(t).Wanted() {
			t.Errorf("%s: %d, known %+v", method, r.Code, m.known(t))
		}
	}
}

// As RFC 8058 wants it: a POST alone, without cookies or a login, that is not sent elsewhere.
func TestOneClickUnsubscribes(t *testing.T) {
	m := newMailbox(t)
	m.open("POST", m.link("confirm"), "")
	if r := m.open("GET", m.link("unsubscribe"), ""); r.Code != 200 || !m.known(t).Wanted() || !strings.Contains(r.Body.String(), `<form method="post">`) {
		t.Fatalf("a GET: %d, known %+v", r.Code, m.known(t))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if r := m.open("POST", m.link("unsubscribe"), "List-Unsubscribe=One-Click"); r.Code != 200 {
				t.Errorf("%d %s", r.Code, r.Body)
			}
		})
	}
	wg.Wait()
	at := m.known(t)
	if at.Wanted() || !at.Unsubscribed.Equal(m.now) || at.Due.IsZero() {
		t.Errorf("known %+v", at)
	}
	m.now = m.now.AddDate(5, 0, 0)
	if r := m.open("POST", m.link("unsubscribe"), ""); r.Code != 200 || !m.known(t).Unsubscribed.Equal(at.Unsubscribed) {
		t.Errorf("years later: %d, known %+v", r.Code, m.known(t))
	}
	m.now = t0.Add(2 * time.Hour)
	if r := m.open("POST", m.link("confirm"), ""); r.Code != 200 || m.known(t).Wanted() || !strings.Contains(r.Body.String(), "You have unsubscribed") {
		t.Errorf("confirmed after it: %d, known %+v", r.Code, m.known(t))
	}
}

func TestLinksOfOthersLeadNowhere(t *testing.T) {
	m := newMailbox(t)
	confirm, end := m.link("confirm"), m.link("unsubscribe")
	elsewhere := consent.Link{Does: "unsubscribe", Workspace: "acme-two", Report: "weekly", Address: m.Key.Hash("ann@example.com")}
	for name, path := range map[string]string{
		"a flipped byte":            confirm[:len(confirm)-1] + map[bool]string{true: "B", false: "A"}[strings.HasSuffix(confirm, "A")],
		"another workspace":         strings.Replace(confirm, "acme", "acmf", 1),
		"a link for something else": strings.Replace(end, "unsubscribe", "confirm", 1),
		"no token":                  "/mail/confirm/x",
		"nothing":                   "/mail/confirm/",
		"something unknown":         "/mail/other/" + m.Key.Token(elsewhere),
		"a workspace that is gone":  "/mail/unsubscribe/" + m.Key.Token(elsewhere),
	} {
		if r := m.open("POST", path, ""); r.Code != 404 || m.known(t).Wanted() || !m.known(t).Unsubscribed.IsZero() {
			t.Errorf("%s: %d, known %+v", name, r.Code, m.known(t))
		}
	}
}

func TestBouncesAndComplaintsAreHeard(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != 7 {
		t.Fatalf("files %q, %v", files, err)
	}
	want := map[string]string{"bounce-permanent": "bounce", "bounce-suppressed": "bounce", "complaint": "complaint"}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		t.Run(name, func(t *testing.T) {
			m := newMailbox(t)
			m.open("POST", m.link("confirm"), "")
			body, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // SNS delivers at least once
				if err := m.Hear(t.Context(), body); err != nil {
					t.Fatal(err)
				}
			}
			// In every workspace: the other one has never heard of ann.
			other, err := m.Store.Mailings(t.Context(), "other", []string{m.Key.Hash("ann@example.com")})
			if err != nil {
				t.Fatal(err)
			}
			if got := m.known(t); got.Stopped != want[name] || other[0].Stopped != want[name] || got.Wanted() != (want[name] == "") {
				t.Errorf("stopped for %q (elsewhere %q), want %q", got.Stopped, other[0].Stopped, want[name])
			}
		})
	}
	m := newMailbox(t)
	for _, bad := range []string{"", "null", "x", "{}", `{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":"nobody"}]}}`} {
		if err := m.Hear(t.Context(), []byte(bad)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want invalid", bad, err)
		}
	}
}
