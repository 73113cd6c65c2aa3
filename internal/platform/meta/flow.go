package meta

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
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

// flow is what somebody says in the response of a Flow, a line for each answer
// in words, in their order; whether one of the answers is a rating, and which,
// where its scale can be told: that on a recommendation, or else the first. The
// names of the answers are the business's words; numbers, yes and no, files and
// pictures are none.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/flows/guides/receiveflowresponse
func flow(response string) (text string, rated bool, mark *social.Rating) {
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
		if strings.Contains(value, "★") || rates.MatchString(f.name) && digit.MatchString(value) {
			rated = true
			r := ratingOf(name, value)
			if r != nil && (mark == nil || r.Kind == social.NPS && mark.Kind != social.NPS) {
				mark = r
			}
			if r != nil {
				continue
			}
		}
		if f.value[0] == '"' || f.value[0] == '[' {
			if _, number := platform.Number(value); !number {
				lines = append(lines, value)
			}
		}
	}
	return strings.Join(lines, "\n"), rated, mark
}

// outOf is a mark and the best of its scale, as "3/5".
var outOf = pattern.New(`([0-9]+)\s*/\s*([0-9]+)`)

// ratingOf is the rating that an answer holds, by its name and its value: stars
// drawn, "3/5", or a number on the scale that its name has. nil where that
// can't be told.
func ratingOf(name, value string) *social.Rating {
	kind, worst, best := social.Stars, 1.0, 5.0
	switch low := strings.ToLower(name); {
	case strings.Contains(low, "nps"):
		kind, worst, best = social.NPS, 0, 10
	case strings.Contains(low, "csat"):
		kind = social.CSAT
	case strings.Contains(low, "ces"):
		kind, best = social.CES, 7
	}
	if filled := strings.Count(value, "★"); filled > 0 {
		if all := filled + strings.Count(value, "☆"); strings.Contains(value, "☆") {
			best = float64(all)
		} else if m := outOf.FindStringSubmatch(value); m != nil {
			best, _ = platform.Number(m[2])
		}
		return platform.Rated(strconv.Itoa(filled), 1, max(best, 2), social.Stars, name)
	}
	if m := outOf.FindStringSubmatch(value); m != nil {
		best, _ = platform.Number(m[2])
		return platform.Rated(m[1], min(worst, best-1), best, kind, name)
	}
	if v, ok := platform.Number(value); ok && v > best && kind == social.Stars {
		best = 10 // the next scale in use
	}
	return platform.Rated(value, worst, best, kind, name)
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
