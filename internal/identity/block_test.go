package identity

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// someone makes an account of a large workspace: common names and companies,
// handles made of names, e-mails of some.
func someone(i int) Account {
	r := rand.New(rand.NewPCG(5, uint64(i)))
	draw := func(n int) int { x := r.Float64(); return int(float64(n) * x * x * x) }
	given, family := fmt.Sprintf("gi%sn", letters(draw(2000))), fmt.Sprintf("fam%sy", letters(draw(30_000)))
	a := Account{ID: fmt.Sprintf("acc_%08d", i), Platform: []string{"github", "x", "discord"}[r.IntN(3)], Name: given + " " + family, Handle: given + family, Company: "Firm " + letters(draw(5000)), Location: "Town" + letters(draw(500))}
	switch r.IntN(4) {
	case 0:
		a.Handle = given + strconv.Itoa(r.IntN(100))
	case 1:
		a.Handle = "nick" + letters(draw(100_000))
	}
	if r.IntN(3) == 0 {
		a.Emails = []string{given + "." + family + "@firm" + letters(draw(5000)) + ".com"}
	}
	return a
}

func letters(n int) string {
	s := ""
	for range 4 {
		s += string(rune('a' + n%26))
		n /= 26
	}
	return s
}

// What a new account is compared with doesn't grow with the workspace. The
// bench runs it up to a million accounts.
func TestCandidatesStayFew(t *testing.T) {
	largest := 30_000
	if s := os.Getenv("RAPPORT_GROWTH"); s != "" {
		largest, _ = strconv.Atoi(s)
	}
	const fresh = 300
	hash := func(k string) uint64 { h := fnv.New64a(); h.Write([]byte(k)); return h.Sum64() }
	wanted := map[uint64][]int32{}
	keys := make([][]string, fresh)
	for i := range fresh {
		keys[i] = profileOf(someone(-1 - i)).keys()
		for _, k := range keys[i] {
			wanted[hash(k)] = nil
		}
	}
	at := 0
	for n := 1000; n <= largest; n *= 10 {
		for ; at < n; at++ {
			for _, k := range profileOf(someone(at)).keys() {
				// One more than a block may have is enough to know that it is too large.
				if l, ok := wanted[hash(k)]; ok && len(l) <= MaxBlock {
					wanted[hash(k)] = append(l, int32(at))
				}
			}
		}
		sum, most, entries := 0, 0, 0
		for i := range fresh {
			var lists [][]int32
			read := 0
			for _, k := range keys[i] {
				lists = append(lists, wanted[hash(k)])
				read += len(wanted[hash(k)])
			}
			c := len(closest(lists, -1))
			sum, most, entries = sum+c, max(most, c), max(entries, read)
		}
		t.Logf("beside %d accounts: %.1f candidates on average, %d at most, %d entries read at most", n, float64(sum)/fresh, most, entries)
		if most > MaxCandidates || entries > MaxKeys*(MaxBlock+1) {
			t.Errorf("beside %d accounts %d candidates and %d entries", n, most, entries)
		}
		if sum == 0 {
			t.Errorf("beside %d accounts nobody is compared with anybody", n)
		}
	}
}

// Everyone of a key that is not too large is found, also those who share but one.
func TestPairsShareAKey(t *testing.T) {
	var all []*profile
	for i := range 300 {
		all = append(all, profileOf(someone(i)))
	}
	got := map[pair]bool{}
	for _, p := range pairsOf(all) {
		got[p] = true
	}
	keys, counts := make([][]string, len(all)), map[string]int{}
	for i, p := range all {
		keys[i] = p.keys()
		for _, k := range keys[i] {
			counts[k]++
		}
	}
	n := 0
	for j := range all {
		for i := range j {
			shared := slices.ContainsFunc(keys[i], func(k string) bool { return counts[k] <= MaxBlock && slices.Contains(keys[j], k) })
			if shared {
				n++
			}
			if found := got[pair{i, j}]; found != shared {
				t.Fatalf("%d and %d: found %t, share a key %t", i, j, found, shared)
			}
		}
	}
	if n == 0 {
		t.Error("no two share a key")
	}
}
