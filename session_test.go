package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/conn"

	"github.com/gorilla/websocket"
)

// checkSessions states that a session and its client know each other, that what is
// kept has numbers without gaps, and that a client without a connection may come back.
func (ht *hubTester) checkSessions() {
	ht.Helper()
	h, sessions := ht.hub, 0
	for via, c := range h.clients {
		_, isAway := via.(*away)
		ht.check(c.via == via, "%s is carried by something else", c.name.Text)
		ht.check(c.isAway() == isAway, "%s is away: %t, and its carrier waits for it: %t", c.name.Text, c.isAway(), isAway)
		s := c.session
		if s == nil {
			continue
		}
		sessions++
		ht.check(h.sessions[s.secret] == c && c.loggedIn(), "the session of %s is somebody else's", c.name.Text)
		bytes := 0
		for i, n := range s.kept {
			ht.check(n.Seq == s.before()+uint64(i)+1, "%s keeps message %d at place %d of %d", c.name.Text, n.Seq, i, len(s.kept))
			bytes += n.Weight()
		}
		ht.check(bytes == s.bytes, "%s keeps %d bytes and counts %d", c.name.Text, bytes, s.bytes)
		ht.check(len(s.kept) == 0 || s.sweep != nil, "nothing will be forgotten of what %s was told", c.name.Text)
	}
	ht.check(len(h.sessions) == sessions, "%d sessions are known, of %d", len(h.sessions), sessions)
}

// signInToResume returns a client with a session, and its secret.
func (ht *hubTester) signInToResume(name, role string) (*Client, string) {
	ht.Helper()
	c := ht.connect()
	ht.do(c, Login{Name: *nameOf(name), Role: role, Resume: true})
	granted := heard(c)[0].(LoggedIn)
	if granted.Session == "" || granted.Session != c.session.secret {
		ht.Fatalf("%s has no session: %+v", name, granted)
	}
	return c, granted.Session
}

// lose breaks the connection of c.
func (ht *hubTester) lose(c *Client) {
	ht.Helper()
	ht.step(clientGone{c.via, closeGone})
}

// comeBack shows a secret on a new connection and returns what that hears.
func (ht *hubTester) comeBack(secret string, seen uint64) []Event {
	ht.Helper()
	c := ht.connect()
	via := c.via.(*testCarrier)
	ht.do(c, Resume{Secret: secret, Seq: seen})
	told := via.told
	via.empty()
	return told
}

// numbers returns the numbers of events, 0 for those that have none.
func numbers(events []Event) (all []uint64) {
	for _, ev := range events {
		n, _ := ev.(Numbered)
		all = append(all, n.Seq)
	}
	return all
}

