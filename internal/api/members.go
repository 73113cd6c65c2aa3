package api

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Member is a person who may use the workspace.
type Member struct {
	ID      string    `json:"id" example:"mem_2f1c…" doc:"Names the member in URLs"`
	Subject string    `json:"subject" doc:"The sub of the person's tokens"`
	Role    string    `json:"role" enum:"viewer,agent,analyst,owner" doc:"What the person may do; each role may what those before it may"`
	Since   time.Time `json:"since" doc:"When the person became a member"`
	By      string    `json:"invited_by,omitempty" doc:"Who invited the person; absent for who created the workspace"`
}

// NewRole is the role to give.
type NewRole struct {
	Role string `json:"role" enum:"viewer,agent,analyst,owner" example:"analyst" doc:"The role from now on"`
}

// NewInvitation is what an invitation is made from.
type NewInvitation struct {
	Role string `json:"role" enum:"viewer,agent,analyst,owner" example:"viewer" doc:"The role of whoever redeems it"`
	Days int    `json:"days,omitempty" minimum:"1" maximum:"30" default:"7" doc:"For how many days it can be redeemed"`
}

// Invitation lets whoever has its code become a member, once.
type Invitation struct {
	ID      string    `json:"id" doc:"Names the invitation in URLs; it is not the code"`
	Role    string    `json:"role" enum:"viewer,agent,analyst,owner" doc:"The role of whoever redeems it"`
	By      string    `json:"invited_by" doc:"Who made it"`
	Created time.Time `json:"created" doc:"When it was made"`
	Expires time.Time `json:"expires" doc:"Until when it can be redeemed"`
}

// CreatedInvitation is an invitation and, this once, its code.
type CreatedInvitation struct {
	Invitation
	Code string `json:"code" doc:"Hand it to the person, on a way that nobody else reads: it is shown this once, and whoever redeems it first is a member"`
}

// Redeeming is the code of an invitation.
type Redeeming struct {
	Code string `json:"code" minLength:"1" maxLength:"200" doc:"The invitation's code, ri_…"`
}

// Membership is what somebody is in a workspace.
type Membership struct {
	Workspace string `json:"workspace" doc:"The workspace's id"`
	Role      string `json:"role" enum:"viewer,agent,analyst,owner" doc:"Your role in it"`
}

// NewKey is what a machine key is made from.
type NewKey struct {
	Name    string `json:"name" minLength:"1" maxLength:"200" example:"CRM sync" doc:"Which program it is for"`
	Role    string `json:"role" enum:"viewer,agent,analyst" example:"viewer" doc:"What it may do; a key is never an owner"`
	Expires string `json:"expires" format:"date-time" example:"2027-03-01T00:00:00Z" doc:"When it holds no more, at most a year from now"`
}

// Key lets a program use the workspace.
type Key struct {
	ID      string    `json:"id" doc:"Names the key in URLs and in the audit log; it is not the key"`
	Name    string    `json:"name" doc:"Which program it is for"`
	Role    string    `json:"role" enum:"viewer,agent,analyst" doc:"What it may do"`
	By      string    `json:"created_by" doc:"Who made it"`
	Created time.Time `json:"created" doc:"When it was made"`
	Expires time.Time `json:"expires" doc:"When it holds no more"`
}

// CreatedKey is a machine key's description and, this once, the key.
type CreatedKey struct {
	Key
	Token string `json:"token" doc:"Sent as Authorization: Bearer rk_…; it is shown this once"`
}

// AuditLine is one line of the audit log.
type AuditLine struct {
	ID      string    `json:"id" doc:"Names the line"`
	At      time.Time `json:"at" doc:"When it was asked for"`
	Who     string    `json:"who" doc:"The subject of a token, or the id of a machine key"`
	What    string    `json:"what" example:"delete-source" doc:"The operation's id in this contract"`
	On      string    `json:"on" doc:"What it was about: the path below the workspace"`
	Outcome string    `json:"outcome" enum:"asked,done,refused" doc:"done: carried out. refused: nothing was changed. asked: nobody knows whether it was carried out"`
}

