package main

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// upgrade makes a WebSocket of a request and gives it to c, which then has a
// place to leave in the end. If it reports false, nothing is left to do: the
// request has been answered. A client for whom there is no room gets its
// WebSocket too, to be told that, unless there are too many of those.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, c *connection) (place, bool) {
	taken, ok := s.places.take(s.cfg.trustedProxies.clientSubnet(r))
	switch {
	case !ok:
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "there are too many connections: come back in a moment", http.StatusServiceUnavailable)
		return taken, false
	case !s.open(w, r, c):
		taken.leave()
		return taken, false
	case taken.refused():
		c.kill(closeOverloaded)
		go func() {
			defer taken.leave()
			c.finish()
		}()
		return taken, false
	}
	return taken, true
}

// retryAfter is what those hear who are refused for want of room, in seconds.
const retryAfter = "5"

// open makes a WebSocket of a request and gives it to c. If it cannot, it
// answers the request.
func (s *Server) open(w http.ResponseWriter, r *http.Request, c *connection) bool {
	if r.ContentLength != 0 {
		// It would be read as frames. Nor is it waited for.
		w.Header().Set("Connection", "close")
		refuseHandshake(w, http.StatusBadRequest, "a WebSocket handshake has no body")
		return false
	}
	var header http.Header
	if chosen := subprotocol(r); chosen != "" {
		header = http.Header{"Sec-Websocket-Protocol": {chosen}}
	}
	ws, err := s.upgrader.Upgrade(linkHijacker{w, c.link}, r, header)
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

// newUpgrader returns what makes WebSockets. admitsOrigin has checked the
// origin before it comes to that.
func newUpgrader() websocket.Upgrader {
	return websocket.Upgrader{
		WriteBufferPool: &sync.Pool{}, // or each would hold a buffer that we do not use
		CheckOrigin:     func(*http.Request) bool { return true },
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			refuseHandshake(w, status, reason.Error())
		},
	}
}

func refuseHandshake(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Sec-WebSocket-Version", "13")
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodGet)
	}
	http.Error(w, reason, status)
}

// subprotocol returns which of the subprotocols that a client offers is
// chosen, "" if it offers none. All speak JSON here, but browsers close the
// connection if none of theirs is chosen (WHATWG WebSockets, 2.1).
func subprotocol(r *http.Request) (chosen string) {
	for offered := range strings.SplitSeq(strings.Join(r.Header["Sec-Websocket-Protocol"], ","), ",") {
		offered = strings.Trim(offered, " \t")
		switch {
		case offered == "json":
			return offered
		case chosen == "" && isToken(offered):
			chosen = offered
		}
	}
	return chosen
}

// isToken reports whether s is a token of HTTP (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && consistsOf(strings.ToLower(s), "!#$%&'*+-.^_`|~")
}

// proxyMust is what operators overlook most often.
const proxyMust = "a proxy in between has to pass on the headers Upgrade and Connection, by HTTP/1.1"

// isDamaged reports whether a request was a WebSocket handshake until a proxy
// passed it on: without the headers that proxies do not pass on by themselves,
// or by HTTP/1.0, which knows no upgrades (RFC 9110, 7.8).
func isDamaged(r *http.Request) bool {
	if websocket.IsWebSocketUpgrade(r) {
		return !r.ProtoAtLeast(1, 1)
	}
	return r.Header["Sec-Websocket-Key"] != nil || r.Header["Sec-Websocket-Version"] != nil ||
		strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// refuseDamaged says what is wrong to whoever tries it by hand, and to the
// operator, who can mend it.
func (s *Server) refuseDamaged(w http.ResponseWriter, r *http.Request) {
	s.warnOfProxy(r, "a handshake without Upgrade or Connection, or by HTTP/1.0")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Connection", "Upgrade")
	refuseHandshake(w, http.StatusUpgradeRequired, "this WebSocket handshake came without Upgrade or Connection, or by HTTP/1.0: "+
		proxyMust+`; in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`)
}

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
