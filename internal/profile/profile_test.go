package profile_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"rapport/internal/profile"
)

var day1 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time { return day1.AddDate(0, 0, n-1) }

func told(name, value string, source profile.Source, on int) profile.Fact {
	return profile.Fact{ID: fmt.Sprintf("%s-%s-%02d", name, source, on), Name: name, Kind: profile.Text, Value: value, Source: source, At: day(on), Known: day(on), By: "mem_a"}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, value string
		kind        profile.Kind
		want        string // the value, or what is wrong
	}{
		{"email", " Ana@CONTOSO.com ", "", "ana@contoso.com"},
		{"email", "info@contoso.com", "", "info@contoso.com"},
		{"email", "noreply@contoso.com", "", "value stands for nobody: leave it out"},
		{"email", "null", "", "value stands for nobody: leave it out"},
		{"email", "ana at contoso", "", "value is no e-mail address: leave it out"},
		{"phone", "+49 (0)151 1230 4567", "", "+4915112304567"},
		{"phone", "0151 1230 4567", "", "0151 1230 4567"},
		{"phone", "+49 000 000 0000", "", "value is an example's and names nobody: leave it out"},
		{"website", "https://contoso.com/ana", "", "https://contoso.com/ana"},
		{"website", "no", "", "value is no web address: leave it out"},
		{"company", "[object Object]", "", "value stands for nothing: leave it out"},
		{"title", "  Head \u202e of\nIT ", "", "Head of IT"},
		{"title", "\u200b", "", "value holds nothing that can be seen: leave it out to take back what was told"},
		{"title", "", "", ""},
		{"title", "7", profile.Number, "kind does not go with title, which is text"},
		{"employees", "0050.500", profile.Number, "50.5"},
		{"employees", "-0", profile.Number, "0"},
		{"employees", "1e9", profile.Number, "value is no number: give digits, and a point before at most six decimals"},
		{"newsletter", "TRUE", profile.Bool, "true"},
		{"newsletter", "yes", profile.Bool, "value is neither true nor false"},
		{"renewal", "2026-02-28", profile.Date, "2026-02-28"},
		{"renewal", "2026-02-30", profile.Date, "value is no date: give year-month-day, as 2026-11-29"},
		{"plan", "pro", "colour", "kind is none of text, number, bool, date"},
		{"Plan", "pro", "", "name is no name: give up to 40 small letters, digits and _, a letter first"},
		{"domain", "contoso.com", "", "name is one that nobody tells: the domain is that of the e-mail"},
	} {
		f := told(c.name, c.value, profile.CRM, 1)
		f.ID, f.Kind = "12345678", c.kind
		got, err := profile.Read(f)
		said := got.Value
		if err != nil {
			said = err.Error()
			if w := (profile.Wrong{}); !errors.As(err, &w) {
				t.Errorf("%s %q: %v is no Wrong", c.name, c.value, err)
			}
		}
		if said != c.want {
			t.Errorf("%s %q gives %q, want %q", c.name, c.value, said, c.want)
		}
	}
	late := told("title", "CTO", profile.CRM, 2)
	late.Known = day(1)
	if _, err := profile.Read(late); err == nil {
		t.Error("what holds from tomorrow on is told today")
	}
}

// The newest of the most trusted source holds, at any instant, whichever
// account it was told of and in whatever order.
func TestHolding(t *testing.T) {
	a := profile.Of{Account: "acc_a", Facts: []profile.Fact{
		told("title", "Engineer", profile.Platform, 20),
		told("title", "Head of IT", profile.Form, 2),
		told("title", "CTO", profile.Form, 9),
		told("company", "Contoso", profile.Import, 1),
	}}
	b := profile.Of{Account: "acc_b", Facts: []profile.Fact{
		told("title", "Chief", profile.Member, 12),
		told("title", "", profile.Member, 15),
	}}
	for _, c := range []struct {
		on    int
		title string
		by    string
	}{{1, "", ""}, {2, "Head of IT", "acc_a"}, {10, "CTO", "acc_a"}, {12, "Chief", "acc_b"}, {15, "CTO", "acc_a"}, {30, "CTO", "acc_a"}} {
		got := profile.Holding([]profile.Of{a, b}, day(c.on))
		i := slices.IndexFunc(got, func(h profile.Held) bool { return h.Name == "title" })
		switch {
		case c.title == "" && i >= 0 || c.title != "" && (i < 0 || got[i].Value != c.title || got[i].Account != c.by):
			t.Errorf("day %d: %+v, want the title %q of %s", c.on, got, c.title, c.by)
		case len(got) > 1 && got[0].Name != "company":
			t.Errorf("day %d: not by name: %+v", c.on, got)
		}
	}
}

