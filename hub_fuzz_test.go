package main

import (
	"encoding/json"
	"slices"
	"testing"

	"time"

	"switchboard/internal/conn"
)

// FuzzHub plays random conversations, in open mode or with tokens: each three bytes are
// one step of one of five connections over three names: who, does what, with which detail. Queues are small
// and emptied only now and then, so that falling behind is played too. Beside the invariants
// it checks what each client is told against what a client may conclude.
func FuzzHub(f *testing.F) {
	const ann, bob, cyd, dan, eve = 0, 1, 2, 3, 4 // clients, and the first three as details: their names
	const teacher, student = 1, 2
	const ownCall, nobody = 3, 9 // details that say which call is meant
	const room, roomOfAnn = 0, 1
	const annByToken = 130             // as the first client: the others too
	as := func(role, name byte) byte { // the detail of a login
		detail := 8 * role
		for detail%3 != name {
			detail++
		}
		return detail
	}
	f.Add([]byte{ann, doLogin, ann, bob, doLogin, bob, ann, doOffer, bob, bob, doAnswer, ann, ann, doCandidate, bob,
		bob, doCandidate, ann, ann, doLeave, bob})
	f.Add([]byte{ann, doLogin, as(teacher, ann), bob, doLogin, as(student, bob), ann, doRequest, bob, bob, doCandidate, ann,
		ann, doCandidate, bob, bob, doAnswer, ann, ann, doLeave, ownCall})
	f.Add([]byte{ann, doLogin, ann, bob, doLogin, bob, ann, doOffer, bob, bob, doOffer, ann, bob, doCandidate, ann,
		bob, doAnswer, ann, ann, die, ann, bob, die, bob})
	// Others ask for ann's name: she lives, and then she does not.
	f.Add([]byte{ann, doLogin, ann, bob, doLogin, ann, cyd, doLogin, ann, ann, live, ann, ann, waitLong, ann,
		bob, doLogin, ann, cyd, doLogin, ann, ann, waitLong, ann, bob, doOffer, cyd})
	// One that waits for a name is in a room, and somebody else comes into it.
	f.Add([]byte{ann, doLogin, as(student, ann), bob, doJoin, room, bob, doLogin, as(student, ann), cyd, doJoin, room,
		ann, waitLong, ann, cyd, doOffer, ann, dan, doJoin, roomOfAnn, eve, doJoin, roomOfAnn})
	f.Add([]byte{ann, doLogin, ann, bob, doLogin, bob, ann, doOffer, bob, ann, doAskReceipt, ownCall, bob, doAnswer, nobody,
		ann, doAskReceipt, ownCall, bob, changeFamily, 1, bob, doLeave, nobody, ann, doListUsers, ann})
	// ann loses her connection while she is called, and comes back.
	const back = 2 // what one that is away does
	f.Add([]byte{ann, doLoginToResume, ann, bob, doLogin, bob, bob, doOffer, ann, ann, die, ann, bob, doCandidate, ann,
		ann, back, 0, ann, doAnswer, nobody, ann, die, ann, bob, doLeave, nobody, ann, back, 0, ann, readAll, 0})
	f.Add([]byte{ann, doLoginToResume, ann, ann, die, ann, bob, doLogin, ann, ann, doLoginToResume, bob, bob, doOffer, bob,
		ann, die, ann, cyd, doLogin, bob, ann, back, 0, ann, readAll, 0})
	f.Add([]byte{ann, doLogin, ann, bob, doLogin, bob, ann, renewAll, ann, ann, die, ann, bob, renewAll, bob, bob, renewAll, bob, bob, renewAll, bob})
	// ann's time is over in a call; then somebody takes her name, and is taken bob's.
	f.Add([]byte{annByToken, doLogin, ann, bob, doLogin, bob, ann, doOffer, bob, ann, outlive, ann, ann, doOffer, cyd, bob, doAnswer, nobody,
		ann, doLogin, ann, ann, outlive, ann, bob, doLeave, nobody, cyd, doLogin, ann, dan, doLogin, bob, eve, doJoin, room})
	f.Fuzz(func(t *testing.T, script []byte) {
		script = script[:min(len(script), 3000)]
		p := newPlay(t)
		p.ht.hub.limits.signInFirst = len(script) > 0 && script[0] > 127
		for ; len(script) >= 3; script = script[3:] {
			p.step(int(script[0]), script[1], int(script[2]))
		}
		for i := range p.clients {
			p.drain(i)
			p.ht.step(clientGone{p.clients[i].via, conn.Left})
			p.ht.hub.remove(p.clients[i], closeGone) // if it was away
		}
		h := p.ht.hub
		if len(h.clients)+len(h.registry.byKey)+len(h.calls)+len(h.probes)+len(h.rooms)+len(h.sessions)+len(h.leases.of) != 0 {
			t.Fatalf("something is left after all have gone: %+v", h)
		}
	})
}

