package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// DeleteWorkspace has a workspace not be there any more for anybody, and takes
// it off the list that ticks go through. Its data are still there: Sweep finds
// them. One that is gone is an error of kind NotFound.
func (s *Store) DeleteWorkspace(ctx context.Context, w string, at time.Time) error {
	err := s.change(ctx, "delete workspace", types.TransactWriteItem{Update: &types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(),
		UpdateExpression: aws.String("SET Deleted = :at"), ConditionExpression: aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": str(social.Stamp(at))}}},
		s.deleting(key{tickPK, "W#" + w}, "", nil))
	if fault.Is(err, fault.Conflict) {
		return errDeleted
	}
	return err
}

// IsDeleting reports whether a workspace is being deleted.
func (s *Store) IsDeleting(ctx context.Context, w string) (bool, error) {
	gone, err := s.Deleting(ctx, []string{w})
	return gone[w], err
}

// AppFor returns an app as intake is to see it: one of a workspace that is
// being deleted is an error of kind NotFound, unless others may use it too.
func (s *Store) AppFor(ctx context.Context, id string) (App, error) {
	a, err := s.App(ctx, id)
	if err != nil || a.Owner == "" || len(a.Guests) > 0 {
		return a, err
	}
	var it workspaceItem
	if err := s.get(ctx, key{workspacePK(a.Owner), "@"}, &it); err != nil && !fault.Is(err, fault.NotFound) {
		return App{}, err
	}
	if it.Deleted != "" {
		return App{}, errDeleted
	}
	return a, nil
}

// Remnant is an item that is of a workspace, or names it.
type Remnant struct {
	key
	Archived string // the object of the archive, "<day>/<name>", that it says the workspace has something in
	App      string // the app that it is, or that names the workspace as its guest
	Owner    bool   // of that app
	Made     string // the app that it says the workspace made
}

// sweepItems bounds how many items one step of Sweep looks at.
const sweepItems = 2_000

// Sweep looks through a part of the whole table, after the place at which the
// step before ended ("" from the beginning), and lists what is of a workspace,
// also of its source checks, or names it, but for the workspace itself. It returns
// the place that it ended at: "" at the end of the table.
//
// A workspace's items lie under keys that nobody lists. To look at each item
// of the table finds them all, also those of a kind that is added tomorrow.
func (s *Store) Sweep(ctx context.Context, w, after string) ([]Remnant, string, error) {
	in := &dynamodb.ScanInput{TableName: &s.table, Limit: aws.Int32(sweepItems),
		FilterExpression:         aws.String("begins_with(PK, :own) OR begins_with(PK, :check) OR begins_with(PK, :built) OR SK = :sk OR Workspace = :w OR #o = :w OR contains(Guests, :w)"),
		ProjectionExpression:     aws.String("PK, SK, #o"),
		ExpressionAttributeNames: map[string]string{"#o": "Owner"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":own": str(w + "#"), ":check": str(w + "!"), ":built": str(w + "~"),
			":sk": str("W#" + w), ":w": str(w)}}
	if pk, sk, ok := strings.Cut(after, "\n"); ok {
		in.ExclusiveStartKey = key{pk, sk}.av()
	}
	page, err := s.db.Scan(ctx, in)
	if err != nil {
		return nil, "", classify("sweep", err)
	}
	var out []Remnant
	for _, it := range page.Items {
		r := Remnant{key: key{text(it[attrPK]), text(it[attrSK])}}
		day, archived := strings.CutPrefix(r.PK, archivedPK(w, ""))
		app, isApp := strings.CutPrefix(r.PK, appPK(""))
		switch {
		case r.PK == workspacePK(w) && r.SK == "@":
			continue
		case archived:
			r.Archived = day + "/" + r.SK
		case isApp && r.SK == "@":
			r.App, r.Owner = app, text(it["Owner"]) == w
		case r.PK == workspacePK(w):
			r.Made, _ = strings.CutPrefix(r.SK, madeSK(""))
			if r.Made == r.SK {
				r.Made = ""
			}
		}
		out = append(out, r)
	}
	if page.LastEvaluatedKey == nil {
		return out, "", nil
	}
	return out, text(page.LastEvaluatedKey[attrPK]) + "\n" + text(page.LastEvaluatedKey[attrSK]), nil
}

// DeleteRemnant takes an item away that Sweep found and that is no app.
func (s *Store) DeleteRemnant(ctx context.Context, r Remnant) error {
	if r.App != "" {
		return fault.New(fault.Internal, "an app is not deleted as an item")
	}
	return s.delete(ctx, r.key)
}

// UsedByOthers reports whether sources of other workspaces use an app.
func (s *Store) UsedByOthers(ctx context.Context, app, w string) (bool, error) {
	routes, err := s.Routes(ctx, app)
	return slices.ContainsFunc(routes, func(r Route) bool { return r.Workspace != w }), err
}

// EndWorkspace puts, in place of a workspace all of whose data are gone, a
// note that its id is used up: links, keys and hooks that somebody kept shall
// never lead to somebody else's.
func (s *Store) EndWorkspace(ctx context.Context, w string) error {
	note, err := s.putting(key{gonePK(w), "@"}, "")
	if err != nil {
		return err
	}
	return s.change(ctx, "end workspace", note, s.deleting(key{workspacePK(w), "@"}, "", nil))
}

// DeleteRoutes takes the routes of an app away that lead to a workspace.
func (s *Store) DeleteRoutes(ctx context.Context, app, w string) error {
	routes, err := s.Routes(ctx, app)
	if err != nil {
		return err
	}
	for _, r := range routes {
		if r.Workspace == w {
			if err := s.delete(ctx, key{appPK(app), routeSK(r.Scope)}); err != nil {
				return err
			}
		}
	}
	return nil
}
