package engineio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
	"switchboard/internal/memnet"
)

// A testHost is a Host whose sessions send back the messages that they hear. Its
// clients come over a network in memory.
type testHost struct {
	t        *testing.T
	handler  *Handler
	pool     *conn.Pool
	http     http.Server
	listener *memnet.Listener
	polls    sync.WaitGroup
	clients  []*client

	full    bool     // there is no room for a connection
	window  int      // of a WebSocket's network: what it holds that nobody has read
	warned  []string // what the operator is told
	served  int
	aborted []*conn.Closing
}

// onHost runs a test against a host in fake time. Whatever is left behind, the
// bubble complains of.
func onHost(t *testing.T, play func(t *testing.T, h *testHost)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &testHost{t: t, listener: memnet.NewListener(), window: testWindow}
		h.handler = NewHandler(h, Settings{PingInterval: 25 * time.Second, PingTimeout: 15 * time.Second, MaxPayload: 64 << 10})
		h.pool = conn.NewPool(conn.Settings{MaxMessage: 64 << 10, MaxQueue: 1 << 20, PingInterval: 25 * time.Second,
			PongTimeout: 10 * time.Second, WriteTimeout: 5 * time.Second, FirstPing: func() time.Duration { return 25 * time.Second }})
		h.http.Handler = h.handler
		go h.http.Serve(h.listener)
		defer h.stop()
		play(t, h)
	})
}

func (h *testHost) stop() {
	for _, c := range h.clients {
		c.network.Close()
	}
	h.handler.Close()
	h.http.Shutdown(context.Background()) // which waits for answers
	h.polls.Wait()
	synctest.Wait()
	h.pool.Stop()
}

func (h *testHost) Open(w http.ResponseWriter, r *http.Request) (Session, bool) {
	s := &testSession{host: h}
	s.Init(h.pool, s)
	if h.full {
		http.Error(w, "there is no room", http.StatusServiceUnavailable)
		return Session{}, false
	}
	if s.Upgrade(w, r) != nil {
		return Session{}, false
	}
	return Session{&s.Conn, s.serve, s.abort}, true
}

func (h *testHost) HasRoom(*http.Request) bool        { return !h.full }
func (h *testHost) Subnet(*http.Request) netip.Prefix { return testSubnet(1) }

// Refuse refuses what begins as a Socket.IO client's wish to be connected does.
func (h *testHost) Refusals(posted [][]byte, reason string) (refusals [][]byte) {
	for _, packet := range posted {
		if who, ok := strings.CutPrefix(string(packet), "40"); ok {
			refusals = append(refusals, []byte("44"+who+": "+reason))
		}
	}
	return refusals
}

func (h *testHost) WarnOfProxy(r *http.Request, seen string) { h.warn("proxy: " + seen) }
func (h *testHost) WarnOfVersion(r *http.Request, v string)  { h.warn("version: " + v) }
func (h *testHost) warn(what string)                         { h.warned = append(h.warned, what) }

// wantWarned checks what the operator has been told since it was asked last.
func (h *testHost) wantWarned(want ...string) {
	h.t.Helper()
	if fmt.Sprint(h.warned) != fmt.Sprint(want) {
		h.t.Errorf("the operator is told %q, want %q", h.warned, want)
	}
	h.warned = nil
}

// wantSessions checks how many sessions have been served, and why the others that
// had a WebSocket have ended.
func (h *testHost) wantSessions(served int, aborted ...*conn.Closing) {
	h.t.Helper()
	synctest.Wait()
	if h.served != served || !slices.Equal(h.aborted, aborted) {
		h.t.Errorf("%d sessions are served, and %+v are aborted; want %d and %+v", h.served, h.aborted, served, aborted)
	}
}

// A testSession is a session of a testHost, and the owner of its connection.
type testSession struct {
	conn.Conn
	host *testHost
}

func (s *testSession) serve(posted [][]byte) {
	s.host.served++
	s.End(s.Read(posted))
	s.Finish()
}

func (s *testSession) abort(why *conn.Closing) {
	s.host.aborted = append(s.host.aborted, why)
	s.End(why)
	s.Finish()
}

func (s *testSession) Receive(frame []byte) *conn.Closing {
	if kind, _ := Split(frame); kind == Message {
		s.Send(Frame(frame))
	}
	return nil
}

func (*testSession) Encode(dst []byte, m conn.Outgoing) []byte { return append(dst, m.(Frame)...) }
func (s *testSession) BeforePing()                             { s.Send(Heartbeat) }
func (*testSession) AllowLarge() *conn.Closing                 { return nil }
func (*testSession) AllowControl() bool                        { return true }
func (*testSession) Alive()                                    {}
func (*testSession) Lost(*conn.Closing)                        {}
func (s *testSession) Panicked(value any)                      { s.host.t.Error(value) }

const (
	polling   = "/?EIO=4&transport=polling"
	webSocket = "/?EIO=4&transport=websocket"
)

