package leads

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/pattern"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// newestVersions is how many of the versions published last are looked at for
// the greatest: more than can be published in one millisecond.
const newestVersions = 10

// nextVersion is the number that the next new version of a model gets.
func (l *Leads) nextVersion(ctx context.Context, w, id string) (int, error) {
	list, err := l.store.Versions(ctx, w, store.ModelKind(id), "", newestVersions)
	greatest := 0
	for _, v := range list {
		if n, err := strconv.Atoi(v.Version); err == nil {
			greatest = max(greatest, n)
		}
	}
	return greatest + 1, err
}

// IDForm is the form of a model's id.
var IDForm = pattern.New(`^[a-z][a-z0-9-]{1,30}$`)

// idOf is the id that a document of rules names; "" if it is no id of a model.
func idOf(document []byte) string {
	var named struct{ ID string }
	if err := json.Unmarshal(document, &named); err != nil || !IDForm.MatchString(named.ID) {
		return ""
	}
	return named.ID
}

// Check returns what publishing a document would refuse: an error of kind
// Invalid that holds scoring.Problems; nil: nothing.
func Check(document []byte) error {
	_, err := parse(document, 1)
	return err
}

// parse reads a model's document as of a version, whichever it names itself.
// The error is of kind Invalid and holds scoring.Problems.
func parse(document []byte, version int) (scoring.Model, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(document, &fields); err == nil && fields != nil {
		fields["version"] = json.RawMessage(strconv.Itoa(version))
		if document, err = json.Marshal(fields); err != nil {
			return scoring.Model{}, err
		}
	}
	m, err := scoring.ParseModel(document)
	if err == nil && !IDForm.MatchString(m.ID) {
		p := scoring.Problems{{Path: "$.id", Message: "is no id of a model: 2 to 31 small letters, digits and hyphens, a letter first; " + strconv.Quote(ModelID) + " changes the one that every workspace has"}}
		return m, fault.Wrap(fault.Invalid, p, "the scoring model has 1 problem")
	}
	return m, err
}

// parseNext reads a document as the next version of the model that it names.
func (l *Leads) parseNext(ctx context.Context, w string, document []byte) (scoring.Model, error) {
	version := 1
	if id := idOf(document); id != "" { // else it is refused
		var err error
		if version, err = l.nextVersion(ctx, w, id); err != nil {
			return scoring.Model{}, err
		}
	}
	return parse(document, version)
}

