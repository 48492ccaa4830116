package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// checkGrants states that whoever has a grant has a name, and no client is there without
// calls when its time is over.
func (ht *hubTester) checkGrants() {
	ht.Helper()
	for _, c := range ht.hub.clients {
		ht.check(c.grant == nil || c.loggedIn(), "a client without a name has a grant")
		ht.check(!ht.hub.limits.signInFirst || c.awaited == nil && (c.grant != nil) == (c.loggedIn() || c.room != nil), "%s is here without a grant", c.name.Key)
		ht.check(!c.grant.over() || len(c.calls) > 0, "%s is there although its time is over", c.name.Key)
		ht.check(!c.grant.over() || c.grant.warned, "%s was not warned", c.name.Key)
	}
}

// prove signs a client in with a grant that holds for a while.
func (ht *hubTester) prove(name, role string, left time.Duration) *Client {
	ht.Helper()
	c := ht.connect()
	ht.do(c, proven(name, role, left))
	if !c.loggedIn() {
		ht.Fatalf("%s is refused: %+v", name, heard(c))
	}
	ht.forget(c)
	return c
}

func proven(name, role string, left time.Duration) Login {
	expires := time.Now().Add(left)
	return Login{Name: *nameOf(name), Role: role, Grant: &Grant{Expires: expires, Ends: expires.Add(30 * time.Second)}}
}

// onHub runs a test of the hub in fake time.
func onHub(t *testing.T, play func(t *testing.T, ht *hubTester)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ht := newHubTester(t)
		play(t, ht)
		for _, c := range ht.hub.clients {
			ht.step(clientGone{c.via, closeGone}) // its timers too
		}
	})
}

func wantClosing(t *testing.T, c *Client, want *Closing) {
	t.Helper()
	if why := carrierOf(c).why; why != want {
		t.Errorf("%s ended because of %+v, want %+v", c.name.Text, why, want)
	}
}

func TestGrantEnds(t *testing.T) {
	onHub(t, func(t *testing.T, ht *hubTester) {
		ann := ht.prove("ann", "", 2*time.Minute)
		ht.pass(time.Minute - 1)
		ht.wantIdle(ann)
		ht.pass(1)
		ht.want(ann, "a warning", TokenExpiring{In: 60})
		ht.pass(90*time.Second - 1)
		wantClosing(t, ann, nil)
		ht.pass(1)
		wantClosing(t, ann, closeExpired)
		if ht.hub.registry.byKey["ann"] != nil {
			t.Error("the name is still taken")
		}
	})
}

// A timer that was under way when the grant was renewed, or when the client went, does
// nothing.
func TestLateTimersOfGrants(t *testing.T) {
	onHub(t, func(t *testing.T, ht *hubTester) {
		ann := ht.prove("ann", "", time.Second)
		old := ann.grant
		ht.do(ann, proven("ann", "", time.Hour))
		ht.want(ann, "to be renewed", LoggedIn{Name: "ann"})
		old.Expires, old.Ends = time.Now(), time.Now()
		ht.step(grantDue{ann, old})
		wantClosing(t, ann, nil)
		ht.step(clientGone{ann.via, closeGone})
		ht.step(grantDue{ann, ann.grant})
		bob := ht.prove("bob", "", time.Hour)
		ht.step(grantDue{bob, bob.grant}) // a clock that was set back
		ht.wantIdle(ann, bob)
		ht.pass(59*time.Minute - 1)
		ht.wantIdle(bob)
		ht.pass(1)
		ht.want(bob, "a warning", TokenExpiring{In: 60})
	})
}

// With its last call a client goes whose time is over, whoever ended that, and however.
func TestGrantEndsAfterTheLastCall(t *testing.T) {
	for name, end := range map[string]func(ht *hubTester, own, other *Client){
		"it leaves":             func(ht *hubTester, own, _ *Client) { ht.do(own, Leave{}) },
		"the other leaves":      func(ht *hubTester, _, other *Client) { ht.do(other, Leave{}) },
		"the other is gone":     func(ht *hubTester, _, other *Client) { ht.step(clientGone{other.via, closeGone}) },
		"the other is replaced": func(ht *hubTester, _, other *Client) { ht.prove(other.name.Text, "", time.Hour) },
		"the other is too slow": func(ht *hubTester, _, other *Client) { carrierOf(other).limit = 0; ht.do(other, Ping{}) },
		"the other's time is over": func(ht *hubTester, _, other *Client) {
			other.grant.ended = true
			other.grant.warned = true
			ht.do(other, Leave{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			onHub(t, func(t *testing.T, ht *hubTester) {
				own, other := ht.prove("ann", "", time.Minute), ht.prove("bob", "", time.Hour)
				ht.talk(own, other, ByOffer)
				ht.pass(10 * time.Minute)
				wantClosing(t, own, nil)
				ht.do(own, Offer{To: toName("bob"), SDP: sdp}) // within the call
				ht.do(own, Offer{To: toName("cyd"), SDP: sdp})
				ht.forget(other)
				if events := heard(own); events[len(events)-1].(Refused).Code != CodeBadToken {
					t.Errorf("a new call: %+v", events)
				}
				end(ht, own, other)
				wantClosing(t, own, closeExpired)
			})
		})
	}
}

// A stop is a stop, for those too whose time is over.
func TestGrantEndsAtAStop(t *testing.T) {
	onHub(t, func(t *testing.T, ht *hubTester) {
		own, other := ht.prove("ann", "", time.Minute), ht.prove("bob", "", time.Hour)
		ht.talk(own, other, ByOffer)
		ht.pass(10 * time.Minute)
		ht.step(stopAsked{})
		wantClosing(t, own, closeRestart)
		wantClosing(t, other, closeRestart)
	})
}

// Whoever is replaced is told of nothing more, and the newcomer of nothing of that.
func TestReplacement(t *testing.T) {
	onHub(t, func(t *testing.T, ht *hubTester) {
		ann, bob := ht.prove("ann", "", time.Hour), ht.prove("bob", "", time.Hour)
		cl := ht.ring(ann, bob, ByOffer)
		next := ht.connect()
		ht.do(next, proven("Ann", "", time.Hour))
		ht.want(next, "to be signed in", LoggedIn{Name: "Ann"})
		ht.want(bob, "the end", Ended{cl.info(bob), ReasonGone})
		ht.wantIdle(ann)
		wantClosing(t, ann, closeReplaced)
		if len(ht.hub.probes) != 0 || ht.hub.registry.byKey["ann"] != next {
			t.Error("the newcomer has not the name at once")
		}
		ht.step(clientGone{ann.via, closeReplaced})
		if ht.hub.registry.byKey["ann"] != next {
			t.Error("the goodbye of the old one removes the new one")
		}
	})
}

func TestNameSet(t *testing.T) {
	set, ok := parseNames([]string{"Tom", "ann", "TOM", " Ann  B"})
	if !ok || len(set) != 3 {
		t.Fatalf("%v, %v", set, ok)
	}
	for key, want := range map[string]bool{"tom": true, "ann": true, "ann b": true, "bob": false, "": false} {
		if set.has(key) != want || !NameSet(nil).has(key) || (NameSet{}).has(key) {
			t.Errorf("%q: %v", key, set.has(key))
		}
	}
	if _, ok := parseNames([]string{"ann", "a\x00"}); ok {
		t.Error("what is no name is taken")
	}
}
