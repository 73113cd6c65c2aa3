package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// customers is a file whose churn depends on the months and the plan.
func customers(n int, separator string) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	fmt.Fprintln(&b, strings.Join([]string{"id", "months", "plan", "größe", "person", "churn"}, separator))
	for i := range n {
		months, plan, size := rng.IntN(60), []string{"basic", "pro"}[rng.IntN(2)], "?"
		z := 1 - 0.06*float64(months)
		if plan == "basic" {
			z++
		}
		if rng.IntN(3) > 0 {
			size = fmt.Sprint(rng.IntN(40))
		}
		churn := "no"
		if rng.Float64() < 1/(1+math.Exp(-z)) {
			churn = "yes"
		}
		fmt.Fprintln(&b, strings.Join([]string{fmt.Sprint("c", i), fmt.Sprint(months), plan, size, fmt.Sprint("p", i/3), churn}, separator))
	}
	return b.String()
}

func learnArgs(file string, more ...string) []string {
	return append([]string{"learn", "--target", "churn", "--positive", "yes", "--test-share", "0.3", "--seed", "7", file}, more...)
}

type learnedLine struct {
	Type, Attribute, Level, Sentence string
	LeftOut                          bool `json:"left_out"`
	Points                           int
	Share                            float64
	AUC                              float64
	Low                              float64 `json:"auc_low"`
	High                             float64 `json:"auc_high"`
	Accuracy                         float64
	TestRows                         int `json:"test_rows"`
	TrainRows                        int `json:"train_rows"`
	Skipped                          int `json:"skipped_rows"`
	Unrounded                        struct{ AUC float64 }
}

func TestLearnPrintsACardAndHowGoodItIs(t *testing.T) {
	got := call("", learnArgs(file(t, "c.csv", customers(2000, ",")))...)
	if got.code != exitOK {
		t.Fatalf("code %d, %s", got.code, got.err)
	}
	all := lines[learnedLine](t, got.out)
	last := all[len(all)-1]
	if all[0].Type != "row" || all[0].Attribute != "(base)" || last.Type != "figures" {
		t.Fatalf("%s", got.out)
	}
	if last.AUC < 0.72 || !(last.Low < last.AUC && last.AUC < last.High) || math.Abs(last.AUC-last.Unrounded.AUC) > 0.005 || last.TestRows != 600 || last.TrainRows != 1400 {
		t.Errorf("%+v", last)
	}
	seen := map[string]bool{}
	shares := map[string]float64{}
	for _, l := range all[:len(all)-1] {
		seen[l.Type+" "+l.Attribute+" "+l.Level] = true
		if l.Sentence == "" {
			t.Errorf("%+v has no sentence", l)
		}
		if l.Type == "row" {
			shares[l.Attribute] += l.Share
		}
	}
	for _, want := range []string{"row plan basic", "row plan pro", "note id ", "note person "} {
		if !seen[want] {
			t.Errorf("no %q in %s", want, got.out)
		}
	}
	for a, s := range shares {
		if math.Abs(s-1) > 0.002 {
			t.Errorf("the shares of %s add up to %v", a, s)
		}
	}
	var figures map[string]any
	if err := json.Unmarshal([]byte(got.out[strings.LastIndex(strings.TrimSpace(got.out), "\n")+1:]), &figures); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"auc", "auc_low", "auc_high", "accuracy", "accuracy_low", "accuracy_high", "brier", "log_loss", "precision_top_10", "lift_top_1", "calibration", "psi", "unrounded"} {
		if _, ok := figures[key]; !ok {
			t.Errorf("the figures have no %s", key)
		}
	}
}

func TestLearnReadsWhatSpreadsheetsWrite(t *testing.T) {
	want := call("", learnArgs(file(t, "c.csv", customers(400, ",")))...)
	if want.code != exitOK {
		t.Fatal(want.err)
	}
	latin1 := strings.NewReplacer("ö", "\xf6", "ß", "\xdf").Replace(customers(400, ";"))
	for name, content := range map[string]string{
		"semicolons": customers(400, ";"), "tabs": customers(400, "\t"), "bars": customers(400, "|"),
		"a byte order mark and CRLF": "\uFEFF" + strings.ReplaceAll(customers(400, ";"), "\n", "\r\n"),
		"blanks after commas":        customers(400, ", "), "Latin-1": latin1,
	} {
		got := call("", learnArgs(file(t, "c.csv", content))...)
		if got.code != exitOK || got.out != want.out {
			t.Errorf("%s: code %d, %s\n%s", name, got.code, got.err, got.out)
		}
		if said := strings.Contains(got.err, "read as Windows-1252"); said != (name == "Latin-1") {
			t.Errorf("%s: %s", name, got.err)
		}
	}
}

