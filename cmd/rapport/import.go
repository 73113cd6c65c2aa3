package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"rapport/internal/contacts"
)

type importCommand struct {
	Format    string `enum:"auto,csv,vcard,jsonl,hubspot,salesforce" default:"auto" help:"csv, vcard, jsonl, hubspot, salesforce, or auto by how the file begins (${default})."`
	Mapping   string `placeholder:"FILE" help:"A document, JSON, that says what the columns are and how the file is to be read: docs/import.md."`
	Zone      string `placeholder:"ZONE" help:"Whose clocks show times that say no zone, such as Europe/Berlin or +02:00."`
	Dates     string `placeholder:"ORDER" help:"In what order dates have day, month and year: dmy, mdy or ymd."`
	Encoding  string `placeholder:"NAME" help:"The file's encoding, such as windows-1250; without it UTF-8 or UTF-16, and Windows-1252 for what is neither."`
	Platform  string `placeholder:"NAME" help:"Of ids that say none: whose they are, as docs/platforms names it."`
	Scope     string `placeholder:"SCOPE" help:"Of ids that say none: within what they are unique. With --format hubspot the portal: contacts are then the accounts that its webhooks name."`
	DryRun    bool   `help:"Only say what would be done, without a cloud."`
	FromRow   int    `default:"1" placeholder:"N" help:"Go on at this row."`
	URL       string `name:"url" placeholder:"URL" help:"The API's address: ApiUrl in the outputs of the stack."`
	Workspace string `placeholder:"ID" help:"The workspace to import into."`
	KeyFile   string `placeholder:"FILE" help:"A machine key of the workspace, or an access token, in a file."`
	Attempts  int    `default:"8" help:"How often to try a request that gets 429, 5xx or no answer (${default})."`
	File      string `arg:"" optional:"" default:"-" help:"The list; none, or -, is standard input."`
}

// Help is printed by rapport import --help.
func (importCommand) Help() string {
	return `Reads a list of people, of what they did, or of how it came out with them: CSV, vCard 2.1 to 4.0, JSON lines, or what HubSpot and Salesforce export. Columns are known by their names, in several languages, or by --mapping. Nothing is guessed: a row that can be read in two ways is refused and says what to do, and stops no other.

Prints for each row {"type":"row","row","line","result"} with what would be stored or why not, and at the end {"type":"summary", …}. With --dry-run nothing is sent, and the result is would_import or refused; else it is imported, known (it was there), unknown_person (an outcome of somebody who is not known), or refused. Run twice, nothing is doubled. It exits with 1 if a row was refused or its person unknown; interrupted, it says from which row to go on.

Examples:
  rapport import --dry-run contacts.csv
  rapport import --dry-run --dates dmy --zone Europe/Berlin --mapping mapping.json events.csv
  rapport import --format hubspot --scope 62515 --url https://… --workspace acme --key-file key all-contacts.csv`
}

// Bounds of one request.
const (
	maxImported     = 100     // rows
	maxImportedBody = 400_000 // bytes
)

// importedLine is what became of a row.
type importedLine struct {
	Type    string        `json:"type"`
	Row     int           `json:"row"`
	Line    int           `json:"line"`
	Result  string        `json:"result"`
	Error   string        `json:"error,omitempty"`
	Told    []string      `json:"told,omitempty"`
	Says    *contacts.Row `json:"says,omitempty"`
	Account string        `json:"account,omitempty"`
	Person  string        `json:"person,omitempty"`
	Stored  int           `json:"stored,omitempty"`
}

// importSummary is the last line.
type importSummary struct {
	Type          string   `json:"type"`
	Format        string   `json:"format"`
	Rows          int      `json:"rows"`
	Skipped       int      `json:"skipped,omitempty"` // before --from-row
	WouldImport   int      `json:"would_import,omitempty"`
	Imported      int      `json:"imported,omitempty"`
	Known         int      `json:"known,omitempty"`
	UnknownPerson int      `json:"unknown_person,omitempty"`
	Refused       int      `json:"refused"`
	Contacts      int      `json:"contacts"`
	Activities    int      `json:"activities"`
	Outcomes      int      `json:"outcomes"`
	Notes         []string `json:"notes,omitempty"`
}

