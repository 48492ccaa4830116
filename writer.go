package main

import (
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// writers write what waits in outboxes, each to one client at a time, and as
// long as that takes. There are as many as are at work, and a few that wait
// for it: to grow the stack of a new goroutine to what encoding takes costs
// more than the encoding.
type writers struct {
	work chan *connection // to those that wait
	idle atomic.Int32     // how many wait
	done chan struct{}    // closed by stop
}

// maxIdle is how many writers may wait for work. More would seldom find any,
// and hold their stacks.
const maxIdle = 8

func newWriters() *writers {
	return &writers{work: make(chan *connection), done: make(chan struct{})}
}

// start lets a writer begin with c, whose outbox has asked for one. It never
// waits.
func (ws *writers) start(c *connection) {
	select {
	case ws.work <- c:
	default:
		go ws.run(c)
	}
}

// stop ends those that wait. From now on writers end when their work is done.
func (ws *writers) stop() { close(ws.done) }

func (ws *writers) run(c *connection) {
	var w writer
	for c != nil {
		w.writeTo(c)
		if cap(w.frames) > 2*framesAtOnce {
			w = writer{} // do not hold what large messages took
		}
		c = ws.next()
	}
}

// next waits for the next client. It returns nil if enough others do.
func (ws *writers) next() *connection {
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

// writer is what a writer works with.
type writer struct {
	events []Event
	text   []byte // of one message
	frames []byte
}

// writeTo writes what waits for c until that is all. If the connection ends,
// it writes the farewell.
func (w *writer) writeTo(c *connection) {
	for {
		var why *Closing
		w.events, why = c.out.take(w.events[:0])
		if err := w.write(c); err != nil {
			c.lose(closeGone)
		}
		n := len(w.events)
		clear(w.events) // or their payloads would stay as long as w does
		switch {
		case why != nil:
			c.farewell(why)
			return
		case n == 0:
			return
		}
	}
}

// framesAtOnce is as much as goes into one write, but for a single larger
// frame. Even a slow link must take so many bytes within the time for one.
const framesAtOnce = 16 << 10

// write writes the events to c in as few system calls as will hold them.
func (w *writer) write(c *connection) error {
	defer c.survive(func() { c.lose(closeInternal) })
	dialect := *c.dialect.Load()
	w.frames = w.frames[:0]
	for _, ev := range w.events {
		w.text = dialect.Encode(w.text[:0], ev)
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

// farewell writes the close frame, and wakes the read loop, which may be
// waiting for a client that has nothing more to say.
func (c *connection) farewell(why *Closing) {
	switch goodbye := c.link.goodbye.Load(); {
	case why.code != 0:
		c.link.sendLast(closeFrame(why))
	case goodbye != nil:
		c.link.sendLast(*goodbye)
	default:
		c.link.sendLast(nil)
	}
	c.ws.SetReadDeadline(time.Now())
	c.written.Done()
}
