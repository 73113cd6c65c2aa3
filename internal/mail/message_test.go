package mail_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var sent = time.Date(2026, 11, 23, 8, 0, 3, 999, time.FixedZone("", 3600))

func message() mail.Message {
	return mail.Message{
		From: "reports@rapport.example", To: []string{"ana@nordlicht.example", "o'neil+weekly@nordlicht.example"},
		Subject: "Nordlicht Bikes: 41 people raised 4 issues",
		HTML:    "<p>Grüße = 1</p>\n" + strings.Repeat("<td>long</td>", 40) + "\n.\nFrom here",
		Text:    "Grüße = 1\n\n" + strings.Repeat("long ", 40) + "\n.\nFrom here \n",
		ID:      "rep_2026w47",
	}
}

func raw(t *testing.T, m mail.Message) []byte {
	t.Helper()
	b, err := m.Bytes(sent)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type part struct{ contentType, disposition, body string }

// read parses a message with the standard library and returns the header and
// the leaves in order, decoded.
func read(t *testing.T, b []byte) (netmail.Header, []part) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var leaves []part
	var walk func(contentType string, body io.Reader)
	walk = func(contentType string, body io.Reader) {
		kind, params, err := mime.ParseMediaType(contentType)
		if err != nil || !strings.HasPrefix(kind, "multipart/") {
			t.Fatalf("content type %q: %v", contentType, err)
		}
		r := multipart.NewReader(body, params["boundary"])
		for {
			p, err := r.NextRawPart()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if ct := p.Header.Get("Content-Type"); strings.HasPrefix(ct, "multipart/") {
				walk(ct, p)
				continue
			}
			var dec io.Reader
			switch enc := p.Header.Get("Content-Transfer-Encoding"); enc {
			case "quoted-printable":
				dec = quotedprintable.NewReader(p)
			case "base64":
				dec = base64.NewDecoder(base64.StdEncoding, p)
			default:
				t.Fatalf("transfer encoding %q", enc)
			}
			text, err := io.ReadAll(dec)
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, part{p.Header.Get("Content-Type"), p.Header.Get("Content-Disposition"), string(text)})
		}
	}
	walk(m.Header.Get("Content-Type"), m.Body)
	return m.Header, leaves
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestMessageReadsBackAsWritten(t *testing.T) {
	m := message()
	h, leaves := read(t, raw(t, m))
	for name, want := range map[string]string{
		"From": "reports@rapport.example", "Subject": m.Subject, "Date": "Mon, 23 Nov 2026 07:00:03 +0000", "Message-Id": "<rep_2026w47@rapport.example>",
		"Mime-Version": "1.0", "Auto-Submitted": "auto-generated",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	to, err := h.AddressList("To")
	if err != nil || len(to) != 2 || to[0].Address != m.To[0] || to[1].Address != m.To[1] {
		t.Errorf("To: %v, %v", to, err)
	}
	want := []part{{"text/plain; charset=utf-8", "", crlf(m.Text)}, {"text/html; charset=utf-8", "", crlf(m.HTML)}}
	if len(leaves) != 2 || leaves[0] != want[0] || leaves[1] != want[1] {
		t.Errorf("parts %q, want %q", leaves, want)
	}
}

// RFC 8058, section 3.1: one address, and the header that lets a mail reader post to it.
func TestUnsubscribingTakesOneClick(t *testing.T) {
	m := message()
	if h, _ := read(t, raw(t, m)); h.Get("List-Unsubscribe") != "" || h.Get("List-Unsubscribe-Post") != "" {
		t.Errorf("headers of a mail without: %v", h)
	}
	m.Unsubscribe = "https://api.example.com/mail/unsubscribe/" + strings.Repeat("x", 200)
	h, _ := read(t, raw(t, m))
	if h.Get("List-Unsubscribe") != "<"+m.Unsubscribe+">" || h.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" {
		t.Errorf("headers %v", h)
	}
}

