package conn

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// Frames that wait for one client leave in one write, unless they are many or
// large: a slow link must be able to take what is written at once.
func TestFramesLeaveTogether(t *testing.T) {
	large := text(strings.Repeat("x", framesAtOnce))
	for _, tt := range []struct {
		messages []Outgoing
		writes   int
	}{
		{slices.Repeat([]Outgoing{text("pong")}, 100), 1},
		{[]Outgoing{text("")}, 0},                          // the owner has no word for it
		{[]Outgoing{text("pong"), large, text("pong")}, 4}, // the large one in two parts
	} {
		network := &countingConn{}
		c := newTestConn(network)
		if err := (&writer{messages: tt.messages}).write(c); err != nil || network.writes != tt.writes {
			t.Errorf("%d messages in %d writes, %v; want %d", len(tt.messages), network.writes, err, tt.writes)
		}
	}
}

// Nothing follows the last frame, nor one that may have been cut off.
func TestLastWrite(t *testing.T) {
	network := &countingConn{err: errors.New("cut")}
	c := newTestConn(network)
	if err := (&writer{messages: []Outgoing{text("pong")}}).write(c); !errors.Is(err, network.err) {
		t.Errorf("write says %v", err)
	}
	c.link.ping()
	c.link.sendLast(pingFrame)
	if network.writes != 1 {
		t.Errorf("%d writes after one that failed", network.writes-1)
	}

	network = &countingConn{}
	c = newTestConn(network)
	c.link.sendLast(closeFrame(TooLarge))
	c.link.ping()
	if network.writes != 1 {
		t.Errorf("%d writes, the last frame included", network.writes)
	}
}

// A fault in the owner's code ends one connection, and is told to the owner.
func TestFaultWhileEncoding(t *testing.T) {
	c := newTestConn(&countingConn{})
	owner := c.owner.(*testOwner)
	if err := (&writer{messages: []Outgoing{text("fault")}}).write(c); err != nil {
		t.Errorf("write says %v", err)
	}
	if owner.fault != "fault" || c.out.ended() != Internal {
		t.Errorf("the owner hears of %v, the connection ends because of %v", owner.fault, c.out.ended())
	}
	owner.want(t, Internal)
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes int
	err    error
}

func (c *countingConn) SetWriteDeadline(time.Time) error { return nil }

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return len(p), c.err
}
