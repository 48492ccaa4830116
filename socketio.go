package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"switchboard/internal/conn"
	"switchboard/internal/engineio"
	"switchboard/internal/jsonscan"
	"switchboard/internal/late"
)

// This file is about the sessions of Socket.IO clients. Their words are in
// dialect_socketio.go; the requests and the long-polling that come before a
// session are in internal/engineio.

// connectTime is how long a session may take to connect to the namespace, if
// the login timeout is not shorter. It is other servers' default.
const connectTime = 45 * time.Second

// session is an Engine.IO session, and so the dialect of its connection: it
// takes the packets' types off and leaves the words to socketIO.
type session struct {
	socketIO
	handshake identity
	timer     *time.Timer // for the CONNECT packet; set by serve

	// Owned by Decode.
	connected bool // a CONNECT packet has come
	settled   bool // and cannot have been refused
}

// serve is the life of a connection that speaks over a session.
func (s *session) serve(c *connection, posted [][]byte) {
	s.timer = late.AfterFunc(connectTime, func() { c.Lose(closeUnconnected) })
	defer s.timer.Stop()
	c.serve(posted)
}

func (s *session) Decode(frame []byte) (Request, *Refused) {
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

// heartbeat is what the client waits for: it gives up a server that does not ping.
func (*session) heartbeat() Event { return engineio.Heartbeat }

func quit(why *Closing) (Request, *Refused) { return Request{Command: Quit{why}}, nil }

func (s *session) decodePacket(text []byte) (Request, *Refused) {
	if kind, _ := engineio.Split(text); kind == packetBinaryEvent || kind == packetBinaryAck {
		return quit(conn.Binary)
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
func (s *session) connect(p packet) (Request, *Refused) {
	if s.settled && p.namespace == "" {
		return quit(closeMalformed)
	}
	req, refusal := s.socketIO.connect(p, s.handshake)
	if p.namespace == "" {
		s.timer.Stop()
		s.connected = true
		connect, ok := req.Command.(Connect)
		s.settled = ok && connect.Login == nil
	}
	return req, refusal
}

// identityIn reads who a handshake's query says the client is. Nothing of
// the request stays in memory.
func identityIn(query url.Values) identity {
	m := newFields(&identitySchema)
	defer m.free()
	for _, key := range identitySchema.keys {
		if text := query.Get(key); text != "" {
			m.set(key, jsonscan.AppendString(nil, text))
		}
	}
	return identify(m)
}

// engineHost makes the connections of Engine.IO sessions.
type engineHost struct{ *Server }

func (h engineHost) Open(w http.ResponseWriter, r *http.Request) (engineio.Session, bool) {
	own := &session{socketIO: h.socketIO, handshake: identityIn(r.URL.Query())}
	c := h.newConnection(own)
	c.decided = true
	if !h.upgrade(w, r, c) {
		return engineio.Session{}, false
	}
	return engineio.Session{
		Conn:  &c.Conn,
		Serve: func(posted [][]byte) { own.serve(c, posted) },
		Abort: c.abort,
	}, true
}

func (h engineHost) HasRoom(r *http.Request) bool { return h.slots.HasRoom(h.Subnet(r)) }

func (h engineHost) Subnet(r *http.Request) netip.Prefix { return h.cfg.trustedProxies.ClientSubnet(r) }

// Refuse refuses the CONNECT packets among what a client has posted.
func (engineHost) Refuse(posted [][]byte, reason string) (refusals [][]byte) {
	for _, packet := range posted {
		kind, text := engineio.Split(packet)
		p, ok := readHead(text)
		if kind != engineio.Message || !ok || p.kind != packetConnect {
			continue
		}
		refusal := []byte{engineio.Message, packetConnectError}
		if p.namespace != "" {
			refusal = append(append(refusal, p.namespace...), ',')
		}
		refusals = append(refusals, fmt.Appendf(refusal, `{"message":%q}`, reason))
	}
	return refusals
}

func (h engineHost) WarnOfProxy(r *http.Request, seen string) { h.warnOfProxy(r, seen) }

func (h engineHost) WarnOfVersion(r *http.Request, version string) {
	h.warnings.Warn(h.Subnet(r), "a client of Socket.IO 2 or older tried to connect; it needs version 3 or 4",
		"EIO", excerpt(version), "address", h.cfg.trustedProxies.ClientAddress(r), "origin", excerpt(r.Header.Get("Origin")))
}
