package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"switchboard/e2e"
	"switchboard/internal/transcript"
)

// How pages configure them: as they come, which is long-polling first, or
// with the transports written out, one of them of no use.
var socketIOOptions = map[string]string{
	"default options": `{}`,
	"own transports":  `{"transports":["websocket","polling","flashsocket"],"withCredentials":true}`,
}

// forEachSocketIOClient runs a test for each client with each configuration.
func forEachSocketIOClient(t *testing.T, test func(t *testing.T, connect func(s *e2e.Server, auth string) *socketIOClient)) {
	node := e2e.Program(t, "node")
	for _, name := range e2e.SocketIOClients {
		for how, options := range socketIOOptions {
			t.Run(name+" with "+how, func(t *testing.T) {
				t.Parallel()
				folder := e2e.NodePackage(t, name)
				test(t, func(s *e2e.Server, auth string) *socketIOClient {
					t.Helper()
					return startSocketIOClient(t, node, folder, s.URL, withAuth(t, options, auth))
				})
			})
		}
	}
}

func withAuth(t *testing.T, options, auth string) string {
	t.Helper()
	if auth == "" {
		return options
	}
	all := map[string]any{"auth": json.RawMessage(auth)}
	if err := json.Unmarshal([]byte(options), &all); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A socketIOClient is one stock client in a process of its own.
type socketIOClient struct {
	t      *testing.T
	orders io.Writer
	events chan socketIOEvent
	pings  int
}

type socketIOEvent struct {
	Event string
	Args  []json.RawMessage
}

func (e socketIOEvent) String() string { return fmt.Sprintf("%s %s", e.Event, e.Args) }

func startSocketIOClient(t *testing.T, node, folder, address, options string) *socketIOClient {
	t.Helper()
	cmd := exec.Command(node, "testdata/socketio/client.mjs", folder, address, options)
	cmd.Stderr = os.Stderr
	orders, output := e2e.StartPiped(t, cmd)
	c := &socketIOClient{t: t, orders: orders, events: make(chan socketIOEvent, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.events)
		lines := bufio.NewScanner(output)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var event socketIOEvent
			if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
				t.Errorf("the client says %q", lines.Text())
				continue
			}
			c.events <- event
		}
	}()
	t.Cleanup(func() {
		orders.Close()
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("the client ended: %v", err)
		}
	})
	return c
}

func (c *socketIOClient) order(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.orders, format+"\n", args...); err != nil {
		c.t.Fatal(err)
	}
}

// hear returns the next event that is not a heartbeat.
func (c *socketIOClient) hear() socketIOEvent {
	c.t.Helper()
	timeout := time.After(e2e.Patience)
	for {
		select {
		case event, open := <-c.events:
			switch {
			case !open:
				c.t.Fatal("the client has ended")
			case event.Event != "ping":
				return event
			}
			c.pings++
		case <-timeout:
			c.t.Fatal("the client hears nothing")
		}
	}
}

// want checks the next event and returns its arguments. "..." stands for any
// text, and a UUID for one that the server has made.
func (c *socketIOClient) want(ids transcript.Bindings, event string, args ...string) []json.RawMessage {
	c.t.Helper()
	got := c.hear()
	if got.Event != event || len(args) > 0 && len(got.Args) != len(args) {
		c.t.Fatalf("the client hears %v, expected %s %s", got, event, args)
	}
	for i, arg := range args {
		want, have := `{"argument":`+arg+`}`, `{"argument":`+string(got.Args[i])+`}`
		if err := ids.Match(want, have); err != nil {
			c.t.Fatalf("the client hears %v, expected %s %s: %v", got, event, args, err)
		}
	}
	return got.Args
}

// wantPings waits for so many heartbeats, and for nothing else.
func (c *socketIOClient) wantPings(n int) {
	c.t.Helper()
	timeout := time.After(e2e.Patience)
	for c.pings = 0; c.pings < n; {
		select {
		case event := <-c.events:
			if event.Event != "ping" {
				c.t.Fatalf("the client hears %v between heartbeats", event)
			}
			c.pings++
		case <-timeout:
			c.t.Fatalf("%d heartbeats came, expected %d", c.pings, n)
		}
	}
}

