package conn

import (
	"net"
	"testing"
	"time"
)

// newTestConn returns a connection over a network, as if there had been a
// handshake. Its owner is a testOwner.
func newTestConn(network net.Conn) *Conn {
	pool := NewPool(Settings{
		MaxMessage:   64 << 10,
		MaxQueue:     1 << 20,
		PingInterval: time.Minute,
		PongTimeout:  10 * time.Second,
		WriteTimeout: time.Second,
		FirstPing:    func() time.Duration { return time.Minute },
	})
	c := &Conn{}
	c.Init(pool, &testOwner{told: make(chan any, 10)})
	c.link.Conn = network
	c.out.writing = true // nobody writes but the test
	return c
}

// alive is what a testOwner keeps of Alive.
const alive = "alive"

// A testOwner keeps what it is told.
type testOwner struct {
	told  chan any
	fault any
}

func (*testOwner) Receive([]byte) *Closing { return nil }
func (*testOwner) Large() *Closing         { return nil }
func (*testOwner) AllowControl() bool      { return true }
func (*testOwner) BeforePing()             {}
func (o *testOwner) Alive()                { o.told <- alive }
func (o *testOwner) Lost(why *Closing)     { o.told <- why }
func (o *testOwner) Fault(fault any)       { o.fault = fault }

// Encode appends a text. One of them makes it break.
func (*testOwner) Encode(dst []byte, m Outgoing) []byte {
	if m == text("fault") {
		panic("fault")
	}
	return append(dst, m.(text)...)
}

// want checks that the owner has been told this and no more; nil: nothing.
func (o *testOwner) want(t *testing.T, want any) {
	t.Helper()
	if want != nil {
		select {
		case got := <-o.told:
			if got != want {
				t.Errorf("the owner is told %v, want %v", got, want)
			}
		default:
			t.Errorf("the owner is told nothing, want %v", want)
		}
	}
	select {
	case got := <-o.told:
		t.Errorf("the owner is told %v", got)
	default:
	}
}
