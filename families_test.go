package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchboard/internal/transcript"
)

// A family is one kind of client: what it says and what it hears, each in its
// own words. TestFamilies has every family call every other.
//
// What differs from one frame to the next stands in angle brackets: <me>, <role>
// and <room> of whoever speaks or hears, <peer> as it addresses the other party,
// <call> for the callID, <sdp>, <text> of a candidate, <code>, <reason>, and the
// <others> in a room.
type family struct {
	name  string
	path  string
	enter []string // until it can be called; lines begin with "> " or "< "
	says  words
	hears func(opened Opening) words // in a call opened so

	callerRole, calleeRole string

	opens     Opening // how its calls are opened
	holds     bool    // in all of its calls candidates wait for the answer
	heldFirst bool    // as callee, it hears them before the call is made
	bare      bool    // its descriptions are strings
	hearsOwn  bool    // the end that it makes is told to itself, too
	echoes    bool    // it sends an end that it hears back
	inRoom    bool
}

// words are keyed by what they mean. What a family has no words for is missing.
type words map[string]string

func always(w words) func(Opening) words { return func(Opening) words { return w } }

const ice = `{"candidate":"<text>","sdpMid":"0"}`

var families = []family{
	{
		name:  "tutorial",
		path:  "/",
		enter: []string{`> {"type":"login","name":"<me>"}`, `< {"type":"login","success":true,"name":"<me>"}`},
		says:  offerSpeech,
		hears: hearsNative(false),
	},
	{
		name: "teacher and student",
		path: "/ws",
		enter: []string{
			`> {"type":"login","name":"<me>","role":"<role>"}`,
			`< {"type":"login","success":true,"name":"<me>","role":"<role>"}`,
		},
		says:       requestSpeech,
		hears:      hearsNative(true),
		callerRole: "teacher",
		calleeRole: "student",
		opens:      ByRequest,
	},
	one2oneFamily("one-to-one with objects", "/call", false),
	one2oneFamily("one-to-one with strings", "/one2one", true),
	{
		name:   "room",
		path:   "/",
		enter:  []string{`> {"type":"join","room":"<room>","name":"<me>"}`, `< {"type":"room_users","users":[<others>]}`},
		says:   roomSpeech,
		hears:  always(roomHearing),
		inRoom: true,
	},
	{
		name: "Socket.IO teacher and student",
		path: "/socket.io/?EIO=4&transport=websocket",
		enter: []string{
			`< ` + socketIOGreeting, `> 40{"userID":"<me>","role":"<role>"}`, `< 40{"sid":"..."}`,
			`< 42["login",{"success":true,"name":"<me>","role":"<role>"}]`,
		},
		says:       events(requestSpeech),
		hears:      always(events(hearsNative(true)(ByRequest))),
		callerRole: "teacher",
		calleeRole: "student",
		opens:      ByRequest,
		holds:      true,
	},
	{
		name: "Socket.IO room",
		path: "/socket.io/?EIO=4&transport=websocket",
		enter: []string{
			`< ` + socketIOGreeting, `> 40`, `< 40{"sid":"..."}`,
			`> 42["join",{"room":"<room>","name":"<me>"}]`, `< 42["room_users",[<others>]]`,
		},
		says:   payloadSpeech,
		hears:  always(payloadHearing),
		holds:  true,
		inRoom: true,
	},
}

const socketIOGreeting = `0{"sid":"...","upgrades":[],"pingInterval":25000,"pingTimeout":15000,"maxPayload":65536}`

func one2oneFamily(name, path string, bare bool) family {
	return family{
		name:      name,
		path:      path,
		enter:     []string{`> {"id":"register","name":"<me>"}`, `< {"id":"registerResponse","response":"accepted"}`},
		says:      one2oneSpeech,
		hears:     always(one2oneHearing),
		holds:     true,
		heldFirst: true,
		bare:      bare,
		hearsOwn:  true,
		echoes:    true,
	}
}

var offerSpeech = words{
	"call":      `{"type":"offer","name":"<peer>","offer":<sdp>}`,
	"offer":     `{"type":"offer","name":"<peer>","offer":<sdp>}`,
	"answer":    `{"type":"answer","name":"<peer>","answer":<sdp>}`,
	"candidate": `{"type":"candidate","name":"<peer>","candidate":` + ice + `}`,
	"decline":   `{"type":"leave","name":"<peer>"}`,
	"end":       `{"type":"leave","name":"<peer>"}`,
}

