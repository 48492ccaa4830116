package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"switchboard/internal/conn"

	"switchboard/internal/late"

	"switchboard/internal/jsonscan"
)

// This file is what lies below Socket.IO packets: the requests and sessions of
// Engine.IO 4. The words are in dialect_socketio.go; those who wait for their
// WebSocket, in polling.go.

// The types of Engine.IO packets, each the first character of a frame.
const (
	engineOpen    = '0'
	engineClose   = '1'
	enginePing    = '2'
	enginePong    = '3'
	engineMessage = '4'
	engineUpgrade = '5'
	engineNoop    = '6'
)

const (
	heartbeat     = verbatim(enginePing) // it is the server that pings
	tryPing       = string(enginePing) + "probe"
	tryPong       = string(enginePong) + "probe"
	engineVersion = "4"
)

// connectTime is how long a session may take to connect to the namespace, if
// the login timeout is not shorter. It is other servers' default.
const connectTime = 45 * time.Second

// verbatim is a frame that belongs to the connection, and to nobody's words.
type verbatim string

func (v verbatim) Weight() int { return eventOverhead + len(v) }

// session is an Engine.IO session, and so the dialect of its connection: it
// takes the framing off and leaves the words to socketIO.
type session struct {
	socketIO
	handshake identity
	timer     *time.Timer // for the CONNECT packet

	// Owned by Decode.
	connected bool // a CONNECT packet has come
	settled   bool // and cannot have been refused
}

func (s *session) Decode(frame []byte) (Request, *Refused) {
	switch kind, rest := split(frame); {
	case kind == engineMessage:
		return s.decodePacket(rest)
	case kind == engineClose && len(rest) == 0:
		return quit(closeDisconnected)
	case (kind == enginePong || kind == engineNoop) && len(rest) == 0:
		return Request{}, nil
	}
	return quit(closeMalformed)
}

func quit(why *Closing) (Request, *Refused) { return Request{Command: Quit{why}}, nil }

// split takes the type off a packet. An empty one has none.
func split(frame []byte) (kind byte, rest []byte) {
	if len(frame) == 0 {
		return 0, nil
	}
	return frame[0], frame[1:]
}

func (s *session) decodePacket(text []byte) (Request, *Refused) {
	if kind, _ := split(text); kind == packetBinaryEvent || kind == packetBinaryAck {
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
		_, s.settled = req.Command.(Connect)
	}
	return req, refusal
}

// identityIn reads who a handshake's query says the client is. Nothing of
// the request stays in memory.
func identityIn(query url.Values) (who identity) {
	for key := range query {
		if slot := who.slot([]byte(key)); slot != nil && query.Get(key) != "" {
			*slot = jsonscan.AppendString(nil, query.Get(key))
		}
	}
	return who
}

