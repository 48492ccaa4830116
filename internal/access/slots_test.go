package access

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// testSubnet returns one of a hundred subnets.
func testSubnet(n int) netip.Prefix { return subnet(netip.AddrFrom4([4]byte{203, 0, 113, byte(n)})) }

// acquire takes a slot, and checks whether it is one of the refused.
func acquire(t *testing.T, s *Slots, from netip.Prefix, refused bool) Slot {
	t.Helper()
	if room := s.HasRoom(from); room == refused {
		t.Errorf("%v: it has room: %t", from, room)
	}
	slot, ok := s.Acquire(from)
	if !ok || slot.Refused() != refused {
		t.Fatalf("%v: a slot %t, refused %t; want refused %t", from, ok, slot.Refused(), refused)
	}
	return slot
}

func TestSlotsAreLimited(t *testing.T) {
	s := NewSlots(3, 2)
	first := acquire(t, s, testSubnet(1), false)
	acquire(t, s, testSubnet(1), false)
	acquire(t, s, testSubnet(1), true)
	acquire(t, s, testSubnet(2), false)
	over := acquire(t, s, testSubnet(3), true)
	first.Release()
	acquire(t, s, testSubnet(1), false) // the refused take none of these
	over.Release()
	acquire(t, s, testSubnet(3), true)
}

// Connections whose subnet is unknown are not taken for one subscriber's.
func TestSlotsOfUnknownSubnets(t *testing.T) {
	s := NewSlots(3, 1)
	for range 3 {
		acquire(t, s, netip.Prefix{}, false)
	}
	acquire(t, s, netip.Prefix{}, true)
}

// Refusing is bounded too, for one subnet and in all.
func TestRefusedSlotsAreLimited(t *testing.T) {
	s := NewSlots(1, 0)
	acquire(t, s, testSubnet(0), false)
	left := MaxRefused
	for n := 0; left > 0; n++ {
		for range MaxRefusedOfSubnet {
			acquire(t, s, testSubnet(n), true)
			left--
		}
		if _, ok := s.Acquire(testSubnet(n)); ok {
			t.Fatalf("more than %d of a subnet have a slot to be refused", MaxRefusedOfSubnet)
		}
	}
	if _, ok := s.Acquire(testSubnet(99)); ok {
		t.Errorf("more than %d have a slot to be refused", MaxRefused)
	}
}

func TestNoLimits(t *testing.T) {
	s := NewSlots(0, 0)
	for range 10_000 {
		acquire(t, s, testSubnet(1), false)
	}
}

// Waiting is for all, those who are being refused among them.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(2, 0)
		start := time.Now()
		var slots []Slot
		for i := range 4 {
			slots = append(slots, acquire(t, s, testSubnet(i), i >= 2))
		}
		for i, slot := range slots {
			time.AfterFunc(time.Duration(i)*time.Second, slot.Release)
		}
		if err := s.Wait(t.Context()); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("all are free after %v: %v", time.Since(start), err)
		}
		acquire(t, s, testSubnet(0), false)
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with one left: %v", err)
		}
	})
}

func TestWaitForNobody(t *testing.T) {
	if err := NewSlots(0, 0).Wait(t.Context()); err != nil {
		t.Error(err)
	}
}
