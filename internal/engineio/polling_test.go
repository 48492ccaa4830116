package engineio

import (
	"context"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A client whose WebSocket does not come hears why, as soon as it can hear it,
// and so does the operator.
func TestNoWebSocketIsSaid(t *testing.T) {
	const (
		word = ": your WebSocket does not come through to the server, and long-polling alone is not supported: " +
			"a proxy in between has to pass on the headers Upgrade and Connection, by HTTP/1.1"
		warning       = "proxy: a Socket.IO client whose WebSocket does not come"
		webSocketTime = 6 * time.Second
		sessionTime   = 10 * time.Second
	)
	post := func(packets string) func(*testHost, string) {
		return func(h *testHost, id string) { h.post(id, packets) }
	}
	pass := func(d time.Duration) func(*testHost, string) {
		return func(*testHost, string) { time.Sleep(d) }
	}
	type steps []func(*testHost, string)
	for name, tt := range map[string]struct {
		before, after steps // the poll
		want          string
		at            time.Duration
	}{
		"connect, poll":            {steps{post("40ann")}, nil, "44ann" + word, webSocketTime},
		"poll, connect":            {nil, steps{post("40")}, "44" + word, webSocketTime},
		"poll, connect late":       {nil, steps{pass(7 * time.Second), post("40")}, "44" + word, 7 * time.Second},
		"connect, poll late":       {steps{post("40"), pass(8 * time.Second)}, nil, "44" + word, 8 * time.Second},
		"twice":                    {steps{post("40a\x1e40b")}, nil, "44a" + word + "\x1e44b" + word, webSocketTime},
		"in two posts":             {steps{post("40a"), post("40b")}, nil, "44a" + word + "\x1e44b" + word, webSocketTime},
		"events besides":           {steps{post("40\x1e42x\x1ebad")}, nil, "44" + word, webSocketTime},
		"nothing but a poll":       {nil, nil, "1", sessionTime},
		"an event without connect": {steps{post("42x")}, nil, "1", sessionTime},
		"a goodbye":                {steps{post("40")}, steps{pass(time.Second), post("1")}, "1", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onHost(t, func(t *testing.T, h *testHost) {
				start := time.Now()
				id := h.begin()
				for _, step := range tt.before {
					step(h, id)
				}
				packets := h.poll(id)
				for _, step := range tt.after {
					step(h, id)
				}
				h.wantPoll(packets, tt.want)
				if waited := time.Since(start); waited != tt.at {
					t.Errorf("the poll is answered after %v, want %v", waited, tt.at)
				}
				h.wantUnknown(id)
				if tt.want == "1" {
					h.wantWarned()
				} else {
					h.wantWarned(warning)
				}
			})
		})
	}
}

// Who does not poll is forgotten, and the operator is told nothing.
func TestPollingSessionsGo(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		time.Sleep(10*time.Second - time.Millisecond)
		h.post(id, "40")
		time.Sleep(time.Millisecond)
		h.wantUnknown(id)
		h.wantNoWebSocket(webSocket+"&sid="+id, 400)
		h.wantWarned()
	})
}

// A session has one poll at a time, and may poll again when its client has given
// one up.
func TestOnePollAtATime(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		ctx, giveUp := context.WithCancel(t.Context())
		first := h.pollUntil(ctx, id)
		h.wantAnswer("GET", polling+"&sid="+id, "", 400, `{"code":3,"message":"Bad request"}`)
		giveUp()
		h.wantPoll(first, "") // it is not there any more
		h.wantPoll(h.poll(id), "1")
	})
}

// So much is kept of what a client posts. More ends the session.
func TestPostedIsBounded(t *testing.T) {
	const tooMuch = `{"code":3,"message":"Too much before the upgrade to WebSocket"}`
	kilobytes := strings.Repeat("x", 8<<10)
	for name, tt := range map[string]struct {
		kept []string
		last string
	}{
		"packets":          {[]string{strings.Repeat("40\x1e", 15) + "40"}, "40"},
		"packets at once":  {nil, strings.Repeat("40\x1e", 16)},
		"bytes":            {[]string{kilobytes, kilobytes}, "x"},
		"bytes of packets": {[]string{kilobytes + "\x1e" + kilobytes[1:]}, "xx"},
	} {
		t.Run(name, func(t *testing.T) {
			onHost(t, func(t *testing.T, h *testHost) {
				id := h.begin()
				for _, packets := range tt.kept {
					h.post(id, packets)
				}
				packets := h.poll(id)
				h.wantAnswer("POST", polling+"&sid="+id, tt.last, 413, tooMuch)
				h.wantPoll(packets, "1")
				h.wantUnknown(id)
			})
		})
	}
}

