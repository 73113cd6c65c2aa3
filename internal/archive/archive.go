// Package archive keeps objects in the bucket: deliveries as they came,
// compressed, and what is too large for a queue or the table.
package archive

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/sdk"
)

// Bucket is an S3 bucket.
type Bucket struct {
	client *s3.Client
	name   string
}

// New returns the bucket of a name.
func New(cfg aws.Config, name string) *Bucket {
	return &Bucket{s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle, o.HTTPClient = true, sdk.Patient(o.HTTPClient) }), name}
}

// Put writes an object.
func (b *Bucket) Put(ctx context.Context, key, contentType string, body []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), ContentType: &contentType})
	if err != nil {
		return fault.Wrap(fault.Transient, fmt.Errorf("put %s: %w", key, err), "")
	}
	return nil
}

// Get reads an object; one that is not there is an error of kind NotFound.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, error) {
	body, _, err := b.get(ctx, key)
	return body, err
}

// get reads an object and its entity tag.
func (b *Bucket) get(ctx context.Context, key string) ([]byte, *string, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if _, ok := errors.AsType[*types.NoSuchKey](err); ok {
		return nil, nil, fault.New(fault.NotFound, "no such object")
	}
	if err != nil {
		return nil, nil, fault.Wrap(fault.Transient, fmt.Errorf("get %s: %w", key, err), "")
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Transient, fmt.Errorf("get %s: %w", key, err), "")
	}
	return body, out.ETag, nil
}

// PutDeliveries writes the deliveries of one batch and workspace as one object
// of compressed JSON lines for each day of receipt, and returns the name of
// the first day's. Names are made of the day and of the deliveries' ids, so
// the same batch written again is the same objects.
func (b *Bucket) PutDeliveries(ctx context.Context, workspace string, ds []platform.Delivery) (string, error) {
	// A batch holds several days where a dead-letter queue was redriven.
	days := map[string][]platform.Delivery{}
	for _, d := range ds {
		day := d.Received.UTC().Format(time.DateOnly)
		days[day] = append(days[day], d)
	}
	first := ""
	for _, day := range slices.Sorted(maps.Keys(days)) {
		key, body, err := pack(workspace, days[day])
		if err != nil {
			return "", err
		}
		if err := b.Put(ctx, key, "application/gzip", body); err != nil {
			return "", err
		}
		first = cmp.Or(first, key)
	}
	return first, nil
}

func pack(workspace string, ds []platform.Delivery) (string, []byte, error) {
	ds = slices.Clone(ds)
	slices.SortFunc(ds, func(a, b platform.Delivery) int {
		if c := bytes.Compare([]byte(a.ID()), []byte(b.ID())); c != 0 {
			return c
		}
		return a.Received.Compare(b.Received)
	})
	h := sha256.New()
	first := ds[0].Received
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	e := json.NewEncoder(z)
	for _, d := range ds {
		io.WriteString(h, d.ID()+"\n")
		if d.Received.Before(first) {
			first = d.Received
		}
		d.Object = "" // the archive holds the bytes themselves
		if err := e.Encode(d); err != nil {
			return "", nil, err
		}
	}
	if err := z.Close(); err != nil {
		return "", nil, err
	}
	key := fmt.Sprintf("archive/%s/%s/%s.jsonl.gz", workspace, first.UTC().Format(time.DateOnly), hex.EncodeToString(h.Sum(nil)[:16]))
	return key, buf.Bytes(), nil
}

// Deliveries reads an object that PutDeliveries wrote.
func (b *Bucket) Deliveries(ctx context.Context, key string) ([]platform.Delivery, error) {
	body, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return unpack(key, body)
}

func unpack(key string, body []byte) ([]platform.Delivery, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	var out []platform.Delivery
	for d := json.NewDecoder(z); ; {
		var x platform.Delivery
		if err := d.Decode(&x); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("read line %d of %s: %w", len(out)+1, key, err)
		}
		out = append(out, x)
	}
}

