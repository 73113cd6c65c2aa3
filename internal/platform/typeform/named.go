package typeform

import (
	"strings"

	"rapport/internal/platform"
)

// Named lists who answered, under every name that a response gives them.
func (a Adapter) Named(r platform.Request, o platform.Options) []platform.Named {
	events, _ := a.Normalise(r, o)
	form := func(up []map[string]any) string { return platform.Field(up[len(up)-1], "form_id") }
	mail := func(s string) []string { return []string{"email:" + strings.ToLower(strings.TrimSpace(s))} }
	anywhere := func(string) string { return "" }
	return append(platform.NamedBy(events), platform.FindNamed(name, r.Body, form,
		platform.Person{ID: "hidden.user_id", Name: "hidden.name", Email: "hidden.email", As: func(s string) []string { return []string{"user:" + strings.TrimSpace(s)} }},
		platform.Person{ID: "hidden.email", Name: "hidden.name", Email: "hidden.email", As: mail, Within: anywhere},
		platform.Person{ID: "token", As: func(s string) []string { return []string{"response:" + s} }},
		platform.Person{Under: "answers", ID: "email", Email: "email", As: mail, Within: anywhere})...)
}
