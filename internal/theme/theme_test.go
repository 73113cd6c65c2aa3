package theme_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/needs"
	"rapport/internal/quality"
	"rapport/internal/theme"
	"rapport/internal/vector"
)

// talk holds a few dozen ways to say the same, per subject.
var talk = map[string][2][]string{
	"delivery": {{"my parcel", "the package I ordered", "our delivery", "the box with my shoes", "that order"}, {"still has not arrived", "is late again", "was delivered to the wrong house", "never turned up", "is a week late"}},
	"login":    {{"the login page", "signing in", "my password reset", "the sign in form", "logging in"}, {"does not work any more", "says my password is wrong", "locks me out of the account", "sends no code to my phone", "fails with every password"}},
	"price":    {{"the price increase", "your new pricing", "the monthly fee", "this expensive plan", "the extra charge"}, {"is far too high", "costs twice what it did", "makes me look for a cheaper plan", "came without a warning", "is not worth the money"}},
	"coffee":   {{"the coffee", "your espresso", "a cappuccino here", "that oat milk latte", "the cold brew"}, {"tastes wonderful", "is the best in town", "smells so good in the morning", "was served hot and fresh", "is strong and tasty"}},
}

// corpus says each subject's sentences, a person each.
func corpus(subjects ...string) []theme.Doc {
	var docs []theme.Doc
	for _, s := range subjects {
		for i, a := range talk[s][0] {
			for j, b := range talk[s][1] {
				id := fmt.Sprintf("%s-%d%d", s, i, j)
				docs = append(docs, theme.Doc{ID: id, Person: "p-" + id, Text: a + " " + b})
			}
		}
	}
	return docs
}

