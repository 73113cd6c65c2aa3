package fetch

import (
	"fmt"
	"net/netip"
)

// refused are the networks that no connection is made to, with what they are.
// The source is IANA's registries of special-purpose addresses
// (https://www.iana.org/assignments/iana-ipv4-special-registry,
// https://www.iana.org/assignments/iana-ipv6-special-registry) and, for single
// addresses, what clouds answer their own machines on.
var refused = []struct {
	net  netip.Prefix
	what string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this host (RFC 1122)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address (RFC 1918)"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address behind a carrier's NAT (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's address for its own machines"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address, where clouds keep credentials (RFC 3927)"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address (RFC 1918)"},
	{netip.MustParsePrefix("192.0.0.0/24"), "an address for protocols (RFC 6890)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "an address for documentation (RFC 5737)"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a 6to4 relay (RFC 7526)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address (RFC 1918)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "an address for benchmarks (RFC 2544)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "an address for documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "an address for documentation (RFC 5737)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved or broadcast address (RFC 1112)"},
	{netip.MustParsePrefix("::/128"), "the unspecified address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a local NAT64 address (RFC 8215)"},
	{netip.MustParsePrefix("100::/64"), "an address that discards (RFC 6666)"},
	{netip.MustParsePrefix("2001::/23"), "an address for protocols, Teredo among them (RFC 2928)"},
	{netip.MustParsePrefix("2001:db8::/32"), "an address for documentation (RFC 3849)"},
	{netip.MustParsePrefix("3fff::/20"), "an address for documentation (RFC 9637)"},
	{netip.MustParsePrefix("fc00::/7"), "a private address (RFC 4193)"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("fec0::/10"), "a site-local address (RFC 3879)"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
}

var (
	global = netip.MustParsePrefix("2000::/3") // all that IANA has given out of IPv6 for use everywhere
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// private says what keeps ip from being connected to; "" if nothing does. An
// IPv6 address that leads to an IPv4 address (mapped, NAT64, 6to4) is what
// the IPv4 address is.
func private(ip netip.Addr) string {
	if !ip.IsValid() {
		return "no address"
	}
	if ip.Zone() != "" {
		return "an address of one of the host's own networks"
	}
	if ip = ip.Unmap(); ip.Is6() {
		b := ip.As16()
		switch {
		case nat64.Contains(ip):
			return within("NAT64", netip.AddrFrom4([4]byte(b[12:16])))
		case sixTo4.Contains(ip):
			return within("6to4", netip.AddrFrom4([4]byte(b[2:6])))
		}
	}
	for _, r := range refused {
		if r.net.Contains(ip) {
			return r.what
		}
	}
	if ip.Is6() && !global.Contains(ip) {
		return "not an address of the public Internet"
	}
	return ""
}

func within(how string, v4 netip.Addr) string {
	if what := private(v4); what != "" {
		return fmt.Sprintf("%s of %s, %s", how, v4, what)
	}
	return ""
}
