package main

import (
	"log/slog"
	"net/http"
	"strings"
)

// upgrade makes a WebSocket of a request and gives it to c, whose life is
// serve. It returns while the client lives on, so that nothing of the request
// stays in memory. A client for whom there is no room gets its WebSocket too,
// to be told that, unless there are too many of those. It reports whether the
// client is let in.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, c *Client, serve func()) bool {
	place, ok := s.places.take(s.cfg.trustedProxies.clientSubnet(r))
	if !ok {
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "there are too many connections: come back in a moment", http.StatusServiceUnavailable)
		return false
	}
	if !s.open(w, r, c) {
		place.leave()
		return false
	}
	go func() {
		defer place.leave()
		if place.refused() {
			c.kill(closeOverloaded)
			c.finish()
			return
		}
		serve()
	}()
	return !place.refused()
}

// retryAfter is what those hear who are refused for want of room, in seconds.
const retryAfter = "5"

// open makes a WebSocket of a request and gives it to c. It reports false if
// it cannot.
func (s *Server) open(w http.ResponseWriter, r *http.Request, c *Client) bool {
	ws, err := s.upgrader.Upgrade(linkHijacker{w, c.link}, r, nil)
	if err != nil {
		s.log.Debug("upgrade failed", "address", s.cfg.trustedProxies.clientAddress(r), "error", err)
		return false
	}
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		s.log.Debug("connection opened", "conn", c.id, "address", s.cfg.trustedProxies.clientAddress(r))
	}
	ws.SetReadLimit(s.cfg.maxMessage)
	c.ws = ws
	return true
}

// proxyMust is what operators overlook most often.
const proxyMust = "a proxy in between has to pass on the headers Upgrade and Connection, by HTTP/1.1"

// warnOfProxy logs by what it was seen that a proxy passes no WebSockets, and
// what tells which one it is.
func (s *Server) warnOfProxy(r *http.Request, seen string) {
	peer, unix := peerAddress(r)
	args := []any{"seen", seen, "peer", r.RemoteAddr, "protocol", r.Proto, "host", excerpt(r.Host)}
	if unix {
		args[3] = "unix socket"
	}
	for _, name := range []string{"Via", "X-Forwarded-For", "X-Forwarded-Server", "Forwarded"} {
		if value := strings.Join(r.Header[name], ", "); value != "" {
			args = append(args, name, excerpt(value))
		}
	}
	s.warnings.say(subnet(peer), "no WebSocket comes through: "+proxyMust, args...)
}
