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

// A Message is one frame of the native protocol.
type Message map[string]any

// A Peer is one client on a plain WebSocket.
type Peer struct {
	T      *testing.T
	Name   string
	WS     *websocket.Conn
	Frames chan []byte
	Pings  chan struct{}
	Ended  error // why the connection is over; read after Frames is closed
}

// A Route says how a peer gets to a server, and how far away it is.
type Route struct {
	URL       string
	Header    http.Header
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	PongAfter time.Duration // a ping is answered so much later
}

// Connect opens a WebSocket. Its frames are kept until somebody asks for them:
// a peer that is not listened to is still a client that reads.
func Connect(t *testing.T, to Route) *Peer {
	t.Helper()
	ws, resp, err := to.Handshake()
	if err != nil {
		status := ""
		if resp != nil {
			status = resp.Status
		}
		t.Fatalf("%s: %v %s", to.URL, err, status)
	}
	p := &Peer{T: t, WS: ws, Frames: make(chan []byte, 1024), Pings: make(chan struct{}, 1024)}
	t.Cleanup(func() { ws.Close() })
	go p.read(to.PongAfter)
	return p
}

func (to Route) Handshake() (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{
		NetDialContext:   to.Dial,
		TLSClientConfig:  &tls.Config{InsecureSkipVerify: true},
		HandshakeTimeout: Patience,
	}
	return d.Dial(to.URL, to.Header)
}

func (p *Peer) read(pongAfter time.Duration) {
	defer close(p.Frames)
	pong := p.WS.PingHandler()
	p.WS.SetPingHandler(func(data string) error {
		select {
		case p.Pings <- struct{}{}:
		default:
		}
		if pongAfter == 0 {
			return pong(data)
		}
		time.AfterFunc(pongAfter, func() { pong(data) })
		return nil
	})
	for {
		_, frame, err := p.WS.ReadMessage()
		if err != nil {
			p.Ended = err
			return
		}
		p.Frames <- frame
	}
}

// SignIn connects under a name and, unless it is empty, a role.
func SignIn(t *testing.T, to Route, name, role string) *Peer {
	t.Helper()
	p := Connect(t, to)
	p.Login(name, role)
	return p
}

func (p *Peer) Login(name, role string) {
	p.T.Helper()
	p.Name = name
	login := Message{"type": "login", "name": name}
	if role != "" {
		login["role"] = role
	}
	p.Send(login)
	if reply := p.Want("login"); reply["success"] != true {
		p.T.Fatalf("%s may not sign in: %v", name, reply)
	}
}

func (p *Peer) Send(m Message) {
	p.T.Helper()
	if err := p.WS.WriteJSON(m); err != nil {
		p.T.Fatalf("%s cannot send %v: %v", p.Name, m["type"], err)
	}
}

func (p *Peer) SendText(frame string) {
	p.T.Helper()
	if err := p.WS.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		p.T.Fatalf("%s cannot send: %v", p.Name, err)
	}
}

// Hear returns the next frame as it came.
func (p *Peer) Hear() ([]byte, error) {
	select {
	case frame, open := <-p.Frames:
		if !open {
			return nil, p.Ended
		}
		return frame, nil
	case <-time.After(Patience):
		return nil, errors.New("nothing comes")
	}
}

// Want returns the next message, which has to be of this type.
func (p *Peer) Want(kind string) Message {
	p.T.Helper()
	frame, err := p.Hear()
	if err != nil {
		p.T.Fatalf("%s waits for %s: %v", p.Name, kind, err)
	}
	var m Message
	if err := json.Unmarshal(frame, &m); err != nil {
		p.T.Fatalf("%s heard %s: %v", p.Name, frame, err)
	}
	if m["type"] != kind {
		p.T.Fatalf("%s heard %s, expected %s", p.Name, frame, kind)
	}
	return m
}

// WantError returns the next message, which has to be a refusal with this code.
func (p *Peer) WantError(code string) Message {
	p.T.Helper()
	m := p.Want("error")
	if m["code"] != code {
		p.T.Fatalf("%s was refused with %v, expected %s", p.Name, m, code)
	}
	return m
}

// WantClose reads on to the end of the connection, which has to be a close
// frame with this code.
func (p *Peer) WantClose(code int) {
	p.T.Helper()
	for {
		if _, err := p.Hear(); err != nil {
			if !websocket.IsCloseError(err, code) {
				p.T.Fatalf("%s was closed with %v, expected %d", p.Name, err, code)
			}
			return
		}
	}
}

// WantNothing asks something that is refused, and expects no message before the
// refusal: the server answers in order, so what it had sent would come first.
func (p *Peer) WantNothing() {
	p.T.Helper()
	p.Send(Message{"type": "leave", "callID": "none"})
	p.WantError("no-such-call")
}

// Call opens a call from one peer to another, as the tutorial does.
func Call(caller, callee *Peer) {
	caller.T.Helper()
	caller.Send(Message{"type": "offer", "name": callee.Name, "offer": "an offer"})
	callee.Want("offer")
	callee.Send(Message{"type": "answer", "name": caller.Name, "answer": "an answer"})
	caller.Want("answer")
}

// Exchange sends a candidate each way within a call.
func Exchange(a, b *Peer, what string) {
	a.T.Helper()
	for i, pair := range [][2]*Peer{{a, b}, {b, a}} {
		candidate := fmt.Sprintf("%s %d", what, i)
		pair[0].Send(Message{"type": "candidate", "name": pair[1].Name, "candidate": candidate})
		if got := pair[1].Want("candidate"); got["candidate"] != candidate {
			a.T.Fatalf("%s heard %v, expected %q", pair[1].Name, got, candidate)
		}
	}
}
