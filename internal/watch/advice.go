package watch

import (
	"rapport/internal/social"
)

// place is where at a platform its side of a hook is looked after.
type place struct {
	name  string // the platform's, for people
	where string // its settings; "": it has none
	again string // what it does after failures, and what to do for it to deliver again
}

// places are the platforms' settings, as the pages docs/platforms describe them.
var places = map[social.Platform]place{
	"bluesky":    {"Bluesky", "the program that reads the Jetstream and forwards it here", "Start that program again; it can go back about a day."},
	"discord":    {"Discord", "the Discord developer portal, under your application's Webhooks", "Discord may switch the endpoint off after failures: save it again there."},
	"discourse":  {"Discourse", "the forum's admin pages, under API > Webhooks", "Discourse may switch a webhook off after failures: look at its recent deliveries, and switch it on again."},
	"feed":       {"Feed", "", "Open the feed's address in a browser: it must answer with a feed."},
	"github":     {"GitHub", "the settings of the repository, organisation or app, under Webhooks", "GitHub does not send again by itself: redeliver there what failed."},
	"hackernews": {"Hacker News", "", ""},
	"hubspot":    {"HubSpot", "your app in the HubSpot developer account, under Webhooks", "Look at its monitoring page, and switch paused subscriptions on again."},
	"intercom":   {"Intercom", "your app in the Intercom developer hub, under Webhooks", "Intercom switches webhooks off that fail for long: switch them on again."},
	"linkedin":   {"LinkedIn", "your app in the LinkedIn developer portal, under Webhooks", "LinkedIn blocks an address that fails its tests: have it validate the address again."},
	"mastodon":   {"Mastodon", "the server's administration pages, under Webhooks", "Switch the webhook on again, if it is off."},
	"meta":       {"Meta", "your app in the Meta developer portal, under Webhooks, and the page's list of subscribed apps", "Meta unsubscribes a hook that fails for days: subscribe the page to the app again."},
	"reddit":     {"Reddit", "your app in Reddit's preferences, under Apps", ""},
	"shopify":    {"Shopify", "your app in the Shopify Partner dashboard, or the shop's settings under Notifications > Webhooks", "Shopify deletes a subscription after 8 failures in 4 hours: make it again."},
	"slack":      {"Slack", "your app at api.slack.com, under Event Subscriptions", "Slack switches subscriptions off when most deliveries of an hour fail: switch them on again, and reinstall the app where scopes changed."},
	"standard":   {"Standard webhooks", "the sending program's own settings", "Switch the endpoint on again there, and have it send again what failed."},
	"stripe":     {"Stripe", "the Stripe dashboard, under Developers > Webhooks", "Stripe sends again for three days, and switches off endpoints that always fail: switch it on again."},
	"telegram":   {"Telegram", "the bot's webhook (getWebhookInfo shows its last error)", "Call setWebhook again with this source's address and secret. Telegram keeps updates for 24 hours."},
	"tiktok":     {"TikTok", "your app in the TikTok developer portal, or the Business API's webhook settings", "TikTok sends again for 72 hours; after that, save the address again."},
	"trustpilot": {"Trustpilot", "Trustpilot Business, under Integrations > Webhooks", "Switch the notification on again."},
	"typeform":   {"Typeform", "each form, under Connect > Webhooks", "Typeform switches webhooks off that keep failing: switch it on again."},
	"x":          {"X", "your app in the X developer portal", "X marks a webhook invalid that fails its CRC test: validate it again with PUT /2/webhooks/{id}, which Rapport does by itself once the app's document names webhook_id and its token is set."},
	"youtube":    {"YouTube", "the hub at pubsubhubbub.appspot.com, which Rapport subscribes at by itself", ""},
	"zendesk":    {"Zendesk", "Zendesk's admin centre, under Apps and integrations > Webhooks", "Zendesk pauses a webhook that fails often (its circuit breaker), and resumes by itself: look at its activity there, and switch it on again if it is off."},
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
		if p.where == "" {
			return ""
		}
		return do + " " + p.where + "."
	}
	more := " See the platform's page in Rapport's documentation."
	var text string
	switch s {
	case Waiting:
		if p.where == "" {
			return "Nothing to do: Rapport fetches it, and the first posts come with the first answer." + more
		}
		return join(at("Nothing has come yet. Register the source's hook address at"), "Check that the events you want are ticked, and that the scope is the one that the platform writes into its events. A test delivery shows whether the way from there to here is open.") + more
	case Silent:
		text = join(at("Look whether the hook is still registered and switched on at"), p.again)
		if text == "" {
			text = "Look whether anything new is there that should have come."
		}
		if h.Refusals.Day > 0 {
			text = join(text, "Some of the app's requests were refused in the last 24 hours: its secret may have changed.")
		}
	case Refusing:
		text = join(at("Compare the secret with the one at"), "If it was changed there, give the app the new one, beside the old one for as long as both are in use. If it was not, somebody else is calling the hook: nothing of it is taken in, and nothing is to be done.")
	case LeaseEnding:
		text = join(at("Look at"), "Check that the app's token still holds and that the hook's address can be reached from outside.")
	case Revoked:
		text = join("Whoever owns the account has to grant access again.", at("Connect it again at"))
	case Failing:
		switch {
		case h.Poll != nil:
			text = join("Check that the address still exists and that the app's token, where it has one, still holds.", p.again)
		default:
			text = join(at("Look at"), p.again, "Check that the hook's address can be reached from outside.")
		}
	default:
		return ""
	}
	return text + more
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
