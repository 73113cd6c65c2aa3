package send

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"rapport/internal/platform"
	"rapport/internal/sheet"
	"rapport/internal/social"
)

// maxLine bounds one line of payloads, in bytes.
const maxLine = 16 << 20

// Lines reads JSON lines. An object of exactly id and body is a payload of
// that id and of the body's bytes as they stand; any other object is a payload
// itself, named by its hash.
func Lines(r io.Reader) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		sc := bufio.NewScanner(r)
		sc.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for sc.Scan() {
			n++
			line := sc.Bytes()
			if n == 1 {
				line = platform.WithoutBOM(line)
			}
			line = bytes.TrimSpace(line)
			if len(line) == 0 {
				continue
			}
			item, err := itemOf(line)
			if err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
		if err := sc.Err(); err != nil {
			yield(Item{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}

func itemOf(line []byte) (Item, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Item{}, fmt.Errorf("no JSON object: %w", err)
	}
	if fields == nil {
		return Item{}, errors.New("no JSON object")
	}
	body, ok := fields["body"]
	if id, named := fields["id"]; ok && named && len(fields) == 2 {
		var name platform.ID
		if err := json.Unmarshal(id, &name); err != nil || name == "" {
			return Item{}, fmt.Errorf("the id %.60s is neither text nor a number", id)
		}
		return Item{ID: string(name), Body: body}, nil
	}
	line = bytes.Clone(line)
	return Item{ID: hashOf(line), Body: line}, nil
}

func hashOf(body []byte) string { return social.HashID("msg", string(body)) }

// Rows reads CSV. Each row is an object of strings, named and in the order of
// the header. idColumn names the column with the payload's id; without one its
// hash is.
func Rows(r io.Reader, idColumn string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		c := sheet.Open(r)
		c.ReuseRecord = true
		names, id, err := header(c, idColumn)
		if err != nil {
			yield(Item{}, err)
			return
		}
		for {
			row, err := c.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Item{}, fmt.Errorf("read the CSV: %w", err))
				return
			}
			item := Item{Body: object(names, row)}
			if id >= 0 {
				item.ID = row[id]
			}
			if item.ID == "" {
				item.ID = hashOf(item.Body)
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// header reads the names of the columns, and where idColumn is among them; -1
// where none is asked for.
func header(c *csv.Reader, idColumn string) ([]string, int, error) {
	row, err := c.Read()
	if err != nil {
		return nil, 0, fmt.Errorf("read the CSV's header: %w", err)
	}
	names := slices.Clone(row)
	for i, n := range names {
		if slices.Contains(names[:i], n) {
			return nil, 0, fmt.Errorf("the CSV's header has two columns %q", n)
		}
	}
	if idColumn == "" {
		return names, -1, nil
	}
	id := slices.Index(names, idColumn)
	if id < 0 {
		return nil, 0, fmt.Errorf("the CSV's header %q has no column %q", names, idColumn)
	}
	return names, id, nil
}

// object writes a row as JSON.
func object(names, row []string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	text := func(s string) {
		e.Encode(s) // writing text to memory can't fail
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		text(name)
		b.WriteByte(':')
		text(row[i])
	}
	b.WriteByte('}')
	return b.Bytes()
}
