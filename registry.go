package main

import (
	"cmp"
	"slices"
)

// registry holds the clients that are signed in, by the keys of their names. Owned
// by the hub.
type registry struct {
	byKey map[string]*Client

	// The clients of each role in the order of their keys: so a list is made without
	// sorting, and without looking at clients that are not in it.
	byRole map[string][]*Client
}

func newRegistry() registry {
	return registry{byKey: map[string]*Client{}, byRole: map[string][]*Client{}}
}

// add enters c under its name, which must be free.
func (r *registry) add(c *Client) {
	r.byKey[c.name.Key] = c
	same := r.byRole[c.role]
	r.byRole[c.role] = slices.Insert(same, indexOf(same, c), c)
}

// remove takes c out, if c holds its name: a late goodbye must not remove the client
// that has signed in under the same name since.
func (r *registry) remove(c *Client) {
	if r.byKey[c.name.Key] != c {
		return
	}
	delete(r.byKey, c.name.Key)
	same := r.byRole[c.role]
	i := indexOf(same, c)
	if same = slices.Delete(same, i, i+1); len(same) == 0 {
		delete(r.byRole, c.role)
		return
	}
	r.byRole[c.role] = same
}

// indexOf returns the index of c among the clients of its role, or the one that it
// would have.
func indexOf(same []*Client, c *Client) int {
	i, _ := slices.BinarySearchFunc(same, c, compareKeys)
	return i
}

func compareKeys(a, b *Client) int { return cmp.Compare(a.name.Key, b.name.Key) }

// maxListed bounds a users list: the hub makes it while everybody else waits.
const maxListed = 200

// list returns the clients that c may call or be called by, in the order of names,
// and how many they are in all. It lists at most maxListed of them, and no more
// than weigh maxBytes.
func (r *registry) list(c *Client, rights Rights, maxBytes int) UsersListed {
	var concerned [][]*Client
	total := 0
	for role, same := range r.byRole {
		if rights.concern(c.role, role) {
			concerned = append(concerned, same)
			total += len(same)
		}
	}
	if c.loggedIn() && rights.concern(c.role, c.role) {
		total-- // c itself
	}
	users := make([]User, 0, min(total, maxListed))
	for len(users) < cap(users) {
		other := first(concerned)
		if other == c {
			continue
		}
		user := User{Name: other.name.Text, Role: other.role, State: other.presence()}
		if maxBytes -= user.bytes(); maxBytes < 0 {
			break
		}
		users = append(users, user)
	}
	return UsersListed{Users: users, Total: total}
}

// first takes the client with the lowest key out of several ordered lists, which
// must not all be empty.
func first(lists [][]*Client) *Client {
	from := -1
	for i, list := range lists {
		if len(list) > 0 && (from < 0 || compareKeys(list[0], lists[from][0]) < 0) {
			from = i
		}
	}
	next := lists[from][0]
	lists[from] = lists[from][1:]
	return next
}
