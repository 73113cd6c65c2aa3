package api

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"rapport/internal/cache"
	"rapport/internal/conversation"
	"rapport/internal/fault"
	"rapport/internal/leads"
	"rapport/internal/parallel"
	"rapport/internal/social"
	"rapport/internal/store"
)

// Need is how much somebody who waits needs an answer.
type Need struct {
	Points int    `json:"points" doc:"The order: the most first. docs/waiting.md says what gives how many"`
	Reason string `json:"reason" example:"threatens to leave; serious; waits 3 days, usually 2 hours here; lead ?1" doc:"What the points are for"`
}

// ConversationPage is one page of conversations.
type ConversationPage struct {
	Page[Conversation]
	Total    *int  `json:"total,omitempty" doc:"With order=need: how many of those looked at the filter lets through, on all pages"`
	RankedOf *int  `json:"ranked_of,omitempty" doc:"With order=need: how many were looked at, those that began to wait last; at most 2000"`
	More     *bool `json:"more,omitempty" doc:"With order=need: more wait than were looked at, so that total is not all: order=oldest lists them"`
}

// Waits is the part of a request that says which of those who wait are asked for.
type Waits struct {
	Order    string `query:"order" enum:"need,oldest" default:"need" doc:"Of those who wait. need: who needs an answer most first, of the 2000 that began to wait last. oldest: the longest wait first, of all"`
	Platform string `query:"platform" maxLength:"40" doc:"Only what was said on this platform"`
	Scope    string `query:"scope" maxLength:"200" doc:"Only what was said in this scope: the page, team, channel or forum"`
	Intent   string `query:"intent" pattern:"^[a-z]+(,[a-z]+)*$" maxLength:"200" example:"churn,problem" doc:"Only these intents, with commas between"`
	Language string `query:"language" pattern:"^[a-zA-Z-]+(,[a-zA-Z-]+)*$" maxLength:"100" example:"de,en" doc:"Only these languages, with commas between"`
	Words    string `query:"words" maxLength:"1000" example:"invoice,refund" doc:"Only what holds one of these words or phrases, with commas between: those by which a department knows what is its own"`
	Text     string `query:"text" maxLength:"200" doc:"Only what holds this text, whatever its case"`
	Assigned string `query:"assigned" pattern:"^(none|mem_[A-Za-z0-9_-]{1,60})$" maxLength:"64" doc:"Only what is assigned to this member; none: to nobody"`
	MinWait  string `query:"min_wait" pattern:"^[0-9]{1,4}[mhd]$" maxLength:"5" example:"4h" doc:"Only who has waited for so many minutes, hours or days"`
	Snoozed  bool   `query:"snoozed" doc:"Also those that are snoozed; they are left out else"`
}

const (
	ranked  = 2000 // who waits: so many are looked at to rank them, or to find those that a filter lets through
	perRead = 100
)

// passes returns what tells whether a filter lets a conversation through that waits, words aside.
func (f Waits) passes(now time.Time) func(store.Head) bool {
	least := time.Duration(0)
	if f.MinWait != "" {
		n, _ := strconv.Atoi(f.MinWait[:len(f.MinWait)-1]) // a pattern holds it to figures
		least = time.Duration(n) * map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[f.MinWait[len(f.MinWait)-1]]
	}
	intents, languages := strings.Split(f.Intent, ","), strings.Split(strings.ToLower(f.Language), ",")
	return func(h store.Head) bool {
		a := h.Asked
		return (f.Snoozed || !h.Hidden(now)) &&
			(f.Platform == "" || string(a.Platform) == f.Platform) &&
			(f.Scope == "" || a.Scope == f.Scope) &&
			(f.Intent == "" || slices.Contains(intents, a.Intent)) &&
			(f.Language == "" || slices.Contains(languages, strings.ToLower(a.Language))) &&
			(f.Assigned == "" || f.Assigned == h.Assigned || f.Assigned == "none" && h.Assigned == "") &&
			now.Sub(h.WaitingSince) >= least
	}
}

// holds reports whether a text has the words that a filter asks for; a
// department's words are found as whole words.
func (f Waits) holds(text string) bool {
	text = strings.ToLower(text)
	if f.Text != "" && !strings.Contains(text, strings.ToLower(f.Text)) {
		return false
	}
	if f.Words == "" {
		return true
	}
	plain := " " + strings.Join(strings.FieldsFunc(text, notOfWords), " ") + " "
	return slices.ContainsFunc(strings.Split(strings.ToLower(f.Words), ","), func(word string) bool {
		parts := strings.FieldsFunc(word, notOfWords)
		return len(parts) > 0 && strings.Contains(plain, " "+strings.Join(parts, " ")+" ")
	})
}

