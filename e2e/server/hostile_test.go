package server

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

	"switchboard/e2e"
)

// How far the process may have grown when the abuse is over.
const mayGrow = 64 << 20

// TestHostile throws at a server what no honest client sends, before and after
// signing in. Whoever sent it is told so; the process lives; and two bystanders,
// who talk to each other all the while, notice nothing.
func TestHostile(t *testing.T) {
	s := e2e.Start(t, "-log-level", "debug",
		"-ping-interval", "3s", "-pong-timeout", "3s", "-write-timeout", "2s")
	to := e2e.Route{URL: s.WS()}
	callID := watchBystanders(t, to)
	before := memory(t, s)

	t.Run("slow header", func(t *testing.T) { t.Parallel(); testSlowHeader(t, s) })
	t.Run("never signs in", func(t *testing.T) { t.Parallel(); testNeverSignsIn(t) })
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
		case <-s.Exited:
			t.Fatalf("the server has ended:\n%s", s.Printed.String())
		default:
		}
		wantMemory(t, s, before+mayGrow)
	})
}

func testNeverSignsIn(t *testing.T) {
	s := e2e.Start(t, "-login-timeout", "1s")
	e2e.Connect(t, e2e.Route{URL: s.WS()}).WantClose(websocket.ClosePolicyViolation)
}

