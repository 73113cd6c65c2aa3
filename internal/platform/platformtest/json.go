package platformtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"rapport/internal/platform"
)

func decode(b []byte) (any, error) {
	var v any
	err := platform.Decode(b, &v)
	return v, err
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // 1e400 and such are texts to the encoder: nothing else can fail
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// maxLeaves bounds how many places of one document are tried.
const maxLeaves = 80

// leaves lists the places of values that are no objects and lists, as
// JSON Pointers (RFC 6901); of longer documents some, evenly.
func leaves(v any) []string {
	var out []string
	walk("", v, &out)
	if n := len(out); n > maxLeaves {
		some := make([]string, maxLeaves)
		for i := range some {
			some[i] = out[i*n/maxLeaves]
		}
		return some
	}
	return out
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func walk(at string, v any, out *[]string) {
	switch x := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(x))
		for k := range x {
			names = append(names, k)
		}
		sort.Strings(names)
		for _, k := range names {
			walk(at+"/"+escape.Replace(k), x[k], out)
		}
	case []any:
		for i, e := range x {
			walk(fmt.Sprintf("%s/%d", at, i), e, out)
		}
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

func lookup(v any, at string) any {
	for _, t := range tokens(at) {
		switch x := v.(type) {
		case map[string]any:
			v = x[t]
		case []any:
			i, _ := strconv.Atoi(t)
			v = x[i]
		}
	}
	return v
}

// replace returns v with another value at a place that leaves found; v stays.
func replace(v any, at string, by any) any { return put(v, tokens(at), by) }

func put(v any, toks []string, by any) any {
	if len(toks) == 0 {
		return by
	}
	switch x := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(x))
		for k, e := range x {
			c[k] = e
		}
		c[toks[0]] = put(x[toks[0]], toks[1:], by)
		return c
	case []any:
		c := append([]any(nil), x...)
		i, _ := strconv.Atoi(toks[0])
		c[i] = put(x[i], toks[1:], by)
		return c
	}
	return by
}
