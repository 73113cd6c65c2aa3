package contacts_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/social"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// read reads a file to its end.
func read(t testing.TB, file string, m contacts.Mapping) ([]contacts.Answer, *contacts.File) {
	t.Helper()
	f, err := contacts.Open(strings.NewReader(file), m, now)
	if err != nil {
		t.Fatalf("%.60q: %v", file, err)
	}
	var out []contacts.Answer
	for a, err := range f.Rows() {
		if err != nil {
			t.Fatalf("%.60q: %v", file, err)
		}
		out = append(out, a)
	}
	return out, f
}

// one reads a file of one row, which is taken.
func one(t testing.TB, file string, m contacts.Mapping) contacts.Answer {
	t.Helper()
	list, _ := read(t, file, m)
	if len(list) != 1 || list[0].Err != nil {
		t.Fatalf("%q: %+v", file, list)
	}
	return list[0]
}

func attributes(of map[string]string) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for k, v := range of {
		out[k], _ = json.Marshal(v) // texts can be written
	}
	return out
}

func TestAContactOfATable(t *testing.T) {
	want := contacts.Contact{Platform: "standard", Scope: "import", ID: "ana@contoso.com", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com", "ana@lindqvist.se"}, Phones: []string{"+46701234568"},
		Company: "Contoso", Title: "CTO", Location: "Malmö, SE", URLs: []string{"https://lindqvist.se"}, Attributes: attributes(map[string]string{"branch_office": "=SUM"})}
	for name, file := range map[string]string{
		"English, commas":       "First Name,Last Name,E-mail 1 - Value,E-mail 2 - Value,Mobile Phone,Company Name,Job Title,City,Country,Website,Branch office\nAna,Lindqvist,Ana@Contoso.com,ana@lindqvist.se,+46 70 123 45 68,Contoso,CTO,Malmö,SE,https://lindqvist.se,'=SUM\n",
		"German, semicolons":    "Vorname;Nachname;E-Mail-Adresse;Weitere;Handynummer;Firma;Funktion;Ort;Land;Webseite;Branch office\r\nAna;Lindqvist;ana@contoso.com;Ana <ana@lindqvist.se>;0046 70 1234568;Contoso;CTO;Malmö;SE;https://lindqvist.se;'=SUM\r\n",
		"tabs":                  "name\temail\tphone\tcompany\ttitle\tlocation\turl\tbranch-office\nAna Lindqvist\tana@contoso.com; ana@lindqvist.se\t+46701234568\tContoso\tCTO\tMalmö, SE\thttps://lindqvist.se\t'=SUM\n",
		"bars, a quoted header": "\"name\"|\"email\"|\"email\"|phone|company|title|location|url|branch office\n\"Ana Lindqvist\"|ana@contoso.com|ana@lindqvist.se|'+46701234568|Contoso|CTO|\"Malmö, SE\"|https://lindqvist.se|'=SUM\n",
		"Excel's own line":      "sep=;\nname;email;email;phone;company;title;location;url;branch office\nAna Lindqvist;ana@contoso.com;ana@lindqvist.se;=\"+46701234568\";Contoso;CTO;Malmö, SE;https://lindqvist.se;'=SUM\n",
		"Windows-1252":          "name;email;email;phone;company;title;location;url;branch office\nAna Lindqvist;ana@contoso.com;ana@lindqvist.se;+46701234568;Contoso;CTO;Malm\xf6, SE;https://lindqvist.se;'=SUM\n",
		"an old Mac's":          "name;email;email;phone;company;title;location;url;branch office\rAna Lindqvist;ana@contoso.com;ana@lindqvist.se;+46701234568;Contoso;CTO;Malmö, SE;https://lindqvist.se;'=SUM\r",
	} {
		m := contacts.Mapping{}
		if strings.Contains(file, "Weitere") {
			m.Columns = map[string]string{"Weitere": "email"}
		}
		if got := one(t, file, m); !reflect.DeepEqual(*got.Says.Contact, want) {
			t.Errorf("%s:\n%+v, want\n%+v", name, *got.Says.Contact, want)
		}
	}
}