// Two pages meet in a room.
func TestSocketIORoom(t *testing.T) {
	forEachSocketIOClient(t, func(t *testing.T, connect func(*e2e.Server, string) *socketIOClient) {
		s := e2e.Start(t, "-ping-interval", "3s", "-pong-timeout", "3s")
		ids := transcript.Bindings{}
		ann, bob := connect(s, ""), connect(s, "")
		annID := ann.want(ids, "connect", `"..."`, `"websocket"`)[0]
		bobID := bob.want(ids, "connect", `"..."`, `"websocket"`)[0]

		ann.order(`{"emit":["join",{"room":1234,"name":"ann@example.org"}]}`)
		ann.want(ids, "room_users", `[]`)
		ann.order(`{"emit":["offer",{"sdp":"v=0 dead","type":"offer"}],"ack":true}`)
		ann.want(ids, "ack", `{}`)
		bob.order(`{"emit":["join",{"room":"1234","name":"bob@example.org"}],"ack":true}`)
		bob.want(ids, "room_users", `[{"id":`+string(annID)+`,"name":"ann@example.org"}]`)
		bob.want(ids, "ack", `{}`)

		bob.order(`{"emit":["offer",{"sdp":"v=0","type":"offer"}]}`)
		ann.want(ids, "getOffer", `{"sdp":"v=0","type":"offer"}`)
		bob.order(`{"emit":["candidate",{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0}]}`)
		ann.want(ids, "getCandidate", `{"candidate":"candidate:1","sdpMid":"0","sdpMLineIndex":0}`)
		ann.order(`{"emit":["answer",{"sdp":"v=0","type":"answer"}]}`)
		bob.want(ids, "getAnswer", `{"sdp":"v=0","type":"answer"}`)
		ann.order(`{"emit":["candidate",{"candidate":"candidate:2","sdpMid":"0","sdpMLineIndex":0}]}`)
		bob.want(ids, "getCandidate", `{"candidate":"candidate:2","sdpMid":"0","sdpMLineIndex":0}`)

		cat := connect(s, "")
		cat.want(ids, "connect")
		cat.order(`{"emit":["join",{"room":1234}]}`)
		if args := cat.want(ids, "room_full"); len(args) != 0 {
			t.Errorf("room_full comes with %s", args)
		}

		bob.wantPings(2)
		bob.order(`{"disconnect":true}`)
		bob.want(ids, "disconnect", `"io client disconnect"`)
		ann.want(ids, "user_exit", `{"id":`+string(bobID)+`}`)
		bob.order(`{"connect":true}`)
		bob.want(ids, "connect")
	})
}

// A teacher calls a student. Both say who they are when they connect.
func TestSocketIOTeacher(t *testing.T) {
	forEachSocketIOClient(t, func(t *testing.T, connect func(*e2e.Server, string) *socketIOClient) {
		s := e2e.Start(t)
		ids := transcript.Bindings{}
		const call = `"5f0c2a1e-8d53-4b7a-9c1f-3e2d4b6a7c01"`
		tina := connect(s, `{"userID":"tina","role":"TEACHER"}`)
		tina.want(ids, "connect", `"..."`, `"websocket"`)
		tina.want(ids, "login", `{"success":true,"name":"tina","role":"teacher"}`)
		sam := connect(s, `{"userID":"sam","role":"STUDENT"}`)
		sam.want(ids, "connect")
		sam.want(ids, "login", `{"success":true,"name":"sam","role":"student"}`)

		tina.order(`{"emit":["request-call",{"userID":"nobody","sdp":{"type":"offer","sdp":"v=0"}}],"ack":true}`)
		refusal := `{"code":"no-such-user","message":"...","request":"request-call","name":"nobody"}`
		tina.want(ids, "error", refusal)
		tina.want(ids, "ack", refusal)

		tina.order(`{"emit":["request-call",{"userID":"sam","sdp":{"type":0,"sdp":"v=0"}}],"ack":true}`)
		sam.want(ids, "request-call", `{"callID":`+call+`,"sdp":{"type":"offer","sdp":"v=0"},"name":"tina"}`)
		tina.want(ids, "ringing", `{"callID":`+call+`,"name":"sam"}`)
		tina.want(ids, "ack", `{"callID":`+call+`}`)
		sam.order(`{"emit":["respond-call",{"callID":%s,"sdp":{"type":"answer","sdp":"v=0"}}]}`, ids.Real(call))
		tina.want(ids, "respond-call", `{"callID":`+call+`,"sdp":{"type":"answer","sdp":"v=0"},"name":"sam"}`)
		tina.want(ids, "call-created", `{"callID":`+call+`,"name":"sam"}`)
		sam.want(ids, "call-created", `{"callID":`+call+`,"name":"tina"}`)
		for _, pair := range [][2]*socketIOClient{{tina, sam}, {sam, tina}} {
			pair[0].order(`{"emit":["new-answer-ice-candidate",{"callID":%s,"candidate":{"candidate":"candidate:1","sdpMid":"0"}}]}`, ids.Real(call))
			pair[1].want(ids, "new-ice-candidate", `{"callID":`+call+`,"candidate":"candidate:1","sdpMid":"0"}`)
		}
		sam.order(`{"disconnect":true}`)
		tina.want(ids, "leave", `{"callID":`+call+`,"name":"sam","reason":"gone"}`)

		// A name in use refuses whoever connects with it, and nobody else.
		twin := connect(s, `{"userID":"tina"}`)
		twin.want(ids, "connect_error", `"tina is signed in already"`, `{"code":"name-taken"}`)
	})
}