func discover(t *testing.T, docs []theme.Doc, opt theme.Options) theme.Set {
	t.Helper()
	set, err := theme.Discover(docs, opt)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func assign(set theme.Set, text string) theme.Assignment {
	return theme.NewAssigner(set).Assign(text)
}

func TestThemesAreWhatPeopleTalkAbout(t *testing.T) {
	set := discover(t, corpus("delivery", "login", "price", "coffee"), theme.Options{Seed: 1})
	if len(set.Themes) < 4 || len(set.Themes) > 8 {
		t.Fatalf("%d themes of four subjects", len(set.Themes))
	}
	seen := map[string]string{}
	for _, c := range []struct{ subject, text string }{
		{"delivery", "where is my package? it should have arrived on monday"},
		{"login", "I can't log in, it does not take my password"},
		{"price", "the new price is too expensive"},
		{"coffee", "lovely espresso this morning"},
	} {
		as := assign(set, c.text)
		if !as.OK {
			t.Errorf("%q belongs to no theme: %+v", c.text, as)
		}
		if other, ok := seen[as.ThemeID]; ok {
			t.Errorf("%s and %s are one theme, %q", c.subject, other, as.Label)
		}
		seen[as.ThemeID] = c.subject
	}
}

func TestTextAboutSomethingElseHasNoTheme(t *testing.T) {
	set := discover(t, corpus("delivery", "login", "price", "coffee"), theme.Options{Seed: 1})
	for _, text := range []string{"the goalkeeper was injured in the second half", "", "@acme https://x.example", "ありがとう"} {
		if as := assign(set, text); as.OK || as.ThemeID != "" || as.Label != "" {
			t.Errorf("%q: %+v", text, as)
		}
	}
}

func TestOrderOfTextsDoesNotMatter(t *testing.T) {
	docs := corpus("delivery", "login", "price", "coffee")
	want := discover(t, docs, theme.Options{Seed: 3})
	slices.Reverse(docs)
	docs[3], docs[40] = docs[40], docs[3]
	if diff := cmp.Diff(want, discover(t, docs, theme.Options{Seed: 3})); diff != "" {
		t.Errorf("another order (-want +got):\n%s", diff)
	}
}

// The hash is of the set found on amd64; another processor must find it too.
func TestSetHasTheSameBytesOnEveryProcessor(t *testing.T) {
	set := discover(t, corpus("delivery", "login", "price", "coffee"), theme.Options{K: 5, Seed: 7})
	set.Version, set.Reader = "", "" // the reader's other models are no part of a theme
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%x", sha256.Sum256(b)), "77fe114ffd267f2149e10128a104c2d20847dc46f1ebb6fd0a8ffe98235579ce"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestTwoPeopleAreNoTheme(t *testing.T) {
	docs := slices.Concat(corpus("delivery")[:6], corpus("coffee")[:6], corpus("price")[:2])
	set := discover(t, docs, theme.Options{K: 3, Seed: 1})
	if len(set.Themes) != 2 {
		t.Errorf("%d themes, want those of delivery and coffee", len(set.Themes))
	}
	for _, th := range set.Themes {
		if th.People < 3 {
			t.Errorf("theme %q of %d people", th.Label, th.People)
		}
	}
}

func TestManyTextsOfOnePersonHaveOneVoice(t *testing.T) {
	docs := corpus("delivery", "coffee")
	for n := range 12 {
		for _, d := range corpus("price") {
			docs = append(docs, theme.Doc{ID: fmt.Sprint(d.ID, "-", n), Person: "p-loud", Text: d.Text})
		}
	}
	set := discover(t, docs, theme.Options{K: 2, Seed: 1})
	parcel, cup := assign(set, "my parcel is late again"), assign(set, "the coffee tastes wonderful")
	if !parcel.OK || !cup.OK || parcel.ThemeID == cup.ThemeID {
		t.Errorf("300 texts of one person hide what 50 people say: %+v, %+v", parcel, cup)
	}
}

func TestTooFewTextsGiveNoThemes(t *testing.T) {
	for _, docs := range [][]theme.Doc{nil, corpus("price")[:2], {{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d", Text: "@x"}}} {
		set := discover(t, docs, theme.Options{})
		if len(set.Themes) != 0 {
			t.Errorf("%d texts give %d themes", len(docs), len(set.Themes))
		}
		if as := assign(set, "my parcel is late"); as.OK {
			t.Errorf("assigned to a theme of an empty set: %+v", as)
		}
	}
}

func TestTwoTextsWithOneIDAreRefused(t *testing.T) {
	_, err := theme.Discover(append(corpus("price"), corpus("price")[0]), theme.Options{})
	if err == nil || !strings.Contains(err.Error(), `"price-00"`) {
		t.Errorf("got %v", err)
	}
	if _, err = theme.Discover(corpus("price"), theme.Options{K: -1}); err == nil {
		t.Error("K of -1 is accepted")
	}
}

func TestIdentityLastsFromSetToSet(t *testing.T) {
	first := discover(t, corpus("delivery", "login", "price"), theme.Options{K: 3, Seed: 1})
	// A week later one subject is gone, one is new, and k-means starts elsewhere.
	second := discover(t, corpus("login", "price", "coffee"), theme.Options{K: 3, Seed: 99, Previous: &first})
	for subject, text := range map[string]string{"login": "the login page says my password is wrong", "price": "the price increase is far too high"} {
		before, after := assign(first, text), assign(second, text)
		if !before.OK || before.ThemeID != after.ThemeID || before.Label != after.Label {
			t.Errorf("%s was %+v, is %+v", subject, before, after)
		}
	}
	fresh := assign(second, "the coffee tastes wonderful")
	if !fresh.OK || !strings.HasPrefix(fresh.ThemeID, "thm_") {
		t.Fatalf("the new subject: %+v", fresh)
	}
	for _, th := range first.Themes {
		if th.ID == fresh.ThemeID {
			t.Errorf("the new subject took the id of %q", th.Label)
		}
	}
	ids := map[string]bool{}
	for _, th := range second.Themes {
		if ids[th.ID] {
			t.Errorf("two themes with the id %s", th.ID)
		}
		ids[th.ID] = true
	}
}

func TestOnlyOneThemeInheritsAnIdentity(t *testing.T) {
	docs := corpus("delivery", "login")
	first := discover(t, docs, theme.Options{K: 2, Seed: 1})
	second := discover(t, docs, theme.Options{K: 4, Seed: 1, Previous: &first})
	ids := map[string]bool{}
	for _, th := range second.Themes {
		if ids[th.ID] {
			t.Errorf("two themes with the id %s", th.ID)
		}
		ids[th.ID] = true
	}
	if len(second.Themes) < 3 {
		t.Fatalf("%d themes", len(second.Themes))
	}
}

func TestNewThemeTakesNoFormerID(t *testing.T) {
	docs := corpus("delivery", "login")
	first := discover(t, docs, theme.Options{K: 2, Seed: 1})
	former := map[string]bool{}
	for i := range first.Themes {
		former[first.Themes[i].ID] = true
		first.Themes[i].Dense.Int8, first.Themes[i].Sparse.Int8 = nil, nil // near to no text any more
	}
	for _, th := range discover(t, docs, theme.Options{K: 2, Seed: 1, Previous: &first}).Themes {
		if former[th.ID] {
			t.Errorf("theme %q took the id of one that it is not", th.Label)
		}
	}
}

func TestLabelsAreShortAndDiffer(t *testing.T) {
	set := discover(t, corpus("delivery", "login", "price", "coffee"), theme.Options{K: 12, Seed: 1})
	seen := map[string]bool{}
	for _, th := range set.Themes {
		if seen[th.Label] || th.Label == "" || len(strings.Fields(th.Label)) > 6 {
			t.Errorf("label %q", th.Label)
		}
		seen[th.Label] = true
		if len(th.Quotes) == 0 || len(th.Keywords) == 0 {
			t.Errorf("theme %q: %d quotes, %d keywords", th.Label, len(th.Quotes), len(th.Keywords))
		}
	}
}

func TestLabelIsAPhraseThatManyUse(t *testing.T) {
	docs := corpus("login", "coffee")
	for i, text := range []string{"Hi team, on Friday the delivery was late. The parcel depot slept", "late delivery on Friday. Parcel depot closed", "Friday's deliveries are always late! Is the parcel depot asleep",
		"the late delivery of Friday. Parcel depot shut", "Delivery on Friday was late. The parcel depot", "another late delivery this Friday"} {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("late-", i), Text: text})
	}
	set := discover(t, docs, theme.Options{Seed: 1})
	as := assign(set, "the delivery was late")
	if ws := strings.Fields(as.Label); len(ws) != 2 || !slices.Contains(ws, "late") || !strings.Contains(as.Label, "deliver") {
		t.Errorf("late deliveries are named %q", as.Label)
	}
}

// odd is what single people say, each about something else.
const odd = `the goalkeeper was injured in the second half|my aunt keeps four goats behind the house|which planet has the most moons|snow fell on the pass last night|
a violin needs new strings every year|the election was closer than anyone thought|he paints ships in bottles|how deep is the lake near the castle|
our choir sings Bach in December|the dentist pulled two teeth|tulips grow well in sandy soil|she translated a poem from Welsh|chess club meets behind the library|
the museum shows Roman glass|a fox crossed the railway line|my knee hurts after the marathon|they found a comet with a small telescope|grandfather built that wooden boat|
the exam in algebra was easy|sheep graze below the lighthouse|what rhymes with orange|the actor forgot his lines on stage|we camped beside a volcano|the referee lost his whistle`

func TestSubjectsAreFoundWholeAmongOtherTexts(t *testing.T) {
	docs := corpus("delivery", "login", "price", "coffee")
	for i, text := range strings.Split(odd, "|") {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("odd-", i), Text: text})
	}
	const seeds = 20 // a single one says little
	var themes, strange float64
	whole := map[string]float64{} // texts of a subject that are in the same theme
	for seed := range uint64(seeds) {
		a := theme.NewAssigner(discover(t, docs, theme.Options{Seed: seed + 1}))
		in := map[string]map[string]int{}
		for _, d := range docs {
			as := a.Assign(d.Text)
			subject := strings.Split(d.ID, "-")[0]
			switch {
			case !as.OK:
			case subject == "odd":
				strange++
			default:
				if in[subject] == nil {
					in[subject] = map[string]int{}
				}
				in[subject][as.ThemeID]++
			}
		}
		found := map[string]bool{}
		for subject, n := range in {
			most := 0
			for id, k := range n {
				found[id] = true
				most = max(most, k)
			}
			whole[subject] += float64(most)
		}
		themes += float64(len(found))
	}
	if themes/seeds < 4 || themes/seeds > 7 {
		t.Errorf("%.2f themes of four subjects", themes/seeds)
	}
	for _, s := range []string{"delivery", "login", "price", "coffee"} {
		if whole[s]/seeds < 13 {
			t.Errorf("%s is scattered: %.2f are together", s, whole[s]/seeds)
		}
	}
	if strange/seeds > 4 {
		t.Errorf("%.2f of 24 texts about nothing in common have a theme", strange/seeds)
	}
	t.Logf("%.2f themes, %.2f odd texts in one, together: %v", themes/seeds, strange/seeds, whole)
}

