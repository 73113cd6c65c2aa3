package github

import (
	"rapport/internal/platform"
)

// Named lists the accounts, each of which has a login, and who commits.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, home,
		platform.Person{Has: "login", ID: "id", Handle: "login", Name: "name", Email: "email"},
		platform.Person{Under: "author committer pusher", Handle: "username", Name: "name", Email: "email"})
}

// home is the server whose ids they are.
func home(up []map[string]any) string {
	for i := len(up) - 1; i >= 0; i-- {
		if u := platform.Field(up[i], "html_url"); u != "" {
			return host(platform.Text(u))
		}
	}
	return ""
}
