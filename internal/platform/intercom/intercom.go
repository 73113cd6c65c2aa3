// Package intercom receives Intercom's webhooks: conversations and tickets,
// ratings, contacts.
// https://developers.intercom.com/docs/references/webhooks/webhook-models
package intercom

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rapport/internal/platform"
	"rapport/internal/social"
)

const (
	name   = social.Platform("intercom")
	header = "X-Hub-Signature"
)

// scheme is the only one that Intercom has, so it is not legacy here:
// https://developers.intercom.com/docs/webhooks/webhook-notifications
var scheme = platform.HeaderMAC{Header: header, Prefix: "sha1=", MAC: platform.MAC{Algorithm: "sha1", Encoding: "hex"}}

// Adapter is the intercom platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// ignored are the topics that are known to tell nothing that somebody outside
// did, or nothing that another topic does not tell better.
var ignored = map[string]string{
	"ping":                          "a test of the URL",
	"conversation.admin.assigned":   "how the team works; what was said comes as conversation.admin.replied",
	"conversation.admin.noted":      "an internal note",
	"conversation.admin.snoozed":    "how the team works",
	"conversation.admin.unsnoozed":  "how the team works",
	"conversation.read":             "a message was read",
	"conversation.priority.updated": "how the team works",
	"contact.archived":              "hidden, not deleted",
	"contact.created":               "a lead is made for whoever writes: the conversation tells it",
	"contact.lead.created":          "a lead is made for whoever writes: the conversation tells it",
	"contact.lead.updated":          "also comes whenever somebody is merely seen",
	"contact.merged":                "two contacts are one: merge the persons in Rapport",
	"contact.user.updated":          "also comes whenever somebody is merely seen",
	"event.created":                 "what it means is the business's own: send it through the platform standard",
	"ticket.admin.assigned":         "how the team works",
	"ticket.attribute.updated":      "how the team works",
	"ticket.note.created":           "an internal note",
	"ticket.team.assigned":          "how the team works",
}

// Kinds lists the event types: Intercom's topics.
func (Adapter) Kinds() []platform.Kind {
	kinds := []platform.Kind{
		{Name: "conversation.user.created", Becomes: string(social.Message)},
		{Name: "conversation.user.replied", Becomes: string(social.Message)},
		{Name: "conversation.user.replied", Becomes: platform.Ignored, Note: "a part in which nothing is said, or which was redacted since"},
		{Name: "conversation.admin.single.created", Becomes: string(social.Message), Note: "outbound"},
		{Name: "conversation.admin.replied", Becomes: string(social.Message), Note: "outbound"},
		{Name: "conversation.admin.closed", Becomes: string(social.Message), Note: "if something is said with it: outbound, or inbound if a contact says it"},
		{Name: "conversation.admin.closed", Becomes: string(social.Close), Note: "outbound, or inbound if a contact does it"},
		{Name: "conversation.admin.opened", Becomes: string(social.Message), Note: "if something is said with it: outbound, or inbound if a contact says it"},
		{Name: "conversation.admin.opened", Becomes: string(social.Reopen), Note: "outbound, or inbound if a contact does it"},
		{Name: "conversation.operator.replied", Becomes: string(social.Message), Note: "outbound: a bot"},
		{Name: "conversation.operator.replied", Becomes: platform.Ignored, Note: "it only says when to expect an answer"},
		{Name: "conversation.rating.added", Becomes: string(social.Review)},
		{Name: "ticket.rating.provided", Becomes: string(social.Review), Note: "if its rating stands where a conversation's does, in the item or in the ticket that the item holds"},
		{Name: "conversation_part.redacted", Becomes: string(social.Delete)},
		{Name: "conversation.deleted", Becomes: string(social.Delete), Note: "of its first message: Intercom does not name the others"},
		{Name: "ticket.closed", Becomes: string(social.Close), Note: "outbound"},
		{Name: "ticket.closed", Becomes: platform.Ignored, Note: "one of the team's own"},
		{Name: "ticket.resolved", Becomes: string(social.Close), Note: "outbound"},
		{Name: "ticket.state.updated", Becomes: string(social.Close), Note: "resolved: outbound"},
		{Name: "ticket.state.updated", Becomes: string(social.Reopen), Note: "resolved before, and no longer: outbound"},
		{Name: "ticket.state.updated", Becomes: platform.Ignored, Note: "between other states: how the team works"},
		{Name: "ticket.created", Becomes: string(social.Message)},
		{Name: "ticket.created", Becomes: platform.Ignored, Note: "one of the team's own, or without a contact"},
		{Name: "ticket.contact.replied", Becomes: string(social.Message)},
		{Name: "ticket.admin.replied", Becomes: string(social.Message), Note: "outbound"},
		{Name: "contact.user.created", Becomes: string(social.SignUp)},
		{Name: "contact.lead.signed_up", Becomes: string(social.SignUp)},
		{Name: "visitor.signed_up", Becomes: string(social.SignUp)},
		{Name: "user.created", Becomes: string(social.SignUp), Note: "before version 2.0 of the API"},
		{Name: "contact.signed_up", Becomes: string(social.SignUp), Note: "before version 2.0 of the API"},
		{Name: "contact.email.updated", Becomes: string(social.ProfileChange)},
		{Name: "contact.lead.added_email", Becomes: string(social.ProfileChange)},
		{Name: "user.email.updated", Becomes: string(social.ProfileChange), Note: "before version 2.0 of the API"},
		{Name: "contact.added_email", Becomes: string(social.ProfileChange), Note: "before version 2.0 of the API"},
		{Name: "contact.subscribed", Becomes: string(social.Follow), Note: "to e-mail"},
		{Name: "contact.unsubscribed", Becomes: string(social.Unfollow), Note: "from e-mail"},
		{Name: "user.unsubscribed", Becomes: string(social.Unfollow), Note: "from e-mail, before version 2.0 of the API"},
		{Name: "granular.subscribe", Becomes: string(social.Follow), Note: "to a kind of message"},
		{Name: "granular.unsubscribe", Becomes: string(social.Unfollow), Note: "from a kind of message"},
		{Name: "contact.deleted", Becomes: platform.Erased},
		{Name: "user.deleted", Becomes: platform.Erased, Note: "before version 2.0 of the API"},
	}
	return platform.WithIgnored(kinds, ignored)
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

// Handshake answers the HEAD request by which Intercom tests a URL that is
// entered. It is not signed, and its answer says nothing.
func (Adapter) Handshake(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) (*platform.Answer, error) {
	if r.Method != http.MethodHead {
		return nil, nil
	}
	for _, k := range s.Keys {
		if k != "" {
			return &platform.Answer{Status: http.StatusOK}, nil
		}
	}
	return nil, platform.Refuse("the app has no secret yet")
}

// Verify checks HMAC-SHA1 of the raw body under the app's client secret.
func (Adapter) Verify(r platform.Request, s platform.Secrets, _ platform.Options, _ time.Time) error {
	return scheme.Verify(r, s)
}

// Sign signs r as Intercom does.
func (Adapter) Sign(r *platform.Request, key, _ string, _ platform.Options, _ time.Time) error {
	return scheme.Sign(r, key)
}

// Sample is a conversation that a contact began.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	type m = map[string]any
	body, _ := json.Marshal(m{"type": "notification_event", "app_id": scope, "id": "notif_" + id, "topic": "conversation.user.created", "created_at": now.Unix(),
		"data": m{"type": "notification_event_data", "item": m{"type": "conversation", "id": id, "created_at": now.Unix(),
			"source": m{"type": "conversation", "id": id, "body": "<p>Does it work?</p>", "author": m{"type": "user", "id": "c1", "name": "Ada"}}}}})
	return platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: body}
}

