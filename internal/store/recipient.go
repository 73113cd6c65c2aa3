package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Recipient is what is known of a mail address in a workspace, under its
// keyed hash: each instant is a fact, and stays.
type Recipient struct {
	Workspace, Address string    // its hash
	Report             string    // for which it was named first
	Asked              time.Time // when somebody wanted it to get mail
	Begun              time.Time // when the mail that asks it to confirm was begun; zero: not yet
	Confirmed          time.Time // zero: not yet
	Unsubscribed       time.Time // or refused; zero: never
	Due                time.Time // when something is to be done: to send that mail, or to forget the address itself; zero: nothing
	Version            int64
}

type recipientItem struct {
	PK, SK string
	G3PK   string `dynamodbav:",omitempty"`
	G3SK   string `dynamodbav:",omitempty"`

	Schema                         int
	Workspace, Report              string
	Asked                          string
	Begun, Confirmed, Unsubscribed string `dynamodbav:",omitempty"`
	Due                            string `dynamodbav:",omitempty"`
	Version                        int64
}

func (r Recipient) item() recipientItem {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return social.Stamp(t)
	}
	it := recipientItem{PK: recipientsPK(r.Workspace), SK: r.Address, Schema: 1, Workspace: r.Workspace, Report: r.Report, Asked: stamp(r.Asked), Begun: stamp(r.Begun),
		Confirmed: stamp(r.Confirmed), Unsubscribed: stamp(r.Unsubscribed), Due: stamp(r.Due), Version: nextVersion(r.Version)}
	if !r.Due.IsZero() {
		it.G3PK, it.G3SK = dueG3(dueMail, r.Workspace), dueAt(r.Due, r.Workspace, r.Address)
	}
	return it
}

func (it recipientItem) recipient() (Recipient, error) {
	r := Recipient{Workspace: it.Workspace, Address: it.SK, Report: it.Report, Version: it.Version}
	for _, x := range []struct {
		to   *time.Time
		from string
	}{{&r.Asked, it.Asked}, {&r.Begun, it.Begun}, {&r.Confirmed, it.Confirmed}, {&r.Unsubscribed, it.Unsubscribed}, {&r.Due, it.Due}} {
		if x.from == "" {
			continue
		}
		t, err := social.ParseStamp(x.from)
		if err != nil {
			return r, err
		}
		*x.to = t
	}
	return r, nil
}

// AskRecipient notes that an address is wanted as a recipient, and that the
// mail that asks it is to be sent. Of one that is known already it does nothing.
func (s *Store) AskRecipient(ctx context.Context, w, report, address string, now time.Time) error {
	_, err := s.putNew(ctx, Recipient{Workspace: w, Address: address, Report: report, Asked: now, Due: now}.item())
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// Recipient returns what is known of an address; of kind NotFound where nothing is.
func (s *Store) Recipient(ctx context.Context, w, address string) (Recipient, error) {
	var it recipientItem
	if err := s.get(ctx, key{recipientsPK(w), address}, &it); err != nil {
		return Recipient{}, fmt.Errorf("recipient %s: %w", address, err)
	}
	return it.recipient()
}

// PutRecipient writes a recipient whose Version is the one read before; else
// its error is of kind Conflict.
func (s *Store) PutRecipient(ctx context.Context, r *Recipient) error {
	it := r.item()
	if err := s.putVersion(ctx, it, r.Version); err != nil {
		return err
	}
	r.Version = it.Version
	return nil
}

// DropRecipient takes away a recipient that is as it was read.
func (s *Store) DropRecipient(ctx context.Context, r Recipient) error {
	_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: key{recipientsPK(r.Workspace), r.Address}.av(),
		ConditionExpression: aws.String("Version = :v"), ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(r.Version)}})
	return classify("drop recipient", err)
}

// RecipientsDue lists the recipients of whom something is to be done by now,
// the oldest first, at most limit.
func (s *Store) RecipientsDue(ctx context.Context, now time.Time, limit int) ([]Recipient, error) {
	items, err := dueBy[recipientItem](ctx, s, dueMail, now, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Recipient, len(items))
	for i, it := range items {
		if out[i], err = it.recipient(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Mailing is what is known of an address to a workspace.
type Mailing struct {
	Recipient        // empty where nobody has wanted it
	Stopped   string // why it gets no mail of any workspace: StoppedBounce, StoppedComplaint; "": it may
}

// Why an address gets no mail any more.
const (
	StoppedBounce    = "bounce"    // there is no such mailbox
	StoppedComplaint = "complaint" // its owner calls our mail spam
)

// Wanted reports whether the address may get reports: it has confirmed, and
// nothing speaks against it.
func (m Mailing) Wanted() bool {
	return m.Stopped == "" && m.Unsubscribed.IsZero() && !m.Confirmed.IsZero()
}

type stopItem struct {
	PK, SK  string
	Schema  int
	Why, At string
}

// Mailings returns what is known of addresses (hashes), in their order.
func (s *Store) Mailings(ctx context.Context, w string, addresses []string) ([]Mailing, error) {
	keys := make([]key, 0, 2*len(addresses))
	for _, a := range addresses {
		keys = append(keys, key{recipientsPK(w), a}, key{mailPK(a), "@"})
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([]Mailing, len(addresses))
	for i, a := range addresses {
		out[i].Workspace, out[i].Address = w, a
		if items[2*i] != nil {
			var it recipientItem
			if err := attributevalue.UnmarshalMap(items[2*i], &it); err != nil {
				return nil, err
			}
			if out[i].Recipient, err = it.recipient(); err != nil {
				return nil, err
			}
		}
		out[i].Stopped = text(items[2*i+1]["Why"])
	}
	return out, nil
}

// StopMail keeps an address (its hash) from all mail of every workspace, for good.
func (s *Store) StopMail(ctx context.Context, address, why string, at time.Time) error {
	_, err := s.putNew(ctx, stopItem{PK: mailPK(address), SK: "@", Schema: 1, Why: why, At: social.Stamp(at)})
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

type allowanceItem struct {
	PK, SK string
	TTL    int64 `dynamodbav:"ttl"`
}

// Allowances of mail, each for a day (UTC).
const (
	AskedByWorkspace = "asked"   // mails of a workspace that ask somebody to confirm
	AskedOfAddress   = "address" // such mails to an address, of all workspaces
	SentByHand       = "hand"    // runs that somebody asked to have mailed
)

// TakeAllowance takes one of the most that there are on a day of what of is
// named by, a workspace or an address's hash. That none is left is an error
// of kind RateLimited.
func (s *Store) TakeAllowance(ctx context.Context, of, by string, at time.Time, most int) error {
	pk := allowancePK(of, by)
	for n := range most {
		_, err := s.putNew(ctx, allowanceItem{PK: pk, SK: fmt.Sprintf("%s#%03d", dateOf(at), n), TTL: at.Add(3 * 24 * time.Hour).Unix()})
		if !errors.Is(err, errExists) {
			return err
		}
	}
	return fault.New(fault.RateLimited, "the %d of %s are used up: more from midnight UTC on", most, dateOf(at))
}
