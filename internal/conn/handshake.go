package conn

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// upgrader makes WebSockets. Callers of Upgrade have checked the origin.
var upgrader = websocket.Upgrader{
	WriteBufferPool: &sync.Pool{}, // or each would hold a buffer that is not used
	CheckOrigin:     func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		answerRefusal(w, status, reason.Error())
	},
}

// Upgrade makes the WebSocket of a request. If it returns an error, the request
// has been answered.
func (c *Conn) Upgrade(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength != 0 {
		// It would be read as frames. Nor is it waited for.
		w.Header().Set("Connection", "close")
		answerRefusal(w, http.StatusBadRequest, errBody.Error())
		return errBody
	}
	var header http.Header
	if chosen := subprotocol(r); chosen != "" {
		header = http.Header{"Sec-Websocket-Protocol": {chosen}}
	}
	ws, err := upgrader.Upgrade(linkHijacker{w, &c.link}, r, header)
	if err != nil {
		return err
	}
	ws.SetReadLimit(c.pool.MaxMessage)
	c.ws = ws
	return nil
}

var errBody = errors.New("a WebSocket handshake has no body")

// answerRefusal answers a handshake that is refused.
func answerRefusal(w http.ResponseWriter, status int, reason string) {
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
		case chosen == "" && httpToken.MatchString(offered):
			chosen = offered
		}
	}
	return chosen
}

// httpToken is a token of HTTP (RFC 9110, 5.6.2).
var httpToken = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// IsHandshake reports whether a request asks for a WebSocket.
func IsHandshake(r *http.Request) bool { return websocket.IsWebSocketUpgrade(r) }

// IsDamaged reports whether a request was a WebSocket handshake until a proxy
// passed it on: without the headers that proxies do not pass on by themselves,
// or by HTTP/1.0, which knows no upgrades (RFC 9110, 7.8).
func IsDamaged(r *http.Request) bool {
	if IsHandshake(r) {
		return !r.ProtoAtLeast(1, 1)
	}
	return r.Header["Sec-Websocket-Key"] != nil || r.Header["Sec-Websocket-Version"] != nil ||
		strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// ProxyMust says what operators overlook most often.
const ProxyMust = "a proxy in between has to pass on the headers Upgrade and Connection, by HTTP/1.1"

// AnswerDamaged answers a damaged handshake, and says how to mend the proxy.
func AnswerDamaged(w http.ResponseWriter) {
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Connection", "Upgrade")
	answerRefusal(w, http.StatusUpgradeRequired, "this WebSocket handshake came without Upgrade or Connection, or by HTTP/1.0: "+
		ProxyMust+`; in nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`)
}
