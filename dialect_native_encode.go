package main

import (
	"fmt"
	"strconv"
	"time"

	"switchboard/internal/ice"
	"switchboard/internal/jsonscan"
)

// This file encodes events in the native words. Socket.IO clients hear the same
// words in another envelope, so it writes either.

// envelope is what surrounds the members of a message.
type envelope int

const (
	objectEnvelope envelope = iota // {"type":"leave","name":"ann"}
	packetEnvelope                 // 42["leave",{"name":"ann"}]
)

func (e envelope) open(dst []byte, word string) []byte {
	if e == packetEnvelope {
		return append(openEvent(dst, word), ",{"...)
	}
	dst = append(dst, `{"type":"`...)
	dst = append(dst, word...)
	return append(dst, '"')
}

func (e envelope) close(dst []byte) []byte {
	if e == packetEnvelope {
		return append(dst, "}]"...)
	}
	return append(dst, '}')
}

// wording is the set of words in which a party hears of a call.
type wording int

const (
	offerWords   wording = iota // the tutorial's: {"type":"offer","offer":...,"name":"ann","callID":"5f0c..."}
	requestWords                // the teacher's: {"type":"request-call","sdp":...,"name":"ann","callID":"5f0c..."}
	roomWords                   // a room's: {"type":"getOffer","offer":...,"name":"ann","callID":"5f0c..."}
)

// wording returns the words for the receiver of an event. A page without a role knows
// only the tutorial's. In packets, whoever is called hears request-call: the
// samples of Socket.IO know no other way of being called.
func (e envelope) wording(info CallInfo) wording {
	switch {
	case info.InRoom:
		return roomWords
	case info.Role != "" && info.Opening == ByRequest:
		return requestWords
	case e == packetEnvelope && !info.Caller:
		return requestWords
	}
	return offerWords
}

// greeting is what the tutorial's server says first, the one frame that is
// not JSON.
const greeting = "Hello world"

func (n native) Encode(dst []byte, ev Event) []byte {
	switch ev := ev.(type) {
	case Numbered:
		return appendSeq(n.Encode(dst, ev.Event), ev.Seq)
	case LoggedIn:
		return objectEnvelope.loggedIn(dst, ev, n.iceServers)
	case ICEServersRenewed:
		return objectEnvelope.renewed(dst, ev, n.iceServers)
	}
	return objectEnvelope.encode(dst, ev)
}

// appendSeq gives the message at the end of dst its number, as the last member.
func appendSeq(dst []byte, seq uint64) []byte {
	dst = appendKey(dst[:len(dst)-1], "seq")
	return append(strconv.AppendUint(dst, seq, 10), '}')
}

// hears reports whether there is a word for an event.
func (e envelope) hears(ev Event) bool {
	switch ev := ev.(type) {
	case Connected, Acknowledged:
		return e == packetEnvelope // others ask for neither
	case Rang:
		return ev.Role != ""
	case Established:
		w := e.wording(ev.CallInfo)
		return w == requestWords || w == offerWords && ev.Role != ""
	}
	return true
}

func (e envelope) encode(dst []byte, ev Event) []byte {
	if !e.hears(ev) {
		return dst
	}
	switch ev := ev.(type) {
	case Greeted:
		return append(dst, greeting...)
	case Offered:
		return e.description(dst, ev.CallInfo, offerKeys[e.wording(ev.CallInfo)], "offer", ev.SDP)
	case Answered:
		return e.description(dst, ev.CallInfo, answerKeys[e.wording(ev.CallInfo)], "answer", ev.SDP)
	case Rang:
		return e.withoutPayload(dst, "ringing", ev.CallInfo)
	case Established:
		return e.withoutPayload(dst, "call-created", ev.CallInfo)
	case NewCandidate:
		return e.candidate(dst, ev)
	case Ended:
		return e.ended(dst, ev)
	case TokenExpiring:
		dst = appendKey(e.open(dst, "token-expiring"), "expiresIn")
		return e.close(strconv.AppendInt(dst, ev.In, 10))
	case UsersListed:
		return e.users(dst, ev)
	case Joined:
		dst = e.open(dst, "room_users")
		dst = append(appendKey(dst, "users"), '[')
		return e.close(append(appendMembers(dst, ev.Members), ']'))
	case RoomFull:
		return e.close(appendMember(e.open(dst, "room_full"), "room", ev.Room))
	case Ponged:
		return e.close(e.open(dst, "pong"))
	case Refused:
		return e.refusal(dst, ev)
	}
	panic(fmt.Sprintf("no native words for %T", ev))
}

// wordAndKey is the type of a message, and the key of its payload.
type wordAndKey struct{ word, payload string }

var (
	offerKeys     = [...]wordAndKey{offerWords: {"offer", "offer"}, requestWords: {"request-call", "sdp"}, roomWords: {"getOffer", "offer"}}
	answerKeys    = [...]wordAndKey{offerWords: {"answer", "answer"}, requestWords: {"respond-call", "sdp"}, roomWords: {"getAnswer", "answer"}}
	candidateKeys = [...]wordAndKey{offerWords: {"candidate", "candidate"}, roomWords: {"getCandidate", "candidate"}}
)

