package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// How far the process may have grown when the abuse is over.
const mayGrow = 64 << 20

// TestHostile throws at a server what no honest client sends, before and after
// signing in. Whoever sent it is told so; the process lives; and two bystanders,
// who talk to each other all the while, notice nothing.
func TestHostile(t *testing.T) {
	s := start(t, "-log-level", "debug",
		"-login-timeout", "4s", "-ping-interval", "2s", "-pong-timeout", "2s", "-write-timeout", "2s")
	to := route{url: s.ws()}
	callID := watchBystanders(t, to)
	before := s.memory()

	t.Run("slow header", func(t *testing.T) { t.Parallel(); testSlowHeader(t, s) })
	t.Run("never signs in", func(t *testing.T) { t.Parallel(); testNeverSignsIn(t, to) })
	t.Run("abuse", func(t *testing.T) {
		t.Parallel()
		t.Run("huge header", func(t *testing.T) { testHugeHeader(t, s) })
		t.Run("insults", func(t *testing.T) { testInsults(t, to) })
		t.Run("foreign calls", func(t *testing.T) { testForeignCalls(t, to, callID) })
		t.Run("before signing in", func(t *testing.T) { testNotSignedIn(t, to, callID) })
		t.Run("bad messages without end", func(t *testing.T) { testBadMessages(t, to) })
		t.Run("flood", func(t *testing.T) { testFlood(t, to) })
		t.Run("flood of pings", func(t *testing.T) { testPingFlood(t, to) })
		t.Run("empty fragments without end", func(t *testing.T) { testEmptyFragments(t, to) })
		t.Run("reader that stops", func(t *testing.T) { testStalledReader(t, to) })
	})

	t.Cleanup(func() { // after the parallel tests
		select {
		case <-s.exited:
			t.Fatalf("the server has ended:\n%s", s.printed.String())
		default:
		}
		s.wantMemory(before + mayGrow)
	})
}

func testNeverSignsIn(t *testing.T, to route) {
	connect(t, to).wantClose(websocket.ClosePolicyViolation)
}

