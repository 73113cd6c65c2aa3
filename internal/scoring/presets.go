package scoring

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
)

// Preset is a model to start from.
type Preset struct {
	Name  string
	About string // what it is for, and what it needs
	Model Model
}

//go:embed presets/*.json
var presetFiles embed.FS

// presets are all there are; the first is the default. The others have ids of
// their own, so that they can stand beside it.
var presets = []struct{ name, about string }{
	{"community", "Who in public and in your community is interested in what you sell. A new workspace starts with it."},
	{"linkedin", "Who may soon look for another job, by ten behaviours of which none suffices alone and three within 30 days do. " +
		"LinkedIn tells nobody of them: they come from a source of your own, by a mapping of the platform standard, as profile_change whose object_type is recommendation, position, description, email or connection, " +
		"visit whose object_type is jobs, and follow, join, post and reply. That others at the same company are active, the tenth behaviour, needs the person's company: an e-mail at work, or the attribute company."},
	{"churn", "Which of your customers may leave: who says so, complains, has problems or rates you badly (of a net promoter score 0 to 6). Customers alone are called by it: by their status, or an outcome won or renewed."},
	{"advocates", "Who recommends you, praises you and passes on what you say. What came of a recommendation is not known, so each counts alike."},
	{"social-selling", "Who engages with what your people post and with their profiles. Dialogue counts most, however much is liked and shared. " +
		"Visits of a profile are a visit whose object_type is profile, accepted connections a follow or join: where the network tells nobody, they come from a source of your own, by a mapping of the platform standard."},
	{"influencers", "Who is heard and speaks about you, well or badly. The score is relevance: how much they say about you and with you. Fit is reach, by the attribute followers, which an import or your CRM tells: A from 100,000 on. " +
		"Resonance, how much others take up what they say, is the influence of get-standing. Multiply by looking for who is high in all three: each has a ledger of its own."},
}

// Presets returns the models to start from; the first is DefaultModel.
func Presets() []Preset {
	out := make([]Preset, len(presets))
	for i, p := range presets {
		out[i] = Preset{p.name, p.about, preset(p.name)}
	}
	return out
}

// DefaultModel returns the model a new workspace starts with.
func DefaultModel() Model { return preset(presets[0].name) }

func preset(name string) Model {
	b, err := presetFiles.ReadFile("presets/" + name + ".json")
	if err != nil {
		panic(err)
	}
	m, err := ParseModel(b)
	if err != nil {
		panic(fmt.Sprintf("embedded scoring model %s: %v", name, err)) // a test parses it
	}
	return m
}

// Change is one difference between two models.
type Change struct {
	Rule   string // the id of the rule; "" for what is the model's own
	What   string // added, removed or changed
	Field  string // of what was changed: which field, as the document names it
	Before json.RawMessage
	After  json.RawMessage
}

// What a Change says.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Compare lists what b has otherwise than a: first what is the models' own,
// then rule by rule, in the order of a and then of b. Rules are the same by
// their ids; their order, which matters in a group alone, is a change of the
// field order. The version is none.
func Compare(a, b Model) []Change {
	out := fields("", a, b, "version", "rules")
	before, after := ruleIDs(a), ruleIDs(b)
	kept := func(ids, others []string) []string {
		return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(others, id) })
	}
	if was, is := kept(before, after), kept(after, before); !slices.Equal(was, is) {
		out = append(out, Change{What: Changed, Field: "order", Before: encode(was), After: encode(is)})
	}
	for i, id := range before {
		if k := slices.Index(after, id); k < 0 {
			out = append(out, Change{Rule: id, What: Removed, Before: encode(a.Rules[i])})
		} else {
			out = append(out, fields(id, a.Rules[i], b.Rules[k])...)
		}
	}
	for i, id := range after {
		if !slices.Contains(before, id) {
			out = append(out, Change{Rule: id, What: Added, After: encode(b.Rules[i])})
		}
	}
	return out
}

func ruleIDs(m Model) (ids []string) {
	for _, r := range m.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}

// fields lists the fields, but some, in which two documents differ, by name.
func fields(rule string, a, b any, but ...string) (out []Change) {
	before, after := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	decode(a, &before)
	decode(b, &after)
	var names []string
	for _, m := range []map[string]json.RawMessage{before, after} {
		for name := range m {
			if !slices.Contains(names, name) && !slices.Contains(but, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !bytes.Equal(before[name], after[name]) {
			out = append(out, Change{Rule: rule, What: Changed, Field: name, Before: before[name], After: after[name]})
		}
	}
	return out
}

// encode and decode can't fail: what was parsed is of plain types.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func decode(v any, into *map[string]json.RawMessage) {
	if err := json.Unmarshal(encode(v), into); err != nil {
		panic(err)
	}
}
