package api_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/api"
	"rapport/internal/social"
)

// ivy asks a question, ten people reply, and she answers four of them, as the
// business answers her; three others only reply to each other, thirty times.
func TestHowAPersonStands(t *testing.T) {
	x := newWorld(t)
	x.workspace("acme", "ann")
	hours := func(n float64) time.Duration { return time.Duration(n * float64(time.Hour)) }
	replies := func(who, id, to string, ago time.Duration) social.Activity {
		a := post(who, id, "I see it as you do, "+id, ago)
		a.Type, a.InReplyTo, a.Reading = social.Reply, to, social.Reading{Intent: social.IntentChatter, Language: "en", Sentiment: social.SentimentNeutral}
		return a
	}
	asked := x.tell("acme", asks("ivy", "Who else waits for the new oven?", social.IntentQuestion, 0, hours(90)))[0]
	root := asked.Object.ID
	for i := range 10 {
		x.tell("acme", replies(fmt.Sprint("fan", i), fmt.Sprint("fan-", i), root, hours(80-float64(i))))
		if i < 4 {
			x.tell("acme", replies("ivy", fmt.Sprint("ivy-", i), fmt.Sprint("fan-", i), hours(79.5-float64(i))))
		}
	}
	x.tell("acme", answers("brand-1", root, "It comes in May.", hours(70)))
	ring := x.tell("acme", asks("ring0", "First!", social.IntentChatter, 0, hours(90)))[0]
	last := ring.Object.ID
	for i := 1; i < 30; i++ {
		id := fmt.Sprint("ring-", i)
		x.tell("acme", replies(fmt.Sprint("ring", i%3), id, last, hours(90-float64(i))))
		last = id
	}
	for i := range 20 {
		x.tell("acme", asks(fmt.Sprint("quiet", i), "What does it cost?", social.IntentQuestion, 0, hours(60)))
	}

	stands := func(a social.Activity) (out api.Standing) {
		x.get("ann", inAcme+"/people/"+social.PersonID(a.Account().AccountID())+"/standing", &out)
		return out
	}
	for range 2 { // the second finds that it is asked for
		if r := stands(asked).Readings[1]; r.Percentile != nil || !strings.Contains(r.Missing, "ask again in a minute") {
			t.Errorf("before anybody computed whom to compare with: %+v", r)
		}
	}
	if n := strings.Count(strings.Join(x.asked, ","), "compare acme"); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
	x.now = x.now.Add(11 * time.Minute) // the message may be lost
	stands(asked)
	if n := strings.Count(strings.Join(x.asked, ","), "compare acme"); n != 2 {
		t.Errorf("after a while it was asked for %d times", n)
	}
	stood := func(w string) {
		if _, err := x.deps.Leads.Stood(t.Context(), w, x.now); err != nil {
			t.Fatal(err)
		}
	}
	stood("acme")
	ivy, member := stands(asked), stands(ring)
	value := func(r api.StandingReading) float64 {
		v, err := strconv.ParseFloat(r.Value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, l := range r.Ledger {
			p, err := strconv.ParseFloat(l.Points, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += p
		}
		if sum-v > 1e-6 || v-sum > 1e-6 {
			t.Errorf("%s is %v, its lines sum up to %v", r.Reading, v, sum)
		}
		return v
	}
	names := []string{"engagement", "influence", "outreach", "relationship"}
	for i, name := range names {
		if r := ivy.Readings[i]; r.Reading != name || r.Percentile == nil || r.Percentile.From > r.Percentile.Share || r.Percentile.To < r.Percentile.Share {
			t.Errorf("%s: %+v", name, r)
		}
	}
	influence := ivy.Readings[1]
	if got := value(influence); got != 4*0.6+6*0.333 { // four dialogues of one round: 3/5 each
		t.Errorf("ivy's influence is %v: %+v", got, influence.Ledger)
	}
	if r := value(member.Readings[1]); r >= value(influence) || r > 2 {
		t.Errorf("one of a ring of three has %v", r)
	}
	if influence.Percentile.Share < 0.95 || len(influence.Ledger) != 10 || !strings.HasPrefix(influence.Ledger[0].Reason, "replied once, and was answered once") {
		t.Errorf("ivy's influence: %+v", influence)
	}
	if value(ivy.Readings[2]) != 4*0.333 || value(ivy.Readings[3]) <= 0 || value(member.Readings[3]) != 0 {
		t.Errorf("ivy's outreach %+v, relationship %+v; one of the ring's %+v", ivy.Readings[2], ivy.Readings[3], member.Readings[3])
	}
	if ivy.Compared.People != 34 || value(ivy.Readings[0]) <= 0 {
		t.Errorf("compared with %+v, engagement %+v", ivy.Compared, ivy.Readings[0])
	}
	if again := stands(asked); fmt.Sprintf("%+v", again.Compared) != fmt.Sprintf("%+v", ivy.Compared) {
		t.Errorf("asked again: %+v", again.Compared)
	}
	day := ivy.Compared.Day
	x.now = x.now.AddDate(0, 0, 1)
	if next := stands(asked); next.Compared.Day != day || next.Readings[1].Percentile == nil {
		t.Errorf("while the next day's is being computed: %+v", next.Compared)
	}
	x.now = x.now.AddDate(0, 0, -1)

	x.workspace("small", "ann")
	few := x.tell("small", asks("kim", "Hello?", social.IntentQuestion, 0, hours(60)))[0]
	stood("small")
	var out api.Standing
	x.get("ann", "/v1/workspaces/small/people/"+social.PersonID(few.Account().AccountID())+"/standing", &out)
	if out.Readings[1].Percentile != nil || out.Readings[1].Missing != "not enough data: 1 people, of at least 30" {
		t.Errorf("of one person: %+v", out.Readings[1])
	}
	x.call("ann", "GET", inAcme+"/people/per_nobody/standing", nil).problem(t, 404)
}