// Scenario "import", Excel's dates.
func TestTimesOfASpreadsheet(t *testing.T) {
	for _, c := range []struct{ zone, dates, shown, want string }{
		{"Europe/Berlin", "", "46328.375", "2026-11-02T08:00:00.000Z"},
		{"Europe/Berlin", "", "46328,375", "2026-11-02T08:00:00.000Z"},
		{"Europe/Berlin", "", "46328.4166666667", "2026-11-02T09:00:00.000Z"},
		{"Europe/Berlin", "", "46328.41667", "2026-11-02T09:00:00.000Z"},
		{"Europe/Berlin", "", "46328", "2026-11-01T23:00:00.000Z"},
		{"Europe/Berlin", "", "2.11.26 9:00", `can be 2026-11-02 (dmy) or 2026-02-11 (mdy) or 2002-11-26 (ymd): say which with --dates`},
		{"Europe/Berlin", "dmy", "2.11.26 9:00", "2026-11-02T08:00:00.000Z"},
		{"Europe/Berlin", "mdy", "2/11/26 9:00 PM", "2026-02-11T20:00:00.000Z"},
		{"Europe/Berlin", "ymd", "26.11.2 9:00", "2026-11-02T08:00:00.000Z"},
		{"Europe/Berlin", "", "13.11.2026 9:00", "2026-11-13T08:00:00.000Z"},
		{"Europe/Berlin", "", "11/13/2026 9:00", "2026-11-13T08:00:00.000Z"},
		{"Europe/Berlin", "mdy", "13.11.2026 9:00", "is no date in the order mdy"},
		{"Europe/Berlin", "", "31.02.2026", "is no date"},
		{"Europe/Berlin", "mdy", "2026-11-02 09:00", "2026-11-02T08:00:00.000Z"},
		{"Europe/Berlin", "", "2026-11-02T09:00:00.25", "2026-11-02T08:00:00.250Z"},
		{"", "", "2026-11-02 09:00", "says no time zone: say whose clock it is with --zone"},
		{"", "", "46328.375", "says no time zone"},
		{"", "", "2026-11-02T09:00:00+01:00", "2026-11-02T08:00:00.000Z"},
		{"", "", "2026-11-02 09:00:00 -0330", "2026-11-02T12:30:00.000Z"},
		{"", "", "2026-11-02 08:00 UTC", "2026-11-02T08:00:00.000Z"},
		{"", "", "1793606400", "2026-11-02T08:00:00.000Z"},
		{"", "", "1793606400123", "2026-11-02T08:00:00.123Z"},
		{"America/New_York", "", "Nov 2, 2026, 3:00 AM", "2026-11-02T08:00:00.000Z"},
		{"Europe/Berlin", "", "2 November 2026 9:00", "2026-11-02T08:00:00.000Z"},
		// Put forward: 02:00 to 02:59 are never shown. Put back: they are shown twice.
		{"Europe/Berlin", "", "2026-03-29 02:30", "is never shown by the clocks of Europe/Berlin"},
		{"Europe/Berlin", "", "2026-03-29 03:00", "2026-03-29T01:00:00.000Z"},
		{"Europe/Berlin", "", "25.10.2026 02:30", "2026-10-25T00:30:00.000Z"},
		{"Europe/Berlin", "", "25.10.2026 03:00", "2026-10-25T02:00:00.000Z"},
		{"Europe/Berlin", "", "9 o'clock", "can't be read as a time"},
		{"Europe/Berlin", "", "2026-11-02 25:00", "is no time of a day"},
	} {
		list, _ := read(t, "id;type;date\n7;visit;"+c.shown+"\n", contacts.Mapping{Zone: c.zone, Dates: c.dates})
		got := list[0]
		said := ""
		switch {
		case got.Err != nil:
			said = got.Err.Error()
		default:
			said = got.Says.Activities[0].Occurred
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s (%s, %s): %s, want %s", c.shown, c.zone, c.dates, said, c.want)
		}
		if twice := strings.Contains(strings.Join(got.Told, ""), "is shown twice by the clocks"); twice != (c.shown == "25.10.2026 02:30") {
			t.Errorf("%s: told %q", c.shown, got.Told)
		}
	}
	if a := one(t, "id;type;date;zone\n7;visit;2026-11-02 09:00;America/New_York\n", contacts.Mapping{Zone: "Europe/Berlin"}); a.Says.Activities[0].Occurred != "2026-11-02T14:00:00.000Z" {
		t.Errorf("the row's own zone: %+v", a.Says)
	}
}

