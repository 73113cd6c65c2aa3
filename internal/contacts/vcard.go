package contacts

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"rapport/internal/sheet"
	"rapport/internal/social"
)

// property is a line of a card, with its continuations: NAME;PARAMS:value.
type property struct {
	name   string // capitals, without its group
	params map[string][]string
	value  string // as it stands in the card; decoded where it was quoted-printable
}

// card is a card as it is being read.
type card struct {
	line    int
	version string
	list    []property
	bytes   int
	told    []string
	err     error
}

// What comes in bulk and is nothing that is kept.
var bulky = map[string]bool{"PHOTO": true, "LOGO": true, "SOUND": true, "KEY": true}

// cards reads vCards of the versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350).
func (f *File) cards(r io.Reader) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		n := 0
		var c *card // nil: between cards
		nested := 0 // cards within the card: 2.1's agents
		end := func() bool {
			n++
			a := Answer{Row: n, Line: c.line, Told: c.told, Err: c.err}
			if a.Err == nil {
				a.Says = c.row(f.mapping)
			}
			c, nested = nil, 0
			return yield(f.checked(a), nil)
		}
		for l, err := range unfolded(r) {
			if err != nil {
				yield(Answer{}, err)
				return
			}
			p, ok := propertyOf(l.text)
			switch {
			case ok && p.name == "BEGIN" && strings.EqualFold(strings.TrimSpace(p.value), "VCARD"):
				if c != nil && len(c.list) > 0 && c.list[len(c.list)-1].name == "AGENT" {
					nested++
					continue
				}
				if c != nil {
					c.err = cmp.Or(c.err, error(errEndless))
					if !end() {
						return
					}
				}
				c = &card{line: l.number}
			case c == nil: // what stands between cards is none
			case ok && p.name == "END" && strings.EqualFold(strings.TrimSpace(p.value), "VCARD"):
				if nested > 0 {
					nested--
				} else if !end() {
					return
				}
			case nested > 0 || bulky[p.name]:
			case l.long:
				c.tell("the line %d is longer than %d KB and is left out", l.number, sheet.MaxRow>>10)
			case strings.ContainsRune(l.text, 0):
				c.err = errNUL
			case !ok && strings.Trim(l.text, " \tABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == "": // of a picture
			case !ok:
				c.tell("the line %d can't be read and is left out: it has no colon", l.number)
			default:
				if p.name == "VERSION" {
					c.version = strings.TrimSpace(p.value)
				}
				if c.bytes += len(l.text); c.bytes > sheet.MaxRow {
					c.err = fmt.Errorf("it has more than %d KB without its pictures", sheet.MaxRow>>10)
					continue
				}
				c.list = append(c.list, p)
			}
		}
		if c != nil {
			c.err = cmp.Or(c.err, error(errEndless))
			if !end() {
				return
			}
		}
		if n == 0 {
			yield(Answer{}, errors.New("it holds no card: each begins with BEGIN:VCARD"))
		}
	}
}

var errEndless = errors.New("the card has no end: END:VCARD is missing")

// toldOf is how many lines of a card that can't be read are told one by one.
const toldOf = 5

func (c *card) tell(format string, args ...any) {
	if len(c.told) < toldOf {
		c.told = append(c.told, fmt.Sprintf(format, args...))
	}
}

type logical struct {
	number int
	text   string
	long   bool
}

// unfolded are the lines of a card with their continuations: lines that begin
// with a space or a tab, and those after a line of quoted-printable text that ends in "=".
func unfolded(r io.Reader) iter.Seq2[logical, error] {
	return func(yield func(logical, error) bool) {
		var held logical
		soft := false // the line held goes on in the next one, whatever that begins with
		quoted := func() bool {
			head, _, _ := strings.Cut(held.text, ":")
			return strings.HasSuffix(held.text, "=") && strings.Contains(strings.ToUpper(head), "QUOTED-PRINTABLE")
		}
		add := func(s string, l sheet.Line) {
			if held.long = held.long || l.Long || len(held.text)+len(s) > sheet.MaxRow; !held.long {
				held.text += s
			} else if head, _, ok := strings.Cut(held.text, ":"); ok {
				held.text = head + ":" // what it is says whether it is missed
			}
		}
		for l, err := range sheet.Lines(r) {
			if err != nil {
				yield(logical{number: l.Number}, err)
				return
			}
			text := string(l.Text)
			switch {
			case held.number > 0 && soft:
				held.text = strings.TrimSuffix(held.text, "=")
				add(text, l)
			case held.number > 0 && text != "" && (text[0] == ' ' || text[0] == '\t'):
				add(text[1:], l)
			default:
				if held.number > 0 && held.text != "" && !yield(held, nil) {
					return
				}
				held = logical{number: l.Number}
				add(text, l)
			}
			soft = quoted()
		}
		if held.number > 0 && held.text != "" {
			yield(held, nil)
		}
	}
}

