package platformtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/platform"
)

// document is a body taken apart, so that each of its values can be changed:
// JSON, JSON lines, a form or XML. Its nodes are map[string]any, []any and
// embedded; its leaves are what JSON has, in forms and XML texts only.
type document struct {
	root  any
	write func(any) []byte
	json  bool // leaves of any kind can stand in it
	lines bool // JSON, one value a line
}

// embedded is a text that holds a JSON document of its own.
type embedded struct{ v any }

func (e embedded) MarshalJSON() ([]byte, error) { return json.Marshal(string(encode(e.v))) }

// markup is what stands between the texts of an XML document.
type markup string

// parse takes a body apart. It reports false for one in no form it knows.
func parse(body []byte) (document, bool) {
	trimmed := bytes.TrimSpace(body)
	if len(trimmed) == 0 {
		return document{}, false
	}
	if v, err := decode(body); err == nil {
		return document{root: unfold(v), write: encode, json: true}, true
	}
	switch trimmed[0] {
	case '<':
		return parseXML(body)
	case '{', '[':
		var list []any
		for line := range bytes.Lines(trimmed) {
			v, err := decode(line)
			if err != nil {
				return document{}, false
			}
			list = append(list, unfold(v))
		}
		return document{root: list, write: encodeLines, json: true, lines: true}, true
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || !bytes.Contains(body, []byte("=")) {
		return document{}, false
	}
	fields := map[string]any{}
	for k, v := range form {
		fields[k] = unfold(v[0])
	}
	return document{root: fields, write: encodeForm}, true
}

// with returns the body with other values at some places.
func (d document) with(set map[string]any) []byte {
	root := d.root
	for at, v := range set {
		root = put(root, tokens(at), v)
	}
	return d.write(root)
}

func (d document) at(at string) any { return lookup(d.root, at) }

func decode(b []byte) (any, error) {
	var v any
	err := platform.Decode(b, &v)
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
			if inner, err := decode([]byte(x)); err == nil {
				return embedded{unfold(inner)}
			}
		}
	}
	return v
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // numbers are texts to the encoder: nothing can fail
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func encodeLines(v any) []byte {
	list, ok := v.([]any)
	if !ok {
		return encode(v)
	}
	var out [][]byte
	for _, e := range list {
		out = append(out, encode(e))
	}
	return bytes.Join(out, []byte("\n"))
}

func encodeForm(v any) []byte {
	form := url.Values{}
	fields, _ := v.(map[string]any)
	for k, e := range fields {
		form.Set(k, text(e))
	}
	return []byte(form.Encode())
}

// text is a value as a form or XML has it.
func text(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case embedded:
		return string(encode(x.v))
	}
	return string(encode(v))
}

func parseXML(body []byte) (document, bool) {
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
			return document{root: list, write: encodeXML}, len(list) > 0
		}
		if err != nil {
			return document{}, false
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
		if err := xml.EscapeText(&b, []byte(text(e))); err != nil { // a buffer takes everything
			panic(err)
		}
	}
	return b.Bytes()
}

// shuffled writes JSON as another encoder might: names in the opposite order,
// other white space, everything but ASCII escaped.
func shuffled(v any) []byte {
	var b bytes.Buffer
	var write func(v any)
	write = func(v any) {
		switch x := v.(type) {
		case map[string]any:
			names := slices.Sorted(maps.Keys(x))
			slices.Reverse(names)
			b.WriteString("{ ")
			for i, k := range names {
				if i > 0 {
					b.WriteString(" ,\n\t")
				}
				write(k)
				b.WriteString(" : ")
				write(x[k])
			}
			b.WriteString("\r\n}")
		case []any:
			b.WriteString("[ ")
			for i, e := range x {
				if i > 0 {
					b.WriteString(" , ")
				}
				write(e)
			}
			b.WriteString(" ]")
		case embedded:
			write(string(shuffled(x.v)))
		case string:
			for _, r := range string(encode(x)) {
				switch {
				case r >= 0x10000:
					fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
				case r >= 0x7f:
					fmt.Fprintf(&b, `\u%04x`, r)
				case r == '/':
					b.WriteString(`\/`)
				default:
					b.WriteRune(r)
				}
			}
		default:
			b.Write(encode(x))
		}
	}
	write(v)
	return b.Bytes()
}

// maxLeaves bounds how many places of one document are tried.
const maxLeaves = 80

// leaves lists the places of values that are no nodes, as JSON Pointers (RFC
// 6901), in which "{}" goes into an embedded document; of longer documents
// some, evenly.
func (d document) leaves() []string {
	var out []string
	walk("", d.root, &out)
	if n := len(out); n > maxLeaves {
		some := make([]string, maxLeaves)
		for i := range some {
			some[i] = out[i*n/maxLeaves]
		}
		return some
	}
	return out
}

// lists lists the places of lists that are not empty.
func (d document) lists() []string {
	if !d.json {
		return nil
	}
	var out []string
	var find func(at string, v any)
	find = func(at string, v any) {
		switch x := v.(type) {
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				find(at+"/"+escape.Replace(k), x[k])
			}
		case []any:
			if len(x) > 0 {
				out = append(out, at)
			}
			for i, e := range x {
				find(fmt.Sprintf("%s/%d", at, i), e)
			}
		case embedded:
			find(at+"/{}", x.v)
		}
	}
	find("", d.root)
	return out
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func walk(at string, v any, out *[]string) {
	switch x := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			walk(at+"/"+escape.Replace(k), x[k], out)
		}
	case []any:
		for i, e := range x {
			walk(fmt.Sprintf("%s/%d", at, i), e, out)
		}
	case embedded:
		walk(at+"/{}", x.v, out)
	case markup:
	default:
		*out = append(*out, at)
	}
}

func tokens(at string) []string {
	if at == "" {
		return nil
	}
	toks := strings.Split(at, "/")[1:]
	for i, t := range toks {
		toks[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return toks
}

// lookup returns what stands at a place; nil where there is nothing.
func lookup(v any, at string) any {
	for _, t := range tokens(at) {
		switch x := v.(type) {
		case map[string]any:
			v = x[t]
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		case embedded:
			v = x.v
		default:
			return nil
		}
	}
	return v
}

// put returns v with another value at a place that is there; v stays.
func put(v any, toks []string, by any) any {
	if len(toks) == 0 {
		return by
	}
	switch x := v.(type) {
	case map[string]any:
		c := maps.Clone(x)
		c[toks[0]] = put(x[toks[0]], toks[1:], by)
		return c
	case []any:
		c := slices.Clone(x)
		i, _ := strconv.Atoi(toks[0])
		c[i] = put(x[i], toks[1:], by)
		return c
	case embedded:
		return embedded{put(x.v, toks[1:], by)}
	}
	return by
}
