package api_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/api"
	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/leads/leadstest"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/theme"
	"rapport/internal/view/byday"
)

func TestLeads(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var people []string
	for i := range 5 {
		var a social.Activity
		for j := range i + 1 {
			a = x.activity("acme", post(fmt.Sprint("u", i), fmt.Sprintf("p%d-%d", i, j), "What does it cost?", time.Duration(j)*30*time.Hour))
		}
		if err := leadstest.Rescore(t.Context(), x.deps.Leads, "acme", a.Account().AccountID()); err != nil {
			t.Fatal(err)
		}
		people = append(people, personOf(a))
	}
	var all []api.Lead
	for _, limit := range []int{1, 2, 5, 100} {
		all = nil
		pages := x.pages("ann", fmt.Sprintf("/v1/workspaces/acme/leads?words=true&limit=%d", limit), func(b string) {
			var p api.LeadPage
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				t.Fatal(err)
			}
			for i, l := range p.Items {
				if i > 0 && l.MicroPoints > p.Items[i-1].MicroPoints {
					t.Errorf("limit %d: place %d of a page has more points than the one before", limit, i)
				}
				if !l.AsOf.Equal(x.now) || !p.AsOf.Equal(x.now) {
					t.Errorf("as of %s, on a page as of %s, want now, %s", l.AsOf, p.AsOf, x.now)
				}
			}
			all = append(all, p.Items...)
		})
		if want := (5 + limit - 1) / limit; pages != want {
			t.Errorf("limit %d: %d pages, want %d", limit, pages, want)
		}
		var got []string
		for i, l := range all {
			got = append(got, l.Person)
			if i > 0 && store.Step(l.MicroPoints) > store.Step(all[i-1].MicroPoints) {
				t.Errorf("limit %d: place %d is on a higher step than the one before", limit, i)
			}
		}
		if d := cmp.Diff(sorted(people), sorted(got)); d != "" {
			t.Errorf("limit %d: %s", limit, d)
		}
	}
	for _, l := range all {
		var one api.LeadLedger
		x.get("ann", "/v1/workspaces/acme/leads/"+l.Person, &one)
		if d := cmp.Diff(l, one.Lead); d != "" {
			t.Errorf("in the list and alone: %s", d)
		}
		sum, micro := new(big.Rat), int64(0)
		for _, c := range one.Contributions {
			p, ok := new(big.Rat).SetString(c.Points)
			if !ok || c.Reason == "" {
				t.Errorf("contribution %+v", c)
				continue
			}
			if c.MicroPoints != 0 && len(c.Evidence) == 0 {
				t.Errorf("points without evidence: %+v", c)
			}
			sum.Add(sum, p)
			micro += c.MicroPoints
		}
		score, _ := new(big.Rat).SetString(one.Score)
		if sum.Cmp(score) != 0 || micro != one.MicroPoints || micro == 0 {
			t.Errorf("score %s of %d micro-points, contributions add up to %s and %d", one.Score, one.MicroPoints, sum.FloatString(6), micro)
		}
		if one.NextChangeAt == nil || len(one.Reasons) == 0 {
			t.Errorf("%+v", one)
		}
	}

	t.Run("as of an instant", func(t *testing.T) {
		at := t0.Add(-100 * time.Hour).Format(time.RFC3339)
		var p api.LeadPage
		x.get("ann", "/v1/workspaces/acme/leads?words=true&as_of="+at, &p)
		// Only u4 had done anything by then: its fifth post is 120 hours old.
		if len(p.Items) != 1 || p.Items[0].Person != people[4] || !*p.Complete || p.AsOf.Format(time.RFC3339) != at || !p.Items[0].AsOf.Equal(*p.AsOf) {
			t.Errorf("%+v", p)
		}
		var one api.LeadLedger
		x.get("ann", "/v1/workspaces/acme/leads/"+people[4]+"?as_of="+at, &one)
		if d := cmp.Diff(p.Items[0], one.Lead); d != "" {
			t.Error(d)
		}
		x.call("ann", "GET", "/v1/workspaces/acme/leads/"+people[0]+"?as_of="+at, nil).problem(t, 404)
		x.call("ann", "GET", "/v1/workspaces/acme/leads?as_of="+at+"&cursor=AAAA", nil).at(t, "query.cursor")
	})
	t.Run("of another workspace", func(t *testing.T) {
		x.workspace("other", "bob")
		x.call("bob", "GET", "/v1/workspaces/other/leads/"+people[0], nil).problem(t, 404)
		var p api.LeadPage
		x.get("bob", "/v1/workspaces/other/leads", &p)
		if p.Items == nil || len(p.Items) != 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestExport(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	var want []string
	var some social.Activity
	for i := range 4 {
		for j := range 3 {
			some = x.activity("acme", post(fmt.Sprint("u", i), fmt.Sprintf("p%d-%d", i, j), "hello", time.Duration(10*i+j)*time.Hour))
			want = append(want, some.Key)
		}
	}
	answer := x.activity("acme", social.Activity{Type: social.Reply, Actor: social.Actor{ID: "us"}, Object: social.Object{ID: "r1"}, InReplyTo: some.Object.ID,
		Text: "hi", Occurred: t0, Direction: social.Outbound})
	want = append(want, answer.Key)
	if err := x.store.PutReceived(t.Context(), "acme", some.Account().AccountID(), answer); err != nil {
		t.Fatal(err)
	}
	x.activity("other", post("u1", "elsewhere", "hello", time.Hour))

	for _, limit := range []int{1, 2, 3, 5, 500} {
		var got []string
		x.pages("ann", fmt.Sprintf("/v1/workspaces/acme/activities?limit=%d", limit), func(b string) {
			var p api.Page[social.Line]
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				t.Fatal(err)
			}
			if len(p.Items) > limit || len(p.Items) == 0 {
				t.Errorf("a page of %d, limit %d", len(p.Items), limit)
			}
			for _, l := range p.Items {
				a, err := l.Activity()
				if err != nil || l.Person != personOf(a) {
					t.Errorf("%+v: %v", l, err)
				}
				got = append(got, l.Key)
			}
		})
		if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
			t.Errorf("limit %d: every fact once: %s", limit, d)
		}
	}
	t.Run("one line each", func(t *testing.T) {
		var got []string
		x.pages("ann", "/v1/workspaces/acme/activities?limit=5", func(b string) {
			for line := range strings.Lines(b) {
				l, _, err := social.ParseLine([]byte(line))
				if err != nil {
					t.Error(err)
				}
				got = append(got, l.Key)
			}
		}, "Accept", "application/x-ndjson")
		if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
			t.Error(d)
		}
		r := x.call("ann", "GET", "/v1/workspaces/acme/activities", nil, "Accept", "application/x-ndjson;q=0, application/json")
		if got := r.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("lines are refused, got %s", got)
		}
		r = x.call("ann", "GET", "/v1/workspaces/acme/activities", nil, "Accept", "text/plain, application/x-ndjson;q=0.5")
		if got := r.header.Get("Content-Type"); got != "application/x-ndjson" {
			t.Errorf("lines are asked for, got %s", got)
		}
	})
	t.Run("of a person, with the replies received", func(t *testing.T) {
		person := personOf(some)
		for _, limit := range []int{1, 3, 100} {
			var got []string
			x.pages("ann", fmt.Sprintf("/v1/workspaces/acme/activities?person=%s&limit=%d", person, limit), func(b string) {
				var p api.Page[social.Line]
				json.Unmarshal([]byte(b), &p)
				for _, l := range p.Items {
					if l.Person != person {
						t.Errorf("%s stands under %s", l.Key, l.Person)
					}
					got = append(got, l.Object.ID)
				}
			})
			if d := cmp.Diff([]string{"p3-2", "p3-1", "p3-0", "r1"}, got); d != "" {
				t.Errorf("limit %d: %s", limit, d)
			}
		}
		x.call("bob", "GET", "/v1/workspaces/other/activities?person="+person, nil).problem(t, 404)
	})
	t.Run("of a period, newest first", func(t *testing.T) {
		x.workspace("timed", "ann")
		var want []string
		for i := range 12 {
			a := x.item("timed", post(fmt.Sprint("u", i%3), fmt.Sprint("q", i), "hello", time.Duration(i)*25*time.Minute))
			want = append(want, social.Stamp(a.Occurred)+" "+a.Key)
		}
		slices.Sort(want)
		slices.Reverse(want)
		from, _, _ := strings.Cut(want[10], " ")
		to, _, _ := strings.Cut(want[0], " ")
		for _, limit := range []int{1, 4, 100} {
			var got []string
			x.pages("ann", fmt.Sprintf("/v1/workspaces/timed/activities?limit=%d&from=%s&to=%s", limit, from, to), func(b string) {
				var p api.Page[social.Line]
				json.Unmarshal([]byte(b), &p)
				for _, l := range p.Items {
					got = append(got, l.Occurred+" "+l.Key)
				}
			})
			if d := cmp.Diff(want[1:11], got); d != "" { // from is in the period, to is not
				t.Errorf("limit %d: %s", limit, d)
			}
		}
		x.call("ann", "GET", "/v1/workspaces/timed/activities?person="+personOf(some)+"&from="+from, nil).at(t, "query.from")
	})
	t.Run("long texts make short pages", func(t *testing.T) {
		x.workspace("long", "ann")
		for i := range 90 {
			x.activity("long", post(fmt.Sprint("u", i), fmt.Sprint("p", i), strings.Repeat(`"`, 60_000), time.Duration(i)*time.Hour))
		}
		n := 0
		pages := x.pages("ann", "/v1/workspaces/long/activities?limit=500", func(b string) {
			var p api.Page[social.Line]
			json.Unmarshal([]byte(b), &p)
			n += len(p.Items)
			if len(b) > maxPage {
				t.Errorf("a page of %d bytes", len(b))
			}
		})
		// A quote takes two bytes: 17 of them to a page.
		if n != 90 || pages != 6 {
			t.Errorf("%d activities on %d pages, want 90 on 6", n, pages)
		}
	})
}

