package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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
	PK, SK  string
	Active  string `dynamodbav:",omitempty"`
	Since   string `dynamodbav:",omitempty"`
	Pending string `dynamodbav:",omitempty"` // the version that is being prepared
	Reached string `dynamodbav:",omitempty"` // how far

	Beside map[string]string `dynamodbav:",omitempty"` // of scoring models: which versions of others than the default one are in use
}

// Publish stores a document under its version and makes it the active one. A
// version that exists with another body is an error of kind Conflict; with the
// same, it keeps its place in the list of versions and is active from now on.
// Another one that was being prepared is no more.
func (s *Store) Publish(ctx context.Context, w, kind string, d Document) error {
	if err := s.list(ctx, w, kind, d); err != nil {
		return err
	}
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{kindPK(w, kind), "@"}.av(),
		UpdateExpression:          aws.String("SET Active = :v, Since = :s REMOVE Pending, Reached"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": str(d.Version), ":s": str(social.Stamp(d.Published))}})
	return classify("publish", err)
}

// Prepare stores a document under its version, as Publish does, and notes that
// it is to be the active one when what depends on it is ready. Another one
// that was being prepared is no more.
func (s *Store) Prepare(ctx context.Context, w, kind string, d Document) error {
	if err := s.list(ctx, w, kind, d); err != nil {
		return err
	}
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{kindPK(w, kind), "@"}.av(),
		UpdateExpression: aws.String("SET Pending = :v REMOVE Reached"), ExpressionAttributeValues: map[string]types.AttributeValue{":v": str(d.Version)}})
	return classify("prepare", err)
}

// PutReached notes how far a version is prepared; an error of kind Conflict if
// it is no longer the one.
func (s *Store) PutReached(ctx context.Context, w, kind, version string, at time.Time) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{kindPK(w, kind), "@"}.av(),
		UpdateExpression: aws.String("SET Reached = :r"), ConditionExpression: aws.String("Pending = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": str(version), ":r": str(social.Stamp(at))}})
	return classify("prepare", err)
}

// Pending returns the version that is being prepared, "" for none, and how far it is.
func (s *Store) Pending(ctx context.Context, w, kind string) (version string, reached time.Time, err error) {
	var a activeItem
	err = s.get(ctx, key{kindPK(w, kind), "@"}, &a)
	if fault.Is(err, fault.NotFound) {
		return "", reached, nil
	}
	if err == nil && a.Reached != "" {
		reached, err = social.ParseStamp(a.Reached)
	}
	return a.Pending, reached, err
}

// InUse returns the active version and the one that is being prepared; "" where there is none.
func (s *Store) InUse(ctx context.Context, w, kind string) (active, pending string, err error) {
	var a activeItem
	if err = s.get(ctx, key{kindPK(w, kind), "@"}, &a); fault.Is(err, fault.NotFound) {
		err = nil
	}
	return a.Active, a.Pending, err
}

// list stores a document and puts it on the list of versions.
func (s *Store) list(ctx context.Context, w, kind string, d Document) error {
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
	return s.put(ctx, listedItem{PK: pk, SK: listedSK(first, d.Version), Version: d.Version, Published: first})
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
	d.Body, err = decompress(it.Body)
	return d, err
}

func decompress(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// ActiveVersion returns which version is active; an error of kind NotFound if none was published.
func (s *Store) ActiveVersion(ctx context.Context, w, kind string) (string, error) {
	a, err := s.activeOf(ctx, w, kind)
	return a.Active, err
}

func (s *Store) activeOf(ctx context.Context, w, kind string) (activeItem, error) {
	var a activeItem
	if err := s.get(ctx, key{kindPK(w, kind), "@"}, &a); err != nil {
		return a, fmt.Errorf("active %s: %w", kind, err)
	}
	if a.Active == "" {
		return a, fault.New(fault.NotFound, "no version of %s is published yet", kind)
	}
	return a, nil
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
