package main

import "time"

// A process or a machine may be paused: by a signal, a snapshot, a suspended
// laptop. Afterwards all timers that were due meanwhile fire at once, beside
// sockets full of what clients sent in time. Whoever judges a client by a timer
// asks late first, and reads what has come before it judges.

// maxLate is how much later than due a timer comes in a process that runs, on
// a machine that has other work too.
const maxLate = time.Second

// late reports whether a timer that was due then comes so late that the
// process must have been paused.
func late(due time.Time) bool { return time.Since(due) > maxLate }

// catchUp is how long a timer that came late waits for what clients have sent
// to be read.
const catchUp = 3 * time.Second

// afterwards calls f when d has passed, or catchUp later if that moment went by
// in a pause. Stopping the timer that it returns does not prevent a call that
// waits for catchUp.
func afterwards(d time.Duration, f func()) *time.Timer {
	due := time.Now().Add(d)
	return time.AfterFunc(d, func() {
		if late(due) {
			time.AfterFunc(catchUp, f)
			return
		}
		f()
	})
}
