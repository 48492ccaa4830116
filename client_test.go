package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/transcript"
)

// onStage runs a test against a whole server in fake time.
func onStage(t *testing.T, flags string, play func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, strings.Fields(flags))
		defer s.leave()
		play(t, s)
	})
}

// signIn connects a client and signs it in.
func (s *stage) signIn(name string) *stageClient {
	s.t.Helper()
	if err := s.Connect(name, "/", nil); err != nil {
		s.t.Fatal(err)
	}
	s.do(name, fmt.Sprintf(`{"type":"login","name":%q}`, name))
	s.Next(name)
	c, err := s.connected(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *stage) do(client, frame string) {
	s.t.Helper()
	if err := s.Send(client, []byte(frame), false); err != nil {
		s.t.Fatal(err)
	}
}

// talk signs two people in and puts them in a call.
func (s *stage) talk(caller, callee string) (a, b *stageClient) {
	s.t.Helper()
	a, b = s.signIn(caller), s.signIn(callee)
	s.do(caller, fmt.Sprintf(`{"type":"offer","name":%q,"offer":"an offer"}`, callee))
	s.Next(callee)
	s.do(callee, `{"type":"answer","answer":"an answer"}`)
	s.Next(caller)
	return a, b
}

func (s *stage) wantClosed(client string, code int, within time.Duration) {
	s.t.Helper()
	time.Sleep(within)
	for {
		event, ok := s.Next(client)
		if !ok {
			s.t.Fatalf("%s is still connected after %v", client, within)
		}
		if event.Kind != transcript.Closed {
			continue
		}
		if event.Code != code {
			s.t.Fatalf("%s is closed with %d %q, want %d", client, event.Code, event.Text, code)
		}
		return
	}
}

// A reader that stops costs its own connection, as soon as its queue is
// full, and nobody else anything.
func TestReaderThatStops(t *testing.T) {
	onStage(t, "-rate 0", func(t *testing.T, s *stage) {
		_, bob := s.talk("ann", "bob")
		s.talk("cyd", "dan")
		bob.conn.suspend()
		candidate := `{"type":"candidate","candidate":"` + strings.Repeat("x", 4000) + `"}`
		start := time.Now()
		sent := 0
		for ; ; sent += len(candidate) {
			s.do("ann", candidate)
			if event, ok := s.Next("ann"); ok {
				if !strings.Contains(event.Text, `"reason":"gone"`) {
					t.Fatalf("ann hears %s", event.Text)
				}
				break
			}
			s.do("cyd", `{"type":"candidate","candidate":"c"}`)
			if _, ok := s.Next("dan"); !ok {
				t.Fatal("dan hears nothing while bob does not read")
			}
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("it took %v", waited)
		}
		if most := 1<<20 + 4*stageWindow; sent > most {
			t.Errorf("%d bytes were taken for a reader that had stopped, want at most %d", sent, most)
		}
		s.signIn("bob") // the name is free at once
	})
}

// A reader that is only slow keeps its connection, and gets everything.
func TestReaderThatIsSlow(t *testing.T) {
	onStage(t, "-rate 0", func(t *testing.T, s *stage) {
		_, bob := s.talk("ann", "bob")
		bob.conn.suspend()
		for i := range 200 {
			s.do("ann", fmt.Sprintf(`{"type":"candidate","candidate":"%d %s"}`, i, strings.Repeat("x", 1000)))
		}
		time.Sleep(4 * time.Second)
		bob.conn.resume()
		for i := range 200 {
			event, ok := s.Next("bob")
			if want := fmt.Sprintf(`"candidate":"%d x`, i); !ok || !strings.Contains(event.Text, want) {
				t.Fatalf("bob hears %.80s, want %s", event.Text, want)
			}
		}
	})
}

// A message that never ends holds a goroutine and reaches no size limit, if
// its fragments are empty.
func TestMessageWithoutEnd(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		ann := s.signIn("ann")
		raw := ann.ws.NetConn()
		raw.Write(frame(websocket.TextMessage, ""))
		go func() {
			for {
				time.Sleep(time.Second)
				if _, err := raw.Write(frame(0, "")); err != nil {
					return
				}
			}
		}()
		s.wantClosed("ann", websocket.ClosePolicyViolation, 51*time.Second)
	})
}

// frame is a fragment as a client sends it (RFC 6455, 5.2), masked with 0.
func frame(opcode byte, payload string) []byte {
	return append([]byte{opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

func TestPingFlood(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		ann := s.signIn("ann")
		for range 250 {
			ann.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		}
		s.wantClosed("ann", websocket.ClosePolicyViolation, 0)
	})
}

// A client that floods is answered in order, and then hears why it ends: its
// close frame does not drown in a reset because of what nobody reads any more.
func TestFlood(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		s.signIn("ann")
		for range 2000 {
			if s.Send("ann", []byte(`{"type":"leave"}`), false) != nil {
				break // it has been told already
			}
		}
		const admitted = 199 // the burst, less the login
		for i := range admitted + maxExcess {
			want := CodeNoSuchCall
			if i >= admitted {
				want = CodeRateLimited
			}
			if event, _ := s.Next("ann"); !strings.Contains(event.Text, string(want)) {
				t.Fatalf("answer %d is %q, want %s", i, event.Text, want)
			}
		}
		s.wantClosed("ann", websocket.ClosePolicyViolation, 0)
	})
}

