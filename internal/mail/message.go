// Package mail writes messages (RFC 5322 and MIME, RFC 2045 to 2049); package
// ses sends them.
package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/fault"
)

const (
	maxRecipients = 50       // of SES, for one message
	maxSubject    = 250      // characters
	maxURL        = 900      // bytes: a header's line has 998 at most (RFC 5322, section 2.1.1)
	maxMessage    = 40 << 20 // bytes: SES takes no larger raw message
)

// ErrUnknown is in the chain of an error after which the mail may or may not
// have gone out. Whoever must not send twice does not try again.
var ErrUnknown = errors.New("unknown whether sent")

// Message is a mail with an HTML and a plain text form of the same content,
// both UTF-8 and both required, and any number of attachments.
type Message struct {
	From        string       // an addr-spec, see CheckAddress
	To          []string     // 1 to 50 of them; each recipient sees the others
	Subject     string       // at most 250 characters, one line
	HTML        string       //
	Text        string       //
	Attachments []Attachment //
	Unsubscribe string       // address at which a POST ends such mail (RFC 8058): http or https; "": none
	ID          string       // left of the @ in Message-ID: 1 to 64 of [A-Za-z0-9._-]; SES puts its own in its place
}

// Attachment is a file sent along.
type Attachment struct {
	Name        string // a file name without a path
	ContentType string // for example "text/csv; charset=utf-8"
	Content     []byte
}

// CheckAddress returns a fault of kind Invalid unless s is a single addr-spec
// in plain form, "local@domain": a dot-atom of ASCII (RFC 5322, section
// 3.2.3) of at most 64 bytes, and a domain of letters, digits and hyphens; at
// most 254 bytes in all. Display names, quoted local parts, comments, domain
// literals, lists and line ends are refused; a domain in another script is
// given in its xn-- form.
func CheckAddress(s string) error {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > 254 || len(local) > 64 || !dotted(local, isAtom) || !dotted(domain, isHost) {
		return fault.New(fault.Invalid, "%.80q is no mail address", s)
	}
	for label := range strings.SplitSeq(domain, ".") {
		if len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return fault.New(fault.Invalid, "%.80q is no mail address", s)
		}
	}
	return nil
}

// dotted reports whether s is one or more non-empty runs of good bytes with
// single dots between them.
func dotted(s string, good func(byte) bool) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			if !good(part[i]) {
				return false
			}
		}
	}
	return true
}

func isHost(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
}

func isAtom(c byte) bool { return isHost(c) || strings.IndexByte("!#$%&'*+/=?^_`{|}~", c) >= 0 }

func isID(c byte) bool { return isHost(c) || c == '.' || c == '_' }

// Bytes returns m as it goes over the wire, with lines that end in CRLF:
// multipart/alternative of text and HTML, within multipart/mixed where there
// are attachments. The same message and date, taken to the second in UTC,
// give the same bytes. What could forge a header, and what has no valid form,
// is a fault of kind Invalid, more than 40 MB one of kind TooLarge.
func (m Message) Bytes(date time.Time) ([]byte, error) {
	if err := m.check(date); err != nil {
		return nil, err
	}
	boundary, err := m.boundary()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, domain, _ := strings.Cut(m.From, "@")
	fmt.Fprintf(&b, "From: %s\r\n", m.From)
	fmt.Fprintf(&b, "To: %s\r\n", strings.Join(m.To, ",\r\n "))
	fmt.Fprintf(&b, "Subject: %s\r\n", encodeWords(m.Subject))
	fmt.Fprintf(&b, "Date: %s\r\n", date.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\n", m.ID, domain)
	b.WriteString("Auto-Submitted: auto-generated\r\n") // RFC 3834: no holiday replies, please
	if m.Unsubscribe != "" {
		fmt.Fprintf(&b, "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", m.Unsubscribe)
	}
	b.WriteString("MIME-Version: 1.0\r\n")

	inner := boundary + "_a"
	if len(m.Attachments) > 0 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n", boundary, boundary)
	}
	fmt.Fprintf(&b, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", inner)
	for _, part := range []struct{ subtype, body string }{{"plain", m.Text}, {"html", m.HTML}} {
		fmt.Fprintf(&b, "--%s\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", inner, part.subtype)
		w := quotedprintable.NewWriter(&b)
		if _, err := w.Write([]byte(part.body)); err != nil {
			return nil, fmt.Errorf("write mail %q: %w", m.ID, err)
		}
		if err := w.Close(); err != nil {
			return nil, fmt.Errorf("write mail %q: %w", m.ID, err)
		}
		b.WriteString("\r\n")
	}
	fmt.Fprintf(&b, "--%s--\r\n", inner)
	for _, a := range m.Attachments {
		fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: %s\r\n\r\n", boundary,
			a.ContentType, mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}))
		text := base64.StdEncoding.EncodeToString(a.Content)
		for len(text) > 0 {
			n := min(76, len(text))
			b.WriteString(text[:n] + "\r\n")
			text = text[n:]
		}
	}
	if len(m.Attachments) > 0 {
		fmt.Fprintf(&b, "--%s--\r\n", boundary)
	}
	if b.Len() > maxMessage {
		return nil, fault.New(fault.TooLarge, "mail %q has %d bytes, more than %d", m.ID, b.Len(), maxMessage)
	}
	return b.Bytes(), nil
}

