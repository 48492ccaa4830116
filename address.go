package main

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// This file finds whom, or which call, a client means by a name or an id.

// address returns how others address c: by its name, or by an id if it is in a room
// without a name.
func (c *Client) address() string {
	if c.loggedIn() {
		return c.name.Text
	}
	return c.memberID
}

// addressKey returns the key by which addresses of c are compared.
func (c *Client) addressKey() string {
	if c.loggedIn() {
		return c.name.Key
	}
	return c.memberID
}

// newMemberID returns an id that cannot be guessed and is its own key.
func newMemberID() string { return strings.ToLower(rand.Text()) }

// peerAddress returns the name that c knows the other party by: for a caller that
// dialled a room, the room's name.
func (cl *Call) peerAddress(c *Client) string {
	if c == cl.caller.Client && cl.dialled.Text != "" {
		return cl.dialled.Text
	}
	return cl.peer(c).address()
}

// isWith reports whether the call is the one that c means by a name with this key.
func (cl *Call) isWith(c *Client, key string) bool {
	if c == cl.caller.Client && cl.dialled.Key != "" && cl.dialled.Key == key {
		return true
	}
	return cl.peer(c).addressKey() == key
}

// callee returns the client that is called by a name: its holder, or else the member
// of the room of that name. Then it returns the room's name too.
func (h *Hub) callee(name Name) (callee *Client, dialled Name) {
	if holder := h.registry.byKey[name.Key]; holder != nil {
		return holder, Name{}
	}
	if room := h.rooms[name.Key]; room != nil {
		return room.members[0], name // busy, if it is not alone
	}
	return nil, Name{}
}

// find returns the call of c that a command is addressed to.
func (h *Hub) find(c *Client, to Target) (*Call, *Refused) {
	switch {
	case to.CallID != "":
		return h.findByID(c, to)
	case to.Name != nil:
		if cl := c.callWith(to.Name.Key); cl != nil {
			return cl, nil
		}
		return nil, refuse(CodeNoSuchCall, "there is no call with "+to.Name.Text)
	case len(c.calls) == 1:
		return c.calls[0], nil
	case len(c.calls) == 0:
		return nil, refuse(CodeNoSuchCall, "there is no call")
	}
	return nil, refuse(CodeBadRequest, `there are several calls: say which by "callID" or "name"`)
}

// findByID gives the same refusal for somebody else's call as for none, so that
// nobody can find out which ids there are.
func (h *Hub) findByID(c *Client, to Target) (*Call, *Refused) {
	cl := h.calls[to.CallID]
	if cl == nil || !cl.has(c) {
		return nil, refuse(CodeNoSuchCall, "there is no call "+excerpt(to.CallID))
	}
	if to.Name != nil && !cl.isWith(c, to.Name.Key) {
		return nil, refuse(CodeBadRequest, fmt.Sprintf("call %s is not with %s", cl.id, to.Name.Text))
	}
	return cl, nil
}

// callWith returns the call between c and the party that it addresses by this key,
// nil if there is none. Two parties never have more than one.
func (c *Client) callWith(key string) *Call {
	for _, cl := range c.calls {
		if cl.isWith(c, key) {
			return cl
		}
	}
	return nil
}
