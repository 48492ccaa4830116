package conn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"switchboard/internal/late"
)

// link is the net.Conn below a WebSocket. It holds little memory while nothing
// happens, and reads all that has come with one system call. It gives every write
// a deadline of its own: the one that gorilla/websocket sets for a pong would cut
// off frames that are being written. It tells the pulse of signs of life.
type link struct {
	net.Conn
	pulse *pulse

	// Owned by the read loop.
	input *bufio.Reader // what gorilla/websocket reads from, and the link fills
	more  bool          // the last read left no room, so that more has probably come
	burst *burst        // nil: nothing is left of what was read at once
	lives bool          // what was read since the pulse was told last is a sign of life

	mu       sync.Mutex // held over a write: there is one at a time
	deadline time.Time  // of writes, as it was set last
	done     bool       // nothing may be written any more
	writing  atomic.Bool
	pingDue  atomic.Bool

	goodbye atomic.Pointer[[]byte] // the close frame that gorilla/websocket would send; nil if none
}

// inputSize is the buffer that an idle connection holds for what will come. A
// candidate fits into it.
const inputSize = 384

// A burst is what one system call has read that did not fit into the input.
type burst struct {
	buf    [8 << 10]byte
	unread []byte
}

var bursts = sync.Pool{New: func() any { return new(burst) }}

// init makes a link that has no network connection yet.
func (l *link) init(pulse *pulse) {
	l.pulse = pulse
	l.input = bufio.NewReaderSize(l, inputSize)
}

// await blocks until there is input or an error. It is called between messages:
// a full buffer that the last message has left is then no sign of more.
func (l *link) await() {
	if l.input.Buffered() == 0 {
		l.more = false
	}
	l.input.Peek(1)
}

func (l *link) Read(p []byte) (n int, err error) {
	switch {
	case l.burst != nil:
		return l.drain(p), nil
	case !l.more:
		n, err = l.receive(p)
		l.more = n == len(p)
		return n, err
	}
	l.burst = bursts.Get().(*burst)
	n, err = l.receive(l.burst.buf[:])
	l.burst.unread = l.burst.buf[:n]
	l.more = n == len(l.burst.buf)
	if n = l.drain(p); n > 0 {
		err = nil // it will come again
	}
	return n, err
}

// unread gives what came with the handshake to the first reads. A client need not
// wait for the answer before it sends.
func (l *link) unread(r *bufio.Reader) {
	if r.Buffered() == 0 {
		return
	}
	l.burst = bursts.Get().(*burst)
	n, _ := r.Read(l.burst.buf[:]) // all of it: its buffer is the smaller one
	l.burst.unread = l.burst.buf[:n]
}

// drain moves part of the burst to p.
func (l *link) drain(p []byte) int {
	n := copy(p, l.burst.unread)
	if l.burst.unread = l.burst.unread[n:]; len(l.burst.unread) == 0 {
		bursts.Put(l.burst)
		l.burst = nil
	}
	return n
}

// receive reads from the network. It tells the pulse before of a sign of life in
// what was read earlier: if a goodbye had come with that, nobody would read any
// more. While the input holds part of a frame, which may be a goodbye, the pulse
// is told later.
func (l *link) receive(p []byte) (int, error) {
	if l.lives && l.input.Buffered() == 0 {
		l.lives = false
		l.pulse.beat()
	}
	return l.Conn.Read(p)
}

// send writes frames to the network.
func (l *link) send(frames []byte) error {
	l.mu.Lock()
	err := l.write(frames)
	l.mu.Unlock()
	l.sendPing()
	return err
}

// ping sends a ping, which does not queue behind events. If a write is under
// way, the ping follows it.
func (l *link) ping() {
	l.pingDue.Store(true)
	l.sendPing()
}

// sendPing sends the ping that is due, if there is one. If somebody else
// writes, they call it when they have done.
func (l *link) sendPing() {
	for l.pingDue.Load() && l.mu.TryLock() {
		if l.pingDue.Swap(false) {
			l.write(pingFrame)
		}
		l.mu.Unlock()
	}
}

