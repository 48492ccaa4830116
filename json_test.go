package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/jsonscan"
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
		req, refusal := decodeCopy(t, native{}, frame)
		if (req.Command == nil) != (refusal != nil) {
			t.Fatalf("%q gives both or neither of %+v and %+v", frame, req, refusal)
		}
		if refusal != nil {
			checkFrame(t, *refusal)
			return
		}
		for _, ev := range eventsFor(req.Command) {
			checkFrame(t, ev)
		}
	})
}

// decodeCopy decodes a copy of a frame, which must leave it as it is, and then
// uses the copy's memory for something else, as connections do.
func decodeCopy(t *testing.T, dialect Dialect, frame []byte) (Request, *Refused) {
	t.Helper()
	used := bytes.Clone(frame)
	req, refusal := dialect.Decode(used)
	if !bytes.Equal(used, frame) {
		t.Fatalf("decoding changed %q to %q", frame, used)
	}
	clear(used)
	return req, refusal
}

// eventsFor returns what others may be told of a command.
func eventsFor(cmd Command) []Event {
	info := CallInfo{CallID: "call", Peer: `b"o\b`}
	request := info
	request.Opening, request.Role = ByRequest, "student"
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

// FuzzReadObject compares the fields that are read with what encoding/json finds: the
// first value of each key, or the last if the key may be repeated, and whether another
// is.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":"}"}],"a":null," ":true,"\u00e9":"\\"}`))
	f.Add([]byte("{\t\"a\"\n:\r-1.5e+3 , \"b\":{} }"))
	f.Add([]byte(`{"\ud800":0,"":"","a\u0062":0,"ab":1,"AB":2}`))
	f.Add([]byte(`{"loose":1,"b":null,"c":0,"c":0,"l\u006fose":{}}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if !utf8.Valid(frame) || jsonscan.Scan(frame, nil) != nil || !jsonscan.IsObject(jsonscan.Trim(frame)) {
			return
		}
		found := fields{schema: &schema{keys: []string{"a", "b", "ab", "", " ", "é", "\ufffd", "loose"}, repeatable: "loose"}}
		broken, repeated := readObject(frame, &found)
		if broken != nil {
			t.Fatalf("%q is refused: %s", frame, broken.Message)
		}
		dec := json.NewDecoder(bytes.NewReader(frame))
		dec.Token() // the opening brace
		want, twice := fields{schema: found.schema}, false
		for dec.More() {
			key, _ := dec.Token()
			var value json.RawMessage
			if err := dec.Decode(&value); err != nil {
				t.Fatalf("%q: %v", frame, err)
			}
			switch {
			case !slices.Contains(want.schema.keys, key.(string)):
			case want.get(key.(string)) == nil:
				want.set(key.(string), value)
			case key == "loose":
				want.set("loose", value)
				want.twice = true
			default:
				twice = true
			}
		}
		if !reflect.DeepEqual(found, want) || twice != (repeated != nil) {
			t.Fatalf("%q:\n got %q, repeated: %+v\nwant %q, repeated: %t", frame, found.values, repeated, want.values, twice)
		}
	})
}

func TestNestingIsBounded(t *testing.T) {
	nested := func(levels int) []byte {
		return []byte(`{"type":"users","x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`)
	}
	if _, refusal := (native{}).Decode(nested(64)); refusal != nil {
		t.Errorf("64 levels are refused: %+v", refusal)
	}
	_, refusal := native{}.Decode(nested(65))
	if want := refuse(CodeBadJSON, "this is nested deeper than 64 levels"); !reflect.DeepEqual(refusal, want) {
		t.Errorf("one level more: got %+v, want %+v", refusal, want)
	}
}
