package store

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Poll is where the polling of a source is, and its place on the list of what is due.
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
	PK, SK, G3PK, G3SK string
	Schema             int
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
	return pollItem{PK: workspacePK(p.Workspace), SK: polledSK(p.Source), G3PK: dueG3(duePoll, p.Workspace), G3SK: dueAt(p.Due, p.Workspace, p.Source), Schema: 1, Workspace: p.Workspace, Source: p.Source, Due: social.Stamp(p.Due), Host: p.Host,
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

// MovePoll writes p, whose Version is the one read before (0: none was
// there), and moves its place on the list of what is due to an instant. It is
// how a source is claimed, for the length of a lease, and how it is let go,
// until it is due again. Where somebody else wrote in between, the error is
// of kind Conflict.
func (s *Store) MovePoll(ctx context.Context, p *Poll, to time.Time) error {
	next := *p
	next.Due, next.Version = social.Instant(to), p.Version+1
	if err := s.putVersion(ctx, next.item(), p.Version); err != nil {
		return fmt.Errorf("move poll of %s: %w", p.Source, err)
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
		_, err = s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key{workspacePK(w), polledSK(source)}.av(),
			ConditionExpression: aws.String("Version = :v"), ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(p.Version)}})
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
	items, err := dueBy[pollItem](ctx, s, duePoll, now, limit)
	if err != nil {
		return nil, err
	}
	out := make([]DuePoll, len(items))
	for i, it := range items {
		t, err := social.ParseStamp(it.Due)
		if err != nil {
			return nil, err
		}
		out[i] = DuePoll{it.Workspace, it.Source, it.Host, t}
	}
	return out, nil
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

// Host returns what is known of a host; of one that nobody asked, its name.
func (s *Store) Host(ctx context.Context, name string) (Host, error) {
	h := Host{Name: name}
	var it hostItem
	err := s.get(ctx, key{hostPK(name), "@"}, &it)
	if fault.Is(err, fault.NotFound) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	if h.Until, err = social.ParseStamp(it.Until); err != nil {
		return h, fmt.Errorf("host %s: %w", name, err)
	}
	h.Failures, h.Version = it.Failures, it.Version
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
