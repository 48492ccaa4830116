package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/access"
	"switchboard/internal/conn"
	"switchboard/internal/transcript"
)

var handshakePaths = []string{"/", "/ws?name=ann", socketPath}

// A handshake that a proxy has damaged is answered, and logged, with words that
// say what the proxy has to do.
func TestDamagedHandshakes(t *testing.T) {
	const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for name, tt := range map[string]struct{ version, fields, logged string }{
		"as nginx passes it":   {"1.0", "Connection: close\r\n" + key, "protocol=HTTP/1.0 host=localhost:9090"},
		"no Upgrade":           {"1.1", "Connection: Upgrade\r\n" + key, "protocol=HTTP/1.1 host=localhost:9090"},
		"no Connection":        {"1.1", "Upgrade: websocket\r\n" + key, ""},
		"another Connection":   {"1.1", "Upgrade: websocket\r\nConnection: keep-alive\r\n" + key, ""},
		"nothing but Upgrade":  {"1.1", "Upgrade: WebSocket\r\n", ""},
		"the version only":     {"1.1", "Sec-WebSocket-Version: 13\r\n", ""},
		"the key only":         {"1.1", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""},
		"an old proxy":         {"1.0", handshakeFields, "protocol=HTTP/1.0"},
		"a proxy with a name":  {"1.1", "Via: 1.1 varnish\r\nX-Forwarded-For: 203.0.113.1\r\n" + key, `Via="1.1 varnish" X-Forwarded-For=203.0.113.1`},
		"an empty Upgrade":     {"1.1", "Upgrade: \r\nConnection: \r\n" + key, ""},
		"Upgrade to something": {"1.1", "Upgrade: h2c\r\nConnection: Upgrade\r\n" + key, ""},
	} {
		for _, path := range handshakePaths {
			onStage(t, "", func(t *testing.T, s *stage) {
				answer := s.raw(fmt.Sprintf("GET %s HTTP/%s\r\nHost: localhost:9090\r\n%s\r\n", path, tt.version, tt.fields))
				for _, want := range []string{" 426 Upgrade Required\r\n", "\r\nUpgrade: websocket\r\n", "Upgrade and Connection", "proxy_http_version 1.1"} {
					if !strings.Contains(answer, want) {
						t.Errorf("%s, %s: answered %q, which lacks %q", name, path, answer, want)
					}
				}
				s.raw(fmt.Sprintf("GET %s HTTP/%s\r\nHost: localhost:9090\r\n%s\r\n", path, tt.version, tt.fields))
				lines := s.log.lines()
				if len(lines) != 1 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "peer=192.0.2.2:40000") ||
					!strings.Contains(lines[0], tt.logged) || !strings.Contains(lines[0], conn.ProxyMust) {
					t.Errorf("%s, %s: logged %q", name, path, lines)
				}
			})
		}
	}
}

