package main

import (
	"slices"
	"time"
)

// How much of the wrong a client may do within a minute.
const (
	maxFaults = 50  // messages that are not JSON, incomplete, or of unknown type
	maxExcess = 100 // messages over the rate
)

// patience ends with a client whose bad messages, or whose messages over the
// rate, do not stop. Refusals by state do not try it: a browser that still
// trickles candidates when its peer has left is no attacker.
type patience struct{ faults, excess tally }

// after returns why the connection must end after an event, or nil.
func (p *patience) after(ev Event) *Closing {
	refusal, ok := ev.(Refused)
	if !ok {
		return nil
	}
	switch refusal.Code {
	case CodeBadJSON, CodeBadRequest, CodeUnknownCommand:
		if p.faults.reaches(maxFaults) {
			return closeTooManyErrors
		}
	case CodeRateLimited:
		if p.excess.reaches(maxExcess) {
			return closeFlood
		}
	}
	return nil
}

// tally counts what happened within the last minute.
type tally struct{ times []time.Time }

// reaches adds one and reports whether that makes limit.
func (t *tally) reaches(limit int) bool {
	now := time.Now()
	t.times = slices.DeleteFunc(t.times, func(then time.Time) bool { return now.Sub(then) > time.Minute })
	t.times = append(t.times, now)
	return len(t.times) >= limit
}

// usersCost is what a users request takes of the allowance, in messages: its
// answer may be large.
const usersCost = 20

// costlyBytes are what counts as a message more, so that a few large messages
// cannot fill the outbox of whoever a client is talking to.
const costlyBytes = 4 << 10

// cost is what a command in a frame of some size takes of its client's
// allowance.
func cost(cmd Command, size int) int {
	if _, ok := cmd.(ListUsers); ok {
		return usersCost
	}
	return 1 + size/costlyBytes
}
