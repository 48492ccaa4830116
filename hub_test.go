package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/conn"
)

// hubTester drives a hub one step at a time, with no goroutine but the
// test's own, and checks after each step that the invariants hold.
type hubTester struct {
	testing.TB
	hub   *Hub
	began map[*Call][2]who // the parties of each call, as they were when it began
}

// who is somebody as others know them.
type who struct{ address, role string }

var testLimits = hubLimits{maxCalls: 3, maxListBytes: 1 << 20, ringTimeout: time.Hour, loginTimeout: time.Hour}

func newHubTester(tb testing.TB) *hubTester {
	rights, err := parseRights("teacher:student,teacher:-,-:-")
	if err != nil {
		tb.Fatal(err)
	}
	h := newHub(rights, testLimits, slog.New(slog.DiscardHandler))
	calls := 0
	h.newID = func() string { calls++; return fmt.Sprintf("call-%d", calls) }
	return &hubTester{TB: tb, hub: h, began: map[*Call][2]who{}}
}

// A testCarrier keeps what a client is told until the test takes it.
type testCarrier struct {
	limit    int
	told     []Event
	waiting  int // bytes of told
	why      *Closing
	probes   int           // asked of it
	grace    time.Duration // what it answers to patience
	admitted bool
}

func (tc *testCarrier) send(ev Event) bool {
	if tc.why != nil || tc.waiting+ev.Weight() > tc.limit {
		return false
	}
	tc.told = append(tc.told, ev)
	tc.waiting += ev.Weight()
	return true
}

func (tc *testCarrier) crowded() bool { return tc.waiting > tc.limit/2 }

func (tc *testCarrier) kill(why *Closing) *Closing {
	if tc.why == nil {
		tc.why = why
	}
	return tc.why
}

func (tc *testCarrier) probe()                               { tc.probes++ }
func (tc *testCarrier) patience(time.Duration) time.Duration { return tc.grace }
func (tc *testCarrier) admit(yes bool)                       { tc.admitted = yes }

// empty drops what the client was told.
func (tc *testCarrier) empty() { tc.told, tc.waiting = tc.told[:0], 0 }

// carrierOf returns what carries a client of the hubTester.
func carrierOf(c *Client) *testCarrier { return c.via.(*testCarrier) }

// connect returns a client without a connection.
func (ht *hubTester) connect() *Client {
	via := &testCarrier{limit: 1 << 20}
	ht.step(clientConnected{via, 0})
	c := ht.hub.clients[via]
	if c == nil {
		c = newClient(via, 0) // refused
	}
	c.profile = nativeProfile
	return c
}

func (ht *hubTester) signIn(name, role string) *Client {
	ht.Helper()
	c := ht.connect()
	ht.login(c, name, role)
	ht.want(c, "to be signed in", LoggedIn{Name: name, Role: role})
	return c
}

func (ht *hubTester) login(c *Client, name, role string) {
	ht.Helper()
	ht.do(c, Login{Name: *nameOf(name), Role: role})
}

// do is one command. Its word is the name of its type.
func (ht *hubTester) do(c *Client, cmd Command) {
	ht.Helper()
	ht.step(clientAsked{c.via, c.profile, Request{Word: fmt.Sprintf("%T", cmd), Command: cmd}})
}

func (ht *hubTester) step(m any) {
	ht.Helper()
	ht.hub.handle(m)
	ht.checkInvariants()
	ht.checkParties()
}

// heard takes what c has been told.
func heard(c *Client) []Event {
	tc := carrierOf(c)
	events := tc.told
	tc.told, tc.waiting = nil, 0
	return events
}

// want checks that c hears just these events.
func (ht *hubTester) want(c *Client, what string, want ...Event) {
	ht.Helper()
	got := heard(c)
	if !slices.EqualFunc(got, want, func(a, b Event) bool { return reflect.DeepEqual(a, b) }) {
		ht.Fatalf("%s wants %s:\n got %+v\nwant %+v", c.name.Text, what, got, want)
	}
}