// check returns a fault of kind Invalid for the first thing that keeps m from
// being written.
func (m Message) check(date time.Time) error {
	if m.ID == "" || len(m.ID) > 64 || strings.ContainsFunc(m.ID, func(r rune) bool { return r > 0x7f || !isID(byte(r)) }) {
		return fault.New(fault.Invalid, "%.80q is no mail id", m.ID)
	}
	invalid := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "mail %q: %s", m.ID, fmt.Sprintf(format, args...))
	}
	if y := date.UTC().Year(); y < 1990 || y > 9999 {
		return invalid("dated %d", y)
	}
	if len(m.To) == 0 || len(m.To) > maxRecipients {
		return invalid("%d recipients, want 1 to %d", len(m.To), maxRecipients)
	}
	for _, a := range append([]string{m.From}, m.To...) {
		if err := CheckAddress(a); err != nil {
			return fmt.Errorf("mail %q: %w", m.ID, err)
		}
	}
	if !utf8.ValidString(m.Subject) || m.Subject == "" || hasControl(m.Subject) || utf8.RuneCountInString(m.Subject) > maxSubject {
		return invalid("a subject of %d bytes that is empty, too long or not one line of UTF-8", len(m.Subject))
	}
	for name, s := range map[string]string{"HTML": m.HTML, "text": m.Text} {
		if s == "" || !utf8.ValidString(s) {
			return invalid("the %s is empty or not UTF-8", name)
		}
	}
	if m.Unsubscribe != "" {
		u, err := url.Parse(m.Unsubscribe)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(m.Unsubscribe) > maxURL || !isASCII(m.Unsubscribe) || strings.ContainsAny(m.Unsubscribe, "<> ,") || hasControl(m.Unsubscribe) {
			return invalid("an address to unsubscribe at that is none")
		}
	}
	for _, a := range m.Attachments {
		if !utf8.ValidString(a.Name) || a.Name == "" || len(a.Name) > 100 || hasControl(a.Name) || strings.ContainsAny(a.Name, `/\`) {
			return invalid("%.80q is no file name", a.Name)
		}
		t, _, err := mime.ParseMediaType(a.ContentType)
		if err != nil || hasControl(a.ContentType) || len(a.ContentType) > 200 || !isASCII(a.ContentType) || !strings.Contains(t, "/") ||
			strings.HasPrefix(t, "multipart/") || strings.HasPrefix(t, "message/") {
			return invalid("%.80q is no content type of a file", a.ContentType)
		}
	}
	return nil
}

// hasControl reports whether s holds a control character (line ends and tabs
// among them), or one that turns the writing direction or ends a line.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// boundary returns a delimiter made of the content. It begins with "=_",
// which neither quoted-printable nor base64 ever yields (RFC 2045, section
// 6.7), so no part can contain it.
func (m Message) boundary() (string, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("hash mail %q: %w", m.ID, err)
	}
	sum := sha256.Sum256(b)
	return "=_" + hex.EncodeToString(sum[:16]), nil
}

// encodeWords returns s for a header: as it is where it is short printable
// ASCII that no reader takes for an encoded word, and else in encoded words
// of UTF-8 and base64 (RFC 2047) on lines of at most 75 bytes.
func encodeWords(s string) string {
	if isASCII(s) && len(s) <= 66 && !strings.Contains(s, "=?") && strings.TrimSpace(s) == s {
		return s
	}
	var words []string
	start := 0
	for i, r := range s {
		// 42 bytes are 56 in base64, and 68 with the frame of a word.
		if i+utf8.RuneLen(r)-start > 42 {
			words = append(words, s[start:i])
			start = i
		}
	}
	words = append(words, s[start:])
	for i, w := range words {
		words[i] = "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(w)) + "?="
	}
	return strings.Join(words, "\r\n ")
}
