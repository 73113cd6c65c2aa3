package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"rapport/internal/contacts"
	"rapport/internal/sheet"
	"rapport/internal/social"
)

type exportCommand struct {
	What      string `enum:"contacts,outcomes,activities" default:"contacts" help:"contacts, outcomes or activities (${default})."`
	Format    string `enum:"csv,vcard,jsonl" default:"csv" help:"csv, vcard (contacts alone) or jsonl (${default})."`
	URL       string `name:"url" placeholder:"URL" help:"The API's address: ApiUrl in the outputs of the stack."`
	Workspace string `placeholder:"ID" help:"The workspace to export from."`
	KeyFile   string `placeholder:"FILE" help:"A machine key of the workspace, or an access token, in a file."`
	Attempts  int    `default:"8" help:"How often to try a request that gets 429, 5xx or no answer (${default})."`
}

// Help is printed by rapport export --help.
func (exportCommand) Help() string {
	return `Prints the contacts, the outcomes or the activities of a workspace as a list that rapport import reads. Contacts and outcomes need the role viewer, activities analyst. What is exported, imported elsewhere and exported from there is the same, but for when it became known: docs/import.md says what does not go along. Import contacts first, then activities, then outcomes.

Examples:
  rapport export --url https://… --workspace acme --key-file key > contacts.csv
  rapport export --what activities --format jsonl --url https://… --workspace acme --key-file key > activities.jsonl`
}

// Run exports.
func (c *exportCommand) Run(s *streams) error {
	if c.Format == "vcard" && c.What != "contacts" {
		return misused("--format vcard is for contacts: export %s as csv or jsonl", c.What)
	}
	if c.Attempts < 1 {
		return misused("--attempts is at least 1")
	}
	from, err := newTarget(c.URL, c.Workspace, c.KeyFile, c.Attempts, "")
	if err != nil {
		return err
	}
	n := 0
	count := func() {
		if n++; n%10_000 == 0 {
			s.say("%d %s", n, c.What)
		}
	}
	switch c.What {
	case "contacts":
		err = c.contacts(s, from, count)
	case "outcomes":
		err = c.outcomes(s, from, count)
	default:
		err = c.activities(s, from, count)
	}
	if err != nil {
		return fmt.Errorf("after %d %s: %w", n, c.What, err)
	}
	s.say("%d %s", n, c.What)
	return nil
}

// maxExportPage is how many items are asked for at a time.
const maxExportPage = 100

// pages hands each item of a list of the API to f, in the list's order.
func pages[T any](s *streams, from *target, path, role string, f func(T) error) error {
	cursor := ""
	for {
		q := url.Values{"limit": {fmt.Sprint(maxExportPage)}}
		if cursor != "" {
			q.Set("cursor", cursor)
		}
		u, err := url.Parse(path)
		if err != nil {
			return err
		}
		for k, v := range u.Query() {
			q[k] = v
		}
		var page struct {
			Items []T    `json:"items"`
			Next  string `json:"next_cursor"`
		}
		if err := from.call(s, http.MethodGet, u.Path+"?"+q.Encode(), nil, role, &page); err != nil {
			return err
		}
		for _, x := range page.Items {
			if err := f(x); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		if page.Next == cursor {
			return errors.New("the API gave the same cursor twice")
		}
		cursor = page.Next
	}
}

// contacts writes contacts. A table has the columns of all: so they are kept in a file until they are known.
func (c *exportCommand) contacts(s *streams, from *target, count func()) error {
	each := func(f func(contacts.Listed) error) error {
		return pages(s, from, "/contacts", "viewer", func(l contacts.Listed) error {
			count()
			if l.TooMany {
				s.say("%s is without its attributes: so many were told that they can't be read; erase the account", l.Account)
			}
			for _, part := range l.Contact.Parts() {
				if err := f(contacts.Listed{Person: l.Person, Account: l.Account, Contact: part, TooMany: l.TooMany}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	switch c.Format {
	case "jsonl":
		return each(func(l contacts.Listed) error { return s.out.Encode(l) })
	case "vcard":
		return each(func(l contacts.Listed) error { return contacts.WriteCard(s.raw, l) })
	}
	held, err := os.CreateTemp("", "rapport-export-*")
	if err != nil {
		return err
	}
	defer os.Remove(held.Name())
	defer held.Close()
	var shape contacts.Shape
	b := bufio.NewWriter(held)
	keep := json.NewEncoder(b)
	if err := each(func(l contacts.Listed) error { shape.See(l.Contact); return keep.Encode(l) }); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if _, err := held.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w := sheet.NewWriter(s.raw)
	write, err := shape.Table(w)
	if err != nil {
		return err
	}
	for d := json.NewDecoder(bufio.NewReader(held)); ; {
		var l contacts.Listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return w.Flush()
		} else if err != nil {
			return err
		}
		if err := write(l); err != nil {
			return err
		}
	}
}

// exportedOutcome is an outcome as the API lists it.
type exportedOutcome struct {
	ID       string `json:"id"`
	Person   string `json:"person"`
	Kind     string `json:"kind"`
	At       string `json:"at"`
	Value    string `json:"value"`
	Currency string `json:"currency"`
	With     *struct {
		Platform string `json:"platform"`
		Scope    string `json:"scope"`
		Account  string `json:"account"`
	} `json:"with"`
}

func (c *exportCommand) outcomes(s *streams, from *target, count func()) error {
	w := sheet.NewWriter(s.raw)
	if c.Format == "csv" {
		if err := w.Write(contacts.OutcomeColumns); err != nil {
			return err
		}
	}
	err := pages(s, from, "/outcomes?accounts=true", "viewer", func(x exportedOutcome) error {
		if x.With == nil {
			return nil // it is being erased
		}
		count()
		o := contacts.Outcome{ID: x.ID, Platform: x.With.Platform, Scope: x.With.Scope, Account: x.With.Account, Kind: x.Kind, At: x.At, Value: x.Value, Currency: x.Currency}
		if c.Format == "jsonl" {
			return s.out.Encode(o)
		}
		return w.Write(contacts.OutcomeRow(x.Person, o))
	})
	return errors.Join(err, w.Flush())
}

func (c *exportCommand) activities(s *streams, from *target, count func()) error {
	w := sheet.NewWriter(s.raw)
	if c.Format == "csv" {
		if err := w.Write(contacts.ActivityColumns); err != nil {
			return err
		}
	}
	err := pages(s, from, "/activities", "analyst", func(l social.Line) error {
		count()
		if c.Format == "jsonl" {
			return s.out.Encode(l)
		}
		row, err := contacts.ActivityRow(l)
		if err != nil {
			return err
		}
		return w.Write(row)
	})
	return errors.Join(err, w.Flush())
}