// wantRefused checks that c hears one refusal, with this code.
func (ht *hubTester) wantRefused(c *Client, code Code) {
	ht.Helper()
	got := heard(c)
	if len(got) == 1 {
		if refusal, ok := got[0].(Refused); ok && refusal.Code == code {
			return
		}
	}
	ht.Fatalf("%s wants to be refused with %s, got %+v", c.name.Text, code, got)
}

func (ht *hubTester) wantIdle(clients ...*Client) {
	ht.Helper()
	for _, c := range clients {
		ht.want(c, "silence")
	}
}

// forget drops what the clients have heard so far.
func (ht *hubTester) forget(clients ...*Client) {
	for _, c := range clients {
		heard(c)
	}
}

// ring starts a call and returns it.
func (ht *hubTester) ring(caller, callee *Client, words Words) *Call {
	ht.Helper()
	ht.do(caller, Offer{To: toName(callee.name.Text), SDP: sdp, Words: words})
	ht.forget(caller, callee)
	if len(callee.calls) == 0 {
		ht.Fatalf("%s is not rung", callee.name.Text)
	}
	return callee.calls[0]
}

// talk starts a call and answers it.
func (ht *hubTester) talk(caller, callee *Client, words Words) *Call {
	ht.Helper()
	cl := ht.ring(caller, callee, words)
	ht.do(callee, Answer{SDP: sdp})
	ht.forget(caller, callee)
	return cl
}

var (
	sdp       = Description{JSON: json.RawMessage(`{"type":"offer","sdp":"v=0"}`)}
	candidate = json.RawMessage(`{"candidate":"candidate:1"}`)
)

func toName(name string) Target { return Target{Name: nameOf(name)} }

// checkInvariants states what holds between any two steps of the hub.
func (ht *hubTester) checkInvariants() {
	ht.Helper()
	h := ht.hub
	check := func(ok bool, format string, args ...any) {
		ht.Helper()
		if !ok {
			ht.Fatalf("broken invariant: "+format, args...)
		}
	}
	check(len(h.behind) == 0, "somebody who fell behind is still there")

	roles := map[string]int{}
	for key, c := range h.registry.byKey {
		check(h.clients[c.via] == c, "the name %q is held by no connection", key)
		check(c.name.Key == key, "%q is entered under %q", c.name.Key, key)
		check(c.waiting == nil, "%s is signed in and waits for it", key)
		roles[c.role]++
	}
	for role, same := range h.registry.byRole {
		check(len(same) > 0 && len(same) == roles[role], "%d are listed as %q, not %d", len(same), role, roles[role])
		delete(roles, role)
		for i, c := range same {
			check(h.registry.byKey[c.name.Key] == c && c.role == role, "%q is listed as %q", c.name.Key, role)
			check(i == 0 || same[i-1].name.Key < c.name.Key, "names are not in order")
		}
	}
	check(len(roles) == 0, "of some roles nobody is listed: %v", roles)

	for id, cl := range h.calls {
		check(cl.id == id, "call %s is entered as %s", cl.id, id)
		check(cl.caller.Client != cl.callee.Client, "%s calls itself", cl.caller.name.Text)
		for _, side := range cl.both() {
			check(h.registry.byKey[side.name.Key] == side.Client || side.room != nil, "a party of %s is neither signed in nor in a room", id)
			check(slices.Contains(side.calls, cl), "a party of %s does not know it", id)
			held := side.held.candidates
			check(len(held) <= maxHeld, "%s holds %d candidates", id, len(held))
			check(len(held) == 0 || cl.holds(), "%s holds candidates that it should have told", id)
		}
	}
	for _, c := range h.clients {
		called := 0
		peers := map[*Client]bool{}
		for _, cl := range c.calls {
			check(h.calls[cl.id] == cl, "%s knows the ended call %s", c.name.Text, cl.id)
			check(!peers[cl.peer(c)], "%s has two calls with one party", c.name.Text)
			peers[cl.peer(c)] = true
			if c == cl.callee.Client {
				called++
			}
		}
		check(called <= 1, "%s is called %d times", c.name.Text, called)
		check(len(c.calls) <= 1 || h.rights.holdsSeveral(c.role), "%s has %d calls", c.name.Text, len(c.calls))
		check(len(c.calls) <= h.limits.maxCalls+1, "%s has %d calls", c.name.Text, len(c.calls))
		if p := c.waiting; p != nil {
			check(h.probes[p.holder] == p, "%p waits for a probe that is over", c)
			check(slices.ContainsFunc(p.waiting, func(n newcomer) bool { return n.c == c }), "%p is not waited for", c)
		}
	}
	for key, room := range h.rooms {
		n := len(room.members)
		check(room.name.Key == key && n > 0 && n <= maxMembers, "the room %q has %d members", key, n)
		for _, c := range room.members {
			check(h.clients[c.via] == c && c.room == room, "a member of %q is not in it", key)
			check(n == 1 || len(c.calls) == 1 && c.calls[0].room == room, "a pair in %q is not in its call", key)
		}
	}
	for _, c := range h.clients {
		check(c.room == nil || h.rooms[c.room.name.Key] == c.room, "%s is in a forgotten room", c.address())
		for _, cl := range c.calls {
			check(cl.room == nil || cl.room == c.room && cl.state == active, "%s has a call of a room it is not in", c.address())
		}
	}
	for holder, p := range h.probes {
		check(p.holder == holder && holder.loggedIn() && h.clients[holder.via] == holder, "a probe of nobody")
		check(len(p.waiting) <= maxWaiting, "%d wait for one name", len(p.waiting))
	}
}

