//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// idle has a crowd sign in and rest, then make a call each, and rest again.
// It shows how many clients fit into a machine's memory, since most of them
// wait most of the time, and what keeping them alive costs.
var idleScenario = scenario{
	name:  "idle",
	about: "-conns clients sign in and rest, make a call each, and rest again",
	columns: []column{
		{key: "rss_before_mib", head: "before MiB", decimals: 1},
		{key: "rss_mib", head: "RSS MiB", decimals: 1, ratio: true},
		{key: "kib_per_connection", head: "KiB/conn", decimals: 2, ratio: true},
		{key: "kib_per_connection_after_call", head: "after a call", decimals: 2, ratio: true},
		{key: "fill_cpu_us_per_connection", head: "fill CPU µs/conn", decimals: 1, ratio: true},
		{key: "idle_cpu_ms_per_second", head: "idle CPU ms/s", decimals: 2},
		{key: "pings_per_second", head: "pings/s"},
		{key: "pings_peak", head: "ping peak", decimals: 1},
	},
	loads: crowdLoads,
}

// storm has the whole crowd vanish and come back at once, as when a network
// fails for a moment. It shows how long they are away, and what memory that
// takes at its worst. It follows idle on the same server.
var stormScenario = scenario{
	name:  "storm",
	about: "they all vanish and come back at once",
	columns: []column{
		{key: "seconds", head: "all back s", decimals: 2, ratio: true},
		{key: "cpu_us_per_connection", head: "CPU µs/conn", decimals: 1, ratio: true},
		{key: "rss_peak_mib", head: "peak MiB", decimals: 1, ratio: true},
		{key: "logins_refused", head: "refused logins"},
	},
	loads: func(s *settings) []load {
		if slices.Contains(s.scenarios, "idle") {
			return nil
		}
		return crowdLoads(s)
	},
}

func crowdLoads(s *settings) []load {
	return []load{{
		label: fmt.Sprintf("%d clients", s.conns),
		sizes: map[string]int{"conns": s.conns},
		run:   (*trial).runCrowd,
	}}
}

const kibPerMiB = 1024

func (t *trial) runCrowd() error {
	pairs := t.loop.newPairs(t.conns/2, candidatesEach)
	conns := connsOf(pairs)
	if slices.Contains(t.scenarios, "idle") {
		if err := t.runIdle(pairs, conns); err != nil {
			return err
		}
	} else if _, err := t.loop.signIn(conns, atOnce); err != nil {
		return err
	}
	if !slices.Contains(t.scenarios, "storm") {
		return nil
	}
	if t.scenario != "storm" {
		t.enter("storm")
	}
	return t.runStorm(conns)
}

func (t *trial) runIdle(pairs []*pair, conns []*conn) error {
	empty, before := t.process.rss(), t.process.usage()
	perConnection := func() float64 { return per(t.process.rss()-empty, len(conns)) }
	if _, err := t.loop.signIn(conns, atOnce); err != nil {
		return err
	}
	t.figures["rss_before_mib"] = empty / kibPerMiB
	t.figures["fill_cpu_us_per_connection"] = t.process.usage().since(before).microseconds(len(conns))
	if err := t.watchRest(); err != nil {
		return err
	}
	t.figures["rss_mib"] = t.process.rss() / kibPerMiB
	t.figures["kib_per_connection"] = perConnection()
	if err := t.loop.call(pairs, candidatesEach, atOnce); err != nil {
		return err
	}
	if sum := tallyOf(pairs, nil); !sum.clean() {
		return fmt.Errorf("calls: %v", sum)
	}
	if err := t.loop.rest(t.idle); err != nil {
		return err
	}
	t.figures["kib_per_connection_after_call"] = perConnection()
	return nil
}

// watchRest lets the crowd rest and measures what keeping it alive takes. The
// peak of pings is the largest number in a tenth of a second, in relation to
// the mean: near 1 if they are spread well.
func (t *trial) watchRest() error {
	const slot = 100 * time.Millisecond
	t.loop.look()
	start, slots := t.loop.now, make([]int, t.idle/slot+1)
	t.loop.pings = 0
	t.loop.pingedAt = func(now int64) { slots[min(int((now-start)/int64(slot)), len(slots)-1)]++ }
	before := t.process.usage()
	err := t.loop.rest(t.idle)
	used, n := t.process.usage().since(before), t.loop.pings
	t.loop.pingedAt = nil
	t.figures["idle_cpu_ms_per_second"] = 1e3 * used.cpu.Seconds() / t.idle.Seconds()
	if n > 0 {
		t.figures["pings_per_second"] = float64(n) / t.idle.Seconds()
		t.figures["pings_peak"] = float64(slices.Max(slots)) / (float64(n) * slot.Seconds() / t.idle.Seconds())
	}
	return err
}

func (t *trial) runStorm(conns []*conn) error {
	t.process.forgetPeak()
	before := t.process.usage()
	for _, c := range conns {
		c.drop()
	}
	refused, err := t.loop.signIn(conns, atOnce)
	used := t.process.usage().since(before)
	t.figures["seconds"] = used.took.Seconds()
	t.figures["cpu_us_per_connection"] = used.microseconds(len(conns))
	t.figures["rss_peak_mib"] = t.process.peak() / kibPerMiB
	t.figures["logins_refused"] = float64(refused)
	return err
}
