package standard

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// SampleFor is a delivery that the app's mapping reads as something said by
// someone outside.
func (a Adapter) SampleFor(scope, id string, now time.Time, o platform.Options) platform.Request {
	c, err := parseConfig(o.Config)
	if err != nil || c.Mapping == nil {
		return a.Sample(scope, id, now)
	}
	m := c.Mapping
	var item any
	set := func(f Field, v string) {
		if f.Path != "" && v != "" {
			item = at(item, tokens(f.Path), v)
		}
	}
	set(m.Scope, m.Scope.saying(scope))
	set(m.Type, m.Type.saying(string(social.Post), string(social.Message), string(social.Reply)))
	set(m.ID, id)
	set(m.ObjectID, id)
	set(m.ActorID, "rapport-test")
	set(m.ActorName, "A test of Rapport")
	set(m.Text, "Does it work?")
	set(m.Occurred, m.when(now))
	set(m.Direction, m.Direction.saying(string(social.Inbound)))
	body := item
	if m.Items != "" {
		body = at(nil, tokens(m.Items), []any{item})
	}
	b, err := json.Marshal(body)
	if err != nil {
		return a.Sample(scope, id, now)
	}
	return platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: b}
}

// saying is what must stand at the field's path for it to mean one of the
// wanted, the first that can be; "" where nothing need stand there.
func (f Field) saying(wanted ...string) string {
	for _, w := range wanted {
		if f.Map == nil && f.Present == "" && f.Default != w {
			return w
		}
		var from []string
		for k, v := range f.Map {
			if v == w {
				from = append(from, k)
			}
		}
		switch {
		case len(from) > 0:
			return slices.Min(from)
		case f.Present == w:
			return "yes"
		case f.Default == w:
			return ""
		}
	}
	return wanted[0]
}

func (m *Mapping) when(t time.Time) string {
	switch m.Layout {
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "unix_ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "":
		return t.UTC().Format(time.RFC3339Nano)
	}
	if zone, err := m.zone(); err == nil && zone != nil {
		t = t.In(zone)
	} else {
		t = t.UTC()
	}
	return t.Format(m.Layout)
}

func tokens(path string) []string {
	toks := strings.Split(path, "/")[1:]
	for i, t := range toks {
		toks[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return toks
}

// maxIndex bounds how long a list a pointer may ask for.
const maxIndex = 100

// at returns v with a value at a place, with the objects and lists that lead there.
func at(v any, toks []string, value any) any {
	if len(toks) == 0 {
		return value
	}
	if i, err := strconv.Atoi(toks[0]); err == nil && i >= 0 && i <= maxIndex {
		if _, is := v.(map[string]any); !is {
			list, _ := v.([]any)
			for len(list) <= i {
				list = append(list, nil)
			}
			list[i] = at(list[i], toks[1:], value)
			return list
		}
	}
	obj, ok := v.(map[string]any)
	if !ok {
		obj = map[string]any{}
	}
	obj[toks[0]] = at(obj[toks[0]], toks[1:], value)
	return obj
}
