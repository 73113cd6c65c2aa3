// Package e2e tests Rapport as its users meet it: the deployed template, the
// HTTP endpoints, the operator's tool. `make test` deploys it first.
package e2e

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/needs"
)

// cloud is the deployed stack, from the file that local/cloud.py writes.
type cloud struct {
	BaseURL    string            `json:"base_url"`
	UserPoolID string            `json:"user_pool_id"`
	ClientID   string            `json:"client_id"`
	Queues     map[string]string `json:"queues"`
	Functions  map[string]string `json:"functions"`
	Table      string            `json:"table"`

	sqs     *sqs.Client
	cognito *cognito.Client
	lambda  *lambda.Client
	config  aws.Config
	folder  string
}

func deployed(t *testing.T) *cloud {
	t.Helper()
	file := needs.Stack(t)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{folder: filepath.Dir(file)}
	if err := json.Unmarshal(b, c); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.sqs, c.cognito, c.lambda, c.config = sqs.NewFromConfig(cfg), cognito.NewFromConfig(cfg), lambda.NewFromConfig(cfg), cfg
	return c
}

// user makes a user of a name and returns what calls the API as that user.
func (c *cloud) user(t *testing.T, name string) *client {
	t.Helper()
	ctx, email, password := t.Context(), name+"@example.com", "Correct-horse-7-battery"
	_, err := c.cognito.AdminCreateUser(ctx, &cognito.AdminCreateUserInput{UserPoolId: &c.UserPoolID, Username: &email, MessageAction: types.MessageActionTypeSuppress})
	if err != nil && !strings.Contains(err.Error(), "UsernameExists") {
		t.Fatal(err)
	}
	if _, err := c.cognito.AdminSetUserPassword(ctx, &cognito.AdminSetUserPasswordInput{UserPoolId: &c.UserPoolID, Username: &email, Password: &password, Permanent: true}); err != nil {
		t.Fatal(err)
	}
	out, err := c.cognito.InitiateAuth(ctx, &cognito.InitiateAuthInput{ClientId: &c.ClientID, AuthFlow: types.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": email, "PASSWORD": password}})
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, base: c.BaseURL, token: *out.AuthenticationResult.AccessToken}
}

type client struct {
	t           *testing.T
	base, token string
}

func (c *client) do(method, path string, body any, accept string) (int, []byte) {
	c.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, r)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, out
}

// get reads one JSON value.
func (c *client) get(path string, into any) {
	c.t.Helper()
	status, b := c.do("GET", path, nil, "")
	if status != http.StatusOK {
		c.t.Fatalf("GET %s: %d %s", path, status, b)
	}
	if err := json.Unmarshal(b, into); err != nil {
		c.t.Fatalf("GET %s: %v", path, err)
	}
}

// all reads every item of a paged list, whose path has a query.
func (c *client) all(path string) []json.RawMessage {
	c.t.Helper()
	var out []json.RawMessage
	cursor := ""
	for range 10_000 {
		var page struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor string            `json:"next_cursor"`
		}
		next := path
		if cursor != "" {
			next += "&cursor=" + cursor
		}
		c.get(next, &page)
		out = append(out, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
	c.t.Fatalf("%s has no end", path)
	return nil
}

// drained waits until no queue holds anything.
func (c *cloud) drained(t *testing.T) {
	t.Helper()
	quiet := 0
	for end := time.Now().Add(40 * time.Minute); quiet < 3; { // a message that failed comes again after six
		if time.Now().After(end) {
			t.Fatal("the queues do not empty")
		}
		left := 0
		for _, q := range []string{"poll", "deliveries", "replays", "scoring", "feedback"} {
			out, err := c.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: aws.String(c.Queues[q]), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
				n := 0
				fmt.Sscan(out.Attributes[a], &n)
				left += n
			}
		}
		if quiet++; left > 0 {
			quiet = 0
		}
		time.Sleep(500 * time.Millisecond)
	}
	for q, url := range c.Queues {
		if !strings.HasSuffix(q, "_dlq") {
			continue
		}
		out, err := c.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages}})
		if err != nil {
			t.Fatal(err)
		}
		if n := out.Attributes["ApproximateNumberOfMessages"]; n != "0" {
			t.Errorf("%s messages ended in %s", n, q)
		}
	}
}

