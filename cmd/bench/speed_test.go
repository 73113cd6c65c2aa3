package main

import (
	"io"
	"log/slog"
	"testing"
)

func TestIntakeSpeedIsMeasured(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err := intakeSpeed(); err != nil {
		t.Error(err)
	}
}
