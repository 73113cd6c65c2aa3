package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/consent"
	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/mail"
	"rapport/internal/recipients"
	"rapport/internal/reporting"
	"rapport/internal/store"
)

// mailroom is a world with the functions behind it that mail, and what they mailed.
type mailroom struct {
	*world
	office  *reporting.Reporting
	pages   http.Handler
	reports []string // to whom
	asked   []mail.Message
}

func newMailroom(t *testing.T) *mailroom {
	t.Helper()
	x := &mailroom{world: newWorld(t)}
	k, err := consent.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return x.now }
	x.office = reporting.New(reporting.Deps{Store: x.store, Leads: leads.New(x.store), MailFrom: "rapport@example.com", Key: k, PublicURL: "https://api.example.com", Now: now,
		Put: func(context.Context, string, string, []byte) error { return nil },
		Send: func(_ context.Context, m mail.Message, _ time.Time) (string, error) {
			if strings.HasPrefix(m.Subject, "Rapport: report for") {
				x.reports = append(x.reports, m.To...)
			} else {
				x.asked = append(x.asked, m)
			}
			return "id", nil
		},
		Ask: func(ctx context.Context, dues []store.Due) error {
			for _, d := range dues {
				if err := x.office.Due(ctx, d); err != nil {
					return err
				}
			}
			return nil
		}})
	x.pages = recipients.Handler(recipients.Deps{Store: x.store, Key: k, Now: now})
	d := x.deps
	d.RunReport = func(ctx context.Context, w, report string, due time.Time, how api.RunHow) error {
		_, err := x.office.Run(ctx, w, report, due, how.Mail)
		if fault.Is(err, fault.Conflict) {
			return nil
		}
		return err
	}
	x.handler = api.Handler(d)
	return x
}

