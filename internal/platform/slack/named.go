package slack

import (
	"cmp"

	"rapport/internal/pattern"
	"rapport/internal/platform"
)

// Named lists users and bots.
func (Adapter) Named(r platform.Request, _ platform.Options) []platform.Named {
	return platform.FindNamed(name, r.Body, workspace,
		platform.Person{IDs: "user user_id actor_id item_user parent_user_id bot_id inviter authed_users users reply_users oauth bot creator deactivated_user_id"},
		platform.Person{Under: "user users inviting_user accepting_user members creator owner", ID: "id user_id", Handle: "username name", Name: "real_name profile.real_name", Email: "profile.email email"},
		platform.Person{Under: "bot_profile bot", ID: "id"},
		platform.Person{ID: "user_id", Handle: "user_name"},
		platform.Person{Has: "user_profile", ID: "user", Handle: "user_profile.name", Name: "user_profile.real_name"},
		platform.Person{ID: "bot_id", Name: "username"},
		platform.Person{IDs: "text", As: mentioned})
}

// workspace is the one through which the app got it.
func workspace(up []map[string]any) string {
	top := up[0]
	if p := platform.Field(top, "payload.type"); p != "" {
		for _, o := range up { // the payload of a form
			if platform.Field(o, "type") == p {
				top = o
				break
			}
		}
		if len(up) == 1 {
			return ""
		}
	}
	w := where{team: cmp.Or(platform.Field(top, "context_team_id"), teamOf(top))}
	if w.team == "" {
		w.team = cmp.Or(platform.Field(top, "team_id"), platform.Field(top, "team.id"), platform.Field(top, "user.team_id"))
	}
	if w.team == "" {
		w.enterprise = cmp.Or(platform.Field(top, "enterprise_id"), platform.Field(top, "enterprise.id"))
	}
	return w.within()
}

// teamOf is the team that an authorization names.
func teamOf(top map[string]any) string {
	list, _ := top["authorizations"].([]any)
	for _, a := range list {
		if o, ok := a.(map[string]any); ok {
			if t := platform.Field(o, "team_id"); t != "" {
				return t
			}
		}
	}
	return ""
}

var mention = pattern.New(`<@([A-Z0-9]+)(?:\|[^>]*)?>`)

// mentioned lists whom a text mentions.
func mentioned(text string) (out []string) {
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}
