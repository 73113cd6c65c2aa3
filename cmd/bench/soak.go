package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognitotypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/logging"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// Soak posts signed deliveries of several platforms to a deployed stack, at a
// rising rate until the queues grow, then for minutes at the rate that was
// held. One in ten comes again, at once or later; none come in their order.
// At the end every accepted delivery's activity must be in the export exactly
// once, whatever happened on the way.
const (
	redelivered  = 0.1              // of the deliveries
	startRate    = 4.0              // requests a second
	growth       = 1.4              // from one step of the ramp to the next
	stepFor      = 8 * time.Second  // each step
	backlog      = 1.0              // seconds of work that may wait after a step
	slow         = 2 * time.Second  // the slowest answer of a hundred, in a step
	begin        = 0.5              // of the rate that the ramp held is what is held for minutes: a step is short, and what it leaves behind comes later
	tooMuch      = 5.0              // seconds of work that may wait meanwhile,
	tooLong      = time.Minute      // and more than that for no longer than this: what else the machine does holds them up for moments
	windowed     = 40               // deliveries among which the order is lost
	latest       = 20 * time.Second // a later redelivery comes within
	underWay     = 256              // requests at once
	attempts     = 6                // at one delivery, as platforms try again
	soakPeople   = 3000
	soakPosts    = 500              // that replies are to
	drainFor     = 20 * time.Minute // what failed comes again after six
	postTimeout  = 30 * time.Second
	firstID      = 5_000_000
	soakPassword = "Correct-horse-7-battery"
)

// soaked are the platforms of the soak, each with its share of the deliveries
// and what connecting a source of it needs.
var soaked = []struct {
	platform social.Platform
	share    int
	scope    string
	secret   string // "": one of ours, or the one that the API makes
}{
	{"standard", 6, "forum", ""},
	{"meta", 3, "100200300", "2b7e151628aed2a6abf7158809cf4f3c"},
	{"slack", 3, "T061EG9R6", ""},
	{"github", 2, "acme/widgets", ""},
	{"x", 2, "2244994945", ""},
	{"telegram", 2, "-1001234567890", ""},
	{"discourse", 1, "forum.example.com", ""},
	{"intercom", 1, "a86dr8yl", ""},
}

// stack is what local/cloud.py says of a deployed stack.
type stack struct {
	BaseURL    string            `json:"base_url"`
	UserPoolID string            `json:"user_pool_id"`
	ClientID   string            `json:"client_id"`
	Queues     map[string]string `json:"queues"`
}

// connected is a source that deliveries are posted to.
type connected struct {
	adapter platform.Adapter
	share   int
	scope   string
	hook    string
	key     string
	options platform.Options
}

// parcel is one delivery: what is posted, to where, and the activity it must become.
type parcel struct {
	to      *connected
	id      string
	request platform.Request
	key     string
}

// soaking is one run.
type soaking struct {
	stack   stack
	token   string
	base    string // of the workspace in the API
	sources []connected
	sqs     *sqs.Client
	http    *http.Client
	random  *rand.Rand
	began   time.Time
	made    int
	waiting []parcel // the window in which the order is lost
	later   []late

	mu       sync.Mutex
	accepted map[string]int // by activity key: how often it was accepted
	unsure   map[string]bool
	took     []time.Duration // of accepted requests, since fresh
	recent   int             // requests that were not accepted, since fresh
	posted   int
	again    int
	retried  int
	refused  map[int]int // answers that were no 2xx, by status; 0: there was none
	flying   sync.WaitGroup
	slots    chan struct{}
}

// late is a redelivery that comes at an instant.
type late struct {
	at time.Time
	p  parcel
}

