package main

import (
	"slices"
	"time"
)

// Client is a party as the hub knows it: who it is, which calls it has, and what
// is remembered of what it said. The hub owns all of it, and sends to the client
// only through its carrier.
type Client struct {
	id  uint64 // of its connection, for the log
	via carrier

	name       Name // zero until signed in
	role       string
	calls      []*Call
	awaited    *probe // its login waits for the outcome of this; nil if none does
	loginTimer *time.Timer
	grant      *grant // nil in open mode
	room       *Room
	memberID   string        // its id until it has a name: Socket.IO's sid, and its address in rooms
	label      string        // how it wants to be shown in them
	profile    *Profile      // of its family, as of its latest request
	sendsBare  bool          // its latest description was the SDP alone
	echo       echo          // ends that may come back from it
	refusals   *refusalCount // nil until there is one
	session    *session      // nil: it did not ask for one
}

// A carrier takes events to a client: by a connection, or, if that is lost, by keeping
// them until the client comes back. The hub knows no more of a connection than this, and
// never asks what kind of carrier it has. No method waits.
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
			h.lose(next.Client, closeSlow) // it may be ending for another reason, which lose keeps
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

// refusalCount counts the bad messages of a client and its messages over the rate.
// Refusals by state, such as no-such-call, do not count: a browser may still
// send candidates when its call is over.
type refusalCount struct{ mistakes, excess tally }

// add counts a refusal. It returns why the connection must end, or nil.
func (n *refusalCount) add(code Code) *Closing {
	switch code {
	case CodeBadJSON, CodeBadRequest, CodeUnknownCommand:
		if n.mistakes.reaches(maxMistakes) {
			return closeTooManyErrors
		}
	case CodeRateLimited:
		if n.excess.reaches(maxExcess) {
			return closeFlood
		}
	}
	return nil
}

// tally counts what happened within the last minute.
type tally struct{ times []time.Time }

// reaches adds one and reports whether that makes limit.
func (t *tally) reaches(limit int) bool {
	now := time.Now()
	t.times = slices.DeleteFunc(t.times, func(then time.Time) bool { return now.Sub(then) > time.Minute })
	t.times = append(t.times, now)
	return len(t.times) >= limit
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

// Pages of some families send "stop" after they are told of an end or of a refusal. It
// names no call, and may come when the next call rings already; so may one that the user
// sent before the page was told. It must not decline that call.

// echo says how many such ends may still come from a client. When the client has made
// or taken a call since, none may: an end then ends that call. Owned by the hub.
type echo struct {
	ends       int32 // how many may come
	ignoreNext bool  // the next is ignored even if there is no call, and not refused
	until      int64 // when none is expected any more: Unix time in milliseconds
}

// echoTime is how long an end may take to come back. Pages send it at once; a
// connection that takes longer to deliver it is lost.
const echoTime = 30 * time.Second

// expectEnds notes that n ends may come back from c, if its family does that.
// It is called when c has been told of an end or of a refusal.
func (c *Client) expectEnds(n int32, ignoreNext bool) {
	if c.profile.echoesEnd {
		c.echo = echo{max(n, c.echo.ends), ignoreNext || c.echo.ignoreNext, time.Now().Add(echoTime).UnixMilli()}
	}
}

// expectEndsAfter notes that ends may come back from c after a refusal, if its
// family takes that for an end.
func (c *Client) expectEndsAfter(refusal *Refused) {
	if slices.Contains(c.profile.echoesRefused, refusal.Request) {
		c.expectEnds(2, false)
	}
}

// takeEcho reports whether a leave of c is such an end, and so ends no call. Then one
// fewer is expected. A leave of a client that has made or taken a call is none.
func (c *Client) takeEcho(cmd Leave) bool {
	own := func(cl *Call) bool { return c == cl.caller.Client || cl.state == active }
	if cmd != (Leave{}) || c.echo.ends == 0 || slices.ContainsFunc(c.calls, own) {
		return false
	}
	if time.Now().UnixMilli() > c.echo.until {
		c.echo = echo{}
		return false
	}
	ignored := c.echo.ignoreNext
	c.echo.ends, c.echo.ignoreNext = c.echo.ends-1, false
	return ignored || len(c.calls) > 0
}
