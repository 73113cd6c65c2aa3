package zendesk

import (
	"strings"

	"rapport/internal/platform"
)

// Named lists end users and agents.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	account := func(up []map[string]any) string { return platform.Field(up[0], "account_id") }
	return platform.FindNamed(name, r.Body, account,
		platform.Person{Under: "author actor user requester submitter", ID: "id", Name: "name", Email: "email"},
		platform.Person{Under: "detail", If: func(up []map[string]any) bool {
			kind := platform.Field(up[0], "type")
			return kind == "" || strings.Contains(kind, "user.") || strings.Contains(kind, "event-type:user")
		}, ID: "id", Name: "name", Email: "email"},
		platform.Person{IDs: "user_id requester_id submitter_id actor_id voter_id author_id assignee_id"})
}