// testInsults sends each insult as a stranger and as a user.
func testInsults(t *testing.T, to route) {
	for _, insult := range insults {
		t.Run(insult.name, func(t *testing.T) {
			stranger := connect(t, to)
			insult.try(stranger)
			if insult.close == 0 {
				stranger.login("now honest", "")
				stranger.ws.Close()
			}

			user := signIn(t, to, "mallory", "")
			insult.try(user)
			if insult.close == 0 {
				user.wantNothing()
			}
			user.ws.Close()
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
}

func (i insult) try(p *peer) {
	p.t.Helper()
	if _, err := p.ws.NetConn().Write(i.bytes); err != nil {
		p.t.Fatal(err)
	}
	if i.close != 0 {
		p.wantClose(i.close)
		return
	}
	frame, err := p.hear()
	if err != nil {
		p.t.Fatalf("expected %s: %v", i.code, err)
	}
	var m message
	if err := json.Unmarshal(frame, &m); err != nil || m["code"] != i.code || m["message"] == "" {
		p.t.Errorf("heard %s, expected %s", frame, i.code)
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
	{name: "20000 deep", bytes: textFrame(nested(20000)), code: "bad-json"},
	{name: "20000 deep in a payload", bytes: textFrame(`{"type":"offer","name":"x","offer":` + nested(20000) + `}`), code: "bad-json"},

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
	{name: "unknown reason", bytes: textFrame(`{"type":"leave","reason":"bored"}`), code: "bad-request"},
	{name: "unknown type", bytes: textFrame(`{"type":"__proto__"}`), code: "unknown-command"},
	{name: "unknown type, 20 kB long", bytes: textFrame(`{"type":"` + strings.Repeat("x", 20000) + `"}`), code: "unknown-command"},

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

// watchBystanders lets two peers exchange a candidate every 50 ms until the
// test ends. Each has to arrive within a second, and nothing else may.
func watchBystanders(t *testing.T, to route) (callID string) {
	t.Helper()
	a, b := signIn(t, to, "bystander a", ""), signIn(t, to, "bystander b", "")
	a.send(message{"type": "offer", "name": b.name, "offer": "an offer"})
	callID, _ = b.want("offer")["callID"].(string)
	b.send(message{"type": "answer", "callID": callID, "answer": "an answer"})
	a.want("answer")

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ctx.Err() == nil; n++ {
			if err := relay(a, b, n); err != nil {
				t.Errorf("a bystander: %v", err)
				return
			}
			a, b = b, a
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	}()
	return callID
}

func relay(from, to *peer, n int) error {
	candidate := fmt.Sprintf("candidate %d", n)
	if err := from.ws.WriteJSON(message{"type": "candidate", "name": to.name, "candidate": candidate}); err != nil {
		return err
	}
	select {
	case frame, open := <-to.frames:
		var m message
		if !open {
			return to.ended
		}
		if err := json.Unmarshal(frame, &m); err != nil || m["candidate"] != candidate {
			return fmt.Errorf("heard %s, expected %s", frame, candidate)
		}
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("%s has not arrived within a second", candidate)
	}
}

// testForeignCalls has somebody who is signed in meddle with others' call. A
// foreign call and one that does not exist are refused alike.
func testForeignCalls(t *testing.T, to route, callID string) {
	p := signIn(t, to, "mallory", "")
	unknown := "c0ffee00-0000-4000-8000-000000000001"
	for _, m := range []message{
		{"type": "answer", "answer": "mine"},
		{"type": "candidate", "candidate": "mine"},
		{"type": "leave"},
		{"type": "end-call"},
		{"type": "respond-call", "sdp": "mine"},
		{"type": "new-ice-candidate", "candidate": "mine"},
		{"type": "new-answer-ice-candidate", "candidate": "mine"},
		{"type": "offer", "offer": "mine"},
	} {
		refuse := func(key, value string) message {
			m[key] = value
			defer delete(m, key)
			p.send(m)
			refusal := p.want("error")
			if refusal["request"] != m["type"] {
				t.Errorf("%v was refused with %v", m, refusal)
			}
			return refusal
		}
		foreign, none := refuse("callID", callID), refuse("callID", unknown)
		if foreign["code"] != "no-such-call" || strings.ReplaceAll(fmt.Sprint(foreign), callID, unknown) != fmt.Sprint(none) {
			t.Errorf("%v of a foreign call was refused with %v, of an unknown one with %v", m["type"], foreign, none)
		}
		if m["type"] == "offer" {
			continue
		}
		if byName := refuse("name", "bystander a"); byName["code"] != "no-such-call" {
			t.Errorf("%v to a bystander was refused with %v", m["type"], byName)
		}
	}
	p.send(message{"type": "offer", "name": "bystander a", "offer": "mine"})
	p.wantError("busy")
	p.send(message{"type": "request-call", "name": "bystander a", "sdp": "mine"})
	p.wantError("forbidden")
}

func testNotSignedIn(t *testing.T, to route, callID string) {
	p := connect(t, to)
	for _, m := range []message{
		{"type": "offer", "name": "bystander a", "offer": "mine"},
		{"type": "request-call", "name": "bystander a", "sdp": "mine"},
		{"type": "answer", "callID": callID, "answer": "mine"},
		{"type": "candidate", "name": "bystander a", "candidate": "mine"},
		{"type": "leave", "callID": callID},
		{"type": "users"},
	} {
		p.send(m)
		p.wantError("not-logged-in")
	}
	for _, name := range []any{nil, "", " ", 5, true, "line\nfeed", "a\u202eb", "zero\u200bwidth", "\ufffd", strings.Repeat("x", 65)} {
		p.send(message{"type": "login", "name": name})
		if m := p.want("login"); m["success"] != false || m["code"] != "bad-name" {
			t.Errorf("the name %q: %v", name, m)
		}
	}
	p.send(message{"type": "login", "name": "bystander a"})
	if m := p.want("login"); m["code"] != "name-taken" {
		t.Errorf("a taken name: %v", m)
	}
	p.login("__proto__", "")
}

// testBadMessages sends bad messages until that is enough for the server.
func testBadMessages(t *testing.T, to route) {
	p := signIn(t, to, "mallory", "")
	for range 50 {
		p.sendText("nonsense")
		p.wantError("bad-json")
	}
	p.wantClose(websocket.ClosePolicyViolation)
}

// testFlood sends 20,000 messages at once. The sender is told that it is too
// much, and at the hundredth time with a close frame.
func testFlood(t *testing.T, to route) {
	p := signIn(t, to, "mallory", "")
	one := textFrame(`{"type":"candidate","name":"bystander a","candidate":"mine"}`)
	sent := make(chan struct{})
	go func() { // the server stops taking them before the end
		defer close(sent)
		p.ws.NetConn().Write(bytes.Repeat(one, 20000))
	}()
	codes := map[any]int{}
	for {
		frame, err := p.hear()
		if err != nil {
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
				t.Errorf("a flood was ended with %v, expected 1008", err)
			}
			break
		}
		var m message
		if err := json.Unmarshal(frame, &m); err != nil {
			t.Fatal(err)
		}
		codes[m["code"]]++
	}
	within := codes["no-such-call"] // what came before the limit was met
	if delete(codes, "no-such-call"); within < 199 || within > 250 || codes["rate-limited"] != 100 || len(codes) != 1 {
		t.Errorf("a flood was answered with %v", codes)
	}
	<-sent
}

// testPingFlood does the same with pings, which are no messages but have to be
// answered all the same.
func testPingFlood(t *testing.T, to route) {
	p := signIn(t, to, "mallory", "")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.ws.NetConn().Write(bytes.Repeat(frame(fin|ping, ""), 20000))
	}()
	p.wantClose(websocket.ClosePolicyViolation)
	<-sent
}

// testEmptyFragments begins a message and goes on with fragments of nothing,
// which never reach a limit in bytes, while it answers each ping.
func testEmptyFragments(t *testing.T, to route) {
	p := signIn(t, to, "mallory", "")
	conn := p.ws.NetConn()
	conn.Write(frame(text, `{"type":`))
	some := bytes.Repeat(frame(continuation, ""), 50)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for {
		select {
		case _, open := <-p.frames:
			if open {
				t.Fatal("the server answers half a message")
			}
			if !websocket.IsCloseError(p.ended, websocket.ClosePolicyViolation) {
				t.Errorf("closed with %v, expected 1008", p.ended)
			}
			return
		case <-tick.C:
			conn.Write(some)
		case <-end:
			t.Fatal("a message of empty fragments goes on for 30 s")
		}
	}
}

// testStalledReader calls somebody who stops reading, and talks on. It costs
// the sleeper his connection, and the caller nothing.
func testStalledReader(t *testing.T, to route) {
	caller := signIn(t, to, "caller", "")
	sleeper := to
	sleeper.dial = smallWindow
	ws, _, err := sleeper.handshake()
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.WriteJSON(message{"type": "login", "name": "sleeper"})
	if _, frame, err := ws.ReadMessage(); err != nil || !bytes.Contains(frame, []byte(`"success":true`)) {
		t.Fatalf("%s, %v", frame, err)
	}
	// From here on nobody reads from ws.

	caller.send(message{"type": "offer", "name": "sleeper", "offer": "an offer"})
	talk := message{"type": "candidate", "name": "sleeper", "candidate": strings.Repeat("x", 3<<10)}
	tick := time.NewTicker(25 * time.Millisecond) // within the rate that everybody has
	defer tick.Stop()
	begun := time.Now()
	for told := false; !told; {
		select {
		case frame := <-caller.frames:
			told = true
			var leave message
			json.Unmarshal(frame, &leave)
			if leave["type"] != "leave" || leave["name"] != "sleeper" || leave["reason"] != "gone" {
				t.Fatalf("the caller heard %s", frame)
			}
		case <-tick.C:
			caller.send(talk)
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatal("a reader that stopped is still there after 20 s")
		}
	}
	signIn(t, to, "sleeper", "") // the name is free at once
}

// smallWindow dials with a receive buffer that fills soon.
func smallWindow(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
		})
		return err
	}}
	return d.DialContext(ctx, network, address)
}

// testSlowHeader sends half a request and waits.
func testSlowHeader(t *testing.T, s *server) {
	conn := dialTCP(t, s)
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")
	begun := time.Now()
	conn.SetReadDeadline(begun.Add(patience))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("half a header was let be for %v: %v", time.Since(begun), err)
	}
}

func testHugeHeader(t *testing.T, s *server) {
	for what, header := range map[string]string{
		"one of 1 MiB": "X-Large: " + strings.Repeat("x", 1<<20) + "\r\n",
		"2000 of them": strings.Repeat("X-Many: many\r\n", 2000),
	} {
		conn := dialTCP(t, s)
		go fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n", header)
		conn.SetReadDeadline(time.Now().Add(patience))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s, expected 431", what, resp.Status)
		}
	}
}

func dialTCP(t *testing.T, s *server) net.Conn {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// memory returns what the server holds of the machine's memory, in bytes.
func (s *server) memory() int {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return kB << 10
}

// wantMemory waits for the memory to come back. The runtime returns it in its
// own time.
func (s *server) wantMemory(limit int) {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for s.memory() > limit {
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("the server still holds %d MiB, expected at most %d", s.memory()>>20, limit>>20)
		}
	}
}
