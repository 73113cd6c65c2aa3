package quality

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"rapport/internal/identity"
)

// The made sets below are what the thresholds of package identity were chosen
// on: of other people, values and mistakes than those it is measured on.

var (
	madeGiven = strings.Fields(`Anna Maria Laura Julia Sofia Emma Clara Marta Elena Ines Nora Vera Alice Lena Ida Olivia Greta Paula Eva Lucia Carla Diana Irene Helena Judith Monica Silvia Teresa Agnes Birgit
		Thomas Michael Peter David Daniel Lukas Felix Jonas Martin Andreas Stefan Paul Simon Oscar Hugo Bruno Marco Luca Pablo Diego Javier Robert William James Edward Henry George Arthur Oliver Samuel
		Mehmet Ayse Fatih Deniz Omar Hassan Layla Amina Yusuf Wei Ming Hui Jing Yuki Kenji Haruto Akira Minjun Jiwoo Amit Priya Rahul Sanjay Ravi Lakshmi Olga Irina Sergey Dmitry Ivan Natalia Tatiana Pavel`)
	madeFamily = strings.Fields(`Lindqvist Berger Novak Kowalska Fischer Weber Bauer Keller Brandt Vogel Haas Lorenz Sommer Winter Engel Roth Kuhn Busch Horn Pohl Sauer Arnold Ziegler Hansen Larsen Nygaard Dahl Holm Strand Moen
		Rossi Ferrari Romano Colombo Ricci Marino Greco Conti Bruno Gallo Costa Fontana Moretti Barbieri Santoro Garcia Lopez Romero Navarro Torres Ramos Gil Serrano Molina Ortega Delgado Castro Rubio Marin Iglesias
		Smith Jones Taylor Brown Wilson Evans Walker Wright Hughes Green Hall Wood Harris Clarke Cooper Ward Turner Hill Scott Moore Baker Carter Mitchell Parker Collins Bennett Murray Fox Gray Palmer
		Yilmaz Demir Kaya Sahin Ozturk Wang Zhang Chen Liu Huang Tanaka Sato Suzuki Kim Park Choi Sharma Patel Gupta Singh Ivanov Petrov Sokolov Volkov Morozov Dubois Laurent Lefevre Moreau Girard Fontaine Chevalier Roussel`)
	madePlaces    = strings.Fields(`Berlin Hamburg Munich Leipzig Vienna Zurich Basel Milan Turin Rome Naples Madrid Seville Valencia Lisbon Porto Paris Lyon Lille Nantes London Leeds Bristol Glasgow Oslo Bergen Stockholm Malmo Helsinki Warsaw Krakow Prague Budapest Athens Istanbul Ankara Tokyo Osaka Seoul Busan Mumbai Pune Delhi Toronto Montreal Boston Austin Denver Seattle Chicago`)
	madeCompanies = strings.Fields(`Contoso Fabrikam Northwind Tailspin Wingtip Proseware Litware Adatum Trey Alpine Coho Lucerne Margies Humongous Woodgrove Relecloud Munson Nodpub Fourthcoffee Graphicdesign`)
	madeStreets   = strings.Fields(`Station Church Mill Park Victoria Garden Bridge River Forest Hill Meadow Chapel Castle School Market Orchard Spring Lake Ridge Harbour Linden Maple Cedar Willow Birch Rowan Aspen Juniper`)
	madeWords     = strings.Fields(`pixel nord cloud fox tiger moon byte data rusty silent happy red blue night star wolf cat bear code dev hack panda ninja lazy quick storm river sun frost iron coffee tea pizza`)
)

// zipf draws from a list so that the first are the commonest.
func zipf(r *rand.Rand, list []string) string {
	n := float64(len(list))
	x := r.Float64()
	return list[min(len(list)-1, int(n*x*x))]
}