func TestAttachmentsComeAfterTheTexts(t *testing.T) {
	m := message()
	m.Attachments = []mail.Attachment{
		{Name: "report.csv", ContentType: "text/csv; charset=utf-8", Content: []byte(strings.Repeat("a,b\r\n", 100))},
		{Name: "Bericht März \"1\".json", ContentType: "application/json", Content: []byte{0, 255, '\n'}},
		{Name: "empty.bin", ContentType: "application/octet-stream"},
	}
	h, leaves := read(t, raw(t, m))
	if got := h.Get("Content-Type"); !strings.HasPrefix(got, "multipart/mixed;") {
		t.Errorf("Content-Type: %q", got)
	}
	if len(leaves) != 5 || leaves[0].body != crlf(m.Text) {
		t.Fatalf("%d parts, want 5, the text first", len(leaves))
	}
	for i, a := range m.Attachments {
		got := leaves[2+i]
		kind, params, err := mime.ParseMediaType(got.disposition)
		if err != nil || kind != "attachment" || params["filename"] != a.Name || got.body != string(a.Content) || got.contentType != a.ContentType {
			t.Errorf("attachment %q came back as %q", a.Name, got)
		}
	}
}

func TestEveryLineFitsTheWire(t *testing.T) {
	m := message()
	for range 48 {
		m.To = append(m.To, strings.Repeat("x", 60)+"@nordlicht.example")
	}
	m.Subject = strings.Repeat("Grüße 👩 ", 31)
	m.Attachments = []mail.Attachment{{Name: strings.Repeat("ü", 50), ContentType: "text/csv", Content: bytes.Repeat([]byte("x"), 5000)}}
	b := raw(t, m)
	for i, line := range bytes.Split(b, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
			t.Errorf("line %d has %d bytes, or a bare CR or LF: %.60q", i, len(line), line)
		}
		for _, c := range line {
			if c >= 0x80 || c < 0x20 && c != '\t' {
				t.Fatalf("line %d has the byte %#x", i, c)
			}
		}
	}
	head, body, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	m.Subject = strings.Repeat("x", 250)
	plain, _, _ := bytes.Cut(raw(t, m), []byte("\r\n\r\n"))
	for _, line := range append(bytes.Split(head, []byte("\r\n")), bytes.Split(plain, []byte("\r\n"))...) {
		if len(line) > 100 {
			t.Errorf("a header line of %d bytes: %q", len(line), line)
		}
	}
	for _, line := range bytes.Split(body, []byte("\r\n")) {
		if len(line) > 76 && !bytes.HasPrefix(line, []byte("Content-")) {
			t.Errorf("a body line of %d bytes: %q", len(line), line)
		}
	}
}

func TestSubjectReadsBackAsWritten(t *testing.T) {
	for _, s := range []string{
		"plain", "Grüße aus Kiel", "=?UTF-8?Q?not_a_word?=", " spaces around ", strings.Repeat("a long subject of plain words ", 8),
		strings.Repeat("👩‍🚀", 60), "שלום", "100 % = all?",
	} {
		m := message()
		m.Subject = s
		h, _ := read(t, raw(t, m))
		got, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
		if err != nil || got != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
		if s == "=?UTF-8?Q?not_a_word?=" && h.Get("Subject") == s {
			t.Error("a subject that looks encoded went out as it is")
		}
	}
}

func TestSameMessageGivesTheSameBytes(t *testing.T) {
	m := message()
	m.Attachments = []mail.Attachment{{Name: "a.csv", ContentType: "text/csv", Content: []byte("x")}}
	first := raw(t, m)
	if !bytes.Equal(raw(t, m), first) {
		t.Error("two writings differ")
	}
	if b, err := m.Bytes(sent.UTC().Truncate(time.Second)); err != nil || !bytes.Equal(b, first) {
		t.Errorf("the same second in UTC differs: %v", err)
	}
	boundary := func(m mail.Message) string {
		h, _ := read(t, raw(t, m))
		_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		return params["boundary"]
	}
	was := boundary(m)
	m.Attachments = []mail.Attachment{{Name: "a.csv", ContentType: "text/csv", Content: []byte("y")}}
	if boundary(m) == was {
		t.Error("another content has the same boundary")
	}
	// A text that holds its own boundary's form can't end a part.
	m.Text = "--" + was + "\r\nContent-Type: text/html\r\n\r\n<b>forged</b>\r\n--" + was + "--\r\n"
	if _, leaves := read(t, raw(t, m)); len(leaves) != 3 || leaves[0].body != m.Text {
		t.Errorf("%d parts, want 3 with the text whole", len(leaves))
	}
}

