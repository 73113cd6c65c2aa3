package api_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/drill"
	"rapport/internal/social"
	"rapport/internal/store"
)

// invite makes somebody a member, as an owner and that person do.
func (x *world) invite(w, owner, who string, role social.Role) {
	x.t.Helper()
	var i api.CreatedInvitation
	x.call(owner, "POST", "/v1/workspaces/"+w+"/invitations", map[string]any{"role": role}).want(x.t, http.StatusCreated, &i)
	var m api.Membership
	x.call(who, "POST", "/v1/invitations/redeem", map[string]any{"code": i.Code}).want(x.t, http.StatusCreated, &m)
	if m != (api.Membership{Workspace: w, Role: string(role)}) {
		x.t.Fatalf("%s is %+v", who, m)
	}
}

// newKey makes a machine key and returns it.
func (x *world) newKey(w, owner string, role social.Role) api.CreatedKey {
	x.t.Helper()
	var k api.CreatedKey
	x.call(owner, "POST", "/v1/workspaces/"+w+"/keys", map[string]any{"name": "sync", "role": role, "expires": x.now.Add(24 * time.Hour)}).want(x.t, http.StatusCreated, &k)
	return k
}

// contract lists what each operation needs, by "METHOD path", as the contract says.
func contract(t *testing.T) map[string]string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			Role        string `json:"x-role"`
			Description string `json:"description"`
		} `json:"paths"`
	}
	h := api.Handler(api.Deps{Now: func() time.Time { return t0 }, Verify: refuse})
	call(h, "", "GET", "/v1/openapi.json", nil).want(t, 200, &doc)
	out := map[string]string{}
	for path, ms := range doc.Paths {
		for m, op := range ms {
			name := strings.ToUpper(m) + " " + path
			out[name] = op.Role
			if op.Role == "" || op.Role != "none" && !strings.Contains(op.Description, "Needs the role "+op.Role+".") {
				t.Errorf("%s: the contract does not say whom it needs: %q, %s", name, op.Role, op.Description)
			}
			if in := strings.Contains(path, "{workspace}"); in == (op.Role == "none") {
				t.Errorf("%s needs %q", name, op.Role)
			}
		}
	}
	return out
}

// TestMatrix asks for each operation there is, as each role, by token and by
// machine key, in the workspace, in another and in none, and without a token.
// What is to come follows from the contract alone, so that an operation that
// is added is asked for, too.
func TestMatrix(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "owner")
	x.workspace("other", "bob")
	callers := map[string]social.Role{"owner": social.Owner}
	for _, r := range social.Roles()[:3] {
		x.invite("acme", "owner", string(r), r)
		callers[string(r)] = r
		callers[x.newKey("acme", "owner", r).Token] = r
	}
	foreign := x.newKey("other", "bob", social.Analyst).Token
	needs, ops := contract(t), operations(t)
	slices.SortFunc(ops, func(a, b operation) int { return strings.Compare(a.method+a.path, b.method+b.path) })
	asked := 0
	ask := func(o operation, caller string, role social.Role) {
		asked++
		name := fmt.Sprintf("%s %s as %s (%.3s…)", o.method, o.path, role, caller)
		need := needs[o.method+" "+o.path]
		r := x.call(caller, o.method, o.at("acme"), o.body)
		if need == "none" {
			if machine := strings.HasPrefix(caller, "rk_"); machine && o.method != "GET" {
				r.problem(t, http.StatusForbidden)
			} else if r.status == http.StatusForbidden || r.status == http.StatusUnauthorized {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
			return
		}
		if role.May(social.Role(need)) {
			if r.status == http.StatusForbidden || r.status == http.StatusUnauthorized || r.status >= 500 || strings.Contains(r.body, "no such workspace") {
				t.Errorf("%s is refused: %d %s", name, r.status, r.body)
			}
		} else if p := r.problem(t, http.StatusForbidden); !strings.Contains(p.Detail, "needs the role "+need) {
			t.Errorf("%s: %s", name, r.body)
		}
		there, gone := x.call(caller, o.method, o.at("other"), o.body), x.call(caller, o.method, o.at("nowhere"), o.body)
		if there.status != http.StatusNotFound || there.body != gone.body || !cmp.Equal(there.header, gone.header) {
			t.Errorf("%s in another workspace: %d %s, in none: %d %s", name, there.status, there.body, gone.status, gone.body)
		}
	}
	for _, o := range ops {
		for caller, role := range callers {
			if role != social.Owner {
				ask(o, caller, role)
			}
		}
		if needs[o.method+" "+o.path] != "none" {
			x.call(foreign, o.method, o.at("acme"), o.body).problem(t, http.StatusNotFound)
		}
		r := x.call("", o.method, o.at("acme"), o.body)
		if r.problem(t, http.StatusUnauthorized); !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s %s without a token: %v", o.method, o.path, r.header)
		}
	}
	whole := slices.IndexFunc(ops, func(o operation) bool { return o.method+" "+o.path == "DELETE /v1/workspaces/{workspace}" })
	last := ops[whole]
	ops = append(slices.Delete(ops, whole, whole+1), last) // what it takes away is asked for before
	for _, o := range ops {
		if o.path == "/v1/workspaces/{workspace}" && o.method == "DELETE" {
			x.call("owner", "PUT", "/v1/workspaces/acme/name", map[string]any{"name": "A acme"}).want(t, 200, nil)
		}
		ask(o, "owner", social.Owner)
	}
	if want := len(ops) * len(callers); asked != want || asked < 300 {
		t.Errorf("%d cells of %d", asked, want)
	}
	for caller := range callers {
		if r := x.call(caller, "GET", "/v1/workspaces/acme", nil); r.status != http.StatusNotFound && r.status != http.StatusUnauthorized {
			t.Errorf("%.3s… still sees the workspace that was deleted: %d", caller, r.status)
		}
	}
	drill.Show(t, "%d operations asked by %d callers: each is answered as its role says", len(ops), len(callers))
}

