package main

import (
	"testing"
)

// checkRooms states that a room and its members know each other, and that a pair is
// in the call of its room.
func (ht *hubTester) checkRooms() {
	ht.Helper()
	h := ht.hub
	for key, room := range h.rooms {
		n := len(room.members)
		ht.check(room.name.Key == key && n > 0 && n <= maxMembers, "the room %q has %d members", key, n)
		for _, c := range room.members {
			ht.check(h.clients[c.via] == c && c.room == room, "a member of %q is not in it", key)
			ht.check(n == 1 || len(c.calls) == 1 && c.calls[0].room == room, "a pair in %q is not in its call", key)
		}
	}
	for _, c := range h.clients {
		ht.check(c.room == nil || h.rooms[c.room.name.Key] == c.room, "%s is in a forgotten room", c.address())
		ht.check(carrierOf(c).admitted == (c.loggedIn() || c.room != nil), "%s may send large messages: %t", c.address(), carrierOf(c).admitted)
		for _, cl := range c.calls {
			ht.check(cl.room == nil || cl.room == c.room && cl.state == active, "%s has a call of a room it is not in", c.address())
		}
	}
}

// The second who joins a room is in a call with the first, a third is refused, and
// whoever leaves ends the call and has no room.
func TestRoomOfTwo(t *testing.T) {
	ht := newHubTester(t)
	ann, bob, cyd := ht.connect(), ht.connect(), ht.connect()
	room := *nameOf("room")
	ht.do(ann, Join{Room: room, Label: "Ann"})
	ht.want(ann, "to be alone", Joined{Room: "room"})
	ht.do(bob, Join{Room: room})
	cl := ht.hub.calls["call-1"]
	ht.want(bob, "to meet ann", Joined{Room: "room", Members: []Member{{ann.memberID, "Ann"}}}, Established{CallInfo: cl.info(bob)})
	ht.want(ann, "to meet bob", Established{CallInfo: cl.info(ann)})
	ht.do(cyd, Join{Room: room})
	ht.want(cyd, "that it is full", RoomFull{"room"})

	ht.do(ann, Leave{})
	ht.want(bob, "the end", Ended{cl.info(bob), ReasonHangup})
	ht.do(cyd, Join{Room: room})
	ht.want(cyd, "to meet bob, who stays", Joined{Room: "room", Members: []Member{{Address: bob.memberID}}},
		Established{CallInfo: ht.hub.calls["call-2"].info(cyd)})
	ht.do(ann, Leave{})
	ht.wantRefused(ann, CodeNotLoggedIn)
}
