package main

import "slices"

// A Room is where two clients meet that know only the name of the room. When the
// second joins, a call is active between them, and either may offer. A room without
// members is forgotten. Owned by the hub.
type Room struct {
	name    Name
	members []*Client // one or two
}

const maxMembers = 2

// others returns the members that are not c.
func (r *Room) others(c *Client) []*Client {
	return slices.DeleteFunc(slices.Clone(r.members), func(other *Client) bool { return other == c })
}

// full reports whether nobody else may join: there are two members, or the one is in
// a call with somebody outside.
func (r *Room) full() bool {
	return len(r.members) == maxMembers || len(r.members[0].calls) > 0
}

// join takes c into a room, out of the one that it is in.
func (h *Hub) join(c *Client, cmd Join) *Refused {
	room := h.rooms[cmd.Room.Key]
	if refusal := h.checkJoin(c, cmd.Room); refusal != nil {
		return refusal
	}
	switch {
	case room != nil && room == c.room:
		h.tellJoined(c) // again; nothing has changed
		return nil
	case len(c.calls) > 0:
		return c.calls[0].keepsBusy(c)
	case room != nil && room.full():
		h.tell(c, RoomFull{cmd.Room.Text})
		return nil
	}
	if room != nil {
		if refusal := h.checkMeeting(c, room.members[0]); refusal != nil {
			return refusal
		}
	}
	h.enter(c, cmd)
	return nil
}

// checkJoin returns why c may not join a room now, whatever the room is like.
func (h *Hub) checkJoin(c *Client, room Name) *Refused {
	switch {
	case h.limits.signInFirst && !c.loggedIn():
		return refuse(CodeNotLoggedIn, "sign in first")
	case c.grant.over():
		return tokenExpired()
	case !c.grant.mayJoin(room.Key):
		return refuse(CodeForbidden, "your token does not let you into this room")
	case c.awaited != nil:
		return loginUndecided()
	}
	return nil
}

// checkMeeting returns why c may not join the one member of a room now.
func (h *Hub) checkMeeting(c, member *Client) *Refused {
	switch {
	case !h.mayCall(c, member) && !h.mayCall(member, c):
		return refuse(CodeForbidden, "you and the member of this room may not call each other")
	case member.awaited != nil:
		return refuse(CodeBusy, "the member of this room is signing in: try again in a few seconds")
	case member.via.crowded():
		return overload("the member of this room")
	}
	return nil
}

// enter makes c a member of a room, and calls the other member if there is one. A room
// that has no members yet is made.
func (h *Hub) enter(c *Client, cmd Join) {
	h.exitRoom(c)
	room := h.rooms[cmd.Room.Key]
	if room == nil {
		room = &Room{name: cmd.Room}
		h.rooms[cmd.Room.Key] = room
	}
	if c.memberID == "" {
		c.memberID = newMemberID()
	}
	if !c.loggedIn() {
		c.loginTimer.Stop()
	}
	c.room, c.label = room, cmd.Label
	c.via.setKnown(true)
	room.members = append(room.members, c)
	h.tellJoined(c)
	if len(room.members) == maxMembers {
		h.meet(room)
	}
}

// mayCall reports whether one party may call another.
func (h *Hub) mayCall(caller, callee *Client) bool {
	return h.rights.mayCall(caller.role, callee.role) && caller.grant.mayCall(callee.name.Key)
}

// tellJoined tells c who else is in its room.
func (h *Hub) tellJoined(c *Client) {
	joined := Joined{Room: c.room.name.Text}
	for _, other := range c.room.others(c) {
		joined.Members = append(joined.Members, Member{Address: other.address(), Label: other.label})
	}
	h.tell(c, joined)
}

// meet makes the call between the two members of a room. The one that joined last
// is the caller, since its page makes the offer.
func (h *Hub) meet(room *Room) {
	cl := h.newCall(room.members[1], room.members[0], ByMeeting)
	cl.room = room
	h.establish(cl)
}

// exitRoom takes c out of the room that it is in, if any. The room's call must have
// ended.
func (h *Hub) exitRoom(c *Client) {
	room := c.room
	if room == nil {
		return
	}
	c.room = nil
	room.members = room.others(c)
	if len(room.members) == 0 {
		delete(h.rooms, room.name.Key)
	}
	if !c.loggedIn() {
		c.via.setKnown(false)
		h.startLoginTimer(c)
	}
}