func soak(ctx context.Context) error {
	flags := flag.NewFlagSet("bench soak", flag.ExitOnError)
	minutes := flags.Float64("minutes", 10, "how long the rate is held")
	most := flags.Float64("most", 400, "requests a second that are not exceeded")
	flags.Parse(os.Args[2:])
	s, err := newSoak(ctx)
	if err != nil {
		return err
	}
	rate, err := s.ramp(ctx, *most)
	if err != nil {
		return err
	}
	held, deepest, err := s.hold(ctx, rate, time.Duration(*minutes*float64(time.Minute)))
	if err != nil {
		return err
	}
	p50, p99 := s.latency(0.5), s.latency(0.99)
	for _, l := range s.later { // what was to come still
		s.again++
		s.post(ctx, l.p)
	}
	drained, err := s.drain(ctx)
	if err != nil {
		return err
	}
	line("soak_rate_held", held, "requests/s")
	line("soak_held_for", *minutes, "min")
	line("soak_deepest_queue", float64(deepest), "messages")
	line("soak_drained_after", drained.Seconds(), "s")
	line("soak_intake_p50", ms(p50), "ms")
	line("soak_intake_p99", ms(p99), "ms")
	line("soak_posted", float64(s.posted), "requests")
	line("soak_redelivered", float64(s.again), "requests")
	line("soak_retried", float64(s.retried), "requests")
	for _, status := range sortedStatuses(s.refused) {
		line(fmt.Sprintf("soak_answered_%d", status), float64(s.refused[status]), "requests")
	}
	return s.check(ctx)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func sortedStatuses(m map[int]int) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// quantile is the nearest rank; 0 of nothing.
func quantile(ds []time.Duration, q float64) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	ds = slices.Sorted(slices.Values(ds))
	return ds[min(int(q*float64(len(ds))), len(ds)-1)]
}

func note(format string, args ...any) { fmt.Fprintf(os.Stderr, "soak: "+format+"\n", args...) }

func newSoak(ctx context.Context) (*soaking, error) {
	b, err := os.ReadFile(os.Getenv("RAPPORT_STACK"))
	if err != nil {
		return nil, errors.New("no deployed stack: run `make soak`")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = underWay
	now := time.Now()
	s := &soaking{accepted: map[string]int{}, unsure: map[string]bool{}, refused: map[int]int{}, slots: make(chan struct{}, underWay),
		random: rand.New(rand.NewPCG(seed, seed)), began: now.Add(-10 * 24 * time.Hour).Truncate(time.Second),
		http: &http.Client{Timeout: postTimeout, Transport: transport}}
	if err := json.Unmarshal(b, &s.stack); err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, err
	}
	s.sqs = sqs.NewFromConfig(cfg)
	if s.token, err = login(ctx, cfg, s.stack); err != nil {
		return nil, err
	}
	w := fmt.Sprintf("soak-%d", now.UnixMilli())
	s.base = "/v1/workspaces/" + w
	if err := s.call(ctx, "POST", "/v1/workspaces", map[string]any{"id": w, "name": "Soak", "time_zone": "UTC"}, nil); err != nil {
		return nil, err
	}
	for _, x := range soaked {
		c, err := s.connect(ctx, x.platform, x.scope, x.secret)
		if err != nil {
			return nil, err
		}
		c.share = x.share
		s.sources = append(s.sources, c)
	}
	return s, nil
}

// login makes a user, where there is none, and returns an access token.
func login(ctx context.Context, cfg aws.Config, x stack) (string, error) {
	c, email := cognito.NewFromConfig(cfg), "soak@example.com"
	_, err := c.AdminCreateUser(ctx, &cognito.AdminCreateUserInput{UserPoolId: &x.UserPoolID, Username: &email, MessageAction: cognitotypes.MessageActionTypeSuppress})
	if _, there := errors.AsType[*cognitotypes.UsernameExistsException](err); err != nil && !there {
		return "", err
	}
	if _, err := c.AdminSetUserPassword(ctx, &cognito.AdminSetUserPasswordInput{UserPoolId: &x.UserPoolID, Username: &email, Password: aws.String(soakPassword), Permanent: true}); err != nil {
		return "", err
	}
	out, err := c.InitiateAuth(ctx, &cognito.InitiateAuthInput{ClientId: &x.ClientID, AuthFlow: cognitotypes.AuthFlowTypeUserPasswordAuth,
		AuthParameters: map[string]string{"USERNAME": email, "PASSWORD": soakPassword}})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.AuthenticationResult.AccessToken), nil
}

// call sends a request to the API and reads a JSON answer into into, if that is not nil.
func (s *soaking) call(ctx context.Context, method, path string, body, into any) error {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.stack.BaseURL+path, r)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, b)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}

