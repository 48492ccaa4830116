package server

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"switchboard/e2e"
)

// startWithPipes runs the server at a fixed address with a pipe for what it
// prints and one for its log, and returns their ends.
func startWithPipes(t *testing.T, flags ...string) (s *e2e.Server, stdout, stderr *os.File) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", e2e.FreePort(t))
	cmd := e2e.Command(t.Context(), t, nil, append([]string{"-listen", address}, flags...)...)
	stdout, cmd.Stdout = pipe(t)
	stderr, cmd.Stderr = pipe(t)
	s = e2e.Run(t, cmd, "http://"+address+"/")
	for _, inherited := range []any{cmd.Stdout, cmd.Stderr} {
		inherited.(*os.File).Close()
	}
	s.WaitReady()
	return s, stdout, stderr
}

// pipe returns a pipe that is soon full.
func pipe(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	if _, err := unix.FcntlInt(writer.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	return reader, writer
}

// noisyPeople is how many sign in, each for a line or two of the log.
const noisyPeople = 300

// makeNoise makes the server log far more than a pipe holds.
func makeNoise(t *testing.T, s *e2e.Server) {
	t.Helper()
	client := s.Client()
	for i := range 400 {
		req, err := http.NewRequest("GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket",
			"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
			"Origin": fmt.Sprintf("https://%d.%s.example.org", i, strings.Repeat("x", 50))} {
			req.Header.Set(name, value)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Fatalf("a foreign page is answered with %s", resp.Status)
		}
	}
	for i := range noisyPeople {
		e2e.SignIn(t, e2e.Route{URL: s.WS()}, fmt.Sprintf("somebody %d", i), "").WS.Close()
	}
}

func wantHealthy(t *testing.T, s *e2e.Server) {
	t.Helper()
	resp, err := s.Client().Get(s.URL + "healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/healthz says %s", resp.Status)
	}
}

// Nobody reads the log, nor what the server prints at its start, or there is
// nobody any more, as with `switchboard 2>&1 | head -1`: people talk all the
// same, and a stop is obeyed in time.
func TestLogThatNobodyReads(t *testing.T) {
	for _, gone := range []bool{false, true} {
		t.Run(fmt.Sprintf("gone=%t", gone), func(t *testing.T) {
			s, stdout, stderr := startWithPipes(t, "-log-level", "debug")
			if gone {
				stdout.Close()
				stderr.Close()
			}
			to := e2e.Route{URL: s.WS()}
			ann, bob := e2e.SignIn(t, to, "ann", ""), e2e.SignIn(t, to, "bob", "")
			e2e.Call(ann, bob)
			makeNoise(t, s)
			e2e.Exchange(ann, bob, "still here")
			wantHealthy(t, s)
			s.Stop()
		})
	}
}

// A reader that comes late gets every line, whole and in the format of the flag.
func TestLogIsReadLate(t *testing.T) {
	for format, begins := range map[string]string{"text": "time=", "json": `{"time":`} {
		t.Run(format, func(t *testing.T) {
			s, _, stderr := startWithPipes(t, "-log-format", format)
			makeNoise(t, s)
			lines := make(chan string, 10000)
			go func() {
				defer close(lines)
				for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
					lines <- scanner.Text()
				}
			}()
			s.Stop()
			signedIn := 0
			for line := range lines {
				if !strings.HasPrefix(line, begins) {
					t.Errorf("a line is %q", line)
				}
				if strings.Contains(line, "signed in") {
					signedIn++
				}
			}
			if signedIn != noisyPeople {
				t.Errorf("the log holds %d sign-ins of %d", signedIn, noisyPeople)
			}
		})
	}
}

// The second signal ends the process at once, whatever the first waits for:
// here for a client that does not take its close frame.
func TestSecondSignal(t *testing.T) {
	s, _, stderr := startWithPipes(t, "-drain-timeout", "1h", "-write-timeout", "1h", "-rate", "0")
	stall(t, e2e.Route{URL: s.WS()})
	s.Signal(syscall.SIGTERM)
	log := bufio.NewReader(stderr)
	for line := ""; !strings.Contains(line, "stopping"); {
		var err error
		if line, err = log.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	s.Signal(syscall.SIGTERM)
	select {
	case <-s.Exited:
	case <-time.After(e2e.Patience):
		s.Cmd.Process.Kill()
		t.Error("the second SIGTERM does not end the server")
	}
	s.Abandon() // it has ended, and not in peace
	if code := s.Cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) {
		t.Errorf("ended with status %d", code)
	}
}

// stall signs in a client that reads nothing more, and has so much sent to it
// that the server cannot write all of it.
func stall(t *testing.T, to e2e.Route) {
	t.Helper()
	caller := e2e.SignIn(t, to, "caller", "")
	to.Dial = smallWindow
	sleeper, _, err := to.Handshake()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sleeper.Close() })
	sleeper.WriteJSON(e2e.Message{"type": "login", "name": "sleeper"})
	if _, _, err := sleeper.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	caller.Send(e2e.Message{"type": "offer", "name": "sleeper", "offer": "an offer"})
	for {
		select {
		case <-caller.Frames: // that there is no more room
			return
		default:
			caller.Send(e2e.Message{"type": "candidate", "name": "sleeper", "candidate": strings.Repeat("x", 30<<10)})
		}
	}
}
