// Package readtest gives tests the reader.
package readtest

import (
	"sync"
	"testing"

	"rapport/internal/needs"
	"rapport/internal/reading"
	"rapport/internal/refit"
	"rapport/internal/social"
)

var (
	once   sync.Once
	shared *reading.Reader
)

// Reader is the reader, opened once for all tests of a package.
func Reader(t testing.TB) *reading.Reader {
	t.Helper()
	once.Do(func() {
		var err error
		if shared, err = reading.Open(needs.Weights(t)); err != nil {
			t.Fatal(err)
		}
	})
	if shared == nil {
		t.Fatal("the reader could not be opened: see the first test that needs it")
	}
	return shared
}

// Read reads a text as ingest has it read.
func Read(t testing.TB) func(string, *refit.Document, ...string) social.Reading {
	r := Reader(t)
	return func(text string, by *refit.Document, expected ...string) social.Reading {
		return r.KeptBy(by, text, expected...)
	}
}
