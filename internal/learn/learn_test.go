package learn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/learn"
	"rapport/internal/stats"
)

// people are rows whose truth is known: more visits make a win likelier, age
// does up to the middle and from there on less, a town does, what is not known does, and ids and noise do nothing.
func people(seed uint64, n int) (header []string, rows [][]string, truth []float64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range n {
		visits, age := rng.IntN(30), 18+rng.IntN(60)
		town := []string{"Köln", "Bonn", "Ulm"}[rng.IntN(3)]
		budget, z := strconv.Itoa(rng.IntN(1000)*10), -2.5+0.08*float64(visits)
		z += 1.5 - math.Abs(float64(age-48))/10
		z += map[string]float64{"Köln": 1}[town]
		if rng.IntN(5) == 0 {
			budget = []string{"", "?", "NA"}[rng.IntN(3)]
			z -= 1
		}
		won := "no"
		if rng.Float64() < 1/(1+math.Exp(-z)) {
			won = "yes"
		}
		rows = append(rows, []string{fmt.Sprintf("id%d", i), strconv.Itoa(visits), strconv.Itoa(age), town, budget, fmt.Sprintf("v%d", rng.IntN(n/2)), "same", won})
		truth = append(truth, z)
	}
	return []string{"id", "visits", "age", "town", "budget", "rare", "constant", "won"}, rows, truth
}

