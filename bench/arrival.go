//go:build linux

package main

import (
	"fmt"
	"time"
)

// arrival is the party of connections that connect and sign in, some at a
// time.
type arrival struct {
	loop     *loop
	waiting  []*conn // to connect
	retries  []retry // in the order in which they are due
	expected int
	signedIn int
	refused  int // logins, because the name was still held
}

type retry struct {
	due  int64
	conn *conn
}

const (
	retryAfter = 10 * time.Millisecond
	heldAtMost = 30 * time.Second // then a name is not a ghost's
)

// signIn connects and signs in, and returns how often it was refused since
// the name was still held: it then asks again a little later.
func (l *loop) signIn(conns []*conn, atOnce int) (refused int, err error) {
	a := &arrival{loop: l, waiting: conns, expected: len(conns)}
	for range min(atOnce, len(conns)) {
		a.connectNext()
	}
	err = l.run(a.done, func() string {
		return fmt.Sprintf("logins: %d of %d are signed in", a.signedIn, a.expected)
	})
	l.every(0, nil)
	return a.refused, err
}

func (a *arrival) connectNext() {
	if len(a.waiting) == 0 {
		return
	}
	next := a.waiting[0]
	a.waiting = a.waiting[1:]
	next.connect(a)
}

func (a *arrival) done() bool { return a.signedIn == a.expected }

func (a *arrival) upgraded(c *conn) { c.sayLogin() }

func (a *arrival) heard(c *conn, w word, message []byte) {
	switch {
	case w != wordLogin: // a greeting
	case succeeded(message):
		a.signedIn++
		a.connectNext()
	case a.loop.now-c.since > int64(heldAtMost):
		a.loop.fail("%s: the server keeps refusing the login: %.200s", c.name, message)
	default:
		a.refuse(c)
	}
}

// refuse has a login tried again.
func (a *arrival) refuse(c *conn) {
	a.refused++
	if len(a.retries) == 0 {
		a.loop.every(retryAfter/10, a.retry)
	}
	a.retries = append(a.retries, retry{a.loop.now + int64(retryAfter), c})
}

func (a *arrival) retry() {
	for len(a.retries) > 0 && a.retries[0].due <= a.loop.now {
		c := a.retries[0].conn
		a.retries = a.retries[1:]
		if c.state == stateOpen {
			c.sayLogin()
		}
	}
	if len(a.retries) == 0 {
		a.loop.every(0, nil)
	}
}

func (a *arrival) ended(c *conn, code int) {
	c.cutShort(code)
}
