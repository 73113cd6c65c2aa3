package theme_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/theme"
)

// subjectOf is the theme that a subject's sentences belong to.
func subjectOf(t *testing.T, set theme.Set, text string) theme.Assignment {
	t.Helper()
	a := assign(set, text)
	if !a.OK {
		t.Fatalf("%q belongs to no theme", text)
	}
	return a
}

const late = "my parcel is late again"

func TestIdentityLastsOverAPause(t *testing.T) {
	at := time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC)
	opt := func(previous *theme.Set, at time.Time) theme.Options {
		return theme.Options{K: 3, Seed: 1, Previous: previous, At: at}
	}
	first := discover(t, corpus("delivery", "login", "price"), opt(nil, at))
	was := subjectOf(t, first, late)
	// Nobody speaks of deliveries for two sets; the vocabulary changes.
	quiet := discover(t, corpus("coffee", "login", "price"), opt(&first, at.AddDate(0, 0, 7)))
	again := discover(t, corpus("coffee", "login"), opt(&quiet, at.AddDate(0, 0, 14)))
	if len(again.Dormant) != 2 || again.Dormant[0].Label == was.Label || again.Dormant[1].ID != was.ThemeID || again.Dormant[1].Label != was.Label {
		t.Fatalf("dormant %+v; want what was missing last first, then deliveries", again.Dormant)
	}
	if assign(again, late).ThemeID == was.ThemeID {
		t.Error("a dormant theme is assigned to")
	}
	back := discover(t, corpus("delivery", "login", "coffee"), opt(&again, at.AddDate(0, 0, 120)))
	if is := subjectOf(t, back, late); is.ThemeID != was.ThemeID || is.Label != was.Label {
		t.Errorf("deliveries were %+v, are %+v", was, is)
	}
	sleeps := func(id string) bool {
		return slices.ContainsFunc(back.Dormant, func(d theme.Dormant) bool { return d.ID == id })
	}
	if sleeps(was.ThemeID) || !sleeps(subjectOf(t, first, "the price increase is far too high").ThemeID) {
		t.Error("deliveries still sleep, or the price does not")
	}
	// Another subject is not what slept.
	if is := subjectOf(t, again, "the coffee tastes wonderful"); is.ThemeID == was.ThemeID {
		t.Error("coffee is what deliveries were")
	}
	// After a year it is another issue.
	if is := subjectOf(t, discover(t, corpus("delivery", "login", "coffee"), opt(&again, at.AddDate(1, 0, 14))), late); is.ThemeID == was.ThemeID {
		t.Error("a theme is remembered for more than a year")
	}
	if is := subjectOf(t, discover(t, corpus("delivery", "login", "coffee"), opt(&again, at.AddDate(1, 0, 6))), late); is.ThemeID != was.ThemeID {
		t.Error("a theme is forgotten before a year is over")
	}
}

// With another reader, whose vectors mean something else, themes are known by their words.
func TestIdentityLastsOverAChangeOfReader(t *testing.T) {
	first := discover(t, corpus("delivery", "login", "price"), theme.Options{K: 3, Seed: 1})
	was := subjectOf(t, first, late)
	first.Reader = "another"
	for i := range first.Themes {
		for j := range first.Themes[i].Dense.Int8 {
			first.Themes[i].Dense.Int8[j] = byte(i + j)
		}
	}
	second := discover(t, corpus("delivery", "login", "price"), theme.Options{K: 3, Seed: 1, Previous: &first})
	if is := subjectOf(t, second, late); is.ThemeID != was.ThemeID || len(second.Dormant) != 0 {
		t.Errorf("deliveries were %+v, are %+v; dormant %d", was, is, len(second.Dormant))
	}
}

