package mastodon

import (
	"net/url"
	"strings"

	"rapport/internal/platform"
)

// Named lists accounts.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.OneScope(sender(r)),
		platform.Person{Has: "acct", ID: "id", Handle: "acct", Name: "display_name"},
		platform.Person{Has: "username", ID: "id", Handle: "username", Email: "email"},
		platform.Person{IDs: "in_reply_to_account_id"})
}

// sender is the instance whose ids they are: the one that was asked, or that
// of an account that has no other's name after its own.
func sender(r platform.Request) string {
	if r.Polled() {
		if u, err := url.Parse(r.URL); err == nil {
			return strings.ToLower(u.Host)
		}
		return ""
	}
	b, ok := platform.ParseBody(r.Body)
	if !ok {
		return ""
	}
	host := ""
	b.Objects(func(_ string, up []map[string]any) {
		o := up[len(up)-1]
		if acct := platform.Field(o, "acct"); acct == "" || strings.Contains(acct, "@") {
			return
		}
		if h := hostOf(platform.Text(platform.Field(o, "uri")), platform.Text(platform.Field(o, "url"))); h != "" {
			host = h
		}
	})
	return host
}
