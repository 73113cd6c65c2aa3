package sheet

import (
	"encoding/csv"
	"io"
	"strings"
)

// Writer writes CSV that spreadsheets open as what it is: UTF-8 with a byte
// order mark, lines that end in LF, and no cell that is taken for a formula. Rows reads the same again,
// but for spaces around a cell, and CRLF within one, which becomes LF.
type Writer struct {
	w     io.Writer
	csv   *csv.Writer
	begun bool
}

// NewWriter returns a Writer. Flush ends it.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w, csv: csv.NewWriter(w)} }

// Write writes a row.
func (w *Writer) Write(cells []string) error {
	if !w.begun {
		w.begun = true
		if _, err := io.WriteString(w.w, "\uFEFF"); err != nil {
			return err
		}
	}
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = Guarded(strings.TrimSpace(strings.NewReplacer("\x00", "", "\r\n", "\n").Replace(c)))
	}
	return w.csv.Write(out)
}

// Flush writes what is held, and returns the first error that there was.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
