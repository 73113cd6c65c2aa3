package slack

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"rapport/internal/pattern"
	"rapport/internal/platform"
)

// beside is what a message says beside its text, or instead of it. Each piece
// is read by itself: one that is malformed is left out.
type beside struct {
	Blocks      list `json:"blocks"`
	Attachments list `json:"attachments"`
	Files       list `json:"files"`
}

// list is what stands in a list; nothing where it is none.
type list []json.RawMessage

// UnmarshalJSON reads a list.
func (l *list) UnmarshalJSON(b []byte) error {
	var v []json.RawMessage
	if json.Unmarshal(b, &v) == nil {
		*l = v
	}
	return nil
}

// stand is what Slack writes into the text of a message whose words are all in
// its blocks or attachments.
var stand = []string{"This message contains interactive elements.", "This content can't be displayed.", "[no preview available]"}

// most bounds how many attachments, files and forwarded messages are read: a
// message of Slack's has no more.
const most = 100

// words is all that a person reads of a message: its text; of its blocks,
// attachments and files what the text does not hold yet. An app's text is often
// but a summary of its blocks, and a person's is the blocks once more.
func (s said) words() string {
	text := plain(string(s.Text))
	if slices.Contains(stand, strings.TrimSpace(text)) {
		text = ""
	}
	text = join(text, blockWords(s.Blocks))
	for _, raw := range s.Attachments[:min(len(s.Attachments), most)] {
		text = join(text, attachmentWords(raw, s.byApp()))
	}
	for _, raw := range s.Files[:min(len(s.Files), most)] {
		text = join(text, fileWords(raw))
	}
	return text
}

// join adds to a text the pieces that it does not hold yet. Where the pieces
// hold all of the text and more, they stand for it.
func join(text string, pieces []string) string {
	whole := strings.Join(pieces, "\n")
	switch {
	case whole == "":
		return text
	case strings.TrimSpace(text) == "":
		return whole
	case holds(text, whole):
		return text
	case holds(whole, text):
		return whole
	}
	lines := map[string]bool{}
	for _, l := range strings.Split(text, "\n") {
		lines[gist(l)] = true
	}
	for _, p := range pieces {
		if g := gist(p); !lines[g] {
			text += "\n" + p
			lines[g] = true
		}
	}
	return text
}

// marked are a mention, a channel and an emoji, which a text and the blocks of
// the same message may write differently.
var marked = pattern.New(`[@#][\p{L}\p{N}_.^-]+|:[a-z0-9_+'-]+:`)

// gist is a text as it is compared: its words, without marks.
func gist(s string) string {
	s = marked.ReplaceAllString(s, " ")
	return " " + strings.ToLower(strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.So)
	}), " ")) + " "
}

// holds reports whether all of part is said in whole.
func holds(whole, part string) bool { return strings.Contains(gist(whole), gist(part)) }

// emphasis are the marks around bold, italic and crossed-out words.
var emphasis = []*pattern.Pattern{
	pattern.New(`(^|[^\p{L}\p{N}*])\*{1,2}([^*\s](?:[^*\n]*[^*\s])?)\*{1,2}($|[^\p{L}\p{N}*])`),
	pattern.New(`(^|[^\p{L}\p{N}_/.])_([^_\s](?:[^_\n]*[^_\s])?)_($|[^\p{L}\p{N}_/.])`),
	pattern.New(`(^|[^\p{L}\p{N}~])~{1,2}([^~\s](?:[^~\n]*[^~\s])?)~{1,2}($|[^\p{L}\p{N}~])`),
}

// composed is a text object, or a plain text in its place.
type composed string

// UnmarshalJSON reads both. Other things say nothing.
func (c *composed) UnmarshalJSON(b []byte) error {
	var v struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(b, &v.Text) != nil {
		_ = json.Unmarshal(b, &v)
	}
	text := plain(v.Text)
	if v.Type != "plain_text" {
		for _, m := range emphasis {
			text = m.ReplaceAllString(text, "$1$2$3")
		}
	}
	*c = composed(strings.TrimSpace(text))
	return nil
}

// blockWords are the words of blocks. Buttons and menus say nothing by
// themselves, and what stands in the place of a picture is no words.
// https://docs.slack.dev/reference/block-kit/blocks
func blockWords(blocks []json.RawMessage) (out []string) {
	for _, raw := range blocks {
		var v struct {
			Type        string     `json:"type"`
			Text        composed   `json:"text"`
			Title       composed   `json:"title"`
			Description composed   `json:"description"`
			Fields      []composed `json:"fields"`
			Elements    list       `json:"elements"`
			Rows        [][]any    `json:"rows"`
		}
		if json.Unmarshal(raw, &v) != nil {
			continue
		}
		switch v.Type {
		case "rich_text":
			var r any
			if json.Unmarshal(raw, &r) == nil {
				out = append(out, rich(r))
			}
		case "section", "header", "markdown", "image", "video":
			out = append(out, string(v.Title), string(v.Text), string(v.Description))
			for _, f := range v.Fields {
				out = append(out, string(f))
			}
		case "context":
			for _, e := range v.Elements {
				var c composed
				_ = json.Unmarshal(e, &c)
				out = append(out, string(c))
			}
		case "table":
			for _, row := range v.Rows {
				var cells []string
				for _, c := range row {
					cells = append(cells, rich(c))
				}
				out = append(out, strings.Join(cells, " "))
			}
		}
	}
	return filled(out)
}

