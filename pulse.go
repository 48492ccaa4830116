package main

import (
	"sync/atomic"
	"time"
)

// pulse notices a client that vanished without a word. It pings at
// intervals, and whatever then comes in counts as life. It costs a
// connection one timer and no goroutine, and reading nearly nothing.
type pulse struct {
	interval time.Duration // between pings
	first    time.Duration // before the first; not above interval
	timeout  time.Duration // for a sign of life after one; not above interval
	client   *Client
	ping     func() // sends one; may wait as long as a write
	timer    *time.Timer

	asked    atomic.Int32 // who waits for a sign of life: bits as below
	messages atomic.Int64 // begun and ended; odd while one is coming in

	// Owned by tick, which the timer calls.
	pinged bool  // the timeout is running, not the rest of the interval
	before int64 // messages at the last ping
}

const (
	askedByPing = 1 << iota
	askedByProbe
)

// start begins to ping.
func (p *pulse) start() {
	p.timer = time.AfterFunc(time.Hour, p.tick)
	p.timer.Reset(inStep(p.first)) // not above: tick must find the timer set
}

// stop ends it. A tick that is under way finds the connection ended.
func (p *pulse) stop() { p.timer.Stop() }

// tick comes by turns when a ping is due, and when its answer is.
func (p *pulse) tick() {
	switch now := p.messages.Load(); {
	case p.client.out.ended() != nil:
	case p.pinged && p.asked.Load()&askedByPing != 0:
		p.client.lose(closeGone)
	case p.pinged:
		p.pinged = false
		p.timer.Reset(inStep(p.interval - p.timeout))
	case now%2 == 1 && now == p.before:
		// One message for a whole interval: a slow network, or fragments
		// without end, which hold a goroutine and reach no size limit.
		p.client.lose(closeMessageTimeout)
	default:
		p.before = now
		p.pinged = true
		p.asked.Or(askedByPing)
		p.timer.Reset(p.timeout)
		p.ping() // last, for it may take longer than that
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

// probe asks for a sign of life at once; the hub hears of it as probeAlive. It
// never waits.
func (p *pulse) probe() {
	p.asked.Or(askedByProbe)
	go p.ping()
}

// beat is a sign of life.
func (p *pulse) beat() {
	if p.asked.Load() == 0 {
		return
	}
	if p.asked.Swap(0)&askedByProbe != 0 {
		p.client.hub.post(probeAlive{p.client})
	}
}

func (p *pulse) beginMessage() { p.messages.Add(1) }
func (p *pulse) endMessage()   { p.messages.Add(1) }
