// Package engineio is Engine.IO 4, the protocol below Socket.IO: a handler of its
// requests, with sessions that begin with long-polling until their WebSocket
// comes. What is said over a session that is open is its host's business.
package engineio

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard/internal/conn"
)

// Settings are what clients are told when a session begins.
type Settings struct {
	PingInterval time.Duration
	PingTimeout  time.Duration // after which a client that hears no ping gives up, beside the interval
	MaxPayload   int64         // bytes of a message
}

// A Host makes the connections of sessions.
type Host interface {
	// Open makes the WebSocket of a session. If it returns false, it has answered
	// the request.
	Open(w http.ResponseWriter, r *http.Request) (Session, bool)

	// HasRoom reports whether Open would find room for a connection.
	HasRoom(r *http.Request) bool

	// Subnet returns where a request comes from, for limits by address; the zero
	// value if that is not known.
	Subnet(r *http.Request) netip.Prefix

	// Refusals returns packets that refuse, with a reason, the CONNECT packets among
	// what a client has posted; none if there are none. It is called with a mutex
	// held.
	Refusals(posted [][]byte, reason string) [][]byte

	// WarnOfProxy tells the operator that no WebSocket comes through a proxy, and how
	// that was seen.
	WarnOfProxy(r *http.Request, seen string)

	// WarnOfVersion tells the operator of a client that speaks an older version.
	WarnOfVersion(r *http.Request, version string)
}

// A Session is a connection that has its WebSocket.
type Session struct {
	Conn *conn.Conn

	// Serve runs the connection until it is closed. Early are the packets that the
	// client has posted before.
	Serve func(early [][]byte)

	// Abort ends a connection that has not been served.
	Abort func(why *conn.Closing)
}

// A Handler answers the requests of Engine.IO clients.
type Handler struct {
	host     Host
	settings Settings
	polling  *pollingSessions
}

// NewHandler returns a handler without sessions.
func NewHandler(host Host, settings Settings) *Handler {
	return &Handler{host, settings, newPollingSessions(host.Refusals)}
}

// Close ends the sessions that have no WebSocket. None begin from then on.
func (h *Handler) Close() { h.polling.close() }

// ServeHTTP answers a request of a page whose origin is allowed.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	query := r.URL.Query()
	transport, id, spoken := query.Get("transport"), query.Get("sid"), query.Get("EIO")
	upgrade := conn.IsHandshake(r)
	switch {
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
	case spoken != version:
		h.answerOldVersion(w, r, spoken)
	case transport == "polling" && !upgrade:
		h.servePolling(w, r, id)
	case transport != "websocket":
		unknownTransport.answer(w)
	case !upgrade:
		badRequest.answer(w)
	case id == "":
		h.open(w, r)
	default:
		h.upgrade(w, r, id)
	}
}

