package main

import (
	"fmt"
	"slices"
	"time"

	"switchboard/internal/late"
)

// A Call is one offer, its answer, and what follows until its one end. An
// ended call is one that the hub has forgotten. Owned by the hub.
type Call struct {
	id        string
	caller    side
	callee    side
	opening   Opening
	room      *Room // the two are its members; nil for all other calls
	dialled   Name  // the room name that the caller dialled; zero if it dialled the callee's name
	state     callState
	hasAnswer bool // an answer has been given; in a room the call is active before

	offer Description // the caller's, until it is answered

	ring       *time.Timer
	startedAt  time.Time
	answeredAt time.Time
}

// A side is a party's part in a call.
type side struct {
	*Client
	unanswered bool // its latest offer awaits an answer
	glare      bool // its offer lost to the other party's; candidates of it may still come
	held       held // its candidates, kept until the answer
}

type callState int

const (
	ringing callState = iota
	active
)

// has reports whether c is a party of the call.
func (cl *Call) has(c *Client) bool { return c == cl.caller.Client || c == cl.callee.Client }

// both returns the two sides, the caller's first.
func (cl *Call) both() [2]*side { return [2]*side{&cl.caller, &cl.callee} }

// sides returns the side of party c, and the other one.
func (cl *Call) sides(c *Client) (own, other *side) {
	if c == cl.caller.Client {
		return &cl.caller, &cl.callee
	}
	return &cl.callee, &cl.caller
}

// peer returns the party that is not c.
func (cl *Call) peer(c *Client) *Client {
	_, other := cl.sides(c)
	return other.Client
}

// info is what events about the call say to c.
func (cl *Call) info(c *Client) CallInfo {
	return CallInfo{
		CallID:    cl.id,
		Peer:      cl.peerAddress(c),
		Opening:   cl.opening,
		Role:      c.role,
		InRoom:    c.room != nil,
		Caller:    c == cl.caller.Client,
		Answered:  cl.state == active,
		SendsBare: c.sendsBare,
	}
}

// offer starts a call, renews the offer of one that rings, or renegotiates one.
func (h *Hub) offer(c *Client, cmd Offer) (*Call, *Refused) {
	c.sendsBare = cmd.SDP.Bare
	switch to := cmd.To; {
	case c.alone() && to == Target{}:
		return nil, nil // nobody else is in the room; whoever joins makes an offer
	case to == Target{} && c.room == nil:
		return nil, refuse(CodeBadRequest, `whom to call is missing: "name"`)
	case to.CallID == "" && to.Name != nil && c.callWith(to.Name.Key) == nil:
		return h.startCall(c, cmd)
	}
	cl, refusal := h.find(c, cmd.To)
	switch {
	case refusal != nil:
		return nil, refusal
	case cl.state == active:
		return cl, h.renegotiate(cl, c, cmd.SDP)
	case c == cl.callee.Client:
		return nil, cl.noteGlare(c)
	case !cl.callee.profile.renegotiates:
		return nil, refuse(CodeBusy, cl.peerAddress(c)+" is being called")
	case cl.callee.via.crowded():
		return nil, overload(cl.peerAddress(c))
	}
	cl.caller.held = held{} // they belong to the replaced offer
	h.passOffer(cl, c, cmd.SDP)
	return cl, nil
}

// renegotiate passes an offer within an active call, if both families know
// what that is. If not, the call goes on as it was.
func (h *Hub) renegotiate(cl *Call, c *Client, sdp Description) *Refused {
	_, peer := cl.sides(c)
	switch {
	case !cl.hasAnswer && peer.unanswered:
		// Two who enter a room at once. Their pages would both take their own
		// offer back, and neither offer be answered.
		return cl.noteGlare(c)
	case !c.profile.renegotiates:
		return cl.keepsBusy(c)
	case !peer.profile.renegotiates:
		return refuse(CodeUnsupported, cl.peerAddress(c)+" cannot change a running call")
	case peer.via.crowded():
		return overload(cl.peerAddress(c))
	}
	h.passOffer(cl, c, sdp)
	return nil
}

// noteGlare notes that the offer of c crossed the other party's, and returns the
// refusal. The offer that came first makes the call.
func (cl *Call) noteGlare(c *Client) *Refused {
	own, _ := cl.sides(c)
	own.glare = true
	refusal := refuse(CodeGlare, cl.peerAddress(c)+" has made an offer first: answer that, or leave")
	refusal.CallID = cl.id
	return refusal
}

