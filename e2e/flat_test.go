package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/conversation/conversationtest"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// notice is one delivery made of a platform's fixture.
type notice struct {
	part   int            // of the conversation: what is asked, what is answered, how it ends
	file   string         // below internal/platform
	event  string         // GitHub's header
	values map[string]any // of its own, by where they stand in the fixture
}

// request is the delivery, unsigned.
func (n notice) request(t *testing.T) platform.Request {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "internal", "platform", n.file))
	if err != nil {
		t.Fatal(err)
	}
	var body any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		t.Fatal(err)
	}
	for path, v := range n.values {
		put(t, body, strings.Split(path, "."), v)
	}
	if raw, err = json.Marshal(body); err != nil {
		t.Fatal(err)
	}
	r := platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: raw}
	if n.event != "" {
		r.Header.Set("X-GitHub-Event", n.event)
	}
	return r
}

// put sets a value at a path of names and places within JSON.
func put(t *testing.T, in any, path []string, v any) {
	t.Helper()
	switch x := in.(type) {
	case map[string]any:
		if len(path) == 1 {
			x[path[0]] = v
			return
		}
		put(t, x[path[0]], path[1:], v)
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(x) || len(path) == 1 {
			t.Fatalf("%s is no place in a list of %d", path, len(x))
		}
		put(t, x[i], path[1:], v)
	default:
		t.Fatalf("%s: nothing there", path)
	}
}

// talked is what two askers and the business say to each other in a flat thread.
type talked struct {
	platform social.Platform
	own      []string // accounts that are named as the business's
	notices  []notice
	answered map[string][]float64 // minutes that each answer by a human took, the oldest first, by asker
	ends     string               // the state at last
}

func onGitHub(at func(minute int) time.Time) talked {
	when := func(minute int) string { return at(minute).Format(time.RFC3339) }
	comment := func(part, minute int, login string, id int, association, words string) notice {
		return notice{part, "github/testdata/issue_comment_created.json", "issue_comment", map[string]any{
			"issue.created_at": when(0), "issue.updated_at": when(minute), "comment.id": 4001000000 + minute, "comment.created_at": when(minute), "comment.updated_at": when(minute), "comment.body": words,
			"comment.author_association": association, "comment.user.login": login, "comment.user.id": id, "sender.login": login, "sender.id": id}}
	}
	return talked{platform: "github", ends: "closed",
		notices: []notice{
			{0, "github/testdata/issues_opened.json", "issues", map[string]any{"issue.created_at": when(0), "issue.updated_at": when(0), "issue.title": "The export stops at 90 %", "issue.body": "How can I export my invoices? It fails every time."}},
			comment(0, 12, "mia-acme", 5200, "MEMBER", "Please update to 4.3 and try again."),
			comment(0, 60, "ivo", 5102, "NONE", "The export is broken for me as well. When will this be fixed?"),
			comment(0, 61, "nora-q", 5101, "NONE", "I have updated, and it still fails. Where do I find the log file?"),
			comment(1, 63, "mia-acme", 5200, "MEMBER", "@nora-q it is in the folder of the settings."),
			comment(1, 80, "mia-acme", 5200, "MEMBER", "It will be fixed in the version of next week."),
			{2, "github/testdata/issues_closed.json", "issues", map[string]any{"issue.created_at": when(0), "issue.updated_at": when(90), "issue.closed_at": when(90)}},
		},
		answered: map[string][]float64{"5101": {12, 2}, "5102": {20}},
	}
}

