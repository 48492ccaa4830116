package conn

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// own is why the owner of a testServer's connections ends one.
var own = &Closing{Code: 4321, Reason: "because"}

// lastWords plays a client that sends twenty messages and then what ends the
// connection. It returns what the client hears when those are answered.
func lastWords(t *testing.T, last string, why *Closing) (heard string) {
	t.Helper()
	onServer(t, func(t *testing.T, s *testServer) {
		s.owner.receive = func(frame []byte) *Closing {
			if string(frame) == "end" {
				return own
			}
			return s.echo(frame)
		}
		p := s.connectOver(1 << 20)
		p.say(strings.Repeat(message("x"), 20), last, message("after the end"))
		all, err := p.hear()
		var ok bool
		if heard, ok = strings.CutPrefix(all, strings.Repeat(said("x"), 20)); !ok || err != nil {
			t.Errorf("the client hears %q, %v; want 20 answers, and the end", all, err)
		}
		p.Close()
		s.wantEnded(why)
	})
	return heard
}

// Whatever ends the reading, what came before it is answered first, and then the
// client hears why.
func TestWhatEndsAConnection(t *testing.T) {
	for name, tt := range map[string]struct {
		last string
		why  *Closing
	}{
		"binary":                {final(websocket.BinaryMessage, "x"), Binary},
		"binary in parts":       {part(websocket.BinaryMessage, "x"), Binary},
		"not UTF-8":             {message("\xff"), NotUTF8},
		"half a surrogate pair": {message("\"\xed\xa0\x80\""), NotUTF8},
		"half a character":      {part(websocket.TextMessage, "\xc3") + final(more, ""), NotUTF8},
		"too large":             {message(strings.Repeat("x", 64<<10+1)), TooLarge},
		"too large in parts":    {part(websocket.TextMessage, strings.Repeat("x", 64<<10)) + final(more, "x"), TooLarge},
		"announced large":       {"\x81\xff\x00\x00\x00\x00\x7f\xff\xff\xffmask", TooLarge},
		"the owner":             {message("end"), own},
	} {
		t.Run(name, func(t *testing.T) {
			if heard := lastWords(t, tt.last, tt.why); heard != farewell(tt.why) {
				t.Errorf("the client hears %q at the end, want %q", heard, farewell(tt.why))
			}
		})
	}
}

// A frame that breaks the protocol ends the connection with 1002 (RFC 6455, 7.4.1).
func TestBrokenFrames(t *testing.T) {
	for name, last := range map[string]string{
		"reserved bits":            masked(0xf0|websocket.TextMessage, "x"),
		"an unknown opcode":        final(3, "x"),
		"an unknown control frame": final(11, "x"),
		"not masked":               said("x"),
		"nothing to go on with":    final(more, "x"),
		"a message in a message":   part(websocket.TextMessage, "x") + message("x"),
		"a ping in parts":          part(websocket.PingMessage, "x"),
		"a large ping":             final(websocket.PingMessage, strings.Repeat("x", 126)),
		"a bad close code":         final(websocket.CloseMessage, "\x00\x01"),
		"a close reason not UTF-8": final(websocket.CloseMessage, "\x03\xe8\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			heard := lastWords(t, last, Broken)
			if !strings.HasPrefix(heard, "\x88") || !strings.HasPrefix(heard[2:], goodbye(websocket.CloseProtocolError, "")) {
				t.Errorf("the client hears %q at the end", heard)
			}
		})
	}
}

// A close frame is answered by one with its code (RFC 6455, 5.5.1). With some codes the
// client says goodbye, with others it gives up.
func TestCloseIsEchoed(t *testing.T) {
	for payload, tt := range map[string]struct {
		code int
		why  *Closing
	}{
		goodbye(1000, ""):    {1000, Left},
		goodbye(1001, "bye"): {1001, Left},
		goodbye(1011, ""):    {1011, GaveUp},
		goodbye(4900, ""):    {4900, GaveUp},
		"":                   {websocket.CloseNoStatusReceived, Left},
	} {
		if heard := lastWords(t, final(websocket.CloseMessage, payload), tt.why); heard != sent(websocket.CloseMessage, goodbye(tt.code, "")) {
			t.Errorf("the client hears %q at the end, want its code %d", heard, tt.code)
		}
	}
}

// The end of the network is none of anybody's doing, and no close frame is due.
func TestNetworkEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		last string
		end  func(p *peer)
		why  *Closing
	}{
		"between messages": {"", func(p *peer) { p.CloseWrite() }, HungUp},
		"in a frame":       {message("x")[:6], func(p *peer) { p.CloseWrite() }, HungUp},
		"in a message":     {part(websocket.TextMessage, "x"), func(p *peer) { p.CloseWrite() }, HungUp},
		"cut off":          {"", func(p *peer) { synctest.Wait(); p.Close() }, Gone}, // with the answer unread
	} {
		t.Run(name, func(t *testing.T) {
			onServer(t, func(t *testing.T, s *testServer) {
				p := s.connect()
				p.say(message("x"), tt.last)
				tt.end(p)
				if tt.why == HungUp {
					s.wantEnd(p, HungUp, said("x"))
					return
				}
				s.wantEnded(tt.why)
			})
		})
	}
}

// What comes when the connection has ended is not looked at.
func TestFramesAfterTheEnd(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		received := 0
		s.owner.receive = func([]byte) *Closing {
			received++
			s.conn.End(own)
			return nil
		}
		p := s.connect()
		p.say(message("x"), message("y"))
		s.wantEnd(p, own, farewell(own))
		if received != 1 {
			t.Errorf("%d frames are received, want 1", received)
		}
	})
}

