//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// A party hears what happens to a connection. It is called by the loop.
type party interface {
	upgraded(c *conn)                      // messages can be sent
	heard(c *conn, w word, message []byte) // message is valid during the call
	ended(c *conn, code int)               // the server has ended it, or its end was asked for
}

// The codes that a connection ends with if the server gave none.
const (
	codeNone     = 1005 // it closed in due form, without a code
	codeAbnormal = 1006 // it closed without a word
)

// conn is a client's connection.
type conn struct {
	loop  *loop
	name  string // that it signs in with
	party party

	pair        *pair      // what it belongs to, if to any
	says, hears *direction // to and from its mate

	since    int64 // when it began to connect
	signedIn bool  // for the party's use

	fd       int
	serial   int32 // tells it from others that had the descriptor
	state    connState
	tolerant bool   // error messages are expected
	part     []byte // of what came in: a frame whose end is missing
	rest     []byte // of what goes out: the socket took no more
	writable func() // called when the socket takes more; may be nil
	dumb     bool   // the server closed its ear: writing is in vain
}

type connState byte

const (
	stateClosed connState = iota
	stateConnecting
	stateUpgrading
	stateOpen
	stateClosing // our close frame is out
)

func (l *loop) newConn(name string) *conn {
	return &conn{loop: l, name: name, fd: -1}
}

// address is where a server listens.
type address struct {
	ip   [4]byte
	port int
	path string
}

func (a address) socket() *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: a.ip, Port: a.port}
}

func (a address) String() string {
	return fmt.Sprintf("%s:%d", net.IP(a.ip[:]), a.port)
}

// One key serves every handshake, so that one answer is right for all: it is
// the example of RFC 6455, section 1.3.
const (
	upgradeKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	upgradeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func upgradeRequest(at address) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", at.path, at, upgradeKey)
}

// connect begins to connect.
func (c *conn) connect(p party) {
	l := c.loop
	c.party = p
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.fail("socket: %w", err)
		return
	}
	l.opened++
	c.fd, c.serial, c.state, c.dumb = fd, l.opened, stateConnecting, false
	c.since = l.now
	for len(l.conns) <= fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[fd] = c
	if err := c.dial(); err != nil {
		c.drop()
		l.fail("connect: %w", err)
		return
	}
	c.begin()
}

// dial starts the TCP handshake and has the socket watched.
func (c *conn) dial() error {
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if err := c.bind(); err != nil {
		return err
	}
	if err := unix.Connect(c.fd, c.loop.server); err != nil && err != unix.EINPROGRESS {
		return err
	}
	return c.watch(unix.EPOLL_CTL_ADD, unix.EPOLLIN|unix.EPOLLOUT)
}

// bind spreads connections to a loopback address over sources, for each of
// them has ports for only some 28,000 that live or have lived a moment ago.
func (c *conn) bind() error {
	const sources = 16
	if c.loop.server.Addr[0] != 127 {
		return nil
	}
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return err
	}
	return unix.Bind(c.fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1 + byte(c.serial%sources)}})
}

func (c *conn) watch(op int, events uint32) error {
	return c.loop.watch(op, c.fd, events, c.serial)
}

// begin sends the request to upgrade, once TCP is through. Over loopback it
// is at once.
func (c *conn) begin() {
	n, errno := rawWrite(c.fd, c.loop.request)
	switch {
	case errno == unix.EAGAIN || errno == unix.ENOTCONN:
		return // the socket will say when
	case errno != 0:
		c.drop()
		c.loop.fail("connect: %w", errno)
		return
	}
	c.state = stateUpgrading
	c.rest = append(c.rest[:0], c.loop.request[n:]...)
	c.watchSocket()
}

// watchSocket waits for input, and for room if there is something to write.
func (c *conn) watchSocket() {
	events := uint32(unix.EPOLLIN)
	if len(c.rest) > 0 || c.writable != nil {
		events |= unix.EPOLLOUT
	}
	if err := c.watch(unix.EPOLL_CTL_MOD, events); err != nil {
		c.loop.fail("epoll: %w", err)
	}
}

// ready handles what the socket is ready for.
func (c *conn) ready(events uint32) {
	if c.state == stateConnecting {
		c.begin()
		return
	}
	if events&unix.EPOLLOUT != 0 && len(c.rest) > 0 {
		c.writeRest()
	}
	if events&unix.EPOLLOUT != 0 && len(c.rest) == 0 && c.writable != nil {
		c.writable()
	}
	if events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 && c.state != stateClosed {
		c.receive()
	}
}