// request makes a plain request. Headers are pairs of names and values.
func (h *testHost) request(ctx context.Context, method, target, body string, header ...string) (*http.Response, string) {
	h.t.Helper()
	answer, text, err := h.listener.Request(ctx, testWindow, method, "http://localhost"+target, body, header...)
	switch {
	case answer == nil:
		return &http.Response{Status: err.Error()}, ""
	case err != nil:
		h.t.Error(err)
	}
	return answer, text
}

// testWindow is what a network may well hold.
const testWindow = 64 << 10

// wantAnswer makes a request and checks what comes back.
func (h *testHost) wantAnswer(method, target, body string, code int, want string) {
	h.t.Helper()
	synctest.Wait() // what is due happens first
	if answer, got := h.request(h.t.Context(), method, target, body); answer.StatusCode != code || got != want {
		h.t.Errorf("%s %s is answered %s %q, want %d %q", method, target, answer.Status, got, code, want)
	}
}

// wantUnknown checks that a session is over.
func (h *testHost) wantUnknown(id string) {
	h.t.Helper()
	for _, method := range []string{"GET", "POST"} {
		h.wantAnswer(method, polling+"&sid="+id, "", 400, `{"code":1,"message":"Session ID unknown"}`)
	}
}

// begin begins a session with long-polling and returns its id.
func (h *testHost) begin() string {
	h.t.Helper()
	synctest.Wait() // what is due happens first
	answer, opening := h.request(h.t.Context(), "GET", polling, "")
	id, rest, _ := strings.Cut(strings.TrimPrefix(opening, `0{"sid":"`), `"`)
	if want := `,"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":15000,"maxPayload":65536}`; rest != want || id == "" || answer.Header.Get("Content-Type") != "text/plain; charset=UTF-8" {
		h.t.Fatalf("the session opens with %s %s", answer.Header.Get("Content-Type"), opening)
	}
	return id
}

// post posts packets for a session.
func (h *testHost) post(id, packets string) {
	h.t.Helper()
	h.wantAnswer("POST", polling+"&sid="+id, packets, 200, "ok")
}

// poll lets a session wait for packets, and returns where they come.
func (h *testHost) poll(id string) <-chan string {
	return h.pollUntil(h.t.Context(), id)
}

// pollUntil does so until the client gives up.
func (h *testHost) pollUntil(ctx context.Context, id string) <-chan string {
	synctest.Wait() // what is due happens first
	packets := make(chan string, 1)
	h.polls.Go(func() {
		_, got := h.request(ctx, "GET", polling+"&sid="+id, "")
		packets <- got
	})
	synctest.Wait()
	return packets
}

// wantPoll checks what a poll is answered with.
func (h *testHost) wantPoll(packets <-chan string, want string) {
	h.t.Helper()
	if got := <-packets; got != want {
		h.t.Errorf("the poll is answered %q, want %q", got, want)
	}
}

// A client has a WebSocket. It reads all the time, and answers pings.
type client struct {
	t       *testing.T
	network *memnet.Conn
	ws      *websocket.Conn
	heard   chan string // frames, and at last the close code
}

// connect asks for a WebSocket. If there is none, it returns nil and what the
// request is answered with.
func (h *testHost) connect(target string) (*client, *http.Response) {
	c := &client{t: h.t, heard: make(chan string, 100)}
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (_ net.Conn, err error) {
		c.network, err = h.listener.Dial(ctx, h.window)
		return c.network, err
	}}
	ws, answer, err := dialer.Dial("ws://localhost"+target, nil)
	if err != nil {
		return nil, answer
	}
	c.ws = ws
	h.clients = append(h.clients, c)
	go c.listen()
	return c, answer
}

// mustConnect returns a client that has its WebSocket.
func (h *testHost) mustConnect(target string) *client {
	h.t.Helper()
	c, answer := h.connect(target)
	if c == nil {
		h.t.Fatalf("%s is answered %v", target, answer)
	}
	return c
}

// wantNoWebSocket checks the status with which a handshake is refused.
func (h *testHost) wantNoWebSocket(target string, code int) {
	h.t.Helper()
	if c, answer := h.connect(target); c != nil || answer.StatusCode != code {
		h.t.Errorf("%s is answered %s, want %d", target, answer.Status, code)
	}
}

func (c *client) listen() {
	for {
		_, frame, err := c.ws.ReadMessage()
		if err == nil {
			c.heard <- string(frame)
			continue
		}
		code := websocket.CloseAbnormalClosure
		if closed := new(websocket.CloseError); errors.As(err, &closed) {
			code = closed.Code
		}
		c.heard <- fmt.Sprintf("closed %d", code)
		return
	}
}

func (c *client) say(frame string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next frame that the client hears, "" if there is none.
func (c *client) next() string {
	synctest.Wait()
	select {
	case frame := <-c.heard:
		return frame
	default:
		return ""
	}
}

// want checks that the client hears these frames, and no more.
func (c *client) want(frames ...string) {
	c.t.Helper()
	for _, want := range append(frames, "") {
		if got := c.next(); got != want {
			c.t.Fatalf("the client hears %q, want %q", got, want)
		}
	}
}
