package main

import (
	"os"
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
// for minutes: what ten thousand clients needed to come back all at once
// would long look like what they need to stay.

// memoryPeriod is how often the process looks whether a burst is over.
const memoryPeriod = 3 * time.Second

// A burst has at least burstBytes of allocations, and is over after a period
// with at most quietBytes. Pings alone are no burst for a minute or so, and
// what they allocate does not hide its end.
const (
	burstBytes = 16 << 20
	quietBytes = 4 << 20
)

// giveBackMemory returns what a burst has left to the system, each time one
// is over. It does not return.
func giveBackMemory() {
	var w allocationWatch
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	for range time.Tick(memoryPeriod) {
		metrics.Read(sample)
		if w.burstOver(sample[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// allocationWatch tells by what a process has allocated, in all, whether it
// is worth while to collect garbage now.
type allocationWatch struct {
	last  uint64 // bytes
	since uint64 // when garbage was last collected for our sake, or the beginning
}

// burstOver is to be asked once every period.
func (w *allocationWatch) burstOver(allocated uint64) bool {
	lately := allocated - w.last
	w.last = allocated
	if lately > quietBytes || allocated-w.since < burstBytes {
		return false
	}
	w.since = allocated
	return true
}
