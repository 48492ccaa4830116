// Package conn is a WebSocket of a server that has many: with a bounded queue, so
// that nobody waits for a slow client; with writers that exist while there is
// something to write; with pings that notice a client that has vanished; and with
// an end that the client hears of. It knows no message: what is sent and received
// is its owner's business.
package conn

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// Settings say how the connections of a server behave. They do not change while
// there are connections.
type Settings struct {
	MaxMessage   int64                // bytes of a message from a client
	MaxQueue     int                  // bytes that may wait for a client, by weight
	PingInterval time.Duration        // between pings
	PongTimeout  time.Duration        // for a sign of life after a ping; not above PingInterval
	WriteTimeout time.Duration        // for the client to take 16 KiB
	FirstPing    func() time.Duration // before the first ping; not above PingInterval
}

// A Pool is what the connections of a server share: the settings and the writers.
type Pool struct {
	Settings
	writers writers
}

// NewPool returns a pool without connections.
func NewPool(settings Settings) *Pool {
	return &Pool{Settings: settings, writers: newWriters()}
}

// Stop ends the writers that wait for work. It is called when no connection is
// left.
func (p *Pool) Stop() { p.writers.stop() }

// Outgoing is a message on its way to a client.
type Outgoing interface {
	// Weight is what the message costs the queue, in bytes: its payload and a flat
	// charge for the rest, since it is encoded only when it is written.
	Weight() int
}

// An Owner decodes what a connection receives, and encodes what it sends.
type Owner interface {
	// Receive takes a text frame, and must not keep it. It returns why the
	// connection ends, or nil if it goes on. Called by Read.
	Receive(frame []byte) *Closing

	// AllowLarge returns why the client may not send a message of more than
	// SmallMessage bytes, or nil if it may. It is asked again while more of the message
	// arrives, since what was sent before may be handled meanwhile. Called by Read.
	AllowLarge() *Closing

	// AllowControl takes a ping, or a pong that answers none of ours, off what the
	// client may send. If it returns false, the ping is not answered. Called by
	// Read.
	AllowControl() bool

	// Encode appends the text of a message to dst, and nothing if the client is not
	// to hear of it. Called by a writer.
	Encode(dst []byte, m Outgoing) []byte

	// BeforePing may send what belongs to a ping in the owner's protocol. Like
	// Alive and Lost it is called by any goroutine.
	BeforePing()

	// Alive says that the client has given the sign of life that AskIfAlive asks for.
	Alive()

	// Lost says that the connection has ended outside of Read.
	Lost(why *Closing)

	// Panicked says that Receive or Encode has panicked with a value. It is called
	// while the stack is still there. The connection ends.
	Panicked(value any)
}

// A Conn is one WebSocket. Init, Upgrade, Read and Finish are called in this order. After
// Upgrade any goroutine may call Send, Crowded, Queued, End, Lose, AskIfAlive and
// Patience, none of which waits.
//
// It ends in two steps. End notes why: a writer then writes what waits and the close
// frame, and Read returns. Lose is End for all but the owner, who is told by Lost. Finish
// waits for the close frame to be written, and closes the network connection.
type Conn struct {
	pool  *Pool
	owner Owner
	ws    *websocket.Conn
	link  link // below ws
	out   outbox
	pulse pulse

	written sync.WaitGroup // for the close frame
}

// Init makes a connection that has no WebSocket yet.
func (c *Conn) Init(pool *Pool, owner Owner) {
	c.pool, c.owner = pool, owner
	c.pulse.conn = c
	c.link.init(&c.pulse)
	c.written.Add(1)
}

// Send queues a message. It returns false if there is no room for it, or the
// connection is ending.
func (c *Conn) Send(m Outgoing) bool {
	ok, start := c.out.put(m, c.pool.MaxQueue)
	if start {
		c.pool.writers.start(c)
	}
	return ok
}

// Crowded reports whether more than half of the queue is taken.
func (c *Conn) Crowded() bool { return c.out.size() > c.pool.MaxQueue/2 }

// Queued returns how many bytes wait, or are being written.
func (c *Conn) Queued() int { return c.out.size() }

// End begins the end of the connection, unless it has begun already, and returns why
// the connection ends: the first reason stays. A writer writes the close frame.
func (c *Conn) End(why *Closing) *Closing {
	first, start := c.out.close(why)
	if start {
		c.pool.writers.start(c)
	}
	return first
}

// Lose calls End, and the owner's Lost. It is for callers other than the owner.
func (c *Conn) Lose(why *Closing) {
	c.End(why)
	c.owner.Lost(why)
}

// AskIfAlive asks the client for a sign of life. The owner hears of it as Alive.
func (c *Conn) AskIfAlive() { c.pulse.askIfAlive() }

// writeWait is after how long Patience is to be asked again while a write is under way.
const writeWait = 3 * time.Second

