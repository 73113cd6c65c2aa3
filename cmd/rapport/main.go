// Command rapport is the operator's tool: what the functions do to a
// delivery, a text or a person's activities, done to files, by the same code
// and without a cloud; and what a deployed stack needs now and then. Input and output are JSON lines; progress and problems
// go to standard error.
//
// It exits with 0 if all is well, 1 if something was refused (a verification
// failed, a delivery was not accepted), 2 if it was called wrongly, and 3 if
// it could not do what it was asked.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"rapport/cmd/internal/recorded"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now))
}

// Exit codes.
const (
	exitOK      = 0
	exitRefused = 1
	exitMisuse  = 2
	exitFailed  = 3
)

// commands is the command line.
type commands struct {
	Verify     verifyCommand     `cmd:"" help:"Check a delivery's signature, or published vectors."`
	Normalise  normaliseCommand  `cmd:"" help:"Turn platforms' payloads into activities."`
	Read       readCommand       `cmd:"" help:"Read texts: language, sentiment, intent."`
	Themes     themesCommand     `cmd:"" help:"Find the themes of texts."`
	Score      scoreCommand      `cmd:"" help:"Score people by what they did."`
	Learn      learnCommand      `cmd:"" help:"Learn a scorecard from rows whose outcome is known, and say how good it is."`
	Backtest   backtestCommand   `cmd:"" help:"Try a scoring model on people whose outcome is known."`
	Match      matchCommand      `cmd:"" help:"Find which accounts are one person's."`
	Import     importCommand     `cmd:"" help:"Import people, what they did and how it came out with them, from a list."`
	Export     exportCommand     `cmd:"" help:"Export people, what they did, or how it came out with them, as a list that import reads."`
	Send       sendCommand       `cmd:"" help:"Sign payloads as a platform would and post them."`
	Replay     replayCommand     `cmd:"" help:"Send parked or archived deliveries of a stack through today's code."`
	Rebuild    rebuildCommand    `cmd:"" help:"Make views again from the facts, compare them with those in use, and mend what differs."`
	Redrive    redriveCommand    `cmd:"" help:"Move a stack's dead letters back to their queue."`
	Erase      eraseCommand      `cmd:"" help:"Have an account forgotten whose person asked for it."`
	EraseAgain eraseAgainCommand `cmd:"" name:"erase-again" help:"After a restore: have those forgotten who were erased and are there again."`
	Limits     limitsCommand     `cmd:"" help:"Show a workspace's limits, or set them."`
	Stop       stopCommand       `cmd:"" name:"stop-workspace" help:"Stop a workspace: what comes is kept, and nothing is done for it."`
	Start      startCommand      `cmd:"" name:"start-workspace" help:"Let a workspace go on that was stopped."`
	Jetstream  jetstreamCommand  `cmd:"" help:"Read Bluesky's event stream and post what concerns your accounts."`
}

const about = `Rapport's work on files, without a cloud; and replay, rebuild, redrive, erase, erase-again, limits, stop-workspace and start-workspace, on a deployed stack. JSON lines in and out; progress on standard error.

Exit codes: 0 well; 1 refused (a verification failed, a delivery was not accepted); 2 called wrongly; 3 could not run.

Examples:
  rapport normalise --platform meta delivery.json | rapport score --as-of 2026-11-22T00:00:00Z
  rapport verify --platform meta --secret-file secret --header 'X-Hub-Signature-256: sha256=…' < body
`

// streams is what a command talks to.
type streams struct {
	ctx    context.Context
	in     io.Reader
	out    *json.Encoder
	raw    io.Writer // where out writes
	errors io.Writer
	now    func() time.Time
}

// say writes a line of progress.
func (s *streams) say(format string, args ...any) { fmt.Fprintf(s.errors, format+"\n", args...) }

// errRefused ends a command that ran and refused something; what it was has been printed.
var errRefused = errors.New("refused")

// misuse is an error of the command line.
type misuse struct{ error }

func misused(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// run runs one command and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, now func() time.Time) int {
	buffered := bufio.NewWriter(stdout)
	helped := false
	var c commands
	parser, err := kong.New(&c, kong.Name("rapport"), kong.Description(about), kong.Writers(buffered, stderr),
		kong.Exit(func(int) { helped = true }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "rapport:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		err = nil
	case err != nil:
		err = misuse{err}
	default:
		out := json.NewEncoder(buffered)
		out.SetEscapeHTML(false)
		err = parsed.Run(&streams{ctx: ctx, in: stdin, out: out, raw: buffered, errors: stderr, now: now})
	}
	if flushed := buffered.Flush(); flushed != nil && (err == nil || err == errRefused) {
		err = fmt.Errorf("write the output: %w", flushed)
	}
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errRefused) {
		return exitRefused
	}
	fmt.Fprintln(stderr, "rapport:", err)
	if _, ok := errors.AsType[misuse](err); ok {
		fmt.Fprintln(stderr, "See rapport --help, and rapport <command> --help.")
		return exitMisuse
	}
	return exitFailed
}

func findAdapter(name string) (platform.Adapter, error) {
	a, err := all.Find(social.Platform(name))
	if err != nil {
		return nil, misuse{err}
	}
	return a, nil
}

// readConfig reads an app's document; no file is no document.
func readConfig(file string) (json.RawMessage, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the app's document: %w", err)
	}
	b = platform.WithoutBOM(b)
	if !json.Valid(b) {
		return nil, fmt.Errorf("the app's document %s is no JSON", file)
	}
	return bytes.TrimSpace(b), nil
}

// readKeys reads secrets, one a line, the current one first. Empty lines are
// no secrets.
func readKeys(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	var keys []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			keys = append(keys, line)
		}
	}
	return keys, nil
}

// setHeaders sets on r what --header flags say, instead of what was there.
func setHeaders(r *platform.Request, lines []string) error {
	for _, l := range lines {
		if strings.HasPrefix(strings.TrimSpace(l), ":") {
			return misused("--header %q is not of the form 'Name: value'", l)
		}
	}
	if err := recorded.Headers(r, lines...); err != nil {
		return misused("--header %w", err)
	}
	return nil
}

// setURL sets on r the public URL that was called, and what follows the app's
// id in it.
func setURL(r *platform.Request, url string) {
	base, query, _ := strings.Cut(url, "?")
	r.URL, r.Query = url, query
	if _, after, ok := strings.Cut(base, "/hooks/"); ok {
		_, r.Path, _ = strings.Cut(after, "/")
	}
}

// flagTime parses an RFC 3339 time given as a flag; "" is the zero time.
func flagTime(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, misused("--%s %q is no RFC 3339 time, such as 2026-11-22T00:00:00Z", flag, s)
	}
	return social.Instant(t), nil
}

// open opens a file for reading, and says how to close it; "-" is stdin.
func open(file string, stdin io.Reader) (io.Reader, func() error, error) {
	if file == "-" {
		return stdin, func() error { return nil }, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	return f, f.Close, nil
}
