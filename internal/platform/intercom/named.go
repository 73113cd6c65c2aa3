package intercom

import (
	"rapport/internal/platform"
)

// Named lists contacts and teammates.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	app := func(up []map[string]any) string { return platform.Field(up[0], "app_id") }
	return platform.FindNamed(name, r.Body, app,
		platform.Person{Under: "contact contacts user users lead author customer visitor teammate teammates admin owner created_by", ID: "id", Name: "name", Email: "email"},
		platform.Person{If: person, ID: "id", Name: "name", Email: "email"},
		platform.Person{IDs: "intercom_user_id contact_id admin_assignee_id"})
}

// person reports whether an object says that it is somebody.
func person(up []map[string]any) bool {
	switch platform.Field(up[len(up)-1], "type") {
	case "contact", "user", "lead", "visitor", "admin", "customer", "teammate":
		return true
	}
	return false
}
