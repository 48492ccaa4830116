// Relay is a bare signalling relay: the yardstick that the servers under load
// are compared with. It knows who is signed in and passes frames on as they
// are. It validates nothing, bounds nothing, pings nobody and holds no state
// of a call, so its cost is that of the sockets, of Go's scheduler and of
// gorilla/websocket. Do not run it anywhere but on a loopback interface.
package main

import (
	"bytes"
	"flag"
	"log"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9091", "address to listen on")
	flag.Parse()
	r := &relay{conns: map[string]*conn{}}
	log.Fatal(http.ListenAndServe(*listen, r))
}

// relay knows the connections by the names that they signed in with.
type relay struct {
	mu    sync.RWMutex
	conns map[string]*conn
}

// upgrader borrows write buffers from a pool, so that an idle connection
// holds none, and takes over the read buffer of net/http.
var upgrader = websocket.Upgrader{WriteBufferPool: &sync.Pool{}}

// ServeHTTP leaves the reading to a goroutine of its own: the request and the
// grown stack of the handler are then free while the connection lives.
func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ws, err := upgrader.Upgrade(w, req, nil)
	if err != nil {
		return // Upgrade has answered
	}
	go r.serve(&conn{ws: ws})
}

// conn is one client. Only its own goroutine reads from it; everybody who has
// something for it writes.
type conn struct {
	ws      *websocket.Conn
	name    string // set by a login, and used by its own goroutine only
	message bytes.Buffer

	mu sync.Mutex // held while a frame is written
}

func (r *relay) serve(c *conn) {
	defer r.remove(c)
	for {
		_, frame, err := c.ws.NextReader()
		if err != nil {
			return
		}
		c.message.Reset()
		if _, err := c.message.ReadFrom(frame); err != nil {
			return
		}
		r.pass(c, c.message.Bytes())
	}
}

var (
	typeKey  = []byte(`"type":"`)
	nameKey  = []byte(`"name":"`)
	accepted = []byte(`{"type":"login","success":true}`)
	refused  = []byte(`{"type":"login","success":false}`)
)

// pass obeys a login and hands anything else to the party that it names.
func (r *relay) pass(c *conn, message []byte) {
	name := valueOf(message, nameKey)
	if string(valueOf(message, typeKey)) == "login" {
		c.write(r.login(c, string(name)))
		return
	}
	r.mu.RLock()
	to := r.conns[string(name)]
	r.mu.RUnlock()
	if to != nil {
		to.write(message)
	}
}

func (r *relay) login(c *conn, name string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns[name] != nil {
		return refused
	}
	r.conns[name], c.name = c, name
	return accepted
}

func (r *relay) remove(c *conn) {
	r.mu.Lock()
	if r.conns[c.name] == c {
		delete(r.conns, c.name)
	}
	r.mu.Unlock()
	c.ws.Close()
}

// write waits for as long as the socket does not take the frame. A connection
// that fails is noticed by its own goroutine.
func (c *conn) write(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ws.WriteMessage(websocket.TextMessage, frame)
}

// valueOf returns the string that follows a key, found without parsing.
func valueOf(message, key []byte) []byte {
	at := bytes.Index(message, key)
	if at < 0 {
		return nil
	}
	value := message[at+len(key):]
	end := bytes.IndexByte(value, '"')
	if end < 0 {
		return nil
	}
	return value[:end]
}
