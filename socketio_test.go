package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
	"switchboard/internal/transcript"
)

const (
	pollingPath = "/socket.io/?EIO=4&transport=polling"
	socketPath  = "/socket.io/?EIO=4&transport=websocket"
)

// beginPolling begins a session with long-polling and returns its id.
func (s *stage) beginPolling() string {
	s.t.Helper()
	synctest.Wait() // what is due happens first
	_, open := s.request("GET", pollingPath, "")
	id, rest, _ := strings.Cut(strings.TrimPrefix(open, `0{"sid":"`), `"`)
	if want := `,"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":15000,"maxPayload":65536}`; rest != want || id == "" {
		s.t.Fatalf("the session opens with %s", open)
	}
	return id
}

// poll lets the session wait for packets, and returns where they come.
func (s *stage) poll(id string) <-chan string {
	packets := make(chan string, 1)
	s.running.Go(func() {
		_, got := s.request("GET", pollingPath+"&sid="+id, "")
		packets <- got
	})
	synctest.Wait()
	return packets
}

// wantFrames checks the next frames that a client hears, byte for byte.
func (s *stage) wantFrames(client string, want ...string) {
	s.t.Helper()
	for _, frame := range want {
		if event, _ := s.Next(client); event.Kind != transcript.Frame || event.Text != frame {
			s.t.Fatalf("%s hears %v, want %s", client, event, frame)
		}
	}
}

// What a client posts before it has its WebSocket is obeyed when that has come:
// first that it connects, and then its events.
func TestPostedIsObeyed(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		s.wantAnswer("POST", pollingPath+"&sid="+id, `40{"userID":"ann"}`, 200, "ok")
		s.wantAnswer("POST", pollingPath+"&sid="+id, "421[\"users\"]\x1e422[\"users\"]", 200, "ok")
		s.goOver("ann", id)
		event, _ := s.Next("ann")
		if !strings.HasPrefix(event.Text, `40{"sid":"`) {
			t.Fatalf("ann hears %v", event)
		}
		s.wantFrames("ann", `42["login",{"success":true,"name":"ann"}]`,
			`42["users",{"users":[],"total":0}]`, `431[{}]`, `42["users",{"users":[],"total":0}]`, `432[{}]`)
		s.do("ann", `420["users"]`)
		s.wantFrames("ann", `42["users",{"users":[],"total":0}]`, `430[{}]`)
	})
}

// goOver connects a client that has begun with long-polling, and goes over.
func (s *stage) goOver(client, id string) {
	s.t.Helper()
	s.Connect(client, socketPath+"&sid="+id, nil)
	s.do(client, "2probe")
	s.wantFrames(client, "3probe")
	s.do(client, "5")
}

// Whoever asks to be connected and cannot be is refused in the words of Socket.IO,
// in each namespace.
func TestRefusalsOfConnect(t *testing.T) {
	for _, tt := range []struct{ posted, refusals string }{
		{`40`, `44{"message":"it \"cannot\" be"}`},
		{`40{"userID":"ann"}`, `44{"message":"it \"cannot\" be"}`},
		{`40/admin,{}`, `44/admin,{"message":"it \"cannot\" be"}`},
		{`40/admin,{} 40`, `44/admin,{"message":"it \"cannot\" be"} 44{"message":"it \"cannot\" be"}`},
		{`40 42["users"] bad`, `44{"message":"it \"cannot\" be"}`},
		{`42["users"]`, ""},
		{`41 3 4 6 40/admin`, ""},
		{"", ""},
	} {
		refusals := engineHost{}.Refusals(bytes.Split([]byte(tt.posted), []byte(" ")), `it "cannot" be`)
		if got := string(bytes.Join(refusals, []byte(" "))); got != tt.refusals {
			t.Errorf("%s is refused by %s, want %s", tt.posted, got, tt.refusals)
		}
	}
}

// A client whose WebSocket does not come hears why, in the words in which
// Socket.IO refuses to connect, and the operator hears of it too.
func TestNoWebSocketIsSaid(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		s.wantAnswer("POST", pollingPath+"&sid="+id, `40{"userID":"ann"}`, 200, "ok")
		const want = `44{"message":"your WebSocket does not come through to the server, and long-polling alone is not supported: ` + conn.ProxyMust + `"}`
		if got := <-s.poll(id); got != want {
			t.Errorf("the poll is answered %q, want %q", got, want)
		}
		s.log.wantLines(t, `level=WARN msg="no WebSocket comes through: `+conn.ProxyMust+`" seen="a Socket.IO client whose WebSocket does not come" `+
			`peer=192.0.2.2:40000 protocol=HTTP/1.1 host=localhost:9090`)
	})
}

