package send

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Done is a file of the ids that were accepted, a JSON string a line. It is
// only appended to; a last line that a crash cut short is dropped. In memory
// an id takes 16 bytes, those of its hash.
type Done struct {
	mu       sync.Mutex
	file     *os.File
	earlier  map[[16]byte]bool // when it was opened
	unsynced int
}

// syncEvery is how many ids may be lost to a power cut. They are sent again.
const syncEvery = 64

// OpenDone opens the file, or makes it.
func OpenDone(name string) (*Done, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the accepted ids: %w", err)
	}
	d := &Done{file: f, earlier: map[[16]byte]bool{}}
	if err := d.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("accepted ids of %s: %w", name, err), f.Close())
	}
	return d, nil
}

// load reads the ids and leaves the file to be written after the last whole line.
func (d *Done) load() error {
	r := bufio.NewReader(d.file)
	var whole int64
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var id string
		written := bytes.TrimSpace(line)
		if err := json.Unmarshal(written, &id); err != nil {
			return fmt.Errorf("line %d is no JSON string", n)
		}
		d.earlier[digest(written)] = true
		whole += int64(len(line))
	}
	if err := d.file.Truncate(whole); err != nil {
		return err
	}
	_, err := d.file.Seek(whole, io.SeekStart)
	return err
}

func digest(written []byte) [16]byte {
	sum := sha256.Sum256(written)
	return [16]byte(sum[:16])
}

// write returns id as it stands in the file.
func write(id string) []byte {
	b, err := json.Marshal(id)
	if err != nil {
		panic(err) // text can always be written
	}
	return b
}

// Has reports whether id was accepted before the file was opened. Nothing is in a nil Done.
func (d *Done) Has(id string) bool { return d != nil && d.earlier[digest(write(id))] }

// Add remembers id. A nil Done forgets it.
func (d *Done) Add(id string) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.file.Write(append(write(id), '\n')); err != nil {
		return fmt.Errorf("remember %q: %w", id, err)
	}
	if d.unsynced++; d.unsynced >= syncEvery {
		d.unsynced = 0
		return d.file.Sync()
	}
	return nil
}

// Close makes the file durable and closes it.
func (d *Done) Close() error { return errors.Join(d.file.Sync(), d.file.Close()) }
