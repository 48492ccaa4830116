package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

// Client is one connection. Its read loop is the one goroutine that it
// always has; a writer comes while there is something to write. The hub's
// part of it is the hub's alone.
type Client struct {
	// Set before serve, then only read.
	id      uint64 // for the log, before there is a name
	hub     *Hub
	writers *writers
	ws      *websocket.Conn
	link    *link // below ws
	log     *slog.Logger

	written sync.WaitGroup          // for the last frame
	dialect atomic.Pointer[Dialect] // set again by the first frame, which decides the family

	out   outbox // filled by the hub, emptied by a writer
	pulse pulse

	// Owned by the read loop.
	allowance *rate.Limiter // messages
	decided   bool          // the family
	early     [][]byte      // frames that came before the WebSocket did

	// Owned by the hub.
	name       Name // zero until signed in
	role       string
	calls      []*Call
	waiting    *probe // the login awaits its outcome
	loginTimer *time.Timer
	room       *Room
	memberID   string  // its address in rooms while it has no name
	label      string  // how it wants to be shown in them
	profile    Profile // of its dialect; set by the read loop before its first command
	sendsBare  bool    // its latest description was bare, and so it wants them
	endDue     bool    // it was told of an end, and may send that back
}

// loggedIn reports whether c has a name. Only the hub may ask.
func (c *Client) loggedIn() bool { return c.name.Key != "" }

// alone reports whether c waits in a room. Only the hub may ask.
func (c *Client) alone() bool { return c.room != nil && len(c.calls) == 0 }

// send queues an event for the client. It never waits. It reports false if
// the client has fallen too far behind, or is ending.
func (c *Client) send(ev Event) bool {
	ok, start := c.out.put(ev)
	if start {
		c.writers.start(c)
	}
	return ok
}

// kill ends the connection, unless it is ending already. It never waits; the
// reason decides what the client still hears.
func (c *Client) kill(why *Closing) {
	if c.out.close(why) {
		c.writers.start(c)
	}
}

// lose is kill for everybody but the hub, which it tells.
func (c *Client) lose(why *Closing) {
	c.kill(why)
	c.hub.post(disconnected{c, why})
}

// depart is what the read loop does at its end: the hub kills, after it has
// answered what was read before.
func (c *Client) depart(why *Closing) {
	if !c.hub.post(disconnected{c, why}) {
		c.kill(why)
	}
}

// serve is the life of a connection: it returns when all is over and done.
func (c *Client) serve() {
	c.limitPings()
	c.hub.post(connected{c})
	c.pulse.start()
	c.depart(c.readLoop())
	c.pulse.stop()
	c.finish()
}

// finish waits for the last frame to be written and closes the connection so
// that it arrives. Who has said goodbye sends nothing more that would prevent
// that (RFC 6455, 5.5.1).
func (c *Client) finish() {
	c.written.Wait()
	why := c.out.ended()
	if why == closePeerLeft {
		c.link.Close()
	} else {
		c.link.linger()
	}
	// Even to drop a record slog takes a kilobyte of stack, which would have
	// to grow for that.
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.log.Debug("connection closed", "conn", c.id, "reason", why.reason)
	}
}

// ping sends a ping, which does not queue behind events.
func (c *Client) ping() { c.link.send(pingFrame) }

var errPingFlood = errors.New("pinged too often")

// limitPings makes a ping cost what a message does: each is answered.
func (c *Client) limitPings() {
	answer := c.ws.PingHandler()
	c.ws.SetPingHandler(func(data string) error {
		if !c.allowance.Allow() {
			return errPingFlood
		}
		return answer(data)
	})
}

// readLoop takes frames until the connection ends, and says why it did.
func (c *Client) readLoop() (why *Closing) {
	defer c.survive(func() { why = closeInternal })
	for _, frame := range c.early {
		if why = c.receive(frame); why != nil {
			return why
		}
	}
	c.early = nil
	for why == nil {
		why = c.readFrame(c.receive)
	}
	return why
}

// frameBuffers hold frames while they come in; none is held while a
// connection is idle.
var frameBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readFrame waits for the next text frame and gives it to take, which must
// not keep it.
func (c *Client) readFrame(take func(frame []byte) *Closing) *Closing {
	c.link.await()
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return c.closingOf(err)
	}
	if kind != websocket.TextMessage {
		return closeBinary
	}
	c.pulse.beginMessage()
	defer c.pulse.endMessage()
	buf := frameBuffers.Get().(*bytes.Buffer)
	defer frameBuffers.Put(buf)
	buf.Reset()
	if _, err := buf.ReadFrom(r); err != nil {
		return c.closingOf(err)
	}
	if !utf8.Valid(buf.Bytes()) {
		return closeNotUTF8
	}
	return take(buf.Bytes())
}

// closingOf words why reading failed.
func (c *Client) closingOf(err error) *Closing {
	var closed *websocket.CloseError
	switch {
	case websocket.IsCloseError(err, websocket.CloseAbnormalClosure):
		return closeGone
	case errors.Is(err, websocket.ErrReadLimit):
		return closeTooLarge
	case errors.Is(err, errPingFlood):
		return closeFlood
	case errors.As(err, &closed):
		return closePeerLeft
	case c.link.goodbye.Load() != nil:
		return closeBroken
	}
	return closeGone
}

// receive passes what a frame asks to the hub, or refuses it.
func (c *Client) receive(frame []byte) *Closing {
	if why := c.out.ended(); why != nil {
		return why
	}
	if !c.decided {
		c.decide(frame)
	}
	req, refusal := (*c.dialect.Load()).Decode(frame)
	if quit, ok := req.Command.(Quit); ok {
		return quit.why
	}
	if !c.allowance.AllowN(time.Now(), min(cost(req.Command, len(frame)), c.allowance.Burst())) {
		refusal = refuseExcess(req)
	}
	switch {
	case refusal != nil:
		// By way of the hub, so that it does not overtake earlier answers.
		c.hub.post(refused{c, req.Receipt, refusal})
	case req.Command != nil:
		c.hub.post(received{c, req})
	}
	return nil
}

func refuseExcess(req Request) *Refused {
	refusal := refuse(CodeRateLimited, "too many messages in a short time: this one was dropped")
	return refusal.about(req.Word, targetOf(req.Command))
}

// decide lets the first frame that can tell say which family speaks.
func (c *Client) decide(frame []byte) {
	dialect, decided := chooseDialect(frame, *c.dialect.Load())
	c.speak(dialect)
	c.decided = decided
}

// speak sets the dialect, as long as nothing has been asked in another.
func (c *Client) speak(dialect Dialect) {
	c.dialect.Store(&dialect)
	c.profile = dialect.Profile()
}

// survive keeps a fault of ours in one connection's code from ending
// everybody's. The hub has no such net: half a step must not be built upon.
func (c *Client) survive(end func()) {
	if fault := recover(); fault != nil {
		c.log.Error("internal error", "conn", c.id, "error", fault, "stack", string(debug.Stack()))
		end()
	}
}
