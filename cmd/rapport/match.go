package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"rapport/internal/identity"
	"rapport/internal/platform"
	"rapport/internal/social"
)

type matchCommand struct {
	Seed uint64 `default:"1" help:"Of the random pairs that are learned from (${default}): the same accounts and seed give the same lines."`
	File string `arg:"" optional:"" default:"-" help:"A file of accounts; none, or -, is standard input."`
}

// Help is printed by rapport match --help.
func (matchCommand) Help() string {
	return `Finds which accounts are one person's. Reads accounts, a JSON line each: {"id","platform","handle","name","emails":[],"phones":[],"company","location","urls":[],"attributes":{}}, of which only id and platform must be there. E-mails and phones are taken for verified: give no others. Attributes are any fields that a list of people has, such as a date of birth, with texts, numbers or truth values.

Prints for each account, in the order of the input, {"id","person","evidence"}: accounts of one person have the same "person". Evidence is a list of {"account","platform","certain","p","reasons"}, one for each other account of the person that it was found by. Where there is something to tell, "suggestions" names in the same form who may be the same person and is to be looked at, and "ignored" the values that are no evidence, and why.

How often fields agree is learned from the accounts themselves, without labels. The order of the lines changes nothing.

Exits with 1 if a line was refused: it is named on standard error, and the others are matched.

Examples:
  rapport match accounts.jsonl
  echo '{"id":"1","platform":"github","handle":"ana","emails":["ana@contoso.com"]}' | rapport match`
}

// Bounds of what is matched at once, and of one account's line in bytes.
const (
	maxMatched     = 1_000_000
	maxAccountLine = 256 << 10
)

// accountLine is a line of input.
type accountLine struct {
	ID         platform.ID                `json:"id"`
	Platform   string                     `json:"platform"`
	Handle     platform.Text              `json:"handle"`
	Name       platform.Text              `json:"name"`
	Emails     []platform.Text            `json:"emails"`
	Phones     []platform.Text            `json:"phones"`
	Company    platform.Text              `json:"company"`
	Location   platform.Text              `json:"location"`
	URLs       []platform.Text            `json:"urls"`
	Attributes map[string]json.RawMessage `json:"attributes"`
}

type matchLine struct {
	ID          platform.ID    `json:"id"`
	Person      string         `json:"person"`
	Evidence    []evidenceLine `json:"evidence"`
	Suggestions []evidenceLine `json:"suggestions,omitempty"`
	Ignored     []string       `json:"ignored,omitempty"`
}

type evidenceLine struct {
	Account  platform.ID `json:"account"`
	Platform string      `json:"platform"`
	Certain  bool        `json:"certain"`
	P        float64     `json:"p"`
	Reasons  []string    `json:"reasons"`
}

// Run matches the accounts of a file.
func (c *matchCommand) Run(s *streams) error {
	in, done, err := open(c.File, s.in)
	if err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	var accounts []identity.Account
	lines := map[string]accountLine{} // by the account's id
	first := map[string]int{}
	refused := 0
	err = eachLine(in, func(n int, line []byte) error {
		if len(accounts) == maxMatched {
			return fmt.Errorf("line %d: more than %d accounts: match them in parts, say by company or country", n, maxMatched)
		}
		l, a, err := parseAccount(line)
		if platform.NamesNobody(string(l.ID)) {
			// Whoever comes under it is somebody else each time.
			a.ID = social.AccountRef{Platform: social.Platform(l.Platform), Scope: fmt.Sprint("line ", n), ID: string(l.ID)}.AccountID()
		}
		if err == nil && first[a.ID] > 0 {
			err = fmt.Errorf("the account %.80q of %.80q stands in line %d already: give each account once", l.ID, l.Platform, first[a.ID])
		}
		if err != nil {
			refused++
			s.say("line %d is left out: %v", n, err)
			return nil
		}
		first[a.ID], lines[a.ID] = n, l
		accounts = append(accounts, a)
		return nil
	})
	if err = errors.Join(err, done()); err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	order := make([]string, len(accounts))
	for i, a := range accounts {
		order[i] = a.ID
	}
	found := map[string]identity.Match{}
	persons := map[string]bool{}
	for _, m := range identity.MatchAll(accounts, nil, c.Seed, s.say) {
		found[m.Account] = m
		persons[m.Person] = true
	}
	told := func(list []identity.Evidence) []evidenceLine {
		out := make([]evidenceLine, len(list))
		for i, e := range list {
			l := lines[e.With]
			out[i] = evidenceLine{l.ID, l.Platform, e.Certain, math.Round(e.P*1e4) / 1e4, e.Reasons}
		}
		return out
	}
	for _, id := range order {
		m := found[id]
		if l := lines[id]; platform.NamesNobody(string(l.ID)) {
			m.Ignored = append([]string{fmt.Sprintf("id %q stands for nobody", social.Shown(string(l.ID)))}, m.Ignored...)
		}
		if err := s.out.Encode(matchLine{lines[id].ID, m.Person, told(m.Evidence), told(m.Suggestions), m.Ignored}); err != nil {
			return err
		}
	}
	s.say("%d accounts, %d persons, %d lines left out", len(accounts), len(persons), refused)
	if refused > 0 {
		return errRefused
	}
	return nil
}

// parseAccount reads a line. Its errors say what to do.
func parseAccount(line []byte) (accountLine, identity.Account, error) {
	var l accountLine
	var a identity.Account
	if len(line) > maxAccountLine {
		return l, a, fmt.Errorf("it has %d bytes, more than %d: leave out what is no profile", len(line), maxAccountLine)
	}
	if line[0] != '{' {
		return l, a, errors.New(`it is no JSON object: write {"id","platform", …}`)
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return l, a, fmt.Errorf(`it can't be read as {"id","platform","handle","name","emails":[],"phones":[],"company","location","urls":[],"attributes":{}}: %w`, err)
	}
	if strings.TrimSpace(string(l.ID)) == "" {
		return l, a, errors.New(`it has no "id": give the account's id on its platform`)
	}
	if strings.TrimSpace(l.Platform) == "" {
		return l, a, errors.New(`it has no "platform": say where the account is, such as "github", or what list the row is from`)
	}
	a = identity.Account{Platform: l.Platform, Handle: string(l.Handle), Name: string(l.Name), Company: string(l.Company), Location: string(l.Location),
		Emails: texted(l.Emails), Phones: texted(l.Phones), URLs: texted(l.URLs)}
	a.ID = social.AccountRef{Platform: social.Platform(l.Platform), ID: string(l.ID)}.AccountID()
	for _, k := range slices.Sorted(maps.Keys(l.Attributes)) {
		var v platform.Text
		if err := json.Unmarshal(bytes.TrimSpace(l.Attributes[k]), &v); err != nil {
			return l, a, fmt.Errorf("its attribute %.80q is a list or an object: give a text, a number or a truth value", k)
		}
		if v != "" {
			if a.Attributes == nil {
				a.Attributes = map[string]string{}
			}
			a.Attributes[k] = string(v)
		}
	}
	return l, a, nil
}

func texted(list []platform.Text) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = string(t)
	}
	return out
}
