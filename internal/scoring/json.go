package scoring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// Problem is one thing wrong with a document, and where.
type Problem struct {
	Path    string // JSON path, for example $.rules[2].points
	Message string
}

func (p Problem) Error() string { return p.Path + ": " + p.Message }

// Problems is every problem of a document, in the order of the document's fields.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "; ")
}

const (
	maxModelBytes = 256 << 10
	maxDepth      = 16
	maxProblems   = 100
)

func (p *Problems) add(path, format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, Problem{path, fmt.Sprintf(format, args...)})
	}
}

// tree reads one JSON value into map[string]any, []any, json.Number, string,
// bool and nil, and notes names that stand twice in an object.
func tree(b []byte, p *Problems) (any, error) {
	if len(b) > maxModelBytes {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(b), maxModelBytes)
	}
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := branch(d, "$", 0, p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not JSON: more after the value")
	}
	return v, nil
}

func branch(d *json.Decoder, path string, depth int, p *Problems) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key := name.(string)
			at := path + "." + clip(key)
			v, err := branch(d, at, depth+1, p)
			if err != nil {
				return nil, err
			}
			if _, ok := m[key]; ok {
				p.add(at, "stands twice")
			}
			m[key] = v
		}
		_, err = d.Token()
		return m, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := branch(d, fmt.Sprintf("%s[%d]", path, len(list)), depth+1, p)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return t, nil
}

// object reads one JSON object field by field; what was not asked for by the
// time of done is an unknown field.
type object struct {
	path   string
	fields map[string]any
	asked  map[string]bool
	p      *Problems
}

func newObject(v any, path string, p *Problems) object {
	m, ok := v.(map[string]any)
	if !ok {
		p.add(path, "want an object, got %s", kindOf(v))
	}
	return object{path, m, map[string]bool{}, p}
}

func (o object) at(name string) string { return o.path + "." + name }

func (o object) has(name string) bool { _, ok := o.fields[name]; return ok }

// get returns the field, and notes its absence when it is required.
func (o object) get(name string, required bool) (any, bool) {
	o.asked[name] = true
	v, ok := o.fields[name]
	if !ok && required && o.fields != nil {
		o.p.add(o.at(name), "is missing")
	}
	return v, ok
}

func (o object) done() {
	var unknown []string
	for name := range o.fields {
		if !o.asked[name] {
			unknown = append(unknown, name)
		}
	}
	sort.Strings(unknown)
	for _, name := range unknown {
		o.p.add(o.at(clip(name)), "is unknown here")
	}
}

// text reads a string of 1 to most characters.
func (o object) text(name string, most int, required bool) string {
	v, ok := o.get(name, required)
	if !ok {
		return ""
	}
	return textOf(v, o.at(name), most, o.p)
}

func textOf(v any, path string, most int, p *Problems) string {
	s, ok := v.(string)
	if !ok {
		p.add(path, "want a string, got %s", kindOf(v))
		return ""
	}
	if n := utf8.RuneCountInString(s); n == 0 || n > most {
		p.add(path, "has %d characters, want 1 to %d", n, most)
		return ""
	}
	return s
}

// name reads an identifier: lower-case letters, digits, "-" and "_".
func (o object) name(field string, required bool) string {
	s := o.text(field, 64, required)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '_' || c == '-') {
			continue
		}
		o.p.add(o.at(field), "%q is no name: want lower-case letters, digits, - and _", clip(s))
		return ""
	}
	return s
}

// integer reads a whole number within [least, most].
func (o object) integer(name string, least, most int64, required bool) int {
	v, ok := o.get(name, required)
	if !ok {
		return 0
	}
	n, ok := v.(json.Number)
	if !ok {
		o.p.add(o.at(name), "want a whole number, got %s", kindOf(v))
		return 0
	}
	r, ok := rational(n)
	if !ok || !r.IsInt() || !r.Num().IsInt64() || r.Num().Int64() < least || r.Num().Int64() > most {
		o.p.add(o.at(name), "is %s, want a whole number from %d to %d", clip(n.String()), least, most)
		return 0
	}
	return int(r.Num().Int64())
}

// points reads a decimal string or number within ±maxPoints.
func (o object) points(name string, required bool) Points {
	v, ok := o.get(name, required)
	if !ok {
		return 0
	}
	return pointsOf(v, o.at(name), o.p)
}

func pointsOf(v any, path string, p *Problems) Points {
	var micro int64
	var err error
	switch v := v.(type) {
	case string:
		micro, err = ParseMicro(v)
	case json.Number:
		micro, err = numberMicro(v)
	default:
		err = fmt.Errorf("want a decimal string or number, got %s", kindOf(v))
	}
	if err == nil && (micro > maxPoints*million || micro < -maxPoints*million) {
		err = fmt.Errorf("%s is beyond ±%d points", Decimal(micro), maxPoints)
	}
	if err != nil {
		p.add(path, "%v", err)
		return 0
	}
	return Points(micro)
}

// list reads an array of least to most elements and calls each with its path.
func (o object) list(name string, least, most int, required bool, each func(v any, path string)) {
	v, ok := o.get(name, required)
	if !ok {
		return
	}
	l, ok := v.([]any)
	if !ok {
		o.p.add(o.at(name), "want an array, got %s", kindOf(v))
		return
	}
	if len(l) < least || len(l) > most {
		o.p.add(o.at(name), "has %d elements, want %d to %d", len(l), least, most)
		l = l[:min(len(l), most)]
	}
	for i, x := range l {
		each(x, fmt.Sprintf("%s[%d]", o.at(name), i))
	}
}

// names reads a non-empty array of distinct strings, each checked by ok, and sorts it.
func (o object) names(field string, most int, check func(string) error) []string {
	var out []string
	o.list(field, 1, most, false, func(v any, path string) {
		s := textOf(v, path, 64, o.p)
		if s == "" {
			return
		}
		if err := check(s); err != nil {
			o.p.add(path, "%v", err)
		} else if slices.Contains(out, s) {
			o.p.add(path, "%q stands twice", clip(s))
		} else {
			out = append(out, s)
		}
	})
	sort.Strings(out)
	return out
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "null"
}

// clip shortens text from outside for a message.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
