package bluesky

import (
	"strings"

	"rapport/internal/platform"
)

// Named lists the accounts that stand in records, profiles and addresses.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{ID: "did", As: dids, Handle: "handle", Name: "displayName"},
		platform.Person{IDs: "subject uri by creator list via", As: dids})
}

// dids lists the account that a DID or an address in its repository names.
func dids(s string) []string {
	s = strings.TrimPrefix(s, "at://")
	s, _, _ = strings.Cut(s, "/")
	if !didForm.MatchString(s) {
		return nil
	}
	return []string{s}
}
