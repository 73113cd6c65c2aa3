package scoring_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/scoring"
	"rapport/internal/social"
)

func TestGroup(t *testing.T) {
	by := func(id string) func(*social.Activity) { return func(a *social.Activity) { a.Actor.ID = id } }
	line := func(a social.Activity, person string) social.Line {
		l := a.ToLine()
		l.Person = person
		return l
	}
	lines := []social.Line{
		line(fact("a1", social.Post, 9, by("ann")), ""),
		line(fact("a2", social.React, 8, by("ann")), ""),
		line(fact("b1", social.Post, 7, by("bob")), "per_bob"),
		line(fact("b2", social.Visit, 6, by("bob2")), "per_bob"),
		line(fact("r1", social.Reply, 5, byBusiness, replyTo("o-a1")), ""),
		line(fact("r2", social.Reply, 4, byBusiness, replyTo("o-b1")), ""),
		line(fact("r3", social.Reply, 3, byBusiness, replyTo("o-zzz")), ""), // concerns nobody
		line(fact("r4", social.Message, 3, byBusiness), "per_bob"),
		line(fact("d1", social.Delete, 2, byBusiness, object("o-r1")), ""),      // of a reply to ann
		line(fact("d2", social.Delete, 1, by("moderator"), object("o-b1")), ""), // of what bob wrote
		line(fact("e1", social.Edit, 1, by("carl"), object("o-old")), ""),       // of an unknown object
		line(fact("p1", social.Post, 1, byBusiness), ""),                        // the business's own post
	}
	person := func(id string) string {
		return social.PersonID(social.AccountRef{Platform: "meta", ID: id}.AccountID())
	}
	want := map[string][]string{
		person("ann"):  {"a1", "a2", "r1", "d1"},
		"per_bob":      {"b1", "b2", "r2", "r4", "d2"},
		person("carl"): {"e1"},
	}
	r := rand.New(rand.NewPCG(9, 9))
	for range 20 {
		groups, err := scoring.Group(lines)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for p, list := range groups {
			for _, a := range list {
				got[p] = append(got[p], a.Key)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("persons (-want +got):\n%s", diff)
		}
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}

	// An object that two persons' lines say they wrote is that of the earlier
	// line, at one instant of the lesser key; so is a reply.
	twice := []social.Line{
		line(fact("a", social.Post, 5, object("o")), "per_late"), line(fact("z", social.Post, 6, object("o")), "per_early"),
		line(fact("y", social.Post, 5, object("p")), "per_greater"), line(fact("b", social.Post, 5, object("p")), "per_lesser"),
		line(fact("c", social.Reply, 4, byBusiness, object("q")), "per_later"), line(fact("x", social.Reply, 5, byBusiness, object("q")), "per_earlier"),
		line(fact("e1", social.Edit, 1, object("o")), ""), line(fact("e2", social.Edit, 1, object("p")), ""), line(fact("e3", social.Edit, 1, byBusiness, object("q")), ""),
	}
	groups, err := scoring.Group(twice)
	if err != nil {
		t.Fatal(err)
	}
	for p, key := range map[string]string{"per_early": "e1", "per_lesser": "e2", "per_earlier": "e3"} {
		if list := groups[p]; len(list) != 2 || list[1].Key != key {
			t.Errorf("%s has %+v, want the edit %s too", p, list, key)
		}
	}

	bad := append([]social.Line{}, lines...)
	bad[3].Type = "smile"
	if _, err := scoring.Group(bad); err == nil || !strings.HasPrefix(err.Error(), "line 4: ") {
		t.Errorf("of a bad fourth line got %v", err)
	}
}
