package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"

	"switchboard/e2e"
)

// What a newcomer is told: where the page is, how to talk by hand, and that
// names and roles are taken as claimed. The addresses are the real ones.
func TestStartupLines(t *testing.T) {
	s := e2e.Start(t)
	if strings.Contains(s.URL, ":0/") {
		t.Errorf("the page is said to be at %s", s.URL)
	}
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Errorf("%s: %s, %s", s.URL, resp.Status, resp.Header.Get("Content-Type"))
	}

	command := s.Wait(regexp.MustCompile(`wscat -c ws://\S+`))
	e2e.SignIn(t, e2e.Route{URL: strings.TrimPrefix(command, "wscat -c ")}, "ann", "")
	s.Wait(regexp.MustCompile(`(?i)open mode.*|.*as claimed.*`))
}

// Whatever keeps the server from starting is one line and a status that says so.
func TestStartupRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free := "-listen=127.0.0.1:0"

	tests := []struct {
		name  string
		env   []string
		flags []string
		says  string
	}{
		{"port in use", nil, []string{"-listen", taken.Addr().String()}, "in use"},
		{"no such flag", nil, []string{free, "-no-such-flag"}, "no-such-flag"},
		{"not a flag", nil, []string{free, "start"}, "start"},
		{"bad duration", nil, []string{free, "-ring-timeout", "soon"}, "ring-timeout"},
		{"no such pairs", nil, []string{free, "-may-call", "teacher"}, "may-call"},
		{"no such certificate", nil, []string{free, "-tls-cert", "no-such-file", "-tls-key", "no-such-file"}, "no-such-file"},
		{"certificate without key", nil, []string{free, "-tls-cert", "cert.pem"}, "tls-key"},
		{"no such folder", nil, []string{free, "-static", "no-such-folder"}, "no-such-folder"},
		{"bad environment", []string{"SWITCHBOARD_RING_TIMEOUT=soon"}, []string{free}, "SWITCHBOARD_RING_TIMEOUT"},
		{"no such secret", nil, []string{free, "-turn", "turn:turn.example.org", "-turn-secret-file", "no-such-file"}, "-turn-secret-file: stat no-such-file: "},
		{"TURN server without a secret", []string{"SWITCHBOARD_TURN=turn:turn.example.org"}, []string{free}, "-turn-secret-file"},
		{"bad log level", nil, []string{free, "-log-level", "loud"}, "log-level"},
	}
	for _, tt := range tests {
		for _, check := range []bool{false, true} {
			name := tt.name
			if check {
				if tt.name == "port in use" {
					continue // only who starts needs the port
				}
				name += ", -check"
				tt.flags = append(tt.flags, "-check")
			}
			t.Run(name, func(t *testing.T) {
				code, stdout, stderr := runToEnd(t, tt.env, tt.flags...)
				if code == 0 {
					t.Error("ended with status 0")
				}
				if stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, tt.says) {
					t.Errorf("expected one line about %q, got:\n%s%s", tt.says, stdout, stderr)
				}
			})
		}
	}
}

func TestCheckAndVersion(t *testing.T) {
	if code, stdout, stderr := runToEnd(t, nil, "-check", "-ring-timeout", "1m"); code != 0 {
		t.Errorf("-check ended with status %d:\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr := runToEnd(t, nil, "-version")
	if code != 0 || !strings.Contains(stdout, "switchboard") || stderr != "" {
		t.Errorf("-version ended with status %d:\n%s%s", code, stdout, stderr)
	}
	if code, help, _ := runToEnd(t, nil, "-h"); code != 0 || !strings.Contains(help, ":9090") {
		t.Errorf("-h does not name the default port:\n%s", help)
	}
}

// runToEnd runs the server where it is expected to end by itself.
func runToEnd(t *testing.T, env []string, flags ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), e2e.Patience)
	defer cancel()
	var out, errs e2e.Printed
	cmd := e2e.Command(ctx, t, env, flags...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%v does not end", flags)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// Every flag has an environment name, and gives way to the flag itself.
func TestEnvironment(t *testing.T) {
	s := e2e.Launch(t, []string{"SWITCHBOARD_LISTEN=127.0.0.1:0", "SWITCHBOARD_GREETING=true", "SWITCHBOARD_LOG_FORMAT=json"},
		"-log-format", "text")
	s.FindAddress()
	s.WaitReady()
	p := e2e.Connect(t, e2e.Route{URL: s.WS()})
	if frame, err := p.Hear(); string(frame) != "Hello world" {
		t.Errorf("with a greeting: %q, %v", frame, err)
	}
	p.Login("ann", "")
	if line := s.Wait(regexp.MustCompile(`.*signed in.*`)); strings.HasPrefix(line, "{") {
		t.Errorf("the environment went before the flag: %s", line)
	}
}

// A socket that a dead server left behind is no hindrance, one that lives is.
func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "http.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()

	s := e2e.StartUnix(t, socket)
	to := e2e.Route{URL: "ws://localhost/", Dial: s.Dialer()}
	ann, bob := e2e.SignIn(t, to, "ann", ""), e2e.SignIn(t, to, "bob", "")
	e2e.Call(ann, bob)

	code, _, stderr := runToEnd(t, nil, "-listen", "unix:"+socket)
	if code == 0 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a second server on the socket ended with status %d:\n%s", code, stderr)
	}
	e2e.Exchange(ann, bob, "still here")

	s.Stop()
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket stays when the server is gone: %v", err)
	}
}

