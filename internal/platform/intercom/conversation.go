package intercom

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

type author struct {
	Type platform.Text `json:"type"` // user, lead, contact, visitor; admin, bot, team
	ID   platform.ID   `json:"id"`
	Name platform.Text `json:"name"`
	AI   platform.Flag `json:"from_ai_agent"`
}

// automatic reports whether no human is the author: a bot, such as Operator, or
// an AI agent, such as Fin.
func (a author) automatic() bool {
	return a.Type == "bot" || a.Type == "operator" || bool(a.AI)
}

type part struct {
	ID          platform.ID   `json:"id"`
	Type        platform.Text `json:"part_type"` // comment, note, assignment, close …
	Body        platform.Text `json:"body"`      // HTML
	Subject     platform.Text `json:"subject"`   // HTML, of a first message that came by e-mail
	Author      author        `json:"author"`
	Created     platform.Text `json:"created_at"`
	Updated     platform.Text `json:"updated_at"`
	Redacted    *bool         `json:"redacted"` // not said before version 2.0 of the API
	Attachments []any         `json:"attachments"`
}

// wordless reports whether a part without words is somebody's message: a
// picture in its text, or a contact's part of a type that is not known. All
// others tell how the team works.
func (p part) wordless() bool {
	if strings.Contains(string(p.Body), "<img") || strings.Contains(string(p.Body), "<video") || strings.Contains(string(p.Body), "<audio") {
		return true
	}
	return direction(p.Author) == social.Inbound && !slices.Contains(working, p.Type)
}

// working are the types of parts that say nothing where they have no words.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/conversation_part
var working = []platform.Text{"", "comment", "assignment", "away_mode_assignment", "close", "open", "snoozed", "unsnoozed", "timer_unsnooze", "participant_added", "participant_removed",
	"conversation_attribute_updated_by_user", "conversation_attribute_updated_by_workflow", "conversation_attribute_updated_by_admin", "attribute_collected", "attribute_collector", "conversation_rating",
	"conversation_rating_changed", "conversation_rating_remark_added", "default_assignment", "assign_and_unsnooze", "assign_and_reopen", "note_and_reopen", "language_detection_details",
	"custom_action_started", "custom_action_finished", "operator_workflow_event", "ticket_state_updated_by_admin", "ticket_attribute_updated_by_admin", "merged_primary_conversation",
	"merged_secondary_conversation", "title_suggestion", "source_link", "conversation_tags_updated", "sla_applied", "sla_target_missed", "bulk_reassignment", "priority_change",
	"state_change", "channel_and_reply_time_expectation"}

type conversation struct {
	ID      platform.ID   `json:"id"`
	OldID   platform.ID   `json:"conversation_id"` // of one that was deleted
	Created platform.Text `json:"created_at"`
	Updated platform.Text `json:"updated_at"`
	Source  *part         `json:"source"`
	Message *part         `json:"conversation_message"` // the source, before version 2.0 of the API
	Parts   struct {
		List []json.RawMessage `json:"conversation_parts"`
	} `json:"conversation_parts"`
	Rating *struct {
		Rating   platform.Text `json:"rating"` // 1 to 5
		Remark   platform.Text `json:"remark"`
		Created  platform.Text `json:"created_at"`
		Contact  *author       `json:"contact"`
		Customer *author       `json:"customer"` // before version 2.0
	} `json:"conversation_rating"`
}

func (c conversation) first() *part {
	if c.Source != nil {
		return c.Source
	}
	return c.Message
}

// Messages and their parts are counted apart, so ids say which is meant. The
// first message has the conversation's id.
func firstID(conversation platform.ID) string { return "conversation:" + string(conversation) }
func partID(part platform.ID) string          { return "part:" + string(part) }

// conversation reads the parts of a conversation that came anew, and with
// begun also its first message.
func (n notification) conversation(begun bool) ([]platform.Event, error) {
	var c conversation
	if err := n.item(&c); err != nil {
		return nil, err
	}
	var events []platform.Event
	if begun {
		if c.first() == nil {
			return nil, errors.New("a conversation without its first message")
		}
		m := *c.first()
		m.Created = c.Created
		events = append(events, n.message(m, c.ID, true))
	}
	for _, raw := range c.Parts.List {
		var p part
		if err := platform.Decode(raw, &p); err != nil {
			events = append(events, platform.Park(n.Topic, fmt.Errorf("a part: %w", err), string(n.App)))
			continue
		}
		events = append(events, n.message(p, c.ID, false))
	}
	if len(events) == 0 {
		return nil, errors.New("a reply without its parts")
	}
	return events, nil
}

