package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing/synctest"
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
