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

// A Server is one running Switchboard.
type Server struct {
	t       *testing.T
	Cmd     *exec.Cmd
	Printed Printed
	URL     string // of the page, as the server prints it
	Socket  string // the unix socket that it listens on, if any
	Exited  chan struct{}
	once    sync.Once
}

// Start runs the server on a free port of its own choice and waits until it is
// ready. It is stopped, and its log looked through, when the test ends.
func Start(t *testing.T, flags ...string) *Server {
	t.Helper()
	s := Launch(t, nil, append([]string{"-listen", "127.0.0.1:0"}, flags...)...)
	s.FindAddress()
	s.WaitReady()
	return s
}

// StartUnix runs the server on a unix socket.
func StartUnix(t *testing.T, socket string, flags ...string) *Server {
	t.Helper()
	s := Launch(t, nil, append([]string{"-listen", "unix:" + socket}, flags...)...)
	s.Socket, s.URL = socket, "http://switchboard/"
	s.WaitReady()
	return s
}

// Launch starts the binary, with these settings in its environment.
func Launch(t *testing.T, env []string, flags ...string) *Server {
	t.Helper()
	s := &Server{t: t, Cmd: Command(context.Background(), t, env, flags...)}
	s.Cmd.Stdout, s.Cmd.Stderr = &s.Printed, &s.Printed
	s.run()
	return s
}

// Run starts a command that the test has given its output to, for a server whose
// page has this address.
func Run(t *testing.T, cmd *exec.Cmd, url string) *Server {
	t.Helper()
	s := &Server{t: t, Cmd: cmd, URL: url}
	s.run()
	return s
}

func (s *Server) run() {
	s.t.Helper()
	if err := s.Cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.Exited = make(chan struct{})
	go func() {
		s.Cmd.Wait()
		close(s.Exited)
	}()
	s.t.Cleanup(s.Stop)
}

func Command(ctx context.Context, t *testing.T, env []string, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, Built(t), flags...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

var pageAddress = regexp.MustCompile(`https?://[0-9A-Za-z.:\[\]]+:\d+/\S*`)

// FindAddress takes the page's address from the lines that the server prints
// for whoever started it.
func (s *Server) FindAddress() {
	s.t.Helper()
	s.URL = s.Wait(pageAddress)
}

// Wait returns the first match in what the server has printed, or will print.
func (s *Server) Wait(what *regexp.Regexp) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), Patience)
	defer cancel()
	go func() {
		select {
		case <-s.Exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	found, err := s.Printed.Wait(ctx, what)
	if err != nil {
		s.t.Fatalf("the server does not print %s:\n%s", what, s.Printed.String())
	}
	return found
}

// WaitReady asks /readyz until the answer is yes. A refused connection is asked
// again: nobody can be told when a port begins to listen.
func (s *Server) WaitReady() {
	s.t.Helper()
	client := s.Client()
	Eventually(s.t, "the server to be ready", func() bool {
		select {
		case <-s.Exited:
			s.t.Fatalf("the server ended instead of starting:\n%s", s.Printed.String())
		default:
		}
		resp, err := client.Get(s.URL + "readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// Client speaks HTTP to the server, over whatever it listens on.
func (s *Server) Client() *http.Client {
	return &http.Client{
		Timeout: Patience,
		Transport: &http.Transport{
			DialContext:       s.Dialer(),
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
			DisableKeepAlives: true,
		},
	}
}

func (s *Server) Dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if s.Socket == "" {
		return d.DialContext
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", s.Socket)
	}
}

// WS is the address of the WebSocket beside the page.
func (s *Server) WS() string { return webSocket(s.URL) }

func webSocket(page string) string { return "ws" + strings.TrimPrefix(page, "http") }

// Abandon leaves it to the test to end the server, and to say how it has to end.
func (s *Server) Abandon() { s.once.Do(func() {}) }

// Signal sends a signal to the server.
func (s *Server) Signal(sig os.Signal) {
	s.t.Helper()
	if err := s.Cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Stop ends the server as an operator does, and checks what was promised of
// that and of the log. Later calls do nothing.
func (s *Server) Stop() {
	s.once.Do(func() {
		s.t.Helper()
		begun := time.Now()
		if err := s.Cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.t.Error(err)
		}
		select {
		case <-s.Exited:
		case <-time.After(2 * stopTime): // a busy machine may take its time
			s.t.Errorf("the server is still there %v after SIGTERM", time.Since(begun))
			s.Cmd.Process.Kill()
			<-s.Exited
		}
		if code := s.Cmd.ProcessState.ExitCode(); code != 0 {
			s.t.Errorf("the server ended with status %d after %v, expected 0", code, time.Since(begun))
		}
		s.checkLog()
	})
}

// secrets is what no log may hold: anything out of a session description or a
// candidate, which carry addresses and key fingerprints, and tokens.
var secrets = regexp.MustCompile(`eyJ|v=0|(^|[^a-z])a=[a-z]|m=(audio|video|application) |candidate:|ice-ufrag|fingerprint`)

func (s *Server) checkLog() {
	s.t.Helper()
	for line := range strings.Lines(s.Printed.String()) {
		switch {
		case secrets.MatchString(line):
			s.t.Errorf("the log holds part of a session description: %s", line)
		case strings.Contains(line, "DATA RACE"), strings.HasPrefix(line, "panic:"):
			s.t.Errorf("the log says: %s", line)
		}
	}
	if s.t.Failed() {
		s.t.Logf("the server printed:\n%s", s.Printed.String())
	}
}

// Printed collects the output of a process, for those who wait for a line.
type Printed struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed by the next Write; nil if nobody waits
}

func (p *Printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
	return p.text.Write(b)
}

func (p *Printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// Wait returns the first match, once it is there.
func (p *Printed) Wait(ctx context.Context, what *regexp.Regexp) (string, error) {
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
