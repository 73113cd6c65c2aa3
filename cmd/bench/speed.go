package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/cmd/internal/recorded"
	"rapport/internal/intake"
	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/platform/standard"
	"rapport/internal/reading"
	"rapport/internal/store"
)

// intakeSpeed measures a hook request of 2 KB: finding the app, verifying the
// signature, writing the queue's message and the log's line, without the call
// to SQS. Making the request and recording the answer is in it, too.
func intakeSpeed() error {
	key := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body := `{"id":"1","pad":"` + strings.Repeat("x", 2048-len(`{"id":"1","pad":""}`)) + `"}`
	req := platform.Request{Method: "POST", Header: http.Header{}, Body: []byte(body)}
	if err := (standard.Adapter{}).Sign(&req, key, "msg_1", platform.Options{}, received); err != nil {
		return err
	}
	h := intake.Handler(intake.Deps{
		App: func(_ context.Context, id string) (store.App, error) {
			return store.App{ID: id, Owner: workspace, Platform: "standard", Config: json.RawMessage(mapping)}, nil
		},
		Secrets: func(context.Context, string) (platform.Secrets, error) {
			return platform.Secrets{Keys: []string{key}}, nil
		},
		Enqueue: func(_ context.Context, d platform.Delivery) error { _, err := json.Marshal(d); return err },
		Now:     func() time.Time { return received },
	})
	n := 0
	us, allocs, err := measure(5000, func() error {
		n++ // an app may send only so much at once, so the requests go to many
		r := httptest.NewRequest("POST", fmt.Sprintf("/hooks/app-%d", n/50), strings.NewReader(body))
		r.Header = req.Header.Clone()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			return fmt.Errorf("intake answered %d", w.Code)
		}
		return nil
	})
	line("intake_us_per_request", us, "us")
	line("intake_allocs_per_request", allocs, "allocs")
	return err
}

// normaliseSpeed measures, for every platform, what an activity of its
// fixtures costs: all deliveries that hold at least one, each as often as the
// other. Those of the platform standard are the events of the reference mix.
func normaliseSpeed() error {
	worst := 0.0
	for _, a := range all.Adapters() {
		rs, n, o, err := deliveries(a)
		if err != nil {
			return err
		}
		us, allocs, err := measure(max(1, 4000/len(rs)), func() error {
			for _, r := range rs {
				if _, err := a.Normalise(r, o); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		worst = max(worst, us/float64(n))
		line(fmt.Sprintf("normalise_us_per_activity_%s", a.Platform()), us/float64(n), "us")
		line(fmt.Sprintf("normalise_allocs_per_activity_%s", a.Platform()), allocs/float64(n), "allocs")
	}
	line("normalise_us_per_activity_worst", worst, "us")
	reader := opened()
	text := "My parcel is three days late again and nobody answers, when will it be here?"
	us, _, err := measure(100, func() error { reader.Read(text); return nil })
	line("read_us_per_text", us, "us")
	return err
}

// opened is the reader. Without its weights nothing can be measured.
var opened = sync.OnceValue(func() *reading.Reader {
	r, err := reading.New()
	if err != nil {
		log.Fatal(err)
	}
	return r
})

// fixtures are kept beside each adapter; bench runs at the root of the module.
const fixtures = "internal/platform/%s/testdata/*"

// deliveries are the requests of a platform's fixtures that tell what somebody
// did, and how many activities they hold.
func deliveries(a platform.Adapter) (rs []platform.Request, activities int, o platform.Options, err error) {
	if a.Platform() == "standard" {
		r := rand.New(rand.NewPCG(seed, seed))
		for i := range 10 {
			rs = append(rs, platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(event(r, fmt.Sprint(i), i, received, i < 7))})
		}
		return rs, len(rs), platform.Options{Config: json.RawMessage(mapping)}, nil
	}
	files, err := filepath.Glob(fmt.Sprintf(fixtures, a.Platform()))
	if err != nil {
		return nil, 0, o, err
	}
	for _, file := range files {
		if recorded.IsHeaders(file) || !slices.Contains([]string{".json", ".xml", ".txt"}, filepath.Ext(file)) {
			continue
		}
		r, err := recorded.Read(file)
		if err != nil {
			return nil, 0, o, err
		}
		if r.URL == "" {
			r.URL = "https://example.com/hooks/app"
		}
		es, err := a.Normalise(r, o)
		n := len(slices.DeleteFunc(es, func(e platform.Event) bool { return e.Activity == nil }))
		if err != nil || n == 0 {
			continue
		}
		rs, activities = append(rs, r), activities+n
	}
	if len(rs) == 0 {
		return nil, 0, o, fmt.Errorf("no fixture of %s holds an activity: run bench at the root of the module", a.Platform())
	}
	return rs, activities, o, nil
}

// measure runs f n times after a warm-up and returns the microseconds and allocations of one run.
func measure(n int, f func() error) (us, allocs float64, err error) {
	for range n/10 + 1 {
		if err := f(); err != nil {
			return 0, 0, err
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := cpu()
	for range n {
		if err := f(); err != nil {
			return 0, 0, err
		}
	}
	took := cpu() - start
	runtime.ReadMemStats(&after)
	return float64(took.Nanoseconds()) / 1000 / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n), nil
}