// byApp reports whether an app made the message: people attach nothing but
// messages that they forward.
func (s said) byApp() bool {
	return s.Bot != "" || s.App != "" || s.Profile != nil || s.Subtype == "bot_message"
}

// addressed are the members that the text addresses, in its own words and in its blocks.
func (s said) addressed() (ids []string) {
	add := func(text string) { ids = append(ids, mentioned(text)...) }
	add(string(s.Text))
	for _, raw := range s.Blocks {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			eachObject(v, func(o map[string]any) {
				of, _ := o["user_id"].(string)
				if text, _ := o["text"].(string); text != "" && o["type"] == "mrkdwn" {
					add(text)
				} else if of != "" && o["type"] == "user" {
					ids = append(ids, of)
				}
			})
		}
	}
	return ids
}

// eachObject calls f for each object in a value, in the order of lists.
func eachObject(v any, f func(map[string]any)) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			eachObject(e, f)
		}
	case map[string]any:
		f(x)
		for _, field := range []string{"text", "fields", "elements", "rows"} {
			eachObject(x[field], f)
		}
	}
}

// attachmentWords are the words of an attachment of an app's, or of a message
// that was forwarded. The preview of a link is not what the sender says.
// https://docs.slack.dev/reference/messaging/payload#attachments
func attachmentWords(raw json.RawMessage, byApp bool) []string {
	var v struct {
		Share    bool          `json:"is_share"`
		From     platform.Text `json:"from_url"`
		Original platform.Text `json:"original_url"`
		Pretext  composed      `json:"pretext"`
		Title    composed      `json:"title"`
		Text     composed      `json:"text"`
		Fallback composed      `json:"fallback"`
		Blocks   list          `json:"blocks"`
		Messages list          `json:"message_blocks"` // of the message that was forwarded
		Files    list          `json:"files"`
		Fields   []struct {
			Title composed `json:"title"`
			Value composed `json:"value"`
		} `json:"fields"`
	}
	if json.Unmarshal(raw, &v) != nil || !v.Share && (!byApp || v.From != "" || v.Original != "") {
		return nil
	}
	text := join("", filled([]string{string(v.Pretext), string(v.Title), string(v.Text)}))
	text = join(text, blockWords(v.Blocks))
	for _, raw := range v.Messages[:min(len(v.Messages), most)] {
		var m struct {
			Message struct {
				Blocks list `json:"blocks"`
			} `json:"message"`
		}
		if json.Unmarshal(raw, &m) == nil {
			text = join(text, blockWords(m.Message.Blocks))
		}
	}
	for _, raw := range v.Files[:min(len(v.Files), most)] {
		text = join(text, fileWords(raw))
	}
	out := []string{text}
	for _, f := range v.Fields {
		switch {
		case f.Title == "" || f.Value == "":
			out = append(out, string(f.Title+f.Value))
		case strings.HasSuffix(string(f.Title), "?"):
			out = append(out, string(f.Title+" "+f.Value))
		default:
			out = append(out, string(f.Title+": "+f.Value))
		}
	}
	if out = filled(out); len(out) > 0 || slices.Contains(stand, string(v.Fallback)) {
		return out
	}
	return filled([]string{string(v.Fallback)})
}

// fileWords is the title that somebody gave a file. One that has none from
// anybody is called as the file is.
func fileWords(raw json.RawMessage) []string {
	var v struct {
		Title platform.Text `json:"title"`
		Name  platform.Text `json:"name"`
	}
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	title, name := strings.TrimSpace(string(v.Title)), strings.TrimSpace(string(v.Name))
	if i := strings.LastIndexByte(name, '.'); title == name || i > 0 && title == name[:i] {
		return nil
	}
	return filled([]string{title})
}

// filled are the texts in which something is said.
func filled(texts []string) (out []string) {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// rich is what a person reads of text with marks, as a rich_text_input and the
// block rich_text hold it: a line for each paragraph and point of a list; a
// quotation has the mark that it has in a message's text. What is malformed
// says nothing.
// https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
func rich(v any) string {
	e, _ := v.(map[string]any)
	is := func(field string) string { s, _ := e[field].(string); return s }
	switch kind := is("type"); kind {
	case "text", "raw_text":
		return is("text")
	case "link":
		return cmp.Or(is("text"), is("url"))
	case "emoji":
		return ":" + is("name") + ":"
	case "user", "usergroup", "team":
		return "@" + is(kind+"_id")
	case "broadcast":
		return "@" + is("range")
	case "channel":
		return "#" + is("channel_id")
	case "date":
		return is("fallback")
	case "color":
		return is("value")
	case "rich_text", "rich_text_list":
		var lines []string
		for _, inner := range elements(e) {
			lines = append(lines, strings.Trim(rich(inner), "\n"))
		}
		return strings.Join(lines, "\n")
	case "rich_text_quote":
		return "> " + strings.ReplaceAll(strings.Trim(run(e), "\n"), "\n", "\n> ")
	}
	return run(e)
}

func elements(e map[string]any) []any { l, _ := e["elements"].([]any); return l }

// run is the text of elements that follow each other in a line.
func run(e map[string]any) string {
	var b strings.Builder
	for _, inner := range elements(e) {
		b.WriteString(rich(inner))
	}
	return b.String()
}
