package fetch

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"rapport/internal/drill"
	"rapport/internal/fault"
	"rapport/internal/platform"
)

func TestAddresses(t *testing.T) {
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.8.9.10",
		"168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::808:808", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "2001:db8::1",
		"2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
		"2606:4700::1%eth0", "fec0::1", "ff02::1", "4000::1",
	} {
		if private(netip.MustParseAddr(a)) == "" {
			t.Errorf("%s is taken for public", a)
		}
	}
	for _, a := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "168.63.129.17", "169.253.255.255",
		"172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888",
	} {
		if what := private(netip.MustParseAddr(a)); what != "" {
			t.Errorf("%s is taken for %s", a, what)
		}
	}
	if private(netip.Addr{}) == "" {
		t.Error("no address is taken for public")
	}
}

// names is a name server on this host whose answers a test sets.
type names struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr // each question takes the first away, but for the last one
}

func (n *names) next(name string) (netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.answers[name]
	if len(list) == 0 {
		return netip.Addr{}, false
	}
	if len(list) > 1 {
		n.answers[name] = list[1:]
	}
	return list[0], true
}

// resolver starts a name server that gives the answers of a name one after
// another. Only addresses of the family that the first one has are answered.
func resolver(t *testing.T, answers map[string][]string) *net.Resolver {
	t.Helper()
	n := &names{answers: map[string][]netip.Addr{}}
	for name, list := range answers {
		for _, a := range list {
			n.answers[name+"."] = append(n.answers[name+"."], netip.MustParseAddr(a))
		}
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
			q := m.Questions[0]
			head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
			n.mu.Lock()
			list := n.answers[q.Name.String()]
			v4 := len(list) > 0 && list[0].Is4()
			n.mu.Unlock()
			switch {
			case len(list) == 0:
				m.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypeA && v4:
				a, _ := n.next(q.Name.String())
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: a.As4()}}}
			case q.Type == dnsmessage.TypeAAAA && !v4:
				a, _ := n.next(q.Name.String())
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}}}
			}
			if b, err := m.Pack(); err == nil {
				conn.WriteTo(b, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// server starts a server and returns its URL and the client that may call it.
func server(t *testing.T, h http.HandlerFunc) (string, *Client) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL, New(host(s.URL))
}

func host(raw string) string {
	u, _ := url.Parse(raw)
	return u.Host
}

func wantRefused(t *testing.T, c *Client, raw, why string) {
	t.Helper()
	_, err := c.Do(t.Context(), platform.Fetch{URL: raw})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: got %v, want a refusal that says %q", raw, err, why)
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	c := New()
	for raw, why := range map[string]string{
		"":                               "scheme",
		"feeds.example/x":                "scheme",
		"ftp://feeds.example/":           "scheme",
		"file:///etc/passwd":             "scheme",
		"gopher://feeds.example/":        "scheme",
		"http://":                        "no host",
		"https://feeds.example:22/":      "port 22",
		"http://feeds.example:8080/":     "port 8080",
		"https://ann:pw@feeds.example/":  "credentials",
		"http://127.0.0.1/":              "loopback",
		"http://[::1]/":                  "loopback",
		"http://169.254.169.254/latest/": "link-local",
		"http://[::ffff:10.0.0.1]/":      "private",
		"http://[64:ff9b::a00:1]/":       "NAT64",
		"http://[fe80::1%25lo]/":         "own networks",
		"https://0.0.0.0/":               "this host",
		"http://\x7f/":                   "can't be read",
	} {
		wantRefused(t, c, raw, why)
	}
}

// TestWhatCanNeverBeAsked is told without a request, and without a name server.
func TestWhatCanNeverBeAsked(t *testing.T) {
	c := New("127.0.0.1:4719", "intranet.test:8080")
	for raw, why := range map[string]string{
		"https://feeds.example/x": "", "http://feeds.example:80/": "", "http://feeds.example:443/": "", "https://8.8.8.8/": "", "https://[2606:4700:4700::1111]/": "",
		"http://127.0.0.1:4719/feed.xml": "", "http://intranet.test:8080/": "", "https://localhost.example/": "", "https://latest/": "",
		"http://feeds.example:8080/": "neither 80 nor 443", "https://feeds.example:8443/": "never asked", "http://127.0.0.1:9999/feed.xml": "neither 80 nor 443",
		"http://127.0.0.1/": "loopback", "https://10.1.2.3/feed": "private", "http://[::1]/": "loopback", "http://[fd00::1]/": "private", "http://169.254.169.254/": "link-local",
		"http://localhost/feed": "lead nowhere", "http://LOCALHOST./feed": "lead nowhere", "https://nas.local/": "lead nowhere", "https://wiki.corp.internal/": "lead nowhere", "http://intranet.test/": "lead nowhere",
		"ftp://feeds.example/": "scheme", "https://ann:pw@feeds.example/": "credentials", "https:///x": "no host", "http://\x7f/": "can't be read",
	} {
		err := c.Refuses(raw)
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", raw, err, why)
		}
	}
}