func (x *mailroom) tick() {
	x.t.Helper()
	if err := x.office.Tick(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}

// TestMailRelay: a token alone mails no stranger anything but a few questions
// whether they want it.
func TestMailRelay(t *testing.T) {
	x := newMailroom(t)
	x.call("eve", "POST", "/v1/workspaces", map[string]any{"id": "bait", "name": "Your invoice is overdue: pay at evil.example", "time_zone": "UTC"}).want(t, 201, nil)
	var strangers []string
	for i := range 50 {
		strangers = append(strangers, fmt.Sprintf("stranger%d@example.com", i))
	}
	const path = "/v1/workspaces/bait/reports/weekly"
	for range 3 {
		x.call("eve", "PUT", path, map[string]any{"name": "Pay now: http://evil.example", "weekday": "monday", "time": "08:00", "recipients": strangers}).want(t, 200, nil)
	}
	for _, mailed := range []bool{false, true} {
		for _, old := range []string{"1995-01-02", "2001-01-01", "2026-10-26"} {
			x.call("eve", "POST", path+"/runs", map[string]any{"due": old + "T08:00:00Z", "mail": mailed}).want(t, 202, nil)
		}
	}
	for range 20 { // an hour and a half
		x.tick()
		x.now = x.now.Add(5 * time.Minute)
	}
	if len(x.reports) != 0 {
		t.Errorf("%d strangers were mailed reports", len(x.reports))
	}
	if len(x.asked) != 20 {
		t.Errorf("%d questions on a day, want 20", len(x.asked))
	}
	for range 10 * 24 { // ten days
		x.tick()
		x.now = x.now.Add(time.Hour)
	}
	seen := map[string]bool{}
	for _, m := range x.asked {
		if seen[m.To[0]] {
			t.Errorf("%s was asked twice", m.To[0])
		}
		seen[m.To[0]] = true
		if b, err := m.Bytes(x.now); err != nil || strings.Contains(string(b), "evil.example") {
			t.Errorf("asked with %s, %v", b, err)
		}
	}
	if len(seen) != 50 || len(x.reports) != 0 {
		t.Errorf("%d were asked and %d mailed in ten days, want 50 and none", len(seen), len(x.reports))
	}
	var r api.Report
	x.get("eve", path, &r)
	if len(r.States) != 50 || slices.ContainsFunc(r.States, func(s api.Recipient) bool { return s.State != "pending" }) {
		t.Errorf("states %+v", r.States)
	}
	drill.Show(t, "50 strangers in ten days: %d asked once each, %d reports mailed", len(seen), len(x.reports))
}

func TestRecipientsConfirmGetReportsAndLeave(t *testing.T) {
	x := newMailroom(t)
	x.call("ann", "POST", "/v1/workspaces", map[string]any{"id": "acme", "name": "Acme", "time_zone": "UTC", "recipients": []string{"yes@example.com", "no@example.com", "mute@example.com"}}).want(t, 201, nil)
	const path = "/v1/workspaces/acme/reports/weekly"
	x.tick()
	if len(x.asked) != 3 {
		t.Fatalf("%d were asked, want 3", len(x.asked))
	}
	follow := func(to, does string) {
		t.Helper()
		for _, m := range x.asked {
			if m.To[0] == to {
				_, rest, _ := strings.Cut(m.Text, "https://api.example.com/mail/"+does+"/")
				call(x.pages, "", "POST", "/mail/"+does+"/"+strings.Fields(rest)[0], nil).want(t, 200, nil)
				return
			}
		}
		t.Fatalf("%s was not asked", to)
	}
	states := func() map[string]string {
		t.Helper()
		var r api.Report
		x.get("ann", path, &r)
		out := map[string]string{}
		for _, s := range r.States {
			out[s.Address] = s.State
		}
		return out
	}
	follow("yes@example.com", "confirm")
	follow("no@example.com", "unsubscribe")
	want := map[string]string{"yes@example.com": "confirmed", "no@example.com": "unsubscribed", "mute@example.com": "pending"}
	if d := cmp.Diff(want, states()); d != "" {
		t.Error(d)
	}
	x.tick()
	want = map[string]string{"yes@example.com": "confirmed", "": "unsubscribed", "mute@example.com": "pending"}
	if d := cmp.Diff(want, states()); d != "" {
		t.Errorf("after the address was forgotten: %s", d)
	}
	x.call("ann", "POST", path+"/runs", map[string]any{}).want(t, 202, nil)
	if len(x.reports) != 0 {
		t.Errorf("a run by hand was mailed to %q", x.reports)
	}
	for range 2 {
		x.call("ann", "POST", path+"/runs", map[string]any{"mail": true}).want(t, 202, nil)
	}
	if d := cmp.Diff([]string{"yes@example.com"}, x.reports); d != "" {
		t.Errorf("asked to be mailed: %s", d)
	}
	// Named again, who refused is neither kept nor asked again.
	var r api.Report
	x.call("ann", "PUT", path, map[string]any{"name": "W", "weekday": "monday", "time": "08:00", "recipients": []string{"NO@example.com", "yes@example.com"}}).want(t, 200, &r)
	if d := cmp.Diff([]api.Recipient{{Address: "yes@example.com", State: "confirmed"}, {State: "unsubscribed"}}, r.States); d != "" || !slices.Equal(r.Recipients, []string{"yes@example.com"}) {
		t.Errorf("recipients %q: %s", r.Recipients, d)
	}
	for range 3 {
		x.now = x.now.Add(24 * time.Hour)
		x.tick()
	}
	if len(x.asked) != 3 {
		t.Errorf("%d were asked, want 3", len(x.asked))
	}
	follow("yes@example.com", "unsubscribe")
	x.now = x.now.Add(7 * 24 * time.Hour)
	x.tick()
	if len(x.reports) != 1 {
		t.Errorf("who unsubscribed was mailed: %q", x.reports)
	}
	for _, why := range []string{store.StoppedBounce, store.StoppedComplaint} {
		address := why + "@example.com"
		k, _ := x.deps.MailKey(t.Context())
		if err := x.store.StopMail(t.Context(), k.Hash(address), why, x.now); err != nil {
			t.Fatal(err)
		}
		x.call("ann", "PUT", path, map[string]any{"name": "W", "weekday": "monday", "time": "08:00", "recipients": []string{address}}).want(t, 200, &r)
		if want := map[string]string{store.StoppedBounce: "bounced", store.StoppedComplaint: "unsubscribed"}[why]; len(r.States) != 1 || r.States[0].State != want {
			t.Errorf("after a %s: %+v, want %s", why, r.States, want)
		}
	}
}

func TestRunsByHandAreMailedTenTimesADay(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const path = "/v1/workspaces/acme/reports/weekly/runs"
	for range 10 {
		x.call("ann", "POST", path, map[string]any{"mail": true}).want(t, 202, nil)
	}
	if r := x.call("ann", "POST", path, map[string]any{"mail": true}); r.status != 429 || !strings.Contains(r.body, "after midnight UTC") {
		t.Errorf("the eleventh: %d %s", r.status, r.body)
	}
	x.call("ann", "POST", path, map[string]any{}).want(t, 202, nil)
	if n := len(x.asked); n != 11 || x.asked[9] != "run acme weekly 2026-11-02T07:00:00.000Z and mail" {
		t.Errorf("asked for %q", x.asked)
	}
	x.now = x.now.Add(24 * time.Hour)
	x.call("ann", "POST", path, map[string]any{"mail": true}).want(t, 202, nil)
}

func TestARunThatWasMadeCanBeMadeAnew(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const path = "/v1/workspaces/acme/reports/weekly/runs"
	again := map[string]any{"again": true, "due": "2026-11-02T07:00:00Z"}
	x.call("ann", "POST", path, again).problem(t, 404) // it never was
	due := time.Date(2026, 11, 2, 7, 0, 0, 0, time.UTC)
	r, err := x.store.ClaimRun(t.Context(), "acme", "weekly", due, x.now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	x.call("ann", "POST", path, again).problem(t, 409) // it is being made
	r.State, r.Object, r.Remade = store.RunDone, "reports/acme/weekly/x", due.Add(time.Hour)
	r.Changes = []store.RunChange{{Name: "people active", Was: 318, Is: 321}}
	if err := x.store.PutRun(t.Context(), "acme", &r); err != nil {
		t.Fatal(err)
	}
	x.call("ann", "POST", path, map[string]any{"again": true, "mail": true}).at(t, "body.again")
	x.call("ann", "POST", path, again).want(t, 202, nil)
	if want := []string{"run acme weekly 2026-11-02T07:00:00.000Z again"}; !slices.Equal(x.asked, want) {
		t.Errorf("asked for %q, want %q", x.asked, want)
	}
	var got api.Run
	x.call("ann", "GET", path+"/20261102T070000Z", nil).want(t, 200, &got)
	if got.Remade == nil || !got.Remade.Equal(due.Add(time.Hour)) || !slices.Equal(got.Changes, []api.RunChange{{Name: "people active", Was: 318, Is: 321}}) {
		t.Errorf("the run says %+v", got)
	}
}
