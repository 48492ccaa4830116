package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"switchboard/internal/conn"
	"switchboard/internal/engineio"
)

// newTestSession returns a session whose client has connected, or not yet.
func newTestSession(connected bool, handshake identity) *socketIOSession {
	return &socketIOSession{handshake: handshake, connected: connected, timer: time.NewTimer(time.Hour)}
}

func TestSocketIODecode(t *testing.T) {
	desc := func(text string) Description { return Description{JSON: json.RawMessage(text)} }
	bob := Target{Name: nameOf("bob")}
	call := Target{CallID: "c"}
	for _, tt := range []struct {
		frame   string
		word    string
		receipt string
		want    Command
	}{
		{`420["users"]`, "users", "0", ListUsers{}},
		{`4212["users"]`, "users", "12", ListUsers{}},
		{`4210["users",null]`, "users", "10", ListUsers{}},
		{`42/,["users"]`, "users", "", ListUsers{}},
		{`42["login",{"name":"ann","role":"Teacher"}]`, "login", "", Login{Name: *nameOf("ann"), Role: "teacher"}},
		{`42["join",{"room":1234,"name":"a@b"}]`, "join", "", Join{Room: *nameOf("1234"), Label: "a@b"}},
		{`42["join",{"room":"1234"},"more"]`, "join", "", Join{Room: *nameOf("1234")}},
		{`42[ "leave" , { "name" : "bob" , "reason" : "busy" } ]`, "leave", "", Leave{To: bob, Reason: ReasonBusy}},
		{`42["end-call"]`, "end-call", "", Leave{}},

		// Offers and answers: wrapped, or the argument itself.
		{`42["offer",{"name":"bob","offer":{"type":"offer","sdp":"v=0"}}]`, "offer", "", Offer{To: bob, SDP: desc(`{"type":"offer","sdp":"v=0"}`)}},
		{`42["offer",{"sdp":"v=0","type":"offer"}]`, "offer", "", Offer{SDP: desc(`{"sdp":"v=0","type":"offer"}`)}},
		{`42["offer",{"name":"bob","sdp":"v=0","type":"offer"}]`, "offer", "", Offer{To: bob, SDP: desc(`{"name":"bob","sdp":"v=0","type":"offer"}`)}},
		{`42["offer","an offer"]`, "offer", "", Offer{SDP: desc(`"an offer"`)}},
		{`42["offer","{\"sdp\":\"v=0\",\"type\":\"offer\"}"]`, "offer", "", Offer{SDP: desc(`{"sdp":"v=0","type":"offer"}`)}},
		{`42["offer"," {\"name\":\"bob\",\"offer\":\"x\"} "]`, "offer", "", Offer{To: bob, SDP: desc(`"x"`)}},
		{`42["answer",{"answer":{"type":"answer","sdp":"v=0"},"callID":"c"}]`, "answer", "", Answer{To: call, SDP: desc(`{"type":"answer","sdp":"v=0"}`)}},
		{`42["answer",{"type":"answer","sdp":"v=0"}]`, "answer", "", Answer{SDP: desc(`{"type":"answer","sdp":"v=0"}`)}},
		{`42["request-call",{"target":7,"sdp":"v=0"}]`, "request-call", "", Offer{To: Target{Name: nameOf("7")}, SDP: desc(`"v=0"`), Opening: ByRequest}},

		// The type of a description, where it is not a word.
		{`42["offer",{"type":0,"sdp":"v=0"}]`, "offer", "", Offer{SDP: desc(`{"type":"offer","sdp":"v=0"}`)}},
		{`42["offer",{"sdp":"v=0"}]`, "offer", "", Offer{SDP: desc(`{"type":"offer","sdp":"v=0"}`)}},
		{`42["offer",{"type":3,"sdp":""}]`, "offer", "", Offer{SDP: desc(`{"type":"rollback","sdp":""}`)}},
		{`42["offer",{"x":1}]`, "offer", "", Offer{SDP: desc(`{"x":1}`)}},
		{`42["offer",{"type":9,"sdp":"v=0"}]`, "offer", "", Offer{SDP: desc(`{"type":9,"sdp":"v=0"}`)}},
		{`42["answer",{"type":null,"sdp":"v=0","n":1e400}]`, "answer", "", Answer{SDP: desc(`{"type":"answer","sdp":"v=0","n":1e400}`)}},
		{`42["respond-call",{"callID":"c","sdp":{"type":1,"sdp":"v=0"}}]`, "respond-call", "", Answer{To: call, SDP: desc(`{"type":"pranswer","sdp":"v=0"}`)}},
		{`42["respond-call",{"callID":"c","sdp":{"sdp":"v=0"}}]`, "respond-call", "", Answer{To: call, SDP: desc(`{"type":"answer","sdp":"v=0"}`)}},
		{`42["request-call",{"name":"bob","sdp":{"sdp":"v=0"}}]`, "request-call", "", Offer{To: bob, SDP: desc(`{"type":"offer","sdp":"v=0"}`), Opening: ByRequest}},

		// Candidates: wrapped, or the argument itself.
		{`42["candidate",{"candidate":"x","sdpMid":"0","sdpMLineIndex":0}]`, "candidate", "",
			Candidate{Candidate: json.RawMessage(`{"candidate":"x","sdpMid":"0","sdpMLineIndex":0}`)}},
		{`42["candidate",{"candidate":"x"}]`, "candidate", "", Candidate{Candidate: json.RawMessage(`{"candidate":"x"}`)}},
		{`42["candidate",{"candidate":"x","name":"bob"}]`, "candidate", "", Candidate{To: bob, Candidate: json.RawMessage(`"x"`)}},
		{`42["candidate",{"candidate":{"candidate":"x","sdpMid":"0"},"name":"bob"}]`, "candidate", "",
			Candidate{To: bob, Candidate: json.RawMessage(`{"candidate":"x","sdpMid":"0"}`)}},
		{`42["new-answer-ice-candidate",{"callID":"c","candidate":"x","sdpMid":"0"}]`, "new-answer-ice-candidate", "",
			Candidate{To: call, Candidate: json.RawMessage(`{"callID":"c","candidate":"x","sdpMid":"0"}`)}},
		{`42["candidate","x"]`, "candidate", "", Candidate{Candidate: json.RawMessage(`"x"`)}},

		// What asks nothing.
		{`3`, "", "", nil},
		{`6`, "", "", nil},
		{`430["x"]`, "", "", nil},

		// What ends the connection.
		{`1`, "", "", Quit{closeDisconnected}},
		{`41`, "", "", Quit{closeDisconnected}},
		{`451-["x"]`, "", "", Quit{conn.Binary}},
		{`bAAAA`, "", "", Quit{closeMalformed}},
		{``, "", "", Quit{closeMalformed}},
		{`2`, "", "", Quit{closeMalformed}},
		{`5`, "", "", Quit{closeMalformed}},
		{`0{}`, "", "", Quit{closeMalformed}},
		{"3\x1e3", "", "", Quit{closeMalformed}},
		{"42[\"users\"]\x1e42[\"users\"]", "", "", Quit{closeMalformed}},
		{"42/a\x1eb,[\"users\"]", "", "", Quit{closeMalformed}},
		{`42/admin["users"]`, "", "", Quit{closeMalformed}},
		{`42/admin,["users"]`, "", "", Quit{closeUnconnected}},
		{`40/` + strings.Repeat("a", 200) + `,`, "", "", Quit{closeMalformed}},
		{`42["ping",1700000000]`, "ping", "", Ping{}},
		{`42["leave","whatever"]`, "leave", "", Leave{}},
		{`42["offer",{"name":"bob","type":"offer","sdp":"v=0","offer":""}]`, "offer", "",
			Offer{To: toName("bob"), SDP: object(`{"name":"bob","type":"offer","sdp":"v=0","offer":""}`)}},
		{`42["answer",{"name":"bob","type":"answer","sdp":"v=0","answer":null}]`, "answer", "",
			Answer{To: toName("bob"), SDP: object(`{"name":"bob","type":"answer","sdp":"v=0","answer":null}`)}},
		{`42["newListener"]`, "", "", Quit{closeMalformed}},
		{`42[""]`, "", "", Quit{closeMalformed}},
		{`4299999999999999999999["users"]`, "", "", Quit{closeMalformed}},
		{`42` + strings.Repeat("[", 20000), "", "", Quit{closeMalformed}},
	} {
		req, refusal := newTestSession(true, identity{}).Decode([]byte(tt.frame))
		if want := (Request{Word: tt.word, Command: tt.want, Receipt: tt.receipt}); refusal != nil || !reflect.DeepEqual(req, want) {
			t.Errorf("%.80s:\n got %+v, %+v\nwant %+v", tt.frame, req, refusal, want)
		}
	}
}

