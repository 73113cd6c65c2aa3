// Package discord receives what Discord sends to an app: webhook events and
// interactions. It also reads events of the Gateway, which an operator's own
// bot hands over, since Discord sends a server's messages to nobody else.
// https://docs.discord.com/developers/events/webhook-events
package discord

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name            = social.Platform("discord")
	signatureHeader = "X-Signature-Ed25519"
	timestampHeader = "X-Signature-Timestamp"
)

// Adapter is the discord platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the event types: of webhook events and the Gateway by their
// names, of interactions by what is interacted with.
func (Adapter) Kinds() []platform.Kind {
	const granted = "granted, not bought: a gift, a test, a part of Discord's own subscription"
	return []platform.Kind{
		{Name: "APPLICATION_AUTHORIZED", Becomes: string(social.SignUp)},
		{Name: "APPLICATION_DEAUTHORIZED", Becomes: string(social.Leave)},
		{Name: "ENTITLEMENT_CREATE", Becomes: string(social.Purchase)},
		{Name: "ENTITLEMENT_CREATE", Becomes: platform.Ignored, Note: granted},
		{Name: "ENTITLEMENT_UPDATE", Becomes: platform.Ignored, Note: "the purchase came as ENTITLEMENT_CREATE"},
		{Name: "ENTITLEMENT_DELETE", Becomes: platform.Ignored, Note: "a purchase taken back has no form of its own"},
		{Name: "QUEST_USER_ENROLLMENT", Becomes: platform.Ignored, Note: "Discord sends it no longer and documents no shape"},
		{Name: "LOBBY_MESSAGE_CREATE", Becomes: string(social.Post)},
		{Name: "LOBBY_MESSAGE_UPDATE", Becomes: string(social.Edit)},
		{Name: "LOBBY_MESSAGE_DELETE", Becomes: string(social.Delete)},
		{Name: "GAME_DIRECT_MESSAGE_CREATE", Becomes: string(social.Message), Note: "between two players"},
		{Name: "GAME_DIRECT_MESSAGE_UPDATE", Becomes: string(social.Edit)},
		{Name: "GAME_DIRECT_MESSAGE_DELETE", Becomes: string(social.Delete)},
		{Name: "command", Becomes: string(social.Message), Note: "with words in its options"},
		{Name: "command", Becomes: string(social.Click), Note: "without, or on a user or message"},
		{Name: "component", Becomes: string(social.Click)},
		{Name: "modal", Becomes: string(social.Message), Note: "a form with words in it"},
		{Name: "modal", Becomes: string(social.Click), Note: "a form without"},
		{Name: "autocomplete", Becomes: platform.Ignored, Note: "what is typed is not yet said"},
		{Name: "ping", Becomes: platform.Ignored, Note: "Discord tests the URL"},
		{Name: "MESSAGE_CREATE", Becomes: string(social.Post), Note: "handed over by your bot, as all below"},
		{Name: "MESSAGE_CREATE", Becomes: string(social.Reply)},
		{Name: "MESSAGE_CREATE", Becomes: string(social.Repost), Note: "forwarded, or from a channel that this one follows"},
		{Name: "MESSAGE_CREATE", Becomes: string(social.Purchase), Note: "a boost, a role's subscription, a product of the server's shop"},
		{Name: "MESSAGE_CREATE", Becomes: string(social.Message), Note: "to the bot itself"},
		{Name: "MESSAGE_CREATE", Becomes: platform.Ignored, Note: "Discord's own line: somebody joined, a thread was made"},
		{Name: "MESSAGE_UPDATE", Becomes: string(social.Edit)},
		{Name: "MESSAGE_UPDATE", Becomes: platform.Ignored, Note: sameNote + "; or " + passedOnNote},
		{Name: "MESSAGE_DELETE", Becomes: string(social.Delete)},
		{Name: "MESSAGE_DELETE_BULK", Becomes: string(social.Delete)},
		{Name: "MESSAGE_REACTION_ADD", Becomes: string(social.React)},
		{Name: "MESSAGE_REACTION_REMOVE", Becomes: string(social.Unreact)},
		{Name: "MESSAGE_REACTION_REMOVE_ALL", Becomes: platform.Ignored, Note: "a moderator's doing: nobody who reacted is named"},
		{Name: "MESSAGE_REACTION_REMOVE_EMOJI", Becomes: platform.Ignored, Note: "a moderator's doing: nobody who reacted is named"},
		{Name: "MESSAGE_POLL_VOTE_ADD", Becomes: string(social.Click)},
		{Name: "MESSAGE_POLL_VOTE_REMOVE", Becomes: platform.Ignored, Note: "a vote taken back has no form of its own"},
		{Name: "GUILD_MEMBER_ADD", Becomes: string(social.Join)},
		{Name: "GUILD_MEMBER_REMOVE", Becomes: string(social.Leave)},
		{Name: "GUILD_MEMBER_UPDATE", Becomes: platform.Ignored, Note: "roles and nicknames of one server are not kept"},
		{Name: "GUILD_DELETE", Becomes: platform.Revoked, Note: "the bot was taken out of the server"},
		{Name: "GUILD_DELETE", Becomes: platform.Ignored, Note: "an outage of Discord's"},
		{Name: "INTERACTION_CREATE", Becomes: string(social.Click), Note: "read as the same interaction sent to the URL"},
		{Name: "INTERACTION_CREATE", Becomes: string(social.Message), Note: "with words in it"},
		{Name: "TYPING_START", Becomes: platform.Ignored, Note: "what is typed is not yet said"},
		{Name: "PRESENCE_UPDATE", Becomes: platform.Ignored, Note: "who is online is not kept"},
	}
}

