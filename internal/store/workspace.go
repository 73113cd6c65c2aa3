package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/social"
)

// Workspace is one customer of Rapport.
type Workspace struct {
	ID        string // [a-z0-9-], the name in URLs
	Name      string
	TimeZone  string   // IANA
	Languages []string // that it expects; none: any
	Created   time.Time
}

type workspaceItem struct {
	PK, SK         string
	ID             string
	Name, TimeZone string
	Created        string
	Members        int64    `dynamodbav:",omitempty"` // how often they were changed
	Languages      []string `dynamodbav:",omitempty"` // that its people are expected to write in
	Deleted        string   `dynamodbav:",omitempty"` // when it was asked to be deleted: nobody sees it since

	Stopped   string    `dynamodbav:",omitempty"` // when it was stopped
	StoppedBy string    `dynamodbav:",omitempty"`
	Limits    limit.Set `dynamodbav:",omitempty"` // that the operator set for it

	Reader    *inUse     `dynamodbav:",omitempty"` // by what its texts are read; none: the reader as it comes
	Refitting *refitting `dynamodbav:",omitempty"` // the refit that goes on
}

// errDeleted is said of a workspace that is being deleted, as of one that never was.
var errDeleted = fault.New(fault.NotFound, "nothing at this id")

// CreateWorkspace creates w with its first member, an owner, in one
// transaction. An id that is taken, or used up, is an error of kind Conflict;
// a subject that has as many as it may have is one of kind RateLimited.
func (s *Store) CreateWorkspace(ctx context.Context, w Workspace, subject string) error {
	var used key
	switch err := s.get(ctx, key{gonePK(w.ID), "@"}, &used); {
	case err == nil:
		return fault.New(fault.Conflict, "the workspace id %q is taken", w.ID)
	case !fault.Is(err, fault.NotFound):
		return err
	}
	items := []any{workspaceItem{PK: workspacePK(w.ID), SK: "@", ID: w.ID, Name: w.Name, TimeZone: w.TimeZone, Created: social.Stamp(w.Created), Members: 1}}
	for _, it := range memberItems(w.ID, Member{Subject: subject, Role: social.Owner, Since: w.Created}) {
		items = append(items, it)
	}
	var puts []types.TransactWriteItem
	for _, it := range items {
		put, err := s.putting(it, "attribute_not_exists(PK)")
		if err != nil {
			return err
		}
		puts = append(puts, put)
	}
	taken := false
	err := Again(ctx, func() error {
		var there workspaceItem
		switch err := s.get(ctx, key{workspacePK(w.ID), "@"}, &there); {
		case err == nil:
			taken = true
			return nil
		case !fault.Is(err, fault.NotFound):
			return err
		}
		join, err := s.joining(ctx, subject, social.Owner, w.Created)
		if err != nil {
			return err
		}
		return s.change(ctx, "create workspace", append(slices.Clone(puts), join)...)
	})
	if taken {
		return fault.New(fault.Conflict, "the workspace id %q is taken", w.ID)
	}
	return err
}

// Workspace returns one workspace; an error of kind NotFound for one that is being deleted.
func (s *Store) Workspace(ctx context.Context, id string) (Workspace, error) {
	var it workspaceItem
	if err := s.get(ctx, key{workspacePK(id), "@"}, &it); err != nil {
		return Workspace{}, err
	}
	if it.Deleted != "" {
		return Workspace{}, errDeleted
	}
	t, err := social.ParseStamp(it.Created)
	return Workspace{ID: it.ID, Name: it.Name, TimeZone: it.TimeZone, Languages: it.Languages, Created: t}, err
}

// RenameWorkspace changes a workspace's name; one that is gone is an error of
// kind NotFound. With read, it does so on condition that the name is as it was
// read; else its error is of kind Conflict.
func (s *Store) RenameWorkspace(ctx context.Context, w, name string, read *string) error {
	u := types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("SET #n = :n"),
		ConditionExpression: aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted)"), ExpressionAttributeNames: map[string]string{"#n": "Name"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": str(name)}}
	if read == nil {
		return s.update(ctx, "workspace", u)
	}
	*u.ConditionExpression += " AND #n = :r"
	u.ExpressionAttributeValues[":r"] = str(*read)
	return s.change(ctx, "workspace", types.TransactWriteItem{Update: &u})
}

