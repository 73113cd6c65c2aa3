package api_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/refit"
	"rapport/internal/refitting"
	"rapport/internal/social"
)

// TestRefits asks for refits, has one carried out by a reader of made
// probabilities, and goes back.
func TestRefits(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	const at = inAcme + "/reader"
	reader := func() (r api.ReaderInUse) {
		t.Helper()
		x.get("ann", at, &r)
		return r
	}
	if r := reader(); r.Reader != social.ReaderVersion || r.Since != nil || r.Refit != nil || r.Newest != nil || r.Outdated {
		t.Errorf("%+v", r)
	}
	x.call("ann", "DELETE", at, nil).want(t, 404, nil)
	carryOut := func(id string) {
		t.Helper()
		f := refitting.Refitting{Store: x.store, Chances: func(string, ...string) (refit.Chances, bool) { return nil, false }}
		if done, err := f.Go(t.Context(), "acme", id, x.deps.Now, time.Time{}); !done || err != nil {
			t.Fatal(done, err)
		}
	}
	var first, second api.Refit
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, &first)
	if first.Ended || first.Result != nil || !strings.HasPrefix(first.ID, "rft_") || !slices.Contains(x.asked, "refit acme") {
		t.Errorf("%+v, asked for %q", first, x.asked)
	}
	if got := x.call("ann", "POST", at+"/refits", nil); got.status != 409 || !strings.Contains(got.body, first.ID) {
		t.Errorf("a second one beside it: %d %s", got.status, got.body)
	}
	carryOut(first.ID)
	x.get("ann", at+"/refits/"+first.ID, &first)
	if !first.Ended || first.Failed != "" || len(first.Result.Heads) != 4 || first.Result.Reader != social.ReaderVersion || first.Result.Heads[0].Adjusted || first.Result.Heads[0].Why != "not enough data: 0 drawn labels, 100 are needed" {
		t.Errorf("%+v", first)
	}
	if r := reader(); r.Refit != nil || r.Newest == nil || r.Newest.ID != first.ID {
		t.Errorf("%+v", r)
	}

	// One with adjustments, as it would stand after enough labels.
	x.now = x.now.Add(time.Hour)
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, &second)
	stored, err := x.store.Refit(t.Context(), "acme", second.ID)
	if err != nil {
		t.Fatal(err)
	}
	a := refit.Adjustment{Slope: 0.9, Offsets: []float64{0.6, -0.4, -0.2}}
	end := func(version string) string {
		t.Helper()
		d := &refit.Document{Reader: version, Heads: map[refit.Head]refit.Adjustment{refit.Sentiment: a}}
		figures := &refit.Figures{LogLoss: 0.7, Right: refit.Interval{Value: 0.8, Low: 0.7, High: 0.9}}
		stored.Result, err = json.Marshal(refitting.Result{Reader: version, Drawn: 120, Heads: map[refit.Head]refit.Verdict{refit.Sentiment: {Labels: 120, Before: figures, After: figures, Difference: &refit.Interval{Value: -0.1, Low: -0.2, High: -0.05}, Adjustment: &a, Why: "better"}}, Document: d})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.store.PutRefit(t.Context(), "acme", &stored); err != nil {
			t.Fatal(err)
		}
		carryOut(stored.ID)
		return d.Version()
	}
	version := end(social.ReaderVersion)
	r := reader()
	if r.Reader != version || r.Refit.ID != second.ID || r.Since == nil || !r.Since.Equal(x.now) || r.Outdated || len(r.Refit.Result.Heads[0].Offsets) != 3 || r.Refit.Result.Heads[0].Offsets[0] != (api.RefitOffset{Class: "negative", Offset: 0.6}) || *r.Refit.Result.Heads[0].Slope != 0.9 || r.Refit.Result.Heads[0].Difference.High != -0.05 || !r.Refit.Result.Heads[0].Adjusted {
		t.Errorf("%+v %+v", r, r.Refit)
	}
	var list struct{ Items []api.Refit }
	x.get("ann", at+"/refits", &list)
	if len(list.Items) != 2 || list.Items[0].ID != second.ID || list.Items[1].ID != first.ID {
		t.Errorf("%+v", list)
	}
	// Another workspace has none of it.
	var theirs api.ReaderInUse
	x.get("bob", "/v1/workspaces/other/reader", &theirs)
	if theirs.Refit != nil || theirs.Newest != nil {
		t.Errorf("%+v", theirs)
	}
	x.call("bob", "GET", "/v1/workspaces/other/reader/refits/"+second.ID, nil).want(t, 404, nil)

	x.call("ann", "DELETE", at, nil).want(t, 204, nil)
	if r := reader(); r.Reader != social.ReaderVersion || r.Refit != nil {
		t.Errorf("%+v", r)
	}
	x.call("ann", "GET", at+"/refits/"+second.ID, nil).want(t, 200, nil)

	// Who goes back while one goes on has gone back also when that has ended.
	x.now = x.now.Add(time.Hour)
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, &second)
	x.call("ann", "DELETE", at, nil).want(t, 204, nil)
	if stored, err = x.store.Refit(t.Context(), "acme", second.ID); err != nil {
		t.Fatal(err)
	}
	end(social.ReaderVersion)
	if r := reader(); r.Reader != social.ReaderVersion || r.Refit != nil || r.Newest.Result == nil || !r.Newest.Result.Heads[0].Adjusted {
		t.Errorf("%+v", r)
	}
	x.call("ann", "DELETE", at, nil).want(t, 404, nil)

	// What was fitted to a reader that is none any more does not count.
	x.now = x.now.Add(time.Hour)
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, &second)
	if stored, err = x.store.Refit(t.Context(), "acme", second.ID); err != nil {
		t.Fatal(err)
	}
	end("r0-0000000000")
	if r := reader(); !r.Outdated || r.Reader != social.ReaderVersion || r.Refit == nil {
		t.Errorf("%+v", r)
	}

	// One that died holds no other back for ever; one that fails leaves what is in use.
	x.now = x.now.Add(time.Hour)
	var died api.Refit
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, &died)
	x.now = x.now.Add(time.Hour)
	if x.get("ann", at+"/refits/"+died.ID, &died); died.Ended || died.Failed != "" {
		t.Errorf("after an hour: %+v", died)
	}
	x.now = x.now.Add(2 * time.Hour)
	if x.get("ann", at+"/refits/"+died.ID, &died); !died.Ended || died.Failed != "it did not end within 2 hours: it was given up. Ask for a new one (create-refit)" {
		t.Errorf("after three hours: %+v", died)
	}
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, &second)
	f := refitting.Refitting{Store: x.store}
	if err := f.Fail(t.Context(), "acme", second.ID, errors.New("no"), x.now); err != nil {
		t.Fatal(err)
	}
	x.get("ann", at+"/refits/"+second.ID, &second)
	if r := reader(); second.Failed == "" || !second.Ended || r.Refit == nil {
		t.Errorf("%+v, in use %+v", second, r)
	}
	x.call("ann", "POST", at+"/refits", nil).want(t, 201, nil)
}