func TestSetSurvivesJSON(t *testing.T) {
	set := discover(t, corpus("delivery", "login", "price"), theme.Options{K: 3, Seed: 1})
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	back, err := theme.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range corpus("delivery", "login", "price", "coffee") {
		if want, got := assign(set, d.Text), assign(back, d.Text); want != got {
			t.Errorf("%q: %+v, after JSON %+v", d.Text, want, got)
		}
	}
	if _, err := theme.Parse([]byte(strings.Replace(string(b), `"threshold":0`, `"threshold":1`, 1))); err == nil {
		t.Error("a changed set keeps its version")
	}
}

func TestDamagedSetAssignsWithoutPanic(t *testing.T) {
	set := discover(t, corpus("delivery", "login", "price"), theme.Options{K: 3, Seed: 1})
	set.IDF, set.Mean.Int8, set.Themes[0].Dense.Int8, set.Themes[0].Term = nil, nil, []byte{1}, []byte{255, 255, 0}
	set.Themes[1].Term = nil
	if as := assign(set, "the login page says my password is wrong"); as.Similarity > 1 {
		t.Errorf("got %+v", as)
	}
}

// banking returns Banking77's test texts as docs, or skips.
func banking(t *testing.T) ([]quality.Labelled, []theme.Doc) {
	t.Helper()
	texts, err := quality.ReadBanking(needs.Shared(t, "data/banking77"), "test")
	if err != nil {
		t.Fatal(err)
	}
	docs := make([]theme.Doc, len(texts))
	for i, x := range texts {
		docs[i] = theme.Doc{ID: strconv.Itoa(i), Text: x.Text}
	}
	return texts, docs
}