func onIntercom(at func(minute int) time.Time) talked {
	const app, ada, ben = "a86dr8yl", "65f0a1b2c3d4e5f601020304", "65f0a1b2c3d4e5f601020399"
	said := func(part, minute int, file, kind, id, words string) notice {
		return notice{part, "intercom/testdata/" + file, "", map[string]any{"app_id": app, "created_at": at(minute).Unix(), "data.item.created_at": at(0).Unix(),
			"data.item.conversation_parts.conversation_parts": []any{map[string]any{"type": "conversation_part", "id": fmt.Sprint(37000000000 + minute), "part_type": "comment",
				"body": "<p>" + words + "</p>", "created_at": at(minute).Unix(), "author": map[string]any{"type": kind, "id": id}}}}}
	}
	return talked{platform: "intercom", ends: "closed",
		notices: []notice{
			{0, "intercom/testdata/user_created.json", "", map[string]any{"app_id": app, "created_at": at(0).Unix(), "data.item.created_at": at(0).Unix()}},
			said(0, 1, "operator_replied.json", "bot", "5550099", "Have you seen our article on exports?"),
			said(0, 15, "admin_replied.json", "admin", "5550001", "Please sign out and in again."),
			said(0, 50, "user_replied.json", "user", ben, "I can't export anything either. What should I do?"),
			said(0, 51, "user_replied.json", "user", ada, "That did not help, the export still fails. How do I get my invoices?"),
			said(1, 58, "admin_replied.json", "admin", "5550001", "I have sent them to you by mail."),
			said(1, 75, "admin_replied.json", "admin", "5550001", "And so they are to you, Ben."),
			{2, "intercom/testdata/conversation_admin_closed_by_a_teammate.json", "", map[string]any{"app_id": app, "created_at": at(90).Unix(), "data.item.created_at": at(0).Unix(),
				"data.item.conversation_parts.conversation_parts.0.created_at": at(90).Unix()}},
		},
		answered: map[string][]float64{ada: {15, 7}, ben: {25}},
	}
}

func onSlack(at func(minute int) time.Time) talked {
	const team, anna, ben, sam = "T061EG9R6", "U0ANNA0001", "U0BEN00001", "U0SAM00001"
	ts := func(minute int) string { return fmt.Sprintf("%d.000100", at(minute).Unix()) }
	said := func(part, minute int, user, words string) notice {
		n := notice{part, "slack/testdata/message_reply.json", "", map[string]any{"team_id": team, "context_team_id": team, "authorizations.0.team_id": team, "event_id": fmt.Sprint("Ev", minute), "event_time": at(minute).Unix(),
			"event.team": team, "event.user": user, "event.text": words, "event.ts": ts(minute), "event.event_ts": ts(minute), "event.thread_ts": ts(0)}}
		if minute == 0 {
			n.file = "slack/testdata/message.json"
			delete(n.values, "event.thread_ts")
		}
		return n
	}
	return talked{platform: "slack", own: []string{sam}, ends: "answered", // Slack knows no closing
		notices: []notice{
			said(0, 0, anna, "The export of my invoices fails. What can I do?"),
			said(0, 5, sam, "Please try again in a minute."),
			said(0, 30, ben, "My export fails, too. Is there a way around?"),
			said(0, 31, anna, "It still does not work. Where do I see what is wrong?"),
			said(1, 33, sam, "<@"+anna+"> on the page of your account."),
			said(1, 45, sam, "You can export one month after the other."),
			said(2, 50, anna, "Thanks, that works!"),
		},
		answered: map[string][]float64{anna: {5, 2}, ben: {15}},
	}
}

// spokenWith is a conversation as the API shows it.
type spokenWith struct {
	Thread string `json:"thread"`
	Person string `json:"person"`
	State  string `json:"state"`
}

