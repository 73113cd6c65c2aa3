// Package all lists the adapters of all platforms, for the functions that look
// one up by its name. To add one, write its package and add its
// line here.
package all

import (
	"slices"
	"strings"

	"rapport/internal/fault"
	"rapport/internal/platform"
	"rapport/internal/platform/bluesky"
	"rapport/internal/platform/discord"
	"rapport/internal/platform/discourse"
	"rapport/internal/platform/feed"
	"rapport/internal/platform/github"
	"rapport/internal/platform/hackernews"
	"rapport/internal/platform/hubspot"
	"rapport/internal/platform/intercom"
	"rapport/internal/platform/linkedin"
	"rapport/internal/platform/mastodon"
	"rapport/internal/platform/meta"
	"rapport/internal/platform/reddit"
	"rapport/internal/platform/shopify"
	"rapport/internal/platform/slack"
	"rapport/internal/platform/standard"
	"rapport/internal/platform/stripe"
	"rapport/internal/platform/telegram"
	"rapport/internal/platform/tiktok"
	"rapport/internal/platform/trustpilot"
	"rapport/internal/platform/typeform"
	"rapport/internal/platform/x"
	"rapport/internal/platform/youtube"
	"rapport/internal/platform/zendesk"
	"rapport/internal/social"
)

// adapters has a line for each platform.
var adapters = []platform.Adapter{
	bluesky.Adapter{},
	discord.Adapter{},
	discourse.Adapter{},
	feed.Adapter{},
	github.Adapter{},
	hackernews.Adapter{},
	hubspot.Adapter{},
	intercom.Adapter{},
	linkedin.Adapter{},
	mastodon.Adapter{},
	meta.Adapter{},
	reddit.Adapter{},
	shopify.Adapter{},
	slack.Adapter{},
	standard.Adapter{},
	stripe.Adapter{},
	telegram.Adapter{},
	tiktok.Adapter{},
	trustpilot.Adapter{},
	typeform.Adapter{},
	x.Adapter{},
	youtube.Adapter{},
	zendesk.Adapter{},
}

// Adapters lists every platform's adapter, by name.
func Adapters() []platform.Adapter { return slices.Clone(adapters) }

// Find returns the adapter of p; an error of kind Invalid names those there are.
func Find(p social.Platform) (platform.Adapter, error) {
	for _, a := range adapters {
		if a.Platform() == p {
			return a, nil
		}
	}
	return nil, fault.New(fault.Invalid, "no platform %q; there are %s", p, Names())
}

// Names lists the platforms, as a sentence has them.
func Names() string {
	names := make([]string, len(adapters))
	for i, a := range adapters {
		names[i] = string(a.Platform())
	}
	return strings.Join(names, ", ")
}
