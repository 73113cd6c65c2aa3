package leads

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/view"
)

// newestVersions is how many of the versions published last are looked at for
// the greatest: more than can be published in one millisecond.
const newestVersions = 10

// nextVersion is the number that the next new model of a workspace gets.
func (l *Leads) nextVersion(ctx context.Context, w string) (int, error) {
	list, err := l.store.Versions(ctx, w, store.Models, "", newestVersions)
	greatest := 0
	for _, v := range list {
		if n, err := strconv.Atoi(v.Version); err == nil {
			greatest = max(greatest, n)
		}
	}
	return greatest + 1, err
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
	if err == nil && m.ID != ModelID {
		p := scoring.Problems{{Path: "$.id", Message: "is not " + strconv.Quote(ModelID) + ": a workspace has one model so far, and it is called so"}}
		return m, fault.Wrap(fault.Invalid, p, "the scoring model has 1 problem")
	}
	return m, err
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
// nowhere, and by the active model. Who is no lead, or had done nothing by
// then, is named in nobody.
func (l *Leads) Try(ctx context.Context, w string, document []byte, people []string, asOf time.Time) (trials []Trial, nobody []string, err error) {
	version, err := l.nextVersion(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	m, err := parse(document, version)
	if err != nil {
		return nil, nil, err
	}
	active, err := l.Model(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	found := make([]Trial, len(people))
	errs := parallel.Each(ctx, len(people), atOnce, func(i int) error {
		who, err := l.Person(ctx, w, people[i])
		if err != nil {
			return err
		}
		head, err := l.store.Lead(ctx, w, who.ID, ModelID)
		if err != nil {
			return err
		}
		_, by, err := l.evaluate(ctx, m, w, who, head, asOf)
		if err != nil {
			return err
		}
		_, now, err := l.evaluate(ctx, active, w, who, head, asOf)
		found[i] = Trial{who.ID, by.Score, now.Score, m.Calls(by.Score.Micro), active.Calls(now.Score.Micro)}
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

// Publish makes a document the active model, as the next version; one that
// says what the active one says stays that version. queue is called so that
// the leads are scored by it (Rescore).
func (l *Leads) Publish(ctx context.Context, w string, document []byte, now time.Time, queue func(version string) error) (store.Document, error) {
	version, err := l.nextVersion(ctx, w)
	if err != nil {
		return store.Document{}, err
	}
	for range maxModels {
		m, err := parse(document, version)
		if err != nil {
			return store.Document{}, err
		}
		if active, name, err := l.model(ctx, w); err == nil && len(scoring.Compare(active, m)) == 0 {
			// Perhaps an attempt at the same request made it, and died then.
			return l.Activate(ctx, w, name, now, queue)
		} else if err != nil && !fault.Is(err, fault.NotFound) {
			return store.Document{}, err
		}
		body, err := json.Marshal(m)
		if err != nil {
			return store.Document{}, err
		}
		d := store.Document{Version: strconv.Itoa(version), Published: now, Body: body}
		if err = l.use(ctx, w, d, now, queue); !fault.Is(err, fault.Conflict) {
			return d, err
		}
		version++ // somebody published at the same time
	}
	return store.Document{}, fault.New(fault.Transient, "scoring models are being published by others at the same time: try again")
}

// Activate makes a version that was published before the active model again.
func (l *Leads) Activate(ctx context.Context, w, version string, now time.Time, queue func(version string) error) (store.Document, error) {
	d, err := l.store.Document(ctx, w, store.Models, version)
	if err != nil {
		return d, err
	}
	if _, err := scoring.ParseModel(d.Body); err != nil {
		return d, err
	}
	return d, l.use(ctx, w, d, now, queue)
}

func (l *Leads) use(ctx context.Context, w string, d store.Document, now time.Time, queue func(version string) error) error {
	if err := l.store.Publish(ctx, w, store.Models, d); err != nil {
		return err
	}
	if err := l.store.PutScored(ctx, w, store.Scored{Version: d.Version, At: now}); err != nil {
		return err
	}
	return queue(d.Version)
}

// Compare lists what a version of the model has otherwise than another; "" is
// the active one.
func (l *Leads) Compare(ctx context.Context, w, from, to string) ([]scoring.Change, string, error) {
	if from == "" {
		active, err := l.store.ActiveVersion(ctx, w, store.Models)
		if err != nil {
			return nil, "", err
		}
		from = active
	}
	var models [2]scoring.Model
	for i, version := range []string{from, to} {
		d, err := l.store.Document(ctx, w, store.Models, version)
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
	RescoringDone  RescoringPhase = "done"  // all are scored, or another model is active by now
)

// Rescoring is how far the leads are scored by a model that was published. The
// zero value but for Version is the beginning.
type Rescoring struct {
	Version string         `json:"version"`
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

// Rescore scores leads by a model that was published, until all are or it is
// time to stop (zero: never), and returns how far it came. Whoever got a lead
// since is scored by the new model anyhow (Score), and who stands by it
// already is left out, so a step that is done again costs little. Accounts,
// unlike leads, have an order that scores don't change: so nobody is missed.
func (l *Leads) Rescore(ctx context.Context, w string, state Rescoring, clock func() time.Time, stop time.Time) (Rescoring, error) {
	for state.Phase != RescoringDone && (stop.IsZero() || clock().Before(stop)) {
		m, version, err := l.model(ctx, w)
		if err != nil {
			return state, err
		}
		if version != state.Version {
			slog.InfoContext(ctx, "another model is published", "workspace", w, "version", version)
			state.Phase = RescoringDone // whoever published it asked for the leads to be scored by it
			return state, nil
		}
		if state.Phase == RescoringCount {
			err = l.countStep(ctx, w, &state)
		} else {
			err = l.rescoreStep(ctx, w, m, &state, social.Instant(clock()))
		}
		if err != nil {
			return state, err
		}
		err = l.store.PutScored(ctx, w, store.Scored{Version: state.Version, Done: state.Done, Of: max(state.Done, state.Of), Failed: state.Failed, Ended: state.Phase == RescoringDone, At: clock()})
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
	heads, err := l.store.LeadsOf(ctx, w, ModelID, persons)
	if err != nil {
		return err
	}
	by := m.ID + "@" + strconv.Itoa(m.Version)
	var todo []view.Stale
	for i, h := range heads {
		if h.Version > 0 && h.ModelVer != by {
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
