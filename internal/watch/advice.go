package watch

import (
	"fmt"

	"rapport/internal/social"
)

// place is where at a platform its side of a hook is looked after.
type place struct {
	name  string // the platform's, for people
	where string // its settings; "": it has none
	start string // what to do for a first delivery, where it is not to register a hook in the settings
	again string // what it does after failures, and what to do for it to deliver again
	fetch string // what to look at where Rapport fetches
}

// places are the platforms' settings, in short; their pages in docs/platforms say more.
var places = map[social.Platform]place{
	"bluesky": {name: "Bluesky", start: "Run rapport jetstream for these accounts, with the source's hook address.",
		again: "Look whether rapport jetstream runs, and what it says: it can go back about a day."},
	"discord": {name: "Discord", where: "the Discord developer portal, under your application's Webhooks", again: "Discord stops after too many failures: see that events are on there, and save."},
	"discourse": {name: "Discourse", where: "the forum's admin pages, under API > Webhooks",
		again: "Its recent deliveries there show what was answered. Discourse may switch a webhook off: switch it on again."},
	"feed":       {name: "Feed", fetch: "Open the feed's address in a browser: it must answer with a feed."},
	"github":     {name: "GitHub", where: "the settings of the repository, organisation or app, under Webhooks", again: "GitHub does not send again by itself: redeliver there what failed."},
	"hackernews": {name: "Hacker News"},
	"hubspot":    {name: "HubSpot", where: "your app in the HubSpot developer account, under Webhooks", again: "Look at its log of webhooks, and switch paused subscriptions on again."},
	"intercom":   {name: "Intercom", where: "your app in the Intercom developer hub, under Webhooks", again: "Intercom suspends a webhook that fails for days: switch it on again."},
	"linkedin": {name: "LinkedIn", where: "your app in the LinkedIn developer portal, under Webhooks",
		again: "LinkedIn blocks an address that fails its test three times in a row: start the validation again there."},
	"mastodon": {name: "Mastodon", where: "the server's administration pages, under Webhooks", again: "Switch the webhook on again, if it is off.",
		fetch: "Open the hashtag's page at the server in a browser; the server may want a token."},
	"meta": {name: "Meta", where: "your app in the Meta developer portal, under Webhooks, and the page's list of subscribed apps",
		again: "Meta may unsubscribe a page after failures: subscribe the page to the app again."},
	"reddit": {name: "Reddit", fetch: "Look at the app in Reddit's preferences, under Apps: its credentials must be those that Rapport has."},
	"shopify": {name: "Shopify", where: "your app in Shopify's developer dashboard, or the shop's settings under Notifications > Webhooks",
		again: "Shopify removes a subscription after 8 failures in a row: make it again."},
	"slack": {name: "Slack", where: "your app at api.slack.com, under Event Subscriptions",
		again: "Slack switches subscriptions off when nearly all deliveries of an hour fail: switch them on again, and reinstall the app if permissions were changed."},
	"standard": {name: "Standard webhooks", where: "the sending program's own settings", again: "Switch the endpoint on again there, and have it send again what failed."},
	"stripe": {name: "Stripe", where: "the Stripe dashboard, under Developers > Webhooks",
		again: "Stripe sends again for three days, and switches off endpoints that fail for days: switch it on again."},
	"telegram":   {name: "Telegram", where: "the bot's webhook: getWebhookInfo shows its address and last error", again: "Call setWebhook again with this source's address and secret. Telegram keeps updates for 24 hours."},
	"tiktok":     {name: "TikTok", where: "your app in the TikTok developer portal, or the Business API's list of webhooks", again: "See that the type of event is still registered with this address. TikTok sends again for 72 hours."},
	"trustpilot": {name: "Trustpilot", where: "Trustpilot Business, under Integrations > Webhooks", again: "Press Test there."},
	"typeform":   {name: "Typeform", where: "each form, under Connect > Webhooks", again: "Look at its deliveries there, and whether it is switched on."},
	"x": {name: "X", where: "your app in the X developer portal",
		again: "X stops when a webhook fails its test: it is tested again by PUT /2/webhooks/{id}, which Rapport asks for by itself where the app's document names webhook_id and its token is set."},
	"youtube": {name: "YouTube", start: "Nothing to do but to wait: Rapport subscribes at YouTube's hub by itself.",
		again: "Some channels fall silent in YouTube's hub itself; Rapport goes on asking it.",
		fetch: "Look at the key's quota, and whether comments are open."},
	"zendesk": {name: "Zendesk", where: "Zendesk's admin centre, under Apps and integrations > Webhooks", again: "Look at its activity there, and whether it is active."},
}

// PlatformName is what a platform is called, for people.
func PlatformName(p social.Platform) string {
	if n := places[p].name; n != "" {
		return n
	}
	return string(p)
}

// WhatToDo is what to do about the source's status, in plain words; "" where
// nothing is to be done.
func (h Health) WhatToDo() string { return h.advice(h.Status) }

func (h Health) advice(s Status) string {
	p := places[h.Source.Platform]
	at := func(do string) string {
		if p.where == "" || h.Polled {
			return ""
		}
		return do + " " + p.where + "."
	}
	again := p.again
	if h.Polled {
		again = p.fetch
	}
	refused := ""
	if h.Refusals.Day > 0 && s != Refusing {
		refused = fmt.Sprintf("In the last 24 hours %d of the app's requests were refused, mostly: %s. The secret may be another one.", h.Refusals.Day, h.Refusals.Reason)
	}
	var text string
	switch s {
	case Waiting:
		switch {
		case h.Polled || p.where == "" && p.start == "":
			text = "Nothing to do but to wait: Rapport asks the platform by itself."
		case p.start != "":
			text = join(p.start, refused)
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
