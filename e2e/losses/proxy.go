package losses

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// A proxy is the network between a page and the server, which can be cut.
type proxy struct {
	url    string // of the page, by way of the proxy
	target string
	mu     sync.Mutex
	whole  chan struct{} // closed while the network is whole
	conns  map[net.Conn]bool
}

// startProxy returns a network to the server whose page has this address.
func startProxy(t *testing.T, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		url:    "http://" + l.Addr().String() + "/",
		target: strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"),
		whole:  make(chan struct{}),
		conns:  map[net.Conn]bool{},
	}
	close(p.whole)
	t.Cleanup(func() { l.Close(); p.mend() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// cut has the network pass nothing on, without a word: nobody is told.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole = make(chan struct{})
}

// sever breaks the connections that there are.
func (p *proxy) sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// mend has the network pass on new connections. Those from before are broken.
func (p *proxy) mend() {
	p.sever()
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.whole:
	default:
		close(p.whole)
	}
}

func (p *proxy) serve(c net.Conn) {
	defer c.Close()
	p.keep(c)
	p.wait()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.keep(server)
	go p.pass(server, c)
	p.pass(c, server)
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
}

func (p *proxy) wait() {
	p.mu.Lock()
	whole := p.whole
	p.mu.Unlock()
	<-whole
}

// pass copies while the network is whole, and closes both ends afterwards.
func (p *proxy) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.wait()
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
