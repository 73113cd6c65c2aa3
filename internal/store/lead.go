package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Lead is the stored head of a person's score under one model: less than 1 KB,
// and enough to find the person's place in a list. What a list shows is
// evaluated when it is looked at, reasons and all.
type Lead struct {
	Person     string
	Model      string    // the model's id
	ModelVer   string    // "id@version" of the model that scored it
	Micro      int64     // micro-points
	Engagement int       // 1 to 4
	Grade      string    //
	Fit        string    //
	AsOf       time.Time // what the score holds for: the person's newest fact, or a later day on which step or engagement changed by themselves
	Calls      bool      // whether the model says that somebody should call
	Waits      bool      // that somebody should is still to be announced: when an open complaint ends, or at the next tick
	NextChange time.Time // when engagement or what counts changes without new facts; zero: never
	Due        time.Time // when the lead is to be scored again without new facts: when its step or engagement will differ, a snooze ends, or sooner; zero: never

	// Of all the person's dated facts, however old.
	First   time.Time // the earliest thing the person did; zero if all was undated
	Seen    time.Time // the newest
	SeenOn  string    // where that was
	Undated bool      // there are undated facts too

	Name     string // as last seen; may be empty
	Handle   string // as last seen; may be empty
	NamedBy  Mark   // the activity that shows name and handle
	URL      string // of the newest message that has a short one; may be empty
	LinkedBy Mark   // that activity
	Working         // what was decided about it
	Known           // what is known of the person beside that
	Version  int64
}

// Known is what a head repeats of the attributes that were told of a person.
type Known struct {
	AttributesAt time.Time // since when the newest of them holds; zero: none was told
	Company      string    // the company's id; "": none is known
	CompanyName  string    // cut as a name is
	ListedAt     string    // the id of the company among whose people the person is listed (Colleague); "": of none
}

// Bounds of what a head repeats of a person, in bytes.
const (
	maxLeadName = 64
	maxLeadURL  = 200
)

// ShortName is a name or handle as a head keeps it: cut at a letter, if it is long.
func ShortName(s string) string {
	if len(s) <= maxLeadName {
		return s
	}
	return strings.ToValidUTF8(s[:maxLeadName], "")
}

// ShortURL reports whether a head keeps a link. A longer one would not lead
// anywhere if it were cut.
func ShortURL(s string) bool { return s != "" && len(s) <= maxLeadURL }

// Step is how high a lead with so many micro-points stands in the list: each
// step holds a quarter to a seventh more points than the one before. Step 0
// holds from 0 to 1 point, and what was taken away counts down from -1 alike.
func Step(micro int64) int {
	switch {
	case micro < 0:
		return -1 - Step(-(micro + 1))
	case micro < 1_000_000:
		return 0
	}
	return quarters(uint64(micro)) - quarters(1_000_000) + 1
}

// quarters is the power of two below n, times four, and how many quarters of
// the way to the next power n has gone.
func quarters(n uint64) int {
	power := bits.Len64(n) - 1
	return 4*power + int(n>>(power-2)&3)
}

type leadItem struct {
	PK, SK     string
	G1PK, G1SK string
	G3PK       string `dynamodbav:",omitempty"`
	G3SK       string `dynamodbav:",omitempty"`
	Schema     int
	Version    int64
	ModelVer   string
	Micro      int64
	Engagement int
	Grade, Fit string
	AsOf       int64  // like all instants here, in milliseconds since 1970
	NextChange int64  `dynamodbav:",omitempty"`
	Due        int64  `dynamodbav:",omitempty"`
	First      int64  `dynamodbav:",omitempty"`
	Seen       int64  `dynamodbav:",omitempty"`
	SeenOn     string `dynamodbav:",omitempty"`
	Undated    bool   `dynamodbav:",omitempty"`
	Name       string `dynamodbav:",omitempty"`
	Handle     string `dynamodbav:",omitempty"`
	NamedBy    string `dynamodbav:",omitempty"`
	URL        string `dynamodbav:",omitempty"`
	LinkedBy   string `dynamodbav:",omitempty"`
	Status     string `dynamodbav:",omitempty"`
	Owner      string `dynamodbav:",omitempty"`
	Snoozed    int64  `dynamodbav:",omitempty"`
	Department string `dynamodbav:",omitempty"`
	Customer   bool   `dynamodbav:",omitempty"`
	Calls      bool   `dynamodbav:",omitempty"`
	Waits      bool   `dynamodbav:",omitempty"`
	Decided    int64  `dynamodbav:",omitempty"`
	ToldAt     int64  `dynamodbav:",omitempty"`
	Company    string `dynamodbav:",omitempty"`
	CompanyIs  string `dynamodbav:",omitempty"`
	ListedAt   string `dynamodbav:",omitempty"`
}

