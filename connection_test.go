package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
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

// frame is a fragment as a client sends it (RFC 6455, 5.2), masked with 0.
func frame(opcode byte, payload string) []byte {
	return append([]byte{opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

func TestPingFlood(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		ann := s.signIn("ann")
		for range 198 { // the burst, less the login and the leave below
			ann.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		}
		s.do("ann", `{"type":"leave"}`)
		if event, _ := s.Next("ann"); !strings.Contains(event.Text, string(CodeNoSuchCall)) {
			t.Fatalf("ann hears %s", event.Text)
		}
		for range maxExcess {
			ann.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		}
		for range maxExcess {
			if event, _ := s.Next("ann"); !strings.Contains(event.Text, string(CodeRateLimited)) {
				t.Fatalf("ann hears %s", event.Text)
			}
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
	for name, tt := range map[string]struct {
		last []byte
		code int
	}{
		"binary":          {frame(0x80|websocket.BinaryMessage, "x"), websocket.CloseUnsupportedData},
		"not UTF-8":       {frame(0x80|websocket.TextMessage, "\xff"), websocket.CloseInvalidFramePayloadData},
		"reserved bits":   {frame(0xF0|websocket.TextMessage, "x"), websocket.CloseProtocolError},
		"not masked":      {[]byte("\x81\x02{}"), websocket.CloseProtocolError},
		"bad close code":  {frame(0x80|websocket.CloseMessage, "\x00\x01"), websocket.CloseProtocolError},
		"announced large": {[]byte("\x81\xFF\x00\x00\x00\x00\x7F\xFF\xFF\xFFmask"), websocket.CloseMessageTooBig},
	} {
		onStage(t, "", func(t *testing.T, s *stage) {
			ann := s.signIn("ann")
			burst := bytes.Repeat(frame(0x80|websocket.TextMessage, `{"type":"leave"}`), 20)
			go ann.ws.NetConn().Write(append(burst, tt.last...))
			for i := range 20 {
				if event, _ := s.Next("ann"); !strings.Contains(event.Text, string(CodeNoSuchCall)) {
					t.Fatalf("answer %d of 20 before the end, %s, is %q", i, name, event.Text)
				}
			}
			s.wantClosed("ann", tt.code, 0)
		})
	}
}

// Nobody is let go for a burst that another sends, however large its messages
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
				t.Fatalf("bob was let go with %d for what ann sent", event.Code)
			}
			arrived++
		}
		if arrived+refused != 100 || arrived*len(large) < 1<<19 {
			t.Errorf("%d arrived, %d were refused, of 100", arrived, refused)
		}
	})
}

func TestHalfARequest(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		conn, err := s.listener.Dial(t.Context(), stageWindow)
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
		conn, err := s.listener.Dial(t.Context(), stageWindow)
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
			time.Sleep(conn.Linger)
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

func (faulty) Profile() *Profile { return unknownFamily }
