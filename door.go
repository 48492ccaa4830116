package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// door counts the connections that are open, in all and by address, and
// keeps the limits on them. Its mutex is held for a few map steps.
type door struct {
	max, maxPerAddress int // 0: no limit

	mu        sync.Mutex
	open      int
	byAddress map[netip.Prefix]int
	empty     chan struct{} // closed when shut and open is 0; nil until shut
}

func newDoor(max, maxPerAddress int) *door {
	return &door{max: max, maxPerAddress: maxPerAddress, byAddress: map[netip.Prefix]int{}}
}

// enter counts a connection in and reports whether the limits have room for
// it. Either way leave must follow.
func (d *door) enter(from netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	d.byAddress[from]++
	return (d.max == 0 || d.open <= d.max) && (d.maxPerAddress == 0 || d.byAddress[from] <= d.maxPerAddress)
}

func (d *door) leave(from netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.byAddress[from]--; d.byAddress[from] == 0 {
		delete(d.byAddress, from)
	}
	if d.open == 0 && d.empty != nil {
		close(d.empty)
		d.empty = nil
	}
}

// drained waits until nobody is left, or ctx is done. It is called once.
func (d *door) drained(ctx context.Context) error {
	d.mu.Lock()
	empty := make(chan struct{})
	if d.open == 0 {
		close(empty)
	} else {
		d.empty = empty
	}
	d.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

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
// claims is not read. Whoever reaches a unix socket was let in by its file
// permissions, and is trusted.
func (p proxies) clientAddress(r *http.Request) netip.Addr {
	addr, trusted := peerAddress(r)
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0 && (trusted || p.include(addr)); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr, trusted = hop.Unmap(), false
	}
	return addr
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
	return peer.Addr().Unmap(), false
}

// household returns the addresses that count as one: an IPv6 subscriber has
// a whole /64 to come from.
func household(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.WithZone("").Prefix(bits) // the zero address has no prefix, and is one household too
	return prefix
}
