// Package slack receives what Slack sends to an app: events of the Events
// API, slash commands and interactions (buttons, shortcuts, forms).
// https://docs.slack.dev/apis/events-api
package slack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name            = social.Platform("slack")
	signatureHeader = "X-Slack-Signature"
	timestampHeader = "X-Slack-Request-Timestamp"
	version         = "v0"
	tolerance       = 5 * time.Minute // as Slack's guide has it
)

var mac = platform.MAC{Algorithm: "sha256", Encoding: "hex"}

// Adapter is the slack platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types.
func (Adapter) Kinds() []platform.Kind {
	const also = "the same activity as its message event"
	return []platform.Kind{
		{Name: "message", Becomes: string(social.Post), Note: "in a channel, private channel or group message; also of a subtype that is not known"},
		{Name: "message", Becomes: string(social.Reply), Note: "in a thread"},
		{Name: "message", Becomes: string(social.Message), Note: "to the app itself"},
		{Name: "message message_changed", Becomes: string(social.Edit)},
		{Name: "message message_changed", Becomes: string(social.Delete), Note: "the deleted head of a thread that goes on"},
		{Name: "message message_changed", Becomes: platform.Ignored, Note: "the text is the same: a link's preview, say"},
		{Name: "message message_deleted", Becomes: string(social.Delete)},
		{Name: "message message_replied", Becomes: platform.Ignored, Note: "the reply comes as a message"},
		{Name: "message channel_join", Becomes: platform.Ignored, Note: "it comes as member_joined_channel"},
		{Name: "message channel_leave", Becomes: platform.Ignored, Note: "it comes as member_left_channel"},
		{Name: "message channel_topic", Becomes: platform.Ignored, Note: housekeeping},
		{Name: "message channel_purpose", Becomes: platform.Ignored, Note: housekeeping},
		{Name: "message channel_name", Becomes: platform.Ignored, Note: housekeeping},
		{Name: "message huddle_thread", Becomes: platform.Ignored, Note: housekeeping},
		{Name: "app_mention", Becomes: string(social.Post), Note: also},
		{Name: "app_mention", Becomes: string(social.Reply), Note: also},
		{Name: "app_mention", Becomes: string(social.Edit), Note: "the app was named in an edit"},
		{Name: "reaction_added", Becomes: string(social.React)},
		{Name: "reaction_added", Becomes: platform.Ignored, Note: "to a file, which no message names"},
		{Name: "reaction_removed", Becomes: string(social.Unreact)},
		{Name: "member_joined_channel", Becomes: string(social.Join)},
		{Name: "member_left_channel", Becomes: string(social.Leave)},
		{Name: "channel_left", Becomes: platform.Revoked, Note: "the app was taken out of the channel"},
		{Name: "group_left", Becomes: platform.Revoked, Note: "the app was taken out of the private channel"},
		{Name: "channel_deleted", Becomes: platform.Revoked},
		{Name: "group_deleted", Becomes: platform.Revoked, Note: "a private channel"},
		{Name: "channel_id_changed", Becomes: platform.Revoked, Note: "of its old id: it is shared now, or public"},
		{Name: "shared_channel_invite_accepted", Becomes: platform.Ignored, Note: "who comes in comes as member_joined_channel"},
		{Name: "team_join", Becomes: string(social.Join), Note: "of the workspace"},
		{Name: "team_join", Becomes: platform.Ignored, Note: "a bot's"},
		{Name: "user_change", Becomes: string(social.ProfileChange)},
		{Name: "user_change", Becomes: string(social.Leave), Note: "the account was deactivated"},
		{Name: "user_change", Becomes: platform.Ignored, Note: "a bot's"},
		{Name: "user_profile_changed", Becomes: string(social.ProfileChange), Note: "the same activity as its user_change event"},
		{Name: "user_status_changed", Becomes: platform.Ignored, Note: "a status is no part of a profile that is kept"},
		{Name: "user_huddle_changed", Becomes: platform.Ignored, Note: "who talks to whom is not kept"},
		{Name: "app_home_opened", Becomes: string(social.Visit)},
		{Name: "assistant_thread_started", Becomes: string(social.Visit), Note: "a thread with the app as an assistant was opened"},
		{Name: "assistant_thread_context_changed", Becomes: platform.Ignored, Note: "where somebody looks is not kept"},
		{Name: "app_uninstalled", Becomes: platform.Erased, Note: "all accounts of the workspace"},
		{Name: "app_uninstalled", Becomes: platform.Revoked},
		{Name: "tokens_revoked", Becomes: platform.Revoked, Note: "the bot's"},
		{Name: "tokens_revoked", Becomes: platform.Ignored, Note: "only members' own: the bot goes on"},
		{Name: "team_access_revoked", Becomes: platform.Revoked, Note: "for workspaces of an organisation"},
		{Name: "app_rate_limited", Becomes: platform.Ignored, Note: "Slack drops this workspace's events over 30,000 an hour"},
		{Name: "link_shared", Becomes: platform.Ignored, Note: "the message it stands in comes by itself"},
		{Name: "file_shared", Becomes: platform.Ignored, Note: "the message it stands in comes by itself"},
		{Name: "pin_added", Becomes: platform.Ignored, Note: "housekeeping"},
		{Name: "command", Becomes: string(social.Message), Note: "a slash command with words after it"},
		{Name: "command", Becomes: string(social.Click), Note: "a slash command alone"},
		{Name: "ssl_check", Becomes: platform.Ignored, Note: "Slack tests the certificate"},
		{Name: "block_actions", Becomes: string(social.Click)},
		{Name: "shortcut", Becomes: string(social.Click)},
		{Name: "message_action", Becomes: string(social.Click), Note: "a shortcut on a message"},
		{Name: "view_submission", Becomes: string(social.Message), Note: "a form with words in it"},
		{Name: "view_submission", Becomes: string(social.Click), Note: "a form without"},
		{Name: "interactive_message", Becomes: string(social.Click), Note: "a button or menu of the old kind"},
		{Name: "dialog_submission", Becomes: string(social.Message), Note: "a form of the old kind with words in it"},
		{Name: "dialog_submission", Becomes: string(social.Click), Note: "a form of the old kind without"},
		{Name: "dialog_cancellation", Becomes: platform.Ignored, Note: "nothing was sent"},
		{Name: "dialog_suggestion", Becomes: platform.Ignored, Note: "what is typed is not yet said"},
		{Name: "view_closed", Becomes: platform.Ignored, Note: "nothing was sent"},
		{Name: "block_suggestion", Becomes: platform.Ignored, Note: "what is typed is not yet said"},
	}
}