// checkParties states that nobody's name or role changes in a call, and that
// nobody is in a call that the rights do not allow.
func (ht *hubTester) checkParties() {
	ht.Helper()
	for _, cl := range ht.hub.calls {
		now := [2]who{{cl.caller.address(), cl.caller.role}, {cl.callee.address(), cl.callee.role}}
		if began, known := ht.began[cl]; known && began != now {
			ht.Fatalf("broken invariant: %s began between %v and is between %v", cl.id, began, now)
		}
		ht.began[cl] = now
		may := ht.hub.rights.mayCall
		if cl.room != nil {
			may = ht.hub.rights.concern
		}
		if !may(cl.caller.role, cl.callee.role) {
			ht.Fatalf("broken invariant: %s is between %v, who may not call each other", cl.id, now)
		}
	}
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
	forAnn := CallInfo{CallID: "call-1", Peer: "bob", Words: requestWords, Role: "teacher", Caller: true}
	forBob := CallInfo{CallID: "call-1", Peer: "ann", Words: requestWords, Role: "student", Answered: true}
	a1, a2, b1 := json.RawMessage(`"a1"`), json.RawMessage(`"a2"`), json.RawMessage(`"b1"`)

	ht.ring(ann, bob, requestWords)
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
	ht.ring(ann, bob, requestWords)
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

	cl := ht.talk(ann, bob, offerWords)
	ht.step(ringDue{cl})
	ht.wantIdle(ann, bob)
	ht.do(ann, Leave{})
	ht.forget(bob)

	cl = ht.ring(ann, bob, offerWords)
	ht.step(ringDue{cl})
	ht.want(ann, "the end", Ended{cl.info(ann), ReasonNoAnswer})
	ht.want(bob, "the end", Ended{cl.info(bob), ReasonNoAnswer})
	ht.do(bob, Answer{SDP: sdp})
	ht.wantRefused(bob, CodeNoSuchCall)
	ht.step(ringDue{cl})
	ht.wantIdle(ann, bob)
}

