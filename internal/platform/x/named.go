package x

import (
	"rapport/internal/platform"
)

// Named lists users, of either product's form.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{Has: "username", ID: "id", Handle: "username", Name: "name"},
		platform.Person{Has: "screen_name", ID: "id_str id", Handle: "screen_name", Name: "name"},
		platform.Person{Under: "source target user", ID: "id_str id data.id", Handle: "screen_name username", Name: "name"},
		platform.Person{IDs: "author_id user_id for_user_id sender_id recipient_id in_reply_to_user_id in_reply_to_user_id_str liked_tweet_author_id target_user_id"},
		platform.Person{ID: "in_reply_to_user_id_str in_reply_to_user_id", Handle: "in_reply_to_screen_name"})
}