// receive reads once and handles the frames that are complete.
func (c *conn) receive() {
	l := c.loop
	kept := copy(l.in, c.part)
	n, errno := rawRead(c.fd, l.in[kept:])
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return
	case errno != 0 || n == 0:
		c.end(codeAbnormal)
		return
	}
	l.look()
	data := l.in[:kept+n]
	for len(data) > 0 && c.state != stateClosed {
		used := c.take(data)
		if used == 0 {
			break
		}
		data = data[used:]
	}
	if len(data) == len(l.in) {
		l.fail("the server sent a frame that is too large")
		return
	}
	c.part = append(c.part[:0], data...)
}

// take handles what stands first in data and returns its length; 0 if it is
// not complete.
func (c *conn) take(data []byte) int {
	if c.state == stateUpgrading {
		return c.takeResponse(data)
	}
	f, length, err := cutFrame(data)
	if err != nil {
		c.loop.fail("%s: %w", c.name, err)
		return len(data)
	}
	if length > 0 {
		c.handle(f)
	}
	return length
}

func (c *conn) takeResponse(data []byte) int {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	head := data[:end+2]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(head, []byte(upgradeAccept+"\r\n")) {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		c.loop.fail("the server did not upgrade the connection: %q", line)
		return len(data)
	}
	c.state = stateOpen
	c.loop.heardAt = c.loop.now
	c.party.upgraded(c)
	return end + 4
}

func (c *conn) handle(f frame) {
	l := c.loop
	switch f.opcode {
	case opText, opBinary:
		l.heardAt = l.now
		w := wordOf(f.payload)
		if w == wordError && !c.tolerant {
			l.complain(f.payload)
		}
		c.party.heard(c, w, f.payload)
	case opPing:
		l.pings++
		if l.pingedAt != nil {
			l.pingedAt(l.now)
		}
		l.speak(c)
		l.out = append(appendHead(l.out, opPong, len(f.payload)), f.payload...)
	case opClose:
		code := codeNone
		if len(f.payload) >= 2 {
			code = int(binary.BigEndian.Uint16(f.payload))
		}
		c.end(code)
	}
}

// end is the server's end of the connection.
func (c *conn) end(code int) {
	c.loop.heardAt = c.loop.now
	c.loop.flush()
	c.drop()
	c.party.ended(c, code)
}

// cutShort is the fault of an end that nobody asked for.
func (c *conn) cutShort(code int) {
	c.loop.fail("%s: the server closed the connection (%d)", c.name, code)
}

// drop ends the connection without a word.
func (c *conn) drop() {
	l := c.loop
	if c.state == stateClosed {
		return
	}
	if l.speaker == c {
		l.speaker, l.out = nil, l.out[:0]
	}
	l.conns[c.fd] = nil
	unix.Close(c.fd)
	c.fd, c.state = -1, stateClosed
	c.part, c.rest, c.writable = c.part[:0], c.rest[:0], nil
}

// sayClose asks the server to end the connection; ended follows.
func (c *conn) sayClose() {
	const normalClosure = 1000
	c.loop.speak(c)
	c.loop.out = binary.BigEndian.AppendUint16(appendHead(c.loop.out, opClose, 2), normalClosure)
	c.state = stateClosing
}

// sayLogin asks to be signed in.
func (c *conn) sayLogin() { c.say(`{"type":"login","name":"`, c.name, `"}`) }

// say sends a text message that is given in pieces. It goes out with all that
// is said before the loop turns to another connection.
func (c *conn) say(pieces ...string) {
	size := 0
	for _, piece := range pieces {
		size += len(piece)
	}
	l := c.loop
	l.speak(c)
	l.out = appendHead(l.out, opText, size)
	for _, piece := range pieces {
		l.out = append(l.out, piece...)
	}
}

// write writes, and keeps what the socket does not take.
func (c *conn) write(p []byte) {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, p...)
		return
	}
	n := c.writeSome(p)
	if n < len(p) && !c.dumb {
		c.rest = append(c.rest, p[n:]...)
		c.watchSocket()
	}
}

func (c *conn) writeRest() {
	n := c.writeSome(c.rest)
	c.rest = c.rest[:copy(c.rest, c.rest[n:])]
	if len(c.rest) == 0 || c.dumb {
		c.rest = c.rest[:0]
		c.watchSocket()
	}
}

// writeSome writes once. If the server has gone, its last words are still to
// be read: the end comes from there.
func (c *conn) writeSome(p []byte) int {
	n, errno := rawWrite(c.fd, p)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return 0
	case errno != 0:
		c.dumb = true
		return 0
	}
	return n
}
