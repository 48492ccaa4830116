package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
	"switchboard/internal/transcript"
)

// What PROTOCOL.md promises to sessions that begin with long-polling.
const (
	webSocketTime    = 6 * time.Second
	sessionTime      = 10 * time.Second
	switchTime       = 5 * time.Second
	maxPosted        = 16 << 10
	maxPostedPackets = 16
)

const noWebSocket = "your WebSocket does not come through to the server, and long-polling alone is not supported: " + conn.ProxyMust

// A client whose WebSocket does not come hears why, in the words in which
// Socket.IO refuses to connect, as soon as it can hear it.
func TestNoWebSocketIsSaid(t *testing.T) {
	const word = `{"message":"` + noWebSocket + `"}`
	post := func(body string) func(*stage, string) {
		return func(s *stage, id string) { s.wantAnswer("POST", pollingPath+"&sid="+id, body, 200, "ok") }
	}
	pass := func(d time.Duration) func(*stage, string) { return func(s *stage, _ string) { s.Pass(d) } }
	type steps []func(*stage, string)
	for name, tt := range map[string]struct {
		before, after steps // the poll
		want          string
		at            time.Duration
	}{
		"connect, poll":            {steps{post(`40{"userID":"ann"}`)}, nil, "44" + word, webSocketTime},
		"poll, connect":            {nil, steps{post("40")}, "44" + word, webSocketTime},
		"poll, connect late":       {nil, steps{pass(7 * time.Second), post("40")}, "44" + word, 7 * time.Second},
		"connect, poll late":       {steps{post("40"), pass(8 * time.Second)}, nil, "44" + word, 8 * time.Second},
		"another namespace":        {steps{post("40/admin,{}")}, nil, "44/admin," + word, webSocketTime},
		"two namespaces":           {steps{post("40/admin,{}\x1e40")}, nil, "44/admin," + word + "\x1e44" + word, webSocketTime},
		"events besides":           {steps{post("40\x1e42[\"users\"]\x1ebad")}, nil, "44" + word, webSocketTime},
		"nothing but a poll":       {nil, nil, "1", sessionTime},
		"an event without connect": {steps{post(`42["users"]`)}, nil, "1", sessionTime},
		"a goodbye":                {steps{post("40")}, steps{pass(time.Second), post("1")}, "1", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "", func(t *testing.T, s *stage) {
				start := time.Now()
				id := s.beginPolling()
				for _, step := range tt.before {
					step(s, id)
				}
				packets := s.poll(id)
				for _, step := range tt.after {
					step(s, id)
				}
				if got := <-packets; got != tt.want || time.Since(start) != tt.at {
					t.Errorf("the poll is answered %q after %v, want %q after %v", got, time.Since(start), tt.want, tt.at)
				}
				s.wantAnswer("GET", pollingPath+"&sid="+id, "", 400, `{"code":1,"message":"Session ID unknown"}`)
				lines := s.log.lines()
				if said := strings.Contains(lines[0], "a Socket.IO client whose WebSocket does not come"); len(lines) != 1 || said != (tt.want != "1") {
					t.Errorf("logged %q", lines)
				}
			})
		})
	}
}

// Who does not poll is forgotten, and so is who has told nothing.
func TestPollingSessionsGo(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		s.wantAnswer("POST", pollingPath+"&sid="+id, "40", 200, "ok")
		s.Pass(sessionTime)
		s.wantAnswer("GET", pollingPath+"&sid="+id, "", 400, `{"code":1,"message":"Session ID unknown"}`)
		s.wantAnswer("POST", pollingPath+"&sid="+id, "40", 400, `{"code":1,"message":"Session ID unknown"}`)
		s.log.wantLines(t, "")
	})
}

func TestOnePollAtATime(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		packets := s.poll(id)
		s.wantAnswer("GET", pollingPath+"&sid="+id, "", 400, `{"code":3,"message":"Bad request"}`)
		if got := <-packets; got != "1" {
			t.Errorf("the first poll is answered %q", got)
		}
	})
}