// tool builds bin/rapport once.
func tool(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "rapport")
	if out, err := exec.Command("go", "build", "-o", bin, "rapport/cmd/rapport").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// score is what both the API and the tool say of a person.
type score struct {
	Micro         int64
	Contributions map[string]int64 // micro-points by rule
}

// apiScore reads a lead; exported scores the lead's exported activities with the tool.
func apiScore(c *client, base, person, asOf string) score {
	c.t.Helper()
	var lead struct {
		Micro         int64 `json:"micro_points"`
		Contributions []struct {
			Rule  string `json:"rule"`
			Micro int64  `json:"micro_points"`
		} `json:"contributions"`
	}
	c.get(base+"/leads/"+person+"?as_of="+asOf, &lead)
	s := score{lead.Micro, map[string]int64{}}
	for _, x := range lead.Contributions {
		s.Contributions[x.Rule] = x.Micro
	}
	return s
}

func exported(c *client, bin, base, person, asOf string) score {
	c.t.Helper()
	status, lines := c.do("GET", base+"/activities?limit=500&person="+person, nil, "application/x-ndjson")
	if status != http.StatusOK || len(lines) == 0 {
		c.t.Fatalf("export of %s: %d %s", person, status, lines)
	}
	cmd := exec.CommandContext(c.t.Context(), bin, "score", "--as-of", asOf)
	cmd.Stdin = bytes.NewReader(lines)
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("score: %v", err)
	}
	var got struct {
		Person        string `json:"person"`
		Micro         int64  `json:"micro_points"`
		Contributions []struct {
			Rule  string `json:"rule"`
			Micro int64  `json:"micro_points"`
		} `json:"contributions"`
	}
	if err := json.Unmarshal(out, &got); err != nil || got.Person != person {
		c.t.Fatalf("score of %s: %v %s", person, err, out)
	}
	s := score{got.Micro, map[string]int64{}}
	for _, x := range got.Contributions {
		s.Contributions[x.Rule] = x.Micro
	}
	return s
}