var requestSpeech = words{
	"call":      `{"type":"request-call","name":"<peer>","sdp":<sdp>}`,
	"offer":     `{"type":"request-call","callID":"<call>","sdp":<sdp>}`,
	"answer":    `{"type":"respond-call","callID":"<call>","sdp":<sdp>}`,
	"candidate": `{"type":"new-answer-ice-candidate","callID":"<call>","candidate":` + ice + `}`,
	"decline":   `{"type":"end-call","callID":"<call>"}`,
	"end":       `{"type":"end-call","callID":"<call>"}`,
}

// hearsNative gives the words of a native party, which are those of the call.
// Some are only for parties that have a role, or in calls opened by one.
func hearsNative(hasRole bool) func(Opening) words {
	return func(opened Opening) words {
		w := words{
			"offer":         `{"type":"offer","offer":<sdp>,"name":"<peer>","callID":"<call>"}`,
			"answer":        `{"type":"answer","answer":<sdp>,"name":"<peer>","callID":"<call>"}`,
			"candidate":     `{"type":"candidate","candidate":` + ice + `,"name":"<peer>","callID":"<call>"}`,
			"end":           `{"type":"leave","name":"<peer>","callID":"<call>","reason":"<reason>"}`,
			"call refused":  `{"type":"error","code":"<code>","message":"...","request":"offer","name":"<peer>"}`,
			"offer refused": `{"type":"error","code":"<code>","message":"...","request":"offer","name":"<peer>"}`,
		}
		if opened == ByRequest && hasRole {
			w["offer"] = `{"type":"request-call","sdp":<sdp>,"name":"<peer>","callID":"<call>"}`
			w["answer"] = `{"type":"respond-call","sdp":<sdp>,"name":"<peer>","callID":"<call>"}`
			w["candidate"] = `{"type":"new-ice-candidate","callID":"<call>","candidate":"<text>","sdpMid":"0"}`
		}
		if hasRole {
			w["ringing"] = `{"type":"ringing","name":"<peer>","callID":"<call>"}`
			w["call refused"] = `{"type":"error","code":"<code>","message":"...","request":"request-call","name":"<peer>"}`
			w["offer refused"] = `{"type":"error","code":"<code>","message":"...","request":"request-call","callID":"<call>"}`
		}
		if hasRole {
			w["made for caller"] = `{"type":"call-created","name":"<peer>","callID":"<call>"}`
			w["made for callee"] = w["made for caller"]
		}
		return w
	}
}

var one2oneSpeech = words{
	"call":      `{"id":"call","from":"<me>","to":"<peer>","sdpOffer":<sdp>}`,
	"answer":    `{"id":"incomingCallResponse","from":"<peer>","callResponse":"accept","sdpOffer":<sdp>}`,
	"candidate": `{"id":"onIceCandidate","candidate":` + ice + `}`,
	"decline":   `{"id":"incomingCallResponse","from":"<peer>","callResponse":"reject","message":"not now"}`,
	"end":       `{"id":"stop"}`,
}

var one2oneHearing = words{
	"offer":           `{"id":"incomingCall","from":"<peer>","offer":<sdp>}`,
	"answer":          `{"id":"callResponse","response":"accepted","sdpAnswer":<sdp>}`,
	"made for callee": `{"id":"startCommunication","sdpAnswer":<sdp>}`,
	"candidate":       `{"id":"iceCandidate","candidate":` + ice + `}`,
	"end":             `{"id":"stopCommunication","response":"rejected","message":"..."}`,
	"no call":         `{"id":"callResponse","response":"rejected","message":"..."}`,
	"call refused":    `{"id":"callResponse","response":"rejected","message":"..."}`,
}

var roomSpeech = words{
	"call":      `{"type":"offer","name":"<peer>","offer":<sdp>}`,
	"offer":     `{"type":"offer","offer":<sdp>}`,
	"answer":    `{"type":"answer","answer":<sdp>}`,
	"candidate": `{"type":"candidate","candidate":` + ice + `}`,
	"decline":   `{"type":"leave"}`,
	"end":       `{"type":"leave"}`,
}

