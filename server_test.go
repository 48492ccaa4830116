package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
	"switchboard/internal/logs"
)

func newTestServer(t *testing.T, args ...string) *Server {
	t.Helper()
	cfg, err := parseConfig(args, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newRunningServer returns a server whose hub runs until the test ends.
func newRunningServer(t *testing.T, args ...string) *Server {
	t.Helper()
	s := newTestServer(t, args...)
	s.start()
	t.Cleanup(s.hub.stop)
	return s
}

// get returns what a plain request is answered with.
func get(s *Server, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestPlainRequests(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"index.html": "own page", "socket.io/socket.io.js": "client"} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
	}
	plain := newRunningServer(t)
	based := newRunningServer(t, "-base-path", "/call")
	own := newRunningServer(t, "-static", dir)
	for _, tt := range []struct {
		s              *Server
		method, target string
		code           int
		body           string
	}{
		{plain, "GET", "/", 200, "<title>"},
		{plain, "HEAD", "/", 200, ""},
		{plain, "GET", "/client.js", 200, "WebSocket"},
		{plain, "GET", "/?name=ann", 200, "<title>"},
		{plain, "GET", "/nothing", 404, ""},
		{plain, "GET", "/../hub.go", 404, ""},
		{plain, "GET", "/static/", 404, ""},
		{plain, "POST", "/", 405, ""},
		{plain, "OPTIONS", "/", 204, ""},
		{plain, "OPTIONS", "/nothing", 204, ""},
		{plain, "OPTIONS", "/healthz", 204, ""},
		{plain, "OPTIONS", pollingPath, 204, ""},
		{based, "OPTIONS", "/", 204, ""},
		{plain, "GET", "/healthz", 200, "ok"},
		{plain, "GET", "/readyz", 200, "ready"},
		{plain, "GET", "/socket.io/?EIO=4&transport=polling", 200, `"upgrades":["websocket"]`},
		{plain, "GET", "/socket.io", 400, "Unsupported protocol version"},
		{plain, "GET", "/socket.io/socket.io.js", 404, ""},
		{based, "GET", "/call/", 200, "<title>"},
		{based, "GET", "/call", 308, ""},
		{based, "GET", "/call/client.js", 200, "WebSocket"},
		{based, "GET", "/call/healthz", 200, "ok"},
		{based, "GET", "/healthz", 200, "ok"},
		{based, "GET", "/", 404, ""},
		{based, "GET", "/caller/", 404, ""},
		{based, "GET", "/call/socket.io/", 400, "Unsupported protocol version"},
		{based, "GET", "/socket.io/", 404, ""},
		{own, "GET", "/", 200, "own page"},
		{own, "GET", "/socket.io/socket.io.js", 200, "client"},
		{own, "GET", "/socket.io/", 400, "Unsupported protocol version"},
	} {
		w := get(tt.s, tt.method, tt.target)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s %s: got %d %.60q, want %d with %q", tt.method, tt.target, w.Code, w.Body, tt.code, tt.body)
		}
	}
}

// Whoever may connect may frame the page.
func TestFrameAncestors(t *testing.T) {
	framed := get(newTestServer(t, "-origins", "https://a.example,null"), "GET", "/")
	if got := framed.Header().Get("Content-Security-Policy"); !strings.HasSuffix(got, "; frame-ancestors 'self' https://a.example") {
		t.Errorf("the policy is %q", got)
	}
}

func TestReadinessEndsWithShutdown(t *testing.T) {
	s := newTestServer(t)
	s.start()
	if err := s.shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := get(s, "GET", "/readyz"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz says %d while stopping, want 503", w.Code)
	}
	if w := get(s, "GET", "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz says %d while stopping, want 200", w.Code)
	}
}

func TestLinkKeepsItsParameters(t *testing.T) {
	w := get(newTestServer(t, "-base-path", "/call"), "GET", "/call?name=ann&role=")
	if got := w.Header().Get("Location"); got != "/call/?name=ann&role=" {
		t.Errorf("redirected to %q", got)
	}
}

// A hub that stands is seen from outside, and asking it leaves nothing behind.
func TestHealthAsksTheHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t)
		check := func(code int, text string, after time.Duration) {
			t.Helper()
			for _, path := range []string{"/healthz", "/readyz"} {
				start := time.Now()
				w := get(s, "GET", path)
				if w.Code != code || !strings.Contains(w.Body.String(), text) || time.Since(start) != after {
					t.Errorf("%s: %d %q after %v, want %d with %q after %v", path, w.Code, w.Body, time.Since(start), code, text, after)
				}
			}
		}
		check(503, "the hub does not answer", hubPatience)
		for len(s.hub.inbox) < cap(s.hub.inbox) {
			s.hub.inbox <- flushAsked{make(chan struct{})}
		}
		check(503, "the hub does not answer", hubPatience)
		s.start()
		check(200, "", 0)
		s.hub.stop()
		check(200, "", 0)
	})
}

