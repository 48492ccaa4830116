package main

import (
	"slices"
	"time"
)

// Pages of some families send an end when they are told of one, and when their
// request is refused. Such an end does not say which call it ends. It may arrive
// when the next call rings already, and so may an end that the user made before the
// page was told. Neither declines the next call.

// echo says which ends may still come from a client of such a family. When the
// client has made or taken a call since, none do: an end then ends that call. Owned
// by the hub.
type echo struct {
	ends  int   // how many more may come
	due   bool  // the next one is expected: it is ignored although there is no call
	until int64 // when none is waited for any more: Unix time in milliseconds
}

// echoTime is how long an end may take to come back. Pages send it at once; a
// connection that takes longer to deliver it is lost.
const echoTime = 30 * time.Second

// expectEnds notes that n ends may come back from c, if its family does that.
// It is called when c has been told of an end or of a refusal. If due is true,
// the first of them is not refused, whether or not there is a call.
func (c *Client) expectEnds(n int, due bool) {
	if c.profile.echoesEnd {
		c.echo = echo{max(n, c.echo.ends), due || c.echo.due, time.Now().Add(echoTime).UnixMilli()}
	}
}

// expectEndsAfter notes that ends may come back from c after a refusal, if its
// family takes that for an end.
func (c *Client) expectEndsAfter(refusal *Refused) {
	if slices.Contains(c.profile.echoesRefused, refusal.Request) {
		c.expectEnds(2, false)
	}
}

// isEcho reports whether a leave of c is such an end, and so ends no call. It is none
// if c is in a call that c has made or taken.
func (c *Client) isEcho(cmd Leave) bool {
	own := func(cl *Call) bool { return c == cl.caller.Client || cl.state == active }
	if cmd != (Leave{}) || c.echo.ends == 0 || slices.ContainsFunc(c.calls, own) {
		return false
	}
	if time.Now().UnixMilli() > c.echo.until {
		c.echo = echo{}
		return false
	}
	due := c.echo.due
	c.echo.ends, c.echo.due = c.echo.ends-1, false
	return due || len(c.calls) > 0
}
