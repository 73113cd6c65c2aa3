package standard

import (
	"encoding/json"
	"strconv"

	"rapport/internal/platform"
)

// maxSplit bounds what the parts of a delivery have together, in bytes.
const maxSplit = 64 << 20

// Split makes a delivery of each scope's items, with all that stands around
// them. One that is not a list, or whose items are all of one scope, stays whole.
func (Adapter) Split(r platform.Request, o platform.Options) []platform.Request {
	whole := []platform.Request{r}
	c, err := parseConfig(o.Config)
	var body any
	if err != nil || c.Mapping == nil || platform.Decode(r.Body, &body) != nil {
		return whole
	}
	path := []string{}
	if c.Mapping.Items != "" {
		path = tokens(c.Mapping.Items)
	}
	items, ok := pointer(body, c.Mapping.Items).([]any)
	if c.Mapping.Items == "" {
		items, ok = body.([]any)
	}
	if !ok {
		return whole
	}
	var order []string
	by := map[string][]any{}
	for _, item := range items {
		scope, err := c.Mapping.Scope.get(item)
		if err != nil {
			scope = "\x00" // what can't be routed stays together
		}
		if _, ok := by[scope]; !ok {
			order = append(order, scope)
		}
		by[scope] = append(by[scope], item)
	}
	if len(order) < 2 {
		return whole
	}
	if len(order)*len(r.Body) > maxSplit { // what stands around the items is in each part
		return nil
	}
	var parts []platform.Request
	for _, scope := range order {
		b, err := json.Marshal(around(body, path, by[scope]))
		if err != nil {
			return whole
		}
		part := r
		part.Body = b
		parts = append(parts, part)
	}
	return parts
}

// around is v with another list at a place; v stays as it is.
func around(v any, path []string, list []any) any {
	if len(path) == 0 {
		return list
	}
	switch x := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(x))
		for k, e := range x {
			c[k] = e
		}
		c[path[0]] = around(x[path[0]], path[1:], list)
		return c
	case []any:
		c := append([]any(nil), x...)
		for i := range c {
			if path[0] == strconv.Itoa(i) {
				c[i] = around(c[i], path[1:], list)
			}
		}
		return c
	}
	return v
}
