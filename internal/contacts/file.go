package contacts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/profile"
	"rapport/internal/sheet"
	"rapport/internal/social"
)

// File is a file whose rows can be read.
type File struct {
	Format  string
	Notes   []string // what was found of the file as a whole
	mapping Mapping
	now     time.Time
	rows    iter.Seq2[Answer, error]
}

// others are how files begin that are no lists, and what to do with them.
var others = []struct{ begin, what string }{
	{"PK\x03\x04", "an Excel workbook or a ZIP archive, which is not unpacked: in Excel save it as CSV UTF-8"},
	{"\xd0\xcf\x11\xe0", "an old Excel workbook: in Excel save it as CSV UTF-8"},
	{"\x1f\x8b", "packed by gzip: unpack it first"},
	{"%PDF", "a PDF: export the list as CSV"},
	{"<", "HTML or XML: export the list as CSV"},
}

// Open finds out what a file is. It reads a file that is not in UTF-8 or UTF-16 twice.
func Open(r io.ReadSeeker, m Mapping, now time.Time) (*File, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	head := make([]byte, 1024)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = platform.WithoutBOM(head[:n])
	for _, o := range others {
		if bytes.HasPrefix(head, []byte(o.begin)) {
			return nil, fmt.Errorf("it is %s", o.what)
		}
	}
	if m.Encoding == "" && bytes.Count(head, []byte{0}) > len(head)/4 && !bytes.HasPrefix(head, []byte("\xff\xfe")) && !bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return nil, errors.New("it is full of NULs: is it UTF-16 without a byte order mark? Say so with --encoding utf-16le, or save it as UTF-8")
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the file a second time: %w", err)
	}
	text, old, err := sheet.Text(r, m.Encoding)
	if err != nil {
		return nil, err
	}
	f := &File{mapping: m, now: now}
	if old {
		f.Notes = append(f.Notes, "it is no UTF-8 and is read as Windows-1252 (Latin-1): if letters come out wrong, name its encoding with --encoding")
	}
	begin := make([]byte, 1024)
	n, err = io.ReadFull(text, begin)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	begin = begin[:n]
	text = io.MultiReader(bytes.NewReader(bytes.Clone(begin)), text)
	begin = bytes.TrimSpace(begin)
	isObject := bytes.HasPrefix(begin, []byte("{"))
	if f.Format = m.Format; f.Format == "" {
		switch {
		case isObject:
			f.Format = "jsonl"
		case bytes.HasPrefix(bytes.ToUpper(begin), []byte("BEGIN:VCARD")):
			f.Format = "vcard"
		default:
			f.Format = "csv"
		}
	}
	if bytes.HasPrefix(begin, []byte("[")) && f.Format != "vcard" {
		return nil, errors.New("it is a JSON list: write one object a line, as jq -c '.[]' does")
	}
	switch f.Format {
	case "hubspot": // whose webhooks name contacts so, within the portal
		if f.mapping.Scope != "" && f.mapping.Platform == "" {
			f.mapping.Platform = "hubspot"
		} else if f.mapping.Scope == "" {
			f.mapping.Scope = "hubspot"
		}
	case "salesforce":
		if f.mapping.Scope == "" {
			f.mapping.Scope = "salesforce"
		}
	}
	switch {
	case f.Format == "vcard":
		f.rows = f.cards(text)
	case f.Format == "jsonl" || isObject:
		f.rows = f.lines(text)
	default:
		if f.rows, err = f.table(text); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Rows reads the file, once. For each row there is an answer; an error says that the file can't be read on.
func (f *File) Rows() iter.Seq2[Answer, error] { return f.rows }

// checked is an answer whose row is as it is taken.
func (f *File) checked(a Answer) Answer {
	if a.Err != nil {
		a.Says = Row{}
		return a
	}
	says, told, err := Checked(a.Says, f.now)
	a.Says, a.Told, a.Err = says, append(a.Told, told...), err
	if err != nil {
		a.Says = Row{}
	}
	return a
}

// lines reads JSON lines.
func (f *File) lines(r io.Reader) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		n := 0
		for l, err := range sheet.Lines(r) {
			if err != nil {
				yield(Answer{}, err)
				return
			}
			line := bytes.TrimSpace(l.Text)
			if len(line) == 0 && !l.Long {
				continue
			}
			n++
			a := Answer{Row: n, Line: l.Number}
			switch {
			case l.Long:
				a.Err = fmt.Errorf("it is longer than %d KB", sheet.MaxRow>>10)
			case bytes.ContainsRune(line, 0):
				a.Err = errNUL
			case line[0] != '{':
				a.Err = errors.New(`it is no JSON object: write {"id","platform", …}`)
			case f.Format == "jsonl":
				a.Says, a.Err = f.object(line)
			default:
				a.Says, a.Told, a.Err = f.record(line)
			}
			if !yield(f.checked(a), nil) {
				return
			}
		}
	}
}