func TestBanking77IsFoundAgain(t *testing.T) {
	texts, _ := banking(t)
	f, err := quality.Themes("banking77", texts, 77, 1)
	if err != nil {
		t.Fatal(err)
	}
	if f[0].Value < 0.70 {
		t.Errorf("NMI %.3f, want at least 0.70", f[0].Value)
	}
	if f[1].Value < 0.90 {
		t.Errorf("%.2f of the texts have a theme, want at least 0.90", f[1].Value)
	}
}

func TestLabelsOfManyLikeThemesDiffer(t *testing.T) {
	_, docs := banking(t)
	seen := map[string]bool{}
	for _, th := range discover(t, docs, theme.Options{K: 77, Seed: 1}).Themes {
		if seen[th.Label] {
			t.Errorf("two themes %q", th.Label)
		}
		seen[th.Label] = true
	}
}

func TestHundredThemesAreUnder150KB(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	invent := func() string {
		b := make([]byte, 9+rng.IntN(6))
		for i := range b {
			b[i] = byte('a' + rng.IntN(26))
		}
		return string(b)
	}
	var docs []theme.Doc
	for s := range 100 {
		own := make([]string, 100)
		for i := range own {
			own[i] = invent()
		}
		long := strings.Repeat(fmt.Sprintf("endless%d", s), 2000)
		for i := range 6 {
			text := "語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語語 "
			for range 80 {
				text += own[rng.IntN(len(own))] + " "
			}
			docs = append(docs, theme.Doc{ID: fmt.Sprintf("act_%032d", 6*s+i), Text: text + long})
		}
	}
	set := discover(t, docs, theme.Options{K: 100, Seed: 1})
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Themes) < 80 || len(b) > 150<<10 {
		t.Errorf("%d themes in %d bytes", len(set.Themes), len(b))
	}
}

