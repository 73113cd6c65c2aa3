package identity

import (
	_ "embed"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	"rapport/internal/platform"
)

//go:embed values.txt
var valuesFile string

// values are the kept lists of values.txt: section to its words.
var values = sync.OnceValue(func() map[string]map[string]bool {
	m := map[string]map[string]bool{}
	var in map[string]bool
	for line := range strings.Lines(valuesFile) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			in = map[string]bool{}
			m[strings.Trim(line, "[]")] = in
		default:
			for _, w := range strings.Fields(line) {
				in[w] = true
			}
		}
	}
	return m
})

// nothing reports whether a value of a field only says that there is none.
func nothing(s string) bool { return platform.NamesNobody(s) }

// mail is an e-mail address as it is compared.
type mail struct {
	full   string // certain: lower case, the domain in ASCII
	loose  string // suggestive: without what follows "+", and Gmail's without dots
	local  string // what is loose before the "@"
	domain string
	own    bool // the domain is no provider's for everybody
}

// mailOf reads an e-mail address. why says, in words, why it names nobody; it
// is empty for one that does.
//
// Letter case: RFC 5321 lets a server tell Ana@ from ana@; none in use does.
// Plus addressing and Gmail's dots are provider's customs, and so only suggestive.
func mailOf(s string) (m mail, why string) {
	s = strings.TrimPrefix(strings.ToLower(norm.NFKC.String(strings.TrimSpace(s))), "mailto:")
	if nothing(s) {
		return m, "stands for nobody"
	}
	local, domain, ok := cutLast(s, "@")
	if !ok || local == "" || len(s) > 254 || strings.ContainsAny(s, " \t\r\n<>,;") || !strings.Contains(domain, ".") {
		return m, "is no e-mail address"
	}
	domain = strings.TrimSuffix(domain, ".")
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return m, "has a domain that cannot be"
	}
	local = strings.Trim(local, `"`)
	base, _, _ := strings.Cut(local, "+")
	free := values()["free"][ascii]
	loose, at := base, ascii
	if ascii == "gmail.com" || ascii == "googlemail.com" {
		loose, at = strings.ReplaceAll(base, ".", ""), "gmail.com"
	}
	m = mail{full: local + "@" + ascii, loose: loose + "@" + at, local: base, domain: ascii, own: !free}
	root, err := publicsuffix.EffectiveTLDPlusOne(ascii)
	switch {
	case err != nil:
		return m, "has a domain that belongs to nobody"
	case nothing(base) || values()["nobody"][base]:
		return m, "stands for nobody"
	case shared(base):
		return m, severalPeoples
	case values()["disposable"][root]:
		return m, thrownAway
	}
	return m, ""
}

// Why an address that somebody can be reached at is no evidence of who it is.
const (
	severalPeoples = "is a mailbox of several people"
	thrownAway     = "is thrown away after use"
)

