package page

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// get returns what a request is answered with.
func get(p *Page, target string, header ...string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	p.ServeHTTP(w, r)
	return w
}

// Of a directory regular files are served, and nothing whose name begins with a dot.
func TestDir(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"index.html": "own page", "sub/index.html": "sub page", "a.txt": "text",
		"socket.io/socket.io.js": "client", ".env": "secret", ".git/config": "secret", "sub/.hidden/index.html": "secret",
		"..data": "secret", ".well-known/security.txt": "text", ".well-known/.env": "secret", ".well-knowns/a": "secret",
		"piped/a": ""} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
	}
	os.Symlink("/etc/passwd", filepath.Join(dir, "leak"))
	for _, name := range []string{"pipe", "piped/index.html"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	p, err := NewDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		target string
		code   int
		body   string
	}{
		{"/", 200, "own page"},
		{"/sub/", 200, "sub page"},
		{"/sub", 404, ""},
		{"/a.txt", 200, "text"},
		{"/leak", 404, ""},
		{"/.env", 404, ""},
		{"/%2eenv", 404, ""},
		{"/.git/config", 404, ""},
		{"/sub/.hidden/index.html", 404, ""},
		{"/sub/.hidden/", 404, ""},
		{"/..data", 404, ""},
		{"/.well-known/security.txt", 200, "text"},
		{"/.well-known/.env", 404, ""},
		{"/.well-knowns/a", 404, ""},
		{"/pipe", 404, ""},
		{"/piped/", 404, ""},
		{"/socket", 404, ""},
		{"/../hub.go", 404, ""},
	} {
		w := get(p, tt.target)
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%s: got %d %.60q, want %d with %q", tt.target, w.Code, w.Body, tt.code, tt.body)
		}
		if policy := w.Header().Get("Content-Security-Policy"); policy != "" {
			t.Errorf("%s: a page that is not ours has the policy %q", tt.target, policy)
		}
	}
	if _, err := NewDir(filepath.Join(dir, "nothing")); err == nil {
		t.Error("a directory that is not there is served")
	}
}

func TestDemo(t *testing.T) {
	p, err := NewDemo(fstest.MapFS{"index.html": {Data: []byte("demo")}, "page.js": {Data: []byte("code")}}, "'self'")
	if err != nil {
		t.Fatal(err)
	}
	w := get(p, "/page.js")
	for name, want := range map[string]string{
		"Content-Security-Policy": demoPolicy + "'self'", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "no-cache", "Content-Type": "text/javascript; charset=utf-8",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if again := get(p, "/page.js", "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("asked again: got %d, want 304", again.Code)
	}
	post := httptest.NewRecorder()
	p.ServeHTTP(post, httptest.NewRequest("POST", "/", nil))
	if post.Code != http.StatusMethodNotAllowed || post.Header().Get("Allow") == "" {
		t.Errorf("POST: got %d, allowed is %q", post.Code, post.Header().Get("Allow"))
	}
}