func BenchmarkDiscover(b *testing.B) {
	docs := corpus("delivery", "login", "price", "coffee")
	for b.Loop() {
		if _, err := theme.Discover(docs, theme.Options{Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAssign(b *testing.B) {
	set, err := theme.Discover(corpus("delivery", "login", "price", "coffee"), theme.Options{K: 12, Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	a := theme.NewAssigner(set)
	for b.Loop() {
		a.Assign("where is my package? it should have arrived on monday")
	}
}

// TestOwnNamesNameNoTheme: people write the customer's name in every second
// message; it says nothing of what they write about.
func TestOwnNamesNameNoTheme(t *testing.T) {
	var docs []theme.Doc
	for i := range 8 {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("a", i), Person: fmt.Sprint("p", i), Text: fmt.Sprintf("Larkspoon parcel is late again, larkspoon parcel number %d", i)},
			theme.Doc{ID: fmt.Sprint("b", i), Person: fmt.Sprint("q", i), Text: fmt.Sprintf("Larkspoon app crashes, the larkspoon app crashes on phone %d", i)})
	}
	labels := func(own string) string {
		set, err := theme.Discover(docs, theme.Options{K: 2, Seed: 1, Own: own})
		if err != nil || len(set.Themes) != 2 {
			t.Fatalf("%d themes, %v", len(set.Themes), err)
		}
		var out []string
		for _, x := range set.Themes {
			out = append(out, x.Label+"; "+strings.Join(x.Keywords, ", "))
		}
		return strings.ToLower(strings.Join(out, "; "))
	}
	if got := labels("Larkspoon"); strings.Contains(got, "larkspoon") || !strings.Contains(got, "parcel") || !strings.Contains(got, "crash") {
		t.Errorf("labels %q", got)
	}
	if got := labels(""); !strings.Contains(got, "larkspoon") {
		t.Errorf("without the option the name is not barred, or this test shows nothing: %q", got)
	}
}

// In another language than English, themes agree with what the texts are about;
// with English's vectors they did as little as if drawn at random (0.14).
func TestThemesInAnotherLanguage(t *testing.T) {
	said, err := quality.ReadCommunity("../quality/testdata")
	if err != nil {
		t.Fatal(err)
	}
	figures, err := quality.Themes("de", said["de"], 10, 2)
	if err != nil {
		t.Fatal(err)
	}
	if nmi := figures[0].Value; nmi < 0.2 {
		t.Errorf("German themes have an NMI of %.3f", nmi)
	}
}

func TestVectorsAreThoseOfTheLanguage(t *testing.T) {
	docs := corpus("delivery", "login")
	if set := discover(t, docs, theme.Options{Seed: 1}); set.Reader != vector.English.Version() {
		t.Errorf("English is found with the vectors %s", set.Reader)
	}
	for i := range docs[:len(docs)/2+1] {
		docs[i].Language = "de"
	}
	if set := discover(t, docs, theme.Options{Seed: 1}); set.Reader != vector.Multilingual.Version() {
		t.Errorf("mostly German is found with the vectors %s", set.Reader)
	}
}

// A set that was found with English's vectors, as all once were, goes on with
// them; the themes of the next one inherit from it where they hold the same people.
func TestIdentityLastsFromEnglishVectorsToMultilingual(t *testing.T) {
	docs := corpus("delivery", "login")
	before := discover(t, docs, theme.Options{Seed: 1})
	for i := range docs {
		docs[i].Language = "de" // so that the same texts are found with the other vectors
	}
	after := discover(t, docs, theme.Options{Seed: 1, Previous: &before})
	if before.Reader == after.Reader {
		t.Fatalf("both with the vectors %s", after.Reader)
	}
	kept := map[string]bool{}
	for _, th := range before.Themes {
		kept[th.ID] = true
	}
	lasted := 0
	for _, th := range after.Themes {
		if kept[th.ID] {
			lasted++
		}
	}
	if lasted < 2 {
		t.Errorf("%d of %d themes kept their identity", lasted, len(before.Themes))
	}
	if as := assign(before, "where is my package? it should have arrived on monday"); !as.OK {
		t.Errorf("the set before assigns nothing any more: %+v", as)
	}
}

// Who says the same in three languages speaks of one theme, which is named in one of them.
func TestAcrossLanguages(t *testing.T) {
	var docs []theme.Doc
	for _, language := range []string{"en", "de", "es"} {
		b, err := os.ReadFile("../quality/testdata/themes_" + language + ".tsv")
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if _, text, ok := strings.Cut(line, "\t"); ok && i > 0 {
				docs = append(docs, theme.Doc{ID: fmt.Sprint(language, i), Text: text, Language: language})
			}
		}
	}
	set, err := theme.Discover(docs, theme.Options{Seed: 1})
	if err != nil || len(set.Themes) < 10 {
		t.Fatalf("%d themes, %v; want ten and more", len(set.Themes), err)
	}
	a, spoken := theme.NewAssigner(set), map[string]map[string]bool{}
	for _, d := range docs {
		x := a.Assign(d.Text)
		if spoken[x.ThemeID] == nil {
			spoken[x.ThemeID] = map[string]bool{}
		}
		spoken[x.ThemeID][d.Language] = true
	}
	all := 0
	for _, x := range set.Themes[:10] {
		if len(spoken[x.ID]) == 3 {
			all++
		}
	}
	if all < 8 {
		t.Errorf("of the ten greatest themes %d are spoken of in all three languages, want 8 and more", all)
	}
	for _, x := range set.Themes[:10] {
		if len(x.Keywords) == 0 || strings.Contains(x.Label, "various") {
			t.Errorf("theme %q of %d people has the keywords %q", x.Label, x.People, x.Keywords)
		}
	}
}

// A theme is written as its language writes it, also where another has the same stem, and by nothing that one person alone says.
func TestNamesOfOneLanguage(t *testing.T) {
	var docs []theme.Doc
	for i, text := range []string{"errors after the update", "more errors today", "errors on every page", "so many errors", "errors, nothing but errors"} {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("en", i), Text: text, Language: "en"})
	}
	for i, text := range []string{"la impresora da errores", "errores en la impresora otra vez", "más errores de la impresora", "errores, errores y la impresora parada", "otra vez errores de impresora", "errores de impresora sin fin, errores", "cuántos errores tiene esta impresora"} {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("es", i), Text: text, Language: "es"})
	}
	for i, text := range []string{"the invoice for June is missing", "I can't download my invoice", "Two invoices for one month", "Please send the invoice to Marlene"} {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("other", i), Text: text, Language: "en"})
	}
	set, err := theme.Discover(docs, theme.Options{Seed: 1})
	if err != nil || len(set.Themes) == 0 {
		t.Fatal(set, err)
	}
	for _, x := range set.Themes {
		t.Logf("%d people: %q, keywords %q", x.People, x.Label, x.Keywords)
		if all := x.Label + " " + strings.Join(x.Keywords, " "); strings.Contains(all, "errores") || strings.Contains(all, "marlene") || strings.Contains(all, "Marlene") {
			t.Errorf("%q, keywords %q", x.Label, x.Keywords)
		}
	}
}

