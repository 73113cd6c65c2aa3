package identity_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/identity"
	"rapport/internal/person"
)

// crowd are other accounts of a workspace, each somebody else's.
func crowd(n int) []identity.Account {
	var out []identity.Account
	for i := range n {
		name := fmt.Sprintf("%c%cro%c Te%cl%c%cin", 'A'+i%26, 'a'+i/26%26, 'a'+i%7, 'a'+i%11, 'a'+i%26, 'a'+i/26%26)
		out = append(out, identity.Account{ID: fmt.Sprintf("crowd-%04d", i), Platform: []string{"github", "x", "discord"}[i%3], Name: name,
			Handle: fmt.Sprintf("h%dq%d", i*7919%10007, i), Company: fmt.Sprintf("Firm %d", i%40), Location: fmt.Sprintf("Town%d", i%25)})
	}
	return out
}

// matched returns the Match of each account by its id.
func matched(accounts []identity.Account, decisions ...person.Decision) map[string]identity.Match {
	out := map[string]identity.Match{}
	for _, m := range identity.MatchAll(accounts, decisions, 1, nil) {
		out[m.Account] = m
	}
	return out
}

// outcome says what became of two accounts: "one", "suggested" or "two".
func outcome(of map[string]identity.Match, a, b string) string {
	switch {
	case of[a].Person == of[b].Person:
		return "one"
	case slices.ContainsFunc(of[a].Suggestions, func(e identity.Evidence) bool { return e.With == b }):
		return "suggested"
	}
	return "two"
}

