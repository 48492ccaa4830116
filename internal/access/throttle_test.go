package access

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := NewThrottle()
		here, there := netip.MustParsePrefix("203.0.113.1/32"), netip.MustParsePrefix("2001:db8::/64")
		fail := func(from netip.Prefix, times int, want bool) {
			t.Helper()
			for i := range times {
				if throttle.Fail(from) != want {
					t.Fatalf("failure %d of %v after %v: too many is %t", i+1, from, time.Now(), !want)
				}
			}
		}
		fail(here, maxFailures, false)
		fail(here, 50, true)
		fail(there, maxFailures, false)
		fail(netip.Prefix{}, maxFailures, false)
		fail(netip.Prefix{}, 1, true)
		time.Sleep(failurePause - 1)
		fail(here, 1, true)
		time.Sleep(time.Nanosecond)
		fail(here, 1, false)
		fail(here, 1, true)
		time.Sleep(5 * failurePause)
		fail(here, 5, false)
		fail(here, 1, true)
		time.Sleep(time.Hour)
		fail(there, 1, false)
		fail(here, maxFailures, false)
		fail(here, 1, true)
		time.Sleep(time.Hour)
		fail(netip.MustParsePrefix("192.0.2.1/32"), 1, false)
		if n := throttle.failing.Len(); n != 1 || len(throttle.bySubnet) != 1 {
			t.Errorf("an hour later %d subnets are known", n)
		}
	})
}

// However many addresses fail, the memory is bounded: the oldest are forgotten.
func TestThrottleIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle := NewThrottle()
		at := func(i int) netip.Prefix {
			return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		}
		for range maxFailures {
			throttle.Fail(at(0))
		}
		throttle.Fail(at(1))
		for i := 2; i < maxFailing; i++ {
			throttle.Fail(at(i))
		}
		if !throttle.Fail(at(0)) || throttle.failing.Len() != maxFailing {
			t.Errorf("one of %d is forgotten, though there is room", throttle.failing.Len())
		}
		throttle.Fail(at(maxFailing)) // in the place of the second
		if !throttle.Fail(at(0)) || throttle.bySubnet[at(1)] != nil || len(throttle.bySubnet) > maxFailing {
			t.Error("another than the oldest is forgotten")
		}
	})
}