// What was asked before the frame that ends a connection is answered first.
func TestAnswersComeBeforeTheEnd(t *testing.T) {
	for code, last := range map[int][]byte{
		websocket.CloseUnsupportedData:         frame(0x80|websocket.BinaryMessage, "x"),
		websocket.CloseInvalidFramePayloadData: frame(0x80|websocket.TextMessage, "\xff"),
	} {
		onStage(t, "", func(t *testing.T, s *stage) {
			ann := s.signIn("ann")
			burst := bytes.Repeat(frame(0x80|websocket.TextMessage, `{"type":"leave"}`), 20)
			go ann.ws.NetConn().Write(append(burst, last...))
			for i := range 20 {
				if event, _ := s.Next("ann"); !strings.Contains(event.Text, string(CodeNoSuchCall)) {
					t.Fatalf("answer %d of 20 before the end with %d is %q", i, code, event.Text)
				}
			}
			s.wantClosed("ann", code, 0)
		})
	}
}

// What a client may send at once fits into the outbox of the other party,
// however large its messages are, so nobody is too slow for a burst.
func TestBurstOfLargeMessages(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		_, bob := s.talk("ann", "bob")
		bob.conn.suspend()
		large := `{"type":"candidate","candidate":"` + strings.Repeat("x", 60000) + `"}`
		for range 100 {
			s.do("ann", large)
		}
		synctest.Wait()
		bob.conn.resume()
		for {
			event, ok := s.Next("bob")
			if !ok {
				break
			}
			if event.Kind == transcript.Closed {
				t.Fatalf("bob was let go with %d for what ann sent", event.Code)
			}
		}
	})
}

func TestHalfARequest(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		conn, err := s.listener.dial(t.Context(), stageWindow)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		start := time.Now()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: loc")
		io.Copy(io.Discard, conn)
		if waited := time.Since(start); waited != headerTimeout {
			t.Errorf("half a header was waited for %v, want %v", waited, headerTimeout)
		}
	})
}

func TestHeaderTooLarge(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		conn, err := s.listener.dial(t.Context(), stageWindow)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("x", 17<<10))
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %v, %v; want 431", answer, err)
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	for _, flag := range []string{"-max-connections 2", "-max-connections-per-ip 2"} {
		onStage(t, flag, func(t *testing.T, s *stage) {
			s.signIn("ann")
			s.signIn("bob")
			s.Connect("cyd", "/", nil)
			s.wantClosed("cyd", websocket.CloseTryAgainLater, 0)
			s.Close("bob")
			time.Sleep(lingerTime)
			s.signIn("dan")
		})
	}
}

// A fault of ours in one connection's code ends that connection alone.
func TestFaultInADialect(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		s.talk("ann", "bob")
		s.server.dialect = faulty{}
		s.Connect("cyd", "/", nil)
		s.do("cyd", `{}`)
		s.wantClosed("cyd", websocket.CloseInternalServerErr, 0)
		s.Connect("dan", "/", nil)
		s.do("dan", `{"type":"login"}`)
		s.wantClosed("dan", websocket.CloseInternalServerErr, 0)
		s.do("ann", `{"type":"leave"}`)
		if event, _ := s.Next("bob"); !strings.Contains(event.Text, "hangup") {
			t.Errorf("bob hears %q", event.Text)
		}
	})
}

// faulty breaks while it decodes {}, and while it encodes anything.
type faulty struct{}

func (faulty) Decode(frame []byte) (Request, *Refused) {
	if len(frame) == 2 {
		panic("cannot decode")
	}
	return Request{}, refuse(CodeBadRequest, "")
}

func (faulty) Encode([]byte, Event) []byte { panic("cannot encode") }

func (faulty) Profile() Profile { return Profile{} }

func TestOutbox(t *testing.T) {
	o := outbox{limit: 2 * eventOverhead}
	if ok, start := o.put(Greeted{}); !ok || !start {
		t.Error("the first event must start a writer")
	}
	if ok, start := o.put(Greeted{}); !ok || start {
		t.Error("the second finds one")
	}
	if ok, _ := o.put(Greeted{}); ok {
		t.Error("there was room above the limit")
	}
	if events, why := o.take(); len(events) != 2 || why != nil {
		t.Errorf("took %v, %v", events, why)
	}
	if ok, _ := o.put(Greeted{}); ok {
		t.Error("there was room while the writer still has its hands full")
	}
	if events, _ := o.take(); len(events) != 0 {
		t.Errorf("took %v", events)
	}
	if ok, start := o.put(Greeted{}); !ok || !start {
		t.Error("the writer has gone: a new one must start")
	}
	if o.close(closeRestart) || o.close(closeSlow) {
		t.Error("there is a writer")
	}
	if ok, _ := o.put(Greeted{}); ok {
		t.Error("something came in after the end")
	}
	if events, why := o.take(); len(events) != 1 || why != closeRestart {
		t.Errorf("took %v, %v; want what was there, and the first reason", events, why)
	}
}

// Frames that wait for one client leave in one write.
func TestLinkGathersWrites(t *testing.T) {
	network := &countingConn{}
	l := &link{Conn: network, timeout: time.Second}
	l.gather()
	for range 10 {
		l.Write([]byte("frame"))
	}
	if network.writes != 0 {
		t.Errorf("%d writes before the flush", network.writes)
	}
	if err := l.flush(); err != nil || network.writes != 1 {
		t.Errorf("%d writes, %v; want 1", network.writes, err)
	}
	l.Write([]byte("frame"))
	if network.writes != 2 {
		t.Errorf("%d writes after one more, want 2", network.writes)
	}
	network.err = errors.New("cut")
	l.gather()
	l.Write([]byte("frame"))
	if err := l.flush(); !errors.Is(err, network.err) {
		t.Errorf("flush says %v", err)
	}
}

type countingConn struct {
	memConn
	writes int
	err    error
}

func (c *countingConn) SetWriteDeadline(time.Time) error { return nil }

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return len(p), c.err
}

// resume undoes suspend.
func (c *memConn) resume() {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	c.suspended = false
	c.pipe.changed.Broadcast()
}