func TestOutcomes(t *testing.T) {
	type acc = identity.Account
	for _, c := range []struct {
		name string
		a, b acc
		want string
		says string // a reason
	}{
		{"one e-mail, written otherwise", acc{Platform: "github", Emails: []string{"Ana.Lindqvist@Contoso.com"}}, acc{Platform: "x", Emails: []string{" mailto:ana.lindqvist@contoso.com "}}, "one", "both have the e-mail ana.lindqvist@contoso.com"},
		{"an international domain", acc{Platform: "github", Emails: []string{"ana@bücher.example"}}, acc{Platform: "x", Emails: []string{"ana@xn--bcher-kva.example"}}, "one", "both have the e-mail ana@xn--bcher-kva.example"},
		{"one e-mail on one platform", acc{Platform: "hubspot", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com"}}, acc{Platform: "hubspot", Name: "A. Lindqvist", Emails: []string{"ana@contoso.com"}}, "one", ""},
		{"one phone", acc{Platform: "meta", Phones: []string{"+49 (0)151 2345-6781"}}, acc{Platform: "hubspot", Phones: []string{"004915123456781"}}, "one", "both have the phone number +4915123456781"},
		{"the platform's other id", acc{Platform: "meta", Proofs: []string{"whatsapp 77"}}, acc{Platform: "meta", Proofs: []string{"whatsapp 77"}}, "one", ""},
		{"links both ways", acc{Platform: "github", Handle: "ana", URLs: []string{"https://twitter.com/ana_l/"}}, acc{Platform: "x", Handle: "@ana_l", URLs: []string{"github.com/Ana"}}, "one", "each profile links to the other"},
		{"a link one way alone", acc{Platform: "github", Handle: "fan77", Name: "Bo Berg", URLs: []string{"https://x.com/ana_l"}}, acc{Platform: "x", Handle: "ana_l", Name: "Ana Lindqvist"}, "two", ""},
		{"a link one way, and the name", acc{Platform: "github", Handle: "nordlicht", Name: "Ana Lindqvist", URLs: []string{"https://x.com/ana_l"}}, acc{Platform: "x", Handle: "ana_l", Name: "Ana Lindqvist"}, "one", "one links to the other's profile"},
		{"an own handle and a name", acc{Platform: "github", Handle: "nordlicht_xq", Name: "Ana Lindqvist"}, acc{Platform: "x", Handle: "nordlicht-xq", Name: "Lindqvist, Ana"}, "one", "both are called Ana Lindqvist, a name of 1 in "},
		{"the same on one platform", acc{Platform: "x", Handle: "nordlicht_xq", Name: "Ana Lindqvist"}, acc{Platform: "x", Handle: "nordlicht-xq", Name: "Ana Lindqvist"}, "suggested", ""},
		{"a name alone", acc{Platform: "x", Name: "Ana Lindqvist"}, acc{Platform: "github", Name: "Ana Lindqvist"}, "two", ""},
		{"a name, other mail domains", acc{Platform: "x", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com"}}, acc{Platform: "github", Name: "Ana Lindqvist", Emails: []string{"ana.l@fabrikam.com"}}, "two", ""},
		{"a name, other mail domains, one company", acc{Platform: "x", Name: "Ana Lindqvist", Company: "Tailspin Toys", Emails: []string{"ana@contoso.com"}}, acc{Platform: "github", Name: "Ana Lindqvist", Company: "Tailspin Toys GmbH", Emails: []string{"ana.l@fabrikam.com"}}, "suggested", "both work at Tailspin Toys"},
		{"another script", acc{Platform: "x", Name: "Наталья Щербакова", Handle: "pixelnord9"}, acc{Platform: "github", Name: "Natalia Shcherbakova", Handle: "pixelnord9"}, "one", "are forms of one name"},
		{"a shared mailbox", acc{Platform: "x", Emails: []string{"info@contoso.com"}}, acc{Platform: "github", Emails: []string{"info@contoso.com"}}, "two", ""},
		{"a mailbox of two people", acc{Platform: "x", Name: "Ana Lindqvist", Emails: []string{"anabo7@contoso.com"}}, acc{Platform: "github", Name: "Bo Haas", Emails: []string{"anabo7@contoso.com"}}, "suggested", ""},
		{"Gmail's dots", acc{Platform: "x", Name: "Ana Lindqvist", Emails: []string{"ana.lindqvist@gmail.com"}}, acc{Platform: "github", Name: "Ana Lindqvist", Emails: []string{"analindqvist+git@googlemail.com"}}, "one", "may be one mailbox"},
		{"Gmail's dots, another name", acc{Platform: "x", Name: "Ana Lindqvist", Emails: []string{"a.haas@gmail.com"}}, acc{Platform: "github", Name: "Bo Haas", Emails: []string{"ahaas@gmail.com"}}, "two", ""},
		{"the name shown is the handle", acc{Platform: "x", Name: "pixelnord9", Handle: "pixelnord9"}, acc{Platform: "github", Name: "pixelnord9", Handle: "pixelnord9"}, "suggested", "both have the handle pixelnord9"},
		{"a given name as a handle", acc{Platform: "x", Name: "Alex", Handle: "alex"}, acc{Platform: "github", Name: "Alex", Handle: "alex"}, "two", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.a.ID, c.b.ID = "a", "b"
			of := matched(append(crowd(300), c.a, c.b))
			if got := outcome(of, "a", "b"); got != c.want {
				t.Fatalf("they are %s, want %s: %+v", got, c.want, of["a"])
			}
			said := fmt.Sprint(of["a"].Evidence, of["a"].Suggestions)
			if !strings.Contains(said, c.says) {
				t.Errorf("no reason like %q in %s", c.says, said)
			}
		})
	}
}

// Values that stand for nobody make nobody one person, and it is told that
// they were passed over.
func TestPlaceholders(t *testing.T) {
	for _, v := range []string{"null", "undefined", "0", "None", "NaN", "N/A", "anonymous", "[object Object]", "  ", "", "test@example.com", "noreply@github.com", "{{email}}", "+490000000000", "12345678"} {
		var list []identity.Account
		for i := range 4 {
			list = append(list, identity.Account{ID: fmt.Sprint("p", i), Platform: []string{"x", "github"}[i%2], Name: v, Handle: v, Emails: []string{v}, Phones: []string{v}, URLs: []string{v}, Company: v, Location: v, Attributes: map[string]string{"external_id": v, "ref": v, "crm": v}})
			if v == "12345678" {
				list[i].Name, list[i].Handle, list[i].Company, list[i].Location, list[i].Attributes = "", "", "", "", nil
			}
			if strings.Contains(v, "@") || strings.HasPrefix(v, "+") || strings.HasPrefix(v, "{") {
				list[i] = identity.Account{ID: list[i].ID, Platform: list[i].Platform, Emails: []string{v}, Phones: []string{v}}
			}
		}
		of := matched(list)
		for i := range 4 {
			m := of[fmt.Sprint("p", i)]
			if len(m.Suggestions) > 0 && v != "12345678" || len(m.Evidence) > 0 {
				t.Errorf("%q joins people: %+v", v, m)
			}
			if v != "" && len(m.Ignored) == 0 {
				t.Errorf("of %q nothing is told", v)
			}
		}
	}
}

func TestEqualNamesMakeNobodyOne(t *testing.T) {
	list := crowd(200)
	for i := range 5 {
		list = append(list, identity.Account{ID: fmt.Sprint("alex", i), Platform: []string{"x", "github", "discord"}[i%3], Name: "Alex"})
	}
	for i := range 2 {
		list = append(list, identity.Account{ID: fmt.Sprint("deleted", i), Platform: []string{"x", "github"}[i%2], Name: "Deleted User", Company: "Contoso", Location: "Berlin"})
	}
	// Of different mail domains: nothing by the name alone, somebody to look at with a second sign.
	list = append(list, identity.Account{ID: "ana0", Platform: "x", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com"}}, identity.Account{ID: "ana1", Platform: "github", Name: "Ana Lindqvist", Emails: []string{"lindqvist@fabrikam.com"}},
		identity.Account{ID: "eva0", Platform: "x", Name: "Eva Holmqvist", Company: "Northwind", Emails: []string{"eva@northwind.com"}}, identity.Account{ID: "eva1", Platform: "github", Name: "Eva Holmqvist", Company: "Northwind", Emails: []string{"holmqvist@tailspin.com"}})
	persons := map[string]bool{}
	for _, m := range matched(list) {
		persons[m.Person] = true
		if second := strings.HasPrefix(m.Account, "eva"); second && len(m.Suggestions) != 1 || !second && len(m.Suggestions) > 0 {
			t.Errorf("%s is suggested %+v", m.Account, m.Suggestions)
		}
	}
	if len(persons) != len(list) {
		t.Errorf("%d persons of %d", len(persons), len(list))
	}
}

func TestWhatTooManyShareIsNoEvidence(t *testing.T) {
	list := crowd(100)
	for i := range 12 {
		list[i].Emails = []string{"front.desk@contoso.com"}
		list[i].Platform, list[i].Name, list[i].Handle = fmt.Sprint("p", i), "", ""
	}
	of := matched(list)
	for i := range 12 {
		if m := of[list[i].ID]; len(m.Evidence) > 0 {
			t.Fatalf("a mailbox of 12 joins: %+v", m)
		}
	}
}

// A chain over a third account doesn't make one person of two ids of one
// platform, unless each link is certain.
func TestChainsOverAPlatform(t *testing.T) {
	list := append(crowd(200),
		identity.Account{ID: "a", Platform: "x", Handle: "pixelnord9", Name: "Ana Lindqvist"},
		identity.Account{ID: "b", Platform: "github", Handle: "pixelnord9", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com"}},
		identity.Account{ID: "c", Platform: "x", Handle: "zzyzx44", Name: "Ana Lindqvist", Emails: []string{"ana@contoso.com"}})
	of := matched(list)
	if outcome(of, "b", "c") != "one" || outcome(of, "a", "b") == "one" || outcome(of, "a", "c") == "one" {
		t.Errorf("a-b %s, b-c %s, a-c %s: want b-c one, the others not", outcome(of, "a", "b"), outcome(of, "b", "c"), outcome(of, "a", "c"))
	}
	list[200].Emails, list[202].Emails = []string{"a.l@fabrikam.com"}, []string{"ana@contoso.com"}
	list[201].Emails = append(list[201].Emails, "a.l@fabrikam.com")
	if of = matched(list); outcome(of, "a", "c") != "one" {
		t.Errorf("over two e-mails a and c are %s", outcome(of, "a", "c"))
	}
}

func TestWhoWasTakenApartIsNotSuggestedAgain(t *testing.T) {
	list := append(crowd(50),
		identity.Account{ID: "a", Platform: "x", Emails: []string{"ana@contoso.com"}},
		identity.Account{ID: "b", Platform: "github", Emails: []string{"ana@contoso.com"}})
	if got := outcome(matched(list, person.Decision{ID: "1", Verb: person.Apart, One: []string{"b"}, Other: []string{"a"}}), "a", "b"); got != "two" {
		t.Errorf("they are %s", got)
	}
	decided := matched(list, person.Decision{ID: "2", Verb: person.Same, One: []string{"crowd-0001", "a"}})
	if outcome(decided, "a", "crowd-0001") != "one" || !strings.Contains(fmt.Sprint(decided["crowd-0001"].Evidence), "somebody decided it") {
		t.Errorf("decided: %+v", decided["crowd-0001"])
	}
}

func TestTheOrderOfAccountsDoesNotMatter(t *testing.T) {
	list := crowd(400)
	for i := range 100 {
		a := list[i]
		a.ID, a.Platform = fmt.Sprintf("again-%03d", i), "mastodon"
		list = append(list, a)
	}
	want := identity.MatchAll(list, nil, 1, nil)
	r := rand.New(rand.NewPCG(1, 1))
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if diff := cmp.Diff(want, identity.MatchAll(list, nil, 1, nil)); diff != "" {
		t.Error(diff)
	}
	joined := 0
	for _, m := range want {
		if len(m.Evidence) > 0 {
			joined++
		}
	}
	if joined < 150 {
		t.Errorf("%d of 200 were joined: too few for a test of order", joined)
	}
}

func TestHostileAccountsAreBounded(t *testing.T) {
	a := identity.Account{ID: "a", Platform: "x", Name: strings.Repeat("A\u0301\u202e王 ", 1<<16), Handle: strings.Repeat("z", 1<<16), Location: strings.Repeat("x ", 1<<16), Attributes: map[string]string{}}
	for i := range 5000 {
		v := fmt.Sprint(i)
		a.Emails = append(a.Emails, v+"@contoso.com")
		a.Phones = append(a.Phones, "+4915100000"+v)
		a.URLs = append(a.URLs, "contoso.com/"+v)
		a.Attributes[v] = strings.Repeat(v, 100)
	}
	keys := identity.Keys(a)
	if len(keys) > identity.MaxKeys {
		t.Errorf("%d keys", len(keys))
	}
	b := a
	b.ID = "b"
	matched([]identity.Account{a, b})
}

func FuzzAccountsNeverFail(f *testing.F) {
	f.Add("Ana Lindqvist", "ana@contoso.com", "+4915123456789", "1980-02-30")
	f.Add("王小明", "@", "(0)", "00000000")
	f.Add("\xff\u202e", "a@b.c", "00", "2026-13-41")
	f.Fuzz(func(t *testing.T, name, mail, phone, value string) {
		a := identity.Account{ID: "a", Platform: "x", Name: name, Handle: value, Emails: []string{mail}, Phones: []string{phone}, URLs: []string{value}, Company: name, Location: value, Attributes: map[string]string{"v": value, "n": name}}
		b := a
		b.ID, b.Platform, b.Handle = "b", "github", name
		if len(identity.Keys(a)) > identity.MaxKeys {
			t.Error("too many keys")
		}
		identity.MatchAll([]identity.Account{a, b}, nil, 1, nil)
	})
}