// Scenario "import", ids made short by Excel.
func TestShortenedIDsAreRefusedWithTheirRow(t *testing.T) {
	list, _ := read(t, "id,name\n1.23457E+17,Ana\n1.23457E+17,Bo\n\"1,23457E+17\",Cy\n123456789012345678,Di\n123456789012345000,Ed\n", contacts.Mapping{})
	for i, a := range list {
		if refused := a.Err != nil && strings.Contains(a.Err.Error(), "made short by a spreadsheet"); refused != (i < 3) {
			t.Errorf("row %d: %v", a.Row, a.Err)
		}
	}
	if told := strings.Join(list[4].Told, ""); !strings.Contains(told, "rounded") {
		t.Errorf("told %q", told)
	}
}

// Scenario "import", one row with two activities.
func TestOneRowWithTwoActivitiesIsTwo(t *testing.T) {
	m := contacts.Mapping{Zone: "UTC", Activities: []contacts.Doing{{Type: "sign_up", Occurred: "Invited", ID: "Ticket"}, {Type: "join", Occurred: "Attended", ID: "Ticket"}}}
	list, _ := read(t, "Email,Ticket,Invited,Attended\nana@contoso.com,T1,2026-10-01 10:00,2026-10-05 10:00\nbo@contoso.com,T2,2026-10-01 10:00,\n", m)
	first := list[0].Says.Activities
	if len(first) != 2 || first[0].Key == first[1].Key || first[0].Type != "sign_up" || first[1].Type != "join" {
		t.Errorf("%+v", first)
	}
	if second := list[1].Says.Activities; len(second) != 1 || second[0].Type != "sign_up" {
		t.Errorf("who did not come: %+v", second)
	}
}

// Scenario "import", vCards.
func TestCards(t *testing.T) {
	long := strings.Repeat("a", 60) + "@contoso-international.example.com"
	file := strings.Join([]string{
		"BEGIN:VCARD", "VERSION:2.1", "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Schl=C3=B6tterer-Br=C3=B8ns=", "ted;J=C3=BCrgen", "TEL;CELL;PREF:+49 151 70124538", "TEL;HOME:+49 30 7012453",
		"EMAIL;INTERNET:" + long[:50], " " + long[50:], "EMAIL;INTERNET;PREF:juergen@contoso.com", "ORG;QUOTED-PRINTABLE:Contoso=3B Ltd;Sales", "PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQ", " AAAABBBB==", "", "END:VCARD",
		"BEGIN:VCARD", "VERSION:3.0", `FN:Ana Lindqvist\, PhD`, "N:Lindqvist;Ana;;;", "item1.EMAIL;TYPE=WORK:ana@contoso.com", "EMAIL;TYPE=HOME:ana@lindqvist.se", "ADR;TYPE=WORK:;;Storgatan 1;Malmö;;21142;Sweden", `NOTE:two\nlines`, "END:VCARD",
		"BEGIN:VCARD", "VERSION:4.0", "FN:Bo", "TEL;VALUE=uri;PREF=1:tel:+46701234568;ext=5", "UID:urn:uuid:1", "TITLE:CTO", "URL:https://bo.se/", "END:VCARD", ""}, "\n")
	for name, file := range map[string]string{"LF": file, "CRLF": strings.ReplaceAll(file, "\n", "\r\n"), "CR": strings.ReplaceAll(file, "\n", "\r")} {
		list, f := read(t, file, contacts.Mapping{})
		if f.Format != "vcard" || len(list) != 3 {
			t.Fatalf("%s: %s, %+v", name, f.Format, list)
		}
		for i, want := range []contacts.Contact{
			{Platform: "standard", Scope: "import", ID: "juergen@contoso.com", Name: "Jürgen Schlötterer-Brønsted", Emails: []string{"juergen@contoso.com", long}, Phones: []string{"+4915170124538", "+49307012453"}, Company: "Contoso"},
			{Platform: "standard", Scope: "import", ID: "ana@contoso.com", Name: "Ana Lindqvist, PhD", Emails: []string{"ana@contoso.com", "ana@lindqvist.se"}, Location: "Malmö, Sweden", Attributes: attributes(map[string]string{"note": "two lines"})},
			{Platform: "standard", Scope: "import", ID: "+46701234568", Name: "Bo", Phones: []string{"+46701234568"}, Title: "CTO", URLs: []string{"https://bo.se/"}},
		} {
			if list[i].Err != nil || !reflect.DeepEqual(*list[i].Says.Contact, want) {
				t.Errorf("%s: %+v, %v, want\n%+v", name, list[i].Says.Contact, list[i].Err, want)
			}
		}
	}
}

