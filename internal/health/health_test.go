package health

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestListening(t *testing.T) {
	for _, tt := range []struct{ address, scheme, base, url, socket string }{
		{":80", "http", "/", "http://127.0.0.1:80/healthz", ""},
		{"0.0.0.0:80", "http", "/", "http://127.0.0.1:80/healthz", ""},
		{"[::]:80", "https", "/call/", "https://127.0.0.1:80/call/healthz", ""},
		{"[::1]:80", "http", "/", "http://[::1]:80/healthz", ""},
		{"host:80", "http", "/", "http://host:80/healthz", ""},
		{"unix:/run/x", "http", "/call/", "http://localhost/call/healthz", "/run/x"},
	} {
		c, err := Listening(tt.address, tt.scheme, tt.base)
		if err != nil || c.URL.String() != tt.url || c.Socket != tt.socket {
			t.Errorf("%s is asked as %v at %q, %v; want %s at %q", tt.address, c.URL, c.Socket, err, tt.url, tt.socket)
		}
	}
	for address, says := range map[string]string{":0": "port 0", "host": "missing port"} {
		if _, err := Listening(address, "http", "/"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", address, err, says)
		}
	}
}

func TestParseURL(t *testing.T) {
	for at, want := range map[string]string{
		"http://host": "http://host/healthz", "https://host/call/": "https://host/call/healthz", "https://host/call": "https://host/call/healthz",
		"http://host/readyz": "http://host/readyz", "http://host/call/healthz": "http://host/call/healthz",
	} {
		if c, err := ParseURL(at); err != nil || c.URL.String() != want || c.Socket != "" {
			t.Errorf("%s asks %v, %v; want %s", at, c.URL, err, want)
		}
	}
	for _, bad := range []string{"", "host", "ftp://host/", "http:///healthz", "http://u:hunter2@host:port/"} {
		if c, err := ParseURL(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s asks %v, %v", bad, c.URL, err)
		}
	}
}

func TestAsk(t *testing.T) {
	well := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			fmt.Fprintln(w, "ok")
		case "/moved/healthz":
			http.Redirect(w, r, "/healthz", http.StatusFound)
		default:
			http.Error(w, "draining", http.StatusServiceUnavailable)
		}
	})
	plain := httptest.NewServer(well)
	defer plain.Close()
	secure := httptest.NewTLSServer(well)
	defer secure.Close()
	socket := filepath.Join(t.TempDir(), "http.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	local := &http.Server{Handler: well}
	go local.Serve(l)
	defer local.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	for _, tt := range []struct{ at, says string }{
		{plain.URL, ""},
		{secure.URL, ""}, // nobody vouches for it
		{"unix:" + socket, ""},
		{plain.URL + "/readyz", "503 Service Unavailable"},
		{plain.URL + "/moved/", "302 Found"},
		{"unix:" + socket + "x", "no such file"},
		{"http://127.0.0.1:1/", "refused"},
		{strings.Replace(plain.URL, "http", "https", 1), "HTTP"},
	} {
		err := check(t, tt.at).Ask(t.Context())
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.at, err, tt.says)
		}
	}

	for _, scheme := range []string{"http", "https"} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := check(t, scheme+"://user:hunter2@"+silent.Addr().String()).Ask(ctx); err == nil || !strings.Contains(err.Error(), "does not answer in time") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("of a server that says nothing: %v", err)
		}
	}
}

// check returns the check of a URL, or of a server that listens at an address.
func check(t *testing.T, at string) Check {
	t.Helper()
	parse := ParseURL
	if strings.HasPrefix(at, "unix:") {
		parse = func(address string) (Check, error) { return Listening(address, "http", "/") }
	}
	c, err := parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A server elsewhere has to show a certificate that can be verified.
func TestWithinMachine(t *testing.T) {
	for _, tt := range []struct {
		here, there net.Addr
		want        bool
	}{
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 443}, false},
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 443}, true},
		{&net.TCPAddr{IP: net.IPv6loopback, Port: 1}, &net.TCPAddr{IP: net.IPv6loopback, Port: 443}, true},
		{&net.UnixAddr{}, &net.UnixAddr{Name: "/run/x"}, true},
	} {
		if got := withinMachine(addressedConn{here: tt.here, there: tt.there}); got != tt.want {
			t.Errorf("from %v to %v: %v", tt.here, tt.there, got)
		}
	}
}

type addressedConn struct {
	net.Conn
	here, there net.Addr
}

func (c addressedConn) LocalAddr() net.Addr  { return c.here }
func (c addressedConn) RemoteAddr() net.Addr { return c.there }
