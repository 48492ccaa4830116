package main

import (
	"slices"
	"time"
)

// A probe finds out whether the holder of a name that somebody else asks for
// is still there: a phone that changed networks must not be locked out by
// its own ghost, and nobody alive may lose his name. The holder is pinged at
// once; any sign of life refuses the newcomers, silence gives the name to
// the first of them. Owned by the hub.
type probe struct {
	holder  *Client
	waiting []newcomer
	timer   *time.Timer
}

// newcomer is a login that waits for the outcome.
type newcomer struct {
	c   *Client
	req Request
	cmd Login
}

const (
	probeTime  = 3 * time.Second
	maxWaiting = 8 // newcomers a probe; more cannot all be right
)

// probe makes a newcomer wait for the holder's sign of life.
func (h *Hub) probe(holder, c *Client, req Request, cmd Login) *Refused {
	p := h.probes[holder]
	if p == nil {
		p = &probe{holder: holder}
		p.timer = time.AfterFunc(probeTime, func() { h.post(probeTimeout{p}) })
		h.probes[holder] = p
		holder.pulse.probe()
	}
	if len(p.waiting) == maxWaiting {
		return nameTaken(cmd.Name)
	}
	p.waiting = append(p.waiting, newcomer{c, req, cmd})
	c.waiting = p
	return nil
}

// probeAnswered refuses the newcomers: the holder lives.
func (h *Hub) probeAnswered(holder *Client) {
	if p := h.probes[holder]; p != nil {
		h.settle(p)
	}
}

// probeTimedOut lets a silent holder go; its successor comes in with that.
func (h *Hub) probeTimedOut(p *probe) {
	if h.probes[p.holder] == p {
		h.remove(p.holder, closeGone)
	}
}

// succeed gives the name of a holder that has gone to the first newcomer.
func (h *Hub) succeed(holder *Client) {
	p := h.probes[holder]
	if p == nil {
		return
	}
	if len(p.waiting) > 0 {
		heir := p.waiting[0]
		p.waiting = p.waiting[1:]
		heir.c.waiting = nil
		h.signIn(heir.c, heir.cmd)
		h.acknowledge(heir.c, heir.req, "")
	}
	h.settle(p)
}

// settle ends a probe and refuses all that still wait for it.
func (h *Hub) settle(p *probe) {
	p.timer.Stop()
	delete(h.probes, p.holder)
	for _, n := range p.waiting {
		n.c.waiting = nil
		h.refuse(n.c, n.req, nameTaken(n.cmd.Name))
	}
}

// forgetWaiting takes c, which has gone, out of the probe it waits for.
func (h *Hub) forgetWaiting(c *Client) {
	if c.waiting == nil {
		return
	}
	c.waiting.waiting = slices.DeleteFunc(c.waiting.waiting, func(n newcomer) bool { return n.c == c })
	c.waiting = nil
}
