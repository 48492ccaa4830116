package conn

import (
	"testing"
	"time"

	"switchboard/internal/late"
)

// newTestPulse returns a pulse that ticks only when the test says so.
func newTestPulse(t *testing.T) (*pulse, *testOwner) {
	c := newTestConn(&countingConn{})
	p := &c.pulse
	p.timer = time.AfterFunc(time.Hour, func() {})
	t.Cleanup(p.stop)
	return p, c.owner.(*testOwner)
}

func TestPulse(t *testing.T) {
	t.Run("a ping does not forget the probe", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.asked.Or(askedByOwner)
		p.tick()
		p.beat()
		owner.want(t, alive)
	})
	t.Run("silence ends the connection", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.tick()
		p.tick()
		owner.want(t, Gone)
	})
	t.Run("a sign of life does not", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.tick()
		p.beat()
		p.tick()
		owner.want(t, nil)
	})
	t.Run("what is under way is read first", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.written.Add(2*slowest + 1)
		p.tick()
		p.tick()
		owner.want(t, nil)
		p.tick()
		owner.want(t, Gone)
	})
	t.Run("a pong says that all before its ping was read", func(t *testing.T) {
		p, _ := newTestPulse(t)
		p.written.Add(100 * slowest)
		if got := p.patience(); got != p.timeout() {
			t.Errorf("the patience is %v, want no more than %v", got, p.timeout())
		}
		p.tick()
		p.written.Add(3 * slowest)
		if !p.answered() || p.answered() {
			t.Error("one ping has one answer")
		}
		if got := p.patience(); got != 3*time.Second {
			t.Errorf("the patience is %v, want 3s", got)
		}
	})
	t.Run("after a pause the answer has its time again", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.tick()
		p.due = time.Now().Add(-2 * late.Tolerance)
		p.tick()
		owner.want(t, nil)
		p.tick()
		owner.want(t, Gone)
	})
	t.Run("after a pause a message has its time again", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.beginMessage()
		p.tick()
		p.beat()
		p.tick()
		p.due = time.Now().Add(-2 * late.Tolerance)
		p.tick()
		owner.want(t, nil)
		p.beat()
		p.tick()
		p.tick()
		owner.want(t, MessageTimeout)
	})
	t.Run("the outcome of a write decides", func(t *testing.T) {
		p, owner := newTestPulse(t)
		p.tick()
		p.conn.link.writing.Store(true)
		p.tick()
		owner.want(t, nil)
		p.conn.link.writing.Store(false)
		p.tick()
		owner.want(t, Gone)
	})
}

// Whoever asks how much longer to wait for a sign of life is told by what is
// still under way.
func TestPatience(t *testing.T) {
	c := newTestConn(&countingConn{})
	if got := c.Patience(0); got != 0 {
		t.Errorf("nothing is under way: %v", got)
	}
	c.pulse.written.Add(3 * slowest)
	if got := c.Patience(time.Second); got != 2*time.Second {
		t.Errorf("three seconds' worth is under way, one has passed: %v", got)
	}
	if got := c.Patience(4 * time.Second); got != 0 {
		t.Errorf("three seconds' worth is under way, four have passed: %v", got)
	}
	c.link.writing.Store(true)
	if got := c.Patience(time.Minute); got != writeWait {
		t.Errorf("the outcome of a write decides: %v", got)
	}
}
