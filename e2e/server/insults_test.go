package server

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"switchboard/e2e"
)

// testInsults sends each insult as a stranger and as a user.
func testInsults(t *testing.T, to e2e.Route) {
	for _, insult := range insults {
		t.Run(insult.name, func(t *testing.T) {
			stranger := e2e.Connect(t, to)
			insult.asStranger().try(stranger)
			if insult.asStranger().close == 0 {
				stranger.Login("now honest", "")
				stranger.WS.Close()
			}

			user := e2e.SignIn(t, to, "mallory", "")
			insult.try(user)
			if insult.close == 0 {
				user.WantNothing()
			}
			user.WS.Close()
		})
	}
}

// An insult is input that is refused: with the code of an error, after which
// the connection goes on, or with a close code.
type insult struct {
	name  string
	bytes []byte // as they go over the wire
	code  string // of the error
	close int
	large bool // too large before sign-in
}

func (i insult) asStranger() insult {
	if i.large {
		i.close = websocket.CloseMessageTooBig
	}
	return i
}

func (i insult) try(p *e2e.Peer) {
	p.T.Helper()
	if _, err := p.WS.NetConn().Write(i.bytes); err != nil {
		p.T.Fatal(err)
	}
	if i.close != 0 {
		p.WantClose(i.close)
		return
	}
	frame, err := p.Hear()
	if err != nil {
		p.T.Fatalf("expected %s: %v", i.code, err)
	}
	var m e2e.Message
	if err := json.Unmarshal(frame, &m); err != nil || m["code"] != i.code || m["message"] == "" {
		p.T.Errorf("heard %s, expected %s", frame, i.code)
	}
}

// The parts of a frame's header (RFC 6455, section 5.2).
const (
	fin          = 0x80
	rsv1         = 0x40
	rsv2         = 0x20
	rsv3         = 0x10
	continuation = 0x0
	text         = websocket.TextMessage
	binaryData   = websocket.BinaryMessage
	closing      = websocket.CloseMessage
	ping         = websocket.PingMessage
)

// frame builds a masked frame, right or wrong. The mask is zero, so that the
// payload can be read.
func frame(first byte, payload string) []byte {
	return append(header(first, uint64(len(payload)), true), payload...)
}

