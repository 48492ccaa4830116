package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"switchboard/internal/ice"
	"switchboard/internal/jsonscan"
)

// one2one speaks to the pages of lotas/webrtc-signal-sample and to those
// written for Kurento's one-to-one tutorial: register, call, incomingCall and
// so on, under the key "id". The former send session descriptions as
// objects, the latter as bare SDP strings; each hears what it sends itself.
type one2one struct {
	iceServers *ice.Servers // nil if none are configured
}

func (one2one) Profile() *Profile { return one2oneProfile }

var one2oneProfile = &Profile{holdsCandidates: true, heldFirst: true, hearsOwnLeave: true, echoesEnd: true,
	echoesRefused: []string{"call", "incomingCallResponse"}}

// one2oneSchema is what is read of a frame. The "from" of a response says whose call is
// meant; in other messages it is the sender's own name, is not read, and may be repeated.
var one2oneSchema = newSchema("id", "candidate", "name", "role", "token", "from", "to", "sdpOffer", "sdp",
	"callResponse", "message",
).repeating("from")

// one2oneWords are the ids that there are.
var one2oneWords = vocabulary{
	{"onIceCandidate", one2oneCandidate},
	{"register", login},
	{"list", noFields(ListUsers{})},
	{"call", one2oneCall},
	{"incomingCallResponse", one2oneResponse},
	{"answer", one2oneAnswer},
	{"stop", noFields(Leave{})},
	{"ping", noFields(Ping{})},
}

// one2oneLanguage is how its messages are read.
var one2oneLanguage = language{&one2oneSchema, "id", `a message needs an "id", which is a string`, one2oneWords, noSubject}

func (one2one) Decode(frame []byte) (Request, *Refused) { return one2oneLanguage.decode(frame) }

// noSubject is the subject of a refusal in a family whose refusals do not name it.
func noSubject(*fields, string) Target { return Target{} }

func one2oneCandidate(m *fields) (Command, *Refused) {
	candidate := m.get("candidate")
	if jsonscan.Absent(candidate) {
		return nil, missing("candidate")
	}
	return Candidate{Candidate: bytes.Clone(candidate)}, nil
}

func one2oneCall(m *fields) (Command, *Refused) {
	to, refusal := named("to", m.get("to"))
	switch {
	case refusal != nil:
		return nil, refusal
	case to == nil:
		return nil, refuse(CodeBadRequest, `"to", which says whom to call, is missing`)
	case jsonscan.Absent(m.get("sdpOffer")):
		return nil, missing("sdpOffer")
	}
	return Offer{To: Target{Name: to}, SDP: describe(m.get("sdpOffer"))}, nil
}

// one2oneResponse reads how a callee takes the call of "from". Its answer stands under
// "sdpOffer".
func one2oneResponse(m *fields) (Command, *Refused) {
	caller, refusal := named("from", m.get("from"))
	switch {
	case m.twice:
		return nil, repeated("from")
	case refusal != nil:
		return nil, refusal
	}
	if response, _ := jsonscan.String(m.get("callResponse")); response == "accept" {
		return answer(Target{Name: caller}, "sdpOffer", m.get("sdpOffer"))
	}
	leave := Leave{To: Target{Name: caller}, Reason: ReasonDeclined}
	if message, _ := jsonscan.String(m.get("message")); message == "bussy" || message == "busy" { // the former is what pages say
		leave.Reason = ReasonBusy
	}
	return leave, nil
}

func one2oneAnswer(m *fields) (Command, *Refused) {
	return answer(Target{}, "sdp", m.get("sdp"))
}

func answer(to Target, key string, sdp json.RawMessage) (Command, *Refused) {
	if jsonscan.Absent(sdp) {
		return nil, missing(key)
	}
	return Answer{To: to, SDP: describe(sdp), IsOffer: isOffer(sdp)}, nil
}

// describe reads a session description in either form.
func describe(sdp json.RawMessage) Description {
	return Description{JSON: bytes.Clone(sdp), Bare: sdp[0] == '"'}
}

// isOffer reports whether a description is an offer: pages used to a media
// server answer with one. If it does not say so itself, its SDP does, since
// only an offer leaves the DTLS role open (RFC 8842, 5.1).
func isOffer(sdp json.RawMessage) bool {
	if jsonscan.IsObject(sdp) {
		for key, value := range jsonscan.Members(sdp) {
			if typ, _ := jsonscan.String(value); string(key) == "type" && typ == "offer" {
				return true
			}
		}
	}
	return bytes.Contains(sdp, []byte("a=setup:actpass"))
}