// Clients come back by themselves after a restart, and are who they were.
func TestSocketIORestart(t *testing.T) {
	forEachSocketIOClient(t, func(t *testing.T, connect func(*e2e.Server, string) *socketIOClient) {
		ids := transcript.Bindings{}
		address := fmt.Sprintf("127.0.0.1:%d", e2e.FreePort(t))
		s := startAt(t, address)
		ann := connect(s, `{"name":"ann"}`)
		ann.want(ids, "connect")
		ann.want(ids, "login", `{"success":true,"name":"ann"}`)
		s.Stop()
		ann.want(ids, "disconnect", `"transport close"`)

		startAt(t, address)
		event := ann.hear()
		for ; event.Event == "connect_error"; event = ann.hear() {
			// it has tried too early
		}
		if event.Event != "connect" {
			t.Fatalf("the client hears %v, expected connect", event)
		}
		ann.want(ids, "login", `{"success":true,"name":"ann"}`)
	})
}

func startAt(t *testing.T, address string) *e2e.Server {
	t.Helper()
	s := e2e.Launch(t, nil, "-listen", address)
	s.FindAddress()
	s.WaitReady()
	return s
}

// Two pages of one server meet in a room of another, which they may.
func TestSocketIOPages(t *testing.T) {
	for _, name := range e2e.SocketIOClients {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			copyFile(t, "testdata/socketio/room.html", filepath.Join(dir, "index.html"))
			copyFile(t, filepath.Join(e2e.NodePackage(t, name), "dist", "socket.io.js"), filepath.Join(dir, "socket.io", "socket.io.js"))
			home := e2e.Start(t, "-static", dir)
			away := e2e.Start(t, "-origins", home.URL)
			address := home.URL + "?server=" + url.QueryEscape(away.URL)

			ann, bob := e2e.OpenPage(t, address), e2e.OpenPage(t, address)
			ann.Name, bob.Name = "ann", "bob"
			for _, p := range []*e2e.Page{ann, bob} {
				e2e.Until[bool](p, "its WebSocket", `transport() === "websocket"`)
				e2e.Value[bool](p, `say("join", { room: 1234, name: "`+p.Name+`" })`)
				e2e.Until[bool](p, "the room", `heard.some(([event]) => event === "room_users")`)
			}
			e2e.Value[bool](bob, `say("offer", { type: "offer", sdp: "v=0" })`)
			e2e.Until[bool](ann, "the offer", `heard.some(([event, offer]) => event === "getOffer" && offer.sdp === "v=0")`)
			e2e.Value[bool](ann, `say("answer", { type: "answer", sdp: "v=0" })`)
			e2e.Until[bool](bob, "the answer", `heard.some(([event, answer]) => event === "getAnswer" && answer.type === "answer")`)
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A proxy that passes no WebSocket, as nginx does unless told otherwise: the
// client hears why it cannot connect, and the log names the proxy, once.
func TestSocketIOWithoutWebSocket(t *testing.T) {
	node := e2e.Program(t, "node")
	e2e.Nginx(t)
	for _, name := range e2e.SocketIOClients {
		t.Run(name, func(t *testing.T) {
			s := e2e.StartUnix(t, filepath.Join(t.TempDir(), "http.sock"))
			p := e2e.StartNginx(t, s, "proxy_set_header Upgrade $http_upgrade;", "", "proxy_set_header Connection $switchboard_connection;", "")
			options := `{"path":"/call/socket.io/","rejectUnauthorized":false,"auth":{"userID":"ann"}}`
			ann := startSocketIOClient(t, node, e2e.NodePackage(t, name), p.URL, options)
			event := ann.hear()
			if event.Event != "connect_error" || !strings.Contains(string(event.Args[0]), "a proxy in between has to pass on the headers Upgrade and Connection") {
				t.Errorf("the client hears %v", event)
			}
			const line = `msg="no WebSocket comes through: `
			s.Wait(regexp.MustCompile(line + `.*peer="unix socket".*`))
			if n := strings.Count(s.Printed.String(), line); n != 1 {
				t.Errorf("the log says it %d times", n)
			}
		})
	}
}
