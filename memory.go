package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// gcPercent makes garbage collections half as frequent as usual. The heap of a
// server with few calls is so small that they are a tenth of its work. What it
// takes more memory in a burst goes back afterwards.
const gcPercent = 200

// tuneMemory settles how the process uses memory. GOGC, if it is set, decides
// over gcPercent.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	go giveBackMemory()
}

// The Go runtime gives memory back to the system as well, but by way of
// garbage collections, to which a process that has fallen quiet does not come
// for minutes: what ten thousand clients needed to come back all at once, or
// what two thousand had half sent when they left, would long look like what
// the others need. docs/PERFORMANCE.md says what was measured.

// memoryPeriod is how often the process looks whether memory can go back.
const memoryPeriod = 3 * time.Second

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

// giveBackMemory returns to the system what is not needed any more. It does
// not return.
func giveBackMemory() {
	var w memoryWatch
	for range time.Tick(memoryPeriod) {
		if !w.due(readMemory()) {
			continue
		}
		runtime.GC() // a sync.Pool lets go of what it holds at the second
		debug.FreeOSMemory()
		w.collected(readMemory())
	}
}

// memoryUse is how much memory the process uses, and what for.
type memoryUse struct {
	allocated  uint64        // bytes, in all since the start
	held       uint64        // bytes, taken from the system and not given back
	goroutines uint64        // one for each connection, nearly
	collecting time.Duration // processor time that collections took, in all
}

func readMemory() memoryUse {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/sched/goroutines:goroutines"},
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	metrics.Read(samples)
	return memoryUse{
		allocated:  samples[0].Value.Uint64(),
		held:       samples[1].Value.Uint64() - samples[2].Value.Uint64(),
		goroutines: samples[3].Value.Uint64(),
		collecting: time.Duration(samples[4].Value.Float64() * float64(time.Second)),
	}
}

// memoryWatch decides when it is worth while to collect garbage and give back
// memory. What is garbage only a collection can tell.
type memoryWatch struct {
	last  memoryUse     // a period ago
	after memoryUse     // after the latest collection
	took  time.Duration // processor time, for that
	age   time.Duration // since then
}

// due is to be asked once every period.
func (w *memoryWatch) due(now memoryUse) bool {
	lately := now.allocated - w.last.allocated
	w.last = now
	w.age += memoryPeriod
	switch {
	case now.held < smallBytes || now.allocated-w.after.allocated < traceBytes:
		return false
	case w.age >= max(lookEvery, lookShare*w.took):
		return true
	}
	return lately <= quietBytes && now.held >= w.expected(now.goroutines)+burstBytes
}

// expected is how much the process would hold after a collection if each
// connection holds what it did after the latest, and none has come since:
// those that have gone have left their share.
func (w *memoryWatch) expected(goroutines uint64) uint64 {
	before := max(w.after.goroutines, 1)
	return w.after.held / before * min(goroutines, before)
}

// collected is to be told what a collection has left.
func (w *memoryWatch) collected(after memoryUse) {
	*w = memoryWatch{last: after, after: after, took: after.collecting - w.last.collecting}
}
