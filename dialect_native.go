package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// native speaks the tutorial's words (login, offer, answer, candidate,
// leave) and those of the teacher who calls a student (request-call,
// respond-call, call-created). PROTOCOL.md describes it.
type native struct {
	iceServers []byte // JSON for login replies; nil if none are configured
}

// greeting is what the tutorial's server says first, the one frame that is
// not JSON.
const greeting = "Hello world"

// nativeMessage is what the server reads of a frame: raw values, nil where
// the key is absent.
type nativeMessage struct {
	typ, name, role, callID, reason json.RawMessage
	to, target, userID, studentID   json.RawMessage
	offer, answer, candidate, sdp   json.RawMessage
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
	case "reason":
		return &m.reason
	case "to":
		return &m.to
	case "target":
		return &m.target
	case "userID":
		return &m.userID
	case "studentID":
		return &m.studentID
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

func (native) Decode(frame []byte) (Request, *Refused) {
	var m nativeMessage
	if refusal := readObject(frame, m.slot); refusal != nil {
		return Request{}, refusal
	}
	word, ok := asString(m.typ)
	if !ok {
		return Request{}, refuse(CodeBadRequest, `a message needs a "type", which is a string`)
	}
	cmd, refusal := m.command(word)
	if refusal != nil {
		to, _ := m.address(m.name)
		return Request{}, refusal.about(excerpt(word), to)
	}
	return Request{Word: word, Command: cmd}, nil
}

// command reads the fields that belong to a type.
func (m *nativeMessage) command(word string) (Command, *Refused) {
	switch word {
	case "login":
		return m.login()
	case "offer":
		return m.offerCommand("offer", m.offer, byOffer)
	case "request-call":
		return m.offerCommand("sdp", m.sdp, byRequest)
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
	}
	return nil, refuse(CodeUnknownCommand, "Command not found: "+excerpt(word))
}

func (m *nativeMessage) login() (Command, *Refused) {
	text, _ := asString(m.name)
	name, ok := parseName(text)
	if !ok {
		return nil, refuse(CodeBadName, fmt.Sprintf(
			"a name is a string of 1 to %d characters, none of them invisible, without blanks at its ends", maxNameRunes))
	}
	role, ok := asString(m.role)
	if !ok && !absent(m.role) {
		return nil, refuse(CodeBadRole, "a role is a string")
	}
	return Login{Name: name, Role: strings.ToLower(role)}, nil
}

func (m *nativeMessage) offerCommand(key string, sdp json.RawMessage, opening Opening) (Command, *Refused) {
	to, refusal := m.addressee(opening)
	switch {
	case refusal != nil:
		return nil, refusal
	case absent(sdp):
		return nil, missing(key)
	case to.CallID == "" && to.Name == nil:
		return nil, refuse(CodeBadRequest, `whom to call is missing: "name"`)
	}
	return Offer{To: to, SDP: sdp, Opening: opening}, nil
}

func (m *nativeMessage) answerCommand(key string, sdp json.RawMessage) (Command, *Refused) {
	to, refusal := m.address(m.name)
	switch {
	case refusal != nil:
		return nil, refusal
	case absent(sdp):
		return nil, missing(key)
	}
	return Answer{To: to, SDP: sdp}, nil
}

func (m *nativeMessage) candidateCommand() (Command, *Refused) {
	to, refusal := m.address(m.name)
	switch {
	case refusal != nil:
		return nil, refusal
	case absent(m.candidate):
		return nil, missing("candidate")
	}
	return Candidate{To: to, Candidate: m.candidate}, nil
}

// claimable are the reasons that a client may give for leaving. The others
// are the server's to tell.
var claimable = []Reason{ReasonHangup, ReasonDeclined, ReasonCancelled, ReasonBusy, ReasonFailed}

func (m *nativeMessage) leaveCommand() (Command, *Refused) {
	to, refusal := m.address(m.name)
	if refusal != nil {
		return nil, refusal
	}
	if absent(m.reason) {
		return Leave{To: to}, nil
	}
	reason, _ := asString(m.reason)
	if !slices.Contains(claimable, Reason(reason)) {
		return nil, refuse(CodeBadRequest, fmt.Sprintf(`"reason" is one of %s`, claimable))
	}
	return Leave{To: to, Reason: Reason(reason)}, nil
}

// addressee is the address of an offer. The teacher's clients were never
// told how to name the student, so theirs goes by several keys.
func (m *nativeMessage) addressee(opening Opening) (Target, *Refused) {
	name := m.name
	if opening == byRequest {
		for _, alias := range []json.RawMessage{m.to, m.target, m.userID, m.studentID} {
			if absent(name) {
				name = alias
			}
		}
	}
	return m.address(name)
}

// address reads which call, or whom, a message is about.
func (m *nativeMessage) address(name json.RawMessage) (to Target, refusal *Refused) {
	var ok bool
	if to.CallID, ok = asString(m.callID); !ok && !absent(m.callID) {
		return to, refuse(CodeBadRequest, `"callID" is a string`)
	}
	if absent(name) {
		return to, nil
	}
	text, ok := asString(name)
	if !ok {
		return to, refuse(CodeBadRequest, `"name" is a string`)
	}
	to.Name = nameOf(text)
	return to, nil
}

func missing(key string) *Refused {
	return refuse(CodeBadRequest, fmt.Sprintf("%q is missing", key))
}

func (n native) Encode(dst []byte, ev Event) []byte {
	switch ev := ev.(type) {
	case Greeted:
		return append(dst, greeting...)
	case LoggedIn:
		return n.loggedIn(dst, ev)
	case Offered:
		if ev.Opening == byRequest {
			return ev.appendTo(dst, "request-call", "sdp", ev.SDP)
		}
		return ev.appendTo(dst, "offer", "offer", ev.SDP)
	case Rang:
		if ev.Role == "" {
			return dst
		}
		return ev.appendTo(dst, "ringing", "", nil)
	case Answered:
		if ev.Opening == byRequest {
			return ev.appendTo(dst, "respond-call", "sdp", ev.SDP)
		}
		return ev.appendTo(dst, "answer", "answer", ev.SDP)
	case Established:
		if ev.Opening == byOffer && ev.Role == "" {
			return dst
		}
		return ev.appendTo(dst, "call-created", "", nil)
	case NewCandidate:
		if ev.Opening == byRequest {
			return appendFlatCandidate(dst, ev)
		}
		return ev.appendTo(dst, "candidate", "candidate", ev.Candidate)
	case Ended:
		dst = append(dst, `{"type":"leave"`...)
		dst = appendMember(dst, "name", ev.Peer)
		dst = appendMember(dst, "callID", ev.CallID)
		dst = appendMember(dst, "reason", string(ev.Reason))
		return append(dst, '}')
	case UsersListed:
		return appendUsers(dst, ev)
	case Refused:
		return appendRefusal(dst, ev)
	}
	panic(fmt.Sprintf("native: no words for %T", ev))
}

func (n native) loggedIn(dst []byte, ev LoggedIn) []byte {
	dst = append(dst, `{"type":"login","success":true`...)
	dst = appendMember(dst, "name", ev.Name)
	dst = appendKnown(dst, "role", ev.Role)
	if n.iceServers != nil {
		dst = append(dst, `,"iceServers":`...)
		dst = append(dst, n.iceServers...)
	}
	return append(dst, '}')
}

// appendTo writes an event about a call around its untouched payload, if it
// has one.
func (i CallInfo) appendTo(dst []byte, word, key string, payload json.RawMessage) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, word...)
	dst = append(dst, '"')
	if payload != nil {
		dst = append(dst, `,"`...)
		dst = append(dst, key...)
		dst = append(dst, `":`...)
		dst = append(dst, payload...)
	}
	dst = appendMember(dst, "name", i.Peer)
	dst = appendMember(dst, "callID", i.CallID)
	return append(dst, '}')
}

