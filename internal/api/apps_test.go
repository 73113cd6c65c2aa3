package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/drill"
	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

func TestSecretsRotate(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	s := x.connected("ann", "acme", map[string]any{"platform": "meta", "name": "Page", "scope": "1", "secret": "f1f10123456789abcdef0123456789ab", "verify_token": "tok-secret"})
	path := "/v1/workspaces/acme/apps/" + s.App
	var app api.App
	x.get("ann", path, &app)
	if len(app.Secrets) != 1 || !app.Secrets[0].Current || app.Owner != "acme" || app.Platform != "meta" {
		t.Errorf("%+v", app)
	}
	first := app.Secrets[0].ID

	x.call("ann", "POST", path+"/secrets", map[string]any{}).at(t, "body.secret")               // Meta's is not ours to choose
	x.call("ann", "POST", path+"/secrets", map[string]any{"secret": "  "}).at(t, "body.secret") // blank
	r := x.call("ann", "POST", path+"/secrets", map[string]any{"secret": "5ec00123456789abcdef0123456789ab", "api_token": "api-secret"})
	var rotated api.RotatedApp
	r.want(t, http.StatusOK, &rotated)
	if len(rotated.Secrets) != 2 || rotated.Secrets[0].ID == first || !rotated.Secrets[0].Current || rotated.Secrets[1] != (api.Secret{ID: first}) {
		t.Errorf("%+v", rotated)
	}
	want := platform.Secrets{Keys: []string{"5ec00123456789abcdef0123456789ab", "f1f10123456789abcdef0123456789ab"}, VerifyToken: "tok-secret", Token: "api-secret"}
	if d := cmp.Diff(want, x.secrets[s.App]); d != "" {
		t.Error(d)
	}
	for _, body := range []string{r.body, x.call("ann", "GET", path, nil).body, x.call("ann", "GET", "/v1/workspaces/acme/sources", nil).body} {
		for _, secret := range []string{"f1f10", "5ec00", "tok-secret", "api-secret"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s is shown: %s", secret, body)
			}
		}
	}
	// To one that is there already: it is the current one, and none is twice.
	x.call("ann", "POST", path+"/secrets", map[string]any{"secret": "f1f10123456789abcdef0123456789ab"}).want(t, 200, nil)
	if d := cmp.Diff([]string{"f1f10123456789abcdef0123456789ab", "5ec00123456789abcdef0123456789ab"}, x.secrets[s.App].Keys); d != "" {
		t.Error(d)
	}
	// The token alone.
	x.call("ann", "POST", path+"/secrets", map[string]any{"api_token": "api-2"}).want(t, 200, nil)
	if got := x.secrets[s.App]; len(got.Keys) != 2 || got.Token != "api-2" {
		t.Errorf("%+v", got)
	}

	x.call("ann", "DELETE", path+"/secrets/sec_0123456789abcdef", nil).problem(t, 404)
	x.call("bob", "DELETE", "/v1/workspaces/other/apps/"+s.App+"/secrets/"+first, nil).problem(t, 404)
	x.call("bob", "POST", "/v1/workspaces/other/apps/"+s.App+"/secrets", map[string]any{"secret": "b0b00123456789abcdef0123456789ab"}).problem(t, 404)
	var left api.App
	x.call("ann", "DELETE", path+"/secrets/"+first, nil).want(t, 200, &left)
	if d := cmp.Diff([]string{"5ec00123456789abcdef0123456789ab"}, x.secrets[s.App].Keys); d != "" || len(left.Secrets) != 1 || !left.Secrets[0].Current {
		t.Errorf("%+v %s", left, d)
	}
	x.call("ann", "DELETE", path+"/secrets/"+left.Secrets[0].ID, nil).problem(t, http.StatusConflict)
	if len(x.secrets[s.App].Keys) != 1 {
		t.Error("the last secret was revoked")
	}
	for i := range 4 {
		x.call("ann", "POST", path+"/secrets", map[string]any{"secret": fmt.Sprintf("%028xabcd", i+1)}).want(t, 200, nil)
	}
	x.call("ann", "POST", path+"/secrets", map[string]any{"secret": "e1d2c3b4a5968778695a4b3c2d1e0f01"}).problem(t, http.StatusConflict)
	if len(x.secrets[s.App].Keys) != 5 {
		t.Errorf("%d secrets", len(x.secrets[s.App].Keys))
	}
}