func TestSession(t *testing.T) {
	t.Run("what was missed comes in order", func(t *testing.T) {
		ht := newHubTester(t)
		ann, secret := ht.signInToResume("ann", "")
		bob := ht.signIn("bob", "")
		cl := ht.ring(bob, ann, ByOffer) // 1
		ringing := cl.info(bob)
		ht.lose(ann)
		for range 3 {
			ht.do(bob, Candidate{Candidate: candidate}) // 2, 3, 4
		}
		ht.wantIdle(bob)
		if got := fmt.Sprint(numbers(ht.comeBack(secret, 2))); got != "[0 3 4]" {
			t.Errorf("ann hears %v", got)
		}
		ht.do(ann, Answer{SDP: sdp})
		ht.want(bob, "the answer", Answered{ringing, sdp}, Established{cl.info(bob), sdp})
	})
	t.Run("what is full ends it", func(t *testing.T) {
		ht := newHubTester(t)
		ann, secret := ht.signInToResume("ann", "")
		bob := ht.signIn("bob", "")
		cl := ht.talk(bob, ann, ByOffer)
		ht.lose(ann)
		large := json.RawMessage(`"` + strings.Repeat("x", testLimits.maxQueue/4) + `"`)
		for range 2 {
			ht.do(bob, Candidate{Candidate: large})
		}
		ht.do(bob, Candidate{Candidate: large})
		ht.wantRefused(bob, CodeRateLimited)
		for range testLimits.maxQueue {
			ht.hub.tell(ann, Ponged{}) // whatever the hub itself has to say
			if ht.step(flushAsked{make(chan struct{})}); ht.hub.sessions[secret] == nil {
				break
			}
		}
		ht.want(bob, "the end", Ended{cl.info(bob), ReasonGone})
	})
	t.Run("what has arrived long ago is forgotten", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ht := newHubTester(t)
			ann, secret := ht.signInToResume("ann", "")
			ht.do(ann, Ping{})
			time.Sleep(testLimits.arrival / 2)
			ht.do(ann, Ping{})
			time.Sleep(testLimits.arrival / 2)
			synctest.Wait()
			ht.step(<-ht.hub.inbox)
			if len(ann.session.kept) != 1 {
				t.Fatalf("%d messages are kept", len(ann.session.kept))
			}
			if got := ht.comeBack(secret, 0)[0].(Refused).Code; got != CodeNoSuchSession {
				t.Errorf("who has missed too much hears %s", got)
			}
			if ht.hub.registry.byKey["ann"] != nil {
				t.Error("the session goes on")
			}
		})
	})
	t.Run("while it is away nothing is forgotten", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ht := newHubTester(t)
			ann, secret := ht.signInToResume("ann", "")
			ht.do(ann, Ping{})
			ht.lose(ann)
			time.Sleep(testLimits.arrival)
			synctest.Wait()
			ht.step(<-ht.hub.inbox)
			if got := fmt.Sprint(numbers(ht.comeBack(secret, 0))); got != "[0 1]" {
				t.Errorf("ann hears %v", got)
			}
			ht.step(clientGone{ann.via, conn.Left})
		})
	})
	t.Run("all that is kept fits into the queue of its next connection", func(t *testing.T) {
		ht := newHubTester(t)
		ann, secret := ht.signInToResume("ann", "")
		bob := ht.signIn("bob", "")
		ht.talk(bob, ann, ByOffer)
		for range testLimits.maxQueue / eventOverhead / 2 {
			ht.do(ann, Ping{})
			carrierOf(ann).empty()
		}
		ht.lose(ann)
		for heard(bob) == nil {
			ht.do(bob, Candidate{Candidate: candidate})
		}
		for ht.hub.sessions[secret] != nil && ann.session.away.send(Ponged{}) {
			ht.hub.number(ann, Ponged{})
		}
		via := &testCarrier{limit: testLimits.maxQueue}
		ht.step(clientConnected{via, 0})
		ht.step(clientAsked{via, nativeProfile, Request{Word: "login", Command: Resume{Secret: secret}}})
		if via.why != nil || ann.via != via {
			t.Errorf("ann is removed: %v", via.why)
		}
	})
	t.Run("coming back is a sign of life", func(t *testing.T) {
		ht := newHubTester(t)
		_, secret := ht.signInToResume("ann", "")
		eve := ht.connect()
		ht.login(eve, "ann", "")
		ht.comeBack(secret, 0)
		for _, p := range ht.hub.probes {
			ht.step(probeDue{p})
		}
		ht.wantRefused(eve, CodeNameTaken)
	})
	t.Run("new credentials wait too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ht := newHubTester(t)
			ht.hub.limits.turnTTL = 8 * time.Minute
			ann, secret := ht.signInToResume("ann", "")
			ht.lose(ann)
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			ht.step(<-ht.hub.inbox)
			told := ht.comeBack(secret, 0)
			back, renewed := told[0].(LoggedIn), told[1].(Numbered)
			if renewed.Event != (ICEServersRenewed{back.TURN}) || back.TURN == "" {
				t.Errorf("ann hears %+v", told)
			}
			ht.step(clientGone{ann.via, conn.Left})
		})
	})
	t.Run("little is kept of what was sent", func(t *testing.T) {
		ht := newHubTester(t)
		ann, _ := ht.signInToResume("ann", "")
		for range 2 * maxSent / eventOverhead {
			ht.do(ann, Ping{})
			carrierOf(ann).empty() // it was written
		}
		if ann.session.bytes > maxSent+eventOverhead || ann.session.bytes < maxSent/2 {
			t.Errorf("%d bytes are kept", ann.session.bytes)
		}
	})
	t.Run("frames are counted, pings are not", func(t *testing.T) {
		ht := newHubTester(t)
		ann, secret := ht.signInToResume("ann", "")
		ht.do(ann, Ping{})
		ht.step(clientErred{via: ann.via, profile: ann.profile, refusal: refuse(CodeBadJSON, "")})
		ht.step(clientErred{via: ann.via, profile: ann.profile, refusal: excess(), control: true})
		if got := ht.comeBack(secret, 3)[0].(LoggedIn); got.Received != 2 || !got.Resumed {
			t.Errorf("ann is told %+v, want 2 frames", got)
		}
	})
	t.Run("frames of the old connection are not heard", func(t *testing.T) {
		ht := newHubTester(t)
		ann, secret := ht.signInToResume("ann", "")
		old := ann.via
		ht.comeBack(secret, 0)
		ht.step(clientAsked{old, ann.profile, Request{Word: "ping", Command: Ping{}}})
		ht.step(clientGone{old, closeGone})
		if ht.wantIdle(ann); ann.session.taken != 0 || ann.isAway() {
			t.Errorf("%d frames were taken, ann is away: %t", ann.session.taken, ann.isAway())
		}
	})
	t.Run("a peer that speaks before the loss is known does not end it", func(t *testing.T) {
		ht := newHubTester(t)
		ann, secret := ht.signInToResume("ann", "")
		bob := ht.signIn("bob", "")
		ht.talk(bob, ann, ByOffer)
		lost := ann.via
		lost.end(closeGone)
		ht.do(bob, Candidate{Candidate: candidate})
		ht.step(clientGone{lost, closeGone})
		ht.wantIdle(bob)
		if got := fmt.Sprint(numbers(ht.comeBack(secret, 1))); got != "[0 2]" {
			t.Errorf("ann hears %v", got)
		}
	})
}

// A close frame says goodbye with 1000, 1001 or without a code. With another a client
// gives up a connection that it takes for dead.
func TestGoodbyesEndSessions(t *testing.T) {
	for payload, ends := range map[string]bool{"": true, "\x03\xe8": true, "\x03\xe9": true, "\x13\x24gave up": false} {
		onStage(t, "", func(t *testing.T, s *stage) {
			s.Connect("ann", "/", nil)
			s.do("ann", `{"type":"login","name":"ann","resume":true}`)
			event, _ := s.Next("ann")
			var login struct{ Session string }
			json.Unmarshal([]byte(event.Text), &login)
			s.client("ann").conn.Write(frame(0x80|websocket.CloseMessage, payload))
			s.Next("ann") // the close frame comes back
			s.Connect("again", "/", nil)
			s.do("again", fmt.Sprintf(`{"type":"login","session":%q,"seq":0}`, login.Session))
			if event, _ := s.Next("again"); strings.Contains(event.Text, string(CodeNoSuchSession)) != ends {
				t.Errorf("after a close frame %q: %s", payload, event.Text)
			}
		})
	}
}