func tableOf(t *testing.T, header []string, rows [][]string) *learn.Table {
	t.Helper()
	tab := learn.NewTable(header)
	for _, r := range rows {
		if err := tab.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return tab
}

func quiet(string, ...any) {}

// learned splits a table whose last column is the outcome and learns from one part.
func learned(t *testing.T, tab *learn.Table, positive string) (card *learn.Card, train, test []int, is []bool) {
	t.Helper()
	target := len(tab.Names) - 1
	is = tab.Is(target, positive)
	train, test = tab.Split(is, -1, 0.3, 1)
	card, err := learn.Learn(tab, train, is, learn.Options{Target: target, Group: -1, Seed: 1, Progress: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return card, train, test, is
}

func attribute(card *learn.Card, name string) *learn.Attribute {
	for _, a := range card.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

func TestTheCardFindsWhatIsTrue(t *testing.T) {
	header, rows, truth := people(1, 6000)
	tab := tableOf(t, header, rows)
	card, _, test, is := learned(t, tab, "yes")
	var y []bool
	var points, best []float64
	for _, i := range test {
		y, points, best = append(y, is[i]), append(points, float64(card.Score(tab, i).Points)), append(best, truth[i])
	}
	got, _ := stats.AUC(y, points)
	most, _ := stats.AUC(y, best)
	if got < most-0.01 {
		t.Errorf("AUC %v, the truth has %v", got, most)
	}
	if a := attribute(card, "visits"); a == nil || a.Shape != learn.Rising {
		t.Errorf("visits: %+v", a)
	} else if !slices.IsSortedFunc(a.Levels, func(x, y learn.Level) int { return x.Points - y.Points }) {
		t.Errorf("the points of visits do not rise: %+v", a.Levels)
	}
	if a := attribute(card, "age"); a == nil || a.Shape != learn.Free {
		t.Errorf("age goes up and down: %+v", a)
	}
	level := func(name, of string) (l learn.Level) {
		for _, l = range attribute(card, name).Levels {
			if l.Name == of {
				return l
			}
		}
		t.Fatalf("%s has no level %q", name, of)
		return l
	}
	// A weight of 1 in log odds is 28.9 points.
	if d := level("town", "Köln").Points - level("town", "Ulm").Points; d < 22 || d > 36 {
		t.Errorf("Köln is worth %d points more than Ulm, want about 29", d)
	}
	if p := level("budget", "missing").Points; p > -15 || p < -32 {
		t.Errorf("an unknown budget is worth %d points, want about -23 against the average", p)
	}
	for _, name := range []string{"id", "constant", "rare"} {
		i := slices.IndexFunc(card.Notes, func(n learn.Note) bool { return n.Attribute == name && n.Left })
		if attribute(card, name) != nil || i < 0 {
			t.Errorf("%s is not left out: %+v", name, card.Notes)
		}
	}
	if p := 1 / (1 + math.Exp(-card.Intercept)); math.Abs(learn.Chance(float64(card.Base))-p) > 0.01 {
		t.Errorf("the base %d says %v, the model %v", card.Base, learn.Chance(float64(card.Base)), p)
	}
}

func TestPointsAddUpToTheScore(t *testing.T) {
	header, rows, _ := people(2, 1500)
	tab := tableOf(t, header, rows)
	card, _, _, _ := learned(t, tab, "yes")
	lines := card.Rows("yes")
	for i := range tab.Len() {
		sum, levels := lines[0].Points, 0
		for _, l := range lines[1:] {
			c := slices.Index(header, l.Attribute)
			if holds(l.Level, tab.Cell(i, c)) {
				sum += l.Points
				levels++
			}
		}
		if got := card.Score(tab, i).Points; got != sum || levels != len(card.Attributes) {
			t.Fatalf("row %d %v: %d points, its %d lines add up to %d", i, rows[i], got, levels, sum)
		}
	}
}

// holds reads the level as a person would.
func holds(level, cell string) bool {
	x, err := strconv.Atoi(cell)
	if err != nil {
		return level == cell || level == "missing" && (cell == "" || cell == "?" || cell == "NA")
	}
	var lo, hi int
	switch {
	case strings.HasPrefix(level, "up to "):
		fmt.Sscanf(level, "up to %d", &hi)
		return x <= hi
	case strings.HasSuffix(level, " or more"):
		fmt.Sscanf(level, "%d or more", &lo)
		return x >= lo
	case strings.Contains(level, " to "):
		fmt.Sscanf(level, "%d to %d", &lo, &hi)
		return x >= lo && x <= hi
	}
	return level == cell
}

func TestTheOrderOfTheRowsDoesNotMatter(t *testing.T) {
	header, rows, _ := people(3, 1200)
	tab := tableOf(t, header, rows)
	want, train, test, _ := learned(t, tab, "yes")
	mixed := slices.Clone(rows)
	rand.New(rand.NewPCG(9, 9)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	tab2 := tableOf(t, header, mixed)
	got, train2, test2, _ := learned(t, tab2, "yes")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("another card: %+v\n%+v", got.Rows("yes"), want.Rows("yes"))
	}
	ids := func(tab *learn.Table, rows []int) (out []string) {
		for _, i := range rows {
			out = append(out, tab.Cell(i, 0))
		}
		return out
	}
	if !slices.Equal(ids(tab2, test2), ids(tab, test)) || !slices.Equal(ids(tab2, train2), ids(tab, train)) {
		t.Error("the rows are dealt out otherwise")
	}
}

func TestSplit(t *testing.T) {
	header, rows, _ := people(4, 1000)
	tab := tableOf(t, header, rows)
	is := tab.Is(7, "yes")
	share := func(rows []int) float64 {
		n := 0.0
		for _, i := range rows {
			if is[i] {
				n++
			}
		}
		return n / float64(len(rows))
	}
	train, test := tab.Split(is, -1, 0.25, 1)
	if len(test) != 250 || len(train) != 750 || math.Abs(share(train)-share(test)) > 0.003 {
		t.Errorf("%d and %d rows, %v and %v of them positive", len(train), len(test), share(train), share(test))
	}
	if _, other := tab.Split(is, -1, 0.25, 2); slices.Equal(other, test) {
		t.Error("the seed does nothing")
	}
	if all := slices.Sorted(slices.Values(slices.Concat(train, test))); len(slices.Compact(all)) != 1000 {
		t.Error("a row is in both parts, or in none")
	}
	train, test = tab.Split(is, 5, 0.25, 1)
	side := map[string]int{}
	for part, rows := range [][]int{train, test} {
		for _, i := range rows {
			if side[tab.Cell(i, 5)] |= 1 << part; side[tab.Cell(i, 5)] == 3 {
				t.Fatalf("%s is in both parts", tab.Cell(i, 5))
			}
		}
	}
	if len(test) < 230 || len(test) > 270 || len(train)+len(test) != 1000 {
		t.Errorf("by groups: %d and %d rows", len(train), len(test))
	}
}

func TestNumbersAreReadAsTheyAreWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var rows [][]string
	for i := range 600 {
		x := rng.Float64() * 10
		won := strconv.FormatBool(rng.Float64() < x/10)
		price := strings.Replace(strconv.FormatFloat(x, 'f', 2, 64), ".", ",", 1)
		if i%50 == 0 {
			price = "on request"
		}
		rows = append(rows, []string{price, strconv.Itoa(1_000_000 + i), strconv.FormatFloat(rng.NormFloat64(), 'f', 9, 64), won})
	}
	card, _, _, _ := learned(t, tableOf(t, []string{"price", "number", "unique", "won"}, rows), "true")
	a := attribute(card, "price")
	if a == nil || a.Shape != learn.Rising || !slices.ContainsFunc(a.Levels, func(l learn.Level) bool { return l.Name == "no number" && l.Rows > 0 }) {
		t.Errorf("decimal commas: %+v", a)
	}
	for _, n := range card.Notes {
		if n.Attribute == "number" && n.Text != "it is an id: no two rows have the same" || n.Attribute == "unique" && strings.Contains(n.Text, "id") {
			t.Errorf("%+v", n)
		}
	}
	if attribute(card, "number") != nil {
		t.Error("numbers counted up are no id")
	}
}

func TestWhatTellsTheOutcomeIsTold(t *testing.T) {
	header, rows, _ := people(6, 800)
	for i, r := range rows {
		rows[i] = append([]string{map[string]string{"yes": "signed", "no": "-"}[r[7]]}, r...)
	}
	card, _, _, _ := learned(t, tableOf(t, append([]string{"contract"}, header...), rows), "yes")
	if i := slices.IndexFunc(card.Notes, func(n learn.Note) bool { return n.Attribute == "contract" }); i < 0 || card.Notes[i].Left || !strings.Contains(card.Notes[i].Text, "AUC 1.000") {
		t.Errorf("%+v", card.Notes)
	}
	if attribute(card, "contract") == nil {
		t.Error("it is left out, which is not for us to say")
	}
}

func TestTooLittleIsRefused(t *testing.T) {
	header, rows, _ := people(7, 60)
	for i := range rows {
		rows[i][7] = map[bool]string{true: "yes", false: "no"}[i < 10]
	}
	tab := tableOf(t, header, rows)
	var all []int
	for i := range rows {
		all = append(all, i)
	}
	o := learn.Options{Target: 7, Group: -1, Progress: quiet}
	if _, err := learn.Learn(tab, all, tab.Is(7, "yes"), o); err == nil || err.Error() != "not enough data: 10 rows of the rarer class, 15 are needed" {
		t.Errorf("%v", err)
	}
	var dull [][]string
	for i := range 100 {
		dull = append(dull, []string{"x", fmt.Sprint("id", i), strconv.FormatBool(i%2 == 0)})
	}
	tab = tableOf(t, []string{"a", "b", "won"}, dull)
	all = all[:0]
	for i := range dull {
		all = append(all, i)
	}
	if _, err := learn.Learn(tab, all, tab.Is(2, "true"), learn.Options{Target: 2, Group: -1, Progress: quiet}); err == nil || !strings.Contains(err.Error(), "no column says anything") {
		t.Errorf("%v", err)
	}
	if err := tab.Add([]string{"x"}); err == nil || err.Error() != "it has 1 fields and the header 3" {
		t.Errorf("%v", err)
	}
}

// Noise alone must not look like knowledge.
func TestNoiseIsHeldBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var rows [][]string
	for range 400 {
		var r []string
		for range 10 {
			r = append(r, strconv.Itoa(rng.IntN(50)))
		}
		rows = append(rows, append(r, strconv.FormatBool(rng.IntN(4) == 0)))
	}
	header := strings.Split("a b c d e f g h i j won", " ")
	card, _, _, _ := learned(t, tableOf(t, header, rows), "true")
	for _, l := range card.Rows("won")[1:] {
		if l.Points > 12 || l.Points < -12 {
			t.Errorf("noise is worth points: %+v", l)
		}
	}
}

func TestDriftIsSeen(t *testing.T) {
	header, rows, _ := people(10, 2000)
	tab := tableOf(t, header, rows)
	card, train, test, _ := learned(t, tab, "yes")
	if d := card.Drift(tab, train, test); d.Points > 0.05 || slices.Max(d.Attributes) > 0.05 {
		t.Errorf("rows drawn alike: %+v", d)
	}
	few := func(rows []int, to bool) []int {
		c := slices.Index(header, "visits")
		return slices.DeleteFunc(slices.Clone(rows), func(i int) bool {
			n, _ := strconv.Atoi(tab.Cell(i, c))
			return n > 10 == to
		})
	}
	d := card.Drift(tab, few(train, true), few(test, false))
	k := slices.IndexFunc(card.Attributes, func(a *learn.Attribute) bool { return a.Name == "visits" })
	if d.Points < learn.Drifted || d.Attributes[k] < learn.Drifted {
		t.Errorf("few visits then, many now: %+v", d)
	}
}

func TestSentences(t *testing.T) {
	header, rows, _ := people(1, 3000)
	card, _, _, _ := learned(t, tableOf(t, header, rows), "yes")
	for _, l := range card.Rows("yes") {
		want := fmt.Sprintf("%d points double the odds", learn.DoubleOdds)
		if l.Attribute != "(base)" {
			want = fmt.Sprintf("(%.1f %% of the rows, %.1f %% of them \"yes\"): %d point", 100*l.Share, 100*l.Positive, l.Points)
		}
		if !strings.Contains(l.Sentence, want) {
			t.Errorf("%q has no %q", l.Sentence, want)
		}
	}
}