// When the host stops, polls return, and no session begins any more.
func TestClose(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id, claimed := h.begin(), h.begin()
		packets := h.poll(id)
		c := h.mustConnect(webSocket + "&sid=" + claimed)
		h.handler.Close()
		h.wantPoll(packets, "1")
		h.wantUnknown(id)
		h.wantUnknown(claimed)
		h.wantAnswer("GET", polling, "", 503, `{"code":3,"message":"Too many connections: come back in a moment"}`)
		c.say("2probe") // what has a WebSocket is the host's to close
		c.want("3probe")
		h.wantWarned()
	})
}

func testSubnet(n uint32) netip.Prefix {
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], n)
	return netip.PrefixFrom(netip.AddrFrom4(bytes), 32)
}

// beginMany begins sessions of one subnet, none of which may be refused.
func (p *pollingSessions) beginMany(t *testing.T, n int, from netip.Prefix) {
	t.Helper()
	for range n {
		if p.begin(from) == nil {
			t.Fatalf("a session of %v is refused", from)
		}
	}
}

// Sessions of one subnet make room for each other, and those of others are not
// touched.
func TestPollingSessionsOfASubnet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPollingSessions(nil)
		defer p.close()
		oldest := p.begin(testSubnet(0))
		claimed := p.begin(testSubnet(1))
		p.claim(claimed.id)
		first := p.begin(testSubnet(1))
		p.beginMany(t, maxPollingOfSubnet-1, testSubnet(1))
		if first.over {
			t.Error("one that has room is ended")
		}
		p.beginMany(t, maxPollingOfSubnet, testSubnet(1))
		if !first.over || oldest.over || claimed.over {
			t.Errorf("over are the first of the subnet: %t, the oldest of all: %t, one with a WebSocket: %t", first.over, oldest.over, claimed.over)
		}
		if got := p.bySubnet[testSubnet(1)].Len(); got != maxPollingOfSubnet || p.unclaimed != got+1 {
			t.Errorf("%d of one subnet wait, and %d in all, want %d and one more", got, p.unclaimed, maxPollingOfSubnet)
		}
		unknown := p.begin(netip.Prefix{}) // behind a proxy that tells no addresses
		p.beginMany(t, maxPollingOfSubnet, netip.Prefix{})
		if unknown.over {
			t.Error("those whose address is not known count as one subnet")
		}
	})
}

// In all there are so many sessions, until they have had their time.
func TestPollingSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPollingSessions(nil)
		defer p.close()
		claimed := p.begin(testSubnet(1))
		p.claim(claimed.id)
		oldest := p.begin(testSubnet(0))
		p.beginMany(t, maxPollingOfSubnet, testSubnet(1))
		for n := p.unclaimed; n < maxPolling; n++ {
			p.begin(testSubnet(uint32(100 + n)))
		}
		if p.begin(testSubnet(99)) != nil || oldest.over {
			t.Error("there is no bound in all, or it costs others")
		}
		p.beginMany(t, 1, testSubnet(1)) // it takes the place of another
		time.Sleep(sessionTime)
		synctest.Wait()
		if p.unclaimed != 0 || len(p.bySubnet) != 0 || len(p.byID) != 1 {
			t.Errorf("%d and %d wait, and %d are known, want none but one with a WebSocket", p.unclaimed, len(p.bySubnet), len(p.byID))
		}
		p.beginMany(t, 1, netip.Prefix{})
	})
}

// Whether its timer is stopped or comes too late, a session that has its WebSocket
// is not bound by the time for that.
func TestTimerOfAClaimedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPollingSessions(nil)
		defer p.close()
		s := p.begin(testSubnet(1))
		p.claim(s.id)
		if s.timer.Stop() {
			t.Error("the timer runs on")
		}
		for range 2 {
			p.expire(s)
		}
		if s.over || s.late {
			t.Errorf("the session is over: %t, or late: %t", s.over, s.late)
		}
	})
}
