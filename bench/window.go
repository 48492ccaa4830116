//go:build linux

package main

import "fmt"

// window has pairs in a call pass candidates to and fro as fast as the server
// relays them, with a fixed number in flight each. It shows what a message
// costs a busy server. With one in flight, every message is read and written
// alone; with several, a server that writes together what goes to one
// connection saves most of the work.
var windowScenario = scenario{
	name:  "window",
	about: "pairs in a call with -window candidates in flight each, as fast as it goes",
	columns: append([]column{
		{key: "messages_per_second", head: "msg/s", ratio: true},
		{key: "cpu_us_per_message", head: "CPU µs/msg", decimals: 2, ratio: true},
		{key: "switches_per_message", head: "switches/msg", decimals: 2},
		{key: "latency_p50_us", head: "p50 µs"},
		{key: "latency_p99_us", head: "p99 µs", ratio: true},
		{key: "generator_us_per_message", head: "(bench) µs/msg", decimals: 2},
	}, tallyColumns...),
	loads: func(s *settings) (loads []load) {
		for _, pairs := range s.pairs {
			for _, window := range s.window {
				loads = append(loads, load{
					label: fmt.Sprintf("%d pairs, %d in flight", pairs, window),
					sizes: map[string]int{"pairs": pairs, "window": window},
					run:   func(t *trial) error { return t.runWindow(pairs, window) },
				})
			}
		}
		return loads
	},
}

// atOnce is how many connections, or calls, are under way when a crowd of
// them is set up.
const atOnce = 500

// inCall returns pairs that have signed in, and made a call that stays.
func (t *trial) inCall(count, remembered int) ([]*pair, error) {
	pairs := t.loop.newPairs(count, remembered)
	if _, err := t.loop.signIn(connsOf(pairs), atOnce); err != nil {
		return nil, err
	}
	return pairs, t.loop.call(pairs, 0, atOnce)
}

// flight counts the candidates that pairs in a call send each other. It is the part that
// the parties of such pairs share.
type flight struct {
	loop    *loop
	sent    int
	arrived int
	latency histogram
}

// land counts a candidate that has arrived, and reports whether it is one that was
// waited for.
func (f *flight) land(c *conn, w word, message []byte) bool {
	if w != wordCandidate {
		return false
	}
	at := c.hears.arrive(message)
	if at == 0 {
		return false
	}
	f.arrived++
	f.latency.add(f.loop.now - at)
	return true
}

func (f *flight) landed() bool { return f.sent == f.arrived }

func (f *flight) missing() string {
	if f.landed() {
		return ""
	}
	return fmt.Sprintf("%d candidates in flight", f.sent-f.arrived)
}

func (f *flight) upgraded(*conn) {}

func (f *flight) ended(c *conn, code int) { c.cutShort(code) }

// volley is the party of pairs that answer each candidate with one.
type volley struct {
	flight
	over bool // nothing is answered any more
}

func (t *trial) runWindow(count, window int) error {
	pairs, err := t.inCall(count, 2*window)
	if err != nil {
		return err
	}
	v := &volley{flight: flight{loop: t.loop}}
	for _, p := range pairs {
		p.caller.party, p.callee.party = v, v
		for range window {
			v.send(p.caller)
		}
	}
	if err = t.measureWindow(v); err == nil {
		v.over = true
		err = t.loop.run(v.landed, v.missing)
	}
	t.count(tallyOf(pairs, err))
	return err
}

func (t *trial) measureWindow(v *volley) error {
	if err := t.loop.run(t.loop.until(t.warmUp), v.missing); err != nil {
		return err
	}
	v.latency, v.arrived, v.sent = histogram{}, 0, v.sent-v.arrived
	before, ours := t.process.usage(), threadCPU()
	t.loop.look()
	if err := t.loop.run(t.loop.measuring(t.duration, &v.arrived), v.missing); err != nil {
		return err
	}
	ours = threadCPU() - ours
	n, used := v.arrived, t.process.usage().since(before)
	t.figures["messages_per_second"] = used.perSecond(n)
	t.figures["cpu_us_per_message"] = used.microseconds(n)
	t.figures["switches_per_message"] = per(float64(used.switches), n)
	t.figures["generator_us_per_message"] = per(float64(ours)/1e3, n)
	t.figures["latency_p50_us"] = v.latency.microseconds(0.5)
	t.figures["latency_p99_us"] = v.latency.microseconds(0.99)
	return nil
}

func (v *volley) send(c *conn) {
	v.sent++
	c.sayCandidate(v.loop.now)
}

// heard answers only what landed: an answer to a doubled one would make one more in flight.
func (v *volley) heard(c *conn, w word, message []byte) {
	if v.land(c, w, message) && !v.over {
		v.send(c)
	}
}
