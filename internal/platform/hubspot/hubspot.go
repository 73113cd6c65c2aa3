// Package hubspot receives HubSpot's webhooks: contacts who are made, change
// or are deleted.
// https://developers.hubspot.com/docs/api/webhooks
package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

const name = social.Platform("hubspot")

// Adapter is the hubspot platform.
type Adapter struct{}

// Platform names it.
func (Adapter) Platform() social.Platform { return name }

// ignored are the subscription types that are known to tell nothing that a
// contact did.
var ignored = map[string]string{
	"contact.merge":                "two contacts are one: merge the persons in Rapport",
	"contact.restore":              "what was erased does not come back",
	"contact.associationChange":    "the team's bookkeeping",
	"object.merge":                 "two records are one: if they are contacts, merge the persons in Rapport",
	"object.restore":               "what was erased does not come back",
	"object.associationChange":     "the team's bookkeeping",
	"company.creation":             "not a person",
	"company.deletion":             "not a person",
	"company.propertyChange":       "not a person",
	"deal.creation":                "it does not name the contact",
	"deal.deletion":                "it does not name the contact",
	"deal.propertyChange":          "it does not name the contact",
	"ticket.creation":              "it does not name the contact",
	"ticket.deletion":              "it does not name the contact",
	"ticket.propertyChange":        "it does not name the contact",
	"conversation.creation":        "it says neither who nor what",
	"conversation.newMessage":      "it says neither who wrote nor what: connect the channel itself",
	"conversation.propertyChange":  "how the team works",
	"conversation.deletion":        "nothing of it was kept",
	"conversation.privacyDeletion": "nothing of it was kept",
}

// Kinds lists the event types: HubSpot's subscription types.
func (Adapter) Kinds() []platform.Kind {
	const byTeam = "by the team's hand, an import, an automation or HubSpot itself, or a test"
	kinds := []platform.Kind{
		{Name: "contact.creation", Becomes: string(social.SignUp)},
		{Name: "contact.creation", Becomes: platform.Ignored, Note: byTeam},
		{Name: "contact.propertyChange", Becomes: string(social.ProfileChange)},
		{Name: "contact.propertyChange", Becomes: platform.Ignored, Note: byTeam},
		{Name: "contact.deletion", Becomes: platform.Erased},
		{Name: "contact.deletion", Becomes: platform.Ignored, Note: "a test"},
		{Name: "contact.privacyDeletion", Becomes: platform.Erased},
		{Name: "contact.privacyDeletion", Becomes: platform.Ignored, Note: "a test"},
		{Name: "object.creation", Becomes: string(social.SignUp), Note: "of a contact"},
		{Name: "object.creation", Becomes: platform.Ignored, Note: "of something else, or " + byTeam},
		{Name: "object.propertyChange", Becomes: string(social.ProfileChange), Note: "of a contact"},
		{Name: "object.propertyChange", Becomes: platform.Ignored, Note: "of something else, or " + byTeam},
		{Name: "object.deletion", Becomes: platform.Erased, Note: "of a contact"},
		{Name: "object.deletion", Becomes: platform.Ignored, Note: "of something else, or a test"},
	}
	return platform.WithIgnored(kinds, ignored)
}

// CheckConfig refuses any document.
func (Adapter) CheckConfig(raw json.RawMessage) error { return platform.NoConfig(raw) }

var portalID = pattern.New(`^[0-9]{1,20}$`)

// CheckScope refuses what is no account id.
func (Adapter) CheckScope(scope string) error {
	if !portalID.MatchString(scope) {
		return errors.New("the scope is the account's id (Hub ID), a number")
	}
	return nil
}

// Handshake answers nothing: there is none.
func (Adapter) Handshake(platform.Request, platform.Secrets, platform.Options, time.Time) (*platform.Answer, error) {
	return nil, nil
}

// Sample is a contact who was made through an integration.
func (Adapter) Sample(scope, id string, now time.Time) platform.Request {
	body, _ := json.Marshal([]map[string]any{{"eventId": 1, "subscriptionId": 1, "portalId": scope, "appId": 1, "occurredAt": now.UnixMilli(),
		"subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": id, "changeFlag": "CREATED", "changeSource": "INTEGRATION"}})
	return platform.Request{Method: http.MethodPost, URL: "https://rapport.example/hooks/app", Header: http.Header{}, Body: body}
}

// Split makes a delivery for each account: one app's deliveries hold events of
// whoever installed it.
func (Adapter) Split(r platform.Request, _ platform.Options) []platform.Request {
	list, err := elements(r.Body)
	if err != nil {
		return []platform.Request{r}
	}
	var order []string
	of := map[string][]json.RawMessage{}
	for _, raw := range list {
		p := portal(raw)
		if of[p] == nil {
			order = append(order, p)
		}
		of[p] = append(of[p], raw)
	}
	if len(order) < 2 {
		return []platform.Request{r}
	}
	var out []platform.Request
	for _, p := range order {
		part := r
		part.Body = append(append([]byte("["), bytes.Join(rawBytes(of[p]), []byte(","))...), ']')
		out = append(out, part)
	}
	return out
}

func rawBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, raw := range list {
		out[i] = raw
	}
	return out
}

// maxEvents bounds the events of one delivery. HubSpot sends at most 100.
const maxEvents = 10_000

