package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

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
		original := bytes.Clone(frame)
		req, refusal := native{}.Decode(frame)
		if (req.Command == nil) != (refusal != nil) {
			t.Fatalf("%q gives both or neither of %+v and %+v", frame, req, refusal)
		}
		if !bytes.Equal(frame, original) {
			t.Fatalf("decoding changed %q to %q", original, frame)
		}
		if refusal != nil {
			checkFrame(t, *refusal)
			return
		}
		cmd := withOwnPayload(req.Command)
		clear(frame)
		for _, ev := range eventsFor(cmd) {
			checkFrame(t, ev)
		}
	})
}

// eventsFor returns what others may be told of a command.
func eventsFor(cmd Command) []Event {
	info := CallInfo{CallID: "call", Peer: `b"o\b`}
	request := info
	request.Words = requestWords
	switch cmd := cmd.(type) {
	case Login:
		return []Event{LoggedIn{Name: cmd.Name.Text, Role: cmd.Role}}
	case Offer:
		return []Event{Offered{info, cmd.SDP}, Offered{request, cmd.SDP}}
	case Answer:
		return []Event{Answered{info, cmd.SDP}, Answered{request, cmd.SDP}}
	case Candidate:
		if hasFields(cmd.Candidate) {
			return []Event{NewCandidate{info, cmd.Candidate}, NewCandidate{request, cmd.Candidate}}
		}
		return []Event{NewCandidate{info, cmd.Candidate}}
	}
	return nil
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
		if ev.Words == offerWords {
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

// FuzzMembers compares the walk through the top level with encoding/json's.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"}"}],"a":null," ":true,"\u00e9":"\\"}`))
	f.Add([]byte("{\t\"a\"\n:\r-1.5e+3 , \"b\":{} }"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !utf8.Valid(frame) || !json.Valid(frame) || bytes.TrimLeft(frame, jsonSpace)[0] != '{' {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(frame))
		dec.Token() // the opening brace
		for key, value := range members(bytes.TrimLeft(frame, jsonSpace)) {
			wantKey, _ := dec.Token()
			var want json.RawMessage
			if err := dec.Decode(&want); err != nil {
				t.Fatalf("%q has fewer members: %v", frame, err)
			}
			if string(key) != wantKey || !bytes.Equal(value, want) {
				t.Fatalf("%q: got %q: %q, want %q: %q", frame, key, value, wantKey, want)
			}
		}
		if dec.More() {
			t.Fatalf("%q has more members", frame)
		}
	})
}

func TestExcerpt(t *testing.T) {
	for in, want := range map[string]string{
		"ann":                     "ann",
		"a\nb\x1b[31m":            `a\nb\x1b[31m`,
		"a\u202eb":                `a\u202eb`,
		"it's":                    "it's",
		strings.Repeat("é", 100):  strings.Repeat("é", maxExcerpt),
		strings.Repeat("\x00", 3): `\x00\x00\x00`,
	} {
		if got := excerpt(in); got != want {
			t.Errorf("excerpt(%q) = %q, want %q", in, got, want)
		}
	}
	if got := utf8.RuneCountInString(excerpt(strings.Repeat("\n", 1000))); got > maxExcerpt {
		t.Errorf("an excerpt of %d characters", got)
	}
}
