package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/source"
)

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
		{ICEServersRenewed{"ID"}, ``},
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
		req, refusal := decodeEither(t, one2one{}, frame)
		if refusal != nil {
			checkObject(t, one2one{}, *refusal)
			return
		}
		checkObject(t, one2one{}, *refuse(CodeNoSuchCall, "m").regarding(req.Word, targetOf(req.Command)))
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

// Whatever ends a call, people read why.
func TestEndings(t *testing.T) {
	program, err := source.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	for reason, name := range program.Constants("Reason") {
		if endings[Reason(reason)] == "" {
			t.Errorf("%s is not in endings: say there what people read", name)
		}
	}
}
