package store

import (
	"context"
	"encoding/binary"

	"rapport/internal/fault"
)

// Who works for a company, and on which days they did something, is a view
// that package leads makes with the heads, where a scoring model asks for it:
// one item for each person, in one partition for each company. The head says
// among whose people a person is listed (Known.ListedAt).

// Colleague is a person of a company.
type Colleague struct {
	Person  string
	Days    []int // (UTC, since 1970) on which the person did something that counts
	Open    bool  // the days changed, and colleagues are perhaps not scored by it yet
	Version int64
}

// colleagueItem says on which days a person of a company did something.
type colleagueItem struct {
	PK, SK  string
	Schema  int
	Version int64
	Days    []byte // the first, then how many days after the one before each of the others is
	Open    bool   `dynamodbav:",omitempty"`
}

// MaxColleagues bounds how many people of a company are read.
const MaxColleagues = 500

// PeopleOf lists the people of a company by their ids, at most MaxColleagues.
// more says that there are others.
func (s *Store) PeopleOf(ctx context.Context, w, company string) (people []Colleague, more bool, err error) {
	items, err := all[colleagueItem](ctx, s, query{pk: colleaguesPK(w, company), limit: MaxColleagues + 1})
	if more = len(items) > MaxColleagues; more {
		items = items[:MaxColleagues]
	}
	for _, it := range items {
		people = append(people, it.colleague())
	}
	return people, more, err
}

// ColleagueOf returns a person of a company, of version 0 if not listed there.
func (s *Store) ColleagueOf(ctx context.Context, w, company, person string) (Colleague, error) {
	it := colleagueItem{SK: person}
	if err := s.get(ctx, key{colleaguesPK(w, company), person}, &it); err != nil && !fault.Is(err, fault.NotFound) {
		return Colleague{}, err
	}
	return it.colleague(), nil
}

func (it colleagueItem) colleague() Colleague {
	c := Colleague{Person: it.SK, Open: it.Open, Version: it.Version}
	day := 0
	for rest := it.Days; len(rest) > 0; {
		after, n := binary.Uvarint(rest)
		if n <= 0 {
			break
		}
		day, rest = day+int(after), rest[n:]
		c.Days = append(c.Days, day)
	}
	return c
}

// PutColleague lists a person, of which the version read before is given, at a
// company. It returns the person as listed.
func (s *Store) PutColleague(ctx context.Context, w, company string, c Colleague) (Colleague, error) {
	read, before := c.Version, 0
	c.Version = nextVersion(read)
	it := colleagueItem{PK: colleaguesPK(w, company), SK: c.Person, Schema: 1, Version: c.Version, Days: []byte{}, Open: c.Open}
	for _, d := range c.Days {
		it.Days = binary.AppendUvarint(it.Days, uint64(d-before))
		before = d
	}
	return c, s.putVersion(ctx, it, read)
}

// DeleteColleague takes a person, of which the version read before is given, off a company.
func (s *Store) DeleteColleague(ctx context.Context, w, company string, c Colleague) error {
	return s.deleteVersion(ctx, key{colleaguesPK(w, company), c.Person}, c.Version)
}
