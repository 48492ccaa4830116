package main

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

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

// Whatever was sent before a goodbye is answered, if both come together, in
// each family and however the goodbye is said.
func TestWhatComesBeforeAGoodbyeIsAnswered(t *testing.T) {
	text := func(s string) []byte { return frame(0x80|websocket.TextMessage, s) }
	goodbye := frame(0x80|websocket.CloseMessage, "\x03\xe8")
	for name, tt := range map[string]struct {
		path, connect, message, answer string
		goodbye                        []byte
		code                           int
	}{
		"native":                  {"/", "", `{"type":"nop"}`, string(CodeUnknownCommand), goodbye, 1000},
		"one-to-one":              {"/", "", `{"id":"ping"}`, "pong", goodbye, 1000},
		"Socket.IO":               {socketPath, "40", `42["nop"]`, string(CodeUnknownCommand), goodbye, 1000},
		"Socket.IO's disconnect":  {socketPath, "40", `42["nop"]`, string(CodeUnknownCommand), text("41"), 1000},
		"Engine.IO's close":       {socketPath, "40", `42["nop"]`, string(CodeUnknownCommand), text("1"), 1000},
		"nothing but the network": {"/", "", `{"type":"nop"}`, string(CodeUnknownCommand), nil, 1006},
	} {
		onStage(t, "", func(t *testing.T, s *stage) {
			if err := s.Connect("ann", tt.path, nil); err != nil {
				t.Fatal(err)
			}
			if tt.connect != "" {
				s.do("ann", tt.connect)
				s.Next("ann")
				s.Next("ann")
			}
			ann := s.client("ann")
			ann.conn.Write(append(bytes.Repeat(text(tt.message), 40), tt.goodbye...))
			if tt.goodbye == nil {
				ann.conn.CloseWrite()
			}
			for i := range 40 {
				if event, _ := s.Next("ann"); !strings.Contains(event.Text, tt.answer) {
					t.Fatalf("%s: answer %d of 40 is %q", name, i, event.Text)
				}
			}
			s.wantClosed("ann", tt.code, 0)
		})
	}
}

// What was sent before a goodbye is relayed, too.
func TestWhatComesBeforeAGoodbyeIsRelayed(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		ann, _ := s.talk("ann", "bob")
		var last []byte
		for i := range 40 {
			last = append(last, frame(0x80|websocket.TextMessage, fmt.Sprintf(`{"type":"candidate","candidate":%d}`, i))...)
		}
		ann.conn.Write(append(last, frame(0x80|websocket.CloseMessage, "\x03\xe8")...))
		for i := range 40 {
			if event, _ := s.Next("bob"); !strings.Contains(event.Text, fmt.Sprintf(`"candidate":%d,`, i)) {
				t.Fatalf("bob hears %q, want candidate %d", event.Text, i)
			}
		}
		if event, _ := s.Next("bob"); !strings.Contains(event.Text, string(ReasonGone)) {
			t.Errorf("bob hears %q, want that ann is gone", event.Text)
		}
	})
}

// A goodbye gives its name to whoever waits, in whatever pieces and with
// whatever else it comes.
func TestAGoodbyeIsNoSignOfLife(t *testing.T) {
	text := frame(0x80|websocket.TextMessage, `{"type":"leave"}`)
	pong := frame(0x80|websocket.PongMessage, "")
	goodbye := frame(0x80|websocket.CloseMessage, "\x03\xe8bye")
	disconnect := frame(0x80|websocket.TextMessage, "41")
	slowly := goodbyeTime + 10*time.Millisecond // so that no refusal waits for the rest
	for name, tt := range map[string]struct {
		path, login string
		pause       time.Duration
		pieces      [][]byte
	}{
		"at once":               {"/", "", 0, [][]byte{goodbye}},
		"byte by byte":          {"/", "", slowly, bytes.SplitAfter(goodbye, nil)},
		"after a message":       {"/", "", 0, [][]byte{append(bytes.Clone(text), goodbye...)}},
		"after a pong":          {"/", "", 0, [][]byte{append(bytes.Clone(pong), goodbye...)}},
		"a moment after a pong": {"/", "", goodbyeTime / 2, [][]byte{pong, goodbye}},
		"after one, in two":     {"/", "", slowly, [][]byte{append(bytes.Clone(text), goodbye[:3]...), goodbye[3:]}},
		"Socket.IO's":           {socketPath, `40{"name":"ann"}`, 0, [][]byte{disconnect}},
		"Socket.IO's, in two":   {socketPath, `40{"name":"ann"}`, slowly, [][]byte{disconnect[:6], disconnect[6:]}},
	} {
		onStage(t, "", func(t *testing.T, s *stage) {
			if err := s.Connect("ann", tt.path, nil); err != nil {
				t.Fatal(err)
			}
			s.do("ann", cmp.Or(tt.login, `{"type":"login","name":"ann"}`))
			for _, ok := s.Next("ann"); ok; _, ok = s.Next("ann") {
			}
			ann := s.client("ann")
			ann.conn.Suspend()
			s.Connect("phone", "/", nil)
			s.do("phone", `{"type":"login","name":"ann"}`)
			for i, piece := range tt.pieces {
				if i > 0 {
					time.Sleep(tt.pause)
				}
				if event, ok := s.Next("phone"); ok {
					t.Fatalf("%s: phone hears %q", name, event.Text)
				}
				ann.conn.Write(piece)
			}
			if event, _ := s.Next("phone"); !strings.Contains(event.Text, `"success":true`) {
				t.Errorf("%s: phone hears %q", name, event.Text)
			}
		})
	}
}

