package main

import (
	"fmt"
	"strings"
	"testing"
)

// checkRegistry states that each name has one holder, who is connected and listed
// by role, in order.
func (ht *hubTester) checkRegistry() {
	ht.Helper()
	h, roles := ht.hub, map[string]int{}
	for key, c := range h.registry.byKey {
		ht.check(h.clients[c.via] == c, "the name %q is held by no connection", key)
		ht.check(c.name.Key == key, "%q is entered under %q", c.name.Key, key)
		ht.check(c.awaited == nil, "%s is signed in and waits for it", key)
		roles[c.role]++
	}
	for role, same := range h.registry.byRole {
		ht.check(len(same) > 0 && len(same) == roles[role], "%d are listed as %q, not %d", len(same), role, roles[role])
		delete(roles, role)
		for i, c := range same {
			ht.check(h.registry.byKey[c.name.Key] == c && c.role == role, "%q is listed as %q", c.name.Key, role)
			ht.check(i == 0 || same[i-1].name.Key < c.name.Key, "names are not in order")
		}
	}
	ht.check(len(roles) == 0, "of some roles nobody is listed: %v", roles)
}

func TestUsersListIsBounded(t *testing.T) {
	ht := newHubTester(t)
	ann := ht.signIn("ann", "teacher")
	for i := range maxListed + 50 {
		ht.signIn(fmt.Sprintf("s%03d", i), "student")
	}
	ht.signIn("tom", "teacher")
	ht.do(ann, ListUsers{})
	list := heard(ann)[0].(UsersListed)
	if len(list.Users) != maxListed || list.Total != maxListed+50 || list.Users[0].Name != "s000" {
		t.Errorf("%d users from %s of %d in all", len(list.Users), list.Users[0].Name, list.Total)
	}
}

// A name is free as soon as its holder has gone, and a late goodbye does not take it
// from the next.
func TestNameIsFreeAtOnce(t *testing.T) {
	ht := newHubTester(t)
	ann := ht.signIn("ann", "")
	ht.step(clientGone{ann.via, closeGone})
	next := ht.signIn("ann", "")
	ht.hub.registry.remove(ann)
	if ht.hub.registry.byKey["ann"] != next {
		t.Error("the name was taken from its new holder")
	}
}

// A list is of those whom one may call or be called by, in the order of names and
// across roles, without oneself.
func TestUsersList(t *testing.T) {
	ht := newHubTester(t)
	for name, role := range map[string]string{"ann": "teacher", "bob": "student", "cyd": "", "dan": "student", "eve": "teacher", "Fay": ""} {
		ht.signIn(name, role)
	}
	for name, want := range map[string]string{"ann": "bob cyd dan Fay", "bob": "ann eve", "cyd": "ann eve Fay"} {
		c := ht.hub.registry.byKey[name]
		ht.do(c, ListUsers{})
		list := heard(c)[0].(UsersListed)
		var names []string
		for _, user := range list.Users {
			names = append(names, user.Name)
		}
		if got := strings.Join(names, " "); got != want || list.Total != len(names) {
			t.Errorf("%s sees %s of %d, want %s", name, got, list.Total, want)
		}
	}
}
