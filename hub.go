package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Hub owns what clients share: who is signed in, the calls, the rooms. One
// goroutine, run, does everything to it; everybody else sends it a message by
// post. It never waits: a client's carrier takes an event at once or the client is
// too slow, and timers only post. So each message is one step, and between steps
// the invariants of the tests hold (checkInvariants in hub_test.go).
type Hub struct {
	// Set before run, then only read.
	rights Rights
	limits hubLimits
	log    *slog.Logger
	newID  func() string
	inbox  chan any
	done   chan struct{} // closed by stop

	// Owned by run.
	clients  map[carrier]*Client // every open connection, and those that may come back
	registry registry            // those that are signed in
	calls    map[string]*Call    // by id
	rooms    map[string]*Room    // by the key of their names
	probes   map[*Client]*probe
	sessions map[string]*Client // by their secrets
	leases   leases
	leaving  []leaver // are let go at the end of this step
	closing  bool     // shutdown has begun
}

// hubLimits are the limits that the hub keeps.
type hubLimits struct {
	maxCalls     int           // at once, for a party whose role holds several
	maxListBytes int           // of a users list, in the weight of an event
	maxQueue     int           // bytes that may wait for a client
	ringTimeout  time.Duration // how long a call may ring
	loginTimeout time.Duration // how long a connection may be without a name and a room
	resumeWindow time.Duration // how long a lost connection may take to come back; 0: none can
	arrival      time.Duration // after which a message to a live connection has arrived
	turnTTL      time.Duration // how long credentials for TURN servers hold; 0: none expire
	signInFirst  bool          // rooms are for those who have a name
}

// leaver is a client that is let go, and why.
type leaver struct {
	*Client
	why *Closing
}

// inboxLen is how many messages may wait for the hub. When it is full, read loops
// wait, and TCP makes their clients wait.
const inboxLen = 256

func newHub(rights Rights, limits hubLimits, log *slog.Logger) *Hub {
	return &Hub{
		rights:   rights,
		limits:   limits,
		log:      log,
		newID:    uuid.NewString,
		inbox:    make(chan any, inboxLen),
		done:     make(chan struct{}),
		clients:  map[carrier]*Client{},
		registry: newRegistry(),
		calls:    map[string]*Call{},
		rooms:    map[string]*Room{},
		probes:   map[*Client]*probe{},
		sessions: map[string]*Client{},
	}
}

// What the hub receives. A connection speaks of itself, not of the client that
// it carries.
type (
	clientConnected struct {
		via carrier
		id  uint64
	}
	clientGone struct {
		via carrier
		why *Closing
	}
	clientAsked struct {
		via     carrier
		profile *Profile
		req     Request
	}
	clientErred struct { // said what the read loop refuses
		via     carrier
		profile *Profile
		receipt string
		refusal *Refused
		control bool // it was no text frame
	}
	loginDue struct{ c *Client }
	grantDue struct {
		c *Client
		g *grant
	}
	ringDue    struct{ cl *Call }
	probeHeard struct{ via carrier }
	probeDue   struct{ p *probe }
	windowDue  struct{ a *away }
	sweepDue   struct{ c *Client }
	renewalDue struct{}
	stopAsked  struct{}
	hubAsked   struct{ answered chan<- struct{} } // by answers, which waits
)

// run handles messages until stop is called. It takes what has come already
// without a choice between two channels, which would cost more.
func (h *Hub) run() {
	for {
		select {
		case m := <-h.inbox:
			h.handle(m)
			continue
		default:
		}
		select {
		case m := <-h.inbox:
			h.handle(m)
		case <-h.done:
			return
		}
	}
}

// stop ends run. Messages posted from then on are dropped.
func (h *Hub) stop() { close(h.done) }

// post sends the hub a message. It waits while the inbox is full, and returns false
// if the hub has stopped meanwhile.
func (h *Hub) post(m any) bool {
	select {
	case h.inbox <- m: // without waiting, as in run
		return true
	default:
	}
	select {
	case h.inbox <- m:
		return true
	case <-h.done:
		return false
	}
}

// answers waits until the hub has dealt with everything that was posted before, and
// returns true then, or at once if the hub has stopped. It returns false when
// givenUp is closed; a nil channel never is.
func (h *Hub) answers(givenUp <-chan struct{}) bool {
	answered := make(chan struct{})
	select {
	case h.inbox <- hubAsked{answered}:
	case <-h.done:
		return true
	case <-givenUp:
		return false
	}
	select {
	case <-answered:
		return true
	case <-h.done:
		return true
	case <-givenUp:
		return false
	}
}

// handle does one step.
func (h *Hub) handle(m any) {
	switch m := m.(type) {
	case clientConnected:
		h.admit(m.via, m.id)
	case clientGone:
		h.lose(h.clients[m.via], m.why)
	case clientAsked:
		if c := h.speaker(m.via, m.profile); c != nil {
			c.countFrame()
			h.obey(c, m.req)
		}
	case clientErred:
		if c := h.speaker(m.via, m.profile); c != nil {
			if !m.control {
				c.countFrame()
			}
			h.tellRefusal(c, m.receipt, m.refusal)
		}
	case loginDue:
		h.loginTimedOut(m.c)
	case grantDue:
		h.watchAgain(m.c, m.g)
	case ringDue:
		h.ringTimedOut(m.cl)
	case probeHeard:
		h.probeAnswered(h.clients[m.via])
	case probeDue:
		h.probeTimedOut(m.p)
	case windowDue:
		h.windowEnded(m.a)
	case sweepDue:
		h.sweep(m.c)
	case renewalDue:
		h.renewLeases()
	case stopAsked:
		h.shutDown()
	case hubAsked:
		close(m.answered)
	default:
		panic(fmt.Sprintf("hub: unknown message %T", m))
	}
	h.letGo()
}

