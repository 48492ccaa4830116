package main

import (
	"bytes"
	"context"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"switchboard/internal/access"
	"switchboard/internal/conn"
)

// A connection decodes what a client sends and posts it to the hub, and encodes the
// events that the hub sends the client, both by the dialect of the client's family. To
// the hub it is a carrier, to the WebSocket below it the owner.
type connection struct {
	conn.Conn
	id  uint64 // for the log, before there is a name
	hub *Hub

	slot    access.Slot             // released when it is closed
	dialect atomic.Pointer[Dialect] // set again by the first frame that decides the family
	known   atomic.Bool             // the client has a name or a room; set by the hub

	// Owned by the read loop.
	decided   bool          // the family
	allowance *rate.Limiter // messages
	inquiry   *inquiry      // nil in open mode; set by the upgrade
}

func newConnection(id uint64, hub *Hub, pool *conn.Pool, dialect Dialect, allowance *rate.Limiter) *connection {
	c := &connection{id: id, hub: hub, allowance: allowance}
	c.dialect.Store(&dialect)
	c.Init(pool, c)
	return c
}

// serve reads from a connection that has its WebSocket until it ends, and closes it.
// Early are frames that came before the WebSocket did.
func (c *connection) serve(early [][]byte) {
	c.hub.post(clientConnected{c, c.id})
	why := c.Read(early)
	// The hub ends the connection itself, after it has answered what was read
	// before.
	if !c.hub.post(clientGone{c, why}) {
		c.End(why)
	}
	c.finish()
}

// abort ends a connection that has not been served.
func (c *connection) abort(why *Closing) {
	c.End(why)
	c.finish()
}

// finish closes the connection when its close frame is written.
func (c *connection) finish() {
	defer c.slot.Release()
	why := c.Finish()
	// Ask first: even a dropped record takes 1 KiB of stack.
	if c.hub.log.Enabled(context.Background(), slog.LevelDebug) {
		c.hub.log.Debug("connection closed", "conn", c.id, "reason", why.Reason)
	}
}

// The methods of a carrier, for the hub.

func (c *connection) send(ev Event) bool                           { return c.Send(ev) }
func (c *connection) crowded() bool                                { return c.Crowded() }
func (c *connection) queued() int                                  { return c.Queued() }
func (c *connection) end(why *Closing) *Closing                    { return c.End(why) }
func (c *connection) askIfAlive()                                  { c.AskIfAlive() }
func (c *connection) patience(overdue time.Duration) time.Duration { return c.Patience(overdue) }
func (c *connection) setKnown(yes bool)                            { c.known.Store(yes) }

// The methods of an owner, for the WebSocket.

// Alive tells the hub of the sign of life that it has asked for.
func (c *connection) Alive() { c.hub.post(clientAlive{c}) }

// Lost tells the hub that the connection ends.
func (c *connection) Lost(why *Closing) { c.hub.post(clientGone{c, why}) }

// Panicked logs a panic in Receive or Encode, which ends this connection. The hub does
// not recover from its own: its state could be half changed.
func (c *connection) Panicked(value any) {
	c.hub.log.Error("internal error", "conn", c.id, "error", value, "stack", string(debug.Stack()))
}

// BeforePing sends the heartbeat that clients of some families wait for.
func (c *connection) BeforePing() {
	if dialect, ok := (*c.dialect.Load()).(interface{ heartbeat() Event }); ok {
		c.Send(dialect.heartbeat())
	}
}

// AllowControl makes a ping, and a pong that answers none of ours, cost what a
// message does. Over the rate they are refused like one.
func (c *connection) AllowControl() bool {
	if c.allowance.Allow() {
		return true
	}
	c.hub.post(clientErred{via: c, profile: (*c.dialect.Load()).Profile(), refusal: excess(), control: true})
	return false
}

// AllowLarge refuses large messages of clients that have neither name nor room: a
// connection must not cost much memory before the server knows whose it is.
func (c *connection) AllowLarge() *Closing {
	if c.isKnown() {
		return nil
	}
	return closeTooLargeBeforeSignIn
}

// isKnown reports whether the client has a name or a room, when the hub has handled
// everything that was read before.
func (c *connection) isKnown() bool {
	return c.known.Load() || c.hub.flush(nil) && c.known.Load()
}

// Encode appends an event in the words of the client's family.
func (c *connection) Encode(dst []byte, ev conn.Outgoing) []byte {
	return (*c.dialect.Load()).Encode(dst, ev)
}

// byteOrderMark stands before each message of some libraries. It may be
// ignored (RFC 8259, 8.1).
var byteOrderMark = []byte("\uFEFF")

// Receive posts to the hub what a frame asks, or why it is refused. The hub sends
// refusals, so that they do not overtake earlier answers.
func (c *connection) Receive(frame []byte) (why *Closing) {
	frame = bytes.TrimPrefix(frame, byteOrderMark)
	if !c.decided {
		c.decide(frame)
	}
	dialect := *c.dialect.Load()
	req, refusal := dialect.Decode(frame)
	if quit, ok := req.Command.(Quit); ok {
		return quit.why
	}
	if !c.allowance.AllowN(time.Now(), min(cost(req.Command, len(frame)), c.allowance.Burst())) {
		req.Excess = true
	}
	if _, leaves := req.Command.(Leave); req.Excess && !leaves {
		refusal = excessOf(req, refusal)
	}
	if c.inquiry != nil && !req.Excess {
		req, refusal, why = c.authenticate(req, refusal)
	}
	switch {
	case refusal != nil:
		c.hub.post(clientErred{via: c, profile: dialect.Profile(), receipt: req.Receipt, refusal: refusal})
	case req.Command != nil:
		c.hub.post(clientAsked{c, dialect.Profile(), req})
	}
	return why
}

// decide sets the dialect by the first frame that shows the client's family.
func (c *connection) decide(frame []byte) {
	dialect, decided := chooseDialect(frame, *c.dialect.Load())
	c.dialect.Store(&dialect)
	c.decided = decided
}
