// Package youtube receives what YouTube tells through its WebSub hub (a video
// was published, edited, or taken away) and reads comments from the YouTube
// Data API, since no hub tells of those.
//
// Sources: https://developers.google.com/youtube/v3/guides/push_notifications,
// https://www.w3.org/TR/websub/,
// https://developers.google.com/youtube/v3/docs/commentThreads.
package youtube

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = social.Platform("youtube")
	header = "X-Hub-Signature"
	hub    = "https://pubsubhubbub.appspot.com/subscribe"
	lease  = 5 * 24 * time.Hour

	commentsPrefix = "comments:"
	videoPrefix    = "video:"
)

// Adapter is YouTube.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types: the elements of the feed, and the resources of the API.
func (Adapter) Kinds() []platform.Kind {
	return []platform.Kind{
		{Name: "entry", Becomes: string(social.Post), Note: "a video; the key is that of its publication, whatever the notification was for"},
		{Name: "entry", Becomes: string(social.Edit), Note: "beside the post, where it was updated over five minutes after it was published: another title or description; only the title is told"},
		{Name: "deleted-entry", Becomes: string(social.Delete), Note: "deleted or made private"},
		{Name: "feed", Becomes: platform.Ignored, Note: "without entries"},
		{Name: "comment", Becomes: string(social.Reply), Note: "polled; to the video, the community post, or the comment above it"},
		{Name: "comment", Becomes: string(social.Post), Note: "polled; on a channel itself"},
		{Name: "comment", Becomes: string(social.Edit), Note: "beside the comment, where it was updated after it was published"},
		{Name: "commentThreads", Becomes: platform.Ignored, Note: "polled; no comments"},
	}
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckKey refuses a secret that the hub does not take: hub.secret must be
// less than 200 bytes (https://www.w3.org/TR/websub/#subscriber-sends-subscription-request).
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if len(key) < 16 || len(key) >= 200 {
		return errors.New("the secret must have 16 to 199 bytes: make one up, for example with openssl rand -hex 32")
	}
	return nil
}

var (
	channelForm = pattern.New(`^UC[A-Za-z0-9_-]{22}$`)
	videoForm   = pattern.New(`^[A-Za-z0-9_-]{11}$`)
	// idForm is what can be an id at all. Ids of videos and channels have had
	// one length each so far, which YouTube does not promise.
	idForm = pattern.New(`^[A-Za-z0-9_.=-]{1,200}$`)
)

// CheckScope refuses what is no channel, comments of a channel, or comments of a video.
func (Adapter) CheckScope(scope string) error {
	channel, comments := strings.CutPrefix(scope, commentsPrefix)
	video, ofVideo := strings.CutPrefix(scope, videoPrefix)
	switch {
	case ofVideo && videoForm.MatchString(video):
	case !ofVideo && channelForm.MatchString(channel):
	case ofVideo:
		return errors.New("video: must be followed by the 11 characters after watch?v=")
	case comments:
		return errors.New("comments: must be followed by a channel's id, UC and 22 characters")
	default:
		return errors.New("the scope must be a channel's id (UC and 22 characters; not its @handle), comments:<channel id> or video:<video id>")
	}
	return nil
}

// Path is "<channel>/<token>" for a channel, so that its handshake can be
// told from one that was never asked for; a scope that is polled has none.
func (a Adapter) Path(scope, key string) string {
	if a.Polls(scope) {
		return ""
	}
	return scope + "/" + platform.PathToken(key, string(name), scope)
}

// topic is the feed of a channel.
func topic(channel string) string {
	return "https://www.youtube.com/xml/feeds/videos.xml?channel_id=" + url.QueryEscape(channel)
}

func isTopic(s, channel string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host == "www.youtube.com" && (u.Path == "/xml/feeds/videos.xml" || u.Path == "/feeds/videos.xml") && u.Query().Get("channel_id") == channel
}

// maxChallenge bounds what is echoed, in bytes; the hub's have 19.
const maxChallenge = 1024

// Handshake answers the hub's verification of intent
// (https://www.w3.org/TR/websub/#hub-verifies-intent). That Rapport asked is
// seen from the path's token, which only the hub was told, and the topic must
// be the feed of the path's channel. A subscription that the hub has denied
// is refused with the hub's reason, so that it is seen among the refusals: it
// must not count as a sign of life.
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodGet {
		return nil, nil
	}
	q, err := url.ParseQuery(r.Query)
	if err != nil {
		return nil, platform.Refuse("the query can't be read")
	}
	mode := q.Get("hub.mode")
	if mode == "" {
		return nil, nil
	}
	channel, token, _ := strings.Cut(r.Path, "/")
	if !platform.HasPathToken(s.Keys, token, string(name), channel) {
		return nil, platform.Refuse("the hook's path does not hold the token of its channel: Rapport did not ask for this")
	}
	if got := q.Get("hub.topic"); !isTopic(got, channel) {
		return nil, platform.Refuse("hub.topic %.100q is not the feed of %.40q", got, channel)
	}
	switch mode {
	case "subscribe", "unsubscribe":
	case "denied":
		return nil, platform.Refuse("the hub says that the subscription to %.40q is denied: %.200q", channel, q.Get("hub.reason"))
	default:
		return nil, platform.Refuse("hub.mode %.40q is neither subscribe, unsubscribe nor denied", mode)
	}
	challenge := q.Get("hub.challenge")
	if challenge == "" || len(challenge) > maxChallenge {
		return nil, platform.Refuse("hub.challenge has %d bytes, not 1 to %d", len(challenge), maxChallenge)
	}
	return &platform.Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(challenge)}, nil
}

