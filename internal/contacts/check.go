package contacts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/identity"
	"rapport/internal/pattern"
	"rapport/internal/social"
)

// activity checks an activity. Where it says no actor, the contact of its row is.
func (c *checker) activity(in Activity, of *Contact) (Activity, error) {
	out := in
	// What the API sets, and what the reader finds in the text, is not taken from others.
	out.Person, out.Deleted, out.Edited, out.Known, out.Message, out.Corrected = "", false, false, "", "", nil
	out.Language, out.Sentiment, out.Words, out.Intent = "", "", "", ""
	out.Negative, out.Severity, out.NeedsAnswer, out.AnswerAfter = 0, 0, 0, 0
	if !social.Precision(in.Precision).Valid() {
		return out, fmt.Errorf("the precision %.20q is none: minute, second, millisecond, or leave it out", in.Precision)
	}
	if out.Actor.ID == "" && of != nil {
		ref := of.Ref()
		out.Actor = social.LineActor{ID: ref.ID, Scope: ref.Scope, Handle: cmp.Or(in.Actor.Handle, of.Handle), Name: cmp.Or(in.Actor.Name, of.Name)}
		out.Platform = cmp.Or(out.Platform, string(ref.Platform))
		out.Scope = cmp.Or(out.Scope, ref.Scope)
	}
	out.Platform = cmp.Or(strings.ToLower(strings.TrimSpace(out.Platform)), Standard)
	if !platformName.MatchString(out.Platform) {
		return out, fmt.Errorf("the platform %.60q is none: write it in small letters, as docs/platforms does", out.Platform)
	}
	out.Type = strings.ToLower(strings.TrimSpace(out.Type))
	if !social.Type(out.Type).Valid() {
		return out, fmt.Errorf("%.60q is no type of activity: there are %s", in.Type, typeNames())
	}
	var err error
	for _, x := range []struct {
		what string
		id   *string
	}{{"the actor's id", &out.Actor.ID}, {"the id of what it is about", &out.Object.ID}, {"the id of the conversation", &out.Conversation}, {"the id of what it replies to", &out.InReplyTo}} {
		if *x.id == "" || *x.id == social.Unknown {
			continue
		}
		if *x.id, err = c.id(x.what, *x.id); err != nil {
			return out, err
		}
	}
	if out.Actor.ID == "" {
		return out, errors.New("nothing says who did it: give the actor's id, or the contact's")
	}
	out.Direction = cmp.Or(strings.ToLower(strings.TrimSpace(out.Direction)), string(social.Inbound))
	out.Occurred = strings.TrimSpace(out.Occurred)
	if out.Undated && out.Key == "" {
		return out, errors.New("it does not say when it was done: give occurred")
	}
	if out.Key == "" {
		if out.Type == string(social.Edit) || out.Type == string(social.Delete) || social.Type(out.Type).Utterance() {
			if out.Object.ID == "" {
				return out, fmt.Errorf("a %s needs the id that the platform gave the message: without it the same message would count twice", out.Type)
			}
		}
		at, err := time.Parse(time.RFC3339Nano, out.Occurred)
		if err != nil {
			return out, fmt.Errorf("occurred %.60q is no time with a zone, such as 2026-11-02T09:00:00+01:00", in.Occurred)
		}
		// Of what has no id of its own, who it was and about what says which.
		id := out.Object.ID
		if !social.Type(out.Type).Utterance() {
			id = social.Key(out.Actor.ID, out.Object.ID)
		}
		out.Key = social.ActivityKey(social.Platform(out.Platform), out.Scope, social.Type(out.Type), id, social.Instant(at))
		out.Precision = cmp.Or(out.Precision, string(social.ToMillisecond))
	}
	if prefix := social.Key(out.Platform, out.Scope, out.Type) + "|"; !strings.HasPrefix(out.Key, prefix) {
		return out, fmt.Errorf("the key %.80q is not of its platform, scope and type: it begins with %q, or leave it out", out.Key, prefix)
	}
	a, err := out.Line.Activity()
	switch {
	case err != nil:
		return out, err
	case a.Occurred.After(c.now.Add(ahead)):
		return out, fmt.Errorf("it occurred %s, in the future", social.Stamp(a.Occurred))
	}
	return out, nil
}

