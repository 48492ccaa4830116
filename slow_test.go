package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/transcript"

	"github.com/gorilla/websocket"
)

// slowConn reads so many bytes each time that a pause is over.
type slowConn struct {
	net.Conn
	pause  time.Duration
	bytes  int
	window int // what the network holds; 0: stageWindow
	unread []byte
}

func (c *slowConn) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		time.Sleep(c.pause)
		c.unread = make([]byte, c.bytes)
		n, err := c.Conn.Read(c.unread)
		if c.unread = c.unread[:n]; err != nil {
			return 0, err
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// signInSlowly connects a client that reads slowly, and answers pings. What it
// hears goes to hear.
func (s *stage) signInSlowly(name string, pace slowConn, hear func(frame string)) {
	s.t.Helper()
	c := &stageClient{name: name}
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (_ net.Conn, err error) {
		c.conn, err = s.listener.Dial(ctx, cmp.Or(pace.window, stageWindow))
		pace.Conn = c.conn
		return &pace, err
	}}
	var err error
	if c.ws, _, err = dialer.Dial("ws://localhost:9090/", nil); err != nil {
		s.t.Fatal(err)
	}
	s.clients = append(s.clients, c)
	s.running.Go(func() {
		for {
			_, frame, err := c.ws.ReadMessage()
			if err != nil {
				return
			}
			hear(string(frame))
		}
	})
	s.do(name, fmt.Sprintf(`{"type":"login","name":%q}`, name))
	time.Sleep(5 * time.Second)
}

// Whoever reads slowly keeps name, call and connection, however much is under
// way: that a write goes on is a sign of life, and the ping comes behind it.
func TestReaderThatIsSlowLives(t *testing.T) {
	behindALot := slowConn{pause: time.Second / 10, bytes: 2400, window: 1 << 20}
	steadily, inLumps := slowConn{pause: time.Second / 10, bytes: 2400}, slowConn{pause: 4500 * time.Millisecond, bytes: 64 << 10}
	for _, tt := range []struct {
		pace       slowConn
		candidates int
		flags      string
	}{
		{steadily, 80, "-rate 0"},
		{steadily, 80, "-rate 0 -ping-interval 3s -pong-timeout 1s"},
		{inLumps, 80, "-rate 0"},
		{inLumps, 80, "-rate 0 -ping-interval 10s -pong-timeout 4s"},
		{behindALot, 20, "-rate 0"},
		{behindALot, 40, "-rate 0"},
		{behindALot, 40, "-rate 0 -ping-interval 7s -pong-timeout 5s"},
	} {
		onStage(t, tt.flags, func(t *testing.T, s *stage) {
			heard := 0
			s.signInSlowly("ann", tt.pace, func(frame string) {
				if strings.Contains(frame, `"type":"candidate"`) {
					heard++
				}
			})
			s.signIn("bob")
			s.do("bob", `{"type":"offer","name":"ann","offer":"an offer"}`)
			time.Sleep(5 * time.Second)
			s.do("ann", `{"type":"answer","answer":"an answer"}`)
			s.Next("bob")
			candidate := `{"type":"candidate","candidate":"` + strings.Repeat("x", 4000) + `"}`
			for range tt.candidates {
				s.do("bob", candidate)
			}
			for i := range 10 { // whatever the moment
				eve := fmt.Sprintf("eve%d", i)
				s.Connect(eve, "/", nil)
				s.do(eve, `{"type":"login","name":"ann"}`)
				time.Sleep(time.Second)
			}
			for i := range 10 {
				if i == 5 { // the first have heard long before everything is read
					time.Sleep(40 * time.Second)
				}
				if event, _ := s.Next(fmt.Sprintf("eve%d", i)); !strings.Contains(event.Text, string(CodeNameTaken)) {
					t.Errorf("eve%d hears %q", i, event.Text)
				}
			}
			if event, ok := s.Next("bob"); ok {
				t.Errorf("bob hears %q", event.Text)
			}
			if heard != tt.candidates {
				t.Errorf("ann has heard %d candidates of %d", heard, tt.candidates)
			}
		})
	}
}

// A large message may take longer than the time of a write, if it goes on.
func TestLargeMessageToASlowReader(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		heard := make(chan string, 10)
		s.signInSlowly("ann", slowConn{pause: time.Second / 10, bytes: 600}, func(frame string) { heard <- frame })
		<-heard
		s.signIn("bob")
		for i := range 3 { // the first fills what the network holds
			s.do("bob", `{"type":"offer","name":"ann","offer":"`+strings.Repeat("x", 60_000)+`"}`)
			time.Sleep(time.Duration(i) * time.Second)
		}
		for i := range 3 {
			if frame := <-heard; len(frame) < 60_000 {
				t.Fatalf("frame %d is %.100s", i, frame)
			}
		}
	})
}

