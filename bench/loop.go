//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A loop serves all connections of a load on one thread: one epoll instance,
// one buffer to read into, one to write from. Nothing is allocated and no
// goroutine is woken for a message, so that the generator is cheap beside the
// server it measures.
//
// System calls are made without telling Go's scheduler. It would otherwise
// hand the processor on while the loop waits, and its monitor thread would
// wake every few microseconds, on the cores that the server needs. The calls
// do not block, but for the wait for events, which is bounded by maxWait.
type loop struct {
	ctx     context.Context
	server  *unix.SockaddrInet4
	request []byte        // the upgrade, which is the same for all
	stall   time.Duration // silence after which a load that waits has stalled, unless the server is at work

	epoll, timer int
	events       []unix.EpollEvent
	conns        []*conn // by file descriptor
	opened       int32   // connections so far
	in           []byte

	speaker *conn  // whose frames out holds
	out     []byte // leaves in one write

	now      int64 // nanoseconds, as of the last look at the clock; above 0
	heardAt  int64 // when the server last said anything
	silence  time.Duration
	excused  int         // how often silence was, because the server was at work
	works    func() bool // whether it was since the last call; may be nil
	expired  func()
	fault    error // ends run
	wrongs   int   // error messages that the server sent
	wrong    string
	pings    int
	pingedAt func(now int64) // may be nil
}

const (
	maxWait   = 100 * time.Millisecond
	mayWork   = 20        // in so many times of silence, before that counts
	inBytes   = 256 << 10 // also the largest frame that is understood
	maxEvents = 256
)

// epoch is where the loops' clock begins.
var epoch = time.Now().Add(-time.Second)

func newLoop(ctx context.Context, at address, stall time.Duration) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	l := &loop{
		ctx: ctx, server: at.socket(), request: upgradeRequest(at), stall: stall,
		epoll: epoll, timer: timer,
		events: make([]unix.EpollEvent, maxEvents), in: make([]byte, inBytes),
	}
	l.look()
	if err := l.watch(unix.EPOLL_CTL_ADD, timer, unix.EPOLLIN, 0); err != nil {
		l.close()
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return l, nil
}

// close ends all connections without a word.
func (l *loop) close() {
	for _, c := range l.conns {
		if c != nil {
			c.drop()
		}
	}
	unix.Close(l.timer)
	unix.Close(l.epoll)
}

// look reads the clock.
func (l *loop) look() { l.now = int64(time.Since(epoch)) }

// fail ends run with a fault. The first one counts.
func (l *loop) fail(format string, args ...any) {
	if l.fault == nil {
		l.fault = fmt.Errorf(format, args...)
	}
}

// run serves until done says so. It fails when something went wrong, and when
// the server says nothing for too long while something is waited for;
// waitingFor says what, or "".
func (l *loop) run(done func() bool, waitingFor func() string) error {
	l.look()
	l.heardAt, l.silence, l.excused = l.now, 0, 0
	for !done() {
		began := l.now
		l.turn()
		switch {
		case l.fault != nil:
			return l.fault
		case l.ctx.Err() != nil:
			return context.Cause(l.ctx)
		case l.isStalled(began, waitingFor):
			return &stalled{fmt.Sprintf("nothing arrived for %v while waiting for %s", l.stall, waitingFor())}
		}
	}
	return l.fault
}

// isStalled reports whether the turn that began at a time was the last that a
// silent server had. On a busy machine silence is nobody's fault: of a turn in
// which this process waited for a processor, only as much counts as a turn may
// take, and a server that has been at work is given more time.
func (l *loop) isStalled(began int64, waitingFor func() string) bool {
	if l.heardAt > began {
		l.silence, l.excused = 0, 0
		return false
	}
	l.silence += min(time.Duration(l.now-began), maxWait)
	if l.silence < l.stall {
		return false
	}
	l.silence = 0
	switch {
	case waitingFor() == "":
		return false
	case l.works == nil || l.excused >= mayWork || !l.works():
		return true
	}
	l.excused++
	return false
}

// stalled is the fault of a server that fell silent.
type stalled struct{ text string }

func (s *stalled) Error() string { return s.text }

// rest serves for a time in which nothing is due.
func (l *loop) rest(d time.Duration) error {
	l.look()
	return l.run(l.until(d), nothing)
}

// measuring returns a condition that holds once a time from now has passed, and
// there is something to tell of it.
func (l *loop) measuring(d time.Duration, count *int) func() bool {
	over := l.until(d)
	return func() bool { return over() && *count > 0 }
}

// nothing is what is waited for when the server may be silent.
func nothing() string { return "" }

// until returns a condition that holds once a time from now has passed.
func (l *loop) until(d time.Duration) func() bool {
	end := l.now + int64(d)
	return func() bool { return l.now >= end }
}

// turn waits for events and handles them.
func (l *loop) turn() {
	l.flush()
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), maxEvents, uintptr(maxWait.Milliseconds()), 0, 0)
	l.look()
	if errno != 0 { // EINTR: the scheduler taps on the shoulder now and then
		return
	}
	for _, event := range l.events[:n] {
		if int(event.Fd) == l.timer {
			l.expire()
			continue
		}
		// The connection of an event may have gone in the same turn, and its
		// descriptor may serve another by now.
		if c := l.conns[event.Fd]; c != nil && c.serial == event.Pad {
			c.ready(event.Events)
			l.flush()
		}
	}
}

// every calls f at a fixed interval, from the loop; 0 ends that. A call that
// comes late stands for all that were due.
func (l *loop) every(interval time.Duration, f func()) {
	spec := unix.NsecToTimespec(int64(interval))
	l.expired = f
	if err := unix.TimerfdSettime(l.timer, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		l.fail("timerfd: %w", err)
	}
}

func (l *loop) expire() {
	var times [8]byte
	if n, _ := rawRead(l.timer, times[:]); n == 8 && binary.NativeEndian.Uint64(times[:]) > 0 && l.expired != nil {
		l.expired()
		l.flush()
	}
}

// speak makes c the one whose frames are collected in out.
func (l *loop) speak(c *conn) {
	if l.speaker != c {
		l.flush()
		l.speaker = c
	}
}

// flush writes what has been collected.
func (l *loop) flush() {
	c := l.speaker
	if c == nil {
		return
	}
	l.speaker = nil
	c.write(l.out)
	l.out = l.out[:0]
}

func (l *loop) watch(op, fd int, events uint32, serial int32) error {
	return unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd), Pad: serial})
}

// complain takes note of an error message of the server's.
func (l *loop) complain(message []byte) {
	if l.wrongs++; l.wrongs == 1 {
		l.wrong = strings.ToValidUTF8(string(message[:min(len(message), 200)]), "?")
	}
}

func rawRead(fd int, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

func rawWrite(fd int, p []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}