const housekeeping = "housekeeping"

// silent are the subtypes of the messages in which Slack itself writes what
// happened to a channel, and nobody says anything.
// https://docs.slack.dev/reference/events/message#subtypes
var silent = []string{"channel_topic", "channel_purpose", "channel_name", "channel_archive", "channel_unarchive", "channel_convert_to_private", "channel_convert_to_public",
	"channel_posting_permissions", "channel_canvas_updated", "tabbed_canvas_updated", "channel_join", "channel_leave", "group_join", "group_leave", "group_topic", "group_purpose",
	"group_name", "group_archive", "group_unarchive", "bot_add", "bot_remove", "bot_enable", "bot_disable", "pinned_item", "unpinned_item", "reminder_add", "reminder_delete",
	"huddle_thread", "sh_room_created", "sh_room_shared", "joiner_notification", "joiner_notification_for_inviter", "app_conversation_join", "app_conversation_leave", "slackbot_response",
	"ekm_access_denied", "message_replied", "tombstone", "file_mention", "file_comment", "document_mention", "list_record_comment", "assistant_app_thread", "bot_profile_update",
	"share_shortcut", "conversation_limit", "emoji_changed"}

// why is the reason for which a type is ignored.
func why(kind string) string {
	for _, k := range (Adapter{}).Kinds() {
		if k.Name == kind && k.Becomes == platform.Ignored && k.Note != "" {
			return k.Note
		}
	}
	if subtype, ok := strings.CutPrefix(kind, "message "); ok && slices.Contains(silent, subtype) {
		return housekeeping
	}
	return "it is not known to tell what someone did"
}

