package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/transcript"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// object and bare are the two forms of a session description.
func object(s string) Description { return Description{JSON: raw(s)} }
func bare(s string) Description   { return Description{JSON: raw(s), Bare: true} }

func TestTheFirstFrameDecidesTheFamily(t *testing.T) {
	tests := []struct {
		frame   string
		want    Dialect
		decided bool
	}{
		{`{"type":"login"}`, native{}, true},
		{`{"type":"no such word"}`, native{}, true},
		{`{"type":"login","id":"register"}`, native{}, true},
		{`{"id":"register","type":"login"}`, native{}, true},
		{`{"id":"register"}`, one2one{}, true},
		{`{"id":"no such word"}`, one2one{}, true},
		{`{"\u0069d":"ping"}`, one2one{}, true},
		{`{"type":7,"id":"register"}`, one2one{}, true},
		{`{"type":null,"id":"register"}`, one2one{}, true},
		{`{"type":"login","id":7}`, native{}, true},
		{`{"id":7}`, native{}, false},
		{`{"ID":"register","Type":"login"}`, native{}, false},
		{`{"name":"ann"}`, native{}, false},
		{`{}`, native{}, false},
		{`["id","register"]`, native{}, false},
		{`"id"`, native{}, false},
		{`null`, native{}, false},
		{`nonsense`, native{}, false},
		{`{"id":"register"`, native{}, false},
		{``, native{}, false},
	}
	for _, tt := range tests {
		dialect, decided := chooseDialect([]byte(tt.frame), native{})
		if !reflect.DeepEqual(dialect, tt.want) || decided != tt.decided {
			t.Errorf("%s: got %T, decided: %t, want %T, %t", tt.frame, dialect, decided, tt.want, tt.decided)
		}
	}
}

// A word is found however its characters are written, and as a rule without being
// allocated.
func TestVocabulary(t *testing.T) {
	for _, words := range []vocabulary{nativeWords, one2oneWords} {
		for _, known := range words {
			plain, escaped := raw(`"`+known.word+`"`), raw(fmt.Sprintf(`"\u%04x%s"`, known.word[0], known.word[1:]))
			for _, field := range []json.RawMessage{plain, escaped} {
				if word, ok := words.word(field); !ok || word != known.word || !words.has(word) {
					t.Errorf("%s is read as %q", field, word)
				}
			}
			if n := testing.AllocsPerRun(10, func() { words.word(plain) }); n != 0 {
				t.Errorf("%s is allocated", plain)
			}
		}
		if words.has("Login") || words.has("") {
			t.Error("it has words that it has not")
		}
	}
}

// decoding is what a frame asks, or with which code and about what it is refused.
type decoding struct {
	frame   string
	want    Command
	code    Code
	request string // of the refusal
}

func testDecoding(t *testing.T, dialect Dialect, tests []decoding) {
	t.Helper()
	for _, tt := range tests {
		req, refusal := dialect.Decode([]byte(tt.frame))
		switch {
		case refusal != nil:
			if refusal.Code != tt.code || refusal.Request != tt.request {
				t.Errorf("%s: refused with %s about %q, want %+v, %s about %q",
					tt.frame, refusal.Code, refusal.Request, tt.want, tt.code, tt.request)
			}
			if refusal.Message == "" {
				t.Errorf("%s: refused without a word", tt.frame)
			}
		case tt.want == nil || !reflect.DeepEqual(req.Command, tt.want):
			t.Errorf("%s: asks %+v, want %+v %s", tt.frame, req.Command, tt.want, tt.code)
		case !strings.Contains(tt.frame, `"`+req.Word+`"`):
			t.Errorf("%s: its word is not %q", tt.frame, req.Word)
		}
	}
}

func asks(frame string, want Command) decoding { return decoding{frame: frame, want: want} }

func fails(frame string, code Code, request string) decoding {
	return decoding{frame: frame, code: code, request: request}
}

