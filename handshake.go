package main

import (
	"log/slog"
	"net/http"
	"strings"

	"switchboard/internal/conn"

	"switchboard/internal/access"
)

// upgrade makes a WebSocket of a request and gives it to c. If it returns false,
// the request has been answered and nothing is left to do. A client for whom there
// is no room gets its WebSocket too, to be told that, unless there are too many of
// those.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, c *connection) bool {
	slot, ok := s.slots.Acquire(s.cfg.trustedProxies.ClientSubnet(r))
	if !ok {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "there are too many connections: come back in a moment", http.StatusServiceUnavailable)
		return false
	}
	if err := c.Upgrade(w, r); err != nil {
		s.log.Debug("upgrade failed", "address", s.cfg.trustedProxies.ClientAddress(r), "error", err)
		slot.Release()
		return false
	}
	c.slot = slot
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		s.log.Debug("connection opened", "conn", c.id, "address", s.cfg.trustedProxies.ClientAddress(r))
	}
	if slot.Refused() {
		go c.abort(closeOverloaded)
		return false
	}
	return true
}

// retryAfter is what those hear who are refused for want of room, in seconds.
const retryAfter = "5"

// refuseDamaged says what is wrong to whoever tries it by hand, and to the
// operator, who can mend it.
func (s *Server) refuseDamaged(w http.ResponseWriter, r *http.Request) {
	s.warnOfProxy(r, "a handshake without Upgrade or Connection, or by HTTP/1.0")
	conn.RefuseDamaged(w)
}

// warnOfProxy logs by what it was seen that a proxy passes no WebSockets, and
// what tells which one it is.
func (s *Server) warnOfProxy(r *http.Request, seen string) {
	from, unix := access.PeerSubnet(r)
	args := []any{"seen", seen, "peer", r.RemoteAddr, "protocol", r.Proto, "host", excerpt(r.Host)}
	if unix {
		args[3] = "unix socket"
	}
	for _, name := range []string{"Via", "X-Forwarded-For", "X-Forwarded-Server", "Forwarded"} {
		if value := strings.Join(r.Header[name], ", "); value != "" {
			args = append(args, name, excerpt(value))
		}
	}
	s.warnings.Warn(from, "no WebSocket comes through: "+conn.ProxyMust, args...)
}
