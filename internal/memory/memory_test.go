package memory

import (
	"runtime"
	"testing"
	"time"
)

// A process is followed through periods. After a collection it holds what is
// said beside it.
func TestWatch(t *testing.T) {
	const mib = 1 << 20
	type step struct {
		allocates, holds int // bytes, in this period; at its end
		goroutines       uint64
		due              bool
		leaves           int // bytes
	}
	for _, tt := range []struct {
		name    string
		took    time.Duration // each collection
		periods []step
	}{
		{"a small process, busy or not", time.Millisecond, []step{
			{2 * mib, 12 * mib, 10, false, 0}, {90 * mib, 15 * mib, 10, false, 0}, {0, 15 * mib, 10, false, 0}, {1 * mib, 15 * mib, 10, false, 0},
		}},
		{"many come back", 100 * time.Millisecond, []step{
			{2 * mib, 12 * mib, 10, false, 0},
			{90 * mib, 100 * mib, 9000, false, 0}, // it goes on
			{1 * mib, 110 * mib, 10000, true, 90 * mib},
			{0, 90 * mib, 10000, false, 0}, // once is enough
			{1000, 90 * mib, 10000, false, 0},
			{3 * mib, 93 * mib, 10000, false, 0},
			{3 * mib, 96 * mib, 10000, false, 0},
			{3 * mib, 99 * mib, 10000, false, 0},
			{3 * mib, 102 * mib, 10000, false, 0},
			{3 * mib, 105 * mib, 10000, false, 0},
			{3 * mib, 108 * mib, 10000, true, 90 * mib}, // little by little, but by now it is much
			{50 * mib, 140 * mib, 10000, false, 0},
		}},
		{"some leave, who held much", 20 * time.Millisecond, []step{
			{90 * mib, 150 * mib, 2000, false, 0},
			{0, 150 * mib, 2000, true, 150 * mib}, // all of it in use
			{0, 150 * mib, 2000, false, 0},
			{1 * mib, 150 * mib, 10, true, 12 * mib},
			{1 * mib, 13 * mib, 10, false, 0},
		}},
		{"some of many leave", 100 * time.Millisecond, []step{
			{300 * mib, 300 * mib, 12000, false, 0},
			{0, 300 * mib, 12000, true, 300 * mib},
			{100000, 300 * mib, 11900, false, 0}, // as every day
			{1 * mib, 300 * mib, 10000, true, 100 * mib},
			{1 * mib, 100 * mib, 9000, false, 0},
		}},
		{"what nobody leaves is looked for now and then", 20 * time.Millisecond, []step{
			{60 * mib, 60 * mib, 100, false, 0},
			{0, 60 * mib, 100, true, 60 * mib},
			{100000, 60 * mib, 100, false, 0}, {0, 60 * mib, 100, false, 0}, {0, 60 * mib, 100, false, 0}, {0, 60 * mib, 100, false, 0}, {0, 60 * mib, 100, false, 0},
			{0, 60 * mib, 100, false, 0},
			{0, 60 * mib, 100, true, 20 * mib}, // after 21 s, a thousand times 20 ms and one period more
		}},
		{"but not at once again, where that costs next to nothing", time.Microsecond, []step{
			{60 * mib, 60 * mib, 100, false, 0},
			{0, 60 * mib, 100, true, 60 * mib},
			{9 * mib, 70 * mib, 100, false, 0}, {9 * mib, 60 * mib, 100, false, 0}, {9 * mib, 60 * mib, 100, true, 60 * mib},
		}},
		{"nor in a process that only pings", time.Microsecond, []step{
			{60 * mib, 60 * mib, 100, false, 0},
			{0, 60 * mib, 100, true, 60 * mib},
			{1000, 60 * mib, 100, false, 0}, {1000, 60 * mib, 100, false, 0}, {1000, 60 * mib, 100, false, 0}, {1000, 60 * mib, 100, false, 0}, {1000, 60 * mib, 100, false, 0},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w watch
			now := use{}
			for i, p := range tt.periods {
				now = use{now.allocated + uint64(p.allocates), uint64(p.holds), p.goroutines, now.collecting}
				if due := w.due(now); due != p.due {
					t.Fatalf("period %d: due is %t, want %t", i, due, p.due)
				}
				if p.due {
					now.held = uint64(p.leaves)
					now.collecting += tt.took
					w.collected(now)
				}
			}
		})
	}
}

func TestRead(t *testing.T) {
	before := read()
	kept := make([]byte, 32<<20)
	for i := range kept {
		kept[i] = 1
	}
	runtime.GC()
	after := read()
	if after.allocated-before.allocated < 32<<20 || after.held < 32<<20 || after.held > 1<<30 || after.goroutines == 0 {
		t.Errorf("%+v, then %+v", before, after)
	}
	if took := after.collecting - before.collecting; took <= 0 || took > time.Minute {
		t.Errorf("a collection took %v", took)
	}
	runtime.KeepAlive(kept)
}
