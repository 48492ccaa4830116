package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestFamilies plays every scene to every ordered pair of families.
func TestFamilies(t *testing.T) {
	for _, caller := range families {
		for _, callee := range families {
			t.Run(caller.name+" calls "+callee.name, func(t *testing.T) {
				for _, sc := range scenesFor(caller, callee) {
					t.Run(sc.name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { perform(t, sc, caller, callee) })
					})
				}
			})
		}
	}
}

// A scene is what happens between two parties.
type scene struct {
	name    string
	mayCall string // pairs of roles
	play    func(*conversation)
}

// Who may call whom: in most scenes, everybody.
const (
	anybody   = "teacher:student,teacher:-,-:-,-:student"
	byDefault = "teacher:student,teacher:-,-:-"
)

func scenesFor(caller, callee family) []scene {
	switch {
	case caller.inRoom && callee.inRoom:
		return meetings
	case caller.inRoom:
		return []scene{{"nobody outside the room", anybody, func(c *conversation) { c.refused(c.caller, CodeForbidden) }}}
	}
	return calls
}

var calls = []scene{
	{"the caller hangs up", anybody, func(c *conversation) { c.talk(); c.end(c.caller, ReasonHangup); c.ring() }},
	{"the callee hangs up", anybody, func(c *conversation) { c.talk(); c.end(c.callee, ReasonHangup); c.ring() }},
	{"the caller cancels", anybody, func(c *conversation) { c.ring(); c.trickle(); c.end(c.caller, ReasonCancelled); c.talk() }},
	{"the callee declines", anybody, func(c *conversation) { c.ring(); c.trickle(); c.decline(); c.talk() }},
	{"the callee hangs up while it rings", anybody, func(c *conversation) { c.ring(); c.end(c.callee, ReasonDeclined); c.talk() }},
	{"nobody answers", anybody, func(c *conversation) { c.ring(); c.ringOut(); c.talk() }},
	{"unknown", anybody, func(c *conversation) { c.unknown(); c.talk() }},
	{"busy while it rings", anybody, func(c *conversation) { c.ring(); c.busy(); c.answer(); c.trickle() }},
	{"busy", anybody, func(c *conversation) { c.talk(); c.busy(); c.trickle() }},
	{"the caller goes while it rings", anybody, func(c *conversation) { c.ring(); c.trickle(); c.depart(c.caller) }},
	{"the callee goes while it rings", anybody, func(c *conversation) { c.ring(); c.trickle(); c.depart(c.callee) }},
	{"the caller goes", anybody, func(c *conversation) { c.talk(); c.depart(c.caller) }},
	{"the callee goes", anybody, func(c *conversation) { c.talk(); c.depart(c.callee) }},
	{"the caller offers again while it rings", anybody, func(c *conversation) { c.ring(); c.trickle(); c.renew(); c.answer() }},
	{"the caller renegotiates", anybody, func(c *conversation) { c.talk(); c.renegotiate(c.caller); c.trickle() }},
	{"the callee renegotiates", anybody, func(c *conversation) { c.talk(); c.renegotiate(c.callee); c.trickle() }},
	{"as roles allow", byDefault, (*conversation).asRolesAllow},
}

// In a room nobody rings: there is a call when the second member, the caller
// here, has come in.
var meetings = []scene{
	{"the second member offers", anybody, func(c *conversation) { c.meet(c.caller) }},
	{"the first member offers", anybody, func(c *conversation) { c.meet(c.callee) }},
	{"the second member leaves", anybody, func(c *conversation) { c.meet(c.caller); c.end(c.caller, ReasonHangup); c.alone(c.callee) }},
	{"the first member leaves", anybody, func(c *conversation) { c.meet(c.caller); c.end(c.callee, ReasonHangup); c.alone(c.caller) }},
	{"the second member goes", anybody, func(c *conversation) { c.meet(c.caller); c.depart(c.caller); c.alone(c.callee) }},
	{"the first member goes", anybody, func(c *conversation) { c.meet(c.caller); c.depart(c.callee); c.alone(c.caller) }},
	{"the second member renegotiates", anybody, func(c *conversation) { c.meet(c.caller); c.renegotiate(c.caller); c.trickle() }},
	{"the first member renegotiates", anybody, func(c *conversation) { c.meet(c.caller); c.renegotiate(c.callee); c.trickle() }},
	{"a third finds it full", anybody, func(c *conversation) { c.meet(c.caller); c.crowd(); c.trickle() }},
}

// ring has the caller call.
func (c *conversation) ring() {
	c.t.Helper()
	c.number++
	c.answered = false
	c.caller.waiting, c.callee.waiting = nil, nil
	text := c.describe(c.caller, sayCall)
	c.hearDescribed(c.callee, hearOffer, text)
	c.hear(c.caller, hearRinging)
	c.offer = text
}

// answer has the callee answer, and both hear what that makes due.
func (c *conversation) answer() {
	c.t.Helper()
	c.answered = true
	text := c.describe(c.callee, sayAnswer)
	c.hearDescribed(c.caller, hearAnswer, text)
	c.hear(c.caller, hearMadeCaller)
	c.hearWaiting(c.caller)
	if c.callee.heldFirst {
		c.hearWaiting(c.callee)
	}
	c.hearDescribed(c.callee, hearMadeCallee, c.offer)
	if !c.callee.heldFirst {
		c.hearWaiting(c.callee)
	}
}

func (c *conversation) hearWaiting(p *party) {
	c.t.Helper()
	for _, text := range c.other(p).waiting {
		c.hear(p, hearCandidate, "<text>", text)
	}
}

