//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"
)

// A pair is a caller and a callee.
type pair struct {
	caller, callee *conn
	turns          int   // candidates that each has yet to send, in a talk
	begun          int64 // when it began to connect, in a visit
	leaving        bool  // the visit is over but for the closing
}

// newPair makes a pair of the names a and b and their number, that has not
// connected yet. As many candidates of one direction can be told apart as are
// remembered.
func (l *loop) newPair(number, remembered int) *pair {
	p := &pair{
		caller: l.newConn(fmt.Sprintf("a%d", number)),
		callee: l.newConn(fmt.Sprintf("b%d", number)),
	}
	// The marker has six digits for the number of a direction: they come round
	// among the calls of a long run, where they cannot be mistaken any more.
	there := newDirection(2*number%1e6, p.callee.name, remembered)
	back := newDirection((2*number+1)%1e6, p.caller.name, remembered)
	p.caller.pair, p.caller.says, p.caller.hears = p, there, back
	p.callee.pair, p.callee.says, p.callee.hears = p, back, there
	return p
}

func (l *loop) newPairs(count, remembered int) []*pair {
	pairs := make([]*pair, count)
	for i := range pairs {
		pairs[i] = l.newPair(i, remembered)
	}
	return pairs
}

func connsOf(pairs []*pair) []*conn {
	conns := make([]*conn, 0, 2*len(pairs))
	for _, p := range pairs {
		conns = append(conns, p.caller, p.callee)
	}
	return conns
}

// mate returns the other party.
func (c *conn) mate() *conn {
	if c == c.pair.caller {
		return c.pair.callee
	}
	return c.pair.caller
}

// sdp is a session description of some 4 KB, the size that a browser's
// has, with audio and video.
var sdp = `v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n` +
	strings.Repeat(`a=rtpmap:111 opus/48000/2\r\n`, 138)

func (c *conn) sayOffer() {
	c.say(`{"type":"offer","name":"`, c.mate().name, `","offer":{"type":"offer","sdp":"`, sdp, `"}}`)
}

func (c *conn) sayAnswer() {
	c.say(`{"type":"answer","name":"`, c.mate().name, `","answer":{"type":"answer","sdp":"`, sdp, `"}}`)
}

func (c *conn) sayLeave() { c.say(`{"type":"leave","name":"`, c.mate().name, `"}`) }

// sayCandidate sends the next candidate. Latency is counted from a time that
// may have passed.
func (c *conn) sayCandidate(from int64) {
	c.loop.speak(c)
	c.loop.out = c.says.appendNext(c.loop.out, from)
}

// tallyOf returns what became of all candidates of some pairs in a load that
// ended with an error, or in due form. What was under way when it broke off is
// not lost; what was when the server fell silent is.
func tallyOf(pairs []*pair, err error) (t tally) {
	for _, p := range pairs {
		t.add(p.caller.says.result())
		t.add(p.callee.says.result())
	}
	if _, silent := errors.AsType[*stalled](err); err != nil && !silent {
		t.lost = 0
	}
	return t
}
