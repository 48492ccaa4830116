package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// who is somebody as others know them.
type who struct{ address, role string }

// checkCalls states that a call and its two parties know each other, that nobody
// has more calls than they may, and that nobody's name or role changes in a call.
func (ht *hubTester) checkCalls() {
	ht.Helper()
	h := ht.hub
	for id, cl := range h.calls {
		ht.check(cl.id == id, "call %s is entered as %s", cl.id, id)
		ht.check(cl.caller.Client != cl.callee.Client, "%s calls itself", cl.caller.name.Text)
		for _, side := range cl.both() {
			ht.check(h.registry.byKey[side.name.Key] == side.Client || side.room != nil, "a party of %s is neither signed in nor in a room", id)
			ht.check(slices.Contains(side.calls, cl), "a party of %s does not know it", id)
			held := side.held.candidates
			ht.check(len(held) <= maxHeld, "%s holds %d candidates", id, len(held))
			ht.check(len(held) == 0 || cl.holdsCandidates(), "%s holds candidates that it should have told", id)
		}
		ht.checkParties(cl)
	}
	for _, c := range h.clients {
		ht.checkCallsOf(c)
	}
}

// checkParties states that the parties of a call are those between whom it began,
// and may call each other.
func (ht *hubTester) checkParties(cl *Call) {
	ht.Helper()
	now := [2]who{{cl.caller.address(), cl.caller.role}, {cl.callee.address(), cl.callee.role}}
	began, known := ht.began[cl]
	ht.check(!known || began == now, "%s began between %v and is between %v", cl.id, began, now)
	ht.began[cl] = now
	may := ht.hub.rights.mayCall
	if cl.room != nil {
		may = ht.hub.rights.concern
	}
	ht.check(may(cl.caller.role, cl.callee.role), "%s is between %v, who may not call each other", cl.id, now)
}

func (ht *hubTester) checkCallsOf(c *Client) {
	ht.Helper()
	h, called, peers := ht.hub, 0, map[*Client]bool{}
	for _, cl := range c.calls {
		ht.check(h.calls[cl.id] == cl, "%s knows the ended call %s", c.name.Text, cl.id)
		ht.check(!peers[cl.peer(c)], "%s has two calls with one party", c.name.Text)
		peers[cl.peer(c)] = true
		if c == cl.callee.Client {
			called++
		}
	}
	ht.check(called <= 1, "%s is called %d times", c.name.Text, called)
	ht.check(len(c.calls) <= 1 || h.rights.mayHoldSeveral(c.role), "%s has %d calls", c.name.Text, len(c.calls))
	ht.check(len(c.calls) <= h.limits.maxCalls+1, "%s has %d calls", c.name.Text, len(c.calls))
}

// ring starts a call and returns it.
func (ht *hubTester) ring(caller, callee *Client, opening Opening) *Call {
	ht.Helper()
	ht.do(caller, Offer{To: toName(callee.name.Text), SDP: sdp, Opening: opening})
	ht.forget(caller, callee)
	if len(callee.calls) == 0 {
		ht.Fatalf("%s is not rung", callee.name.Text)
	}
	return callee.calls[0]
}

// talk starts a call and answers it.
func (ht *hubTester) talk(caller, callee *Client, opening Opening) *Call {
	ht.Helper()
	cl := ht.ring(caller, callee, opening)
	ht.do(callee, Answer{SDP: sdp})
	ht.forget(caller, callee)
	return cl
}