var roomHearing = words{
	"offer":         `{"type":"getOffer","offer":<sdp>,"name":"<peer>","callID":"<call>"}`,
	"answer":        `{"type":"getAnswer","answer":<sdp>,"name":"<peer>","callID":"<call>"}`,
	"candidate":     `{"type":"getCandidate","candidate":` + ice + `,"name":"<peer>","callID":"<call>"}`,
	"end":           `{"type":"user_exit","id":"<peer>","callID":"<call>","reason":"<reason>"}`,
	"call refused":  `{"type":"error","code":"<code>","message":"...","request":"offer","name":"<peer>"}`,
	"offer refused": `{"type":"error","code":"<code>","message":"...","request":"offer"}`,
	"room full":     `{"type":"room_full","room":"<room>"}`,
}

var nativeFrame = regexp.MustCompile(`^{"type":"([^"]*)",?(.*)}$`)

// events are native words as events of Socket.IO.
func events(native words) words {
	w := words{}
	for what, frame := range native {
		w[what] = nativeFrame.ReplaceAllString(frame, `42["$1",{$2}]`)
	}
	return w
}

// In rooms of Socket.IO clients, the payload alone is the event's argument.
var payloadSpeech = words{
	"call":      `42["offer",{"name":"<peer>","offer":<sdp>}]`,
	"offer":     `42["offer",<sdp>]`,
	"answer":    `42["answer",<sdp>]`,
	"candidate": `42["candidate",` + ice + `]`,
	"decline":   `42["leave"]`,
	"end":       `42["leave"]`,
}

var payloadHearing = words{
	"offer":         `42["getOffer",<sdp>]`,
	"answer":        `42["getAnswer",<sdp>]`,
	"candidate":     `42["getCandidate",` + ice + `]`,
	"end":           `42["user_exit",{"id":"<peer>"}]`,
	"call refused":  `42["error",{"code":"<code>","message":"...","request":"offer","name":"<peer>"}]`,
	"offer refused": `42["error",{"code":"<code>","message":"...","request":"offer"}]`,
	"room full":     `42["room_full"]`,
}

// TestFamilies plays every scene to every ordered pair of families.
func TestFamilies(t *testing.T) {
	for _, caller := range families {
		for _, callee := range families {
			t.Run(caller.name+" calls "+callee.name, func(t *testing.T) {
				for _, sc := range scenesFor(caller, callee) {
					t.Run(sc.name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { perform(t, sc, caller, callee) })
					})
				}
			})
		}
	}
}

// A scene is what happens between two parties.
type scene struct {
	name    string
	mayCall string // pairs of roles
	play    func(*conversation)
}

// Who may call whom: in most scenes, everybody.
const (
	anybody   = "teacher:student,teacher:-,-:-,-:student"
	byDefault = "teacher:student,teacher:-,-:-"
)

func scenesFor(caller, callee family) []scene {
	switch {
	case caller.inRoom && callee.inRoom:
		return meetings
	case caller.inRoom:
		return []scene{{"nobody outside the room", anybody, func(c *conversation) { c.refused(c.caller, CodeForbidden) }}}
	}
	return calls
}

var calls = []scene{
	{"the caller hangs up", anybody, func(c *conversation) { c.talk(); c.end(c.caller, ReasonHangup); c.ring() }},
	{"the callee hangs up", anybody, func(c *conversation) { c.talk(); c.end(c.callee, ReasonHangup); c.ring() }},
	{"the caller cancels", anybody, func(c *conversation) { c.ring(); c.trickle(); c.end(c.caller, ReasonCancelled); c.talk() }},
	{"the callee declines", anybody, func(c *conversation) { c.ring(); c.trickle(); c.decline(); c.talk() }},
	{"the callee hangs up while it rings", anybody, func(c *conversation) { c.ring(); c.end(c.callee, ReasonDeclined); c.talk() }},
	{"nobody answers", anybody, func(c *conversation) { c.ring(); c.ringOut(); c.talk() }},
	{"unknown", anybody, func(c *conversation) { c.unknown(); c.talk() }},
	{"busy while it rings", anybody, func(c *conversation) { c.ring(); c.busy(); c.answer(); c.trickle() }},
	{"busy", anybody, func(c *conversation) { c.talk(); c.busy(); c.trickle() }},
	{"the caller goes while it rings", anybody, func(c *conversation) { c.ring(); c.trickle(); c.depart(c.caller) }},
	{"the callee goes while it rings", anybody, func(c *conversation) { c.ring(); c.trickle(); c.depart(c.callee) }},
	{"the caller goes", anybody, func(c *conversation) { c.talk(); c.depart(c.caller) }},
	{"the callee goes", anybody, func(c *conversation) { c.talk(); c.depart(c.callee) }},
	{"the caller offers again while it rings", anybody, func(c *conversation) { c.ring(); c.trickle(); c.renew(); c.answer() }},
	{"the caller renegotiates", anybody, func(c *conversation) { c.talk(); c.renegotiate(c.caller); c.trickle() }},
	{"the callee renegotiates", anybody, func(c *conversation) { c.talk(); c.renegotiate(c.callee); c.trickle() }},
	{"as roles allow", byDefault, (*conversation).asRolesAllow},
}

