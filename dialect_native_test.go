package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/ice"
)

func TestNativeDecodes(t *testing.T) {
	toBob, inCall := toName("bob"), Target{CallID: "c"}
	both := Target{CallID: "c", Name: nameOf("bob")}
	testDecoding(t, native{}, []decoding{
		asks(`{"type":"login","name":"ann"}`, Login{Name: *nameOf("ann")}),
		asks(`{"type":"login","name":"Ann  B","role":"Teacher"}`, Login{Name: *nameOf("Ann B"), Role: "teacher"}),
		asks(`{"type":"login","name":"ann","role":null,"token":7}`, Login{Name: *nameOf("ann"), Token: "7"}),
		fails(`{"type":"login"}`, CodeBadName, "login"),
		asks(`{"type":"login","name":7}`, Login{Name: *nameOf("7")}),
		asks(`{"type":"login","name":" ann ","role":""}`, Login{Name: *nameOf("ann")}),
		fails(`{"type":"login","name":true}`, CodeBadName, "login"),
		fails(`{"type":"login","name":"ann","role":7}`, CodeBadRole, "login"),

		asks(`{"type":"offer","name":"bob","offer":{"a":1}}`, Offer{To: toBob, SDP: object(`{"a":1}`)}),
		asks(`{"type":"offer","callID":"c","offer":"an offer"}`, Offer{To: inCall, SDP: object(`"an offer"`)}),
		asks(`{"type":"offer","offer":0}`, Offer{SDP: object(`0`)}),
		fails(`{"type":"offer","name":"bob"}`, CodeBadRequest, "offer"),
		fails(`{"type":"offer","name":"bob","offer":null}`, CodeBadRequest, "offer"),
		fails(`{"type":"offer","name":"bob","sdp":"an offer"}`, CodeBadRequest, "offer"),
		asks(`{"type":"offer","to":"x","name":7,"offer":"an offer"}`, Offer{To: toName("7"), SDP: object(`"an offer"`)}),
		asks(`{"type":"offer","name":" bob","callID":"","offer":"o"}`, Offer{To: toBob, SDP: object(`"o"`)}),
		fails(`{"type":"offer","name":["bob"],"offer":"an offer"}`, CodeBadRequest, "offer"),
		fails(`{"type":"offer","name":"bob","callID":7,"offer":"an offer"}`, CodeBadRequest, "offer"),
		fails(`{"type":"offer","name":"bob","offer":1,"offer":1}`, CodeBadRequest, "offer"),

		asks(`{"type":"request-call","name":"bob","sdp":{}}`, Offer{To: toBob, SDP: object(`{}`), Opening: ByRequest}),
		asks(`{"type":"request-call","to":"bob","sdp":1}`, Offer{To: toBob, SDP: object(`1`), Opening: ByRequest}),
		asks(`{"type":"request-call","target":"bob","sdp":1}`, Offer{To: toBob, SDP: object(`1`), Opening: ByRequest}),
		asks(`{"type":"request-call","userID":"bob","sdp":1}`, Offer{To: toBob, SDP: object(`1`), Opening: ByRequest}),
		asks(`{"type":"request-call","studentID":"bob","sdp":1}`, Offer{To: toBob, SDP: object(`1`), Opening: ByRequest}),
		asks(`{"type":"request-call","name":null,"to":null,"userID":"bob","sdp":1}`, Offer{To: toBob, SDP: object(`1`), Opening: ByRequest}),
		asks(`{"type":"request-call","callID":"c","sdp":1}`, Offer{To: inCall, SDP: object(`1`), Opening: ByRequest}),
		fails(`{"type":"request-call","name":"bob"}`, CodeBadRequest, "request-call"),
		asks(`{"type":"request-call","name":"","to":"","userID":7.0,"sdp":1}`, Offer{To: toName("7"), SDP: object(`1`), Opening: ByRequest}),
		fails(`{"type":"request-call","to":true,"sdp":1}`, CodeBadRequest, "request-call"),

		asks(`{"type":"answer","name":"bob","answer":"a"}`, Answer{To: toBob, SDP: object(`"a"`)}),
		asks(`{"type":"answer","answer":{"type":"offer"}}`, Answer{SDP: object(`{"type":"offer"}`)}),
		fails(`{"type":"answer","name":"bob"}`, CodeBadRequest, "answer"),
		asks(`{"type":"respond-call","callID":"c","sdp":"a"}`, Answer{To: inCall, SDP: object(`"a"`)}),
		fails(`{"type":"respond-call","callID":"c","answer":"a"}`, CodeBadRequest, "respond-call"),

		asks(`{"type":"candidate","name":"bob","candidate":{}}`, Candidate{To: toBob, Candidate: raw(`{}`)}),
		asks(`{"type":"new-ice-candidate","callID":"c","candidate":""}`, Candidate{To: inCall, Candidate: raw(`""`)}),
		asks(`{"type":"new-answer-ice-candidate","callID":"c","candidate":1}`, Candidate{To: inCall, Candidate: raw(`1`)}),
		asks(`{"type":"new-offer-ice-candidate","callID":"c","name":"bob","candidate":1}`, Candidate{To: both, Candidate: raw(`1`)}),
		fails(`{"type":"candidate","name":"bob","candidate":null}`, CodeBadRequest, "candidate"),

		asks(`{"type":"leave"}`, Leave{}),
		asks(`{"type":"leave","name":"bob"}`, Leave{To: toBob}),
		asks(`{"type":"end-call","callID":"c","reason":"busy"}`, Leave{To: inCall, Reason: ReasonBusy}),
		asks(`{"type":"leave","reason":null}`, Leave{}),
		asks(`{"type":"leave","name":"","callID":"","reason":""}`, Leave{}),
		asks(`{"type":"leave","callID":7}`, Leave{}),
		asks(`{"type":"leave","callID":7,"name":"bob"}`, Leave{To: toBob}),
		asks(`{"type":"end-call","name":["bob"],"callID":"c"}`, Leave{To: inCall}),
		asks(`{"type":"leave","reason":"gone"}`, Leave{}),
		asks(`{"type":"leave","reason":7}`, Leave{}),
		asks(`{"type":"leave","reason":"HANGUP"}`, Leave{}),
		asks(`{"type":"leave","reason":"busy","reason":{}}`, Leave{}),

		asks(`{"type":"users"}`, ListUsers{}),
		asks(`{"type":"ping"}`, Ping{}),
		fails(`{"type":"Login","name":"ann"}`, CodeUnknownCommand, "Login"),
		fails(`{"type":""}`, CodeUnknownCommand, ""),
		fails(`{"id":"register"}`, CodeBadRequest, ""),
		fails(`{"type":["login"]}`, CodeBadRequest, ""),
		fails(`[]`, CodeBadJSON, ""),
		fails(`{"type":"login"`, CodeBadJSON, ""),
		fails(`{"type":"login","type":"leave"`, CodeBadJSON, ""),
	})
}

