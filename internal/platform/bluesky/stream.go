package bluesky

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// maxEvents bounds the events of one delivery; `rapport jetstream` sends up to 100.
const maxEvents = 1000

// lines splits a delivery into its events: one JSON value, or one a line.
func lines(body []byte) ([][]byte, error) {
	var one json.RawMessage
	if platform.Decode(body, &one) == nil {
		return [][]byte{one}, nil
	}
	var out [][]byte
	for l := range bytes.Lines(body) {
		if l = bytes.TrimSpace(l); len(l) == 0 {
			continue
		}
		if len(out) == maxEvents {
			return nil, fmt.Errorf("more than %d events", maxEvents)
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, errors.New("no events")
	}
	return out, nil
}

// wire is an event of Jetstream's /subscribe. Its time_us is when the server
// that was asked saw it, so other servers have another: it is not looked at.
type wire struct {
	DID      string          `json:"did"`
	Kind     string          `json:"kind"`
	Commit   json.RawMessage `json:"commit"`
	Identity json.RawMessage `json:"identity"`
	Account  json.RawMessage `json:"account"`
}

type commit struct {
	Rev        string          `json:"rev"`
	Operation  string          `json:"operation"`
	Collection string          `json:"collection"`
	Rkey       string          `json:"rkey"`
	Record     json.RawMessage `json:"record"`
}

// event reads one event. What can't be understood is parked.
func event(raw []byte) platform.Event {
	var e wire
	if err := platform.Decode(raw, &e); err != nil {
		return platform.Park("event", err)
	}
	if !didForm.MatchString(e.DID) {
		return platform.Park(cmp.Or(e.Kind, "event"), fmt.Errorf("an event of %.60q, which is no DID", e.DID))
	}
	switch e.Kind {
	case "commit":
		var c commit
		if err := platform.Decode(e.Commit, &c); err != nil {
			return platform.Park(e.Kind, err, e.DID)
		}
		return committed(e.DID, c)
	case "identity":
		return identity(e.DID, e.Identity)
	case "account":
		return account(e.DID, e.Account)
	case "":
		return platform.Park("event", errors.New("an event without its kind"), e.DID)
	}
	return platform.Ignore(e.Kind, "it is not known to tell what someone did", e.DID)
}

// noHandle stands for the handle of an account whose handle does not lead back
// to it (https://atproto.com/specs/handle).
const noHandle = "handle.invalid"

// identity tells the account's handle, where it has one. The sequence number
// is the relay's, of which there are several: the instant names the event.
func identity(did string, raw json.RawMessage) platform.Event {
	const kind = "identity"
	var i struct {
		Handle string `json:"handle"`
		Time   string `json:"time"`
	}
	if err := platform.Decode(raw, &i); err != nil {
		return platform.Park(kind, err, did)
	}
	if strings.EqualFold(i.Handle, noHandle) {
		return platform.Ignore(kind, "the account's handle does not lead to it, or no longer", did)
	}
	if i.Handle == "" {
		return platform.Ignore(kind, "something of the account's identity may have changed, but no handle is given", did)
	}
	at, err := platform.Time(i.Time)
	return platform.Act(kind, social.Activity{
		Key: social.ActivityKey(name, "", social.ProfileChange, social.Key(did, i.Handle), at), Platform: name, Type: social.ProfileChange,
		Actor: social.Actor{ID: did, Handle: i.Handle}, Object: social.Object{ID: did, Type: "profile"}, URL: profile(did),
		Occurred: at, Direction: social.Inbound,
	}, err, did)
}

// account tells whether the account is still there
// (https://atproto.com/specs/account#hosting-status).
func account(did string, raw json.RawMessage) platform.Event {
	var a struct {
		Active *bool  `json:"active"`
		Status string `json:"status"`
	}
	if err := platform.Decode(raw, &a); err != nil {
		return platform.Park("account", err, did)
	}
	if a.Active == nil {
		return platform.Park("account", errors.New("an account's event that does not say whether it is active"), did)
	}
	if *a.Active {
		return platform.Ignore("account active", "the account is there", did)
	}
	switch kind := "account " + cmp.Or(a.Status, "inactive"); a.Status {
	case "deleted", "takendown":
		// Without scopes: whoever has heard of the account must forget it.
		return platform.Event{Kind: kind, Erase: &social.AccountRef{Platform: name, ID: did}}
	case "suspended", "deactivated":
		return platform.Ignore(kind, "the account is hidden, and may come back", did)
	case "desynchronized", "throttled":
		return platform.Ignore(kind, "the network's machines are behind with the account", did)
	case "":
		return platform.Ignore(kind, "the account is not there, for a reason not given", did)
	default:
		return platform.Ignore(kind, "the account is not there, for a reason not known", did)
	}
}
