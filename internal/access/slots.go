package access

import (
	"context"
	"net/netip"
	"sync"
)

// Slots limit how many connections there are at once, in all and of one subnet.
// A connection over the limits is refused, and stays for the second that it
// takes to read why. Meanwhile it holds one of the slots for refused
// connections, and takes none from those that are let in.
type Slots struct {
	mu       sync.Mutex
	admitted quota
	refused  quota
	empty    chan struct{} // closed when all slots are free; nil until Wait waits for that
}

// How many connections may be told at once that they are refused. Any more get
// no slot at all, so that refusing cannot use up the memory of the server.
const (
	MaxRefused         = 256
	MaxRefusedOfSubnet = 32
)

// NewSlots returns slots for so many connections, in all and of one subnet; 0
// is no limit.
func NewSlots(max, maxOfSubnet int) *Slots {
	return &Slots{
		admitted: newQuota(max, maxOfSubnet),
		refused:  newQuota(MaxRefused, MaxRefusedOfSubnet),
	}
}

// A Slot is held by one connection, which must release it.
type Slot struct {
	slots *Slots
	quota *quota
	from  netip.Prefix
}

// Acquire finds a slot for a connection: among those that are let in, or else
// among those that are refused. It reports false if there is neither.
func (s *Slots) Acquire(from netip.Prefix) (Slot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range []*quota{&s.admitted, &s.refused} {
		if q.hasRoom(from) {
			q.add(from, 1)
			return Slot{s, q, from}, true
		}
	}
	return Slot{}, false
}

// HasRoom reports whether a connection would be let in.
func (s *Slots) HasRoom(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.admitted.hasRoom(from)
}

// Refused reports whether the connection is to be refused.
func (s Slot) Refused() bool { return s.quota == &s.slots.refused }

// From returns where the connection comes from, the zero value if that is not known.
func (s Slot) From() netip.Prefix { return s.from }

// Release frees the slot. It is called once.
func (s Slot) Release() {
	all := s.slots
	all.mu.Lock()
	defer all.mu.Unlock()
	s.quota.add(s.from, -1)
	if all.isEmpty() && all.empty != nil {
		close(all.empty)
		all.empty = nil
	}
}

func (s *Slots) isEmpty() bool { return s.admitted.total+s.refused.total == 0 }

// Wait waits until all slots are free, or ctx is done. It is called once.
func (s *Slots) Wait(ctx context.Context) error {
	s.mu.Lock()
	empty := make(chan struct{})
	if s.isEmpty() {
		close(empty)
	} else {
		s.empty = empty
	}
	s.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quota counts what there is, in all and by subnet, up to its limits.
type quota struct {
	max, maxOfSubnet int // 0: no limit
	total            int
	bySubnet         map[netip.Prefix]int
}

func newQuota(max, maxOfSubnet int) quota {
	return quota{max: max, maxOfSubnet: maxOfSubnet, bySubnet: map[netip.Prefix]int{}}
}

// hasRoom reports whether one more may come. The limit by subnet does not count
// for those whose subnet is unknown.
func (q *quota) hasRoom(from netip.Prefix) bool {
	return (q.max == 0 || q.total < q.max) &&
		(q.maxOfSubnet == 0 || !from.IsValid() || q.bySubnet[from] < q.maxOfSubnet)
}

func (q *quota) add(from netip.Prefix, n int) {
	q.total += n
	if q.bySubnet[from] += n; q.bySubnet[from] == 0 {
		delete(q.bySubnet, from)
	}
}
