package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"rapport/internal/platform"
	"rapport/internal/sheet"
)

// maxLine bounds one line of input, in bytes.
const maxLine = 16 << 20

// text is one text to read or to find themes in.
type text struct {
	ID     platform.ID `json:"id"`     // absent: the number of the line, from 1
	Text   string      `json:"text"`   //
	Person platform.ID `json:"person"` // who wrote it; absent: the id
}

// texts calls each for every text of r: JSON lines, or CSV with a header that
// has a column text and may have id and person.
func texts(r io.Reader, asCSV bool, each func(text) error) error {
	n := 0
	if !asCSV {
		return eachLine(r, func(number int, line []byte) error {
			var t text
			if err := json.Unmarshal(line, &t); err != nil {
				return fmt.Errorf("line %d: no {\"id\",\"text\"}: %w", number, err)
			}
			n++
			return each(t.complete(n))
		})
	}
	c := sheet.Open(r)
	c.ReuseRecord = true
	header, err := c.Read()
	if err != nil {
		return fmt.Errorf("read the CSV's header: %w", err)
	}
	id, body, person := slices.Index(header, "id"), slices.Index(header, "text"), slices.Index(header, "person")
	if body < 0 {
		return fmt.Errorf("the CSV's header %q has no column text", header)
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the CSV: %w", err)
		}
		t := text{Text: row[body]}
		if id >= 0 {
			t.ID = platform.ID(row[id])
		}
		if person >= 0 {
			t.Person = platform.ID(row[person])
		}
		n++
		if err := each(t.complete(n)); err != nil {
			return err
		}
	}
}

func (t text) complete(n int) text {
	if t.ID == "" {
		t.ID = platform.ID(strconv.Itoa(n))
	}
	if t.Person == "" {
		t.Person = t.ID
	}
	return t
}

// eachLine calls each for every line of r that is not blank, with its number
// from 1. The line is valid until each returns.
func eachLine(r io.Reader, each func(number int, line []byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), maxLine)
	n := 0
	for sc.Scan() {
		n++
		line := sc.Bytes()
		if n == 1 {
			line = platform.WithoutBOM(line)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := each(n, line); err != nil {
				return err
			}
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}
