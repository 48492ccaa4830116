//go:build linux

package main

import "fmt"

// A talk is the party of pairs that play one call each: offer, answer,
// candidates by turns, and a leave by the caller. Candidates come one by one,
// as browsers find them. Without candidates there is no leave either, and the
// call stays.
type talk struct {
	loop  *loop
	turns int         // candidates each way
	over  func(*pair) // the call has come to its end, or to its answer if it stays
}

// begin makes the call.
func (t *talk) begin(p *pair) {
	p.turns = t.turns
	p.caller.party, p.callee.party = t, t
	p.caller.sayOffer()
}

func (t *talk) upgraded(*conn) {}

func (t *talk) heard(c *conn, w word, message []byte) {
	p, called := c.pair, c == c.pair.callee
	switch {
	case w == wordOffer && called:
		c.sayAnswer()
	case w == wordAnswer && !called && t.turns == 0:
		t.over(p)
	case w == wordAnswer && !called:
		c.sayCandidate(t.loop.now)
	case w == wordCandidate && c.hears.arrive(message) == 0:
	case w == wordCandidate && called:
		c.sayCandidate(t.loop.now)
	case w == wordCandidate:
		t.turn(c)
	case w == wordLeave && called:
		t.over(p)
	case w == wordOffer || w == wordAnswer || w == wordLeave:
		t.loop.fail("%s: unexpected %v: %.200s", c.name, w, message)
	}
}

// turn ends a caller's turn with the callee's candidate.
func (t *talk) turn(caller *conn) {
	if caller.pair.turns--; caller.pair.turns > 0 {
		caller.sayCandidate(t.loop.now)
		return
	}
	caller.sayLeave()
}

func (t *talk) ended(c *conn, code int) {
	c.cutShort(code)
}

// call has each pair, signed in already, play a call, some at a time.
func (l *loop) call(pairs []*pair, turns, atOnce int) error {
	waiting, finished := pairs, 0
	t := &talk{loop: l, turns: turns}
	next := func() {
		if len(waiting) > 0 {
			p := waiting[0]
			waiting = waiting[1:]
			t.begin(p)
		}
	}
	t.over = func(*pair) {
		finished++
		next()
	}
	for range atOnce {
		next()
	}
	return l.run(func() bool { return finished == len(pairs) }, func() string {
		return fmt.Sprintf("calls: %d of %d are through", finished, len(pairs))
	})
}
