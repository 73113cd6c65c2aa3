package profile

import (
	"time"

	"rapport/internal/identity"
	"rapport/internal/social"
)

// Firm is the company that a person works for, as far as it is known.
type Firm struct {
	ID     string // made of the key; "": none is known
	Key    string // the domain; without one the name, as names are compared
	Name   string // as it was told; else the domain
	Domain string // of the e-mail at work; may be empty
	Source Source // of what says so
	Since  time.Time
}

// FirmOf returns the company of a person at an instant: by the domain of an
// e-mail that is one's at work, of the most trusted source and of that the
// newest; else by the attribute company, whose legal form says nothing.
//
// It is the company of one of the person's accounts, looked at alone.
func FirmOf(of []Of, asOf time.Time) Firm {
	var mail, name Held
	var work, plain string
	for _, h := range told(of, asOf) {
		switch h.Name {
		case Email:
			if _, domain, _ := identity.Mail(h.Value); domain != "" && (work == "" || rather(h, mail) < 0) {
				mail, work = h, domain
			}
		case Company:
			if n := identity.Company(h.Value); n != "" && (plain == "" || rather(h, name) < 0) {
				name, plain = h, n
			}
		}
	}
	switch {
	case work != "" && plain != "":
		return Firm{social.HashID("com", social.Key("domain", work)), work, name.Value, work, mail.Source, mail.At}
	case work != "":
		return Firm{social.HashID("com", social.Key("domain", work)), work, work, work, mail.Source, mail.At}
	case plain != "":
		return Firm{social.HashID("com", social.Key("name", plain)), plain, name.Value, "", name.Source, name.At}
	}
	return Firm{}
}
