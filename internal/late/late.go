// Package late tells timers that are on time from those that come late because
// the process was paused: by a signal, a snapshot, a suspended laptop. After a
// pause all timers that were due meanwhile fire at once, beside sockets full of
// what clients sent in time. Code that judges a client by a timer reads that
// first.
package late

import "time"

// Tolerance is how much later than due a timer comes in a process that runs, on
// a machine that has other work too.
const Tolerance = time.Second

// catchUp is how long a timer that came late waits for what clients have sent
// to be read.
const catchUp = 3 * time.Second

// Is reports whether a timer that was due then comes so late that the process
// must have been paused.
func Is(due time.Time) bool { return time.Since(due) > Tolerance }

// AfterFunc calls f when d has passed, as time.AfterFunc does, or three seconds
// later if that moment went by in a pause. Stopping the timer that it returns
// does not prevent a call that waits for these seconds.
func AfterFunc(d time.Duration, f func()) *time.Timer {
	due := time.Now().Add(d)
	return time.AfterFunc(d, func() { call(f, due) })
}

// call calls f now, or after catchUp if it is late.
func call(f func(), due time.Time) {
	if Is(due) {
		time.AfterFunc(catchUp, f)
		return
	}
	f()
}
