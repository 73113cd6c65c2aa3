package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Kinds of published document.
const (
	Models    = "models"
	ThemeSets = "themes"
)

// Document is a published, immutable version of something a workspace computes by.
type Document struct {
	Version   string
	Published time.Time
	Body      []byte // JSON
}

type documentItem struct {
	PK, SK    string
	Version   string
	Published string
	Body      []byte // gzip
}

// listedItem stands for a document in the list of versions, in the order of publication.
type listedItem struct {
	PK, SK    string
	Version   string
	Published string
}

type activeItem struct {
	PK, SK string
	Active string
	Since  string
}

// Publish stores a document under its version and makes it the active one. A
// version that exists with another body is an error of kind Conflict; with the
// same, it keeps its place in the list of versions and is active from now on.
func (s *Store) Publish(ctx context.Context, w, kind string, d Document) error {
	body, err := compress(d.Body)
	if err != nil {
		return err
	}
	pk := kindPK(w, kind)
	first := social.Stamp(d.Published)
	_, err = s.putNew(ctx, documentItem{PK: pk, SK: versionSK(d.Version), Version: d.Version, Published: first, Body: body})
	if errors.Is(err, errExists) {
		there, err := s.Document(ctx, w, kind, d.Version)
		if err != nil {
			return err
		}
		if !bytes.Equal(there.Body, d.Body) {
			return fault.New(fault.Conflict, "version %s of %s exists with another content", d.Version, kind)
		}
		first = social.Stamp(there.Published)
	} else if err != nil {
		return err
	}
	// Before it is active, and again for an attempt that died here.
	if err := s.put(ctx, listedItem{PK: pk, SK: listedSK(first, d.Version), Version: d.Version, Published: first}); err != nil {
		return err
	}
	return s.put(ctx, activeItem{PK: pk, SK: "@", Active: d.Version, Since: social.Stamp(d.Published)})
}

// maxDocument bounds a document's compressed body, in bytes: an item holds 400 KiB.
const maxDocument = 380 << 10

func compress(body []byte) ([]byte, error) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(body)
	z.Close()
	if buf.Len() > maxDocument {
		return nil, fault.New(fault.TooLarge, "a document of %d bytes compressed; at most 380 KiB fit", buf.Len())
	}
	return buf.Bytes(), nil
}

// Document returns one version.
func (s *Store) Document(ctx context.Context, w, kind, version string) (Document, error) {
	var it documentItem
	if err := s.get(ctx, key{kindPK(w, kind), versionSK(version)}, &it); err != nil {
		return Document{}, fmt.Errorf("%s version %s: %w", kind, version, err)
	}
	return it.document()
}

func (it documentItem) document() (Document, error) {
	d := Document{Version: it.Version}
	var err error
	if d.Published, err = social.ParseStamp(it.Published); err != nil {
		return d, err
	}
	z, err := gzip.NewReader(bytes.NewReader(it.Body))
	if err != nil {
		return d, err
	}
	d.Body, err = io.ReadAll(z)
	return d, err
}

// ActiveVersion returns which version is active; an error of kind NotFound if none was published.
func (s *Store) ActiveVersion(ctx context.Context, w, kind string) (string, error) {
	var a activeItem
	if err := s.get(ctx, key{kindPK(w, kind), "@"}, &a); err != nil {
		return "", fmt.Errorf("active %s: %w", kind, err)
	}
	return a.Active, nil
}

// Active returns the active version; an error of kind NotFound if none was published.
func (s *Store) Active(ctx context.Context, w, kind string) (Document, error) {
	version, err := s.ActiveVersion(ctx, w, kind)
	if err != nil {
		return Document{}, err
	}
	return s.Document(ctx, w, kind, version)
}

// Listed is a published version without its body. Place is where it stands in the list.
type Listed struct {
	Version   string
	Published time.Time
	Place     string
}

// Versions lists the versions of a kind, the one published last first, after
// the given place ("" from the first), at most limit. It reads no bodies.
func (s *Store) Versions(ctx context.Context, w, kind, after string, limit int) ([]Listed, error) {
	items, err := all[listedItem](ctx, s, query{pk: kindPK(w, kind), prefix: "P#", after: after, descending: true, limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]Listed, len(items))
	for i, it := range items {
		out[i] = Listed{Version: it.Version, Place: it.SK}
		if out[i].Published, err = social.ParseStamp(it.Published); err != nil {
			return nil, err
		}
	}
	return out, nil
}
