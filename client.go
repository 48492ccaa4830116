package main

import (
	"slices"
	"time"
)

// Client is a party as the hub knows it: who it is, which calls it has, and what
// is remembered of what it said. The hub owns all of it. It reaches the person
// by the carrier alone.
type Client struct {
	id  uint64 // of its connection, for the log
	via carrier

	name       Name // zero until signed in
	role       string
	calls      []*Call
	waiting    *probe // the login awaits its outcome
	loginTimer *time.Timer
	room       *Room
	memberID   string   // its address in rooms while it has no name
	label      string   // how it wants to be shown in them
	profile    *Profile // of its family, as of its latest request
	sendsBare  bool     // its latest description was the SDP alone
	echo       echo     // ends that may come back from it
	strikes    strikes
}

// A carrier takes what a client is told to wherever the client is. The hub knows
// no more of a connection than this, and never asks what kind of carrier it has.
// No method waits.
type carrier interface {
	// send queues an event. It returns false if the client has fallen too far
	// behind, or is ending.
	send(Event) bool

	// crowded reports whether more than half of the queue is taken.
	crowded() bool

	// kill ends the connection, unless it is ending already, and returns why it
	// ends: the first reason stands, and decides what the client still hears.
	kill(why *Closing) *Closing

	// probe asks for a sign of life, which reaches the hub as probeHeard.
	probe()

	// patience returns how much longer to wait for a sign of life that is overdue
	// by so much: 0 if it will not come.
	patience(overdue time.Duration) time.Duration

	// admit says whether the client has a name or a room, and so may send large
	// messages.
	admit(bool)
}

// newClient returns a party that has not asked for anything.
func newClient(via carrier, id uint64) *Client {
	return &Client{id: id, via: via, profile: unknownFamily}
}

var unknownFamily = &Profile{}

// loggedIn reports whether c has a name.
func (c *Client) loggedIn() bool { return c.name.Key != "" }

// alone reports whether c waits in a room for somebody else.
func (c *Client) alone() bool { return c.room != nil && len(c.calls) == 0 }

// presence says whether c can be called now.
func (c *Client) presence() Presence {
	switch {
	case len(c.calls) == 0:
		return PresenceFree
	case slices.ContainsFunc(c.calls, func(cl *Call) bool { return cl.state == active }):
		return PresenceInCall
	}
	return PresenceRinging
}