func header(first byte, length uint64, masked bool) []byte {
	b := []byte{first}
	switch {
	case length < 126:
		b = append(b, byte(length))
	case length <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), length)
	}
	if masked {
		b[1] |= 0x80
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

func textFrame(payload string) []byte { return frame(fin|text, payload) }

func nested(depth int) string {
	return strings.Repeat("[", depth) + strings.Repeat("]", depth)
}

var insults = []insult{
	{name: "not JSON", bytes: textFrame(`hello`), code: "bad-json"},
	{name: "empty", bytes: textFrame(``), code: "bad-json"},
	{name: "null", bytes: textFrame(`null`), code: "bad-json"},
	{name: "a number", bytes: textFrame(`5`), code: "bad-json"},
	{name: "a string", bytes: textFrame(`"login"`), code: "bad-json"},
	{name: "an array", bytes: textFrame(`[{"type":"login","name":"x"}]`), code: "bad-json"},
	{name: "NaN", bytes: textFrame(`{"type":"login","name":NaN}`), code: "bad-json"},
	{name: "trailing garbage", bytes: textFrame(`{"type":"users"} x`), code: "bad-json"},
	{name: "two documents", bytes: textFrame(`{"type":"users"}{"type":"users"}`), code: "bad-json"},
	{name: "half a document", bytes: textFrame(`{"type":"login","name":"x`), code: "bad-json"},
	{name: "20000 deep", bytes: textFrame(nested(20000)), code: "bad-json", large: true},
	{name: "20000 deep in a payload", bytes: textFrame(`{"type":"offer","name":"x","offer":` + nested(20000) + `}`), code: "bad-json", large: true},

	{name: "no type", bytes: textFrame(`{}`), code: "bad-request"},
	{name: "type null", bytes: textFrame(`{"type":null}`), code: "bad-request"},
	{name: "type number", bytes: textFrame(`{"type":5}`), code: "bad-request"},
	{name: "type object", bytes: textFrame(`{"type":{"toString":null}}`), code: "bad-request"},
	{name: "type twice", bytes: textFrame(`{"type":"users","type":"leave"}`), code: "bad-request"},
	{name: "type in another case", bytes: textFrame(`{"TYPE":"login","name":"x"}`), code: "bad-request"},
	{name: "name of a wrong type", bytes: textFrame(`{"type":"offer","name":["x"],"offer":"o"}`), code: "bad-request"},
	{name: "payload null", bytes: textFrame(`{"type":"offer","name":"x","offer":null}`), code: "bad-request"},
	{name: "no payload", bytes: textFrame(`{"type":"offer","name":"x"}`), code: "bad-request"},
	{name: "callID of a wrong type", bytes: textFrame(`{"type":"answer","callID":7,"answer":"a"}`), code: "bad-request"},
	{name: "unknown type", bytes: textFrame(`{"type":"__proto__"}`), code: "unknown-command"},
	{name: "unknown type, 20 kB long", bytes: textFrame(`{"type":"` + strings.Repeat("x", 20000) + `"}`), code: "unknown-command", large: true},

	{name: "1 MiB", bytes: textFrame(`"` + strings.Repeat("x", 1<<20) + `"`), close: websocket.CloseMessageTooBig},
	{name: "1 MiB in fragments", bytes: fragments(1<<20, 4096), close: websocket.CloseMessageTooBig},
	{name: "announced length of 1 GiB", bytes: header(fin|text, 1<<30, true), close: websocket.CloseMessageTooBig},
	{name: "announced length of 2^63-1", bytes: header(fin|text, math.MaxInt64, true), close: websocket.CloseMessageTooBig},
	{name: "announced length of 2^64-1", bytes: header(fin|text, math.MaxUint64, true), close: websocket.CloseMessageTooBig},
	{name: "binary", bytes: frame(fin|binaryData, `{"type":"users"}`), close: websocket.CloseUnsupportedData},
	{name: "not UTF-8", bytes: textFrame("{\"type\":\"login\",\"name\":\"\xff\xfe\"}"), close: websocket.CloseInvalidFramePayloadData},
	{name: "a surrogate in UTF-8", bytes: textFrame("\"\xed\xa0\x80\""), close: websocket.CloseInvalidFramePayloadData},

	{name: "unmasked", bytes: append(header(fin|text, 2, false), "{}"...), close: websocket.CloseProtocolError},
	{name: "RSV1", bytes: frame(fin|rsv1|text, "{}"), close: websocket.CloseProtocolError},
	{name: "RSV2", bytes: frame(fin|rsv2|text, "{}"), close: websocket.CloseProtocolError},
	{name: "RSV3", bytes: frame(fin|rsv3|text, "{}"), close: websocket.CloseProtocolError},
	{name: "opcode 3", bytes: frame(fin|3, "{}"), close: websocket.CloseProtocolError},
	{name: "opcode 15", bytes: frame(fin|15, "{}"), close: websocket.CloseProtocolError},
	{name: "a ping of 126 bytes", bytes: frame(fin|ping, strings.Repeat("x", 126)), close: websocket.CloseProtocolError},
	{name: "a fragmented ping", bytes: frame(ping, "x"), close: websocket.CloseProtocolError},
	{name: "a stray continuation", bytes: frame(fin|continuation, "{}"), close: websocket.CloseProtocolError},
	{name: "a message within a message", bytes: append(frame(text, `{"type":`), textFrame(`{}`)...), close: websocket.CloseProtocolError},
	{name: "a close frame of one byte", bytes: frame(fin|closing, "x"), close: websocket.CloseNoStatusReceived},
	{name: "a close code that is none", bytes: frame(fin|closing, "\x00\x05"), close: websocket.CloseProtocolError},
	{name: "a close reason not UTF-8", bytes: frame(fin|closing, "\x03\xe8\xff"), close: websocket.CloseProtocolError},
}

// fragments cuts a message of a given size into frames.
func fragments(size, each int) []byte {
	var b bytes.Buffer
	b.Write(frame(text, ""))
	for range size / each {
		b.Write(frame(continuation, strings.Repeat("x", each)))
	}
	b.Write(frame(fin|continuation, ""))
	return b.Bytes()
}
