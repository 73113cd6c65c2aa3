package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/send"
)

// target is a workspace, by its API.
type target struct {
	url, key string
	attempts int
	client   *http.Client
}

// newTarget is the target that flags name; or says what else would do.
func newTarget(api, workspace, keyFile string, attempts int, or string) (*target, error) {
	u, err := url.Parse(api)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, misused("--url %q is no http or https URL: give the API's%s", api, or)
	}
	if workspace == "" || keyFile == "" {
		return nil, misused("--workspace and --key-file are needed%s", or)
	}
	keys, err := readKeys(keyFile)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no key", keyFile)
	}
	return &target{url: strings.TrimSuffix(api, "/") + "/v1/workspaces/" + url.PathEscape(workspace), key: keys[0], attempts: attempts,
		client: &http.Client{Timeout: requestTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// maxAnswer bounds an answer of the API: a page holds 2 MB, or one item.
const maxAnswer = 16 << 20

// call asks until there is an answer, and reads it into out. role is what the key needs.
func (t *target) call(s *streams, method, path string, body []byte, role string, out any) error {
	for attempt := 1; ; attempt++ {
		wait, err := t.once(s.ctx, method, path, body, role, s.now(), out)
		if err == nil || wait < 0 || attempt == t.attempts || s.ctx.Err() != nil {
			return err
		}
		s.say("%v; it is tried again", err)
		if send.Sleep(s.ctx, send.Pause(attempt, wait, rand.Float64())) != nil {
			return err
		}
	}
}

// once asks once. After an error, wait is how long the API asks to wait, and negative where trying again is of no use.
func (t *target) once(ctx context.Context, method, path string, body []byte, role string, now time.Time, out any) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, t.url+path, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + t.key}}
	res, err := t.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, err
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(b, out); err != nil {
			return -1, fmt.Errorf("the API's answer can't be read: %w", err)
		}
		return 0, nil
	}
	var problem struct{ Detail, Title string }
	if json.Unmarshal(b, &problem) != nil || problem.Detail+problem.Title == "" {
		problem.Detail = string(b[:min(len(b), 200)])
	}
	err = fmt.Errorf("the API answered %d: %s", res.StatusCode, strings.TrimSpace(cmp.Or(problem.Detail, problem.Title)))
	if slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, res.StatusCode) {
		err = fmt.Errorf("%w (does the key belong to the workspace, with the role %s?)", err, role)
	}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 {
		return send.RetryAfter(res.Header.Get("Retry-After"), now), err
	}
	return -1, err
}
