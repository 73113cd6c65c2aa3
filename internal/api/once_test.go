package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/fault"
	"rapport/internal/parallel"
	"rapport/internal/platform"
)

var aSource = map[string]any{"platform": "standard", "name": "Forum", "scope": "*", "config": json.RawMessage(standardConfig)}

func (x *world) sourcesOf(w string) []api.Source {
	x.t.Helper()
	var list api.List[api.Source]
	x.get("ann", "/v1/workspaces/"+w+"/sources", &list)
	return list.Items
}

// TestSentAgain: with an Idempotency-Key a request is carried out once, for a
// day, and answered alike; also the secret that is shown once.
func TestSentAgain(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	send := func(who, key string, body any) reply {
		return x.call(who, "POST", "/v1/workspaces/acme/sources", body, "Idempotency-Key", key)
	}
	var one, two api.CreatedSource
	first := send("ann", "k1", aSource)
	first.want(t, http.StatusCreated, &one)
	second := send("ann", "k1", map[string]any{"config": json.RawMessage(standardConfig), "scope": "*", "name": "Forum", "platform": "standard"})
	second.want(t, http.StatusCreated, &two)
	if first.body != second.body || first.header.Get("Location") != second.header.Get("Location") || one.Secret == "" {
		t.Errorf("answered %s, and then %s", first.body, second.body)
	}
	if got := x.sourcesOf("acme"); len(got) != 1 || len(x.secrets) != 1 {
		t.Errorf("%d sources and %d secrets were made", len(got), len(x.secrets))
	}
	for _, item := range x.table.Dump(t) {
		if strings.Contains(item, one.Secret) || strings.Contains(item, "k1") && strings.Contains(item, "#I") {
			t.Errorf("the table holds the secret, or the key: %s", item)
		}
	}
	send("ann", "k1", map[string]any{"platform": "standard", "name": "Other", "scope": "*"}).at(t, "header.Idempotency-Key")
	x.call("ann", "POST", "/v1/workspaces/acme/reports/weekly/runs", map[string]any{}, "Idempotency-Key", "k1").at(t, "header.Idempotency-Key")
	send("ann", "", aSource).at(t, "header.Idempotency-Key")
	send("ann", strings.Repeat("k", 201), aSource).at(t, "header.Idempotency-Key")
	// Somebody else's key is another, and who is no member learns nothing by it.
	x.workspace("other", "bob")
	send("bob", "k1", aSource).problem(t, http.StatusNotFound)
	x.call("bob", "POST", "/v1/workspaces/other/sources", aSource, "Idempotency-Key", "k1").want(t, http.StatusCreated, &two)
	if two.ID == one.ID || two.Secret == one.Secret {
		t.Error("two who chose the same key share a source")
	}
	// A refusal is not kept: mended, the request goes through under its name.
	send("ann", "k2", map[string]any{"platform": "standard", "name": " ", "scope": "*"}).at(t, "body.name")
	send("ann", "k2", aSource).want(t, http.StatusCreated, nil)
	// After a day the name is free.
	x.now = x.now.Add(24*time.Hour - time.Second)
	if r := send("ann", "k1", aSource); r.body != first.body {
		t.Errorf("within the day: %d %s", r.status, r.body)
	}
	x.now = x.now.Add(time.Second)
	send("ann", "k1", aSource).want(t, http.StatusCreated, &two)
	if two.ID == one.ID || two.Secret == one.Secret {
		t.Error("a day later it is still the same source")
	}
}