// play is a random conversation.
type play struct {
	t       testing.TB
	ht      *hubTester
	clients []*Client
	told    []map[string]bool // per client: calls it knows; false once ended
	seen    []uint64          // per client: number of the last message of its session
}

func newPlay(t testing.TB) *play {
	p := &play{t: t, ht: newHubTester(t)}
	p.ht.hub.limits.turnTTL = 8 * time.Hour
	for range 5 {
		p.clients = append(p.clients, nil)
		p.told = append(p.told, nil)
		p.seen = append(p.seen, 0)
		p.reconnect(len(p.clients) - 1)
	}
	return p
}

func (p *play) reconnect(i int) {
	p.clients[i] = p.ht.connect()
	p.clients[i].profile = playNative
	carrierOf(p.clients[i]).limit = p.limit()
	p.told[i] = map[string]bool{}
	p.seen[i] = 0
}

// limit is the room in a queue.
func (p *play) limit() int { return 8 * eventOverhead }

var (
	playNames = []string{"ann", "bob", "cyd"}
	playRoles = []string{"", "teacher", "student"}
	playRooms = []string{"room", "ann"}

	playSets = []NameSet{nil, {}, {"ann", "room"}}

	playProfiles = []*Profile{playNative, one2oneProfile, socketIOProfile}

	// playNative is told everything, so that a client knows of all its calls.
	playNative = &Profile{namesCalls: true, renegotiates: true, hears: func(Event) bool { return true }}
)

// What a client does in a step. The detail says whom or what it means.
const (
	doLogin = iota
	doOffer
	doRequest
	doAnswer
	doCandidate
	doLeave
	doListUsers
	die // its connection ends
	waitLong
	live // gives a sign of life
	loginLate
	readAll
	doJoin
	doAskReceipt
	changeFamily
	doLoginToResume
	renewAll // its lease and all others are due
	outlive  // its grant comes to its end
	verbs
)

// step has one client do one thing. Some of them read before what they were told.
func (p *play) step(who int, what byte, detail int) {
	i := who % len(p.clients)
	c := p.clients[i]
	if c.isAway() {
		p.comeBack(i, what, detail)
		return
	}
	if what%3 == 0 {
		p.drain(i)
	}
	to := p.target(c, detail)
	switch what % verbs {
	case doLogin:
		p.ht.do(c, p.login(c, detail))
	case doOffer:
		p.ht.do(c, Offer{To: toName(playNames[detail%3]), SDP: sdp})
	case doRequest:
		p.ht.do(c, Offer{To: toName(playNames[detail%3]), SDP: sdp, Opening: ByRequest})
	case doAnswer:
		p.ht.do(c, Answer{To: to, SDP: sdp})
	case doCandidate:
		p.ht.do(c, Candidate{To: to, Candidate: json.RawMessage(`"c"`)})
	case doLeave:
		p.leave(i, Leave{To: to})
	case doListUsers:
		p.ht.do(c, ListUsers{})
	case die:
		c.via.end(closeGone)
	case waitLong:
		p.fireTimers(c)
	case live:
		p.ht.step(clientAlive{c.via})
	case loginLate:
		p.ht.step(loginDue{c})
	case readAll:
		p.drain(i)
	case doJoin:
		p.ht.do(c, Join{Room: *nameOf(playRooms[detail%2])})
	case doAskReceipt:
		p.ht.step(clientAsked{c.via, c.profile, Request{Word: "offer", Command: Offer{To: to, SDP: sdp}, Receipt: "0"}})
	case renewAll:
		p.renewAll()
	case outlive:
		if c.grant != nil {
			c.grant.Expires, c.grant.Ends = time.Now(), time.Now()
			p.ht.step(grantDue{c, c.grant})
		}
	case changeFamily:
		if c.session == nil {
			c.profile = playProfiles[detail%len(playProfiles)]
		}
	case doLoginToResume:
		p.drain(i)
		login := p.login(c, detail)
		login.Resume = true
		p.ht.do(c, login)
	}
	if carrier, ok := c.via.(*testCarrier); ok && carrier.why != nil {
		p.ht.step(clientGone{c.via, carrier.why}) // as its read loop would tell
	}
	p.replaceGone()
}

