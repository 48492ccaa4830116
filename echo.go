package main

import (
	"slices"
	"time"
)

// Pages of some families send an end when they are told of one, and when what
// they asked is refused. That end does not say what it ends, and may arrive
// when the next call rings already, as may one that its user made before the
// page was told. Neither declines that call.

// echo says which ends may still come from a client of such a family. None do
// when the client has made or taken a call since: it ends that. Owned by the
// hub.
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

// isEcho reports whether a leave of c ends nothing, since it belongs to what c
// was told before. It never belongs to a call that c has made or taken.
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
