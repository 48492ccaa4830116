package conn

import (
	"net"
	"testing"
	"time"
)

// testSettings are those of the connections in these tests, unless one says
// otherwise.
var testSettings = Settings{
	MaxMessage:   64 << 10,
	MaxQueue:     1 << 20,
	PingInterval: time.Minute,
	PongTimeout:  10 * time.Second,
	WriteTimeout: time.Second,
	FirstPing:    func() time.Duration { return time.Minute },
}

// newTestConn returns a connection over a network, as if there had been a
// handshake. Its owner is a testOwner.
func newTestConn(network net.Conn) *Conn {
	c := &Conn{}
	c.Init(NewPool(testSettings), newTestOwner())
	c.link.Conn = network
	c.out.writing = true // nobody writes but the test
	return c
}

// alive is what a testOwner keeps of Alive.
const alive = "alive"

// A testOwner keeps what it is told, and otherwise does what a test sets.
type testOwner struct {
	told  chan any
	fault any

	receive    func(frame []byte) *Closing // nil: a frame is not looked at
	large      func() *Closing             // nil: large messages are welcome
	allow      func() bool                 // nil: pings and pongs are free
	beforePing func()                      // nil: nothing is sent
}

func newTestOwner() *testOwner { return &testOwner{told: make(chan any, 10)} }

func (o *testOwner) Alive()             { o.told <- alive }
func (o *testOwner) Lost(why *Closing)  { o.told <- why }
func (o *testOwner) Panicked(fault any) { o.fault = fault }

func (o *testOwner) Receive(frame []byte) *Closing {
	if o.receive == nil {
		return nil
	}
	return o.receive(frame)
}

func (o *testOwner) AllowLarge() *Closing {
	if o.large == nil {
		return nil
	}
	return o.large()
}

func (o *testOwner) AllowControl() bool { return o.allow == nil || o.allow() }

func (o *testOwner) BeforePing() {
	if o.beforePing != nil {
		o.beforePing()
	}
}

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
