package reddit

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "Reddit",
		Fetch: "Look at the app in Reddit's preferences, under Apps: its credentials must be those that Rapport has.",
	}
}
