package platform

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/social"
)

// Named is an account that a delivery names, whether or not it did anything
// that is told, and what it is called there. Without an ID in Ref, only what it
// is called is known.
type Named struct {
	Ref                 social.AccountRef
	Handle, Name, Email string
}

// Person says how accounts stand in the objects of a platform's bodies. The
// fields are names of fields; several are apart by spaces, the first that is
// there counts; "a.b" goes down, "a+b" joins two texts.
type Person struct {
	Under                   string                         // names of fields under which such objects stand, or in whose lists; empty: under any
	Has                     string                         // a field without which it is none
	If                      func(up []map[string]any) bool // what else must hold; the object is the last
	IDs                     string                         // fields each of which is the id of an account of its own, or a list of ids
	ID, Handle, Name, Email string                         // of one account
	As                      func(v string) []string        // the ids that a field's value holds; absent: the value is the id
	Within                  func(id string) string         // the scope of the account; absent: the delivery's
}

// FindNamed lists whom a body names. within is the scope in which an account's
// id is unique, that stands in the last of up, the objects around it.
func FindNamed(p social.Platform, body []byte, within func(up []map[string]any) string, people ...Person) []Named {
	b, ok := ParseBody(body)
	if !ok {
		return nil
	}
	found := map[Named]bool{}
	b.Objects(func(field string, up []map[string]any) {
		o := up[len(up)-1]
		for _, person := range people {
			if person.Under != "" && !slices.Contains(strings.Fields(person.Under), field) || person.Has != "" && o[person.Has] == nil || person.If != nil && !person.If(up) {
				continue
			}
			add := func(n Named, id string) {
				if id == "" && n.Handle == "" && n.Email == "" {
					return
				}
				n.Ref = social.AccountRef{Platform: p, ID: id}
				if person.Within != nil {
					n.Ref.Scope = person.Within(id)
				} else {
					n.Ref.Scope = within(up)
				}
				found[n] = true
			}
			ids := func(v any) (out []string) {
				for _, s := range plainValues(v) {
					if s != "" && person.As != nil {
						out = append(out, person.As(s)...)
					} else if s != "" {
						out = append(out, s)
					}
				}
				return out
			}
			for _, f := range strings.Fields(person.IDs) {
				for _, id := range ids(at(o, f)) {
					add(Named{}, id)
				}
			}
			n := Named{Handle: strings.TrimPrefix(firstOf(o, person.Handle), "@"), Name: firstOf(o, person.Name), Email: firstOf(o, person.Email)}
			var of []string
			for _, f := range strings.Fields(person.ID) {
				if of = ids(at(o, f)); len(of) > 0 {
					break
				}
			}
			if len(of) == 0 && (n.Handle != "" || n.Email != "") {
				add(n, "")
			}
			for _, id := range of {
				add(n, id)
			}
		}
	})
	return sortNamed(found)
}

// NamedBy lists whom events name: where a platform's bodies name nobody else.
func NamedBy(events []Event) []Named {
	found := map[Named]bool{}
	for _, e := range events {
		switch {
		case e.Activity != nil && e.Activity.Actor.ID != social.Unknown:
			found[Named{Ref: e.Activity.Account(), Handle: e.Activity.Actor.Handle, Name: e.Activity.Actor.Name}] = true
		case e.Erase != nil && e.Erase.ID != "":
			found[Named{Ref: *e.Erase}] = true
		}
	}
	return sortNamed(found)
}

// Everywhere is the scope where ids are unique on the whole platform.
func Everywhere([]map[string]any) string { return "" }

// OneScope is the scope where ids are unique within the one that a delivery is of.
func OneScope(scope string) func([]map[string]any) string {
	return func([]map[string]any) string { return scope }
}

// Field is the text or number in a field of an object, "" where there is none; "a.b" goes down.
func Field(o map[string]any, path string) string {
	for _, s := range plainValues(at(o, path)) {
		return s
	}
	return ""
}

func sortNamed(found map[Named]bool) []Named {
	var out []Named
	for n := range found {
		if n.Ref.ID != social.Unknown {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b Named) int {
		return cmp.Or(cmp.Compare(a.Ref.Scope, b.Ref.Scope), cmp.Compare(a.Ref.ID, b.Ref.ID), cmp.Compare(a.Handle, b.Handle), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Email, b.Email))
	})
	return out
}

// at is what stands at a path of an object.
func at(o map[string]any, path string) any {
	var v any = o
	for part := range strings.SplitSeq(path, ".") {
		if f, ok := v.(folded); ok {
			v = f.v
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// plainValues lists the texts and numbers of a value or a list.
func plainValues(v any) []string {
	switch x := v.(type) {
	case string:
		return []string{x}
	case json.Number:
		return []string{x.String()}
	case []any:
		var out []string
		for _, e := range x {
			switch e.(type) {
			case string, json.Number:
				out = append(out, plainValues(e)...)
			}
		}
		return out
	}
	return nil
}

// firstOf is the first of the fields that holds something.
func firstOf(o map[string]any, fields string) string {
	for _, f := range strings.Fields(fields) {
		var parts []string
		for one := range strings.SplitSeq(f, "+") {
			if s := strings.TrimSpace(Field(o, one)); s != "" {
				parts = append(parts, s)
			}
		}
		if len(parts) > 0 {
			return strings.Join(parts, " ")
		}
	}
	return ""
}
