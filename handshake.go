package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"switchboard/internal/access"
	"switchboard/internal/conn"
	"switchboard/internal/engineio"
	"switchboard/internal/late"
)

// upgrade makes a WebSocket of a request and gives it to c. If it returns false, the
// request has been answered. Above the limit of connections a client still gets its
// WebSocket, to be told so by a close frame, unless too many are being told.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, c *connection) bool {
	address := s.cfg.trustedProxies.ClientAddress(r)
	slot, ok := s.slots.Acquire(s.cfg.trustedProxies.ClientSubnet(r))
	if !ok {
		w.Header().Set("Retry-After", engineio.RetryAfter)
		http.Error(w, "there are too many connections: come back in a moment", http.StatusServiceUnavailable)
		return false
	}
	if err := c.Upgrade(w, r); err != nil {
		s.log.Debug("upgrade failed", "address", address, "error", err)
		slot.Release()
		return false
	}
	c.slot = slot
	c.inquiry = s.tokens.inquire(r, address)
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		s.log.Debug("connection opened", "conn", c.id, "address", address)
	}
	if slot.Refused() {
		go c.abort(closeOverloaded)
		return false
	}
	return true
}

// answerDamaged answers a damaged handshake, and tells the operator, who can mend the
// proxy.
func (s *Server) answerDamaged(w http.ResponseWriter, r *http.Request) {
	s.warnOfProxy(r, "a handshake without Upgrade or Connection, or by HTTP/1.0")
	conn.AnswerDamaged(w)
}

// warnOfProxy logs that a proxy passes no WebSockets, how that was noticed, and headers
// that identify the proxy.
func (s *Server) warnOfProxy(r *http.Request, seen string) {
	from, unix := access.PeerSubnet(r)
	peer := r.RemoteAddr
	if unix {
		peer = "unix socket"
	}
	args := []any{"seen", seen, "peer", peer, "protocol", r.Proto, "host", excerpt(r.Host)}
	for _, name := range []string{"Via", "X-Forwarded-For", "X-Forwarded-Server", "Forwarded"} {
		if value := strings.Join(r.Header[name], ", "); value != "" {
			args = append(args, name, excerpt(value))
		}
	}
	s.warnings.Warn(from, "no WebSocket comes through: "+conn.ProxyMust, args...)
}

// engineHost makes the connections of Engine.IO sessions.
type engineHost struct{ *Server }

func (h engineHost) Open(w http.ResponseWriter, r *http.Request) (engineio.Session, bool) {
	own := &socketIOSession{socketIO: h.socketIO, handshake: identityIn(r.URL.Query())}
	c := h.newConnection(own)
	c.decided = true
	if !h.upgrade(w, r, c) {
		return engineio.Session{}, false
	}
	if c.inquiry != nil {
		own.proof = proof{tokens: true, bearer: c.inquiry.bearer != ""}
	}
	return engineio.Session{
		Conn:  &c.Conn,
		Serve: func(early [][]byte) { serveSession(own, c, early) },
		Abort: c.abort,
	}, true
}

func (h engineHost) HasRoom(r *http.Request) bool { return h.slots.HasRoom(h.Subnet(r)) }

func (h engineHost) Subnet(r *http.Request) netip.Prefix { return h.cfg.trustedProxies.ClientSubnet(r) }

// Refusals returns a refusal for each CONNECT packet among what a client has posted.
func (engineHost) Refusals(posted [][]byte, reason string) (refusals [][]byte) {
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

// connectTime is how long a session may take to connect to the namespace, if
// the login timeout is not shorter. It is other servers' default.
const connectTime = 45 * time.Second

// serveSession serves a connection of an Engine.IO session.
func serveSession(own *socketIOSession, c *connection, early [][]byte) {
	own.timer = late.AfterFunc(connectTime, func() { c.Lose(closeUnconnected) })
	defer own.timer.Stop()
	c.serve(early)
}
