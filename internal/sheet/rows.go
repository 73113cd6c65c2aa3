package sheet

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"rapport/internal/pattern"
)

// Bounds of a row.
const (
	MaxRow     = 256 << 10 // bytes, the line ends within quotes among them
	maxQuoted  = 1000      // lines
	MaxColumns = 1000
)

// Text is a file's text as UTF-8, without a byte order mark. The encoding is the
// one that is named, as web pages name them (windows-1250, shift_jis …); without a name it is
// told by the byte order mark, else UTF-8, and where the file is none, Windows-1252, and old is true then.
func Text(f io.ReadSeeker, encoding string) (r io.Reader, old bool, err error) {
	if encoding != "" {
		e, err := htmlindex.Get(encoding)
		if err != nil {
			return nil, false, fmt.Errorf("there is no encoding %.40q: utf-8, utf-16le, windows-1252, windows-1250, iso-8859-2, shift_jis and gb18030 are some", encoding)
		}
		return decoded(e.NewDecoder().Reader(f)), false, nil
	}
	_, err = io.Copy(io.Discard, decoded(f))
	if old = errors.Is(err, errEncoding); err != nil && !old {
		return nil, false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, false, fmt.Errorf("read the file a second time: %w", err)
	}
	if old {
		return charmap.Windows1252.NewDecoder().Reader(f), true, nil
	}
	return decoded(f), false, nil
}

// Line is a line of a text, without its end.
type Line struct {
	Number int // from 1
	Text   []byte
	End    string // what ended it: "\n", "\r\n", "\r", or "" at the end of the text
	Long   bool   // it had more bytes than MaxRow, which are all left out
}

// Lines reads lines that end in LF, CRLF or, as in files of old Macs, CR. A line
// is valid until the next one is read. No more than MaxRow bytes are held.
func Lines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		b := bufio.NewReaderSize(r, looked)
		var text []byte
		for n := 1; ; n++ {
			text = text[:0]
			end, long, some := "", false, false
			for end == "" {
				c, err := b.ReadByte()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					yield(Line{Number: n}, err)
					return
				}
				some = true
				switch {
				case c == '\n':
					end = "\n"
				case c == '\r':
					end = "\r"
					if next, err := b.Peek(1); err == nil && next[0] == '\n' {
						end = "\r\n"
						_, _ = b.Discard(1) // it was just seen
					}
				case len(text) == MaxRow:
					long = true
				default:
					text = append(text, c)
				}
			}
			if long {
				text = text[:0]
			}
			if !some || !yield(Line{n, text, end, long}, nil) {
				return
			}
		}
	}
}

// Row is a row of a sheet, or why there is none in its place.
type Row struct {
	Line  int // where it begins
	Cells []string
	Err   error
}