// A connection that ended may have left commands in the inbox.
func TestCommandsOfTheGoneAreDropped(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	gone := ht.connect()
	ht.step(clientGone{gone.via, closeGone})
	ht.login(gone, "cyd", "")
	if ht.hub.registry.byKey["cyd"] != nil {
		t.Error("a connection that is gone has signed in")
	}

	ht.step(clientGone{ann.via, closeGone})
	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.wantIdle(bob)
	ht.step(clientGone{ann.via, closeGone}) // told twice
	heir := ht.signIn("ann", "")
	ht.step(clientGone{ann.via, closeGone}) // and late
	if ht.hub.registry.byKey["ann"] != heir {
		t.Error("the late goodbye of one ann removed the next")
	}
}

// Whoever cannot take an event is let go in the same step: the other party
// hears of it, and the name is free at once.
func TestWhoFallsBehindIsLetGo(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	cl := ht.ring(ann, bob, offerWords)
	carrierOf(bob).limit = 0

	ht.do(bob, Ping{})
	ht.want(ann, "the end", Ended{cl.info(ann), ReasonGone})
	if why := carrierOf(bob).why; why != closeSlow {
		t.Errorf("bob ended because %+v, want too slow", why)
	}
	ht.signIn("bob", "")
}

// Letting one go may prove another too slow.
func TestFallingBehindSpreads(t *testing.T) {
	ht := newHubTester(t)
	teacher := ht.signIn("teacher", "teacher")
	var students []*Client
	for _, name := range []string{"s1", "s2", "s3"} {
		student := ht.signIn(name, "student")
		ht.talk(teacher, student, requestWords)
		students = append(students, student)
	}
	carrierOf(teacher).limit, carrierOf(students[1]).limit = 0, 0
	ht.do(students[0], Leave{})
	if len(ht.hub.calls) != 0 {
		t.Errorf("%d calls live on", len(ht.hub.calls))
	}
	if carrierOf(teacher).why != closeSlow || carrierOf(students[1]).why != closeSlow || carrierOf(students[2]).why != nil {
		t.Error("those who fell behind are not those who were let go")
	}
}

// Nobody is let go for what another sends: when half of what may wait for a
// party does, the other is refused, and nothing has changed by that.
func TestHasteIsRefused(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	cl := ht.talk(ann, bob, offerWords)
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
	ht.ring(tina, sam, offerWords)
	ht.do(tina, Offer{To: toName("sue"), SDP: sdp})
	ht.wantRefused(tina, CodeBusy)
	ht.wantIdle(sue)
}

