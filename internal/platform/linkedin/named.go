package linkedin

import (
	"rapport/internal/pattern"
	"rapport/internal/platform"
)

// Named lists people and organisations by their URNs.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{IDs: "owner subscriber organizationalEntity organization generatedActivity actor author agent member person entity object", As: persons})
}

var urn = pattern.New(`urn:li:(?:person|member|organization|company):[A-Za-z0-9_-]+`)

// persons lists whom a URN names, or holds.
func persons(s string) (out []string) {
	for _, u := range urn.FindAllString(s, -1) {
		out = append(out, canonical(u))
	}
	return out
}