func TestOfferRingsAndAnswerEstablishes(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	forAnn, forBob := CallInfo{CallID: "call-1", Peer: "bob", Caller: true}, CallInfo{CallID: "call-1", Peer: "ann"}

	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.want(ann, "to know that bob rings", Rang{forAnn})
	ht.want(bob, "the offer", Offered{forBob, sdp})

	ht.do(bob, Candidate{To: toName("ann"), Candidate: candidate})
	ht.want(ann, "the candidate at once", NewCandidate{forAnn, candidate})

	ht.do(bob, Answer{To: toName("ann"), SDP: sdp})
	answered := Answered{forAnn, sdp}
	forAnn.Answered, forBob.Answered = true, true
	ht.want(ann, "the answer", answered, Established{forAnn, sdp})
	ht.want(bob, "the call", Established{forBob, sdp})

	ht.do(ann, Leave{})
	ht.want(bob, "the end", Ended{forBob, ReasonHangup})
	ht.wantIdle(ann)
}

func TestRequestHoldsCandidatesOfBothUntilTheAnswer(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", "teacher"), ht.signIn("bob", "student")
	forAnn := CallInfo{CallID: "call-1", Peer: "bob", Opening: ByRequest, Role: "teacher", Caller: true}
	forBob := CallInfo{CallID: "call-1", Peer: "ann", Opening: ByRequest, Role: "student", Answered: true}
	a1, a2, b1 := json.RawMessage(`"a1"`), json.RawMessage(`"a2"`), json.RawMessage(`"b1"`)

	ht.ring(ann, bob, ByRequest)
	ht.do(ann, Candidate{Candidate: a1})
	ht.do(bob, Candidate{Candidate: b1})
	ht.do(ann, Candidate{Candidate: a2})
	ht.wantIdle(ann, bob)

	ht.do(bob, Answer{SDP: sdp})
	answered := Answered{forAnn, sdp}
	forAnn.Answered = true
	ht.want(ann, "answer, call, candidate", answered, Established{forAnn, sdp}, NewCandidate{forAnn, b1})
	ht.want(bob, "call, candidates in order", Established{forBob, sdp}, NewCandidate{forBob, a1}, NewCandidate{forBob, a2})
}

// Candidates are told all at once when the call is answered, and must not be
// more than the other party's outbox takes.
func TestHeldCandidatesAreBoundedInBytes(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", "teacher"), ht.signIn("bob", "student")
	large := json.RawMessage(`"` + strings.Repeat("x", maxHeldBytes/2-eventOverhead-2) + `"`)
	ht.ring(ann, bob, ByRequest)
	ht.do(ann, Candidate{Candidate: large})
	ht.do(ann, Candidate{Candidate: large})
	ht.wantIdle(ann)
	ht.do(ann, Candidate{Candidate: json.RawMessage(`""`)})
	ht.wantRefused(ann, CodeTooMany)
	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.do(ann, Candidate{Candidate: large})
	ht.wantIdle(ann)
}

// The timer and the answer may both be in the inbox; whichever comes first
// decides, and the other finds nothing to do.
func TestRingTimeoutMeetsAnswer(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")

	cl := ht.talk(ann, bob, ByOffer)
	ht.step(ringDue{cl})
	ht.wantIdle(ann, bob)
	ht.do(ann, Leave{})
	ht.forget(bob)

	cl = ht.ring(ann, bob, ByOffer)
	ht.step(ringDue{cl})
	ht.want(ann, "the end", Ended{cl.info(ann), ReasonNoAnswer})
	ht.want(bob, "the end", Ended{cl.info(bob), ReasonNoAnswer})
	ht.do(bob, Answer{SDP: sdp})
	ht.wantRefused(bob, CodeNoSuchCall)
	ht.step(ringDue{cl})
	ht.wantIdle(ann, bob)
}