// Sessions without a WebSocket hold no slots; their WebSockets take some, if
// there are any, and give them back if they fail.
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
		s.do("bob", "no upgrade")
		s.wantClosed("bob", websocket.CloseProtocolError, 0)
		s.Pass(conn.Linger)
		s.signIn("dan")
		s.Close("ann")
		s.Pass(conn.Linger)
		s.beginPolling()
	})
}

// Clients of Socket.IO 2 are refused, and the operator hears of it once for each
// address.
func TestSocketIO2(t *testing.T) {
	onStage(t, forwards, func(t *testing.T, s *stage) {
		for range 3 {
			s.request("GET", "/socket.io/?EIO=3&transport=polling&t=x&b64=1", "", "X-Forwarded-For", "203.0.113.1")
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

func TestShutdownReleasesPolls(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		packets := s.poll(s.beginPolling())
		start := time.Now()
		s.Stop()
		if got := <-packets; got != "1" {
			t.Errorf("the poll is answered %q, want 1", got)
		}
		s.running.Wait()
		if waited := time.Since(start); waited > conn.Linger {
			t.Errorf("shutdown took %v", waited)
		}
		if w := get(s.server, "GET", pollingPath); w.Code != http.StatusServiceUnavailable {
			t.Errorf("after the end somebody is let in with %d", w.Code)
		}
	})
}

// Pages from elsewhere may poll if they may connect, and others hear nothing that
// a browser lets them read.
func TestPollingFromOtherOrigins(t *testing.T) {
	onStage(t, "-origins https://app.example", func(t *testing.T, s *stage) {
		for _, tt := range []struct {
			method, origin string
			code           int
			allowed        string
		}{
			{"GET", "http://localhost:9090", 200, "http://localhost:9090"},
			{"GET", "https://app.example", 200, "https://app.example"},
			{"OPTIONS", "https://app.example", 204, "https://app.example"},
			{"GET", "https://evil.example", 403, ""},
			{"OPTIONS", "https://evil.example", 403, ""},
		} {
			answer, text := s.request(tt.method, pollingPath, "", "Origin", tt.origin)
			if began := strings.Contains(text, `"sid"`); began != (tt.code == 200) {
				t.Errorf("%s from %s is answered %q", tt.method, tt.origin, text)
			}
			if allowed := answer.Header.Get("Access-Control-Allow-Origin"); answer.StatusCode != tt.code || allowed != tt.allowed {
				t.Errorf("%s from %s is answered %d, which %q may read; want %d and %q", tt.method, tt.origin, answer.StatusCode, allowed, tt.code, tt.allowed)
			}
		}
	})
}

// The first frame is the open packet, whatever flags and limits say.
func TestOpenPacket(t *testing.T) {
	for flags, want := range map[string]string{
		"":          `"upgrades":[],"pingInterval":25000,"pingTimeout":15000,"maxPayload":65536}`,
		"-greeting": `"upgrades":[],"pingInterval":25000,"pingTimeout":15000,"maxPayload":65536}`,
		"-ping-interval 1s -pong-timeout 500ms -write-timeout 2s -max-message 1MiB -max-queue 5MiB": `"upgrades":[],"pingInterval":1000,"pingTimeout":2500,"maxPayload":1048576}`,
	} {
		onStage(t, flags, func(t *testing.T, s *stage) {
			s.Connect("ann", socketPath, nil)
			event, _ := s.Next("ann")
			id, rest, _ := strings.Cut(strings.TrimPrefix(event.Text, `0{"sid":"`), `",`)
			if len(id) < 20 || rest != want {
				t.Errorf("with %q the session opens with %s", flags, event.Text)
			}
		})
	}
	onStage(t, "-max-connections 1", func(t *testing.T, s *stage) {
		s.signIn("ann")
		s.Connect("bob", socketPath, nil)
		s.wantClosed("bob", websocket.CloseTryAgainLater, 0)
	})
}

// connectIO connects a Socket.IO client that signs in with that.
func (s *stage) connectIO(client, auth string) {
	s.t.Helper()
	s.Connect(client, socketPath, nil)
	s.do(client, "40"+auth)
	for range 2 {
		s.Next(client)
	}
}

// A flood of whatever kind ends with the one who makes it.
func TestSocketIOFloods(t *testing.T) {
	for _, packet := range []string{`3`, `430[]`, `420["hello"]`, `40/admin,`, `42["leave"]`} {
		onStage(t, "", func(t *testing.T, s *stage) {
			s.talk("ann", "bob")
			s.connectIO("eve", `{}`)
			for range 2000 {
				if s.Send("eve", []byte(packet), false) != nil {
					break // told already
				}
			}
			s.wantClosed("eve", websocket.ClosePolicyViolation, 0)
			s.do("ann", `{"type":"leave"}`)
			if event, _ := s.Next("bob"); !strings.Contains(event.Text, "hangup") {
				t.Errorf("%s: bob hears %v", packet, event)
			}
		})
	}
}

// What a teacher may ask to be acknowledged, and what it then knows.
func TestAcknowledgements(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		s.connectIO("tina", `{"userID":"tina","role":"teacher"}`)
		s.Next("tina")
		for i, student := range []string{"sam", "sue"} {
			s.connectIO(student, fmt.Sprintf(`{"userID":%q,"role":"student"}`, student))
			s.Next(student)
			s.do("tina", fmt.Sprintf(`42%d["request-call",{"studentID":%q,"sdp":"v=0"}]`, i, student))
			rung, _ := s.Next(student)
			if !strings.HasPrefix(rung.Text, `42["request-call",{"sdp":"v=0","name":"tina"`) {
				t.Fatalf("%s hears %v", student, rung)
			}
			s.Next("tina") // ringing
			id := callIDIn(t, rung.Text)
			s.wantFrames("tina", fmt.Sprintf(`43%d[{"callID":%q}]`, i, id))
			s.do("tina", fmt.Sprintf(`421%d["new-ice-candidate",{"callID":%q,"candidate":"x"}]`, i, id))
			s.wantFrames("tina", fmt.Sprintf(`431%d[{"callID":%q}]`, i, id))
		}
		s.do("tina", `4299["end-call"]`) // which of the two?
		event, _ := s.Next("tina")
		if !strings.HasPrefix(event.Text, `42["error",{"code":"bad-request"`) {
			t.Errorf("tina hears %v", event)
		}
		event, _ = s.Next("tina")
		if !strings.HasPrefix(event.Text, `4399[{"code":"bad-request"`) {
			t.Errorf("tina hears %v", event)
		}
	})
}

