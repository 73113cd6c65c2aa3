package platform

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/url"
	"strings"
)

// Body is a delivery's body taken apart, so that values can be looked for and
// changed where they stand: JSON, JSON lines, a form (whose fields may hold
// JSON) or XML. Its nodes are map[string]any, []any and folded; what stands
// in them otherwise is text, json.Number, bool or nil.
type Body struct {
	Root  any
	write func(any) []byte
}

// folded is a text that holds a JSON object of its own.
type folded struct{ v any }

// MarshalJSON writes the text.
func (f folded) MarshalJSON() ([]byte, error) { return json.Marshal(string(encodeJSON(f.v))) }

// broken is a line that can't be read.
type broken string

// markup is what stands between the texts of an XML document.
type markup string

// ParseBody takes a body apart. It reports false for one in no form it knows.
func ParseBody(body []byte) (Body, bool) {
	body, err := UTF8(body, "")
	if err != nil {
		return Body{}, false
	}
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return Body{}, false
	}
	if v, err := decodeJSON(body); err == nil {
		return Body{unfold(v), encodeJSON}, true
	}
	switch trimmed[0] {
	case '<':
		return parseXML(body)
	case '{', '[':
		var list []any
		read := false
		for line := range bytes.Lines(trimmed) {
			v, err := decodeJSON(line)
			if err != nil {
				list = append(list, broken(bytes.TrimSuffix(line, []byte("\n"))))
				continue
			}
			read, list = true, append(list, unfold(v))
		}
		return Body{list, encodeLines}, read
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !bytes.Contains(body, []byte("=")) {
		return Body{}, false
	}
	fields := map[string]any{}
	for k, v := range form {
		fields[k] = unfold(v[0])
		if len(v) > 1 {
			all := make([]any, len(v))
			for i, x := range v {
				all[i] = unfold(x)
			}
			fields[k] = all
		}
	}
	return Body{fields, encodeForm}, true
}

// Bytes writes the body.
func (b Body) Bytes() []byte { return b.write(b.Root) }

// Change calls f for each value that is no node, with the name of the field it
// stands in, or whose list it stands in ("" in XML), and puts what f returns in its place. Where gone is true
// for a field's name, the field goes with all that is in it. It reports whether anything changed.
func (b Body) Change(f func(field string, v any) any, gone func(field string) bool) (Body, bool) {
	changed := false
	var walk func(field string, v any) any
	walk = func(field string, v any) any {
		switch x := v.(type) {
		case map[string]any:
			c := make(map[string]any, len(x))
			for k, e := range x {
				if gone(k) {
					changed = true
					continue
				}
				c[k] = walk(k, e)
			}
			return c
		case []any:
			c := make([]any, len(x))
			for i, e := range x {
				c[i] = walk(field, e)
			}
			return c
		case folded:
			return folded{walk(field, x.v)}
		case markup:
			return x
		case broken:
			n := f(field, string(x))
			changed = changed || n != string(x)
			if s, ok := n.(string); ok {
				return broken(s)
			}
			return broken("")
		}
		n := f(field, v)
		changed = changed || n != v
		return n
	}
	root := walk("", b.Root)
	return Body{root, b.write}, changed
}

// Objects calls f with each object, the objects around it before it, outermost
// first, and the name of the field in which it stands, or whose list it stands in.
func (b Body) Objects(f func(field string, up []map[string]any)) {
	var walk func(field string, up []map[string]any, v any)
	walk = func(field string, up []map[string]any, v any) {
		switch x := v.(type) {
		case map[string]any:
			up = append(up[:len(up):len(up)], x)
			f(field, up)
			for k, e := range x {
				walk(k, up, e)
			}
		case []any:
			for _, e := range x {
				walk(field, up, e)
			}
		case folded:
			walk(field, up, x.v)
		}
	}
	walk("", nil, b.Root)
}

func decodeJSON(b []byte) (any, error) {
	var v any
	err := Decode(b, &v)
	return v, err
}

// unfold makes texts that hold JSON objects nodes.
func unfold(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = unfold(e)
		}
	case []any:
		for i, e := range x {
			x[i] = unfold(e)
		}
	case string:
		if strings.HasPrefix(x, "{") {
			if inner, err := decodeJSON([]byte(x)); err == nil {
				return folded{unfold(inner)}
			}
		}
	}
	return v
}

func encodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // it was read from JSON
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func encodeLines(v any) []byte {
	var out [][]byte
	list, _ := v.([]any)
	for _, e := range list {
		if line, ok := e.(broken); ok {
			out = append(out, []byte(line))
			continue
		}
		out = append(out, encodeJSON(e))
	}
	return bytes.Join(out, []byte("\n"))
}

func encodeForm(v any) []byte {
	form := url.Values{}
	fields, _ := v.(map[string]any)
	for k, e := range fields {
		list, ok := e.([]any)
		if !ok {
			list = []any{e}
		}
		for _, one := range list {
			form.Add(k, plainValue(one))
		}
	}
	return []byte(form.Encode())
}

// plainValue is a value as a form or XML has it.
func plainValue(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case folded:
		return string(encodeJSON(x.v))
	}
	return string(encodeJSON(v))
}

func parseXML(body []byte) (Body, bool) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var list []any
	name := func(n xml.Name) string {
		if n.Space != "" {
			return n.Space + ":" + n.Local
		}
		return n.Local
	}
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return Body{list, encodeXML}, len(list) > 0
		}
		if err != nil {
			return Body{}, false
		}
		switch x := token.(type) {
		case xml.StartElement:
			list = append(list, markup("<"+name(x.Name)))
			for _, a := range x.Attr {
				list = append(list, markup(" "+name(a.Name)+`="`), a.Value, markup(`"`))
			}
			list = append(list, markup(">"))
		case xml.EndElement:
			list = append(list, markup("</"+name(x.Name)+">"))
		case xml.CharData:
			if len(bytes.TrimSpace(x)) == 0 {
				list = append(list, markup(x))
			} else {
				list = append(list, string(x))
			}
		case xml.ProcInst:
			list = append(list, markup("<?"+x.Target+" "+string(x.Inst)+"?>"))
		}
	}
}

func encodeXML(v any) []byte {
	var b bytes.Buffer
	list, _ := v.([]any)
	for _, e := range list {
		if m, ok := e.(markup); ok {
			b.WriteString(string(m))
			continue
		}
		if err := xml.EscapeText(&b, []byte(plainValue(e))); err != nil { // a buffer takes everything
			panic(err)
		}
	}
	return b.Bytes()
}
