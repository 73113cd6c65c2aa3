// Package telegram receives a Telegram bot's updates: messages of groups,
// channels and private chats, reactions, members, buttons, votes, payments.
// https://core.telegram.org/bots/api#update
package telegram

import (
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = social.Platform("telegram")
	header = "X-Telegram-Bot-Api-Secret-Token"
)

// Scopes that name no chat.
const (
	whole    = "*"        // whatever the bot gets
	itself   = "bot"      // what people do with the bot itself: private chats, its buttons, queries, votes, payments
	business = "business" // chats of business accounts that the bot is connected to; "business/ID" of one
)

// Adapter is the telegram platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// Kinds lists the update types; those of a message's service lines after a space.
func (Adapter) Kinds() []platform.Kind {
	const line = "a service line"
	return []platform.Kind{
		{Name: "message", Becomes: string(social.Post), Note: "in a group"},
		{Name: "message", Becomes: string(social.Reply)},
		{Name: "message", Becomes: string(social.Quote), Note: "a reply to a message elsewhere"},
		{Name: "message", Becomes: string(social.Repost), Note: "forwarded into a group"},
		{Name: "message", Becomes: string(social.Message), Note: "to the bot, in a group unseen by others, too, or to a channel's direct messages"},
		{Name: "message", Becomes: platform.Ignored, Note: "it holds nothing that somebody said"},
		{Name: "message new_chat_members", Becomes: string(social.Join), Note: "the same activity as its chat_member update"},
		{Name: "message new_chat_members", Becomes: platform.Ignored, Note: "a bot"},
		{Name: "message left_chat_member", Becomes: string(social.Leave), Note: "the same activity as its chat_member update"},
		{Name: "message left_chat_member", Becomes: platform.Ignored, Note: "a bot"},
		{Name: "message migrate_to_chat_id", Becomes: platform.Revoked, Note: "the group has another id from now on"},
		{Name: "message successful_payment", Becomes: string(social.Purchase)},
		{Name: "message refunded_payment", Becomes: platform.Ignored, Note: "a purchase taken back has no form of its own"},
		{Name: "message web_app_data", Becomes: string(social.Click), Note: "sent by a form of the bot's"},
		{Name: "message pinned_message", Becomes: platform.Ignored, Note: line},
		{Name: "message new_chat_title", Becomes: platform.Ignored, Note: line},
		{Name: "message forum_topic_created", Becomes: platform.Ignored, Note: line},
		{Name: "edited_message", Becomes: string(social.Edit)},
		{Name: "edited_message", Becomes: platform.Ignored, Note: "a live location moved"},
		{Name: "channel_post", Becomes: string(social.Post)},
		{Name: "channel_post", Becomes: string(social.Repost), Note: "forwarded into the channel"},
		{Name: "edited_channel_post", Becomes: string(social.Edit)},
		{Name: "business_message", Becomes: string(social.Message)},
		{Name: "edited_business_message", Becomes: string(social.Edit)},
		{Name: "deleted_business_messages", Becomes: platform.Parked, Note: "Telegram does not say when, and a deletion needs a time"},
		{Name: "business_connection", Becomes: platform.Revoked, Note: "the business account has disconnected the bot"},
		{Name: "business_connection", Becomes: platform.Ignored, Note: "connected, or with other rights"},
		{Name: "guest_message", Becomes: string(social.Post), Note: "the bot was called into a group it is not in"},
		{Name: "guest_message", Becomes: string(social.Message), Note: "the bot was called into a private chat of others"},
		{Name: "message_reaction", Becomes: string(social.React)},
		{Name: "message_reaction", Becomes: string(social.Unreact), Note: "the last of somebody's reactions was taken back"},
		{Name: "message_reaction", Becomes: platform.Ignored, Note: "one of several was taken back: still a reaction"},
		{Name: "message_reaction_count", Becomes: platform.Ignored, Note: "numbers that name nobody"},
		{Name: "chat_member", Becomes: string(social.Join)},
		{Name: "chat_member", Becomes: string(social.Leave)},
		{Name: "chat_member", Becomes: string(social.Follow), Note: "of a channel"},
		{Name: "chat_member", Becomes: string(social.Unfollow), Note: "of a channel"},
		{Name: "chat_member", Becomes: platform.Ignored, Note: "other rights, or a bot"},
		{Name: "my_chat_member", Becomes: platform.Revoked, Note: "the bot was taken out of a group or channel"},
		{Name: "my_chat_member", Becomes: string(social.Unfollow), Note: "a person blocked the bot"},
		{Name: "my_chat_member", Becomes: string(social.Follow), Note: "a person unblocked it"},
		{Name: "my_chat_member", Becomes: platform.Ignored, Note: "the bot was added, or has other rights"},
		{Name: "chat_join_request", Becomes: platform.Ignored, Note: "asked to join: joining comes as chat_member"},
		{Name: "chat_boost", Becomes: platform.Ignored, Note: "a boost has no form of its own"},
		{Name: "removed_chat_boost", Becomes: platform.Ignored, Note: "a boost has no form of its own"},
		{Name: "callback_query", Becomes: string(social.Click)},
		{Name: "poll_answer", Becomes: string(social.Click)},
		{Name: "poll_answer", Becomes: platform.Ignored, Note: "a vote taken back has no form of its own"},
		{Name: "poll", Becomes: platform.Ignored, Note: "numbers that name nobody"},
		{Name: "inline_query", Becomes: platform.Ignored, Note: "what is typed is not yet said"},
		{Name: "chosen_inline_result", Becomes: string(social.Click)},
		{Name: "shipping_query", Becomes: platform.Ignored, Note: "not yet paid"},
		{Name: "pre_checkout_query", Becomes: platform.Ignored, Note: "not yet paid"},
		{Name: "purchased_paid_media", Becomes: string(social.Purchase)},
		{Name: "subscription", Becomes: string(social.Leave), Note: "to the bot, cancelled"},
		{Name: "subscription", Becomes: string(social.SignUp), Note: "to the bot, taken up again after it was cancelled"},
		{Name: "subscription", Becomes: platform.Ignored, Note: "a payment for it failed"},
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
	// Bot is the bot's id, the digits before the colon of its token. In
	// private chats and basic groups each bot numbers the messages by itself.
	Bot string `json:"bot"`
}

var botForm = pattern.New(`^[0-9]{3,19}$`)

// CheckConfig refuses what is not {"bot": "…"}.
func (Adapter) CheckConfig(raw json.RawMessage) error {
	var c config
	if err := platform.Config(raw, &c); err != nil {
		return err
	}
	if c.Bot != "" && !botForm.MatchString(c.Bot) {
		return errors.New("config.bot: it must be a text, the bot's id: the digits before the colon of its token, and nothing of what follows")
	}
	return nil
}

var (
	tokenForm = pattern.New(`^[A-Za-z0-9_-]{1,256}$`)
	scopeForm = pattern.New(`^(-?[0-9]{1,19}(/[0-9]{1,19})?|@[a-z][a-z0-9_]{3,31}|\*|bot|business(/[A-Za-z0-9_-]{1,128})?)$`)
)

// CheckKey refuses what setWebhook would not take as its secret_token.
func (Adapter) CheckKey(key string, _ platform.Options) error {
	if !tokenForm.MatchString(key) {
		return errors.New("it must be the secret_token given to setWebhook: 1 to 256 of A-Z, a-z, 0-9, _ and -; not the bot's token, which holds a colon")
	}
	return nil
}

// CheckScope refuses what is neither a chat nor one of the scopes without.
func (Adapter) CheckScope(scope string) error {
	if !scopeForm.MatchString(scope) {
		return errors.New(`it must be a chat's id (-1001234567890, or with a topic's: -1001234567890/42), a public @name in lower case, "bot" (private chats with the bot), "business" (accounts it is connected to), or "*" (all)`)
	}
	return nil
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Verify compares the secret token in constant time. Telegram signs nothing:
// who knows the token can send anything.
// https://core.telegram.org/bots/api#setwebhook
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	got, ok := []byte(r.Header.Get(header)), false
	for _, k := range s.Keys {
		if k != "" && subtle.ConstantTimeCompare(got, []byte(k)) == 1 {
			ok = true
		}
	}
	if !ok {
		return platform.Refuse("the token in %s is not the app's", header)
	}
	return nil
}

// Sign sends the token, as Telegram does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	if key == "" {
		return errors.New("the secret token is empty")
	}
	r.Header.Set(header, key)
	return nil
}

