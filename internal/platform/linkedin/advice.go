package linkedin

import "rapport/internal/platform"

// Advice is what an operator is told when a source is not well.
func (Adapter) Advice() platform.Advice {
	return platform.Advice{
		Name:  "LinkedIn",
		Where: "your app in the LinkedIn developer portal, under Webhooks",
		Again: "LinkedIn blocks an address that fails its test three times in a row: start the validation again there.",
	}
}