// InMember is the part of a request that names a member.
type InMember struct {
	InWorkspace
	Member string `path:"member" pattern:"^mem_[A-Za-z0-9_-]{1,60}$" maxLength:"64" doc:"The member's id"`
}

// leaveIn names a member: oneself, whatever one's role, or as an owner anybody.
type leaveIn struct{ InMember }

func (in *leaveIn) own(c Caller) bool { return !c.machine() && in.Member == store.MemberID(c.Subject) }

type putMemberIn struct {
	InMember
	Body NewRole
}

type newInvitationIn struct {
	InWorkspace
	Body NewInvitation
}

type invitationIn struct {
	InWorkspace
	Invitation string `path:"invitation" pattern:"^inv_[a-z2-7]{26}$" maxLength:"30" doc:"The invitation's id"`
}

type redeemIn struct{ Body Redeeming }

type newKeyIn struct {
	InWorkspace
	Body NewKey
}

type keyIn struct {
	InWorkspace
	Key string `path:"key" pattern:"^key_[a-z2-7]{26}$" maxLength:"30" example:"key_mzxw6ytboi4dcmrqgq2tmnzygi" doc:"The key's id"`
}

type auditIn struct {
	InWorkspace
	ParkedMonth
	Paged
}

func (s *service) members(api huma.API) {
	tags := []string{"workspaces"}
	members(s, api, social.Owner, huma.Operation{OperationID: "list-members", Method: http.MethodGet, Path: "/members", Tags: tags, Summary: "List members",
		Description: "Everybody who may use the workspace."},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Member]], error) {
			list, err := s.Store.Members(ctx, w)
			if err != nil {
				return nil, err
			}
			out := &Out[List[Member]]{List[Member]{Items: []Member{}}}
			for _, m := range list {
				out.Body.Items = append(out.Body.Items, member(m))
			}
			return out, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "put-member", Extensions: whileStopped(), Method: http.MethodPut, Path: "/members/{member}", Tags: tags, Summary: "Change a member's role",
		Description: "It holds at once. The last owner stays one.", Errors: []int{http.StatusConflict}},
		func(ctx context.Context, w string, in *putMemberIn) (*Out[Member], error) {
			m, err := s.Store.ChangeMember(ctx, w, in.Member, social.Role(in.Body.Role))
			if err != nil {
				return nil, err
			}
			return &Out[Member]{member(m)}, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-member", Method: http.MethodDelete, Path: "/members/{member}", Tags: tags, Summary: "Remove a member, or leave",
		Description: "Members may remove themselves, whatever their role: get-workspace says the id. To the person the workspace does not exist any more, at once. Machine keys and invitations that the person made stay: revoke them. The last owner can't be removed. To remove somebody else:",
		Errors:      []int{http.StatusConflict}, DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, in *leaveIn) (*struct{}, error) {
			_, err := s.Store.ChangeMember(ctx, w, in.Member, "")
			return nil, err
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "list-invitations", Method: http.MethodGet, Path: "/invitations", Tags: tags, Summary: "List open invitations",
		Description: "Without their codes."},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Invitation]], error) {
			list, err := s.Store.Invitations(ctx, w, s.Now())
			if err != nil {
				return nil, err
			}
			out := &Out[List[Invitation]]{List[Invitation]{Items: []Invitation{}}}
			for _, i := range list {
				out.Body.Items = append(out.Body.Items, invitation(i))
			}
			return out, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "create-invitation", Method: http.MethodPost, Path: "/invitations", Tags: tags, Summary: "Invite somebody",
		Description:   "The answer has a code, shown this once. Whoever redeems it first, with an access token of their own, is a member. An access token tells no e-mail address, so an invitation is bound to none.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}, s.createInvitation)
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-invitation", Method: http.MethodDelete, Path: "/invitations/{invitation}", Tags: tags, Summary: "Take an invitation back",
		Description: "Its code can't be redeemed any more.", DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, in *invitationIn) (*struct{}, error) {
			return nil, s.Store.DeleteInvitation(ctx, w, in.Invitation)
		})
	open(api, huma.Operation{OperationID: "redeem-invitation", Method: http.MethodPost, Path: "/v1/invitations/redeem", Tags: tags, Summary: "Become a member by an invitation",
		Description:   "With an access token of the person who was invited. The invitation is used up by it. A code that was used, taken back or has expired is answered as one that never was.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict}}, s.redeem)
}

func member(m store.Member) Member {
	return Member{ID: m.ID(), Subject: m.Subject, Role: string(m.Role), Since: m.Since, By: m.By}
}

func invitation(i store.Invitation) Invitation {
	return Invitation{ID: i.ID, Role: string(i.Role), By: i.By, Created: i.Created, Expires: i.Expires}
}

func (s *service) createInvitation(ctx context.Context, w string, in *newInvitationIn) (*CreatedOut[CreatedInvitation], error) {
	list, err := s.Store.Invitations(ctx, w, s.Now())
	if err == nil {
		err = s.room(ctx, limit.Invitations, len(list))
	}
	if err != nil {
		return nil, err
	}
	id, whole, hash, err := s.newCode(invitationPrefix, "inv", w)
	if err != nil {
		return nil, err
	}
	now := social.Instant(s.Now())
	i := store.Invitation{ID: id, Role: social.Role(in.Body.Role), Hash: hash, By: callerOf(ctx).who(), Created: now, Expires: now.AddDate(0, 0, in.Body.Days)}
	if err := s.Store.CreateInvitation(ctx, w, i); err != nil {
		return nil, err
	}
	return &CreatedOut[CreatedInvitation]{Location: "/v1/workspaces/" + w + "/invitations/" + id, Body: CreatedInvitation{invitation(i), whole}}, nil
}

func (s *service) redeem(ctx context.Context, caller Caller, in *redeemIn) (*CreatedOut[Membership], error) {
	if err := human(caller); err != nil {
		return nil, err
	}
	none := fault.New(fault.NotFound, "no such invitation: it was used or taken back, or has expired; ask for another one")
	w, id, hash, ok := readCode(invitationPrefix, "inv", in.Body.Code)
	if !ok {
		return nil, none
	}
	i, err := s.Store.Invitation(ctx, w, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, none
	case err != nil:
		return nil, fmt.Errorf("invitation %s: %w", id, err)
	case subtle.ConstantTimeCompare(hash, i.Hash) != 1 || !s.Now().Before(i.Expires):
		return nil, none
	}
	terms, err := s.Store.Terms(ctx, w)
	if err == nil {
		err = stopped(huma.Operation{}, terms)
	}
	if err != nil {
		return nil, err
	}
	line, err := s.newLine(ctx, w, "redeem-invitation")
	if err != nil {
		return nil, err
	}
	line.On = "invitations/" + id
	m, err := s.Store.Redeem(store.WithLine(ctx, line), w, i, caller.Subject, social.Instant(s.Now()))
	if fault.Is(err, fault.NotFound) {
		return nil, none
	}
	if err != nil {
		return nil, err
	}
	return &CreatedOut[Membership]{Location: "/v1/workspaces/" + w, Body: Membership{w, string(m.Role)}}, nil
}

// maxKeyLife bounds how long a machine key holds.
const maxKeyLife = 366 * 24 * time.Hour

func (s *service) keys(api huma.API) {
	tags := []string{"workspaces"}
	members(s, api, social.Owner, huma.Operation{OperationID: "list-keys", Method: http.MethodGet, Path: "/keys", Tags: tags, Summary: "List machine keys",
		Description: "Without the keys themselves. One that has expired is listed for a few days yet."},
		func(ctx context.Context, w string, _ *InWorkspace) (*Out[List[Key]], error) {
			list, err := s.Store.Keys(ctx, w)
			if err != nil {
				return nil, err
			}
			out := &Out[List[Key]]{List[Key]{Items: []Key{}}}
			for _, k := range list {
				out.Body.Items = append(out.Body.Items, machineKey(k))
			}
			return out, nil
		})
	members(s, api, social.Owner, huma.Operation{OperationID: "create-key", Method: http.MethodPost, Path: "/keys", Tags: tags, Summary: "Make a machine key",
		Description:   "For a program that uses this workspace, with a role of its own. The key is shown this once: the table keeps its hash.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusConflict}}, s.createKey)
	members(s, api, social.Owner, huma.Operation{OperationID: "delete-key", Method: http.MethodDelete, Path: "/keys/{key}", Tags: tags, Summary: "Revoke a machine key",
		Description: "It holds no more, at once.", DefaultStatus: http.StatusNoContent},
		func(ctx context.Context, w string, in *keyIn) (*struct{}, error) {
			return nil, s.Store.DeleteKey(ctx, w, in.Key)
		})
}

func machineKey(k store.MachineKey) Key {
	return Key{ID: k.ID, Name: k.Name, Role: string(k.Role), By: k.By, Created: k.Created, Expires: k.Expires}
}

func (s *service) createKey(ctx context.Context, w string, in *newKeyIn) (*CreatedOut[CreatedKey], error) {
	if err := plain("body.name", in.Body.Name); err != nil {
		return nil, err
	}
	expires, err := requestTime("body.expires", in.Body.Expires)
	if err != nil {
		return nil, err
	}
	now := social.Instant(s.Now())
	switch {
	case !expires.After(now):
		return nil, invalid("body.expires", "has passed")
	case expires.After(now.Add(maxKeyLife)):
		return nil, invalid("body.expires", "is more than a year from now")
	}
	list, err := s.liveKeys(ctx, w)
	if err == nil {
		err = s.room(ctx, limit.Keys, len(list))
	}
	if err != nil {
		return nil, err
	}
	id, whole, hash, err := s.newCode(keyPrefix, "key", w)
	if err != nil {
		return nil, err
	}
	k := store.MachineKey{ID: id, Name: in.Body.Name, Role: social.Role(in.Body.Role), Hash: hash, By: callerOf(ctx).who(), Created: now, Expires: expires}
	if err := s.Store.CreateKey(ctx, w, k); err != nil {
		return nil, err
	}
	return &CreatedOut[CreatedKey]{Location: "/v1/workspaces/" + w + "/keys/" + id, Body: CreatedKey{machineKey(k), whole}}, nil
}

func (s *service) audit(api huma.API) {
	members(s, api, social.Owner, huma.Operation{OperationID: "list-audit-log", Method: http.MethodGet, Path: "/audit-log", Tags: []string{"workspaces"}, Summary: "List who did what",
		Description: "The newest first, of one month: each request that was to change something and that was allowed. It goes with the workspace."},
		func(ctx context.Context, w string, in *auditIn) (*PageOut[AuditLine], error) {
			month, err := s.monthOf(in.ParkedMonth)
			if err != nil {
				return nil, err
			}
			after, err := s.place(ctx, in.Cursor)
			if err != nil {
				return nil, err
			}
			list, last, err := s.Store.Lines(ctx, w, month, after, in.Limit)
			if err != nil {
				return nil, err
			}
			out := &PageOut[AuditLine]{Body: Page[AuditLine]{Items: []AuditLine{}}}
			for _, l := range list {
				out.Body.Items = append(out.Body.Items, AuditLine{ID: l.ID, At: l.At, Who: l.Who, What: l.What, On: l.On, Outcome: l.Outcome})
			}
			if len(list) < in.Limit {
				return out, nil
			}
			rest, _, err := s.Store.Lines(ctx, w, month, last, 1)
			if err != nil {
				return nil, err
			}
			out.Body.NextCursor, out.Link, err = s.next(ctx, placeIf(len(rest) > 0, last))
			return out, err
		})
}