// Sample is a message in the scope's chat; for scopes without, a private one.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	number, err := strconv.ParseInt(id, 10, 32)
	if err != nil || number <= 0 {
		h := fnv.New32a()
		h.Write([]byte(id))
		number = int64(h.Sum32()>>1) + 1
	}
	from := map[string]any{"id": 1001, "is_bot": false, "first_name": "Sample", "username": "sample_person"}
	m := map[string]any{"message_id": number, "from": from, "date": now.Unix(), "text": "Does the export work for you? I wait for it since Monday."}
	kind := "message"
	chat, topic, _ := strings.Cut(scope, "/")
	switch {
	case chat == business:
		kind, m["business_connection_id"] = "business_message", topic
		m["chat"] = map[string]any{"id": 1001, "type": "private", "first_name": "Sample"}
	case strings.HasPrefix(chat, "@"):
		m["chat"] = map[string]any{"id": json.Number("-1001000000001"), "type": "supergroup", "title": "Sample", "username": chat[1:]}
	case strings.HasPrefix(chat, "-"):
		m["chat"] = map[string]any{"id": json.Number(chat), "type": "supergroup", "title": "Sample"}
		if topic != "" {
			m["is_topic_message"], m["message_thread_id"] = true, json.Number(topic)
		}
	case chat == itself || chat == whole:
		m["chat"] = map[string]any{"id": 1001, "type": "private", "first_name": "Sample"}
	default:
		m["chat"], from["id"] = map[string]any{"id": json.Number(chat), "type": "private", "first_name": "Sample"}, json.Number(chat)
	}
	if topic == "" && chat == business {
		m["business_connection_id"] = "sample"
	}
	body, _ := json.Marshal(map[string]any{"update_id": number, kind: m})
	return platform.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}