func TestSocketIOConnect(t *testing.T) {
	student := identity{name: json.RawMessage(`"sam"`), role: json.RawMessage(`"student"`)}
	for _, tt := range []struct {
		frame     string
		handshake identity
		want      Command
	}{
		{`40`, identity{}, Connect{}},
		{`40{}`, identity{}, Connect{}},
		{`40/,{}`, identity{}, Connect{}},
		{`40{"token":"x"}`, identity{}, Connect{}},
		{`40{"role":"student"}`, identity{}, Connect{}},
		{`40{"name":null}`, identity{}, Connect{}},
		{`40{"name":"d","id":"c","userId":"b","userID":"a"}`, identity{}, Connect{&Login{Name: *nameOf("a")}}},
		{`40{"name":"d","id":"c","userId":"b"}`, identity{}, Connect{&Login{Name: *nameOf("b")}}},
		{`40{"name":"d","id":-7}`, identity{}, Connect{&Login{Name: *nameOf("-7")}}},
		{`40`, student, Connect{&Login{Name: *nameOf("sam"), Role: "student"}}},
		{`40{"userId":"tina","role":"TEACHER"}`, student, Connect{&Login{Name: *nameOf("tina"), Role: "teacher"}}},
		{`40{"userId":"tina"}`, student, Connect{&Login{Name: *nameOf("tina"), Role: "student"}}},
		{`42["users"]`, student, Quit{closeUnconnected}},
		{`41`, student, Quit{closeUnconnected}},
		{`40[]`, student, Quit{closeMalformed}},
		{`401{}`, student, Quit{closeMalformed}},
	} {
		s := newTestSession(false, tt.handshake)
		req, refusal := s.Decode([]byte(tt.frame))
		if refusal != nil || !reflect.DeepEqual(req.Command, tt.want) {
			t.Errorf("%s:\n got %+v, %+v\nwant %+v", tt.frame, req.Command, refusal, tt.want)
		}
		if _, ok := tt.want.(Quit); ok {
			continue
		}
		again, _ := s.Decode([]byte(`40`))
		if _, ended := again.Command.(Quit); ended != (tt.want == Command(Connect{})) {
			t.Errorf("%s, and 40 again: %+v", tt.frame, again.Command)
		}
	}
}

