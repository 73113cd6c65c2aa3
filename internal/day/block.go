package day

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/social"
)

func said(text string) bool { return strings.TrimSpace(text) != "" }

// Block is a number of tuples of one hour, with their tags under theme sets:
// the active one, and while another is being prepared, that one too.
type Block struct {
	Tuples []Tuple
	Sets   []string // versions, at most MaxSets
	Tags   [][]Tag  // of each set, one for each tuple
}

const (
	// MaxSets is how many theme sets a block is tagged under.
	MaxSets = 2
	// MaxTuples bounds a block: under 150 KB, whatever its scopes are called.
	MaxTuples = 1000
)

// Under returns the tuples with their tags under one theme set, Tagged where
// the block has them. Without a set there is nothing to assign: all are.
func (b Block) Under(set string) []Tuple {
	out := slices.Clone(b.Tuples)
	at := slices.Index(b.Sets, set)
	for i := range out {
		if out[i].Tagged = at >= 0 || set == ""; at >= 0 {
			out[i].Tag = b.Tags[at][i]
		}
	}
	return out
}

// Without returns the block without the tuples that gone names, and their number.
func (b Block) Without(gone func(Tuple) bool) (Block, int) {
	out := Block{Sets: b.Sets, Tags: make([][]Tag, len(b.Sets))}
	for i, t := range b.Tuples {
		if gone(t) {
			continue
		}
		out.Tuples = append(out.Tuples, t)
		for s := range b.Sets {
			out.Tags[s] = append(out.Tags[s], b.Tags[s][i])
		}
	}
	return out, len(b.Tuples) - len(out.Tuples)
}

// Sorted returns the block in the order of time, one tuple for each activity.
func (b Block) Sorted() Block {
	at := make([]int, len(b.Tuples))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(i, j int) int {
		return cmp.Or(order(b.Tuples[i], b.Tuples[j]), newer(b.Tuples[i], b.Tuples[j]))
	})
	at = slices.CompactFunc(at, func(i, j int) bool { return b.Tuples[i].Activity == b.Tuples[j].Activity })
	out := Block{Sets: b.Sets, Tags: make([][]Tag, len(b.Sets))}
	for _, i := range at {
		out.Tuples = append(out.Tuples, b.Tuples[i])
		for s := range b.Sets {
			out.Tags[s] = append(out.Tags[s], b.Tags[s][i])
		}
	}
	return out
}

// Name is a hash of what the tuples say, without their tags: the same batch
// has the same name, whichever theme set is active.
func (b Block) Name() string {
	b.Sets, b.Tags = nil, nil
	sum := sha256.Sum256(b.Pack())
	return hex.EncodeToString(sum[:8])
}

// The first byte of a packed block. In format 1 no tuple has a target, a mark
// or the newer flags. Its blocks are read as they are, and written again only
// by a rebuild of the view.
const (
	format = 2
	former = 1
)

// A tuple is packed as: the number of its shape, the milliseconds since the
// tuple before, the activity's hash, the number of its account; if it was
// edited, how often and when; its target, if it has one; and a theme's number
// and nearness for each set.
// What many tuples share, a shape, stands once at the head of the block.
type shape struct {
	Type      social.Type
	Direction social.Direction
	Platform  social.Platform
	Scope     string
	Language  string
	Sentiment string
	Intent    string
	Mark      Mark
	flags     byte
}

const (
	isUndated = 1 << iota
	isSaid
	isNobody
	isDeleted
	isEdited
	isAutomatic
	isDoubtful
	hasTarget
)

func (t Tuple) shape() shape {
	s := shape{t.Type, t.Direction, t.Platform, t.Scope, t.Language, t.Sentiment, t.Intent, t.Mark, 0}
	for bit, set := range map[byte]bool{isUndated: t.Undated, isSaid: t.Said, isNobody: t.Nobody, isDeleted: t.Deleted, isEdited: t.Edits > 0,
		isAutomatic: t.Automatic, isDoubtful: t.Doubtful, hasTarget: t.Target != 0} {
		if set {
			s.flags |= bit
		}
	}
	return s
}

func (s shape) strings() []string {
	return []string{string(s.Type), string(s.Direction), string(s.Platform), s.Scope, s.Language, s.Sentiment, s.Intent, s.Mark.String()}
}

