package main

import (
	"context"
	"net/netip"
	"sync"
)

// places are what connections take: those of the ones who are let in, which
// flags limit, and those of the ones who are refused, who stay until they have
// been told. So refused ones take no place from anybody who is let in.
type places struct {
	mu       sync.Mutex
	admitted quota
	refused  quota
	empty    chan struct{} // closed when nobody is left; nil until drained waits for that
}

// How many may be told at once that there is no room for them, which is a
// matter of a second. The others are refused without a WebSocket.
const (
	maxRefused         = 256
	maxRefusedOfSubnet = 32
)

func newPlaces(max, maxOfSubnet int) *places {
	return &places{
		admitted: newQuota(max, maxOfSubnet),
		refused:  newQuota(maxRefused, maxRefusedOfSubnet),
	}
}

// A place is one connection's, which must leave it.
type place struct {
	places *places
	quota  *quota
	from   netip.Prefix
}

// take finds a place for a connection: among those who are let in, or else
// among those who are refused. It reports false if there is neither.
func (p *places) take(from netip.Prefix) (place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range []*quota{&p.admitted, &p.refused} {
		if q.hasRoom(from) {
			q.add(from, 1)
			return place{p, q, from}, true
		}
	}
	return place{}, false
}

// hasRoom reports whether a connection would be let in.
func (p *places) hasRoom(from netip.Prefix) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.admitted.hasRoom(from)
}

// refused reports whether a place is none among those who are let in.
func (pl place) refused() bool { return pl.quota == &pl.places.refused }

func (pl place) leave() {
	p := pl.places
	p.mu.Lock()
	defer p.mu.Unlock()
	pl.quota.add(pl.from, -1)
	if p.isEmpty() && p.empty != nil {
		close(p.empty)
		p.empty = nil
	}
}

func (p *places) isEmpty() bool { return p.admitted.total+p.refused.total == 0 }

// drained waits until nobody is left, or ctx is done. It is called once.
func (p *places) drained(ctx context.Context) error {
	p.mu.Lock()
	empty := make(chan struct{})
	if p.isEmpty() {
		close(empty)
	} else {
		p.empty = empty
	}
	p.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quota counts what there is, in all and by subnet, up to its limits.
type quota struct {
	max, maxOfSubnet int // 0: no limit
	total            int
	bySubnet         map[netip.Prefix]int
}

func newQuota(max, maxOfSubnet int) quota {
	return quota{max: max, maxOfSubnet: maxOfSubnet, bySubnet: map[netip.Prefix]int{}}
}

// hasRoom reports whether one more may come. The limit by subnet is not kept
// for those of whom none is known.
func (q *quota) hasRoom(from netip.Prefix) bool {
	return (q.max == 0 || q.total < q.max) &&
		(q.maxOfSubnet == 0 || !from.IsValid() || q.bySubnet[from] < q.maxOfSubnet)
}

func (q *quota) add(from netip.Prefix, n int) {
	q.total += n
	if q.bySubnet[from] += n; q.bySubnet[from] == 0 {
		delete(q.bySubnet, from)
	}
}
