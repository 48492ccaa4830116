package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"switchboard/internal/engineio"
	"switchboard/internal/ice"
	"switchboard/internal/jsonscan"
)

// socketIO speaks the native words in Socket.IO 5 packets, one event for each
// message. Its clients know them from two samples: the teacher who calls a
// student, and rooms whose members say offer, answer and candidate with the
// bare payload as the one argument.
type socketIO struct {
	iceServers *ice.Servers // nil if none are configured
}

func (socketIO) Profile() *Profile { return socketIOProfile }

// Its teachers and students set their descriptions only when the call is
// answered, so that candidates cannot be used before.
var socketIOProfile = &Profile{holdsCandidates: true, takesFields: true, namesCalls: true, renegotiates: true}

// connecting is the word by which refusals refer to a CONNECT packet. No
// event can have it for a name.
const connecting = "connect"

// connect reads a CONNECT packet. If it has a name or a token, it asks to be signed in
// too.
func (socketIO) connect(p packet, handshake identity, proof proof) (Request, *Refused) {
	if p.namespace != "" {
		refusal := refuse(CodeUnsupported, "Invalid namespace")
		refusal.Request, refusal.Name = connecting, p.namespace
		return Request{}, refusal
	}
	auth := newFields(&authSchema)
	defer auth.free()
	if len(p.data) > 0 {
		if _, refusal := readObject(p.data, auth); refusal != nil {
			return Request{}, refusal.regarding(connecting, Target{})
		}
	}
	who, token := identify(auth).or(handshake), auth.get("token")
	proves := proof.bearer || proof.tokens && !jsonscan.Blank(token)
	if who.name == nil && !proves {
		return Request{Word: connecting, Command: Connect{}}, nil
	}
	login, refusal := loginAs(who.name, who.role, token)
	if refusal != nil {
		refusal.regarding(connecting, Target{})
	}
	return Request{Word: connecting, Command: Connect{&login}}, refusal
}

// proof says whether clients prove by token who they are, and whether one of them has
// done so in its handshake.
type proof struct{ tokens, bearer bool }

// identity is the name and role that a client gives in its CONNECT packet's auth object
// or in its handshake's query.
type identity struct{ name, role json.RawMessage }

// authSchema is what is read of the auth object, and identitySchema of the query: a token
// in a query would appear in the logs of proxies. The samples do not agree on the key of
// the name, so there are several.
var (
	authSchema     = newSchema(append(slices.Clone(identitySchema.keys), "token")...)
	identitySchema = newSchema(append(slices.Clone(nameKeys), "role")...)
	nameKeys       = []string{"userID", "userId", "id", "name", "username"}
)

// identify returns the first name that is given, and the role beside it.
func identify(m *fields) (who identity) {
	for _, key := range nameKeys {
		if name := m.get(key); who.name == nil && !jsonscan.Blank(name) {
			who.name = name
		}
	}
	who.role = m.get("role")
	return who
}

// identityIn reads who a handshake's query says the client is. Nothing of
// the request stays in memory.
func identityIn(query url.Values) identity {
	m := newFields(&identitySchema)
	defer m.free()
	for _, key := range identitySchema.keys {
		if text := query.Get(key); text != "" {
			m.set(key, jsonscan.AppendString(nil, text))
		}
	}
	return identify(m)
}

// or returns the identity, with what it lacks taken from a second one.
func (who identity) or(second identity) identity {
	if who.name == nil {
		who.name = second.name
	}
	if jsonscan.Blank(who.role) {
		who.role = second.role
	}
	return who
}

// decodeEvent reads an event as a native message: its name is the type, its
// first argument all the rest.
func (socketIO) decodeEvent(p packet) (Request, *Refused) {
	m := newFields(&eventSchema)
	defer m.free()
	var cmd Command
	refusal := readArgument(m, p.word, unwrap(p.argument))
	if refusal == nil {
		cmd, refusal = eventWords.parserOf(p.word)(m)
	}
	if refusal != nil {
		to, _ := m.address(m.get("name"))
		refusal.regarding(excerpt(p.word), to)
	}
	return Request{Word: p.word, Command: cmd, Receipt: p.ack}, refusal
}

// unwrap returns the object in a string, or the argument as it is: some clients
// serialise their objects themselves.
func unwrap(argument json.RawMessage) json.RawMessage {
	text, _ := jsonscan.String(argument)
	if object := jsonscan.Trim([]byte(text)); jsonscan.IsObject(object) && jsonscan.Scan(object, nil) == nil {
		return object
	}
	return argument
}

// eventSchema is the native schema with two fields of a candidate, which may be the
// argument itself.
var eventSchema = newSchema(append(slices.Clone(nativeSchema.keys), "sdpMid", "sdpMLineIndex")...).
	repeating(nativeSchema.repeatable)

// eventWords are the native words, but for coming back to a session, which the
// clients of this family cannot do.
var eventWords = append(vocabulary{{"login", login}}, nativeWords...)

// wordsAlone are words that need no fields: their argument is not read if it is no object.
// A heartbeat's may be the time.
var wordsAlone = []string{"leave", "end-call", "ping", "users"}

// readArgument reads the fields of a message from an event's argument. That may also
// be the payload alone.
func readArgument(m *fields, word string, argument json.RawMessage) *Refused {
	switch {
	case jsonscan.IsObject(argument):
		if _, refusal := readObject(argument, m); refusal != nil {
			return refusal
		}
		setPayload(m, word, argument)
	case jsonscan.Absent(argument), slices.Contains(wordsAlone, word):
	case word == "offer", word == "answer", word == "candidate":
		m.set(word, argument)
	case nativeWords.has(word):
		return refuse(CodeBadRequest, fmt.Sprintf("the argument of %s is an object", word))
	}
	return nil
}

// setPayload sets the payload of a message whose argument is an object. The object may
// itself be the payload, whose type may be a number that only this family's clients know.
func setPayload(m *fields, word string, argument json.RawMessage) {
	addressed := !jsonscan.Blank(m.get("name")) || !jsonscan.Blank(m.get("callID"))
	switch word {
	case "offer", "answer":
		if jsonscan.Blank(m.get(word)) && (!addressed || !jsonscan.Blank(m.get("sdp"))) {
			m.set(word, argument)
		}
		m.set(word, withType(m.get(word), word))
	case "request-call":
		m.set("sdp", withType(m.get("sdp"), "offer"))
	case "respond-call":
		m.set("sdp", withType(m.get("sdp"), "answer"))
	case "candidate", "new-ice-candidate", "new-answer-ice-candidate", "new-offer-ice-candidate":
		if jsonscan.IsString(m.get("candidate")) && (!addressed || hasLine(m)) {
			m.set("candidate", argument)
		}
	}
}

// hasLine reports whether the fields say which media line a candidate is for, as those
// of an RTCIceCandidate do.
func hasLine(m *fields) bool {
	return !jsonscan.Blank(m.get("sdpMid")) || !jsonscan.Absent(m.get("sdpMLineIndex"))
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
			described = appendCopy(described, key, value)
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
	case ICEServersRenewed:
		return packetEnvelope.renewed(dst, ev, s.iceServers)
	case Acknowledged:
		return s.receipt(dst, ev)
	case Numbered:
		return dst // its clients have no sessions
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
