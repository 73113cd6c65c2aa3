package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// rapport runs the operator's tool and returns what it prints and its exit code.
func (t *trial) rapport(in string, args ...string) (out, told string, code int, err error) {
	cmd := exec.CommandContext(t, t.tool, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &stdout, &stderr
	err = cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		err = nil
	}
	if err == nil {
		code = cmd.ProcessState.ExitCode()
	}
	return stdout.String(), stderr.String(), code, err
}

// must runs the operator's tool, which must do.
func (t *trial) must(in string, args ...string) (string, error) {
	out, told, code, err := t.rapport(in, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("rapport %s ended with %d: %s %s", args[0], code, told, out)
	}
	return out, err
}

// lines reads JSON lines.
func lines[T any](s string) ([]T, error) {
	var out []T
	for d := json.NewDecoder(strings.NewReader(s)); d.More(); {
		var x T
		if err := d.Decode(&x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// reading is what the reader says of a text.
type reading struct {
	ID, Language      string
	Sentiment, Intent struct{ Label string }
}

// read reads texts.
func (t *trial) read(texts string) ([]reading, error) {
	out, err := t.must(texts, "read")
	if err != nil {
		return nil, err
	}
	return lines[reading](out)
}

// normalise returns what payloads become, and the lines that say so.
func (t *trial) normalise(args ...string) ([]activity, string, error) {
	out, err := t.must("", append([]string{"normalise"}, args...)...)
	if err != nil {
		return nil, "", err
	}
	list, err := lines[activity](out)
	return list, out, err
}

// scored is a person's score.
type scored struct {
	Person, Points string
	Contributions  []struct {
		Rule  string
		Micro int64 `json:"micro_points"`
	}
}

// by is what a rule contributes, in micro-points.
func (s scored) by(rule string) (n int64) {
	for _, c := range s.Contributions {
		if c.Rule == rule {
			n += c.Micro
		}
	}
	return n
}

// score scores activities as of an instant.
func (t *trial) score(activities, asOf string) ([]scored, error) {
	out, err := t.must(activities, "score", "--as-of", asOf)
	if err != nil {
		return nil, err
	}
	return lines[scored](out)
}