// TestDemo runs the demo as `make run` does, twice, and compares what it says
// with what its generator knows and with what the API, the report and the
// operator's tool say.
func TestDemo(t *testing.T) {
	cl := deployed(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("make", "build")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, out)
	}
	bin := filepath.Join(root, "bin", "rapport")
	demo := func() string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "python", filepath.Join(root, "local", "demo.py"))
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("demo: %v\n%s", err, out)
		}
		i := strings.Index(string(out), "Larkspoon, an invented")
		if i < 0 {
			t.Fatalf("demo prints no summary:\n%s", out)
		}
		return string(out[i:])
	}
	first := demo()
	if d := cmp.Diff(first, demo()); d != "" {
		t.Errorf("a second run says something else (-first +second):\n%s", d)
	}

	var truth struct {
		Activities struct{ Distinct int }
		Answers    struct{ Pairs int }
		Deliveries map[string]struct{ Lines, Refused, Parked int }
		Messages   map[string]map[string]told
		People     struct {
			OfAccount map[string]map[string]struct{ Name, Archetype string } `json:"of_account"`
		}
	}
	b, err := os.ReadFile(filepath.Join(cl.folder, "demo", "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	accepted, refused, parked := 0, 0, 0
	for _, d := range truth.Deliveries {
		accepted, refused, parked = accepted+d.Lines-d.Refused, refused+d.Refused, parked+d.Parked
	}
	for _, want := range []string{fmt.Sprintf("%d accepted, %d refused (forged), %d parked", accepted, refused, parked), fmt.Sprintf("activities    %d", truth.Activities.Distinct), fmt.Sprintf("n = %d", truth.Answers.Pairs)} {
		if !strings.Contains(first, want) {
			t.Errorf("the summary does not say %q:\n%s", want, first)
		}
	}
	if truth.Activities.Distinct != 2220 || parked != 6 {
		t.Errorf("the demo has %d activities and %d strange deliveries, want 2,220 and 6", truth.Activities.Distinct, parked)
	}

	token, err := os.ReadFile(filepath.Join(cl.folder, "demo", "token"))
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, base: cl.BaseURL, token: string(token)}
	const base, end = "/v1/workspaces/larkspoon", "2026-11-01T23:00:00Z"

	// The report agrees with the API.
	var report struct {
		Period struct{ From, To string } `json:"period"`
		Issues []struct {
			Theme  string `json:"theme_id"`
			People int    `json:"people"`
		} `json:"issues"`
		Leads []struct {
			Person string `json:"person_id"`
			Points string `json:"points"`
		} `json:"leads"`
		Response struct {
			Pair struct {
				Median struct{ N int } `json:"median_seconds"`
			} `json:"per_pair"`
		} `json:"response"`
	}
	c.get(base+"/reports/weekly/runs/20261102T070000Z/json", &report)
	if len(report.Issues) < 3 || len(report.Leads) < 5 || report.Response.Pair.Median.N == 0 {
		t.Errorf("the report has %d issues, %d leads, %d replies", len(report.Issues), len(report.Leads), report.Response.Pair.Median.N)
	}
	var issues struct {
		Items []struct {
			Theme  string `json:"theme"`
			People int    `json:"people"`
		} `json:"items"`
	}
	c.get(base+"/issues?limit=50&from="+report.Period.From+"&to="+report.Period.To, &issues)
	people := map[string]int{}
	for _, i := range issues.Items {
		people[i.Theme] = i.People
	}
	for _, i := range report.Issues {
		if people[i.Theme] != i.People {
			t.Errorf("issue %s: %d people in the report, %d in the API", i.Theme, i.People, people[i.Theme])
		}
	}
	var leads struct {
		Items []struct{ Person, Score string } `json:"items"`
	}
	c.get(base+"/leads?limit=100&to_call=true&as_of="+end, &leads)
	if len(leads.Items) < len(report.Leads) {
		t.Fatalf("%d leads to call in the report, %d in the API", len(report.Leads), len(leads.Items))
	}
	for i, l := range report.Leads {
		if leads.Items[i].Person != l.Person || leads.Items[i].Score != l.Points {
			t.Errorf("lead %d: %s with %s in the report, %s with %s in the API", i, l.Person, l.Points, leads.Items[i].Person, leads.Items[i].Score)
		}
		if d := cmp.Diff(apiScore(c, base, l.Person, end), exported(c, bin, base, l.Person, end)); d != "" {
			t.Errorf("lead %s (-API +rapport score of its exported activities):\n%s", l.Person, d)
		}
	}

	// Who is listed as waiting, and what is an issue, is so by the generator's truth.
	meant := c.meant(base, truth.Messages)
	c.waits(base, truth.Messages, meant)
	c.raised(base, meant)
	archetypes := map[string]string{}
	for platform, accounts := range truth.People.OfAccount {
		for id, p := range accounts {
			archetypes[platform+" "+id] = p.Archetype
		}
	}
	c.calls(base, end, archetypes, meant)

	// The curl line of the summary works as it stands.
	curl := regexp.MustCompile(`(?m)curl .*$`).FindString(first)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", curl)
	cmd.Dir = root
	if out, err := cmd.Output(); err != nil || !bytes.Contains(out, []byte(`"items"`)) {
		t.Errorf("%s: %v\n%s", curl, err, out)
	}

	// The mail is there, once.
	res, err := http.Get(cl.BaseURL + "/_ministack/ses/messages")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	mails, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(mails), `Rapport: report for workspace \"Larkspoon\", 26 Oct to 1 Nov 2026`); n != 1 {
		t.Errorf("%d mails with the report's subject, want 1", n)
	}

	rebuilds(t, cl, bin, "larkspoon")
	mends(t, cl, bin, "larkspoon")

	// Somebody else sees nothing of it.
	other := cl.user(t, "somebody-else")
	for _, path := range []string{base, base + "/leads", base + "/activities", base + "/leads/" + report.Leads[0].Person} {
		if status, b := other.do("GET", path, nil, ""); status != http.StatusNotFound || bytes.Contains(b, []byte("Larkspoon")) {
			t.Errorf("somebody else gets %d for %s: %s", status, path, b)
		}
	}
}

