package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"switchboard/internal/engineio"
	"switchboard/internal/jsonscan"
)

// This file parses the packets of Socket.IO clients. Their words are in
// dialect_socketio.go; the requests and the long-polling that come before a WebSocket
// are in internal/engineio.

// socketIOSession is an Engine.IO session, and so the dialect of its connection: it
// takes the packets' types off and leaves the words to socketIO.
type socketIOSession struct {
	socketIO
	handshake identity
	timer     *time.Timer // for the CONNECT packet; set by serveSession

	proof proof

	// Owned by Decode.
	connected bool // a CONNECT packet has come
	accepted  bool // it cannot have been refused
}

func (s *socketIOSession) Decode(frame []byte) (Request, *Refused) {
	switch kind, rest := engineio.Split(frame); {
	case kind == engineio.Message:
		return s.decodePacket(rest)
	case kind == engineio.Close && len(rest) == 0:
		return quit(closeDisconnected)
	case (kind == engineio.Pong || kind == engineio.Noop) && len(rest) == 0:
		return Request{}, nil
	}
	return quit(closeMalformed)
}

// heartbeat returns the ping that clients wait for: they give up a server without it.
func (*socketIOSession) heartbeat() Event { return engineio.Heartbeat }

func quit(why *Closing) (Request, *Refused) { return Request{Command: Quit{why}}, nil }

func (s *socketIOSession) decodePacket(text []byte) (Request, *Refused) {
	if kind, _ := engineio.Split(text); kind == packetBinaryEvent || kind == packetBinaryAck {
		return quit(closeBinary)
	}
	p, ok := parsePacket(text)
	switch {
	case !ok:
		return quit(closeMalformed)
	case p.kind == packetConnect:
		return s.connect(p)
	case p.namespace != "" || !s.connected:
		return quit(closeUnconnected)
	case p.kind == packetDisconnect:
		return quit(closeDisconnected)
	case p.kind == packetAck:
		return Request{}, nil // to nothing that we asked
	}
	return s.decodeEvent(p)
}

// connect reads a CONNECT packet. A second one is in order only if the first
// may have been refused.
func (s *socketIOSession) connect(p packet) (Request, *Refused) {
	if s.accepted && p.namespace == "" {
		return quit(closeMalformed)
	}
	req, refusal := s.socketIO.connect(p, s.handshake, s.proof)
	if p.namespace == "" {
		s.timer.Stop()
		s.connected = true
		connect, ok := req.Command.(Connect)
		s.accepted = ok && connect.Login == nil
	}
	return req, refusal
}

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
	word      string          // an event's name, "" if it has none
	argument  json.RawMessage // an event's first, nil if it has none
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
	if !ok {
		return p, false
	}
	p.word, p.argument, ok = readData(p.data)
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

// readData returns the first two elements of a packet's data, which of an event are
// its name and its argument. It reports false if there is data that is not JSON.
func readData(data json.RawMessage) (word string, argument json.RawMessage, ok bool) {
	if len(data) == 0 {
		return "", nil, true
	}
	elements := 0
	err := jsonscan.Scan(data, func(key []byte, value json.RawMessage) {
		switch elements++; {
		case key != nil:
		case elements == 1:
			word, _ = nativeWords.word(value)
		case elements == 2:
			argument = value
		}
	})
	return word, argument, err == nil
}

// fits reports whether a packet brings what its type asks for.
func (p packet) fits() bool {
	switch p.kind {
	case packetConnect:
		return p.ack == "" && (len(p.data) == 0 || p.data[0] == '{')
	case packetDisconnect:
		return p.ack == "" && len(p.data) == 0
	case packetEvent:
		return p.word != "" && !slices.Contains(lifecycle, p.word)
	case packetAck:
		return p.ack != "" && len(p.data) > 0 && p.data[0] == '['
	}
	return false
}

// lifecycle are the words that are no events' names: with them clients tell
// their own pages what becomes of the connection.
var lifecycle = []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
