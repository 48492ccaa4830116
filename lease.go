package main

import (
	"container/list"
	"crypto/rand"
	"time"
)

// This file is about credentials for TURN servers that expire: by which id a party goes
// to TURN servers, and when it is told of new ones. It knows no secret: credentials are
// made by internal/ice, where a dialect encodes what the party is told.

// leases are those of the parties that are signed in, if credentials expire. Owned by
// the hub.
type leases struct {
	of    map[*Client]*list.Element // of due; nil if there never was one
	due   list.List                 // of *lease, in the order in which they are to be renewed
	timer *time.Timer               // until the first of them is due; nil if there is none
}

// lease says that a party has credentials, and when it is to be given others.
type lease struct {
	c   *Client
	id  string
	due time.Time
}

// maxRenewals bounds how many leases are renewed in one step, since everybody else
// waits meanwhile: after a restart many parties have signed in at the same time.
const maxRenewals = 100

// renewAfter returns after how long credentials that hold for ttl are renewed. A call that
// begins just before that has the rest of ttl to reach the TURN server.
func renewAfter(ttl time.Duration) time.Duration { return ttl / 8 * 5 }

// lease returns the id by which TURN servers know c, and notes that c is given
// credentials now. The id is opaque, since TURN servers log it, and stays the same
// until c is gone, since they count relays by it. It is "" if no credentials expire.
func (h *Hub) lease(c *Client) string {
	if h.limits.turnTTL == 0 {
		return ""
	}
	l := h.leases.take(c)
	if l == nil {
		l = &lease{c: c, id: rand.Text()}
	}
	l.due = time.Now().Add(renewAfter(h.limits.turnTTL))
	h.leases.add(l)
	h.awaitRenewal()
	return l.id
}

// endLease forgets the lease of c, which is gone.
func (h *Hub) endLease(c *Client) {
	h.leases.take(c)
	h.awaitRenewal()
}

// renewLeases gives new credentials to parties whose lease is due.
func (h *Hub) renewLeases() {
	for range maxRenewals {
		l := h.leases.first()
		if l == nil || time.Until(l.due) > 0 {
			break
		}
		h.tell(l.c, ICEServersRenewed{h.lease(l.c)})
	}
	h.leases.stopTimer()
	h.awaitRenewal()
}

// awaitRenewal starts the timer for the first lease that is due, unless it runs, and stops
// it if there is no lease.
func (h *Hub) awaitRenewal() {
	switch first := h.leases.first(); {
	case first == nil:
		h.leases.stopTimer()
	case h.leases.timer == nil:
		h.leases.timer = time.AfterFunc(time.Until(first.due), func() { h.post(renewalDue{}) })
	}
}

func (ls *leases) stopTimer() {
	if ls.timer != nil {
		ls.timer.Stop()
		ls.timer = nil
	}
}

// first returns the lease that is due first, nil if there is none.
func (ls *leases) first() *lease {
	if e := ls.due.Front(); e != nil {
		return e.Value.(*lease)
	}
	return nil
}

// add enters a lease that is due after all others.
func (ls *leases) add(l *lease) {
	if ls.of == nil {
		ls.of = map[*Client]*list.Element{}
	}
	ls.of[l.c] = ls.due.PushBack(l)
}

// take removes the lease of c, and returns it; nil if there is none.
func (ls *leases) take(c *Client) *lease {
	e := ls.of[c]
	if e == nil {
		return nil
	}
	delete(ls.of, c)
	return ls.due.Remove(e).(*lease)
}
