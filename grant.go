package main

import (
	"time"

	"switchboard/internal/late"
)

// grant is what a client has proved when it signed in, and how far its time has gone.
// Clients without one are in open mode: nothing of theirs ends or is narrowed. Owned by
// the hub.
type grant struct {
	Grant
	timer  *time.Timer
	warned bool
	ended  bool
}

// warnTime is how long before the end a client is told of it: for a page to get another
// token.
const warnTime = time.Minute

// setGrant gives c a grant, which may be nil.
func (h *Hub) setGrant(c *Client, granted *Grant) {
	c.grant.stop()
	if granted == nil {
		return
	}
	c.grant = &grant{Grant: *granted}
	h.watch(c)
}

// renew gives c, which is signed in, another grant. Calls go on, even with people whom
// it does not name.
func (h *Hub) renew(c *Client, cmd Login) *Refused {
	if refusal := checkRenewal(c, cmd); refusal != nil {
		return refusal
	}
	h.log.Info("sign-in renewed", "conn", c.id, "name", c.name.Text)
	h.tell(c, LoggedIn{Name: c.name.Text, Role: c.role, TURN: h.lease(c)})
	h.setGrant(c, cmd.Grant)
	return nil
}

// checkRenewal returns why c may not renew its sign-in by a login.
func checkRenewal(c *Client, cmd Login) *Refused {
	switch {
	case cmd.Name.Key != c.name.Key:
		return refuse(CodeBadName, "you are signed in as "+c.name.Text+", and your token is for "+cmd.Name.Text)
	case cmd.Role != c.role:
		return refuse(CodeBadRole, "you are signed in as "+inRole(c.role)+", and your token is for "+inRole(cmd.Role))
	}
	return nil
}

// watch warns c before its grant expires, and ends the grant when it is time. Until then
// it sets a timer.
func (h *Hub) watch(c *Client) {
	g := c.grant
	left := time.Until(g.Expires)
	if left <= warnTime && !g.warned {
		g.warned = true
		h.tell(c, TokenExpiring{In: max(0, int64((left+time.Second-1)/time.Second))})
	}
	next := g.Expires.Add(-warnTime)
	if g.warned {
		next = g.Ends
	}
	if wait := time.Until(next); wait > 0 {
		g.timer = late.AfterFunc(wait, func() { h.post(grantDue{c, g}) })
		return
	}
	g.ended = true
	h.dismissIfOver(c)
}

// watchAgain does what a timer is for, unless the grant has been renewed or the client is
// gone.
func (h *Hub) watchAgain(c *Client, g *grant) {
	if c.grant == g && h.clients[c.via] == c {
		h.watch(c)
	}
}

// dismissIfOver removes c if its grant has ended. While it has calls it stays: nobody is
// cut off in the middle of a sentence.
func (h *Hub) dismissIfOver(c *Client) {
	if c.grant.over() && len(c.calls) == 0 {
		h.leaving = append(h.leaving, leaver{c, closeExpired})
	}
}

func (g *grant) stop() {
	if g != nil && g.timer != nil {
		g.timer.Stop()
	}
}

// over reports whether the time of the grant is over. Its client may only end the calls
// that it has.
func (g *grant) over() bool { return g != nil && g.ended }

func tokenExpired() *Refused {
	return refuse(CodeBadToken, "your token has expired: sign in with a new one")
}

// mayCall reports whether the client may call the name with this key, as far as its grant
// narrows that.
func (g *grant) mayCall(key string) bool { return g == nil || g.MayCall.has(key) }

// narrowsCalls reports whether there are names that the client may not call.
func (g *grant) narrowsCalls() bool { return g != nil && g.MayCall != nil }

// mayJoin reports likewise whether the client may join a room.
func (g *grant) mayJoin(key string) bool { return g == nil || g.Rooms.has(key) }