// The table of docs/members.md says of each operation whom it needs.
func TestDocumentedRolesAreTheContracts(t *testing.T) {
	doc, err := os.ReadFile("../../docs/members.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[2], "/v1/") {
			continue
		}
		said[strings.Trim(cells[2], " `")] = strings.Trim(cells[3], " `")
	}
	if d := cmp.Diff(contract(t), said); d != "" {
		t.Errorf("docs/members.md is not what the contract says:\n%s", d)
	}
}

func TestMembers(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const at = "/v1/workspaces/acme"
	t.Run("an invitation is redeemed once", func(t *testing.T) {
		var i api.CreatedInvitation
		x.call("ann", "POST", at+"/invitations", map[string]any{"role": "analyst"}).want(t, 201, &i)
		for name, code := range map[string]string{"forged": i.Code[:len(i.Code)-2] + "aa", "of another workspace": strings.Replace(i.Code, "acme", "other", 1), "none": "ri_x", "a key's": "rk" + i.Code[2:]} {
			if r := x.call("bob", "POST", "/v1/invitations/redeem", map[string]any{"code": code}); r.status != http.StatusNotFound {
				t.Errorf("%s: %d %s", name, r.status, r.body)
			}
		}
		var list api.Page[api.Invitation]
		if r := x.get("ann", at+"/invitations", &list); len(list.Items) != 1 || list.Items[0] != i.Invitation || strings.Contains(r.body, i.Code[len(i.Code)-52:]) {
			t.Errorf("listed: %s", r.body)
		}
		x.call("ann", "POST", "/v1/invitations/redeem", map[string]any{"code": i.Code}).problem(t, http.StatusConflict)
		var wg sync.WaitGroup
		results := make([]int, 4)
		for n := range results { // four people have the code
			wg.Go(func() {
				results[n] = x.call(fmt.Sprint("bob", n), "POST", "/v1/invitations/redeem", map[string]any{"code": i.Code}).status
			})
		}
		wg.Wait()
		slices.Sort(results)
		if !slices.Equal(results, []int{201, 404, 404, 404}) {
			t.Errorf("four redeem it at once: %v", results)
		}
	})
	t.Run("an invitation expires and is taken back", func(t *testing.T) {
		var i, j api.CreatedInvitation
		x.call("ann", "POST", at+"/invitations", map[string]any{"role": "viewer", "days": 1}).want(t, 201, &i)
		x.call("ann", "POST", at+"/invitations", map[string]any{"role": "viewer"}).want(t, 201, &j)
		x.call("ann", "DELETE", at+"/invitations/"+j.ID, nil).want(t, 204, nil)
		x.call("ann", "DELETE", at+"/invitations/"+j.ID, nil).problem(t, 404)
		x.call("eve", "POST", "/v1/invitations/redeem", map[string]any{"code": j.Code}).problem(t, 404)
		x.now = x.now.Add(24 * time.Hour)
		x.call("eve", "POST", "/v1/invitations/redeem", map[string]any{"code": i.Code}).problem(t, 404)
		x.call("ann", "POST", at+"/invitations", map[string]any{"role": "root"}).at(t, "body.role")
		x.call("ann", "POST", at+"/invitations", map[string]any{"role": "viewer", "days": 31}).at(t, "body.days")
	})
	t.Run("the last owner stays", func(t *testing.T) {
		me := at + "/members/" + store.MemberID("ann")
		x.call("ann", "PUT", me, map[string]any{"role": "viewer"}).problem(t, http.StatusConflict)
		x.call("ann", "DELETE", me, nil).problem(t, http.StatusConflict)
		x.call("ann", "DELETE", at+"/members/mem_nobody", nil).problem(t, http.StatusNotFound)
		for range 5 {
			x.invite("acme", "ann", "zoe", social.Owner)
			var wg sync.WaitGroup
			got := make([]int, 2)
			wg.Go(func() { got[0] = x.call("ann", "DELETE", at+"/members/"+store.MemberID("zoe"), nil).status })
			wg.Go(func() {
				got[1] = x.call("zoe", "PUT", at+"/members/"+store.MemberID("ann"), map[string]any{"role": "viewer"}).status
			})
			wg.Wait()
			owners := 0
			list, err := x.store.Members(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.Role == social.Owner {
					owners++
				}
			}
			if owners != 1 {
				t.Fatalf("two owners took each other's role at once (%v): %d owners are left", got, owners)
			}
			if got[1] == 200 { // ann is a viewer now
				x.call("zoe", "PUT", at+"/members/"+store.MemberID("ann"), map[string]any{"role": "owner"}).want(t, 200, nil)
				x.call("ann", "DELETE", at+"/members/"+store.MemberID("zoe"), nil).want(t, 204, nil)
			}
		}
	})
	t.Run("a role holds at once", func(t *testing.T) {
		x.invite("acme", "ann", "vic", social.Viewer)
		x.call("vic", "POST", at+"/theme-sets", map[string]any{}).problem(t, 403)
		x.call("ann", "PUT", at+"/members/"+store.MemberID("vic"), map[string]any{"role": "analyst"}).want(t, 200, nil)
		x.call("vic", "POST", at+"/theme-sets", map[string]any{}).want(t, 202, nil)
		var list api.Page[api.Workspace]
		if x.get("vic", "/v1/workspaces", &list); len(list.Items) != 1 || list.Items[0].Role != "analyst" {
			t.Errorf("vic sees %+v", list.Items)
		}
		x.call("ann", "DELETE", at+"/members/"+store.MemberID("vic"), nil).want(t, 204, nil)
		x.call("vic", "GET", at, nil).problem(t, 404)
		if x.get("vic", "/v1/workspaces", &list); len(list.Items) != 0 {
			t.Errorf("vic sees %+v", list.Items)
		}
	})
}

