package conn

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/memnet"
)

// A testServer makes connections of the handshakes that come over a network in
// memory. Their owner says back what it hears.
type testServer struct {
	t        *testing.T
	pool     *Pool
	owner    *testOwner // of all connections
	listener *memnet.Listener
	http     http.Server
	peers    []*peer

	serve   func(c *Conn)
	early   [][]byte      // frames that came before the WebSocket
	conn    *Conn         // the latest
	refused error         // what its Upgrade returned
	ended   chan *Closing // what Finish returned
}

// onServer runs a test against a server in fake time. Whatever the test leaves
// behind, the bubble complains of.
func onServer(t *testing.T, play func(t *testing.T, s *testServer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &testServer{t: t, pool: NewPool(testSettings), owner: newTestOwner(),
			listener: memnet.NewListener(), ended: make(chan *Closing, 100)}
		s.serve, s.owner.receive = s.read, s.echo
		s.http.Handler = s
		go s.http.Serve(s.listener)
		defer s.stop()
		play(t, s)
	})
}

func (s *testServer) stop() {
	for _, p := range s.peers {
		p.Close()
	}
	s.http.Close()
	synctest.Wait()
	s.pool.Stop()
}

func (s *testServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if IsDamaged(r) {
		AnswerDamaged(w)
		return
	}
	c := &Conn{}
	c.Init(s.pool, s.owner)
	if s.refused = c.Upgrade(w, r); s.refused != nil {
		return
	}
	s.conn = c
	go s.serve(c)
}

// read is the life of a connection.
func (s *testServer) read(c *Conn) {
	c.End(c.Read(s.early))
	s.ended <- c.Finish()
}

// echo sends a frame back.
func (s *testServer) echo(frame []byte) *Closing {
	s.conn.Send(text(frame))
	return nil
}

// A peer is a client that sends and hears bytes.
type peer struct {
	*memnet.Conn
	t *testing.T
}

// testWindow is what a network holds that a peer has not read.
const testWindow = 64 << 10

func (s *testServer) dial(window int) *peer {
	s.t.Helper()
	network, err := s.listener.Dial(s.t.Context(), window)
	if err != nil {
		s.t.Fatal(err)
	}
	p := &peer{network, s.t}
	s.peers = append(s.peers, p)
	return p
}

// handshakeFields are what makes a request the handshake of a WebSocket.
const handshakeFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

const handshake = "GET / HTTP/1.1\r\nHost: localhost\r\n" + handshakeFields + "\r\n"

// connect returns a peer that has its WebSocket.
func (s *testServer) connect() *peer {
	s.t.Helper()
	return s.connectOver(testWindow)
}

// connectOver does so over a network that holds no more than window bytes.
func (s *testServer) connectOver(window int) *peer {
	s.t.Helper()
	p := s.dial(window)
	p.say(handshake)
	if answer, _ := p.hear(); !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
		s.t.Fatalf("the handshake is answered %q", answer)
	}
	return p
}

// say writes what the client sends. If it is more than the network holds, it
// waits for the server.
func (p *peer) say(parts ...string) {
	p.t.Helper()
	if _, err := p.Write([]byte(strings.Join(parts, ""))); err != nil {
		p.t.Fatal(err)
	}
}

// hear returns what has come. Without an error that is all that ever will.
func (p *peer) hear() (string, error) {
	synctest.Wait()
	p.SetReadDeadline(time.Now().Add(time.Nanosecond))
	defer p.SetReadDeadline(time.Time{})
	heard, err := io.ReadAll(p.Conn)
	return string(heard), err
}

// want checks that the peer hears this and no more, and that there may be more.
func (p *peer) want(frames ...string) {
	p.t.Helper()
	heard, err := p.hear()
	if want := strings.Join(frames, ""); heard != want || !errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatalf("the client hears %.200q, %v; want %.200q, and that it goes on", heard, err, want)
	}
}

// wantEnd checks that the peer hears this and then the end of the connection,
// and why that has ended.
func (s *testServer) wantEnd(p *peer, why *Closing, frames ...string) {
	s.t.Helper()
	heard, err := p.hear()
	if want := strings.Join(frames, ""); heard != want || err != nil {
		s.t.Errorf("the client hears %.200q, %v; want %.200q, and the end", heard, err, want)
	}
	p.Close()
	s.wantEnded(why)
}

// wantEnded checks that the latest connection is closed, and why.
func (s *testServer) wantEnded(why *Closing) {
	s.t.Helper()
	synctest.Wait()
	select {
	case got := <-s.ended:
		if got != why {
			s.t.Errorf("the connection ends because of %+v, want %+v", got, why)
		}
	default:
		s.t.Error("the connection goes on")
	}
}

// masked is a frame as clients send it, masked with zeros (RFC 6455, 5.2).
func masked(first byte, payload string) string {
	frame := appendFrame(nil, first, []byte(payload))
	frame[0], frame[1] = first, frame[1]|0x80
	head := frame[:len(frame)-len(payload)]
	return string(slices.Concat(head, make([]byte, 4), []byte(payload)))
}

// more is the opcode of the parts of a message that follow the first.
const more = 0

// Frames of a client: part of a message; the last part, or a frame that is all
// there is; and a text message.
func part(opcode byte, payload string) string  { return masked(opcode, payload) }
func final(opcode byte, payload string) string { return masked(lastFragment|opcode, payload) }
func message(text string) string               { return final(websocket.TextMessage, text) }

// Frames of the server: any, a text message, and the close frame for a closing.
func sent(opcode byte, payload string) string {
	return string(appendFrame(nil, opcode, []byte(payload)))
}
func said(text string) string { return sent(websocket.TextMessage, text) }
func farewell(why *Closing) string {
	return sent(websocket.CloseMessage, goodbye(why.Code, why.Reason))
}

// goodbye is what is in a close frame.
func goodbye(code int, reason string) string {
	return string(websocket.FormatCloseMessage(code, reason))
}
