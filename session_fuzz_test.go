package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/memnet"
)

// FuzzResume has two clients send each other candidates while their connections are
// cut at any byte, in either direction. Each candidate arrives once, and in order.
func FuzzResume(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{10, 200, 30, 250, 90, 3, 140, 77})
	f.Add([]byte{255, 1, 1, 1, 254, 2, 2, 2, 0, 0, 0, 0, 63, 64, 65, 66})
	f.Add([]byte(strings.Repeat("cut\x80at\xffany\x01byte", 8)))
	f.Fuzz(func(t *testing.T, cuts []byte) {
		cuts = cuts[:min(len(cuts), 200)]
		onStage(t, "-rate 0", func(t *testing.T, s *stage) {
			ann, bob := &returning{name: "ann", peer: "bob", cuts: &cuts}, &returning{name: "bob", peer: "ann", cuts: &cuts}
			ann.returnTo(s)
			bob.returnTo(s)
			ann.say(s, `{"type":"offer","name":"bob","offer":"an offer"}`)
			bob.say(s, `{"type":"answer","name":"ann","answer":"an answer"}`)
			const candidates = 60
			for i := range candidates {
				ann.say(s, fmt.Sprintf(`{"type":"candidate","name":"bob","candidate":"%d"}`, i))
				bob.say(s, fmt.Sprintf(`{"type":"candidate","name":"ann","candidate":"%d"}`, i))
			}
			cuts = nil
			for _, r := range []*returning{ann, bob} {
				r.hear(s)
				r.wantCandidates(t, candidates)
				if strings.Contains(strings.Join(s.log.lines(), "\n"), r.secret) {
					t.Errorf("the log has the secret of %s", r.name)
				}
			}
		})
	})
}

// A returning client comes back with its session whenever its connection is cut.
type returning struct {
	name, peer string
	cuts       *[]byte // how many bytes pass until the next cut, and whether the server notices
	secret     string
	seen       uint64   // number of the last message
	said       []string // since the grant
	candidates []string // that it has heard
	in         bool     // signed in, or back
	ws         *websocket.Conn
	cut        *cutConn
	frames     chan []byte // that have come
}

// cutConn breaks when so many bytes have passed through it.
type cutConn struct {
	*memnet.Conn
	left   int
	silent bool // the server is not told
	broken bool
}

var errCut = errors.New("cut")

func (c *cutConn) Read(p []byte) (int, error) {
	if c.broken {
		return 0, errCut
	}
	n, err := c.Conn.Read(p)
	if n = c.pass(n); n == 0 && err == nil {
		err = errCut
	}
	return n, err
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.broken {
		return 0, errCut
	}
	n := c.pass(len(p))
	c.Conn.Write(p[:n])
	if n < len(p) {
		return n, errCut
	}
	return n, nil
}

// pass returns how many of n bytes pass.
func (c *cutConn) pass(n int) int {
	if n <= c.left {
		c.left -= n
		return n
	}
	c.broken = true
	if c.silent {
		c.Conn.Suspend()
	} else {
		time.AfterFunc(time.Millisecond, func() { c.Conn.Close() }) // what was written arrives
	}
	return c.left
}

// nextCut takes from the script when the next connection breaks.
func (r *returning) nextCut() (left int, silent bool) {
	if len(*r.cuts) < 2 {
		return 1 << 30, false
	}
	left = 150 + 8*int((*r.cuts)[0]) // the handshake passes, mostly
	silent = (*r.cuts)[1]%4 == 0
	*r.cuts = (*r.cuts)[2:]
	return left, silent
}

// returnTo connects, and signs in or comes back, until that succeeds.
func (r *returning) returnTo(s *stage) {
	for r.in = false; !r.in; {
		left, silent := r.nextCut()
		r.frames = make(chan []byte, 10_000)
		dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := s.listener.Dial(ctx, stageWindow)
			r.cut = &cutConn{Conn: conn, left: left, silent: silent}
			s.clients = append(s.clients, &stageClient{conn: conn})
			return r.cut, err
		}}
		ws, _, err := dialer.Dial("ws://localhost:9090/", nil)
		if err != nil {
			continue
		}
		r.ws = ws
		s.running.Go(func() { readInto(ws, r.frames) })
		login := fmt.Sprintf(`{"type":"login","name":%q,"resume":true}`, r.name)
		if r.secret != "" {
			login = fmt.Sprintf(`{"type":"login","session":%q,"seq":%d}`, r.secret, r.seen)
		}
		ws.WriteMessage(websocket.TextMessage, []byte(login))
		r.hear(s)
		if !r.in { // the name of a connection that looks alive is asked for first
			time.Sleep(probeTime + goodbyeTime)
			r.hear(s)
		}
	}
}

// readInto reads until the connection ends, and closes frames then.
func readInto(ws *websocket.Conn, frames chan<- []byte) {
	defer close(frames)
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		frames <- frame
	}
}

// say sends a frame. If the connection is cut by then, it comes back and sends again
// what the server has not taken.
func (r *returning) say(s *stage, frame string) {
	r.said = append(r.said, frame)
	r.ws.WriteMessage(websocket.TextMessage, []byte(frame))
	r.hear(s)
}

// hear takes what has come. If the connection has ended, it comes back.
func (r *returning) hear(s *stage) {
	for {
		synctest.Wait()
		select {
		case frame, open := <-r.frames:
			if open {
				r.take(s, frame)
				continue
			}
		default:
			if !r.cut.broken {
				return
			}
		}
		if r.in {
			r.returnTo(s)
		}
		return
	}
}

// take notes a message.
func (r *returning) take(s *stage, frame []byte) {
	var m struct {
		Type, Session, Candidate string
		Seq, Received            uint64
		Resumed                  bool
	}
	if err := json.Unmarshal(frame, &m); err != nil {
		s.t.Fatalf("%s hears %s", r.name, frame)
	}
	switch {
	case m.Session != "":
		r.in, r.secret = true, m.Session
	case m.Resumed:
		r.in = true
		for _, again := range r.said[m.Received:] {
			r.ws.WriteMessage(websocket.TextMessage, []byte(again))
		}
	case !r.in && m.Type == "login": // refused: the name is not free yet
	case m.Seq != r.seen+1:
		s.t.Fatalf("%s hears number %d after %d: %s", r.name, m.Seq, r.seen, frame)
	default:
		r.seen = m.Seq
		if m.Type == "candidate" {
			r.candidates = append(r.candidates, m.Candidate)
		}
	}
}

func (r *returning) wantCandidates(t *testing.T, n int) {
	t.Helper()
	if len(r.candidates) != n {
		t.Fatalf("%s hears %d candidates of %d: %v", r.name, len(r.candidates), n, r.candidates)
	}
	for i, got := range r.candidates {
		if got != fmt.Sprint(i) {
			t.Fatalf("%s hears %s as candidate %d", r.name, got, i)
		}
	}
}
