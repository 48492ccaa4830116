package main

import (
	"crypto/rand"
	"time"

	"switchboard/internal/late"
)

// A session is what a client needs to come back after a lost connection: what it is
// told has numbers and is kept for a while, and what it says is counted. So nothing is
// lost and nothing comes twice, in either direction. It begins when a client that asks
// for it signs in, and ends with the client. Owned by the hub.
type session struct {
	secret string
	sent   uint64 // number of the latest message to the client
	taken  uint64 // frames from the client
	kept   []keptEvent
	bytes  int         // of kept, by weight
	sweep  *time.Timer // forgets what has arrived; nil while nothing is kept
	away   *away       // nil while there is a connection
}

// keptEvent is what a client was told, and when.
type keptEvent struct {
	Numbered
	at time.Time
}

// maxSent bounds what a session keeps of messages that have been written already, since
// a lost connection may not have delivered them. One that loses more than this has been
// dead for so long that its client signs in anew.
const maxSent = 128 << 10 // bytes, by weight

// newSecret returns the secret of a session, which is all that it takes to continue
// it: 130 random bits.
func newSecret() string { return rand.Text() }

// number gives an event its place in c's session and keeps it. If the family has no
// word for the event, it has no number either, and is not told.
func (h *Hub) number(c *Client, ev Event) (Event, bool) {
	s := c.session
	if !c.profile.hears(ev) {
		return ev, false
	}
	s.sent++
	n := Numbered{ev, s.sent}
	s.kept = append(s.kept, keptEvent{n, time.Now()})
	s.bytes += n.Weight()
	unsent := c.via.queued() + n.Weight()
	s.forget(func(keptEvent) bool { return s.bytes > maxSent+unsent })
	if s.sweep == nil {
		s.sweep = time.AfterFunc(h.limits.arrival, func() { h.post(sweepDue{c}) })
	}
	return n, true
}

// countFrame counts a text frame that was taken from c.
func (c *Client) countFrame() {
	if c.session != nil {
		c.session.taken++
	}
}

// forget drops kept messages, oldest first, as long as a rule says so.
func (s *session) forget(rule func(keptEvent) bool) {
	n := 0
	for n < len(s.kept) && rule(s.kept[n]) {
		s.bytes -= s.kept[n].Weight()
		n++
	}
	clear(s.kept[:n]) // or their payloads would stay as long as the array does
	s.kept = s.kept[n:]
}

// sweep forgets what c has been sent so long ago that a ping sent after it was
// answered. While c is away nothing more arrives, and nothing is forgotten.
func (h *Hub) sweep(c *Client) {
	s := c.session
	if s == nil { // c is removed
		return
	}
	if s.away == nil {
		arrived := time.Now().Add(-h.limits.arrival)
		s.forget(func(kept keptEvent) bool { return !kept.at.After(arrived) })
	}
	if len(s.kept) == 0 {
		s.kept, s.sweep = nil, nil
		return
	}
	s.sweep.Reset(h.limits.arrival)
}

// beginSession begins a session of c, which has been told its secret.
func (h *Hub) beginSession(c *Client, secret string) {
	c.session = &session{secret: secret}
	h.sessions[secret] = c
}

// endSession forgets the session of c, which is removed.
func (h *Hub) endSession(c *Client) {
	s := c.session
	if s == nil {
		return
	}
	delete(h.sessions, s.secret)
	c.session = nil
	if s.sweep != nil {
		s.sweep.Stop()
	}
	if s.away != nil {
		s.away.window.Stop()
	}
}

// away carries a client whose connection is lost: it keeps what the client is told
// until it comes back, or its window ends.
type away struct {
	limit  int // bytes that may wait
	unsent int // bytes that wait
	window *time.Timer
}

func (a *away) send(ev Event) bool {
	if a.unsent+ev.Weight() > a.limit {
		return false
	}
	a.unsent += ev.Weight()
	return true
}

