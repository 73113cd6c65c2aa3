package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// whatsappKinds are the rows of WhatsApp: the types of messages, received or
// (message_echoes) sent from the business's phone, then the other fields.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
func whatsappKinds() []platform.Kind {
	var out []platform.Kind
	for _, t := range messageTypes {
		note := ""
		if t == "unsupported" || t == "unknown" {
			note = "what was sent is not told"
		}
		out = append(out, platform.Kind{Name: "whatsapp " + t, Becomes: string(social.Message), Note: note})
	}
	out = append(out,
		platform.Kind{Name: "whatsapp message", Becomes: string(social.Message), Note: "of a type that is not known: somebody wrote, what is not told"},
		platform.Kind{Name: "whatsapp interactive", Becomes: string(social.Review), Note: "the answers of a Flow, with a rating among them"},
		platform.Kind{Name: "whatsapp order", Becomes: string(social.Purchase), Note: "a cart sent from the catalogue"},
		platform.Kind{Name: "whatsapp payment", Becomes: string(social.Purchase), Note: "a status of the type payment that is captured"},
		platform.Kind{Name: "whatsapp payment", Becomes: platform.Parked, Note: "without its reference_id it does not say what was paid"},
		platform.Kind{Name: "whatsapp reaction", Becomes: string(social.React)},
		platform.Kind{Name: "whatsapp reaction", Becomes: string(social.Unreact), Note: "without an emoji"},
		platform.Kind{Name: "whatsapp edit", Becomes: string(social.Edit)},
		platform.Kind{Name: "whatsapp revoke", Becomes: string(social.Delete)},
		platform.Kind{Name: "whatsapp request_welcome", Becomes: string(social.Visit), Note: "the chat was opened for the first time"},
		platform.Kind{Name: "whatsapp referral", Becomes: string(social.Click), Note: "the ad or post that led to a message; beside the message"},
		platform.Kind{Name: "whatsapp user_preferences stop", Becomes: string(social.Leave), Note: "no marketing messages any more"},
		platform.Kind{Name: "whatsapp user_preferences resume", Becomes: string(social.SignUp), Note: "marketing messages again"},
		platform.Kind{Name: "whatsapp group_participants_add", Becomes: string(social.Join), Note: "a group of the business's"},
		platform.Kind{Name: "whatsapp group_participants_remove", Becomes: string(social.Leave), Note: "by themselves, or the business took them out"},
		platform.Kind{Name: "whatsapp user_id_update", Becomes: string(social.ProfileChange), Note: "another user id than before, which is the object"},
	)
	for _, t := range changedTypes {
		out = append(out, platform.Kind{Name: "whatsapp system " + t, Becomes: string(social.ProfileChange), Note: "another number or user id than before, which is the object"})
	}
	for _, e := range lostTypes {
		out = append(out, platform.Kind{Name: "whatsapp account_update " + e, Becomes: platform.Revoked})
	}
	out = append(out, platform.Kind{Name: "whatsapp account_update DISABLED_UPDATE", Becomes: platform.Revoked, Note: "waba_ban_state is DISABLE"})
	for _, k := range []string{"status", "errors", "account_update PARTNER_ADDED", "account_update PARTNER_APP_INSTALLED", "account_update DISABLED_UPDATE", "history", "smb_app_state_sync", "message_template_status_update",
		"phone_number_quality_update", "calls", "account_update ACCOUNT_RECONNECTED", "user_actions", "group_join_request_created", "group_join_request_revoked", "group_participants_remove", "system user_changed_user_id"} {
		out = append(out, platform.Kind{Name: "whatsapp " + k, Becomes: platform.Ignored, Note: whatsappSilent[k]})
	}
	return out
}

