package shopify

import (
	"strings"

	"rapport/internal/platform"
)

// guest is the account of somebody who is known by an address or a number.
func guest(v string) []string {
	c := contact{EMail: platform.Text(v), Phone: platform.Text(v)}
	if id := c.byMail(); id != "" {
		return []string{id}
	}
	if id := c.byPhone(); id != "" {
		return []string{id}
	}
	return nil
}

// Named lists customers, and who is known by an e-mail address alone.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	topic, shop := get(r.Header, "X-Shopify-Topic"), strings.ToLower(get(r.Header, "X-Shopify-Shop-Domain"))
	return platform.FindNamed(name, r.Body, platform.OneScope(shop),
		platform.Person{If: func(up []map[string]any) bool {
			return len(up) == 1 && strings.HasPrefix(topic, "customer") && up[0]["customer_id"] == nil && up[0]["customer"] == nil
		}, ID: "id", Name: "first_name+last_name", Email: "email"},
		platform.Person{Under: "customer", ID: "id", Name: "first_name+last_name", Email: "email"},
		platform.Person{ID: "customer_id", Email: "email_address email"},
		platform.Person{Has: "customer", If: func(up []map[string]any) bool { return len(up) == 1 }, ID: "customer.id", Email: "contact_email email"},
		platform.Person{If: func(up []map[string]any) bool { return len(up) == 1 && strings.HasPrefix(topic, "order") }, IDs: "contact_email email phone billing_address.phone", As: guest},
		platform.Person{Under: "customer", IDs: "email phone", As: guest},
		platform.Person{Under: "billing_address shipping_address default_address", Email: "email"},
		platform.Person{If: func(up []map[string]any) bool { return len(up) == 1 && up[0]["customer"] == nil }, Email: "contact_email email email_address"})
}