// A party that hears candidates as fields is spared what has none, however the
// call was opened.
func TestCandidatesWithoutFields(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	ht.talk(ann, bob, offerWords)
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
		if got := bob.isEcho(Leave{}); got != want || bob.echo.ends != max(0, 1-i) {
			t.Errorf("end %d: an echo: %t, and %d may follow", i, got, bob.echo.ends)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Run("a holder that lives keeps its name", func(t *testing.T) {
		ht := newHubTester(t)
		ann, late, later := ht.signIn("ann", ""), ht.connect(), ht.connect()
		ht.login(late, "Ann", "")
		ht.login(later, "ann", "")
		ht.wantIdle(ann, late, later)
		ht.login(late, "bob", "")
		ht.wantRefused(late, CodeBadState)
		p := ht.hub.probes[ann]
		ht.step(probeHeard{ann.via})
		ht.wantIdle(late, later) // ann may still say goodbye
		ht.step(probeDue{p})
		ht.wantRefused(late, CodeNameTaken)
		ht.wantRefused(later, CodeNameTaken)
		ht.wantIdle(ann)
		ht.step(probeHeard{ann.via}) // nobody asks any more
		ht.wantIdle(ann, late, later)
	})
	t.Run("one that says goodbye after a sign of life makes way", func(t *testing.T) {
		ht := newHubTester(t)
		ann, next := ht.signIn("ann", ""), ht.connect()
		ht.login(next, "ann", "")
		ht.step(probeHeard{ann.via})
		ht.step(clientGone{ann.via, conn.Left})
		ht.want(next, "the name", LoggedIn{Name: "ann"})
	})
	t.Run("a silent one loses it to the first newcomer", func(t *testing.T) {
		ht := newHubTester(t)
		ann, bob, heir, late := ht.signIn("ann", ""), ht.signIn("bob", ""), ht.connect(), ht.connect()
		cl := ht.talk(ann, bob, offerWords)
		ht.login(heir, "ann", "")
		ht.login(late, "ann", "")
		p := ht.hub.probes[ann]
		ht.step(probeDue{p})
		ht.want(bob, "the end", Ended{cl.info(bob), ReasonGone})
		ht.want(heir, "the name", LoggedIn{Name: "ann"})
		ht.wantRefused(late, CodeNameTaken)
		ht.step(probeDue{p})
		ht.wantIdle(heir, late, bob)
	})
	t.Run("a holder that leaves meanwhile makes way", func(t *testing.T) {
		ht := newHubTester(t)
		ann, gone, heir := ht.signIn("ann", ""), ht.connect(), ht.connect()
		ht.login(gone, "ann", "")
		ht.login(heir, "ann", "")
		ht.step(clientGone{gone.via, closeGone})
		ht.step(clientGone{ann.via, closeGone})
		ht.want(heir, "the name", LoggedIn{Name: "ann"})
	})
	t.Run("who waits in a room is not joined", func(t *testing.T) {
		ht := newHubTester(t)
		ann, phone, dan := ht.signIn("ann", "student"), ht.connect(), ht.connect()
		ht.do(phone, Join{Room: *nameOf("r")})
		ht.login(phone, "ann", "student")
		ht.do(phone, Join{Room: *nameOf("s")})
		ht.want(phone, "to stay where it is", Joined{Room: "r"},
			Refused{Request: "main.Join", Code: CodeBadState, Message: "your login is being looked at"})
		ht.do(dan, Join{Room: *nameOf("r")})
		ht.wantRefused(dan, CodeBusy)
		ht.step(probeDue{ht.hub.probes[ann]})
		ht.want(phone, "the name", LoggedIn{Name: "ann", Role: "student"})
	})
	t.Run("what would be refused now is not granted to who waits", func(t *testing.T) {
		ht := newHubTester(t)
		ann, phone, late := ht.signIn("ann", ""), ht.connect(), ht.connect()
		ht.login(phone, "ann", "")
		ht.login(late, "ann", "")
		phone.calls = []*Call{{}} // by whatever way
		ht.hub.handle(probeDue{ht.hub.probes[ann]})
		phone.calls = nil
		ht.wantRefused(phone, CodeBadState)
		ht.want(late, "the name", LoggedIn{Name: "ann"})
	})
	t.Run("a carrier that asks for patience has it", func(t *testing.T) {
		ht := newHubTester(t)
		ann, late := ht.signIn("ann", ""), ht.connect()
		ht.login(late, "ann", "")
		p := ht.hub.probes[ann]
		carrierOf(ann).grace = time.Second
		ht.step(probeDue{p})
		ht.wantIdle(late)
		carrierOf(ann).grace = 0
		ht.step(probeDue{p})
		ht.want(late, "the name", LoggedIn{Name: "ann"})
	})
	t.Run("nobody waits in the end", func(t *testing.T) {
		ht := newHubTester(t)
		ann, gone := ht.signIn("ann", ""), ht.connect()
		ht.login(gone, "ann", "")
		ht.step(clientGone{gone.via, closeGone})
		ht.step(clientGone{ann.via, closeGone})
		ht.signIn("ann", "")
	})
	t.Run("when nobody waits any more the holder stays", func(t *testing.T) {
		ht := newHubTester(t)
		ann, gone, late := ht.signIn("ann", ""), ht.connect(), ht.connect()
		ht.login(gone, "ann", "")
		p := ht.hub.probes[ann]
		ht.step(clientGone{gone.via, closeGone})
		ht.step(probeDue{p})
		ht.login(late, "ann", "")
		if carrierOf(ann).why != nil || ht.hub.probes[ann] == p {
			t.Error("the probe goes on for somebody who has not waited")
		}
	})
	t.Run("those who come and go hold up nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ht := newHubTester(t)
			ann, vic := ht.signIn("ann", ""), ht.connect()
			ht.login(vic, "ann", "")
			ht.step(probeHeard{ann.via})
			for range 5 {
				time.Sleep(goodbyeTime * 2 / 5)
				other := ht.connect()
				ht.login(other, "ann", "")
				ht.step(clientGone{other.via, closeGone})
			}
			synctest.Wait()
			select {
			case m := <-ht.hub.inbox:
				ht.step(m)
			default:
			}
			ht.wantRefused(vic, CodeNameTaken)
			ht.step(clientGone{ann.via, closeGone})
			ht.step(clientGone{vic.via, closeGone})
		})
	})
	t.Run("few wait at once", func(t *testing.T) {
		ht := newHubTester(t)
		ht.signIn("ann", "")
		for range maxWaiting {
			ht.login(ht.connect(), "ann", "")
		}
		more := ht.connect()
		ht.login(more, "ann", "")
		ht.wantRefused(more, CodeNameTaken)
	})
}

