package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/access"
	"switchboard/internal/conn"
	"switchboard/internal/transcript"
)

var handshakePaths = []string{"/", "/ws?name=ann", socketPath}

// A handshake that a proxy has damaged is logged, once for an address, with words
// that say what the proxy has to do, and which it is.
func TestDamagedHandshakesAreLogged(t *testing.T) {
	const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for _, tt := range []struct{ version, fields, logged string }{
		{"1.0", "Connection: close\r\n" + key, "protocol=HTTP/1.0 host=localhost:9090"}, // as nginx passes it
		{"1.1", "Connection: Upgrade\r\n" + key, "protocol=HTTP/1.1 host=localhost:9090"},
		{"1.1", "Via: 1.1 varnish\r\nX-Forwarded-For: 203.0.113.1\r\n" + key, `Via="1.1 varnish" X-Forwarded-For=203.0.113.1`},
	} {
		for _, path := range handshakePaths {
			onStage(t, "", func(t *testing.T, s *stage) {
				for range 2 {
					answer := s.raw(fmt.Sprintf("GET %s HTTP/%s\r\nHost: localhost:9090\r\n%s\r\n", path, tt.version, tt.fields))
					if !strings.Contains(answer, " 426 Upgrade Required\r\n") || !strings.Contains(answer, conn.ProxyMust) {
						t.Errorf("%s with %q is answered %q", path, tt.fields, answer)
					}
				}
				lines := s.log.lines()
				if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "peer=192.0.2.2:40000") ||
					!strings.Contains(lines[0], tt.logged) || !strings.Contains(lines[0], conn.ProxyMust) {
					t.Errorf("%s with %q: logged %q", path, tt.fields, lines)
				}
			})
		}
	}
}

// A handshake that is none takes no slot from others.
func TestHandshakesThatAreNone(t *testing.T) {
	for _, tt := range []struct{ method, fields, status string }{
		{"POST", handshakeFields, "405 Method Not Allowed"},
		{"GET", strings.ReplaceAll(handshakeFields, "13", "8"), "400 Bad Request"},
		{"GET", handshakeFields + "Content-Length: 100\r\n", "400 Bad Request"},
	} {
		for _, path := range handshakePaths {
			onStage(t, "-max-connections 1", func(t *testing.T, s *stage) {
				answer := s.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost:9090\r\n%s\r\n", tt.method, path, tt.fields))
				if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.status) {
					t.Errorf("%s %s with %q is answered %q, want %s", tt.method, path, tt.fields, answer, tt.status)
				}
				if s.Connect("ann", "/", nil); s.client("ann").ws == nil {
					t.Errorf("%s %s with %q: somebody else is refused", tt.method, path, tt.fields)
				}
			})
		}
	}
}

// Whoever offers subprotocols gets one of them, on every way in.
func TestSubprotocolIsChosen(t *testing.T) {
	onStage(t, "-max-connections 3", func(t *testing.T, s *stage) {
		id := s.beginPolling()
		for i, path := range []string{"/", socketPath, socketPath + "&sid=" + id, "/"} { // the last one is refused for want of room
			name := fmt.Sprintf("ann%d", i)
			s.Connect(name, path, http.Header{"Sec-Websocket-Protocol": {"chat", "json"}})
			if c := s.client(name); c.ws == nil || c.ws.Subprotocol() != "json" {
				t.Errorf("%s: json is not chosen", path)
			}
		}
	})
}

// from makes a client come from an address, if the stage's own is trusted.
func from(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }

// forwards are the flags with which the stage's clients choose their addresses.
const forwards = "-trusted-proxies 192.0.2.2 "

