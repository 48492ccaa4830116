package main

import "regexp"

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
	says  speech
	hears func(opened Opening) hearing // in a call opened so

	callerRole, calleeRole string

	opens     Opening // how its calls are opened
	holds     bool    // in all of its calls candidates wait for the answer
	heldFirst bool    // as callee, it hears them before the call is made
	bare      bool    // its descriptions are strings
	hearsOwn  bool    // the end that it makes is told to itself, too
	echoes    bool    // it sends an end that it hears back
	inRoom    bool
}

// A speech is what a family says, by what it does with it. A hearing is what it is
// told, by what has happened. What a family has no words for is missing.
type (
	speech  map[act]string
	hearing map[notice]string

	act    string
	notice int
)

const (
	sayCall      act = "a call"
	sayOffer     act = "an offer within a call"
	sayAnswer    act = "an answer"
	sayCandidate act = "a candidate"
	sayDecline   act = "declining a call"
	sayEnd       act = "ending a call"
)

const (
	hearOffer notice = iota
	hearRinging
	hearAnswer
	hearMadeCaller // the call is made: what its caller hears of that
	hearMadeCallee // and what its callee hears
	hearCandidate
	hearEnd
	hearNoCall // the call ends unanswered: what its caller hears, if that is not hearEnd
	hearCallRefused
	hearOfferRefused // of an offer within a call
	hearRoomFull
)

func always(h hearing) func(Opening) hearing { return func(Opening) hearing { return h } }

const sampleCandidate = `{"candidate":"<text>","sdpMid":"0"}`

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

var offerSpeech = speech{
	sayCall:      `{"type":"offer","name":"<peer>","offer":<sdp>}`,
	sayOffer:     `{"type":"offer","name":"<peer>","offer":<sdp>}`,
	sayAnswer:    `{"type":"answer","name":"<peer>","answer":<sdp>}`,
	sayCandidate: `{"type":"candidate","name":"<peer>","candidate":` + sampleCandidate + `}`,
	sayDecline:   `{"type":"leave","name":"<peer>"}`,
	sayEnd:       `{"type":"leave","name":"<peer>"}`,
}

var requestSpeech = speech{
	sayCall:      `{"type":"request-call","name":"<peer>","sdp":<sdp>}`,
	sayOffer:     `{"type":"request-call","callID":"<call>","sdp":<sdp>}`,
	sayAnswer:    `{"type":"respond-call","callID":"<call>","sdp":<sdp>}`,
	sayCandidate: `{"type":"new-answer-ice-candidate","callID":"<call>","candidate":` + sampleCandidate + `}`,
	sayDecline:   `{"type":"end-call","callID":"<call>"}`,
	sayEnd:       `{"type":"end-call","callID":"<call>"}`,
}

// hearsNative gives the words of a native party, which are those of the call.
// Some are only for parties that have a role, or in calls opened by one.
func hearsNative(hasRole bool) func(Opening) hearing {
	return func(opened Opening) hearing {
		w := hearing{
			hearOffer:        `{"type":"offer","offer":<sdp>,"name":"<peer>","callID":"<call>"}`,
			hearAnswer:       `{"type":"answer","answer":<sdp>,"name":"<peer>","callID":"<call>"}`,
			hearCandidate:    `{"type":"candidate","candidate":` + sampleCandidate + `,"name":"<peer>","callID":"<call>"}`,
			hearEnd:          `{"type":"leave","name":"<peer>","callID":"<call>","reason":"<reason>"}`,
			hearCallRefused:  `{"type":"error","code":"<code>","message":"...","request":"offer","name":"<peer>"}`,
			hearOfferRefused: `{"type":"error","code":"<code>","message":"...","request":"offer","name":"<peer>"}`,
		}
		if opened == ByRequest && hasRole {
			w[hearOffer] = `{"type":"request-call","sdp":<sdp>,"name":"<peer>","callID":"<call>"}`
			w[hearAnswer] = `{"type":"respond-call","sdp":<sdp>,"name":"<peer>","callID":"<call>"}`
			w[hearCandidate] = `{"type":"new-ice-candidate","callID":"<call>","candidate":"<text>","sdpMid":"0"}`
		}
		if hasRole {
			w[hearRinging] = `{"type":"ringing","name":"<peer>","callID":"<call>"}`
			w[hearCallRefused] = `{"type":"error","code":"<code>","message":"...","request":"request-call","name":"<peer>"}`
			w[hearOfferRefused] = `{"type":"error","code":"<code>","message":"...","request":"request-call","callID":"<call>"}`
			w[hearMadeCaller] = `{"type":"call-created","name":"<peer>","callID":"<call>"}`
			w[hearMadeCallee] = w[hearMadeCaller]
		}
		return w
	}
}