// TestAnsweredIsAnswered: on three platforms whose replies name the root, two
// askers have an answer, ask again, have another and are done. What the API says
// of it is what was said, and its figures are those of an independent program
// over the exported activities.
func TestAnsweredIsAnswered(t *testing.T) {
	cl := deployed(t)
	w := fmt.Sprintf("flat-%d", time.Now().UnixMilli())
	ann := cl.user(t, "ann")
	base := "/v1/workspaces/" + w
	ann.post("/v1/workspaces", map[string]any{"id": w, "name": "Flat", "time_zone": "UTC"}, http.StatusCreated, nil)
	began := time.Now().Add(-3 * time.Hour).UTC().Truncate(time.Second)
	at := func(minute int) time.Time { return began.Add(time.Duration(minute) * time.Minute) }

	talks := []talked{onGitHub(at), onIntercom(at), onSlack(at)}
	by := map[social.Platform]connection{}
	for _, a := range all.Adapters() {
		if i := slices.IndexFunc(talks, func(x talked) bool { return x.platform == a.Platform() }); i >= 0 {
			x := ann.connect(base, a)
			by[a.Platform()] = x
			if own := talks[i].own; own != nil {
				if status, b := ann.do("PUT", base+"/sources/"+x.id+"/own_accounts", map[string]any{"own_accounts": own}, ""); status != http.StatusOK {
					t.Fatalf("own accounts: %d %s", status, b)
				}
			}
		}
	}
	period := "from=" + at(-60).Format(time.RFC3339) + "&to=" + at(240).Format(time.RFC3339)
	for part, when := range []string{"asked", "answered", "at last"} {
		for _, x := range talks {
			for i, n := range slices.Backward(x.notices) { // the newest first: what comes late changes nothing
				if n.part != part {
					continue
				}
				c := by[x.platform]
				if status, _, b := exchange(t, c.signed(t, n.request(t), fmt.Sprint("msg_", i))); status/100 != 2 {
					t.Fatalf("%s: delivery %d is answered %d %s", x.platform, i, status, b)
				}
			}
		}
		cl.drained(t)
		facts := ann.activities(base)
		for _, x := range talks {
			t.Run(fmt.Sprint(x.platform, " ", when), func(t *testing.T) {
				ann.t = t
				person := map[string]string{} // by who asks
				for _, l := range facts[string(x.platform)] {
					person[l.Actor.ID] = l.Person
				}
				waits := map[string]bool{}
				for _, raw := range ann.all(base + "/conversations?state=waiting&limit=100&platform=" + string(x.platform)) {
					var c spokenWith
					if err := json.Unmarshal(raw, &c); err != nil {
						t.Fatal(err)
					}
					waits[c.Person] = true
				}
				states := map[string]spokenWith{}
				for _, raw := range ann.all(base + "/conversations?state=all&limit=100&" + period) {
					var c spokenWith
					if err := json.Unmarshal(raw, &c); err != nil {
						t.Fatal(err)
					}
					states[c.Person] = c
				}
				for asker, answered := range x.answered {
					state := []string{"waiting", "answered", x.ends}[part]
					c := states[person[asker]]
					if c.State != state || waits[c.Person] != (part == 0) {
						t.Errorf("%s is %q and among those who wait: %v; want %q", asker, c.State, waits[c.Person], state)
						continue
					}
					if part == 0 {
						continue
					}
					var detail struct {
						Exchanges struct {
							Items []struct {
								Seconds   float64 `json:"seconds"`
								Automatic bool    `json:"automatic"`
							} `json:"items"`
						} `json:"exchanges"`
					}
					ann.get(base+"/conversations/"+c.Thread+"/"+c.Person, &detail)
					var got []float64
					for _, e := range slices.Backward(detail.Exchanges.Items) {
						if !e.Automatic {
							got = append(got, e.Seconds/60)
						}
					}
					if d := cmp.Diff(answered, got); d != "" {
						t.Errorf("%s had answers after so many minutes (-want +got):\n%s", asker, d)
					}
				}
			})
			ann.t = t
		}
	}

	var got struct {
		Pair         figure `json:"per_pair"`
		Message      figure `json:"per_message"`
		Conversation figure `json:"per_conversation"`
		ByChannel    []struct {
			Platform string `json:"platform"`
			Message  figure `json:"per_message"`
		} `json:"by_channel"`
	}
	ann.get(base+"/response-times?"+period, &got)
	if want := ann.figures(base); [3]figure{got.Pair, got.Message, got.Conversation} != want || want[0].N != 9 {
		t.Errorf("response times %v, %v, %v; by the exported activities %v, of 9 answers", got.Pair, got.Message, got.Conversation, want)
	}
	for _, c := range got.ByChannel {
		if c.Message.N != 3 {
			t.Errorf("%s: %d messages were answered, want 3", c.Platform, c.Message.N)
		}
	}
	if len(got.ByChannel) != 3 {
		t.Errorf("answers in %d channels, want 3", len(got.ByChannel))
	}
}

// figures computes the three response times from the exported activities.
func (c *client) figures(base string) (out [3]figure) {
	c.t.Helper()
	var as []social.Activity
	for _, lines := range c.activities(base) {
		for _, l := range lines {
			a, err := l.Activity()
			if err != nil {
				c.t.Fatal(err)
			}
			as = append(as, a)
		}
	}
	for i, xs := range conversationtest.Seconds(conversationtest.Pairs(as)) {
		slices.Sort(xs)
		n := len(xs)
		if out[i].N = n; n > 5 { // fewer have no interval, and so no figure
			out[i].Median = (xs[(n-1)/2] + xs[n/2]) / 2
		}
	}
	return out
}