// Normalise reads an update. It holds one thing; should it hold several, each
// is told, in the order of their names.
func (Adapter) Normalise(r platform.Request, o platform.Options) ([]platform.Event, error) {
	var update map[string]json.RawMessage
	if err := platform.Decode(r.Body, &update); err != nil {
		return nil, err
	}
	var c config
	if len(o.Config) > 0 {
		if err := platform.Decode(o.Config, &c); err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
	}
	var id platform.ID
	if err := json.Unmarshal(update["update_id"], &id); err != nil || id == "" {
		return nil, errors.New("no update: it has no update_id")
	}
	var kinds []string
	for k := range update {
		if k != "update_id" && k != "" {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return nil, errors.New("an update of nothing")
	}
	slices.Sort(kinds)
	var events []platform.Event
	for _, k := range kinds {
		events = append(events, one(k, update[k], id, c.Bot)...)
	}
	return events, nil
}

// one reads one part of an update, whose id it is.
func one(kind string, raw json.RawMessage, update platform.ID, bot string) []platform.Event {
	switch kind {
	case "message", "channel_post", "business_message", "guest_message":
		return said(kind, raw, bot)
	case "edited_message", "edited_channel_post", "edited_business_message":
		return []platform.Event{edited(kind, raw, bot)}
	case "message_reaction":
		return reaction(kind, raw, bot)
	case "chat_member":
		return []platform.Event{member(kind, raw)}
	case "my_chat_member":
		return []platform.Event{own(kind, raw)}
	case "callback_query", "chosen_inline_result", "poll_answer", "purchased_paid_media", "subscription":
		return []platform.Event{click(kind, raw, update, bot)}
	case "business_connection", "deleted_business_messages":
		return []platform.Event{connection(kind, raw)}
	}
	var v struct {
		Chat chat `json:"chat"`
	}
	_ = json.Unmarshal(raw, &v) // only to count it where it happened
	return []platform.Event{platform.Ignore(kind, why(kind), v.Chat.scopes()...)}
}

// user is a person's or a bot's account; its id holds on the whole platform.
type user struct {
	ID       platform.ID `json:"id"`
	Bot      bool        `json:"is_bot"`
	First    string      `json:"first_name"`
	Last     string      `json:"last_name"`
	Username string      `json:"username"`
}

func (u user) actor() social.Actor {
	return social.Actor{ID: string(u.ID), Handle: u.Username, Name: strings.TrimSpace(u.First + " " + u.Last)}
}

// chat is a private one, a group or a channel. Its id is of the same space as a user's.
type chat struct {
	ID       platform.ID `json:"id"`
	Type     string      `json:"type"` // private, group, supergroup, channel
	Title    string      `json:"title"`
	Username string      `json:"username"`
	Direct   bool        `json:"is_direct_messages"` // people write to a channel
}

func (c chat) actor() social.Actor {
	return social.Actor{ID: string(c.ID), Handle: c.Username, Name: c.Title}
}

// scopes are what a source may have named: the chat's id, its public name,
// and for private chats the bot.
func (c chat) scopes() []string {
	var out []string
	if c.ID != "" {
		out = append(out, string(c.ID))
	}
	if c.Username != "" {
		out = append(out, "@"+strings.ToLower(c.Username))
	}
	if c.Type == "private" {
		out = append(out, itself)
	}
	return out
}

// box is within what the ids of c's messages are unique. Supergroups and
// channels number theirs; in private chats and basic groups each bot does, and
// in chats of a business account the account.
func (c chat) box(connection, bot string) string {
	switch {
	case connection != "":
		return string(c.ID) + "/business/" + connection
	case c.Type == "supergroup" || c.Type == "channel" || bot == "":
		return string(c.ID)
	}
	return string(c.ID) + "/" + bot
}

var (
	publicName = pattern.New(`^[A-Za-z][A-Za-z0-9_]{3,31}$`)
	digits     = pattern.New(`^[0-9]{1,19}$`)
)

// link opens a message: of a public chat for everybody, else for its members.
// https://core.telegram.org/api/links#message-links
func (c chat) link(message string) string {
	if c.Type != "supergroup" && c.Type != "channel" || c.Direct || !digits.MatchString(message) {
		return ""
	}
	if publicName.MatchString(c.Username) {
		return "https://t.me/" + c.Username + "/" + message
	}
	if inner, ok := strings.CutPrefix(string(c.ID), "-100"); ok && digits.MatchString(inner) {
		return "https://t.me/c/" + inner + "/" + message
	}
	return ""
}

// appended adds a scope that is not yet among them.
func appended(scopes []string, more string) []string {
	if slices.Contains(scopes, more) {
		return scopes
	}
	return append(scopes, more)
}

// MakeKey makes a secret: it is ours to choose.
func (Adapter) MakeKey(random []byte) string { return hex.EncodeToString(random) }