// Patience returns how much longer to wait for a sign of life that is overdue by
// so much, or 0. A client reads what was written before a ping first. A ping may also
// wait behind a write that is under way: the write goes on, which is a sign of life, or
// fails within the time of a write.
func (c *Conn) Patience(overdue time.Duration) time.Duration {
	if c.link.writing.Load() {
		return writeWait
	}
	return max(0, c.pulse.patience()-overdue)
}

// Read pings the client and gives the owner what the client sends, until the
// connection ends. It returns why it ended. Early are frames that
// came before there was a WebSocket.
func (c *Conn) Read(early [][]byte) (why *Closing) {
	c.handlePings()
	c.pulse.start()
	defer c.pulse.stop()
	defer c.catchPanic(func() { why = Internal })
	for _, frame := range early {
		if why = c.receiveEarly(frame); why != nil {
			return why
		}
	}
	for why == nil {
		why = c.ReadFrame(c.receive)
	}
	return why
}

// receiveEarly gives the owner a frame that did not come over the WebSocket, if it keeps
// the same limits.
func (c *Conn) receiveEarly(frame []byte) *Closing {
	if int64(len(frame)) > c.pool.MaxMessage {
		return TooLarge
	}
	if len(frame) > SmallMessage {
		if why := c.owner.AllowLarge(); why != nil {
			return why
		}
	}
	return c.receive(frame)
}

func (c *Conn) receive(frame []byte) *Closing {
	if why := c.out.ended(); why != nil {
		return why
	}
	return c.owner.Receive(frame)
}

// Finish waits for the close frame to be written, and closes the network
// connection so that the frame arrives. It returns why the connection has ended.
// A client that has sent a close frame sends nothing more that would prevent that
// (RFC 6455, 5.5.1).
func (c *Conn) Finish() *Closing {
	c.written.Wait()
	why := c.out.ended()
	if why == Left || why == GaveUp {
		c.link.Close()
	} else {
		c.link.linger()
	}
	return why
}

// handlePings has pings answered, and pongs taken for signs of life, if the owner
// allows for them.
func (c *Conn) handlePings() {
	answer := c.ws.PingHandler()
	c.ws.SetPingHandler(func(data string) error {
		c.link.lives = true
		if !c.owner.AllowControl() {
			return nil
		}
		return answer(data)
	})
	c.ws.SetPongHandler(func(string) error {
		c.link.lives = true
		if !c.pulse.answered() {
			c.owner.AllowControl()
		}
		return nil
	})
}

// frameBuffers hold frames while they come in; none is held while a connection is
// idle. Buffers that have grown beyond keptBuffer are not used again, or a few
// large messages would make all of them large.
var frameBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const keptBuffer = 16 << 10

// ReadFrame waits for the next text frame and gives it to take, which must not
// keep it. It returns what take returns, or why there is no frame.
func (c *Conn) ReadFrame(take func(frame []byte) *Closing) *Closing {
	c.link.await()
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return c.closingOf(err)
	}
	if kind != websocket.TextMessage {
		return Binary
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
		return NotUTF8
	}
	c.link.lives = true // unless it is a goodbye, which ends the reading
	return take(buf.Bytes())
}

// maxGoodbye is how long a message may be by which a protocol over WebSocket says
// goodbye, which is no sign of life: a Socket.IO DISCONNECT packet.
const maxGoodbye = 256

// SmallMessage is the size up to which the owner is not asked about a message.
const SmallMessage = 8 << 10

// readBody reads a message into buf.
func (c *Conn) readBody(buf *bytes.Buffer, r io.Reader) *Closing {
	for {
		if buf.Len() > maxGoodbye {
			c.link.lives = true // a client that sends a part over a slow network lives
		}
		if buf.Len() > SmallMessage {
			if why := c.owner.AllowLarge(); why != nil {
				return why
			}
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

// closingOf returns the closing for an error of reading.
func (c *Conn) closingOf(err error) *Closing {
	switch closed, _ := errors.AsType[*websocket.CloseError](err); {
	case closed != nil && closed.Code == websocket.CloseAbnormalClosure:
		return HungUp
	case errors.Is(err, websocket.ErrReadLimit):
		return TooLarge
	case closed != nil && saysGoodbye(closed.Code):
		return Left
	case closed != nil:
		return GaveUp
	case c.link.goodbye.Load() != nil:
		return Broken
	}
	return Gone
}

// saysGoodbye reports whether a client with this close code does not mean to come
// back. With other codes clients give up a connection that they take for dead.
func saysGoodbye(code int) bool {
	return code == websocket.CloseNormalClosure || code == websocket.CloseGoingAway || code == websocket.CloseNoStatusReceived
}

// catchPanic ends a connection whose code has panicked, so that the process goes on.
// It is called by defer.
func (c *Conn) catchPanic(end func()) {
	if value := recover(); value != nil {
		c.owner.Panicked(value)
		end()
	}
}

// SetReadDeadline bounds ReadFrame, before Read. The zero time ends that.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.ws.SetReadDeadline(t) }

// Write writes a text frame past the queue, before Read. It waits for as long as
// a write may take.
func (c *Conn) Write(text string) error {
	return c.link.send(appendFrame(nil, websocket.TextMessage, []byte(text)))
}