func TestRoomsDecode(t *testing.T) {
	room := *nameOf("1234")
	testDecoding(t, native{}, []decoding{
		asks(`{"type":"join","room":"1234"}`, Join{Room: room}),
		asks(`{"type":"join","room":"1234","name":"ann@example.org"}`, Join{Room: room, Label: "ann@example.org"}),
		asks(`{"type":"join","room":1234,"name":7}`, Join{Room: room, Label: "7"}),
		asks(`{"type":"join","room":" 1234","name":""}`, Join{Room: room}),
		asks(`{"type":"join","room":1234.0}`, Join{Room: room}),
		asks(`{"type":"join","room":1.234e3}`, Join{Room: room}),
		asks(`{"type":"join","room":0.5}`, Join{Room: *nameOf("0.5")}),
		asks(`{"type":"join","room":"r","name":"`+strings.Repeat("é", 70)+`"}`, Join{Room: *nameOf("r"), Label: strings.Repeat("é", 64)}),
		asks(`{"type":"join","room":"r","name":"a\u202eb"}`, Join{Room: *nameOf("r"), Label: `a\u202eb`}),
		fails(`{"type":"join"}`, CodeBadRequest, "join"),
		fails(`{"type":"join","room":null}`, CodeBadRequest, "join"),
		fails(`{"type":"join","room":true}`, CodeBadRequest, "join"),
		fails(`{"type":"join","room":{"name":"1234"}}`, CodeBadRequest, "join"),
		fails(`{"type":"join","room":["1234"]}`, CodeBadRequest, "join"),
		fails(`{"type":"join","room":""}`, CodeBadName, "join"),
		fails(`{"type":"join","room":"\u200b"}`, CodeBadName, "join"),
		fails(`{"type":"join","room":1e300}`, CodeBadName, "join"),
		fails(`{"type":"join","room":1e400}`, CodeBadRequest, "join"),
	})
}

