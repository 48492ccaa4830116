package main

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks whose X-Forwarded-For is believed.
type proxies []netip.Prefix

func (p proxies) include(addr netip.Addr) bool {
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// clientAddress returns where a request comes from. It walks from our own
// peer back through the proxies that are trusted; what an untrusted one
// claims is not read. It stops at an entry that names no address, such as
// "unknown", since whatever stands before that is anybody's claim. Whoever
// reaches a unix socket was let in by its file permissions, and is trusted.
func (p proxies) clientAddress(r *http.Request) netip.Addr {
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

// clientSubnet returns where a request comes from for limits by address. It is
// nowhere if all that is known is the proxy, behind which may be everybody.
func (p proxies) clientSubnet(r *http.Request) netip.Prefix {
	addr := p.clientAddress(r)
	if p.include(addr) {
		return netip.Prefix{}
	}
	return subnet(addr)
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

// peerAddress returns the other end of the connection itself; the zero
// address, which is trusted, for a unix socket.
func peerAddress(r *http.Request) (addr netip.Addr, trusted bool) {
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
