// Package memnet is a network in memory, for whole servers in a synctest bubble.
// Its connections hold what was written and not yet read, as sockets do:
// net.Pipe has no such buffer, so that a healthy client that is busy for a
// moment looks like one that has stopped reading.
package memnet

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Listener is where clients reach a server.
type Listener struct {
	arrived chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

// NewListener returns a listener that waits for Dial.
func NewListener() *Listener {
	return &Listener{arrived: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects a client whose buffer, and the server's for it, hold window
// bytes. The addresses are those of a TCP connection, since servers read them.
func (l *Listener) Dial(ctx context.Context, window int) (*Conn, error) {
	client, server := NewPipe(window)
	select {
	case l.arrived <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.Addr(), Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.Addr(), Err: ctx.Err()}
	}
}

func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

func (l *Listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *Listener) Addr() net.Addr { return serverAddr }

var (
	serverAddr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9090}
	clientAddr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 40000}
)

// NewPipe returns the two ends of a connection, each of which buffers up
// to window bytes that it has not read.
func NewPipe(window int) (client, server *Conn) {
	shared := &pipe{window: window}
	shared.changed.L = &shared.mu
	client = &Conn{pipe: shared, local: clientAddr}
	server = &Conn{pipe: shared, local: serverAddr}
	client.peer, server.peer = server, client
	return client, server
}

// A pipe is what both ends share. Whoever changes anything wakes everybody
// who waits, since each waits for something else.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond
	window  int
}

// A Conn is one end.
type Conn struct {
	pipe  *pipe
	peer  *Conn
	local net.Addr

	// Guarded by pipe.mu.
	unread    []byte // what the peer has written
	shut      bool   // this end writes no more
	closed    bool
	reset     bool // the peer is gone, and with it what was under way
	suspended bool // reads wait, whatever has come
	readBy    deadline
	writeBy   deadline
}

func (c *Conn) Read(p []byte) (int, error) {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.failed("read", net.ErrClosed)
		case c.readBy.passed:
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		case c.reset:
			return 0, c.failed("read", syscall.ECONNRESET)
		case c.suspended:
		case len(c.unread) > 0:
			n := copy(p, c.unread)
			c.unread = c.unread[n:]
			c.pipe.changed.Broadcast()
			return n, nil
		case c.peer.shut:
			return 0, io.EOF
		}
		c.pipe.changed.Wait()
	}
}

func (c *Conn) Write(p []byte) (int, error) {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	for written := 0; ; {
		switch room := c.pipe.window - len(c.peer.unread); {
		case c.closed:
			return written, c.failed("write", net.ErrClosed)
		case c.writeBy.passed:
			return written, c.failed("write", os.ErrDeadlineExceeded)
		case c.reset:
			return written, c.failed("write", syscall.ECONNRESET)
		case c.shut:
			return written, c.failed("write", syscall.EPIPE)
		case c.peer.closed:
			c.cut()
			return written, c.failed("write", syscall.ECONNRESET)
		case written == len(p):
			return written, nil
		case room > 0:
			n := min(room, len(p)-written)
			c.peer.unread = append(c.peer.unread, p[written:written+n]...)
			written += n
			c.pipe.changed.Broadcast()
			continue
		}
		c.pipe.changed.Wait()
	}
}

// CloseWrite ends one direction: the peer reads what is under way, then EOF,
// and may still write.
func (c *Conn) CloseWrite() error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.shut = true
	c.pipe.changed.Broadcast()
	return nil
}

func (c *Conn) Close() error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.closed, c.shut = true, true
	c.readBy.clear()
	c.writeBy.clear()
	if len(c.unread) > 0 {
		c.peer.cut()
	}
	c.pipe.changed.Broadcast()
	return nil
}

// cut is what a reset does to this end. TCP sends one when an end closes with
// bytes unread, or gets bytes after it closed (RFC 9293 section 3.6.1), and
// then what the other has not read yet may be lost: here it always is, which is
// the worst that a network does.
func (c *Conn) cut() {
	c.reset = true
	c.unread = nil
	c.pipe.changed.Broadcast()
}

// Suspend makes this end one that reads no more but stays connected.
func (c *Conn) Suspend() {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	c.suspended = true
}

// Unread returns what the peer has written and nobody has read.
func (c *Conn) Unread() string {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	return string(c.unread)
}

// Resume undoes Suspend.
func (c *Conn) Resume() {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	c.suspended = false
	c.pipe.changed.Broadcast()
}

func (c *Conn) LocalAddr() net.Addr  { return c.local }
func (c *Conn) RemoteAddr() net.Addr { return c.peer.local }

func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.readBy, &c.writeBy)
}

func (c *Conn) SetReadDeadline(t time.Time) error  { return c.setDeadlines(t, &c.readBy) }
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeBy) }

func (c *Conn) setDeadlines(t time.Time, deadlines ...*deadline) error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.set(t, c.pipe)
	}
	c.pipe.changed.Broadcast()
	return nil
}

func (c *Conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.peer.local, Err: err}
}

// A deadline is guarded by the pipe's mutex. It counts how often it was set:
// a timer that has fired but not yet run must not undo a later setting, such
// as the reset that net/http does when a connection is hijacked.
type deadline struct {
	timer   *time.Timer
	setting int
	passed  bool
}

func (d *deadline) clear() {
	d.setting++
	d.passed = false
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *deadline) set(t time.Time, pipe *pipe) {
	d.clear()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		return
	}
	setting := d.setting
	d.timer = time.AfterFunc(left, func() {
		pipe.mu.Lock()
		defer pipe.mu.Unlock()
		if d.setting == setting {
			d.passed = true
			pipe.changed.Broadcast()
		}
	})
}