// Rows reads the rows of CSV, as Open does, empty lines aside. What can't be
// read as a row has an error and stops nothing: a line that is too long is
// passed over, and where a quote is never closed, only the line that it stands in. An error of the second
// place ends it: the text itself can't be read.
func Rows(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		b := bufio.NewReaderSize(r, looked)
		head, _ := b.Peek(looked) // an error is met again below
		comma := separator(head)
		var held []Line // of a row whose quote is open; lines of their own
		var size int
		var quoted bool // the last of them ends within quotes
		// cut yields the first of the held lines as no row, and returns the others, to be read again.
		cut := func(why error) ([]Line, bool) {
			again := held[1:]
			ok := yield(Row{Line: held[0].Number, Err: why}, nil)
			held, size, quoted = nil, 0, false
			return again, ok
		}
		// take reads a line; it returns lines that are to be read again.
		take := func(l Line) (again []Line, ok bool) {
			if l.Long {
				if len(held) > 0 {
					again, ok = cut(errOpen)
					return append(again, l), ok
				}
				return nil, yield(Row{Line: l.Number, Err: errLong}, nil)
			}
			if l.Number == 1 && len(held) == 0 {
				if m := separates.FindStringSubmatch(string(l.Text[:min(len(l.Text), 6)])); m != nil { // Excel's own line
					comma = rune(m[1][0])
					return nil, true
				}
			}
			if len(held) == 0 && len(bytes.TrimSpace(l.Text)) == 0 {
				return nil, true
			}
			l.Text = bytes.Clone(l.Text)
			held = append(held, l)
			size += len(l.Text) + len(l.End)
			if size > MaxRow || len(held) > maxQuoted {
				return cut(errOpen)
			}
			if quoted = within(quoted, l.Text, comma); quoted {
				return nil, true
			}
			var text strings.Builder
			for i, h := range held {
				text.Write(h.Text)
				if i < len(held)-1 {
					text.WriteString(h.End)
				}
			}
			row := Row{Line: held[0].Number}
			row.Cells, row.Err = cells(text.String(), comma)
			if row.Err != nil && len(held) > 1 { // the quote that closed it was another row's
				return cut(errOpen)
			}
			held, size, quoted = nil, 0, false
			return nil, yield(row, nil)
		}
		queue := func(lines []Line) bool {
			for len(lines) > 0 {
				again, ok := take(lines[0])
				if !ok {
					return false
				}
				lines = append(again, lines[1:]...)
			}
			return true
		}
		for l, err := range Lines(b) {
			if err != nil {
				yield(Row{Line: l.Number}, err)
				return
			}
			if !queue([]Line{l}) {
				return
			}
		}
		for len(held) > 0 {
			again, ok := cut(errOpen)
			if !ok || !queue(again) {
				return
			}
		}
	}
}

// separates is the line by which a file tells Excel what separates its columns.
var separates = pattern.New(`^sep=([,;|\t])$`)

var (
	errLong = fmt.Errorf("it is longer than %d KB: is a quote missing, or is it no table?", MaxRow>>10)
	errOpen = errors.New(`a quote is opened and never closed: close it, and double the quotes within quoted text`)
)

// within reports whether a line that begins within quotes, or not, ends within some.
func within(quoted bool, line []byte, comma rune) bool {
	start := !quoted // of a field
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quoted && c == '"' && i+1 < len(line) && line[i+1] == '"':
			i++
		case quoted && c == '"':
			quoted = false
		case quoted:
		case c == '"' && start:
			quoted, start = true, false
		default:
			start = rune(c) == comma
		}
	}
	return quoted
}

// cells reads one row.
func cells(row string, comma rune) ([]string, error) {
	read := func(lazy bool) ([]string, error) {
		c := csv.NewReader(strings.NewReader(row))
		c.Comma, c.LazyQuotes = comma, lazy
		out, err := c.Read()
		if err == nil {
			if _, more := c.Read(); !errors.Is(more, io.EOF) {
				err = csv.ErrQuote
			}
		}
		return out, err
	}
	out, err := read(false)
	if errors.Is(err, csv.ErrBareQuote) { // Robert "Bob" Smith
		out, err = read(true)
	}
	switch {
	case err != nil:
		return nil, errors.New("its quotes can't be read: quote the whole field, and double the quotes within it")
	case len(out) > MaxColumns:
		return nil, fmt.Errorf("it has %d columns, more than %d", len(out), MaxColumns)
	}
	return out, nil
}

var (
	guarded = pattern.New(`^'*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]`)
	number  = pattern.New(`^-?[0-9]+(\.[0-9]+)?$`)
	formula = pattern.New(`^="([^"]*)"$`)
)

// Guarded is a text of one line that no spreadsheet takes for a formula: one
// that begins with =, +, -, @ or their full-width forms has an apostrophe before
// it, and so has one that could be taken for such a text. A decimal number stays as it is.
func Guarded(s string) string {
	if number.MatchString(s) || !guarded.MatchString(s) {
		return s
	}
	return "'" + s
}

// Unguarded is what Guarded was given. A text that was kept from being a number by a formula, ="007", is that text, too.
func Unguarded(s string) string {
	if m := formula.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if rest, ok := strings.CutPrefix(s, "'"); ok && guarded.MatchString(rest) {
		return rest
	}
	return s
}