// TestSentTwiceAtOnce: one of many is carried out; the others have its answer, or are told to wait.
func TestSentTwiceAtOnce(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	began, ahead := make(chan struct{}), make(chan struct{})
	put := x.deps.PutSecret
	x.deps.PutSecret = func(ctx context.Context, app string, v platform.Secrets) error {
		close(began)
		<-ahead
		return put(ctx, app, v)
	}
	x.handler = api.Handler(x.deps)
	send := func() reply {
		return x.call("ann", "POST", "/v1/workspaces/acme/sources", aSource, "Idempotency-Key", "k1")
	}
	first := make(chan reply)
	go func() { first <- send() }()
	<-began
	parallel.Each(t.Context(), 8, 8, func(int) error {
		if r := send(); r.status != http.StatusConflict || r.header.Get("Retry-After") == "" {
			t.Errorf("beside the first: %d %s", r.status, r.body)
		}
		return nil
	})
	close(ahead)
	done := <-first
	done.want(t, http.StatusCreated, nil)
	if r := send(); r.body != done.body {
		t.Errorf("after the first: %d %s", r.status, r.body)
	}
	if n := len(x.sourcesOf("acme")); n != 1 {
		t.Errorf("%d sources were made", n)
	}
}

// TestSentAgainAfterACrash: wherever the first attempt dies, the next one ends
// where an undisturbed one does, and nothing is made twice.
func TestSentAgainAfterACrash(t *testing.T) {
	for _, dies := range []string{"before the secret", "after the secret", "after the source"} {
		t.Run(dies, func(t *testing.T) {
			x := newWorld(t)
			x.workspace("acme", "ann")
			put, secretsOf := x.deps.PutSecret, x.deps.Secrets
			alive := false
			x.deps.PutSecret = func(ctx context.Context, app string, v platform.Secrets) error {
				if !alive && dies == "before the secret" {
					panic("killed")
				}
				err := put(ctx, app, v)
				if !alive && dies == "after the secret" {
					panic("killed")
				}
				return err
			}
			// A platform that signs nothing has its secret in the path, which is read last.
			x.deps.Secrets = func(ctx context.Context, app string) (platform.Secrets, error) {
				if !alive && dies == "after the source" {
					panic("killed")
				}
				return secretsOf(ctx, app)
			}
			x.handler = api.Handler(x.deps)
			body := map[string]any{"platform": "trustpilot", "name": "Reviews", "scope": "acme.com"}
			send := func() reply {
				return x.call("ann", "POST", "/v1/workspaces/acme/sources", body, "Idempotency-Key", "k1")
			}
			send().problem(t, http.StatusInternalServerError)
			alive = true
			if r := send(); r.status != http.StatusConflict {
				t.Errorf("while the first may still be at it: %d %s", r.status, r.body)
			}
			x.now = x.now.Add(30 * time.Second)
			var made api.CreatedSource
			r := send()
			r.want(t, http.StatusCreated, &made)
			if again := send(); again.body != r.body {
				t.Errorf("answered %s, and then %s", r.body, again.body)
			}
			list := x.sourcesOf("acme")
			if len(list) != 1 || list[0].ID != made.ID || !list[0].Created.Equal(t0) || len(x.secrets) != 1 {
				t.Errorf("%d sources, %d secrets: %+v", len(list), len(x.secrets), list)
			}
			if keys := x.secrets[made.App].Keys; !slices.Equal(keys, []string{made.Secret}) {
				t.Errorf("the secret shown is %q, that of the app %q", made.Secret, keys)
			}
		})
	}
}

// TestWorkspaceSentAgain: its creator may send the request again, also where
// the first attempt failed at the last step.
func TestWorkspaceSentAgain(t *testing.T) {
	x := newWorld(t)
	in := map[string]any{"id": "acme", "name": "Acme Inc.", "time_zone": "UTC"}
	first := x.call("ann", "POST", "/v1/workspaces", in, "Idempotency-Key", "k1")
	first.want(t, http.StatusCreated, nil)
	if r := x.call("ann", "POST", "/v1/workspaces", in, "Idempotency-Key", "k1"); r.status != http.StatusCreated || r.body != first.body {
		t.Errorf("sent again: %d %s", r.status, r.body)
	}
	x.call("ann", "POST", "/v1/workspaces", in).problem(t, http.StatusConflict)
	x.call("bob", "POST", "/v1/workspaces", in, "Idempotency-Key", "k1").problem(t, http.StatusConflict)
}