func TestBasePath(t *testing.T) {
	s := e2e.Start(t, "-base-path", "/call/")
	if !strings.HasSuffix(s.URL, "/call/") {
		t.Fatalf("the page is said to be at %s", s.URL)
	}
	if resp, err := s.Client().Get(s.URL); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %v, %v", s.URL, resp, err)
	}
	ann, bob := e2e.SignIn(t, e2e.Route{URL: s.WS()}, "ann", ""), e2e.SignIn(t, e2e.Route{URL: s.WS() + "ws"}, "bob", "")
	e2e.Call(ann, bob)
}

func TestSelfSigned(t *testing.T) {
	s := e2e.Start(t, "-tls-self-signed")
	if !strings.HasPrefix(s.URL, "https://") {
		t.Fatalf("the page is said to be at %s", s.URL)
	}
	resp, err := s.Client().Get(s.URL)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %v, %v", s.URL, resp, err)
	}
	ann, bob := e2e.SignIn(t, e2e.Route{URL: s.WS()}, "ann", ""), e2e.SignIn(t, e2e.Route{URL: s.WS()}, "bob", "")
	e2e.Call(ann, bob)
}

// A renewed certificate is taken up without a restart, and a call goes on.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	e2e.WriteCertificate(t, cert, key, "old")
	s := e2e.Start(t, "-tls-cert", cert, "-tls-key", key)
	to := e2e.Route{URL: s.WS()}
	ann, bob := e2e.SignIn(t, to, "ann", ""), e2e.SignIn(t, to, "bob", "")
	e2e.Call(ann, bob)
	if name := certificate(t, s); name != "old" {
		t.Fatalf("the certificate is %q", name)
	}

	// One that cannot be read changes nothing.
	if err := os.WriteFile(cert, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Signal(syscall.SIGHUP)
	s.Wait(regexp.MustCompile(`(?i)(level=(WARN|ERROR)|"level":"(WARN|ERROR)").*`))
	if name := certificate(t, s); name != "old" {
		t.Errorf("after a broken file the certificate is %q", name)
	}

	e2e.WriteCertificate(t, cert, key, "new")
	s.Signal(syscall.SIGHUP)
	e2e.Eventually(t, "the new certificate", func() bool { return certificate(t, s) == "new" })
	e2e.Exchange(ann, bob, "after the reload")
	e2e.SignIn(t, to, "cyd", "")
}

// certificate returns the name in the certificate that the server shows.
func certificate(t *testing.T, s *e2e.Server) string {
	t.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(s.URL, "https://"), "/")
	conn, err := tls.Dial("tcp", host, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// On SIGTERM every client gets a close frame, and those who talk hear first
// that the call is over. stop checks the status and the time.
func TestShutdown(t *testing.T) {
	s := e2e.Start(t)
	to := e2e.Route{URL: s.WS()}
	var peers []*e2e.Peer
	for i := range 100 {
		peers = append(peers, e2e.SignIn(t, to, fmt.Sprintf("user %d", i), ""))
	}
	e2e.Call(peers[0], peers[1])
	stranger := e2e.Connect(t, to)

	s.Stop()
	for _, p := range peers[:2] {
		if leave := p.Want("leave"); leave["reason"] != "shutdown" {
			t.Errorf("%s heard %v", p.Name, leave)
		}
	}
	for _, p := range append(peers, stranger) {
		if _, err := p.Hear(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
			t.Errorf("%s was closed with %v, expected 1012", p.Name, err)
		}
	}
}
