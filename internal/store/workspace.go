package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// Workspace is one customer of Rapport.
type Workspace struct {
	ID       string // [a-z0-9-], the name in URLs
	Name     string
	TimeZone string // IANA
	Created  time.Time
}

type workspaceItem struct {
	PK, SK         string
	ID             string
	Name, TimeZone string
	Created        string
}

type memberItem struct {
	PK, SK    string
	Workspace string
	Subject   string
	Since     string
}

// CreateWorkspace creates w with its first member, and what stands ready from
// the start, in one transaction. A taken id is an error of kind Conflict.
func (s *Store) CreateWorkspace(ctx context.Context, w Workspace, subject string) error {
	var puts []types.TransactWriteItem
	for _, it := range []any{
		workspaceItem{PK: workspacePK(w.ID), SK: "@", ID: w.ID, Name: w.Name, TimeZone: w.TimeZone, Created: social.Stamp(w.Created)},
		memberItem{PK: workspacePK(w.ID), SK: "U#" + social.Key(subject), Workspace: w.ID, Subject: subject, Since: social.Stamp(w.Created)},
		memberItem{PK: subjectPK(subject), SK: "W#" + w.ID, Workspace: w.ID, Subject: subject, Since: social.Stamp(w.Created)},
	} {
		av, err := attributevalue.MarshalMap(it)
		if err != nil {
			return err
		}
		puts = append(puts, types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: av, ConditionExpression: aws.String("attribute_not_exists(PK)")}})
	}
	_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: puts})
	if err = classify("create workspace", err); fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "the workspace id %q is taken", w.ID)
	}
	return err
}

// Workspace returns one workspace.
func (s *Store) Workspace(ctx context.Context, id string) (Workspace, error) {
	var it workspaceItem
	if err := s.get(ctx, key{workspacePK(id), "@"}, &it); err != nil {
		return Workspace{}, err
	}
	t, err := social.ParseStamp(it.Created)
	return Workspace{ID: it.ID, Name: it.Name, TimeZone: it.TimeZone, Created: t}, err
}

// Member returns nil only if subject is a member of the workspace; else an error of kind NotFound.
func (s *Store) Member(ctx context.Context, subject, w string) error {
	var it memberItem
	return s.get(ctx, key{subjectPK(subject), "W#" + w}, &it)
}

// Workspaces lists the ids of the workspaces subject is a member of.
func (s *Store) Workspaces(ctx context.Context, subject string) ([]string, error) {
	items, err := all[memberItem](ctx, s, query{pk: subjectPK(subject), prefix: "W#"})
	var out []string
	for _, it := range items {
		out = append(out, it.Workspace)
	}
	return out, err
}

// App is a platform's registration that signs deliveries. Its secrets are elsewhere.
type App struct {
	ID       string
	Owner    string // the workspace that made it, and sees what it can't route
	Platform social.Platform
	Config   json.RawMessage // what the platform's adapter needs to know
	Legacy   bool            // accept the platform's legacy signature
}

// Source is a connected origin of a workspace.
type Source struct {
	ID        string
	Workspace string
	App       string
	Platform  social.Platform
	Scope     string // platform-side; "*": whatever the app delivers
	Name      string
	Created   time.Time
}

type appItem struct {
	PK, SK   string
	ID       string
	Owner    string
	Platform string
	Config   string `dynamodbav:",omitempty"`
	Legacy   bool   `dynamodbav:",omitempty"`
}

type sourceItem struct {
	PK, SK             string
	ID, Workspace, App string
	Platform           string
	Scope, Name        string
	Created            string
}

type routeItem struct {
	PK, SK    string
	Scope     string
	Workspace string
	Source    string
}