// Nobody is removed for what another sends: when half of what may wait for a
// party does, the other is refused, and nothing has changed by that.
func TestHasteIsRefused(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	cl := ht.talk(ann, bob, ByOffer)
	ht.do(bob, Offer{To: toName("ann"), SDP: sdp})
	ht.want(ann, "the offer", Offered{cl.info(ann), sdp})
	carrierOf(bob).limit = 2 * NewCandidate{Candidate: candidate}.Weight()

	ht.do(ann, Candidate{Candidate: candidate})
	ht.do(ann, Candidate{Candidate: candidate})
	ht.wantIdle(ann)
	for _, cmd := range []Command{Candidate{Candidate: candidate}, Answer{SDP: sdp}, Offer{To: toName("bob"), SDP: sdp}} {
		ht.do(ann, cmd)
		ht.wantRefused(ann, CodeRateLimited)
	}
	told := NewCandidate{cl.info(bob), candidate}
	ht.want(bob, "what there was room for", told, told)
	ht.do(ann, Answer{SDP: sdp})
	ht.wantIdle(ann)
	ht.want(bob, "the answer", Answered{cl.info(bob), sdp})
}

// A call that begins, and an offer that replaces the first, are refused like
// everything else when the callee does not read.
func TestCallsToAReaderThatIsBehindAreRefused(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	carrierOf(bob).limit = 4 * Offered{SDP: sdp}.Weight()
	for range 3 {
		ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	}
	ht.forget(ann)
	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.wantRefused(ann, CodeRateLimited)
	ht.do(ann, Leave{})
	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.wantRefused(ann, CodeRateLimited)
	if len(ann.calls) > 0 {
		t.Error("the call that was refused is there")
	}
}

// A party whose family cannot say which call it means has one, whatever its
// role.
func TestOneCallForWhoCannotNameIt(t *testing.T) {
	ht := newHubTester(t)
	tina, sam, sue := ht.signIn("tina", "teacher"), ht.signIn("sam", "student"), ht.signIn("sue", "student")
	tina.profile = one2one{}.Profile()
	ht.ring(tina, sam, ByOffer)
	ht.do(tina, Offer{To: toName("sue"), SDP: sdp})
	ht.wantRefused(tina, CodeBusy)
	ht.wantIdle(sue)
}

// A party that hears candidates as fields is spared what has none, however the
// call was opened.
func TestCandidatesWithoutFields(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	ht.talk(ann, bob, ByOffer)
	bob.profile = socketIO{}.Profile()
	for _, odd := range []string{`[5]`, `7`, `true`} {
		ht.do(ann, Candidate{Candidate: raw(odd)})
		ht.wantRefused(ann, CodeBadRequest)
		ht.do(bob, Candidate{Candidate: raw(odd)})
		heard(ann)
	}
	ht.wantIdle(bob)
}

// An end that the party has made itself does not make up for one that it was
// told before.
func TestEndsThatMayComeBack(t *testing.T) {
	ht := newHubTester(t)
	bob := ht.signIn("bob", "")
	bob.profile = one2one{}.Profile()
	bob.expectEnds(2, true)
	bob.expectEnds(1, true)
	for i, want := range []bool{true, false, false} { // nothing rings
		if got := bob.takeEcho(Leave{}); got != want || bob.echo.ends != int32(max(0, 1-i)) {
			t.Errorf("end %d: an echo: %t, and %d may follow", i, got, bob.echo.ends)
		}
	}
}

func TestTeacherHoldsSeveralCallsUpToALimit(t *testing.T) {
	ht := newHubTester(t)
	teacher := ht.signIn("ann", "teacher")
	for i := range testLimits.maxCalls {
		ht.talk(teacher, ht.signIn(fmt.Sprintf("s%d", i), "student"), ByRequest)
	}
	last := ht.signIn("last", "student")
	ht.do(teacher, Offer{To: toName("last"), SDP: sdp, Opening: ByRequest})
	ht.wantRefused(teacher, CodeTooMany)
	ht.do(teacher, Leave{})
	ht.wantRefused(teacher, CodeBadRequest)
	ht.do(teacher, Leave{To: toName("s1")})
	ht.do(teacher, Offer{To: toName("last"), SDP: sdp, Opening: ByRequest})
	ht.want(last, "the offer", Offered{CallInfo{CallID: "call-4", Peer: "ann", Opening: ByRequest, Role: "student"}, sdp})
}