// maxPage is what a page of long texts may have, in bytes: 2 MiB, and what stands around the items.
const maxPage = 2<<20 + 2000

// long is a platform's id or scope that a key takes six times as many bytes
// for as it has letters: two of them do not fit a cursor of 1000 characters.
var long = strings.Repeat("ж", 60)

func TestCursorsOfLongIDs(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	var person string
	for i := range 4 { // two at each instant
		a := post(long, fmt.Sprint(long, i), "hello", time.Duration(i/2)*time.Hour)
		a.Scope = long
		person = personOf(x.activity("acme", a))
	}
	for _, query := range []string{"limit=1", "limit=1&person=" + person} {
		seen := map[string]bool{}
		x.pages("ann", "/v1/workspaces/acme/activities?"+query, func(b string) {
			var p api.Page[social.Line]
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				t.Fatal(err)
			}
			if len(p.NextCursor) > 200 {
				t.Errorf("%s: a cursor of %d characters", query, len(p.NextCursor))
			}
			for _, l := range p.Items {
				seen[l.Key] = true
			}
		})
		if len(seen) != 4 {
			t.Errorf("%s: %d facts, want 4", query, len(seen))
		}
	}
}

func TestConversationsOfLongTextsMakeShortPages(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for n := range 20 {
		i := x.item("acme", post(fmt.Sprint("u", n), fmt.Sprint("p", n), strings.Repeat(`"`, 60_000), time.Duration(n)*time.Hour))
		x.head("acme", fmt.Sprintf("thr_%02d", n), i.Account, i.Occurred, nil, &i)
	}
	seen := map[string]bool{}
	pages := x.pages("ann", "/v1/workspaces/acme/conversations?limit=100", func(b string) {
		var p api.Page[api.Conversation]
		if err := json.Unmarshal([]byte(b), &p); err != nil {
			t.Fatal(err)
		}
		if len(b) > maxPage {
			t.Errorf("a page of %d bytes", len(b))
		}
		for _, c := range p.Items {
			seen[c.Thread] = true
		}
	})
	if len(seen) != 20 || pages != 2 {
		t.Errorf("%d conversations on %d pages, want 20 on 2", len(seen), pages)
	}
}

