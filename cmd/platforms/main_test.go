package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheTableIsTheCommittedOne(t *testing.T) {
	b, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), table()); diff != "" {
		t.Errorf("%s is not what the adapters say; run go run ./cmd/platforms (-committed +made):\n%s", file, diff)
	}
}
