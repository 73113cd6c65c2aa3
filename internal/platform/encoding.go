package platform

import (
	"bytes"
	"fmt"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"rapport/internal/pattern"
)

// bom is the byte order mark in UTF-8.
var bom = []byte("\xef\xbb\xbf")

// WithoutBOM is text in UTF-8 without the byte order mark before it, which
// RFC 8259, section 8.1, lets a reader of JSON pass over.
func WithoutBOM(b []byte) []byte { return bytes.TrimPrefix(b, bom) }

// xmlDeclaration is how an XML document begins that names its encoding.
var xmlDeclaration = pattern.New(`^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["'][^>]{0,200}?\?>`)

// UTF8 is a document in UTF-8, without byte order mark; each byte that is none
// in its encoding stands as U+FFFD. The encoding is that of its byte order
// mark, else the one that contentType names, else the one that its XML
// declaration names (RFC 7303, section 3), else UTF-8. A declaration of another
// encoding than UTF-8 is left out, since it holds no longer.
func UTF8(body []byte, contentType string) ([]byte, error) {
	if rest := WithoutBOM(body); len(rest) < len(body) {
		return undeclared(bytes.ToValidUTF8(rest, []byte("\ufffd"))), nil
	}
	from := wide(body)
	if from == nil {
		var err error
		if from, err = told(body, contentType); err != nil {
			return nil, err
		}
	}
	if from == unicode.UTF8 {
		return undeclared(bytes.ToValidUTF8(body, []byte("\ufffd"))), nil
	}
	text, err := from.NewDecoder().Bytes(body)
	if err != nil {
		return nil, fmt.Errorf("its encoding can't be read: %w", err)
	}
	return undeclared(WithoutBOM(text)), nil
}

// wide is UTF-16 where a document begins with its byte order mark, or with a
// "<" in it (https://www.w3.org/TR/xml/#sec-guessing-no-ext-info); else nil.
func wide(body []byte) encoding.Encoding {
	for _, e := range []encoding.Encoding{unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)} {
		for _, begin := range []string{"\ufeff", "<"} {
			if b, err := e.NewEncoder().Bytes([]byte(begin)); err == nil && bytes.HasPrefix(body, b) {
				return e
			}
		}
	}
	return nil
}

// told is the encoding that a document is said to be in. Servers say one for
// all their files, and tools copy declarations: where the bytes are UTF-8 and
// one of the names says so, or the first one is Latin-1, which fits any bytes,
// they are UTF-8; where they can't be, another name is believed, if there is one.
func told(body []byte, contentType string) (encoding.Encoding, error) {
	var said []string
	if _, params, err := mime.ParseMediaType(contentType); err == nil && params["charset"] != "" {
		said = append(said, params["charset"])
	}
	if name := declared(body); name != "" {
		said = append(said, name)
	}
	var known []string
	for _, n := range said {
		e, err := htmlindex.Get(n)
		if err != nil {
			continue
		}
		switch name, _ := htmlindex.Name(e); name {
		case "replacement": // what browsers refuse to read
		case "utf-16le", "utf-16be": // it would have been seen by its first bytes
			known = append(known, "utf-8")
		default:
			known = append(known, name)
		}
	}
	valid := utf8.Valid(body)
	switch {
	case len(known) == 0 && len(said) > 0 && !valid:
		return nil, fmt.Errorf("it is in the encoding %q, which can't be read", said[0])
	case len(known) == 0, valid && (known[0] == "windows-1252" || slices.Contains(known, "utf-8")):
		return unicode.UTF8, nil
	}
	for _, name := range known {
		if valid || name != "utf-8" {
			return htmlindex.Get(name)
		}
	}
	return unicode.UTF8, nil
}

// declared is the encoding that an XML document names; "" if it names none.
func declared(body []byte) string {
	if m := declaration(body); m != nil {
		return m[1]
	}
	return ""
}

// undeclared is a document in UTF-8 without a declaration that says otherwise.
func undeclared(text []byte) []byte {
	if m := declaration(text); m != nil && !strings.EqualFold(m[1], "utf-8") {
		return text[len(m[0]):]
	}
	return text
}

func declaration(body []byte) []string {
	return xmlDeclaration.FindStringSubmatch(string(body[:min(len(body), 1000)]))
}