func TestAMadeSecretIsShownOnce(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	s := x.connected("ann", "acme", source(nil))
	var rotated api.RotatedApp
	x.call("ann", "POST", "/v1/workspaces/acme/apps/"+s.App+"/secrets", map[string]any{}).want(t, 200, &rotated)
	if keys := x.secrets[s.App].Keys; len(keys) != 2 || keys[0] != rotated.Secret || keys[1] != s.Secret || rotated.Secret == s.Secret || rotated.Hooks != nil {
		t.Errorf("%+v, kept %q", rotated, keys)
	}
	if body := x.call("ann", "GET", "/v1/workspaces/acme/apps/"+s.App, nil).body; strings.Contains(body, "whsec_") {
		t.Errorf("shown again: %s", body)
	}
}

// Of a platform that signs nothing the hook's URL is the secret: it is told
// when the source is made and when the secret is rotated, and never else.
func TestASecretPathIsToldOnce(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const unit = "46d6a890000064000500e0c3"
	s := x.connected("ann", "acme", map[string]any{"platform": "trustpilot", "name": "Reviews", "scope": unit})
	end := func(key string) string { return "/" + platform.PathToken(key, "trustpilot", unit) + "?unit=" + unit }
	if key := x.secrets[s.App].Keys[0]; !strings.HasSuffix(s.HookURL, "/hooks/"+s.App+end(key)) {
		t.Errorf("made: %s", s.HookURL)
	}
	bare := "https://api.example.com/hooks/" + s.App
	for _, path := range []string{"/sources", "/sources/" + s.ID} {
		if body := x.call("ann", "GET", "/v1/workspaces/acme"+path, nil).body; !strings.Contains(body, `"`+bare+`"`) {
			t.Errorf("%s: %s", path, body)
		}
	}
	var rotated api.RotatedApp
	x.call("ann", "POST", "/v1/workspaces/acme/apps/"+s.App+"/secrets", map[string]any{}).want(t, 200, &rotated)
	if d := cmp.Diff([]api.Hook{{Source: s.ID, HookURL: bare + end(rotated.Secret)}}, rotated.Hooks); d != "" {
		t.Error(d)
	}
	x.call("ann", "POST", "/v1/workspaces/acme/apps/"+s.App+"/secrets", map[string]any{"api_token": "t"}).want(t, 200, &rotated)
	if body := x.call("ann", "POST", "/v1/workspaces/acme/apps/"+s.App+"/secrets", map[string]any{"api_token": "t"}).body; strings.Contains(body, "hook_url") {
		t.Errorf("told again: %s", body)
	}
}

