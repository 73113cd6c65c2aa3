package platform_test

import (
	"testing"

	"rapport/internal/platform"
	"rapport/internal/social"
)

func TestWhatQuestionsAskFor(t *testing.T) {
	type is struct {
		kind     social.RatingKind
		reversed bool
	}
	for question, want := range map[string]is{
		"How satisfied are you with our support?":               {social.CSAT, false},
		"Wie zufrieden sind Sie?":                               {social.CSAT, false},
		"¿Qué tan satisfecho está con la entrega?":              {social.CSAT, false},
		"Quanto é soddisfatto?":                                 {social.CSAT, false},
		"Hoe tevreden ben je?":                                  {social.CSAT, false},
		"How easy was it to get help?":                          {social.CES, false},
		"War es einfach?":                                       {social.CES, false},
		"Foi fácil?":                                            {social.CES, false},
		"How much effort did you have to put forth?":            {social.CES, true},
		"Wie viel Aufwand war das?":                             {social.CES, true},
		"Quel a été l'effort ?":                                 {social.CES, true},
		"How difficult was it?":                                 {social.CES, true},
		"How dissatisfied are you?":                             {social.Score, true},
		"Wie unzufrieden sind Sie?":                             {social.Score, true},
		"How old are you?":                                      {social.Score, false},
		"Vielleicht haben Sie noch etwas Zeit: wie viele Tage?": {social.Score, false},
		"": {social.Score, false},
	} {
		if kind, reversed := platform.KindOf(question); kind != want.kind || reversed != want.reversed {
			t.Errorf("%q measures %s, reversed %v, want %+v", question, kind, reversed, want)
		}
	}
	for question, want := range map[string]bool{
		"Were you satisfied?": true, "Would you recommend us to a friend?": true, "Was your problem solved?": true, "Are you happy with the result?": true, "Was this article helpful?": true,
		"Würden Sie uns weiterempfehlen?": true, "Wurde Ihnen geholfen?": true, "¿Nos recomendaría?": true, "Vous recommanderiez-vous de nous recommander ?": true, "Le è stato utile?": true,
		"May we call you?": false, "Are you happy for us to contact you?": false, "Dürfen wir Sie vielleicht anrufen?": false, "Is your problem still unresolved?": false,
		"Were you dissatisfied?": false, "Do you have a dog?": false, "May we help you?": false, "¿Necesita ayuda?": false, "Vuole ricevere consigli?": false, "": false,
	} {
		if got := platform.Judges(question); got != want {
			t.Errorf("%q asks for a judgement: %v, want %v", question, got, want)
		}
	}
}

func TestMarksAreOnTheirScale(t *testing.T) {
	for value, want := range map[string]bool{"1": true, "5": true, " 3.5 ": true, "0": false, "6": false, "": false, "good": false, "NaN": false, "+Inf": false, "1e300": false} {
		if got := platform.Rated(value, 5, 1, social.Stars, ""); (got != nil) != want {
			t.Errorf("%q of five: %+v", value, got)
		}
	}
	if r := platform.Rated("2", 5, 1, social.Score, "How was it?"); r == nil || r.Value != 2 || r.Worst != 5 || r.Best != 1 || r.Question != "How was it?" {
		t.Errorf("got %+v", r)
	}
}

func TestAddressedAreNotedOnceAndNotWithoutEnd(t *testing.T) {
	var a social.Activity
	platform.Address(&a, "1", "", "2", social.Unknown, "1")
	platform.Address(&a, "2", "3")
	if len(a.Addressed) != 3 || a.Addressed[2] != "3" {
		t.Errorf("got %q", a.Addressed)
	}
	for i := range 100 {
		platform.Address(&a, string(rune('a'+i)))
	}
	if len(a.Addressed) != social.MaxAddressed {
		t.Errorf("%d are noted, want %d", len(a.Addressed), social.MaxAddressed)
	}
}
