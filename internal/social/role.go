package social

import "slices"

// Role is what a member of a workspace, or a machine key of it, may do. Each
// may what those before it may.
type Role string

// The roles, the least first.
const (
	Viewer  Role = "viewer"  // reads
	Agent   Role = "agent"   // also works on conversations and leads
	Analyst Role = "analyst" // also publishes, makes reports, exports
	Owner   Role = "owner"   // also decides on members, keys, sources, apps and secrets, erases and deletes
)

// Roles lists the roles, the least first.
func Roles() []Role { return []Role{Viewer, Agent, Analyst, Owner} }

// May reports whether r may what need may. What is no role may nothing, and
// nobody may what needs no role that there is.
func (r Role) May(need Role) bool {
	mine, its := slices.Index(Roles(), r), slices.Index(Roles(), need)
	return its >= 0 && mine >= its
}