func TestNativeEncodes(t *testing.T) {
	offer, request := openedBy(ByOffer), openedBy(ByRequest)
	v0 := object(`{ "sdp" : "v=0" }`)
	testEncoding(t, native{}, []encoding{
		{Greeted{}, `Hello world`},
		{LoggedIn{Name: "ann"}, `{"type":"login","success":true,"name":"ann"}`},
		{LoggedIn{Name: "ann", Role: "teacher"}, `{"type":"login","success":true,"name":"ann","role":"teacher"}`},
		{Offered{offer, v0}, `{"type":"offer","offer":{"sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Offered{request, v0}, `{"type":"request-call","sdp":{"sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Offered{offer, object(`"v=0"`)}, `{"type":"offer","offer":"v=0","name":"bob","callID":"c"}`},
		{Offered{offer, bare(`"v=0"`)}, `{"type":"offer","offer":{"type":"offer","sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Offered{request, bare(`"v=0"`)}, `{"type":"request-call","sdp":{"type":"offer","sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Answered{offer, v0}, `{"type":"answer","answer":{"sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Answered{request, v0}, `{"type":"respond-call","sdp":{"sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Answered{offer, bare(`"v=0"`)}, `{"type":"answer","answer":{"type":"answer","sdp":"v=0"},"name":"bob","callID":"c"}`},
		{Rang{offer}, ``},
		{Rang{withRole(offer)}, `{"type":"ringing","name":"bob","callID":"c"}`},
		{Established{offer, v0}, ``},
		{Established{withRole(offer), v0}, `{"type":"call-created","name":"bob","callID":"c"}`},
		{Established{request, v0}, `{"type":"call-created","name":"bob","callID":"c"}`},
		{Offered{CallInfo{CallID: "c", Peer: "bob", Opening: ByRequest}, v0}, // without a role
			`{"type":"offer","offer":{"sdp":"v=0"},"name":"bob","callID":"c"}`},
		{NewCandidate{offer, raw(`7`)}, `{"type":"candidate","candidate":7,"name":"bob","callID":"c"}`},
		{NewCandidate{request, raw(`{"candidate":"x","type":"leave","callID":1,"seq":1,"sdpMLineIndex":0}`)},
			`{"type":"new-ice-candidate","callID":"c","candidate":"x","sdpMLineIndex":0}`},
		{NewCandidate{request, raw(`"x"`)}, `{"type":"new-ice-candidate","callID":"c","candidate":"x"}`},
		{Ended{offer, ReasonBusy}, `{"type":"leave","name":"bob","callID":"c","reason":"busy"}`},
		{Ended{request, ReasonGone}, `{"type":"leave","name":"bob","callID":"c","reason":"gone"}`},
		{UsersListed{}, `{"type":"users","users":[],"total":0}`},
		{UsersListed{[]User{{"ann", "", PresenceFree}, {"bob", "student", PresenceInCall}}, 300},
			`{"type":"users","users":[{"name":"ann","state":"free"},{"name":"bob","role":"student","state":"in-call"}],"total":300}`},
		{Refused{Request: "login", Code: CodeBadName, Message: "m"}, `{"type":"login","success":false,"code":"bad-name","message":"m"}`},
		{Refused{Code: CodeBadJSON, Message: `a "quoted" word`}, `{"type":"error","code":"bad-json","message":"a \"quoted\" word"}`},
		{Refused{Request: "offer", Code: CodeGlare, Message: "m", Name: "bob", CallID: "c"},
			`{"type":"error","code":"glare","message":"m","request":"offer","name":"bob","callID":"c"}`},
	})
}

// stunServers are what clients are told of one STUN server.
func stunServers(t *testing.T) *ice.Servers {
	t.Helper()
	servers, err := ice.New([]ice.Server{{URLs: []string{"stun:a"}}}, nil, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return servers
}

func TestICEServersEncode(t *testing.T) {
	testEncoding(t, native{stunServers(t)}, []encoding{
		{LoggedIn{Name: "ann", Role: "teacher"}, `{"type":"login","success":true,"name":"ann","role":"teacher","iceServers":[{"urls":["stun:a"]}]}`},
		{ICEServersRenewed{"ID"}, `{"type":"ice-servers","iceServers":[{"urls":["stun:a"]}]}`},
	})
}

func TestRoomsEncode(t *testing.T) {
	room := openedBy(ByMeeting)
	testEncoding(t, native{}, []encoding{
		{Joined{Room: "1234"}, `{"type":"room_users","users":[]}`},
		{Joined{"1234", []Member{{"id", `l"`}}}, `{"type":"room_users","users":[{"id":"id","name":"l\""}]}`},
		{RoomFull{"1234"}, `{"type":"room_full","room":"1234"}`},
		{Offered{room, object(`"o"`)}, `{"type":"getOffer","offer":"o","name":"bob","callID":"c"}`},
		{Offered{room, bare(`"o"`)}, `{"type":"getOffer","offer":{"type":"offer","sdp":"o"},"name":"bob","callID":"c"}`},
		{Answered{room, object(`{}`)}, `{"type":"getAnswer","answer":{},"name":"bob","callID":"c"}`},
		{Answered{room, bare(`"a"`)}, `{"type":"getAnswer","answer":{"type":"answer","sdp":"a"},"name":"bob","callID":"c"}`},
		{NewCandidate{room, raw(`{"type":"x"}`)}, `{"type":"getCandidate","candidate":{"type":"x"},"name":"bob","callID":"c"}`},
		{NewCandidate{room, raw(`7`)}, `{"type":"getCandidate","candidate":7,"name":"bob","callID":"c"}`},
		{Established{room, object(`{}`)}, ``},
		{Established{withRole(room), object(`{}`)}, ``},
		{Ended{room, ReasonHangup}, `{"type":"user_exit","id":"bob","callID":"c","reason":"hangup"}`},
	})
}

// FuzzDecode checks that whatever comes in is a request or a refusal, that
// the top level is read as encoding/json reads it, and that whatever is
// relayed is relayed as valid JSON and byte for byte.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"type":"login","name":"ann","role":"teacher"}`,
		`{"type":"offer","name":"bob","offer":{"type":"offer","sdp":"v=0\r\n"}}`,
		`{"type":"candidate","candidate":{"candidate":"x","type":"leave","\u0063allID":"y","sdpMLineIndex":0},"callID":"z"}`,
		` { "type" : "answer" , "answer" : [ "]" , "\"" , 1e400 ] , "name":null } `,
		`{"type":"leave","reason":"busy"}`, `{"\u0074ype":"users"}`, `{"type":"users","type":"users"}`,
		`null`, `[]`, `"x"`, ``, `{}`, `{"type":5}`, `{"type":"x` + strings.Repeat("é", 70) + `"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !utf8.Valid(frame) {
			return // such a frame ends the connection before it is decoded
		}
		req, refusal := decodeEither(t, native{}, frame)
		if refusal != nil {
			checkFrame(t, *refusal)
			return
		}
		for _, ev := range eventsFor(req.Command) {
			checkFrame(t, ev)
		}
	})
}

// checkFrame checks that an event is told as one valid JSON object whose
// type and call are the event's, with its payload untouched.
func checkFrame(t *testing.T, ev Event) {
	t.Helper()
	frame := native{}.Encode(nil, ev)
	var message map[string]json.RawMessage
	if err := json.Unmarshal(frame, &message); err != nil {
		t.Fatalf("%+v is told as %q: %v", ev, frame, err)
	}
	switch ev := ev.(type) {
	case Offered:
		checkPayload(t, frame, ev.SDP.JSON)
	case Answered:
		checkPayload(t, frame, ev.SDP.JSON)
	case NewCandidate:
		if ev.Opening == ByOffer {
			checkPayload(t, frame, ev.Candidate)
			return
		}
		if string(message["type"]) != `"new-ice-candidate"` || string(message["callID"]) != `"call"` {
			t.Fatalf("the candidate %q forges the message %q", ev.Candidate, frame)
		}
	}
}

func checkPayload(t *testing.T, frame []byte, payload json.RawMessage) {
	t.Helper()
	if !bytes.Contains(frame, payload) {
		t.Fatalf("%q is not relayed as it was in %q", payload, frame)
	}
}