func TestLearnSaysTheSameForASeed(t *testing.T) {
	f := file(t, "c.csv", customers(600, ","))
	a, b, c := call("", learnArgs(f)...), call("", learnArgs(f)...), call("", learnArgs(f, "--seed", "8")...)
	if a.code != exitOK || a.out != b.out || a.out == c.out {
		t.Errorf("%s\n%s\n%s", a.err, a.out, b.out)
	}
}

func TestLearnSkipsRowsThatCannotBeUsed(t *testing.T) {
	whole := customers(600, ",")
	broken := strings.Replace(whole, "\n", "\nc9,3,pro\nx,1,pro,2,p,\nx,1,\"pr\"o\",2,p,yes\n", 1)
	got := call("", learnArgs(file(t, "c.csv", broken))...)
	if got.code != exitOK {
		t.Fatal(got.err)
	}
	for _, want := range []string{"line 2 is skipped: it has 3 fields and the header 6", "line 3 is skipped: its outcome (churn) is not known", "line 4 is skipped: ", "3 rows are skipped, 600 can be used"} {
		if !strings.Contains(got.err, want) {
			t.Errorf("no %q in %s", want, got.err)
		}
	}
	all := lines[learnedLine](t, got.out)
	clean := lines[learnedLine](t, call("", learnArgs(file(t, "c.csv", whole))...).out)
	if last, want := all[len(all)-1], clean[len(clean)-1]; last.Skipped != 3 || last.AUC != want.AUC {
		t.Errorf("%+v, want %+v", last, want)
	}
}

func TestLearnKeepsAGroupOnOneSide(t *testing.T) {
	f := file(t, "c.csv", customers(1500, ","))
	got := call("", learnArgs(f, "--group", "person")...)
	if got.code != exitOK {
		t.Fatal(got.err)
	}
	all := lines[learnedLine](t, got.out)
	if last := all[len(all)-1]; last.TestRows%3 != 0 || last.TestRows < 420 || last.TestRows > 480 {
		t.Errorf("groups of three give %d rows to judge by", last.TestRows)
	}
}

func TestLearnSaysWhatIsWrong(t *testing.T) {
	good := file(t, "c.csv", customers(300, ","))
	few := file(t, "few.csv", customers(20, ","))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"learn", good}, exitMisuse, "missing flags: --positive=VALUE, --target=COLUMN"},
		{learnArgs(good, "--test-share", "1"), exitMisuse, "--test-share 1 is no share between 0 and 1, such as 0.3"},
		{learnArgs(good, "--test-share=-0.1"), exitMisuse, "is no share between 0 and 1"},
		{learnArgs(good, "--target", "left"), exitMisuse, `--target: there is no column "left"; there are "id", "months", "plan", "größe", "person", "churn"`},
		{learnArgs(good, "--group", "who"), exitMisuse, `--group: there is no column "who"`},
		{learnArgs(good, "--group", "churn"), exitMisuse, "--group and --target are the same column"},
		{learnArgs(good, "--positive", "Yes"), exitMisuse, `--positive: "Yes" is never in the column "churn"; there are `},
		{learnArgs(file(t, "one.csv", strings.ReplaceAll(customers(300, ","), ",no\n", ",yes\n"))), exitFailed, `all 300 rows have the outcome "yes": rows with another are needed`},
		{learnArgs(few), exitFailed, "not enough data: "},
		{learnArgs(good, "--test-share", "0.01"), exitFailed, "judge by 3 rows: not enough data: 3 outcomes, 20 are needed (a larger --test-share leaves more to judge by)"},
		{learnArgs(file(t, "empty.csv", "")), exitFailed, "it is empty: a header and rows are needed"},
		{learnArgs(file(t, "head.csv", "churn,a\n")), exitFailed, "it has no row that can be used"},
		{learnArgs(file(t, "twice.csv", "churn,a,a\nyes,1,2\n")), exitFailed, `two columns are named "a": rename one`},
		{learnArgs("/no/such/file.csv"), exitFailed, "no such file"},
	} {
		got := call("", c.args...)
		if got.code != c.code || !strings.Contains(got.err, c.want) || got.out != "" {
			t.Errorf("%v: code %d, %q, %q; want %q", c.args, got.code, got.err, got.out, c.want)
		}
	}
}
