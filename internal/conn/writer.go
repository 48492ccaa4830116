package conn

import (
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// writers are the goroutines that write. Each serves one connection until its
// outbox is empty. A few stay for the next one, because growing the stack of a
// new goroutine costs more than encoding a message.
type writers struct {
	work chan *Conn    // to those that wait
	idle atomic.Int32  // how many wait
	done chan struct{} // closed by stop
}

// maxIdle is how many writers may wait for work. More would seldom find any, and
// would hold their stacks.
const maxIdle = 8

func newWriters() writers {
	return writers{work: make(chan *Conn), done: make(chan struct{})}
}

// start has a writer serve c, whose outbox has asked for one. It never waits.
func (ws *writers) start(c *Conn) {
	select {
	case ws.work <- c:
	default:
		go ws.run(c)
	}
}

// stop ends the writers that wait. From now on the others end when their work is
// done.
func (ws *writers) stop() { close(ws.done) }

func (ws *writers) run(c *Conn) {
	var w writer
	for c != nil {
		w.writeTo(c)
		if cap(w.frames) > 2*framesAtOnce {
			w = writer{} // do not hold what large messages took
		}
		c = ws.next()
	}
}

// next waits for the next connection. It returns nil if enough others do.
func (ws *writers) next() *Conn {
	defer ws.idle.Add(-1)
	if ws.idle.Add(1) > maxIdle {
		return nil
	}
	select {
	case c := <-ws.work:
		return c
	case <-ws.done:
		return nil
	}
}

// writer is the memory that a writer works with.
type writer struct {
	messages []Outgoing
	text     []byte // of one message
	frames   []byte
}

// writeTo writes what waits for c until nothing does. If the connection ends, it
// writes the close frame.
func (w *writer) writeTo(c *Conn) {
	for {
		var why *Closing
		w.messages, why = c.out.take(w.messages[:0])
		if err := w.write(c); err != nil {
			c.Lose(Gone)
		}
		n := len(w.messages)
		clear(w.messages) // or their payloads would stay as long as w does
		switch {
		case why != nil:
			c.writeCloseFrame(why)
			return
		case n == 0:
			return
		}
	}
}

// framesAtOnce is the most that goes into one write. Even a slow network must
// take so many bytes within the time of a write.
const framesAtOnce = 16 << 10

// write writes the messages to c in as few system calls as hold them.
func (w *writer) write(c *Conn) error {
	defer c.catchPanic(func() { c.Lose(Internal) })
	w.frames = w.frames[:0]
	for _, m := range w.messages {
		w.text = c.owner.Encode(w.text[:0], m)
		if len(w.text) == 0 {
			continue
		}
		if len(w.frames) > 0 && len(w.frames)+len(w.text) > framesAtOnce {
			if err := c.link.send(w.frames); err != nil {
				return err
			}
			w.frames = w.frames[:0]
		}
		w.frames = appendFrame(w.frames, websocket.TextMessage, w.text)
	}
	if len(w.frames) == 0 {
		return nil
	}
	return c.link.send(w.frames)
}

// writeCloseFrame writes the close frame and wakes the read loop, which may wait for a
// client that sends nothing more.
func (c *Conn) writeCloseFrame(why *Closing) {
	switch goodbye := c.link.goodbye.Load(); {
	case why.Code != 0:
		c.link.sendLast(closeFrame(why))
	case goodbye != nil:
		c.link.sendLast(*goodbye)
	default:
		c.link.sendLast(nil)
	}
	c.ws.SetReadDeadline(time.Now())
	c.written.Done()
}
