package main

import (
	"io"
	"log/slog"
	"testing"
)

func TestSpeedsAreMeasured(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Chdir("../..") // where the platforms' fixtures are found from
	for name, f := range map[string]func() error{"intake": intakeSpeed, "normalise": normaliseSpeed} {
		if err := f(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
