package meta

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// messagingKinds are the rows of Messenger and of Instagram's messages. What
// comes on standby, since another app has the thread, is the same.
// https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
var messagingKinds = []platform.Kind{
	{Name: "message", Becomes: string(social.Message)},
	{Name: "message unknown", Becomes: string(social.Message), Note: "what a person sent in a form that is not known: it has a message's id, and no words that could be read"},
	{Name: "message echo", Becomes: string(social.Message), Note: "what the page or account itself sent"},
	{Name: "message story_mention", Becomes: string(social.Mention), Note: "an Instagram story that mentions the account"},
	{Name: "message deleted", Becomes: string(social.Delete)},
	{Name: "message_edit", Becomes: string(social.Edit)},
	{Name: "message_edit", Becomes: platform.Ignored, Note: wordlessEditNote},
	{Name: "reaction react", Becomes: string(social.React)},
	{Name: "reaction unreact", Becomes: string(social.Unreact)},
	{Name: "postback", Becomes: string(social.Click), Note: "a button or menu of the business"},
	{Name: "referral", Becomes: string(social.Click), Note: "a link or an ad that leads to the chat; also within a message or postback"},
	{Name: "optin", Becomes: string(social.SignUp)},
	{Name: "optin stop", Becomes: string(social.Leave)},
	{Name: "optin resume", Becomes: string(social.SignUp)},
	{Name: "order", Becomes: string(social.Purchase), Note: "a cart sent in the chat"},
	{Name: "messaging_feedback", Becomes: string(social.Review), Note: "the answers to a survey in the chat"},
	{Name: "read", Becomes: platform.Ignored, Note: "a receipt"},
	{Name: "delivery", Becomes: platform.Ignored, Note: "a receipt"},
	{Name: "account_linking", Becomes: platform.Ignored, Note: "it ties a chat to a login, and says nothing"},
	{Name: "pass_thread_control", Becomes: platform.Ignored, Note: "between apps"},
	{Name: "take_thread_control", Becomes: platform.Ignored, Note: "between apps"},
	{Name: "request_thread_control", Becomes: platform.Ignored, Note: "between apps"},
	{Name: "app_roles", Becomes: platform.Ignored, Note: "between apps"},
	{Name: "policy_enforcement", Becomes: platform.Ignored, Note: "Meta warns or blocks the page"},
	{Name: "response_feedback", Becomes: platform.Ignored, Note: "a thumb for an automatic answer"},
}

// wordlessEditNote is why an edit without its words is none: Instagram tells
// of new messages so, with the number of edits 0, often without who wrote.
const wordlessEditNote = "no words are in it: Instagram announces a new message so, which comes by itself where the field messages is ticked"

// silent are the messaging events that tell of nobody's doing, and why.
var silent = func() map[string]string {
	m := map[string]string{}
	for _, k := range messagingKinds {
		if k.Becomes == platform.Ignored && k.Name != "message_edit" {
			m[k.Name] = k.Note
		}
	}
	return m
}()

// messagingFields are the fields of changes whose value is a messaging event:
// so they come from the test tool and in some subscriptions.
var messagingFields = func() map[string]bool {
	m := map[string]bool{}
	for _, f := range []string{"messages", "message_echoes", "message_edit", "message_edits", "message_reactions", "message_reads", "message_deliveries", "messaging_postbacks",
		"messaging_referral", "messaging_referrals", "messaging_optins", "messaging_seen", "messaging_feedback", "messaging_account_linking", "messaging_handover",
		"messaging_handovers", "messaging_policy_enforcement", "response_feedback", "standby", "send_cart"} {
		m[f] = true
	}
	return m
}()

type messageValue struct {
	Mid         platform.ID   `json:"mid"`
	Text        platform.Text `json:"text"`
	Echo        bool          `json:"is_echo"`
	Deleted     bool          `json:"is_deleted"`
	Referral    *referral     `json:"referral"`
	Attachments []struct {
		Type platform.Text `json:"type"`
	} `json:"attachments"`
	ReplyTo *struct {
		Mid   platform.ID `json:"mid"`
		Story *struct {
			ID platform.ID `json:"id"`
		} `json:"story"`
	} `json:"reply_to"`
}