// sendLast writes the last frame, if there is one. Later writes fail.
func (l *link) sendLast(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if frame != nil {
		l.write(frame)
	}
	l.done = true
}

// write writes frames; the caller holds the mutex. If a write fails, later ones
// do too, since it may have ended in the middle of a frame. A large one is made
// in parts, so that a slow reader has the time of a write for each.
func (l *link) write(frames []byte) error {
	if l.done {
		return net.ErrClosed
	}
	l.writing.Store(true)
	defer l.writing.Store(false)
	for len(frames) > 0 {
		n := min(len(frames), framesAtOnce)
		if err := l.writePart(frames[:n]); err != nil {
			l.done = true
			return err
		}
		frames = frames[n:]
	}
	return nil
}

// stalled is how long a write takes that had to wait for the client to read what
// was written before. A write that waited and went on is a sign of life.
const stalled = 100 * time.Millisecond

// writePart writes what the client must take in the time of a write, not counting
// pauses of the process. A TLS connection cannot go on after its deadline.
func (l *link) writePart(part []byte) error {
	for {
		start, err := l.renewDeadline()
		if err != nil {
			return err
		}
		n, err := l.Conn.Write(part)
		l.pulse.written.Add(int64(n))
		switch {
		case err == nil && time.Since(start) >= stalled:
			l.pulse.beat()
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded), !late.Is(l.deadline):
			return err
		}
		part = part[n:]
	}
}

// Write writes what gorilla/websocket sends: the answers to the handshake, to
// pings, and to what ends its reading. It keeps a close frame for
// writeCloseFrame, since that would overtake the messages that wait.
func (l *link) Write(p []byte) (int, error) {
	if isClose(p) {
		frame := bytes.Clone(p)
		l.goodbye.Store(&frame)
		return len(p), nil
	}
	return len(p), l.send(p)
}

// SetWriteDeadline does nothing, for the reason given at link. SetDeadline is
// for the upgrade alone, before anything has been sent.
func (l *link) SetWriteDeadline(time.Time) error { return nil }

// renewDeadline gives a write its time, or a tenth more, and returns when it
// begins. Setting a deadline is not free, so one serves many writes.
func (l *link) renewDeadline() (now time.Time, err error) {
	timeout := l.pulse.conn.pool.WriteTimeout
	now = time.Now()
	if l.deadline.Sub(now) >= timeout {
		return now, nil
	}
	l.deadline = now.Add(timeout + timeout/10)
	return now, l.Conn.SetWriteDeadline(l.deadline)
}

// For how long and how much input a close frame waits. The system resets a socket
// that is closed with input unread, and the close frame would be lost.
const (
	Linger      = time.Second
	lingerBytes = 2 << 20
)

// linger closes the link so that what was written arrives (a lingering close): it shuts
// the write side down, and discards input for a while before it closes.
func (l *link) linger() {
	defer l.Close()
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	l.SetReadDeadline(time.Now().Add(Linger))
	io.CopyN(io.Discard, l.Conn, lingerBytes)
}

// sendBuffer is how much the system may hold of what was written to a client and
// not yet read by it. Even a slow client then soon reads what was written before
// a ping. Systems double it for their own needs.
const sendBuffer = 32 << 10

func boundSendBuffer(conn net.Conn) {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	if socket, ok := conn.(interface{ SetWriteBuffer(int) error }); ok {
		socket.SetWriteBuffer(sendBuffer) // without it the connection works too
	}
}

// linkHijacker gives the network connection of a request to a link, and the link
// to gorilla/websocket.
type linkHijacker struct {
	http.ResponseWriter
	link *link // gets its Conn by the hijack
}

func (h linkHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := h.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("this connection cannot be taken over")
	}
	conn, rw, err := hijacker.Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.link.Conn = conn
	boundSendBuffer(conn)
	h.link.unread(rw.Reader)
	rw.Reader = h.link.input
	return h.link, rw, nil
}
