package engineio

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
)

// A client with default options, as one sees it on the wire: what it posts is
// served, in order, when it goes over to its WebSocket.
func TestUpgradeFromPolling(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		h.post(id, `40{"userID":"ann"}`)
		packets := h.poll(id)
		c := h.mustConnect(webSocket + "&sid=" + id)
		c.say("2probe")
		c.want("3probe")
		h.wantPoll(packets, "6")
		h.wantPoll(h.poll(id), "6") // asked again
		h.post(id, "42a\x1e42b")
		h.wantSessions(0)
		c.say("5")
		c.want(`40{"userID":"ann"}`, "42a", "42b")
		h.wantUnknown(id)
		h.wantNoWebSocket(webSocket+"&sid="+id, 400)
		c.say("42c")
		c.want("42c")
		h.wantWarned()
	})
}

// A client need not have posted anything, nor wait for the answer to its probe.
func TestUpgradeInHaste(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		c := h.mustConnect(webSocket + "&sid=" + h.begin())
		c.say("2probe")
		c.say("5")
		c.say("42a")
		c.want("3probe", "42a")
	})
}

// A WebSocket that comes late, but in time, is as good as any, and is not bound
// by any of the times of the way to it.
func TestSlowWebSocket(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		h.post(id, "40")
		packets := h.poll(id)
		time.Sleep(6*time.Second - time.Millisecond)
		c := h.mustConnect(webSocket + "&sid=" + id)
		time.Sleep(4 * time.Second)
		c.say("2probe")
		c.want("3probe")
		h.wantPoll(packets, "6")
		time.Sleep(time.Second - time.Millisecond)
		c.say("5")
		c.want("40")
		time.Sleep(time.Minute)
		c.want("2", "2")
		c.say("42a")
		c.want("42a")
		h.wantWarned()
	})
}

// What a client does wrong when it goes over to its WebSocket ends its session,
// and leaves nothing behind.
func TestUpgradeFails(t *testing.T) {
	probe := func(c *client) {
		c.say("2probe")
		c.want("3probe")
	}
	for name, tt := range map[string]struct {
		play  func(c *client)
		why   *conn.Closing
		heard string
		poll  string
	}{
		"another probe":    {func(c *client) { c.say("2") }, conn.Malformed, "closed 1002", "1"},
		"no probe":         {func(c *client) { c.say("5") }, conn.Malformed, "closed 1002", "1"},
		"no upgrade":       {func(c *client) { probe(c); c.say("40") }, conn.Malformed, "closed 1002", "6"},
		"a second probe":   {func(c *client) { probe(c); c.say("2probe") }, conn.Malformed, "closed 1002", "6"},
		"binary":           {func(c *client) { c.ws.WriteMessage(websocket.BinaryMessage, []byte("2probe")) }, conn.Binary, "closed 1003", "1"},
		"silence":          {func(*client) { time.Sleep(5 * time.Second) }, conn.Gone, "closed 1006", "1"},
		"probe, silence":   {func(c *client) { probe(c); time.Sleep(5 * time.Second) }, conn.Gone, "closed 1006", "6"},
		"an early goodbye": {func(c *client) { c.ws.WriteMessage(websocket.CloseMessage, nil) }, conn.Left, "closed 1005", "1"},
		"a lost network":   {func(c *client) { c.network.Close() }, conn.HungUp, "closed 1006", "1"},
		"a network cut off": {func(c *client) {
			c.network.Suspend()
			c.say("2probe")
			synctest.Wait()
			c.network.Close()
		}, conn.Gone, "closed 1006", "6"},
	} {
		t.Run(name, func(t *testing.T) {
			onHost(t, func(t *testing.T, h *testHost) {
				id := h.begin()
				h.post(id, "40")
				packets := h.poll(id)
				c := h.mustConnect(webSocket + "&sid=" + id)
				tt.play(c)
				c.want(tt.heard)
				h.wantPoll(packets, tt.poll)
				h.wantUnknown(id)
				h.wantNoWebSocket(webSocket+"&sid="+id, 400)
				h.wantSessions(0, tt.why)
				h.wantWarned()
			})
		})
	}
}

// A client that does not take the answer to its probe is gone when the time of a
// write is over.
func TestProbeIsNotAnswered(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		h.window = len("3probe")
		h.pool.WriteTimeout = time.Second
		id := h.begin()
		packets := h.poll(id)
		c := h.mustConnect(webSocket + "&sid=" + id)
		c.network.Suspend()
		c.say("2probe")
		time.Sleep(2 * time.Second)
		h.wantSessions(0, conn.Gone)
		h.wantPoll(packets, "1")
		h.wantUnknown(id)
	})
}

// A client may take the time to go over that it is given, and no more.
func TestSwitchTime(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		for _, wait := range []time.Duration{5*time.Second - time.Millisecond, 5*time.Second + time.Millisecond} {
			c := h.mustConnect(webSocket + "&sid=" + h.begin())
			c.say("2probe")
			c.want("3probe")
			time.Sleep(wait)
			c.ws.WriteMessage(websocket.TextMessage, []byte("5"))
		}
		h.wantSessions(1, conn.Gone)
	})
}

// A session has one WebSocket, and another that comes does it no harm.
func TestSecondWebSocket(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		c := h.mustConnect(webSocket + "&sid=" + id)
		h.wantNoWebSocket(webSocket+"&sid="+id, 400)
		c.say("2probe")
		c.say("5")
		c.say("42a")
		c.want("3probe", "42a")
	})
}

// A session whose WebSocket the host does not take is over.
func TestNoRoomForTheWebSocket(t *testing.T) {
	onHost(t, func(t *testing.T, h *testHost) {
		id := h.begin()
		packets := h.poll(id)
		h.full = true
		h.wantNoWebSocket(webSocket+"&sid="+id, 503)
		h.wantPoll(packets, "1")
		h.wantUnknown(id)
	})
}
