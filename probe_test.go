package main

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/conn"
)

// checkProbes states that a probe and those who wait for it know each other.
func (ht *hubTester) checkProbes() {
	ht.Helper()
	h := ht.hub
	for holder, p := range h.probes {
		ht.check(p.holder == holder && holder.loggedIn() && h.clients[holder.via] == holder, "a probe of nobody")
		ht.check(len(p.newcomers) > 0 && len(p.newcomers) <= maxNewcomers, "%d wait for one name", len(p.newcomers))
	}
	for _, c := range h.clients {
		if p := c.awaited; p != nil {
			ht.check(h.probes[p.holder] == p, "%p waits for a probe that is over", c)
			ht.check(slices.ContainsFunc(p.newcomers, func(n newcomer) bool { return n.c == c }), "%p is not waited for", c)
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
		ht.step(clientAlive{ann.via})
		ht.wantIdle(late, later) // ann may still say goodbye
		ht.step(probeDue{p})
		ht.wantRefused(late, CodeNameTaken)
		ht.wantRefused(later, CodeNameTaken)
		ht.wantIdle(ann)
		ht.step(clientAlive{ann.via}) // nobody asks any more
		ht.wantIdle(ann, late, later)
	})
	t.Run("one that says goodbye after a sign of life makes way", func(t *testing.T) {
		ht := newHubTester(t)
		ann, next := ht.signIn("ann", ""), ht.connect()
		ht.login(next, "ann", "")
		ht.step(clientAlive{ann.via})
		ht.step(clientGone{ann.via, conn.Left})
		ht.want(next, "the name", LoggedIn{Name: "ann"})
	})
	t.Run("a silent one loses it to the first newcomer", func(t *testing.T) {
		ht := newHubTester(t)
		ann, bob, next, late := ht.signIn("ann", ""), ht.signIn("bob", ""), ht.connect(), ht.connect()
		cl := ht.talk(ann, bob, ByOffer)
		ht.login(next, "ann", "")
		ht.login(late, "ann", "")
		p := ht.hub.probes[ann]
		ht.step(probeDue{p})
		ht.want(bob, "the end", Ended{cl.info(bob), ReasonGone})
		ht.want(next, "the name", LoggedIn{Name: "ann"})
		ht.wantRefused(late, CodeNameTaken)
		ht.step(probeDue{p})
		ht.wantIdle(next, late, bob)
	})
	t.Run("a holder that leaves meanwhile makes way", func(t *testing.T) {
		ht := newHubTester(t)
		ann, gone, next := ht.signIn("ann", ""), ht.connect(), ht.connect()
		ht.login(gone, "ann", "")
		ht.login(next, "ann", "")
		ht.step(clientGone{gone.via, closeGone})
		ht.step(clientGone{ann.via, closeGone})
		ht.want(next, "the name", LoggedIn{Name: "ann"})
	})
	t.Run("who waits in a room is not joined", func(t *testing.T) {
		ht := newHubTester(t)
		ann, phone, dan := ht.signIn("ann", "student"), ht.connect(), ht.connect()
		ht.do(phone, Join{Room: *nameOf("r")})
		ht.login(phone, "ann", "student")
		ht.do(phone, Join{Room: *nameOf("s")})
		ht.want(phone, "to stay where it is", Joined{Room: "r"},
			Refused{Request: "main.Join", Code: CodeBadState, Message: "your login is not decided yet"})
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
			ht.step(clientAlive{ann.via})
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
		for range maxNewcomers {
			ht.login(ht.connect(), "ann", "")
		}
		more := ht.connect()
		ht.login(more, "ann", "")
		ht.wantRefused(more, CodeNameTaken)
	})
}
