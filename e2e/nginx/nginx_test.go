package nginx

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/e2e"
)

func TestNginxPage(t *testing.T) {
	p := e2e.BehindNginx(t)

	direct, page := p.Get(p.URL)
	if direct.StatusCode != http.StatusOK || !strings.Contains(page, "<html") {
		t.Errorf("%s: %s\n%s", p.URL, direct.Status, page)
	}
	for _, asset := range regexp.MustCompile(`(?:src|href)="([a-z][^":]*)"`).FindAllStringSubmatch(page, -1) {
		if resp, _ := p.Get(p.URL + asset[1]); resp.StatusCode != http.StatusOK {
			t.Errorf("the page's %s: %s", asset[1], resp.Status)
		}
	}
	if resp, _ := p.Get(strings.TrimSuffix(p.URL, "/")); resp.StatusCode != http.StatusPermanentRedirect {
		t.Errorf("without the slash: %s", resp.Status)
	}
	if resp, _ := p.Get(p.URL + "no-such-file"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("what is no file: %s", resp.Status)
	}
}

func TestNginxOrigin(t *testing.T) {
	p := e2e.BehindNginx(t)
	own := strings.TrimSuffix(p.URL, "/call/")

	for name, origin := range map[string]string{"a program": "", "a page": own} {
		e2e.SignIn(t, p.Route(origin), name, "")
	}
	for _, origin := range []string{
		"https://evil.example",
		"null",
		own + ".evil.example",
		strings.Replace(own, "127.0.0.1", "localhost", 1),
		own[:len(own)-1], // another port
	} {
		ws, resp, err := p.Route(origin).Handshake()
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
	p := e2e.BehindNginx(t, "-max-connections-per-ip", "2")
	to := p.Route("")
	to.URL += "?name=a-private-name"

	for i := range 3 {
		to.Header = http.Header{"X-Forwarded-For": {fmt.Sprintf("192.0.2.%d", i)}}
		if c := e2e.Connect(t, to); i < 2 {
			c.Login(fmt.Sprintf("user %d", i), "")
		} else {
			c.WantClose(websocket.CloseTryAgainLater)
		}
	}

	p.Get(p.URL + "?name=a-private-name")
	var log []byte
	e2e.Eventually(t, "a line in nginx's log", func() bool {
		var err error
		if log, err = os.ReadFile(p.File("access.log")); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(log), `"GET /call/" 200`)
	})
	if strings.Contains(string(log), "a-private-name") {
		t.Errorf("nginx logs:\n%s", log)
	}
}

// nginx cuts a WebSocket that is silent for its read timeout. The server's
// pings keep it up, and nothing else does.
func TestNginxIdle(t *testing.T) {
	short := []string{"proxy_read_timeout 75s;", "proxy_read_timeout 12s;"}
	e2e.Nginx(t)

	t.Run("with pings", func(t *testing.T) {
		t.Parallel()
		s := e2e.StartUnix(t, filepath.Join(t.TempDir(), "http.sock"), "-ping-interval", "3s", "-pong-timeout", "3s")
		idle := e2e.SignIn(t, e2e.StartNginx(t, s, short...).Route(""), "ann", "")
		for range 9 { // more than two read timeouts
			select {
			case <-idle.Pings:
			case frame, open := <-idle.Frames:
				t.Fatalf("an idle connection heard %q (open: %t, %v)", frame, open, idle.Ended)
			case <-time.After(e2e.Patience):
				t.Fatal("no ping comes")
			}
		}
		idle.WantNothing()
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		s := e2e.StartUnix(t, filepath.Join(t.TempDir(), "http.sock"), "-ping-interval", "1m")
		idle := e2e.SignIn(t, e2e.StartNginx(t, s, short...).Route(""), "ann", "")
		if _, err := idle.Hear(); !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
			t.Errorf("without pings: %v, expected to be cut off", err)
		}
	})
}

// A reload of nginx keeps the calls that are open, and takes new ones.
func TestNginxReload(t *testing.T) {
	p := e2e.BehindNginx(t)
	ann, bob := e2e.SignIn(t, p.Route(""), "ann", ""), e2e.SignIn(t, p.Route(""), "bob", "")
	e2e.Call(ann, bob)
	e2e.Exchange(ann, bob, "before")

	if out, err := exec.Command(p.Path, "-c", p.File("nginx.conf"), "-s", "reload").CombinedOutput(); err != nil {
		t.Fatalf("nginx -s reload: %v\n%s", err, out)
	}
	p.WaitPrinted(`gracefully shutting down`)
	p.WaitPrinted(`start worker process \d+(?s:.*)start worker process \d+`)

	e2e.Exchange(ann, bob, "after")
	cyd, dan := e2e.SignIn(t, p.Route(""), "cyd", ""), e2e.SignIn(t, p.Route(""), "dan", "")
	e2e.Call(cyd, dan)
	e2e.Exchange(cyd, dan, "new")
	e2e.Exchange(ann, bob, "beside the new")
}