// Whoever comes again and again to be refused takes no slot from others.
func TestRefusedConnectionsTakeNoSlot(t *testing.T) {
	onStage(t, forwards+"-max-connections 10 -max-connections-per-ip 5", func(t *testing.T, s *stage) {
		for i := range 130 {
			s.Connect(fmt.Sprintf("eve%d", i), "/", from("203.0.113.66"))
		}
		for i := range 5 {
			s.Connect("ann", "/", from(fmt.Sprintf("203.0.113.%d", i)))
			if event, ok := s.Next("ann"); ok {
				t.Fatalf("ann hears %v", event)
			}
		}
		// Ten are in, five of them eve's.
		s.Connect("bob", "/", from("203.0.113.100"))
		s.wantClosed("bob", websocket.CloseTryAgainLater, 0)
		for i := range 130 {
			event, _ := s.Next(fmt.Sprintf("eve%d", i))
			want := transcript.Event{Kind: transcript.Closed, Code: websocket.CloseTryAgainLater, Text: "too many connections"}
			if i < 5 {
				want = transcript.Event{}
			}
			if event != want {
				t.Fatalf("the connection %d of one address hears %v, want %v", i, event, want)
			}
		}
		s.Close("ann")
		s.Pass(time.Second)
		s.Connect("bob", "/", from("203.0.113.100"))
		if event, ok := s.Next("bob"); ok {
			t.Errorf("bob hears %v when there is room again", event)
		}
	})
}

// Whoever is refused and does not go is gone after the time of a farewell.
// Meanwhile there are so many of them, of one address and in all.
func TestRefusedConnectionsAreBounded(t *testing.T) {
	for of, tt := range map[string]struct {
		address string
		most    int
	}{
		"one address":    {"203.0.113.66", access.MaxRefusedOfSubnet},
		"many addresses": {"203.0.%d.%d", access.MaxRefused},
	} {
		t.Run(of, func(t *testing.T) {
			onStage(t, forwards+"-max-connections 1", func(t *testing.T, s *stage) {
				s.Connect("ann", "/", from("203.0.113.1"))
				knock := func(i int) string {
					address := tt.address
					if strings.Contains(address, "%") {
						address = fmt.Sprintf(address, i/250, i%250)
					}
					return s.raw("GET / HTTP/1.1\r\nHost: localhost:9090\r\nX-Forwarded-For: " + address + "\r\n" + handshakeFields + "\r\n")
				}
				for i := range tt.most {
					if answer := knock(i); !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
						t.Fatalf("the connection %d is answered %q", i, answer)
					}
				}
				for i := range 3 {
					answer := knock(tt.most + i)
					if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "Retry-After: 5\r\n") ||
						!strings.Contains(answer, "too many connections") {
						t.Errorf("one too many is answered %q", answer)
					}
				}
				s.Pass(conn.Linger + time.Millisecond)
				if answer := knock(0); !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
					t.Errorf("after the others have gone, one is answered %q", answer)
				}
			})
		})
	}
}

// A proxy that does not say for whom it comes does not make everybody one.
func TestUnknownAddressesAreNotOne(t *testing.T) {
	for _, address := range []string{"unknown", "_hidden", ""} {
		onStage(t, forwards+"-max-connections-per-ip 1 -max-connections 3", func(t *testing.T, s *stage) {
			for _, name := range []string{"ann", "bob", "cyd"} {
				s.Connect(name, "/", from(address))
				if event, ok := s.Next(name); ok {
					t.Errorf("%s of address %q hears %v", name, address, event)
				}
			}
			s.Connect("dan", "/", from(address))
			s.wantClosed("dan", websocket.CloseTryAgainLater, 0)
		})
	}
	onStage(t, forwards+"-max-connections-per-ip 1", func(t *testing.T, s *stage) {
		s.Connect("ann", "/", from("203.0.113.1:5000"))
		s.Connect("bob", "/", from("203.0.113.2:5000"))
		if event, ok := s.Next("bob"); ok {
			t.Errorf("bob hears %v", event)
		}
		s.Connect("eve", "/", from("203.0.113.1:5001"))
		s.wantClosed("eve", websocket.CloseTryAgainLater, 0)
	})
}

// request makes a plain request to the stage's server.
func (s *stage) request(method, path, body string, header ...string) (*http.Response, string) {
	s.t.Helper()
	answer, text, err := s.listener.Request(context.Background(), stageWindow, method, "http://localhost:9090"+path, body, header...)
	if err != nil {
		s.t.Error(err)
	}
	return answer, text
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
