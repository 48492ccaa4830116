//go:build linux

package main

import "fmt"

// connect plays connects: TCP, upgrade, login, close. It shows what coming
// and going costs, which is the larger part of a call, and decides how soon
// everybody is back after a server was restarted.
var connectScenario = scenario{
	name:  "connect",
	about: "connect, upgrade, login, close",
	columns: []column{
		{key: "connects_per_second", head: "connects/s", ratio: true},
		{key: "cpu_us_per_connect", head: "CPU µs/connect", decimals: 1, ratio: true},
		{key: "latency_p50_ms", head: "p50 ms", decimals: 2},
		{key: "latency_p99_ms", head: "p99 ms", decimals: 2, ratio: true},
	},
	loads: func(*settings) []load {
		return []load{{
			label: fmt.Sprintf("%d under way", underWay),
			sizes: map[string]int{"under_way": underWay},
			run:   (*trial).runConnects,
		}}
	},
}

// passerBy is the party of clients that connect, sign in and close.
type passerBy struct{ *churn }

func (t *trial) runConnects() error {
	by := passerBy{newChurn(t.loop)}
	by.begin = func(number int) { t.loop.newConn(fmt.Sprintf("c%d", number)).connect(by) }
	n, used, err := t.measureChurn(by.churn)
	t.figures["connects_per_second"] = used.perSecond(n)
	t.figures["cpu_us_per_connect"] = used.microseconds(n)
	return err
}

func (by passerBy) upgraded(c *conn) { c.sayLogin() }

func (by passerBy) heard(c *conn, w word, message []byte) {
	if by.hearLogin(c, w, message) {
		c.sayClose()
	}
}

func (by passerBy) ended(c *conn, code int) {
	if !c.signedIn {
		c.cutShort(code)
		return
	}
	by.finish(c.since)
}
