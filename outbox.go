package main

import "sync"

// outbox is what waits to be written to one client. It is bounded in bytes,
// so a client that stops reading costs so much and no more, and never
// closed as a channel would be: whoever comes late is told no. Its mutex is
// held for a put or a take, never over I/O.
//
// A client that has nothing to hear has no writer: put and close report that
// one must be started, and take that it may end.
type outbox struct {
	limit int // bytes

	mu      sync.Mutex
	events  []Event
	waiting int // bytes of events
	taken   int // bytes that the writer took and has not come back from
	writing bool
	closing *Closing // why the connection ends; from then on nothing comes in
}

// put adds an event. It reports whether there was room, and whether the
// caller must start a writer.
func (o *outbox) put(ev Event) (ok, start bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	weight := ev.weight()
	if o.closing != nil || o.waiting+o.taken+weight > o.limit {
		return false, false
	}
	o.events = append(o.events, ev)
	o.waiting += weight
	return true, o.startWriter()
}

// crowded reports whether more than half of the room is taken.
func (o *outbox) crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting+o.taken > o.limit/2
}

// close says why the connection ends, unless somebody has already, and returns
// what stands. It reports whether the caller must start a writer, which writes
// the farewell.
func (o *outbox) close(why *Closing) (stands *Closing, start bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing != nil {
		return o.closing, false
	}
	o.closing = why
	return why, o.startWriter()
}

func (o *outbox) startWriter() bool {
	start := !o.writing
	o.writing = true
	return start
}

// take appends what waits to the writer's own slice; when it comes back for
// more, it has written that. With a closing these are the last events; with
// neither the writer's work is done, and the next put starts another.
func (o *outbox) take(events []Event) ([]Event, *Closing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken, o.waiting = o.waiting, 0
	if o.closing == nil || o.closing.flush {
		events = append(events, o.events...)
	}
	o.empty()
	if o.closing == nil {
		o.writing = len(events) > 0
	}
	return events, o.closing
}

// keptEvents is for how many events an outbox keeps room while it is empty.
const keptEvents = 4

func (o *outbox) empty() {
	if cap(o.events) > keptEvents {
		o.events = nil
		return
	}
	clear(o.events)
	o.events = o.events[:0]
}

// ended returns why the connection ends, or nil while it lives.
func (o *outbox) ended() *Closing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
}
