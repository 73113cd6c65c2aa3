package feed

import (
	"rapport/internal/platform"
)

// Named lists the authors: a feed names nobody otherwise.
func (a Adapter) Named(r platform.Request, o platform.Options) []platform.Named {
	events, _ := a.Normalise(r, o)
	return platform.NamedBy(events)
}
