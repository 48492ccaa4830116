package main

import (
	"cmp"
	"slices"
)

// registry holds who is signed in, by the key of their names. Owned by the
// hub.
type registry struct {
	byKey map[string]*Client

	// Those of each role in the order of their keys, so that making a list
	// neither sorts nor looks at those who do not belong in it.
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

// remove takes c out, if it is c that holds the name: a late goodbye must
// not remove whoever signed in under the same name since.
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

// indexOf returns where c stands, or belongs, among those of its role.
func indexOf(same []*Client, c *Client) int {
	i, _ := slices.BinarySearchFunc(same, c, compareKeys)
	return i
}

func compareKeys(a, b *Client) int { return cmp.Compare(a.name.Key, b.name.Key) }

// maxListed bounds a users list, which is made on the hub's own time and
// sent in one frame.
const maxListed = 200

// list returns those whom c may call or be called by, in the order of names,
// and how many they are in all. It returns at most maxListed of them, and not
// more than maxBytes by weight.
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

// first takes the first in the order of keys out of several ordered lists, one
// of which must have somebody.
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
