package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/contacts"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// desk is an API in front of a table, whose imports are stored at once.
type desk struct {
	t     *testing.T
	store *store.Store
	url   string
	key   string // a file
}

func newDesk(t *testing.T, workspaces ...string) *desk {
	t.Helper()
	d := &desk{t: t, store: storetest.New(t), key: file(t, "key", "ann\n")}
	clock := func() time.Time { return now }
	in := ingest.New(ingest.Deps{Store: d.store, Now: clock,
		QueueScore: func(context.Context, []ingest.Score) error { return nil }, QueueView: func(context.Context, []ingest.View) error { return nil },
		QueueErase: func(context.Context, []ingest.Erase) error { return nil },
		Erased:     func(context.Context, string, []string) (map[string]time.Time, error) { return nil, nil }})
	s := httptest.NewServer(api.Handler(api.Deps{Store: d.store, Leads: leads.New(d.store), Now: clock, Random: rand.NewChaCha8([32]byte{1}),
		Verify: func(_ context.Context, token string) (api.Caller, error) { return api.Caller{Subject: token}, nil },
		Score:  func(context.Context, ingest.Score) error { return nil },
		Erased: func(context.Context, string, []string) (map[string]time.Time, error) { return nil, nil },
		Import: func(ctx context.Context, x platform.Delivery) error {
			b, err := json.Marshal(x)
			if err != nil {
				return err
			}
			for _, err := range in.Batch(ctx, []ingest.Message{{ID: "1", Body: b, Received: 1}}) {
				return err
			}
			return nil
		},
		CursorKey: func(context.Context) ([]byte, error) { return []byte("a key of a test, long enough for it"), nil }}))
	t.Cleanup(s.Close)
	d.url = s.URL
	for _, w := range workspaces {
		if err := d.store.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: w, TimeZone: "UTC", Created: now}, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d *desk) args(w string) []string {
	return []string{"--url", d.url, "--workspace", w, "--key-file", d.key, "--attempts", "1"}
}

func (d *desk) export(w, what, format string) string {
	d.t.Helper()
	got := call("", append([]string{"export", "--what", what, "--format", format}, d.args(w)...)...)
	if got.code != exitOK {
		d.t.Fatalf("export of %s as %s: exit %d: %s", what, format, got.code, got.err)
	}
	return got.out
}

// imports imports a list, every row of which is to be taken, and returns how many facts were new.
func (d *desk) imports(w, format, list string) (stored int) {
	d.t.Helper()
	got := call(list, append([]string{"import", "--format", format}, d.args(w)...)...)
	for _, l := range lines[importedLine](d.t, got.out) {
		if stored += l.Stored; l.Type == "row" && (l.Result != "imported" && l.Result != "known" || len(l.Told) > 0) {
			d.t.Errorf("row %d: %s %s %q", l.Row, l.Result, l.Error, l.Told)
		}
	}
	if got.code != exitOK {
		d.t.Fatalf("import as %s: exit %d: %s", format, got.code, got.err)
	}
	return stored
}

