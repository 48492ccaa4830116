//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
)

// churn keeps so many of something under way: where one ends, the next
// begins.
type churn struct {
	loop     *loop
	begin    func(number int)
	number   int // of the next; no two trials begin with the same
	underWay int
	finished int
	latency  histogram
	over     bool // no more are begun
}

func newChurn(l *loop) *churn { return &churn{loop: l, number: rand.IntN(1000) * 1e6} }

func (ch *churn) next() {
	if ch.over {
		return
	}
	ch.number++
	ch.underWay++
	ch.begin(ch.number)
}

// finish ends one that was begun at a time.
func (ch *churn) finish(begun int64) {
	ch.underWay--
	ch.finished++
	ch.latency.add(ch.loop.now - begun)
	ch.next()
}

func (ch *churn) missing() string {
	if ch.underWay == 0 {
		return ""
	}
	return fmt.Sprintf("%d that are under way", ch.underWay)
}

// measureChurn returns how many ended in the time of measuring, and what the
// server used for them. It puts down how long they took.
func (t *trial) measureChurn(ch *churn) (n int, used usage, err error) {
	defer func() {
		t.figures["latency_p50_ms"] = ch.latency.milliseconds(0.5)
		t.figures["latency_p99_ms"] = ch.latency.milliseconds(0.99)
	}()
	t.loop.look()
	for range underWay {
		ch.next()
	}
	if err := t.loop.run(t.loop.until(t.warmUp), ch.missing); err != nil {
		return 0, used, err
	}
	ch.finished, ch.latency = 0, histogram{}
	before := t.process.usage()
	t.loop.look()
	if err := t.loop.run(t.loop.measuring(t.duration, &ch.finished), ch.missing); err != nil {
		return 0, used, err
	}
	n, used = ch.finished, t.process.usage().since(before)
	ch.over = true
	return n, used, t.loop.run(func() bool { return ch.underWay == 0 }, ch.missing)
}

// hearLogin reports whether a message is the one that signs c in. No name is
// taken here, so a refusal is a fault.
func (ch *churn) hearLogin(c *conn, w word, message []byte) bool {
	switch {
	case w != wordLogin:
		return false
	case !succeeded(message):
		ch.loop.fail("%s: the login was refused: %.200s", c.name, message)
		return false
	}
	c.signedIn = true
	return true
}
