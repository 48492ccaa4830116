package main

import (
	"context"
	"fmt"
	"io"
	"net"
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

// request makes a plain request to the stage's server.
func (s *stage) request(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://localhost:9090"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return s.listener.Dial(ctx, stageWindow) }
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		s.t.Error(err)
		return nil, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Error(err)
	}
	return answer, string(text)
}

// raw sends bytes of a connection of their own and returns what comes at once.
// The connection stays, and nobody reads from it any more.
func (s *stage) raw(text string) string {
	s.t.Helper()
	conn, err := s.listener.Dial(s.t.Context(), stageWindow)
	if err != nil {
		s.t.Fatal(err)
	}
	s.clients = append(s.clients, &stageClient{conn: conn})
	if _, err := conn.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	synctest.Wait()
	return conn.Unread()
}

// handshakeFields are what makes a request the handshake of a WebSocket.
const handshakeFields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// wantAnswer makes a request and checks what comes back.
func (s *stage) wantAnswer(method, path, body string, code int, want string) {
	s.t.Helper()
	synctest.Wait() // what is due happens first
	if answer, got := s.request(method, path, body); answer == nil || answer.StatusCode != code || got != want {
		s.t.Errorf("%s %s is answered %v %q, want %d %q", method, path, answer, got, code, want)
	}
}

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

// A client with default options, as one sees it on the wire.
func TestUpgradeFromPolling(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		s.wantAnswer("POST", pollingPath+"&sid="+id, `40{"userID":"ann"}`, 200, "ok")
		packets := s.poll(id)
		s.Connect("ann", socketPath+"&sid="+id, nil)
		s.do("ann", "2probe")
		s.wantFrames("ann", "3probe")
		if got := <-packets; got != "6" {
			t.Errorf("the poll is answered %q, want 6", got)
		}
		if again := <-s.poll(id); again != "6" {
			t.Errorf("asked again, the poll is answered %q, want 6", again)
		}
		s.wantAnswer("POST", pollingPath+"&sid="+id, "421[\"users\"]\x1e422[\"users\"]", 200, "ok")
		s.do("ann", "5")
		event, _ := s.Next("ann")
		if !strings.HasPrefix(event.Text, `40{"sid":"`) {
			t.Fatalf("ann hears %v", event)
		}
		s.wantFrames("ann", `42["login",{"success":true,"name":"ann"}]`,
			`42["users",{"users":[],"total":0}]`, `431[{}]`, `42["users",{"users":[],"total":0}]`, `432[{}]`)
		s.wantAnswer("GET", pollingPath+"&sid="+id, "", 400, `{"code":1,"message":"Session ID unknown"}`)
		time.Sleep(25 * time.Second)
		s.wantFrames("ann", "2")
		s.do("ann", `420["users"]`)
		s.wantFrames("ann", `42["users",{"users":[],"total":0}]`, `430[{}]`)
	})
}

func TestPollingIsRefused(t *testing.T) {
	const tooOld = `{"code":5,"message":"Unsupported protocol version: EIO=4 is needed, which clients of Socket.IO 3 and 4 speak"}`
	onStage(t, "", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		for _, tt := range []struct {
			method, path, body string
			code               int
			want               string
		}{
			{"GET", "/socket.io/?EIO=3&transport=polling", "", 400, tooOld},
			{"GET", "/socket.io?transport=polling", "", 400, tooOld},
			{"GET", "/socket.io/?EIO=4&transport=carrier-pigeon", "", 400, `{"code":0,"message":"Transport unknown"}`},
			{"GET", socketPath, "", 400, `{"code":3,"message":"Bad request"}`},
			{"POST", pollingPath, "40", 400, `{"code":2,"message":"Bad handshake method"}`},
			{"DELETE", pollingPath + "&sid=" + id, "", 400, `{"code":2,"message":"Bad handshake method"}`},
			{"GET", pollingPath + "&sid=x", "", 400, `{"code":1,"message":"Session ID unknown"}`},
			{"POST", pollingPath + "&sid=x", "40", 400, `{"code":1,"message":"Session ID unknown"}`},
			{"POST", pollingPath + "&sid=" + id, "40\xff", 400, `{"code":3,"message":"Bad request"}`},
			{"POST", pollingPath + "&sid=" + id, strings.Repeat("x", maxPosted+1), 413, `{"code":3,"message":"Too much before the upgrade to WebSocket"}`},
		} {
			s.wantAnswer(tt.method, tt.path, tt.body, tt.code, tt.want)
		}
		s.wantAnswer("POST", pollingPath+"&sid="+id, strings.Repeat("40\x1e", maxPostedPackets), 413,
			`{"code":3,"message":"Too much before the upgrade to WebSocket"}`)
		s.wantAnswer("GET", pollingPath+"&sid="+id, "", 400, `{"code":1,"message":"Session ID unknown"}`)
	})
}

