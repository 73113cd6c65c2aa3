// Command bench prints what Rapport costs and how fast it is: a line a
// figure, `name value unit`. It needs a DynamoDB engine at AWS_ENDPOINT_URL
// (`make bench` starts one) and makes a table of its own there.
//
// The reference mix is that of docs/cost.md: one activity per delivery, 70 %
// reactions and 30 % messages, batches of 25, persons with 200 facts of
// history, items of 1 KB.
//
// `bench soak` is another thing: load on a whole local cloud, see soak.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/logging"

	"rapport/internal/erasure"
	"rapport/internal/feedback"
	"rapport/internal/ingest"
	"rapport/internal/leads"
	"rapport/internal/platform"
	"rapport/internal/platform/standard"
	"rapport/internal/reading"
	"rapport/internal/scoring"
	"rapport/internal/store"
	"rapport/internal/view"
)

const (
	workspace = "bench"
	batches   = 8
	perBatch  = 25
	history   = 200 // facts of each person
	itemBytes = 1024
	seed      = 1
)

var received = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func main() {
	// What the pipeline logs is no figure, but to write it takes time.
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	do := run
	switch {
	case len(os.Args) > 1 && os.Args[1] == "soak":
		do = soak
	case len(os.Args) > 1:
		fmt.Fprintln(os.Stderr, "bench prints `name value unit` lines; bench soak [--minutes 10] runs load against a local cloud. `make bench` and `make soak` start what they need.")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := do(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(3)
	}
}

func line(name string, value float64, unit string) { fmt.Printf("%s %.4g %s\n", name, value, unit) }

// meter sums what the store consumed.
type meter struct{ read, write, calls float64 }

func (m *meter) add(r, w float64) { m.read += r; m.write += w; m.calls++ }

func (m *meter) take() meter { x := *m; *m = meter{}; return x }

func run(ctx context.Context) error {
	if os.Getenv("AWS_ENDPOINT_URL") == "" {
		return errors.New("no DynamoDB engine: set AWS_ENDPOINT_URL, or run `make bench`")
	}
	if err := intakeSpeed(); err != nil {
		return err
	}
	if err := normaliseSpeed(); err != nil {
		return err
	}
	if err := coldStarts(ctx); err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return err
	}
	s, drop, err := table(ctx, cfg)
	if err != nil {
		return err
	}
	defer drop()
	return costs(ctx, s)
}

func table(ctx context.Context, cfg aws.Config) (*store.Store, func(), error) {
	db := dynamodb.NewFromConfig(cfg)
	name := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	keys := func(p string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: aws.String(p + "PK"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String(p + "SK"), KeyType: types.KeyTypeRange}}
	}
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keys("")}
	for _, p := range []string{"", "G1", "G2", "G3"} {
		for _, k := range []string{"PK", "SK"} {
			in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String(p + k), AttributeType: types.ScalarAttributeTypeS})
		}
		if p != "" {
			in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: aws.String(strings.Replace(p, "G", "GSI", 1)), KeySchema: keys(p), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}})
		}
	}
	if _, err := db.CreateTable(ctx, in); err != nil {
		return nil, nil, err
	}
	return store.New(cfg, name), func() { db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}) }, nil
}

const mapping = `{"mapping":{"scope":{"value":"forum"},"type":{"path":"/type"},"id":{"path":"/id"},"object_id":{"path":"/on"},"conversation":{"path":"/topic"},
	"in_reply_to":{"path":"/parent"},"actor_id":{"path":"/by"},"text":{"path":"/text"},"url":{"path":"/url"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`

var words = strings.Fields("the parcel came late again and nobody answers when will it be fixed please tell me how much the larger plan costs since we want to move our team over next month thanks")

// event is one delivery's body: a reaction, or a message padded so that its item is about 1 KB.
func event(r *rand.Rand, id string, person int, at time.Time, reaction bool) string {
	m := map[string]string{"id": id, "by": fmt.Sprintf("person-%06d", person), "at": at.Format(time.RFC3339), "url": "https://forum.example/t/" + id}
	pad := itemBytes - 640 // what keys and names of attributes take
	if reaction {
		m["type"], m["on"] = "react", fmt.Sprintf("post-%d", r.IntN(1000))
		m["url"] += "?" + strings.Repeat("x", pad)
	} else {
		m["type"], m["topic"] = "post", fmt.Sprintf("topic-%d", person)
		var b strings.Builder
		for b.Len() < pad {
			b.WriteString(words[r.IntN(len(words))] + " ")
		}
		m["text"] = b.String()
	}
	out, _ := json.Marshal(m)
	return string(out)
}