// A ghost does not keep its name because something is under way to it.
func TestGhostWithDataUnderWay(t *testing.T) {
	onStage(t, "-rate 0", func(t *testing.T, s *stage) {
		_, ann := s.talk("bob", "ann")
		ann.conn.Suspend()
		for range 80 {
			s.do("bob", `{"type":"candidate","candidate":"`+strings.Repeat("x", 4000)+`"}`)
		}
		s.Connect("phone", "/", nil)
		s.do("phone", `{"type":"login","name":"ann"}`)
		time.Sleep(s.server.cfg.writeTimeout * 11 / 10)
		if event, _ := s.Next("phone"); !strings.Contains(event.Text, `"success":true`) {
			t.Errorf("phone hears %q", event.Text)
		}
	})
}

// The least queue that a configuration may have is enough for all that a party
// can be told at once, even if it does not read for a while.
func TestTheLeastQueueIsEnough(t *testing.T) {
	const message = 16 << 10
	onStage(t, fmt.Sprintf("-rate 0 -max-message %d -max-queue %d", message, minQueue(message)), func(t *testing.T, s *stage) {
		payload := `"` + strings.Repeat("x", message-200) + `"`
		s.Connect("tina", "/", nil)
		s.do("tina", `{"type":"login","name":"tina","role":"teacher"}`)
		s.Connect("sam", "/socket.io/?EIO=4&transport=websocket", nil)
		s.do("sam", `40{"name":"sam","role":"student"}`)
		for range 3 {
			s.Next("sam")
		}
		s.Next("tina")
		s.do("tina", `{"type":"request-call","name":"sam","sdp":`+payload+`}`)
		s.Next("tina")
		s.Next("sam")
		s.client("tina").conn.Suspend()
		s.client("sam").conn.Suspend()
		for range maxHeld {
			s.do("sam", `42["candidate",{"candidate":"a candidate of some thirty bytes"}]`)
			s.do("tina", `{"type":"candidate","candidate":"a candidate of some thirty bytes"}`)
		}
		s.do("sam", `42["respond-call",{"sdp":`+payload+`}]`)
		time.Sleep(time.Second)
		for _, name := range []string{"tina", "sam"} {
			s.client(name).conn.Resume()
			heard := 0
			for event, ok := s.Next(name); ok; event, ok = s.Next(name) {
				if strings.Contains(event.Text, "new-ice-candidate") {
					heard++
				}
			}
			if heard != maxHeld {
				t.Errorf("%s hears %d candidates of %d", name, heard, maxHeld)
			}
		}
	})
}

// A list is as long as there is room for, and nobody is removed for it.
func TestListsFitIntoTheQueue(t *testing.T) {
	onStage(t, fmt.Sprintf("-rate 0 -max-message 1KiB -max-queue %d", minQueue(1<<10)), func(t *testing.T, s *stage) {
		for i := range maxListed {
			name := fmt.Sprintf("%03d%s", i, strings.Repeat("李", maxNameRunes-3))
			s.Connect(name[:3], "/", nil)
			s.do(name[:3], `{"type":"login","name":"`+name+`"}`)
			s.Next(name[:3])
		}
		ann := s.signIn("ann")
		ann.conn.Suspend()
		const asked = 50
		for range asked {
			s.do("ann", `{"type":"users"}`)
		}
		time.Sleep(time.Second)
		ann.conn.Resume()
		listed, refused := 0, 0
		for event, ok := s.Next("ann"); ok; event, ok = s.Next("ann") {
			switch {
			case strings.Contains(event.Text, string(CodeRateLimited)):
				refused++
			case strings.Contains(event.Text, fmt.Sprintf(`"total":%d`, maxListed)):
				listed++
			default:
				t.Fatalf("ann hears %.100s", event.String())
			}
		}
		if listed+refused != asked || listed == 0 || refused == 0 {
			t.Errorf("%d lists and %d refusals, of %d", listed, refused, asked)
		}
	})
}