type notification struct {
	App     platform.ID   `json:"app_id"`
	Topic   string        `json:"topic"`
	Created platform.Text `json:"created_at"`
	Data    struct {
		Item json.RawMessage `json:"item"`
	} `json:"data"`
}

// Normalise reads the one notification of a delivery.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	var n notification
	if err := platform.Decode(r.Body, &n); err != nil {
		return nil, err
	}
	if n.Topic == "" || n.App == "" {
		return nil, errors.New("no notification: it has no topic or no app_id")
	}
	app := string(n.App)
	if why := ignored[n.Topic]; why != "" {
		return []platform.Event{platform.Ignore(n.Topic, why, app)}, nil
	}
	var events []platform.Event
	var err error
	switch n.Topic {
	case "conversation.user.created", "conversation.user.replied", "conversation.admin.single.created", "conversation.admin.replied", "conversation.operator.replied":
		events, err = n.conversation(strings.HasSuffix(n.Topic, ".created"))
	case "conversation.admin.closed", "conversation.admin.opened":
		events, err = n.turned()
	case "conversation.rating.added", "ticket.rating.provided":
		events, err = n.rating()
	case "conversation_part.redacted":
		events, err = n.redacted()
	case "conversation.deleted":
		events, err = n.deleted()
	case "ticket.created":
		events, err = n.ticket()
	case "ticket.closed", "ticket.resolved", "ticket.state.updated":
		events, err = n.ticketState()
	case "ticket.contact.replied", "ticket.admin.replied":
		events, err = n.ticketReply()
	case "contact.user.created", "contact.lead.signed_up", "visitor.signed_up", "user.created", "contact.signed_up":
		events, err = n.contact(social.SignUp)
	case "contact.email.updated", "contact.lead.added_email", "user.email.updated", "contact.added_email":
		events, err = n.contact(social.ProfileChange)
	case "contact.subscribed", "granular.subscribe":
		events, err = n.contact(social.Follow)
	case "contact.unsubscribed", "granular.unsubscribe", "user.unsubscribed":
		events, err = n.contact(social.Unfollow)
	case "contact.deleted", "user.deleted":
		events, err = n.forget()
	default:
		return []platform.Event{platform.Ignore(n.Topic, "it is not known to tell what someone did", app)}, nil
	}
	if err != nil {
		return []platform.Event{platform.Park(n.Topic, err, app)}, nil
	}
	return events, nil
}

// when reads an instant: seconds since 1970 or, in contacts, RFC 3339.
func when(t platform.Text) (time.Time, error) {
	if strings.Contains(string(t), "T") {
		return platform.Time(string(t))
	}
	return platform.Unix(string(t), time.Second)
}

// item reads the thing that the notification is about.
func (n notification) item(v any) error {
	if len(n.Data.Item) == 0 {
		return errors.New("no data.item")
	}
	if err := platform.Decode(n.Data.Item, v); err != nil {
		return fmt.Errorf("data.item: %w", err)
	}
	return nil
}