// startCall rings the callee, if the caller may call it, has room for one more call, and
// the callee is free.
func (h *Hub) startCall(c *Client, cmd Offer) (*Call, *Refused) {
	callee, dialled := h.callee(*cmd.To.Name)
	if refusal := h.checkStart(c, callee, cmd); refusal != nil {
		return nil, refusal
	}
	if refusal := checkRing(callee, cmd.To.Name.Text); refusal != nil {
		return nil, refusal
	}
	c.echo = echo{}
	cl := h.newCall(c, callee, cmd.Opening)
	cl.dialled = dialled
	h.passOffer(cl, c, cmd.SDP)
	h.tell(c, Rang{cl.info(c)})
	return cl, nil
}

// checkStart returns why c may not call somebody now, whatever they are doing. If
// neither may call the other, the refusal is the one for an absent callee.
func (h *Hub) checkStart(c, callee *Client, cmd Offer) *Refused {
	switch {
	case c.grant.over():
		return tokenExpired()
	case !c.grant.mayCall(cmd.To.Name.Key): // in the same words whether they are there or not
		return refuse(CodeForbidden, "your token does not let you call "+cmd.To.Name.Text)
	case callee == c:
		return refuse(CodeBadRequest, "you cannot call yourself")
	case callee == nil || !h.rights.concern(c.role, callee.role):
		return refuse(CodeNoSuchUser, "nobody is signed in as "+cmd.To.Name.Text)
	case c.room != nil:
		return refuse(CodeForbidden, "you are in a room: you cannot call anybody outside it")
	case cmd.Opening == ByRequest && c.role == "":
		return refuse(CodeForbidden, "request-call needs a role, such as teacher")
	case !h.rights.mayCall(c.role, callee.role):
		return refuse(CodeForbidden, fmt.Sprintf("%s may not call %s", inRole(c.role), inRole(callee.role)))
	case len(c.calls) > 0 && !(c.profile.namesCalls && h.rights.mayHoldSeveral(c.role)):
		return c.calls[0].keepsBusy(c)
	case len(c.calls) >= h.limits.maxCalls:
		return refuse(CodeTooMany, fmt.Sprintf("you have %d calls, which is the limit", len(c.calls)))
	}
	return nil
}

// keepsBusy refuses what c cannot do while it is in the call.
func (cl *Call) keepsBusy(c *Client) *Refused {
	return refuse(CodeBusy, "you are in a call with "+cl.peerAddress(c))
}

// checkRing returns why a callee, whom the caller knows by a name, cannot be rung
// now.
func checkRing(callee *Client, name string) *Refused {
	switch {
	case len(callee.calls) > 0:
		return refuse(CodeBusy, name+" is in a call")
	case callee.awaited != nil:
		return refuse(CodeBusy, name+" is signing in")
	case callee.via.crowded():
		return overload(name)
	}
	return nil
}

// newCall makes a call and starts its ring timer. For a room, establish follows at once.
func (h *Hub) newCall(caller, callee *Client, opening Opening) *Call {
	cl := &Call{id: h.newID(), caller: side{Client: caller}, callee: side{Client: callee}, opening: opening, startedAt: time.Now()}
	cl.ring = late.AfterFunc(h.limits.ringTimeout, func() { h.post(ringDue{cl}) })
	h.calls[cl.id] = cl
	caller.calls = append(caller.calls, cl)
	callee.calls = append(callee.calls, cl)
	h.log.Info("call started", "call", cl.id, "caller", caller.address(), "callee", callee.address())
	return cl
}

// passOffer gives c's offer to the other party and awaits the answer. Both parties may
// have an offer without an answer: browsers resolve that between themselves (RFC 8829,
// rollback).
func (h *Hub) passOffer(cl *Call, c *Client, sdp Description) {
	own, peer := cl.sides(c)
	own.unanswered = true
	if cl.state == ringing {
		cl.offer = sdp
	}
	h.tell(peer.Client, Offered{cl.info(peer.Client), sdp})
}

