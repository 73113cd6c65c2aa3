package store

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/social"
)

// Draft is a scoring model that is being written: nobody is scored by it.
type Draft struct {
	Name    string
	At      time.Time // when it was saved last
	By      string    // the member or key that saved it
	Body    []byte    // the document of rules, JSON
	Version int64     // of the item as it was read; 0: none was
}

type draftItem struct {
	PK, SK  string
	Schema  int
	Name    string
	At, By  string
	Body    []byte // gzip
	Version int64
}

// maxDrafts bounds how many drafts are listed: more than any limit allows,
// since two that are begun at once may both take the last place.
const maxDrafts = 200

func draftKey(w, name string) key { return key{kindPK(w, "drafts"), name} }

// PutDraft saves a draft, on condition that it is as it was read, by d.Version
// (0: there was none); else its error is of kind Conflict.
func (s *Store) PutDraft(ctx context.Context, w string, d Draft) error {
	body, err := compress(d.Body)
	if err != nil {
		return err
	}
	k := draftKey(w, d.Name)
	return s.putVersion(ctx, draftItem{PK: k.PK, SK: k.SK, Schema: 1, Name: d.Name, At: social.Stamp(d.At), By: d.By, Body: body, Version: nextVersion(d.Version)}, d.Version)
}

// Draft returns one draft; an error of kind NotFound if there is none of that name.
func (s *Store) Draft(ctx context.Context, w, name string) (Draft, error) {
	k := draftKey(w, name)
	var it draftItem
	if err := s.get(ctx, k, &it); err != nil {
		return Draft{}, fmt.Errorf("draft %s: %w", name, err)
	}
	return it.draft()
}

// Drafts lists a workspace's drafts, by name.
func (s *Store) Drafts(ctx context.Context, w string) ([]Draft, error) {
	items, err := all[draftItem](ctx, s, query{pk: kindPK(w, "drafts"), most: maxDrafts})
	if err != nil {
		return nil, err
	}
	out := make([]Draft, len(items))
	for i, it := range items {
		if out[i], err = it.draft(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DeleteDraft takes a draft away; one that is gone is an error of kind NotFound.
func (s *Store) DeleteDraft(ctx context.Context, w, name string) error {
	return s.deleteThere(ctx, draftKey(w, name), "draft")
}

func (it draftItem) draft() (Draft, error) {
	d := Draft{Name: it.Name, By: it.By, Version: it.Version}
	var err error
	if d.At, err = social.ParseStamp(it.At); err != nil {
		return d, err
	}
	d.Body, err = decompress(it.Body)
	return d, err
}
