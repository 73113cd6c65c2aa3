package mastodon

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/platform"
)

// page is how many statuses are asked for at once: the most there are.
const page = 40

// maxID bounds the ids that become a cursor, in bytes: Mastodon's have 18 digits.
const maxID = 64

const tagPath = "/api/v1/timelines/tag/"

// Polls reports whether scope is a hashtag at an instance.
func (Adapter) Polls(scope string) bool {
	tag, _, err := parseScope(scope)
	return err == nil && tag != ""
}

// TokenHost is the instance: a token is an account's there.
func (Adapter) TokenHost(scope string) string {
	_, host, err := parseScope(scope)
	if err != nil {
		return ""
	}
	return strings.ToLower(host)
}

// Every is how long to wait between two requests. Instances allow 300 in five
// minutes by default. https://docs.joinmastodon.org/api/rate-limits/
func (Adapter) Every() time.Duration { return 5 * time.Minute }

// Poll asks for the oldest statuses under the hashtag that are newer than the
// cursor, a status's id; without one, for the newest. It goes by min_id, not
// since_id: since_id gives the newest ones, so that of more than a page some
// would be left out for good.
func (Adapter) Poll(scope, cursor string, s platform.Secrets, _ platform.Options) (platform.Fetch, error) {
	tag, host, err := parseScope(scope)
	if err != nil {
		return platform.Fetch{}, err
	}
	if tag == "" {
		return platform.Fetch{}, errors.New("an instance sends by its webhook; only hashtags are fetched")
	}
	q := url.Values{"limit": {strconv.Itoa(page)}}
	if cursor != "" {
		q.Set("min_id", cursor)
	}
	h := http.Header{"Accept": {"application/json"}}
	if s.Token != "" {
		h.Set("Authorization", "Bearer "+s.Token)
	}
	return platform.Fetch{Method: http.MethodGet, URL: "https://" + host + tagPath + url.PathEscape(tag) + "?" + q.Encode(), Header: h}, nil
}

// Next is the greatest id of the answer; a full page after a cursor has more behind it.
func (Adapter) Next(r platform.Request, cursor string) (next string, more bool, err error) {
	list, err := statuses(r.Body)
	if err != nil {
		return cursor, false, err
	}
	next = cursor
	for _, raw := range list {
		var s struct {
			ID platform.ID `json:"id"`
		}
		if platform.Decode(raw, &s) == nil && len(s.ID) <= maxID && newer(string(s.ID), next) {
			next = string(s.ID)
		}
	}
	return next, cursor != "" && next != cursor && len(list) >= page, nil
}

// newer compares ids, which are numbers of any length.
func newer(a, b string) bool { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) > 0 }

// statuses reads a timeline, or what the instance says instead of one.
func statuses(body []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if err := platform.Decode(body, &list); err != nil {
		var refusal struct {
			Error platform.Text `json:"error"`
		}
		if platform.Decode(body, &refusal) == nil && refusal.Error != "" {
			return nil, fmt.Errorf("the instance answers: %.200s", string(refusal.Error))
		}
		return nil, fmt.Errorf("no list of statuses: %w", err)
	}
	if list == nil {
		return nil, errors.New("no list of statuses")
	}
	return list, nil
}

// fetched reads a timeline; its scope is what was asked for.
func fetched(r platform.Request) ([]platform.Event, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, errors.New("fetched from what is no URL")
	}
	tag, ok := strings.CutPrefix(u.Path, tagPath)
	scope := "#" + tag + "@" + u.Host
	if _, _, err := parseScope(scope); !ok || err != nil {
		return nil, fmt.Errorf("fetched from what is no hashtag's timeline: %.100q", u.Path)
	}
	list, err := statuses(r.Body)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return []platform.Event{platform.Ignore(timeline, "nothing new", scope)}, nil
	}
	host := strings.ToLower(u.Host)
	var events []platform.Event
	for _, raw := range list {
		var s status
		if err := platform.Decode(raw, &s); err != nil {
			events = append(events, platform.Park(timeline, fmt.Errorf("a status: %w", err), scope))
			continue
		}
		e := s.utterance(timeline, host, []string{scope})
		events = append(events, e)
		if e.Activity != nil && s.Edited != "" && s.Reblog == nil {
			events = append(events, s.edit(timeline, host, []string{scope}))
		}
	}
	return events, nil
}