// TakeOut takes the deliveries for which goes is true out of an archived
// object, and returns how many went. The object keeps its name; with none left
// it is deleted.
func (b *Bucket) TakeOut(ctx context.Context, key string, goes func(platform.Delivery) (bool, error)) (int, error) {
	went := 0
	did, err := b.edit(ctx, key, func(body []byte) ([]byte, error) {
		ds, err := unpack(key, body)
		if err != nil {
			return nil, err
		}
		kept := ds[:0:0]
		for _, d := range ds {
			out, err := goes(d)
			if err != nil {
				return nil, err
			}
			if !out {
				kept = append(kept, d)
			}
		}
		went = len(ds) - len(kept)
		switch {
		case went == 0:
			return nil, errStays
		case len(kept) == 0:
			return nil, nil
		}
		_, body, err = pack("", kept)
		return body, err
	})
	if !did {
		went = 0
	}
	return went, err
}

// DeleteIf deletes an object for whose bytes goes is true, and says whether it
// did: of several who do so at once, one.
func (b *Bucket) DeleteIf(ctx context.Context, key string, goes func(body []byte) (bool, error)) (bool, error) {
	return b.edit(ctx, key, func(body []byte) ([]byte, error) {
		out, err := goes(body)
		if err == nil && !out {
			err = errStays
		}
		return nil, err
	})
}

// errStays says that an object stays as it is.
var errStays = errors.New("it stays")

// edit replaces an object of compressed deliveries by what f makes of it, or
// deletes it where that is nil, and says whether it did. Whoever changes the
// object at the same time loses nothing: then it is read again, and f called
// again. One that is not there, or no longer, is not edited.
func (b *Bucket) edit(ctx context.Context, key string, f func(body []byte) ([]byte, error)) (bool, error) {
	for i := range 10 {
		body, tag, err := b.get(ctx, key)
		if fault.Is(err, fault.NotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if body, err = f(body); err == errStays {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if body == nil {
			_, err = b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: tag})
		} else {
			_, err = b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/gzip"), IfMatch: tag})
		}
		if err == nil {
			return true, nil
		}
		if !changed(err) {
			return false, fault.Wrap(fault.Transient, fmt.Errorf("replace %s: %w", key, err), "")
		}
		select {
		case <-ctx.Done():
			return false, fault.Wrap(fault.Transient, ctx.Err(), "")
		case <-time.After(rand.N(10 * time.Millisecond << i)):
		}
	}
	return false, fault.New(fault.Transient, "%s changes all the time", key)
}

// changed reports whether S3 refused a write since the object is another by
// now, or gone (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
func changed(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains([]string{"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}, api.ErrorCode())
}

// Archived lists the archive's objects of a workspace from one day up to and
// with another, in the order of their names, and calls f with each.
func (b *Bucket) Archived(ctx context.Context, workspace string, from, to time.Time, f func(key string) error) error {
	prefix := "archive/" + workspace + "/"
	after := prefix + from.UTC().Format(time.DateOnly)
	last := prefix + to.UTC().Format(time.DateOnly) + "0" // "0" follows "/"
	return b.List(ctx, prefix, after, func(key string) error {
		if key >= last {
			return errEnough
		}
		return f(key)
	})
}

// errEnough ends a listing early.
var errEnough = errors.New("enough")

// List calls f with each key of a prefix that comes after the given one.
func (b *Bucket) List(ctx context.Context, prefix, after string, f func(key string) error) error {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix}
	if after != "" {
		in.StartAfter = &after
	}
	for {
		out, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return fault.Wrap(fault.Transient, fmt.Errorf("list %s: %w", prefix, err), "")
		}
		for _, o := range out.Contents {
			if err := f(aws.ToString(o.Key)); err == errEnough {
				return nil
			} else if err != nil {
				return err
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return nil
		}
		in.ContinuationToken, in.StartAfter = out.NextContinuationToken, nil
	}
}

// Delete deletes an object; one that is not there stays away.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	return fault.Wrap(fault.Transient, err, "")
}

// PutParked keeps the bytes of something parked.
func (b *Bucket) PutParked(ctx context.Context, workspace, id string, body []byte) (string, error) {
	key := "parked/" + workspace + "/" + id
	return key, b.Put(ctx, key, "application/octet-stream", body)
}