func notOfWords(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// let returns those of heads that a filter lets through. It reads texts only
// where the filter asks for words.
func (s *service) let(ctx context.Context, w string, f Waits, now time.Time, heads []store.Head) ([]store.Head, error) {
	passes := f.passes(now)
	heads = slices.DeleteFunc(slices.Clone(heads), func(h store.Head) bool { return h.WaitingSince.IsZero() || !passes(h) })
	if f.Text == "" && f.Words == "" {
		return heads, nil
	}
	var out []store.Head
	for part := range slices.Chunk(heads, perRead) {
		refs := make([]store.FactRef, len(part))
		for i, h := range part {
			refs[i] = h.Waiting
		}
		facts, err := s.Store.Activities(ctx, w, refs)
		if err != nil {
			return nil, err
		}
		keep := make([]bool, len(part))
		errs := parallel.Each(ctx, len(part), 8, func(i int) error {
			if facts[i] == nil {
				return nil
			}
			text := facts[i].Text
			if part[i].Asked.Edited {
				it, err := s.said(ctx, w, refs[i])
				if err != nil {
					return err
				}
				text = it.Text
			}
			keep[i] = f.holds(text)
			return nil
		})
		if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
			return nil, errs[i]
		}
		for i, h := range part {
			if keep[i] {
				out = append(out, h)
			}
		}
	}
	return out, nil
}

// needs says of each of heads how much it needs an answer at an instant.
func (s *service) needs(ctx context.Context, w string, heads []store.Head, now time.Time) ([]conversation.Need, error) {
	askers := make([]string, len(heads))
	for i, h := range heads {
		askers[i] = h.Asker
	}
	persons, err := s.Store.PersonIDs(ctx, w, askers)
	if err != nil {
		return nil, err
	}
	known, err := s.Store.LeadsOf(ctx, w, leads.ModelID, persons)
	if err != nil {
		return nil, err
	}
	usual, err := s.usual.Get(ctx, w, usualHeld)
	if err != nil {
		return nil, err
	}
	out := make([]conversation.Need, len(heads))
	for i, h := range heads {
		l, a := known[i], h.Asked
		out[i] = conversation.NeedOf(conversation.Asking{Intent: a.Intent, NeedsAnswer: a.NeedsAnswer, Severity: a.Severity, Negative: a.Negative, Buyer: a.Buyer,
			Waits: now.Sub(h.WaitingSince), Usual: usual[store.Channel{Platform: a.Platform, Scope: a.Scope}], Lead: conversation.Lead{Grade: l.Grade, Fit: l.Fit, Engagement: l.Engagement}})
	}
	return out, nil
}

// usualHeld is for how long it is remembered how fast answers usually come.
const usualHeld = 10 * time.Minute

// usualAnswers remembers how long a message usually waits in each channel.
func (s *service) usualAnswers() *cache.Cache[map[store.Channel]time.Duration] {
	return &cache.Cache[map[store.Channel]time.Duration]{Now: s.Now, Random: rand.Float64, Most: 1000,
		Load: func(ctx context.Context, w string) (map[store.Channel]time.Duration, error) {
			return s.Store.UsualAnswers(ctx, w, s.Now())
		}}
}