// shared reports whether the part of an address before the "@" names a task
// and not a person: RFC 2142's names and the usual ones of several languages,
// also with a number, a place or a second such word beside it.
func shared(local string) bool {
	list := values()["role"]
	if list[local] || list[strings.TrimRight(local, "0123456789")] {
		return true
	}
	parts := strings.FieldsFunc(local, func(r rune) bool { return r == '.' || r == '-' || r == '_' })
	// Short ones beside another word are names, too: Anna Post, Kim All.
	task := func(w string) bool { return len(w) > 4 && list[w] }
	return len(parts) > 1 && (task(parts[0]) || task(parts[len(parts)-1]))
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// phoneOf is a phone number in E.164, "+4915123456789". A number that does not
// begin with + or 00 is one of many countries', and so no evidence.
func phoneOf(s string) (number, why string) {
	s = strings.TrimPrefix(strings.ToLower(norm.NFKC.String(strings.TrimSpace(s))), "tel:")
	if nothing(s) {
		return "", "stands for nobody"
	}
	s = strings.Replace(s, "(0)", "", 1)
	d := digits(s)
	switch {
	case strings.HasPrefix(s, "+"):
	case strings.HasPrefix(s, "00"):
		d = d[2:]
	default:
		return "", NoCountry
	}
	if strings.Trim(s, "+0123456789 ()-./\u00a0") != "" || len(d) < 8 || len(d) > 15 || d[0] == '0' {
		return "", "is no phone number"
	}
	rest := d[len(d)-7:]
	if strings.Count(rest, rest[:1]) == len(rest) || strings.Contains("01234567890", rest) {
		return "", "is an example's and names nobody"
	}
	return "+" + d, ""
}

// linkOf is a web address as it is compared: host and path without "www.",
// scheme, query, fragment and a last "/". why says why it is no evidence.
func linkOf(s string) (link, why string) {
	s = strings.TrimSpace(norm.NFKC.String(s))
	if nothing(s) {
		return "", "stands for nobody"
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || !strings.Contains(u.Hostname(), ".") {
		return "", "is no web address"
	}
	host, err := idna.Lookup.ToASCII(strings.ToLower(u.Hostname()))
	if err != nil {
		return "", "is no web address"
	}
	host = strings.TrimPrefix(strings.TrimPrefix(host, "www."), "m.")
	switch host {
	case "twitter.com", "mobile.twitter.com":
		host = "x.com"
	case "old.reddit.com":
		host = "reddit.com"
	}
	if strings.HasSuffix(host, ".linkedin.com") {
		host = "linkedin.com"
	}
	path := strings.ToLower(strings.Trim(u.EscapedPath(), "/"))
	if slices.Contains(platformHosts, host) && path == "" {
		return "", "is a platform and nobody's profile"
	}
	if path == "" && values()["reserved"][host] {
		return "", "is an example's and names nobody"
	}
	if path == "" {
		return host, ""
	}
	return host + "/" + path, ""
}

// profileAddresses say at which addresses a platform's profiles are: %s is the handle.
var profileAddresses = map[string][]string{
	"github":      {"github.com/%s"},
	"x":           {"x.com/%s"},
	"twitter":     {"x.com/%s"},
	"linkedin":    {"linkedin.com/in/%s"},
	"reddit":      {"reddit.com/user/%s", "reddit.com/u/%s"},
	"youtube":     {"youtube.com/@%s", "youtube.com/c/%s", "youtube.com/user/%s"},
	"tiktok":      {"tiktok.com/@%s"},
	"bluesky":     {"bsky.app/profile/%s"},
	"instagram":   {"instagram.com/%s"},
	"facebook":    {"facebook.com/%s"},
	"meta":        {"instagram.com/%s", "facebook.com/%s"},
	"telegram":    {"t.me/%s"},
	"hackernews":  {"news.ycombinator.com/user/%s"},
	"gitlab":      {"gitlab.com/%s"},
	"medium":      {"medium.com/@%s"},
	"dev":         {"dev.to/%s"},
	"stackshare":  {"stackshare.io/%s"},
	"producthunt": {"producthunt.com/@%s"},
}

var platformHosts = func() []string {
	var out []string
	for _, list := range profileAddresses {
		for _, p := range list {
			host, _, _ := strings.Cut(p, "/")
			out = append(out, host)
		}
	}
	return out
}()

// profilesOf are the addresses of an account's own profile, as far as they
// follow from its platform and handle.
func profilesOf(network, handle string) []string {
	handle = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(handle), "@"))
	if handle == "" {
		return nil
	}
	var out []string
	if user, host, ok := strings.Cut(handle, "@"); ok && strings.Contains(host, ".") { // Mastodon and its kin
		out = append(out, host+"/@"+user, host+"/users/"+user)
	}
	for _, p := range profileAddresses[strings.ToLower(network)] {
		out = append(out, strings.Replace(p, "%s", url.PathEscape(handle), 1))
	}
	return out
}

// rootOf is the part of a domain that somebody registered: contoso.co.uk of mail.contoso.co.uk.
func rootOf(domain string) string {
	if root, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return root
	}
	return domain
}
