//go:build linux

package main

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
)

// TestMain makes the test binary a faulty server when it is started with a
// fault and an address: the tests do so, to see that each fault is noticed.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && !strings.HasPrefix(os.Args[1], "-") {
		f := &faultyRelay{fault: os.Args[1], conns: map[string]*websocket.Conn{}, held: map[string][]byte{}}
		panic(http.ListenAndServe(os.Args[2], f))
	}
	os.Exit(m.Run())
}

// faultyRelay is a relay that mistreats every tenth candidate. It does one
// thing at a time.
type faultyRelay struct {
	fault string

	mu         sync.Mutex
	conns      map[string]*websocket.Conn
	candidates int
	held       map[string][]byte // by addressee, until the next one
}

func (f *faultyRelay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if f.fault == "refuse" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	ws, err := (&websocket.Upgrader{}).Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		_, message, err := ws.ReadMessage()
		if err != nil {
			return
		}
		f.pass(ws, message)
	}
}

func (f *faultyRelay) pass(from *websocket.Conn, message []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, rest, _ := strings.Cut(string(message), `"name":"`)
	name, _, _ := strings.Cut(rest, `"`)
	switch wordOf(message) {
	case wordLogin:
		f.conns[name] = from
		send(from, `{"type":"login","success":true}`)
	case wordCandidate:
		f.candidates++
		f.mistreat(from, name, message)
	default:
		f.send(name, message)
	}
}

func (f *faultyRelay) mistreat(from *websocket.Conn, name string, message []byte) {
	tenth := f.candidates%10 == 0
	switch {
	case tenth && f.fault == "swap":
		f.held[name] = message
		return
	case tenth && f.fault == "drop":
		return
	case tenth && f.fault == "double":
		f.send(name, message)
	case tenth && f.fault == "stray":
		send(from, string(message))
	case tenth && f.fault == "complain":
		send(from, `{"type":"error","message":"I do not like it"}`)
	case tenth && f.fault == "close":
		from.Close()
	case tenth && f.fault == "die":
		os.Exit(3)
	}
	f.send(name, message)
	if held, ok := f.held[name]; ok {
		f.send(name, held)
		delete(f.held, name)
	}
}

func (f *faultyRelay) send(name string, message []byte) {
	if to := f.conns[name]; to != nil {
		send(to, string(message))
	}
}

func send(to *websocket.Conn, message string) {
	to.WriteMessage(websocket.TextMessage, []byte(message))
}
