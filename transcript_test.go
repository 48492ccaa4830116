package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/memnet"
	"switchboard/internal/transcript"
)

// TestTranscripts plays every written conversation to the whole server:
// net/http, gorilla/websocket, the hub. Its network is in memory and its clock
// stands still while anything is left to do, so a timeout of an hour takes no
// time, and whatever a transcript does not mention has not been sent. A bubble
// does not end before its goroutines have, so none is left behind either.
func TestTranscripts(t *testing.T) {
	for _, file := range transcripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			script, err := transcript.Parse(file, readText(t, file))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, script.Flags)
				defer s.leave()
				if err := script.Play(s); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func transcripts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	return files
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A stage is a server in a synctest bubble, and those who talk to it.
type stage struct {
	t        *testing.T
	server   *Server
	log      testLog
	listener *memnet.Listener
	running  sync.WaitGroup // listening clients, and shutdown
	stop     func()
	clients  []*stageClient
}

// A stageClient reads all the time, and so answers pings, as browsers do.
type stageClient struct {
	name string
	conn *memnet.Conn
	ws   *websocket.Conn // nil if it was refused

	mu    sync.Mutex
	heard []transcript.Event
	left  bool // by its own doing: what comes now, it does not hear
}

// stageWindow is as much as a socket may well hold.
const stageWindow = 64 << 10

func newStage(t *testing.T, flags []string) *stage {
	t.Helper()
	cfg, err := parseConfig(flags, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, listener: memnet.NewListener()}
	server, err := newServer(cfg, s.log.logger(cfg.logLevel))
	if err != nil {
		t.Fatal(err)
	}
	server.conns.FirstPing = func() time.Duration { return cfg.pingInterval }
	s.server = server
	s.stop = sync.OnceFunc(func() { s.running.Go(s.shutDown) })
	server.start()
	go server.serve(s.listener)
	return s
}

func (s *stage) shutDown() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.server.shutdown(ctx); err != nil {
		s.t.Errorf("shutdown: %v", err)
	}
}

// leave ends everything. If anything does not end, the bubble complains.
func (s *stage) leave() {
	for _, c := range s.clients {
		c.conn.Close()
	}
	s.stop()
	s.running.Wait()
}

func (s *stage) Connect(client, path string, header http.Header) error {
	c := &stageClient{name: client}
	for _, values := range header {
		values[0] = withTokens(values[0])
	}
	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
		c.conn, err = s.listener.Dial(ctx, stageWindow)
		return c.conn, err
	}}
	ws, answer, err := dialer.Dial("ws://localhost:9090"+withTokens(path), header)
	switch {
	case err == nil:
		c.ws = ws
		s.running.Go(c.listen)
	case answer != nil:
		c.hear(transcript.Event{Kind: transcript.Refused, Code: answer.StatusCode})
	default:
		return err
	}
	s.clients = append(s.clients, c)
	return nil
}

func (s *stage) Send(client string, frame []byte, binary bool) error {
	c, err := s.connected(client)
	switch {
	case err != nil:
		return err
	case binary:
		return c.ws.WriteMessage(websocket.BinaryMessage, frame)
	}
	return c.ws.WriteMessage(websocket.TextMessage, []byte(withTokens(string(frame))))
}

func (s *stage) Close(client string) error {
	c, err := s.connected(client)
	if err != nil {
		return err
	}
	c.leave()
	return c.ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}

func (s *stage) Drop(client string) error {
	c, err := s.connected(client)
	if err != nil {
		return err
	}
	c.leave()
	return c.conn.Close()
}

func (s *stage) Stall(client string) error {
	c, err := s.connected(client)
	if err != nil {
		return err
	}
	c.conn.Suspend()
	return nil
}

func (s *stage) Stop()                { s.stop() }
func (s *stage) Pass(d time.Duration) { time.Sleep(d) }

func (s *stage) Next(client string) (transcript.Event, bool) {
	synctest.Wait()
	if c := s.client(client); c != nil {
		return c.next()
	}
	return transcript.Event{}, false
}

func (s *stage) Unread() (string, transcript.Event, bool) {
	synctest.Wait()
	for _, c := range s.clients {
		if event, ok := c.next(); ok {
			return c.name, event, true
		}
	}
	return "", transcript.Event{}, false
}

// client returns the latest connection of that name, nil if there is none.
func (s *stage) client(name string) *stageClient {
	for _, c := range slices.Backward(s.clients) {
		if c.name == name {
			return c
		}
	}
	return nil
}

// connected returns the latest connection of that name if it is a WebSocket.
func (s *stage) connected(name string) (*stageClient, error) {
	if c := s.client(name); c != nil && c.ws != nil {
		return c, nil
	}
	return nil, errors.New(name + " is not connected")
}

func (c *stageClient) listen() {
	defer c.conn.Close()
	for {
		_, frame, err := c.ws.ReadMessage()
		if err != nil {
			c.hear(closedBy(err))
			return
		}
		c.hear(transcript.Event{Kind: transcript.Frame, Text: string(frame)})
	}
}

// closedBy says how a connection ended; without a close frame it is 1006.
func closedBy(err error) transcript.Event {
	event := transcript.Event{Kind: transcript.Closed, Code: websocket.CloseAbnormalClosure}
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		event.Code, event.Text = closed.Code, closed.Text
	}
	return event
}

func (c *stageClient) hear(event transcript.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.left {
		c.heard = append(c.heard, event)
	}
}

func (c *stageClient) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = true
}

func (c *stageClient) next() (transcript.Event, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heard) == 0 {
		return transcript.Event{}, false
	}
	event := c.heard[0]
	c.heard = c.heard[1:]
	return event, true
}

// A testLog is what has been logged, without its times.
type testLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns what was logged since it was asked last.
func (l *testLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

// logger writes what is worth a line at that level.
func (l *testLog) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
}

// wantLines checks what was logged since it was looked at last.
func (l *testLog) wantLines(t *testing.T, want ...string) {
	t.Helper()
	if got := l.lines(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// onStage runs a test against a whole server in fake time.
func onStage(t *testing.T, flags string, play func(t *testing.T, s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, strings.Fields(flags))
		defer s.leave()
		play(t, s)
	})
}

// signIn connects a client and signs it in.
func (s *stage) signIn(name string) *stageClient {
	s.t.Helper()
	if err := s.Connect(name, "/", nil); err != nil {
		s.t.Fatal(err)
	}
	s.do(name, fmt.Sprintf(`{"type":"login","name":%q}`, name))
	s.Next(name)
	c, err := s.connected(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *stage) do(client, frame string) {
	s.t.Helper()
	if err := s.Send(client, []byte(frame), false); err != nil {
		s.t.Fatal(err)
	}
}

// talk signs two people in and puts them in a call.
func (s *stage) talk(caller, callee string) (a, b *stageClient) {
	s.t.Helper()
	a, b = s.signIn(caller), s.signIn(callee)
	s.do(caller, fmt.Sprintf(`{"type":"offer","name":%q,"offer":"an offer"}`, callee))
	s.Next(callee)
	s.do(callee, `{"type":"answer","answer":"an answer"}`)
	s.Next(caller)
	return a, b
}

func (s *stage) wantClosed(client string, code int, within time.Duration) {
	s.t.Helper()
	time.Sleep(within)
	for {
		event, ok := s.Next(client)
		if !ok {
			s.t.Fatalf("%s is still connected after %v", client, within)
		}
		if event.Kind != transcript.Closed {
			continue
		}
		if event.Code != code {
			s.t.Fatalf("%s is closed with %d %q, want %d", client, event.Code, event.Text, code)
		}
		return
	}
}
