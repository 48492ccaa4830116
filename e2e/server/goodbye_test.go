package server

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gorilla/websocket"

	"switchboard/e2e"
)

// What somebody sends before the close frame is answered, even if both arrive in
// one packet.
func TestGoodbyeIsAnswered(t *testing.T) {
	s := e2e.Start(t)
	goodbye := frame(fin|closing, "\x03\xe8bye") // 1000
	for _, count := range []int{1, 40} {
		t.Run(fmt.Sprintf("after %d messages", count), func(t *testing.T) {
			for range 20 {
				p := e2e.Connect(t, e2e.Route{URL: s.WS()})
				packet := append(bytes.Repeat(textFrame(`{"type":"nop"}`), count), goodbye...)
				if _, err := p.WS.NetConn().Write(packet); err != nil {
					t.Fatal(err)
				}
				for range count {
					p.WantError("unknown-command")
				}
				p.WantClose(websocket.CloseNormalClosure)
			}
		})
	}
}
