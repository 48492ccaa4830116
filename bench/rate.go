//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// rate has pairs in a call exchange candidates at a fixed rate, each message
// on its own tick. It shows what a server pays that is mostly asleep: waking
// costs more than relaying. Latency counts from the time that a message was
// to be sent, so that a server that falls behind cannot hide it.
var rateScenario = scenario{
	name:  "rate",
	about: "the same pairs at a fixed -rate, each message on its own tick",
	columns: append([]column{
		{key: "cpu_us_per_message", head: "CPU µs/msg", decimals: 2, ratio: true},
		{key: "switches_per_message", head: "switches/msg", decimals: 2},
		{key: "latency_p50_us", head: "p50 µs"},
		{key: "latency_p99_us", head: "p99 µs", ratio: true},
		{key: "latency_p999_us", head: "p99.9 µs"},
		{key: "latency_max_us", head: "max µs"},
		{key: "sent_late_percent", head: "sent late %", decimals: 2},
	}, tallyColumns...),
	loads: func(s *settings) []load {
		pairs := slices.Min(s.pairs)
		return []load{{
			label: fmt.Sprintf("%d pairs, %d messages/s", pairs, s.rate),
			sizes: map[string]int{"pairs": pairs, "rate": s.rate},
			run:   func(t *trial) error { return t.runRate(pairs) },
		}}
	},
}

func (t *trial) runRate(count int) error {
	pairs, err := t.inCall(count, t.remembered(t.rate, count))
	if err != nil {
		return err
	}
	tr := newTraffic(t.loop, pairs, t.rate)
	err = t.measureRate(tr)
	t.count(tallyOf(pairs, err))
	return err
}

func (t *trial) measureRate(tr *traffic) error {
	if err := tr.run(t.warmUp); err != nil {
		return err
	}
	before := t.process.usage()
	if err := tr.run(t.duration); err != nil {
		return err
	}
	used := t.process.usage().since(before)
	t.figures["cpu_us_per_message"] = used.microseconds(tr.arrived)
	t.figures["switches_per_message"] = per(float64(used.switches), tr.arrived)
	t.figures["latency_p50_us"] = tr.latency.microseconds(0.5)
	t.figures["latency_p99_us"] = tr.latency.microseconds(0.99)
	t.figures["latency_p999_us"] = tr.latency.microseconds(0.999)
	t.figures["latency_max_us"] = float64(tr.latency.max) / 1e3
	t.figures["sent_late_percent"] = per(100*float64(tr.late), tr.sent)
	return nil
}

// remembered returns how many messages of one direction can be under way at
// a rate over some pairs before the server counts as stalled.
func (s *settings) remembered(rate, pairs int) int {
	return int(float64(rate)*(s.duration+mayWork*s.stall).Seconds())/(2*pairs) + 1
}

// traffic is the party of pairs that send at a fixed rate, whatever comes
// back: now one pair's caller, now the next pair's callee.
type traffic struct {
	flight   // of the present run
	pairs    []*pair
	interval time.Duration
	turn     int // counts all messages

	// Of the present run.
	start   int64
	sending bool
	late    int // sent more than lateAfter late, which is our fault
}

// lateAfter is what a message may be sent late without being worth a note.
const lateAfter = int64(time.Millisecond)

func newTraffic(l *loop, pairs []*pair, rate int) *traffic {
	tr := &traffic{flight: flight{loop: l}, pairs: pairs, interval: time.Second / time.Duration(rate)}
	for _, p := range pairs {
		p.caller.party, p.callee.party = tr, tr
	}
	return tr
}

// run sends for a time and waits for what is then in flight.
func (tr *traffic) run(d time.Duration) error {
	tr.begin()
	err := tr.loop.run(tr.loop.measuring(d, &tr.arrived), tr.missing)
	if finished := tr.finish(); err == nil {
		err = finished
	}
	return err
}

// begin counts anew. Nothing is in flight.
func (tr *traffic) begin() {
	tr.loop.look()
	tr.sent, tr.late, tr.arrived, tr.latency = 0, 0, 0, histogram{}
	tr.start, tr.sending = tr.loop.now, true
	tr.loop.every(tr.interval, tr.tick)
}

// finish sends no more and waits for what is in flight.
func (tr *traffic) finish() error {
	tr.sending = false
	tr.loop.every(0, nil)
	return tr.loop.run(tr.landed, tr.missing)
}

// tick sends what is due: one message, unless the tick came late.
func (tr *traffic) tick() {
	for tr.sending {
		due := tr.start + int64(tr.sent+1)*int64(tr.interval)
		if due > tr.loop.now {
			return
		}
		if tr.loop.now-due > lateAfter {
			tr.late++
		}
		p := tr.pairs[tr.turn%len(tr.pairs)]
		from := p.caller
		if (tr.turn+tr.turn/len(tr.pairs))%2 == 1 {
			from = p.callee
		}
		from.sayCandidate(due)
		tr.turn++
		tr.sent++
	}
}

func (tr *traffic) heard(c *conn, w word, message []byte) { tr.land(c, w, message) }
