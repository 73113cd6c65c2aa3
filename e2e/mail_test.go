package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// captured is a mail as the local cloud's SES keeps it.
type captured struct {
	To       []string
	Subject  string
	BodyText string
}

func (c *cloud) mails(t *testing.T, to string) (out []captured) {
	t.Helper()
	res, err := http.Get(c.BaseURL + "/_ministack/ses/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var all struct {
		Messages map[string][]captured `json:"messages"`
	}
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	for _, mails := range all.Messages {
		for _, m := range mails {
			if slices.Equal(m.To, []string{to}) {
				out = append(out, m)
			}
		}
	}
	return out
}

// page opens a link of a mail as anybody can, without a token.
func page(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestMail goes the way of a recipient on the deployed stack: asked, confirmed,
// mailed, unsubscribed; and of one whose mailbox is gone.
func TestMail(t *testing.T) {
	c := deployed(t)
	ann := c.user(t, "mail-operator")
	w := fmt.Sprintf("mail-%d", time.Now().UnixNano())
	to, gone := w+"@example.com", w+"-gone@example.com"
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "Pay at evil.example", "time_zone": "UTC", "recipients": []string{to, gone}}, 201, nil)
	state := func() string {
		var r struct {
			States []struct{ Address, State string } `json:"recipient_states"`
		}
		ann.get("/v1/workspaces/"+w+"/reports/weekly", &r)
		return fmt.Sprint(r.States)
	}
	// The tick that comes by itself may be the one that asks.
	for end := time.Now().Add(time.Minute); len(c.mails(t, to)) == 0 && time.Now().Before(end); time.Sleep(time.Second) {
		c.invoke(t, "report", `{"tick":true}`)
	}
	mails := c.mails(t, to)
	if len(mails) != 1 || strings.Contains(mails[0].BodyText, "evil.example") {
		t.Fatalf("asked with %+v", mails)
	}
	confirm := regexp.MustCompile(`\S+/mail/confirm/\S+`).FindString(mails[0].BodyText)
	if status, b := page(t, "GET", confirm); status != 200 || !strings.Contains(b, "<form method=\"post\">") || !strings.Contains(state(), to+" pending") {
		t.Fatalf("GET %s: %d %s; %s", confirm, status, b, state())
	}
	if status, _ := page(t, "POST", confirm[:len(confirm)-4]+"AAAA"); status != 404 {
		t.Errorf("a forged link: %d", status)
	}
	if status, b := page(t, "POST", confirm); status != 200 || !strings.Contains(state(), to+" confirmed") {
		t.Fatalf("POST %s: %d %s; %s", confirm, status, b, state())
	}
	event, err := os.ReadFile("../events/mail.json")
	if err != nil {
		t.Fatal(err)
	}
	c.invoke(t, "mail", strings.ReplaceAll(string(event), "nobody@example.com", gone))
	if s := state(); !strings.Contains(s, gone+" bounced") {
		t.Errorf("after a bounce: %s", s)
	}

	ann.post("/v1/workspaces/"+w+"/reports/weekly/runs", map[string]any{"mail": true}, 202, nil)
	for end := time.Now().Add(2 * time.Minute); len(c.mails(t, to)) < 2 && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	mails = c.mails(t, to)
	if len(mails) != 2 || !strings.HasPrefix(mails[1].Subject, `Rapport: report for workspace "Pay at evil.example"`) {
		t.Fatalf("mailed %+v", mails)
	}
	end := regexp.MustCompile(`\S+/mail/unsubscribe/\S+`).FindString(mails[1].BodyText)
	for range 2 {
		if status, b := page(t, "POST", end); status != 200 || !strings.Contains(b, "You have unsubscribed") {
			t.Errorf("POST %s: %d %s", end, status, b)
		}
	}
	if s := state(); strings.Contains(s, to+" confirmed") || !strings.Contains(s, "unsubscribed") {
		t.Errorf("after unsubscribing: %s", s)
	}
	if n := len(c.mails(t, gone)); n > 1 {
		t.Errorf("%d mails to a mailbox that is gone", n)
	}
}