func (o one2one) Encode(dst []byte, ev Event) []byte {
	switch ev := ev.(type) {
	case LoggedIn:
		dst = appendMember(o.open(dst, "registerResponse"), "response", "accepted")
		return append(appendICEServers(dst, o.iceServers, ev.TURN), '}')
	case TokenExpiring:
		dst = appendKey(o.open(dst, "tokenExpiring"), "expiresIn")
		return append(strconv.AppendInt(dst, ev.In, 10), '}')
	case UsersListed:
		return o.list(dst, ev)
	case Offered:
		dst = appendMember(o.open(dst, "incomingCall"), "from", ev.Peer)
		dst = appendKey(dst, "offer")
		return append(appendForm(dst, "offer", ev.SDP, ev.SendsBare), '}')
	case Answered:
		dst = appendMember(o.open(dst, "callResponse"), "response", "accepted")
		dst = appendKey(dst, "sdpAnswer")
		return append(appendForm(dst, "answer", ev.SDP, ev.SendsBare), '}')
	case Established:
		if ev.Caller {
			return dst // it has heard the answer
		}
		dst = appendKey(o.open(dst, "startCommunication"), "sdpAnswer") // its pages' word for the offer
		return append(appendForm(dst, "offer", ev.Offer, ev.SendsBare), '}')
	case NewCandidate:
		return append(append(appendKey(o.open(dst, "iceCandidate"), "candidate"), ev.Candidate...), '}')
	case Ended:
		return o.ended(dst, ev)
	case Ponged:
		return append(o.open(dst, "pong"), '}')
	case Refused:
		return o.refusal(dst, ev)
	case Greeted, Connected, Rang, Joined, RoomFull, Acknowledged, Numbered, ICEServersRenewed:
		return dst // its pages have no word for it
	}
	panic(fmt.Sprintf("no one-to-one words for %T", ev))
}

func (one2one) open(dst []byte, id string) []byte {
	return appendMember(append(dst, '{'), "id", id)
}

func (o one2one) list(dst []byte, ev UsersListed) []byte {
	dst = append(appendKey(o.open(dst, "listResponse"), "list"), '[')
	for i, user := range ev.Users {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsonscan.AppendString(dst, user.Name)
	}
	return append(dst, "]}"...)
}

// ended resets the page, which would else wait for ever or stay in its call.
// stopCommunication alone leaves the lotas page unable to be called again;
// the response beside it takes it back to its start.
func (o one2one) ended(dst []byte, ev Ended) []byte {
	word := "stopCommunication"
	if ev.Caller && !ev.Answered {
		word = "callResponse"
	}
	return o.rejected(dst, word, endings[ev.Reason])
}

// endings say to people why a call ended.
var endings = map[Reason]string{
	ReasonHangup:    "call ended",
	ReasonDeclined:  "call declined",
	ReasonCancelled: "call cancelled",
	ReasonBusy:      "busy",
	ReasonNoAnswer:  "no answer",
	ReasonGone:      "the other side is gone",
	ReasonFailed:    "the call failed",
	ReasonShutdown:  "the server restarts",
}

// refusal answers in the form that the page waits for. Other strings than
// "accepted" and "rejected" are taken for one or the other, depending on the
// page.
func (o one2one) refusal(dst []byte, ev Refused) []byte {
	switch {
	case ev.Request == "register":
		return o.rejected(dst, "registerResponse", ev.Message)
	case ev.Request == "call", ev.Request == "incomingCallResponse" && ev.Code != CodeBadState:
		return o.rejected(dst, "callResponse", ev.Message)
	}
	dst = appendMember(o.open(dst, "error"), "code", string(ev.Code))
	dst = appendMember(dst, "message", ev.Message)
	return append(appendKnown(dst, "request", ev.Request), '}')
}

func (o one2one) rejected(dst []byte, id, message string) []byte {
	dst = appendMember(o.open(dst, id), "response", "rejected")
	return append(appendMember(dst, "message", message), '}')
}

// appendForm writes a session description in the form that the page takes.
func appendForm(dst []byte, typ string, sdp Description, bare bool) []byte {
	isString := sdp.JSON[0] == '"'
	switch {
	case bare && !isString:
		return append(dst, bareSDP(sdp.JSON)...)
	case !bare && isString:
		sdp.Bare = true
		return appendObject(dst, typ, sdp)
	}
	return append(dst, sdp.JSON...)
}

// bareSDP returns the SDP within a description, or, if there is none, the
// description itself.
func bareSDP(description json.RawMessage) json.RawMessage {
	if jsonscan.IsObject(description) {
		for key, value := range jsonscan.Members(description) {
			if string(key) == "sdp" && value[0] == '"' {
				return value
			}
		}
	}
	return description
}