func TestSocketIOEncode(t *testing.T) {
	const sid = `40{"sid":"abc"}`
	caller := CallInfo{CallID: "c", Peer: "bob", Caller: true, Role: "teacher"}
	callee := CallInfo{CallID: "c", Peer: "ann"}
	request, room := caller, CallInfo{CallID: "c", Peer: "x7", InRoom: true, Opening: ByMeeting}
	request.Opening = ByRequest
	offer, answer := Description{JSON: json.RawMessage(`{"sdp":"v=0"}`)}, Description{JSON: json.RawMessage(`"v=0"`), Bare: true}
	ice := json.RawMessage(`{"candidate":"x","type":"leave","sdpMid":"0"}`)
	refused := Refused{Request: "offer", Code: CodeBusy, Message: "bob is in a call", Name: "bob"}
	for _, tt := range []struct {
		ev   Event
		want string
	}{
		{engineio.Heartbeat, `2`},
		{Connected{"abc"}, sid},
		{LoggedIn{Name: "ann", Role: "teacher"}, `42["login",{"success":true,"name":"ann","role":"teacher","iceServers":[{"urls":["stun:a"]}]}]`},
		{ICEServersRenewed{"ID"}, `42["ice-servers",{"iceServers":[{"urls":["stun:a"]}]}]`},
		{Refused{Request: "connect", Code: CodeNameTaken, Message: "no"}, `44{"message":"no","data":{"code":"name-taken"}}`},
		{Refused{Request: "connect", Code: CodeUnsupported, Message: "Invalid namespace", Name: "/admin"}, `44/admin,{"message":"Invalid namespace"}`},
		{Refused{Request: "login", Code: CodeBadName, Message: "no"}, `42["error",{"code":"bad-name","message":"no","request":"login"}]`},
		{refused, `42["error",{"code":"busy","message":"bob is in a call","request":"offer","name":"bob"}]`},
		{Acknowledged{Receipt: "0"}, `430[{}]`},
		{Acknowledged{Receipt: "117", CallID: "c"}, `43117[{"callID":"c"}]`},
		{Acknowledged{Receipt: "10", Refusal: &refused}, `4310[{"code":"busy","message":"bob is in a call","request":"offer","name":"bob"}]`},

		{Offered{request, offer}, `42["request-call",{"sdp":{"sdp":"v=0"},"name":"bob","callID":"c"}]`},
		{Offered{callee, offer}, `42["request-call",{"sdp":{"sdp":"v=0"},"name":"ann","callID":"c"}]`},
		{Offered{caller, offer}, `42["offer",{"offer":{"sdp":"v=0"},"name":"bob","callID":"c"}]`},
		{Answered{request, answer}, `42["respond-call",{"sdp":{"type":"answer","sdp":"v=0"},"name":"bob","callID":"c"}]`},
		{Answered{caller, answer}, `42["answer",{"answer":{"type":"answer","sdp":"v=0"},"name":"bob","callID":"c"}]`},
		{Rang{caller}, `42["ringing",{"name":"bob","callID":"c"}]`},
		{Rang{CallInfo{}}, ``},
		{Established{callee, offer}, `42["call-created",{"name":"ann","callID":"c"}]`},
		{Established{CallInfo{CallID: "c", Caller: true}, offer}, ``},
		{NewCandidate{callee, ice}, `42["new-ice-candidate",{"callID":"c","candidate":"x","sdpMid":"0"}]`},
		{NewCandidate{callee, json.RawMessage(`[1]`)}, `42["new-ice-candidate",{"callID":"c","candidate":[1]}]`},
		{NewCandidate{caller, ice}, `42["candidate",{"candidate":{"candidate":"x","type":"leave","sdpMid":"0"},"name":"bob","callID":"c"}]`},
		{Ended{callee, ReasonGone}, `42["leave",{"name":"ann","callID":"c","reason":"gone"}]`},
		{UsersListed{[]User{{"bob", "", PresenceFree}}, 1}, `42["users",{"users":[{"name":"bob","state":"free"}],"total":1}]`},

		{Joined{Room: "r"}, `42["room_users",[]]`},
		{Joined{"r", []Member{{"x7", "a@b"}}}, `42["room_users",[{"id":"x7","name":"a@b"}]]`},
		{RoomFull{"r"}, `42["room_full"]`},
		{Offered{room, offer}, `42["getOffer",{"sdp":"v=0"}]`},
		{Offered{room, answer}, `42["getOffer",{"type":"offer","sdp":"v=0"}]`},
		{Answered{room, offer}, `42["getAnswer",{"sdp":"v=0"}]`},
		{NewCandidate{room, ice}, `42["getCandidate",{"candidate":"x","type":"leave","sdpMid":"0"}]`},
		{Established{room, offer}, ``},
		{Ended{room, ReasonHangup}, `42["user_exit",{"id":"x7"}]`},
	} {
		if got := (socketIO{stunServers(t)}).Encode(nil, tt.ev); string(got) != tt.want {
			t.Errorf("%+v:\n got %s\nwant %s", tt.ev, got, tt.want)
		}
	}
}

