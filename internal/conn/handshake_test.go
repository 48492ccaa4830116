package conn

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// Browsers close a connection for which none of the subprotocols that they offer
// is chosen.
func TestSubprotocols(t *testing.T) {
	for _, tt := range []struct {
		offered []string
		want    string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{","}, ""},
		{[]string{"json"}, "json"},
		{[]string{"chat"}, "chat"},
		{[]string{"chat, json"}, "json"},
		{[]string{"chat,superchat"}, "chat"},
		{[]string{"chat", "json"}, "json"},
		{[]string{"", " , chat\t, "}, "chat"},
		{[]string{"jsonp, json2"}, "jsonp"},
		{[]string{"JSON"}, "JSON"},
		{[]string{"not a token, (nor this), v1.chat+json"}, "v1.chat+json"},
		{[]string{"\"quoted\""}, ""},
		{[]string{"bücher, x"}, "x"},
		{[]string{"base64url.bearer.authorization.k8s.io.abc_-~!#$%&'*^`|, second"}, "base64url.bearer.authorization.k8s.io.abc_-~!#$%&'*^`|"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Sec-Websocket-Protocol"] = tt.offered
		if got := subprotocol(r); got != tt.want {
			t.Errorf("of %q %q is chosen, want %q", tt.offered, got, tt.want)
		}
	}
}

// request returns a request with these fields.
func request(method, version, fields string) string {
	return fmt.Sprintf("%s / HTTP/%s\r\nHost: localhost\r\n%s\r\n", method, version, fields)
}

// Whatever is wrong with a handshake, its sender hears what.
func TestHandshakes(t *testing.T) {
	for name, tt := range map[string]struct {
		method, fields, body string
		status, text         string
	}{
		"as browsers send it": {"GET", handshakeFields, "", "101 Switching Protocols", "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"}, // RFC 6455, 1.3
		"a subprotocol":       {"GET", handshakeFields + "Sec-WebSocket-Protocol: chat, json\r\n", "", "101 Switching Protocols", "\r\nSec-WebSocket-Protocol: json\r\n"},
		"an empty body":       {"GET", handshakeFields + "Content-Length: 0\r\n", "", "101 Switching Protocols", ""},
		"more in Upgrade":     {"GET", strings.Replace(handshakeFields, "Upgrade: websocket", "Upgrade: h2c, websocket", 1), "", "101 Switching Protocols", ""},
		"more in Connection":  {"GET", strings.Replace(handshakeFields, "Connection: Upgrade", "Connection: keep-alive, upgrade", 1), "", "101 Switching Protocols", ""},
		"another method":      {"POST", handshakeFields, "", "405 Method Not Allowed", "method is not GET"},
		"the right method":    {"POST", handshakeFields, "", "405 Method Not Allowed", "\r\nAllow: GET\r\n"},
		"another version":     {"GET", strings.ReplaceAll(handshakeFields, "13", "8"), "", "400 Bad Request", "'Sec-Websocket-Version'"},
		"no version":          {"GET", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "", "400 Bad Request", "'Sec-Websocket-Version'"},
		"the right version":   {"GET", strings.ReplaceAll(handshakeFields, "13", "8"), "", "400 Bad Request", "\r\nSec-Websocket-Version: 13\r\n"},
		"no key":              {"GET", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "", "400 Bad Request", "'Sec-WebSocket-Key'"},
		"a short key":         {"GET", strings.Replace(handshakeFields, "dGhl", "", 1), "", "400 Bad Request", "'Sec-WebSocket-Key'"},
		"a body":              {"GET", handshakeFields + "Content-Length: 6\r\n", "\x81\x80....", "400 Bad Request", "no body"},
		"a body in chunks":    {"GET", handshakeFields + "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", "400 Bad Request", "no body"},
		"a body not there":    {"GET", handshakeFields + "Content-Length: 100\r\n", "", "400 Bad Request", "\r\nConnection: close\r\n"},
	} {
		onServer(t, func(t *testing.T, s *testServer) {
			p := s.dial(testWindow)
			p.say(request(tt.method, "1.1", tt.fields), tt.body)
			answer, _ := p.hear()
			if !strings.HasPrefix(answer, "HTTP/1.1 "+tt.status+"\r\n") || !strings.Contains(answer, tt.text) {
				t.Errorf("%s: answered %q, want %s with %q", name, answer, tt.status, tt.text)
			}
			if made := s.conn != nil && s.refused == nil; made != (tt.status == "101 Switching Protocols") {
				t.Errorf("%s: Upgrade returns %v", name, s.refused)
			}
		})
	}
}