// methods are those that WebSub names
// (https://www.w3.org/TR/websub/#recognized-algorithm-names). YouTube's hub
// uses sha1, which as an HMAC is not broken, so it is no legacy here.
var methods = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

func sum(method, key string, body []byte) []byte {
	h := hmac.New(methods[method], []byte(key))
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks the HMAC of the raw body by the method that the header names.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	got := r.Header.Get(header)
	if got == "" {
		return platform.Refuse("no %s header: the subscription was made without hub.secret", header)
	}
	method, digits, _ := strings.Cut(got, "=")
	if methods[method] == nil {
		return platform.Refuse("%s names none of the methods sha1, sha256, sha384, sha512", header)
	}
	want, err := hex.DecodeString(digits)
	ok := false
	for _, k := range s.Keys {
		if k != "" && hmac.Equal(want, sum(method, k, r.Body)) {
			ok = true
		}
	}
	if err != nil || digits != strings.ToLower(digits) || !ok {
		return platform.Refuse("the signature in %s does not match", header)
	}
	return nil
}

// Sign signs r as the hub does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the secret is empty")
	}
	r.Header.Set(header, "sha1="+hex.EncodeToString(sum("sha1", key, r.Body)))
	return nil
}

// Lease is that of the hub's subscriptions: it ends five days after the last
// handshake, unless Rapport renews it.
func (Adapter) Lease() platform.Lease {
	return platform.Lease{Every: lease, Dead: lease, Renew: true}
}

// Renewal asks the hub to send the channel's feed to the hook for five more
// days, signed with the app's secret.
func (a Adapter) Renewal(scope, hook string, s platform.Secrets, _ platform.Options) (*platform.Fetch, string) {
	key := ""
	for _, k := range s.Keys {
		key = cmp.Or(key, k)
	}
	switch {
	case a.Polls(scope):
		return nil, "comments are polled: there is no subscription"
	case a.CheckScope(scope) != nil:
		return nil, a.CheckScope(scope).Error()
	case key == "":
		return nil, "the app has no secret for the hub to sign with"
	}
	form := url.Values{"hub.mode": {"subscribe"}, "hub.topic": {topic(scope)}, "hub.callback": {hook}, "hub.verify": {"async"},
		"hub.secret": {key}, "hub.lease_seconds": {strconv.Itoa(int(lease.Seconds()))}}
	return &platform.Fetch{Method: http.MethodPost, URL: hub, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte(form.Encode())}, ""
}

// Normalise reads a feed that the hub sent, or the API's answer.
func (a Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	if r.Polled() {
		return threads(r)
	}
	return feed(r.Body)
}

// Sample is a new video in a channel, or the API's answer with a new comment.
func (a Adapter) Sample(scope, id string, now time.Time) platform.Request {
	at := now.UTC().Format("2006-01-02T15:04:05.000000-07:00")
	if a.Polls(scope) {
		f, _ := a.Poll(scope, "", platform.Secrets{Token: "sample"}, platform.Options{}) // fails only without a token
		video, ofVideo := strings.CutPrefix(scope, videoPrefix)
		if !ofVideo {
			video = "sample_video"
		}
		c := map[string]any{"id": "sample_" + id, "snippet": map[string]any{"channelId": "UCsample", "videoId": video, "textOriginal": "Does it work?",
			"authorDisplayName": "@someone", "authorChannelId": map[string]any{"value": "UCsomeone"}, "publishedAt": at, "updatedAt": at}}
		body, _ := json.Marshal(map[string]any{"items": []any{map[string]any{"id": "sample_" + id, "snippet": map[string]any{"channelId": "UCsample", "videoId": video, "topLevelComment": c}}}})
		return platform.Request{Method: http.MethodGet, URL: f.URL, Query: f.URL[strings.Index(f.URL, "?")+1:], Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
	}
	body := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom"><entry><yt:videoId>%[1]s</yt:videoId><yt:channelId>%[2]s</yt:channelId><title>Does it work?</title><author><name>A channel</name></author><published>%[3]s</published><updated>%[3]s</updated></entry></feed>`,
		"sample_"+id, scope, at)
	return platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/atom+xml"}}, Body: []byte(body)}
}

// MakeKey makes a secret: it is ours to choose.
func (Adapter) MakeKey(random []byte) string { return hex.EncodeToString(random) }
