// Package fetch makes HTTP requests to addresses that strangers may have
// chosen: a feed's URL, a redirect, the answer of a name server. It connects
// to the public Internet only, whatever DNS and redirects say, since the
// address is judged when it is dialled.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"rapport/internal/fault"
	"rapport/internal/platform"
)

const (
	// MaxBody bounds an answer's body in bytes, after it was decompressed.
	MaxBody = 4 << 20
	// UserAgent names Rapport, unless the request names it otherwise.
	UserAgent = "Rapport/1.0 (reads public posts for those they speak of)"

	maxRedirects = 5
	maxHeader    = 64 << 10
)

// Response is an HTTP answer, of whatever status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // the one that answered, after redirects
}

// Client makes requests. Its zero value is not usable: see New.
type Client struct {
	http     *http.Client
	allowed  []string
	resolver *net.Resolver // nil: the host's
}

// New returns a client that connects to the public Internet, on the ports 80
// and 443, and to the servers that allow names as host:port, whatever their
// addresses: an operator's own, or a test's.
func New(allow ...string) *Client {
	c := &Client{}
	for _, a := range allow {
		c.allowed = append(c.allowed, strings.ToLower(a))
	}
	c.http = &http.Client{
		Timeout:       20 * time.Second, // the body included
		CheckRedirect: c.redirect,
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would dial in our place
			DialContext:            c.dial,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    5 * time.Second,
			ResponseHeaderTimeout:  15 * time.Second,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConnsPerHost:    2,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
	return c
}

// refusal is why a connection is not made.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// Do makes the request f (GET, if it names no method) and reads the answer.
// Its errors name the host, never the URL's query, which may hold a token.
// What is refused (scheme, port, address, redirect, encoding) is of kind
// Invalid and says why; a body over MaxBody is TooLarge; what a later attempt
// may pass is Transient.
func (c *Client) Do(ctx context.Context, f platform.Fetch) (Response, error) {
	u, err := url.Parse(f.URL)
	if err != nil {
		return Response{}, fault.New(fault.Invalid, "fetch: the URL can't be read")
	}
	if err := c.check(u); err != nil {
		return Response{}, failure(u, err)
	}
	method := f.Method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if len(f.Body) > 0 {
		body = bytes.NewReader(f.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return Response{}, fault.New(fault.Invalid, "fetch %s: no request can be made of it", u.Host)
	}
	for k, v := range f.Header {
		req.Header[http.CanonicalHeaderKey(k)] = slices.Clone(v)
	}
	req.Header.Del("Accept-Encoding") // the transport asks for gzip and undoes it
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", UserAgent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, failure(u, err)
	}
	defer resp.Body.Close()
	out := Response{Status: resp.StatusCode, Header: resp.Header, URL: resp.Request.URL.String()}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return out, failure(u, refuse("the answer is in the encoding %.40q, which was not asked for", e))
	}
	out.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err != nil {
		return out, failure(u, err)
	}
	if len(out.Body) > MaxBody {
		out.Body = nil
		return out, fault.New(fault.TooLarge, "fetch %s: the answer has over %d bytes", u.Host, MaxBody)
	}
	return out, nil
}

// nowhere are the last parts of names that no public name server knows (RFC
// 6761, RFC 6762, RFC 7686, RFC 8375, and ICANN's resolution of 2024 on
// .internal).
var nowhere = []string{"localhost", "local", "invalid", "test", "onion", "home.arpa", "internal"}

// Refuses says why a request to a URL will never be made, as far as that can
// be told without asking a name server; nil if it may be made.
func (c *Client) Refuses(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("the URL can't be read")
	}
	if err := c.check(u); err != nil {
		return err
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if c.allows(net.JoinHostPort(host, port(u))) {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if what := private(ip); what != "" {
			return refuse("%s is %s: only addresses of the public Internet are asked", ip, what)
		}
		return nil
	}
	for _, last := range nowhere {
		if host == last || strings.HasSuffix(host, "."+last) {
			return refuse("names that end in %s lead nowhere on the public Internet", last)
		}
	}
	return nil
}

// failure is an error of a request to u, without its URL.
func failure(u *url.URL, err error) error {
	if r, ok := errors.AsType[*refusal](err); ok {
		return fault.New(fault.Invalid, "fetch %s: %s", u.Host, r.why)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the URL
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fault.Wrap(fault.Transient, fmt.Errorf("fetch %s: %w", u.Host, err), "the server did not answer in time")
	}
	return fault.Wrap(fault.Transient, fmt.Errorf("fetch %s: %w", u.Host, err), "the server could not be reached")
}

// check refuses a URL that is not for the public Web.
func (c *Client) check(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("the scheme %.20q is neither http nor https", u.Scheme)
	case host == "":
		return refuse("the URL has no host")
	case u.User != nil:
		return refuse("the URL holds credentials, which would be kept with what is fetched")
	case c.allows(net.JoinHostPort(host, port(u))):
		return nil
	case port(u) != "80" && port(u) != "443":
		return refuse("the port %.10s is neither 80 nor 443, and others are never asked", port(u))
	}
	return nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "http":
		return "80"
	}
	return "443"
}

func (c *Client) allows(hostPort string) bool {
	return slices.Contains(c.allowed, strings.ToLower(hostPort))
}

// dial connects to an address of the public Internet, or to an allowed server.
func (c *Client) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second, Resolver: c.resolver}
	if !c.allows(hostPort) {
		d.Control = judge
	}
	return d.DialContext(ctx, network, hostPort)
}

// judge is called with the very address that is about to be dialled.
func judge(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse("%.60q is no address", address)
	}
	if what := private(ap.Addr()); what != "" {
		return refuse("%s is %s", ap.Addr(), what)
	}
	if ap.Port() != 80 && ap.Port() != 443 {
		return refuse("the port %d is neither 80 nor 443", ap.Port())
	}
	return nil
}

// redirect is asked before each redirect is followed. Once a redirect has
// left the scheme, host and port that were asked, no other header than those
// of platform.Carried is sent, also not back there.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return refuse("over %d redirects", maxRedirects)
	}
	if err := c.check(req.URL); err != nil {
		return refuse("redirected to %.100q: %v", req.URL.Host, err)
	}
	req.Header.Del("Referer") // the URL before may hold a token
	left := origin(req.URL) != origin(via[0].URL)
	for _, v := range via[1:] {
		left = left || origin(v.URL) != origin(via[0].URL)
	}
	if !left {
		return nil
	}
	if req.Body != nil {
		return refuse("redirected to %.100q, which is not sent what was for %s", req.URL.Host, via[0].URL.Host)
	}
	for k := range req.Header {
		if !slices.Contains(platform.Carried, k) {
			req.Header.Del(k)
		}
	}
	return nil
}

func origin(u *url.URL) string {
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port(u)
}
