package discourse

import (
	"rapport/internal/platform"
)

// Named lists users, who stand in most places without their number, as those
// whom a post replies to.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	in, ok := parseInstance(r.Header.Get(instanceHeader))
	if !ok {
		return nil
	}
	return platform.FindNamed(name, r.Body, platform.OneScope(in.scope),
		platform.Person{Under: "user reply_to_user created_by last_poster details target_created_by created_by_user claimed_by", ID: "id", Handle: "username", Name: "name", Email: "email"},
		platform.Person{Has: "username", ID: "user_id id", Handle: "username", Name: "name", Email: "email"},
		platform.Person{IDs: "user_id voter_id granted_by_id acting_user_id created_by_id deleted_by_id"},
		platform.Person{Handle: "display_username"},
		platform.Person{Handle: "original_username"})
}
