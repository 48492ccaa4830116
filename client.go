package main

import (
	"bytes"
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
// always has; a write loop exists while there is something to write. The
// hub's part of it is the hub's alone.
type Client struct {
	// Set before serve, then only read.
	id      uint64 // for the log, before there is a name
	hub     *Hub
	ws      *websocket.Conn
	link    *link // below ws
	log     *slog.Logger
	written chan struct{} // closed when the last frame has been written

	dialect atomic.Pointer[Dialect] // set again by the first frame, which decides the family

	out   outbox // filled by the hub, emptied by the write loop
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
		go c.writeLoop()
	}
	return ok
}

// kill ends the connection, unless it is ending already. It never waits; the
// reason decides what the client still hears.
func (c *Client) kill(why *Closing) {
	if c.out.close(why) {
		go c.writeLoop()
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
// that it arrives.
func (c *Client) finish() {
	<-c.written
	c.link.linger()
	c.log.Debug("connection closed", "conn", c.id, "reason", c.out.ended().reason)
}

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
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return closingOf(err)
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
		return closingOf(err)
	}
	if !utf8.Valid(buf.Bytes()) {
		return closeNotUTF8
	}
	return take(buf.Bytes())
}

// closingOf words why reading failed. To a frame that is too large, if only by
// its announcement, or breaks RFC 6455, gorilla/websocket has sent the close
// frame itself, ahead of what may still wait to be answered.
func closingOf(err error) *Closing {
	switch {
	case websocket.IsCloseError(err, websocket.CloseAbnormalClosure):
		return closeGone
	case errors.Is(err, websocket.ErrReadLimit):
		return closeTooLarge
	case errors.Is(err, errPingFlood):
		return closeFlood
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return closePeerLeft
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

// writeLoop writes what waits in the outbox, and ends when that is empty. If
// the connection ends, it writes the farewell.
func (c *Client) writeLoop() {
	for {
		events, why := c.out.take()
		if err := c.write(events); err != nil {
			c.lose(closeGone)
		}
		switch {
		case why != nil:
			c.farewell(why)
			return
		case len(events) == 0:
			return
		}
	}
}

// encodeBuffers hold a frame while it is written.
var encodeBuffers = sync.Pool{New: func() any { return new([]byte) }}

// write sends events, all of them in as few system calls as will hold them.
func (c *Client) write(events []Event) (err error) {
	if len(events) == 0 {
		return nil
	}
	defer c.survive(func() { c.lose(closeInternal) })
	buf := encodeBuffers.Get().(*[]byte)
	defer encodeBuffers.Put(buf)
	c.link.gather()
	defer func() { err = errors.Join(err, c.link.flush()) }()
	dialect := *c.dialect.Load()
	for _, ev := range events {
		*buf = dialect.Encode((*buf)[:0], ev)
		if len(*buf) == 0 {
			continue
		}
		if err := c.ws.WriteMessage(websocket.TextMessage, *buf); err != nil {
			return err
		}
	}
	return nil
}

// ping sends a ping, which does not queue behind events.
func (c *Client) ping(deadline time.Time) {
	c.ws.WriteControl(websocket.PingMessage, nil, deadline)
}

// farewell writes the close frame, and wakes the read loop, which may be
// waiting for a client that has nothing more to say.
func (c *Client) farewell(why *Closing) {
	if why.code != 0 {
		message := websocket.FormatCloseMessage(why.code, why.reason)
		c.ws.WriteControl(websocket.CloseMessage, message, time.Now().Add(c.link.timeout))
	}
	c.ws.SetReadDeadline(time.Now())
	close(c.written)
}

// survive keeps a fault of ours in one connection's code from ending
// everybody's. The hub has no such net: half a step must not be built upon.
func (c *Client) survive(end func()) {
	if fault := recover(); fault != nil {
		c.log.Error("internal error", "conn", c.id, "error", fault, "stack", string(debug.Stack()))
		end()
	}
}
