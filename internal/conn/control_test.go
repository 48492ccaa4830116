package conn

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

var (
	ping = sent(websocket.PingMessage, "")
	pong = final(websocket.PongMessage, "")
)

// The client is pinged first when the settings say, and then at intervals. The
// owner may send something with each ping, and the two may change places.
func TestPings(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		s.pool.FirstPing = func() time.Duration { return 3 * time.Second }
		s.owner.beforePing = func() { s.conn.Send(text("2")) }
		p := s.connect()
		for _, wait := range []time.Duration{3 * time.Second, time.Minute, time.Minute} {
			time.Sleep(wait - time.Millisecond)
			p.want()
			time.Sleep(time.Millisecond)
			if heard, _ := p.hear(); !slices.Contains([]string{said("2") + ping, ping + said("2")}, heard) {
				t.Errorf("the client hears %q after %v", heard, wait)
			}
			p.say(pong)
		}
		s.owner.want(t, nil)
	})
}

// A client that does not answer a ping is gone, and nothing is said to it.
func TestSilence(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.connect()
		time.Sleep(70*time.Second - time.Millisecond)
		p.want(ping)
		s.owner.want(t, nil)
		time.Sleep(time.Millisecond)
		s.wantEnd(p, Gone)
		s.owner.want(t, Gone)
	})
}

// Whatever a client sends is a sign of life, except a goodbye and what may become
// one.
func TestSignsOfLife(t *testing.T) {
	bye := final(websocket.CloseMessage, goodbye(1000, "bye"))
	for name, tt := range map[string]struct {
		said  string
		lives bool
	}{
		"a pong":                      {pong, true},
		"a ping":                      {final(websocket.PingMessage, ""), true},
		"a message":                   {message("x"), true},
		"half of a large message":     {message(strings.Repeat("x", 1000))[:500], true},
		"half of a small message":     {message("xxxx")[:8], false},
		"a large message, begun":      {part(websocket.TextMessage, "x"), false},
		"a goodbye":                   {bye, false},
		"half a goodbye":              {bye[:3], false},
		"a message, then a goodbye":   {message("x") + bye, false},
		"a pong, then half a goodbye": {pong + bye[:3], false},
	} {
		t.Run(name, func(t *testing.T) {
			onServer(t, func(t *testing.T, s *testServer) {
				s.owner.receive = nil
				p := s.connect()
				s.conn.AskIfAlive()
				p.want(ping)
				p.say(tt.said)
				p.hear()
				if tt.lives {
					s.owner.want(t, alive)
				} else {
					s.owner.want(t, nil)
				}
			})
		})
	}
}

// The owner may let pings go unanswered, and pongs cost the client something that
// answer none of ours.
func TestControlFrames(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		asked, allowed := 0, true
		s.owner.allow = func() bool {
			asked++
			return allowed
		}
		wantAsked := func(want int) {
			t.Helper()
			if asked != want {
				t.Errorf("the owner is asked %d times, want %d", asked, want)
			}
		}
		p := s.connect()
		p.say(final(websocket.PingMessage, "a"))
		p.want(sent(websocket.PongMessage, "a"))
		wantAsked(1)
		allowed = false
		p.say(final(websocket.PingMessage, "b"), message("x"))
		p.want(said("x"))
		wantAsked(2)
		s.conn.AskIfAlive()
		p.want(ping)
		p.say(pong)
		p.want()
		wantAsked(2)
		p.say(pong, message("x"))
		p.want(said("x"))
		wantAsked(3)
	})
}