// FuzzSocketIO checks that whatever comes in is a request, a refusal, nothing
// or the end of the connection, and that whatever is told of it is one
// packet that a client takes: malformed ones end some clients' processes.
func FuzzSocketIO(f *testing.F) {
	for _, seed := range []string{
		`40`, `40{"userID":"ann","role":"teacher"}`, `40/admin,{}`, `41`, `3`, `420["users"]`,
		`42["offer",{"name":"bob","offer":{"type":0,"sdp":"v=0\r\n"}}]`, `42["offer","{\"sdp\":\"\\u0000\"}"]`,
		`4212["candidate",{"candidate":"x","type":"leave","\u0063allID":"y","sdpMLineIndex":0}]`,
		`42/,["join",{"room":1e3}]`, `42["disconnect"]`, `451-["bin"]`, `42["x",[[[`, "42[\"x\"]\x1e3",
		`42["leave",{"callID":"` + strings.Repeat("é", 70) + `"}]`,
	} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, frame []byte, connected bool) {
		if !utf8.Valid(frame) {
			return // such a frame ends the connection before it is decoded
		}
		s := newTestSession(connected, identity{})
		req, refusal := decodeCopy(t, s, frame)
		if refusal != nil {
			if _, isLogin := req.login(); req.Command != nil && !isLogin { // for whose claims a token may speak
				t.Fatalf("%q is both %+v and %+v", frame, req, refusal)
			}
			checkPacket(t, *refusal)
			checkPacket(t, Acknowledged{Receipt: "0", Refusal: refusal})
		}
		if req.Receipt != "" {
			checkPacket(t, Acknowledged{Receipt: req.Receipt})
		}
		for _, ev := range eventsFor(req.Command) {
			checkPacket(t, ev)
		}
		for _, opening := range []Opening{ByOffer, ByRequest, ByMeeting} {
			for _, caller := range []bool{true, false} {
				info := CallInfo{CallID: "call", Peer: `b"o\b`, Opening: opening, InRoom: opening == ByMeeting, Role: "student", Caller: caller}
				switch cmd := req.Command.(type) {
				case Offer:
					checkPacket(t, Offered{info, cmd.SDP})
				case Answer:
					checkPacket(t, Answered{info, cmd.SDP})
				case Candidate:
					checkPacket(t, NewCandidate{info, cmd.Candidate})
				}
			}
		}
	})
}

// checkPacket reads an event as a client's parser does.
func checkPacket(t *testing.T, ev Event) {
	t.Helper()
	frame := socketIO{}.Encode(nil, ev)
	if bytes.ContainsAny(frame, "\x1e") {
		t.Fatalf("%+v is told as %q, which holds a separator", ev, frame)
	}
	if len(frame) == 0 || frame[0] != engineio.Message {
		t.Fatalf("%+v is told as %q, which is no message", ev, frame)
	}
	p, ok := readHead(frame[1:])
	word, _, isJSON := readData(p.data)
	switch {
	case !ok || !json.Valid(p.data) || !isJSON:
		t.Fatalf("%+v is told as %q, which is no packet", ev, frame)
	case p.kind == packetEvent:
		if word == "" || p.ack != "" {
			t.Fatalf("%+v is told as %q, which is no event", ev, frame)
		}
	case p.kind == packetAck:
		if p.ack == "" || p.data[0] != '[' {
			t.Fatalf("%+v is told as %q, which acknowledges nothing", ev, frame)
		}
	case p.kind != packetConnect && p.kind != packetConnectError || p.data[0] != '{':
		t.Fatalf("%+v is told as %q", ev, frame)
	}
}
