package main

import (
	"cmp"
	"slices"
)

// registry holds who is signed in, by the key of their names and in the
// order of these keys, so that listing does not sort. Owned by the hub.
type registry struct {
	byKey  map[string]*Client
	sorted []*Client
	roles  map[string]int // how many hold each role
}

func newRegistry() registry {
	return registry{byKey: map[string]*Client{}, roles: map[string]int{}}
}

// add enters c under its name, which must be free.
func (r *registry) add(c *Client) {
	r.byKey[c.name.Key] = c
	r.roles[c.role]++
	i, _ := r.find(c.name.Key)
	r.sorted = slices.Insert(r.sorted, i, c)
}

// remove takes c out, if it is c that holds the name: a late goodbye must
// not remove whoever signed in under the same name since.
func (r *registry) remove(c *Client) {
	if r.byKey[c.name.Key] != c {
		return
	}
	delete(r.byKey, c.name.Key)
	if r.roles[c.role]--; r.roles[c.role] == 0 {
		delete(r.roles, c.role)
	}
	i, _ := r.find(c.name.Key)
	r.sorted = slices.Delete(r.sorted, i, i+1)
}

func (r *registry) find(key string) (int, bool) {
	return slices.BinarySearchFunc(r.sorted, key, func(c *Client, key string) int {
		return cmp.Compare(c.name.Key, key)
	})
}

// maxListed bounds a users list, which is made on the hub's own time and
// sent in one frame.
const maxListed = 200

// list returns those whom c may call or be called by, at most maxListed of
// them in the order of names, and how many they are in all.
func (r *registry) list(c *Client, rights Rights) UsersListed {
	total := 0
	for role, n := range r.roles {
		if rights.concern(c.role, role) {
			total += n
		}
	}
	if c.loggedIn() && rights.concern(c.role, c.role) {
		total-- // c itself
	}
	users := make([]User, 0, min(total, maxListed))
	for _, other := range r.sorted {
		if len(users) == cap(users) {
			break
		}
		if other != c && rights.concern(c.role, other.role) {
			users = append(users, User{Name: other.name.Text, Role: other.role, State: other.presence()})
		}
	}
	return UsersListed{Users: users, Total: total}
}
