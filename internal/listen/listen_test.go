package listen

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// If one address cannot be opened, none is kept.
func TestOpenAllOrNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	_, err = Open([]string{"unix:" + file, used.Addr().String()}, nil)
	if err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("of a port in use it is said %v", err)
	}
	listeners, err := Open([]string{"unix:" + file, "127.0.0.1:0"}, nil)
	if err != nil || len(listeners) != 2 {
		t.Fatalf("afterwards: %d listeners, %v", len(listeners), err)
	}
	for _, l := range listeners {
		l.Close()
	}
}

func TestUnixSocketIsTakenOverFromTheDead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	first, err := openUnix(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openUnix(file); err == nil {
		t.Error("a socket in use was taken over")
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as a killed process would
	first.Close()
	second, err := openUnix(file)
	if err != nil {
		t.Fatalf("a dead socket was not taken over: %v", err)
	}
	second.Close()
}

func TestUnixSocketLeavesFilesAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openUnix(file); err == nil {
		t.Error("listening where a file is")
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}
