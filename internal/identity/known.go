package identity

// Mail reads an e-mail address at which somebody can be reached. work is the
// domain of a company, as it was registered, where the address is one's at
// work: "" for what providers give to everybody, or for a few minutes. why says,
// in words, why it is no such address; it is empty for one that is.
func Mail(s string) (address, work, why string) {
	m, why := mailOf(s)
	if why != "" && why != severalPeoples && why != thrownAway {
		return "", "", why
	}
	root := rootOf(m.domain)
	if m.own && why != thrownAway && !values()["free"][root] && !values()["example"][root] {
		work = root
	}
	return m.full, work, ""
}

// Phone reads a phone number in E.164; why says why it is none.
func Phone(s string) (number, why string) { return phoneOf(s) }

// Link reads a web address as it is compared; why says why it is none.
func Link(s string) (link, why string) { return linkOf(s) }

// Company is a company's name as names are compared: without its legal form;
// "" of what names none.
func Company(name string) string {
	if nothing(name) {
		return ""
	}
	return companyOf(name)
}

// NoCountry is why a number that can be called from its own country alone is no evidence.
const NoCountry = "has no country in front (+49 …)"