// millis writes an instant; the zero instant is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func ofMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func (it leadItem) lead() Lead {
	return Lead{Person: lastPart(it.PK), Model: lastPart(it.SK), ModelVer: it.ModelVer, Micro: it.Micro, Calls: it.Calls, Waits: it.Waits, Engagement: it.Engagement, Grade: it.Grade, Fit: it.Fit,
		AsOf: ofMillis(it.AsOf), NextChange: ofMillis(it.NextChange), Due: ofMillis(it.Due), First: ofMillis(it.First), Seen: ofMillis(it.Seen), SeenOn: it.SeenOn,
		Undated: it.Undated, Name: it.Name, Handle: it.Handle, NamedBy: Mark(it.NamedBy), URL: it.URL, LinkedBy: Mark(it.LinkedBy), Version: it.Version,
		Known:   Known{AttributesAt: ofMillis(it.ToldAt), Company: it.Company, CompanyName: it.CompanyIs, ListedAt: it.ListedAt},
		Working: Working{Status: it.Status, Owner: it.Owner, Snoozed: ofMillis(it.Snoozed), Department: it.Department, Customer: it.Customer, Decided: ofMillis(it.Decided)}}
}

// Lead returns the stored lead of a person; an error of kind NotFound if there is none.
func (s *Store) Lead(ctx context.Context, w, person, model string) (Lead, error) {
	var it leadItem
	if err := s.get(ctx, key{personPK(w, person), leadSK(model)}, &it); err != nil {
		return Lead{}, fmt.Errorf("lead %s: %w", person, err)
	}
	return it.lead(), nil
}

// LeadVersion returns the version of a stored lead; 0 if there is none.
func (s *Store) LeadVersion(ctx context.Context, w, person, model string) (int64, error) {
	l, err := s.Lead(ctx, w, person, model)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return l.Version, err
}

// LeadsOf returns the stored leads of persons, in their order; one that is
// not there has version 0.
func (s *Store) LeadsOf(ctx context.Context, w, model string, persons []string) ([]Lead, error) {
	return s.LeadsBy(ctx, w, []string{model}, persons)
}

// LeadsBy is LeadsOf several models: of all persons by the first, then by the next.
func (s *Store) LeadsBy(ctx context.Context, w string, models, persons []string) ([]Lead, error) {
	var keys []key
	for _, m := range models {
		for _, p := range persons {
			keys = append(keys, key{personPK(w, p), leadSK(m)})
		}
	}
	return s.leads(ctx, keys)
}

func (s *Store) leads(ctx context.Context, keys []key) ([]Lead, error) {
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]Lead, len(keys))
	for i, it := range items {
		if it == nil {
			out[i] = Lead{Person: lastPart(keys[i].PK), Model: lastPart(keys[i].SK)}
			continue
		}
		var l leadItem
		if err := attributevalue.UnmarshalMap(it, &l); err != nil {
			return nil, err
		}
		out[i] = l.lead()
	}
	return out, nil
}

// PutLead writes a lead whose Version is the one read before and, with it or not
// at all, what is to be announced of it (nil: nothing).
func (s *Store) PutLead(ctx context.Context, w string, l Lead, news *Announcement) error {
	it := leadItem{PK: personPK(w, l.Person), SK: leadSK(l.Model), G1PK: rankG1(w, l.Model, l.Person), G1SK: rankKey(Step(l.Micro), l.Person), Schema: 1, Version: nextVersion(l.Version),
		ModelVer: l.ModelVer, Micro: l.Micro, Engagement: l.Engagement, Grade: l.Grade, Fit: l.Fit,
		AsOf: millis(l.AsOf), NextChange: millis(l.NextChange), Due: millis(l.Due), First: millis(l.First), Seen: millis(l.Seen), SeenOn: l.SeenOn,
		Undated: l.Undated, Name: l.Name, Handle: l.Handle, NamedBy: string(l.NamedBy), URL: l.URL, LinkedBy: string(l.LinkedBy),
		Status: l.Status, Owner: l.Owner, Snoozed: millis(l.Snoozed), Department: l.Department, Customer: l.Customer, Calls: l.Calls, Waits: l.Waits, Decided: millis(l.Decided),
		ToldAt: millis(l.AttributesAt), Company: l.Company, CompanyIs: ShortName(l.CompanyName), ListedAt: l.ListedAt}
	if !l.Due.IsZero() {
		it.G3PK, it.G3SK = dueScorePK(shard(l.Person)), dueScoreSK(l.Due, w, l.Person)
		if isRebuilt(w) {
			it.G3PK = asideOfDue + it.G3PK
		}
	}
	if news == nil || isRebuilt(w) {
		return s.putVersion(ctx, it, l.Version)
	}
	head, err := s.putting(it, "attribute_not_exists(PK)")
	if err != nil {
		return err
	}
	if l.Version > 0 {
		head.Put.ConditionExpression, head.Put.ExpressionAttributeValues = aws.String("Version = :v"), map[string]types.AttributeValue{":v": num(l.Version)}
	}
	told, err := s.putting(news.item(key{personPK(w, l.Person), announcedSK(*news)}, w), "")
	if err != nil {
		return err
	}
	return s.change(ctx, "put lead", head, told)
}