// byNeed lists who waits, who needs an answer most first. The instant that the
// first page was ranked for goes on in the cursor, so that the order is the
// same on all pages.
func (s *service) byNeed(ctx context.Context, w string, in *listConversationsIn, after string) (*listConversationsOut, error) {
	now := social.Instant(s.Now())
	var points int
	var place string
	if after != "" {
		stamp, rest, _ := strings.Cut(after, " ")
		figure, rest, _ := strings.Cut(rest, " ")
		var err error
		if now, err = social.ParseStamp(stamp); err != nil {
			return nil, err
		}
		if points, err = strconv.Atoi(figure); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "")
		}
		place = rest
	}
	heads, more, err := s.Store.WaitingNewest(ctx, w, ranked)
	if err != nil {
		return nil, err
	}
	looked := len(heads)
	if heads, err = s.let(ctx, w, in.Waits, now, heads); err != nil {
		return nil, err
	}
	needs, err := s.needs(ctx, w, heads, now)
	if err != nil {
		return nil, err
	}
	order := make([]int, len(heads))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(needs[b].Points-needs[a].Points, cmp.Compare(heads[a].WaitingPlace(), heads[b].WaitingPlace()))
	})
	total := len(order)
	if after != "" {
		order = slices.DeleteFunc(order, func(i int) bool {
			return cmp.Or(points-needs[i].Points, cmp.Compare(heads[i].WaitingPlace(), place)) <= 0
		})
	}
	next := len(order) > in.Limit
	order = order[:min(in.Limit, len(order))]
	page := make([]store.Head, len(order))
	for i, n := range order {
		page[i] = heads[n]
	}
	out := &listConversationsOut{Body: ConversationPage{Total: &total, RankedOf: &looked, More: &more}}
	if out.Body.Items, err = s.rows(ctx, w, page); err != nil {
		return nil, err
	}
	for i, n := range order {
		out.Body.Items[i].Need = &Need{needs[n].Points, needs[n].Reason}
	}
	n, err := fitting(out.Body.Items)
	if err != nil {
		return nil, err
	}
	if n < len(order) {
		out.Body.Items, order, next = out.Body.Items[:n], order[:n], true
	}
	if next {
		last := order[len(order)-1]
		out.Body.NextCursor, out.Link, err = s.next(ctx, social.Stamp(now)+" "+strconv.Itoa(needs[last].Points)+" "+heads[last].WaitingPlace())
	}
	return out, err
}

// leastLooked is how many conversations are looked at at once, however few are
// asked for: a filter may let none of them through.
const leastLooked = 100

// oldest finds who waits and a filter lets through, the longest wait first,
// among so many after a place as are looked at for one page.
func (s *service) oldest(ctx context.Context, w string, in *listConversationsIn, after string) (found []store.Head, last string, err error) {
	now := s.Now()
	page := max(in.Limit, leastLooked)
	for looked := 0; looked < ranked && len(found) < in.Limit; {
		heads, place, err := s.Store.Waiting(ctx, w, after, page)
		if err != nil {
			return nil, "", err
		}
		looked += page
		some, err := s.let(ctx, w, in.Waits, now, heads)
		if err != nil {
			return nil, "", err
		}
		if n := in.Limit - len(found); len(some) > n {
			some = some[:n]
			place = some[n-1].WaitingPlace()
		}
		found, after, last = append(found, some...), place, place
		if place == "" {
			break
		}
	}
	return found, last, nil
}

// rows are conversations as they are listed, without their need.
func (s *service) rows(ctx context.Context, w string, heads []store.Head) ([]Conversation, error) {
	out := make([]Conversation, len(heads))
	errs := parallel.Each(ctx, len(heads), 8, func(i int) (err error) {
		out[i], err = s.conversation(ctx, w, heads[i])
		return err
	})
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return nil, errs[i]
	}
	// Whose accounts they are.
	var accounts []string
	for _, h := range heads {
		accounts = append(accounts, h.Asker)
		if h.HelpedBy != "" {
			accounts = append(accounts, h.HelpedBy)
		}
	}
	persons, err := s.Store.PersonIDs(ctx, w, accounts)
	if err != nil {
		return nil, err
	}
	for i, h := range heads {
		out[i].Person, persons = persons[0], persons[1:]
		if out[i].Waiting != nil {
			out[i].Waiting.Person = out[i].Person
		}
		if h.HelpedBy != "" {
			out[i].HelpedBy, persons = persons[0], persons[1:]
		}
	}
	return out, nil
}

// shown are conversations with their need.
func (s *service) shown(ctx context.Context, w string, heads []store.Head) ([]Conversation, error) {
	out, err := s.rows(ctx, w, heads)
	if err != nil {
		return nil, err
	}
	var waiting []store.Head
	for _, h := range heads {
		if !h.WaitingSince.IsZero() {
			waiting = append(waiting, h)
		}
	}
	needs, err := s.needs(ctx, w, waiting, s.Now())
	if err != nil {
		return nil, err
	}
	for i, h := range heads {
		if !h.WaitingSince.IsZero() {
			out[i].Need, needs = &Need{needs[0].Points, needs[0].Reason}, needs[1:]
		}
	}
	return out, nil
}