func TestGuestsConnectTheirScopes(t *testing.T) {
	x := newWorld(t)
	for w, who := range map[string]string{"acme": "ann", "guest": "gus", "other": "bob"} {
		x.workspace(w, who)
	}
	s := x.connected("ann", "acme", map[string]any{"platform": "standard", "name": "Shop", "scope": "shop", "config": json.RawMessage(standardConfig)})
	guests := "/v1/workspaces/acme/apps/" + s.App + "/guests/"
	more := func(scope string) map[string]any {
		return map[string]any{"platform": "standard", "name": scope, "scope": scope, "app": s.App}
	}
	x.call("gus", "POST", "/v1/workspaces/guest/sources", more("forum")).at(t, "body.app")
	x.call("gus", "PUT", "/v1/workspaces/guest/apps/"+s.App+"/guests/guest", nil).problem(t, 404)
	x.call("ann", "PUT", guests+"acme", nil).at(t, "path.guest")
	var app api.App
	x.call("ann", "PUT", guests+"guest", nil).want(t, 200, &app)
	x.call("ann", "PUT", guests+"guest", nil).want(t, 200, &app)
	if d := cmp.Diff([]string{"guest"}, app.Guests); d != "" {
		t.Error(d)
	}
	theirs := x.connected("gus", "guest", more("forum"))
	if theirs.App != s.App || theirs.Secret != "" || x.call("gus", "GET", "/v1/workspaces/guest/apps/"+s.App, nil).status != 404 {
		t.Errorf("%+v", theirs)
	}
	x.call("bob", "POST", "/v1/workspaces/other/sources", more("forum-2")).at(t, "body.app")
	x.call("gus", "POST", "/v1/workspaces/guest/sources", more("shop")).problem(t, http.StatusConflict)

	// Whatever the app delivers is not a guest's, nor the owner's once there are others.
	x.call("gus", "POST", "/v1/workspaces/guest/sources", more("*")).at(t, "body.scope")
	x.call("ann", "POST", "/v1/workspaces/acme/sources", more("*")).at(t, "body.scope")
	all := x.connected("ann", "acme", source(nil))
	x.call("ann", "PUT", "/v1/workspaces/acme/apps/"+all.App+"/guests/guest", nil).want(t, 200, nil)
	in := more("forum")
	in["app"] = all.App
	x.call("gus", "POST", "/v1/workspaces/guest/sources", in).at(t, "body.scope")
	in["scope"] = "shop"
	x.connected("ann", "acme", in) // beside its own *

	// Nor is it a guest's where nobody else has a source.
	lone := x.connected("ann", "acme", map[string]any{"platform": "standard", "name": "Lone", "scope": "lone", "config": json.RawMessage(standardConfig)})
	x.call("ann", "PUT", "/v1/workspaces/acme/apps/"+lone.App+"/guests/guest", nil).want(t, 200, nil)
	x.call("ann", "DELETE", "/v1/workspaces/acme/sources/"+lone.ID, nil).want(t, http.StatusNoContent, nil)
	in["app"], in["scope"] = lone.App, "*"
	x.call("gus", "POST", "/v1/workspaces/guest/sources", in).at(t, "body.scope")

	x.call("ann", "DELETE", guests+"guest", nil).want(t, 200, &app)
	if len(app.Guests) != 0 {
		t.Errorf("%+v", app)
	}
	x.call("gus", "POST", "/v1/workspaces/guest/sources", more("forum-3")).at(t, "body.app")
	x.get("gus", "/v1/workspaces/guest/sources/"+theirs.ID, nil) // what is connected stays
}

// A guest must not have the owner's token sent to a server of its own.
func TestATokenIsForTheHostItWasGivenFor(t *testing.T) {
	x := newWorld(t)
	for w, who := range map[string]string{"acme": "ann", "guest": "gus"} {
		x.workspace(w, who)
	}
	mastodon := func(scope, app string) map[string]any {
		in := map[string]any{"platform": "mastodon", "name": "m", "scope": scope}
		if app != "" {
			in["app"] = app
		}
		return in
	}
	with := mastodon("#widgets@mastodon.example", "")
	with["api_token"] = "T"
	s := x.connected("ann", "acme", with)
	if got := x.secrets[s.App]; got.Token != "T" || got.TokenHost != "mastodon.example" {
		t.Errorf("%+v", got)
	}
	x.call("ann", "PUT", "/v1/workspaces/acme/apps/"+s.App+"/guests/guest", nil).want(t, 200, nil)
	x.call("gus", "POST", "/v1/workspaces/guest/sources", mastodon("#x@collector.attacker.example", s.App)).at(t, "body.scope")
	x.call("ann", "POST", "/v1/workspaces/acme/sources", mastodon("#x@elsewhere.example", s.App)).at(t, "body.scope")
	x.connected("gus", "guest", mastodon("#kettles@mastodon.example", s.App))

	// A new token is for the same host.
	x.call("ann", "POST", "/v1/workspaces/acme/apps/"+s.App+"/secrets", map[string]any{"api_token": "T2"}).want(t, 200, nil)
	if got := x.secrets[s.App]; got.Token != "T2" || got.TokenHost != "mastodon.example" {
		t.Errorf("%+v", got)
	}

	// The first token of an app is for its owner's sources, whatever its guests'.
	bare := x.connected("ann", "acme", mastodon("#widgets@two.example", ""))
	x.call("ann", "PUT", "/v1/workspaces/acme/apps/"+bare.App+"/guests/guest", nil).want(t, 200, nil)
	x.connected("gus", "guest", mastodon("#x@collector.attacker.example", bare.App))
	path := "/v1/workspaces/acme/apps/" + bare.App + "/secrets"
	x.call("ann", "POST", path, map[string]any{"api_token": "T3"}).want(t, 200, nil)
	if got := x.secrets[bare.App]; got.Token != "T3" || got.TokenHost != "two.example" {
		t.Errorf("%+v", got)
	}
	both := x.connected("ann", "acme", mastodon("#widgets@three.example", ""))
	x.connected("ann", "acme", mastodon("#widgets@four.example", both.App))
	x.call("ann", "POST", "/v1/workspaces/acme/apps/"+both.App+"/secrets", map[string]any{"api_token": "T4"}).problem(t, http.StatusConflict)
	if got := x.secrets[both.App]; got.Token != "" {
		t.Errorf("%+v", got)
	}
	// Where the host is the platform's, it does not depend on the scope.
	reddit := x.connected("ann", "acme", map[string]any{"platform": "reddit", "name": "r", "scope": "r/kettles", "api_token": "T6"})
	if got := x.secrets[reddit.App]; got.TokenHost != "oauth.reddit.com" {
		t.Errorf("%+v", got)
	}
	x.connected("ann", "acme", map[string]any{"platform": "reddit", "name": "r", "scope": "r/tea", "app": reddit.App})
	drill.Show(t, "a guest's source at another host is refused, and %d apps keep the host of their token", len(x.secrets))
}

