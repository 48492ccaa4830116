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
	"time"

	"github.com/gorilla/websocket"
)

// A proxy is Debian's nginx with deploy/nginx.conf, before a server on a unix
// socket.
type proxy struct {
	t       *testing.T
	dir     string
	path    string // of nginx itself
	printed printed
	url     string // of the page: https, under the prefix /call/
}

// startNginx runs nginx with the file that operators are given. Only what has
// to differ here is replaced: ports, certificate, log and the upstream's
// socket; and what a test asks for besides.
func startNginx(t *testing.T, s *server, replace ...string) *proxy {
	t.Helper()
	p := &proxy{t: t, dir: t.TempDir(), path: program(t, "nginx", "/usr/sbin/nginx")}
	port, plainPort := freePort(t), freePort(t)
	p.url = fmt.Sprintf("https://127.0.0.1:%d/call/", port)
	writeCertificate(t, p.file("cert.pem"), p.file("key.pem"), "nginx")

	site, err := os.ReadFile("../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	p.write("site.conf", edit(t, string(site), append([]string{
		"listen 443 ssl;", fmt.Sprintf("listen 127.0.0.1:%d ssl;", port),
		"listen [::]:443 ssl;", "",
		"listen 80;", fmt.Sprintf("listen 127.0.0.1:%d;", plainPort),
		"listen [::]:80;", "",
		"ssl_certificate     /etc/ssl/certs/calls.example.org.pem;", "ssl_certificate " + p.file("cert.pem") + ";",
		"ssl_certificate_key /etc/ssl/private/calls.example.org.key;", "ssl_certificate_key " + p.file("key.pem") + ";",
		"server unix:/run/switchboard/http.sock;", "server unix:" + s.socket + ";",
		"access_log /var/log/nginx/switchboard.log", "access_log " + p.file("access.log"),
	}, replace...)...))
	p.write("nginx.conf", p.mainConfiguration())

	cmd := exec.Command(p.path, "-c", p.file("nginx.conf"))
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
	p.waitPrinted(`start worker process \d+`)
	return p
}

// mainConfiguration is what Debian's own nginx.conf is to the site's file. The
// test's folders are its own, so the workers stay who started them.
func (p *proxy) mainConfiguration() string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "    %s_temp_path %s;\n", kind, p.file(kind))
	}
	return user + `daemon off;
worker_processes 1;
error_log stderr notice;
pid ` + p.file("nginx.pid") + `;
events { worker_connections 512; }
http {
    access_log off;
` + temp.String() + `    include ` + p.file("site.conf") + `;
}
`
}

func (p *proxy) file(name string) string { return filepath.Join(p.dir, name) }