// turned reads that a conversation was closed or reopened, and what is said with
// that: by a teammate, or by a contact whose message reopens it. If Intercom
// tells the same part as a reply, too, it is one fact. Without a part nobody
// says who it was.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/conversations/manageconversation
func (n notification) turned() ([]platform.Event, error) {
	var c conversation
	if err := n.item(&c); err != nil {
		return nil, err
	}
	var events []platform.Event
	for _, raw := range c.Parts.List {
		var p part
		err := platform.Decode(raw, &p)
		switch {
		case err != nil:
			events = append(events, platform.Park(n.Topic, fmt.Errorf("a part: %w", err), string(n.App)))
		case p.Type == "close" || p.Type == "open":
			if said := n.message(p, c.ID, false); said.Ignored == "" {
				events = append(events, said)
			}
			t := social.Close
			if p.Type == "open" {
				t = social.Reopen
			}
			events = append(events, n.closing(t, p, c.ID))
		}
	}
	if len(events) == 0 {
		t := social.Close
		if n.Topic == "conversation.admin.opened" {
			t = social.Reopen
		}
		events = append(events, n.closing(t, part{Created: n.Created, Author: author{Type: "admin"}}, c.ID))
	}
	return events, nil
}

// closing is that a conversation needs no more answers, or does again: by the
// author of a part or, where there is none, at a time alone.
func (n notification) closing(t social.Type, p part, thread platform.ID) platform.Event {
	at, err := when(p.Created)
	if err == nil && thread == "" {
		err = errors.New("closed or reopened, without the conversation")
	}
	app, id := string(n.App), firstID(thread)
	if p.ID != "" {
		id = partID(p.ID)
	}
	a := social.Activity{
		Key: social.ActivityKey(name, app, t, id, at), Platform: name, Scope: app, Type: t, Actor: social.Actor{ID: string(p.Author.ID), Scope: app, Name: string(p.Author.Name)},
		Object: social.Object{ID: string(thread), Type: "conversation"}, Conversation: string(thread),
		URL: link(app, thread), Occurred: at, Direction: direction(p.Author), Flat: true, Automatic: p.Author.automatic(),
	}
	if a.Actor.ID == "" {
		a.Actor = social.Actor{ID: social.Unknown, Scope: app}
	}
	return platform.Act(n.Topic, a, err, app)
}

// ticketState reads that a ticket was closed or resolved, or is no longer. It
// does not say by whom.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/tickets/ticket
func (n notification) ticketState() ([]platform.Event, error) {
	type state struct {
		Category platform.Text `json:"category"` // submitted, in_progress, waiting_on_customer, resolved
	}
	type item struct {
		ticket
		State json.RawMessage `json:"ticket_state"` // an object, before version 2.11 a word
		Parts struct {
			List []struct {
				Was platform.Text `json:"previous_ticket_state"`
			} `json:"ticket_parts"`
		} `json:"ticket_parts"`
	}
	var v struct {
		item
		Ticket *item `json:"ticket"`
	}
	if err := n.item(&v); err != nil {
		return nil, err
	}
	i := v.item
	if v.Ticket != nil {
		i = *v.Ticket
	}
	app := string(n.App)
	if i.Category != "" && i.Category != "Customer" {
		return []platform.Event{platform.Ignore(n.Topic, "a ticket of the team's own", app)}, nil
	}
	t := social.Close
	if n.Topic == "ticket.state.updated" {
		var s state
		if platform.Decode(i.State, &s) != nil {
			_ = platform.Decode(i.State, &s.Category) // what is neither is no state
		}
		was := platform.Text("")
		for _, p := range i.Parts.List {
			if p.Was != "" {
				was = p.Was
			}
		}
		switch {
		case s.Category == "resolved" && was != "resolved":
		case s.Category != "" && s.Category != "resolved" && was == "resolved":
			t = social.Reopen
		default:
			return []platform.Event{platform.Ignore(n.Topic, "how the team works", app)}, nil
		}
	}
	return []platform.Event{n.closing(t, part{Created: n.Created, Author: author{Type: "admin"}}, i.ID)}, nil
}

