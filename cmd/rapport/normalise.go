package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"rapport/cmd/internal/recorded"
	"rapport/internal/platform"
	"rapport/internal/platform/github"
	"rapport/internal/platform/slack"
)

type normaliseCommand struct {
	Platform string   `required:"" placeholder:"NAME" help:"The platform whose payloads these are, as docs/platforms names it."`
	Config   string   `placeholder:"FILE" help:"The app's document, JSON, where the platform has one."`
	Header   []string `sep:"none" placeholder:"'NAME: VALUE'" help:"A header of the requests, instead of what the file beside the payload says; can be given several times."`
	Method   string   `placeholder:"METHOD" help:"The requests' method (POST; GET: an answer that Rapport fetched)."`
	URL      string   `name:"url" placeholder:"URL" help:"The URL that was called or fetched, where it tells what the payload does not."`
	Files    []string `arg:"" optional:"" name:"file" help:"Files of one payload each; none, or -, is standard input."`
}

// Help is printed by rapport normalise --help.
func (normaliseCommand) Help() string {
	return `Prints an activity for each thing that someone did, without what the reader says of its text. Of what is no activity it prints {"file","event"} and why: "ignored" tells nothing that someone did, "parked" can't be understood, "revoked" ends a grant, "erase" is an account that the platform wants forgotten. Signatures are not checked.

Headers, where the platform says in one what the payload is about, are read from NAME.headers (Name: value lines; :method, :url and :path are the request's own) or NAME.headers.json (an object) beside NAME.json; such files among those given are passed over. Comments in .jsonc files are passed over, too. An event of Slack's without its envelope is read as one of the team it names; one of GitHub's without its header as what its objects say, where they say one thing alone.

Examples:
  rapport normalise --platform meta payloads/*.json
  rapport normalise --platform github --header 'X-GitHub-Event: issues' issues_opened.json
  rapport normalise --platform standard --config app.json < body.json`
}

// set is a line about what became no activity.
type set struct {
	File    string  `json:"file"`
	Event   string  `json:"event,omitempty"` // as the platform calls it
	Ignored string  `json:"ignored,omitempty"`
	Parked  string  `json:"parked,omitempty"`
	Revoked string  `json:"revoked,omitempty"`
	Erase   *forget `json:"erase,omitempty"`
}

// forget is whom a platform wants forgotten; no id: everyone of the scope.
type forget struct {
	Scope string `json:"scope,omitempty"`
	ID    string `json:"id,omitempty"`
}

// printed is what is printed of an event of a file.
func printed(file string, e platform.Event) any {
	if e.Activity != nil {
		return e.Activity.ToLine()
	}
	l := set{File: file, Event: e.Kind, Ignored: e.Ignored, Parked: e.Parked, Revoked: e.Revoked}
	if e.Erase != nil {
		l.Erase = &forget{e.Erase.Scope, e.Erase.ID}
	}
	return l
}

// Run normalises each file as one delivery.
func (c *normaliseCommand) Run(s *streams) error {
	adapter, err := findAdapter(c.Platform)
	if err != nil {
		return err
	}
	if err := setHeaders(&platform.Request{Header: http.Header{}}, c.Header); err != nil {
		return err
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	if err := adapter.CheckConfig(config); err != nil {
		return fmt.Errorf("the app's document (--config): %w", err)
	}
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, file := range files {
		if recorded.IsHeaders(file) {
			continue
		}
		r, err := c.request(s, file)
		if err != nil {
			return err
		}
		for _, e := range told(adapter, r, platform.Options{Config: config}, s.now()) {
			if err := s.out.Encode(printed(file, e)); err != nil {
				return err
			}
		}
	}
	return nil
}

// request reads a file as the request that it was.
func (c *normaliseCommand) request(s *streams, file string) (platform.Request, error) {
	r := platform.Request{Method: http.MethodPost, Header: http.Header{}}
	var err error
	if file == "-" {
		r.Body, err = io.ReadAll(s.in)
	} else {
		r, err = recorded.Read(file)
	}
	if err != nil {
		return r, fmt.Errorf("read the payload: %w", err)
	}
	if c.Method != "" {
		r.Method = c.Method
	}
	if c.URL != "" {
		setURL(&r, c.URL)
	}
	if err := setHeaders(&r, c.Header); err != nil {
		return r, err
	}
	if c.Platform == "slack" {
		if body, team, ok := slack.Wrap(r.Body); ok {
			s.say("%s: an event without its envelope; read as one of the team %s", file, team)
			r.Body = body
		}
	}
	if c.Platform == "github" && r.Header.Get("X-GitHub-Event") == "" {
		if event := github.EventOf(r.Body); event != "" {
			s.say("%s: no X-GitHub-Event header; by its objects it can be %s alone, and is read as that", file, event)
			r.Header.Set("X-GitHub-Event", event)
		}
	}
	return r, nil
}

// told says what r tells; there is always something to say.
func told(a platform.Adapter, r platform.Request, o platform.Options, now time.Time) []platform.Event {
	// Without a secret a handshake is refused, or answered if it needs none; what is none is neither.
	if answer, err := a.Handshake(r, platform.Secrets{}, o, now); answer != nil || err != nil {
		return []platform.Event{{Ignored: "a handshake, by which the platform tests the URL: rapport verify says what it is answered with"}}
	}
	all, err := a.Normalise(r, o)
	switch {
	case err != nil:
		return []platform.Event{{Parked: err.Error() + missing(err, r)}}
	case len(all) == 0:
		return []platform.Event{{Ignored: "it holds no event"}}
	}
	return all
}

var headerName = regexp.MustCompile(`\bX-[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)+`)

// missing says how to give the headers that err names and r does not have.
func missing(err error, r platform.Request) string {
	var flags []string
	for _, name := range headerName.FindAllString(err.Error(), -1) {
		if r.Header.Get(name) == "" {
			flags = append(flags, "--header '"+name+": …'")
		}
	}
	if len(flags) == 0 {
		return ""
	}
	return "; give what the request had with " + strings.Join(flags, " ") + ", or in NAME.headers beside the file"
}

// isSet reports whether a line is about what became no activity.
func isSet(line []byte) bool {
	var x set
	return json.Unmarshal(line, &x) == nil && (x.Ignored != "" || x.Parked != "" || x.Revoked != "" || x.Erase != nil)
}