func TestIssues(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const path = "/v1/workspaces/acme/issues"
	p := x.call("ann", "GET", path, nil).problem(t, 404)
	if !strings.HasPrefix(p.Detail, "not enough data: ") {
		t.Errorf("detail %q", p.Detail)
	}
	texts := [][]string{
		{"The app crashes when I open the camera", "App crash on opening the camera", "Camera crashes the app every time", "Opening the camera makes the app crash", "crash crash crash, the camera of the app"},
		{"My invoice shows the wrong amount", "The amount on the invoice is wrong", "Wrong invoice amount again", "Why is the amount on my invoice wrong", "invoice with the wrong amount"},
	}
	var docs []theme.Doc
	for c, list := range texts {
		for i, text := range list {
			a := post(fmt.Sprintf("u%d-%d", c, i), fmt.Sprintf("%sp%d-%d", long, c, i), text, time.Duration(1+i)*24*time.Hour)
			a.Intent, a.Sentiment, a.Scope = "problem", "negative", long
			at := store.RefOf(x.item("acme", a).Activity).String()
			docs = append(docs, theme.Doc{ID: fmt.Sprint(c, "-", i), Person: a.Actor.ID, Text: text, At: at})
			if c == 0 && i == 0 { // the same person again, and once in the weeks before
				a.Object.ID, a.Occurred = long+"again", a.Occurred.Add(time.Hour)
				x.item("acme", a)
				a.Object.ID, a.Occurred = "before", t0.Add(-40*24*time.Hour)
				x.item("acme", a)
				// Another, an hour before the period begins, on the same day, and an hour after it ends.
				a.Actor.ID, a.Object.ID, a.Occurred = "early", "early", t0.Add(-28*24*time.Hour-time.Hour)
				x.item("acme", a)
				a.Actor.ID, a.Object.ID, a.Occurred = "late", "late", t0.Add(time.Hour)
				x.item("acme", a)
			}
		}
	}
	set, err := theme.Discover(docs, theme.Options{K: 2, Seed: 1})
	if err != nil || len(set.Themes) != 2 {
		t.Fatalf("%d themes, %v", len(set.Themes), err)
	}
	body, _ := json.Marshal(set)
	if err := x.store.Publish(t.Context(), "acme", store.ThemeSets, store.Document{Version: set.Version, Published: t0, Body: body}); err != nil {
		t.Fatal(err)
	}

	var list api.IssueList
	x.get("ann", path, &list)
	if list.People != 10 || list.Messages != 11 || list.ThemeSet != set.Version || !list.To.Equal(t0) || list.To.Sub(list.From) != 28*24*time.Hour {
		t.Errorf("%+v", list)
	}
	var crash api.Issue
	sum := 0
	for _, i := range list.Items {
		sum += i.Messages
		if i.Negative+i.Neutral+i.Positive != i.Messages || len(i.Quotes) == 0 || i.Share.N != 10 || i.Share.Enough {
			t.Errorf("%+v", i)
		}
		if strings.Contains(i.Quotes[0].Text, "amera") {
			crash = i
		}
	}
	if sum+list.Unassigned != 11 || crash.PeopleBefore != 2 || crash.Messages != crash.People+1 {
		t.Errorf("%d messages of issues, %d of none; %+v", sum, list.Unassigned, crash)
	}
	if list.Items[0].People < list.Items[len(list.Items)-1].People {
		t.Error("not by people")
	}

	var keys []string
	var last time.Time
	x.pages("ann", path+"/"+crash.Theme+"?limit=2", func(b string) {
		var e api.IssueEvidence
		if err := json.Unmarshal([]byte(b), &e); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(crash, e.Issue); d != "" {
			t.Errorf("in the list and alone: %s", d)
		}
		for _, m := range e.Evidence.Items {
			if !last.IsZero() && m.Occurred.After(last) {
				t.Error("not newest first")
			}
			last = m.Occurred
			keys = append(keys, m.Key)
		}
	})
	unique := map[string]bool{}
	for _, k := range keys {
		unique[k] = true
	}
	if len(keys) != crash.Messages || len(unique) != len(keys) {
		t.Errorf("evidence of %d messages: %q", crash.Messages, keys)
	}

	var before api.IssueList
	x.get("ann", path+"?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", &before)
	if before.Items == nil || len(before.Items) != 0 || before.Messages != 0 {
		t.Errorf("%+v", before)
	}
	var quiet api.IssueEvidence
	x.get("ann", path+"/"+crash.Theme+"?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", &quiet)
	if quiet.Issue.Label == "" || quiet.Issue.People != 0 || len(quiet.Evidence.Items) != 0 {
		t.Errorf("%+v", quiet)
	}
	x.call("ann", "GET", path+"/thm_nothing", nil).problem(t, 404)

	// Long texts come whole, on short pages, and are cut where they are quoted.
	whole := strings.Repeat(texts[0][0]+` "!" `, 1300)
	for i := range 40 {
		a := post(fmt.Sprint("long", i), fmt.Sprint("long", i), whole, time.Hour)
		a.Intent, a.Sentiment, a.Scope = "problem", "negative", long
		x.item("acme", a)
	}
	lengthy := map[string]bool{}
	pages := x.pages("ann", path+"/"+crash.Theme+"?limit=100", func(b string) {
		var e api.IssueEvidence
		if err := json.Unmarshal([]byte(b), &e); err != nil {
			t.Fatal(err)
		}
		if len(b) > maxPage+3*1200 {
			t.Errorf("a page of %d bytes", len(b))
		}
		for _, m := range e.Evidence.Items {
			if m.Text == whole {
				lengthy[m.Key] = true
			}
		}
	})
	var quoted api.IssueList
	x.get("ann", path+"?from="+t0.Add(-2*time.Hour).Format(time.RFC3339), &quoted) // nothing else is as new
	if q := quoted.Items[0].Quotes[0].Text; utf8.RuneCountInString(q) != 1000 || !strings.HasSuffix(q, "…") {
		t.Errorf("quoted with %d characters", utf8.RuneCountInString(q))
	}
	if len(lengthy) != 40 || pages != 2 {
		t.Errorf("%d long messages on %d pages, want 40 on 2", len(lengthy), pages)
	}

	var versions api.Page[api.Version]
	x.get("ann", "/v1/workspaces/acme/theme-sets", &versions)
	var shown api.ThemeSet
	x.get("ann", "/v1/workspaces/acme/theme-sets/"+versions.Items[0].Version, &shown)
	if len(shown.Themes) != 2 || shown.Themes[0].ID != set.Themes[0].ID || len(shown.Themes[0].Quotes) == 0 || !shown.Active || shown.People != 10 {
		t.Errorf("%+v", shown)
	}
}