// A WebSocket that comes late, but in time, is as good as any.
func TestSlowWebSocket(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		s.wantAnswer("POST", pollingPath+"&sid="+id, "40", 200, "ok")
		packets := s.poll(id)
		s.Pass(webSocketTime - time.Millisecond)
		s.Connect("ann", socketPath+"&sid="+id, nil)
		s.Pass(switchTime - time.Second)
		s.do("ann", "2probe")
		s.wantFrames("ann", "3probe")
		if got := <-packets; got != "6" {
			t.Errorf("the poll is answered %q, want 6", got)
		}
		s.Pass(time.Second / 2)
		s.do("ann", "5")
		if event, _ := s.Next("ann"); !strings.HasPrefix(event.Text, `40{"sid":"`) {
			t.Errorf("ann hears %v", event)
		}
		s.Pass(time.Minute)
		s.do("ann", `420["users"]`)
		for range 2 {
			s.wantFrames("ann", "2")
		}
		if event, _ := s.Next("ann"); event.Kind != transcript.Frame {
			t.Errorf("ann hears %v", event)
		}
	})
}

// Sessions without a WebSocket hold no slots; their WebSockets take some, if
// there are any.
func TestPollingHoldsNoSlot(t *testing.T) {
	onStage(t, "-max-connections 2 -max-connections-per-ip 2", func(t *testing.T, s *stage) {
		for range 100 {
			s.beginPolling()
		}
		first, second := s.beginPolling(), s.beginPolling()
		s.signIn("ann")
		s.Connect("bob", socketPath+"&sid="+first, nil)
		s.do("bob", "2probe")
		s.wantFrames("bob", "3probe")

		// Now all slots are taken.
		answer, text := s.request("GET", pollingPath, "")
		if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || !strings.Contains(text, "Too many connections") {
			t.Errorf("one more session is answered %d %s", answer.StatusCode, text)
		}
		packets := s.poll(second)
		s.Connect("cyd", socketPath+"&sid="+second, nil)
		s.wantClosed("cyd", websocket.CloseTryAgainLater, 0)
		if got := <-packets; got != "1" {
			t.Errorf("the poll of a session whose WebSocket is refused is answered %q", got)
		}
		s.Close("ann")
		s.Pass(conn.Linger)
		s.beginPolling()
	})
}

// Clients of Socket.IO 2 are refused, and the operator hears of it.
func TestSocketIO2(t *testing.T) {
	onStage(t, forwards, func(t *testing.T, s *stage) {
		for _, path := range []string{"/socket.io/?EIO=3&transport=polling&t=x&b64=1", "/socket.io/?EIO=3&transport=websocket", "/socket.io/?EIO=3"} {
			for range 3 {
				answer, text := s.request("GET", path, "", "X-Forwarded-For", "203.0.113.1")
				if answer.StatusCode != 400 || !strings.Contains(text, `"code":5`) || !strings.Contains(text, "Socket.IO 3 and 4") {
					t.Errorf("%s is answered %d %s", path, answer.StatusCode, text)
				}
			}
		}
		s.Connect("eve", "/socket.io/?EIO=3&transport=websocket", from("203.0.113.2"))
		if event, _ := s.Next("eve"); event.Code != 400 {
			t.Errorf("eve hears %v", event)
		}
		s.request("GET", "/socket.io/", "")
		const line = `level=WARN msg="a client of Socket.IO 2 or older tried to connect; it needs version 3 or 4" EIO=3 address=203.0.113.%d origin=""`
		s.log.wantLines(t, fmt.Sprintf(line, 1), fmt.Sprintf(line, 2))
	})
}

// testSubnet returns one of four billion subnets.
func testSubnet(n uint32) netip.Prefix {
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], n)
	return netip.PrefixFrom(netip.AddrFrom4(bytes), 32)
}
