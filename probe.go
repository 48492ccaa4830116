package main

import (
	"slices"
	"time"

	"switchboard/internal/late"
)

// A probe finds out whether the holder of a name that somebody else asks for is
// still there. A phone that changes networks comes back before its old connection
// is known to be lost; and nobody who is there may lose their name. The holder is
// pinged at once. If it gives a sign of life, the newcomers are refused; if it is
// silent or says goodbye, the first of them has the name. A newcomer that waits
// cannot be joined or called, since its name and role are about to change. Owned by
// the hub.
type probe struct {
	holder    *Client
	newcomers []newcomer
	begun     time.Time
	lives     bool // the holder has given a sign of life; it may still say goodbye
	renewed   bool // the time for that has begun anew, for a later newcomer
	timer     *time.Timer
}

// newcomer is a login that waits for the outcome of a probe.
type newcomer struct {
	c   *Client
	req Request
	cmd Login
}

const (
	probeTime    = 3 * time.Second
	maxNewcomers = 8 // newcomers a probe, since each is kept in memory

	// How long a refusal waits for a goodbye after a sign of life. A browser
	// answers a ping although its page has closed the connection already.
	goodbyeTime = 250 * time.Millisecond
)

// awaitHolder makes a newcomer wait for the holder's sign of life.
func (h *Hub) awaitHolder(holder, c *Client, req Request, cmd Login) *Refused {
	p := h.probes[holder]
	switch {
	case p == nil:
		p = &probe{holder: holder, begun: time.Now()}
		h.probes[holder] = p
		h.wait(p, probeTime)
		holder.via.askIfAlive()
	case len(p.newcomers) == maxNewcomers:
		return nameTaken(cmd.Name)
	case p.lives && !p.renewed:
		p.renewed = true // once, or those who come and go could hold up the others
		h.wait(p, goodbyeTime)
	}
	p.newcomers = append(p.newcomers, newcomer{c, req, cmd})
	c.awaited = p
	return nil
}

// loginUndecided refuses what a client cannot do while its login waits for a probe.
func loginUndecided() *Refused {
	return refuse(CodeBadState, "your login is not decided yet")
}

// awaits reports whether a request of c waits for the outcome of a probe.
func (c *Client) awaits(req Request) bool {
	_, isLogin := req.login()
	return isLogin && c.awaited != nil
}

// probeAnswered notes that the holder lives. The newcomers are refused when it
// has had the time to say goodbye.
func (h *Hub) probeAnswered(holder *Client) {
	if p := h.probes[holder]; p != nil && !p.lives {
		p.lives = true
		h.wait(p, goodbyeTime)
	}
}

// probeTimedOut refuses the newcomers if the holder lives. It removes a silent one, by
// which the first newcomer is signed in.
func (h *Hub) probeTimedOut(p *probe) {
	if h.probes[p.holder] != p {
		return
	}
	if p.lives {
		h.endProbe(p)
		return
	}
	overdue := time.Since(p.begun) - probeTime
	if more := p.holder.via.patience(overdue); more > 0 {
		h.wait(p, more)
		return
	}
	h.lose(p.holder, closeGone)
}

// probeLost ends the probe of a holder that may come back. With a call it keeps its
// name; without one the first newcomer has it at once.
func (h *Hub) probeLost(holder *Client) {
	switch p := h.probes[holder]; {
	case p == nil:
	case len(holder.calls) > 0:
		h.endProbe(p)
	default:
		h.remove(holder, closeGone)
	}
}

// wait sets the time after which probeTimedOut decides.
func (h *Hub) wait(p *probe, d time.Duration) {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.timer = late.AfterFunc(d, func() { h.post(probeDue{p}) })
}

// signInNewcomer gives the name of a holder that has gone to the first newcomer that
// may have it now. While it waited, it could do other things.
func (h *Hub) signInNewcomer(holder *Client) {
	p := h.probes[holder]
	if p == nil {
		return
	}
	for len(p.newcomers) > 0 {
		next := p.newcomers[0]
		p.newcomers = p.newcomers[1:]
		next.c.awaited = nil
		if refusal := h.checkLogin(next.c, next.cmd); refusal != nil {
			h.deny(next.c, next.req, refusal)
			continue
		}
		h.signIn(next.c, next.req, next.cmd)
		h.acknowledge(next.c, next.req, nil)
		break
	}
	h.endProbe(p)
}

// endProbe refuses all that still wait for a probe, and forgets it.
func (h *Hub) endProbe(p *probe) {
	p.timer.Stop()
	delete(h.probes, p.holder)
	for _, n := range p.newcomers {
		n.c.awaited = nil
		h.deny(n.c, n.req, nameTaken(n.cmd.Name))
	}
}

// forgetNewcomer takes c, which has gone, out of the probe it waits for. When
// nobody waits any more the probe is over: the next one begins anew.
func (h *Hub) forgetNewcomer(c *Client) {
	if c.awaited == nil {
		return
	}
	p := c.awaited
	p.newcomers = slices.DeleteFunc(p.newcomers, func(n newcomer) bool { return n.c == c })
	c.awaited = nil
	if len(p.newcomers) == 0 {
		h.endProbe(p)
	}
}