func callIDIn(t *testing.T, frame string) string {
	t.Helper()
	_, rest, _ := strings.Cut(frame, `"callID":"`)
	id, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("there is no callID in %s", frame)
	}
	return id
}

// FuzzSocketIOFraming sends whatever frames to a whole session. It ends, or
// it goes on and still answers; it never ends as a fault of ours.
func FuzzSocketIOFraming(f *testing.F) {
	f.Add("40\n42[\"join\",{\"room\":1}]\n3\n42[\"offer\",{}]")
	f.Add("40{\"name\":\"ann\"}\n420[\"users\"]\n41")
	f.Add("2probe\n5\n40")
	f.Add("40/a,\n40\n40\n451-[\"x\"]\n\n1")
	f.Fuzz(func(t *testing.T, script string) {
		if !utf8.ValidString(script) || len(script) > 4096 {
			return
		}
		onStage(t, "", func(t *testing.T, s *stage) {
			s.Connect("ann", socketPath, nil)
			s.Next("ann")
			for frame := range strings.SplitSeq(script, "\n") {
				if s.Send("ann", []byte(frame), false) != nil {
					break
				}
				synctest.Wait()
			}
			s.Send("ann", []byte(`4277["hello"]`), false)
			answered := false
			for {
				event, ok := s.Next("ann")
				if !ok {
					break
				}
				if event.Kind == transcript.Closed && event.Code == websocket.CloseInternalServerErr {
					t.Fatalf("%q ends with %v", script, event)
				}
				answered = event.Kind == transcript.Closed || strings.HasPrefix(event.Text, "4377[")
			}
			if !answered {
				t.Errorf("after %q there is no answer", script)
			}
		})
	})
}
