package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/ingest"
	"rapport/internal/archive"
	"rapport/internal/erasure"
	"rapport/internal/needs"
	"rapport/internal/platform"
	"rapport/internal/reading"
	"rapport/internal/refit"
	"rapport/internal/refitting"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/task"
	"rapport/internal/wipe"
)

// TestCorrectionsTeachTheReader: what members say of drawn messages fits the
// reader, by the message that the API queues; what comes then is read by it in
// their workspace, and in no other.
func TestCorrectionsTeachTheReader(t *testing.T) {
	needs.Weights(t)
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &table.Name}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TABLE": table.Name, "BUCKET": table.Name, "ERASURE_KEY_SECRET": table.Name}
	for _, name := range []string{"SCORING", "FEEDBACK", "ERASE"} {
		out, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-" + name)})
		if err != nil {
			t.Fatal(err)
		}
		env[name+"_QUEUE_URL"] = *out.QueueUrl
	}
	if _, err := secretsmanager.NewFromConfig(cfg).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &table.Name, SecretString: aws.String(strings.Repeat("k", 64))}); err != nil && !strings.Contains(err.Error(), "already exists") {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	doc := json.RawMessage(`{"signature":{"header":"x-signature","algorithm":"sha256","encoding":"hex"},"mapping":{"scope":{"value":"forum"},
		"type":{"value":"post"},"id":{"path":"/id"},"actor_id":{"path":"/by"},"text":{"path":"/text"},"occurred":{"path":"/at"},"direction":{"value":"inbound"}}}`)
	for _, w := range []string{"acme", "other"} {
		if err := s.CreateWorkspace(t.Context(), store.Workspace{ID: w, Name: w, TimeZone: "UTC", Created: now}, "ann"); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateSource(t.Context(), store.App{ID: "app_" + w, Owner: w, Platform: "standard", Config: doc}, true,
			store.Source{ID: "src", Workspace: w, App: "app_" + w, Platform: "standard", Scope: "forum", Created: now}); err != nil {
			t.Fatal(err)
		}
	}
	// invoke hands messages to the function as an instance that remembers nothing.
	invoke := func(bodies ...any) {
		t.Helper()
		var e events.SQSEvent
		for i, b := range bodies {
			body, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: string(body), Attributes: map[string]string{"ApproximateReceiveCount": "1"}})
		}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := handler(t, ingest.New, env).Invoke(t.Context(), raw); err != nil || string(out) != `{"batchItemFailures":[]}` {
			t.Fatalf("%s, %v", out, err)
		}
	}
	delivery := func(w, id, by, text string) platform.Delivery {
		body, err := json.Marshal(map[string]string{"id": id, "by": by, "text": text, "at": now.Add(-time.Hour).Format(time.RFC3339)})
		if err != nil {
			t.Fatal(err)
		}
		return platform.Delivery{App: "app_" + w, Received: now, Request: platform.Request{Method: "POST", Header: http.Header{}, Body: body}}
	}
	fact := func(w, by string) (found social.Activity) {
		t.Helper()
		account := social.AccountRef{Platform: "standard", Scope: "forum", ID: by}.AccountID()
		if err := s.EachFact(t.Context(), w, account, store.MarkAfter(time.Time{}), store.MarkAfter(now), func(a social.Activity) error { found = a; return nil }); err != nil || found.Text == "" {
			t.Fatalf("nothing of %s in %s: %v", by, w, err)
		}
		return found
	}

	// In this business who asks for a thing of the account is angry, whatever a stranger would say.
	things := []string{"password", "address", "invoice", "plan", "e-mail", "name", "language", "payment method", "user name", "phone number", "photo"}
	ways := []string{"How do I change my %s?", "Where can I see my %s?", "Can I have a second %s?", "How can I delete my %s?", "Which %s do you have of me?", "Who can change my %s?", "Is it possible to export my %s?", "What is the %s for?", "When will my %s be updated?", "Could you tell me my %s, please?"}
	var deliveries []any
	for i := range 110 {
		deliveries = append(deliveries, delivery("acme", fmt.Sprint("p", i), fmt.Sprint("kim", i), fmt.Sprintf(ways[i/11], things[i%11])))
	}
	invoke(deliveries...)
	correct := func(i int, c social.Correction) {
		t.Helper()
		a := fact("acme", fmt.Sprint("kim", i))
		if a.Reader != reading.Version {
			t.Fatalf("read by %q", a.Reader)
		}
		c.ID, c.At, c.By, c.Of = fmt.Sprint("cor_", i), now.Add(-time.Minute).Add(time.Duration(i)*time.Millisecond), "mem_ann", social.TextID(a.Text)
		if err := s.Correct(t.Context(), "acme", store.Standing(a, nil), c); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 105 {
		correct(i, social.Correction{Drawn: true, Probability: 0.5, Corrected: social.Corrected{Sentiment: social.SentimentNegative}})
	}
	for i := 105; i < 110; i++ {
		correct(i, social.Correction{Corrected: social.Corrected{Intent: social.IntentSpam}})
	}
	refits := 0
	run := func() (store.Refit, refitting.Result) {
		t.Helper()
		refits++
		r, err := refitting.Begin(t.Context(), s, "acme", fmt.Sprint("rft_", refits), "mem_ann", now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := refitting.Begin(t.Context(), s, "acme", "rft_beside", "mem_ann", now); err == nil {
			t.Error("two refits go on at a time")
		}
		message := task.Reads{Refit: &task.Refit{Workspace: "acme", ID: r.ID}}
		invoke(message)
		var out refitting.Result
		if r, err = s.Refit(t.Context(), "acme", r.ID); err != nil || json.Unmarshal(r.Result, &out) != nil {
			t.Fatalf("%+v, %v", r, err)
		}
		invoke(message) // the queue hands it out once more
		if again, err := s.Refit(t.Context(), "acme", r.ID); err != nil || again.Version != r.Version {
			t.Errorf("done again it is version %d, else %d, %v", again.Version, r.Version, err)
		}
		return r, out
	}
	first, result := run()
	v := result.Heads[refit.Sentiment]
	if result.Drawn != 105 || result.Picked != 5 || result.Document == nil || len(result.Document.Heads) != 1 || v.Adjustment == nil || v.Adjustment.Offsets[0] < 0.5 || v.After.Right.Value <= v.Before.Right.Value {
		t.Fatalf("%+v, sentiment %+v", result, v)
	}
	if why := result.Heads[refit.Intent].Why; why != "not enough data: 0 drawn labels, 100 are needed" {
		t.Errorf("of what was picked: %s", why)
	}

	const next = "How do I change my delivery day?"
	invoke(delivery("acme", "next", "lee", next), delivery("other", "next", "lee", next))
	here, there := fact("acme", "lee"), fact("other", "lee")
	if want := result.Document.Version(); here.Reader != want || here.Sentiment != social.SentimentNegative {
		t.Errorf("read by %q as %s, want by %q as negative", here.Reader, here.Sentiment, want)
	}
	if there.Reader != reading.Version || there.Sentiment != social.SentimentNeutral || there.Intent != here.Intent || there.NeedsAnswer != here.NeedsAnswer {
		t.Errorf("another workspace: %+v, with the refit %+v", there.Reading, here.Reading)
	}
	if before := fact("acme", "kim1"); before.Reader != reading.Version {
		t.Errorf("what was read before is read by %q", before.Reader)
	}

	// What was erased stands in no refit, and the next is without it.
	for _, b := range [][]byte{first.Result, first.State} {
		if text := string(b); strings.Contains(text, "password") || strings.Contains(text, "kim") || strings.Contains(text, "cor_1") {
			t.Errorf("it holds a text or a name: %s", text)
		}
	}
	for at := range table.Dump(t) {
		if strings.HasPrefix(at, "acme#V | S#") {
			t.Errorf("%s is left", at)
		}
	}
	if err := erasure.New(s, time.Now).Account(t.Context(), "acme", fact("acme", "kim1").Account().AccountID(), erasure.Forever, map[string]int{}); err != nil {
		t.Fatal(err)
	}
	_, second := run()
	if second.Drawn != 104 || second.Corrections == result.Corrections {
		t.Errorf("after one was erased: %+v", second)
	}

	// What is taken back teaches nothing.
	if err := s.DropReader(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	invoke(delivery("acme", "after", "sam", next))
	if got := fact("acme", "sam"); got.Reader != reading.Version || got.Reading != there.Reading {
		t.Errorf("after the reset it reads as %+v", got.Reading)
	}
	for i := 2; i < 10; i++ {
		a := fact("acme", fmt.Sprint("kim", i))
		if err := s.Correct(t.Context(), "acme", store.Standing(a, nil), social.Correction{ID: fmt.Sprint("cor_back", i), At: now.Add(-time.Second), By: "mem_ann", Of: social.TextID(a.Text), Withdrawn: true}); err != nil {
			t.Fatal(err)
		}
	}
	_, third := run()
	if third.Document != nil || third.Heads[refit.Sentiment].Why != "not enough data: 96 drawn labels, 100 are needed" {
		t.Errorf("%+v", third)
	}
	if use, err := s.ReaderOf(t.Context(), "acme"); err != nil || use != nil {
		t.Errorf("in use is %+v, %v", use, err)
	}

	// It goes with its workspace.
	if err := s.DeleteWorkspace(t.Context(), "acme", now); err != nil {
		t.Fatal(err)
	}
	state := wipe.State{Workspace: "acme"}
	x := &wipe.Wipe{Store: s, Archive: archive.New(cfg, table.Name), DeleteSecret: func(context.Context, string) error { return nil }, Now: time.Now}
	if _, err := x.Run(t.Context(), state, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if list, _, err := s.Refits(t.Context(), "acme", "", 10); err != nil || len(list) != 0 {
		t.Errorf("%d refits are left, %v", len(list), err)
	}
}
