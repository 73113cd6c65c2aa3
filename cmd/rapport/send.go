package main

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/send"
)

type sendCommand struct {
	Platform     string   `required:"" placeholder:"NAME" help:"The platform to sign as, as docs/platforms names it."`
	SecretFile   string   `required:"" placeholder:"FILE" help:"The app's secrets, one a line; the first signs."`
	URL          string   `name:"url" required:"" placeholder:"URL" help:"Where to post to."`
	Config       string   `placeholder:"FILE" help:"The app's document, JSON, where the platform has one."`
	Header       []string `sep:"none" placeholder:"'NAME: VALUE'" help:"A header that every delivery has, such as the one that names the event; can be given several times."`
	Format       string   `enum:"auto,jsonl,csv" default:"auto" help:"jsonl, csv, or auto by the file's name (${default})."`
	IDColumn     string   `name:"id-column" placeholder:"NAME" help:"The CSV's column that names a row; without it a hash of the row does."`
	Rate         string   `placeholder:"N/s" help:"At most so many deliveries a second."`
	Concurrency  int      `default:"8" help:"Deliveries under way at once (${default}); 1 keeps their order."`
	Shuffle      *uint64  `placeholder:"SEED" help:"Send in a random order of this seed; needs memory for all payloads."`
	Resume       string   `placeholder:"FILE" help:"Remember accepted ids here, and leave out those that are there already."`
	ExpectStatus int      `name:"expect-status" placeholder:"N" help:"Accepted is what is answered with this status; without it, with any 2xx."`
	Attempts     int      `default:"8" help:"How often to try a delivery that gets 429, 5xx or no answer (${default})."`
	Files        []string `arg:"" optional:"" name:"file" help:"Files of payloads; none, or -, is standard input."`
}

// Help is printed by rapport send --help.
func (sendCommand) Help() string {
	return `A JSON line {"id","body"} posts the body's bytes as they stand in the file; any other JSON object is posted as it is, named by its hash. A row of a CSV file is posted as an object of strings named by the header. Each payload is signed anew for each attempt. 429, 5xx and lost connections are tried again, with growing pauses or as Retry-After says.

Prints {"sent","accepted","refused","failed","skipped","retries","by_status",…} at the end, also after Ctrl-C, and exits with 1 if a delivery was refused and 3 if one got no answer to the last or the sending was interrupted.

Examples:
  rapport send --platform meta --secret-file secret --url http://localhost:4566/hooks/app_1 payloads.jsonl
  rapport send --platform standard --secret-file secret --config app.json --url https://… --format csv --id-column tweet_id --rate 50/s --resume done.txt sample.csv
  rapport send --platform github --secret-file secret --header 'X-GitHub-Event: issues' --url https://… issues.jsonl`
}

// requestTimeout bounds one attempt.
const requestTimeout = 30 * time.Second

// Run sends the files.
func (c *sendCommand) Run(s *streams) error {
	adapter, err := findAdapter(c.Platform)
	if err != nil {
		return err
	}
	signer, ok := adapter.(platform.Signer)
	if !ok {
		return misused("the platform %s can't be signed for", c.Platform)
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return misused("--url %q is no http or https URL", c.URL)
	}
	rate, err := parseRate(c.Rate)
	if err != nil {
		return err
	}
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		return misused("--concurrency %d is not within 1 to 1000", c.Concurrency)
	}
	if c.Attempts < 1 {
		return misused("--attempts %d is not at least 1", c.Attempts)
	}
	if c.ExpectStatus != 0 && (c.ExpectStatus < 100 || c.ExpectStatus > 599) {
		return misused("--expect-status %d is no status", c.ExpectStatus)
	}
	if err := setHeaders(&platform.Request{Header: http.Header{}}, c.Header); err != nil {
		return err
	}
	keys, err := readKeys(c.SecretFile)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("%s holds no secret", c.SecretFile)
	}
	config, err := readConfig(c.Config)
	if err != nil {
		return err
	}
	o := send.Options{
		URL: c.URL, Rate: rate, Concurrency: c.Concurrency, Attempts: c.Attempts, ExpectStatus: c.ExpectStatus,
		Client: &http.Client{Timeout: requestTimeout, Transport: transport(c.Concurrency),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Sign: func(r *platform.Request, id string, now time.Time) error {
			if err := setHeaders(r, c.Header); err != nil {
				return err
			}
			return signer.Sign(r, keys[0], id, platform.Options{Config: config}, now)
		},
		Now: s.now, Sleep: send.Sleep, Say: s.say,
	}
	items := c.items(s)
	if c.Shuffle != nil {
		if items, err = send.Shuffled(items, *c.Shuffle); err != nil {
			return err
		}
	}
	if c.Resume != "" {
		if o.Done, err = send.OpenDone(c.Resume); err != nil {
			return err
		}
	}
	sum, err := send.Send(s.ctx, items, o)
	if o.Done != nil {
		if closed := o.Done.Close(); err == nil {
			err = closed
		}
	}
	if encoded := s.out.Encode(sum); err == nil {
		err = encoded
	}
	switch {
	case err != nil:
		return err
	case sum.Interrupted:
		return fmt.Errorf("interrupted after %d deliveries", sum.Sent)
	case sum.Refused > 0:
		return errRefused
	case sum.Failed > 0:
		return fmt.Errorf("%d deliveries were given up", sum.Failed)
	}
	return nil
}

func transport(connections int) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = connections
	return t
}

// parseRate reads "N" or "N/s"; "" is 0, no limit.
func parseRate(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
	if err != nil || !(n >= 0.001 && n <= 1e6) {
		return 0, misused("--rate %q is not of the form 50/s", s)
	}
	return n, nil
}

// items reads the payloads of all files, one after the other.
func (c *sendCommand) items(s *streams) iter.Seq2[send.Item, error] {
	files := c.Files
	if len(files) == 0 {
		files = []string{"-"}
	}
	return func(yield func(send.Item, error) bool) {
		for _, file := range files {
			in, done, err := open(file, s.in)
			if err != nil {
				yield(send.Item{}, fmt.Errorf("read the payloads: %w", err))
				return
			}
			read := send.Lines(in)
			if c.Format == "csv" || c.Format == "auto" && strings.HasSuffix(strings.ToLower(file), ".csv") {
				read = send.Rows(in, c.IDColumn)
			}
			for item, err := range read {
				if err != nil {
					err = fmt.Errorf("payloads of %s: %w", file, err)
				}
				if !yield(item, err) || err != nil {
					done()
					return
				}
			}
			if err := done(); err != nil {
				yield(send.Item{}, err)
				return
			}
		}
	}
}
