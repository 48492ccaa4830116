package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// How many refusals of a kind a client may have within a minute, before its
// connection ends. They protect from clients that only cost work.
const (
	maxMistakes = 50  // messages that are not JSON, incomplete, or of unknown type
	maxExcess   = 100 // messages over the rate
)

// Candidates that a call keeps for one party until the answer: how many, and how many
// bytes. A browser gathers a few dozen. They are all told at once, together with the
// offer and the answer, and half of a queue must have room for that: see minQueue.
const (
	maxHeld      = 128
	maxHeldBytes = 64 << 10
)

// excessOf returns the refusal of a request over the rate. If the request was refused
// when it was read, as a bad message is, this refusal replaces that one.
func excessOf(req Request, refused *Refused) *Refused {
	r := excess()
	if refused == nil {
		return r.regarding(req.Word, targetOf(req.Command))
	}
	r.Request, r.Name, r.CallID = refused.Request, refused.Name, refused.CallID
	return r
}

// excess returns the refusal of a message over the rate.
func excess() *Refused {
	return refuse(CodeRateLimited, "too many messages in a short time: this one was dropped")
}

// overload returns the refusal of a message to a party that does not read as fast as
// it is sent to. Half of a queue is for what parties tell each other and half for what
// the hub tells, so that nobody is removed as too slow for what others send.
func overload(peer string) *Refused {
	return refuse(CodeRateLimited, "too many messages for "+peer+" to read: this one was dropped")
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