var asOf = regexp.MustCompile(`"as_of":"[^"]*",?`)

const tweetMapping = `{"mapping": {
	"scope": {"value": "twitter"}, "type": {"path": "/in_response_to_tweet_id", "present": "reply", "default": "post"},
	"id": {"path": "/tweet_id"}, "actor_id": {"path": "/author_id"}, "actor_handle": {"path": "/author_id"}, "text": {"path": "/text"},
	"occurred": {"path": "/created_at"}, "layout": "Mon Jan 02 15:04:05 -0700 2006", "in_reply_to": {"path": "/in_response_to_tweet_id"},
	"direction": {"path": "/inbound", "map": {"True": "inbound", "False": "outbound"}}}}`

// figure is one response time.
type figure struct {
	N      int     `json:"n"`
	Median float64 `json:"median_seconds"`
}

// figuresOf computes the three response times from the rows of the file.
func figuresOf(t *testing.T, rows [][]string) (figures [3]figure) {
	t.Helper()
	type tweet struct {
		id, author, parent string
		inbound            bool
		at                 time.Time
	}
	byID := map[string]tweet{}
	for _, r := range rows[1:] {
		at, err := time.Parse("Mon Jan 02 15:04:05 -0700 2006", r[3])
		if err != nil {
			t.Fatal(err)
		}
		byID[r[0]] = tweet{r[0], r[1], r[6], r[2] == "True", at}
	}
	root := func(x tweet) string {
		for x.parent != "" {
			p, ok := byID[x.parent]
			if !ok {
				return x.parent
			}
			x = p
		}
		return x.id
	}
	var pairs []float64
	firstTo, firstIn, start := map[string]float64{}, map[string]time.Time{}, map[string]time.Time{}
	for _, x := range byID {
		if x.inbound {
			k := root(x) + " " + x.author
			if s, ok := start[k]; !ok || x.at.Before(s) {
				start[k] = x.at
			}
			continue
		}
		m, ok := byID[x.parent]
		if !ok || !m.inbound {
			continue
		}
		s := x.at.Sub(m.at).Seconds()
		pairs = append(pairs, s)
		if old, ok := firstTo[m.id]; !ok || s < old {
			firstTo[m.id] = s
		}
		k := root(m) + " " + m.author
		if old, ok := firstIn[k]; !ok || x.at.Before(old) {
			firstIn[k] = x.at
		}
	}
	var messages, conversations []float64
	for _, s := range firstTo {
		messages = append(messages, s)
	}
	for k, at := range firstIn {
		conversations = append(conversations, at.Sub(start[k]).Seconds())
	}
	for i, xs := range [][]float64{pairs, messages, conversations} {
		sort.Float64s(xs)
		n := len(xs)
		figures[i] = figure{n, (xs[(n-1)/2] + xs[n/2]) / 2}
	}
	return figures
}