// ahead is how far clocks of others may go before ours.
const ahead = 5 * time.Minute

// Fact is the activity of a checked one.
func (a Activity) Fact() (social.Activity, error) { return a.Line.Activity() }

func typeNames() string {
	names := make([]string, len(social.Types))
	for i, t := range social.Types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

var (
	outcomeID = pattern.New(`^[A-Za-z0-9_-]{1,64}$`)
	amount    = pattern.New(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
	currency  = pattern.New(`^[A-Z]{3}$`)
	personID  = pattern.New(`^per_[A-Za-z0-9_-]{1,60}$`)
)

// outcomeKinds are how it can come out.
var outcomeKinds = []string{"won", "lost", "hired", "not_hired", "renewed", "churned"}

// outcome checks an outcome. Where it says nobody, it is of the contact of its row.
func (c *checker) outcome(in Outcome, of *Contact) (Outcome, error) {
	out := in
	if !slices.Contains(outcomeKinds, in.Kind) {
		return out, fmt.Errorf("%.60q is no outcome: there are %s", in.Kind, strings.Join(outcomeKinds, ", "))
	}
	at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(in.At))
	switch {
	case err != nil:
		return out, fmt.Errorf("the outcome's time %.60q is none with a zone, such as 2026-11-02T09:00:00+01:00", in.At)
	case at.Year() < 1990:
		return out, fmt.Errorf("the outcome is of the year %d", at.Year())
	case at.After(c.now):
		return out, errors.New("the outcome lies in the future: tell what happened")
	}
	out.At = social.Stamp(social.Instant(at))
	switch {
	case in.Value == "" && in.Currency != "":
		return out, errors.New("it has a currency and no value: leave it out, or give both")
	case in.Value != "" && !amount.MatchString(in.Value):
		return out, fmt.Errorf("the value %.40q is no amount: digits, and up to six after a point", in.Value)
	case in.Value != "" && !currency.MatchString(in.Currency):
		return out, errors.New("its value has no currency: give a code of three capital letters, say EUR, in a column or in the mapping")
	}
	out.Account, err = c.id("the account's id", in.Account)
	if err != nil {
		return out, err
	}
	switch {
	case in.Person != "" && !personID.MatchString(in.Person):
		return out, fmt.Errorf("%.60q is no id of a person: those begin with per_", in.Person)
	case in.Person != "":
		out.Platform, out.Scope, out.Account, out.Email = "", "", "", ""
	case out.Account != "":
		ref := refOf(strings.ToLower(strings.TrimSpace(in.Platform)), strings.TrimSpace(in.Scope), out.Account)
		out.Platform, out.Scope, out.Email = string(ref.Platform), ref.Scope, ""
	case in.Email != "":
		address, _, why := identity.Mail(in.Email)
		if why != "" {
			return out, fmt.Errorf("the outcome's e-mail %q %s", social.Excerpt(in.Email, 60), why)
		}
		out.Platform, out.Scope, out.Account, out.Email = Standard, Import, address, ""
	case of != nil:
		ref := of.Ref()
		out.Platform, out.Scope, out.Account = string(ref.Platform), ref.Scope, ref.ID
	default:
		return out, errors.New("nothing says with whom it came out so: give a person, an account or an e-mail")
	}
	if given := out.ID; given == "" {
		out.ID = social.HashID("imp", social.Key(out.Person, out.Platform, out.Scope, out.Account, out.Kind, out.At, out.Value, out.Currency))
	} else if given, err = c.id("the outcome's id", given); err != nil {
		return out, err
	} else if !outcomeID.MatchString(given) {
		out.ID = social.HashID("imp", given)
	}
	return out, nil
}

// Ref is the account that a checked outcome is of, where it names no person.
func (o Outcome) Ref() social.AccountRef { return refOf(o.Platform, o.Scope, o.Account) }
