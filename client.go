package main

import (
	"bytes"
	"context"
	"errors"
	"io"
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

	out      outbox // filled by the hub, emptied by a writer
	pulse    pulse
	admitted atomic.Bool // has a name or is in a room, says the hub, and may send large messages

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
	echo       echo    // ends that may come back from it
	strikes    strikes
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

// writing reports whether something is being written to c. It either goes on,
// which is a sign of life, or fails within the time of a write.
func (c *Client) writing() bool { return c.link.writing.Load() }

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
	c.hub.post(clientGone{c, why})
}

// depart is what the read loop does at its end: the hub kills, after it has
// answered what was read before.
func (c *Client) depart(why *Closing) {
	if !c.hub.post(clientGone{c, why}) {
		c.kill(why)
	}
}

// serve is the life of a connection: it returns when all is over and done.
func (c *Client) serve() {
	c.handlePings()
	c.hub.post(clientConnected{c})
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

// handlePings makes a ping, and a pong that answers none of ours, cost what a
// message does. Over the rate they are refused like one.
func (c *Client) handlePings() {
	answer := c.ws.PingHandler()
	c.ws.SetPingHandler(func(data string) error {
		c.link.lives = true
		if !c.allowControl() {
			return nil
		}
		return answer(data)
	})
	c.ws.SetPongHandler(func(string) error {
		c.link.lives = true
		if !c.pulse.answered() {
			c.allowControl()
		}
		return nil
	})
}

// allowControl takes a control frame off the allowance, or refuses it.
func (c *Client) allowControl() bool {
	if c.allowance.Allow() {
		return true
	}
	c.hub.post(clientErred{c, "", refuseExcess()})
	return false
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
// connection is idle. Those that have grown beyond keptBuffer are not used
// again, or a few large messages would make all of them large.
var frameBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 16 << 10

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
	defer func() {
		if buf.Cap() <= keptBuffer {
			frameBuffers.Put(buf)
		}
	}()
	buf.Reset()
	if why := c.readBody(buf, r); why != nil {
		return why
	}
	if !utf8.Valid(buf.Bytes()) {
		return closeNotUTF8
	}
	c.link.lives = true // unless it is a goodbye, which ends the reading
	return take(buf.Bytes())
}

// maxGoodbye is how long a message may be by which some family says goodbye,
// which is no sign of life: a Socket.IO DISCONNECT packet.
const maxGoodbye = 256

// maxUnadmitted bounds messages of clients that have not been admitted. They
// are logins, and a token fits in; connections cost memory before the server
// knows whose they are.
const maxUnadmitted = 8 << 10

// readBody reads a message into buf.
func (c *Client) readBody(buf *bytes.Buffer, r io.Reader) *Closing {
	for {
		if buf.Len() > maxGoodbye {
			c.link.lives = true // whoever sends a part over a slow network lives
		}
		if buf.Len() > maxUnadmitted && !c.admittedByNow() {
			return closeTooLargeYet
		}
		buf.Grow(bytes.MinRead)
		free := buf.AvailableBuffer()
		n, err := r.Read(free[:cap(free)])
		buf.Write(free[:n])
		switch err {
		case nil:
		case io.EOF:
			return nil
		default:
			return c.closingOf(err)
		}
	}
}

// admittedByNow reports whether c has been admitted when the hub has dealt with
// everything that c has sent.
func (c *Client) admittedByNow() bool {
	return c.admitted.Load() || c.hub.answers(nil) && c.admitted.Load()
}

// closingOf words why reading failed.
func (c *Client) closingOf(err error) *Closing {
	var closed *websocket.CloseError
	switch {
	case websocket.IsCloseError(err, websocket.CloseAbnormalClosure):
		return closeHungUp
	case errors.Is(err, websocket.ErrReadLimit):
		return closeTooLarge
	case errors.As(err, &closed):
		return closePeerLeft
	case c.link.goodbye.Load() != nil:
		return closeBroken
	}
	return closeGone
}

// byteOrderMark stands before each message of some libraries. It may be
// ignored (RFC 8259, 8.1).
var byteOrderMark = []byte("\uFEFF")

// receive passes what a frame asks to the hub, or refuses it.
func (c *Client) receive(frame []byte) *Closing {
	if why := c.out.ended(); why != nil {
		return why
	}
	frame = bytes.TrimPrefix(frame, byteOrderMark)
	if !c.decided {
		c.decide(frame)
	}
	req, refusal := (*c.dialect.Load()).Decode(frame)
	if quit, ok := req.Command.(Quit); ok {
		return quit.why
	}
	if !c.allowance.AllowN(time.Now(), min(cost(req.Command, len(frame)), c.allowance.Burst())) {
		req.Excess = true
	}
	if _, leaves := req.Command.(Leave); req.Excess && !leaves {
		refusal = excessOf(req, refusal)
	}
	switch {
	case refusal != nil:
		// By way of the hub, so that it does not overtake earlier answers.
		c.hub.post(clientErred{c, req.Receipt, refusal})
	case req.Command != nil:
		c.hub.post(clientAsked{c, req})
	}
	return nil
}

// excessOf refuses a request that is over the rate, or one that was refused when
// it was read, in whose place it stands.
func excessOf(req Request, refused *Refused) *Refused {
	excess := refuseExcess()
	if refused == nil {
		return excess.about(req.Word, targetOf(req.Command))
	}
	excess.Request, excess.Name, excess.CallID = refused.Request, refused.Name, refused.CallID
	return excess
}

func refuseExcess() *Refused {
	return refuse(CodeRateLimited, "too many messages in a short time: this one was dropped")
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
