package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/ice"
)

// checkLeases states that those who are signed in have a lease each, if credentials
// expire, in the order in which they are due, and that a timer runs for the first.
func (ht *hubTester) checkLeases() {
	ht.Helper()
	h, last, count := ht.hub, time.Time{}, 0
	for e := h.leases.due.Front(); e != nil; e = e.Next() {
		l := e.Value.(*lease)
		ht.check(h.leases.of[l.c] == e, "the lease of %s is not entered", l.c.name.Text)
		ht.check(h.registry.byKey[l.c.name.Key] == l.c, "%s has a lease, and is not signed in", l.c.name.Text)
		ht.check(!l.due.Before(last), "leases are not in order")
		last, count = l.due, count+1
	}
	ht.check(len(h.leases.of) == count, "%d leases are entered, and %d are due", len(h.leases.of), count)
	ht.check(h.limits.turnTTL == 0 || count == len(h.registry.byKey), "%d are signed in, and %d have leases", len(h.registry.byKey), count)
	ht.check((count > 0) == (h.leases.timer != nil), "%d leases, and a timer: %t", count, h.leases.timer != nil)
}

// withLeases runs a test in fake time against a hub whose credentials hold for eight
// hours, so that leases are due after five.
func withLeases(t *testing.T, test func(t *testing.T, ht *hubTester)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ht := newHubTester(t)
		ht.hub.limits.turnTTL = 8 * time.Hour
		test(t, ht)
	})
}

// enter signs somebody in and returns the id that they are given.
func (ht *hubTester) enter(name string) (*Client, string) {
	ht.Helper()
	c := ht.connect()
	ht.login(c, name, "")
	told := heard(c)
	if len(told) != 1 || !regexp.MustCompile(`^[A-Za-z0-9]{16,}$`).MatchString(told[0].(LoggedIn).TURN) {
		ht.Fatalf("%s was told %+v", name, told)
	}
	return c, told[0].(LoggedIn).TURN
}

func TestLeasesAreRenewedInTurn(t *testing.T) {
	withLeases(t, func(t *testing.T, ht *hubTester) {
		ann, anns := ht.enter("ann")
		ht.pass(time.Hour)
		bob, bobs := ht.enter("bob")
		ht.check(anns != bobs, "two have the same id")
		if steps := ht.pass(4*time.Hour - time.Second); steps != 0 {
			t.Errorf("%d steps before anything is due", steps)
		}
		for range 3 { // with the same ids
			ht.pass(time.Second)
			ht.want(ann, "new credentials", ICEServersRenewed{anns})
			ht.wantIdle(bob)
			ht.pass(time.Hour)
			ht.want(bob, "new credentials", ICEServersRenewed{bobs})
			ht.pass(4*time.Hour - time.Second)
			ht.wantIdle(ann, bob)
		}
	})
}

func TestLeaseEndsWithItsParty(t *testing.T) {
	withLeases(t, func(t *testing.T, ht *hubTester) {
		ann, before := ht.enter("ann")
		bob, bobs := ht.enter("bob")
		ht.step(clientGone{ann.via, closeGone})
		next, after := ht.enter("ann")
		ht.check(before != after, "two parties have the same id")
		ht.pass(5 * time.Hour)
		ht.want(bob, "new credentials", ICEServersRenewed{bobs})
		ht.want(next, "new credentials", ICEServersRenewed{after})
		for _, c := range []*Client{bob, next} {
			ht.step(clientGone{c.via, closeGone})
		}
		if steps := ht.pass(1000 * time.Hour); steps != 0 {
			t.Errorf("%d steps after all have gone", steps)
		}
	})
}

// Others have their turn between the renewals of a crowd.
func TestRenewalsOfACrowd(t *testing.T) {
	withLeases(t, func(t *testing.T, ht *hubTester) {
		var crowd []*Client
		for i := range 2*maxRenewals + 50 {
			c, _ := ht.enter(fmt.Sprintf("user%d", i))
			crowd = append(crowd, c)
		}
		renewed := func() (n int) {
			for _, c := range crowd {
				n += len(heard(c))
			}
			return n
		}
		time.Sleep(5 * time.Hour)
		for _, want := range []int{maxRenewals, maxRenewals, 50} {
			synctest.Wait()
			ht.step(<-ht.hub.inbox)
			if got := renewed(); got != want {
				t.Errorf("%d were renewed in one step, want %d", got, want)
			}
		}
		if steps := ht.pass(5*time.Hour - time.Second); steps != 0 || renewed() != 0 {
			t.Errorf("%d steps before anything is due again", steps)
		}
	})
}

