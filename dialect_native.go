package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"switchboard/internal/jsonscan"
)

// native speaks the tutorial's words (login, offer, answer, candidate,
// leave) and those of the teacher who calls a student (request-call,
// respond-call, call-created). PROTOCOL.md describes it.
// It also serves the rooms of two (join, room_users, getOffer).
type native struct {
	iceServers []byte // JSON for login replies; nil if none are configured
}

func (native) Profile() *Profile { return nativeProfile }

var nativeProfile = &Profile{namesCalls: true, renegotiates: true}

// nativeMessage is what the server reads of a frame: raw values, nil where
// the key is absent.
type nativeMessage struct {
	typ, name, role, callID, reason     json.RawMessage
	to, target, userID, studentID, room json.RawMessage
	offer, answer, candidate, sdp       json.RawMessage
}

// slot returns where the value of key belongs. Keys match exactly; others
// are not ours to read.
func (m *nativeMessage) slot(key []byte) *json.RawMessage {
	switch string(key) {
	case "type":
		return &m.typ
	case "name":
		return &m.name
	case "role":
		return &m.role
	case "callID":
		return &m.callID
	case "to":
		return &m.to
	case "target":
		return &m.target
	case "userID":
		return &m.userID
	case "studentID":
		return &m.studentID
	case "room":
		return &m.room
	case "offer":
		return &m.offer
	case "answer":
		return &m.answer
	case "candidate":
		return &m.candidate
	case "sdp":
		return &m.sdp
	}
	return nil
}

func (m *nativeMessage) put(key []byte, value json.RawMessage) bool {
	if string(key) == "reason" {
		m.reason = value // even twice: whoever leaves has left, whatever the reason
		return true
	}
	return putOnce(m.slot(key), value)
}

func (native) Decode(frame []byte) (Request, *Refused) {
	var m nativeMessage
	broken, refusal := readObject(frame, m.put)
	if broken != nil {
		return Request{}, broken
	}
	word, ok := jsonscan.Word(m.typ, nativeWords)
	switch {
	case refusal != nil:
		return Request{}, refusal.about(excerpt(word), m.subject(word))
	case !ok:
		return Request{}, refuse(CodeBadRequest, `a message needs a "type", which is a string`)
	}
	cmd, refusal := m.command(word)
	if refusal != nil {
		return Request{}, refusal.about(excerpt(word), m.subject(word))
	}
	return Request{Word: word, Command: cmd}, nil
}

// subject is whom or which call a refused message was about, as far as it
// can be read. In some messages the name is the sender's own.
func (m *nativeMessage) subject(word string) Target {
	if word == "login" || word == "join" {
		return Target{}
	}
	to, _ := m.address(m.name)
	return to
}

// nativeWords are the types that there are.
var nativeWords = []string{
	"candidate", "new-ice-candidate", "new-answer-ice-candidate", "new-offer-ice-candidate",
	"login", "offer", "answer", "leave", "request-call", "respond-call", "end-call", "users", "join", "ping",
}

// command reads the fields that belong to a type.
func (m *nativeMessage) command(word string) (Command, *Refused) {
	switch word {
	case "login":
		return login(m.name, m.role)
	case "offer":
		return m.offerCommand("offer", m.offer, ByOffer)
	case "request-call":
		return m.offerCommand("sdp", m.sdp, ByRequest)
	case "answer":
		return m.answerCommand("answer", m.answer)
	case "respond-call":
		return m.answerCommand("sdp", m.sdp)
	case "candidate", "new-ice-candidate", "new-answer-ice-candidate", "new-offer-ice-candidate":
		return m.candidateCommand()
	case "leave", "end-call":
		return m.leaveCommand()
	case "users":
		return ListUsers{}, nil
	case "join":
		return m.joinCommand()
	case "ping":
		return Ping{}, nil
	}
	return nil, refuse(CodeUnknownCommand, "Command not found: "+excerpt(word))
}