// letGo removes the clients that are to leave, such as those that could not take an
// event. It is called at the end of a step, since the step may still use them, and goes
// on until none is left: telling their peers may show that a peer is too slow.
func (h *Hub) letGo() {
	for len(h.leaving) > 0 {
		next := h.leaving[0]
		h.leaving = h.leaving[1:]
		if next.why == closeSlow {
			h.lose(next.Client, closeSlow) // or it is ending already, and that was why
		} else {
			h.remove(next.Client, next.why)
		}
	}
}

// admit takes in a new connection and gives it time to sign in.
func (h *Hub) admit(via carrier, id uint64) {
	if h.closing {
		via.kill(closeRestart)
		return
	}
	c := newClient(via, id)
	h.clients[via] = c
	h.startLoginTimer(c)
}

// speaker returns the client that a connection speaks for, and notes the profile
// of its family. It returns nil if the client has been removed, and the read loop
// does not know yet.
func (h *Hub) speaker(via carrier, profile *Profile) *Client {
	c := h.clients[via]
	if c != nil {
		c.profile = profile
	}
	return c
}

// remove forgets a client, and ends its connection if that has not begun: its
// calls end, its name is free at once. One that has been removed before, or nil,
// is left alone.
func (h *Hub) remove(c *Client, why *Closing) {
	if c == nil || h.clients[c.via] != c {
		return
	}
	delete(h.clients, c.via)
	stands := c.via.kill(why)
	for len(c.calls) > 0 {
		h.end(c.calls[0], ReasonGone, c)
	}
	h.exitRoom(c)
	h.forgetWaiting(c)
	if !c.loggedIn() {
		c.loginTimer.Stop()
		return
	}
	h.endSession(c)
	h.registry.remove(c)
	h.endLease(c)
	c.grant.stop()
	h.log.Info("signed out", "conn", c.id, "name", c.name.Text, "reason", stands.Reason)
	h.passName(c)
}

// obey does what a client asks, or tells it why not.
func (h *Hub) obey(c *Client, req Request) {
	if h.closing {
		return
	}
	cl, refusal := h.command(c, req)
	switch {
	case refusal != nil && req.Excess:
		h.deny(c, req, refuseExcess()) // it has ended nothing
	case refusal != nil:
		h.deny(c, req, refusal)
	case c.awaits(req):
		// The probe decides, and answers.
	default:
		h.acknowledge(c, req, cl)
	}
}

// command does what a request asks. It returns the call that the request is about,
// if any, or why it is refused.
func (h *Hub) command(c *Client, req Request) (*Call, *Refused) {
	switch cmd := req.Command.(type) {
	case Login:
		if cmd.Grant != nil && c.loggedIn() {
			return nil, h.renew(c, cmd)
		}
		return nil, h.login(c, req, cmd)
	case Connect:
		return nil, h.connect(c, req, cmd)
	case Resume:
		return nil, h.resume(c, cmd)
	case Join:
		return nil, h.join(c, cmd)
	case Ping:
		h.tell(c, Ponged{})
		return nil, nil
	}
	if !c.loggedIn() && c.room == nil {
		return nil, refuse(CodeNotLoggedIn, "sign in first")
	}
	switch cmd := req.Command.(type) {
	case Offer:
		return h.offer(c, cmd)
	case Answer:
		return h.answer(c, cmd)
	case Candidate:
		return h.candidate(c, cmd)
	case Leave:
		return h.leave(c, cmd)
	case ListUsers:
		return nil, h.listUsers(c)
	default:
		panic(fmt.Sprintf("hub: unknown command %T", cmd))
	}
}

// deny refuses a request, and repeats what it was about.
func (h *Hub) deny(c *Client, req Request, refusal *Refused) {
	h.tellRefusal(c, req.Receipt, refusal.about(req.Word, targetOf(req.Command)))
}

// tellRefusal tells c a refusal, and gives the receipt for what was refused. If it is one
// refusal too many, it is the last that c hears.
func (h *Hub) tellRefusal(c *Client, receipt string, refusal *Refused) {
	h.tell(c, *refusal)
	if why := c.strike(refusal.Code); why != nil {
		c.via.kill(why)
		return
	}
	c.expectEndsAfter(refusal)
	if receipt != "" {
		h.tell(c, Acknowledged{Receipt: receipt, Refusal: refusal})
	}
}

// acknowledge gives the client the receipt that it asked for: for a request about
// a call, or about none if cl is nil.
func (h *Hub) acknowledge(c *Client, req Request, cl *Call) {
	if req.Receipt == "" {
		return
	}
	receipt := Acknowledged{Receipt: req.Receipt}
	if cl != nil {
		receipt.CallID = cl.id
	}
	h.tell(c, receipt)
}

// shutDown ends every call and every connection. It stands in the inbox behind what
// was read before, so that an answer under way still arrives.
func (h *Hub) shutDown() {
	h.closing = true
	for _, cl := range h.calls {
		h.end(cl, ReasonShutdown, nil)
	}
	for via, c := range h.clients {
		via.kill(closeRestart)
		if c.isAway() {
			h.remove(c, closeRestart)
		}
	}
}

// tell queues an event for c. If c cannot take it, it is too slow, and is removed
// when the step is over. What a client with a session is told, has a number.
func (h *Hub) tell(c *Client, ev Event) {
	if c.session != nil {
		numbered, hears := h.number(c, ev)
		if !hears {
			return
		}
		ev = numbered
	}
	if !c.via.send(ev) {
		h.leaving = append(h.leaving, leaver{c, closeSlow})
	}
}