var one2oneSpeech = speech{
	sayCall:      `{"id":"call","from":"<me>","to":"<peer>","sdpOffer":<sdp>}`,
	sayAnswer:    `{"id":"incomingCallResponse","from":"<peer>","callResponse":"accept","sdpOffer":<sdp>}`,
	sayCandidate: `{"id":"onIceCandidate","candidate":` + sampleCandidate + `}`,
	sayDecline:   `{"id":"incomingCallResponse","from":"<peer>","callResponse":"reject","message":"not now"}`,
	sayEnd:       `{"id":"stop"}`,
}

var one2oneHearing = hearing{
	hearOffer:       `{"id":"incomingCall","from":"<peer>","offer":<sdp>}`,
	hearAnswer:      `{"id":"callResponse","response":"accepted","sdpAnswer":<sdp>}`,
	hearMadeCallee:  `{"id":"startCommunication","sdpAnswer":<sdp>}`,
	hearCandidate:   `{"id":"iceCandidate","candidate":` + sampleCandidate + `}`,
	hearEnd:         `{"id":"stopCommunication","response":"rejected","message":"..."}`,
	hearNoCall:      `{"id":"callResponse","response":"rejected","message":"..."}`,
	hearCallRefused: `{"id":"callResponse","response":"rejected","message":"..."}`,
}

var roomSpeech = speech{
	sayCall:      `{"type":"offer","name":"<peer>","offer":<sdp>}`,
	sayOffer:     `{"type":"offer","offer":<sdp>}`,
	sayAnswer:    `{"type":"answer","answer":<sdp>}`,
	sayCandidate: `{"type":"candidate","candidate":` + sampleCandidate + `}`,
	sayDecline:   `{"type":"leave"}`,
	sayEnd:       `{"type":"leave"}`,
}

var roomHearing = hearing{
	hearOffer:        `{"type":"getOffer","offer":<sdp>,"name":"<peer>","callID":"<call>"}`,
	hearAnswer:       `{"type":"getAnswer","answer":<sdp>,"name":"<peer>","callID":"<call>"}`,
	hearCandidate:    `{"type":"getCandidate","candidate":` + sampleCandidate + `,"name":"<peer>","callID":"<call>"}`,
	hearEnd:          `{"type":"user_exit","id":"<peer>","callID":"<call>","reason":"<reason>"}`,
	hearCallRefused:  `{"type":"error","code":"<code>","message":"...","request":"offer","name":"<peer>"}`,
	hearOfferRefused: `{"type":"error","code":"<code>","message":"...","request":"offer"}`,
	hearRoomFull:     `{"type":"room_full","room":"<room>"}`,
}

var nativeFrame = regexp.MustCompile(`^{"type":"([^"]*)",?(.*)}$`)

// events are native words as events of Socket.IO.
func events[K comparable](native map[K]string) map[K]string {
	w := map[K]string{}
	for what, frame := range native {
		w[what] = nativeFrame.ReplaceAllString(frame, `42["$1",{$2}]`)
	}
	return w
}

// In rooms of Socket.IO clients, the payload alone is the event's argument.
var payloadSpeech = speech{
	sayCall:      `42["offer",{"name":"<peer>","offer":<sdp>}]`,
	sayOffer:     `42["offer",<sdp>]`,
	sayAnswer:    `42["answer",<sdp>]`,
	sayCandidate: `42["candidate",` + sampleCandidate + `]`,
	sayDecline:   `42["leave"]`,
	sayEnd:       `42["leave"]`,
}

var payloadHearing = hearing{
	hearOffer:        `42["getOffer",<sdp>]`,
	hearAnswer:       `42["getAnswer",<sdp>]`,
	hearCandidate:    `42["getCandidate",` + sampleCandidate + `]`,
	hearEnd:          `42["user_exit",{"id":"<peer>"}]`,
	hearCallRefused:  `42["error",{"code":"<code>","message":"...","request":"offer","name":"<peer>"}]`,
	hearOfferRefused: `42["error",{"code":"<code>","message":"...","request":"offer"}]`,
	hearRoomFull:     `42["room_full"]`,
}
