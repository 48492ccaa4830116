//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// slow has a client stop reading while its partner floods it. Whatever the
// server then does with the two, its memory has to stay bounded, and the
// calls of others must not suffer.
var slowScenario = scenario{
	name:  "slow",
	about: "a client stops reading while its partner sends -flood bytes",
	columns: []column{
		{key: "flood_taken_mib", head: "flood MiB"},
		{key: "rss_before_mib", head: "before MiB", decimals: 1},
		{key: "rss_peak_mib", head: "peak MiB", decimals: 1},
		{key: "rss_growth_mib", head: "growth MiB", decimals: 1},
		{key: "rss_after_mib", head: "later MiB", decimals: 1},
		{key: "slow_client", head: "slow client", note: true},
		{key: "flooder", head: "flooder", note: true},
		{key: "errors_to_flooder", head: "errors"},
		{key: "others_p99_calm_us", head: "others p99 µs"},
		{key: "others_p99_flood_us", head: "in the flood"},
		{key: "others_p99_growth", head: "times", decimals: 1},
		{key: "others_delivered_percent", head: "delivered %", decimals: 1},
	},
	loads: func(s *settings) []load {
		return []load{{
			label: fmt.Sprintf("a flood of %d MiB; %d other pairs, %d messages/s", s.flood>>20, otherPairs, othersRate),
			sizes: map[string]int{"pairs": otherPairs, "rate": othersRate, "flood_bytes": int(s.flood)},
			run:   (*trial).runSlow,
		}}
	},
}

const (
	otherPairs = 20
	othersRate = 1000 // messages a second

	// At least as long the others are watched, however soon the flood is over.
	shortestFlood = time.Second
	// A client that reads again has read everything, and found out whether
	// it was closed, when nothing has come in for so long.
	hasReadAll = 500 * time.Millisecond
)

func (t *trial) runSlow() error {
	pairs, err := t.inCall(1+otherPairs, t.remembered(othersRate, otherPairs))
	if err != nil {
		return err
	}
	others := newTraffic(t.loop, pairs[1:], othersRate)
	err = t.measureSlow(newFlood(t.loop, pairs[0], t.flood), others)
	if sum := tallyOf(pairs[1:], err); !sum.clean() {
		t.blame(fmt.Errorf("other pairs: %v", sum))
	}
	return err
}

func (t *trial) measureSlow(f *flood, others *traffic) error {
	if err := others.run(t.warmUp); err != nil {
		return err
	}
	if err := others.run(t.duration); err != nil {
		return err
	}
	calm := others.latency
	err := t.measureFlood(f, others)
	t.figures["others_p99_calm_us"] = calm.microseconds(0.99)
	t.figures["others_p99_flood_us"] = others.latency.microseconds(0.99)
	if calm.total > 0 {
		t.figures["others_p99_growth"] = others.latency.quantile(0.99) / calm.quantile(0.99)
	}
	t.figures["others_delivered_percent"] = per(100*float64(others.arrived), others.sent)
	if err != nil {
		return err
	}
	if err := t.loop.rest(t.idle); err != nil {
		return err
	}
	t.figures["rss_after_mib"] = t.process.rss() / kibPerMiB
	return t.tellFates(f)
}

func (t *trial) measureFlood(f *flood, others *traffic) error {
	before := t.process.rss()
	t.process.forgetPeak()
	others.begin()
	shortest, longest := t.loop.until(min(shortestFlood, t.floodFor)), t.loop.until(t.floodFor)
	f.begin()
	err := t.loop.run(func() bool { return f.over() && shortest() || longest() }, others.missing)
	f.stop()
	t.figures["rss_before_mib"] = before / kibPerMiB
	t.figures["rss_peak_mib"] = t.process.peak() / kibPerMiB
	t.figures["rss_growth_mib"] = (t.process.peak() - before) / kibPerMiB
	t.figures["flood_taken_mib"] = float64(f.taken()) / (1 << 20)
	if finished := others.finish(); err == nil {
		err = finished
	}
	return err
}

// tellFates finds out what became of the two. The slow client reads again to
// know it.
func (t *trial) tellFates(f *flood) error {
	if err := f.slow.watch(unix.EPOLL_CTL_ADD, unix.EPOLLIN); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	t.loop.look()
	t.loop.heardAt = t.loop.now
	longest := t.loop.until(t.floodFor)
	err := t.loop.run(func() bool {
		return f.slow.state == stateClosed || longest() || t.loop.now-t.loop.heardAt > int64(hasReadAll)
	}, nothing)
	t.notes["slow_client"] = fate(f.slow, f.codes[f.slow])
	t.notes["flooder"] = fate(f.flooder, f.codes[f.flooder])
	if f.left {
		t.notes["flooder"] += ", told that its call ended"
	}
	t.figures["errors_to_flooder"] = float64(f.errors)
	return err
}

func fate(c *conn, code int) string {
	switch {
	case c.state != stateClosed:
		return "kept"
	case code == codeAbnormal:
		return "cut off"
	}
	return fmt.Sprintf("closed (%d)", code)
}

// flood is the party of a client that does not read and of one that sends it
// more than it could read, as fast as the server takes it.
type flood struct {
	loop          *loop
	flooder, slow *conn
	chunk         []byte // several messages
	said, limit   int64  // bytes
	left          bool   // the flooder heard that the call has ended
	errors        int    // messages to the flooder
	codes         map[*conn]int
}

// floodTurn is how much is sent before others have their turn.
const floodTurn = 64 << 10

func newFlood(l *loop, p *pair, limit int64) *flood {
	message := `{"type":"candidate","name":"` + p.callee.name + `","candidate":{"candidate":"candidate:842163049 1 udp 1677729535 ` +
		strings.Repeat("x", 4000) + `","sdpMid":"0","sdpMLineIndex":0}}`
	f := &flood{loop: l, flooder: p.caller, slow: p.callee, limit: limit, codes: map[*conn]int{}}
	for len(f.chunk) < floodTurn-len(message) {
		f.chunk = append(appendHead(f.chunk, opText, len(message)), message...)
	}
	for _, c := range [...]*conn{f.flooder, f.slow} {
		c.party, c.tolerant = f, true
	}
	return f
}

func (f *flood) begin() {
	if err := f.slow.watch(unix.EPOLL_CTL_DEL, 0); err != nil {
		f.loop.fail("epoll: %w", err)
	}
	f.flooder.writable = f.pour
	f.flooder.watchSocket()
}

// pour says some more, once the socket has taken all that was said before.
func (f *flood) pour() {
	f.said += int64(len(f.chunk))
	f.flooder.write(f.chunk)
	if f.over() {
		f.stop()
	}
}

// taken returns how many bytes the server, or its socket, took.
func (f *flood) taken() int64 { return f.said - int64(len(f.flooder.rest)) }

func (f *flood) over() bool {
	return f.said >= f.limit || f.flooder.dumb || f.flooder.state == stateClosed
}

func (f *flood) stop() {
	if f.flooder.state != stateClosed && f.flooder.writable != nil {
		f.flooder.writable = nil
		f.flooder.watchSocket()
	}
}

func (f *flood) upgraded(*conn) {}

func (f *flood) heard(c *conn, w word, _ []byte) {
	switch {
	case c == f.flooder && w == wordLeave:
		f.left = true
	case c == f.flooder && w == wordError:
		f.errors++
	}
}

func (f *flood) ended(c *conn, code int) { f.codes[c] = code }