// Calls that begin are told with the same regard for a slow reader as all else:
// nobody is removed because others call and give up again and again.
func TestCallsToASlowReader(t *testing.T) {
	offer := `{"type":"offer","name":"bob","offer":"` + strings.Repeat("x", 60_000) + `"}`
	for name, round := range map[string][]string{
		"by name": {offer, `{"type":"leave"}`},
		"rooms":   {`{"type":"join","room":"r"}`, `{"type":"leave"}`},
	} {
		onStage(t, "-rate 0 -max-queue 512KiB", func(t *testing.T, s *stage) {
			bob := s.signIn("bob")
			s.do("bob", `{"type":"join","room":"r"}`)
			s.Next("bob")
			if name == "by name" {
				s.do("bob", `{"type":"leave"}`)
			}
			s.signIn("ann")
			bob.conn.Suspend()
			for refused := 0; refused < maxExcess/2; {
				for _, frame := range round {
					s.do("ann", frame)
				}
				for event, ok := s.Next("ann"); ok; event, ok = s.Next("ann") {
					switch {
					case strings.Contains(event.Text, string(CodeRateLimited)):
						refused++
					case strings.Contains(event.Text, string(CodeNoSuchUser)), strings.Contains(event.Text, `"users":[]`):
						t.Fatalf("%s: bob was removed", name)
					}
				}
			}
			bob.conn.Resume()
			for event, ok := s.Next("bob"); ok; event, ok = s.Next("bob") {
				if event.Kind != "frame" {
					t.Fatalf("%s: bob is %s", name, event)
				}
			}
		})
	}
}

// A reader that stops costs its own connection, when it has taken nothing for
// the time of a write, and nobody else anything. Until then so much is kept
// for it as half of its queue holds.
func TestReaderThatStops(t *testing.T) {
	onStage(t, "-rate 0", func(t *testing.T, s *stage) {
		_, bob := s.talk("ann", "bob")
		s.talk("cyd", "dan")
		bob.conn.Suspend()
		candidate := `{"type":"candidate","candidate":"` + strings.Repeat("x", 4000) + `"}`
		sent := 0
		for ; ; sent += len(candidate) {
			s.do("ann", candidate)
			if event, ok := s.Next("ann"); ok {
				if !strings.Contains(event.Text, `"rate-limited"`) {
					t.Fatalf("ann hears %s", event.Text)
				}
				break
			}
			s.do("cyd", `{"type":"candidate","candidate":"c"}`)
			if _, ok := s.Next("dan"); !ok {
				t.Fatal("dan hears nothing while bob does not read")
			}
		}
		if most := 1<<19 + 4*stageWindow; sent > most {
			t.Errorf("%d bytes were taken for a reader that had stopped, want at most %d", sent, most)
		}
		time.Sleep(s.server.cfg.writeTimeout * 11 / 10)
		if event, _ := s.Next("ann"); !strings.Contains(event.Text, `"reason":"gone"`) {
			t.Errorf("ann hears %s, want that bob is gone", event.Text)
		}
		s.signIn("bob") // the name is free at once
	})
}

// A reader that is only slow keeps its connection, and gets everything.
func TestReaderThatIsSlow(t *testing.T) {
	onStage(t, "-rate 0", func(t *testing.T, s *stage) {
		_, bob := s.talk("ann", "bob")
		bob.conn.Suspend()
		for i := range 200 {
			s.do("ann", fmt.Sprintf(`{"type":"candidate","candidate":"%d %s"}`, i, strings.Repeat("x", 1000)))
		}
		time.Sleep(4 * time.Second)
		bob.conn.Resume()
		for i := range 200 {
			event, ok := s.Next("bob")
			if want := fmt.Sprintf(`"candidate":"%d x`, i); !ok || !strings.Contains(event.Text, want) {
				t.Fatalf("bob hears %.80s, want %s", event.Text, want)
			}
		}
	})
}

// Nobody is removed for a burst that another sends, however large its messages
// are: what there is room for arrives, and the rest is refused.
func TestBurstOfLargeMessages(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		_, bob := s.talk("ann", "bob")
		bob.conn.Suspend()
		large := `{"type":"candidate","candidate":"` + strings.Repeat("x", 60000) + `"}`
		for range 100 {
			s.do("ann", large)
		}
		synctest.Wait()
		bob.conn.Resume()
		refused, arrived := 0, 0
		for event, ok := s.Next("ann"); ok; event, ok = s.Next("ann") {
			if !strings.Contains(event.Text, `"rate-limited"`) {
				t.Fatalf("ann hears %.100s", event.Text)
			}
			refused++
		}
		for event, ok := s.Next("bob"); ok; event, ok = s.Next("bob") {
			if event.Kind == transcript.Closed {
				t.Fatalf("bob was removed with %d for what ann sent", event.Code)
			}
			arrived++
		}
		if arrived+refused != 100 || arrived*len(large) < 1<<19 {
			t.Errorf("%d arrived, %d were refused, of 100", arrived, refused)
		}
	})
}
