package engineio

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever request is not one of a client's is refused, in Engine.IO's words.
func TestRequestsAreRefused(t *testing.T) {
	const (
		tooOld  = `{"code":5,"message":"Unsupported protocol version: EIO=4 is needed, which clients of Socket.IO 3 and 4 speak"}`
		unknown = `{"code":0,"message":"Transport unknown"}`
		method  = `{"code":2,"message":"Bad handshake method"}`
		session = `{"code":1,"message":"Session ID unknown"}`
		bad     = `{"code":3,"message":"Bad request"}`
		tooMuch = `{"code":3,"message":"Too much before the upgrade to WebSocket"}`
	)
	onHost(t, func(t *testing.T, h *testHost) {
		own := polling + "&sid=" + h.begin()
		for _, tt := range []struct {
			method, target, body string
			code                 int
			want                 string
		}{
			{"GET", "/?EIO=3&transport=polling", "", 400, tooOld},
			{"GET", "/?EIO=4.0&transport=polling", "", 400, tooOld},
			{"GET", "/?transport=polling", "", 400, tooOld},
			{"POST", "/", "40", 400, tooOld},
			{"GET", "/?EIO=4", "", 400, unknown},
			{"GET", "/?EIO=4&transport=carrier-pigeon", "", 400, unknown},
			{"GET", webSocket, "", 400, bad},
			{"POST", polling, "40", 400, method},
			{"DELETE", polling, "", 400, method},
			{"DELETE", own, "", 400, method},
			{"GET", polling + "&sid=x", "", 400, session},
			{"POST", polling + "&sid=x", "40", 400, session},
			{"POST", own, "40\xff", 400, bad},
			{"POST", own, strings.Repeat("x", 16<<10+1), 413, tooMuch},
		} {
			h.wantAnswer(tt.method, tt.target, tt.body, tt.code, tt.want)
		}
		if answer, _ := h.request(t.Context(), "GET", "/?EIO=4", ""); answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("a refusal is %q", answer.Header.Get("Content-Type"))
		}
		h.wantNoWebSocket("/?EIO=4", 400)
		h.wantNoWebSocket(polling, 400)
		h.wantNoWebSocket(webSocket+"&sid=x", 400)
		h.wantAnswer("POST", own, "40", 200, "ok") // whatever was refused, the session goes on
	})
}

// Clients of older versions are refused, and the operator hears of those that
// understand no refusal.
func TestOtherVersions(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		for _, tt := range []struct {
			version string
			warned  []string
		}{
			{"3", []string{"version: 3"}},
			{"2", []string{"version: 2"}},
			{"1", []string{"version: 1"}},
			{"", nil},
			{"5", nil},
			{"33", nil},
		} {
			for _, transport := range []string{"&transport=polling&t=x&b64=1", "&transport=websocket", ""} {
				target := "/?EIO=" + tt.version + transport
				answer, text := h.request(t.Context(), "GET", target, "")
				if answer.StatusCode != 400 || !strings.Contains(text, `"code":5`) || !strings.Contains(text, "Socket.IO 3 and 4") {
					t.Errorf("%s is answered %d %s", target, answer.StatusCode, text)
				}
				h.wantWarned(tt.warned...)
				h.wantNoWebSocket(target, 400)
				h.wantWarned(tt.warned...)
			}
		}
	})
}

// A session that begins with its WebSocket is told so first, and then served.
func TestOpening(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		var ids []string
		for range 2 {
			c := h.mustConnect(webSocket)
			id, rest, _ := strings.Cut(strings.TrimPrefix(c.next(), `0{"sid":"`), `",`)
			if rest != `"upgrades":[],"pingInterval":25000,"pingTimeout":15000,"maxPayload":65536}` || len(id) < 20 || slices.Contains(ids, id) {
				t.Errorf("the session %q opens with %q", id, rest)
			}
			ids = append(ids, id)
			c.say("4hello")
			c.want("4hello")
			h.wantUnknown(id)
		}
		h.handler.settings = Settings{PingInterval: time.Second, PingTimeout: 2500 * time.Millisecond, MaxPayload: 1 << 20}
		if opening := h.mustConnect(webSocket).next(); !strings.HasSuffix(opening, `"upgrades":[],"pingInterval":1000,"pingTimeout":2500,"maxPayload":1048576}`) {
			t.Errorf("the session opens with %s", opening)
		}
		h.full = true
		h.wantNoWebSocket(webSocket, 503)
		h.wantSessions(3)
	})
}