func delivery(body string) platform.Delivery {
	return platform.Delivery{App: "app", Received: received, Request: platform.Request{Method: "POST", URL: "https://hooks.example/hooks/app", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}}
}

// nowhere stands for S3, whose requests are counted, not timed.
type nowhere struct{ puts float64 }

func (n *nowhere) Get(context.Context, string) ([]byte, error) { return nil, errors.New("no object") }
func (n *nowhere) PutBatch(_ context.Context, kept []platform.Kept) ([]string, error) {
	n.puts++
	places := make([]string, len(kept))
	for i, k := range kept {
		places[i] = k.Received.UTC().Format(time.DateOnly) + "/" + k.ID() + "#" + fmt.Sprint(i)
	}
	return places, nil
}
func (n *nowhere) PutParked(context.Context, string, string, []byte) (string, error) {
	n.puts++
	return "", nil
}

func costs(ctx context.Context, s *store.Store) error {
	r := rand.New(rand.NewPCG(seed, seed))
	app := store.App{ID: "app", Owner: workspace, Platform: "standard", Config: json.RawMessage(mapping)}
	if err := s.CreateSource(ctx, app, true, store.Source{ID: "src", Workspace: workspace, App: "app", Platform: "standard", Scope: "forum", Created: received}); err != nil {
		return err
	}
	model, err := json.Marshal(scoring.DefaultModel())
	if err != nil {
		return err
	}
	if err := s.Publish(ctx, workspace, store.Models, store.Document{Version: "1", Published: received, Body: model}); err != nil {
		return err
	}

	var m meter
	var scores []ingest.Score
	var views []ingest.View
	bucket := &nowhere{}
	in := ingest.New(ingest.Deps{Store: s, Archive: bucket, Reader: reading.New(),
		QueueScore: func(_ context.Context, x []ingest.Score) error { scores = append(scores, x...); return nil },
		QueueView:  func(_ context.Context, x []ingest.View) error { views = append(views, x...); return nil },
		QueueErase: func(context.Context, []ingest.Erase) error { return nil },
		Erased:     erasure.Erased(s, []byte("a key for the bench")), Now: time.Now})
	people := batches * perBatch
	fmt.Fprintf(os.Stderr, "bench: storing %d facts of history …\n", people*history)
	norm := standard.Adapter{}
	for p := range people {
		for h := range history {
			at := received.Add(-time.Duration(1+h*8) * time.Hour)
			es, err := norm.Normalise(platform.Request{Body: []byte(event(r, fmt.Sprintf("h%d-%d", p, h), p, at, h%10 < 7))}, platform.Options{Config: app.Config})
			if err != nil || len(es) != 1 || es[0].Activity == nil {
				return fmt.Errorf("history: %v %+v", err, es)
			}
			a := *es[0].Activity
			a.Known = received
			if h == 0 {
				if err := s.PutAccount(ctx, workspace, a); err != nil {
					return err
				}
			}
			if _, err := s.PutActivity(ctx, workspace, a, reading.Version); err != nil {
				return err
			}
		}
	}

	s.Consumed = m.add
	var reactions, messages []ingest.Message
	for p := range people {
		reaction := p%10 < 7
		b, err := json.Marshal(delivery(event(r, fmt.Sprintf("new%d", p), p, received.Add(-time.Minute), reaction)))
		if err != nil {
			return err
		}
		msg := ingest.Message{ID: fmt.Sprint(p), Body: b, Received: 1}
		if reaction {
			reactions = append(reactions, msg)
		} else {
			messages = append(messages, msg)
		}
	}
	handle := func(ms []ingest.Message) (meter, time.Duration, error) {
		m.take()
		start := cpu()
		for len(ms) > 0 {
			n := min(perBatch, len(ms))
			if failed := in.Batch(ctx, ms[:n]); len(failed) > 0 {
				return meter{}, 0, fmt.Errorf("ingest: %v", failed)
			}
			ms = ms[n:]
		}
		return m.take(), cpu() - start, nil
	}
	nr, nm := float64(len(reactions)), float64(len(messages))
	ir, cpuR, err := handle(reactions)
	if err != nil {
		return err
	}
	im, cpuM, err := handle(messages)
	if err != nil {
		return err
	}
	line("ingest_wru_per_reaction", ir.write/nr, "WRU")
	line("ingest_wru_per_message", im.write/nm, "WRU")
	line("ingest_rru_per_activity", (ir.read+im.read)/(nr+nm), "RRU")
	// In the figures above once for all: one source, one slot of five minutes.
	if err := s.PutHeard(ctx, workspace, "another", received); err != nil {
		return err
	}
	line("heard_wru_per_source_and_slot", m.take().write, "WRU")

	n := nr + nm
	f := feedback.New(s, func(_ context.Context, w string, stale []view.Stale) error {
		scores = append(scores, ingest.Score{Workspace: w, Accounts: stale})
		return nil
	})
	start := cpu()
	for _, v := range views {
		for _, ref := range v.Facts {
			if err := f.View(ctx, v.Workspace, ref); err != nil {
				return err
			}
		}
	}
	fb, cpuF := m.take(), cpu()-start
	line("feedback_wru_per_activity", fb.write/n, "WRU")
	line("feedback_rru_per_activity", fb.read/n, "RRU")

	l := leads.New(s)
	start = cpu()
	scored := 0.0
	for _, sc := range scores {
		scored += float64(len(sc.Accounts))
		if err := errors.Join(l.Score(ctx, sc.Workspace, received, sc.Accounts...)...); err != nil {
			return err
		}
	}
	sm, cpuS := m.take(), cpu()-start
	line("score_wru_per_activity", sm.write/n, "WRU")
	line("score_rru_per_activity", sm.read/n, "RRU")

	const million = 1e6
	perM := func(x float64) float64 { return x / n * million }
	dollars := map[string]float64{}
	dollars["http_api"] = perMillionHTTP
	dollars["dynamodb_write"] = perM(ir.write+im.write+fb.write+sm.write) / million * perMillionWRU
	dollars["dynamodb_read"] = perM(ir.read+im.read+fb.read+sm.read) / million * perMillionRRU
	// SQS: one send per delivery; each other queue's messages are sent in tens.
	// Receiving and deleting takes a request per ten messages each.
	messagesPer := 1 + float64(len(views)+len(scores))/n
	dollars["sqs"] = (1 + (messagesPer-1)/10 + 2*messagesPer/10) * perMillionSQS
	invocations := 1 + 1.0/perBatch + float64(len(views)+len(scores))/10/n
	dollars["lambda_requests"] = invocations * perMillionInvokes
	trips := (ir.calls + im.calls + fb.calls + sm.calls) / n
	seconds := (cpuR+cpuM+cpuF+cpuS).Seconds()/n + trips*secondsPerRoundTrip
	dollars["lambda_seconds"] = (seconds*0.5 + 0.008*0.25) * million * perGBSecond
	dollars["s3_puts"] = bucket.puts / n * perMillionPuts
	dollars["logs"] = (1 + invocations) * logBytesPerLine * million / (1 << 30) * perGBLogs
	dollars["traces"] = tracedShare * invocations * perMillionTraces
	total := 0.0
	for _, name := range []string{"http_api", "sqs", "lambda_requests", "lambda_seconds", "dynamodb_write", "dynamodb_read", "s3_puts", "logs", "traces"} {
		line("dollars_per_million_"+name, dollars[name], "USD")
		total += dollars[name]
	}
	line("dollars_per_million", total, "USD")

	// Outside of the reference mix: people of whom nothing was known.
	var strangers []ingest.Message
	for i := range perBatch {
		b, err := json.Marshal(delivery(event(r, fmt.Sprintf("first%d", i), people+i, received.Add(-time.Minute), true)))
		if err != nil {
			return err
		}
		strangers = append(strangers, ingest.Message{ID: fmt.Sprint(i), Body: b, Received: 1})
	}
	is, _, err := handle(strangers)
	if err != nil {
		return err
	}
	line("ingest_wru_per_first_reaction", is.write/perBatch, "WRU")
	return nil
}