// Rows makes a list of people in which some stand several times, with slips of
// the keyboard, left-out and swapped fields and other forms of dates: n people,
// of whom two in three stand there again, once to four times.
func Rows(seed uint64, n int) []Known {
	r := rand.New(rand.NewPCG(seed, 11))
	var out []Known
	id := 0
	add := func(person int, fields map[string]string) {
		out = append(out, Known{identity.Account{ID: fmt.Sprintf("row-%06d", id), Platform: "list", Attributes: fields}, fmt.Sprint(person)})
		id++
	}
	for person := range n {
		one := map[string]string{
			"first": zipf(r, madeGiven), "last": zipf(r, madeFamily), "house": fmt.Sprint(1 + r.IntN(250)), "street": zipf(r, madeStreets) + zipf(r, []string{" street", " road", " lane", " close"}),
			"quarter": zipf(r, madeWords) + " " + zipf(r, madeStreets), "town": zipf(r, madePlaces), "zip": fmt.Sprint(10000 + r.IntN(900)*7), "region": zipf(r, []string{"north", "south", "west", "east", "mid"}),
			"born": fmt.Sprintf("%d-%02d-%02d", 1930+r.IntN(75), 1+r.IntN(12), 1+r.IntN(28)), "member_no": fmt.Sprint(1_000_000 + r.IntN(9_000_000)),
		}
		for f := range one {
			if r.IntN(25) == 0 && f != "last" {
				delete(one, f)
			}
		}
		add(person, one)
		if r.IntN(3) == 0 {
			continue
		}
		for range 1 + r.IntN(4)*r.IntN(2) {
			add(person, spoilt(r, one))
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// spoilt is a row as somebody writes it again: up to eight mistakes.
func spoilt(r *rand.Rand, row map[string]string) map[string]string {
	out := map[string]string{}
	for f, v := range row {
		out[f] = v
	}
	fields := []string{"first", "last", "house", "street", "quarter", "town", "zip", "region", "born", "member_no"}
	for range 1 + r.IntN(8) {
		f := fields[r.IntN(len(fields))]
		switch r.IntN(9) {
		case 0:
			delete(out, f)
		case 1:
			pair := [][2]string{{"first", "last"}, {"street", "quarter"}, {"town", "quarter"}}[r.IntN(3)]
			out[pair[0]], out[pair[1]] = out[pair[1]], out[pair[0]]
			for _, x := range pair {
				if out[x] == "" {
					delete(out, x)
				}
			}
		case 2:
			if out[f] != "" { // moved away, married, written wrong altogether
				out[f] = map[string]string{"first": zipf(r, madeGiven), "last": zipf(r, madeFamily), "town": zipf(r, madePlaces), "zip": fmt.Sprint(10000 + r.IntN(6000))}[f] + out[f][min(len(out[f]), 99):]
				if out[f] == "" {
					delete(out, f)
				}
			}
		case 3:
			if v := out["born"]; f == "born" && len(v) == 10 {
				out["born"] = v[:5] + v[8:] + v[4:7]
			}
		default:
			if out[f] != "" {
				out[f] = slip(r, out[f])
			}
		}
	}
	return out
}

// slip is a text with one slip of the keyboard.
func slip(r *rand.Rand, s string) string {
	b := []byte(s)
	letter := byte('a' + r.IntN(26))
	if b[0] >= '0' && b[0] <= '9' {
		letter = byte('0' + r.IntN(10))
	}
	switch i := r.IntN(len(b)); r.IntN(5) {
	case 0:
		return string(b[:i]) + string(letter) + string(b[i:])
	case 1:
		if len(b) > 2 {
			return string(b[:i]) + string(b[i+1:])
		}
	case 2:
		if i+1 < len(b) {
			b[i], b[i+1] = b[i+1], b[i]
		}
	case 3:
		return strings.Replace(s, " ", "", 1)
	default:
		b[i] = letter
	}
	return string(b)
}

// Community makes the accounts of a community on four platforms: n people, of
// whom half have several accounts, some by the same handle or e-mail, some by
// another; namesakes, also at one company; shared mailboxes and switchboards;
// handles that several took; names that are left out or made up.
func Community(seed uint64, n int) []Known {
	r := rand.New(rand.NewPCG(seed, 12))
	var out []Known
	taken := map[string]bool{}
	platforms := []string{"github", "discord", "x", "linkedin", "hubspot"}
	for person := range n {
		given, family := zipf(r, madeGiven), zipf(r, madeFamily)
		company, place := zipf(r, madeCompanies), zipf(r, madePlaces)
		if r.IntN(3) > 0 {
			company = fmt.Sprintf("%s%s", zipf(r, madeCompanies), zipf(r, madeWords))
		}
		low := strings.ToLower
		nick := zipf(r, madeWords) + zipf(r, madeWords)
		if r.IntN(2) == 0 {
			nick += fmt.Sprint(r.IntN(100))
		}
		handles := []string{low(given + family), low(given[:1] + family), low(given) + "." + low(family), low(family + given), low(given) + fmt.Sprint(60+r.IntN(45)), nick, nick, low(given)}
		handle := handles[r.IntN(len(handles))]
		private := handles[r.IntN(6)] + "@" + zipf(r, []string{"gmail.com", "outlook.com", "gmx.net", "proton.me"})
		if r.IntN(2) == 0 {
			private = low(given) + "." + low(family) + fmt.Sprint(r.IntN(1000)) + "@gmail.com"
		}
		if taken[private] {
			private = fmt.Sprintf("%d.%s", person, private)
		}
		taken[private] = true
		work := low(given) + "." + low(family) + fmt.Sprint(person) + "@" + low(company) + ".com"
		if person%97 == 0 {
			work = zipf(r, []string{"info", "support", "sales", "team", "hello", "office"}) + "@" + low(company) + ".com"
		}
		accounts := 1 + r.IntN(2)*(1+r.IntN(3))
		r.Shuffle(len(platforms), func(i, j int) { platforms[i], platforms[j] = platforms[j], platforms[i] })
		for i := range accounts {
			a := identity.Account{ID: fmt.Sprintf("acc-%06d-%d", person, i), Platform: platforms[i]}
			a.Handle = handle
			switch r.IntN(6) {
			case 0:
				a.Handle = handles[r.IntN(len(handles))]
			case 1:
				a.Handle += fmt.Sprint(r.IntN(100))
			case 2:
				a.Handle = zipf(r, madeWords) + fmt.Sprint(r.IntN(1000))
			}
			switch r.IntN(10) {
			case 0: // no name
			case 1:
				a.Name = given
			case 2:
				a.Name = a.Handle
			case 3:
				a.Name = given[:1] + ". " + family
			case 4:
				a.Name = family + ", " + given
			case 5:
				a.Name = slip(r, given+" "+family)
			default:
				a.Name = given + " " + family
			}
			switch r.IntN(5) {
			case 0:
				a.Emails = []string{private}
			case 1:
				a.Emails = []string{work}
			}
			if a.Platform == "hubspot" || a.Platform == "linkedin" {
				a.Handle = ""
				a.Company = company
				if a.Platform == "hubspot" {
					a.Emails = []string{work}
				}
			} else if r.IntN(4) == 0 {
				a.Company = company
			}
			if r.IntN(3) == 0 {
				a.Location = place
			}
			if i > 0 && r.IntN(8) == 0 && out[len(out)-1].Handle != "" && out[len(out)-1].Platform == "github" {
				a.URLs = []string{"https://github.com/" + out[len(out)-1].Handle}
			}
			if r.IntN(30) == 0 {
				a.URLs = append(a.URLs, "https://"+low(company)+".com/team")
			}
			out = append(out, Known{a, fmt.Sprint(person)})
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}