// In a room nobody rings: there is a call when the second member, the caller
// here, has come in.
var meetings = []scene{
	{"the second member offers", anybody, func(c *conversation) { c.meet(c.caller) }},
	{"the first member offers", anybody, func(c *conversation) { c.meet(c.callee) }},
	{"the second member leaves", anybody, func(c *conversation) { c.meet(c.caller); c.end(c.caller, ReasonHangup); c.alone(c.callee) }},
	{"the first member leaves", anybody, func(c *conversation) { c.meet(c.caller); c.end(c.callee, ReasonHangup); c.alone(c.caller) }},
	{"the second member goes", anybody, func(c *conversation) { c.meet(c.caller); c.depart(c.caller); c.alone(c.callee) }},
	{"the first member goes", anybody, func(c *conversation) { c.meet(c.caller); c.depart(c.callee); c.alone(c.caller) }},
	{"the second member renegotiates", anybody, func(c *conversation) { c.meet(c.caller); c.renegotiate(c.caller); c.trickle() }},
	{"the first member renegotiates", anybody, func(c *conversation) { c.meet(c.caller); c.renegotiate(c.callee); c.trickle() }},
	{"a third finds it full", anybody, func(c *conversation) { c.meet(c.caller); c.crowd(); c.trickle() }},
}

// A conversation is a scene under way.
type conversation struct {
	t              *testing.T
	stage          *stage
	ids            transcript.Bindings
	caller, callee *party
	number         int    // of the present call
	offer          string // the caller's that awaits an answer
	answered       bool
	said           int // descriptions and candidates, so that no two are alike
}

// A party is a client in a conversation.
type party struct {
	family
	me, role, room, peer string

	words     words    // that it hears
	described bool     // it has sent a description, and so is known to be bare
	waiting   []string // its candidates that are held
}

func perform(t *testing.T, sc scene, caller, callee family) {
	c := &conversation{t: t, stage: newStage(t, []string{"-may-call", sc.mayCall, "-ring-timeout", "20s"}), ids: transcript.Bindings{}}
	defer c.stage.leave()
	c.callee = &party{family: callee, me: "callee", role: callee.calleeRole, room: "callee", peer: "caller"}
	c.caller = &party{family: caller, me: "caller", role: caller.callerRole, room: "caller", peer: "callee"}
	c.callee.words, c.caller.words = callee.hears(caller.opens), caller.hears(caller.opens)
	c.enter(c.callee, "")
	if caller.inRoom && callee.inRoom {
		c.caller.room = c.callee.room
		c.caller.peer, c.callee.peer = "...", "..." // ids that the server makes
		c.number, c.answered = 1, true
		c.enter(c.caller, `{"id":"...","name":"callee"}`)
	} else {
		c.enter(c.caller, "")
	}
	sc.play(c)
	c.silence()
}

// enter connects a party and brings it to where it can be called.
func (c *conversation) enter(p *party, others string) {
	c.t.Helper()
	if err := c.stage.Connect(p.me, p.path, nil); err != nil {
		c.t.Fatal(err)
	}
	for _, line := range p.enter {
		line = strings.ReplaceAll(line, "<others>", others)
		if frame, ok := strings.CutPrefix(line, "> "); ok {
			c.send(p, c.fill(p, frame))
		} else {
			c.expect(p, c.fill(p, strings.TrimPrefix(line, "< ")))
		}
	}
}