func TestForgedMessagesAreRefused(t *testing.T) {
	attach := func(name, kind string) func(*mail.Message) {
		return func(m *mail.Message) { m.Attachments = []mail.Attachment{{Name: name, ContentType: kind}} }
	}
	forged := 0
	for name, spoil := range map[string]func(*mail.Message){
		"header in the subject":         func(m *mail.Message) { m.Subject = "x\r\nBcc: all@example.com" },
		"bare LF in the subject":        func(m *mail.Message) { m.Subject = "x\nBcc: all@example.com" },
		"bare CR in the subject":        func(m *mail.Message) { m.Subject = "x\rBcc: all@example.com" },
		"NUL in the subject":            func(m *mail.Message) { m.Subject = "x\x00" },
		"NEL in the subject":            func(m *mail.Message) { m.Subject = "x\u0085Bcc: all@example.com" },
		"line separator in the subject": func(m *mail.Message) { m.Subject = "x\u2028Bcc: all@example.com" },
		"turned direction in subject":   func(m *mail.Message) { m.Subject = "x\u202e" },
		"no subject":                    func(m *mail.Message) { m.Subject = "" },
		"endless subject":               func(m *mail.Message) { m.Subject = strings.Repeat("x", 251) },
		"subject not UTF-8":             func(m *mail.Message) { m.Subject = "\xff" },
		"header in a recipient":         func(m *mail.Message) { m.To[1] = "a@b.example\r\nBcc: all@example.com" },
		"list as a recipient":           func(m *mail.Message) { m.To[0] = "a@b.example, c@d.example" },
		"no recipient":                  func(m *mail.Message) { m.To = nil },
		"51 recipients": func(m *mail.Message) {
			m.To = make([]string, 51)
			for i := range m.To {
				m.To[i] = "a@b.example"
			}
		},
		"name in the sender":             func(m *mail.Message) { m.From = "Bank <a@b.example>" },
		"no sender":                      func(m *mail.Message) { m.From = "" },
		"header in the id":               func(m *mail.Message) { m.ID = "x>\r\nBcc: all@example.com" },
		"header in where to unsubscribe": func(m *mail.Message) { m.Unsubscribe = "https://a.example/x>\r\nBcc: all@example.com" },
		"two places to unsubscribe":      func(m *mail.Message) { m.Unsubscribe = "https://a.example/x>,<https://b.example/" },
		"script to unsubscribe":          func(m *mail.Message) { m.Unsubscribe = "javascript:alert(1)" },
		"endless place to unsubscribe":   func(m *mail.Message) { m.Unsubscribe = "https://a.example/" + strings.Repeat("x", 900) },
		"no id":                          func(m *mail.Message) { m.ID = "" },
		"long id":                        func(m *mail.Message) { m.ID = strings.Repeat("x", 65) },
		"id whose letters end in ASCII":  func(m *mail.Message) { m.ID = "\u0141" },
		"no HTML":                        func(m *mail.Message) { m.HTML = "" },
		"no text":                        func(m *mail.Message) { m.Text = "" },
		"text not UTF-8":                 func(m *mail.Message) { m.Text = "\xff" },
		"header in a file name":          attach("a\r\nBcc: all@example.com", "text/csv"),
		"path as a file name":            attach("../a.csv", "text/csv"),
		"no file name":                   attach("", "text/csv"),
		"file name not UTF-8":            attach("\xff", "text/csv"),
		"header in a content type":       attach("a.csv", "text/csv\r\nBcc: all@example.com"),
		"folded header in content type":  attach("a.csv", "text/csv;\r\n x=y"),
		"no content type":                attach("a.csv", ""),
		"content type without a subtype": attach("a.csv", "text"),
		"a multipart attached":           attach("a.csv", "multipart/mixed; boundary=x"),
		"a message attached":             attach("a.eml", "message/rfc822"),
		"content type not ASCII":         attach("a.csv", "text/csv; x=\"ü\""),
	} {
		forged++
		m := message()
		spoil(&m)
		if _, err := m.Bytes(sent); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: error %v, want one of kind invalid", name, err)
		}
	}
	if _, err := message().Bytes(time.Time{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no date: error %v, want one of kind invalid", err)
	}
	drill.Show(t, "%d forged messages refused", forged)
}

