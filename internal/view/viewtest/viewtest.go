// Package viewtest is the suite that every view runs: the same facts give the
// same items in any order, repeated, at once and after a death before any
// request; each item has one owner; and nothing is left of who is forgotten,
// whoever writes meanwhile. It works on a real engine.
package viewtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
)

// List makes the list of views over a store and its table.
type List func(*store.Store, storetest.Table) []view.View

// Run runs the suite over a list of views.
func Run(t *testing.T, list List) {
	for _, name := range []string{"order", "owners", "death", "late", "forget", "forget meanwhile"} {
		t.Run(name, func(t *testing.T) {
			for _, f := range Find(t, list, name) {
				t.Error(f)
			}
		})
	}
}

// Find runs one part of the suite and returns what it found.
func Find(t testing.TB, list List, part string) []string {
	x := &finder{t: t, list: list}
	map[string]func(){"order": x.order, "owners": x.owners, "death": x.death, "late": x.late, "forget": x.forget, "forget meanwhile": x.meanwhile}[part]()
	return x.found
}

const workspace = "acme"

type finder struct {
	t     testing.TB
	list  List
	found []string
}

func (x *finder) add(format string, args ...any) {
	if len(x.found) < 20 {
		x.found = append(x.found, fmt.Sprintf(format, args...))
	}
}

// items returns what each view owns in a table, as text by key.
func (x *finder) items(s *store.Store, table storetest.Table) map[string]string {
	views := x.list(s, table)
	out := map[string]string{}
	arrival := func(pk, sk string) []string {
		return view.Arrival(views, strings.TrimPrefix(pk, workspace+"#"), sk)
	}
	for k, v := range table.DumpBut(x.t, arrival) {
		pk, sk, _ := strings.Cut(k, " | ")
		rest, ok := strings.CutPrefix(pk, workspace+"#")
		if !ok {
			continue
		}
		for _, w := range views {
			if w.Owns(rest, sk) {
				out[w.Name()+": "+k] = v
			}
		}
	}
	return canonical(x.t, views, s, out)
}

func canonical(t testing.TB, views []view.View, s *store.Store, items map[string]string) map[string]string {
	for _, v := range views {
		c, ok := v.(view.Canonical)
		if !ok {
			continue
		}
		maps.DeleteFunc(items, func(k, _ string) bool { return strings.HasPrefix(k, v.Name()+": ") })
		says, err := c.Says(t.Context(), workspace)
		if err != nil {
			t.Fatal(err)
		}
		for k, what := range says {
			items[v.Name()+": "+k] = what
		}
	}
	return items
}

func (x *finder) put(s *store.Store, a social.Activity) {
	if err := s.PutAccount(x.t.Context(), workspace, a); err != nil {
		x.t.Fatal(err)
	}
	if _, err := s.PutActivity(x.t.Context(), workspace, a); err != nil {
		x.t.Fatal(err)
	}
}

func keep(ctx context.Context, views []view.View, facts ...view.Fact) error {
	for _, v := range views {
		if err := v.Keep(ctx, workspace, facts); err != nil {
			return fmt.Errorf("view %s: %w", v.Name(), err)
		}
	}
	return nil
}

