package main

import (
	"fmt"
	"strings"
	"testing"

	"switchboard/internal/transcript"
)

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

	hearing   hearing  // its own, in the calls that are made here
	described bool     // it has sent a description, and so is known to be bare
	waiting   []string // its candidates that are held
}

// perform plays a scene to two parties on a server of their own.
func perform(t *testing.T, sc scene, caller, callee family) {
	c := &conversation{t: t, stage: newStage(t, []string{"-may-call", sc.mayCall, "-ring-timeout", "20s"}), ids: transcript.Bindings{}}
	defer c.stage.leave()
	c.callee = &party{family: callee, me: "callee", role: callee.calleeRole, room: "callee", peer: "caller"}
	c.caller = &party{family: caller, me: "caller", role: caller.callerRole, room: "caller", peer: "callee"}
	c.callee.hearing, c.caller.hearing = callee.hears(caller.opens), caller.hears(caller.opens)
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
func (c *conversation) say(p *party, what act, details ...string) {
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
func (c *conversation) describe(p *party, what act) string {
	c.t.Helper()
	text := c.text(p)
	c.say(p, what, "<sdp>", sdpOf(what == sayAnswer, text, p.bare))
	p.described = true
	return text
}

// hear checks what a party hears next. A family that has no words for it must
// hear nothing, which is checked later.
func (c *conversation) hear(p *party, what notice, details ...string) {
	c.t.Helper()
	if frame, ok := p.hearing[what]; ok {
		c.expect(p, c.fill(p, frame, details...))
	}
}

// hearDescribed is hear for what brings a description, which arrives in the
// form that its receiver has last sent itself.
func (c *conversation) hearDescribed(p *party, what notice, text string) {
	c.t.Helper()
	c.hear(p, what, "<sdp>", sdpOf(what == hearAnswer, text, p.bare && p.described))
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

func sdpOf(isAnswer bool, text string, bare bool) string {
	switch {
	case bare:
		return fmt.Sprintf("%q", text)
	case isAnswer:
		return fmt.Sprintf(`{"type":"answer","sdp":%q}`, text)
	}
	return fmt.Sprintf(`{"type":"offer","sdp":%q}`, text)
}

func (c *conversation) other(p *party) *party {
	if p == c.caller {
		return c.callee
	}
	return c.caller
}