func TestNamesOfPrivateAddressesAreRefused(t *testing.T) {
	c := New()
	c.resolver = resolver(t, map[string][]string{"four.example": {"127.0.0.1"}, "meta.example": {"169.254.169.254"}, "six.example": {"fd00:ec2::254"}})
	wantRefused(t, c, "http://four.example/", "127.0.0.1 is a loopback address")
	wantRefused(t, c, "http://meta.example/", "credentials")
	wantRefused(t, c, "https://six.example/", "fd00:ec2::254 is a private address")
}

// Inner addresses, as numbers and names are spelt to hide them: where the name
// server answers as the system's might, the address is refused.
func TestSpellingsOfInnerAddresses(t *testing.T) {
	literal := []string{
		"127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.170.2", "100.100.100.200",
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::ffff:0:10.0.0.1]", "[64:ff9b::7f00:1]",
		"[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]",
	}
	named := []string{
		"127.0.0.1.", "2130706433", "017700000001", "0x7f000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "00000177.0.0.1", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
		"localhost", "localhost.localdomain", "LOCALHOST", "ip6-localhost", "metadata.google.internal", "127.0.0.1.nip.io", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1",
	}
	answers := map[string][]string{}
	for _, n := range named {
		answers[strings.ToLower(n)] = []string{"127.0.0.1"}
		answers[n] = []string{"127.0.0.1"}
	}
	reached := 0
	inner, err := net.Listen("tcp", "127.0.0.1:0") // what would be reached
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ })}
	go srv.Serve(inner)
	defer srv.Close()
	_, port, _ := net.SplitHostPort(inner.Addr().String())
	c := New()
	c.resolver = resolver(t, answers)
	for _, h := range append(literal, named...) {
		for _, raw := range []string{"http://" + h + "/", "https://" + h + "/x", "http://" + h + ":" + port + "/"} {
			got, err := c.Do(t.Context(), platform.Fetch{URL: raw})
			unknown := slices.Contains(named, h) && strings.Contains(fmt.Sprint(err), "no such host") // nobody was asked: Go knows it for no name
			if err == nil || !fault.Is(err, fault.Invalid) && !unknown {
				t.Errorf("%s: %+v, %v; want a refusal", raw, got, err)
			}
		}
	}
	if reached > 0 {
		t.Errorf("the server on this host was reached %d times", reached)
	}
	drill.Show(t, "%d spellings of inner addresses, each by http, https and a port: refused, and a server on loopback heard nothing", len(literal)+len(named))
}

// TestAnswerThatChanges: the first answer is public (an address nobody has),
// the second one is not. What counts is the address that is dialled.
func TestAnswerThatChanges(t *testing.T) {
	c := New()
	c.resolver = resolver(t, map[string][]string{"turn.example": {"2000::1", "::1"}})
	if _, err := c.Do(t.Context(), platform.Fetch{URL: "http://turn.example/"}); !fault.Is(err, fault.Transient) {
		t.Errorf("a public address that does not answer: %v", err)
	}
	wantRefused(t, c, "http://turn.example/", "::1 is a loopback address")
	drill.Show(t, "a name whose first answer is public and second is ::1: refused when it is dialled")
}

