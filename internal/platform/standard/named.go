package standard

import (
	"rapport/internal/platform"
	"rapport/internal/social"
)

// Named lists who acts in each item and whom it addresses, also in one that is none of ours or can't be understood.
func (Adapter) Named(r platform.Request, o platform.Options) []platform.Named {
	c, err := parseConfig(o.Config)
	if err != nil || c.Mapping == nil {
		return nil
	}
	var body any
	if platform.Decode(r.Body, &body) != nil {
		return nil
	}
	items := []any{body}
	if c.Mapping.Items != "" {
		items, _ = pointer(body, c.Mapping.Items).([]any)
	} else if list, ok := body.([]any); ok {
		items = list
	}
	var out []platform.Named
	for _, item := range items {
		get := func(f Field) string {
			s, err := f.get(item)
			if err != nil {
				return ""
			}
			return s
		}
		scope := get(c.Mapping.Scope)
		if id := get(c.Mapping.ActorID); id != "" && id != social.Unknown {
			out = append(out, platform.Named{Ref: social.AccountRef{Platform: "standard", Scope: scope, ID: id}, Handle: get(c.Mapping.ActorHandle), Name: get(c.Mapping.ActorName)})
		}
		if c.Mapping.Addressed.Path == "" {
			continue
		}
		for _, id := range ids(pointer(item, c.Mapping.Addressed.Path)) {
			if id != social.Unknown {
				out = append(out, platform.Named{Ref: social.AccountRef{Platform: "standard", Scope: scope, ID: id}})
			}
		}
	}
	return out
}
