package recipients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// event is what SES tells of a mail, as far as we look at it:
// https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
type event struct {
	Type   string `json:"eventType"`
	Bounce struct {
		Type       string   `json:"bounceType"`
		Subtype    string   `json:"bounceSubType"`
		Recipients []person `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		Type       string   `json:"complaintFeedbackType"`
		Recipients []person `json:"complainedRecipients"`
	} `json:"complaint"`
}

type person struct {
	Address string `json:"emailAddress"`
}

// Hear acts on an event of SES: a permanent bounce and a complaint stop mail
// to the address in every workspace. Other bounces are of the hour: a full
// mailbox, a server that is down. What cannot be read is an error of kind Invalid.
func (d Deps) Hear(ctx context.Context, body []byte) error {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return fault.Wrap(fault.Invalid, err, "an event of SES is no JSON object")
	}
	var people []person
	var why, kind string
	switch e.Type {
	case "Bounce":
		kind = e.Bounce.Type + " " + e.Bounce.Subtype
		if e.Bounce.Type == "Permanent" {
			people, why = e.Bounce.Recipients, store.StoppedBounce
		}
	case "Complaint":
		kind = e.Complaint.Type
		if e.Complaint.Type != "not-spam" { // a mail that was taken out of the spam folder
			people, why = e.Complaint.Recipients, store.StoppedComplaint
		}
	case "":
		return fault.New(fault.Invalid, "an event of SES without a type")
	default:
		return nil
	}
	var errs []error
	for _, p := range people {
		a, err := mail.ParseAddress(p.Address)
		if err != nil {
			errs = append(errs, fault.New(fault.Invalid, "an event of SES names no mail address"))
			continue
		}
		errs = append(errs, d.Store.StopMail(ctx, d.Key.Hash(a.Address), why, d.Now()))
	}
	slog.InfoContext(ctx, "mail came back", "event", e.Type, "kind", kind, "stopped", len(people))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", e.Type, err)
	}
	return nil
}