// message is what one part says.
func (n notification) message(p part, thread platform.ID, first bool) platform.Event {
	app := string(n.App)
	text := platform.PlainText(string(p.Body))
	if subject := platform.PlainText(string(p.Subject)); first && subject != "" && !strings.HasPrefix(text, subject) {
		text = strings.TrimSpace(subject + "\n" + text)
	}
	switch {
	case p.Redacted != nil && *p.Redacted:
		return platform.Ignore(n.Topic, "redacted since", app)
	case p.Type == "note":
		return platform.Ignore(n.Topic, "an internal note", app)
	case p.Type == "channel_and_reply_time_expectation":
		return platform.Ignore(n.Topic, "it only says when to expect an answer", app)
	case text == "" && len(p.Attachments) == 0 && !p.wordless():
		return platform.Ignore(n.Topic, "a part in which nothing is said", app)
	}
	at, err := when(p.Created)
	if err == nil && thread == "" {
		err = errors.New("a message without its conversation")
	}
	a := social.Activity{
		Platform: name, Scope: app, Type: social.Message, Actor: social.Actor{ID: string(p.Author.ID), Scope: app, Name: string(p.Author.Name)},
		Object: social.Object{ID: partID(p.ID), Type: "message"}, InReplyTo: firstID(thread), Conversation: string(thread),
		Text: text, URL: link(app, thread), Occurred: at, Direction: direction(p.Author), Flat: true, Automatic: p.Author.automatic(),
	}
	if a.Actor.ID == "" { // the account is no more
		a.Actor = social.Actor{ID: social.Unknown, Scope: app}
	}
	if first {
		a.Object.ID, a.InReplyTo = firstID(thread), ""
	} else if p.ID == "" {
		err = errors.New("a part without its id")
	}
	a.Key = social.ActivityKey(name, app, a.Type, a.Object.ID, at)
	return platform.Act(n.Topic, a, err, app)
}

func direction(a author) social.Direction {
	switch a.Type {
	case "admin", "bot", "team", "operator":
		return social.Outbound
	}
	return social.Inbound
}

func link(app string, conversation platform.ID) string {
	return "https://app.intercom.com/a/apps/" + url.PathEscape(app) + "/conversations/" + url.PathEscape(string(conversation))
}

// rating is a contact's judgement of a conversation or of the ticket that it
// is, on a scale of five.
func (n notification) rating() ([]platform.Event, error) {
	var v struct {
		conversation
		Ticket json.RawMessage `json:"ticket"` // of the notifications of tickets some hold the ticket, some are it
	}
	if err := n.item(&v); err != nil {
		return nil, err
	}
	c := v.conversation
	if c.Rating == nil && len(v.Ticket) > 0 {
		if err := platform.Decode(v.Ticket, &c); err != nil {
			return nil, fmt.Errorf("data.item.ticket: %w", err)
		}
	}
	r := c.Rating
	if r == nil || c.ID == "" {
		return nil, errors.New("no conversation or ticket with its rating")
	}
	who := r.Contact
	if who == nil {
		who = r.Customer
	}
	if who == nil {
		return nil, errors.New("a rating without its contact")
	}
	mark := platform.Rated(string(r.Rating), 1, 5, social.CSAT, "")
	if mark == nil {
		return nil, fmt.Errorf("a rating of %.20q: it should be 1 to 5", string(r.Rating))
	}
	at, err := when(r.Created)
	app, id := string(n.App), "rating:"+string(c.ID)
	return []platform.Event{platform.Act(n.Topic, social.Activity{
		Key: social.ActivityKey(name, app, social.Review, id, at), Platform: name, Scope: app, Type: social.Review,
		Actor:  social.Actor{ID: string(who.ID), Scope: app, Name: string(who.Name)},
		Object: social.Object{ID: id, Type: "rating"}, InReplyTo: firstID(c.ID), Conversation: string(c.ID),
		Text: strings.TrimSpace(string(r.Remark)), Rating: mark,
		URL: link(app, c.ID), Occurred: at, Direction: social.Inbound, Flat: true,
	}, err, app)}, nil
}