func TestMachineKeys(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const at = "/v1/workspaces/acme/keys"
	k := x.newKey("acme", "ann", social.Viewer)
	if !strings.HasPrefix(k.Token, "rk_acme_") || strings.Contains(k.Token, k.ID) {
		t.Errorf("key %s", k.Token)
	}
	var list api.Page[api.Key]
	if r := x.get("ann", at, &list); len(list.Items) != 1 || list.Items[0].ID != k.ID || strings.Contains(r.body, k.Token[len(k.Token)-52:]) {
		t.Errorf("listed: %s", r.body)
	}
	kept, err := x.store.Key(t.Context(), "acme", k.ID)
	if err != nil || len(kept.Hash) != 32 || strings.Contains(fmt.Sprintf("%s %x", kept.Hash, kept.Hash), k.Token[len(k.Token)-52:]) {
		t.Errorf("kept: %+v, %v", kept, err)
	}
	var ws api.Page[api.Workspace]
	if x.get(k.Token, "/v1/workspaces", &ws); len(ws.Items) != 1 || ws.Items[0].ID != "acme" || ws.Items[0].Role != "viewer" {
		t.Errorf("the key sees %+v", ws.Items)
	}
	x.workspace("other", "ann")
	flipped := []byte(k.Token)
	flipped[len(flipped)-1] ^= 'a' ^ 'b'
	for name, token := range map[string]string{"a letter changed": string(flipped), "for another workspace": strings.Replace(k.Token, "acme", "other", 1), "cut": k.Token[:len(k.Token)-1], "longer": k.Token + "a", "empty": "rk_"} {
		r := x.call(token, "GET", "/v1/workspaces/acme", nil)
		if r.problem(t, http.StatusUnauthorized); r.header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
			t.Errorf("%s: %v", name, r.header)
		}
	}
	for location, change := range map[string]map[string]any{"body.role": {"role": "owner"}, "body.expires": {"expires": t0.AddDate(1, 0, 3)}, "body.name": {"name": "two\nlines"}} {
		b := map[string]any{"name": "n", "role": "viewer", "expires": t0.AddDate(0, 1, 0)}
		for name, v := range change {
			b[name] = v
		}
		x.call("ann", "POST", at, b).at(t, location)
	}
	x.call("ann", "POST", at, map[string]any{"name": "n", "role": "viewer", "expires": t0}).at(t, "body.expires")
	x.call("ann", "POST", at, map[string]any{"name": "n", "role": "viewer"}).problem(t, http.StatusUnprocessableEntity)

	gone := x.newKey("acme", "ann", social.Analyst)
	x.call(gone.Token, "GET", "/v1/workspaces/acme", nil).want(t, 200, nil)
	x.call("ann", "DELETE", at+"/"+gone.ID, nil).want(t, 204, nil)
	x.call(gone.Token, "GET", "/v1/workspaces/acme", nil).problem(t, 401)
	x.call("ann", "DELETE", at+"/"+gone.ID, nil).problem(t, 404)
	x.now = k.Expires
	if p := x.call(k.Token, "GET", "/v1/workspaces/acme", nil).problem(t, 401); !strings.Contains(p.Detail, "expired") {
		t.Errorf("expired: %+v", p)
	}
}

