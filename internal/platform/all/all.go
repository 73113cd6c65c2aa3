// Package all lists the platforms. To add one, write its package and add its
// line here.
package all

import (
	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/meta"
	"rapport/internal/platform/standard"
	"rapport/internal/social"
)

// Adapters lists every platform's adapter.
func Adapters() []platform.Adapter {
	return []platform.Adapter{
		meta.Adapter{},
		standard.Adapter{},
	}
}

// Find returns the adapter of p; an error of kind Invalid names those there are.
func Find(p social.Platform) (platform.Adapter, error) {
	var names []social.Platform
	for _, a := range Adapters() {
		if a.Platform() == p {
			return a, nil
		}
		names = append(names, a.Platform())
	}
	return nil, fault.New(fault.Invalid, "no platform %q; there are %v", p, names)
}
