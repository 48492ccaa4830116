package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"switchboard/internal/engineio"
	"switchboard/internal/jsonscan"
)

// socketIO speaks the native words in Socket.IO 5 packets, one event for each
// message. Its clients know them from two samples: the teacher who calls a
// student, and rooms whose members say offer, answer and candidate with the
// bare payload as the one argument.
type socketIO struct {
	iceServers []byte // JSON for login replies; nil if none are configured
}

func (socketIO) Profile() *Profile { return socketIOProfile }

// Its teachers and students set their descriptions only when the call is
// answered, so that candidates cannot be used before.
var socketIOProfile = &Profile{holds: true, takesFields: true, namesCalls: true, renegotiates: true}

// connecting is the word by which refusals refer to a CONNECT packet. No
// event can have it for a name.
const connecting = "connect"

// connect reads a CONNECT packet: the client asks to be let in and, if it
// says who it is, to be signed in with that.
func (socketIO) connect(p packet, handshake identity) (Request, *Refused) {
	if p.namespace != "" {
		refusal := refuse(CodeUnsupported, "Invalid namespace")
		refusal.Request, refusal.Name = connecting, p.namespace
		return Request{}, refusal
	}
	var who identity
	if len(p.data) > 0 {
		if _, refusal := readObject(p.data, who.put); refusal != nil {
			return Request{}, refusal.about(connecting, Target{})
		}
	}
	cmd, refusal := who.or(handshake).command()
	if refusal != nil {
		return Request{}, refusal.about(connecting, Target{})
	}
	return Request{Word: connecting, Command: cmd}, nil
}

// identity is what a client says of itself before it says anything else, in
// its auth object or its handshake's query. The samples do not agree on the
// key of the name, so there are several.
type identity struct {
	userID, userId, id, name, username, role json.RawMessage
}

func (who *identity) slot(key []byte) *json.RawMessage {
	switch string(key) {
	case "userID":
		return &who.userID
	case "userId":
		return &who.userId
	case "id":
		return &who.id
	case "name":
		return &who.name
	case "username":
		return &who.username
	case "role":
		return &who.role
	}
	return nil
}

func (who *identity) put(key []byte, value json.RawMessage) bool {
	return putOnce(who.slot(key), value)
}

// first returns the name, nil if there is none.
func (who identity) first() json.RawMessage {
	for _, name := range []json.RawMessage{who.userID, who.userId, who.id, who.name, who.username} {
		if !jsonscan.Blank(name) {
			return name
		}
	}
	return nil
}

// or fills in from a second source what the first leaves out.
func (who identity) or(second identity) identity {
	if who.first() == nil {
		who.name = second.first()
	}
	if jsonscan.Blank(who.role) {
		who.role = second.role
	}
	return who
}

func (who identity) command() (Command, *Refused) {
	name := who.first()
	if name == nil {
		return Connect{}, nil
	}
	cmd, refusal := login(name, who.role)
	if refusal != nil {
		return nil, refusal
	}
	asked := cmd.(Login)
	return Connect{&asked}, nil
}

// decodeEvent reads an event as a native message: its name is the type, its
// first argument all the rest.
func (socketIO) decodeEvent(p packet) (Request, *Refused) {
	m := eventMessage{argument: unwrap(p.argument)}
	cmd, refusal := m.read(p.word)
	if refusal != nil {
		to, _ := m.address(m.nativeMessage.name)
		return Request{Receipt: p.ack}, refusal.about(excerpt(p.word), to)
	}
	return Request{Word: p.word, Command: cmd, Receipt: p.ack}, nil
}

// unwrap takes an object out of a string: some clients send what they have
// serialised themselves.
func unwrap(argument json.RawMessage) json.RawMessage {
	text, _ := jsonscan.String(argument)
	if object := jsonscan.Trim([]byte(text)); jsonscan.IsObject(object) && jsonscan.Scan(object, nil) == nil {
		return object
	}
	return argument
}

// eventMessage is a native message that may also be the bare payload.
type eventMessage struct {
	nativeMessage
	argument              json.RawMessage
	sdpMid, sdpMLineIndex json.RawMessage
}

func (m *eventMessage) put(key []byte, value json.RawMessage) bool {
	switch string(key) {
	case "sdpMid":
		return putOnce(&m.sdpMid, value)
	case "sdpMLineIndex":
		return putOnce(&m.sdpMLineIndex, value)
	}
	return m.nativeMessage.put(key, value)
}

// wordsAlone say enough by themselves: an argument that is no object is not
// read. A heartbeat may bring the time.
var wordsAlone = []string{"leave", "end-call", "ping", "users"}

func (m *eventMessage) read(word string) (Command, *Refused) {
	isObject := jsonscan.IsObject(m.argument)
	if isObject {
		if _, refusal := readObject(m.argument, m.put); refusal != nil {
			return nil, refusal
		}
	}
	switch {
	case isObject:
		m.settle(word)
	case jsonscan.Absent(m.argument), slices.Contains(wordsAlone, word):
	case word == "offer":
		m.offer = m.argument
	case word == "answer":
		m.answer = m.argument
	case word == "candidate":
		m.candidate = m.argument
	default:
		if _, refusal := m.command(word); refusal != nil && refusal.Code == CodeUnknownCommand {
			return nil, refusal
		}
		return nil, refuse(CodeBadRequest, fmt.Sprintf("the argument of %s is an object", excerpt(word)))
	}
	return m.command(word)
}

