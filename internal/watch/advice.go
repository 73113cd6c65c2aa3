package watch

import (
	"fmt"
	"strings"

	"rapport/internal/platform"
	"rapport/internal/platform/all"
	"rapport/internal/social"
)

// PlatformName is what a platform is called, for people.
func PlatformName(p social.Platform) string {
	if n := adviceOf(p).Name; n != "" {
		return n
	}
	return string(p)
}

// adviceOf is what the platform's adapter says of itself.
func adviceOf(p social.Platform) platform.Advice {
	if a, err := all.Find(p); err == nil {
		if x, ok := a.(platform.Adviser); ok {
			return x.Advice()
		}
	}
	return platform.Advice{}
}

// WhatToDo is what to do about the source's status, in plain words; "" where
// nothing is to be done.
func (h Health) WhatToDo() string { return h.advice(h.Status) }

func (h Health) advice(s Status) string {
	p := adviceOf(h.Source.Platform)
	at := func(do string) string {
		if p.Where == "" || h.Polled {
			return ""
		}
		return do + " " + p.Where + "."
	}
	again := p.Again
	if h.Polled {
		again = p.Fetch
	}
	refused := ""
	if h.Refusals.Day > 0 && s != Refusing {
		refused = fmt.Sprintf("In the last 24 hours %d of the app's requests were refused, mostly: %s. The secret may be another one.", h.Refusals.Day, h.Refusals.Reason)
	}
	var text string
	switch s {
	case Waiting:
		switch {
		case h.Poll != nil && h.Poll.Failures > 0:
			text = join("The last request came to nothing: "+strings.TrimSuffix(h.Poll.Reason, ".")+".", again, "If that can't be mended there, connect another address.")
		case h.Polled || p.Where == "" && p.Start == "":
			text = "Nothing to do but to wait: Rapport asks the platform by itself."
		case p.Start != "":
			text = join(p.Start, refused)
		default:
			text = join(at("Nothing has come yet. Register the source's hook address at"),
				"Check that the events you want are ticked, and that the scope is the one that the platform writes into its events. A test delivery shows whether the way from there to here is open.", refused)
		}
	case Silent:
		text = join(at("Look whether the hook is still registered and switched on at"), again, refused)
		if text == "" {
			text = "Look whether anything new is there that should have come."
		}
	case Refusing:
		text = join(at("Compare the secret with the one at"), "If it was changed there, give the app the new one, beside the old one for as long as both are in use. If it was not, somebody else is calling the hook: nothing of it is taken in, and nothing is to be done.")
	case LeaseEnding:
		text = join(at("Look at"), "Check that the app's token still holds and that the hook's address can be reached from outside.")
	case Revoked:
		text = join("Whoever owns the account has to grant access again.", at("Connect it again at"))
	case Failing:
		if h.Polled {
			text = join("Check that the address still exists and that the app's token, where it has one, still holds.", again)
		} else {
			text = join(at("Look at"), again, "Check that the hook's address can be reached from outside.")
		}
	default:
		return ""
	}
	return text + " See the platform's page in Rapport's documentation."
}

// join puts sentences together, without the empty ones.
func join(parts ...string) string {
	out := ""
	for _, p := range parts {
		if p != "" && out != "" {
			out += " "
		}
		out += p
	}
	return out
}
