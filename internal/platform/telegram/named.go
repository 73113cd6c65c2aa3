package telegram

import (
	"rapport/internal/platform"
)

// Named lists users, and chats, which can speak, too.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{Has: "first_name", ID: "id user_id", Handle: "username", Name: "first_name+last_name"},
		platform.Person{Has: "is_bot", ID: "id", Handle: "username"},
		platform.Person{Under: "from user sender_user forward_from new_chat_members left_chat_member", ID: "id", Handle: "username", Name: "first_name+last_name"},
		platform.Person{Under: "chat sender_chat actor_chat voter_chat forward_from_chat", ID: "id", Handle: "username", Name: "title first_name+last_name"},
		platform.Person{IDs: "user_id user_chat_id"})
}