func TestCardsThatAreBroken(t *testing.T) {
	list, _ := read(t, "BEGIN:VCARD\nFN:Ana\nEMAIL:ana@contoso.com\nBEGIN:VCARD\nFN:Bo\nnonsense!\nEMAIL:bo@contoso.com\nEND:VCARD\nBEGIN:VCARD\nFN:Cy\nEND:VCARD\nBEGIN:VCARD\nFN:Di", contacts.Mapping{})
	want := []string{"END:VCARD is missing", "", "nothing in it says who it is", "END:VCARD is missing"}
	for i, w := range want {
		if got := fmt.Sprint(list[i].Err); w == "" && list[i].Err != nil || !strings.Contains(got, w) {
			t.Errorf("card %d: %s, want %q", i+1, got, w)
		}
	}
	if len(list) != len(want) || !strings.Contains(strings.Join(list[1].Told, ""), "has no colon") {
		t.Errorf("%+v", list)
	}
}

func TestHubSpotAndSalesforce(t *testing.T) {
	hubspot := "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lifecycle Stage,Associated Company,Job Title,Create Date,Close Date,Country/Region,Website URL\n" +
		"51,Ana,Lindqvist,ana@contoso.com,+46701234568,Sam,customer,Contoso,CTO,2026-11-02 09:00,,Sweden,contoso.com\n"
	want := contacts.Contact{Platform: "standard", Scope: "hubspot", ID: "51", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com"}, Phones: []string{"+46701234568"}, Company: "Contoso", Title: "CTO", Location: "Sweden",
		URLs: []string{"contoso.com"}, Attributes: attributes(map[string]string{"contact_owner": "Sam", "lifecycle_stage": "customer", "create_date": "2026-11-02 09:00"})}
	if got := one(t, hubspot, contacts.Mapping{Format: "hubspot"}); !reflect.DeepEqual(*got.Says.Contact, want) {
		t.Errorf("%+v, want\n%+v", *got.Says.Contact, want)
	}
	// With the portal, it is the account that HubSpot's webhooks name.
	if got := one(t, hubspot, contacts.Mapping{Format: "hubspot", Scope: "62515"}).Says.Contact.Ref(); got != (social.AccountRef{Platform: "hubspot", Scope: "62515", ID: "51"}) {
		t.Errorf("%+v", got)
	}
	api := `{"id":"51","properties":{"firstname":"Ana","lastname":"Lindqvist","email":"ana@contoso.com","hs_object_id":"51","jobtitle":"CTO","lifecyclestage":"customer","phone":null}}`
	if got := one(t, api, contacts.Mapping{Format: "hubspot"}).Says.Contact; got.ID != "51" || got.Name != "Ana Lindqvist" || got.Title != "CTO" || string(got.Attributes["lifecyclestage"]) != `"customer"` {
		t.Errorf("%+v", got)
	}
	for _, id := range []string{"003D000001aLzC1", "003D000001aLzC1IAK"} { // as reports show it, and the Data Loader
		file := "Contact ID,First Name,Last Name,Title,Account Name,Mailing City,Business Phone,Email,Lead Source\n" + id + ",Ana,Lindqvist,CTO,Contoso,Malmö,+46 70 123 45 68,ana@contoso.com,Web\n"
		got := one(t, file, contacts.Mapping{Format: "salesforce"}).Says.Contact
		if got.Ref() != (social.AccountRef{Platform: "standard", Scope: "salesforce", ID: "003D000001aLzC1IAK"}) || got.Company != "Contoso" || got.Location != "Malmö" || string(got.Attributes["lead_source"]) != `"Web"` {
			t.Errorf("%+v", got)
		}
	}
	deals := "Opportunity ID,Stage,Close Date,Amount,Opportunity Currency,Email\n006D1,Closed Won,11/13/2026,\"1,999.90\",EUR,ana@contoso.com\n006D2,Prospecting,11/13/2026,5,EUR,ana@contoso.com\n"
	list, _ := read(t, deals, contacts.Mapping{Format: "salesforce", Zone: "Europe/Berlin", Columns: map[string]string{"Opportunity Currency": "currency"}})
	if o := list[0].Says.Outcomes; list[0].Err != nil || len(o) != 1 || o[0].Kind != "won" || o[0].At != "2026-11-12T23:00:00.000Z" || o[0].Value != "1999.9" || o[0].Currency != "EUR" || o[0].Account != "ana@contoso.com" || o[0].ID != "006D1" || list[0].Says.Contact != nil {
		t.Errorf("%+v, %v", list[0].Says, list[0].Err)
	}
	if err := list[1].Err; err == nil || !strings.Contains(err.Error(), `"Prospecting" is no outcome that is known`) {
		t.Errorf("%v", err)
	}
}