func TestNoProxyDialsInOurPlace(t *testing.T) {
	if New().http.Transport.(*http.Transport).Proxy != nil {
		t.Error("a proxy of the environment would connect to whatever it likes")
	}
}

func TestAnAllowedServerAnswers(t *testing.T) {
	base, c := server(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s|%s|%s|%s", r.Method, r.URL, b, r.UserAgent(), r.Header.Get("If-None-Match"), r.Header.Get("Accept-Encoding"))
	})
	got, err := c.Do(t.Context(), platform.Fetch{Method: "POST", URL: base + "/a?b=c", Body: []byte("x"), Header: http.Header{"If-None-Match": {`"0"`}, "Accept-Encoding": {"br"}}})
	want := "POST /a?b=c x|" + UserAgent + `|"0"|gzip`
	if err != nil || got.Status != http.StatusTeapot || string(got.Body) != want || got.Header.Get("ETag") != `"1"` || got.URL != base+"/a?b=c" {
		t.Errorf("%+v %s, %v; want %s", got, got.Body, err, want)
	}
	if got, err = c.Do(t.Context(), platform.Fetch{URL: base, Header: http.Header{"User-Agent": {"Rapport for r/tools"}}}); err != nil || !strings.HasPrefix(string(got.Body), "GET / |Rapport for r/tools|") {
		t.Errorf("%s, %v", got.Body, err)
	}
	wantRefused(t, New("127.0.0.1:1"), base, "neither 80 nor 443")
}

func TestRedirects(t *testing.T) {
	var to string
	base, c := server(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d", &n); err == nil && n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
			return
		}
		if r.URL.Path == "/to" {
			http.Redirect(w, r, to, http.StatusMovedPermanently)
		}
	})
	c.resolver = resolver(t, map[string][]string{"inner.example": {"10.0.0.1"}})
	if got, err := c.Do(t.Context(), platform.Fetch{URL: base + "/5"}); err != nil || got.Status != 200 || got.URL != base+"/0" {
		t.Errorf("five redirects: %+v, %v", got, err)
	}
	wantRefused(t, c, base+"/6", "over 5 redirects")
	inner := 0
	for where, why := range map[string]string{
		"http://127.0.0.1/":             "loopback",
		"http://169.254.169.254/x":      "link-local",
		"http://[::ffff:192.168.0.1]/":  "private",
		"http://inner.example/":         "10.0.0.1 is a private address",
		"http://127.0.0.1:22/":          "port 22",
		"ftp://feeds.example/":          "scheme",
		"file:///etc/passwd":            "scheme",
		"https://ann:pw@feeds.example/": "credentials",
	} {
		to = where
		inner++
		wantRefused(t, c, base+"/to", why)
	}
	drill.Show(t, "%d redirects to inner addresses, other ports and schemes refused, and the sixth in a row", inner)
}

