package server

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/gorilla/websocket"

	"switchboard/e2e"
)

// Memory that many clients have taken with half-sent messages goes back to the
// system within seconds when they are cut off, although nothing is allocated
// then that would lead to a garbage collection.
func TestMemoryComesBack(t *testing.T) {
	s := e2e.Start(t, "-ping-interval", "10s", "-pong-timeout", "10s")
	to := e2e.Route{URL: s.WS()}
	before := memory(t, s)

	half := append([]byte{fin | 1, 0x80 | 126, 65000 >> 8, 65000 & 0xff, 0, 0, 0, 0}, bytes.Repeat([]byte(" "), 60000)...)
	var all []*websocket.Conn
	for i := range 1000 {
		ws, _, err := to.Handshake()
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		ws.WriteJSON(e2e.Message{"type": "login", "name": fmt.Sprintf("user %d", i)})
		if _, _, err := ws.ReadMessage(); err != nil {
			t.Fatal(err)
		}
		if _, err := ws.NetConn().Write(half); err != nil {
			t.Fatal(err)
		}
		all = append(all, ws)
	}
	if now := memory(t, s); now < before+20<<20 {
		t.Errorf("with a thousand half messages the server holds %d MiB, as if nobody had sent any", now>>20)
	}
	for _, ws := range all {
		io.Copy(io.Discard, ws.NetConn()) // they answer no ping
	}
	e2e.Eventually(t, "its memory", func() bool { return memory(t, s) <= before+16<<20 })
}