// What everybody in a small community speaks of is a theme, not what all texts share.
func TestOneMatter(t *testing.T) {
	var docs []theme.Doc
	for i, text := range []string{
		"The printer jams on every second page", "my printer is offline again", "Printer prints blank sheets since Monday", "the printer takes ten minutes to wake up",
		"No colour comes out of the printer", "Printer keeps asking for cartridges it has", "the new printer smells burnt", "Scanning works but the printer doesn't",
		"printer lost the wifi after the update", "Our printer eats envelopes", "the printer shows error 49", "Printer feeds two sheets at once",
	} {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("a", i), Text: text, Language: "en"})
	}
	for i, text := range []string{
		"The invoice lists the wrong VAT number", "I can't download my invoice", "invoice for June is missing", "Please send the invoice to our accountant", "the invoice shows the old address", "Two invoices for one month",
	} {
		docs = append(docs, theme.Doc{ID: fmt.Sprint("b", i), Text: text, Language: "en"})
	}
	set, err := theme.Discover(docs[:12], theme.Options{Seed: 1})
	if err != nil || len(set.Themes) != 1 || set.Themes[0].People < 11 || !strings.Contains(set.Themes[0].Label, "printer") {
		t.Errorf("alone: %+v, %v; want one theme, the printer, of all twelve", set.Themes, err)
	}
	set, err = theme.Discover(docs, theme.Options{Seed: 1})
	if err != nil || len(set.Themes) != 2 || set.Themes[0].People < 11 || set.Themes[1].People < 5 {
		t.Errorf("beside invoices: %+v, %v; want the printer of twelve and the invoices of six", set.Themes, err)
	}
}
