// Package archive keeps objects in the bucket: deliveries as they came,
// compressed, and what is too large for a queue or the table.
package archive

import (
	"bufio"
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
	"strconv"
	"strings"
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

// PutBatch writes what is kept of one batch as one object of compressed JSON
// lines for each day of receipt, whatever workspaces it is of: an object of
// each workspace's own would cost as much as all else. It returns where each
// line is: "<day>/<object>#<line>". Objects are named by what is in them, so
// that the same batch written again is the same objects.
func (b *Bucket) PutBatch(ctx context.Context, kept []platform.Kept) ([]string, error) {
	places := make([]string, len(kept))
	days := map[string][]int{} // a batch holds several days where a dead-letter queue was redriven
	for i, k := range kept {
		day := k.Received.UTC().Format(time.DateOnly)
		days[day] = append(days[day], i)
	}
	for _, day := range slices.Sorted(maps.Keys(days)) {
		is := days[day]
		slices.SortFunc(is, func(i, j int) int {
			return cmp.Or(cmp.Compare(kept[i].ID(), kept[j].ID()), kept[i].Received.Compare(kept[j].Received))
		})
		h := sha256.New()
		lines := make([]platform.Kept, len(is))
		for n, i := range is {
			lines[n] = kept[i]
			lines[n].Object, lines[n].Line = "", "" // the archive holds the bytes themselves
			io.WriteString(h, kept[i].ID()+" "+strings.Join(kept[i].Workspaces, " ")+"\n")
		}
		body, err := pack(lines)
		if err != nil {
			return nil, err
		}
		object := day + "/" + hex.EncodeToString(h.Sum(nil)[:16])
		for n, i := range is {
			places[i] = fmt.Sprintf("%s#%d", object, n)
		}
		if err := b.Put(ctx, ObjectKey(object), "application/gzip", body); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// ObjectKey is the key of the object that a place is in.
func ObjectKey(place string) string {
	object, _, _ := strings.Cut(place, "#")
	return "archive/" + object + ".jsonl.gz"
}

// pack writes lines; one of nobody's is empty, so that the others keep their places.
func pack(lines []platform.Kept) ([]byte, error) {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	e := json.NewEncoder(z)
	for _, k := range lines {
		var err error
		if len(k.Workspaces) == 0 {
			_, err = io.WriteString(z, "\n")
		} else {
			err = e.Encode(k)
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return buf.Bytes(), err
}

// Lines reads an object that PutBatch wrote. A line that was taken out has no workspaces.
func (b *Bucket) Lines(ctx context.Context, key string) ([]platform.Kept, error) {
	body, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return unpack(key, body)
}

// Deliveries reads what a workspace keeps in an object that PutBatch wrote.
func (b *Bucket) Deliveries(ctx context.Context, workspace, key string) ([]platform.Delivery, error) {
	lines, err := b.Lines(ctx, key)
	var out []platform.Delivery
	for i, k := range lines {
		if slices.Contains(k.Workspaces, workspace) {
			k.Line = strings.TrimSuffix(strings.TrimPrefix(key, "archive/"), ".jsonl.gz") + "#" + strconv.Itoa(i)
			out = append(out, k.Delivery)
		}
	}
	return out, err
}

func unpack(key string, body []byte) ([]platform.Kept, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	var out []platform.Kept
	for r := bufio.NewReader(z); ; {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read line %d of %s: %w", len(out)+1, key, err)
		}
		var k platform.Kept
		if len(line) > 1 {
			if err := json.Unmarshal(line, &k); err != nil {
				return nil, fmt.Errorf("read line %d of %s: %w", len(out)+1, key, err)
			}
		}
		out = append(out, k)
	}
}

// EditLines replaces the lines of an archived object by what edit makes of
// them; nil changes nothing. Lines that stay keep their places, and one
// without workspaces is taken out. With none left the object is deleted. It
// reports whether anything changed.
func (b *Bucket) EditLines(ctx context.Context, key string, edit func(lines []platform.Kept) ([]platform.Kept, error)) (bool, error) {
	return b.edit(ctx, key, func(body []byte) ([]byte, error) {
		lines, err := unpack(key, body)
		if err != nil {
			return nil, err
		}
		if lines, err = edit(lines); err != nil {
			return nil, err
		}
		switch {
		case lines == nil:
			return nil, errStays
		case !slices.ContainsFunc(lines, func(k platform.Kept) bool { return len(k.Workspaces) > 0 }):
			return nil, nil
		}
		return pack(lines)
	})
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
			if err := f(aws.ToString(o.Key)); err != nil {
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