// String writes a mark as a word, "" where there is none.
func (m Mark) String() string {
	if m == (Mark{}) {
		return ""
	}
	return fmt.Sprintf("%s %g %g %g", m.Kind, m.Value, m.Worst, m.Best)
}

// markOf reads what String wrote.
func markOf(word string) (m Mark, ok bool) {
	if word == "" {
		return m, true
	}
	n, err := fmt.Sscanf(word, "%s %g %g %g", &m.Kind, &m.Value, &m.Worst, &m.Best)
	return m, err == nil && n == 4
}

// Pack writes a block. The same block gives the same bytes.
func (b Block) Pack() []byte {
	b = b.Sorted()
	words, shapes, accounts := map[string]int{}, map[shape]int{}, map[ID]int{}
	for _, s := range b.Sets {
		words[s] = 0
	}
	for i, t := range b.Tuples {
		s := t.shape()
		shapes[s], accounts[t.Account] = 0, 0
		for _, w := range s.strings() {
			words[w] = 0
		}
		for k := range b.Sets {
			words[b.Tags[k][i].Theme] = 0
		}
	}
	out := []byte{format}
	put := func(n int) { out = binary.AppendUvarint(out, uint64(n)) }
	signed := func(n int64) { out = binary.AppendVarint(out, n) }

	wordList := slices.Sorted(maps.Keys(words))
	put(len(wordList))
	for i, w := range wordList {
		words[w] = i
		put(len(w))
		out = append(out, w...)
	}
	put(len(b.Sets))
	for _, s := range b.Sets {
		put(words[s])
	}
	shapeList := slices.SortedFunc(maps.Keys(shapes), func(x, y shape) int {
		return cmp.Or(slices.Compare(x.strings(), y.strings()), cmp.Compare(x.flags, y.flags))
	})
	put(len(shapeList))
	for i, s := range shapeList {
		shapes[s] = i
		for _, w := range s.strings() {
			put(words[w])
		}
		out = append(out, s.flags)
	}
	accountList := slices.SortedFunc(maps.Keys(accounts), func(x, y ID) int { return slices.Compare(x[:], y[:]) })
	put(len(accountList))
	for i, a := range accountList {
		accounts[a] = i
		out = append(out, a[:]...)
	}
	put(len(b.Tuples))
	last := int64(0)
	for i, t := range b.Tuples {
		put(shapes[t.shape()])
		signed(t.Occurred - last)
		last = t.Occurred
		out = append(out, t.Activity[:]...)
		put(accounts[t.Account])
		if t.Edits > 0 {
			put(t.Edits)
			signed(t.Edited - t.Occurred)
		}
		if t.Target != 0 {
			out = binary.BigEndian.AppendUint32(out, t.Target)
		}
		for k := range b.Sets {
			tag := b.Tags[k][i]
			if put(words[tag.Theme]); tag.Theme != "" {
				signed(int64(tag.Near))
			}
		}
	}
	return out
}

// reader reads packed numbers; what is wrong stays wrong.
type reader struct {
	left []byte
	err  error
}

var errCut = errors.New("a block of tuples is cut off or damaged")

func (r *reader) fail() { r.left, r.err = nil, errCut }

// number reads a number from 0 to below limit.
func (r *reader) number(limit int) int {
	n, size := binary.Uvarint(r.left)
	if size <= 0 || n >= uint64(max(0, limit)) {
		r.fail()
		return 0
	}
	r.left = r.left[size:]
	return int(n)
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.left)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.left = r.left[size:]
	return n
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.left) {
		r.fail()
		return make([]byte, n)
	}
	out := r.left[:n]
	r.left = r.left[n:]
	return out
}

// count reads how many things follow, each of at least size bytes.
func (r *reader) count(size int) int { return r.number(len(r.left)/size + 1) }

