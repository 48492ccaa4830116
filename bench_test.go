package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"log/slog"
)

var (
	benchCandidate = `{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.7 rport 46154 generation 0 ufrag Q2Cr network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"Q2Cr"}`
	benchOffer     = `{"type":"offer","sdp":"v=0\r\n` + strings.Repeat(`a=rtpmap:111 opus/48000/2\r\n`, 140) + `"}`
)

// BenchmarkHubCandidate is one step of the hub, the relay of a candidate,
// among 10,000 clients in 5,000 calls.
func BenchmarkHubCandidate(b *testing.B) {
	ht := newHubTester(b)
	callers := make([]*Client, 5000)
	for i := range callers {
		pair := [2]*Client{}
		for j := range pair {
			via := &testCarrier{limit: 1 << 20}
			ht.hub.handle(clientConnected{via, 0})
			pair[j] = ht.hub.clients[via]
			ht.hub.handle(clientAsked{via, nativeProfile, Request{Word: "login", Command: Login{Name: *nameOf(fmt.Sprintf("user%d-%d", i, j))}}})
		}
		ht.hub.handle(clientAsked{pair[0].via, nativeProfile, Request{Word: "offer", Command: Offer{To: toName(pair[1].name.Text), SDP: sdp}}})
		ht.hub.handle(clientAsked{pair[1].via, nativeProfile, Request{Word: "answer", Command: Answer{SDP: sdp}}})
		callers[i] = pair[0]
	}
	steps := make([]any, len(callers))
	for i, c := range callers {
		to := toName(c.calls[0].callee.name.Text)
		steps[i] = clientAsked{c.via, nativeProfile, Request{Word: "candidate", Command: Candidate{To: to, Candidate: json.RawMessage(benchCandidate)}}}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ht.hub.handle(steps[i%len(steps)])
		if i%len(steps) == 0 {
			b.StopTimer()
			for _, c := range callers {
				carrierOf(c.calls[0].callee.Client).empty()
			}
			b.StartTimer()
		}
	}
}

// BenchmarkHubUsers is one step of the hub, a users list, among 10,000 students
// and a teacher. It costs what is in the list, and not who is there.
func BenchmarkHubUsers(b *testing.B) {
	ht := newHubTester(b)
	signIn := func(name, role string) *Client {
		via := &testCarrier{limit: 1 << 20}
		ht.hub.handle(clientConnected{via, 0})
		c := ht.hub.clients[via]
		ht.hub.handle(clientAsked{c.via, nativeProfile, Request{Word: "login", Command: Login{Name: *nameOf(name), Role: role}}})
		return c
	}
	asking := map[string]*Client{"teacher": signIn("tina", "teacher"), "student": signIn("sam", "student")}
	for i := range 10_000 {
		signIn(fmt.Sprintf("user%d", i), "student")
	}
	for role, c := range asking {
		b.Run(role, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ht.hub.handle(clientAsked{c.via, nativeProfile, Request{Word: "users", Command: ListUsers{}}})
				carrierOf(c).empty()
			}
		})
	}
}

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

// BenchmarkRelay sends candidates from one client to another through the
// whole server over loopback, one at a time and eight in flight.
func BenchmarkRelay(b *testing.B) {
	for _, inFlight := range []int{1, 8} {
		b.Run(fmt.Sprintf("inFlight%d", inFlight), func(b *testing.B) { benchmarkRelay(b, inFlight) })
	}
}

func benchmarkRelay(b *testing.B, inFlight int) {
	cfg := defaultConfig()
	cfg.rate, _ = parseRate("0")
	srv, err := newServer(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv.start()
	go srv.serve(l)
	b.Cleanup(func() { srv.shutdown(b.Context()) })

	dial := func(frames ...string) *websocket.Conn {
		ws, _, err := websocket.DefaultDialer.Dial("ws://"+l.Addr().String(), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { ws.Close() })
		for _, frame := range frames {
			ws.WriteMessage(websocket.TextMessage, []byte(frame))
			read(b, ws)
		}
		return ws
	}
	bob := dial(`{"type":"login","name":"bob"}`)
	ann := dial(`{"type":"login","name":"ann"}`)
	ann.WriteMessage(websocket.TextMessage, []byte(`{"type":"offer","name":"bob","offer":`+benchOffer+`}`))
	read(b, bob)
	bob.WriteMessage(websocket.TextMessage, []byte(`{"type":"answer","answer":`+benchOffer+`}`))
	read(b, ann)

	candidate := []byte(`{"type":"candidate","candidate":` + benchCandidate + `,"name":"bob"}`)
	b.ReportAllocs()
	for b.Loop() {
		for range inFlight {
			ann.WriteMessage(websocket.TextMessage, candidate)
		}
		for range inFlight {
			read(b, bob)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*inFlight), "ns/candidate")
}

func read(tb testing.TB, ws *websocket.Conn) []byte {
	_, frame, err := ws.ReadMessage()
	if err != nil {
		tb.Fatal(err)
	}
	return frame
}