// why is the reason for which a type is ignored.
func why(kind string) string {
	for _, k := range (Adapter{}).Kinds() {
		if k.Name == kind && k.Becomes == platform.Ignored && k.Note != "" {
			return k.Note
		}
	}
	return "it is not known to tell what someone did"
}

// config is the app's document; it may be absent.
type config struct {
	Reply string `json:"reply"` // what a person reads, alone, after a command or a form; at most 2,000 characters
}

const reply = "Received, thank you."

// CheckConfig refuses what is not {"reply": "…"}.
func (Adapter) CheckConfig(raw json.RawMessage) error {
	var c config
	if err := platform.Config(raw, &c); err != nil {
		return err
	}
	if utf8.RuneCountInString(c.Reply) > 2000 {
		return errors.New("config.reply: it must have at most 2,000 characters")
	}
	return nil
}

// CheckKey refuses what is no Ed25519 public key in hex.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if b, err := hex.DecodeString(key); err != nil || len(b) != ed25519.PublicKeySize {
		return errors.New("it must be the application's public key (General Information): 64 hex digits; neither the bot's token nor the client secret")
	}
	return nil
}

var snowflakeForm = pattern.New(`^[0-9]{15,20}$`)

// private is the scope of all direct messages to the bot, whose channels nobody knows in advance.
const private = "dm"

// CheckScope refuses what is neither an id nor "dm".
func (Adapter) CheckScope(scope string) error {
	if scope != private && !snowflakeForm.MatchString(scope) {
		return errors.New(`it must be the id of a server, channel, lobby or application (17 to 20 digits: Developer Mode, Copy ID), or "dm" for direct messages to the bot`)
	}
	return nil
}

// outer is what tells the three forms of a body apart.
type outer struct {
	Type        json.Number     `json:"type"`
	Application platform.ID     `json:"application_id"`
	Event       json.RawMessage `json:"event"` // of a webhook event
	T           string          `json:"t"`     // of the Gateway
	D           json.RawMessage `json:"d"`
	At          platform.Text   `json:"at"` // when the operator's bot got it, RFC 3339
}

func (o outer) gateway() bool { return o.T != "" }
func (o outer) webhook() bool { return len(o.Event) > 0 && string(o.Event) != "null" }

// ping reports whether o tests the URL: 0 of webhook events, 1 of
// interactions. The numbers say the opposite of each other.
func (o outer) ping() bool {
	return !o.gateway() && !o.webhook() && (o.Type == "0" || o.Type == "1")
}

