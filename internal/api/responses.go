package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/conversation"
	"rapport/internal/report"
	"rapport/internal/social"
	"rapport/internal/stats"
	"rapport/internal/store"
)

// ResponseTime is one figure of how fast answers came, in seconds.
type ResponseTime struct {
	N             int      `json:"n" doc:"Observations"`
	Needed        int      `json:"needed" doc:"How many the interval takes"`
	Enough        bool     `json:"enough" doc:"Whether there are enough; if not, there are no numbers"`
	MedianSeconds *float64 `json:"median_seconds,omitempty"`
	Low           *float64 `json:"low,omitempty" doc:"Of the exact 95 % interval of the median, in seconds"`
	High          *float64 `json:"high,omitempty" doc:"Of the exact 95 % interval of the median, in seconds"`
}

// ResponseTimes are figures which answer different questions.
type ResponseTimes struct {
	From            time.Time       `json:"from"`
	To              time.Time       `json:"to"`
	PerPair         ResponseTime    `json:"per_pair" doc:"Each reply by a human, from the message it replies to"`
	PerMessage      ResponseTime    `json:"per_message" doc:"Each message that a human answered, to the first such reply"`
	PerConversation ResponseTime    `json:"per_conversation" doc:"Each asker in a thread, from the first message to the first reply by a human"`
	ByAnyone        ByAnyone        `json:"by_anyone" doc:"The same to the first reply by anyone, machines too"`
	ByChannel       []ChannelTimes  `json:"by_channel" maxItems:"100" doc:"Most answers first, then most askers; at most 100"`
	ByLanguage      []LanguageTimes `json:"by_language" maxItems:"100" doc:"Most answers first, then most askers; at most 100"`
	ByHour          []HourTimes     `json:"by_hour" maxItems:"168" doc:"By the hour of the week, in the workspace's time zone, in which the message was written; hours without an answer are left out"`
	Unanswered      []Unanswered    `json:"unanswered" doc:"Of the askers who began in the period; empty where over 5000 conversations went on since it began: ask for a later one"`
}

// ByAnyone are response times to the first reply, whoever or whatever gave it.
type ByAnyone struct {
	PerMessage      ResponseTime `json:"per_message" doc:"Each answered message, to its first reply"`
	PerConversation ResponseTime `json:"per_conversation" doc:"Each asker in a thread, from the first message to the first reply"`
}

// ChannelTimes is how fast answers came in a channel, and to how many none.
type ChannelTimes struct {
	Platform   string       `json:"platform"`
	Scope      string       `json:"scope"`
	PerMessage ResponseTime `json:"per_message" doc:"Each message that a human answered, to the first such reply"`
	Unanswered []Unanswered `json:"unanswered" doc:"As that of all: of the askers who began there"`
}

// LanguageTimes is how fast answers came to messages in a language, and to how many none.
type LanguageTimes struct {
	Language   string       `json:"language"`
	PerMessage ResponseTime `json:"per_message" doc:"Each message that a human answered, to the first such reply"`
	Unanswered []Unanswered `json:"unanswered" doc:"As that of all: of the askers who began in the language"`
}

// HourTimes is how fast answers came to messages written in an hour of the week.
type HourTimes struct {
	Weekday    string       `json:"weekday" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday"`
	Hour       int          `json:"hour" minimum:"0" maximum:"23" doc:"It begins then"`
	PerMessage ResponseTime `json:"per_message" doc:"Each message that a human answered, to the first such reply"`
}

// Unanswered is how many had no answer by a human after a time.
type Unanswered struct {
	AfterHours int      `json:"after_hours" enum:"4,24,72"`
	Askers     int      `json:"askers" doc:"Who had asked that long ago or longer, each in each thread once"`
	Unanswered int      `json:"unanswered" doc:"Those of them whom no human had answered by then, whose thread was not closed and who was not said to be done"`
	Share      Estimate `json:"share" doc:"The latter of the former; 0 to 1"`
}

// unansweredAfter are the hours after which those without an answer are counted.
var unansweredAfter = []int{4, 24, 72}

// manyBegan bounds how many conversations are read to count those without an answer.
const manyBegan = 5000

// maxGroups bounds the groups of answers that are listed.
const maxGroups = 100

func (s *service) responses(api huma.API) {
	members(s, api, social.Viewer, huma.Operation{OperationID: "get-response-times", Method: http.MethodGet, Path: "/response-times", Tags: []string{"feedback"}, Summary: "Get how fast answers came",
		Description: "Medians of all replies given in the period, however long it is, each with its interval or with how many it takes. What is not answered has no time: unanswered says how many had none after 4, 24 and 72 hours."}, s.responseTimes)
}

func responseTime(seconds []float64) ResponseTime {
	out := ResponseTime{N: len(seconds), Needed: stats.QuantileNeeds(0.5, level)}
	low, high, ok := stats.MedianInterval(seconds, level)
	if !ok {
		return out
	}
	median, _ := stats.Median(seconds)
	out.Enough, out.MedianSeconds, out.Low, out.High = true, &median, &low, &high
	return out
}

// hourOfWeek is an hour of a week, of which Monday is day 0.
type hourOfWeek struct{ day, hour int }

