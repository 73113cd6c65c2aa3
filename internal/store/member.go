package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/social"
)

// Member is a person who may use a workspace.
type Member struct {
	Subject string // of the person's tokens
	Role    social.Role
	Since   time.Time
	By      string // who invited; empty for the first one
}

// ID names a member in URLs, which may not hold a subject as it is.
func (m Member) ID() string { return MemberID(m.Subject) }

// MemberID is the id of the member whose tokens have the subject.
func MemberID(subject string) string { return social.HashID("mem", social.Key(subject)) }

// Invitation lets whoever has its code become a member, once. The table knows
// the code's hash only.
type Invitation struct {
	ID      string
	Role    social.Role
	Hash    []byte
	By      string
	Created time.Time
	Expires time.Time
}

// MachineKey lets a program use one workspace. The table knows its secret's hash only.
type MachineKey struct {
	ID      string
	Name    string
	Role    social.Role
	Hash    []byte
	By      string
	Created time.Time
	Expires time.Time
}

type memberItem struct {
	PK, SK    string
	Workspace string
	Subject   string
	Role      string `dynamodbav:",omitempty"` // none: from before there were roles, when every member was what an owner is now
	Since     string
	By        string `dynamodbav:",omitempty"`
}

func (it memberItem) role() social.Role {
	if it.Role == "" {
		return social.Owner
	}
	return social.Role(it.Role)
}

func (it memberItem) member() (Member, error) {
	t, err := social.ParseStamp(it.Since)
	return Member{Subject: it.Subject, Role: it.role(), Since: t, By: it.By}, err
}

// memberItems are the two items of a membership: among what a workspace has,
// and among what a subject is a member of.
func memberItems(w string, m Member) []memberItem {
	it := memberItem{Workspace: w, Subject: m.Subject, Role: string(m.Role), Since: social.Stamp(m.Since), By: m.By}
	a, b := it, it
	a.PK, a.SK = workspacePK(w), memberSK(m.Subject)
	b.PK, b.SK = subjectPK(m.Subject), "W#"+w
	return []memberItem{a, b}
}

// grantItem is an invitation or a machine key.
type grantItem struct {
	PK, SK   string
	ID, Name string
	Role     string
	Hash     []byte
	By       string
	Created  string
	Expires  string
	TTL      int64 `dynamodbav:"ttl"`
}

func (it grantItem) key() (MachineKey, error) {
	created, err := social.ParseStamp(it.Created)
	expires, err2 := social.ParseStamp(it.Expires)
	return MachineKey{it.ID, it.Name, social.Role(it.Role), it.Hash, it.By, created, expires}, errors.Join(err, err2)
}

func keyItem(w string, k MachineKey) grantItem {
	return grantItem{PK: workspacePK(w), SK: machineSK(k.ID), ID: k.ID, Name: k.Name, Role: string(k.Role), Hash: k.Hash, By: k.By,
		Created: social.Stamp(k.Created), Expires: social.Stamp(k.Expires), TTL: k.Expires.Unix()}
}

func invitationItem(w string, i Invitation) grantItem {
	it := keyItem(w, MachineKey{ID: i.ID, Role: i.Role, Hash: i.Hash, By: i.By, Created: i.Created, Expires: i.Expires})
	it.SK = invitationSK(i.ID)
	return it
}

func (it grantItem) invitation() (Invitation, error) {
	k, err := it.key()
	return Invitation{k.ID, k.Role, k.Hash, k.By, k.Created, k.Expires}, err
}

// Access returns the role of a subject in a workspace; an error of kind
// NotFound where it has none, or where there is no such workspace any more.
func (s *Store) Access(ctx context.Context, subject, w string) (social.Role, error) {
	var it memberItem
	if err := s.within(ctx, w, key{subjectPK(subject), "W#" + w}, &it); err != nil {
		return "", err
	}
	return it.role(), nil
}

// Key returns a machine key of a workspace; an error of kind NotFound where
// there is none, or where there is no such workspace any more. It may have expired.
func (s *Store) Key(ctx context.Context, w, id string) (MachineKey, error) {
	var it grantItem
	if err := s.within(ctx, w, key{workspacePK(w), machineSK(id)}, &it); err != nil {
		return MachineKey{}, err
	}
	return it.key()
}

