package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"switchboard/internal/ice"
	"switchboard/internal/jsonscan"
)

// native speaks the tutorial's words (login, offer, answer, candidate,
// leave) and those of the teacher who calls a student (request-call,
// respond-call, call-created). PROTOCOL.md describes it.
// It also serves the rooms of two (join, room_users, getOffer).
type native struct {
	iceServers *ice.Servers // nil if none are configured
}

func (native) Profile() *Profile { return nativeProfile }

var nativeProfile = &Profile{namesCalls: true, renegotiates: true, hears: objectEnvelope.hears}

// nativeSchema is what the server reads of a frame. A reason may be repeated: a leave is
// obeyed even if a field is bad.
var nativeSchema = newSchema("type", "candidate", "name", "callID", "offer", "answer", "sdp",
	"role", "token", "reason", "room", "to", "target", "userID", "studentID", "resume", "session", "seq",
).repeating("reason")

// nativeWords are the types that there are.
var nativeWords = vocabulary{
	{"candidate", nativeCandidate},
	{"new-ice-candidate", nativeCandidate},
	{"new-answer-ice-candidate", nativeCandidate},
	{"new-offer-ice-candidate", nativeCandidate},
	{"login", nativeLogin},
	{"offer", nativeOffer("offer", ByOffer)},
	{"answer", nativeAnswer("answer")},
	{"leave", nativeLeave},
	{"request-call", nativeOffer("sdp", ByRequest)},
	{"respond-call", nativeAnswer("sdp")},
	{"end-call", nativeLeave},
	{"users", noFields(ListUsers{})},
	{"join", nativeJoin},
	{"ping", noFields(Ping{})},
}

// nativeLanguage is how its messages are read.
var nativeLanguage = language{&nativeSchema, "type", `a message needs a "type", which is a string`, nativeWords, nativeSubject}

func (native) Decode(frame []byte) (Request, *Refused) { return nativeLanguage.decode(frame) }

// nativeSubject returns whom or which call a refused message was about, as far as it
// can be read. The name in a login or a join is the sender's own.
func nativeSubject(m *fields, word string) Target {
	if word == "login" || word == "join" {
		return Target{}
	}
	to, _ := m.address(m.get("name"))
	return to
}

// nativeLogin reads who wants to sign in, or to come back.
func nativeLogin(m *fields) (Command, *Refused) {
	if !jsonscan.Blank(m.get("session")) {
		return nativeResume(m)
	}
	resume := m.get("resume")
	if !jsonscan.Absent(resume) && string(resume) != "true" && string(resume) != "false" {
		return nil, refuse(CodeBadRequest, `"resume" is true or false`)
	}
	cmd, refusal := login(m)
	asked := cmd.(Login)
	asked.Resume = string(resume) == "true"
	return asked, refusal
}

// nativeResume reads which session a client wants to continue. The session knows its
// name and role.
func nativeResume(m *fields) (Command, *Refused) {
	secret, ok := jsonscan.String(m.get("session"))
	if !ok {
		return nil, refuse(CodeBadRequest, `"session" is a string`)
	}
	seq, err := strconv.ParseUint(string(m.get("seq")), 10, 64)
	if err != nil {
		return nil, refuse(CodeBadRequest, `"seq" is the number of the last message that you have seen, 0 if none`)
	}
	return Resume{Secret: secret, Seq: seq, Token: tokenText(m.get("token"))}, nil
}

// nativeOffer returns the parser for an offer under the given key.
func nativeOffer(key string, opening Opening) parser {
	return func(m *fields) (Command, *Refused) {
		sdp, to, refusal := m.payload(key, m.addressee(opening))
		if refusal != nil {
			return nil, refusal
		}
		return Offer{To: to, SDP: Description{JSON: sdp}, Opening: opening}, nil
	}
}

// nativeAnswer returns the parser for an answer under the given key.
func nativeAnswer(key string) parser {
	return func(m *fields) (Command, *Refused) {
		sdp, to, refusal := m.payload(key, m.get("name"))
		if refusal != nil {
			return nil, refusal
		}
		return Answer{To: to, SDP: Description{JSON: sdp}}, nil
	}
}

func nativeCandidate(m *fields) (Command, *Refused) {
	candidate, to, refusal := m.payload("candidate", m.get("name"))
	if refusal != nil {
		return nil, refusal
	}
	return Candidate{To: to, Candidate: candidate}, nil
}

// payload returns a copy of what a message brings under a key, and for which call, with
// whom by this name.
func (m *fields) payload(key string, name json.RawMessage) (json.RawMessage, Target, *Refused) {
	to, refusal := m.address(name)
	switch value := m.get(key); {
	case refusal != nil:
		return nil, to, refusal
	case jsonscan.Absent(value):
		return nil, to, missing(key)
	default:
		return bytes.Clone(value), to, nil
	}
}

// claimable are the reasons that a client may give for leaving. Others count as absent:
// only the server can know them.
var claimable = []Reason{ReasonHangup, ReasonDeclined, ReasonCancelled, ReasonBusy, ReasonFailed}

func nativeLeave(m *fields) (Command, *Refused) {
	to, _ := m.address(m.get("name")) // a leave is obeyed even if a field is bad
	reason, _ := jsonscan.String(m.get("reason"))
	if !slices.Contains(claimable, Reason(reason)) {
		return Leave{To: to}, nil
	}
	return Leave{To: to, Reason: Reason(reason)}, nil
}

func nativeJoin(m *fields) (Command, *Refused) {
	room, refusal := roomName(m.get("room"))
	if refusal != nil {
		return nil, refusal
	}
	label, _ := jsonscan.Text(m.get("name"))
	return Join{Room: room, Label: excerpt(label)}, nil
}

// roomName reads the name of a room, which follows the rule for names.
func roomName(raw json.RawMessage) (Name, *Refused) {
	if jsonscan.Absent(raw) {
		return Name{}, missing("room")
	}
	text, ok := jsonscan.Text(raw)
	if !ok {
		return Name{}, refuse(CodeBadRequest, `"room" is a string or a number`)
	}
	name, ok := parseName(text)
	if !ok {
		return Name{}, refuse(CodeBadName, "that cannot be the name of a room: "+nameRule)
	}
	return name, nil
}

// addressee returns the name of whom an offer is for. The teacher's clients name the
// student under several keys.
func (m *fields) addressee(opening Opening) json.RawMessage {
	name := m.get("name")
	if opening == ByRequest {
		for _, alias := range []string{"to", "target", "userID", "studentID"} {
			if jsonscan.Blank(name) {
				name = m.get(alias)
			}
		}
	}
	return name
}
