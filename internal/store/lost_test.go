package store_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"rapport/internal/fault"
	"rapport/internal/lambdatest"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
)

// deaf returns a store over the table whose writes never hear their first try's answer.
func deaf(t *testing.T, table storetest.Table) *store.Store {
	t.Helper()
	url := lambdatest.Deaf(t, os.Getenv("AWS_ENDPOINT_URL"), func(_ int, first bool, r *http.Request) bool {
		op := r.Header.Get("X-Amz-Target")
		write := strings.HasSuffix(op, ".PutItem") || strings.HasSuffix(op, ".UpdateItem") || strings.HasSuffix(op, ".TransactWriteItems")
		return write && first
	})
	t.Setenv("AWS_ENDPOINT_URL", url)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store.New(cfg, table.Name)
}

// A write whose answer was lost is sent again, and meets its own first try.
func TestAWriteWhoseAnswerWasLostIsOnesOwn(t *testing.T) {
	heard, table := storetest.NewTable(t)
	s := deaf(t, table)
	ctx := t.Context()

	if _, err := s.ClaimRun(ctx, "w1", "r1", t0, t0, time.Minute); err != nil {
		t.Errorf("a run that is free: %v", err)
	}
	if r, err := s.ClaimRun(ctx, "w1", "r1", t0, t0, time.Minute); !fault.Is(err, fault.Conflict) {
		t.Errorf("a run that somebody has: %+v, %v", r, err)
	}
	run, err := s.ClaimRun(ctx, "w1", "r1", t0, t0.Add(time.Hour), time.Minute)
	if err != nil {
		t.Errorf("a run whose lease has ended: %v", err)
	}
	run.State = store.RunSending
	if err := s.PutRun(ctx, "w1", &run); err != nil {
		t.Errorf("the run's next state: %v", err)
	}
	stale := run
	stale.Version--
	if err := s.PutRun(ctx, "w1", &stale); !fault.Is(err, fault.Conflict) {
		t.Errorf("by the version before: %v, want a conflict", err)
	}

	l := store.Lead{Person: "per_1", Model: "default", ModelVer: "default@1", Micro: 5, AsOf: t0}
	for range 3 {
		if err := s.PutLead(ctx, "w1", l, nil); err != nil {
			t.Fatalf("a view: %v", err)
		}
		l.Version = version(t, s, "w1", l)
	}

	if err := s.PutHost(ctx, &store.Host{Name: "h.example", Until: t0}); err != nil {
		t.Errorf("a host: %v", err)
	}
	if fresh, err := s.Announce(ctx, "w1", store.Announcement{ID: "a1", Kind: "silence", At: t0, Text: "x"}); err != nil || !fresh {
		t.Errorf("an announcement: new %v, %v", fresh, err)
	}
	if fresh, err := s.Announce(ctx, "w1", store.Announcement{ID: "a1", Kind: "silence", At: t0, Text: "x"}); err != nil || fresh {
		t.Errorf("the same announcement: new %v, %v", fresh, err)
	}
	if fresh, err := s.PutActivity(ctx, "w1", activity("ann", "1", t0)); err != nil || !fresh {
		t.Errorf("a fact: new %v, %v", fresh, err)
	}

	// Transactions.
	if err := s.CreateWorkspace(ctx, store.Workspace{ID: "w1", Name: "W", TimeZone: "UTC", Created: t0}, "ann"); err != nil {
		t.Errorf("a workspace: %v", err)
	}
	if err := s.CreateWorkspace(ctx, store.Workspace{ID: "w1", Name: "W", TimeZone: "UTC", Created: t0}, "ann"); !fault.Is(err, fault.Conflict) {
		t.Errorf("a workspace that is taken: %v", err)
	}
	p := store.Poll{Workspace: "w1", Source: "src_1"}
	for i := range 3 {
		if err := s.MovePoll(ctx, &p, t0.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatalf("a source's place: %v", err)
		}
	}
	if err := s.UnschedulePoll(ctx, "w1", "src_1"); err != nil {
		t.Error(err)
	}
	if list, err := heard.DuePolls(ctx, t0.AddDate(1, 0, 0), 10); err != nil || len(list) != 0 {
		t.Errorf("places left: %+v, %v", list, err)
	}

	// An update that lowers, and one that is the same each time.
	a := activity("ann", "1", t0)
	a.Known = a.Known.Add(-time.Hour)
	if fresh, err := s.PutActivity(ctx, "w1", a); err != nil || fresh {
		t.Errorf("a fact known earlier: new %v, %v", fresh, err)
	}
	if got, err := heard.Activity(ctx, "w1", store.RefOf(a)); err != nil || !got.Known.Equal(a.Known) {
		t.Errorf("known %v, want %v; %v", got.Known, a.Known, err)
	}
	if err := s.CreateSource(ctx, store.App{ID: "app_1", Owner: "w1", Platform: "meta"}, true, store.Source{ID: "src_2", Workspace: "w1", App: "app_1", Platform: "meta", Scope: "1", Created: t0}); err != nil {
		t.Errorf("a source: %v", err)
	}
	if err := s.PutAppSettings(ctx, store.App{ID: "app_1", Legacy: true}, nil); err != nil {
		t.Errorf("an app's settings: %v", err)
	}
	for _, may := range []bool{true, false} {
		if err := s.PutGuest(ctx, "app_1", "w2", may); err != nil {
			t.Errorf("a guest, %v: %v", may, err)
		}
	}
	if app, err := heard.App(ctx, "app_1"); err != nil || !app.Legacy || len(app.Guests) != 0 {
		t.Errorf("app %+v, %v", app, err)
	}
	if err := s.PutGuest(ctx, "app_no", "w2", true); !fault.Is(err, fault.NotFound) {
		t.Errorf("a guest of no app: %v", err)
	}
}