// fill fills a workspace with what makes trouble in files.
func (d *desk) fill(w string) {
	d.t.Helper()
	at := func(ago time.Duration) string { return social.Stamp(now.Add(-ago)) }
	var rows []contacts.Row
	row := func(c *contacts.Contact, as ...contacts.Activity) {
		rows = append(rows, contacts.Row{Contact: c, Activities: as})
	}
	did := func(l social.Line) contacts.Activity { return contacts.Activity{Line: l} }
	var mails []string
	for n := range 8 {
		mails = append(mails, fmt.Sprintf("ana+%d@contoso.com", n))
	}
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	row(&contacts.Contact{ID: "=1+1", Name: `'=1+1 "quoted", \n; <b> & 'more'`, Emails: mails, Phones: []string{"+4915112304567", "08 123 456"}, Company: "Contoso;\n\tand, \\Sons", Title: "مرحبا بالعالم",
		Location: "Malmö, Skåne; 👩‍👩‍👧 " + strings.Repeat("ö🦊", 60), URLs: []string{"https://contoso.com/a,b;c?x=1", "contoso.com/ana"},
		Attributes: map[string]json.RawMessage{"seats": raw("0"), "vip": raw("false"), "paid": raw("-1.5"), "role": raw(`"@admin"`), "note": raw(`"-1+2"`), "city": raw(`"="`), "phrase": raw(`"'+null"`), "code": raw(`"=\"007\""`)}})
	row(&contacts.Contact{Platform: "discord", ID: "-5", Scope: `gu;il,d\n`, Handle: "bo"})
	row(&contacts.Contact{Platform: "discord", ID: "'8", Name: "שלום;עולם"})
	many := map[string]json.RawMessage{}
	for n := range 40 {
		many[fmt.Sprintf("a%02d", n)] = raw(fmt.Sprint(n))
	}
	row(&contacts.Contact{Platform: "discord", ID: "many", Attributes: many})
	row(&contacts.Contact{Platform: "discord", ID: "many", Attributes: map[string]json.RawMessage{"z1": raw(`"x"`), "z2": raw("true")}})
	key := func(typ social.Type, id string, ago time.Duration) string {
		return social.ActivityKey("discord", "room", typ, id, now.Add(-ago))
	}
	actor := social.LineActor{ID: "7", Handle: "@ana", Name: "=HYPERLINK(\"x\")\t👩‍👩‍👧"}
	row(nil,
		did(social.Line{Key: key("message", "m1", time.Hour), Platform: "discord", Scope: "room", Type: "message", Actor: actor, Object: social.LineObj{ID: "m1", Type: "note"}, Occurred: at(time.Hour), Direction: "inbound",
			Text: "=1+1\n\"quoted\", 'it'; \ttabs\n\n\u200fمرحبا 🦊", URL: "https://discord.com/x?a=1,2;3", Conversation: "c1", Addressed: []string{"U1", "U,2"}, Flat: true}),
		did(social.Line{Key: key("message", "m2", 50*time.Minute), Platform: "discord", Scope: "room", Type: "message", Actor: social.LineActor{ID: "bot", Name: "null"}, Object: social.LineObj{ID: "m2"}, Occurred: at(50 * time.Minute),
			Direction: "outbound", Text: "null", InReplyTo: "m1", Automatic: true}),
		did(social.Line{Key: key("react", "r1", 40*time.Minute), Platform: "discord", Scope: "room", Type: "react", Actor: social.LineActor{ID: "9", Scope: "guild", Name: "O'Néill; \"x\""}, Object: social.LineObj{ID: "m1"}, Occurred: at(40 * time.Minute), Direction: "inbound",
			Reaction: "👍", Rating: &social.LineMark{Value: 3, Worst: 1, Best: 5, Kind: social.CSAT, Question: "How, \"well\"?"}}),
		did(social.Line{Key: key("delete", "m3", 30*time.Minute), Platform: "discord", Scope: "room", Type: "delete", Actor: social.LineActor{ID: social.Unknown}, Object: social.LineObj{ID: "m3"}, Occurred: at(30 * time.Minute), Direction: "inbound"}),
		did(social.Line{Key: social.ActivityKey("discord", "", "follow", "f1", time.Time{}), Platform: "discord", Type: "follow", Actor: actor, Undated: true, Direction: "inbound"}),
		did(social.Line{Platform: "discord", Type: "join", Actor: actor, Occurred: now.Add(-3 * time.Hour).Truncate(time.Minute).Format(time.RFC3339), Precision: "minute"}),
		did(social.Line{Platform: "discord", Type: "leave", Actor: actor, Occurred: at(2 * time.Hour)}),
	)
	for _, o := range []contacts.Outcome{
		{ID: "deal-1", Platform: "discord", Account: "7", Kind: "won", At: at(time.Hour), Value: "1.999", Currency: "EUR"},
		{ID: "deal-2", Platform: "discord", Account: "'8", Kind: "not_hired", At: at(2 * time.Hour)},
		{Account: "=1+1", Kind: "renewed", At: at(3 * time.Hour), Value: "1234567.50", Currency: "USD"},
	} {
		rows = append(rows, contacts.Row{Outcomes: []contacts.Outcome{o}})
	}
	var list strings.Builder
	for _, r := range rows {
		if err := json.NewEncoder(&list).Encode(r); err != nil {
			d.t.Fatal(err)
		}
	}
	if n := d.imports(w, "jsonl", list.String()); n < 60 {
		d.t.Fatalf("%d facts are there to be exported", n)
	}
}

