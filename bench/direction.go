//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/bits"
)

// A direction is one way through a pair of clients. Each candidate that goes
// along it carries, inside the part that servers do not look at, the
// direction's number and a serial number, so that the receiver knows what was
// lost, doubled, overtaken or delivered to the wrong party.
type direction struct {
	number   int
	frame    []byte // of a candidate, with room for the serial number
	serialAt int    // in frame
	sent     int    // also the next serial number
	next     int    // serial number that is due

	// times holds, by the serial number's last bits, when a message was sent
	// or should have been; 0 once it has arrived. Older messages than it
	// holds cannot be told apart from doubled ones.
	times []int64

	tally
}

// tally is what became of the messages of a direction, or of several.
type tally struct {
	arrived   int // for the first time
	doubled   int
	reordered int // arrived after one that was sent later
	strayed   int // arrived at a party that they were not for
	lost      int // known only at the end
}

func (t *tally) add(o tally) {
	t.arrived += o.arrived
	t.doubled += o.doubled
	t.reordered += o.reordered
	t.strayed += o.strayed
	t.lost += o.lost
}

// clean reports whether all messages arrived once and in order.
func (t tally) clean() bool { return t.doubled+t.reordered+t.strayed+t.lost == 0 }

func (t tally) String() string {
	return fmt.Sprintf("%d lost, %d doubled, %d reordered, %d strayed", t.lost, t.doubled, t.reordered, t.strayed)
}

const (
	marker       = " sb "
	numberDigits = 6
	serialDigits = 10
)

// newDirection makes the way to a party. As many messages can be told apart
// as are remembered.
func newDirection(number int, to string, remembered int) *direction {
	before := `{"type":"candidate","name":"` + to + `","candidate":{"candidate":"candidate:842163049 1 udp 1677729535 ` +
		`203.0.113.7 46154 typ srflx raddr 10.0.0.7 rport 46154 generation 0 ufrag Q2Cr network-cost 999`
	after := `","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"Q2Cr"}}`
	before += fmt.Sprintf("%s%0*d", marker, numberDigits, number)
	frame := appendHead(nil, opText, len(before)+serialDigits+len(after))
	frame = append(frame, before...)
	at := len(frame)
	frame = append(frame, fmt.Sprintf("%0*d", serialDigits, 0)...)
	return &direction{
		number: number, frame: append(frame, after...), serialAt: at,
		times: make([]int64, 1<<bits.Len(uint(max(remembered, 8)-1))),
	}
}

// appendNext appends the frame of the next candidate, which is, or was to be,
// sent at a time above 0.
func (d *direction) appendNext(dst []byte, at int64) []byte {
	begin := len(dst) + d.serialAt
	dst = append(dst, d.frame...)
	for i, rest := begin+serialDigits-1, d.sent; rest > 0; i, rest = i-1, rest/10 {
		dst[i] = '0' + byte(rest%10)
	}
	d.times[d.sent&(len(d.times)-1)] = at
	d.sent++
	return dst
}

// arrive counts a candidate that was heard where this direction ends. It
// returns when it was sent, or 0 if it is none that was waited for.
func (d *direction) arrive(message []byte) int64 {
	number, serial, ok := readMarker(message)
	switch {
	case !ok || number != d.number || serial >= d.sent:
		d.strayed++
		return 0
	case d.sent-serial > len(d.times):
		d.doubled++
		return 0
	}
	slot := &d.times[serial&(len(d.times)-1)]
	at := *slot
	if at == 0 {
		d.doubled++
		return 0
	}
	*slot = 0
	d.arrived++
	if serial < d.next {
		d.reordered++
	}
	d.next = max(d.next, serial+1)
	return at
}

// result is the tally once no more messages are expected.
func (d *direction) result() tally {
	t := d.tally
	t.lost = d.sent - d.arrived
	return t
}

// readMarker finds the numbers in a message.
func readMarker(message []byte) (number, serial int, ok bool) {
	at := bytes.Index(message, []byte(marker))
	if at < 0 || len(message) < at+len(marker)+numberDigits+serialDigits {
		return 0, 0, false
	}
	digits := message[at+len(marker):]
	return decimal(digits[:numberDigits]), decimal(digits[numberDigits : numberDigits+serialDigits]), true
}

func decimal(digits []byte) (n int) {
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}