func TestLoginTimeout(t *testing.T) {
	ht := newHubTester(t)
	silent, ann := ht.connect(), ht.signIn("ann", "")
	ht.step(loginDue{ann}) // fired just before the login
	ht.step(loginDue{silent})
	if carrierOf(ann).why != nil || carrierOf(silent).why != closeLoginTimeout {
		t.Error("the login timeout ended the wrong connection")
	}
}

// What was read before a shutdown is relayed before everybody is let go.
func TestShutdownComesAfterWhatWasRead(t *testing.T) {
	ht := newHubTester(t)
	ann, bob, waiting := ht.signIn("ann", ""), ht.signIn("bob", ""), ht.connect()
	cl := ht.ring(ann, bob, offerWords)
	ringing := cl.info(ann)
	ht.login(waiting, "ann", "")
	ht.do(bob, Answer{SDP: sdp})
	ht.step(stopAsked{})
	ht.want(ann, "answer, then the end", Answered{ringing, sdp}, Established{cl.info(ann), sdp}, Ended{cl.info(ann), ReasonShutdown})
	for _, c := range []*Client{ann, bob, waiting, ht.connect()} {
		if carrierOf(c).why != closeRestart {
			t.Errorf("%q is not let go", c.name.Text)
		}
	}
}

func TestUsersListIsBounded(t *testing.T) {
	ht := newHubTester(t)
	ann := ht.signIn("ann", "teacher")
	for i := range maxListed + 50 {
		ht.signIn(fmt.Sprintf("s%03d", i), "student")
	}
	ht.signIn("tom", "teacher")
	ht.do(ann, ListUsers{})
	list := heard(ann)[0].(UsersListed)
	if len(list.Users) != maxListed || list.Total != maxListed+50 || list.Users[0].Name != "s000" {
		t.Errorf("%d users from %s of %d in all", len(list.Users), list.Users[0].Name, list.Total)
	}
}

func TestTeacherHoldsSeveralCallsUpToALimit(t *testing.T) {
	ht := newHubTester(t)
	teacher := ht.signIn("ann", "teacher")
	for i := range testLimits.maxCalls {
		ht.talk(teacher, ht.signIn(fmt.Sprintf("s%d", i), "student"), requestWords)
	}
	last := ht.signIn("last", "student")
	ht.do(teacher, Offer{To: toName("last"), SDP: sdp, Words: requestWords})
	ht.wantRefused(teacher, CodeTooMany)
	ht.do(teacher, Leave{})
	ht.wantRefused(teacher, CodeBadRequest)
	ht.do(teacher, Leave{To: toName("s1")})
	ht.do(teacher, Offer{To: toName("last"), SDP: sdp, Words: requestWords})
	ht.want(last, "the offer", Offered{CallInfo{CallID: "call-4", Peer: "ann", Words: requestWords, Role: "student"}, sdp})
}