// trickle has both parties send candidates.
func (c *conversation) trickle() {
	c.t.Helper()
	for _, p := range []*party{c.caller, c.callee, c.caller} {
		text := c.text(p)
		c.say(p, sayCandidate, "<text>", text)
		if c.holds() {
			p.waiting = append(p.waiting, text)
		} else {
			c.hear(c.other(p), hearCandidate, "<text>", text)
		}
	}
}

func (c *conversation) holds() bool {
	return !c.answered && (c.caller.opens == ByRequest || c.caller.holds || c.callee.holds)
}

// talk is a call from its offer to candidates after its answer.
func (c *conversation) talk() {
	c.t.Helper()
	c.ring()
	c.trickle()
	c.answer()
	c.trickle()
}

// end has one of them end the call.
func (c *conversation) end(by *party, why Reason) {
	c.t.Helper()
	c.say(by, sayEnd)
	c.ended(by, why)
}

func (c *conversation) decline() {
	c.t.Helper()
	c.say(c.callee, sayDecline)
	c.ended(c.callee, ReasonDeclined)
}

// ringOut waits until nobody has answered.
func (c *conversation) ringOut() {
	c.t.Helper()
	c.silence()
	c.stage.Pass(20*time.Second - 1)
	c.silence()
	c.stage.Pass(1)
	c.ended(nil, ReasonNoAnswer)
}

// depart has one of them lose its connection.
func (c *conversation) depart(p *party) {
	c.t.Helper()
	c.silence()
	if err := c.stage.Drop(p.me); err != nil {
		c.t.Fatal(err)
	}
	c.hearEnd(c.other(p), ReasonGone)
	c.echo(c.other(p))
}

// ended checks that the end is told to whom it concerns, and that nothing
// follows from its being sent back.
func (c *conversation) ended(by *party, why Reason) {
	c.t.Helper()
	for _, p := range []*party{c.caller, c.callee} {
		if p != by || p.hearsOwn {
			c.hearEnd(p, why)
		}
	}
	c.echo(c.caller)
	c.echo(c.callee)
}

// echo has a party send back the end that it has heard, if its kind does.
func (c *conversation) echo(p *party) {
	c.t.Helper()
	if p.echoes {
		c.say(p, sayEnd)
	}
}

func (c *conversation) hearEnd(p *party, why Reason) {
	c.t.Helper()
	if _, ok := p.hearing[hearNoCall]; ok && p == c.caller && !c.answered {
		c.hear(p, hearNoCall)
	} else {
		c.hear(p, hearEnd, "<reason>", string(why))
	}
}

// refused has somebody call in vain.
func (c *conversation) refused(p *party, code Code) {
	c.t.Helper()
	c.describe(p, sayCall)
	c.hear(p, hearCallRefused, "<code>", string(code))
}

func (c *conversation) unknown() {
	c.t.Helper()
	peer := c.caller.peer
	c.caller.peer = "nobody"
	c.refused(c.caller, CodeNoSuchUser)
	c.caller.peer = peer
}

// third is somebody else of the caller's kind.
func (c *conversation) third() *party {
	third := &party{family: c.caller.family, me: "third", role: c.caller.role, room: c.callee.room, peer: "callee"}
	third.hearing = third.hears(third.opens)
	return third
}

func (c *conversation) busy() {
	c.t.Helper()
	third := c.third()
	c.enter(third, "")
	c.refused(third, CodeBusy)
}

// crowd has a third come into the room.
func (c *conversation) crowd() {
	c.t.Helper()
	third := c.third()
	third.enter = append(third.enter[:len(third.enter)-1:len(third.enter)-1], "< "+third.hearing[hearRoomFull])
	c.enter(third, "")
}

// asRolesAllow: only a teacher calls a student, and a student calls nobody.
func (c *conversation) asRolesAllow() {
	c.t.Helper()
	switch {
	case c.caller.role == "teacher" || c.callee.role == "":
		c.talk()
	case c.callee.role == "teacher":
		c.refused(c.caller, CodeForbidden)
	default: // neither may call the other, or know of it
		c.refused(c.caller, CodeNoSuchUser)
	}
}

// renew has the caller call again while it rings. Its candidates so far, if
// they are held, belonged to the first offer.
func (c *conversation) renew() {
	c.t.Helper()
	text := c.describe(c.caller, sayCall)
	if !c.callee.renegotiates() {
		c.hear(c.caller, hearCallRefused, "<code>", string(CodeBusy))
		return
	}
	c.hearDescribed(c.callee, hearOffer, text)
	c.offer, c.caller.waiting = text, nil
}

// renegotiates reports whether a party has words for an offer within a call.
func (p *party) renegotiates() bool { return p.says[sayOffer] != "" }

// renegotiate has one of them make an offer in the midst of the call, which
// goes on even if that cannot be.
func (c *conversation) renegotiate(p *party) {
	c.t.Helper()
	other := c.other(p)
	switch {
	case !p.renegotiates():
		c.refused(p, CodeBusy)
	case !other.renegotiates():
		c.describe(p, sayOffer)
		c.hear(p, hearOfferRefused, "<code>", string(CodeUnsupported))
	default:
		c.exchange(p)
	}
}

// exchange is an offer and its answer in a call that has been made.
func (c *conversation) exchange(p *party) {
	c.t.Helper()
	other := c.other(p)
	c.hearDescribed(other, hearOffer, c.describe(p, sayOffer))
	c.hearDescribed(p, hearAnswer, c.describe(other, sayAnswer))
}

// meet is a call in a room, from the first offer of it.
func (c *conversation) meet(p *party) {
	c.t.Helper()
	c.trickle()
	c.exchange(p)
	c.trickle()
}

// alone checks that somebody waits in the room, and speaks to nobody.
func (c *conversation) alone(p *party) {
	c.t.Helper()
	c.describe(p, sayOffer)
	c.say(p, sayCandidate, "<text>", c.text(p))
}
