package keyfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	largest := bytes.Repeat([]byte("x"), MaxSize)
	for name, content := range map[string][]byte{"empty": {}, "lines": []byte("a\r\n\nb\n"), "largest": largest, "too large": append(largest, 'x')} {
		if err := os.WriteFile(path(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path(name))
		if name == "too large" {
			wantError(t, err, path(name), "is too large")
			continue
		}
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes and %v, want %d bytes", name, len(got), err, len(content))
		}
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path("lines"), path("link")); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path("link")); err != nil || len(got) == 0 {
		t.Errorf("a link to a file: %q, %v", got, err)
	}
	for name, says := range map[string]string{dir: "is a directory", path("pipe"): "is not a file", os.DevNull: "is not a file", path("none"): "no such file"} {
		_, err := Read(name)
		wantError(t, err, name, says)
	}
}

func wantError(t *testing.T, err error, name, says string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want %q", name, err, says)
	}
}
