//go:build linux

package main

import "fmt"

// underWay is how many calls, or connects, are under way at once where their
// throughput is measured.
const underWay = 16

// candidatesEach is how many candidates each party of a whole call sends: about
// as many as a browser finds.
const candidatesEach = 10

// call plays whole calls, from two connects to two closes. It shows how many
// calls a machine can set up.
var callScenario = scenario{
	name:  "call",
	about: "whole calls: connect, login, offer, answer, 20 candidates, leave, close",
	columns: append([]column{
		{key: "calls_per_second", head: "calls/s", ratio: true},
		{key: "cpu_us_per_call", head: "CPU µs/call", ratio: true},
		{key: "latency_p50_ms", head: "p50 ms", decimals: 2},
		{key: "latency_p99_ms", head: "p99 ms", decimals: 2, ratio: true},
	}, tallyColumns...),
	loads: func(*settings) []load {
		return []load{{
			label: fmt.Sprintf("%d under way", underWay),
			sizes: map[string]int{"under_way": underWay},
			run:   (*trial).runCalls,
		}}
	},
}

// visit is the party of pairs that connect, sign in, make a call and close.
// Where one visit ends, the next begins.
type visit struct {
	*churn
	talk *talk
	sum  tally
}

func (t *trial) runCalls() error {
	v := &visit{churn: newChurn(t.loop)}
	v.begin = func(number int) {
		p := t.loop.newPair(number, candidatesEach)
		p.begun = t.loop.now
		p.caller.connect(v)
		p.callee.connect(v)
	}
	v.talk = &talk{loop: t.loop, turns: candidatesEach, over: v.leave}
	n, used, err := t.measureChurn(v.churn)
	t.figures["calls_per_second"] = used.perSecond(n)
	t.figures["cpu_us_per_call"] = used.microseconds(n)
	t.count(v.sum)
	return err
}

func (v *visit) upgraded(c *conn) { c.sayLogin() }

func (v *visit) heard(c *conn, w word, message []byte) {
	if v.hearLogin(c, w, message) && c.mate().signedIn {
		v.talk.begin(c.pair)
	}
}

// leave ends a visit when the call has ended.
func (v *visit) leave(p *pair) {
	p.leaving = true
	for _, c := range [...]*conn{p.caller, p.callee} {
		c.party = v
		c.sayClose()
	}
}

func (v *visit) ended(c *conn, code int) {
	switch {
	case !c.pair.leaving:
		c.cutShort(code)
	case c.mate().state == stateClosed:
		v.sum.add(tallyOf([]*pair{c.pair}, nil))
		v.finish(c.pair.begun)
	}
}