func (s *soaking) connect(ctx context.Context, p social.Platform, scope, secret string) (connected, error) {
	a, err := all.Find(p)
	if err != nil {
		return connected{}, err
	}
	c := connected{adapter: a, scope: scope, key: secret}
	body := map[string]any{"platform": p, "name": string(p), "scope": scope}
	if p == "standard" {
		c.options.Config = json.RawMessage(mapping)
		body["config"] = c.options.Config
	}
	if p == "meta" {
		body["verify_token"] = "a token of ours"
	}
	if _, chooses := a.(platform.KeyMaker); !chooses && c.key == "" {
		c.key = "2b7e151628aed2a6abf7158809cf4f3c"
	}
	if c.key != "" {
		body["secret"] = c.key
	}
	var made struct {
		HookURL string `json:"hook_url"`
		Secret  string `json:"secret"`
	}
	if err := s.call(ctx, "POST", s.base+"/sources", body, &made); err != nil {
		return c, fmt.Errorf("connect %s: %w", p, err)
	}
	if c.hook = made.HookURL; made.Secret != "" {
		c.key = made.Secret
	}
	return c, nil
}

// parcel makes the next delivery: of some platform, by somebody, of something
// that nothing else is about.
func (s *soaking) parcel() (parcel, error) {
	total := 0
	for _, c := range s.sources {
		total += c.share
	}
	var to *connected
	for i, n := 0, s.random.IntN(total); ; i++ {
		if to = &s.sources[i]; n < to.share {
			break
		}
		n -= to.share
	}
	id, at, person := strconv.Itoa(firstID+s.made), s.began.Add(time.Duration(s.made)*10*time.Millisecond), s.random.IntN(soakPeople)
	s.made++
	p := parcel{to: to, id: "soak-" + id}
	if to.adapter.Platform() == "standard" {
		p.request = platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(event(s.random, id, person, at, s.random.IntN(10) < 7))}
	} else {
		p.request = platform.SampleOf(to.adapter.(platform.Signer), to.scope, id, at, to.options)
		as, err := activities(p)
		if err != nil {
			return p, err
		}
		if p.request.Body, err = by(p.request.Body, as[0].Actor.ID, person); err != nil {
			return p, err
		}
		if to := as[0].InReplyTo; to != "" {
			if p.request.Body, err = by(p.request.Body, to, s.random.IntN(soakPosts)); err != nil {
				return p, err
			}
		}
	}
	as, err := activities(p)
	if err != nil {
		return p, err
	}
	p.key = as[0].Key
	return p, nil
}

// activities are what a delivery becomes; it must be one.
func activities(p parcel) ([]social.Activity, error) {
	es, err := p.to.adapter.Normalise(p.request, p.to.options)
	if err != nil || len(es) != 1 || es[0].Activity == nil {
		return nil, fmt.Errorf("a delivery of %s becomes %+v, %v: want one activity", p.to.adapter.Platform(), es, err)
	}
	return []social.Activity{*es[0].Activity}, nil
}

// by puts another id, the n-th, in the place of one, say a person's or a
// post's, wherever it stands as a whole value in a JSON body.
func by(body []byte, id string, n int) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	other := id + fmt.Sprintf("%05d", n)
	var walk func(any) any
	walk = func(v any) any {
		switch x := v.(type) {
		case map[string]any:
			for k := range x {
				x[k] = walk(x[k])
			}
		case []any:
			for i := range x {
				x[i] = walk(x[i])
			}
		case string:
			if x == id {
				return other
			}
		case json.Number:
			if x.String() == id {
				return json.Number(other)
			}
		}
		return v
	}
	return json.Marshal(walk(v))
}

// next is the delivery that is posted next, and how often at once.
func (s *soaking) next(now time.Time) (parcel, int, error) {
	for i, l := range s.later {
		if now.After(l.at) {
			s.later = slices.Delete(s.later, i, i+1)
			s.again++
			return l.p, 1, nil
		}
	}
	for len(s.waiting) < windowed {
		p, err := s.parcel()
		if err != nil {
			return p, 0, err
		}
		s.waiting = append(s.waiting, p)
	}
	i := s.random.IntN(len(s.waiting))
	p := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	switch x := s.random.Float64(); {
	case x < redelivered/2: // concurrently
		s.again++
		return p, 2, nil
	case x < redelivered:
		s.later = append(s.later, late{now.Add(time.Duration(s.random.Float64() * float64(latest))), p})
	}
	return p, 1, nil
}