// testInsults sends each insult as a stranger and as a user.
func testInsults(t *testing.T, to e2e.Route) {
	for _, insult := range insults {
		t.Run(insult.name, func(t *testing.T) {
			stranger := e2e.Connect(t, to)
			insult.try(stranger)
			if insult.close == 0 {
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
// test ends. Each has to arrive, and nothing else may.
func watchBystanders(t *testing.T, to e2e.Route) (callID string) {
	t.Helper()
	a, b := e2e.SignIn(t, to, "bystander a", ""), e2e.SignIn(t, to, "bystander b", "")
	a.Send(e2e.Message{"type": "offer", "name": b.Name, "offer": "an offer"})
	callID, _ = b.Want("offer")["callID"].(string)
	b.Send(e2e.Message{"type": "answer", "callID": callID, "answer": "an answer"})
	a.Want("answer")

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

// hindered is how long a message takes only if somebody hinders the server: on a
// busy machine one may take seconds.
const hindered = 20 * time.Second

func relay(from, to *e2e.Peer, n int) error {
	candidate := fmt.Sprintf("candidate %d", n)
	if err := from.WS.WriteJSON(e2e.Message{"type": "candidate", "name": to.Name, "candidate": candidate}); err != nil {
		return err
	}
	select {
	case frame, open := <-to.Frames:
		var m e2e.Message
		if !open {
			return to.Ended
		}
		if err := json.Unmarshal(frame, &m); err != nil || m["candidate"] != candidate {
			return fmt.Errorf("heard %s, expected %s", frame, candidate)
		}
		return nil
	case <-time.After(hindered):
		return fmt.Errorf("%s has not arrived in %v", candidate, hindered)
	}
}

// testForeignCalls has somebody who is signed in meddle with others' call. A
// foreign call and one that does not exist are refused alike.
func testForeignCalls(t *testing.T, to e2e.Route, callID string) {
	p := e2e.SignIn(t, to, "mallory", "")
	unknown := "c0ffee00-0000-4000-8000-000000000001"
	for _, m := range []e2e.Message{
		{"type": "answer", "answer": "mine"},
		{"type": "candidate", "candidate": "mine"},
		{"type": "leave"},
		{"type": "end-call"},
		{"type": "respond-call", "sdp": "mine"},
		{"type": "new-ice-candidate", "candidate": "mine"},
		{"type": "new-answer-ice-candidate", "candidate": "mine"},
		{"type": "offer", "offer": "mine"},
	} {
		refuse := func(key, value string) e2e.Message {
			m[key] = value
			defer delete(m, key)
			p.Send(m)
			refusal := p.Want("error")
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
	p.Send(e2e.Message{"type": "offer", "name": "bystander a", "offer": "mine"})
	p.WantError("busy")
	p.Send(e2e.Message{"type": "request-call", "name": "bystander a", "sdp": "mine"})
	p.WantError("forbidden")
}

func testNotSignedIn(t *testing.T, to e2e.Route, callID string) {
	p := e2e.Connect(t, to)
	for _, m := range []e2e.Message{
		{"type": "offer", "name": "bystander a", "offer": "mine"},
		{"type": "request-call", "name": "bystander a", "sdp": "mine"},
		{"type": "answer", "callID": callID, "answer": "mine"},
		{"type": "candidate", "name": "bystander a", "candidate": "mine"},
		{"type": "leave", "callID": callID},
		{"type": "users"},
	} {
		p.Send(m)
		p.WantError("not-logged-in")
	}
	for _, name := range []any{nil, "", " ", 5, true, "line\nfeed", "a\u202eb", "zero\u200bwidth", "\ufffd", strings.Repeat("x", 65)} {
		p.Send(e2e.Message{"type": "login", "name": name})
		if m := p.Want("login"); m["success"] != false || m["code"] != "bad-name" {
			t.Errorf("the name %q: %v", name, m)
		}
	}
	p.Send(e2e.Message{"type": "login", "name": "bystander a"})
	if m := p.Want("login"); m["code"] != "name-taken" {
		t.Errorf("a taken name: %v", m)
	}
	p.Login("__proto__", "")
}

// testBadMessages sends bad messages until that is enough for the server.
func testBadMessages(t *testing.T, to e2e.Route) {
	p := e2e.SignIn(t, to, "mallory", "")
	for range 50 {
		p.SendText("nonsense")
		p.WantError("bad-json")
	}
	p.WantClose(websocket.ClosePolicyViolation)
}

// testFlood sends 20,000 messages at once. The sender is told that it is too
// much, and at the hundredth time with a close frame.
func testFlood(t *testing.T, to e2e.Route) {
	p := e2e.SignIn(t, to, "mallory", "")
	one := textFrame(`{"type":"candidate","name":"bystander a","candidate":"mine"}`)
	sent := make(chan struct{})
	go func() { // the server stops taking them before the end
		defer close(sent)
		p.WS.NetConn().Write(bytes.Repeat(one, 20000))
	}()
	begun, codes := time.Now(), map[any]int{}
	for {
		frame, err := p.Hear()
		if err != nil {
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
				t.Errorf("a flood was ended with %v, expected 1008", err)
			}
			break
		}
		var m e2e.Message
		if err := json.Unmarshal(frame, &m); err != nil {
			t.Fatal(err)
		}
		codes[m["code"]]++
	}
	within := codes["no-such-call"] // what came before the limit was met
	most := 200 + int(50*time.Since(begun).Seconds()) + 1
	if delete(codes, "no-such-call"); within < 199 || within > most || codes["rate-limited"] != 100 || len(codes) != 1 {
		t.Errorf("a flood was answered with %v", codes)
	}
	<-sent
}

// testPingFlood does the same with pings, which are no messages but have to be
// answered all the same.
func testPingFlood(t *testing.T, to e2e.Route) {
	p := e2e.SignIn(t, to, "mallory", "")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.WS.NetConn().Write(bytes.Repeat(frame(fin|ping, ""), 20000))
	}()
	p.WantClose(websocket.ClosePolicyViolation)
	<-sent
}

// testEmptyFragments begins a message and goes on with fragments of nothing,
// which never reach a limit in bytes, while it answers each ping.
func testEmptyFragments(t *testing.T, to e2e.Route) {
	p := e2e.SignIn(t, to, "mallory", "")
	conn := p.WS.NetConn()
	conn.Write(frame(text, `{"type":`))
	some := bytes.Repeat(frame(continuation, ""), 50)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(e2e.Patience)
	for {
		select {
		case _, open := <-p.Frames:
			if open {
				t.Fatal("the server answers half a message")
			}
			if !websocket.IsCloseError(p.Ended, websocket.ClosePolicyViolation) {
				t.Errorf("closed with %v, expected 1008", p.Ended)
			}
			return
		case <-tick.C:
			conn.Write(some)
		case <-end:
			t.Fatal("a message of empty fragments goes on")
		}
	}
}

// testStalledReader calls somebody who stops reading, and talks on. It costs
// the sleeper his connection, and the caller nothing.
func testStalledReader(t *testing.T, to e2e.Route) {
	caller := e2e.SignIn(t, to, "caller", "")
	sleeper := to
	sleeper.Dial = smallWindow
	ws, _, err := sleeper.Handshake()
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.WriteJSON(e2e.Message{"type": "login", "name": "sleeper"})
	if _, frame, err := ws.ReadMessage(); err != nil || !bytes.Contains(frame, []byte(`"success":true`)) {
		t.Fatalf("%s, %v", frame, err)
	}
	// From here on nobody reads from ws.

	caller.Send(e2e.Message{"type": "offer", "name": "sleeper", "offer": "an offer"})
	talk := e2e.Message{"type": "candidate", "name": "sleeper", "candidate": strings.Repeat("x", 3<<10)}
	tick := time.NewTicker(25 * time.Millisecond) // within the rate that everybody has
	defer tick.Stop()
	begun := time.Now()
	for told := false; !told; {
		select {
		case frame := <-caller.Frames:
			told = true
			var leave e2e.Message
			json.Unmarshal(frame, &leave)
			if leave["type"] != "leave" || leave["name"] != "sleeper" || leave["reason"] != "gone" {
				t.Fatalf("the caller heard %s", frame)
			}
		case <-tick.C:
			caller.Send(talk)
		}
		if time.Since(begun) > e2e.Patience {
			t.Fatal("a reader that stopped is still there")
		}
	}
	e2e.SignIn(t, to, "sleeper", "") // the name is free at once
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
func testSlowHeader(t *testing.T, s *e2e.Server) {
	conn := dialTCP(t, s)
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: webso")
	begun := time.Now()
	conn.SetReadDeadline(begun.Add(e2e.Patience))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("half a header was let be for %v: %v", time.Since(begun), err)
	}
}

func testHugeHeader(t *testing.T, s *e2e.Server) {
	for what, header := range map[string]string{
		"one of 1 MiB": "X-Large: " + strings.Repeat("x", 1<<20) + "\r\n",
		"2000 of them": strings.Repeat("X-Many: many\r\n", 2000),
	} {
		conn := dialTCP(t, s)
		go fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n", header)
		conn.SetReadDeadline(time.Now().Add(e2e.Patience))
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

func dialTCP(t *testing.T, s *e2e.Server) net.Conn {
	t.Helper()
	u, err := url.Parse(s.URL)
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
func memory(t *testing.T, s *e2e.Server) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kB << 10
}

// wantMemory waits for the memory to come back. The runtime returns it in its
// own time.
func wantMemory(t *testing.T, s *e2e.Server, limit int) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(e2e.Patience)
	for memory(t, s) > limit {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the server still holds %d MiB, expected at most %d", memory(t, s)>>20, limit>>20)
		}
	}
}