// allowOrigin sets the headers by which a browser lets a page of another origin, which
// has been allowed as for WebSockets, read the answer (Fetch standard, CORS protocol).
func allowOrigin(w http.ResponseWriter, r *http.Request) {
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

// answerOldVersion refuses a client of another version. Clients of Socket.IO 2
// understand no refusal and try again for ever, so the operator hears of them.
func (h *Handler) answerOldVersion(w http.ResponseWriter, r *http.Request, spoken string) {
	if spoken == "3" || spoken == "2" || spoken == "1" {
		h.host.WarnOfVersion(r, spoken)
	}
	unsupportedVersion.answer(w)
}

// opening returns the first packet of a session: what the client must know of it.
func (h *Handler) opening(id, upgrades string) Frame {
	return Frame(fmt.Sprintf(`%c{"sid":%q,"upgrades":[%s],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		Open, id, upgrades, h.settings.PingInterval.Milliseconds(), h.settings.PingTimeout.Milliseconds(), h.settings.MaxPayload))
}

// open begins a session with its WebSocket.
func (h *Handler) open(w http.ResponseWriter, r *http.Request) {
	session, ok := h.host.Open(w, r)
	if !ok {
		return
	}
	session.Conn.Send(h.opening(newSessionID(), ""))
	go session.Serve(nil)
}

// upgrade gives a session that began with long-polling its WebSocket.
func (h *Handler) upgrade(w http.ResponseWriter, r *http.Request, id string) {
	pending, refusal := h.polling.claim(id)
	if refusal != nil {
		refusal.answer(w)
		return
	}
	if pending.proof != "" { // browsers let pages set no header of a WebSocket
		r.Header.Set("Authorization", pending.proof)
	}
	session, ok := h.host.Open(w, r)
	if !ok {
		h.polling.fail(pending)
		return
	}
	go func() {
		posted, why := h.switchOver(session.Conn, pending)
		if why != nil {
			h.polling.fail(pending)
			session.Abort(why)
			return
		}
		session.Serve(posted)
	}()
}

// switchTime is how long a client may take to go over to its WebSocket.
const switchTime = 5 * time.Second

// switchOver lets a client try its WebSocket and then go over to it. It returns
// what the client has posted before, or why it has not come over. Until it returns
// nobody else writes to the connection.
func (h *Handler) switchOver(c *conn.Conn, pending *pollingSession) ([][]byte, *conn.Closing) {
	c.SetReadDeadline(time.Now().Add(switchTime))
	if why := await(c, tryPing); why != nil {
		return nil, why
	}
	if c.Write(tryPong) != nil {
		return nil, conn.Gone
	}
	h.polling.release(pending)
	if why := await(c, string(Upgrade)); why != nil {
		return nil, why
	}
	posted := h.polling.depart(pending)
	c.SetReadDeadline(time.Time{})
	return posted, nil
}

// await reads a frame that must be this one.
func await(c *conn.Conn, want string) *conn.Closing {
	return c.ReadFrame(func(frame []byte) *conn.Closing {
		if string(frame) != want {
			return conn.Malformed
		}
		return nil
	})
}

// servePolling answers a request of a session that has no WebSocket yet.
func (h *Handler) servePolling(w http.ResponseWriter, r *http.Request, id string) {
	switch {
	case id == "" && r.Method == http.MethodGet:
		h.beginPolling(w, r)
	case id != "" && r.Method == http.MethodGet:
		h.answerPoll(w, r, id)
	case id != "" && r.Method == http.MethodPost:
		h.keepPosted(w, r, id)
	default:
		badMethod.answer(w)
	}
}

// beginPolling begins a session that will come back with its WebSocket. If there is
// no room for that, it refuses the session now: clients then try again in growing
// pauses.
func (h *Handler) beginPolling(w http.ResponseWriter, r *http.Request) {
	if !h.host.HasRoom(r) {
		unavailable.answer(w)
		return
	}
	began := h.polling.begin(h.host.Subnet(r))
	if began == nil {
		unavailable.answer(w)
		return
	}
	if proof := r.Header.Get("Authorization"); len(proof) <= maxProof {
		began.proof = strings.Clone(proof)
	}
	answerPackets(w, []byte(h.opening(began.id, `"websocket"`)))
}

// maxProof bounds what is kept of an Authorization header. What is longer counts as
// none.
const maxProof = 8 << 10

// answerPoll answers a GET, which waits for packets. There are none before the client has
// its WebSocket: the answer tells it to go over to that, or that there will be none.
func (h *Handler) answerPoll(w http.ResponseWriter, r *http.Request, id string) {
	s, refusal := h.polling.startPoll(id)
	if refusal != nil {
		refusal.answer(w)
		return
	}
	select {
	case <-s.released:
	case <-r.Context().Done():
	}
	packets, explained := h.polling.endPoll(s)
	if explained {
		h.host.WarnOfProxy(r, "a Socket.IO client whose WebSocket does not come")
	}
	answerPackets(w, packets)
}

// keepPosted keeps what a client says before it has its WebSocket.
func (h *Handler) keepPosted(w http.ResponseWriter, r *http.Request, id string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPosted))
	switch {
	case err != nil:
		tooMuch.answer(w)
		return
	case !utf8.Valid(body):
		badRequest.answer(w)
		return
	}
	if refusal := h.polling.post(id, bytes.Split(body, []byte(packetSeparator))); refusal != nil {
		refusal.answer(w)
		return
	}
	answerPackets(w, []byte("ok"))
}

func answerPackets(w http.ResponseWriter, packets []byte) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Write(packets)
}
