package scoring

import (
	"rapport/internal/pattern"
)

// SubjectJob is the subject of a text whose author looks for work with the
// business: asks whether it hires, or applies.
const SubjectJob = "job"

// applies holds for texts about the author's own application. Words that only
// belong to it, as a CV or an internship, are not enough: a customer may speak
// of a form for CVs, or order for its interns.
var applies = pattern.New(`(?i)\bare you (?:guys |currently |still |also )*hiring\b|\b(?:any|your) (?:open )?(?:job|internship) (?:openings?|vacanc(?:y|ies)|positions?|offers?)\b|\b(?:look|looking|search|searching|apply|applying|applied) for (?:a |an |the |any |your |some |this )?(?:new )?(?:(?:job|internship)s?\b|(?:work|position|vacancy|role)(?:\s*$|[,.;:!?)]| (?:at|as|with|here|near|again|since|please)\b))|\bmy (?:job )?application for (?:a|an|the|your|this) (?:job|internship|position|role)\b|\bmy job application\b|\b(?:send|sending|sent|attach|attaching|attached|submit|submitted|share|forward|enclosed|see|find|here is|here's|is|as) (?:you |is |to you )?my (?:cv|resum[eé]|résum[eé])(?:[\s,.;:!?)]*$|[,.;:!?)]| (?:to|for|and|in|with|as|attached|below|by|here|via)\b)|\bmeine bewerbung\b|\bmich (?:bei (?:euch|ihnen|dir) )?(?:als .{1,30} )?(?:zu )?bewerben\b|\bmeinen lebenslauf\b|\bstellt ihr (?:noch |gerade )?ein(?:\s*$|[,.;:!?)])`)

// subjectOf says what a text is about, as far as a rule may ask without
// reading it again: SubjectJob, or "" for all else.
func subjectOf(text string) string {
	text = cut(text)
	for i := range len(text) {
		for _, rest := range applicants[text[i]|0x20] {
			if hasPrefixFold(text[i+1:], rest) {
				if applies.MatchString(text) {
					return SubjectJob
				}
				return ""
			}
		}
	}
	return ""
}

// hasPrefixFold reports whether text begins with prefix, which is lower-case ASCII, in any case.
func hasPrefixFold(text, prefix string) bool {
	if len(text) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if c := text[i]; c != prefix[i] && (c < 'A' || c > 'Z' || c|0x20 != prefix[i]) {
			return false
		}
	}
	return true
}

// applicants are beginnings of words, of which each text that applies matches has one: by
// their first letter, what follows it. To look for them costs less than to match.
var applicants = [256][]string{
	'h': {"iring"}, 'j': {"ob"}, 'i': {"nternship"}, 'l': {"ook for", "ooking for", "ebenslauf"}, 's': {"earch for", "earching for", "tellt ihr"},
	'a': {"pply for", "pplying for", "pplied for"}, 'm': {"y cv", "y r"}, 'b': {"ewerb"},
}
