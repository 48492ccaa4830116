package main

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

// What is asked, for each way in which the server may have been started.
func TestHealthCheckTarget(t *testing.T) {
	for _, tt := range []struct{ args, env, url, socket string }{
		{"", "", "http://127.0.0.1:9090/healthz", ""},
		{"", "LISTEN=0.0.0.0:80,unix:/run/x", "http://127.0.0.1:80/healthz", ""},
		{"", "LISTEN=[::]:80", "http://127.0.0.1:80/healthz", ""},
		{"", "LISTEN=192.0.2.7:80", "http://192.0.2.7:80/healthz", ""},
		{"", "LISTEN=unix:/run/x.sock", "http://localhost/healthz", "/run/x.sock"},
		{"-base-path /call", "TLS_SELF_SIGNED=true", "https://127.0.0.1:9090/call/healthz", ""},
		{"-listen :1 -tls-cert c -tls-key k", "LISTEN=:2", "https://127.0.0.1:1/healthz", ""},
		{"localhost:81", "BASE_PATH=/call", "http://localhost:81/call/healthz", ""},
		{":81", "", "http://127.0.0.1:81/healthz", ""},
		{"unix:/run/y.sock", "LISTEN=:1", "http://localhost/healthz", "/run/y.sock"},
		{"http://host:1", "TLS_SELF_SIGNED=true", "http://host:1/healthz", ""},
		{"https://host/call/", "", "https://host/call/healthz", ""},
		{"https://host/call", "", "https://host/call/healthz", ""},
		{"https://host/call/readyz", "", "https://host/call/readyz", ""},
	} {
		env := map[string]string{}
		if name, value, ok := strings.Cut(tt.env, "="); ok {
			env["SWITCHBOARD_"+name] = value
		}
		h, err := parseHealthCheck(strings.Fields(tt.args), envOf(env))
		if err != nil || h.url.String() != tt.url || h.socket != tt.socket {
			t.Errorf("health %s with %s asks %v at %q, %v; want %s at %q", tt.args, tt.env, h.url, h.socket, err, tt.url, tt.socket)
		}
	}
	for args, says := range map[string]string{
		"http://a http://b": "one URL", "nonsense": "a URL such as", "ftp://host/": "a URL such as", "http://u:hunter2@host:port/": "a URL such as",
		"-listen :0": "port 0", "-nonsense": "not a flag", "-listen ,": "names no address",
	} {
		if _, err := parseHealthCheck(strings.Fields(args), noEnv); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("health %s: %v, want %q", args, err, says)
		}
	}
}

func TestHealthCheck(t *testing.T) {
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
		h, err := parseHealthCheck([]string{tt.at}, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		err = h.ask(t.Context())
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.at, err, tt.says)
		}
	}

	for _, scheme := range []string{"http", "https"} {
		h, err := parseHealthCheck([]string{scheme + "://user:hunter2@" + silent.Addr().String()}, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := h.ask(ctx); err == nil || !strings.Contains(err.Error(), "does not answer in time") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("of a server that says nothing: %v", err)
		}
	}
}

// A server elsewhere has to show a certificate that somebody vouches for.
func TestHealthCheckOfAnotherMachine(t *testing.T) {
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
