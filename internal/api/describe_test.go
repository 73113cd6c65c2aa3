package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/platform/all"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

// described is what the tests read of the description.
type described struct {
	Servers    []struct{ URL string }
	Components struct {
		Schemas         map[string]schema
		Responses       map[string]answer
		SecuritySchemes map[string]struct{ Description string }
	}
	Paths map[string]map[string]struct {
		OperationID, Description, Summary string
		Parameters                        []parameter
		RequestBody                       *struct {
			Description string
			Content     map[string]media
		}
		Responses map[string]answer
	}
}

type schema struct {
	Ref         string `json:"$ref"`
	Type        any
	Description string
	Examples    []any
	Enum        []any
	Format      string
	Items       *schema
	Properties  map[string]schema
}

type parameter struct {
	Name, In, Description string
	Example               any
}

type answer struct {
	Ref         string `json:"$ref"`
	Description string
	Headers     map[string]parameter
	Content     map[string]media
}

type media struct {
	Schema  schema
	Example any
}

func description(t *testing.T) described {
	t.Helper()
	var d described
	call(api.Handler(api.Deps{Now: func() time.Time { return t0 }, Verify: refuse}), "", "GET", "/v1/openapi.json", nil).want(t, 200, &d)
	return d
}

// TestEverythingIsDescribed: each schema, field, parameter, header, body and
// answer says what it is and shows one; whoever adds a field adds its words to
// describe.go, or a doc and an example tag.
func TestEverythingIsDescribed(t *testing.T) {
	d := description(t)
	fields := 0
	for name, s := range d.Components.Schemas {
		if s.Description == "" {
			t.Errorf("the schema %s has no description", name)
		}
		for field, p := range s.Properties {
			fields++
			if p.Description == "" {
				t.Errorf("%s.%s has no description", name, field)
			}
			composed := p.Ref != "" || p.Items != nil && p.Items.Ref != "" || p.Type == "boolean"
			if !composed && len(p.Examples) == 0 {
				t.Errorf("%s.%s has no example", name, field)
			}
		}
	}
	answered := func(at string, a answer) {
		if a.Ref != "" {
			name := a.Ref[strings.LastIndexByte(a.Ref, '/')+1:]
			if _, ok := d.Components.Responses[name]; !ok {
				t.Errorf("%s refers to %s, which is not there", at, a.Ref)
			}
			return
		}
		if len(a.Description) < 5 || a.Description == http.StatusText(http.StatusOK) {
			t.Errorf("%s says %q", at, a.Description)
		}
		for name, h := range a.Headers {
			if h.Description == "" || h.Example == nil {
				t.Errorf("the header %s of %s has no description or no example", name, at)
			}
		}
		for kind, m := range a.Content {
			if m.Example == nil {
				t.Errorf("%s of %s has no example", kind, at)
			}
		}
	}
	for name, a := range d.Components.Responses {
		answered(name, a)
	}
	operations := 0
	for path, methods := range d.Paths {
		for method, o := range methods {
			operations++
			at := method + " " + path
			if o.Summary == "" || o.Description == "" {
				t.Errorf("%s has no summary or no description", at)
			}
			for _, p := range o.Parameters {
				if p.Description == "" || p.Example == nil {
					t.Errorf("%s of %s has no description or no example", p.Name, at)
				}
			}
			if b := o.RequestBody; b != nil {
				answered("the body of "+at, answer{Description: b.Description, Content: b.Content})
			}
			for _, status := range []string{"401", "422", "429", "500", "503"} {
				if o.Responses[status].Ref == "" {
					t.Errorf("%s does not say when it answers %s", at, status)
				}
			}
			for status, a := range o.Responses {
				answered(at+" "+status, a)
			}
		}
	}
	if fields < 300 || operations < 40 {
		t.Errorf("only %d fields and %d operations were looked at", fields, operations)
	}
	if len(d.Servers) == 0 || d.Components.SecuritySchemes["token"].Description == "" {
		t.Error("it does not say where the API is, or where a token comes from")
	}
	if h := d.Components.Responses["Unauthorized"].Headers["WWW-Authenticate"]; h.Description == "" {
		t.Error("401 does not tell of WWW-Authenticate")
	}
	if h := d.Components.Responses["TooManyRequests"].Headers["Retry-After"]; h.Description == "" {
		t.Error("429 does not tell of Retry-After")
	}
}

// TestEnumsAreTheCodes: what the code lists is what the contract lists.
func TestEnumsAreTheCodes(t *testing.T) {
	d := description(t)
	for field, want := range map[string][]string{
		"Line.type": strs(social.Types), "Line.sentiment": append(slices.Clone(social.Sentiments), "unread"), "Message.sentiment": append(slices.Clone(social.Sentiments), "unread"),
		"Line.intent": append(slices.Clone(social.Intents), "unread"), "Message.intent": append(slices.Clone(social.Intents), "unread"), "Lead.fit": {"A", "B", "C", "D", scoring.Unknown},
		"Lead.grade":     {"A1", "A2", "A3", "A4", "B1", "B2", "B3", "B4", "C1", "C2", "C3", "C4", "D1", "D2", "D3", "D4", "?1", "?2", "?3", "?4"},
		"Line.direction": {string(social.Inbound), string(social.Outbound)},
	} {
		name, prop, _ := strings.Cut(field, ".")
		if got := fmt.Sprint(d.Components.Schemas[name].Properties[prop].Enum); got != fmt.Sprint(want) {
			t.Errorf("%s is one of %s, want %s", field, got, want)
		}
	}
	for name, s := range d.Components.Schemas {
		if p, ok := s.Properties["platform"]; ok && len(p.Enum) != len(all.Adapters()) {
			t.Errorf("%s.platform is one of %v", name, p.Enum)
		}
	}
}

func strs[T ~string](list []T) []string {
	var out []string
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// TestCursorsGoTogether: a list has next_cursor if and only if it takes a cursor.
func TestCursorsGoTogether(t *testing.T) {
	d := description(t)
	lists := 0
	for path, methods := range d.Paths {
		o := methods["get"]
		takes := slices.ContainsFunc(o.Parameters, func(p parameter) bool { return p.Name == "cursor" })
		gives := false
		for _, a := range o.Responses {
			for _, m := range a.Content {
				b, _ := json.Marshal(m.Example)
				gives = gives || strings.Contains(string(b), `"next_cursor"`)
			}
		}
		if takes != gives {
			t.Errorf("get %s: takes a cursor: %v, gives the next: %v", path, takes, gives)
		}
		if takes {
			lists++
		}
	}
	if lists < 10 {
		t.Errorf("only %d lists are paged: %v", lists, slices.Collect(maps.Keys(d.Paths)))
	}
}