var (
	// messageTypes are the types of messages that say something.
	messageTypes = []string{"text", "image", "video", "audio", "document", "sticker", "location", "contacts", "button", "interactive", "unsupported",
		"unknown", "voice"} // by older versions

	// changedTypes are the types of system messages that tell of another identity.
	changedTypes = []string{"user_changed_number", "user_changed_user_id"}

	// lostTypes are the account's events after which nothing arrives any more.
	lostTypes = []string{"ACCOUNT_DELETED", "PARTNER_REMOVED", "PARTNER_APP_UNINSTALLED", "ACCOUNT_OFFBOARDED"}

	// whatsappSilent says why a known thing tells of nobody's doing.
	whatsappSilent = map[string]string{
		"status":                               "a receipt of what the business sent",
		"errors":                               "an error of WhatsApp's",
		"account_update PARTNER_ADDED":         "between businesses",
		"account_update PARTNER_APP_INSTALLED": "a grant is no act of a person's",
		"account_update DISABLED_UPDATE":       "a ban that is announced or lifted",
		"account_update ACCOUNT_RECONNECTED":   "the number is connected again",
		"user_actions":                         "a click in a marketing message: it names nobody",
		"group_join_request_created":           "asked to join: joining comes as group_participants_add",
		"group_join_request_revoked":           "asks no more to join",
		"group_participants_remove":            "the business could take out nobody",
		"system user_changed_user_id":          "it does not name the user id before, which user_id_update does",
		"history":                              "what was said before the number was connected; it comes once, in chunks",
		"smb_app_state_sync":                   "the address book of the business's phone",
		"message_template_status_update":       "about a template",
		"phone_number_quality_update":          "about the number's limits",
		"calls":                                "a call: nothing is said in writing",
	}
)

func isOneOf(s string, list []string) bool {
	for _, x := range list {
		if s == x {
			return true
		}
	}
	return false
}

// whatsapp is within what its users are unique. A business-scoped user id
// ("US.134…") is the same for all numbers of a business, and a phone number
// for all of WhatsApp.
const whatsapp = "whatsapp"