// propertyOf reads a line; ok is false of one that is no property.
func propertyOf(line string) (p property, ok bool) {
	colon, quoted := -1, false
	for i := 0; i < len(line) && colon < 0; i++ {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted:
			colon = i
		}
	}
	if colon < 0 {
		return p, false
	}
	p.value, p.params = line[colon+1:], map[string][]string{}
	parts := apart(line[:colon], ';', false)
	p.name = strings.ToUpper(strings.TrimSpace(parts[0]))
	if i := strings.LastIndexByte(p.name, '.'); i >= 0 { // item1.EMAIL
		p.name = p.name[i+1:]
	}
	for _, part := range parts[1:] {
		name, value, named := strings.Cut(part, "=")
		if !named { // 2.1 writes HOME for TYPE=HOME
			name, value = "TYPE", part
			if v := strings.ToUpper(value); v == "QUOTED-PRINTABLE" || v == "BASE64" {
				name = "ENCODING"
			}
		}
		for v := range strings.SplitSeq(value, ",") {
			name := strings.ToUpper(strings.TrimSpace(name))
			p.params[name] = append(p.params[name], strings.Trim(strings.TrimSpace(v), `"`))
		}
	}
	if p.is("ENCODING", "QUOTED-PRINTABLE") {
		p.value = decodedQP(p.value, strings.Join(p.params["CHARSET"], ""))
	}
	return p, p.name != ""
}

func (p property) is(param, value string) bool {
	return slices.ContainsFunc(p.params[param], func(v string) bool { return strings.EqualFold(v, value) })
}

// decodedQP is quoted-printable text in a charset; what it can't decode stays as it is.
func decodedQP(s, charset string) string {
	b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
	if err != nil {
		return s
	}
	if e, err := htmlindex.Get(charset); err == nil {
		if out, err := e.NewDecoder().Bytes(b); err == nil {
			return string(out)
		}
	}
	if utf8.Valid(b) {
		return string(b)
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return s
	}
	return string(out)
}

// apart splits a text at a sign that is not escaped by a backslash (or, without escapes, not within quotes).
func apart(s string, sign byte, escapes bool) []string {
	var out []string
	from, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case !escapes && s[i] == '"':
			quoted = !quoted
		case s[i] == sign && !quoted:
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}

// plain is a value without its escapes.
func plain(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n', 'N':
			b.WriteByte('\n')
		case ',', ';', ':', '\\':
			b.WriteByte(s[i])
		default:
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// Names of our own properties: the account that a contact is, and its attributes.
const (
	cardAccount   = "X-RAPPORT-ACCOUNT"
	cardAttribute = "X-RAPPORT-ATTRIBUTE"
)

// cardAttributes are properties that become attributes.
var cardAttributes = map[string]string{"NICKNAME": "nickname", "BDAY": "birthday", "CATEGORIES": "categories", "NOTE": "note", "GENDER": "gender", "LANG": "language"}

// row is what a card says.
func (c *card) row(m Mapping) Row {
	out := Contact{Attributes: map[string]json.RawMessage{}}
	var name, uid string
	attribute := func(name string, value any) {
		if b, err := json.Marshal(value); err == nil && out.Attributes[name] == nil {
			out.Attributes[name] = b
		}
	}
	first := slices.Clone(c.list) // those that are preferred come first
	slices.SortStableFunc(first, func(a, b property) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, p := range first {
		parts := apart(p.value, ';', true)
		for i := range parts {
			parts[i] = strings.TrimSpace(plain(parts[i]))
		}
		part := func(i int) string {
			if i < len(parts) {
				return parts[i]
			}
			return ""
		}
		switch value := strings.TrimSpace(plain(p.value)); p.name {
		case "FN":
			out.Name = cmp.Or(out.Name, value)
		case "N":
			name = cmp.Or(name, strings.Join(strings.Fields(part(1)+" "+part(2)+" "+part(0)), " "))
		case "EMAIL":
			out.Emails = append(out.Emails, strings.TrimPrefix(unspaced(value), "mailto:"))
		case "TEL":
			number, _, _ := strings.Cut(strings.TrimPrefix(value, "tel:"), ";")
			out.Phones = append(out.Phones, number)
		case "URL", "X-SOCIALPROFILE", "SOCIALPROFILE":
			if strings.Contains(value, ".") {
				out.URLs = append(out.URLs, unspaced(value))
			}
		case "ORG":
			out.Company = cmp.Or(out.Company, part(0))
		case "TITLE":
			out.Title = cmp.Or(out.Title, value)
		case "ADR":
			out.Location = cmp.Or(out.Location, joined(part(3), part(4), part(6)))
		case "UID":
			uid = value
		case cardAccount:
			out.Platform, out.Scope, out.ID, out.Handle = part(0), part(1), part(2), part(3)
		case cardAttribute:
			var v any = value
			if p.is("VALUE", "json") {
				v = json.RawMessage(value)
				if !json.Valid([]byte(value)) {
					continue
				}
			}
			attribute(strings.ToLower(strings.Join(p.params["NAME"], "")), v)
		default:
			if to := cardAttributes[p.name]; to != "" && value != "" {
				attribute(to, social.Shown(value))
			}
		}
	}
	out.Name = cmp.Or(out.Name, name)
	if out.ID == "" && len(out.Emails) == 0 && !slices.ContainsFunc(out.Phones, func(s string) bool { return strings.HasPrefix(s, "+") }) {
		out.ID = uid
	}
	if out.ID != "" && out.Platform == "" {
		out.Platform, out.Scope = m.Platform, m.Scope
	}
	return Row{Contact: &out}
}

// rank is 0 of a property that is preferred.
func (p property) rank() int {
	if p.is("TYPE", "PREF") || p.is("PREF", "1") {
		return 0
	}
	return 1
}

// unspaced is a value that has no spaces: 2.1 keeps them where a line was folded.
func unspaced(s string) string { return strings.Join(strings.Fields(s), "") }
