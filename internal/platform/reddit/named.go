package reddit

import (
	"rapport/internal/platform"
)

// Named lists authors.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{ID: "author_fullname", Handle: "author"}, platform.Person{Handle: "link_author"})
}