// What a client does wrong when it goes over to its WebSocket ends its
// session, and leaves nothing behind.
func TestUpgradeFails(t *testing.T) {
	for name, play := range map[string]func(s *stage){
		"another probe":    func(s *stage) { s.do("ann", "2") },
		"no upgrade":       func(s *stage) { s.do("ann", "2probe"); s.wantFrames("ann", "3probe"); s.do("ann", "40") },
		"binary":           func(s *stage) { s.Send("ann", []byte("2probe"), true) },
		"silence":          func(s *stage) { time.Sleep(switchTime) },
		"an early goodbye": func(s *stage) { s.Close("ann") },
		"a lost network":   func(s *stage) { s.Drop("ann") },
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, "-max-connections 1", func(t *testing.T, s *stage) {
				id := s.beginPolling()
				packets := s.poll(id)
				s.Connect("ann", socketPath+"&sid="+id, nil)
				s.Connect("eve", socketPath+"&sid="+id, nil)
				if event, _ := s.Next("eve"); event.Kind != transcript.Refused || event.Code != 400 {
					t.Errorf("a second WebSocket for one session: %v, want refused 400", event)
				}
				play(s)
				if got := <-packets; got != "1" && got != "6" {
					t.Errorf("the poll is answered %q", got)
				}
				time.Sleep(conn.Linger)
				s.wantAnswer("GET", pollingPath+"&sid="+id, "", 400, `{"code":1,"message":"Session ID unknown"}`)
				s.Connect("ben", "/", nil) // there is room again
				if event, ok := s.Next("ben"); ok {
					t.Errorf("the next one hears %v", event)
				}
				for range 2 {
					s.Next("ann") // the close frame, of whatever code
				}
			})
		})
	}
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

// Pages from elsewhere, if they may, can read what polling answers; it is
// asked with credentials, and so must name the very origin.
func TestPollingFromOtherOrigins(t *testing.T) {
	onStage(t, "-origins https://app.example", func(t *testing.T, s *stage) {
		for _, tt := range []struct {
			method, origin string
			code           int
		}{
			{"GET", "", 200},
			{"GET", "http://localhost:9090", 200},
			{"GET", "https://app.example", 200},
			{"OPTIONS", "https://app.example", 204},
			{"GET", "https://evil.example", 403},
			{"OPTIONS", "https://evil.example", 403},
		} {
			header := []string{"Access-Control-Request-Headers", "x-school"}
			if tt.origin != "" {
				header = append(header, "Origin", tt.origin)
			}
			answer, _ := s.request(tt.method, pollingPath, "", header...)
			if answer == nil || answer.StatusCode != tt.code {
				t.Fatalf("%s from %q is answered %v, want %d", tt.method, tt.origin, answer, tt.code)
			}
			want := map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "", "Access-Control-Allow-Headers": ""}
			if tt.code != 403 && tt.origin != "" {
				want["Access-Control-Allow-Origin"], want["Access-Control-Allow-Credentials"] = tt.origin, "true"
			}
			if tt.code == 204 {
				want["Access-Control-Allow-Headers"] = "x-school"
			}
			for name, value := range want {
				if got := answer.Header.Get(name); got != value {
					t.Errorf("%s from %q: %s is %q, want %q", tt.method, tt.origin, name, got, value)
				}
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