func TestLinesOfJSON(t *testing.T) {
	list, f := read(t, `{"id":7,"platform":"github","handle":"@ana","emails":["Ana@Contoso.com","n/a"],"attributes":{"Plan type":"pro","seats":5,"trial":true}}

{"type":"join","actor":{"id":"7"},"platform":"github","occurred":"2026-11-02T10:00:00Z","direction":"inbound"}
{"kind":"won","at":"2026-11-02T10:00:00Z","email":"ana@contoso.com","value":"10","currency":"EUR"}
{"contact":{"emails":["bo@contoso.com"]},"activities":[{"type":"visit","occurred":"2026-11-02T10:00:00Z"}],"outcomes":[{"kind":"lost","at":"2026-11-02T10:00:00Z"}]}
{"id":"8","attributes":{"a":[1]}}
[1]
nonsense
{"name":"nobody"}
`, contacts.Mapping{})
	if f.Format != "jsonl" || len(list) != 8 {
		t.Fatalf("%s, %+v", f.Format, list)
	}
	c := list[0].Says.Contact
	if c.Ref() != (social.AccountRef{Platform: "github", ID: "7"}) || c.Handle != "ana" || string(c.Attributes["plan_type"]) != `"pro"` || string(c.Attributes["seats"]) != "5" || string(c.Attributes["trial"]) != "true" || len(c.Emails) != 1 || len(list[0].Told) != 1 {
		t.Errorf("%+v, told %q", c, list[0].Told)
	}
	if a := list[1].Says.Activities[0]; a.Actor.ID != "7" || !strings.HasPrefix(a.Key, "github||join|") {
		t.Errorf("%+v", a)
	}
	if o := list[2].Says.Outcomes[0]; o.Ref() != (social.AccountRef{Platform: "standard", Scope: "import", ID: "ana@contoso.com"}) || o.ID == "" {
		t.Errorf("%+v", o)
	}
	if s := list[3].Says; s.Activities[0].Actor.ID != "bo@contoso.com" || s.Outcomes[0].Account != "bo@contoso.com" {
		t.Errorf("%+v", s)
	}
	for i, want := range []string{"is a list or an object", "is no JSON object", "is no JSON object", "says who it is"} {
		if err := list[4+i].Err; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("line %d: %v, want %q", list[4+i].Line, err, want)
		}
	}
}