func TestOwnAccounts(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	s := x.connected("ann", "acme", source(map[string]any{"own_accounts": []string{"u1"}}))
	path := "/v1/workspaces/acme/sources/" + s.ID + "/own_accounts"
	var got api.Source
	x.call("ann", "PUT", path, map[string]any{"own_accounts": []string{"u2", "u3"}}).want(t, 200, &got)
	if d := cmp.Diff([]string{"u2", "u3"}, got.Own); d != "" {
		t.Error(d)
	}
	x.call("ann", "PUT", path, map[string]any{"own_accounts": []string{"u2", "a\x00"}}).at(t, "body.own_accounts[1]")
	x.call("ann", "PUT", path, map[string]any{"own_accounts": []string{strings.Repeat("x", 201)}}).at(t, "body.own_accounts[0]")
	x.call("bob", "PUT", "/v1/workspaces/other/sources/"+s.ID+"/own_accounts", map[string]any{"own_accounts": []string{}}).problem(t, 404)
	if src, err := x.store.Source(t.Context(), "acme", s.ID); err != nil || !cmp.Equal(src.Own, []string{"u2", "u3"}) || src.Name != "Forum" {
		t.Errorf("%+v, %v", src, err)
	}
	if _, err := x.store.Source(t.Context(), "other", s.ID); err == nil {
		t.Error("the list made a source in another workspace")
	}
	x.call("ann", "PUT", path, map[string]any{"own_accounts": []string{}}).want(t, 200, &got)
	if len(got.Own) != 0 {
		t.Errorf("%q", got.Own)
	}
	// What was named, or is no more, is applied to what is there.
	var asked [][]string
	for _, side := range x.sides {
		if side.Workspace != "acme" || side.Platform != "standard" || !side.Since.Equal(x.now) {
			t.Errorf("%+v", side)
		}
		asked = append(asked, side.IDs)
	}
	if d := cmp.Diff([][]string{{"u1"}, {"u1", "u2", "u3"}, {"u2", "u3"}}, asked); d != "" {
		t.Error(d)
	}
	x.call("ann", "PUT", path, map[string]any{"own_accounts": []string{}}).want(t, 200, &got)
	if len(x.sides) != 3 {
		t.Errorf("the same list is applied again: %+v", x.sides[3:])
	}
	if err := x.store.EndSiding(t.Context(), "acme", store.Siding{Platform: "standard", ID: "u2", Since: x.now}); err != nil {
		t.Fatal(err)
	}
	var own api.OwnAccounts
	x.call("ann", "GET", path, nil).want(t, 200, &own)
	if d := cmp.Diff(api.OwnAccounts{Own: []string{}, Applied: []api.Applied{{ID: "u1", Since: x.now}, {ID: "u3", Since: x.now}}}, own); d != "" {
		t.Error(d)
	}
}

// TestWhatIsNeverFetchedIsNotConnected, but for the servers that an operator allows.
func TestWhatIsNeverFetchedIsNotConnected(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for scope, why := range map[string]string{"https://blog.example.com:8443/feed": "neither 80 nor 443", "http://192.168.1.4/feed": "private address", "http://localhost/feed": "lead nowhere"} {
		r := x.call("ann", "POST", "/v1/workspaces/acme/sources", map[string]any{"platform": "feed", "name": "Blog", "scope": scope})
		if r.at(t, "body.scope"); !strings.Contains(r.body, why) {
			t.Errorf("%s: %s, want %q", scope, r.body, why)
		}
	}
	x.connected("ann", "acme", map[string]any{"platform": "feed", "name": "Allowed", "scope": "http://127.0.0.1:4719/feed.xml"})
}

