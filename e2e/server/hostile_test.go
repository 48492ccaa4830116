package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
		// The runtime returns memory in its own time.
		e2e.Eventually(t, "its memory", func() bool { return memory(t, s) <= before+mayGrow })
	})
}

func testNeverSignsIn(t *testing.T) {
	s := e2e.Start(t, "-login-timeout", "1s")
	e2e.Connect(t, e2e.Route{URL: s.WS()}).WantClose(websocket.ClosePolicyViolation)
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
	for _, name := range []any{nil, "", " ", true, []int{5}, "line\nfeed", "a\u202eb", "zero\u200bwidth", "\ufffd", strings.Repeat("x", 65)} {
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