// Unpack reads what Pack wrote. Strings that tuples share are shared in memory.
func Unpack(packed []byte) (Block, error) {
	var b Block
	if len(packed) == 0 || packed[0] != format && packed[0] != former {
		return b, fmt.Errorf("a block of tuples: %w", errors.New("its format is unknown"))
	}
	r := &reader{left: packed[1:]}
	words := make([]string, r.count(1))
	for i := range words {
		words[i] = string(r.bytes(r.number(len(r.left) + 1)))
		if r.err != nil {
			return b, r.err
		}
	}
	word := func() string {
		if n := r.number(len(words)); n < len(words) {
			return words[n]
		}
		return ""
	}
	for range r.number(MaxSets + 1) {
		b.Sets = append(b.Sets, word())
	}
	shapes := make([]shape, r.count(8))
	for i := range shapes {
		s := &shapes[i]
		s.Type, s.Direction, s.Platform = social.Type(word()), social.Direction(word()), social.Platform(word())
		s.Scope, s.Language, s.Sentiment, s.Intent = word(), word(), word(), word()
		if packed[0] != former {
			mark, ok := markOf(word())
			if s.Mark = mark; !ok {
				r.fail()
			}
		}
		if s.flags = r.bytes(1)[0]; packed[0] == former && s.flags > isEdited|(isEdited-1) {
			r.fail()
		}
	}
	accounts := make([]ID, r.count(len(ID{})))
	for i := range accounts {
		copy(accounts[i][:], r.bytes(len(ID{})))
	}
	n := r.count(len(ID{}) + 3)
	if r.err != nil {
		return b, r.err
	}
	b.Tags = make([][]Tag, len(b.Sets))
	if n > 0 {
		b.Tuples = make([]Tuple, n)
	}
	for k := range b.Tags {
		b.Tags[k] = make([]Tag, n)
	}
	last := int64(0)
	for i := range b.Tuples {
		t := &b.Tuples[i]
		at := r.number(len(shapes))
		last += r.signed()
		copy(t.Activity[:], r.bytes(len(ID{})))
		from := r.number(len(accounts))
		if r.err != nil {
			return Block{}, r.err
		}
		s := shapes[at]
		t.Account, t.Occurred = accounts[from], last
		t.Type, t.Direction, t.Platform, t.Scope, t.Language, t.Sentiment, t.Intent = s.Type, s.Direction, s.Platform, s.Scope, s.Language, s.Sentiment, s.Intent
		t.Undated, t.Said, t.Nobody, t.Deleted = s.flags&isUndated != 0, s.flags&isSaid != 0, s.flags&isNobody != 0, s.flags&isDeleted != 0
		t.Automatic, t.Doubtful, t.Mark = s.flags&isAutomatic != 0, s.flags&isDoubtful != 0, s.Mark
		if s.flags&isEdited != 0 {
			t.Edits = r.number(1 << 30)
			t.Edited = t.Occurred + r.signed()
			if t.Edits == 0 {
				r.fail()
			}
		}
		if s.flags&hasTarget != 0 {
			t.Target = binary.BigEndian.Uint32(r.bytes(4))
		}
		for k := range b.Tags {
			tag := &b.Tags[k][i]
			if tag.Theme = word(); tag.Theme != "" {
				near := r.signed()
				if tag.Near = int16(near); int64(tag.Near) != near {
					r.fail()
				}
			}
		}
		if r.err != nil {
			return Block{}, r.err
		}
	}
	if len(r.left) > 0 {
		return Block{}, errCut
	}
	return b, nil
}

// With returns the block with what another has and it has not, and how much
// that is. Tags stay under sets that both have.
func (b Block) With(other Block) (Block, int) {
	at := map[ID]int{}
	for i, t := range b.Tuples {
		at[t.Activity] = i
	}
	out := Block{Tuples: slices.Clone(b.Tuples)}
	var mine, theirs []int
	for i, s := range b.Sets {
		if j := slices.Index(other.Sets, s); j >= 0 {
			out.Sets, mine, theirs = append(out.Sets, s), append(mine, i), append(theirs, j)
		}
	}
	for _, i := range mine {
		out.Tags = append(out.Tags, slices.Clone(b.Tags[i]))
	}
	added := 0
	for j, t := range other.Tuples {
		if i, ok := at[t.Activity]; ok && newer(b.Tuples[i], t) <= 0 {
			continue
		}
		added++
		out.Tuples = append(out.Tuples, t)
		for k, s := range theirs {
			out.Tags[k] = append(out.Tags[k], other.Tags[s][j])
		}
	}
	if added == 0 {
		return b, 0
	}
	return out, added
}

// Split cuts a block into parts of at most n tuples.
func (b Block) Split(n int) []Block {
	var out []Block
	for i := 0; i < len(b.Tuples); i += n {
		end := min(i+n, len(b.Tuples))
		part := Block{Tuples: b.Tuples[i:end], Sets: b.Sets}
		for k := range b.Sets {
			part.Tags = append(part.Tags, b.Tags[k][i:end])
		}
		out = append(out, part)
	}
	return out
}