// TestIfMatch: what can be edited is edited only as its ETag says, by one of many who saw the same.
func TestIfMatch(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var src api.CreatedSource
	x.call("ann", "POST", "/v1/workspaces/acme/sources", aSource).want(t, http.StatusCreated, &src)
	settings := func(n int) any {
		return map[string]any{"name": fmt.Sprintf("N%d", n), "weekday": "friday", "time": "09:00", "recipients": []string{}}
	}
	for what, c := range map[string]struct {
		read, edit string
		body       func(n int) any
	}{
		"report": {"/reports/weekly", "/reports/weekly", settings},
		"app": {"/apps/" + src.App, "/apps/" + src.App, func(n int) any {
			return map[string]any{"config": json.RawMessage(strings.Replace(standardConfig, "/at", fmt.Sprintf("/at%d", n), 1))}
		}},
		"source":    {"/sources/" + src.ID, "/sources/" + src.ID + "/own_accounts", func(n int) any { return map[string]any{"own_accounts": []string{fmt.Sprint(n)}} }},
		"workspace": {"", "/name", func(n int) any { return map[string]any{"name": fmt.Sprintf("N%d", n)} }},
	} {
		t.Run(what, func(t *testing.T) {
			base := "/v1/workspaces/acme"
			put := func(n int, tag string) reply {
				return x.call("ann", "PUT", base+c.edit, c.body(n), "If-Match", tag)
			}
			tag := x.call("ann", "GET", base+c.read, nil).header.Get("ETag")
			put(1, `"0123"`).problem(t, http.StatusPreconditionFailed)
			put(1, "W/"+tag).problem(t, http.StatusPreconditionFailed)
			done := put(1, `"0123", `+tag)
			done.want(t, http.StatusOK, nil)
			put(2, tag).problem(t, http.StatusPreconditionFailed)
			next := x.call("ann", "GET", base+c.read, nil).header.Get("ETag")
			if got := done.header.Get("ETag"); got != next || got == tag {
				t.Errorf("the edit answers the ETag %s, then it is %s; before it was %s", got, next, tag)
			}
			put(3, "*").want(t, http.StatusOK, nil)
			tag = x.call("ann", "GET", base+c.read, nil).header.Get("ETag")
			ok := make([]bool, 8)
			parallel.Each(t.Context(), len(ok), len(ok), func(i int) error {
				switch r := put(10+i, tag); r.status {
				case http.StatusOK:
					ok[i] = true
				case http.StatusPreconditionFailed:
				default:
					t.Errorf("got %d %s", r.status, r.body)
				}
				return nil
			})
			won := 0
			for _, o := range ok {
				if o {
					won++
				}
			}
			if won != 1 {
				t.Errorf("%d of %d who saw the same state changed it", won, len(ok))
			}
		})
	}
	x.call("ann", "PUT", "/v1/workspaces/acme/reports/none", settings(1), "If-Match", "*").problem(t, http.StatusPreconditionFailed)
	r := x.call("ann", "PUT", "/v1/workspaces/acme/reports/monthly", settings(1))
	r.want(t, http.StatusCreated, nil)
	if got := r.header.Get("Location"); got != "/v1/workspaces/acme/reports/monthly" {
		t.Errorf("a new report is at %q", got)
	}
	x.call("ann", "PUT", "/v1/workspaces/acme/reports/monthly", settings(2)).want(t, http.StatusOK, nil)
}

// TestTooMany: a limit is answered as 429 that says when to come back.
func TestTooMany(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.deps.Discover = func(context.Context, string, time.Time) error {
		return fault.Limited(90*time.Second+time.Millisecond, "too many discoveries this hour: try again at 10:00")
	}
	x.handler = api.Handler(x.deps)
	r := x.call("ann", "POST", "/v1/workspaces/acme/theme-sets", map[string]any{})
	if p := r.problem(t, http.StatusTooManyRequests); p.Detail != "too many discoveries this hour: try again at 10:00" || r.header.Get("Retry-After") != "91" {
		t.Errorf("got %s, Retry-After %q", r.body, r.header.Get("Retry-After"))
	}
}