func TestAPolledSourceNeedsNoSecretAndEnds(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	s := x.connected("ann", "acme", map[string]any{"platform": "feed", "name": "Blog", "scope": "https://blog.example.com/feed.xml"})
	if !s.Polled {
		t.Errorf("%+v", s)
	}
	due, err := x.store.DuePolls(t.Context(), t0, 10)
	if err != nil || len(due) != 1 || due[0].Source != s.ID || due[0].Workspace != "acme" {
		t.Errorf("due: %+v, %v", due, err)
	}
	x.call("ann", "POST", "/v1/workspaces/acme/sources", map[string]any{"platform": "feed", "name": "Blog", "scope": "not a url"}).at(t, "body.scope")
	x.call("bob", "DELETE", "/v1/workspaces/other/sources/"+s.ID, nil).problem(t, 404)
	x.call("ann", "DELETE", "/v1/workspaces/acme/sources/"+s.ID, nil).want(t, http.StatusNoContent, nil)
	if routes, err := x.store.Routes(t.Context(), s.App); err != nil || len(routes) != 0 {
		t.Errorf("routes: %+v, %v", routes, err)
	}
	if due, err = x.store.DuePolls(t.Context(), t0.Add(time.Hour), 10); err != nil || len(due) != 0 {
		t.Errorf("still polled: %+v, %v", due, err)
	}
	x.call("ann", "GET", "/v1/workspaces/acme/sources/"+s.ID, nil).problem(t, 404)
	x.call("ann", "DELETE", "/v1/workspaces/acme/sources/"+s.ID, nil).problem(t, 404)
	if len(x.secrets) != 0 {
		t.Error("the app's secrets stay without a source")
	}
	// Its scope can be taken again.
	again := x.connected("ann", "acme", map[string]any{"platform": "feed", "name": "Blog", "scope": "https://blog.example.com/feed.xml"})
	if again.App == s.App || !again.Polled {
		t.Errorf("%+v", again)
	}
}

func (x *world) park(w, id, app, reason string, at time.Time, body string) store.Parked {
	x.t.Helper()
	d := platform.Delivery{App: app, Received: at, Request: platform.Request{Method: "POST", URL: "https://x/hooks/" + app, Header: http.Header{}, Body: []byte(body)}}
	b, err := json.Marshal(d)
	if err != nil {
		x.t.Fatal(err)
	}
	p := store.Parked{ID: id, App: app, Delivery: d.ID(), Received: at, Reason: reason, Object: "parked/" + w + "/" + d.ID()}
	x.objects[p.Object] = string(b)
	if err := x.store.Park(x.t.Context(), w, p); err != nil {
		x.t.Fatal(err)
	}
	return p
}

func TestParkedByReason(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	for i := range 7 {
		x.park("acme", fmt.Sprint("prk_t", i), "app_1", fmt.Sprintf("item %d: no id at /id of %q", i, fmt.Sprint("v", i)), t0.Add(-time.Duration(i)*time.Minute), fmt.Sprint("t", i))
	}
	for i := range 3 {
		x.park("acme", fmt.Sprint("prk_s", i), "app_1", "no source watches the scope 42", t0.Add(-time.Duration(10+i)*time.Minute), fmt.Sprint("s", i))
	}
	done := x.park("acme", "prk_done", "app_1", "no source watches the scope 42", t0.Add(-time.Hour), "done")
	if err := x.store.Unpark(t.Context(), "acme", done.Received, done.Delivery, nil, t0); err != nil {
		t.Fatal(err)
	}
	list := func(query string) (ids []string) {
		t.Helper()
		x.pages("ann", "/v1/workspaces/acme/parked?limit=2"+query, func(b string) {
			var p api.Page[api.ParkedDelivery]
			json.Unmarshal([]byte(b), &p)
			for _, d := range p.Items {
				ids = append(ids, d.ID)
			}
		})
		return ids
	}
	for query, want := range map[string][]string{
		"&reason=no+source":               {"prk_s0", "prk_s1", "prk_s2"},
		"&reason=no+source&replayed=true": {"prk_s0", "prk_s1", "prk_s2", "prk_done"},
		"&reason=item+6":                  {"prk_t6"},
		"&reason=nothing+such":            nil,
		"":                                {"prk_t0", "prk_t1", "prk_t2", "prk_t3", "prk_t4", "prk_t5", "prk_t6", "prk_s0", "prk_s1", "prk_s2"},
	} {
		if d := cmp.Diff(want, list(query)); d != "" {
			t.Errorf("%q (-want +got)\n%s", query, d)
		}
	}
	var reasons api.Page[api.ParkedReason]
	x.get("ann", "/v1/workspaces/acme/parked/reasons", &reasons)
	want := []api.ParkedReason{
		{Reason: "item …: no id at /id of …", Count: 7, Newest: t0, Example: "prk_t0", Whole: `item 0: no id at /id of "v0"`},
		{Reason: "no source watches the scope …", Count: 3, Newest: t0.Add(-10 * time.Minute), Example: "prk_s0", Whole: "no source watches the scope 42"},
	}
	if d := cmp.Diff(want, reasons.Items); d != "" {
		t.Error(d)
	}
	x.get("bob", "/v1/workspaces/other/parked/reasons", &reasons)
	if len(reasons.Items) != 0 {
		t.Errorf("another workspace's: %+v", reasons)
	}
}

