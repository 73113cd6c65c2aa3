package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognitotypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/logging"
)

const (
	password = "Correct-horse-7-battery"
	secret   = "2b7e151628aed2a6abf7158809cf4f3c"
	standard = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	drainFor = 15 * time.Minute // what failed comes again after six
	madeIn   = 2 * time.Minute  // a report, a theme set, a mended view
)

// stack is a deployed stack, from the file that local/cloud.py writes.
type stack struct {
	BaseURL    string            `json:"base_url"`
	UserPoolID string            `json:"user_pool_id"`
	ClientID   string            `json:"client_id"`
	Queues     map[string]string `json:"queues"`

	sqs     *sqs.Client
	cognito *cognito.Client
	began   int64
}

// open finds the stack.
func open(ctx context.Context) (*stack, error) {
	b, err := os.ReadFile(os.Getenv("RAPPORT_STACK"))
	if err != nil {
		return nil, errors.New("no deployed stack: run `make cases`")
	}
	s := &stack{began: time.Now().UnixMilli()}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, err
	}
	s.sqs, s.cognito = sqs.NewFromConfig(cfg), cognito.NewFromConfig(cfg)
	return s, nil
}

// login makes a user and returns an access token.
func (s *stack) login(ctx context.Context, name string) (string, error) {
	email, c := aws.String(name+"@example.com"), s.cognito
	if _, err := c.AdminCreateUser(ctx, &cognito.AdminCreateUserInput{UserPoolId: &s.UserPoolID, Username: email, MessageAction: cognitotypes.MessageActionTypeSuppress}); err != nil {
		return "", err
	}
	if _, err := c.AdminSetUserPassword(ctx, &cognito.AdminSetUserPasswordInput{UserPoolId: &s.UserPoolID, Username: email, Password: aws.String(password), Permanent: true}); err != nil {
		return "", err
	}
	out, err := c.InitiateAuth(ctx, &cognito.InitiateAuthInput{ClientId: &s.ClientID, AuthFlow: cognitotypes.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": *email, "PASSWORD": password}})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.AuthenticationResult.AccessToken), nil
}

// drained waits until no queue of the trials' stack holds what was posted.
func drained(trials []*trial) error {
	i := slices.IndexFunc(trials, func(t *trial) bool { return t.stack != nil })
	if i < 0 {
		return nil
	}
	t := trials[i]
	quiet := 0
	for end := time.Now().Add(drainFor); quiet < 4; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("the queues are not empty after %v: see the functions' logs", drainFor)
		}
		left := 0
		for _, q := range []string{"deliveries", "scoring", "feedback"} {
			out, err := t.stack.sqs.GetQueueAttributes(t, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(t.stack.Queues[q]), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
			if err != nil {
				return err
			}
			for _, a := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
				n, _ := strconv.Atoi(out.Attributes[a])
				left += n
			}
		}
		if quiet++; left > 0 {
			quiet = 0
		}
	}
	return nil
}

// send sends a request to the API, and returns the status and the body of the answer.
func (t *trial) send(method, path string, body any) (int, []byte, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t, method, t.stack.BaseURL+path, r)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+t.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, err
}

// call sends a request that must do, and reads a JSON answer into into, if that is not nil.
func (t *trial) call(method, path string, body, into any) error {
	status, b, err := t.send(method, path, body)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, b)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}

// get reads a value below the workspace.
func (t *trial) get(path string, into any) error { return t.call("GET", t.base+path, nil, into) }

// until asks again until done, or until that took too long; what was found last stands then.
func (t *trial) until(done func() (bool, error)) error {
	for end := time.Now().Add(madeIn); ; time.Sleep(2 * time.Second) {
		ok, err := done()
		if ok || err != nil || time.Now().After(end) {
			return err
		}
	}
}

// workspace makes the workspace of the trial, the nth, in the time zone that its
// file says. Nobody may own as many as there are cases: each has its user.
func (t *trial) workspace(n int) error {
	var in struct {
		Zone string `json:"time_zone"`
	}
	if b, err := os.ReadFile(t.file(".json")); err == nil {
		json.Unmarshal(b, &in) // what is no object says no zone
	}
	if in.Zone == "" {
		in.Zone = "UTC"
	}
	id := fmt.Sprintf("cases-%d-%d", t.stack.began, n)
	t.base = "/v1/workspaces/" + id
	var err error
	if t.token, err = t.stack.login(t, id); err != nil {
		return err
	}
	return t.call("POST", "/v1/workspaces", map[string]any{"id": id, "name": t.name, "time_zone": in.Zone}, nil)
}

// connect connects a source and returns its hook.
func (t *trial) connect(body map[string]any) (hook string, err error) {
	var made struct {
		ID   string `json:"id"`
		Hook string `json:"hook_url"`
	}
	body["name"] = body["platform"]
	err = t.call("POST", t.base+"/sources", body, &made)
	if t.first == "" {
		t.first = made.ID
	}
	return made.Hook, err
}