// Load balancers ask in ways of their own whether somebody is there.
func TestOptions(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		for request, want := range map[string][2]string{
			"OPTIONS / HTTP/1.0\r\n\r\n":                                   {"HTTP/1.0 204 No Content\r\n", "Allow: GET, HEAD, OPTIONS\r\n"},
			"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n":                        {"HTTP/1.1 204 No Content\r\n", "Allow: GET, HEAD, OPTIONS\r\n"},
			"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                        {"HTTP/1.1 204 No Content\r\n", "Allow: GET, HEAD, OPTIONS\r\n"},
			"OPTIONS /socket.io/?EIO=4 HTTP/1.1\r\nHost: x\r\n\r\n":        {"HTTP/1.1 204 No Content\r\n", "Allow: GET, POST, OPTIONS\r\n"},
			"OPTIONS / HTTP/1.1\r\nHost: x\r\n" + handshakeFields + "\r\n": {"HTTP/1.1 204 No Content\r\n", "Allow: GET, HEAD, OPTIONS\r\n"},
		} {
			answer := s.raw(request)
			if !strings.HasPrefix(answer, want[0]) || !strings.Contains(answer, want[1]) {
				t.Errorf("%q is answered %q, want %q", request, answer, want)
			}
		}
	})
}

// A connection outlives the minute for which load balancers keep theirs, and
// not much more.
func TestIdleHTTPConnections(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		const request = "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
		s.raw(request)
		conn := s.clients[0].conn
		answers := func() int {
			synctest.Wait()
			return strings.Count(conn.Unread(), "HTTP/1.1 200 OK")
		}
		s.Pass(75 * time.Second)
		conn.Write([]byte(request))
		if got := answers(); got != 2 {
			t.Errorf("%d answers, want 2", got)
		}
		s.Pass(2 * time.Minute)
		conn.Write([]byte(request))
		if got := answers(); got == 3 {
			t.Error("a connection is kept for two minutes")
		}
	})
}

// Nobody who sends half a request holds up a stop.
func TestStopWaitsForNoRequests(t *testing.T) {
	for name, half := range map[string]string{
		"nothing":       "",
		"half a header": "GET / HTTP/1.1\r\nHost:",
		"half a POST":   "POST " + pollingPath + "&sid=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n40",
		"no body":       "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
	} {
		onStage(t, "", func(t *testing.T, s *stage) {
			if strings.Contains(half, "%s") {
				half = fmt.Sprintf(half, s.beginPolling())
			}
			s.raw(half)
			s.signIn("ann")
			start := time.Now()
			s.Stop()
			s.wantClosed("ann", 1012, 0)
			s.running.Wait()
			if waited := time.Since(start); waited > lastRequestTime+time.Second {
				t.Errorf("with %s the stop takes %v", name, waited)
			}
		})
	}
}

// The line says what to set, and comes once a minute for an address.
func TestRefusedOriginIsLogged(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		for range 3 {
			answer, text := s.request("GET", pollingPath, "", "Origin", "https://app.example:8443")
			if answer.StatusCode != 403 || !strings.Contains(text, "https://app.example:8443") || !strings.Contains(text, "localhost:9090") {
				t.Errorf("answered %d %s", answer.StatusCode, text)
			}
		}
		const line = `level=WARN msg="a page of another origin was refused; allow it with -origins" ` +
			`origin=https://app.example:8443 host=localhost:9090 address=192.0.2.2 allow="-origins https://app.example:8443"`
		s.log.wantLines(t, line)
		s.Pass(logs.WarningPause)
		s.request("GET", pollingPath, "", "Origin", "https://app.example:8443")
		s.log.wantLines(t, line+" omitted=2")
		s.Pass(logs.WarningPause)
		s.request("GET", pollingPath, "", "Origin", "https://a.example\tb")
		s.log.wantLines(t, `level=WARN msg="a page of another origin was refused; allow it with -origins" `+
			`origin=https://a.example\tb host=localhost:9090 address=192.0.2.2`)
	})
}

// What net/http has to say comes as a warning.
func TestNetHTTPIsLogged(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		for range 2 {
			s.server.http.ErrorLog.Print("http: superfluous response.WriteHeader call")
		}
		s.log.wantLines(t, `level=WARN msg="net/http complains" error="http: superfluous response.WriteHeader call"`)
	})
}

func TestHalfARequest(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		conn, err := s.listener.Dial(t.Context(), stageWindow)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		start := time.Now()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: loc")
		io.Copy(io.Discard, conn)
		if waited := time.Since(start); waited != headerTimeout {
			t.Errorf("half a header was waited for %v, want %v", waited, headerTimeout)
		}
	})
}

func TestHeaderTooLarge(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		conn, err := s.listener.Dial(t.Context(), stageWindow)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 17<<10))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %v, %v; want 431", answer, err)
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	for _, flag := range []string{"-max-connections 2", "-max-connections-per-ip 2"} {
		onStage(t, flag, func(t *testing.T, s *stage) {
			s.signIn("ann")
			s.signIn("bob")
			s.Connect("cyd", "/", nil)
			s.wantClosed("cyd", websocket.CloseTryAgainLater, 0)
			s.Close("bob")
			time.Sleep(conn.Linger)
			s.signIn("dan")
		})
	}
}
