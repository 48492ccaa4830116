package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"switchboard/internal/transcript"
)

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

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// object and bare are the two forms of a session description.
func object(s string) Description { return Description{JSON: raw(s)} }
func bare(s string) Description   { return Description{JSON: raw(s), Bare: true} }

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

func checkObject(t *testing.T, dialect Dialect, ev Event) {
	t.Helper()
	frame := dialect.Encode(nil, ev)
	var message map[string]json.RawMessage
	if err := json.Unmarshal(frame, &message); err != nil {
		t.Fatalf("%T tells %s as %q: %v", dialect, fmt.Sprintf("%+v", ev), frame, err)
	}
}