// A member of any role leaves by the id that the workspace shows, also while
// it is stopped, and removes nobody else by it; a machine key is nobody who
// could leave; the last owner stays.
func TestAMemberLeaves(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const at = "/v1/workspaces/acme"
	me := func(who string) string {
		t.Helper()
		var ws api.Workspace
		x.get(who, at, &ws)
		return ws.Member
	}
	for i, role := range social.Roles() {
		who, stays := fmt.Sprint("m", i), fmt.Sprint("stays", i)
		x.invite("acme", "ann", who, role)
		x.invite("acme", "ann", stays, role)
		x.call("ann", "PUT", at+"/stopped", map[string]any{"stopped": i%2 == 0}).want(t, http.StatusOK, nil)
		if role != social.Owner {
			for _, other := range []string{"ann", stays} {
				if p := x.call(who, "DELETE", at+"/members/"+store.MemberID(other), nil).problem(t, http.StatusForbidden); !strings.Contains(p.Detail, "needs the role owner") {
					t.Errorf("%s removes %s: %s", role, other, p.Detail)
				}
			}
		}
		x.call(who, "DELETE", at+"/members/"+me(who), nil).want(t, http.StatusNoContent, nil)
		x.call(who, "GET", at, nil).problem(t, http.StatusNotFound)
		x.call(who, "DELETE", at+"/members/"+store.MemberID(who), nil).problem(t, http.StatusNotFound)
		x.get(stays, at, nil)
		x.call("ann", "PUT", at+"/stopped", map[string]any{"stopped": false}).want(t, http.StatusOK, nil)
		lines, _, err := x.store.Lines(t.Context(), "acme", x.now, "", 200)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(lines, func(l store.Line) bool {
			return l.Who == who && l.What == "delete-member" && l.On == "members/"+store.MemberID(who) && l.Outcome == store.LineDone
		}) {
			t.Errorf("no line of the audit log says that %s left", who)
		}
	}
	k := x.newKey("acme", "ann", social.Viewer)
	if id := me(k.Token); id != "" {
		t.Errorf("a machine key is the member %q", id)
	}
	x.call(k.Token, "DELETE", at+"/members/"+store.MemberID(""), nil).problem(t, http.StatusForbidden)
	x.call("stays3", "DELETE", at+"/members/"+store.MemberID("ann"), nil).want(t, http.StatusNoContent, nil)
	x.call("stays3", "DELETE", at+"/members/"+me("stays3"), nil).problem(t, http.StatusConflict)
}