// A description or a candidate has a text of its own, by which it is known.
func (c *conversation) text(p *party) string {
	c.said++
	return fmt.Sprintf("%s's %d", p.me, c.said)
}

// say has a party do something. Nobody may have heard anything that the scene
// does not mention.
func (c *conversation) say(p *party, what string, details ...string) {
	c.t.Helper()
	frame, ok := p.says[what]
	if !ok {
		c.t.Fatalf("%s has no words for %s", p.name, what)
	}
	c.send(p, c.fill(p, frame, details...))
}

func (c *conversation) send(p *party, frame string) {
	c.t.Helper()
	c.silence()
	if err := c.stage.Send(p.me, []byte(c.ids.Real(frame)), false); err != nil {
		c.t.Fatal(err)
	}
}

// describe has a party send a description, and returns its text.
func (c *conversation) describe(p *party, what, typ string) string {
	c.t.Helper()
	text := c.text(p)
	c.say(p, what, "<sdp>", sdpOf(typ, text, p.bare))
	p.described = true
	return text
}

// hear checks what a party hears next. A family that has no words for it must
// hear nothing, which is checked later.
func (c *conversation) hear(p *party, what string, details ...string) {
	c.t.Helper()
	if frame, ok := p.words[what]; ok {
		c.expect(p, c.fill(p, frame, details...))
	}
}

// hearDescribed is hear for what brings a description, which arrives in the
// form that its receiver has last sent itself.
func (c *conversation) hearDescribed(p *party, what, typ, text string) {
	c.t.Helper()
	c.hear(p, what, "<sdp>", sdpOf(typ, text, p.bare && p.described))
}

func (c *conversation) expect(p *party, frame string) {
	c.t.Helper()
	heard, ok := c.stage.Next(p.me)
	if !ok {
		c.t.Fatalf("%s hears nothing, expected %s", p.me, frame)
	}
	if err := c.ids.Match(frame, heard.String()); err != nil {
		c.t.Fatalf("%s hears %s, expected %s: %v", p.me, heard, frame, err)
	}
}

func (c *conversation) silence() {
	c.t.Helper()
	if client, event, found := c.stage.Unread(); found {
		c.t.Fatalf("%s hears %s, expected nothing", client, event)
	}
}

func (c *conversation) fill(p *party, frame string, details ...string) string {
	call := fmt.Sprintf("00000000-0000-4000-8000-%012d", c.number)
	return strings.NewReplacer(append(details,
		"<me>", p.me, "<role>", p.role, "<room>", p.room, "<peer>", p.peer, "<call>", call)...).Replace(frame)
}