// Run imports the file.
func (c *importCommand) Run(s *streams) error {
	m, err := c.mapping()
	if err != nil {
		return err
	}
	if c.FromRow < 1 || c.Attempts < 1 {
		return misused("--from-row and --attempts are at least 1")
	}
	to, err := c.target()
	if err != nil {
		return err
	}
	in, done, err := seekable(c.File, s.in)
	if err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	defer done()
	f, err := contacts.Open(in, m, s.now())
	if err != nil {
		return fmt.Errorf("read the list %s: %w", c.File, err)
	}
	for _, n := range f.Notes {
		s.say("%s", n)
	}
	sum := importSummary{Type: "summary", Format: f.Format, Notes: f.Notes}
	b := importBatch{to: to, s: s, sum: &sum}
	next := c.FromRow // the first row of which nothing was printed
	for a, err := range f.Rows() {
		if err == nil {
			err = s.ctx.Err()
		}
		if err == nil {
			sum.Rows++
			if a.Row < c.FromRow {
				sum.Skipped++
				continue
			}
			err = b.add(a)
			next = b.next(a.Row + 1)
		}
		if err != nil {
			return fmt.Errorf("%w; go on with --from-row %d", err, next)
		}
	}
	if err := b.flush(); err != nil {
		return fmt.Errorf("%w; go on with --from-row %d", err, b.next(next))
	}
	if err := s.out.Encode(sum); err != nil {
		return err
	}
	if sum.Refused+sum.UnknownPerson > 0 {
		return errRefused
	}
	return nil
}

// mapping is the document with what the flags say instead.
func (c *importCommand) mapping() (contacts.Mapping, error) {
	var m contacts.Mapping
	if c.Mapping != "" {
		b, err := os.ReadFile(c.Mapping)
		if err != nil {
			return m, fmt.Errorf("read the mapping: %w", err)
		}
		if m, err = contacts.ParseMapping(b); err != nil {
			return m, err
		}
	}
	if c.Format != "auto" {
		m.Format = c.Format
	}
	m.Zone, m.Dates, m.Encoding = cmp.Or(c.Zone, m.Zone), cmp.Or(c.Dates, m.Dates), cmp.Or(c.Encoding, m.Encoding)
	m.Platform, m.Scope = cmp.Or(c.Platform, m.Platform), cmp.Or(c.Scope, m.Scope)
	if err := m.Check(); err != nil {
		return m, misuse{err}
	}
	return m, nil
}

// target is where rows are sent; nil in a dry run.
func (c *importCommand) target() (*importTarget, error) {
	if c.DryRun {
		return nil, nil
	}
	to, err := newTarget(c.URL, c.Workspace, c.KeyFile, c.Attempts, ", or --dry-run")
	if err != nil {
		return nil, err
	}
	source := "import"
	if c.Format == "hubspot" || c.Format == "salesforce" {
		source = "crm"
	}
	return &importTarget{to, source}, nil
}

// seekable opens a file that can be read twice; standard input goes into one that is removed again.
func seekable(file string, stdin io.Reader) (io.ReadSeeker, func(), error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		if at, err := f.Stat(); err == nil && at.Mode().IsRegular() {
			return f, func() { f.Close() }, nil
		}
		defer f.Close()
		stdin = f
	}
	t, err := os.CreateTemp("", "rapport-import-*")
	if err != nil {
		return nil, nil, err
	}
	done := func() { t.Close(); os.Remove(t.Name()) }
	if _, err = io.Copy(t, stdin); err == nil {
		_, err = t.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return t, done, nil
}

// importBatch collects rows that are sent together, and prints in the order of the file.
type importBatch struct {
	to   *importTarget
	s    *streams
	sum  *importSummary
	held []contacts.Answer // in their order, those that are refused among them
	rows []json.RawMessage // of those that are not
	size int
}

