package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// A Throttle counts failures of each subnet: some may come at once, and then one in
// a while. Those whose subnet is unknown count as one.
type Throttle struct {
	mu       sync.Mutex
	bySubnet map[netip.Prefix]*list.Element
	failing  *list.List // of *failures, in the order of the latest
}

// failures are those of a subnet, as the time at which none would count any more.
// Each moves that ahead by failurePause.
type failures struct {
	from  netip.Prefix
	until time.Time
}

const (
	maxFailures  = 20 // at once
	failurePause = 3 * time.Second
	maxFailing   = 10_000 // subnets, since each takes memory
)

func NewThrottle() *Throttle {
	return &Throttle{bySubnet: map[netip.Prefix]*list.Element{}, failing: list.New()}
}

// Fail counts a failure, and reports whether that is one too many. One too many
// is not counted: whoever goes on failing may fail again as soon as somebody who stopped.
func (t *Throttle) Fail(from netip.Prefix) (tooMany bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	f := t.failuresOf(from, now)
	if f.until.Before(now) {
		f.until = now
	}
	if f.until.Sub(now) > (maxFailures-1)*failurePause {
		return true
	}
	f.until = f.until.Add(failurePause)
	return false
}

// failuresOf returns those of a subnet, which has the latest failure now. Of the
// others it forgets the ones that do not count any more, and the oldest if there is no
// room.
func (t *Throttle) failuresOf(from netip.Prefix, now time.Time) *failures {
	if known := t.bySubnet[from]; known != nil {
		t.failing.MoveToBack(known)
		return known.Value.(*failures)
	}
	for oldest := t.failing.Front(); oldest != nil; oldest = t.failing.Front() {
		f := oldest.Value.(*failures)
		if f.until.After(now) && t.failing.Len() < maxFailing {
			break
		}
		t.failing.Remove(oldest)
		delete(t.bySubnet, f.from)
	}
	f := &failures{from, now}
	t.bySubnet[from] = t.failing.PushBack(f)
	return f
}
