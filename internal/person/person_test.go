package person_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/person"
	"rapport/internal/social"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// sets are persons as sets of accounts, "a+b c".
func sets(of map[string]string) string {
	members := map[string][]string{}
	for _, a := range slices.Sorted(maps.Keys(of)) {
		members[of[a]] = append(members[of[a]], a)
	}
	var out []string
	for _, list := range members {
		out = append(out, strings.Join(list, "+"))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func same(id string, at int, accounts ...string) person.Decision {
	return person.Decision{ID: id, At: noon.Add(time.Duration(at) * time.Minute), Verb: person.Same, One: accounts}
}

func apart(id string, at int, one, other []string) person.Decision {
	return person.Decision{ID: id, At: noon.Add(time.Duration(at) * time.Minute), Verb: person.Apart, One: one, Other: other}
}

func undo(id string, at int, of string) person.Decision {
	return person.Decision{ID: id, At: noon.Add(time.Duration(at) * time.Minute), Verb: person.Undo, Undoes: of}
}

func TestAPersonsIDIsMadeOfItsAccounts(t *testing.T) {
	a, b := social.HashID("acc", "a"), social.HashID("acc", "b")
	if got, want := person.ID(a), social.PersonID(a); got != want {
		t.Errorf("an account alone is %s, want %s as before", got, want)
	}
	if got, want := person.ID(b, a, b), person.ID(a, b); got != want {
		t.Errorf("in another order %s, want %s", got, want)
	}
	ids := map[string]bool{person.ID(a): true, person.ID(b): true, person.ID(a, b): true, person.ID("acc_x", "acc_y|acc_z"): true, person.ID("acc_x", "acc_y", "acc_z"): true}
	if len(ids) != 5 {
		t.Errorf("different sets have one id: %v", ids)
	}
}

func TestDecisions(t *testing.T) {
	five := []string{"a", "b", "c", "d", "e"}
	for _, c := range []struct {
		name      string
		accounts  []string
		ties      []person.Tie
		decisions []person.Decision
		want      string
	}{
		{"nothing said", five, nil, nil, "a b c d e"},
		{"a chain, its first link undone", []string{"a", "b", "c"}, nil, []person.Decision{same("1", 1, "a", "b"), same("2", 2, "b", "c"), undo("3", 3, "1")}, "a b+c"},
		{"a chain, its first link cut", []string{"a", "b", "c"}, nil, []person.Decision{same("1", 1, "a", "b"), same("2", 2, "b", "c"), apart("3", 3, []string{"a"}, []string{"b"})}, "a b+c"},
		{"one out of five", five, nil, []person.Decision{same("1", 1, five...), apart("2", 2, []string{"c"}, []string{"a", "b", "d", "e"})}, "a+b+d+e c"},
		{"two out of five", five, nil, []person.Decision{same("1", 1, five...), apart("2", 2, []string{"b", "d"}, []string{"a", "c", "e"})}, "a+c+e b+d"},
		{"an undone undo", []string{"a", "b"}, nil, []person.Decision{same("1", 1, "a", "b"), undo("2", 2, "1"), undo("3", 3, "2")}, "a+b"},
		{"apart beats what is certain", []string{"a", "b"}, []person.Tie{{A: "a", B: "b", Certain: true}}, []person.Decision{apart("1", 1, []string{"b"}, []string{"a"})}, "a b"},
		{"apart holds over a chain", []string{"a", "b", "c"}, []person.Tie{{A: "a", B: "b", Certain: true}, {A: "b", B: "c", Certain: true}}, []person.Decision{apart("1", 1, []string{"a"}, []string{"c"})}, "a+b c"},
		{"the newer decision wins", []string{"a", "b"}, nil, []person.Decision{apart("1", 1, []string{"a"}, []string{"b"}), same("2", 2, "a", "b")}, "a+b"},
		{"accounts that are gone", []string{"a"}, []person.Tie{{A: "a", B: "gone"}}, []person.Decision{same("1", 1, "a", "gone"), apart("2", 2, []string{"gone"}, []string{"a"})}, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sets(person.Persons(c.accounts, c.ties, c.decisions, nil)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLikelyTiesDontJoinWhoStandsAgainstEachOther(t *testing.T) {
	against := func(a, b string) bool { return a+b == "ac" || a+b == "ca" }
	ties := []person.Tie{{A: "a", B: "b", Bits: 20}, {A: "b", B: "c", Bits: 10}}
	if got := sets(person.Persons([]string{"a", "b", "c"}, ties, nil, against)); got != "a+b c" {
		t.Errorf("got %s: the heavier tie stands, the other would join a and c", got)
	}
	ties[1].Certain = true
	if got := sets(person.Persons([]string{"a", "b", "c"}, ties, nil, against)); got != "a b+c" {
		t.Errorf("got %s: what is certain comes first", got)
	}
}

// Over thousands of random histories: the order of everything doesn't matter,
// and a merge that is undone leaves what there was, to the byte.
func TestRandomDecisions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for run := range 10_000 {
		n := 2 + r.IntN(7)
		accounts := make([]string, n)
		for i := range accounts {
			accounts[i] = fmt.Sprintf("acc_%c", 'a'+i)
		}
		some := func() []string {
			var out []string
			for _, a := range accounts {
				if r.IntN(3) == 0 {
					out = append(out, a)
				}
			}
			return out
		}
		one := func() string { return accounts[r.IntN(n)] }
		var ties []person.Tie
		for range r.IntN(6) {
			ties = append(ties, person.Tie{A: one(), B: one(), Certain: r.IntN(2) == 0, Bits: float64(r.IntN(4))})
		}
		var decisions []person.Decision
		for i := range r.IntN(8) {
			d := person.Decision{ID: fmt.Sprint(i), At: noon.Add(time.Duration(r.IntN(5)) * time.Minute), Verb: []person.Verb{person.Same, person.Apart, person.Undo}[r.IntN(3)], One: some(), Other: some(), Undoes: fmt.Sprint(r.IntN(8))}
			decisions = append(decisions, d)
		}
		forbidden := map[string]bool{}
		for range r.IntN(3) {
			forbidden[one()+one()] = true
		}
		against := func(a, b string) bool { return forbidden[a+b] || forbidden[b+a] }
		want := person.Persons(accounts, ties, decisions, against)

		a, ti, d := slices.Clone(accounts), slices.Clone(ties), slices.Clone(decisions)
		r.Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
		r.Shuffle(len(ti), func(i, j int) { ti[i], ti[j] = ti[j], ti[i] })
		for i := range ti {
			if r.IntN(2) == 0 {
				ti[i].A, ti[i].B = ti[i].B, ti[i].A
			}
		}
		r.Shuffle(len(d), func(i, j int) { d[i], d[j] = d[j], d[i] })
		if diff := cmp.Diff(want, person.Persons(a, ti, d, against)); diff != "" {
			t.Fatalf("run %d: another order gives others: %s\n%+v\n%+v", run, diff, ties, decisions)
		}

		more := append(slices.Clone(decisions), same("x", 10, one(), one()), undo("y", 11, "x"))
		if diff := cmp.Diff(want, person.Persons(accounts, ties, more, against)); diff != "" {
			t.Fatalf("run %d: merged and unmerged is not what was: %s", run, diff)
		}
		p, q := one(), one()
		if p != q {
			parted := person.Persons(accounts, ties, append(more, apart("z", 12, []string{p}, []string{q})), against)
			if parted[p] == parted[q] {
				t.Fatalf("run %d: %s and %s are one person though the newest decision says no", run, p, q)
			}
		}
	}
}

func TestASharedDeviceJoinsNobody(t *testing.T) {
	signIns := []person.SignIn{{At: noon.Add(24 * time.Hour), Account: "c"}, {At: noon, Account: "b"}}
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{-time.Hour, "b"}, {0, "b"}, {23 * time.Hour, "b"}, {24 * time.Hour, "c"}, {48 * time.Hour, "c"}} {
		if got := person.VisitorOf(signIns, noon.Add(c.after)); got != c.want {
			t.Errorf("a visit %s after noon is %q's, want %q", c.after, got, c.want)
		}
	}
	if got := person.VisitorOf(nil, noon); got != "" {
		t.Errorf("a visit where nobody signed in is %q's", got)
	}
}