// next is the first row of which nothing was printed, where after is the one after the last that was added.
func (b *importBatch) next(after int) int {
	if len(b.held) > 0 {
		return b.held[0].Row
	}
	return after
}

func (b *importBatch) add(a contacts.Answer) error {
	if b.to == nil {
		return b.print(a, importAnswer{Result: "would_import"})
	}
	var body []byte
	if a.Err == nil {
		var err error
		if body, err = json.Marshal(a.Says); err != nil {
			return err
		}
		if len(body) > maxImportedBody/2 {
			a.Err = fmt.Errorf("it has %d KB as JSON, more than fit into one request", len(body)>>10)
			body = nil
		}
	}
	if len(b.rows) == maxImported || b.size+len(body) > maxImportedBody {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.held = append(b.held, a)
	if body != nil {
		b.rows, b.size = append(b.rows, body), b.size+len(body)+1
	}
	return nil
}

// flush sends what is held, and prints what became of it.
func (b *importBatch) flush() error {
	var answers []importAnswer
	if len(b.rows) > 0 {
		var err error
		if answers, err = b.to.send(b.s, b.rows); err != nil {
			return err
		}
	}
	b.rows, b.size = nil, 0
	for len(b.held) > 0 {
		a := b.held[0]
		b.held = b.held[1:]
		var came importAnswer
		if a.Err == nil {
			came, answers = answers[0], answers[1:]
		}
		if err := b.print(a, came); err != nil {
			return err
		}
	}
	if b.to != nil {
		b.s.say("%d rows: %d imported, %d known, %d refused, %d of unknown persons", b.sum.Rows, b.sum.Imported, b.sum.Known, b.sum.Refused, b.sum.UnknownPerson)
	}
	return nil
}

// print prints what became of a row.
func (b *importBatch) print(a contacts.Answer, came importAnswer) error {
	l := importedLine{Type: "row", Row: a.Row, Line: a.Line, Result: came.Result, Told: append(a.Told, came.Told...), Account: came.Account, Person: came.Person, Stored: came.Stored}
	if a.Err != nil {
		l.Result, l.Error = "refused", a.Err.Error()
	} else {
		for _, e := range came.Errors {
			l.Error = strings.TrimPrefix(l.Error+"; "+strings.TrimSpace(e.Location+" "+e.Detail), "; ")
		}
	}
	switch l.Result {
	case "would_import":
		l.Says = &a.Says
		b.sum.WouldImport++
	case "imported":
		b.sum.Imported++
	case "known":
		b.sum.Known++
	case "unknown_person":
		b.sum.UnknownPerson++
	default:
		b.sum.Refused++
	}
	if l.Result != "refused" {
		b.sum.Activities, b.sum.Outcomes = b.sum.Activities+len(a.Says.Activities), b.sum.Outcomes+len(a.Says.Outcomes)
		if a.Says.Contact != nil {
			b.sum.Contacts++
		}
	}
	return b.s.out.Encode(l)
}

// importTarget is where rows are sent.
type importTarget struct {
	*target
	source string
}

// importAnswer is what the API says of a row.
type importAnswer struct {
	Result string `json:"result"`
	Errors []struct {
		Location string `json:"location"`
		Detail   string `json:"detail"`
	} `json:"errors"`
	Told    []string `json:"told"`
	Account string   `json:"account"`
	Person  string   `json:"person"`
	Stored  int      `json:"stored"`
}

// send sends rows until they are answered. Sent twice they are stored once.
func (t *importTarget) send(s *streams, rows []json.RawMessage) ([]importAnswer, error) {
	body, err := json.Marshal(map[string]any{"source": t.source, "rows": rows})
	if err != nil {
		return nil, err
	}
	var out struct {
		Rows []importAnswer `json:"rows"`
	}
	if err := t.call(s, http.MethodPost, "/imports/rows", body, "analyst", &out); err != nil {
		return nil, err
	}
	if len(out.Rows) != len(rows) {
		return nil, fmt.Errorf("the API answered %d rows of %d", len(out.Rows), len(rows))
	}
	return out.Rows, nil
}