type whatsappValue struct {
	Metadata struct {
		Phone platform.ID `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts    []json.RawMessage `json:"contacts"`
	Messages    []json.RawMessage `json:"messages"`
	Echoes      []json.RawMessage `json:"message_echoes"`
	Statuses    []json.RawMessage `json:"statuses"`
	Errors      []json.RawMessage `json:"errors"`
	Preferences []json.RawMessage `json:"user_preferences"`
	IDUpdates   []json.RawMessage `json:"user_id_update"`
	Groups      []json.RawMessage `json:"groups"`
	Actions     []json.RawMessage `json:"user_actions"`
}

type contact struct {
	Number  platform.ID `json:"wa_id"`
	UserID  platform.ID `json:"user_id"`
	Profile struct {
		Name     platform.Text `json:"name"`
		Username platform.Text `json:"username"`
	} `json:"profile"`
}

// business is one WhatsApp number of a business, as a change shows it.
type business struct {
	phone    string // phone_number_id
	scopes   []string
	contacts []contact
}

// user is the account of who has a phone number, a user id or both. The number
// goes first: what somebody wrote before there were user ids is under it, and
// so one account and one chat go on. The id is kept beside it (alias), for when
// the number is left out, as it may be once the user has a username.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
func (w business) user(number, userID platform.ID) social.Actor {
	a := social.Actor{Scope: whatsapp}
	for _, c := range w.contacts {
		if number != "" && c.Number == number || userID != "" && c.UserID == userID {
			a.Name, a.Handle = string(c.Profile.Name), strings.TrimPrefix(string(c.Profile.Username), "@")
			number = platform.ID(first(number, c.Number))
			break
		}
	}
	a.ID = first(number, userID)
	return a
}

// whatsappChange reads a change of a WhatsApp Business account.
func whatsappChange(waba, field string, raw json.RawMessage) []platform.Event {
	kind := "whatsapp " + field
	if field == "account_update" {
		return []platform.Event{accountUpdate(waba, raw)}
	}
	var v whatsappValue
	if len(raw) > 0 {
		if err := platform.Decode(raw, &v); err != nil {
			return []platform.Event{platform.Park(kind, fmt.Errorf("%s: %w", kind, err), waba)}
		}
	}
	w := business{phone: string(v.Metadata.Phone), scopes: []string{waba}}
	if w.phone != "" && w.phone != waba {
		w.scopes = []string{w.phone, waba}
	}
	for _, raw := range v.Contacts {
		var c contact
		if platform.Decode(raw, &c) == nil { // without it, the message has no name
			w.contacts = append(w.contacts, c)
		}
	}
	var events []platform.Event
	for _, raw := range v.Messages {
		events = append(events, w.message(raw, false)...)
	}
	for _, raw := range v.Echoes {
		events = append(events, w.message(raw, true)...)
	}
	for _, raw := range v.Preferences {
		events = append(events, w.preference(raw))
	}
	for _, raw := range v.IDUpdates {
		events = append(events, w.idUpdate(raw))
	}
	for _, raw := range v.Groups {
		events = append(events, w.group(raw)...)
	}
	for range v.Actions {
		events = append(events, platform.Ignore("whatsapp user_actions", whatsappSilent["user_actions"], w.scopes...))
	}
	for _, raw := range v.Statuses {
		events = append(events, w.status(raw))
	}
	for range v.Errors {
		events = append(events, platform.Ignore("whatsapp errors", whatsappSilent["errors"], w.scopes...))
	}
	w.alias(events)
	switch {
	case len(events) > 0:
		return events
	case field == "messages" || field == "smb_message_echoes" || field == "message_echoes":
		return []platform.Event{platform.Park(kind, errors.New(kind+": neither messages nor receipts"), w.scopes...)}
	case whatsappSilent[field] != "":
		return []platform.Event{platform.Ignore(kind, whatsappSilent[field], w.scopes...)}
	}
	return []platform.Event{platform.Ignore(kind, "it is not known to tell what someone did", w.scopes...)}
}

// accountValue says what became of a WhatsApp Business account.
type accountValue struct {
	Event string `json:"event"`
	Info  struct {
		ID platform.ID `json:"waba_id"`
	} `json:"waba_info"`
	Ban struct {
		State platform.Text `json:"waba_ban_state"`
	} `json:"ban_info"`
}

// accountUpdate reads what became of a business's account. Where a partner or
// an app is concerned, the entry's id is not the account's.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/account_update
func accountUpdate(waba string, raw json.RawMessage) platform.Event {
	var v accountValue
	kind := "whatsapp account_update"
	if len(raw) > 0 {
		if err := platform.Decode(raw, &v); err != nil {
			return platform.Park(kind, fmt.Errorf("%s: %w", kind, err), waba)
		}
	}
	if v.Info.ID != "" {
		waba = string(v.Info.ID)
	}
	if v.Event != "" {
		kind += " " + v.Event
	}
	revoked := func(why string) platform.Event {
		return platform.Event{Kind: kind, Scopes: []string{waba}, Revoked: why}
	}
	switch {
	case v.Event == "ACCOUNT_OFFBOARDED":
		return revoked("the WhatsApp Business app of the account " + waba + " was registered anew, perhaps on another device: WhatsApp connects it again by itself, in minutes, unless its owner declined; then connect it again in WhatsApp Manager")
	case v.Event == "ACCOUNT_DELETED":
		return revoked("the WhatsApp Business account " + waba + " was deleted")
	case isOneOf(v.Event, lostTypes):
		return revoked("the WhatsApp Business account " + waba + " is shared with the app no more: connect it again in WhatsApp Manager")
	case v.Event == "DISABLED_UPDATE" && v.Ban.State == "DISABLE":
		return revoked("Meta disabled the WhatsApp Business account " + waba + ": see Business Support Home")
	}
	why := whatsappSilent["account_update "+v.Event]
	if why == "" {
		why = "it is not known to tell what someone did"
	}
	return platform.Ignore(kind, why, waba)
}

type whatsappMessage struct {
	From       platform.ID   `json:"from"`
	FromUserID platform.ID   `json:"from_user_id"`
	To         platform.ID   `json:"to"`
	ToUserID   platform.ID   `json:"to_user_id"`
	Group      platform.ID   `json:"group_id"`
	ID         platform.ID   `json:"id"`
	Timestamp  platform.Text `json:"timestamp"`
	Type       string        `json:"type"`
	Context    *replyContext `json:"context"`
	content                  // of the type
	Reaction   *struct {
		Message platform.ID   `json:"message_id"`
		Emoji   platform.Text `json:"emoji"`
	} `json:"reaction"`
	Edit *struct {
		Original platform.ID `json:"original_message_id"`
		Message  content     `json:"message"`
	} `json:"edit"`
	Revoke *struct {
		Original platform.ID `json:"original_message_id"`
	} `json:"revoke"`
	System *struct {
		Type      string      `json:"type"`
		Number    platform.ID `json:"wa_id"`
		NewNumber platform.ID `json:"new_wa_id"` // before v12
		UserID    platform.ID `json:"user_id"`
		Previous  platform.ID `json:"previous_user_id"`
	} `json:"system"`
	Referral *struct {
		URL  platform.Text `json:"source_url"`
		ID   platform.ID   `json:"source_id"`
		Type platform.Text `json:"source_type"`
	} `json:"referral"`
}

type replyContext struct {
	ID platform.ID `json:"id"`
}

// content is what a message says, each type in a field of its own.
type content struct {
	Text        struct{ Body platform.Text }          `json:"text"`
	Image       struct{ Caption platform.Text }       `json:"image"`
	Video       struct{ Caption platform.Text }       `json:"video"`
	Document    struct{ Caption platform.Text }       `json:"document"`
	Button      struct{ Text platform.Text }          `json:"button"`
	Order       struct{ Text platform.Text }          `json:"order"`
	Location    struct{ Name, Address platform.Text } `json:"location"`
	Interactive struct {
		Button struct{ Title platform.Text } `json:"button_reply"`
		List   struct{ Title platform.Text } `json:"list_reply"`
		Flow   struct {
			Response platform.Text `json:"response_json"`
		} `json:"nfm_reply"` // its body is "Sent", which nobody said
	} `json:"interactive"`
}

// says is the text of it: what was written, the caption, what the chosen
// button says, or the answers of a Flow.
func (c content) says() string {
	if s := first(c.Text.Body, c.Image.Caption, c.Video.Caption, c.Document.Caption, c.Button.Text, c.Order.Text,
		c.Interactive.Button.Title, c.Interactive.List.Title); s != "" {
		return s
	}
	if lines, _, _ := flow(string(c.Interactive.Flow.Response)); lines != "" {
		return lines
	}
	if c.Location.Name != "" && c.Location.Address != "" {
		return string(c.Location.Name + ", " + c.Location.Address)
	}
	return first(c.Location.Name, c.Location.Address)
}

// message reads a message that was received or, as an echo, sent; and the ad
// that led to it.
func (w business) message(raw json.RawMessage, echo bool) []platform.Event {
	one := func(e platform.Event) []platform.Event { return []platform.Event{e} }
	var m whatsappMessage
	err := platform.Decode(raw, &m)
	switch {
	case err != nil:
	case w.phone == "":
		err = errors.New("without the phone_number_id")
	case m.Type == "":
		err = errors.New("a message without its type")
	}
	kind := strings.TrimSpace("whatsapp " + m.Type)
	if err != nil {
		return one(platform.Park(kind, fmt.Errorf("%s: %w", kind, err), w.scopes...))
	}
	if m.From == "" && m.FromUserID == "" && !echo && m.Type != "system" && len(w.contacts) == 1 {
		// What somebody was asked to share, such as their number, names them as the contact only.
		m.From, m.FromUserID = w.contacts[0].Number, w.contacts[0].UserID
	}
	other := w.user(m.From, m.FromUserID)
	a := social.Activity{Platform: name, Scope: w.phone, Type: social.Message, Actor: other, Object: social.Object{ID: string(m.ID), Type: "message"}, Direction: social.Inbound}
	if echo {
		other = w.user(m.To, m.ToUserID)
		a.Actor, a.Direction = social.Actor{Scope: w.phone, ID: w.phone}, social.Outbound
	}
	a.Conversation = "dm:" + other.ID
	if m.Group != "" {
		a.Conversation = string(m.Group)
	}
	id := string(m.ID)
	switch {
	case isOneOf(m.Type, messageTypes):
		if a.Text = m.says(); a.Text == "" && (m.Type == "unsupported" || m.Type == "unknown") {
			a.Reading = platform.UnreadWords
		}
		if m.Context != nil {
			a.InReplyTo = string(m.Context.ID)
		}
		if _, rated, mark := flow(string(m.Interactive.Flow.Response)); rated && !echo {
			a.Type, a.Rating = social.Review, mark
		}
	case m.Type == "order":
		a.Type, a.Object.Type, a.Text = social.Purchase, "order", m.says()
	case m.Type == "request_welcome":
		a.Type, a.Object = social.Visit, social.Object{ID: w.phone, Type: "chat"}
	case m.Type == "reaction" && m.Reaction != nil:
		a.Type, a.Object.ID, a.Reaction = social.React, string(m.Reaction.Message), string(m.Reaction.Emoji)
		if m.Reaction.Emoji == "" {
			a.Type = social.Unreact
		}
	case m.Type == "edit" && m.Edit != nil:
		a.Type, a.Object.ID, a.Text = social.Edit, string(m.Edit.Original), m.Edit.Message.says()
		id = social.Key(a.Object.ID, id)
	case m.Type == "revoke" && m.Revoke != nil:
		a.Type, a.Object.ID = social.Delete, string(m.Revoke.Original)
		id = social.Key(a.Object.ID, id)
	case m.Type == "system" && m.System != nil:
		kind = strings.TrimSpace(kind + " " + m.System.Type)
		if !isOneOf(m.System.Type, changedTypes) {
			return one(platform.Ignore(kind, "it is not known to tell what someone did", w.scopes...))
		}
		a.Type, a.Object = social.ProfileChange, social.Object{ID: first(string(m.System.Previous), other.ID), Type: "account"}
		if a.Object.ID == "" {
			return one(platform.Ignore(kind, whatsappSilent["system user_changed_user_id"], w.scopes...))
		}
		a.Actor = w.user(platform.ID(first(m.System.Number, m.System.NewNumber)), m.System.UserID)
		a.Conversation = ""
	case isOneOf(m.Type, []string{"reaction", "edit", "revoke", "system"}):
		return one(platform.Park(kind, fmt.Errorf("%s: a message without its %s", kind, m.Type), w.scopes...))
	default: // somebody wrote, and may wait for an answer
		kind, a.Reading = "whatsapp message", platform.UnreadWords
		if m.Context != nil {
			a.InReplyTo = string(m.Context.ID)
		}
	}
	act := func(kind string, a social.Activity, id string) platform.Event {
		var err error
		a.Occurred, err = metaTime(m.Timestamp)
		switch {
		case err != nil:
		case m.ID == "":
			err = errors.New("without its id")
		case a.Actor.ID == "":
			err = errors.New("without its sender: neither the number nor the user id is in it")
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", kind, err)
		}
		a.Key = social.ActivityKey(name, w.phone, a.Type, id, a.Occurred)
		return platform.Act(kind, a, err, w.scopes...)
	}
	events := one(act(kind, a, id))
	if r := m.Referral; r != nil && !echo {
		click := a
		click.Reading = social.Reading{}
		click.Type, click.Object, click.Text, click.InReplyTo = social.Click, social.Object{ID: first(string(r.ID), string(r.URL)), Type: string(r.Type)}, "", ""
		if strings.HasPrefix(string(r.URL), "https://") {
			click.URL = string(r.URL)
		}
		events = append(events, act("whatsapp referral", click, id))
	}
	return events
}

// statusValue says what became of a message that the business sent, or of the
// payment that it asked for.
type statusValue struct {
	Type      string        `json:"type"`
	Status    string        `json:"status"`
	Number    platform.ID   `json:"recipient_id"`
	UserID    platform.ID   `json:"recipient_user_id"`
	Timestamp platform.Text `json:"timestamp"`
	Payment   struct {
		Reference platform.ID `json:"reference_id"`
	} `json:"payment"`
}

// status reads a receipt; only that somebody paid tells what someone did.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/payments/payments-in/pg/
func (w business) status(raw json.RawMessage) platform.Event {
	var v statusValue
	if err := platform.Decode(raw, &v); err != nil || v.Type != "payment" || v.Status != "captured" {
		return platform.Ignore("whatsapp status", whatsappSilent["status"], w.scopes...)
	}
	if v.Payment.Reference == "" {
		return platform.Park("whatsapp payment", errors.New("whatsapp payment: without payment.reference_id, which tells it from other payments of the second: look up in WhatsApp Manager or at the payment provider what was paid, and give each order_details message a reference_id of its own"), w.scopes...)
	}
	a := social.Activity{Type: social.Purchase, Actor: w.user(v.Number, v.UserID), Object: social.Object{ID: string(v.Payment.Reference), Type: "payment"}}
	a.Conversation = "dm:" + a.Actor.ID
	return w.dated("whatsapp payment", a, social.Key(a.Actor.ID, a.Object.ID), v.Timestamp)
}

// groupValue is a change of who is in a group.
type groupValue struct {
	ID        platform.ID       `json:"group_id"`
	Type      string            `json:"type"`
	Added     []json.RawMessage `json:"added_participants"`
	Removed   []json.RawMessage `json:"removed_participants"`
	Failed    []json.RawMessage `json:"failed_participants"`
	Timestamp platform.Text     `json:"timestamp"`
}

// participant is somebody who came into a group or left it; input alone, as
// the business wrote it, where the business took them out.
type participant struct {
	Number   platform.ID   `json:"wa_id"`
	UserID   platform.ID   `json:"user_id"`
	Input    platform.ID   `json:"input"`
	Username platform.Text `json:"username"`
}

var (
	userID  = pattern.New(`^[A-Z]{2}\.[0-9A-Za-z.]+$`)
	noDigit = pattern.New(`[^0-9]`)
)

// group reads who came into a group of the business's or left it.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/groups/webhooks
func (w business) group(raw json.RawMessage) []platform.Event {
	kind := "whatsapp groups"
	var v groupValue
	err := platform.Decode(raw, &v)
	if err == nil {
		kind = strings.TrimSpace("whatsapp " + v.Type)
	}
	came := v.Type == "group_participants_add"
	left := v.Type == "group_participants_remove"
	who := v.Added
	if left {
		who = v.Removed
	}
	switch {
	case err != nil:
	case !came && !left:
		why := whatsappSilent[v.Type]
		if why == "" {
			why = "it is not known to tell what someone did"
		}
		return []platform.Event{platform.Ignore(kind, why, w.scopes...)}
	case v.ID == "":
		err = errors.New("without its group")
	case len(who) == 0 && len(v.Failed) > 0:
		return []platform.Event{platform.Ignore(kind, whatsappSilent["group_participants_remove"], w.scopes...)}
	case len(who) == 0:
		err = errors.New("without its participants")
	}
	if err != nil {
		return []platform.Event{platform.Park(kind, fmt.Errorf("%s: %w", kind, err), w.scopes...)}
	}
	a := social.Activity{Type: social.Join, Object: social.Object{ID: string(v.ID), Type: "group"}}
	if left {
		a.Type = social.Leave
	}
	var events []platform.Event
	for _, raw := range who {
		var p participant
		if err := platform.Decode(raw, &p); err != nil {
			events = append(events, platform.Park(kind, fmt.Errorf("%s: a participant: %w", kind, err), w.scopes...))
			continue
		}
		switch {
		case p.Number != "" || p.UserID != "":
		case userID.MatchString(string(p.Input)):
			p.UserID = p.Input
		default:
			p.Number = platform.ID(noDigit.ReplaceAllString(string(p.Input), ""))
		}
		a.Actor = w.user(p.Number, p.UserID)
		if a.Actor.Handle == "" {
			a.Actor.Handle = strings.TrimPrefix(string(p.Username), "@")
		}
		events = append(events, w.dated(kind, a, social.Key(a.Actor.ID, a.Object.ID), v.Timestamp))
	}
	return events
}

// preferenceValue says whether somebody wants messages of a category.
type preferenceValue struct {
	Number    platform.ID   `json:"wa_id"`
	UserID    platform.ID   `json:"user_id"`
	Category  platform.Text `json:"category"`
	Value     string        `json:"value"`
	Timestamp platform.Text `json:"timestamp"`
}

// preference reads whether somebody wants marketing messages.
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences
func (w business) preference(raw json.RawMessage) platform.Event {
	kind := "whatsapp user_preferences"
	var v preferenceValue
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park(kind, fmt.Errorf("%s: %w", kind, err), w.scopes...)
	}
	kind = strings.TrimSpace(kind + " " + v.Value)
	t, ok := map[string]social.Type{"stop": social.Leave, "resume": social.SignUp}[v.Value]
	if !ok {
		return platform.Ignore(kind, "it is not known to tell what someone did", w.scopes...)
	}
	a := social.Activity{Type: t, Actor: w.user(v.Number, v.UserID), Object: social.Object{ID: string(v.Category), Type: "topic"}}
	return w.dated(kind, a, social.Key(a.Actor.ID, a.Object.ID), v.Timestamp)
}

// idUpdateValue says that a user has another id than before.
type idUpdateValue struct {
	UserID struct {
		Previous platform.ID `json:"previous"`
		Current  platform.ID `json:"current"`
	} `json:"user_id"`
	Number    platform.ID   `json:"wa_id"`
	Timestamp platform.Text `json:"timestamp"`
}

// alias says of the events of who has a number and a user id which user id that is.
func (w business) alias(events []platform.Event) {
	for i := range events {
		for _, c := range w.contacts {
			if a := events[i].Activity; a != nil && c.UserID != "" && a.Actor.ID == string(c.Number) && a.Actor.ID != string(c.UserID) {
				events[i].Alias = string(c.UserID)
			}
		}
	}
}

// idUpdate reads that a user's id has become another one.
func (w business) idUpdate(raw json.RawMessage) platform.Event {
	kind := "whatsapp user_id_update"
	var v idUpdateValue
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park(kind, fmt.Errorf("%s: %w", kind, err), w.scopes...)
	}
	a := social.Activity{Type: social.ProfileChange, Actor: w.user("", v.UserID.Current), Object: social.Object{ID: string(v.UserID.Previous), Type: "account"}}
	e := w.dated(kind, a, social.Key(a.Actor.ID, a.Object.ID), v.Timestamp)
	if e.Alias = string(v.UserID.Previous); e.Activity == nil || e.Alias == a.Actor.ID {
		e.Alias = ""
	}
	return e
}

// dated is the event of something that is no message.
func (w business) dated(kind string, a social.Activity, id string, at platform.Text) platform.Event {
	a.Platform, a.Scope, a.Direction = name, w.phone, social.Inbound
	var err error
	a.Occurred, err = metaTime(at)
	switch {
	case err != nil:
	case w.phone == "":
		err = errors.New("without the phone_number_id")
	case a.Actor.ID == "":
		err = errors.New("without its user: neither the number nor the user id is in it")
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", kind, err)
	}
	a.Key = social.ActivityKey(name, w.phone, a.Type, id, a.Occurred)
	return platform.Act(kind, a, err, w.scopes...)
}
