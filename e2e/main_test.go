// Package e2e tests Switchboard from the outside: the built program over real
// sockets, with real browsers, wscat and nginx. It knows the command line, the
// protocol and the page, and nothing of the code.
//
// A test that needs a program which is not installed is skipped and says which;
// with CI=true it fails instead. Nothing here sleeps: every wait is for
// something that happens, and has an end.
package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// patience is how long anything that ought to happen at once may take on a
// machine that is busy with something else.
const patience = 30 * time.Second

// scratch is a folder that the whole run shares.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "switchboard-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	defer closeBrowser()
	return m.Run()
}

// build makes the binary as the Dockerfile does, once for all tests.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(scratch, "switchboard")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return binary, nil
})

func built(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// program finds an installed program under one of its names.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", names[0])
	}
	t.Skipf("%s is not installed", names[0])
	return ""
}

// startPiped starts a program that a test talks to: it returns what the
// program reads and what it writes.
func startPiped(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, io.ReadCloser) {
	t.Helper()
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return input, output
}