// A timer may fire just before its lease ends with its party: then another one runs
// for the next party, and only that one goes on.
func TestLateRenewal(t *testing.T) {
	withLeases(t, func(t *testing.T, ht *hubTester) {
		ann, _ := ht.enter("ann")
		time.Sleep(5 * time.Hour)
		ht.step(clientGone{ann.via, closeGone})
		bob, bobs := ht.enter("bob")
		ht.pass(0)
		ht.wantIdle(bob)
		for range 3 {
			if steps := ht.pass(5 * time.Hour); steps != 1 {
				t.Errorf("%d steps for one renewal", steps)
			}
			ht.want(bob, "new credentials", ICEServersRenewed{bobs})
		}
	})
}

// Whoever cannot take new credentials has fallen behind, as with any event.
func TestRenewalFallsBehind(t *testing.T) {
	withLeases(t, func(t *testing.T, ht *hubTester) {
		ann, _ := ht.enter("ann")
		carrierOf(ann).limit = 0
		ht.pass(5 * time.Hour)
		if why := carrierOf(ann).why; why != closeSlow {
			t.Errorf("ann ended because %+v, want too slow", why)
		}
	})
}

// Where no credentials expire there are neither leases nor ids nor timers.
func TestNoLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ht := newHubTester(t)
		ht.signIn("ann", "")
		if ht.hub.leases.of != nil || ht.hub.leases.timer != nil {
			t.Errorf("%+v", ht.hub.leases)
		}
	})
}

const testSecret = "sixteen letters!"

// secretFile returns the name of a file with that in it.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Secret, credential and username are in no line of the log, at any level; the id is in
// the line for the sign-in, as the TURN server logs it.
func TestTURNCredentialsAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := secretFile(t, testSecret)
		s := newStage(t, []string{"-log-level=debug", "-turn=turn:a", "-turn-secret-file=" + file, "-turn-ttl=8s"})
		defer s.leave()
		hear := func(name string) []byte {
			event, ok := s.Next(name)
			if !ok {
				t.Fatalf("%s hears nothing", name)
			}
			return []byte(event.Text)
		}
		s.Connect("ann", "/", nil)
		s.do("ann", `{"type":"login","name":"ann"}`)
		s.Connect("otto", "/", nil)
		s.do("otto", `{"id":"register","name":"otto"}`)
		frames := [][]byte{hear("ann"), hear("otto")}
		s.Pass(5 * time.Second)
		frames = append(frames, hear("ann"))
		reload(s.server, nil)
		os.WriteFile(file, []byte("tiny"), 0o600)
		reload(s.server, nil)
		s.Pass(5 * time.Second)
		frames = append(frames, hear("ann"))
		s.Close("ann")
		s.Close("otto")
		synctest.Wait()
		checkLog(t, strings.Join(s.log.lines(), "\n"), frames)
	})
}

// checkLog looks in a log for what the frames have given away.
func checkLog(t *testing.T, log string, frames [][]byte) {
	t.Helper()
	for _, frame := range frames {
		var told struct {
			ICEServers []ice.Server `json:"iceServers"`
		}
		if err := json.Unmarshal(frame, &told); err != nil || len(told.ICEServers) != 1 {
			t.Fatalf("%s: %v", frame, err)
		}
		server := told.ICEServers[0]
		_, id, _ := strings.Cut(server.Username, ":")
		if !regexp.MustCompile(`msg="signed in" .* turn=` + id + `\b`).MatchString(log) {
			t.Errorf("%s is in no line for a sign-in:\n%s", id, log)
		}
		for _, private := range []string{server.Username, server.Credential, testSecret, "tiny"} {
			if strings.Contains(log, private) {
				t.Errorf("%q is in the log:\n%s", private, log)
			}
		}
	}
}