// opening is the first packet of a session: what the client must know of it.
// The client gives up when it has heard no ping for an interval and a
// timeout. That is no sooner than we give the client up, and leaves a ping
// the time that a write may take.
func (s *Server) opening(id, upgrades string) verbatim {
	return verbatim(fmt.Sprintf(`%c{"sid":%q,"upgrades":[%s],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		engineOpen, id, upgrades, s.cfg.pingInterval.Milliseconds(), s.clientPatience().Milliseconds(), s.cfg.maxMessage))
}

func (s *Server) clientPatience() time.Duration { return s.cfg.pongTimeout + s.cfg.writeTimeout }

// serveSocketIO answers a request to the path of Socket.IO clients.
func (s *Server) serveSocketIO(w http.ResponseWriter, r *http.Request) {
	if !s.admitsOrigin(w, r) {
		return
	}
	s.admitPage(w, r)
	query := r.URL.Query()
	transport, id := query.Get("transport"), query.Get("sid")
	upgrade := conn.IsHandshake(r)
	switch {
	case r.Method == http.MethodOptions:
		answerOptions(w, "GET, POST, OPTIONS")
	case query.Get("EIO") != engineVersion:
		s.refuseVersion(w, r, query.Get("EIO"))
	case transport == "polling" && !upgrade:
		s.servePolling(w, r, id)
	case transport != "websocket":
		unknownTransport.answer(w)
	case !upgrade:
		badRequest.answer(w)
	case id == "":
		s.openSession(w, r)
	default:
		s.upgradeSession(w, r, id)
	}
}

// refuseVersion refuses a client of a version that is not spoken here. Clients
// of Socket.IO 2 understand no words of ours and try again for ever, so the
// operator has to hear of it.
func (s *Server) refuseVersion(w http.ResponseWriter, r *http.Request, version string) {
	if version == "3" || version == "2" || version == "1" {
		s.warnings.say(s.cfg.trustedProxies.ClientSubnet(r), "a client of Socket.IO 2 or older tried to connect; it needs version 3 or 4",
			"EIO", excerpt(version), "address", s.cfg.trustedProxies.ClientAddress(r), "origin", excerpt(r.Header.Get("Origin")))
	}
	unsupportedVersion.answer(w)
}

// refuseConnects returns the refusals of the CONNECT packets among what a
// client has posted, nil if there are none.
func refuseConnects(posted [][]byte, message string) (packets []byte) {
	for _, frame := range posted {
		kind, text := split(frame)
		p, ok := readHead(text)
		if kind != engineMessage || !ok || p.kind != packetConnect {
			continue
		}
		if packets != nil {
			packets = append(packets, packetSeparator...)
		}
		packets = append(packets, engineMessage, packetConnectError)
		if p.namespace != "" {
			packets = append(append(packets, p.namespace...), ',')
		}
		packets = fmt.Appendf(packets, `{"message":%q}`, message)
	}
	return packets
}

// admitPage tells the browser that a page from elsewhere, which is allowed,
// may read the answer. The rule for such requests is that of their
// WebSockets (Fetch standard, CORS protocol).
func (s *Server) admitPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	w.Header().Set("Vary", "Origin")
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
		w.Header().Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	}
}

// engineError is how Engine.IO refuses a request.
type engineError struct {
	status  int
	code    int
	message string
}

var (
	unknownTransport   = &engineError{http.StatusBadRequest, 0, "Transport unknown"}
	unknownSession     = &engineError{http.StatusBadRequest, 1, "Session ID unknown"}
	badMethod          = &engineError{http.StatusBadRequest, 2, "Bad handshake method"}
	badRequest         = &engineError{http.StatusBadRequest, 3, "Bad request"}
	tooMuch            = &engineError{http.StatusRequestEntityTooLarge, 3, "Too much before the upgrade to WebSocket"}
	unsupportedVersion = &engineError{http.StatusBadRequest, 5, "Unsupported protocol version: EIO=4 is needed, which clients of Socket.IO 3 and 4 speak"}
	unavailable        = &engineError{http.StatusServiceUnavailable, 3, "Too many connections: come back in a moment"}
)

func (e *engineError) answer(w http.ResponseWriter) {
	if e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	fmt.Fprintf(w, `{"code":%d,"message":%q}`, e.code, e.message)
}

// newSession makes a client that will speak Socket.IO.
func (s *Server) newSession(r *http.Request) (*connection, *session) {
	own := &session{socketIO: s.socketIO, handshake: identityIn(r.URL.Query())}
	c := s.newConnection(own)
	c.decided = true
	c.heartbeat = heartbeat
	return c, own
}

// serve is the life of a session that has its WebSocket.
func (s *session) serve(c *connection) {
	s.timer = late.AfterFunc(connectTime, func() { c.Lose(closeUnconnected) })
	defer s.timer.Stop()
	c.serve()
}

// openSession begins a session with its WebSocket.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request) {
	c, own := s.newSession(r)
	slot, ok := s.upgrade(w, r, c)
	if !ok {
		return
	}
	c.Send(s.opening(newSessionID(), ""))
	go func() {
		defer slot.Release()
		own.serve(c)
	}()
}

// upgradeSession gives a session that began with long-polling its WebSocket.
func (s *Server) upgradeSession(w http.ResponseWriter, r *http.Request, id string) {
	began, refusal := s.polling.claim(id)
	if refusal != nil {
		refusal.answer(w)
		return
	}
	c, own := s.newSession(r)
	slot, ok := s.upgrade(w, r, c)
	if !ok {
		s.polling.fail(began)
		return
	}
	go func() {
		defer slot.Release()
		if why := s.switchOver(c, began); why != nil {
			s.polling.fail(began)
			c.Kill(why)
			c.finish()
			return
		}
		own.serve(c)
	}()
}

// switchTime is how long a client may take to go over to its WebSocket.
const switchTime = 5 * time.Second

// switchOver lets a client try its WebSocket and then go over to it. Until
// then nobody else writes to it, and the hub does not know of it.
func (s *Server) switchOver(c *connection, began *pollingSession) *Closing {
	c.SetReadDeadline(time.Now().Add(switchTime))
	if why := c.await(tryPing); why != nil {
		return why
	}
	if c.Write(tryPong) != nil {
		return closeGone
	}
	s.polling.release(began)
	if why := c.await(string(engineUpgrade)); why != nil {
		return why
	}
	c.early = s.polling.depart(began)
	c.SetReadDeadline(time.Time{})
	return nil
}

// await reads a frame that must be this one.
func (c *connection) await(want string) *Closing {
	return c.ReadFrame(func(frame []byte) *Closing {
		if string(frame) != want {
			return closeMalformed
		}
		return nil
	})
}
