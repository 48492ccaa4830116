package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// hubTester drives a hub one step at a time, with no goroutine but the
// test's own, and checks after each step that the invariants hold.
type hubTester struct {
	testing.TB
	hub   *Hub
	began map[*Call][2]who // the parties of each call, as they were when it began
}

var testLimits = hubLimits{maxCalls: 3, maxListBytes: 1 << 20, maxQueue: 8 << 10, ringTimeout: time.Hour, loginTimeout: time.Hour,
	resumeWindow: 2 * time.Hour, arrival: time.Hour}

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
	limit  int
	told   []Event
	bytes  int // of told
	why    *Closing
	probes int           // asked of it
	grace  time.Duration // what it answers to patience
	known  bool
}

func (tc *testCarrier) send(ev Event) bool {
	if tc.why != nil || tc.bytes+ev.Weight() > tc.limit {
		return false
	}
	tc.told = append(tc.told, ev)
	tc.bytes += ev.Weight()
	return true
}

func (tc *testCarrier) crowded() bool { return tc.bytes > tc.limit/2 }

func (tc *testCarrier) queued() int { return tc.bytes }

func (tc *testCarrier) end(why *Closing) *Closing {
	if tc.why == nil {
		tc.why = why
	}
	return tc.why
}

func (tc *testCarrier) askIfAlive()                          { tc.probes++ }
func (tc *testCarrier) patience(time.Duration) time.Duration { return tc.grace }
func (tc *testCarrier) setKnown(yes bool)                    { tc.known = yes }

// empty drops what the client was told.
func (tc *testCarrier) empty() { tc.told, tc.bytes = tc.told[:0], 0 }

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
}

// heard takes what c has been told.
func heard(c *Client) []Event {
	tc := carrierOf(c)
	events := tc.told
	tc.told, tc.bytes = nil, 0
	return events
}

