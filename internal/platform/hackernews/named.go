package hackernews

import (
	"rapport/internal/platform"
)

// Named lists the authors, whose names are their ids, and whom a comment's story is of.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere, platform.Person{ID: "author", Handle: "author"})
}
