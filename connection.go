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

// A connection speaks for a client: its read loop has frames decoded in the
// words of a family and posts to the hub what they ask, and its writer has
// events encoded. The read loop is the one goroutine that a connection always
// has; a writer comes while there is something to write. To the hub it is a
// carrier.
type connection struct {
	// Set before serve, then only read.
	id      uint64 // for the log, before there is a name
	hub     *Hub
	writers *writers
	ws      *websocket.Conn
	link    *link // below ws
	log     *slog.Logger

	written  sync.WaitGroup          // for the last frame
	dialect  atomic.Pointer[Dialect] // set again by the first frame, which decides the family
	out      outbox                  // filled by the hub, emptied by a writer
	pulse    pulse
	admitted atomic.Bool // has a name or a room, says the hub

	// Owned by the read loop.
	allowance *rate.Limiter // messages
	decided   bool          // the family
	early     [][]byte      // frames that came before the WebSocket did
}

// send queues an event for the client. It never waits. It reports false if
// the client has fallen too far behind, or is ending.
func (c *connection) send(ev Event) bool {
	ok, start := c.out.put(ev)
	if start {
		c.writers.start(c)
	}
	return ok
}

// writing reports whether something is being written to c. It either goes on,
// which is a sign of life, or fails within the time of a write.
func (c *connection) writing() bool { return c.link.writing.Load() }

// kill ends the connection, unless it is ending already, and returns why it
// ends. It never waits.
func (c *connection) kill(why *Closing) *Closing {
	stands, start := c.out.close(why)
	if start {
		c.writers.start(c)
	}
	return stands
}

// probe asks the client for a sign of life.
func (c *connection) probe() { c.pulse.probe() }

// crowded reports whether more than half of the queue is taken.
func (c *connection) crowded() bool { return c.out.crowded() }

// admit says whether the client may send large messages.
func (c *connection) admit(yes bool) { c.admitted.Store(yes) }

// writeWait is how long to wait for the outcome of a write that is under way,
// before asking again.
const writeWait = 3 * time.Second

// patience returns how much longer to wait for a sign of life that is overdue by
// so much. While something is being written, the ping may wait behind that, and
// the outcome of the write decides.
func (c *connection) patience(overdue time.Duration) time.Duration {
	if c.writing() {
		return writeWait
	}
	return max(0, c.pulse.patience()-overdue)
}

// lose is kill for everybody but the hub, which it tells.
func (c *connection) lose(why *Closing) {
	c.kill(why)
	c.hub.post(clientGone{c, why})
}

// depart is what the read loop does at its end: the hub kills, after it has
// answered what was read before.
func (c *connection) depart(why *Closing) {
	if !c.hub.post(clientGone{c, why}) {
		c.kill(why)
	}
}

// serve is the life of a connection: it returns when all is over and done.
func (c *connection) serve() {
	c.handlePings()
	c.hub.post(clientConnected{c, c.id})
	c.pulse.start()
	c.depart(c.readLoop())
	c.pulse.stop()
	c.finish()
}

// finish waits for the last frame to be written and closes the connection so
// that it arrives. Who has said goodbye sends nothing more that would prevent
// that (RFC 6455, 5.5.1).
func (c *connection) finish() {
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
func (c *connection) handlePings() {
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
func (c *connection) allowControl() bool {
	if c.allowance.Allow() {
		return true
	}
	c.hub.post(clientErred{c, (*c.dialect.Load()).Profile(), "", refuseExcess()})
	return false
}

// readLoop takes frames until the connection ends, and says why it did.
func (c *connection) readLoop() (why *Closing) {
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
func (c *connection) readFrame(take func(frame []byte) *Closing) *Closing {
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
func (c *connection) readBody(buf *bytes.Buffer, r io.Reader) *Closing {
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
func (c *connection) admittedByNow() bool {
	return c.admitted.Load() || c.hub.answers(nil) && c.admitted.Load()
}

// closingOf words why reading failed.
func (c *connection) closingOf(err error) *Closing {
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
func (c *connection) receive(frame []byte) *Closing {
	if why := c.out.ended(); why != nil {
		return why
	}
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
	switch {
	case refusal != nil:
		// By way of the hub, so that it does not overtake earlier answers.
		c.hub.post(clientErred{c, dialect.Profile(), req.Receipt, refusal})
	case req.Command != nil:
		c.hub.post(clientAsked{c, dialect.Profile(), req})
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
func (c *connection) decide(frame []byte) {
	dialect, decided := chooseDialect(frame, *c.dialect.Load())
	c.speak(dialect)
	c.decided = decided
}

// speak sets the dialect, as long as nothing has been asked in another.
func (c *connection) speak(dialect Dialect) {
	c.dialect.Store(&dialect)
}

// survive keeps a fault of ours in one connection's code from ending
// everybody's. The hub has no such net: half a step must not be built upon.
func (c *connection) survive(end func()) {
	if fault := recover(); fault != nil {
		c.log.Error("internal error", "conn", c.id, "error", fault, "stack", string(debug.Stack()))
		end()
	}
}
