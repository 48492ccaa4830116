package access

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks whose X-Forwarded-For is believed.
type Proxies []netip.Prefix

// ParseProxy reads the address or the network of proxies.
func ParseProxy(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	network, err := netip.ParsePrefix(s)
	if err != nil {
		return network, errors.New("a proxy is of the form 10.0.0.7 or 10.0.0.0/8")
	}
	return network.Masked(), nil
}

// ClientAddress returns where a request comes from. It walks from our own
// peer back through the proxies that are trusted; what an untrusted one
// claims is not read. It stops at an entry that names no address, such as
// "unknown", since whatever stands before that is anybody's claim. The peer of a
// unix socket was let in by file permissions, and is trusted.
func (p Proxies) ClientAddress(r *http.Request) netip.Addr {
	addr, trusted := peerAddress(r)
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0 && (trusted || p.include(addr)); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break
		}
		addr, trusted = hop, false
	}
	return addr
}

// ClientSubnet returns where a request comes from for limits by address. It is
// the zero prefix if only a proxy is known, behind which may be everybody.
func (p Proxies) ClientSubnet(r *http.Request) netip.Prefix {
	addr := p.ClientAddress(r)
	if p.include(addr) {
		return netip.Prefix{}
	}
	return subnet(addr)
}

// PeerSubnet returns where the connection itself comes from, which may be a
// proxy's. It is the zero prefix for a unix socket.
func PeerSubnet(r *http.Request) (from netip.Prefix, unix bool) {
	addr, unix := peerAddress(r)
	return subnet(addr), unix
}

func (p Proxies) include(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}

// parseHop reads an entry of X-Forwarded-For. The header has no standard, so
// proxies write addresses with a port, in brackets or in quotes as well.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.Trim(s, " \t\"")
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s, _, _ = strings.Cut(inner, "]")
	} else if host, port, _ := strings.Cut(s, ":"); !strings.Contains(port, ":") {
		s = host
	}
	addr, err := netip.ParseAddr(s)
	return addr.Unmap().WithZone(""), err == nil
}

// peerAddress returns the other end of the connection itself: the zero address
// for a unix socket.
func peerAddress(r *http.Request) (addr netip.Addr, unix bool) {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return netip.Addr{}, true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	return peer.Addr().Unmap().WithZone(""), false
}

// subnet returns the addresses that count as one: an IPv6 subscriber has a
// whole /64 to come from. The zero address is in none.
func subnet(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}