// item puts an activity and the workspace's view of it.
func (x *world) item(w string, a social.Activity) store.Item {
	x.t.Helper()
	a = x.activity(w, a)
	i := store.Item{Activity: a, Account: a.Account().AccountID(), Person: personOf(a)}
	if err := byday.New(x.store, nil).Store(x.t.Context(), w, []social.Activity{a}); err != nil {
		x.t.Fatal(err)
	}
	return i
}

func TestVersionsComeInPages(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	for i, v := range []string{"z", "10", "9"} { // not in the order of their names
		if err := x.store.Publish(t.Context(), "acme", store.ThemeSets, store.Document{Version: v, Published: t0.Add(time.Duration(i) * time.Hour), Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[int]int{1: 3, 2: 2, 3: 1, 100: 1} {
		var got []string
		pages := x.pages("ann", fmt.Sprintf("/v1/workspaces/acme/theme-sets?limit=%d", limit), func(b string) {
			var p api.Page[api.Version]
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				t.Fatal(err)
			}
			for _, v := range p.Items {
				got = append(got, fmt.Sprint(v.Version, " ", v.Active))
			}
		})
		if d := cmp.Diff([]string{"9 true", "10 false", "z false"}, got); d != "" || pages != want {
			t.Errorf("limit %d: %d pages, want %d; %s", limit, pages, want, d)
		}
	}
}

func TestAskForThemes(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const path = "/v1/workspaces/acme/theme-sets"
	x.call("ann", "POST", path, map[string]any{"at": "2026-10-01T00:00:00+02:00"}).want(t, 202, nil)
	x.call("ann", "POST", path, nil).want(t, 202, nil)
	if d := cmp.Diff([]string{"discover acme 2026-09-30 22:00:00 +0000 UTC", "discover acme 0001-01-01 00:00:00 +0000 UTC"}, x.asked); d != "" {
		t.Error(d)
	}
}

// head puts a conversation in which each of seconds is an answered message, the first being the conversation's.
func (x *world) head(w, thread, asker string, started time.Time, seconds []int, waiting *store.Item) {
	x.t.Helper()
	h := store.Head{Thread: thread, Asker: asker}
	h.Started, h.Last, h.Said, h.LastKey = started, started, started, "k"
	for i, s := range seconds {
		var r store.NodeRef
		asked := started.Add(time.Duration(i) * time.Hour)
		r.Activity, r.Occurred = fmt.Sprint("act_", thread, i), asked.Add(time.Duration(s)*time.Second)
		if h.Last, h.Answered = r.Occurred, r.Occurred; i == 0 {
			h.First, h.FirstHuman = r.Occurred, r.Occurred
		}
		if err := x.store.PutPair(x.t.Context(), w, thread, asker, r, conversation.Exchange{Asked: asked, Message: "msg_a", FirstToIt: true, HumanToIt: true}, "en"); err != nil {
			x.t.Fatal(err)
		}
	}
	if waiting != nil {
		h.WaitingSince, h.WaitingKey, h.Waiting = waiting.Occurred, waiting.Key, store.RefOf(waiting.Activity)
		h.Last, h.Said = waiting.Occurred, waiting.Occurred
	}
	// A put whose answer was lost is sent again, and finds itself there.
	if err := x.store.PutHead(x.t.Context(), w, h, store.Head{}); err != nil && !fault.Is(err, fault.Conflict) {
		x.t.Fatal(err)
	}
}

func TestResponseTimes(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.head("acme", "thr_a", "acc_a", t0.Add(-240*time.Hour), []int{10, 20, 30, 40, 50}, nil)
	get := func(query string) (out api.ResponseTimes) {
		x.get("ann", "/v1/workspaces/acme/response-times"+query, &out)
		return out
	}
	if got := get(""); got.PerPair != (api.ResponseTime{N: 5, Needed: 6}) || got.PerConversation.N != 1 {
		t.Errorf("%+v", got)
	}
	x.head("acme", "thr_b", "acc_b", t0.Add(-230*time.Hour), []int{60, 70}, nil)
	f := func(v float64) *float64 { return &v }
	got := get("")
	// With seven values the 95 % interval of the median is the whole sample.
	if d := cmp.Diff(api.ResponseTime{N: 7, Needed: 6, Enough: true, MedianSeconds: f(40), Low: f(10), High: f(70)}, got.PerMessage); d != "" {
		t.Error(d)
	}
	// A wide period, and one before which the conversation began and after which it went on.
	if got := get("?from=1990-01-01T00:00:00Z&to=2999-01-01T00:00:00Z"); got.PerPair.N != 7 || got.PerConversation.N != 2 {
		t.Errorf("%+v", got)
	}
	if got := get("?from=" + t0.Add(-238*time.Hour).Format(time.RFC3339) + "&to=" + t0.Add(-237*time.Hour).Format(time.RFC3339)); got.PerPair.N != 1 {
		t.Errorf("%+v", got)
	}
}

func TestConversations(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	i := x.item("acme", post("u1", "p1", "Is anybody there?", 50*time.Hour))
	x.head("acme", "thr_old", i.Account, i.Occurred, nil, &i)
	gone := i
	gone.Actor.ID, gone.Occurred = "gone", t0.Add(-2*time.Hour)
	x.head("acme", "thr_new", "acc_2", gone.Occurred, nil, &gone)
	x.head("acme", "thr_answered", "acc_3", t0.Add(-24*time.Hour), []int{60}, nil)
	x.head("acme", "thr_closed", "acc_4", t0.Add(-240*time.Hour), []int{60}, nil)
	x.head("acme", "thr_long_ago", "acc_5", t0.Add(-2400*time.Hour), []int{60}, nil)
	list := func(query string) (out []api.Conversation) {
		x.pages("ann", "/v1/workspaces/acme/conversations?"+query, func(b string) {
			var p api.Page[api.Conversation]
			if err := json.Unmarshal([]byte(b), &p); err != nil {
				t.Fatal(err)
			}
			out = append(out, p.Items...)
		})
		return out
	}
	names := func(cs []api.Conversation) (out []string) {
		for _, c := range cs {
			out = append(out, c.Thread+" "+c.State)
		}
		return out
	}
	for _, limit := range []string{"limit=1", "limit=100"} {
		waiting := list(limit)
		if d := cmp.Diff([]string{"thr_old waiting", "thr_new waiting"}, names(waiting)); d != "" {
			t.Error(d)
		}
		if w := waiting[0].Waiting; w == nil || w.Text != "Is anybody there?" || w.Person != i.Person || waiting[1].Waiting != nil {
			t.Errorf("%+v", waiting)
		}
		if d := cmp.Diff([]string{"thr_new waiting", "thr_answered answered", "thr_old waiting", "thr_closed closed"}, names(list("state=all&"+limit))); d != "" {
			t.Error(d)
		}
	}
	last := t0.Add(-24*time.Hour + time.Minute).Format(time.RFC3339) // of thr_answered: to is excluded
	if got := list("state=all&to=" + last); len(got) != 2 {
		t.Errorf("to %s: %q", last, names(got))
	}
	if got := list("state=all&from=1990-01-01T00:00:00Z"); len(got) != 5 {
		t.Errorf("of all time: %q", names(got))
	}
	x.call("ann", "GET", "/v1/workspaces/acme/conversations?from=2026-01-01T00:00:00Z", nil).at(t, "query.state")
}

func TestConversation(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	x.head("acme", "thr_a", "acc_a", t0.Add(-100*time.Hour), []int{10, 20, 30}, nil)
	const path = "/conversations/thr_a/per_a?limit="
	for _, limit := range []string{"1", "2", "3", "100"} {
		var got []float64
		x.pages("ann", "/v1/workspaces/acme"+path+limit, func(b string) {
			var d api.ConversationDetail
			if err := json.Unmarshal([]byte(b), &d); err != nil {
				t.Fatal(err)
			}
			if c := d.Conversation; c.Thread != "thr_a" || c.Person != "per_a" || c.State != "answered" {
				t.Errorf("%+v", c)
			}
			for _, e := range d.Exchanges.Items {
				got = append(got, e.Seconds)
			}
		})
		if d := cmp.Diff([]float64{30, 20, 10}, got); d != "" {
			t.Errorf("limit %s: %s", limit, d)
		}
	}
	x.call("ann", "GET", "/v1/workspaces/acme/conversations/thr_a/per_b", nil).problem(t, 404)
	x.call("bob", "GET", "/v1/workspaces/other"+path+"1", nil).problem(t, 404)
}

func (x *world) run(w, report string, due time.Time, object string) {
	x.t.Helper()
	r, err := x.store.ClaimRun(x.t.Context(), w, report, due, due, time.Minute)
	if err != nil {
		x.t.Fatal(err)
	}
	if object != "" {
		r.State, r.Object, r.From, r.To, r.Mailed = store.RunDone, object, due.Add(-7*24*time.Hour), due, 1
		if err := x.store.PutRun(x.t.Context(), w, &r); err != nil {
			x.t.Fatal(err)
		}
	}
}

func TestReports(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	const path = "/v1/workspaces/acme/reports"
	dues := func() (out []string) {
		list, err := x.store.DueBy(t.Context(), t0.Add(30*24*time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			out = append(out, d.Report+" "+social.Stamp(d.At))
		}
		return out
	}
	settings := map[string]any{"name": "On Fridays", "weekday": "friday", "time": "17:05", "recipients": []string{"a@example.com"}}
	var r api.Report
	x.call("ann", "PUT", path+"/weekly", settings).want(t, 200, &r)
	// 17:05 in Berlin is 16:05 UTC in November.
	want := api.Report{ID: "weekly", ReportSettings: api.ReportSettings{Name: "On Fridays", Weekday: "friday", Time: "17:05", Recipients: []string{"a@example.com"}},
		States: []api.Recipient{{Address: "a@example.com", State: "pending"}}, TimeZone: "Europe/Berlin", NextDue: time.Date(2026, 11, 6, 16, 5, 0, 0, time.UTC), Created: t0}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"weekly 2026-11-06T16:05:00.000Z"}, dues()); d != "" {
		t.Errorf("the old due instant stays, or the new one is missing: %s", d)
	}
	x.now = t0.Add(time.Hour)
	x.call("ann", "PUT", path+"/weekly", settings).want(t, 200, &r)
	if !r.Created.Equal(t0) || len(dues()) != 1 {
		t.Errorf("changed again: %+v, due %q", r, dues())
	}
	x.call("ann", "PUT", path+"/second", settings).want(t, 201, &r)
	var list api.Page[api.Report]
	x.get("ann", path, &list)
	if len(list.Items) != 2 || len(dues()) != 2 {
		t.Errorf("%+v, due %q", list, dues())
	}
	for location, change := range map[string][2]any{"body.time": {"time", "24:00"}, "body.weekday": {"weekday", "Friday"}, "body.recipients[0]": {"recipients", []string{"a"}}, "body.name": {"name", "\x1b[2J"}} {
		b := map[string]any{}
		for k, v := range settings {
			b[k] = v
		}
		b[change[0].(string)] = change[1]
		x.call("ann", "PUT", path+"/weekly", b).at(t, location)
	}
	x.call("ann", "GET", path+"/none", nil).problem(t, 404)
}

// The tick has not come yet for the report of Monday 08:00 when a member changes it at 08:01.
func TestOverdueReportIsChanged(t *testing.T) {
	monday, friday := time.Date(2026, 11, 9, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 13, 9, 0, 0, 0, time.UTC)
	next := monday.AddDate(0, 0, 7)
	for name, c := range map[string]struct {
		weekday, time string
		want          []time.Time
	}{
		"to Friday: Monday is due no more":           {"friday", "10:00", []time.Time{friday}},
		"in its recipients only: Monday stays owed":  {"monday", "08:00", []time.Time{monday, next}},
		"to an hour later: that is due the same day": {"monday", "09:00", []time.Time{monday.Add(time.Hour)}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld(t)
			x.workspace("acme", "ann")
			x.now = monday.Add(-time.Hour)
			const path = "/v1/workspaces/acme/reports/mine"
			x.call("ann", "PUT", path, map[string]any{"name": "Mine", "weekday": "monday", "time": "08:00", "recipients": []string{}}).want(t, 201, nil)
			x.now = monday.Add(time.Minute)
			x.call("ann", "PUT", path, map[string]any{"name": "Mine", "weekday": c.weekday, "time": c.time, "recipients": []string{"a@example.com"}}).want(t, 200, nil)
			list, err := x.store.DueBy(t.Context(), t0.AddDate(0, 1, 0), 10)
			if err != nil {
				t.Fatal(err)
			}
			var got []time.Time
			for _, d := range list {
				if d.Report == "mine" {
					got = append(got, d.At)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRuns(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	x.workspace("other", "bob")
	const path = "/v1/workspaces/acme/reports/weekly/runs"
	for i := range 3 {
		x.run("acme", "weekly", t0.Add(-time.Duration(i)*7*24*time.Hour), []string{"reports/acme/x", "", "reports/acme/y"}[i])
	}
	var got []string
	pages := x.pages("ann", path+"?limit=1", func(b string) {
		var p api.Page[api.Run]
		json.Unmarshal([]byte(b), &p)
		for _, r := range p.Items {
			got = append(got, r.ID+" "+r.State)
		}
	})
	if d := cmp.Diff([]string{"20261102T093000Z done", "20261026T093000Z claimed", "20261019T093000Z done"}, got); d != "" || pages != 3 {
		t.Errorf("%d pages: %s", pages, d)
	}
	var r api.Run
	x.get("ann", path+"/20261102T093000Z", &r)
	var same api.Run
	x.get("ann", path+"/2026-11-02T10:30:00%2B01:00", &same)
	if d := cmp.Diff(r, same); d != "" || r.Mailed != 1 || !r.Due.Equal(t0) {
		t.Errorf("%+v: %s", r, d)
	}
	x.objects = map[string]string{".html": "of no run", "reports/acme/x.html": "<script>alert(1)</script>", "reports/acme/x.csv": "a,b\n", "reports/acme/x.json": `{"a":1}`, "reports/acme/x.txt": "text"}
	for _, c := range []struct{ path, form, kind, disposition string }{
		{r.Files.HTML, "html", "text/html; charset=utf-8", `inline; filename="acme-weekly-2026-11-02.html"`},
		{r.Files.CSV, "csv", "text/csv; charset=utf-8", `attachment; filename="acme-weekly-2026-11-02.csv"`},
		{r.Files.JSON, "json", "application/json", `attachment; filename="acme-weekly-2026-11-02.json"`},
		{r.Files.Text, "txt", "text/plain; charset=utf-8", `attachment; filename="acme-weekly-2026-11-02.txt"`},
	} {
		f := x.get("ann", c.path, nil)
		if f.body != x.objects["reports/acme/x."+c.form] || f.header.Get("Content-Type") != c.kind || f.header.Get("Content-Disposition") != c.disposition || f.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", c.form, f.body, f.header)
		}
		if sandboxed := strings.HasPrefix(f.header.Get("Content-Security-Policy"), "sandbox;"); sandboxed != (c.form == "html") || len(f.header.Values("Content-Security-Policy")) != 1 {
			t.Errorf("%s: %q", c.form, f.header.Values("Content-Security-Policy"))
		}
	}
	x.call("ann", "GET", path+"/20261102T093000Z/pdf", nil).at(t, "path.form")
	x.call("ann", "GET", path+"/20261026T093000Z/html", nil).problem(t, 404) // claimed: nothing made yet
	x.call("ann", "GET", path+"/20261019T093000Z/html", nil).problem(t, 404) // its object is gone
	x.call("ann", "GET", path+"/20261103T093000Z", nil).problem(t, 404)
	x.call("ann", "GET", "/v1/workspaces/acme/reports/none/runs", nil).problem(t, 404)
	x.call("ann", "GET", path+"/yesterday", nil).at(t, "path.due")
	x.call("bob", "GET", "/v1/workspaces/other/reports/weekly/runs/20261102T093000Z/html", nil).problem(t, 404)

	a := x.call("ann", "POST", path, map[string]any{})
	a.want(t, 202, nil)
	// The latest Monday, 08:00 in Berlin.
	if got := a.header.Get("Location"); got != path+"/20261102T070000Z" {
		t.Errorf("Location: %s", got)
	}
	x.call("ann", "POST", path, map[string]any{"due": "2026-10-26T07:00:00Z"}).want(t, 202, nil)
	if d := cmp.Diff([]string{"run acme weekly 2026-11-02T07:00:00.000Z", "run acme weekly 2026-10-26T07:00:00.000Z"}, x.asked); d != "" {
		t.Error(d)
	}
	x.call("ann", "POST", path, map[string]any{"due": "2026-11-09T07:00:00Z"}).at(t, "body.due")
	for _, never := range []string{"2026-10-26T07:00:00.5Z", "2026-10-26T07:01:00Z", "2026-11-01T07:00:00Z"} {
		r := x.call("ann", "POST", path, map[string]any{"due": never})
		r.at(t, "body.due")
		if !strings.Contains(r.body, "the last time before is 2026-10-26T07:00:00Z") {
			t.Errorf("due %s: %s", never, r.body)
		}
	}
	x.call("ann", "POST", "/v1/workspaces/acme/reports/none/runs", map[string]any{}).problem(t, 404)
	if len(x.asked) != 2 {
		t.Errorf("a refused run was asked for: %q", x.asked)
	}
}