// ForgetAnnouncements takes away what was announced of a person.
func (s *Store) ForgetAnnouncements(ctx context.Context, w, person string) error {
	for {
		list, err := all[key](ctx, s, query{pk: personPK(w, person), prefix: announcements, limit: pageOfMoves})
		if err != nil || len(list) == 0 {
			return err
		}
		if err := errors.Join(parallel.Each(ctx, len(list), 16, func(i int) error { return s.delete(ctx, list[i]) })...); err != nil {
			return err
		}
	}
}

// Place is where a lead stands in the list.
func (l Lead) Place() string { return rankKey(Step(l.Micro), l.Person) }

// DeleteLead takes a lead away whose Version is the one read before.
func (s *Store) DeleteLead(ctx context.Context, w string, l Lead) error {
	return s.deleteVersion(ctx, key{personPK(w, l.Person), leadSK(l.Model)}, l.Version)
}

// DropLead takes a person's lead by one model away, as it stands; none is no error.
func (s *Store) DropLead(ctx context.Context, w, person, model string) error {
	return s.delete(ctx, key{personPK(w, person), leadSK(model)})
}

// LeadModels lists the models by which a person has leads.
func (s *Store) LeadModels(ctx context.Context, w, person string) ([]string, error) {
	heads, err := all[key](ctx, s, query{pk: personPK(w, person), prefix: leadSK(""), most: maxModelsOf})
	out := make([]string, len(heads))
	for i, k := range heads {
		out[i] = lastPart(k.SK)
	}
	return out, err
}

// Leads returns leads by falling step, and by person within a step, the
// shards merged, after the given place in that order ("" from the top), at
// most limit. next is the place of the last one, "" if there are no more. One
// that moves meanwhile can be missed, or come twice.
func (s *Store) Leads(ctx context.Context, w, model, after string, limit int) (found []Lead, next string, err error) {
	pks := allShards(w + "#R#" + model)
	parts := make([][]rankedKey, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) (err error) {
		parts[i], err = all[rankedKey](ctx, s, query{index: "G1", pk: pks[i], after: after, limit: limit + 1, keysOnly: true})
		return err
	})
	for _, err := range errs {
		if err != nil {
			return nil, "", err
		}
	}
	ranked := slices.Concat(parts...)
	slices.SortFunc(ranked, func(a, b rankedKey) int { return cmp.Compare(a.G1SK, b.G1SK) })
	if len(ranked) > limit {
		ranked = ranked[:limit]
		next = ranked[limit-1].G1SK
	}
	keys := make([]key, len(ranked))
	for i, r := range ranked {
		keys[i] = key{r.PK, r.SK}
	}
	found, err = s.leads(ctx, keys)
	return slices.DeleteFunc(found, func(l Lead) bool { return l.Version == 0 }), next, err // gone meanwhile
}

type rankedKey struct{ PK, SK, G1SK string }

// DueLead names a person to be scored again, and the model by which it is due.
type DueLead struct {
	Workspace, Person, Model string
	Due                      time.Time
}

// DueLeads lists the leads of all workspaces who are due to be scored again
// by an instant, those due first from each shard, at most limit.
func (s *Store) DueLeads(ctx context.Context, by time.Time, limit int) ([]DueLead, error) {
	var out []DueLead
	for _, pk := range allShards("DUE#score") {
		err := s.scan(ctx, query{index: "G3", pk: pk, from: "0", to: social.Stamp(by) + "$", limit: (limit + shards - 1) / shards, keysOnly: true}, func(it map[string]types.AttributeValue) (bool, error) {
			at, rest, _ := strings.Cut(text(it["G3SK"]), "#")
			i := strings.LastIndexByte(rest, '#')
			due, err := social.ParseStamp(at)
			if err != nil || i < 0 {
				return false, fmt.Errorf("due lead %q: %w", text(it["G3SK"]), err)
			}
			out = append(out, DueLead{rest[:i], rest[i+1:], lastPart(text(it["SK"])), due})
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b DueLead) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Person, b.Person)) })
	return out, nil
}