func TestReplays(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	x.outcome = ingest.Outcome{Add: []string{"k"}}
	for i := range 3 {
		x.park("acme", fmt.Sprint("prk_", i), "app_1", fmt.Sprint("reason ", i), t0.Add(-time.Duration(i)*24*time.Hour), fmt.Sprint("b", i))
	}
	const path = "/v1/workspaces/acme/replays"
	var r api.ReplayResult
	x.call("ann", "POST", path, map[string]any{"dry_run": true}).want(t, 200, &r)
	if !r.DryRun || r.Deliveries != 3 || r.Add != 1 || r.Same != 2 || len(x.queued) != 0 {
		t.Errorf("%+v, queued %d", r, len(x.queued))
	}
	x.call("ann", "POST", path, map[string]any{"ids": []string{"prk_1"}}).want(t, 200, &r)
	if r.DryRun || r.Deliveries != 1 || len(x.queued) != 1 || !x.queued[0].Replay || string(x.queued[0].Request.Body) != "b1" || !x.queued[0].Received.Equal(t0.Add(-24*time.Hour)) {
		t.Errorf("%+v, queued %+v", r, x.queued)
	}
	for _, c := range []struct {
		body map[string]any
		want int
	}{
		{map[string]any{"reason": "reason 2"}, 1},
		{map[string]any{"app": "app_2"}, 0},
		{map[string]any{"from": "2026-11-01T12:00:00Z"}, 1},
		{map[string]any{"to": "2026-11-01T12:00:00Z"}, 2},
		{map[string]any{"ids": []string{"prk_none"}}, 0},
		{map[string]any{"from": "2026-11-02T09:30:00Z", "to": "2026-11-02T09:30:00.001Z"}, 1},
	} {
		c.body["dry_run"] = true
		x.call("ann", "POST", path, c.body).want(t, 200, &r)
		if r.Deliveries != c.want {
			t.Errorf("%v: %d deliveries, want %d", c.body, r.Deliveries, c.want)
		}
	}
	x.call("bob", "POST", "/v1/workspaces/other/replays", map[string]any{"ids": []string{"prk_1"}}).want(t, 200, &r)
	if r.Deliveries != 0 || len(x.queued) != 1 {
		t.Errorf("another workspace's: %+v", r)
	}
	x.call("ann", "POST", path, map[string]any{"archived": true, "ids": []string{"prk_1"}}).at(t, "body.archived")
	x.call("ann", "POST", path, map[string]any{"from": "2026-11-03T00:00:00Z", "to": "2026-11-02T00:00:00Z"}).at(t, "body.from")
	x.call("ann", "POST", path, map[string]any{"to": "yesterday"}).problem(t, 422)
}

// What one call can't do in its time says that there is more.
func TestReplaysOfManyAreCut(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for i := range 201 {
		x.park("acme", fmt.Sprintf("prk_%03d", i), "app_1", "no JSON", t0.Add(-time.Duration(i)*time.Second), fmt.Sprint(i))
	}
	var r api.ReplayResult
	x.call("ann", "POST", "/v1/workspaces/acme/replays", map[string]any{}).want(t, 200, &r)
	if r.Deliveries != 200 || !r.More || len(x.queued) != 200 {
		t.Errorf("%+v, %d queued", r, len(x.queued))
	}
}