// referral says by which link or ad somebody came to the chat.
type referral struct {
	Ref     platform.Text `json:"ref"`
	Ad      platform.ID   `json:"ad_id"`
	Source  platform.Text `json:"source"`
	Product struct {
		ID platform.ID `json:"id"`
	} `json:"product"`
}

// target is what was followed, and of which type; nothing where it is not told.
func (r referral) target() social.Object {
	switch {
	case r.Ad != "":
		return social.Object{ID: string(r.Ad), Type: "ad"}
	case r.Product.ID != "":
		return social.Object{ID: string(r.Product.ID), Type: "product"}
	}
	return social.Object{ID: first(r.Ref, r.Source), Type: "link"}
}

// chat is what all messaging events of one page or account and one person share.
type chat struct {
	account string // the page's or Instagram account's id
	other   string // the person's, within the account
	own     bool   // the account itself acts
	sent    platform.Text
}

// byRef is the id of a person whom only a plugin's user_ref names, which is the
// business's own choice: no page-scoped id looks like it.
// https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/messaging_postbacks
func byRef(ref platform.ID) string {
	if platform.NamesNobody(string(ref)) {
		return ""
	}
	return "ref:" + string(ref)
}

// act is the event of an activity in the chat; its Type, Object, Text and
// InReplyTo are a's, id is what makes its key.
func (c chat) act(kind string, a social.Activity, id string) platform.Event {
	a.Platform, a.Scope, a.Conversation = name, c.account, "dm:"+c.other
	a.Actor, a.Direction = social.Actor{Scope: c.account, ID: c.other}, social.Inbound
	if c.own {
		a.Actor.ID, a.Direction = c.account, social.Outbound
	}
	var err error
	if a.Occurred, err = metaTime(c.sent); err == nil && a.Actor.ID == "" {
		err = errors.New("without its sender, so that nobody can be said to have done it")
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", kind, err)
	}
	a.Key = social.ActivityKey(name, c.account, a.Type, id, a.Occurred)
	return platform.Act(kind, a, err, c.account)
}

// did makes an id, of who and what, for a thing done in the chat that has none.
func (c chat) did(what ...string) string {
	if c.own {
		return social.Key(append([]string{c.account}, what...)...)
	}
	return social.Key(append([]string{c.other}, what...)...)
}

// came is the event of a link or an ad that led to the chat.
func (c chat) came(r referral) platform.Event {
	o := r.target()
	return c.act("referral", social.Activity{Type: social.Click, Object: o}, c.did(o.ID))
}

// editValue is what a message says from now on.
type editValue struct {
	Mid  platform.ID    `json:"mid"`
	Text *platform.Text `json:"text"`
}

// reactionValue is a reaction to a message.
type reactionValue struct {
	Mid      platform.ID   `json:"mid"`
	Action   string        `json:"action"`
	Reaction platform.Text `json:"reaction"`
	Emoji    platform.Text `json:"emoji"`
}

// postbackValue is a press on a button that the business made.
type postbackValue struct {
	Mid      platform.ID   `json:"mid"`
	Title    platform.Text `json:"title"`
	Payload  platform.Text `json:"payload"`
	Referral *referral     `json:"referral"`
}

