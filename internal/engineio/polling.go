package engineio

import (
	"bytes"
	"container/list"
	"crypto/rand"
	"net/netip"
	"sync"
	"time"

	"switchboard/internal/late"
)

// pollingSessions are the sessions that began with long-polling, as stock clients
// do unless told otherwise, and have no WebSocket yet. Each gets one in a moment,
// or ends. What its client posts meanwhile is kept. They are no connections, and
// are not counted as such.
type pollingSessions struct {
	refusals func(posted [][]byte, reason string) [][]byte // Host.Refusals

	mu        sync.Mutex
	byID      map[string]*pollingSession
	unclaimed int                         // those whose WebSocket has not come
	bySubnet  map[netip.Prefix]*list.List // those, oldest first
	shut      bool
}

// pollingSession is a session without a WebSocket.
type pollingSession struct {
	id       string
	from     netip.Prefix
	proof    string // the Authorization header of its handshake; set before the client knows the id
	timer    *time.Timer
	released chan struct{} // closed when its poll is to return

	// Guarded by the mutex of pollingSessions.
	inSubnet *list.Element // nil: its WebSocket has come, or the session is over
	posted   [][]byte
	size     int    // of posted, in bytes
	polls    bool   // a GET waits
	late     bool   // its WebSocket ought to have come
	free     bool   // released is closed
	over     bool   // no session any more
	lastWord []byte // what the poll is answered with then; nil: the packet that closes a session
}

// What sessions may cost whose clients do not come back. A stock client posts one
// packet, its CONNECT, which may bring a token.
const (
	maxPolling         = 2000 // sessions
	maxPollingOfSubnet = 250
	maxPosted          = 16 << 10 // bytes, of one session
	maxPostedPackets   = 16
)

// A client asks for its WebSocket as soon as it has its session. If that has not
// come after webSocketTime, something on the way does not pass it. The client is
// told so when its CONNECT is here and its poll waits. After sessionTime the
// session is forgotten at any rate.
const (
	webSocketTime = 6 * time.Second
	sessionTime   = 10 * time.Second
)

// packetSeparator stands between the packets of a body.
const packetSeparator = "\x1e"

func newPollingSessions(refusals func(posted [][]byte, reason string) [][]byte) *pollingSessions {
	return &pollingSessions{
		refusals: refusals,
		byID:     map[string]*pollingSession{},
		bySubnet: map[netip.Prefix]*list.List{},
	}
}

// newSessionID returns an id that cannot be guessed: whoever knows it may
// speak for the session.
func newSessionID() string { return rand.Text() }

// begin makes a session. If its subnet has too many, the oldest of them ends: a
// client that means to come back does so at once. It returns nil if there are too
// many in all.
func (p *pollingSessions) begin(from netip.Prefix) *pollingSession {
	p.mu.Lock()
	defer p.mu.Unlock()
	siblings := p.bySubnet[from]
	if siblings != nil && from.IsValid() && siblings.Len() == maxPollingOfSubnet {
		p.end(siblings.Front().Value.(*pollingSession), nil)
		siblings = p.bySubnet[from]
	}
	if p.shut || p.unclaimed == maxPolling {
		return nil
	}
	if siblings == nil {
		siblings = list.New()
		p.bySubnet[from] = siblings
	}
	s := &pollingSession{id: newSessionID(), from: from, released: make(chan struct{})}
	s.inSubnet = siblings.PushBack(s)
	p.unclaimed++
	p.byID[s.id] = s
	s.timer = late.AfterFunc(webSocketTime, func() { p.expire(s) })
	return s
}

// startPoll makes a session's GET wait for released; endPoll must follow.
func (p *pollingSessions) startPoll(id string) (*pollingSession, *httpError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.byID[id]
	switch {
	case s == nil:
		return nil, unknownSession
	case s.polls:
		return nil, badRequest
	}
	s.polls = true
	p.giveUpIfTold(s)
	return s, nil
}

// endPoll returns what the GET is answered with: that there is nothing yet,
// or the last word of a session that is over. It reports whether that says why.
func (p *pollingSessions) endPoll(s *pollingSession) (packets []byte, explained bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.polls = false
	switch {
	case !s.over:
		return []byte{Noop}, false
	case s.lastWord == nil:
		return []byte{Close}, false
	}
	return s.lastWord, true
}

// post keeps what a session's client says.
func (p *pollingSessions) post(id string, packets [][]byte) *httpError {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.byID[id]
	if s == nil {
		return unknownSession
	}
	for _, packet := range packets {
		s.size += len(packet)
		switch {
		case string(packet) == string(Close):
			p.end(s, nil)
			return nil
		case s.size > maxPosted || len(s.posted) == maxPostedPackets:
			p.end(s, nil)
			return tooMuch
		}
		s.posted = append(s.posted, packet)
	}
	p.giveUpIfTold(s)
	return nil
}

// claim marks that a session's WebSocket has come.
func (p *pollingSessions) claim(id string) (*pollingSession, *httpError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.byID[id]
	switch {
	case s == nil:
		return nil, unknownSession
	case s.inSubnet == nil:
		return nil, badRequest
	}
	p.leaveSubnet(s)
	return s, nil
}

// release lets a session's polls return, now and later: its client waits for
// that before it goes over to its WebSocket.
func (p *pollingSessions) release(s *pollingSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.release()
}

func (s *pollingSession) release() {
	if !s.free {
		s.free = true
		close(s.released)
	}
}

// depart forgets a session that goes over to its WebSocket, and returns what
// its client has posted.
func (p *pollingSessions) depart(s *pollingSession) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byID, s.id)
	s.release()
	posted := s.posted
	s.posted = nil
	return posted
}

// expire is called when a session's WebSocket has not come in time.
func (p *pollingSessions) expire(s *pollingSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case s.inSubnet == nil:
	case s.late:
		p.end(s, nil)
	default:
		s.late = true
		s.timer = late.AfterFunc(sessionTime-webSocketTime, func() { p.expire(s) })
		p.giveUpIfTold(s)
	}
}

// giveUpIfTold ends a session whose WebSocket ought to have come, as soon as
// its client can be told why: when it has asked to be connected, and its poll
// waits.
func (p *pollingSessions) giveUpIfTold(s *pollingSession) {
	if !s.late || !s.polls || s.inSubnet == nil {
		return
	}
	if packets := p.refusals(s.posted, noWebSocket); packets != nil {
		p.end(s, bytes.Join(packets, []byte(packetSeparator)))
	}
}

// fail ends a session that could not go over to its WebSocket.
func (p *pollingSessions) fail(s *pollingSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(s, nil)
}

// end forgets a session. Its poll, if one waits, is answered with the last
// word, or with the packet that closes a session if that is nil.
func (p *pollingSessions) end(s *pollingSession, lastWord []byte) {
	if s.over {
		return
	}
	delete(p.byID, s.id)
	p.leaveSubnet(s)
	s.over, s.lastWord = true, lastWord
	s.release()
}

// leaveSubnet takes a session out of those that wait for their WebSocket.
func (p *pollingSessions) leaveSubnet(s *pollingSession) {
	if s.inSubnet == nil {
		return
	}
	siblings := p.bySubnet[s.from]
	siblings.Remove(s.inSubnet)
	if siblings.Len() == 0 {
		delete(p.bySubnet, s.from)
	}
	s.inSubnet = nil
	p.unclaimed--
	s.timer.Stop()
}

// close ends all sessions, and begins none any more.
func (p *pollingSessions) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for _, s := range p.byID {
		p.end(s, nil)
	}
}