// appendFlatCandidate writes a candidate's own fields beside the message's,
// as the teacher's clients expect. Those that would read as the message's
// are dropped: a candidate must not be able to forge a message.
func appendFlatCandidate(dst []byte, ev NewCandidate) []byte {
	dst = append(dst, `{"type":"new-ice-candidate"`...)
	dst = appendMember(dst, "callID", ev.CallID)
	if ev.Candidate[0] == '"' {
		dst = append(dst, `,"candidate":`...)
		dst = append(dst, ev.Candidate...)
		return append(dst, '}')
	}
	for key, value := range members(ev.Candidate) {
		switch string(key) {
		case "type", "callID", "seq":
			continue
		}
		dst = append(dst, ',')
		dst = appendString(dst, key)
		dst = append(dst, ':')
		dst = append(dst, value...)
	}
	return append(dst, '}')
}

func appendUsers(dst []byte, ev UsersListed) []byte {
	dst = append(dst, `{"type":"users","users":[`...)
	for i, user := range ev.Users {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, user.Name)
		dst = appendKnown(dst, "role", user.Role)
		dst = appendMember(dst, "state", string(user.State))
		dst = append(dst, '}')
	}
	dst = append(dst, `],"total":`...)
	dst = strconv.AppendInt(dst, int64(ev.Total), 10)
	return append(dst, '}')
}

// appendRefusal writes a refusal: a login has its own form of it, which the
// tutorial's pages understand.
func appendRefusal(dst []byte, ev Refused) []byte {
	if ev.Request == "login" {
		dst = append(dst, `{"type":"login","success":false`...)
		dst = appendMember(dst, "code", string(ev.Code))
		dst = appendMember(dst, "message", ev.Message)
		return append(dst, '}')
	}
	dst = append(dst, `{"type":"error"`...)
	dst = appendMember(dst, "code", string(ev.Code))
	dst = appendMember(dst, "message", ev.Message)
	dst = appendKnown(dst, "request", ev.Request)
	dst = appendKnown(dst, "name", ev.Name)
	dst = appendKnown(dst, "callID", ev.CallID)
	return append(dst, '}')
}

// appendMember appends a further member with a string value.
func appendMember(dst []byte, key, value string) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, key...)
	dst = append(dst, '"', ':')
	return appendString(dst, value)
}

// appendKnown appends a member only if there is something to say.
func appendKnown(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	return appendMember(dst, key, value)
}