// A client need not wait for the opening packet before it speaks.
func TestFrameBehindTheHandshake(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		network, err := h.listener.Dial(t.Context(), testWindow)
		if err != nil {
			t.Fatal(err)
		}
		defer network.Close()
		network.Write([]byte("GET " + webSocket + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + "\x81\x86\x00\x00\x00\x004hello"))
		synctest.Wait()
		_, frames, _ := strings.Cut(network.Unread(), "\r\n\r\n")
		if len(frames) < 2 || !strings.HasPrefix(frames[2:], `0{"sid":`) || !strings.HasSuffix(frames, "}\x81\x064hello") {
			t.Errorf("the client hears %q", frames)
		}
	})
}

// A client for which there is no room is told when to come back.
func TestNoRoom(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		h.full = true
		h.wantAnswer("GET", polling, "", 503, `{"code":3,"message":"Too many connections: come back in a moment"}`)
		if answer, _ := h.request(t.Context(), "GET", polling, ""); answer.Header.Get("Retry-After") != "5" {
			t.Errorf("the client is told to come back after %q", answer.Header.Get("Retry-After"))
		}
		h.post(id, "40") // what has begun goes on
		h.full = false
		h.begin()
	})
}

// OPTIONS is answered for whatever it asks.
func TestOptions(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		for _, target := range []string{"/", polling, webSocket, polling + "&sid=x"} {
			answer, text := h.request(t.Context(), "OPTIONS", target, "")
			if answer.StatusCode != 204 || text != "" || answer.Header.Get("Allow") != "GET, POST, OPTIONS" {
				t.Errorf("OPTIONS %s is answered %s %q, and allowed are %q", target, answer.Status, text, answer.Header.Get("Allow"))
			}
		}
	})
}

// Pages from elsewhere can read what polling answers. It is asked with
// credentials, and so the answer must name the very origin (Fetch standard, CORS
// protocol and credentials).
func TestOtherOrigins(t *testing.T) {
	const origin = "https://app.example"
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		for _, tt := range []struct {
			method, target string
			code           int
			preflight      bool
		}{
			{"GET", polling, 200, false},
			{"POST", polling + "&sid=" + id, 200, false},
			{"GET", polling + "&sid=x", 400, false},
			{"GET", "/?EIO=3", 400, false},
			{"OPTIONS", polling, 204, true},
		} {
			for _, from := range []string{"", origin} {
				header := []string{"Access-Control-Request-Headers", "x-school"}
				want := map[string]string{"Cache-Control": "no-store", "Vary": "", "Access-Control-Allow-Origin": "", "Access-Control-Allow-Credentials": "",
					"Access-Control-Allow-Headers": "", "Access-Control-Allow-Methods": ""}
				if from != "" {
					header = append(header, "Origin", from)
					want["Access-Control-Allow-Origin"], want["Access-Control-Allow-Credentials"], want["Vary"] = origin, "true", "Origin"
				}
				if from != "" && tt.preflight {
					want["Access-Control-Allow-Headers"], want["Access-Control-Allow-Methods"] = "x-school", "GET, POST"
				}
				answer, _ := h.request(t.Context(), tt.method, tt.target, "", header...)
				if answer.StatusCode != tt.code {
					t.Errorf("%s %s from %q is answered %s, want %d", tt.method, tt.target, from, answer.Status, tt.code)
				}
				wantHeader(t, answer, want)
			}
		}
	})
}

func wantHeader(t *testing.T, answer *http.Response, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := answer.Header.Get(name); got != value {
			t.Errorf("%s %s from %q: %s is %q, want %q", answer.Request.Method, answer.Request.URL, answer.Request.Header.Get("Origin"), name, got, value)
		}
	}
}