// pass lets time pass, and has the hub do what timers ask meanwhile. It returns how
// many steps that were.
func (ht *hubTester) pass(d time.Duration) (steps int) {
	ht.Helper()
	time.Sleep(d)
	for {
		synctest.Wait()
		select {
		case m := <-ht.hub.inbox:
			ht.step(m)
			steps++
		default:
			return steps
		}
	}
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

var (
	sdp       = Description{JSON: json.RawMessage(`{"type":"offer","sdp":"v=0"}`)}
	candidate = json.RawMessage(`{"candidate":"candidate:1"}`)
)

// checkInvariants states what holds between any two steps of the hub. What holds of
// each noun stands beside its tests.
func (ht *hubTester) checkInvariants() {
	ht.Helper()
	ht.check(len(ht.hub.leaving) == 0, "somebody who is to leave is still there")
	ht.checkRegistry()
	ht.checkCalls()
	ht.checkRooms()
	ht.checkProbes()
	ht.checkSessions()
	ht.checkLeases()
	ht.checkGrants()
}

func (ht *hubTester) check(ok bool, format string, args ...any) {
	ht.Helper()
	if !ok {
		ht.Fatalf("broken invariant: "+format, args...)
	}
}

func toName(name string) Target { return Target{Name: nameOf(name)} }

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

// Whoever cannot take an event is removed in the same step: the other party
// hears of it, and the name is free at once.
func TestWhoFallsBehindIsLetGo(t *testing.T) {
	ht := newHubTester(t)
	ann, bob := ht.signIn("ann", ""), ht.signIn("bob", "")
	cl := ht.ring(ann, bob, ByOffer)
	carrierOf(bob).limit = 0

	ht.do(bob, Ping{})
	ht.want(ann, "the end", Ended{cl.info(ann), ReasonGone})
	if why := carrierOf(bob).why; why != closeSlow {
		t.Errorf("bob ended because %+v, want too slow", why)
	}
	ht.signIn("bob", "")
}

// Whoever makes one mistake too many is removed in the same step, with a receipt or
// without: what came behind it is not obeyed, and calls nobody.
func TestWhoMakesTooManyMistakesIsLetGo(t *testing.T) {
	for _, receipt := range []string{"", "1"} {
		ht := newHubTester(t)
		ann, bob, cyd := ht.signIn("ann", ""), ht.signIn("bob", ""), ht.signIn("cyd", "")
		cl := ht.ring(ann, bob, ByOffer)
		mistake := &Refused{Code: CodeBadJSON, Message: "no JSON"}
		for range maxMistakes - 1 {
			ht.step(clientErred{via: bob.via, profile: bob.profile, receipt: receipt, refusal: mistake})
		}
		ht.forget(bob)
		ht.wantIdle(ann)
		ht.step(clientErred{via: bob.via, profile: bob.profile, receipt: receipt, refusal: mistake})
		ht.do(bob, Leave{})
		ht.do(bob, Offer{To: toName("cyd"), SDP: sdp})

		ht.want(bob, "the last refusal", *mistake)
		ht.want(ann, "the end", Ended{cl.info(ann), ReasonGone})
		ht.wantIdle(cyd)
		if why := carrierOf(bob).why; why != closeTooManyErrors {
			t.Errorf("bob ended because %+v, want too many mistakes", why)
		}
		ht.signIn("bob", "")
	}
}

// Letting one go may prove another too slow.
func TestFallingBehindSpreads(t *testing.T) {
	ht := newHubTester(t)
	teacher := ht.signIn("teacher", "teacher")
	var students []*Client
	for _, name := range []string{"s1", "s2", "s3"} {
		student := ht.signIn(name, "student")
		ht.talk(teacher, student, ByRequest)
		students = append(students, student)
	}
	carrierOf(teacher).limit, carrierOf(students[1]).limit = 0, 0
	ht.do(students[0], Leave{})
	if len(ht.hub.calls) != 0 {
		t.Errorf("%d calls live on", len(ht.hub.calls))
	}
	if carrierOf(teacher).why != closeSlow || carrierOf(students[1]).why != closeSlow || carrierOf(students[2]).why != nil {
		t.Error("those who fell behind are not those who were removed")
	}
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

// What was read before a shutdown is relayed before everybody is removed.
func TestShutdownComesAfterWhatWasRead(t *testing.T) {
	ht := newHubTester(t)
	ann, bob, waiting := ht.signIn("ann", ""), ht.signIn("bob", ""), ht.connect()
	cl := ht.ring(ann, bob, ByOffer)
	ringing := cl.info(ann)
	ht.login(waiting, "ann", "")
	ht.do(bob, Answer{SDP: sdp})
	ht.step(stopAsked{})
	ht.want(ann, "answer, then the end", Answered{ringing, sdp}, Established{cl.info(ann), sdp}, Ended{cl.info(ann), ReasonShutdown})
	for _, c := range []*Client{ann, bob, waiting, ht.connect()} {
		if carrierOf(c).why != closeRestart {
			t.Errorf("%q is not removed", c.name.Text)
		}
	}
}

// BenchmarkHubCandidate is one step of the hub, the relay of a candidate,
// among 10,000 clients in 5,000 calls.
func BenchmarkHubCandidate(b *testing.B) {
	ht := newHubTester(b)
	callers := make([]*Client, 5000)
	for i := range callers {
		pair := [2]*Client{}
		for j := range pair {
			via := &testCarrier{limit: 1 << 20}
			ht.hub.handle(clientConnected{via, 0})
			pair[j] = ht.hub.clients[via]
			ht.hub.handle(clientAsked{via, nativeProfile, Request{Word: "login", Command: Login{Name: *nameOf(fmt.Sprintf("user%d-%d", i, j))}}})
		}
		ht.hub.handle(clientAsked{pair[0].via, nativeProfile, Request{Word: "offer", Command: Offer{To: toName(pair[1].name.Text), SDP: sdp}}})
		ht.hub.handle(clientAsked{pair[1].via, nativeProfile, Request{Word: "answer", Command: Answer{SDP: sdp}}})
		callers[i] = pair[0]
	}
	steps := make([]any, len(callers))
	for i, c := range callers {
		to := toName(c.calls[0].callee.name.Text)
		steps[i] = clientAsked{c.via, nativeProfile, Request{Word: "candidate", Command: Candidate{To: to, Candidate: json.RawMessage(benchCandidate)}}}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ht.hub.handle(steps[i%len(steps)])
		if i%len(steps) == 0 {
			b.StopTimer()
			for _, c := range callers {
				carrierOf(c.calls[0].callee.Client).empty()
			}
			b.StartTimer()
		}
	}
}

// BenchmarkHubUsers is one step of the hub, a users list, among 10,000 students
// and a teacher. It costs what is in the list, and not who is there.
func BenchmarkHubUsers(b *testing.B) {
	ht := newHubTester(b)
	signIn := func(name, role string) *Client {
		via := &testCarrier{limit: 1 << 20}
		ht.hub.handle(clientConnected{via, 0})
		c := ht.hub.clients[via]
		ht.hub.handle(clientAsked{c.via, nativeProfile, Request{Word: "login", Command: Login{Name: *nameOf(name), Role: role}}})
		return c
	}
	asking := map[string]*Client{"teacher": signIn("tina", "teacher"), "student": signIn("sam", "student")}
	for i := range 10_000 {
		signIn(fmt.Sprintf("user%d", i), "student")
	}
	for role, c := range asking {
		b.Run(role, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ht.hub.handle(clientAsked{c.via, nativeProfile, Request{Word: "users", Command: ListUsers{}}})
				carrierOf(c).empty()
			}
		})
	}
}