// A handshake that a proxy has damaged is answered with words that say what the
// proxy has to do.
func TestDamagedHandshakes(t *testing.T) {
	const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	for name, tt := range map[string]struct{ version, fields string }{
		"as nginx passes it":   {"1.0", "Connection: close\r\n" + key},
		"no Upgrade":           {"1.1", "Connection: Upgrade\r\n" + key},
		"no Connection":        {"1.1", "Upgrade: websocket\r\n" + key},
		"another Connection":   {"1.1", "Upgrade: websocket\r\nConnection: keep-alive\r\n" + key},
		"nothing but Upgrade":  {"1.1", "Upgrade: WebSocket\r\n"},
		"the version only":     {"1.1", "Sec-WebSocket-Version: 13\r\n"},
		"the key only":         {"1.1", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"},
		"an old proxy":         {"1.0", handshakeFields},
		"a proxy with a name":  {"1.1", "Via: 1.1 varnish\r\nX-Forwarded-For: 203.0.113.1\r\n" + key},
		"an empty Upgrade":     {"1.1", "Upgrade: \r\nConnection: \r\n" + key},
		"Upgrade to something": {"1.1", "Upgrade: h2c\r\nConnection: Upgrade\r\n" + key},
	} {
		onServer(t, func(t *testing.T, s *testServer) {
			p := s.dial(testWindow)
			p.say(request("GET", tt.version, tt.fields))
			answer, _ := p.hear()
			for _, want := range []string{" 426 Upgrade Required\r\n", "\r\nUpgrade: websocket\r\n", ProxyMust, "proxy_http_version 1.1"} {
				if !strings.Contains(answer, want) {
					t.Errorf("%s: answered %q, which lacks %q", name, answer, want)
				}
			}
		})
	}
	for name, fields := range map[string]string{
		"a page":     "",
		"HTTP/2":     "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
		"keep-alive": "Connection: keep-alive\r\n",
	} {
		onServer(t, func(t *testing.T, s *testServer) {
			p := s.dial(testWindow)
			p.say(request("GET", "1.1", fields))
			if answer, _ := p.hear(); strings.Contains(answer, " 426 ") {
				t.Errorf("a request for %s is taken for a damaged handshake", name)
			}
		})
	}
}

// A request whose network connection cannot be had is answered as well.
func TestHandshakeWithoutANetwork(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	for field := range strings.SplitSeq(strings.TrimSpace(handshakeFields), "\r\n") {
		key, value, _ := strings.Cut(field, ": ")
		r.Header.Set(key, value)
	}
	w := httptest.NewRecorder() // is no http.Hijacker
	if err := newTestConn(nil).Upgrade(w, r); err == nil || w.Code != 500 {
		t.Errorf("Upgrade returns %v and answers %d", err, w.Code)
	}
}

// A client that does not wait for the answer to its handshake is understood,
// whatever comes with it.
func TestFramesBehindTheHandshake(t *testing.T) {
	for name, tt := range map[string]struct{ frames, want string }{
		"one frame":       {message("a"), said("a")},
		"several":         {message("a") + message("b") + message("c"), said("a") + said("b") + said("c")},
		"half a frame":    {message("a") + message("b")[:5], said("a")},
		"more than fits":  {strings.Repeat(message("a"), 1000) + message("b"), strings.Repeat(said("a"), 1000) + said("b")},
		"a large one":     {message(strings.Repeat("x", 60_000)), said(strings.Repeat("x", 60_000))},
		"a close frame":   {final(websocket.CloseMessage, goodbye(1000, "")), sent(websocket.CloseMessage, goodbye(1000, ""))},
		"no frame at all": {"GET / HTTP/1.1\r\n\r\n", "\x88"},
	} {
		onServer(t, func(t *testing.T, s *testServer) {
			p := s.dial(1 << 20)
			p.say(handshake, tt.frames)
			answer, _ := p.hear()
			head, frames, _ := strings.Cut(answer, "\r\n\r\n")
			if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.HasPrefix(frames, tt.want) {
				t.Errorf("%s: answered %.200q, want %.200q", name, answer, tt.want)
			}
		})
	}
}

// Half a frame that came with the handshake is completed by what comes later.
func TestFrameAcrossTheHandshake(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.dial(testWindow)
		hello := message("hello")
		p.say(handshake, hello[:8])
		p.hear()
		p.say(hello[8:], message("again"))
		p.want(said("hello"), said("again"))
	})
}
