//go:build linux

package main

import (
	"testing"
)

func TestDirectionCounts(t *testing.T) {
	const stray = -1
	for name, test := range map[string]struct {
		sent    int
		arrived []int
		want    tally
	}{
		"all well":               {4, []int{0, 1, 2, 3}, tally{arrived: 4}},
		"nothing":                {0, nil, tally{}},
		"the first lost":         {3, []int{1, 2}, tally{arrived: 2, lost: 1}},
		"one in the middle lost": {3, []int{0, 2}, tally{arrived: 2, lost: 1}},
		"the last lost":          {3, []int{0, 1}, tally{arrived: 2, lost: 1}},
		"doubled at once":        {3, []int{0, 1, 1, 2}, tally{arrived: 3, doubled: 1}},
		"doubled later":          {3, []int{0, 1, 2, 0, 0}, tally{arrived: 3, doubled: 2}},
		"two swapped":            {4, []int{0, 2, 1, 3}, tally{arrived: 4, reordered: 1}},
		"one much too late":      {4, []int{1, 2, 3, 0}, tally{arrived: 4, reordered: 1}},
		"backwards":              {3, []int{2, 1, 0}, tally{arrived: 3, reordered: 2}},
		"never sent":             {2, []int{0, 1, 2}, tally{arrived: 2, strayed: 1}},
		"somebody else's":        {2, []int{0, stray, 1}, tally{arrived: 2, strayed: 1}},
		"a bit of everything":    {5, []int{1, 0, stray, 1, 4}, tally{arrived: 3, reordered: 1, doubled: 1, strayed: 1, lost: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			d, other := newDirection(6, "bob", 8), newDirection(7, "bob", 8)
			frames := make([][]byte, 8)
			for i := range frames {
				frames[i] = newDirectionAt(6, i).appendNext(nil, 1)
			}
			for i := range test.sent {
				if got := d.appendNext(nil, int64(100+i)); string(got) != string(frames[i]) {
					t.Fatalf("frame %d is %q", i, got)
				}
			}
			for _, serial := range test.arrived {
				message := other.frame
				if serial != stray {
					message = frames[serial]
				}
				if at := d.arrive(message); at != 0 && at != int64(100+serial) {
					t.Errorf("message %d was sent at %d", serial, at)
				}
			}
			if got := d.result(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if clean := test.want == (tally{arrived: test.sent}); d.result().clean() != clean {
				t.Errorf("clean is %v", !clean)
			}
		})
	}
}

// newDirectionAt is a direction that has sent so many.
func newDirectionAt(number, sent int) *direction {
	d := newDirection(number, "bob", 8)
	d.sent = sent
	return d
}

// What is remembered comes round: late news of a message that is forgotten is
// not taken for the one in its place.
func TestDirectionForgets(t *testing.T) {
	d := newDirection(1, "bob", 8)
	first := d.appendNext(nil, 1)
	for range 8 {
		d.appendNext(nil, 1)
	}
	if at := d.arrive(first); at != 0 || d.doubled != 1 || d.arrived != 0 {
		t.Errorf("sent at %d, tally %+v", at, d.tally)
	}
}

func TestReadMarker(t *testing.T) {
	number, serial, ok := readMarker(newDirectionAt(123456, 9876543210).appendNext(nil, 1))
	if number != 123456 || serial != 9876543210 || !ok {
		t.Errorf("got %d, %d, %v", number, serial, ok)
	}
	for _, message := range []string{"", "no marker", "cut sb 1234560000"} {
		if _, _, ok := readMarker([]byte(message)); ok {
			t.Errorf("found one in %q", message)
		}
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("an empty one has a median")
	}
	for i := range 100_000 {
		h.add(int64(i) * 1000)
	}
	h.add(-1) // a clock may step
	for share, want := range map[float64]float64{0: 0, 0.5: 50e6, 0.99: 99e6, 0.999: 99.9e6, 1: 99.999e6} {
		if got := h.quantile(share); got < want*0.99 || got > want*1.01 {
			t.Errorf("quantile %g: got %g, want %g", share, got, want)
		}
	}
	if h.max != 99_999_000 {
		t.Errorf("the largest is %d", h.max)
	}
	for _, v := range []int64{0, 127, 128, 255, 256, 1 << 40, 1<<63 - 1} {
		h = histogram{}
		h.add(v)
		if got := h.quantile(1); got < float64(v)*0.99 || got > float64(v) {
			t.Errorf("%d: got %g", v, got)
		}
	}
}
