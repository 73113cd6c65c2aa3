package scoring

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// need is a text without which a regular expression does not match: so a
// search for it, which is some ten times as fast, spares most texts the match.
type need struct {
	text string
	fold bool // it is needed in whatever case: text is lower-case
}

// needs returns texts of which one at least is in all that re matches; none
// means that there are no such texts, or that they aren't known.
func needs(re *syntax.Regexp) []need {
	switch re.Op {
	case syntax.OpLiteral:
		if n := needOf(re.Rune, re.Flags&syntax.FoldCase != 0); n.text != "" {
			return []need{n}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return needs(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needs(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []need
		for _, sub := range re.Sub {
			if n := needs(sub); shortest(n) > shortest(best) {
				best = n
			}
		}
		return best
	case syntax.OpAlternate:
		var all []need
		for _, sub := range re.Sub {
			n := needs(sub)
			if n == nil {
				return nil
			}
			all = append(all, n...)
		}
		return all
	}
	return nil
}

// needOf is the longest part of a literal that can be searched for. U+FFFD
// also stands for bytes that are no UTF-8. And of what folds to ASCII letters
// from elsewhere, the Kelvin sign becomes k in lower case, but the long s
// stays what it is.
func needOf(literal []rune, fold bool) need {
	longest := ""
	for _, part := range strings.FieldsFunc(string(literal), func(r rune) bool {
		return r == utf8.RuneError || fold && (r >= utf8.RuneSelf || r == 's' || r == 'S')
	}) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	if fold {
		longest = strings.ToLower(longest)
	}
	return need{longest, fold}
}

// shortest is the length of the shortest of some needs.
func shortest(list []need) int {
	n := 0
	for i, x := range list {
		if i == 0 || len(x.text) < n {
			n = len(x.text)
		}
	}
	return n
}

// met reports whether one of the needs is in a text; lower is the text in
// lower case, for those who ask.
func met(list []need, text string, lower func() string) bool {
	for _, n := range list {
		if n.fold && strings.Contains(lower(), n.text) || !n.fold && strings.Contains(text, n.text) {
			return true
		}
	}
	return false
}
