package engineio

import (
	"fmt"
	"net/http"

	"switchboard/internal/conn"
)

// noWebSocket is the text for a client whose WebSocket has not come.
const noWebSocket = "your WebSocket does not come through to the server, and long-polling alone is not supported: " + conn.ProxyMust

// RetryAfter says when to try again if there are too many connections, in seconds.
const RetryAfter = "5"

// An httpError is how Engine.IO refuses a request.
type httpError struct {
	status  int
	code    int
	message string
}

var (
	unknownTransport   = &httpError{http.StatusBadRequest, 0, "Transport unknown"}
	unknownSession     = &httpError{http.StatusBadRequest, 1, "Session ID unknown"}
	badMethod          = &httpError{http.StatusBadRequest, 2, "Bad handshake method"}
	badRequest         = &httpError{http.StatusBadRequest, 3, "Bad request"}
	tooMuch            = &httpError{http.StatusRequestEntityTooLarge, 3, "Too much before the upgrade to WebSocket"}
	unsupportedVersion = &httpError{http.StatusBadRequest, 5, "Unsupported protocol version: EIO=4 is needed, which clients of Socket.IO 3 and 4 speak"}
	unavailable        = &httpError{http.StatusServiceUnavailable, 3, "Too many connections: come back in a moment"}
)

// answer sends the refusal.
func (e *httpError) answer(w http.ResponseWriter) {
	if e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	fmt.Fprintf(w, `{"code":%d,"message":%q}`, e.code, e.message)
}