// TestTweets posts 4,999 real tweets of 76 brands and compares the response
// times with those of the file; then again, shuffled, and compares everything.
func TestTweets(t *testing.T) {
	file := needs.Shared(t, "data/twcs/sample.csv")
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := figuresOf(t, rows)
	if want != [3]figure{{2187, 720}, {2082, 691.5}, {1349, 777}} {
		t.Fatalf("the file says %v", want)
	}

	cl := deployed(t)
	bin := tool(t)
	c := cl.user(t, "tweets")
	const base = "/v1/workspaces/tweets"
	if status, b := c.do("POST", "/v1/workspaces", map[string]any{"id": "tweets", "name": "76 brands", "time_zone": "UTC"}, ""); status != http.StatusCreated {
		t.Fatalf("workspace: %d %s", status, b)
	}
	status, b := c.do("POST", base+"/sources", map[string]any{"platform": "standard", "name": "Tweets", "scope": "twitter", "config": json.RawMessage(tweetMapping)}, "")
	var source struct {
		HookURL string `json:"hook_url"`
		Secret  string `json:"secret"`
	}
	if err := json.Unmarshal(b, &source); status != http.StatusCreated || err != nil {
		t.Fatalf("source: %d %v %s", status, err, b)
	}
	secret, mapping := write(t, "secret", source.Secret), write(t, "mapping.json", tweetMapping)
	send := func(more ...string) {
		t.Helper()
		args := append([]string{"send", "--platform", "standard", "--secret-file", secret, "--config", mapping, "--url", source.HookURL,
			"--format", "csv", "--id-column", "tweet_id", "--concurrency", "8"}, append(more, file)...)
		cmd := exec.CommandContext(t.Context(), bin, args...)
		out, err := cmd.Output()
		if err != nil || !bytes.Contains(out, []byte(`"accepted":4999`)) {
			t.Fatalf("send: %v\n%s", err, out)
		}
		cl.drained(t)
	}
	// state is all that the API shows of the workspace; where a list's order
	// is its own, as is.
	state := func() map[string]any {
		s := map[string]any{}
		var figures struct {
			Pair         figure `json:"per_pair"`
			Message      figure `json:"per_message"`
			Conversation figure `json:"per_conversation"`
		}
		c.get(base+"/response-times?from=2008-01-01T00:00:00Z&to=2018-01-01T00:00:00Z", &figures)
		if got := [3]figure{figures.Pair, figures.Message, figures.Conversation}; got != want {
			t.Errorf("response times: got %v, want %v", got, want)
		}
		for name, path := range map[string]string{"activities": "/activities?limit=500", "leads": "/leads?limit=100",
			"conversations": "/conversations?state=all&limit=100&from=2008-01-01T00:00:00Z&to=2018-01-01T00:00:00Z"} {
			var lines []string
			for _, raw := range c.all(base + path) {
				lines = append(lines, asOf.ReplaceAllString(string(raw), "")) // a page of leads is as of now
			}
			s[name] = lines
		}
		return s
	}
	send()
	first := state()
	if t.Failed() {
		rebuilds(t, cl, bin, "tweets") // which view is it?
	}
	if n := len(first["activities"].([]string)); n != 4999 {
		t.Errorf("%d activities, want 4,999", n)
	}
	if n := len(first["leads"].([]string)); n != 1442 {
		t.Errorf("%d leads, want the 1,442 who are no brand", n)
	}
	send("--shuffle", "7")
	if d := cmp.Diff(first, state()); d != "" {
		t.Errorf("sent again, shuffled, changes something (-first +again):\n%.3000s", d)
	}

	var top struct {
		Items []struct {
			Person string `json:"person"`
			AsOf   string `json:"as_of"`
			Micro  int64  `json:"micro_points"`
		} `json:"items"`
	}
	c.get(base+"/leads?limit=5", &top)
	for _, l := range top.Items {
		api, ours := apiScore(c, base, l.Person, l.AsOf), exported(c, bin, base, l.Person, l.AsOf)
		if api.Micro != l.Micro || cmp.Diff(api, ours) != "" {
			t.Errorf("lead %s: %d in the list, %v alone, %v by rapport score", l.Person, l.Micro, api, ours)
		}
	}
	rebuilds(t, cl, bin, "tweets")
}