// CheckConfig refuses any document: Slack needs none.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// CheckKey refuses Slack's other credentials, which are not the signing secret.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if strings.HasPrefix(key, "xox") || strings.HasPrefix(key, "xapp-") {
		return errors.New("this is a Slack token; it must be the signing secret (Basic Information, App Credentials): 32 letters and digits")
	}
	if !secretForm.MatchString(key) {
		return errors.New("it must be the app's signing secret (Basic Information, App Credentials): 32 letters and digits")
	}
	return nil
}

var (
	secretForm = pattern.New(`^[A-Za-z0-9]{16,128}$`)
	scopeForm  = pattern.New(`^[TE][A-Z0-9]{1,30}(/[CDG][A-Z0-9]{1,30})?$`)
	plainID    = pattern.New(`^[A-Z0-9]+$`)
)

// CheckScope refuses what is neither a workspace nor a channel of one.
func (Adapter) CheckScope(scope string) error {
	if !scopeForm.MatchString(scope) {
		return errors.New("it must be a Slack workspace's id (T0123ABCD) or that and a channel's (T0123ABCD/C0456EFGH)")
	}
	return nil
}

// Handshake answers url_verification, which is signed as events are, and the
// GET by which Slack tests a command's certificate.
// https://docs.slack.dev/reference/events/url_verification
func (a Adapter) Handshake(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) (*platform.Answer, error) {
	if r.Method == http.MethodGet {
		q, err := url.ParseQuery(r.Query)
		if err != nil || q.Get("ssl_check") != "1" {
			return nil, nil
		}
		for _, k := range s.Keys {
			if k != "" {
				return &platform.Answer{Status: http.StatusOK}, nil
			}
		}
		return nil, platform.Refuse("the app has no signing secret")
	}
	if !bytes.Contains(r.Body, []byte("url_verification")) { // spares most deliveries the reading
		return nil, nil
	}
	var v struct {
		Type      string          `json:"type"`
		Challenge json.RawMessage `json:"challenge"`
	}
	if platform.Decode(r.Body, &v) != nil || v.Type != "url_verification" {
		return nil, nil
	}
	if err := a.Verify(r, s, o, now); err != nil {
		return nil, err
	}
	var challenge string
	if json.Unmarshal(v.Challenge, &challenge) != nil || challenge == "" {
		return nil, platform.Refuse("a url_verification without its challenge")
	}
	return &platform.Answer{Status: http.StatusOK, ContentType: "text/plain; charset=utf-8", Body: []byte(challenge)}, nil
}

// Verify checks HMAC-SHA256 of "v0:", the timestamp header, ":" and the raw
// body under the signing secret, and that it was signed within five minutes.
// https://docs.slack.dev/authentication/verifying-requests-from-slack
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, now time.Time) error {
	at := r.Header.Get(timestampHeader)
	sum, ok := strings.CutPrefix(r.Header.Get(signatureHeader), version+"=")
	if !ok {
		return platform.Refuse("no %s header of version %s", signatureHeader, version)
	}
	if !mac.Matches(s.Keys, sum, []byte(version+":"+at+":"), r.Body) {
		return platform.Refuse("the signature in %s does not match", signatureHeader)
	}
	signed, err := platform.Unix(at, time.Second)
	if err != nil {
		return platform.Refuse("%s: %v", timestampHeader, err)
	}
	return platform.Within(signed, now, tolerance)
}

// Sign signs r as Slack does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	if key == "" {
		return errors.New("the signing secret is empty")
	}
	at := fmt.Sprint(now.Unix())
	r.Header.Set(timestampHeader, at)
	r.Header.Set(signatureHeader, version+"="+mac.Sum(key, []byte(version+":"+at+":"), r.Body))
	return nil
}

