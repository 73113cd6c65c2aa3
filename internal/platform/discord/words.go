package discord

import (
	"slices"
	"strings"
)

// says is all that a person reads of m: its content; what its poll asks; what
// a bot puts into embeds and components; what a message says that is forwarded
// to the business. The embeds of a person's message are previews of links.
func (m message) says() string {
	var said []string
	add := func(texts ...string) {
		for _, t := range texts {
			if t = strings.TrimSpace(t); t != "" && !slices.Contains(said, t) {
				said = append(said, t)
			}
		}
	}
	if m.Content != nil {
		add(plain(*m.Content, m.Mentions))
	}
	add(m.Poll.Question.Text)
	if m.Webhook != "" || m.Author != nil && m.Author.Bot {
		for _, t := range append(embedded(m.Embeds), shown(m.Components)...) {
			add(plain(t, m.Mentions))
		}
	}
	for _, s := range objects(m.Snapshots) {
		of, _ := s["message"].(map[string]any)
		add(plain(textOf(of, "content"), nil))
		for _, t := range append(embedded(of["embeds"]), shown(of["components"])...) {
			add(plain(t, nil))
		}
	}
	return strings.Join(said, "\n")
}

// embedded are the words of embeds that a bot made.
// https://docs.discord.com/developers/resources/message#embed-object
func embedded(v any) (out []string) {
	for _, e := range objects(v) {
		if t := textOf(e, "type"); t != "" && t != "rich" {
			continue // a preview of what a link leads to
		}
		out = append(out, textOf(e, "title"), textOf(e, "description"))
		for _, f := range objects(e["fields"]) {
			name, value := textOf(f, "name"), textOf(f, "value")
			if name != "" && !strings.HasSuffix(name, "?") && value != "" {
				name += ":"
			}
			out = append(out, name+" "+value)
		}
	}
	return out
}

// shown are the texts among components. Buttons and menus say nothing by themselves.
// https://docs.discord.com/developers/components/reference#text-display
func shown(v any) (out []string) {
	for _, c := range objects(v) {
		out = append(out, textOf(c, "content"))
		out = append(out, shown(c["components"])...)
	}
	return out
}

// most bounds how many elements of a list are read: Discord allows no more.
const most = 100

// objects are the objects in a list.
func objects(v any) (out []map[string]any) {
	l, _ := v.([]any)
	for _, e := range l[:min(len(l), most)] {
		if o, ok := e.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func textOf(o map[string]any, name string) string { s, _ := o[name].(string); return s }
