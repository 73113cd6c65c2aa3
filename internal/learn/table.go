package learn

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

// What a table holds at most: 4 bytes a cell and each different text once, so
// that learning from the largest takes about 1.5 GB.
const (
	maxCells = 50_000_000
	maxText  = 200 << 20 // bytes
)

// Table is rows of texts under named columns.
type Table struct {
	Names   []string
	columns []column
	rows    int
	text    int // bytes
}

// column holds each different text once.
type column struct {
	words []string
	code  map[string]uint32
	cells []uint32
}

// NewTable returns a table without rows.
func NewTable(names []string) *Table {
	t := &Table{Names: names, columns: make([]column, len(names))}
	for c := range t.columns {
		t.columns[c].code = map[string]uint32{}
	}
	return t
}

// Add adds a row of as many texts as there are columns. It keeps nothing of the
// slice, and leaves out the blanks around each text.
func (t *Table) Add(row []string) error {
	if len(row) != len(t.Names) {
		return fmt.Errorf("it has %d fields and the header %d", len(row), len(t.Names))
	}
	if (t.rows+1)*len(t.Names) > maxCells || t.text > maxText {
		return fmt.Errorf("it does not fit: %d rows of %d columns are the most that are learned from at once; give a random part of the rows, or fewer columns", t.rows, len(t.Names))
	}
	for c, s := range row {
		col := &t.columns[c]
		s = strings.TrimSpace(s)
		code, ok := col.code[s]
		if !ok {
			s = strings.Clone(s)
			code = uint32(len(col.words))
			col.words, col.code[s] = append(col.words, s), code
			t.text += len(s)
		}
		col.cells = append(col.cells, code)
	}
	t.rows++
	return nil
}

// Len is the number of rows.
func (t *Table) Len() int { return t.rows }

// Cell is what a row says in a column.
func (t *Table) Cell(row, column int) string {
	c := &t.columns[column]
	return c.words[c.cells[row]]
}

// Is tells by row whether a column says so.
func (t *Table) Is(column int, value string) []bool {
	out := make([]bool, t.rows)
	code, ok := t.columns[column].code[value]
	for i, c := range t.columns[column].cells {
		out[i] = ok && c == code
	}
	return out
}

// Values counts what a column says, the most frequent first.
func (t *Table) Values(column int) []Count {
	return t.columns[column].count(nil, t.rows)
}

// Count says how often something is there.
type Count struct {
	Value string
	Rows  int
}

// count counts the texts of the rows; of all n where none are named.
func (c *column) count(rows []int, n int) []Count {
	counts := make([]Count, len(c.words))
	for code, w := range c.words {
		counts[code].Value = w
	}
	if rows == nil {
		for i := range n {
			counts[c.cells[i]].Rows++
		}
	}
	for _, i := range rows {
		counts[c.cells[i]].Rows++
	}
	counts = slices.DeleteFunc(counts, func(k Count) bool { return k.Rows == 0 })
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Value, b.Value))
	})
	return counts
}

// Split deals the rows out at random, each class by itself, so that both parts
// have the same share of positives. Which part a row comes to depends on what it says and on the
// seed, not on where it stands. With a group (a column; -1: none) rows
// that say the same there come to the same part; then the parts are as near to the share
// as the groups allow.
func (t *Table) Split(positive []bool, group int, testShare float64, seed uint64) (train, test []int) {
	all := make([]int, t.rows)
	for i := range all {
		all[i] = i
	}
	all = t.shuffled(all, seed)
	if group >= 0 {
		return t.splitGroups(all, positive, group, testShare, seed)
	}
	for _, class := range []bool{false, true} {
		rows := slices.DeleteFunc(slices.Clone(all), func(i int) bool { return positive[i] != class })
		n := int(math.Round(testShare * float64(len(rows))))
		test, train = append(test, rows[:n]...), append(train, rows[n:]...)
	}
	return train, test
}

// splitGroups deals out whole groups, those with a positive and those without by themselves.
func (t *Table) splitGroups(all []int, positive []bool, group int, testShare float64, seed uint64) (train, test []int) {
	col := &t.columns[group]
	has := make([]bool, len(col.words))
	for _, i := range all {
		has[col.cells[i]] = has[col.cells[i]] || positive[i]
	}
	groups := make([]uint32, len(col.words))
	keys := make([]uint64, len(col.words))
	for g, w := range col.words {
		groups[g], keys[g] = uint32(g), hash(seed, w)
	}
	slices.SortFunc(groups, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(col.words[a], col.words[b]))
	})
	counts := make([]int, len(col.words))
	var rows, taken [2]int
	for _, i := range all {
		counts[col.cells[i]]++
		rows[class(has[col.cells[i]])]++
	}
	in := make([]bool, len(col.words))
	for _, g := range groups {
		c := class(has[g])
		if float64(taken[c])+float64(counts[g])/2 <= testShare*float64(rows[c]) {
			in[g] = true
			taken[c] += counts[g]
		}
	}
	for _, i := range all {
		if in[col.cells[i]] {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	return train, test
}

func class(positive bool) int {
	if positive {
		return 1
	}
	return 0
}

// shuffled returns the rows in a random order that depends on what they say and the seed,
// not on the order they are given in: equal rows can't be told apart.
func (t *Table) shuffled(rows []int, seed uint64) []int {
	keys := make([]uint64, t.rows)
	texts := make([]string, len(t.columns))
	for _, i := range rows {
		for c := range texts {
			texts[c] = t.Cell(i, c)
		}
		keys[i] = hash(seed, texts...)
	}
	out := slices.Clone(rows)
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	return out
}

// hash is a number made of a seed and texts, each with its length, so that no
// two lists of texts are written alike.
func hash(seed uint64, texts ...string) uint64 {
	b := binary.BigEndian.AppendUint64(nil, seed)
	for _, s := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}