// messagingEvents reads one messaging event of a page or an Instagram account.
func messagingEvents(account string, raw json.RawMessage) []platform.Event {
	one := func(e platform.Event) []platform.Event { return []platform.Event{e} }
	park := func(kind string, err error) []platform.Event {
		return one(platform.Park(kind, fmt.Errorf("%s: %w", kind, err), account))
	}
	var m map[string]json.RawMessage
	if err := platform.Decode(raw, &m); err != nil {
		return park("messaging", err)
	}
	var sender, recipient who
	c := chat{account: account}
	if err := errors.Join(get(m, "sender", &sender), get(m, "recipient", &recipient), get(m, "timestamp", &c.sent)); err != nil {
		return park("messaging", err)
	}
	c.other, c.own = first(string(sender.ID), byRef(sender.Ref)), string(sender.ID) == account
	if c.own {
		c.other = first(string(recipient.ID), byRef(recipient.Ref))
	}
	switch {
	case has(m, "message"):
		var v messageValue
		if err := get(m, "message", &v); err != nil {
			return park("message", err)
		}
		if v.Echo && !c.own { // an echo the wrong way round
			c.own = true
			if recipient.ID != "" && string(recipient.ID) != account {
				c.other = string(recipient.ID)
			}
		}
		return c.message(v)
	case has(m, "message_edit"):
		var v editValue
		if err := get(m, "message_edit", &v); err != nil {
			return park("message_edit", err)
		}
		if v.Text == nil {
			return one(platform.Ignore("message_edit", wordlessEditNote, account))
		}
		return one(c.act("message_edit", social.Activity{Type: social.Edit, Object: social.Object{ID: string(v.Mid), Type: "message"}, Text: string(*v.Text)},
			social.Key(string(v.Mid), version(string(*v.Text)))))
	case has(m, "reaction"):
		var v reactionValue
		if err := get(m, "reaction", &v); err != nil {
			return park("reaction", err)
		}
		t, ok := map[string]social.Type{"react": social.React, "unreact": social.Unreact}[v.Action]
		if !ok {
			return one(platform.Ignore(strings.TrimSpace("reaction "+v.Action), "it is neither a reaction nor one taken back", account))
		}
		which := string(v.Reaction) // one of seven by its name, or "other"
		if which == "" || which == "other" {
			which = first(v.Emoji, v.Reaction)
		}
		return one(c.act("reaction "+v.Action, social.Activity{Type: t, Object: social.Object{ID: string(v.Mid), Type: "message"}, Reaction: which},
			c.did(string(v.Mid), string(v.Reaction), string(v.Emoji))))
	case has(m, "postback"):
		var v postbackValue
		if err := get(m, "postback", &v); err != nil {
			return park("postback", err)
		}
		// On standby it comes without the payload: what it is called goes first.
		what := first(v.Title, v.Payload)
		id := string(v.Mid)
		if id == "" {
			id = c.did(what)
		}
		events := one(c.act("postback", social.Activity{Type: social.Click, Object: social.Object{ID: what, Type: "button"}, Text: string(v.Title)}, id))
		if v.Referral != nil && v.Referral.target().ID != "" {
			events = append(events, c.came(*v.Referral))
		}
		return events
	case has(m, "referral"):
		var v referral
		if err := get(m, "referral", &v); err != nil {
			return park("referral", err)
		}
		return one(c.came(v))
	case has(m, "optin"):
		return one(c.optin(m["optin"]))
	case has(m, "order"):
		return one(c.order(m["order"]))
	case has(m, "messaging_feedback"):
		return one(c.feedback(m["messaging_feedback"]))
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if why, ok := silent[k]; ok && has(m, k) {
			return one(platform.Ignore(k, why, account))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		var v struct {
			Mid platform.ID `json:"mid"`
		}
		if get(m, k, &v) == nil && v.Mid != "" && !c.own {
			return one(c.act("message unknown", social.Activity{Type: social.Message, Object: social.Object{ID: string(v.Mid), Type: "message"}, Reading: platform.UnreadWords}, string(v.Mid)))
		}
	}
	return one(platform.Ignore("messaging", "a messaging event of a kind that is not known", account))
}

// message reads a message, an echo of one, a story that mentions the account,
// or that one was taken back; then what led to it.
func (c chat) message(v messageValue) []platform.Event {
	a := social.Activity{Type: social.Message, Object: social.Object{ID: string(v.Mid), Type: "message"}, Text: string(v.Text)}
	if v.ReplyTo != nil {
		a.InReplyTo = string(v.ReplyTo.Mid)
		if s := v.ReplyTo.Story; s != nil && a.InReplyTo == "" {
			a.InReplyTo = string(s.ID)
		}
	}
	kind := "message"
	switch {
	case v.Deleted:
		kind = "message deleted"
		a.Type, a.Text, a.InReplyTo = social.Delete, "", ""
	case c.own:
		kind = "message echo"
	default:
		for _, at := range v.Attachments {
			if at.Type == "story_mention" {
				kind = "message story_mention"
				a.Type, a.Object.Type = social.Mention, "story"
			}
		}
	}
	events := []platform.Event{c.act(kind, a, string(v.Mid))}
	if v.Referral != nil && v.Referral.target().ID != "" && !v.Deleted && !c.own {
		events = append(events, c.came(*v.Referral))
	}
	return events
}

// optinValue says for messages on what topic somebody signed up.
type optinValue struct {
	Type    platform.Text `json:"type"`
	Title   platform.Text `json:"title"`
	Payload platform.Text `json:"payload"`
	Ref     platform.Text `json:"ref"`
	UserRef platform.ID   `json:"user_ref"`
	Status  string        `json:"notification_messages_status"`
}

// optin reads that somebody signed up for messages on a topic, or wants them
// no more, or again.
func (c chat) optin(raw json.RawMessage) platform.Event {
	var v optinValue
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park("optin", fmt.Errorf("optin: %w", err), c.account)
	}
	kind, t := "optin", social.SignUp
	switch {
	case strings.HasPrefix(v.Status, "STOP"):
		kind, t = "optin stop", social.Leave
	case strings.HasPrefix(v.Status, "RESUME"):
		kind = "optin resume"
	}
	if c.other == "" {
		c.other = byRef(v.UserRef)
	}
	what := first(v.Title, v.Payload, v.Ref, v.Type)
	return c.act(kind, social.Activity{Type: t, Object: social.Object{ID: what, Type: "topic"}}, c.did(what))
}

