package main

import (
	"slices"
	"time"
)

// Client is a party as the hub knows it: who it is, which calls it has, and what
// is remembered of what it said. The hub owns all of it. It reaches the person
// by the carrier alone.
type Client struct {
	id  uint64 // of its connection, for the log
	via carrier

	name       Name // zero until signed in
	role       string
	calls      []*Call
	awaited    *probe // the login awaits its outcome
	loginTimer *time.Timer
	grant      *grant // nil in open mode
	room       *Room
	memberID   string        // its address in rooms while it has no name
	label      string        // how it wants to be shown in them
	profile    *Profile      // of its family, as of its latest request
	sendsBare  bool          // its latest description was the SDP alone
	echo       echo          // ends that may come back from it
	refusals   *refusalCount // nil until there is one
	session    *session      // nil: it did not ask for one
}

// A carrier takes what a client is told to wherever the client is. The hub knows
// no more of a connection than this, and never asks what kind of carrier it has.
// No method waits.
type carrier interface {
	// send queues an event. It returns false if the client has fallen too far
	// behind, or is ending.
	send(Event) bool

	// crowded reports whether more than half of the queue is taken.
	crowded() bool

	// queued returns how many bytes have not been sent yet.
	queued() int

	// end begins the end of the connection, unless it has begun already, and returns
	// why it ends: the first reason stays, and decides what the client still hears.
	end(why *Closing) *Closing

	// askIfAlive asks for a sign of life, which reaches the hub as clientAlive.
	askIfAlive()

	// patience returns how much longer to wait for a sign of life that is overdue
	// by so much: 0 if it will not come.
	patience(overdue time.Duration) time.Duration

	// setKnown says whether the client has a name or a room, and so may send large
	// messages.
	setKnown(bool)
}

// newClient returns a party that has not asked for anything.
func newClient(via carrier, id uint64) *Client {
	return &Client{id: id, via: via, profile: unknownFamily}
}

var unknownFamily = &Profile{}

// addClient makes a client of a new connection, and gives it time to sign in.
func (h *Hub) addClient(via carrier, id uint64) {
	if h.closing {
		via.end(closeRestart)
		return
	}
	c := newClient(via, id)
	h.clients[via] = c
	h.startLoginTimer(c)
}

// remove forgets a client, and ends its connection if that has not begun: its
// calls end, its name is free at once. Nothing is done if the client is nil or has been
// removed before.
func (h *Hub) remove(c *Client, why *Closing) {
	if c == nil || h.clients[c.via] != c {
		return
	}
	delete(h.clients, c.via)
	reason := c.via.end(why).Reason
	for len(c.calls) > 0 {
		h.endCall(c.calls[0], ReasonGone, c)
	}
	h.exitRoom(c)
	h.forgetNewcomer(c)
	if !c.loggedIn() {
		c.loginTimer.Stop()
		return
	}
	h.endSession(c)
	h.registry.remove(c)
	h.endLease(c)
	c.grant.stop()
	h.log.Info("signed out", "conn", c.id, "name", c.name.Text, "reason", reason)
	h.signInNewcomer(c)
}

// leaver is a client that is to be removed, and why.
type leaver struct {
	*Client
	why *Closing
}

// removeLeaving removes the clients that are to leave, such as those that could not
// take an event. It is called at the end of a step, since the step may still use them,
// and goes on until none is left: telling their peers may show that a peer is too slow.
func (h *Hub) removeLeaving() {
	for len(h.leaving) > 0 {
		next := h.leaving[0]
		h.leaving = h.leaving[1:]
		if next.why == closeSlow {
			h.lose(next.Client, closeSlow) // or it is ending already, and that was why
		} else {
			h.remove(next.Client, next.why)
		}
	}
}

// countRefusal counts a refusal of c. It returns why the connection must end, or nil.
func (c *Client) countRefusal(code Code) *Closing {
	if c.refusals == nil {
		c.refusals = &refusalCount{}
	}
	return c.refusals.add(code)
}

// loggedIn reports whether c has a name.
func (c *Client) loggedIn() bool { return c.name.Key != "" }

// alone reports whether c waits in a room for somebody else.
func (c *Client) alone() bool { return c.room != nil && len(c.calls) == 0 }

// presence says whether c can be called now.
func (c *Client) presence() Presence {
	switch {
	case len(c.calls) == 0:
		return PresenceFree
	case slices.ContainsFunc(c.calls, func(cl *Call) bool { return cl.state == active }):
		return PresenceInCall
	}
	return PresenceRinging
}

// Pages of some families send an end when they are told of one, and when their
// request is refused. Such an end does not say which call it ends. It may arrive
// when the next call rings already, and so may an end that the user made before the
// page was told. Neither declines the next call.

// echo says which ends may still come from a client of such a family. When the
// client has made or taken a call since, none do: an end then ends that call. Owned
// by the hub.
type echo struct {
	ends  int32 // how many more may come
	due   bool  // the next one is expected: it is ignored although there is no call
	until int64 // when none is waited for any more: Unix time in milliseconds
}

// echoTime is how long an end may take to come back. Pages send it at once; a
// connection that takes longer to deliver it is lost.
const echoTime = 30 * time.Second

// expectEnds notes that n ends may come back from c, if its family does that.
// It is called when c has been told of an end or of a refusal. If due is true,
// the first of them is not refused, whether or not there is a call.
func (c *Client) expectEnds(n int32, due bool) {
	if c.profile.echoesEnd {
		c.echo = echo{max(n, c.echo.ends), due || c.echo.due, time.Now().Add(echoTime).UnixMilli()}
	}
}

// expectEndsAfter notes that ends may come back from c after a refusal, if its
// family takes that for an end.
func (c *Client) expectEndsAfter(refusal *Refused) {
	if slices.Contains(c.profile.echoesRefused, refusal.Request) {
		c.expectEnds(2, false)
	}
}

// takeEcho reports whether a leave of c is such an end, and so ends no call: then one
// fewer is expected. It is none if c is in a call that c has made or taken.
func (c *Client) takeEcho(cmd Leave) bool {
	own := func(cl *Call) bool { return c == cl.caller.Client || cl.state == active }
	if cmd != (Leave{}) || c.echo.ends == 0 || slices.ContainsFunc(c.calls, own) {
		return false
	}
	if time.Now().UnixMilli() > c.echo.until {
		c.echo = echo{}
		return false
	}
	due := c.echo.due
	c.echo.ends, c.echo.due = c.echo.ends-1, false
	return due || len(c.calls) > 0
}