func TestErasuresPage(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	var want []string
	for i := range 5 {
		r := store.Receipt{ID: fmt.Sprint("tomb", i), At: t0.Add(-time.Duration(i) * time.Hour), Platform: "meta", Reason: "data_deletion", Removed: map[string]int{"facts": i}}
		if err := x.store.AddReceipt(t.Context(), "acme", r); err != nil {
			t.Fatal(err)
		}
		want = append(want, r.ID)
	}
	for limit, pages := range map[int]int{1: 5, 2: 3, 5: 1, 100: 1} {
		var got []string
		n := x.pages("ann", fmt.Sprintf("/v1/workspaces/acme/erasures?limit=%d", limit), func(b string) {
			var p api.Page[api.Erasure]
			json.Unmarshal([]byte(b), &p)
			for _, e := range p.Items {
				got = append(got, e.ID)
			}
		})
		if d := cmp.Diff(want, got); d != "" || n != pages {
			t.Errorf("limit %d: %d pages, want %d: %s", limit, n, pages, d)
		}
	}
	var p api.Page[api.Erasure]
	x.get("bob", "/v1/workspaces/other/erasures", &p)
	if len(p.Items) != 0 {
		t.Errorf("%+v", p)
	}
}

// Whoever asks to be forgotten is, without their platform.
func TestErasureThatIsAskedFor(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	const path = "/v1/workspaces/acme/erasures"
	if got := x.call("ann", http.MethodPost, path, map[string]any{"platform": "discourse", "scope": "forum.example.com", "id": "355"}); got.status != http.StatusAccepted {
		t.Fatalf("%d %s", got.status, got.body)
	}
	want := []ingest.Erase{{Workspace: "acme", Platform: "discourse", Scope: "forum.example.com", ID: "355", Reason: "asked for", At: social.Stamp(x.now)}}
	if d := cmp.Diff(want, x.erase); d != "" {
		t.Error(d)
	}
	for body, code := range map[string]int{`{"platform":"myspace","id":"1"}`: http.StatusUnprocessableEntity, `{"platform":"x","id":"?"}`: http.StatusUnprocessableEntity,
		`{"platform":"x","id":""}`: http.StatusUnprocessableEntity, `{"platform":"x"}`: http.StatusUnprocessableEntity} {
		if got := x.call("ann", http.MethodPost, path, json.RawMessage(body)); got.status != code {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	if got := x.call("bob", http.MethodPost, path, map[string]any{"platform": "x", "id": "1"}); got.status != http.StatusNotFound {
		t.Errorf("of another's workspace: %d", got.status)
	}
	if len(x.erase) != 1 {
		t.Errorf("queued: %+v", x.erase)
	}
}

// An app's document is changed as a whole: a wrong mapping can be mended, and
// what it parked be replayed.
func TestAnAppsDocumentChanges(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	s := x.connected("ann", "acme", map[string]any{"platform": "standard", "name": "Forum", "scope": "forum", "config": json.RawMessage(standardConfig)})
	path := "/v1/workspaces/acme/apps/" + s.App
	changed := strings.Replace(standardConfig, "inbound", "outbound", 1)
	if changed == standardConfig {
		t.Fatal("nothing to change")
	}
	x.call("ann", "PUT", path, map[string]any{"config": json.RawMessage(changed), "legacy_signatures": true}).want(t, http.StatusOK, nil)
	a, err := x.store.App(t.Context(), s.App)
	if err != nil || !strings.Contains(string(a.Config), "outbound") || !a.Legacy || a.Owner != "acme" || a.Platform != "standard" {
		t.Errorf("kept: %+v, %v", a, err)
	}
	x.call("ann", "PUT", path, map[string]any{"config": map[string]any{}}).at(t, "body.config.mapping")
	x.call("ann", "PUT", path, map[string]any{}).at(t, "body.config.mapping")
	x.call("bob", "PUT", "/v1/workspaces/other/apps/"+s.App, map[string]any{"config": json.RawMessage(standardConfig)}).want(t, http.StatusNotFound, nil)
	if b, err := x.store.App(t.Context(), s.App); err != nil || string(b.Config) != string(a.Config) {
		t.Errorf("a refused change changed it: %s, %v", b.Config, err)
	}
}