func (p *proxy) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(p.file(name), []byte(text), 0o600); err != nil {
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

func (p *proxy) waitPrinted(pattern string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if _, err := p.printed.wait(ctx, regexp.MustCompile(pattern)); err != nil {
		p.t.Fatalf("nginx does not say %q:\n%s", pattern, p.printed.String())
	}
}

// route goes through nginx, as a page of this origin; none if it is empty.
func (p *proxy) route(origin string) route {
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	return route{url: webSocket(p.url), header: header}
}

func (p *proxy) get(path string) (*http.Response, string) {
	p.t.Helper()
	client := http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(path)
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

// freePort finds a port that nobody uses, below those that the system gives to
// outgoing connections: none of them can take it before nginx does.
func freePort(t *testing.T) int {
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

func behindNginx(t *testing.T, flags ...string) *proxy {
	t.Helper()
	program(t, "nginx", "/usr/sbin/nginx")
	return startNginx(t, startUnix(t, filepath.Join(t.TempDir(), "http.sock"), flags...))
}

func TestNginxPage(t *testing.T) {
	p := behindNginx(t)

	direct, page := p.get(p.url)
	if direct.StatusCode != http.StatusOK || !strings.Contains(page, "<html") {
		t.Errorf("%s: %s\n%s", p.url, direct.Status, page)
	}
	for _, asset := range regexp.MustCompile(`(?:src|href)="([a-z][^":]*)"`).FindAllStringSubmatch(page, -1) {
		if resp, _ := p.get(p.url + asset[1]); resp.StatusCode != http.StatusOK {
			t.Errorf("the page's %s: %s", asset[1], resp.Status)
		}
	}
	if resp, _ := p.get(strings.TrimSuffix(p.url, "/")); resp.StatusCode != http.StatusPermanentRedirect {
		t.Errorf("without the slash: %s", resp.Status)
	}
	if resp, _ := p.get(p.url + "no-such-file"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("what is no file: %s", resp.Status)
	}
}

func TestNginxOrigin(t *testing.T) {
	p := behindNginx(t)
	own := strings.TrimSuffix(p.url, "/call/")

	for name, origin := range map[string]string{"a program": "", "a page": own} {
		signIn(t, p.route(origin), name, "")
	}
	for _, origin := range []string{
		"https://evil.example",
		"null",
		own + ".evil.example",
		strings.Replace(own, "127.0.0.1", "localhost", 1),
		own[:len(own)-1], // another port
	} {
		ws, resp, err := p.route(origin).handshake()
		if err == nil {
			ws.Close()
			t.Errorf("a page from %s was let in", origin)
			continue
		}
		if resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a page from %s: %v, expected 403", origin, err)
		}
	}
}

// What a client claims about its address is replaced, so a limit by address
// holds; and what stands behind a question mark is kept out of nginx's log.
func TestNginxAddressAndLog(t *testing.T) {
	p := behindNginx(t, "-max-connections-per-ip", "2")
	to := p.route("")
	to.url += "?name=a-private-name"

	for i := range 3 {
		to.header = http.Header{"X-Forwarded-For": {fmt.Sprintf("192.0.2.%d", i)}}
		if c := connect(t, to); i < 2 {
			c.login(fmt.Sprintf("user %d", i), "")
		} else {
			c.wantClose(websocket.CloseTryAgainLater)
		}
	}

	p.get(p.url + "?name=a-private-name")
	log, err := os.ReadFile(p.file("access.log"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), `"GET /call/"`) || strings.Contains(string(log), "a-private-name") {
		t.Errorf("nginx logs:\n%s", log)
	}
}

// nginx cuts a WebSocket that is silent for its read timeout. The server's
// pings keep it up, and nothing else does.
func TestNginxIdle(t *testing.T) {
	short := []string{"proxy_read_timeout 75s;", "proxy_read_timeout 3s;"}
	program(t, "nginx", "/usr/sbin/nginx")

	t.Run("with pings", func(t *testing.T) {
		t.Parallel()
		s := startUnix(t, filepath.Join(t.TempDir(), "http.sock"), "-ping-interval", "1s", "-pong-timeout", "1s")
		idle := signIn(t, startNginx(t, s, short...).route(""), "ann", "")
		for range 10 { // at least three read timeouts
			select {
			case <-idle.pings:
			case frame, open := <-idle.frames:
				t.Fatalf("an idle connection heard %q (open: %t, %v)", frame, open, idle.ended)
			case <-time.After(patience):
				t.Fatal("no ping comes")
			}
		}
		idle.wantNothing()
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		s := startUnix(t, filepath.Join(t.TempDir(), "http.sock"), "-ping-interval", "1m")
		idle := signIn(t, startNginx(t, s, short...).route(""), "ann", "")
		if _, err := idle.hear(); !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
			t.Errorf("without pings: %v, expected to be cut off", err)
		}
	})
}

// A reload of nginx keeps the calls that are open, and takes new ones.
func TestNginxReload(t *testing.T) {
	p := behindNginx(t)
	ann, bob := signIn(t, p.route(""), "ann", ""), signIn(t, p.route(""), "bob", "")
	call(ann, bob)
	exchange(ann, bob, "before")

	if out, err := exec.Command(p.path, "-c", p.file("nginx.conf"), "-s", "reload").CombinedOutput(); err != nil {
		t.Fatalf("nginx -s reload: %v\n%s", err, out)
	}
	p.waitPrinted(`gracefully shutting down`)
	p.waitPrinted(`start worker process \d+(?s:.*)start worker process \d+`)

	exchange(ann, bob, "after")
	cyd, dan := signIn(t, p.route(""), "cyd", ""), signIn(t, p.route(""), "dan", "")
	call(cyd, dan)
	exchange(cyd, dan, "new")
	exchange(ann, bob, "beside the new")
}
