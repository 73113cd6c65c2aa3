package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rapport/internal/social"
)

// Backtest is a model's trial on outcomes of the past. What was asked and what
// came of it are documents of whoever runs it.
type Backtest struct {
	ID      string // in the order of time
	Begun   time.Time
	By      string
	Asked   []byte // JSON
	State   []byte // JSON: how far it is
	Result  []byte // JSON; none: it goes on, or failed
	Failed  string // why there will be no result
	Version int64
}

type backtestItem struct {
	PK, SK  string
	Version int64
	Begun   string
	By      string
	Asked   []byte // gzip
	State   []byte `dynamodbav:",omitempty"`
	Result  []byte `dynamodbav:",omitempty"` // gzip
	Failed  string `dynamodbav:",omitempty"`
}

// casesItem holds what a step of a backtest, or of a refit, came to until that has ended.
type casesItem struct {
	PK, SK string
	Cases  []byte
	TTL    int64 `dynamodbav:"ttl"`
}

// casesKept is how long the cases of one that died stay.
const casesKept = 7 * 24 * time.Hour

// BacktestID is what the id of a backtest begins with that begins at an
// instant: they are in the order of time.
func BacktestID(at time.Time) string { return "bkt_" + digits(at) }

// digits are those of an instant: as texts they are in the order of time.
func digits(at time.Time) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, social.Stamp(at))
}

// PutBacktest writes a backtest whose Version is the one read before, and sets the new one.
func (s *Store) PutBacktest(ctx context.Context, w string, b *Backtest) error {
	it := backtestItem{PK: backtestsPK(w), SK: backtestSK(b.ID), Version: nextVersion(b.Version), Begun: social.Stamp(b.Begun), By: b.By, State: b.State, Failed: b.Failed}
	var err error
	if it.Asked, err = compress(b.Asked); err != nil {
		return err
	}
	if b.Result != nil {
		if it.Result, err = compress(b.Result); err != nil {
			return err
		}
	}
	if err := s.putVersion(ctx, it, b.Version); err != nil {
		return err
	}
	b.Version = it.Version
	return nil
}

func (it backtestItem) backtest() (Backtest, error) {
	b := Backtest{ID: strings.TrimPrefix(it.SK, backtestSK("")), By: it.By, State: it.State, Failed: it.Failed, Version: it.Version}
	var err error
	if b.Begun, err = social.ParseStamp(it.Begun); err != nil {
		return b, err
	}
	if b.Asked, err = decompress(it.Asked); err != nil || it.Result == nil {
		return b, err
	}
	b.Result, err = decompress(it.Result)
	return b, err
}

// Backtest returns a backtest; an error of kind NotFound if there is none of this id.
func (s *Store) Backtest(ctx context.Context, w, id string) (Backtest, error) {
	var it backtestItem
	if err := s.get(ctx, key{backtestsPK(w), backtestSK(id)}, &it); err != nil {
		return Backtest{}, err
	}
	return it.backtest()
}

// Backtests lists backtests, the newest first, after the id of one (""), at
// most limit, and the id of the last ("": there are no more).
func (s *Store) Backtests(ctx context.Context, w, after string, limit int) ([]Backtest, string, error) {
	q := query{pk: backtestsPK(w), prefix: backtestSK(""), descending: true, limit: limit + 1}
	if after != "" {
		q.after = backtestSK(after)
	}
	items, err := all[backtestItem](ctx, s, q)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = strings.TrimPrefix(items[limit-1].SK, backtestSK(""))
	}
	out := make([]Backtest, len(items))
	for i, it := range items {
		if out[i], err = it.backtest(); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// PutCases keeps the scores of a step of a backtest, or the cases of one of a refit; the same step again takes their place.
func (s *Store) PutCases(ctx context.Context, w, id string, step int, cases any, now time.Time) error {
	b, err := json.Marshal(cases)
	if err != nil {
		return err
	}
	if b, err = compress(b); err != nil {
		return err
	}
	return s.put(ctx, casesItem{PK: backtestsPK(w), SK: casesSK(id) + fmt.Sprintf("%04d", step), Cases: b, TTL: now.Add(casesKept).Unix()})
}

// maxSteps bounds the steps of a backtest.
const maxSteps = 1000

// Cases calls f with what PutCases kept of each step, in their order.
func (s *Store) Cases(ctx context.Context, w, id string, f func(cases []byte) error) error {
	items, err := all[casesItem](ctx, s, query{pk: backtestsPK(w), prefix: casesSK(id), most: maxSteps})
	if err != nil {
		return err
	}
	for _, it := range items {
		b, err := decompress(it.Cases)
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
	}
	return nil
}

// DropCases takes away what PutCases kept.
func (s *Store) DropCases(ctx context.Context, w, id string) error {
	_, err := s.takeAll(ctx, query{pk: backtestsPK(w), prefix: casesSK(id), most: maxSteps})
	return err
}
