package conn

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// The length of a frame is written in one of three ways (RFC 6455, 5.2).
func TestFrames(t *testing.T) {
	for length, head := range map[int]string{
		0:         "\x81\x00",
		125:       "\x81\x7d",
		126:       "\x81\x7e\x00\x7e",
		1<<16 - 1: "\x81\x7e\xff\xff",
		1 << 16:   "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
	} {
		payload := strings.Repeat("x", length)
		if got := appendFrame([]byte("before"), websocket.TextMessage, []byte(payload)); string(got) != "before"+head+payload {
			t.Errorf("a frame of %d bytes begins %x, want %x", length, got[:16], "before"+head)
		}
	}
	for want, frame := range map[string][]byte{
		"\x89\x00":                          pingFrame,
		"\x88\x13\x03\xf1message too large": closeFrame(TooLarge),
		"\x88\x00":                          closeFrame(&Closing{Code: websocket.CloseNoStatusReceived}),
	} {
		if string(frame) != want || isClose(frame) != (want[0] == '\x88') {
			t.Errorf("the frame is %q, want %q", frame, want)
		}
	}
}

// Messages of all lengths come in and go out whole.
func TestMessagesOfAllLengths(t *testing.T) {
	onServer(t, func(t *testing.T, s *testServer) {
		s.pool.MaxMessage = 128 << 10
		p := s.connectOver(1 << 20)
		for _, length := range []int{1, 125, 126, 127, 1<<16 - 1, 1 << 16, 100_000, 128 << 10} {
			payload := strings.Repeat("x", length)
			p.say(message(payload))
			p.want(said(payload))
		}
	})
}
