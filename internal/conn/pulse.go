package conn

import (
	"sync/atomic"
	"time"

	"switchboard/internal/late"
)

// pulse notices a client that has vanished without a word. It pings at intervals,
// and whatever then shows that the client lives counts as the answer. It costs
// a connection one timer and no goroutine, and reading nearly nothing.
type pulse struct {
	conn  *Conn
	timer *time.Timer

	asked    atomic.Int32 // who waits for a sign of life: bits as below
	owed     atomic.Int32 // pings that may still be answered by a pong
	written  atomic.Int64 // bytes, in all
	mark     atomic.Int64 // of them, what was written before the latest ping
	read     atomic.Int64 // of them, what the client has read, as its latest pong shows
	messages atomic.Int64 // begun and ended; odd while one is coming in

	// Owned by tick, which the timer calls.
	due      time.Time // of the next tick
	pinged   bool      // the timeout is running, not the rest of the interval
	extended bool      // and has been made longer
	before   int64     // messages at the last ping
}

const (
	askedByPing = 1 << iota
	askedByOwner
)

// start begins to ping.
func (p *pulse) start() {
	p.timer = time.AfterFunc(time.Hour, p.tick)
	p.wait(inStep(p.conn.pool.FirstPing())) // not above: tick must find the timer set
}

// stop ends it. A tick that is under way finds the connection ended.
func (p *pulse) stop() { p.timer.Stop() }

// timeout is how long a ping may go unanswered.
func (p *pulse) timeout() time.Duration { return p.conn.pool.PongTimeout }

// wait makes the next tick come in d.
func (p *pulse) wait(d time.Duration) {
	p.due = time.Now().Add(d)
	p.timer.Reset(d)
}

// tick is called by turns when a ping is due, and when its answer is.
func (p *pulse) tick() {
	switch now := p.messages.Load(); {
	case p.conn.out.ended() != nil:
	case p.pinged && p.asked.Load()&askedByPing != 0:
		p.missAnswer()
	case p.pinged:
		p.pinged = false
		p.wait(inStep(p.conn.pool.PingInterval - p.timeout()))
	case now%2 == 1 && now == p.before && !late.Is(p.due):
		// One message for a whole interval: a slow network, or fragments
		// without end, which hold a goroutine and reach no size limit.
		p.conn.Lose(MessageTimeout)
	default:
		p.before = now
		p.pinged, p.extended = true, false
		p.asked.Or(askedByPing)
		p.wait(p.timeout())
		p.send() // last, for it may take longer than that
	}
}

// missAnswer ends the connection of a client that has not answered a ping in
// time, unless there is a reason to give it more.
func (p *pulse) missAnswer() {
	patience := p.patience()
	switch {
	case late.Is(p.due) || p.conn.link.writing.Load():
		// The answer may have come, and nobody has read it yet; or what stands
		// before the ping is still being written, which ends one way or the other.
		p.wait(p.timeout())
	case !p.extended && patience > 0:
		p.extended = true
		p.wait(patience)
	default:
		p.conn.Lose(Gone)
	}
}

// step is what the moments of pings are rounded to: a process that sleeps
// most of the time pays more for waking up than for a ping.
const step = 100 * time.Millisecond

// inStep returns the time from now to the step that is nearest to d from now.
func inStep(d time.Duration) time.Duration {
	if d < step {
		return d
	}
	return time.Until(time.Now().Add(d).Round(step))
}

// askIfAlive asks for a sign of life at once. It never waits.
func (p *pulse) askIfAlive() {
	p.asked.Or(askedByOwner)
	go p.send()
}

func (p *pulse) send() {
	p.owed.Add(1)
	p.mark.Store(p.written.Load())
	p.conn.owner.BeforePing()
	p.conn.link.ping()
}

// slowest is how many bytes a second even a slow client reads.
const slowest = 8 << 10

// patience returns how much longer than the timeout a client may take for its
// answer. It reads what was written before the ping first, of which its system,
// and those in between, may hold a lot. The patience is at most the timeout.
func (p *pulse) patience() time.Duration {
	underWay := p.written.Load() - p.read.Load()
	return min(time.Duration(underWay/slowest)*time.Second, p.timeout())
}

// beat notes a sign of life.
func (p *pulse) beat() {
	if p.asked.Load() == 0 {
		return
	}
	if p.asked.Swap(0)&askedByOwner != 0 {
		p.conn.owner.Alive()
	}
}

// answered reports whether a pong answers one of our pings. A client may send
// others (RFC 6455, 5.5.3). Only the read loop may ask.
func (p *pulse) answered() bool {
	if p.owed.Load() == 0 {
		return false
	}
	p.owed.Add(-1)
	p.read.Store(p.mark.Load())
	return true
}

func (p *pulse) beginMessage() { p.messages.Add(1) }
func (p *pulse) endMessage()   { p.messages.Add(1) }
