package store

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Poll is where the polling of a source is. Its place on the list of what is
// due is written with it, in one transaction.
type Poll struct {
	Workspace, Source string
	Due               time.Time // when it is asked next; while somebody asks, when another may
	Host              string    // what it was asked of last; "" before the first time
	Cursor            string    // the adapter's
	Asked             string    // digest of the URL that ETag and LastModified are of
	ETag              string
	LastModified      string
	Told              []string  // digests of what the newest answers told, each queued
	Failures          int       // since it last went well
	Reason            string    // of the newest failure, for people; "" since it went well
	Tried             time.Time // when it was asked last; zero before the first time
	Success           time.Time // when it last went well; zero before the first time
	Version           int64
}

type pollItem struct {
	PK, SK             string
	Workspace, Source  string
	Due                string
	Host               string   `dynamodbav:",omitempty"`
	Cursor             string   `dynamodbav:",omitempty"`
	Asked              string   `dynamodbav:",omitempty"`
	ETag, LastModified string   `dynamodbav:",omitempty"`
	Told               []string `dynamodbav:",omitempty"`
	Failures           int      `dynamodbav:",omitempty"`
	Reason             string   `dynamodbav:",omitempty"`
	Tried, Success     string   `dynamodbav:",omitempty"`
	Version            int64
}

func stampOr(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return social.Stamp(t)
}

func (p Poll) item() pollItem {
	return pollItem{PK: workspacePK(p.Workspace), SK: polledSK(p.Source), Workspace: p.Workspace, Source: p.Source, Due: social.Stamp(p.Due), Host: p.Host,
		Cursor: p.Cursor, Asked: p.Asked, ETag: p.ETag, LastModified: p.LastModified, Told: p.Told, Failures: p.Failures, Reason: p.Reason,
		Tried: stampOr(p.Tried), Success: stampOr(p.Success), Version: p.Version}
}

func (it pollItem) poll() (Poll, error) {
	p := Poll{Workspace: it.Workspace, Source: it.Source, Host: it.Host, Cursor: it.Cursor, Asked: it.Asked, ETag: it.ETag, LastModified: it.LastModified,
		Told: it.Told, Failures: it.Failures, Reason: it.Reason, Version: it.Version}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&p.Due, it.Due}, {&p.Tried, it.Tried}, {&p.Success, it.Success}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return p, fmt.Errorf("poll of %s: %w", it.Source, err)
		}
		*x.to = t
	}
	return p, nil
}

// PollState returns where the polling of a source is; an error of kind
// NotFound if it is not polled.
func (s *Store) PollState(ctx context.Context, w, source string) (Poll, error) {
	var it pollItem
	if err := s.get(ctx, key{workspacePK(w), polledSK(source)}, &it); err != nil {
		return Poll{}, fmt.Errorf("poll of %s: %w", source, err)
	}
	return it.poll()
}

type duePollItem struct {
	PK, SK            string
	Workspace, Source string
	At                string
	Host              string `dynamodbav:",omitempty"`
}

// MovePoll writes p, whose Version is the one read before (0: none was
// there), and moves its place on the list of what is due to an instant. It is
// how a source is claimed, for the length of a lease, and how it is let go,
// until it is due again. Where somebody else wrote in between, the error is
// of kind Conflict.
func (s *Store) MovePoll(ctx context.Context, p *Poll, to time.Time) error {
	next := *p
	next.Due, next.Version = social.Instant(to), p.Version+1
	item, err := attributevalue.MarshalMap(next.item())
	if err != nil {
		return err
	}
	place, err := attributevalue.MarshalMap(duePollItem{PK: pollPK, SK: pollSK(next.Due, p.Workspace, p.Source), Workspace: p.Workspace, Source: p.Source, At: social.Stamp(next.Due), Host: p.Host})
	if err != nil {
		return err
	}
	put := &types.Put{TableName: &s.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(PK)")}
	if p.Version > 0 {
		put.ConditionExpression = aws.String("Version = :v")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":v": num(p.Version)}
	}
	do := []types.TransactWriteItem{{Put: put}, {Put: &types.Put{TableName: &s.table, Item: place}}}
	if p.Version > 0 && !p.Due.Equal(next.Due) {
		do = append(do, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: key{pollPK, pollSK(p.Due, p.Workspace, p.Source)}.av()}})
	}
	if _, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: do}); err != nil {
		return classify("move poll of "+p.Source, err)
	}
	*p = next
	return nil
}

