package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// A Proxy is Debian's nginx with deploy/nginx.conf, before a server on a unix
// socket.
type Proxy struct {
	t       *testing.T
	dir     string
	Path    string // of nginx itself
	printed Printed
	URL     string // of the page: https, under the prefix /call/
}

// Nginx returns the path of nginx, which Debian keeps off a user's PATH.
func Nginx(t *testing.T) string {
	t.Helper()
	return Program(t, "nginx", "/usr/sbin/nginx")
}

// StartNginx runs nginx with the file that operators are given. Only what has
// to differ here is replaced: ports, certificate, log and the upstream's
// socket; and what a test asks for besides.
func StartNginx(t *testing.T, s *Server, replace ...string) *Proxy {
	t.Helper()
	p := &Proxy{t: t, dir: t.TempDir(), Path: Nginx(t)}
	port, plainPort := FreePort(t), FreePort(t)
	p.URL = fmt.Sprintf("https://127.0.0.1:%d/call/", port)
	WriteCertificate(t, p.File("cert.pem"), p.File("key.pem"), "nginx")

	site, err := os.ReadFile(Root + "/deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	p.write("site.conf", edit(t, string(site), append([]string{
		"listen 443 ssl;", fmt.Sprintf("listen 127.0.0.1:%d ssl;", port),
		"listen [::]:443 ssl;", "",
		"listen 80;", fmt.Sprintf("listen 127.0.0.1:%d;", plainPort),
		"listen [::]:80;", "",
		"ssl_certificate     /etc/ssl/certs/calls.example.org.pem;", "ssl_certificate " + p.File("cert.pem") + ";",
		"ssl_certificate_key /etc/ssl/private/calls.example.org.key;", "ssl_certificate_key " + p.File("key.pem") + ";",
		"server unix:/run/switchboard/http.sock;", "server unix:" + s.Socket + ";",
		"access_log /var/log/nginx/switchboard.log", "access_log " + p.File("access.log"),
	}, replace...)...))
	p.write("nginx.conf", p.mainConfiguration())

	cmd := exec.Command(p.Path, "-c", p.File("nginx.conf"))
	cmd.Stderr = &p.printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // killed, it would leave its workers behind
		cmd.Wait()
		if t.Failed() {
			t.Logf("nginx printed:\n%s", p.printed.String())
		}
	})
	p.WaitPrinted(`start worker process \d+`)
	return p
}

// mainConfiguration is what Debian's own nginx.conf is to the site's file. The
// test's folders are its own, so the workers stay who started them.
func (p *Proxy) mainConfiguration() string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "    %s_temp_path %s;\n", kind, p.File(kind))
	}
	return user + `daemon off;
worker_processes 1;
error_log stderr notice;
pid ` + p.File("nginx.pid") + `;
events { worker_connections 512; }
http {
    access_log off;
` + temp.String() + `    include ` + p.File("site.conf") + `;
}
`
}

func (p *Proxy) File(name string) string { return filepath.Join(p.dir, name) }

func (p *Proxy) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.File(name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// edit replaces pairs of old and new text, each of which has to be there.
func edit(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("deploy/nginx.conf has no %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

func (p *Proxy) WaitPrinted(pattern string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), Patience)
	defer cancel()
	if _, err := p.printed.Wait(ctx, regexp.MustCompile(pattern)); err != nil {
		p.t.Fatalf("nginx does not say %q:\n%s", pattern, p.printed.String())
	}
}

// Route goes through nginx, as a page of this origin; none if it is empty.
func (p *Proxy) Route(origin string) Route {
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	return Route{URL: webSocket(p.URL), Header: header}
}

func (p *Proxy) Get(url string) (*http.Response, string) {
	p.t.Helper()
	client := http.Client{
		Timeout:       Patience,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(body)
}

// FreePort finds a port that nobody uses, below those that the system gives to
// outgoing connections: none of them can take it before nginx does.
func FreePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func BehindNginx(t *testing.T, flags ...string) *Proxy {
	t.Helper()
	Nginx(t)
	return StartNginx(t, StartUnix(t, filepath.Join(t.TempDir(), "http.sock"), flags...))
}
