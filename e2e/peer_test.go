package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A message is one frame of the native protocol.
type message map[string]any

// A peer is one client on a plain WebSocket.
type peer struct {
	t      *testing.T
	name   string
	ws     *websocket.Conn
	frames chan []byte
	pings  chan struct{}
	ended  error // why the connection is over; read after frames is closed
}

// A route says how a peer gets to a server.
type route struct {
	url    string
	header http.Header
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// connect opens a WebSocket. Its frames are kept until somebody asks for them:
// a peer that is not listened to is still a client that reads.
func connect(t *testing.T, to route) *peer {
	t.Helper()
	ws, resp, err := to.handshake()
	if err != nil {
		status := ""
		if resp != nil {
			status = resp.Status
		}
		t.Fatalf("%s: %v %s", to.url, err, status)
	}
	p := &peer{t: t, ws: ws, frames: make(chan []byte, 1024), pings: make(chan struct{}, 1024)}
	t.Cleanup(func() { ws.Close() })
	go p.read()
	return p
}

func (to route) handshake() (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{
		NetDialContext:   to.dial,
		TLSClientConfig:  &tls.Config{InsecureSkipVerify: true},
		HandshakeTimeout: patience,
	}
	return d.Dial(to.url, to.header)
}

func (p *peer) read() {
	defer close(p.frames)
	pong := p.ws.PingHandler()
	p.ws.SetPingHandler(func(data string) error {
		select {
		case p.pings <- struct{}{}:
		default:
		}
		return pong(data)
	})
	for {
		_, frame, err := p.ws.ReadMessage()
		if err != nil {
			p.ended = err
			return
		}
		p.frames <- frame
	}
}

// signIn connects under a name and, unless it is empty, a role.
func signIn(t *testing.T, to route, name, role string) *peer {
	t.Helper()
	p := connect(t, to)
	p.login(name, role)
	return p
}

func (p *peer) login(name, role string) {
	p.t.Helper()
	p.name = name
	login := message{"type": "login", "name": name}
	if role != "" {
		login["role"] = role
	}
	p.send(login)
	if reply := p.want("login"); reply["success"] != true {
		p.t.Fatalf("%s may not sign in: %v", name, reply)
	}
}

func (p *peer) send(m message) {
	p.t.Helper()
	if err := p.ws.WriteJSON(m); err != nil {
		p.t.Fatalf("%s cannot send %v: %v", p.name, m["type"], err)
	}
}

func (p *peer) sendText(frame string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		p.t.Fatalf("%s cannot send: %v", p.name, err)
	}
}

// hear returns the next frame as it came.
func (p *peer) hear() ([]byte, error) {
	select {
	case frame, open := <-p.frames:
		if !open {
			return nil, p.ended
		}
		return frame, nil
	case <-time.After(patience):
		return nil, errors.New("nothing comes")
	}
}

// want returns the next message, which has to be of this type.
func (p *peer) want(kind string) message {
	p.t.Helper()
	frame, err := p.hear()
	if err != nil {
		p.t.Fatalf("%s waits for %s: %v", p.name, kind, err)
	}
	var m message
	if err := json.Unmarshal(frame, &m); err != nil {
		p.t.Fatalf("%s heard %s: %v", p.name, frame, err)
	}
	if m["type"] != kind {
		p.t.Fatalf("%s heard %s, expected %s", p.name, frame, kind)
	}
	return m
}

// wantError returns the next message, which has to be a refusal with this code.
func (p *peer) wantError(code string) message {
	p.t.Helper()
	m := p.want("error")
	if m["code"] != code {
		p.t.Fatalf("%s was refused with %v, expected %s", p.name, m, code)
	}
	return m
}

// wantClose reads on to the end of the connection, which has to be a close
// frame with this code.
func (p *peer) wantClose(code int) {
	p.t.Helper()
	for {
		if _, err := p.hear(); err != nil {
			if !websocket.IsCloseError(err, code) {
				p.t.Fatalf("%s was closed with %v, expected %d", p.name, err, code)
			}
			return
		}
	}
}

// wantNothing asks something that is refused, and expects no message before the
// refusal: the server answers in order, so what it had sent would come first.
func (p *peer) wantNothing() {
	p.t.Helper()
	p.send(message{"type": "leave", "callID": "none"})
	p.wantError("no-such-call")
}

// call opens a call from one peer to another, as the tutorial does.
func call(caller, callee *peer) {
	caller.t.Helper()
	caller.send(message{"type": "offer", "name": callee.name, "offer": "an offer"})
	callee.want("offer")
	callee.send(message{"type": "answer", "name": caller.name, "answer": "an answer"})
	caller.want("answer")
}

// exchange sends a candidate each way within a call.
func exchange(a, b *peer, what string) {
	a.t.Helper()
	for i, pair := range [][2]*peer{{a, b}, {b, a}} {
		candidate := fmt.Sprintf("%s %d", what, i)
		pair[0].send(message{"type": "candidate", "name": pair[1].name, "candidate": candidate})
		if got := pair[1].want("candidate"); got["candidate"] != candidate {
			a.t.Fatalf("%s heard %v, expected %q", pair[1].name, got, candidate)
		}
	}
}