// listLine is an account as `rapport match` reads it, with what contacts have beside.
type listLine struct {
	ID         platform.ID                `json:"id"`
	Platform   platform.Text              `json:"platform"`
	Scope      platform.Text              `json:"scope"`
	Handle     platform.Text              `json:"handle"`
	Name       platform.Text              `json:"name"`
	Emails     []platform.Text            `json:"emails"`
	Phones     []platform.Text            `json:"phones"`
	Company    platform.Text              `json:"company"`
	Title      platform.Text              `json:"title"`
	Location   platform.Text              `json:"location"`
	URLs       []platform.Text            `json:"urls"`
	Attributes map[string]json.RawMessage `json:"attributes"`
}

// object reads a line of JSON: a row, an activity or an outcome in the exchange form, or an account.
func (f *File) object(line []byte) (Row, error) {
	var has map[string]json.RawMessage
	if err := json.Unmarshal(line, &has); err != nil {
		return Row{}, fmt.Errorf("it is no JSON object: %w", err)
	}
	is := func(names ...string) bool {
		for _, n := range names {
			if _, ok := has[n]; !ok {
				return false
			}
		}
		return true
	}
	var out Row
	switch {
	case is("contact") || is("activities") || is("outcomes"):
		if err := json.Unmarshal(line, &out); err != nil {
			return out, fmt.Errorf(`it can't be read as {"contact","activities","outcomes"}: %w`, err)
		}
	case is("type", "actor"):
		var a Activity
		if err := json.Unmarshal(line, &a); err != nil {
			return out, fmt.Errorf("it can't be read as an activity: %w", err)
		}
		out.Activities = []Activity{a}
	case is("kind", "at"):
		var o Outcome
		if err := json.Unmarshal(line, &o); err != nil {
			return out, fmt.Errorf("it can't be read as an outcome: %w", err)
		}
		out.Outcomes = []Outcome{o}
	default:
		var l listLine
		if err := json.Unmarshal(line, &l); err != nil {
			return out, fmt.Errorf(`it can't be read as {"id","platform","handle","name","emails":[],"phones":[],"company","title","location","urls":[],"attributes":{}}: %w`, err)
		}
		texts := func(list []platform.Text) (out []string) {
			for _, t := range list {
				out = append(out, string(t))
			}
			return out
		}
		c := Contact{Platform: string(l.Platform), Scope: string(l.Scope), ID: string(l.ID), Handle: string(l.Handle), Name: string(l.Name), Emails: texts(l.Emails), Phones: texts(l.Phones),
			Company: string(l.Company), Title: string(l.Title), Location: string(l.Location), URLs: texts(l.URLs), Attributes: map[string]json.RawMessage{}}
		for name, v := range l.Attributes {
			c.Attributes[cmp.Or(attributeNamed(name), name)] = v
		}
		if c.ID != "" && c.Platform == "" {
			c.Platform = f.mapping.Platform
			if c.Scope == "" {
				c.Scope = f.mapping.Scope
			}
		}
		out.Contact = &c
	}
	return out, nil
}

var further = pattern.New(`^(email|phone|website)_[0-9]{1,2}$`)

// reserved reports whether an attribute's name is that of a field with a place of its own.
func reserved(name string) bool {
	switch name {
	case profile.Email, profile.Phone, profile.Company, profile.Title, profile.Location, profile.Website, profile.Domain, "name", "handle":
		return true
	}
	return further.MatchString(name)
}

// Excerpt names a row for a reader: whom it is about.
func (r Row) Excerpt() string {
	switch {
	case r.Contact != nil:
		return social.Excerpt(strings.TrimSpace(r.Contact.Name+" "+r.Contact.ID), 80)
	case len(r.Activities) > 0:
		return social.Excerpt(r.Activities[0].Actor.ID, 80)
	case len(r.Outcomes) > 0:
		return social.Excerpt(r.Outcomes[0].Person+r.Outcomes[0].Account, 80)
	}
	return ""
}
