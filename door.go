package main

import (
	"context"
	"net/netip"
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
// it. Either way leave must follow. The limit by address is not kept for those
// of whom none is known.
func (d *door) enter(from netip.Prefix) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	d.byAddress[from]++
	return (d.max == 0 || d.open <= d.max) && (d.maxPerAddress == 0 || !from.IsValid() || d.byAddress[from] <= d.maxPerAddress)
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
