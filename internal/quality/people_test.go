package quality

import (
	"path/filepath"
	"testing"
)

func TestFiguresOfPersons(t *testing.T) {
	truth := map[string]string{"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b", "c1": "c"}
	// Of a's three pairs one is found; b is whole; c stands wrongly with a3.
	of := map[string]string{"a1": "1", "a2": "1", "a3": "2", "c1": "2", "b1": "3", "b2": "3"}
	want := map[string]float64{"x_precision": 2.0 / 3, "x_recall": 2.0 / 4, "x_f1": 4.0 / 7}
	for _, f := range figures("x", truth, of) {
		if d := f.Value - want[f.Name]; d > 1e-9 || d < -1e-9 {
			t.Errorf("%s is %g, want %g", f.Name, f.Value, want[f.Name])
		}
		if !(f.Low <= f.Value && f.Value <= f.High) {
			t.Errorf("%s lies outside its interval: %+v", f.Name, f)
		}
	}
}

func TestNamesInOtherScripts(t *testing.T) {
	list, err := Names(filepath.Join("testdata", "names.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	least := map[string]float64{"names_all_precision": 0.92, "names_all_recall": 0.95}
	for _, f := range list {
		if m, ok := least[f.Name]; ok && f.Value < m {
			t.Errorf("%s is %.3f, below %.2f", f.Name, f.Value, m)
		}
		delete(least, f.Name)
	}
	if len(least) > 0 {
		t.Errorf("not measured: %v", least)
	}
}

// Where persons are made, who is joined is one person in 99 of 100 pairs, and
// some are joined.
func TestMadePersons(t *testing.T) {
	for name, known := range map[string][]Known{"rows": Rows(3, 150), "community": Community(3, 400)} {
		for _, f := range People(name, known) {
			if f.Name == name+"_precision" && f.Value < 0.99 || f.Name == name+"_recall" && f.Value < map[string]float64{"rows": 0.9, "community": 0.1}[name] {
				t.Errorf("%s is %.4f", f.Name, f.Value)
			}
		}
	}
}
