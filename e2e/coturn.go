package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A Coturn is Debian's TURN server on a port of this machine, for pages on this
// machine. It has no rights and no files but the test's.
type Coturn struct {
	URI  string // of the server, over UDP
	stop func()
}

// StartCoturn runs a TURN server that takes the credentials made with any of the
// secrets.
func StartCoturn(t *testing.T, secrets ...string) *Coturn {
	t.Helper()
	return startCoturn(t, FreePort(t), secrets)
}

// Restart stops the server, and starts one with other secrets in its place.
func (c *Coturn) Restart(t *testing.T, secrets ...string) {
	t.Helper()
	c.stop()
	var port int
	fmt.Sscanf(c.URI, "turn:127.0.0.1:%d", &port)
	c.stop = startCoturn(t, port, secrets).stop
}

func startCoturn(t *testing.T, port int, secrets []string) *Coturn {
	t.Helper()
	file := filepath.Join(t.TempDir(), "turnserver.conf")
	if err := os.WriteFile(file, []byte(coturnConfiguration(filepath.Dir(file), port, secrets)), 0o600); err != nil {
		t.Fatal(err)
	}
	var printed Printed
	cmd := exec.Command(Program(t, "turnserver"), "-c", file)
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		cmd.Process.Kill() // to stop by itself it takes a second
		cmd.Wait()
		if t.Failed() {
			t.Logf("coturn printed:\n%s", printed.String())
		}
	})
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if _, err := printed.Wait(ctx, regexp.MustCompile(`UDP listener opened`)); err != nil {
		t.Fatalf("coturn does not listen:\n%s", printed.String())
	}
	return &Coturn{URI: fmt.Sprintf("turn:127.0.0.1:%d", port), stop: stop}
}

// coturnConfiguration returns what README.md says, and what makes it a server for one
// machine alone.
func coturnConfiguration(dir string, port int, secrets []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listening-port=%d\nuserdb=%[2]s/turndb\npidfile=%[2]s/turnserver.pid\n", port, dir)
	b.WriteString(`use-auth-secret
realm=calls.example.org
listening-ip=127.0.0.1
relay-ip=127.0.0.1
allow-loopback-peers
no-cli
no-tls
no-dtls
log-file=stdout
simple-log
verbose
`)
	for _, secret := range secrets {
		fmt.Fprintf(&b, "static-auth-secret=%s\n", secret)
	}
	return b.String()
}
