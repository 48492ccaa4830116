package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Hub owns what clients share: who is signed in, the calls, the rooms. Only run reads
// and changes it; others send it messages by post. run never waits: a client's carrier
// takes an event at once or the client is too slow, and timers only post. Each message
// is one step; between steps the invariants of checkInvariants (hub_test.go) hold.
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
	leaving  []leaver // are removed at the end of this step
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
	ringDue     struct{ cl *Call }
	clientAlive struct{ via carrier }
	probeDue    struct{ p *probe }
	windowDue   struct{ a *away }
	sweepDue    struct{ c *Client }
	renewalDue  struct{}
	stopAsked   struct{}
	flushAsked  struct{ flushed chan<- struct{} }
)

// run handles messages until stop is called. It looks into the inbox without h.done
// first, since a select with one case is cheaper.
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
	case h.inbox <- m: // first without h.done, as in run
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

// flush waits until the hub has handled everything that was posted before, and
// returns true then, or at once if the hub has stopped. It returns false when
// givenUp is closed; a nil channel never is.
func (h *Hub) flush(givenUp <-chan struct{}) bool {
	flushed := make(chan struct{})
	select {
	case h.inbox <- flushAsked{flushed}:
	case <-h.done:
		return true
	case <-givenUp:
		return false
	}
	select {
	case <-flushed:
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
		h.addClient(m.via, m.id)
	case clientGone:
		h.lose(h.clients[m.via], m.why)
	case clientAsked:
		h.asked(h.clients[m.via], m)
	case clientErred:
		h.erred(h.clients[m.via], m)
	case loginDue:
		h.loginTimedOut(m.c)
	case grantDue:
		h.watchAgain(m.c, m.g)
	case ringDue:
		h.ringTimedOut(m.cl)
	case clientAlive:
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
	case flushAsked:
		close(m.flushed)
	default:
		panic(fmt.Sprintf("hub: unknown message %T", m))
	}
	h.removeLeaving()
}

// asked obeys a request of c, which is nil if it has just been removed.
func (h *Hub) asked(c *Client, m clientAsked) {
	if c == nil {
		return
	}
	c.profile = m.profile
	c.countFrame()
	h.obey(c, m.req)
}

// erred refuses a message of c, which is nil if it has just been removed.
func (h *Hub) erred(c *Client, m clientErred) {
	if c == nil {
		return
	}
	c.profile = m.profile
	if !m.control {
		c.countFrame()
	}
	h.tellRefusal(c, m.receipt, m.refusal)
}

// obey does what a client asks, or tells it why not.
func (h *Hub) obey(c *Client, req Request) {
	if h.closing {
		return
	}
	cl, refusal := h.execute(c, req)
	switch {
	case refusal != nil && req.Excess:
		h.deny(c, req, excess()) // a leave that ended no call is refused like all that is over the rate
	case refusal != nil:
		h.deny(c, req, refusal)
	case c.awaits(req):
		// The probe decides, and answers.
	default:
		h.acknowledge(c, req, cl)
	}
}

// execute does what a request asks. It returns the call that the request is about,
// if any, or why it is refused.
func (h *Hub) execute(c *Client, req Request) (*Call, *Refused) {
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
	h.tellRefusal(c, req.Receipt, refusal.regarding(req.Word, targetOf(req.Command)))
}

// tellRefusal tells c a refusal, and gives the receipt for what was refused. If it is one
// refusal too many, it is the last that c hears.
func (h *Hub) tellRefusal(c *Client, receipt string, refusal *Refused) {
	h.tell(c, *refusal)
	if why := c.countRefusal(refusal.Code); why != nil {
		h.leaving = append(h.leaving, leaver{c, why})
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

// shutDown ends every call and every connection. Its message comes after what was read
// before, so that an answer under way still arrives.
func (h *Hub) shutDown() {
	h.closing = true
	for _, cl := range h.calls {
		h.endCall(cl, ReasonShutdown, nil)
	}
	for via, c := range h.clients {
		via.end(closeRestart)
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