// Whatever is wrong with a handshake, its sender hears what.
func TestHandshakesThatAreNone(t *testing.T) {
	for name, tt := range map[string]struct {
		method, fields, body string
		status, text         string
	}{
		"another method":    {"POST", handshakeFields, "", "405 Method Not Allowed", "method is not GET"},
		"another version":   {"GET", strings.ReplaceAll(handshakeFields, "13", "8"), "", "400 Bad Request", "'Sec-Websocket-Version'"},
		"no version":        {"GET", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "", "400 Bad Request", "'Sec-Websocket-Version'"},
		"no key":            {"GET", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "", "400 Bad Request", "'Sec-WebSocket-Key'"},
		"a short key":       {"GET", strings.Replace(handshakeFields, "dGhl", "", 1), "", "400 Bad Request", "'Sec-WebSocket-Key'"},
		"a body":            {"GET", handshakeFields + "Content-Length: 6\r\n", "\x81\x80....", "400 Bad Request", "no body"},
		"a body in chunks":  {"GET", handshakeFields + "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", "400 Bad Request", "no body"},
		"a body not there":  {"GET", handshakeFields + "Content-Length: 100\r\n", "", "400 Bad Request", "no body"},
		"an empty body":     {"GET", handshakeFields + "Content-Length: 0\r\n", "", "101 Switching Protocols", ""},
		"more in Upgrade":   {"GET", strings.Replace(handshakeFields, "Upgrade: websocket", "Upgrade: h2c, websocket", 1), "", "101 Switching Protocols", ""},
		"more in Conection": {"GET", strings.Replace(handshakeFields, "Connection: Upgrade", "Connection: keep-alive, upgrade", 1), "", "101 Switching Protocols", ""},
	} {
		for _, path := range handshakePaths {
			onStage(t, "-max-connections 1", func(t *testing.T, s *stage) {
				answer := s.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost:9090\r\n%s\r\n%s", tt.method, path, tt.fields, tt.body))
				if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.status) || !strings.Contains(answer, tt.text) {
					t.Errorf("%s, %s: answered %q, want %s with %s", name, path, answer, tt.status, tt.text)
				}
				if tt.text == "" {
					return
				}
				if s.Connect("ann", "/", nil); s.client("ann").ws == nil { // none has taken a slot
					t.Errorf("%s, %s: somebody else is refused", name, path)
				}
			})
		}
	}
}

// whole is a frame that is a whole message.
func whole(opcode byte, payload string) []byte { return frame(0x80|opcode, payload) }

// A client that does not wait for the answer to its handshake is understood,
// whatever comes with it.
func TestFramesBehindTheHandshake(t *testing.T) {
	login := string(whole(websocket.TextMessage, `{"type":"login","name":"ann"}`))
	users := string(whole(websocket.TextMessage, `{"type":"users"}`))
	for name, tt := range map[string]struct {
		path, frames string
		want         []string
	}{
		"one frame":       {"/", login, []string{`{"type":"login","success":true,"name":"ann"}`}},
		"several":         {"/", login + users + users, []string{`"success":true`, `"total":0`}},
		"half a frame":    {"/", login + users[:5], []string{`"success":true`}},
		"more than fits":  {"/", strings.Repeat(users, 200) + login, []string{`"not-logged-in"`, `"success":true`}},
		"a close frame":   {"/", string(whole(websocket.CloseMessage, "\x03\xe8")), []string{"\x88\x02\x03\xe8"}},
		"no frame at all": {"/", "GET / HTTP/1.1\r\n\r\n", []string{"\x88", "\x03\xea"}},
		"Socket.IO":       {socketPath, string(whole(websocket.TextMessage, `40{"name":"ann"}`)), []string{`0{"sid":`, `40{"sid":`, `"success":true`}},
	} {
		onStage(t, "-rate 0", func(t *testing.T, s *stage) {
			answer := s.raw("GET " + tt.path + " HTTP/1.1\r\nHost: localhost:9090\r\n" + handshakeFields + "\r\n" + tt.frames)
			_, rest, ok := strings.Cut(answer, "\r\n\r\n")
			for _, want := range tt.want {
				found := false
				if _, rest, found = strings.Cut(rest, want); !found {
					t.Errorf("%s: %.200q is heard, without %q in its place", name, answer, want)
				}
			}
			if !ok || !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
				t.Errorf("%s: answered %.200q", name, answer)
			}
		})
	}
}

// Half a frame that came with the handshake is completed by what comes later.
func TestFrameAcrossTheHandshake(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		login := whole(websocket.TextMessage, `{"type":"login","name":"ann"}`)
		s.raw("GET / HTTP/1.1\r\nHost: localhost:9090\r\n" + handshakeFields + "\r\n" + string(login[:9]))
		conn := s.clients[0].conn
		conn.Write(login[9:])
		s.signIn("bob")
		s.do("bob", `{"type":"users"}`)
		s.wantFrames("bob", `{"type":"users","users":[{"name":"ann","state":"free"}],"total":1}`)
	})
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
