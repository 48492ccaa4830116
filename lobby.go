package main

import (
	"crypto/rand"
	"net/netip"
	"sync"
	"time"
)

// The lobby is where Socket.IO clients wait that begin with long-polling, as
// they do unless told otherwise. Each is to come back with a WebSocket in a
// moment; there is nothing else for it here. What it posts meanwhile is kept.
type lobby struct {
	leaveDoor func(netip.Prefix)

	mu       sync.Mutex
	visitors map[string]*visitor // by session id
	shut     bool
}

// visitor is a session without a WebSocket. The door has counted it.
type visitor struct {
	id       string
	from     netip.Prefix
	begun    time.Time
	expiry   *time.Timer
	released chan struct{} // closed when its poll is to return

	// Guarded by the lobby's mutex.
	posted  [][]byte
	size    int  // of posted, in bytes
	polls   bool // a GET waits
	claimed bool // its WebSocket has come
	free    bool // released is closed
	over    bool // no session any more
}

// What those may cost who do not come back. A stock client posts one packet,
// its CONNECT, which may bring a token.
const (
	maxVisitors      = 1000
	maxPosted        = 16 << 10 // bytes, of one visitor
	maxPostedPackets = 16
)

// pollTime is how long a poll waits, which must be less than requestTimeout.
const pollTime = 20 * time.Second

// packetSeparator stands between the packets of a body.
const packetSeparator = "\x1e"

func newLobby(leaveDoor func(netip.Prefix)) *lobby {
	return &lobby{leaveDoor: leaveDoor, visitors: map[string]*visitor{}}
}

// newSessionID returns an id that cannot be guessed: whoever knows it may
// speak for the session.
func newSessionID() string { return rand.Text() }

// admit takes in somebody whom the door has counted, and lets him wait for so
// long. If the lobby is full, the one who has waited longest goes: whoever
// means to come back does so at once.
func (l *lobby) admit(from netip.Prefix, patience time.Duration) (*visitor, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		l.leaveDoor(from)
		return nil, false
	}
	if len(l.visitors) >= maxVisitors {
		l.end(l.longestWaiting())
	}
	v := &visitor{id: newSessionID(), from: from, begun: time.Now(), released: make(chan struct{})}
	v.expiry = time.AfterFunc(patience, func() { l.expire(v) })
	l.visitors[v.id] = v
	return v, true
}

// longestWaiting returns nil if all have been claimed.
func (l *lobby) longestWaiting() (first *visitor) {
	for _, v := range l.visitors {
		if !v.claimed && (first == nil || v.begun.Before(first.begun)) {
			first = v
		}
	}
	return first
}

// startPoll makes a visitor's GET wait for v.released; endPoll must follow.
func (l *lobby) startPoll(id string) (*visitor, *engineError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.visitors[id]
	switch {
	case v == nil:
		return nil, unknownSession
	case v.polls:
		return nil, badRequest
	}
	v.polls = true
	return v, nil
}

// endPoll returns what the GET is answered with: that there is nothing yet,
// or that the session is over.
func (l *lobby) endPoll(v *visitor) byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.polls = false
	if v.over {
		return engineClose
	}
	return engineNoop
}

// post keeps what a visitor says.
func (l *lobby) post(id string, packets [][]byte) *engineError {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.visitors[id]
	if v == nil {
		return unknownSession
	}
	for _, packet := range packets {
		v.size += len(packet)
		switch {
		case string(packet) == string(engineClose):
			l.end(v)
			return nil
		case v.size > maxPosted || len(v.posted) == maxPostedPackets:
			l.end(v)
			return tooMuch
		}
		v.posted = append(v.posted, packet)
	}
	return nil
}

// claim marks that a visitor's WebSocket has come. From now on it is for the
// one who claimed it to see its place at the door given back.
func (l *lobby) claim(id string) (*visitor, *engineError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.visitors[id]
	switch {
	case v == nil:
		return nil, unknownSession
	case v.claimed:
		return nil, badRequest
	}
	v.claimed = true
	v.expiry.Stop()
	return v, nil
}

// release lets a visitor's polls return, now and later: it waits for that
// before it goes over to its WebSocket.
func (l *lobby) release(v *visitor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v.release()
}

func (v *visitor) release() {
	if !v.free {
		v.free = true
		close(v.released)
	}
}

// depart takes a visitor out that goes over to its WebSocket, and returns
// what it has posted.
func (l *lobby) depart(v *visitor) [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.visitors, v.id)
	v.release()
	return v.posted
}

func (l *lobby) expire(v *visitor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !v.claimed {
		l.end(v)
	}
}

// fail ends a session whose WebSocket came to nothing.
func (l *lobby) fail(v *visitor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(v)
}

// end forgets a visitor.
func (l *lobby) end(v *visitor) {
	if v == nil || v.over {
		return
	}
	delete(l.visitors, v.id)
	v.over = true
	v.expiry.Stop()
	v.release()
	if !v.claimed {
		l.leaveDoor(v.from)
	}
}

// close sends everybody home, and lets nobody in.
func (l *lobby) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = true
	for _, v := range l.visitors {
		l.end(v)
	}
}