// Values that stand for nobody make no two people one.
func TestWhoIsNobody(t *testing.T) {
	list, _ := read(t, "id,name,email\nnull,Ana,N/A\nundefined,Bo,bo@contoso.com\n,Cy,info@contoso.com\n,Di,info@contoso.com\n0,null,\n", contacts.Mapping{})
	var got []string
	for _, a := range list {
		if a.Err != nil {
			got = append(got, "refused")
			continue
		}
		got = append(got, a.Says.Contact.ID)
	}
	if want := []string{"refused", "bo@contoso.com", "info@contoso.com cy", "info@contoso.com di", "refused"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if told := strings.Join(list[1].Told, ""); !strings.Contains(told, `"undefined" stands for nobody`) {
		t.Errorf("told %q", told)
	}
}

// One bad row stops nothing, and each has its answer.
func TestBadRowsStopNothing(t *testing.T) {
	file := "email,name\na@contoso.com,A\n\"b@contoso.com,B\nc@contoso.com,C\nd@contoso.com,D,too,many\ne@contoso.com,\"E \"\"the\"\" one\"\nf@contoso.com,Robert \"Bob\" F\n\"g\"@contoso.com,G\nh@contoso.com,H\x00\n" +
		strings.Repeat("x", 300<<10) + "\ni@contoso.com,\"I\nof two lines\"\nj@contoso.com,J\n"
	list, _ := read(t, file, contacts.Mapping{})
	want := []string{"A", "a quote is opened and never closed", "C", "it has 4 fields and the header 2", `E "the" one`, `Robert "Bob" F`, "its quotes can't be read", "NUL", "longer than 256 KB", "I of two lines", "J"}
	for i, a := range list {
		got := fmt.Sprint(a.Err)
		if a.Err == nil {
			got = a.Says.Contact.Name
		}
		if a.Row != i+1 || i >= len(want) || !strings.Contains(got, want[i]) {
			t.Errorf("row %d in line %d: %s, want %v", a.Row, a.Line, got, want[min(i, len(want)-1)])
		}
	}
	if len(list) != len(want) || list[2].Line != 4 || list[10].Line != 13 {
		t.Errorf("%d rows, want %d", len(list), len(want))
	}
}

func TestFilesThatAreNone(t *testing.T) {
	wide := func(s string) string { return strings.Join(strings.Split(s, ""), "\x00") + "\x00" }
	for file, want := range map[string]string{
		"PK\x03\x04\x14\x00":          "save it as CSV UTF-8",
		"\x1f\x8b\x08":                "unpack it",
		"":                            "it is empty",
		"[{}]":                        "one object a line",
		"<html>":                      "export the list as CSV",
		"name,company\nAna,Contoso\n": "no column says who it is",
		"id,Kundennummer\n1,2\n":      "are both id",
		wide("email,name\nana@contoso.com,Ana\n"): "UTF-16 without a byte order mark",
		"\x00\x00\x00\x00":                        "NULs",
	} {
		_, err := contacts.Open(strings.NewReader(file), contacts.Mapping{}, now)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", file, err, want)
		}
	}
	if a := one(t, wide("email,name\nana@contoso.com,Ana\n"), contacts.Mapping{Encoding: "utf-16le"}); a.Says.Contact.Name != "Ana" {
		t.Errorf("%+v", a)
	}
}