// settle finds the payload in an object, which may be the payload itself, and
// turns what this family's clients write otherwise into what others expect.
func (m *eventMessage) settle(word string) {
	addressed := !jsonscan.Blank(m.name) || !jsonscan.Blank(m.callID)
	bare := !jsonscan.Blank(m.sdp) || !addressed
	switch word {
	case "offer":
		if jsonscan.Blank(m.offer) && bare {
			m.offer = m.argument
		}
	case "answer":
		if jsonscan.Blank(m.answer) && bare {
			m.answer = m.argument
		}
	case "candidate", "new-ice-candidate", "new-answer-ice-candidate", "new-offer-ice-candidate":
		line := !jsonscan.Blank(m.sdpMid) || !jsonscan.Absent(m.sdpMLineIndex)
		if _, ok := jsonscan.String(m.candidate); ok && (line || !addressed) {
			m.candidate = m.argument
		}
	}
	m.offer, m.answer = withType(m.offer, "offer"), withType(m.answer, "answer")
	if word == "respond-call" {
		m.sdp = withType(m.sdp, "answer")
	} else {
		m.sdp = withType(m.sdp, "offer")
	}
}

// sdpTypes are the types of a session description by the number that stands
// for each in Unity, whose serialisers write that.
var sdpTypes = []string{"offer", "pranswer", "answer", "rollback"}

// withType returns a session description whose type is a word, since browsers
// take nothing else: a number becomes the word that it stands for, and a
// missing one what the message makes of it. All other values stay as they are.
func withType(sdp json.RawMessage, meant string) json.RawMessage {
	if !jsonscan.IsObject(sdp) {
		return sdp
	}
	var typ, text json.RawMessage
	for key, value := range jsonscan.Members(sdp) {
		switch string(key) {
		case "type":
			typ = value
		case "sdp":
			text = value
		}
	}
	word := typeWord(typ, meant)
	if word == "" || typ == nil && text == nil {
		return sdp
	}
	described := appendMember([]byte{'{'}, "type", word)
	for key, value := range jsonscan.Members(sdp) {
		if string(key) != "type" {
			described = append(jsonscan.AppendString(append(described, ','), key), ':')
			described = append(described, value...)
		}
	}
	return append(described, '}')
}

// typeWord returns the word for the type of a description, "" if it may stay
// as it is.
func typeWord(typ json.RawMessage, meant string) string {
	if jsonscan.Blank(typ) {
		return meant
	}
	text, _ := jsonscan.Text(typ)
	if n, err := strconv.Atoi(text); err == nil && 0 <= n && n < len(sdpTypes) {
		return sdpTypes[n]
	}
	return ""
}

// openEvent begins an event packet.
func openEvent(dst []byte, word string) []byte {
	dst = append(dst, engineio.Message, packetEvent, '[', '"')
	return append(append(dst, word...), '"')
}

func (s socketIO) Encode(dst []byte, ev Event) []byte {
	switch ev := ev.(type) {
	case engineio.Frame:
		return append(dst, ev...)
	case Connected:
		dst = append(dst, engineio.Message, packetConnect, '{')
		return append(appendMember(dst, "sid", ev.ID), '}')
	case LoggedIn:
		return packetEnvelope.loggedIn(dst, ev, s.iceServers)
	case Acknowledged:
		return s.receipt(dst, ev)
	case Refused:
		if ev.Request == connecting {
			return s.connectError(dst, ev)
		}
	case Joined:
		dst = append(openPayload(dst, "room_users"), '[')
		return append(appendMembers(dst, ev.Members), "]]"...)
	case RoomFull:
		return append(openEvent(dst, "room_full"), ']')
	}
	return s.encodeCall(dst, ev)
}

// encodeCall writes what concerns a call. To a member of a room the argument
// is the payload itself.
func (s socketIO) encodeCall(dst []byte, ev Event) []byte {
	switch ev := ev.(type) {
	case Offered:
		if ev.InRoom {
			return append(appendObject(openPayload(dst, "getOffer"), "offer", ev.SDP), ']')
		}
	case Answered:
		if ev.InRoom {
			return append(appendObject(openPayload(dst, "getAnswer"), "answer", ev.SDP), ']')
		}
	case NewCandidate:
		if ev.InRoom {
			return append(append(openPayload(dst, "getCandidate"), ev.Candidate...), ']')
		}
	case Ended:
		if ev.InRoom {
			dst = append(openPayload(dst, "user_exit"), '{')
			return append(appendMember(dst, "id", ev.Peer), "}]"...)
		}
	}
	return packetEnvelope.encode(dst, ev)
}

// openPayload begins an event packet up to its argument.
func openPayload(dst []byte, word string) []byte { return append(openEvent(dst, word), ',') }

// receipt writes an ACK packet.
func (socketIO) receipt(dst []byte, ev Acknowledged) []byte {
	dst = append(dst, engineio.Message, packetAck)
	dst = append(append(dst, ev.Receipt...), "[{"...)
	if ev.Refusal != nil {
		dst = appendRefusal(dst, *ev.Refusal)
	} else {
		dst = appendKnown(dst, "callID", ev.CallID)
	}
	return append(dst, "}]"...)
}

// connectError refuses a CONNECT packet. If that was about a namespace, it
// says no more than other servers do.
func (socketIO) connectError(dst []byte, ev Refused) []byte {
	dst = append(dst, engineio.Message, packetConnectError)
	if ev.Name != "" {
		dst = append(append(dst, ev.Name...), ',')
		return append(appendMember(append(dst, '{'), "message", ev.Message), '}')
	}
	dst = appendMember(append(dst, '{'), "message", ev.Message)
	dst = append(appendKey(dst, "data"), '{')
	return append(appendMember(dst, "code", string(ev.Code)), "}}"...)
}