// elements reads the events of a body: a list.
func elements(body []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if err := platform.Decode(body, &list); err != nil {
		var one event
		if platform.Decode(body, &one) == nil && one.Type != "" {
			return nil, fmt.Errorf("no delivery: a body of HubSpot's is a list of events, and this is one of them (%.60q) without the list around it", one.Type)
		}
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("no events")
	}
	if len(list) > maxEvents {
		return nil, fmt.Errorf("%d events, over the %d that are read at once", len(list), maxEvents)
	}
	return list, nil
}

// portal is the account of an event, "" if it can't be read.
func portal(raw json.RawMessage) string {
	var v struct {
		Portal platform.ID `json:"portalId"`
	}
	if platform.Decode(raw, &v) != nil {
		return ""
	}
	return string(v.Portal)
}

type event struct {
	Type       string        `json:"subscriptionType"`
	Portal     platform.ID   `json:"portalId"`
	Object     platform.ID   `json:"objectId"`
	ObjectType platform.Text `json:"objectTypeId"` // of object.*: 0-1 is a contact
	Occurred   platform.Text `json:"occurredAt"`   // milliseconds
	Property   platform.Text `json:"propertyName"`
	Source     platform.Text `json:"changeSource"`
	SourceID   platform.Text `json:"sourceId"`
}

// Normalise reads each event. One that is malformed is parked alone.
func (Adapter) Normalise(r platform.Request, _ platform.Options) ([]platform.Event, error) {
	list, err := elements(r.Body)
	if err != nil {
		return nil, err
	}
	events := make([]platform.Event, len(list))
	for i, raw := range list {
		events[i] = read(raw)
	}
	return events, nil
}

// byTeam are changes that a contact had no part in: sources of the contact's
// property history (https://knowledge.hubspot.com/records/understand-source-properties,
// https://github.com/HubSpot/hubspot-api-nodejs/blob/master/codegen/crm/imports/models/PropertyValue.ts).
var byTeam = map[platform.Text]bool{"CRM_UI": true, "CRM_UI_BULK_ACTION": true, "CONTACTS": true, "CONTACTS_WEB": true, "MOBILE_IOS": true, "MOBILE_ANDROID": true,
	"IMPORT": true, "BATCH_UPDATE": true, "AUTOMATION_PLATFORM": true, "AUTOMATION_JOURNEY": true, "WORKFLOWS": true, "CALCULATED": true,
	"MERGE_OBJECTS": true, "MERGE_CONTACTS": true, "MERGE_COMPANIES": true, "RECYCLING_BIN": true, "ASSOCIATIONS": true,
	"HUBSPOT_INTERNAL": true, "INTERNAL_PROCESSING": true, "MIGRATION": true, "DATA_ENRICHMENT": true, "COMPANY_INSIGHTS": true, "AI_GROUP": true,
	"PROPERTY_SETTINGS": true, "PIPELINE_SETTINGS": true}

// tested reports whether the event is what HubSpot's Test button sends: always
// of the contact 123, from a source that no real change has.
func (e event) tested() bool { return e.Object == "123" && e.Source == "CRM" }

func read(raw json.RawMessage) platform.Event {
	var scopes []string
	if p := portal(raw); p != "" {
		scopes = []string{p}
	}
	var e event
	err := platform.Decode(raw, &e)
	switch {
	case err != nil:
		return platform.Park("event", err, scopes...)
	case e.Type == "":
		return platform.Park("event", errors.New("without its subscriptionType"), scopes...)
	case e.Portal == "":
		return platform.Park(e.Type, errors.New("without its portalId"))
	case ignored[e.Type] != "":
		return platform.Ignore(e.Type, ignored[e.Type], scopes...)
	}
	object, what, _ := strings.Cut(e.Type, ".")
	t, known := map[string]social.Type{"creation": social.SignUp, "propertyChange": social.ProfileChange, "deletion": social.Delete, "privacyDeletion": social.Delete}[what]
	switch {
	case object == "object" && known && e.ObjectType != "0-1":
		return platform.Ignore(e.Type, fmt.Sprintf("of an object of the type %.20q, not a contact", string(e.ObjectType)), scopes...)
	case object != "contact" && object != "object" || !known:
		return platform.Ignore(e.Type, "it is not known to tell what someone did", scopes...)
	case e.Object == "":
		return platform.Park(e.Type, errors.New("a contact without its id"), scopes...)
	}
	if e.tested() {
		return platform.Ignore(e.Type, "HubSpot's test", scopes...)
	}
	account, id := string(e.Portal), string(e.Object)
	if t == social.Delete {
		return platform.Event{Kind: e.Type, Scopes: scopes, Erase: &social.AccountRef{Platform: name, Scope: account, ID: id}}
	}
	if byTeam[e.Source] || strings.HasPrefix(string(e.SourceID), "userId:") {
		return platform.Ignore(e.Type, "by the team's hand, an import, an automation or HubSpot itself: the contact did nothing", scopes...)
	}
	at, err := platform.Unix(string(e.Occurred), time.Millisecond)
	a := social.Activity{Platform: name, Scope: account, Type: t, Actor: social.Actor{ID: id, Scope: account}, Object: social.Object{ID: id, Type: "contact"},
		URL: "https://app.hubspot.com/contacts/" + url.PathEscape(account) + "/record/0-1/" + url.PathEscape(id), Occurred: at, Direction: social.Inbound}
	key := id
	if t == social.ProfileChange {
		a.Object = social.Object{ID: string(e.Property), Type: "property"}
		key = social.Key(id, string(e.Property))
	}
	a.Key = social.ActivityKey(name, account, t, key, at) // not of eventId, which HubSpot does not keep unique
	return platform.Act(e.Type, a, err, scopes...)
}
