package discord

import (
	"rapport/internal/pattern"
	"rapport/internal/platform"
)

// Named lists users and webhooks.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{Under: "user author owner creator recipient recipients mentions", ID: "id", Handle: "username", Name: "global_name"},
		platform.Person{Has: "username", ID: "id", Handle: "username", Name: "global_name"},
		platform.Person{IDs: "user_id message_author_id recipient_id webhook_id owner_id target_id creator_id"},
		platform.Person{IDs: "content", As: mentioned})
}

var inText = pattern.New(`<@!?([0-9]+)>`)

// mentioned lists whom a text mentions.
func mentioned(text string) (out []string) {
	for _, m := range inText.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}
