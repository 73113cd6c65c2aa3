package store

import (
	"bytes"
	"context"
	"errors"
	"time"

	"rapport/internal/fault"
	"rapport/internal/social"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
)

const (
	// OnceFor is how long a request that is to be carried out once is known.
	OnceFor = 24 * time.Hour
	// onceTry is how long an attempt may take; one that has not ended by then
	// has died. The API's function is stopped after 29 seconds.
	onceTry = 30 * time.Second
	// MaxOnce bounds the answer that is kept, in bytes.
	MaxOnce = 256 << 10
)

// Once is a request that its sender wants carried out once, however often it comes.
type Once struct {
	Subject, Key string    // who sent it, and a hash of the sender's name for it
	Request      []byte    // a MAC of what was asked
	Begun        time.Time // the first attempt
	Again        bool      // there was an attempt before this one, which died or failed
	Answer       []byte    // as it was given, sealed; none: this attempt is to give it
	version      int64
}

type onceItem struct {
	PK, SK       string
	Request      []byte
	Begun, Tried string
	Answer       []byte `dynamodbav:",omitempty"`
	Version      int64
	TTL          int64 `dynamodbav:"ttl"`
}

func (o Once) item(tried time.Time) onceItem {
	return onceItem{PK: oncePK(o.Subject), SK: o.Key, Request: o.Request, Begun: social.Stamp(o.Begun), Tried: social.Stamp(tried),
		Answer: o.Answer, Version: o.version, TTL: o.Begun.Add(OnceFor).Unix()}
}

// Begin takes a request up. If it was answered before, what is returned has
// the answer. While another attempt is under way the error is of kind
// Conflict; where the sender gave its name to another request it is of kind
// Invalid.
func (s *Store) Begin(ctx context.Context, subject, key string, request []byte, now time.Time) (Once, error) {
	o := Once{Subject: subject, Key: key, Request: request, Begun: social.Instant(now), version: nextVersion(0)}
	there, err := s.putNew(ctx, o.item(now))
	if !errors.Is(err, errExists) {
		return o, err
	}
	var it onceItem
	if err := attributevalue.UnmarshalMap(there, &it); err != nil {
		return o, err
	}
	begun, err := social.ParseStamp(it.Begun)
	if err != nil {
		return o, err
	}
	tried, err := social.ParseStamp(it.Tried)
	if err != nil {
		return o, err
	}
	switch {
	case !now.Before(begun.Add(OnceFor)): // expired, and not taken away yet
	case !bytes.Equal(it.Request, request):
		return o, fault.New(fault.Invalid, "the name stands for another request")
	case len(it.Answer) > 0:
		o.Begun, o.Answer = begun, it.Answer
		return o, nil
	case now.Before(tried.Add(onceTry)):
		return o, fault.New(fault.Conflict, "the same request is being carried out")
	default:
		o.Begun, o.Again = begun, true
	}
	o.version = nextVersion(it.Version)
	return o, s.putVersion(ctx, o.item(now), it.Version)
}

// Answer keeps what the attempt came to. An answer longer than MaxOnce is not
// kept: the request is forgotten, as by Release.
func (s *Store) Answer(ctx context.Context, o Once, answer []byte) error {
	if len(answer) > MaxOnce {
		return s.Release(ctx, o, true)
	}
	read := o.version
	o.Answer, o.version = answer, nextVersion(read)
	return s.putVersion(ctx, o.item(o.Begun), read)
}

// Release ends an attempt that came to nothing, so that the next one need not
// wait. One that may have come to something, done false, is remembered: the
// next knows when it was begun.
func (s *Store) Release(ctx context.Context, o Once, done bool) error {
	if done {
		return s.delete(ctx, key{oncePK(o.Subject), o.Key})
	}
	read := o.version
	o.version = nextVersion(read)
	return s.putVersion(ctx, o.item(o.Begun.Add(-onceTry)), read)
}