func (s *service) responseTimes(ctx context.Context, w string, in *responseTimesIn) (*Out[ResponseTimes], error) {
	now := s.Now()
	from, to, err := in.bounds(now, 0)
	if err != nil {
		return nil, err
	}
	ws, err := s.Store.Workspace(ctx, w)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(ws.TimeZone)
	if err != nil {
		return nil, err
	}
	var pair, message, whole, anyMessage, anyWhole []float64
	channels, languages, hours := map[store.Channel][]float64{}, map[string][]float64{}, map[hourOfWeek][]float64{}
	err = s.Store.EachResponse(ctx, w, from, to, func(r store.Response) {
		seconds := conversation.Took(r.Asked, r.Answered).Seconds()
		switch {
		case r.Whole && r.First:
			anyWhole = append(anyWhole, seconds)
		case !r.Whole && r.First:
			anyMessage = append(anyMessage, seconds)
		}
		switch {
		case r.Automatic:
		case r.Whole && r.Human:
			whole = append(whole, seconds)
		case !r.Whole:
			pair = append(pair, seconds)
			if !r.Human {
				return
			}
			message = append(message, seconds)
			channels[r.Channel] = append(channels[r.Channel], seconds)
			languages[r.Language] = append(languages[r.Language], seconds)
			at := r.Asked.In(zone)
			hour := hourOfWeek{(int(at.Weekday()) + 6) % 7, at.Hour()}
			hours[hour] = append(hours[hour], seconds)
		}
	})
	if err != nil {
		return nil, err
	}
	out := ResponseTimes{From: from, To: to, PerPair: responseTime(pair), PerMessage: responseTime(message), PerConversation: responseTime(whole),
		ByAnyone: ByAnyone{responseTime(anyMessage), responseTime(anyWhole)}, ByChannel: []ChannelTimes{}, ByLanguage: []LanguageTimes{}, ByHour: []HourTimes{}}
	began, err := s.began(ctx, w, from, to, now)
	if err != nil {
		return nil, err
	}
	waits, inChannel, inLanguage := []conversation.FirstWait{}, map[store.Channel][]conversation.FirstWait{}, map[string][]conversation.FirstWait{}
	for _, b := range began {
		c, l := b.where.Channel, b.where.Language
		waits, inChannel[c], inLanguage[l] = append(waits, b.FirstWait), append(inChannel[c], b.FirstWait), append(inLanguage[l], b.FirstWait)
		channels[c], languages[l] = channels[c], languages[l] // also where nobody was answered
	}
	without := func(waits []conversation.FirstWait) []Unanswered {
		if began == nil {
			return []Unanswered{}
		}
		return unanswered(waits, now)
	}
	for c, xs := range channels {
		out.ByChannel = append(out.ByChannel, ChannelTimes{string(c.Platform), c.Scope, responseTime(xs), without(inChannel[c])})
	}
	slices.SortFunc(out.ByChannel, func(a, b ChannelTimes) int {
		return cmp.Or(b.PerMessage.N-a.PerMessage.N, askers(b.Unanswered)-askers(a.Unanswered), cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.Scope, b.Scope))
	})
	for l, xs := range languages {
		out.ByLanguage = append(out.ByLanguage, LanguageTimes{cmp.Or(l, "und"), responseTime(xs), without(inLanguage[l])})
	}
	slices.SortFunc(out.ByLanguage, func(a, b LanguageTimes) int {
		return cmp.Or(b.PerMessage.N-a.PerMessage.N, askers(b.Unanswered)-askers(a.Unanswered), cmp.Compare(a.Language, b.Language))
	})
	out.ByChannel, out.ByLanguage = out.ByChannel[:min(maxGroups, len(out.ByChannel))], out.ByLanguage[:min(maxGroups, len(out.ByLanguage))]
	for day, name := range []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"} {
		for hour := range 24 {
			if xs := hours[hourOfWeek{day, hour}]; len(xs) > 0 {
				out.ByHour = append(out.ByHour, HourTimes{name, hour, responseTime(xs)})
			}
		}
	}
	out.Unanswered = without(waits)
	return &Out[ResponseTimes]{out}, nil
}

// beginning is how long somebody who began to ask waited, and where that was.
type beginning struct {
	conversation.FirstWait
	where store.Began
}

// began returns those who began to ask in a period; nil where that is too much
// to look at. Whoever began in it said something since, so that those
// conversations hold them all that went on since it began.
func (s *service) began(ctx context.Context, w string, from, to, now time.Time) ([]beginning, error) {
	out := []beginning{}
	place, looked := "", 0
	for {
		heads, next, err := s.Store.Conversations(ctx, w, from, now.Add(time.Millisecond), place, 500)
		if err != nil {
			return nil, err
		}
		if looked += len(heads); looked > manyBegan {
			return nil, nil
		}
		for _, h := range heads {
			f, ok := conversation.FirstWaitOf(h.Standing, h.FirstHuman, h.Settled)
			if ok && !h.Started.Before(from) && h.Started.Before(to) {
				out = append(out, beginning{f, h.Began})
			}
		}
		if place = next; place == "" {
			return out, nil
		}
	}
}

// askers is of how many it is known whether they had an answer.
func askers(list []Unanswered) int {
	if len(list) == 0 {
		return 0
	}
	return list[0].Askers
}

// unanswered counts those who had no answer by a human after some hours.
func unanswered(waits []conversation.FirstWait, now time.Time) []Unanswered {
	out := []Unanswered{}
	for _, hours := range unansweredAfter {
		without, of := conversation.Unanswered(waits, time.Duration(hours)*time.Hour, now)
		out = append(out, Unanswered{hours, of, without, estimate(report.Share(without, of))})
	}
	return out
}
