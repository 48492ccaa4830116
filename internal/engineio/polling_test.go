package engineio

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func testSubnet(n uint32) netip.Prefix {
	var bytes [4]byte
	binary.BigEndian.PutUint32(bytes[:], n)
	return netip.PrefixFrom(netip.AddrFrom4(bytes), 32)
}

// Sessions of one subnet make room for each other, and those of others are not
// touched. In all there are so many.
func TestPollingSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPollingSessions(nil)
		defer p.close()
		unknown := p.begin(netip.Prefix{}) // behind a proxy that tells no addresses
		for range maxPollingOfSubnet {
			p.begin(netip.Prefix{})
		}
		if unknown.over {
			t.Error("those whose address is not known count as one subnet")
		}
		p.close()
		p = newPollingSessions(nil)
		defer p.close()
		oldest := p.begin(testSubnet(0))
		claimed := p.begin(testSubnet(1))
		p.claim(claimed.id)
		first := p.begin(testSubnet(1))
		for range maxPollingOfSubnet - 1 {
			p.begin(testSubnet(1))
		}
		if first.over {
			t.Error("one that has room is ended")
		}
		for range maxPollingOfSubnet {
			if p.begin(testSubnet(1)) == nil {
				t.Fatal("a session is refused where others of its subnet could make room")
			}
		}
		if !first.over || oldest.over || claimed.over {
			t.Errorf("over are the first of the subnet: %t, the oldest of all: %t, one with a WebSocket: %t", first.over, oldest.over, claimed.over)
		}
		if got := p.bySubnet[testSubnet(1)].Len(); got != maxPollingOfSubnet || p.waiting != got+1 {
			t.Errorf("%d of one subnet wait, and %d in all, want %d and one more", got, p.waiting, maxPollingOfSubnet)
		}
		for n := p.waiting; n < maxPolling; n++ {
			p.begin(testSubnet(uint32(100 + n)))
		}
		if p.begin(testSubnet(99)) != nil || oldest.over {
			t.Error("there is no bound in all, or it costs others")
		}
		if p.begin(testSubnet(1)) == nil {
			t.Error("one that takes the place of another is refused")
		}
		time.Sleep(sessionTime)
		synctest.Wait()
		if p.waiting != 0 || len(p.bySubnet) != 0 || len(p.byID) != 1 {
			t.Errorf("%d and %d wait, and %d are known, want none but one with a WebSocket", p.waiting, len(p.bySubnet), len(p.byID))
		}
		if p.begin(netip.Prefix{}) == nil {
			t.Error("there is no room again")
		}
	})
}