const contentType = "application/json"

// Handshake answers PING, which is signed as all else. Discord also sends
// some with a wrong signature, which must be refused.
// https://docs.discord.com/developers/events/webhook-events#preparing-for-events
func (a Adapter) Handshake(r platform.Request, s platform.Secrets, o platform.Options, now time.Time) (*platform.Answer, error) {
	var v outer
	if r.Method != http.MethodPost || platform.Decode(r.Body, &v) != nil || !v.ping() {
		return nil, nil
	}
	if err := a.Verify(r, s, o, now); err != nil {
		return nil, err
	}
	if v.Type == "0" {
		return &platform.Answer{Status: http.StatusNoContent, ContentType: contentType}, nil
	}
	return &platform.Answer{Status: http.StatusOK, ContentType: contentType, Body: []byte(`{"type":1}`)}, nil
}

// Verify checks the Ed25519 signature of the timestamp header and the raw
// body under one of the public keys. Discord states no window for the
// timestamp; what is sent again makes the same facts again.
// https://docs.discord.com/developers/interactions/overview#validating-security-request-headers
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	got := r.Header.Get(signatureHeader)
	sum, err := hex.DecodeString(got)
	if err != nil || len(sum) != ed25519.SignatureSize || strings.ToLower(got) != got {
		return platform.Refuse("no signature of 128 hex digits in %s", signatureHeader)
	}
	at := r.Header.Get(timestampHeader)
	if at == "" {
		return platform.Refuse("no %s header", timestampHeader)
	}
	signed := append([]byte(at), r.Body...)
	ok := false
	for _, k := range s.Keys {
		if key, err := hex.DecodeString(k); err == nil && len(key) == ed25519.PublicKeySize && ed25519.Verify(key, signed, sum) {
			ok = true
		}
	}
	if !ok {
		return platform.Refuse("the signature in %s does not match", signatureHeader)
	}
	return nil
}

// Sign signs r as Discord does. key is not what verifies but the private
// key's seed, 64 hex digits.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, now time.Time) error {
	seed, err := hex.DecodeString(key)
	if err != nil || len(seed) != ed25519.SeedSize {
		return errors.New("what signs must be the seed of an Ed25519 key, 64 hex digits; the public key only verifies")
	}
	at := strconv.FormatInt(now.Unix(), 10)
	r.Header.Set(timestampHeader, at)
	r.Header.Set(signatureHeader, hex.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), append([]byte(at), r.Body...))))
	return nil
}

// Acknowledge answers what Discord awaits: 204 to an event, and to an
// interaction a message only the person sees, or nothing that shows. There is
// no later answer: to defer one would leave the person waiting.
// https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-response-object
func (Adapter) Acknowledge(r platform.Request, o platform.Options, _ string) platform.Answer {
	none := platform.Answer{Status: http.StatusNoContent, ContentType: contentType}
	var v outer
	if platform.Decode(r.Body, &v) != nil || v.gateway() || v.webhook() {
		return none
	}
	c := config{}
	if len(o.Config) > 0 && json.Unmarshal(o.Config, &c) != nil || c.Reply == "" {
		c.Reply = reply
	}
	const ephemeral = 1 << 6
	var answer any
	switch v.Type {
	case "2", "5":
		answer = map[string]any{"type": 4, "data": map[string]any{"content": c.Reply, "flags": ephemeral, "allowed_mentions": map[string]any{"parse": []string{}}}}
	case "3":
		answer = map[string]any{"type": 6}
	case "4":
		answer = map[string]any{"type": 8, "data": map[string]any{"choices": []any{}}}
	default:
		return none
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return none
	}
	return platform.Answer{Status: http.StatusOK, ContentType: contentType, Body: body}
}

