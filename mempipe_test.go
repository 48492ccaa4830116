package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A memListener is a network of its own for a server in a synctest bubble.
// Its connections hold what was written and not yet read, as sockets do:
// net.Pipe has no such buffer, so that a healthy client that is busy for a
// moment looks like one that has stopped reading.
type memListener struct {
	arrived chan net.Conn
	closed  chan struct{}
	close   sync.Once
}

func newMemListener() *memListener {
	return &memListener{arrived: make(chan net.Conn), closed: make(chan struct{})}
}

// dial connects a client whose buffer, and the server's for it, hold window
// bytes. The addresses are those of a TCP connection, since servers read them.
func (l *memListener) dial(ctx context.Context, window int) (*memConn, error) {
	client, server := newMemPipe(window)
	select {
	case l.arrived <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.Addr(), Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.Addr(), Err: ctx.Err()}
	}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.arrived:
		return c, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

func (l *memListener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *memListener) Addr() net.Addr { return serverAddr }

var (
	serverAddr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9090}
	clientAddr = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 40000}
)

// newMemPipe returns the two ends of a connection, each of which buffers up
// to window bytes that it has not read.
func newMemPipe(window int) (client, server *memConn) {
	shared := &memPipe{window: window}
	shared.changed.L = &shared.mu
	client = &memConn{pipe: shared, local: clientAddr}
	server = &memConn{pipe: shared, local: serverAddr}
	client.peer, server.peer = server, client
	return client, server
}

// A memPipe is what both ends share. Whoever changes anything wakes everybody
// who waits, since each waits for something else.
type memPipe struct {
	mu      sync.Mutex
	changed sync.Cond
	window  int
}

// A memConn is one end.
type memConn struct {
	pipe  *memPipe
	peer  *memConn
	local net.Addr

	// Guarded by pipe.mu.
	unread    []byte // what the peer has written
	shut      bool   // this end writes no more
	closed    bool
	reset     bool // the peer is gone, and with it what was under way
	suspended bool // reads wait, whatever has come
	readBy    memDeadline
	writeBy   memDeadline
}

func (c *memConn) Read(p []byte) (int, error) {
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

func (c *memConn) Write(p []byte) (int, error) {
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
func (c *memConn) CloseWrite() error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	if c.closed {
		return c.failed("close", net.ErrClosed)
	}
	c.shut = true
	c.pipe.changed.Broadcast()
	return nil
}

func (c *memConn) Close() error {
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
func (c *memConn) cut() {
	c.reset = true
	c.unread = nil
	c.pipe.changed.Broadcast()
}

// suspend makes this end one that reads no more but stays connected.
func (c *memConn) suspend() {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	c.suspended = true
}

func (c *memConn) LocalAddr() net.Addr  { return c.local }
func (c *memConn) RemoteAddr() net.Addr { return c.peer.local }

func (c *memConn) SetDeadline(t time.Time) error {
	return c.setDeadlines(t, &c.readBy, &c.writeBy)
}

func (c *memConn) SetReadDeadline(t time.Time) error  { return c.setDeadlines(t, &c.readBy) }
func (c *memConn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeBy) }

func (c *memConn) setDeadlines(t time.Time, deadlines ...*memDeadline) error {
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

func (c *memConn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.peer.local, Err: err}
}

// A memDeadline is guarded by the pipe's mutex. It counts how often it was set:
// a timer that has fired but not yet run must not undo a later setting, such
// as the reset that net/http does when a connection is hijacked.
type memDeadline struct {
	timer   *time.Timer
	setting int
	passed  bool
}

func (d *memDeadline) clear() {
	d.setting++
	d.passed = false
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

func (d *memDeadline) set(t time.Time, pipe *memPipe) {
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

func TestMemPipe(t *testing.T) {
	read := func(t *testing.T, c *memConn, want string, wantErr error) {
		t.Helper()
		p := make([]byte, 100)
		n, err := c.Read(p)
		if string(p[:n]) != want || !errors.Is(err, wantErr) {
			t.Errorf("read %q, %v; expected %q, %v", p[:n], err, want, wantErr)
		}
	}
	write := func(t *testing.T, c *memConn, text string, wantN int, wantErr error) {
		t.Helper()
		if n, err := c.Write([]byte(text)); n != wantN || !errors.Is(err, wantErr) {
			t.Errorf("wrote %d, %v; expected %d, %v", n, err, wantN, wantErr)
		}
	}
	tests := []struct {
		name string
		play func(t *testing.T, a, b *memConn)
	}{
		{"what is written waits for its reader", func(t *testing.T, a, b *memConn) {
			write(t, a, "ab", 2, nil)
			write(t, a, "cd", 2, nil)
			read(t, b, "abcd", nil)
		}},
		{"a full window makes the writer wait", func(t *testing.T, a, b *memConn) {
			time.AfterFunc(time.Second, func() { b.Read(make([]byte, 2)) })
			start := time.Now()
			write(t, a, "123456789A", 10, nil)
			if waited := time.Since(start); waited != time.Second {
				t.Errorf("waited %v, expected 1s", waited)
			}
		}},
		{"a write deadline says how much was written", func(t *testing.T, a, b *memConn) {
			b.suspend()
			a.SetWriteDeadline(time.Now().Add(time.Second))
			write(t, a, "123456789A", 8, os.ErrDeadlineExceeded)
		}},
		{"a deadline that is set anew undoes one that has passed", func(t *testing.T, a, b *memConn) {
			a.SetReadDeadline(time.Unix(1, 0))
			read(t, a, "", os.ErrDeadlineExceeded)
			a.SetDeadline(time.Time{})
			time.AfterFunc(time.Second, func() { b.Write([]byte("late")) })
			read(t, a, "late", nil)
		}},
		{"a timer that fires late does not undo a later setting", func(t *testing.T, a, b *memConn) {
			a.pipe.mu.Lock()
			a.readBy.set(time.Now().Add(time.Second), a.pipe)
			time.Sleep(time.Second)
			a.readBy.clear()
			a.pipe.mu.Unlock()
			synctest.Wait()
			write(t, b, "alive", 5, nil)
			read(t, a, "alive", nil)
		}},
		{"half closed, the other direction lives", func(t *testing.T, a, b *memConn) {
			write(t, a, "bye", 3, nil)
			a.CloseWrite()
			write(t, a, "more", 0, syscall.EPIPE)
			read(t, b, "bye", nil)
			read(t, b, "", io.EOF)
			write(t, b, "bye", 3, nil)
			read(t, a, "bye", nil)
		}},
		{"closing wakes both ends", func(t *testing.T, a, b *memConn) {
			time.AfterFunc(time.Second, func() { a.Close() })
			go func() { read(t, b, "", io.EOF) }()
			read(t, a, "", net.ErrClosed)
			write(t, a, "x", 0, net.ErrClosed)
			if err := a.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("closed twice: %v", err)
			}
		}},
		{"writing to a closed end loses what was under way", func(t *testing.T, a, b *memConn) {
			write(t, b, "bye", 3, nil)
			b.Close()
			write(t, a, "what?", 0, syscall.ECONNRESET)
			read(t, a, "", syscall.ECONNRESET)
		}},
		{"closing with bytes unread resets", func(t *testing.T, a, b *memConn) {
			write(t, a, "hello", 5, nil)
			write(t, b, "bye", 3, nil)
			b.Close()
			read(t, a, "", syscall.ECONNRESET)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newMemPipe(8)
				tt.play(t, a, b)
				synctest.Wait()
				a.Close()
				b.Close()
			})
		})
	}
}