// What came before the WebSocket is received before what comes over it.
func TestEarlyFrames(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		s.early = [][]byte{[]byte("a"), []byte("b")}
		p := s.dial(testWindow)
		p.say(handshake, message("c"))
		if answer, _ := p.hear(); !strings.HasSuffix(answer, "\r\n\r\n"+said("a")+said("b")+said("c")) {
			t.Errorf("the client hears %q", answer)
		}
	})
	onServer(t, func(t *testing.T, s *testServer) {
		s.early = [][]byte{[]byte("a"), []byte("b")}
		s.owner.receive = func(frame []byte) *Closing {
			s.echo(frame)
			return own
		}
		p := s.dial(testWindow)
		p.say(handshake, message("c"))
		if answer, err := p.hear(); err != nil || !strings.HasSuffix(answer, "\r\n\r\n"+said("a")+farewell(own)) {
			t.Errorf("the client hears %q, %v", answer, err)
		}
	})
}

// They are held to the limits of messages.
func TestEarlyFramesAreBounded(t *testing.T) {
	for why, size := range map[*Closing]int{TooLarge: 64<<10 + 1, own: SmallMessage + 1} {
		onServer(t, func(t *testing.T, s *testServer) {
			s.early = [][]byte{[]byte("a"), make([]byte, size)}
			s.owner.large = func() *Closing { return own }
			p := s.dial(testWindow)
			p.say(handshake)
			if answer, err := p.hear(); err != nil || !strings.HasSuffix(answer, "\r\n\r\n"+said("a")+farewell(why)) {
				t.Errorf("after a frame of %d bytes the client hears %q, %v", size, answer, err)
			}
		})
	}
}

// Control frames may come between the parts of a message (RFC 6455, 5.4).
func TestMessageInParts(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.connect()
		p.say(part(websocket.TextMessage, "a"), final(websocket.PingMessage, "?"), part(more, "\xc3"), final(more, "\xa9"))
		p.want(sent(websocket.PongMessage, "?"), said("aé"))
	})
}

// The owner is asked about large messages before all of it is there, and again while
// more arrives.
func TestLargeMessages(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		asked := false
		var answer *Closing
		s.owner.large = func() *Closing {
			asked = true
			return answer
		}
		p := s.connect()
		for _, size := range []int{SmallMessage, SmallMessage + 1, 60_000, 1} {
			asked = false
			payload := strings.Repeat("x", size)
			p.say(message(payload))
			p.want(said(payload))
			if large := size > SmallMessage; asked != large {
				t.Errorf("one of %d bytes: asked is %t", size, asked)
			}
		}
		payload := message(strings.Repeat("x", 60_000))
		p.say(payload[:SmallMessage+1000])
		synctest.Wait()
		answer = own
		p.say(payload[SmallMessage+1000:][:1000])
		s.wantEnd(p, own, farewell(own))
	})
}

// A message that never ends holds a goroutine, and reaches no size limit if its
// fragments are empty.
func TestMessageWithoutEnd(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		p := s.connect()
		p.say(part(websocket.TextMessage, ""))
		for range 119 {
			time.Sleep(time.Second)
			p.say(part(more, ""), final(websocket.PongMessage, ""))
		}
		p.want(sent(websocket.PingMessage, ""))
		time.Sleep(2 * time.Second)
		s.wantEnd(p, MessageTimeout, farewell(MessageTimeout))
		s.owner.want(t, MessageTimeout)
	})
}

// A fault of the owner ends the connection, and no other.
func TestFaults(t *testing.T) {
	for name, fault := range map[string]func(frame []byte) Outgoing{
		"while receiving": func([]byte) Outgoing { panic("fault") },
		"while encoding":  func([]byte) Outgoing { return text("fault") },
	} {
		t.Run(name, func(t *testing.T) {
			onServer(t, func(t *testing.T, s *testServer) {
				other := s.connect()
				others := s.conn
				p := s.connect()
				s.owner.receive = func(frame []byte) *Closing {
					s.conn.Send(fault(frame))
					return nil
				}
				p.say(message("x"))
				s.wantEnd(p, Internal, farewell(Internal))
				if s.owner.fault != "fault" {
					t.Errorf("the owner hears of the fault %v", s.owner.fault)
				}
				others.Send(text("x"))
				other.want(said("x"))
			})
		})
	}
}

// Before Read the connection is somebody's who writes and reads frame by frame.
func TestBeforeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		said string
		why  *Closing
	}{
		"a frame": {message("5"), nil},
		"another": {message("6"), own},
		"silence": {"", Gone},
		"the end": {final(websocket.CloseMessage, goodbye(1000, "")), Left},
	} {
		onServer(t, func(t *testing.T, s *testServer) {
			const within = 5 * time.Second
			s.serve = func(*Conn) {}
			client := s.connect()
			c := s.conn
			c.SetReadDeadline(time.Now().Add(within))
			if err := c.Write("3"); err != nil {
				t.Error(err)
			}
			client.want(said("3"))
			client.say(tt.said)
			start := time.Now()
			why := c.ReadFrame(func(frame []byte) *Closing {
				if string(frame) != "5" {
					return own
				}
				return nil
			})
			if waited := time.Since(start); why != tt.why || (waited > 0) != (tt.said == "") || waited > within {
				t.Errorf("%s: read %v after %v, want %v", name, why, waited, tt.why)
			}
			c.SetReadDeadline(time.Time{})
			client.Close()
			c.End(Gone)
			c.Finish()
		})
	}
}
