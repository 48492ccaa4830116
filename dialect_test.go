package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard/internal/jsonscan"
	"switchboard/internal/source"
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

// decodeEither is decodeCopy for families of which every frame is a command or refused, and
// only a sign-in may be both: a token may speak for what its claims lack.
func decodeEither(t *testing.T, dialect Dialect, frame []byte) (Request, *Refused) {
	t.Helper()
	req, refusal := decodeCopy(t, dialect, frame)
	_, isLogin := req.login()
	if req.Command == nil && refusal == nil || req.Command != nil && refusal != nil && !isLogin {
		t.Fatalf("%q gives both or neither of %+v and %+v", frame, req, refusal)
	}
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

// A schema that lacks a key, or has too many, is a mistake of ours: it shows at once, by name.
func TestSchemaMistakesPanic(t *testing.T) {
	for want, mistake := range map[string]func(){
		`schema: no key "nmae"`:            func() { newFields(&nativeSchema).get("nmae") },
		"schema: 25 keys, and room for 24": func() { newSchema(make([]string, maxFields+1)...) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panics with %v, want %s", got, want)
				}
			}()
			mistake()
		}()
	}
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

var (
	benchCandidate = `{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.7 rport 46154 generation 0 ufrag Q2Cr network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"Q2Cr"}`
	benchOffer     = `{"type":"offer","sdp":"v=0\r\n` + strings.Repeat(`a=rtpmap:111 opus/48000/2\r\n`, 140) + `"}`
)

func BenchmarkDecode(b *testing.B) {
	packets := newTestSession(true, identity{})
	for _, bm := range []struct {
		name    string
		dialect Dialect
		frame   string
	}{
		{"candidate", native{}, `{"type":"candidate","candidate":` + benchCandidate + `,"name":"bob"}`},
		{"offer4KiB", native{}, `{"type":"offer","offer":` + benchOffer + `,"name":"bob"}`},
		{"one2oneCandidate", one2one{}, `{"id":"onIceCandidate","candidate":` + benchCandidate + `}`},
		{"socketIOCandidate", packets, `42["candidate",{"candidate":` + benchCandidate + `,"name":"bob"}]`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bm.frame)))
			for b.Loop() {
				req, refusal := bm.dialect.Decode([]byte(bm.frame))
				if _, ok := req.Command.(Quit); ok || refusal != nil {
					b.Fatalf("%+v, %+v", req, refusal)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	info := CallInfo{CallID: "6a1f0c1e-4a8b-4f0e-9b77-0d6f3a2c9e51", Peer: "bob"}
	request := info
	request.Opening, request.Role = ByRequest, "student"
	for name, ev := range map[string]Event{
		"candidate":     NewCandidate{info, json.RawMessage(benchCandidate)},
		"flatCandidate": NewCandidate{request, json.RawMessage(benchCandidate)},
		"offer4KiB":     Offered{info, Description{JSON: json.RawMessage(benchOffer)}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				buf = native{}.Encode(buf[:0], ev)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

// The server that plays the transcripts panics at a command without a case in
// the hub. So it is enough that somebody says each of them there.
func TestCommandsAreSaid(t *testing.T) {
	program, err := source.Read(".")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, file := range transcripts(t) {
		for _, m := range regexp.MustCompile(`(?m)^(?:\d+ times )?\w+> (.*)$`).FindAllStringSubmatch(readText(t, file), -1) {
			for _, family := range []Dialect{native{}, one2one{}, newTestSession(true, identity{})} {
				if req, refusal := family.Decode([]byte(m[1])); refusal == nil && req.Command != nil {
					asked[reflect.TypeOf(req.Command).Name()] = true
				}
			}
		}
	}
	for _, command := range program.Implementers("Command") {
		if !asked[command.Name()] {
			t.Errorf("nobody says a %s in testdata/transcripts: write a conversation in which somebody does, in words that a dialect decodes", command.Name())
		}
	}
}

var heardType = regexp.MustCompile(`(?m)^(?:\d+ times )?\w+< \{"type":"([^"]+)"`)

// Each native message, in either direction, is in the table of messages, as a
// link to its explanation.
func TestMessagesAreLinked(t *testing.T) {
	type message struct{ to, word string }
	messages := map[message]bool{}
	for _, known := range nativeWords {
		messages[message{"server", known.word}] = true
	}
	for _, file := range transcripts(t) {
		for _, m := range heardType.FindAllStringSubmatch(readText(t, file), -1) {
			messages[message{"client", m[1]}] = true
		}
	}
	table := map[string]string{}
	for _, row := range source.Table(readText(t, "PROTOCOL.md"), "All messages") {
		table[row[1]] += row[0]
	}
	for m := range messages {
		if !strings.Contains(table[m.to], "[`"+m.word+"`](") {
			t.Errorf("the table of messages in PROTOCOL.md has no link for %s, to the %s", m.word, m.to)
		}
	}
}
