// Package memory tunes how the process collects garbage, and when it gives
// memory back to the system.
//
// The Go runtime returns memory only after a garbage collection, and a process
// that has fallen quiet may not collect for two minutes. What 10,000 clients
// needed that came back all at once, or 2,000 had half sent when they left,
// would long look like what the others need. Measured with 10,000 idle
// connections: what 2,000 others left was back within three seconds, from 230
// to 97 MiB, for a tenth of a second of processor time; while clients only
// ping, nothing is collected. docs/PERFORMANCE.md has the circumstances.
package memory

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// gcPercent makes garbage collections half as frequent as usual. The heap of a
// server with few calls is so small that they are a tenth of its work. In a
// burst this takes more memory, which giveBack returns.
const gcPercent = 200

// Tune makes garbage collections rarer, unless GOGC says how often they are, and
// starts to give memory back, as long as the process lives.
func Tune() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	go giveBack()
}

// period is how often the process looks whether memory can go back.
const period = 3 * time.Second

const (
	// smallBytes is what a process may hold without being looked at.
	smallBytes = 16 << 20

	// burstBytes is by how much a process must have grown to be worth a
	// collection, and quietBytes how much it may allocate in the last period:
	// a burst that goes on would only take the memory again.
	burstBytes = 16 << 20
	quietBytes = 4 << 20

	// traceBytes is what it allocates at least when something happens that
	// could free memory. A server that only pings allocates nothing.
	traceBytes = 16 << 10

	// What does not show as growth is found by looking now and then, for at
	// most a thousandth of the time of one processor.
	lookEvery = 9 * time.Second
	lookShare = 1000
)

// giveBack returns to the system what is not needed any more, until the process
// ends.
func giveBack() {
	var w watch
	for range time.Tick(period) {
		if !w.due(read()) {
			continue
		}
		runtime.GC() // a sync.Pool lets go of what it holds at the second
		debug.FreeOSMemory()
		w.collected(read())
	}
}

// use is how much memory the process uses, and what for.
type use struct {
	allocated  uint64        // bytes, in all since the start
	held       uint64        // bytes, taken from the system and not given back
	goroutines uint64        // one for each connection, nearly
	collecting time.Duration // processor time that collections took, in all
}

func read() use {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	metrics.Read(samples)
	return use{
		allocated:  samples[0].Value.Uint64(),
		held:       samples[1].Value.Uint64() - samples[2].Value.Uint64(),
		goroutines: samples[3].Value.Uint64(),
		collecting: time.Duration(samples[4].Value.Float64() * float64(time.Second)),
	}
}

// A watch decides when a collection is worth its time. What is garbage only a
// collection can tell.
type watch struct {
	last  use           // a period ago
	after use           // after the latest collection
	took  time.Duration // processor time, for that
	age   time.Duration // since then
}

// due reports whether to collect now. It is called once every period.
func (w *watch) due(now use) bool {
	lately := now.allocated - w.last.allocated
	w.last = now
	w.age += period
	switch {
	case now.held < smallBytes || now.allocated-w.after.allocated < traceBytes:
		return false
	case w.age >= max(lookEvery, lookShare*w.took):
		return true
	}
	return lately <= quietBytes && now.held >= w.expected(now.goroutines)+burstBytes
}

// expected returns how much the process would hold after a collection if each
// connection holds what it did after the latest, and none has come since:
// those that have gone have left their share.
func (w *watch) expected(goroutines uint64) uint64 {
	before := max(w.after.goroutines, 1)
	return w.after.held / before * min(goroutines, before)
}

// collected starts anew from what a collection has left.
func (w *watch) collected(after use) {
	*w = watch{last: after, after: after, took: after.collecting - w.last.collecting}
}
