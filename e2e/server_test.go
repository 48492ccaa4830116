package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopTime is what the server promises between SIGTERM and its end.
const stopTime = 15 * time.Second

// A server is one running Switchboard.
type server struct {
	t       *testing.T
	cmd     *exec.Cmd
	printed printed
	url     string // of the page, as the server prints it
	socket  string // the unix socket that it listens on, if any
	exited  chan struct{}
	once    sync.Once
}

// start runs the server on a free port of its own choice and waits until it is
// ready. It is stopped, and its log looked through, when the test ends.
func start(t *testing.T, flags ...string) *server {
	t.Helper()
	s := launch(t, nil, append([]string{"-listen", "127.0.0.1:0"}, flags...)...)
	s.findAddress()
	s.waitReady()
	return s
}

// startUnix runs the server on a unix socket.
func startUnix(t *testing.T, socket string, flags ...string) *server {
	t.Helper()
	s := launch(t, nil, append([]string{"-listen", "unix:" + socket}, flags...)...)
	s.socket, s.url = socket, "http://switchboard/"
	s.waitReady()
	return s
}

// launch starts the binary, with these settings in its environment.
func launch(t *testing.T, env []string, flags ...string) *server {
	t.Helper()
	s := &server{t: t, cmd: command(context.Background(), t, env, flags...), exited: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.printed, &s.printed
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(s.stop)
	return s
}

func command(ctx context.Context, t *testing.T, env []string, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, built(t), flags...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

var pageAddress = regexp.MustCompile(`https?://[0-9A-Za-z.:\[\]]+:\d+/\S*`)

// findAddress takes the page's address from the lines that the server prints
// for whoever started it.
func (s *server) findAddress() {
	s.t.Helper()
	s.url = s.wait(pageAddress)
}

// wait returns the first match in what the server has printed, or will print.
func (s *server) wait(what *regexp.Regexp) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	go func() {
		select {
		case <-s.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	found, err := s.printed.wait(ctx, what)
	if err != nil {
		s.t.Fatalf("the server does not print %s:\n%s", what, s.printed.String())
	}
	return found
}

// waitReady asks /readyz until the answer is yes. A refused connection is asked
// again: nobody can be told when a port begins to listen.
func (s *server) waitReady() {
	s.t.Helper()
	client := s.client()
	deadline := time.Now().Add(patience)
	for {
		resp, err := client.Get(s.url + "readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-s.exited:
			s.t.Fatalf("the server ended instead of starting:\n%s", s.printed.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server is not ready: %v\n%s", err, s.printed.String())
		}
	}
}

// client speaks HTTP to the server, over whatever it listens on.
func (s *server) client() *http.Client {
	return &http.Client{
		Timeout: patience,
		Transport: &http.Transport{
			DialContext:       s.dialer(),
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
			DisableKeepAlives: true,
		},
	}
}

func (s *server) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if s.socket == "" {
		return d.DialContext
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", s.socket)
	}
}

// ws is the address of the WebSocket beside the page.
func (s *server) ws() string { return webSocket(s.url) }

func webSocket(page string) string { return "ws" + strings.TrimPrefix(page, "http") }

// stop ends the server as an operator does, and checks what was promised of
// that and of the log. Later calls do nothing.
func (s *server) stop() {
	s.once.Do(func() {
		s.t.Helper()
		begun := time.Now()
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.t.Error(err)
		}
		select {
		case <-s.exited:
		case <-time.After(stopTime):
			s.t.Errorf("the server is still there %v after SIGTERM", stopTime)
			s.cmd.Process.Kill()
			<-s.exited
		}
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			s.t.Errorf("the server ended with status %d after %v, expected 0", code, time.Since(begun))
		}
		s.checkLog()
	})
}

// secrets is what no log may hold: anything out of a session description or a
// candidate. They carry addresses and key fingerprints.
var secrets = regexp.MustCompile(`v=0|(^|[^a-z])a=[a-z]|m=(audio|video|application) |candidate:|ice-ufrag|fingerprint`)

func (s *server) checkLog() {
	s.t.Helper()
	for line := range strings.Lines(s.printed.String()) {
		switch {
		case secrets.MatchString(line):
			s.t.Errorf("the log holds part of a session description: %s", line)
		case strings.Contains(line, "DATA RACE"), strings.HasPrefix(line, "panic:"):
			s.t.Errorf("the log says: %s", line)
		}
	}
	if s.t.Failed() {
		s.t.Logf("the server printed:\n%s", s.printed.String())
	}
}

// printed collects the output of a process, for those who wait for a line.
type printed struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed by the next Write; nil if nobody waits
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// wait returns the first match, once it is there.
func (p *printed) wait(ctx context.Context, what *regexp.Regexp) (string, error) {
	for {
		p.mu.Lock()
		found := what.FindString(p.text.String())
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		if found != "" {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
