package meta

import (
	"bytes"
	"encoding/json"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// Named lists whom a delivery of any product names.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	if signed, ok := signedRequest(r.Body); ok {
		p, err := readSigned(signed)
		if err != nil || p.UserID == "" {
			return nil
		}
		return []platform.Named{{Ref: social.AccountRef{Platform: name, ID: string(p.UserID)}}}
	}
	var top struct {
		Object platform.Text   `json:"object"`
		Values json.RawMessage `json:"values"`
		Entry  json.RawMessage `json:"entry"`
	}
	_ = platform.Decode(r.Body, &top) // what can't be read is read as far as it goes
	switch {
	case top.Values != nil && top.Entry == nil:
		return platform.FindNamed(name, r.Body, platform.OneScope(threads), platform.Person{ID: "username", Handle: "username"})
	case top.Object == "whatsapp_business_account", top.Object == "" && bytes.Contains(r.Body, []byte(`"messaging_product"`)):
		return platform.FindNamed(name, r.Body, platform.OneScope(whatsapp),
			platform.Person{Has: "profile", ID: "user_id wa_id", Handle: "profile.username", Name: "profile.name"},
			platform.Person{IDs: "wa_id user_id from from_user_id to to_user_id recipient_id recipient_user_id new_wa_id previous_user_id parent_user_id participant"},
			platform.Person{Under: "user_id", IDs: "previous current"},
			platform.Person{IDs: "input", As: func(s string) []string {
				if userID.MatchString(s) {
					return []string{s}
				}
				return []string{noDigit.ReplaceAllString(s, "")}
			}},
			platform.Person{IDs: "phone_number_id", Within: func(id string) string { return id }})
	}
	account := func(up []map[string]any) string {
		for _, o := range up {
			if entry := first(platform.ID(platform.Field(o, "id")), platform.ID(platform.Field(o, "uid"))); entry != "" {
				return string(entry) // the outermost with an id is the entry
			}
		}
		return ""
	}
	return platform.FindNamed(name, r.Body, account,
		platform.Person{Under: "entry", ID: "id uid"},
		platform.Person{Under: "from sender recipient user owner to", ID: "id", Handle: "username", Name: "name"},
		platform.Person{Under: "sender recipient optin", IDs: "user_ref", As: func(s string) []string { return []string{byRef(platform.ID(s))} }},
		platform.Person{ID: "reviewer_id", Name: "reviewer_name"},
		platform.Person{ID: "sender_id", Name: "sender_name"},
		platform.Person{IDs: "user_id recipient_id self_ig_scoped_id target_ids owner_id"})
}
