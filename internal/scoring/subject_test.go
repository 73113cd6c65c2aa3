package scoring

import (
	"strings"
	"testing"
)

func TestSubjectOf(t *testing.T) {
	for text, want := range map[string]string{
		"Hello! Are you hiring? I can send my CV.":            SubjectJob,
		"Are you still hiring in Berlin":                      SubjectJob,
		"I am looking for a new job in support":               SubjectJob,
		"Please find my résumé attached":                      SubjectJob,
		"I'd like to send you my CV":                          SubjectJob,
		"any job openings at your office?":                    SubjectJob,
		"I applied for the internship last week, any news?":   SubjectJob,
		"Anbei meine Bewerbung als Fahrerin":                  SubjectJob,
		"When will my resumed subscription be charged?":       "",
		"We order 40 bikes for our internship programme":      "",
		"The app deleted my CV upload form":                   "",
		"Would it do the job in a small office?":              "",
		"our hiring team needs 20 seats":                      "",
		"We are hiring, does your tool post job ads?":         "",
		"My resume template does not print":                   "",
		"I'm looking for work gloves in size 9":               "",
		"looking for a role based access control that scales": "",
		"Can applicants submit my CV form twice?":             "",
		"Wann stellt ihr ein Update bereit?":                  "",
		"Stellt ihr ein? Ich suche etwas ab Mai":              SubjectJob,
		"I'm looking for the role in the admin panel":         "",
		"Candidates can't see the job openings page":          "",
		"A job application arrives twice in our inbox":        "",
		"I want to position your ad":                          "",
		"":                                                    "",
	} {
		if got := subjectOf(text); got != want {
			t.Errorf("%q is about %q, want %q", text, got, want)
		}
	}
}

// Beginnings of words are looked for before the pattern is: none of what it matches may lack them.
func TestWhatAppliesHasABeginning(t *testing.T) {
	for _, text := range []string{
		"are you hiring", "any job offers", "your open internship positions", "look for work", "looking for a job", "search for a role here", "searching for jobs",
		"apply for a position", "applying for the job", "applied for this internship", "my application for the job", "my job application", "my cv", "attached my resume.",
		"here is my résumé", "see my resumé.", "meine bewerbung", "mich bei euch bewerben", "meinen lebenslauf", "stellt ihr ein",
	} {
		for _, s := range []string{text, strings.ToUpper(text), "é " + text, text + ", " + text} {
			if applies.MatchString(s) != (subjectOf(s) == SubjectJob) {
				t.Errorf("%q: matched %v, read as %q", s, applies.MatchString(s), subjectOf(s))
			}
		}
	}
}
