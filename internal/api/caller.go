package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/pattern"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Caller is who sends a request: a person, by an access token, or a program,
// by a machine key.
type Caller struct {
	Subject string         // of the token
	Claims  map[string]any // of the token
	Key     store.MachineKey
	Of      string // the workspace that the key is of
}

// machine reports whether the caller is a program.
func (c Caller) machine() bool { return c.Key.ID != "" }

// who names the caller in logs.
func (c Caller) who() string {
	if c.machine() {
		return c.Key.ID
	}
	return c.Subject
}

// by names the caller in what is stored: a member, or a key.
func (c Caller) by() string {
	if c.machine() {
		return c.Key.ID
	}
	return store.MemberID(c.Subject)
}

// What stands before codes that we make, so that whoever finds one knows what
// it is, and scanners of repositories can.
const (
	keyPrefix        = "rk_"
	invitationPrefix = "ri_"
)

// code is a machine key or an invitation: prefix, workspace, id and a secret
// of 256 bits.
var code = pattern.New(`^(r[ki]_)([a-z0-9-]{3,40})_([a-z2-7]{26})_([a-z2-7]{52})$`)

// newCode makes a code. Who has it is told by the hash of its secret alone: a
// plain SHA-256, since nobody can try out 256 random bits. What slow hashes
// with a salt protect is what people choose.
func (s *service) newCode(prefix, kind, w string) (id, whole string, hash []byte, err error) {
	if id, err = s.randomID(kind); err != nil {
		return "", "", nil, err
	}
	b := make([]byte, 32)
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return "", "", nil, fmt.Errorf("make a code: %w", err)
	}
	secret := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
	return id, prefix + w + "_" + strings.TrimPrefix(id, kind+"_") + "_" + secret, hashOf(secret), nil
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// readCode takes a code apart; ok is false for what is none of this prefix.
func readCode(prefix, kind, whole string) (w, id string, hash []byte, ok bool) {
	m := code.FindStringSubmatch(whole)
	if m == nil || m[1] != prefix {
		return "", "", nil, false
	}
	return m[2], kind + "_" + m[3], hashOf(m[4]), true
}

// keyCaller says who calls with a machine key.
func (s *service) keyCaller(ctx context.Context, token string) (Caller, error) {
	refused := fault.New(fault.Unauthenticated, "the machine key does not hold: it was revoked, or never was")
	w, id, hash, ok := readCode(keyPrefix, "key", token)
	if !ok {
		return Caller{}, refused
	}
	k, err := s.Store.Key(ctx, w, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return Caller{}, refused
	case err != nil:
		return Caller{}, fmt.Errorf("key %s: %w", id, err)
	case subtle.ConstantTimeCompare(hash, k.Hash) != 1:
		return Caller{}, refused
	case !s.Now().Before(k.Expires):
		return Caller{}, fault.New(fault.Unauthenticated, "the machine key has expired: an owner of the workspace makes another")
	}
	return Caller{Key: k, Of: w}, nil
}

// role returns the caller's role in a workspace. Whoever has none is refused
// as if the workspace did not exist.
func (s *service) role(ctx context.Context, c Caller, w string) (social.Role, error) {
	none := fault.Wrap(fault.NotFound, errNoWorkspace, "no such workspace")
	switch {
	case c.machine() && c.Of == w:
		return c.Key.Role, nil
	case c.machine(), c.Subject == "":
		return "", none
	}
	role, err := s.Store.Access(ctx, c.Subject, w)
	switch {
	case fault.Is(err, fault.NotFound):
		return "", none
	case err != nil:
		return "", fmt.Errorf("membership in %s: %w", w, err)
	}
	return role, nil
}

// may refuses a caller whose role in the workspace may not what need may.
func (s *service) may(ctx context.Context, c Caller, w string, need social.Role) error {
	role, err := s.role(ctx, c, w)
	if err != nil {
		return err
	}
	if !role.May(need) {
		return fault.New(fault.Forbidden, "this needs the role %s, and you have %s: ask an owner of the workspace", need, role)
	}
	return nil
}

// human refuses machine keys, where only a person may do something.
func human(c Caller) error {
	if c.machine() {
		return fault.New(fault.Forbidden, "a machine key can't do this: send an access token")
	}
	return nil
}

// mayCreate refuses a caller who may not create workspaces. An entry of
// Creators is a subject, or "claim:value" of a claim that is or holds value,
// alone or in a list.
func (s *service) mayCreate(c Caller) error {
	if err := human(c); err != nil || len(s.Creators) == 0 {
		return err
	}
	for _, entry := range s.Creators {
		i := strings.LastIndexByte(entry, ':')
		if entry == c.Subject || i > 0 && slices.Contains(values(c.Claims[entry[:i]]), entry[i+1:]) {
			return nil
		}
	}
	return fault.New(fault.Forbidden, "you may not create workspaces here: ask the operator to name you in the stack's parameter WorkspaceCreators, or an owner to invite you to a workspace")
}

// values lists what a claim holds: a list's entries, or a text and its words.
func values(claim any) (out []string) {
	switch v := claim.(type) {
	case string:
		out = append(strings.Fields(v), v)
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// newLine begins a line of the audit log.
func (s *service) newLine(ctx context.Context, w, operation string) (*store.Line, error) {
	id, err := s.randomID("log")
	if err != nil {
		return nil, err
	}
	on := requestOf(ctx).URL.Path
	if below, ok := strings.CutPrefix(on, "/v1/workspaces/"+w); ok {
		on = strings.TrimPrefix(below, "/")
	}
	return &store.Line{ID: id, Workspace: w, At: social.Instant(s.Now()), Who: callerOf(ctx).who(), What: operation, On: on, Outcome: store.LineAsked}, nil
}

// audited carries a change out with its line in the audit log: written before,
// as asked, and with what became of it in the change's own transaction, or
// after it where the change is more than one.
func (s *service) audited(ctx context.Context, w, operation string, change func(context.Context) error) error {
	line, err := s.newLine(ctx, w, operation)
	if err != nil {
		return err
	}
	if err := s.Store.PutLine(ctx, *line); err != nil {
		return err
	}
	err = change(store.WithLine(ctx, line))
	switch {
	case line.Written():
		return err
	case err == nil:
		line.Outcome = store.LineDone
	case refused(err):
		line.Outcome = store.LineRefused
	default:
		return err // nobody knows what was done: it stays asked
	}
	if lost := s.Store.PutLine(context.WithoutCancel(ctx), *line); lost != nil {
		slog.ErrorContext(ctx, "audit line stays asked", "workspace", w, "line", line.ID, "error", lost.Error())
	}
	return err
}

// refused reports whether an error is the caller's to mend.
func refused(err error) bool {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Status < 500
	}
	return fault.Status(err) < 500
}