// Sample is a message in a channel, as an operator's bot hands it over. Its
// id is a snowflake of now, whose lower bits are made of id.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	h := fnv.New32a()
	h.Write([]byte(id))
	d := map[string]any{"id": strconv.FormatInt((now.UnixMilli()-epoch)<<22|int64(h.Sum32()&(1<<22-1)), 10), "type": 0, "channel_id": scope, "guild_id": scope,
		"author":  map[string]any{"id": "100000000000000001", "username": "sample", "global_name": "Sample", "bot": false},
		"content": "Does the export work for you? I wait for it since Monday.", "timestamp": now.UTC().Format(time.RFC3339Nano)}
	if scope == private {
		d["channel_id"] = "100000000000000002"
		delete(d, "guild_id")
	}
	body, _ := json.Marshal(map[string]any{"t": "MESSAGE_CREATE", "d": d, "at": now.UTC().Format(time.RFC3339Nano)})
	return platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {contentType}}, Body: body}
}

// Normalise reads a webhook event, an interaction or an event of the Gateway.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var v outer
	if err := platform.Decode(r.Body, &v); err != nil {
		return nil, err
	}
	switch {
	case v.gateway():
		return gateway(v)
	case v.webhook():
		return webhook(v)
	case v.ping():
		return []platform.Event{platform.Ignore("ping", why("ping"), scopes(string(v.Application))...)}, nil
	case v.Type != "":
		return []platform.Event{interaction(r.Body, "")}, nil
	}
	return nil, errors.New("neither a webhook event nor an interaction nor an event of the Gateway")
}

// scopes are those of ids that are not empty.
func scopes(ids ...string) []string {
	var out []string
	for _, id := range ids {
		if id != "" {
			out = append(out, id)
		}
	}
	return out
}

// epoch is the first millisecond of 2015, from which snowflakes count.
const epoch = 1420070400000

// made is when a snowflake was made: a message, an entitlement, an interaction.
// https://docs.discord.com/developers/reference#snowflakes
func made(id string) (time.Time, error) {
	n, err := strconv.ParseUint(id, 10, 63)
	if err != nil || n>>22 == 0 {
		return time.Time{}, fmt.Errorf("%.40q is no id of Discord's", id)
	}
	return platform.Unix(strconv.FormatUint(n>>22+epoch, 10), time.Millisecond)
}

// timestamp reads a time of Discord's: RFC 3339, or of webhook events without a zone, which is UTC.
func timestamp(s platform.Text) (time.Time, error) {
	return platform.Time(string(s), time.RFC3339Nano, "2006-01-02T15:04:05.999999999")
}

// user is an account; its id holds on the whole platform.
type user struct {
	ID     platform.ID `json:"id"`
	Handle string      `json:"username"`
	Name   string      `json:"global_name"`
	Bot    bool        `json:"bot"`
}

func (u user) actor() social.Actor {
	return social.Actor{ID: string(u.ID), Handle: u.Handle, Name: u.Name}
}

var (
	emoji   = pattern.New(`<a?:([A-Za-z0-9_]{1,64}):[0-9]{1,20}>`)
	mention = pattern.New(`<@[!&]?([0-9]{1,20})>`)
	channel = pattern.New(`<#([0-9]{1,20})>`)
)

// plain is what a person reads of a message: emoji and mentions without their brackets.
// https://docs.discord.com/developers/reference#message-formatting
func plain(s string, named []user) string {
	s = emoji.ReplaceAllString(s, ":$1:")
	s = channel.ReplaceAllString(s, "#$1")
	return mention.ReplaceAllStringFunc(s, func(m string) string {
		id := mention.FindStringSubmatch(m)[1]
		for _, u := range named {
			if string(u.ID) == id && u.Handle != "" {
				return "@" + u.Handle
			}
		}
		return "@" + id
	})
}

// link is where a message can be looked at; a guild of "@me" holds direct messages.
func link(guild, channel, message string) string {
	for _, id := range []string{channel, message} {
		if !snowflakeForm.MatchString(id) {
			return ""
		}
	}
	if guild == "" {
		guild = "@me"
	} else if !snowflakeForm.MatchString(guild) {
		return ""
	}
	return "https://discord.com/channels/" + guild + "/" + channel + "/" + message
}