func (e envelope) loggedIn(dst []byte, ev LoggedIn, servers *ice.Servers) []byte {
	dst = append(appendKey(e.open(dst, "login"), "success"), "true"...)
	dst = appendMember(dst, "name", ev.Name)
	dst = appendKnown(dst, "role", ev.Role)
	switch {
	case ev.Session != "":
		dst = appendKey(appendMember(dst, "session", ev.Session), "resumeWindow")
		dst = strconv.AppendInt(dst, int64(ev.Window/time.Second), 10)
	case ev.Resumed:
		dst = append(appendKey(dst, "resumed"), "true"...)
		dst = strconv.AppendUint(appendKey(dst, "received"), ev.Received, 10)
	}
	return e.close(appendICEServers(dst, servers, ev.TURN))
}

func (e envelope) renewed(dst []byte, ev ICEServersRenewed, servers *ice.Servers) []byte {
	return e.close(appendICEServers(e.open(dst, "ice-servers"), servers, ev.TURN))
}

// description writes an event around a session description.
func (e envelope) description(dst []byte, info CallInfo, k wordAndKey, typ string, sdp Description) []byte {
	dst = appendKey(e.open(dst, k.word), k.payload)
	dst = appendObject(dst, typ, sdp)
	return e.close(appendInfo(dst, info))
}

// appendObject writes a session description for those who take objects.
func appendObject(dst []byte, typ string, sdp Description) []byte {
	if !sdp.Bare {
		return append(dst, sdp.JSON...)
	}
	dst = append(dst, `{"type":"`...)
	dst = append(dst, typ...)
	dst = append(dst, `","sdp":`...)
	dst = append(dst, sdp.JSON...)
	return append(dst, '}')
}

// withoutPayload writes an event that brings no payload.
func (e envelope) withoutPayload(dst []byte, word string, info CallInfo) []byte {
	return e.close(appendInfo(e.open(dst, word), info))
}

// appendInfo appends the members that say which call an event is about.
func appendInfo(dst []byte, info CallInfo) []byte {
	return appendMember(appendMember(dst, "name", info.Peer), "callID", info.CallID)
}

func (e envelope) candidate(dst []byte, ev NewCandidate) []byte {
	w := e.wording(ev.CallInfo)
	if w == requestWords {
		return e.flatCandidate(dst, ev)
	}
	k := candidateKeys[w]
	dst = append(appendKey(e.open(dst, k.word), k.payload), ev.Candidate...)
	return e.close(appendInfo(dst, ev.CallInfo))
}

// flatCandidate writes a candidate's own fields beside the message's, as the teacher's
// clients expect. Fields that would be taken for the message's own are dropped: a
// candidate must not be able to forge a message.
func (e envelope) flatCandidate(dst []byte, ev NewCandidate) []byte {
	dst = appendMember(e.open(dst, "new-ice-candidate"), "callID", ev.CallID)
	if !jsonscan.IsObject(ev.Candidate) {
		dst = append(appendKey(dst, "candidate"), ev.Candidate...)
		return e.close(dst)
	}
	for key, value := range jsonscan.Members(ev.Candidate) {
		switch string(key) {
		case "type", "callID", "seq":
			continue
		}
		dst = appendCopy(dst, key, value)
	}
	return e.close(dst)
}

func (e envelope) ended(dst []byte, ev Ended) []byte {
	if ev.InRoom {
		dst = appendMember(e.open(dst, "user_exit"), "id", ev.Peer)
	} else {
		dst = appendMember(e.open(dst, "leave"), "name", ev.Peer)
	}
	dst = appendMember(dst, "callID", ev.CallID)
	return e.close(appendMember(dst, "reason", string(ev.Reason)))
}

func (e envelope) users(dst []byte, ev UsersListed) []byte {
	dst = append(appendKey(e.open(dst, "users"), "users"), '[')
	for i, user := range ev.Users {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(append(dst, '{'), "name", user.Name)
		dst = appendKnown(dst, "role", user.Role)
		dst = append(appendMember(dst, "state", string(user.State)), '}')
	}
	dst = appendKey(append(dst, ']'), "total")
	return e.close(strconv.AppendInt(dst, int64(ev.Total), 10))
}

func appendMembers(dst []byte, members []Member) []byte {
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMember(append(dst, '{'), "id", m.Address)
		dst = append(appendMember(dst, "name", m.Label), '}')
	}
	return dst
}

// refusal writes a refusal. A login has its own form of it, which the
// tutorial's pages understand.
func (e envelope) refusal(dst []byte, ev Refused) []byte {
	if ev.Request == "login" && e == objectEnvelope {
		dst = append(appendKey(e.open(dst, "login"), "success"), "false"...)
		dst = appendMember(dst, "code", string(ev.Code))
		return e.close(appendMember(dst, "message", ev.Message))
	}
	return e.close(appendRefusal(e.open(dst, "error"), ev))
}

func appendRefusal(dst []byte, ev Refused) []byte {
	dst = appendMember(dst, "code", string(ev.Code))
	dst = appendMember(dst, "message", ev.Message)
	dst = appendKnown(dst, "request", ev.Request)
	dst = appendKnown(dst, "name", ev.Name)
	return appendKnown(dst, "callID", ev.CallID)
}
