package conn

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/memnet"
)

// A client whose connection ends may still be sending. It hears the close frame, and has
// a second and 2 MiB to notice.
func TestFarewellArrives(t *testing.T) {
	const block = 64 << 10
	for name, tt := range map[string]struct {
		blocks int // what the client still sends
		closes bool
		waits  time.Duration
	}{
		"it closes":                {0, true, 0},
		"it goes on, then closes":  {10, true, 0},
		"it does nothing":          {0, false, time.Second},
		"it goes on":               {10, false, time.Second},
		"it goes on and on and on": {2<<20/block + 2, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			onServer(t, func(t *testing.T, s *testServer) {
				s.owner.receive = func([]byte) *Closing { return own }
				p := s.connect()
				start := time.Now()
				p.say(message("x"), strings.Repeat("x", block/2))
				synctest.Wait()
				heard := p.Unread()
				for range tt.blocks {
					p.Write(make([]byte, block))
				}
				if heard != farewell(own) {
					t.Errorf("the client hears %q", heard)
				}
				if tt.closes {
					if rest, err := p.hear(); rest != heard || err != nil {
						t.Errorf("the client hears %q, %v; want the close frame and the end", rest, err)
					}
					p.Close()
				}
				if why := <-s.ended; why != own {
					t.Errorf("the connection ends because of %v", why)
				}
				if waited := time.Since(start).Round(time.Millisecond); waited != tt.waits {
					t.Errorf("the connection is closed after %v, want %v", waited, tt.waits)
				}
			})
		})
	}
}

// A client that has said goodbye is not waited for.
func TestNoLingerAfterAGoodbye(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.connect()
		p.say(final(websocket.CloseMessage, goodbye(1000, "")))
		s.wantEnded(Left)
	})
}

// A network that cannot be shut halfway is closed.
func TestNoLingerWithoutHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.NewPipe(testWindow)
		defer client.Close()
		l := &newTestConn(struct{ net.Conn }{server}).link
		start := time.Now()
		l.linger()
		if err := server.Close(); err == nil || time.Since(start) != 0 {
			t.Errorf("after %v it is still to be closed: %v", time.Since(start), err)
		}
	})
}