// redacted takes parts, or the first message, away. Intercom does not say by whom.
func (n notification) redacted() ([]platform.Event, error) {
	var c conversation
	if err := n.item(&c); err != nil {
		return nil, err
	}
	var events []platform.Event
	for _, raw := range c.Parts.List {
		var p part
		err := platform.Decode(raw, &p)
		if err == nil && p.Redacted != nil && !*p.Redacted {
			continue
		}
		if err == nil && p.ID == "" {
			err = errors.New("without its id")
		}
		if err != nil {
			events = append(events, platform.Park(n.Topic, fmt.Errorf("a part: %w", err), string(n.App)))
			continue
		}
		events = append(events, n.gone(partID(p.ID), p.Updated, c.ID))
	}
	if m := c.first(); len(events) == 0 && m != nil && m.Redacted != nil && *m.Redacted && c.ID != "" {
		events = append(events, n.gone(firstID(c.ID), c.Updated, c.ID))
	}
	if len(events) == 0 {
		return nil, errors.New("it does not say which part was redacted")
	}
	return events, nil
}

func (n notification) deleted() ([]platform.Event, error) {
	var c conversation
	if err := n.item(&c); err != nil {
		return nil, err
	}
	id := c.OldID
	if id == "" {
		id = c.ID
	}
	if id == "" {
		return nil, errors.New("a conversation deleted without its id")
	}
	return []platform.Event{n.gone(firstID(id), n.Created, id)}, nil
}

func (n notification) gone(object string, updated platform.Text, thread platform.ID) platform.Event {
	at, err := when(updated)
	app := string(n.App)
	return platform.Act(n.Topic, social.Activity{
		Key: social.ActivityKey(name, app, social.Delete, object, at), Platform: name, Scope: app, Type: social.Delete,
		Actor: social.Actor{ID: social.Unknown, Scope: app}, Object: social.Object{ID: object, Type: "message"},
		Conversation: string(thread), Occurred: at, Direction: social.Outbound,
	}, err, app)
}

type ticket struct {
	ID         platform.ID    `json:"id"` // of the conversation that it is; ticket_id is what the team sees
	Attributes map[string]any `json:"ticket_attributes"`
	Category   platform.Text  `json:"category"` // Customer; Back-office and Tracker are the team's own
	Contacts   struct {
		List []author `json:"contacts"`
	} `json:"contacts"`
	Created platform.Text `json:"created_at"`
}

// says is what an attribute holds as text.
func (t ticket) says(attribute string) string {
	s, _ := t.Attributes[attribute].(string)
	return platform.PlainText(s)
}

// ticket is what a contact asks for in a form. It is a conversation, and this
// is its first message: one that was made of a conversation has its key.
func (n notification) ticket() ([]platform.Event, error) {
	var t ticket
	if err := n.item(&t); err != nil {
		return nil, err
	}
	app := string(n.App)
	if t.Category != "" && t.Category != "Customer" || len(t.Contacts.List) == 0 {
		return []platform.Event{platform.Ignore(n.Topic, "a ticket of the team's own", app)}, nil
	}
	if t.ID == "" {
		return nil, errors.New("a ticket without its id")
	}
	at, err := when(t.Created)
	who, id := t.Contacts.List[0], firstID(t.ID)
	return []platform.Event{platform.Act(n.Topic, social.Activity{
		Key: social.ActivityKey(name, app, social.Message, id, at), Platform: name, Scope: app, Type: social.Message,
		Actor:        social.Actor{ID: string(who.ID), Scope: app, Name: string(who.Name)},
		Object:       social.Object{ID: id, Type: "ticket"},
		Conversation: string(t.ID), URL: link(app, t.ID), Occurred: at, Direction: social.Inbound, Flat: true,
		Text: strings.TrimSpace(t.says("_default_title_") + "\n" + t.says("_default_description_")),
	}, err, app)}, nil
}

// ticketReply is a part of the conversation that a ticket is: the same that
// conversation.user.replied and conversation.admin.replied tell.
func (n notification) ticketReply() ([]platform.Event, error) {
	var v struct {
		Ticket ticket `json:"ticket"`
		Part   *part  `json:"ticket_part"`
	}
	if err := n.item(&v); err != nil {
		return nil, err
	}
	if v.Part == nil {
		return nil, errors.New("a reply without its part")
	}
	return []platform.Event{n.message(*v.Part, v.Ticket.ID, false)}, nil
}
