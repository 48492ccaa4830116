package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// link is the net.Conn below a WebSocket. It can gather writes, so that
// several frames for one client leave in one system call. It gives every
// write to the network a deadline counted from its own beginning: the one
// that gorilla/websocket sets for a pong would cut a batch short that is on
// its way. And it tells the pulse when anything comes in.
type link struct {
	net.Conn
	pulse   *pulse
	timeout time.Duration // of a write

	mu    sync.Mutex    // held over a write: there is one at a time
	batch *bufio.Writer // nil: writes go straight out
}

// batchSize is as much as is gathered. Even a slow link must take so many
// bytes within the time for one write.
const batchSize = 16 << 10

var batches = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, batchSize) }}

// gather collects writes from now on.
func (l *link) gather() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch = batches.Get().(*bufio.Writer)
	l.batch.Reset(timedWriter{l})
}

// flush writes what was gathered; from now on writes go straight out.
func (l *link) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.batch.Flush()
	l.batch.Reset(nil)
	batches.Put(l.batch)
	l.batch = nil
	return err
}

func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.batch != nil {
		return l.batch.Write(p)
	}
	return timedWriter{l}.Write(p)
}

// SetWriteDeadline does nothing, for the reason given at link.
func (l *link) SetWriteDeadline(time.Time) error { return nil }

// Read tells the pulse that the other end lives: whoever sends half a frame
// over a slow network does.
func (l *link) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 {
		l.pulse.beat()
	}
	return n, err
}

// timedWriter writes to the network below a link, each time with a deadline.
type timedWriter struct{ l *link }

func (w timedWriter) Write(p []byte) (int, error) {
	if err := w.l.Conn.SetWriteDeadline(time.Now().Add(w.l.timeout)); err != nil {
		return 0, err
	}
	return w.l.Conn.Write(p)
}

// How long and how much a farewell waits for. A socket closed with input
// unread is reset, and the close frame on its way to the client is lost.
const (
	lingerTime  = time.Second
	lingerBytes = 2 << 20
)

// linger closes the link so that what was written arrives: it shuts the
// write side down, and discards input for a while before it closes.
func (l *link) linger() {
	defer l.Close()
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	l.SetReadDeadline(time.Now().Add(lingerTime))
	io.CopyN(io.Discard, l.Conn, lingerBytes)
}

// linkHijacker makes an upgrade work on a link.
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
	h.link.Conn = conn
	return h.link, rw, err
}