// fill stores activities and keeps their views, several at once.
func (x *finder) fill(s *store.Store, table storetest.Table, as []social.Activity, atOnce int) {
	views := x.list(s, table)
	work := make(chan social.Activity)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range atOnce {
		wg.Go(func() {
			for a := range work {
				x.put(s, a)
				if err := keep(x.t.Context(), views, view.FactOf(a)); err != nil {
					mu.Lock()
					x.add("keep %s: %v", a.Key, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, a := range as {
		work <- a
	}
	close(work)
	wg.Wait()
}

// compare adds what differs between two sets of items.
func (x *finder) compare(what string, want, got map[string]string) {
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if want[k] != got[k] {
			x.add("%s: %s\n  want %.300s\n  got  %.300s", what, k, want[k], got[k])
		}
	}
}

func (x *finder) order() {
	for seed := range uint64(2) {
		as := Facts(seed, 18)
		s, table := storetest.NewTable(x.t)
		x.fill(s, table, as, 1)
		want := x.items(s, table)
		if len(want) == 0 {
			x.add("no view has an item")
			return
		}
		shuffled := slices.Concat(as, as[:len(as)/2])
		r := rand.New(rand.NewPCG(seed, 2))
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for _, atOnce := range []int{1, 8} {
			s, table := storetest.NewTable(x.t)
			x.fill(s, table, shuffled, atOnce)
			x.compare(fmt.Sprintf("seed %d, shuffled, half of it twice, %d at once", seed, atOnce), want, x.items(s, table))
		}
	}
}

// owners looks that each item is a fact's or one view's.
func (x *finder) owners() {
	s, table := storetest.NewTable(x.t)
	x.fill(s, table, Facts(0, 18), 1)
	views := x.list(s, table)
	for k := range table.Dump(x.t) {
		pk, sk, _ := strings.Cut(k, " | ")
		rest, ok := strings.CutPrefix(pk, workspace+"#")
		if !ok {
			x.add("%s is in no workspace", k)
			continue
		}
		var of []string
		if strings.HasPrefix(rest, "A#") && (sk == "@" || strings.HasPrefix(sk, "F#") || strings.HasPrefix(sk, "V#")) || strings.HasPrefix(rest, "G#") {
			of = append(of, "facts")
		}
		for _, v := range views {
			if v.Owns(rest, sk) {
				of = append(of, v.Name())
			}
		}
		if len(of) != 1 {
			x.add("%s has %d owners: %v", k, len(of), of)
		}
	}
}

// errDead is what every request of a dead process comes to.
var errDead = errors.New("the process is dead")

// cut is a client that is dead from its n-th request on.
type cut struct {
	mu    sync.Mutex
	at, n int
	once  func() // where set, called before the n-th request, which goes on
}

func (c *cut) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.n++
	n := c.n
	c.mu.Unlock()
	if c.once != nil {
		if n == c.at {
			c.once()
		}
	} else if n >= c.at {
		return nil, errDead
	}
	return http.DefaultClient.Do(r)
}

// views returns the list over a table that is asked through a client.
func (x *finder) views(table storetest.Table, c *cut) []view.View {
	cfg, err := config.LoadDefaultConfig(x.t.Context(), config.WithRetryMaxAttempts(1))
	if err != nil {
		x.t.Fatal(err)
	}
	cfg.HTTPClient = c
	return x.list(store.New(cfg, table.Name), storetest.Table{Name: table.Name, DB: dynamodb.NewFromConfig(cfg)})
}

// death lets Keep die before each request, and looks that another attempt
// gives the same items.
func (x *finder) death() {
	as := Facts(1, 8)
	s, table := storetest.NewTable(x.t)
	x.fill(s, table, as, 1)
	want := x.items(s, table)
	var facts []view.Fact
	for _, a := range as {
		facts = append(facts, view.FactOf(a))
	}
	for at := 1; ; at += 1 + at/4 {
		s, table := storetest.NewTable(x.t)
		for _, a := range as {
			x.put(s, a)
		}
		c := &cut{at: at}
		died := keep(x.t.Context(), x.views(table, c), facts...)
		if c.n >= at && died == nil {
			x.add("dead from request %d on, and nobody says so", at)
		}
		if err := keep(x.t.Context(), x.list(s, table), facts...); err != nil {
			x.add("after a death before request %d: %v", at, err)
		}
		x.compare(fmt.Sprintf("after a death before request %d", at), want, x.items(s, table))
		if c.n < at {
			return
		}
	}
}

// late holds a Keep of the first fact before each of its requests, while all
// others are stored and kept: who was held must not write over them.
func (x *finder) late() {
	as := Facts(1, 5)
	s, table := storetest.NewTable(x.t)
	x.fill(s, table, as, 1)
	want := x.items(s, table)
	for at := 1; ; at++ {
		s, table := storetest.NewTable(x.t)
		x.put(s, as[0])
		c := &cut{at: at, once: func() { x.fill(s, table, as[1:], 1) }}
		if err := keep(x.t.Context(), x.views(table, c), view.FactOf(as[0])); err != nil {
			x.add("held before request %d: %v", at, err)
		}
		if c.n < at {
			return
		}
		x.compare(fmt.Sprintf("held before request %d", at), want, x.items(s, table))
	}
}

// gone takes an account's facts away as erasure does: the views forget them,
// the facts go, and the views forget them once more.
func (x *finder) gone(s *store.Store, table storetest.Table, facts []view.Fact) error {
	for _, last := range []bool{false, true} {
		for _, v := range x.list(s, table) {
			if _, err := v.Forget(x.t.Context(), workspace, facts); err != nil {
				return fmt.Errorf("view %s: %w", v.Name(), err)
			}
		}
		if !last {
			if err := s.DeleteFacts(x.t.Context(), workspace, facts[0].Ref.Account, refs(facts)); err != nil {
				return err
			}
		}
	}
	return nil
}

func refs(facts []view.Fact) []store.FactRef {
	var out []store.FactRef
	for _, f := range facts {
		out = append(out, f.Ref)
	}
	return out
}

func of(as []social.Activity, account string) []view.Fact {
	var out []view.Fact
	for _, a := range as {
		if a.Account().AccountID() == account {
			out = append(out, view.FactOf(a))
		}
	}
	return out
}

// left adds the items of views that still hold something of an account.
func (x *finder) left(what string, items map[string]string, facts []view.Fact) {
	for k, v := range items {
		for _, f := range facts {
			for _, mark := range []string{f.Ref.Account, social.PersonID(f.Ref.Account), f.Actor.Handle, f.Text, f.ID()} {
				if mark != "" && strings.Contains(k+v, mark) {
					x.add("%s: %q is left in %s: %.300s", what, mark, k, v)
				}
			}
		}
	}
}

func (x *finder) forget() {
	x.forgetEach(Facts(0, 18))
	x.forgetEach(helped())
}

func (x *finder) forgetEach(as []social.Activity) {
	accounts := map[string]bool{}
	for _, a := range as {
		accounts[a.Account().AccountID()] = true
	}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		s, table := storetest.NewTable(x.t)
		x.fill(s, table, as, 1)
		facts := of(as, account)
		if err := x.gone(s, table, facts); err != nil {
			x.add("forget %s: %v", facts[0].Actor.ID, err)
			continue
		}
		x.left("forget "+facts[0].Actor.ID, x.items(s, table), facts)
	}
}

// meanwhile forgets an account before each request of a Keep of one of its facts.
func (x *finder) meanwhile() {
	as := Facts(2, 4)
	facts := of(as, as[0].Account().AccountID())
	for at := 1; ; at++ {
		s, table := storetest.NewTable(x.t)
		for _, a := range as {
			x.put(s, a)
		}
		c := &cut{at: at, once: func() {
			if err := x.gone(s, table, facts); err != nil {
				x.add("forget before request %d: %v", at, err)
			}
		}}
		if err := keep(x.t.Context(), x.views(table, c), facts[0]); err != nil {
			x.add("keep, forgotten before request %d: %v", at, err)
		}
		if c.n < at {
			return
		}
		x.left(fmt.Sprintf("forgotten before request %d of a keep", at), x.items(s, table), facts)
	}
}

var t0 = time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)

// Facts makes up what three askers, the business, a moderator and somebody who
// only reacts did: trees of replies with edits, deletions and closings, a private
// and a flat thread, reactions with and without a time. The same seed gives the same facts.
func Facts(seed uint64, n int) []social.Activity {
	r := rand.New(rand.NewPCG(seed, 1))
	var out []social.Activity
	for i := range n {
		at := t0.Add(time.Duration(i) * 5 * time.Hour)
		who := fmt.Sprintf("asker%d", r.IntN(3))
		if i == 0 {
			who = "asker0"
		}
		typ := social.Post
		if r.IntN(3) == 0 && i > 0 {
			who = "brand"
		}
		a := done(who, typ, fmt.Sprintf("m%d", i), at)
		switch k := r.IntN(8); {
		case i > 0 && k > 1:
			a.Type, a.InReplyTo = social.Reply, fmt.Sprintf("m%d", r.IntN(i))
		case k == 1:
			a.Type, a.Conversation = social.Message, "private"
		case i > 0:
			a.Conversation, a.Flat = "flat", true
		}
		if r.IntN(3) == 0 {
			a.Intent = []string{social.IntentPraise, social.IntentChatter, social.IntentClosing}[r.IntN(3)]
		}
		a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, a.Object.ID+who, a.Occurred)
		out = append(out, a)
		switch r.IntN(7) {
		case 0:
			out = append(out, done(who, social.Edit, a.Object.ID, at.Add(3*time.Minute)))
		case 1:
			out = append(out, done(who, social.Delete, a.Object.ID, at.Add(5*time.Minute)))
		case 2:
			out = append(out, done("moderator", social.Delete, a.Object.ID, at.Add(7*time.Minute)))
		case 3:
			out = append(out, done("fan", social.React, a.Object.ID, at.Add(9*time.Minute)))
		case 4:
			b := done("fan", social.React, a.Object.ID, at)
			b.Undated, b.Occurred = true, b.Known
			b.Key = social.ActivityKey(b.Platform, b.Scope, b.Type, b.Object.ID+"undated", time.Time{})
			out = append(out, b)
		case 5:
			c := done([]string{who, "moderator"}[i%2], []social.Type{social.Close, social.Reopen, social.Accept}[i%3], a.Object.ID, at.Add(11*time.Minute))
			c.Conversation = a.Conversation
			out = append(out, c)
		}
	}
	return out
}

// done is one thing that an account did.
func done(account string, typ social.Type, id string, at time.Time) social.Activity {
	a := social.Activity{Platform: "standard", Scope: "forum", Type: typ, Actor: social.Actor{ID: account, Handle: "the-" + account}, Object: social.Object{ID: id},
		Occurred: at, Known: at.Add(time.Minute), Direction: social.Inbound, Reading: social.Reading{Language: "en"}}
	if typ.Utterance() || typ == social.Edit {
		a.Text, a.Sentiment, a.Intent = "words of "+account+" on "+id, social.SentimentNeutral, social.IntentQuestion
	}
	if account == "brand" {
		a.Direction = social.Outbound
	}
	a.Key = social.ActivityKey(a.Platform, a.Scope, a.Type, id+account, a.Occurred)
	return a
}

// helped is a question whose accepted answer, by another customer, was the last
// that was said.
func helped() []social.Activity {
	question, answer := done("asker0", social.Post, "q", t0), done("helper", social.Reply, "a", t0.Add(time.Hour))
	accepted := done("asker0", social.Accept, "a", t0.Add(2*time.Hour))
	answer.InReplyTo, answer.Intent, accepted.InReplyTo = "q", social.IntentChatter, "q"
	out := []social.Activity{question, answer, accepted}
	for i := range out {
		out[i].Conversation, out[i].Flat = "helped", true
	}
	return out
}
