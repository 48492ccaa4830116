package main

import (
	"cmp"
	"slices"

	"switchboard/internal/late"
)

// This file is about signing in: who may have which name, and by when, and who is
// signed in. If somebody holds the name already, probe.go decides.

// startLoginTimer gives c time to sign in.
func (h *Hub) startLoginTimer(c *Client) {
	c.loginTimer = late.AfterFunc(h.limits.loginTimeout, func() { h.post(loginDue{c}) })
}

// connect grants a CONNECT of Socket.IO, and signs c in if it asks for that too.
func (h *Hub) connect(c *Client, req Request, cmd Connect) *Refused {
	if cmd.Login != nil {
		return h.login(c, req, *cmd.Login)
	}
	h.grantConnect(c)
	return nil
}

// grantConnect tells c its id, for families that ask for one.
func (h *Hub) grantConnect(c *Client) {
	if c.memberID == "" {
		c.memberID = newMemberID()
	}
	h.tell(c, Connected{c.memberID})
}

// login gives c the name that it asks for, if the name is free. If somebody holds
// it, c waits for a probe of the holder.
func (h *Hub) login(c *Client, req Request, cmd Login) *Refused {
	if refusal := h.checkLogin(c, cmd); refusal != nil {
		return refusal
	}
	holder := h.registry.byKey[cmd.Name.Key]
	switch {
	case holder == nil:
	case cmd.Grant != nil:
		h.remove(holder, closeReplaced) // the newcomer has proved to be the same
	case holder.isAway() && len(holder.calls) > 0:
		return nameTaken(cmd.Name)
	case holder.isAway():
		h.remove(holder, closeGone) // nobody must wait for a page that has crashed
	default:
		return h.awaitHolder(holder, c, req, cmd)
	}
	h.signIn(c, req, cmd)
	return nil
}

// checkLogin returns why c may not sign in now, even if nobody holds the name.
func (h *Hub) checkLogin(c *Client, cmd Login) *Refused {
	switch {
	case c.loggedIn():
		return signedInAlready(c)
	case c.awaited != nil:
		return loginUndecided()
	case len(c.calls) > 0:
		return refuse(CodeBadState, "you are in a call, and cannot change how you are addressed")
	case !h.rights.known[cmd.Role]:
		return refuse(CodeBadRole, "there is no role "+excerpt(cmd.Role))
	}
	return nil
}

// signedInAlready refuses what only a client without a name can do.
func signedInAlready(c *Client) *Refused {
	return refuse(CodeAlreadyLoggedIn, "you are signed in as "+c.name.Text)
}

// nameTaken refuses a login, since somebody who lives holds the name.
func nameTaken(name Name) *Refused {
	return refuse(CodeNameTaken, name.Text+" is signed in already")
}

// signIn gives c its name. A request that was a Connect is granted too.
func (h *Hub) signIn(c *Client, req Request, cmd Login) {
	c.name, c.role = cmd.Name, cmd.Role
	c.via.setKnown(true)
	c.loginTimer.Stop()
	c.loginTimer = nil // it will not be needed again, and most connections are signed in
	h.registry.add(c)
	turn := h.lease(c)
	h.logSignIn(c, turn)
	if _, connects := req.Command.(Connect); connects {
		h.grantConnect(c)
	}
	granted := LoggedIn{Name: c.name.Text, Role: c.role, TURN: turn}
	if cmd.Resume && c.profile.hears != nil && h.limits.resumeWindow > 0 {
		granted.Session, granted.Window = newSecret(), h.limits.resumeWindow
	}
	h.tell(c, granted)
	if granted.Session != "" {
		h.beginSession(c, granted.Session)
	}
	h.setGrant(c, cmd.Grant)
}

// logSignIn says who has signed in, and by which id the log of a TURN server knows them.
func (h *Hub) logSignIn(c *Client, turn string) {
	args := []any{"conn", c.id, "name", c.name.Text, "role", c.role}
	if turn != "" {
		args = append(args, "turn", turn)
	}
	h.log.Info("signed in", args...)
}

func (h *Hub) loginTimedOut(c *Client) {
	if !c.loggedIn() && c.room == nil {
		h.remove(c, closeLoginTimeout)
	}
}

// listUsers tells c who is there, unless it has not read yet what it was told.
func (h *Hub) listUsers(c *Client) *Refused {
	if c.via.crowded() {
		return overload("you")
	}
	h.tell(c, h.registry.list(c, h.rights, h.limits.maxListBytes))
	return nil
}

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
	concerned, total := r.concerned(c, rights)
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

// concerned returns the lists in which those are that c may call or be called by, and
// how many these are. c itself may be in a list, and does not count.
func (r *registry) concerned(c *Client, rights Rights) (lists [][]*Client, total int) {
	if c.grant.narrowsCalls() {
		return r.named(c, rights)
	}
	for role, same := range r.byRole {
		if rights.concern(c.role, role) {
			lists = append(lists, same)
			total += len(same)
		}
	}
	if c.loggedIn() && rights.concern(c.role, c.role) {
		total--
	}
	return lists, total
}

// named returns what concerned does, for a client whose grant names whom it may call.
func (r *registry) named(c *Client, rights Rights) (lists [][]*Client, total int) {
	var there []*Client
	for _, key := range c.grant.MayCall {
		if other := r.byKey[key]; other != nil && other != c && rights.concern(c.role, other.role) {
			there = append(there, other)
		}
	}
	return [][]*Client{there}, len(there)
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