func TestCredentialsStayWithTheHostTheyAreFor(t *testing.T) {
	secret := http.Header{"Authorization": {"Bearer t"}, "Cookie": {"c=t"}, "X-Api-Key": {"t"}, "Private-Token": {"t"}, "If-None-Match": {"t"}, "Accept": {"text/xml"}}
	var other, home string
	seen := map[string]http.Header{}
	handler := func(name string, next *string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/end" || r.URL.Path == "/same" {
				seen[name+r.URL.Path] = r.Header.Clone()
			}
			switch r.URL.Path {
			case "/go":
				http.Redirect(w, r, *next+"/end", http.StatusFound)
			case "/round":
				http.Redirect(w, r, *next+"/back", http.StatusFound)
			case "/back":
				http.Redirect(w, r, *next+"/end", http.StatusFound)
			case "/stay":
				http.Redirect(w, r, "/same", http.StatusFound)
			}
		}
	}
	home, _ = server(t, handler("home", &other))
	other, _ = server(t, handler("other", &home))
	c := New(host(home), host(other))
	for _, path := range []string{"/stay", "/go", "/round"} {
		if _, err := c.Do(t.Context(), platform.Fetch{URL: home + path + "?token=t", Header: secret}); err != nil {
			t.Fatal(err)
		}
	}
	if h := seen["home/same"]; h.Get("Authorization") != "Bearer t" || h.Get("X-Api-Key") != "t" || h.Get("Referer") != "" {
		t.Errorf("redirected on the same host: %v", h)
	}
	for _, at := range []string{"other/end", "home/end"} {
		h := seen[at]
		if h == nil || h.Get("Accept") != "text/xml" || h.Get("User-Agent") != UserAgent {
			t.Errorf("%s: %v", at, h)
		}
		for k := range h {
			if v := h.Get(k); strings.Contains(v, "t") && k != "Accept" && k != "User-Agent" {
				t.Errorf("%s is sent %s: %s", at, k, v)
			}
		}
	}
	drill.Show(t, "%d secret headers stay with their host through redirects, there and back", len(secret)-2)
}

func TestABodyStaysWithTheHostItIsFor(t *testing.T) {
	got := ""
	other, _ := server(t, func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got += string(b)
	})
	home, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other, http.StatusTemporaryRedirect)
	})
	_, err := New(host(home), host(other)).Do(t.Context(), platform.Fetch{Method: "POST", URL: home, Body: []byte("hub.secret=t")})
	if !fault.Is(err, fault.Invalid) || got != "" {
		t.Errorf("%v; the other host got %q", err, got)
	}
}

func TestBodiesAreBounded(t *testing.T) {
	chunk := strings.Repeat("x", 1<<16)
	base, c := server(t, func(w http.ResponseWriter, r *http.Request) {
		var out io.Writer = w
		size := MaxBody
		switch r.URL.Path {
		case "/huge":
			size++
		case "/bomb":
			size = 64 << 20
			fallthrough
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			out = z
		case "/brotli":
			w.Header().Set("Content-Encoding", "br")
			size = 10
		}
		for size > 0 {
			n, err := io.WriteString(out, chunk[:min(size, len(chunk))])
			if err != nil {
				return
			}
			size -= n
		}
	})
	for _, path := range []string{"/whole", "/gzip"} {
		if got, err := c.Do(t.Context(), platform.Fetch{URL: base + path}); err != nil || len(got.Body) != MaxBody {
			t.Errorf("%s: %d bytes, %v", path, len(got.Body), err)
		}
	}
	for _, path := range []string{"/huge", "/bomb"} {
		if got, err := c.Do(t.Context(), platform.Fetch{URL: base + path}); !fault.Is(err, fault.TooLarge) || got.Body != nil {
			t.Errorf("%s: %d bytes, %v", path, len(got.Body), err)
		}
	}
	wantRefused(t, c, base+"/brotli", `the encoding "br"`)
	drill.Show(t, "an answer of %d bytes is read; one byte more, and 64 MB in gzip, are not", MaxBody)
}

func TestSlowServersEnd(t *testing.T) {
	base, c := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	c.http.Timeout = 50 * time.Millisecond
	for _, path := range []string{"/head", "/body"} {
		if _, err := c.Do(t.Context(), platform.Fetch{URL: base + path}); !fault.Is(err, fault.Transient) || fault.Message(err) != "the server did not answer in time" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestErrorsDoNotShowTheQuery(t *testing.T) {
	c := New("127.0.0.1:1")
	c.resolver = resolver(t, nil)
	for _, raw := range []string{"http://127.0.0.1:1/?key=hunter2", "http://127.0.0.1/?key=hunter2", "http://none.example/?key=hunter2", "https://a:hunter2@feeds.example/", "http://\x7f/?key=hunter2"} {
		if _, err := c.Do(t.Context(), platform.Fetch{URL: raw}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