// table answers requests to a table.
type table func(*http.Request) (*http.Response, error)

func (f table) Do(r *http.Request) (*http.Response, error) { return f(r) }

// What a table says when there is too much at once passes; what it says of a
// request that it can never take does not.
func TestWhatATableSaysHasItsKind(t *testing.T) {
	type answer struct {
		status     int
		code, more string
	}
	tried := 0
	var now answer
	var away error
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: table(func(r *http.Request) (*http.Response, error) {
		tried++
		body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"slow down"%s}`, now.code, now.more)
		return &http.Response{StatusCode: now.status, Request: r, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}, away
	})}
	once := cfg
	once.RetryMaxAttempts = 1
	reasons := func(codes ...string) string {
		var parts []string
		for _, c := range codes {
			parts = append(parts, `{"Code":"`+c+`"}`)
		}
		return `,"CancellationReasons":[` + strings.Join(parts, ",") + `]`
	}
	for _, x := range []struct {
		answer
		want   fault.Kind
		status int // of the API
	}{
		{answer{400, "ProvisionedThroughputExceededException", ""}, fault.Transient, 503},
		{answer{400, "ThrottlingException", ""}, fault.Transient, 503},
		{answer{400, "RequestLimitExceeded", ""}, fault.Transient, 503},
		{answer{400, "TransactionInProgressException", ""}, fault.Transient, 503},
		{answer{500, "InternalServerError", ""}, fault.Transient, 503},
		{answer{503, "ServiceUnavailable", ""}, fault.Transient, 503},
		{answer{400, "TransactionCanceledException", reasons("None", "ThrottlingError")}, fault.Transient, 503},
		{answer{400, "TransactionCanceledException", reasons("TransactionConflict", "None")}, fault.Transient, 503},
		{answer{400, "TransactionCanceledException", reasons("ConditionalCheckFailed", "None")}, fault.Conflict, 409},
		{answer{400, "TransactionCanceledException", reasons("None", "ValidationError")}, fault.Invalid, 422},
		{answer{400, "ConditionalCheckFailedException", ""}, fault.Conflict, 409},
		{answer{400, "ValidationException", ""}, fault.Invalid, 422},
		{answer{400, "AccessDeniedException", ""}, fault.Internal, 500},
		{answer{400, "ResourceNotFoundException", ""}, fault.Internal, 500},
	} {
		now = x.answer
		p := store.Poll{Workspace: "w", Source: "s"}
		err := store.New(once, "t").MovePoll(t.Context(), &p, t0)
		if fault.KindOf(err) != x.want || fault.Status(err) != x.status {
			t.Errorf("%s%s: kind %s, status %d; want %s, %d", x.code, x.more, fault.KindOf(err), fault.Status(err), x.want, x.status)
		}
		if _, err := store.New(once, "t").Workspace(t.Context(), "acme"); !strings.Contains(x.code, "Transaction") && !strings.Contains(x.code, "Conditional") && fault.KindOf(err) != x.want {
			t.Errorf("%s when read: kind %s, want %s", x.code, fault.KindOf(err), x.want)
		}
	}

	now, tried = answer{400, "ThrottlingException", ""}, 0
	synctest.Test(t, func(t *testing.T) { // by its clock, waiting takes no time and nothing else does
		began := time.Now()
		_, err := store.New(cfg, "t").Workspace(t.Context(), "acme")
		if took := time.Since(began); !fault.Is(err, fault.Transient) || tried < 5 || took > 8*time.Second {
			t.Errorf("a throttled table: %v after %d tries and %s", err, tried, took)
		}
	})
	away = errors.New("connection refused")
	if _, err := store.New(once, "t").Workspace(t.Context(), "acme"); !fault.Is(err, fault.Transient) {
		t.Errorf("a table that is not there: %v", err)
	}
}