// run posts at a rate for a while. watch is called every five seconds and ends
// the run early by returning false. It reports whether the rate could be sent.
func (s *soaking) run(ctx context.Context, rate float64, d time.Duration, watch func() (bool, error)) (bool, error) {
	start, sent := time.Now(), 0
	looked := start
	for {
		now := time.Now()
		if now.Sub(start) >= d {
			return float64(sent) >= 0.95*rate*d.Seconds(), nil
		}
		if watch != nil && now.Sub(looked) > 5*time.Second {
			looked = now
			if ok, err := watch(); err != nil || !ok {
				return false, err
			}
		}
		due := start.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
		if wait := due.Sub(now); wait > 0 {
			select {
			case <-ctx.Done():
				return false, ctx.Err()
			case <-time.After(wait):
			}
		}
		p, times, err := s.next(time.Now())
		if err != nil {
			return false, err
		}
		for range times {
			s.slots <- struct{}{}
			sent++
			s.flying.Go(func() {
				defer func() { <-s.slots }()
				s.post(ctx, p)
			})
		}
	}
}

// post posts a delivery until it is accepted, as a platform does.
func (s *soaking) post(ctx context.Context, p parcel) {
	for i := range attempts {
		if i > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(1<<i) * 250 * time.Millisecond):
			}
		}
		start := time.Now()
		status, err := s.once(ctx, p)
		took := time.Since(start)
		s.mu.Lock()
		s.posted++
		if i > 0 {
			s.retried++
		}
		switch {
		case err == nil && status/100 == 2:
			s.accepted[p.key]++
			s.took = append(s.took, took)
		default: // it may have been taken all the same, and the answer lost
			s.refused[status]++
			s.recent++
			s.unsure[p.key] = true
		}
		s.mu.Unlock()
		if err == nil && status/100 == 2 || ctx.Err() != nil {
			return
		}
	}
}

func (s *soaking) once(ctx context.Context, p parcel) (int, error) {
	r := p.request
	r.URL, r.Header = p.to.hook, r.Header.Clone()
	if err := p.to.adapter.(platform.Signer).Sign(&r, p.to.key, p.id, p.to.options, time.Now()); err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return 0, err
	}
	req.Header = r.Header
	res, err := s.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// depth is how many messages the queues of the pipeline hold, under way or waiting.
func (s *soaking) depth(ctx context.Context, queues ...string) (int, error) {
	n := 0
	for _, q := range queues {
		out, err := s.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(s.stack.Queues[q]), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
		if err != nil {
			return 0, err
		}
		for _, a := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
			x, err := strconv.Atoi(out.Attributes[a])
			if err != nil {
				return 0, fmt.Errorf("%s of the queue %s: %w", a, q, err)
			}
			n += x
		}
	}
	return n, nil
}

var pipeline = []string{"deliveries", "scoring", "feedback"}

// fresh begins to count answers anew.
func (s *soaking) fresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took, s.recent = nil, 0
}

// latency is a quantile of the accepted requests' time since fresh.
func (s *soaking) latency(q float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return quantile(s.took, q)
}

// refusals is how many requests were not accepted since fresh.
func (s *soaking) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recent
}

// ramp raises the rate until the queues grow, answers are slow or requests are
// refused, and returns the rate to hold: a little below the last one without.
func (s *soaking) ramp(ctx context.Context, most float64) (float64, error) {
	held := 0.0
	for rate := startRate; rate <= most; rate *= growth {
		s.fresh()
		kept, err := s.run(ctx, rate, stepFor, nil)
		if err != nil {
			return 0, err
		}
		n, err := s.depth(ctx, pipeline...)
		if err != nil {
			return 0, err
		}
		p99, refused := s.latency(0.99), s.refusals()
		note("%.0f requests a second: %d messages wait after %s, p99 %.0f ms, %d refused", rate, n, stepFor, ms(p99), refused)
		if !kept || refused > 0 || p99 > slow || float64(n) > max(20, backlog*rate) {
			break
		}
		held = begin * rate
	}
	if held == 0 {
		return 0, fmt.Errorf("not even %.0f requests a second are held", startRate)
	}
	_, err := s.drain(ctx)
	return held, err
}