func TestNativeDecodes(t *testing.T) {
	toBob, inCall := toName("bob"), Target{CallID: "c"}
	both := Target{CallID: "c", Name: nameOf("bob")}
	testDecoding(t, native{}, []decoding{
		asks(`{"type":"login","name":"ann"}`, Login{Name: *nameOf("ann")}),
		asks(`{"type":"login","name":"Ann  B","role":"Teacher"}`, Login{Name: *nameOf("Ann B"), Role: "teacher"}),
		asks(`{"type":"login","name":"ann","role":null,"token":7}`, Login{Name: *nameOf("ann")}),
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

func TestOne2OneDecodes(t *testing.T) {
	const actpass = `"v=0\r\na=setup:actpass\r\n"`
	testDecoding(t, one2one{}, []decoding{
		asks(`{"id":"register","name":"ann"}`, Login{Name: *nameOf("ann")}),
		asks(`{"id":"register","name":"ann","role":"Student"}`, Login{Name: *nameOf("ann"), Role: "student"}),
		fails(`{"id":"register"}`, CodeBadName, "register"),
		fails(`{"id":"register","name":""}`, CodeBadName, "register"),
		fails(`{"id":"register","name":["ann"]}`, CodeBadName, "register"),
		fails(`{"id":"register","name":"ann","role":1}`, CodeBadRole, "register"),
		asks(`{"id":"list"}`, ListUsers{}),
		asks(`{"id":"ping"}`, Ping{}),
		asks(`{"id":"stop"}`, Leave{}),
		asks(`{"id":"stop","name":"bob","callID":7,"reason":7}`, Leave{}),
		asks(`{"id":"stop","from":{},"from":7}`, Leave{}),

		asks(`{"id":"call","from":"ann","to":"bob","sdpOffer":{"type":"offer","sdp":"v=0"}}`,
			Offer{To: toName("bob"), SDP: object(`{"type":"offer","sdp":"v=0"}`)}),
		asks(`{"id":"call","from":7,"to":"bob","sdpOffer":"v=0"}`, Offer{To: toName("bob"), SDP: bare(`"v=0"`)}),
		asks(`{"id":"call","to":"bob","sdpOffer":{"b":[1e400]}}`, Offer{To: toName("bob"), SDP: object(`{"b":[1e400]}`)}),
		asks(`{"id":"call","to":"bob","sdpOffer":`+actpass+`}`, Offer{To: toName("bob"), SDP: bare(actpass)}),
		asks(`{"id":"call","to":7,"sdpOffer":"v=0"}`, Offer{To: toName("7"), SDP: bare(`"v=0"`)}),
		fails(`{"id":"call","to":"","sdpOffer":"v=0"}`, CodeBadRequest, "call"),
		fails(`{"id":"call","from":"ann","sdpOffer":"v=0"}`, CodeBadRequest, "call"),
		fails(`{"id":"call","to":"bob"}`, CodeBadRequest, "call"),
		fails(`{"id":"call","to":"bob","sdpOffer":null}`, CodeBadRequest, "call"),
		fails(`{"id":"call","to":"bob","to":"cat","sdpOffer":"v=0"}`, CodeBadRequest, "call"),

		asks(`{"id":"incomingCallResponse","from":"ann","callResponse":"accept","sdpOffer":{"type":"answer","sdp":"v=0"}}`,
			Answer{To: toName("ann"), SDP: object(`{"type":"answer","sdp":"v=0"}`)}),
		asks(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":"v=0"}`, Answer{SDP: bare(`"v=0"`)}),
		asks(`{"id":"incomingCallResponse","from":"","callResponse":"accept","sdpOffer":"v=0"}`, Answer{SDP: bare(`"v=0"`)}),
		asks(`{"id":"incomingCallResponse","from":7,"callResponse":"reject"}`, Leave{To: toName("7"), Reason: ReasonDeclined}),
		fails(`{"id":"incomingCallResponse","from":{},"callResponse":"reject"}`, CodeBadRequest, "incomingCallResponse"),
		fails(`{"id":"incomingCallResponse","from":"a","from":"a","callResponse":"reject"}`, CodeBadRequest, "incomingCallResponse"),
		asks(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":`+actpass+`}`,
			Answer{SDP: bare(actpass), IsOffer: true}),
		asks(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":{"type":"answer","sdp":`+actpass+`}}`,
			Answer{SDP: object(`{"type":"answer","sdp":` + actpass + `}`), IsOffer: true}),
		asks(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":{"sdp":"v=0","type":"offer"}}`,
			Answer{SDP: object(`{"sdp":"v=0","type":"offer"}`), IsOffer: true}),
		asks(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":"v=0\r\na=setup:active\r\n"}`,
			Answer{SDP: bare(`"v=0\r\na=setup:active\r\n"`)}),
		asks(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":["type","offer"]}`,
			Answer{SDP: object(`["type","offer"]`)}),
		fails(`{"id":"incomingCallResponse","callResponse":"accept"}`, CodeBadRequest, "incomingCallResponse"),
		fails(`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":null}`, CodeBadRequest, "incomingCallResponse"),
		asks(`{"id":"incomingCallResponse","callResponse":"reject","message":"bussy"}`, Leave{Reason: ReasonBusy}),
		asks(`{"id":"incomingCallResponse","callResponse":"reject","message":"busy"}`, Leave{Reason: ReasonBusy}),
		asks(`{"id":"incomingCallResponse","callResponse":"reject","message":"no"}`, Leave{Reason: ReasonDeclined}),
		asks(`{"id":"incomingCallResponse","callResponse":"reject"}`, Leave{Reason: ReasonDeclined}),
		asks(`{"id":"incomingCallResponse","callResponse":"Accept","sdpOffer":"v=0"}`, Leave{Reason: ReasonDeclined}),
		asks(`{"id":"incomingCallResponse","callResponse":true,"message":7}`, Leave{Reason: ReasonDeclined}),
		asks(`{"id":"incomingCallResponse"}`, Leave{Reason: ReasonDeclined}),
		asks(`{"id":"answer","sdp":"v=0"}`, Answer{SDP: bare(`"v=0"`)}),
		asks(`{"id":"answer","sdp":{"type":"offer"}}`, Answer{SDP: object(`{"type":"offer"}`), IsOffer: true}),
		fails(`{"id":"answer","sdpOffer":"v=0"}`, CodeBadRequest, "answer"),

		asks(`{"id":"onIceCandidate","candidate":{"candidate":""}}`, Candidate{Candidate: raw(`{"candidate":""}`)}),
		asks(`{"id":"onIceCandidate","candidate":""}`, Candidate{Candidate: raw(`""`)}),
		fails(`{"id":"onIceCandidate"}`, CodeBadRequest, "onIceCandidate"),
		fails(`{"id":"onIceCandidate","candidate":null}`, CodeBadRequest, "onIceCandidate"),

		fails(`{"id":"Register","name":"ann"}`, CodeUnknownCommand, "Register"),
		fails(`{"id":"join","room":"1234"}`, CodeUnknownCommand, "join"),
		fails(`{"id":"`+strings.Repeat("x", 99)+`"}`, CodeUnknownCommand, strings.Repeat("x", 64)),
		fails(`{"id":7}`, CodeBadRequest, ""),
		fails(`{"type":"login"}`, CodeBadRequest, ""),
		fails(`{"id":"stop","id":"stop"}`, CodeBadRequest, "stop"),
		fails(`{"id":"stop"}}`, CodeBadJSON, ""),
		fails(`null`, CodeBadJSON, ""),
	})
}

// encoding is how an event is told; "" if it is not.
type encoding struct {
	ev   Event
	want string
}

func testEncoding(t *testing.T, dialect Dialect, tests []encoding) {
	t.Helper()
	for _, tt := range tests {
		got := string(dialect.Encode(nil, tt.ev))
		if tt.want == "" && got == "" {
			continue
		}
		if err := (transcript.Bindings{}).Match(tt.want, got); err != nil {
			t.Errorf("%T is told as %s, want %s: %v", tt.ev, got, tt.want, err)
		}
	}
}

// openedBy is what a party is told of a call with bob, without a role if it can be.
func openedBy(opening Opening) CallInfo {
	info := CallInfo{CallID: "c", Peer: "bob", Opening: opening, InRoom: opening == ByMeeting}
	if opening == ByRequest {
		info.Role = "student"
	}
	return info
}

func withRole(info CallInfo) CallInfo {
	info.Role = "student"
	return info
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

func TestOne2OneEncodes(t *testing.T) {
	callee := openedBy(ByOffer)
	caller := callee
	caller.Caller = true
	answered := func(info CallInfo) CallInfo { info.Answered = true; return info }
	wantBare := func(info CallInfo) CallInfo { info.SendsBare = true; return info }
	v0 := object(`{"by":"bob","sdp":"v=0\r\n"}`)

	var o one2one
	testEncoding(t, o, []encoding{
		{LoggedIn{Name: "ann", Role: "teacher"}, `{"id":"registerResponse","response":"accepted"}`},
		{UsersListed{}, `{"id":"listResponse","list":[]}`},
		{UsersListed{[]User{{`a"b`, "", PresenceFree}, {"bob", "student", PresenceInCall}}, 2}, `{"id":"listResponse","list":["a\"b","bob"]}`},
		{Ponged{}, `{"id":"pong"}`},

		// A description in either form, for who wants either form.
		{Offered{callee, v0}, `{"id":"incomingCall","from":"bob","offer":{"by":"bob","sdp":"v=0\r\n"}}`},
		{Offered{callee, bare(`"v=0"`)}, `{"id":"incomingCall","from":"bob","offer":{"type":"offer","sdp":"v=0"}}`},
		{Offered{wantBare(callee), v0}, `{"id":"incomingCall","from":"bob","offer":"v=0\r\n"}`},
		{Offered{wantBare(callee), bare(`"v=0"`)}, `{"id":"incomingCall","from":"bob","offer":"v=0"}`},
		{Offered{callee, object(`"a text"`)}, `{"id":"incomingCall","from":"bob","offer":{"type":"offer","sdp":"a text"}}`},
		{Offered{wantBare(callee), object(`"a text"`)}, `{"id":"incomingCall","from":"bob","offer":"a text"}`},
		{Offered{wantBare(callee), object(`{"a":1}`)}, `{"id":"incomingCall","from":"bob","offer":{"a":1}}`},
		{Offered{wantBare(callee), object(`{"sdp":null}`)}, `{"id":"incomingCall","from":"bob","offer":{"sdp":null}}`},
		{Offered{wantBare(callee), object(`7`)}, `{"id":"incomingCall","from":"bob","offer":7}`},
		{Answered{caller, v0}, `{"id":"callResponse","response":"accepted","sdpAnswer":{"by":"bob","sdp":"v=0\r\n"}}`},
		{Answered{caller, bare(`"v=0"`)}, `{"id":"callResponse","response":"accepted","sdpAnswer":{"type":"answer","sdp":"v=0"}}`},
		{Answered{wantBare(caller), v0}, `{"id":"callResponse","response":"accepted","sdpAnswer":"v=0\r\n"}`},
		{Answered{wantBare(caller), bare(`"v=0"`)}, `{"id":"callResponse","response":"accepted","sdpAnswer":"v=0"}`},
		{Established{callee, v0}, `{"id":"startCommunication","sdpAnswer":{"by":"bob","sdp":"v=0\r\n"}}`},
		{Established{callee, bare(`"v=0"`)}, `{"id":"startCommunication","sdpAnswer":{"type":"offer","sdp":"v=0"}}`},
		{Established{wantBare(callee), v0}, `{"id":"startCommunication","sdpAnswer":"v=0\r\n"}`},
		{Established{caller, v0}, ``},
		{Rang{caller}, ``},

		// How the call was opened makes no difference to this family.
		{Offered{openedBy(ByRequest), v0}, `{"id":"incomingCall","from":"bob","offer":{"by":"bob","sdp":"v=0\r\n"}}`},
		{NewCandidate{openedBy(ByRequest), raw(`{"type":"x"}`)}, `{"id":"iceCandidate","candidate":{"type":"x"}}`},
		{NewCandidate{callee, raw(`""`)}, `{"id":"iceCandidate","candidate":""}`},

		// Ends. Only a caller who waits for the answer is told in that form.
		{Ended{caller, ReasonDeclined}, `{"id":"callResponse","response":"rejected","message":"call declined"}`},
		{Ended{callee, ReasonCancelled}, `{"id":"stopCommunication","response":"rejected","message":"call cancelled"}`},
		{Ended{answered(caller), ReasonHangup}, `{"id":"stopCommunication","response":"rejected","message":"call ended"}`},
		{Ended{answered(callee), ReasonHangup}, `{"id":"stopCommunication","response":"rejected","message":"call ended"}`},

		// Refusals.
		{Refused{Request: "register", Code: CodeNameTaken, Message: "m"}, `{"id":"registerResponse","response":"rejected","message":"m"}`},
		{Refused{Request: "call", Code: CodeBusy, Message: "m", Name: "bob"}, `{"id":"callResponse","response":"rejected","message":"m"}`},
		{Refused{Request: "incomingCallResponse", Code: CodeNoSuchCall, Message: "m"}, `{"id":"callResponse","response":"rejected","message":"m"}`},
		{Refused{Request: "onIceCandidate", Code: CodeNoSuchCall, Message: `a "b"`},
			`{"id":"error","code":"no-such-call","message":"a \"b\"","request":"onIceCandidate"}`},
		{Refused{Code: CodeBadJSON, Message: "m"}, `{"id":"error","code":"bad-json","message":"m"}`},
	})

	for _, why := range []Reason{ReasonHangup, ReasonDeclined, ReasonCancelled, ReasonBusy, ReasonNoAnswer, ReasonGone, ReasonFailed, ReasonShutdown} {
		if frame := o.Encode(nil, Ended{callee, why}); bytes.Contains(frame, []byte(`"message":""`)) {
			t.Errorf("%s is told without a word: %s", why, frame)
		}
	}
}

// FuzzOne2One checks that whatever comes in is one of command and refusal, and
// that all that may be told of it, in either form and in this family's words
// and the native ones, is one valid JSON object.
func FuzzOne2One(f *testing.F) {
	for _, seed := range []string{
		`{"id":"register","name":"ann","role":"teacher"}`,
		`{"id":"call","from":"ann","to":"bob","sdpOffer":{"type":"offer","sdp":"v=0\r\n"}}`,
		`{"id":"call","to":"bob","sdpOffer":"v=0"}`,
		`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":{ "t\u0079pe" : "offer" , "sdp" : null }}`,
		`{"id":"incomingCallResponse","callResponse":"accept","sdpOffer":{"sdp":"a","sdp":{"b":[]}}}`,
		`{"id":"incomingCallResponse","callResponse":"reject","message":"bussy"}`,
		`{"id":"answer","sdp":"a=setup:actpass"}`, `{"id":"answer","sdp":{}}`, `{"id":"answer","sdp":[]}`, `{"id":"answer","sdp":-0}`,
		`{"id":"onIceCandidate","candidate":{"type":"x","\u0063allID":"y","sdpMLineIndex":0}}`,
		`{"id":"onIceCandidate","candidate":"x"}`, `{"id":"onIceCandidate","candidate":false}`,
		`{"id":"stop"}`, `{"id":"list"}`, `{"id":"ping"}`, `{"\u0069d":"ping"}`, `{"id":"ping","id":"ping"}`,
		`null`, `[]`, `"x"`, ``, `{}`, `{"id":5}`, `{"id":"x` + strings.Repeat("é", 70) + `"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !utf8.Valid(frame) {
			return // such a frame ends the connection before it is decoded
		}
		req, refusal := decodeCopy(t, one2one{}, frame)
		if (req.Command == nil) != (refusal != nil) {
			t.Fatalf("%q gives both or neither of %+v and %+v", frame, req, refusal)
		}
		if refusal != nil {
			checkObject(t, one2one{}, *refusal)
			return
		}
		checkObject(t, one2one{}, *refuse(CodeNoSuchCall, "m").about(req.Word, targetOf(req.Command)))
		for _, ev := range eventsFor(req.Command) {
			checkObject(t, native{}, ev)
			checkObject(t, one2one{}, ev)
			checkObject(t, one2one{}, forBare(ev))
		}
		if answer, ok := req.Command.(Answer); ok {
			// A callee is told of an offer when the call is made.
			checkObject(t, one2one{}, Established{Offer: answer.SDP})
			checkObject(t, one2one{}, forBare(Established{Offer: answer.SDP}))
		}
	})
}

// forBare is the same event for somebody who sends bare descriptions.
func forBare(ev Event) Event {
	switch ev := ev.(type) {
	case Offered:
		ev.SendsBare = true
		return ev
	case Answered:
		ev.SendsBare = true
		return ev
	case Established:
		ev.SendsBare = true
		return ev
	}
	return ev
}

func checkObject(t *testing.T, dialect Dialect, ev Event) {
	t.Helper()
	frame := dialect.Encode(nil, ev)
	var message map[string]json.RawMessage
	if err := json.Unmarshal(frame, &message); err != nil {
		t.Fatalf("%T tells %s as %q: %v", dialect, fmt.Sprintf("%+v", ev), frame, err)
	}
}
