package trustpilot

import (
	"rapport/internal/platform"
)

// Named lists consumers.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{Under: "consumer", ID: "id", Name: "name displayName", Email: "email"})
}
