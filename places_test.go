package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"switchboard/internal/conn"
	"switchboard/internal/transcript"
)

// from makes a client come from an address, if the stage's own is trusted.
func from(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }

// forwards are the flags with which the stage's clients choose their addresses.
const forwards = "-trusted-proxies 192.0.2.2 "

// Whoever comes again and again to be refused takes no place from others.
func TestRefusedConnectionsTakeNoPlace(t *testing.T) {
	onStage(t, forwards+"-max-connections 10 -max-connections-per-ip 5", func(t *testing.T, s *stage) {
		for i := range 130 {
			s.Connect(fmt.Sprintf("eve%d", i), "/", from("203.0.113.66"))
		}
		for i := range 5 {
			s.Connect("ann", "/", from(fmt.Sprintf("203.0.113.%d", i)))
			if event, ok := s.Next("ann"); ok {
				t.Fatalf("ann hears %v", event)
			}
		}
		// Ten are in, five of them eve's.
		s.Connect("bob", "/", from("203.0.113.100"))
		s.wantClosed("bob", websocket.CloseTryAgainLater, 0)
		for i := range 130 {
			event, _ := s.Next(fmt.Sprintf("eve%d", i))
			want := transcript.Event{Kind: transcript.Closed, Code: websocket.CloseTryAgainLater, Text: "too many connections"}
			if i < 5 {
				want = transcript.Event{}
			}
			if event != want {
				t.Fatalf("the connection %d of one address hears %v, want %v", i, event, want)
			}
		}
		s.Close("ann")
		s.Pass(time.Second)
		s.Connect("bob", "/", from("203.0.113.100"))
		if event, ok := s.Next("bob"); ok {
			t.Errorf("bob hears %v when there is room again", event)
		}
	})
}

// Whoever is refused and does not go is gone after the time of a farewell.
// Meanwhile there are so many of them, of one address and in all.
func TestRefusedConnectionsAreBounded(t *testing.T) {
	for of, tt := range map[string]struct {
		address string
		most    int
	}{
		"one address":    {"203.0.113.66", maxRefusedOfSubnet},
		"many addresses": {"203.0.%d.%d", maxRefused},
	} {
		t.Run(of, func(t *testing.T) {
			onStage(t, forwards+"-max-connections 1", func(t *testing.T, s *stage) {
				s.Connect("ann", "/", from("203.0.113.1"))
				knock := func(i int) string {
					address := tt.address
					if strings.Contains(address, "%") {
						address = fmt.Sprintf(address, i/250, i%250)
					}
					return s.raw("GET / HTTP/1.1\r\nHost: localhost:9090\r\nX-Forwarded-For: " + address + "\r\n" + handshakeFields + "\r\n")
				}
				for i := range tt.most {
					if answer := knock(i); !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
						t.Fatalf("the connection %d is answered %q", i, answer)
					}
				}
				for i := range 3 {
					answer := knock(tt.most + i)
					if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "Retry-After: 5\r\n") ||
						!strings.Contains(answer, "too many connections") {
						t.Errorf("one too many is answered %q", answer)
					}
				}
				s.Pass(conn.Linger + time.Millisecond)
				if answer := knock(0); !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
					t.Errorf("after the others have gone, one is answered %q", answer)
				}
			})
		})
	}
}

// A stop waits for all, those who are being refused among them.
func TestDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2, 0)
		var taken []place
		for n := range uint32(4) {
			pl, ok := p.take(testSubnet(n))
			if !ok || pl.refused() != (n >= 2) {
				t.Fatalf("the place %d is there: %t, and one of the refused: %t", n, ok, pl.refused())
			}
			taken = append(taken, pl)
		}
		start := time.Now()
		for i, pl := range taken {
			time.AfterFunc(time.Duration(i)*time.Second, pl.leave)
		}
		if err := p.drained(t.Context()); err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("drained after %v: %v", time.Since(start), err)
		}
		p.take(testSubnet(0))
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.drained(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with one left: %v", err)
		}
	})
}

// A proxy that does not say for whom it comes does not make everybody one.
func TestUnknownAddressesAreNotOne(t *testing.T) {
	for _, address := range []string{"unknown", "_hidden", ""} {
		onStage(t, forwards+"-max-connections-per-ip 1 -max-connections 3", func(t *testing.T, s *stage) {
			for _, name := range []string{"ann", "bob", "cyd"} {
				s.Connect(name, "/", from(address))
				if event, ok := s.Next(name); ok {
					t.Errorf("%s of address %q hears %v", name, address, event)
				}
			}
			s.Connect("dan", "/", from(address))
			s.wantClosed("dan", websocket.CloseTryAgainLater, 0)
		})
	}
	onStage(t, forwards+"-max-connections-per-ip 1", func(t *testing.T, s *stage) {
		s.Connect("ann", "/", from("203.0.113.1:5000"))
		s.Connect("bob", "/", from("203.0.113.2:5000"))
		if event, ok := s.Next("bob"); ok {
			t.Errorf("bob hears %v", event)
		}
		s.Connect("eve", "/", from("203.0.113.1:5001"))
		s.wantClosed("eve", websocket.CloseTryAgainLater, 0)
	})
}