// answer passes an answer to the party whose offer awaits one. The first answer
// makes a ringing call active.
func (h *Hub) answer(c *Client, cmd Answer) (*Call, *Refused) {
	c.sendsBare = cmd.SDP.Bare
	cl, refusal := h.find(c, cmd.To)
	if refusal != nil {
		return nil, refusal
	}
	_, peer := cl.sides(c)
	switch {
	case !peer.unanswered:
		return nil, refuse(CodeBadState, cl.peerAddress(c)+" has made no offer that awaits an answer")
	case peer.via.crowded():
		return nil, overload(cl.peerAddress(c))
	case c.via.crowded(): // and there is more to come for it as well
		return nil, overload("you")
	case cmd.IsOffer: // no relay can join two offers
		h.endCall(cl, ReasonFailed, nil)
		return nil, refuse(CodeUnsupported, "this answer is an offer: there is no media server here that could take it, "+
			"so answer the offer that you were given")
	}
	c.echo = echo{}
	peer.unanswered = false
	cl.hasAnswer, cl.caller.glare, cl.callee.glare = true, false, false
	h.tell(peer.Client, Answered{cl.info(peer.Client), cmd.SDP})
	if cl.state == ringing {
		h.establish(cl)
	}
	return cl, nil
}

// establish makes a call active: both parties are told, and hear the
// candidates that were held for them.
func (h *Hub) establish(cl *Call) {
	offer := cl.offer
	cl.ring.Stop()
	cl.state = active
	cl.answeredAt = time.Now()
	cl.offer = Description{}
	h.log.Info("call answered", "call", cl.id, "rang", cl.answeredAt.Sub(cl.startedAt).Round(time.Millisecond))
	for _, side := range cl.both() {
		c := side.Client
		first := side == &cl.callee && c.profile.heldFirst
		if first {
			h.releaseCandidates(cl, c)
		}
		h.tell(c, Established{cl.info(c), offer})
		if !first {
			h.releaseCandidates(cl, c)
		}
	}
}

// leave ends a call, or takes a party that is alone out of its room.
func (h *Hub) leave(c *Client, cmd Leave) (*Call, *Refused) {
	if c.takeEcho(cmd) {
		return nil, nil
	}
	if c.alone() && cmd.To == (Target{}) {
		h.exitRoom(c)
		return nil, nil
	}
	cl, refusal := h.find(c, cmd.To)
	if refusal != nil {
		return nil, refusal
	}
	h.endCall(cl, cl.reasonOf(c, cmd.Reason), c)
	if cmd == (Leave{}) {
		c.expectEnds(2, true) // a user may press the button twice
	}
	if cl.room != nil {
		h.exitRoom(c)
	}
	return cl, nil
}

// reasonOf returns why c leaves, by the state of the call. Only busy and failed are taken
// from the client.
func (cl *Call) reasonOf(c *Client, claimed Reason) Reason {
	switch {
	case claimed == ReasonFailed:
		return ReasonFailed
	case cl.state == active:
		return ReasonHangup
	case c == cl.caller.Client:
		return ReasonCancelled
	case claimed == ReasonBusy:
		return ReasonBusy
	}
	return ReasonDeclined
}

func (h *Hub) ringTimedOut(cl *Call) {
	if h.calls[cl.id] == cl && cl.state == ringing {
		h.endCall(cl, ReasonNoAnswer, nil)
	}
}

// endCall is the only place where a call ends. Each party is told once; the one who
// ended it only if its family hears of its own leave.
func (h *Hub) endCall(cl *Call, why Reason, by *Client) {
	cl.ring.Stop()
	delete(h.calls, cl.id)
	for _, side := range cl.both() {
		side.calls = slices.DeleteFunc(side.calls, func(other *Call) bool { return other == cl })
	}
	for _, side := range cl.both() {
		switch c := side.Client; {
		case c != by:
			h.tell(c, Ended{cl.info(c), why})
			c.expectEnds(2, true) // c may have ended it too
		case c.profile.hearsOwnLeave:
			h.tell(c, Ended{cl.info(c), why})
			c.expectEnds(1, true)
		}
		h.dismissIfOver(side.Client)
	}
	h.logEnd(cl, why, by)
}

// logEnd writes the call's record: who, why, and for how long.
func (h *Hub) logEnd(cl *Call, why Reason, by *Client) {
	now := time.Now()
	rang, talked := now.Sub(cl.startedAt), time.Duration(0)
	if cl.state == active {
		rang, talked = cl.answeredAt.Sub(cl.startedAt), now.Sub(cl.answeredAt)
	}
	ender := ""
	if by != nil {
		ender = by.address()
	}
	h.log.Info("call ended", "call", cl.id, "caller", cl.caller.address(), "callee", cl.callee.address(),
		"reason", why, "by", ender, "rang", rang.Round(time.Millisecond), "talked", talked.Round(time.Millisecond))
}