// login reads who wants to sign in, in any family.
func login(nameField, roleField json.RawMessage) (Command, *Refused) {
	text, _ := jsonscan.Text(nameField)
	name, ok := parseName(text)
	if !ok {
		return nil, refuse(CodeBadName, nameRule)
	}
	role, ok := jsonscan.String(roleField)
	if !ok && !jsonscan.Blank(roleField) {
		return nil, refuse(CodeBadRole, "a role is a string")
	}
	return Login{Name: name, Role: strings.ToLower(role)}, nil
}

func (m *nativeMessage) offerCommand(key string, sdp json.RawMessage, opening Opening) (Command, *Refused) {
	to, refusal := m.addressee(opening)
	switch {
	case refusal != nil:
		return nil, refusal
	case jsonscan.Absent(sdp):
		return nil, missing(key)
	}
	return Offer{To: to, SDP: Description{JSON: bytes.Clone(sdp)}, Opening: opening}, nil
}

func (m *nativeMessage) answerCommand(key string, sdp json.RawMessage) (Command, *Refused) {
	to, refusal := m.address(m.name)
	switch {
	case refusal != nil:
		return nil, refusal
	case jsonscan.Absent(sdp):
		return nil, missing(key)
	}
	return Answer{To: to, SDP: Description{JSON: bytes.Clone(sdp)}}, nil
}

func (m *nativeMessage) candidateCommand() (Command, *Refused) {
	to, refusal := m.address(m.name)
	switch {
	case refusal != nil:
		return nil, refusal
	case jsonscan.Absent(m.candidate):
		return nil, missing("candidate")
	}
	return Candidate{To: to, Candidate: bytes.Clone(m.candidate)}, nil
}

// claimable are the reasons that a client may give for leaving. The others
// are the server's to tell, and say no more than none.
var claimable = []Reason{ReasonHangup, ReasonDeclined, ReasonCancelled, ReasonBusy, ReasonFailed}

func (m *nativeMessage) leaveCommand() (Command, *Refused) {
	to, _ := m.address(m.name) // what cannot be read says no more than none: whoever leaves has left
	reason, _ := jsonscan.String(m.reason)
	if !slices.Contains(claimable, Reason(reason)) {
		return Leave{To: to}, nil
	}
	return Leave{To: to, Reason: Reason(reason)}, nil
}

func (m *nativeMessage) joinCommand() (Command, *Refused) {
	room, refusal := roomName(m.room)
	if refusal != nil {
		return nil, refusal
	}
	label, _ := jsonscan.Text(m.name)
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

// addressee is the address of an offer. The teacher's clients were never
// told how to name the student, so theirs goes by several keys.
func (m *nativeMessage) addressee(opening Opening) (Target, *Refused) {
	name := m.name
	if opening == ByRequest {
		for _, alias := range []json.RawMessage{m.to, m.target, m.userID, m.studentID} {
			if jsonscan.Blank(name) {
				name = alias
			}
		}
	}
	return m.address(name)
}

// address reads which call, or whom, a message is about.
func (m *nativeMessage) address(name json.RawMessage) (to Target, refusal *Refused) {
	to.Name, refusal = named("name", name)
	if to.CallID, _ = jsonscan.String(m.callID); to.CallID == "" && !jsonscan.Blank(m.callID) {
		refusal = refuse(CodeBadRequest, `"callID" is a string`)
	}
	return to, refusal
}

// named reads an optional field that says who is meant.
func named(key string, field json.RawMessage) (*Name, *Refused) {
	if jsonscan.Blank(field) {
		return nil, nil
	}
	text, ok := jsonscan.Text(field)
	if !ok {
		return nil, refuse(CodeBadRequest, fmt.Sprintf("%q is a string or a number", key))
	}
	return nameOf(text), nil
}

func missing(key string) *Refused {
	return refuse(CodeBadRequest, fmt.Sprintf("%q is missing", key))
}
