package scoring

import (
	"encoding/binary"
	"fmt"
	"slices"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// packVersion is the first byte of packed records. Those of the version before
// have neither reactions nor automatic ones: they are read, and never written.
const packVersion, packBefore = 2, 1

// Pack writes records without their Rest, 15 to 40 bytes each as a rule. The
// same records give the same bytes in whatever order and however often they
// are given.
//
// After a byte for the version, the records stand in order of time and id:
//
//	how many milliseconds after the record before it, as a varint
//	the id, eight bytes
//	its form: 0 and the form itself where it is new, else its number from 1
//	the hashes of actor, object, replied-to object and conversation
//
// A form is the ten words that many records share (type, direction, platform,
// scope, object type, intent, sentiment, language, subject, reaction) and a byte:
// 1 if it is undated, and 2 more if it is automatic. A hash or word is 0 if there is none, 1 and itself (eight bytes;
// length and bytes) where it is new, and else its number from 2.
func Pack(records []Record) []byte {
	order := make([]*Record, len(records))
	for i := range records {
		order[i] = &records[i]
	}
	slices.SortFunc(order, compareRecords)
	order = slices.CompactFunc(order, func(a, b *Record) bool { return compareRecords(a, b) == 0 })

	b := make([]byte, 1, 1+32*len(order))
	b[0] = packVersion
	hashes, words, forms := map[uint64]uint64{}, map[string]uint64{}, map[form]uint64{}
	hash := func(h uint64) {
		if n, ok := hashes[h]; ok || h == 0 {
			b = binary.AppendUvarint(b, n)
			return
		}
		hashes[h] = uint64(len(hashes)) + 2
		b = binary.BigEndian.AppendUint64(append(b, 1), h)
	}
	word := func(s string) {
		if n, ok := words[s]; ok || s == "" {
			b = binary.AppendUvarint(b, n)
			return
		}
		words[s] = uint64(len(words)) + 2
		b = append(binary.AppendUvarint(append(b, 1), uint64(len(s))), s...)
	}
	var before int64
	for i, r := range order {
		if i == 0 {
			b = binary.AppendVarint(b, r.At)
		} else {
			b = binary.AppendUvarint(b, uint64(r.At-before))
		}
		before = r.At
		b = binary.BigEndian.AppendUint64(b, r.ID)
		f := formOf(r)
		if n, ok := forms[f]; ok {
			b = binary.AppendUvarint(b, n)
		} else {
			forms[f] = uint64(len(forms)) + 1
			b = append(b, 0)
			for _, s := range f.words {
				word(s)
			}
			b = append(b, f.flags)
		}
		for _, h := range []uint64{r.Actor, r.Object, r.InReplyTo, r.Conversation} {
			hash(h)
		}
	}
	return b
}

// form is what many records share.
type form struct {
	words [10]string
	flags byte
}

func formOf(r *Record) form {
	return form{[10]string{string(r.Type), string(r.Direction), string(r.Platform), r.Scope, r.ObjectType, r.Intent, r.Sentiment, r.Language, r.Subject, r.Reaction}, r.flags()}
}

// Unpack reads what Pack wrote: the records without their Rest, in order of
// time and id. It fails with fault.Invalid for anything else, and takes no
// more memory than some twenty times the bytes.
func Unpack(b []byte) ([]Record, error) {
	p := unpacker{rest: b}
	if p.version = p.byte(); p.err == nil && p.version != packVersion && p.version != packBefore {
		p.fail("of version %d, want %d", p.version, packVersion)
	}
	var out []Record
	for p.err == nil && len(p.rest) > 0 {
		r := p.record(len(out) == 0)
		if p.err == nil {
			if err := r.validate(); err != nil {
				p.fail("%w", err)
			}
		}
		if n := len(out); p.err == nil && n > 0 && compareRecords(&out[n-1], &r) >= 0 {
			p.fail("record %s is out of order", r.Ref())
		}
		if out == nil {
			out = make([]Record, 0, len(b)/32+1)
		}
		out = append(out, r)
	}
	if p.err != nil {
		return nil, fault.Wrap(fault.Invalid, p.err, "packed records can't be read")
	}
	return out, nil
}

// unpacker reads packed records up to the first fault.
type unpacker struct {
	version byte
	rest    []byte
	before  int64
	hashes  []uint64
	words   []string
	forms   []form
	err     error
}

func (p *unpacker) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("packed records: "+format, args...)
	}
	p.rest = nil
}

// bytes takes the next n bytes, or fails.
func (p *unpacker) bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.fail("cut off")
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *unpacker) byte() byte {
	if b := p.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *unpacker) uint64() uint64 {
	if b := p.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (p *unpacker) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	if n <= 0 {
		p.fail("no number where one should be")
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

func (p *unpacker) hash() uint64 {
	n := p.uvarint()
	switch {
	case n == 0:
		return 0
	case n == 1:
		h := p.uint64()
		p.hashes = append(p.hashes, h)
		return h
	case n-2 < uint64(len(p.hashes)):
		return p.hashes[n-2]
	}
	p.fail("there is no hash %d", n)
	return 0
}

func (p *unpacker) word() string {
	n := p.uvarint()
	switch {
	case n == 0:
		return ""
	case n == 1:
		s := string(p.bytes(p.uvarint()))
		p.words = append(p.words, s)
		return s
	case n-2 < uint64(len(p.words)):
		return p.words[n-2]
	}
	p.fail("there is no word %d", n)
	return ""
}

func (p *unpacker) form() form {
	n := p.uvarint()
	switch {
	case n == 0:
		var f form
		words, most := f.words[:], byte(3)
		if p.version == packBefore {
			words, most = words[:9], 1
		}
		for i := range words {
			words[i] = p.word()
		}
		if f.flags = p.byte(); f.flags > most {
			p.fail("%d says neither whether it is dated nor whether it is automatic", f.flags)
		}
		p.forms = append(p.forms, f)
		return f
	case n-1 < uint64(len(p.forms)):
		return p.forms[n-1]
	}
	p.fail("there is no form %d", n)
	return form{}
}

func (p *unpacker) record(first bool) Record {
	if first {
		at, n := binary.Varint(p.rest)
		if n <= 0 {
			p.fail("no time where one should be")
		} else {
			p.rest = p.rest[n:]
		}
		p.before = at
	} else {
		// An instant that would be beyond all bounds, or wraps around, is refused as out of bounds.
		if after := p.uvarint(); after > uint64(lastInstant-zeroTime) {
			p.fail("%d milliseconds after the record before it", after)
		} else {
			p.before += int64(after)
		}
	}
	r := Record{At: p.before, ID: p.uint64()}
	f := p.form()
	r.Actor, r.Object, r.InReplyTo, r.Conversation = p.hash(), p.hash(), p.hash(), p.hash()
	r.Type, r.Direction, r.Platform = social.Type(f.words[0]), social.Direction(f.words[1]), social.Platform(f.words[2])
	r.Scope, r.ObjectType, r.Intent, r.Sentiment, r.Language, r.Subject, r.Reaction = f.words[3], f.words[4], f.words[5], f.words[6], f.words[7], f.words[8], f.words[9]
	r.Undated, r.Automatic = f.flags&1 != 0, f.flags&2 != 0
	return r
}
