package scoring

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"rapport/internal/social"
)

// Record is the compact form of one fact: all that a score needs of it but
// the texts, which few rules ask for. Ids stand as the first eight bytes of
// their SHA-256, so a record tells whether two ids are the same and no more.
// Edits, deletions and taken-back reactions are records too.
//
// The zero value of a hash stands for an id that is not there.
type Record struct {
	At           int64  // when it was done, in milliseconds since 1970
	ID           uint64 // the beginning of the hash in the activity's id
	Object       uint64 // of the object's id, with platform and scope, like the next two
	InReplyTo    uint64
	Conversation uint64
	Actor        uint64 // the beginning of the hash in the id of the actor's account

	Type       social.Type
	Direction  social.Direction
	Platform   social.Platform
	Scope      string
	ObjectType string
	Intent     string
	Sentiment  string
	Language   string
	Subject    string // of the text: SubjectJob, or ""
	Reaction   string // of a reaction: which
	Undated    bool
	Automatic  bool

	// Rest is what only rules about texts ask for. It is nil if all of it is
	// empty, and never packed.
	Rest *Rest
}

// Rest is what a Record leaves out.
type Rest struct{ Text, URL, Handle, Name string }

// RecordOf returns the record of a fact.
func RecordOf(a social.Activity) Record {
	r := Record{
		At: a.Occurred.UnixMilli(), ID: hashOf(a.Key),
		Object: objectHash(a.Platform, a.Scope, a.Object.ID), InReplyTo: objectHash(a.Platform, a.Scope, a.InReplyTo),
		Conversation: objectHash(a.Platform, a.Scope, a.Conversation), Actor: actorHash(a.Account()),
		Type: a.Type, Direction: a.Direction, Platform: a.Platform, Scope: a.Scope, ObjectType: a.Object.Type,
		Intent: a.Intent, Sentiment: a.Sentiment, Language: a.Language, Subject: subjectOf(a.Text), Reaction: a.Reaction, Undated: a.Undated, Automatic: a.Automatic,
	}
	if rest := (Rest{a.Text, a.URL, a.Actor.Handle, a.Actor.Name}); rest != (Rest{}) {
		r.Rest = &rest
	}
	return r
}

// Ref names the record's activity: the first eight bytes of the SHA-256 of
// its key, in hexadecimal digits.
func (r Record) Ref() string { return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, r.ID)) }

// flags are what is true or false of it, as packed records have them.
func (r Record) flags() byte {
	var f byte
	if r.Undated {
		f |= 1
	}
	if r.Automatic {
		f |= 2
	}
	return f
}

// By reports whether the account of an id did it.
func (r Record) By(accountID string) bool {
	sum, err := lower32.DecodeString(strings.TrimPrefix(accountID, "acc_"))
	return err == nil && len(sum) >= 8 && binary.BigEndian.Uint64(sum) == r.Actor
}

// lower32 is how social.HashID writes a hash.
var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Time is when it was done, UTC.
func (r Record) Time() time.Time { return time.UnixMilli(r.At).UTC() }

// hashOf is the first eight bytes of the SHA-256 of s.
func hashOf(s string) uint64 {
	var room [128]byte // most keys fit, and then nothing is allocated
	sum := sha256.Sum256(append(room[:0], s...))
	return binary.BigEndian.Uint64(sum[:])
}

// objectHash stands for a platform's id of an object or conversation. The
// parts' lengths are hashed with them, so no two lists of parts are alike.
func objectHash(p social.Platform, scope, id string) uint64 {
	if id == "" {
		return 0
	}
	var room [128]byte
	b := binary.AppendUvarint(room[:0], uint64(len(p)))
	b = binary.AppendUvarint(append(b, p...), uint64(len(scope)))
	b = append(append(b, scope...), id...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

// actorHash is the beginning of the hash in the account's id.
func actorHash(r social.AccountRef) uint64 {
	return hashOf(social.Key(string(r.Platform), r.Scope, r.ID))
}

// zeroTime is the zero time in milliseconds: of a fact that has no time and
// is not stored yet.
var zeroTime = time.Time{}.UnixMilli()

// The years in which a fact can lie, in milliseconds: as Activity.Validate has it.
var (
	firstInstant = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	lastInstant  = time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - 1
)

// validate reports what keeps r from being the record of a valid fact.
func (r *Record) validate() error {
	switch {
	case r.Platform == "":
		return fmt.Errorf("record %s without a platform", r.Ref())
	case !r.Type.Valid():
		return fmt.Errorf("record %s has the unknown type %q", r.Ref(), clip(string(r.Type)))
	case r.Direction != social.Inbound && r.Direction != social.Outbound:
		return fmt.Errorf("record %s has the unknown direction %q", r.Ref(), clip(string(r.Direction)))
	case r.Undated && r.At == zeroTime:
	case r.At < firstInstant || r.At > lastInstant:
		return fmt.Errorf("record %s is not of the years 1990 to 2999", r.Ref())
	}
	return nil
}

// compareRecords orders records by time and id, and two that share both by
// all that could tell them apart but their texts.
func compareRecords(a, b *Record) int {
	if c := cmp.Compare(a.At, b.At); c != 0 {
		return c
	}
	if c := cmp.Compare(a.ID, b.ID); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(a.Type, b.Type), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Scope, b.Scope),
		cmp.Compare(a.Actor, b.Actor), cmp.Compare(a.Object, b.Object), cmp.Compare(a.ObjectType, b.ObjectType),
		cmp.Compare(a.InReplyTo, b.InReplyTo), cmp.Compare(a.Conversation, b.Conversation),
		cmp.Compare(a.Language, b.Language), cmp.Compare(a.Sentiment, b.Sentiment), cmp.Compare(a.Intent, b.Intent), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Reaction, b.Reaction),
		cmp.Compare(a.flags(), b.flags()),
	)
}