// orderValue is a cart that somebody sent to the page; what is in it is not
// kept.
type orderValue struct {
	Note platform.Text `json:"note"`
}

// order reads a cart that was sent in the chat.
// https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events/send_cart
func (c chat) order(raw json.RawMessage) platform.Event {
	var v orderValue
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park("order", fmt.Errorf("order: %w", err), c.account)
	}
	id := c.did(string(c.sent)) // who and when: a cart has no id
	return c.act("order", social.Activity{Type: social.Purchase, Object: social.Object{ID: id, Type: "order"}, Text: string(v.Note)}, id)
}

// feedbackValue holds the answers to a survey, by the names of the questions.
type feedbackValue struct {
	Screens []struct {
		Questions map[string]struct {
			Type     string        `json:"type"` // csat, nps, ces, free_form
			Payload  platform.Text `json:"payload"`
			FollowUp *struct {
				Payload platform.Text `json:"payload"`
			} `json:"follow_up"`
		} `json:"questions"`
	} `json:"feedback_screens"`
}

// feedback reads the answers to a survey in the chat; its text is what was
// written, in the order of the questions' names, and its rating the answer to
// the first of them that has one, that on a recommendation before others.
// https://developers.facebook.com/docs/messenger-platform/send-messages/templates/customer-feedback-template
func (c chat) feedback(raw json.RawMessage) platform.Event {
	var v feedbackValue
	if err := platform.Decode(raw, &v); err != nil {
		return platform.Park("messaging_feedback", fmt.Errorf("messaging_feedback: %w", err), c.account)
	}
	var said []string
	var mark *social.Rating
	for _, s := range v.Screens {
		for _, q := range slices.Sorted(maps.Keys(s.Questions)) {
			var r *social.Rating
			switch question := s.Questions[q]; question.Type {
			case "csat":
				r = platform.Rated(string(question.Payload), 1, 5, social.CSAT, "")
			case "nps":
				r = platform.Rated(string(question.Payload), 0, 10, social.NPS, "")
			case "ces":
				r = platform.Rated(string(question.Payload), 1, 7, social.CES, "")
			case "free_form":
				if question.Payload != "" {
					said = append(said, string(question.Payload))
				}
			}
			if r != nil && (mark == nil || r.Kind == social.NPS && mark.Kind != social.NPS) {
				mark = r
			}
			if f := s.Questions[q].FollowUp; f != nil && f.Payload != "" {
				said = append(said, string(f.Payload))
			}
		}
	}
	id := c.did(string(c.sent)) // who and when: a survey's answers have no id
	return c.act("messaging_feedback", social.Activity{Type: social.Review, Object: social.Object{ID: id, Type: "survey"}, Text: strings.Join(said, "\n"), Rating: mark}, id)
}
