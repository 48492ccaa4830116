package server

import (
	"path/filepath"
	"strings"
	"testing"

	"switchboard/e2e"
)

// A container asks with the program itself, which needs no more than the
// environment that the server has.
func TestHealth(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "http.sock")
	s := e2e.StartUnix(t, socket, "-base-path", "/call/")
	env := []string{"SWITCHBOARD_LISTEN=unix:" + socket, "SWITCHBOARD_BASE_PATH=/call/"}
	secure := e2e.Start(t, "-tls-self-signed")

	address := strings.TrimSuffix(strings.TrimPrefix(secure.URL, "https://"), "/")
	for _, args := range [][]string{
		{"health"},
		{"health", secure.URL},
		{"health", "-tls-self-signed", "-base-path", "/", address},
	} {
		if code, stdout, stderr := runToEnd(t, env, args...); code != 0 || stdout != "ok\n" || stderr != "" {
			t.Errorf("%v: status %d, %q, %q", args, code, stdout, stderr)
		}
	}
	s.Stop()
	if code, stdout, stderr := runToEnd(t, env, "health"); code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("of a server that is gone: status %d, %q, %q", code, stdout, stderr)
	}
}
