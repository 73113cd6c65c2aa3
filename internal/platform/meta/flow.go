package meta

import (
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/pattern"
)

var (
	// built is a name as the builder of Flows in WhatsApp Manager makes it of
	// a question, with the numbers of screen and field around it.
	built = pattern.New(`^screen_[0-9]+_(.+)_[0-9]+$`)

	// chosen is an option as that builder makes it, with its number before it.
	chosen = pattern.New(`^[0-9]+_(.+)$`)

	// rates is in the name of an answer that is a rating.
	rates = pattern.New(`(?i)(^|[^a-z])(rating|rate|stars?|nps|csat|ces)($|[^a-z])`)

	digit = pattern.New(`[0-9]`)
)

// wrapping are the fields of a Flow's response that hold the answers, where
// they are not the response itself.
var wrapping = []string{"extension_message_response", "params", "values"}

// noAnswer are the fields of a Flow's response that tell which Flow it is of.
var noAnswer = []string{"flow_token", "flow_id", "flow_name", "saved_address_id", "wa_flow_response_params"}

// flow is the response of a Flow, a line "name: value" for each answer in
// their order, and whether one of them is a rating. Files and pictures are no words.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/flows/guides/receiveflowresponse
func flow(response string) (text string, rated bool) {
	var lines []string
	for _, f := range ordered(json.RawMessage(response), 3) {
		name, value := f.name, spoken(f.value)
		if m := built.FindStringSubmatch(name); m != nil {
			name = strings.ReplaceAll(m[1], "_", " ")
			if m := chosen.FindStringSubmatch(value); m != nil {
				value = strings.ReplaceAll(m[1], "_", " ")
			}
		}
		if value == "" {
			continue
		}
		lines = append(lines, name+": "+value)
		rated = rated || strings.Contains(value, "★") || rates.MatchString(f.name) && digit.MatchString(value)
	}
	return strings.Join(lines, "\n"), rated
}

// answer is a field of a Flow's response.
type answer struct {
	name  string
	value json.RawMessage
}

// ordered are the fields of an object in their order, and those of the objects
// that do nothing but wrap answers, at most so deep.
func ordered(object json.RawMessage, deep int) (out []answer) {
	d := json.NewDecoder(strings.NewReader(string(object)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') || deep == 0 {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var v json.RawMessage
		if err != nil || d.Decode(&v) != nil {
			return out
		}
		switch name := name.(string); {
		case slices.Contains(noAnswer, name):
		case slices.Contains(wrapping, name):
			out = append(out, ordered(v, deep-1)...)
		default:
			out = append(out, answer{name, v})
		}
	}
	return out
}

// spoken is what a value says: a text or number, yes or no, or several of them.
func spoken(raw json.RawMessage) string {
	var v any
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return ""
	}
	return plainly(v)
}

func plainly(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []any:
		var parts []string
		for _, e := range v {
			if _, list := e.([]any); list {
				continue
			}
			if s := plainly(e); s != "" {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, ", ")
	}
	return ""
}