func TestAuditLog(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const at = "/v1/workspaces/acme"
	step := func() { x.now = x.now.Add(time.Second) }
	step()
	k := x.newKey("acme", "ann", social.Analyst)
	step()
	x.call(k.Token, "POST", at+"/theme-sets", map[string]any{}).want(t, 202, nil)
	step()
	x.call("ann", "DELETE", at+"/members/"+store.MemberID("ann"), nil).problem(t, 409)
	step()
	x.objectErr = nil
	x.noSecrets = fmt.Errorf("the parameter store is down")
	x.call("ann", "POST", at+"/sources", map[string]any{"platform": "meta", "name": "Page", "scope": "1", "secret": "0123456789abcdef"}).problem(t, 500)
	x.noSecrets = nil
	step()
	x.call(k.Token, "POST", at+"/erasures", map[string]any{"platform": "x", "id": "1"}).problem(t, 403)
	x.get("ann", at+"/members", nil)
	var got []api.AuditLine
	path := at + "/audit-log?limit=2"
	for pages := 0; path != ""; pages++ {
		var page api.Page[api.AuditLine]
		x.get("ann", path, &page)
		got, path = append(got, page.Items...), ""
		if page.NextCursor != "" {
			path = at + "/audit-log?limit=2&cursor=" + page.NextCursor
		}
		if pages > 5 {
			t.Fatal("pages without end")
		}
	}
	for i := range got {
		if got[i].ID == "" {
			t.Error("a line without id")
		}
		got[i].ID = ""
	}
	want := []api.AuditLine{
		{At: t0.Add(4 * time.Second), Who: "ann", What: "create-source", On: "sources", Outcome: "asked"},
		{At: t0.Add(3 * time.Second), Who: "ann", What: "delete-member", On: "members/" + store.MemberID("ann"), Outcome: "refused"},
		{At: t0.Add(2 * time.Second), Who: k.ID, What: "discover-themes", On: "theme-sets", Outcome: "done"},
		{At: t0.Add(time.Second), Who: "ann", What: "create-key", On: "keys", Outcome: "done"},
		{At: t0, Who: "ann", What: "create-workspace", On: "/v1/workspaces", Outcome: "done"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	var none api.Page[api.AuditLine]
	if x.get("ann", at+"/audit-log?month=2026-10", &none); len(none.Items) != 0 {
		t.Errorf("another month: %+v", none.Items)
	}
	x.call("ann", "GET", at+"/audit-log?month=2026-13", nil).at(t, "query.month")
}

func TestWhoMayCreateWorkspaces(t *testing.T) {
	x := newWorld(t)
	for i, c := range []struct {
		allow  string
		caller api.Caller
		want   int
	}{
		{"", api.Caller{Subject: "ann"}, 201},
		{"ann", api.Caller{Subject: "ann"}, 201},
		{"bob ann", api.Caller{Subject: "ann"}, 201},
		{"bob", api.Caller{Subject: "ann"}, 403},
		{"cognito:groups:founders", api.Caller{Subject: "ann", Claims: map[string]any{"cognito:groups": []any{"x", "founders"}}}, 201},
		{"cognito:groups:founders", api.Caller{Subject: "ann", Claims: map[string]any{"cognito:groups": []any{"founder"}}}, 403},
		{"scope:write", api.Caller{Subject: "ann", Claims: map[string]any{"scope": "read write"}}, 201},
		{"scope:write", api.Caller{Subject: "ann", Claims: map[string]any{"scope": "rewrite"}}, 403},
		{"plan:", api.Caller{Subject: "ann", Claims: map[string]any{}}, 403},
		{"auth0|7:x", api.Caller{Subject: "auth0|7:x"}, 201},
	} {
		d := x.deps
		d.Creators = strings.Fields(c.allow)
		d.Verify = func(context.Context, string) (api.Caller, error) { return c.caller, nil }
		r := call(api.Handler(d), "token", "POST", "/v1/workspaces", map[string]any{"id": fmt.Sprint("acme-", i), "name": "A", "time_zone": "UTC"})
		if r.status != c.want || c.want == 403 && !strings.Contains(r.body, "WorkspaceCreators") {
			t.Errorf("%q for %+v: %d %s, want %d", c.allow, c.caller, r.status, r.body, c.want)
		}
	}
}

// 25 sources made and deleted leave nothing: no secret, no app, no route.
func TestSourcesLeaveNothing(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("guest", "bob")
	const at = "/v1/workspaces/acme"
	for i := range 25 {
		var src api.CreatedSource
		x.call("ann", "POST", at+"/sources", map[string]any{"platform": "standard", "name": "S", "scope": fmt.Sprint("s", i),
			"config": map[string]any{"mapping": map[string]any{"scope": map[string]any{"value": "f"}, "type": map[string]any{"value": "post"}, "direction": map[string]any{"value": "inbound"}, "id": map[string]any{"path": "/id"}, "actor_id": map[string]any{"path": "/by"}, "occurred": map[string]any{"path": "/at"}}}}).want(t, 201, &src)
		if len(x.secrets) != 1 {
			t.Fatalf("%d secrets for one app", len(x.secrets))
		}
		x.call("ann", "DELETE", at+"/sources/"+src.ID, nil).want(t, 204, nil)
		x.call("ann", "GET", at+"/apps/"+src.App, nil).problem(t, 404)
		if len(x.secrets) != 0 {
			t.Fatalf("secrets are left of %d sources: %d", i+1, len(x.secrets))
		}
	}
	var apps api.Page[api.App]
	if x.get("ann", at+"/apps", &apps); len(apps.Items) != 0 {
		t.Errorf("apps are left: %+v", apps.Items)
	}

	// An app that others' sources use stays, and goes with the last of them or when its owner says so.
	var own, theirs api.CreatedSource
	x.call("ann", "POST", at+"/sources", map[string]any{"platform": "meta", "name": "P", "scope": "1", "secret": "0123456789abcdef"}).want(t, 201, &own)
	x.call("ann", "PUT", at+"/apps/"+own.App+"/guests/guest", nil).want(t, 200, nil)
	x.call("bob", "POST", "/v1/workspaces/guest/sources", map[string]any{"platform": "meta", "name": "P", "scope": "2", "app": own.App}).want(t, 201, &theirs)
	x.call("ann", "DELETE", at+"/sources/"+own.ID, nil).want(t, 204, nil)
	if len(x.secrets) != 1 {
		t.Fatal("the secret of an app that is used went")
	}
	x.call("ann", "DELETE", at+"/apps/"+own.App, nil).problem(t, 409)
	x.call("bob", "DELETE", "/v1/workspaces/guest/apps/"+own.App, nil).problem(t, 404)
	x.call("bob", "DELETE", "/v1/workspaces/guest/sources/"+theirs.ID, nil).want(t, 204, nil)
	if x.get("ann", at+"/apps", &apps); len(apps.Items) != 1 || len(x.secrets) != 1 {
		t.Errorf("a guest's deletion took the owner's app: %+v", apps.Items)
	}
	x.call("ann", "DELETE", at+"/apps/"+own.App, nil).want(t, 204, nil)
	if x.get("ann", at+"/apps", &apps); len(apps.Items) != 0 || len(x.secrets) != 0 {
		t.Errorf("left: %+v, %d secrets", apps.Items, len(x.secrets))
	}
}

func TestRenameAndDelete(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const at = "/v1/workspaces/acme"
	var src api.CreatedSource
	x.call("ann", "POST", at+"/sources", map[string]any{"platform": "meta", "name": "P", "scope": "1", "secret": "0123456789abcdef"}).want(t, 201, &src)
	var named struct{ Name string }
	x.call("ann", "PUT", at+"/sources/"+src.ID+"/name", map[string]any{"name": "Our page"}).want(t, 200, &named)
	if named.Name != "Our page" {
		t.Errorf("named %q", named.Name)
	}
	x.call("ann", "PUT", at+"/sources/src_x/name", map[string]any{"name": "Our page"}).problem(t, 404)
	x.call("ann", "PUT", at+"/sources/"+src.ID+"/name", map[string]any{"name": "two\nlines"}).at(t, "body.name")
	x.call("ann", "PUT", at+"/name", map[string]any{"name": "Acme & Sons"}).want(t, 200, &named)
	if x.get("ann", at, &named); named.Name != "Acme & Sons" {
		t.Errorf("named %q", named.Name)
	}

	var expects struct{ Languages []string }
	x.call("ann", "PUT", at+"/languages", map[string]any{"languages": []string{"de", "en"}}).want(t, 200, &expects)
	if x.get("ann", at, &expects); !slices.Equal(expects.Languages, []string{"de", "en"}) {
		t.Errorf("expects %q", expects.Languages)
	}
	if p := x.call("ann", "PUT", at+"/languages", map[string]any{"languages": []string{"de", "qq"}}).problem(t, 422); !strings.Contains(fmt.Sprint(p), "body.languages[1]") {
		t.Errorf("%+v", p)
	}
	x.call("ann", "PUT", at+"/languages", map[string]any{"languages": []string{}}).want(t, 200, &expects)
	if len(expects.Languages) != 0 {
		t.Errorf("expects %q", expects.Languages)
	}

	due, err := x.store.DueBy(t.Context(), t0.AddDate(0, 0, 7), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("due: %v, %v", due, err)
	}
	x.call("ann", "DELETE", at+"/reports/weekly", nil).want(t, 204, nil)
	x.call("ann", "GET", at+"/reports/weekly", nil).problem(t, 404)
	x.call("ann", "DELETE", at+"/reports/weekly", nil).problem(t, 404)
	if due, err = x.store.DueBy(t.Context(), t0.AddDate(0, 0, 7), 10); err != nil || len(due) != 0 {
		t.Errorf("still due: %v, %v", due, err)
	}

	x.call("ann", "DELETE", at, nil).problem(t, 422)
	x.call("ann", "DELETE", at+"?name=acme", nil).at(t, "query.name")
	x.get("ann", at, nil)
	k := x.newKey("acme", "ann", social.Viewer)
	x.call("ann", "DELETE", at+"?name=Acme+%26+Sons", nil).want(t, 202, nil)
	if !slices.Contains(x.asked, "wipe acme") {
		t.Errorf("asked: %q", x.asked)
	}
	x.call("ann", "GET", at, nil).problem(t, 404)
	x.call("ann", "DELETE", at+"?name=Acme+%26+Sons", nil).problem(t, 404)
	x.call(k.Token, "GET", at, nil).problem(t, 401)
	var list api.Page[api.Workspace]
	if x.get("ann", "/v1/workspaces", &list); len(list.Items) != 0 {
		t.Errorf("listed: %+v", list.Items)
	}
	if ticked, err := x.store.Ticked(t.Context()); err != nil || len(ticked) != 0 {
		t.Errorf("ticked: %v, %v", ticked, err)
	}
	if _, err := x.store.AppFor(t.Context(), src.App); err == nil {
		t.Error("its hooks still answer")
	}
	x.call("eve", "POST", "/v1/workspaces", map[string]any{"id": "acme", "name": "A", "time_zone": "UTC"}).problem(t, 409)
}
