package main

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
)

// The types of Socket.IO packets.
const (
	packetConnect      = '0'
	packetDisconnect   = '1'
	packetEvent        = '2'
	packetAck          = '3'
	packetConnectError = '4'
	packetBinaryEvent  = '5'
	packetBinaryAck    = '6'
)

// packet is what a Socket.IO packet says:
// <type>[<namespace>,][<ack id>][<JSON>].
type packet struct {
	kind      byte
	namespace string // "" for the main one
	ack       string // digits
	data      json.RawMessage
}

// What is longer in a packet's head was not made by a client of this family.
const (
	maxNamespace = 128
	maxAckDigits = 16 // 2^53
)

// parsePacket reads a packet. It reports false if that is malformed; then
// nothing can be answered, and the protocol says that the connection ends.
func parsePacket(text []byte) (packet, bool) {
	p, ok := readHead(text)
	return p, ok && p.fits()
}

// readHead takes a packet apart and leaves its data unread.
func readHead(text []byte) (p packet, ok bool) {
	if len(text) == 0 {
		return p, false
	}
	p.kind, text = text[0], text[1:]
	if len(text) > 0 && text[0] == '/' {
		name, rest, found := bytes.Cut(text, []byte(","))
		if !found || !isNamespace(name) {
			return p, false
		}
		p.namespace, text = string(name), rest
	}
	if p.namespace == "/" {
		p.namespace = ""
	}
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	p.ack, p.data = string(text[:digits]), text[digits:]
	return p, digits <= maxAckDigits
}

func isNamespace(name []byte) bool {
	return len(name) <= maxNamespace && bytes.IndexFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) < 0
}

// fits reports whether a packet brings what its type asks for.
func (p packet) fits() bool {
	if len(p.data) > 0 && !json.Valid(p.data) {
		return false
	}
	switch p.kind {
	case packetConnect:
		return p.ack == "" && (len(p.data) == 0 || p.data[0] == '{')
	case packetDisconnect:
		return p.ack == "" && len(p.data) == 0
	case packetEvent:
		word, _ := p.event()
		return word != "" && !slices.Contains(lifecycle, word)
	case packetAck:
		return p.ack != "" && len(p.data) > 0 && p.data[0] == '['
	}
	return false
}

// lifecycle are the words that are no events' names: with them clients tell
// their own pages what becomes of the connection.
var lifecycle = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}

// event returns an event's name and its first argument; "" if there is no
// name, nil if there is no argument.
func (p packet) event() (word string, argument json.RawMessage) {
	if len(p.data) == 0 || p.data[0] != '[' {
		return "", nil
	}
	i := 0
	for element := range elements(p.data) {
		if i++; i == 2 {
			return word, element
		}
		word, _ = asString(element)
	}
	return word, nil
}

// elements walks a valid JSON array.
func elements(array []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		rest := bytes.TrimLeft(array[1:], jsonSpace)
		for rest[0] != ']' {
			n := valueLen(rest)
			if !yield(json.RawMessage(rest[:n:n])) {
				return
			}
			rest = bytes.TrimLeft(rest[n:], jsonSpace+",")
		}
	}
}
