package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"rapport/internal/platform"
)

type normaliseCommand struct {
	source
	Files []string `arg:"" optional:"" name:"file" help:"Files of one payload each; none, or -, is standard input."`
}

// Help is printed by rapport normalise --help.
func (normaliseCommand) Help() string {
	return `Prints an activity for each thing that someone did, without what the reader says of its text. What tells nothing that someone did is printed as {"file","ignored":"why"}, and what can't be understood as {"file","parked":"why"}. Signatures are not checked. Comments in .jsonc files are passed over.

Examples:
  rapport normalise --platform meta payloads/*.json
  rapport normalise --platform standard --config app.json < body.json`
}

// set is a line about what became no activity.
type set struct {
	File    string `json:"file"`
	Ignored string `json:"ignored,omitempty"`
	Parked  string `json:"parked,omitempty"`
}

// Run normalises each file as one delivery.
func (c *normaliseCommand) Run(s *streams) error {
	adapter, err := findAdapter(c.Platform)
	if err != nil {
		return err
	}
	h, err := headers(c.Header)
	if err != nil {
		return err
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if err := adapter.CheckConfig(config); err != nil {
		return fmt.Errorf("the app's document: %w", err)
	}
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		body, err := readInput(file, s.in)
		if err != nil {
			return fmt.Errorf("read the payload: %w", err)
		}
		if strings.HasSuffix(file, ".jsonc") {
			body = stripComments(body)
		}
		events, err := adapter.Normalise(platform.Request{Method: http.MethodPost, Header: h, Body: body}, platform.Options{Config: config})
		if err != nil {
			events = []platform.Event{{Parked: err.Error()}}
		}
		for _, e := range events {
			var line any = set{File: file, Ignored: e.Ignored, Parked: e.Parked}
			if e.Activity != nil {
				line = e.Activity.ToLine()
			}
			if err := s.out.Encode(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// isSet reports whether a line is about what became no activity.
func isSet(line []byte) bool {
	var x set
	return json.Unmarshal(line, &x) == nil && (x.Ignored != "" || x.Parked != "")
}

// readInput reads a whole file; "-" is stdin.
func readInput(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

// stripComments takes // and /* */ comments out of JSON, outside of strings.
func stripComments(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		switch rest := b[i:]; {
		case b[i] == '"':
			end := i + 1
			for end < len(b) && b[end] != '"' {
				if b[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(b)-1)
			out = append(out, b[i:end+1]...)
			i = end
		case strings.HasPrefix(string(rest[:min(2, len(rest))]), "//"):
			for i+1 < len(b) && b[i+1] != '\n' {
				i++
			}
		case strings.HasPrefix(string(rest[:min(2, len(rest))]), "/*"):
			for i += 2; i < len(b) && (b[i] != '/' || b[i-1] != '*'); i++ {
			}
		default:
			out = append(out, b[i])
		}
	}
	return out
}