func TestMessageOverTheLimitIsTooLarge(t *testing.T) {
	m := message()
	m.Attachments = []mail.Attachment{{Name: "a.bin", ContentType: "application/octet-stream", Content: make([]byte, 31<<20)}}
	if _, err := m.Bytes(sent); !fault.Is(err, fault.TooLarge) {
		t.Errorf("error %v, want one of kind too_large", err)
	}
}

var addresses = []struct {
	address string
	ok      bool
}{
	{"a@b.example", true},
	{"first.last+tag@sub.nordlicht.example", true},
	{"o'neil!#$%&*/=?^_`{|}~-@b.example", true},
	{"root@localhost", true},
	{"a@xn--bcher-kva.example", true},
	{"a@123.example", true},
	{strings.Repeat("a", 64) + "@b.example", true},
	{strings.Repeat("a", 65) + "@b.example", false},
	{"a@" + strings.Repeat("b", 63) + ".example", true},
	{"a@" + strings.Repeat("b", 64) + ".example", false},
	{"a@" + strings.Repeat("b.", 127) + "e", false},
	{"", false},
	{"@", false},
	{"a", false},
	{"a@", false},
	{"@b.example", false},
	{"a@b@c.example", false},
	{"a@b.example ", false},
	{" a@b.example", false},
	{"a b@c.example", false},
	{"a@b.example\n", false},
	{"a@b.example\r\nBcc: c@d.example", false},
	{"a@b.example,c@d.example", false},
	{"a@b.example;c@d.example", false},
	{"A <a@b.example>", false},
	{"<a@b.example>", false},
	{"a@b.example (comment)", false},
	{"\"a b\"@c.example", false},
	{"a@[127.0.0.1]", false},
	{"a..b@c.example", false},
	{".a@b.example", false},
	{"a.@b.example", false},
	{"a@b..example", false},
	{"a@.b.example", false},
	{"a@b.example.", false},
	{"a@-b.example", false},
	{"a@b-.example", false},
	{"a@b_c.example", false},
	{"ä@b.example", false},
	{"a@bücher.example", false},
	{"a\x00@b.example", false},
	{"mailto:a@b.example", false},
	{"group: a@b.example;", false},
}

func TestCheckAddress(t *testing.T) {
	for _, tt := range addresses {
		err := mail.CheckAddress(tt.address)
		if tt.ok && err != nil || !tt.ok && !fault.Is(err, fault.Invalid) {
			t.Errorf("CheckAddress(%q) = %v, want ok %v", tt.address, err, tt.ok)
		}
	}
}

// Whatever passes is one plain address to the standard library too.
func FuzzAddressIsOneAddrSpec(f *testing.F) {
	for _, tt := range addresses {
		f.Add(tt.address)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if mail.CheckAddress(s) != nil {
			return
		}
		list, err := netmail.ParseAddressList(s)
		if err != nil || len(list) != 1 || list[0].Name != "" || list[0].Address != s {
			t.Errorf("%q passes, and reads as %v, %v", s, list, err)
		}
	})
}
