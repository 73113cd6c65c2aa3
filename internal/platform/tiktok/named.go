package tiktok

import (
	"rapport/internal/platform"
)

// Named lists whom a delivery names: its content is JSON in a text.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{IDs: "user_openid unique_identifier"},
		platform.Person{ID: "open_id_of_mentioned_user", Name: "unique_name_of_mentioned_user"},
		platform.Person{Under: "from_user to_user", ID: "id"})
}