// hold posts at a rate for a while. Where the queues grow it lets them empty
// and begins again at a lower one. It returns the rate, and the deepest the
// queues were.
func (s *soaking) hold(ctx context.Context, rate float64, d time.Duration) (float64, int, error) {
	for ; rate >= 1; rate *= 0.85 {
		note("holding %.1f requests a second for %s", rate, d)
		s.fresh()
		deepest, fine := 0, time.Now()
		ok, err := s.run(ctx, rate, d, func() (bool, error) {
			n, err := s.depth(ctx, pipeline...)
			deepest = max(deepest, n)
			if float64(n) <= max(60, tooMuch*rate) {
				fine = time.Now()
			}
			return time.Since(fine) < tooLong, err
		})
		if err != nil || ok {
			s.flying.Wait()
			return rate, deepest, err
		}
		note("the queues grow (%d messages), or the rate can't be sent: lower", deepest)
		if _, err := s.drain(ctx); err != nil {
			return 0, 0, err
		}
	}
	return 0, 0, errors.New("no rate is held")
}

// drain waits until every request is answered and the queues are empty, and
// says how long that took.
func (s *soaking) drain(ctx context.Context) (time.Duration, error) {
	s.flying.Wait()
	start, quiet := time.Now(), 0
	for quiet < 4 {
		n, err := s.depth(ctx, pipeline...)
		if err != nil {
			return 0, err
		}
		if quiet++; n > 0 {
			quiet = 0
		}
		if time.Since(start) > drainFor {
			return 0, fmt.Errorf("the queues hold %d messages after %s", n, drainFor)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return time.Since(start), nil
}

// check compares the export with what was accepted.
func (s *soaking) check(ctx context.Context) error {
	there := map[string]int{}
	for path := s.base + "/activities?limit=500"; path != ""; {
		next, err := s.page(ctx, path, there)
		if err != nil {
			return err
		}
		path = next
	}
	lost, doubled, strange := compare(s.accepted, s.unsure, there)
	for what, keys := range map[string][]string{"lost": lost, "more than once": doubled, "never sent": strange} {
		for _, key := range keys[:min(5, len(keys))] {
			note("%s: %s", what, key)
		}
	}
	dead, err := s.depth(ctx, "deliveries_dlq", "scoring_dlq", "feedback_dlq")
	if err != nil {
		return err
	}
	var parked struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := s.call(ctx, "GET", s.base+"/parked", nil, &parked); err != nil {
		return err
	}
	line("soak_accepted_activities", float64(len(s.accepted)), "activities")
	line("soak_lost", float64(len(lost)), "activities")
	line("soak_doubled", float64(len(doubled)), "activities")
	line("soak_not_sent", float64(len(strange)), "activities")
	line("soak_parked", float64(len(parked.Items)), "deliveries")
	line("soak_dead_letters", float64(dead), "messages")
	if len(lost)+len(doubled)+len(strange)+dead+len(parked.Items) > 0 {
		return errors.New("what was accepted is not what is there")
	}
	return nil
}

// compare says, by activity key, what was accepted and is not there, what is
// there more than once, and what is there though nobody sent it. Of unsure ones
// it is not known whether they were accepted.
func compare(accepted map[string]int, unsure map[string]bool, there map[string]int) (lost, doubled, strange []string) {
	for key := range accepted {
		if there[key] == 0 {
			lost = append(lost, key)
		}
	}
	for key, n := range there {
		if n > 1 {
			doubled = append(doubled, key)
		}
		if accepted[key] == 0 && !unsure[key] {
			strange = append(strange, key)
		}
	}
	return lost, doubled, strange
}

// page counts a page of the export by key, and returns the path of the next one.
func (s *soaking) page(ctx context.Context, path string, there map[string]int) (string, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", s.stack.BaseURL+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Accept", "application/x-ndjson")
	res, err := s.http.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", path, res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Key string `json:"key"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return "", err
		}
		there[l.Key]++
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	next, _, ok := strings.Cut(strings.TrimPrefix(res.Header.Get("Link"), "<"), ">")
	if !ok {
		return "", nil
	}
	if at := strings.Index(next, "?"); at >= 0 {
		return s.base + "/activities" + next[at:], nil
	}
	return "", fmt.Errorf("the link %q has no query", next)
}