// CreateSource creates a source, its route and, where it is new, its app, in
// one transaction. A scope of the app that is taken is an error of kind Conflict.
func (s *Store) CreateSource(ctx context.Context, app App, newApp bool, src Source) error {
	items := []any{
		sourceItem{PK: workspacePK(src.Workspace), SK: "S#" + src.ID, ID: src.ID, Workspace: src.Workspace, App: src.App,
			Platform: string(src.Platform), Scope: src.Scope, Name: src.Name, Created: social.Stamp(src.Created)},
		routeItem{PK: appPK(app.ID), SK: routeSK(src.Scope), Scope: src.Scope, Workspace: src.Workspace, Source: src.ID},
	}
	if newApp {
		items = append(items, appItem{PK: appPK(app.ID), SK: "@", ID: app.ID, Owner: app.Owner, Platform: string(app.Platform), Config: string(app.Config), Legacy: app.Legacy})
	}
	var puts []types.TransactWriteItem
	for _, it := range items {
		av, err := attributevalue.MarshalMap(it)
		if err != nil {
			return err
		}
		puts = append(puts, types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: av, ConditionExpression: aws.String("attribute_not_exists(PK)")}})
	}
	_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: puts})
	if err = classify("create source", err); fault.Is(err, fault.Conflict) {
		return fault.New(fault.Conflict, "the app already delivers the scope %q", src.Scope)
	}
	return err
}

// App returns an app; an error of kind NotFound if there is none.
func (s *Store) App(ctx context.Context, id string) (App, error) {
	var it appItem
	if err := s.get(ctx, key{appPK(id), "@"}, &it); err != nil {
		return App{}, err
	}
	return App{ID: it.ID, Owner: it.Owner, Platform: social.Platform(it.Platform), Config: json.RawMessage(it.Config), Legacy: it.Legacy}, nil
}

// Route is where an app's events of a scope go.
type Route struct{ Scope, Workspace, Source string }

// Routes returns every route of an app.
func (s *Store) Routes(ctx context.Context, app string) ([]Route, error) {
	items, err := all[routeItem](ctx, s, query{pk: appPK(app), prefix: "R#"})
	var out []Route
	for _, it := range items {
		out = append(out, Route{it.Scope, it.Workspace, it.Source})
	}
	return out, err
}

func (it sourceItem) source() (Source, error) {
	t, err := social.ParseStamp(it.Created)
	return Source{ID: it.ID, Workspace: it.Workspace, App: it.App, Platform: social.Platform(it.Platform), Scope: it.Scope, Name: it.Name, Created: t}, err
}

// Sources lists a workspace's sources by id.
func (s *Store) Sources(ctx context.Context, w string) ([]Source, error) {
	items, err := all[sourceItem](ctx, s, query{pk: workspacePK(w), prefix: "S#"})
	if err != nil {
		return nil, err
	}
	out := make([]Source, len(items))
	for i, it := range items {
		if out[i], err = it.source(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Source returns one source.
func (s *Store) Source(ctx context.Context, w, id string) (Source, error) {
	var it sourceItem
	if err := s.get(ctx, key{workspacePK(w), "S#" + id}, &it); err != nil {
		return Source{}, err
	}
	return it.source()
}

// Parked is a delivery, or a part of one, that could not be understood.
type Parked struct {
	ID       string // deterministic: the same delivery parked for the same reason has the same
	App      string
	Delivery string
	Received time.Time
	Reason   string
	Object   string // where its body is kept
}

type parkedItem struct {
	PK, SK            string
	ID, App, Delivery string
	Received, Reason  string
	Object            string
}

// Park notes a parked delivery; noting it again changes nothing.
func (s *Store) Park(ctx context.Context, w string, p Parked) error {
	_, err := s.putNew(ctx, parkedItem{PK: parkedPK(w, p.Received), SK: social.Stamp(p.Received) + "#" + p.ID, ID: p.ID, App: p.App,
		Delivery: p.Delivery, Received: social.Stamp(p.Received), Reason: p.Reason, Object: p.Object})
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// Parked lists what was parked in the month of at, newest first, after the
// given place ("" from the newest), at most limit, and the place of the last one.
func (s *Store) Parked(ctx context.Context, w string, at time.Time, after string, limit int) ([]Parked, string, error) {
	items, err := all[parkedItem](ctx, s, query{pk: parkedPK(w, at), after: after, descending: true, limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]Parked, len(items))
	last := after
	for i, it := range items {
		t, err := social.ParseStamp(it.Received)
		if err != nil {
			return nil, "", err
		}
		out[i], last = Parked{ID: it.ID, App: it.App, Delivery: it.Delivery, Received: t, Reason: it.Reason, Object: it.Object}, it.SK
	}
	return out, last, nil
}