// Against looks by the model that a document is to be compared with: the one
// that is asked for or, where none is (""), the one in use of which the document
// is a version, or else the default one. That another one is asked for than the
// document is a version of is an error of kind Invalid.
func (l *Leads) Against(ctx context.Context, w string, document []byte, asked string) (*Leads, error) {
	id := idOf(document)
	if id == "" { // it is no model, which whoever reads it says, or there is none
		return l.By(cmp.Or(asked, ModelID)), nil
	}
	active, err := l.active(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, ok := active[id]; !ok {
		return l.By(cmp.Or(asked, ModelID)), nil
	}
	if asked != "" && asked != id {
		return nil, fault.New(fault.Invalid, "is %s, but the document is a version of %s, which is in use: leave it out, or give the document another id", asked, id)
	}
	return l.By(id), nil
}

// Trial is a person by a model that is tried, and by the active one.
type Trial struct {
	Person      string
	By          scoring.Score // the model that is tried
	Active      scoring.Score
	ByCalls     bool // whether somebody should call, by the model that is tried
	ActiveCalls bool
}

// Try scores persons as of an instant by a model's document that is stored
// nowhere, and by the active model that l looks by. Who is no lead, or had done nothing by
// then, is named in nobody.
func (l *Leads) Try(ctx context.Context, w string, document []byte, people []string, asOf time.Time) (trials []Trial, nobody []string, err error) {
	m, err := l.parseNext(ctx, w, document)
	if err != nil {
		return nil, nil, err
	}
	active, err := l.Model(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	found, at := make([]Trial, len(people)), &companies{}
	errs := parallel.Each(ctx, len(people), atOnce, func(i int) error {
		who, err := l.Person(ctx, w, people[i])
		if err != nil {
			return err
		}
		head, err := l.store.Lead(ctx, w, who.ID, ModelID) // every lead has one by this model
		if err != nil {
			return err
		}
		_, by, err := l.evaluate(ctx, m, w, who, head, asOf, at)
		if err != nil {
			return err
		}
		_, now, err := l.evaluate(ctx, active, w, who, head, asOf, at)
		found[i] = Trial{who.ID, by.Score, now.Score, m.Calls(by.Score), active.Calls(now.Score)}
		return err
	})
	for i, err := range errs {
		switch {
		case err == nil:
			trials = append(trials, found[i])
		case fault.Is(err, fault.NotFound):
			nobody = append(nobody, people[i])
		default:
			return nil, nil, err
		}
	}
	return trials, nobody, nil
}

// Publish makes a document the active version of the model that it names, as
// the next version, or adds that model; one that says what the active one says
// stays that version. queue is called so that the leads are scored by it
// (Rescore).
func (l *Leads) Publish(ctx context.Context, w string, document []byte, now time.Time, queue func(Rescoring) error) (store.Document, error) {
	m, err := l.parseNext(ctx, w, document)
	if err != nil {
		return store.Document{}, err
	}
	l = l.By(m.ID)
	active, err := l.store.ActiveModels(ctx, w)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return store.Document{}, err
	}
	// Whoever adds another one at the same time is found when it is put in use.
	if version, ok := active[m.ID]; !ok && len(active) >= store.MaxModels {
		return store.Document{}, fault.New(fault.Conflict, "a workspace uses at most %d scoring models at a time, and there are %s: retire one first", store.MaxModels, strings.Join(idsOf(active), ", "))
	} else if ok {
		was, err := l.published(ctx, w, m.ID, version)
		if err != nil {
			return store.Document{}, err
		}
		if len(scoring.Compare(was, m)) == 0 {
			// Perhaps an attempt at the same request made it, and died then.
			return l.Activate(ctx, w, version, now, queue)
		}
	}
	for range maxModels {
		body, err := json.Marshal(m)
		if err != nil {
			return store.Document{}, err
		}
		d := store.Document{Version: strconv.Itoa(m.Version), Published: now, Body: body}
		if err = l.use(ctx, w, d, now, queue); !fault.Is(err, fault.Conflict) || errors.Is(err, store.ErrFull) {
			return d, err
		}
		if m, err = parse(document, m.Version+1); err != nil { // somebody published at the same time
			return store.Document{}, err
		}
	}
	return store.Document{}, fault.New(fault.Transient, "scoring models are being published by others at the same time: try again")
}

// Activate puts a version that was published before in use again.
func (l *Leads) Activate(ctx context.Context, w, version string, now time.Time, queue func(Rescoring) error) (store.Document, error) {
	d, err := l.store.Document(ctx, w, store.ModelKind(l.by), version)
	if err != nil {
		return d, err
	}
	if _, err := scoring.ParseModel(d.Body); err != nil {
		return d, err
	}
	return d, l.use(ctx, w, d, now, queue)
}

func (l *Leads) use(ctx context.Context, w string, d store.Document, now time.Time, queue func(Rescoring) error) error {
	if err := l.store.PublishModel(ctx, w, l.by, d); err != nil {
		return err
	}
	if err := l.store.PutScored(ctx, w, l.by, store.Scored{Version: d.Version, At: now}); err != nil {
		return err
	}
	return queue(Rescoring{Model: l.by, Version: d.Version})
}

// Retire puts a model out of use; its documents stay. queue is called so that
// the leads by it are taken away (Rescore), also if it is out of use already:
// an attempt may have died between.
func (l *Leads) Retire(ctx context.Context, w string, queue func(Rescoring) error) error {
	if l.by == ModelID {
		return fault.New(fault.Invalid, "the model %s can't be retired: reports are by it; publish another version of it", ModelID)
	}
	if was, err := l.store.Versions(ctx, w, store.ModelKind(l.by), "", 1); err != nil {
		return err
	} else if len(was) == 0 {
		_, _, err := l.model(ctx, w, l.by)
		return err // of kind NotFound
	}
	if err := l.store.RetireModel(ctx, w, l.by); err != nil {
		return err
	}
	return queue(Rescoring{Model: l.by})
}

// Version is the active version of the model by which l looks at leads.
func (l *Leads) Version(ctx context.Context, w string) (string, error) {
	_, version, err := l.model(ctx, w, l.by)
	return version, err
}

// InUse is a model that is in use.
type InUse struct {
	ID, Title string
	Version   string
	CallFrom  int64 // micro-points; 0: its document can't be read
}

// InUse lists the models that are in use, the default one first.
func (l *Leads) InUse(ctx context.Context, w string) ([]InUse, error) {
	active, err := l.active(ctx, w)
	if err != nil {
		return nil, err
	}
	var out []InUse
	for _, id := range idsOf(active) {
		m, err := l.published(ctx, w, id, active[id])
		if err != nil && !fault.Is(err, fault.Invalid) {
			return nil, err
		}
		out = append(out, InUse{id, m.Title, active[id], m.CallsFrom()})
	}
	return out, nil
}

// Compare lists what a version of the model has otherwise than another; "" is
// the active one.
func (l *Leads) Compare(ctx context.Context, w, from, to string) ([]scoring.Change, string, error) {
	if from == "" {
		_, active, err := l.model(ctx, w, l.by)
		if err != nil {
			return nil, "", err
		}
		from = active
	}
	var models [2]scoring.Model
	for i, version := range []string{from, to} {
		d, err := l.store.Document(ctx, w, store.ModelKind(l.by), version)
		if err != nil {
			return nil, "", err
		}
		if models[i], err = scoring.ParseModel(d.Body); err != nil {
			return nil, "", err
		}
	}
	return scoring.Compare(models[0], models[1]), from, nil
}

// RescoringPhase is what a step of a rescoring works on.
type RescoringPhase string

// The phases, in their order.
const (
	RescoringCount RescoringPhase = ""      // how many accounts there are is counted
	RescoringScore RescoringPhase = "score" // account by account
	RescoringDone  RescoringPhase = "done"  // all are scored, or another version is active by now
)

// Rescoring is how far the leads are scored by a version of a model that was
// published or, if it names none, taken away with a model that was retired. The
// zero value but for Model and Version is the beginning.
type Rescoring struct {
	Model   string         `json:"model,omitempty"` // "": the default one
	Version string         `json:"version,omitempty"`
	Phase   RescoringPhase `json:"phase,omitempty"`
	After   string         `json:"after,omitempty"` // the last account that is done
	Of      int            `json:"of,omitempty"`
	Done    int            `json:"done,omitempty"`
	Failed  int            `json:"failed,omitempty"` // whose score could not be computed: their leads stay as they were
}

const (
	countedAtOnce  = 1000
	rescoredAtOnce = 200
)

// Rescore scores leads by a model that was published, or takes those by one
// that was retired away, until all are or it is time to stop (zero: never), and
// returns how far it came. Whoever got a lead
// since is scored by the new model anyhow (Score), and who stands by it
// already is left out, so a step that is done again costs little. Accounts,
// unlike leads, have an order that scores don't change: so nobody is missed.
func (l *Leads) Rescore(ctx context.Context, w string, state Rescoring, clock func() time.Time, stop time.Time) (Rescoring, error) {
	state.Model = cmp.Or(state.Model, ModelID)
	for state.Phase != RescoringDone && (stop.IsZero() || clock().Before(stop)) {
		active, err := l.active(ctx, w)
		if err != nil {
			return state, err
		}
		if version := active[state.Model]; version != state.Version {
			slog.InfoContext(ctx, "another version is in use", "workspace", w, "model", state.Model, "version", version)
			state.Phase = RescoringDone // whoever put it in use asked for the leads to be scored by it
			return state, nil
		}
		if state.Version == "" {
			if err := l.takeStep(ctx, w, &state, social.Instant(clock())); err != nil {
				return state, err
			}
			continue
		}
		m, err := l.published(ctx, w, state.Model, state.Version)
		if err != nil {
			return state, err
		}
		if state.Phase == RescoringCount {
			err = l.countStep(ctx, w, &state)
		} else {
			err = l.rescoreStep(ctx, w, m, &state, social.Instant(clock()))
		}
		if err != nil {
			return state, err
		}
		err = l.store.PutScored(ctx, w, state.Model, store.Scored{Version: state.Version, Done: state.Done, Of: max(state.Done, state.Of), Failed: state.Failed, Ended: state.Phase == RescoringDone, At: clock()})
		if err != nil {
			return state, err
		}
	}
	return state, nil
}

func (l *Leads) countStep(ctx context.Context, w string, state *Rescoring) error {
	accounts, err := l.store.Accounts(ctx, w, state.After, countedAtOnce)
	if err != nil {
		return err
	}
	state.Of += len(accounts)
	if len(accounts) == 0 {
		state.Phase, state.After = RescoringScore, ""
		return nil
	}
	state.After = accounts[len(accounts)-1]
	return nil
}

func (l *Leads) rescoreStep(ctx context.Context, w string, m scoring.Model, state *Rescoring, now time.Time) error {
	accounts, err := l.store.Accounts(ctx, w, state.After, rescoredAtOnce)
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		state.Phase = RescoringDone
		return nil
	}
	owners, err := l.store.PersonsOf(ctx, w, accounts)
	if err != nil {
		return err
	}
	var persons []string
	var stale []view.Stale
	for i, p := range owners {
		if p.Accounts[0] == accounts[i] { // a person of several comes up with each of them
			persons = append(persons, p.ID)
			stale = append(stale, view.Stale{Account: accounts[i], Since: now, Until: now})
		}
	}
	known, err := l.store.LeadsOf(ctx, w, ModelID, persons)
	if err != nil {
		return err
	}
	heads := known
	if m.ID != ModelID {
		if heads, err = l.store.LeadsOf(ctx, w, m.ID, persons); err != nil {
			return err
		}
	}
	by := m.ID + "@" + strconv.Itoa(m.Version)
	var todo []view.Stale
	for i, h := range heads {
		if known[i].Version > 0 && h.ModelVer != by { // who is a lead by one model is one by all
			todo = append(todo, stale[i])
		}
	}
	var again []error
	for i, err := range l.Score(ctx, w, now, todo...) {
		if err != nil && !fault.Retryable(err) {
			slog.ErrorContext(ctx, "lead not scored", "workspace", w, "account", todo[i].Account, "error", err.Error())
			state.Failed++
		} else if err != nil {
			again = append(again, err)
		}
	}
	if err := errors.Join(again...); err != nil {
		return err
	}
	state.Done += len(accounts)
	state.After = accounts[len(accounts)-1]
	return nil
}