// SetLanguages sets the languages that a workspace expects, of package langid;
// none: any. One that is gone is an error of kind NotFound.
func (s *Store) SetLanguages(ctx context.Context, w string, languages []string) error {
	l, err := attributevalue.Marshal(languages)
	if err != nil {
		return err
	}
	return s.update(ctx, "workspace", types.Update{TableName: &s.table, Key: key{workspacePK(w), "@"}.av(), UpdateExpression: aws.String("SET Languages = :l"),
		ConditionExpression: aws.String("attribute_exists(PK) AND attribute_not_exists(Deleted)"), ExpressionAttributeValues: map[string]types.AttributeValue{":l": l}})
}

// Workspaces lists the ids of the workspaces subject is a member of.
func (s *Store) Workspaces(ctx context.Context, subject string) ([]string, error) {
	items, err := all[memberItem](ctx, s, query{pk: subjectPK(subject), prefix: "W#", most: maxWorkspaces})
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
	Guests   []string        // workspaces beside the owner that may connect sources to it
}

// MayConnect reports whether a workspace may connect sources to the app.
func (a App) MayConnect(w string) bool { return a.Owner == w || slices.Contains(a.Guests, w) }

// Source is a connected origin of a workspace.
type Source struct {
	ID        string
	Workspace string
	App       string
	Platform  social.Platform
	Scope     string // platform-side; "*": whatever the app delivers
	Name      string
	Own       []string // platform-side ids of accounts that act for the business
	Created   time.Time
}

type appItem struct {
	PK, SK   string
	ID       string
	Owner    string
	Platform string
	Config   string   `dynamodbav:",omitempty"`
	Legacy   bool     `dynamodbav:",omitempty"`
	Guests   []string `dynamodbav:",omitempty,stringset"`
	Routes   int64    `dynamodbav:",omitempty"` // how often a source was connected to it since it was made
}

type sourceItem struct {
	PK, SK             string
	ID, Workspace, App string
	Platform           string
	Scope, Name        string
	Own                []string `dynamodbav:",omitempty"`
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
			Platform: string(src.Platform), Scope: src.Scope, Name: src.Name, Own: src.Own, Created: social.Stamp(src.Created)},
		routeItem{PK: appPK(app.ID), SK: routeSK(src.Scope), Scope: src.Scope, Workspace: src.Workspace, Source: src.ID},
	}
	if newApp {
		items = append(items, appItem{PK: appPK(app.ID), SK: "@", ID: app.ID, Owner: app.Owner, Platform: string(app.Platform), Config: string(app.Config), Legacy: app.Legacy},
			key{workspacePK(app.Owner), madeSK(app.ID)})
	}
	var changes []types.TransactWriteItem
	for _, it := range items {
		put, err := s.putting(it, "attribute_not_exists(PK)")
		if err != nil {
			return err
		}
		changes = append(changes, put)
	}
	if !newApp { // it may be deleted at this moment: the app's version tells
		changes = append(changes, types.TransactWriteItem{Update: &types.Update{TableName: &s.table, Key: key{appPK(app.ID), "@"}.av(),
			UpdateExpression: aws.String("ADD Routes :one"), ConditionExpression: aws.String("attribute_exists(PK)"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":one": num(1)}}})
	}
	err := s.change(ctx, "create source", changes...)
	if fault.Is(err, fault.Conflict) {
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
	return App{ID: it.ID, Owner: it.Owner, Platform: social.Platform(it.Platform), Config: json.RawMessage(it.Config), Legacy: it.Legacy, Guests: it.Guests}, nil
}

// Route is where an app's events of a scope go.
type Route struct{ Scope, Workspace, Source string }

