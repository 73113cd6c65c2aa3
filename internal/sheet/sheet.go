// Package sheet opens CSV files as spreadsheets write them, for the tool's
// commands that read one.
package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// looked is how much of a file is looked at to see what separates its columns.
const looked = 64 << 10

// errEncoding says what to do about a file in an encoding that can't be told.
var errEncoding = errors.New("it is no UTF-8: save it as UTF-8 (in Excel: CSV UTF-8)")

// Open returns a reader of CSV (RFC 4180) whose columns are separated by commas,
// semicolons, tabs or bars, whichever the first line has most of: Excel writes
// semicolons where a comma is the decimal sign. The file is UTF-8, with or
// without a byte order mark, or UTF-16 with one. Reading another encoding is an
// error, since letters would be lost.
func Open(r io.Reader) *csv.Reader { return separated(decoded(r)) }

// OpenOld returns a reader like Open's, also of a file that is no UTF-8: it is
// read as Windows-1252, the superset of Latin-1 that spreadsheets in western
// languages wrote, and old is true then. A file of another old encoding has wrong letters, so this is
// for where letters only have to be told apart. The file is read once to see which it is.
func OpenOld(f io.ReadSeeker) (c *csv.Reader, old bool, err error) {
	r, old, err := Text(f, "")
	if err != nil {
		return nil, false, err
	}
	return separated(r), old, nil
}

// decoded is r as UTF-8.
func decoded(r io.Reader) io.Reader {
	return checked{transform.NewReader(r, transform.Chain(unicode.BOMOverride(transform.Nop), encoding.UTF8Validator))}
}

func separated(r io.Reader) *csv.Reader {
	b := bufio.NewReaderSize(r, looked)
	head, _ := b.Peek(looked) // an error is met again by whoever reads
	c := csv.NewReader(b)
	c.Comma = separator(head)
	return c
}

// separator is the likeliest of head's first line, quoted fields aside.
func separator(head []byte) rune {
	counts := map[byte]int{}
	quoted := false
	for _, x := range head {
		if x == '"' {
			quoted = !quoted
		}
		if x == '\n' && !quoted {
			break
		}
		if !quoted && bytes.IndexByte([]byte(",;\t|"), x) >= 0 {
			counts[x]++
		}
	}
	best := byte(',')
	for _, x := range []byte(";\t|") {
		if counts[x] > counts[best] {
			best = x
		}
	}
	return rune(best)
}

// checked says where and why a file can't be read.
type checked struct{ r io.Reader }

func (c checked) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		err = errEncoding
	}
	return n, err
}
