// Command bench prints what Rapport costs and how fast it is: a line a
// figure, `name value unit`. It needs a DynamoDB engine at AWS_ENDPOINT_URL
// (`make bench` starts one) and makes a table of its own there.
//
// The reference mix is that of docs/cost.md: one activity per delivery, 70 %
// reactions and 30 % messages, batches of 25, persons with 200 facts of
// history, items of 1 KB.
//
// `bench costs`, `bench candidates`, `bench growth`, `bench backtest` and `bench cold` print a part.
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

	"rapport/internal/platform"
	"rapport/internal/store"
)

const (
	workspace = "bench"
	batches   = 2   // of each case
	perBatch  = 25  // deliveries, where there are enough
	history   = 200 // facts of each person
	itemBytes = 1024
	seed      = 1
)

var received = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func main() {
	// What the pipeline logs is no figure, but to write it takes time.
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	do := run
	parts := map[string]func(context.Context) error{"costs": measureCosts, "candidates": candidates, "growth": growths, "cold": coldStarts, "backtest": backtests, "soak": soak}
	if len(os.Args) > 1 {
		if do = parts[os.Args[1]]; do == nil {
			fmt.Fprintln(os.Stderr, "bench prints `name value unit` lines; bench costs, candidates, growth, backtest and cold a part of them; bench soak [--minutes 10] runs load against a local cloud. `make bench` and `make soak` start what they need.")
			os.Exit(2)
		}
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
	for _, part := range []func(context.Context) error{measureCosts, evaluateSpeed, candidates, growths, backtests, coldStarts} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measureCosts measures the cases of costs on a table of its own.
func measureCosts(ctx context.Context) error {
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

func deliveryTo(app, body string) platform.Delivery {
	return platform.Delivery{App: app, Received: received, Request: platform.Request{Method: "POST", URL: "https://hooks.example/hooks/app", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}}
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