// mapping is the document of the sources that events are posted to.
func mapping() (json.RawMessage, error) {
	b, err := os.ReadFile("local/demo/community.mapping.json")
	if err != nil {
		return nil, err
	}
	var doc struct {
		Mapping map[string]any `json:"mapping"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	doc.Mapping["type"].(map[string]any)["map"].(map[string]any)["message.sent"] = "message"
	return json.Marshal(doc)
}

// postEvents posts events to a source of the platform standard, in one delivery.
func (t *trial) postEvents(events any) error {
	config, err := mapping()
	if err != nil {
		return err
	}
	hook, err := t.connect(map[string]any{"platform": "standard", "scope": "*", "config": config, "secret": standard})
	if err != nil {
		return err
	}
	document, delivery := filepath.Join(t.scrap, "config.json"), filepath.Join(t.scrap, "events.jsonl")
	b, err := json.Marshal(map[string]any{"events": events})
	if err := errors.Join(err, os.WriteFile(document, config, 0o600), os.WriteFile(delivery, b, 0o600)); err != nil {
		return err
	}
	return t.post(hook, standard, "standard", "--config", document, delivery)
}

// postFiles posts payloads, one in each file or line, to a source of a platform, in their order.
func (t *trial) postFiles(platform, scope string, more map[string]any, files ...string) error {
	body := map[string]any{"platform": platform, "scope": scope, "secret": secret}
	maps.Copy(body, more)
	hook, err := t.connect(body)
	if err != nil {
		return err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		args := []string{"--concurrency", "1"}
		if filepath.Ext(file) == ".json" { // on one line, as the tool takes it
			var one bytes.Buffer
			if err := json.Compact(&one, b); err != nil {
				return err
			}
			b = one.Bytes()
		}
		if headers, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".headers"); err == nil {
			for h := range strings.Lines(string(headers)) {
				if h = strings.TrimSpace(h); h != "" && !strings.HasPrefix(h, ":") {
					args = append(args, "--header", h)
				}
			}
		}
		copied := filepath.Join(t.scrap, "payload.jsonl")
		if err := os.WriteFile(copied, b, 0o600); err != nil {
			return err
		}
		if err := t.post(hook, secret, platform, append(args, copied)...); err != nil {
			return err
		}
	}
	return nil
}

// post posts with the operator's tool.
func (t *trial) post(hook, key, platform string, args ...string) error {
	keys := filepath.Join(t.scrap, "secret")
	if err := os.WriteFile(keys, []byte(key), 0o600); err != nil {
		return err
	}
	_, err := t.must("", append([]string{"send", "--platform", platform, "--secret-file", keys, "--url", hook}, args...)...)
	return err
}

// activity is as much of an activity as the cases look at.
type activity struct {
	Key, Type, Text, Occurred, Direction, Person, Sentiment, Intent, Reaction, Parked, Ignored string
	Actor                                                                                      struct{ ID, Name string }
	Rating                                                                                     *struct {
		Value, Worst, Best float64
		Kind               string
	}
}

// String says it in words.
func (a activity) String() string {
	switch {
	case a.Parked != "":
		return "parked: " + a.Parked
	case a.Ignored != "":
		return "ignored: " + a.Ignored
	}
	return fmt.Sprintf("%s by %s at %s: %q", a.Type, a.Actor.ID, a.Occurred, a.Text)
}

// activities are those of the workspace, and who did them, by person.
func (t *trial) activities() (list []activity, who map[string]string, err error) {
	var page struct{ Items []activity }
	err = t.get("/activities?limit=500", &page)
	who = map[string]string{}
	for _, a := range page.Items {
		if who[a.Person] == "" || a.Direction == "inbound" { // an answer may name whom it is to
			who[a.Person] = a.Actor.ID
		}
	}
	return page.Items, who, err
}

// waiter is somebody who waits.
type waiter struct {
	who   string
	since time.Time
}

// talk is what the views say of a workspace's conversations.
type talk struct {
	conversations int
	waits         []waiter
	seconds       []float64 // that each answer took, in the order of the questions
	answered      int       // messages, by per_message
}

// talked reads the conversations that had a message from a day on to another.
func (t *trial) talked(from, to string) (x talk, err error) {
	_, who, err := t.activities()
	if err != nil {
		return x, err
	}
	type item struct {
		Thread, Person string
		Since          time.Time `json:"waiting_since"`
	}
	var waiting, all struct{ Items []item }
	period := "from=" + from + "T00:00:00Z&to=" + to + "T00:00:00Z"
	if err := errors.Join(t.get("/conversations?state=waiting&limit=100", &waiting), t.get("/conversations?state=all&limit=100&"+period, &all)); err != nil {
		return x, err
	}
	for _, i := range waiting.Items {
		x.waits = append(x.waits, waiter{who[i.Person], i.Since})
	}
	slices.SortFunc(x.waits, func(a, b waiter) int { return strings.Compare(a.who, b.who) })
	type exchange struct {
		Asked   time.Time
		Seconds float64
	}
	var pairs []exchange
	for _, i := range all.Items {
		var detail struct{ Exchanges struct{ Items []exchange } }
		if err := t.get("/conversations/"+i.Thread+"/"+i.Person, &detail); err != nil {
			return x, err
		}
		pairs = append(pairs, detail.Exchanges.Items...)
	}
	x.conversations = len(all.Items)
	slices.SortFunc(pairs, func(a, b exchange) int { return a.Asked.Compare(b.Asked) })
	for _, p := range pairs {
		x.seconds = append(x.seconds, p.Seconds)
	}
	var times struct {
		PerMessage struct{ N int } `json:"per_message"`
	}
	err = t.get("/response-times?"+period, &times)
	x.answered = times.PerMessage.N
	return x, err
}

// String says it in words.
func (x talk) String() string {
	said := "nobody waits"
	for i, w := range x.waits {
		said = map[bool]string{true: "", false: said + ", "}[i == 0] + w.who + " waits since " + w.since.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%d conversations; %s; answers after %v s; %d messages answered", x.conversations, said, x.seconds, x.answered)
}
