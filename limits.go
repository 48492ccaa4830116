package main

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// How many refusals of a kind a client may have within a minute, before its
// connection ends. They protect from clients that only cost.
const (
	maxFaults = 50  // messages that are not JSON, incomplete, or of unknown type
	maxExcess = 100 // messages over the rate
)

// What a call holds for one direction. A browser gathers a few dozen candidates.
// They are all told at once, together with the offer and the answer, and half of a
// queue must have room for that: see minQueue.
const (
	maxHeld      = 128
	maxHeldBytes = 64 << 10
)

// strikes counts the bad messages of a client and its messages over the rate.
// Refusals by state, such as no-such-call, do not count: a browser may still
// send candidates when its call is over.
type strikes struct{ faults, excess tally }

// add counts a refusal. It returns why the connection must end, or nil.
func (s *strikes) add(code Code) *Closing {
	switch code {
	case CodeBadJSON, CodeBadRequest, CodeUnknownCommand:
		if s.faults.reaches(maxFaults) {
			return closeTooManyErrors
		}
	case CodeRateLimited:
		if s.excess.reaches(maxExcess) {
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

// excessOf refuses a request that is over the rate, or one that was refused when
// it was read, in whose place it stands.
func excessOf(req Request, refused *Refused) *Refused {
	excess := refuseExcess()
	if refused == nil {
		return excess.about(req.Word, targetOf(req.Command))
	}
	excess.Request, excess.Name, excess.CallID = refused.Request, refused.Name, refused.CallID
	return excess
}

func refuseExcess() *Refused {
	return refuse(CodeRateLimited, "too many messages in a short time: this one was dropped")
}

// usersCost is what a users request takes of the allowance, in messages: its
// answer may be large.
const usersCost = 20

// costlyBytes is the size for which a message counts as one more: a few large
// messages must not fill the queue of the other party.
const costlyBytes = 4 << 10

// cost returns how many messages of the allowance a command takes that came in a
// frame of some size.
func cost(cmd Command, size int) int {
	if _, ok := cmd.(ListUsers); ok {
		return usersCost
	}
	return 1 + size/costlyBytes
}

// maxExcerpt bounds what is repeated of a client's words: a refusal must not be as
// long as what it refuses, nor a line of the log.
const maxExcerpt = 64

// excerpt returns what may be repeated of s in a text or a log: at most
// maxExcerpt characters, whatever does not print escaped.
func excerpt(s string) string {
	var b strings.Builder
	room := maxExcerpt
	for _, r := range s {
		part := escapeRune(r)
		if room -= utf8.RuneCountInString(part); room < 0 {
			break
		}
		b.WriteString(part)
	}
	return b.String()
}

func escapeRune(r rune) string {
	if strconv.IsPrint(r) {
		return string(r)
	}
	return strings.Trim(strconv.QuoteRuneToASCII(r), "'")
}

// refuse makes a refusal where the rule is broken; about says later what it
// answers.
func refuse(code Code, message string) *Refused {
	return &Refused{Code: code, Message: message}
}

// about fills in the word of the refused request, and whom or which call it
// was about as far as it said.
func (r *Refused) about(word string, to Target) *Refused {
	r.Request = word
	if r.CallID == "" {
		r.CallID = excerpt(to.CallID)
	}
	if to.Name != nil {
		r.Name = to.Name.Text
	}
	return r
}
