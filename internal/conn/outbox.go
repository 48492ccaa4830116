package conn

import "sync"

// outbox holds the messages that wait to be written to one client. It is bounded
// in bytes, so that a client that stops reading costs so much and no more. Unlike
// a channel it is not closed: what is put in after the end is refused. The mutex
// is held for a put or a take, never over I/O.
//
// A client for which nothing waits has no writer: put and close report that one
// must be started, and take that it may end.
type outbox struct {
	mu      sync.Mutex
	queue   []Outgoing
	queued  int // bytes of the queue
	taken   int // bytes that the writer took and has not come back from
	writing bool
	closing *Closing // why the connection ends; from then on nothing comes in
}

// put adds a message, if that makes no more than limit bytes. It reports whether
// there was room, and whether the caller must start a writer.
func (o *outbox) put(m Outgoing, limit int) (ok, start bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	weight := m.Weight()
	if o.closing != nil || o.queued+o.taken+weight > limit {
		return false, false
	}
	o.queue = append(o.queue, m)
	o.queued += weight
	return true, o.startWriter()
}

// size returns how many bytes wait, or are being written.
func (o *outbox) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued + o.taken
}

// close notes why the connection ends, unless that is known already, and returns the
// first reason. It reports whether the caller must start a writer, which writes the
// close frame.
func (o *outbox) close(why *Closing) (first *Closing, start bool) {
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

// take moves the waiting messages to the end of the writer's slice. Calling it
// again says that those are written. With a closing they are the last. With no
// message and no closing the writer must stop: the next put starts another.
func (o *outbox) take(messages []Outgoing) ([]Outgoing, *Closing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken, o.queued = o.queued, 0
	if o.closing == nil || !o.closing.AtOnce {
		messages = append(messages, o.queue...)
	}
	o.empty()
	if o.closing == nil {
		o.writing = len(messages) > 0
	}
	return messages, o.closing
}

// keptRoom is for how many messages an outbox keeps room while it is empty.
const keptRoom = 4

func (o *outbox) empty() {
	if cap(o.queue) > keptRoom {
		o.queue = nil
		return
	}
	clear(o.queue)
	o.queue = o.queue[:0]
}

// ended returns why the connection ends, or nil while it lives.
func (o *outbox) ended() *Closing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
}
