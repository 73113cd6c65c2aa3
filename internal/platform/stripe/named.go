package stripe

import (
	"strings"

	"rapport/internal/platform"
)

// Named lists customers, and guests, who have an e-mail address alone.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	mail := func(s string) []string { return []string{"email:" + strings.ToLower(strings.TrimSpace(s))} }
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{If: func(up []map[string]any) bool { return platform.Field(up[len(up)-1], "object") == "customer" }, ID: "id", Name: "name", Email: "email"},
		platform.Person{ID: "customer", Name: "billing_details.name customer_name", Email: "billing_details.email receipt_email customer_email"},
		platform.Person{Under: "billing_details customer_details", ID: "email", Name: "name", Email: "email", As: mail},
		platform.Person{ID: "receipt_email", Email: "receipt_email", As: mail},
		platform.Person{Under: "previous_attributes", Email: "email"})
}