// Sample is a message in the scope's channel, or in some channel of its
// workspace. The three digits of its ts that milliseconds leave are the id's.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	team, channel, ok := strings.Cut(scope, "/")
	if !ok {
		channel = "C0SAMPLE1"
	}
	digits := 0
	for _, c := range []byte(id) {
		digits = (digits*31 + int(c)) % 1000
	}
	ts := fmt.Sprintf("%d.%03d%03d", now.Unix(), now.Nanosecond()/int(time.Millisecond), digits)
	body, _ := json.Marshal(map[string]any{"type": "event_callback", "team_id": team, "context_team_id": team, "api_app_id": "A0SAMPLE1",
		"event_id": "Ev" + id, "event_time": now.Unix(),
		"event": map[string]string{"type": "message", "channel": channel, "channel_type": "channel", "user": "U0SAMPLE1",
			"text": "Does the export work for you? I wait for it since Monday.", "ts": ts, "event_ts": ts}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Normalise reads an event, a slash command or an interaction. Which of them
// it is shows in the body, since no signature covers the Content-Type.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	r.Body = platform.WithoutBOM(r.Body)
	if strings.HasPrefix(strings.TrimSpace(string(r.Body[:min(len(r.Body), 16)])), "{") {
		return callback(r.Body)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, fmt.Errorf("neither JSON nor a form: %w", err)
	}
	for _, values := range form {
		for i, v := range values { // JSON's decoder does it by itself
			values[i] = strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	switch {
	case form.Get("payload") != "":
		return interaction(form.Get("payload"), r.Header.Get(timestampHeader))
	case form.Get("ssl_check") == "1":
		return []platform.Event{platform.Ignore("ssl_check", why("ssl_check"))}, nil
	case form.Get("command") != "":
		return []platform.Event{command(form, r.Header.Get(timestampHeader))}, nil
	}
	return nil, errors.New("neither an event nor a command nor an interaction")
}

// where is the workspace and channel that something happened in.
type where struct{ team, channel, enterprise string }

// scopes are what a source may have named, narrowest first.
func (w where) scopes() []string {
	var out []string
	for _, top := range []string{w.team, w.enterprise} {
		if top != "" && w.channel != "" {
			out = append(out, top+"/"+w.channel)
		}
	}
	for _, top := range []string{w.team, w.enterprise} {
		if top != "" {
			out = append(out, top)
		}
	}
	return out
}

// link opens the channel. https://docs.slack.dev/interactivity/deep-linking
func (w where) link() string {
	if !plainID.MatchString(w.team) || !plainID.MatchString(w.channel) {
		return ""
	}
	return "https://slack.com/app_redirect?channel=" + w.channel + "&team=" + w.team
}

// check refuses what can't be routed or named.
func (w where) check(channel bool) error {
	if w.team == "" && w.enterprise == "" {
		return errors.New("without its workspace")
	}
	if channel && w.channel == "" {
		return errors.New("without its channel")
	}
	return nil
}

// within is what accounts are unique in: Slack promises it of a user's id
// only together with the workspace's. The workspace is the one through which
// the app got the event, since of reactions Slack tells no other: so a guest of
// a shared channel is one account in all they do.
func (w where) within() string {
	if w.team != "" {
		return w.team
	}
	return w.enterprise
}

// private reports whether a channel is one between a person and the app.
func private(channel string) bool { return strings.HasPrefix(channel, "D") }

var tsForm = pattern.New(`^([0-9]{1,12})\.([0-9]{1,6})$`)

// timeOfTS reads a ts, which has microseconds after a point. Some older events
// leave the point out.
func timeOfTS(ts string) (time.Time, error) {
	if m := tsForm.FindStringSubmatch(ts); m != nil {
		return platform.Unix(m[1]+(m[2] + "000000")[:6], time.Microsecond)
	}
	if len(ts) == 16 {
		return platform.Unix(ts, time.Microsecond)
	}
	return time.Time{}, fmt.Errorf("%.40q is no ts of Slack's", ts)
}

var control = pattern.New(`<([^<>]*)>`)

// plain is what a person reads of Slack's markup: names and links without
// their brackets. https://docs.slack.dev/messaging/formatting-message-text
func plain(s string) string {
	s = control.ReplaceAllStringFunc(s, func(m string) string {
		what, label, labelled := strings.Cut(m[1:len(m)-1], "|")
		if what == "" {
			return m
		}
		mark := ""
		switch what[0] {
		case '@', '#':
			mark, what = what[:1], what[1:]
		case '!':
			mark, what = "@", what[1:]
			if strings.HasPrefix(what, "date^") {
				mark = ""
			}
		}
		if labelled && label != "" {
			what = label
		}
		return mark + strings.TrimPrefix(what, "@")
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}