// Whoever sends a large message over a slow network lives, and so does whoever
// has half of one under way.
func TestHalfAMessageIsASignOfLife(t *testing.T) {
	onStage(t, "", func(t *testing.T, s *stage) {
		ann := s.signIn("ann")
		ann.conn.Suspend()
		s.Connect("phone", "/", nil)
		s.do("phone", `{"type":"login","name":"ann"}`)
		if event, ok := s.Next("phone"); ok {
			t.Fatalf("phone hears %q", event.Text)
		}
		ann.conn.Write([]byte("\x81\xfe\x10\x00\x00\x00\x00\x00" + strings.Repeat(" ", 2000))) // of 4096
		time.Sleep(goodbyeTime)
		if event, _ := s.Next("phone"); !strings.Contains(event.Text, string(CodeNameTaken)) {
			t.Errorf("phone hears %q", event.Text)
		}
	})
}

// A connection may send large messages when it has a name or a room, and holds
// little memory before.
func TestMessagesBeforeSignInAreSmall(t *testing.T) {
	large := `{"type":"offer","name":"bob","offer":"` + strings.Repeat("x", 60_000) + `"}`
	for name, tt := range map[string]struct {
		path   string
		frames []string
		code   int    // 0: it stays
		heard  string // last
	}{
		"nothing":            {"/", []string{large}, 1009, ""},
		"a refused login":    {"/", []string{`{"type":"login","name":""}`, large}, 1009, ""},
		"a login":            {"/", []string{`{"type":"login","name":"ann"}`, large}, 0, string(CodeNoSuchUser)},
		"one-to-one":         {"/", []string{`{"id":"` + strings.Repeat("x", 9000) + `"}`}, 1009, ""},
		"a register":         {"/", []string{`{"id":"register","name":"ann"}`, `{"id":"` + strings.Repeat("x", 9000) + `"}`}, 0, string(CodeUnknownCommand)},
		"a room":             {"/", []string{`{"type":"join","room":"r"}`, large}, 0, string(CodeNoSuchUser)},
		"a room left":        {"/", []string{`{"type":"join","room":"r"}`, `{"type":"leave"}`, large}, 1009, ""},
		"a small message":    {"/", []string{`{"type":"` + strings.Repeat("x", 8000) + `"}`}, 0, string(CodeUnknownCommand)},
		"Socket.IO":          {socketPath, []string{"40", `42["offer",` + large + "]"}, 1009, ""},
		"Socket.IO's login":  {socketPath, []string{`40{"name":"ann"}`, `42["offer",` + large + "]"}, 0, string(CodeNoSuchUser)},
		"a large connection": {socketPath, []string{`40{"name":"ann","x":"` + strings.Repeat("x", 9000) + `"}`}, 1009, ""},
	} {
		onStage(t, "", func(t *testing.T, s *stage) {
			s.Connect("ann", tt.path, nil)
			for _, frame := range tt.frames {
				s.Send("ann", []byte(frame), false) // without waiting for an answer
			}
			if tt.code != 0 {
				s.wantClosed("ann", tt.code, 0)
				return
			}
			last := ""
			for event, ok := s.Next("ann"); ok; event, ok = s.Next("ann") {
				last = event.String()
			}
			if !strings.Contains(last, tt.heard) {
				t.Errorf("after %s, ann hears %.100s", name, last)
			}
		})
	}
}

// BenchmarkRelay sends candidates from one client to another through the
// whole server over loopback, one at a time and eight in flight.
func BenchmarkRelay(b *testing.B) {
	for _, inFlight := range []int{1, 8} {
		b.Run(fmt.Sprintf("inFlight%d", inFlight), func(b *testing.B) { benchmarkRelay(b, inFlight) })
	}
}

func benchmarkRelay(b *testing.B, inFlight int) {
	cfg := defaultConfig()
	cfg.rate, _ = parseRate("0")
	srv, err := newServer(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv.start()
	go srv.serve(l)
	b.Cleanup(func() { srv.shutdown(b.Context()) })

	dial := func(frames ...string) *websocket.Conn {
		ws, _, err := websocket.DefaultDialer.Dial("ws://"+l.Addr().String(), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { ws.Close() })
		for _, frame := range frames {
			ws.WriteMessage(websocket.TextMessage, []byte(frame))
			read(b, ws)
		}
		return ws
	}
	bob := dial(`{"type":"login","name":"bob"}`)
	ann := dial(`{"type":"login","name":"ann"}`)
	ann.WriteMessage(websocket.TextMessage, []byte(`{"type":"offer","name":"bob","offer":`+benchOffer+`}`))
	read(b, bob)
	bob.WriteMessage(websocket.TextMessage, []byte(`{"type":"answer","answer":`+benchOffer+`}`))
	read(b, ann)

	candidate := []byte(`{"type":"candidate","candidate":` + benchCandidate + `,"name":"bob"}`)
	b.ReportAllocs()
	for b.Loop() {
		for range inFlight {
			ann.WriteMessage(websocket.TextMessage, candidate)
		}
		for range inFlight {
			read(b, bob)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*inFlight), "ns/candidate")
}

func read(tb testing.TB, ws *websocket.Conn) []byte {
	_, frame, err := ws.ReadMessage()
	if err != nil {
		tb.Fatal(err)
	}
	return frame
}
