package ingest

import (
	"context"
	"reflect"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Outcome says what a delivery would come to in one workspace today.
type Outcome struct {
	Add     []string // keys of activities that are not there yet
	Same    int      // activities that are there as they would be
	Differ  []string // keys of activities that are there and that today's code reads otherwise: they stay as they are
	Erased  int      // of accounts that were erased: they stay away
	Parked  []string // reasons
	Ignored int
}

// Would says what d would come to in workspace w after the deliveries of which
// told knows, and stores nothing.
func (in *Ingest) Would(ctx context.Context, w string, d platform.Delivery, told *Told) (Outcome, error) {
	var o Outcome
	results, err := in.understandDelivery(ctx, d, parkAfter)
	if err != nil {
		return o, err
	}
	before := 0
	for _, r := range results {
		before += len(r.facts[w])
	}
	if err := in.withhold(ctx, results); err != nil {
		return o, err
	}
	o.Erased = before
	for _, r := range results {
		o.Parked = append(o.Parked, r.parked[w]...)
		for _, n := range r.ignored {
			o.Ignored += n
		}
		o.Erased -= len(r.facts[w])
		for _, a := range r.facts[w] {
			if err := in.firstDate(ctx, w, &a); err != nil {
				return o, err
			}
			there, err := in.Store.Activity(ctx, w, store.RefOf(a))
			switch {
			case fault.Is(err, fault.NotFound):
				span, err := in.Store.ListSpan(ctx, w, a.Account().AccountID())
				if err != nil {
					return o, err
				}
				twins, err := in.twins(ctx, w, a, span)
				switch {
				case err != nil:
					return o, err
				case told.Stands(a, twins): // as a list told it
					o.Same++
				default:
					o.Add = append(o.Add, a.Key)
				}
			case err != nil:
				return o, err
			case same(there, a):
				o.Same++
			default:
				o.Differ = append(o.Differ, a.Key)
			}
		}
	}
	return o, nil
}

// same compares what the platform said: not when it was known, nor how it was read.
func same(a, b social.Activity) bool {
	if a.Undated && b.Undated {
		b.Occurred = a.Occurred
	}
	b.Known, b.Precision, b.Reading, b.Correction, b.Read = a.Known, a.Precision, a.Reading, a.Correction, a.Read
	return reflect.DeepEqual(a, b)
}