func TestDormantThemesAreBounded(t *testing.T) {
	first := discover(t, corpus("delivery", "login"), theme.Options{K: 2, Seed: 1})
	for i := range 300 {
		first.Dormant = append(first.Dormant, theme.Dormant{ID: fmt.Sprint("thm_", i), Label: "x", Since: time.Unix(0, 0)})
	}
	if n := len(discover(t, corpus("delivery", "login"), theme.Options{K: 2, Seed: 1, Previous: &first}).Dormant); n != 100 {
		t.Errorf("%d themes are dormant, want 100", n)
	}
}

// In each language that is read, the words of a label say what it is about.
func TestLabelsHoldNoStopWordsInAnyLanguage(t *testing.T) {
	for language, x := range map[string]struct {
		texts []string
		want  []string // either of these
		never string
	}{
		"de": {[]string{"Meine Lieferung ist schon wieder zu spät", "die Lieferung kam leider zu spät", "Warum ist die Lieferung immer noch so spät?", "Hallo, wieder eine späte Lieferung, danke für nichts", "Seit Tagen warte ich: Lieferung zu spät", "Bitte, wo bleibt die Lieferung? Viel zu spät"},
			[]string{"lieferung"}, "schon wieder zu ist die immer noch leider danke bitte hallo viel seit tagen"},
		"es": {[]string{"La factura está mal otra vez", "hola, la factura de este mes está mal", "Por qué siempre me cobran mal la factura?", "buenas, otra factura equivocada, gracias", "Tengo una factura con errores desde ayer", "la factura no es correcta"},
			[]string{"factura"}, "la está otra vez por qué siempre hola gracias desde mes"},
		"pt": {[]string{"O aplicativo fecha sozinho", "olá, o aplicativo fecha toda hora", "Por que o aplicativo fecha quando abro?", "meu aplicativo fecha desde ontem", "bom dia, aplicativo fecha sempre, obrigado", "O aplicativo não abre e fecha"},
			[]string{"aplicativo"}, "o olá toda hora quando meu desde ontem sempre obrigado não"},
		"fr": {[]string{"L'application plante toujours", "bonjour, l'application plante depuis hier", "Pourquoi l'application plante encore ?", "mon application plante, merci de m'aider", "cette application plante tout le temps", "L'application ne marche pas et plante"},
			[]string{"application"}, "l toujours bonjour depuis pourquoi encore merci tout pas cette"},
		"it": {[]string{"L'ordine non è ancora arrivato", "ciao, dov'è il mio ordine? Ordine in ritardo", "ordine in ritardo da una settimana", "Perché il mio ordine è sempre in ritardo?", "un altro ordine in ritardo, grazie", "L'ordine è in ritardo"},
			[]string{"ordine", "ritardo"}, "non ancora ciao perché sempre mio una settimana grazie altro"},
		"nl": {[]string{"Mijn bestelling is nog steeds niet geleverd", "hallo, waar blijft mijn bestelling", "de bestelling is weer te laat", "Waarom is de bestelling altijd te laat?", "Bedankt, alweer een bestelling te laat", "bestelling te laat sinds gisteren"},
			[]string{"bestelling"}, "mijn is nog steeds niet hallo waar weer te altijd bedankt sinds gisteren"},
	} {
		var docs []theme.Doc
		for i, text := range x.texts {
			docs = append(docs, theme.Doc{ID: fmt.Sprint(language, i), Text: text, Language: language})
		}
		set := discover(t, docs, theme.Options{K: 1, Seed: 1})
		if len(set.Themes) != 1 {
			t.Fatalf("%s: %d themes", language, len(set.Themes))
		}
		label := set.Themes[0].Label
		ws := strings.Fields(strings.ReplaceAll(label, ",", ""))
		if !slices.ContainsFunc(x.want, func(w string) bool { return slices.Contains(ws, w) }) {
			t.Errorf("%s: label %q, want it to hold one of %q", language, label, x.want)
		}
		for _, w := range ws {
			if slices.Contains(strings.Fields(x.never), w) {
				t.Errorf("%s: label %q holds %q", language, label, w)
			}
		}
		t.Logf("%s: %q", language, label)
	}
}
