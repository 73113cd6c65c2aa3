package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Lead is the stored head of a person's score under one model: enough for a
// list. Its contributions are evaluated again when one lead is looked at.
type Lead struct {
	Person     string
	Model      string    // the model's id
	ModelVer   string    // "id@version" of the model that scored it
	Micro      int64     // micro-points
	Engagement int       // 1 to 4
	Grade      string    //
	Fit        string    //
	AsOf       time.Time // the person's newest fact
	NextChange time.Time // when the grade changes without new facts; zero: never
	Reasons    []string  // the strongest, in words
	Platform   string    // of the newest fact
	Name       string    // as last seen; may be empty
	Handle     string    // as last seen; may be empty
	URL        string    // of the newest fact that has one
	Version    int64
}

type leadItem struct {
	PK, SK     string
	G1PK, G1SK string
	Version    int64
	Person     string
	Model      string
	ModelVer   string
	Micro      int64
	Engagement int
	Grade, Fit string
	AsOf       string
	NextChange string   `dynamodbav:",omitempty"`
	Reasons    []string `dynamodbav:",omitempty"`
	Platform   string
	Name       string `dynamodbav:",omitempty"`
	Handle     string `dynamodbav:",omitempty"`
	URL        string `dynamodbav:",omitempty"`
}

func (it leadItem) lead() (Lead, error) {
	l := Lead{Person: it.Person, Model: it.Model, ModelVer: it.ModelVer, Micro: it.Micro, Engagement: it.Engagement, Grade: it.Grade, Fit: it.Fit,
		Reasons: it.Reasons, Platform: it.Platform, Name: it.Name, Handle: it.Handle, URL: it.URL, Version: it.Version}
	var err error
	if l.AsOf, err = social.ParseStamp(it.AsOf); err != nil {
		return l, err
	}
	if it.NextChange != "" {
		l.NextChange, err = social.ParseStamp(it.NextChange)
	}
	return l, err
}

// Lead returns the stored lead of a person; an error of kind NotFound if there is none.
func (s *Store) Lead(ctx context.Context, w, person, model string) (Lead, error) {
	var it leadItem
	if err := s.get(ctx, key{personPK(w, person), leadSK(model)}, &it); err != nil {
		return Lead{}, fmt.Errorf("lead %s: %w", person, err)
	}
	return it.lead()
}

// LeadVersion returns the version of a stored lead; 0 if there is none.
func (s *Store) LeadVersion(ctx context.Context, w, person, model string) (int64, error) {
	l, err := s.Lead(ctx, w, person, model)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return l.Version, err
}

// PutLead writes a lead whose Version is the one read before.
func (s *Store) PutLead(ctx context.Context, w string, l Lead) error {
	it := leadItem{PK: personPK(w, l.Person), SK: leadSK(l.Model), G1PK: rankG1(w, l.Model, l.Person), G1SK: rankKey(l.Micro, l.Person), Version: l.Version + 1,
		Person: l.Person, Model: l.Model, ModelVer: l.ModelVer, Micro: l.Micro, Engagement: l.Engagement, Grade: l.Grade, Fit: l.Fit,
		AsOf: social.Stamp(l.AsOf), Reasons: l.Reasons, Platform: l.Platform, Name: l.Name, Handle: l.Handle, URL: l.URL}
	if !l.NextChange.IsZero() {
		it.NextChange = social.Stamp(l.NextChange)
	}
	return s.putVersion(ctx, it, l.Version)
}

// Leads returns leads by falling stored score, the shards merged, after the
// given place in that order ("" from the top), at most limit, and the place
// of the last one.
func (s *Store) Leads(ctx context.Context, w, model, after string, limit int) ([]Lead, string, error) {
	var items []leadItem
	for _, pk := range allShards(w + "#R#" + model) {
		part, err := all[leadItem](ctx, s, query{index: "G1", pk: pk, after: after, limit: limit})
		if err != nil {
			return nil, "", err
		}
		items = append(items, part...)
	}
	slices.SortFunc(items, func(a, b leadItem) int { return strings.Compare(a.G1SK, b.G1SK) })
	items = items[:min(limit, len(items))]
	out := make([]Lead, len(items))
	last := after
	for i, it := range items {
		l, err := it.lead()
		if err != nil {
			return nil, "", err
		}
		out[i], last = l, it.G1SK
	}
	return out, last, nil
}
