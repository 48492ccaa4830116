// Package e2e starts what the tests in the folders beside it need: the built
// program, and the real programs that talk to it. Together they test Switchboard
// from the outside, over real sockets. They know the command line, the protocol
// and the page, and nothing of the code.
//
// A test that needs a program which is not installed is skipped and says which;
// with CI=true it fails instead. With -short all of them are skipped. Nothing
// here sleeps: every wait is for something that happens, and has an end.
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

// Patience is how long a test waits for something that is sure to come. A busy
// machine may need most of it; only what hangs needs more.
const Patience = 3 * time.Minute

// Root is the module's folder, as seen from the packages beside this one.
const Root = "../.."

// scratch is a folder that the tests of a package share.
var scratch string

// Main runs the tests of a package, and takes away what they share.
func Main(m *testing.M) { os.Exit(run(m)) }

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

// build makes the binary as the Dockerfile does, once for each package of tests:
// all but the first find it in the cache of the go command.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(scratch, "switchboard")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "switchboard")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %v\n%s", err, out)
	}
	return binary, nil
})

// Built returns the path of the binary.
func Built(t *testing.T) string {
	t.Helper()
	skipIfShort(t)
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// skipIfShort skips a test that starts real programs where only quick ones are
// asked for.
func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real programs")
	}
}

// Program finds an installed program under one of its names.
func Program(t *testing.T, names ...string) string {
	t.Helper()
	skipIfShort(t)
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, names[0])
	return ""
}

// missing ends a test that lacks a program.
func missing(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
}

// Eventually asks again and again until the answer is yes. It is for what nobody
// tells of.
func Eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(Patience)
	for !ask() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// StartPiped starts a program that a test talks to: it returns what the
// program reads and what it writes.
func StartPiped(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, io.ReadCloser) {
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

// SocketIOClients are those that are tested, as .ci/run installs them.
var SocketIOClients = []string{"socket.io-client-4.4", "socket.io-client-4.8"}

// NodePackage finds a package beside wscat.
func NodePackage(t *testing.T, name string) string {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join(Root, ".ci", "tools", "node_modules", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	missing(t, name)
	return ""
}
