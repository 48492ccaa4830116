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

	"github.com/gorilla/websocket"

	"switchboard/internal/late"
	"switchboard/internal/memnet"
)

// newTestPulse returns the pulse of a client whose hub does not run, so that
// what it is told stays in the inbox.
func newTestPulse(t *testing.T) *pulse {
	h := newHubTester(t).hub
	c := &connection{hub: h, link: &link{}}
	c.out.limit, c.out.writing = 1<<20, true
	p := &c.pulse
	p.conn, p.ping = c, func() {}
	p.interval, p.timeout = time.Minute, 10*time.Second
	p.timer = time.AfterFunc(time.Hour, func() {})
	t.Cleanup(p.stop)
	return p
}

func (p *pulse) wantTold(t *testing.T, want any) {
	t.Helper()
	select {
	case got := <-p.conn.hub.inbox:
		if got != want {
			t.Errorf("the hub is told %#v, want %#v", got, want)
		}
	default:
		if want != nil {
			t.Errorf("the hub is told nothing, want %#v", want)
		}
	}
}

func TestPulse(t *testing.T) {
	t.Run("a ping does not forget the probe", func(t *testing.T) {
		p := newTestPulse(t)
		p.asked.Or(askedByProbe)
		p.tick()
		p.beat()
		p.wantTold(t, probeHeard{p.conn})
	})
	t.Run("silence ends the connection", func(t *testing.T) {
		p := newTestPulse(t)
		p.tick()
		p.tick()
		p.wantTold(t, clientGone{p.conn, closeGone})
	})
	t.Run("a sign of life does not", func(t *testing.T) {
		p := newTestPulse(t)
		p.tick()
		p.beat()
		p.tick()
		p.wantTold(t, nil)
	})
	t.Run("what is under way is read first", func(t *testing.T) {
		p := newTestPulse(t)
		p.written.Add(2*slowest + 1)
		p.tick()
		p.tick()
		p.wantTold(t, nil)
		p.tick()
		p.wantTold(t, clientGone{p.conn, closeGone})
	})
	t.Run("a pong says that all before its ping was read", func(t *testing.T) {
		p := newTestPulse(t)
		p.written.Add(100 * slowest)
		if got := p.patience(); got != p.timeout {
			t.Errorf("the patience is %v, want no more than %v", got, p.timeout)
		}
		p.tick()
		p.written.Add(3 * slowest)
		if !p.answered() || p.answered() {
			t.Error("one ping has one answer")
		}
		if got := p.patience(); got != 3*time.Second {
			t.Errorf("the patience is %v, want 3s", got)
		}
	})
	t.Run("after a pause the answer has its time again", func(t *testing.T) {
		p := newTestPulse(t)
		p.tick()
		p.due = time.Now().Add(-2 * late.Tolerance)
		p.tick()
		p.wantTold(t, nil)
		p.tick()
		p.wantTold(t, clientGone{p.conn, closeGone})
	})
	t.Run("after a pause a message has its time again", func(t *testing.T) {
		p := newTestPulse(t)
		p.beginMessage()
		p.tick()
		p.beat()
		p.tick()
		p.due = time.Now().Add(-2 * late.Tolerance)
		p.tick()
		p.wantTold(t, nil)
		p.beat()
		p.tick()
		p.tick()
		p.wantTold(t, clientGone{p.conn, closeMessageTimeout})
	})
	t.Run("the outcome of a write decides", func(t *testing.T) {
		p := newTestPulse(t)
		p.tick()
		p.conn.link.writing.Store(true)
		p.tick()
		p.wantTold(t, nil)
		p.conn.link.writing.Store(false)
		p.tick()
		p.wantTold(t, clientGone{p.conn, closeGone})
	})
}

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

// A write that had to wait and then goes on is a sign of life. One that finds
// room at once says nothing of the client.
func TestAWriteThatGoesOnIsASignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.NewPipe(100)
		defer client.Close()
		defer server.Close()
		p := &pulse{}
		l := newLink(p, time.Second)
		l.Conn = server
		p.asked.Or(askedByPing)
		if err := l.send(make([]byte, 100)); err != nil || p.asked.Load() == 0 {
			t.Errorf("a write that finds room counts as life, or failed: %v", err)
		}
		time.AfterFunc(stalled, func() {
			if !l.writing.Load() {
				t.Error("nobody is told that a write waits")
			}
			client.Read(make([]byte, 50))
		})
		if err := l.send(make([]byte, 50)); err != nil || p.asked.Load() != 0 || l.writing.Load() {
			t.Errorf("a write that went on does not count as life, or failed: %v", err)
		}
	})
}

// A write has its whole time, also when an earlier one has set the deadline.
func TestEachWriteHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := memnet.NewPipe(100)
		defer client.Close()
		defer server.Close()
		l := newLink(&pulse{}, time.Second)
		l.Conn = server
		for _, pause := range []time.Duration{0, 500 * time.Millisecond, 1050 * time.Millisecond} {
			time.Sleep(pause)
			if err := l.send(make([]byte, 10)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		err := l.send(make([]byte, 100))
		if took := time.Since(start); err == nil || took < time.Second || took > 1100*time.Millisecond {
			t.Errorf("a write that cannot go on took %v, %v", took, err)
		}
	})
}

// Pongs that answer no ping cost what messages do; those that answer one are
// free.
func TestPongs(t *testing.T) {
	onStage(t, "-rate 0.1 -burst 4 -ping-interval 1s -pong-timeout 1s", func(t *testing.T, s *stage) {
		ann := s.signIn("ann")
		time.Sleep(10 * time.Second) // pings are answered all the time
		if event, ok := s.Next("ann"); ok {
			t.Fatalf("ann hears %q", event.Text)
		}
		for range 4 + maxExcess {
			ann.ws.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
		}
		s.wantClosed("ann", websocket.ClosePolicyViolation, 0)
	})
}
