package server

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"switchboard/e2e"
)

// A process that stood still, as on a laptop that slept, finds all its timers due
// and, in its sockets, the answers to the pings that it had sent. It reads those
// before it judges anybody, so nobody is cut.
func TestPause(t *testing.T) {
	const interval, pairs = 4 * time.Second, 50
	s := e2e.Start(t, "-ping-interval", interval.String(), "-pong-timeout", interval.String())
	to := e2e.Route{URL: s.WS(), PongAfter: time.Second}
	var peers []*e2e.Peer
	for i := range pairs {
		ann := e2e.SignIn(t, to, fmt.Sprintf("ann %d", i), "")
		bob := e2e.SignIn(t, to, fmt.Sprintf("bob %d", i), "")
		e2e.Call(ann, bob)
		peers = append(peers, ann, bob)
	}
	wantPings(t, peers) // from now on, some of them owe an answer at any time

	s.Signal(syscall.SIGSTOP)
	<-time.After(2*interval + time.Second)
	s.Signal(syscall.SIGCONT)

	for range 2 {
		wantPings(t, peers)
	}
	for i := 0; i < len(peers); i += 2 {
		e2e.Exchange(peers[i], peers[i+1], "after the pause")
	}
}

// wantPings waits until each has been pinged once more, and nobody has heard
// anything else.
func wantPings(t *testing.T, peers []*e2e.Peer) {
	t.Helper()
	for _, p := range peers {
		select {
		case <-p.Pings:
		case frame, open := <-p.Frames:
			t.Fatalf("%s heard %q (open: %t, %v)", p.Name, frame, open, p.Ended)
		case <-time.After(e2e.Patience):
			t.Fatalf("%s is not pinged", p.Name)
		}
	}
}