func (a *away) crowded() bool { return a.unsent > a.limit/2 }
func (a *away) queued() int   { return a.unsent }

// There is no connection to end, to ask or to tell. Whoever ends it removes the client, or
// gives it another carrier, in the same step.
func (a *away) end(why *Closing) *Closing            { return why }
func (a *away) askIfAlive()                          {}
func (a *away) patience(time.Duration) time.Duration { return 0 }
func (a *away) setKnown(bool)                        {}

// lose handles the end of a connection. Its client is removed, unless it has a session
// and has not said goodbye: then it is away until it comes back or its window ends.
func (h *Hub) lose(c *Client, why *Closing) {
	if c == nil || h.clients[c.via] != c {
		return
	}
	why = c.via.end(why)
	if c.session == nil || c.isAway() || !why.Loss || h.closing {
		h.remove(c, why)
		return
	}
	a := &away{limit: h.limits.maxQueue - eventOverhead, unsent: c.session.bytes} // all of it may have to be sent
	a.window = late.AfterFunc(h.limits.resumeWindow, func() { h.post(windowDue{a}) })
	h.carry(c, a)
	c.session.away = a
	h.log.Info("connection lost", "conn", c.id, "name", c.name.Text, "reason", why.Reason)
	h.probeLost(c)
}

// isAway reports whether the connection of c is lost, and c may come back.
func (c *Client) isAway() bool { return c.session != nil && c.session.away != nil }

// carry gives c another carrier.
func (h *Hub) carry(c *Client, via carrier) {
	delete(h.clients, c.via)
	c.via = via
	h.clients[via] = c
}

// resume continues the session whose secret a new connection shows. The new
// connection's own client, which has not signed in, is forgotten.
func (h *Hub) resume(c *Client, cmd Resume) *Refused {
	back := h.sessions[cmd.Secret]
	switch {
	case c.loggedIn():
		return signedInAlready(c)
	case c.awaited != nil:
		return loginUndecided()
	case c.room != nil:
		return refuse(CodeBadState, "leave the room before you come back")
	case back == nil:
		return noSuchSession()
	case cmd.Seq > back.session.sent:
		return refuse(CodeBadRequest, `"seq" is the number of the last message that you have seen`)
	case cmd.Seq < back.session.before():
		h.remove(back, closeGone)
		return noSuchSession()
	}
	if cmd.Renewal != nil {
		if refusal := checkRenewal(back, *cmd.Renewal); refusal != nil {
			return refusal
		}
		defer h.setGrant(back, cmd.Renewal.Grant)
	}
	h.takeOver(back, c, cmd.Seq)
	return nil
}

// noSuchSession refuses a Resume whose session has ended, or cannot be continued.
func noSuchSession() *Refused {
	return refuse(CodeNoSuchSession, "there is no such session any more: sign in anew")
}

// before returns the number of the message before the first that is kept.
func (s *session) before() uint64 { return s.sent - uint64(len(s.kept)) }

// windowEnded removes a client that has not come back.
func (h *Hub) windowEnded(a *away) { h.remove(h.clients[a], closeGone) }

// takeOver gives a client the connection of another, and tells it what it missed.
func (h *Hub) takeOver(back, c *Client, seen uint64) {
	s := back.session
	c.loginTimer.Stop()
	back.via.end(closeReplaced)
	if s.away != nil {
		s.away.window.Stop()
		s.away = nil
	}
	h.carry(back, c.via)
	back.via.setKnown(true)
	h.log.Info("resumed", "conn", back.id, "name", back.name.Text, "on", c.id)
	told := back.via.send(LoggedIn{Name: back.name.Text, Role: back.role, TURN: h.lease(back), Resumed: true, Received: s.taken})
	for _, kept := range s.kept {
		if kept.Seq > seen {
			told = told && back.via.send(kept.Numbered)
		}
	}
	if !told {
		h.leaving = append(h.leaving, leaver{back, closeSlow})
	}
	h.probeAnswered(back)
}