func TestMappings(t *testing.T) {
	for doc, want := range map[string]string{
		`{"columns":{"A":"e-mail"}}`:         `columns: "A" can't be "e-mail"`,
		`{"columns":{"A":"attribute:Plan"}}`: `can't be the attribute "Plan"`,
		`{"columns":{"A":"attribute:name"}}`: `can't be the attribute "name"`,
		`{"zone":"CST"}`:                     `the zone "CST" is neither`,
		`{"dates":"dym"}`:                    "dates:",
		`{"types":{"A":"jump"}}`:             `can't mean "jump"`,
		`{"outcomes":{"A":"maybe"}}`:         `can't mean "maybe"`,
		`{"activities":[{"type":"join"}]}`:   "occurred is missing",
		`{"column":{}}`:                      "unknown field",
		`{"decimal":"·","currency":"Euro"}`:  "decimal:",
	} {
		if _, err := contacts.ParseMapping([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", doc, err, want)
		}
	}
	if _, err := contacts.Open(strings.NewReader("email\na@contoso.com\n"), contacts.Mapping{Columns: map[string]string{"E-Mail": "email"}}, now); err == nil || !strings.Contains(err.Error(), `the file does not have; it has "email"`) {
		t.Errorf("%v", err)
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ value, code, decimal, want string }{
		{"1999.90", "EUR", "", "1999.9 EUR"}, {"1.999,90 €", "", "", "1999.9 EUR"}, {"$1,999.90", "", "", "currency that is not clear"}, {"$1,999.90", "USD", "", "1999.9 USD"},
		{"1.999", "EUR", "", "thousands or have three decimals"}, {"1.999", "EUR", ",", "1999 EUR"}, {"1.999", "EUR", ".", "1.999 EUR"}, {"1'999.90", "CHF", "", "1999.9 CHF"},
		{"1 999,5", "EUR", "", "1999.5 EUR"}, {"1,234,567", "EUR", "", "1234567 EUR"}, {"0.125", "EUR", "", "0.125 EUR"}, {"12", "", "", "has no currency"}, {"€5", "USD", "", "is not in USD"}, {"much", "EUR", "", "is no amount"}, {"", "EUR", "", ""},
	} {
		list, _ := read(t, fmt.Sprintf("email;outcome;date;amount;currency\nana@contoso.com;won;2026-11-02;%s;%s\n", c.value, c.code), contacts.Mapping{Zone: "UTC", Decimal: c.decimal})
		got := fmt.Sprint(list[0].Err)
		if list[0].Err == nil {
			got = strings.TrimSpace(list[0].Says.Outcomes[0].Value + " " + list[0].Says.Outcomes[0].Currency)
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %s (%s): %s, want %s", c.value, c.code, c.decimal, got, c.want)
		}
	}
}

// FuzzOpen holds that no file breaks the reader, that each row has one answer,
// in order, and that what is taken is taken again as it stands.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{"email,name\na@contoso.com,A\n", "id;type;date\n7;visit;46328.375\n", "BEGIN:VCARD\nVERSION:2.1\nN;QUOTED-PRINTABLE:=C3=\nB6\nEND:VCARD\n", `{"id":1,"platform":"x","attributes":{"a":1e9}}` + "\n{}\n",
		"\xff\xfea\x00", "sep=;\nemail;outcome;date;amount\na@b.com;won;2.11.26;1.000 €", "email\n\"a\n", `{"properties":{"email":"a@b.com"}}`, "email,name\n\x00,\n", strings.Repeat("[", 2000)} {
		f.Add(s, uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, file string, how uint8) {
		m := contacts.Mapping{Format: append([]string{""}, contacts.Formats...)[int(how)%(len(contacts.Formats)+1)], Zone: []string{"", "Europe/Berlin"}[how>>7]}
		r, err := contacts.Open(strings.NewReader(file), m, now)
		if err != nil {
			return
		}
		n := 0
		for a, err := range r.Rows() {
			if err != nil {
				break
			}
			if n++; a.Row != n {
				t.Fatalf("row %d is answered as %d", n, a.Row)
			}
			if (a.Err == nil) == reflect.DeepEqual(a.Says, contacts.Row{}) {
				t.Fatalf("row %d: %+v and %v", n, a.Says, a.Err)
			}
			if a.Err != nil {
				continue
			}
			again, _, err := contacts.Checked(a.Says, now)
			if err != nil || !reflect.DeepEqual(again, a.Says) {
				t.Fatalf("%+v is taken as %+v the second time: %v", a.Says, again, err)
			}
		}
		if format, lines := r.Format, strings.FieldsFunc(file, func(r rune) bool { return r == '\n' || r == '\r' }); format == "jsonl" && m.Format == "jsonl" && n > len(lines) {
			t.Fatalf("%d rows of %d lines", n, len(lines))
		}
	})
}