// replaceGone connects anew in the place of clients that the hub has removed.
func (p *play) replaceGone() {
	for i, c := range p.clients {
		if p.ht.hub.clients[c.via] != c {
			p.reconnect(i)
		}
	}
}

// comeBack has a client that is away come back, or come back too late, or wait.
func (p *play) comeBack(i int, what byte, detail int) {
	c := p.clients[i]
	switch what % 4 {
	case 0:
		p.ht.step(windowDue{c.session.away})
	case 1:
		p.fireTimers(c)
	default:
		via := &testCarrier{limit: p.limit()}
		p.ht.step(clientConnected{via, 0})
		p.ht.step(clientAsked{via, playNative, Request{Word: "login", Command: Resume{Secret: c.session.secret, Seq: p.seen[i]}}})
		if c.via != via {
			p.ht.step(clientGone{via, conn.Left})
		}
	}
	p.replaceGone()
}

// login is one with a grant, narrowed or not, if sign-in is by token. Then one without is
// only said by those who are signed in.
func (p *play) login(c *Client, detail int) Login {
	login := proven(playNames[detail%3], playRoles[detail/8%3], time.Hour)
	login.Grant.MayCall, login.Grant.Rooms = playSets[detail/24%3], playSets[detail/72%3]
	if !p.ht.hub.limits.signInFirst || detail > 250 && c.loggedIn() {
		login.Grant = nil
	}
	return login
}

// target is a name, a call of c's, somebody else's call, or nothing.
func (p *play) target(c *Client, detail int) Target {
	calls := p.ht.hub.calls
	switch detail / 3 % 4 {
	case 0:
		return toName(playNames[detail%3])
	case 1:
		for _, cl := range c.calls {
			return Target{CallID: cl.id}
		}
	case 2:
		for id := range calls {
			return Target{CallID: id}
		}
	}
	return Target{}
}

// leave checks that the leaver's own call is over for it without a word.
func (p *play) leave(i int, cmd Leave) {
	p.drain(i)
	c := p.clients[i]
	before := slices.Clone(c.calls)
	p.ht.do(c, cmd)
	for _, cl := range before {
		if !slices.Contains(c.calls, cl) && !c.profile.hearsOwnLeave {
			p.told[i][cl.id] = false
		}
	}
}

func (p *play) fireTimers(c *Client) {
	for _, cl := range slices.Clone(c.calls) {
		p.ht.step(ringDue{cl})
	}
	if probe := p.ht.hub.probes[c]; probe != nil {
		p.ht.step(probeDue{probe})
	}
}

func (p *play) renewAll() {
	leases := &p.ht.hub.leases
	for _, e := range leases.of {
		e.Value.(*lease).due = time.Now()
	}
	p.ht.step(renewalDue{})
}

// drain reads what a client has been told, and checks that calls begin
// before they go on and end once.
func (p *play) drain(i int) {
	c := p.clients[i]
	if carrier, ok := c.via.(*testCarrier); !ok || carrier.why != nil {
		return // it may have missed anything, or will hear it later
	}
	for _, ev := range heard(c) {
		if n, ok := ev.(Numbered); ok {
			p.expect(i, ev, n.Seq == p.seen[i]+1)
			p.seen[i], ev = n.Seq, n.Event
		}
		switch ev := ev.(type) {
		case Offered:
			p.expect(i, ev, p.told[i][ev.CallID] || !p.knows(i, ev.CallID))
			p.told[i][ev.CallID] = true
		case Rang:
			p.expect(i, ev, !p.knows(i, ev.CallID))
			p.told[i][ev.CallID] = true
		case Answered:
			p.expect(i, ev, p.told[i][ev.CallID])
		case Established:
			if ev.Opening == ByMeeting && !p.knows(i, ev.CallID) {
				p.told[i][ev.CallID] = true // a call in a room begins with it
			}
			p.expect(i, ev, p.told[i][ev.CallID])
		case NewCandidate:
			p.expect(i, ev, p.told[i][ev.CallID])
		case Ended:
			p.expect(i, ev, p.told[i][ev.CallID])
			p.told[i][ev.CallID] = false
		}
	}
	open := 0
	for _, goesOn := range p.told[i] {
		if goesOn {
			open++
		}
	}
	if open != len(c.calls) {
		p.t.Fatalf("%q believes in %d calls and has %d", c.name.Text, open, len(c.calls))
	}
}

func (p *play) knows(i int, id string) bool {
	_, ok := p.told[i][id]
	return ok
}

func (p *play) expect(i int, ev Event, ok bool) {
	if !ok {
		p.t.Fatalf("%q hears %+v, which does not fit what it heard before", p.clients[i].name.Text, ev)
	}
}