// within reads an item, if its workspace is there and not being deleted.
func (s *Store) within(ctx context.Context, w string, k key, v any) error {
	items, err := s.batchGet(ctx, []key{{workspacePK(w), "@"}, k})
	if err != nil {
		return err
	}
	var there workspaceItem
	if err := attributevalue.UnmarshalMap(items[0], &there); err != nil {
		return err
	}
	if items[0] == nil || items[1] == nil || there.Deleted != "" {
		return fault.New(fault.NotFound, "nothing at this id")
	}
	return attributevalue.UnmarshalMap(items[1], v)
}

// Members lists a workspace's members, by subject.
func (s *Store) Members(ctx context.Context, w string) ([]Member, error) {
	items, err := all[memberItem](ctx, s, query{pk: workspacePK(w), prefix: "U#", most: maxMembers})
	if err != nil {
		return nil, err
	}
	out := make([]Member, len(items))
	for i, it := range items {
		if out[i], err = it.member(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// counted is a change of the members' version: what was read of them before
// still holds, and the workspace is there.
func (s *Store) counted(w string, read int64) types.TransactWriteItem {
	u := &types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("SET Members = :next"),
		ConditionExpression:       aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted) AND Members = :read"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":next": num(read + 1), ":read": num(read)}}
	if read == 0 { // from before members had a version
		u.ConditionExpression = aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted) AND attribute_not_exists(Members)")
		delete(u.ExpressionAttributeValues, ":read")
	}
	return types.TransactWriteItem{Update: u}
}

// ErrLastOwner says that a workspace would be left without an owner.
var ErrLastOwner = fault.New(fault.Conflict, "the workspace would be left without an owner: make somebody else an owner first")

// ChangeMember gives a member another role, or with "" takes the membership
// away. The members' version holds two requests apart that would each leave
// the other's owner as the last one.
func (s *Store) ChangeMember(ctx context.Context, w, id string, role social.Role) (Member, error) {
	var m Member
	err := s.withMembers(ctx, w, func(limits limit.Set, list []Member) ([]types.TransactWriteItem, error) {
		i := slices.IndexFunc(list, func(m Member) bool { return m.ID() == id })
		if i < 0 {
			return nil, fault.New(fault.NotFound, "no such member")
		}
		m = list[i]
		others := slices.ContainsFunc(list, func(o Member) bool { return o.Subject != m.Subject && o.Role == social.Owner })
		if m.Role == social.Owner && role != social.Owner && !others {
			return nil, ErrLastOwner
		}
		m.Role = role
		var changes []types.TransactWriteItem
		for _, it := range memberItems(w, m) {
			if role == "" {
				changes = append(changes, s.deleting(key{it.PK, it.SK}, "", nil))
				continue
			}
			put, err := s.putting(it, "")
			if err != nil {
				return nil, err
			}
			changes = append(changes, put)
		}
		return changes, nil
	})
	return m, err
}

// withMembers carries out what change makes of the members as they stand, on
// condition that nobody changed them meanwhile; else it reads and tries again.
func (s *Store) withMembers(ctx context.Context, w string, change func(limits limit.Set, list []Member) ([]types.TransactWriteItem, error)) error {
	var refused error // by change: it is not tried again, whatever its kind
	err := Again(ctx, func() error {
		var it workspaceItem
		if err := s.get(ctx, key{workspacePK(w), "@"}, &it); err != nil {
			return err
		}
		if it.Deleted != "" {
			return errDeleted
		}
		list, err := s.Members(ctx, w)
		if err != nil {
			return err
		}
		var changes []types.TransactWriteItem
		if changes, refused = change(it.Limits, list); refused != nil {
			return nil
		}
		return s.change(ctx, "members", append(changes, s.counted(w, it.Members))...)
	})
	return errors.Join(refused, err)
}

// CreateInvitation writes an invitation.
func (s *Store) CreateInvitation(ctx context.Context, w string, i Invitation) error {
	return s.createIn(ctx, w, invitationItem(w, i))
}

// createIn writes a new item of a workspace, if that is there.
func (s *Store) createIn(ctx context.Context, w string, item any) error {
	put, err := s.putting(item, "attribute_not_exists(PK)")
	if err != nil {
		return err
	}
	return s.change(ctx, "create", put, types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(),
		ConditionExpression: aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted)")}})
}

// Invitations lists the invitations that are open at an instant, by id.
func (s *Store) Invitations(ctx context.Context, w string, now time.Time) ([]Invitation, error) {
	items, err := all[grantItem](ctx, s, query{pk: workspacePK(w), prefix: invitationSK(""), most: maxGrants})
	var out []Invitation
	for _, it := range items {
		i, err := it.invitation()
		if err != nil {
			return nil, err
		}
		if now.Before(i.Expires) {
			out = append(out, i)
		}
	}
	return out, err
}

// Invitation returns one invitation, open or not.
func (s *Store) Invitation(ctx context.Context, w, id string) (Invitation, error) {
	var it grantItem
	if err := s.within(ctx, w, key{workspacePK(w), invitationSK(id)}, &it); err != nil {
		return Invitation{}, err
	}
	return it.invitation()
}

// DeleteInvitation takes an invitation back; one that is gone is an error of kind NotFound.
func (s *Store) DeleteInvitation(ctx context.Context, w, id string) error {
	return s.deleteThere(ctx, key{workspacePK(w), invitationSK(id)}, "invitation")
}

func (s *Store) deleteThere(ctx context.Context, k key, what string) error {
	err := s.change(ctx, what, s.deleting(k, "attribute_exists(PK)", nil))
	if fault.Is(err, fault.Conflict) {
		return fault.New(fault.NotFound, "no such %s", what)
	}
	return err
}

// Redeem makes the subject a member by an invitation, which is used up by it.
// Whoever is a member already is an error of kind Conflict, and the invitation
// stays; one that is gone meanwhile is an error of kind NotFound.
func (s *Store) Redeem(ctx context.Context, w string, i Invitation, subject string, now time.Time) (Member, error) {
	m := Member{Subject: subject, Role: i.Role, Since: now, By: i.By}
	err := s.withMembers(ctx, w, func(limits limit.Set, list []Member) ([]types.TransactWriteItem, error) {
		if slices.ContainsFunc(list, func(o Member) bool { return o.Subject == subject }) {
			return nil, fault.New(fault.Conflict, "you are a member already: an owner can change your role")
		}
		if err := limit.Refuse(limit.Members, len(list), limits.Most(limit.Members), now); err != nil {
			return nil, err
		}
		if _, err := s.Invitation(ctx, w, i.ID); err != nil {
			return nil, err
		}
		changes := []types.TransactWriteItem{s.deleting(key{workspacePK(w), invitationSK(i.ID)}, "#h = :h", map[string]types.AttributeValue{":h": &types.AttributeValueMemberB{Value: i.Hash}})}
		changes[0].Delete.ExpressionAttributeNames = map[string]string{"#h": "Hash"}
		for _, it := range memberItems(w, m) {
			put, err := s.putting(it, "attribute_not_exists(PK)")
			if err != nil {
				return nil, err
			}
			changes = append(changes, put)
		}
		join, err := s.joining(ctx, subject, i.Role, now)
		return append(changes, join), err
	})
	return m, err
}

// maxGrants bounds how many invitations or keys of a workspace are read: those
// that have expired stay for up to a few days.
const maxGrants = 10_000

// CreateKey writes a machine key.
func (s *Store) CreateKey(ctx context.Context, w string, k MachineKey) error {
	return s.createIn(ctx, w, keyItem(w, k))
}

// Keys lists a workspace's machine keys by id, also those that have expired a moment ago.
func (s *Store) Keys(ctx context.Context, w string) ([]MachineKey, error) {
	items, err := all[grantItem](ctx, s, query{pk: workspacePK(w), prefix: machineSK(""), most: maxGrants})
	var out []MachineKey
	for _, it := range items {
		k, err := it.key()
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, err
}

// DeleteKey revokes a machine key; one that is gone is an error of kind NotFound.
func (s *Store) DeleteKey(ctx context.Context, w, id string) error {
	return s.deleteThere(ctx, key{workspacePK(w), machineSK(id)}, "key")
}
