package main

import "switchboard/internal/late"

// This file is about signing in: who may have which name, and by when. If somebody
// holds the name already, probe.go decides.

// startLoginTimer gives c time to sign in.
func (h *Hub) startLoginTimer(c *Client) {
	c.loginTimer = late.AfterFunc(h.limits.loginTimeout, func() { h.post(loginDue{c}) })
}

// connect lets c in, and signs it in if it asks for that too.
func (h *Hub) connect(c *Client, req Request, cmd Connect) *Refused {
	if cmd.Login != nil {
		return h.login(c, req, *cmd.Login)
	}
	h.letIn(c)
	return nil
}

// letIn tells c its id, for families that ask for one.
func (h *Hub) letIn(c *Client) {
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
	if holder := h.registry.byKey[cmd.Name.Key]; holder != nil {
		return h.probe(holder, c, req, cmd)
	}
	h.signIn(c, req, cmd)
	return nil
}

// checkLogin returns why c may not have a name now, whoever holds that.
func (h *Hub) checkLogin(c *Client, cmd Login) *Refused {
	switch {
	case c.loggedIn():
		return refuse(CodeAlreadyLoggedIn, "you are signed in as "+c.name.Text)
	case c.waiting != nil:
		return refuse(CodeBadState, "your login is being looked at")
	case len(c.calls) > 0:
		return refuse(CodeBadState, "you are in a call, and cannot change how you are addressed")
	case !h.rights.known[cmd.Role]:
		return refuse(CodeBadRole, "there is no role "+excerpt(cmd.Role))
	}
	return nil
}

func nameTaken(name Name) *Refused {
	return refuse(CodeNameTaken, name.Text+" is signed in already")
}

// signIn gives c its name. A request that was a Connect is granted too.
func (h *Hub) signIn(c *Client, req Request, cmd Login) {
	c.name, c.role = cmd.Name, cmd.Role
	c.via.admit(true)
	c.loginTimer.Stop()
	c.loginTimer = nil // it will not be needed again, and most connections are signed in
	h.registry.add(c)
	h.log.Info("signed in", "conn", c.id, "name", c.name.Text, "role", c.role)
	if _, connects := req.Command.(Connect); connects {
		h.letIn(c)
	}
	h.tell(c, LoggedIn{Name: c.name.Text, Role: c.role})
}

func (h *Hub) loginTimedOut(c *Client) {
	if !c.loggedIn() && c.room == nil {
		h.remove(c, closeLoginTimeout)
	}
}