func sdpOf(typ, text string, bare bool) string {
	if bare {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf(`{"type":%q,"sdp":%q}`, typ, text)
}

func (c *conversation) other(p *party) *party {
	if p == c.caller {
		return c.callee
	}
	return c.caller
}

// ring has the caller call.
func (c *conversation) ring() {
	c.t.Helper()
	c.number++
	c.answered = false
	c.caller.waiting, c.callee.waiting = nil, nil
	text := c.describe(c.caller, "call", "offer")
	c.hearDescribed(c.callee, "offer", "offer", text)
	c.hear(c.caller, "ringing")
	c.offer = text
}

// answer has the callee answer, and both hear what that makes due.
func (c *conversation) answer() {
	c.t.Helper()
	c.answered = true
	text := c.describe(c.callee, "answer", "answer")
	c.hearDescribed(c.caller, "answer", "answer", text)
	c.hear(c.caller, "made for caller")
	c.hearWaiting(c.caller)
	if c.callee.heldFirst {
		c.hearWaiting(c.callee)
	}
	c.hearDescribed(c.callee, "made for callee", "offer", c.offer)
	if !c.callee.heldFirst {
		c.hearWaiting(c.callee)
	}
}

func (c *conversation) hearWaiting(p *party) {
	c.t.Helper()
	for _, text := range c.other(p).waiting {
		c.hear(p, "candidate", "<text>", text)
	}
}

// trickle has both parties send candidates.
func (c *conversation) trickle() {
	c.t.Helper()
	for _, p := range []*party{c.caller, c.callee, c.caller} {
		text := c.text(p)
		c.say(p, "candidate", "<text>", text)
		if c.holds() {
			p.waiting = append(p.waiting, text)
		} else {
			c.hear(c.other(p), "candidate", "<text>", text)
		}
	}
}

func (c *conversation) holds() bool {
	return !c.answered && (c.caller.opens == ByRequest || c.caller.holds || c.callee.holds)
}

// talk is a call from its offer to candidates after its answer.
func (c *conversation) talk() {
	c.t.Helper()
	c.ring()
	c.trickle()
	c.answer()
	c.trickle()
}

// end has one of them end the call.
func (c *conversation) end(by *party, why Reason) {
	c.t.Helper()
	c.say(by, "end")
	c.ended(by, why)
}

func (c *conversation) decline() {
	c.t.Helper()
	c.say(c.callee, "decline")
	c.ended(c.callee, ReasonDeclined)
}

// ringOut waits until nobody has answered.
func (c *conversation) ringOut() {
	c.t.Helper()
	c.silence()
	c.stage.Pass(20*time.Second - 1)
	c.silence()
	c.stage.Pass(1)
	c.ended(nil, ReasonNoAnswer)
}

// depart has one of them lose its connection.
func (c *conversation) depart(p *party) {
	c.t.Helper()
	c.silence()
	if err := c.stage.Drop(p.me); err != nil {
		c.t.Fatal(err)
	}
	c.hearEnd(c.other(p), ReasonGone)
	c.echo(c.other(p))
}

// ended checks that the end is told to whom it concerns, and that nothing
// follows from its being sent back.
func (c *conversation) ended(by *party, why Reason) {
	c.t.Helper()
	for _, p := range []*party{c.caller, c.callee} {
		if p != by || p.hearsOwn {
			c.hearEnd(p, why)
		}
	}
	c.echo(c.caller)
	c.echo(c.callee)
}

// echo has a party send back the end that it has heard, if its kind does.
func (c *conversation) echo(p *party) {
	c.t.Helper()
	if p.echoes {
		c.say(p, "end")
	}
}

func (c *conversation) hearEnd(p *party, why Reason) {
	c.t.Helper()
	if _, ok := p.words["no call"]; ok && p == c.caller && !c.answered {
		c.hear(p, "no call")
	} else {
		c.hear(p, "end", "<reason>", string(why))
	}
}

// refused has somebody call in vain.
func (c *conversation) refused(p *party, code Code) {
	c.t.Helper()
	c.describe(p, "call", "offer")
	c.hear(p, "call refused", "<code>", string(code))
}

func (c *conversation) unknown() {
	c.t.Helper()
	peer := c.caller.peer
	c.caller.peer = "nobody"
	c.refused(c.caller, CodeNoSuchUser)
	c.caller.peer = peer
}

// third is somebody else of the caller's kind.
func (c *conversation) third() *party {
	third := &party{family: c.caller.family, me: "third", role: c.caller.role, room: c.callee.room, peer: "callee"}
	third.words = third.hears(third.opens)
	return third
}

func (c *conversation) busy() {
	c.t.Helper()
	third := c.third()
	c.enter(third, "")
	c.refused(third, CodeBusy)
}

// crowd has a third come into the room.
func (c *conversation) crowd() {
	c.t.Helper()
	third := c.third()
	third.enter = append(third.enter[:len(third.enter)-1:len(third.enter)-1], "< "+third.words["room full"])
	c.enter(third, "")
}

// asRolesAllow: only a teacher calls a student, and a student calls nobody.
func (c *conversation) asRolesAllow() {
	c.t.Helper()
	switch {
	case c.caller.role == "teacher" || c.callee.role == "":
		c.talk()
	case c.callee.role == "teacher":
		c.refused(c.caller, CodeForbidden)
	default: // neither may call the other, or know of it
		c.refused(c.caller, CodeNoSuchUser)
	}
}

// renew has the caller call again while it rings. Its candidates so far, if
// they are held, belonged to the first offer.
func (c *conversation) renew() {
	c.t.Helper()
	text := c.describe(c.caller, "call", "offer")
	if !c.callee.renegotiates() {
		c.hear(c.caller, "call refused", "<code>", string(CodeBusy))
		return
	}
	c.hearDescribed(c.callee, "offer", "offer", text)
	c.offer, c.caller.waiting = text, nil
}

// renegotiates reports whether a party has words for an offer within a call.
func (p *party) renegotiates() bool { return p.says["offer"] != "" }

// renegotiate has one of them make an offer in the midst of the call, which
// goes on even if that cannot be.
func (c *conversation) renegotiate(p *party) {
	c.t.Helper()
	other := c.other(p)
	switch {
	case !p.renegotiates():
		c.refused(p, CodeBusy)
	case !other.renegotiates():
		c.describe(p, "offer", "offer")
		c.hear(p, "offer refused", "<code>", string(CodeUnsupported))
	default:
		c.exchange(p)
	}
}

// exchange is an offer and its answer in a call that has been made.
func (c *conversation) exchange(p *party) {
	c.t.Helper()
	other := c.other(p)
	c.hearDescribed(other, "offer", "offer", c.describe(p, "offer", "offer"))
	c.hearDescribed(p, "answer", "answer", c.describe(other, "answer", "answer"))
}

// meet is a call in a room, from the first offer of it.
func (c *conversation) meet(p *party) {
	c.t.Helper()
	c.trickle()
	c.exchange(p)
	c.trickle()
}

// alone checks that somebody waits in the room, and speaks to nobody.
func (c *conversation) alone(p *party) {
	c.t.Helper()
	c.describe(p, "offer", "offer")
	c.say(p, "candidate", "<text>", c.text(p))
}

// A member who has not signed in goes by an id that says nothing and cannot be
// guessed. It is an address within the room, and nothing outside it.
func TestRoomMembersGoByAnID(t *testing.T) {
	ht := newHubTester(t)
	first, second, elsewhere, outside := ht.connect(), ht.connect(), ht.connect(), ht.signIn("out", "")
	ht.do(first, Join{Room: *nameOf("1234"), Label: "first"})
	ht.want(first, "to be alone", Joined{Room: "1234"})
	ht.do(elsewhere, Join{Room: *nameOf("5678")})
	ht.forget(elsewhere)
	if len(first.memberID) < 20 || first.memberID == elsewhere.memberID {
		t.Fatalf("the members go by %q and %q", first.memberID, elsewhere.memberID)
	}

	byID := Offer{To: toName(first.memberID), SDP: sdp}
	ht.do(outside, byID)
	ht.wantRefused(outside, CodeNoSuchUser)
	ht.do(elsewhere, byID)
	ht.wantRefused(elsewhere, CodeNoSuchUser)
	ht.do(elsewhere, Candidate{To: byID.To, Candidate: candidate})
	ht.wantRefused(elsewhere, CodeNoSuchCall)

	ht.do(second, Join{Room: *nameOf("1234"), Label: "second"})
	ht.forget(first)
	joined := heard(second)[0].(Joined)
	if want := (Member{Address: first.memberID, Label: "first"}); len(joined.Members) != 1 || joined.Members[0] != want {
		t.Fatalf("the second member finds %+v, want %+v", joined.Members, want)
	}
	ht.do(second, byID)
	ht.want(first, "the offer", Offered{first.calls[0].info(first), sdp})
	if peer := first.calls[0].info(first).Peer; peer != second.memberID {
		t.Errorf("the first member hears of %q, want %q", peer, second.memberID)
	}
	ht.do(outside, byID)
	ht.wantRefused(outside, CodeNoSuchUser)
	ht.wantIdle(first, second, elsewhere)
}

// Whoever calls a room hears its name and no other, in texts as well.
func TestTheCallerOfARoomHearsItsName(t *testing.T) {
	ht := newHubTester(t)
	ann, member := ht.signIn("ann", ""), ht.connect()
	ht.signIn("bob", "")
	ht.do(member, Join{Room: *nameOf("lobby")})
	ht.do(ann, Offer{To: toName("Lobby"), SDP: sdp})
	ht.do(ann, Join{Room: *nameOf("1234")})
	ht.do(ann, Offer{To: toName("bob"), SDP: sdp})
	ht.do(ann, Leave{To: toName("lobby")})
	for _, ev := range heard(ann) {
		if text := fmt.Sprintf("%+v", ev); strings.Contains(text, member.memberID) {
			t.Errorf("ann hears the id of the room's member: %s", text)
		}
	}
	if len(ann.calls) != 0 {
		t.Error("ann could not leave the call by the room's name")
	}
}