// known is what may differ: when Rapport came to know of an activity, which is also when an undated one is said to have been done.
var known = regexp.MustCompile(`"known":"[^"]*",?|"occurred":"[^"]*","undated":true`)

// What is exported, imported into an empty workspace and exported from there is
// the same, and imported where it is from it is nothing new; whatever the values.
func TestExportRoundTrip(t *testing.T) {
	d := newDesk(t, "acme", "contacts-csv", "contacts-vcard", "contacts-jsonl", "activities-csv", "activities-jsonl")
	d.fill("acme")
	same := func(what, format, from, to string) {
		t.Helper()
		if diff := cmp.Diff(known.ReplaceAllString(from, ""), known.ReplaceAllString(to, "")); diff != "" {
			t.Errorf("%s as %s come back otherwise: %s", what, format, diff)
		}
	}
	for _, format := range []string{"csv", "vcard", "jsonl"} {
		list := d.export("acme", "contacts", format)
		to := "contacts-" + format
		if n := d.imports("acme", format, list); n != 0 {
			t.Errorf("contacts as %s, imported where they are from: %d facts are new", format, n)
		}
		if n := d.imports(to, format, list); n < 60 {
			t.Errorf("contacts as %s: %d facts are new in an empty workspace", format, n)
		}
		same("contacts", format, list, d.export(to, "contacts", format))
		if format == "vcard" {
			continue
		}
		list = d.export("acme", "outcomes", format)
		if n := d.imports("acme", format, list); n != 0 {
			t.Errorf("outcomes as %s, imported where they are from: %d are new", format, n)
		}
		if n := d.imports(to, format, list); n != 3 {
			t.Errorf("outcomes as %s: %d are new in another workspace", format, n)
		}
		same("outcomes", format, list, d.export(to, "outcomes", format))
		list = d.export("acme", "activities", format)
		if n := d.imports("acme", format, list); n != 0 {
			t.Errorf("activities as %s, imported where they are from: %d are new", format, n)
		}
		to = "activities-" + format
		if n := d.imports(to, format, list); n != 7 {
			t.Errorf("activities as %s: %d are new in an empty workspace", format, n)
		}
		same("activities", format, list, d.export(to, "activities", format))
		same("activities", "jsonl", d.export("acme", "activities", "jsonl"), d.export(to, "activities", "jsonl"))
	}
	for _, l := range strings.Split(d.export("acme", "contacts", "vcard"), "\r\n") {
		if len(l) > 75 {
			t.Errorf("a line of %d bytes: %s", len(l), l)
		}
	}
	got := call("", append([]string{"export", "--format", "jsonl"}, d.args("nobodys")...)...)
	if got.code != exitFailed || got.out != "" || !strings.Contains(got.err, "404") {
		t.Errorf("a workspace of others: exit %d, %q, %s", got.code, got.out, got.err)
	}
	if got := call("", append([]string{"export", "--what", "outcomes", "--format", "vcard"}, d.args("acme")...)...); got.code != exitMisuse {
		t.Errorf("outcomes as cards: exit %d", got.code)
	}
}

// Pages follow each other until there are none, and each account comes once.
func TestExportPages(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if asked == 2 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if r.URL.Path != "/v1/workspaces/acme/contacts" || r.URL.Query().Get("limit") != "100" || asked == 3 && r.URL.Query().Get("cursor") != "next" {
			t.Errorf("asked for %s", r.URL)
		}
		next := ""
		if asked == 1 {
			next = "next"
		}
		fmt.Fprintf(w, `{"items":[{"person":"per_1","account":"acc_%d","contact":{"platform":"discord","id":"%d"}}],"next_cursor":%q}`, asked, asked, next)
	}))
	defer s.Close()
	got := call("", "export", "--format", "jsonl", "--url", s.URL, "--workspace", "acme", "--key-file", file(t, "key", "rk_1\n"))
	if l := lines[contacts.Listed](t, got.out); got.code != exitOK || len(l) != 2 || l[0].Contact.ID != "1" || l[1].Contact.ID != "3" {
		t.Errorf("exit %d: %s %s", got.code, got.out, got.err)
	}
}