// takeStep takes some leads by a retired model away. What is in the list is
// read from its top, and passed through again until there is nothing: a list
// shows for a moment what is gone.
func (l *Leads) takeStep(ctx context.Context, w string, state *Rescoring, now time.Time) error {
	heads, next, err := l.store.Leads(ctx, w, state.Model, state.After, rescoredAtOnce)
	if err != nil {
		return err
	}
	errs := parallel.Each(ctx, len(heads), atOnce, func(i int) error { return l.store.DropLead(ctx, w, heads[i].Person, state.Model) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	active, err := l.active(ctx, w)
	if err != nil {
		return err
	}
	if _, back := active[state.Model]; back { // and whoever scores by it again may have come by before
		return l.scoreAgain(ctx, w, heads, now)
	}
	if len(heads) == 0 && next == "" && state.After == "" {
		state.Phase = RescoringDone
	}
	state.Done += len(heads)
	state.After = next
	return nil
}

func (l *Leads) scoreAgain(ctx context.Context, w string, heads []store.Lead, now time.Time) error {
	ids := make([]string, len(heads))
	for i, h := range heads {
		ids[i] = h.Person
	}
	persons, err := l.store.PersonsByID(ctx, w, ids)
	if err != nil {
		return err
	}
	var stale []view.Stale
	for _, p := range persons {
		if len(p.Accounts) > 0 {
			stale = append(stale, view.Stale{Account: p.Accounts[0], Since: now, Until: now})
		}
	}
	return errors.Join(l.Score(ctx, w, now, stale...)...)
}