// SchedulePoll puts a source on the list of what is polled, due at an
// instant, or moves it there. What it had told stays told.
func (s *Store) SchedulePoll(ctx context.Context, w, source string, at time.Time) error {
	return Again(ctx, func() error {
		p, err := s.PollState(ctx, w, source)
		if fault.Is(err, fault.NotFound) {
			p, err = Poll{Workspace: w, Source: source}, nil
		}
		if err != nil {
			return err
		}
		return s.MovePoll(ctx, &p, at)
	})
}

// UnschedulePoll takes a source off the list, with where it was; one that is
// not on it is left.
func (s *Store) UnschedulePoll(ctx context.Context, w, source string) error {
	return Again(ctx, func() error {
		p, err := s.PollState(ctx, w, source)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Delete: &types.Delete{TableName: &s.table, Key: key{workspacePK(w), polledSK(source)}.av(), ConditionExpression: aws.String("Version = :v"),
				ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(p.Version)}}},
			{Delete: &types.Delete{TableName: &s.table, Key: key{pollPK, pollSK(p.Due, w, source)}.av()}},
		}})
		return classify("unschedule poll of "+source, err)
	})
}

// DuePoll is a place on the list of what is due to be polled.
type DuePoll struct {
	Workspace, Source string
	Host              string // as in Poll
	At                time.Time
}

// DuePolls lists what is due by now, oldest first, at most limit.
func (s *Store) DuePolls(ctx context.Context, now time.Time, limit int) ([]DuePoll, error) {
	items, err := all[duePollItem](ctx, s, query{pk: pollPK, from: " ", to: social.Stamp(now) + "$", limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]DuePoll, len(items))
	for i, it := range items {
		t, err := social.ParseStamp(it.At)
		if err != nil {
			return nil, err
		}
		out[i] = DuePoll{it.Workspace, it.Source, it.Host, t}
	}
	return out, nil
}

// DropPoll takes a place off the list where no source stands any more.
func (s *Store) DropPoll(ctx context.Context, d DuePoll) error {
	return s.delete(ctx, key{pollPK, pollSK(d.At, d.Workspace, d.Source)})
}

// Host is a host that is polled: one at a time, with pauses.
type Host struct {
	Name     string
	Until    time.Time // nobody else asks before
	Failures int       // since it last answered
	Version  int64
}

type hostItem struct {
	PK, SK   string
	Name     string
	Until    string
	Failures int   `dynamodbav:",omitempty"`
	TTL      int64 `dynamodbav:"ttl"`
	Version  int64
}

// hostFor is how long a host is kept that nobody asks any more.
const hostFor = 7 * 24 * time.Hour

// ClaimHost claims a host for the length of a lease. One that must not be
// asked yet comes back with Until, and an error of kind Conflict.
func (s *Store) ClaimHost(ctx context.Context, name string, now time.Time, lease time.Duration) (Host, error) {
	h := Host{Name: name}
	var it hostItem
	switch err := s.get(ctx, key{hostPK(name), "@"}, &it); {
	case fault.Is(err, fault.NotFound):
	case err != nil:
		return h, err
	default:
		until, err := social.ParseStamp(it.Until)
		if err != nil {
			return h, fmt.Errorf("host %s: %w", name, err)
		}
		h.Until, h.Failures, h.Version = until, it.Failures, it.Version
	}
	if h.Until.After(now) {
		return h, fault.New(fault.Conflict, "%s is not to be asked before %s", name, social.Stamp(h.Until))
	}
	before := h.Until
	h.Until = social.Instant(now.Add(lease))
	if err := s.PutHost(ctx, &h); err != nil {
		h.Until = before
		return h, err
	}
	return h, nil
}

// PutHost writes a host whose Version is the one read before, and counts it up.
func (s *Store) PutHost(ctx context.Context, h *Host) error {
	it := hostItem{PK: hostPK(h.Name), SK: "@", Name: h.Name, Until: social.Stamp(h.Until), Failures: h.Failures, TTL: h.Until.Add(hostFor).Unix(), Version: h.Version + 1}
	if err := s.putVersion(ctx, it, h.Version); err != nil {
		return err
	}
	h.Version++
	return nil
}