func TestFirm(t *testing.T) {
	at := func(of ...profile.Fact) profile.Firm {
		return profile.FirmOf([]profile.Of{{Account: "acc_a", Facts: of}}, day(30))
	}
	work := at(told("email", "ana@mail.contoso.co.uk", profile.CRM, 1))
	if work.Name != "contoso.co.uk" || work.Domain != "contoso.co.uk" || work.Since != day(1) || work.Source != profile.CRM {
		t.Errorf("a work e-mail gives %+v", work)
	}
	named := at(told("email", "ana@contoso.co.uk", profile.Form, 1), told("company", "Contoso Ltd.", profile.Import, 2))
	if named.ID != work.ID || named.Name != "Contoso Ltd." || named.Domain != "contoso.co.uk" {
		t.Errorf("with a name it gives %+v, want the same company by its name", named)
	}
	for _, mail := range []string{"ana@gmail.com", "ana@mailinator.com", "ana@example.com", "ana@yahoo.co.in", "x@privaterelay.appleid.com"} {
		if f := at(told("email", mail, profile.CRM, 1)); f.ID != "" {
			t.Errorf("%s gives the company %+v", mail, f)
		}
	}
	gmbh, ag := at(told("company", "Müller & Söhne GmbH", profile.Import, 1)), at(told("company", "MÜLLER & SÖHNE AG", profile.CRM, 1))
	if gmbh.ID == "" || gmbh.ID != ag.ID || gmbh.Domain != "" {
		t.Errorf("%+v and %+v, want one company", gmbh, ag)
	}
	// A free address says nothing of the company, a newer one at work does.
	f := at(told("email", "ana@gmail.com", profile.Member, 9), told("email", "ana@contoso.com", profile.Import, 1), told("company", "Old Corp", profile.Member, 1))
	if f.Domain != "contoso.com" || f.Name != "Old Corp" {
		t.Errorf("a work address beside a more trusted free one gives %+v", f)
	}
	if f := at(told("company", "GmbH", profile.Member, 1)); f.ID != "" {
		t.Errorf("a legal form alone gives %+v", f)
	}
}

// Over random histories: the order of facts and accounts changes nothing, and a
// person's company is that of one of the accounts.
func TestOrderAndAccountsOfRandomHistories(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names, values := []string{"email", "company"}, []string{"", "ana@contoso.com", "ana@gmail.com", "ana@fabrikam.net", "Contoso", "Fabrikam Inc"}
	for range 10_000 {
		of := []profile.Of{{Account: "acc_a"}, {Account: "acc_b"}, {Account: "acc_c"}}
		for i := range r.IntN(9) {
			f := told(names[r.IntN(2)], values[r.IntN(len(values))], profile.Sources[r.IntN(3)], 1+r.IntN(4))
			f.ID = fmt.Sprint("id-00000", r.IntN(3), i)
			k := r.IntN(3)
			of[k].Facts = append(of[k].Facts, f)
		}
		asOf := day(r.IntN(5))
		want, firm := profile.Holding(of, asOf), profile.FirmOf(of, asOf)
		other := slices.Clone(of)
		r.Shuffle(3, func(i, j int) { other[i], other[j] = other[j], other[i] })
		for i := range other {
			other[i].Facts = slices.Clone(other[i].Facts)
			r.Shuffle(len(other[i].Facts), func(a, b int) {
				other[i].Facts[a], other[i].Facts[b] = other[i].Facts[b], other[i].Facts[a]
			})
		}
		if got := profile.Holding(other, asOf); !reflect.DeepEqual(got, want) {
			t.Fatalf("in another order %+v, want %+v", got, want)
		}
		if got := profile.FirmOf(other, asOf); got != firm {
			t.Fatalf("in another order %+v, want %+v", got, firm)
		}
		one := slices.ContainsFunc(of, func(o profile.Of) bool { return profile.FirmOf([]profile.Of{o}, asOf).ID == firm.ID })
		if firm.ID != "" && !one {
			t.Fatalf("the company %+v is that of none of the accounts: %+v", firm, of)
		}
	}
}
