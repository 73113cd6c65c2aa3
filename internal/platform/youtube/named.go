package youtube

import (
	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// Named lists the channels that speak, or whose videos a feed tells of.
func (a Adapter) Named(r platform.Request, o platform.Options) []platform.Named {
	found := platform.FindNamed(name, r.Body, platform.Everywhere,
		platform.Person{ID: "authorChannelId.value", Handle: "authorDisplayName", Name: "authorDisplayName"},
		platform.Person{IDs: "channelId"})
	if len(found) > 0 {
		return found
	}
	events, _ := a.Normalise(r, o)
	found = platform.NamedBy(events)
	for _, m := range inFeed.FindAllStringSubmatch(string(r.Body), -1) {
		found = append(found, platform.Named{Ref: social.AccountRef{Platform: name, ID: m[1]}})
	}
	return found
}

// inFeed is where a feed of videos names its channel.
var inFeed = pattern.New(`(?:channelId>\s*|/channel/|channel_id=)([A-Za-z0-9_-]+)`)
