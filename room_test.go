package main

import (
	"fmt"
	"strings"
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
		if !c.isAway() {
			ht.check(carrierOf(c).known == (c.loggedIn() || c.room != nil), "%s may send large messages: %t", c.address(), carrierOf(c).known)
		}
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

// A member who has not signed in goes by an id that says nothing and cannot be
// guessed. It is an address within the room, and nothing outside it.
func TestRoomMembersGoByAnID(t *testing.T) {
	ht := newHubTester(t)
	first, second, elsewhere, outside := ht.connect(), ht.connect(), ht.connect(), ht.signIn("out", "")
	ht.do(first, Join{Room: *nameOf("1234"), Label: "first"})
	ht.want(first, "to be alone", Joined{Room: "1234"})
	ht.do(elsewhere, Join{Room: *nameOf("5678")})
	ht.forget(elsewhere)
	if len(first.memberID) < 20 || first.memberID == elsewhere.memberID {
		t.Fatalf("the members go by %q and %q", first.memberID, elsewhere.memberID)
	}

	byID := Offer{To: toName(first.memberID), SDP: sdp}
	ht.do(outside, byID)
	ht.wantRefused(outside, CodeNoSuchUser)
	ht.do(elsewhere, byID)
	ht.wantRefused(elsewhere, CodeNoSuchUser)
	ht.do(elsewhere, Candidate{To: byID.To, Candidate: candidate})
	ht.wantRefused(elsewhere, CodeNoSuchCall)

	ht.do(second, Join{Room: *nameOf("1234"), Label: "second"})
	ht.forget(first)
	joined := heard(second)[0].(Joined)
	if want := (Member{Address: first.memberID, Label: "first"}); len(joined.Members) != 1 || joined.Members[0] != want {
		t.Fatalf("the second member finds %+v, want %+v", joined.Members, want)
	}
	ht.do(second, byID)
	ht.want(first, "the offer", Offered{first.calls[0].info(first), sdp})
	if peer := first.calls[0].info(first).Peer; peer != second.memberID {
		t.Errorf("the first member hears of %q, want %q", peer, second.memberID)
	}
	ht.do(outside, byID)
	ht.wantRefused(outside, CodeNoSuchUser)
	ht.wantIdle(first, second, elsewhere)
}

// Whoever calls a room hears its name and no other, in texts as well.
func TestTheCallerOfARoomHearsItsName(t *testing.T) {
	ht := newHubTester(t)
	ann, member := ht.signIn("ann", ""), ht.connect()
	ht.signIn("bob", "")
	ht.do(member, Join{Room: *nameOf("lobby")})
	ht.do(ann, Offer{To: toName("Lobby"), SDP: sdp})
	ht.do(ann, Join{Room: *nameOf("1234")})
	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.do(ann, Leave{To: toName("lobby")})
	for _, ev := range heard(ann) {
		if text := fmt.Sprintf("%+v", ev); strings.Contains(text, member.memberID) {
			t.Errorf("ann hears the id of the room's member: %s", text)
		}
	}
	if len(ann.calls) != 0 {
		t.Error("ann could not leave the call by the room's name")
	}
}
