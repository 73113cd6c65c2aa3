package intercom

import (
	"errors"

	"rapport/internal/platform"
	"rapport/internal/social"
)

type contact struct {
	ID      platform.ID   `json:"id"`
	Name    platform.Text `json:"name"`
	Created platform.Text `json:"created_at"`
	Updated platform.Text `json:"updated_at"`
	Contact *contact      `json:"contact"` // in a subscription: whose
	Types   struct {
		List []struct {
			ID platform.ID `json:"id"`
		} `json:"data"`
	} `json:"subscription_types"`
}

// contact is what a contact did that is no message. A sign-up has the time at
// which the contact was made, a changed address that of the change; what is
// (un)subscribed has that of the notification, since the rest is the contact's.
func (n notification) contact(t social.Type) ([]platform.Event, error) {
	var item contact
	if err := n.item(&item); err != nil {
		return nil, err
	}
	who := item
	if item.Contact != nil {
		who = *item.Contact
	}
	if who.ID == "" {
		return nil, errors.New("a contact without its id")
	}
	app := string(n.App)
	a := social.Activity{Platform: name, Scope: app, Type: t, Actor: social.Actor{ID: string(who.ID), Scope: app, Name: string(who.Name)},
		Object: social.Object{ID: string(who.ID), Type: "contact"}, Direction: social.Inbound}
	stamp, id := n.Created, string(who.ID)
	switch {
	case t == social.SignUp && n.Topic != "contact.lead.signed_up" && n.Topic != "contact.signed_up" && who.Created != "":
		stamp = who.Created
	case t == social.ProfileChange && who.Updated != "":
		stamp = who.Updated
	case t == social.Follow || t == social.Unfollow:
		a.Object = social.Object{ID: "email", Type: "subscription"}
		if len(item.Types.List) == 1 {
			a.Object.ID = string(item.Types.List[0].ID)
		}
		id = social.Key(id, a.Object.ID)
	}
	at, err := when(stamp)
	a.Occurred = at
	a.Key = social.ActivityKey(name, app, t, id, at)
	return []platform.Event{platform.Act(n.Topic, a, err, app)}, nil
}

func (n notification) forget() ([]platform.Event, error) {
	var c contact
	if err := n.item(&c); err != nil {
		return nil, err
	}
	if c.ID == "" {
		return nil, errors.New("a contact deleted without its id")
	}
	app := string(n.App)
	return []platform.Event{{Kind: n.Topic, Scopes: []string{app}, Erase: &social.AccountRef{Platform: name, Scope: app, ID: string(c.ID)}}}, nil
}