// Routes returns every route of an app.
func (s *Store) Routes(ctx context.Context, app string) ([]Route, error) {
	items, err := all[routeItem](ctx, s, query{pk: appPK(app), prefix: "R#", most: maxSources})
	var out []Route
	for _, it := range items {
		out = append(out, Route{it.Scope, it.Workspace, it.Source})
	}
	return out, err
}

func (it sourceItem) source() (Source, error) {
	t, err := social.ParseStamp(it.Created)
	return Source{ID: it.ID, Workspace: it.Workspace, App: it.App, Platform: social.Platform(it.Platform), Scope: it.Scope, Name: it.Name, Own: it.Own, Created: t}, err
}

// Sources lists a workspace's sources by id.
func (s *Store) Sources(ctx context.Context, w string) ([]Source, error) {
	items, err := all[sourceItem](ctx, s, query{pk: workspacePK(w), prefix: "S#", most: maxSources})
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

// PutAppSettings replaces an app's document, and whether it accepts legacy
// signatures. An app that is gone is an error of kind NotFound. With read, it
// does so on condition that they are as they were read; else its error is of
// kind Conflict.
func (s *Store) PutAppSettings(ctx context.Context, a App, read *App) error {
	in := types.Update{TableName: &s.table, Key: key{appPK(a.ID), "@"}.av(),
		UpdateExpression: aws.String("SET Config = :c, Legacy = :l"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":c": str(string(a.Config)), ":l": &types.AttributeValueMemberBOOL{Value: a.Legacy}}}
	if read != nil {
		config, legacy := "Config = :rc", "Legacy = :rl"
		if len(read.Config) == 0 { // what is empty is not there, or empty since it was put
			config = "(attribute_not_exists(Config) OR Config = :rc)"
		}
		if !read.Legacy {
			legacy = "(attribute_not_exists(Legacy) OR Legacy = :rl)"
		}
		in.ConditionExpression = aws.String("attribute_exists(PK) AND " + config + " AND " + legacy)
		in.ExpressionAttributeValues[":rc"], in.ExpressionAttributeValues[":rl"] = str(string(read.Config)), &types.AttributeValueMemberBOOL{Value: read.Legacy}
	}
	err := s.change(ctx, "app", types.TransactWriteItem{Update: &in})
	if fault.Is(err, fault.Conflict) && read == nil {
		return fault.New(fault.NotFound, "no such app")
	}
	return err
}

// PutGuest lets a workspace connect sources to an app, or, with may false, no
// longer; sources that are connected stay. An app that is gone is an error of
// kind NotFound.
func (s *Store) PutGuest(ctx context.Context, app, w string, may bool) error {
	do := "ADD"
	if !may {
		do = "DELETE"
	}
	return s.update(ctx, "app", types.Update{Key: key{appPK(app), "@"}.av(),
		UpdateExpression: aws.String(do + " Guests :w"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":w": &types.AttributeValueMemberSS{Value: []string{w}}}})
}

// PutOwn replaces the list of a source's own accounts; a source that is gone
// is an error of kind NotFound. With read, it does so on condition that the
// list is as it was read; else its error is of kind Conflict.
func (s *Store) PutOwn(ctx context.Context, w, source string, own []string, read *[]string) error {
	list, err := attributevalue.Marshal(own)
	if err != nil {
		return err
	}
	in := types.Update{TableName: &s.table, Key: key{workspacePK(w), "S#" + source}.av(),
		UpdateExpression: aws.String("SET Own = :o"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":o": list}}
	if read != nil {
		before, err := attributevalue.Marshal(*read)
		if err != nil {
			return err
		}
		in.ConditionExpression = aws.String("attribute_exists(PK) AND Own = :r")
		in.ExpressionAttributeValues[":r"] = before
		if len(*read) == 0 { // a new source has no list
			in.ConditionExpression = aws.String("attribute_exists(PK) AND (attribute_not_exists(Own) OR size(Own) = :r)")
			in.ExpressionAttributeValues[":r"] = num(0)
		}
	}
	err = s.change(ctx, "own accounts", types.TransactWriteItem{Update: &in})
	if fault.Is(err, fault.Conflict) && read == nil {
		return fault.New(fault.NotFound, "no such source")
	}
	return err
}

// RenameSource changes a source's name.
func (s *Store) RenameSource(ctx context.Context, w, source, name string) error {
	return s.update(ctx, "source", types.Update{Key: key{workspacePK(w), "S#" + source}.av(), UpdateExpression: aws.String("SET #n = :n"),
		ConditionExpression: aws.String("attribute_exists(PK)"), ExpressionAttributeNames: map[string]string{"#n": "Name"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": str(name)}})
}

// DeleteSource disconnects a source: its route goes with it, in one
// transaction. Its facts stay. A route that is another source's by now, since
// the scope was connected anew, stays.
func (s *Store) DeleteSource(ctx context.Context, x Source) error {
	source := key{workspacePK(x.Workspace), "S#" + x.ID}
	err := s.change(ctx, "delete source", s.deleting(source, "", nil),
		s.deleting(key{appPK(x.App), routeSK(x.Scope)}, "attribute_not_exists(PK) OR Workspace = :w", map[string]types.AttributeValue{":w": str(x.Workspace)}))
	if fault.Is(err, fault.Conflict) {
		return s.change(ctx, "delete source", s.deleting(source, "", nil))
	}
	return err
}

// AppsOf lists the apps that a workspace made.
func (s *Store) AppsOf(ctx context.Context, w string) ([]string, error) {
	items, err := all[key](ctx, s, query{pk: workspacePK(w), prefix: madeSK(""), most: maxSources})
	var out []string
	for _, it := range items {
		out = append(out, it.SK[len(madeSK("")):])
	}
	return out, err
}

// errUsed says that an app can't go.
var errUsed = fault.New(fault.Conflict, "sources still use the app: delete them first")

// DeleteApp takes an app away that no source uses, and what intake noted of
// it; one that is used is an error of kind Conflict. A source that is being
// connected to it at this moment either makes it used or finds no app. It
// stays on the list of who made it until EndApp, so that its secret is found.
func (s *Store) DeleteApp(ctx context.Context, app string) error {
	var it appItem
	if err := s.get(ctx, key{appPK(app), "@"}, &it); err != nil {
		return err
	}
	routes, err := s.Routes(ctx, app)
	if err != nil {
		return err
	}
	if len(routes) > 0 {
		return errUsed
	}
	cond, vals := "Routes = :r", map[string]types.AttributeValue{":r": num(it.Routes)}
	if it.Routes == 0 {
		cond, vals = "attribute_not_exists(Routes)", nil
	}
	err = s.change(ctx, "delete app", s.deleting(key{appPK(app), "@"}, cond, vals))
	if fault.Is(err, fault.Conflict) {
		return errUsed
	}
	if err != nil {
		return err
	}
	_, err = s.deletePartition(ctx, notesPK(app))
	return err
}

// EndApp takes an app that was deleted, with its secret, off the list of who made it.
func (s *Store) EndApp(ctx context.Context, w, app string) error {
	return s.delete(ctx, key{workspacePK(w), madeSK(app)})
}

// LeaveApp leaves an app without an owner, for the sources of others that still
// use it; no more can be connected.
func (s *Store) LeaveApp(ctx context.Context, app string) error {
	return s.update(ctx, "app", types.Update{Key: key{appPK(app), "@"}.av(), UpdateExpression: aws.String("SET #o = :none REMOVE Guests"), ConditionExpression: aws.String("attribute_exists(PK)"),
		ExpressionAttributeNames: map[string]string{"#o": "Owner"}, ExpressionAttributeValues: map[string]types.AttributeValue{":none": str("")}})
}

// Deleting tells which of the workspaces are being deleted.
func (s *Store) Deleting(ctx context.Context, ws []string) (map[string]bool, error) {
	var keys []key
	for _, w := range ws {
		keys = append(keys, key{workspacePK(w), "@"})
	}
	items, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for i, it := range items {
		if text(it["Deleted"]) != "" {
			out[ws[i]] = true
		}
	}
	return out, nil
}
