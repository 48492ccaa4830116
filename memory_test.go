package main

import "testing"

func TestBurstOver(t *testing.T) {
	const mib = 1 << 20
	var w allocationWatch
	for i, period := range []struct {
		allocates uint64
		over      bool
	}{
		{2 * mib, false},  // starting
		{1 * mib, false},  // not enough to be worth a collection
		{50 * mib, false}, // a burst, which may go on
		{40 * mib, false},
		{1 * mib, true},
		{0, false}, // once is enough
		{3 * mib, false},
		{3 * mib, false},
		{3 * mib, false},
		{3 * mib, false},
		{3 * mib, false},
		{3 * mib, true}, // little by little, but by now it is much
		{5 * mib, false},
	} {
		if over := w.burstOver(w.last + period.allocates); over != period.over {
			t.Errorf("period %d: over is %v, want %v", i, over, period.over)
		}
	}
}
