package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// A container asks with the program itself, which needs no more than the
// environment that the server has.
func TestHealth(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "http.sock")
	s := startUnix(t, socket, "-base-path", "/call/")
	env := []string{"SWITCHBOARD_LISTEN=unix:" + socket, "SWITCHBOARD_BASE_PATH=/call/"}
	secure := start(t, "-tls-self-signed")

	address := strings.TrimSuffix(strings.TrimPrefix(secure.url, "https://"), "/")
	for _, args := range [][]string{
		{"health"},
		{"health", secure.url},
		{"health", "-tls-self-signed", "-base-path", "/", address},
	} {
		if code, stdout, stderr := runToEnd(t, env, args...); code != 0 || stdout != "ok\n" || stderr != "" {
			t.Errorf("%v: status %d, %q, %q", args, code, stdout, stderr)
		}
	}
	s.stop()
	if code, stdout, stderr := runToEnd(t, env, "health"); code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 {
		t.Errorf("of a server that is gone: status %d, %q, %q", code, stdout, stderr)
	}
}
